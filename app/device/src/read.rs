//! Reading what the phone holds: lists, one patient, today's visits, how things stand. No waiting, no network.

use crate::error::DeviceError;
use crate::note::{visits, visits_on};
use crate::phone::Phone;
use crate::standing;
use jiff::Timestamp;
use protocol::Kind;
use record::calendar::day_in_japan;
use record::canonical;
use record::order::{ClockDoubt, HubContact, Orders, clock_doubt};
use record::patient_search::PatientIndex;
use record::summary::AllergyKnowledge;
use record::visit_note::NoteState;
use record::{
    ContentHash, DisclosedRecord, DocumentId, Facility, Form, NursingOrder, Patient, PatientId, PatientSummary, Staff,
    Visit, VisitId,
};
use std::collections::BTreeMap;
use vault::{RunningTime, SyncLogLine, Tx};

/// A patient in a list.
#[derive(Debug, Clone)]
pub struct PatientRow {
    pub patient: Patient,
    /// Hub time of the last sync: everything shown is at most this new.
    pub as_of: Option<Timestamp>,
    /// Not in this nurse's hands: only what on-call needs is here.
    pub is_light: bool,
}

/// Every patient, in the order of their kana, and what finds one among them.
#[derive(Debug, Clone)]
pub struct PatientList {
    pub rows: Vec<PatientRow>,
    pub index: PatientIndex,
}

/// One of today's visits.
#[derive(Debug, Clone, PartialEq)]
pub struct TodayRow {
    pub visit: Visit,
    pub patient: Option<Patient>,
    pub note: Option<DocumentId>,
    pub state: Option<NoteState>,
    /// `None`: the lease has lapsed, it may be written there.
    pub has_allergy: Option<bool>,
    /// The order that holds today; if none does, the one that ended last.
    pub order: Option<NursingOrder>,
    /// All of the patient's orders that day: nothing is picked silently (AT-O5).
    pub orders: Orders,
}

/// A patient's visit of today, and how its note stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitOfToday {
    pub visit: VisitId,
    /// `None`: nobody has begun it.
    pub state: Option<NoteState>,
}

/// How the phone stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub unsent: u64,
    pub oldest_unsent: Option<Timestamp>,
    /// Device's clock.
    pub last_sync: Option<Timestamp>,
    /// Hub's clock.
    pub lease_until: Option<Timestamp>,
    pub patients: u64,
    pub notes: u64,
    pub held: u64,
    pub rejected: u64,
    /// Things from the hub that this version could not read: kept for a newer one.
    pub set_aside: u64,
    /// Whether something has arrived and stands in no document yet.
    pub has_arrivals: bool,
    /// Rows of the vault that did not open since it was unlocked: left as they are.
    pub damaged: u64,
    pub received_up_to: u64,
    pub durable_up_to: u64,
    pub cursor: protocol::Cursor,
    pub bytes: u64,
    /// The last self-check.
    pub self_check: Option<vault::SelfCheck>,
    /// Whether the device's clock can be believed, by what the device itself knows.
    pub clock: Option<ClockDoubt>,
    pub log: Vec<SyncLogLine>,
}

/// What of a patient's disclosed records stands in the vault, without their words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosedHeld {
    /// A hash of each that opens, in order.
    pub records: Vec<ContentHash>,
    /// The key stands that opens them.
    pub has_key: bool,
}

/// One patient, whole.
#[derive(Debug, Clone)]
pub struct PatientShown {
    pub summary: PatientSummary,
    /// 開示情報の期限切れ: the lease has passed, disclosed records stay closed until the next sync.
    pub lease_lapsed: bool,
    pub as_of: Option<Timestamp>,
    /// Not in this nurse's hands: only what on-call needs is here.
    pub is_light: bool,
}

impl Phone {
    /// Every patient of the station, in the order of their kana.
    pub fn patients(&self) -> Result<Vec<PatientRow>, DeviceError> {
        Ok(self.patient_list()?.rows)
    }

