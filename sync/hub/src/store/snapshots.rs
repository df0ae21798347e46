//! Compaction: a document that rests stands here whole, in place of the bodies of the entries that it came in.

use super::{EntryRow, Tx};
use crate::error::HubError;
use protocol::{Kind, Series};
use record::{DeviceId, DocumentId, Form};
use rusqlite::OptionalExtension;

/// Documents that are looked at in one reading.
const LOOKED_AT: usize = 64;

/// A document, and everything that it came in.
pub struct Pieces {
    pub form: Form,
    /// As it is materialised.
    pub document: Vec<u8>,
    /// Which writing of it that is.
    stamp: Option<Vec<u8>>,
    /// The snapshot made before; empty if there is none.
    pub snapshot: Vec<u8>,
    /// What passed since, in the order of receipt.
    pub entries: Vec<EntryRow>,
}

impl Pieces {
    pub fn bytes(&self) -> usize {
        self.snapshot.len() + self.entries.iter().map(|entry| entry.bytes.len()).sum::<usize>()
    }
}

impl Tx<'_> {
    /// Of the next documents after `from` those that lie in several pieces, nothing having come since `before`. And the last
    /// one that was looked at; `None`: there are no more.
    pub fn resting_documents(
        &self,
        from: Option<DocumentId>,
        before: i64,
    ) -> Result<(Vec<DocumentId>, Option<DocumentId>), HubError> {
        let from = from.map_or_else(Vec::new, |doc| doc.0.to_vec());
        let mut statement = self.sql.prepare_cached("SELECT doc FROM note WHERE doc > ?1 ORDER BY doc LIMIT ?2")?;
        let docs: Vec<DocumentId> =
            statement.query_map((from, LOOKED_AT as i64), |r| r.get(0).map(DocumentId))?.collect::<Result<_, _>>()?;
        let last = docs.last().copied();
        let mut resting = Vec::new();
        for doc in docs {
            if self.rests_in_pieces(doc, before)? {
                resting.push(doc);
            }
        }
        Ok((resting, last))
    }

    fn rests_in_pieces(&self, doc: DocumentId, before: i64) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM note AS n WHERE n.doc = ?1 AND n.updated_at < ?2
                     AND NOT EXISTS (SELECT 1 FROM entry AS e
                                     WHERE e.doc = n.doc AND e.state = 'passed' AND e.received_at >= ?2)
                     AND (SELECT count(*) FROM entry AS e WHERE e.doc = n.doc AND e.kind = n.form AND e.state = 'passed'
                              AND length(e.sealed) > 0)
                         + (SELECT count(*) FROM snapshot AS s WHERE s.doc = n.doc) > 1)",
            )?
            .query_row((doc.0, before), |r| r.get(0))?)
    }

    pub fn pieces(&self, doc: DocumentId) -> Result<Option<Pieces>, HubError> {
        let Some(form) = self.note_form(doc)? else { return Ok(None) };
        let mut entries = self.passed_entries(doc, Kind::from(form.tag()))?;
        entries.retain(|entry| !entry.compacted);
        let sealed: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT sealed FROM snapshot WHERE doc = ?1")?
            .query_row([doc.0], |r| r.get(0))
            .optional()?;
        let snapshot = sealed.map_or(Ok(Vec::new()), |sealed| self.keys.open("snapshot", &doc.0, &sealed))?;
        let (document, stamp) = (self.note_document(doc)?, self.note_stamp(doc)?);
        Ok(Some(Pieces { form, document, stamp, snapshot, entries }))
    }

    /// Puts a snapshot in the place of the pieces that it was made of. `false`: something came in between, or nothing of the
    /// document is in the feed; nothing was written.
    pub fn put_snapshot(&self, doc: DocumentId, pieces: &Pieces, snapshot: &[u8]) -> Result<bool, HubError> {
        let kind = Kind::from(pieces.form.tag());
        let looked_at: Vec<i64> = pieces.entries.iter().map(|entry| entry.id).collect();
        if self.note_stamp(doc)? != pieces.stamp || self.bodies(doc, kind)? != looked_at {
            return Ok(false);
        }
        let n: Option<i64> = self
            .sql
            .prepare_cached(
                "SELECT max(f.n) FROM entry AS e JOIN feed AS f ON f.entry = e.id
                 WHERE e.doc = ?1 AND e.kind = ?2 AND e.state = 'passed'",
            )?
            .query_row((doc.0, u8::from(kind)), |r| r.get(0))?;
        let Some(n) = n else { return Ok(false) };
        let sealed = self.keys.seal("snapshot", &doc.0, snapshot)?;
        self.sql
            .prepare_cached(
                "INSERT INTO snapshot (doc, n, made_at, sealed) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (doc) DO UPDATE SET n = excluded.n, made_at = excluded.made_at, sealed = excluded.sealed",
            )?
            .execute((doc.0, n, self.now, sealed))?;
        let mut empty = self.sql.prepare_cached("UPDATE entry SET sealed = x'' WHERE id = ?1")?;
        for entry in looked_at {
            empty.execute([entry])?;
        }
        Ok(true)
    }

    /// A document's entries that passed and have their bodies.
    fn bodies(&self, doc: DocumentId, kind: Kind) -> Result<Vec<i64>, HubError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT id FROM entry WHERE doc = ?1 AND kind = ?2 AND state = 'passed' AND length(sealed) > 0 ORDER BY id",
        )?;
        Ok(statement.query_map((doc.0, u8::from(kind)), |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The snapshot that is told at a place of the feed; entries that stood before it have nothing left to say.
    pub fn snapshot_at(&self, doc: DocumentId, n: u64) -> Result<Option<Vec<u8>>, HubError> {
        let sealed: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT sealed FROM snapshot WHERE doc = ?1 AND n = ?2")?
            .query_row((doc.0, n as i64), |r| r.get(0))
            .optional()?;
        sealed.map(|sealed| self.keys.open("snapshot", &doc.0, &sealed)).transpose()
    }

    /// Whether a snapshot is told at a place of the feed that holds more than one series of one device.
    pub fn tells_of_others(
        &self,
        (doc, n): (DocumentId, u64),
        (device, series): (DeviceId, Series),
    ) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM snapshot AS s JOIN entry AS e ON e.doc = s.doc
                 WHERE s.doc = ?1 AND s.n = ?2 AND e.state = 'passed' AND length(e.sealed) = 0
                     AND NOT (e.device = ?3 AND e.series = ?4))",
            )?
            .query_row((doc.0, n as i64, device.0, series.0.0), |r| r.get(0))?)
    }
}
