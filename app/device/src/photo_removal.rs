//! 写真を取り除く: a wrong photo leaves the note at once; its bytes leave this phone when nobody can want it back and no note
//! here names it.
//!
//! A photo that has come to the hub stays there: earlier versions of the note name it, and they are part of its history. One
//! that has not is not sent any more. If no note that it was taken into ever left this phone, its sealed copies go at once too,
//! and its bytes after ten minutes. If one did, a colleague who has not heard of the removal may confirm it with the photo: until
//! the hub holds it durably, bytes and sealed copies wait a week of the hub's time (law 5), and a locked phone or a wipe still
//! brings the copies. As soon as one of its notes names it again, it is sent like any other.
//!
//! What a colleague takes away on another phone stays on this one: only whoever decides here deletes here (law 5). No date that
//! somebody sets deletes anything earlier.

use crate::error::DeviceError;
use crate::note::{OpenNote, open_whole};
use crate::phone::Phone;
use jiff::{SignedDuration, Timestamp};
use record::visit_note::photos::{hashes, hashes_in, photos};
use record::visit_note::{NotePhoto, VisitNote};
use record::{ContentHash, DocumentId, Form};
use std::collections::BTreeSet;
use vault::{RemovedPhoto, RunningTime, StoredPhoto, Tx, VaultError};

