//! One made-up patient of a full phone: who she is, and as much of what hospitals disclosed as domain §7.3 reckons.

use crate::Done;
use crate::dice::Dice;
use crate::words::endless;
use jiff::ToSpan;
use jiff::civil::Date;
use record::calendar::instant_in_japan;
use record::{DataClass, DisclosedRecord, FacilityId, Patient, PatientId, Sex};

const PROBLEMS: usize = 15;
const DRUGS: usize = 10;
const ALLERGIES: usize = 3;
const LAB_DAYS: i64 = 6;
const DOCUMENTS: usize = 3;
/// Characters of a hospital's document: 10 KB.
const DOCUMENT: usize = 3_300;
const LABS: &str = "AST ALT ALP γ-GT LDH CK T-Bil D-Bil TP Alb BUN Cre UA Na K Cl Ca P Mg Glu HbA1c TC TG HDL-C LDL-C \
    CRP WBC RBC Hb Ht MCV MCH MCHC Plt PT-INR APTT D-dimer BNP NT-proBNP TSH FT4 Fe Ferritin";

/// Surnames get a 仮 behind them, so that they are nobody's.
const FAMILIES: [(&str, &str); 25] = [
    ("青木", "アオキ"),
    ("石川", "イシカワ"),
    ("上田", "ウエダ"),
    ("江口", "エグチ"),
    ("大野", "オオノ"),
    ("加藤", "カトウ"),
    ("木村", "キムラ"),
    ("工藤", "クドウ"),
    ("小林", "コバヤシ"),
    ("佐藤", "サトウ"),
    ("清水", "シミズ"),
    ("鈴木", "スズキ"),
    ("高田", "タカダ"),
    ("田中", "タナカ"),
    ("土屋", "ツチヤ"),
    ("中村", "ナカムラ"),
    ("西村", "ニシムラ"),
    ("野口", "ノグチ"),
    ("原", "ハラ"),
    ("藤井", "フジイ"),
    ("松本", "マツモト"),
    ("三浦", "ミウラ"),
    ("森", "モリ"),
    ("山本", "ヤマモト"),
    ("渡辺", "ワタナベ"),
];
const GIVEN: [(&str, &str, Sex); 6] = [
    ("澄江", "スミエ", Sex::Female),
    ("正夫", "マサオ", Sex::Male),
    ("千代子", "チヨコ", Sex::Female),
    ("和子", "カズコ", Sex::Female),
    ("清", "キヨシ", Sex::Male),
    ("房枝", "フサエ", Sex::Female),
];

pub fn disclosed(number: usize, facility: &FacilityId, today: Date, dice: &mut Dice) -> Done<Vec<DisclosedRecord>> {
    let made = |class, text: String, days: i64| record(facility, class, text, today.saturating_sub(days.days()));
    let mut records = Vec::new();
    for n in 0..PROBLEMS {
        records.push(made(DataClass::Problem, format!("架空病名 {n}"), 300 + n as i64)?);
    }
    for n in 0..ALLERGIES {
        records.push(made(DataClass::Allergy, format!("架空アレルゲン {n}"), 400)?);
    }
    for n in 0..DRUGS {
        let detail = Some("1日1回 朝食後 28日分".to_string());
        records.push(DisclosedRecord { detail, ..made(DataClass::Rx, format!("架空薬{n}錠5mg"), 14)? });
    }
    for lab in LABS.split(' ') {
        for n in 0..LAB_DAYS {
            let value = Some(format!("{}.{}", 1 + dice.below(200), dice.below(10)));
            let unit = Some("U/L".to_string());
            records.push(DisclosedRecord { value, unit, ..made(DataClass::Lab, lab.to_string(), 14 + 28 * n)? });
        }
    }
    for n in 0..DOCUMENTS {
        let body: String = endless().skip(dice.below(2_000)).take(DOCUMENT).collect();
        let document = made(DataClass::Document, format!("架空の看護サマリー {n}"), 20 + 60 * n as i64)?;
        records.push(DisclosedRecord { body: Some(body), ..document });
    }
    for (n, record) in records.iter_mut().enumerate() {
        record.source_key = format!("{number}-{n}");
    }
    Ok(records)
}

pub fn demographics(id: &PatientId, number: usize) -> Patient {
    let (family, family_kana) = FAMILIES[number % FAMILIES.len()];
    let (given, given_kana, sex) = GIVEN[number / FAMILIES.len() % GIVEN.len()];
    Patient {
        id: id.clone(),
        name: format!("{family}仮 {given}"),
        kana: format!("{family_kana}カリ {given_kana}"),
        birth_date: Some(Date::constant(1930 + (number % 25) as i16, 1 + (number % 12) as i8, 1 + (number % 28) as i8)),
        sex,
        address: Some(format!("久留米市仮町{}丁目{number}", 1 + number % 9)),
        phone: Some("0942-00-0000".to_string()),
        local_ids: Vec::new(),
    }
}

fn record(facility: &FacilityId, class: DataClass, text: String, day: Date) -> Done<DisclosedRecord> {
    let as_of = instant_in_japan(day.at(9, 0, 0, 0)).ok_or("a day without that hour")?;
    Ok(DisclosedRecord { date: Some(day), ..DisclosedRecord::new(facility.clone(), class, "", as_of, text) })
}
