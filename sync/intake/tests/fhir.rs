//! What FHIR says and what a nurse then reads. Samples are our own.

use intake::{Intake, IntakeError, read_fhir_json, read_fhir_ndjson};
use jiff::civil::date;
use record::patient::Sex;
use record::{DataClass, DisclosedRecord, FacilityId, RecordFlag};

fn hospital() -> FacilityId {
    "tsubaki".parse().expect("the id is well formed")
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","identifier":[
    {"system":"http://example.jp/Insurance_memberID","value":"00012:1:2"},
    {"system":"urn:oid:1.2.392.100495.20.3.51.14012345678","value":"0004711"}],
  "name":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation","valueCode":"SYL"}],"text":"ﾜﾀﾅﾍﾞ　ﾊﾅ"},
          {"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation","valueCode":"IDE"}],"family":"渡邊","given":["はな"]}],
  "telecom":[{"system":"email","value":"x"},{"system":"phone","value":"000-0000-0001"}],
  "gender":"female","birthDate":"1938-04-01","address":[{"state":"福岡県","city":"架空市","line":["99丁目1"]}]}"#;

fn bundle(kind: &str, resources: &[&str]) -> String {
    let entries: Vec<String> = resources
        .iter()
        .enumerate()
        .map(|(i, resource)| format!(r#"{{"fullUrl":"urn:uuid:{i}","resource":{resource}}}"#))
        .collect();
    format!(
        r#"{{"resourceType":"Bundle","type":"{kind}","timestamp":"2026-11-20T09:00:00+09:00","entry":[{}]}}"#,
        entries.join(",")
    )
}

fn read(resources: &[&str]) -> Result<Intake, IntakeError> {
    let mut all = vec![PATIENT];
    all.extend(resources);
    read_fhir_json(&hospital(), bundle("collection", &all).as_bytes())
}

fn only(resource: &str) -> Result<DisclosedRecord, Box<dyn std::error::Error>> {
    let intake = read(&[resource])?;
    let patient = intake.patients.first().ok_or("the patient is there")?;
    assert_eq!(intake.skipped, []);
    assert_eq!(patient.records.len(), 1);
    Ok(patient.records[0].clone())
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn a_patient_has_the_institutions_number_and_kana_in_full_width() -> Outcome {
    let intake = read(&[])?;
    let person = &intake.patients[0].demographics;
    assert_eq!(person.local_id, "0004711");
    assert_eq!((person.name.as_str(), person.kana.as_str()), ("渡邊 はな", "ワタナベ ハナ"));
    assert_eq!((person.birth_date, person.sex), (Some(date(1938, 4, 1)), Sex::Female));
    assert_eq!(person.address.as_deref(), Some("福岡県架空市99丁目1"));
    assert_eq!(person.phone.as_deref(), Some("000-0000-0001"));
    Ok(())
}

#[test]
fn a_suspected_a_resolved_and_a_refuted_disease_are_told_apart() -> Outcome {
    let disease = |name: &str, clinical: &str, verified: &str| {
        format!(
            r#"{{"resourceType":"Condition","code":{{"text":"{name}"}},"subject":{{"reference":"Patient/p1"}},
            "clinicalStatus":{{"coding":[{{"code":"{clinical}"}}]}},"verificationStatus":{{"coding":[{{"code":"{verified}"}}]}},
            "onsetDateTime":"2019-05"}}"#
        )
    };
    let cases = [
        ("肺炎の疑い", "active", "confirmed", Some(RecordFlag::Suspected)),
        ("肺炎", "active", "provisional", Some(RecordFlag::Suspected)),
        ("肺炎", "resolved", "confirmed", Some(RecordFlag::Ended)),
        ("肺炎", "active", "refuted", Some(RecordFlag::Ended)),
        ("肺炎", "active", "confirmed", None),
    ];
    for (name, clinical, verified, flag) in cases {
        let problem = only(&disease(name, clinical, verified))?;
        assert_eq!((problem.class, problem.flag), (DataClass::Problem, flag), "{name} {clinical} {verified}");
        assert_eq!(problem.date, None);
        assert!(problem.detail.is_some_and(|d| d.contains("発症 2019-05")));
    }
    assert!(only(&disease("肺炎", "active", "entered-in-error"))?.deleted);
    Ok(())
}

#[test]
fn an_allergy_that_forbids_and_a_statement_of_none_are_flagged() -> Outcome {
    let severe = only(
        r#"{"resourceType":"AllergyIntolerance","criticality":"high","category":["medication"],"code":{"coding":[{"system":"s","code":"c1","display":"架空ペニシリン"}]},
        "patient":{"reference":"urn:uuid:0"},"reaction":[{"manifestation":[{"text":"発疹"}],"severity":"severe"}]}"#,
    )?;
    assert_eq!(severe.flag, Some(RecordFlag::Contraindicated));
    assert_eq!(severe.detail.as_deref(), Some("医薬品 / 発疹 / 重度"));
    for code in [
        r#"{"text":"アレルギーなし"}"#,
        r#"{"text":"?","coding":[{"system":"http://snomed.info/sct","code":"716186003"}]}"#,
    ] {
        let none =
            format!(r#"{{"resourceType":"AllergyIntolerance","code":{code},"patient":{{"reference":"urn:uuid:0"}}}}"#);
        assert_eq!(only(&none)?.flag, Some(RecordFlag::NoneKnown));
    }
    Ok(())
}

#[test]
fn two_allergies_under_one_identifier_are_two() -> Outcome {
    let allergy = |name: &str| {
        format!(
            r#"{{"resourceType":"AllergyIntolerance","identifier":[{{"system":"i","value":"1"}}],"code":{{"text":"{name}"}},"patient":{{"reference":"Patient/p1"}}}}"#
        )
    };
    let both = read(&[&allergy("卵"), &allergy("そば"), &allergy("そば")])?;
    let keys: Vec<&str> = both.patients[0].records.iter().map(|r| r.source_key.as_str()).collect();
    assert_eq!(keys.len(), 2, "and what is sent twice is one");
    // Alone, each has the key that it had beside the other.
    assert_eq!(only(&allergy("そば"))?.source_key, keys[1]);
    assert!(!keys[1].contains("そば"));
    Ok(())
}

#[test]
fn a_lab_value_keeps_its_digits_unit_flag_and_range() -> Outcome {
    let lab = only(
        r#"{"resourceType":"Observation","id":"o1","status":"final","meta":{"lastUpdated":"2026-11-19T18:00:00Z"},"code":{"coding":[{"system":"urn:LocalCode","code":"L1"},{"system":"jlac","code":"3A015"}],"text":"アルブミン"},
        "subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-11-19T23:30:00+09:00","valueQuantity":{"value":3.10,"comparator":"<","unit":"g/dL"},
        "interpretation":[{"coding":[{"code":"L"}]}],"referenceRange":[{"low":{"value":4.1},"high":{"value":5.10}}]}"#,
    )?;
    assert_eq!((lab.value.as_deref(), lab.unit.as_deref()), (Some("<3.10"), Some("g/dL")));
    assert_eq!((lab.flag, lab.date), (Some(RecordFlag::Low), Some(date(2026, 11, 19))));
    assert_eq!(lab.detail.as_deref(), Some("基準値 4.1–5.10"));
    assert_eq!(lab.code.map(|c| c.value).as_deref(), Some("3A015"), "a code that others share, before a local one");
    assert_eq!(lab.as_of, "2026-11-20T03:00:00+09:00".parse()?);
    Ok(())
}

