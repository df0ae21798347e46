//! Sealed copies of photos: their bytes, piece by piece, beside the copies of what was written. A wipe keeps them; once the hub
//! holds the photo durably they go.

use crate::capsule::Written;
use crate::error::VaultError;
use crate::photos::StoredPhoto;
use crate::schema;
use crate::seal::Tag;
use crate::tx::Tx;
use protocol::photo::PIECE;
use protocol::{Kind, PhotoPiece};
use record::{ContentHash, canonical};
use rusqlite::{Connection, OptionalExtension};
use zeroize::Zeroizing;

/// The migration that brought them.
const SINCE: usize = 8;

/// Pieces that wait for the hub, oldest first.
pub(crate) const WAITING: &str = "SELECT c.n, c.enc, c.sealed FROM photo_copy p JOIN capsule c ON c.n = p.n
    WHERE p.received IS NULL ORDER BY p.n";

/// Whether a file that may be older, and is not brought up to date, has them.
pub(crate) fn stand_in(db: &Connection) -> Result<bool, VaultError> {
    Ok(schema::version(db)? >= SINCE)
}

/// `false`: the copy holds no photo.
pub(crate) fn mark_received(db: &Connection, n: u64, at: i64) -> Result<bool, VaultError> {
    Ok(db.execute("UPDATE photo_copy SET received = ?2 WHERE n = ?1", (n as i64, at))? > 0)
}

/// What another epoch receipted is not certain any more.
pub(crate) fn offer_again(db: &Connection) -> Result<(), VaultError> {
    db.execute("UPDATE photo_copy SET received = NULL WHERE received IS NOT NULL", [])?;
    Ok(())
}

