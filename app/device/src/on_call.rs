//! オンコール: what a nurse needs of every patient at night, read for all of them at once. Of what hospitals disclosed only the
//! allergies are opened, and of the notes only the last confirmed one of each.

use crate::error::DeviceError;
use crate::note::confirmed_values;
use crate::phone::Phone;
use crate::read::{all, allergies, lease_lapsed};
use jiff::Timestamp;
use jiff::civil::Date;
use protocol::Kind;
use record::calendar::day_in_japan;
use record::summary::AllergyKnowledge;
use record::visit_note::NoteState;
use record::vitals::Values;
use record::{DocumentId, Form, NursingOrder, PatientId, PatientSummary};
use std::collections::BTreeMap;
use vault::NoteRow;

/// One patient of the list.
#[derive(Clone)]
pub struct OnCallShown {
    /// Allergies and orders; nothing else that was disclosed is in here.
    pub summary: PatientSummary,
    /// The last note that was not taken back, and its day.
    pub last: Option<(DocumentId, Date)>,
    /// Of the last confirmed note, nothing where there is none; `None`: it cannot be read.
    pub values: Option<Values>,
    /// The board has something new for this nurse; `None`: it cannot be read.
    pub unread: Option<bool>,
}

impl Phone {
    /// Every patient of the station, in the order of their kana. A note or a board that cannot be read keeps nobody off the
    /// list.
    pub fn on_call(&self, now: Timestamp) -> Result<Vec<OnCallShown>, DeviceError> {
        let listed = self.patient_list()?.rows;
        self.read(|tx| {
            let lapsed = lease_lapsed(tx, now)?;
            let mut notes: BTreeMap<PatientId, Vec<NoteRow>> = BTreeMap::new();
            for row in tx.note_rows(Form::VisitNote, None)? {
                notes.entry(row.patient.clone()).or_default().push(row);
            }
            let mut orders: BTreeMap<PatientId, Vec<NursingOrder>> = BTreeMap::new();
            for order in all::<NursingOrder>(tx, Kind::Order, None)? {
                orders.entry(order.patient.clone()).or_default().push(order);
            }
            let mut shown = Vec::with_capacity(listed.len());
            for patient in listed.into_iter().map(|row| row.patient) {
                let (last, confirmed) = last_notes(&notes.remove(&patient.id).unwrap_or_default());
                let values = match confirmed {
                    Some(row) => confirmed_values(tx, &row).ok(),
                    None => Some(Values::new()),
                };
                let unread = self.unread_lines(tx, &patient.id).map(|lines| lines.is_some()).ok();
                let is_locked = lapsed && tx.has_records(&patient.id)?;
                let records = if is_locked { Vec::new() } else { allergies(tx, &patient.id)? };
                let orders = orders.remove(&patient.id).unwrap_or_default();
                let mut summary = PatientSummary::new(patient, records, orders);
                if is_locked {
                    summary.allergy_knowledge = AllergyKnowledge::Locked;
                }
                shown.push(OnCallShown { summary, last, values, unread });
            }
            Ok(shown)
        })
    }
}

