//! 中継 (relay): after the hub was put back, what this phone holds of others' words and the hub has lost.
//!
//! Own words go again by their entries, those of a series that was left by new ones. Others' may stand nowhere but here: they are
//! asked about once an epoch, brought where the hub has something else, and stay on this phone until they are there durably
//! (law 5).

use protocol::Holding;
use record::DocumentId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where that stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// To be asked about.
    ask: BTreeSet<DocumentId>,
    /// The hub has something else: to be brought.
    bring: BTreeSet<DocumentId>,
    /// Receipted in this epoch.
    brought: Vec<Brought>,
    /// The hub had no room for them: brought once a digest differs again.
    #[serde(default)]
    full: BTreeSet<DocumentId>,
    /// The hub takes nothing more in this epoch.
    #[serde(default)]
    over: bool,
}

/// A document that was brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Brought {
    doc: DocumentId,
    /// As it stood here.
    #[serde(with = "serde_bytes")]
    hash: Vec<u8>,
    /// Hub time of the receipt, milliseconds.
    at: i64,
}

/// What of all that the hub received is durable there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// It has one disk: what it received before a moment of its clock, long ago.
    OneDisk { received_before: i64 },
    /// It makes backups: what it received before the last entry of this device that stands in one. No time makes up for a backup
    /// that is not made; `None`: no entry stands in one, or nothing is known, and nothing is.
    Backups { last: Option<i64> },
}

impl Durable {
    pub(crate) fn holds(&self, received_at: i64) -> bool {
        match self {
            Self::OneDisk { received_before } => received_at < *received_before,
            Self::Backups { last } => last.is_some_and(|last| received_at < last),
        }
    }
}

impl Relay {
    /// A new epoch: everything that stands here is asked about, whatever was said before.
    pub fn begin(docs: impl IntoIterator<Item = DocumentId>) -> Self {
        Self { ask: docs.into_iter().collect(), ..Self::default() }
    }

    /// A digest differed: the hub may lack something of these.
    pub fn doubt(&mut self, docs: impl IntoIterator<Item = DocumentId>) {
        if self.over {
            return;
        }
        for doc in docs {
            self.full.remove(&doc);
            self.ask.insert(doc);
        }
    }

    /// The hub has no room for a document now: it stays here, and keeps no other from being brought.
    pub fn put_off(&mut self, doc: DocumentId) {
        self.bring.remove(&doc);
        self.full.insert(doc);
    }

    /// The hub takes nothing that is relayed, and will not until it is put back again. What was brought is kept as before.
    pub fn end(&mut self) {
        self.ask.clear();
        self.bring.clear();
        self.full.clear();
        self.over = true;
    }

    pub fn is_due(&self) -> bool {
        !self.ask.is_empty() || !self.bring.is_empty()
    }

    /// Which are asked about next.
    pub fn to_ask(&self, most: usize) -> Vec<DocumentId> {
        self.ask.iter().take(most).copied().collect()
    }

    /// Which are brought, in this order.
    pub fn to_bring(&self) -> Vec<DocumentId> {
        self.bring.iter().copied().collect()
    }

    /// Whether the document was brought in this epoch, and as it stands: once is enough, whatever a person does about it there.
    pub fn was_brought(&self, doc: DocumentId, hash: &[u8]) -> bool {
        self.brought.iter().any(|brought| brought.doc == doc && brought.hash == hash)
    }

    /// There is nothing to ask about it, or to bring of it.
    pub fn leave_out(&mut self, doc: DocumentId) {
        self.ask.remove(&doc);
        self.bring.remove(&doc);
        self.full.remove(&doc);
    }

    /// What the hub said of documents that it was asked about.
    pub fn answered(&mut self, asked: &[Holding], lacks: &[DocumentId]) {
        for held in asked {
            self.ask.remove(&held.doc);
            if lacks.contains(&held.doc) && !self.was_brought(held.doc, &held.hash) {
                self.bring.insert(held.doc);
            }
        }
    }

    /// All of a document is on the hub's disk, as it stood here.
    pub fn receipted(&mut self, doc: DocumentId, hash: Vec<u8>, at: i64) {
        self.bring.remove(&doc);
        self.brought.retain(|brought| brought.doc != doc);
        self.brought.push(Brought { doc, hash, at });
    }