impl Tx<'_> {
    /// Seals a photo's bytes to the hub, in the transaction that takes it and after it is put. Bytes whose copies are here
    /// already get no others.
    pub fn put_photo_copies(&mut self, photo: &StoredPhoto, bytes: &[u8], at: i64) -> Result<(), VaultError> {
        let key = self.photo_key(&photo.hash);
        let is_copied: bool = self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM photo_copy WHERE photo = ?1)")?
            .query_row([key], |r| r.get(0))?;
        if is_copied {
            return Ok(());
        }
        for (n, part) in bytes.chunks(PIECE).enumerate() {
            let piece = PhotoPiece { size: photo.size, from: (n * PIECE) as u64, bytes: part.to_vec() };
            let body = Zeroizing::new(canonical::to_bytes(&piece)?);
            let written = Written {
                doc: photo.note,
                patient: &photo.patient,
                kind: Kind::PhotoPiece,
                hash: photo.hash,
                bytes: &body,
                at,
            };
            // Under the photo's tag, not the note's: no entry of the note carries it.
            let n = self.keep_copy(key, &written)?;
            self.sql
                .prepare_cached(
                    "INSERT INTO photo_copy (n, photo, received)
                     VALUES (?1, ?2, (SELECT received FROM photo WHERE key = ?2))",
                )?
                .execute((n, key))?;
        }
        Ok(())
    }

    /// The hub has the whole photo from this phone itself: its copies are not offered any more, after a wipe neither.
    pub(crate) fn mark_photo_copies_received(&mut self, hash: &ContentHash, at: i64) -> Result<(), VaultError> {
        self.sql
            .prepare_cached("UPDATE photo_copy SET received = ?2 WHERE photo = ?1")?
            .execute((self.photo_key(hash), at))?;
        Ok(())
    }

    /// Lets the copies go of a photo that was taken away from notes that never left: neither a locked phone nor a wiped one is
    /// to bring it.
    pub fn withdraw_photo_copies(&mut self, hash: &ContentHash) -> Result<(), VaultError> {
        self.drop_copies_of_photo(self.photo_key(hash))
    }

    /// A photo of this phone's whose copies were withdrawn is wanted again. One that has its copies keeps them; one whose bytes do
    /// not open any more cannot be sealed, and is left as it is.
    pub fn put_photo_copies_again(&mut self, hash: &ContentHash, at: i64) -> Result<(), VaultError> {
        let lacks_copies: Option<bool> = self
            .sql
            .prepare_cached(
                "SELECT own = 1 AND NOT EXISTS (SELECT 1 FROM photo_copy WHERE photo = ?1) FROM photo WHERE key = ?1",
            )?
            .query_row([self.photo_key(hash)], |r| r.get(0))
            .optional()?;
        if lacks_copies != Some(true) {
            return Ok(());
        }
        let stored = self.photo(hash).and_then(|photo| Ok((photo, self.photo_bytes(hash, 0, usize::MAX)?)));
        match stored {
            Ok((Some(photo), Some(bytes))) => self.put_photo_copies(&photo, &bytes, at),
            Ok(_) => Ok(()),
            Err(error @ (VaultError::Damaged { .. } | VaultError::Cbor(_) | VaultError::Missing(_))) => {
                tracing::warn!(photo = %hash, %error, "a photo does not open and gets no sealed copies");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn drop_copies_of_photo(&mut self, key: Tag) -> Result<(), VaultError> {
        let copies = "SELECT n FROM photo_copy WHERE photo = ?1";
        self.sql.execute(&format!("DELETE FROM capsule WHERE n IN ({copies})"), [key])?;
        self.sql.execute("DELETE FROM photo_copy WHERE photo = ?1", [key])?;
        Ok(())
    }

    /// Lets the copies go of photos that the hub holds durably (law 5). A photo stands in no entry: it is as durable as an entry
    /// that the hub received after it.
    pub(crate) fn drop_photo_copies(&mut self, up_to: u64, received_before: i64) -> Result<(), VaultError> {
        const DURABLE: &str = "received < ?2 AND received < (SELECT max(received) FROM entry WHERE seq <= ?1)";
        let (up_to, copies) = (up_to as i64, format!("SELECT n FROM photo_copy WHERE {DURABLE}"));
        for delete in
            [format!("DELETE FROM capsule WHERE n IN ({copies})"), format!("DELETE FROM photo_copy WHERE {DURABLE}")]
        {
            self.sql.prepare_cached(&delete)?.execute((up_to, received_before))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capsule::LockedVault;
    use crate::keys::FileKeyStore;
    use crate::relay::Durable;
    use crate::testing::{Made, Outcome, identity, locked, new_vault, picture};
    use crate::vault::Vault;
    use protocol::{Entry, Epoch, SealedCopy};
    use record::DocumentId;
    use std::path::PathBuf;

    const NOTE: DocumentId = DocumentId([9; 16]);
    const ALL: usize = usize::MAX;

    struct Desk {
        _folder: tempfile::TempDir,
        path: PathBuf,
        store: FileKeyStore,
        vault: Vault,
    }

    fn desk() -> Outcome<Desk> {
        let Made { folder, path, store, mut vault } = new_vault()?;
        let locked = locked();
        vault.seal_copies(&identity()?, locked.series)?;
        vault.write(|tx| tx.put_locked(&store, &locked))?;
        Ok(Desk { _folder: folder, path, store, vault })
    }

    impl Desk {
        /// A photo of three pieces, taken.
        fn take(&mut self) -> Outcome<ContentHash> {
            let bytes = picture(2 * PIECE + 77);
            let (hash, size) = (ContentHash::of(&bytes), bytes.len() as u64);
            let photo = StoredPhoto { hash, size, patient: "p1".parse()?, note: NOTE, also: Vec::new() };
            self.vault.write(|tx| {
                tx.put_photo(&photo, true, &bytes)?;
                tx.put_photo_copies(&photo, &bytes, 5)
            })?;
            Ok(hash)
        }

        fn write(&mut self, bytes: &[u8]) -> Outcome {
            let (patient, hash) = ("p1".parse()?, ContentHash::of(bytes));
            let written = Written { doc: NOTE, patient: &patient, kind: Kind::Note, hash, bytes, at: 5 };
            Ok(self.vault.write(|tx| tx.put_copy(&written))?)
        }

        fn enter(&mut self, seq: u64, received: i64) -> Outcome {
            let (patient, hash) = ("p1".parse()?, ContentHash([7; 32]));
            let entry = Entry { seq, doc: NOTE, patient, kind: Kind::Note, enc: 1, hash, bytes: vec![1] };
            Ok(self.vault.write(|tx| {
                tx.put_entry(&entry)?;
                tx.mark_received(seq, received).map(|_| ())
            })?)
        }

        fn waiting(&mut self) -> Outcome<Vec<u64>> {
            Ok(numbers(&self.vault.read(|tx| tx.copies(99, ALL))?))
        }

        fn kept(&self) -> Outcome<(i64, i64)> {
            let counts = "SELECT (SELECT count(*) FROM capsule), (SELECT count(*) FROM photo_copy)";
            Ok(self.vault.db.query_row(counts, [], |r| Ok((r.get(0)?, r.get(1)?)))?)
        }
    }

    fn numbers(copies: &[SealedCopy]) -> Vec<u64> {
        copies.iter().map(|copy| copy.n).collect()
    }

    #[test]
    fn what_was_written_goes_before_photos_and_a_request_stays_small() -> Outcome {
        let mut desk = desk()?;
        desk.take()?;
        desk.write(b"after it")?;
        assert_eq!(desk.waiting()?, [4, 1, 2, 3]);
        let some = desk.vault.read(|tx| tx.copies(99, 300 << 10))?;
        assert_eq!(numbers(&some), [4, 1]);
        assert_eq!(numbers(&desk.vault.read(|tx| tx.copies(99, 0))?), [4], "one always goes");
        assert_eq!(numbers(&desk.vault.read(|tx| tx.copies(2, ALL))?), [4, 1]);
        // The same bytes in another note have their copies already.
        desk.take()?;
        assert_eq!(desk.waiting()?.len(), 4);
        assert!(desk.vault.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn an_entry_of_the_note_carries_no_photo() -> Outcome {
        let mut desk = desk()?;
        desk.take()?;
        desk.write(b"x")?;
        desk.enter(1, 10)?;
        assert_eq!(desk.waiting()?, [1, 2, 3]);
        desk.vault.write(|tx| tx.drop_durable(1, 99))?;
        assert_eq!(desk.kept()?, (3, 3));
        Ok(())
    }

    #[test]
    fn copies_go_once_an_entry_that_came_after_the_photo_is_durable() -> Outcome {
        let mut desk = desk()?;
        let hash = desk.take()?;
        desk.enter(1, 10)?;
        desk.vault.write(|tx| tx.mark_photo_received(&hash, 20))?;
        assert!(desk.waiting()?.is_empty());
        desk.vault.write(|tx| tx.drop_durable(1, 99))?;
        assert_eq!(desk.kept()?, (3, 3), "the backup that holds the entry may be older than the photo");
        desk.enter(2, 30)?;
        desk.vault.write(|tx| tx.drop_durable(1, 99))?;
        desk.vault.write(|tx| tx.drop_durable(2, 20))?;
        assert_eq!(desk.kept()?, (3, 3), "too early");
        desk.vault.write(|tx| tx.drop_durable(2, 21))?;
        assert_eq!(desk.kept()?, (0, 0));
        // Taken once more: sealed anew, and the hub is known to have it.
        desk.take()?;
        assert_eq!((desk.kept()?, desk.waiting()?.len()), ((3, 3), 0));
        assert!(desk.vault.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn a_note_leaves_only_once_its_photo_too_stands_in_a_backup() -> Outcome {
        let mut desk = desk()?;
        let (hash, patient) = (desk.take()?, "p1".parse()?);
        desk.enter(1, 10)?;
        desk.vault.write(|tx| tx.mark_photo_received(&hash, 20))?;
        desk.vault.write(|tx| tx.drop_durable(1, 99))?;
        let durable = Durable::OneDisk { received_before: 99 };
        let forgotten = desk.vault.write(|tx| tx.forget_note(&patient, NOTE, durable))?;
        assert!(!forgotten, "the backup may be older than the photo");
        assert!(desk.vault.read(|tx| tx.photo(&hash))?.is_some());
        desk.enter(2, 30)?;
        desk.vault.write(|tx| tx.drop_durable(2, 99))?;
        assert!(desk.vault.write(|tx| tx.forget_note(&patient, NOTE, durable))?);
        assert!(desk.vault.read(|tx| tx.photo(&hash))?.is_none());
        assert!(desk.vault.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn copies_of_a_photo_that_was_taken_away_go_with_it_and_what_was_written_stays() -> Outcome {
        let mut desk = desk()?;
        let hash = desk.take()?;
        desk.write(b"x")?;
        desk.vault.write(|tx| tx.forget_photo(&hash))?;
        assert_eq!((desk.kept()?, desk.waiting()?), ((1, 0), vec![4]));
        assert!(desk.vault.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn copies_that_were_withdrawn_are_sealed_again_once_and_only_of_a_photo_that_was_taken_here() -> Outcome {
        let mut desk = desk()?;
        let hash = desk.take()?;
        desk.vault.write(|tx| tx.put_photo_copies_again(&hash, 6))?;
        assert_eq!(desk.waiting()?, [1, 2, 3], "they are here");
        desk.vault.write(|tx| tx.withdraw_photo_copies(&hash))?;
        assert_eq!((desk.kept()?, desk.waiting()?.len()), ((0, 0), 0));
        for _ in 0..2 {
            desk.vault.write(|tx| tx.put_photo_copies_again(&hash, 6))?;
            assert_eq!(desk.waiting()?, [4, 5, 6], "no number is used twice");
        }
        let bytes = picture(100);
        let theirs = ContentHash::of(&bytes);
        let photo = StoredPhoto { hash: theirs, size: 100, patient: "p1".parse()?, note: NOTE, also: Vec::new() };
        desk.vault.write(|tx| {
            tx.put_photo(&photo, false, &bytes)?;
            tx.put_photo_copies_again(&theirs, 6)?;
            tx.put_photo_copies_again(&ContentHash([7; 32]), 6)
        })?;
        assert_eq!(desk.waiting()?.len(), 3, "a colleague's, and none at all");
        assert!(desk.vault.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn a_photo_stands_elsewhere_only_once_it_is_durable_there() -> Outcome {
        let mut desk = desk()?;
        let hash = desk.take()?;
        let only = |desk: &mut Desk| desk.vault.read(|tx| tx.photo_may_be_the_only_copy(&hash));
        assert!(only(&mut desk)?);
        desk.vault.write(|tx| tx.mark_photo_received(&hash, 20))?;
        assert!(only(&mut desk)?, "the hub may be put back to a backup without it");
        desk.enter(1, 30)?;
        desk.vault.write(|tx| tx.drop_durable(1, 99))?;
        assert!(!only(&mut desk)?);
        assert!(!desk.vault.read(|tx| tx.photo_may_be_the_only_copy(&ContentHash([7; 32])))?);
        Ok(())
    }

    #[test]
    fn what_left_as_a_sealed_copy_has_left() -> Outcome {
        let mut desk = desk()?;
        desk.take()?;
        desk.write(b"x")?;
        assert!(!desk.vault.read(|tx| tx.has_left(NOTE))?);
        desk.vault.write(|tx| tx.mark_copies_received(&[(1, 7)]))?;
        assert!(!desk.vault.read(|tx| tx.has_left(NOTE))?, "a photo says nothing that could be confirmed");
        desk.vault.write(|tx| tx.mark_copies_received(&[(4, 7)]))?;
        assert!(desk.vault.read(|tx| tx.has_left(NOTE))?);
        assert!(!desk.vault.read(|tx| tx.has_left(DocumentId([8; 16])))?);
        Ok(())
    }

    #[test]
    fn a_wipe_keeps_what_the_hub_lacks_and_a_restored_hub_is_offered_all_of_it() -> Outcome {
        for was_received in [false, true] {
            let Desk { _folder, path, store, mut vault } = {
                let mut desk = desk()?;
                let hash = desk.take()?;
                if was_received {
                    desk.vault.write(|tx| tx.mark_photo_received(&hash, 20))?;
                }
                desk
            };
            assert!(vault.read(|tx| tx.rows_add_up())?);
            vault.wipe(&store)?;
            let mut locked = LockedVault::open(&path, &store)?;
            let (offered, left) = if was_received { (vec![], vec![]) } else { (vec![1, 2, 3], vec![2]) };
            assert_eq!(numbers(&locked.copies(99, ALL)?), offered);
            locked.mark_received(&[(1, 30), (3, 30)])?;
            assert_eq!(numbers(&locked.copies(99, ALL)?), left);
            locked.begin_epoch(Epoch(DocumentId([4; 16])))?;
            assert_eq!(numbers(&locked.copies(99, ALL)?), [1, 2, 3]);
        }
        Ok(())
    }
}
