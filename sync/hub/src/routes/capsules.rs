//! `POST /v1/capsules`: sealed copies of a phone that cannot or may not unlock. A revoked one reaches this and nothing else.

use super::sync::respond;
use super::{Hub, PeerCertificate, Refused, answer, any_device, blocking, read_body};
use crate::error::HubError;
use crate::photo_copies::put_together;
use crate::store::{Accepted, DeviceRow, Presented, Tx, Who};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::capsule::{COPIES_LIMIT, relay_series};
use protocol::digest::HOLDINGS_LIMIT;
use protocol::receipt::ReceiptScope;
use protocol::{CapsuleRequest, CapsuleResponse, Receipt, RefusalCode, SealedPage, Since, WIRE_VERSION, page};

/// Most bytes of feed in one sealed page.
const PAGE: u32 = 1 << 20;

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
    if request.copies.len() > COPIES_LIMIT || request.holds.len() > HOLDINGS_LIMIT {
        return Err(RefusalCode::TooLarge.into());
    }
    // A revoked one is not told even this; what it brings of others is not opened.
    let brings = request.series == relay_series(device.device);
    let relays = brings || !request.holds.is_empty();
    if relays && device.revoked_at.is_none() && !hub.store.read(|tx| tx.takes_relayed())? {
        return Err(RefusalCode::RelayOver.into());
    }
    let read = brings.then(|| hub.checker.read_relayed(&device, &request.copies)).transpose()?;
    let taken = hub.store.write(|tx| {
        // Too much for the room that is left: nothing of the request stays.
        let taken = match &read {
            Some(read) => tx.accept_relayed(&device, &request.copies, read)?,
            None => {
                let (device, station, key) = (device.device, &device.station, &device.signing_key);
                tx.accept_copies(device, station, key, request.series, &request.copies)?
            }
        };
        if !taken.receipt.is_empty() {
            tx.audit(&Who::Device(device.device), "capsule", None, &format!("received {}", taken.receipt.len()))?;
        }
        Ok(taken)
    });
    let taken = taken.map_err(|error| match error {
        HubError::RelayFull => Refused::Because(RefusalCode::RelayFull),
        error => error.into(),
    })?;
    for doc in taken.documents {
        if let Err(error) = hub.checker.look_at_copies(doc, device.device) {
            tracing::error!(%doc, %error, "sealed copies were not looked at; they stay held");
        }
    }
    for doc in taken.relayed {
        if let Err(error) = hub.checker.look_at_relayed(doc) {
            tracing::error!(%doc, %error, "relayed copies were not looked at; they stay held");
        }
    }
    for photo in &taken.photos {
        if let Err(error) = put_together(&hub.store, device.device, &device.station, photo) {
            tracing::error!(%error, "a photo's sealed pieces were not put together; they stay held");
        }
    }
    let page = match (&request.since, peer.0) {
        (Some(since), Some(certificate)) => hub.store.write(|tx| sealed_page(tx, (&device, certificate), since)),
        _ => Ok(None),
    };
    let page = page.unwrap_or_else(|error| {
        tracing::error!(%error, "there is no page for a locked phone; what it brought is kept");
        None
    });
    let response = hub.store.read(|tx| {
        // Whoever may not read is told nothing, not even this.
        let lacks = match peer.0 {
            Some(certificate)
                if !request.holds.is_empty() && device.revoked_at.is_none() && !tx.is_over(certificate)? =>
            {
                Some(tx.lacking(&device.station, &request.holds)?)
            }
            _ => None,
        };
        let scope = ReceiptScope { epoch: tx.epoch()?, device: device.device, series: request.series };
        Ok(CapsuleResponse {
            v: WIRE_VERSION,
            epoch: scope.epoch,
            time: tx.now(),
            receipt: Receipt::sign(&tx.keys.receipt, &scope, &taken.receipt),
            wipe: device.wiped_at.is_some(),
            page,
            lacks,
        })
    })?;
    Ok(response)
}

/// What an open phone would be told at this place of its feed, sealed to its vault. A revoked device gets none, nor one whose
/// certificate is over; one that stands in another history is told when it is open.
fn sealed_page(
    tx: &Tx<'_>,
    (device, certificate): (&DeviceRow, Presented),
    since: &Since,
) -> Result<Option<SealedPage>, HubError> {
    let may_read = device.revoked_at.is_none() && !tx.is_over(certificate)?;
    if !may_read || since.epoch != tx.epoch()? || !tx.cursor_is_ours(&device.station, &since.cursor)? {
        return Ok(None);
    }
    let received_up_to = tx.received_up_to(device.device, since.series)?;
    let request = Since { budget: since.budget.min(PAGE), ..*since }.request(device.device, received_up_to);
    let accepted = Accepted { receipt: Vec::new(), received_up_to, documents: Vec::new() };
    let mut said = respond(tx, (device, certificate), &request, &accepted)?;
    if said.feed.is_empty() && !said.more {
        return Ok(None);
    }
    // Nobody reads it now: a lease begins when the open phone hears from the hub.
    said.policy = None;
    let sealed = page::seal(&said, since, device.device, &device.signing_key, &tx.keys.receipt);
    Ok(sealed.inspect_err(|error| tracing::error!(%error, "a page was not sealed")).ok())
}
