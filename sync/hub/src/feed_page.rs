//! One answer's page of a station's feed, filtered at read: consent is asked when the page is made, not when the row was.

use crate::error::HubError;
use crate::store::{Tx, Who};
use jiff::civil::Date;
use protocol::{Cursor, FeedItem, Kind, RecordItem, RecordsPage, SyncRequest, Wanted};
use record::visit_note::Encoding;
use record::{Consent, DisclosedRecord, FacilityId, PatientId};

const ROWS: usize = 2_000;
/// Most earlier cursors that are looked at.
const EARLIER: usize = 64;
const PAGE_RECORDS: usize = 500;
/// Most patients whose records are looked at for one answer.
const WANTED: usize = 200;

pub struct FeedPage {
    pub items: Vec<FeedItem>,
    /// Bytes of the items' bodies.
    pub bytes: usize,
    pub next: Cursor,
    pub more: bool,
}

/// The feed after a device's cursor. A cursor from another history starts from the newest earlier one that both know, else
/// from the beginning: every item is idempotent.
pub fn feed_page(
    tx: &Tx<'_>,
    station: &FacilityId,
    request: &SyncRequest,
    budget: usize,
    today: Date,
) -> Result<FeedPage, HubError> {
    let (device, series) = (request.device, request.series);
    // The hub was put back to an older state, and the device does not know it yet: it is asked where it stood before.
    if request.epoch != tx.epoch()? && request.earlier.is_empty() && !tx.cursor_is_ours(station, &request.cursor)? {
        return Ok(FeedPage { items: Vec::new(), bytes: 0, next: request.cursor, more: true });
    }
    let mut start = Cursor::START;
    for cursor in std::iter::once(&request.cursor).chain(request.earlier.iter().take(EARLIER)) {
        if tx.cursor_is_ours(station, cursor)? {
            start = *cursor;
            break;
        }
    }
    let rows = tx.feed_after(station, start.n, ROWS)?;
    let mut page = FeedPage { items: Vec::new(), bytes: 0, next: start, more: rows.len() == ROWS };
    for row in rows {
        let body = match (row.kind, row.entry, row.body) {
            // A device is not told what it told us; what it sent in an older series it may have lost since.
            (_, Some(entry), _) if row.device == Some(device) && tx.series_of(entry)? == Some(series) => None,
            (_, Some(entry), _) => tx.entry(entry)?.map(|entry| (entry.enc, entry.bytes, entry.received_at)),
            (Kind::Patient, None, Some(body)) => match &row.patient {
                Some(patient) if tx.may_know(station, patient)? => Some((Encoding::Cbor.into(), body, row.at)),
                _ => None,
            },
            (_, None, Some(body)) => Some((Encoding::Cbor.into(), body, row.at)),
            // A record that was linked to another person since is not this patient's any more.
            (Kind::Record, None, None) => match (&row.patient, tx.record(row.doc)?) {
                (Some(patient), Some(held))
                    if held.patient == *patient && may_see(tx, station, patient, &held.record, today)? =>
                {
                    Some((Encoding::Cbor.into(), held.body, row.at))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some((enc, body, at)) = body {
            if page.bytes + body.len() > budget && !page.items.is_empty() {
                page.more = true;
                return Ok(page);
            }
            page.bytes += body.len();
            page.items.push(FeedItem {
                n: row.n,
                kind: row.kind,
                doc: row.doc,
                patient: row.patient,
                enc,
                bytes: body,
                at,
            });
        }
        page.next = Cursor { n: row.n, chain: row.chain };
    }
    Ok(page)
}

/// A page for each wanted patient, as far as `budget` bytes go, as the station may see them today.
pub fn records_pages(
    tx: &Tx<'_>,
    who: &Who,
    station: &FacilityId,
    want: &[Wanted],
    mut budget: usize,
    today: Date,
) -> Result<Vec<RecordsPage>, HubError> {
    let mut pages = Vec::new();
    for wanted in want.iter().take(WANTED) {
        if budget == 0 {
            break;
        }
        let patient = &wanted.patient;
        if !tx.has_care(station, patient)? {
            // The attempt is audited; the answer does not say whether the patient exists.
            tx.audit(who, "view_refused", Some(patient), "records")?;
            pages.push(RecordsPage::nothing(patient.clone()));
            continue;
        }
        let page = records_page(tx, station, patient, wanted.after, budget, today)?;
        if !page.items.is_empty() {
            tx.audit(who, "disclose", Some(patient), &format!("{} records", page.items.len()))?;
        }
        budget = budget.saturating_sub(page.items.iter().map(|item| item.bytes.len()).sum());
        pages.push(page);
    }
    Ok(pages)
}

fn records_page(
    tx: &Tx<'_>,
    station: &FacilityId,
    patient: &PatientId,
    after: u64,
    budget: usize,
    today: Date,
) -> Result<RecordsPage, HubError> {
    let version = tx.consent_version(station, patient)?;
    let consents = on_phone(tx, station, patient, today)?;
    let mut page = RecordsPage { patient: patient.clone(), version, items: Vec::new(), next: None };
    let rows = tx.records_after(patient, after, PAGE_RECORDS)?;
    let full = rows.len() == PAGE_RECORDS;
    let mut bytes = 0;
    for (n, doc) in rows {
        let Some(held) = tx.record(doc)? else { continue };
        if consents.iter().any(|consent| consent.covers(&held.record, today)) {
            bytes += held.body.len();
            page.items.push(RecordItem { doc, bytes: held.body });
        }
        page.next = Some(n);
        if bytes >= budget {
            return Ok(page);
        }
    }
    if !full {
        page.next = None;
    }
    Ok(page)
}

fn may_see(
    tx: &Tx<'_>,
    station: &FacilityId,
    patient: &PatientId,
    record: &DisclosedRecord,
    today: Date,
) -> Result<bool, HubError> {
    Ok(on_phone(tx, station, patient, today)?.iter().any(|consent| consent.covers(record, today)))
}

/// Consents under which a copy may stand on this station's phones.
fn on_phone(tx: &Tx<'_>, station: &FacilityId, patient: &PatientId, today: Date) -> Result<Vec<Consent>, HubError> {
    let mut consents = tx.consents_of(patient)?;
    consents.retain(|c| c.viewing == *station && c.offline_hours.is_some() && c.holds_on(today));
    Ok(consents)
}
