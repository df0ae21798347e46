//! The photos' part of a backup: which of them a database says are here whole, and their way from one folder into another.

use super::PhotoTag;
use super::facilities::id;
use crate::error::HubError;
use crate::photo_folder::PhotoFolder;
use record::{ContentHash, DocumentId, FacilityId};
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeSet;

/// A photo that a database says is here whole.
pub struct KeptPhoto {
    pub tag: PhotoTag,
    pub station: FacilityId,
    pub size: u64,
}

/// A photo that a database knows of, and that does not stand in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LackingPhoto {
    /// What stands for it at this hub: its file's name.
    pub photo: ContentHash,
    /// The notes that name it.
    pub notes: Vec<DocumentId>,
}

/// What became of photos that were to stand in a folder.
#[derive(Default)]
pub(super) struct Brought {
    /// Stand there now.
    pub there: u64,
    /// Of them those that were copied now.
    pub copied: u64,
    /// Stand in neither folder, or are not what their tag says.
    pub lacking: Vec<PhotoTag>,
}

/// Those of an upload that is not at its end are not among them.
pub(super) fn kept_photos(db: &Connection) -> Result<Vec<KeptPhoto>, HubError> {
    let mut statement =
        db.prepare("SELECT tag, station, size FROM photo WHERE received_at IS NOT NULL ORDER BY tag")?;
    let photos = statement
        .query_map([], |r| Ok(KeptPhoto { tag: r.get(0)?, station: id(r, 1)?, size: r.get::<_, i64>(2)? as u64 }))?
        .collect::<Result<_, _>>()?;
    Ok(photos)
}

/// Copies what is not there; all of it is on the disk when it returns.
pub(super) fn bring(
    photos: &[KeptPhoto],
    (from, to): (&PhotoFolder<'_>, &PhotoFolder<'_>),
    is_there: impl Fn(&KeptPhoto) -> Result<bool, HubError>,
) -> Result<Brought, HubError> {
    let mut brought = Brought::default();
    for photo in photos {
        if is_there(photo)? {
            brought.there += 1;
        } else if to.take_from(from, photo)? {
            brought.there += 1;
            brought.copied += 1;
        } else {
            brought.lacking.push(photo.tag);
        }
    }
    if brought.there > 0 {
        // Names of a backup that was interrupted, too.
        to.settle()?;
    }
    Ok(brought)
}

/// The database says of photos that they are here, and they are not: it says so no more, and takes them when they come again.
pub(super) fn forget_lacking(db: &Connection, lacking: &[PhotoTag]) -> Result<(), HubError> {
    for tag in lacking {
        db.execute("UPDATE photo SET received_at = NULL, had = 0 WHERE tag = ?1", [tag])?;
    }
    Ok(())
}

/// Photos that were lost and asked for again, and of which nothing has come yet.
pub(super) fn awaited(db: &Connection) -> Result<Vec<LackingPhoto>, HubError> {
    let mut statement = db.prepare("SELECT tag FROM photo WHERE received_at IS NULL AND had = 0 ORDER BY tag")?;
    let tags = statement.query_map([], |r| r.get(0))?.collect::<Result<Vec<PhotoTag>, _>>()?;
    tags.into_iter().map(|tag| described(db, tag)).collect()
}

/// Photos that notes name and that are not here, and these.
pub(super) fn named_and_lacking(db: &Connection, these: &[PhotoTag]) -> Result<Vec<LackingPhoto>, HubError> {
    let mut statement = db.prepare(
        "SELECT tag FROM photo_of_note WHERE tag NOT IN (SELECT tag FROM photo WHERE received_at IS NOT NULL)",
    )?;
    let mut tags: BTreeSet<PhotoTag> = statement.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
    tags.extend(these);
    tags.into_iter().map(|tag| described(db, tag)).collect()
}

