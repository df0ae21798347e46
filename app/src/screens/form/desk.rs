//! The desk at which a form is written: does in the vault what a field tells, and keeps what the vault did not take.

use super::parts::Shown;
use super::undo::Change;
use super::update::{Effect, Event, Model, update};
use super::waiting::{edit_of, hold};
use crate::app::{Live, Session};
use crate::text::{Words, confirm_words_in, error_words, use_words};
use crate::unsaved::{Edit, waits};
use device::DeviceError;
use device::jiff::Timestamp;
use device::note::JournalEntryOf;
use device::record::{DocumentId, Form, PatientId};
use dioxus::prelude::*;

/// What every field of a form works with.
#[derive(Clone, Copy, PartialEq)]
pub struct Desk {
    /// Answers whether it is settled: taken, or refused by the form. What the vault refused is kept and tried again.
    pub send: Callback<Event, bool>,
    pub model: Signal<Model>,
    pub note: DocumentId,
    pub form: Form,
}

impl Desk {
    pub fn save_value(self, field: &str, typed: String) -> bool {
        self.send.call(Event::ValueTyped { field: field.to_string(), typed })
    }

    pub fn keep_value(self, field: &str, typed: String) {
        self.send.call(Event::TextPaused { field: field.to_string(), shown: String::new(), typed });
    }

    /// What was typed into a field of one value and does not stand in the document.
    pub fn unsaved(self, session: &Session, field: &str) -> Option<String> {
        session.unsaved.borrow().typed(&(self.note, field.to_string())).map(str::to_string)
    }
}

/// A document as it was read, or why it could not be.
type Reading = Result<Shown, String>;

/// What is written at a desk.
struct Place {
    note: DocumentId,
    form: Form,
    /// Whose board it is, if it is one.
    board: Option<PatientId>,
    /// How the document stands, where a change can be undone.
    read: Option<Memo<Reading>>,
}

/// The desk of a document that is there.
pub fn use_desk(note: DocumentId, form: Form) -> Desk {
    use_place(Place { note, form, board: None, read: None })
}

/// The desk of a document whose last changes can be undone.
pub fn use_undoing_desk(note: DocumentId, form: Form, read: Memo<Reading>) -> Desk {
    use_place(Place { note, form, board: None, read: Some(read) })
}

/// The desk of a patient's board; one that nobody has written on begins with its first word.
pub fn use_board_desk(board: DocumentId, patient: PatientId) -> Desk {
    use_place(Place { note: board, form: Form::Handover, board: Some(patient), read: None })
}

fn use_place(place: Place) -> Desk {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut model = use_signal(Model::default);
    let (note, form) = (place.note, place.form);
    let send = use_callback(move |event: Event| {
        // A key in a burst changes nothing here: the screen is drawn once a burst, not once a key.
        let typing = model.peek().typing;
        if (event == Event::TypingBegan && typing) || (event == Event::TypingSettled && !typing) {
            return true;
        }
        let effects = update(&mut model.write(), event);
        let mut settled = true;
        for effect in effects {
            let now = Timestamp::now();
            let edit = edit_of(&effect, place.board.as_ref());
            let change = place.change_of(&effect);
            let done = place.perform(&session, &effect, edit.as_ref(), now);
            let held_up = session.unsaved.borrow().holds(note);
            let after = answer(&effect, done.as_ref().err(), now, words, form, held_up);
            settled &= hold(&mut session.unsaved.borrow_mut(), note, edit, after.as_ref());
            live.wait_for(session.unsaved.borrow().len());
            let change = change.filter(|_| matches!(after, Some(Event::Saved { .. })));
            for event in after.into_iter().chain(change.map(Event::Changed)) {
                update(&mut model.write(), event);
            }
        }
        settled
    });
    use_effect(move || {
        if (live.waiting)() == 0 && model.peek().waits > 0 {
            update(&mut model.write(), Event::NothingWaits);
        }
    });
    // A chip that waits is drawn as pressed, each time that one more does.
    let _ = use_memo(move || (model.read().waits, (live.waiting)()))();
    Desk { send, model, note, form }
}

impl Place {
    fn change_of(&self, effect: &Effect) -> Option<Change> {
        let read = self.read?;
        let stands = read.peek();
        match &*stands {
            Ok(Shown(note)) => Change::of(effect, &note.view.fields),
            Err(_) => None,
        }
    }

