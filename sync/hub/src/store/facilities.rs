//! Facilities and staff. Every station's feed tells the network's facilities and its own staff.

use super::Tx;
use crate::error::HubError;
use protocol::Kind;
use record::facility::{FacilityKind, StaffRole};
use record::{DocumentId, Facility, FacilityId, Staff, StaffId};
use rusqlite::{OptionalExtension, Row};

impl Tx<'_> {
    /// Adds a facility. The same one again changes nothing.
    pub fn add_facility(&self, facility: &Facility) -> Result<(), HubError> {
        if let Some(known) = self.facility(&facility.id)? {
            return if known == *facility { Ok(()) } else { Err(HubError::FacilityExists(facility.id.clone())) };
        }
        self.sql.execute(
            "INSERT INTO facility (id, kind, name, disclosing) VALUES (?1, ?2, ?3, ?4)",
            (facility.id.as_str(), word(&facility.kind), &facility.name, facility.disclosing),
        )?;
        if facility.kind == FacilityKind::Station {
            for known in self.facilities()?.iter().filter(|known| known.id != facility.id) {
                self.tell_facility(&facility.id, known)?;
            }
        }
        for station in self.stations()? {
            self.tell_facility(&station, facility)?;
        }
        Ok(())
    }

    pub fn facility(&self, id: &FacilityId) -> Result<Option<Facility>, HubError> {
        Ok(self
            .sql
            .query_row("SELECT id, kind, name, disclosing FROM facility WHERE id = ?1", [id.as_str()], read_facility)
            .optional()?)
    }

    pub fn known_facility(&self, id: &FacilityId) -> Result<Facility, HubError> {
        self.facility(id)?.ok_or_else(|| HubError::UnknownFacility(id.clone()))
    }

    pub fn facilities(&self) -> Result<Vec<Facility>, HubError> {
        let mut statement = self.sql.prepare("SELECT id, kind, name, disclosing FROM facility ORDER BY id")?;
        Ok(statement.query_map([], read_facility)?.collect::<Result<_, _>>()?)
    }

    pub fn stations(&self) -> Result<Vec<FacilityId>, HubError> {
        Ok(self.facilities()?.into_iter().filter(|f| f.kind == FacilityKind::Station).map(|f| f.id).collect())
    }

    pub fn add_staff(&self, staff: &Staff) -> Result<(), HubError> {
        self.known_facility(&staff.facility)?;
        if let Some(known) = self.staff_member(&staff.id)? {
            return if known == *staff { Ok(()) } else { Err(HubError::StaffExists(staff.id.clone())) };
        }
        self.sql.execute(
            "INSERT INTO staff (id, facility, name, role) VALUES (?1, ?2, ?3, ?4)",
            (staff.id.as_str(), staff.facility.as_str(), &staff.name, word(&staff.role)),
        )?;
        let doc = DocumentId::derive("staff", staff.id.as_str().as_bytes());
        self.append_feed_body(&staff.facility, Kind::Staff, doc, None, staff)
    }

    pub fn staff_member(&self, id: &StaffId) -> Result<Option<Staff>, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT id, facility, name, role FROM staff WHERE id = ?1")?
            .query_row([id.as_str()], read_staff)
            .optional()?)
    }

    pub fn known_staff(&self, id: &StaffId) -> Result<Staff, HubError> {
        self.staff_member(id)?.ok_or_else(|| HubError::UnknownStaff(id.clone()))
    }

    pub fn staff(&self) -> Result<Vec<Staff>, HubError> {
        let mut statement = self.sql.prepare("SELECT id, facility, name, role FROM staff ORDER BY facility, id")?;
        Ok(statement.query_map([], read_staff)?.collect::<Result<_, _>>()?)
    }

    fn tell_facility(&self, station: &FacilityId, facility: &Facility) -> Result<(), HubError> {
        let doc = DocumentId::derive("facility", facility.id.as_str().as_bytes());
        self.append_feed_body(station, Kind::Facility, doc, None, facility)
    }
}

/// An enum's word in the database is its word on the wire.
pub(super) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(super) fn of_word<T: serde::de::DeserializeOwned>(word: String) -> rusqlite::Result<T> {
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

/// An id column: written by us, so anything else is damage.
pub(super) fn id<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.get::<_, String>(column)?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// The same of a column that may be empty.
pub(super) fn id_or_none<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.get::<_, Option<String>>(column)? {
        Some(_) => id(row, column).map(Some),
        None => Ok(None),
    }
}

fn read_facility(row: &Row<'_>) -> rusqlite::Result<Facility> {
    Ok(Facility {
        id: id(row, 0)?,
        kind: of_word::<FacilityKind>(row.get(1)?)?,
        name: row.get(2)?,
        disclosing: row.get(3)?,
    })
}

fn read_staff(row: &Row<'_>) -> rusqlite::Result<Staff> {
    Ok(Staff { id: id(row, 0)?, facility: id(row, 1)?, name: row.get(2)?, role: of_word::<StaffRole>(row.get(3)?)? })
}
