//! What travels: requests and responses, and what they are made of.

use crate::Outcome;
use crate::bodies::{
    AT, DEVICE, HASH, NOTE, confirmation, consented, device_key, disclosed, facility, order, patient, public_key,
    signed_act, signing_key, staff, standing, visit,
};
use protocol::capsule::{Copy, Sealer};
use protocol::digest::{Digest, Holding, Tally};
use protocol::page;
use protocol::proof::prove;
use protocol::receipt::ReceiptScope;
use protocol::{
    CapsuleRequest, CapsuleResponse, Cursor, Durability, EnrolRequest, EnrolResponse, Entry, Epoch, Extent, FeedItem,
    Kind, PhotoPiece, PhotoReceipt, PhotoStanding, Policy, Receipt, ReceiptItem, RecordItem, RecordsPage, RenewRequest,
    RenewResponse, SealedCopy, SealedPage, Series, Since, SyncRequest, SyncResponse, Validity, Verdict, VerdictCode,
    WIRE_VERSION, Wanted,
};
use record::{DeviceId, DocumentId, LocalId, canonical};

pub const SERIES: Series = Series(DocumentId([0x5e; 16]));
pub const EPOCH: Epoch = Epoch(DocumentId([0xe0; 16]));
pub const CURSOR: Cursor = Cursor { n: 48_211, chain: HASH };
pub const SINCE: Since = Since { epoch: EPOCH, series: SERIES, cursor: CURSOR, budget: 1 << 20 };
pub const VALIDITY: Validity = Validity { from: AT, until: AT + 400 * 86_400_000 };

pub fn entry(seq: u64, kind: Kind, enc: u8, bytes: Vec<u8>) -> Outcome<Entry> {
    Ok(Entry { seq, doc: NOTE, patient: "p-1".parse()?, kind, enc, hash: HASH, bytes })
}

pub fn entries() -> Outcome<Vec<Entry>> {
    Ok(vec![
        entry(7, Kind::Note, 1, vec![0x85; 40])?,
        entry(8, Kind::Confirmation, 3, confirmation()?.to_bytes()?)?,
        entry(9, Kind::Amendment, 3, signed_act()?.to_bytes()?)?,
        entry(10, Kind::VisitReport, 2, vec![0x85; 40])?,
    ])
}

pub fn item(kind: Kind, enc: u8, is_of_patient: bool, bytes: Vec<u8>) -> Outcome<FeedItem> {
    let patient = if is_of_patient { Some("p-1".parse()?) } else { None };
    Ok(FeedItem { n: 48_210, kind, doc: NOTE, patient, enc, bytes, at: AT })
}

/// One of every kind.
pub fn feed() -> Outcome<Vec<FeedItem>> {
    let changes = || vec![0x85; 40];
    Ok(vec![
        item(Kind::Note, 1, true, changes())?,
        item(Kind::Confirmation, 3, true, confirmation()?.to_bytes()?)?,
        item(Kind::Patient, 3, true, canonical::to_bytes(&patient()?)?)?,
        item(Kind::Record, 3, true, canonical::to_bytes(&disclosed()?)?)?,
        item(Kind::Visit, 3, true, canonical::to_bytes(&visit()?)?)?,
        item(Kind::Order, 3, true, canonical::to_bytes(&order()?)?)?,
        item(Kind::Consent, 3, true, canonical::to_bytes(&consented()?)?)?,
        item(Kind::Facility, 3, false, canonical::to_bytes(&facility()?)?)?,
        item(Kind::Staff, 3, false, canonical::to_bytes(&staff()?)?)?,
        item(Kind::DeviceKey, 3, false, canonical::to_bytes(&device_key()?)?)?,
        item(Kind::Handover, 2, true, changes())?,
        item(Kind::IntakeRecord, 1, true, changes())?,
        item(Kind::CarePlan, 2, true, changes())?,
        item(Kind::VisitReport, 1, true, changes())?,
        item(Kind::Amendment, 3, true, signed_act()?.to_bytes()?)?,
        item(Kind::Standing, 3, true, canonical::to_bytes(&standing(Extent::Light)?)?)?,
        item(Kind::Other(200), 9, false, vec![0xff])?,
    ])
}

pub fn request() -> Outcome<SyncRequest> {
    let request = SyncRequest {
        v: WIRE_VERSION,
        device: DEVICE,
        series: SERIES,
        epoch: EPOCH,
        cursor: CURSOR,
        first_seq: 7,
        entries: entries()?,
        budget: 1 << 20,
        earlier: vec![Cursor { n: 40_000, chain: HASH }, Cursor::START],
        want: vec![wanted()?],
        derives: true,
        digests: vec![digest()?],
        proof: None,
    };
    Ok(prove(request, &signing_key()))
}

pub fn receipt(items: &[ReceiptItem]) -> Receipt {
    let scope = ReceiptScope { epoch: EPOCH, device: DEVICE, series: SERIES };
    let items: Vec<_> = items.iter().map(|item| (*item, HASH)).collect();
    Receipt::sign(&signing_key(), &scope, &items)
}

