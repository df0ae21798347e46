//! Who may hold what, changing in mid-run: patients withdraw their consent and give it again, change hands, and hospitals
//! disclose more of them.

use crate::Outcome;
use crate::simulator::truth::Entered;
use crate::simulator::{BEGIN_MS, Event, HOSPITAL, STATION, World, moment};
use hub::{HubError, Restored, Who};
use record::{Consent, ContentHash, DataClass, DisclosedRecord, FacilityId, PatientId, StaffId, canonical};

const CLASSES: [DataClass; 3] = [DataClass::Allergy, DataClass::Lab, DataClass::Rx];

/// The station sees everything that the hospital knows of a patient.
pub(in crate::simulator) fn consent_of(patient: &PatientId) -> Outcome<Consent> {
    Ok(Consent {
        patient: patient.clone(),
        disclosing: HOSPITAL.parse()?,
        viewing: STATION.parse()?,
        classes: DataClass::ALL.into_iter().collect(),
        offline_hours: Some(72),
        until: None,
        withdrawn: false,
    })
}

/// What two deliveries of one record have in common.
pub(in crate::simulator) fn key_of(record: &DisclosedRecord) -> String {
    format!("{} {}", record.class, record.source_key)
}

impl World {
    /// A patient withdraws consent, or gives it again.
    pub(super) fn change_consent(&mut self) -> Outcome {
        let Some(patient) = self.dice.one_of(&self.patients).cloned() else { return Ok(()) };
        if self.taking_hub().is_none() {
            return Ok(());
        }
        let entered = match self.truth.withdrawn.remove(&patient) {
            true => {
                self.counts.grants += 1;
                Entered::Grant(patient)
            }
            false => {
                self.counts.withdrawals += 1;
                self.truth.withdrawn.insert(patient.clone());
                Entered::Withdrawal(patient)
            }
        };
        self.enter(&entered)?;
        self.truth.entered.push(entered);
        Ok(())
    }

    /// The hospital discloses something more of a patient, or something newer in the place of what it disclosed.
    pub(super) fn disclose(&mut self) -> Outcome {
        let Some(patient) = self.dice.one_of(&self.patients).cloned() else { return Ok(()) };
        let n = self.dice.below(5);
        if self.taking_hub().is_none() {
            return Ok(());
        }
        self.counts.disclosed += 1;
        let record = DisclosedRecord {
            facility: HOSPITAL.parse()?,
            class: CLASSES[n as usize % CLASSES.len()],
            source_key: format!("sim-{n}"),
            as_of: moment(BEGIN_MS + self.now_ms),
            date: None,
            text: format!("{n}番、{}回目", self.counts.disclosed),
            code: None,
            value: None,
            unit: None,
            flag: None,
            detail: None,
            body: None,
            deleted: false,
        };
        let hash = ContentHash::of(&canonical::to_bytes(&record)?);
        self.truth.disclosed.entry(patient.clone()).or_default().insert(key_of(&record), hash);
        let entered = Entered::Record(patient, Box::new(record));
        self.enter(&entered)?;
        self.truth.entered.push(entered);
        Ok(())
    }

    /// The hub was put back. The database that stood there said what was withdrawn since: nobody has to tell it.
    pub(super) fn withdrawals_stand(&self) -> Outcome {
        let store = self.hub.as_ref().ok_or("no hub")?.store();
        for patient in &self.truth.withdrawn {
            if store.read(|tx| tx.consents_of(patient))?.iter().any(|consent| !consent.withdrawn) {
                return Err(format!("entitlement: a restore opened what {patient} had closed").into());
            }
        }
        Ok(())
    }

    /// People come when they can, and until then phones hear what the restored hub knows by itself.
    pub(super) fn enter_later(&mut self, restored: &Restored) {
        let withdrawn = restored.consents_withdrawn.iter().map(|named| &named.patient);
        self.counts.kept += withdrawn.clone().filter(|patient| self.truth.withdrawn.contains(*patient)).count() as u64;
        let changed = restored.consents_to_enter.iter().map(|named| &named.patient);
        self.named.get_or_insert_default().extend(withdrawn.chain(changed).cloned());
        let later = self.now_ms + self.dice.between(2_000, 40_000);
        self.at(later, Event::EnterNamed);
    }

    /// They bring the hospital's files again, and of the consents that the restore named those that stand on paper. What was
    /// closed by mistake is among them: of two older databases one may know no better.
    pub(in crate::simulator) fn enter_named(&mut self) -> Outcome {
        if self.named.is_some() && self.taking_hub().is_none() {
            let later = self.now_ms + 5_000;
            self.at(later, Event::EnterNamed);
            return Ok(());
        }
        let Some(named) = self.named.take() else { return Ok(()) };
        for entered in self.truth.entered.iter().filter(|entered| matches!(entered, Entered::Record(..))) {
            self.enter(entered)?;
        }
        let stands = |patient: &PatientId| !self.truth.withdrawn.contains(patient);
        named.into_iter().filter(stands).try_for_each(|patient| self.enter(&Entered::Grant(patient)))
    }

    /// The hub was put back: consents stand on paper and the hospital's files where they were, and all of it is entered again.
    pub(super) fn enter_again(&self) -> Outcome {
        self.truth.entered.iter().try_for_each(|entered| self.enter(entered))
    }

    fn enter(&self, entered: &Entered) -> Outcome {
        let store = self.hub.as_ref().ok_or("no hub")?.store();
        match entered {
            Entered::Withdrawal(patient) => {
                let (hospital, station): (FacilityId, FacilityId) = (HOSPITAL.parse()?, STATION.parse()?);
                match store.write(|tx| tx.withdraw_consent(patient, &hospital, &station)) {
                    // After a restore it may still be: the older database said so.
                    Ok(()) | Err(HubError::UnknownConsent) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Entered::Grant(patient) => {
                let consent = consent_of(patient)?;
                store.write(|tx| tx.add_consent(&consent))?;
            }
            Entered::Record(patient, record) => {
                let today = record::calendar::day_in_japan(self.hub_time());
                store.write(|tx| tx.take_record(patient, patient.as_str(), record, today))?;
            }
        }
        Ok(())
    }

    /// A patient is given to a nurse, or taken from her.
    pub(super) fn reassign(&mut self) -> Outcome {
        let ours = self.ours();
        let staff = self.dice.one_of(&ours).cloned();
        let patient = self.dice.one_of(&self.patients).cloned();
        let (Some(staff), Some(patient), Some(hub)) = (staff, patient, self.taking_hub()) else { return Ok(()) };
        hub.store().write(|tx| match tx.unassign(&patient, &staff, &Who::Admin) {
            Err(HubError::NotAssigned { .. }) => tx.assign(&patient, &staff, None, &Who::Admin),
            other => other,
        })?;
        self.counts.reassigns += 1;
        Ok(())
    }

    /// At the end every patient is everybody's: whatever was let go, or never came, must come.
    pub(in crate::simulator) fn everybody_has_everybody(&mut self) -> Outcome {
        let (ours, hub) = (self.ours(), self.hub.as_ref().ok_or("no hub")?);
        for staff in &ours {
            hub.store().write(|tx| {
                self.patients.iter().try_for_each(|patient| tx.assign(patient, staff, None, &Who::Admin))
            })?;
        }
        Ok(())
    }

    fn ours(&self) -> Vec<StaffId> {
        let ours = (0..self.phones.len()).filter(|at| self.station(*at) == STATION);
        ours.map(|at| self.phones[at].staff.clone()).collect()
    }
}
