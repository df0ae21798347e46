//! カレンダー: a week by kind with the day that is read below it, or the month's visits.

use super::update::{Entry, Event, Group, Held, Kind, Mark, Model, What, entries, of_day, rows, update, week_of};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{PeriodHead, Turn};
use crate::screens::notes::state_tag;
use crate::screens::patient::month::Month;
use crate::screens::patient::update::flag_key;
use crate::screens::patient::view::{Whole, as_of_words};
use crate::screens::unreadable::{Trouble, or_words};
use crate::screens::use_directory;
use crate::text::{
    Language, TIE, Words, allergy_detail, clock, date_long, day_and_clock, error_words, measured, use_words,
};
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::read::Directory;
use device::record::calendar::{day_in_japan, weekday_kanji};
use device::record::{Form, PatientId, SummaryItem, Visit};
use device::{DeviceError, NoteRow, Phone};
use dioxus::prelude::*;

/// The station's documents that have a day here, beside the visit notes.
const DOCUMENTS: [Form; 4] = [Form::Handover, Form::IntakeRecord, Form::CarePlan, Form::VisitReport];

#[component]
pub fn Calendar(id: PatientId, shown: Whole) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut monthly = use_signal(|| false);
    let of = id.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        or_words(words, "keep-notes-unread", session.phone.note_rows(Some(&of)))
    });
    let (notes, notes_unread) = read();
    rsx! {
        Trouble { said: notes_unread }
        div { class: "seg",
            for (month, key) in [(false, "chart-week"), (true, "chart-month")] {
                button { key: "{key}", class: if monthly() == month { "on" }, "aria-pressed": monthly() == month, onclick: move |_| monthly.set(month), {words.say(key)} }
            }
        }
        if monthly() {
            Month { id: id.clone(), notes: notes.clone() }
        } else {
            Week { id: id.clone(), shown: shown.clone(), notes: notes.clone() }
        }
    }
}

#[component]
fn Week(id: PatientId, shown: Whole, notes: Vec<NoteRow>) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let directory = use_directory()();
    let today = day_in_japan(Timestamp::now());
    let mut model = use_signal(|| Model { day: today });
    let mut send = move |event: Event| update(&mut model.write(), event);
    let read = use_memo(move || {
        let _ = (live.revision)();
        own_of(&session.phone, &id).map_err(|error| error_words(words, &error))
    });
    let (visits, documents) = match read() {
        Ok(read) => read,
        Err(error) => return rsx! { p { class: "strip", role: "alert", "{error}" } },
    };
    let summary = &shown.0.summary;
    let entries = entries(&Held { summary, notes: &notes, visits: &visits, documents: &documents });
    let Model { day: picked } = model();
    let monday = model().monday();
    let days = week_of(monday);
    let rows = rows(&entries, monday);
    let groups = of_day(&entries, picked);
    let title = format!("{}{TIE}– {}", days[0].strftime("%Y/%-m/%-d"), days[6].strftime("%-m/%-d"));
    rsx! {
        section { class: "card",
            PeriodHead { title, before: "chart-week-before", this: "chart-this-week", after: "chart-week-after",
                on_turn: move |turn: Turn| send(match turn {
                    Turn::Before => Event::WeekBefore,
                    Turn::This => Event::ThisWeek(today),
                    Turn::After => Event::WeekAfter,
                }),
            }
            table { class: "week",
                thead { tr {
                    td {}
                    for day in days {
                        th { key: "{day}", "scope": "col",
                            button { class: if day == picked { "day on" } else { "day" }, "aria-pressed": day == picked, "aria-current": if day == today { "date" },
                                onclick: move |_| send(Event::DayPicked(day)),
                                span { {weekday_short(words, day)} } b { {day.day().to_string()} } span { class: "hidden", " " {date_long(words, day)} }
                            }
                        }
                    }
                } }
                tbody {
                    for (kind, marks) in rows {
                        tr { key: "{kind.key()}",
                            th { "scope": "row", {words.say(kind.key())} }
                            for (i, mark) in marks.into_iter().enumerate() { td { key: "{i}", MarkCell { mark } } }
                        }
                    }
                }
            }
            p { class: "src", {words.say("chart-legend")} }
        }
        section { class: "col gap",
            h2 { {date_long(words, picked)} }
            if shown.0.lease_lapsed { p { class: "strip warn", {words.say("lease-lapsed")} } }
            if groups.is_empty() { p { class: "card empty", {words.say("chart-day-empty")} } }
            for (i, group) in groups.into_iter().enumerate() {
                DayGroup { key: "{picked}{i}", kind: group.kind, facility: facility_of(&group, &directory), entries: group.entries.into_iter().cloned().collect::<Vec<_>>() }
            }
        }
    }
}

