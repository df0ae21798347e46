//! The laws of DESIGN §5, asked after every step.

use super::truth::key;
use super::{STATION, World, series_of};
use crate::Outcome;
use device::Phone;
use protocol::{Kind, SyncResponse};
use record::PatientId;

impl World {
    pub(super) fn laws_of(&self, at: usize) -> Outcome {
        let Some(phone) = &self.phones[at].open else { return Ok(()) };
        let series = key(self.phones[at].device, series_of(phone)?);
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
        // The feed was not read to its end, or this answer was not taken.
        if heard.is_empty() || answer.more || phone.status(self.device_time(at))?.cursor != answer.next_cursor {
            return Ok(());
        }
        heard.iter().try_for_each(|patient| self.holds_nothing_of(at, phone, patient))
    }

    pub(super) fn holds_nothing_of(&self, at: usize, phone: &Phone, patient: &PatientId) -> Outcome {
        let held = phone.disclosed_held(patient)?;
        if held.records.is_empty() && !held.has_key {
            return Ok(());
        }
        let (name, many, key) = (&self.phones[at].staff, held.records.len(), held.has_key);
        Err(format!("entitlement: {name} holds {many} records of {patient} without consent (key: {key})").into())
    }
}
