//! Typical bodies of the wire, out of which the codec's dictionary is made: structure and field names, nobody's words.
//!
//! Everything that differs from body to body (ids, hashes, times, numbers, names, words) falls from the dice: two bodies
//! made with different dice share only what every body shares.

use crate::Done;
use crate::dice::Dice;
use crate::wire::{MORNING_MS, hash, id, request, response};
use ciborium::Value;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use protocol::{Consented, DeviceKey, Entry, FeedItem, Kind, RecordItem, RecordsPage};
use record::order::VitalAlert;
use record::visit_note::{
    About, Act, Actor, Correction, Draft, Encoding, FIELDS, FieldKind, FieldValue, FrozenNote, SignedAct,
    SignedConfirmation, What,
};
use record::{
    ChangeHash, DataClass, DeviceId, DisclosedRecord, Facility, FacilityKind, Form, LocalId, NursingOrder, Patient,
    Sex, Staff, StaffRole, Visit, canonical,
};
use serde::Serialize;

/// What a regular visit writes down, beside its texts.
const USUAL: [&str; 56] = [
    "payer",
    "visit_kind",
    "profession",
    "started_at",
    "ended_at",
    "temperature_c",
    "pulse_bpm",
    "pulse_rhythm",
    "respiration_bpm",
    "systolic_mmhg",
    "diastolic_mmhg",
    "pressure_site",
    "pressure_posture",
    "spo2_percent",
    "weight_kg",
    "pain_nrs",
    "blood_glucose_mg_dl",
    "consciousness_jcs",
    "stool.last_on",
    "stool.times",
    "stool.bristol",
    "stool.amount",
    "urine.times",
    "urine.amount_ml",
    "oral.denture",
    "oral.swallowing",
    "medication.remaining",
    "medication.missed",
    "medication.set_until",
    "care.observation",
    "care.bedbath",
    "care.bathing",
    "care.shampoo",
    "care.perineal",
    "care.footbath",
    "care.oral",
    "care.bowel",
    "care.disimpaction",
    "care.enema",
    "care.urination",
    "care.catheter",
    "care.medication",
    "care.infusion",
    "care.wound",
    "care.ulcer",
    "care.stoma",
    "care.tube",
    "care.suction",
    "care.oxygen",
    "care.rehabilitation",
    "care.family",
    "care.environment",
    "care.liaison",
    "next_visit",
    "plan_changed",
    "eligibility_checked_on",
];
const USUAL_TEXTS: [&str; 6] = ["condition", "care_given", "family", "assessment", "plan", "remarks"];

/// Makes one body, as CBOR.
pub type Sample = fn(&mut Dice) -> Done<Vec<u8>>;

/// Which bodies there are, the most frequent first.
pub const SAMPLES: [Sample; 10] = [
    note_sent,
    nothing_new,
    note_received,
    confirmation_and_amendment,
    plan_of_the_day,
    tail_of_a_note,
    records,
    other_forms,
    who_is_who,
    every_field,
];

/// A word that no two bodies share.
fn word(dice: &mut Dice) -> String {
    char::from_u32(0x4e00 + dice.below(20_000) as u32).into_iter().collect()
}

fn when(dice: &mut Dice) -> Done<Timestamp> {
    Ok(Timestamp::from_millisecond(MORNING_MS + dice.below(864_000_000) as i64)?)
}

fn day(dice: &mut Dice) -> Date {
    Date::constant(2026, 11, 1 + dice.below(28) as i8)
}

fn about(dice: &mut Dice) -> Done<About> {
    Ok(About { patient: patient(dice).parse()?, station: place(dice).parse()?, visit: Some(id(dice)) })
}

/// As the hub numbers people.
fn patient(dice: &mut Dice) -> String {
    format!("p-{:06}", 10_000 + dice.below(900_000))
}

fn place(dice: &mut Dice) -> String {
    format!("{:08x}", dice.roll() as u32)
}