    /// The same with what finds a patient: folded once, searched at each key.
    pub fn patient_list(&self) -> Result<PatientList, DeviceError> {
        let mut rows: Vec<PatientRow> = self.read(|tx| {
            let as_of = hub_time(tx)?;
            let light = standing::light(tx)?;
            let patients = all::<Patient>(tx, Kind::Patient, None)?.into_iter();
            let row = |patient: Patient| PatientRow { is_light: light.contains(&patient.id), patient, as_of };
            Ok(patients.map(row).collect())
        })?;
        let patients: Vec<Patient> = rows.iter().map(|row| row.patient.clone()).collect();
        let index = PatientIndex::new(&patients);
        let order: BTreeMap<PatientId, usize> =
            index.search("").into_iter().enumerate().map(|(at, patient)| (patient, at)).collect();
        rows.sort_by_key(|row| order.get(&row.patient.id).copied());
        Ok(PatientList { rows, index })
    }

    /// Patients found by reading, name in any variant, birth date, number or town, the likeliest first.
    pub fn find_patients(&self, query: &str) -> Result<Vec<PatientRow>, DeviceError> {
        let PatientList { rows, index } = self.patient_list()?;
        let found = index.search(query);
        Ok(found.into_iter().filter_map(|id| rows.iter().find(|row| row.patient.id == id).cloned()).collect())
    }

    /// Who a patient is: nothing that was disclosed is opened.
    pub fn patient(&self, patient: &PatientId) -> Result<Patient, DeviceError> {
        self.read(|tx| demographics(tx, patient))
    }

    /// Today's visits of this nurse, Japan's today.
    pub fn today(&self, now: Timestamp) -> Result<Vec<TodayRow>, DeviceError> {
        let today = day_in_japan(now);
        self.read(|tx| {
            let lapsed = lease_lapsed(tx, now)?;
            let mut rows = Vec::new();
            for visit in visits_on(tx, today, None)? {
                if visit.staff == self.identity().staff {
                    rows.push(today_row(tx, visit, lapsed)?);
                }
            }
            Ok(rows)
        })
    }

    /// This nurse's visit of today to one patient: the one that is asked for; else of several the first that is still to be
    /// written, once all are, the last.
    pub fn visit_of_today(
        &self,
        patient: &PatientId,
        asked_for: Option<VisitId>,
        now: Timestamp,
    ) -> Result<Option<VisitOfToday>, DeviceError> {
        self.read(|tx| {
            let mut visits = Vec::new();
            for visit in visits_on(tx, day_in_japan(now), Some(patient))? {
                if visit.staff == self.identity().staff {
                    let state = tx.note_row(DocumentId::of_planned_visit(visit.id))?.map(|row| row.state);
                    visits.push(VisitOfToday { visit: visit.id, state });
                }
            }
            Ok(visit_to_open(&visits, asked_for))
        })
    }

    /// For quiet moments: what the lists ask of each patient is opened once, one patient at a time, so that the first of them
    /// need not wait for all.
    pub(crate) fn read_ahead(&self) -> Result<(), DeviceError> {
        let known = self.read(|tx| Ok(tx.items(Kind::Patient, None)?))?;
        for patient in known.into_iter().filter_map(|item| item.patient) {
            self.read(|tx| {
                // A board that cannot be read says so on its own screen.
                let _ = self.unread_lines(tx, &patient);
                tx.allergies(&patient)?;
                Ok(tx.note_rows(Form::VisitNote, Some(&patient))?)
            })?;
        }
        self.read(|tx| Ok(tx.note_rows(Form::VisitNote, None)?)).map(|_| ())
    }

    /// Every planned visit of a patient that the phone holds, whoever goes, the earliest first.
    pub fn planned_visits(&self, patient: &PatientId) -> Result<Vec<Visit>, DeviceError> {
        self.read(|tx| visits(tx, Some(patient)))
    }

