//! Reading what the phone holds: lists, one patient, today's visits, how things stand. No waiting, no network.

use crate::error::DeviceError;
use crate::note::visits;
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
    ContentHash, DisclosedRecord, DocumentId, Facility, NursingOrder, Patient, PatientId, PatientSummary, Staff, Visit,
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

/// One of today's visits.
#[derive(Debug, Clone)]
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
        self.read(|tx| {
            let as_of = hub_time(tx)?;
            let light = standing::light(tx)?;
            let mut rows: Vec<PatientRow> = all::<Patient>(tx, Kind::Patient, None)?
                .into_iter()
                .map(|patient| PatientRow { is_light: light.contains(&patient.id), patient, as_of })
                .collect();
            let patients: Vec<Patient> = rows.iter().map(|row| row.patient.clone()).collect();
            let order: BTreeMap<PatientId, usize> = PatientIndex::new(&patients)
                .search("")
                .into_iter()
                .enumerate()
                .map(|(at, patient)| (patient, at))
                .collect();
            rows.sort_by_key(|row| order.get(&row.patient.id).copied());
            Ok(rows)
        })
    }

    /// Patients found by reading, name in any variant, birth date, number or town, the likeliest first.
    pub fn find_patients(&self, query: &str) -> Result<Vec<PatientRow>, DeviceError> {
        let rows = self.patients()?;
        let patients: Vec<Patient> = rows.iter().map(|row| row.patient.clone()).collect();
        let found = PatientIndex::new(&patients).search(query);
        Ok(found.into_iter().filter_map(|id| rows.iter().find(|row| row.patient.id == id).cloned()).collect())
    }

    /// Today's visits of this nurse, Japan's today.
    pub fn today(&self, now: Timestamp) -> Result<Vec<TodayRow>, DeviceError> {
        let today = day_in_japan(now);
        self.read(|tx| {
            let lapsed = lease_lapsed(tx, now)?;
            let mut rows = Vec::new();
            for visit in visits(tx, None)? {
                if visit.date != today || visit.staff != self.identity().staff {
                    continue;
                }
                let note_id = DocumentId::of_planned_visit(visit.id);
                let records = all::<DisclosedRecord>(tx, Kind::Record, Some(&visit.patient))?;
                let lapsed = lapsed && !records.is_empty();
                let note = tx.note(note_id)?;
                let patient = all::<Patient>(tx, Kind::Patient, Some(&visit.patient))?.pop();
                let is_allergy = |r: &DisclosedRecord| {
                    r.class == record::DataClass::Allergy && !r.deleted && r.flag != Some(record::RecordFlag::NoneKnown)
                };
                let has_allergy = (!lapsed).then(|| records.iter().any(is_allergy));
                let mut orders = all::<NursingOrder>(tx, Kind::Order, Some(&visit.patient))?;
                let holds = |o: &NursingOrder| o.from <= today && today <= o.until;
                orders.sort_by_key(|o| std::cmp::Reverse((holds(o), o.until)));
                rows.push(TodayRow {
                    note: note.as_ref().map(|_| note_id),
                    state: note.map(|n| n.row.state),
                    patient,
                    has_allergy,
                    orders: Orders::on(&orders, today),
                    order: orders.into_iter().next(),
                    visit,
                });
            }
            Ok(rows)
        })
    }

    /// Every planned visit of a patient that the phone holds, whoever goes, the earliest first.
    pub fn planned_visits(&self, patient: &PatientId) -> Result<Vec<Visit>, DeviceError> {
        self.read(|tx| visits(tx, Some(patient)))
    }

    /// Everything that the phone holds of one patient.
    pub fn show_patient(&self, patient: &PatientId, now: Timestamp) -> Result<PatientShown, DeviceError> {
        self.read(|tx| {
            let demographics = all::<Patient>(tx, Kind::Patient, Some(patient))?
                .pop()
                .ok_or_else(|| DeviceError::UnknownPatient(patient.clone()))?;
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
