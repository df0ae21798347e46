//! What an SS-MIX2 file says and what a nurse then reads. Samples are our own.

use intake::{Intake, IntakeError, read_ssmix2};
use jiff::civil::date;
use record::patient::Sex;
use record::{DataClass, DisclosedRecord, FacilityId, RecordFlag};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const HEADER: &str = "MSH|^~\\&|HIS|SEND|GW|RCV|20261120101500||X^X^X|1|P|2.5||||||~ISO IR87||ISO 2022-1994\rPID|1||000815||髙橋^トメ^^^^^L^I~ﾀｶﾊｼ^ﾄﾒ^^^^^L^P||19350909|F|||^^^^830-0000^JPN^H^福岡県架空市99丁目8番||^PRN^PH^^^^^^^^^000-0000-0002\r";

fn read_as(kind: &str, day: &str, flag: u8, segments: &[&str]) -> Result<Intake, IntakeError> {
    let text = format!("{HEADER}{}", segments.join("\r"));
    let bytes = encoding_rs::ISO_2022_JP.encode(&text).0.into_owned();
    let name = format!("000815_{day}_{kind}_000000000000123_20261120101112345_01_{flag}");
    read_ssmix2(&"yanagi".parse::<FacilityId>().expect("the id is well formed"), &name, &bytes)
}

fn records(kind: &str, segments: &[&str]) -> Result<Vec<DisclosedRecord>, IntakeError> {
    let mut intake = read_as(kind, "20261120", 1, segments)?;
    assert_eq!(intake.skipped, []);
    Ok(intake.patients.remove(0).records)
}

#[test]
fn adt_00_gives_the_person_their_measures_and_allergies() -> Outcome {
    let mut intake = read_as(
        "ADT-00",
        "-",
        1,
        &[
            "DB1|1|PT||Y",
            "OBX|1|NM|9N01^身長^JC10||148.5|cm^cm^ISO+|||||F",
            "OBX|2|CWE|5H01^血液型^JC10||A^A型^X||||||F",
            "AL1|1|DA^薬物アレルギー^HL70127|12^架空マイシン^99XYZ|SV|発疹",
        ],
    )?;
    let patient = intake.patients.remove(0);
    let person = patient.demographics;
    assert_eq!(
        (person.local_id.as_str(), person.name.as_str(), person.kana.as_str()),
        ("000815", "髙橋 トメ", "タカハシ トメ")
    );
    assert_eq!((person.birth_date, person.sex), (Some(date(1935, 9, 9)), Sex::Female));
    assert_eq!(person.address.as_deref(), Some("福岡県架空市99丁目8番"));
    assert_eq!(person.phone.as_deref(), Some("000-0000-0002"));
    let read: Vec<_> = patient.records.iter().map(|r| (r.class, r.text.as_str(), r.value.as_deref())).collect();
    assert_eq!(
        read,
        [
            (DataClass::Allergy, "架空マイシン", None),
            (DataClass::Lab, "身長", Some("148.5")),
            (DataClass::Lab, "血液型", Some("A型")),
        ]
    );
    let allergy = &patient.records[0];
    assert_eq!(allergy.flag, Some(RecordFlag::Contraindicated));
    assert_eq!(allergy.detail.as_deref(), Some("薬物アレルギー / 重度 / 反応 発疹"));
    Ok(())
}

#[test]
fn an_allergy_repeated_in_an_order_has_the_key_it_has_in_adt_00_and_adt_61() -> Outcome {
    let al1 = "AL1|1|DA^薬^H|12^架空マイシン^99XYZ";
    let of = |kind: &str, segment: &str| records(kind, &[segment]).map(|r| r[0].source_key.clone());
    let key = of("ADT-00", al1)?;
    assert_eq!(of("OMP-01", al1)?, key);
    assert_eq!(of("ADT-61", "IAM|1|DA^薬^H|12^架空マイシン^99XYZ|||A|")?, key);
    let none = records("ADT-61", &["IAM|1|DA|^なし"])?;
    assert_eq!(none[0].flag, Some(RecordFlag::NoneKnown));
    assert!(records("ADT-61", &["IAM|1|DA^薬^H|12^架空マイシン^99XYZ|||D|"])?[0].deleted);
    Ok(())
}