    /// Everything that the phone holds of one patient.
    pub fn show_patient(&self, patient: &PatientId, now: Timestamp) -> Result<PatientShown, DeviceError> {
        self.read(|tx| {
            let demographics = demographics(tx, patient)?;
            let mut records: Vec<DisclosedRecord> = all(tx, Kind::Record, Some(patient))?;
            let lease_lapsed = lease_lapsed(tx, now)? && !records.is_empty();
            if lease_lapsed {
                records.clear();
            }
            let orders = all(tx, Kind::Order, Some(patient))?;
            let mut summary = PatientSummary::new(demographics, records, orders);
            if lease_lapsed {
                summary.allergy_knowledge = AllergyKnowledge::Locked;
            }
            let is_light = standing::is_light_patient(tx, patient)?;
            Ok(PatientShown { summary, lease_lapsed, as_of: hub_time(tx)?, is_light })
        })
    }

    /// What is held of a patient's disclosed records, whether the lease lets it be read or not: for whoever checks that what
    /// was withdrawn has gone.
    pub fn disclosed_held(&self, patient: &PatientId) -> Result<DisclosedHeld, DeviceError> {
        self.read(|tx| {
            let items = tx.items(Kind::Record, Some(patient))?;
            let mut records: Vec<ContentHash> = items.iter().map(|item| ContentHash::of(&item.body)).collect();
            records.sort_unstable();
            Ok(DisclosedHeld { records, has_key: tx.has_disclosed_key(patient)? })
        })
    }

    /// Facilities and staff by id, for names beside values.
    pub fn directory(&self) -> Result<Directory, DeviceError> {
        self.read(|tx| {
            Ok(Directory {
                facilities: all::<Facility>(tx, Kind::Facility, None)?
                    .into_iter()
                    .map(|f| (f.id.to_string(), f.name))
                    .collect(),
                staff: all::<Staff>(tx, Kind::Staff, None)?.into_iter().map(|s| (s.id.to_string(), s.name)).collect(),
            })
        })
    }

    /// Notes of which something is not on the hub's disk yet, the oldest first.
    pub fn unsent_rows(&self) -> Result<Vec<vault::NoteRow>, DeviceError> {
        self.read(|tx| Ok(tx.unsent_rows()?))
    }

    /// Every entry of the current series: its number, whether the hub has receipted it, whether its body is still here.
    pub fn outbox(&self) -> Result<Vec<vault::OutboxEntry>, DeviceError> {
        self.read(|tx| Ok(tx.outbox()?))
    }

    /// The series that entries are numbered in now.
    pub fn series(&self) -> Result<protocol::Series, DeviceError> {
        self.read(|tx| Ok(tx.sync_state()?.series))
    }

    pub fn status(&self, now: Timestamp) -> Result<Status, DeviceError> {
        let bytes = self.wear().bytes;
        self.read(|tx| {
            let state = tx.sync_state()?;
            Ok(Status {
                unsent: tx.unsent_notes()?,
                oldest_unsent: tx.unsent_rows()?.first().map(|row| row.changed_at),
                last_sync: state.last_sync.and_then(|at| Timestamp::from_millisecond(at).ok()),
                lease_until: state.lease_until.and_then(|at| Timestamp::from_millisecond(at).ok()),
                patients: tx.count_items(Kind::Patient)?,
                notes: tx.count_notes()?,
                set_aside: tx.count_items(crate::store_answer::SET_ASIDE)?,
                has_arrivals: tx.has_arrivals()?,
                damaged: tx.damaged(),
                held: tx.count_verdicts("held")?,
                rejected: tx.count_verdicts("rejected")?,
                received_up_to: tx.received_up_to()?,
                durable_up_to: state.durable_up_to,
                cursor: state.cursor,
                bytes,
                self_check: tx.self_check()?,
                clock: contact(&state).and_then(|contact| clock_doubt(now, Some(contact))),
                log: tx.sync_log()?,
            })
        })
    }

    /// A setting of the app, as text.
    pub fn setting(&self, name: &str) -> Result<Option<String>, DeviceError> {
        self.read(|tx| Ok(tx.setting(name)?))
    }

    pub fn put_setting(&self, name: &str, value: &str) -> Result<(), DeviceError> {
        self.write(|tx| Ok(tx.put_setting(name, value)?))
    }
}

