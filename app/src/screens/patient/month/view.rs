//! 月間: a patient's visits of a month, with the marks that the report will have.

use super::update::{Cell, Event, update, weeks};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{PeriodHead, Turn};
use crate::screens::patient::calendar::weekday_short;
use crate::text::{date_long, error_words, use_words};
use device::NoteRow;
use device::jiff::Timestamp;
use device::record::calendar::day_in_japan;
use device::record::{DocumentId, PatientId};
use dioxus::prelude::*;

#[component]
pub fn Month(id: PatientId, notes: Vec<NoteRow>) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let today = day_in_japan(Timestamp::now());
    let mut first = use_signal(|| today.first_of_month());
    let mut send = move |event: Event| update(&mut first.write(), event);
    let phone = session.phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        let month = first().strftime("%Y-%m").to_string();
        let report = phone.report_calendar(&id, &month);
        report.and_then(|report| Ok((report, phone.planned_visits(&id)?))).map_err(|error| error_words(words, &error))
    });
    let (report, visits) = match read() {
        Ok(read) => read,
        Err(error) => return rsx! { p { class: "strip", role: "alert", "{error}" } },
    };
    let weeks = weeks(first(), &report, &visits, &notes);
    let heads: Vec<_> =
        weeks.iter().skip(1).take(1).flatten().flatten().map(|cell| weekday_short(words, cell.day)).collect();
    let title = first().strftime("%Y/%-m").to_string();
    let waiting = [("chart-drafts", report.drafts), ("chart-competing", report.competing)];
    rsx! {
        section { class: "card",
            PeriodHead { title, before: "chart-month-before", this: "chart-this-month", after: "chart-month-after",
                on_turn: move |turn: Turn| send(match turn {
                    Turn::Before => Event::MonthBefore,
                    Turn::This => Event::ThisMonth(today),
                    Turn::After => Event::MonthAfter,
                }),
            }
            table { class: "week month",
                thead { tr { for head in heads { th { key: "{head}", "scope": "col", "{head}" } } } }
                tbody {
                    for (i, week) in weeks.into_iter().enumerate() {
                        tr { key: "{i}",
                            for (j, cell) in week.into_iter().enumerate() {
                                td { key: "{j}", if let Some(cell) = cell { DayCell { today: cell.day == today, cell } } }
                            }
                        }
                    }
                }
            }
            p { class: "src", {words.say("chart-month-legend")} }
        }
        for (key, notes) in waiting {
            if !notes.is_empty() { Waiting { title: key, notes } }
        }
    }
}

#[component]
fn DayCell(cell: Cell, today: bool) -> Element {
    let words = use_words();
    let planned = match cell.planned {
        0 => String::new(),
        1 => words.say("chart-planned-sign"),
        n => format!("{}{n}", words.say("chart-planned-sign")),
    };
    rsx! {
        span { class: if today { "date now" } else { "date" }, {cell.day.day().to_string()} }
        if !cell.marks.is_empty() { span { class: "c h", "{cell.marks}" } }
        if !planned.is_empty() { span { class: "c m", "{planned}" } }
    }
}

/// Notes that keep the month from being reported.
#[component]
fn Waiting(title: &'static str, notes: Vec<DocumentId>) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let rows: Vec<_> = notes
        .into_iter()
        .map(|note| {
            let day = match session.phone.show_note(note).map(|shown| shown.view) {
                Err(_) => words.say("keep-day-unread"),
                Ok(view) => match view.time("started_at").or_else(|| view.time("planned_start")) {
                    Some(at) => date_long(words, day_in_japan(at)),
                    None => words.say("date-unknown"),
                },
            };
            (note, day)
        })
        .collect();
    rsx! {
        section { class: "card",
            h2 { {words.count(title, rows.len() as u64)} }
            for (note, day) in rows {
                button { key: "{note}", class: "line cardlink", onclick: move |_| shell.go(Route::Note(note)),
                    span { class: "grow", "{day}" } span { class: "n", "aria-hidden": "true", "›" }
                }
            }
        }
    }
}
