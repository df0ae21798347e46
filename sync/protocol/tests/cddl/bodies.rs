//! What entries and feed items hold: notes, acts, records, and who and where.

use crate::Outcome;
use ed25519_dalek::SigningKey;
use protocol::{Consented, DeviceKey, Extent, PatientStanding};
use record::disclosed::Code;
use record::order::VitalAlert;
use record::visit_note::{
    About, Act, Correction, FieldValue, FrozenNote, Proposal, SignedAct, SignedConfirmation, What,
};
use record::{
    ChangeHash, ContentHash, DataClass, DeviceId, DisclosedRecord, DocumentId, Facility, FacilityKind, Form, LocalId,
    NursingOrder, Patient, RecordFlag, Sex, Staff, StaffRole, Visit, canonical,
};
use std::collections::BTreeMap;

pub const DEVICE: DeviceId = DeviceId([0xd1; 8]);
pub const NOTE: DocumentId = DocumentId([0x09; 16]);
pub const HASH: ContentHash = ContentHash([0x77; 32]);
/// 2026-11-22T00:32:00Z
pub const AT: i64 = 1_795_307_520_000;

pub fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn public_key() -> Vec<u8> {
    signing_key().verifying_key().to_bytes().to_vec()
}

pub fn frozen(form: Form) -> Outcome<FrozenNote> {
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

pub fn confirmation() -> Outcome<SignedConfirmation> {
    let frozen = canonical::to_bytes(&frozen(Form::VisitNote)?)?;
    Ok(SignedConfirmation { frozen, key: public_key(), signature: vec![0x51; 64] })
}

pub fn correction() -> Correction {
    let (before, after) = (Some(FieldValue::Number(36.5)), None);
    Correction { field: "temperature_c".to_string(), before, after, over: vec![HASH] }
}

pub fn proposal() -> Outcome<Proposal> {
    Ok(Proposal {
        amendment: HASH,
        by: Some("n-2".parse()?),
        at: Some("2026-11-22T02:00:00Z".parse()?),
        value: Some(FieldValue::Unmeasured("拒否".to_string())),
        correction: correction(),
        over: vec![HASH],
    })
}

pub fn acts() -> Outcome<Vec<Act>> {
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

pub fn signed_act() -> Outcome<SignedAct> {
    let act = acts()?.into_iter().next().ok_or("there are acts")?;
    Ok(act.sign(&signing_key())?)
}

pub fn patient() -> Outcome<Patient> {
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

pub fn disclosed() -> Outcome<DisclosedRecord> {
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

pub fn visit() -> Outcome<Visit> {
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

pub fn alert() -> VitalAlert {
    VitalAlert { field: "spo2_percent".to_string(), low: Some(88.0), high: None }
}

pub fn order() -> Outcome<NursingOrder> {
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

pub fn consented() -> Outcome<Consented> {
    let classes = [DataClass::Rx, DataClass::Lab].map(|class| class.to_string()).to_vec();
    Ok(Consented {
        patient: "p-1".parse()?,
        version: 4,
        allowed: vec![("tsubaki".parse()?, classes)],
        withdrawn: vec!["yanagi".parse()?],
        again: true,
    })
}

pub fn standing(extent: Extent) -> Outcome<PatientStanding> {
    let leave = vec![NOTE];
    Ok(PatientStanding { patient: "p-1".parse()?, staff: "n-1".parse()?, version: 5, extent, leave })
}

pub fn facility() -> Outcome<Facility> {
    let (kind, name) = (FacilityKind::Hospital, "つばき病院".to_string());
    Ok(Facility { id: "tsubaki".parse()?, kind, name, disclosing: true })
}

pub fn staff() -> Outcome<Staff> {
    let (name, role) = ("架空 看護師".to_string(), StaffRole::Nurse);
    Ok(Staff { id: "n-1".parse()?, facility: "st-1".parse()?, name, role })
}

pub fn device_key() -> Outcome<DeviceKey> {
    Ok(DeviceKey { device: DEVICE, staff: "n-1".parse()?, signing_key: public_key(), from: AT, until: None })
}
