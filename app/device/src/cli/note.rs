//! `tsutsuji-device note …`

use super::{CliError, Output, json};
use crate::error::DeviceError;
use crate::phone::Phone;
use clap::Subcommand;
use jiff::Timestamp;
use record::scales::barthel::Barthel;
use record::visit_note::{Field, FieldKind, FieldValue};
use record::{ChangeHash, ContentHash, DocumentId, Form, PatientId, VisitId};
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
    /// The notes on this device, latest first
    #[command(after_help = "Example: tsutsuji-device note list --vault a.vault --pin-file pin --json")]
    List,
    /// Every field of a note with its type, unit, range and label (needs no vault)
    #[command(after_help = "Example: tsutsuji-device note fields --json")]
    Fields,
    #[command(flatten)]
    Verb(Verb),
}

/// What can be done with a visit note, and alike with the other documents.
#[derive(Subcommand)]
pub enum Verb {
    /// Write one value; an empty one takes a mistaken value away
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
    /// Correct a field of a confirmed note (訂正); an empty VALUE takes it away, `-` reads a text from standard input
    #[command(
        after_help = "Example: tsutsuji-device note amend NOTE temperature_c 36.8 --reason 転記誤り --vault a.vault --pin-file pin"
    )]
    Amend {
        note: DocumentId,
        field: String,
        #[arg(allow_hyphen_values = true)]
        value: String,
        #[arg(long)]
        reason: String,
    },
    /// Take a late edit over into the confirmed note
    #[command(after_help = "Example: tsutsuji-device note accept NOTE AMENDMENT --vault a.vault --pin-file pin")]
    Accept {
        note: DocumentId,
        amendment: ContentHash,
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Leave a late edit out; it stays listed
    #[command(after_help = "Example: tsutsuji-device note decline NOTE AMENDMENT --vault a.vault --pin-file pin")]
    Decline {
        note: DocumentId,
        amendment: ContentHash,
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Say which of several confirmations stands (管理者)
    #[command(
        after_help = "Example: tsutsuji-device note choose NOTE CONFIRMATION --reason 担当者の記録 --vault a.vault --pin-file pin"
    )]
    Choose {
        note: DocumentId,
        confirmation: ContentHash,
        #[arg(long)]
        reason: String,
    },
    /// Close a note with its reason: wrong_patient, duplicate, discarded; --copy-to puts its content into a new note of the right patient
    #[command(
        after_help = "Example: tsutsuji-device note close NOTE --outcome wrong_patient --reason 取り違え --copy-to p-000002 --vault a.vault --pin-file pin"
    )]
    Close {
        note: DocumentId,
        #[arg(long)]
        outcome: String,
        #[arg(long)]
        reason: String,
        #[arg(long, value_name = "PATIENT")]
        copy_to: Option<PatientId>,
    },
    /// Check the signatures under a confirmed note against the hub's list of keys; works offline
    #[command(after_help = "Example: tsutsuji-device note verify NOTE --vault a.vault --pin-file pin --json")]
    Verify { note: DocumentId },
    /// Every version: who wrote what over what; with --from and --to two versions side by side
    #[command(after_help = "Example: tsutsuji-device note history NOTE --vault a.vault --pin-file pin --json")]
    History {
        note: DocumentId,
        #[arg(long, requires = "to")]
        from: Option<ChangeHash>,
        #[arg(long, requires = "from")]
        to: Option<ChangeHash>,
    },
    /// One note, whole
    #[command(after_help = "Example: tsutsuji-device note show NOTE --vault a.vault --pin-file pin --json")]
    Show { note: DocumentId },
}

pub fn run(phone: &Phone, command: NoteCommand, out: &Output, now: Timestamp) -> Result<(), CliError> {
    match command {
        NoteCommand::Start { patient, visit } => done(out, phone.start_note(&patient, visit, now)?, "note"),
        NoteCommand::List => list(out, &phone.note_rows(None)?),
        NoteCommand::Fields => fields(Form::VisitNote, out),
        NoteCommand::Verb(verb) => verb.run(phone, out, now),
    }
}

pub(super) fn done(out: &Output, note: DocumentId, word: &'static str) -> Result<(), CliError> {
    out.say(&serde_json::json!({ "note": note }), |_| format!("{word}: {note}"))
}

