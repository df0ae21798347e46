//! One answer's page of a station's feed, filtered at read: role, assignment and consent are asked when the page is made, not
//! when the row was.

use crate::error::HubError;
use crate::store::{FeedRow, Reader, Tx, Who};
use jiff::civil::Date;
use protocol::{Cursor, FeedItem, Kind, RecordItem, RecordsPage, SyncRequest, Wanted};
use record::visit_note::Encoding;
use record::{Consent, DisclosedRecord, FacilityId, LocalId, PatientId};

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
    /// Where it begins, if that is not where the device stands.
    pub from: Option<u64>,
    pub next: Cursor,
    pub more: bool,
}

impl FeedPage {
    /// The device stays where it stands.
    pub fn nothing_after(cursor: Cursor) -> Self {
        Self { items: Vec::new(), bytes: 0, from: None, next: cursor, more: false }
    }
}

/// The feed after a device's cursor. A cursor from another history starts from the newest earlier one that both know, else
/// from the beginning: every item is idempotent.
pub fn feed_page(
    tx: &Tx<'_>,
    station: &FacilityId,
    reader: &mut Reader,
    request: &SyncRequest,
    budget: usize,
    today: Date,
) -> Result<FeedPage, HubError> {
    let (device, series) = (request.device, request.series);
    // The hub was put back to an older state, and the device does not know it yet: it is asked where it stood before.
    if request.epoch != tx.epoch()? && request.earlier.is_empty() && !tx.cursor_is_ours(station, &request.cursor)? {
        return Ok(FeedPage { more: true, ..FeedPage::nothing_after(request.cursor) });
    }
    let mut start = Cursor::START;
    for cursor in std::iter::once(&request.cursor).chain(request.earlier.iter().take(EARLIER)) {
        if tx.cursor_is_ours(station, cursor)? {
            start = *cursor;
            break;
        }
    }
    let from = (start != request.cursor).then_some(start.n);
    let mut page = FeedPage { items: Vec::new(), bytes: 0, from, next: start, more: false };
    let mut is_full = false;
    let rows = tx.walk_feed(station, start.n, ROWS, |mut row| {
        let next = Cursor { n: row.n, chain: row.chain };
        // A device is not told what it told us; what it sent in an older series it may have lost since, and a snapshot may
        // hold others' words as well.
        let is_its_own = match &row.entry {
            Some(entry) => {
                row.device == Some(device)
                    && entry.series == series
                    && !tx.tells_of_others((row.doc, row.n), (device, series))?
            }
            None => false,
        };
        let said = if is_its_own { None } else { said(tx, station, reader, &mut row, today)? };
        if let Some(said) = said {
            if page.bytes + said.bytes.len() > budget && !page.items.is_empty() {
                is_full = true;
                return Ok(false);
            }
            page.bytes += said.bytes.len();
            page.items.push(said);
        }
        page.next = next;
        Ok(true)
    })?;
    page.more = is_full || rows == ROWS;
    Ok(page)
}

/// What a row says to a reader, if anything.
fn said(
    tx: &Tx<'_>,
    station: &FacilityId,
    reader: &mut Reader,
    row: &mut FeedRow,
    today: Date,
) -> Result<Option<FeedItem>, HubError> {
    if !reader.lets(tx, station, row, today)? {
        return Ok(None);
    }
    let cbor = u8::from(Encoding::Cbor);
    let body = match (row.kind, row.entry.take(), row.body.take()) {
        // The document whole, at the last of the entries that it came in; where the others stood there is nothing to say.
        (_, Some(entry), _) if entry.is_compacted() => {
            tx.snapshot_at(row.doc, row.n)?.map(|snapshot| (u8::from(Encoding::Columns), snapshot, entry.received_at))
        }
        (_, Some(entry), _) => Some((entry.enc, tx.entry_body(&entry)?, entry.received_at)),
        (Kind::Patient, None, Some(body)) => match &row.patient {
            Some(patient) if tx.may_know(station, patient)? => Some((cbor, body, row.at)),
            _ => None,
        },
        (_, None, Some(body)) => Some((cbor, body, row.at)),
        // A record that was linked to another person since is not this patient's any more.
        (Kind::Record, None, None) => match (&row.patient, tx.record(row.doc)?) {
            (Some(patient), Some(held))
                if held.patient == *patient
                    && reader.lets_record(patient, &held.record)
                    && may_see(tx, station, patient, &held.record, today)? =>
            {
                Some((cbor, held.body, row.at))
            }
            _ => None,
        },
        _ => None,
    };
    Ok(body.map(|(enc, bytes, at)| FeedItem {
        n: row.n,
        kind: row.kind,
        doc: row.doc,
        patient: row.patient.clone(),
        enc,
        bytes,
        at,
    }))
}

