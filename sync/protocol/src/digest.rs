//! 照合 (digest): one hash a patient over what stands on both sides. What a phone has lost is noticed by it, and fetched again.

use record::ids::{ChangeHash, ContentHash, DocumentId, PatientId};
use serde::{Deserialize, Serialize};

/// Most patients in one request.
pub const DIGESTS_LIMIT: usize = 5_000;
/// Of a hash: enough to notice an accident, which is all that it is for.
const LENGTH: usize = 8;

/// What a phone holds of one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub patient: PatientId,
    #[serde(with = "serde_bytes")]
    pub hash: Vec<u8>,
}

/// Most documents in one request.
pub const HOLDINGS_LIMIT: usize = 500;

/// What a phone holds of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub doc: DocumentId,
    /// A tally of this document alone.
    #[serde(with = "serde_bytes")]
    pub hash: Vec<u8>,
}

/// Adds up one patient's documents and what was said about them, in any order, each as often as one likes.
#[derive(Default)]
pub struct Tally(Vec<Vec<u8>>);

impl Tally {
    pub fn document(&mut self, doc: DocumentId, version: ContentHash) {
        self.add(1, doc, version);
    }

    /// A confirmation or an act, by the hash of its entry.
    pub fn statement(&mut self, doc: DocumentId, hash: ContentHash) {
        self.add(2, doc, hash);
    }

    fn add(&mut self, what: u8, doc: DocumentId, hash: ContentHash) {
        self.0.push([&[what][..], &doc.0, &hash.0].concat());
    }

    pub fn hash(mut self) -> Vec<u8> {
        self.0.sort_unstable();
        self.0.dedup();
        let all = [&b"tsutsuji digest v1\0"[..], &self.0.concat()].concat();
        ContentHash::of(&all).0[..LENGTH].to_vec()
    }
}

/// The version that a document stands at: SHA-256 over its heads, sorted.
pub fn version_of(heads: &[ChangeHash]) -> ContentHash {
    let mut sorted: Vec<[u8; 32]> = heads.iter().map(|head| head.0).collect();
    sorted.sort_unstable();
    ContentHash::of(&sorted.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: DocumentId = DocumentId([9; 16]);

    fn tally(lines: &[(bool, u8)]) -> Vec<u8> {
        let mut tally = Tally::default();
        for (is_document, hash) in lines {
            match is_document {
                true => tally.document(NOTE, ContentHash([*hash; 32])),
                false => tally.statement(NOTE, ContentHash([*hash; 32])),
            }
        }
        tally.hash()
    }

    #[test]
    fn a_digest_knows_no_order_and_no_repeats_but_every_loss() {
        let whole = tally(&[(true, 1), (false, 2), (false, 3)]);
        assert_eq!(whole.len(), LENGTH);
        assert_eq!(whole, tally(&[(false, 3), (true, 1), (false, 2), (false, 3)]));
        for less in [&[(true, 1), (false, 2)][..], &[(false, 2), (false, 3)], &[(true, 2), (false, 2), (false, 3)], &[]]
        {
            assert_ne!(whole, tally(less));
        }
        // A document is never taken for a statement.
        assert_ne!(tally(&[(true, 1)]), tally(&[(false, 1)]));
    }

    #[test]
    fn a_version_knows_no_order_of_heads() {
        let (one, other) = (ChangeHash([1; 32]), ChangeHash([2; 32]));
        assert_eq!(version_of(&[one, other]), version_of(&[other, one]));
        assert_ne!(version_of(&[one]), version_of(&[one, other]));
    }
}
