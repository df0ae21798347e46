//! 記録書Ⅰ・計画書・報告書, on the screen: sections, numbered rows, review, confirmation.

use super::update::{Event, Model, Section, rows_shown, sections_of, update};
use crate::app::{Live, Route, Session, Shell};
use crate::components::TitleRow;
use crate::screens::form::update::{Event as Writing, GroupTitle};
use crate::screens::form::{
    AnyField, Chip, ConflictCard, Content, Desk, Fields, HeldStrip, Readiness, Shown, use_desk, with_waiting,
};
use crate::screens::patient::Failed;
use crate::screens::unreadable::{Trouble, name_of};
use crate::screens::visit_note::ConfirmedWhole;
use crate::text::{Words, confirm_words_in, dotted, error_words, form_words, month_words, use_words};
use device::note::NoteShown;
use device::record::report_calendar::ReportCalendar;
use device::record::visit_note::required::check_complete;
use device::record::visit_note::{Group, NoteState};
use device::record::{DocumentId, Form, PatientId};
use dioxus::prelude::*;
use std::rc::Rc;

#[component]
pub fn DocumentScreen(id: DocumentId) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let read = use_memo(move || {
        let _ = (live.revision)();
        session.phone.show_note(id).map(|note| Shown(Rc::new(note))).map_err(|error| error_words(words, &error))
    });
    match read() {
        Ok(note) => rsx! { Document { note } },
        Err(error) => rsx! { Failed { text: error } },
    }
}

/// The form's name, and the month that it is for.
fn title_words(words: Words, note: &NoteShown) -> String {
    let form = form_words(words, note.row.form);
    match note.view.word("month") {
        Some(month) => dotted([form, month_words(words, month)]),
        None => form,
    }
}

#[component]
fn Document(note: Shown) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let (form, state) = (note.0.row.form, note.0.state);
    let desk = use_desk(note.0.row.note, form);
    let note = with_waiting(note, &session.unsaved.borrow());
    let name = use_hook(|| name_of(words, &session.phone, &note.0.row.patient));
    let failed = use_memo(move || desk.model.read().failed.clone());
    let title = title_words(words, &note.0);
    rsx! {
        header { class: "hd",
            TitleRow { title: name }
            div { class: "row sp wrap", span { class: "sub", "{title}" } Chip { note: note.clone(), desk } }
        }
        if state == NoteState::Draft {
            Draft { note: note.clone(), desk }
        } else {
            main { class: "bd",
                Trouble { said: failed() }
                HeldStrip { is_held: !note.0.verdicts.is_empty() }
                if state == NoteState::Closed {
                    p { class: "strip warn", role: "status", {words.say("board-closed")} }
                    section { class: "card", Content { form, fields: Fields(note.0.view.fields.clone()) } }
                } else {
                    ConfirmedWhole { note: note.clone() }
                }
            }
        }
    }
}

/// A document that is being written: one section at a time, the review behind the last.
#[component]
fn Draft(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let form = desk.form;
    let shell = use_context::<Shell>();
    let mut model = use_signal(|| Model { section: shell.section_of(desk.note).unwrap_or(0), ..Model::default() });
    let at = use_memo(move || model.read().section);
    use_effect(move || shell.keep_section(desk.note, at()));
    let at = at();
    let failed = use_memo(move || desk.model.read().failed.clone());
    let sections = sections_of(form);
    let is_ready = check_complete(form, &note.0.view, &note.0.context).is_ok();
    let tabs = sections.iter().map(|section| section.key).chain(["section-confirm"]).enumerate();
    rsx! {
        main { class: "bd",
            div { class: "seg", role: "tablist",
                for (which, key) in tabs {
                    button { key: "{key}", role: "tab", id: "{key}", class: if at == which { "on" }, "aria-selected": at == which,
                        onclick: move |_| update(&mut model.write(), form, Event::SectionChosen(which)), {words.say(key)}
                    }
                }
            }
            Trouble { said: failed() }
            HeldStrip { is_held: !note.0.verdicts.is_empty() }
            for conflict in note.0.view.conflicts.iter() { ConflictCard { key: "{conflict.field}", conflict: conflict.clone(), desk } }
            // Keyed, so that no field of one section ever takes over what was typed in a field of another.
            for section in sections.iter().skip(at).take(1) { Part { key: "{section.key}", section, note: note.clone(), desk, model } }
            if at >= sections.len() { Review { note: note.clone() } }
        }
        footer { class: "foot",
            if at < sections.len() {
                button { class: "btn", id: "next", onclick: move |_| update(&mut model.write(), form, Event::NextTapped), {words.say("next")} }
            } else {
                button { class: "btn", id: "confirm", disabled: !is_ready, onclick: move |_| { desk.send.call(Writing::ConfirmTapped); }, {words.say("confirm-button")} }
            }
        }
    }
}

