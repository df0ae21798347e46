//! The first row of a screen that was opened from another: the way back, what it is, how the line stands.

use super::icon::{Drawn, Icon};
use super::pill::SyncPill;
use crate::app::Shell;
use crate::text::use_words;
use dioxus::prelude::*;

#[component]
pub fn TitleRow(title: String) -> Element {
    rsx! {
        div { class: "row sp wrap",
            BackButton {}
            h1 { class: "grow small", "{title}" }
            SyncPill {}
        }
    }
}

#[component]
pub fn BackButton() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    rsx! {
        button { class: "back", "aria-label": words.say("back"), onclick: move |_| shell.back(), Drawn { icon: Icon::Back } }
    }
}
