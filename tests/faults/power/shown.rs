//! What a phone shows, so that it can be compared with what was promised.

use super::phone::{WatchedPhone, copy_folder};
use super::photos::Photos;
use super::{VAULT, scratch, whole};
use device::jiff::Timestamp;
use device::record::visit_note::NoteState;
use device::record::{DocumentId, PatientId};
use device::{DeviceError, FileKeyStore, NoteRow, Phone as Unlocked, Pin, VaultError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use stories::{Hub, Outcome};

/// What a phone shows, so far as it was promised. Times and random numbers are left out.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    pub pin: &'static str,
    pub patients: u64,
    pub notes: BTreeMap<DocumentId, Value>,
    pub board: String,
    pub unsent: u64,
    /// What a wiped phone could still send.
    pub sealed_copies: usize,
    pub photos: Photos,
}

/// What is known beside the phone: whom it is about, and the key that opens what it sealed to the hub.
pub struct Witness {
    pub patient: PatientId,
    pub hub_key: Vec<u8>,
}

impl Witness {
    pub fn of(hub: &Hub, patient: &str) -> Outcome<Self> {
        let hub_key = std::fs::read(hub.path("hub").join("keys").join("sealing.key"))?;
        Ok(Self { patient: patient.parse()?, hub_key })
    }
}

pub fn unlock(vault: &Path, pin: &str) -> Outcome<Result<Unlocked, DeviceError>> {
    Ok(Unlocked::unlock(vault, &FileKeyStore::beside(vault), &Pin::new(pin)?, Timestamp::now()))
}

/// Opens with exactly one of the PINs that could be the one.
pub fn unlock_with_one_of(vault: &Path, pins: &[&'static str]) -> Outcome<(Unlocked, &'static str)> {
    let mut opened = None;
    for pin in pins {
        match unlock(vault, pin)? {
            Ok(phone) if opened.is_none() => opened = Some((phone, *pin)),
            Ok(_) => return Err("the old and the new PIN both open".into()),
            Err(DeviceError::Vault(VaultError::WrongPin { .. })) if pins.len() > 1 => {}
            Err(error) => return Err(format!("does not open with {pin}: {}", whole(&error)).into()),
        }
    }
    opened.ok_or_else(|| "no PIN opens".into())
}

pub fn shown(phone: &Unlocked, pin: &'static str, vault: &Path, witness: &Witness) -> Outcome<Shown> {
    let status = phone.status(Timestamp::now())?;
    if status.damaged > 0 {
        return Err(format!("{} rows do not open", status.damaged).into());
    }
    let mut notes = BTreeMap::new();
    for row in phone.note_rows(None)? {
        notes.insert(row.note, shown_note(phone, &row)?);
    }
    let board = if status.patients > 0 { phone.board(&witness.patient)?.text } else { String::new() };
    let store = FileKeyStore::beside(vault);
    let locked = vault::LockedVault::open(vault, &store)?;
    let copies = locked.copies(10_000, usize::MAX)?;
    let photos = Photos::of(phone, &locked, &copies, &witness.hub_key)?;
    let (patients, unsent, sealed_copies) = (status.patients, status.unsent, copies.len());
    Ok(Shown { pin, patients, notes, board, unsent, sealed_copies, photos })
}

fn shown_note(phone: &Unlocked, row: &NoteRow) -> Outcome<Value> {
    let note = phone.show_note(row.note)?;
    let mut signatures = Vec::new();
    if note.state == NoteState::Confirmed {
        signatures = phone.verify_note(row.note)?.iter().map(|s| format!("{} {:?}", s.of, s.verdict)).collect();
    }
    let amendments: Vec<Value> = note
        .amendments
        .iter()
        .map(|a| json!({"field": a.field, "before": a.before, "after": a.after, "reason": a.reason}))
        .collect();
    let photos: Vec<Value> = phone
        .note_photos(row.note)?
        .iter()
        .map(|p| json!({"photo": p.photo.hash, "site": p.photo.body_site, "here": p.is_here, "unsent": p.is_unsent}))
        .collect();
    Ok(json!({
        "state": note.state, "listed as": row.state, "visit": row.visit, "fields": note.view.fields,
        "conflicts": note.view.conflicts.len(), "confirmed fields": note.confirmed_fields,
        "confirmations": note.confirmations.len(), "amendments": amendments, "signatures": signatures, "photos": photos,
    }))
}

/// What a copy of the phone shows; the phone itself is left alone.
pub fn shown_by_a_copy(phone: &WatchedPhone, pin: &'static str, witness: &Witness) -> Outcome<Shown> {
    let folder = scratch()?;
    copy_folder(&phone.folder, folder.path())?;
    let vault = folder.path().join(VAULT);
    let (unlocked, pin) = unlock_with_one_of(&vault, &[pin])?;
    shown(&unlocked, pin, &vault, witness)
}
