//! Phones that write into one note beside each other, as the product does it.

use crate::Done;
use crate::dice::Dice;
use jiff::Timestamp;
use record::visit_note::{Actor, Draft, Field, FieldKind, FieldValue, NewEntry, changes};
use record::{DeviceId, DocumentId, Form};

/// The texts that phones write into.
pub const TEXTS: [&str; 4] = ["condition", "care_given", "assessment", "remarks"];
const NUMBERS: [&str; 8] = [
    "temperature_c",
    "pulse_bpm",
    "respiration_bpm",
    "spo2_percent",
    "pain_nrs",
    "stool.times",
    "urine.times",
    "medication.remaining",
];
const FLAGS: [&str; 6] = ["care.oral", "care.bedbath", "care.suction", "care.wound", "care.family", "plan_changed"];

/// A phone with its copy of one note.
pub struct Phone {
    pub device: DeviceId,
    pub draft: Draft,
    sent: u64,
    staff: String,
}

impl Phone {
    pub fn new(note: DocumentId, number: u8, dice: &mut Dice) -> Done<Self> {
        let device = DeviceId(dice.bytes());
        let draft = Draft::new(note, Form::VisitNote, Actor { device, session: dice.bytes() });
        Ok(Self { device, draft, sent: 0, staff: format!("n-{number}") })
    }

    /// Locked, compacted, unlocked: the next session writes under a new actor.
    pub fn unlock(&mut self, dice: &mut Dice) -> Done {
        let actor = Actor { device: self.device, session: dice.bytes() };
        self.draft = Draft::load(self.draft.id(), Form::VisitNote, &self.draft.save(), &[], actor)?;
        self.draft.written_by(&self.staff.parse()?);
        Ok(())
    }

    /// One change: half of them words into a text, the others a number or a flag.
    pub fn edit(&mut self, at: Timestamp, words: &mut impl Iterator<Item = char>, dice: &mut Dice) -> Done {
        let made = match dice.below(4) {
            0 | 1 => {
                let field = Field::named(dice.one_of(&TEXTS))?;
                let shown = self.draft.view()?.text(field.name).to_string();
                let mut typed: Vec<char> = shown.chars().collect();
                // Mostly at the end; now and then a word further up.
                let place = if dice.below(5) == 0 { dice.below(typed.len() + 1) } else { typed.len() };
                let new: Vec<char> = words.take(3 + dice.below(6)).collect();
                typed.splice(place..place, new);
                self.draft.edit_text(field, &shown, &typed.iter().collect::<String>(), at)?
            }
            2 => {
                let field = Field::named(dice.one_of(&NUMBERS))?;
                let FieldKind::Number(range) = field.kind else { return Err("a field of numbers".into()) };
                let lowest = range.hard.0.max(0.0);
                let value = lowest + dice.below((range.hard.1 - lowest) as usize) as f64;
                self.draft.set(field, FieldValue::Number(value), at)?
            }
            _ => self.draft.set(Field::named(dice.one_of(&FLAGS))?, FieldValue::Flag(dice.below(2) == 0), at)?,
        };
        // A value that stood already is no change: write the other one.
        if made.is_none() { self.edit(at, words, dice) } else { Ok(()) }
    }

    pub fn entry(&mut self) -> Done<Option<NewEntry>> {
        let new = self.draft.entry_of(self.device, self.sent)?;
        self.sent = new.as_ref().map_or(self.sent, |new| new.up_to);
        Ok(new)
    }

    pub fn takes(&mut self, new: &NewEntry) -> Done {
        let incoming = changes::decode(self.draft.id(), Form::VisitNote, new.encoding, &new.bytes)?;
        Ok(self.draft.apply(&incoming)?)
    }
}