#[test]
fn a_result_keeps_value_unit_flag_range_and_sampling_day() -> Outcome {
    let labs = records(
        "OML-11",
        &[
            "SPM|1|||023^血清^JC10|||||||||||||202611190730",
            "OBR|1|1|1|3^生化学^JC10|||202611190800",
            "OBX|1|NM|3A01^アルブミン^JC10||3.10|g/dL^g/dL^99X|4.1-5.1|L|||F",
            "OBX|2|NM|2A02^赤血球数^JC10||401|10^4/μL^10^4/μL^99X|||||F",
            "OBX|3|SN|5C07^CRP^JC10||<^0.04|mg/dL|||||F",
            "OBX|4|NM|3H01^カリウム^JC10||6.8|mEq/L||HH|||C",
            "OBX|5|NM|9Z01^血小板^JC10||18|10^4/μL|||||D",
        ],
    )?;
    assert_eq!((labs[0].value.as_deref(), labs[0].unit.as_deref()), (Some("3.10"), Some("g/dL")));
    assert_eq!((labs[0].flag.clone(), labs[0].date), (Some(RecordFlag::Low), Some(date(2026, 11, 19))));
    assert_eq!(labs[0].detail.as_deref(), Some("基準値 4.1-5.1 / 検体 血清"));
    assert_eq!(labs[1].unit.as_deref(), Some("10^4/μL"));
    assert_eq!(labs[2].value.as_deref(), Some("<0.04"));
    assert_eq!(labs[3].flag, Some(RecordFlag::Critical));
    assert!(labs[4].deleted);
    assert_eq!(labs[4].unit.as_deref(), Some("10^4/μL"));
    Ok(())
}

#[test]
fn a_prescription_shows_one_dose_usage_days_and_total() -> Outcome {
    let intake = read_as(
        "OMP-01",
        "20261120",
        1,
        &[
            "ORC|NW|000123|000124|000123_01_001",
            "RXE||1070001^架空錠5mg^HOT7|2||TAB^錠^MR9P|TAB^錠剤^MR9P||||56|TAB^錠^MR9P||||||||4^TAB&錠&MR9P",
            "TQ1|1||1012040400000000&１日２回朝夕食後&JAMISDP01|||14^d|20261120",
            "RXR|PO^口^HL70162",
            "NTE|1||粉砕",
            "ORC|NW|000123|000124|000123_02_001",
            "RXE||1070002^架空軟膏^HOT7|\"\"||\"\"|CRM^軟膏^MR9P||||1|HON^本^MR9P",
        ],
    )?;
    let patient = &intake.patients[0];
    let [tablet, ointment] = &patient.records[..] else { return Err("two drugs".into()) };
    assert_eq!((tablet.value.as_deref(), tablet.unit.as_deref()), (Some("2"), Some("錠")));
    assert_eq!(tablet.detail.as_deref(), Some("１日２回朝夕食後 / 14日分 / 口 / 1日 4錠 / 総量 56錠 / 粉砕"));
    assert_eq!((ointment.value.as_deref(), ointment.unit.as_deref()), (None, None), "a total is no dose");
    assert_eq!(tablet.source_key, "OMP-01/20261120/000000000000123/000123_01_001/1070001");
    let whole = &patient.stated_in_full[0];
    assert!(whole.class == DataClass::Rx && tablet.source_key.starts_with(&whole.key_prefix));
    Ok(())
}

#[test]
fn an_injection_is_its_components_and_not_the_placeholder_above_them() -> Outcome {
    let mixture = [
        "ORC|NW|000123|000124|000123_01_001",
        "RXE||00^一般^99I02|500||ML^mL^MR9P|INJ^注射剤^MR9P||||500|ML^mL^MR9P",
        "TQ1|1||||||202611211000|202611211200",
        "RXR|IV^静脈内^HL70162",
        "RXC|B|1080001^架空輸液500mL^HOT7|500|ML^mL^MR9P",
        "RXC|A|1080002^架空注1g^HOT7|1|G^g^MR9P",
    ];
    let ordered = records("OMP-02", &mixture)?;
    let read: Vec<_> = ordered.iter().map(|r| (r.text.as_str(), r.value.as_deref(), r.unit.as_deref())).collect();
    assert_eq!(read, [("架空輸液500mL", Some("500"), Some("mL")), ("架空注1g", Some("1"), Some("g"))]);
    assert_eq!(ordered[0].date, Some(date(2026, 11, 21)));
    assert_eq!(ordered[0].detail.as_deref(), Some("11/21 10:00〜11/21 12:00 / 静脈内"));
    let given =
        records("OMP-12", &["ORC|OK|1|2|1_01", "RXA|0|1|202611211010|202611211100|1080002^架空注1g^HOT7|1|G^g^MR9P"])?;
    assert_eq!(
        (given[0].class, given[0].value.as_deref(), given[0].date),
        (DataClass::Inj, Some("1"), Some(date(2026, 11, 21)))
    );
    Ok(())
}