/// So long a photo can be put back.
const UNDO_MS: u64 = 10 * 60 * 1_000;
/// So long, by the hub's clock, what may be the only copy waits for a confirmation that names it, if somebody else may have the
/// note with it.
const ONLY_COPY_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// Among so many days' notes it is looked at once whether another one of hers names it too.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// After all notes were read and nothing could be deleted they are not read again so soon.
const READ_AGAIN_MS: u64 = 10 * 60 * 1_000;

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
            if let Some(stored) = &stored
                && !self.names_elsewhere(tx, &hash, note, now)?
            {
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
            Ok(want_again(tx, &hash)?)
        })?;
        self.changed();
        Ok(())
    }

    /// Deletes the bytes of photos that were taken away so long ago that nobody puts them back, and that no note here names: the
    /// same picture may stand in another one. Says how many went.
    ///
    /// While anything of the vault does not open, nothing is deleted: it might name the photo. In small bites.
    pub fn sweep_photos(&self, now: Timestamp) -> Result<u64, DeviceError> {
        self.sweep_photos_at(now, RunningTime::now())
    }

    pub(crate) fn sweep_photos_at(&self, now: Timestamp, ran: RunningTime) -> Result<u64, DeviceError> {
        self.want_named_again()?;
        self.begin_waits()?;
        let due = self.read(|tx| {
            let mut due = Vec::new();
            for removed in tx.removed_photos()? {
                if self.is_due(tx, &removed, now, ran)? {
                    due.push(removed);
                }
            }
            Ok(due)
        })?;
        let before = *self.notes_read_for_nothing();
        if due.is_empty() || before.is_some_and(|before| ran.since(&before) < READ_AGAIN_MS) {
            return Ok(0);
        }
        let Some((named, mut generation)) = self.named_photos()? else {
            tracing::warn!("a note cannot be read: photos that were taken away stay");
            *self.notes_read_for_nothing() = Some(ran);
            return Ok(0);
        };
        let mut gone = 0;
        for removed in due {
            let is_due = |tx: &mut Tx<'_>| self.is_due(tx, &removed, now, ran);
            let Some(swept) = self.forget_unless_named(&removed, &named, generation, is_due)? else {
                *self.notes_read_for_nothing() = Some(ran);
                break;
            };
            gone += swept.gone;
            generation = swept.generation;
        }
        if gone > 0 {
            self.changed();
        }
        Ok(gone)
    }

    /// A photo that one of its own notes names again (a colleague confirmed it with the photo) is sent after all. Only those notes
    /// are asked, and one that cannot be read keeps no other photo.
    pub(crate) fn want_named_again(&self) -> Result<(), DeviceError> {
        for removed in self.read(|tx| Ok(tx.removed_photos()?))? {
            let is_named = self.read(|tx| {
                let mut notes = removed.notes.iter();
                Ok(notes.any(|note| named_by(tx, *note, self).is_ok_and(|named| named.contains(&removed.hash))))
            })?;
            if !is_named {
                continue;
            }
            self.write(|tx| {
                // It may have been taken away once more a moment ago.
                if tx.removed_photos()?.contains(&removed) { Ok(want_again(tx, &removed.hash)?) } else { Ok(()) }
            })?;
            self.changed();
        }
        Ok(())
    }

    /// Not sent any more. What may be confirmed with it elsewhere keeps its sealed copies (law 5); of what never left they go.
    fn withhold(
        &self,
        tx: &mut Tx<'_>,
        stored: &StoredPhoto,
        note: DocumentId,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let (hash, at) = (stored.hash, now.as_millisecond());
        let known = tx.removed_photos()?.into_iter().find(|known| known.hash == hash);
        let before = known.iter().flat_map(|known| known.notes.iter().copied());
        let notes: BTreeSet<DocumentId> = stored.notes().chain(before).chain([note]).collect();
        let mut left = known.as_ref().is_some_and(|known| known.left);
        for note in &notes {
            left = left || tx.has_left(*note)?;
        }
        if !left {
            tx.withdraw_photo_copies(&hash)?;
        } else if known.is_some_and(|known| !known.left) {
            tx.put_photo_copies_again(&hash, at)?;
        }
        let removed = RemovedPhoto {
            hash,
            at,
            left,
            notes: notes.into_iter().collect(),
            session: self.session(),
            ran: Some(RunningTime::now()),
            heard: tx.sync_state()?.last_hub_time,
            since: None,
        };
        Ok(keep_removed(tx, &hash, Some(removed))?)
    }

    /// The wait for somebody else begins when the hub is heard for the first time after the removal. A hub's clock that was set
    /// back begins it anew.
    fn begin_waits(&self) -> Result<(), DeviceError> {
        let begins = |removed: &RemovedPhoto, hub: i64| {
            removed.left && hub != removed.heard && removed.since.is_none_or(|since| since > hub)
        };
        let is_time = self.read(|tx| {
            let hub = tx.sync_state()?.last_hub_time;
            Ok(tx.removed_photos()?.iter().any(|removed| begins(removed, hub)))
        })?;
        if !is_time {
            return Ok(());
        }
        self.write(|tx| {
            let (hub, mut photos) = (tx.sync_state()?.last_hub_time, tx.removed_photos()?);
            for removed in photos.iter_mut().filter(|removed| begins(removed, hub)) {
                removed.since = Some(hub);
            }
            Ok(tx.put_removed_photos(&photos)?)
        })
    }

    /// Whether nobody can want it back: neither she herself nor, where it may be the only copy, somebody else.
    fn is_due(
        &self,
        tx: &mut Tx<'_>,
        removed: &RemovedPhoto,
        now: Timestamp,
        ran: RunningTime,
    ) -> Result<bool, DeviceError> {
        // By the time that the device ran. In another unlock the words to put it back with are gone: there any clock will do.
        let has_run = removed.ran.is_some_and(|at| ran.since(&at) >= UNDO_MS);
        let is_late = now.as_millisecond().saturating_sub(removed.at) >= UNDO_MS as i64;
        if !has_run && (removed.session == self.session() || !is_late) {
            return Ok(false);
        }
        if !removed.left || !tx.photo_may_be_the_only_copy(&removed.hash)? {
            return Ok(true);
        }
        let hub = tx.sync_state()?.last_hub_time;
        Ok(removed.since.is_some_and(|since| hub.saturating_sub(since) >= ONLY_COPY_MS))
    }

    /// Deletes one that is still due and that no note named when all of them were read, in that generation of the vault. `None`:
    /// something was written since then, and it might name the photo; the next sweep reads again.
    fn forget_unless_named(
        &self,
        removed: &RemovedPhoto,
        named: &BTreeSet<ContentHash>,
        generation: u64,
        is_due: impl FnOnce(&mut Tx<'_>) -> Result<bool, DeviceError>,
    ) -> Result<Option<Swept>, DeviceError> {
        self.write(|tx| {
            if tx.generation()? != generation {
                return Ok(None);
            }
            // It may have been taken again, put back, or taken away once more before the notes were read.
            if !tx.removed_photos()?.contains(removed) || !is_due(tx)? {
                return Ok(Some(Swept { gone: 0, generation }));
            }
            // What this transaction writes makes one generation.
            let generation = generation + 1;
            if named.contains(&removed.hash) {
                want_again(tx, &removed.hash)?;
                return Ok(Some(Swept { gone: 0, generation }));
            }
            keep_removed(tx, &removed.hash, None)?;
            tx.forget_photo(&removed.hash)?;
            Ok(Some(Swept { gone: 1, generation }))
        })
    }

    /// Whether another note that she wrote lately names it too: then this phone is still to send it. Older ones are asked when
    /// it is swept.
    fn names_elsewhere(
        &self,
        tx: &mut Tx<'_>,
        hash: &ContentHash,
        note: DocumentId,
        now: Timestamp,
    ) -> Result<bool, DeviceError> {
        let since = now.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
        for row in tx.note_rows(Form::VisitNote, None)? {
            let is_hers = row.author.as_ref() == Some(&self.identity().staff) && row.changed_at >= since;
            if row.note != note && is_hers && named_by(tx, row.note, self).is_ok_and(|named| named.contains(hash)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every photo that a note here names, as it reads or as it was confirmed, and in which generation of the vault. `None`:
    /// something cannot be read.
    fn named_photos(&self) -> Result<Option<(BTreeSet<ContentHash>, u64)>, DeviceError> {
        let mut named = BTreeSet::new();
        let (generation, rows, damaged) =
            self.read(|tx| Ok((tx.generation()?, tx.note_rows(Form::VisitNote, None)?, tx.damaged())))?;
        if damaged > 0 {
            return Ok(None);
        }
        for row in rows {
            match self.read(|tx| named_by(tx, row.note, self)) {
                Ok(photos) => named.extend(photos),
                // It has left this phone meanwhile.
                Err(DeviceError::UnknownNote(_)) => {}
                Err(DeviceError::Document(_) | DeviceError::Confirmation(_)) => return Ok(None),
                Err(error) if error.is_damage() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some((named, generation)))
    }
}

fn named_by(tx: &mut Tx<'_>, note: DocumentId, phone: &Phone) -> Result<BTreeSet<ContentHash>, DeviceError> {
    let (_, mut whole) = open_whole(tx, note, phone.hand())?;
    let mut named = hashes(&whole.view()?);
    if let VisitNote::Confirmed(confirmed) = &whole {
        for signed in std::iter::once(confirmed.signed()).chain(confirmed.competing()) {
            named.extend(hashes_in(&signed.open(note)?.fields));
        }
    }
    Ok(named)
}

/// What a sweep did with one photo, and the vault's generation after it.
struct Swept {
    gone: u64,
    generation: u64,
}

/// A note names it again: it is sent, and has its sealed copies where they were withdrawn.
fn want_again(tx: &mut Tx<'_>, hash: &ContentHash) -> Result<(), VaultError> {
    let known = tx.removed_photos()?.into_iter().find(|known| known.hash == *hash);
    keep_removed(tx, hash, None)?;
    match known {
        Some(known) if !known.left => tx.put_photo_copies_again(hash, known.at),
        _ => Ok(()),
    }
}

/// Notes that a photo was taken away; `None`: it was not, or no more.
pub(crate) fn keep_removed(
    tx: &mut Tx<'_>,
    hash: &ContentHash,
    removed: Option<RemovedPhoto>,
) -> Result<(), VaultError> {
    let before = tx.removed_photos()?;
    let others = before.iter().filter(|known| known.hash != *hash).cloned();
    let after: Vec<RemovedPhoto> = others.chain(removed).collect();
    if after == before { Ok(()) } else { tx.put_removed_photos(&after) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::PhotoSaid;
    use crate::testing::{Desk, NOW, Outcome, later};
    use protocol::Input;

    const WEEK: i64 = 7 * 86_400;

    /// A JPEG as far as its segments go; the picture itself shows nothing.
    fn picture(shade: u8) -> Vec<u8> {
        let segment = |marker: u8, body: &[u8]| -> Vec<u8> {
            [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
        };
        [
            vec![0xff, 0xd8],
            segment(0xdb, &[1; 65]),
            segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]),
            segment(0xda, &[1, 1, 0, 0, 63, 0]),
            vec![shade; 900],
            vec![0xff, 0xd9],
        ]
        .concat()
    }

    fn take(phone: &Phone, note: DocumentId, shade: u8) -> Result<ContentHash, DeviceError> {
        let said = PhotoSaid { body_site: "仙骨部", caption: "処置前", consent: true };
        phone.add_photo(note, &picture(shade), &said, NOW)
    }

    /// A sweep after so many seconds of the calendar and of the time that the phone ran.
    fn sweep(phone: &Phone, seconds: i64) -> Result<u64, DeviceError> {
        let now = RunningTime::now();
        phone.sweep_photos_at(later(seconds), RunningTime { ms: now.ms + seconds.unsigned_abs() * 1_000, ..now })
    }

    fn removals(phone: &Phone) -> Result<Vec<RemovedPhoto>, DeviceError> {
        phone.read(|tx| Ok(tx.removed_photos()?))
    }

    /// How many sealed copies a locked phone would bring.
    fn copies(phone: &Phone) -> Result<usize, DeviceError> {
        phone.read(|tx| Ok(tx.copies(usize::MAX, usize::MAX)?.len()))
    }

    fn hub_says(phone: &Phone, seconds: i64) -> Result<(), DeviceError> {
        phone.write(|tx| {
            let mut state = tx.sync_state()?;
            state.last_hub_time = later(seconds).as_millisecond();
            Ok(tx.put_sync_state(&state)?)
        })
    }

    /// Every note has left this phone.
    fn leave(phone: &Phone) -> Result<(), DeviceError> {
        phone.write(|tx| crate::note::freeze_all(tx, phone.hand()))
    }

    /// A note names a photo, and not by this phone's hand: nothing was said of the removal.
    fn name_again(phone: &Phone, note: DocumentId, photo: &NotePhoto) -> Result<(), DeviceError> {
        phone.write(|tx| {
            let mut open = OpenNote::load(tx, note, phone.hand())?;
            let change = open.draft.put_photo_back(photo, NOW)?;
            open.store(tx, change, NOW)
        })
    }

    fn spoil(phone: &Phone, note: DocumentId) -> Result<(), DeviceError> {
        phone.write(|tx| {
            let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
            Ok(tx.put_note(&stored.row, Some(b"no document"), stored.dirty, stored.sent)?)
        })
    }

    fn is_here(phone: &Phone, hash: &ContentHash) -> Result<bool, DeviceError> {
        Ok(phone.kept_photo(hash)?.is_some())
    }

    #[test]
    fn a_photo_that_was_taken_away_leaves_the_note_at_once_and_the_phone_when_nobody_wants_it_back() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let (wrong, right) = (take(&phone, note, 1)?, take(&phone, note, 2)?);
        assert_eq!(phone.photos_left()?, 2);
        phone.remove_photo(note, wrong, later(10))?;
        let left: Vec<ContentHash> = phone.note_photos(note)?.into_iter().map(|shown| shown.photo.hash).collect();
        assert_eq!(left, [right]);
        assert_eq!(phone.photos_left()?, 1, "it is not sent any more");
        assert_eq!(sweep(&phone, 0)?, 0);
        assert!(is_here(&phone, &wrong)?, "she may still want it back");
        drop(phone);
        let phone = desk.unlock(later(700))?;
        assert_eq!(phone.sweep_photos(later(10 + 599))?, 0);
        assert_eq!(phone.sweep_photos(later(10 + 600))?, 1);
        assert!(!is_here(&phone, &wrong)? && is_here(&phone, &right)?);
        assert_eq!(phone.sweep_photos(later(10 + 600))?, 0, "once is enough");
        assert!(phone.self_check(later(800))?.is_sound());
        Ok(())
    }

    #[test]
    fn a_photo_is_put_back_with_its_words_while_its_bytes_are_here() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let photo = take(&phone, note, 1)?;
        let before = phone.note_photos(note)?;
        let removed = phone.remove_photo(note, photo, later(10))?;
        assert!(removed.was_here && !format!("{removed:?}").contains("仙骨部"));
        phone.put_photo_back(note, &removed, later(20))?;
        assert!(phone.note_photos(note)? == before);
        assert_eq!((sweep(&phone, 9_000)?, phone.photos_left()?), (0, 1), "it stays, and it goes to the hub");
        let removed = phone.remove_photo(note, photo, later(9_000))?;
        assert_eq!(sweep(&phone, 18_000)?, 1);
        let late = phone.put_photo_back(note, &removed, later(18_001));
        assert!(matches!(late, Err(DeviceError::UnknownPhoto(hash)) if hash == photo));
        assert!(phone.note_photos(note)?.is_empty(), "no note names what is not there");
        Ok(())
    }

    #[test]
    fn the_same_picture_in_another_note_stays() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (wrong, right) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        let photo = take(&phone, wrong, 1)?;
        assert_eq!(take(&phone, right, 1)?, photo, "the same bytes have the same name");
        phone.remove_photo(wrong, photo, later(10))?;
        assert_eq!(phone.photos_left()?, 1, "the other note's goes to the hub, and at once");
        assert_eq!(sweep(&phone, 9_000)?, 0);
        assert!(is_here(&phone, &photo)?);
        // Taken away there too, and taken anew before anybody swept.
        phone.remove_photo(right, photo, later(9_001))?;
        take(&phone, right, 1)?;
        assert_eq!(sweep(&phone, 18_000)?, 0);
        assert!(is_here(&phone, &photo)?);
        // One that the removal did not look at, for it is long ago: the sweep does, and the photo is sealed again.
        let old = desk.note(&phone, "p-1")?;
        take(&phone, old, 1)?;
        phone.remove_photo(right, photo, later(30 * 86_400))?;
        let withheld = copies(&phone)?;
        assert_eq!(phone.photos_left()?, 0);
        assert_eq!(sweep(&phone, 31 * 86_400)?, 0);
        assert_eq!((is_here(&phone, &photo)?, phone.photos_left()?, copies(&phone)?), (true, 1, withheld + 1));
        Ok(())
    }

    #[test]
    fn what_may_be_the_only_copy_waits_a_week_of_the_hubs_time_for_whoever_has_the_note_with_it() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let (kept, received, durable) = (take(&phone, note, 1)?, take(&phone, note, 2)?, take(&phone, note, 3)?);
        hub_says(&phone, 0)?;
        // The note goes to the hub, and two of the photos do; one of them stands in a backup.
        leave(&phone)?;
        phone.write(|tx| {
            tx.mark_photo_received(&durable, 5)?;
            tx.mark_received(1, 10)?;
            tx.drop_durable(1, 20)?;
            Ok(tx.mark_photo_received(&received, 15)?)
        })?;
        let removed = phone.remove_photo(note, kept, NOW)?;
        phone.remove_photo(note, received, NOW)?;
        phone.remove_photo(note, durable, NOW)?;
        assert_eq!(sweep(&phone, 600)?, 1, "the one that stands in a backup");
        assert!(is_here(&phone, &kept)? && is_here(&phone, &received)? && !is_here(&phone, &durable)?);
        assert_eq!(phone.photos_left()?, 0, "and it is not sent");
        assert_eq!(sweep(&phone, 9 * 365 * 86_400)?, 0, "no date that somebody sets makes a week of the hub's time");
        // Heard three days later for the first time: from there on the week counts.
        for said in [3 * 86_400, 3 * 86_400 + WEEK - 1] {
            hub_says(&phone, said)?;
            assert_eq!(sweep(&phone, 600)?, 0);
        }
        // Somebody confirmed the note with one of them: here it is she herself, who has put it back.
        phone.put_photo_back(note, &removed, later(WEEK))?;
        phone.confirm_note(note, later(WEEK))?;
        hub_says(&phone, 3 * 86_400 + WEEK)?;
        assert_eq!(sweep(&phone, 600)?, 1, "nobody wanted the other");
        assert_eq!((is_here(&phone, &kept)?, is_here(&phone, &received)?, phone.photos_left()?), (true, false, 1));
        Ok(())
    }

    #[test]
    fn a_hubs_clock_that_was_ahead_neither_ends_the_week_nor_makes_it_years() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let photo = take(&phone, note, 1)?;
        leave(&phone)?;
        phone.remove_photo(note, photo, NOW)?;
        for (said, gone) in [(400 * WEEK, 0), (0, 0), (WEEK - 1, 0), (WEEK, 1)] {
            hub_says(&phone, said)?;
            assert_eq!(sweep(&phone, 600)?, gone, "the hub says {said}");
        }
        Ok(())
    }

    #[test]
    fn in_the_unlock_that_took_a_photo_away_only_the_time_that_ran_ends_the_undo() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let photo = take(&phone, note, 1)?;
        phone.remove_photo(note, photo, NOW)?;
        let at = removals(&phone)?[0].ran.ok_or("no time was noted")?;
        let ran = |ms: u64| RunningTime { ms: at.ms + ms, ..at };
        assert_eq!(phone.sweep_photos_at(later(9 * 365 * 86_400), ran(UNDO_MS - 1))?, 0, "a date that was set forward");
        assert!(is_here(&phone, &photo)?);
        assert_eq!(phone.sweep_photos_at(later(-86_400), ran(UNDO_MS))?, 1, "one that was set back keeps nothing");
        Ok(())
    }

    #[test]
    fn whether_a_note_left_is_asked_of_all_that_the_picture_was_taken_into_and_of_sealed_copies_too() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (first, second) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        let photo = take(&phone, first, 1)?;
        leave(&phone)?;
        take(&phone, second, 1)?;
        phone.remove_photo(first, photo, NOW)?;
        assert!(removals(&phone)?.is_empty(), "the other note names it");
        phone.remove_photo(second, photo, NOW)?;
        assert_eq!(removals(&phone)?.iter().map(|removed| removed.left).collect::<Vec<_>>(), [true]);
        // A locked phone brought this one.
        let third = desk.note(&phone, "p-1")?;
        let other = take(&phone, third, 2)?;
        phone.write(|tx| {
            let brought: Vec<(u64, i64)> = tx.copies(usize::MAX, usize::MAX)?.iter().map(|copy| (copy.n, 5)).collect();
            Ok(tx.mark_copies_received(&brought)?)
        })?;
        phone.remove_photo(third, other, NOW)?;
        assert_eq!(removals(&phone)?.iter().map(|removed| removed.left).collect::<Vec<_>>(), [true, true]);
        Ok(())
    }

    #[test]
    fn sealed_copies_of_what_never_left_go_at_once_and_come_back_with_the_photo_and_others_stay() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let photo = take(&phone, note, 1)?;
        let before = copies(&phone)?;
        let removed = phone.remove_photo(note, photo, NOW)?;
        assert_eq!(copies(&phone)?, before, "the change came, the photo went");
        phone.put_photo_back(note, &removed, NOW)?;
        assert_eq!(copies(&phone)?, before + 2, "a change and the photo");
        leave(&phone)?;
        phone.remove_photo(note, photo, NOW)?;
        assert_eq!(copies(&phone)?, before + 3, "somebody may confirm it with the photo, and this phone may be wiped");
        assert!(phone.self_check(NOW)?.is_sound());
        Ok(())
    }

    #[test]
    fn a_photo_that_its_note_names_again_is_sent_in_the_same_run_whatever_else_cannot_be_read() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (note, broken) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        let photo = take(&phone, note, 1)?;
        leave(&phone)?;
        spoil(&phone, broken)?;
        let removed = phone.remove_photo(note, photo, NOW)?;
        assert!(matches!(phone.next_photo(&[]), Ok(Input::Photo(None))));
        name_again(&phone, note, &removed.photo)?;
        assert!(matches!(phone.next_photo(&[]), Ok(Input::Photo(Some(next))) if next == photo));
        assert!(removals(&phone)?.is_empty());
        // A sweep that comes first says the same.
        let removed = phone.remove_photo(note, photo, NOW)?;
        name_again(&phone, note, &removed.photo)?;
        assert_eq!((sweep(&phone, 0)?, phone.photos_left()?), (0, 1));
        Ok(())
    }

    #[test]
    fn while_a_note_cannot_be_read_nothing_goes_and_they_are_not_all_read_after_every_run() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (note, broken) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        let photo = take(&phone, note, 1)?;
        phone.remove_photo(note, photo, NOW)?;
        let mut whole = phone.read(|tx| OpenNote::load(tx, broken, phone.hand()))?;
        spoil(&phone, broken)?;
        assert_eq!(sweep(&phone, 700)?, 0);
        phone.write(|tx| whole.compact(tx))?;
        assert_eq!(sweep(&phone, 700)?, 0, "nobody looks so soon");
        assert!(is_here(&phone, &photo)?);
        assert_eq!(sweep(&phone, 700 + 601)?, 1);
        Ok(())
    }

    #[test]
    fn what_arrives_while_the_notes_are_read_puts_the_deletion_off() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (note, other) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        let photo = take(&phone, note, 1)?;
        let removed = phone.remove_photo(note, photo, NOW)?;
        let due = removals(&phone)?.remove(0);
        let (named, generation) = phone.named_photos()?.ok_or("a note was not read")?;
        let early = phone.forget_unless_named(&due, &named, generation, |_| Ok(false))?;
        assert!(
            early.is_some_and(|swept| swept.gone == 0 && swept.generation == generation),
            "the wait is asked again"
        );
        name_again(&phone, other, &removed.photo)?;
        assert!(phone.forget_unless_named(&due, &named, generation, |_| Ok(true))?.is_none());
        assert!(is_here(&phone, &photo)?);
        assert_eq!((sweep(&phone, 700)?, phone.photos_left()?), (0, 1), "read again: the other note names it");
        // What the sweep itself writes puts nothing off.
        for shade in [2, 3, 4] {
            let photo = take(&phone, note, shade)?;
            phone.remove_photo(note, photo, NOW)?;
        }
        assert_eq!(sweep(&phone, 700)?, 3);
        Ok(())
    }

    #[test]
    fn of_a_confirmed_note_nothing_is_taken_away_and_of_no_note_what_it_does_not_have() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let photo = take(&phone, note, 1)?;
        let other = ContentHash([7; 32]);
        assert!(matches!(phone.remove_photo(note, other, NOW), Err(DeviceError::UnknownPhoto(_))));
        phone.confirm_note(note, later(10))?;
        assert!(matches!(phone.remove_photo(note, photo, later(11)), Err(DeviceError::AlreadyConfirmed)));
        assert_eq!(phone.note_photos(note)?.len(), 1);
        Ok(())
    }
}