#[test]
fn a_blood_pressure_is_two_records_and_a_finding_is_its_words() -> Outcome {
    let intake = read(&[
        r#"{"resourceType":"Observation","id":"bp","code":{"text":"血圧"},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-11-19",
        "component":[{"code":{"text":"収縮期"},"valueQuantity":{"value":128,"unit":"mmHg"}},{"code":{"text":"拡張期"},"valueQuantity":{"value":70,"unit":"mmHg"}}]}"#,
        r#"{"resourceType":"Observation","id":"f","code":{"text":"腹部所見"},"subject":{"reference":"Patient/p1"},"valueString":"平坦、軟"}"#,
        r#"{"resourceType":"Observation","id":"panel","code":{"text":"生化学"},"subject":{"reference":"Patient/p1"},"hasMember":[{"reference":"Observation/bp"}]}"#,
    ])?;
    let read: Vec<(&str, Option<&str>)> =
        intake.patients[0].records.iter().map(|r| (r.text.as_str(), r.value.as_deref())).collect();
    assert_eq!(read, [("血圧 収縮期", Some("128")), ("血圧 拡張期", Some("70")), ("腹部所見", Some("平坦、軟"))]);
    Ok(())
}

#[test]
fn a_prescription_shows_one_dose_and_tells_the_rest() -> Outcome {
    let rx = only(
        r##"{"resourceType":"MedicationRequest","status":"completed","contained":[{"resourceType":"Medication","id":"m","code":{"coding":[{"system":"yj","code":"Y1","display":"架空錠5mg"}]}}],
        "medicationReference":{"reference":"#m"},"subject":{"identifier":{"system":"urn:oid:1.2.392.100495.20.3.51.14012345678","value":"0004711"}},"authoredOn":"2026-11-01",
        "dosageInstruction":[{"text":"１日１回朝食後","doseAndRate":[{"doseQuantity":{"value":1,"unit":"錠"}}]}],
        "dispenseRequest":{"quantity":{"value":28,"unit":"錠"},"expectedSupplyDuration":{"value":28,"unit":"日"}}}"##,
    )?;
    assert_eq!((rx.class, rx.text.as_str()), (DataClass::Rx, "架空錠5mg"));
    assert_eq!((rx.value.as_deref(), rx.unit.as_deref()), (Some("1"), Some("錠")));
    assert_eq!(rx.detail.as_deref(), Some("１日１回朝食後 / 28日分 / 総量 28錠"));
    assert_eq!((rx.flag, rx.date), (None, Some(date(2026, 11, 1))));
    Ok(())
}

