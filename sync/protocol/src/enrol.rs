//! Enrolment: a one-time code and the hub CA's fingerprint in a URI (or its QR), a CSR, a client certificate.

use crate::renew::Validity;
use crate::wire::Epoch;
use record::ids::{ContentHash, DeviceId, FacilityId, StaffId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `tsutsuji://enrol?hub=https://host:port&ca=<sha256>&code=<code>`
///
/// The code is a secret that lives for minutes: `Debug` does not show it, `Display` does, because it is the QR.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolUri {
    /// Base URL of the hub, `https` only, in visible ASCII and without a user's name.
    pub hub: String,
    /// SHA-256 of the hub's CA certificate (DER).
    pub ca: ContentHash,
    pub code: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    #[error("this is no enrolment code; it begins with tsutsuji://enrol — ask the station's manager for a new one")]
    NotAnInvitation,
    #[error("the enrolment code is incomplete; copy the whole of it, or scan it again")]
    Incomplete,
    #[error("the enrolment code names a hub without https; ask the station's manager for a new one")]
    NotHttps,
    #[error("the enrolment code's hub is not written as an address is; ask the station's manager for a new one")]
    NotAnAddress,
}

impl FromStr for EnrolUri {
    type Err = UriError;
    fn from_str(text: &str) -> Result<Self, UriError> {
        let query = text.trim().strip_prefix("tsutsuji://enrol?").ok_or(UriError::NotAnInvitation)?;
        let part = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .filter(|value| !value.is_empty())
                .ok_or(UriError::Incomplete)
        };
        let hub = part("hub")?.trim_end_matches('/').to_string();
        if !hub.starts_with("https://") || hub.len() > 300 {
            return Err(UriError::NotHttps);
        }
        // She compares it with what her manager said: the name before `@` is no hub's, and what cannot be seen or told from
        // another letter is no name.
        if !hub.chars().all(|c| c.is_ascii_graphic() && c != '@') {
            return Err(UriError::NotAnAddress);
        }
        let code = part("code")?;
        if code.len() > 64 || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UriError::Incomplete);
        }
        Ok(Self { hub, ca: part("ca")?.parse().map_err(|_| UriError::Incomplete)?, code: code.to_string() })
    }
}

impl fmt::Display for EnrolUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tsutsuji://enrol?hub={}&ca={}&code={}", self.hub, self.ca, self.code)
    }
}

impl fmt::Debug for EnrolUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrolUri {{ hub: {}, ca: {}, code: … }}", self.hub, self.ca)
    }
}

/// `POST /v1/enrol`, over TLS that was checked against the URI's fingerprint, without a client certificate.
#[derive(Clone, Serialize, Deserialize)]
pub struct EnrolRequest {
    pub v: u16,
    pub code: String,
    /// PKCS#10, DER.
    #[serde(with = "serde_bytes")]
    pub csr: Vec<u8>,
    /// Ed25519 key that signs confirmations.
    #[serde(with = "serde_bytes")]
    pub signing_key: Vec<u8>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct EnrolResponse {
    pub v: u16,
    pub device: DeviceId,
    pub staff: StaffId,
    pub staff_name: String,
    pub station: FacilityId,
    pub station_name: String,
    pub hub_name: String,
    pub epoch: Epoch,
    /// Client certificate, DER.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    /// How long it counts; an older hub does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Validity>,
    /// The hub's CA, DER: its fingerprint is the URI's.
    #[serde(with = "serde_bytes")]
    pub ca: Vec<u8>,
    /// Ed25519 key of the hub's receipts.
    #[serde(with = "serde_bytes")]
    pub receipt_key: Vec<u8>,
    /// X25519 key that sealed copies are sealed to.
    #[serde(with = "serde_bytes")]
    pub sealing_key: Vec<u8>,
    /// The hub's clock, milliseconds since 1970.
    pub time: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_survives_copy_and_paste() -> Result<(), UriError> {
        let uri = EnrolUri { hub: "https://127.0.0.1:8443".into(), ca: ContentHash([7; 32]), code: "ABCD2345".into() };
        assert_eq!(format!("  {uri}\n").parse::<EnrolUri>()?, uri);
        assert!(!format!("{uri:?}").contains("ABCD2345"));
        Ok(())
    }

    #[test]
    fn a_hub_whose_name_would_read_as_another_is_refused() {
        let read =
            |hub: &str| format!("tsutsuji://enrol?hub=https://{hub}&ca={}&code=A", "07".repeat(32)).parse::<EnrolUri>();
        let plain = "xn--r8jz45g.example.jp:8443";
        assert_eq!(read(plain).map(|uri| uri.hub), Ok(format!("https://{plain}")));
        for hub in [
            "hub.example.jp@evil.example",
            "hub example.jp",
            "hub\t.example.jp",
            "hub\u{7}.example.jp",
            "hub\u{200b}.jp",
            "hüb.jp",
            "ハブ.jp",
        ] {
            assert_eq!(read(hub), Err(UriError::NotAnAddress), "{hub:?}");
        }
    }

    #[test]
    fn half_an_invitation_says_what_to_do() {
        assert_eq!("https://example.jp".parse::<EnrolUri>(), Err(UriError::NotAnInvitation));
        assert_eq!("tsutsuji://enrol?hub=https://x&ca=12&code=A".parse::<EnrolUri>(), Err(UriError::Incomplete));
        assert_eq!("tsutsuji://enrol?hub=http://x&code=A".parse::<EnrolUri>(), Err(UriError::NotHttps));
    }
}
