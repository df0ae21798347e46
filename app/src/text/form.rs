//! Labels, values and choices of any form, in the reader's language.

use super::format::{choice_words, clock, date_long, month_long};
use super::tied::hours_whole;
use super::{Language, Words};
use device::jiff::civil::Date;
use device::record::Form;
use device::record::visit_note::{FieldKind, FieldValue};

impl Words {
    /// A label of the record's own, which stands there in both languages.
    pub fn either(self, ja: &str, en: &str) -> String {
        match self.0 {
            Language::Japanese => hours_whole(ja),
            Language::English => en.to_string(),
        }
    }
}

/// The name of a form, as it stands on it.
pub fn form_words(words: Words, form: Form) -> String {
    words.say(match form {
        Form::VisitNote => "note-title",
        Form::Handover => "board-title",
        Form::IntakeRecord => "board-form-intake_record",
        Form::CarePlan => "board-form-care_plan",
        Form::VisitReport => "board-form-visit_report",
    })
}

pub fn label_in(words: Words, form: Form, name: &str) -> String {
    match form.field(name) {
        Ok(field) => words.either(field.label_ja, field.label_en),
        // A field of a newer version.
        Err(_) => name.to_string(),
    }
}

/// The label with the sub-record or the numbered row that it stands in: 家族構成 1 氏名.
pub fn whole_label(words: Words, form: Form, name: &str) -> String {
    let label = label_in(words, form, name);
    let Some((group, rest)) = name.split_once('.') else { return label };
    let Some(group) = form.groups().iter().find(|known| known.name == group) else { return label };
    let title = words.either(group.label_ja, group.label_en);
    match rest.split_once('.') {
        Some((number, _)) if group.most > 0 => format!("{title} {number} {label}"),
        // One of the numbered records as a whole.
        None if group.most > 0 && rest.parse::<u8>().is_ok() => format!("{title} {rest}"),
        _ => format!("{title} {label}"),
    }
}

/// A value as it reads beside its label.
pub fn value_in(words: Words, form: Form, name: &str, value: &FieldValue) -> String {
    let kind = form.field(name).map(|field| field.kind);
    match value {
        FieldValue::Number(n) => match kind {
            Ok(FieldKind::Number(range)) => format!("{n:.*}", usize::from(range.decimals)),
            _ => n.to_string(),
        },
        FieldValue::Flag(flag) => words.say(if *flag { "yes" } else { "no" }),
        FieldValue::Word(word) => match kind {
            Ok(FieldKind::Choice(choices)) if choices.contains(&word.as_str()) => choice_in(words, form, name, word),
            _ => word.clone(),
        },
        FieldValue::Time(at) => clock(*at),
        FieldValue::Date(date) => date_long(words, *date),
        FieldValue::Unmeasured(reason) => words.with("unmeasured-because", &[("reason", reason.clone().into())]),
    }
}

pub fn choice_in(words: Words, form: Form, field: &str, choice: &str) -> String {
    if form == Form::VisitNote || field == "outcome" {
        return choice_words(words, field, choice);
    }
    if field.ends_with("profession") {
        return choice_words(words, "profession", choice);
    }
    let kind = if field.starts_with("adl.") { "adl" } else { field };
    words.say(&format!("board-{kind}-{choice}"))
}

/// 令和8年11月 — or Nov 2026 — of `2026-11`.
pub fn month_words(words: Words, month: &str) -> String {
    let Ok(first) = format!("{month}-01").parse::<Date>() else { return month.to_string() };
    month_long(words, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_in_a_label_stay_in_one_piece() {
        let said = label_in(Words(Language::Japanese), Form::VisitNote, "planned_minutes");
        assert_eq!(said, "予定時\u{2060}間");
        assert_eq!(label_in(Words(Language::English), Form::VisitNote, "planned_minutes"), "Planned length");
    }

    #[test]
    fn every_choice_of_every_form_has_its_words_in_both_languages() {
        let mut seen = 0;
        for form in Form::ALL {
            for field in form.fields() {
                let FieldKind::Choice(choices) = field.kind else { continue };
                for (choice, language) in choices.iter().flat_map(|c| [(c, Language::Japanese), (c, Language::English)])
                {
                    let said = choice_in(Words(language), form, field.name, choice);
                    assert!(!said.starts_with("board-") && !said.is_empty(), "{form} {} {choice}: {said}", field.name);
                    seen += 1;
                }
            }
        }
        assert!(seen > 200, "only {seen} choices were looked at");
    }

    #[test]
    fn a_numbered_row_says_which_one_it_is() {
        let (ja, en) = (Words(Language::Japanese), Words(Language::English));
        assert_eq!(whole_label(ja, Form::IntakeRecord, "family.2.name"), "家族構成 2 氏名");
        assert_eq!(whole_label(en, Form::VisitNote, "terminal.place"), "Terminal care Place of death");
        assert_eq!(whole_label(ja, Form::VisitReport, "barthel.stairs"), "BI 階段", "a dot alone makes no group");
        assert_eq!(whole_label(ja, Form::CarePlan, "of_a_newer_version"), "of_a_newer_version");
        assert_eq!(whole_label(ja, Form::VisitNote, "photo.3"), "写真 3", "the record as a whole");
    }

    #[test]
    fn a_month_reads_as_on_the_form() {
        assert_eq!(month_words(Words(Language::Japanese), "2026-11"), "令和8年11月");
        assert_eq!(month_words(Words(Language::Japanese), "2019-05"), "令和元年5月");
        assert_eq!(month_words(Words(Language::English), "2026-11"), "Nov 2026");
        assert_eq!(month_words(Words(Language::English), "later"), "later");
    }
}