/// The last note of each kind: to be named with its day, and to be read for its values.
fn last_notes(notes: &[NoteRow]) -> (Option<(DocumentId, Date)>, Option<NoteRow>) {
    let begun = |note: &NoteRow| note.started_at.unwrap_or(note.changed_at);
    let last = notes.iter().filter(|note| note.state != NoteState::Closed).max_by_key(|note| begun(note));
    let confirmed = notes.iter().filter(|note| note.state == NoteState::Confirmed).max_by_key(|note| begun(note));
    (last.map(|note| (note.note, day_in_japan(begun(note)))), confirmed.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Desk, NOW, Outcome, later};
    use jiff::civil::date;
    use record::visit_note::FieldValue;
    use record::{DataClass, DisclosedRecord};
    use vault::Item;

    fn note(n: u8, state: NoteState, at: &str) -> Outcome<NoteRow> {
        let at: Timestamp = at.parse()?;
        let draft = NoteRow::draft(DocumentId([n; 16]), Form::VisitNote, "p-1".parse()?, at);
        Ok(NoteRow { state, started_at: Some(at), ..draft })
    }

    #[test]
    fn the_last_note_may_be_a_draft_and_its_values_come_from_the_last_confirmed_one() -> Outcome {
        let notes = [
            note(1, NoteState::Confirmed, "2026-11-18T01:00:00Z")?,
            note(2, NoteState::Draft, "2026-11-20T22:00:00Z")?,
            note(3, NoteState::Closed, "2026-11-22T01:00:00Z")?,
        ];
        let (last, confirmed) = last_notes(&notes);
        assert_eq!(last, Some((DocumentId([2; 16]), date(2026, 11, 21))));
        assert_eq!(confirmed.map(|row| row.note), Some(DocumentId([1; 16])));
        assert_eq!(last_notes(&[]), (None, None));
        Ok(())
    }

    fn allergy(n: u8) -> Outcome<Item> {
        let (facility, as_of) = ("hp-1".parse()?, Timestamp::UNIX_EPOCH);
        let record = DisclosedRecord::new(facility, DataClass::Allergy, n.to_string(), as_of, "架空マイシン");
        let body = record::canonical::to_bytes(&record)?;
        let (patient, source) = (Some("p-1".parse()?), Some(record.facility));
        Ok(Item { kind: Kind::Record, doc: DocumentId([100 + n; 16]), patient, source, body })
    }

    /// The lease as it would stand after an answer of the hub.
    fn lease(phone: &Phone, until: Timestamp) -> Outcome {
        Ok(phone.write(|tx| {
            let mut state = tx.sync_state()?;
            state.lease_until = Some(until.as_millisecond());
            Ok(tx.put_sync_state(&state)?)
        })?)
    }

    #[test]
    fn the_list_shows_the_last_note_as_it_was_corrected_and_what_was_withdrawn_no_more() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        lease(&phone, later(3_600))?;
        let item = allergy(1)?;
        phone.write(|tx| Ok(tx.put_item(&item)?))?;
        let of_first = || -> Outcome<OnCallShown> {
            let all = phone.on_call(later(60))?;
            let first = all.into_iter().find(|shown| shown.summary.patient.id.as_str() == "p-1");
            Ok(first.ok_or("p-1 is not on the list")?)
        };
        let before = of_first()?;
        assert_eq!((before.last, before.values), (None, Some(Values::new())));
        assert_eq!(before.summary.allergy_knowledge, AllergyKnowledge::Recorded);
        let note = desk.confirmed_note(&phone, "p-1")?;
        let temperature = |shown: &OnCallShown| shown.values.as_ref().and_then(|v| v.get("temperature_c").cloned());
        let first = of_first()?;
        assert_eq!(first.last.map(|(last, _)| last), Some(note));
        assert_eq!(temperature(&first), Some(FieldValue::Number(36.5)));
        assert_eq!(first.values, Some(phone.show_note(note)?.view.fields), "as the note itself reads");
        phone.amend_note(note, "temperature_c", "36.8", "転記", later(30))?;
        assert_eq!(temperature(&of_first()?), Some(FieldValue::Number(36.8)));
        let (patient, facility): (PatientId, record::FacilityId) = ("p-1".parse()?, "hp-1".parse()?);
        phone.write(|tx| Ok(tx.forget_disclosed(&patient, &facility)?))?;
        assert_eq!(of_first()?.summary.allergy_knowledge, AllergyKnowledge::NotRecorded);
        Ok(())
    }

    #[test]
    fn what_a_lapsed_lease_locks_is_not_on_the_list_and_whoever_listens_hears_of_it() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        lease(&phone, later(3_600))?;
        let item = allergy(1)?;
        phone.write(|tx| Ok(tx.put_item(&item)?))?;
        let known = |now| -> Outcome<Vec<AllergyKnowledge>> {
            Ok(phone.on_call(now)?.iter().map(|shown| shown.summary.allergy_knowledge).collect())
        };
        assert_eq!(known(later(3_599))?, [AllergyKnowledge::Recorded, AllergyKnowledge::NotRecorded]);
        assert_eq!(known(later(3_601))?, [AllergyKnowledge::Locked, AllergyKnowledge::NotRecorded]);
        phone.look_at_clock(later(3_599))?;
        let changes = phone.changes();
        phone.look_at_clock(later(3_599))?;
        assert!(!changes.has_changed()?, "nothing reads otherwise");
        phone.look_at_clock(later(3_601))?;
        assert!(changes.has_changed()?);
        Ok(())
    }
}
