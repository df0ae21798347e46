//! What stands over a note, and what leads on from it: the same visit twice, a note that was closed, corrections, history.

use crate::app::{Route, Session, Shell};
use crate::screens::amend::refusal;
use crate::screens::form::Shown;
use crate::screens::manager::{RoleUnread, use_is_manager};
use crate::screens::notes::author_of;
use crate::screens::unreadable::{Trouble, or_words};
use crate::text::{choice_words, day_and_clock, dotted, use_words};
use device::jiff::Timestamp;
use device::note::NoteShown;
use device::record::visit_note::fields::CLOSING;
use device::record::visit_note::{NoteState, What};
use device::record::{DocumentId, Form};
use device::{DeviceError, Phone};
use dioxus::prelude::*;

/// Over the note: questions and how it was closed.
#[component]
pub fn Notices(note: Shown) -> Element {
    let shown = note.0.clone();
    rsx! {
        if !shown.same_visit.is_empty() { SameVisit { note: note.clone() } }
        if has_closing_outcome(&shown) { ClosedDraft { note: note.clone() } }
        Copies { note }
    }
}

/// A draft that was closed, or one that was closed and written in again.
fn has_closing_outcome(note: &NoteShown) -> bool {
    note.confirmations.is_empty() && note.view.word("outcome").is_some_and(|outcome| CLOSING.contains(&outcome))
}

/// 同じ訪問ですか: a person says so, nothing is merged by itself.
#[component]
fn SameVisit(note: Shown) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let note = note.0;
    let id = note.row.note;
    let directory = session.phone.directory().unwrap_or_default();
    let rows = session.phone.note_rows(Some(&note.row.patient));
    let (mut others, trouble) = or_words(words, "keep-notes-unread", rows);
    others.retain(|row| note.same_visit.contains(&row.note));
    let now = Timestamp::now();
    rsx! {
        section { class: "card conflict", id: "same-visit",
            h2 { {words.say("close-same-visit")} }
            p { class: "sub", {words.say("close-same-visit-hint")} }
            Trouble { said: trouble }
            for row in others {
                button { key: "{row.note}", class: "opt", onclick: move |_| shell.go(Route::Note(row.note)),
                    b { {words.say("close-other-note")} }
                    span { class: "who",
                        {dotted([Some(day_and_clock(row.started_at.unwrap_or(row.changed_at), now)), author_of(&directory, &row)].into_iter().flatten())}
                    }
                }
            }
            button { class: "btn g", onclick: move |_| shell.go(Route::CloseNote(id)), {words.say("close-as-duplicate")} }
        }
    }
}

/// Closed with its reason. A later edit opens it again: then a person says whether it lives.
#[component]
fn ClosedDraft(note: Shown) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let mut failed = use_signal(|| None::<String>);
    let note = note.0;
    let id = note.row.note;
    let is_closed = note.state == NoteState::Closed;
    let outcome = note.view.word("outcome").map(|outcome| choice_words(words, "outcome", outcome)).unwrap_or_default();
    let reason = note.view.word("outcome_reason").unwrap_or_default().to_string();
    rsx! {
        section { class: "card conflict", id: "closed",
            b { {words.say(if is_closed { "state-closed" } else { "close-written-after" })} ": {outcome}" }
            p { class: "body", "{reason}" }
            p { class: "sub", {words.say(if is_closed { "close-reopens" } else { "close-written-after-hint" })} }
            button { class: "btn g", id: "reopen",
                onclick: move |_| failed.set(reopen(&session.phone, id).err().map(|error| refusal(words, &error))),
                {words.say("close-reopen")}
            }
            if !is_closed {
                button { class: "btn g", onclick: move |_| shell.go(Route::CloseNote(id)), {words.say("close-again")} }
            }
            Trouble { said: failed() }
        }
    }
}

/// Takes outcome and reason away: the note lives. That it was closed stays in its history.
fn reopen(phone: &Phone, note: DocumentId) -> Result<(), DeviceError> {
    let now = Timestamp::now();
    phone.set_field(note, "outcome_reason", "", now)?;
    phone.set_field(note, "outcome", "", now)
}

/// The ways between a note of the wrong patient and its copy.
#[component]
fn Copies(note: Shown) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let link = |field: &str| note.0.view.word(field).and_then(|word| word.parse::<DocumentId>().ok());
    let closing = note.0.closing.as_ref().and_then(|act| match act.what {
        What::Close { copied_to, .. } => copied_to,
        _ => None,
    });
    let copy = closing.or_else(|| link("copied_to"));
    rsx! {
        for (copy, key) in [(copy, "close-copied-to"), (link("copied_from"), "close-copied-from")] {
            if let Some(copy) = copy {
                button { class: "btn g", onclick: move |_| shell.go(Route::Note(copy)), {words.say(key)} }
            }
        }
    }
}

/// Under the note: correct it, its history, close it.
#[component]
pub fn Actions(note: Shown) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let (is_manager, role_unread) = use_is_manager();
    let note = note.0;
    let id = note.row.note;
    let is_mine = is_manager || note.author.as_ref() == Some(&session.phone.identity().staff);
    let can_close = match note.state {
        NoteState::Draft => true,
        NoteState::Confirmed => is_mine,
        NoteState::Competing | NoteState::Closed => false,
    };
    let close =
        if note.row.form == Form::VisitNote && note.state == NoteState::Draft { "close-title" } else { "close-note" };
    rsx! {
        nav { class: "col gap", "aria-label": words.say("amend-actions"),
            if note.state == NoteState::Confirmed {
                button { class: "btn", id: "amend", onclick: move |_| shell.go(Route::Amend(id, None)), {words.say("amend-title")} }
            }
            button { class: "btn g", id: "history", onclick: move |_| shell.go(Route::History(id)), {words.say("history-title")} }
            RoleUnread { trouble: role_unread.filter(|_| note.state == NoteState::Confirmed && !is_mine) }
            if can_close {
                button { class: "btn g", id: "close-note", onclick: move |_| shell.go(Route::CloseNote(id)), {words.say(close)} }
            }
        }
    }
}