/// A page for each patient that a request wants, as far as `budget` bytes go.
pub fn records_pages(
    tx: &Tx<'_>,
    who: &Who,
    station: &FacilityId,
    reader: &mut Reader,
    request: &SyncRequest,
    mut budget: usize,
    today: Date,
) -> Result<Vec<RecordsPage>, HubError> {
    let mut pages = Vec::new();
    for wanted in request.want.iter().take(WANTED) {
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
        let page = records_page(tx, station, reader, wanted, (budget, request.derives), today)?;
        if !page.items.is_empty() {
            tx.audit(who, "disclose", Some(patient), &format!("{} records", page.items.len()))?;
        }
        if !page.feed.is_empty() {
            tx.audit(who, "backfill", Some(patient), &format!("{} entries", page.feed.len()))?;
        }
        budget = budget.saturating_sub(bytes_of(&page));
        pages.push(page);
    }
    Ok(pages)
}

fn bytes_of(page: &RecordsPage) -> usize {
    let records: usize = page.items.iter().map(|item| item.bytes.len()).sum();
    records + page.feed.iter().map(|item| item.bytes.len()).sum::<usize>()
}

/// One page of a patient's disclosed records, as the reader may see them today; asked for the patient whole, then what the
/// station has of the patient itself, her own entries too.
fn records_page(
    tx: &Tx<'_>,
    station: &FacilityId,
    reader: &mut Reader,
    wanted: &Wanted,
    (budget, derives): (usize, bool),
    today: Date,
) -> Result<RecordsPage, HubError> {
    let (patient, after) = (&wanted.patient, wanted.after);
    let version = tx.consent_version(station, patient)?;
    let mut page = RecordsPage { version, ..RecordsPage::nothing(patient.clone()) };
    let mut bytes = 0;
    if after < RecordsPage::OWN {
        let base = if after < RecordsPage::WHOLE { 0 } else { RecordsPage::WHOLE };
        let wanted = Wanted { patient: patient.clone(), after: after - base };
        let part = disclosed(tx, station, reader, &wanted, (budget, derives), today)?;
        (page.items, page.numbers) = (part.items, part.numbers);
        bytes = bytes_of(&page);
        page.next = part.next.map(|n| base + n);
        if page.next.is_some() || base == 0 {
            return Ok(page);
        }
        if bytes >= budget {
            page.next = Some(RecordsPage::OWN);
            return Ok(page);
        }
    }
    let mut is_enough = false;
    let from = after.saturating_sub(RecordsPage::OWN);
    let rows = tx.walk_feed_of((station, patient), from, PAGE_RECORDS, |mut row| {
        page.next = Some(RecordsPage::OWN + row.n);
        // Consent and standing are told in their order, by the feed alone; records stand above.
        if matches!(row.kind, Kind::Consent | Kind::Standing | Kind::Record) {
            return Ok(true);
        }
        if let Some(said) = said(tx, station, reader, &mut row, today)? {
            bytes += said.bytes.len();
            page.feed.push(said);
        }
        is_enough = bytes >= budget;
        Ok(!is_enough)
    })?;
    if !is_enough && rows < PAGE_RECORDS {
        page.next = None;
    }
    Ok(page)
}

