//! Real examples, published by others, that lie beside the checkout and are never part of it.

use intake::{Intake, read_fhir_json, read_ssmix2};
use record::{DataClass, DisclosedRecord, FacilityId, RecordFlag};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

type Outcome = Result<(), Box<dyn Error>>;

fn fixtures() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if beside.is_dir() {
        return Some(beside);
    }
    println!("skipped: ../shared/fixtures is not here");
    None
}

fn hospital() -> Result<FacilityId, Box<dyn Error>> {
    Ok("hospital".parse()?)
}

/// Records by identity; a second record under one key would lose the first at the hub.
fn by_key(intake: &Intake) -> BTreeMap<(String, DataClass, String), DisclosedRecord> {
    let mut all = BTreeMap::new();
    for patient in &intake.patients {
        for record in &patient.records {
            let key = (patient.demographics.local_id.clone(), record.class, record.source_key.clone());
            assert!(all.insert(key, record.clone()).is_none(), "two records share a key");
        }
    }
    all
}

fn count(intake: &Intake, class: DataClass) -> usize {
    intake.patients.iter().flat_map(|p| &p.records).filter(|r| r.class == class).count()
}

fn read_example(name: &str) -> Result<Option<Intake>, Box<dyn Error>> {
    let Some(fixtures) = fixtures() else { return Ok(None) };
    let bytes = std::fs::read(fixtures.join("fhir").join(name))?;
    let intake = read_fhir_json(&hospital()?, &bytes)?;
    assert_eq!(intake, read_fhir_json(&hospital()?, &bytes)?, "a second reading equals the first");
    assert_eq!(intake.skipped, []);
    assert_eq!(intake.patients.len(), 1);
    let person = &intake.patients[0].demographics;
    assert!(!person.name.is_empty() && !person.kana.is_empty() && person.birth_date.is_some());
    assert!(person.local_id.bytes().all(|b| b.is_ascii_digit()), "the institution's number, not the insurance's");
    by_key(&intake);
    Ok(Some(intake))
}

#[test]
fn the_published_lab_results_are_four_although_they_share_one_identifier() -> Outcome {
    let Some(intake) = read_example("Bundle-Bundle-CLINS-Observations-Example-01.json")? else { return Ok(()) };
    assert_eq!(count(&intake, DataClass::Lab), 4);
    let labs = &intake.patients[0].records;
    assert!(labs.iter().all(|lab| lab.value.is_some() && lab.date.is_some() && lab.code.is_some()));
    assert_eq!(labs.iter().filter(|lab| lab.unit.is_some()).count(), 3, "one is a word, (±)");
    Ok(())
}

#[test]
fn the_published_referrals_give_problems_allergies_findings_and_the_letter() -> Outcome {
    for (name, allergies) in
        [("Bundle-Bundle-CLINS-Referral-Example-01.json", 3), ("Bundle-eReferral-Example-01.json", 2)]
    {
        let Some(intake) = read_example(name)? else { return Ok(()) };
        assert_eq!(count(&intake, DataClass::Problem), 5);
        assert_eq!(count(&intake, DataClass::Allergy), allergies);
        assert_eq!(count(&intake, DataClass::Encounter), 2);
        assert_eq!(count(&intake, DataClass::Lab), 1);
        assert_eq!(count(&intake, DataClass::Document), 2);
        let letter = intake.patients[0].records.iter().find(|r| r.source_key.starts_with("Composition|"));
        let body = letter.and_then(|r| r.body.as_deref()).unwrap_or_default();
        assert!(body.contains("【紹介目的】") && !body.contains('<'));
    }
    let Some(intake) = read_example("Bundle-Bundle-CLINS-Referral-Example-01.json")? else { return Ok(()) };
    let ended = intake.patients[0].records.iter().filter(|r| r.flag == Some(RecordFlag::Ended)).count();
    assert!(ended > 0, "a resolved disease is marked");
    let Some(intake) = read_example("Bundle-eReferral-Example-01.json")? else { return Ok(()) };
    let course = intake.patients[0].records.iter().find(|r| r.source_key.starts_with("DocumentReference|"));
    assert!(course.and_then(|r| r.body.as_deref()).is_some_and(|body| body.lines().count() > 2));
    Ok(())
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files_under(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

#[test]
fn every_file_of_the_storage_of_twelve_patients_is_read() -> Outcome {
    let Some(fixtures) = fixtures() else { return Ok(()) };
    let unpacked = tempfile::tempdir()?;
    let archive = fixtures.join("ssmix2/storage-12-patients.tar.xz");
    let tar = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(unpacked.path()).status()?;
    assert!(tar.success(), "tar unpacks the storage");
    let mut paths = Vec::new();
    files_under(unpacked.path(), &mut paths)?;
    assert_eq!(paths.len(), 432);

    let hospital = hospital()?;
    let mut patients = BTreeSet::new();
    let mut records: BTreeMap<(String, DataClass, String), DisclosedRecord> = BTreeMap::new();
    let mut read = 0;
    for path in &paths {
        let bytes = std::fs::read(path)?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file name is text")?;
        let intake = read_ssmix2(&hospital, name, &bytes).map_err(|error| format!("{name}: {error}"))?;
        assert_eq!(intake, read_ssmix2(&hospital, name, &bytes)?, "a second reading equals the first");
        assert_eq!(intake.skipped, [], "{name}");
        for patient in &intake.patients {
            let person = &patient.demographics;
            assert!(!person.name.is_empty() && !person.name.contains('〓') && person.birth_date.is_some(), "{name}");
            assert!(!person.kana.is_empty() && person.address.is_some() && person.phone.is_some(), "{name}");
            assert!(person.kana.chars().all(|c| matches!(c, 'ァ'..='ヿ' | ' ')), "{name}");
            patients.insert(person.local_id.clone());
        }
        read += 1;
        records.extend(by_key(&intake));
    }
    assert_eq!((read, patients.len()), (432, 12));

    let of = |class: DataClass| records.values().filter(move |r| r.class == class);
    assert_eq!(of(DataClass::Lab).count(), 665 + 12 * 4, "OML-11, and four values of each ADT-00");
    assert_eq!(of(DataClass::Rx).count(), 539);
    assert_eq!(of(DataClass::Inj).count(), 45);
    assert_eq!(of(DataClass::Problem).count(), 42);
    assert_eq!(of(DataClass::Encounter).count(), 117 + 15 + 15);
    assert_eq!(of(DataClass::Allergy).count(), 8, "as in ADT-00: the 119 AL1 of all files double none");
    assert_eq!(of(DataClass::Document).count(), 0);

    assert!(of(DataClass::Lab).all(|lab| lab.value.is_some() && lab.code.is_some()));
    let powers = of(DataClass::Lab).filter(|lab| lab.unit.as_deref() == Some("10^4/μL")).count();
    assert!(powers > 0 && of(DataClass::Lab).all(|lab| !lab.unit.as_deref().unwrap_or("").contains("99XYZ")));
    assert!(of(DataClass::Rx).all(|rx| rx.date.is_some() && rx.detail.as_deref().is_some_and(|d| d.contains("日分"))));
    assert!(of(DataClass::Inj).all(|inj| inj.value.is_some() && !inj.text.contains("一般")));
    assert!(
        of(DataClass::Problem).all(|p| p.date.is_some() && p.detail.as_deref().is_some_and(|d| d.contains("ICD-10")))
    );
    assert!(records.values().all(|r| !r.deleted && r.as_of.as_second() > 1_700_000_000));
    Ok(())
}
