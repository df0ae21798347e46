//! 写真を取り除く: a wrong photo leaves the note at once, and this phone when nobody can want it back and no note here names it.
//!
//! A photo that has come to the hub stays there: earlier versions of the note name it, and they are part of its history. One
//! that has not is not sent any more. If no note that it was taken into ever left this phone, its sealed copies go at once too,
//! and its bytes after ten minutes. If one did, a colleague who has not heard of the removal may confirm it with the photo: until
//! the hub holds it durably, bytes and sealed copies wait a week of the hub's time (law 5), and a locked phone or a wipe still
//! brings the copies. As soon as one of its notes names it again, it is sent like any other.
//!
//! What a colleague takes away on another phone stays on this one: only whoever decides here deletes here (law 5). No date that
//! somebody sets deletes anything earlier: the minutes are those that the device ran, the week is the hub's.

use crate::error::DeviceError;
use crate::note::{OpenNote, open_whole};
use crate::phone::Phone;
use jiff::{SignedDuration, Timestamp};
use record::visit_note::photos::{hashes, hashes_in, photos};
use record::visit_note::{NotePhoto, VisitNote};
use record::{ContentHash, DocumentId, Form};
use std::collections::BTreeSet;
use vault::{NoteRow, RemovedPhoto, RunningTime, StoredPhoto, Tx, VaultError};

/// So long a photo can be put back.
const UNDO_MS: u64 = 10 * 60 * 1_000;
/// So long, by the hub's clock, what may be the only copy waits for somebody who has a note with it.
const ONLY_COPY_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// Among so many days' notes of hers it is looked at once whether another one names it too.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A photo as the note named it, to be put back.
#[derive(Clone, PartialEq)]
pub struct PhotoRemoved {
    pub photo: NotePhoto,
    /// Its bytes were in this vault.
    pub was_here: bool,
}

impl std::fmt::Debug for PhotoRemoved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhotoRemoved").field("hash", &self.photo.hash).finish_non_exhaustive()
    }
}

/// What becomes of a photo that was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// One of its notes names it again: it is a photo like any other.
    Wanted,
    Waits,
    /// The week begins, at this time of the hub's.
    WaitsFrom(i64),
    /// It goes, unless any note here names it.
    Due,
}

/// Of one that none of its notes names: `hub` is the hub's clock as it was heard last, `only_copy` that the hub does not hold
/// durably what was taken here.
fn fate(removed: &RemovedPhoto, ran: RunningTime, hub: i64, only_copy: bool) -> Fate {
    if removed.left && only_copy {
        match removed.since {
            // What was heard before the removal may be old: the first word after it counts.
            None if hub != removed.heard => return Fate::WaitsFrom(hub),
            // The hub's clock was ahead, and was set back.
            Some(since) if since > hub => return Fate::WaitsFrom(hub),
            Some(since) if hub.saturating_sub(since) >= ONLY_COPY_MS => {}
            _ => return Fate::Waits,
        }
    }
    // An earlier version noted no time: what runs in this start of the device counts.
    let ran_ms = removed.ran.map_or(ran.ms, |at| ran.since(&at));
    if ran_ms < UNDO_MS { Fate::Waits } else { Fate::Due }
}

/// Every photo that a note here names, and in which generation of the vault they were read.
type Named = (BTreeSet<ContentHash>, u64);

impl Phone {
    /// Takes a photo away from a note that is not confirmed; of a confirmed one nothing is taken away.
    pub fn remove_photo(
        &self,
        note: DocumentId,
        hash: ContentHash,
        now: Timestamp,
    ) -> Result<PhotoRemoved, DeviceError> {
        let removed = self.write(|tx| {
            let mut open = OpenNote::load(tx, note, self.hand())?;
            let named = photos(&open.draft.view()?).into_iter().find(|photo| photo.hash == hash);
            let photo = named.ok_or(DeviceError::UnknownPhoto(hash))?;
            let change = open.draft.remove_photo(&hash, now)?;
            open.store(tx, change, now)?;
            let stored = tx.photo(&hash)?;
            if let Some(stored) = &stored {
                self.withhold(tx, stored, note, now)?;
            }
            Ok(PhotoRemoved { photo, was_here: stored.is_some() })
        })?;
        self.changed();
        Ok(removed)
    }

