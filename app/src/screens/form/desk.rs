//! The desk at which a form is written: does in the vault what a field tells, and keeps what the vault did not take.

use super::update::{Effect, Event, Model, update};
use crate::app::Session;
use crate::components::Edited;
use crate::text::{Words, confirm_words_in, error_words, use_words};
use device::jiff::Timestamp;
use device::note::JournalEntryOf;
use device::record::{DocumentId, Form};
use device::{DeviceError, Phone};
use dioxus::prelude::*;

/// What every field of a form works with.
#[derive(Clone, Copy, PartialEq)]
pub struct Desk {
    /// Answers whether the vault took it.
    pub send: Callback<Event, bool>,
    pub model: Signal<Model>,
    pub note: DocumentId,
    pub form: Form,
}

impl Desk {
    pub fn save_value(self, field: &str, typed: String) {
        self.send.call(Event::ValueTyped { field: field.to_string(), typed });
    }

    pub fn keep_value(self, field: &str, typed: String) {
        self.send.call(Event::TextPaused { field: field.to_string(), shown: String::new(), typed });
    }
}

/// The desk of a document that is there.
pub fn use_desk(note: DocumentId, form: Form) -> Desk {
    let phone = use_context::<Session>().phone.clone();
    use_desk_with(note, form, move |effect, now| perform(&phone, note, effect, now))
}

/// A desk whose effects are done by `act`.
pub fn use_desk_with(
    note: DocumentId,
    form: Form,
    act: impl Fn(&Effect, Timestamp) -> Result<(), DeviceError> + 'static,
) -> Desk {
    let words = use_words();
    let unsaved = use_context::<Session>().unsaved.clone();
    let mut model = use_signal(Model::default);
    let send = use_callback(move |event: Event| {
        // A key in a burst changes nothing here: the screen is drawn once a burst, not once a key.
        let typing = model.peek().typing;
        if (event == Event::TypingBegan && typing) || (event == Event::TypingSettled && !typing) {
            return true;
        }
        let effects = update(&mut model.write(), event);
        let mut taken = true;
        for effect in effects {
            let now = Timestamp::now();
            let done = act(&effect, now);
            taken &= done.is_ok();
            let after = answer(&effect, done.as_ref().err(), now, words, form);
            if let Effect::SaveText { field, shown, typed } = effect {
                // It outlives this screen until the vault has taken it.
                match done {
                    Err(_) => unsaved.borrow_mut().insert((note, field), Edited { shown, typed }),
                    Ok(()) => unsaved.borrow_mut().remove(&(note, field)),
                };
            }
            if let Some(event) = after {
                update(&mut model.write(), event);
            }
        }
        taken
    });
    Desk { send, model, note, form }
}

/// Does one effect in the vault.
pub fn perform(phone: &Phone, note: DocumentId, effect: &Effect, now: Timestamp) -> Result<(), DeviceError> {
    match effect {
        Effect::KeepTyped { field, shown, typed } => {
            phone.keep_typed(&JournalEntryOf { note, field, shown, typed }, now)
        }
        Effect::SaveTyped { field, typed } => phone.set_field(note, field, typed, now),
        Effect::SaveValue { field, value } => phone.set_value(note, field, value.clone(), now),
        Effect::SaveUnmeasured { field, reason } => phone.set_unmeasured(note, field, reason, now),
        Effect::SaveText { field, shown, typed } => phone.edit_text(note, field, shown, typed, now),
        Effect::Confirm => phone.confirm_note(note, now),
    }
}

/// What the vault's answer says to the screen. A line of the journal that was kept says nothing.
fn answer(effect: &Effect, error: Option<&DeviceError>, at: Timestamp, words: Words, form: Form) -> Option<Event> {
    let field = effect.saved_field().map(str::to_string);
    match (error, field) {
        (None, None) if matches!(effect, Effect::KeepTyped { .. }) => None,
        (None, field) => Some(Event::Saved { field, at }),
        (Some(error), Some(field)) if matches!(error, DeviceError::Field(_)) => {
            Some(Event::Refused { field, words: error_words(words, error) })
        }
        (Some(DeviceError::Confirm(error)), _) => Some(Event::Failed(confirm_words_in(words, form, error))),
        (Some(error), _) => Some(Event::Failed(error_words(words, error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;
    use device::record::visit_note::FieldError;

    fn answered(effect: &Effect, error: Option<&DeviceError>) -> Option<Event> {
        answer(effect, error, Timestamp::UNIX_EPOCH, Words(Language::English), Form::CarePlan)
    }

    #[test]
    fn a_value_is_refused_beside_its_field_and_a_full_disk_is_told_above_all() {
        let typed = Effect::SaveTyped { field: "created_on".into(), typed: "tomorrow".into() };
        assert!(
            matches!(answered(&typed, None), Some(Event::Saved { field: Some(field), .. }) if field == "created_on")
        );
        let refused = DeviceError::Field(FieldError::NotADate { field: "created_on" });
        assert!(
            matches!(answered(&typed, Some(&refused)), Some(Event::Refused { field, .. }) if field == "created_on")
        );
        let full = DeviceError::Vault(device::VaultError::Full);
        assert!(matches!(answered(&typed, Some(&full)), Some(Event::Failed(words)) if words.contains("storage")));
    }

    #[test]
    fn a_kept_line_of_the_journal_says_nothing_and_a_lost_one_is_told() {
        let kept = Effect::KeepTyped { field: "goals".into(), shown: String::new(), typed: "x".into() };
        assert_eq!(answered(&kept, None), None);
        let full = DeviceError::Vault(device::VaultError::Full);
        assert!(matches!(answered(&kept, Some(&full)), Some(Event::Failed(_))));
    }
}
