//! Who looks after whom: facilities, staff, consents, orders, and the visits around today.

use super::people::{HOSPITALS, PEOPLE};
use super::{SampleConsent, SampleOrder, SampleVisit, facility_id, staff_id};
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use record::{DataClass, Facility, FacilityKind, Staff, StaffRole};
use std::collections::BTreeSet;

const STATION: &str = "st-tsutsuji";
const OTHER_STATION: &str = "st-other";
const CLINIC: &str = "cl-kusunoki";
const PHARMACY: &str = "ph-momiji";

pub(super) fn facilities() -> Vec<Facility> {
    let facility =
        |id, kind, name: &str, disclosing| Facility { id: facility_id(id), kind, name: name.to_owned(), disclosing };
    let hospitals = HOSPITALS.iter().map(|h| facility(h.id(), FacilityKind::Hospital, h.name(), true));
    let viewing = [
        facility(STATION, FacilityKind::Station, "つつじ訪問看護ステーション", false),
        facility(OTHER_STATION, FacilityKind::Station, "ひばり訪問看護ステーション", false),
        facility(CLINIC, FacilityKind::Clinic, "くすのき内科クリニック", false),
        facility(PHARMACY, FacilityKind::Pharmacy, "もみじ薬局", false),
    ];
    hospitals.chain(viewing).collect()
}

pub(super) fn staff() -> Vec<Staff> {
    let person = |id, facility, name: &str, role| Staff {
        id: staff_id(id),
        facility: facility_id(facility),
        name: name.to_owned(),
        role,
    };
    vec![
        person("nurse-a", STATION, "青木 里美", StaffRole::Nurse),
        person("nurse-b", STATION, "馬場 由香", StaffRole::Nurse),
        person("manager-a", STATION, "千葉 直子", StaffRole::Manager),
        person("therapist-a", STATION, "土井 拓也", StaffRole::Therapist),
        person("office-a", STATION, "江口 真弓", StaffRole::Office),
        person("nurse-other", OTHER_STATION, "福田 恵", StaffRole::Nurse),
        person("doctor-k", CLINIC, "楠 誠", StaffRole::Physician),
        person("pharmacist-m", PHARMACY, "紅葉山 学", StaffRole::Other("pharmacist".to_owned())),
    ]
}

/// People by their number in `PEOPLE`. The last ones are the other station's.
const OTHER_STATIONS_PEOPLE: std::ops::Range<usize> = 21..26;

/// Everybody consented, each in their own way; those of one station are not open to the other.
pub(super) fn consents(today: Date) -> Vec<SampleConsent> {
    let all: BTreeSet<DataClass> = DataClass::ALL.into();
    let few: BTreeSet<DataClass> = [DataClass::Rx, DataClass::Lab, DataClass::Allergy].into();
    let mut consents = Vec::new();
    for person in PEOPLE {
        let number = person.number();
        let is_others = OTHER_STATIONS_PEOPLE.contains(&number);
        for patient in person.refs() {
            let mut grant = |viewing: &str, classes: &BTreeSet<DataClass>, offline_hours, until| {
                consents.push(SampleConsent {
                    disclosing: patient.facility.clone(),
                    patient: patient.clone(),
                    viewing: facility_id(viewing),
                    classes: classes.clone(),
                    offline_hours,
                    until,
                });
            };
            let station = if is_others { OTHER_STATION } else { STATION };
            match number {
                // One wants no copy on a phone, one shares little, one consented for ten more days, one to nobody.
                4 => grant(station, &all, None, None),
                7 => grant(station, &few, Some(72), None),
                11 => grant(station, &all, Some(72), Some(today.saturating_add(10.days()))),
                20 => {}
                _ => grant(station, &all, Some(72), None),
            }
            // Two are looked after by both stations.
            if matches!(number, 1 | 8) {
                grant(OTHER_STATION, &few, Some(24), None);
            }
            if number % 3 == 0 {
                grant(CLINIC, &all, None, None);
            }
            if number % 4 == 0 {
                grant(PHARMACY, &few, None, None);
            }
        }
    }
    consents
}

pub(super) fn orders(today: Date) -> Vec<SampleOrder> {
    let six_months_from = |from: Date| from.saturating_add(6.months()).saturating_sub(1.day());
    // Five months: six, counted back from the end of a short month, would be a day too long.
    let five_months_until = |until: Date| (until.saturating_sub(5.months()), until);
    let mut orders = Vec::new();
    for person in PEOPLE {
        let number = person.number();
        let station = if OTHER_STATIONS_PEOPLE.contains(&number) { OTHER_STATION } else { STATION };
        let patient = person.patient_ref();
        let orderer = if number % 3 == 0 { facility_id(CLINIC) } else { patient.facility.clone() };
        let mut order = |(from, until): (Date, Date), special| {
            orders.push(SampleOrder {
                patient: patient.clone(),
                facility: orderer.clone(),
                station: facility_id(station),
                from,
                until,
                special,
            });
        };
        match number {
            2 => order(five_months_until(today.saturating_add(5.days())), false),
            6 => order(five_months_until(today.saturating_sub(1.day())), false),
            _ => {
                let from = today.saturating_sub((number as i64 * 11 % 120 + 10).days());
                order((from, six_months_from(from)), false);
            }
        }
        if number == 8 {
            let from = today.saturating_sub(3.days());
            order((from, from.saturating_add(13.days())), true);
        }
    }
    orders
}

/// Staff, day from today, and who is visited when, for how long.
type Plan = (&'static str, i64, &'static [(usize, i8, i8, u16)]);

const VISITS: &[Plan] = &[
    (
        "nurse-a",
        0,
        &[(0, 9, 0, 60), (2, 10, 20, 40), (8, 11, 20, 60), (4, 13, 30, 60), (10, 14, 50, 30), (7, 15, 45, 60)],
    ),
    ("nurse-b", 0, &[(1, 9, 15, 60), (5, 10, 40, 60), (9, 13, 0, 90), (3, 14, 50, 40), (6, 15, 50, 40)]),
    ("therapist-a", 0, &[(13, 10, 0, 40), (17, 11, 0, 60)]),
    ("nurse-other", 0, &[(21, 9, 30, 60), (22, 11, 0, 60)]),
    ("nurse-a", -1, &[(0, 9, 0, 60), (11, 10, 30, 60), (12, 13, 30, 40)]),
    ("nurse-b", -1, &[(9, 13, 0, 90), (14, 15, 0, 30)]),
    ("nurse-a", 1, &[(8, 9, 0, 60), (15, 10, 30, 60), (18, 13, 30, 60)]),
    ("nurse-b", 1, &[(9, 13, 0, 90), (16, 15, 0, 40), (19, 16, 0, 40)]),
];

pub(super) fn visits(today: Date) -> Vec<SampleVisit> {
    let of = |(staff, days, slots): &Plan| {
        let (staff, date) = (staff_id(staff), today.saturating_add(days.days()));
        let visit = move |&(person, hour, minute, minutes): &(usize, i8, i8, u16)| SampleVisit {
            patient: PEOPLE[person].patient_ref(),
            staff: staff.clone(),
            date,
            start: Time::constant(hour, minute, 0, 0),
            minutes,
        };
        slots.iter().map(visit).collect::<Vec<_>>()
    };
    VISITS.iter().flat_map(of).collect()
}
