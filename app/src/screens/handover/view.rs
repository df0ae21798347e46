//! 申し送り: one board a patient, written by the whole station.

use super::update::{Standing, Unread, readers, standing};
use crate::app::{Live, Route, Session, Shell};
use crate::components::TitleRow;
use crate::screens::form::{Chip, Desk, HeldStrip, LongText, Shown, use_board_desk};
use crate::screens::notes::{NoteCard, author_of};
use crate::screens::unreadable::{Trouble, because, name_of};
use crate::screens::use_directory;
use crate::text::{day_and_clock, error_words, label_in, use_words};
use device::DeviceError;
use device::document::{HandoverShown, Reader};
use device::jiff::Timestamp;
use device::record::visit_note::FieldKind;
use device::record::visit_note::fields::TEXT_LIMIT;
use device::record::{DocumentId, Form, PatientId};
use dioxus::prelude::*;
use fluent_bundle::FluentValue;
use std::rc::Rc;

/// The board's one text.
const BOARD: &str = "board";

/// The board by itself: where a nurse goes from an open note.
#[component]
pub fn HandoverScreen(patient: PatientId) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let name = use_hook(|| name_of(words, &session.phone, &patient));
    rsx! {
        header { class: "hd",
            TitleRow { title: name }
            div { class: "sub", {words.say("board-title")} }
        }
        main { class: "bd", Board { patient } }
    }
}

/// What is new, the text, who has read it, what happened since the last visit.
#[component]
pub fn Board(patient: PatientId) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let board = DocumentId::of_handover(&session.phone.identity().station, &patient);
    let desk = use_board_desk(board, patient.clone());
    let (phone, of) = (session.phone.clone(), patient.clone());
    let read = use_memo(move || {
        let _ = (live.revision)();
        phone.board(&of).map_err(|error| error_words(words, &error))
    });
    let phone = session.phone.clone();
    let note = use_memo(move || {
        let _ = (live.revision)();
        match phone.show_note(board) {
            Ok(note) => Ok(Some(Shown(Rc::new(note)))),
            // Nobody has written on it yet.
            Err(DeviceError::UnknownNote(_)) => Ok(None),
            Err(error) => Err(error_words(words, &error)),
        }
    });
    let failed = use_memo(move || desk.model.read().failed.clone());
    let shown = match read() {
        Ok(shown) => shown,
        Err(error) => return rsx! { p { class: "strip", role: "alert", "{error}" } },
    };
    let (note, trouble) = match note() {
        Ok(note) => (note, None),
        Err(error) => (None, Some(error)),
    };
    let is_held = note.as_ref().is_some_and(|note| !note.0.verdicts.is_empty());
    rsx! {
        Trouble { said: failed() }
        Trouble { said: trouble }
        HeldStrip { is_held }
        News { patient: patient.clone(), shown: shown.clone() }
        section { class: "card fields",
            div { class: "row sp wrap",
                h2 { {words.say("board-text")} }
                if let Some(note) = note { Chip { note, desk } }
            }
            if standing(&shown) == Standing::Blank { p { class: "sub", {words.say("board-blank")} } }
            BoardText { shown: shown.clone(), desk }
        }
        Readers { shown }
        Since { patient }
    }
}

/// What this nurse has not read, and the button that says she has.
#[component]
fn News(patient: PatientId, shown: HandoverShown) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let mut failed = use_signal(|| None::<String>);
    let title = match standing(&shown) {
        Standing::New => words.count("board-new", shown.added.len() as u64),
        Standing::Shortened => words.say("board-shortened"),
        Standing::Blank => return rsx! {},
        Standing::Read => return rsx! { p { class: "strip calm", role: "status", {words.say("board-all-read")} } },
    };
    rsx! {
        section { class: "card board-new",
            h2 { i { class: "dot", "aria-hidden": "true" } " {title}" }
            ul {
                for (i, line) in shown.added.iter().enumerate() { li { key: "{i}", class: "line", "{line}" } }
            }
            button { class: "btn", id: "board-read",
                onclick: move |_| {
                    let done = session.phone.mark_board_read(&patient, Timestamp::now());
                    failed.set(done.err().map(|error| error_words(words, &error)));
                },
                {words.say("board-read-button")}
            }
            Trouble { said: failed() }
        }
    }
}

