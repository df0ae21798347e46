//! Writes a chart as JP-CLINS style Bundles: one type of resource each, and letters as documents.

use super::history::{Appointment, DRIP, History, SUPPLY_DAYS};
use super::people::{Allergies, Chart};
use super::{SampleFile, facility_id};
use jiff::civil::Date;
use record::patient::Sex;
use serde_json::{Value, json};

const INSTANCE: &str = "http://jpfhir.jp/fhir/core/IdSystem/resourceInstance-identifier";
const PATIENT_URL: &str = "urn:uuid:00000000-0000-4000-8000-000000000001";

pub(super) fn write(chart: &Chart, history: &History, yesterday: Date, files: &mut Vec<SampleFile>) {
    let mut add = |kind: &str, kind_of_bundle: &str, resources: Vec<Value>| {
        if !resources.is_empty() {
            files.push(SampleFile {
                facility: facility_id(chart.hospital.id()),
                path: format!("fhir/{}/{kind}.json", chart.local_id),
                bytes: bundle(chart, kind, kind_of_bundle, yesterday, resources).to_string().into_bytes(),
            });
        }
    };
    add("Condition", "collection", conditions(chart, history));
    add("AllergyIntolerance", "collection", allergies(chart, history));
    add("Observation", "collection", history.appointments.iter().flat_map(|a| observations(chart, a)).collect());
    add("MedicationRequest", "collection", history.appointments.iter().flat_map(|a| prescriptions(chart, a)).collect());
    add("MedicationAdministration", "collection", injections(chart, history));
    add("Encounter", "collection", encounters(chart, history));
    if let Some(last) = history.appointments.last() {
        add("Referral", "document", letter(chart, "診療情報提供書", "57133-1", last.day));
    }
    if let Some(stay) = &history.stay {
        add("DischargeSummary", "document", letter(chart, "退院時サマリー", "18842-5", stay.until));
    }
}

fn bundle(chart: &Chart, kind: &str, kind_of_bundle: &str, day: Date, resources: Vec<Value>) -> Value {
    let patient = json!({ "fullUrl": PATIENT_URL, "resource": patient(chart, day) });
    let mut entries: Vec<Value> = resources.into_iter().map(|resource| json!({ "resource": resource })).collect();
    // A document begins with its Composition.
    entries.insert(usize::from(kind_of_bundle == "document"), patient);
    json!({
        "resourceType": "Bundle",
        "type": kind_of_bundle,
        "timestamp": at(day),
        "meta": { "lastUpdated": at(day), "tag": [{ "system": "http://jpfhir.jp/fhir/clins/CodeSystem/BundleResourceType_CS", "code": kind }] },
        "identifier": { "system": "http://jpfhir.jp/fhir/clins/bundle-identifier",
            "value": format!("{}^{}^{}-{kind}", chart.hospital.institution(), day.year(), chart.local_id) },
        "entry": entries,
    })
}

fn at(day: Date) -> String {
    format!("{day}T15:00:00+09:00")
}

fn patient(chart: &Chart, day: Date) -> Value {
    let name = |representation: &str, family: &str, given: &str| {
        json!({
            "extension": [{ "url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation", "valueCode": representation }],
            "use": "official", "text": format!("{family} {given}"), "family": family, "given": [given],
        })
    };
    json!({
        "resourceType": "Patient",
        "id": format!("patient-{}", chart.local_id),
        "meta": { "lastUpdated": at(day), "profile": ["http://jpfhir.jp/fhir/eCS/StructureDefinition/JP_Patient_eCS"] },
        "identifier": [{ "system": format!("urn:oid:1.2.392.100495.20.3.51.1{}", chart.hospital.institution()), "value": chart.local_id }],
        "name": [name("IDE", chart.family.0, chart.given.0), name("SYL", chart.family.1, chart.given.1)],
        "telecom": [{ "system": "phone", "value": chart.phone, "use": "home" }],
        "gender": match chart.sex { Sex::Male => "male", Sex::Female => "female", Sex::Other => "other", Sex::Unknown => "unknown" },
        "birthDate": chart.born.to_string(),
        "address": [{ "text": chart.address, "postalCode": "000-0000" }],
    })
}

