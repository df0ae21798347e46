//! The laws of DESIGN §5, asked after every step.

use super::truth::key;
use super::{STATION, World, series_of};
use crate::Outcome;
use device::Phone;
use protocol::{Kind, Series, SyncResponse};
use record::PatientId;

impl World {
    /// Read again only where the answer may be another one: the vault was written, or another backup stands. What the hub has
    /// receipted only grows. `named`: the series of the request that has just been made of the vault.
    pub(super) fn laws_of(&mut self, at: usize, named: Option<Series>) -> Outcome {
        let asked = Some(self.counts.backups);
        let Some(phone) = self.phones[at].open.as_ref().filter(|_| self.phones[at].asked != asked) else {
            return Ok(());
        };
        let series = key(self.phones[at].device, named.map_or_else(|| series_of(phone), Ok)?);
        for entry in phone.outbox()? {
            if entry.received && !self.truth.receipted.contains(&(series, entry.seq)) {
                return Err(format!("law 1: entry {} is marked and was never receipted", entry.seq).into());
            }
            let durable = match &self.truth.backed_up {
                Some(up_to) => up_to.get(&series).is_some_and(|last| entry.seq <= *last),
                None => false,
            };
            if !entry.is_here && !durable {
                return Err(format!("law 5: entry {} was let go and stands in no backup", entry.seq).into());
            }
        }
        self.phones[at].asked = asked;
        Ok(())
    }

    /// Nothing that hospitals disclosed travels to a station that may not see it.
    pub(super) fn tells_only_what_may_be_seen(&self, at: usize, answer: &SyncResponse) -> Outcome {
        let told = answer.feed.iter().filter(|item| item.kind == Kind::Record).filter_map(|item| item.patient.as_ref());
        let paged = answer.pages.iter().flatten().filter(|page| !page.items.is_empty()).map(|page| &page.patient);
        let is_ours = self.station(at) == STATION;
        match told.chain(paged).find(|patient| !is_ours || self.phones[at].heard.contains(*patient)) {
            Some(patient) => {
                Err(format!("entitlement: {} is told records of {patient} without consent", self.phones[at].staff)
                    .into())
            }
            None => Ok(()),
        }
    }

    /// After a contact nothing is left of what had been withdrawn when the hub made its answer: no record, no key.
    pub(super) fn what_was_withdrawn_has_gone(&mut self, at: usize, phone: &Phone, answer: &SyncResponse) -> Outcome {
        let heard = std::mem::take(&mut self.phones[at].heard);
        // The feed was not read to its end.
        if answer.more {
            return Ok(());
        }
        for patient in &heard {
            let Some(said) = self.held_without_consent(at, phone, patient)? else { continue };
            // If this answer was not taken, it may still stand.
            let was_taken = phone.status(self.device_time(at))?.cursor == answer.next_cursor;
            return if was_taken { Err(said.into()) } else { Ok(()) };
        }
        Ok(())
    }

    pub(super) fn holds_nothing_of(&self, at: usize, phone: &Phone, patient: &PatientId) -> Outcome {
        match self.held_without_consent(at, phone, patient)? {
            Some(said) => Err(said.into()),
            None => Ok(()),
        }
    }

    /// What is wrong with what is held of a patient who lets nothing be seen; `None`: nothing is held.
    fn held_without_consent(&self, at: usize, phone: &Phone, patient: &PatientId) -> Outcome<Option<String>> {
        let held = phone.disclosed_held(patient)?;
        if held.records.is_empty() && !held.has_key {
            return Ok(None);
        }
        let (name, many, key) = (&self.phones[at].staff, held.records.len(), held.has_key);
        Ok(Some(format!("entitlement: {name} holds {many} records of {patient} without consent (key: {key})")))
    }
}
