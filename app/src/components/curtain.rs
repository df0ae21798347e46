//! 目隠し: one tap hides everything. What stood behind it is taken down, not covered: its words are nowhere in the page.

use super::icon::{Drawn, Icon};
use crate::app::Shell;
use crate::text::use_words;
use dioxus::prelude::*;

/// Beside the pill on every open screen.
#[component]
pub fn CurtainButton() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    rsx! {
        button { class: "hide", id: "hide", "aria-label": words.say("settings-hide"), onclick: move |_| shell.draw_curtain(), Drawn { icon: Icon::Hide } }
    }
}

/// The curtain: a tap returns while it is young, then the PIN is asked for.
#[component]
pub fn Curtain() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let mut held = use_signal(|| false);
    rsx! {
        button { class: "curtain", id: "curtain",
            onclick: move |_| held.set(!shell.lift_curtain()),
            onmounted: move |event| async move {
                // A hardware keyboard returns too; a finger does not need the focus.
                let _ = event.set_focus(true).await;
            },
            span { class: "flower", "aria-hidden": "true", "✿" }
            span { class: "nm", {words.say("app-name")} }
            span { class: "sub", {words.say("settings-tap-to-return")} }
            if held() { span { class: "strip", role: "alert", {words.say("settings-curtain-unsaved")} } }
        }
    }
}
