//! `POST /v1/sync`: accept and receipt, check, then the page of the feed. One round trip, both ways.

use super::{Hub, PeerCertificate, Refused, answer, blocking, device, read_body};
use crate::feed_page::{FeedPage, feed_page, records_pages};
use crate::store::{Accepted, DeviceRow, Presented, Reader, Who, today};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::digest::DIGESTS_LIMIT;
use protocol::proof::is_proved;
use protocol::receipt::ReceiptScope;
use protocol::{Durability, Policy, Receipt, RefusalCode, SyncRequest, SyncResponse, WIRE_VERSION};
use record::PatientId;
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
    let certificate = peer.0.ok_or(RefusalCode::NoCertificate)?;
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
    take(hub, &device, certificate, request)
}

fn take(hub: &Hub, device: &DeviceRow, certificate: Presented, request: &SyncRequest) -> Result<SyncResponse, Refused> {
    // On disk before anything else happens: what is receipted is never lost.
    let accepted = hub.store.write(|tx| {
        let before = tx.received_up_to(device.device, request.series)?;
        let accepted = tx.accept(device.device, &device.station, request.series, &request.entries)?;
        if let Err(code) = &accepted {
            tx.audit(&Who::Device(device.device), "series_forked", None, &format!("{code:?}").to_lowercase())?;
        }
        // Whoever lost a patient, and wrote before she heard of it: kept, attributed to her, and flagged.
        let whose = (device.device, request.series);
        if accepted.is_ok() && !request.entries.is_empty() && tx.assigns(&device.station)? {
            tx.mark_late(whose, &device.staff, before, request.cursor.n)?;
        }
        Ok(accepted)
    })??;
    // What is not checked in this time is receipted all the same; the checker comes round to it within a minute.
    let deadline = Instant::now() + CHECKING;
    hub.checker.check_documents(&accepted.documents, deadline);
    let response = hub.store.write(|tx| respond(tx, (device, certificate), request, &accepted))?;
    Ok(response)
}

/// The answer to what was accepted: verdicts, the page after the device's cursor, and what is said beside.
pub(super) fn respond(
    tx: &crate::store::Tx<'_>,
    (device, certificate): (&DeviceRow, Presented),
    request: &SyncRequest,
    accepted: &Accepted,
) -> Result<SyncResponse, crate::HubError> {
    let today = today(tx.now());
    tx.tell_lapsed(&device.station)?;
    let mut reader = tx.tell_standings(&device.station, &device.staff)?;
    let epoch = tx.epoch()?;
    let budget = (request.budget as usize).min(BUDGET);
    // Who is late with his certificate brings all the same; what there is to read waits for the new one.
    let renew = tx.is_over(certificate)?;
    let page = match renew {
        true => FeedPage::nothing_after(request.cursor),
        false => feed_page(tx, &device.station, &mut reader, request, budget, today)?,
    };
    let who = Who::Device(device.device);
    let left = budget.saturating_sub(page.bytes);
    let pages = match request.want.as_slice() {
        [] => None,
        _ if renew => Some(Vec::new()),
        _ => Some(records_pages(tx, &who, &device.station, &mut reader, request, left, today)?),
    };
    let differs = if renew { Vec::new() } else { differing(tx, device, &reader, request)? };
    let durable = tx.durable_up_to(device.device, request.series)?;
    let (held, rejected) = tx.verdicts(device.device, request.series)?;
    let scope = ReceiptScope { epoch, device: device.device, series: request.series };
    // A receipt for nothing says nothing, and needs no signature.
    let receipt = match accepted.receipt.as_slice() {
        [] => Receipt { items: Vec::new(), signature: Vec::new() },
        items => Receipt::sign(&tx.keys.receipt, &scope, items),
    };
    tx.seen(device.device)?;
    tx.learn_key(certificate)?;
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
        from: page.from,
        next_cursor: page.next,
        more: page.more,
        // What was withdrawn was not told either: no lease is extended by such an answer.
        policy: (!renew).then(|| Policy {
            durability: if durable.is_some() { Durability::Replicated } else { Durability::Fsynced },
            lease_until: lease.map(|hours| tx.now() + i64::from(hours) * 3_600_000),
        }),
        renew,
        differs,
    })
}

/// Patients of whom the device, at its cursor, holds something else than the station. Asked about once a day.
fn differing(
    tx: &crate::store::Tx<'_>,
    device: &DeviceRow,
    reader: &Reader,
    request: &SyncRequest,
) -> Result<Vec<PatientId>, crate::HubError> {
    let comparable = !request.digests.is_empty()
        && request.epoch == tx.epoch()?
        && tx.cursor_is_ours(&device.station, &request.cursor)?
        && tx.versions_are_known()?;
    if !comparable {
        return Ok(Vec::new());
    }
    let moving = tx.moving_patients(device, request.cursor.n)?;
    let mut differs = Vec::new();
    for digest in request.digests.iter().take(DIGESTS_LIMIT).filter(|digest| !moving.contains(&digest.patient)) {
        if !reader.has_in_full(&digest.patient) {
            continue;
        }
        let ours = tx.digest_of(&device.station, &digest.patient)?;
        if ours.is_some_and(|ours| ours != digest.hash) {
            differs.push(digest.patient.clone());
        }
    }
    Ok(differs)
}
