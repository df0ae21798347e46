//! `tsutsuji-hub held …`: what a person has to let in or send back.

use super::admin::time;
use super::{Data, Output};
use crate::check::{Checker, CopyVerdict};
use crate::error::HubError;
use crate::photo_copies::put_together;
use crate::store::{CopyState, EntryState, PhotoTag, Who};
use clap::Subcommand;
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId};
use serde::Serialize;
use std::str::FromStr;

#[derive(Subcommand)]
pub enum HeldCommand {
    /// Entries that did not pass the check, sealed copies that came without a PIN, what phones relay of others after a restore, and photos of which pieces are missing
    #[command(after_help = "Example: tsutsuji-hub held list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Let it in: an entry is checked again, sealed and relayed copies become entries of the device that made them
    #[command(after_help = "Example: tsutsuji-hub held accept entry-12 --data hub")]
    Accept {
        held: HeldId,
        #[command(flatten)]
        data: Data,
    },
    /// Leave it out for good; the bytes are kept
    #[command(after_help = "Example: tsutsuji-hub held return entry-12 --data hub")]
    Return {
        held: HeldId,
        #[command(flatten)]
        data: Data,
    },
}

/// `entry-12`, `copies-DOCUMENT-DEVICE`, `relayed-DOCUMENT`, or `photo-TAG-DEVICE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldId {
    Entry(i64),
    Copies(DocumentId, DeviceId),
    /// What phones hold of others' words, and the hub has lost.
    Relayed(DocumentId),
    /// A photo of which pieces are missing; under the tag that stands for it here.
    Photo(PhotoTag, DeviceId),
}

/// A word that names nothing held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("give an id as `held list` shows it, such as entry-12")]
pub struct NoHeldId;

impl FromStr for HeldId {
    type Err = NoHeldId;
    fn from_str(text: &str) -> Result<Self, NoHeldId> {
        if let Some(entry) = text.strip_prefix("entry-") {
            return entry.parse().map(HeldId::Entry).map_err(|_| NoHeldId);
        }
        if let Some(doc) = text.strip_prefix("relayed-") {
            return doc.parse().map(HeldId::Relayed).map_err(|_| NoHeldId);
        }
        let (of, device) = text.rsplit_once('-').ok_or(NoHeldId)?;
        let device: DeviceId = device.parse().map_err(|_| NoHeldId)?;
        if let Some(tag) = of.strip_prefix("photo-") {
            let tag: ContentHash = tag.parse().map_err(|_| NoHeldId)?;
            return Ok(HeldId::Photo(tag.0, device));
        }
        let doc = of.strip_prefix("copies-").ok_or(NoHeldId)?;
        Ok(HeldId::Copies(doc.parse().map_err(|_| NoHeldId)?, device))
    }
}

impl std::fmt::Display for HeldId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HeldId::Entry(id) => write!(f, "entry-{id}"),
            HeldId::Copies(doc, device) => write!(f, "copies-{doc}-{device}"),
            HeldId::Relayed(doc) => write!(f, "relayed-{doc}"),
            HeldId::Photo(tag, device) => write!(f, "photo-{}-{device}", ContentHash(*tag)),
        }
    }
}

#[derive(Serialize)]
struct Held {
    held: String,
    /// The hub's code, `capsule` for sealed copies, `relayed`, or `photo` for one that has not come whole.
    reason: String,
    doc: DocumentId,
    patient: PatientId,
    station: FacilityId,
    device: DeviceId,
    /// Whose device it is that brought it.
    staff: Option<StaffId>,
    /// Of relayed copies: who made them, as far as this hub knows their devices.
    authors: Vec<StaffId>,
    changes: u64,
    /// Of a photo.
    pieces: u64,
    received_at: String,
}

