//! `wire.cddl` and the code say the same: what the code writes fits its rule, what is bent does not, and what the page
//! lets pass the code reads.

mod bodies;
mod messages;
mod samples;

use bodies::{confirmation, disclosed, facility, frozen, patient};
use cddl_cat::context::BasicContext;
use cddl_cat::flatten::flatten_from_str;
use cddl_cat::{ValidateError, validate_cbor};
use ciborium::Value;
use messages::{
    CURSOR, capsule_request, capsule_response, copy, digest, enrol_request, enrol_response, entry, holding, item,
    photo_piece, photo_standing, renew_request, renew_response, request, response, sealed, sealed_page,
};
use protocol::capsule::{COPIES_LIMIT, COPY_LIMIT, Copy};
use protocol::digest::{Digest, HOLDINGS_LIMIT};
use protocol::page::PAGE_LIMIT;
use protocol::{
    CapsuleRequest, CapsuleResponse, Cursor, Durability, EnrolRequest, Extent, Kind, PhotoPiece, Receipt, Refusal,
    RefusalCode, RenewRequest, SealedCopy, SealedPage, SyncRequest, SyncResponse, VerdictCode, WIRE_VERSION, codec,
};
use record::{DataClass, DisclosedRecord, FacilityKind, Form, RecordFlag, Sex, StaffRole, canonical};
use samples::{OPTIONAL, samples};
use serde::Serialize;
use std::error::Error;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The page.
struct Wire(BasicContext);

impl Wire {
    fn read() -> Result<Self, ValidateError> {
        flatten_from_str(include_str!("../../wire.cddl")).map(|rules| Self(BasicContext::new(rules)))
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
