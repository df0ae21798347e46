//! The calendar of visits in the monthly report (訪問看護報告書 別紙様式2, 訪問日; domain §3.7, AT-R1): made out of confirmed
//! notes, so that it never says more than the record does. The marks tell the doctor what was visited; they are no claim.

use crate::ids::DocumentId;
use crate::order::{NursingOrder, Orders};
use crate::visit_note::NoteState;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// 訪問区分 of a note, as far as the calendar tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitKind {
    Regular,
    Emergency,
    SpecialOrder,
    DischargeDay,
    /// 24時間電話対応: nobody was visited.
    Phone,
    /// A word of a newer version: a visit all the same.
    Other,
}

impl VisitKind {
    /// Reads the note's `visit_kind`; a note that does not say is a regular visit.
    pub fn of(word: Option<&str>) -> Self {
        match word {
            None | Some("regular") => VisitKind::Regular,
            Some("emergency") => VisitKind::Emergency,
            Some("special_order") => VisitKind::SpecialOrder,
            Some("discharge_day") => VisitKind::DischargeDay,
            Some("phone") => VisitKind::Phone,
            Some(_) => VisitKind::Other,
        }
    }
}

/// What the calendar needs to know of one note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportVisit {
    pub note: DocumentId,
    /// Japan's calendar day of the visit.
    pub day: Date,
    pub kind: VisitKind,
    /// Actual length, from the start to the end that were written down.
    pub minutes: Option<i64>,
    pub state: NoteState,
    /// `false`: cancelled, or nobody was at home.
    pub carried_out: bool,
}

/// One mark, in the order in which a day shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// ○ one visit
    Once,
    /// ◎ two or more visits that day
    TwiceOrMore,
    /// □ 長時間: a visit of more than 90 minutes
    Long,
    /// △ inside a special order (特別訪問看護指示書)
    SpecialOrder,
    /// ✕ an emergency visit
    Emergency,
}

impl Mark {
    pub fn sign(self) -> char {
        match self {
            Mark::Once => '○',
            Mark::TwiceOrMore => '◎',
            Mark::Long => '□',
            Mark::SpecialOrder => '△',
            Mark::Emergency => '✕',
        }
    }
}

/// A day's marks: `○`, `◎△`, `○□✕`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DayMarks(BTreeSet<Mark>);

impl DayMarks {
    pub fn has(&self, mark: Mark) -> bool {
        self.0.contains(&mark)
    }

    pub fn iter(&self) -> impl Iterator<Item = Mark> {
        self.0.iter().copied()
    }
}

impl fmt::Display for DayMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.iter().try_for_each(|mark| f.write_char(mark.sign()))
    }
}

/// A patient's month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportCalendar {
    /// Days with a visit that counts; the others have no marks.
    pub days: BTreeMap<Date, DayMarks>,
    /// Notes that are not confirmed yet and would have a mark: the month cannot be reported before they are.
    pub drafts: Vec<DocumentId>,
    /// Notes with two confirmations: marked by the one that stands, and for the manager to decide.
    pub competing: Vec<DocumentId>,
}

/// A visit is 長時間 above so many minutes (長時間訪問看護加算: 90分を超える).
const LONG_MINUTES: i64 = 90;

/// The marks of the month in which `month` lies. `visits` and `orders` are one patient's.
///
/// △ stands for ○ inside the period of a special order on the device, whatever kind the note names: the period is the
/// doctor's, the kind is typed. With two visits ◎ says how many and △ stands beside it.
/// Phone contacts, cancelled visits, visits to an empty home and notes that were closed with a reason never count, and
/// block nothing.
pub fn marks(visits: &[ReportVisit], orders: &[NursingOrder], month: Date) -> ReportCalendar {
    let in_month = |day: Date| (day.year(), day.month()) == (month.year(), month.month());
    let counted =
        visits.iter().filter(|visit| in_month(visit.day) && visit.carried_out && visit.kind != VisitKind::Phone);
    let mut calendar = ReportCalendar::default();
    let mut by_day: BTreeMap<Date, Vec<&ReportVisit>> = BTreeMap::new();
    for visit in counted {
        match visit.state {
            NoteState::Draft => {
                calendar.drafts.push(visit.note);
                continue;
            }
            // Wrong patient, duplicate, discarded: no visit of this patient.
            NoteState::Closed => continue,
            NoteState::Competing => calendar.competing.push(visit.note),
            NoteState::Confirmed => {}
        }
        by_day.entry(visit.day).or_default().push(visit);
    }
    let special = |day| Orders::on(orders, day).is_special();
    calendar.days = by_day.into_iter().map(|(day, visits)| (day, day_marks(&visits, special(day)))).collect();
    calendar
}

