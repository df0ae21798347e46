//! The line to the hub: reqwest over mutual TLS. Sorts what goes wrong; counts bytes.

use crate::tls;
use protocol::codec::{self, BODY_LIMIT, CONTENT_TYPE};
use protocol::photo::{self, OFFSET_HEADER};
use protocol::{
    CapsuleRequest, CapsuleResponse, EnrolRequest, EnrolResponse, EnrolUri, Failure, PhotoPiece, PhotoStanding,
    Refusal, RefusalCode, RenewRequest, RenewResponse, SyncRequest, SyncResponse, WIRE_VERSION,
};
use record::ContentHash;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use std::time::Duration;
use vault::{Identity, Locked};

const CONNECT: Duration = Duration::from_secs(8);
/// A slow line may take long over a first sync; a dead one is noticed by its silence.
const SILENCE: Duration = Duration::from_secs(30);
/// Where the unlock proof of a request without a sync's body stands.
const PROOF: &str = "tsutsuji-proof";
const USER_AGENT: &str = concat!("tsutsuji/", env!("CARGO_PKG_VERSION"));

/// Bytes of one exchange: HTTP head and body, TLS apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    pub round_trips: u64,
    pub bytes_up: u64,
    pub bytes_down: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.round_trips += other.round_trips;
        self.bytes_up += other.bytes_up;
        self.bytes_down += other.bytes_down;
    }
}

/// A hub, as one device reaches it.
pub struct HubLine {
    client: Client,
    url: String,
}

impl HubLine {
    pub fn for_enrolment(uri: &EnrolUri) -> Result<Self, Failure> {
        Self::new(uri.hub.clone(), tls::for_enrolment(uri.ca))
    }

    pub fn for_sync(identity: &Identity, last_hub_time_ms: i64) -> Result<Self, Failure> {
        let tls = tls::for_sync(&identity.ca, &identity.certificate, &identity.tls_key, last_hub_time_ms);
        Self::new(identity.hub_url.clone(), tls)
    }

    /// The line of a locked phone.
    pub fn for_capsules(locked: &Locked) -> Result<Self, Failure> {
        let tls = tls::for_sync(&locked.ca, &locked.certificate, &locked.tls_key, locked.last_hub_time);
        Self::new(locked.hub_url.clone(), tls)
    }

    fn new(url: String, tls: Result<rustls::ClientConfig, rustls::Error>) -> Result<Self, Failure> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls.map_err(|_| Failure::NotOurHub)?)
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|_| Failure::NotOurHub)?;
        Ok(Self { client, url })
    }

    pub async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, Failure> {
        let body = codec::encode(request).map_err(|_| Failure::Storage)?;
        self.exchange(Method::POST, "/v1/enrol", body).await.map(|(answer, _)| answer)
    }

    pub async fn sync(&self, request: &SyncRequest) -> Result<(SyncResponse, Traffic), Failure> {
        let body = codec::encode(request).map_err(|_| Failure::Storage)?;
        self.exchange(Method::POST, "/v1/sync", body).await
    }

    /// Shows the old certificate, over or not.
    pub async fn renew(&self, request: &RenewRequest) -> Result<(RenewResponse, Traffic), Failure> {
        let body = codec::encode(request).map_err(|_| Failure::Storage)?;
        self.exchange(Method::POST, "/v1/renew", body).await
    }

    pub async fn push(&self, request: &CapsuleRequest) -> Result<CapsuleResponse, Failure> {
        let body = codec::encode(request).map_err(|_| Failure::Storage)?;
        self.exchange(Method::POST, "/v1/capsules", body).await.map(|(answer, _)| answer)
    }

    /// How many bytes of a photo the hub has. `HEAD` is answered without a body, so without a code.
    pub async fn photo_offset(&self, hash: &ContentHash, proof: &[u8]) -> Result<(u64, Traffic), Failure> {
        let path = photo::path(hash);
        let request = self.client.request(Method::HEAD, format!("{}{path}", self.url)).header(PROOF, hex(proof));
        let request = request.build().map_err(|_| Failure::NotOurHub)?;
        let up = self.head_up(&Method::HEAD, &path, request.headers());
        let response = self.client.execute(request).await.map_err(|error| sort(&error))?;
        let bytes_down = head_down(response.headers()) as u64;
        let offset = response.headers().get(OFFSET_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        match (response.status(), offset) {
            (StatusCode::OK, Some(offset)) => Ok((offset, Traffic { round_trips: 1, bytes_up: up as u64, bytes_down })),
            (StatusCode::OK, None) => Err(Failure::NotOurHub),
            (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => Err(Failure::OlderHub),
            (StatusCode::INTERNAL_SERVER_ERROR, _) => Err(Failure::Refused(RefusalCode::Internal)),
            (StatusCode::SERVICE_UNAVAILABLE, _) => {
                Err(Failure::Busy { retry_after_s: retry_after_s(response.headers()) })
            }
            (status, _) if status.is_server_error() => Err(Failure::Unreachable),
            _ => Err(Failure::Refused(RefusalCode::Unknown)),
        }
    }

    /// Brings the next piece of a photo.
    pub async fn send_photo(
        &self,
        hash: &ContentHash,
        piece: &PhotoPiece,
        proof: &[u8],
    ) -> Result<(PhotoStanding, Traffic), Failure> {
        let body = codec::encode(piece).map_err(|_| Failure::Storage)?;
        self.exchange_with(Method::PATCH, &photo::path(hash), body, Some(&hex(proof))).await
    }

    /// A piece of a photo.
    pub async fn photo(&self, hash: &ContentHash, from: u64, proof: &[u8]) -> Result<PhotoPiece, Failure> {
        let path = format!("{}?from={from}", photo::path(hash));
        self.exchange_with(Method::GET, &path, Vec::new(), Some(&hex(proof))).await.map(|(piece, _)| piece)
    }

    /// Bytes of a request's head.
    fn head_up(&self, method: &Method, path: &str, headers: &HeaderMap) -> usize {
        let host = self.url.trim_start_matches("https://").len();
        let line = method.as_str().len() + path.len() + " HTTP/1.1\r\n\r\n".len() + 1;
        let added = "host: \r\nuser-agent: \r\naccept: */*\r\ncontent-length: 00000\r\n".len();
        line + length_of(headers) + added + host + USER_AGENT.len()
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(T, Traffic), Failure> {
        self.exchange_with(method, path, body, None).await
    }

    async fn exchange_with<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        proof: Option<&str>,
    ) -> Result<(T, Traffic), Failure> {
        let length = body.len();
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if !body.is_empty() {
            request = request.header(reqwest::header::CONTENT_TYPE, CONTENT_TYPE).body(body);
        }
        if let Some(proof) = proof {
            request = request.header(PROOF, proof);
        }
        let request = request.build().map_err(|_| Failure::NotOurHub)?;
        let up = length + self.head_up(&method, path, request.headers());
        let mut response = self.client.execute(request).await.map_err(|error| sort(&error))?;
        let status = response.status();
        let mut down = head_down(response.headers());
        let ours = response.headers().get(reqwest::header::CONTENT_TYPE).is_some_and(|v| v == CONTENT_TYPE);
        if !ours {
            // Our CA vouched for the line, so this is a proxy's or a balancer's page in front of our hub.
            return Err(if status.is_server_error() { Failure::Unreachable } else { Failure::NotOurHub });
        }
        let retry_after_s = retry_after_s(response.headers());
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| sort(&error))? {
            if answer.len() + chunk.len() > BODY_LIMIT {
                return Err(Failure::Refused(RefusalCode::TooLarge));
            }
            answer.extend_from_slice(&chunk);
        }
        down += answer.len();
        if status != StatusCode::OK {
            let refusal: Refusal = codec::decode(&answer).map_err(|_| Failure::NotOurHub)?;
            return Err(match refusal {
                // The hub speaks an older version than this app: updating the app would not help.
                Refusal { code: RefusalCode::Version, v: Some(v) } if v < WIRE_VERSION => Failure::OlderHub,
                Refusal { code: RefusalCode::Busy, .. } => Failure::Busy { retry_after_s },
                Refusal { code, .. } => Failure::Refused(code),
            });
        }
        let answer = codec::decode(&answer).map_err(|_| Failure::NotOurHub)?;
        Ok((answer, Traffic { round_trips: 1, bytes_up: up as u64, bytes_down: down as u64 }))
    }
}