/// The first choice of each field: the usual one.
fn value(name: &str, form: Form, dice: &mut Dice) -> Done<FieldValue> {
    Ok(match form.field(name)?.kind {
        FieldKind::Number(_) if name == "diastolic_mmhg" => FieldValue::Number(40.0 + dice.below(40) as f64),
        FieldKind::Number(range) => {
            let (low, high) = if range.soft.0.is_finite() { range.soft } else { range.hard };
            FieldValue::Number((low + dice.below((high - low) as usize) as f64).round())
        }
        FieldKind::Steps(steps) => FieldValue::Number(dice.one_of(steps).into()),
        FieldKind::Choice(choices) => FieldValue::Word(choices[0].to_string()),
        FieldKind::Flag => FieldValue::Flag(true),
        FieldKind::Time => FieldValue::Time(when(dice)?),
        FieldKind::Date => FieldValue::Date(day(dice)),
        FieldKind::Line | FieldKind::Text(_) => FieldValue::Word(word(dice)),
    })
}

/// A document of this form with these fields, one change each; texts grow in three pauses.
fn written(form: Form, names: &[&str], dice: &mut Dice) -> Done<(Draft, Actor, About)> {
    let actor = Actor { device: DeviceId(dice.bytes()), session: dice.bytes() };
    let about = about(dice)?;
    let mut draft = Draft::new(id(dice), form, actor);
    draft.written_by(&place(dice).parse()?);
    let mut at = when(dice)?;
    draft.begin(&about, (form == Form::VisitNote).then_some((at, 60)), at)?;
    for name in names {
        let field = form.field(name)?;
        let mut shown = String::new();
        for _ in 0..if field.is_text() { 3 } else { 1 } {
            at += jiff::SignedDuration::from_secs(5 + dice.below(50) as i64);
            if field.is_text() {
                let typed = format!("{shown}{}{}", word(dice), word(dice));
                draft.edit_text(field, &shown, &typed, at)?;
                shown = typed;
            } else {
                draft.set(field, value(name, form, dice)?, at)?;
            }
        }
    }
    Ok((draft, actor, about))
}

fn entry(form: Form, names: &[&str], sent: bool, dice: &mut Dice) -> Done<Entry> {
    let (mut draft, actor, about) = written(form, names, dice)?;
    let first = draft.entry_of(actor.device, 0)?.ok_or("what was written has an entry")?;
    let new = if sent {
        let field = form.field(names[names.len() - 1])?;
        let shown = draft.view()?.text(field.name).to_string();
        draft.edit_text(field, &shown, &format!("{shown}{}", word(dice)), when(dice)?)?;
        draft.set(form.field(names[0])?, value(names[1], form, dice)?, when(dice)?)?;
        draft.entry_of(actor.device, first.up_to)?.ok_or("what was added has an entry")?
    } else {
        first
    };
    Ok(Entry {
        seq: 1_000 + dice.below(1_000) as u64,
        doc: draft.id(),
        patient: about.patient,
        kind: Kind::from(form.tag()),
        enc: new.encoding.into(),
        hash: new.hash,
        bytes: new.bytes,
    })
}

fn cbor<T: Serialize>(value: &T) -> Done<Vec<u8>> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)?;
    Ok(bytes)
}

fn sent(entries: Vec<Entry>, dice: &mut Dice) -> Done<Vec<u8>> {
    let first = entries.first().map_or(1_000 + dice.below(1_000) as u64, |entry| entry.seq);
    cbor(&request(DeviceId(dice.bytes()), first, entries, dice))
}

fn item(kind: Kind, enc: Encoding, bytes: Vec<u8>, dice: &mut Dice) -> Done<FeedItem> {
    Ok(FeedItem {
        n: 20_000 + dice.below(40_000) as u64,
        kind,
        doc: id(dice),
        patient: Some(patient(dice).parse()?),
        enc: enc.into(),
        bytes,
        at: when(dice)?.as_millisecond(),
    })
}

fn told<T: Serialize>(kind: Kind, body: &T, dice: &mut Dice) -> Done<FeedItem> {
    item(kind, Encoding::Cbor, canonical::to_bytes(body)?, dice)
}

