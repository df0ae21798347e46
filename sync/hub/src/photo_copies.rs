//! Photos of phones that nobody can or may unlock: put together of the pieces that came in sealed copies, and stored as an
//! upload would be. Nobody is asked: bytes alone are shown to nobody, and the note that names them is let in by a person.

use crate::error::HubError;
use crate::photo_folder::PhotoFolder;
use crate::store::{PhotoRow, PhotoTag, Store, Who};
use record::{ContentHash, DeviceId, FacilityId};

/// Stores a photo once all of its pieces are here, and lets these go. `false`: they are not, or they are not what its name says.
pub fn put_together(store: &Store, device: DeviceId, station: &FacilityId, tag: &PhotoTag) -> Result<bool, HubError> {
    let folder = PhotoFolder::in_data(store.data(), store.keys());
    store.write(|tx| {
        let known = tx.photo(tag)?.filter(|row| row.received_at.is_some() && folder.holds(tag, row.offset));
        if known.is_none() {
            let Some(bytes) = tx.held_photo(tag, device)? else { return Ok(false) };
            if tx.photo_tag(station, &ContentHash::of(&bytes)) != *tag {
                tx.return_pieces(tag, device)?;
                tx.audit(&Who::Device(device), "photo_refused", None, "wrong hash")?;
                return Ok(false);
            }
            // On the disk before the row says so.
            folder.write_whole(tag, &bytes)?;
            let size = bytes.len() as u64;
            let received_at = Some(tx.receipt_time()?);
            tx.put_photo(tag, (station, device), &PhotoRow { size, offset: size, received_at })?;
            tx.audit(&Who::Device(device), "photo", None, &format!("received {size} bytes, sealed"))?;
        }
        tx.let_pieces_go(tag)?;
        Ok(true)
    })
}

