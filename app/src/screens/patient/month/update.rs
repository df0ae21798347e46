//! A month of visits: done, by the marks of the report's calendar (AT-R1), and still planned.

use device::NoteRow;
use device::jiff::ToSpan;
use device::jiff::civil::Date;
use device::record::report_calendar::ReportCalendar;
use device::record::visit_note::NoteState;
use device::record::{Visit, VisitId};
use std::collections::BTreeSet;

/// One day of the month.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub day: Date,
    /// ○ ◎ □ △ ✕ out of confirmed notes only.
    pub marks: String,
    /// Visits that are planned and have no confirmed note.
    pub planned: usize,
}

/// Seven columns from Monday on; days of the neighbouring months are blank.
pub type Weeks = Vec<[Option<Cell>; 7]>;

/// `notes` and `visits` are the patient's; `report` is the month's.
pub fn weeks(first: Date, report: &ReportCalendar, visits: &[Visit], notes: &[NoteRow]) -> Weeks {
    let confirmed = |note: &&NoteRow| matches!(note.state, NoteState::Confirmed | NoteState::Competing);
    let done: BTreeSet<VisitId> = notes.iter().filter(confirmed).filter_map(|note| note.visit).collect();
    let cell = |day: Date| Cell {
        day,
        marks: report.days.get(&day).map(ToString::to_string).unwrap_or_default(),
        planned: visits.iter().filter(|visit| visit.date == day && !done.contains(&visit.id)).count(),
    };
    let mut weeks = Weeks::new();
    let mut week: [Option<Cell>; 7] = Default::default();
    for number in 0..i64::from(first.days_in_month()) {
        let day = first.saturating_add(number.days());
        let column = day.weekday().to_monday_zero_offset();
        if let Some(place) = week.get_mut(usize::try_from(column).unwrap_or_default()) {
            *place = Some(cell(day));
        }
        if column == 6 {
            weeks.push(std::mem::take(&mut week));
        }
    }
    if week.iter().any(Option::is_some) {
        weeks.push(week);
    }
    weeks
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    MonthBefore,
    MonthAfter,
    ThisMonth(Date),
}

/// The first day of the month that is shown.
pub fn update(first: &mut Date, event: Event) {
    *first = match event {
        Event::MonthBefore => first.saturating_sub(1.month()),
        Event::MonthAfter => first.saturating_add(1.month()),
        Event::ThisMonth(day) => day,
    }
    .first_of_month();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use device::jiff::civil::date;
    use device::record::report_calendar::{ReportVisit, VisitKind, marks};
    use device::record::{DocumentId, Form};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const FIRST: Date = date(2026, 11, 1);

    fn visit(n: u8, day: i8) -> Result<Visit, Box<dyn std::error::Error>> {
        Ok(samples::visit(n, date(2026, 11, day))?)
    }

    fn note(of: u8, state: NoteState) -> Result<NoteRow, Box<dyn std::error::Error>> {
        Ok(NoteRow {
            visit: Some(DocumentId([of; 16])),
            state,
            ..NoteRow::draft(
                DocumentId([100 + of; 16]),
                Form::VisitNote,
                "p-1".parse()?,
                "2026-11-22T01:00:00Z".parse()?,
            )
        })
    }

    fn report(days: &[i8]) -> ReportCalendar {
        let visits: Vec<ReportVisit> = days
            .iter()
            .map(|day| ReportVisit {
                note: DocumentId([1; 16]),
                day: date(2026, 11, *day),
                kind: VisitKind::Regular,
                minutes: Some(60),
                state: NoteState::Confirmed,
                carried_out: true,
            })
            .collect();
        marks(&visits, &[], FIRST)
    }

    fn cell_of(weeks: &[[Option<Cell>; 7]], day: i8) -> Option<&Cell> {
        weeks.iter().flatten().flatten().find(|cell| cell.day.day() == day)
    }

    #[test]
    fn a_month_stands_in_weeks_from_monday_on() {
        let weeks = weeks(FIRST, &ReportCalendar::default(), &[], &[]);
        // 1 November 2026 is a Sunday.
        assert_eq!(weeks.len(), 6);
        assert_eq!(weeks[0].iter().filter(|cell| cell.is_some()).count(), 1);
        assert_eq!(weeks[5][0].as_ref().map(|cell| cell.day.day()), Some(30));
        assert_eq!(weeks.iter().flatten().flatten().count(), 30);
    }

    #[test]
    fn at_r1_a_day_has_the_reports_marks_and_a_draft_has_none() -> Outcome {
        let drawn = weeks(FIRST, &report(&[9, 13, 13]), &[visit(1, 20)?], &[note(1, NoteState::Draft)?]);
        let said = |day: i8| cell_of(&drawn, day).map(|cell| (cell.marks.as_str(), cell.planned));
        assert_eq!(said(9), Some(("○", 0)));
        assert_eq!(said(13), Some(("◎", 0)));
        assert_eq!(said(20), Some(("", 1)), "a draft is still to be done");
        Ok(())
    }

    #[test]
    fn a_visit_with_a_confirmed_note_is_no_longer_planned() -> Outcome {
        let visits = [visit(1, 20)?, visit(2, 20)?];
        let drawn = weeks(FIRST, &report(&[20]), &visits, &[note(1, NoteState::Confirmed)?]);
        assert_eq!(cell_of(&drawn, 20).map(|cell| (cell.marks.as_str(), cell.planned)), Some(("○", 1)));
        Ok(())
    }

    #[test]
    fn the_month_moves_and_stays_on_its_first_day() {
        let mut first = date(2026, 1, 1);
        update(&mut first, Event::MonthBefore);
        assert_eq!(first, date(2025, 12, 1));
        update(&mut first, Event::MonthAfter);
        update(&mut first, Event::MonthAfter);
        assert_eq!(first, date(2026, 2, 1));
        update(&mut first, Event::ThisMonth(date(2026, 11, 22)));
        assert_eq!(first, FIRST);
    }
}
