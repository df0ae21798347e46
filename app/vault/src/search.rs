//! Search: sealed segments of folded text per patient and compartment, opened into memory, read from end to end.
//!
//! Nothing of it stands in clear, and a word may have any length: there is no index of words. A document that changed is
//! marked by the database (`0004_search.sql`); a search refuses until what is marked has been read again.
//!
//! A segment, serialised inside the seal: do not reorder. Numbers are little endian.
//! `patient length (1) ‖ patient ‖ documents (4) ‖ per document: id (16), kind (1), year (2), month (1), day (1), at (8), bytes of
//! text (4), bytes of way back (4) ‖ unread (4) ‖ per unread: key (16), id (16) ‖ per document: text, newline ‖ per document: way
//! back`. Fold and way back are `record::text_search`'s.

use crate::error::VaultError;
use crate::items::Item;
use crate::keys::fill_random;
use crate::notes::NoteRow;
use crate::seal::{self, Header, Table, Tag};
use crate::tx::{Place, Tx};
use crate::vault::Compartment;
use jiff::civil::Date;
use memchr::memmem::Finder;
use protocol::Kind;
use record::text_search::{self, Folded};
use record::{DataClass, DocumentId, Form, PatientId};
use rusqlite::OptionalExtension;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use zeroize::Zeroizing;

/// Raise it when the fold, or what of a document is searched, changes: older segments are then made again.
const EDITION: i64 = 1;
/// Characters of a document that are shown around a hit.
const SNIPPET: usize = 40;
/// Room for what has changed, so that a segment is seldom copied while it grows: a copy left behind is not wiped.
const SLACK: usize = 64 << 10;
/// Stands for all documents of a patient.
const ALL: Tag = [0; 16];

/// What is searched apart, because it can be locked and withdrawn apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Shelf {
    /// The station's own documents.
    Documents = 0,
    /// What hospitals disclosed.
    Records = 1,
}

/// What a hit is found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    Form(Form),
    Record(DataClass),
}

/// A document as it is searched.
pub struct SearchText {
    pub kind: SearchKind,
    pub day: Date,
    /// Milliseconds; orders what is of one day.
    pub at: i64,
    pub text: Folded,
}

/// A document to be read again.
pub enum Source {
    Note(Box<NoteRow>),
    Record(Box<Item>),
}

/// What reading it gave.
pub enum Piece {
    Text(SearchText),
    /// There is nothing to be searched in it.
    Nothing,
    /// It cannot be read: every search says so.
    Unreadable,
}

/// Where to search, and how much of it to show.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub patient: Option<&'a PatientId>,
    /// Disclosed records too. Without it they are not even opened, and those in memory go.
    pub records: bool,
    /// At most so many hits are shown, the newest.
    pub most: usize,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Hit {
    pub patient: PatientId,
    pub kind: SearchKind,
    pub id: DocumentId,
    pub day: Date,
    /// What was written around the hit.
    pub snippet: String,
}

/// What could not be searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub patient: Option<PatientId>,
    pub id: Option<DocumentId>,
}

/// Newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// Hits before they were cut to what was asked for.
    pub total: usize,
    /// Not empty: the search is incomplete.
    pub unread: Vec<Unread>,
}

pub enum Looked {
    Found(Found),
    /// Something changed, or a segment does not open: [`Tx::refresh_search`] first.
    Stale,
}

impl std::fmt::Debug for Hit {
    /// A patient's words stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hit")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("day", &self.day)
            .finish_non_exhaustive()
    }
}

/// Segments of an unlocked vault, opened. Wiped when dropped. Each is used only while its row says the same version.
#[derive(Default)]
pub(crate) struct OpenSegments {
    open: BTreeMap<(u8, Tag), Segment>,
    /// Did not open: to be made again.
    broken: BTreeSet<(u8, Tag)>,
}

