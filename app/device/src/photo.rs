//! 創部写真: taken into a note, sent when the notes are sent, fetched when somebody opens one. A photo never leaves the vault
//! but to the hub, or into a file that a person asked for.

use crate::driver::as_failure;
use crate::error::DeviceError;
use crate::http::{HubLine, Traffic};
use crate::note::{OpenNote, open_whole};
use crate::phone::Phone;
use crate::photo_removal::keep_mark;
use jiff::Timestamp;
use protocol::photo::{self as wire, PIECE, PhotoScope};
use protocol::proof::prove_path;
use protocol::{Failure, Input, PhotoPiece, PhotoReceipt};
use record::photo;
use record::visit_note::photos::photos;
use record::visit_note::{NewPhoto, NotePhoto};
use record::{ContentHash, DocumentId, PatientId};
use vault::{StoredPhoto, VaultError};
use zeroize::Zeroizing;

/// Whether photos may go over a line that is paid by the byte.
const ON_METERED: &str = "photos_on_metered";

/// What a nurse says of a photo.
pub struct PhotoSaid<'a> {
    pub body_site: &'a str,
    pub caption: &'a str,
    /// The patient, or whoever may say it for her, agreed to this photo.
    pub consent: bool,
}

/// A photo of a note, as a list shows it.
#[derive(Clone, PartialEq)]
pub struct PhotoShown {
    pub photo: NotePhoto,
    /// Its bytes are in this vault; if not, opening it fetches them.
    pub is_here: bool,
    /// It was taken here, and the hub has not receipted it.
    pub is_unsent: bool,
    /// Hub's clock; of a photo that was taken here.
    pub received_at: Option<Timestamp>,
}

impl Phone {
    /// Takes a picture's file into a note: stripped of what tells of place and phone, sealed to this vault and to the hub, and
    /// named by the note, in one transaction.
    pub fn add_photo(
        &self,
        note: DocumentId,
        file: &[u8],
        said: &PhotoSaid<'_>,
        now: Timestamp,
    ) -> Result<ContentHash, DeviceError> {
        if !said.consent {
            return Err(DeviceError::NoPhotoConsent);
        }
        if said.body_site.trim().is_empty() {
            return Err(DeviceError::BodySiteMissing);
        }
        let clean = photo::clean(file)?;
        let bytes = Zeroizing::new(clean.bytes);
        let new = NewPhoto {
            hash: ContentHash::of(&bytes),
            bytes: bytes.len() as u64,
            media_type: clean.media_type,
            body_site: said.body_site.to_string(),
            caption: said.caption.to_string(),
            taken_at: now,
        };
        self.write(|tx| {
            let mut open = OpenNote::load(tx, note, self.hand())?;
            let change = open.draft.add_photo(&new, now)?;
            let patient = open.row.patient.clone();
            open.store(tx, change, now)?;
            let stored = StoredPhoto { hash: new.hash, size: new.bytes, patient, note, also: Vec::new() };
            tx.put_photo(&stored, true, &bytes)?;
            // The same picture may have been taken away a moment ago.
            keep_mark(tx, &new.hash, None)?;
            Ok(tx.put_photo_copies(&stored, &bytes, now.as_millisecond())?)
        })?;
        self.changed();
        Ok(new.hash)
    }

    /// The photos that a note names, oldest first.
    pub fn note_photos(&self, note: DocumentId) -> Result<Vec<PhotoShown>, DeviceError> {
        self.read(|tx| {
            let (_, mut whole) = open_whole(tx, note, self.hand())?;
            let mut shown = Vec::new();
            for photo in photos(&whole.view()?) {
                let is_here = tx.photo(&photo.hash)?.is_some();
                let is_unsent = tx.photo_waits(&photo.hash)?;
                let received_at = tx.photo_received(&photo.hash)?;
                let received_at = received_at.and_then(|at| Timestamp::from_millisecond(at).ok());
                shown.push(PhotoShown { photo, is_here, is_unsent, received_at });
            }
            Ok(shown)
        })
    }

    /// A photo's bytes: out of the vault, or from the hub and then kept.
    pub async fn open_photo(&self, note: DocumentId, hash: ContentHash) -> Result<Zeroizing<Vec<u8>>, DeviceError> {
        let patient = self.patient_of_photo(note, &hash)?;
        if let Some(bytes) = self.kept_photo(&hash)? {
            return Ok(bytes);
        }
        let bytes = self.fetch_photo(&hash).await?;
        let stored = StoredPhoto { hash, size: bytes.len() as u64, patient, note, also: Vec::new() };
        self.write(|tx| Ok(tx.put_photo(&stored, false, &bytes)?))?;
        self.changed();
        Ok(bytes)
    }

    /// Photos taken here that the hub has not receipted. What was taken away is not sent.
    pub fn photos_left(&self) -> Result<u64, DeviceError> {
        self.read(|tx| Ok(tx.photos_left()? - self.withheld_photos(tx)?.len() as u64))
    }

    /// Whether photos may go over a line that is paid by the byte. They may not unless somebody said so.
    pub fn photos_on_metered(&self) -> Result<bool, DeviceError> {
        Ok(self.setting(ON_METERED)?.as_deref() == Some("true"))
    }

    pub fn put_photos_on_metered(&self, may: bool) -> Result<(), DeviceError> {
        self.put_setting(ON_METERED, if may { "true" } else { "false" })
    }