fn usual() -> Vec<&'static str> {
    USUAL.into_iter().chain(USUAL_TEXTS).collect()
}

fn note_sent(dice: &mut Dice) -> Done<Vec<u8>> {
    let entry = entry(Form::VisitNote, &usual(), false, dice)?;
    sent(vec![entry], dice)
}

/// The answer to it. (The request stands around every note.)
fn nothing_new(dice: &mut Dice) -> Done<Vec<u8>> {
    cbor(&response(1, Vec::new(), dice))
}

fn note_received(dice: &mut Dice) -> Done<Vec<u8>> {
    let entry = entry(Form::VisitNote, &usual(), false, dice)?;
    let item = item(Kind::Note, Encoding::Columns, entry.bytes, dice)?;
    cbor(&response(2, vec![item], dice))
}

fn confirmation_and_amendment(dice: &mut Dice) -> Done<Vec<u8>> {
    let about = about(dice)?;
    let fields = usual().into_iter().chain(["planned_start", "planned_minutes"]);
    let fields = fields.map(|name| Ok((name.to_string(), value(name, Form::VisitNote, dice)?)));
    let frozen = FrozenNote {
        v: 1,
        fields: fields.collect::<Done<_>>()?,
        note: id(dice),
        form: Form::VisitNote,
        about,
        staff: place(dice).parse()?,
        device: DeviceId(dice.bytes()),
        confirmed_at: when(dice)?,
        heads: vec![ChangeHash(dice.bytes())],
    };
    let confirmation = SignedConfirmation {
        frozen: canonical::to_bytes(&frozen)?,
        key: dice.bytes::<32>().to_vec(),
        signature: dice.bytes::<64>().to_vec(),
    };
    let act = Act {
        v: 1,
        note: frozen.note,
        patient: frozen.about.patient.clone(),
        station: frozen.about.station.clone(),
        on: hash(dice),
        staff: frozen.staff.clone(),
        device: frozen.device,
        at: when(dice)?,
        reason: word(dice),
        what: What::Amend(Correction {
            field: dice.one_of(&USUAL).to_string(),
            before: Some(FieldValue::Word(word(dice))),
            after: Some(FieldValue::Word(word(dice))),
            over: Vec::new(),
        }),
    };
    let amendment = SignedAct {
        body: canonical::to_bytes(&act)?,
        key: dice.bytes::<32>().to_vec(),
        signature: dice.bytes::<64>().to_vec(),
    };
    let mut entries = Vec::new();
    for (kind, bytes) in [(Kind::Confirmation, confirmation.to_bytes()?), (Kind::Amendment, amendment.to_bytes()?)] {
        entries.push(Entry {
            seq: 1_000 + dice.below(1_000) as u64,
            doc: frozen.note,
            patient: patient(dice).parse()?,
            kind,
            enc: Encoding::Cbor.into(),
            hash: hash(dice),
            bytes,
        });
    }
    sent(entries, dice)
}

fn plan_of_the_day(dice: &mut Dice) -> Done<Vec<u8>> {
    let person = Patient {
        id: patient(dice).parse()?,
        name: word(dice),
        kana: word(dice),
        birth_date: Some(Date::constant(1930 + dice.below(30) as i16, 1 + dice.below(12) as i8, 1)),
        sex: Sex::Female,
        address: Some(word(dice)),
        phone: Some(dice.roll().to_string()),
        local_ids: vec![LocalId { facility: place(dice).parse()?, id: dice.roll().to_string() }],
    };
    let visit = Visit {
        id: id(dice),
        patient: patient(dice).parse()?,
        station: place(dice).parse()?,
        staff: place(dice).parse()?,
        date: day(dice),
        start: Time::constant(8 + dice.below(10) as i8, 30, 0, 0),
        minutes: 60,
    };
    let order = NursingOrder {
        id: id(dice),
        patient: patient(dice).parse()?,
        facility: place(dice).parse()?,
        station: place(dice).parse()?,
        from: day(dice),
        until: day(dice),
        special: false,
        psychiatric: false,
        drip: false,
        alerts: vec![VitalAlert::new("spo2_percent", Some(85.0 + dice.below(9) as f64), None)?],
        spo2_target_88_92: false,
        issued_on: Some(day(dice)),
    };
    let feed = vec![
        told(Kind::Visit, &visit, dice)?,
        told(Kind::Patient, &person, dice)?,
        told(Kind::Record, &record(dice)?, dice)?,
        told(Kind::Order, &order, dice)?,
    ];
    cbor(&response(1, feed, dice))
}

