//! Where words are read: at the hub, and on each phone. A document is opened once for all the words that are looked for in it.

use super::truth::{Place, Token};
use super::{Event, STATION, World};
use crate::Outcome;
use device::note::NoteShown;
use device::{DeviceError, Phone};
use hub::Store;
use record::visit_note::NoteView;
use record::{DocumentId, PatientId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What one phone shows, as long as nothing comes to it and nobody writes.
#[derive(Default)]
pub(super) struct Shown {
    notes: BTreeMap<DocumentId, NoteShown>,
    boards: BTreeMap<PatientId, String>,
}

impl Shown {
    pub fn note(&mut self, phone: &Phone, note: DocumentId) -> Result<&NoteShown, DeviceError> {
        let shown = match self.notes.entry(note) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unread) => unread.insert(phone.show_note(note)?),
        };
        Ok(shown)
    }

    /// Whether a note, or what is proposed for it, or a board reads these words.
    pub fn reads(&mut self, phone: &Phone, token: &Token) -> Result<bool, DeviceError> {
        let words = token.words.as_str();
        match &token.place {
            Place::Board(patient) => Ok(self.board(phone, patient)?.contains(words)),
            Place::Text(note, field) => {
                let shown = self.note(phone, *note)?;
                let mut amendments = shown.amendments.iter().map(|amendment| serde_json::to_string(&amendment.after));
                Ok(shown.view.text(field).contains(words)
                    || amendments.any(|after| after.is_ok_and(|after| after.contains(words))))
            }
        }
    }

    fn board(&mut self, phone: &Phone, patient: &PatientId) -> Result<&str, DeviceError> {
        let text = match self.boards.entry(patient.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unread) => unread.insert(phone.board(patient)?.text),
        };
        Ok(text.as_str())
    }
}

/// What the hub reads, as long as nothing comes to it.
pub(super) struct HubReads {
    store: Store,
    views: BTreeMap<DocumentId, Option<NoteView>>,
}

impl HubReads {
    pub fn has(&mut self, token: &Token) -> Outcome<bool> {
        let doc = match &token.place {
            Place::Text(doc, _) => *doc,
            Place::Board(patient) => {
                let whose = [STATION.as_bytes(), b"\0", patient.as_str().as_bytes()].concat();
                DocumentId::derive("handover", &whose)
            }
        };
        let view = match self.views.entry(doc) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unread) => unread.insert(self.store.read(|tx| tx.note_view(doc))?),
        };
        let reads = |view: &NoteView| view.fields.keys().any(|field| view.text(field).contains(&token.words));
        Ok(view.as_ref().is_some_and(reads))
    }
}

impl World {
    /// A hub that is down has what it had.
    pub(super) fn hub_reads(&self) -> Outcome<HubReads> {
        let store = match &self.hub {
            Some(hub) => hub.store().clone(),
            None => Store::open(&self.data())?,
        };
        Ok(HubReads { store, views: BTreeMap::new() })
    }

    /// An older file takes the place of phone 1's: what was written since and reached nobody is gone with the newer one.
    pub(super) fn excuse_what_only_stood_there(&mut self, since_ms: i64) -> Outcome {
        let mut hub = self.hub_reads()?;
        for token in self.truth.tokens.iter_mut().filter(|token| token.by == 1 && token.at_ms >= since_ms) {
            token.excused |= !hub.has(token)?;
        }
        Ok(())
    }

    /// What the phone that is gone wrote, and the hub has not: where no colleague's phone has it either, nothing can bring it
    /// back. Says of how many words the phones that are left must.
    pub(super) fn excuse_what_nobody_holds(&mut self) -> Outcome<u64> {
        let Some(lost) = self.phones.iter().position(|phone| phone.lost) else { return Ok(0) };
        // Who is not running has what stands in the file.
        for at in 0..self.phones.len() {
            self.fault(Event::Start(at))?;
        }
        let mut hub = self.hub_reads()?;
        let mut others: Vec<(&Phone, Shown)> =
            self.phones.iter().filter_map(|phone| Some((phone.open.as_ref()?, Shown::default()))).collect();
        let mut held = 0;
        for token in self.truth.tokens.iter_mut().filter(|token| token.by == lost && !token.excused) {
            if hub.has(token)? {
                continue;
            }
            match others.iter_mut().any(|(phone, shown)| shown.reads(phone, token).unwrap_or(false)) {
                true => held += 1,
                false => token.excused = true,
            }
        }
        Ok(held)
    }
}
