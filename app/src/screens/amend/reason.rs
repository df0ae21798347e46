//! Why: one line, signed with what it is about.

use crate::text::use_words;
use dioxus::prelude::*;

/// As long as a line of the form.
const LIMIT: usize = 200;

#[component]
pub fn Reason(
    id: &'static str,
    label: String,
    // What was half typed here before.
    #[props(default)] start: String,
    on_typed: EventHandler<String>,
) -> Element {
    let words = use_words();
    let start = use_hook(|| start);
    let mut length = use_signal(|| start.chars().count());
    let count = words.with("characters", &[("n", (length() as u64).into()), ("limit", (LIMIT as u64).into())]);
    rsx! {
        div { class: "textfield",
            label { r#for: id, class: "k", "{label}" }
            input {
                id, class: "ta line", r#type: "text", autocomplete: "off", spellcheck: "false", maxlength: "{LIMIT}", initial_value: "{start}",
                oninput: move |event: FormEvent| {
                    let typed = event.value();
                    length.set(typed.chars().count());
                    on_typed.call(typed);
                },
            }
            div { class: "src right", "{count}" }
        }
    }
}
