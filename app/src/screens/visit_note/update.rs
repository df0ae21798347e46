//! The visit note: which section, what each tap does, what stands beside a value.

use crate::screens::form::update::GroupTitle;
use device::jiff::Timestamp;
use device::record::Form;
use device::record::visit_note::fields::SUB_RECORDS;
use device::record::visit_note::fields::is_unusual;
use device::record::visit_note::required::check_complete;
use device::record::visit_note::{ConfirmContext, ConfirmError, FIELDS, Field, FieldKind, FieldValue, NoteView};
use device::record::vitals::{AlertBounds, Standing, standing};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Vitals,
    Care,
    Texts,
    Photos,
    Confirm,
}

impl Section {
    pub const ALL: [(Section, &'static str); 5] = [
        (Section::Vitals, "section-vitals"),
        (Section::Care, "section-care"),
        (Section::Texts, "section-texts"),
        (Section::Photos, "photo-section"),
        (Section::Confirm, "section-confirm"),
    ];

    pub fn number(self) -> usize {
        Section::ALL.iter().position(|(section, _)| *section == self).unwrap_or(0)
    }

    pub fn of_number(number: usize) -> Section {
        Section::ALL.get(number).map_or(Section::Vitals, |(section, _)| *section)
    }

    /// The one behind it; nothing lies behind the last.
    pub fn next(self) -> Section {
        match self {
            Section::Vitals => Section::Care,
            Section::Care => Section::Texts,
            Section::Texts => Section::Photos,
            Section::Photos | Section::Confirm => Section::Confirm,
        }
    }
}

/// What a measured value deserves beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    Calm,
    /// 報告基準
    Alert,
    Unusual,
}

/// A value so rare that it may be a slip of the hand is asked about first; else the doctor's bounds, or the adult ones.
pub fn concern(field: &Field, value: Option<&FieldValue>, bounds: &AlertBounds) -> Concern {
    match (field.kind, value) {
        (FieldKind::Number(range), Some(FieldValue::Number(n))) if is_unusual(&range, *n) => Concern::Unusual,
        (FieldKind::Steps(_), Some(FieldValue::Number(n))) if *n >= 1.0 => Concern::Alert,
        (_, Some(FieldValue::Number(n))) if standing(field.name, *n, bounds) != Standing::Calm => Concern::Alert,
        _ => Concern::Calm,
    }
}

/// What is said of the visit before, beside a measured value.
#[derive(Debug, Clone, PartialEq)]
pub enum Before {
    Value(FieldValue),
    Nothing,
    /// The vault cannot say.
    Unread,
}

/// `before`: what was measured then; `None` if it cannot be read.
pub fn before_of(before: Option<&Values>, name: &str) -> Before {
    match before.map(|before| before.get(name)) {
        Some(Some(value)) => Before::Value(value.clone()),
        Some(None) => Before::Nothing,
        None => Before::Unread,
    }
}

/// What a care item that was given asks for: the chip opens its details.
const DETAILS: &[(&str, &str)] = &[
    ("care.bowel", "stool."),
    ("care.urination", "urine."),
    ("care.catheter", "catheter."),
    ("care.oral", "oral."),
    ("care.medication", "medication."),
    ("care.insulin", "insulin."),
];

