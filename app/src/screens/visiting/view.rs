//! The slim bar of a visit, and the question before it is left.

use super::update::{Visiting, is_under_way};
use crate::app::Shell;
use crate::text::use_words;
use device::jiff::Timestamp;
use device::note::NoteShown;
use device::record::DocumentId;
use dioxus::prelude::*;

/// A note that opens with its visit under way begins the mode, and so does the tap on the start; its end ends it. Whoever
/// leaves the mode by hand is not put into it again while the note stays open.
pub fn use_visit(note: DocumentId, shown: Option<&NoteShown>) {
    let shell = use_context::<Shell>();
    let visiting = shown
        .filter(|shown| {
            let (started, ended) = (shown.view.time("started_at"), shown.view.time("ended_at"));
            is_under_way(shown.state, started, ended, Timestamp::now())
        })
        .map(|shown| Visiting { patient: shown.row.patient.clone(), note });
    use_effect(use_reactive!(|visiting| shell.visit(note, visiting)));
}

/// Says that the mode is on; one tap leaves it.
#[component]
pub fn VisitBar() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    if !shell.is_visiting() {
        return rsx! {};
    }
    rsx! {
        div { class: "visitbar row sp", role: "status",
            span { class: "what", span { {words.say("settings-visit-mode")} } span { class: "light", {words.say("settings-visit-only")} } }
            button { class: "link", id: "end-visit-mode", "aria-label": words.say("settings-visit-leave"), onclick: move |_| shell.leave_visit(), {words.say("settings-visit-end")} }
        }
    }
}

/// 訪問中モードを終えますか
#[component]
pub fn LeaveQuestion() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    if !shell.is_asked() {
        return rsx! {};
    }
    rsx! {
        div { class: "ask", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "ask-title", "aria-describedby": "ask-lead",
            onkeydown: move |event: KeyboardEvent| {
                if event.key() == Key::Escape {
                    shell.stay();
                }
            },
            div { class: "card col gap",
                h2 { id: "ask-title", {words.say("settings-visit-ask")} }
                p { class: "sub", id: "ask-lead", {words.say("settings-visit-ask-lead")} }
                button { class: "btn", id: "stay", onclick: move |_| shell.stay(),
                    onmounted: move |event| async move {
                        // Without it the keyboard stays behind the question; a finger does not care.
                        let _ = event.set_focus(true).await;
                    },
                    {words.say("settings-visit-stay")}
                }
                button { class: "btn g", id: "leave-visit", onclick: move |_| shell.leave_visit(), {words.say("settings-visit-leave")} }
            }
        }
    }
}
