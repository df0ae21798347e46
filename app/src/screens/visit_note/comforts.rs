//! What saves a hand some work in a text: phrases, words from the last visit. Pure.

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
