//! 書きかけ of a correction or of a reason for closing: kept in the vault, or until there is room in it, and shown again where
//! it was typed.

use crate::app::{Live, Session};
use crate::unsaved::{Edit, EditKey, HALF, UnsavedEdits, waits};
use device::jiff::Timestamp;
use device::record::DocumentId;
use device::{DeviceError, HalfCorrection, HalfTyped};

/// The field that a note's reason for closing will stand in.
const CLOSING: &str = "outcome_reason";

/// What was begun about a note, also what waits for room in the vault.
pub fn half_typed(session: &Session, note: DocumentId) -> Result<HalfTyped, DeviceError> {
    let half = session.phone.half_typed(note)?;
    Ok(with_waiting(half, &session.unsaved.borrow(), note))
}

fn with_waiting(mut half: HalfTyped, unsaved: &UnsavedEdits, note: DocumentId) -> HalfTyped {
    for (_, edit) in unsaved.of(note) {
        match edit {
            Edit::Correction { field, half: waiting } if *waiting == HalfCorrection::default() => {
                half.corrections.remove(field);
            }
            Edit::Correction { field, half: waiting } => {
                half.last = Some(field.clone());
                half.corrections.insert(field.clone(), waiting.clone());
            }
            Edit::ClosingReason(reason) => half.closing_reason = reason.clone(),
            _ => {}
        }
    }
    half
}

/// Keeps what was typed so far. What the vault has no room for waits, and no lock throws it away; an error: it is not kept.
pub fn keep_half(session: &Session, live: Live, note: DocumentId, edit: Edit) -> Result<(), DeviceError> {
    let key = key_of(note, &edit);
    let kept = edit.save(&session.phone, &key, Timestamp::now());
    let mut unsaved = session.unsaved.borrow_mut();
    let answer = match kept {
        Err(error) if waits(&error) => {
            unsaved.put(key, edit);
            Ok(())
        }
        kept => {
            unsaved.remove(&key);
            kept
        }
    };
    live.wait_for(unsaved.len());
    answer
}

/// It is signed: an older line of it must not come after.
pub fn forget_half(session: &Session, live: Live, note: DocumentId, edit: &Edit) {
    let mut unsaved = session.unsaved.borrow_mut();
    unsaved.remove(&key_of(note, edit));
    live.wait_for(unsaved.len());
}

/// Its place among what waits: no field's, for the field may have an edit of its own.
fn key_of(note: DocumentId, edit: &Edit) -> EditKey {
    let field = match edit {
        Edit::Correction { field, .. } => field.as_str(),
        _ => CLOSING,
    };
    (note, format!("{HALF}{field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: DocumentId = DocumentId([3; 16]);

    fn typed(after: &str) -> HalfCorrection {
        HalfCorrection { after: Some(after.into()), reason: String::new() }
    }

    fn correction(field: &str, half: HalfCorrection) -> Edit {
        Edit::Correction { field: field.into(), half }
    }

    #[test]
    fn what_waits_for_room_is_newer_than_what_the_vault_holds() {
        let mut unsaved = UnsavedEdits::default();
        for edit in [
            correction("temperature_c", typed("36.8")),
            correction("pulse_bpm", HalfCorrection::default()),
            Edit::ClosingReason("外出".into()),
        ] {
            unsaved.put(key_of(NOTE, &edit), edit);
        }
        assert_eq!(unsaved.len(), 3, "each in a place of its own");
        let mut stands = HalfTyped { closing_reason: "外".into(), ..HalfTyped::default() };
        stands.corrections.insert("temperature_c".into(), typed("36."));
        stands.corrections.insert("pulse_bpm".into(), typed("7"));
        let half = with_waiting(stands.clone(), &unsaved, NOTE);
        assert_eq!(half.corrections.get("temperature_c"), Some(&typed("36.8")));
        assert_eq!(half.corrections.get("pulse_bpm"), None, "it was thrown away");
        assert_eq!((half.last.as_deref(), half.closing_reason.as_str()), (Some("temperature_c"), "外出"));
        assert_eq!(with_waiting(stands.clone(), &unsaved, DocumentId([4; 16])), stands, "another note's");
    }

    #[test]
    fn a_correction_waits_beside_the_edit_of_the_same_field() {
        let edit = correction("outcome_reason", typed("x"));
        assert_ne!(key_of(NOTE, &edit), (NOTE, "outcome_reason".to_string()));
    }
}
