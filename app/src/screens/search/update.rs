//! Searching what the phone holds: asked when the pen rests, never in the middle of a composition, and no key but typing counts.

use device::Hit;
use device::SearchKind;
use device::record::{DataClass, Form, PatientId};

/// How long the pen rests before a search is made.
pub const ASK_AFTER_MS: u64 = 300;
/// The newest hits that are shown.
pub const MOST: usize = 200;

/// What is typed, and what was last asked for. A patient's words: it goes with the session.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Model {
    pub typed: String,
    pub asked: String,
    composing: bool,
    /// Counts keys: a pause belongs to the last one.
    keys: u64,
}

impl std::fmt::Debug for Model {
    /// What is looked for stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("keys", &self.keys).finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    Typed(String),
    CompositionStarted,
    CompositionEnded,
    /// The field was left, a composition in it is over.
    Left,
    /// No key since key number so-and-so.
    Pause(u64),
}

/// Ring `Pause` with this number when the pen has rested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartPause(pub u64);

pub fn update(model: &mut Model, event: Event) -> Option<StartPause> {
    match event {
        Event::Typed(text) => model.typed = text,
        Event::CompositionStarted => model.composing = true,
        Event::CompositionEnded | Event::Left => model.composing = false,
        Event::Pause(keys) => {
            if keys == model.keys && !model.composing {
                model.asked = model.typed.trim().to_string();
            }
            return None;
        }
    }
    model.keys += 1;
    (!model.composing).then_some(StartPause(model.keys))
}

/// Hits by patient, the patient with the newest hit first; each patient's stay newest first.
pub fn by_patient(hits: &[Hit]) -> Vec<(PatientId, Vec<Hit>)> {
    let mut groups: Vec<(PatientId, Vec<Hit>)> = Vec::new();
    for hit in hits {
        match groups.iter_mut().find(|(patient, _)| *patient == hit.patient) {
            Some((_, group)) => group.push(hit.clone()),
            None => groups.push((hit.patient.clone(), vec![hit.clone()])),
        }
    }
    groups
}

/// The word for what a hit stands in.
pub fn kind_key(kind: SearchKind) -> &'static str {
    match kind {
        SearchKind::Form(Form::VisitNote) => "chart-kind-visit_note",
        SearchKind::Form(Form::Handover) => "chart-kind-handover",
        SearchKind::Form(Form::IntakeRecord) => "chart-kind-intake_record",
        SearchKind::Form(Form::CarePlan) => "chart-kind-care_plan",
        SearchKind::Form(Form::VisitReport) => "chart-kind-visit_report",
        SearchKind::Record(DataClass::Problem) => "chart-kind-problem",
        SearchKind::Record(DataClass::Allergy) => "chart-kind-allergy",
        SearchKind::Record(DataClass::Rx) => "chart-kind-rx",
        SearchKind::Record(DataClass::Inj) => "chart-kind-inj",
        SearchKind::Record(DataClass::Lab) => "chart-kind-lab",
        SearchKind::Record(DataClass::Document) => "chart-kind-document",
        SearchKind::Record(DataClass::Encounter) => "chart-kind-encounter",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::civil::date;
    use device::record::DocumentId;

    fn typed(model: &mut Model, text: &str) -> Option<StartPause> {
        update(model, Event::Typed(text.to_string()))
    }

    #[test]
    fn a_search_is_made_when_the_pen_rests_and_only_for_the_last_key() {
        let mut model = Model::default();
        assert_eq!(typed(&mut model, "浮"), Some(StartPause(1)));
        assert_eq!(typed(&mut model, "浮腫 "), Some(StartPause(2)));
        update(&mut model, Event::Pause(1));
        assert_eq!(model.asked, "");
        update(&mut model, Event::Pause(2));
        assert_eq!(model.asked, "浮腫");
    }

    #[test]
    fn at_j1_nothing_is_asked_while_a_composition_is_open() {
        let mut model = Model::default();
        assert_eq!(typed(&mut model, "咳"), Some(StartPause(1)));
        update(&mut model, Event::CompositionStarted);
        assert_eq!(typed(&mut model, "咳ふ"), None);
        update(&mut model, Event::Pause(1));
        update(&mut model, Event::Pause(3));
        assert_eq!(model.asked, "", "half a word is no question");
        typed(&mut model, "咳 浮腫");
        let end = update(&mut model, Event::CompositionEnded);
        assert_eq!(end, Some(StartPause(5)));
        update(&mut model, Event::Pause(5));
        assert_eq!(model.asked, "咳 浮腫");
    }

    #[test]
    fn a_composition_that_a_blur_cut_off_does_not_block_the_search_for_ever() {
        let mut model = Model::default();
        update(&mut model, Event::CompositionStarted);
        typed(&mut model, "発赤");
        assert_eq!(update(&mut model, Event::Left), Some(StartPause(3)));
        update(&mut model, Event::Pause(3));
        assert_eq!(model.asked, "発赤");
    }

    #[test]
    fn an_emptied_field_takes_the_results_away() {
        let mut model = Model::default();
        typed(&mut model, "咳");
        update(&mut model, Event::Pause(1));
        typed(&mut model, "");
        update(&mut model, Event::Pause(2));
        assert_eq!(model.asked, "");
    }

    #[test]
    fn hits_stand_under_their_patient_the_newest_first() -> Result<(), device::record::ids::IdError> {
        let hit = |patient: &str, day: i8| -> Result<Hit, device::record::ids::IdError> {
            Ok(Hit {
                patient: patient.parse()?,
                kind: SearchKind::Form(Form::VisitNote),
                id: DocumentId([1; 16]),
                day: date(2026, 11, day),
                snippet: "浮腫".into(),
            })
        };
        let groups = by_patient(&[hit("b", 22)?, hit("a", 21)?, hit("b", 3)?]);
        let said: Vec<(&str, Vec<i8>)> =
            groups.iter().map(|(id, hits)| (id.as_str(), hits.iter().map(|hit| hit.day.day()).collect())).collect();
        assert_eq!(said, [("b", vec![22, 3]), ("a", vec![21])]);
        Ok(())
    }

    #[test]
    fn what_is_looked_for_stays_out_of_logs() {
        let mut model = Model::default();
        typed(&mut model, "仮山");
        update(&mut model, Event::Pause(1));
        assert!(!format!("{model:?}").contains("仮山"));
    }
}
