//! `POST /v1/renew`: a new certificate for the key of the old one, be that over or not. Revoked devices get none.

use super::{Hub, PeerCertificate, Refused, answer, blocking, device};
use crate::store::{Presented, Store, Who};
use crate::tls::client_certificate;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::codec;
use protocol::{RefusalCode, RenewRequest, RenewResponse, WIRE_VERSION};
use record::ContentHash;

/// A CSR and a signature.
pub(super) const BODY: usize = 16 << 10;

pub async fn renew(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    body: Bytes,
) -> Result<Response, Refused> {
    let request: RenewRequest = codec::decode_within(&body, BODY).map_err(|_| RefusalCode::Garbled)?;
    let response = blocking(move || renew_certificate(&hub.store, peer, &request)).await?;
    Ok(answer(StatusCode::OK, &response))
}

fn renew_certificate(store: &Store, peer: PeerCertificate, request: &RenewRequest) -> Result<RenewResponse, Refused> {
    let device = device(store, peer)?;
    if request.v != WIRE_VERSION {
        return Err(RefusalCode::Version.into());
    }
    if request.csr.len() > 8 * 1024 {
        return Err(RefusalCode::Garbled.into());
    }
    if !request.is_proved(&device.signing_key) {
        return Err(RefusalCode::Locked.into());
    }
    let old = peer.0.ok_or(RefusalCode::NoCertificate)?;
    let outcome = store.write(|tx| {
        let validity = tx.new_validity()?;
        let Ok((certificate, key)) = client_certificate(tx.keys, &request.csr, device.device, validity.until) else {
            return Ok(Err(RefusalCode::Garbled));
        };
        // The same key, always: a device is its key, and an older certificate of it is no stranger's.
        if old.key != Some(key) {
            return Ok(Err(RefusalCode::NotThisDevice));
        }
        tx.learn_key(old)?;
        let new = Presented { hash: ContentHash::of(&certificate), key: Some(key) };
        tx.add_certificate(device.device, new, validity.until)?;
        tx.audit(&Who::Device(device.device), "renew", None, &device.device.to_string())?;
        Ok(Ok(RenewResponse { v: WIRE_VERSION, certificate, validity, time: tx.now() }))
    })?;
    outcome.map_err(Refused::from)
}