    /// 元に戻す: the note names the photo again. Refused once its bytes have gone.
    pub fn put_photo_back(&self, note: DocumentId, removed: &PhotoRemoved, now: Timestamp) -> Result<(), DeviceError> {
        let hash = removed.photo.hash;
        self.write(|tx| {
            let mut open = OpenNote::load(tx, note, self.hand())?;
            if removed.was_here && tx.photo(&hash)?.is_none() {
                return Err(DeviceError::UnknownPhoto(hash));
            }
            let change = open.draft.put_photo_back(&removed.photo, now)?;
            open.store(tx, change, now)?;
            keep_mark(tx, &hash, None)?;
            Ok(tx.put_photo_copies_again(&hash, now.as_millisecond())?)
        })?;
        self.changed();
        Ok(())
    }

    /// Lets go of photos that were taken away and that nobody wants back, if no note here names them. Says how many went.
    pub fn sweep_photos(&self, ran: RunningTime) -> Result<u64, DeviceError> {
        let fates = self.read(|tx| self.fates(tx, ran))?;
        if fates.iter().all(|(_, fate)| *fate == Fate::Waits) {
            return Ok(0);
        }
        let is_due = fates.iter().any(|(_, fate)| *fate == Fate::Due);
        let named = if is_due { self.named_photos()? } else { None };
        self.settle_removed(ran, named)
    }

    /// Where it is not known what the notes name, or something was written since they were read, nothing goes.
    fn settle_removed(&self, ran: RunningTime, named: Option<Named>) -> Result<u64, DeviceError> {
        let (gone, altered) = self.write(|tx| {
            let generation = tx.generation()?;
            let named = named.filter(|(_, read_in)| *read_in == generation);
            let fates = self.fates(tx, ran)?;
            let (before, mut marks, mut gone) = (fates.len(), Vec::new(), 0);
            for (removed, fate) in fates {
                let is_named = named.as_ref().map(|(named, _)| named.contains(&removed.hash));
                match (fate, is_named) {
                    (Fate::Waits, _) => marks.push(removed),
                    (Fate::WaitsFrom(hub), _) => marks.push(RemovedPhoto { since: Some(hub), ..removed }),
                    // Its minutes begin anew, so that not all notes are read after every run.
                    (Fate::Due, None) => marks.push(RemovedPhoto { ran: Some(ran), ..removed }),
                    (Fate::Due, Some(false)) => {
                        tx.forget_photo(&removed.hash)?;
                        gone += 1;
                    }
                    (Fate::Wanted, _) | (_, Some(true)) => tx.put_photo_copies_again(&removed.hash, removed.at)?,
                }
            }
            tx.put_removed_photos(&marks)?;
            Ok((gone, marks.len() < before))
        })?;
        if altered {
            self.changed();
        }
        Ok(gone)
    }

    fn fates(&self, tx: &mut Tx<'_>, ran: RunningTime) -> Result<Vec<(RemovedPhoto, Fate)>, DeviceError> {
        let (hub, mut fates) = (tx.sync_state()?.last_hub_time, Vec::new());
        for removed in tx.removed_photos()? {
            let only_copy = tx.photo_may_be_the_only_copy(&removed.hash)?;
            let is_named = self.is_named(tx, &removed.hash, removed.notes.iter().copied());
            let fate = if is_named { Fate::Wanted } else { fate(&removed, ran, hub, only_copy) };
            fates.push((removed, fate));
        }
        Ok(fates)
    }

    /// Photos that wait for the hub and are not sent: they were taken away, and none of their notes names them again.
    pub(crate) fn withheld_photos(&self, tx: &mut Tx<'_>) -> Result<Vec<ContentHash>, VaultError> {
        let mut withheld = Vec::new();
        for removed in tx.removed_photos()? {
            // Notes are opened for those alone that would be sent: a screen asks at every draw.
            if tx.photo_waits(&removed.hash)? && !self.is_named(tx, &removed.hash, removed.notes.iter().copied()) {
                withheld.push(removed.hash);
            }
        }
        Ok(withheld)
    }

