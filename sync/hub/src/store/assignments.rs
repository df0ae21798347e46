//! 担当: who of a station is assigned to which patient. Rows are ended, never changed.

use super::facilities::{id, id_or_none};
use super::{Tx, Who};
use crate::error::HubError;
use jiff::civil::Date;
use record::{FacilityId, PatientId, StaffId};

/// One assignment, past or present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub patient: PatientId,
    pub staff: StaffId,
    pub station: FacilityId,
    pub until: Option<Date>,
    /// Hub's clock, milliseconds, here and below.
    pub begun_at: i64,
    pub begun_by: String,
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
}

impl Tx<'_> {
    /// 担当の割当. The same pair again replaces the last day. From its first assignment on a station assigns for ever: whoever
    /// is not assigned, has no visit planned and is no manager gets a patient light.
    pub fn assign(
        &self,
        patient: &PatientId,
        staff: &StaffId,
        until: Option<Date>,
        who: &Who<'_>,
    ) -> Result<(), HubError> {
        self.known_patient(patient)?;
        let station = self.known_staff(staff)?.facility;
        if !self.has_care(&station, patient)? {
            return Err(HubError::NoCare { patient: patient.clone(), station });
        }
        self.end_assignment(patient, staff, who)?;
        self.sql.execute(
            "INSERT INTO assignment (station, patient, staff, until, begun_at, begun_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                station.as_str(),
                patient.as_str(),
                staff.as_str(),
                until.map(|day| day.to_string()),
                self.now,
                who.to_string(),
            ),
        )?;
        self.tell_whole_station(&station)
    }

    /// 担当の解除. Takes nothing from a phone by itself: what goes is named to it, and goes when the hub has it durably.
    pub fn unassign(&self, patient: &PatientId, staff: &StaffId, who: &Who<'_>) -> Result<(), HubError> {
        let station = self.known_staff(staff)?.facility;
        if self.end_assignment(patient, staff, who)? == 0 {
            return Err(HubError::NotAssigned { patient: patient.clone(), staff: staff.clone() });
        }
        self.tell_whole_station(&station)
    }

    fn end_assignment(&self, patient: &PatientId, staff: &StaffId, who: &Who<'_>) -> Result<usize, HubError> {
        Ok(self.sql.execute(
            "UPDATE assignment SET ended_at = ?3, ended_by = ?4 WHERE staff = ?1 AND patient = ?2 AND ended_at IS NULL",
            (staff.as_str(), patient.as_str(), self.now, who.to_string()),
        )?)
    }

    /// Whoever loses a patient by it is told in the same transaction: what she writes until she hears of it is late.
    fn tell_whole_station(&self, station: &FacilityId) -> Result<(), HubError> {
        for person in self.staff()?.into_iter().filter(|person| person.facility == *station) {
            self.tell_standings(station, &person.id)?;
        }
        Ok(())
    }

    /// Whether a station has ever assigned anybody. One that has not works as one team: everybody gets every patient in full.
    pub fn assigns(&self, station: &FacilityId) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM assignment WHERE station = ?1)")?
            .query_row([station.as_str()], |r| r.get(0))?)
    }

    /// Every assignment ever made, in the order of making.
    pub fn assignments(&self) -> Result<Vec<Assignment>, HubError> {
        let mut statement = self.sql.prepare(
            "SELECT patient, staff, station, until, begun_at, begun_by, ended_at, ended_by FROM assignment ORDER BY id",
        )?;
        Ok(statement
            .query_map([], |r| {
                Ok(Assignment {
                    patient: id(r, 0)?,
                    staff: id(r, 1)?,
                    station: id(r, 2)?,
                    until: id_or_none(r, 3)?,
                    begun_at: r.get(4)?,
                    begun_by: r.get(5)?,
                    ended_at: r.get(6)?,
                    ended_by: r.get(7)?,
                })
            })?
            .collect::<Result<_, _>>()?)
    }
}