type Groups = Vec<(GroupTitle, Vec<&'static str>)>;
type Values = BTreeMap<String, FieldValue>;

fn is_on(fields: &Values, name: &str) -> bool {
    fields.get(name) == Some(&FieldValue::Flag(true))
}

/// Details of the care that was given, and of whatever has details already.
pub fn details_of(fields: &Values) -> Groups {
    let mut groups = Vec::new();
    for (care, prefix) in DETAILS {
        let names: Vec<&'static str> = FIELDS.iter().map(|f| f.name).filter(|name| name.starts_with(prefix)).collect();
        if !is_on(fields, care) && !names.iter().any(|name| fields.contains_key(*name)) {
            continue;
        }
        if let Ok(field) = Field::named(care) {
            groups.push((GroupTitle { name: field.name, ja: field.label_ja, en: field.label_en, number: None }, names));
        }
    }
    groups
}

/// The sub-records that this visit calls for, and those that were begun: of ulcers one more than were written.
pub fn sub_records_of(fields: &Values) -> Groups {
    let kind = match fields.get("visit_kind") {
        Some(FieldValue::Word(kind)) => kind.as_str(),
        _ => "",
    };
    let mut groups = Vec::new();
    // A photo is looked at, not filled in.
    for group in SUB_RECORDS.iter().filter(|group| group.name != "photo") {
        let begun = |prefix: &str| fields.keys().any(|name| name.starts_with(prefix));
        let wanted = match group.name {
            "emergency" => kind == "emergency",
            "phone" => kind == "phone",
            "terminal" => is_on(fields, "care.terminal"),
            "drip" => is_on(fields, "care.infusion"),
            "ulcer" => is_on(fields, "care.ulcer"),
            _ => false,
        };
        let numbers: Vec<Option<u8>> = if group.most == 0 { vec![None] } else { (1..=group.most).map(Some).collect() };
        for number in numbers {
            let prefix = number.map_or_else(|| format!("{}.", group.name), |n| format!("{}.{n}.", group.name));
            let here = begun(&prefix);
            if here || wanted {
                let names = Form::VisitNote.fields().iter().map(|f| f.name).filter(|name| name.starts_with(&prefix));
                groups.push((GroupTitle::of(group, number), names.collect()));
            }
            if !here {
                break;
            }
        }
    }
    groups
}

/// Two photos under one number part by themselves when the note is confirmed: nobody is asked to choose one of them.
pub fn parts_by_itself(view: &NoteView, field: &str) -> bool {
    let mut words = field.split('.');
    let (Some("photo"), Some(number)) = (words.next(), words.next()) else { return false };
    let hash = format!("photo.{number}.hash");
    view.conflicts.iter().any(|conflict| conflict.field == hash)
}

/// What still keeps the note from being confirmed.
pub fn ready(form: Form, view: &NoteView, context: &ConfirmContext) -> Result<(), ConfirmError> {
    let mut asked = view.clone();
    asked.conflicts.retain(|conflict| !parts_by_itself(view, &conflict.field));
    check_complete(form, &asked, context)
}

/// An actual time is kept to the minute.
pub fn minute_of(at: Timestamp) -> FieldValue {
    let seconds = at.as_second() - at.as_second().rem_euclid(60);
    FieldValue::Time(Timestamp::from_second(seconds).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Words};
    use device::record::visit_note::Conflict;
    use device::record::vitals::Bounds;

    #[test]
    fn next_walks_through_the_form_and_stops_at_confirm() {
        let mut section = Section::Vitals;
        for expected in [Section::Care, Section::Texts, Section::Photos, Section::Confirm, Section::Confirm] {
            section = section.next();
            assert_eq!(section, expected);
        }
    }

    #[test]
    fn a_note_from_behind_the_curtain_opens_where_it_was_left() {
        for (section, _) in Section::ALL {
            assert_eq!(Section::of_number(section.number()), section);
        }
        assert_eq!(Section::of_number(9), Section::Vitals);
    }

    #[test]
    fn a_pressure_of_182_is_beyond_the_reporting_limit() -> Result<(), Box<dyn std::error::Error>> {
        let field = Field::named("systolic_mmhg")?;
        let adult = AlertBounds::new();
        let said = |n, bounds| concern(field, Some(&FieldValue::Number(n)), bounds);
        assert_eq!(said(182.0, &adult), Concern::Alert);
        assert_eq!(said(128.0, &adult), Concern::Calm);
        assert_eq!(said(250.0, &adult), Concern::Unusual);
        assert_eq!(concern(field, None, &adult), Concern::Calm, "blank is not zero");
        let ordered = AlertBounds::from([("systolic_mmhg".to_string(), Bounds { low: Some(90.0), high: Some(160.0) })]);
        assert_eq!(said(165.0, &ordered), Concern::Alert, "the doctor's bounds stand in place of the adult ones");
        assert_eq!(said(95.0, &ordered), Concern::Calm);
        Ok(())
    }

    #[test]
    fn a_last_value_that_cannot_be_read_is_not_said_to_be_none() {
        let before = Values::from([("pulse_bpm".to_string(), FieldValue::Number(72.0))]);
        assert_eq!(before_of(Some(&before), "pulse_bpm"), Before::Value(FieldValue::Number(72.0)));
        assert_eq!(before_of(Some(&before), "weight_kg"), Before::Nothing);
        assert_eq!(before_of(None, "pulse_bpm"), Before::Unread);
    }

    #[test]
    fn of_two_photos_under_one_number_nobody_has_to_choose() {
        let conflict = |field: &str| Conflict { field: field.into(), values: Vec::new() };
        let conflicts = ["photo.3.hash", "photo.3.caption", "photo.4.caption"].map(conflict).into();
        let mut view = NoteView { conflicts, ..NoteView::default() };
        let asked = |view: &NoteView| match ready(Form::VisitNote, view, &ConfirmContext::default()) {
            Err(ConfirmError::OpenConflict(fields)) => fields,
            _ => Vec::new(),
        };
        assert_eq!(asked(&view), ["photo.4.caption"], "two captions of one photo are a person's to choose");
        assert!(parts_by_itself(&view, "photo.3.caption") && !parts_by_itself(&view, "payer"));
        view.conflicts.pop();
        assert!(asked(&view).is_empty());
    }

    #[test]
    fn a_sub_record_opens_when_the_visit_calls_for_it_and_stays_once_begun() {
        let names = |values: &Values| -> Vec<String> {
            sub_records_of(values).iter().map(|(t, _)| t.words(Words(Language::English))).collect()
        };
        let mut values = Values::new();
        assert!(names(&values).is_empty());
        values.insert("visit_kind".into(), FieldValue::Word("emergency".into()));
        values.insert("care.ulcer".into(), FieldValue::Flag(true));
        assert_eq!(names(&values), ["Pressure ulcer 1", "Emergency visit"]);
        values.insert("ulcer.1.depth".into(), FieldValue::Word("D3".into()));
        assert_eq!(
            names(&values),
            ["Pressure ulcer 1", "Pressure ulcer 2", "Emergency visit"],
            "one more can be begun"
        );
        values.remove("care.ulcer");
        assert_eq!(names(&values), ["Pressure ulcer 1", "Emergency visit"], "what was written never disappears");
        values.insert("care.bowel".into(), FieldValue::Flag(true));
        assert!(details_of(&values)[0].1.contains(&"stool.bristol"));
    }
}
