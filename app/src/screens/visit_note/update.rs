//! The visit note: which section, what each tap does, what stands beside a value.

use super::comforts::Change;
use crate::text::{Language, Words};
use device::jiff::Timestamp;
use device::record::Form;
use device::record::visit_note::fields::SUB_RECORDS;
use device::record::visit_note::fields::is_unusual;
use device::record::visit_note::{FIELDS, Field, FieldKind, FieldValue};
use device::record::vitals::{AlertBounds, Standing, standing};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Vitals,
    Care,
    Texts,
    Confirm,
}

impl Section {
    pub const ALL: [(Section, &'static str); 4] = [
        (Section::Vitals, "section-vitals"),
        (Section::Care, "section-care"),
        (Section::Texts, "section-texts"),
        (Section::Confirm, "section-confirm"),
    ];

    fn next(self) -> Section {
        match self {
            Section::Vitals => Section::Care,
            Section::Care => Section::Texts,
            Section::Texts | Section::Confirm => Section::Confirm,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub section: Section,
    /// Words beside a field whose value was refused.
    pub refused: BTreeMap<String, String>,
    pub failed: Option<String>,
    /// Letters stand in a field that are in no change yet.
    pub typing: bool,
    pub saved_at: Option<Timestamp>,
    /// How often the vault refused an edit that now waits; 0 once nothing waits.
    pub waits: u32,
    /// What was changed on this screen, the latest last.
    pub changes: Vec<Change>,
}

/// Changes that can be undone.
const UNDOABLE: usize = 50;

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    SectionChosen(Section),
    NextTapped,
    ValueTyped { field: String, typed: String },
    ValueChosen { field: String, value: FieldValue },
    UnmeasuredChosen { field: String, reason: String },
    TypingBegan,
    TypingSettled,
    TextPaused { field: String, shown: String, typed: String },
    TextChanged { field: String, shown: String, typed: String },
    ConfirmTapped,
    Saved { field: Option<String>, at: Timestamp },
    Refused { field: String, words: String },
    Failed(String),
    Waits(String),
    NothingWaits,
    Changed(Change),
    UndoTapped,
    Undone { at: Timestamp },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    SaveTyped { field: String, typed: String },
    SaveValue { field: String, value: FieldValue },
    SaveUnmeasured { field: String, reason: String },
    KeepTyped { field: String, shown: String, typed: String },
    SaveText { field: String, shown: String, typed: String },
    Undo(Change),
    Confirm,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            section: Section::Vitals,
            refused: BTreeMap::new(),
            failed: None,
            typing: false,
            saved_at: None,
            waits: 0,
            changes: Vec::new(),
        }
    }
}

impl Model {
    /// A note whose screen comes back (from behind a curtain) opens where it was left.
    pub fn at(section: Option<Section>) -> Self {
        let fresh = Self::default();
        Self { section: section.unwrap_or(fresh.section), ..fresh }
    }
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::SectionChosen(section) => model.section = section,
        Event::NextTapped => model.section = model.section.next(),
        Event::TypingBegan => model.typing = true,
        Event::TypingSettled => model.typing = false,
        Event::ValueTyped { field, typed } => return vec![Effect::SaveTyped { field, typed }],
        Event::ValueChosen { field, value } => return vec![Effect::SaveValue { field, value }],
        Event::UnmeasuredChosen { field, reason } => return vec![Effect::SaveUnmeasured { field, reason }],
        Event::TextPaused { field, shown, typed } => return vec![Effect::KeepTyped { field, shown, typed }],
        Event::TextChanged { field, shown, typed } => return vec![Effect::SaveText { field, shown, typed }],
        Event::ConfirmTapped => {
            model.failed = None;
            return vec![Effect::Confirm];
        }
        Event::Saved { field, at } => {
            if let Some(field) = field {
                model.refused.remove(&field);
            }
            model.failed = None;
            model.typing = false;
            model.saved_at = Some(at);
        }
        Event::Refused { field, words } => {
            model.refused.insert(field, words);
        }
        Event::Failed(words) => model.failed = Some(words),
        // The vault refused an edit (a full disk): it is kept and tried again.
        Event::Waits(words) => {
            model.failed = Some(words);
            model.waits += 1;
        }
        Event::NothingWaits if model.waits > 0 => {
            model.waits = 0;
            model.failed = None;
        }
        Event::NothingWaits => {}
        Event::Changed(change) => {
            model.changes.push(change);
            let older = model.changes.len().saturating_sub(UNDOABLE);
            model.changes.drain(..older);
        }
        Event::UndoTapped => return model.changes.last().cloned().map(Effect::Undo).into_iter().collect(),
        Event::Undone { at } => {
            if let Some(change) = model.changes.pop() {
                model.refused.remove(change.field());
            }
            model.failed = None;
            model.saved_at = Some(at);
        }
    }
    Vec::new()
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

