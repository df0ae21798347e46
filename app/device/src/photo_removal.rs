//! 写真を取り除く: a wrong photo leaves the note at once; its bytes leave this phone when nobody can want it back and no note
//! here names it.
//!
//! A photo that has come to the hub stays there: earlier versions of the note name it, and they are part of its history. One
//! that has not is not sent any more, and if the note itself had left this phone before, its bytes wait a week: a colleague who
//! has not heard of the removal may confirm the note with it, and then it is sent after all. What a colleague takes away on
//! another phone stays on this one: only whoever decides here deletes here (law 5).

use crate::error::DeviceError;
use crate::note::{OpenNote, open_whole};
use crate::phone::Phone;
use jiff::{SignedDuration, Timestamp};
use record::visit_note::photos::{hashes, hashes_in, photos};
use record::visit_note::{NotePhoto, VisitNote};
use record::{ContentHash, DocumentId, Form};
use std::collections::BTreeSet;
use vault::{RemovedPhoto, Tx, VaultError};

/// So long a photo can be put back.
const UNDO: SignedDuration = SignedDuration::from_mins(10);
/// So long the only copy waits for a confirmation that names it, if somebody else may have the note with it.
const ONLY_COPY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Among so many days' notes it is looked at once whether another one of hers names it too.
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
            let was_here = tx.photo(&hash)?.is_some();
            if was_here && !self.names_elsewhere(tx, &hash, note, now)? {
                let left = tx.has_left(note)?;
                keep_removed(tx, &hash, Some(RemovedPhoto { hash, at: now.as_millisecond(), left }))?;
            }
            Ok(PhotoRemoved { photo, was_here })
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
            Ok(keep_removed(tx, &hash, None)?)
        })?;
        self.changed();
        Ok(())
    }

    /// Deletes the bytes of photos that were taken away so long ago that nobody puts them back, and that no note here names: the
    /// same picture may stand in another one. Says how many went.
    ///
    /// While anything of the vault does not open, nothing is deleted: it might name the photo. In small bites.
    pub fn sweep_photos(&self, now: Timestamp) -> Result<u64, DeviceError> {
        let due = self.read(|tx| {
            let mut due = Vec::new();
            for removed in tx.removed_photos()? {
                let wait = if removed.left && tx.photo_waits(&removed.hash)? { ONLY_COPY } else { UNDO };
                if i128::from(now.as_millisecond() - removed.at) >= wait.as_millis() {
                    due.push(removed);
                }
            }
            Ok(due)
        })?;
        if due.is_empty() {
            return Ok(0);
        }
        let Some(named) = self.named_photos()? else {
            tracing::warn!("a note cannot be read: photos that were taken away stay");
            return Ok(0);
        };
        let mut gone = 0;
        for removed in due {
            gone += self.write(|tx| {
                // It may have been taken again, or put back, a moment ago.
                if !tx.removed_photos()?.contains(&removed) {
                    return Ok(0);
                }
                keep_removed(tx, &removed.hash, None)?;
                if named.contains(&removed.hash) {
                    return Ok(0);
                }
                tx.forget_photo(&removed.hash)?;
                Ok::<u64, DeviceError>(1)
            })?;
        }
        if gone > 0 {
            self.changed();
        }
        Ok(gone)
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

    /// Every photo that a note here names, as it reads or as it was confirmed. `None`: something cannot be read.
    fn named_photos(&self) -> Result<Option<BTreeSet<ContentHash>>, DeviceError> {
        let mut named = BTreeSet::new();
        let (rows, damaged) = self.read(|tx| Ok((tx.note_rows(Form::VisitNote, None)?, tx.damaged())))?;
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
        Ok(Some(named))
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
        assert_eq!(phone.sweep_photos(later(10 + 599))?, 0);
        assert!(is_here(&phone, &wrong)?, "she may still want it back");
        drop(phone);
        let phone = desk.unlock(later(700))?;
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
        assert_eq!(
            (phone.sweep_photos(later(9_000))?, phone.photos_left()?),
            (0, 1),
            "it stays, and it goes to the hub"
        );
        let removed = phone.remove_photo(note, photo, later(9_000))?;
        assert_eq!(phone.sweep_photos(later(18_000))?, 1);
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
        assert_eq!(phone.sweep_photos(later(9_000))?, 0);
        assert!(is_here(&phone, &photo)?);
        // Taken away there too, and taken anew before anybody swept.
        phone.remove_photo(right, photo, later(9_001))?;
        take(&phone, right, 1)?;
        assert_eq!(phone.sweep_photos(later(18_000))?, 0);
        assert!(is_here(&phone, &photo)?);
        // One that the removal did not look at, for it is long ago: the sweep does.
        let old = desk.note(&phone, "p-1")?;
        take(&phone, old, 1)?;
        phone.remove_photo(right, photo, later(30 * 86_400))?;
        assert_eq!(phone.photos_left()?, 0);
        assert_eq!(phone.sweep_photos(later(31 * 86_400))?, 0);
        assert_eq!((is_here(&phone, &photo)?, phone.photos_left()?), (true, 1));
        Ok(())
    }

    #[test]
    fn the_only_copy_waits_while_somebody_else_may_confirm_the_note_with_it() -> Outcome {
        let (desk, week) = (Desk::new()?, 7 * 86_400);
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let (kept, received) = (take(&phone, note, 1)?, take(&phone, note, 2)?);
        // The note goes to the hub; one of the photos does.
        phone.write(|tx| crate::note::freeze_all(tx, phone.hand()))?;
        phone.write(|tx| Ok(tx.mark_photo_received(&received, 5)?))?;
        let removed = phone.remove_photo(note, kept, NOW)?;
        phone.remove_photo(note, received, NOW)?;
        assert_eq!(phone.sweep_photos(later(600))?, 1, "the one that the hub has");
        assert!(is_here(&phone, &kept)? && !is_here(&phone, &received)?);
        assert_eq!(phone.photos_left()?, 0, "and it is not sent");
        assert_eq!(phone.sweep_photos(later(week - 1))?, 0);
        // Somebody confirmed the note with it: here it is she herself, who has put it back.
        phone.put_photo_back(note, &removed, later(week))?;
        phone.confirm_note(note, later(week))?;
        assert_eq!((phone.sweep_photos(later(2 * week))?, phone.photos_left()?), (0, 1));
        let other = desk.note(&phone, "p-2")?;
        let photo = take(&phone, other, 3)?;
        phone.write(|tx| crate::note::freeze_all(tx, phone.hand()))?;
        phone.remove_photo(other, photo, NOW)?;
        assert_eq!(phone.sweep_photos(later(week))?, 1, "nobody did");
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
