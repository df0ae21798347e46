//! 書きかけ that nobody has signed or thrown away: whoever forgot it finds it here.

use super::update::route_of;
use crate::app::{Live, Session, Shell};
use crate::screens::amend::label;
use crate::screens::unreadable::{Names, Trouble, or_words};
use crate::text::{Words, day_and_clock, dotted, form_words, use_words};
use device::HalfAct;
use device::jiff::Timestamp;
use dioxus::prelude::*;

#[component]
pub fn HalfList() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let _ = (live.revision)();
    let (acts, unread) = or_words(words, "half-list-unread", session.phone.half_typed_acts());
    if acts.is_empty() && unread.is_none() {
        return rsx! {};
    }
    let names = Names::read(&session.phone, words);
    let names_unread = names.trouble().filter(|_| !acts.is_empty());
    let now = Timestamp::now();
    rsx! {
        section { class: "card", id: "half-typed",
            h2 { {words.say("half-list-title")} }
            p { class: "sub", {words.say("half-list-hint")} }
            Trouble { said: unread }
            Trouble { said: names_unread }
            for act in acts {
                button { key: "{act.note} {act.field:?}", class: "pick",
                    onclick: {
                        let route = route_of(&act);
                        move |_| shell.go(route.clone())
                    },
                    span { {dotted([names.of(words, &act.patient).1, form_words(words, act.form)])} }
                    span { class: "clip", {said(words, &act)} }
                    span { class: "src", {day_and_clock(act.at, now)} }
                }
            }
        }
    }
}

fn said(words: Words, act: &HalfAct) -> String {
    match &act.field {
        Some(field) => words.with("half-list-correction", &[("field", label(words, act.form, field).into())]),
        None => words.say("half-list-closing"),
    }
}