/// A lacking photo, as a person can look for it.
pub(super) fn described(db: &Connection, tag: PhotoTag) -> Result<LackingPhoto, HubError> {
    let mut statement = db.prepare_cached("SELECT doc FROM photo_of_note WHERE tag = ?1 ORDER BY doc")?;
    let notes = statement.query_map([tag], |r| Ok(DocumentId(r.get(0)?)))?.collect::<Result<_, _>>()?;
    Ok(LackingPhoto { photo: ContentHash(tag), notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{PhotoRow, Store};
    use protocol::photo::PIECE;
    use record::DeviceId;
    use std::path::{Path, PathBuf};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    struct Desk {
        folder: tempfile::TempDir,
        store: Store,
        station: FacilityId,
    }

    fn desk() -> Outcome<Desk> {
        let folder = tempfile::tempdir()?;
        let store = Store::init(&folder.path().join("hub"), "くるめ")?;
        std::fs::create_dir(folder.path().join("kept"))?;
        Ok(Desk { folder, store, station: "st-1".parse()? })
    }

    fn picture(seed: u64) -> Vec<u8> {
        (0..PIECE as u64 + 9).map(|i| ((i + seed).wrapping_mul(0x9e37_79b9) >> 13) as u8).collect()
    }

    impl Desk {
        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// A photo that came whole, or the first piece of one.
        fn photo(&self, seed: u64, is_whole: bool) -> Outcome<PhotoTag> {
            let bytes = picture(seed);
            let size = bytes.len() as u64;
            let folder = PhotoFolder::in_data(self.store.data(), self.store.keys());
            Ok(self.store.write(|tx| {
                let tag = tx.photo_tag(&self.station, &ContentHash::of(&bytes));
                if is_whole {
                    folder.write_whole(&tag, &bytes)?
                } else {
                    folder.write(&tag, 0, &bytes[..PIECE])?
                }
                let offset = if is_whole { size } else { PIECE as u64 };
                let row = PhotoRow { size, offset, received_at: is_whole.then_some(tx.now()) };
                tx.put_photo(&tag, (&self.station, DeviceId([1; 8])), &row)?;
                Ok(tag)
            })?)
        }

        fn durable(&self) -> Outcome<Option<String>> {
            Ok(self.store.read(|tx| tx.meta("backed_up_to"))?)
        }
    }

    fn file(data: &Path, tag: &PhotoTag) -> PathBuf {
        data.join("photos").join(ContentHash(*tag).to_string())
    }

    #[test]
    fn a_backup_holds_what_came_whole_and_copies_each_photo_once() -> Outcome {
        let desk = desk()?;
        let (whole, half) = (desk.photo(1, true)?, desk.photo(2, false)?);
        let kept = desk.path("kept");
        let made = desk.store.backup(&kept)?;
        assert_eq!((made.photos, made.photos_copied, made.photos_lacking.len()), (1, 1, 0));
        assert!(made.file.starts_with(&kept) && made.file.exists(), "in a folder it finds itself a name");
        assert!(std::fs::read(file(&kept, &whole))? == std::fs::read(file(desk.store.data(), &whole))?);
        assert_eq!(std::fs::read_dir(kept.join("photos"))?.count(), 1);
        assert!(!file(&kept, &half).exists() && file(desk.store.data(), &half).exists());
        let made = desk.store.backup(&kept.join("second.db"))?;
        assert_eq!((made.photos, made.photos_copied), (1, 0));
        // One that was cut off there is copied again.
        std::fs::write(file(&kept, &whole), b"cut")?;
        assert_eq!(desk.store.backup(&kept.join("third.db"))?.photos_copied, 1);
        // What the hub writes into its own file afterwards is not written into the backup's.
        let before = std::fs::read(file(&kept, &whole))?;
        std::fs::write(file(desk.store.data(), &whole), b"lost")?;
        assert!(std::fs::read(file(&kept, &whole))? == before);
        Ok(())
    }

    #[test]
    fn a_photo_that_is_gone_or_altered_is_named_and_asked_for_again_and_stops_nothing_else() -> Outcome {
        let desk = desk()?;
        let (gone, altered) = (desk.photo(1, true)?, desk.photo(2, true)?);
        let epoch = desk.store.read(|tx| tx.epoch())?;
        assert!(!desk.store.read(|tx| tx.takes_relayed())?, "a hub in its first epoch has lost nothing");
        std::fs::remove_file(file(desk.store.data(), &gone))?;
        let mut bytes = std::fs::read(file(desk.store.data(), &altered))?;
        bytes[100] ^= 1;
        std::fs::write(file(desk.store.data(), &altered), bytes)?;
        let made = desk.store.backup(&desk.path("kept").join("one.db"))?;
        let named: BTreeSet<ContentHash> = made.photos_lacking.iter().map(|photo| photo.photo).collect();
        assert_eq!(named, BTreeSet::from([ContentHash(gone), ContentHash(altered)]));
        assert_eq!((made.photos, made.photos_awaited.len()), (0, 0));
        assert!(!file(&desk.path("kept"), &altered).exists());
        assert!(desk.durable()?.is_some(), "all else is as durable as ever");
        for tag in [&gone, &altered] {
            let row = desk.store.read(|tx| tx.photo(tag))?.ok_or("no row")?;
            assert_eq!((row.received_at, row.offset), (None, 0));
        }
        let asking = desk.store.read(|tx| tx.epoch())?;
        assert_ne!(asking, epoch, "by which phones hear of it");
        assert!(desk.store.read(|tx| tx.takes_relayed())?, "they may ask whether anything else is lost");
        // The next one says what has not come, and nobody is asked twice.
        let made = desk.store.backup(&desk.path("kept").join("two.db"))?;
        assert_eq!((made.photos_lacking.len(), made.photos_awaited.len()), (0, 2));
        assert_eq!(desk.store.read(|tx| tx.epoch())?, asking);
        desk.photo(1, true)?;
        let made = desk.store.backup(&desk.path("kept").join("three.db"))?;
        assert_eq!((made.photos, made.photos_lacking.len(), made.photos_awaited.len()), (1, 0, 1));
        // The backup of before it was lost, put in place: it asks again as well.
        let data = desk.store.data().to_path_buf();
        drop(desk.store);
        let restored = Store::restore(&data, &desk.folder.path().join("kept").join("one.db"))?;
        let lacking: Vec<ContentHash> = restored.photos_lacking.iter().map(|photo| photo.photo).collect();
        assert_eq!((restored.photos, lacking), (1, vec![ContentHash(altered)]));
        let store = Store::open(&data)?;
        assert!(store.read(|tx| tx.photo(&altered))?.is_some_and(|row| row.received_at.is_none()));
        Ok(())
    }

    #[test]
    fn a_backup_goes_nowhere_into_the_hubs_own_folder() -> Outcome {
        let desk = desk()?;
        desk.photo(1, true)?;
        let data = desk.store.data();
        let inside = data.join("backups");
        std::fs::create_dir(&inside)?;
        for place in [data.to_path_buf(), data.join("one.db"), inside.clone(), inside.join("one.db")] {
            let refused = desk.store.backup(&place);
            assert!(matches!(refused, Err(HubError::BackupInside(_))), "{}", place.display());
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(data.join("photos"), desk.path("kept").join("photos"))?;
            let refused = desk.store.backup(&desk.path("kept"));
            assert!(matches!(refused, Err(HubError::BackupInside(_))), "by another name");
        }
        assert_eq!((desk.durable()?, std::fs::read_dir(&inside)?.count()), (None, 0));
        Ok(())
    }

    #[test]
    fn a_restore_puts_back_what_the_hub_lacks_and_touches_nothing_that_is_sound() -> Outcome {
        let desk = desk()?;
        let (gone, altered, sound) = (desk.photo(1, true)?, desk.photo(2, true)?, desk.photo(3, true)?);
        let made = desk.store.backup(&desk.path("kept").join("one.db"))?;
        assert_eq!(made.photos, 3);
        let younger = desk.photo(4, true)?;
        let data = desk.store.data().to_path_buf();
        std::fs::remove_file(file(&data, &gone))?;
        std::fs::write(file(&data, &altered), b"altered")?;
        // The backup's own copy of the sound one is of no use any more.
        std::fs::write(file(&desk.path("kept"), &sound), b"altered")?;
        drop(desk.store);
        let restored = Store::restore(&data, &made.file)?;
        assert_eq!((restored.photos, restored.photos_copied, restored.photos_lacking.len()), (3, 2, 0));
        let store = Store::open(&data)?;
        let folder = PhotoFolder::in_data(&data, store.keys());
        for (tag, seed) in [(gone, 1), (altered, 2), (sound, 3)] {
            let bytes = picture(seed);
            assert!(folder.read_whole(&tag, bytes.len() as u64)? == bytes);
        }
        assert!(file(&data, &younger).exists() && store.read(|tx| tx.photo(&younger))?.is_none());
        Ok(())
    }
}