#[test]
fn a_document_carries_its_whole_text_and_its_patient_to_what_names_nobody() -> Outcome {
    let text = bundle(
        "document",
        &[
            r#"{"resourceType":"Composition","identifier":{"system":"doc","value":"D1"},"status":"final","title":"退院時サマリー","date":"2026-11-10","subject":{"reference":"urn:uuid:2"},"author":[{"reference":"Practitioner/d","display":"作成者"},{"reference":"Organization/o"}],
            "section":[{"title":"経過","text":{"div":"<div><p>良好</p><p>A &amp; B</p></div>"}},{"title":"空"}]}"#,
            r#"{"resourceType":"Encounter","class":{"code":"IMP"},"period":{"start":"2026-10-01","end":"2026-11-10"},"location":[{"location":{"display":"5東病棟"}}]}"#,
            PATIENT,
            r#"{"resourceType":"DocumentReference","description":"経過表","content":[{"attachment":{"contentType":"application/pdf","url":"x"}}]}"#,
            r#"{"resourceType":"FamilyMemberHistory","status":"completed"}"#,
            r#"{"resourceType":"Practitioner","id":"d","name":[{"text":"架空 医師"}]}"#,
            r#"{"resourceType":"Organization","id":"o","name":"つばき中央病院"}"#,
        ],
    );
    let intake = read_fhir_json(&hospital(), text.as_bytes())?;
    assert_eq!(intake.skipped, []);
    let records = &intake.patients[0].records;
    assert_eq!(records[0].body.as_deref(), Some("【経過】\n良好\nA & B"));
    assert_eq!(records[0].source_key, "Composition|doc|D1");
    assert_eq!(records[0].detail.as_deref(), Some("作成 架空 医師 / つばき中央病院"));
    assert_eq!((records[1].text.as_str(), records[1].detail.as_deref()), ("入院", Some("〜2026-11-10 / 5東病棟")));
    assert!(records[2].detail.as_deref().is_some_and(|d| d.contains("application/pdf")));
    Ok(())
}

