//! A station's document: its sections, its numbered rows, the months it can be begun for.

use crate::screens::notes::state_tag;
use device::document_list::DocumentListed;
use device::jiff::ToSpan;
use device::jiff::civil::Date;
use device::record::Form;
use device::record::visit_note::{Group, NoteState, NoteView};
use std::collections::BTreeMap;

/// One part of a form: fields, and names of numbered rows, in the order of the paper.
#[derive(Debug, PartialEq)]
pub struct Section {
    pub key: &'static str,
    pub names: &'static [&'static str],
}

const INTAKE: &[Section] = &[
    Section {
        key: "board-section-first",
        names: &[
            "first_visit_on",
            "first_visit_started_at",
            "first_visit_ended_at",
            "visitor",
            "profession",
            "care_level",
            "purpose",
        ],
    },
    Section {
        key: "board-section-illness",
        names: &[
            "main_diseases",
            "condition",
            "present_illness",
            "past_history",
            "life_history",
            "treatment",
            "home_care",
        ],
    },
    Section { key: "board-section-family", names: &["family", "main_caregiver", "housing"] },
    Section {
        key: "board-section-adl",
        names: &[
            "adl.moving",
            "adl.moving_note",
            "adl.meals",
            "adl.meals_note",
            "adl.excretion",
            "adl.excretion_note",
            "adl.bathing",
            "adl.bathing_note",
            "adl.dressing",
            "adl.dressing_note",
            "adl.grooming",
            "adl.grooming_note",
            "adl.communication",
            "adl.communication_note",
            "bed_rest_level",
            "dementia_level",
        ],
    },
    Section {
        key: "board-section-contacts",
        names: &[
            "physician_name",
            "physician_facility",
            "physician_address",
            "physician_phone",
            "emergency_contacts",
            "agency",
            "care_manager_office",
            "care_manager_name",
            "care_manager_phone",
            "services",
        ],
    },
];

const PLAN: &[Section] = &[
    Section { key: "board-section-goals", names: &["care_level", "goals", "problem"] },
    Section {
        key: "board-section-materials",
        names: &["materials_needed", "materials_procedure", "material", "remarks"],
    },
    Section {
        key: "board-section-authors",
        names: &[
            "author_1",
            "author_1_profession",
            "author_2",
            "author_2_profession",
            "created_on",
            "manager",
            "physician",
            "agreed_on",
            "agreed_by",
            "copy_given",
        ],
    },
];

const REPORT: &[Section] = &[
    Section {
        key: "board-section-course",
        names: &["care_level", "course", "care", "home_care", "special", "therapist_annex"],
    },
    Section {
        key: "board-section-materials",
        names: &["material", "materials_changed", "materials_change", "information_to", "information_on"],
    },
    Section {
        key: "board-section-scales",
        names: &[
            "gaf",
            "gaf_on",
            "barthel.feeding",
            "barthel.transfer",
            "barthel.grooming",
            "barthel.toilet",
            "barthel.bathing",
            "barthel.walking",
            "barthel.stairs",
            "barthel.dressing",
            "barthel.bowels",
            "barthel.bladder",
        ],
    },
    Section {
        key: "board-section-authors",
        names: &[
            "author_1",
            "author_1_profession",
            "author_2",
            "author_2_profession",
            "created_on",
            "manager",
            "physician",
        ],
    },
];

/// The sections of a document; behind the last one lies the review.
pub fn sections_of(form: Form) -> &'static [Section] {
    match form {
        Form::IntakeRecord => INTAKE,
        Form::CarePlan => PLAN,
        Form::VisitReport => REPORT,
        Form::VisitNote | Form::Handover => &[],
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// Which section; the number of all of them is the review.
    pub section: usize,
    /// Rows of a group that were asked for, written in or not.
    pub rows: BTreeMap<&'static str, u8>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    SectionChosen(usize),
    NextTapped,
    /// One row more than are shown.
    RowAdded {
        group: &'static str,
        shown: u8,
    },
}

pub fn update(model: &mut Model, form: Form, event: Event) {
    match event {
        Event::SectionChosen(section) => model.section = section.min(sections_of(form).len()),
        Event::NextTapped => model.section = (model.section + 1).min(sections_of(form).len()),
        Event::RowAdded { group, shown } => {
            model.rows.insert(group, shown.saturating_add(1));
        }
    }
}

