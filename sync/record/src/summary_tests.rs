use super::*;
use crate::patient::Sex;
use jiff::civil::date;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const EARLY: &str = "2026-11-20T01:00:00Z";
const LATE: &str = "2026-11-20T09:00:00Z";

fn record(facility: &str, class: DataClass, key: &str, text: &str, as_of: &str) -> DisclosedRecord {
    let facility = facility.parse().expect("the id is well formed");
    let as_of = as_of.parse().expect("the time is well formed");
    DisclosedRecord { date: Some(date(2026, 11, 20)), ..DisclosedRecord::new(facility, class, key, as_of, text) }
}

fn coded(system: &str, value: &str) -> Option<Code> {
    Some(Code { system: system.into(), value: value.into() })
}

/// As `intake` reads it out of a MedicationRequest and out of OMP-01.
fn tablet(as_fhir: bool, detail: &str, as_of: &str) -> DisclosedRecord {
    let (key, system) = if as_fhir {
        (format!("MedicationRequest|order|{detail}"), "urn:oid:1.2.392.200119.4.403.1")
    } else {
        (format!("OMP-01/20261120/000123/{detail}"), "HOT9")
    };
    DisclosedRecord {
        code: coded(system, "103835401"),
        value: Some("1".into()),
        unit: Some("錠".into()),
        detail: Some(detail.into()),
        ..record("tsubaki", DataClass::Rx, &key, "架空錠5mg", as_of)
    }
}

fn albumin(as_fhir: bool, value: &str, as_of: &str) -> DisclosedRecord {
    let key = if as_fhir { "Observation|obs-1" } else { "OML-11/20261120/000124/023/3A015" };
    DisclosedRecord {
        value: Some(value.into()),
        unit: Some("g/dL".into()),
        ..record("tsubaki", DataClass::Lab, key, if as_fhir { "アルブミン" } else { "ｱﾙﾌﾞﾐﾝ" }, as_of)
    }
}

fn summary(records: Vec<DisclosedRecord>) -> Result<PatientSummary, crate::ids::IdError> {
    let patient = Patient {
        id: "p-1".parse()?,
        name: "仮山 花子".into(),
        kana: "カリヤマ ハナコ".into(),
        birth_date: None,
        sex: Sex::Unknown,
        address: None,
        phone: None,
        local_ids: Vec::new(),
    };
    Ok(PatientSummary::new(patient, records, Vec::new()))
}

fn said(items: &[SummaryItem]) -> Vec<(String, Option<&str>, u16)> {
    items.iter().map(|item| (item.as_of.to_string(), item.detail.as_deref(), item.also)).collect()
}

#[test]
fn one_prescription_in_both_formats_is_shown_once_as_the_later_delivery_says_it() -> Outcome {
    for (fhir, ss_mix2, stands) in [(LATE, EARLY, "朝食後 / 14日分"), (EARLY, LATE, "朝 / 14日分 / 総量 14錠")]
    {
        let both = vec![tablet(false, "朝 / 14日分 / 総量 14錠", ss_mix2), tablet(true, "朝食後 / 14日分", fhir)];
        assert_eq!(said(&summary(both)?.prescriptions), [(LATE.to_string(), Some(stands), 1)]);
    }
    Ok(())
}

#[test]
fn prescriptions_of_two_facilities_or_two_days_or_another_quantity_stay_two() -> Outcome {
    let ours = tablet(false, "朝 / 14日分 / 総量 14錠", EARLY);
    let same = tablet(true, "朝 / 14日分 / 総量 14錠", LATE);
    assert!(same_item(&ours, &same));
    let others = [
        DisclosedRecord { facility: "yanagi".parse()?, ..same.clone() },
        DisclosedRecord { date: Some(date(2026, 11, 21)), ..same.clone() },
        DisclosedRecord { value: Some("2".into()), ..same.clone() },
        DisclosedRecord { value: Some("1.0".into()), ..same.clone() },
        DisclosedRecord { unit: Some("mg".into()), ..same.clone() },
        DisclosedRecord { code: coded("HOT9", "103835402"), ..same.clone() },
        DisclosedRecord { detail: Some("朝 / 28日分 / 総量 28錠".into()), ..same.clone() },
        DisclosedRecord { class: DataClass::Inj, ..same.clone() },
        DisclosedRecord { flag: Some(RecordFlag::Ended), ..same.clone() },
        DisclosedRecord { source_key: "MedicationDispense|1".into(), ..same.clone() },
    ];
    for other in others {
        assert_eq!(shown_once(vec![ours.clone(), other.clone()]).len(), 2, "{other:?}");
    }
    Ok(())
}