    /// Does one effect in the vault; `edit` is the one that it makes.
    fn perform(
        &self,
        session: &Session,
        effect: &Effect,
        edit: Option<&(String, Edit)>,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let (phone, note) = (&session.phone, self.note);
        if let Some((field, edit)) = edit {
            return edit.save(phone, &(note, field.clone()), now);
        }
        match (effect, &self.board) {
            (Effect::KeepTyped { shown, typed, .. }, Some(patient)) => phone.keep_on_board(patient, shown, typed, now),
            (Effect::KeepTyped { field, shown, typed }, None) => {
                phone.keep_typed(&JournalEntryOf { note, field, shown, typed }, now)
            }
            (Effect::Undo(change), _) => change.undo(phone, note, now),
            (Effect::Confirm, _) => {
                session.save_first(note)?;
                phone.confirm_note(note, now)
            }
            // Every other effect is an edit.
            _ => Ok(()),
        }
    }
}

/// What the vault's answer says to the screen. A line of the journal that was kept says nothing.
fn answer(
    effect: &Effect,
    error: Option<&DeviceError>,
    at: Timestamp,
    words: Words,
    form: Form,
    held_up: bool,
) -> Option<Event> {
    let field = effect.saved_field().map(str::to_string);
    match (error, field) {
        (None, None) if matches!(effect, Effect::KeepTyped { .. }) => None,
        (None, None) if matches!(effect, Effect::Undo(_)) => Some(Event::Undone { at }),
        (None, field) => Some(Event::Saved { field, at }),
        (Some(error), Some(field)) if matches!(error, DeviceError::Field(_)) => {
            Some(Event::Refused { field, words: error_words(words, error) })
        }
        (Some(error), Some(_)) if waits(error) => Some(Event::Waits(error_words(words, error))),
        // What waits belongs to the confirmation.
        (Some(error), None) if waits(error) && held_up && *effect == Effect::Confirm => {
            Some(Event::Waits(error_words(words, error)))
        }
        // Its bytes have gone: trying again brings nothing.
        (Some(DeviceError::UnknownPhoto(_)), None) if matches!(effect, Effect::Undo(_)) => {
            Some(Event::TooLate(words.say("keep-photo-undo-late")))
        }
        (Some(DeviceError::Confirm(error)), _) => Some(Event::Failed(confirm_words_in(words, form, error))),
        (Some(error), _) => Some(Event::Failed(error_words(words, error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;
    use device::record::ContentHash;
    use device::record::visit_note::FieldError;

    fn answered(effect: &Effect, error: Option<&DeviceError>) -> Option<Event> {
        answer(effect, error, Timestamp::UNIX_EPOCH, Words(Language::English), Form::CarePlan, false)
    }

    #[test]
    fn a_value_is_refused_beside_its_field_and_one_that_a_full_disk_refuses_waits() {
        let typed = Effect::SaveTyped { field: "created_on".into(), typed: "tomorrow".into() };
        assert!(
            matches!(answered(&typed, None), Some(Event::Saved { field: Some(field), .. }) if field == "created_on")
        );
        let refused = DeviceError::Field(FieldError::NotADate { field: "created_on" });
        assert!(
            matches!(answered(&typed, Some(&refused)), Some(Event::Refused { field, .. }) if field == "created_on")
        );
        let full = DeviceError::Vault(device::VaultError::Full);
        assert!(matches!(answered(&typed, Some(&full)), Some(Event::Waits(words)) if words.contains("storage")));
        let other = DeviceError::AlreadyConfirmed;
        assert!(matches!(answered(&typed, Some(&other)), Some(Event::Failed(_))), "another try cannot help");
    }

    #[test]
    fn a_confirmation_waits_for_what_waits_and_fails_for_itself() {
        let full = DeviceError::Vault(device::VaultError::Full);
        let said = |held_up| {
            let (at, words) = (Timestamp::UNIX_EPOCH, Words(Language::English));
            answer(&Effect::Confirm, Some(&full), at, words, Form::CarePlan, held_up)
        };
        assert!(matches!(said(true), Some(Event::Waits(_))));
        assert!(matches!(said(false), Some(Event::Failed(_))));
    }

    #[test]
    fn an_undo_that_was_done_takes_the_change_away_and_one_that_failed_does_not_wait() {
        let undo = Effect::Undo(Change::Value { field: "goals".into(), before: None });
        assert!(matches!(answered(&undo, None), Some(Event::Undone { .. })));
        let full = DeviceError::Vault(device::VaultError::Full);
        assert!(matches!(answered(&undo, Some(&full)), Some(Event::Failed(_))));
        let gone = DeviceError::UnknownPhoto(ContentHash([7; 32]));
        assert!(matches!(answered(&undo, Some(&gone)), Some(Event::TooLate(_))), "and one that came too late is over");
    }

    #[test]
    fn a_kept_line_of_the_journal_says_nothing_and_a_lost_one_is_told() {
        let kept = Effect::KeepTyped { field: "goals".into(), shown: String::new(), typed: "x".into() };
        assert_eq!(answered(&kept, None), None);
        let full = DeviceError::Vault(device::VaultError::Full);
        assert!(matches!(answered(&kept, Some(&full)), Some(Event::Failed(_))));
    }
}
