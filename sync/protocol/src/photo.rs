//! Photos on the wire: named by their hash, carried in pieces of one size, so that a line that breaks costs one piece.
//!
//! `HEAD` tells how much the hub has, `PATCH` brings the next piece, `GET` gives one back. The last piece is answered with a
//! signed receipt; a hub that has everything already answers an empty piece at the end with it.

use crate::wire::Epoch;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use record::ids::{ContentHash, DeviceId};
use serde::{Deserialize, Serialize};

/// Bytes of a piece; the last one has what is left.
pub const PIECE: usize = 256 << 10;
/// Most bytes of a photo.
pub const SIZE_LIMIT: u64 = 8 << 20;
/// Where the answer to `HEAD` tells how many bytes the hub has.
pub const OFFSET_HEADER: &str = "tsutsuji-offset";

const PURPOSE: &[u8] = b"tsutsuji photo receipt v1";

/// A part of a photo, on its way up or down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoPiece {
    /// Of the whole photo.
    pub size: u64,
    /// Where in it the bytes begin: a multiple of [`PIECE`], or the end.
    pub from: u64,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// The answer to a piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoStanding {
    pub epoch: Epoch,
    /// Bytes that the hub has on its disk.
    pub offset: u64,
    /// Once it has them all, and they are what their name says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<PhotoReceipt>,
}

/// 受領証 of a photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoReceipt {
    /// When the hub had it whole, milliseconds since 1970.
    pub at: i64,
    #[serde(with = "serde_bytes")]
    pub signature: Vec<u8>,
}

/// Whose receipt it is, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoScope {
    pub epoch: Epoch,
    pub device: DeviceId,
    pub hash: ContentHash,
    pub size: u64,
}

impl PhotoPiece {
    /// Whether it is a piece as they are cut: from a boundary to the next, or to the end, or nothing at the end.
    pub fn is_well_cut(&self) -> bool {
        let begins_well = self.from == self.size || self.from.is_multiple_of(PIECE as u64);
        (1..=SIZE_LIMIT).contains(&self.size)
            && self.from <= self.size
            && begins_well
            && self.bytes.len() as u64 == piece_length(self.size, self.from)
    }
}

/// How long the piece at an offset is.
pub fn piece_length(size: u64, from: u64) -> u64 {
    size.saturating_sub(from).min(PIECE as u64)
}

pub fn path(hash: &ContentHash) -> String {
    format!("/v1/photos/{hash}")
}

/// What an unlock proof is made over: `HEAD /v1/photos/…`, `PATCH /v1/photos/…`, `GET /v1/photos/…?from=N`.
pub fn asked(method: &str, hash: &ContentHash, from: Option<u64>) -> String {
    match from {
        Some(from) => format!("{method} {}?from={from}", path(hash)),
        None => format!("{method} {}", path(hash)),
    }
}

impl PhotoReceipt {
    pub fn sign(key: &SigningKey, scope: &PhotoScope, at: i64) -> Self {
        Self { at, signature: key.sign(&statement(scope, at)).to_bytes().to_vec() }
    }

    /// Whether the hub that this device was enrolled at signed it, for this photo.
    pub fn is_from(&self, key: &[u8], scope: &PhotoScope) -> bool {
        let key = <[u8; 32]>::try_from(key).ok().and_then(|key| VerifyingKey::from_bytes(&key).ok());
        match (key, Signature::from_slice(&self.signature)) {
            (Some(key), Ok(signature)) => key.verify_strict(&statement(scope, self.at), &signature).is_ok(),
            _ => false,
        }
    }
}

fn statement(scope: &PhotoScope, at: i64) -> Vec<u8> {
    [PURPOSE, &scope.epoch.0.0, &scope.device.0, &scope.hash.0, &scope.size.to_be_bytes(), &at.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::DocumentId;

    fn piece(size: u64, from: u64, length: usize) -> PhotoPiece {
        PhotoPiece { size, from, bytes: vec![0; length] }
    }

    #[test]
    fn pieces_are_cut_at_the_same_places_by_everybody() {
        let whole = PIECE as u64;
        for (size, from, length) in [(10, 0, 10), (whole, 0, PIECE), (whole + 5, whole, 5), (10, 10, 0)] {
            assert!(piece(size, from, length).is_well_cut(), "{size} {from} {length}");
        }
        for (size, from, length) in [
            (0, 0, 0),
            (10, 0, 9),
            (10, 5, 5),
            (10, 11, 0),
            (whole + 5, 0, PIECE + 5),
            (whole + 5, whole, 4),
            (SIZE_LIMIT + 1, 0, PIECE),
            (u64::MAX, 0, PIECE),
        ] {
            assert!(!piece(size, from, length).is_well_cut(), "{size} {from} {length}");
        }
    }

    #[test]
    fn a_receipt_is_for_one_photo_of_one_device_at_one_hub() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = key.verifying_key().to_bytes();
        let scope = PhotoScope {
            epoch: Epoch(DocumentId([1; 16])),
            device: DeviceId([2; 8]),
            hash: ContentHash([3; 32]),
            size: 400_000,
        };
        let receipt = PhotoReceipt::sign(&key, &scope, 5);
        assert!(receipt.is_from(&public, &scope));
        for other in [
            PhotoScope { epoch: Epoch(DocumentId([9; 16])), ..scope },
            PhotoScope { device: DeviceId([9; 8]), ..scope },
            PhotoScope { hash: ContentHash([9; 32]), ..scope },
            PhotoScope { size: 9, ..scope },
        ] {
            assert!(!receipt.is_from(&public, &other));
        }
        assert!(!PhotoReceipt { at: 6, ..receipt.clone() }.is_from(&public, &scope));
        assert!(!receipt.is_from(&SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes(), &scope));
        assert!(!receipt.is_from(b"short", &scope));
    }

    #[test]
    fn a_proof_says_what_is_done_with_which_photo() {
        let hash = ContentHash([0xab; 32]);
        assert_eq!(asked("GET", &hash, Some(7)), format!("GET /v1/photos/{}?from=7", "ab".repeat(32)));
        assert_ne!(asked("HEAD", &hash, None), asked("PATCH", &hash, None));
    }
}
