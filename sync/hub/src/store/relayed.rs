//! Relayed copies: others' words that a phone held when the hub had been put back to before them.

use super::capsules::{COLUMNS, read_copy};
use super::facilities::id;
use super::{CopyRow, DeviceRow, Tx};
use crate::error::HubError;
use protocol::Holding;
use protocol::digest::Tally;
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId};
use rusqlite::OptionalExtension;

/// When the epoch began, by the hub's clock in milliseconds. In the first one, before any restore, it is not there.
pub(super) const EPOCH_BEGAN: &str = "epoch_began";
/// How long after a restore phones may bring what others wrote: their authors have been back by then, or will not be.
const OPEN_MS: i64 = 45 * 24 * 3_600_000;

/// What is held of one document, whoever brought it.
#[derive(Debug, Clone)]
pub struct HeldRelayed {
    pub doc: DocumentId,
    /// One of those who brought it.
    pub by: DeviceId,
    /// Who made it.
    pub makers: Vec<DeviceId>,
    pub station: FacilityId,
    pub patient: PatientId,
    pub changes: u64,
    pub received_at: i64,
}

impl Tx<'_> {
    /// Whether phones may bring what others wrote: only a hub that was put back, and not long ago, may have lost it.
    pub fn takes_relayed(&self) -> Result<bool, HubError> {
        let began = self.meta(EPOCH_BEGAN)?.and_then(|at| at.parse::<i64>().ok());
        Ok(began.is_some_and(|began| self.now - began < OPEN_MS))
    }

    /// Of a phone's documents those that are not the same here. Of another station's nothing is said.
    pub fn lacking(&self, station: &FacilityId, holds: &[Holding]) -> Result<Vec<DocumentId>, HubError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT n.station, v.version FROM note AS n LEFT JOIN note_version AS v ON v.doc = n.doc WHERE n.doc = ?1",
        )?;
        let mut lacking = Vec::new();
        for held in holds {
            let found: Option<(String, Option<[u8; 32]>)> =
                statement.query_row([held.doc.0], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            let is_same = match found {
                Some((owner, _)) if owner != station.as_str() => true,
                Some((_, Some(version))) => self.tally_of(held.doc, ContentHash(version))? == held.hash,
                // Not here, or it cannot be read here.
                _ => false,
            };
            if !is_same {
                lacking.push(held.doc);
            }
        }
        Ok(lacking)
    }

    /// One document at a version, and what was said about it, as a phone adds it up.
    fn tally_of(&self, doc: DocumentId, version: ContentHash) -> Result<Vec<u8>, HubError> {
        let mut tally = Tally::default();
        tally.document(doc, version);
        let mut statement = self.sql.prepare_cached(
            "SELECT e.hash FROM confirmation AS c JOIN entry AS e ON e.id = c.entry WHERE c.doc = ?1
             UNION ALL SELECT hash FROM entry WHERE doc = ?1 AND kind = 15 AND state = 'passed'",
        )?;
        let mut rows = statement.query([doc.0])?;
        while let Some(row) = rows.next()? {
            tally.statement(doc, ContentHash(row.get(0)?));
        }
        Ok(tally.hash())
    }

    /// Whether a copy of this change or statement came before, and opened: whatever a person made of it, it is not asked again.
    pub(super) fn has_copy_of(&self, doc: DocumentId, hash: ContentHash) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM capsule WHERE doc = ?1 AND hash = ?2 AND state <> 'unreadable')",
            )?
            .query_row((doc.0, hash.0), |r| r.get(0))?)
    }

    pub fn is_relayed_held(&self, doc: DocumentId) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM capsule WHERE doc = ?1 AND state = 'held' AND maker IS NOT NULL)",
            )?
            .query_row([doc.0], |r| r.get(0))?)
    }

    /// What is held of a document, in the order in which it came: its makers' order. All of it for one patient: what says
    /// another waits for the next time.
    pub fn held_relayed(&self, doc: DocumentId) -> Result<Vec<CopyRow>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM capsule WHERE doc = ?1 AND state = 'held' AND maker IS NOT NULL ORDER BY id"
        ))?;
        let rows = statement.query_map([doc.0], read_copy)?.collect::<Result<_, _>>()?;
        let mut copies = self.open_copies(rows)?;
        if let Some((station, patient)) = copies.first().map(|first| (first.station.clone(), first.patient.clone())) {
            copies.retain(|copy| copy.station == station && copy.patient == patient);
        }
        Ok(copies)
    }

    /// Everything held, by document, oldest first.
    pub fn all_held_relayed(&self) -> Result<Vec<HeldRelayed>, HubError> {
        let mut statement = self.sql.prepare(
            "SELECT doc, min(device), station, patient, count(*), min(received_at) FROM capsule
             WHERE state = 'held' AND maker IS NOT NULL GROUP BY doc, station, patient ORDER BY min(received_at), doc",
        )?;
        let mut held = statement
            .query_map([], |r| {
                Ok(HeldRelayed {
                    doc: DocumentId(r.get(0)?),
                    by: DeviceId(r.get(1)?),
                    makers: Vec::new(),
                    station: id(r, 2)?,
                    patient: id(r, 3)?,
                    changes: r.get::<_, i64>(4)? as u64,
                    received_at: r.get(5)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let mut makers = self.sql.prepare(
            "SELECT DISTINCT maker FROM capsule WHERE doc = ?1 AND state = 'held' AND maker IS NOT NULL ORDER BY maker",
        )?;
        for one in &mut held {
            one.makers = makers.query_map([one.doc.0], |r| r.get(0).map(DeviceId))?.collect::<Result<_, _>>()?;
        }
        Ok(held)
    }

    /// The device that made a relayed copy, if this hub knows it as one of the same station.
    pub fn maker_of(&self, copy: &CopyRow) -> Result<Option<DeviceRow>, HubError> {
        Ok(self.device(copy.device)?.filter(|maker| maker.station == copy.station))
    }
}
