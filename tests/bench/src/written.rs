//! A note of the workload as it was written: in the product, and as the floor writes it — the same values, text, actors
//! and times straight onto the root of a bare document.

use crate::Done;
use crate::cost::spent;
use crate::dice::Dice;
use crate::statistics::{Times, milliseconds};
use crate::workload::{Note, Op, Workload};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, LoadOptions, ObjType, ROOT, ReadDoc, ScalarValue, TextEncoding, Value};
use jiff::{SignedDuration, Timestamp};
use record::visit_note::{About, Actor, Draft, Field, FieldValue};
use record::{DeviceId, DocumentId, Form, StaffId};
use std::collections::HashMap;

/// The field that takes the workload's one free text.
pub const TEXT: &str = "condition";
/// Seconds between two edits.
const PAUSE: i64 = 7;
/// Milliseconds where the peers were measured: 20 bare notes loaded, changed and saved (RESULTS.md, "load 20 + apply +
/// save()").
const MERGE_THERE: f64 = 29.5;

/// Whose hand wrote, under which name.
#[derive(Clone)]
pub struct Hand {
    pub actor: Actor,
    pub staff: StaffId,
}

impl Hand {
    /// Somebody's, where no phone stands behind it.
    pub fn invented(dice: &mut Dice) -> Done<Self> {
        let actor = Actor { device: DeviceId(dice.bytes()), session: dice.bytes() };
        Ok(Self { actor, staff: format!("n-{}", dice.below(1_000)).parse()? })
    }
}

/// One new note.
#[derive(Clone)]
pub struct Written<'w> {
    pub doc: DocumentId,
    pub about: About,
    pub hand: Hand,
    pub at: Timestamp,
    pub ops: &'w [Op],
}

impl<'w> Written<'w> {
    /// A note of the workload where no station stands around it.
    pub fn invented(note: &'w Note, dice: &mut Dice) -> Done<Self> {
        let patient = format!("p-{:06}", note.patient + 1).parse()?;
        Ok(Self {
            doc: DocumentId::from_random(dice.bytes()),
            about: About { patient, station: "st-0".parse()?, visit: None },
            hand: Hand::invented(dice)?,
            at: note.at,
            ops: &note.ops,
        })
    }

    /// As the app writes it.
    pub fn draft(&self) -> Done<Draft> {
        let mut draft = Draft::new(self.doc, Form::VisitNote, self.hand.actor);
        draft.written_by(&self.hand.staff);
        draft.begin(&self.about, None, self.at)?;
        draft.set(Field::named("started_at")?, FieldValue::Time(self.at), self.at)?;
        edit_draft(&mut draft, self.ops, self.at)?;
        Ok(draft)
    }

    /// The floor.
    pub fn bare(&self) -> Done<AutoCommit> {
        let mut doc = AutoCommit::new_with_encoding(TextEncoding::UnicodeCodePoint).with_actor(actor(&self.hand));
        doc.put(ROOT, "patient", self.about.patient.as_str())?;
        doc.put(ROOT, "station", self.about.station.as_str())?;
        doc.put(ROOT, self.hand.actor.device.to_string(), self.hand.staff.as_str())?;
        doc.put_object(ROOT, TEXT, ObjType::Text)?;
        commit(&mut doc, self.at);
        doc.put(ROOT, "started_at", ScalarValue::Timestamp(self.at.as_millisecond()))?;
        commit(&mut doc, self.at);
        edit_bare(&mut doc, &self.hand, self.ops, self.at)?;
        Ok(doc)
    }

    /// What another hand adds to it.
    pub fn tail(&self, by: &Hand, ops: &[Op], at: Timestamp) -> Done<Tail> {
        let mut doc = self.bare()?.with_actor(actor(by));
        let heads = doc.get_heads();
        edit_bare(&mut doc, by, ops, at)?;
        let made = doc.get_changes(&heads);
        let bundle = doc.bundle(made.iter().map(|change| change.hash()).collect::<Vec<_>>())?;
        Ok(Tail {
            changes: made.iter().flat_map(|change| change.raw_bytes().to_vec()).collect(),
            bundle: bundle.bytes().to_vec(),
        })
    }
}

/// Changes of one hand in a note that was there, in both of Automerge's ways to write them.
pub struct Tail {
    pub changes: Vec<u8>,
    pub bundle: Vec<u8>,
}

/// When notes that were there are edited.
pub fn evening() -> Done<Timestamp> {
    Ok("2026-12-28T17:00:00+09:00".parse()?)
}

/// The edits of one sitting, with the times at which they were made.
pub fn timed_ops(ops: &[Op], from: Timestamp) -> impl Iterator<Item = (&Op, Timestamp)> {
    let times = (1..).map(move |n: i64| from + SignedDuration::from_secs(PAUSE * n));
    ops.iter().zip(times)
}

