//! What nurses do, a hundred times a day.

use super::truth::{Place, Token, Typing};
use super::{Event, World};
use crate::Outcome;
use device::{DeviceError, Phone, Trigger, VaultError};
use record::visit_note::{FieldValue, NoteState};
use record::{DocumentId, PatientId};

const TEXTS: [&str; 4] = ["condition", "care_given", "assessment", "remarks"];
const NUMBERS: [&str; 3] = ["pulse_bpm", "respiration_bpm", "spo2_percent"];

impl World {
    pub(super) fn nurse(&mut self, at: usize) -> Outcome {
        let next = self.now_ms + self.dice.between(3_000, 22_000);
        self.at(next, Event::Nurse(at));
        let Some(phone) = self.phones[at].open.take() else { return Ok(()) };
        self.phones[at].asked = None;
        let done = match self.phones[at].waits.take() {
            // What the screen still shows goes first.
            Some(typing) => self.type_in(at, &phone, typing),
            None => self.do_something(at, &phone),
        };
        self.phones[at].open = Some(phone);
        if self.is_done(at, done)? {
            self.counts.edits += 1;
            let now_ms = self.now_ms;
            self.phones[at].trigger(now_ms, Trigger::Change);
        }
        Ok(())
    }

    /// Whether it was written. Refused it may be with what a screen answers with its reason, and by a full disk.
    fn is_done(&mut self, at: usize, done: Outcome) -> Outcome<bool> {
        let Err(error) = done else { return Ok(true) };
        match error.downcast_ref::<DeviceError>() {
            Some(
                DeviceError::UnknownPatient(_)
                | DeviceError::UnknownNote(_)
                | DeviceError::UnknownVisit(_)
                | DeviceError::AlreadyConfirmed
                | DeviceError::NotConfirmed
                | DeviceError::Confirm(_)
                | DeviceError::Field(_),
            ) => Ok(false),
            Some(DeviceError::Vault(VaultError::Full)) if self.phones[at].room.is_some() => {
                self.counts.refused += 1;
                Ok(false)
            }
            _ => Err(format!("{} could not write: {error}", self.phones[at].staff).into()),
        }
    }

    /// There is room again, and nobody types any more: what the screen still shows is written.
    pub(super) fn write_what_waits(&mut self, at: usize) -> Outcome {
        let Some(typing) = self.phones[at].waits.take() else { return Ok(()) };
        let Some(phone) = self.phones[at].open.take() else { return Ok(()) };
        self.phones[at].asked = None;
        let done = self.type_in(at, &phone, typing);
        self.phones[at].open = Some(phone);
        self.is_done(at, done).map(|_| ())
    }

    fn do_something(&mut self, at: usize, phone: &Phone) -> Outcome {
        let now = self.device_time(at);
        match self.dice.below(20) {
            0 | 1 => {
                let Some(patient) = self.dice.one_of(&self.patients).cloned() else { return Ok(()) };
                let note = self.ask(at, phone, || phone.start_note(&patient, None, now))?;
                self.notes.push(note);
            }
            2..=4 => {
                let Some((visit, patient)) = self.dice.one_of(&self.visits).cloned() else { return Ok(()) };
                let note = self.ask(at, phone, || phone.start_note(&patient, Some(visit), now))?;
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
            5..=7 => {
                if let Some(note) = self.a_note(phone)? {
                    let name = self.dice.one_of(&NUMBERS).copied().unwrap_or(NUMBERS[0]);
                    let value = 60.0 + self.dice.below(35) as f64;
                    let value = if name == "respiration_bpm" { value - 50.0 } else { value };
                    self.ask(at, phone, || phone.set_value(note, name, FieldValue::Number(value), now))?;
                }
            }
            8 => {
                if let Some(note) = self.a_note(phone)? {
                    for (field, typed) in [("started_at", "09:32"), ("ended_at", "10:28"), ("temperature_c", "36.5")] {
                        self.ask(at, phone, || phone.set_field(note, field, typed, now))?;
                    }
                    self.ask(at, phone, || phone.confirm_note(note, now))?;
                }
            }
            9 => {
                if let Some(note) = self.a_note(phone)? {
                    self.ask(at, phone, || phone.amend_note(note, "temperature_c", "36.9", "転記誤り", now))?;
                }
            }
            10 | 11 => self.write_board(at, phone)?,
            _ => self.write_text(at, phone)?,
        }
        Ok(())
    }

    fn a_note(&mut self, phone: &Phone) -> Result<Option<DocumentId>, DeviceError> {
        let rows = phone.note_rows(None)?;
        let mut notes: Vec<DocumentId> = rows.iter().map(|row| row.note).collect();
        notes.sort();
        Ok(self.dice.one_of(&notes).copied())
    }

    /// Words that stand nowhere else, behind what stands there, or behind what stood there before (a stale screen).
    fn write_text(&mut self, at: usize, phone: &Phone) -> Outcome {
        let Some(note) = self.a_note(phone)? else { return Ok(()) };
        let shown = phone.show_note(note)?;
        if shown.state != NoteState::Draft {
            return Err(DeviceError::AlreadyConfirmed.into());
        }
        let field = self.dice.one_of(&TEXTS).copied().unwrap_or(TEXTS[0]);
        let text = shown.view.text(field).to_string();
        let stale: String = match self.dice.percent(25) {
            // As it read some words ago.
            true => {
                let words: Vec<usize> = text.match_indices('〔').map(|(at, _)| at).collect();
                text[..self.dice.one_of(&words).copied().unwrap_or(text.len())].to_string()
            }
            false => text,
        };
        let words = self.new_words();
        let typed = format!("{stale}{words}");
        if typed.chars().count() > 700 {
            return Ok(());
        }
        self.type_in(at, phone, Typing { place: Place::Text(note, field), shown: stale, typed, words })
    }

    fn write_board(&mut self, at: usize, phone: &Phone) -> Outcome {
        let Some(patient) = self.dice.one_of(&self.patients).cloned() else { return Ok(()) };
        let shown = self.board_of(phone, &patient)?;
        let words = self.new_words();
        let typed = format!("{shown}{words}");
        self.type_in(at, phone, Typing { place: Place::Board(patient), shown, typed, words })
    }

    /// Into the vault, and so into what must never be lost. What a full disk refuses stays on the screen.
    fn type_in(&mut self, at: usize, phone: &Phone, typing: Typing) -> Outcome {
        let now = self.device_time(at);
        let Typing { place, shown, typed, .. } = &typing;
        let written = self.ask(at, phone, || match place {
            Place::Text(note, field) => phone.edit_text(*note, field, shown, typed, now),
            Place::Board(patient) => phone.write_board(patient, Some(shown), typed, now).map(|_| ()),
        });
        match &written {
            Ok(()) => self.remember(typing.words, typing.place, at),
            Err(error) if matches!(error.downcast_ref::<DeviceError>(), Some(DeviceError::Vault(VaultError::Full))) => {
                self.phones[at].waits = Some(typing);
            }
            Err(_) => {}
        }
        written
    }

    pub(super) fn board_of(&self, phone: &Phone, patient: &PatientId) -> Result<String, DeviceError> {
        Ok(phone.board(patient)?.text)
    }

    fn new_words(&mut self) -> String {
        self.truth.words += 1;
        format!("〔{}〕", self.truth.words)
    }

    fn remember(&mut self, words: String, place: Place, by: usize) {
        self.truth.tokens.push(Token { words, place, by, at_ms: self.now_ms, excused: false });
    }
}
