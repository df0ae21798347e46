//! After a restore: who was assigned to whom stands as it was said last, and what was taken back stays taken back. Assignments are
//! rows that are ended and never changed or opened again: what several databases know of them makes one history.

use super::assignments::Assignment;
use super::former::Former;
use super::{Tx, Who};
use crate::error::HubError;
use jiff::civil::Date;
use record::{PatientId, StaffId};
use serde::Serialize;
use std::collections::BTreeMap;

/// Who has whom, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AssignmentNamed {
    pub patient: PatientId,
    pub staff: StaffId,
}

impl AssignmentNamed {
    fn of(row: &Assignment) -> Self {
        Self { patient: row.patient.clone(), staff: row.staff.clone() }
    }
}

/// What became of assignments after the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AssignmentsAgain {
    /// Made since, or given another last day: they stand.
    pub kept: Vec<AssignmentNamed>,
    /// Ended since: they stay ended.
    pub ended: Vec<AssignmentNamed>,
    /// Made since, and the patient or the member of staff is not known here: to be entered again.
    pub to_enter: Vec<AssignmentNamed>,
    /// Whether the database that stood here last could be asked.
    pub is_compared: bool,
}

/// What is to be written so that the rows here are the ones that all of them know.
#[derive(Debug, Default, PartialEq, Eq)]
struct Writing {
    /// Rows that are not here, in the order of making.
    begun: Vec<Assignment>,
    /// Rows that are here and are over: with their ends.
    ended: Vec<Assignment>,
}

/// One row, in whatever database.
type Row = (AssignmentNamed, i64, Option<Date>);

fn row_of(row: &Assignment) -> Row {
    (AssignmentNamed::of(row), row.begun_at, row.until)
}

impl Writing {
    /// `formers`: what each of them knows, the newest first.
    fn between(now: &[Assignment], formers: &[Vec<Assignment>]) -> Self {
        let mut rows: Vec<Assignment> = now.to_vec();
        let mut known: BTreeMap<Row, usize> = now.iter().map(row_of).zip(0..).collect();
        let mut last = last_words(now);
        for former in formers {
            for was in former {
                match known.get(&row_of(was)).copied() {
                    Some(at) if rows[at].ended_at.is_none() => {
                        (rows[at].ended_at, rows[at].ended_by) = (was.ended_at, was.ended_by.clone());
                    }
                    Some(_) => {}
                    None => {
                        known.insert(row_of(was), rows.len());
                        rows.push(was.clone());
                    }
                }
            }
            for (pair, word) in last_words(former) {
                let latest = last.entry(pair).or_insert_with(|| word.clone());
                if word > *latest {
                    *latest = word;
                }
            }
        }
        // Whatever was said of the two after a row began has ended it, whichever database heard it.
        for row in rows.iter_mut().filter(|row| row.ended_at.is_none()) {
            if let Some((at, by)) = last.get(&AssignmentNamed::of(row)).filter(|(at, _)| *at > row.begun_at) {
                (row.ended_at, row.ended_by) = (Some(*at), Some(by.clone()));
            }
        }
        let mut begun = rows.split_off(now.len());
        begun.sort_by_key(|row| row.begun_at);
        let ended = rows.into_iter().zip(now).filter(|(row, was)| row.ended_at != was.ended_at).map(|(row, _)| row);
        Self { begun, ended: ended.collect() }
    }
}

/// When a database was last told something of each two, and by whom. Of those whom it has assigned that is the beginning, whatever
/// its clock did before.
fn last_words(rows: &[Assignment]) -> BTreeMap<AssignmentNamed, (i64, String)> {
    let (mut last, mut open) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        match row.ended_at {
            None => {
                open.insert(AssignmentNamed::of(row), (row.begun_at, row.begun_by.clone()));
            }
            Some(at) => {
                let word = (at, row.ended_by.clone().unwrap_or_default());
                let latest = last.entry(AssignmentNamed::of(row)).or_insert_with(|| word.clone());
                if word > *latest {
                    *latest = word;
                }
            }
        }
    }
    last.extend(open);
    last
}

