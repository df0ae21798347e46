//! What the screens about confirmed notes say alike: labels, values, moments, people, verdicts, refusals.

use super::sections::{Title, group_of};
use crate::screens::form::Shown;
use crate::screens::unreadable::name_of;
use crate::text::{Words, dotted, error_words, label_in, unit_words, value_in, with_unit};
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::read::Directory;
use device::record::calendar::zoned_in_japan;
use device::record::visit_note::{ConfirmError, DraftError, FieldKind, FieldValue, Verdict};
use device::record::{DocumentId, Form, StaffId};
use device::{DeviceError, Phone};
use std::rc::Rc;

/// A note, and the name of the patient that it is about.
pub fn read_note(phone: &Phone, id: DocumentId, words: Words) -> Result<(Shown, String), String> {
    let note = phone.show_note(id).map_err(|error| refusal(words, &error))?;
    let name = name_of(words, phone, &note.row.patient);
    Ok((Shown(Rc::new(note)), name))
}

/// A field's own label, under the heading of its section.
pub fn short_label(words: Words, form: Form, name: &str) -> String {
    label_in(words, form, name)
}

/// A field's label where it stands alone: 褥瘡 1 深さ.
pub fn label(words: Words, form: Form, name: &str) -> String {
    let own = short_label(words, form, name);
    match group_of(form, name) {
        Some((group, number)) => format!("{} {own}", Title::Group(group, number).words(words)),
        None => own,
    }
}

/// A value as it reads on a record: with its unit, a time with its day.
pub fn value(words: Words, form: Form, name: &str, value: &FieldValue) -> String {
    let said = match value {
        FieldValue::Time(at) => moment(*at),
        other => value_in(words, form, name, other),
    };
    match (form.field(name).map(|field| field.kind), value) {
        (Ok(FieldKind::Number(range)), FieldValue::Number(_)) => with_unit(&said, &unit_words(words, range.unit)),
        _ => said,
    }
}

/// Times and dates were frozen as words; here they read as what they are.
pub fn thawed(form: Form, name: &str, value: &FieldValue) -> FieldValue {
    let FieldValue::Word(word) = value else { return value.clone() };
    let read = match form.field(name).map(|field| field.kind) {
        Ok(FieldKind::Time) => word.parse::<Timestamp>().ok().map(FieldValue::Time),
        Ok(FieldKind::Date) => word.parse::<Date>().ok().map(FieldValue::Date),
        _ => None,
    };
    read.unwrap_or_else(|| value.clone())
}

/// 2026/11/22 9:32
pub fn moment(at: Timestamp) -> String {
    zoned_in_japan(at).strftime("%Y/%-m/%-d %-H:%M").to_string()
}

/// Who and when, as far as it is known.
pub fn who(words: Words, directory: &Directory, staff: Option<&StaffId>, at: Option<Timestamp>) -> String {
    let name = staff.map_or_else(|| words.say("amend-somebody"), |staff| directory.staff(staff).to_string());
    match at {
        Some(at) => dotted([name, moment(at)]),
        None => name,
    }
}

/// What a signature is worth: the tag's shape and its words.
pub fn verdict_words(words: Words, verdict: Verdict) -> (&'static str, String) {
    let (class, key) = match verdict {
        Verdict::Valid => ("tag ok", "amend-verdict-valid"),
        Verdict::Review => ("tag wa", "amend-verdict-review"),
        Verdict::Unreceipted => ("tag in", "amend-verdict-unreceipted"),
        Verdict::UnknownKey => ("tag wa", "amend-verdict-unknown"),
        Verdict::Invalid => ("tag al", "amend-verdict-invalid"),
    };
    (class, words.say(key))
}

/// Why something about a confirmed note was not done, and what to do.
pub fn refusal(words: Words, error: &DeviceError) -> String {
    words.say(match error {
        DeviceError::ReasonMissing => "amend-error-reason",
        DeviceError::ChooseFirst => "amend-choose-first",
        DeviceError::OnlyManager => "amend-error-only-manager",
        DeviceError::OnlyAuthorOrManager => "amend-error-only-author",
        DeviceError::ConflictsFirst => "amend-error-conflicts",
        DeviceError::UnknownAmendment(_) => "amend-error-decided",
        DeviceError::UnknownConfirmation(_) | DeviceError::UnknownVersion(_) => "amend-error-not-here",
        DeviceError::NotConfirmed => "amend-error-not-confirmed",
        DeviceError::UnknownNote(_) => "amend-error-unknown-note",
        DeviceError::UnknownPatient(_) => "amend-error-unknown-patient",
        DeviceError::NotClosedSo(_) => "amend-error-not-closed-so",
        DeviceError::Confirmation(_) | DeviceError::Document(_) => "amend-error-unreadable",
        DeviceError::Confirm(ConfirmError::Draft(DraftError::Field(field))) => {
            return error_words(words, &DeviceError::Field(field.clone()));
        }
        other => return error_words(words, other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn a_frozen_time_reads_as_a_time_with_its_day() {
        let words = Words(Language::Japanese);
        let frozen = FieldValue::Word("2026-11-22T09:32:00+09:00".into());
        let read = thawed(Form::VisitNote, "started_at", &frozen);
        assert_eq!(value(words, Form::VisitNote, "started_at", &read), "2026/11/22 9:32");
        let text = FieldValue::Word("2026-11-22".into());
        assert_eq!(thawed(Form::VisitNote, "condition", &text), text, "a text that looks like a date stays a text");
    }

    #[test]
    fn a_field_that_stands_alone_says_which_sub_record_it_is_of() {
        let words = Words(Language::Japanese);
        assert_eq!(label(words, Form::VisitNote, "ulcer.2.depth"), "褥瘡 2 深さ");
        assert_eq!(short_label(words, Form::VisitNote, "ulcer.2.depth"), "深さ");
        assert_eq!(label(words, Form::VisitNote, "temperature_c"), "体温");
        assert_eq!(value(words, Form::VisitNote, "temperature_c", &FieldValue::Number(36.5)), "36.5\u{a0}℃");
    }

    #[test]
    fn every_verdict_has_words_of_its_own() {
        let all = [Verdict::Valid, Verdict::Review, Verdict::Unreceipted, Verdict::UnknownKey, Verdict::Invalid];
        for language in [Language::Japanese, Language::English] {
            let mut said: Vec<String> = all.iter().map(|v| verdict_words(Words(language), *v).1).collect();
            assert!(said.iter().all(|words| !words.starts_with("amend-")));
            said.sort_unstable();
            said.dedup();
            assert_eq!(said.len(), all.len());
        }
    }

    #[test]
    fn a_refused_act_says_what_to_do() {
        let refused =
            [DeviceError::ReasonMissing, DeviceError::ChooseFirst, DeviceError::OnlyManager, DeviceError::NotConfirmed];
        for words in [Words(Language::Japanese), Words(Language::English)] {
            for error in &refused {
                let said = refusal(words, error);
                assert!(!said.starts_with("amend-") && said != words.say("error-unknown"), "{said}");
            }
        }
    }
}
