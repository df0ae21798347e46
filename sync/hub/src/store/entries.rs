//! What devices sent: appended first, receipted, checked after.

use super::Tx;
use super::facilities::id;
use crate::error::HubError;
use protocol::{Entry, Kind, ReceiptItem, RefusalCode, Series, Verdict, VerdictCode};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId};
use rusqlite::{OptionalExtension, Row};

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    Received,
    Passed,
    /// Its parents have not arrived.
    Waiting,
    /// For a person.
    Held,
    Rejected,
}

impl EntryState {
    pub fn as_str(self) -> &'static str {
        match self {
            EntryState::Received => "received",
            EntryState::Passed => "passed",
            EntryState::Waiting => "waiting",
            EntryState::Held => "held",
            EntryState::Rejected => "rejected",
        }
    }
}

/// An entry as stored, body opened.
pub struct EntryRow {
    pub id: i64,
    pub device: DeviceId,
    pub station: FacilityId,
    pub doc: DocumentId,
    pub patient: PatientId,
    pub kind: Kind,
    pub enc: u8,
    pub hash: ContentHash,
    pub received_at: i64,
    pub bytes: Vec<u8>,
    /// Its body has gone into the document's snapshot: `bytes` are empty.
    pub compacted: bool,
}

/// An entry that waits for a person.
pub struct HeldEntry {
    pub id: i64,
    pub doc: DocumentId,
    pub patient: PatientId,
    pub station: FacilityId,
    pub device: DeviceId,
    pub code: String,
    pub received_at: i64,
}

/// What accepting a request's entries did.
pub struct Accepted {
    /// For the receipt: every entry of the request that is now on disk, old or new.
    pub receipt: Vec<(ReceiptItem, ContentHash)>,
    pub received_up_to: u64,
    pub documents: Vec<DocumentId>,
}

const COLUMNS: &str = "id, device, station, doc, patient, kind, enc, hash, received_at, sealed";

/// What has not been settled, a document's entries together. In the words of its index: one state alone would be looked for
/// in everything that ever came, and this is asked every minute.
pub(super) const UNSETTLED: &str =
    "SELECT doc, id, state FROM entry WHERE state IN ('received', 'waiting') ORDER BY doc, id";

