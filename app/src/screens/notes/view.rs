//! 記録: every note on this device, latest first.

use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, MoreRows, SyncPill, Tabs, use_portions};
use crate::screens::manager::ManagerLink;
use crate::screens::unreadable::{Names, Trouble};
use crate::screens::use_directory;
use crate::text::{day_and_clock, dotted, error_words, use_words};
use device::NoteRow;
use device::jiff::Timestamp;
use device::read::Directory;
use device::record::visit_note::NoteState;
use dioxus::prelude::*;

/// Notes that are listed at once.
const AT_ONCE: usize = 200;

#[component]
pub fn Notes() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let directory = use_directory();
    let phone = session.phone.clone();
    let names = use_memo(move || {
        let _ = (live.revision)();
        Names::read(&phone, words)
    });
    let rows = use_memo(move || {
        let _ = (live.revision)();
        let mut rows = session.phone.note_rows(None).map_err(|error| error_words(words, &error))?;
        rows.truncate(AT_ONCE);
        Ok::<_, String>(rows)
    });
    let (names, directory, rows) = (names(), directory(), rows());
    let portions = use_portions((), rows.as_ref().map_or(0, Vec::len));
    rsx! {
        header { class: "hd", div { class: "row sp wrap", h1 { {words.say("notes-title")} } SyncPill {} } }
        main { class: "bd",
            ManagerLink {}
            match rows {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok(rows) if rows.is_empty() => rsx! { div { class: "card empty", {words.say("notes-none")} } },
                Ok(rows) => rsx! {
                    Trouble { said: names.trouble() }
                    for row in rows.into_iter().take(portions.drawn) {
                        NoteCard { key: "{row.note}", name: names.known(words, &row.patient).map(|(_, name)| name), author: author_of(&directory, &row), row }
                    }
                    MoreRows { come: portions.more }
                },
            }
        }
        Tabs { on: Icon::Notes }
    }
}

/// The name of whoever wrote a note.
pub fn author_of(directory: &Directory, row: &NoteRow) -> Option<String> {
    row.author.as_ref().map(|staff| directory.staff(staff).to_string())
}

/// How a document stands, in a list: the tag's shape and its words.
pub fn state_tag(state: NoteState) -> (&'static str, &'static str) {
    match state {
        NoteState::Draft => ("tag in", "state-draft"),
        NoteState::Confirmed => ("tag ok", "state-confirmed"),
        NoteState::Competing => ("tag wa", "state-competing"),
        NoteState::Closed => ("tag", "state-closed"),
    }
}

#[component]
pub fn NoteCard(row: NoteRow, name: Option<String>, author: Option<String>) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let now = Timestamp::now();
    let (class, state) = state_tag(row.state);
    let title = name.unwrap_or_else(|| words.say("note-title"));
    let when = day_and_clock(row.started_at.unwrap_or(row.changed_at), now);
    let unplanned = row.visit.is_none().then(|| words.say("unplanned-visit"));
    rsx! {
        button { class: "card cardlink", onclick: move |_| shell.go(Route::Note(row.note)),
            span { class: "col grow",
                span { class: "nm small", "{title}" }
                span { class: "sub", {dotted([Some(when), author, unplanned].into_iter().flatten())} }
            }
            span { class: "col end",
                span { class, {words.say(state)} }
                if row.has_conflict && row.state == NoteState::Draft { span { class: "tag wa", {words.say("tag-conflict")} } }
                if row.has_late_edits { span { class: "tag wa", {words.say("amendments-title")} } }
            }
        }
    }
}
