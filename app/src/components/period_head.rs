//! Over a week or a month: which it is, and the ways to the one before, to this one and to the one after.

use crate::text::use_words;
use dioxus::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Before,
    /// To the one that today is in.
    This,
    After,
}

/// `before`, `this` and `after` are the keys of their words.
#[component]
pub fn PeriodHead(
    title: String,
    before: &'static str,
    this: &'static str,
    after: &'static str,
    on_turn: EventHandler<Turn>,
) -> Element {
    let words = use_words();
    rsx! {
        div { class: "row sp wrap",
            h2 { "aria-live": "polite", "{title}" }
            span { class: "row",
                button { class: "mini flat", "aria-label": words.say(before), onclick: move |_| on_turn.call(Turn::Before), "‹" }
                button { class: "btn g s", onclick: move |_| on_turn.call(Turn::This), {words.say(this)} }
                button { class: "mini flat", "aria-label": words.say(after), onclick: move |_| on_turn.call(Turn::After), "›" }
            }
        }
    }
}
