//! オンコール: what a nurse needs of every patient at night, read for all of them at once. Of the notes only the last confirmed
//! one of each patient is opened, and of what hospitals disclosed nothing: a row that is drawn asks for its allergies.

use crate::error::DeviceError;
use crate::note::acts;
use crate::phone::Phone;
use crate::read::{all, allergies, lease_lapsed};
use jiff::Timestamp;
use jiff::civil::Date;
use protocol::Kind;
use record::calendar::day_in_japan;
use record::patient_search::PatientIndex;
use record::summary::AllergyKnowledge;
use record::visit_note::{NoteState, SignedAct, SignedConfirmation, confirmed_values};
use record::vitals::Values;
use record::{DocumentId, Form, NursingOrder, Patient, PatientId, PatientSummary, SummaryItem};
use std::collections::BTreeMap;
use vault::{NoteRow, Tx};

/// One patient of the list.
#[derive(Clone)]
pub struct OnCallShown {
    pub patient: Patient,
    pub orders: Vec<NursingOrder>,
    /// The last note that was not taken back, and its day.
    pub last: Option<(DocumentId, Date)>,
    /// Of the last confirmed note, nothing where there is none; `None`: it cannot be read.
    pub values: Option<Values>,
    /// The board has something new for this nurse; `None`: it cannot be read.
    pub unread: Option<bool>,
}

/// What hospitals disclosed of a patient's allergies.
#[derive(Clone, PartialEq)]
pub struct AllergiesShown {
    pub knowledge: AllergyKnowledge,
    pub items: Vec<SummaryItem>,
}

impl Phone {
    /// Every patient of the station, in the order of their kana. A note or a board that cannot be read keeps nobody off the
    /// list.
    pub fn on_call(&self) -> Result<Vec<OnCallShown>, DeviceError> {
        self.read(|tx| {
            let mut lasts: BTreeMap<PatientId, Last> = BTreeMap::new();
            tx.each_note_row(Form::VisitNote, |row| match lasts.get_mut(&row.patient) {
                Some(last) => last.see(row),
                None => lasts.entry(row.patient.clone()).or_default().see(row),
            })?;
            let mut notes = BTreeMap::new();
            let mut confirmed: BTreeMap<PatientId, Option<Statements>> = BTreeMap::new();
            for (patient, Last { note, confirmed: of_values }) in lasts {
                notes.insert(patient.clone(), (note.map(|(at, note)| (note, day_in_japan(at))), of_values.is_some()));
                confirmed.extend(of_values.map(|(_, note)| (patient.clone(), Statements::of(tx, note, &patient).ok())));
            }
            // A signature for each patient: they are checked beside the reading.
            std::thread::scope(|scope| -> Result<Vec<OnCallShown>, DeviceError> {
                let checked = std::thread::Builder::new().spawn_scoped(scope, || values_of(confirmed)).ok();
                let boards = tx.note_rows(Form::Handover, None)?;
                let boards: BTreeMap<DocumentId, NoteRow> = boards.into_iter().map(|row| (row.note, row)).collect();
                let mut orders: BTreeMap<PatientId, Vec<NursingOrder>> = BTreeMap::new();
                for order in all::<NursingOrder>(tx, Kind::Order, None)? {
                    orders.entry(order.patient.clone()).or_default().push(order);
                }
                let mut shown = Vec::new();
                for patient in in_kana_order(tx)? {
                    let unread = match boards.get(&self.board_of(&patient.id).0) {
                        Some(board) => self.new_on(tx, board),
                        // There is none, or its row does not open.
                        None => self.unread_lines(tx, &patient.id),
                    };
                    let (last, is_confirmed) = notes.remove(&patient.id).unwrap_or_default();
                    shown.push(OnCallShown {
                        orders: orders.remove(&patient.id).unwrap_or_default(),
                        last,
                        values: (!is_confirmed).then(Values::new),
                        unread: unread.map(|lines| lines.is_some()).ok(),
                        patient,
                    });
                }
                // Nothing comes of a thread that gave up, or that the OS did not give: those notes count as unreadable.
                let mut checked = checked.and_then(|thread| thread.join().ok()).unwrap_or_default();
                for row in &mut shown {
                    row.values = row.values.take().or_else(|| checked.remove(&row.patient.id).flatten());
                }
                Ok(shown)
            })
        })
    }

    /// What is known of one patient's allergies. What a lapsed lease locks is not opened.
    pub fn allergies_of(&self, patient: &Patient, now: Timestamp) -> Result<AllergiesShown, DeviceError> {
        self.read(|tx| {
            if lease_lapsed(tx, now)? && tx.has_records(&patient.id)? {
                return Ok(AllergiesShown { knowledge: AllergyKnowledge::Locked, items: Vec::new() });
            }
            let records = allergies(tx, &patient.id)?;
            let summary = PatientSummary::new(patient.clone(), records, Vec::new());
            Ok(AllergiesShown { knowledge: summary.allergy_knowledge, items: summary.allergies })
        })
    }
}

