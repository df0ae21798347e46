//! The folder `photos`: one file a photo, whose name says nothing, of sealed pieces one behind the other. A piece is authenticated
//! with its photo and its number: moved or swapped, it does not open. One stands beside the database, one beside its backups.

use crate::error::HubError;
use crate::keys::Keys;
use crate::store::{KeptPhoto, PhotoTag, photo_tag};
use protocol::photo::{PIECE, piece_length};
use record::ContentHash;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const TABLE: &str = "photo piece";
/// What sealing adds: format, nonce, tag (`Keys::seal`).
const SEAL: u64 = 1 + 24 + 16;

pub struct PhotoFolder<'k> {
    folder: PathBuf,
    keys: &'k Keys,
}

impl<'k> PhotoFolder<'k> {
    pub fn in_data(data: &Path, keys: &'k Keys) -> Self {
        Self { folder: data.join("photos"), keys }
    }

    /// Writes a piece where it belongs; on the disk when it returns. Whatever stood behind it goes.
    pub fn write(&self, tag: &PhotoTag, from: u64, bytes: &[u8]) -> Result<(), HubError> {
        let sealed = self.keys.seal(TABLE, &place(tag, from), bytes)?;
        self.put(tag, position(from), &sealed)
    }

    /// The same for all of it at once.
    pub fn write_whole(&self, tag: &PhotoTag, bytes: &[u8]) -> Result<(), HubError> {
        let mut sealed = Vec::with_capacity(bytes.len() + bytes.len().div_ceil(PIECE) * SEAL as usize);
        for (n, piece) in bytes.chunks(PIECE).enumerate() {
            sealed.extend(self.keys.seal(TABLE, &place(tag, (n * PIECE) as u64), piece)?);
        }
        self.put(tag, 0, &sealed)
    }

    fn put(&self, tag: &PhotoTag, at: u64, sealed: &[u8]) -> Result<(), HubError> {
        let path = self.file(tag);
        let wrong = |source| HubError::File { path: path.clone(), source };
        let is_new = !path.exists();
        if is_new {
            self.make()?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(wrong)?;
        file.set_len(at).map_err(wrong)?;
        file.seek(SeekFrom::Start(at)).map_err(wrong)?;
        file.write_all(sealed).map_err(wrong)?;
        file.sync_all().map_err(wrong)?;
        if is_new { self.settle() } else { Ok(()) }
    }

    /// Whether so many bytes of a photo stand here.
    pub fn holds(&self, tag: &PhotoTag, offset: u64) -> bool {
        let rest = offset % PIECE as u64;
        let length = position(offset) + if rest > 0 { rest + SEAL } else { 0 };
        std::fs::metadata(self.file(tag)).map_or(0, |there| there.len()) >= length
    }

    /// The piece that begins at an offset.
    pub fn read(&self, tag: &PhotoTag, size: u64, from: u64) -> Result<Vec<u8>, HubError> {
        let path = self.file(tag);
        let wrong = |source| HubError::File { path: path.clone(), source };
        let mut file = File::open(&path).map_err(wrong)?;
        file.seek(SeekFrom::Start(position(from))).map_err(wrong)?;
        let mut sealed = Vec::new();
        let length = piece_length(size, from) + SEAL;
        file.take(length).read_to_end(&mut sealed).map_err(wrong)?;
        let bytes = self.keys.open(TABLE, &place(tag, from), &sealed)?;
        if bytes.len() as u64 == piece_length(size, from) { Ok(bytes) } else { Err(HubError::Damaged { table: TABLE }) }
    }

    /// All of it.
    pub fn read_whole(&self, tag: &PhotoTag, size: u64) -> Result<Vec<u8>, HubError> {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        while (bytes.len() as u64) < size {
            bytes.extend(self.read(tag, size, bytes.len() as u64)?);
        }
        Ok(bytes)
    }

    /// Whether all of a photo stands here and is what its tag says: every piece is opened.
    pub fn has(&self, photo: &KeptPhoto) -> Result<bool, HubError> {
        Ok(self.sound(photo)?.is_some())
    }

    /// Brings a photo from another folder, if it is whole there. A copy and never a second name of one file: uploads write into
    /// their files in place. On the disk when it returns, its name once the folder is settled.
    pub fn take_from(&self, other: &PhotoFolder<'_>, photo: &KeptPhoto) -> Result<bool, HubError> {
        let Some(sealed) = other.sound(photo)? else { return Ok(false) };
        self.make()?;
        let path = self.file(&photo.tag);
        let new = path.with_extension("new");
        let wrong = |source| HubError::File { path: new.clone(), source };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new).map_err(wrong)?;
        file.write_all(&sealed).map_err(wrong)?;
        file.sync_all().map_err(wrong)?;
        std::fs::rename(&new, &path).map_err(wrong)?;
        Ok(true)
    }

