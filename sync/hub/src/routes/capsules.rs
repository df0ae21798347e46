//! `POST /v1/capsules`: sealed copies of a phone that cannot or may not unlock. A revoked one reaches this and nothing else.

use super::{Hub, PeerCertificate, Refused, answer, any_device, blocking, read_body};
use crate::photo_copies::put_together;
use crate::store::Who;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::capsule::COPIES_LIMIT;
use protocol::receipt::ReceiptScope;
use protocol::{CapsuleRequest, CapsuleResponse, Receipt, RefusalCode, WIRE_VERSION};

pub async fn capsules(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    body: Bytes,
) -> Result<Response, Refused> {
    let response = blocking(move || {
        let request: CapsuleRequest = read_body(&body)?;
        take(&hub, peer, &request)
    })
    .await?;
    Ok(answer(StatusCode::OK, &response))
}

/// One push, whatever line it came over.
pub(crate) fn take(hub: &Hub, peer: PeerCertificate, request: &CapsuleRequest) -> Result<CapsuleResponse, Refused> {
    let device = any_device(&hub.store, peer)?;
    if request.v != WIRE_VERSION {
        return Err(RefusalCode::Version.into());
    }
    if request.device != device.device {
        return Err(RefusalCode::NotThisDevice.into());
    }
    if request.copies.len() > COPIES_LIMIT {
        return Err(RefusalCode::TooLarge.into());
    }
    let taken = hub.store.write(|tx| {
        let taken =
            tx.accept_copies(device.device, &device.station, &device.signing_key, request.series, &request.copies)?;
        if !taken.receipt.is_empty() {
            tx.audit(&Who::Device(device.device), "capsule", None, &format!("received {}", taken.receipt.len()))?;
        }
        Ok(taken)
    })?;
    for doc in taken.documents {
        if let Err(error) = hub.checker.look_at_copies(doc, device.device) {
            tracing::error!(%doc, %error, "sealed copies were not looked at; they stay held");
        }
    }
    for photo in &taken.photos {
        if let Err(error) = put_together(&hub.store, device.device, &device.station, photo) {
            tracing::error!(%error, "a photo's sealed pieces were not put together; they stay held");
        }
    }
    let response = hub.store.read(|tx| {
        let scope = ReceiptScope { epoch: tx.epoch()?, device: device.device, series: request.series };
        Ok(CapsuleResponse {
            v: WIRE_VERSION,
            epoch: scope.epoch,
            time: tx.now(),
            receipt: Receipt::sign(&tx.keys.receipt, &scope, &taken.receipt),
            wipe: device.wiped_at.is_some(),
        })
    })?;
    Ok(response)
}