/// What was signed about a note, as it stands in the vault.
struct Statements {
    note: DocumentId,
    confirmations: Vec<SignedConfirmation>,
    acts: Vec<SignedAct>,
}

impl Statements {
    fn of(tx: &mut Tx<'_>, note: DocumentId, patient: &PatientId) -> Result<Self, DeviceError> {
        let confirmations = tx.confirmations(note)?.into_iter().map(|stored| stored.signed).collect();
        Ok(Self { note, confirmations, acts: acts(tx, note, patient)? })
    }

    /// As the note reads, with the corrections in effect.
    fn values(self) -> Option<Values> {
        confirmed_values(self.note, self.confirmations, &self.acts).ok()
    }
}

/// By patient; `None`: the note cannot be read.
fn values_of(statements: BTreeMap<PatientId, Option<Statements>>) -> BTreeMap<PatientId, Option<Values>> {
    statements.into_iter().map(|(patient, known)| (patient, known.and_then(Statements::values))).collect()
}

fn in_kana_order(tx: &mut Tx<'_>) -> Result<Vec<Patient>, DeviceError> {
    let patients: Vec<Patient> = all(tx, Kind::Patient, None)?;
    let order = PatientIndex::new(&patients).search("");
    let mut by_id: BTreeMap<PatientId, Patient> =
        patients.into_iter().map(|patient| (patient.id.clone(), patient)).collect();
    Ok(order.into_iter().filter_map(|id| by_id.remove(&id)).collect())
}

/// A patient's last notes, by when they were begun: to be named with its day, and to be read for its values.
#[derive(Default)]
struct Last {
    /// Of those that were not taken back.
    note: Option<(Timestamp, DocumentId)>,
    confirmed: Option<(Timestamp, DocumentId)>,
}

impl Last {
    fn see(&mut self, row: &NoteRow) {
        // Of two that were begun in the same moment every phone takes the same one.
        let seen = Some((row.started_at.unwrap_or(row.changed_at), row.note));
        if row.state != NoteState::Closed {
            self.note = self.note.max(seen);
        }
        if row.state == NoteState::Confirmed {
            self.confirmed = self.confirmed.max(seen);
        }
    }
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
        let mut last = Last::default();
        assert_eq!((last.note, last.confirmed), (None, None));
        notes.iter().rev().for_each(|row| last.see(row));
        let seen = last.note.map(|(at, note)| (note, day_in_japan(at)));
        assert_eq!(seen, Some((DocumentId([2; 16]), date(2026, 11, 21))));
        assert_eq!(last.confirmed.map(|(_, note)| note), Some(DocumentId([1; 16])));
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
            let first = phone.on_call()?.into_iter().find(|shown| shown.patient.id.as_str() == "p-1");
            Ok(first.ok_or("p-1 is not on the list")?)
        };
        let before = of_first()?;
        assert_eq!((before.last, before.values), (None, Some(Values::new())));
        let known = || -> Outcome<AllergyKnowledge> { Ok(phone.allergies_of(&before.patient, later(60))?.knowledge) };
        assert_eq!(known()?, AllergyKnowledge::Recorded);
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
        assert_eq!(known()?, AllergyKnowledge::NotRecorded);
        Ok(())
    }

    #[test]
    fn a_note_that_does_not_open_keeps_nobody_off_the_list_and_is_not_taken_for_none() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (mine, hers) = (desk.confirmed_note(&phone, "p-1")?, desk.confirmed_note(&phone, "p-2")?);
        let of = |note: DocumentId| -> Outcome<Statements> {
            let row = phone.read(|tx| tx.note_row(note)?.ok_or(DeviceError::UnknownNote(note)))?;
            Ok(phone.read(|tx| Statements::of(tx, note, &row.patient))?)
        };
        let altered = Statements { note: hers, ..of(mine)? };
        let [first, second, third] = ["p-1".parse()?, "p-2".parse()?, "p-3".parse::<PatientId>()?];
        let found = values_of(BTreeMap::from([
            (first.clone(), Some(of(mine)?)),
            (second.clone(), Some(altered)),
            (third.clone(), None),
        ]));
        assert!(found.get(&first).is_some_and(|values| values.as_ref().is_some_and(|v| v.contains_key("ended_at"))));
        assert_eq!(
            [found.get(&second), found.get(&third)],
            [Some(&None), Some(&None)],
            "signed for another note; damaged"
        );
        assert_eq!(phone.on_call()?.iter().filter(|shown| shown.values.is_some()).count(), 2);
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
            let known = |shown: &OnCallShown| -> Outcome<AllergyKnowledge> {
                Ok(phone.allergies_of(&shown.patient, now)?.knowledge)
            };
            phone.on_call()?.iter().map(known).collect()
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
