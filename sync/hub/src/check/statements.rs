//! Confirmations and acts: whose signature each bears, and about what.

use super::put_aside;
use crate::error::HubError;
use crate::store::{EntryRow, EntryState, Tx};
use protocol::{Kind, VerdictCode};
use record::StaffRole;
use record::visit_note::{SignedAct, SignedConfirmation, What};

pub(super) fn settle_statement(tx: &Tx<'_>, entry: &EntryRow) -> Result<(), HubError> {
    let verdict = match entry.kind {
        Kind::Confirmation => check_confirmation(tx, entry)?,
        Kind::Amendment => check_act(tx, entry)?,
        // A kind of a newer app: kept for a newer hub.
        _ => Some(VerdictCode::Unknown),
    };
    match verdict {
        Some(code) => put_aside(tx, entry, code),
        None => {
            let is_repeat = tx.passed_before(entry)?;
            tx.settle(entry.id, EntryState::Passed, None)?;
            match entry.kind {
                Kind::Confirmation => {
                    if !is_repeat {
                        let staff = tx.device(entry.device)?.ok_or(HubError::UnknownDevice(entry.device))?.staff;
                        tx.put_confirmation(entry.id, entry.doc, entry.device, &staff, entry.received_at)?;
                    }
                    tx.feed_confirmation(entry, is_repeat)
                }
                _ if is_repeat => Ok(()),
                _ => tx.feed_entry(entry),
            }
        }
    }
}

/// A confirmation is signed by its device's key, for this note, by the device's owner.
fn check_confirmation(tx: &Tx<'_>, entry: &EntryRow) -> Result<Option<VerdictCode>, HubError> {
    let Ok(signed) = SignedConfirmation::from_bytes(&entry.bytes) else { return Ok(Some(VerdictCode::Unreadable)) };
    if signed.entry_hash(entry.doc) != entry.hash {
        return Ok(Some(VerdictCode::WrongHash));
    }
    let device = tx.device(entry.device)?.ok_or(HubError::UnknownDevice(entry.device))?;
    let Ok(frozen) = signed.open(entry.doc) else { return Ok(Some(VerdictCode::WrongSignature)) };
    // Nothing is confirmed that has not arrived: a confirmation never makes a document.
    let Some(form) = tx.note_form(entry.doc)? else { return Ok(Some(VerdictCode::Waiting)) };
    let theirs = signed.key == device.signing_key
        && frozen.device == entry.device
        && frozen.staff == device.staff
        && frozen.about.patient == entry.patient
        && frozen.about.station == entry.station
        && frozen.form == form;
    Ok(if theirs { None } else { Some(VerdictCode::WrongSignature) })
}

/// An act is signed by its device's key, about this note, by the device's owner; only a manager chooses among confirmations.
fn check_act(tx: &Tx<'_>, entry: &EntryRow) -> Result<Option<VerdictCode>, HubError> {
    let Ok(signed) = SignedAct::from_bytes(&entry.bytes) else { return Ok(Some(VerdictCode::Unreadable)) };
    if signed.entry_hash(entry.doc) != entry.hash {
        return Ok(Some(VerdictCode::WrongHash));
    }
    let device = tx.device(entry.device)?.ok_or(HubError::UnknownDevice(entry.device))?;
    let Ok(act) = signed.open(entry.doc) else { return Ok(Some(VerdictCode::WrongSignature)) };
    let is_known = tx.confirmations(entry.doc)?.iter().any(|c| c.signed.hash() == act.on);
    if !is_known {
        return Ok(Some(VerdictCode::Waiting));
    }
    let theirs = signed.key == device.signing_key
        && act.device == entry.device
        && act.staff == device.staff
        && act.patient == entry.patient
        && act.station == entry.station;
    let may = !matches!(act.what, What::Choose { .. })
        || tx.staff_member(&act.staff)?.is_some_and(|staff| staff.role == StaffRole::Manager);
    Ok(match (theirs, may) {
        (false, _) => Some(VerdictCode::WrongSignature),
        (true, false) => Some(VerdictCode::NotAllowed),
        (true, true) => None,
    })
}
