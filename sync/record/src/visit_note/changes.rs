//! A note's changes as bytes: the two encodings of the wire, and the hash that both share.
//!
//! What measured why: AUTOMERGE notes in ARCHITECTURE.md. A new document that holds only its root and our own changes
//! is smallest as one uncompressed document; a tail of a known document as a bundle.

use super::draft::{field_hash, root_hash};
use crate::form::Form;
use crate::ids::{ChangeHash, ContentHash, DeviceId, DocumentId};
use automerge::{ActorId, AutoCommit, Change, ChangeMetadata};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
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
    #[error("a change without an author is not the one that every device makes alike")]
    NotDeterministic,
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
        if is_deterministic(&self.change) { None } else { device_behind(self.change.actor_id()) }
    }

    /// The changes it was made upon.
    pub fn parents(&self) -> Vec<ChangeHash> {
        self.change.deps().iter().map(|hash| ChangeHash(hash.0)).collect()
    }

    /// When its maker's clock says it was made.
    pub fn at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.change.timestamp()).ok()
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

/// An entry's changes, read and named but not yet applied.
#[derive(Clone)]
pub struct Incoming {
    /// What people wrote, in causal order.
    made: Vec<IncomingChange>,
    /// Deterministic field changes that came along.
    shared: Vec<Change>,
}

impl Incoming {
    /// The entry's hash: over what people wrote, however it was encoded and whatever came along.
    pub fn hash(&self, document: DocumentId) -> ContentHash {
        let hashes: Vec<ChangeHash> = self.made.iter().map(IncomingChange::hash).collect();
        entry_hash(document, &hashes)
    }

    /// Whether one device made all of it.
    pub fn is_by(&self, device: DeviceId) -> bool {
        self.made.iter().all(|change| change.device() == Some(device))
    }

    pub fn made(&self) -> &[IncomingChange] {
        &self.made
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.shared.iter().chain(self.made.iter().map(|made| &made.change))
    }
}

/// Reads an entry's changes, root excluded. Nothing is applied; a panic of Automerge is an error here.
///
/// On a hub this runs in a worker process with limits, because a hang cannot be caught.
pub fn decode(document: DocumentId, form: Form, encoding: Encoding, bytes: &[u8]) -> Result<Incoming, ChangeError> {
    if bytes.len() > ENTRY_LIMIT {
        return Err(ChangeError::TooLarge);
    }
    let changes = catch_unwind(AssertUnwindSafe(|| match encoding {
        Encoding::Columns => read_columns(bytes),
        Encoding::Bundle => automerge::Bundle::try_from(bytes)
            .map_err(|_| ChangeError::Unreadable)
            .and_then(|bundle| bundle.to_changes().map_err(|_| ChangeError::Unreadable)),
        Encoding::Cbor => Err(ChangeError::UnknownEncoding),
    }))
    .unwrap_or(Err(ChangeError::Unreadable))?;
    sort(document, form, changes)
}

/// What a whole document was made of, by name: enough to ask of it what is asked of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// What people wrote, in causal order.
    made: Vec<(ChangeHash, Option<DeviceId>)>,
}

impl Contents {
    /// As [`Incoming::hash`].
    pub fn hash(&self, document: DocumentId) -> ContentHash {
        let hashes: Vec<ChangeHash> = self.made.iter().map(|(hash, _)| *hash).collect();
        entry_hash(document, &hashes)
    }

    /// As [`Incoming::is_by`].
    pub fn is_by(&self, device: DeviceId) -> bool {
        self.made.iter().all(|(_, by)| *by == Some(device))
    }

    /// Whether nobody wrote anything.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }
}

/// Lists a document that was loaded. Its changes were made out of it once, to find their hashes, and are not made again.
pub(super) fn contents(document: DocumentId, form: Form, doc: &mut AutoCommit) -> Result<Contents, ChangeError> {
    let mut made = Vec::new();
    for change in doc.get_changes_meta(&[]) {
        let begins = change.deps.is_empty();
        let part =
            part(document, form, change.hash, begins, shared_message(change.timestamp, change.message.as_deref()))?;
        if part == Part::Made {
            made.push((change.start_op, ChangeHash(change.hash.0), device_behind(&change.actor)));
        }
    }
    made.sort_by_key(|(position, ..)| *position);
    Ok(Contents { made: made.into_iter().map(|(_, hash, by)| (hash, by)).collect() })
}

/// What people wrote and what every device makes alike.
fn sort(document: DocumentId, form: Form, changes: Vec<Change>) -> Result<Incoming, ChangeError> {
    let mut incoming = Incoming { made: Vec::with_capacity(changes.len()), shared: Vec::new() };
    for change in changes {
        match part(document, form, change.hash(), change.deps().is_empty(), message_of(&change))? {
            Part::Root => {}
            Part::Shared => incoming.shared.push(change),
            Part::Made => incoming.made.push(IncomingChange { change }),
        }
    }
    incoming.made.sort_by_key(IncomingChange::position);
    Ok(incoming)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Root,
    Shared,
    Made,
}

/// Which part of a document a change is; anything else belongs to another document. `shared`: the message of one that every
/// device makes alike.
fn part(
    document: DocumentId,
    form: Form,
    hash: automerge::ChangeHash,
    begins: bool,
    shared: Option<&str>,
) -> Result<Part, ChangeError> {
    match shared {
        _ if begins && hash == root_hash(document, form) => Ok(Part::Root),
        _ if begins => Err(ChangeError::OtherDocument),
        Some(message) => check_deterministic(document, form, hash, message).map(|()| Part::Shared),
        None => Ok(Part::Made),
    }
}

