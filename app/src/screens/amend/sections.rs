//! A form in sections, as it is read: what stands together on paper stands together here.

use crate::text::Words;
use device::record::Form;
use device::record::visit_note::fields::VITALS;
use device::record::visit_note::{Field, Group};

/// What stands over a section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Title {
    Key(&'static str),
    /// A sub-record of the form, numbered where it holds several.
    Group(&'static Group, Option<u8>),
}

impl Title {
    pub fn words(self, words: Words) -> String {
        let (group, number) = match self {
            Title::Key(key) => return words.say(key),
            Title::Group(group, number) => (group, number),
        };
        let title = words.either(group.label_ja, group.label_en);
        match number {
            Some(n) => format!("{title} {n}"),
            None => title,
        }
    }
}

/// Details of care, and what belongs to the measured values beside them.
const CARE: &[&str] = &["care.", "stool.", "urine.", "catheter.", "oral.", "medication.", "insulin."];
const BESIDE_VITALS: &[&str] = &["pulse_rhythm", "pressure_site", "pressure_posture", "oxygen_l_per_min"];

/// The sub-record that a field belongs to, and its number.
pub fn group_of(form: Form, name: &str) -> Option<(&'static Group, Option<u8>)> {
    let (head, rest) = name.split_once('.')?;
    let group = form.groups().iter().find(|group| group.name == head)?;
    let number = match group.most {
        0 => None,
        _ => Some(rest.split_once('.')?.0.parse::<u8>().ok()?),
    };
    Some((group, number))
}

fn title_of(form: Form, field: &Field) -> Title {
    let name = field.name;
    if let Some((group, number)) = group_of(form, name) {
        return Title::Group(group, number);
    }
    Title::Key(if form != Form::VisitNote {
        "amend-section-form"
    } else if VITALS.contains(&name) || BESIDE_VITALS.contains(&name) {
        "section-vitals"
    } else if CARE.iter().any(|prefix| name.starts_with(prefix)) {
        "section-care"
    } else if field.is_text() || name.starts_with("life.") {
        "section-texts"
    } else {
        "visit-title"
    })
}

/// The fields of a form that are to be shown, under their headings, in the order of the form.
pub fn sections(form: Form, keep: impl Fn(&Field) -> bool) -> Vec<(Title, Vec<&'static Field>)> {
    let mut sections: Vec<(Title, Vec<&'static Field>)> = Vec::new();
    for field in form.fields() {
        if !keep(field) {
            continue;
        }
        let title = title_of(form, field);
        match sections.iter_mut().find(|(known, _)| *known == title) {
            Some((_, fields)) => fields.push(field),
            None => sections.push((title, vec![field])),
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn every_field_of_every_form_stands_in_one_section() {
        for form in Form::ALL {
            let shown: usize = sections(form, |_| true).iter().map(|(_, fields)| fields.len()).sum();
            assert_eq!(shown, form.fields().len(), "{form}");
        }
    }

    #[test]
    fn what_belongs_together_stands_together() {
        let wanted = ["pulse_bpm", "pulse_rhythm", "stool.bristol", "care.bowel", "plan", "outcome", "ulcer.2.depth"];
        let titles: Vec<(String, usize)> = sections(Form::VisitNote, |field| wanted.contains(&field.name))
            .into_iter()
            .map(|(title, fields)| (title.words(Words(Language::English)), fields.len()))
            .collect();
        let read: Vec<(&str, usize)> = titles.iter().map(|(title, n)| (title.as_str(), *n)).collect();
        assert_eq!(read, [("Vitals", 2), ("Care", 2), ("Visit", 1), ("Text", 1), ("Pressure ulcer 2", 1)]);
    }
}
