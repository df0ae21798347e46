//! Whatever arrives: an answer or an error, never a panic, and never a patient's words in the error.

use intake::{IntakeError, read_fhir_json, read_fhir_ndjson, read_ssmix2};
use proptest::prelude::*;
use record::FacilityId;

const BUNDLE: &str = r##"{"resourceType":"Bundle","type":"document","timestamp":"2026-11-20T10:00:00+09:00","entry":[
{"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:oid:1.2.392.100495.20.3.51.14000000000","value":"77"}],"name":[{"text":"秘田 花子"}],"birthDate":"1940-02-03"}},
{"resource":{"resourceType":"Composition","title":"手紙","subject":{"reference":"urn:uuid:p"},"section":[{"title":"目的","text":{"div":"<div>秘田&amp;様<br/>の件</div>"},"section":[{"text":{"div":"<p>奥</p>"}}]}]}},
{"resource":{"resourceType":"Observation","contained":[{"resourceType":"Specimen","id":"s"}],"code":{"text":"検査"},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":3.90,"unit":"g"},"component":[{"code":{"text":"部分"},"valueString":"陽性"}]}},
{"resource":{"resourceType":"MedicationRequest","medicationReference":{"reference":"#m"},"contained":[{"resourceType":"Medication","id":"m","code":{"text":"薬"}}],"subject":{"reference":"#x"}}},
{"resource":{"resourceType":"DocumentReference","description":"経過","subject":{"reference":"urn:uuid:p"},"content":[{"attachment":{"contentType":"text/plain","data":"44Gk44Gk44GY"}}]}}]}"##;

const NAME: &str = "77_20261120_OML-11_0000123_20261120101112345_01_1";
const MESSAGE: &str = "MSH|^~\\&|H|S|G|R|20261120101112||OUL^R22^OUL_R22|1|P|2.5||||||~ISO IR87||ISO 2022-1994\rPID|1||77||秘田^花子^^^^^L^I~ヒミダ^ハナコ^^^^^L^P||19400203|F\rSPM|1|||023^血清^JC10|||||||||||||202611200900\rOBR|1|1|1|3^生化学^JC10|||202611200900\rOBX|1|NM|3A01^アルブミン^JC10||3.90|10^4/μL^10^4/μL^99X|4.1\\T\\5|L|||F\rORC|NW|1|2|3\rRXE||1^薬^HOT7|1||TAB^錠^M\rRXC|A|2^注射^HOT7|5|ML^mL^M\rAL1|1|DA^薬^H|1^卵^X\rPRB|AD|20261120|1^心不全^M|9";

fn hospital() -> FacilityId {
    "hospital".parse().expect("the id is well formed")
}

fn read_all(bytes: &[u8], name: &str) -> Vec<Option<IntakeError>> {
    let hospital = hospital();
    vec![
        read_fhir_json(&hospital, bytes).err(),
        read_fhir_ndjson(&hospital, bytes).err(),
        read_ssmix2(&hospital, name, bytes).err(),
    ]
}

fn jis(text: &str) -> Vec<u8> {
    encoding_rs::ISO_2022_JP.encode(text).0.into_owned()
}

#[test]
fn a_sample_without_a_fault_is_read() -> Result<(), IntakeError> {
    let bundle = read_fhir_json(&hospital(), BUNDLE.as_bytes())?;
    assert_eq!(bundle.skipped.len(), 1, "only the prescription for nobody");
    assert_eq!(bundle.patients[0].records.len(), 4);
    let message = read_ssmix2(&hospital(), NAME, &jis(MESSAGE))?;
    assert_eq!(message.patients[0].records.len(), 1);
    Ok(())
}

#[test]
fn every_byte_flipped_and_every_cut_gives_an_answer() {
    for sample in [BUNDLE.as_bytes().to_vec(), jis(MESSAGE), MESSAGE.as_bytes().to_vec()] {
        for at in 0..sample.len() {
            for bit in [0x01, 0x08, 0x20, 0x80] {
                let mut changed = sample.clone();
                changed[at] ^= bit;
                read_all(&changed, NAME);
            }
            read_all(&sample[..at], NAME);
        }
    }
}

