//! What happened when, by kind: a week of everything that the phone holds of one patient.

use device::NoteRow;
use device::jiff::civil::Date;
use device::jiff::{Timestamp, ToSpan};
use device::record::calendar::{day_in_japan, instant_in_japan};
use device::record::visit_note::NoteState;
use device::record::{FacilityId, Form, NursingOrder, PatientSummary, SummaryItem, Visit, VisitId};
use std::collections::{BTreeMap, BTreeSet};

/// A row of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Visit,
    Rx,
    Inj,
    Lab,
    Document,
    Encounter,
    Problem,
    Allergy,
    Order,
    Handover,
    /// 記録書Ⅰ, 計画書, 報告書
    Form,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Visit,
        Kind::Rx,
        Kind::Inj,
        Kind::Lab,
        Kind::Document,
        Kind::Encounter,
        Kind::Problem,
        Kind::Allergy,
        Kind::Order,
        Kind::Handover,
        Kind::Form,
    ];

    pub fn key(self) -> &'static str {
        match self {
            Kind::Visit => "chart-kind-visit_note",
            Kind::Rx => "chart-kind-rx",
            Kind::Inj => "chart-kind-inj",
            Kind::Lab => "chart-kind-lab",
            Kind::Document => "chart-kind-document",
            Kind::Encounter => "chart-kind-encounter",
            Kind::Problem => "chart-kind-problem",
            Kind::Allergy => "chart-kind-allergy",
            Kind::Order => "chart-kind-order",
            Kind::Handover => "chart-kind-handover",
            Kind::Form => "chart-kind-form",
        }
    }
}

/// One thing on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub kind: Kind,
    pub day: Date,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Note(NoteRow),
    /// A slot that nobody has written a note of.
    Planned(Visit),
    Item(SummaryItem),
    Order(NursingOrder),
    /// The station's own document, on the day on which it last changed.
    Document(Form, Timestamp),
}

impl Entry {
    /// The facility that says so; none for the station's own record.
    pub fn facility(&self) -> Option<&FacilityId> {
        match &self.what {
            What::Item(item) => Some(&item.facility),
            What::Order(order) => Some(&order.facility),
            What::Note(_) | What::Planned(_) | What::Document(..) => None,
        }
    }

    fn at(&self) -> Option<Timestamp> {
        match &self.what {
            What::Note(note) => note.started_at,
            What::Planned(visit) => instant_in_japan(visit.date.to_datetime(visit.start)),
            What::Document(_, at) => Some(*at),
            What::Item(_) | What::Order(_) => None,
        }
    }

    /// Taken back: it stays readable in the list and marks no day.
    fn is_closed(&self) -> bool {
        matches!(&self.what, What::Note(note) if note.state == NoteState::Closed)
    }

    /// Done, not planned and not half written.
    fn is_firm(&self) -> bool {
        match &self.what {
            What::Note(note) => matches!(note.state, NoteState::Confirmed | NoteState::Competing),
            What::Planned(_) => false,
            What::Item(_) | What::Order(_) | What::Document(..) => true,
        }
    }
}

/// What the phone holds of one patient.
pub struct Held<'a> {
    pub summary: &'a PatientSummary,
    pub notes: &'a [NoteRow],
    pub visits: &'a [Visit],
    /// The station's other documents, the board among them.
    pub documents: &'a [NoteRow],
}

/// Everything that has a day, in the order of days, kinds and hours.
pub fn entries(held: &Held<'_>) -> Vec<Entry> {
    let slots: BTreeMap<VisitId, &Visit> = held.visits.iter().map(|visit| (visit.id, visit)).collect();
    let written: BTreeSet<VisitId> =
        held.notes.iter().filter(|note| note.state != NoteState::Closed).filter_map(|note| note.visit).collect();
    let notes = held.notes.iter().map(|note| {
        let planned = note.visit.and_then(|id| slots.get(&id)).map(|visit| visit.date);
        let day = note.started_at.map(day_in_japan).or(planned).unwrap_or_else(|| day_in_japan(note.changed_at));
        Entry { kind: Kind::Visit, day, what: What::Note(note.clone()) }
    });
    let open = held.visits.iter().filter(|visit| !written.contains(&visit.id));
    let planned = open.map(|visit| Entry { kind: Kind::Visit, day: visit.date, what: What::Planned(visit.clone()) });
    let orders = held.summary.orders.iter();
    let orders =
        orders.map(|order| Entry { kind: Kind::Order, day: order.issue_day(), what: What::Order(order.clone()) });
    let documents = held.documents.iter().filter(|row| row.state != NoteState::Closed).map(|row| Entry {
        kind: if row.form == Form::Handover { Kind::Handover } else { Kind::Form },
        day: day_in_japan(row.changed_at),
        what: What::Document(row.form, row.changed_at),
    });
    let mut all: Vec<Entry> =
        notes.chain(planned).chain(disclosed(held.summary)).chain(orders).chain(documents).collect();
    all.sort_by_key(|entry| (entry.day, entry.kind, entry.at()));
    all
}

