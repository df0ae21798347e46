//! Writing in a form: what a field tells, what is done about it, what stands beside a refused value.

use super::undo::Change;
use crate::text::Words;
use device::jiff::Timestamp;
use device::record::visit_note::{FieldValue, Group};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// Words beside a field whose value was refused.
    pub refused: BTreeMap<String, String>,
    pub failed: Option<String>,
    /// Letters stand in a field that are in no change yet.
    pub typing: bool,
    pub saved_at: Option<Timestamp>,
    /// How often the vault refused an edit that now waits; 0 once nothing waits.
    pub waits: u32,
    /// What was changed on this screen, the latest last.
    pub changes: Vec<Change>,
}

/// Changes that can be undone.
const UNDOABLE: usize = 50;

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    ValueTyped { field: String, typed: String },
    ValueChosen { field: String, value: FieldValue },
    UnmeasuredChosen { field: String, reason: String },
    TypingBegan,
    TypingSettled,
    TextPaused { field: String, shown: String, typed: String },
    TextChanged { field: String, shown: String, typed: String },
    ConfirmTapped,
    Saved { field: Option<String>, at: Timestamp },
    Refused { field: String, words: String },
    Failed(String),
    Waits(String),
    NothingWaits,
    Changed(Change),
    UndoTapped,
    Undone { at: Timestamp },
    TooLate(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    SaveTyped { field: String, typed: String },
    SaveValue { field: String, value: FieldValue },
    SaveUnmeasured { field: String, reason: String },
    KeepTyped { field: String, shown: String, typed: String },
    SaveText { field: String, shown: String, typed: String },
    Undo(Change),
    Confirm,
}

impl Effect {
    /// The field that a value or a text is saved in.
    pub fn saved_field(&self) -> Option<&str> {
        match self {
            Effect::SaveTyped { field, .. }
            | Effect::SaveValue { field, .. }
            | Effect::SaveUnmeasured { field, .. }
            | Effect::SaveText { field, .. } => Some(field),
            Effect::KeepTyped { .. } | Effect::Undo(_) | Effect::Confirm => None,
        }
    }
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::TypingBegan => model.typing = true,
        Event::TypingSettled => model.typing = false,
        Event::ValueTyped { field, typed } => return vec![Effect::SaveTyped { field, typed }],
        Event::ValueChosen { field, value } => return vec![Effect::SaveValue { field, value }],
        Event::UnmeasuredChosen { field, reason } => return vec![Effect::SaveUnmeasured { field, reason }],
        Event::TextPaused { field, shown, typed } => return vec![Effect::KeepTyped { field, shown, typed }],
        Event::TextChanged { field, shown, typed } => return vec![Effect::SaveText { field, shown, typed }],
        Event::ConfirmTapped => {
            model.failed = None;
            return vec![Effect::Confirm];
        }
        Event::Saved { field, at } => {
            if let Some(field) = field {
                model.refused.remove(&field);
            }
            model.failed = None;
            model.typing = false;
            model.saved_at = Some(at);
        }
        Event::Refused { field, words } => {
            model.refused.insert(field, words);
        }
        Event::Failed(words) => model.failed = Some(words),
        // The vault refused an edit (a full disk): it is kept and tried again.
        Event::Waits(words) => {
            model.failed = Some(words);
            model.waits += 1;
        }
        Event::NothingWaits if model.waits > 0 => {
            model.waits = 0;
            model.failed = None;
        }
        Event::NothingWaits => {}
        Event::Changed(change) => {
            model.changes.push(change);
            let older = model.changes.len().saturating_sub(UNDOABLE);
            model.changes.drain(..older);
        }
        Event::UndoTapped => return model.changes.last().cloned().map(Effect::Undo).into_iter().collect(),
        Event::Undone { at } => {
            if let Some(change) = model.changes.pop() {
                model.refused.remove(change.field());
            }
            model.failed = None;
            model.saved_at = Some(at);
        }
        // The ones before it can still be undone.
        Event::TooLate(words) => {
            model.changes.pop();
            model.failed = Some(words);
        }
    }
    Vec::new()
}

