//! 書きかけ of a correction or of a reason for closing: kept in the vault, or until there is room in it, and shown again where
//! it was typed.

use crate::app::{Live, Session};
use crate::unsaved::{Edit, EditKey, HALF, HALF_CLOSING, UnsavedEdits, waits};
use device::jiff::Timestamp;
use device::record::DocumentId;
use device::{DeviceError, HalfTyped};

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
            Edit::Correction { field, half: waiting, .. } if waiting.is_empty() => {
                half.corrections.remove(field);
            }
            Edit::Correction { field, half: waiting, .. } => {
                half.last = Some(field.clone());
                half.corrections.insert(field.clone(), waiting.clone());
            }
            Edit::ClosingReason { reason, .. } => half.closing_reason = reason.clone(),
            _ => {}
        }
    }
    half
}

/// Keeps what was typed so far. What the vault does not take waits, and no lock throws it away; an error: and it may wait in
/// vain.
pub fn keep_half(session: &Session, live: Live, note: DocumentId, edit: Edit) -> Result<(), DeviceError> {
    let key = key_of(note, &edit);
    let edit = session.unsaved.borrow().following(&key, edit);
    let kept = edit.save(&session.phone, &key, Timestamp::now());
    let mut unsaved = session.unsaved.borrow_mut();
    let answer = settle(&mut unsaved, key, edit, kept);
    live.wait_for(unsaved.len());
    answer
}

/// What becomes of an edit by the vault's answer.
fn settle(
    unsaved: &mut UnsavedEdits,
    key: EditKey,
    edit: Edit,
    kept: Result<(), DeviceError>,
) -> Result<(), DeviceError> {
    match kept {
        Err(error) if waits(&error) => {
            unsaved.put(key, edit);
            Ok(())
        }
        Err(error) if edit.is_words() => {
            unsaved.put(key, edit);
            Err(error)
        }
        kept => {
            unsaved.remove(&key);
            kept
        }
    }
}

/// It is signed: an older line of it must not come after. `field`: a correction's; `None`: the note is closed.
pub fn forget_half(session: &Session, live: Live, note: DocumentId, field: Option<&str>) {
    let mut unsaved = session.unsaved.borrow_mut();
    unsaved.remove(&place(note, field));
    live.wait_for(unsaved.len());
}

fn key_of(note: DocumentId, edit: &Edit) -> EditKey {
    match edit {
        Edit::Correction { field, .. } => place(note, Some(field)),
        _ => place(note, None),
    }
}

/// Its place among what waits: no field's, for the field may have an edit of its own.
fn place(note: DocumentId, field: Option<&str>) -> EditKey {
    let field = field.map_or_else(|| format!("{HALF_CLOSING}{CLOSING}"), |field| format!("{HALF}{field}"));
    (note, field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::HalfCorrection;

    const NOTE: DocumentId = DocumentId([3; 16]);

    fn typed(after: &str) -> HalfCorrection {
        HalfCorrection { after: Some(after.into()), reason: String::new(), shown: "36.5".into() }
    }

    fn correction(field: &str, half: HalfCorrection) -> Edit {
        Edit::Correction { field: field.into(), half, known: HalfCorrection::default() }
    }

    fn closing(reason: &str) -> Edit {
        Edit::ClosingReason { reason: reason.into(), known: String::new() }
    }

    #[test]
    fn what_waits_for_room_is_newer_than_what_the_vault_holds() {
        let mut unsaved = UnsavedEdits::default();
        for edit in [
            correction("temperature_c", typed("36.8")),
            correction("pulse_bpm", HalfCorrection::default()),
            closing("外出"),
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
    fn a_correction_waits_beside_the_edit_of_the_same_field_and_beside_the_reason_for_closing() {
        let edit = correction(CLOSING, typed("x"));
        assert_ne!(key_of(NOTE, &edit), (NOTE, CLOSING.to_string()));
        assert_ne!(key_of(NOTE, &edit), key_of(NOTE, &closing("x")));
    }

    #[test]
    fn words_wait_whatever_the_vault_answers_until_it_takes_them_or_they_are_thrown_away() {
        let mut unsaved = UnsavedEdits::default();
        let refused = || Err(DeviceError::AlreadyConfirmed);
        for edit in [correction("plan", typed("x")), closing("外出")] {
            let key = key_of(NOTE, &edit);
            assert!(settle(&mut unsaved, key.clone(), edit.clone(), refused()).is_err(), "it is said");
            assert_eq!(unsaved.len(), 1, "and it is still there");
            assert!(settle(&mut unsaved, key.clone(), edit.clone(), Ok(())).is_ok() && unsaved.is_empty());
            assert!(settle(&mut unsaved, key, edit, Err(device::VaultError::Full.into())).is_ok());
            assert_eq!(unsaved.len(), 1);
            for thrown in [correction("plan", HalfCorrection::default()), closing("")] {
                let _ = settle(&mut unsaved, key_of(NOTE, &thrown), thrown, refused());
            }
            assert!(unsaved.is_empty(), "nothing that was thrown away holds the lock");
        }
    }
}