fn hex(proof: &[u8]) -> String {
    proof.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn length_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn head_down(headers: &HeaderMap) -> usize {
    "HTTP/1.1 200 OK\r\n\r\n".len() + length_of(headers)
}

/// When a busy hub wants to be asked again, if it says so in seconds; never more than the longest wait. Anything else is as if
/// nothing had been said.
fn retry_after_s(headers: &HeaderMap) -> Option<u32> {
    const LONGEST: u64 = protocol::engine::LONGEST_WAIT_MS as u64 / 1_000;
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    // `parse` alone would let a sign pass.
    let seconds: u64 = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
    u32::try_from(seconds.min(LONGEST)).ok()
}

/// Whether the line was dead or somebody else answered. A certificate that does not fit is somebody else.
fn sort(error: &reqwest::Error) -> Failure {
    find_tls(error).map_or(Failure::Unreachable, sort_tls)
}

/// rustls travels inside io errors, sometimes two deep, that do not show it as their source.
fn find_tls<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    hidden
        .and_then(|inner| find_tls(inner as &(dyn std::error::Error + 'static)))
        .or_else(|| error.source().and_then(find_tls))
}

fn sort_tls(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRevoked) => {
            Failure::Refused(RefusalCode::Revoked)
        }
        rustls::Error::AlertReceived(_) => Failure::Refused(RefusalCode::NoCertificate),
        _ => Failure::NotOurHub,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn heard(value: &[u8]) -> Option<u32> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(value).ok()?);
        retry_after_s(&headers)
    }

    #[test]
    fn a_hub_is_heard_in_seconds_and_never_for_longer_than_a_quarter_of_an_hour() {
        for (value, seconds) in [("0", 0), ("7", 7), ("900", 900), ("901", 900), ("18446744073709551615", 900)] {
            assert_eq!(heard(value.as_bytes()), Some(seconds), "{value}");
        }
        assert_eq!(retry_after_s(&HeaderMap::new()), None);
    }

    #[test]
    fn whatever_else_stands_there_is_as_if_nothing_had_been_said() {
        let hostile: [&[u8]; 9] = [
            b"",
            b"-5",
            b"+5",
            b"7.5",
            b"5, 6",
            b"0x10",
            b"99999999999999999999999999",
            b"Wed, 21 Oct 2026 07:28:00 GMT",
            b"\xff\xfe",
        ];
        for value in hostile {
            assert_eq!(heard(value), None, "{value:?}");
        }
    }
}
