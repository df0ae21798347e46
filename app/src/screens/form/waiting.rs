//! What of a document waits for the vault: kept, shown as if it stood there, and saved before a confirmation.

use super::parts::Shown;
use super::update::{Effect, Event};
use crate::components::Edited;
use crate::unsaved::{Edit, UnsavedEdits};
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::note::NoteShown;
use device::record::calendar::day_in_japan;
use device::record::visit_note::FieldValue;
use device::record::{DocumentId, Form, PatientId};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The edit that an effect makes, and of which field. `board`: whose board it is, if it is one.
pub fn edit_of(effect: &Effect, board: Option<&PatientId>) -> Option<(String, Edit)> {
    Some(match effect {
        Effect::SaveTyped { field, typed } => (field.clone(), Edit::Typed(typed.clone())),
        Effect::SaveValue { field, value } => (field.clone(), Edit::Value(value.clone())),
        Effect::SaveUnmeasured { field, reason } => (field.clone(), Edit::Unmeasured(reason.clone())),
        Effect::SaveText { field, shown, typed } => {
            let edited = Edited { shown: shown.clone(), typed: typed.clone() };
            let edit = match board {
                Some(patient) => Edit::Board { patient: patient.clone(), edited },
                None => Edit::Text(edited),
            };
            (field.clone(), edit)
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
    let is_text = edit.text().is_some();
    match edit {
        edit if waits || (is_text && (refused || failed)) => {
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

/// The document as it will stand once everything that waits is taken.
pub fn with_waiting(shown: Shown, unsaved: &UnsavedEdits) -> Shown {
    let row = &shown.0.row;
    if !unsaved.holds(row.note) {
        return shown;
    }
    let day = day_in_japan(row.started_at.unwrap_or_else(Timestamp::now));
    let mut whole = NoteShown::clone(&shown.0);
    put_waiting(&mut whole.view.fields, unsaved, (row.note, row.form), day);
    Shown(Rc::new(whole))
}

/// A chip that was tapped stays pressed.
fn put_waiting(
    fields: &mut BTreeMap<String, FieldValue>,
    unsaved: &UnsavedEdits,
    (note, form): (DocumentId, Form),
    day: Date,
) {
    for (name, edit) in unsaved.of(note) {
        let value = match edit {
            Edit::Value(value) => Some(value.clone()),
            Edit::Unmeasured(reason) => Some(FieldValue::Unmeasured(reason.clone())),
            // Nothing typed takes a value away.
            Edit::Typed(typed) if typed.trim().is_empty() => {
                fields.remove(name);
                None
            }
            Edit::Typed(typed) => form.field(name).ok().and_then(|field| field.parse(typed, day).ok()),
            // A text stands in its own field.
            Edit::Text(_) | Edit::Board { .. } => None,
            // Nobody has signed it.
            Edit::Correction { .. } | Edit::ClosingReason { .. } => None,
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
            assert!(!hold(&mut unsaved, NOTE, edit_of(effect, None), Some(&full)), "{effect:?}");
        }
        assert_eq!(unsaved.len(), all.len());
        let saved = Event::Saved { field: None, at: device::jiff::Timestamp::UNIX_EPOCH };
        for effect in &all {
            assert!(hold(&mut unsaved, NOTE, edit_of(effect, None), Some(&saved)));
        }
        assert!(unsaved.is_empty());
    }

    #[test]
    fn a_line_for_the_board_that_is_not_taken_is_kept_for_this_patients_board() -> Result<(), Box<dyn std::error::Error>>
    {
        let mut unsaved = UnsavedEdits::default();
        let patient: PatientId = "p-a".parse()?;
        let line = Effect::SaveText { field: "board".into(), shown: String::new(), typed: "x".into() };
        let edit = edit_of(&line, Some(&patient));
        assert!(matches!(&edit, Some((_, Edit::Board { patient: of, .. })) if *of == patient));
        for after in [Event::Waits("full".into()), Event::Failed("?".into())] {
            assert!(!hold(&mut unsaved, NOTE, edit.clone(), Some(&after)), "{after:?}");
            assert_eq!(unsaved.len(), 1);
        }
        Ok(())
    }

    #[test]
    fn a_number_that_the_form_refuses_holds_no_lock_and_comes_back_with_its_field() {
        let mut unsaved = UnsavedEdits::default();
        let refused = Event::Refused { field: "temperature_c".into(), words: "36.5?".into() };
        assert!(hold(&mut unsaved, NOTE, edit_of(&effect("temperature_c", "365"), None), Some(&refused)));
        assert!(unsaved.is_empty());
        assert_eq!(unsaved.typed(&(NOTE, "temperature_c".into())), Some("365"));
    }

    #[test]
    fn what_waits_is_shown_as_if_it_stood_there() {
        let mut unsaved = UnsavedEdits::default();
        unsaved.put((NOTE, "care.bedbath".into()), Edit::Value(FieldValue::Flag(true)));
        unsaved.put((NOTE, "temperature_c".into()), Edit::Typed("36.5".into()));
        unsaved.put((DocumentId([4; 16]), "pulse_bpm".into()), Edit::Typed("72".into()));
        unsaved.put((NOTE, "payer".into()), Edit::Typed(String::new()));
        let mut fields = BTreeMap::from([
            ("care.bedbath".to_string(), FieldValue::Flag(false)),
            ("payer".to_string(), FieldValue::Word("care".into())),
        ]);
        put_waiting(&mut fields, &unsaved, (NOTE, Form::VisitNote), date(2026, 11, 22));
        assert_eq!(fields.get("payer"), None, "a second tap took it away");
        assert_eq!(fields.get("care.bedbath"), Some(&FieldValue::Flag(true)));
        assert_eq!(fields.get("temperature_c"), Some(&FieldValue::Number(36.5)));
        assert_eq!(fields.get("pulse_bpm"), None, "another note's");
    }

    #[test]
    fn a_date_of_a_plan_that_waits_is_read_by_the_plan() {
        let mut unsaved = UnsavedEdits::default();
        unsaved.put((NOTE, "created_on".into()), Edit::Typed("2026-11-22".into()));
        let mut fields = BTreeMap::new();
        put_waiting(&mut fields, &unsaved, (NOTE, Form::CarePlan), date(2026, 11, 22));
        assert_eq!(fields.get("created_on"), Some(&FieldValue::Date(date(2026, 11, 22))));
    }
}