#[test]
fn a_tablet_in_the_morning_and_one_at_bedtime_stay_two_in_one_format_and_in_both() -> Outcome {
    let ss_mix2 = [tablet(false, "朝", EARLY), tablet(false, "就寝前", LATE)];
    let fhir = [tablet(true, "1日1回就寝前", "2026-11-20T05:00:00Z"), tablet(true, "1日1回朝", "2026-11-20T05:00:00Z")];
    assert_eq!(summary(ss_mix2.to_vec())?.prescriptions.len(), 2);
    // Mixed, one of the two could stand twice and the other not at all.
    let both = summary([ss_mix2.to_vec(), fhir.to_vec()].concat())?.prescriptions;
    assert_eq!(said(&both), [(LATE.to_string(), Some("就寝前"), 1), (EARLY.to_string(), Some("朝"), 1)]);
    // Said twice here and once there, nobody knows which one that is.
    let uneven = summary([&ss_mix2[..], &fhir[..1]].concat())?.prescriptions;
    assert_eq!(uneven.iter().map(|item| item.also).collect::<Vec<_>>(), [0, 0, 0]);
    Ok(())
}

#[test]
fn two_quantities_of_one_drug_find_each_its_own_other_delivery() -> Outcome {
    let all = vec![
        tablet(false, "朝 / 7日分", EARLY),
        tablet(false, "朝 / 14日分", EARLY),
        tablet(true, "毎朝 / 14日分", LATE),
        tablet(true, "毎朝 / 7日分", LATE),
    ];
    let shown = summary(all)?.prescriptions;
    let mut details: Vec<_> = shown.iter().filter_map(|item| item.detail.as_deref()).collect();
    details.sort_unstable();
    assert_eq!(details, ["毎朝 / 14日分", "毎朝 / 7日分"]);
    Ok(())
}

#[test]
fn a_result_without_a_code_on_one_side_is_found_by_its_words_and_keeps_its_flag() -> Outcome {
    let mut ss_mix2 = albumin(false, "3.10", EARLY);
    ss_mix2.code = coded("JC10", "3A015");
    ss_mix2.flag = Some(RecordFlag::Low);
    let fhir = albumin(true, "3.10", LATE);
    let labs = summary(vec![ss_mix2.clone(), fhir.clone()])?.labs;
    assert_eq!(labs.len(), 1);
    assert_eq!((labs[0].as_of.to_string().as_str(), labs[0].also), (LATE, 1));
    assert_eq!(labs[0].flag, Some(RecordFlag::Low), "Low must not vanish with the earlier delivery");
    let rounded = albumin(true, "3.1", LATE);
    assert_eq!(summary(vec![ss_mix2.clone(), rounded])?.labs.len(), 2, "a value is never re-read");
    let contradicting = DisclosedRecord { flag: Some(RecordFlag::High), ..fhir };
    assert_eq!(summary(vec![ss_mix2, contradicting])?.labs.len(), 2);
    Ok(())
}

#[test]
fn words_that_stand_for_two_codes_are_joined_with_neither() -> Outcome {
    let code = |value: &str, key: &str| DisclosedRecord {
        code: coded("JC10", value),
        source_key: key.into(),
        ..albumin(false, "1+", EARLY)
    };
    let three = vec![code("1A010", "OML-11/a"), code("1A011", "OML-11/b"), albumin(true, "1+", LATE)];
    assert_eq!(summary(three)?.labs.len(), 3);
    Ok(())
}

#[test]
fn an_allergy_with_another_reaction_is_never_hidden() -> Outcome {
    let allergy = |key: &str, detail: &str| DisclosedRecord {
        date: None,
        detail: Some(detail.into()),
        ..record("tsubaki", DataClass::Allergy, key, "架空マイシン", EARLY)
    };
    let two = vec![allergy("allergy/DA/12", "反応 発疹"), allergy("AllergyIntolerance|i|12", "アナフィラキシー")];
    assert_eq!(summary(two)?.allergies.len(), 2);
    let one = vec![allergy("allergy/DA/12", "反応 発疹"), allergy("AllergyIntolerance|i|12", "反応 発疹")];
    assert_eq!(summary(one)?.allergies.len(), 1);
    Ok(())
}

