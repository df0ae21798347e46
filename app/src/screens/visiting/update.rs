//! In a patient's home only this patient is on the screen. Which way leads where; pure.

use crate::app::Route;
use device::jiff::Timestamp;
use device::record::calendar::day_in_japan;
use device::record::visit_note::NoteState;
use device::record::{DocumentId, PatientId};

/// Who is being visited, and in which note.
#[derive(Debug, Clone, PartialEq)]
pub struct Visiting {
    pub patient: PatientId,
    pub note: DocumentId,
}

/// A step from one screen to another.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Go(Route),
    Switch(Route),
    Back,
}

/// Whether a note's visit is under way: written, begun today, and not ended.
pub fn is_under_way(
    state: NoteState,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    state == NoteState::Draft
        && ended_at.is_none()
        && started_at.is_some_and(|at| day_in_japan(at) == day_in_japan(now))
}

/// Whether a screen shows nobody but the patient who is visited; any other has to be asked for.
pub fn is_reachable(visiting: Option<&Visiting>, route: &Route, is_theirs: impl Fn(DocumentId) -> bool) -> bool {
    let Some(visiting) = visiting else { return true };
    match route {
        Route::Patient(patient, _) | Route::Handover(patient) | Route::Family(patient, _) => {
            *patient == visiting.patient
        }
        Route::Note(note) | Route::Document(note) | Route::Amend(note, _) | Route::History(note) => {
            *note == visiting.note || is_theirs(*note)
        }
        Route::Settings => true,
        // Closing looks for the right patient among all of them.
        Route::CloseNote(_) => false,
        Route::Today | Route::Patients | Route::Notes | Route::Sync => false,
        Route::Manager | Route::Search | Route::OnCall => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visiting() -> Result<Visiting, Box<dyn std::error::Error>> {
        Ok(Visiting { patient: "p-a".parse()?, note: DocumentId([1; 16]) })
    }

    #[test]
    fn at_h4_during_a_visit_the_list_the_search_and_every_other_patient_have_to_be_asked_for()
    -> Result<(), Box<dyn std::error::Error>> {
        let visiting = visiting()?;
        let earlier = DocumentId([2; 16]);
        let may = |route: Route| is_reachable(Some(&visiting), &route, |note| note == earlier);
        assert!(may(Route::Patient("p-a".parse()?, None)));
        assert!(may(Route::Patient("p-a".parse()?, Some(earlier))), "another visit of the same patient");
        assert!(may(Route::Note(visiting.note)));
        assert!(may(Route::Note(earlier)), "an earlier note of the same patient");
        assert!(may(Route::Settings));
        assert!(may(Route::Handover("p-a".parse()?)) && may(Route::Family("p-a".parse()?, "weight_kg")));
        assert!(may(Route::Document(earlier)) && may(Route::History(visiting.note)));
        assert!(may(Route::Amend(earlier, Some("plan".into()))));
        let lists = [Route::Today, Route::Patients, Route::Notes, Route::Sync];
        let others = [Route::Manager, Route::Search, Route::OnCall, Route::CloseNote(visiting.note)];
        let of_another = [
            Route::Patient("p-b".parse()?, None),
            Route::Handover("p-b".parse()?),
            Route::Family("p-b".parse()?, "weight_kg"),
        ];
        for route in lists.into_iter().chain(others).chain(of_another) {
            assert!(!may(route.clone()), "{route:?}");
            assert!(is_reachable(None, &route, |_| false), "{route:?} without a visit");
        }
        let theirs = DocumentId([3; 16]);
        for route in [Route::Note(theirs), Route::Document(theirs), Route::History(theirs), Route::Amend(theirs, None)]
        {
            assert!(!may(route.clone()), "{route:?} of another patient");
        }
        Ok(())
    }

    #[test]
    fn a_visit_is_under_way_from_its_start_today_until_its_end() -> Result<(), Box<dyn std::error::Error>> {
        let now: Timestamp = "2026-11-22T10:00:00+09:00".parse()?;
        let today: Timestamp = "2026-11-22T09:30:00+09:00".parse()?;
        let yesterday: Timestamp = "2026-11-21T09:30:00+09:00".parse()?;
        assert!(is_under_way(NoteState::Draft, Some(today), None, now));
        assert!(!is_under_way(NoteState::Draft, None, None, now), "not begun");
        assert!(!is_under_way(NoteState::Draft, Some(yesterday), None, now), "a draft that was left lying");
        assert!(!is_under_way(NoteState::Draft, Some(today), Some(now), now), "ended");
        assert!(!is_under_way(NoteState::Confirmed, Some(today), None, now));
        Ok(())
    }
}