/// What a crash left in pieces.
pub fn put_together_left_over(store: &Store) -> Result<(), HubError> {
    for held in store.read(|tx| tx.held_photos())? {
        // One that cannot be stored never keeps the others from it (law 4).
        if let Err(error) = put_together(store, held.device, &held.station, &held.tag) {
            tracing::error!(%error, "a photo's sealed pieces were not put together; they stay held");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use protocol::capsule::{Copy, SealedCopy, Sealer};
    use protocol::photo::PIECE;
    use protocol::{Kind, PhotoPiece, Series};
    use record::{DocumentId, canonical};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    const DEVICE: DeviceId = DeviceId([1; 8]);
    const SERIES: Series = Series(DocumentId([2; 16]));

    struct Desk {
        _data: tempfile::TempDir,
        store: Store,
        station: FacilityId,
        key: SigningKey,
        sealer: Sealer,
    }

    fn desk() -> Outcome<Desk> {
        let data = tempfile::tempdir()?;
        let store = Store::init(data.path(), "くるめ")?;
        let sealer = Sealer::new(&store.keys().sealing_public, DEVICE, SERIES)?;
        let (station, key) = ("st-1".parse()?, SigningKey::from_bytes(&[9; 32]));
        Ok(Desk { _data: data, store, station, key, sealer })
    }

    fn picture() -> Vec<u8> {
        (0..2 * PIECE as u64 + 9).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect()
    }

    impl Desk {
        /// A photo's sealed copies, numbered from `first`.
        fn seal(&self, first: u64, bytes: &[u8], name: &ContentHash) -> Outcome<Vec<SealedCopy>> {
            let size = bytes.len() as u64;
            let piece = |(i, part): (usize, &[u8])| -> Outcome<SealedCopy> {
                let piece = PhotoPiece { size, from: (i * PIECE) as u64, bytes: part.to_vec() };
                let copy = Copy {
                    v: 1,
                    device: DEVICE,
                    series: SERIES,
                    n: first + i as u64,
                    at: 5,
                    doc: DocumentId([3; 16]),
                    patient: "p1".parse()?,
                    station: self.station.clone(),
                    kind: Kind::PhotoPiece,
                    hash: *name,
                    bytes: canonical::to_bytes(&piece)?,
                    maker: None,
                };
                Ok(self.sealer.seal(&copy, &self.key)?)
            };
            bytes.chunks(PIECE).enumerate().map(piece).collect()
        }

        /// Takes copies as a push does, and tries. Says whether the photo is stored.
        fn take(&self, copies: &[SealedCopy], tag: &PhotoTag) -> Outcome<bool> {
            let signing = self.key.verifying_key().to_bytes();
            let taken = self.store.write(|tx| tx.accept_copies(DEVICE, &self.station, &signing, SERIES, copies))?;
            assert_eq!((taken.receipt.len(), taken.documents.len()), (copies.len(), 0));
            Ok(put_together(&self.store, DEVICE, &self.station, tag)?)
        }

        fn tag(&self, name: &ContentHash) -> Outcome<PhotoTag> {
            Ok(self.store.read(|tx| Ok(tx.photo_tag(&self.station, name)))?)
        }

        /// Copies of any state in the database.
        fn rows(&self) -> Outcome<i64> {
            Ok(self.store.read(|tx| Ok(tx.sql.query_row("SELECT count(*) FROM capsule", [], |r| r.get(0))?))?)
        }

        fn held(&self) -> Outcome<Vec<u64>> {
            let held = self.store.read(|tx| tx.held_photos())?;
            Ok(held.iter().map(|photo| photo.pieces).collect())
        }
    }

    #[test]
    fn pieces_that_came_in_any_order_are_stored_once_they_are_all_here_and_let_go() -> Outcome {
        let (desk, bytes) = (desk()?, picture());
        let name = ContentHash::of(&bytes);
        let (tag, copies) = (desk.tag(&name)?, desk.seal(1, &bytes, &name)?);
        assert!(!desk.take(&copies[2..], &tag)?);
        assert!(!desk.take(&copies[..1], &tag)?);
        assert_eq!(desk.held()?, [2]);
        assert!(desk.store.read(|tx| tx.all_held_copies())?.is_empty(), "nothing that a person decides about");
        let in_clear: bool = desk.store.read(|tx| {
            Ok(tx.sql.query_row("SELECT EXISTS (SELECT 1 FROM capsule WHERE hash = ?1)", [name.0], |r| r.get(0))?)
        })?;
        assert!(!in_clear, "a photo's own hash stands nowhere");
        assert!(desk.take(&copies[1..2], &tag)?);
        let folder = PhotoFolder::in_data(desk.store.data(), desk.store.keys());
        assert!(folder.read_whole(&tag, bytes.len() as u64)? == bytes);
        assert!(desk.store.read(|tx| tx.photo(&tag))?.is_some_and(|row| row.received_at.is_some()));
        assert_eq!(desk.rows()?, 0);
        // The answer was lost, and one comes again.
        assert!(desk.take(&copies[..1], &tag)?);
        assert_eq!(desk.rows()?, 0);
        // The folder was lost: what says that it is here is not believed.
        folder.remove(&tag)?;
        assert!(!desk.take(&copies[..2], &tag)?);
        assert!(desk.take(&copies[2..], &tag)?);
        assert!(folder.read_whole(&tag, bytes.len() as u64)? == bytes);
        Ok(())
    }

    #[test]
    fn a_crash_between_taking_and_storing_leaves_work_for_later() -> Outcome {
        let (desk, bytes) = (desk()?, picture());
        let name = ContentHash::of(&bytes);
        let (tag, copies) = (desk.tag(&name)?, desk.seal(1, &bytes, &name)?);
        let signing = desk.key.verifying_key().to_bytes();
        let taken = desk.store.write(|tx| tx.accept_copies(DEVICE, &desk.station, &signing, SERIES, &copies))?;
        assert_eq!(taken.photos, [tag]);
        assert!(desk.store.read(|tx| tx.photo(&tag))?.is_none());
        put_together_left_over(&desk.store)?;
        assert!(desk.store.read(|tx| tx.photo(&tag))?.is_some());
        assert_eq!((desk.rows()?, desk.held()?.len()), (0, 0));
        Ok(())
    }

    #[test]
    fn bytes_that_are_not_what_their_name_says_are_left_out_and_the_right_ones_still_come() -> Outcome {
        let (desk, bytes) = (desk()?, picture());
        let name = ContentHash::of(&bytes);
        let tag = desk.tag(&name)?;
        let mut other = bytes.clone();
        other[PIECE + 5] ^= 1;
        assert!(!desk.take(&desk.seal(1, &other, &name)?, &tag)?);
        assert!(desk.store.read(|tx| tx.photo(&tag))?.is_none());
        assert_eq!((desk.rows()?, desk.held()?.len()), (3, 0), "kept, and asked about no more");
        assert!(desk.take(&desk.seal(4, &bytes, &name)?, &tag)?);
        Ok(())
    }
}
