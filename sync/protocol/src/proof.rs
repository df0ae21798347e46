//! 解錠の証 (unlock proof): a signature by a key that only the open vault holds, over what is asked.
//!
//! A locked phone keeps its TLS key, so that it can bring sealed copies; whoever takes that key out of it must not read the
//! station's records with it.

use crate::wire::SyncRequest;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

const PURPOSE: &[u8] = b"tsutsuji unlock v1";

/// `purpose ‖ 00 ‖ SHA-256(what is asked)`.
fn statement(asked: &[u8]) -> Vec<u8> {
    [PURPOSE, &[0], Sha256::digest(asked).as_slice()].concat()
}

/// What a sync asks, field by field: fields that a later version adds must not make an older hub think the phone locked.
fn asked(request: &SyncRequest) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + 40 * request.entries.len());
    out.extend_from_slice(&request.device.0);
    out.extend_from_slice(&request.series.0.0);
    out.extend_from_slice(&request.epoch.0.0);
    out.extend_from_slice(&request.cursor.n.to_be_bytes());
    out.extend_from_slice(&request.cursor.chain.0);
    out.extend_from_slice(&request.first_seq.to_be_bytes());
    for entry in &request.entries {
        out.extend_from_slice(&entry.seq.to_be_bytes());
        out.extend_from_slice(&entry.hash.0);
    }
    out
}

/// Puts the proof into a request that is complete otherwise.
pub fn prove(mut request: SyncRequest, key: &SigningKey) -> SyncRequest {
    request.proof = Some(prove_path(&asked(&request), key));
    request
}

/// Whether a request was made with the open vault.
pub fn is_proved(request: &SyncRequest, key: &[u8]) -> bool {
    request.proof.as_deref().is_some_and(|proof| is_path_proved(&asked(request), proof, key))
}

/// The same for a request without a body: over its path and query.
pub fn prove_path(asked: &[u8], key: &SigningKey) -> Vec<u8> {
    key.sign(&statement(asked)).to_bytes().to_vec()
}

pub fn is_path_proved(asked: &[u8], proof: &[u8], key: &[u8]) -> bool {
    let key = <[u8; 32]>::try_from(key).ok().and_then(|key| VerifyingKey::from_bytes(&key).ok());
    match (key, Signature::from_slice(proof)) {
        (Some(key), Ok(signature)) => key.verify_strict(&statement(asked), &signature).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Cursor, Epoch, Series};
    use record::{DeviceId, DocumentId, canonical};

    #[test]
    fn a_proof_fits_the_request_that_it_was_made_for_and_no_other() -> Result<(), canonical::CborError> {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = key.verifying_key().to_bytes();
        let request = SyncRequest {
            v: 1,
            device: DeviceId([1; 8]),
            series: Series(DocumentId([2; 16])),
            epoch: Epoch(DocumentId([3; 16])),
            cursor: Cursor::START,
            first_seq: 1,
            entries: Vec::new(),
            budget: 9,
            earlier: Vec::new(),
            want: Vec::new(),
            derives: false,
            digests: Vec::new(),
            proof: None,
        };
        assert!(!is_proved(&request, &public));
        let proved = prove(request, &key);
        assert!(is_proved(&proved, &public));
        // It travels.
        let bytes = canonical::to_bytes(&proved)?;
        assert!(is_proved(&canonical::from_bytes(&bytes)?, &public));
        assert!(!is_proved(&SyncRequest { first_seq: 10, ..proved.clone() }, &public));
        assert!(!is_proved(&proved, &SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes()));
        assert!(!is_proved(&SyncRequest { proof: Some(vec![0; 3]), ..proved }, &public));
        Ok(())
    }
}