impl Tx<'_> {
    /// Whether documents changed that no search has read yet.
    pub fn search_is_stale(&mut self, scope: &Scope<'_>) -> Result<bool, VaultError> {
        let top = scope.top() as u8;
        let patient = scope.patient.map(|p| self.ring.patient_tag(Some(p)));
        if self.ring.searched.broken.iter().any(|(shelf, tag)| *shelf <= top && patient.is_none_or(|p| p == *tag)) {
            return Ok(true);
        }
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM search_stale WHERE shelf <= ?1 AND (?2 IS NULL OR patient = ?2))
                     OR EXISTS (SELECT 1 FROM search_segment WHERE edition <> ?3)",
            )?
            .query_row((top, patient, EDITION), |r| r.get(0))?)
    }

    /// Whether anything that a hospital disclosed could be searched.
    pub fn has_records_to_search(&mut self) -> Result<bool, VaultError> {
        Ok(self.sql.query_row(
            "SELECT EXISTS (SELECT 1 FROM search_segment WHERE shelf = 1) OR EXISTS (SELECT 1 FROM search_stale WHERE shelf = 1)",
            [],
            |r| r.get(0),
        )?)
    }

    /// Documents in which every word stands. The words are folded ([`text_search::words`]), the longest first.
    pub fn search(&mut self, words: &[String], scope: &Scope<'_>) -> Result<Looked, VaultError> {
        if self.search_is_stale(scope)? || !self.open_segments(scope)? {
            return Ok(Looked::Stale);
        }
        let patient = scope.patient.map(|p| self.ring.patient_tag(Some(p)));
        let finders: Vec<Finder<'_>> = words.iter().map(|word| Finder::new(word.as_bytes())).collect();
        let mut found = Found::default();
        let mut places: Vec<(&Segment, &Document, usize)> = Vec::new();
        for ((_, tag), segment) in &self.ring.searched.open {
            if patient.is_some_and(|patient| patient != *tag) {
                continue;
            }
            found
                .unread
                .extend(segment.unread.iter().map(|(_, id)| Unread { patient: segment.patient.clone(), id: *id }));
            segment.find(&finders, |document, at| places.push((segment, document, at)));
        }
        found.total = places.len();
        places.sort_unstable_by_key(|(_, d, _)| std::cmp::Reverse((d.day, d.at, d.id)));
        places.truncate(scope.most);
        let length = words.first().map_or(0, String::len);
        for (segment, document, at) in places {
            let Some(patient) = segment.patient.clone() else { continue };
            let snippet =
                text_search::snippet(segment.text(document), segment.back(document), at..at + length, SNIPPET);
            found.hits.push(Hit { patient, kind: document.kind, id: document.id, day: document.day, snippet });
        }
        Ok(Looked::Found(found))
    }

    /// Reads again what changed of one patient, at most so many documents, and seals the segment anew. Says whether more is left.
    pub fn refresh_search<E: From<VaultError>>(
        &mut self,
        scope: &Scope<'_>,
        most: usize,
        read: &mut dyn FnMut(&mut Self, Source) -> Result<Piece, E>,
    ) -> Result<bool, E> {
        self.mark_what_is_unusable()?;
        let top = scope.top() as u8;
        let patient = scope.patient.map(|p| self.ring.patient_tag(Some(p)));
        let next: Option<(u8, Tag)> = self
            .sql
            .prepare_cached(
                "SELECT shelf, patient FROM search_stale WHERE shelf <= ?1 AND (?2 IS NULL OR patient = ?2) LIMIT 1",
            )
            .and_then(|mut s| s.query_row((top, patient), |r| Ok((r.get(0)?, r.get(1)?))).optional())
            .map_err(VaultError::from)?;
        let Some((shelf, tag)) = next else { return Ok(false) };
        let shelf = if shelf == Shelf::Documents as u8 { Shelf::Documents } else { Shelf::Records };
        let old = self.segment_to_renew(shelf, tag)?;
        let keys = self.stale_keys(shelf, tag, most)?;
        let mut new = Building::default();
        if let Some(old) = &old {
            new.texts.reserve(old.texts.len() + SLACK);
            new.backs.reserve(old.body.len() - old.texts.end + SLACK);
            new.patient.clone_from(&old.patient);
            for document in &old.documents {
                if !keys.contains(&self.document_key(shelf, document.id)) {
                    new.add(
                        document.id,
                        document.kind,
                        document.day,
                        document.at,
                        old.text(document),
                        old.back(document),
                    );
                }
            }
            new.unread.extend(old.unread.iter().filter(|(key, _)| !keys.contains(key)));
        }
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
        let mut forget = self
            .sql
            .prepare_cached("DELETE FROM search_stale WHERE shelf = ?1 AND patient = ?2 AND key = ?3")
            .map_err(VaultError::from)?;
        for key in &keys {
            forget.execute((shelf as u8, tag, key)).map_err(VaultError::from)?;
        }
        Ok(self.search_is_stale(scope)?)
    }

    /// Brings the segments in memory up to the file's. `false`: one does not open.
    fn open_segments(&mut self, scope: &Scope<'_>) -> Result<bool, VaultError> {
        if !scope.records {
            self.ring.searched.open.retain(|(shelf, _), _| *shelf == Shelf::Documents as u8);
        }
        let patient = scope.patient.map(|p| self.ring.patient_tag(Some(p)));
        let rows: Vec<(i64, u8, Tag, Tag, Tag)> = self
            .sql
            .prepare_cached(
                "SELECT n, shelf, patient, compartment, version FROM search_segment
                 WHERE shelf <= ?1 AND (?2 IS NULL OR patient = ?2)",
            )?
            .query_map((scope.top() as u8, patient), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?
            .collect::<Result<_, _>>()?;
        let mut stands: BTreeSet<(u8, Tag)> = BTreeSet::new();
        let mut whole = true;
        for (n, shelf, tag, compartment, version) in rows {
            stands.insert((shelf, tag));
            if self.ring.searched.open.get(&(shelf, tag)).is_some_and(|segment| segment.version == version) {
                continue;
            }
            let place = Place { table: Table::SearchSegment, key: version, patient: tag, compartment };
            match self.open_segment(n, place)? {
                Some(segment) => {
                    self.ring.searched.open.insert((shelf, tag), segment);
                }
                None => {
                    self.ring.searched.open.remove(&(shelf, tag));
                    self.ring.searched.broken.insert((shelf, tag));
                    whole = false;
                }
            }
        }
        // What no longer stands in the file (withdrawn, erased, by this process or another) goes from memory too.
        let of_scope = |tag: &Tag| patient.is_none_or(|patient| patient == *tag);
        self.ring.searched.open.retain(|at, _| stands.contains(at) || !of_scope(&at.1));
        Ok(whole)
    }

    /// `None`: it was altered or damaged, which is counted; the documents that it was made of still stand.
    fn open_segment(&mut self, n: i64, place: Place) -> Result<Option<Segment>, VaultError> {
        let Place { table, key, patient, compartment } = place;
        let header = Header { table, key, patient, compartment };
        let opened = match self.ring.patient_key(self.sql, place.compartment, place.patient, false) {
            // Opened straight out of SQLite's page: a copy of all segments would cost a fifth of a search.
            Ok(key) => self
                .sql
                .prepare_cached("SELECT sealed FROM search_segment WHERE n = ?1")?
                .query_row([n], |r| {
                    let sealed = r.get_ref(0)?.as_blob()?;
                    Ok(seal::open(&key, &header, sealed).ok().and_then(|body| Segment::read(body, place.key)))
                })?
                .ok_or(VaultError::Damaged { table: "search_segment" }),
            Err(error @ (VaultError::Write(_) | VaultError::Full | VaultError::InUse)) => return Err(error),
            Err(error) => Err(error),
        };
        match opened {
            Ok(segment) => Ok(Some(segment)),
            Err(error) => {
                self.ring.damaged.insert((place.table as u8, place.key));
                tracing::warn!(%error, "a search segment does not open and is made again");
                Ok(None)
            }
        }
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
            let place = Place { table: Table::SearchSegment, key: version, patient: tag, compartment };
            if let Some(segment) = self.open_segment(n, place)? {
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

    /// A withdrawal: what a patient's hospitals disclosed goes from memory as well.
    pub(crate) fn close_records_of(&mut self, patient: Tag) {
        self.ring.searched.open.remove(&(Shelf::Records as u8, patient));
    }

    /// The lease is over: what any hospital disclosed goes from memory as well.
    pub(crate) fn close_all_records(&mut self) {
        self.ring.searched.open.retain(|(shelf, _), _| *shelf != Shelf::Records as u8);
    }

    fn put_segment(&mut self, shelf: Shelf, tag: Tag, new: Building) -> Result<(), VaultError> {
        self.ring.searched.open.remove(&(shelf as u8, tag));
        if new.documents.is_empty() && new.unread.is_empty() {
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

impl Shelf {
    fn compartment(self) -> Compartment {
        match self {
            Shelf::Documents => Compartment::Station,
            Shelf::Records => Compartment::Disclosed("home".to_string()),
        }
    }
}

impl Scope<'_> {
    fn top(&self) -> Shelf {
        if self.records { Shelf::Records } else { Shelf::Documents }
    }
}

impl SearchKind {
    pub fn as_str(self) -> &'static str {
        match self {
            SearchKind::Form(form) => form.as_str(),
            SearchKind::Record(class) => class.as_str(),
        }
    }

    /// Numbers never change meaning; forms have their own below 100.
    fn tag(self) -> u8 {
        match self {
            SearchKind::Form(form) => form.tag(),
            SearchKind::Record(class) => match class {
                DataClass::Problem => 101,
                DataClass::Allergy => 102,
                DataClass::Rx => 103,
                DataClass::Inj => 104,
                DataClass::Lab => 105,
                DataClass::Document => 106,
                DataClass::Encounter => 107,
            },
        }
    }

    fn from_tag(tag: u8) -> Option<Self> {
        let class = DataClass::ALL.into_iter().map(SearchKind::Record).find(|kind| kind.tag() == tag);
        class.or_else(|| Form::from_tag(tag).map(SearchKind::Form))
    }
}

/// One segment, opened.
struct Segment {
    version: Tag,
    body: Zeroizing<Vec<u8>>,
    patient: Option<PatientId>,
    documents: Vec<Document>,
    unread: Vec<(Tag, Option<DocumentId>)>,
    /// All texts, each with its newline.
    texts: Range<usize>,
}

struct Document {
    id: DocumentId,
    kind: SearchKind,
    day: Date,
    at: i64,
    text: Range<usize>,
    back: Range<usize>,
}

impl Segment {
    /// `None`: it is none of ours, although it was sealed by us.
    fn read(body: Zeroizing<Vec<u8>>, version: Tag) -> Option<Self> {
        let mut reader = Reader { bytes: &body, at: 0 };
        let length = reader.number::<1>()?;
        let patient = std::str::from_utf8(reader.take(length)?).ok()?;
        let patient = if patient.is_empty() { None } else { Some(patient.parse().ok()?) };
        let count = reader.number::<4>()?;
        let mut documents = Vec::with_capacity(count.min(body.len()));
        for _ in 0..count {
            let id = DocumentId(reader.array()?);
            let kind = SearchKind::from_tag(reader.array::<1>()?[0])?;
            let year = i16::from_le_bytes(reader.array()?);
            let [month, day] = reader.array::<2>()?.map(u8::cast_signed);
            let day = Date::new(year, month, day).ok()?;
            let at = i64::from_le_bytes(reader.array()?);
            let (text, back) = (reader.number::<4>()?, reader.number::<4>()?);
            documents.push(Document { id, kind, day, at, text: 0..text, back: 0..back });
        }
        let mut unread = Vec::new();
        for _ in 0..reader.number::<4>()? {
            let (key, id) = (reader.array()?, reader.array()?);
            unread.push((key, (id != ALL).then_some(DocumentId(id))));
        }
        let from = reader.at;
        for document in &mut documents {
            document.text = reader.range(document.text.end)?;
            reader.take(1)?;
        }
        let texts = from..reader.at;
        for document in &mut documents {
            document.back = reader.range(document.back.end)?;
        }
        Some(Self { version, patient, documents, unread, texts, body })
    }

    /// Every document with all words, and where the first word stands in it.
    fn find<'s>(&'s self, finders: &[Finder<'_>], mut found: impl FnMut(&'s Document, usize)) {
        let Some((first, others)) = finders.split_first() else { return };
        let mut at = self.texts.start;
        while let Some(hit) = self.body.get(at..self.texts.end).and_then(|rest| first.find(rest)) {
            let hit = at + hit;
            // Texts stand in the order of the documents; no word holds a newline, so none reaches from one into the next.
            let n = self.documents.partition_point(|document| document.text.end <= hit);
            let Some(document) = self.documents.get(n) else { return };
            let text = self.body.get(document.text.clone()).unwrap_or_default();
            if others.iter().all(|word| word.find(text).is_some()) {
                found(document, hit - document.text.start);
            }
            at = document.text.end;
        }
    }

    fn text(&self, document: &Document) -> &str {
        let bytes = self.body.get(document.text.clone()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    fn back(&self, document: &Document) -> &[u8] {
        self.body.get(document.back.clone()).unwrap_or_default()
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn range(&mut self, length: usize) -> Option<Range<usize>> {
        let range = self.at..self.at.checked_add(length)?;
        self.bytes.get(range.clone())?;
        self.at = range.end;
        Some(range)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let range = self.range(length)?;
        self.bytes.get(range)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number<const N: usize>(&mut self) -> Option<usize> {
        let bytes = self.array::<N>()?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}

/// A segment while it is put together. Its parts are wiped when dropped.
#[derive(Default)]
struct Building {
    patient: Option<PatientId>,
    documents: Vec<(DocumentId, SearchKind, Date, i64, usize, usize)>,
    unread: Vec<(Tag, Option<DocumentId>)>,
    texts: Zeroizing<Vec<u8>>,
    backs: Zeroizing<Vec<u8>>,
}

impl Building {
    fn add(&mut self, id: DocumentId, kind: SearchKind, day: Date, at: i64, text: &str, back: &[u8]) {
        self.documents.push((id, kind, day, at, text.len(), back.len()));
        self.texts.extend_from_slice(text.as_bytes());
        self.texts.push(b'\n');
        self.backs.extend_from_slice(back);
    }

    fn body(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let too_large = |_| VaultError::Missing("room for a text in four gigabytes");
        let number = |n: usize| u32::try_from(n).map(u32::to_le_bytes).map_err(too_large);
        let room = 128 + 40 * self.documents.len() + 32 * self.unread.len() + self.texts.len() + self.backs.len();
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        let patient = self.patient.as_ref().map_or("", PatientId::as_str);
        // Ids have 64 bytes at most.
        body.push(patient.len() as u8);
        body.extend_from_slice(patient.as_bytes());
        body.extend_from_slice(&number(self.documents.len())?);
        for (id, kind, day, at, text, back) in &self.documents {
            body.extend_from_slice(&id.0);
            body.push(kind.tag());
            body.extend_from_slice(&day.year().to_le_bytes());
            body.extend_from_slice(&[day.month().cast_unsigned(), day.day().cast_unsigned()]);
            body.extend_from_slice(&at.to_le_bytes());
            body.extend_from_slice(&number(*text)?);
            body.extend_from_slice(&number(*back)?);
        }
        body.extend_from_slice(&number(self.unread.len())?);
        for (key, id) in &self.unread {
            body.extend_from_slice(key);
            body.extend_from_slice(&id.map_or(ALL, |id| id.0));
        }
        body.extend_from_slice(&self.texts);
        body.extend_from_slice(&self.backs);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::RunningTime;
    use crate::keys::{FileKeyStore, Pin};
    use crate::unlock::PinCost;
    use crate::vault::Vault;
    use jiff::Timestamp;
    use record::FacilityId;
    use record::visit_note::NoteState;
    use std::error::Error;
    use std::path::PathBuf;

    type Outcome<T = ()> = Result<T, Box<dyn Error>>;

    const NOTE: DocumentId = DocumentId([7; 16]);
    const EVERYWHERE: Scope<'static> = Scope { patient: None, records: true, most: usize::MAX };

    struct Opened {
        _folder: tempfile::TempDir,
        path: PathBuf,
        vault: Vault,
        /// What each document says.
        texts: BTreeMap<DocumentId, Option<String>>,
        read: Vec<DocumentId>,
    }

    impl Opened {
        fn new() -> Outcome<Self> {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("a.vault");
            let store = FileKeyStore::beside(&path);
            let now = RunningTime { boot: [1; 16], ms: 0 };
            let vault = Vault::create(&path, &store, &Pin::new("2468")?, PinCost::FLOOR, now)?;
            Ok(Self { _folder: folder, path, vault, texts: BTreeMap::new(), read: Vec::new() })
        }

        fn note(&mut self, id: DocumentId, patient: &str, text: &str) -> Outcome {
            let row = NoteRow {
                note: id,
                form: Form::VisitNote,
                patient: patient.parse()?,
                visit: None,
                author: None,
                state: NoteState::Draft,
                has_conflict: false,
                has_late_edits: false,
                started_at: None,
                ended_at: None,
                changed_at: Timestamp::UNIX_EPOCH,
                heads: Vec::new(),
            };
            self.texts.insert(id, Some(text.to_string()));
            Ok(self.vault.write(|tx| tx.put_note(&row, None, false, 0))?)
        }

        fn record(&mut self, id: DocumentId, patient: &str, source: &str, text: &str) -> Outcome {
            let item = Item {
                kind: Kind::Record,
                doc: id,
                patient: Some(patient.parse()?),
                source: Some(source.parse()?),
                body: Vec::new(),
            };
            self.texts.insert(id, Some(text.to_string()));
            Ok(self.vault.write(|tx| tx.put_item(&item))?)
        }

        fn refresh(&mut self, scope: &Scope<'_>, most: usize) -> Outcome<bool> {
            let Self { vault, texts, read, .. } = self;
            let mut piece = |_: &mut Tx<'_>, source: Source| -> Result<Piece, VaultError> {
                let (id, kind) = match source {
                    Source::Note(row) => (row.note, SearchKind::Form(Form::VisitNote)),
                    Source::Record(item) => (item.doc, SearchKind::Record(DataClass::Rx)),
                };
                read.push(id);
                Ok(match texts.get(&id).cloned().flatten() {
                    Some(text) => Piece::Text(SearchText {
                        kind,
                        day: Date::constant(2026, 11, 1 + (id.0[0] % 28) as i8),
                        at: 0,
                        text: text_search::fold(&text),
                    }),
                    None => Piece::Unreadable,
                })
            };
            Ok(vault.write(|tx| tx.refresh_search(scope, most, &mut piece))?)
        }

        /// Reads what is stale and searches.
        fn found(&mut self, query: &str, scope: &Scope<'_>) -> Outcome<Found> {
            let words = text_search::words(query);
            for _ in 0..100 {
                match self.vault.read(|tx| tx.search(&words, scope))? {
                    Looked::Found(found) => return Ok(found),
                    Looked::Stale => while self.refresh(scope, 2)? {},
                }
            }
            Err("a search never ends".into())
        }

        fn ids(&mut self, query: &str) -> Outcome<Vec<DocumentId>> {
            Ok(self.found(query, &EVERYWHERE)?.hits.into_iter().map(|hit| hit.id).collect())
        }

        /// Another process on the same file.
        fn by_another(&self, sql: &str) -> Outcome<usize> {
            Ok(rusqlite::Connection::open(&self.path)?.execute(sql, [])?)
        }
    }

    fn id(n: u8) -> DocumentId {
        DocumentId([n; 16])
    }

    #[test]
    fn words_of_any_length_are_found_and_all_of_them_must_stand_in_one_document() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "下肢浮腫++。\n食欲あり")?;
        phone.note(id(2), "p1", "浮腫なし、発赤あり")?;
        phone.note(id(3), "p2", "ﾊﾞﾙﾝｶﾃｰﾃﾙ交換")?;
        assert_eq!(phone.ids("浮腫")?, [id(2), id(1)], "newest first");
        assert_eq!(phone.ids("腫")?, [id(2), id(1)]);
        assert_eq!(phone.ids("浮腫　発赤")?, [id(2)]);
        assert_eq!(phone.ids("発赤 食欲")?, []);
        assert_eq!(phone.ids("なし、発赤")?, [id(2)]);
        assert_eq!(phone.ids("交換下肢")?, [], "no word reaches from one document into the next");
        let found = phone.found("かてーてる", &EVERYWHERE)?;
        assert_eq!((found.hits.len(), found.hits[0].snippet.as_str()), (1, "ﾊﾞﾙﾝｶﾃｰﾃﾙ交換"));
        let patient: PatientId = "p1".parse()?;
        assert_eq!(phone.found("交換", &Scope { patient: Some(&patient), ..EVERYWHERE })?.total, 0);
        let found = phone.found("浮腫", &Scope { most: 1, ..EVERYWHERE })?;
        assert_eq!((found.total, found.hits.len()), (2, 1));
        assert!(!format!("{found:?}").contains("発赤"), "a hit's words stay out of logs");
        Ok(())
    }

    #[test]
    fn only_what_changed_is_read_again_and_nothing_that_was_saved_is_missed() -> Outcome {
        let mut phone = Opened::new()?;
        for n in 1..=9 {
            phone.note(id(n), "p1", &format!("記録{n} 咳嗽"))?;
        }
        assert_eq!(phone.ids("咳嗽")?.len(), 9);
        phone.read.clear();
        phone.note(id(4), "p1", "記録4")?;
        phone.note(id(4), "p1", "記録4 喀痰")?;
        assert_eq!(phone.ids("咳嗽")?.len(), 8);
        assert_eq!(phone.ids("喀痰")?, [id(4)]);
        assert_eq!(phone.read, [id(4)]);
        Ok(())
    }

    #[test]
    fn what_another_process_wrote_is_found_and_what_it_took_is_not() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "発熱")?;
        phone.record(id(2), "p1", "hp", "発熱の紹介")?;
        assert_eq!(phone.ids("発熱")?.len(), 2);
        phone.by_another("UPDATE note SET dirty = 1")?;
        phone.texts.insert(id(1), Some("解熱".into()));
        assert_eq!(phone.ids("解熱")?, [id(1)]);
        phone.by_another("DELETE FROM patient_key WHERE compartment IN (SELECT compartment FROM item)")?;
        assert_eq!(phone.ids("発熱")?, [], "an erased patient's segment goes with the key, from memory too");
        Ok(())
    }

    #[test]
    fn a_change_that_was_taken_back_leaves_no_trace_in_memory() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "発熱")?;
        assert_eq!(phone.ids("発熱")?, [id(1)]);
        phone.by_another("UPDATE note SET dirty = 1")?;
        let undone: Result<(), VaultError> = phone.vault.write(|tx| {
            tx.refresh_search(&EVERYWHERE, 9, &mut |_, _| Ok::<_, VaultError>(Piece::Nothing))?;
            Err(VaultError::Full)
        });
        assert!(undone.is_err());
        assert_eq!(phone.ids("発熱")?, [id(1)]);
        Ok(())
    }

    #[test]
    fn a_withdrawal_takes_the_disclosed_texts_and_leaves_the_other_hospitals() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "糖尿病")?;
        phone.record(id(2), "p1", "hp", "糖尿病")?;
        phone.record(id(3), "p1", "clinic", "糖尿病")?;
        assert_eq!(phone.ids("糖尿病")?.len(), 3);
        let (patient, hp): (PatientId, FacilityId) = ("p1".parse()?, "hp".parse()?);
        phone.vault.write(|tx| tx.forget_disclosed(&patient, &hp))?;
        assert!(phone.vault.ring.searched.open.keys().all(|(shelf, _)| *shelf == 0), "not even in memory");
        let left: i64 =
            phone.vault.db.query_row("SELECT count(*) FROM search_segment WHERE shelf = 1", [], |r| r.get(0))?;
        assert_eq!(left, 0, "in the same transaction, not at the next search");
        assert_eq!(phone.ids("糖尿病")?, [id(3), id(1)]);
        phone.vault.write(|tx| tx.forget_disclosed(&patient, &"clinic".parse().expect("an id")))?;
        assert_eq!(phone.ids("糖尿病")?, [id(1)]);
        Ok(())
    }

    #[test]
    fn a_wipe_leaves_neither_segments_nor_marks() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "発熱")?;
        phone.record(id(2), "p1", "hp", "発熱")?;
        assert_eq!(phone.ids("発熱")?.len(), 2);
        phone.vault.wipe(&FileKeyStore::beside(&phone.path))?;
        let db = rusqlite::Connection::open(&phone.path)?;
        for table in ["search_segment", "search_stale"] {
            let left: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
            assert_eq!(left, 0, "{table}");
        }
        Ok(())
    }

    #[test]
    fn locked_records_are_neither_searched_nor_opened() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "糖尿病")?;
        phone.record(id(2), "p1", "hp", "糖尿病")?;
        assert_eq!(phone.ids("糖尿病")?.len(), 2);
        let locked = Scope { records: false, ..EVERYWHERE };
        assert_eq!(phone.found("糖尿病", &locked)?.total, 1);
        assert!(phone.vault.ring.searched.open.keys().all(|(shelf, _)| *shelf == 0), "the opened ones are gone");
        phone.record(id(3), "p1", "hp", "糖尿病")?;
        phone.read.clear();
        assert_eq!(phone.found("糖尿病", &locked)?.total, 1);
        assert_eq!(phone.read, []);
        assert_eq!(phone.ids("糖尿病")?.len(), 3);
        Ok(())
    }

    #[test]
    fn a_segment_that_was_altered_or_moved_is_counted_and_made_again() -> Outcome {
        for sql in [
            "UPDATE search_segment SET sealed = CAST(substr(sealed, 1, 60) || zeroblob(8) || substr(sealed, 69) AS BLOB)",
            "UPDATE search_segment SET sealed = (SELECT other.sealed FROM search_segment AS other WHERE other.n <> search_segment.n)",
            "UPDATE search_segment SET sealed = x''",
            "UPDATE search_segment SET version = randomblob(16)",
            "UPDATE search_segment SET compartment = zeroblob(16)",
        ] {
            let mut phone = Opened::new()?;
            phone.note(id(1), "p1", "浮腫あり")?;
            phone.note(id(2), "p2", "浮腫なし")?;
            assert_eq!(phone.ids("浮腫")?.len(), 2);
            assert_eq!(phone.vault.read(|tx| Ok::<_, VaultError>(tx.damaged()))?, 0);
            phone.vault.ring.searched = OpenSegments::default();
            assert_eq!(phone.by_another(sql)?, 2, "{sql}");
            assert_eq!(phone.ids("浮腫")?, [id(2), id(1)], "{sql}");
            assert!(phone.vault.read(|tx| Ok::<_, VaultError>(tx.damaged()))? > 0, "{sql}");
        }
        Ok(())
    }

    #[test]
    fn a_document_that_cannot_be_read_is_named_and_the_search_goes_on() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(NOTE, "p1", "")?;
        phone.texts.insert(NOTE, None);
        phone.note(id(2), "p1", "浮腫")?;
        let found = phone.found("浮腫", &EVERYWHERE)?;
        let named = Unread { patient: Some("p1".parse()?), id: Some(NOTE) };
        assert_eq!((found.total, &found.unread), (1, &vec![named]));
        // Its row itself does not open: not even its number is known.
        phone.by_another("UPDATE note SET row = x'01', dirty = 1")?;
        let found = phone.found("浮腫", &EVERYWHERE)?;
        assert_eq!((found.total, found.unread.len()), (0, 2));
        assert!(found.unread.iter().all(|unread| unread.id.is_none()));
        // Whole again once it is.
        phone.note(NOTE, "p1", "浮腫")?;
        phone.note(id(2), "p1", "浮腫")?;
        let found = phone.found("浮腫", &EVERYWHERE)?;
        assert_eq!((found.total, found.unread.len()), (2, 0));
        Ok(())
    }

    #[test]
    fn a_segment_of_an_older_edition_is_made_again() -> Outcome {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "浮腫")?;
        assert_eq!(phone.ids("浮腫")?, [id(1)]);
        phone.by_another("UPDATE search_segment SET edition = 0")?;
        phone.read.clear();
        assert_eq!(phone.ids("浮腫")?, [id(1)]);
        assert_eq!(phone.read, [id(1)]);
        Ok(())
    }

    #[test]
    fn any_bytes_inside_a_segment_are_borne() -> Outcome {
        let mut building = Building { patient: Some("p1".parse()?), ..Building::default() };
        let text = text_search::fold("カテーテル交換");
        let kind = SearchKind::Form(Form::VisitNote);
        building.add(id(1), kind, Date::constant(2026, 11, 22), 5, &text.text, &text.back);
        building.unread.push(([3; 16], None));
        let whole = building.body()?;
        assert!(Segment::read(whole.clone(), ALL).is_some());
        for cut in 0..whole.len() {
            assert!(Segment::read(Zeroizing::new(whole[..cut].to_vec()), ALL).is_none(), "{cut}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                let Some(segment) = Segment::read(flipped, ALL) else { continue };
                segment.find(&[Finder::new("交換".as_bytes())], |document, at| {
                    let _ = text_search::snippet(segment.text(document), segment.back(document), at..at + 6, SNIPPET);
                });
            }
        }
        Ok(())
    }

    #[test]
    fn every_kind_comes_back_from_its_number() {
        let forms = Form::ALL.into_iter().map(SearchKind::Form);
        for kind in forms.chain(DataClass::ALL.into_iter().map(SearchKind::Record)) {
            assert_eq!(SearchKind::from_tag(kind.tag()), Some(kind));
        }
    }
}
