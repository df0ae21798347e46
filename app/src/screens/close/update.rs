//! Closing a note: what became of the visit or of the note, why, and whose note it should have been.

use device::read::PatientRow;
use device::record::visit_note::fields::CLOSING;
use device::record::{DocumentId, PatientId};
use device::{Aside, HalfTyped};

/// A visit that did not take place is a record to confirm; a note that should not stand is closed.
pub const NOT_VISITED: &[&str] = &["cancelled", "absent"];

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub outcome: Option<&'static str>,
    pub reason: String,
    /// The right patient, whose note is to hold what was written here.
    pub copy_to: Option<PatientId>,
    pub done: Option<Done>,
    pub failed: Option<String>,
    /// The reasons that other windows of this device left half typed.
    pub aside: Vec<Aside>,
    /// Why it is not known what is half typed: until it is, nothing is kept and nothing signed over it.
    pub unread: Option<String>,
    /// How often the reason was thrown away: its input is made anew.
    pub discarded: u32,
    /// Something was typed that is not kept yet.
    unkept: bool,
    keep_due: bool,
    /// The reason as it is kept, as far as this screen knows.
    kept: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Closed(Option<DocumentId>),
    /// The outcome stands in the note, which can be confirmed now.
    Written,
    Confirmed,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    OutcomeChosen(&'static str),
    ReasonTyped(String),
    PatientChosen(Option<PatientId>),
    /// The time to keep what was typed has come.
    KeepDue,
    /// The screen goes away, or the app locks.
    Dropped,
    /// The half-typed reason is thrown away.
    Discarded,
    /// What another window left is thrown away.
    AsideDiscarded(Aside),
    /// What is half typed could be read after all.
    Read(HalfTyped),
    SignTapped,
    ConfirmTapped,
    Did(Done),
    Failed(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ring `KeepDue` when its time has come.
    StartKeep,
    /// The reason, as far as it was typed; and what was kept before.
    Keep {
        reason: String,
        known: String,
    },
    ForgetAside(Aside),
    Write {
        outcome: &'static str,
        reason: String,
        /// What is kept: it stands in the note from then on.
        known: String,
    },
    Close {
        outcome: &'static str,
        reason: String,
        copy_to: Option<PatientId>,
    },
    Confirm,
}

impl Model {
    /// With the reason that was half typed before.
    pub fn opened(half: HalfTyped) -> Self {
        let aside = half.aside.into_iter().filter(|aside| aside.field.is_none()).collect();
        Self { reason: half.closing_reason.clone(), kept: half.closing_reason, aside, ..Self::default() }
    }

    /// It is not known what is half typed.
    pub fn unread(why: String) -> Self {
        Self { unread: Some(why), ..Self::default() }
    }

    pub fn is_ready(&self) -> bool {
        self.unread.is_none() && self.outcome.is_some() && !self.reason.trim().is_empty()
    }

    fn keep(&mut self) -> Vec<Effect> {
        if self.unread.is_some() || !std::mem::take(&mut self.unkept) {
            return Vec::new();
        }
        let known = std::mem::replace(&mut self.kept, self.reason.clone());
        vec![Effect::Keep { reason: self.reason.clone(), known }]
    }

    /// The last words are kept first: nothing but what is signed goes with the signature.
    fn sign(&mut self) -> Vec<Effect> {
        let Some(outcome) = self.outcome.filter(|_| self.is_ready()) else { return Vec::new() };
        let mut effects = self.keep();
        let (reason, known) = (self.reason.trim().to_string(), self.kept.clone());
        effects.push(match CLOSING.contains(&outcome) {
            true => Effect::Close { outcome, reason, copy_to: self.copy_to.clone() },
            false => Effect::Write { outcome, reason, known },
        });
        effects
    }
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::OutcomeChosen(outcome) => {
            model.outcome = Some(outcome);
            // Only what was written about the wrong person belongs to another one.
            if outcome != "wrong_patient" {
                model.copy_to = None;
            }
            model.failed = None;
        }
        Event::ReasonTyped(reason) => {
            model.reason = reason;
            model.failed = None;
            model.unkept = true;
            if model.unread.is_none() && !std::mem::replace(&mut model.keep_due, true) {
                return vec![Effect::StartKeep];
            }
        }
        Event::KeepDue => {
            model.keep_due = false;
            return model.keep();
        }
        Event::Dropped => return model.keep(),
        Event::Discarded => {
            model.reason.clear();
            model.unkept = false;
            model.discarded += 1;
            let known = std::mem::take(&mut model.kept);
            return vec![Effect::Keep { reason: String::new(), known }];
        }
        Event::AsideDiscarded(aside) => {
            model.aside.retain(|known| *known != aside);
            return vec![Effect::ForgetAside(aside)];
        }
        Event::Read(half) => *model = Model::opened(half),
        Event::PatientChosen(patient) => {
            model.copy_to = patient;
            model.failed = None;
        }
        Event::SignTapped => return model.sign(),
        Event::ConfirmTapped if model.done == Some(Done::Written) => return vec![Effect::Confirm],
        Event::ConfirmTapped => {}
        Event::Did(done) => {
            model.done = Some(done);
            // It stands in the note, and went from the journal: no line of it may follow.
            model.unkept = false;
            model.kept.clear();
            model.failed = None;
        }
        Event::Failed(words) => model.failed = Some(words),
    }
    Vec::new()
}

