//! The manager's list: what stands under which heading, and which part of it is another person's own.

use crate::app::Route;
use device::document::ManagerTask;
use device::record::{DocumentId, PatientId, StaffRole};
use std::collections::BTreeSet;

/// A heading of the list, the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    Competing,
    OrderExpired,
    LateEdits,
    Held,
    Unconfirmed,
    OrderEnds,
}

impl Heading {
    pub const ALL: [(Heading, &'static str); 6] = [
        (Heading::Competing, "manager-competing"),
        (Heading::OrderExpired, "manager-order-expired"),
        (Heading::LateEdits, "manager-late-edits"),
        (Heading::Held, "manager-held"),
        (Heading::Unconfirmed, "manager-unconfirmed"),
        (Heading::OrderEnds, "manager-order-ends"),
    ];

    pub fn of(task: &ManagerTask) -> Heading {
        match task {
            ManagerTask::Competing { .. } => Heading::Competing,
            ManagerTask::OrderExpired { .. } => Heading::OrderExpired,
            ManagerTask::LateEdits { .. } => Heading::LateEdits,
            ManagerTask::Held { .. } => Heading::Held,
            ManagerTask::Unconfirmed { .. } => Heading::Unconfirmed,
            ManagerTask::OrderEnds { .. } => Heading::OrderEnds,
        }
    }
}

/// Whether a role is the manager's. One that is not known is not.
pub fn is_manager(role: Option<StaffRole>) -> bool {
    role == Some(StaffRole::Manager)
}

/// The patient that a row is about.
pub fn patient_of(task: &ManagerTask) -> &PatientId {
    match task {
        ManagerTask::Competing { patient, .. }
        | ManagerTask::LateEdits { patient, .. }
        | ManagerTask::Held { patient, .. }
        | ManagerTask::Unconfirmed { patient, .. }
        | ManagerTask::OrderExpired { patient, .. }
        | ManagerTask::OrderEnds { patient, .. } => patient,
    }
}

/// Where a row is settled: in the note, or with the patient whose orders they are.
pub fn route_of(task: &ManagerTask) -> Route {
    match task {
        ManagerTask::Competing { note, .. }
        | ManagerTask::LateEdits { note, .. }
        | ManagerTask::Unconfirmed { note, .. } => Route::Note(*note),
        ManagerTask::Held { note, form: device::record::Form::VisitNote, .. } => Route::Note(*note),
        ManagerTask::Held { patient, .. }
        | ManagerTask::OrderExpired { patient, .. }
        | ManagerTask::OrderEnds { patient, .. } => Route::Patient(patient.clone(), None),
    }
}

/// What is one person's own: the notes that she wrote or confirmed, and the patients whom she visits.
#[derive(Debug, Clone, Default)]
pub struct Own {
    pub notes: BTreeSet<DocumentId>,
    pub patients: BTreeSet<PatientId>,
}

/// Everybody but the manager sees her own part. What the hub holds back of this device is always hers.
pub fn own_part(tasks: Vec<ManagerTask>, own: &Own) -> Vec<ManagerTask> {
    tasks
        .into_iter()
        .filter(|task| match task {
            ManagerTask::Competing { note, .. }
            | ManagerTask::LateEdits { note, .. }
            | ManagerTask::Unconfirmed { note, .. } => own.notes.contains(note),
            ManagerTask::Held { .. } => true,
            ManagerTask::OrderExpired { patient, .. } | ManagerTask::OrderEnds { patient, .. } => {
                own.patients.contains(patient)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::civil::date;
    use device::record::Form;

    fn tasks() -> Result<Vec<ManagerTask>, Box<dyn std::error::Error>> {
        let (note, day) = (|n| DocumentId([n; 16]), date(2026, 11, 22));
        Ok(vec![
            ManagerTask::Competing { note: note(1), patient: "p-1".parse()? },
            ManagerTask::OrderExpired { patient: "p-1".parse()?, ended: day },
            ManagerTask::LateEdits { note: note(2), patient: "p-2".parse()? },
            ManagerTask::Held { note: note(3), patient: "p-3".parse()?, form: Form::VisitNote },
            ManagerTask::Unconfirmed { note: note(4), patient: "p-2".parse()?, day },
            ManagerTask::OrderEnds { patient: "p-2".parse()?, until: day, days_left: 7 },
        ])
    }

    #[test]
    fn every_row_stands_under_a_heading_in_the_order_of_the_list() -> Result<(), Box<dyn std::error::Error>> {
        let headings: Vec<Heading> = tasks()?.iter().map(Heading::of).collect();
        assert_eq!(headings, Heading::ALL.map(|(heading, _)| heading));
        Ok(())
    }

    #[test]
    fn every_row_goes_to_where_it_is_settled() -> Result<(), Box<dyn std::error::Error>> {
        let tasks = tasks()?;
        assert_eq!(route_of(&tasks[0]), Route::Note(DocumentId([1; 16])));
        assert_eq!(route_of(&tasks[1]), Route::Patient("p-1".parse()?, None));
        let plan = ManagerTask::Held { note: DocumentId([5; 16]), patient: "p-5".parse()?, form: Form::CarePlan };
        assert_eq!(route_of(&plan), Route::Patient("p-5".parse()?, None), "a plan is no visit note");
        Ok(())
    }

    #[test]
    fn a_role_that_is_not_known_opens_nothing_that_only_a_manager_does() {
        assert!(is_manager(Some(StaffRole::Manager)));
        assert!(!is_manager(Some(StaffRole::Nurse)) && !is_manager(None));
    }

    #[test]
    fn whoever_is_no_manager_sees_only_her_own_part() -> Result<(), Box<dyn std::error::Error>> {
        let own = Own { notes: [DocumentId([2; 16])].into(), patients: ["p-2".parse()?].into() };
        let headings: Vec<Heading> = own_part(tasks()?, &own).iter().map(Heading::of).collect();
        assert_eq!(headings, [Heading::LateEdits, Heading::Held, Heading::OrderEnds]);
        assert_eq!(own_part(tasks()?, &Own::default()).len(), 1, "what the hub holds back of this device");
        Ok(())
    }
}