#[component]
fn BoardText(shown: HandoverShown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let now = Timestamp::now();
    let limit = match Form::Handover.field(BOARD).map(|field| field.kind) {
        Ok(FieldKind::Text(limit)) => limit.min(TEXT_LIMIT),
        _ => TEXT_LIMIT,
    };
    let is_full = shown.text.chars().count() >= limit;
    let written = shown.written.as_ref().map(|written| {
        let directory = session.phone.directory().unwrap_or_default();
        let staff =
            written.staff.as_ref().map_or_else(|| words.say("board-somebody"), |s| directory.staff(s).to_string());
        let time = written.at.map(|at| day_and_clock(at, now)).unwrap_or_default();
        words.with("board-written", &[("staff", staff.into()), ("time", time.into())])
    });
    rsx! {
        LongText { name: BOARD, label: label_in(words, Form::Handover, BOARD), limit, text: shown.text.clone(), equal: shown.equal_edits, desk }
        if is_full { p { class: "p bad", role: "status", {words.say("board-full")} } }
        if let Some(written) = written { p { class: "who", "{written}" } }
    }
}

/// 既読: who, and when.
#[component]
fn Readers(shown: HandoverShown) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    if shown.readers.is_empty() {
        return rsx! {};
    }
    let directory = session.phone.directory().unwrap_or_default();
    let now = Timestamp::now();
    let (present, earlier) = readers(&shown);
    let nobody = present.is_empty();
    let rows: Vec<&Reader> = present.into_iter().chain(earlier).collect();
    rsx! {
        section { class: "card",
            h2 { {words.say("board-readers")} }
            if nobody { p { class: "sub", {words.say("board-readers-none")} } }
            for reader in rows {
                div { key: "{reader.staff}", class: "line row sp wrap",
                    span { {directory.staff(&reader.staff).to_string()} " " span { class: "src", {day_and_clock(reader.at, now)} } }
                    span { class: if reader.current { "tag ok" } else { "tag" }, {words.say(if reader.current { "board-read" } else { "board-read-earlier" })} }
                }
            }
        }
    }
}

/// 前回の訪問以降: what colleagues wrote and hospitals disclosed since this nurse was last there.
#[component]
fn Since(patient: PatientId) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let directory = use_directory();
    let news = use_memo(move || {
        let _ = (live.revision)();
        let since = session.phone.since_last_visit(&patient, Timestamp::now());
        let since = since.map_err(|error| because(words, "keep-since-unread", &error))?;
        Ok::<_, String>((since.last_visit, since.notes, since.records.len() as u64, since.orders.len() as u64))
    });
    let (last, notes, records, orders) = match news() {
        Ok(news) => news,
        Err(trouble) => return rsx! { p { class: "strip", role: "alert", "{trouble}" } },
    };
    let directory = directory();
    let title = match last {
        Some(at) => words.with("board-since", &[("time", day_and_clock(at, Timestamp::now()).into())]),
        None => words.say("board-since-never"),
    };
    let counts = [
        ("notes", FluentValue::from(notes.len() as u64)),
        ("records", FluentValue::from(records)),
        ("orders", FluentValue::from(orders)),
    ];
    rsx! {
        section { class: "card",
            h2 { "{title}" }
            p { class: "line", {words.with("board-since-counts", &counts)} }
        }
        for row in notes.into_iter().take(NOTES_SHOWN) { NoteCard { key: "{row.note}", author: author_of(&directory, &row), row, name: None } }
    }
}

/// Notes listed below the board; all of them stand under the patient's notes.
const NOTES_SHOWN: usize = 3;

/// Whether a board has something that this nurse has not read; `None`: the vault cannot say.
pub fn use_board_unread(patient: PatientId) -> Memo<Option<bool>> {
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    use_memo(move || {
        let _ = (live.revision)();
        session.phone.board_unread(&patient).ok()
    })
}

/// The way from an open note to the patient's board.
#[component]
pub fn BoardLink(patient: PatientId) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let unread = use_board_unread(patient.clone());
    rsx! {
        button { class: "link", id: "to-board", onclick: move |_| shell.go(Route::Handover(patient.clone())),
            {words.say("board-title")}
            UnreadMark { unread: unread() }
        }
    }
}

/// Something on the board that this nurse has not read; `None`: the vault cannot say. Never by colour alone.
#[component]
pub fn UnreadMark(unread: Option<bool>) -> Element {
    let words = use_words();
    match unread {
        Some(true) => {
            rsx! { span { class: "tag in unread", i { class: "dot", "aria-hidden": "true" } {words.say("board-unread")} } }
        }
        Some(false) => rsx! {},
        None => rsx! { span { class: "tag wa", {words.say("chart-board-unreadable")} } },
    }
}

/// The same on a patient's card, with how many lines are new.
#[component]
pub fn UnreadLines(unread: Unread) -> Element {
    let words = use_words();
    match unread {
        Unread::Lines(lines) => {
            rsx! { span { class: "tag in unread", i { class: "dot", "aria-hidden": "true" } {words.count("board-unread-lines", lines)} } }
        }
        Unread::Nothing => rsx! {},
        Unread::Unknown => rsx! { span { class: "tag wa", {words.say("chart-board-unreadable")} } },
    }
}