/// Patients shown at once while the right one is looked for.
const FOUND: usize = 8;

/// Who is offered as the right patient.
pub enum Found {
    Shown(Vec<PatientRow>),
    /// Nobody is called so.
    Nobody,
    /// The vault cannot say: not the same as nobody.
    Unread(String),
}

/// Of the patients that were found the ones to choose from: never the wrong one, and the chosen one alone.
pub fn found(
    rows: Result<Vec<PatientRow>, String>,
    wrong: &PatientId,
    chosen: Option<&PatientId>,
    query: &str,
) -> Found {
    let mut rows = match rows {
        Ok(rows) => rows,
        Err(trouble) => return Found::Unread(trouble),
    };
    let is_asked = !query.trim().is_empty();
    rows.retain(|row| row.patient.id != *wrong && chosen.is_none_or(|chosen| row.patient.id == *chosen));
    rows.truncate(if is_asked || chosen.is_some() { FOUND } else { 0 });
    if rows.is_empty() && is_asked { Found::Nobody } else { Found::Shown(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::patient;

    fn row(id: &str) -> Result<PatientRow, Box<dyn std::error::Error>> {
        Ok(PatientRow { patient: patient(id)?, as_of: None, is_light: false })
    }

    #[test]
    fn patients_that_cannot_be_read_are_not_nobody() -> Result<(), Box<dyn std::error::Error>> {
        let (wrong, other): (PatientId, PatientId) = ("p-1".parse()?, "p-2".parse()?);
        let offered = |found: Found| match found {
            Found::Shown(rows) => Some(rows.into_iter().map(|row| row.patient.id).collect::<Vec<_>>()),
            Found::Nobody | Found::Unread(_) => None,
        };
        let rows = || -> Result<Vec<PatientRow>, Box<dyn std::error::Error>> { Ok(vec![row("p-1")?, row("p-2")?]) };
        assert!(matches!(found(Err("damaged".into()), &wrong, None, "x"), Found::Unread(why) if why == "damaged"));
        assert!(matches!(found(Err("damaged".into()), &wrong, None, ""), Found::Unread(_)));
        assert!(matches!(found(Ok(vec![row("p-1")?]), &wrong, None, "x"), Found::Nobody), "only the wrong one");
        assert_eq!(offered(found(Ok(rows()?), &wrong, None, "x")), Some(vec![other.clone()]));
        assert_eq!(offered(found(Ok(rows()?), &wrong, None, " ")), Some(Vec::new()), "nothing was asked");
        assert_eq!(offered(found(Ok(rows()?), &wrong, Some(&other), "")), Some(vec![other]));
        Ok(())
    }

    fn keep(reason: &str, known: &str) -> Effect {
        Effect::Keep { reason: reason.into(), known: known.into() }
    }

    fn half(closing_reason: &str) -> HalfTyped {
        HalfTyped { closing_reason: closing_reason.into(), ..HalfTyped::default() }
    }

    #[test]
    fn a_note_is_closed_only_with_an_outcome_and_a_reason() {
        let mut model = Model::default();
        update(&mut model, Event::ReasonTyped("  ".into()));
        update(&mut model, Event::OutcomeChosen("discarded"));
        assert_eq!(update(&mut model, Event::SignTapped), [], "a blank is no reason");
        update(&mut model, Event::ReasonTyped("練習で開いた".into()));
        assert_eq!(
            update(&mut model, Event::SignTapped),
            [
                keep("練習で開いた", ""),
                Effect::Close { outcome: "discarded", reason: "練習で開いた".into(), copy_to: None }
            ]
        );
    }

    #[test]
    fn a_half_typed_reason_is_kept_comes_back_and_does_not_follow_what_was_done() {
        let mut model = Model::default();
        assert_eq!(update(&mut model, Event::ReasonTyped("練習".into())), [Effect::StartKeep]);
        assert_eq!(update(&mut model, Event::ReasonTyped("練習で".into())), [], "one is on its way");
        assert_eq!(update(&mut model, Event::KeepDue), [keep("練習で", "")]);
        assert_eq!(update(&mut model, Event::Dropped), [], "nothing new");
        update(&mut model, Event::ReasonTyped("練習で開".into()));
        assert_eq!(update(&mut model, Event::Dropped), [keep("練習で開", "練習で")], "before the curtain");
        let mut model = Model::opened(half("練習で開"));
        update(&mut model, Event::OutcomeChosen("discarded"));
        assert!(model.is_ready(), "it came back");
        update(&mut model, Event::ReasonTyped("練習で開いた".into()));
        update(&mut model, Event::Did(Done::Closed(None)));
        assert_eq!(update(&mut model, Event::KeepDue), []);
        assert_eq!(update(&mut model, Event::Dropped), []);
        let mut model = Model::opened(half("練習"));
        assert_eq!(update(&mut model, Event::Discarded), [keep("", "練習")]);
        assert!(model.reason.is_empty() && model.discarded == 1);
    }

    #[test]
    fn while_it_is_not_known_what_is_half_typed_nothing_is_kept_and_nothing_signed() {
        let mut model = Model::unread("?".into());
        assert_eq!(update(&mut model, Event::ReasonTyped("練習".into())), []);
        update(&mut model, Event::OutcomeChosen("discarded"));
        for event in [Event::KeepDue, Event::Dropped, Event::SignTapped] {
            assert_eq!(update(&mut model, event), []);
        }
        update(&mut model, Event::Read(half("練習で開")));
        assert_eq!((model.unread.as_deref(), model.reason.as_str()), (None, "練習で開"));
    }

    #[test]
    fn a_visit_that_did_not_take_place_is_written_and_then_confirmed() {
        let mut model = Model::default();
        update(&mut model, Event::OutcomeChosen("absent"));
        update(&mut model, Event::ReasonTyped("外出".into()));
        let write = Effect::Write { outcome: "absent", reason: "外出".into(), known: "外出".into() };
        assert_eq!(update(&mut model, Event::SignTapped), [keep("外出", ""), write]);
        assert_eq!(update(&mut model, Event::ConfirmTapped), [], "not before it stands in the note");
        update(&mut model, Event::Did(Done::Written));
        assert_eq!(update(&mut model, Event::ConfirmTapped), [Effect::Confirm]);
    }

    #[test]
    fn only_a_note_of_the_wrong_patient_is_copied_to_another_one() -> Result<(), Box<dyn std::error::Error>> {
        let mut model = Model::default();
        update(&mut model, Event::OutcomeChosen("wrong_patient"));
        update(&mut model, Event::PatientChosen(Some("p-2".parse()?)));
        update(&mut model, Event::OutcomeChosen("duplicate"));
        assert_eq!(model.copy_to, None);
        Ok(())
    }
}