impl Tx<'_> {
    pub fn received_up_to(&self, device: DeviceId, series: Series) -> Result<u64, HubError> {
        let last: Option<i64> = self
            .sql
            .prepare_cached("SELECT max(seq) FROM entry WHERE device = ?1 AND series = ?2")?
            .query_row((device.0, series.0.0), |r| r.get(0))?;
        Ok(last.unwrap_or(0) as u64)
    }

    /// Appends what is new. The same hash again is a repeat; another hash under a known number is a fork, and loud.
    /// What lies behind a gap is not taken: the device offers it again from `received_up_to`.
    pub fn accept(
        &self,
        device: DeviceId,
        station: &FacilityId,
        series: Series,
        entries: &[Entry],
    ) -> Result<Result<Accepted, RefusalCode>, HubError> {
        let mut last = self.received_up_to(device, series)?;
        // Receipts order confirmations: the hub's time never stands still or goes back, whatever its clock does.
        let received_at = self.latest_receipt()?.map_or(self.now, |latest| self.now.max(latest + 1));
        let mut accepted = Accepted { receipt: Vec::new(), received_up_to: last, documents: Vec::new() };
        for entry in entries {
            // Beyond the last number there is nothing to look for.
            let known = if entry.seq > last { None } else { self.known_entry(device, series, entry.seq)? };
            let at = match known {
                Some((hash, _)) if hash != entry.hash.0 => return Ok(Err(RefusalCode::SeriesForked)),
                Some((_, at)) => at,
                None if entry.seq != last + 1 => break,
                None => {
                    self.append(device, station, series, entry, received_at)?;
                    last = entry.seq;
                    if !accepted.documents.contains(&entry.doc) {
                        accepted.documents.push(entry.doc);
                    }
                    received_at
                }
            };
            accepted.receipt.push((ReceiptItem { seq: entry.seq, at }, entry.hash));
        }
        accepted.received_up_to = last;
        Ok(Ok(accepted))
    }

    /// Hash and time of receipt of what came under a number.
    fn known_entry(&self, device: DeviceId, series: Series, seq: u64) -> Result<Option<([u8; 32], i64)>, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT hash, received_at FROM entry WHERE device = ?1 AND series = ?2 AND seq = ?3")?
            .query_row((device.0, series.0.0, seq as i64), |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?)
    }

    /// When the hub received what stands in no entry (a photo, a sealed copy): never before an entry that was here already,
    /// whatever its clock does. A phone takes such a thing for durable once an entry is that came after it.
    pub fn receipt_time(&self) -> Result<i64, HubError> {
        Ok(self.latest_receipt()?.map_or(self.now, |latest| self.now.max(latest)))
    }

    fn latest_receipt(&self) -> Result<Option<i64>, HubError> {
        Ok(self.sql.prepare_cached("SELECT max(received_at) FROM entry")?.query_row([], |r| r.get(0))?)
    }

    pub(super) fn append(
        &self,
        device: DeviceId,
        station: &FacilityId,
        series: Series,
        entry: &Entry,
        received_at: i64,
    ) -> Result<(), HubError> {
        let sealed = self.keys.seal("entry", &entry.hash.0, &entry.bytes)?;
        self.sql
            .prepare_cached(
                "INSERT INTO entry (device, series, seq, station, doc, patient, kind, enc, hash, received_at, state, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'received', ?11)",
            )?
            .execute((
                device.0,
                series.0.0,
                entry.seq as i64,
                station.as_str(),
                entry.doc.0,
                entry.patient.as_str(),
                u8::from(entry.kind),
                entry.enc,
                entry.hash.0,
                received_at,
                sealed,
            ))?;
        Ok(())
    }

    /// Documents with entries that nobody has checked, oldest first: what a crash left over.
    pub fn unchecked_documents(&self) -> Result<Vec<DocumentId>, HubError> {
        let mut statement = self.sql.prepare_cached(UNSETTLED)?;
        let rows = statement.query_map([], |r| {
            Ok((DocumentId(r.get(0)?), r.get::<_, i64>(1)?, r.get::<_, String>(2)? == EntryState::Received.as_str()))
        })?;
        let mut first: Vec<(DocumentId, i64)> = Vec::new();
        for row in rows {
            let (doc, id, is_unchecked) = row?;
            if is_unchecked && first.last().is_none_or(|(last, _)| *last != doc) {
                first.push((doc, id));
            }
        }
        first.sort_by_key(|(_, id)| *id);
        Ok(first.into_iter().map(|(doc, _)| doc).collect())
    }

    /// A document's entries that have not passed: new ones and ones that wait, in the order of receipt.
    pub fn pending_entries(&self, doc: DocumentId) -> Result<Vec<EntryRow>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM entry WHERE doc = ?1 AND state IN ('received', 'waiting') ORDER BY id"
        ))?;
        let rows = statement.query_map([doc.0], read_entry)?.collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(|row| self.open_entry(row)).collect()
    }

    /// Which they are.
    pub fn pending_ids(&self, doc: DocumentId) -> Result<Vec<i64>, HubError> {
        let mut statement =
            self.sql.prepare_cached("SELECT id FROM entry WHERE doc = ?1 AND state IN ('received', 'waiting')")?;
        Ok(statement.query_map([doc.0], |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Entries of a kind about a document that passed, in the order of receipt.
    pub fn passed_entries(&self, doc: DocumentId, kind: Kind) -> Result<Vec<EntryRow>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM entry WHERE doc = ?1 AND kind = ?2 AND state = 'passed' ORDER BY id"
        ))?;
        let rows = statement.query_map((doc.0, u8::from(kind)), read_entry)?.collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(|row| self.open_entry(row)).collect()
    }

    pub fn entry(&self, id: i64) -> Result<Option<EntryRow>, HubError> {
        let found = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM entry WHERE id = ?1"))?
            .query_row([id], read_entry)
            .optional()?;
        found.map(|row| self.open_entry(row)).transpose()
    }

    /// Entries that wait for a person, oldest first.
    pub fn held_entries(&self) -> Result<Vec<HeldEntry>, HubError> {
        let mut statement = self.sql.prepare(
            "SELECT id, doc, patient, station, device, code, received_at FROM entry WHERE state IN ('held', 'waiting') ORDER BY id",
        )?;
        let rows = statement
            .query_map([], |r| {
                Ok(HeldEntry {
                    id: r.get(0)?,
                    doc: DocumentId(r.get(1)?),
                    patient: id(r, 2)?,
                    station: id(r, 3)?,
                    device: DeviceId(r.get(4)?),
                    code: r.get::<_, Option<String>>(5)?.unwrap_or_default(),
                    received_at: r.get(6)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Whether the same statement of the same device passed before: it came again in a new series.
    pub fn passed_before(&self, entry: &EntryRow) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM entry
                 WHERE doc = ?1 AND hash = ?2 AND device = ?3 AND state = 'passed' AND id <> ?4)",
            )?
            .query_row((entry.doc.0, entry.hash.0, entry.device.0, entry.id), |r| r.get(0))?)
    }

    pub fn entry_state(&self, entry: i64) -> Result<Option<String>, HubError> {
        Ok(self.sql.query_row("SELECT state FROM entry WHERE id = ?1", [entry], |r| r.get(0)).optional()?)
    }

    pub fn settle(&self, entry: i64, state: EntryState, code: Option<VerdictCode>) -> Result<(), HubError> {
        let code = code.and_then(|code| match serde_json::to_value(code) {
            Ok(serde_json::Value::String(word)) => Some(word),
            _ => None,
        });
        self.sql.prepare_cached("UPDATE entry SET state = ?2, code = ?3 WHERE id = ?1")?.execute((
            entry,
            state.as_str(),
            code,
        ))?;
        Ok(())
    }

    /// What of a series has not passed: held (waiting included) and rejected.
    pub fn verdicts(&self, device: DeviceId, series: Series) -> Result<(Vec<Verdict>, Vec<Verdict>), HubError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT seq, state, code FROM entry
             WHERE device = ?1 AND series = ?2 AND state IN ('held', 'waiting', 'rejected') ORDER BY seq",
        )?;
        let rows = statement
            .query_map((device.0, series.0.0), |r| {
                Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, Option<String>>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let (mut held, mut rejected) = (Vec::new(), Vec::new());
        for (seq, state, code) in rows {
            let code = code
                .and_then(|word| serde_json::from_value(serde_json::Value::String(word)).ok())
                .unwrap_or(VerdictCode::Unknown);
            let verdict = Verdict { seq: seq as u64, code };
            if state == "rejected" { rejected.push(verdict) } else { held.push(verdict) }
        }
        Ok((held, rejected))
    }

    fn open_entry(&self, mut row: EntryRow) -> Result<EntryRow, HubError> {
        if !row.compacted {
            row.bytes = self.keys.open("entry", &row.hash.0, &row.bytes)?;
        }
        Ok(row)
    }
}

/// `bytes` are still sealed here.
fn read_entry(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    let sealed: Vec<u8> = row.get(9)?;
    Ok(EntryRow {
        id: row.get(0)?,
        device: DeviceId(row.get(1)?),
        station: id(row, 2)?,
        doc: DocumentId(row.get(3)?),
        patient: id(row, 4)?,
        kind: Kind::from(row.get::<_, u8>(5)?),
        enc: row.get(6)?,
        hash: ContentHash(row.get(7)?),
        received_at: row.get(8)?,
        compacted: sealed.is_empty(),
        bytes: sealed,
    })
}