impl Tx<'_> {
    pub(super) fn carry_assignments(&self, formers: &[Former]) -> Result<AssignmentsAgain, HubError> {
        let (mut said, mut again) = (Vec::new(), AssignmentsAgain::default());
        for former in formers {
            if let Some(rows) = former.read(self.keys, |was| was.assignments()) {
                said.push(rows);
                again.is_compared |= former.is_last;
            }
        }
        let writing = Writing::between(&self.assignments()?, &said);
        for row in &writing.begun {
            let (name, holds) = (AssignmentNamed::of(row), row.ended_at.is_none());
            match (self.may_assign(row)?, holds) {
                (true, _) => self.put_assignment(row)?,
                (false, true) => again.to_enter.push(name.clone()),
                (false, false) => {}
            }
            if holds && !again.to_enter.contains(&name) {
                again.kept.push(name);
            }
        }
        for row in &writing.ended {
            self.end_as(row)?;
            let name = AssignmentNamed::of(row);
            if !again.kept.contains(&name) {
                again.ended.push(name);
            }
        }
        let lines = again.kept.iter().map(|name| ("assign_carried", name));
        for (action, name) in lines.chain(again.ended.iter().map(|name| ("unassign_carried", name))) {
            self.audit(&Who::Admin, action, Some(&name.patient), name.staff.as_str())?;
        }
        Ok(again)
    }

    /// Whether both are known here. That the station cares for the patient may come later, with a consent that is entered again.
    fn may_assign(&self, row: &Assignment) -> Result<bool, HubError> {
        let works_there = self.staff_member(&row.staff)?.is_some_and(|staff| staff.facility == row.station);
        Ok(works_there && self.opens_patient(&row.patient))
    }

    fn put_assignment(&self, row: &Assignment) -> Result<(), HubError> {
        self.sql.execute(
            "INSERT INTO assignment (station, patient, staff, until, begun_at, begun_by, ended_at, ended_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                row.station.as_str(),
                row.patient.as_str(),
                row.staff.as_str(),
                row.until.map(|day| day.to_string()),
                row.begun_at,
                &row.begun_by,
                row.ended_at,
                &row.ended_by,
            ),
        )?;
        Ok(())
    }

    fn end_as(&self, row: &Assignment) -> Result<(), HubError> {
        self.sql.execute(
            "UPDATE assignment SET ended_at = ?4, ended_by = ?5
             WHERE patient = ?1 AND staff = ?2 AND begun_at = ?3 AND ended_at IS NULL",
            (row.patient.as_str(), row.staff.as_str(), row.begun_at, row.ended_at, &row.ended_by),
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice::from_ref;

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    /// Nurse and patient, when it was begun, and when it was ended.
    fn row(staff: &str, begun_at: i64, ended_at: Option<i64>) -> Outcome<Assignment> {
        Ok(Assignment {
            patient: "p-1".parse()?,
            staff: staff.parse()?,
            station: "st-1".parse()?,
            until: None,
            begun_at,
            begun_by: "admin".into(),
            ended_at,
            ended_by: ended_at.map(|_| "admin".to_string()),
        })
    }

    /// What is begun, and what is ended, of one nurse.
    fn between(now: &[Assignment], formers: &[Vec<Assignment>]) -> (Vec<Assignment>, Vec<Assignment>) {
        let Writing { begun, ended } = Writing::between(now, formers);
        (begun, ended)
    }

    #[test]
    fn what_was_made_or_ended_after_the_backup_stands_so_and_the_same_again_changes_nothing() -> Outcome {
        let (open, over, other) = (row("a", 1, None)?, row("a", 1, Some(5))?, row("b", 7, None)?);
        assert_eq!(between(from_ref(&open), &[vec![open.clone()]]), (vec![], vec![]));
        let former = vec![over.clone(), other.clone()];
        assert_eq!(between(from_ref(&open), from_ref(&former)), (vec![other.clone()], vec![over.clone()]));
        assert_eq!(
            between(&former, &[former.clone(), vec![open]]),
            (vec![], vec![]),
            "an older one opens nothing again"
        );
        // Another last day.
        let day = Some(jiff::civil::date(2026, 12, 1));
        let longer = Assignment { until: day, ..row("b", 9, None)? };
        let replaced = Assignment { ended_at: Some(9), ended_by: Some("admin".into()), ..other.clone() };
        let former = vec![replaced.clone(), longer.clone()];
        assert_eq!(between(&[other], from_ref(&former)), (vec![longer], vec![replaced]));
        Ok(())
    }

    #[test]
    fn where_histories_differ_the_last_word_about_two_people_counts() -> Outcome {
        // The wrong backup was put in place first: there she was assigned and taken off, and nobody knew of the assignment here.
        let (here, there) = (row("a", 4, None)?, row("a", 6, Some(8))?);
        let over = row("a", 4, Some(8))?;
        assert_eq!(between(from_ref(&here), &[vec![there.clone()]]), (vec![there], vec![over.clone()]));
        // It was said here later than there.
        let (later, earlier) = (row("a", 9, None)?, row("a", 6, Some(8))?);
        assert_eq!(between(from_ref(&later), &[vec![earlier.clone()]]), (vec![earlier], vec![]));
        // Assigned in both: one of the two rows holds.
        let again = row("a", 8, None)?;
        assert_eq!(between(&[here], &[vec![again.clone()]]), (vec![again], vec![over]));
        Ok(())
    }

    #[test]
    fn a_clock_that_was_put_back_ends_nothing() -> Outcome {
        let history = vec![row("a", 10, Some(7))?, row("a", 7, None)?];
        assert_eq!(between(&history, from_ref(&history)), (vec![], vec![]));
        assert_eq!(between(&history[..1], from_ref(&history)), (vec![history[1].clone()], vec![]));
        Ok(())
    }
}
