//! 照合 (digest): what a station has of a patient, as one hash.

use super::facilities::id;
use super::{DeviceRow, Tx};
use crate::error::HubError;
use protocol::digest::Tally;
use record::{ContentHash, DocumentId, FacilityId, PatientId};
use std::collections::BTreeSet;

/// In `meta` from when on every document's version is there.
const VERSIONS_KNOWN: &str = "versions_known";
/// In the words of its index, as `entries::UNSETTLED`.
pub(super) const UNSETTLED_OF: &str =
    "SELECT device, patient FROM entry WHERE state IN ('received', 'waiting') ORDER BY doc, id";

impl Tx<'_> {
    /// Which version a document stands at; `None`: it cannot be read.
    pub fn put_version(
        &self,
        doc: DocumentId,
        (station, patient): (&FacilityId, &PatientId),
        version: Option<ContentHash>,
    ) -> Result<(), HubError> {
        self.sql
            .prepare_cached(
                "INSERT INTO note_version (doc, station, patient, version) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (doc) DO UPDATE SET version = excluded.version",
            )?
            .execute((doc.0, station.as_str(), patient.as_str(), version.map(|version| version.0)))?;
        Ok(())
    }

    /// Whether every document's version is written down. Said once, and not counted again: a document is never stored without.
    pub fn versions_are_known(&self) -> Result<bool, HubError> {
        Ok(self.has_said_versions_are_known()? || self.is_every_version_there()?)
    }

    pub fn has_said_versions_are_known(&self) -> Result<bool, HubError> {
        Ok(self.meta(VERSIONS_KNOWN)?.is_some())
    }

    /// From here on nobody counts, if it is so.
    pub fn say_versions_are_known(&self) -> Result<(), HubError> {
        if self.is_every_version_there()? { self.put_meta(VERSIONS_KNOWN, "1") } else { Ok(()) }
    }

    fn is_every_version_there(&self) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT (SELECT count(*) FROM note) = (SELECT count(*) FROM note_version)")?
            .query_row([], |r| r.get(0))?)
    }

    /// Documents of before versions were written down.
    pub fn documents_without_version(&self) -> Result<Vec<(DocumentId, FacilityId, PatientId)>, HubError> {
        let mut statement = self
            .sql
            .prepare("SELECT doc, station, patient FROM note WHERE doc NOT IN (SELECT doc FROM note_version)")?;
        let rows = statement
            .query_map([], |r| Ok((DocumentId(r.get(0)?), id::<FacilityId>(r, 1)?, id::<PatientId>(r, 2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a phone of the station that has read everything holds of a patient; `None`: not known here either.
    pub fn digest_of(&self, station: &FacilityId, patient: &PatientId) -> Result<Option<Vec<u8>>, HubError> {
        let mut tally = Tally::default();
        let whose = (station.as_str(), patient.as_str());
        let mut documents =
            self.sql.prepare_cached("SELECT doc, version FROM note_version WHERE station = ?1 AND patient = ?2")?;
        let mut rows = documents.query(whose)?;
        while let Some(row) = rows.next()? {
            let Some(version) = row.get::<_, Option<[u8; 32]>>(1)? else { return Ok(None) };
            tally.document(DocumentId(row.get(0)?), ContentHash(version));
        }
        let mut statements = self.sql.prepare_cached(
            "SELECT v.doc, e.hash FROM note_version v JOIN confirmation c ON c.doc = v.doc JOIN entry e ON e.id = c.entry
             WHERE v.station = ?1 AND v.patient = ?2
             UNION ALL SELECT v.doc, e.hash FROM note_version v JOIN entry e ON e.doc = v.doc
             WHERE e.kind = 15 AND e.state = 'passed' AND v.station = ?1 AND v.patient = ?2",
        )?;
        let mut rows = statements.query(whose)?;
        while let Some(row) = rows.next()? {
            tally.statement(DocumentId(row.get(0)?), ContentHash(row.get(1)?));
        }
        Ok(Some(tally.hash()))
    }

    /// Patients of whom the device has not read everything, or sent something that has not passed.
    pub fn moving_patients(&self, device: &DeviceRow, after: u64) -> Result<BTreeSet<PatientId>, HubError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT patient FROM feed WHERE station = ?1 AND n > ?2 AND patient IS NOT NULL
             UNION SELECT patient FROM entry WHERE device = ?3 AND state IN ('held', 'waiting', 'rejected')",
        )?;
        let moves =
            statement.query_map((device.station.as_str(), after as i64, device.device.0), |r| id::<PatientId>(r, 0))?;
        let mut moving = moves.collect::<Result<BTreeSet<_>, _>>()?;
        // What nobody has checked is little, whoever sent it; what the device ever sent is not.
        let mut unchecked = self.sql.prepare_cached(UNSETTLED_OF)?;
        let mut rows = unchecked.query([])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, [u8; 8]>(0)? == device.device.0 {
                moving.insert(id(row, 1)?);
            }
        }
        Ok(moving)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    /// Said, and so.
    fn told(tx: &Tx<'_>) -> Result<(bool, bool), HubError> {
        Ok((tx.has_said_versions_are_known()?, tx.versions_are_known()?))
    }

    #[test]
    fn that_every_version_is_there_is_said_once_it_is_so() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (store, patient) = testing::hub(folder.path(), &["st-1"])?;
        let (station, doc): (FacilityId, DocumentId) = ("st-1".parse()?, DocumentId([1; 16]));
        // As a version stored it that wrote none down.
        store.write(|tx| {
            tx.sql.execute(
                "INSERT INTO note (doc, station, patient, updated_at, document, view) VALUES (?1, ?2, ?3, 0, x'00', x'00')",
                (doc.0, station.as_str(), patient.as_str()),
            )?;
            tx.say_versions_are_known()
        })?;
        assert_eq!(store.read(told)?, (false, false));
        store.write(|tx| tx.put_version(doc, (&station, &patient), None))?;
        assert_eq!(store.read(told)?, (false, true));
        store.write(|tx| tx.say_versions_are_known())?;
        assert_eq!(store.read(told)?, (true, true));
        Ok(())
    }
}