fn disclosed(summary: &PatientSummary) -> Vec<Entry> {
    let lists = [
        (Kind::Rx, &summary.prescriptions),
        (Kind::Inj, &summary.injections),
        (Kind::Lab, &summary.labs),
        (Kind::Document, &summary.documents),
        (Kind::Encounter, &summary.encounters),
        (Kind::Problem, &summary.problems),
        (Kind::Allergy, &summary.allergies),
    ];
    let items = lists.into_iter().flat_map(|(kind, list)| list.iter().map(move |item| (kind, item)));
    let entries = items.filter_map(|(kind, item)| {
        // Without a clinical day it stands where the facility wrote it down; without either it is in the summary only.
        let recorded = (item.as_of != Timestamp::UNIX_EPOCH).then(|| day_in_japan(item.as_of));
        Some(Entry { kind, day: item.date.or(recorded)?, what: What::Item(item.clone()) })
    });
    entries.collect()
}

/// How much of a kind a day has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    pub count: usize,
    /// Something of it is done; else it is planned or half written.
    pub firm: bool,
}

/// The rows of a week: every kind that this patient has anything of, and visits always.
pub fn rows(entries: &[Entry], monday: Date) -> Vec<(Kind, [Mark; 7])> {
    let has = |kind: Kind| kind == Kind::Visit || entries.iter().any(|entry| entry.kind == kind);
    let mark = |kind: Kind, day: Date| {
        let of_day = || entries.iter().filter(move |e| e.kind == kind && e.day == day && !e.is_closed());
        Mark { count: of_day().count(), firm: of_day().any(Entry::is_firm) }
    };
    let kinds = Kind::ALL.into_iter().filter(|kind| has(*kind));
    kinds.map(|kind| (kind, week_of(monday).map(|day| mark(kind, day)))).collect()
}

/// What stands on one day of one kind from one facility.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    pub kind: Kind,
    pub facility: Option<&'a FacilityId>,
    pub entries: Vec<&'a Entry>,
}

pub fn of_day(entries: &[Entry], day: Date) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.day == day) {
        let facility = entry.facility();
        match groups.iter_mut().find(|group| group.kind == entry.kind && group.facility == facility) {
            Some(group) => group.entries.push(entry),
            None => groups.push(Group { kind: entry.kind, facility, entries: vec![entry] }),
        }
    }
    groups
}

pub fn monday_of(day: Date) -> Date {
    day.saturating_sub(day.weekday().to_monday_zero_offset().days())
}

pub fn week_of(monday: Date) -> [Date; 7] {
    [0, 1, 2, 3, 4, 5, 6].map(|days: i64| monday.saturating_add(days.days()))
}

/// Which week is shown, and which day of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    pub day: Date,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    WeekBefore,
    WeekAfter,
    /// 今週, on the day that it is there.
    ThisWeek(Date),
    DayPicked(Date),
}

impl Model {
    pub fn monday(self) -> Date {
        monday_of(self.day)
    }
}

