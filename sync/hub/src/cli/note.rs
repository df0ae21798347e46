//! `tsutsuji-hub note …`: what the hub holds of the stations' notes.

use super::admin::time;
use super::{Data, Output};
use crate::error::HubError;
use clap::{Subcommand, ValueEnum};
use record::visit_note::NoteState;
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId};
use serde::Serialize;

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Json,
}

#[derive(Subcommand)]
pub enum NoteCommand {
    /// List the notes, the last changed first
    #[command(after_help = "Example: tsutsuji-hub note list --data hub --json")]
    List {
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
    station: FacilityId,
    patient: PatientId,
    state: NoteState,
    author: Option<StaffId>,
    updated_at: String,
}

#[derive(Serialize)]
struct Verified {
    note: DocumentId,
    verdict: &'static str,
    hash: ContentHash,
    device: DeviceId,
    staff: StaffId,
    received_at: String,
    competing: usize,
}

pub fn run(command: NoteCommand, out: &Output) -> Result<(), HubError> {
    match command {
        NoteCommand::List { data } => {
            let rows: Vec<Listed> = data
                .open()?
                .read(|tx| tx.notes())?
                .into_iter()
                .map(|n| Listed {
                    note: n.note,
                    station: n.station,
                    patient: n.patient,
                    state: n.state,
                    author: n.author,
                    updated_at: time(n.updated_at),
                })
                .collect();
            out.list(&rows, |n| format!("{}  {}  {}  {:?}  {}", n.note, n.station, n.patient, n.state, n.updated_at))
        }
        NoteCommand::Export { note, format: Format::Json, data } => {
            let exported = data.open()?.read(|tx| {
                let view = tx.note_view(note)?.ok_or(HubError::UnknownNote(note))?;
                let confirmations = tx.confirmations(note)?;
                let frozen = match confirmations.first() {
                    Some(first) => {
                        Some(first.signed.open(note).map_err(|_| HubError::Damaged { table: "confirmation" })?)
                    }
                    None => None,
                };
                Ok(serde_json::json!({
                    "note": note,
                    "state": match confirmations.len() { 0 => "draft", 1 => "confirmed", _ => "competing" },
                    "about": view.about,
                    "authors": view.authors,
                    "author": frozen.as_ref().map(|f| f.staff.clone()),
                    "confirmed_at": frozen.as_ref().map(|f| f.confirmed_at),
                    "received_at": confirmations.first().map(|c| time(c.at)),
                    "fields": frozen.map_or(view.fields, |f| f.fields),
                    "conflicts": view.conflicts,
                }))
            })?;
            out.say(&exported, |value| serde_json::to_string_pretty(value).unwrap_or_default())
        }
        NoteCommand::Verify { note, data } => {
            let verified = data.open()?.read(|tx| {
                tx.note_owner(note)?.ok_or(HubError::UnknownNote(note))?;
                let confirmations = tx.confirmations(note)?;
                let first = confirmations.first().ok_or(HubError::NotConfirmed(note))?;
                let device = tx.device(first.device)?.ok_or(HubError::UnknownDevice(first.device))?;
                let fits = first.signed.open(note).is_ok() && first.signed.key == device.signing_key;
                // Receipt time against revocation: a key that was revoked before is for a person to review.
                let verdict = match (fits, device.revoked_at) {
                    (false, _) => "invalid",
                    (true, Some(revoked)) if revoked <= first.at => "review",
                    (true, _) => "valid",
                };
                Ok(Verified {
                    note,
                    verdict,
                    hash: first.signed.hash(),
                    device: first.device,
                    staff: first.staff.clone(),
                    received_at: time(first.at),
                    competing: confirmations.len() - 1,
                })
            })?;
            out.say(&verified, |v| format!("{}: {} signed by {} on {}", v.note, v.verdict, v.staff, v.device))?;
            Ok(())
        }
    }
}