/// Both clocks at the last answer of the hub.
fn contact(state: &vault::SyncState) -> Option<HubContact> {
    Some(HubContact {
        device: Timestamp::from_millisecond(state.last_sync?).ok()?,
        hub: Timestamp::from_millisecond(state.last_hub_time).ok()?,
    })
}

/// Names by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Directory {
    pub facilities: BTreeMap<String, String>,
    pub staff: BTreeMap<String, String>,
}

impl Directory {
    pub fn facility<'a>(&'a self, id: &'a record::FacilityId) -> &'a str {
        self.facilities.get(id.as_str()).map_or(id.as_str(), String::as_str)
    }

    pub fn staff<'a>(&'a self, id: &'a record::StaffId) -> &'a str {
        self.staff.get(id.as_str()).map_or(id.as_str(), String::as_str)
    }
}

pub(crate) fn all<T: serde::de::DeserializeOwned>(
    tx: &mut Tx<'_>,
    kind: Kind,
    patient: Option<&PatientId>,
) -> Result<Vec<T>, DeviceError> {
    // Everything was parsed on arrival; what an older version put there and this one cannot read is left out, not fatal.
    Ok(tx.items(kind, patient)?.iter().filter_map(|item| canonical::from_bytes(&item.body).ok()).collect())
}

/// What hospitals disclosed of a patient's allergies.
pub(crate) fn allergies(tx: &mut Tx<'_>, patient: &PatientId) -> Result<Vec<DisclosedRecord>, DeviceError> {
    Ok(tx.allergies(patient)?.iter().filter_map(|item| canonical::from_bytes(&item.body).ok()).collect())
}

fn demographics(tx: &mut Tx<'_>, patient: &PatientId) -> Result<Patient, DeviceError> {
    let known = all::<Patient>(tx, Kind::Patient, Some(patient))?.pop();
    known.ok_or_else(|| DeviceError::UnknownPatient(patient.clone()))
}

fn today_row(tx: &mut Tx<'_>, visit: Visit, lapsed: bool) -> Result<TodayRow, DeviceError> {
    let today = visit.date;
    let note_id = DocumentId::of_planned_visit(visit.id);
    let note = tx.note_row(note_id)?;
    let is_allergy = |r: &DisclosedRecord| !r.deleted && r.flag != Some(record::RecordFlag::NoneKnown);
    let has_allergy = match lapsed && tx.has_records(&visit.patient)? {
        true => None,
        false => Some(allergies(tx, &visit.patient)?.iter().any(is_allergy)),
    };
    let patient = all::<Patient>(tx, Kind::Patient, Some(&visit.patient))?.pop();
    let mut orders = all::<NursingOrder>(tx, Kind::Order, Some(&visit.patient))?;
    let holds = |o: &NursingOrder| o.from <= today && today <= o.until;
    orders.sort_by_key(|o| std::cmp::Reverse((holds(o), o.until)));
    Ok(TodayRow {
        note: note.as_ref().map(|_| note_id),
        state: note.map(|row| row.state),
        patient,
        has_allergy,
        orders: Orders::on(&orders, today),
        order: orders.into_iter().next(),
        visit,
    })
}

