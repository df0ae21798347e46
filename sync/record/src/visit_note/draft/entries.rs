//! What leaves a document and what comes into it: changes, frozen into entries.

use super::{Draft, DraftError, RawChange, versions};
use crate::ids::{ChangeHash, ContentHash, DeviceId};
use crate::visit_note::changes::{self, ChangeError, Encoding, Incoming, IncomingChange};
use automerge::Change;
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Somebody's change, and on which device it was made.
pub struct MadeChange {
    pub device: DeviceId,
    /// Its maker's clock.
    pub at: Option<Timestamp>,
    pub change: RawChange,
}

/// One document's own changes, frozen for the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct NewEntry {
    pub encoding: Encoding,
    pub bytes: Vec<u8>,
    pub hash: ContentHash,
    /// Position of the last change in it.
    pub up_to: u64,
}

impl Draft {
    /// Takes changes from outside, one entry at a time. Ones whose parents are missing wait inside the document.
    ///
    /// After a refusal or a panic the document's inside is not trusted: every later call fails, the caller opens the
    /// stored one again.
    pub fn apply(&mut self, incoming: &Incoming) -> Result<(), DraftError> {
        let changes: Vec<Change> = incoming.changes().cloned().collect();
        match catch_unwind(AssertUnwindSafe(|| self.doc.apply_changes(changes))) {
            Ok(Ok(())) => Ok(()),
            _ => {
                self.broken = true;
                Err(ChangeError::Unreadable.into())
            }
        }
    }

    /// Whether every parent of these changes stands here or among them.
    pub fn has_parents_of(&self, incoming: &Incoming) -> bool {
        incoming
            .changes()
            .flat_map(|change| change.deps())
            .all(|parent| incoming.changes().any(|change| change.hash() == *parent) || self.holds(parent))
    }

    /// What this device wrote after `sent` and no earlier entry carries, as one entry.
    ///
    /// `sent` is the `up_to` of the last entry (0 before the first): a device's own changes stand in one causal chain, so
    /// one number tells them apart.
    pub fn entry_of(&mut self, device: DeviceId, sent: u64) -> Result<Option<NewEntry>, DraftError> {
        let all = changes::standing(&mut self.doc);
        let mut own: Vec<(u64, ChangeHash)> = all
            .iter()
            .filter(|change| change.device == Some(device) && change.position > sent)
            .map(|change| (change.position, change.hash()))
            .collect();
        own.sort_unstable();
        let Some((up_to, _)) = own.last().copied() else { return Ok(None) };
        let is_a_chain = own.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let hashes: Vec<ChangeHash> = own.into_iter().map(|(_, hash)| hash).collect();
        let (encoding, bytes) = changes::encode(&mut self.doc, &all, &hashes)?;
        // A copied phone wrote beside itself: changes without an order of their own are named in the one that the bytes have.
        let hash = match is_a_chain {
            true => changes::entry_hash(self.id, &hashes),
            false => changes::decode(self.id, self.form, encoding, &bytes)?.hash(self.id),
        };
        Ok(Some(NewEntry { encoding, bytes, hash, up_to }))
    }

    /// What people wrote on other devices than one, in causal order, each as it travels alone.
    pub fn changes_but_of(&mut self, device: DeviceId) -> Vec<MadeChange> {
        let mut made: Vec<IncomingChange> =
            self.doc.get_changes(&[]).into_iter().map(|change| IncomingChange { change }).collect();
        made.sort_by_key(IncomingChange::position);
        let theirs = made.into_iter().filter_map(|made| {
            let by = made.device().filter(|by| *by != device)?;
            let change = RawChange { hash: made.hash(), bytes: made.change.raw_bytes().to_vec() };
            Some(MadeChange { device: by, at: made.at(), change })
        });
        theirs.collect()
    }

    /// Some changes that stand here, as one entry; they are one device's.
    pub fn entry_with(&mut self, wanted: &[ChangeHash]) -> Result<NewEntry, DraftError> {
        let all = changes::standing(&mut self.doc);
        let (encoding, bytes) = changes::encode(&mut self.doc, &all, wanted)?;
        // Named in the order that the bytes have, as whoever reads them names it.
        let incoming = changes::decode(self.id, self.form, encoding, &bytes)?;
        let up_to = incoming.made().iter().map(IncomingChange::position).max().unwrap_or(0);
        Ok(NewEntry { encoding, bytes, hash: incoming.hash(self.id), up_to })
    }

    /// People's changes that a confirmation with these heads did not know.
    pub fn late_changes(&mut self, confirmed: &[ChangeHash]) -> Vec<IncomingChange> {
        let late = self.doc.get_changes(&versions(confirmed)).into_iter().map(|change| IncomingChange { change });
        late.filter(|change| change.device().is_some()).collect()
    }
}
