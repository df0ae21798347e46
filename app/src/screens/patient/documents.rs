//! 書類 of a patient: what the station draws up, and what hospitals disclosed.

use crate::app::{Live, Route, Session, Shell};
use crate::screens::document::{months_to_offer, standing};
use crate::screens::notes::author_of;
use crate::screens::patient::view::{Whole, as_of_words};
use crate::screens::unreadable::Trouble;
use crate::screens::use_directory;
use crate::text::{Words, day_and_clock, dotted, error_words, form_words, month_words, use_words};
use device::document_list::DocumentListed;
use device::jiff::Timestamp;
use device::read::Directory;
use device::record::calendar::day_in_japan;
use device::record::{Form, PatientId, SummaryItem};
use dioxus::prelude::*;

/// Documents of a form that are listed at once.
const AT_ONCE: usize = 6;

#[component]
pub fn Documents(patient: PatientId, shown: Whole) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let directory = use_directory()();
    let of = patient.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        session.phone.documents_of(&of).map_err(|error| error_words(words, &error))
    });
    let listed = match read() {
        Ok(listed) => listed,
        Err(error) => return rsx! { p { class: "strip", role: "alert", "{error}" } },
    };
    rsx! {
        for form in [Form::IntakeRecord, Form::CarePlan, Form::VisitReport] {
            OfForm { key: "{form}", form, patient: patient.clone(), directory: directory.clone(), listed: listed.iter().filter(|known| known.row.form == form).cloned().collect::<Vec<_>>() }
        }
        // What the lapsed lease hides is not said to be missing.
        if shown.0.lease_lapsed {
            section { class: "card", h2 { {words.say("board-disclosed")} } p { class: "sub", {words.say("lease-lapsed")} } }
        } else {
            Disclosed { items: shown.0.summary.documents.clone(), directory }
        }
    }
}

/// The documents of one form, and the way to begin another.
#[component]
fn OfForm(form: Form, patient: PatientId, listed: Vec<DocumentListed>, directory: Directory) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let mut all = use_signal(|| false);
    let now = Timestamp::now();
    let months: Vec<Option<String>> = if form == Form::IntakeRecord {
        // One a patient: it has no month.
        if listed.is_empty() { vec![None] } else { Vec::new() }
    } else {
        let taken: Vec<&str> = listed.iter().filter_map(|known| known.month.as_deref()).collect();
        months_to_offer(day_in_japan(now), &taken).into_iter().map(Some).collect()
    };
    let total = listed.len();
    let shown = if all() { total } else { total.min(AT_ONCE) };
    rsx! {
        section { class: "card", "data-form": "{form}",
            h2 { {form_words(words, form)} }
            if listed.is_empty() { p { class: "sub", {words.say("board-documents-none")} } }
            for known in listed.into_iter().take(shown) {
                button { key: "{known.row.note}", class: "cardlink line", onclick: move |_| shell.go(Route::Document(known.row.note)),
                    span { class: "col grow",
                        b { {known.month.as_ref().map_or_else(|| form_words(words, form), |month| month_words(words, month))} }
                        span { class: "src",
                            {dotted([Some(day_and_clock(known.row.changed_at, now)), author_of(&directory, &known.row)].into_iter().flatten())}
                        }
                    }
                    span { class: "col end",
                        span { class: standing(&known).0, {words.say(standing(&known).1)} }
                        if known.row.has_conflict { span { class: "tag wa", {words.say("tag-conflict")} } }
                        if known.row.has_late_edits { span { class: "tag wa", {words.say("board-late-edits")} } }
                    }
                }
            }
            if shown < total {
                button { class: "btn g s wide", onclick: move |_| all.set(true), {words.count("show-all", total as u64)} }
            }
            if !months.is_empty() {
                div { class: "chips",
                    for (key, month) in months.into_iter().map(|month| (month.clone().unwrap_or_default(), month)) {
                        Begin { key: "{key}", form, patient: patient.clone(), month }
                    }
                }
            }
        }
    }
}

/// Begins a document, or opens the one that a colleague began for this month.
#[component]
fn Begin(form: Form, patient: PatientId, month: Option<String>) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let mut failed = use_signal(|| None::<String>);
    let of_month = month.clone().unwrap_or_default();
    let label = match &month {
        Some(month) => words.with("board-begin-month", &[("month", month_words(words, month).into())]),
        None => words.say("board-begin"),
    };
    rsx! {
        button { class: "chip", "data-month": of_month,
            onclick: move |_| match session.phone.start_document(form, &patient, month.as_deref(), Timestamp::now()) {
                Ok(document) => shell.go(Route::Document(document)),
                Err(error) => failed.set(Some(error_words(words, &error))),
            },
            "＋ {label}"
        }
        Trouble { said: failed() }
    }
}

/// Documents that hospitals disclosed: whose, of which day, and as of when.
#[component]
fn Disclosed(items: Vec<SummaryItem>, directory: Directory) -> Element {
    let words = use_words();
    let now = Timestamp::now();
    let mut all = use_signal(|| false);
    let total = items.len();
    let shown = if all() { total } else { total.min(AT_ONCE) };
    rsx! {
        section { class: "card",
            h2 { {words.say("board-disclosed")} " " {words.count("items", total as u64)} }
            if items.is_empty() { p { class: "sub", {words.say("board-disclosed-none")} } }
            for (i, item) in items.iter().take(shown).enumerate() {
                div { key: "{i}", class: "line",
                    if let Some(body) = &item.body {
                        details { summary { "{item.text}" } p { class: "body", "{body}" } }
                    } else {
                        span { "{item.text}" }
                        if let Some(detail) = &item.detail { div { class: "src", "{detail}" } }
                    }
                    div { class: "src", {source_words(words, &directory, item, now)} }
                }
            }
            if shown < total {
                button { class: "btn g s wide", onclick: move |_| all.set(true), {words.count("show-all", total as u64)} }
            }
        }
    }
}

fn source_words(words: Words, directory: &Directory, item: &SummaryItem, now: Timestamp) -> String {
    let as_of = as_of_words(words, item.as_of, now);
    let day = item.date.map(|date| date.strftime("%Y/%-m/%-d").to_string());
    dotted([Some(directory.facility(&item.facility).to_string()), day, Some(as_of)].into_iter().flatten())
}
