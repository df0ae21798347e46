//! Closing a note: what became of the visit or of the note, why, and whose note it should have been.

use device::read::PatientRow;
use device::record::visit_note::fields::CLOSING;
use device::record::{DocumentId, PatientId};

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
    /// How often the reason was thrown away: its input is made anew.
    pub discarded: u32,
    /// Something was typed that is not kept yet.
    unkept: bool,
    keep_due: bool,
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
    SignTapped,
    ConfirmTapped,
    Did(Done),
    Failed(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ring `KeepDue` when its time has come.
    StartKeep,
    /// The reason, as far as it was typed.
    Keep(String),
    Write {
        outcome: &'static str,
        reason: String,
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
    pub fn opened(reason: String) -> Self {
        Self { reason, ..Self::default() }
    }

    pub fn is_ready(&self) -> bool {
        self.outcome.is_some() && !self.reason.trim().is_empty()
    }

    fn keep(&mut self) -> Vec<Effect> {
        if std::mem::take(&mut self.unkept) { vec![Effect::Keep(self.reason.clone())] } else { Vec::new() }
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
            if !std::mem::replace(&mut model.keep_due, true) {
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
            return vec![Effect::Keep(String::new())];
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
            // It stands in the note, and went from the journal: no line of it may follow.
            model.unkept = false;
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
    use device::record::{Patient, Sex};

    fn row(id: &str) -> Result<PatientRow, Box<dyn std::error::Error>> {
        let patient = Patient {
            id: id.parse()?,
            name: "仮".into(),
            kana: "カリ".into(),
            birth_date: None,
            sex: Sex::Female,
            address: None,
            phone: None,
            local_ids: Vec::new(),
        };
        Ok(PatientRow { patient, as_of: None, is_light: false })
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
    fn a_half_typed_reason_is_kept_comes_back_and_does_not_follow_what_was_done() {
        let mut model = Model::default();
        assert_eq!(update(&mut model, Event::ReasonTyped("練習".into())), [Effect::StartKeep]);
        assert_eq!(update(&mut model, Event::ReasonTyped("練習で".into())), [], "one is on its way");
        assert_eq!(update(&mut model, Event::KeepDue), [Effect::Keep("練習で".into())]);
        assert_eq!(update(&mut model, Event::Dropped), [], "nothing new");
        update(&mut model, Event::ReasonTyped("練習で開".into()));
        assert_eq!(update(&mut model, Event::Dropped), [Effect::Keep("練習で開".into())], "before the curtain");
        let mut model = Model::opened("練習で開".into());
        update(&mut model, Event::OutcomeChosen("discarded"));
        assert!(model.is_ready(), "it came back");
        update(&mut model, Event::ReasonTyped("練習で開いた".into()));
        update(&mut model, Event::Did(Done::Closed(None)));
        assert_eq!(update(&mut model, Event::KeepDue), []);
        assert_eq!(update(&mut model, Event::Dropped), []);
        let mut model = Model::opened("練習".into());
        assert_eq!(update(&mut model, Event::Discarded), [Effect::Keep(String::new())]);
        assert!(model.reason.is_empty() && model.discarded == 1);
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
