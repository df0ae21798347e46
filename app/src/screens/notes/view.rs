//! 記録: every note on this device, latest first.

use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, SyncPill, Tabs};
use crate::screens::manager::ManagerLink;
use crate::screens::unreadable::Names;
use crate::text::{day_and_clock, error_words, use_words};
use device::NoteRow;
use device::jiff::Timestamp;
use device::record::visit_note::NoteState;
use dioxus::prelude::*;

#[component]
pub fn Notes() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let _ = (live.revision)();
    let names = Names::read(&session.phone, words);
    rsx! {
        header { class: "hd", div { class: "row sp wrap", h1 { {words.say("notes-title")} } SyncPill {} } }
        main { class: "bd",
            ManagerLink {}
            match session.phone.note_rows(None) {
                Err(error) => rsx! { p { class: "strip", role: "alert", {error_words(words, &error)} } },
                Ok(rows) if rows.is_empty() => rsx! { div { class: "card empty", {words.say("notes-none")} } },
                Ok(rows) => rsx! {
                    if let Some(trouble) = names.trouble() { p { class: "strip", role: "alert", "{trouble}" } }
                    for row in rows.into_iter().take(200) {
                        NoteCard { key: "{row.note}", name: names.known(words, &row.patient).map(|(_, name)| name), row }
                    }
                },
            }
        }
        Tabs { on: Icon::Notes }
    }
}

#[component]
pub fn NoteCard(row: NoteRow, name: Option<String>) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let now = Timestamp::now();
    let author =
        row.author.as_ref().map(|staff| session.phone.directory().unwrap_or_default().staff(staff).to_string());
    let (class, state) = match row.state {
        NoteState::Draft => ("tag in", "state-draft"),
        NoteState::Confirmed => ("tag ok", "state-confirmed"),
        NoteState::Competing => ("tag wa", "state-competing"),
        NoteState::Closed => ("tag", "state-closed"),
    };
    let title = name.unwrap_or_else(|| words.say("note-title"));
    let when = row.started_at.unwrap_or(row.changed_at);
    rsx! {
        button { class: "card cardlink", onclick: move |_| shell.go(Route::Note(row.note)),
            span { class: "col grow",
                span { class: "nm small", "{title}" }
                span { class: "sub",
                    {day_and_clock(when, now)}
                    if let Some(author) = author { " · {author}" }
                    if row.visit.is_none() { " · " {words.say("unplanned-visit")} }
                }
            }
            span { class: "col end",
                span { class, {words.say(state)} }
                if row.has_conflict && row.state == NoteState::Draft { span { class: "tag wa", {words.say("tag-conflict")} } }
                if row.has_late_edits { span { class: "tag wa", {words.say("amendments-title")} } }
            }
        }
    }
}
