//! 出発前チェック (AT-S10): what must be on the phone before the signal is gone. What the phone cannot know (its battery) is
//! left out.

use super::update::{OrderTag, order_tag};
use crate::components::hours_since;
use device::jiff::{SignedDuration, Timestamp};
use device::read::{Status, TodayRow};
use device::record::calendar::{day_in_japan, instant_in_japan};
use device::record::visit_note::NoteState;

/// A last sync that is no older than this is of this morning.
const FRESH_HOURS: u64 = 6;

/// One line of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Hours since the last sync; `None`: there was none.
    Synced(Option<u64>),
    /// Today's patients that are not on the device.
    Missing(u64),
    /// Patients without an order that holds today.
    NoOrder(u64),
    /// Until when the disclosed records can be read, and whether that is after the last visit.
    Lease { until: Timestamp, covers: bool },
    /// Edits and notes that the hub has not received.
    Unsent(u64),
}

impl Check {
    pub fn is_fine(self) -> bool {
        match self {
            Check::Synced(hours) => hours.is_some_and(|hours| hours < FRESH_HOURS),
            Check::Missing(n) | Check::NoOrder(n) | Check::Unsent(n) => n == 0,
            Check::Lease { covers, .. } => covers,
        }
    }
}

/// The check of a day that is still to begin; nothing once a visit was begun, or without one.
pub fn before_leaving(rows: &[TodayRow], status: Option<&Status>, now: Timestamp) -> Vec<Check> {
    let begun = rows.iter().any(|row| row.state.is_some_and(|state| state != NoteState::Closed));
    let (Some(status), false) = (status, rows.is_empty() || begun) else { return Vec::new() };
    let today = day_in_japan(now);
    let count = |wanted: &dyn Fn(&TodayRow) -> bool| rows.iter().filter(|row| wanted(row)).count() as u64;
    let last_end = rows
        .iter()
        .filter_map(|row| {
            let start = instant_in_japan(row.visit.date.to_datetime(row.visit.start))?;
            start.checked_add(SignedDuration::from_mins(i64::from(row.visit.minutes))).ok()
        })
        .max();
    let mut checks = vec![
        Check::Synced(status.last_sync.map(|at| hours_since(at, now))),
        Check::Missing(count(&|row| row.patient.is_none())),
        Check::NoOrder(count(&|row| matches!(order_tag(row, today), OrderTag::Expired | OrderTag::None))),
    ];
    // Without a lease nothing was disclosed: there is nothing to read.
    if let Some(until) = status.lease_until {
        checks.push(Check::Lease { until, covers: until > now && last_end.is_none_or(|end| until >= end) });
    }
    checks.push(Check::Unsent(status.unsent));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use device::jiff::civil::time;

    type Tried = Result<(), Box<dyn std::error::Error>>;

    fn row(state: Option<NoteState>, until: &str) -> Result<TodayRow, Box<dyn std::error::Error>> {
        let mut row = samples::today_row(state, Some(until.parse()?))?;
        row.visit.start = time(16, 0, 0, 0);
        Ok(row)
    }

    fn status(last_sync: &str, lease_until: &str) -> Result<Status, Box<dyn std::error::Error>> {
        let (last_sync, lease_until) = (Some(last_sync.parse()?), Some(lease_until.parse()?));
        Ok(Status { last_sync, lease_until, ..samples::status() })
    }

    #[test]
    fn at_s10_the_check_names_everything_that_would_be_missing_underground() -> Tried {
        let now: Timestamp = "2026-11-22T08:00:00+09:00".parse()?;
        let said = |row: TodayRow, status: Status| -> Vec<bool> {
            before_leaving(&[row], Some(&status), now).into_iter().map(Check::is_fine).collect()
        };
        let mut ready = row(None, "2026-12-31")?;
        ready.patient = Some(samples::patient("p-1")?);
        let fresh = status("2026-11-22T07:00:00+09:00", "2026-11-22T17:00:00+09:00")?;
        assert_eq!(said(ready.clone(), fresh.clone()), [true; 5]);
        let stale = status("2026-11-22T01:59:00+09:00", "2026-11-22T16:59:00+09:00")?;
        assert_eq!(said(ready, Status { unsent: 1, ..stale }), [false, true, true, false, false]);
        assert_eq!(said(row(None, "2026-11-21")?, fresh), [true, false, false, true, true]);
        Ok(())
    }

    #[test]
    fn a_day_that_has_begun_is_checked_no_more() -> Tried {
        let now: Timestamp = "2026-11-22T08:00:00+09:00".parse()?;
        let status = status("2026-11-22T07:00:00+09:00", "2026-11-22T17:00:00+09:00")?;
        let begun = row(Some(NoteState::Draft), "2026-12-31")?;
        assert!(before_leaving(&[begun], Some(&status), now).is_empty());
        assert!(before_leaving(&[], Some(&status), now).is_empty());
        let closed = row(Some(NoteState::Closed), "2026-12-31")?;
        assert!(!before_leaving(&[closed], Some(&status), now).is_empty(), "a closed note is no visit begun");
        Ok(())
    }
}
