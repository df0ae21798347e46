//! A state as a section, and the screen of a device whose keys are gone.

use super::update::{State, key};
use crate::app::{Gate, Launch, Shell};
use crate::components::{Drawn, Icon};
use crate::text::use_words;
use device::tablet::next_vault;
use dioxus::prelude::*;

/// Without its title where a heading above says it already.
#[component]
pub fn StateCard(state: State, #[props(default = true)] titled: bool) -> Element {
    let words = use_words();
    let say = |sentence: &str| words.say(&key(state, sentence));
    rsx! {
        section { class: "card state", role: "status", id: format!("state-{}", state.code()),
            if titled { h2 { Drawn { icon: Icon::Alert } " " {say("title")} } }
            p { {say("what")} }
            div { class: "k", {words.say("settings-state-works")} }
            p { {say("works")} }
            div { class: "k", {words.say("settings-state-do")} }
            p { b { {say("do")} } }
        }
    }
}

/// 端末は消去されました: no pad, for no PIN opens it.
#[component]
pub fn WipedScreen() -> Element {
    let words = use_words();
    let launch = use_context::<Launch>();
    let mut shell = use_context::<Shell>();
    let first = launch.vault.clone();
    rsx! {
        header { class: "hd", h1 { Drawn { icon: Icon::Alert } " " {words.say("settings-state-wiped-title")} } }
        // It scrolls where the text is large: a keyboard reaches it.
        main { class: "bd", tabindex: "0", StateCard { state: State::Wiped, titled: false } }
        footer { class: "foot",
            button { class: "btn", id: "enrol-again", onclick: move |_| shell.gate.set(Gate::Enrol(next_vault(&first))), {words.say("settings-enrol-again")} }
            button { class: "btn g", id: "switch", onclick: move |_| shell.gate.set(Gate::Choose), {words.say("unlock-switch")} }
        }
    }
}
