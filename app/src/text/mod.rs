//! Every word that a nurse reads: Fluent files, Japanese first, English complete beside it; errors become words here only.

mod allergy;
mod error;
mod form;
mod format;
mod list;
mod measure;
mod tied;

pub use allergy::allergy_detail;
pub use error::{confirm_words, confirm_words_in, error_words, trouble_words};
pub use form::{choice_in, form_words, label_in, month_words, value_in, whole_label};
pub use format::{
    Era, choice_words, clock, date_long, date_short, day_and_clock, field_label, megabytes, set_era, unit_words,
    value_words,
};
pub use measure::{measured, printed_unit};
#[cfg(test)]
pub use tied::plain;
pub use tied::{TIE, dotted, whole_unit, with_unit};

use dioxus::prelude::*;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::sync::LazyLock;
use tied::tied;
use unic_langid::langid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Japanese,
    English,
}

impl Language {
    pub fn code(self) -> &'static str {
        match self {
            Language::Japanese => "ja",
            Language::English => "en",
        }
    }

    pub fn of_code(code: &str) -> Self {
        if code.starts_with("en") { Language::English } else { Language::Japanese }
    }
}

type Bundle = FluentBundle<FluentResource>;

/// One pair of files an area of the app. A key stands in one file only.
const JA: &[&str] = &[
    include_str!("ja.ftl"),
    include_str!("board.ja.ftl"),
    include_str!("amend.ja.ftl"),
    include_str!("chart.ja.ftl"),
    include_str!("settings.ja.ftl"),
    include_str!("photo.ja.ftl"),
    include_str!("keep.ja.ftl"),
    include_str!("qr.ja.ftl"),
    include_str!("half.ja.ftl"),
    include_str!("source.ja.ftl"),
];
const EN: &[&str] = &[
    include_str!("en.ftl"),
    include_str!("board.en.ftl"),
    include_str!("amend.en.ftl"),
    include_str!("chart.en.ftl"),
    include_str!("settings.en.ftl"),
    include_str!("photo.en.ftl"),
    include_str!("keep.en.ftl"),
    include_str!("qr.en.ftl"),
    include_str!("half.en.ftl"),
    include_str!("source.en.ftl"),
];

static JAPANESE: LazyLock<Bundle> = LazyLock::new(|| bundle(langid!("ja"), JA));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(langid!("en"), EN));

fn bundle(language: unic_langid::LanguageIdentifier, sources: &[&str]) -> Bundle {
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Direction marks around values would stand in the clipboard and in tests.
    bundle.set_use_isolating(false);
    for source in sources {
        match FluentResource::try_new(tied(source)) {
            Ok(resource) | Err((resource, _)) => bundle.add_resource_overriding(resource),
        }
    }
    bundle
}

/// The words of one language. Cheap to copy into closures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    /// A message without values. An unknown key shows itself: the key test keeps that from happening.
    pub fn say(self, key: &str) -> String {
        self.with(key, &[])
    }

    pub fn count(self, key: &str, n: impl Into<u64>) -> String {
        self.with(key, &[("n", FluentValue::from(n.into()))])
    }

    pub fn with(self, key: &str, values: &[(&'static str, FluentValue<'static>)]) -> String {
        let bundle = match self.0 {
            Language::Japanese => &*JAPANESE,
            Language::English => &*ENGLISH,
        };
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else { return key.to_string() };
        let args: FluentArgs<'_> = values.iter().cloned().collect();
        bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

/// The words of the language that the app is set to.
pub fn use_words() -> Words {
    let look = use_context::<crate::app::Look>();
    // Whoever reads words may read dates: drawn again when the calendar changes.
    let _ = (look.era)();
    Words((look.language)())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(source: &str) -> BTreeSet<&str> {
        source
            .lines()
            .filter(|line| !line.starts_with([' ', '#', '}', '*', '[']))
            .filter_map(|line| line.split_once(" = ").map(|(key, _)| key))
            .collect()
    }

    #[test]
    fn both_languages_have_every_key_and_parse_without_a_fault() {
        assert_eq!(JA.len(), EN.len());
        let mut all = BTreeSet::new();
        for (ja, en) in JA.iter().zip(EN) {
            assert_eq!(keys(ja), keys(en));
            assert!(FluentResource::try_new(tied(ja)).is_ok());
            assert!(FluentResource::try_new(tied(en)).is_ok());
            for key in keys(ja) {
                assert!(all.insert(key), "{key} stands in two files");
            }
        }
    }

    #[test]
    fn every_key_in_the_code_stands_in_the_files() {
        let keys: BTreeSet<&str> = JA.iter().flat_map(|source| keys(source)).collect();
        let mut files = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/app/src"))];
        let mut seen = 0;
        while let Some(path) = files.pop() {
            if path.ends_with("device") || path.ends_with("vault") {
                continue;
            }
            if path.is_dir() {
                files.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            } else if path.extension().is_some_and(|e| e == "rs") {
                let source = std::fs::read_to_string(&path).unwrap_or_default();
                for call in ["say(\"", "count(\"", "with(\""] {
                    for part in source.split(&format!(".{call}")).skip(1) {
                        let key = part.split('"').next().unwrap_or_default();
                        if key.ends_with('-') || !key.contains(|c: char| c.is_ascii_lowercase()) || key.contains('{') {
                            continue;
                        }
                        assert!(keys.contains(key), "{key} in {} stands in no file", path.display());
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 60, "the search found only {seen} keys");
    }

    #[test]
    fn what_a_tap_writes_into_a_record_holds_nothing_that_no_keyboard_writes() {
        let areas = ["settings-phrase-", "reason-", "photo-sites"];
        for (language, sources) in [(Language::Japanese, JA), (Language::English, EN)] {
            let keys: BTreeSet<&str> = sources.iter().flat_map(|source| keys(source)).collect();
            let written: Vec<&&str> =
                keys.iter().filter(|key| areas.iter().any(|area| key.starts_with(area))).collect();
            assert!(written.len() > 15, "the search found only {written:?}");
            for key in written {
                let said = Words(language).say(key);
                assert_eq!(said, plain(&said), "{key}");
            }
        }
    }

    #[test]
    fn one_visit_is_not_one_visits() {
        let english = Words(Language::English);
        assert_eq!(english.count("drugs", 1u64), "1 drug");
        assert_eq!(english.count("drugs", 2u64), "2 drugs");
        assert_eq!(plain(&Words(Language::Japanese).count("pill-unsent", 2u64)), "未送信 2件");
    }
}