    /// A photo's file as it stands here, if all of it opens and is what its tag says.
    fn sound(&self, photo: &KeptPhoto) -> Result<Option<Vec<u8>>, HubError> {
        let path = self.file(&photo.tag);
        let sealed = match std::fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(HubError::File { path, source }),
        };
        let mut bytes = Vec::with_capacity(sealed.len());
        for (n, piece) in sealed.chunks(PIECE + SEAL as usize).enumerate() {
            match self.keys.open(TABLE, &place(&photo.tag, (n * PIECE) as u64), piece) {
                Ok(piece) => bytes.extend(piece),
                Err(_) => return Ok(None),
            }
        }
        let is_it = bytes.len() as u64 == photo.size
            && photo_tag(self.keys, &photo.station, &ContentHash::of(&bytes)) == photo.tag;
        Ok(is_it.then_some(sealed))
    }

    /// Throws away what came of a photo.
    pub fn remove(&self, tag: &PhotoTag) -> Result<(), HubError> {
        let path = self.file(tag);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(HubError::File { path, source }),
            _ => Ok(()),
        }
    }

    fn file(&self, tag: &PhotoTag) -> PathBuf {
        let name: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name)
    }

    fn make(&self) -> Result<(), HubError> {
        let wrong = |source| HubError::File { path: self.folder.clone(), source };
        if self.folder.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder).map_err(wrong)?;
        #[cfg(unix)]
        std::fs::set_permissions(&self.folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(wrong)?;
        #[cfg(unix)]
        if let Some(above) = self.folder.parent() {
            File::open(above).and_then(|above| above.sync_all()).map_err(wrong)?;
        }
        Ok(())
    }

    /// A name is on disk only when its folder is.
    pub fn settle(&self) -> Result<(), HubError> {
        #[cfg(unix)]
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| HubError::File { path: self.folder.clone(), source })?;
        Ok(())
    }
}

/// Where in the file the piece stands that begins at this offset of the photo.
fn position(from: u64) -> u64 {
    let piece = PIECE as u64;
    from / piece * (piece + SEAL)
}

fn place(tag: &PhotoTag, from: u64) -> Vec<u8> {
    [&tag[..], &(from / PIECE as u64).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn pieces_come_back_as_they_went_and_one_that_was_moved_does_not_open() -> Outcome {
        let data = tempfile::tempdir()?;
        let store = Store::init(data.path(), "くるめ")?;
        let folder = PhotoFolder::in_data(store.data(), store.keys());
        let tag = [7; 32];
        let bytes: Vec<u8> = (0..2 * PIECE as u64 + 9).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect();
        let size = bytes.len() as u64;
        for (n, piece) in bytes.chunks(PIECE).enumerate() {
            folder.write(&tag, (n * PIECE) as u64, piece)?;
        }
        assert!(folder.read_whole(&tag, size)? == bytes);
        assert!(folder.holds(&tag, size) && !folder.holds(&tag, size + 1));
        assert!(folder.read(&tag, size, 2 * PIECE as u64)? == bytes[2 * PIECE..]);
        let path = folder.file(&tag);
        let at_rest = std::fs::read(&path)?;
        assert!(!at_rest.windows(32).any(|window| window == &bytes[..32]));
        // The second piece in the first one's place.
        let length = PIECE + SEAL as usize;
        let mut swapped = at_rest.clone();
        swapped[..length].copy_from_slice(&at_rest[length..2 * length]);
        std::fs::write(&path, &swapped)?;
        assert!(matches!(folder.read(&tag, size, 0), Err(HubError::Damaged { .. })));
        std::fs::write(&path, &at_rest[..at_rest.len() - 1])?;
        assert!(folder.read_whole(&tag, size).is_err() && !folder.holds(&tag, size), "cut off");
        // Written again from an earlier place, nothing of what stood behind it is left.
        folder.write(&tag, 0, &bytes[..PIECE])?;
        assert_eq!(std::fs::metadata(&path)?.len(), length as u64);
        // All of it at once is the same file.
        folder.write_whole(&tag, &bytes)?;
        assert!(folder.read_whole(&tag, size)? == bytes && std::fs::metadata(&path)?.len() == at_rest.len() as u64);
        folder.remove(&tag)?;
        folder.remove(&tag)?;
        assert!(!path.exists() && folder.holds(&tag, 0) && !folder.holds(&tag, 1));
        Ok(())
    }
}
