//! Whose vault: several nurses on one tablet, and the way to one more.

use crate::app::{Gate, Launch, Shell};
use crate::screens::enrol::LanguageSwitch;
use crate::text::use_words;
use device::tablet::{next_vault, vaults_beside};
use dioxus::prelude::*;

#[component]
pub fn Choose() -> Element {
    let words = use_words();
    let launch = use_context::<Launch>();
    let mut shell = use_context::<Shell>();
    let vaults = use_hook(|| vaults_beside(&launch.vault));
    let first = launch.vault.clone();
    rsx! {
        header { class: "hd", h1 { {words.say("choose-title")} } }
        main { class: "bd",
            for (i, vault) in vaults.into_iter().enumerate() {
                button { key: "{i}", class: "card cardlink nm", onclick: move |_| shell.gate.set(Gate::Unlock(vault.path.clone())),
                    {vault.staff_name.clone().unwrap_or_else(|| words.count("choose-unnamed", i as u64 + 1))}
                }
            }
            p { class: "sub", {words.say("choose-lead")} }
            LanguageSwitch {}
        }
        footer { class: "foot",
            button { class: "btn g", id: "add", onclick: move |_| shell.gate.set(Gate::Enrol(next_vault(&first))), {words.say("choose-add")} }
        }
    }
}
