//! Condition → problem, AllergyIntolerance → allergy, Encounter → encounter.

use super::bundle::Entry;
use super::draft::{Draft, NAMELESS, Reason, WRONG_SHAPE, is_error, is_withdrawn};
use super::model::{Annotation, CodeableConcept, Coding, Many, Period, Reference, notes};
use crate::moment::Moment;
use crate::text::{detail, labelled, says_none_known, says_suspected};
use record::disclosed::allergy_word;
use record::{DataClass, RecordFlag};
use serde::Deserialize;

const SNOMED_NONE_KNOWN: [&str; 5] = ["716186003", "409137002", "429625007", "428607008", "716184000"];
/// 「の疑い」 in the claim master's modifiers.
const SUSPECTED_MODIFIER: [&str; 1] = ["8002"];
const REFUTED: &str = "否定";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    code: Option<CodeableConcept>,
    clinical_status: Option<CodeableConcept>,
    verification_status: Option<CodeableConcept>,
    onset_date_time: Option<String>,
    onset_period: Option<Period>,
    onset_string: Option<String>,
    abatement_date_time: Option<String>,
    abatement_period: Option<Period>,
    recorded_date: Option<String>,
    note: Many<Annotation>,
}

pub(super) fn condition(entry: &Entry<'_>) -> Result<Vec<Draft>, Reason> {
    let condition: Condition = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let code = condition.code.unwrap_or_default();
    let verified = |status: &[&str]| condition.verification_status.as_ref().is_some_and(|s| s.has_code(status));
    let has_ended =
        condition.clinical_status.as_ref().is_some_and(|s| s.has_code(&["resolved", "inactive", "remission"]));

    let mut draft = Draft::new(DataClass::Problem, code.words().ok_or(NAMELESS)?);
    draft.code = code.code();
    draft.deleted = verified(&["entered-in-error"]) || is_error(entry.header.status.as_deref());
    draft.recorded_at(condition.recorded_date.as_deref());
    let suspected = verified(&["provisional", "unconfirmed", "differential"])
        || says_suspected(&draft.text)
        || code
            .extension
            .iter()
            .filter_map(|e| e.value_codeable_concept.as_ref())
            .any(|m| m.has_code(&SUSPECTED_MODIFIER));
    // A disease that was ruled out must not stand among the present ones.
    draft.flag = if has_ended || verified(&["refuted"]) {
        Some(RecordFlag::Ended)
    } else {
        suspected.then_some(RecordFlag::Suspected)
    };
    let onset = condition.onset_date_time.or(condition.onset_period.and_then(|p| p.start));
    let rough_onset = draft.dated(onset.as_deref());
    let abated = condition.abatement_date_time.or(condition.abatement_period.and_then(|p| p.end.or(p.start)));
    draft.detail = detail([
        verified(&["refuted"]).then(|| REFUTED.to_owned()),
        labelled("発症", rough_onset.or(condition.onset_string)),
        labelled("転帰", abated),
        notes(&condition.note),
    ]);
    Ok(vec![draft])
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Allergy {
    code: Option<CodeableConcept>,
    clinical_status: Option<CodeableConcept>,
    verification_status: Option<CodeableConcept>,
    category: Many<String>,
    criticality: Option<String>,
    onset_date_time: Option<String>,
    onset_period: Option<Period>,
    onset_string: Option<String>,
    recorded_date: Option<String>,
    note: Many<Annotation>,
    reaction: Many<Reaction>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reaction {
    substance: Option<CodeableConcept>,
    manifestation: Many<CodeableConcept>,
    description: Option<String>,
    severity: Option<String>,
}

pub(super) fn allergy(entry: &Entry<'_>) -> Result<Vec<Draft>, Reason> {
    let allergy: Allergy = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let code = allergy.code.unwrap_or_default();
    let substance = || allergy.reaction.iter().find_map(|r| r.substance.as_ref()?.words());
    let verified = |status: &[&str]| allergy.verification_status.as_ref().is_some_and(|s| s.has_code(status));
    let has_ended = allergy.clinical_status.as_ref().is_some_and(|s| s.has_code(&["resolved", "inactive"]));

    let mut draft = Draft::new(DataClass::Allergy, code.words().or_else(substance).ok_or(NAMELESS)?);
    draft.code = code.code();
    draft.deleted = verified(&["entered-in-error"]);
    draft.item_key = Some(super::bundle::item_key(&draft));
    draft.recorded_at(allergy.recorded_date.as_deref());
    draft.flag = if has_ended || verified(&["refuted"]) {
        Some(RecordFlag::Ended)
    } else if code.has_code(&SNOMED_NONE_KNOWN) || says_none_known(&draft.text) {
        Some(RecordFlag::NoneKnown)
    } else if allergy.criticality.as_deref() == Some("high") {
        Some(RecordFlag::Contraindicated)
    } else {
        verified(&["unconfirmed", "presumed"]).then_some(RecordFlag::Suspected)
    };
    let onset = allergy.onset_date_time.or(allergy.onset_period.and_then(|p| p.start));
    let rough_onset = draft.dated(onset.as_deref());
    let reactions = allergy.reaction.iter().flat_map(|reaction| {
        let severity = reaction.severity.as_deref().map(|severity| allergy_word(severity).to_owned());
        let shown = reaction.manifestation.iter().map(CodeableConcept::words);
        shown.chain([reaction.description.clone(), severity]).collect::<Vec<_>>()
    });
    let categories = allergy.category.iter().map(|category| Some(allergy_word(category).to_owned()));
    let parts = [verified(&["refuted"]).then(|| REFUTED.to_owned())].into_iter().chain(categories).chain(reactions);
    draft.detail =
        detail(parts.chain([labelled("発症", rough_onset.or(allergy.onset_string.clone())), notes(&allergy.note)]));
    Ok(vec![draft])
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Encounter {
    class: Option<Coding>,
    class_history: Many<ClassHistory>,
    #[serde(rename = "type")]
    kind: Many<CodeableConcept>,
    service_type: Option<CodeableConcept>,
    period: Option<Period>,
    reason_code: Many<CodeableConcept>,
    location: Many<Place>,
    hospitalization: Option<Hospitalization>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClassHistory {
    period: Option<Period>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    location: Option<Reference>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Hospitalization {
    discharge_disposition: Option<CodeableConcept>,
}

pub(super) fn encounter(entry: &Entry<'_>) -> Result<Vec<Draft>, Reason> {
    let encounter: Encounter = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let class = encounter.class.unwrap_or_default();
    let named = match class.code.as_deref() {
        Some("AMB") => Some("外来".to_owned()),
        Some("IMP" | "ACUTE" | "NONAC") => Some("入院".to_owned()),
        Some("EMER") => Some("救急".to_owned()),
        Some("HH") => Some("訪問診療".to_owned()),
        Some("VR") => Some("オンライン診療".to_owned()),
        _ => None,
    };
    let kinds = detail(encounter.kind.iter().map(CodeableConcept::words));
    let text = class.display.filter(|words| !words.trim().is_empty()).or(named).or(kinds.clone());

    let mut draft = Draft::new(DataClass::Encounter, text.ok_or(NAMELESS)?);
    draft.deleted = is_withdrawn(entry.header.status.as_deref());
    let period = encounter.period.or_else(|| encounter.class_history.0.into_iter().find_map(|h| h.period));
    let period = period.unwrap_or_default();
    let rough_start = draft.dated(period.start.as_deref());
    // The end of a visit within a day says nothing.
    let last_day =
        period.end.as_deref().and_then(Moment::fhir).and_then(|m| m.day).filter(|day| Some(*day) != draft.date);
    draft.flag = match entry.header.status.as_deref() {
        Some(status @ "planned") => Some(RecordFlag::Other(status.to_owned())),
        _ => None,
    };
    let parts = [
        kinds.filter(|words| *words != draft.text),
        rough_start,
        last_day.map(|end| format!("〜{end}")),
        encounter.service_type.and_then(|s| s.words()),
    ];
    let places = encounter.location.iter().map(|p| p.location.as_ref().and_then(|l| l.display.clone()));
    let reasons = encounter.reason_code.iter().map(CodeableConcept::words);
    let discharge = encounter.hospitalization.and_then(|h| h.discharge_disposition).and_then(|d| d.words());
    draft.detail = detail(parts.into_iter().chain(places).chain(reasons).chain([labelled("転帰", discharge)]));
    Ok(vec![draft])
}
