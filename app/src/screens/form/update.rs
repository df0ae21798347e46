//! Writing in a form: what a field tells, what is done about it, what stands beside a refused value.

use crate::text::{Language, Words};
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
}

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
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    SaveTyped { field: String, typed: String },
    SaveValue { field: String, value: FieldValue },
    SaveUnmeasured { field: String, reason: String },
    KeepTyped { field: String, shown: String, typed: String },
    SaveText { field: String, shown: String, typed: String },
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
            Effect::KeepTyped { .. } | Effect::Confirm => None,
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
        let title = match words.0 {
            Language::Japanese => self.ja,
            Language::English => self.en,
        };
        self.number.map_or_else(|| title.to_string(), |n| format!("{title} {n}"))
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