/// How many rows of a group stand on the screen: those begun, those asked for, at least one.
pub fn rows_shown(group: &Group, view: &NoteView, asked: u8) -> u8 {
    let number = |name: &str| name.strip_prefix(group.name)?.strip_prefix('.')?.split('.').next()?.parse::<u8>().ok();
    let conflicts = view.conflicts.iter().map(|conflict| conflict.field.as_str());
    let begun = view.fields.keys().map(String::as_str).chain(conflicts).filter_map(number).max().unwrap_or(0);
    begun.max(asked).max(1).min(group.most)
}

/// Months around today, before and behind.
const MONTHS: [i64; 4] = [0, 1, -1, -2];

/// Months that a form can be begun for: this one first, the next, and the two before; not those that are there.
pub fn months_to_offer(today: Date, taken: &[&str]) -> Vec<String> {
    let first = today.first_of_month();
    MONTHS
        .into_iter()
        .map(|n| first.saturating_add(n.months()).strftime("%Y-%m").to_string())
        .filter(|month| !taken.contains(&month.as_str()))
        .collect()
}

/// The tag of a document in a list: its shape and its words.
pub fn standing(listed: &DocumentListed) -> (&'static str, &'static str) {
    match listed.row.state {
        NoteState::Confirmed if listed.amended => ("tag ok", "board-state-amended"),
        state => state_tag(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Words};
    use device::jiff::civil::date;
    use device::record::visit_note::{Conflict, FieldValue};
    use std::collections::BTreeSet;

    /// The month is given when the form is begun, the calendar comes out of the notes, and a form is closed elsewhere.
    const NOT_BY_HAND: [&str; 4] = ["month", "calendar", "outcome", "outcome_reason"];

    #[test]
    fn every_field_of_every_form_stands_in_one_section() {
        for form in [Form::IntakeRecord, Form::CarePlan, Form::VisitReport] {
            let names: Vec<&str> = sections_of(form).iter().flat_map(|section| section.names).copied().collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{form}: a name stands twice");
            let is_group = |name: &str| form.groups().iter().any(|group| group.name == name);
            for name in &names {
                assert!(is_group(name) || form.field(name).is_ok(), "{form} has no {name}");
            }
            for field in form.fields() {
                let group = field.name.split('.').next().unwrap_or_default();
                let group = if is_group(group) { group } else { field.name };
                assert!(
                    names.contains(&group) || NOT_BY_HAND.contains(&field.name),
                    "{form}: {} is missing",
                    field.name
                );
            }
        }
    }

    #[test]
    fn every_section_has_its_title_in_both_languages() {
        for section in [INTAKE, PLAN, REPORT].into_iter().flatten() {
            for language in [Language::Japanese, Language::English] {
                assert_ne!(Words(language).say(section.key), section.key);
            }
        }
    }

    #[test]
    fn next_ends_at_the_review() {
        let mut model = Model::default();
        for expected in [1, 2, 3, 3] {
            update(&mut model, Form::CarePlan, Event::NextTapped);
            assert_eq!(model.section, expected);
        }
        update(&mut model, Form::CarePlan, Event::SectionChosen(1));
        assert_eq!(model.section, 1);
    }

    #[test]
    fn a_row_can_be_added_until_the_form_is_full_and_what_was_written_is_always_shown() -> Result<(), &'static str> {
        let family = Form::IntakeRecord.groups().iter().find(|group| group.name == "family").ok_or("no family")?;
        let mut view = NoteView::default();
        assert_eq!(rows_shown(family, &view, 0), 1, "an empty table has a row to write in");
        view.fields.insert("family.3.name".into(), FieldValue::Word("x".into()));
        assert_eq!(rows_shown(family, &view, 0), 3);
        view.conflicts.push(Conflict { field: "family.4.age".into(), values: Vec::new() });
        assert_eq!(rows_shown(family, &view, 0), 4, "a row in conflict is begun too");
        let mut model = Model::default();
        update(&mut model, Form::IntakeRecord, Event::RowAdded { group: "family", shown: 4 });
        assert_eq!(rows_shown(family, &view, model.rows["family"]), 5);
        assert_eq!(rows_shown(family, &view, 200), family.most);
        Ok(())
    }

    #[test]
    fn months_over_the_new_year_are_offered_once_each() {
        let today = date(2026, 12, 31);
        assert_eq!(months_to_offer(today, &[]), ["2026-12", "2027-01", "2026-11", "2026-10"]);
        assert_eq!(months_to_offer(today, &["2026-12", "2026-11"]), ["2027-01", "2026-10"]);
    }
}