pub(super) fn list(out: &Output, rows: &[vault::NoteRow]) -> Result<(), CliError> {
    out.list(&rows.iter().map(json::NoteListed::from).collect::<Vec<_>>(), |n| {
        format!("{}  {}  {:?}", n.note, n.patient, n.state).to_lowercase()
    })
}

pub(super) fn stdin_text() -> Result<String, DeviceError> {
    let mut typed = String::new();
    std::io::stdin().take(1 << 20).read_to_string(&mut typed).map_err(|_| DeviceError::Stdin)?;
    Ok(typed.trim_end_matches('\n').to_string())
}

impl Verb {
    pub(super) fn run(self, phone: &Phone, out: &Output, now: Timestamp) -> Result<(), CliError> {
        let act = |note: DocumentId, act: ContentHash, word: &'static str| {
            out.say(&serde_json::json!({ "note": note, "amendment": act }), |_| format!("{word}: {act}"))
        };
        match self {
            Verb::Set { note, field, value } => {
                phone.set_field(note, &field, &value, now)?;
                done(out, note, "saved on this device")
            }
            Verb::Unmeasured { note, field, reason } => {
                phone.set_unmeasured(note, &field, &reason, now)?;
                done(out, note, "saved on this device")
            }
            Verb::Text { note, field } => {
                phone.replace_text(note, &field, &stdin_text()?, now)?;
                done(out, note, "saved on this device")
            }
            Verb::Confirm { note } => {
                phone.confirm_note(note, now)?;
                done(out, note, "confirmed")
            }
            Verb::Amend { note, field, value, reason } => {
                let value = if value == "-" { stdin_text()? } else { value };
                act(note, phone.amend_note(note, &field, &value, &reason, now)?, "amended")
            }
            Verb::Accept { note, amendment, reason } => {
                phone.decide_amendment(note, amendment, true, &reason, now)?;
                act(note, amendment, "accepted")
            }
            Verb::Decline { note, amendment, reason } => {
                phone.decide_amendment(note, amendment, false, &reason, now)?;
                act(note, amendment, "declined")
            }
            Verb::Choose { note, confirmation, reason } => {
                phone.choose_confirmation(note, confirmation, &reason, now)?;
                act(note, confirmation, "stands")
            }
            Verb::Close { note, outcome, reason, copy_to } => {
                let copy = phone.close_note(note, &outcome, &reason, copy_to.as_ref(), now)?;
                out.say(&serde_json::json!({ "note": note, "copy": copy }), |_| match copy {
                    Some(copy) => format!("closed: {note}; copied to {copy}"),
                    None => format!("closed: {note}"),
                })
            }
            Verb::Verify { note } => {
                let signatures = phone.verify_note(note)?;
                let shown = json::Verified::new(note, &signatures);
                out.say(&shown, |v| v.lines())?;
                if shown.is_sound() { Ok(()) } else { Err(CliError::Unsound(note)) }
            }
            Verb::History { note, from: Some(from), to: Some(to) } => {
                let changes = phone.note_difference(note, from, to)?;
                out.list(&changes, |c| format!("{}: {} → {}", c.field, words(&c.before), words(&c.after)))
            }
            Verb::History { note, .. } => {
                let versions: Vec<json::VersionShown> =
                    phone.note_history(note)?.iter().map(json::VersionShown::from).collect();
                out.list(&versions, |v| v.line())
            }
            Verb::Show { note } => {
                let shown = phone.show_note(note)?;
                let mut whole = json::NoteWhole::from(&shown);
                if shown.row.form == Form::VisitNote {
                    whole.findings = Some(json::FindingsShown::from(&phone.note_findings(note)?));
                }
                if shown.row.form == Form::VisitReport {
                    whole.barthel = Some(json::BarthelShown::from(&Barthel::of_report(&shown.view.fields)));
                }
                out.say(&whole, |n| serde_json::to_string_pretty(n).unwrap_or_else(|_| n.note.to_string()))
            }
        }
    }
}

/// A value as one word on a line.
pub(super) fn words(value: &Option<FieldValue>) -> String {
    value.as_ref().and_then(|value| serde_json::to_string(value).ok()).unwrap_or_else(|| "–".to_string())
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

/// `note fields`, `document fields`: the catalogue, no vault needed.
pub fn fields(form: Form, out: &Output) -> Result<(), CliError> {
    let rows: Vec<FieldShown> = form.fields().iter().map(shown).collect();
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
