//! Who is there at the beginning: a hospital, two stations, nurses with their phones, patients with visits and consents.

use super::faults::{consent_of, key_of};
use super::phone::SimPhone;
use super::{HOSPITAL, OTHER_STATION, STATION, World};
use crate::Outcome;
use record::{ContentHash, DocumentId};

impl World {
    pub(super) fn people(&mut self) -> Outcome {
        let hub = self.hub.as_ref().ok_or("no hub")?;
        let facility = |id: &str, kind, disclosing| -> Outcome<record::Facility> {
            Ok(record::Facility { id: id.parse()?, kind, name: id.to_string(), disclosing })
        };
        let hospital = facility(HOSPITAL, record::FacilityKind::Hospital, true)?;
        let stations = [STATION, OTHER_STATION].map(|station| facility(station, record::FacilityKind::Station, false));
        let nurses = 3 + self.dice.below(5) as usize;
        let mut staff = Vec::new();
        for n in 0..nurses {
            staff.push((format!("nurse-{n}"), STATION));
        }
        staff.push(("nurse-x".to_string(), OTHER_STATION));
        let mut people = Vec::new();
        for (n, (id, station)) in staff.iter().enumerate() {
            let role = if n == 0 { record::StaffRole::Manager } else { record::StaffRole::Nurse };
            people.push(record::Staff { id: id.parse()?, facility: station.parse()?, name: id.clone(), role });
        }
        hub.store().write(|tx| tx.add_facility(&hospital))?;
        for station in stations {
            let station = station?;
            hub.store().write(|tx| tx.add_facility(&station))?;
        }
        hub.store().write(|tx| people.iter().try_for_each(|person| tx.add_staff(person)))?;
        for n in 0..2 + self.dice.below(3) {
            let file =
                crate::BUNDLE.replace("00012345", &format!("7{n:07}")).replace("\"al-1\"", &format!("\"al-{n}\""));
            let file = file.replace("\"rx-1\"", &format!("\"rx-{n}\"")).replace("\"lab-1\"", &format!("\"lab-{n}\""));
            let report = hub.intake(&hospital.id, "patient.json", file.as_bytes())?;
            if let Some(bad) = report.quarantined.first() {
                return Err(format!("the sample was quarantined: {}", bad.reason).into());
            }
        }
        let patients = hub.store().read(|tx| tx.patients())?;
        let today = record::calendar::day_in_japan(self.hub_time());
        for (n, patient) in patients.iter().enumerate() {
            let consent = consent_of(&patient.id)?;
            hub.store().write(|tx| tx.add_consent(&consent))?;
            let records = hub.store().read(|tx| {
                let docs = tx.records_after(&patient.id, 0, 1_000)?;
                docs.into_iter().map(|(_, doc)| tx.record(doc)).collect::<Result<Vec<_>, _>>()
            })?;
            let known = self.truth.disclosed.entry(patient.id.clone()).or_default();
            known.extend(records.into_iter().flatten().map(|held| (key_of(&held.record), ContentHash::of(&held.body))));
            let mut id = [7; 16];
            id[0] = n as u8;
            let visit = record::Visit {
                id: DocumentId::from_random(id),
                patient: patient.id.clone(),
                station: people[0].facility.clone(),
                staff: people[n % nurses].id.clone(),
                date: today,
                start: device::jiff::civil::time(9, 30, 0, 0),
                minutes: 60,
            };
            hub.store().write(|tx| tx.add_visit(&visit))?;
            self.visits.push((visit.id, patient.id.clone()));
        }
        self.patients = patients.into_iter().map(|patient| patient.id).collect();
        for person in &people {
            self.phones.push(SimPhone::enrol(self.folder.path(), hub, &person.id)?);
        }
        Ok(())
    }
}
