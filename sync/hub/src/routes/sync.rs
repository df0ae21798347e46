//! `POST /v1/sync`: accept and receipt, check, then the page of the feed. One round trip, both ways.

use super::{Hub, PeerCertificate, Refused, answer, blocking, device, read_body};
use crate::feed_page::{feed_page, records_pages};
use crate::store::{Accepted, DeviceRow, Who, today};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::proof::is_proved;
use protocol::receipt::ReceiptScope;
use protocol::{Durability, Policy, Receipt, RefusalCode, SyncRequest, SyncResponse, WIRE_VERSION};
use std::time::{Duration, Instant};

/// Most entries in one request.
const ENTRIES: usize = 10_000;
/// Longest that an answer waits for checks.
const CHECKING: Duration = Duration::from_secs(5);
/// Most bytes of feed in one answer, whatever the device asks for.
const BUDGET: usize = 16 << 20;

pub async fn sync(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    body: Bytes,
) -> Result<Response, Refused> {
    let response = blocking(move || {
        let request: SyncRequest = read_body(&body)?;
        exchange(&hub, peer, &request)
    })
    .await?;
    Ok(answer(StatusCode::OK, &response))
}

/// One exchange, whatever line it came over.
pub(crate) fn exchange(hub: &Hub, peer: PeerCertificate, request: &SyncRequest) -> Result<SyncResponse, Refused> {
    let device = device(&hub.store, peer)?;
    if request.v != WIRE_VERSION {
        return Err(RefusalCode::Version.into());
    }
    if request.device != device.device {
        return Err(RefusalCode::NotThisDevice.into());
    }
    if request.entries.len() > ENTRIES {
        return Err(RefusalCode::TooLarge.into());
    }
    if !is_proved(request, &device.signing_key) {
        return Err(RefusalCode::Locked.into());
    }
    let numbered = request.entries.iter().zip(request.first_seq..).all(|(entry, seq)| entry.seq == seq);
    if !numbered || request.first_seq == 0 {
        return Err(RefusalCode::Gap.into());
    }
    take(hub, &device, request)
}

fn take(hub: &Hub, device: &DeviceRow, request: &SyncRequest) -> Result<SyncResponse, Refused> {
    // On disk before anything else happens: what is receipted is never lost.
    let accepted = hub.store.write(|tx| {
        let accepted = tx.accept(device.device, &device.station, request.series, &request.entries)?;
        if let Err(code) = &accepted {
            tx.audit(&Who::Device(device.device), "series_forked", None, &format!("{code:?}").to_lowercase())?;
        }
        Ok(accepted)
    })??;
    // What is not checked in this time is receipted all the same; the checker comes round to it within a minute.
    let deadline = Instant::now() + CHECKING;
    hub.checker.check_documents(&accepted.documents, deadline);
    let response = hub.store.write(|tx| respond(tx, device, request, &accepted))?;
    Ok(response)
}

fn respond(
    tx: &crate::store::Tx<'_>,
    device: &DeviceRow,
    request: &SyncRequest,
    accepted: &Accepted,
) -> Result<SyncResponse, crate::HubError> {
    let today = today(tx.now());
    tx.tell_lapsed(&device.station)?;
    let epoch = tx.epoch()?;
    let budget = (request.budget as usize).min(BUDGET);
    let page = feed_page(tx, &device.station, request, budget, today)?;
    let who = Who::Device(device.device);
    let left = budget.saturating_sub(page.bytes);
    let pages = match request.want.as_slice() {
        [] => None,
        want => Some(records_pages(tx, &who, &device.station, want, left, today)?),
    };
    let durable = tx.durable_up_to(device.device, request.series)?;
    let (held, rejected) = tx.verdicts(device.device, request.series)?;
    let scope = ReceiptScope { epoch, device: device.device, series: request.series };
    // A receipt for nothing says nothing, and needs no signature.
    let receipt = match accepted.receipt.as_slice() {
        [] => Receipt { items: Vec::new(), signature: Vec::new() },
        items => Receipt::sign(&tx.keys.receipt, &scope, items),
    };
    tx.seen(device.device)?;
    if !accepted.receipt.is_empty() || !page.items.is_empty() {
        let what = format!("received {} sent {}", accepted.receipt.len(), page.items.len());
        tx.audit(&who, "sync", None, &what)?;
    }
    let lease = tx.lease_hours(&device.station, today)?;
    Ok(SyncResponse {
        v: WIRE_VERSION,
        epoch,
        time: tx.now(),
        received_up_to: accepted.received_up_to,
        // With no backup yet durable is what is fsynced, and the policy says so.
        durable_up_to: durable.unwrap_or(accepted.received_up_to),
        receipt,
        held,
        rejected,
        feed: page.items,
        pages,
        next_cursor: page.next,
        more: page.more,
        policy: Some(Policy {
            durability: if durable.is_some() { Durability::Replicated } else { Durability::Fsynced },
            lease_until: lease.map(|hours| tx.now() + i64::from(hours) * 3_600_000),
        }),
    })
}
