//! What the vault could not read is said in words where it would stand: it is never "none", and nobody is nameless.

use crate::app::Standing;
use crate::text::{Words, day_and_clock, error_words};
use device::jiff::Timestamp;
use device::read::PatientRow;
use device::record::PatientId;
use device::{DeviceError, Phone};
use dioxus::prelude::*;
use std::collections::BTreeMap;

/// What cannot be read, and why.
pub fn because(words: Words, key: &str, error: &DeviceError) -> String {
    words.with(key, &[("why", error_words(words, error).into())])
}

/// What was read, or nothing with the sentence that stands in its place: the rest of the screen goes on without it.
pub fn or_words<T: Default>(words: Words, key: &str, read: Result<T, DeviceError>) -> (T, Option<String>) {
    match read {
        Ok(value) => (value, None),
        Err(error) => (T::default(), Some(because(words, key, &error))),
    }
}

/// The sentence about what cannot be read or was not done, if there is one.
#[component]
pub fn Trouble(said: Option<String>) -> Element {
    match said {
        Some(said) => rsx! { p { class: "strip", role: "alert", "{said}" } },
        None => rsx! {},
    }
}

/// Every patient's kana and name, or in words why they cannot be read.
#[derive(Clone, PartialEq)]
pub struct Names(Result<BTreeMap<PatientId, (String, String)>, String>);

impl Names {
    pub fn read(phone: &Phone, words: Words) -> Self {
        Self::of_rows(words, phone.patients())
    }

    fn of_rows(words: Words, rows: Result<Vec<PatientRow>, DeviceError>) -> Self {
        let named = |row: PatientRow| (row.patient.id, (row.patient.kana, row.patient.name));
        let names = rows.map(|rows| rows.into_iter().map(named).collect());
        Self(names.map_err(|error| because(words, "keep-names-unread", &error)))
    }

    /// The sentence that stands over a list without names.
    pub fn trouble(&self) -> Option<String> {
        self.0.as_ref().err().cloned()
    }

    /// `None`: the vault has no such patient.
    pub fn known(&self, words: Words, patient: &PatientId) -> Option<(String, String)> {
        match &self.0 {
            Ok(names) => names.get(patient).cloned(),
            Err(_) => Some((String::new(), words.say("keep-name-unread"))),
        }
    }

    /// Kana and name, or the words in their place.
    pub fn of(&self, words: Words, patient: &PatientId) -> (String, String) {
        self.known(words, patient).unwrap_or_else(|| (String::new(), words.say("unknown-patient")))
    }
}

/// The name over a patient's note, document or board.
pub fn name_of(words: Words, phone: &Phone, patient: &PatientId) -> String {
    match phone.patient(patient) {
        Ok(patient) => patient.name,
        Err(error) => no_name(words, &error),
    }
}

fn no_name(words: Words, error: &DeviceError) -> String {
    words.say(match error {
        DeviceError::UnknownPatient(_) => "unknown-patient",
        _ => "keep-name-unread",
    })
}

/// When the phone last heard of its hub. "Never" is a statement of its own.
pub fn last_sync(words: Words, standing: &Standing, now: Timestamp) -> String {
    match &standing.0 {
        None => words.say("keep-sync-unread"),
        Some(status) => status.last_sync.map_or_else(|| words.say("never"), |at| day_and_clock(at, now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;
    use device::VaultError;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const BOTH: [Words; 2] = [Words(Language::Japanese), Words(Language::English)];

    /// Sentences of this area that end with the reason.
    const WITH_REASON: [&str; 12] = [
        "keep-names-unread",
        "keep-boards-unread",
        "keep-role-unread",
        "keep-phrases-unread",
        "keep-previous-unread",
        "keep-bounds-unread",
        "keep-notes-unread",
        "keep-visits-unread",
        "keep-since-unread",
        "keep-waiting-unread",
        "keep-half-unread",
        "half-list-unread",
    ];

    #[test]
    fn every_sentence_about_what_cannot_be_read_says_why() {
        let error = DeviceError::from(VaultError::Damaged { table: "item" });
        for words in BOTH {
            for key in WITH_REASON {
                let said = because(words, key, &error);
                assert!(said.contains(&error_words(words, &error)) && !said.starts_with(key), "{said}");
            }
        }
    }

    #[test]
    fn what_was_not_read_is_nothing_with_a_sentence_and_what_was_read_has_none() {
        for words in BOTH {
            let (rows, trouble) = or_words::<Vec<u8>>(words, "keep-notes-unread", Err(VaultError::Locked.into()));
            assert!(rows.is_empty() && trouble.is_some_and(|said| !said.is_empty()));
            assert_eq!(or_words(words, "keep-notes-unread", Ok(vec![1u8])), (vec![1], None));
        }
    }

    #[test]
    fn a_name_that_cannot_be_read_is_told_from_a_patient_who_is_not_here() -> Outcome {
        let patient: PatientId = "p-1".parse()?;
        for words in BOTH {
            let here = Names(Ok(BTreeMap::from([(patient.clone(), ("カリ".to_string(), "仮".to_string()))])));
            let (none, unread) = (Names(Ok(BTreeMap::new())), Names::of_rows(words, Err(VaultError::Locked.into())));
            let said = [&here, &none, &unread].map(|names| names.of(words, &patient).1);
            assert_eq!(said[0], "仮");
            assert!(said[1] != said[2] && said.iter().all(|name| !name.trim().is_empty()), "{said:?}");
            assert_eq!((here.trouble(), none.trouble()), (None, None));
            assert!(unread.trouble().is_some());
            assert_eq!(no_name(words, &DeviceError::UnknownPatient(patient.clone())), said[1]);
            assert_eq!(no_name(words, &VaultError::Locked.into()), said[2]);
        }
        Ok(())
    }

    #[test]
    fn a_phone_that_cannot_say_when_it_synced_does_not_say_never() {
        for words in BOTH {
            let said = last_sync(words, &Standing(None), Timestamp::UNIX_EPOCH);
            assert!(said != words.say("never") && !said.trim().is_empty());
        }
    }
}
