//! What a hub would tell a phone that is as full as one gets (P1-max, domain §7.2 and §7.3): patients with all that hospitals
//! disclosed of them, half a year of confirmed notes, boards, a day of visits. Every person and value is made up.

use crate::Done;
use crate::dice::Dice;
use crate::full_patient::{demographics, disclosed};
use crate::mosaic::mosaic;
use crate::nurse::{Edit, Note, notes_of_a_day};
use crate::words::DAY;
use ed25519_dalek::SigningKey;
use jiff::civil::{Date, time};
use jiff::{SignedDuration, Timestamp, ToSpan};
use protocol::{DeviceKey, FeedItem, Kind};
use record::calendar::{day_in_japan, instant_in_japan};
use record::photo;
use record::visit_note::{About, Actor, ConfirmContext, Draft, Encoding, Field, FieldValue, NewEntry, NewPhoto};
use record::{
    ContentHash, DeviceId, DocumentId, Facility, FacilityId, FacilityKind, Form, NursingOrder, PatientId, Staff,
    StaffId, StaffRole, Visit,
};
use serde::Serialize;
use vault::StoredPhoto;

pub const PATIENTS: usize = 150;
pub const NOTES: usize = 5_000;
pub const PHOTOS: usize = 1_000;
/// Patients whom the phone's nurse visits today.
pub const TODAY: usize = 40;
/// Whose phone it is.
pub const NURSE: &str = "nurse-a";
pub const STATION: &str = "st-1";

/// Everybody who writes; the first is the phone's own nurse, on an earlier phone of hers.
const STAFF: [&str; 8] = [NURSE, "nurse-b", "nurse-c", "nurse-d", "nurse-e", "nurse-f", "nurse-g", "nurse-h"];
const HOSPITALS: [&str; 3] = ["hp-1", "hp-2", "hp-3"];
/// Days between two visits of one patient.
const BETWEEN: i64 = 5;
/// Visits that are planned ahead, of each patient.
const AHEAD: i64 = 6;
/// Every tenth note has two photos.
const WITH_PHOTOS: usize = 10;
const PHOTOS_EACH: usize = PHOTOS * WITH_PHOTOS / NOTES;
/// One board in so many has something that the nurse has not read.
const UNREAD: usize = 8;

/// Somebody of the station, with the device that she writes on.
struct Author {
    staff: &'static str,
    device: DeviceId,
    key: SigningKey,
}

/// A photo's bytes, for the vault.
pub type Taken = (StoredPhoto, Vec<u8>);

/// Says item by item what the hub would; the same dice each time.
pub struct FullPhone {
    now: Timestamp,
    today: Date,
    station: FacilityId,
    authors: Vec<Author>,
    patients: Vec<PatientId>,
    /// Notes that stand ready to be given a patient and a day.
    samples: Vec<Note>,
    dice: Dice,
    last: u64,
}

impl FullPhone {
    pub fn new(now: Timestamp) -> Done<Self> {
        let mut dice = Dice::new(12);
        let authors = STAFF.map(|staff| Author {
            staff,
            device: DeviceId(dice.bytes()),
            key: SigningKey::from_bytes(&dice.bytes()),
        });
        Ok(Self {
            now,
            today: day_in_japan(now),
            station: STATION.parse()?,
            authors: Vec::from(authors),
            patients: (0..PATIENTS).map(|n| format!("p-{n:06}").parse()).collect::<Result<_, _>>()?,
            samples: Vec::new(),
            dice,
            last: 0,
        })
    }

    /// The station, its people and their keys, the hospitals.
    pub fn who_is_who(&mut self) -> Done<Vec<FeedItem>> {
        let long_ago = self.now - SignedDuration::from_hours(24 * 400);
        let mut items = Vec::new();
        let places = HOSPITALS.map(|id| (id, FacilityKind::Hospital, true));
        for (id, kind, disclosing) in places.into_iter().chain([(STATION, FacilityKind::Station, false)]) {
            let facility = Facility { id: id.parse()?, kind, name: format!("架空 {id}"), disclosing };
            items.push(self.told(Kind::Facility, DocumentId::derive("facility", id.as_bytes()), None, &facility)?);
        }
        for n in 0..self.authors.len() {
            let Author { staff, device, ref key } = self.authors[n];
            let known = DeviceKey {
                device,
                staff: staff.parse()?,
                signing_key: key.verifying_key().to_bytes().to_vec(),
                from: long_ago.as_millisecond(),
                until: None,
            };
            let person = Staff {
                id: staff.parse()?,
                facility: self.station.clone(),
                name: format!("看護師 {staff}"),
                role: StaffRole::Nurse,
            };
            items.push(self.told(Kind::Staff, DocumentId::derive("staff", staff.as_bytes()), None, &person)?);
            items.push(self.told(Kind::DeviceKey, DocumentId::derive("device key", &device.0), None, &known)?);
        }
        Ok(items)
    }

