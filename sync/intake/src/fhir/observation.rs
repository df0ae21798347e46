//! Observation → lab: laboratory results, vital signs and findings. Each component is a record of its own, so that a
//! blood pressure shows both numbers. A container without a value (a panel's head) gives none.

use super::bundle::Entry;
use super::draft::{Draft, NAMELESS, Reason, WRONG_SHAPE, is_withdrawn};
use super::model::{Annotation, CodeableConcept, Many, Period, Quantity, Range, Ratio, Reference, notes};
use crate::text::{detail, interpretation_flag, labelled};
use record::DataClass;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Observation {
    effective_date_time: Option<String>,
    effective_instant: Option<String>,
    effective_period: Option<Period>,
    issued: Option<String>,
    specimen: Option<Reference>,
    body_site: Option<CodeableConcept>,
    note: Many<Annotation>,
    component: Many<Measured>,
}

/// What an Observation and each of its components have in common.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Measured {
    code: Option<CodeableConcept>,
    value_quantity: Option<Quantity>,
    value_codeable_concept: Option<CodeableConcept>,
    value_string: Option<String>,
    value_boolean: Option<bool>,
    value_integer: Option<Box<RawValue>>,
    value_range: Option<Range>,
    value_ratio: Option<Ratio>,
    value_time: Option<String>,
    value_date_time: Option<String>,
    value_period: Option<Period>,
    data_absent_reason: Option<CodeableConcept>,
    interpretation: Many<CodeableConcept>,
    reference_range: Many<ReferenceRange>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReferenceRange {
    text: Option<String>,
    low: Option<Quantity>,
    high: Option<Quantity>,
}

pub(super) fn observation(entry: &Entry<'_>) -> Result<Vec<Draft>, Reason> {
    let observation: Observation = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let whole: Measured = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let title = whole.code.as_ref().and_then(CodeableConcept::words).ok_or(NAMELESS)?;
    let mut drafts = Vec::new();
    if whole.has_value() || observation.component.is_empty() && whole.data_absent_reason.is_some() {
        drafts.push(whole.draft(title.clone()));
    }
    for component in observation.component.iter() {
        let name = component.code.as_ref().and_then(CodeableConcept::words).ok_or(NAMELESS)?;
        let text = if name == title { name } else { format!("{title} {name}") };
        if component.has_value() || component.data_absent_reason.is_some() {
            let mut draft = component.draft(text);
            let whole_key = whole.draft(title.clone()).item_key.unwrap_or_default();
            draft.item_key = draft.item_key.map(|own| format!("{whole_key}.{own}"));
            drafts.push(draft);
        }
    }
    let times = [
        observation.effective_date_time,
        observation.effective_instant,
        observation.effective_period.and_then(|p| p.start.or(p.end)),
        observation.issued,
    ];
    let status = entry.header.status.as_deref();
    let specimen = observation.specimen.and_then(|s| s.display);
    for draft in &mut drafts {
        draft.recorded_at(times.last().and_then(|issued| issued.as_deref()));
        let rough = draft.dated(times.iter().flatten().next().map(String::as_str));
        draft.deleted = is_withdrawn(status);
        draft.detail = detail([
            draft.detail.take(),
            rough,
            (status == Some("preliminary")).then(|| "暫定".to_owned()),
            labelled("検体", specimen.as_ref()),
            observation.body_site.as_ref().and_then(CodeableConcept::words),
            notes(&observation.note),
        ]);
    }
    Ok(drafts)
}

impl Measured {
    fn value(&self) -> (Option<String>, Option<String>) {
        if let Some(quantity) = &self.value_quantity {
            return (quantity.number(), quantity.unit());
        }
        let truth = |yes: bool| (if yes { "はい" } else { "いいえ" }).to_owned();
        let words = self
            .value_codeable_concept
            .as_ref()
            .and_then(CodeableConcept::words)
            .or_else(|| self.value_string.clone().filter(|words| !words.trim().is_empty()))
            .or_else(|| self.value_integer.as_ref().map(|n| n.get().trim_matches('"').chars().take(32).collect()))
            .or_else(|| self.value_boolean.map(truth))
            .or_else(|| self.value_range.as_ref().and_then(Range::words))
            .or_else(|| self.value_ratio.as_ref().and_then(Ratio::words))
            .or_else(|| self.value_time.clone())
            .or_else(|| self.value_date_time.clone())
            .or_else(|| self.value_period.as_ref().and_then(|p| p.start.clone()));
        let unit = self.value_range.as_ref().and_then(|r| r.low.as_ref().or(r.high.as_ref())).and_then(Quantity::unit);
        (words, unit)
    }

    fn has_value(&self) -> bool {
        self.value().0.is_some()
    }

    fn draft(&self, text: String) -> Draft {
        let mut draft = Draft::new(DataClass::Lab, text);
        (draft.value, draft.unit) = self.value();
        draft.code = self.code.as_ref().and_then(CodeableConcept::code);
        draft.item_key = Some(super::bundle::item_key(&draft));
        let codes = self.interpretation.iter().flat_map(|i| i.coding.iter()).filter_map(|c| c.code.as_deref());
        draft.flag = codes.filter_map(interpretation_flag).next();
        let ranges = self.reference_range.iter().map(ReferenceRange::words);
        let absent = self.data_absent_reason.as_ref().and_then(CodeableConcept::words);
        draft.detail = detail([labelled("基準値", detail(ranges)), labelled("結果なし:", absent)]);
        draft
    }
}

impl ReferenceRange {
    fn words(&self) -> Option<String> {
        let text = self.text.clone().filter(|text| !text.trim().is_empty());
        let number = |q: &Option<Quantity>| q.as_ref().and_then(Quantity::number);
        text.or_else(|| match (number(&self.low), number(&self.high)) {
            (None, None) => None,
            (low, high) => Some(format!("{}–{}", low.unwrap_or_default(), high.unwrap_or_default())),
        })
    }
}
