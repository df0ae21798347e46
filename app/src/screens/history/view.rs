//! 更新履歴

use super::update::{Event, Model, pair, update};
use crate::app::{Live, Session};
use crate::components::TitleRow;
use crate::screens::amend::{BeforeAfter, Pair, label, read_note, refusal, who};
use crate::screens::patient::Failed;
use crate::text::{Words, dotted, use_words};
use device::read::Directory;
use device::record::visit_note::{FieldChange, Version};
use device::record::{ChangeHash, DocumentId, Form};
use dioxus::prelude::*;
use std::rc::Rc;

/// Versions listed before anybody asks for the oldest ones.
const SHOWN: usize = 40;

#[component]
pub fn HistoryScreen(id: DocumentId) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut model = use_signal(Model::default);
    let send = use_callback(move |event: Event| update(&mut model.write(), event));
    let directory = use_hook(|| session.phone.directory().unwrap_or_default());
    let phone = session.phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        let (note, name) = read_note(&phone, id, words)?;
        let versions = phone.note_history(id).map_err(|error| refusal(words, &error))?;
        Ok::<_, String>((note.0.row.form, name, Rc::new(versions)))
    });
    let (form, name, versions) = match read() {
        Ok(read) => read,
        Err(error) => return rsx! { Failed { text: error } },
    };
    let hashes: Vec<ChangeHash> = versions.iter().map(|version| version.version).collect();
    let chosen = pair(&model.read(), &hashes);
    let first = if model.read().all { 0 } else { versions.len().saturating_sub(SHOWN) };
    let total = versions.len() as u64;
    let numbered = |place: usize| Numbered::of(&versions, place, words, &directory);
    let compared = chosen.map(|(left, right)| (numbered(left), numbered(right)));
    let listed: Vec<(usize, Numbered)> = (first..versions.len()).rev().map(|place| (place, numbered(place))).collect();
    rsx! {
        header { class: "hd",
            TitleRow { title: words.say("history-title") }
            div { class: "sub", {dotted([name, words.count("history-count", total)])} }
        }
        main { class: "bd",
            if versions.is_empty() { div { class: "card empty", {words.say("history-none")} } }
            if let Some((left, right)) = compared { Compared { id, form, left, right } }
            for (place, version) in listed {
                VersionCard {
                    key: "{version.number}", version, form,
                    is_left: chosen.is_some_and(|(left, _)| left == place), is_right: chosen.is_some_and(|(_, right)| right == place), send,
                }
            }
            if first > 0 {
                button { class: "btn g", onclick: move |_| send.call(Event::AllTapped), {words.count("show-all", total)} }
            }
        }
    }
}

/// A version with its number, the oldest being 1.
#[derive(Clone, PartialEq)]
struct Numbered {
    number: usize,
    version: Version,
    who: String,
}

impl Numbered {
    fn of(versions: &[Version], place: usize, words: Words, directory: &Directory) -> Self {
        let version = versions[place].clone();
        Self { number: place + 1, who: who(words, directory, version.staff.as_ref(), version.at), version }
    }

    fn title(&self, words: Words) -> String {
        words.count("history-version", self.number as u64)
    }
}

/// Two versions side by side: every field that reads otherwise, marked.
#[component]
fn Compared(id: DocumentId, form: Form, left: Numbered, right: Numbered) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let difference = session
        .phone
        .note_difference(id, left.version.version, right.version.version)
        .map_err(|error| refusal(words, &error));
    rsx! {
        section { class: "card compared", "aria-live": "polite",
            h2 { {words.say("history-compare")} }
            div { class: "sides",
                for version in [&left, &right] {
                    div { class: "side", b { {version.title(words)} } div { class: "who", "{version.who}" } }
                }
            }
            match difference {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok(changes) if changes.is_empty() => rsx! { p { class: "sub", {words.say("history-same")} } },
                Ok(changes) => rsx! {
                    for change in changes { Changed { key: "{change.field}", change: Change(form, change) } }
                },
            }
        }
    }
}

/// A changed field as a prop, with the form it is of.
#[derive(Clone, PartialEq)]
struct Change(Form, FieldChange);

#[component]
fn Changed(change: Change) -> Element {
    let words = use_words();
    let Change(form, change) = change;
    let kind = match (&change.before, &change.after) {
        (None, _) => "history-added",
        (_, None) => "history-removed",
        _ => "history-changed",
    };
    rsx! {
        div { class: "line changed",
            h3 { {label(words, form, &change.field)} " " span { class: "tag in", {words.say(kind)} } }
            BeforeAfter { pair: Pair { form, field: change.field, before: change.before, after: change.after } }
        }
    }
}

#[component]
fn VersionCard(version: Numbered, form: Form, is_left: bool, is_right: bool, send: Callback<Event>) -> Element {
    let words = use_words();
    let hash = version.version.version;
    let title = version.title(words);
    let fields: Vec<String> = version.version.changed.iter().map(|change| label(words, form, &change.field)).collect();
    let upon = version.version.upon.len();
    rsx! {
        article { class: if is_left || is_right { "card next" } else { "card" },
            h2 { "{title}" }
            div { class: "who", "{version.who}" }
            p {
                if fields.is_empty() { {words.say("history-nothing")} } else { {words.list(&fields)} }
            }
            if upon > 1 { p { class: "sub", {words.say("history-joined")} } }
            div { class: "chips", role: "group", "aria-label": "{title}",
                button { class: if is_left { "chip on" } else { "chip" }, "aria-pressed": is_left, onclick: move |_| send.call(Event::LeftChosen(hash)),
                    if is_left { "✓ " } {words.say("history-left")}
                }
                button { class: if is_right { "chip on" } else { "chip" }, "aria-pressed": is_right, onclick: move |_| send.call(Event::RightChosen(hash)),
                    if is_right { "✓ " } {words.say("history-right")}
                }
            }
        }
    }
}
