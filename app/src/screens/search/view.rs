//! 検索: words of any length in the station's notes and in what hospitals disclosed, without a signal.

use super::update::{ASK_AFTER_MS, Event, MOST, Model, StartPause, by_patient, kind_key, update};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, MoreRows, Tabs, TitleRow, use_portions};
use crate::screens::unreadable::{Names, Trouble};
use crate::text::{date_short, dotted, error_words, use_words};
use device::jiff::Timestamp;
use device::record::{Form, PatientId};
use device::{Hit, SearchKind};
use dioxus::prelude::*;
use std::time::Duration;

/// What was last looked for, until the app locks: the way back from a hit leads to the same list.
#[derive(Clone, Copy, PartialEq)]
pub struct Searched(pub Signal<Model>);

#[component]
pub fn Search() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let Searched(mut model) = use_context::<Searched>();
    let mut send = move |event: Event| {
        let pause = update(&mut model.write(), event);
        if let Some(StartPause(keys)) = pause {
            spawn(async move {
                tokio::time::sleep(Duration::from_millis(ASK_AFTER_MS)).await;
                update(&mut model.write(), Event::Pause(keys));
            });
        }
    };
    // What was typed when the screen was left, half composed or not asked yet, is asked now.
    use_effect(move || {
        let mut send = send;
        send(Event::Left);
    });
    let asked = use_memo(move || model.read().asked.clone());
    let phone = session.phone.clone();
    let found = use_memo(move || {
        let _ = (live.revision)();
        phone.search(&asked.read(), None, MOST, Timestamp::now()).map_err(|error| error_words(words, &error))
    });
    let phone = session.phone.clone();
    let names = use_memo(move || {
        let _ = (live.revision)();
        Names::read(&phone, words)
    });
    let initial = model.peek().typed.clone();
    let looked = !asked.read().is_empty();
    let found = found();
    let groups = found.as_ref().map(|shown| by_patient(&shown.hits)).unwrap_or_default();
    let portions = use_portions(asked(), groups.len());
    rsx! {
        header { class: "hd",
            TitleRow { title: words.say("chart-search-title") }
            input {
                class: "ta line", id: "search-words", r#type: "search", autocomplete: "off", spellcheck: "false", maxlength: "100",
                placeholder: words.say("chart-search-field"), "aria-label": words.say("chart-search-field"),
                initial_value: "{initial}",
                oninput: move |event: FormEvent| send(Event::Typed(event.value())),
                oncompositionstart: move |_| send(Event::CompositionStarted),
                oncompositionend: move |_| send(Event::CompositionEnded),
                onblur: move |_| send(Event::Left),
            }
        }
        main { class: "bd",
            if !looked {
                div { class: "card empty", p { b { {words.say("chart-search-empty")} } } p { class: "sub", {words.say("chart-search-hint")} } }
            } else {
                match &found {
                    Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                    Ok(shown) => rsx! {
                        p { class: "sub", role: "status",
                            {words.count("chart-search-count", shown.total as u64)}
                            if shown.total > shown.hits.len() { " " {words.count("chart-search-newest", shown.hits.len() as u64)} }
                        }
                        if shown.lease_lapsed { p { class: "strip warn", {words.say("chart-search-lapsed")} } }
                        if !shown.unread.is_empty() { p { class: "strip warn", {words.count("chart-search-unread", shown.unread.len() as u64)} } }
                        if shown.total == 0 {
                            div { class: "card empty", p { b { {words.say("chart-search-none")} } } p { class: "sub", {words.say("chart-search-none-hint")} } }
                        }
                        Trouble { said: names.read().trouble().filter(|_| shown.total > 0) }
                        for (patient, hits) in groups.into_iter().take(portions.drawn) {
                            Hits { key: "{patient}", name: names.read().of(words, &patient), patient, hits }
                        }
                        MoreRows { come: portions.more }
                    },
                }
            }
        }
        Tabs { on: Icon::Patients }
    }
}

/// One patient's hits. A note opens; what stands elsewhere opens the patient.
#[component]
fn Hits(patient: PatientId, name: (String, String), hits: Vec<Hit>) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let (kana, name) = name;
    let whole = patient.clone();
    rsx! {
        section { class: "card",
            button { class: "cardlink", onclick: move |_| shell.go(Route::Patient(whole.clone(), None)),
                span { class: "col grow", span { class: "kana", "{kana}" } span { class: "nm small", "{name}" } }
                span { class: "sub", {words.count("items", hits.len() as u64)} }
            }
            for (i, hit) in hits.into_iter().enumerate() {
                button { key: "{i}", class: "line cardlink",
                    onclick: {
                        let to = if hit.kind == SearchKind::Form(Form::VisitNote) { Route::Note(hit.id) } else { Route::Patient(hit.patient.clone(), None) };
                        move |_| shell.go(to.clone())
                    },
                    span { class: "col grow",
                        span { class: "src", {dotted([words.say(kind_key(hit.kind)), date_short(words, hit.day)])} }
                        span { "{hit.snippet}" }
                    }
                    span { class: "n", "aria-hidden": "true", "›" }
                }
            }
        }
    }
}
