//! What of this note waits for the vault: kept, shown as if it stood there, and saved before a confirmation.

use super::update::{Effect, Event};
use crate::components::Edited;
use crate::unsaved::{Edit, UnsavedEdits};
use device::jiff::civil::Date;
use device::record::DocumentId;
use device::record::visit_note::{Field, FieldValue};
use std::collections::BTreeMap;

/// The edit that an effect makes, and of which field.
pub fn edit_of(effect: &Effect) -> Option<(String, Edit)> {
    Some(match effect {
        Effect::SaveTyped { field, typed } => (field.clone(), Edit::Typed(typed.clone())),
        Effect::SaveValue { field, value } => (field.clone(), Edit::Value(value.clone())),
        Effect::SaveUnmeasured { field, reason } => (field.clone(), Edit::Unmeasured(reason.clone())),
        Effect::SaveText { field, shown, typed } => {
            (field.clone(), Edit::Text(Edited { shown: shown.clone(), typed: typed.clone() }))
        }
        Effect::KeepTyped { .. } | Effect::Undo(_) | Effect::Confirm => return None,
    })
}

/// Keeps the edit until the vault has taken it. Answers whether its field may call it settled.
pub fn hold(unsaved: &mut UnsavedEdits, note: DocumentId, edit: Option<(String, Edit)>, after: Option<&Event>) -> bool {
    let waits = matches!(after, Some(Event::Waits(_)));
    let refused = matches!(after, Some(Event::Refused { .. }));
    let failed = matches!(after, Some(Event::Failed(_)));
    let Some((field, edit)) = edit else { return !waits && !failed };
    let key = (note, field);
    match edit {
        Edit::Text(edited) if waits || refused || failed => {
            unsaved.insert(key, edited);
            false
        }
        edit if waits => {
            unsaved.put(key, edit);
            false
        }
        Edit::Typed(typed) if refused => {
            unsaved.reject(key, typed);
            true
        }
        _ => {
            unsaved.remove(&key);
            true
        }
    }
}

/// The fields as they will stand once everything that waits is taken: a chip that was tapped stays pressed.
pub fn with_waiting(fields: &mut BTreeMap<String, FieldValue>, unsaved: &UnsavedEdits, note: DocumentId, day: Date) {
    for (name, edit) in unsaved.of(note) {
        let value = match edit {
            Edit::Value(value) => Some(value.clone()),
            Edit::Unmeasured(reason) => Some(FieldValue::Unmeasured(reason.clone())),
            Edit::Typed(typed) => Field::named(name).ok().and_then(|field| field.parse(typed, day).ok()),
            // A text stands in its own field.
            Edit::Text(_) => None,
        };
        if let Some(value) = value {
            fields.insert(name.to_string(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::civil::date;

    const NOTE: DocumentId = DocumentId([3; 16]);

    fn effect(field: &str, typed: &str) -> Effect {
        Effect::SaveTyped { field: field.into(), typed: typed.into() }
    }

    #[test]
    fn whatever_the_vault_refuses_is_kept_and_goes_once_it_is_taken() {
        let mut unsaved = UnsavedEdits::default();
        let full = Event::Waits("full".into());
        let chip = Effect::SaveValue { field: "payer".into(), value: FieldValue::Word("care".into()) };
        let reason = Effect::SaveUnmeasured { field: "weight_kg".into(), reason: "absent".into() };
        let time = Effect::SaveValue {
            field: "ended_at".into(),
            value: FieldValue::Time(device::jiff::Timestamp::UNIX_EPOCH),
        };
        let text = Effect::SaveText { field: "plan".into(), shown: String::new(), typed: "x".into() };
        let all = [effect("pulse_bpm", "72"), chip, reason, time, text];
        for effect in &all {
            assert!(!hold(&mut unsaved, NOTE, edit_of(effect), Some(&full)), "{effect:?}");
        }
        assert_eq!(unsaved.len(), all.len());
        let saved = Event::Saved { field: None, at: device::jiff::Timestamp::UNIX_EPOCH };
        for effect in &all {
            assert!(hold(&mut unsaved, NOTE, edit_of(effect), Some(&saved)));
        }
        assert!(unsaved.is_empty());
    }

    #[test]
    fn a_number_that_the_form_refuses_holds_no_lock_and_comes_back_with_its_field() {
        let mut unsaved = UnsavedEdits::default();
        let refused = Event::Refused { field: "temperature_c".into(), words: "36.5?".into() };
        assert!(hold(&mut unsaved, NOTE, edit_of(&effect("temperature_c", "365")), Some(&refused)));
        assert!(unsaved.is_empty());
        assert_eq!(unsaved.typed(&(NOTE, "temperature_c".into())), Some("365"));
    }

    #[test]
    fn what_waits_is_shown_as_if_it_stood_there() {
        let mut unsaved = UnsavedEdits::default();
        unsaved.put((NOTE, "care.bedbath".into()), Edit::Value(FieldValue::Flag(true)));
        unsaved.put((NOTE, "temperature_c".into()), Edit::Typed("36.5".into()));
        unsaved.put((DocumentId([4; 16]), "pulse_bpm".into()), Edit::Typed("72".into()));
        let mut fields = BTreeMap::from([("care.bedbath".to_string(), FieldValue::Flag(false))]);
        with_waiting(&mut fields, &unsaved, NOTE, date(2026, 11, 22));
        assert_eq!(fields.get("care.bedbath"), Some(&FieldValue::Flag(true)));
        assert_eq!(fields.get("temperature_c"), Some(&FieldValue::Number(36.5)));
        assert_eq!(fields.get("pulse_bpm"), None, "another note's");
    }
}
