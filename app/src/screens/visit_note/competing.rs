//! 二重の確定: the confirmations side by side; the manager says which one stands. The others stay readable.

use super::amendments::{Desk, SignPanel, Values, WholeFields};
use super::decide::{Asked, Event, differing};
use crate::app::Session;
use crate::screens::amend::{label, thawed, value, verdict_words, who};
use crate::screens::form::Shown;
use crate::text::use_words;
use device::amend::SignatureShown;
use device::note::ConfirmationShown;
use device::record::Form;
use device::record::visit_note::Verdict;
use dioxus::prelude::*;

#[component]
pub fn Competing(note: Shown, signatures: Vec<SignatureShown>, is_manager: bool, desk: Desk) -> Element {
    let words = use_words();
    let asked = use_memo(move || desk.model.read().asked)();
    let note = note.0;
    let form = note.row.form;
    let fields: Vec<String> = differing(&note.confirmations).into_iter().collect();
    let chosen = match asked {
        Some(Asked::Choose(hash)) => Some(hash),
        _ => None,
    };
    let sides: Vec<Side> = note
        .confirmations
        .iter()
        .map(|confirmation| Side {
            verdict: signatures.iter().find(|s| s.hash == confirmation.hash).map(|s| s.verdict),
            is_chosen: chosen == Some(confirmation.hash),
            confirmation: confirmation.clone(),
        })
        .collect();
    rsx! {
        section { class: "card",
            h2 { {words.say("amend-competing")} }
            p { class: "sub", {words.say(if is_manager { "amend-competing-hint" } else { "amend-competing-wait" })} }
            if fields.is_empty() { p { class: "sub", {words.say("amend-competing-alike")} } }
        }
        div { class: "sides",
            for side in sides {
                OneConfirmation { key: "{side.confirmation.hash}", side, fields: fields.clone(), form, is_manager, desk }
            }
        }
        if let Some(hash) = chosen { SignPanel { key: "{hash}", asked: Asked::Choose(hash), desk } }
    }
}

/// One of them as a prop.
#[derive(Clone, PartialEq)]
struct Side {
    confirmation: ConfirmationShown,
    verdict: Option<Verdict>,
    is_chosen: bool,
}

/// Who confirmed what: first what reads otherwise, marked; the whole text behind a tap.
#[component]
fn OneConfirmation(side: Side, fields: Vec<String>, form: Form, is_manager: bool, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let directory = session.phone.directory().unwrap_or_default();
    let Side { confirmation, verdict, is_chosen } = side;
    let hash = confirmation.hash;
    let whole = confirmation.fields.iter().map(|(name, frozen)| (name.clone(), thawed(form, name, frozen))).collect();
    let reads = |name: &String| match confirmation.fields.get(name) {
        Some(frozen) => value(words, form, name, &thawed(form, name, frozen)),
        None => words.say("amend-nothing"),
    };
    let verdict = verdict.map(|verdict| verdict_words(words, verdict));
    rsx! {
        article { class: if is_chosen { "card next side" } else { "card side" },
            h3 { {who(words, &directory, Some(&confirmation.staff), Some(confirmation.at))} }
            if let Some((class, said)) = verdict { span { class, "{said}" } }
            dl {
                for name in fields.iter() {
                    div { class: "line",
                        dt { class: "k", {label(words, form, name)} " " span { class: "tag in", {words.say("history-changed")} } }
                        dd { class: "body", strong { {reads(name)} } }
                    }
                }
            }
            details {
                summary { {words.say("amend-read-whole")} }
                WholeFields { form, fields: Values(whole) }
            }
            if is_manager {
                button { class: if is_chosen { "btn" } else { "btn g" }, "aria-pressed": is_chosen, onclick: move |_| desk.send.call(Event::Asked(Asked::Choose(hash))),
                    if is_chosen { "✓ " } {words.say("amend-choose")}
                }
            }
        }
    }
}
