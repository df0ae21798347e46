//! MedicationRequest, MedicationStatement, MedicationDispense → rx; MedicationAdministration → inj.
//!
//! Value and unit are one dose, in every resource; a total that looked like a dose could kill.

use super::bundle::{Delivery, Entry};
use super::draft::{Draft, NAMELESS, Reason, WRONG_SHAPE, is_error, is_withdrawn};
use super::model::{Annotation, CodeableConcept, Many, Period, Quantity, Ratio, Reference, notes};
use crate::text::{detail, labelled};
use record::disclosed::Code;
use record::{DataClass, RecordFlag};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Drug {
    medication_codeable_concept: Option<CodeableConcept>,
    medication_reference: Option<Reference>,
    note: Many<Annotation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Medication {
    code: Option<CodeableConcept>,
}

impl Drug {
    /// Name and code, of the resource itself or of the Medication that it names.
    fn name<'a>(&self, delivery: &Delivery<'a>, entry: &Entry<'a>) -> Result<(String, Option<Code>), Reason> {
        let of = |concept: &CodeableConcept| Some((concept.words()?, concept.code()));
        if let Some(found) = self.medication_codeable_concept.as_ref().and_then(of) {
            return Ok(found);
        }
        let reference = self.medication_reference.as_ref().ok_or(NAMELESS)?;
        let named = delivery.resolve(&entry.header, reference).and_then(|raw| {
            let medication: Medication = serde_json::from_str(raw).ok()?;
            of(&medication.code?)
        });
        let shown = || Some((reference.display.clone().filter(|d| !d.trim().is_empty())?, None));
        named.or_else(shown).ok_or(NAMELESS)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Dosage {
    text: Option<String>,
    timing: Option<Timing>,
    additional_instruction: Many<CodeableConcept>,
    patient_instruction: Option<String>,
    as_needed_boolean: Option<bool>,
    as_needed_codeable_concept: Option<CodeableConcept>,
    route: Option<CodeableConcept>,
    site: Option<CodeableConcept>,
    dose_and_rate: Many<DoseAndRate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Timing {
    code: Option<CodeableConcept>,
    repeat: Option<Repeat>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Repeat {
    bounds_duration: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DoseAndRate {
    dose_quantity: Option<Quantity>,
    rate_ratio: Option<Ratio>,
    rate_quantity: Option<Quantity>,
}

impl Dosage {
    fn words(&self) -> Option<String> {
        let usage = self.text.clone().filter(|t| !t.trim().is_empty());
        let timing = || self.timing.as_ref().and_then(|t| t.code.as_ref()).and_then(CodeableConcept::words);
        let duration =
            self.timing.as_ref().and_then(|t| t.repeat.as_ref()).and_then(|r| days(r.bounds_duration.as_ref()?));
        let needed = self.as_needed_codeable_concept.as_ref().and_then(CodeableConcept::words);
        let rate = self.dose_and_rate.iter().find_map(|d| match &d.rate_ratio {
            Some(ratio) => ratio.words(),
            None => d.rate_quantity.as_ref()?.words(),
        });
        let parts = [
            usage.or_else(timing),
            duration,
            (self.as_needed_boolean == Some(true)).then(|| "頓用".to_owned()),
            labelled("頓用", needed),
            self.route.as_ref().and_then(CodeableConcept::words),
            self.site.as_ref().and_then(CodeableConcept::words),
            rate,
            self.patient_instruction.clone(),
        ];
        detail(parts.into_iter().chain(self.additional_instruction.iter().map(CodeableConcept::words)))
    }

    fn dose(&self) -> Option<&Quantity> {
        self.dose_and_rate.iter().find_map(|d| d.dose_quantity.as_ref())
    }
}

fn days(duration: &Quantity) -> Option<String> {
    let number = duration.number()?;
    match duration.unit().as_deref() {
        Some("d" | "日" | "day" | "days" | "日分") | None => Some(format!("{number}日分")),
        Some(unit) => Some(format!("{number}{unit}")),
    }
}

/// The part that all four resources share: drug, one dose, usage.
fn drug_draft<'a>(
    class: DataClass,
    delivery: &Delivery<'a>,
    entry: &Entry<'a>,
    dosages: &Many<Dosage>,
    more: impl IntoIterator<Item = Option<String>>,
) -> Result<Draft, Reason> {
    let drug: Drug = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let (name, code) = drug.name(delivery, entry)?;
    let mut draft = Draft::new(class, name);
    draft.code = code;
    let dose = dosages.iter().find_map(Dosage::dose);
    draft.value = dose.and_then(Quantity::number);
    draft.unit = dose.and_then(Quantity::unit).filter(|_| draft.value.is_some());
    let status = entry.header.status.as_deref();
    draft.deleted = is_error(status);
    draft.flag = match status {
        Some("stopped" | "cancelled" | "not-done" | "not-taken" | "declined") => Some(RecordFlag::Ended),
        Some(other @ ("on-hold" | "draft" | "preparation" | "in-progress")) => {
            Some(RecordFlag::Other(other.to_owned()))
        }
        // "completed" is how Japan's documents send every prescription (the order is complete, not the therapy).
        _ => None,
    };
    draft.detail = detail(dosages.iter().map(Dosage::words).chain(more).chain([notes(&drug.note)]));
    Ok(draft)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    authored_on: Option<String>,
    dosage_instruction: Many<Dosage>,
    dispense_request: Option<DispenseRequest>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DispenseRequest {
    quantity: Option<Quantity>,
    expected_supply_duration: Option<Quantity>,
}

pub(super) fn request<'a>(delivery: &Delivery<'a>, entry: &Entry<'a>) -> Result<Vec<Draft>, Reason> {
    let request: Request = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    // JP Core has a profile of its own for ordered injections.
    let profiles = entry.header.meta.iter().flat_map(|meta| meta.profile.iter());
    let is_injection = profiles.into_iter().any(|profile| profile.contains("_Injection"));
    let dispense = request.dispense_request.unwrap_or_default();
    let more = [
        dispense.expected_supply_duration.as_ref().and_then(days),
        labelled("総量", dispense.quantity.as_ref().and_then(Quantity::words)),
    ];
    let class = if is_injection { DataClass::Inj } else { DataClass::Rx };
    let mut draft = drug_draft(class, delivery, entry, &request.dosage_instruction, more)?;
    draft.dated(request.authored_on.as_deref());
    draft.deleted |= is_withdrawn(entry.header.status.as_deref());
    Ok(vec![draft])
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Statement {
    effective_date_time: Option<String>,
    effective_period: Option<Period>,
    date_asserted: Option<String>,
    dosage: Many<Dosage>,
}

pub(super) fn statement<'a>(delivery: &Delivery<'a>, entry: &Entry<'a>) -> Result<Vec<Draft>, Reason> {
    let statement: Statement = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let mut draft = drug_draft(DataClass::Rx, delivery, entry, &statement.dosage, [Some("服薬情報".to_owned())])?;
    draft.recorded_at(statement.date_asserted.as_deref());
    let start = statement.effective_date_time.or(statement.effective_period.and_then(|p| p.start));
    draft.dated(start.as_deref());
    Ok(vec![draft])
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Dispense {
    when_handed_over: Option<String>,
    when_prepared: Option<String>,
    quantity: Option<Quantity>,
    days_supply: Option<Quantity>,
    dosage_instruction: Many<Dosage>,
}

pub(super) fn dispense<'a>(delivery: &Delivery<'a>, entry: &Entry<'a>) -> Result<Vec<Draft>, Reason> {
    let dispense: Dispense = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let more = [
        dispense.days_supply.as_ref().and_then(days),
        labelled("総量", dispense.quantity.as_ref().and_then(Quantity::words)),
        Some("調剤".to_owned()),
    ];
    let mut draft = drug_draft(DataClass::Rx, delivery, entry, &dispense.dosage_instruction, more)?;
    draft.dated(dispense.when_handed_over.or(dispense.when_prepared).as_deref());
    draft.deleted |= is_withdrawn(entry.header.status.as_deref());
    Ok(vec![draft])
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Administration {
    effective_date_time: Option<String>,
    effective_period: Option<Period>,
    dosage: Option<AdministeredDosage>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AdministeredDosage {
    text: Option<String>,
    route: Option<CodeableConcept>,
    site: Option<CodeableConcept>,
    dose: Option<Quantity>,
    rate_ratio: Option<Ratio>,
    rate_quantity: Option<Quantity>,
}

pub(super) fn administration<'a>(delivery: &Delivery<'a>, entry: &Entry<'a>) -> Result<Vec<Draft>, Reason> {
    let given: Administration = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let dosage = given.dosage.unwrap_or_default();
    let period = given.effective_period.unwrap_or_default();
    let more = [
        dosage.text,
        dosage.route.as_ref().and_then(CodeableConcept::words),
        dosage.site.as_ref().and_then(CodeableConcept::words),
        dosage.rate_ratio.as_ref().and_then(Ratio::words).or(dosage.rate_quantity.as_ref().and_then(Quantity::words)),
        period.end.map(|end| format!("〜{end}")),
    ];
    let mut draft = drug_draft(DataClass::Inj, delivery, entry, &Many::default(), more)?;
    draft.value = dosage.dose.as_ref().and_then(Quantity::number);
    draft.unit = dosage.dose.as_ref().and_then(Quantity::unit).filter(|_| draft.value.is_some());
    draft.dated(given.effective_date_time.or(period.start).as_deref());
    Ok(vec![draft])
}
