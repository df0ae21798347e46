//! `tsutsuji-hub note …`: what the hub holds of the stations' notes.

use super::admin::time;
use super::{Data, Output};
use crate::error::HubError;
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use record::visit_note::confirmed::has_closing;
use record::visit_note::signed::judge;
use record::visit_note::{NoteState, Verdict};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId};
use serde::Serialize;

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Json,
}

#[derive(Subcommand)]
pub enum NoteCommand {
    /// List the visit notes (or the documents of another form), the last changed first
    #[command(after_help = "Example: tsutsuji-hub note list --data hub --json")]
    List {
        /// visit_note, handover, intake_record, care_plan, visit_report
        #[arg(long, default_value = "visit_note")]
        form: Form,
        #[command(flatten)]
        data: Data,
    },
    /// One note whole
    #[command(after_help = "Example: tsutsuji-hub note export NOTE --format json --data hub")]
    Export {
        note: DocumentId,
        #[arg(long, default_value = "json")]
        format: Format,
        #[command(flatten)]
        data: Data,
    },
    /// Check a confirmed note's signature against the hub's list of device keys
    #[command(after_help = "Example: tsutsuji-hub note verify NOTE --data hub")]
    Verify {
        note: DocumentId,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Serialize)]
struct Listed {
    note: DocumentId,
    form: Form,
    station: FacilityId,
    patient: PatientId,
    state: NoteState,
    author: Option<StaffId>,
    /// Written after reassignment: its writer had not heard yet that she no longer has the patient.
    late: bool,
    updated_at: String,
}

#[derive(Serialize)]
struct Verified {
    note: DocumentId,
    verdict: Verdict,
    hash: ContentHash,
    device: DeviceId,
    staff: StaffId,
    received_at: String,
    competing: usize,
    /// The confirmations that do not stand.
    others: Vec<ActVerified>,
    /// What people signed about the note since.
    amendments: Vec<ActVerified>,
}

#[derive(Serialize)]
struct ActVerified {
    amendment: ContentHash,
    verdict: Verdict,
    received_at: String,
}

pub fn run(command: NoteCommand, out: &Output) -> Result<(), HubError> {
    match command {
        NoteCommand::List { form, data } => {
            let rows: Vec<Listed> = data
                .open()?
                .read(|tx| tx.notes())?
                .into_iter()
                .filter(|n| n.form == form)
                .map(|n| Listed {
                    note: n.note,
                    form: n.form,
                    station: n.station,
                    patient: n.patient,
                    state: n.state,
                    author: n.author,
                    late: n.late,
                    updated_at: time(n.updated_at),
                })
                .collect();
            out.list(&rows, |n| {
                let late = if n.late { "  written after reassignment" } else { "" };
                format!("{}  {}  {}  {:?}  {}{late}", n.note, n.station, n.patient, n.state, n.updated_at)
            })
        }
        NoteCommand::Export { note, format: Format::Json, data } => {
            let exported = data.open()?.read(|tx| {
                let view = tx.note_view(note)?.ok_or(HubError::UnknownNote(note))?;
                let (mut acts, _) = tx.acts(note)?;
                let confirmations = tx.confirmations(note)?;
                let hashes: Vec<ContentHash> = confirmations.iter().map(|c| c.signed.hash()).collect();
                let chosen = acts.chosen();
                let stands = confirmations.iter().find(|c| Some(c.signed.hash()) == chosen).or(confirmations.first());
                let frozen = match stands {
                    Some(stands) => {
                        Some(stands.signed.open(note).map_err(|_| HubError::Damaged { table: "confirmation" })?)
                    }
                    None => None,
                };
                if let Some(stands) = stands {
                    acts.stand_on(stands.signed.hash());
                }
                let form = tx.note_form(note)?.unwrap_or_default();
                let confirmed_fields = frozen.as_ref().map(|f| f.fields.clone());
                let (fields, conflicts) = match confirmed_fields.clone() {
                    Some(mut fields) => {
                        let conflicts = acts.correct(form, &mut fields);
                        (fields, conflicts)
                    }
                    None => (view.fields, view.conflicts),
                };
                let closed = if hashes.is_empty() { view.closed } else { has_closing(&fields) };
                Ok(serde_json::json!({
                    "note": note,
                    "form": form,
                    "state": NoteState::of(&hashes, &acts, closed),
                    "about": view.about,
                    "authors": view.authors,
                    "author": frozen.as_ref().map(|f| f.staff.clone()),
                    "confirmed_at": frozen.as_ref().map(|f| f.confirmed_at),
                    "received_at": stands.map(|c| time(c.at)),
                    "fields": fields,
                    "confirmed_fields": confirmed_fields,
                    "conflicts": conflicts,
                    "amendments": acts.amendments(form),
                    "competing": hashes.len().saturating_sub(1),
                }))
            })?;
            out.say(&exported, |value| serde_json::to_string_pretty(value).unwrap_or_default())
        }
        NoteCommand::Verify { note, data } => {
            let verified = data.open()?.read(|tx| {
                tx.note_owner(note)?.ok_or(HubError::UnknownNote(note))?;
                let confirmations = tx.confirmations(note)?;
                let chosen = tx.acts(note)?.0.chosen();
                let stands = confirmations
                    .iter()
                    .find(|c| Some(c.signed.hash()) == chosen)
                    .or(confirmations.first())
                    .ok_or(HubError::NotConfirmed(note))?;
                let keys = tx.device_keys()?;
                let at = |ms| Timestamp::from_millisecond(ms).ok();
                let verdict = match stands.signed.open(note) {
                    Ok(frozen) => judge(&stands.signed.key, frozen.device, &frozen.staff, at(stands.at), &keys),
                    Err(_) => Verdict::Invalid,
                };
                let mut amendments = Vec::new();
                for (signed, received) in tx.acts(note)?.1 {
                    let verdict = match signed.open(note) {
                        Ok(act) => judge(&signed.key, act.device, &act.staff, at(received), &keys),
                        Err(_) => Verdict::Invalid,
                    };
                    amendments.push(ActVerified { amendment: signed.hash(), verdict, received_at: time(received) });
                }
                let mut others = Vec::new();
                for other in confirmations.iter().filter(|c| c.signed.hash() != stands.signed.hash()) {
                    let verdict = match other.signed.open(note) {
                        Ok(frozen) => judge(&other.signed.key, frozen.device, &frozen.staff, at(other.at), &keys),
                        Err(_) => Verdict::Invalid,
                    };
                    others.push(ActVerified { amendment: other.signed.hash(), verdict, received_at: time(other.at) });
                }
                Ok(Verified {
                    others,
                    note,
                    verdict,
                    hash: stands.signed.hash(),
                    device: stands.device,
                    staff: stands.staff.clone(),
                    received_at: time(stands.at),
                    competing: confirmations.len() - 1,
                    amendments,
                })
            })?;
            out.say(&verified, |v| {
                format!(
                    "{}: {} signed by {} on {}",
                    v.note,
                    format!("{:?}", v.verdict).to_lowercase(),
                    v.staff,
                    v.device
                )
            })?;
            let all = std::iter::once(verified.verdict).chain(verified.amendments.iter().map(|a| a.verdict));
            if all.chain(verified.others.iter().map(|o| o.verdict)).any(|verdict| verdict == Verdict::Invalid) {
                return Err(HubError::Unsound(note));
            }
            Ok(())
        }
    }
}
