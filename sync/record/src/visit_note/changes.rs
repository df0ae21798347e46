//! A note's changes as bytes: the two encodings of the wire, and the hash that both share.
//!
//! What measured why: AUTOMERGE notes in ARCHITECTURE.md. A new document that holds only its root and our own changes
//! is smallest as one uncompressed document; a tail of a known document as a bundle.

use crate::ids::{ChangeHash, ContentHash, DeviceId, DocumentId};
use automerge::{AutoCommit, Change};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How an entry's bytes are written. Tags never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Encoding {
    /// A whole Automerge document with uncompressed columns (`save_nocompress`).
    Columns,
    /// An Automerge bundle of some changes.
    Bundle,
    /// Canonical CBOR: a confirmation, a record, a visit …
    Cbor,
}

impl From<Encoding> for u8 {
    fn from(encoding: Encoding) -> u8 {
        match encoding {
            Encoding::Columns => 1,
            Encoding::Bundle => 2,
            Encoding::Cbor => 3,
        }
    }
}

impl TryFrom<u8> for Encoding {
    type Error = ChangeError;
    fn try_from(tag: u8) -> Result<Self, ChangeError> {
        match tag {
            1 => Ok(Encoding::Columns),
            2 => Ok(Encoding::Bundle),
            3 => Ok(Encoding::Cbor),
            _ => Err(ChangeError::UnknownEncoding),
        }
    }
}

/// Why bytes are no changes of this document. Carries no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("the encoding is not known to this version")]
    UnknownEncoding,
    #[error("the bytes are no changes that Automerge can read")]
    Unreadable,
    #[error("the changes belong to another document")]
    OtherDocument,
    #[error("compressed documents are not taken from outside")]
    Compressed,
    #[error("more bytes than one entry may hold")]
    TooLarge,
    #[error("the hash of the entry does not match its changes")]
    WrongHash,
    #[error("the change was made by another device than the one that sent it")]
    OtherDevice,
}

/// Largest entry that is read, in bytes.
pub const ENTRY_LIMIT: usize = 1 << 20;

/// One change that came from outside, read and named but not yet applied.
#[derive(Clone)]
pub struct IncomingChange {
    pub(super) change: Change,
}

impl IncomingChange {
    pub fn hash(&self) -> ChangeHash {
        ChangeHash(self.change.hash().0)
    }

    /// The device that made it: the first eight bytes of its actor. `None` for a deterministic root or field change.
    pub fn device(&self) -> Option<DeviceId> {
        let actor = self.change.actor_id().to_bytes();
        if self.change.timestamp() == 0 && self.change.message().is_some() {
            return None;
        }
        <[u8; 8]>::try_from(actor.get(..8)?).ok().map(DeviceId)
    }

    /// The change in Automerge's own stable form, for storage.
    pub fn bytes(&self) -> &[u8] {
        self.change.raw_bytes()
    }

    /// Position in the causal order of its maker's changes.
    pub(super) fn position(&self) -> u64 {
        self.change.start_op().get()
    }
}

/// SHA-256 over the document id and the ordered change hashes: equal however the changes are encoded.
pub fn entry_hash(document: DocumentId, hashes: &[ChangeHash]) -> ContentHash {
    let mut sha = Sha256::new();
    sha.update(document.0);
    for hash in hashes {
        sha.update(hash.0);
    }
    ContentHash(sha.finalize().into())
}

/// Reads an entry's changes in causal order, root excluded. Nothing is applied; a panic of Automerge is an error here.
///
/// On a hub this runs in a worker process with limits, because a hang cannot be caught.
pub fn decode(document: DocumentId, encoding: Encoding, bytes: &[u8]) -> Result<Vec<IncomingChange>, ChangeError> {
    if bytes.len() > ENTRY_LIMIT {
        return Err(ChangeError::TooLarge);
    }
    let root = super::draft::root_change(document);
    let changes = catch_unwind(AssertUnwindSafe(|| match encoding {
        Encoding::Columns => read_columns(bytes),
        Encoding::Bundle => automerge::Bundle::try_from(bytes)
            .map_err(|_| ChangeError::Unreadable)
            .and_then(|bundle| bundle.to_changes().map_err(|_| ChangeError::Unreadable)),
        Encoding::Cbor => Err(ChangeError::UnknownEncoding),
    }))
    .unwrap_or(Err(ChangeError::Unreadable))?;
    let mut incoming = Vec::with_capacity(changes.len());
    for change in changes {
        if change.hash() == root.hash() {
            continue;
        }
        if change.deps().is_empty() {
            return Err(ChangeError::OtherDocument);
        }
        incoming.push(IncomingChange { change });
    }
    incoming.sort_by_key(IncomingChange::position);
    Ok(incoming)
}

/// Magic, checksum, chunk type 0 (document): the only chunk that may come as `Columns`.
fn read_columns(bytes: &[u8]) -> Result<Vec<Change>, ChangeError> {
    match bytes.get(8) {
        Some(0) => {}
        Some(2) => return Err(ChangeError::Compressed),
        _ => return Err(ChangeError::Unreadable),
    }
    AutoCommit::load(bytes).map_err(|_| ChangeError::Unreadable).map(|mut doc| doc.get_changes(&[]))
}

/// Writes some changes of a document as one entry.
pub(super) fn encode(doc: &mut AutoCommit, hashes: &[ChangeHash]) -> Result<(Encoding, Vec<u8>), ChangeError> {
    let all = doc.get_changes(&[]).len();
    if all == hashes.len() + 1 {
        return Ok((Encoding::Columns, doc.save_nocompress()));
    }
    let hashes = hashes.iter().map(|h| automerge::ChangeHash(h.0)).collect::<Vec<_>>();
    let bundle = doc.bundle(hashes).map_err(|_| ChangeError::Unreadable)?;
    Ok((Encoding::Bundle, bundle.bytes().to_vec()))
}
