//! One ordered feed per station; each entry carries a chain hash, so that a shorter history is noticed.

use super::facilities::id_or_none;
use super::{EntryRow, Tx};
use crate::error::HubError;
use protocol::{Cursor, Kind, Series};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId, canonical};
use rusqlite::{OptionalExtension, Row, Rows};
use serde::Serialize;

/// A feed row as stored.
pub struct FeedRow {
    pub n: u64,
    pub kind: Kind,
    pub doc: DocumentId,
    pub patient: Option<PatientId>,
    /// To whom alone it is told.
    pub staff: Option<StaffId>,
    pub device: Option<DeviceId>,
    pub entry: Option<FeedEntry>,
    pub body: Option<Vec<u8>>,
    pub chain: ContentHash,
    pub at: i64,
}

/// The entry that a row stands for. Its body stays where it is until it is told: most of what a reader may not have is not read.
pub struct FeedEntry {
    pub series: Series,
    pub enc: u8,
    pub received_at: i64,
    id: i64,
    hash: ContentHash,
    is_compacted: bool,
}

impl FeedEntry {
    /// Its body has gone into the document's snapshot.
    pub fn is_compacted(&self) -> bool {
        self.is_compacted
    }
}

/// What is appended.
pub struct NewFeedRow<'a> {
    pub kind: Kind,
    pub doc: DocumentId,
    pub patient: Option<&'a PatientId>,
    /// To whom alone it is told; `None`: to all of the station.
    pub staff: Option<&'a StaffId>,
    /// Who sent it, and is not told it; `None`: told to all.
    pub device: Option<DeviceId>,
    pub entry: Option<i64>,
    pub body: Option<&'a [u8]>,
    /// What the chain hash covers of the content.
    pub hash: ContentHash,
    /// When an entry was received: told with it.
    pub received_at: Option<i64>,
}

