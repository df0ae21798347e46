//! `/v1/photos/{hash}`: `HEAD` says how much of a photo is here, `PATCH` takes the next piece, `GET` gives one.
//!
//! A photo is the station's whose device brings it. Only a station whose note names it gets it back.

use super::{Hub, PeerCertificate, Refused, answer, blocking, device};
use crate::error::HubError;
use crate::photo_folder::PhotoFolder;
use crate::store::{DeviceRow, PhotoRow, PhotoTag, Tx, Who};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::codec;
use protocol::photo::{OFFSET_HEADER, PIECE, PhotoScope, asked};
use protocol::proof::is_path_proved;
use protocol::{PhotoPiece, PhotoReceipt, PhotoStanding, RefusalCode};
use record::ContentHash;
use serde::Deserialize;

/// A piece and what is said of it. A photo is packed already: it hardly shrinks, and never grows by more than this.
pub(super) const BODY: usize = PIECE + (16 << 10);

/// The unlock proof of a request whose body has no place for it, in hexadecimal.
const PROOF: &str = "tsutsuji-proof";

#[derive(Deserialize)]
pub struct Begin {
    #[serde(default)]
    from: u64,
}

pub async fn stands(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let offset = blocking(move || {
        let (device, hash) = who(&hub, peer, "HEAD", &hash, None, &headers)?;
        let folder = PhotoFolder::in_data(hub.store.data(), hub.store.keys());
        let row = hub.store.read(|tx| here(tx, &folder, &tx.photo_tag(&device.station, &hash)))?;
        Ok(row.map_or(0, |row| row.offset))
    })
    .await?;
    Ok((StatusCode::OK, [(OFFSET_HEADER, offset.to_string())]).into_response())
}

pub async fn append(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let standing = blocking(move || {
        let (device, hash) = who(&hub, peer, "PATCH", &hash, None, &headers)?;
        let piece: PhotoPiece = codec::decode_within(&body, BODY).map_err(|_| RefusalCode::Garbled)?;
        if !piece.is_well_cut() {
            return Err(RefusalCode::Garbled.into());
        }
        take(&hub, &device, &hash, &piece)
    })
    .await?;
    Ok(answer(StatusCode::OK, &standing))
}

pub async fn piece(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    Path(hash): Path<String>,
    Query(Begin { from }): Query<Begin>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let piece = blocking(move || {
        let (device, hash) = who(&hub, peer, "GET", &hash, Some(from), &headers)?;
        give(&hub, peer, &device, &hash, from)
    })
    .await?;
    Ok(answer(StatusCode::OK, &piece))
}

/// The device that asks with its vault open, and what it asks for.
fn who(
    hub: &Hub,
    peer: PeerCertificate,
    method: &str,
    hash: &str,
    from: Option<u64>,
    headers: &HeaderMap,
) -> Result<(DeviceRow, ContentHash), Refused> {
    let device = device(&hub.store, peer)?;
    let hash: ContentHash = hash.parse().map_err(|_| RefusalCode::Garbled)?;
    let proof = headers.get(PROOF).and_then(|value| value.to_str().ok()).and_then(from_hex).unwrap_or_default();
    if is_path_proved(asked(method, &hash, from).as_bytes(), &proof, &device.signing_key) {
        Ok((device, hash))
    } else {
        Err(RefusalCode::Locked.into())
    }
}

/// What is known of a photo, if the folder has as much of it: nothing is receipted that is not there.
fn here(tx: &Tx<'_>, folder: &PhotoFolder<'_>, tag: &PhotoTag) -> Result<Option<PhotoRow>, HubError> {
    Ok(tx.photo(tag)?.filter(|row| folder.holds(tag, row.offset)))
}