    /// One patient, without her notes.
    pub fn patient(&mut self, number: usize) -> Done<Vec<FeedItem>> {
        let id = self.patients[number].clone();
        let hospital: FacilityId = HOSPITALS[number % HOSPITALS.len()].parse()?;
        let demographics = demographics(&id, number);
        let (from, until) = (self.today.saturating_sub(60.days()), self.today.saturating_add(100.days()));
        let order_id = DocumentId::from_random(self.dice.bytes());
        let order = NursingOrder::ordinary(order_id, id.clone(), hospital.clone(), self.station.clone(), from, until);
        let mut items = vec![
            self.told(Kind::Patient, DocumentId::derive("patient", id.as_str().as_bytes()), Some(&id), &demographics)?,
            self.told(Kind::Order, order.id, Some(&id), &order)?,
        ];
        for record in disclosed(number, &hospital, self.today, &mut self.dice)? {
            let doc = DocumentId::from_random(self.dice.bytes());
            items.push(self.told(Kind::Record, doc, Some(&id), &record)?);
        }
        for visit in self.coming(number)? {
            items.push(self.told(Kind::Visit, visit.id, Some(&id), &visit)?);
        }
        items.extend(self.board(number)?);
        Ok(items)
    }

    /// Today's visit, of some; and the planned ones ahead.
    fn coming(&mut self, number: usize) -> Done<Vec<Visit>> {
        let mut visits = Vec::new();
        if number < TODAY {
            let (hour, minute) = (8 + (number / 4) as i8, 15 * (number % 4) as i8);
            let mut visit = self.visit(number, 0, self.today, hour)?;
            (visit.start, visit.minutes) = (time(hour, minute, 0, 0), 15);
            visits.push(visit);
        }
        for n in 0..AHEAD {
            let day = self.today.saturating_add((1 + number as i64 % BETWEEN + BETWEEN * n).days());
            visits.push(self.visit(number, number + n as usize, day, hour_of(number))?);
        }
        Ok(visits)
    }

    fn visit(&mut self, patient: usize, author: usize, date: Date, hour: i8) -> Done<Visit> {
        Ok(Visit {
            id: DocumentId::from_random(self.dice.bytes()),
            patient: self.patients[patient].clone(),
            station: self.station.clone(),
            staff: self.authors[author % self.authors.len()].staff.parse()?,
            date,
            start: time(hour, 0, 0, 0),
            minutes: 60,
        })
    }

    /// A colleague's lines; most boards were read by the phone's nurse.
    fn board(&mut self, number: usize) -> Done<Vec<FeedItem>> {
        let (patient, at) = (self.patients[number].clone(), self.now - SignedDuration::from_hours(30));
        let id = DocumentId::of_handover(&self.station, &patient);
        let writer = 1 + number % (self.authors.len() - 1);
        let (mut draft, actor) = self.begun(id, writer)?;
        let about = About { patient: patient.clone(), station: self.station.clone(), visit: None };
        draft.begin(&about, None, at)?;
        let words = DAY[number % DAY.len()].concat();
        let lines: Vec<&str> = words.split_inclusive('。').take(10).collect();
        draft.edit_text(Form::Handover.field("board")?, "", &lines.join("\n"), at)?;
        let written = draft.entry_of(actor.device, 0)?.ok_or("a board that was written on has an entry")?;
        let mut items = vec![self.changes(Kind::Handover, id, &patient, written, at)];
        if !number.is_multiple_of(UNREAD) {
            let mine = Actor { device: self.authors[0].device, session: self.dice.bytes() };
            let me: StaffId = NURSE.parse()?;
            let mut read = Draft::load(id, Form::Handover, &draft.save(), &[], mine)?;
            read.written_by(&me);
            let later = at + SignedDuration::from_hours(2);
            read.mark_read(&me, later)?;
            let marked = read.entry_of(mine.device, 0)?.ok_or("a reading has an entry")?;
            items.push(self.changes(Kind::Handover, id, &patient, marked, later));
        }
        Ok(items)
    }

    fn begun(&mut self, id: DocumentId, author: usize) -> Done<(Draft, Actor)> {
        let actor = Actor { device: self.authors[author].device, session: self.dice.bytes() };
        let mut draft = Draft::new(id, Form::Handover, actor);
        draft.written_by(&self.authors[author].staff.parse()?);
        Ok((draft, actor))
    }

