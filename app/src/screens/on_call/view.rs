//! オンコール: every patient of the station on one list, readable without a signal.

use super::update::{Mark, Row, named, pressing_first, row};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, MoreRows, Tabs, TitleRow, use_portions};
use crate::screens::person_words;
use crate::screens::unreadable::last_sync;
use crate::text::{Words, date_short, error_words, field_label, use_words, value_words};
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::record::calendar::day_in_japan;
use device::record::order::PatientStanding;
use device::record::summary::AllergyKnowledge;
use device::record::visit_note::FieldValue;
use device::{DeviceError, Phone};
use dioxus::prelude::*;

#[component]
pub fn OnCall() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut pressing = use_signal(|| false);
    let phone = session.phone.clone();
    let rows = use_memo(move || {
        let _ = (live.revision)();
        read(&phone, Timestamp::now()).map_err(|error| error_words(words, &error))
    });
    let only = pressing();
    let is_shown = |row: &&Row| !only || row.stands_out();
    let rows = rows.read();
    let total = rows.as_ref().map_or(0, |rows| rows.iter().filter(is_shown).count());
    let portions = use_portions(only, total);
    let now = Timestamp::now();
    let standing = (live.status)();
    let as_of = match standing.0 {
        Some(_) => words.with("patient-as-of", &[("time", last_sync(words, &standing, now).into())]),
        None => words.say("keep-as-of-unread"),
    };
    rsx! {
        header { class: "hd",
            TitleRow { title: words.say("chart-oncall-title") }
            div { class: "sub", "{as_of}" }
            div { class: "seg",
                for (which, key) in [(false, "chart-oncall-all"), (true, "chart-oncall-pressing")] {
                    button { key: "{key}", class: if only == which { "on" }, "aria-pressed": only == which, onclick: move |_| pressing.set(which), {words.say(key)} }
                }
            }
        }
        main { class: "bd",
            match &*rows {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok(rows) => rsx! {
                    p { class: "sub", role: "status", {words.count("patients-count", total as u64)} }
                    if total == 0 { p { class: "card empty", {words.say("chart-oncall-none")} } }
                    for row in rows.iter().filter(is_shown).take(portions.drawn) { OnCallCard { key: "{row.patient.id}", row: row.clone() } }
                    MoreRows { come: portions.more }
                },
            }
        }
        Tabs { on: Icon::Today }
    }
}

fn read(phone: &Phone, now: Timestamp) -> Result<Vec<Row>, DeviceError> {
    let today = day_in_japan(now);
    let mut rows: Vec<Row> = phone.on_call()?.into_iter().map(|shown| row(shown, today)).collect();
    pressing_first(&mut rows);
    Ok(rows)
}

#[component]
fn OnCallCard(row: Row) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let Row { patient, marks, order, last, unread } = row;
    let of = patient.clone();
    let allergies = use_memo(move || {
        let _ = (live.revision)();
        session.phone.allergies_of(&of, Timestamp::now()).map(named).map_err(|error| error_words(words, &error))
    });
    let (is_hot, allergies) = match allergies() {
        Ok((knowledge, names)) => (knowledge == AllergyKnowledge::Recorded, allergy_words(words, knowledge, &names)),
        Err(error) => (true, error),
    };
    let who = person_words(words, &patient, day_in_japan(Timestamp::now()));
    let (order, act) = order_words(words, order);
    let id = patient.id.clone();
    rsx! {
        article { class: "card col gap",
            button { class: "cardlink", onclick: move |_| shell.go(Route::Patient(id.clone(), None)),
                span { class: "col grow",
                    span { class: "kana", "{patient.kana}" }
                    span { class: "nm", "{patient.name}" }
                    span { class: "sub", "{who}" }
                    span { class: "chips tight",
                        for (i, mark) in marks.iter().enumerate() { span { key: "{i}", class: mark_class(mark), {mark_words(words, mark)} } }
                        if unread == Some(true) { span { class: "tag in", {words.say("chart-unread")} } }
                        if unread.is_none() { span { class: "tag wa", {words.say("chart-board-unreadable")} } }
                    }
                }
                span { class: "n", "aria-hidden": "true", "›" }
            }
            p { class: if is_hot { "hot" } else { "sub" }, "{allergies}" }
            p { class: if act { "hot" } else { "sub" }, "{order}" }
            if let Some(phone) = &patient.phone { p { class: "sub", {words.with("chart-phone", &[("number", phone.clone().into())])} } }
            if let Some((note, day)) = last {
                button { class: "btn g s", onclick: move |_| shell.go(Route::Note(note)), {words.with("chart-last-note", &[("day", date_short(words, day).into())])} }
            } else {
                p { class: "sub", {words.say("notes-none")} }
            }
        }
    }
}

fn mark_class(mark: &Mark) -> &'static str {
    match mark {
        Mark::Terminal | Mark::Alert { .. } => "tag al",
        Mark::Special(_) | Mark::Drip(_) | Mark::OrdersOverlap | Mark::Unreadable => "tag wa",
        Mark::Device(_) => "tag",
    }
}

fn mark_words(words: Words, mark: &Mark) -> String {
    let until = |key: &str, day: &Date| words.with(key, &[("day", day.strftime("%-m/%-d").to_string().into())]);
    match mark {
        Mark::Terminal => field_label(words, "care.terminal"),
        Mark::Special(day) => until("chart-special-until", day),
        Mark::Drip(day) => until("chart-drip-until", day),
        Mark::Alert { field, value } => {
            format!("{} {}", field_label(words, field), value_words(words, field, &FieldValue::Number(*value)))
        }
        Mark::Device(field) => field_label(words, field),
        Mark::OrdersOverlap => words.say("tag-orders-overlap"),
        Mark::Unreadable => words.say("chart-note-unreadable"),
    }
}

fn allergy_words(words: Words, knowledge: AllergyKnowledge, allergies: &[String]) -> String {
    match knowledge {
        AllergyKnowledge::Recorded => words.with("chart-allergies", &[("list", words.list(allergies).into())]),
        AllergyKnowledge::NoneKnown => words.say("allergy-none-known"),
        AllergyKnowledge::NotRecorded => words.say("allergy-not-recorded"),
        AllergyKnowledge::Locked => words.say("lease-lapsed"),
    }
}

/// How the order stands, and whether somebody has to act.
fn order_words(words: Words, standing: PatientStanding) -> (String, bool) {
    let until = |key: &str, day: Date| words.with(key, &[("day", date_short(words, day).into())]);
    match standing {
        PatientStanding::NoOrder => (words.say("tag-order-none"), true),
        PatientStanding::NotYet { begins } => (until("chart-order-begins", begins), true),
        PatientStanding::Holds { until: day, alert, .. } => (until("chart-order-until", day), alert.is_some()),
        PatientStanding::Expired { ended } => (until("chart-order-ended", ended), true),
    }
}
