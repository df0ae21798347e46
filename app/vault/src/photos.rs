//! Photos: sealed piece by piece, so that one may be sent while it is not in memory as a whole, and what the hub has of each.

use crate::error::VaultError;
use crate::photo_copies;
use crate::seal::{Table, Tag};
use crate::tx::Tx;
use crate::vault::Compartment;
use record::{ContentHash, DocumentId, PatientId};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// Bytes of a sealed piece; the last one has what is left.
const PIECE: usize = 64 << 10;

/// A photo whose bytes are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPhoto {
    /// SHA-256 of its bytes: its name.
    pub hash: ContentHash,
    pub size: u64,
    /// Whose record it came with; its key seals it.
    pub patient: PatientId,
    pub note: DocumentId,
    /// Other notes that it was taken into before: the same picture has one row.
    #[serde(default)]
    pub also: Vec<DocumentId>,
}

impl StoredPhoto {
    /// The notes that it was taken into, or fetched for.
    pub fn notes(&self) -> impl Iterator<Item = DocumentId> + '_ {
        std::iter::once(self.note).chain(self.also.iter().copied())
    }
}

/// Of a photo that was taken here: it does not stand at the hub durably yet.
const MAY_BE_THE_ONLY_COPY: &str = "own = 1 AND (received IS NULL OR key IN (SELECT photo FROM photo_copy))";

