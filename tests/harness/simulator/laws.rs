//! The laws of DESIGN §5, asked after every step; and at the end, whether everybody has everything.

use super::truth::{Place, Token, key};
use super::{Event, OTHER_STATION, STATION, World, facility, series_of};
use crate::Outcome;
use device::{DeviceError, Phone};
use protocol::{Kind, SyncResponse};
use record::visit_note::NoteState;
use record::{ContentHash, DocumentId, Form, PatientId};

impl World {
    pub(super) fn laws_of(&self, at: usize) -> Outcome {
        let Some(phone) = &self.phones[at].open else { return Ok(()) };
        let series = key(self.phones[at].device, series_of(phone)?);
        for entry in phone.outbox()? {
            if entry.received && !self.truth.receipted.contains(&(series, entry.seq)) {
                return Err(format!("law 1: entry {} is marked and was never receipted", entry.seq).into());
            }
            let durable = match &self.truth.backed_up {
                Some(up_to) => up_to.get(&series).is_some_and(|last| entry.seq <= *last),
                None => false,
            };
            if !entry.is_here && !durable {
                return Err(format!("law 5: entry {} was let go and stands in no backup", entry.seq).into());
            }
        }
        Ok(())
    }

    /// Nothing that hospitals disclosed travels to a station that may not see it.
    pub(super) fn tells_only_what_may_be_seen(&self, at: usize, answer: &SyncResponse) -> Outcome {
        let told = answer.feed.iter().filter(|item| item.kind == Kind::Record).filter_map(|item| item.patient.as_ref());
        let paged = answer.pages.iter().flatten().filter(|page| !page.items.is_empty()).map(|page| &page.patient);
        let is_ours = self.station(at) == STATION;
        match told.chain(paged).find(|patient| !is_ours || self.phones[at].heard.contains(*patient)) {
            Some(patient) => {
                Err(format!("entitlement: {} is told records of {patient} without consent", self.phones[at].staff)
                    .into())
            }
            None => Ok(()),
        }
    }

    /// After a contact nothing is left of what had been withdrawn when the hub made its answer: no record, no key.
    pub(super) fn what_was_withdrawn_has_gone(&mut self, at: usize, phone: &Phone, answer: &SyncResponse) -> Outcome {
        let heard = std::mem::take(&mut self.phones[at].heard);
        // The feed was not read to its end, or this answer was not taken.
        if heard.is_empty() || answer.more || phone.status(self.device_time(at))?.cursor != answer.next_cursor {
            return Ok(());
        }
        heard.iter().try_for_each(|patient| self.holds_nothing_of(at, phone, patient))
    }

    fn holds_nothing_of(&self, at: usize, phone: &Phone, patient: &PatientId) -> Outcome {
        let held = phone.disclosed_held(patient)?;
        if held.records.is_empty() && !held.has_key {
            return Ok(());
        }
        let (name, many, key) = (&self.phones[at].staff, held.records.len(), held.has_key);
        Err(format!("entitlement: {name} holds {many} records of {patient} without consent (key: {key})").into())
    }