fn day_marks(visits: &[&ReportVisit], special: bool) -> DayMarks {
    let count = match (visits.len(), special) {
        (0 | 1, true) => None,
        (0 | 1, false) => Some(Mark::Once),
        _ => Some(Mark::TwiceOrMore),
    };
    let any = |mark: Mark, is: fn(&ReportVisit) -> bool| visits.iter().any(|visit| is(visit)).then_some(mark);
    let marks = [
        count,
        special.then_some(Mark::SpecialOrder),
        any(Mark::Emergency, |visit| visit.kind == VisitKind::Emergency),
        any(Mark::Long, |visit| visit.minutes.is_some_and(|minutes| minutes > LONG_MINUTES)),
    ];
    DayMarks(marks.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const MONTH: Date = date(2026, 4, 1);

    fn visit(n: u8, day: i8) -> ReportVisit {
        ReportVisit {
            note: DocumentId([n; 16]),
            day: date(2026, 4, day),
            kind: VisitKind::Regular,
            minutes: Some(60),
            state: NoteState::Confirmed,
            carried_out: true,
        }
    }

    /// 特別訪問看護指示書 of 25 March to 7 April.
    fn special() -> Result<NursingOrder, crate::ids::IdError> {
        let (patient, facility, station) = ("p-1".parse()?, "tsubaki".parse()?, "st-1".parse()?);
        let (from, until) = (date(2026, 3, 25), date(2026, 4, 7));
        let order = NursingOrder::ordinary(DocumentId([99; 16]), patient, facility, station, from, until);
        Ok(NursingOrder { special: true, ..order })
    }

    fn shown(visits: &[ReportVisit], orders: &[NursingOrder]) -> Vec<(i8, String)> {
        marks(visits, orders, MONTH).days.iter().map(|(day, marks)| (day.day(), marks.to_string())).collect()
    }

    #[test]
    fn at_r1_one_visit_is_a_circle_and_two_of_a_day_a_double_one() {
        let visits = [visit(1, 10), visit(2, 12), visit(3, 12), visit(4, 13), visit(5, 13), visit(6, 13)];
        assert_eq!(shown(&visits, &[]), [(10, "○".into()), (12, "◎".into()), (13, "◎".into())]);
    }

    #[test]
    fn at_r1_a_day_inside_a_special_order_is_a_triangle_to_its_last_day() -> Result<(), crate::ids::IdError> {
        let visits = [visit(1, 6), visit(2, 7), visit(3, 7), visit(4, 8)];
        assert_eq!(shown(&visits, &[special()?]), [(6, "△".into()), (7, "◎△".into()), (8, "○".into())]);
        let ordinary = NursingOrder { special: false, ..special()? };
        assert_eq!(shown(&visits[..1], &[ordinary]), [(6, "○".into())]);
        Ok(())
    }

    #[test]
    fn at_r1_an_emergency_has_a_cross_and_more_than_ninety_minutes_a_square_beside() -> Result<(), crate::ids::IdError>
    {
        let emergency = |n, day| ReportVisit { kind: VisitKind::Emergency, ..visit(n, day) };
        let long = |n, day, minutes| ReportVisit { minutes: Some(minutes), ..visit(n, day) };
        let visits =
            [emergency(1, 10), long(2, 11, 90), long(3, 12, 91), visit(4, 13), emergency(5, 13), long(6, 13, 120)];
        assert_eq!(shown(&visits, &[]), [(10, "○✕".into()), (11, "○".into()), (12, "○□".into()), (13, "◎□✕".into())]);
        assert_eq!(shown(&[emergency(1, 7)], &[special()?]), [(7, "△✕".into())]);
        Ok(())
    }

    #[test]
    fn at_r1_a_draft_has_no_mark_and_is_listed_as_what_blocks_the_month() {
        let draft = ReportVisit { state: NoteState::Draft, ..visit(2, 10) };
        let last_month = ReportVisit { state: NoteState::Draft, day: date(2026, 3, 31), ..visit(3, 1) };
        let last_year = ReportVisit { day: date(2025, 4, 10), ..visit(4, 1) };
        let calendar = marks(&[visit(1, 10), draft, last_month, last_year], &[], date(2026, 4, 30));
        assert_eq!(calendar.drafts, [draft.note]);
        assert_eq!(calendar.days.len(), 1);
        assert_eq!(calendar.days.get(&date(2026, 4, 10)).map(DayMarks::to_string).as_deref(), Some("○"));
    }

    #[test]
    fn at_r1_phone_contacts_cancelled_and_absent_visits_never_count() {
        let phone = ReportVisit { kind: VisitKind::of(Some("phone")), ..visit(1, 10) };
        let cancelled = ReportVisit { carried_out: false, ..visit(2, 10) };
        let cancelled_draft = ReportVisit { state: NoteState::Draft, ..cancelled };
        let closed = ReportVisit { state: NoteState::Closed, ..visit(3, 10) };
        assert_eq!(marks(&[phone, cancelled, cancelled_draft, closed], &[], MONTH), ReportCalendar::default());
        assert_eq!(shown(&[phone, cancelled, visit(3, 10)], &[]), [(10, "○".into())]);
    }

    #[test]
    fn a_visit_that_was_confirmed_twice_is_one_visit_and_waits_for_the_manager() {
        let competing = ReportVisit { state: NoteState::Competing, ..visit(1, 10) };
        let calendar = marks(&[competing], &[], MONTH);
        assert_eq!(calendar.competing, [competing.note]);
        assert_eq!(shown(&[competing], &[]), [(10, "○".into())]);
    }

    #[test]
    fn a_kind_of_a_newer_version_is_still_a_visit() {
        assert_eq!(VisitKind::of(Some("newer")), VisitKind::Other);
        assert_eq!(VisitKind::of(None), VisitKind::Regular);
        let newer = ReportVisit { kind: VisitKind::Other, ..visit(1, 10) };
        assert_eq!(shown(&[newer], &[]), [(10, "○".into())]);
    }
}
