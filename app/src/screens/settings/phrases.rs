//! 定型文: a nurse's own phrases for each text of the note.

use super::update::{LONGEST, with_phrase};
use super::view::Options;
use crate::app::Session;
use crate::look::{own_phrases, put_own_phrases};
use crate::screens::unreadable::{Trouble, or_words};
use crate::text::{error_words, field_label, use_words};
use device::record::visit_note::TEXT_FIELDS;
use dioxus::prelude::*;

#[component]
pub fn Phrases() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let mut chosen = use_signal(|| 0usize);
    let mut typed = use_signal(String::new);
    let mut failed = use_signal(|| None::<String>);
    // The list is read anew, and the field made anew and empty, once a phrase is kept.
    let mut kept = use_signal(|| 0u32);
    let field = TEXT_FIELDS.get(chosen()).map_or("condition", |field| field.name);
    let _ = kept();
    let (phrases, unread) = or_words(words, "keep-phrases-unread", own_phrases(&session.phone, field));
    // A list that could not be read is never written over.
    let is_known = unread.is_none();
    let phone = session.phone.clone();
    let keep = use_callback(move |(field, phrases): (&'static str, Vec<String>)| {
        match put_own_phrases(&phone, field, &phrases) {
            Ok(()) => {
                typed.set(String::new());
                failed.set(None);
                kept += 1;
            }
            Err(error) => failed.set(Some(error_words(words, &error))),
        }
    });
    let before = phrases.clone();
    let without = |i: usize| {
        let mut rest = phrases.clone();
        rest.remove(i);
        rest
    };
    let fields: Vec<(String, bool)> =
        TEXT_FIELDS.iter().map(|known| (field_label(words, known.name), known.name == field)).collect();
    rsx! {
        section { class: "card col gap", id: "phrases",
            h2 { {words.say("settings-phrases")} }
            p { class: "sub", {words.say("settings-phrases-lead")} }
            Options { title: words.say("settings-phrases-field"), id: "phrase-fields", options: fields,
                on_choose: move |i: usize| { chosen.set(i); failed.set(None); },
            }
            Trouble { said: unread }
            for (i, phrase) in phrases.iter().enumerate() {
                div { key: "{phrase}", class: "line row sp wrap",
                    span { class: "grow", "{phrase}" }
                    button { class: "btn g s", "aria-label": format!("{} {phrase}", words.say("settings-phrase-remove")),
                        onclick: { let rest = without(i); move |_| keep.call((field, rest.clone())) },
                        {words.say("settings-phrase-remove")}
                    }
                }
            }
            for key in std::iter::once(kept()) {
                div { key: "{key}", class: "textfield",
                    label { r#for: "new-phrase", class: "k", {words.say("settings-phrase-new")} }
                    textarea {
                        id: "new-phrase", class: "ta", rows: 2, autocomplete: "off", maxlength: "{LONGEST}",
                        initial_value: "", oninput: move |event: FormEvent| typed.set(event.value()),
                    }
                }
            }
            button { class: "btn g s quiet", id: "add-phrase", disabled: !is_known,
                onclick: move |_| {
                    let with = with_phrase(&before, &typed.peek());
                    match with {
                        Ok(phrases) => keep.call((field, phrases)),
                        Err(key) => failed.set(Some(words.say(key))),
                    }
                },
                {words.say("settings-phrase-add")}
            }
            Trouble { said: failed() }
        }
    }
}