/// A resource's type, identity and time; the caller adds the rest.
fn resource(chart: &Chart, kind: &str, key: &str, day: Date, mut rest: Value) -> Value {
    let value = format!("{}-{}-{key}", chart.hospital.institution(), chart.local_id);
    rest["resourceType"] = json!(kind);
    rest["meta"] = json!({ "lastUpdated": at(day) });
    rest["identifier"] = json!([{ "system": INSTANCE, "value": value }]);
    rest
}

/// `1` stays 1, `0.5` stays 0.5.
fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn about() -> Value {
    json!({ "reference": PATIENT_URL })
}

fn conditions(chart: &Chart, history: &History) -> Vec<Value> {
    let of = |(place, (disease, onset)): (usize, &(&super::courses::Disease, Date))| {
        let status = if disease.ended { "resolved" } else { "active" };
        let verified = if disease.name.ends_with("の疑い") { "provisional" } else { "confirmed" };
        let rest = json!({
            "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": status }] },
            "verificationStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": verified }] },
            "code": { "coding": [
                { "system": "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full", "code": disease.icd, "display": disease.name }], "text": disease.name },
            "subject": about(), "onsetDateTime": onset.to_string(), "recordedDate": onset.to_string(),
        });
        resource(chart, "Condition", &format!("DX-{}", place + 1), *onset, rest)
    };
    history.diseases.iter().enumerate().map(of).collect()
}

fn allergies(chart: &Chart, history: &History) -> Vec<Value> {
    let day = history.appointments.first().map_or(chart.born, |first| first.day);
    let written = |key: usize, mut rest: Value| {
        rest["patient"] = about();
        rest["clinicalStatus"] = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active" }] });
        rest["recordedDate"] = json!(day.to_string());
        resource(chart, "AllergyIntolerance", &format!("AL-{key}"), day, rest)
    };
    match chart.allergies {
        Allergies::NotRecorded => Vec::new(),
        Allergies::NoneKnown => vec![written(0, json!({ "code": { "text": "既知のアレルギーなし",
            "coding": [{ "system": "http://snomed.info/sct", "code": "716186003", "display": "No known allergy" }] } }))],
        Allergies::Known(list) => list.iter().enumerate().map(|(i, (name, kind, reaction, forbidden))| {
            let category = match *kind { "DA" => "medication", "FA" => "food", _ => "environment" };
            written(i, json!({
                "code": { "text": name }, "category": [category], "criticality": if *forbidden { "high" } else { "low" },
                "reaction": [{ "manifestation": [{ "text": reaction }] }],
            }))
        }).collect(),
    }
}

fn observations(chart: &Chart, appointment: &Appointment) -> Vec<Value> {
    let of = |result: &super::history::LabResult| {
        let test = &result.test;
        let mut rest = json!({
            "status": "final",
            "category": [{ "coding": [{ "system": "http://jpfhir.jp/fhir/core/CodeSystem/JP_SimpleObservationCategory_CS", "code": "laboratory" }] }],
            "code": { "coding": [{ "system": "http://medis.or.jp/CodeSystem/master-JLAC10-17digits", "code": test.code, "display": test.name }], "text": test.name },
            "subject": about(), "effectiveDateTime": format!("{}T09:10:00+09:00", appointment.day),
            "valueQuantity": { "value": number(&result.value), "unit": test.unit },
            "referenceRange": [{ "text": test.range("–") }],
        });
        if let Some(flag) = result.flag {
            rest["interpretation"] = json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": flag }] }]);
        }
        resource(chart, "Observation", &format!("LAB-{}", appointment.day.strftime("%Y%m%d")), appointment.day, rest)
    };
    appointment.results.iter().map(of).collect()
}

