//! 閲覧期限 (lease): how long disclosed records stay on the phone without hearing from the hub.
//!
//! Two clocks. By the wall clock a lapsed lease *locks*: setting the date forward destroys nothing, setting it right again
//! opens. By the hub's time, or by the time that the device has been running, a lapsed lease *destroys* the keys: setting the
//! date back buys nothing.

use crate::error::DeviceError;
use crate::phone::Phone;
use protocol::Kind;
use record::{DisclosedRecord, PatientId, canonical};
use std::collections::BTreeSet;
use vault::{LeaseClock, RunningTime, SyncState, Tx};

/// What is left of a lease, granted at a moment of the hub's clock.
pub(crate) fn granted(until: Option<i64>, hub_time: i64, now: RunningTime) -> Option<LeaseClock> {
    until.map(|until| LeaseClock { left_ms: u64::try_from(until - hub_time).unwrap_or(0), seen: now })
}

/// What is left of it now. Only time that certainly ran is taken off.
pub(crate) fn after(clock: &LeaseClock, now: RunningTime) -> LeaseClock {
    LeaseClock { left_ms: clock.left_ms.saturating_sub(now.since(&clock.seen)), seen: now }
}

impl Phone {
    /// Takes the running time off the lease; one that is used up takes the disclosed keys along. Says whether it did.
    pub fn tick_lease(&self, now: RunningTime) -> Result<bool, DeviceError> {
        let destroyed = self.write(|tx| {
            let mut state = tx.sync_state()?;
            let Some(clock) = state.lease_clock else { return Ok(false) };
            let clock = after(&clock, now);
            state.lease_clock = Some(clock);
            if clock.left_ms > 0 {
                tx.put_sync_state(&state)?;
                return Ok(false);
            }
            state.lease_clock = None;
            destroy(tx, &mut state)?;
            tx.put_sync_state(&state)?;
            Ok(true)
        })?;
        if destroyed {
            tracing::info!("the lease of the disclosed records has run out; their keys are destroyed");
            self.changed();
        }
        Ok(destroyed)
    }
}

/// Destroys the disclosed compartment, and asks for what it held again at the next contact. Says whether it held anything.
pub(crate) fn destroy(tx: &mut Tx<'_>, state: &mut SyncState) -> Result<bool, DeviceError> {
    let mut patients: BTreeSet<PatientId> = BTreeSet::new();
    for item in tx.items(Kind::Record, None)? {
        if canonical::from_bytes::<DisclosedRecord>(&item.body).is_ok() {
            patients.extend(item.patient);
        }
    }
    tx.destroy_disclosed()?;
    let held_some = !patients.is_empty();
    patients.into_iter().for_each(|patient| state.want_records(patient, 0));
    Ok(held_some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot: u8, hours: u64) -> RunningTime {
        RunningTime { boot: [boot; 16], ms: hours * 3_600_000 }
    }

    #[test]
    fn a_lease_is_used_up_by_running_time_alone() {
        let hour = 3_600_000;
        let lease = granted(Some(1_000 + 72 * hour), 1_000, at(1, 5)).map(|clock| after(&clock, at(1, 29)));
        assert_eq!(lease.map(|clock| clock.left_ms), Some(48 * 3_600_000));
        // Off for a week: only what ran since the start counts, the rest is the wall clock's and the hub's business.
        let restarted = lease.map(|clock| after(&clock, at(2, 1)));
        assert_eq!(restarted.map(|clock| clock.left_ms), Some(47 * 3_600_000));
        assert_eq!(restarted.map(|clock| after(&clock, at(2, 100)).left_ms), Some(0));
        assert_eq!(granted(Some(5), 10, at(1, 0)).map(|clock| clock.left_ms), Some(0));
        assert!(granted(None, 10, at(1, 0)).is_none());
    }
}
