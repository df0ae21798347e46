//! `tsutsuji-hub held …`: what a person has to let in or send back.

use super::admin::time;
use super::{Data, Output};
use crate::check::{Checker, CopyVerdict};
use crate::error::HubError;
use crate::photo_copies::put_together;
use crate::store::{Chosen, CopyState, EntryState, PhotoTag, Tx, Who};
use clap::{Args, Subcommand};
use record::visit_note::{Conflict, FieldValue, NoteView};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

#[derive(Subcommand)]
pub enum HeldCommand {
    /// Entries that did not pass the check, sealed copies that came without a PIN, what phones relay of others after a restore, and photos of which pieces are missing
    #[command(after_help = "Example: tsutsuji-hub held list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
    /// How a document would read with sealed or relayed copies, before somebody lets them in
    #[command(after_help = "Example: tsutsuji-hub held show relayed-DOCUMENT --data hub")]
    Show {
        held: HeldId,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        data: Data,
    },
    /// Let it in: an entry is checked again, sealed and relayed copies become entries of the device that made them
    #[command(after_help = "Examples: tsutsuji-hub held accept entry-12 --data hub
          tsutsuji-hub held accept relayed-DOCUMENT --from DEVICE --data hub")]
    Accept {
        held: HeldId,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        data: Data,
    },
    /// Leave it out for good, of relayed copies the unreadable ones too; the bytes are kept
    #[command(after_help = "Example: tsutsuji-hub held return entry-12 --data hub")]
    Return {
        held: HeldId,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        data: Data,
    },
}

/// Some of a document's relayed copies.
#[derive(Args)]
pub struct Which {
    /// Of relayed copies: those that this device brought
    #[arg(long, value_name = "DEVICE")]
    from: Option<DeviceId>,
    /// Of relayed copies: those that are said to be this patient's
    #[arg(long, value_name = "PATIENT")]
    patient: Option<PatientId>,
}

impl Which {
    fn of(self, held: HeldId) -> Result<Chosen, HubError> {
        let chosen = Chosen { from: self.from, patient: self.patient };
        if matches!(held, HeldId::Relayed(_)) || chosen == Chosen::default() {
            Ok(chosen)
        } else {
            Err(HubError::NotRelayed)
        }
    }
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
    /// The hub's code, `capsule` for sealed copies, `relayed`, `unreadable` for relayed ones that are not what they say and can
    /// only be left out, or `photo` for one that has not come whole.
    reason: String,
    doc: DocumentId,
    patient: PatientId,
    station: FacilityId,
    device: DeviceId,
    /// Whose device it is that brought it.
    staff: Option<StaffId>,
    /// Of relayed copies: everybody who brought some of them; the first is named above.
    bringers: Vec<Bringer>,
    /// Of relayed copies: who made them, as far as this hub knows their devices.
    authors: Vec<StaffId>,
    changes: u64,
    /// Of a photo.
    pieces: u64,
    received_at: String,
}

#[derive(Clone, Serialize)]
struct Bringer {
    device: DeviceId,
    staff: Option<StaffId>,
}

/// What would be let in of one document, as one patient's. Goes to whoever asked, never into a log.
#[derive(Serialize)]
struct Shown {
    held: String,
    form: Form,
    station: FacilityId,
    patient: PatientId,
    bringers: Vec<Bringer>,
    authors: Vec<StaffId>,
    /// Changes that can be read now, and those that something else has to come for.
    goes: usize,
    waits: usize,
    /// The fields that would read otherwise.
    fields: BTreeMap<String, Reading>,
    conflicts: Vec<Conflict>,
}

#[derive(Serialize)]
struct Reading {
    now: Option<FieldValue>,
    then: Option<FieldValue>,
}

impl Shown {
    fn words(&self) -> String {
        let names = |staff: &[StaffId]| staff.iter().map(|staff| staff.to_string()).collect::<Vec<_>>().join(" ");
        let brought = |by: &Bringer| match &by.staff {
            Some(staff) => format!("{} ({staff})", by.device),
            None => by.device.to_string(),
        };
        let bringers = self.bringers.iter().map(brought).collect::<Vec<_>>().join(" ");
        let mut text = format!(
            "{}  {}  {}\n  brought by {bringers}\n  written by {}\n  {} changes can be read, {} wait",
            self.held,
            self.form,
            self.patient,
            names(&self.authors),
            self.goes,
            self.waits
        );
        let value = |value: &Option<FieldValue>| serde_json::to_string(value).unwrap_or_default();
        for (name, Reading { now, then }) in &self.fields {
            text.push_str(&format!("\n  {name}: {} -> {}", value(now), value(then)));
        }
        for conflict in &self.conflicts {
            text.push_str(&format!("\n  {}: in conflict", conflict.field));
        }
        text
    }
}

/// What of a document reads otherwise with a view.
fn compared(tx: &Tx<'_>, doc: DocumentId, then: Option<&NoteView>) -> Result<BTreeMap<String, Reading>, HubError> {
    let Some(then) = then else { return Ok(BTreeMap::new()) };
    let now = tx.note_view(doc)?.map(|now| now.fields).unwrap_or_default();
    let names: BTreeSet<&String> = now.keys().chain(then.fields.keys()).collect();
    let changed = names.into_iter().filter(|name| now.get(*name) != then.fields.get(*name));
    let reading = |name: &String| Reading { now: now.get(name).cloned(), then: then.fields.get(name).cloned() };
    Ok(changed.map(|name| (name.clone(), reading(name))).collect())
}