#[test]
fn every_kind_takes_every_segment() {
    for kind in ["ADT-00", "ADT-12", "ADT-22", "ADT-52", "ADT-61", "OML-11", "OMP-01", "OMP-02", "OMP-12", "PPR-01"] {
        let name = NAME.replace("OML-11", kind);
        assert!(read_ssmix2(&hospital(), &name, &jis(MESSAGE)).is_ok(), "{kind}");
        for fields in 0..40 {
            let padded = MESSAGE.replace('|', &"|".repeat(fields + 1)).replacen(&"|".repeat(fields + 1), "|", 20);
            read_all(padded.as_bytes(), &name);
        }
    }
}

#[test]
fn limits_hold_before_anything_is_parsed() {
    let deep = "[".repeat(100_000);
    assert_eq!(read_fhir_json(&hospital(), deep.as_bytes()).err(), Some(IntakeError::TooDeep { limit: 64 }));
    let large = vec![b' '; intake::MAX_FILE_BYTES + 1];
    for error in read_all(&large, NAME) {
        assert_eq!(error, Some(IntakeError::TooLarge { limit_mib: 16 }));
    }
}

#[test]
fn a_file_of_nothing_but_faults_is_listed_up_to_a_limit() -> Result<(), IntakeError> {
    let entries = "{},".repeat(200_000);
    let bundle = format!(r#"{{"resourceType":"Bundle","entry":[{entries}{{}}]}}"#);
    let intake = read_fhir_json(&hospital(), bundle.as_bytes())?;
    assert_eq!(intake.skipped.len(), intake::MAX_SKIPPED + 1);
    let note = r#"{"text":"長い所見"},"#.repeat(20_000);
    let long = format!(
        r#"{{"resourceType":"Bundle","type":"document","entry":[{{"resource":{{"resourceType":"Patient","identifier":[{{"system":"x","value":"77"}}]}}}},{{"resource":{{"resourceType":"Condition","code":{{"text":"心不全"}},"note":[{note}{{"text":"{}"}}]}}}}]}}"#,
        "終".repeat(9000)
    );
    let intake = read_fhir_json(&hospital(), long.as_bytes())?;
    let detail = intake.patients[0].records[0].detail.clone().unwrap_or_default();
    assert!(detail.starts_with("長い所見 / 終") && detail.ends_with('…') && detail.len() < 2100);
    Ok(())
}

#[test]
fn no_error_repeats_a_patients_words_or_number() {
    let broken = [
        BUNDLE.replace("\"type\":\"document\"", "\"type\":\"秘田"),
        BUNDLE.replace("3.90", "{\"秘田\":[}"),
        BUNDLE.replace("\"text\":\"検査\"", "\"text\":{\"秘田\":1}"),
        MESSAGE.replace("MSH|", "秘田|"),
        MESSAGE.replace("||77||", "||秘田||"),
        "{\"resourceType\":5,\"name\":\"秘田\"}".to_owned(),
        "秘田".to_owned(),
    ];
    for text in broken {
        for bytes in [text.as_bytes().to_vec(), jis(&text)] {
            for error in read_all(&bytes, NAME).into_iter().chain(read_all(&bytes, "秘田_77_x")) {
                let said = error.map(|error| format!("{error} {error:?}")).unwrap_or_default();
                assert!(!said.contains("秘田") && !said.contains("77"), "{said}");
            }
            if let Ok(intake) = read_fhir_json(&hospital(), &bytes) {
                assert!(!format!("{:?}", intake.skipped).contains("秘田"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..600), name in ".{0,80}") {
        read_all(&bytes, &name);
        read_all(&bytes, NAME);
    }

    #[test]
    fn any_segments_give_an_answer(lines in proptest::collection::vec("(PID|OBX|RXE|RXC|TQ1|AL1|PRB|ORC|SPM|PV1)[|^~&\\\\0-9\"あ語A-Z.]{0,60}", 0..12), kind in 0_usize..4) {
        let kinds = ["OML-11", "OMP-02", "PPR-01", "ADT-00"];
        let text = format!("MSH|^~\\&|H\rPID|1||77\r{}", lines.join("\r"));
        let name = NAME.replace("OML-11", kinds[kind]);
        prop_assert!(read_ssmix2(&hospital(), &name, text.as_bytes()).is_ok());
    }

    #[test]
    fn any_json_in_a_resource_gives_an_answer(value in "[\\[\\]{}\":,0-9a-zあ]{0,60}", key in "(code|subject|section|valueQuantity|identifier|meta|contained|name|note|effectiveDateTime)") {
        let text = format!("{{\"resourceType\":\"Observation\",\"{key}\":{value}}}");
        read_all(text.as_bytes(), NAME);
    }
}