    fn patient_of_photo(&self, note: DocumentId, hash: &ContentHash) -> Result<PatientId, DeviceError> {
        self.read(|tx| {
            let (row, mut whole) = open_whole(tx, note, self.hand())?;
            let is_named = photos(&whole.view()?).iter().any(|photo| photo.hash == *hash);
            if is_named { Ok(row.patient) } else { Err(DeviceError::UnknownPhoto(*hash)) }
        })
    }

    /// A photo's bytes that stand in the vault, if they are sound: one that is damaged is fetched again when it is opened.
    pub fn kept_photo(&self, hash: &ContentHash) -> Result<Option<Zeroizing<Vec<u8>>>, DeviceError> {
        match self.read(|tx| Ok(tx.photo_bytes(hash, 0, usize::MAX)?)) {
            Ok(Some(bytes)) if ContentHash::of(&bytes) == *hash => Ok(Some(bytes)),
            Ok(None) => Ok(None),
            Ok(Some(_)) | Err(DeviceError::Vault(VaultError::Damaged { .. } | VaultError::Cbor(_))) => {
                tracing::warn!(photo = %hash, "a photo of the vault is damaged and asked from the hub");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn fetch_photo(&self, hash: &ContentHash) -> Result<Zeroizing<Vec<u8>>, DeviceError> {
        if self.is_decoy() {
            return Err(DeviceError::Sync(Failure::Unreachable));
        }
        // The identity as it stands in the vault: its certificate may have been renewed since the unlock.
        let (identity, last_hub_time) = self.read(|tx| Ok((tx.identity()?, tx.sync_state()?.last_hub_time)))?;
        let line = HubLine::for_sync(&identity, last_hub_time).map_err(DeviceError::Sync)?;
        let mut bytes = Zeroizing::new(Vec::new());
        loop {
            let from = bytes.len() as u64;
            let proof = self.prove_photo("GET", hash, Some(from))?;
            let piece = line.photo(hash, from, &proof).await.map_err(DeviceError::Sync)?;
            if piece.from != from || piece.bytes.is_empty() || !piece.is_well_cut() {
                return Err(DeviceError::Sync(Failure::NotOurHub));
            }
            if from == 0 {
                bytes.reserve_exact(usize::try_from(piece.size).unwrap_or(0));
            }
            bytes.extend_from_slice(&piece.bytes);
            if bytes.len() as u64 == piece.size {
                break;
            }
        }
        if ContentHash::of(&bytes) == *hash { Ok(bytes) } else { Err(DeviceError::WrongPhoto) }
    }

    fn prove_photo(&self, method: &str, hash: &ContentHash, from: Option<u64>) -> Result<Vec<u8>, DeviceError> {
        Ok(prove_path(wire::asked(method, hash, from).as_bytes(), &self.signing_key()?))
    }
}

/// What the engine orders of photos.
impl Phone {
    pub(crate) fn line_now(&self) -> Result<Input, DeviceError> {
        Ok(Input::Line { metered: self.is_metered(), photos_on_metered: self.photos_on_metered()? })
    }

    pub(crate) fn next_photo(&self, but: &[ContentHash]) -> Result<Input, Failure> {
        let next = self.read(|tx| {
            // Asked each time: what this run brought may name one again that was taken away here.
            let but: Vec<ContentHash> = but.iter().copied().chain(self.withheld_photos(tx)?).collect();
            Ok(tx.next_photo(&but)?)
        });
        let next = next.map_err(as_failure)?;
        Ok(Input::Photo(next.map(|photo| photo.hash)))
    }

    pub(crate) async fn ask_photo(
        &self,
        line: Option<&HubLine>,
        hash: &ContentHash,
        traffic: &mut Traffic,
    ) -> Result<Input, Failure> {
        let line = line.ok_or(Failure::Unreachable)?;
        let proof = self.prove_photo("HEAD", hash, None).map_err(as_failure)?;
        let (offset, cost) = line.photo_offset(hash, &proof).await?;
        *traffic += cost;
        Ok(Input::PhotoAt(offset))
    }

    pub(crate) async fn send_piece(
        &self,
        line: Option<&HubLine>,
        hash: &ContentHash,
        from: u64,
        traffic: &mut Traffic,
    ) -> Result<Input, Failure> {
        let line = line.ok_or(Failure::Unreachable)?;
        let piece = self.read(|tx| {
            let missing = || VaultError::Missing("a photo that was to be sent");
            let photo = tx.photo(hash)?.ok_or_else(missing)?;
            let bytes = tx.photo_bytes(hash, from, PIECE)?.ok_or_else(missing)?;
            Ok(PhotoPiece { size: photo.size, from, bytes: bytes.to_vec() })
        });
        let piece = piece.map_err(as_failure)?;
        let proof = self.prove_photo("PATCH", hash, None).map_err(as_failure)?;
        let (standing, cost) = line.send_photo(hash, &piece, &proof).await?;
        *traffic += cost;
        self.write(|tx| Ok(tx.mark_photo_sent(hash, standing.offset)?)).map_err(as_failure)?;
        let Some(receipt) = standing.receipt else { return Ok(Input::PhotoAt(standing.offset)) };
        let device = self.identity().device;
        let scope = PhotoScope { epoch: standing.epoch, device, hash: *hash, size: piece.size };
        if receipt.is_from(&self.identity().receipt_key, &scope) {
            Ok(Input::PhotoReceipted(receipt))
        } else {
            Err(Failure::NotOurHub)
        }
    }

    pub(crate) fn store_photo_receipt(&self, hash: &ContentHash, receipt: &PhotoReceipt) -> Result<Input, Failure> {
        self.write(|tx| Ok(tx.mark_photo_received(hash, receipt.at)?)).map_err(as_failure)?;
        self.changed();
        Ok(Input::PhotoStored)
    }
}
