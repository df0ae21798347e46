//! Who may hold what, changing in mid-run: patients change hands.

use crate::Outcome;
use crate::simulator::{STATION, World};
use hub::{HubError, Who};
use record::StaffId;

impl World {
    /// A patient is given to a nurse, or taken from her.
    pub(super) fn reassign(&mut self) -> Outcome {
        let ours = self.ours();
        let staff = self.dice.one_of(&ours).cloned();
        let patient = self.dice.one_of(&self.patients).cloned();
        let (Some(staff), Some(patient), Some(hub)) = (staff, patient, &self.hub) else { return Ok(()) };
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