    /// Whether a document must stay here (law 5): the hub may lack it, or does not hold it durably. What is relayed stands in no
    /// entry: it is as durable as an entry that the hub received after it.
    pub fn keeps(&self, doc: DocumentId, durable: Durable) -> bool {
        self.ask.contains(&doc)
            || self.bring.contains(&doc)
            || self.brought.iter().any(|brought| brought.doc == doc && !durable.holds(brought.at))
            || self.full.contains(&doc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: DocumentId = DocumentId([1; 16]);
    const B: DocumentId = DocumentId([2; 16]);
    const C: DocumentId = DocumentId([3; 16]);

    fn held(doc: DocumentId, hash: u8) -> Holding {
        Holding { doc, hash: vec![hash; 8] }
    }

    #[test]
    fn what_the_hub_has_is_not_brought_and_what_it_lacks_is_brought_once() {
        let mut relay = Relay::begin([C, A, B]);
        assert_eq!(relay.to_ask(2), [A, B]);
        relay.answered(&[held(A, 1), held(B, 1)], &[B]);
        assert_eq!((relay.to_ask(9), relay.to_bring()), (vec![C], vec![B]));
        // What nobody asked about is not believed.
        relay.answered(&[held(C, 1)], &[A]);
        relay.receipted(B, vec![1; 8], 50);
        assert!(!relay.is_due());
        // A person has not let it in yet, and the digest differs the next day: the same is not brought again, more is.
        relay.doubt([B]);
        assert!(relay.is_due() && relay.was_brought(B, &[1; 8]));
        relay.answered(&[held(B, 1)], &[B]);
        assert!(!relay.is_due());
        relay.doubt([B]);
        relay.answered(&[held(B, 2)], &[B]);
        assert_eq!(relay.to_bring(), [B]);
        // Put back once more: nothing that was said counts.
        let again = Relay::begin([B]);
        assert!(!again.was_brought(B, &[1; 8]) && again.to_ask(9) == [B]);
    }

    const NOTHING: Durable = Durable::Backups { last: None };

    #[test]
    fn a_document_stays_until_the_hub_has_it_durably() {
        let (later, long_after) = (Durable::Backups { last: Some(501) }, Durable::OneDisk { received_before: 501 });
        let mut relay = Relay::begin([A, B]);
        assert!(relay.keeps(A, later) && relay.keeps(A, long_after) && !relay.keeps(C, NOTHING));
        relay.answered(&[held(A, 1), held(B, 1)], &[B]);
        assert!(!relay.keeps(A, NOTHING), "the hub has the same");
        assert!(relay.keeps(B, later) && relay.keeps(B, long_after));
        relay.receipted(B, vec![1; 8], 500);
        assert!(!relay.keeps(B, later), "something that came later stands in a backup");
        assert!(!relay.keeps(B, long_after), "long enough on one disk");
        assert!(relay.keeps(B, Durable::OneDisk { received_before: 500 }));
    }

    #[test]
    fn where_backups_are_made_no_time_makes_up_for_one_that_is_not() {
        let mut relay = Relay::default();
        relay.receipted(B, vec![1; 8], 500);
        assert!(relay.keeps(B, Durable::Backups { last: Some(500) }), "the last one was made before it came");
        assert!(relay.keeps(B, NOTHING), "who wrote nothing since knows of no backup after it");
    }

    #[test]
    fn what_the_hub_has_no_room_for_stays_and_is_asked_about_when_a_digest_differs_again() {
        let mut relay = Relay::begin([A, B]);
        relay.answered(&[held(A, 1), held(B, 1)], &[A, B]);
        relay.put_off(A);
        assert_eq!(relay.to_bring(), [B], "the next one is brought");
        relay.leave_out(B);
        assert!(!relay.is_due() && relay.keeps(A, NOTHING));
        relay.doubt([A]);
        assert_eq!(relay.to_ask(9), [A]);
        relay.answered(&[held(A, 1)], &[]);
        assert!(!relay.keeps(A, NOTHING), "it came from somebody else meanwhile");
    }

    #[test]
    fn a_hub_that_takes_nothing_is_asked_no_more_until_it_is_put_back_again() {
        let mut relay = Relay::begin([A, B, C]);
        relay.answered(&[held(A, 1), held(B, 1)], &[A, B]);
        relay.receipted(A, vec![1; 8], 500);
        relay.end();
        relay.doubt([B, C]);
        assert!(!relay.is_due() && relay.to_ask(9).is_empty() && relay.to_bring().is_empty());
        assert!(relay.keeps(A, NOTHING) && !relay.keeps(B, NOTHING));
        assert!(Relay::begin([B]).is_due());
    }

    #[test]
    fn what_has_left_or_cannot_be_read_is_asked_about_no_more() {
        let mut relay = Relay::begin([A]);
        relay.leave_out(A);
        assert!(!relay.is_due() && !relay.keeps(A, NOTHING));
    }
}