impl Tx<'_> {
    pub(crate) fn photo_key(&self, hash: &ContentHash) -> Tag {
        self.ring.tag("photo", &hash.0)
    }

    fn piece_key(&self, hash: &ContentHash, n: usize) -> Tag {
        self.ring.tag("photo piece", &[&hash.0[..], &(n as u64).to_be_bytes()].concat())
    }

    /// Keeps a photo, whole. `own`: it was taken here, and waits for the hub. What was known of it is not forgotten.
    pub fn put_photo(&mut self, photo: &StoredPhoto, own: bool, bytes: &[u8]) -> Result<(), VaultError> {
        let key = self.photo_key(&photo.hash);
        let place = self.place(Table::Photo, key, Some(&photo.patient), &Compartment::Station);
        self.sql.prepare_cached("DELETE FROM photo_piece WHERE photo = ?1")?.execute([key])?;
        for (n, piece) in bytes.chunks(PIECE).enumerate() {
            let piece_key = self.piece_key(&photo.hash, n);
            let piece_place = crate::tx::Place { table: Table::PhotoPiece, key: piece_key, ..place };
            let sealed = self.seal_bytes(piece_place, piece)?;
            self.sql
                .prepare_cached("INSERT INTO photo_piece (key, photo, n, patient, sealed) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute((piece_key, key, n as i64, place.patient, sealed))?;
        }
        let also = self.other_notes_of(photo)?;
        let sealed = self.seal(place, &StoredPhoto { also, ..photo.clone() })?;
        self.sql
            .prepare_cached(
                "INSERT INTO photo (key, patient, own, sent, received, sealed) VALUES (?1, ?2, ?3, 0, NULL, ?4)
                 ON CONFLICT (key) DO UPDATE SET patient = excluded.patient, own = max(own, excluded.own),
                     sealed = excluded.sealed",
            )?
            .execute((key, place.patient, own, sealed))?;
        Ok(())
    }

    /// A row that does not open says nothing; it is replaced.
    fn other_notes_of(&mut self, photo: &StoredPhoto) -> Result<Vec<DocumentId>, VaultError> {
        let known = match self.photo(&photo.hash) {
            Ok(known) => known,
            Err(VaultError::Damaged { .. } | VaultError::Cbor(_) | VaultError::Missing(_)) => None,
            Err(error) => return Err(error),
        };
        let notes = known.iter().flat_map(StoredPhoto::notes).chain(photo.notes());
        Ok(notes.filter(|note| *note != photo.note).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Lets the photos of a note go with it. `false`: one of them does not stand at the hub durably yet (its sealed copies are
    /// here until it does), and all stay. A picture that was taken into another patient's note since stands under that patient.
    pub(crate) fn forget_photos_of(&mut self, patient: &PatientId, note: DocumentId) -> Result<bool, VaultError> {
        let whose = self.ring.patient_tag(Some(patient));
        let rows = self
            .sql
            .prepare_cached(&format!(
                "SELECT key, patient, {MAY_BE_THE_ONLY_COPY}, sealed FROM photo
                 WHERE patient = ?1 OR ({MAY_BE_THE_ONLY_COPY})"
            ))?
            .query_map([whose], |r| Ok((r.get(0)?, r.get::<_, Tag>(1)?, r.get(2)?, r.get::<_, Vec<u8>>(3)?)))?
            .collect::<Result<Vec<(Tag, Tag, bool, Vec<u8>)>, _>>()?;
        let mut gone = Vec::new();
        for (key, under, waits, sealed) in rows {
            let place = self.station(Table::Photo, key, under);
            let opened: Option<StoredPhoto> = match under == whose {
                true => Some(self.open(place, &sealed)?),
                // One that does not open can be sent from here no more, whether this note stays or not.
                false => self.open_or_count(place, &sealed),
            };
            let Some(photo) = opened else { continue };
            let is_named = photo.note == note || photo.also.contains(&note);
            if is_named && waits {
                return Ok(false);
            }
            if photo.note == note {
                gone.push(key);
            }
        }
        for key in gone {
            self.sql.prepare_cached("DELETE FROM photo_piece WHERE photo = ?1")?.execute([key])?;
            self.sql.prepare_cached("DELETE FROM photo WHERE key = ?1")?.execute([key])?;
        }
        Ok(true)
    }

    /// Deletes a photo's bytes and their sealed copies, whether the hub has them or not: whoever took it has taken it away,
    /// and no note here names it. What the hub has of it stays there.
    pub fn forget_photo(&mut self, hash: &ContentHash) -> Result<(), VaultError> {
        let key = self.photo_key(hash);
        self.sql.prepare_cached("DELETE FROM photo_piece WHERE photo = ?1")?.execute([key])?;
        self.sql.prepare_cached("DELETE FROM photo WHERE key = ?1")?.execute([key])?;
        self.drop_copies_of_photo(key)?;
        self.ring.erased = true;
        Ok(())
    }

    /// A photo of which the bytes are here.
    pub fn photo(&mut self, hash: &ContentHash) -> Result<Option<StoredPhoto>, VaultError> {
        let key = self.photo_key(hash);
        let found: Option<(Tag, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT patient, sealed FROM photo WHERE key = ?1")?
            .query_row([key], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((patient, sealed)) = found else { return Ok(None) };
        let place = self.station(Table::Photo, key, patient);
        self.open(place, &sealed).map(Some)
    }

    /// The bytes of a photo from an offset on, at most so many. `None`: they are not here.
    pub fn photo_bytes(
        &mut self,
        hash: &ContentHash,
        from: u64,
        most: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let Some(photo) = self.photo(hash)? else { return Ok(None) };
        let until = photo.size.min(from.saturating_add(most as u64));
        let key = self.photo_key(hash);
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(until.saturating_sub(from)).unwrap_or(0)));
        let mut at = from;
        while at < until {
            let n = usize::try_from(at / PIECE as u64).map_err(|_| VaultError::Damaged { table: "photo" })?;
            let piece = self.piece(hash, key, n)?;
            let begin = (at % PIECE as u64) as usize;
            let wanted = usize::try_from(until - at).unwrap_or(usize::MAX);
            let part = piece.get(begin..).filter(|part| !part.is_empty());
            let part = part.ok_or(VaultError::Damaged { table: "photo_piece" })?;
            let part = &part[..part.len().min(wanted)];
            bytes.extend_from_slice(part);
            at += part.len() as u64;
        }
        Ok(Some(bytes))
    }

    fn piece(&mut self, hash: &ContentHash, photo: Tag, n: usize) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let found: Option<(Tag, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT patient, sealed FROM photo_piece WHERE photo = ?1 AND n = ?2")?
            .query_row((photo, n as i64), |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let (patient, sealed) = found.ok_or(VaultError::Damaged { table: "photo_piece" })?;
        let place = self.station(Table::PhotoPiece, self.piece_key(hash, n), patient);
        self.open_bytes(place, &sealed)
    }

    /// A photo taken here that the hub has not receipted, other than these. One whose row does not open is counted and left.
    pub fn next_photo(&mut self, but: &[ContentHash]) -> Result<Option<StoredPhoto>, VaultError> {
        let rows = self
            .sql
            .prepare_cached("SELECT key, patient, sealed FROM photo WHERE own = 1 AND received IS NULL ORDER BY key")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, Vec<u8>>(2)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        for (key, patient, sealed) in rows {
            let place = self.station(Table::Photo, key, patient);
            if let Some(photo) = self.open_or_count::<StoredPhoto>(place, &sealed)
                && !but.contains(&photo.hash)
            {
                return Ok(Some(photo));
            }
        }
        Ok(None)
    }

    /// How many bytes of a photo the hub was heard to have.
    pub fn mark_photo_sent(&mut self, hash: &ContentHash, sent: u64) -> Result<(), VaultError> {
        let sent = i64::try_from(sent).unwrap_or(i64::MAX);
        self.sql
            .prepare_cached("UPDATE photo SET sent = ?2 WHERE key = ?1 AND sent <> ?2")?
            .execute((self.photo_key(hash), sent))?;
        Ok(())
    }

    /// The hub has all of it on its disk (law 1: only the one that the receipt names).
    pub fn mark_photo_received(&mut self, hash: &ContentHash, at: i64) -> Result<(), VaultError> {
        self.sql
            .prepare_cached("UPDATE photo SET received = ?2 WHERE key = ?1")?
            .execute((self.photo_key(hash), at))?;
        self.mark_photo_copies_received(hash, at)
    }

    /// The hub's history changed: what it receipted before is not certain any more, and is asked again.
    pub fn offer_photos_again(&mut self) -> Result<(), VaultError> {
        self.sql.execute("UPDATE photo SET received = NULL WHERE own = 1 AND received IS NOT NULL", [])?;
        photo_copies::offer_again(self.sql)
    }

    /// When the hub had a photo that was taken here; `None` until its receipt, and for a colleague's.
    pub fn photo_received(&mut self, hash: &ContentHash) -> Result<Option<i64>, VaultError> {
        let found: Option<Option<i64>> = self
            .sql
            .prepare_cached("SELECT received FROM photo WHERE key = ?1")?
            .query_row([self.photo_key(hash)], |r| r.get(0))
            .optional()?;
        Ok(found.flatten())
    }

    /// Whether a photo was taken here and waits for the hub's receipt.
    pub fn photo_waits(&mut self, hash: &ContentHash) -> Result<bool, VaultError> {
        let found: Option<bool> = self
            .sql
            .prepare_cached("SELECT own = 1 AND received IS NULL FROM photo WHERE key = ?1")?
            .query_row([self.photo_key(hash)], |r| r.get(0))
            .optional()?;
        Ok(found.unwrap_or(false))
    }

    /// Whether a photo was taken here and does not stand at the hub durably yet: no receipt, or sealed copies that wait for more
    /// than the receipt.
    pub fn photo_may_be_the_only_copy(&mut self, hash: &ContentHash) -> Result<bool, VaultError> {
        let found: Option<bool> = self
            .sql
            .prepare_cached(&format!("SELECT {MAY_BE_THE_ONLY_COPY} FROM photo WHERE key = ?1"))?
            .query_row([self.photo_key(hash)], |r| r.get(0))
            .optional()?;
        Ok(found.unwrap_or(false))
    }

    /// Photos taken here that the hub has not receipted.
    pub fn photos_left(&mut self) -> Result<u64, VaultError> {
        let n: i64 =
            self.sql.query_row("SELECT count(*) FROM photo WHERE own = 1 AND received IS NULL", [], |r| r.get(0))?;
        Ok(n as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Made, Outcome, new_vault, picture};

    fn photo_of(bytes: &[u8]) -> Outcome<StoredPhoto> {
        let (hash, size) = (ContentHash::of(bytes), bytes.len() as u64);
        Ok(StoredPhoto { hash, size, patient: "p1".parse()?, note: DocumentId([9; 16]), also: Vec::new() })
    }

    #[test]
    fn a_photo_is_read_from_any_offset_and_stands_nowhere_in_clear() -> Outcome {
        let Made { folder, mut vault, .. } = new_vault()?;
        let bytes = picture(3 * PIECE + 77);
        let photo = photo_of(&bytes)?;
        vault.write(|tx| tx.put_photo(&photo, true, &bytes))?;
        for (from, most) in
            [(0, usize::MAX), (0, 1), (PIECE as u64 - 1, 2), (PIECE as u64, PIECE), (3 * PIECE as u64, 500)]
        {
            let read = vault.read(|tx| tx.photo_bytes(&photo.hash, from, most))?.ok_or("not here")?;
            let from = from as usize;
            assert_eq!(read.as_slice(), &bytes[from..bytes.len().min(from.saturating_add(most))]);
        }
        let behind = vault.read(|tx| tx.photo_bytes(&photo.hash, photo.size, 9))?.ok_or("not here")?;
        assert!(behind.is_empty());
        assert!(vault.read(|tx| tx.photo_bytes(&ContentHash([0; 32]), 0, 9))?.is_none());
        assert!(vault.read(|tx| tx.rows_add_up())?);
        for file in std::fs::read_dir(folder.path())? {
            let at_rest = std::fs::read(file?.path())?;
            assert!(!at_rest.windows(24).any(|window| window == &bytes[100..124] || window == &photo.hash.0[..24]));
        }
        Ok(())
    }

    #[test]
    fn every_note_that_a_picture_was_taken_into_waits_for_it() -> Outcome {
        let Made { folder: _folder, mut vault, .. } = new_vault()?;
        let (bytes, patient) = (picture(100), "p1".parse()?);
        let (first, second) = (photo_of(&bytes)?, DocumentId([8; 16]));
        vault.write(|tx| tx.put_photo(&first, true, &bytes))?;
        vault.write(|tx| tx.put_photo(&StoredPhoto { note: second, ..first.clone() }, true, &bytes))?;
        for note in [first.note, second] {
            assert!(!vault.write(|tx| tx.forget_photos_of(&patient, note))?, "the hub has not got it");
        }
        vault.write(|tx| tx.mark_photo_received(&first.hash, 7))?;
        for note in [first.note, second] {
            assert!(vault.write(|tx| tx.forget_photos_of(&patient, note))?);
        }
        Ok(())
    }

    #[test]
    fn a_note_waits_for_a_picture_that_was_taken_into_another_patients_note_since() -> Outcome {
        let Made { folder: _folder, mut vault, .. } = new_vault()?;
        let (bytes, patients): (_, [PatientId; 2]) = (picture(100), ["p1".parse()?, "p2".parse()?]);
        let (first, second) = (photo_of(&bytes)?, DocumentId([8; 16]));
        let taken_since = StoredPhoto { note: second, patient: patients[1].clone(), ..first.clone() };
        vault.write(|tx| {
            tx.put_photo(&first, true, &bytes)?;
            tx.put_photo(&taken_since, true, &bytes)
        })?;
        let third = DocumentId([7; 16]);
        assert!(vault.write(|tx| tx.forget_photos_of(&patients[0], third))?, "one that does not name it");
        for (patient, note) in patients.iter().zip([first.note, second]) {
            assert!(!vault.write(|tx| tx.forget_photos_of(patient, note))?, "the hub has not got it");
        }
        vault.write(|tx| tx.mark_photo_received(&first.hash, 7))?;
        assert!(vault.write(|tx| tx.forget_photos_of(&patients[0], first.note))?);
        assert!(vault.read(|tx| tx.photo(&first.hash))?.is_some(), "the other note has it");
        assert!(vault.write(|tx| tx.forget_photos_of(&patients[1], second))?);
        assert!(vault.read(|tx| tx.photo(&first.hash))?.is_none());
        Ok(())
    }

    #[test]
    fn what_is_taken_here_waits_for_its_receipt_and_a_colleagues_does_not() -> Outcome {
        let Made { folder: _folder, mut vault, .. } = new_vault()?;
        let (mine, theirs) = (picture(100), picture(200));
        let (my_photo, their_photo) = (photo_of(&mine)?, photo_of(&theirs)?);
        vault.write(|tx| {
            tx.put_photo(&my_photo, true, &mine)?;
            tx.put_photo(&their_photo, false, &theirs)
        })?;
        assert_eq!(vault.read(|tx| tx.next_photo(&[]))?, Some(my_photo.clone()));
        assert_eq!(vault.read(|tx| tx.next_photo(&[my_photo.hash]))?, None);
        assert!(vault.read(|tx| tx.photo_waits(&my_photo.hash))?);
        assert!(!vault.read(|tx| tx.photo_waits(&their_photo.hash))?);
        assert!(!vault.read(|tx| tx.photo_waits(&ContentHash([0; 32])))?, "one that is not here");
        vault.write(|tx| tx.mark_photo_received(&my_photo.hash, 7))?;
        assert_eq!(vault.read(|tx| tx.photos_left())?, 0);
        assert!(!vault.read(|tx| tx.photo_waits(&my_photo.hash))?);
        // The same bytes again change nothing of that.
        vault.write(|tx| tx.put_photo(&my_photo, true, &mine))?;
        assert_eq!(vault.read(|tx| tx.photo_received(&my_photo.hash))?, Some(7));
        vault.write(|tx| tx.offer_photos_again())?;
        assert_eq!(vault.read(|tx| tx.photos_left())?, 1);
        assert!(vault.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn the_same_picture_is_known_to_be_of_every_note_that_it_was_taken_into() -> Outcome {
        let Made { folder: _folder, mut vault, .. } = new_vault()?;
        let bytes = picture(100);
        let photo = photo_of(&bytes)?;
        let notes = [DocumentId([9; 16]), DocumentId([8; 16]), DocumentId([7; 16])];
        for note in [notes[0], notes[1], notes[1], notes[2]] {
            vault.write(|tx| tx.put_photo(&StoredPhoto { note, ..photo.clone() }, true, &bytes))?;
        }
        let stored = vault.read(|tx| tx.photo(&photo.hash))?.ok_or("not here")?;
        assert_eq!(stored.note, notes[2], "the last one");
        assert_eq!(stored.notes().collect::<BTreeSet<_>>(), BTreeSet::from(notes));
        assert_eq!(stored.notes().count(), 3);
        Ok(())
    }

    #[test]
    fn a_photo_that_is_forgotten_leaves_no_piece_and_the_other_stays() -> Outcome {
        let Made { folder, mut vault, .. } = new_vault()?;
        let (wrong, right) = (picture(2 * PIECE), picture(PIECE + 9));
        let (wrong_photo, right_photo) = (photo_of(&wrong)?, photo_of(&right)?);
        vault.write(|tx| {
            tx.put_photo(&wrong_photo, true, &wrong)?;
            tx.put_photo(&right_photo, true, &right)
        })?;
        vault.write(|tx| tx.forget_photo(&wrong_photo.hash))?;
        assert!(vault.read(|tx| tx.photo(&wrong_photo.hash))?.is_none());
        assert_eq!(vault.read(|tx| tx.photos_left())?, 1);
        assert_eq!(vault.read(|tx| tx.photo_bytes(&right_photo.hash, 0, usize::MAX))?.as_deref(), Some(&right));
        let db = rusqlite::Connection::open(folder.path().join("a.vault"))?;
        let pieces: i64 = db.query_row("SELECT count(*) FROM photo_piece", [], |r| r.get(0))?;
        assert_eq!(pieces, 2, "the other one's");
        assert!(vault.read(|tx| tx.rows_add_up())?);
        vault.write(|tx| tx.forget_photo(&wrong_photo.hash))?;
        Ok(())
    }

    #[test]
    fn pieces_that_were_swapped_do_not_open_and_after_a_wipe_none_is_left() -> Outcome {
        let Made { folder, store, mut vault, .. } = new_vault()?;
        let bytes = picture(2 * PIECE);
        let photo = photo_of(&bytes)?;
        vault.write(|tx| tx.put_photo(&photo, true, &bytes))?;
        let db = rusqlite::Connection::open(folder.path().join("a.vault"))?;
        db.execute(
            "UPDATE photo_piece SET sealed = (SELECT other.sealed FROM photo_piece other WHERE other.n = 1) WHERE n = 0",
            [],
        )?;
        let read = vault.read(|tx| tx.photo_bytes(&photo.hash, 0, 10));
        assert!(matches!(read, Err(VaultError::Damaged { .. })));
        assert!(!vault.read(|tx| tx.rows_add_up())?);
        vault.wipe(&store)?;
        let left: i64 =
            db.query_row("SELECT (SELECT count(*) FROM photo) + (SELECT count(*) FROM photo_piece)", [], |r| r.get(0))?;
        assert_eq!(left, 0);
        Ok(())
    }
}
