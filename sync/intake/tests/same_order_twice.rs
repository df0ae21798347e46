//! One hospital sends one order as FHIR and as SS-MIX2: what both intakes read is shown once. Samples are our own.

use intake::{read_fhir_json, read_ssmix2};
use record::patient::Sex;
use record::{DataClass, DisclosedRecord, Patient, PatientSummary, SummaryItem};

/// When the FHIR delivery was last changed: after the SS-MIX2 file.
const LATER: &str = "2026-11-20T12:00:00+09:00";

type Outcome = Result<(), Box<dyn std::error::Error>>;

const HEADER: &str = "MSH|^~\\&|HIS|SEND|GW|RCV|20261120101500||X^X^X|1|P|2.5||||||~ISO IR87||ISO 2022-1994\rPID|1||000815||仮山^花子^^^^^L^I~ｶﾘﾔﾏ^ﾊﾅｺ^^^^^L^P||19350909|F\r";

const PRESCRIPTION: &str = "ORC|NW|000123|000124|000123_01_001\r\
    RXE||103835401^架空錠５ｍｇ^HOT9|1||TAB^錠^MR9P|TAB^錠剤^MR9P||||14|TAB^錠^MR9P||||||||1^TAB&錠&MR9P\r\
    TQ1|1||1011000400000000&１日１回朝食後&JAMISDP01|||14^d|20261120\r\
    ORC|NW|000123|000124|000123_02_001\r\
    RXE||103835401^架空錠５ｍｇ^HOT9|1||TAB^錠^MR9P|TAB^錠剤^MR9P||||7|TAB^錠^MR9P||||||||1^TAB&錠&MR9P\r\
    TQ1|1||1011100400000000&１日１回就寝前&JAMISDP01|||7^d|20261120";

const RESULTS: &str = "SPM|1|||023^血清^JC10|||||||||||||202611200730\r\
    OBR|1|1|1|3^生化学^JC10|||202611200800\r\
    OBX|1|NM|3A015000002327101^アルブミン^JC10||3.10|g/dL^g/dL^99X|4.1-5.1|L|||F\r\
    OBX|2|NM|3H015000002327101^カリウム^JC10||4.0|mEq/L|||||F";

fn ss_mix2(kind: &str, body: &str) -> Result<Vec<DisclosedRecord>, Box<dyn std::error::Error>> {
    let bytes = encoding_rs::ISO_2022_JP.encode(&format!("{HEADER}{body}")).0.into_owned();
    let name = format!("000815_20261120_{kind}_000000000000123_20261120101112345_01_1");
    let mut intake = read_ssmix2(&"tsubaki".parse()?, &name, &bytes)?;
    assert_eq!(intake.skipped, []);
    Ok(intake.patients.remove(0).records)
}

fn medication(line: u8, usage: &str, days: u8) -> String {
    format!(
        r#"{{"resourceType":"MedicationRequest","meta":{{"lastUpdated":"{LATER}"}},"status":"active","intent":"order","subject":{{"reference":"Patient/p1"}},
        "identifier":[{{"system":"urn:oid:1.2.392.100495.20.3.81","value":"1"}},{{"system":"urn:oid:1.2.392.100495.20.3.82","value":"{line}"}}],
        "medicationCodeableConcept":{{"text":"架空錠5mg","coding":[{{"system":"urn:oid:1.2.392.200119.4.403.1","code":"103835401","display":"架空錠5mg"}}]}},
        "authoredOn":"2026-11-20",
        "dosageInstruction":[{{"text":"{usage}","doseAndRate":[{{"doseQuantity":{{"value":1,"unit":"錠"}}}}]}}],
        "dispenseRequest":{{"quantity":{{"value":{days},"unit":"錠"}},"expectedSupplyDuration":{{"value":{days},"unit":"日"}}}}}}"#
    )
}

fn observation(text: &str, code: &str, value: &str, unit: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","meta":{{"lastUpdated":"{LATER}"}},"status":"final","subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"2026-11-20T07:30:00+09:00",
        "code":{{"text":"{text}"{code}}},"valueQuantity":{{"value":{value},"unit":"{unit}"}}}}"#
    )
}

