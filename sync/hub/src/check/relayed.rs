//! What phones relay of others' words after the hub was put back. Changes carry no signature of their author: nothing of them
//! enters a document before a person has let it in, unless its author brings it herself meanwhile.

use super::{Checker, CopyVerdict, ask, statement_hash};
use crate::error::HubError;
use crate::store::{CopyRow, CopyState, Tx};
use crate::worker::{BringAnswer, BringRequest, BroughtEntry, Fate, Question, RelayedChange};
use protocol::Kind;
use record::visit_note::{Encoding, SignedAct, SignedConfirmation};
use record::{DocumentId, Form, StaffId};
use std::collections::HashMap;

/// What the worker said of a document's relayed changes.
struct Brought {
    form: Form,
    fates: HashMap<i64, Fate>,
    entries: Vec<BroughtEntry>,
}

impl Brought {
    fn fate(&self, copy: &CopyRow) -> Fate {
        self.fates.get(&copy.id).copied().unwrap_or(Fate::Waits)
    }
}

impl Checker {
    /// Documents have changed, or may have: what was relayed of them may have come from its author by now.
    pub(super) fn look_again(&self, docs: &[DocumentId]) {
        for doc in docs {
            let looked = match self.store.read(|tx| tx.is_relayed_held(*doc)) {
                Ok(false) => Ok(()),
                Ok(true) => self.look_at_relayed(*doc),
                Err(error) => Err(error),
            };
            if let Err(error) = looked {
                tracing::error!(%doc, %error, "relayed copies were not looked at; they stay held");
            }
        }
    }

    /// Looks at what is held of a document: what it holds by now is settled; what an author signed is taken once nothing else of
    /// the document waits for a person.
    pub fn look_at_relayed(&self, doc: DocumentId) -> Result<(), HubError> {
        let copies = self.store.read(|tx| tx.held_relayed(doc))?;
        if copies.is_empty() {
            return Ok(());
        }
        let Some(brought) = self.brought(doc, &copies)? else { return Ok(()) };
        let (is_signed_news, is_bent) = self.store.write(|tx| {
            let (mut is_news, mut is_signed_news, mut is_bent) = (false, false, false);
            for copy in copies.iter().filter(|copy| copy.kind.is_document()) {
                match brought.fate(copy) {
                    Fate::Known => tx.settle_copy(copy.id, CopyState::Known)?,
                    Fate::Unreadable => {
                        tx.settle_copy(copy.id, CopyState::Unreadable)?;
                        is_bent = true;
                    }
                    Fate::Goes | Fate::Waits => is_news = true,
                }
            }
            for copy in copies.iter().filter(|copy| !copy.kind.is_document()) {
                if tx.has_entry(doc, statement_hash(doc, copy.hash))? {
                    tx.settle_copy(copy.id, CopyState::Known)?;
                } else if !is_news && is_signed(tx, copy)? {
                    let_in(tx, copy)?;
                    is_signed_news = true;
                }
            }
            Ok((is_signed_news, is_bent && is_news))
        })?;
        match (is_signed_news, is_bent) {
            (true, _) => self.check_document(doc),
            // What was not come to for the bent ones; each time there are fewer.
            (false, true) => self.look_at_relayed(doc),
            (false, false) => Ok(()),
        }
    }

    /// A person lets in what is held of a document: it becomes entries of those who made it, and goes the way of every entry.
    pub fn accept_relayed(&self, doc: DocumentId) -> Result<CopyVerdict, HubError> {
        let copies = self.store.read(|tx| tx.held_relayed(doc))?;
        if copies.is_empty() {
            return Ok(CopyVerdict::Nothing);
        }
        let Some(brought) = self.brought(doc, &copies)? else { return Ok(CopyVerdict::Waiting) };
        let waits = self.store.write(|tx| {
            for entry in &brought.entries {
                // When the first of them arrived is when the hub heard of it.
                let of_maker = |copy: &&CopyRow| copy.device == entry.device && brought.fate(copy) == Fate::Goes;
                let Some(first) = copies.iter().find(of_maker) else { continue };
                tx.relay_entry(first, Kind::from(brought.form.tag()), entry.enc, entry.hash, &entry.bytes)?;
            }
            let mut waits = false;
            for copy in copies.iter().filter(|copy| copy.kind.is_document()) {
                match brought.fate(copy) {
                    Fate::Known => tx.settle_copy(copy.id, CopyState::Known)?,
                    Fate::Unreadable => tx.settle_copy(copy.id, CopyState::Unreadable)?,
                    Fate::Goes => tx.settle_copy(copy.id, CopyState::Accepted)?,
                    Fate::Waits => waits = true,
                }
            }
            for copy in copies.iter().filter(|copy| !copy.kind.is_document()) {
                if tx.has_entry(doc, statement_hash(doc, copy.hash))? {
                    tx.settle_copy(copy.id, CopyState::Known)?;
                } else if tx.maker_of(copy)?.is_some() {
                    let_in(tx, copy)?;
                } else {
                    waits = true;
                }
            }
            Ok(waits)
        })?;
        self.check_document(doc)?;
        Ok(if waits { CopyVerdict::Waiting } else { CopyVerdict::Accepted })
    }

