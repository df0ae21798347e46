//! Search: sealed segments of folded text per patient and compartment, opened into memory, read from end to end.
//!
//! Nothing of it stands in clear, and a word may have any length: there is no index of words. A document that changed is
//! marked by the database (`0004_search.sql`); a search refuses until what is marked has been read again
//! (`search/renewal.rs`). What a segment holds is told at the head of `search/segment.rs`.

mod renewal;
mod segment;

use crate::error::VaultError;
use crate::items::Item;
use crate::notes::NoteRow;
use crate::seal::{self, Header, Table, Tag};
use crate::tx::Tx;
use crate::vault::Compartment;
use jiff::civil::Date;
use memchr::memmem::Finder;
use record::text_search::{self, Folded};
use record::{DataClass, DocumentId, Form, PatientId};
use segment::{Document, Segment};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError, mpsc};

/// Raise it when the fold, or what of a document is searched, changes: older segments are then made again.
const EDITION: i64 = 1;
/// Characters of a document that are shown around a hit.
const SNIPPET: usize = 40;
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

/// A segment in the file.
struct Closed {
    n: i64,
    shelf: u8,
    header: Header,
}

/// Cores that open segments, at most: a phone's fast ones.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
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
        let mut closed = Vec::new();
        for (n, shelf, patient, compartment, version) in rows {
            stands.insert((shelf, patient));
            if self.ring.searched.open.get(&(shelf, patient)).is_none_or(|segment| segment.version != version) {
                let header = Header { table: Table::SearchSegment, key: version, patient, compartment };
                closed.push(Closed { n, shelf, header });
            }
        }
        let mut whole = true;
        for (closed, segment) in closed.iter().zip(self.open_all(&closed)?) {
            let at = (closed.shelf, closed.header.patient);
            match segment {
                Some(segment) => {
                    self.ring.searched.open.insert(at, segment);
                }
                None => {
                    self.ring.searched.open.remove(&at);
                    self.ring.searched.broken.insert(at);
                    whole = false;
                }
            }
        }
        // What no longer stands in the file (withdrawn, erased, by this process or another) goes from memory too.
        let of_scope = |tag: &Tag| patient.is_none_or(|patient| patient == *tag);
        self.ring.searched.open.retain(|at, _| stands.contains(at) || !of_scope(&at.1));
        Ok(whole)
    }

    /// Opens segments, each on whichever core is free: the cipher is most of a first search. `None`: it was altered or damaged, which
    /// is counted; the documents that it was made of still stand.
    fn open_all(&mut self, closed: &[Closed]) -> Result<Vec<Option<Segment>>, VaultError> {
        let mut keys = Vec::with_capacity(closed.len());
        for Closed { header, .. } in closed {
            keys.push(match self.ring.patient_key(self.sql, header.compartment, header.patient, false) {
                Err(error @ (VaultError::Write(_) | VaultError::Full | VaultError::InUse)) => return Err(error),
                key => key.ok(),
            });
        }
        let mut statement = self.sql.prepare_cached("SELECT sealed FROM search_segment WHERE n = ?1")?;
        let (give, take) = mpsc::channel::<(usize, Vec<u8>)>();
        let take = Mutex::new(take);
        let next = || take.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let work = || {
            let mut done = Vec::new();
            while let Ok((which, sealed)) = next() {
                let (Closed { header, .. }, Some(key)) = (&closed[which], &keys[which]) else { continue };
                let body = seal::open_here(key, header, sealed).ok();
                done.push((which, body.and_then(|body| Segment::read(body, header.key))));
            }
            done
        };
        let mut opened: Vec<Option<Segment>> = std::iter::repeat_with(|| None).take(closed.len()).collect();
        std::thread::scope(|threads| {
            // One that the system does not give is done without: this thread works too.
            let others = cores().min(closed.len()).saturating_sub(1);
            let helpers: Vec<_> =
                (0..others).filter_map(|_| std::thread::Builder::new().spawn_scoped(threads, work).ok()).collect();
            for (which, closed) in closed.iter().enumerate() {
                let sealed = statement.query_row([closed.n], |r| r.get(0))?;
                let _ = give.send((which, sealed));
            }
            drop(give);
            let by_others =
                helpers.into_iter().flat_map(|helper| helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            for (which, segment) in work().into_iter().chain(by_others) {
                opened[which] = segment;
            }
            Ok::<_, VaultError>(())
        })?;
        for (Closed { header, .. }, _) in closed.iter().zip(&opened).filter(|(_, segment)| segment.is_none()) {
            self.ring.damaged.insert((header.table as u8, header.key));
            tracing::warn!("a search segment does not open and is made again");
        }
        Ok(opened)
    }

    /// A withdrawal: what a patient's hospitals disclosed goes from memory as well.
    pub(crate) fn close_records_of(&mut self, patient: Tag) {
        self.ring.searched.open.remove(&(Shelf::Records as u8, patient));
    }

    /// The lease is over: what any hospital disclosed goes from memory as well.
    pub(crate) fn close_all_records(&mut self) {
        self.ring.searched.open.retain(|(shelf, _), _| *shelf != Shelf::Records as u8);
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
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
