//! Closing a note: what became of the visit or of the note, why, and whose note it should have been.

use device::record::visit_note::fields::CLOSING;
use device::record::{DocumentId, PatientId};

/// A visit that did not take place is a record to confirm; a note that should not stand is closed.
pub const NOT_VISITED: &[&str] = &["cancelled", "absent"];

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub outcome: Option<&'static str>,
    reason: String,
    /// The right patient, whose note is to hold what was written here.
    pub copy_to: Option<PatientId>,
    pub done: Option<Done>,
    pub failed: Option<String>,
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
    SignTapped,
    ConfirmTapped,
    Did(Done),
    Failed(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Write { outcome: &'static str, reason: String },
    Close { outcome: &'static str, reason: String, copy_to: Option<PatientId> },
    Confirm,
}

impl Model {
    pub fn is_ready(&self) -> bool {
        self.outcome.is_some() && !self.reason.trim().is_empty()
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
        }
        Event::PatientChosen(patient) => {
            model.copy_to = patient;
            model.failed = None;
        }
        Event::SignTapped if model.is_ready() => {
            let reason = model.reason.trim().to_string();
            let copy_to = model.copy_to.clone();
            return model
                .outcome
                .into_iter()
                .map(|outcome| match CLOSING.contains(&outcome) {
                    true => Effect::Close { outcome, reason: reason.clone(), copy_to: copy_to.clone() },
                    false => Effect::Write { outcome, reason: reason.clone() },
                })
                .collect();
        }
        Event::SignTapped => {}
        Event::ConfirmTapped if model.done == Some(Done::Written) => return vec![Effect::Confirm],
        Event::ConfirmTapped => {}
        Event::Did(done) => {
            model.done = Some(done);
            model.failed = None;
        }
        Event::Failed(words) => model.failed = Some(words),
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_closed_only_with_an_outcome_and_a_reason() {
        let mut model = Model::default();
        update(&mut model, Event::ReasonTyped("  ".into()));
        update(&mut model, Event::OutcomeChosen("discarded"));
        assert_eq!(update(&mut model, Event::SignTapped), [], "a blank is no reason");
        update(&mut model, Event::ReasonTyped("練習で開いた".into()));
        assert_eq!(
            update(&mut model, Event::SignTapped),
            [Effect::Close { outcome: "discarded", reason: "練習で開いた".into(), copy_to: None }]
        );
    }

    #[test]
    fn a_visit_that_did_not_take_place_is_written_and_then_confirmed() {
        let mut model = Model::default();
        update(&mut model, Event::OutcomeChosen("absent"));
        update(&mut model, Event::ReasonTyped("外出".into()));
        assert_eq!(update(&mut model, Event::SignTapped), [Effect::Write { outcome: "absent", reason: "外出".into() }]);
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
