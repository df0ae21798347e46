//! Words in a row, as the reader's language writes them: CLDR's patterns, not ours.

use super::{Language, Words};
use icu_list::ListFormatter;
use icu_list::options::{ListFormatterOptions, ListLength};
use icu_locale_core::locale;

impl Words {
    /// 体温、脈拍、備考 — or Temperature, Pulse, and Remarks.
    pub fn list<T: AsRef<str>>(self, items: &[T]) -> String {
        let locale = match self.0 {
            Language::Japanese => locale!("ja"),
            Language::English => locale!("en"),
        };
        let options = ListFormatterOptions::default().with_length(ListLength::Wide);
        let formatter = ListFormatter::try_new_and(locale.into(), options)
            .expect("the lists of both languages are compiled into the program");
        let items: Vec<&str> = items.iter().map(T::as_ref).collect();
        formatter.format(items.iter()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tied::BETWEEN;

    #[test]
    fn lists_read_as_each_language_writes_them() {
        let (ja, en) = (Words(Language::Japanese), Words(Language::English));
        let three = ["a", "b", "c"];
        for (count, in_japanese, in_english) in
            [(0, "", ""), (1, "a", "a"), (2, "a、b", "a and b"), (3, "a、b、c", "a, b, and c")]
        {
            assert_eq!(ja.list(&three[..count]), in_japanese);
            assert_eq!(en.list(&three[..count]), in_english);
        }
        assert_eq!(ja.list(&["鈴木".to_string(), "田中".to_string()]), "鈴木、田中");
    }

    /// Every Rust file of the app's own.
    fn sources() -> Vec<(std::path::PathBuf, String)> {
        let mut open = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/app/src"))];
        let mut sources = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap_or_default();
                sources.push((path, source));
            }
        }
        sources
    }

    #[test]
    fn nothing_in_the_app_joins_words_by_hand() {
        let sources = sources();
        assert!(sources.len() > 60, "the search found only {} files", sources.len());
        // Put together here, so that this file does not find itself.
        let by_hand: Vec<String> = ['、', '・', ',', ';']
            .iter()
            .flat_map(|comma| [comma.to_string(), format!("{comma} ")])
            .flat_map(|comma| ["join", "push_str"].map(|call| format!("{call}(\"{comma}\")")))
            .collect();
        for (path, source) in sources {
            let found = by_hand.iter().find(|call| source.contains(call.as_str()));
            assert_eq!(found, None, "{}: `Words::list` is for that", path.display());
        }
    }

    #[test]
    fn nothing_on_the_screen_puts_a_sign_between_parts_by_hand() {
        let by_hand = BETWEEN.map(|sign| format!(" {sign} "));
        // In the words of a line, not in its arithmetic.
        let is_said = |line: &str, sign: &String| {
            line.match_indices(sign.as_str()).any(|(at, _)| line[..at].matches('"').count() % 2 == 1)
        };
        for (path, source) in sources() {
            // The terminal's words, and what tests read; what intake wrote is taken apart as it wrote it.
            if path.ends_with("src/main.rs") || path.iter().any(|part| part == "dom_test") {
                continue;
            }
            let shown = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let mut lines =
                shown.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("split("));
            let found = lines.find(|line| by_hand.iter().any(|sign| is_said(line, sign)));
            assert_eq!(found, None, "{}: `dotted`, or a tie before it, is for that", path.display());
        }
    }
}
