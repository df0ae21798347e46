//! Sealed copies that came without a PIN: what the document holds already is settled, a person lets the rest in.

use super::relayed::DEATHS;
use super::{Checker, ask, statement_hash};
use crate::error::HubError;
use crate::store::{CopyRow, CopyState, Who};
use crate::worker::{Question, RelayAnswer, RelayRequest};
use protocol::Kind;
use record::visit_note::{Encoding, NoteView};
use record::{DeviceId, DocumentId, Form};

/// What became of copies that a person let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyVerdict {
    Accepted,
    /// Something they stand on has not arrived.
    Waiting,
    Nothing,
}

impl Checker {
    /// Looks at sealed copies of one device for one document: what the document holds already is settled, the rest waits
    /// for a person. Nobody's check waits for the same answer twice, nor for the worker to die over them without end.
    pub fn look_at_copies(&self, doc: DocumentId, device: DeviceId) -> Result<(), HubError> {
        let (stamp, copies) = self.store.read(|tx| {
            let stamp = tx.relay_stamp(doc)?;
            let copies = tx.unseen_copies(doc, device, (stamp.as_slice(), DEATHS as u8))?;
            Ok((stamp, copies))
        })?;
        if copies.is_empty() {
            return Ok(());
        }
        let known = self.relayed(doc, device, &copies)?.map(|(_, answer)| answer.known);
        self.store.write(|tx| {
            let (has_died, known) = (known.is_none(), known.unwrap_or_default());
            let (changes, statements): (Vec<&CopyRow>, Vec<&CopyRow>) =
                copies.iter().partition(|copy| copy.kind.is_document());
            for (n, copy) in changes.into_iter().enumerate() {
                tx.looked_at_own(copy.id, &stamp, has_died)?;
                if known.get(n) == Some(&true) {
                    tx.settle_copy(copy.id, CopyState::Known)?;
                }
            }
            // An entry that has not passed is in nobody's feed, and may be a forgery that bears the same name.
            for copy in statements {
                tx.looked_at_own(copy.id, &stamp, false)?;
                if tx.has_passed(doc, statement_hash(doc, copy.hash))? {
                    tx.settle_copy(copy.id, CopyState::Known)?;
                }
            }
            Ok(())
        })
    }

    /// A person lets the copies in: they become entries of their device and go the way of every entry. That somebody asked for it
    /// is written down with it, or nothing has happened.
    pub fn accept_copies(&self, doc: DocumentId, device: DeviceId) -> Result<CopyVerdict, HubError> {
        let copies = self.store.read(|tx| tx.held_copies(doc, device))?;
        let Some(first) = copies.first() else { return Ok(CopyVerdict::Nothing) };
        let has_changes = copies.iter().any(|copy| copy.kind.is_document());
        let goes = self.relayed(doc, device, &copies)?.filter(|(_, answer)| !has_changes || answer.entry.is_some());
        self.store.write(|tx| {
            tx.audit(&Who::Admin, "held_accept", Some(&first.patient), &format!("copies-{doc}-{device}"))?;
            let Some((form, answer)) = &goes else { return Ok(()) };
            if let Some(entry) = &answer.entry {
                tx.relay_entry(first, Kind::from(form.tag()), entry.enc, entry.hash, &entry.bytes)?;
            }
            for copy in copies.iter().filter(|copy| !copy.kind.is_document()) {
                let hash = statement_hash(doc, copy.hash);
                if !tx.has_passed(doc, hash)? {
                    tx.relay_entry(copy, copy.kind, Encoding::Cbor.into(), hash, &copy.bytes)?;
                }
            }
            copies.iter().try_for_each(|copy| tx.settle_copy(copy.id, CopyState::Accepted))
        })?;
        if goes.is_none() {
            return Ok(CopyVerdict::Waiting);
        }
        self.check_document(doc)?;
        Ok(CopyVerdict::Accepted)
    }

    /// How a document would read with a device's copies, before a person lets them in; `None`: they wait for something.
    pub fn read_copies(&self, doc: DocumentId, device: DeviceId) -> Result<Option<NoteView>, HubError> {
        let copies = self.store.read(|tx| tx.held_copies(doc, device))?;
        let answer = self.relayed(doc, device, &copies)?;
        Ok(answer.and_then(|(_, answer)| answer.entry).map(|entry| entry.view))
    }

    fn relayed(
        &self,
        doc: DocumentId,
        device: DeviceId,
        copies: &[CopyRow],
    ) -> Result<Option<(Form, RelayAnswer)>, HubError> {
        let mut worker = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let changes: Vec<&CopyRow> = copies.iter().filter(|copy| copy.kind.is_document()).collect();
        let (document, form) = self.store.read(|tx| Ok((tx.note_document(doc)?, tx.note_form(doc)?)))?;
        let begun = changes.first().and_then(|copy| Form::from_tag(copy.kind.into()));
        let form = form.or(begun).unwrap_or_default();
        if changes.is_empty() {
            return Ok(Some((form, RelayAnswer { known: Vec::new(), entry: None })));
        }
        let question = Question::Relay(RelayRequest {
            doc,
            form,
            document,
            device,
            changes: changes.iter().map(|copy| serde_bytes::ByteBuf::from(copy.bytes.clone())).collect(),
        });
        let asked = changes.len();
        let answer = ask(&mut worker, &question, |answer: &RelayAnswer| answer.known.len() == asked)?;
        Ok(answer.map(|answer| (form, answer)))
    }
}
