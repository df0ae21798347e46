//! Over which line photos may go.

use crate::app::Session;
use crate::text::{error_words, use_words};
use dioxus::prelude::*;

#[component]
pub fn PhotoLine() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let mut may = use_signal(|| session.phone.photos_on_metered().unwrap_or_default());
    let mut failed = use_signal(|| None::<String>);
    let choose = use_callback(move |on: bool| match session.phone.put_photos_on_metered(on) {
        Ok(()) => {
            may.set(on);
            failed.set(None);
            if on {
                session.background.sync_now();
            }
        }
        Err(error) => failed.set(Some(error_words(words, &error))),
    });
    rsx! {
        section { class: "card", id: "photo-line",
            h2 { {words.say("photo-line")} }
            div { class: "seg", role: "group", "aria-label": words.say("photo-line"),
                for (on, key) in [(false, "photo-line-free"), (true, "photo-line-any")] {
                    button { class: if may() == on { "on" }, "aria-pressed": may() == on, onclick: move |_| choose.call(on), {words.say(key)} }
                }
            }
            p { class: "sub", {words.say("photo-line-hint")} }
            if let Some(failed) = failed() { p { class: "strip", role: "alert", "{failed}" } }
        }
    }
}
