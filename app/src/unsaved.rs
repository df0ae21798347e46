//! What the vault has not taken: a full disk loses nothing that was typed or tapped. Kept beside the session, outlives its
//! screen, and is tried again until it is taken.

use crate::components::Edited;
use device::jiff::Timestamp;
use device::record::visit_note::FieldValue;
use device::record::{DocumentId, PatientId};
use device::{DeviceError, HalfCorrection, Phone, VaultError};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often it is tried again.
pub const RETRY_AFTER: Duration = Duration::from_secs(3);

/// What the name of something half typed beside the document begins with; the field that it is about follows.
pub const HALF: &str = "half:";
/// The same for why a note is to be closed: the field may have a half-typed correction too.
pub const HALF_CLOSING: &str = "half-closing:";

/// Which field of which document.
pub type EditKey = (DocumentId, String);

/// One edit of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    Text(Edited),
    /// On a patient's board, which begins with its first word.
    Board {
        patient: PatientId,
        edited: Edited,
    },
    /// As it was typed: the form reads it when it is saved.
    Typed(String),
    Value(FieldValue),
    /// The reason why it was not measured.
    Unmeasured(String),
    /// 書きかけ: a correction that is not signed.
    Correction {
        field: String,
        half: HalfCorrection,
        /// What the vault was known to keep before.
        known: HalfCorrection,
    },
    /// 書きかけ: why the note is to be closed.
    ClosingReason {
        reason: String,
        known: String,
    },
}

impl Edit {
    pub fn save(&self, phone: &Phone, (note, field): &EditKey, now: Timestamp) -> Result<(), DeviceError> {
        match self {
            Edit::Text(edited) => phone.edit_text(*note, field, &edited.shown, &edited.typed, now),
            Edit::Board { patient, edited } => phone.edit_board(patient, &edited.shown, &edited.typed, now),
            Edit::Typed(typed) => phone.set_field(*note, field, typed, now),
            Edit::Value(value) => phone.set_value(*note, field, value.clone(), now),
            Edit::Unmeasured(reason) => phone.set_unmeasured(*note, field, reason, now),
            Edit::Correction { field, half, known } => phone.keep_correction(*note, field, half, known, now),
            Edit::ClosingReason { reason, known } => phone.keep_closing_reason(*note, reason, known, now),
        }
    }

    /// The words of a text, a document's or a board's.
    pub fn text(&self) -> Option<&Edited> {
        match self {
            Edit::Text(edited) | Edit::Board { edited, .. } => Some(edited),
            _ => None,
        }
    }

    /// Words of a person's, and not that they are thrown away: they are kept, whatever the vault says.
    pub fn is_words(&self) -> bool {
        match self {
            Edit::Text(_) | Edit::Board { .. } => true,
            Edit::Correction { half, .. } => !half.is_empty(),
            Edit::ClosingReason { reason, .. } => !reason.is_empty(),
            Edit::Typed(_) | Edit::Value(_) | Edit::Unmeasured(_) => false,
        }
    }

    /// This edit in the place of one that waits: the vault still keeps what that one knew.
    fn following(self, waiting: &Edit) -> Self {
        match (self, waiting) {
            (Edit::Correction { field, half, .. }, Edit::Correction { known, .. }) => {
                Edit::Correction { field, half, known: known.clone() }
            }
            (Edit::ClosingReason { reason, .. }, Edit::ClosingReason { known, .. }) => {
                Edit::ClosingReason { reason, known: known.clone() }
            }
            (edit, _) => edit,
        }
    }
}

/// Whether another try can help. What the form or a confirmation refuses would be refused for ever: that is said at once.
pub fn waits(error: &DeviceError) -> bool {
    match error {
        DeviceError::Vault(VaultError::Locked | VaultError::Damaged { .. }) => false,
        DeviceError::Vault(_) => true,
        _ => false,
    }
}

/// While anything stands in here, no lock throws it away.
#[derive(Debug, Default)]
pub struct UnsavedEdits {
    edits: BTreeMap<EditKey, Edit>,
    /// Texts whose field has left the screen. One that stands there tries by itself: two that try would write it twice.
    left: BTreeSet<EditKey>,
    /// What the form refused as it was typed. Shown again where the field comes back; holds no lock, is not tried again.
    rejected: BTreeMap<EditKey, String>,
}

impl UnsavedEdits {
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// Whether something of this document waits.
    pub fn holds(&self, note: DocumentId) -> bool {
        self.edits.keys().any(|(held, _)| *held == note)
    }

    /// A text that waits.
    pub fn get(&self, key: &EditKey) -> Option<&Edited> {
        self.edits.get(key)?.text()
    }

    /// What was typed into a field of one value and is not in the document.
    pub fn typed(&self, key: &EditKey) -> Option<&str> {
        match self.edits.get(key) {
            Some(Edit::Typed(typed)) => Some(typed),
            Some(_) => None,
            None => self.rejected.get(key).map(String::as_str),
        }
    }

