//! Whether everybody has everything, asked once, at the end.

use super::{OTHER_STATION, STATION, World, facility};
use crate::Outcome;
use device::Phone;
use record::visit_note::NoteState;
use record::{ContentHash, Form};

impl World {
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