/// The planned visits of a patient, and the station's own documents.
fn own_of(phone: &Phone, patient: &PatientId) -> Result<(Vec<Visit>, Vec<NoteRow>), DeviceError> {
    let mut documents = Vec::new();
    for form in DOCUMENTS {
        documents.extend(phone.document_rows(form, Some(patient))?);
    }
    Ok((phone.planned_visits(patient)?, documents))
}

/// One kind on one day: the number for eyes, its sentence for a screen reader, and another shape where nothing is done yet.
#[component]
fn MarkCell(mark: Mark) -> Element {
    let words = use_words();
    let (shown, class) = match mark {
        Mark { count: 0, .. } => return rsx! { span { class: "c" } },
        Mark { count, firm } => {
            let shown = if count > 9 { "9+".to_string() } else { count.to_string() };
            (shown, if firm { "c h" } else { "c m" })
        }
    };
    let said = words.count(if mark.firm { "chart-cell" } else { "chart-cell-planned" }, mark.count as u64);
    rsx! {
        span { class, "aria-hidden": "true", "{shown}" }
        span { class: "hidden", "{said}" }
    }
}

#[component]
fn DayGroup(kind: Kind, facility: String, entries: Vec<Entry>) -> Element {
    let words = use_words();
    let count = words.count("items", entries.len() as u64);
    rsx! {
        article { class: "card",
            div { class: "row sp wrap", h3 { {words.say(kind.key())} " {count}" } span { class: "src", "{facility}" } }
            for (i, entry) in entries.into_iter().enumerate() { DayLine { key: "{i}", entry, kind } }
        }
    }
}

#[component]
fn DayLine(entry: Entry, kind: Kind) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let now = Timestamp::now();
    match entry.what {
        What::Note(note) => {
            let hours = [note.started_at, note.ended_at].into_iter().flatten().map(clock).collect::<Vec<_>>().join("–");
            let (class, key) = state_tag(note.state);
            rsx! {
                button { class: "line cardlink", onclick: move |_| shell.go(Route::Note(note.note)),
                    span { class: "col grow", b { {words.say("note-title")} } span { class: "src", "{hours}" } }
                    span { class, {words.say(key)} }
                    span { class: "n", "aria-hidden": "true", "›" }
                }
            }
        }
        What::Planned(visit) => rsx! {
            div { class: "line row sp wrap",
                span { {words.say("chart-planned")} " " {visit.start.strftime("%-H:%M").to_string()} }
                span { class: "sub", {words.count("minutes", visit.minutes)} }
            }
        },
        What::Item(item) => rsx! { ItemOfDay { item, kind } },
        What::Order(order) => rsx! {
            div { class: "line",
                {words.with("order-period", &[("from", date_long(words, order.from).into()), ("until", date_long(words, order.until).into())])}
                if order.special { span { class: "tag wa", {words.say("order-special")} } }
            }
        },
        What::Document(form, at) => {
            let name =
                if words.0 == Language::Japanese { form.label_ja().to_string() } else { words.say(form_key(form)) };
            rsx! { div { class: "line row sp wrap", span { "{name}" } span { class: "src", {words.with("chart-changed", &[("time", day_and_clock(at, now).into())])} } } }
        }
    }
}

#[component]
fn ItemOfDay(item: SummaryItem, kind: Kind) -> Element {
    let words = use_words();
    let value = measured(item.value.as_deref(), item.unit.as_deref());
    let flag = item.flag.as_ref().and_then(flag_key).map(|key| words.say(key));
    let detail = item.detail.as_ref().map(|detail| match kind {
        Kind::Allergy => allergy_detail(words, detail),
        _ => detail.clone(),
    });
    let as_of = as_of_words(words, item.as_of, Timestamp::now());
    rsx! {
        div { class: "line",
            if let Some(body) = &item.body {
                details { summary { "{item.text}" } p { class: "body", "{body}" } }
            } else {
                span { "{item.text}" }
                if !value.is_empty() { b { " {value}" } }
                if let Some(flag) = flag { span { class: "tag", "{flag}" } }
                if let Some(detail) = detail { div { class: "src", "{detail}" } }
            }
            div { class: "src", "{as_of}" }
        }
    }
}

fn facility_of(group: &Group<'_>, directory: &Directory) -> String {
    group.facility.map(|facility| directory.facility(facility).to_string()).unwrap_or_default()
}

fn form_key(form: Form) -> &'static str {
    match form {
        Form::VisitNote => "chart-kind-visit_note",
        Form::Handover => "chart-kind-handover",
        Form::IntakeRecord => "chart-kind-intake_record",
        Form::CarePlan => "chart-kind-care_plan",
        Form::VisitReport => "chart-kind-visit_report",
    }
}

/// 月 — or Mo: seven of them stand side by side on the smallest screen.
pub fn weekday_short(words: Words, day: Date) -> String {
    match words.0 {
        Language::Japanese => weekday_kanji(day).to_string(),
        Language::English => day.strftime("%a").to_string().chars().take(2).collect(),
    }
}