    /// What waits of a document, by field.
    pub fn of(&self, note: DocumentId) -> impl Iterator<Item = (&str, &Edit)> {
        self.edits.iter().filter(move |((held, _), _)| *held == note).map(|((_, field), edit)| (field.as_str(), edit))
    }

    /// An edit as it is to be saved, though another one may wait in its place.
    pub fn following(&self, key: &EditKey, edit: Edit) -> Edit {
        match self.edits.get(key) {
            Some(waiting) => edit.following(waiting),
            None => edit,
        }
    }

    /// The latest edit of a field takes the place of an older one.
    pub fn put(&mut self, key: EditKey, edit: Edit) {
        self.rejected.remove(&key);
        self.edits.insert(key, edit);
    }

    /// The vault took it.
    pub fn remove(&mut self, key: &EditKey) {
        self.rejected.remove(key);
        self.edits.remove(key);
    }

    /// The form does not take it as it was typed.
    pub fn reject(&mut self, key: EditKey, typed: String) {
        self.edits.remove(&key);
        self.rejected.insert(key, typed);
    }

    /// A text's field stands on the screen and tries by itself.
    pub fn enter(&mut self, key: &EditKey) {
        self.left.remove(key);
    }

    /// It has gone: whatever waits is tried without it.
    pub fn leave(&mut self, key: EditKey) {
        self.left.insert(key);
    }

    /// What is to be tried now.
    fn due(&self) -> Vec<(EditKey, Edit)> {
        let by_itself = |key: &EditKey, edit: &Edit| edit.text().is_some() && !self.left.contains(key);
        self.edits
            .iter()
            .filter(|(key, edit)| !by_itself(key, edit))
            .map(|(key, edit)| (key.clone(), edit.clone()))
            .collect()
    }
}

