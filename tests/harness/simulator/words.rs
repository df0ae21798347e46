//! Where words are read: at the hub, and on each phone.

use super::truth::{Place, Token};
use super::{Event, STATION, World};
use crate::Outcome;
use device::{DeviceError, Phone};
use record::DocumentId;

impl World {
    /// An older file takes the place of phone 1's: what was written since and reached nobody is gone with the newer one.
    pub(super) fn excuse_what_only_stood_there(&mut self, since_ms: i64) -> Outcome {
        let mut excused = Vec::new();
        for (n, token) in self.truth.tokens.iter().enumerate() {
            if token.by == 1 && token.at_ms >= since_ms && !self.hub_has(&token.place, &token.words)? {
                excused.push(n);
            }
        }
        excused.into_iter().for_each(|n| self.truth.tokens[n].excused = true);
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
        let (mut excused, mut held) = (Vec::new(), 0);
        for (n, token) in self.truth.tokens.iter().enumerate() {
            if token.by != lost || token.excused || self.hub_has(&token.place, &token.words)? {
                continue;
            }
            let mut others = self.phones.iter().filter_map(|phone| phone.open.as_ref());
            match others.any(|phone| self.shows(phone, token).unwrap_or(false)) {
                true => held += 1,
                false => excused.push(n),
            }
        }
        excused.into_iter().for_each(|n| self.truth.tokens[n].excused = true);
        Ok(held)
    }

    /// Whether a note, or what is proposed for it, or a board reads these words.
    pub(super) fn shows(&self, phone: &Phone, token: &Token) -> Result<bool, DeviceError> {
        match &token.place {
            Place::Board(patient) => Ok(self.board_of(phone, patient)?.contains(&token.words)),
            Place::Text(note, field) => {
                let shown = phone.show_note(*note)?;
                let in_amendments = shown
                    .amendments
                    .iter()
                    .any(|a| serde_json::to_string(&a.after).is_ok_and(|after| after.contains(&token.words)));
                Ok(shown.view.text(field).contains(&token.words) || in_amendments)
            }
        }
    }

    pub(super) fn hub_has(&self, place: &Place, words: &str) -> Outcome<bool> {
        // A hub that is down has what it had.
        let reopened;
        let store = match &self.hub {
            Some(hub) => hub.store(),
            None => {
                reopened = hub::Store::open(&self.data())?;
                &reopened
            }
        };
        let doc = match place {
            Place::Text(doc, _) => *doc,
            Place::Board(patient) => {
                let whose = [STATION.as_bytes(), b"\0", patient.as_str().as_bytes()].concat();
                DocumentId::derive("handover", &whose)
            }
        };
        let view = store.read(|tx| tx.note_view(doc))?;
        Ok(view.is_some_and(|view| view.fields.keys().any(|field| view.text(field).contains(words))))
    }
}