/// The heading of a group of fields, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupTitle {
    pub name: &'static str,
    pub ja: &'static str,
    pub en: &'static str,
    pub number: Option<u8>,
}

impl GroupTitle {
    pub fn of(group: &'static Group, number: Option<u8>) -> Self {
        Self { name: group.name, ja: group.label_ja, en: group.label_en, number }
    }

    pub fn words(&self, words: Words) -> String {
        let title = words.either(self.ja, self.en);
        match self.number {
            Some(n) => format!("{title} {n}"),
            None => title,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_value_keeps_its_reason_until_a_good_one_is_saved() {
        let mut model = Model::default();
        let typed = Event::ValueTyped { field: "temperature_c".into(), typed: "365".into() };
        assert_eq!(
            update(&mut model, typed),
            [Effect::SaveTyped { field: "temperature_c".into(), typed: "365".into() }]
        );
        update(&mut model, Event::Refused { field: "temperature_c".into(), words: "36.5?".into() });
        assert_eq!(model.refused.len(), 1);
        update(&mut model, Event::Saved { field: Some("temperature_c".into()), at: Timestamp::UNIX_EPOCH });
        assert!(model.refused.is_empty());
    }

    #[test]
    fn a_full_disk_is_said_until_everything_that_waited_is_taken() {
        let mut model = Model::default();
        update(&mut model, Event::NothingWaits);
        update(&mut model, Event::Failed("confirmed".into()));
        update(&mut model, Event::NothingWaits);
        assert_eq!(model.failed.as_deref(), Some("confirmed"), "another trouble is not over because nothing waits");
        update(&mut model, Event::Waits("full".into()));
        assert_eq!((model.failed.as_deref(), model.waits), (Some("full"), 1));
        update(&mut model, Event::NothingWaits);
        assert_eq!((model.failed, model.waits), (None, 0));
    }

    #[test]
    fn changes_are_undone_from_the_last_one_back_and_an_undo_that_failed_stays_possible() {
        let mut model = Model::default();
        assert_eq!(update(&mut model, Event::UndoTapped), []);
        let change = |field: &str| Change::Value { field: field.into(), before: None };
        for field in ["pulse_bpm", "weight_kg"] {
            update(&mut model, Event::Changed(change(field)));
        }
        assert_eq!(update(&mut model, Event::UndoTapped), [Effect::Undo(change("weight_kg"))]);
        update(&mut model, Event::Failed("full".into()));
        assert_eq!(update(&mut model, Event::UndoTapped), [Effect::Undo(change("weight_kg"))]);
        update(&mut model, Event::Undone { at: Timestamp::UNIX_EPOCH });
        assert_eq!(update(&mut model, Event::UndoTapped), [Effect::Undo(change("pulse_bpm"))]);
        update(&mut model, Event::Changed(change("spo2_percent")));
        update(&mut model, Event::TooLate("gone".into()));
        assert_eq!(model.failed.as_deref(), Some("gone"));
        assert_eq!(update(&mut model, Event::UndoTapped), [Effect::Undo(change("pulse_bpm"))], "it blocks no other");
        for n in 0..60u8 {
            update(&mut model, Event::Changed(change(&format!("ulcer.{n}.site"))));
        }
        assert_eq!(model.changes.len(), UNDOABLE);
    }

    #[test]
    fn a_line_of_the_journal_is_no_saved_field() {
        let mut model = Model::default();
        let words = |field: &str| (field.to_string(), "安定。".to_string(), "安定。咳あり。".to_string());
        let (field, shown, typed) = words("condition");
        let kept = update(&mut model, Event::TextPaused { field, shown, typed });
        assert_eq!(kept.iter().map(Effect::saved_field).collect::<Vec<_>>(), [None]);
        let (field, shown, typed) = words("condition");
        let saved = update(&mut model, Event::TextChanged { field, shown, typed });
        assert_eq!(saved.iter().map(Effect::saved_field).collect::<Vec<_>>(), [Some("condition")]);
    }
}
