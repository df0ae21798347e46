//! Statements that a device signs: what stands under the signature, and who may have made it.

use crate::ids::{ContentHash, DeviceId, StaffId};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why bytes are no valid statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    #[error("the confirmation cannot be read")]
    Unreadable,
    #[error("the signature does not fit the confirmed text: it was changed, or another key made it")]
    WrongSignature,
    #[error("the confirmation belongs to another note")]
    OtherNote,
}

/// A device's signing key and whose hand it was in. The hub's list of them is append-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValidity {
    pub device: DeviceId,
    pub staff: StaffId,
    pub key: Vec<u8>,
    pub from: Timestamp,
    /// Revoked since then.
    pub until: Option<Timestamp>,
}

/// What a signature is worth (AT-E4): receipt time against revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Valid,
    /// The right to sign had been taken back before the hub received it: kept, for a person to look at.
    Review,
    /// Signed by a known key; no hub has received it yet.
    Unreceipted,
    /// The key stands on no list here.
    UnknownKey,
    /// The signature does not fit the text, or the key was never that device's or that person's.
    Invalid,
}

/// Judges who signed and when it was received. That the signature fits the text is checked before.
pub fn judge(
    key: &[u8],
    device: DeviceId,
    staff: &StaffId,
    received: Option<Timestamp>,
    list: &[KeyValidity],
) -> Verdict {
    let Some(known) = list.iter().find(|known| known.device == device && known.key == key) else {
        return if list.iter().any(|known| known.device == device) { Verdict::Invalid } else { Verdict::UnknownKey };
    };
    match received {
        _ if known.staff != *staff => Verdict::Invalid,
        None => Verdict::Unreceipted,
        Some(received) if received < known.from => Verdict::Review,
        Some(received) if known.until.is_some_and(|until| until <= received) => Verdict::Review,
        Some(_) => Verdict::Valid,
    }
}

/// Signs a body under its purpose, so that one statement can never be taken for another.
pub(super) fn sign(purpose: &[u8], body: &[u8], key: &SigningKey) -> Vec<u8> {
    key.sign(&statement(purpose, body)).to_bytes().to_vec()
}

pub(super) fn check(purpose: &[u8], body: &[u8], key: &[u8], signature: &[u8]) -> Result<(), ConfirmationError> {
    let key = <[u8; 32]>::try_from(key).map_err(|_| ConfirmationError::Unreadable)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| ConfirmationError::Unreadable)?;
    let signature = Signature::from_slice(signature).map_err(|_| ConfirmationError::Unreadable)?;
    key.verify_strict(&statement(purpose, body), &signature).map_err(|_| ConfirmationError::WrongSignature)
}

fn statement(purpose: &[u8], body: &[u8]) -> Vec<u8> {
    [purpose, &ContentHash::of(body).0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_e4_a_signature_of_a_revoked_person_is_kept_for_review() -> Result<(), Box<dyn std::error::Error>> {
        let (device, staff): (DeviceId, StaffId) = (DeviceId([1; 8]), "nurse-a".parse()?);
        let at = |s| Timestamp::from_second(s).unwrap_or_default();
        let known = KeyValidity { device, staff: staff.clone(), key: vec![7], from: at(0), until: Some(at(100)) };
        let list = [known];
        let judged = |key: &[u8], received| judge(key, device, &staff, received, &list);
        assert_eq!(judged(&[7], Some(at(99))), Verdict::Valid);
        assert_eq!(judged(&[7], Some(at(100))), Verdict::Review);
        assert_eq!(judged(&[7], None), Verdict::Unreceipted);
        assert_eq!(judged(&[8], Some(at(9))), Verdict::Invalid);
        assert_eq!(judge(&[7], DeviceId([2; 8]), &staff, None, &list), Verdict::UnknownKey);
        assert_eq!(judge(&[7], device, &"nurse-b".parse()?, Some(at(9)), &list), Verdict::Invalid);
        Ok(())
    }
}
