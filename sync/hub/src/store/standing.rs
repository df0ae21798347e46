//! What of a patient one person gets: by role, assignment and consent. Told to her phones through the feed, asked at read.
//!
//! Whatever a reading leaves out because a patient is light was preceded by a statement that says so, or is followed by one:
//! a phone that hears of *full* after *light* fetches the patient whole, and nothing falls between.

use super::facilities::{id, of_word, word};
use super::feed::{FeedRow, NewFeedRow};
use super::{Tx, today};
use crate::error::HubError;
use jiff::civil::Date;
use protocol::{Extent, Kind, PatientStanding, Series};
use record::{
    ContentHash, DataClass, DeviceId, DisclosedRecord, DocumentId, FacilityId, Form, PatientId, StaffId, StaffRole,
    Visit, canonical,
};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A planned visit so many days ago, or ahead, makes its nurse the patient's.
const DAYS_BACK: i64 = 7;
const DAYS_AHEAD: i64 = 14;
/// Visit notes (form 1) of a patient that everybody of the station reads.
const LAST_NOTES: &str =
    "SELECT doc FROM note WHERE station = ?1 AND patient = ?2 AND form = 1 ORDER BY begun DESC, doc LIMIT 5";

/// What one person may read of her station's feed, as it stands in this transaction. Asked once a request.
pub struct Reader {
    staff: StaffId,
    /// 事務: names and plans, no clinical body.
    is_office: bool,
    /// Patients that she does not get in full.
    less: HashMap<PatientId, Extent>,
    /// The notes of them that she gets, once asked for.
    notes: HashMap<PatientId, Vec<DocumentId>>,
}

impl Reader {
    /// Whether a row of the feed is hers to read. A disclosed record is asked about again, by its class.
    pub fn lets(&mut self, tx: &Tx<'_>, station: &FacilityId, row: &FeedRow, today: Date) -> Result<bool, HubError> {
        if row.staff.as_ref().is_some_and(|staff| *staff != self.staff) {
            return Ok(false);
        }
        if self.is_office {
            let plain = [Kind::Patient, Kind::Visit, Kind::Consent, Kind::Facility, Kind::Staff, Kind::DeviceKey];
            return Ok(plain.contains(&row.kind));
        }
        let Some(patient) = row.patient.as_ref() else { return Ok(true) };
        let Some(extent) = self.less.get(patient).copied() else { return Ok(true) };
        Ok(match (extent, row.kind) {
            // Who hears of a patient, and that something was withdrawn, is never left out.
            (_, Kind::Patient | Kind::Consent | Kind::Standing) => true,
            (Extent::Gone, _) => false,
            (_, Kind::Record | Kind::Order | Kind::Handover) => true,
            (_, Kind::Visit) => {
                let visit = row.body.as_deref().and_then(|body| canonical::from_bytes::<Visit>(body).ok());
                visit.is_none_or(|visit| visit.date >= today)
            }
            (_, Kind::Note | Kind::Confirmation | Kind::Amendment) => {
                self.last_notes(tx, station, patient)?.contains(&row.doc)
            }
            _ => false,
        })
    }

    /// Whether a note of a patient is hers to read.
    pub fn lets_note(
        &mut self,
        tx: &Tx<'_>,
        station: &FacilityId,
        patient: &PatientId,
        note: DocumentId,
    ) -> Result<bool, HubError> {
        match self.less.get(patient) {
            _ if self.is_office => Ok(false),
            None => Ok(true),
            Some(Extent::Light) => Ok(self.last_notes(tx, station, patient)?.contains(&note)),
            Some(_) => Ok(false),
        }
    }

    /// Whether everything of a patient is hers to read.
    pub fn has_in_full(&self, patient: &PatientId) -> bool {
        !self.is_office && !self.less.contains_key(patient)
    }

    fn last_notes(
        &mut self,
        tx: &Tx<'_>,
        station: &FacilityId,
        patient: &PatientId,
    ) -> Result<&[DocumentId], HubError> {
        Ok(match self.notes.entry(patient.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(tx.last_notes(station, patient)?),
        })
    }

    /// Whether a disclosed record is hers to read, where consent lets the station have it.
    pub fn lets_record(&self, patient: &PatientId, record: &DisclosedRecord) -> bool {
        !self.is_office
            && match self.less.get(patient) {
                None => true,
                Some(Extent::Gone) => false,
                Some(_) => record.class == DataClass::Allergy,
            }
    }
}

