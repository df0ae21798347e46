//! Dates, times, values and labels in the reader's language.

use super::form::{label_in, value_in};
use super::tied::{whole_unit, with_unit};
use super::{Language, Words};
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::record::Form;
use device::record::calendar::{day_in_japan, era_date, weekday_kanji, zoned_in_japan};
use device::record::visit_note::FieldValue;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which calendar dates are read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Nothing was chosen: 和暦 in Japanese, the Western calendar in English.
    ByLanguage,
    /// 和暦
    Japanese,
    /// 西暦
    Western,
    Both,
}

impl Era {
    const ALL: [Era; 4] = [Era::ByLanguage, Era::Japanese, Era::Western, Era::Both];
    pub const CHOICES: [Era; 3] = [Era::Japanese, Era::Western, Era::Both];

    pub fn code(self) -> &'static str {
        match self {
            Era::ByLanguage => "",
            Era::Japanese => "japanese",
            Era::Western => "western",
            Era::Both => "both",
        }
    }

    pub fn of_code(code: &str) -> Era {
        Era::ALL.into_iter().find(|era| era.code() == code).unwrap_or(Era::ByLanguage)
    }

    /// What stands on the screen where nothing was chosen.
    pub fn shown_in(self, language: Language) -> Era {
        match (self, language) {
            (Era::ByLanguage, Language::Japanese) => Era::Japanese,
            (Era::ByLanguage, Language::English) => Era::Western,
            (chosen, _) => chosen,
        }
    }
}

/// The calendar of the one person who holds this device, as its place in `Era::ALL`: set when her vault opens, like the
/// zone of a clock on the wall.
static ERA: AtomicUsize = AtomicUsize::new(0);

pub fn set_era(era: Era) {
    ERA.store(Era::ALL.iter().position(|known| *known == era).unwrap_or(0), Ordering::Relaxed);
}

fn chosen_era() -> Era {
    Era::ALL.get(ERA.load(Ordering::Relaxed)).copied().unwrap_or(Era::ByLanguage)
}

/// 11月22日(日) 令和8年 — or Sun 22 Nov 2026.
pub fn date_long(words: Words, date: Date) -> String {
    long_in(words.0, chosen_era(), date)
}

/// 昭和19年10月18日 — or 18 Oct 1944.
pub fn date_short(words: Words, date: Date) -> String {
    short_in(words.0, chosen_era(), date)
}

/// 令和8年11月 — or Nov 2026.
pub fn month_long(words: Words, first: Date) -> String {
    month_in(words.0, chosen_era(), first)
}

fn long_in(language: Language, era: Era, date: Date) -> String {
    let day = format!("{}月{}日({})", date.month(), date.day(), weekday_kanji(date));
    match (language, era.shown_in(language)) {
        (Language::Japanese, Era::Western) => format!("{}年{day}", date.year()),
        (Language::Japanese, Era::Both) => format!("{}年({}){day}", date.year(), era_year(date)),
        (Language::Japanese, _) => format!("{day} {}年", era_year(date)),
        (Language::English, _) => format!("{} {}", date.strftime("%a"), short_in(language, era, date)),
    }
}

fn short_in(language: Language, era: Era, date: Date) -> String {
    match (language, era.shown_in(language)) {
        (Language::Japanese, Era::Western) => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        (Language::Japanese, Era::Both) => {
            format!("{}年({}){}月{}日", date.year(), era_year(date), date.month(), date.day())
        }
        (Language::Japanese, _) => era_date(date).to_string(),
        (Language::English, Era::Japanese) => format!("{} {}", date.strftime("%-d %b"), era_year(date)),
        (Language::English, Era::Both) => format!("{} ({})", date.strftime("%-d %b %Y"), era_year(date)),
        (Language::English, _) => date.strftime("%-d %b %Y").to_string(),
    }
}

fn month_in(language: Language, era: Era, first: Date) -> String {
    match (language, era.shown_in(language)) {
        (Language::Japanese, Era::Western) => format!("{}年{}月", first.year(), first.month()),
        (Language::Japanese, Era::Both) => format!("{}年({}){}月", first.year(), era_year(first), first.month()),
        (Language::Japanese, _) => format!("{}年{}月", era_year(first), first.month()),
        (Language::English, Era::Japanese) => format!("{} {}", first.strftime("%b"), era_year(first)),
        (Language::English, Era::Both) => format!("{} ({})", first.strftime("%b %Y"), era_year(first)),
        (Language::English, _) => first.strftime("%b %Y").to_string(),
    }
}