pub fn policy() -> Policy {
    Policy { durability: Durability::Replicated, lease_until: Some(AT) }
}

pub fn response() -> Outcome<SyncResponse> {
    Ok(SyncResponse {
        v: WIRE_VERSION,
        epoch: EPOCH,
        time: AT,
        received_up_to: 10,
        durable_up_to: u64::MAX,
        receipt: receipt(&[ReceiptItem { seq: 7, at: AT }, ReceiptItem { seq: 8, at: AT }]),
        held: vec![Verdict { seq: 3, code: VerdictCode::Waiting }],
        rejected: vec![Verdict { seq: 4, code: VerdictCode::Unreadable }],
        feed: feed()?,
        pages: Some(vec![page()?]),
        from: Some(48_000),
        next_cursor: CURSOR,
        more: true,
        policy: Some(policy()),
        renew: true,
        differs: vec!["p-1".parse()?],
    })
}

pub fn digest() -> Outcome<Digest> {
    let mut tally = Tally::default();
    tally.document(NOTE, HASH);
    Ok(Digest { patient: "p-1".parse()?, hash: tally.hash() })
}

pub fn wanted() -> Outcome<Wanted> {
    Ok(Wanted { patient: "p-1".parse()?, after: 500 })
}

pub fn page() -> Outcome<RecordsPage> {
    let bytes = canonical::to_bytes(&disclosed()?)?;
    let items = vec![RecordItem { doc: Some(NOTE), bytes: bytes.clone() }, RecordItem { doc: None, bytes }];
    let numbers = vec![LocalId { facility: disclosed()?.facility, id: "0012345".to_string() }];
    let feed = vec![item(Kind::Note, 1, true, vec![0x85; 40])?];
    Ok(RecordsPage { patient: "p-1".parse()?, version: 4, items, numbers, feed, next: Some(RecordsPage::WHOLE + 500) })
}

pub fn copy() -> Outcome<Copy> {
    Ok(Copy {
        v: 1,
        device: DEVICE,
        series: SERIES,
        n: 1,
        at: AT,
        doc: NOTE,
        patient: "p-1".parse()?,
        station: "st-1".parse()?,
        kind: Kind::Note,
        hash: HASH,
        bytes: vec![0x85; 40],
        maker: Some(DeviceId([0xd2; 8])),
    })
}

pub fn copy_of_photo() -> Outcome<Copy> {
    Ok(Copy { kind: Kind::PhotoPiece, bytes: canonical::to_bytes(&photo_piece())?, maker: None, ..copy()? })
}

pub fn sealed() -> Outcome<SealedCopy> {
    Ok(Sealer::new(&[9; 32], DEVICE, SERIES)?.seal(&copy()?, &signing_key())?)
}

pub fn capsule_request(copies: Vec<SealedCopy>) -> CapsuleRequest {
    CapsuleRequest {
        v: WIRE_VERSION,
        device: DEVICE,
        series: SERIES,
        copies,
        since: Some(SINCE),
        holds: vec![holding()],
    }
}

pub fn holding() -> Holding {
    Holding { doc: NOTE, hash: vec![7; 8] }
}

pub fn sealed_page() -> Outcome<SealedPage> {
    Ok(page::seal(&response()?, &SINCE, DEVICE, &public_key(), &signing_key())?)
}

pub fn capsule_response() -> Outcome<CapsuleResponse> {
    let (receipt, page, lacks) = (receipt(&[]), Some(sealed_page()?), Some(vec![NOTE]));
    Ok(CapsuleResponse { v: WIRE_VERSION, epoch: EPOCH, time: AT, receipt, wipe: true, page, lacks })
}

pub fn enrol_request() -> EnrolRequest {
    EnrolRequest { v: WIRE_VERSION, code: "ABCD2345".to_string(), csr: vec![0x30; 200], signing_key: public_key() }
}

pub fn enrol_response() -> Outcome<EnrolResponse> {
    Ok(EnrolResponse {
        v: WIRE_VERSION,
        device: DEVICE,
        staff: "n-1".parse()?,
        staff_name: "架空 看護師".to_string(),
        station: "st-1".parse()?,
        station_name: "つつじ訪問看護ステーション".to_string(),
        hub_name: "架空市".to_string(),
        epoch: EPOCH,
        certificate: vec![0x30; 300],
        validity: Some(VALIDITY),
        ca: vec![0x30; 300],
        receipt_key: public_key(),
        sealing_key: vec![9; 32],
        time: AT,
    })
}

pub fn photo_piece() -> PhotoPiece {
    PhotoPiece { size: 300_000, from: 262_144, bytes: vec![0xff; 37_856] }
}

pub fn photo_standing() -> PhotoStanding {
    let receipt = PhotoReceipt { at: AT, signature: vec![5; 64] };
    PhotoStanding { epoch: EPOCH, offset: 300_000, receipt: Some(receipt) }
}

pub fn renew_request() -> RenewRequest {
    RenewRequest::prove(vec![0x30; 200], &signing_key())
}

pub fn renew_response() -> RenewResponse {
    RenewResponse { v: WIRE_VERSION, certificate: vec![0x30; 300], validity: VALIDITY, time: AT }
}