    /// Everything disclosed is there of whoever lets it be seen, in its newest version, and nothing of the others.
    fn has_what_may_be_seen(&self, at: usize, phone: &Phone) -> Outcome {
        for (patient, records) in &self.truth.disclosed {
            if self.truth.withdrawn.contains(patient) {
                self.holds_nothing_of(at, phone, patient)?;
                continue;
            }
            let mut expected: Vec<ContentHash> = records.values().copied().collect();
            expected.sort_unstable();
            let held = phone.disclosed_held(patient)?.records;
            if held != expected {
                let there = held.iter().filter(|hash| expected.contains(hash)).count();
                let (name, many, all) = (&self.phones[at].staff, held.len(), expected.len());
                return Err(
                    format!("entitlement: {name} holds {there} of {all} records of {patient}, {many} in all").into()
                );
            }
        }
        Ok(())
    }

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
    fn shows(&self, phone: &Phone, token: &Token) -> Result<bool, DeviceError> {
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

    fn hub_has(&self, place: &Place, words: &str) -> Outcome<bool> {
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

    pub(super) fn all_is_home(&self) -> Outcome {
        let hub = self.hub.as_ref().ok_or("no hub")?;
        hub.store().read(|tx| tx.verify_audit())?;
        for token in self.truth.tokens.iter().filter(|token| !token.excused) {
            if !self.hub_has(&token.place, &token.words)? {
                return Err(
                    format!("lost at the hub: {} of phone {} in {:?}", token.words, token.by, token.place).into()
                );
            }
        }
        let ours: Vec<usize> =
            (0..self.phones.len()).filter(|at| self.station(*at) == STATION && !self.phones[*at].is_gone()).collect();
        for at in &ours {
            self.has_everything(*at)?;
        }
        self.they_agree(&ours)?;
        for at in &ours {
            self.the_hub_agrees(*at)?;
        }
        self.others_have_nothing()
    }

    fn has_everything(&self, at: usize) -> Outcome {
        let name = &self.phones[at].staff;
        let phone = self.phones[at].open.as_ref().ok_or("a phone is not running")?;
        let status = phone.status(self.device_time(at))?;
        if status.unsent > 0 {
            return Err(format!("{name} still has {} unsent", status.unsent).into());
        }
        if status.damaged + status.set_aside > 0 {
            return Err(format!("{name}: {} damaged, {} set aside", status.damaged, status.set_aside).into());
        }
        if status.has_arrivals {
            return Err(format!("{name}: something that arrived stands in no document").into());
        }
        self.is_sound(at, phone)?;
        self.has_what_may_be_seen(at, phone)?;
        for token in self.truth.tokens.iter().filter(|token| !token.excused) {
            if !self.shows(phone, token)? {
                return Err(format!("law 2: {name} does not show {} in {:?}", token.words, token.place).into());
            }
        }
        Ok(())
    }

    /// Equal heads, equal rendering.
    fn they_agree(&self, ours: &[usize]) -> Outcome {
        let mut first: Option<(usize, Vec<_>)> = None;
        for at in ours {
            let phone = self.phones[*at].open.as_ref().ok_or("a phone is not running")?;
            let mut all = Vec::new();
            for form in [Form::VisitNote, Form::Handover] {
                for row in phone.document_rows(form, None)? {
                    let (state, confirmed, view) = if form == Form::VisitNote {
                        let shown = phone.show_note(row.note)?;
                        (shown.state, shown.confirmed_fields, Some(shown.view))
                    } else {
                        (NoteState::Draft, None, None)
                    };
                    let mut heads = row.heads.clone();
                    heads.sort();
                    all.push((row.note, heads, state, confirmed, view));
                }
            }
            all.sort_by_key(|row| row.0);
            match &first {
                None => first = Some((*at, all)),
                Some((other, theirs)) if *theirs != all => {
                    let differs = all.iter().zip(theirs).find(|(a, b)| a != b);
                    let which = differs.map(|(a, b)| {
                        // Everybody in here is invented: what they wrote may be shown.
                        let words = |view: &Option<record::visit_note::NoteView>| {
                            serde_json::to_string(view).unwrap_or_default()
                        };
                        let views =
                            if a.4 == b.4 { String::new() } else { format!("{} AND {}", words(&a.4), words(&b.4)) };
                        (a.0, a.1 == b.1, a.2 == b.2, a.3 == b.3, views)
                    });
                    return Err(format!(
                        "{} and {} do not agree: {} and {} documents; first difference {which:?} (note, heads, state, confirmed, view)",
                        self.phones[*at].staff,
                        self.phones[*other].staff,
                        all.len(),
                        theirs.len()
                    )
                    .into());
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Which of several confirmations stands, and the order of the others.
    fn the_hub_agrees(&self, at: usize) -> Outcome {
        let hub = self.hub.as_ref().ok_or("no hub")?;
        let phone = self.phones[at].open.as_ref().ok_or("a phone is not running")?;
        for row in phone.note_rows(None)? {
            let here: Vec<ContentHash> =
                phone.show_note(row.note)?.confirmations.iter().map(|confirmation| confirmation.hash).collect();
            let (mut there, chosen) = hub.store().read(|tx| {
                let hashes: Vec<ContentHash> = tx.confirmations(row.note)?.iter().map(|c| c.signed.hash()).collect();
                Ok((hashes, tx.acts(row.note)?.0.chosen()))
            })?;
            // A stable sort: the chosen one first, the others as they were received.
            there.sort_by_key(|hash| Some(*hash) != chosen);
            if here != there {
                let name = &self.phones[at].staff;
                return Err(
                    format!("{name} has the confirmations of {} in another order than the hub", row.note).into()
                );
            }
        }
        Ok(())
    }

    fn others_have_nothing(&self) -> Outcome {
        for at in (0..self.phones.len()).filter(|at| self.station(*at) == OTHER_STATION) {
            let Some(phone) = &self.phones[at].open else { continue };
            let (patients, notes) = (phone.patients()?.len(), phone.note_rows(None)?.len());
            if patients + notes > 0 {
                return Err(format!(
                    "{} is of another station and has {patients} patients, {notes} notes",
                    facility(OTHER_STATION)?
                )
                .into());
            }
            self.patients.iter().try_for_each(|patient| self.holds_nothing_of(at, phone, patient))?;
        }
        Ok(())
    }
}