/// 令和8; the first year is 元.
fn era_year(date: Date) -> String {
    let era = era_date(date);
    let year = if era.year == 1 { "元".to_string() } else { era.year.to_string() };
    format!("{}{year}", era.era)
}

/// 9:02
pub fn clock(at: Timestamp) -> String {
    zoned_in_japan(at).strftime("%-H:%M").to_string()
}

/// 9:02 today, 11/20 9:02 on another day.
pub fn day_and_clock(at: Timestamp, now: Timestamp) -> String {
    if day_in_japan(at) == day_in_japan(now) {
        clock(at)
    } else {
        zoned_in_japan(at).strftime("%-m/%-d %-H:%M").to_string()
    }
}

/// The label of a field of the visit note.
pub fn field_label(words: Words, name: &str) -> String {
    label_in(words, Form::VisitNote, name)
}

/// A unit as it is written in the reader's language.
pub fn unit_words(words: Words, unit: &str) -> String {
    match words.0 {
        Language::Japanese => whole_unit(unit),
        Language::English => whole_unit(&unit.replace('分', "min").replace('歳', "years").replace('点', "points")),
    }
}

/// A value of the visit note as it reads beside its label.
pub fn value_words(words: Words, name: &str, value: &FieldValue) -> String {
    value_in(words, Form::VisitNote, name, value)
}

/// A choice in the reader's language. Codes that are their own name (D3, E6, V …) stay as they are.
pub fn choice_words(words: Words, field: &str, choice: &str) -> String {
    if is_code(field) {
        return choice.to_string();
    }
    let kind = match field {
        "companion_profession" => "profession",
        other => other,
    };
    words.say(&format!("{}-{choice}", kind.replace('.', "_")))
}

fn is_code(field: &str) -> bool {
    field.starts_with("ulcer.") || field == "consciousness_acvpu"
}

pub fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 {
        with_unit(&(bytes / 1000).to_string(), "KB")
    } else {
        with_unit(&format!("{:.1}", bytes as f64 / 1e6), "MB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::civil::date;
    use device::record::visit_note::FieldKind;

    #[test]
    fn dates_follow_the_chosen_calendar_in_both_languages() {
        let (ja, en) = (Language::Japanese, Language::English);
        let (day, first) = (date(2026, 11, 22), date(2019, 5, 1));
        assert_eq!(long_in(ja, Era::ByLanguage, day), "11月22日(日) 令和8年");
        assert_eq!(long_in(ja, Era::Western, day), "2026年11月22日(日)");
        assert_eq!(long_in(ja, Era::Both, day), "2026年(令和8)11月22日(日)");
        assert_eq!(short_in(ja, Era::Japanese, first), "令和元年5月1日");
        assert_eq!(short_in(ja, Era::Both, first), "2019年(令和元)5月1日");
        assert_eq!(short_in(ja, Era::Western, first), "2019年5月1日");
        assert_eq!(long_in(en, Era::ByLanguage, day), "Sun 22 Nov 2026");
        assert_eq!(short_in(en, Era::Japanese, day), "22 Nov 令和8");
        assert_eq!(short_in(en, Era::Both, day), "22 Nov 2026 (令和8)");
        assert_eq!(month_in(ja, Era::ByLanguage, day), "令和8年11月");
        assert_eq!(month_in(ja, Era::Western, day), "2026年11月");
        assert_eq!(month_in(ja, Era::Both, first), "2019年(令和元)5月");
        assert_eq!(month_in(en, Era::Western, day), "Nov 2026");
        assert_eq!(month_in(en, Era::Both, day), "Nov 2026 (令和8)");
    }

    #[test]
    fn every_calendar_is_read_as_it_was_written() {
        for era in Era::ALL {
            assert_eq!(Era::of_code(era.code()), era);
        }
        assert_eq!(Era::of_code("imperial"), Era::ByLanguage);
    }

    #[test]
    fn every_choice_of_the_note_has_its_words_in_both_languages() {
        for field in Form::VisitNote.fields() {
            let FieldKind::Choice(choices) = field.kind else { continue };
            for (choice, language) in choices.iter().flat_map(|c| [(c, Language::Japanese), (c, Language::English)]) {
                let said = choice_words(Words(language), field.name, choice);
                assert!(is_code(field.name) || !said.contains(field.name), "{} {choice}: {said}", field.name);
                assert!(!said.is_empty());
            }
        }
    }
}
