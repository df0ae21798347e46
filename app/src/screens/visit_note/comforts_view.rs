//! Under a text: phrases and the words of the last visit. Above the big button: undo.

use super::comforts::{from_last, has_room, phrase_keys};
use crate::app::Session;
use crate::components::Phrase;
use crate::look::own_phrases;
use crate::screens::form::Desk;
use crate::screens::form::update::Event;
use crate::screens::unreadable::{Trouble, or_words};
use crate::text::{field_label, use_words, whole_label};
use dioxus::prelude::*;

/// The way back from what was changed last, beside the big button.
#[component]
pub(super) fn UndoButton(desk: Desk) -> Element {
    let words = use_words();
    let last = use_memo(move || desk.model.read().changes.last().map(|change| change.field().to_string()))();
    let Some(field) = last else { return rsx! {} };
    let label = whole_label(words, desk.form, &field);
    rsx! {
        button { class: "btn g undo", id: "undo", onclick: move |_| { desk.send.call(Event::UndoTapped); },
            span { class: "col",
                span { {words.say("settings-undo")} }
                span { class: "src", "{label}" }
            }
        }
    }
}

/// 定型文 and 前回からコピー: what is chosen goes to the end of the text, the way of typed words.
#[component]
pub(super) fn TextComforts(
    name: &'static str,
    text: String,
    limit: usize,
    last: Option<String>,
    phrase: Signal<Option<Phrase>>,
) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let mut open = use_signal(|| false);
    let put = move |text: String| {
        let mut phrase = phrase;
        let number = (*phrase.peek()).as_ref().map_or(0, |before| before.number) + 1;
        phrase.set(Some(Phrase { number, text }));
    };
    let copied = from_last(&text, last.as_deref()).map(str::to_string);
    let last = last.filter(|last| copied.is_none() && !last.trim().is_empty() && has_room(&text, last, limit));
    let (phrases, unread): (Vec<String>, _) = if open() {
        let (own, unread) = or_words(words, "keep-phrases-unread", own_phrases(&session.phone, name));
        (phrase_keys(name).iter().map(|key| words.say(key)).chain(own).collect(), unread)
    } else {
        (Vec::new(), None)
    };
    let label = field_label(words, name);
    let nothing = open() && phrases.is_empty() && unread.is_none();
    rsx! {
        div { class: "row wrap",
            button { class: "btn g s", "aria-expanded": open(), "aria-label": format!("{label} {}", words.say("settings-phrases")), onclick: move |_| open.toggle(), {words.say("settings-phrases")} }
            if let Some(last) = last {
                button { class: "btn g s", "aria-label": format!("{label} {}", words.say("settings-copy-last")), onclick: move |_| put(last.trim().to_string()), {words.say("settings-copy-last")} }
            }
        }
        for (i, offered) in phrases.into_iter().enumerate() {
            button {
                key: "{i}", class: "opt", disabled: !has_room(&text, &offered, limit),
                onclick: { let offered = offered.clone(); move |_| { open.set(false); put(offered.clone()); } },
                "{offered}"
            }
        }
        Trouble { said: unread }
        if nothing { p { class: "sub", {words.say("settings-phrases-none")} } }
        if let Some(copied) = copied {
            div { class: "fromlast", span { class: "tag wa", {words.say("settings-from-last")} } q { class: "body", "{copied}" } }
        }
    }
}