/// One section: its fields in the order of the paper, its tables in their places.
#[component]
fn Part(section: &'static Section, note: Shown, desk: Desk, model: Signal<Model>) -> Element {
    let words = use_words();
    rsx! {
        section { class: "card fields",
            h2 { {words.say(section.key)} }
            for name in section.names.iter().copied() { FieldOrRows { key: "{name}", name, note: note.clone(), desk, model } }
        }
    }
}

#[component]
fn FieldOrRows(name: &'static str, note: Shown, desk: Desk, model: Signal<Model>) -> Element {
    match desk.form.groups().iter().find(|group| group.name == name) {
        Some(group) => rsx! { Rows { group, note, desk, model } },
        None => rsx! { AnyField { name, note, desk } },
    }
}

/// A table of the form: its rows, and one more on demand.
#[component]
fn Rows(group: &'static Group, note: Shown, desk: Desk, mut model: Signal<Model>) -> Element {
    let words = use_words();
    let asked = model.read().rows.get(group.name).copied().unwrap_or(0);
    let shown = rows_shown(group, &note.0.view, asked);
    let form = desk.form;
    let more = words.with("board-add-row", &[("what", GroupTitle::of(group, None).words(words).into())]);
    let rows = (1..=shown).map(|number| {
        let prefix = format!("{}.{number}.", group.name);
        let names: Vec<&'static str> =
            form.fields().iter().map(|field| field.name).filter(|name| name.starts_with(&prefix)).collect();
        (number, GroupTitle::of(group, Some(number)), names)
    });
    rsx! {
        for (number, title, names) in rows {
            div { key: "{number}", class: "rowset", role: "group", "aria-label": title.words(words),
                h3 { class: "k", {title.words(words)} }
                for name in names { AnyField { key: "{name}", name, note: note.clone(), desk } }
            }
        }
        if shown < group.most {
            button { class: "btn g", onclick: move |_| update(&mut model.write(), form, Event::RowAdded { group: group.name, shown }), "{more}" }
        }
    }
}

/// What is missing, what confirming means, and what will be frozen.
#[component]
fn Review(note: Shown) -> Element {
    let words = use_words();
    let (form, view) = (note.0.row.form, &note.0.view);
    let missing = check_complete(form, view, &note.0.context).err().map(|error| confirm_words_in(words, form, &error));
    let month = view.word("month").map(str::to_string);
    rsx! {
        Readiness { missing }
        section { class: "card",
            h2 { {words.say("confirm-title")} }
            if view.fields.is_empty() { p { class: "sub", {words.say("board-nothing-written")} } }
            Content { form, fields: Fields(view.fields.clone()) }
        }
        if form == Form::VisitReport {
            if let Some(month) = month { DaysOfVisits { patient: note.0.row.patient.clone(), month } }
        }
    }
}

/// 訪問日: out of confirmed notes only. Notes that are not confirmed yet block the month and are listed.
#[component]
fn DaysOfVisits(patient: PatientId, month: String) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let read = use_memo(move || {
        let _ = (live.revision)();
        session.phone.report_calendar(&patient, &month).map_err(|error| error_words(words, &error))
    });
    let ReportCalendar { days, drafts, .. } = match read() {
        Ok(calendar) => calendar,
        Err(error) => return rsx! { p { class: "strip", role: "alert", "{error}" } },
    };
    let marks: Vec<String> = days.iter().map(|(day, marks)| format!("{}{marks}", day.day())).collect();
    rsx! {
        section { class: "card",
            h2 { {words.say("board-days")} }
            if marks.is_empty() {
                p { class: "sub", {words.say("board-days-none")} }
            } else {
                p { class: "line", {marks.join(" ")} }
                p { class: "src", {words.say("board-days-hint")} }
            }
            if !drafts.is_empty() {
                p { class: "strip warn", role: "status", {words.count("board-error-drafts", drafts.len() as u64)} }
                for (i, draft) in drafts.into_iter().enumerate() {
                    button { key: "{draft}", class: "btn g", onclick: move |_| shell.go(Route::Note(draft)), {words.count("board-open-draft", i as u64 + 1)} }
                }
            }
        }
    }
}
