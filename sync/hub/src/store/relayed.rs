//! Relayed copies: others' words that a phone held when the hub had been put back to before them.

use super::capsules::{COLUMNS, TakenCopies, read_copy};
use super::facilities::id;
use super::{CopyRow, CopyState, DeviceRow, Tx};
use crate::error::HubError;
use protocol::capsule::{Copy, SealedCopy, relay_series};
use protocol::digest::Tally;
use protocol::{Holding, Kind, ReceiptItem};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId};
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;

/// When the epoch began, by the hub's clock in milliseconds. In a hub's first one it is not there.
pub(super) const EPOCH_BEGAN: &str = "epoch_began";
/// How long phones may bring what others wrote in it: their authors have been back by then, or will not be.
const OPEN_MS: i64 = 45 * 24 * 3_600_000;

/// Most bytes that may wait of what one device brought of one document, and of what a station's devices brought in all.
const OF_ONE: u64 = 4 << 20;
const OF_STATION: u64 = 256 << 20;
/// What a copy costs besides its bytes.
const ROW: u64 = 512;

fn is_too_much(of_one: u64, of_station: u64) -> bool {
    of_one > OF_ONE || of_station > OF_STATION
}

/// A relayed copy, opened.
pub struct ReadCopy {
    pub copy: Copy,
    /// Whether it is what it says: one change of that maker under that hash, or a statement of that maker with its signature.
    pub is_sound: bool,
}

/// Which of what is held of a document a person means; all of it, unless something is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// What this device brought.
    pub from: Option<DeviceId>,
    /// What is said to be this patient's.
    pub patient: Option<PatientId>,
}

/// What is held of one document as one patient's, whoever brought it.
#[derive(Debug, Clone)]
pub struct HeldRelayed {
    pub doc: DocumentId,
    /// Who brought it.
    pub bringers: Vec<DeviceId>,
    /// Who made it.
    pub makers: Vec<DeviceId>,
    pub station: FacilityId,
    pub patient: PatientId,
    pub changes: u64,
    pub received_at: i64,
}

