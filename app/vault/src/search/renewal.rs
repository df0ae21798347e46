//! Segments are made again out of what changed: nothing that was saved is missed, and only what is marked is read.

use super::segment::{Building, Segment};
use super::{ALL, Closed, EDITION, Piece, Scope, Shelf, Source};
use crate::error::VaultError;
use crate::keys::fill_random;
use crate::seal::{Header, Table, Tag};
use crate::tx::{Place, Tx};
use protocol::Kind;
use record::DocumentId;
use rusqlite::OptionalExtension;
use std::collections::BTreeSet;

impl Tx<'_> {
    /// Reads again what changed of one patient, at most so many documents, and seals the segment anew. Says whether more is left.
    pub fn refresh_search<E: From<VaultError>>(
        &mut self,
        scope: &Scope<'_>,
        most: usize,
        read: &mut dyn FnMut(&mut Self, Source) -> Result<Piece, E>,
    ) -> Result<bool, E> {
        self.mark_what_is_unusable()?;
        let Some((shelf, tag)) = self.next_marked(scope)? else { return Ok(false) };
        let old = self.segment_to_renew(shelf, tag)?;
        let keys = self.stale_keys(shelf, tag, most)?;
        let mut new = match &old {
            Some(old) => Building::what_stays(old, &keys, |id| self.document_key(shelf, id)),
            None => Building::default(),
        };
        for key in &keys {
            let Some(source) = self.source(shelf, *key, &mut new)? else { continue };
            let (id, patient) = match &source {
                Source::Note(row) => (row.note, Some(row.patient.clone())),
                Source::Record(item) => (item.doc, item.patient.clone()),
            };
            new.patient = new.patient.take().or(patient);
            match read(self, source)? {
                Piece::Text(t) => new.add(id, t.kind, t.day, t.at, &t.text.text, &t.text.back),
                Piece::Nothing => {}
                Piece::Unreadable => new.unread.push((*key, Some(id))),
            }
        }
        self.put_segment(shelf, tag, new)?;
        self.forget_marks(shelf, tag, &keys)?;
        Ok(self.search_is_stale(scope)?)
    }

    /// Of whom something is marked.
    fn next_marked(&mut self, scope: &Scope<'_>) -> Result<Option<(Shelf, Tag)>, VaultError> {
        let patient = scope.patient.map(|p| self.ring.patient_tag(Some(p)));
        let next: Option<(u8, Tag)> = self
            .sql
            .prepare_cached(
                "SELECT shelf, patient FROM search_stale WHERE shelf <= ?1 AND (?2 IS NULL OR patient = ?2) LIMIT 1",
            )?
            .query_row((scope.top() as u8, patient), |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let shelf = |number: u8| if number == Shelf::Documents as u8 { Shelf::Documents } else { Shelf::Records };
        Ok(next.map(|(number, tag)| (shelf(number), tag)))
    }

    fn forget_marks(&mut self, shelf: Shelf, tag: Tag, keys: &BTreeSet<Tag>) -> Result<(), VaultError> {
        let mut forget =
            self.sql.prepare_cached("DELETE FROM search_stale WHERE shelf = ?1 AND patient = ?2 AND key = ?3")?;
        for key in keys {
            forget.execute((shelf as u8, tag, key))?;
        }
        Ok(())
    }

    /// Segments of an older edition, and those that did not open, are made again out of their documents.
    fn mark_what_is_unusable(&mut self) -> Result<(), VaultError> {
        let old: Vec<(u8, Tag)> = self
            .sql
            .prepare_cached("SELECT shelf, patient FROM search_segment WHERE edition <> ?1")?
            .query_map([EDITION], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<Result<_, _>>()?;
        // Marked in this transaction; if it fails, the segment does not open the next time either.
        let broken = std::mem::take(&mut self.ring.searched.broken);
        for (shelf, tag) in old.into_iter().chain(broken) {
            self.sql.execute("DELETE FROM search_segment WHERE shelf = ?1 AND patient = ?2", (shelf, tag))?;
            self.sql.execute("INSERT OR IGNORE INTO search_stale VALUES (?1, ?2, ?3)", (shelf, tag, ALL))?;
        }
        Ok(())
    }

    /// The segment to be renewed. Where there is none, all of the patient's documents are marked.
    fn segment_to_renew(&mut self, shelf: Shelf, tag: Tag) -> Result<Option<Segment>, VaultError> {
        let found: Option<(i64, Tag, Tag)> = self
            .sql
            .prepare_cached("SELECT n, compartment, version FROM search_segment WHERE shelf = ?1 AND patient = ?2")?
            .query_row((shelf as u8, tag), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let all = self
            .sql
            .prepare_cached("DELETE FROM search_stale WHERE shelf = ?1 AND patient = ?2 AND key = ?3")?
            .execute((shelf as u8, tag, ALL))?;
        if let (Some((n, compartment, version)), 0) = (found, all) {
            let held = self.ring.searched.open.remove(&(shelf as u8, tag));
            if let Some(segment) = held.filter(|segment| segment.version == version) {
                return Ok(Some(segment));
            }
            let header = Header { table: Table::SearchSegment, key: version, patient: tag, compartment };
            let closed = Closed { n, shelf: shelf as u8, header };
            if let Some(segment) = self.open_all(&[closed])?.into_iter().flatten().next() {
                return Ok(Some(segment));
            }
        }
        self.sql.execute("DELETE FROM search_segment WHERE shelf = ?1 AND patient = ?2", (shelf as u8, tag))?;
        match shelf {
            Shelf::Documents => self.sql.execute(
                "INSERT OR IGNORE INTO search_stale SELECT 0, patient, key FROM note WHERE patient = ?1",
                [tag],
            )?,
            Shelf::Records => self.sql.execute(
                "INSERT OR IGNORE INTO search_stale SELECT 1, patient, key FROM item WHERE patient = ?1 AND kind = ?2",
                (tag, u8::from(Kind::Record)),
            )?,
        };
        Ok(None)
    }

    fn stale_keys(&mut self, shelf: Shelf, tag: Tag, most: usize) -> Result<BTreeSet<Tag>, VaultError> {
        Ok(self
            .sql
            .prepare_cached("SELECT key FROM search_stale WHERE shelf = ?1 AND patient = ?2 LIMIT ?3")?
            .query_map((shelf as u8, tag, most.max(1) as i64), |r| r.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// The document behind a mark; `None` if it is gone, or if its row does not open.
    fn source(&mut self, shelf: Shelf, key: Tag, new: &mut Building) -> Result<Option<Source>, VaultError> {
        let source = match shelf {
            Shelf::Documents => {
                let found: Option<(Tag, Vec<u8>)> = self
                    .sql
                    .prepare_cached("SELECT patient, row FROM note WHERE key = ?1")?
                    .query_row([key], |r| Ok((r.get(0)?, r.get(1)?)))
                    .optional()?;
                let Some((patient, sealed)) = found else { return Ok(None) };
                let place = self.station(Table::NoteRow, key, patient);
                self.open_or_count(place, &sealed).map(|row| Source::Note(Box::new(row)))
            }
            Shelf::Records => {
                let found: Option<(Tag, Tag, Vec<u8>)> = self
                    .sql
                    .prepare_cached("SELECT compartment, patient, sealed FROM item WHERE kind = ?1 AND key = ?2")?
                    .query_row((u8::from(Kind::Record), key), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
                    .optional()?;
                let Some((compartment, patient, sealed)) = found else { return Ok(None) };
                let place = Place { table: Table::Item, key, patient, compartment };
                self.open_or_count(place, &sealed).map(|item| Source::Record(Box::new(item)))
            }
        };
        if source.is_none() {
            new.unread.push((key, None));
        }
        Ok(source)
    }

    fn document_key(&self, shelf: Shelf, id: DocumentId) -> Tag {
        match shelf {
            Shelf::Documents => self.ring.tag("note", &id.0),
            Shelf::Records => self.ring.tag("item", &id.0),
        }
    }

    /// A note reads otherwise although nothing was written to its own rows.
    pub(crate) fn mark_to_search(&mut self, note: Tag, patient: Tag) -> Result<(), VaultError> {
        self.sql.prepare_cached("INSERT OR IGNORE INTO search_stale VALUES (?1, ?2, ?3)")?.execute((
            Shelf::Documents as u8,
            patient,
            note,
        ))?;
        Ok(())
    }

    /// A document has left: what was made to search with of the patient's goes at once, and is made again of what stays.
    pub(crate) fn drop_documents_of(&mut self, patient: Tag) -> Result<(), VaultError> {
        let shelf = Shelf::Documents as u8;
        self.ring.searched.open.remove(&(shelf, patient));
        self.sql
            .prepare_cached("DELETE FROM search_segment WHERE shelf = ?1 AND patient = ?2")?
            .execute((shelf, patient))?;
        self.sql
            .prepare_cached("INSERT OR IGNORE INTO search_stale VALUES (?1, ?2, ?3)")?
            .execute((shelf, patient, ALL))?;
        Ok(())
    }

    fn put_segment(&mut self, shelf: Shelf, tag: Tag, new: Building) -> Result<(), VaultError> {
        self.ring.searched.open.remove(&(shelf as u8, tag));
        if new.is_empty() {
            self.sql.execute("DELETE FROM search_segment WHERE shelf = ?1 AND patient = ?2", (shelf as u8, tag))?;
            return Ok(());
        }
        let mut version = [0; 16];
        fill_random(&mut version)?;
        let compartment = self.ring.compartment_tag(&shelf.compartment());
        let place = Place { table: Table::SearchSegment, key: version, patient: tag, compartment };
        let body = new.body()?;
        let sealed = self.seal_bytes(place, &body)?;
        self.sql
            .prepare_cached(
                "INSERT INTO search_segment (shelf, compartment, patient, version, edition, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (shelf, patient) DO UPDATE SET version = excluded.version, edition = excluded.edition,
                     sealed = excluded.sealed",
            )?
            .execute((shelf as u8, compartment, tag, version, EDITION, sealed))?;
        // Should the transaction fail, the file keeps another version and this one is not used.
        if let Some(segment) = Segment::read(body, version) {
            self.ring.searched.open.insert((shelf as u8, tag), segment);
        }
        Ok(())
    }
}
