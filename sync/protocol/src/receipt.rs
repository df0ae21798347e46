//! 受領証: the hub signs which entries it has on disk, and since when.

use crate::wire::{Epoch, Series};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use record::ids::{ContentHash, DeviceId};
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "tsutsuji receipt v1";

/// Hub-signed list of (number, hub time); the hashes stand in the signed statement, and the device knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub items: Vec<ReceiptItem>,
    #[serde(with = "serde_bytes")]
    pub signature: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptItem {
    pub seq: u64,
    /// When the hub had it on disk, milliseconds since 1970.
    pub at: i64,
}

/// Whose receipt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptScope {
    pub epoch: Epoch,
    pub device: DeviceId,
    pub series: Series,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("the receipt is not signed by the hub that this device was enrolled at")]
    WrongSignature,
    #[error("the receipt names an entry that this device did not offer")]
    UnknownEntry,
}

fn statement(scope: &ReceiptScope, items: &[(ReceiptItem, ContentHash)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(PURPOSE.as_bytes());
    out.extend_from_slice(&scope.epoch.0.0);
    out.extend_from_slice(&scope.device.0);
    out.extend_from_slice(&scope.series.0.0);
    for (item, hash) in items {
        out.extend_from_slice(&item.seq.to_be_bytes());
        out.extend_from_slice(&item.at.to_be_bytes());
        out.extend_from_slice(&hash.0);
    }
    out
}

impl Receipt {
    pub fn sign(key: &SigningKey, scope: &ReceiptScope, items: &[(ReceiptItem, ContentHash)]) -> Receipt {
        Receipt {
            items: items.iter().map(|(item, _)| *item).collect(),
            signature: key.sign(&statement(scope, items)).to_bytes().to_vec(),
        }
    }

    /// Checks the signature. `hash_of` says what the device sent under a number.
    pub fn verify(
        &self,
        key: &[u8; 32],
        scope: &ReceiptScope,
        hash_of: impl Fn(u64) -> Option<ContentHash>,
    ) -> Result<(), ReceiptError> {
        let items = self
            .items
            .iter()
            .map(|item| hash_of(item.seq).map(|hash| (*item, hash)).ok_or(ReceiptError::UnknownEntry))
            .collect::<Result<Vec<_>, _>>()?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| ReceiptError::WrongSignature)?;
        let signature = Signature::from_slice(&self.signature).map_err(|_| ReceiptError::WrongSignature)?;
        key.verify_strict(&statement(scope, &items), &signature).map_err(|_| ReceiptError::WrongSignature)
    }
}