#[test]
fn a_problem_tells_onset_icd_suspicion_and_end() -> Outcome {
    let problems = records(
        "PPR-01",
        &[
            "PRB|AD|20261101|20075591^心不全^MDCDX2|0001|||20261001|20261101||I509^^I10||||||20260915",
            "PRB|AD|20261101|20062221^肺炎の疑い^MDCDX2|0002|||20261001",
            "PRB|AD|20261101|20062221^肺炎^MDCDX2|0003|||20261001||20261020",
            "PRB|AD|20261101|20062222^腎炎^MDCDX2|0004|||20261001",
            "ZPR|1|8002^の疑い",
            "PRB|DE|20261101|20062223^胃炎^MDCDX2|0005|||20261001",
        ],
    )?;
    assert_eq!(
        (problems[0].date, problems[0].flag.clone()),
        (Some(date(2026, 9, 15)), None),
        "an expected end is no end"
    );
    assert_eq!(problems[0].detail.as_deref(), Some("ICD-10 I509"));
    assert_eq!(problems[1].flag, Some(RecordFlag::Suspected));
    assert_eq!(
        (problems[2].flag.clone(), problems[2].detail.as_deref()),
        (Some(RecordFlag::Ended), Some("転帰 2026-10-20"))
    );
    assert_eq!(problems[3].flag, Some(RecordFlag::Suspected));
    assert!(problems[4].deleted);
    assert_eq!(problems[0].source_key, "PPR-01/0001");
    Ok(())
}

#[test]
fn a_stay_is_an_admission_and_a_discharge_with_their_ward() -> Outcome {
    let stay = records("ADT-22", &["PV1|1|I|5E^501^2^^^N|||||||01||||||||||||||||||||||||||||||||||20261120100000"])?;
    assert_eq!(
        (stay[0].text.as_str(), stay[0].detail.as_deref()),
        ("入院", Some("病棟 5E / 病室 501 / 病床 2 / 診療科 01"))
    );
    let end = records("ADT-52", &["PV1|1|I|5E^501^2^^^N||||||||||||||||||||||||||||||||||||||||||20261130100000"])?;
    assert_eq!((end[0].text.as_str(), end[0].date), ("退院", Some(date(2026, 11, 30))));
    let visit = records("ADT-12", &["PV1|1|O|08^^^^^C"])?;
    assert_eq!(
        (visit[0].text.as_str(), visit[0].detail.as_deref(), visit[0].date),
        ("外来", Some("診療科 08"), Some(date(2026, 11, 20)))
    );
    Ok(())
}

#[test]
fn the_condition_flag_deletes_or_says_there_is_nothing_to_apply() -> Outcome {
    let obx = ["OBX|1|NM|3A01^アルブミン^JC10||3.10|g/dL"];
    assert!(read_as("OML-11", "20261120", 0, &obx)?.patients[0].records.iter().all(|r| r.deleted));
    let old = read_as("OML-11", "20261120", 2, &obx).err();
    assert_eq!(old, Some(IntakeError::OldVersion));
    assert!(old.is_some_and(|error| error.is_nothing_to_apply()));
    Ok(())
}

#[test]
fn another_patients_message_under_this_name_is_refused() {
    let name = "000816_20261120_OML-11_1_20261120101112345_01_1";
    let hospital: FacilityId = "yanagi".parse().expect("the id is well formed");
    assert_eq!(read_ssmix2(&hospital, name, HEADER.as_bytes()).err(), Some(IntakeError::PatientMismatch));
    let meals = read_as("OMD-01", "20261120", 1, &[]).err();
    assert_eq!(meals, Some(IntakeError::UnsupportedKind { kind: "OMD-01".to_owned() }));
}

#[test]
fn a_segment_without_its_main_word_is_set_aside_and_the_rest_goes_on() -> Outcome {
    let intake = read_as(
        "OML-11",
        "20261120",
        1,
        &["OBX|1|NM|||3", "OBX|2|ED|1^図^X||AAAA", "torn line", "OBX|3|NM|3A01^アルブミン^JC10||3.1"],
    )?;
    let places: Vec<&str> = intake.skipped.iter().map(|s| s.place.as_str()).collect();
    assert_eq!(places, ["line 5", "OBX 1", "OBX 2"]);
    assert_eq!(intake.patients[0].records.len(), 1);
    Ok(())
}
