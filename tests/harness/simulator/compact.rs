//! The hub makes one piece of each document, in the middle of everything; and somebody who begins afterwards has all of it.

use super::phone::SimPhone;
use super::{Dice, Event, STATION, World, facility};
use crate::Outcome;
use device::Trigger;
use record::{Staff, StaffRole};

pub(super) fn schedule(dice: &mut Dice, events: &mut Vec<(i64, Event)>) {
    for _ in 0..4 {
        events.push((dice.between(20_000, 290_000), Event::Compact));
    }
}

impl World {
    /// Nothing has to rest here: what is written the next moment finds its document in one piece.
    pub(super) fn compact(&mut self) -> Outcome {
        let Some(hub) = self.taking_hub() else { return Ok(()) };
        let done = hub.compact(i64::MAX)?.documents;
        self.counts.compacted += done;
        Ok(())
    }

    /// A nurse's first day, after everybody has come home: what she gets is asked with the others' by [`World::all_is_home`].
    pub(super) fn somebody_begins(&mut self) -> Outcome {
        if !self.faults.compact {
            return Ok(());
        }
        self.compact()?;
        let hub = self.hub.as_ref().ok_or("no hub")?;
        let person = Staff {
            id: "nurse-new".parse()?,
            facility: facility(STATION)?,
            name: "nurse-new".to_string(),
            role: StaffRole::Nurse,
        };
        hub.store().write(|tx| tx.add_staff(&person))?;
        // In front: the last one enrolled is of the other station, and clones stand behind.
        let phone = SimPhone::enrol(self.folder.path(), hub, &person.id)?;
        self.phones.insert(0, phone);
        if self.faults.reassign {
            self.everybody_has_everybody()?;
        }
        let (now, now_ms) = (self.device_time(0), self.now_ms);
        self.phones[0].start(now)?;
        self.phones[0].trigger(now_ms, Trigger::Start);
        for _ in 0..400 {
            if self.phones[0].todo.is_empty() {
                break;
            }
            self.step(0).map_err(|error| format!("somebody begins: {error}"))?;
        }
        self.events.clear();
        if self.phones[0].todo.is_empty() { Ok(()) } else { Err("somebody who begins never rests".into()) }
    }
}