/// The heading of a group of fields, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupTitle {
    pub name: &'static str,
    ja: &'static str,
    en: &'static str,
    number: Option<u8>,
}

impl GroupTitle {
    pub fn words(&self, words: Words) -> String {
        let title = match words.0 {
            Language::Japanese => self.ja,
            Language::English => self.en,
        };
        self.number.map_or_else(|| title.to_string(), |n| format!("{title} {n}"))
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
    for group in SUB_RECORDS {
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
                let title = GroupTitle { name: group.name, ja: group.label_ja, en: group.label_en, number };
                groups.push((title, names.collect()));
            }
            if !here {
                break;
            }
        }
    }
    groups
}

/// An actual time is kept to the minute.
pub fn minute_of(at: Timestamp) -> FieldValue {
    let seconds = at.as_second() - at.as_second().rem_euclid(60);
    FieldValue::Time(Timestamp::from_second(seconds).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::record::vitals::Bounds;

    #[test]
    fn a_refused_value_keeps_its_reason_until_a_good_one_is_saved() {
        let mut model = Model::default();
        let typed = Event::ValueTyped { field: "temperature_c".into(), typed: "365".into() };
        assert_eq!(
            update(&mut model, typed),
            [Effect::SaveTyped { field: "temperature_c".into(), typed: "365".into() }]
        );
        update(&mut model, Event::Refused { field: "temperature_c".into(), words: "36.5?".into() });
        assert_eq!(model.refused.len(), 1);
        update(&mut model, Event::Saved { field: Some("temperature_c".into()), at: Timestamp::UNIX_EPOCH });
        assert!(model.refused.is_empty());
    }

    #[test]
    fn a_full_disk_is_said_until_everything_that_waited_is_taken() {
        let mut model = Model::default();
        update(&mut model, Event::NothingWaits);
        update(&mut model, Event::Failed("confirmed".into()));
        update(&mut model, Event::NothingWaits);
        assert_eq!(model.failed.as_deref(), Some("confirmed"), "another trouble is not over because nothing waits");
        update(&mut model, Event::Waits("full".into()));
        assert_eq!((model.failed.as_deref(), model.waits), (Some("full"), 1));
        update(&mut model, Event::NothingWaits);
        assert_eq!((model.failed, model.waits), (None, 0));
    }

    #[test]
    fn changes_are_undone_from_the_last_one_back_and_an_undo_that_failed_stays_possible() {
        let mut model = Model::default();
        assert_eq!(update(&mut model, Event::UndoTapped), []);
        let change = |field: &str| Change::Value { field: field.into(), before: None };
        for field in ["pulse_bpm", "weight_kg"] {
            update(&mut model, Event::Changed(change(field)));
        }
        assert_eq!(update(&mut model, Event::UndoTapped), [Effect::Undo(change("weight_kg"))]);
        update(&mut model, Event::Failed("full".into()));
        assert_eq!(update(&mut model, Event::UndoTapped), [Effect::Undo(change("weight_kg"))]);
        update(&mut model, Event::Undone { at: Timestamp::UNIX_EPOCH });
        assert_eq!(update(&mut model, Event::UndoTapped), [Effect::Undo(change("pulse_bpm"))]);
        for n in 0..60u8 {
            update(&mut model, Event::Changed(change(&format!("ulcer.{n}.site"))));
        }
        assert_eq!(model.changes.len(), UNDOABLE);
    }

    #[test]
    fn a_note_from_behind_the_curtain_opens_where_it_was_left() {
        assert_eq!(Model::at(Some(Section::Texts)).section, Section::Texts);
        assert_eq!(Model::at(None), Model::default());
    }

    #[test]
    fn next_walks_through_the_form_and_stops_at_confirm() {
        let mut model = Model::default();
        for expected in [Section::Care, Section::Texts, Section::Confirm, Section::Confirm] {
            update(&mut model, Event::NextTapped);
            assert_eq!(model.section, expected);
        }
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
