//! The server's table of contents. Each handler: who, limits, call, map.

pub(crate) mod capsules;
pub(crate) mod enrol;
mod photos;
mod renew;
pub(crate) mod sync;

use crate::check::Checker;
use crate::error::HubError;
use crate::store::{DeviceRow, Presented, Store};
use crate::turns::{Turns, retry_after};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use protocol::codec::{self, BODY_LIMIT, CONTENT_TYPE};
use protocol::{Refusal, RefusalCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What every handler works with.
#[derive(Clone)]
pub struct Hub {
    pub store: Store,
    pub checker: Checker,
    pub turns: Turns,
}

/// The client certificate that the TLS layer verified, if the client showed one.
#[derive(Clone, Copy)]
pub struct PeerCertificate(pub Option<Presented>);

pub fn router(hub: Hub) -> Router {
    let devices = Router::new()
        .route("/v1/sync", post(sync::sync))
        .route("/v1/capsules", post(capsules::capsules))
        .route("/v1/renew", post(renew::renew))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .route(
            "/v1/photos/{hash}",
            get(photos::piece).head(photos::stands).patch(photos::append).layer(DefaultBodyLimit::max(photos::BODY)),
        )
        .route_layer(middleware::from_fn_with_state(hub.clone(), in_turn))
        .route_layer(middleware::from_fn(certificate_first));
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/v1/enrol", post(enrol::enrol).layer(DefaultBodyLimit::max(enrol::BODY)))
        .merge(devices)
        .with_state(hub)
}

/// Nobody without a certificate gets as far as having a body read.
async fn certificate_first(request: Request, next: Next) -> Response {
    match request.extensions().get::<PeerCertificate>() {
        Some(PeerCertificate(Some(_))) => next.run(request).await,
        _ => Refused::Because(RefusalCode::NoCertificate).into_response(),
    }
}

/// Longest that one request holds its turn: 8 MiB over a slow line, and its checks.
const TURN: std::time::Duration = std::time::Duration::from_secs(120);

/// A turn first, then the body: whoever finds none hears when to come again, and loses nothing.
async fn in_turn(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    let Some(PeerCertificate(Some(certificate))) = request.extensions().get::<PeerCertificate>().copied() else {
        return Refused::Because(RefusalCode::NoCertificate).into_response();
    };
    let station = match hub.turns.station(&certificate.hash) {
        Some(station) => station,
        None => {
            let store = hub.store.clone();
            let peer = PeerCertificate(Some(certificate));
            match blocking(move || any_device(&store, peer)).await {
                Ok(device) => {
                    hub.turns.remember(certificate.hash, device.station.clone());
                    device.station
                }
                Err(refused) => return refused.into_response(),
            }
        }
    };
    match hub.turns.take(&station).await {
        Some(_turn) => match tokio::time::timeout(TURN, next.run(request)).await {
            Ok(response) => response,
            // A line that died in the middle of its upload must not keep a turn from the others.
            Err(_) => Refused::Because(RefusalCode::Busy).into_response(),
        },
        None => {
            let mut busy = Refused::Because(RefusalCode::Busy).into_response();
            busy.headers_mut().insert(header::RETRY_AFTER, retry_after(&certificate.hash).into());
            busy
        }
    }
}

/// A refusal on its way to the device, or a failure of ours that it hears of as `Internal`.
pub enum Refused {
    Because(RefusalCode),
    Failed(HubError),
}

impl From<HubError> for Refused {
    fn from(error: HubError) -> Self {
        Refused::Failed(error)
    }
}

impl From<RefusalCode> for Refused {
    fn from(code: RefusalCode) -> Self {
        Refused::Because(code)
    }
}

impl Refused {
    pub fn code(self) -> RefusalCode {
        match self {
            Refused::Because(code) => code,
            Refused::Failed(error) => {
                tracing::error!(%error, "a request failed");
                RefusalCode::Internal
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let code = self.code();
        let status = match code {
            RefusalCode::Garbled | RefusalCode::Version | RefusalCode::Gap => StatusCode::BAD_REQUEST,
            RefusalCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalCode::SeriesForked | RefusalCode::WrongHash => StatusCode::CONFLICT,
            RefusalCode::UnknownPhoto => StatusCode::NOT_FOUND,
            RefusalCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RefusalCode::Internal | RefusalCode::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::FORBIDDEN,
        };
        let v = (code == RefusalCode::Version).then_some(protocol::WIRE_VERSION);
        answer(status, &Refusal { code, v })
    }
}

fn answer<T: Serialize>(status: StatusCode, value: &T) -> Response {
    const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");
    match codec::encode(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, CONTENT_TYPE), NO_STORE], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn read_body<T: DeserializeOwned>(body: &Bytes) -> Result<T, RefusalCode> {
    codec::decode(body).map_err(|error| match error {
        codec::WireError::TooLarge => RefusalCode::TooLarge,
        _ => RefusalCode::Garbled,
    })
}

/// The device behind a certificate, revoked or not.
fn any_device(store: &Store, peer: PeerCertificate) -> Result<DeviceRow, Refused> {
    let certificate = peer.0.ok_or(RefusalCode::NoCertificate)?;
    Ok(store.read(|tx| tx.device_of_certificate(certificate))?.ok_or(RefusalCode::NoCertificate)?)
}

/// The enrolled, unrevoked device behind a certificate.
fn device(store: &Store, peer: PeerCertificate) -> Result<DeviceRow, Refused> {
    let device = any_device(store, peer)?;
    if device.revoked_at.is_some() { Err(RefusalCode::Revoked.into()) } else { Ok(device) }
}

/// SQLite and the checker block: off the event loop.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Refused::Because(RefusalCode::Internal)))
}