/// Reads changes that travelled one by one (sealed copies). Field changes that they stand on are made again.
pub fn decode_singly(document: DocumentId, form: Form, raw: &[Vec<u8>]) -> Result<Incoming, ChangeError> {
    let mut incoming = Incoming { made: Vec::with_capacity(raw.len()), shared: Vec::new() };
    for bytes in raw {
        if bytes.len() > ENTRY_LIMIT {
            return Err(ChangeError::TooLarge);
        }
        let read = catch_unwind(AssertUnwindSafe(|| Change::from_bytes(bytes.clone())));
        let change = read.ok().and_then(Result::ok).ok_or(ChangeError::Unreadable)?;
        if change.deps().is_empty() {
            return Err(ChangeError::OtherDocument);
        }
        incoming.made.push(IncomingChange { change });
    }
    incoming.made.sort_by_key(IncomingChange::position);
    let parents: HashSet<automerge::ChangeHash> =
        incoming.made.iter().flat_map(|made| made.change.deps().to_vec()).collect();
    for field in form.fields().iter().filter(|f| f.is_text() && form.root_texts().iter().all(|r| r.name != f.name)) {
        if parents.contains(&field_hash(document, form, field.name)) {
            incoming.shared.push(super::draft::field_change(document, form, field.name));
        }
    }
    Ok(incoming)
}

/// The same of a change that stands in a document.
pub(super) fn device_of(change: &ChangeMetadata<'_>) -> Option<DeviceId> {
    match shared_message(change.timestamp, change.message.as_deref()) {
        Some(_) => None,
        None => device_behind(&change.actor),
    }
}

fn device_behind(actor: &ActorId) -> Option<DeviceId> {
    <[u8; 8]>::try_from(actor.to_bytes().get(..8)?).ok().map(DeviceId)
}

fn is_deterministic(change: &Change) -> bool {
    message_of(change).is_some()
}

fn message_of(change: &Change) -> Option<&str> {
    shared_message(change.timestamp(), change.message())
}

/// What says that every device makes a change alike: a message, and no time.
fn shared_message(seconds: i64, message: Option<&str>) -> Option<&str> {
    message.filter(|_| seconds == 0)
}

/// A field change of any version, ours or newer, is made again from its name and must come out alike.
fn check_deterministic(
    document: DocumentId,
    form: Form,
    hash: automerge::ChangeHash,
    message: &str,
) -> Result<(), ChangeError> {
    let name = message.strip_prefix(super::draft::FIELD_MESSAGE).ok_or(ChangeError::NotDeterministic)?;
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_'));
    if fits && field_hash(document, form, name) == hash { Ok(()) } else { Err(ChangeError::NotDeterministic) }
}

fn read_columns(bytes: &[u8]) -> Result<Vec<Change>, ChangeError> {
    Ok(load_columns(bytes)?.get_changes(&[]))
}

/// Magic, checksum, chunk type 0 (document): the only chunk that may come as `Columns`.
pub(super) fn load_columns(bytes: &[u8]) -> Result<AutoCommit, ChangeError> {
    match bytes.get(8) {
        Some(0) => {}
        Some(2) => return Err(ChangeError::Compressed),
        _ => return Err(ChangeError::Unreadable),
    }
    let options = automerge::LoadOptions::new().text_encoding(automerge::TextEncoding::UnicodeCodePoint);
    AutoCommit::load_with_options(bytes, options).map_err(|_| ChangeError::Unreadable)
}

/// A change that stands in a document, by name: nothing is made again out of the document for it.
pub(super) struct Standing {
    hash: automerge::ChangeHash,
    parents: Vec<automerge::ChangeHash>,
    pub position: u64,
    /// `None`: every device makes it alike.
    pub device: Option<DeviceId>,
    is_shared: bool,
}

impl Standing {
    pub fn hash(&self) -> ChangeHash {
        ChangeHash(self.hash.0)
    }
}

/// Every change of a document.
pub(super) fn standing(doc: &mut AutoCommit) -> Vec<Standing> {
    let of = |change: ChangeMetadata<'_>| Standing {
        device: device_of(&change),
        is_shared: shared_message(change.timestamp, change.message.as_deref()).is_some(),
        hash: change.hash,
        position: change.start_op,
        parents: change.deps,
    };
    doc.get_changes_meta(&[]).into_iter().map(of).collect()
}

/// Writes some changes of a document as one entry, with the field changes they stand on. `all`: every change of the document.
/// What comes out as `Encoding::Columns` is the whole document.
pub(super) fn encode(
    doc: &mut AutoCommit,
    all: &[Standing],
    hashes: &[ChangeHash],
) -> Result<(Encoding, Vec<u8>), ChangeError> {
    let wanted: HashSet<automerge::ChangeHash> = hashes.iter().map(|h| automerge::ChangeHash(h.0)).collect();
    if all.iter().all(|change| wanted.contains(&change.hash) || change.is_shared) {
        return Ok((Encoding::Columns, doc.save_nocompress()));
    }
    let parents: HashSet<automerge::ChangeHash> =
        all.iter().filter(|change| wanted.contains(&change.hash)).flat_map(|c| c.parents.iter().copied()).collect();
    let along = all.iter().filter(|c| c.is_shared && !c.parents.is_empty() && parents.contains(&c.hash));
    let hashes: Vec<automerge::ChangeHash> = along.map(|c| c.hash).chain(wanted.iter().copied()).collect();
    let bundle = doc.bundle(hashes).map_err(|_| ChangeError::Unreadable)?;
    Ok((Encoding::Bundle, bundle.bytes().to_vec()))
}