    /// Marks a photo as taken away, unless another note of hers names it: then this phone is still to send it.
    fn withhold(
        &self,
        tx: &mut Tx<'_>,
        stored: &StoredPhoto,
        note: DocumentId,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let hash = stored.hash;
        let notes: BTreeSet<DocumentId> = stored.notes().chain([note]).collect();
        // Where a note was copied the photo was never taken into the copy.
        let since = now.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
        let is_recent = |row: &NoteRow| row.author.as_ref() == Some(&self.identity().staff) && row.changed_at >= since;
        let recent = tx.note_rows(Form::VisitNote, None)?.into_iter().filter(is_recent).map(|row| row.note);
        if self.is_named(tx, &hash, notes.iter().copied().chain(recent)) {
            return Ok(());
        }
        let mut left = tx.removed_photos()?.iter().any(|known| known.hash == hash && known.left);
        for note in &notes {
            left = left || tx.has_left(*note)?;
        }
        // What may be confirmed with it elsewhere keeps its sealed copies (law 5).
        if !left {
            tx.withdraw_photo_copies(&hash)?;
        }
        let (at, notes) = (now.as_millisecond(), notes.into_iter().collect());
        let (ran, heard) = (Some(RunningTime::now()), tx.sync_state()?.last_hub_time);
        keep_mark(tx, &hash, Some(RemovedPhoto { hash, at, left, notes, ran, heard, since: None }))
    }

    /// Whether one of these notes names a photo. One that cannot be read says nothing.
    fn is_named(&self, tx: &mut Tx<'_>, hash: &ContentHash, notes: impl IntoIterator<Item = DocumentId>) -> bool {
        notes.into_iter().any(|note| self.named_by(tx, note).is_ok_and(|named| named.contains(hash)))
    }

    /// All notes are asked, for a colleague too may have copied one; not in one transaction, for somebody may be writing.
    /// `None`: one cannot be read, or has arrived and was not read yet, and might name any photo.
    fn named_photos(&self) -> Result<Option<Named>, DeviceError> {
        let (generation, rows, all, arrives) = self.read(|tx| {
            Ok((tx.generation()?, tx.note_rows(Form::VisitNote, None)?, tx.count_notes()?, tx.has_arrivals()?))
        })?;
        if arrives {
            return Ok(None);
        }
        let named = rows.iter().map(|row| self.read(|tx| self.named_by(tx, row.note)));
        match named.collect::<Result<Vec<_>, _>>() {
            Ok(named) if rows.len() as u64 == all => Ok(Some((named.into_iter().flatten().collect(), generation))),
            _ => {
                tracing::warn!("a note cannot be read: photos that were taken away stay");
                Ok(None)
            }
        }
    }

    /// The photos that a note names, as it reads or as it was confirmed.
    fn named_by(&self, tx: &mut Tx<'_>, note: DocumentId) -> Result<BTreeSet<ContentHash>, DeviceError> {
        let (_, mut whole) = open_whole(tx, note, self.hand())?;
        let mut named = hashes(&whole.view()?);
        if let VisitNote::Confirmed(confirmed) = &whole {
            for signed in std::iter::once(confirmed.signed()).chain(confirmed.competing()) {
                named.extend(hashes_in(&signed.open(note)?.fields));
            }
        }
        Ok(named)
    }
}

/// Keeps the mark of a photo that was taken away; `None`: it was not, or no more.
pub(crate) fn keep_mark(tx: &mut Tx<'_>, hash: &ContentHash, mark: Option<RemovedPhoto>) -> Result<(), VaultError> {
    let before = tx.removed_photos()?;
    let others = before.iter().filter(|known| known.hash != *hash).cloned();
    let after: Vec<RemovedPhoto> = others.chain(mark).collect();
    if after == before { Ok(()) } else { tx.put_removed_photos(&after) }
}

#[cfg(test)]
#[path = "photo_removal_tests.rs"]
mod tests;