impl Tx<'_> {
    /// Whether phones may ask what is here, and bring what others wrote: only a hub that was put back, or lost photos, and not
    /// long ago, may have lost it.
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

    /// What a relayed copy of a request holds; `None`: it does not open, or is none that this device may bring.
    pub fn open_relayed(&self, by: &DeviceRow, sealed: &SealedCopy) -> Result<Option<Copy>, HubError> {
        let series = relay_series(by.device);
        let copy = self.opened((by.device, &by.station, &by.signing_key), series, sealed)?;
        Ok(copy.filter(|copy| copy.maker.is_some()))
    }

    /// Takes a request's relayed copies. What is not what it says is kept apart; of what nobody could say anything (`None`)
    /// there is no receipt: it may be brought again.
    pub fn accept_relayed(
        &self,
        by: &DeviceRow,
        copies: &[SealedCopy],
        read: &[Option<ReadCopy>],
    ) -> Result<TakenCopies, HubError> {
        let (series, mut taken) = (relay_series(by.device), TakenCopies::default());
        let received_at = self.receipt_time()?;
        let (mut of_station, mut of_docs) = (self.waiting_bytes(&by.station)?, BTreeMap::new());
        for (sealed, read) in copies.iter().zip(read) {
            let Some(ReadCopy { copy, is_sound }) = read else { continue };
            let Some(maker) = copy.maker else { continue };
            let known = self.copy_received_at(by.device, series, sealed)?;
            // Several phones relay the same, and each may do so again: it is kept once.
            if known.is_none() && !self.has_copy_named(self.name_of(copy, maker))? {
                let waiting = match of_docs.get(&copy.doc) {
                    Some(bytes) => *bytes,
                    None => self.waiting_bytes_of(&by.station, copy.doc, by.device)?,
                };
                let size = copy.bytes.len() as u64 + ROW;
                let of_doc = waiting + size;
                of_docs.insert(copy.doc, of_doc);
                of_station += size;
                if is_too_much(of_doc, of_station) {
                    return Err(HubError::RelayFull);
                }
                let state = if *is_sound { CopyState::Held } else { CopyState::Unreadable };
                self.put_copy((by.device, &by.station), series, (sealed, state, Some(copy)), received_at)?;
                if *is_sound && !taken.relayed.contains(&copy.doc) {
                    taken.relayed.push(copy.doc);
                }
            }
            taken.receipt.push((ReceiptItem { seq: sealed.n, at: known.unwrap_or(received_at) }, sealed.hash()));
        }
        Ok(taken)
    }

    /// What waits of everything that a station's devices brought, unreadable ones included.
    fn waiting_bytes(&self, station: &FacilityId) -> Result<u64, HubError> {
        let bytes: i64 = self
            .sql
            .prepare_cached(
                "SELECT coalesce(sum(length(sealed) + 512), 0) FROM capsule
                 WHERE station = ?1 AND maker IS NOT NULL AND state IN ('held', 'unreadable')",
            )?
            .query_row([station.as_str()], |r| r.get(0))?;
        Ok(bytes as u64)
    }

    /// What of it one device brought of one document.
    fn waiting_bytes_of(&self, station: &FacilityId, doc: DocumentId, by: DeviceId) -> Result<u64, HubError> {
        let bytes: i64 = self
            .sql
            .prepare_cached(
                "SELECT coalesce(sum(length(sealed) + 512), 0) FROM capsule
                 WHERE station = ?1 AND doc = ?2 AND device = ?3 AND maker IS NOT NULL AND state IN ('held', 'unreadable')",
            )?
            .query_row((station.as_str(), doc.0, by.0), |r| r.get(0))?;
        Ok(bytes as u64)
    }

    /// What makes two relayed copies the same.
    pub(super) fn name_of(&self, copy: &Copy, maker: DeviceId) -> [u8; 32] {
        let (station, patient) = (copy.station.as_str().as_bytes(), copy.patient.as_str().as_bytes());
        let (kind, bytes) = ([u8::from(copy.kind)], ContentHash::of(&copy.bytes));
        let name = [station, b"\0", patient, b"\0", &copy.doc.0, &maker.0, &kind, &bytes.0].concat();
        self.keys.tag("relayed copy", &name)
    }

    /// Whether the very same came before, and was what it said: whatever a person made of it, it is not asked again.
    fn has_copy_named(&self, name: [u8; 32]) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM capsule WHERE name = ?1 AND state <> 'unreadable')")?
            .query_row([name], |r| r.get(0))?)
    }

    /// Whether a document may be this patient's, and what comes of it of this kind. It never changes hands or form, and a planned
    /// visit's note is of that visit's patient.
    pub fn may_be_of(
        &self,
        doc: DocumentId,
        (station, patient): (&FacilityId, &PatientId),
        kind: Kind,
    ) -> Result<bool, HubError> {
        let (owner, form) = (self.note_owner(doc)?, self.note_form(doc)?);
        let is_theirs = owner.is_none_or(|(owner, of)| owner == *station && of == *patient);
        let is_form = !kind.is_document() || form.is_none_or(|form| Kind::from(form.tag()) == kind);
        let is_planned = self
            .visit_of_note(station, doc)?
            .is_none_or(|of| of == *patient && (!kind.is_document() || kind == Kind::Note));
        Ok(is_theirs && is_form && is_planned)
    }

    pub fn is_relayed_held(&self, doc: DocumentId) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM capsule WHERE doc = ?1 AND state = 'held' AND maker IS NOT NULL)",
            )?
            .query_row([doc.0], |r| r.get(0))?)
    }

    /// The same of changes alone: what was signed is left out.
    pub fn is_change_held(&self, doc: DocumentId) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM capsule
                 WHERE doc = ?1 AND state = 'held' AND maker IS NOT NULL AND kind NOT IN (2, 15))",
            )?
            .query_row([doc.0], |r| r.get(0))?)
    }

    /// At which state a document stands, as far as what is relayed of it goes: which writing of it, and how much has passed.
    pub fn relay_stamp(&self, doc: DocumentId) -> Result<Vec<u8>, HubError> {
        let passed: i64 = self
            .sql
            .prepare_cached("SELECT count(*) FROM entry WHERE doc = ?1 AND state = 'passed'")?
            .query_row([doc.0], |r| r.get(0))?;
        let mut stamp = self.note_stamp(doc)?.unwrap_or_default();
        stamp.extend(passed.to_be_bytes());
        Ok(stamp)
    }

    /// Notes at which state a copy was looked at.
    pub fn looked_at(&self, copy: i64, stamp: &[u8]) -> Result<(), HubError> {
        self.sql.prepare_cached("UPDATE capsule SET looked = ?2 WHERE id = ?1")?.execute((copy, stamp))?;
        Ok(())
    }

    /// The held changes that nobody has looked at with the document at this state.
    pub fn unseen_changes(&self, doc: DocumentId, stamp: &[u8]) -> Result<Vec<CopyRow>, HubError> {
        self.held_where(doc, "kind NOT IN (2, 15)", &Chosen::default(), Some(stamp))
    }

    /// The same of confirmations and acts.
    pub fn unseen_statements(&self, doc: DocumentId, stamp: &[u8]) -> Result<Vec<CopyRow>, HubError> {
        self.held_where(doc, "kind IN (2, 15)", &Chosen::default(), Some(stamp))
    }

    /// The changes held of a document, in the order in which they came: their makers' order.
    pub fn held_changes(&self, doc: DocumentId, chosen: &Chosen) -> Result<Vec<CopyRow>, HubError> {
        self.held_where(doc, "kind NOT IN (2, 15)", chosen, None)
    }

    /// The confirmations and acts held of a document.
    pub fn held_statements(&self, doc: DocumentId, chosen: &Chosen) -> Result<Vec<CopyRow>, HubError> {
        self.held_where(doc, "kind IN (2, 15)", chosen, None)
    }

    fn held_where(
        &self,
        doc: DocumentId,
        which: &str,
        chosen: &Chosen,
        unlike: Option<&[u8]>,
    ) -> Result<Vec<CopyRow>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM capsule WHERE doc = ?1 AND state = 'held' AND maker IS NOT NULL AND {which}
                 AND (?2 IS NULL OR device = ?2) AND (?3 IS NULL OR patient = ?3)
                 AND (?4 IS NULL OR looked IS NULL OR looked <> ?4) ORDER BY id"
        ))?;
        let (from, patient) = (chosen.from.map(|from| from.0), chosen.patient.as_ref().map(PatientId::as_str));
        let rows = statement.query_map((doc.0, from, patient, unlike), read_copy)?.collect::<Result<_, _>>()?;
        self.open_copies(rows)
    }

    /// Whether a statement has passed, whoever's entry carried it: then its signature fits.
    pub fn has_passed(&self, doc: DocumentId, hash: ContentHash) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM entry WHERE doc = ?1 AND hash = ?2 AND state = 'passed')")?
            .query_row((doc.0, hash.0), |r| r.get(0))?)
    }

    /// Everything held, by document and patient, oldest first.
    pub fn all_held_relayed(&self) -> Result<Vec<HeldRelayed>, HubError> {
        self.relayed_in(CopyState::Held)
    }

    /// What was brought and is not what it says. It takes room until a person leaves it out.
    pub fn unreadable_relayed(&self) -> Result<Vec<HeldRelayed>, HubError> {
        self.relayed_in(CopyState::Unreadable)
    }

    /// A person leaves out what cannot be read of a document. Says how much it was.
    pub fn return_unreadable(&self, doc: DocumentId, chosen: &Chosen) -> Result<usize, HubError> {
        let (from, patient) = (chosen.from.map(|from| from.0), chosen.patient.as_ref().map(PatientId::as_str));
        Ok(self.sql.execute(
            "UPDATE capsule SET state = 'returned' WHERE doc = ?1 AND state = 'unreadable' AND maker IS NOT NULL
                 AND (?2 IS NULL OR device = ?2) AND (?3 IS NULL OR patient = ?3)",
            (doc.0, from, patient),
        )?)
    }

    fn relayed_in(&self, state: CopyState) -> Result<Vec<HeldRelayed>, HubError> {
        let mut statement = self.sql.prepare(
            "SELECT doc, station, patient, count(*), min(received_at) FROM capsule
             WHERE state = ?1 AND maker IS NOT NULL GROUP BY doc, station, patient ORDER BY min(received_at), doc",
        )?;
        let mut held = statement
            .query_map([state.as_str()], |r| {
                Ok(HeldRelayed {
                    doc: DocumentId(r.get(0)?),
                    bringers: Vec::new(),
                    makers: Vec::new(),
                    station: id(r, 1)?,
                    patient: id(r, 2)?,
                    changes: r.get::<_, i64>(3)? as u64,
                    received_at: r.get(4)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        for one in &mut held {
            one.bringers = self.devices_of(one, state, "device")?;
            one.makers = self.devices_of(one, state, "maker")?;
        }
        Ok(held)
    }

    fn devices_of(&self, of: &HeldRelayed, state: CopyState, column: &str) -> Result<Vec<DeviceId>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT DISTINCT {column} FROM capsule
             WHERE doc = ?1 AND patient = ?2 AND state = ?3 AND maker IS NOT NULL ORDER BY {column}"
        ))?;
        let asked = (of.doc.0, of.patient.as_str(), state.as_str());
        let rows = statement.query_map(asked, |r| r.get(0).map(DeviceId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The device that made a relayed copy, if this hub knows it as one of the same station.
    pub fn maker_of(&self, copy: &CopyRow) -> Result<Option<DeviceRow>, HubError> {
        Ok(self.device(copy.device)?.filter(|maker| maker.station == copy.station))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_document_and_no_station_may_have_more_wait_than_there_is_room_for() {
        assert!(!is_too_much(4 << 20, 256 << 20));
        assert!(is_too_much((4 << 20) + 1, 9) && is_too_much(9, (256 << 20) + 1));
    }
}