fn hub_time(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, DeviceError> {
    let state = tx.sync_state()?;
    Ok(state.last_sync.and(Timestamp::from_millisecond(state.last_hub_time).ok()))
}

pub(crate) fn lease_lapsed(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DeviceError> {
    // No lease at all = the hub knows of no consent that allows a copy.
    let state = tx.sync_state()?;
    // Running time counts even where a full disk keeps the lease's end from being written down.
    let run_out = state.lease_clock.is_some_and(|clock| crate::lease::after(&clock, RunningTime::now()).left_ms == 0);
    Ok(run_out || state.lease_until.is_none_or(|until| now.as_millisecond() > until))
}

/// `visits` in their order; one that is not among them (any more) was not asked for.
fn visit_to_open(visits: &[VisitOfToday], asked_for: Option<VisitId>) -> Option<VisitOfToday> {
    let is_open = |visit: &&VisitOfToday| visit.state.is_none_or(|state| state == NoteState::Draft);
    let asked = visits.iter().find(|visit| asked_for == Some(visit.visit));
    asked.or_else(|| visits.iter().find(is_open)).or(visits.last()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Desk, NOW, Outcome, later};
    use jiff::SignedDuration;
    use vault::Item;

    fn visit(n: u8, staff: &str) -> Outcome<(Visit, Item)> {
        let visit = Visit {
            id: DocumentId([n; 16]),
            patient: "p-1".parse()?,
            station: "st-1".parse()?,
            staff: staff.parse()?,
            date: day_in_japan(NOW),
            start: jiff::civil::time(9, 30, 0, 0),
            minutes: 60,
        };
        let body = canonical::to_bytes(&visit)?;
        let item = Item { kind: Kind::Visit, doc: visit.id, patient: Some(visit.patient.clone()), source: None, body };
        Ok((visit, item))
    }

    #[test]
    fn todays_visit_stands_as_its_note_does_whoever_wrote_it_and_tomorrow_it_is_gone() -> Outcome {
        let desk = Desk::new()?;
        let (phone, patient): (Phone, PatientId) = (desk.unlock(NOW)?, "p-1".parse()?);
        let ((mine, item), (_, theirs)) = (visit(7, "nurse-a")?, visit(8, "nurse-b")?);
        phone.write(|tx| {
            tx.put_item(&item)?;
            Ok(tx.put_item(&theirs)?)
        })?;
        let stands = |now| -> Outcome<Option<Option<NoteState>>> {
            let (rows, of_patient) = (phone.today(now)?, phone.visit_of_today(&patient, None, now)?);
            assert_eq!(
                rows.iter().map(|row| row.visit.id).collect::<Vec<_>>(),
                of_patient.iter().map(|v| v.visit).collect::<Vec<_>>()
            );
            assert_eq!(rows.first().map(|row| row.state), of_patient.map(|visit| visit.state));
            Ok(of_patient.map(|visit| visit.state))
        };
        assert_eq!(stands(NOW)?, Some(None));
        // Another window of the same vault.
        desk.unlock(later(1))?.start_note(&patient, Some(mine.id), later(1))?;
        assert_eq!(stands(later(2))?, Some(Some(NoteState::Draft)));
        assert_eq!(stands(NOW + SignedDuration::from_hours(24))?, None);
        phone.write(|tx| Ok(tx.forget_items(&[Kind::Visit], &patient)?))?;
        assert_eq!(stands(later(3))?, None);
        Ok(())
    }

    #[test]
    fn of_several_visits_to_one_patient_the_one_that_is_asked_for_opens() {
        let visit = |n, state| VisitOfToday { visit: DocumentId([n; 16]), state };
        let (morning, noon) = (visit(1, Some(NoteState::Confirmed)), visit(2, None));
        let (afternoon, evening) = (visit(3, Some(NoteState::Draft)), visit(4, None));
        let day = [morning, noon, afternoon, evening];
        for one in day {
            assert_eq!(visit_to_open(&day, Some(one.visit)), Some(one));
        }
        assert_eq!(visit_to_open(&day, None), Some(noon), "the first that is still to be written");
        assert_eq!(visit_to_open(&day, Some(DocumentId([9; 16]))), Some(noon), "it is no visit of today any more");
        let closed = visit(5, Some(NoteState::Closed));
        assert_eq!(visit_to_open(&[morning, closed], None), Some(closed), "all are written");
        assert_eq!(visit_to_open(&[], Some(noon.visit)), None);
    }

    #[test]
    fn what_was_read_ahead_is_what_is_read() -> Outcome {
        let desk = Desk::new()?;
        let (phone, patient): (Phone, PatientId) = (desk.unlock(NOW)?, "p-1".parse()?);
        let first = desk.confirmed_note(&phone, "p-1")?;
        phone.read_ahead()?;
        assert_eq!(phone.note_rows(Some(&patient))?.iter().map(|row| row.note).collect::<Vec<_>>(), [first]);
        desk.note(&phone, "p-2")?;
        assert_eq!(phone.note_rows(None)?.len(), 2);
        Ok(())
    }
}