impl Tx<'_> {
    /// How a person stands to the station's patients today; tells her phones what has changed since they were told.
    pub fn tell_standings(&self, station: &FacilityId, staff: &StaffId) -> Result<Reader, HubError> {
        let role = self.staff_member(staff)?.map(|person| person.role);
        let is_office = role == Some(StaffRole::Office);
        let mut reader = Reader { staff: staff.clone(), is_office, less: HashMap::new(), notes: HashMap::new() };
        if is_office || !self.assigns(station)? {
            return Ok(reader);
        }
        let sees_all = matches!(role, Some(StaffRole::Manager | StaffRole::Physician));
        for (patient, extent, told) in self.standings(station, staff, sees_all)? {
            if told.unwrap_or(Extent::Full) != extent {
                self.tell_standing(station, staff, &patient, extent)?;
            }
            if extent != Extent::Full {
                reader.less.insert(patient, extent);
            }
        }
        Ok(reader)
    }

    /// After this phones are told again whom they have in part, and also whom they had in part and have in full by now: who
    /// reads the feed once more meets the older word.
    pub(super) fn tell_standings_again(&self) -> Result<(), HubError> {
        self.sql.execute("DELETE FROM standing WHERE extent = ?1", [word(&Extent::Full)])?;
        self.sql.execute("UPDATE standing SET extent = ?1", [word(&Extent::Unknown)])?;
        Ok(())
    }

    /// Every patient of the station: what the person gets today, and what she was told last.
    fn standings(
        &self,
        station: &FacilityId,
        staff: &StaffId,
        sees_all: bool,
    ) -> Result<Vec<(PatientId, Extent, Option<Extent>)>, HubError> {
        let today = today(self.now);
        let day = |days: i64| today.saturating_add(jiff::Span::new().days(days)).to_string();
        // Whom the station may know: as in `may_know`.
        let mut statement = self.sql.prepare_cached(
            "SELECT c.patient, s.extent,
                 EXISTS (SELECT 1 FROM consent WHERE viewing = ?1 AND patient = c.patient AND withdrawn_at IS NULL
                             AND (until IS NULL OR until >= ?3))
                     OR EXISTS (SELECT 1 FROM nursing_order WHERE station = ?1 AND patient = c.patient)
                     OR EXISTS (SELECT 1 FROM note WHERE station = ?1 AND patient = c.patient),
                 EXISTS (SELECT 1 FROM assignment WHERE staff = ?2 AND patient = c.patient AND ended_at IS NULL
                             AND (until IS NULL OR until >= ?3))
                     OR EXISTS (SELECT 1 FROM visit WHERE staff = ?2 AND patient = c.patient AND date BETWEEN ?4 AND ?5)
             FROM care AS c LEFT JOIN standing AS s ON s.station = c.station AND s.staff = ?2 AND s.patient = c.patient
             WHERE c.station = ?1 ORDER BY c.patient",
        )?;
        let asked = (station.as_str(), staff.as_str(), today.to_string(), day(-DAYS_BACK), day(DAYS_AHEAD));
        Ok(statement
            .query_map(asked, |r| {
                let told: Option<String> = r.get(1)?;
                let (may_know, is_hers): (bool, bool) = (r.get(2)?, r.get(3)?);
                let extent = match (may_know, is_hers || sees_all) {
                    (false, _) => Extent::Gone,
                    (true, true) => Extent::Full,
                    (true, false) => Extent::Light,
                };
                Ok((id(r, 0)?, extent, told.map(of_word).transpose()?))
            })?
            .collect::<Result<_, _>>()?)
    }

    fn tell_standing(
        &self,
        station: &FacilityId,
        staff: &StaffId,
        patient: &PatientId,
        extent: Extent,
    ) -> Result<(), HubError> {
        let leave = if extent == Extent::Full { Vec::new() } else { self.beyond_light(station, patient)? };
        let version = self.raise_version(station, patient)?;
        let told = PatientStanding { patient: patient.clone(), staff: staff.clone(), version, extent, leave };
        let body = canonical::to_bytes(&told)?;
        let whose = [staff.as_str().as_bytes(), b"\0", patient.as_str().as_bytes()].concat();
        let row = NewFeedRow {
            kind: Kind::Standing,
            doc: DocumentId::derive("standing", &whose),
            patient: Some(patient),
            staff: Some(staff),
            device: None,
            entry: None,
            body: Some(&body),
            hash: ContentHash::of(&body),
            received_at: None,
        };
        let n = self.append_feed(station, &row)?;
        self.sql
            .prepare_cached(
                "INSERT INTO standing (station, staff, patient, extent, n) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (station, staff, patient) DO UPDATE SET extent = excluded.extent, n = excluded.n",
            )?
            .execute((station.as_str(), staff.as_str(), patient.as_str(), word(&extent), n as i64))?;
        Ok(())
    }

    /// The visit notes that were begun last. A note that has left them never comes back: their order is fixed.
    fn last_notes(&self, station: &FacilityId, patient: &PatientId) -> Result<Vec<DocumentId>, HubError> {
        let mut statement = self.sql.prepare_cached(LAST_NOTES)?;
        Ok(statement
            .query_map((station.as_str(), patient.as_str()), |r| r.get(0).map(DocumentId))?
            .collect::<Result<_, _>>()?)
    }

    /// What the station wrote of a patient beyond the last notes and the board.
    fn beyond_light(&self, station: &FacilityId, patient: &PatientId) -> Result<Vec<DocumentId>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT doc FROM note WHERE station = ?1 AND patient = ?2 AND form <> ?3 AND doc NOT IN ({LAST_NOTES}) ORDER BY doc"
        ))?;
        Ok(statement
            .query_map((station.as_str(), patient.as_str(), Form::Handover.tag()), |r| r.get(0).map(DocumentId))?
            .collect::<Result<_, _>>()?)
    }

    /// Flags what a device wrote of patients that its owner had lost by then, without having heard of it: its cursor stood
    /// before the statement. Of a series only what came after a number.
    pub fn mark_late(
        &self,
        (device, series): (DeviceId, Series),
        staff: &StaffId,
        after: u64,
        heard_up_to: u64,
    ) -> Result<usize, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "UPDATE entry SET late = 1 WHERE device = ?1 AND series = ?2 AND seq > ?3
                     AND EXISTS (SELECT 1 FROM standing AS s WHERE s.station = entry.station AND s.staff = ?4
                                     AND s.patient = entry.patient AND s.extent NOT IN ('full', 'unknown') AND s.n > ?5)",
            )?
            .execute((device.0, series.0.0, after as i64, staff.as_str(), heard_up_to as i64))?)
    }
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
