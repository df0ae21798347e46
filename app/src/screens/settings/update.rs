//! A nurse's own phrases (定型文): what may be added.

/// Characters of one phrase, and phrases of one field.
pub const LONGEST: usize = 200;
const MOST: usize = 30;

/// The phrases with one more, or the key of the words that say why not.
pub fn with_phrase(phrases: &[String], typed: &str) -> Result<Vec<String>, &'static str> {
    // One line each: that is how they are kept.
    let phrase = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    if phrase.is_empty() {
        return Err("settings-phrase-empty");
    }
    if phrase.chars().count() > LONGEST || phrases.len() >= MOST {
        return Err("settings-phrase-too-much");
    }
    if phrases.contains(&phrase) {
        return Err("settings-phrase-known");
    }
    Ok(phrases.iter().cloned().chain([phrase]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Words};

    #[test]
    fn a_phrase_becomes_one_line_and_stands_once() {
        let first = with_phrase(&[], " 右下肢の\n 浮腫なし。 ");
        assert_eq!(first.as_deref(), Ok(["右下肢の 浮腫なし。".to_string()].as_slice()));
        let known = first.unwrap_or_default();
        assert_eq!(with_phrase(&known, "右下肢の 浮腫なし。"), Err("settings-phrase-known"));
        assert_eq!(with_phrase(&known, "\n"), Err("settings-phrase-empty"));
        assert_eq!(with_phrase(&known, &"あ".repeat(201)), Err("settings-phrase-too-much"));
        let many: Vec<String> = (0..30).map(|n| n.to_string()).collect();
        assert_eq!(with_phrase(&many, "x"), Err("settings-phrase-too-much"));
    }

    #[test]
    fn every_refusal_has_its_words() {
        for key in ["settings-phrase-empty", "settings-phrase-too-much", "settings-phrase-known"] {
            assert_ne!(Words(Language::Japanese).say(key), key);
        }
    }
}
