//! Whether everybody has everything, asked once, at the end.

use super::words::Shown;
use super::{OTHER_STATION, STATION, World, facility};
use crate::Outcome;
use device::Phone;
use record::visit_note::{NoteState, NoteView};
use record::{ContentHash, DocumentId, Form};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One of our phones, and what was read of it: every question is put to the same reading.
struct AtHome {
    at: usize,
    shown: Shown,
}

impl World {
    pub(super) fn all_is_home(&self) -> Outcome {
        let hub = self.hub.as_ref().ok_or("no hub")?;
        hub.store().read(|tx| tx.verify_audit())?;
        let mut reads = self.hub_reads()?;
        for token in self.truth.tokens.iter().filter(|token| !token.excused) {
            if !reads.has(token)? {
                return Err(
                    format!("lost at the hub: {} of phone {} in {:?}", token.words, token.by, token.place).into()
                );
            }
        }
        let ours = (0..self.phones.len()).filter(|at| self.station(*at) == STATION && !self.phones[*at].is_gone());
        let mut ours: Vec<AtHome> = ours.map(|at| AtHome { at, shown: Shown::default() }).collect();
        ours.iter_mut().try_for_each(|phone| self.has_everything(phone))?;
        self.they_agree(&mut ours)?;
        self.the_hub_agrees(&mut ours)?;
        self.others_have_nothing()
    }

    fn running(&self, at: usize) -> Outcome<&Phone> {
        Ok(self.phones[at].open.as_ref().ok_or("a phone is not running")?)
    }

    fn has_everything(&self, AtHome { at, shown }: &mut AtHome) -> Outcome {
        let at = *at;
        let (name, phone) = (&self.phones[at].staff, self.running(at)?);
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
            if !shown.reads(phone, token)? {
                return Err(format!("law 2: {name} does not show {} in {:?}", token.words, token.place).into());
            }
        }
        Ok(())
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

    /// Equal heads, equal rendering.
    fn they_agree(&self, ours: &mut [AtHome]) -> Outcome {
        let mut first: Option<(usize, Vec<_>)> = None;
        for AtHome { at, shown } in ours {
            let phone = self.running(*at)?;
            let mut all = Vec::new();
            for form in [Form::VisitNote, Form::Handover] {
                for row in phone.document_rows(form, None)? {
                    let (state, confirmed, view) = if form == Form::VisitNote {
                        let note = shown.note(phone, row.note)?;
                        (note.state, note.confirmed_fields.clone(), Some(note.view.clone()))
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
                        let words = |view: &Option<NoteView>| serde_json::to_string(view).unwrap_or_default();
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
    fn the_hub_agrees(&self, ours: &mut [AtHome]) -> Outcome {
        let mut at_hub: BTreeMap<DocumentId, Vec<ContentHash>> = BTreeMap::new();
        for AtHome { at, shown } in ours {
            let phone = self.running(*at)?;
            for row in phone.note_rows(None)? {
                let here = shown.note(phone, row.note)?.confirmations.iter().map(|confirmation| confirmation.hash);
                let there = match at_hub.entry(row.note) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unread) => unread.insert(self.confirmations_at_hub(row.note)?),
                };
                if !here.eq(there.iter().copied()) {
                    let name = &self.phones[*at].staff;
                    return Err(
                        format!("{name} has the confirmations of {} in another order than the hub", row.note).into()
                    );
                }
            }
        }
        Ok(())
    }

    fn confirmations_at_hub(&self, note: DocumentId) -> Outcome<Vec<ContentHash>> {
        let hub = self.hub.as_ref().ok_or("no hub")?;
        let (mut there, chosen) = hub.store().read(|tx| {
            let hashes: Vec<ContentHash> = tx.confirmations(note)?.iter().map(|c| c.signed.hash()).collect();
            Ok((hashes, tx.acts(note)?.0.chosen()))
        })?;
        // A stable sort: the chosen one first, the others as they were received.
        there.sort_by_key(|hash| Some(*hash) != chosen);
        Ok(there)
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