/// Tries again what waits. Answers what will never be taken: a person must hear of it. Words are never given up.
pub fn retry(
    unsaved: &RefCell<UnsavedEdits>,
    save: impl Fn(&EditKey, &Edit) -> Result<(), DeviceError>,
) -> Vec<(EditKey, DeviceError)> {
    let due = unsaved.borrow().due();
    let mut given_up = Vec::new();
    for (key, edit) in due {
        match save(&key, &edit) {
            Ok(()) => unsaved.borrow_mut().remove(&key),
            Err(error) if waits(&error) || edit.is_words() => {}
            Err(error) => {
                match edit {
                    Edit::Typed(typed) => unsaved.borrow_mut().reject(key.clone(), typed),
                    _ => unsaved.borrow_mut().remove(&key),
                }
                given_up.push((key, error));
            }
        }
    }
    given_up
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::record::visit_note::FieldError;

    fn key(field: &str) -> EditKey {
        (DocumentId([1; 16]), field.to_string())
    }

    fn text(shown: &str, typed: &str) -> Edit {
        Edit::Text(Edited { shown: shown.into(), typed: typed.into() })
    }

    fn full(_: &EditKey, _: &Edit) -> Result<(), DeviceError> {
        Err(VaultError::Full.into())
    }

    #[test]
    fn a_number_and_a_choice_wait_for_room_and_are_taken_when_there_is_some() {
        let unsaved = RefCell::new(UnsavedEdits::default());
        unsaved.borrow_mut().put(key("temperature_c"), Edit::Typed("36.5".into()));
        unsaved.borrow_mut().put(key("care.bedbath"), Edit::Value(FieldValue::Flag(true)));
        assert!(retry(&unsaved, full).is_empty());
        assert_eq!(unsaved.borrow().len(), 2, "nothing is dropped while the disk is full");
        assert_eq!(unsaved.borrow().typed(&key("temperature_c")), Some("36.5"));
        let taken = RefCell::new(Vec::new());
        retry(&unsaved, |key, edit| {
            taken.borrow_mut().push((key.1.clone(), edit.clone()));
            Ok(())
        });
        assert_eq!(
            taken.into_inner(),
            [
                ("care.bedbath".to_string(), Edit::Value(FieldValue::Flag(true))),
                ("temperature_c".to_string(), Edit::Typed("36.5".into())),
            ]
        );
        assert!(unsaved.borrow().is_empty(), "and the lock is free");
    }

    #[test]
    fn the_latest_tap_on_a_field_is_the_one_that_waits() {
        let mut unsaved = UnsavedEdits::default();
        unsaved.put(key("payer"), Edit::Value(FieldValue::Word("care".into())));
        unsaved.put(key("payer"), Edit::Value(FieldValue::Word("self".into())));
        assert_eq!(unsaved.due(), [(key("payer"), Edit::Value(FieldValue::Word("self".into())))]);
        assert!(unsaved.holds(DocumentId([1; 16])) && !unsaved.holds(DocumentId([2; 16])));
    }

    #[test]
    fn a_text_is_tried_by_its_field_while_it_stands_there_and_without_it_afterwards() {
        let mut unsaved = UnsavedEdits::default();
        unsaved.put(key("condition"), text("A", "A B"));
        assert!(unsaved.due().is_empty(), "two that try would write it twice");
        unsaved.leave(key("condition"));
        assert_eq!(unsaved.due().len(), 1);
        unsaved.enter(&key("condition"));
        assert!(unsaved.due().is_empty() && !unsaved.is_empty());
    }

    #[test]
    fn a_board_waits_like_a_text_and_is_told_whose_it_is_when_it_is_tried() -> Result<(), Box<dyn std::error::Error>> {
        let edited = Edited { shown: String::new(), typed: "鍵は管理人室。".into() };
        let board = Edit::Board { patient: "p-a".parse()?, edited: edited.clone() };
        let unsaved = RefCell::new(UnsavedEdits::default());
        unsaved.borrow_mut().put(key("board"), board.clone());
        assert!(unsaved.borrow().due().is_empty(), "its field tries by itself");
        assert_eq!(unsaved.borrow().get(&key("board")), Some(&edited));
        unsaved.borrow_mut().leave(key("board"));
        assert!(retry(&unsaved, |_, _| Err(DeviceError::AlreadyConfirmed)).is_empty(), "words are never given up");
        let tried = RefCell::new(Vec::new());
        retry(&unsaved, |_, edit| {
            tried.borrow_mut().push(edit.clone());
            Ok(())
        });
        assert_eq!(tried.into_inner(), [board]);
        assert!(unsaved.borrow().is_empty());
        Ok(())
    }

    #[test]
    fn what_the_form_refuses_is_said_once_and_holds_no_lock_but_a_text_is_never_given_up() {
        let unsaved = RefCell::new(UnsavedEdits::default());
        unsaved.borrow_mut().put(key("pulse_bpm"), Edit::Typed("7".into()));
        unsaved.borrow_mut().put(key("plan"), text("", "x"));
        unsaved.borrow_mut().leave(key("plan"));
        let refuses = |_: &EditKey, _: &Edit| Err(DeviceError::from(FieldError::PressureReversed));
        let said: Vec<String> = retry(&unsaved, refuses).into_iter().map(|((_, field), _)| field).collect();
        assert_eq!(said, ["pulse_bpm"]);
        assert!(unsaved.borrow().get(&key("plan")).is_some());
        assert_eq!(unsaved.borrow().typed(&key("pulse_bpm")), Some("7"), "it comes back where it was typed");
        assert_eq!(unsaved.borrow().len(), 1);
    }

    #[test]
    fn words_that_are_half_typed_are_never_given_up_and_throwing_them_away_is() {
        let typed = HalfCorrection { reason: "転記".into(), ..HalfCorrection::default() };
        let correction = |half| Edit::Correction { field: "plan".into(), half, known: HalfCorrection::default() };
        let closing = |reason: &str| Edit::ClosingReason { reason: reason.into(), known: String::new() };
        let unsaved = RefCell::new(UnsavedEdits::default());
        unsaved.borrow_mut().put(key("half:plan"), correction(typed));
        unsaved.borrow_mut().put(key("half:outcome_reason"), closing("外出"));
        let refuses = |_: &EditKey, _: &Edit| Err(DeviceError::from(VaultError::Damaged { table: "note_row" }));
        assert!(retry(&unsaved, refuses).is_empty());
        assert_eq!(unsaved.borrow().len(), 2, "both are still there");
        unsaved.borrow_mut().put(key("half:plan"), correction(HalfCorrection::default()));
        unsaved.borrow_mut().put(key("half:outcome_reason"), closing(""));
        assert_eq!(retry(&unsaved, refuses).len(), 2);
        assert!(unsaved.borrow().is_empty(), "nothing that was thrown away holds the lock");
    }

    #[test]
    fn what_follows_something_that_waits_knows_what_the_vault_keeps() {
        let closing = |reason: &str, known: &str| Edit::ClosingReason { reason: reason.into(), known: known.into() };
        let mut unsaved = UnsavedEdits::default();
        let place = key("half:outcome_reason");
        unsaved.put(place.clone(), closing("外出", "外"));
        assert_eq!(unsaved.following(&place, closing("外出中", "外出")), closing("外出中", "外"));
        assert_eq!(unsaved.following(&key("half:plan"), closing("外出中", "外出")), closing("外出中", "外出"));
    }

    #[test]
    fn a_full_disk_is_waited_for_and_a_confirmed_note_is_not() {
        assert!(waits(&VaultError::Full.into()) && waits(&VaultError::InUse.into()));
        assert!(!waits(&DeviceError::AlreadyConfirmed) && !waits(&VaultError::Locked.into()));
    }
}
