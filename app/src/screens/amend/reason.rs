//! Why: signed as one line with what it is about, typed in a field that grows with it.

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
            textarea {
                id, class: "ta", rows: 2, autocomplete: "off", spellcheck: "false", maxlength: "{LIMIT}", initial_value: "{start}",
                oninput: move |event: FormEvent| {
                    let typed = one_line(&event.value());
                    length.set(typed.chars().count());
                    on_typed.call(typed);
                },
            }
            div { class: "src right", "{count}" }
        }
    }
}

/// Enter breaks the line in the field, never in the record: each break becomes a space, so that no letter counts twice.
fn one_line(typed: &str) -> String {
    typed.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stays_one_line_whatever_breaks_stood_in_its_field() {
        assert_eq!(one_line("長女に電話。\n受診中と確認。"), "長女に電話。 受診中と確認。");
        assert_eq!(one_line("転記の誤り "), "転記の誤り ", "a space is not taken away under the keys");
        assert_eq!(one_line(&"\n".repeat(LIMIT)).chars().count(), LIMIT);
    }
}
