//! What is known of photos: how far each came, and which notes name it. The bytes are `photo_folder.rs`.

use super::Tx;
use crate::error::HubError;
use crate::keys::Keys;
use record::{ContentHash, DeviceId, DocumentId, FacilityId};
use rusqlite::OptionalExtension;

/// Keyed hash of station and content hash: what stands for a photo in the database and in the folder.
pub type PhotoTag = [u8; 32];

/// How far a photo came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoRow {
    pub size: u64,
    pub offset: u64,
    /// Hub's clock, milliseconds; `None` until it is whole and what its name says.
    pub received_at: Option<i64>,
}

/// The same bytes at two stations are two photos: neither learns that the other has them.
pub fn photo_tag(keys: &Keys, station: &FacilityId, hash: &ContentHash) -> PhotoTag {
    keys.tag("photo", &[station.as_str().as_bytes(), b"\0", &hash.0].concat())
}

impl Tx<'_> {
    /// See [`photo_tag`].
    pub fn photo_tag(&self, station: &FacilityId, hash: &ContentHash) -> PhotoTag {
        photo_tag(self.keys, station, hash)
    }

    pub fn photo(&self, tag: &PhotoTag) -> Result<Option<PhotoRow>, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT size, had, received_at FROM photo WHERE tag = ?1")?
            .query_row([tag], |r| {
                Ok(PhotoRow {
                    size: r.get::<_, i64>(0)? as u64,
                    offset: r.get::<_, i64>(1)? as u64,
                    received_at: r.get(2)?,
                })
            })
            .optional()?)
    }

    pub fn put_photo(
        &self,
        tag: &PhotoTag,
        (station, device): (&FacilityId, DeviceId),
        row: &PhotoRow,
    ) -> Result<(), HubError> {
        self.sql
            .prepare_cached(
                "INSERT INTO photo (tag, station, device, size, had, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (tag) DO UPDATE SET size = excluded.size, had = excluded.had,
                     received_at = excluded.received_at",
            )?
            .execute((tag, station.as_str(), device.0, row.size as i64, row.offset as i64, row.received_at))?;
        Ok(())
    }

    pub fn forget_photo(&self, tag: &PhotoTag) -> Result<(), HubError> {
        self.sql.execute("DELETE FROM photo WHERE tag = ?1", [tag])?;
        Ok(())
    }

    /// What a note that passed names, whoever's side of a conflict it is on. Never taken back: earlier versions name it too.
    pub(super) fn name_photos(
        &self,
        doc: DocumentId,
        station: &FacilityId,
        photos: &[ContentHash],
    ) -> Result<(), HubError> {
        for hash in photos {
            let tag = self.photo_tag(station, hash);
            self.sql
                .prepare_cached("INSERT INTO photo_of_note (tag, doc) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                .execute((tag, doc.0))?;
        }
        Ok(())
    }

    /// A note that names a photo.
    pub fn note_of_photo(&self, tag: &PhotoTag) -> Result<Option<DocumentId>, HubError> {
        let doc: Option<[u8; 16]> = self
            .sql
            .prepare_cached("SELECT doc FROM photo_of_note WHERE tag = ?1 ORDER BY doc LIMIT 1")?
            .query_row([tag], |r| r.get(0))
            .optional()?;
        Ok(doc.map(DocumentId))
    }
}