/// Takes a piece. The file is on the disk before the row says so; the row's lock keeps two phones from writing one file.
fn take(hub: &Hub, device: &DeviceRow, hash: &ContentHash, piece: &PhotoPiece) -> Result<PhotoStanding, Refused> {
    let folder = PhotoFolder::in_data(hub.store.data(), hub.store.keys());
    let standing = hub.store.write(|tx| {
        let tag = tx.photo_tag(&device.station, hash);
        let known = here(tx, &folder, &tag)?.filter(|row| row.size == piece.size || row.received_at.is_some());
        let mut row = known.unwrap_or(PhotoRow { size: piece.size, offset: 0, received_at: None });
        if row.received_at.is_some() && row.size != piece.size {
            // Whole here with another size: what is offered cannot be these bytes.
            return Ok(Err(RefusalCode::WrongHash));
        }
        // Anything but the next piece is answered with where the next one begins.
        if row.received_at.is_none() && piece.from == row.offset && !piece.bytes.is_empty() {
            folder.write(&tag, piece.from, &piece.bytes)?;
            row.offset += piece.bytes.len() as u64;
        }
        if row.received_at.is_none() && row.offset == row.size {
            // A piece that does not open any more is no better than a wrong one: all of it comes again.
            let whole = match folder.read_whole(&tag, row.size) {
                Err(HubError::Damaged { .. }) => None,
                other => Some(other?),
            };
            if whole.is_none_or(|bytes| ContentHash::of(&bytes) != *hash) {
                folder.remove(&tag)?;
                tx.forget_photo(&tag)?;
                tx.audit(&Who::Device(device.device), "photo_refused", None, "wrong hash")?;
                return Ok(Err(RefusalCode::WrongHash));
            }
            row.received_at = Some(tx.receipt_time()?);
            // What of it came sealed before is here now.
            tx.let_pieces_go(&tag)?;
            tx.audit(&Who::Device(device.device), "photo", None, &format!("received {} bytes", row.size))?;
        }
        tx.put_photo(&tag, (&device.station, device.device), &row)?;
        standing(tx, device, hash, &row).map(Ok)
    })?;
    standing.map_err(Refused::from)
}

fn standing(tx: &Tx<'_>, device: &DeviceRow, hash: &ContentHash, row: &PhotoRow) -> Result<PhotoStanding, HubError> {
    let scope = PhotoScope { epoch: tx.epoch()?, device: device.device, hash: *hash, size: row.size };
    let receipt = row.received_at.map(|at| PhotoReceipt::sign(&tx.keys.receipt, &scope, at));
    Ok(PhotoStanding { epoch: scope.epoch, offset: row.offset, receipt })
}

/// Gives a piece to a station whose note names the photo. Whoever has no such note hears no more than that.
fn give(
    hub: &Hub,
    peer: PeerCertificate,
    device: &DeviceRow,
    hash: &ContentHash,
    from: u64,
) -> Result<PhotoPiece, Refused> {
    let folder = PhotoFolder::in_data(hub.store.data(), hub.store.keys());
    // Whoever is late with his certificate brings, and reads nothing.
    let certificate = peer.0.ok_or(RefusalCode::NoCertificate)?;
    if hub.store.read(|tx| tx.is_over(certificate))? {
        return Err(RefusalCode::Expired.into());
    }
    let found = hub.store.write(|tx| {
        let tag = tx.photo_tag(&device.station, hash);
        let (named, row) = (tx.note_of_photo(&tag)?, here(tx, &folder, &tag)?);
        let owner = named.map(|doc| tx.note_owner(doc)).transpose()?.flatten();
        let row = row.filter(|row| row.received_at.is_some());
        let (Some(doc), Some((station, patient)), Some(row)) = (named, owner, row) else {
            tx.audit(&Who::Device(device.device), "view_refused", None, "photo")?;
            return Ok(None);
        };
        let mut reader = tx.tell_standings(&device.station, &device.staff)?;
        if station != device.station || !reader.lets_note(tx, &station, &patient, doc)? {
            tx.audit(&Who::Device(device.device), "view_refused", None, "photo")?;
            return Ok(None);
        }
        if from == 0 {
            tx.audit(&Who::Device(device.device), "view_photo", Some(&patient), &doc.to_string())?;
        }
        Ok(Some((tag, row)))
    })?;
    let (tag, row) = found.ok_or(RefusalCode::UnknownPhoto)?;
    if from >= row.size || !from.is_multiple_of(PIECE as u64) {
        return Err(RefusalCode::Garbled.into());
    }
    Ok(PhotoPiece { size: row.size, from, bytes: folder.read(&tag, row.size, from)? })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