#[test]
fn an_injection_and_a_report_are_read() -> Outcome {
    let injection = only(
        r#"{"resourceType":"MedicationAdministration","status":"completed","medicationCodeableConcept":{"text":"架空注1g"},"subject":{"reference":"Patient/p1"},
        "effectivePeriod":{"start":"2026-11-02T10:00:00+09:00"},"dosage":{"text":"点滴","dose":{"value":1.0,"unit":"g"}}}"#,
    )?;
    assert_eq!((injection.class, injection.value.as_deref()), (DataClass::Inj, Some("1.0")));
    let report = only(
        r#"{"resourceType":"DiagnosticReport","status":"final","code":{"text":"胸部X線"},"subject":{"reference":"Patient/p1"},"issued":"2026-11-03T10:00:00+09:00","conclusion":"心拡大なし"}"#,
    )?;
    assert_eq!((report.class, report.body.as_deref()), (DataClass::Document, Some("心拡大なし")));
    Ok(())
}

#[test]
fn one_bad_resource_is_set_aside_and_the_rest_goes_on() -> Outcome {
    let good = r#"{"resourceType":"Condition","id":"c","code":{"text":"心不全"},"subject":{"reference":"Patient/p1"}}"#;
    let intake = read(&[
        r#"{"resourceType":"Condition","code":{"text":7},"subject":{"reference":"Patient/p1"}}"#,
        r#"{"resourceType":"Condition","code":{"text":"甲"},"subject":{"reference":"Patient/unknown"}}"#,
        r#"{"resourceType":"Condition","code":{"text":"乙"}}"#,
        r#"{"resourceType":"Procedure","subject":{"reference":"Patient/p1"}}"#,
        good,
    ])?;
    let places: Vec<&str> = intake.skipped.iter().map(|s| s.place.as_str()).collect();
    assert_eq!(places, ["entry[1] Condition", "entry[2] Condition", "entry[3] Condition", "entry[4] Procedure"]);
    assert_eq!(intake.patients[0].records.len(), 1);
    Ok(())
}

#[test]
fn lines_of_a_bulk_export_find_their_patient_on_another_line() -> Outcome {
    let condition = r#"{"resourceType":"Condition","id":"c","code":{"text":"心不全"},"subject":{"reference":"Patient/p1"},"recordedDate":"2026-01-02"}"#;
    let text = format!("{condition}\n\nnot json\n{}\n{}\n", PATIENT.replace('\n', " "), bundle("collection", &[]));
    let intake = read_fhir_ndjson(&hospital(), text.as_bytes())?;
    assert_eq!(intake.patients.len(), 1);
    assert_eq!(intake.patients[0].records[0].as_of, "2026-01-02T00:00:00+09:00".parse()?);
    assert_eq!(intake.skipped.len(), 1);
    assert_eq!(intake.skipped[0].place, "line 3");
    Ok(())
}

#[test]
fn what_is_no_fhir_is_an_error_that_says_what_to_do() {
    let error = |text: &str| read_fhir_json(&hospital(), text.as_bytes()).err();
    assert_eq!(error("{}"), Some(IntakeError::NotFhir));
    assert_eq!(error("[1]"), Some(IntakeError::NotFhir));
    assert!(matches!(error("{\"resourceType\":\"Bundle\","), Some(IntakeError::NotJson { line: 1, .. })));
    assert_eq!(read_fhir_json(&hospital(), b"\xff\xfe{").err(), Some(IntakeError::NotUtf8));
}
