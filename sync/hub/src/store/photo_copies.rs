//! Pieces of photos that came in sealed copies: held until the photo is whole and stands in the folder.

use super::capsules::CopyState;
use super::facilities::id;
use super::{PhotoTag, Tx};
use crate::error::HubError;
use protocol::photo::PIECE;
use protocol::{Kind, PhotoPiece};
use record::{DeviceId, DocumentId, FacilityId, PatientId, canonical};
use std::collections::BTreeMap;

/// Held pieces of one photo, of one device.
#[derive(Debug, Clone)]
pub struct HeldPhoto {
    pub tag: PhotoTag,
    /// The note that it was taken into.
    pub doc: DocumentId,
    pub device: DeviceId,
    pub station: FacilityId,
    pub patient: PatientId,
    pub pieces: u64,
    pub received_at: i64,
}

impl Tx<'_> {
    /// Photos that have not come together, oldest first.
    pub fn held_photos(&self) -> Result<Vec<HeldPhoto>, HubError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT hash, doc, device, station, patient, count(*), min(received_at) FROM capsule
             WHERE state = 'held' AND kind = ?1 GROUP BY hash, doc, device, station, patient
             ORDER BY min(received_at), hash",
        )?;
        let rows = statement
            .query_map([u8::from(Kind::PhotoPiece)], |r| {
                Ok(HeldPhoto {
                    tag: r.get(0)?,
                    doc: DocumentId(r.get(1)?),
                    device: DeviceId(r.get(2)?),
                    station: id(r, 3)?,
                    patient: id(r, 4)?,
                    pieces: r.get::<_, i64>(5)? as u64,
                    received_at: r.get(6)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// A photo's bytes once all of its pieces are here. That they are what its name says is still to be asked.
    pub fn held_photo(&self, tag: &PhotoTag, device: DeviceId) -> Result<Option<Vec<u8>>, HubError> {
        let which = (tag, device.0, u8::from(Kind::PhotoPiece));
        let here: i64 = self
            .sql
            .prepare_cached(
                "SELECT count(*) FROM capsule WHERE state = 'held' AND hash = ?1 AND device = ?2 AND kind = ?3",
            )?
            .query_row(which, |r| r.get(0))?;
        let mut statement = self.sql.prepare_cached(
            "SELECT sealed_hash, sealed FROM capsule
             WHERE state = 'held' AND hash = ?1 AND device = ?2 AND kind = ?3 ORDER BY id",
        )?;
        let mut rows = statement.query(which)?;
        let (mut size, mut parts) = (None, BTreeMap::new());
        while let Some(row) = rows.next()? {
            let (sealed_hash, sealed): ([u8; 32], Vec<u8>) = (row.get(0)?, row.get(1)?);
            let body = self.keys.open("capsule", &sealed_hash, &sealed)?;
            let piece = canonical::from_bytes::<PhotoPiece>(&body).ok();
            let Some(piece) = piece.filter(|piece| piece.is_well_cut() && !piece.bytes.is_empty()) else { continue };
            let whole = *size.get_or_insert(piece.size);
            if (here as u64) < whole.div_ceil(PIECE as u64) {
                return Ok(None);
            }
            if piece.size == whole {
                parts.insert(piece.from, piece.bytes);
            }
        }
        let mut bytes = Vec::new();
        for (from, part) in parts {
            if from != bytes.len() as u64 {
                return Ok(None);
            }
            bytes.extend(part);
        }
        Ok((size == Some(bytes.len() as u64)).then_some(bytes))
    }

    /// The photo stands in the folder: its pieces, whoever sent them, are needed no more. They are deleted, not marked: a hub
    /// that was put back to an older state takes them once more.
    pub fn let_pieces_go(&self, tag: &PhotoTag) -> Result<(), HubError> {
        self.sql
            .prepare_cached("DELETE FROM capsule WHERE state = 'held' AND hash = ?1 AND kind = ?2")?
            .execute((tag, u8::from(Kind::PhotoPiece)))?;
        Ok(())
    }

    /// Leaves pieces out for good; the bytes are kept. Says how many.
    pub fn return_pieces(&self, tag: &PhotoTag, device: DeviceId) -> Result<usize, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "UPDATE capsule SET state = ?4 WHERE state = 'held' AND hash = ?1 AND device = ?2 AND kind = ?3",
            )?
            .execute((tag, device.0, u8::from(Kind::PhotoPiece), CopyState::Returned.as_str()))?)
    }
}