fn bringers(tx: &Tx<'_>, devices: &[DeviceId]) -> Result<Vec<Bringer>, HubError> {
    let named = |device: &DeviceId| -> Result<Bringer, HubError> {
        Ok(Bringer { device: *device, staff: tx.device(*device)?.map(|row| row.staff) })
    };
    devices.iter().map(named).collect()
}

/// The people behind devices, as far as this hub knows them.
fn people(tx: &Tx<'_>, devices: &[DeviceId]) -> Result<Vec<StaffId>, HubError> {
    let known = bringers(tx, devices)?.into_iter().filter_map(|one| one.staff).collect::<BTreeSet<StaffId>>();
    Ok(known.into_iter().collect())
}

fn show(held: HeldId, chosen: &Chosen, data: &Data, out: &Output) -> Result<(), HubError> {
    let store = data.open()?;
    let checker = Checker::new(store.clone());
    let name = held.to_string();
    let shown: Vec<Shown> = match held {
        HeldId::Relayed(doc) => {
            let readings = checker.read_held(doc, chosen)?;
            store.read(|tx| {
                let shown = readings.into_iter().map(|one| -> Result<Shown, HubError> {
                    Ok(Shown {
                        held: name.clone(),
                        form: one.form,
                        bringers: bringers(tx, &one.bringers)?,
                        authors: people(tx, &one.makers)?,
                        goes: one.goes,
                        waits: one.waits,
                        fields: compared(tx, doc, one.view.as_ref())?,
                        conflicts: one.view.map(|view| view.conflicts).unwrap_or_default(),
                        station: one.station,
                        patient: one.patient,
                    })
                });
                shown.collect::<Result<Vec<Shown>, HubError>>()
            })?
        }
        HeldId::Copies(doc, device) => {
            let copies = store.read(|tx| tx.held_copies(doc, device))?;
            let first = copies.first().ok_or(HubError::UnknownHeld)?;
            let begun = copies.iter().find_map(|copy| Form::from_tag(copy.kind.into())).unwrap_or_default();
            let many = copies.iter().filter(|copy| copy.kind.is_document()).count();
            let view = checker.read_copies(doc, device)?;
            let one = store.read(|tx| {
                Ok(Shown {
                    held: name.clone(),
                    form: tx.note_form(doc)?.unwrap_or(begun),
                    station: first.station.clone(),
                    patient: first.patient.clone(),
                    bringers: bringers(tx, &[device])?,
                    authors: people(tx, &[device])?,
                    goes: if view.is_some() { many } else { 0 },
                    waits: if view.is_some() { 0 } else { many },
                    fields: compared(tx, doc, view.as_ref())?,
                    conflicts: view.as_ref().map(|view| view.conflicts.clone()).unwrap_or_default(),
                })
            })?;
            vec![one]
        }
        HeldId::Entry(_) | HeldId::Photo(..) => return Err(HubError::UnknownHeld),
    };
    if shown.is_empty() {
        return Err(HubError::UnknownHeld);
    }
    out.list(&shown, Shown::words)
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
                        bringers: Vec::new(),
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
                        bringers: Vec::new(),
                        authors: Vec::new(),
                        changes: copies.changes,
                        pieces: 0,
                        received_at: time(copies.received_at),
                    });
                }
                let held = tx.all_held_relayed()?.into_iter().map(|one| ("relayed", one));
                let unreadable = tx.unreadable_relayed()?.into_iter().map(|one| ("unreadable", one));
                for (reason, relayed) in held.chain(unreadable) {
                    let bringers = bringers(tx, &relayed.bringers)?;
                    let Some(first) = bringers.first().cloned() else { continue };
                    rows.push(Held {
                        held: HeldId::Relayed(relayed.doc).to_string(),
                        reason: reason.to_string(),
                        doc: relayed.doc,
                        patient: relayed.patient,
                        station: relayed.station,
                        device: first.device,
                        staff: first.staff,
                        bringers,
                        authors: people(tx, &relayed.makers)?,
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
                        bringers: Vec::new(),
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
                let by: Vec<String> = h.bringers.iter().map(|by| by.device.to_string()).collect();
                let by = if by.is_empty() { String::new() } else { format!("  brought by {}", by.join(" ")) };
                format!("{}  {}  {}  {what}  {}{by}", h.held, h.reason, h.patient, h.received_at)
            })
        }
        HeldCommand::Show { held, which, data } => show(held, &which.of(held)?, &data, out),
        HeldCommand::Accept { held, which, data } => {
            let chosen = which.of(held)?;
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
                    if verdict == CopyVerdict::Accepted { "passed" } else { "waiting" }.to_string()
                }
                HeldId::Relayed(doc) => {
                    let verdict = checker.accept_relayed(doc, &chosen)?;
                    if verdict == CopyVerdict::Nothing {
                        return Err(HubError::UnknownHeld);
                    }
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
        HeldCommand::Return { held, which, data } => {
            let (store, chosen) = (data.open()?, which.of(held)?);
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
                        let mut copies = tx.held_changes(doc, &chosen)?;
                        copies.extend(tx.held_statements(doc, &chosen)?);
                        // With it what cannot be read of it: that takes room too.
                        if tx.return_unreadable(doc, &chosen)? == 0 && copies.is_empty() {
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
                let from = chosen.from.map(|from| format!(" from {from}")).unwrap_or_default();
                tx.audit(&Who::Admin, "held_return", chosen.patient.as_ref(), &format!("{held}{from}"))
            })?;
            if let HeldId::Relayed(doc) = held {
                // What was signed may have waited for it.
                Checker::new(store).look_at_relayed(doc)?;
            }
            out.say(&serde_json::json!({ "held": held.to_string(), "state": "returned" }), |_| {
                format!("{held}: returned")
            })
        }
    }
}