#[test]
fn none_known_is_a_statement_and_not_recorded_is_a_gap() -> Outcome {
    assert_eq!(summary(Vec::new())?.allergy_knowledge, AllergyKnowledge::NotRecorded);
    let none = DisclosedRecord {
        flag: Some(RecordFlag::NoneKnown),
        ..record("tsubaki", DataClass::Allergy, "allergy/DA/none", "なし", EARLY)
    };
    assert_eq!(summary(vec![none.clone()])?.allergy_knowledge, AllergyKnowledge::NoneKnown);
    let deleted = DisclosedRecord { deleted: true, ..none.clone() };
    assert_eq!(summary(vec![deleted])?.allergy_knowledge, AllergyKnowledge::NotRecorded);
    let other = record("yanagi", DataClass::Allergy, "allergy/DA/12", "架空マイシン", EARLY);
    let both = summary(vec![none, other])?;
    assert_eq!((both.allergy_knowledge, both.allergies.len()), (AllergyKnowledge::Recorded, 2));
    Ok(())
}

#[test]
fn every_item_says_whose_it_is_and_the_latest_comes_first() -> Outcome {
    let older = DisclosedRecord { date: Some(date(2026, 10, 1)), ..tablet(false, "朝", LATE) };
    let undated = DisclosedRecord { date: None, ..tablet(false, "昼", LATE) };
    let theirs = DisclosedRecord { facility: "yanagi".parse()?, ..tablet(false, "夕", EARLY) };
    let shown = summary(vec![undated, older, theirs, tablet(false, "朝", EARLY)])?.prescriptions;
    let whose: Vec<_> = shown.iter().map(|i| (i.facility.as_str(), i.date)).collect();
    let (october, november) = (Some(date(2026, 10, 1)), Some(date(2026, 11, 20)));
    assert_eq!(whose[2..], [("tsubaki", october), ("tsubaki", None)]);
    assert!(whose[..2].contains(&("yanagi", november)) && whose[..2].contains(&("tsubaki", november)));
    Ok(())
}

#[test]
fn a_lab_series_is_one_facilitys_item_in_one_unit_latest_first_as_received() -> Outcome {
    let on = |day, value: &str| DisclosedRecord {
        date: Some(date(2026, 11, day)),
        source_key: format!("OML-11/202611{day}/1/023/3A015"),
        ..albumin(false, value, EARLY)
    };
    let labs = vec![
        on(1, "3.90"),
        DisclosedRecord { code: coded("JC10", "3A015"), flag: Some(RecordFlag::Low), ..on(15, "3.10") },
        on(20, "検査不能"),
        DisclosedRecord { unit: Some("g/L".into()), ..on(18, "31") },
        DisclosedRecord { facility: "yanagi".parse()?, ..on(10, "3.5") },
    ];
    let series = summary(labs)?.lab_series();
    let points = |at: usize| -> Vec<(Option<i8>, Option<&str>)> {
        series[at].points.iter().map(|p| (p.date.map(|d| d.day()), p.value.as_deref())).collect()
    };
    assert_eq!(series.len(), 3);
    assert_eq!(points(0), [(Some(20), Some("検査不能")), (Some(15), Some("3.10")), (Some(1), Some("3.90"))]);
    assert_eq!((series[0].unit.as_deref(), series[0].points[1].flag.clone()), (Some("g/dL"), Some(RecordFlag::Low)));
    assert_eq!(series[0].code, coded("JC10", "3A015"));
    assert_eq!((series[1].unit.as_deref(), points(1)), (Some("g/L"), vec![(Some(18), Some("31"))]));
    assert_eq!(series[2].facility.as_str(), "yanagi");
    Ok(())
}

#[test]
fn what_stands_alone_has_the_json_it_always_had() -> Outcome {
    let shown = summary(vec![tablet(false, "朝", EARLY)])?;
    let json = serde_json::to_value(&shown.prescriptions[0])?;
    assert_eq!(json.get("also"), None);
    let twice = summary(vec![tablet(false, "朝", EARLY), tablet(true, "朝", LATE)])?;
    assert_eq!(serde_json::to_value(&twice.prescriptions[0])?.get("also"), Some(&serde_json::json!(1)));
    Ok(())
}

#[test]
fn ten_thousand_lines_without_day_and_value_are_no_wait() -> Outcome {
    let line = |n: usize| DisclosedRecord {
        date: None,
        ..record("tsubaki", DataClass::Problem, &format!("PPR-01/{n}"), "架空病", EARLY)
    };
    let mut many: Vec<_> = (0..10_000).map(line).collect();
    many.push(DisclosedRecord { source_key: "Condition|1".into(), ..line(0) });
    assert_eq!(summary(many)?.problems.len(), 10_001);
    Ok(())
}
