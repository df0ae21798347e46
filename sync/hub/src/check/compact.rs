//! Compaction: a document that rests becomes one piece, so that a new phone reads one in the place of many. The pieces' bodies
//! go; who sent which under which number and hash stays, so that repeats and forks are known as before.

use super::{Bench, Checker, ask};
use crate::error::HubError;
use crate::store::{Pieces, Who};
use crate::worker::{CompactAnswer, CompactEntry, CompactRequest, Question};
use jiff::Timestamp;
use record::DocumentId;
use record::calendar::zoned_in_japan;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A document rests when nothing of it has come for so many days.
pub const REST_DAYS: u16 = 30;
pub const DAY_MS: i64 = 24 * 3_600_000;
/// More bytes in pieces are left as they are.
const PIECES_LIMIT: usize = 16 << 20;
/// Hours in Japan at which nobody waits for an answer.
const NIGHT: RangeInclusive<i8> = 2..=4;
/// A hub that sleeps at night compacts by day, once so long is over.
const OVERDUE_MS: i64 = 3 * DAY_MS;
/// When compaction was begun last, hub's clock.
const LAST: &str = "compacted_at";
/// Requests that wait for a check come first.
const BETWEEN: Duration = Duration::from_millis(5);

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compacted {
    pub documents: u64,
    /// Entries whose bodies went.
    pub entries: u64,
    /// Of the documents' bodies in the feed.
    pub bytes_before: u64,
    pub bytes_after: u64,
}

impl std::ops::AddAssign for Compacted {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.entries += other.entries;
        self.bytes_before += other.bytes_before;
        self.bytes_after += other.bytes_after;
    }
}

impl Checker {
    /// Compacts every document of which nothing has come since `before` (hub's clock, milliseconds).
    pub fn compact(&self, before: i64) -> Result<Compacted, HubError> {
        let (mut done, mut from) = (Compacted::default(), None);
        loop {
            let (some, next) = self.compact_some(from, before)?;
            done += some;
            if next.is_none() {
                break;
            }
            from = next;
        }
        self.write_down(done)?;
        Ok(done)
    }

    /// The same of the next few documents after `from`. Says where to go on; `None`: that was all.
    pub fn compact_some(
        &self,
        from: Option<DocumentId>,
        before: i64,
    ) -> Result<(Compacted, Option<DocumentId>), HubError> {
        let (resting, next) = self.store.read(|tx| tx.resting_documents(from, before))?;
        let mut done = Compacted::default();
        for doc in resting {
            match self.compact_document(doc) {
                Ok(one) => done += one,
                // One document that does not open never keeps the others (law 4).
                Err(error @ HubError::Damaged { .. }) => tracing::error!(%doc, %error, "a document was not compacted"),
                Err(error) => return Err(error),
            }
        }
        Ok((done, next))
    }

    /// Leaves a line in the audit trail.
    pub fn write_down(&self, done: Compacted) -> Result<(), HubError> {
        if done.documents == 0 {
            return Ok(());
        }
        let what = format!("{} documents of {} entries", done.documents, done.entries);
        self.store.write(|tx| tx.audit(&Who::Admin, "compact", None, &what))
    }

    /// Whether the day's compaction is due; then the time since which a document must have rested. Said once a night, to
    /// whoever asks first.
    pub fn compaction_due(&self) -> Result<Option<i64>, HubError> {
        let (now, last) = self.store.read(|tx| Ok((tx.now(), tx.meta(LAST)?.and_then(|at| at.parse::<i64>().ok()))))?;
        let due = last.is_some_and(|last| is_due(now, last));
        // Where none was ever made the days are counted from now.
        if due || last.is_none() {
            self.store.write(|tx| tx.put_meta(LAST, &now.to_string()))?;
        }
        Ok(due.then_some(now - i64::from(REST_DAYS) * DAY_MS))
    }

    /// Snapshot and entries in one transaction: killed anywhere, the hub has the one or the others.
    fn compact_document(&self, doc: DocumentId) -> Result<Compacted, HubError> {
        // As for a check: nobody else may change the document between reading it and writing.
        let mut bench = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let nothing = Compacted::default();
        let Some(pieces) = self.store.read(|tx| tx.pieces(doc))? else { return Ok(nothing) };
        if pieces.bytes() > PIECES_LIMIT {
            return Ok(nothing);
        }
        let mut done = Compacted {
            documents: 1,
            entries: pieces.entries.len() as u64,
            bytes_before: pieces.bytes() as u64,
            bytes_after: 0,
        };
        let answer = ask(&mut bench, &question(doc, &pieces), |_: &CompactAnswer| true)?;
        let Some(snapshot) = answer.and_then(|answer| answer.snapshot) else {
            tracing::warn!(%doc, "a document's entries do not come to what stands here: they stay as they are");
            return Ok(nothing);
        };
        done.bytes_after = snapshot.len() as u64;
        let is_written = self.store.write(|tx| tx.put_snapshot(doc, &pieces, &snapshot))?;
        let has_company = matches!(*bench, Bench::Process(_));
        drop(bench);
        if has_company {
            std::thread::sleep(BETWEEN);
        }
        Ok(if is_written { done } else { nothing })
    }
}

fn question(doc: DocumentId, pieces: &Pieces) -> Question {
    let entries = pieces
        .entries
        .iter()
        .map(|entry| CompactEntry { enc: entry.enc, hash: entry.hash, bytes: entry.bytes.clone() })
        .collect();
    Question::Compact(CompactRequest {
        doc,
        form: pieces.form,
        document: pieces.document.clone(),
        snapshot: pieces.snapshot.clone(),
        entries,
    })
}

/// At night, once; by day only where the nights have passed without. A clock that was far ahead keeps nothing from coming.
fn is_due(now: i64, last: i64) -> bool {
    let since = now.saturating_sub(last).saturating_abs();
    let hour = zoned_in_japan(Timestamp::from_millisecond(now).unwrap_or_default()).hour();
    since >= OVERDUE_MS || (NIGHT.contains(&hour) && since >= DAY_MS / 2)
}

#[cfg(test)]
#[path = "compact_tests.rs"]
mod tests;
