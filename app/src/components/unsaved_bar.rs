//! Says on every screen that something waits for room, and what was refused for good when it was tried again.

use crate::app::Live;
use crate::text::use_words;
use device::SPACE_NEEDED_MB;
use dioxus::prelude::*;
use fluent_bundle::FluentValue;

#[component]
pub fn UnsavedBar(given_up: Signal<Option<String>>) -> Element {
    let words = use_words();
    let live = use_context::<Live>();
    let waiting = (live.waiting)();
    let mut given_up = given_up;
    rsx! {
        if waiting > 0 {
            p { class: "strip bar", role: "alert", id: "waiting",
                {words.with("settings-waiting", &[("n", (waiting as u64).into()), ("mb", FluentValue::from(SPACE_NEEDED_MB))])}
            }
        }
        if let Some(said) = given_up() {
            div { class: "strip warn bar row sp", role: "alert",
                span { "{said}" }
                button { class: "btn g s", onclick: move |_| given_up.set(None), {words.say("close")} }
            }
        }
    }
}