pub fn update(model: &mut Model, event: Event) {
    model.day = match event {
        Event::WeekBefore => model.day.saturating_sub(7.days()),
        Event::WeekAfter => model.day.saturating_add(7.days()),
        Event::ThisWeek(day) | Event::DayPicked(day) => day,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use device::jiff::civil::date;
    use device::record::{DataClass, DisclosedRecord, DocumentId};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn visit(n: u8, day: i8) -> Result<Visit, Box<dyn std::error::Error>> {
        Ok(samples::visit(n, date(2026, 11, day))?)
    }

    fn note(n: u8, of: Option<u8>, state: NoteState, at: Option<&str>) -> Result<NoteRow, Box<dyn std::error::Error>> {
        Ok(NoteRow {
            visit: of.map(|n| DocumentId([n; 16])),
            state,
            started_at: at.map(str::parse).transpose()?,
            ..NoteRow::draft(DocumentId([n; 16]), Form::VisitNote, "p-1".parse()?, "2026-11-22T01:00:00Z".parse()?)
        })
    }

    fn record(
        class: DataClass,
        facility: &str,
        day: Option<Date>,
    ) -> Result<DisclosedRecord, Box<dyn std::error::Error>> {
        let bare = DisclosedRecord::new(facility.parse()?, class, "x", Timestamp::UNIX_EPOCH, "架空");
        Ok(DisclosedRecord { date: day, ..bare })
    }

    fn summary(records: Vec<DisclosedRecord>) -> Result<PatientSummary, Box<dyn std::error::Error>> {
        Ok(PatientSummary::new(samples::patient("p-1")?, records, Vec::new()))
    }

    const MONDAY: Date = date(2026, 11, 16);

    #[test]
    fn a_week_begins_on_monday_and_ends_on_sunday() {
        assert_eq!(monday_of(date(2026, 11, 22)), MONDAY);
        assert_eq!(monday_of(MONDAY), MONDAY);
        assert_eq!(week_of(MONDAY)[6], date(2026, 11, 22));
    }

    #[test]
    fn a_planned_visit_gives_way_to_its_note_and_comes_back_when_that_is_closed() -> Outcome {
        let summary = summary(Vec::new())?;
        let visits = [visit(1, 20)?];
        let marked = |notes: &[NoteRow]| {
            let all = entries(&Held { summary: &summary, notes, visits: &visits, documents: &[] });
            (all.len(), rows(&all, MONDAY)[0].1[4])
        };
        assert_eq!(marked(&[]), (1, Mark { count: 1, firm: false }));
        let at = Some("2026-11-20T00:30:00Z");
        assert_eq!(marked(&[note(2, Some(1), NoteState::Draft, at)?]), (1, Mark { count: 1, firm: false }));
        assert_eq!(marked(&[note(2, Some(1), NoteState::Confirmed, at)?]), (1, Mark { count: 1, firm: true }));
        assert_eq!(marked(&[note(2, Some(1), NoteState::Closed, at)?]), (2, Mark { count: 1, firm: false }));
        Ok(())
    }

    #[test]
    fn a_note_stands_on_japans_day_or_on_its_planned_one() -> Outcome {
        let summary = summary(Vec::new())?;
        // 22:30 in London is the next morning in Japan.
        let notes = [
            note(2, None, NoteState::Confirmed, Some("2026-11-18T22:30:00Z"))?,
            note(3, Some(1), NoteState::Draft, None)?,
            note(4, None, NoteState::Draft, None)?,
        ];
        let all = entries(&Held { summary: &summary, notes: &notes, visits: &[visit(1, 17)?], documents: &[] });
        assert_eq!(all.iter().map(|entry| entry.day.day()).collect::<Vec<_>>(), [17, 19, 22]);
        Ok(())
    }

    #[test]
    fn a_row_is_there_if_the_patient_has_anything_of_its_kind_and_what_has_no_day_marks_none() -> Outcome {
        let summary = summary(vec![
            record(DataClass::Rx, "a", Some(date(2026, 11, 20)))?,
            record(DataClass::Lab, "a", Some(date(2026, 10, 1)))?,
            record(DataClass::Problem, "a", None)?,
        ])?;
        let all = entries(&Held { summary: &summary, notes: &[], visits: &[], documents: &[] });
        let week = rows(&all, MONDAY);
        assert_eq!(week.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Kind::Visit, Kind::Rx, Kind::Lab]);
        assert_eq!(week[1].1[4], Mark { count: 1, firm: true });
        assert!(week[2].1.iter().all(|mark| mark.count == 0));
        Ok(())
    }

    #[test]
    fn a_day_is_read_by_kind_and_two_hospitals_stay_two() -> Outcome {
        let day = date(2026, 11, 20);
        let summary = summary(vec![
            record(DataClass::Lab, "a", Some(day))?,
            record(DataClass::Rx, "b", Some(day))?,
            record(DataClass::Rx, "a", Some(day))?,
            record(DataClass::Rx, "a", Some(day))?,
        ])?;
        let all = entries(&Held { summary: &summary, notes: &[], visits: &[], documents: &[] });
        let mut groups: Vec<_> = of_day(&all, day)
            .into_iter()
            .map(|group| (group.kind, group.facility.map(|id| id.to_string()), group.entries.len()))
            .collect();
        groups.sort();
        let said = |kind, facility: &str, n| (kind, Some(facility.to_string()), n);
        assert_eq!(groups, [said(Kind::Rx, "a", 2), said(Kind::Rx, "b", 1), said(Kind::Lab, "a", 1)]);
        assert!(of_day(&all, date(2026, 11, 21)).is_empty());
        Ok(())
    }

    #[test]
    fn the_week_moves_and_a_day_can_be_picked() {
        let mut model = Model { day: date(2026, 11, 20) };
        update(&mut model, Event::WeekBefore);
        assert_eq!((model.day, model.monday()), (date(2026, 11, 13), date(2026, 11, 9)));
        update(&mut model, Event::WeekAfter);
        update(&mut model, Event::DayPicked(date(2026, 11, 17)));
        assert_eq!((model.day.day(), model.monday()), (17, MONDAY));
        update(&mut model, Event::ThisWeek(date(2026, 12, 1)));
        assert_eq!(model.monday(), date(2026, 11, 30));
    }
}
