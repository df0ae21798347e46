//! What stands beside something half typed: what another window of this device left, what a colleague signed meanwhile, and the
//! sentence where it cannot be read.

use super::said::label;
use crate::text::use_words;
use device::Aside;
use device::record::Form;
use dioxus::prelude::*;

/// Each can be read, and thrown away.
#[component]
pub fn Asides(form: Form, aside: Vec<Aside>, on_discard: EventHandler<Aside>) -> Element {
    let words = use_words();
    rsx! {
        for line in aside {
            section { key: "{line.name}", class: "card col gap",
                h2 {
                    if let Some(field) = &line.field { {label(words, form, field)} } else { {words.say("close-reason")} }
                }
                p { class: "sub", {words.say("half-aside")} }
                p { class: "body",
                    if line.typed.is_empty() { {words.say("amend-take-away")} } else { "{line.typed}" }
                }
                button { class: "btn g",
                    onclick: {
                        let line = line.clone();
                        move |_| on_discard.call(line.clone())
                    },
                    {words.say("keep-discard")}
                }
            }
        }
    }
}

/// Nothing is typed here until it is known what is half typed: it would take its place.
#[component]
pub fn HalfUnread(why: String, on_again: EventHandler<()>) -> Element {
    let words = use_words();
    rsx! {
        p { class: "strip", role: "alert", "{why}" }
        button { class: "btn", id: "read-again", onclick: move |_| on_again.call(()), {words.say("half-read-again")} }
    }
}

/// Somebody else was faster: what she typed is not signed before she has looked at what stands there now.
#[component]
pub fn Overtaken(now: String, is_text: bool, on_seen: EventHandler<()>) -> Element {
    let words = use_words();
    rsx! {
        section { class: "card conflict col gap", id: "overtaken", role: "alert",
            b { {words.say("half-overtaken")} }
            p { class: "sub", {words.say(if is_text { "half-overtaken-text" } else { "half-overtaken-hint" })} }
            p { class: "body", "{now}" }
            button { class: "btn", id: "overtaken-seen", onclick: move |_| on_seen.call(()), {words.say("half-overtaken-seen")} }
        }
    }
}
