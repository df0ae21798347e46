//! `wire.cddl` and the code say the same: what the code writes fits its rule, what is bent does not, and what the page
//! lets pass the code reads.

use cddl_cat::context::BasicContext;
use cddl_cat::flatten::flatten_from_str;
use cddl_cat::{ValidateError, validate_cbor};
use ciborium::Value;
use ed25519_dalek::SigningKey;
use protocol::capsule::{COPIES_LIMIT, COPY_LIMIT, Copy, Sealer};
use protocol::digest::{Digest, HOLDINGS_LIMIT, Holding, Tally};
use protocol::page::{self, PAGE_LIMIT};
use protocol::proof::prove;
use protocol::receipt::ReceiptScope;
use protocol::{
    CapsuleRequest, CapsuleResponse, Consented, Cursor, DeviceKey, Durability, EnrolRequest, EnrolResponse, Entry,
    Epoch, Extent, FeedItem, Kind, PatientStanding, PhotoPiece, PhotoReceipt, PhotoStanding, Policy, Receipt,
    ReceiptItem, RecordItem, RecordsPage, Refusal, RefusalCode, RenewRequest, RenewResponse, SealedCopy, SealedPage,
    Series, Since, SyncRequest, SyncResponse, Validity, Verdict, VerdictCode, WIRE_VERSION, Wanted, codec,
};
use record::canonical::{self, CborError};
use record::disclosed::Code;
use record::order::VitalAlert;
use record::visit_note::{
    About, Act, Correction, FieldValue, FrozenNote, Proposal, SignedAct, SignedConfirmation, What,
};
use record::{
    ChangeHash, ContentHash, DataClass, DeviceId, DisclosedRecord, DocumentId, Facility, FacilityKind, Form, LocalId,
    NursingOrder, Patient, RecordFlag, Sex, Staff, StaffRole, Visit,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::error::Error;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The page.
struct Wire(BasicContext);

impl Wire {
    fn read() -> Result<Self, ValidateError> {
        flatten_from_str(include_str!("../wire.cddl")).map(|rules| Self(BasicContext::new(rules)))
    }

    /// Whether a value fits a rule. A page that does not hang together is an error, not a misfit.
    fn takes(&self, rule: &str, value: &Value) -> Result<bool, ValidateError> {
        let definition = self.0.rules.get(rule).ok_or_else(|| ValidateError::MissingRule(rule.to_string()))?;
        match validate_cbor(definition, value, &self.0) {
            Ok(()) => Ok(true),
            Err(ValidateError::Mismatch(_) | ValidateError::MapCut(_) | ValidateError::ValueError(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The same of something that the code writes.
    fn fits<T: Serialize>(&self, rule: &str, value: &T) -> Outcome<bool> {
        Ok(self.takes(rule, &canonical::from_bytes(&canonical::to_bytes(value)?)?)?)
    }
}

/// A value as the code writes it, with the rule that it should fit and the code that reads it.
struct Sample {
    rule: &'static str,
    bytes: Vec<u8>,
    is_read: fn(&[u8]) -> bool,
}

fn sample<T: Serialize + DeserializeOwned>(rule: &'static str, value: &T) -> Result<Sample, CborError> {
    let bytes = canonical::to_bytes(value)?;
    Ok(Sample { rule, bytes, is_read: |bytes| canonical::from_bytes::<T>(bytes).is_ok() })
}

impl Sample {
    fn fields(&self) -> Outcome<Vec<(Value, Value)>> {
        match canonical::from_bytes::<Value>(&self.bytes)? {
            Value::Map(fields) => Ok(fields),
            _ => Err(format!("{} is no map", self.rule).into()),
        }
    }

    fn reads(&self, value: &Value) -> Outcome<bool> {
        Ok((self.is_read)(&canonical::to_bytes(value)?))
    }
}

/// What may be left out: everything else is always written.
const OPTIONAL: &[(&str, &str)] = &[
    ("sync-request", "earlier"),
    ("sync-request", "want"),
    ("sync-request", "derives"),
    ("sync-response", "pages"),
    ("sync-request", "digests"),
    ("sync-request", "proof"),
    ("sync-response", "policy"),
    ("sync-response", "from"),
    ("sync-response", "renew"),
    ("sync-response", "differs"),
    ("records-page", "numbers"),
    ("record-item", "doc"),
    ("enrol-response", "validity"),
    ("policy", "lease_until"),
    ("photo-standing", "receipt"),
    ("refusal", "v"),
    ("capsule-request", "since"),
    ("capsule-response", "page"),
    ("capsule-request", "holds"),
    ("capsule-response", "lacks"),
    ("copy", "maker"),
    ("consented", "again"),
    ("frozen-note", "form"),
    ("proposal", "over"),
    ("order", "psychiatric"),
    ("order", "drip"),
    ("order", "alerts"),
    ("order", "spo2_target_88_92"),
    ("order", "issued_on"),
    ("vital-alert", "low"),
    ("vital-alert", "high"),
    ("patient-standing", "leave"),
    ("records-page", "feed"),
];

const DEVICE: DeviceId = DeviceId([0xd1; 8]);
const NOTE: DocumentId = DocumentId([0x09; 16]);
const SERIES: Series = Series(DocumentId([0x5e; 16]));
const EPOCH: Epoch = Epoch(DocumentId([0xe0; 16]));
const HASH: ContentHash = ContentHash([0x77; 32]);
const CURSOR: Cursor = Cursor { n: 48_211, chain: HASH };
const SINCE: Since = Since { epoch: EPOCH, series: SERIES, cursor: CURSOR, budget: 1 << 20 };
/// 2026-11-22T00:32:00Z
const AT: i64 = 1_795_307_520_000;
const VALIDITY: Validity = Validity { from: AT, until: AT + 400 * 86_400_000 };

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn public_key() -> Vec<u8> {
    signing_key().verifying_key().to_bytes().to_vec()
}

fn frozen(form: Form) -> Outcome<FrozenNote> {
    let fields = [
        ("temperature_c", FieldValue::Number(36.5)),
        ("pulse_bpm", FieldValue::Number(72.0)),
        ("is_drill", FieldValue::Flag(true)),
        ("condition", FieldValue::Word("変わりなし".to_string())),
        ("started_at", FieldValue::Time("2026-11-22T00:32:00Z".parse()?)),
        ("next_visit_on", FieldValue::Date("2026-11-24".parse()?)),
        ("spo2_percent", FieldValue::Unmeasured("器具なし".to_string())),
    ];
    Ok(FrozenNote {
        v: 1,
        note: NOTE,
        form,
        about: About { patient: "p-1".parse()?, station: "st-1".parse()?, visit: None },
        staff: "n-1".parse()?,
        device: DEVICE,
        confirmed_at: "2026-11-22T01:40:00.5Z".parse()?,
        heads: vec![ChangeHash([0x11; 32])],
        fields: fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect::<BTreeMap<_, _>>(),
    })
}

fn confirmation() -> Outcome<SignedConfirmation> {
    let frozen = canonical::to_bytes(&frozen(Form::VisitNote)?)?;
    Ok(SignedConfirmation { frozen, key: public_key(), signature: vec![0x51; 64] })
}

fn correction() -> Correction {
    let (before, after) = (Some(FieldValue::Number(36.5)), None);
    Correction { field: "temperature_c".to_string(), before, after, over: vec![HASH] }
}

fn proposal() -> Outcome<Proposal> {
    Ok(Proposal {
        amendment: HASH,
        by: Some("n-2".parse()?),
        at: Some("2026-11-22T02:00:00Z".parse()?),
        value: Some(FieldValue::Unmeasured("拒否".to_string())),
        correction: correction(),
        over: vec![HASH],
    })
}

fn acts() -> Outcome<Vec<Act>> {
    let what = [
        What::Amend(correction()),
        What::Accept(proposal()?),
        What::Decline(Proposal { by: None, at: None, value: None, ..proposal()? }),
        What::Choose { confirmation: HASH, among: vec![HASH], over: Vec::new() },
        What::Close { outcome: "duplicate".to_string(), copied_to: Some(NOTE) },
    ];
    what.into_iter()
        .map(|what| {
            Ok(Act {
                v: 1,
                note: NOTE,
                patient: "p-1".parse()?,
                station: "st-1".parse()?,
                on: HASH,
                staff: "n-1".parse()?,
                device: DEVICE,
                at: "2026-11-22T02:05:00Z".parse()?,
                reason: "記載誤り".to_string(),
                what,
            })
        })
        .collect()
}

fn signed_act() -> Outcome<SignedAct> {
    let act = acts()?.into_iter().next().ok_or("there are acts")?;
    Ok(act.sign(&signing_key())?)
}

fn patient() -> Outcome<Patient> {
    Ok(Patient {
        id: "p-1".parse()?,
        name: "仮山 はな".to_string(),
        kana: "カリヤマ　ハナ".to_string(),
        birth_date: Some("1938-04-01".parse()?),
        sex: Sex::Female,
        address: None,
        phone: Some("000-0000-0001".to_string()),
        local_ids: vec![LocalId { facility: "tsubaki".parse()?, id: "0004711".to_string() }],
    })
}

fn disclosed() -> Outcome<DisclosedRecord> {
    Ok(DisclosedRecord {
        facility: "tsubaki".parse()?,
        class: DataClass::Lab,
        source_key: "o-17/3".to_string(),
        as_of: "2026-11-20T00:00:00Z".parse()?,
        date: Some("2026-11-20".parse()?),
        text: "カリウム".to_string(),
        code: Some(Code { system: "urn:oid:1.2.392.200119.4.504".to_string(), value: "3H015".to_string() }),
        value: Some("3.90".to_string()),
        unit: Some("mmol/L".to_string()),
        flag: Some(RecordFlag::High),
        detail: None,
        body: None,
        deleted: false,
    })
}

fn visit() -> Outcome<Visit> {
    Ok(Visit {
        id: NOTE,
        patient: "p-1".parse()?,
        station: "st-1".parse()?,
        staff: "n-1".parse()?,
        date: "2026-11-22".parse()?,
        start: "09:30:00".parse()?,
        minutes: 60,
    })
}

fn alert() -> VitalAlert {
    VitalAlert { field: "spo2_percent".to_string(), low: Some(88.0), high: None }
}

fn order() -> Outcome<NursingOrder> {
    Ok(NursingOrder {
        id: NOTE,
        patient: "p-1".parse()?,
        facility: "tsubaki".parse()?,
        station: "st-1".parse()?,
        from: "2026-06-01".parse()?,
        until: "2026-11-30".parse()?,
        special: false,
        psychiatric: false,
        drip: false,
        alerts: vec![alert()],
        spo2_target_88_92: true,
        issued_on: None,
    })
}

fn consented() -> Outcome<Consented> {
    let classes = [DataClass::Rx, DataClass::Lab].map(|class| class.to_string()).to_vec();
    Ok(Consented {
        patient: "p-1".parse()?,
        version: 4,
        allowed: vec![("tsubaki".parse()?, classes)],
        withdrawn: vec!["yanagi".parse()?],
        again: true,
    })
}

fn standing(extent: Extent) -> Outcome<PatientStanding> {
    let leave = vec![NOTE];
    Ok(PatientStanding { patient: "p-1".parse()?, staff: "n-1".parse()?, version: 5, extent, leave })
}

fn facility() -> Outcome<Facility> {
    let (kind, name) = (FacilityKind::Hospital, "つばき病院".to_string());
    Ok(Facility { id: "tsubaki".parse()?, kind, name, disclosing: true })
}

fn staff() -> Outcome<Staff> {
    let (name, role) = ("架空 看護師".to_string(), StaffRole::Nurse);
    Ok(Staff { id: "n-1".parse()?, facility: "st-1".parse()?, name, role })
}

fn device_key() -> Outcome<DeviceKey> {
    Ok(DeviceKey { device: DEVICE, staff: "n-1".parse()?, signing_key: public_key(), from: AT, until: None })
}

fn entry(seq: u64, kind: Kind, enc: u8, bytes: Vec<u8>) -> Outcome<Entry> {
    Ok(Entry { seq, doc: NOTE, patient: "p-1".parse()?, kind, enc, hash: HASH, bytes })
}

fn entries() -> Outcome<Vec<Entry>> {
    Ok(vec![
        entry(7, Kind::Note, 1, vec![0x85; 40])?,
        entry(8, Kind::Confirmation, 3, confirmation()?.to_bytes()?)?,
        entry(9, Kind::Amendment, 3, signed_act()?.to_bytes()?)?,
        entry(10, Kind::VisitReport, 2, vec![0x85; 40])?,
    ])
}

fn item(kind: Kind, enc: u8, is_of_patient: bool, bytes: Vec<u8>) -> Outcome<FeedItem> {
    let patient = if is_of_patient { Some("p-1".parse()?) } else { None };
    Ok(FeedItem { n: 48_210, kind, doc: NOTE, patient, enc, bytes, at: AT })
}

/// One of every kind.
fn feed() -> Outcome<Vec<FeedItem>> {
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

fn request() -> Outcome<SyncRequest> {
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

fn receipt(items: &[ReceiptItem]) -> Receipt {
    let scope = ReceiptScope { epoch: EPOCH, device: DEVICE, series: SERIES };
    let items: Vec<_> = items.iter().map(|item| (*item, HASH)).collect();
    Receipt::sign(&signing_key(), &scope, &items)
}

fn policy() -> Policy {
    Policy { durability: Durability::Replicated, lease_until: Some(AT) }
}

fn response() -> Outcome<SyncResponse> {
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

fn digest() -> Outcome<Digest> {
    let mut tally = Tally::default();
    tally.document(NOTE, HASH);
    Ok(Digest { patient: "p-1".parse()?, hash: tally.hash() })
}

fn wanted() -> Outcome<Wanted> {
    Ok(Wanted { patient: "p-1".parse()?, after: 500 })
}

fn page() -> Outcome<RecordsPage> {
    let bytes = canonical::to_bytes(&disclosed()?)?;
    let items = vec![RecordItem { doc: Some(NOTE), bytes: bytes.clone() }, RecordItem { doc: None, bytes }];
    let numbers = vec![LocalId { facility: disclosed()?.facility, id: "0012345".to_string() }];
    let feed = vec![item(Kind::Note, 1, true, vec![0x85; 40])?];
    Ok(RecordsPage { patient: "p-1".parse()?, version: 4, items, numbers, feed, next: Some(RecordsPage::WHOLE + 500) })
}

fn copy() -> Outcome<Copy> {
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

fn copy_of_photo() -> Outcome<Copy> {
    Ok(Copy { kind: Kind::PhotoPiece, bytes: canonical::to_bytes(&photo_piece())?, maker: None, ..copy()? })
}

fn sealed() -> Outcome<SealedCopy> {
    Ok(Sealer::new(&[9; 32], DEVICE, SERIES)?.seal(&copy()?, &signing_key())?)
}

fn capsule_request(copies: Vec<SealedCopy>) -> CapsuleRequest {
    CapsuleRequest {
        v: WIRE_VERSION,
        device: DEVICE,
        series: SERIES,
        copies,
        since: Some(SINCE),
        holds: vec![holding()],
    }
}

fn holding() -> Holding {
    Holding { doc: NOTE, hash: vec![7; 8] }
}

fn sealed_page() -> Outcome<SealedPage> {
    Ok(page::seal(&response()?, &SINCE, DEVICE, &public_key(), &signing_key())?)
}

fn capsule_response() -> Outcome<CapsuleResponse> {
    let (receipt, page, lacks) = (receipt(&[]), Some(sealed_page()?), Some(vec![NOTE]));
    Ok(CapsuleResponse { v: WIRE_VERSION, epoch: EPOCH, time: AT, receipt, wipe: true, page, lacks })
}

fn enrol_request() -> EnrolRequest {
    EnrolRequest { v: WIRE_VERSION, code: "ABCD2345".to_string(), csr: vec![0x30; 200], signing_key: public_key() }
}

fn enrol_response() -> Outcome<EnrolResponse> {
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

fn photo_piece() -> PhotoPiece {
    PhotoPiece { size: 300_000, from: 262_144, bytes: vec![0xff; 37_856] }
}

fn photo_standing() -> PhotoStanding {
    let receipt = PhotoReceipt { at: AT, signature: vec![5; 64] };
    PhotoStanding { epoch: EPOCH, offset: 300_000, receipt: Some(receipt) }
}

fn renew_request() -> RenewRequest {
    RenewRequest::prove(vec![0x30; 200], &signing_key())
}

fn renew_response() -> RenewResponse {
    RenewResponse { v: WIRE_VERSION, certificate: vec![0x30; 300], validity: VALIDITY, time: AT }
}

fn samples() -> Outcome<Vec<Sample>> {
    let mut samples = vec![
        sample("sync-request", &request()?)?,
        sample("cursor", &CURSOR)?,
        sample("digest", &digest()?)?,
        sample("sync-response", &response()?)?,
        sample("receipt", &response()?.receipt)?,
        sample("receipt-item", &ReceiptItem { seq: 7, at: AT })?,
        sample("verdict", &Verdict { seq: 3, code: VerdictCode::Waiting })?,
        sample("policy", &policy())?,
        sample("signed-confirmation", &confirmation()?)?,
        sample("frozen-note", &frozen(Form::CarePlan)?)?,
        sample("signed-act", &signed_act()?)?,
        sample("correction", &correction())?,
        sample("proposal", &proposal()?)?,
        sample("patient", &patient()?)?,
        sample("disclosed-record", &disclosed()?)?,
        sample("visit", &visit()?)?,
        sample("order", &order()?)?,
        sample("vital-alert", &alert())?,
        sample("consented", &consented()?)?,
        sample("patient-standing", &standing(Extent::Full)?)?,
        sample("facility", &facility()?)?,
        sample("staff", &staff()?)?,
        sample("device-key", &device_key()?)?,
        sample("device-key", &DeviceKey { until: Some(AT), ..device_key()? })?,
        sample("wanted", &wanted()?)?,
        sample("records-page", &page()?)?,
        sample("records-page", &RecordsPage { next: None, ..page()? })?,
        sample("record-item", &RecordItem { doc: Some(NOTE), bytes: canonical::to_bytes(&disclosed()?)? })?,
        sample("capsule-request", &capsule_request(vec![sealed()?]))?,
        sample("sealed-copy", &sealed()?)?,
        sample("copy", &copy()?)?,
        sample("copy", &copy_of_photo()?)?,
        sample("capsule-response", &capsule_response()?)?,
        sample("holding", &holding())?,
        sample("since", &SINCE)?,
        sample("sealed-page", &sealed_page()?)?,
        sample("enrol-request", &enrol_request())?,
        sample("enrol-response", &enrol_response()?)?,
        sample("photo-piece", &photo_piece())?,
        sample("photo-standing", &photo_standing())?,
        sample("photo-receipt", &PhotoReceipt { at: AT, signature: vec![5; 64] })?,
        sample("validity", &VALIDITY)?,
        sample("renew-request", &renew_request())?,
        sample("renew-response", &renew_response())?,
        sample("refusal", &Refusal { code: RefusalCode::Version, v: Some(WIRE_VERSION) })?,
    ];
    for entry in entries()? {
        samples.push(sample("entry", &entry)?);
    }
    for item in feed()? {
        samples.push(sample("feed-item", &item)?);
    }
    for act in acts()? {
        samples.push(sample("act", &act)?);
    }
    Ok(samples)
}

#[test]
fn whatever_the_code_writes_fits_its_rule() -> Outcome {
    let wire = Wire::read()?;
    for sample in samples()? {
        assert!(wire.takes(sample.rule, &Value::Map(sample.fields()?))?, "{}", sample.rule);
        assert!((sample.is_read)(&sample.bytes), "{}", sample.rule);
    }
    Ok(())
}

#[test]
fn only_what_is_marked_optional_may_be_missing_and_the_code_reads_what_is_left() -> Outcome {
    let wire = Wire::read()?;
    for sample in samples()? {
        let fields = sample.fields()?;
        for (at, (name, _)) in fields.iter().enumerate() {
            let name = name.as_text().ok_or("fields have names")?;
            let mut left = fields.clone();
            left.remove(at);
            let left = Value::Map(left);
            let may_be_missing = OPTIONAL.contains(&(sample.rule, name));
            assert_eq!(wire.takes(sample.rule, &left)?, may_be_missing, "{} without {name}", sample.rule);
            assert!(!may_be_missing || sample.reads(&left)?, "{} without {name}", sample.rule);
        }
    }
    Ok(())
}

#[test]
fn a_field_of_another_type_is_refused() -> Outcome {
    let wire = Wire::read()?;
    // No field is such a map.
    let bent = Value::Map(vec![(Value::Text("bent".to_string()), Value::Null)]);
    for sample in samples()? {
        let mut fields = sample.fields()?;
        for at in 0..fields.len() {
            let whole = std::mem::replace(&mut fields[at].1, bent.clone());
            let name = &fields[at].0;
            assert!(!wire.takes(sample.rule, &Value::Map(fields.clone()))?, "{} with {name:?} bent", sample.rule);
            fields[at].1 = whole;
        }
    }
    Ok(())
}

#[test]
fn a_field_of_a_newer_version_is_let_pass_and_ignored() -> Outcome {
    let wire = Wire::read()?;
    for sample in samples()? {
        let mut fields = sample.fields()?;
        fields.push((Value::Text("newer".to_string()), Value::Array(vec![Value::Null])));
        let newer = Value::Map(fields);
        assert!(wire.takes(sample.rule, &newer)?, "{}", sample.rule);
        assert!(sample.reads(&newer)?, "{}", sample.rule);
    }
    Ok(())
}

#[test]
fn a_body_fits_as_it_is_unpacked_from_the_wire() -> Outcome {
    let wire = Wire::read()?;
    let refusal = Refusal { code: RefusalCode::Locked, v: None };
    for (rule, body) in [
        ("sync-request", codec::encode(&request()?)?),
        ("sync-response", codec::encode(&response()?)?),
        ("capsule-request", codec::encode(&capsule_request(vec![sealed()?]))?),
        ("capsule-response", codec::encode(&capsule_response()?)?),
        ("enrol-request", codec::encode(&enrol_request())?),
        ("enrol-response", codec::encode(&enrol_response()?)?),
        ("photo-piece", codec::encode(&photo_piece())?),
        ("photo-standing", codec::encode(&photo_standing())?),
        ("renew-request", codec::encode(&renew_request())?),
        ("renew-response", codec::encode(&renew_response())?),
        ("refusal", codec::encode(&refusal)?),
    ] {
        let value: Value = codec::decode(&body)?;
        assert!(wire.takes(rule, &value)?, "{rule}");
        assert!(wire.takes("body", &value)?, "{rule} is a body");
    }
    assert!(!wire.fits("body", &CURSOR)?, "a cursor alone is no body");
    Ok(())
}

#[test]
fn what_says_nothing_fits_too() -> Outcome {
    let wire = Wire::read()?;
    let quiet = SyncRequest {
        entries: Vec::new(),
        earlier: Vec::new(),
        want: Vec::new(),
        derives: false,
        digests: Vec::new(),
        proof: None,
        ..request()?
    };
    assert!(wire.fits("sync-request", &quiet)?);
    let empty = Receipt { items: Vec::new(), signature: Vec::new() };
    let (held, rejected, feed, pages) = (Vec::new(), Vec::new(), Vec::new(), None);
    let (from, policy, renew, differs) = (None, None, false, Vec::new());
    let silent =
        SyncResponse { receipt: empty, held, rejected, feed, pages, from, policy, renew, differs, ..response()? };
    assert!(wire.fits("sync-response", &silent)?);
    let none_but_a_name =
        DisclosedRecord { date: None, code: None, value: None, unit: None, flag: None, ..disclosed()? };
    assert!(wire.fits("disclosed-record", &none_but_a_name)?);
    assert!(wire.fits("frozen-note", &frozen(Form::VisitNote)?)?);
    assert!(wire.fits("cursor", &Cursor::START)?);
    assert!(
        wire.fits(
            "capsule-request",
            &CapsuleRequest { since: None, holds: Vec::new(), ..capsule_request(Vec::new()) }
        )?
    );
    for lacks in [None, Some(Vec::new())] {
        assert!(wire.fits("capsule-response", &CapsuleResponse { page: None, lacks, ..capsule_response()? })?);
    }
    Ok(())
}

#[test]
fn a_kind_stands_with_its_own_encoding_and_body() -> Outcome {
    let wire = Wire::read()?;
    let confirmation = confirmation()?.to_bytes()?;
    for (kind, enc, bytes) in [
        (Kind::Note, 3, vec![0x85; 40]),
        (Kind::Note, 4, vec![0x85; 40]),
        (Kind::Note, 1, Vec::new()),
        (Kind::Note, 1, vec![0; (1 << 20) + 1]),
        (Kind::Confirmation, 1, confirmation.clone()),
        (Kind::Amendment, 3, confirmation.clone()),
        (Kind::Confirmation, 3, vec![0xff]),
        (Kind::Patient, 3, canonical::to_bytes(&patient()?)?),
        (Kind::Other(200), 3, confirmation),
    ] {
        assert!(!wire.fits("entry", &entry(1, kind, enc, bytes)?)?, "{kind:?} with encoding {enc}");
    }
    assert!(!wire.fits("copy", &Copy { kind: Kind::PhotoPiece, bytes: vec![0xff], maker: None, ..copy()? })?);
    assert!(!wire.fits("copy", &Copy { kind: Kind::Patient, ..copy()? })?);
    let facility = canonical::to_bytes(&facility()?)?;
    assert!(!wire.fits("feed-item", &item(Kind::Staff, 3, false, facility.clone())?)?);
    assert!(!wire.fits("feed-item", &item(Kind::Patient, 3, true, facility)?)?);
    assert!(wire.fits("feed-item", &item(Kind::Other(0), 3, true, Vec::new())?)?, "an unknown kind is kept");
    Ok(())
}

#[test]
fn what_is_one_too_many_or_too_large_is_refused() -> Outcome {
    let wire = Wire::read()?;
    let small = SealedCopy { n: 1, enc: vec![9; 32], sealed: vec![0; 272] };
    assert!(wire.fits("capsule-request", &capsule_request(vec![small.clone(); COPIES_LIMIT]))?);
    assert!(!wire.fits("capsule-request", &capsule_request(vec![small.clone(); COPIES_LIMIT + 1]))?);
    let asks = |many| CapsuleRequest { holds: vec![holding(); many], ..capsule_request(Vec::new()) };
    assert!(wire.fits("capsule-request", &asks(HOLDINGS_LIMIT))?);
    assert!(!wire.fits("capsule-request", &asks(HOLDINGS_LIMIT + 1))?);
    assert!(wire.fits("sealed-copy", &SealedCopy { sealed: vec![0; COPY_LIMIT], ..small.clone() })?);
    assert!(!wire.fits("sealed-copy", &SealedCopy { sealed: vec![0; COPY_LIMIT + 1], ..small.clone() })?);
    assert!(!wire.fits("sealed-copy", &SealedCopy { enc: vec![9; 31], ..small })?);
    assert!(wire.fits("sealed-page", &SealedPage { sealed: vec![0; PAGE_LIMIT], ..sealed_page()? })?);
    assert!(!wire.fits("sealed-page", &SealedPage { sealed: vec![0; PAGE_LIMIT + 1], ..sealed_page()? })?);
    assert!(!wire.fits("sync-request", &SyncRequest { first_seq: 0, ..request()? })?);
    assert!(!wire.fits("sync-request", &SyncRequest { v: WIRE_VERSION + 1, ..request()? })?);
    assert!(!wire.fits("sync-request", &SyncRequest { proof: Some(vec![0; 63]), ..request()? })?);
    assert!(!wire.fits("digest", &Digest { hash: vec![0; 9], ..digest()? })?);
    assert!(!wire.fits("enrol-request", &EnrolRequest { signing_key: vec![1; 33], ..enrol_request() })?);
    assert!(!wire.fits("photo-piece", &PhotoPiece { bytes: vec![0; (256 << 10) + 1], ..photo_piece() })?);
    assert!(!wire.fits("photo-piece", &PhotoPiece { size: (8 << 20) + 1, ..photo_piece() })?);
    assert!(!wire.fits("photo-piece", &PhotoPiece { size: 0, ..photo_piece() })?);
    assert!(!wire.fits("enrol-request", &EnrolRequest { csr: vec![0; 8 * 1024 + 1], ..enrol_request() })?);
    assert!(!wire.fits("renew-request", &RenewRequest { csr: vec![0; 8 * 1024 + 1], ..renew_request() })?);
    assert!(!wire.fits("renew-request", &RenewRequest { proof: vec![0; 63], ..renew_request() })?);
    Ok(())
}

#[test]
fn every_word_is_listed_and_no_other_is_taken() -> Outcome {
    let wire = Wire::read()?;
    use RefusalCode as R;
    for code in [
        R::Garbled,
        R::Version,
        R::NoCertificate,
        R::NotThisDevice,
        R::Revoked,
        R::Expired,
        R::Locked,
        R::SeriesForked,
        R::Gap,
        R::CodeUnknown,
        R::CodeUsed,
        R::CodeExpired,
        R::NotYourPatient,
        R::UnknownPhoto,
        R::WrongHash,
        R::TooLarge,
        R::RelayOver,
        R::RelayFull,
        R::Busy,
        R::Internal,
        R::Unknown,
    ] {
        assert!(wire.fits("refusal-code", &code)?, "{code:?}");
    }
    use VerdictCode as V;
    for code in [
        V::Unreadable,
        V::WrongHash,
        V::OtherDevice,
        V::UnknownPatient,
        V::WrongSignature,
        V::Waiting,
        V::TooCostly,
        V::NotAllowed,
        V::Unknown,
    ] {
        assert!(wire.fits("verdict-code", &code)?, "{code:?}");
    }
    for durability in [Durability::Fsynced, Durability::Replicated] {
        assert!(wire.fits("durability", &durability)?, "{durability:?}");
    }
    for extent in [Extent::Full, Extent::Light, Extent::Gone, Extent::Unknown] {
        assert!(wire.fits("extent", &extent)?, "{extent:?}");
    }
    for class in DataClass::ALL {
        assert!(wire.fits("data-class", &class)?, "{class}");
    }
    for sex in [Sex::Male, Sex::Female, Sex::Other, Sex::Unknown] {
        assert!(wire.fits("sex", &sex)?, "{sex:?}");
    }
    for form in Form::ALL {
        assert_eq!(wire.fits("frozen-note", &frozen(form)?)?, form.is_confirmed(), "{form:?}");
    }
    for rule in ["refusal-code", "verdict-code", "durability", "data-class", "sex", "extent"] {
        assert!(!wire.fits(rule, &"eclipse")?, "{rule}");
    }
    assert!(wire.fits("staff-role", &StaffRole::Other("eclipse".to_string()))?, "kept as it came");
    assert!(wire.fits("facility-kind", &FacilityKind::Other("eclipse".to_string()))?, "kept as it came");
    assert!(wire.fits("record-flag", &RecordFlag::Other("eclipse".to_string()))?, "kept as it came");
    Ok(())
}