fn prescriptions(chart: &Chart, appointment: &Appointment) -> Vec<Value> {
    let of = |(place, drug): (usize, &super::courses::Drug)| {
        let total = drug.amount(SUPPLY_DAYS);
        let rest = json!({
            "status": "completed", "intent": "order",
            "medicationCodeableConcept": { "coding": [{ "system": "http://jpfhir.jp/fhir/eCS/CodeSystem/MedicationCodeNocoded_CS", "code": "NOCODED", "display": drug.name }], "text": drug.name },
            "subject": about(), "authoredOn": appointment.day.to_string(),
            "dosageInstruction": [{ "text": drug.usage, "doseAndRate": [{ "doseQuantity": { "value": number(drug.dose), "unit": drug.unit } }] }],
            "dispenseRequest": { "quantity": { "value": number(&total), "unit": drug.unit }, "expectedSupplyDuration": { "value": SUPPLY_DAYS, "unit": "日" } },
        });
        let key = format!("RX-{}-{}", appointment.day.strftime("%Y%m%d"), place + 1);
        resource(chart, "MedicationRequest", &key, appointment.day, rest)
    };
    chart.drugs().enumerate().map(of).collect()
}

fn injections(chart: &Chart, history: &History) -> Vec<Value> {
    let of = |day: Date| {
        DRIP.iter().enumerate().map(move |(place, (name, amount, unit))| {
            let rest = json!({
                "status": "completed", "medicationCodeableConcept": { "text": name }, "subject": about(),
                "effectiveDateTime": format!("{day}T10:00:00+09:00"),
                "dosage": { "text": "点滴静注 １日１回", "dose": { "value": number(amount), "unit": unit } },
            });
            let key = format!("INJ-{}-{}", day.strftime("%Y%m%d"), place + 1);
            resource(chart, "MedicationAdministration", &key, day, rest)
        })
    };
    history.stay.iter().flat_map(|stay| stay.drip_days()).flat_map(of).collect()
}

fn encounters(chart: &Chart, history: &History) -> Vec<Value> {
    let class = |code: &str, display: &str| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code, "display": display });
    let outpatient = history.appointments.iter().map(|appointment| {
        let day = appointment.day;
        let rest = json!({ "status": "finished", "class": class("AMB", "外来"), "subject": about(),
            "period": { "start": day.to_string(), "end": day.to_string() } });
        resource(chart, "Encounter", &format!("ENC-{}", day.strftime("%Y%m%d")), day, rest)
    });
    let stays = history.stay.iter().map(|stay| {
        let rest = json!({ "status": "finished", "class": class("IMP", "入院"), "subject": about(),
            "period": { "start": stay.from.to_string(), "end": stay.until.to_string() },
            "location": [{ "location": { "display": format!("{}病棟", stay.ward) } }] });
        resource(chart, "Encounter", &format!("STAY-{}", stay.from.strftime("%Y%m%d")), stay.until, rest)
    });
    outpatient.chain(stays).collect()
}

fn letter(chart: &Chart, title: &str, code: &str, day: Date) -> Vec<Value> {
    let section = |title: &str, words: String| {
        let lines: String = words.lines().map(|line| format!("<p>{line}</p>")).collect();
        json!({ "title": title, "text": { "status": "additional", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{lines}</div>") } })
    };
    let told = |pick: fn((&'static str, &'static str)) -> &'static str| {
        chart.courses.iter().map(|course| pick(course.story())).collect::<Vec<_>>().join("\n")
    };
    let diseases = chart.courses.iter().flat_map(|c| c.diseases()).map(|d| d.name).collect::<Vec<_>>().join("、");
    let drugs = chart
        .drugs()
        .map(|d| format!("{} １回{}{} {}", d.name, d.dose, d.unit, d.usage))
        .collect::<Vec<_>>()
        .join("\n");
    let composition = resource(
        chart,
        "Composition",
        &format!("DOC-{code}-{}", day.strftime("%Y%m%d")),
        day,
        json!({
            "status": "final", "title": title,
            "type": { "coding": [{ "system": "http://jpfhir.jp/fhir/Common/CodeSystem/doc-typecodes", "code": code, "display": title }] },
            "subject": about(), "date": at(day), "author": [{ "reference": "Organization/from", "display": "作成機関" }],
            "section": [
                section("傷病名", diseases), section("経過", told(|(course, _)| course)), section("処方", drugs),
                section("訪問看護で見てほしいこと", told(|(_, cautions)| cautions)),
            ],
        }),
    );
    vec![composition, json!({ "resourceType": "Organization", "id": "from", "name": chart.hospital.name() })]
}
