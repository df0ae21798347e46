//! 担当: how much of a patient this phone may hold, as the hub said last; and what leaves when that becomes less.
//!
//! Nothing is reckoned here: only what a statement names leaves (law 6), and only once the hub has all of it durably (law 5).
//! What is unsent stays, is sent, and leaves after.

use crate::error::DeviceError;
use crate::read::all;
use crate::relay;
use crate::store_answer::KEEP_MS;
use protocol::{Durability, Extent, Kind, PatientStanding, SyncResponse};
use record::{DataClass, DisclosedRecord, DocumentId, PatientId, canonical};
use std::collections::BTreeSet;
use vault::{Durable, Item, Leaving, SyncState, Tx, VaultError};

/// A statement of the hub's. `from_the_beginning`: it came in a page that began with the feed's first row, so that nothing
/// before it was left out while the patient was light.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    told: &PatientStanding,
    state: &mut SyncState,
    from_the_beginning: bool,
) -> Result<(), DeviceError> {
    let before = of(tx, &told.patient)?;
    put(tx, told)?;
    state.leaving.retain(|leaving| leaving.patient != told.patient);
    let comes_back = match told.extent {
        Extent::Full => before != Some(Extent::Full),
        Extent::Light => before == Some(Extent::Gone),
        Extent::Gone | Extent::Unknown => false,
    };
    if comes_back && !from_the_beginning {
        state.want_whole(told.patient.clone(), told.version);
    }
    if matches!(told.extent, Extent::Light | Extent::Gone) {
        state.leaving.push(Leaving {
            patient: told.patient.clone(),
            records: true,
            whole: told.extent == Extent::Gone,
            notes: told.leave.clone(),
        });
    }
    Ok(())
}

/// What has left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Gone {
    pub document: bool,
    /// A document, or anything else that a screen may show.
    pub anything: bool,
}

/// After a page: what was named leaves, as far as it may. The rest is asked again after the next one.
pub(crate) fn let_go(tx: &mut Tx<'_>, state: &mut SyncState, answer: &SyncResponse) -> Result<Gone, DeviceError> {
    let mut gone = Gone::default();
    if state.leaving.is_empty() {
        return Ok(gone);
    }
    // What the hub may have lost of others stays until it has it again (law 5).
    let relay = relay::stands(tx)?;
    let durable = match answer.policy.as_ref().map(|policy| policy.durability) {
        Some(Durability::Fsynced) => Durable::OneDisk { received_before: answer.time - KEEP_MS },
        Some(Durability::Replicated) => Durable::Backups { last: tx.last_received(answer.durable_up_to)? },
        // What was said for a locked phone, or to one whose certificate is over.
        None => Durable::Backups { last: None },
    };
    for mut leaving in std::mem::take(&mut state.leaving) {
        if leaving.records {
            let whole = leaving.whole;
            tx.keep_disclosed(&leaving.patient, |item| !whole && is_light(item))?;
            leaving.records = false;
            gone.anything = true;
        }
        let mut stay = Vec::new();
        for note in std::mem::take(&mut leaving.notes) {
            if relay.keeps(note, durable) {
                stay.push(note);
                continue;
            }
            match tx.forget_note(&leaving.patient, note, durable) {
                Ok(true) => gone = Gone { document: true, anything: true },
                Ok(false) => stay.push(note),
                Err(error) => {
                    let error = DeviceError::from(error);
                    if error.is_retryable() {
                        return Err(error);
                    }
                    // One that is damaged never keeps a sync from going on (law 4): it stays, counted and shown.
                    tracing::warn!(%note, %error, "a note that should leave cannot be read and stays");
                    stay.push(note);
                }
            }
        }
        leaving.notes = stay;
        let is_done = match leaving.whole {
            // Whose note is still here keeps her name until it has gone.
            true if leaving.notes.is_empty() && !tx.has_notes_of(&leaving.patient)? => {
                tx.forget_items(&[Kind::Patient, Kind::Visit, Kind::Order, Kind::Consent], &leaving.patient)?;
                gone.anything = true;
                true
            }
            true => false,
            false => leaving.notes.is_empty(),
        };
        if !is_done {
            state.leaving.push(leaving);
        }
    }
    Ok(gone)
}

/// The hub's history changed: what it said of patients may never have been said. They are fetched whole, as far as the hub
/// gives them; it says again what still holds.
pub(crate) fn forget_all(tx: &mut Tx<'_>, state: &mut SyncState) -> Result<(), DeviceError> {
    state.leaving.clear();
    // Its count of changes may have gone back too: no page must be thought older than what is waited for.
    state.backfill.iter_mut().for_each(|wanted| wanted.version = 0);
    for told in all::<PatientStanding>(tx, Kind::Standing, None)? {
        // Also that a patient was here in full: between this and the next word the hub may have left something out.
        tx.forget_items(&[Kind::Standing], &told.patient)?;
        if told.extent != Extent::Full {
            state.want_whole(told.patient, 0);
        }
    }
    Ok(())
}

/// Patients who are not in full on this phone.
pub(crate) fn light(tx: &mut Tx<'_>) -> Result<BTreeSet<PatientId>, DeviceError> {
    let told = all::<PatientStanding>(tx, Kind::Standing, None)?;
    Ok(told.into_iter().filter(|told| told.extent != Extent::Full).map(|told| told.patient).collect())
}

pub(crate) fn is_light_patient(tx: &mut Tx<'_>, patient: &PatientId) -> Result<bool, DeviceError> {
    Ok(of(tx, patient)?.is_some_and(|extent| extent != Extent::Full))
}

/// What was said last; `None`: nothing, and that is all of the patient.
fn of(tx: &mut Tx<'_>, patient: &PatientId) -> Result<Option<Extent>, DeviceError> {
    let item = tx.item(Kind::Standing, name(patient))?;
    Ok(item.and_then(|item| canonical::from_bytes::<PatientStanding>(&item.body).ok()).map(|told| told.extent))
}

fn put(tx: &mut Tx<'_>, told: &PatientStanding) -> Result<(), DeviceError> {
    // What leaves stands in the state until it has left.
    let kept = PatientStanding { leave: Vec::new(), ..told.clone() };
    let body = canonical::to_bytes(&kept).map_err(VaultError::from)?;
    let (doc, patient) = (name(&told.patient), Some(told.patient.clone()));
    Ok(tx.put_item(&Item { kind: Kind::Standing, doc, patient, source: None, body })?)
}

fn name(patient: &PatientId) -> DocumentId {
    DocumentId::derive("standing", patient.as_str().as_bytes())
}

fn is_light(item: &Item) -> bool {
    canonical::from_bytes::<DisclosedRecord>(&item.body).is_ok_and(|record| record.class == DataClass::Allergy)
}