impl Tx<'_> {
    /// Appends to a station's feed. The transaction holds the database's write lock, so numbers have no gaps and no rivals.
    pub fn append_feed(&self, station: &FacilityId, new: &NewFeedRow<'_>) -> Result<u64, HubError> {
        let last = self.feed_end(station)?;
        let n = last.n + 1;
        let mut covered = vec![u8::from(new.kind)];
        covered.extend_from_slice(&new.doc.0);
        covered.extend_from_slice(&new.hash.0);
        // The time too: after a restore the same entries may come again in the same order, under other receipts.
        covered.extend_from_slice(&new.received_at.unwrap_or(self.now).to_be_bytes());
        let next = last.after(n, ContentHash::of(&covered));
        let sealed = new.body.map(|body| self.keys.seal("feed", &feed_key(station, n), body)).transpose()?;
        self.sql
            .prepare_cached(
                "INSERT INTO feed (station, n, kind, doc, patient, device, entry, body, chain, at, staff)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute((
                station.as_str(),
                n as i64,
                u8::from(new.kind),
                new.doc.0,
                new.patient.map(PatientId::as_str),
                new.device.map(|d| d.0),
                new.entry,
                sealed,
                next.chain.0,
                self.now,
                new.staff.map(StaffId::as_str),
            ))?;
        Ok(n)
    }

    /// Appends a small thing whose body stands in the feed itself.
    pub fn append_feed_body<T: Serialize>(
        &self,
        station: &FacilityId,
        kind: Kind,
        doc: DocumentId,
        patient: Option<&PatientId>,
        body: &T,
    ) -> Result<(), HubError> {
        let body = canonical::to_bytes(body)?;
        let hash = ContentHash::of(&body);
        self.append_feed(
            station,
            &NewFeedRow {
                kind,
                doc,
                patient,
                staff: None,
                device: None,
                entry: None,
                body: Some(&body),
                hash,
                received_at: None,
            },
        )?;
        Ok(())
    }

    /// The last entry of a station's feed.
    pub fn feed_end(&self, station: &FacilityId) -> Result<Cursor, HubError> {
        let found: Option<(i64, [u8; 32])> = self
            .sql
            .prepare_cached("SELECT n, chain FROM feed WHERE station = ?1 ORDER BY n DESC LIMIT 1")?
            .query_row([station.as_str()], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        Ok(found.map_or(Cursor::START, |(n, chain)| Cursor { n: n as u64, chain: ContentHash(chain) }))
    }

    /// Whether a device's cursor lies on this feed's history.
    pub fn cursor_is_ours(&self, station: &FacilityId, cursor: &Cursor) -> Result<bool, HubError> {
        if cursor.n == 0 {
            return Ok(true);
        }
        let chain: Option<[u8; 32]> = self
            .sql
            .prepare_cached("SELECT chain FROM feed WHERE station = ?1 AND n = ?2")?
            .query_row((station.as_str(), cursor.n as i64), |r| r.get(0))
            .optional()?;
        Ok(chain == Some(cursor.chain.0))
    }

    /// Feed rows after `n`, at most `limit`, one by one until `each` has enough. No entry's body is read for it. Says how many
    /// there were.
    pub fn walk_feed(
        &self,
        station: &FacilityId,
        n: u64,
        limit: usize,
        each: impl FnMut(FeedRow) -> Result<bool, HubError>,
    ) -> Result<usize, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {FEED} WHERE f.station = ?1 AND f.n > ?2 ORDER BY f.n LIMIT ?3"
        ))?;
        let rows = statement.query((station.as_str(), n as i64, limit as i64))?;
        self.walk(station, rows, each)
    }

    /// The same of one patient.
    pub fn walk_feed_of(
        &self,
        (station, patient): (&FacilityId, &PatientId),
        n: u64,
        limit: usize,
        each: impl FnMut(FeedRow) -> Result<bool, HubError>,
    ) -> Result<usize, HubError> {
        let mut statement = self.sql.prepare_cached(&of_patient())?;
        let rows = statement.query((station.as_str(), patient.as_str(), n as i64, limit as i64))?;
        self.walk(station, rows, each)
    }

    fn walk(
        &self,
        station: &FacilityId,
        mut rows: Rows<'_>,
        mut each: impl FnMut(FeedRow) -> Result<bool, HubError>,
    ) -> Result<usize, HubError> {
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let mut row = read_row(row)?;
            if let Some(sealed) = &row.body {
                row.body = Some(self.keys.open("feed", &feed_key(station, row.n), sealed)?);
            }
            count += 1;
            if !each(row)? {
                break;
            }
        }
        Ok(count)
    }

    pub fn entry_body(&self, entry: &FeedEntry) -> Result<Vec<u8>, HubError> {
        let sealed: Vec<u8> =
            self.sql.prepare_cached("SELECT sealed FROM entry WHERE id = ?1")?.query_row([entry.id], |r| r.get(0))?;
        self.keys.open("entry", &entry.hash.0, &sealed)
    }

    #[cfg(test)]
    pub fn feed_after(&self, station: &FacilityId, n: u64, limit: usize) -> Result<Vec<FeedRow>, HubError> {
        let mut rows = Vec::new();
        self.walk_feed(station, n, limit, |row| {
            rows.push(row);
            Ok(true)
        })?;
        Ok(rows)
    }

    /// The bodies of one kind that ever stood in a feed, in their order. One that does not open is left out.
    pub(super) fn told_bodies(&self, kind: Kind) -> Result<Vec<Vec<u8>>, HubError> {
        let mut statement = self
            .sql
            .prepare("SELECT station, n, body FROM feed WHERE kind = ?1 AND body IS NOT NULL ORDER BY station, n")?;
        let rows = statement
            .query_map([u8::from(kind)], |r| {
                Ok((super::facilities::id::<FacilityId>(r, 0)?, r.get::<_, i64>(1)? as u64, r.get::<_, Vec<u8>>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let open = |(station, n, sealed): &(FacilityId, u64, Vec<u8>)| {
            self.keys.open("feed", &feed_key(station, *n), sealed).ok()
        };
        Ok(rows.iter().filter_map(open).collect())
    }
}

/// An entry's body stands where it came in.
const FEED: &str = "feed AS f LEFT JOIN entry AS e ON e.id = f.entry";
const BY_PATIENT: &str = "feed AS f INDEXED BY feed_of_patient LEFT JOIN entry AS e ON e.id = f.entry";
const COLUMNS: &str = "f.n, f.kind, f.doc, f.patient, f.device, f.body, f.chain, f.at, f.staff,
     e.series, e.enc, e.received_at, e.hash, e.id, length(e.sealed) = 0";

/// A patient's rows, by their own index: SQLite would walk the station's whole feed for one patient.
pub(super) fn of_patient() -> String {
    format!(
        "SELECT {COLUMNS} FROM {BY_PATIENT} WHERE f.station = ?1 AND f.patient = ?2 AND f.n > ?3
         ORDER BY f.n LIMIT ?4"
    )
}

/// `body` is still sealed here.
fn read_row(r: &Row<'_>) -> rusqlite::Result<FeedRow> {
    let entry = match r.get::<_, Option<[u8; 16]>>(9)? {
        None => None,
        Some(series) => Some(FeedEntry {
            series: Series(DocumentId(series)),
            enc: r.get(10)?,
            received_at: r.get(11)?,
            hash: ContentHash(r.get(12)?),
            id: r.get(13)?,
            is_compacted: r.get(14)?,
        }),
    };
    Ok(FeedRow {
        n: r.get::<_, i64>(0)? as u64,
        kind: Kind::from(r.get::<_, u8>(1)?),
        doc: DocumentId(r.get(2)?),
        patient: id_or_none(r, 3)?,
        device: r.get::<_, Option<[u8; 8]>>(4)?.map(DeviceId),
        entry,
        body: r.get(5)?,
        chain: ContentHash(r.get(6)?),
        at: r.get(7)?,
        staff: id_or_none(r, 8)?,
    })
}

fn feed_key(station: &FacilityId, n: u64) -> Vec<u8> {
    [station.as_str().as_bytes(), b"\0", &n.to_be_bytes()].concat()
}

impl Tx<'_> {
    /// An entry that passed enters its station's feed. Its body stays where it is.
    pub fn feed_entry(&self, entry: &EntryRow) -> Result<(), HubError> {
        self.tell_entry(entry, Some(entry.device))
    }

    /// A confirmation that passed enters the feed. Where several of one note compete, all of them are told anew, to their
    /// writers too: the receipt that a writer holds may be of a history that was put back, or of a later series, and only
    /// times that everybody has from here give one order everywhere.
    pub fn feed_confirmation(&self, entry: &EntryRow, is_repeat: bool) -> Result<(), HubError> {
        let known = self.confirmation_entries(entry.doc)?;
        match known.len() {
            0 | 1 if is_repeat => Ok(()),
            0 | 1 => self.feed_entry(entry),
            _ => known.iter().try_for_each(|competing| self.tell_entry(competing, None)),
        }
    }

    fn tell_entry(&self, entry: &EntryRow, sent_by: Option<DeviceId>) -> Result<(), HubError> {
        self.append_feed(
            &entry.station,
            &NewFeedRow {
                kind: entry.kind,
                doc: entry.doc,
                patient: Some(&entry.patient),
                staff: None,
                device: sent_by,
                entry: Some(entry.id),
                body: None,
                hash: entry.hash,
                received_at: Some(entry.received_at),
            },
        )?;
        Ok(())
    }
}