pub fn run(command: HeldCommand, out: &Output) -> Result<(), HubError> {
    match command {
        HeldCommand::List { data } => {
            let rows = data.open()?.read(|tx| {
                let staff_of = |device| Ok::<_, HubError>(tx.device(device)?.map(|d| d.staff));
                let mut rows = Vec::new();
                for entry in tx.held_entries()? {
                    rows.push(Held {
                        held: HeldId::Entry(entry.id).to_string(),
                        reason: entry.code,
                        doc: entry.doc,
                        patient: entry.patient,
                        station: entry.station,
                        device: entry.device,
                        staff: staff_of(entry.device)?,
                        authors: Vec::new(),
                        changes: 1,
                        pieces: 0,
                        received_at: time(entry.received_at),
                    });
                }
                for copies in tx.all_held_copies()? {
                    rows.push(Held {
                        held: HeldId::Copies(copies.doc, copies.device).to_string(),
                        reason: "capsule".to_string(),
                        doc: copies.doc,
                        patient: copies.patient,
                        station: copies.station,
                        device: copies.device,
                        staff: staff_of(copies.device)?,
                        authors: Vec::new(),
                        changes: copies.changes,
                        pieces: 0,
                        received_at: time(copies.received_at),
                    });
                }
                for relayed in tx.all_held_relayed()? {
                    let mut authors = Vec::new();
                    for maker in relayed.makers {
                        authors.extend(staff_of(maker)?);
                    }
                    authors.sort_unstable();
                    authors.dedup();
                    rows.push(Held {
                        held: HeldId::Relayed(relayed.doc).to_string(),
                        reason: "relayed".to_string(),
                        doc: relayed.doc,
                        patient: relayed.patient,
                        station: relayed.station,
                        device: relayed.by,
                        staff: staff_of(relayed.by)?,
                        authors,
                        changes: relayed.changes,
                        pieces: 0,
                        received_at: time(relayed.received_at),
                    });
                }
                for photo in tx.held_photos()? {
                    rows.push(Held {
                        held: HeldId::Photo(photo.tag, photo.device).to_string(),
                        reason: "photo".to_string(),
                        doc: photo.doc,
                        patient: photo.patient,
                        station: photo.station,
                        device: photo.device,
                        staff: staff_of(photo.device)?,
                        authors: Vec::new(),
                        changes: 0,
                        pieces: photo.pieces,
                        received_at: time(photo.received_at),
                    });
                }
                Ok(rows)
            })?;
            out.list(&rows, |h| {
                let what = if h.pieces > 0 { format!("{} pieces", h.pieces) } else { format!("{} changes", h.changes) };
                format!("{}  {}  {}  {what}  {}", h.held, h.reason, h.patient, h.received_at)
            })
        }
        HeldCommand::Accept { held, data } => {
            let store = data.open()?;
            let checker = Checker::new(store.clone());
            let state = match held {
                HeldId::Entry(id) => {
                    let entry = store.read(|tx| tx.entry(id))?.filter(|entry| !entry.compacted);
                    let entry = entry.ok_or(HubError::UnknownHeld)?;
                    store.write(|tx| {
                        tx.audit(&Who::Admin, "held_accept", Some(&entry.patient), &held.to_string())?;
                        tx.settle(id, EntryState::Received, None)
                    })?;
                    checker.check_document(entry.doc)?;
                    store.read(|tx| tx.entry_state(id))?.unwrap_or_default()
                }
                HeldId::Copies(doc, device) => {
                    let verdict = checker.accept_copies(doc, device)?;
                    if verdict == CopyVerdict::Nothing {
                        return Err(HubError::UnknownHeld);
                    }
                    store.write(|tx| tx.audit(&Who::Admin, "held_accept", None, &held.to_string()))?;
                    if verdict == CopyVerdict::Accepted { "passed" } else { "waiting" }.to_string()
                }
                HeldId::Relayed(doc) => {
                    let verdict = checker.accept_relayed(doc)?;
                    if verdict == CopyVerdict::Nothing {
                        return Err(HubError::UnknownHeld);
                    }
                    store.write(|tx| tx.audit(&Who::Admin, "held_accept", None, &held.to_string()))?;
                    if verdict == CopyVerdict::Accepted { "passed" } else { "waiting" }.to_string()
                }
                HeldId::Photo(tag, device) => {
                    let (id, photos) = (held.to_string(), store.read(|tx| tx.held_photos())?);
                    let photo = photos.into_iter().find(|photo| (photo.tag, photo.device) == (tag, device));
                    let photo = photo.ok_or(HubError::UnknownHeld)?;
                    store.write(|tx| tx.audit(&Who::Admin, "held_accept", Some(&photo.patient), &id))?;
                    // Nobody's word makes it whole: it is tried again.
                    let is_whole = put_together(&store, device, &photo.station, &tag)?;
                    if is_whole { "passed" } else { "waiting" }.to_string()
                }
            };
            out.say(&serde_json::json!({ "held": held.to_string(), "state": state }), |_| format!("{held}: {state}"))
        }
        HeldCommand::Return { held, data } => {
            let store = data.open()?;
            store.write(|tx| {
                match held {
                    HeldId::Entry(id) => {
                        tx.entry(id)?.filter(|entry| !entry.compacted).ok_or(HubError::UnknownHeld)?;
                        tx.settle(id, EntryState::Rejected, Some(protocol::VerdictCode::Unknown))?;
                    }
                    HeldId::Copies(doc, device) => {
                        let copies = tx.held_copies(doc, device)?;
                        if copies.is_empty() {
                            return Err(HubError::UnknownHeld);
                        }
                        copies.iter().try_for_each(|copy| tx.settle_copy(copy.id, CopyState::Returned))?;
                    }
                    HeldId::Relayed(doc) => {
                        let mut copies = tx.held_changes(doc)?;
                        copies.extend(tx.held_statements(doc)?);
                        if copies.is_empty() {
                            return Err(HubError::UnknownHeld);
                        }
                        copies.iter().try_for_each(|copy| tx.settle_copy(copy.id, CopyState::Returned))?;
                    }
                    HeldId::Photo(tag, device) => {
                        if tx.return_pieces(&tag, device)? == 0 {
                            return Err(HubError::UnknownHeld);
                        }
                    }
                }
                tx.audit(&Who::Admin, "held_return", None, &held.to_string())
            })?;
            out.say(&serde_json::json!({ "held": held.to_string(), "state": "returned" }), |_| {
                format!("{held}: returned")
            })
        }
    }
}