/// A page's disclosed records.
struct Disclosed {
    items: Vec<RecordItem>,
    numbers: Vec<LocalId>,
    /// The last one's number, where there may be more.
    next: Option<u64>,
}

fn disclosed(
    tx: &Tx<'_>,
    station: &FacilityId,
    reader: &Reader,
    wanted: &Wanted,
    (budget, derives): (usize, bool),
    today: Date,
) -> Result<Disclosed, HubError> {
    let (patient, after) = (&wanted.patient, wanted.after);
    let consents = on_phone(tx, station, patient, today)?;
    // Whoever does not say so reads no item without its document, and would leave out the whole answer.
    let numbers = if derives { tx.known_patient(patient)?.local_ids } else { Vec::new() };
    let mut part = Disclosed { items: Vec::new(), numbers, next: None };
    let rows = tx.records_after(patient, after, PAGE_RECORDS)?;
    let full = rows.len() == PAGE_RECORDS;
    let mut bytes = 0;
    for (n, doc) in rows {
        let Some(held) = tx.record(doc)? else { continue };
        if reader.lets_record(patient, &held.record) && consents.iter().any(|c| c.covers(&held.record, today)) {
            bytes += held.body.len();
            let follows = RecordsPage::document(&part.numbers, &held.record) == Some(doc);
            part.items.push(RecordItem { doc: (!follows).then_some(doc), bytes: held.body });
        }
        part.next = Some(n);
        if bytes >= budget {
            return Ok(part);
        }
    }
    if !full {
        part.next = None;
    }
    Ok(part)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{EntryState, Store, testing};
    use jiff::civil::date;
    use protocol::{Entry, Series, Since};
    use record::{ContentHash, DataClass, DeviceId, DocumentId, Staff, StaffId, StaffRole};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    const TODAY: Date = date(2026, 11, 24);

    /// A hub that holds one record, and may show it.
    fn hub(folder: &std::path::Path) -> Outcome<(Store, FacilityId, PatientId, DisclosedRecord)> {
        let (store, patient) = testing::hub(folder, &["st-1"])?;
        let (hospital, station): (FacilityId, FacilityId) = ("tsubaki".parse()?, "st-1".parse()?);
        let nurse =
            Staff { id: "nurse-a".parse()?, facility: station.clone(), name: "架空".into(), role: StaffRole::Nurse };
        let as_of = jiff::Timestamp::UNIX_EPOCH;
        let record = DisclosedRecord::new(hospital.clone(), DataClass::Rx, "rx-1", as_of, "仮の薬");
        store.write(|tx| {
            tx.add_staff(&nurse)?;
            tx.add_consent(&testing::consent(&patient, &hospital, &station))?;
            tx.take_record(&patient, "1", &record, TODAY).map(|_| ())
        })?;
        Ok((store, station, patient, record))
    }

    #[test]
    fn a_record_travels_without_its_document_only_to_a_phone_that_finds_it_itself() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (store, station, patient, record) = hub(folder.path())?;
        let staff: StaffId = "nurse-a".parse()?;
        let asked = |derives| {
            store.write(|tx| {
                let mut reader = tx.tell_standings(&station, &staff)?;
                let wanted = Wanted { patient: patient.clone(), after: 0 };
                records_page(tx, &station, &mut reader, &wanted, (1 << 20, derives), TODAY)
            })
        };
        let (first, newer) = (asked(false)?, asked(true)?);
        assert_eq!(first.items.iter().map(|item| item.doc).collect::<Vec<_>>(), [Some(record.document("1"))]);
        assert!(first.numbers.is_empty());
        assert_eq!(newer.items.iter().map(|item| item.doc).collect::<Vec<_>>(), [None]);
        assert_eq!(RecordsPage::document(&newer.numbers, &record), Some(record.document("1")));
        Ok(())
    }

    const OWN: DeviceId = DeviceId([1; 8]);
    const COLLEAGUES: DeviceId = DeviceId([2; 8]);

    fn series(device: DeviceId) -> Series {
        Series(DocumentId([device.0[0]; 16]))
    }

    /// An entry of a hundred bytes that has passed; its place in the feed.
    fn told(tx: &Tx<'_>, station: &FacilityId, device: DeviceId, seq: u8) -> Result<u64, HubError> {
        let bytes = vec![seq; 100];
        let entry = Entry {
            seq: seq.into(),
            doc: DocumentId([device.0[0] * 16 + seq; 16]),
            patient: "p-1".parse().map_err(|_| HubError::NoRandomness)?,
            kind: Kind::Note,
            enc: Encoding::Columns.into(),
            hash: ContentHash::of(&bytes),
            bytes,
        };
        let accepted = tx.accept(device, station, series(device), std::slice::from_ref(&entry))?;
        assert!(accepted.is_ok());
        for row in tx.pending_entries(entry.doc)? {
            tx.settle(row.id, EntryState::Passed, None)?;
            tx.feed_entry(&row)?;
        }
        Ok(tx.feed_end(station)?.n)
    }

    /// What is for another nurse alone.
    fn refused(tx: &Tx<'_>, station: &FacilityId, n: u8) -> Result<(), HubError> {
        tx.append_feed_body(station, Kind::Standing, DocumentId([n; 16]), None, &"架空".repeat(10))?;
        let last = tx.feed_end(station)?.n as i64;
        tx.sql.execute("UPDATE feed SET staff = 'nurse-b' WHERE station = 'st-1' AND n = ?1", [last])?;
        Ok(())
    }

    #[test]
    fn however_short_the_pages_are_each_row_that_is_told_comes_once_and_in_its_order() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (store, station, ..) = hub(folder.path())?;
        let staff: StaffId = "nurse-a".parse()?;
        let (start, expected) = store.write(|tx| {
            for device in [OWN, COLLEAGUES] {
                tx.sql.execute(
                    "INSERT INTO device (id, staff, station, certificate, signing_key, enrolled_at)
                     VALUES (?1, 'nurse-a', 'st-1', ?1, ?2, 0)",
                    (device.0, [0u8; 32]),
                )?;
            }
            let (start, mut expected) = (tx.feed_end(&station)?, Vec::new());
            for n in 1..=4 {
                told(tx, &station, OWN, 2 * n - 1)?;
                expected.push(told(tx, &station, COLLEAGUES, 2 * n - 1)?);
                refused(tx, &station, n)?;
                tx.append_feed_body(&station, Kind::Facility, DocumentId([n; 16]), None, &"架空".repeat(10))?;
                expected.push(tx.feed_end(&station)?.n);
                told(tx, &station, OWN, 2 * n)?;
                refused(tx, &station, n)?;
                expected.push(told(tx, &station, COLLEAGUES, 2 * n)?);
            }
            Ok((start, expected))
        })?;
        let pages = |budget| {
            store.write(|tx| {
                let mut reader = tx.tell_standings(&station, &staff)?;
                let (mut pages, mut cursor) = (Vec::new(), start);
                loop {
                    let since = Since { epoch: tx.epoch()?, series: series(OWN), cursor, budget: 0 };
                    let page = feed_page(tx, &station, &mut reader, &since.request(OWN, 0), budget, TODAY)?;
                    assert!(page.bytes <= budget || page.items.len() == 1, "{} of {budget}", page.bytes);
                    pages.push(page.items.iter().map(|item| item.n).collect::<Vec<_>>());
                    assert!(!page.more || page.next.n > cursor.n, "each page goes on");
                    cursor = page.next;
                    if !page.more {
                        assert_eq!(cursor, tx.feed_end(&station)?);
                        return Ok(pages);
                    }
                }
            })
        };
        for (budget, most) in [(1, 1), (170, 2), (200, 2), (1 << 20, expected.len())] {
            let pages = pages(budget)?;
            assert_eq!(pages.concat(), expected, "{budget} bytes a page");
            assert_eq!(pages.iter().map(Vec::len).max(), Some(most), "{budget} bytes a page");
        }
        Ok(())
    }
}