/// A text after one splice, places counted in characters.
pub fn spliced(text: &str, at: usize, delete: usize, insert: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let from = at.min(chars.len());
    let to = (from + delete).min(chars.len());
    chars[..from].iter().copied().chain(insert.chars()).chain(chars[to..].iter().copied()).collect()
}

/// As the app writes edits into a draft that it has open.
pub fn edit_draft(draft: &mut Draft, ops: &[Op], from: Timestamp) -> Done {
    let mut shown = draft.view()?.text(TEXT).to_string();
    for (op, now) in timed_ops(ops, from) {
        match op {
            Op::Set(field, value) => {
                draft.set(Field::named(field)?, value.clone(), now)?;
            }
            Op::Splice { at, delete, insert } => {
                let typed = spliced(&shown, *at, *delete, insert);
                draft.edit_text(Field::named(TEXT)?, &shown, &typed, now)?;
                shown = typed;
            }
        }
    }
    Ok(())
}

/// A value that stands already is no change, on this side as on the other.
pub fn edit_bare(doc: &mut AutoCommit, by: &Hand, ops: &[Op], from: Timestamp) -> Done {
    let Some((_, text)) = doc.get(ROOT, TEXT)? else { return Err("a bare note has its text".into()) };
    let device = by.actor.device.to_string();
    if doc.get(ROOT, device.as_str())?.is_none() {
        doc.put(ROOT, device, by.staff.as_str())?;
    }
    for (op, now) in timed_ops(ops, from) {
        match op {
            Op::Set(field, value) => {
                let value = scalar(value);
                let stands = match doc.get(ROOT, *field)? {
                    Some((Value::Scalar(standing), _)) => *standing == value,
                    _ => false,
                };
                if stands {
                    continue;
                }
                doc.put(ROOT, *field, value)?;
            }
            Op::Splice { at, delete, insert } => {
                let length = doc.length(&text);
                let from = (*at).min(length);
                doc.splice_text(&text, from, (*delete).min(length - from) as isize, insert)?;
            }
        }
        commit(doc, now);
    }
    Ok(())
}

/// A bare document out of its bytes.
pub fn load_bare(bytes: &[u8]) -> Done<AutoCommit> {
    Ok(AutoCommit::load_with_options(bytes, LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint))?)
}

pub fn actor(hand: &Hand) -> ActorId {
    ActorId::from([hand.actor.device.0, hand.actor.session].concat())
}

/// One document's bytes in the floor's request or answer: id, length, bytes.
pub fn put_piece(body: &mut Vec<u8>, doc: DocumentId, bytes: &[u8]) {
    body.extend_from_slice(&doc.0);
    body.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    body.extend_from_slice(bytes);
}

/// The floor's size of a body.
pub fn zstd_19(body: &[u8]) -> Done<usize> {
    Ok(zstd::bulk::compress(body, 19)?.len())
}

fn scalar(value: &FieldValue) -> ScalarValue {
    match value {
        FieldValue::Number(n) => ScalarValue::F64(*n),
        FieldValue::Flag(flag) => ScalarValue::Boolean(*flag),
        FieldValue::Time(at) => ScalarValue::Timestamp(at.as_millisecond()),
        FieldValue::Date(date) => ScalarValue::Str(date.to_string().into()),
        FieldValue::Word(word) | FieldValue::Unmeasured(word) => ScalarValue::Str(word.as_str().into()),
    }
}

fn commit(doc: &mut AutoCommit, at: Timestamp) {
    doc.commit_with(CommitOptions::default().with_time(at.as_second()));
}

/// What the floor's merging costs here against where the peers were measured: so many times longer takes their work.
pub fn machine(workload: &Workload) -> Done<f64> {
    let mut dice = Dice::new(7);
    let notes: HashMap<&str, &Note> = workload.notes.iter().map(|note| (note.id.as_str(), note)).collect();
    let mut pieces = Vec::new();
    for edit in &workload.windows[0].remote {
        let note = notes.get(edit.id.as_str()).ok_or("an edit of a note that is not there")?;
        let (written, other) = (Written::invented(note, &mut dice)?, Hand::invented(&mut dice)?);
        pieces.push((written.bare()?.save(), written.tail(&other, &edit.ops, evening()?)?.changes));
    }
    let mut times = Vec::new();
    for _ in 0..9 {
        let (_, cost) = spent(|| {
            for (stored, changes) in &pieces {
                let mut doc = load_bare(stored)?;
                doc.load_incremental(changes)?;
                std::hint::black_box(doc.save());
            }
            Ok(())
        })?;
        times.push(cost.cpu);
    }
    let here = milliseconds(Times::of(times).median());
    let factor = here / MERGE_THERE;
    println!("   20 bare notes loaded, changed, saved: {here:.1} ms; {MERGE_THERE} ms where the peers were measured");
    println!("   their times are printed as they were, and × {factor:.2}\n");
    Ok(factor)
}