fn tail_of_a_note(dice: &mut Dice) -> Done<Vec<u8>> {
    let entry = entry(Form::VisitNote, &["pulse_bpm", "temperature_c", "condition"], true, dice)?;
    sent(vec![entry], dice)
}

fn record(dice: &mut Dice) -> Done<DisclosedRecord> {
    Ok(DisclosedRecord {
        facility: place(dice).parse()?,
        class: DataClass::Rx,
        source_key: dice.roll().to_string(),
        as_of: when(dice)?,
        date: Some(day(dice)),
        text: word(dice),
        code: None,
        value: None,
        unit: None,
        flag: None,
        detail: Some(word(dice)),
        body: None,
        deleted: false,
    })
}

fn records(dice: &mut Dice) -> Done<Vec<u8>> {
    let items = (0..2).map(|_| Ok(RecordItem { doc: None, bytes: canonical::to_bytes(&record(dice)?)? }));
    let items = items.collect::<Done<_>>()?;
    let patient = patient(dice).parse()?;
    cbor(&RecordsPage {
        patient,
        version: dice.below(20) as u64,
        items,
        numbers: Vec::new(),
        feed: Vec::new(),
        next: Some(dice.roll()),
    })
}

/// Names in the order in which a document keeps them, each with its choices.
fn every_field(dice: &mut Dice) -> Done<Vec<u8>> {
    let mut names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    names.sort_unstable();
    let mut pairs = Vec::new();
    for name in names {
        let choices = match Form::VisitNote.field(name)?.kind {
            FieldKind::Choice(choices) => Value::Array(choices.iter().map(|choice| Value::from(*choice)).collect()),
            _ => Value::from(dice.roll()),
        };
        pairs.push((Value::from(name), choices));
    }
    cbor(&Value::Map(pairs))
}

fn other_forms(dice: &mut Dice) -> Done<Vec<u8>> {
    let mut entries = Vec::new();
    for form in [Form::VisitReport, Form::CarePlan, Form::IntakeRecord, Form::Handover] {
        let texts: Vec<&str> = form.root_texts().iter().take(1).map(|field| field.name).collect();
        entries.push(entry(form, &texts, false, dice)?);
    }
    sent(entries, dice)
}

fn who_is_who(dice: &mut Dice) -> Done<Vec<u8>> {
    let key = DeviceKey {
        device: DeviceId(dice.bytes()),
        staff: place(dice).parse()?,
        signing_key: dice.bytes::<32>().to_vec(),
        from: when(dice)?.as_millisecond(),
        until: None,
    };
    let facility =
        Facility { id: place(dice).parse()?, kind: FacilityKind::Hospital, name: word(dice), disclosing: true };
    let staff =
        Staff { id: place(dice).parse()?, facility: place(dice).parse()?, name: word(dice), role: StaffRole::Nurse };
    let consented = Consented {
        patient: patient(dice).parse()?,
        version: dice.roll(),
        allowed: vec![(place(dice).parse()?, ["problem", "allergy", "rx", "lab"].map(String::from).to_vec())],
        withdrawn: vec![place(dice).parse()?],
        again: false,
    };
    let mut feed = vec![
        told(Kind::Consent, &consented, dice)?,
        told(Kind::Facility, &facility, dice)?,
        told(Kind::Staff, &staff, dice)?,
        told(Kind::DeviceKey, &key, dice)?,
    ];
    feed.iter_mut().skip(1).for_each(|item| item.patient = None);
    cbor(&response(1, feed, dice))
}
