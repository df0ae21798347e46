//! 今日の訪問

use super::ready::before_leaving;
use super::ready_card::ReadyCard;
use super::update::{OrderTag, next_visit, order_tag};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, SyncPill, Tabs};
use crate::screens::handover::{Unread, UnreadLines, unread_of};
use crate::screens::notes::state_tag;
use crate::screens::unreadable::{Trouble, because, last_sync};
use crate::screens::{age_words, sex_words, start_visit};
use crate::text::{Words, date_long, dotted, error_words, use_words};
use device::Phone;
use device::jiff::Timestamp;
use device::read::TodayRow;
use device::record::PatientId;
use device::record::calendar::day_in_japan;
use dioxus::prelude::*;
use fluent_bundle::FluentValue;
use std::collections::BTreeMap;

#[component]
pub fn Today() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let read = use_memo(move || {
        let _ = (live.revision)();
        read(&session.phone, words, Timestamp::now())
    });
    let (rows, now) = (read(), Timestamp::now());
    let sync = last_sync(words, &(live.status)(), now);
    let count = rows.as_ref().map_or(0, |(rows, _)| rows.len()) as u64;
    let sub = words.with(
        "today-sub",
        &[("date", date_long(words, day_in_japan(now)).into()), ("n", FluentValue::from(count)), ("sync", sync.into())],
    );
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap", h1 { {words.say("today-title")} } SyncPill {} }
            div { class: "sub", "{sub}" }
            TodayMenu {}
        }
        main { class: "bd",
            match rows {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok((rows, _)) if rows.is_empty() => rsx! {
                    div { class: "card empty", p { b { {words.say("today-none")} } } p { class: "sub", {words.say("today-none-hint")} } }
                },
                Ok((rows, unread)) => {
                    let next = next_visit(&rows);
                    let checks = before_leaving(&rows, (live.status)().0.as_deref(), now);
                    rsx! {
                        ReadyCard { checks }
                        if let Err(trouble) = &unread { p { class: "strip warn", role: "status", "{trouble}" } }
                        for (i, row) in rows.into_iter().enumerate() {
                            VisitCard { key: "{row.visit.id}", unread: unread_of(unread.as_ref().ok(), &row.visit.patient), row, next: next == Some(i) }
                        }
                    }
                }
            }
        }
        Tabs { on: Icon::Today }
    }
}

/// By patient, how many lines of the board are new; or in words why they cannot be read.
type Unreads = Result<BTreeMap<PatientId, u64>, String>;

/// Today's visits, and what is new on their boards.
fn read(phone: &Phone, words: Words, now: Timestamp) -> Result<(Vec<TodayRow>, Unreads), String> {
    let rows = phone.today(now).map_err(|error| error_words(words, &error))?;
    let patients: Vec<PatientId> = rows.iter().map(|row| row.visit.patient.clone()).collect();
    let unread = phone.unread_of(&patients).map_err(|error| because(words, "keep-boards-unread", &error));
    Ok((rows, unread))
}

/// What is not on a tab.
#[component]
fn TodayMenu() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let entries = [("chart-oncall-title", Route::OnCall), ("chart-search-title", Route::Search)];
    rsx! {
        nav { class: "row wrap", "aria-label": words.say("chart-menu"),
            for (key, route) in entries {
                button { key: "{key}", class: "chip", id: "{key}", onclick: move |_| shell.go(route.clone()), {words.say(key)} }
            }
        }
    }
}

#[component]
fn VisitCard(row: TodayRow, next: bool, unread: Unread) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let mut failed = use_signal(|| None::<String>);
    let TodayRow { visit, patient, note, state, has_allergy, .. } = row.clone();
    let today = day_in_japan(Timestamp::now());
    let (kana, name) = patient
        .as_ref()
        .map_or_else(|| (String::new(), words.say("unknown-patient")), |p| (p.kana.clone(), p.name.clone()));
    let who = patient
        .as_ref()
        .map(|p| {
            let age = p.birth_date.map(|birth| age_words(words, birth, today));
            [age, Some(sex_words(words, p.sex))].into_iter().flatten().collect::<Vec<_>>().join(" ")
        })
        .unwrap_or_default();
    let address = patient.as_ref().and_then(|p| p.address.clone()).unwrap_or_default();
    let order = match order_tag(&row, today) {
        OrderTag::Fine => None,
        OrderTag::Left(n) => Some(words.count("tag-order-left", n)),
        OrderTag::Expired => Some(words.say("tag-order-expired")),
        OrderTag::None => Some(words.say("tag-order-none")),
    };
    let tag = state.map(state_tag);
    let start = visit.start.strftime("%-H:%M").to_string();
    let minutes = words.count("minutes", visit.minutes);
    let (patient_id, visit_id) = (visit.patient.clone(), visit.id);
    let open_patient = Route::Patient(visit.patient.clone(), Some(visit_id));
    rsx! {
        article { class: if next { "card visit next" } else { "card visit" },
            button { class: "cardlink", onclick: move |_| shell.go(open_patient.clone()),
                span { class: "time", "{start}" }
                span { class: "col grow",
                    span { class: "kana", "{kana}" }
                    span { class: "nm", "{name}" }
                    span { class: "sub", {dotted([minutes, who])} }
                    if next && !address.is_empty() { span { class: "sub", "{address}" } }
                    span { class: "chips tight",
                        if has_allergy == Some(true) { span { class: "tag al", {words.say("tag-allergy")} } }
                        if has_allergy.is_none() { span { class: "tag wa", {words.say("tag-lapsed")} } }
                        if let Some(order) = order { span { class: "tag wa", "{order}" } }
                        if row.orders.overlapping { span { class: "tag wa", {words.say("tag-orders-overlap")} } }
                        UnreadLines { unread }
                        if let Some((class, key)) = tag { span { class, {words.say(key)} } }
                    }
                }
            }
            if next {
                button { class: "btn", "data-visit": "{visit_id}",
                    onclick: move |_| {
                        let done = start_visit(&session, shell, &patient_id, Some(visit_id), true);
                        failed.set(done.err().map(|error| error_words(words, &error)));
                    },
                    {words.say(if note.is_some() { "open-note" } else { "start-visit" })}
                }
            }
            Trouble { said: failed() }
        }
    }
}
