//! Sample patients for the demo and the tests: fictitious people, written as the files that hospitals would send.
//!
//! The sample goes in through `intake` like everything else, so what the demo shows is what a network would show.
//! Pure: the same day and seed give the same bytes. Names, numbers and addresses (99丁目, 000-…) are of nobody.

mod care;
mod courses;
mod fhir;
mod history;
mod people;
mod random;
mod ssmix2;

use history::History;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use people::{Hospital, PEOPLE};
use random::Random;
use record::{DataClass, Facility, FacilityId, Staff, StaffId};
use std::collections::BTreeSet;

/// Everything that fills an empty hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub facilities: Vec<Facility>,
    pub staff: Vec<Staff>,
    pub files: Vec<SampleFile>,
    /// Two hospitals' numbers of one person; an operator links them, never a program.
    pub links: Vec<(PatientRef, PatientRef)>,
    pub consents: Vec<SampleConsent>,
    pub orders: Vec<SampleOrder>,
    pub visits: Vec<SampleVisit>,
}

/// A file as the hospital sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    pub facility: FacilityId,
    /// `fhir/….json`, or `ssmix2/` and the layout of a standard storage.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// A person as a hospital numbers them; the hub gives its own numbers at intake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatientRef {
    pub facility: FacilityId,
    pub local_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleConsent {
    pub patient: PatientRef,
    pub disclosing: FacilityId,
    pub viewing: FacilityId,
    pub classes: BTreeSet<DataClass>,
    pub offline_hours: Option<u32>,
    pub until: Option<Date>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleOrder {
    pub patient: PatientRef,
    pub facility: FacilityId,
    pub station: FacilityId,
    pub from: Date,
    pub until: Date,
    pub special: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleVisit {
    pub patient: PatientRef,
    pub staff: StaffId,
    pub date: Date,
    pub start: Time,
    pub minutes: u16,
}

/// Length of what hospitals disclose: prescriptions and results every four weeks.
const HISTORY_WEEKS: i32 = 104;

pub fn generate(today: Date, seed: u64) -> Sample {
    let yesterday = today.saturating_sub(1.day());
    let mut random = Random::new(seed);
    let mut files = Vec::new();
    for person in PEOPLE {
        for chart in person.charts() {
            let history = History::of(&chart, person.number(), yesterday, &mut random);
            match chart.hospital {
                Hospital::Yanagi => ssmix2::write(&chart, &history, yesterday, &mut files),
                Hospital::Tsubaki | Hospital::Sakura => fhir::write(&chart, &history, yesterday, &mut files),
            }
        }
    }
    Sample {
        facilities: care::facilities(),
        staff: care::staff(),
        files,
        links: PEOPLE.iter().filter_map(people::Person::link).collect(),
        consents: care::consents(today),
        orders: care::orders(today),
        visits: care::visits(today),
    }
}

/// Ids of the sample are written here, in one alphabet.
fn facility_id(id: &str) -> FacilityId {
    id.parse().expect("the sample's facility ids are letters and hyphens")
}

fn staff_id(id: &str) -> StaffId {
    id.parse().expect("the sample's staff ids are letters and hyphens")
}

#[cfg(test)]
mod tests {
    use super::*;
    use intake::{Intake, read_fhir_json, read_ssmix2};
    use jiff::civil::date;
    use record::{NursingOrder, RecordFlag};
    use std::collections::BTreeMap;

    const TODAY: Date = date(2026, 11, 22);

    fn read(file: &SampleFile) -> Intake {
        let read = if file.path.ends_with(".json") {
            read_fhir_json(&file.facility, &file.bytes)
        } else {
            read_ssmix2(&file.facility, &file.path, &file.bytes)
        };
        match read {
            Ok(intake) => intake,
            Err(error) => panic!("{}: {error}", file.path),
        }
    }

    #[test]
    fn intake_reads_every_file_and_skips_nothing() {
        let sample = generate(TODAY, 1);
        let mut patients = BTreeSet::new();
        let mut counts: BTreeMap<DataClass, usize> = BTreeMap::new();
        let mut flags: Vec<RecordFlag> = Vec::new();
        let mut keys = BTreeSet::new();
        for file in &sample.files {
            let intake = read(file);
            assert_eq!(intake.skipped, [], "{}", file.path);
            for patient in intake.patients {
                let local_id = patient.demographics.local_id;
                assert!(patient.demographics.birth_date.is_some() && !patient.demographics.kana.is_empty());
                for record in patient.records {
                    assert!(record.date.is_none_or(|day| day < TODAY), "nothing comes from the future");
                    *counts.entry(record.class).or_default() += 1;
                    flags.extend(record.flag.clone());
                    let is_shared = record.class == DataClass::Allergy;
                    let key = (file.facility.clone(), local_id.clone(), record.class, record.source_key);
                    assert!(keys.insert(key) || is_shared, "{}: a key comes twice", file.path);
                }
                patients.insert(PatientRef { facility: file.facility.clone(), local_id });
            }
        }
        assert!(patients.len() - sample.links.len() >= 24, "{} patients", patients.len() - sample.links.len());
        assert!(DataClass::ALL.iter().all(|class| counts.contains_key(class)), "{counts:?}");
        assert!(counts[&DataClass::Rx] > 1500 && counts[&DataClass::Lab] > 3000, "{counts:?}");
        for flag in [
            RecordFlag::High,
            RecordFlag::Low,
            RecordFlag::NoneKnown,
            RecordFlag::Contraindicated,
            RecordFlag::Suspected,
            RecordFlag::Ended,
        ] {
            assert!(flags.contains(&flag), "{flag:?}");
        }

        let all: Vec<&PatientRef> = (sample.consents.iter().map(|c| &c.patient))
            .chain(sample.orders.iter().map(|o| &o.patient))
            .chain(sample.visits.iter().map(|v| &v.patient))
            .chain(sample.links.iter().flat_map(|(a, b)| [a, b]))
            .collect();
        assert!(all.iter().all(|patient| patients.contains(patient)), "everybody named has a chart");
    }

    #[test]
    fn the_same_day_and_seed_give_the_same_sample_and_another_seed_another() {
        let sample = generate(TODAY, 7);
        assert_eq!(sample, generate(TODAY, 7));
        assert_ne!(sample.files, generate(TODAY, 8).files);
    }

    #[test]
    fn the_storage_is_in_iso_2022_jp_with_its_layout() {
        let sample = generate(TODAY, 1);
        let file = sample.files.iter().find(|f| f.path.contains("ADT-00")).expect("a hospital delivers SS-MIX2");
        assert!(file.bytes.is_ascii() && file.bytes.windows(3).any(|w| w == b"\x1b$B"));
        let parts: Vec<&str> = file.path.split('/').collect();
        let [root, first, second, patient, day, kind, name] = parts[..] else { panic!("seven parts: {}", file.path) };
        assert_eq!((root, day, kind), ("ssmix2", "-", "ADT-00"));
        assert!(patient.starts_with(&format!("{first}{second}")) && name.starts_with(patient));
    }

    #[test]
    fn the_nurses_have_a_day_and_the_orders_every_standing() {
        for today in [TODAY, date(2026, 3, 1), date(2028, 2, 29), date(2027, 8, 31)] {
            let sample = generate(today, 1);
            let of =
                |staff: &str| sample.visits.iter().filter(|v| v.staff.as_str() == staff && v.date == today).count();
            assert_eq!((of("nurse-a"), of("nurse-b")), (6, 5));
            for order in &sample.orders {
                assert_eq!(NursingOrder::check_period(order.from, order.until, order.special), Ok(()));
            }
            assert!(sample.orders.iter().any(|o| o.until == today.saturating_add(5.days())));
            assert!(sample.orders.iter().any(|o| o.until == today.saturating_sub(1.day())));
            assert_eq!(sample.orders.iter().filter(|o| o.special).count(), 1);
        }
    }

    #[test]
    fn the_people_try_the_search() {
        assert!(PEOPLE.iter().enumerate().all(|(place, person)| person.number() == place), "numbered in order");
        let names: Vec<String> = PEOPLE.iter().map(people::Person::name).collect();
        assert!(names.iter().any(|n| n.starts_with('髙')) && names.iter().any(|n| n.starts_with("渡邊")));
        let twice = names.iter().filter(|name| names.iter().filter(|other| other == name).count() == 2).count();
        assert_eq!(twice, 2, "one pair has the same name");
        assert!(names.iter().any(|name| name.chars().count() > 12));
        assert_eq!(people::HOSPITALS.len(), 3);
    }
}
