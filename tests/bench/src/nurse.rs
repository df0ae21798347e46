//! What a nurse writes on one day: six new notes, edit by edit, for any program under test to write in its own way.

use crate::Done;
use crate::dice::Dice;
use crate::words::{DAY, typed_in_pauses};
use jiff::Timestamp;
use record::visit_note::{About, Actor, Draft, Field, FieldValue};
use record::{DeviceId, DocumentId, Form};

/// 2026-11-23 09:00 in Japan.
pub const MORNING: i64 = 1_795_392_000;

/// One thing a nurse does, after which the app saves.
pub enum Edit {
    Value(&'static str, FieldValue),
    Text { field: &'static str, shown: String, typed: String },
}

/// One new note as both sides are to write it.
pub struct Note {
    pub id: DocumentId,
    pub about: About,
    pub actor: Actor,
    pub staff: &'static str,
    pub planned: (Timestamp, u16),
    pub edits: Vec<(Timestamp, Edit)>,
}

impl Note {
    /// As the app writes it.
    pub fn draft(&self) -> Done<Draft> {
        let mut draft = Draft::new(self.id, Form::VisitNote, self.actor);
        draft.written_by(&self.staff.parse()?);
        draft.begin(&self.about, Some(self.planned), self.planned.0)?;
        for (at, edit) in &self.edits {
            match edit {
                Edit::Value(field, value) => draft.set(Field::named(field)?, value.clone(), *at)?,
                Edit::Text { field, shown, typed } => draft.edit_text(Field::named(field)?, shown, typed, *at)?,
            };
        }
        Ok(draft)
    }
}

/// Six visits of one nurse on one day: the planned slot, 31 values and 28 pauses in four texts each.
pub fn notes_of_a_day(dice: &mut Dice) -> Done<Vec<Note>> {
    let device = DeviceId(dice.bytes());
    let mut notes = Vec::new();
    for (number, texts) in DAY.iter().enumerate() {
        let visit = DocumentId::from_random(dice.bytes());
        let mut second = MORNING + number as i64 * 5_400;
        let planned = (Timestamp::from_second(second)?, 60);
        let mut edits: Vec<(Timestamp, Edit)> = Vec::new();
        let mut done = |edit: Edit, dice: &mut Dice| -> Done {
            second += 6 + dice.below(50) as i64;
            edits.push((Timestamp::from_second(second)?, edit));
            Ok(())
        };
        done(Edit::Value("started_at", FieldValue::Time(planned.0)), dice)?;
        for (field, value) in values_of_a_visit(dice) {
            done(Edit::Value(field, value), dice)?;
        }
        for (field, text) in ["condition", "care_given", "plan", "family"].into_iter().zip(texts) {
            let mut shown = String::new();
            for typed in typed_in_pauses(text, 7, dice) {
                done(Edit::Text { field, shown: std::mem::replace(&mut shown, typed.clone()), typed }, dice)?;
            }
        }
        notes.push(Note {
            id: DocumentId::of_planned_visit(visit),
            about: About {
                patient: format!("p-{}", 10_000 + dice.below(90_000)).parse()?,
                station: "st-0417".parse()?,
                visit: Some(visit),
            },
            // She unlocks the phone at every door.
            actor: Actor { device, session: dice.bytes() },
            staff: "n-2041",
            planned,
            edits,
        });
    }
    Ok(notes)
}

fn values_of_a_visit(dice: &mut Dice) -> Vec<(&'static str, FieldValue)> {
    let mut between = |from: usize, to: usize| (from + dice.below(to - from)) as f64;
    let mut values: Vec<(&'static str, FieldValue)> = vec![
        ("temperature_c", between(355, 379) / 10.0),
        ("pulse_bpm", between(58, 104)),
        ("respiration_bpm", between(12, 22)),
        ("systolic_mmhg", between(104, 158)),
        ("diastolic_mmhg", between(56, 92)),
        ("spo2_percent", between(90, 100)),
        ("pain_nrs", between(0, 6)),
        ("consciousness_jcs", between(0, 3)),
        ("stool.times", between(0, 4)),
        ("stool.bristol", between(2, 7)),
        ("urine.times", between(3, 9)),
        ("medication.remaining", between(0, 12)),
        ("medication.missed", between(0, 4)),
    ]
    .into_iter()
    .map(|(field, value)| (field, FieldValue::Number(value)))
    .collect();
    let words: [(&str, &[&str]); 8] = [
        ("payer", &["medical", "care"]),
        ("visit_kind", &["regular", "regular", "emergency"]),
        ("profession", &["nurse"]),
        ("pulse_rhythm", &["regular", "irregular"]),
        ("pressure_site", &["right_arm", "left_arm"]),
        ("pressure_posture", &["lying", "sitting"]),
        ("stool.amount", &["none", "small", "normal", "large"]),
        ("oral.swallowing", &["good", "choking", "difficult"]),
    ];
    values.extend(words.map(|(field, choices)| (field, FieldValue::Word(dice.one_of(choices).to_string()))));
    const CARE: [&str; 16] = [
        "care.observation",
        "care.bedbath",
        "care.shampoo",
        "care.perineal",
        "care.footbath",
        "care.oral",
        "care.bowel",
        "care.enema",
        "care.medication",
        "care.wound",
        "care.stoma",
        "care.tube",
        "care.suction",
        "care.oxygen",
        "care.family",
        "care.liaison",
    ];
    let first = dice.below(CARE.len());
    values.extend((0..9).map(|i| (CARE[(first + i) % CARE.len()], FieldValue::Flag(true))));
    values
}