    /// One confirmed note with its visit, the oldest first; and the photos that it names.
    pub fn note(&mut self, number: usize) -> Done<(Vec<FeedItem>, Vec<Taken>)> {
        let (note, visit) = self.sample(number)?;
        let author = number % self.authors.len();
        let patient = note.about.patient.clone();
        let ended = note.planned.0 + SignedDuration::from_mins(60);
        let mut draft = note.draft()?;
        // An emergency visit is confirmed with a sub-record of its own.
        draft.set(Field::named("visit_kind")?, FieldValue::Word("regular".to_string()), ended)?;
        draft.set(Field::named("ended_at")?, FieldValue::Time(ended), ended)?;
        let mut taken = Vec::new();
        if number.is_multiple_of(WITH_PHOTOS) {
            for n in 0..PHOTOS_EACH {
                let (new, bytes) = self.photo(note.planned.0 + SignedDuration::from_mins(30 + n as i64))?;
                draft.add_photo(&new, new.taken_at)?;
                let (hash, size, patient) = (new.hash, new.bytes, patient.clone());
                let stored = StoredPhoto { hash, size, patient, note: note.id, also: Vec::new() };
                taken.push((stored, bytes));
            }
        }
        let written = draft.entry_of(note.actor.device, 0)?.ok_or("a written note has an entry")?;
        let staff: StaffId = note.staff.parse()?;
        let key = &self.authors[author].key;
        let signed = draft.confirm(&staff, note.actor.device, key, ended, &ConfirmContext::default())?;
        let signed = signed.to_bytes()?;
        Ok((
            vec![
                self.told(Kind::Visit, visit.id, Some(&patient), &visit)?,
                self.changes(Kind::Note, note.id, &patient, written, ended),
                self.item(Kind::Confirmation, Encoding::Cbor, note.id, Some(&patient), signed, ended),
            ],
            taken,
        ))
    }

    /// When the note of this number was confirmed.
    pub fn confirmed_at(&self, number: usize) -> Done<Timestamp> {
        Ok(self.begun_at(number)? + SignedDuration::from_mins(60))
    }

    fn begun_at(&self, number: usize) -> Done<Timestamp> {
        let (patient, round) = (number % PATIENTS, (number / PATIENTS) as i64);
        let rounds = NOTES.div_ceil(PATIENTS) as i64;
        let days = 1 + (rounds - 1 - round) * BETWEEN + patient as i64 % BETWEEN;
        let start = self.today.saturating_sub(days.days()).at(hour_of(patient), 0, 0, 0);
        Ok(instant_in_japan(start).ok_or("a day without that hour")?)
    }

    /// A written note, moved to its patient and its day.
    fn sample(&mut self, number: usize) -> Done<(Note, Visit)> {
        if self.samples.is_empty() {
            self.samples = notes_of_a_day(&mut self.dice)?;
        }
        let mut note = self.samples.pop().ok_or("a day without notes")?;
        let (start, patient, author) = (self.begun_at(number)?, number % PATIENTS, number % self.authors.len());
        let visit = self.visit(patient, author, day_in_japan(start), hour_of(patient))?;
        let shift = start.duration_since(note.planned.0);
        note.id = DocumentId::of_planned_visit(visit.id);
        note.about = About { patient: visit.patient.clone(), station: self.station.clone(), visit: Some(visit.id) };
        note.actor = Actor { device: self.authors[author].device, session: self.dice.bytes() };
        note.staff = self.authors[author].staff;
        note.planned = (start, 60);
        for (at, edit) in &mut note.edits {
            *at += shift;
            if let Edit::Value(field, value) = edit
                && *field == "started_at"
            {
                *value = FieldValue::Time(start);
            }
        }
        Ok((note, visit))
    }

    fn photo(&mut self, taken_at: Timestamp) -> Done<(NewPhoto, Vec<u8>)> {
        let clean = photo::clean(&mosaic(&mut self.dice))?;
        let new = NewPhoto {
            hash: ContentHash::of(&clean.bytes),
            bytes: clean.bytes.len() as u64,
            media_type: clean.media_type,
            body_site: "仙骨部".to_string(),
            caption: "架空の創部".to_string(),
            taken_at,
        };
        Ok((new, clean.bytes))
    }

    fn changes(
        &mut self,
        kind: Kind,
        doc: DocumentId,
        patient: &PatientId,
        entry: NewEntry,
        at: Timestamp,
    ) -> FeedItem {
        self.item(kind, entry.encoding, doc, Some(patient), entry.bytes, at)
    }

    fn told<T: Serialize>(
        &mut self,
        kind: Kind,
        doc: DocumentId,
        patient: Option<&PatientId>,
        body: &T,
    ) -> Done<FeedItem> {
        let bytes = record::canonical::to_bytes(body)?;
        Ok(self.item(kind, Encoding::Cbor, doc, patient, bytes, self.now))
    }

    fn item(
        &mut self,
        kind: Kind,
        encoding: Encoding,
        doc: DocumentId,
        patient: Option<&PatientId>,
        bytes: Vec<u8>,
        at: Timestamp,
    ) -> FeedItem {
        self.last += 1;
        FeedItem {
            n: self.last,
            kind,
            doc,
            patient: patient.cloned(),
            enc: encoding.into(),
            bytes,
            at: at.as_millisecond(),
        }
    }
}

/// At which hour a patient is visited.
fn hour_of(patient: usize) -> i8 {
    9 + (patient % 8) as i8
}
