//! What saves a hand some work: undo of the last change, phrases, words from the last visit. Pure.

use super::update::Effect;
use device::jiff::Timestamp;
use device::record::DocumentId;
use device::record::visit_note::FieldValue;
use device::{DeviceError, Phone};
use std::collections::BTreeMap;

/// A change that was made on this screen, with what stood there before.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Value { field: String, before: Option<FieldValue> },
    Text { field: String, before: String, after: String },
}

impl Change {
    pub fn field(&self) -> &str {
        match self {
            Change::Value { field, .. } | Change::Text { field, .. } => field,
        }
    }

    /// The change that an effect makes in fields that stand so.
    pub fn of(effect: &Effect, fields: &BTreeMap<String, FieldValue>) -> Option<Change> {
        match effect {
            Effect::SaveTyped { field, .. } | Effect::SaveUnmeasured { field, .. } => {
                Some(Change::Value { field: field.clone(), before: fields.get(field).cloned() })
            }
            Effect::SaveValue { field, value } if fields.get(field) != Some(value) => {
                Some(Change::Value { field: field.clone(), before: fields.get(field).cloned() })
            }
            Effect::SaveText { field, shown, typed } => {
                Some(Change::Text { field: field.clone(), before: shown.clone(), after: typed.clone() })
            }
            _ => None,
        }
    }

    /// 元に戻す: a change like any other, so that the history keeps both. Of a text only the own words go: what a colleague
    /// wrote meanwhile stays.
    pub fn undo(&self, phone: &Phone, note: DocumentId, now: Timestamp) -> Result<(), DeviceError> {
        match self {
            Change::Text { field, before, after } => phone.edit_text(note, field, after, before, now),
            Change::Value { field, before: None } => phone.set_field(note, field, "", now),
            Change::Value { field, before: Some(FieldValue::Unmeasured(reason)) } => {
                phone.set_unmeasured(note, field, reason, now)
            }
            Change::Value { field, before: Some(value) } => phone.set_value(note, field, value.clone(), now),
        }
    }
}

/// Phrases that the app brings along, by text field; their words stand in the Fluent files under
/// `settings-phrase-FIELD-N`.
const PHRASES: &[(&str, u8)] =
    &[("condition", 3), ("care_given", 3), ("family", 2), ("assessment", 2), ("plan", 2), ("remarks", 1)];

/// Keys of a field's phrases.
pub fn phrase_keys(field: &str) -> Vec<String> {
    let count = PHRASES.iter().find(|(name, _)| *name == field).map_or(0, |(_, count)| *count);
    (1..=count).map(|n| format!("settings-phrase-{field}-{n}")).collect()
}

/// The words of the last visit that stand unchanged in a text: marked until they are edited, for a copy is easily believed.
pub fn from_last<'a>(text: &str, last: Option<&'a str>) -> Option<&'a str> {
    last.map(str::trim).filter(|last| !last.is_empty() && text.contains(last))
}

/// Whether a phrase still goes into a text of so many characters, on a line of its own.
pub fn has_room(text: &str, phrase: &str, limit: usize) -> bool {
    text.chars().count() + phrase.chars().count() < limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Words};

    #[test]
    fn an_undo_knows_what_stood_there_before() {
        let fields = BTreeMap::from([("temperature_c".to_string(), FieldValue::Number(36.5))]);
        let typed = |field: &str| Effect::SaveTyped { field: field.into(), typed: "37.2".into() };
        assert_eq!(
            Change::of(&typed("temperature_c"), &fields),
            Some(Change::Value { field: "temperature_c".into(), before: Some(FieldValue::Number(36.5)) })
        );
        assert_eq!(
            Change::of(&typed("pulse_bpm"), &fields),
            Some(Change::Value { field: "pulse_bpm".into(), before: None }),
            "nothing stood there: the undo takes it away again"
        );
        let same = Effect::SaveValue { field: "temperature_c".into(), value: FieldValue::Number(36.5) };
        assert_eq!(Change::of(&same, &fields), None, "a tap that changes nothing has nothing to undo");
        let text = Effect::SaveText { field: "plan".into(), shown: "A".into(), typed: "A B".into() };
        let change = Change::of(&text, &fields);
        assert_eq!(change, Some(Change::Text { field: "plan".into(), before: "A".into(), after: "A B".into() }));
        assert_eq!(change.as_ref().map(Change::field), Some("plan"));
        assert_eq!(Change::of(&Effect::Confirm, &fields), None, "a confirmation is not undone");
    }

    #[test]
    fn words_of_the_last_visit_are_marked_until_they_are_edited() {
        let last = Some("食事は全量摂取。\n");
        assert_eq!(from_last("発熱なし。\n食事は全量摂取。", last), Some("食事は全量摂取。"));
        assert_eq!(from_last("発熱なし。\n食事は半量摂取。", last), None);
        assert_eq!(from_last("発熱なし。", Some(" ")), None, "an empty text is in every text");
        assert_eq!(from_last("発熱なし。", None), None);
    }

    #[test]
    fn every_phrase_has_its_words_in_both_languages_and_a_field_to_go_to() {
        for (field, count) in PHRASES {
            assert!(
                device::record::visit_note::Field::named(field).is_ok_and(device::record::visit_note::Field::is_text)
            );
            let keys = phrase_keys(field);
            assert_eq!(keys.len(), usize::from(*count));
            for key in keys {
                assert_ne!(Words(Language::Japanese).say(&key), key);
                assert_ne!(Words(Language::English).say(&key), key);
            }
        }
        assert!(phrase_keys("plan_change_summary").is_empty());
    }

    #[test]
    fn a_phrase_needs_room_for_itself_and_its_line() {
        assert!(has_room("12345", "678", 9));
        assert!(!has_room("12345", "678", 8));
    }
}
