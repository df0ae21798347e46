//! Dates, times, values and labels in the reader's language.

use super::form::{label_in, value_in};
use super::{Language, Words};
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::record::Form;
use device::record::calendar::{day_in_japan, era_date, weekday_kanji, zoned_in_japan};
use device::record::visit_note::FieldValue;

/// 11月22日(日) 令和8年 — or 22 Nov 2026.
pub fn date_long(words: Words, date: Date) -> String {
    match words.0 {
        Language::Japanese => {
            let era = era_date(date);
            let year = if era.year == 1 { "元".to_string() } else { era.year.to_string() };
            format!("{}月{}日({}) {}{}年", date.month(), date.day(), weekday_kanji(date), era.era, year)
        }
        Language::English => date.strftime("%a %-d %b %Y").to_string(),
    }
}

/// 昭和19年10月18日 — or 18 Oct 1944.
pub fn date_short(words: Words, date: Date) -> String {
    match words.0 {
        Language::Japanese => era_date(date).to_string(),
        Language::English => date.strftime("%-d %b %Y").to_string(),
    }
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
        Language::Japanese => unit.to_string(),
        Language::English => unit.replace('分', "min").replace('歳', "years").replace('点', "points"),
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
    if bytes < 1_000_000 { format!("{} KB", bytes / 1000) } else { format!("{:.1} MB", bytes as f64 / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::record::visit_note::FieldKind;

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
