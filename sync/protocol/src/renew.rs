//! 証明書の更新: a new certificate for the same keys, before the old one is over or after.

use crate::proof::{is_path_proved, prove_path};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

/// From when until when a certificate counts, by the hub's clock, milliseconds since 1970. The certificate itself says that it
/// began in 2020: no clock that is wrong refuses a sync (law 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    pub from: i64,
    pub until: i64,
}

impl Validity {
    /// Of every certificate that was given before hubs said how long theirs count: 2020 to 2036.
    pub const FIRST: Validity = Validity { from: 1_577_836_800_000, until: 2_082_758_400_000 };

    /// Its holder may bring and renew, and reads nothing.
    pub fn is_over(self, hub_time: i64) -> bool {
        hub_time >= self.until
    }

    /// Less than a third of it is left.
    pub fn is_due(self, hub_time: i64) -> bool {
        let left = i128::from(self.until) - i128::from(hub_time);
        left * 3 < i128::from(self.until) - i128::from(self.from)
    }
}

/// `POST /v1/renew`, over TLS with the old certificate.
#[derive(Clone, Serialize, Deserialize)]
pub struct RenewRequest {
    pub v: u16,
    /// PKCS#10, DER, by the TLS key that the old certificate names.
    #[serde(with = "serde_bytes")]
    pub csr: Vec<u8>,
    /// Unlock proof over the path and the CSR: whoever took the TLS key out of a locked phone does not prolong it.
    #[serde(with = "serde_bytes")]
    pub proof: Vec<u8>,
}

impl RenewRequest {
    pub fn prove(csr: Vec<u8>, key: &SigningKey) -> Self {
        let proof = prove_path(&asked(&csr), key);
        Self { v: crate::WIRE_VERSION, csr, proof }
    }

    /// Whether it was made with the open vault.
    pub fn is_proved(&self, key: &[u8]) -> bool {
        is_path_proved(&asked(&self.csr), &self.proof, key)
    }
}

fn asked(csr: &[u8]) -> Vec<u8> {
    [&b"/v1/renew\0"[..], csr].concat()
}

#[derive(Clone, Serialize, Deserialize)]
pub struct RenewResponse {
    pub v: u16,
    /// Client certificate, DER.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    pub validity: Validity,
    /// The hub's clock, milliseconds since 1970.
    pub time: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_due_in_its_last_third_and_whenever_it_is_over() {
        let validity = Validity { from: 1_000, until: 4_000 };
        assert!(!validity.is_due(1_000) && !validity.is_due(3_000));
        assert!(validity.is_due(3_001) && !validity.is_over(3_999));
        assert!(validity.is_over(4_000) && validity.is_due(4_000) && validity.is_due(i64::MAX));
        // A hub's clock that was set back asks for nothing.
        assert!(!validity.is_due(0) && !validity.is_due(i64::MIN));
        // The hub said that it is over before its time.
        let ended = Validity { until: 2_000, ..validity };
        assert!(ended.is_due(2_000) && ended.is_over(2_000));
    }

    #[test]
    fn a_renewal_is_proved_for_its_own_request_alone() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = key.verifying_key().to_bytes();
        let request = RenewRequest::prove(vec![1, 2, 3], &key);
        assert!(request.is_proved(&public));
        assert!(!RenewRequest { csr: vec![1, 2, 4], ..request.clone() }.is_proved(&public));
        assert!(!request.is_proved(&SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes()));
    }
}
