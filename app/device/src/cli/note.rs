//! `tsutsuji-device note …`

use super::{CliError, Output, json};
use crate::error::DeviceError;
use crate::phone::Phone;
use clap::Subcommand;
use jiff::Timestamp;
use record::visit_note::{FIELDS, Field, FieldKind, TEXT_FIELDS};
use record::{DocumentId, PatientId, VisitId};
use serde::Serialize;
use std::io::Read;

#[derive(Subcommand)]
pub enum NoteCommand {
    /// Open the note of a visit; without --visit today's only planned one of the patient by this nurse, else an unplanned one
    #[command(
        after_help = "Example: tsutsuji-device note start --patient p-000001 --vault a.vault --pin-file pin --json"
    )]
    Start {
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        visit: Option<VisitId>,
    },
    /// Write one value
    #[command(after_help = "Example: tsutsuji-device note set NOTE temperature_c 36.5 --vault a.vault --pin-file pin")]
    Set {
        note: DocumentId,
        field: String,
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Say that something was not measured, and why
    #[command(
        after_help = "Example: tsutsuji-device note unmeasured NOTE weight_kg --reason 拒否 --vault a.vault --pin-file pin"
    )]
    Unmeasured {
        note: DocumentId,
        field: String,
        #[arg(long)]
        reason: String,
    },
    /// Write a text: the whole new one on standard input
    #[command(
        after_help = "Example: echo 下肢浮腫あり | tsutsuji-device note text NOTE condition --vault a.vault --pin-file pin"
    )]
    Text { note: DocumentId, field: String },
    /// Confirm (確定): freeze and sign; works offline
    #[command(after_help = "Example: tsutsuji-device note confirm NOTE --vault a.vault --pin-file pin")]
    Confirm { note: DocumentId },
    /// One note, whole
    #[command(after_help = "Example: tsutsuji-device note show NOTE --vault a.vault --pin-file pin --json")]
    Show { note: DocumentId },
    /// The notes on this device, latest first
    #[command(after_help = "Example: tsutsuji-device note list --vault a.vault --pin-file pin --json")]
    List,
    /// Every field of a note with its type, unit, range and label (needs no vault)
    #[command(after_help = "Example: tsutsuji-device note fields --json")]
    Fields,
}

pub fn run(phone: &Phone, command: NoteCommand, out: &Output, now: Timestamp) -> Result<(), CliError> {
    let done = |note: DocumentId, word: &'static str| {
        out.say(&serde_json::json!({ "note": note }), |_| format!("{word}: {note}"))
    };
    match command {
        NoteCommand::Start { patient, visit } => done(phone.start_note(&patient, visit, now)?, "note"),
        NoteCommand::Set { note, field, value } => {
            phone.set_field(note, &field, &value, now)?;
            done(note, "saved on this device")
        }
        NoteCommand::Unmeasured { note, field, reason } => {
            phone.set_unmeasured(note, &field, &reason, now)?;
            done(note, "saved on this device")
        }
        NoteCommand::Text { note, field } => {
            let mut typed = String::new();
            std::io::stdin().take(1 << 20).read_to_string(&mut typed).map_err(|_| DeviceError::Stdin)?;
            phone.replace_text(note, &field, typed.trim_end_matches('\n'), now)?;
            done(note, "saved on this device")
        }
        NoteCommand::Confirm { note } => {
            phone.confirm_note(note, now)?;
            done(note, "confirmed")
        }
        NoteCommand::Show { note } => {
            let shown = phone.show_note(note)?;
            out.say(&json::NoteWhole::from(&shown), |n| {
                serde_json::to_string_pretty(n).unwrap_or_else(|_| n.note.to_string())
            })
        }
        NoteCommand::List => {
            let rows = phone.note_rows(None)?;
            out.list(&rows.iter().map(json::NoteListed::from).collect::<Vec<_>>(), |n| {
                format!("{}  {}  {:?}", n.note, n.patient, n.state).to_lowercase()
            })
        }
        NoteCommand::Fields => fields(out),
    }
}

#[derive(Serialize)]
struct FieldShown {
    field: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    characters: Option<usize>,
    label: &'static str,
    label_en: &'static str,
}

/// `note fields`: the catalogue, no vault needed.
pub fn fields(out: &Output) -> Result<(), CliError> {
    let rows: Vec<FieldShown> = FIELDS.iter().chain(TEXT_FIELDS).map(shown).collect();
    out.list(&rows, |f| {
        let range = f.range.map(|[low, high]| format!("{low}–{high}")).unwrap_or_default();
        format!("{:22} {:8} {:10} {:6} {}", f.field, f.r#type, range, f.unit.unwrap_or(""), f.label)
    })
}

fn shown(field: &Field) -> FieldShown {
    let mut row = FieldShown {
        field: field.name,
        r#type: "text",
        unit: None,
        range: None,
        choices: None,
        characters: None,
        label: field.label_ja,
        label_en: field.label_en,
    };
    match field.kind {
        FieldKind::Number(range) => {
            row.r#type = "number";
            row.unit = Some(range.unit);
            row.range = Some([range.hard.0, range.hard.1]);
        }
        FieldKind::Steps(steps) => {
            row.r#type = "number";
            row.choices = Some(steps.iter().map(u16::to_string).collect());
        }
        FieldKind::Choice(choices) => {
            row.r#type = "choice";
            row.choices = Some(choices.iter().map(|c| c.to_string()).collect());
        }
        FieldKind::Flag => row.r#type = "flag",
        FieldKind::Time => row.r#type = "time",
        FieldKind::Date => row.r#type = "date",
        FieldKind::Line => row.r#type = "line",
        FieldKind::Text(limit) => row.characters = Some(limit),
    }
    row
}