fn fhir(facility: &str, resources: &[String]) -> Result<Vec<DisclosedRecord>, Box<dyn std::error::Error>> {
    let patient = r#"{"resource":{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:oid:1.2.392.100495.20.3.51.14012345678","value":"000815"}],"name":[{"text":"仮山 花子"}]}}"#;
    let entries: Vec<String> = resources.iter().map(|resource| format!(r#"{{"resource":{resource}}}"#)).collect();
    let bundle =
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{patient},{}]}}"#, entries.join(","));
    let mut intake = read_fhir_json(&facility.parse()?, bundle.as_bytes())?;
    assert_eq!(intake.skipped, []);
    Ok(intake.patients.remove(0).records)
}

fn summary(records: Vec<DisclosedRecord>) -> Result<PatientSummary, Box<dyn std::error::Error>> {
    let patient = Patient {
        id: "p-1".parse()?,
        name: "仮山 花子".into(),
        kana: "カリヤマ ハナコ".into(),
        birth_date: None,
        sex: Sex::Female,
        address: None,
        phone: None,
        local_ids: Vec::new(),
    };
    Ok(PatientSummary::new(patient, records, Vec::new()))
}

fn said(items: &[SummaryItem]) -> Vec<(&str, Option<&str>, Option<&str>, u16)> {
    items.iter().map(|i| (i.text.as_str(), i.value.as_deref(), i.unit.as_deref(), i.also)).collect()
}

#[test]
fn a_prescription_of_two_lines_in_both_formats_is_two_lines_of_the_later_delivery() -> Outcome {
    let lines = [medication(2, "1日1回就寝前", 7), medication(1, "1日1回朝食後", 14)];
    let mut records = ss_mix2("OMP-01", PRESCRIPTION)?;
    assert!(records.iter().all(|r| r.class == DataClass::Rx && r.value.as_deref() == Some("1")));
    records.extend(fhir("tsubaki", &lines)?);
    assert_eq!(records.len(), 4);
    let shown = summary(records.clone())?.prescriptions;
    assert_eq!(said(&shown), [("架空錠5mg", Some("1"), Some("錠"), 1), ("架空錠5mg", Some("1"), Some("錠"), 1)]);
    let usage: Vec<_> = shown.iter().filter_map(|i| i.detail.as_deref()?.split(" / ").next()).collect();
    assert!(usage.contains(&"1日1回朝食後") && usage.contains(&"1日1回就寝前"), "{usage:?}");

    // What only one of them says stays.
    records.pop();
    assert_eq!(summary(records)?.prescriptions.len(), 2);
    Ok(())
}

#[test]
fn the_same_drug_of_another_hospital_stays_another_line() -> Outcome {
    let mut records = ss_mix2("OMP-01", PRESCRIPTION)?;
    let lines = [medication(1, "1日1回朝食後", 14), medication(2, "1日1回就寝前", 7)];
    records.extend(fhir("yanagi", &lines)?);
    assert_eq!(summary(records)?.prescriptions.len(), 4);
    Ok(())
}

#[test]
fn a_result_in_both_formats_is_one_point_and_a_differing_one_two() -> Outcome {
    let coding = r#","coding":[{"system":"urn:oid:1.2.392.200119.4.504","code":"3A015000002327101"}]"#;
    let mut records = ss_mix2("OML-11", RESULTS)?;
    records.extend(fhir(
        "tsubaki",
        &[observation("ALB", coding, "3.10", "g/dL"), observation("カリウム", "", "4.1", "mEq/L")],
    )?);
    let summary = summary(records)?;
    let mut labs = said(&summary.labs);
    labs.sort_unstable();
    let unit = Some("mEq/L");
    assert_eq!(
        labs,
        [
            ("ALB", Some("3.10"), Some("g/dL"), 1),
            ("カリウム", Some("4.0"), unit, 0),
            ("カリウム", Some("4.1"), unit, 0)
        ]
    );
    let series = summary.lab_series();
    assert_eq!(series.iter().map(|s| s.points.len()).sum::<usize>(), 3);
    assert_eq!(series.len(), 2, "the result without a code stands in the series of its words");
    Ok(())
}
