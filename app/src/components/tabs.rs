//! The four tabs at the thumb.

use super::icon::{Drawn, Icon};
use crate::app::{Route, Shell};
use crate::text::use_words;
use dioxus::prelude::*;

#[component]
pub fn Tabs(on: Icon) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let tabs = [
        (Icon::Today, words.say("tab-today"), Route::Today),
        (Icon::Patients, words.say("tab-patients"), Route::Patients),
        (Icon::Notes, words.say("tab-notes"), Route::Notes),
        (Icon::Sync, words.say("tab-sync"), Route::Sync),
    ];
    rsx! {
        nav { class: "tabs",
            for (icon, label, route) in tabs {
                button {
                    class: if icon == on { "tab on" } else { "tab" },
                    "aria-current": if icon == on { "page" },
                    onclick: move |_| shell.switch(route.clone()),
                    Drawn { icon }
                    span { "{label}" }
                }
            }
        }
    }
}
