//! The app without a browser: the real root over a real vault, drawn into a tree in memory, tapped and typed in.
//!
//! What only a renderer can do (focus, scrolling, letters lost between keys) is tried in `tests/e2e`. Here every screen stands
//! once, and whatever stands is looked over each time (`faults.rs`): names, ids, headings, no handler of the page's own.

mod faults;
mod folder;
mod gate;
mod line;
mod lists;
mod page;
mod patients;
mod records;
mod tree;
mod visits;

use crate::text::{Language, Words};
use device::Phone;
use device::jiff::Timestamp;
use device::record::{DocumentId, PatientId};
use std::fmt;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What a test missed. A failing test prints its error's `Debug`: this one keeps its lines.
#[derive(thiserror::Error)]
#[error("{0}")]
struct Missed(String);

impl fmt::Debug for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The words of the screens, as the tests read them.
const JA: Words = Words(Language::Japanese);

/// The sample's patient with this in the name.
fn patient(phone: &Phone, part: &str) -> Outcome<PatientId> {
    let row = phone.patients()?.into_iter().find(|row| row.patient.name.contains(part));
    Ok(row.ok_or_else(|| format!("nobody is called {part}"))?.patient.id)
}

/// A note of today with what a confirmation needs.
fn written_note(phone: &Phone, patient: &PatientId) -> Outcome<DocumentId> {
    let now = Timestamp::now();
    let note = phone.start_note(patient, None, now)?;
    for (field, typed) in [("started_at", "00:00"), ("ended_at", "00:30"), ("temperature_c", "36.5")] {
        phone.set_field(note, field, typed, now)?;
    }
    phone.replace_text(note, "condition", "歩行は安定している", now)?;
    Ok(note)
}

fn confirmed_note(phone: &Phone, patient: &PatientId) -> Outcome<DocumentId> {
    let note = written_note(phone, patient)?;
    phone.confirm_note(note, Timestamp::now())?;
    Ok(note)
}