    /// Asks the worker. What was made on a device that this hub does not know (it was enrolled after the backup) waits.
    fn brought(&self, doc: DocumentId, copies: &[CopyRow]) -> Result<Option<Brought>, HubError> {
        let mut worker = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (document, form, makers) = self.store.read(|tx| {
            let makers = copies.iter().map(|copy| Ok(tx.maker_of(copy)?.map(|maker| maker.staff)));
            let makers = makers.collect::<Result<Vec<Option<StaffId>>, HubError>>()?;
            Ok((tx.note_document(doc)?, tx.note_form(doc)?, makers))
        })?;
        // A document keeps the form it began with.
        let begun = copies.iter().find_map(|copy| Form::from_tag(copy.kind.into()));
        let form = form.or(begun).unwrap_or_default();
        let (mut asked, mut changes) = (Vec::new(), Vec::new());
        for (copy, staff) in copies.iter().zip(makers) {
            if let Some(staff) = staff
                && Form::from_tag(copy.kind.into()) == Some(form)
            {
                asked.push(copy.id);
                changes.push(RelayedChange { device: copy.device, staff, hash: copy.hash, bytes: copy.bytes.clone() });
            }
        }
        let (Some(first), false) = (copies.first(), asked.is_empty()) else {
            return Ok(Some(Brought { form, fates: HashMap::new(), entries: Vec::new() }));
        };
        let (patient, station) = (first.patient.clone(), first.station.clone());
        let question = Question::Bring(BringRequest { doc, form, patient, station, document, changes });
        let answer = ask(&mut worker, &question, |answer: &BringAnswer| answer.fates.len() == asked.len())?;
        Ok(answer.map(|answer| {
            let fates = asked.into_iter().zip(answer.fates).collect();
            Brought { form, fates, entries: answer.entries }
        }))
    }
}

/// A statement becomes an entry of the device that signed it; whether it did is for the check.
fn let_in(tx: &Tx<'_>, copy: &CopyRow) -> Result<(), HubError> {
    let hash = statement_hash(copy.doc, copy.hash);
    tx.relay_entry(copy, copy.kind, Encoding::Cbor.into(), hash, &copy.bytes)?;
    tx.settle_copy(copy.id, CopyState::Accepted)
}

/// Whether a statement carries its author's signature, by a key that this hub knows: then nobody need look at it.
fn is_signed(tx: &Tx<'_>, copy: &CopyRow) -> Result<bool, HubError> {
    let Some(maker) = tx.maker_of(copy)? else { return Ok(false) };
    let signed = match copy.kind {
        Kind::Confirmation => SignedConfirmation::from_bytes(&copy.bytes)
            .ok()
            .filter(|signed| signed.open(copy.doc).is_ok_and(|frozen| frozen.device == copy.device))
            .map(|signed| (signed.hash(), signed.key)),
        Kind::Amendment => SignedAct::from_bytes(&copy.bytes)
            .ok()
            .filter(|signed| signed.open(copy.doc).is_ok_and(|act| act.device == copy.device))
            .map(|signed| (signed.hash(), signed.key)),
        _ => None,
    };
    Ok(signed.is_some_and(|(hash, key)| hash == copy.hash && key == maker.signing_key))
}

#[cfg(test)]
#[path = "relayed_tests.rs"]
mod tests;
