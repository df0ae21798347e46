//! What was changed on this screen, and the way back.

use super::update::Effect;
use device::jiff::Timestamp;
use device::record::DocumentId;
use device::record::visit_note::FieldValue;
use device::{DeviceError, Phone, PhotoRemoved};
use std::collections::BTreeMap;

/// A change that was made on this screen, with what stood there before.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Value { field: String, before: Option<FieldValue> },
    Text { field: String, before: String, after: String },
    Photo { field: String, removed: PhotoRemoved },
}

impl Change {
    pub fn field(&self) -> &str {
        match self {
            Change::Value { field, .. } | Change::Text { field, .. } | Change::Photo { field, .. } => field,
        }
    }

    /// A photo was taken away: the field is its sub-record as a whole.
    pub fn photo(removed: PhotoRemoved) -> Change {
        Change::Photo { field: format!("photo.{}", removed.photo.number), removed }
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
            Change::Photo { removed, .. } => phone.put_photo_back(note, removed, now),
            Change::Value { field, before: None } => phone.set_field(note, field, "", now),
            Change::Value { field, before: Some(FieldValue::Unmeasured(reason)) } => {
                phone.set_unmeasured(note, field, reason, now)
            }
            Change::Value { field, before: Some(value) } => phone.set_value(note, field, value.clone(), now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::record::ContentHash;
    use device::record::visit_note::NotePhoto;

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
    fn a_photo_that_was_taken_away_is_named_by_its_place_and_no_words_of_it_reach_a_log() {
        let photo = NotePhoto {
            number: 3,
            hash: ContentHash([7; 32]),
            body_site: "仙骨部".into(),
            caption: "処置前".into(),
            taken_at: None,
            consent: true,
            bytes: None,
            media_type: "image/jpeg".into(),
        };
        let change = Change::photo(PhotoRemoved { photo, was_here: true });
        assert_eq!(change.field(), "photo.3");
        let printed = format!("{change:?}");
        assert!(!printed.contains("仙骨部") && !printed.contains("処置前"));
    }
}
