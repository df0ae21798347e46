//! How a form's document stands: saved or received, in conflict, as it was written.

use super::desk::Desk;
use super::update::Event;
use crate::app::{Live, Session};
use crate::screens::amend;
use crate::text::{Words, day_and_clock, dotted, label_in, use_words, value_in, whole_label};
use device::jiff::Timestamp;
use device::note::NoteShown;
use device::record::Form;
use device::record::calendar::zoned_in_japan;
use device::record::visit_note::{Conflict, FieldValue};
use dioxus::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The document as a prop: drawn again whenever a reading says anything else, were it only that the hub holds it no more.
#[derive(Clone, PartialEq)]
pub struct Shown(pub Rc<NoteShown>);

/// 端末に保存済 → ハブ受領済. The second is told exactly.
#[component]
pub fn Chip(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let now = Timestamp::now();
    // What the vault has not taken is neither saved nor received, whatever stands beside it.
    let waits = (live.waiting)() > 0 && session.unsaved.borrow().holds(note.0.row.note);
    let (typing, saved_at) = use_memo(move || (desk.model.read().typing, desk.model.read().saved_at))();
    let (class, text) = if typing || waits {
        ("tag", words.say("unsaved"))
    } else if let Some(receipt) = note.0.receipt.filter(|_| !note.0.unsent) {
        ("tag ok", words.with("receipted", &[("time", day_and_clock(receipt.received_at, now).into())]))
    } else {
        let at = saved_at.unwrap_or(note.0.row.changed_at);
        let time = zoned_in_japan(at).strftime("%-H:%M:%S").to_string();
        ("tag in", words.with("saved-on-device", &[("time", time.into())]))
    };
    rsx! { span { class, id: "chip", role: "status", "{text}" } }
}

/// 保留: the hub keeps something of it for a person.
#[component]
pub fn HeldStrip(is_held: bool) -> Element {
    let words = use_words();
    rsx! {
        if is_held { p { class: "strip warn", role: "status", {words.say("held-note")} } }
    }
}

/// Over what will be frozen: what is still missing, so that a grey button says why, and what confirming means.
#[component]
pub fn Readiness(missing: Option<String>) -> Element {
    let words = use_words();
    rsx! {
        match missing {
            None => rsx! { p { class: "strip calm", role: "status", {words.say("confirm-ready")} } },
            Some(missing) => rsx! { p { class: "strip warn", role: "status", "{missing}" } },
        }
        p { class: "sub", {words.say("confirm-hint")} }
    }
}

#[component]
pub fn ConflictCard(conflict: Conflict, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let here = session.phone.identity().device;
    let directory = session.phone.directory().unwrap_or_default();
    let now = Timestamp::now();
    let label = whole_label(words, desk.form, &conflict.field);
    rsx! {
        section { class: "card conflict",
            b { {words.say("conflict-title")} }
            div { class: "k", "{label}" }
            for (i, side) in conflict.values.iter().enumerate() {
                button { key: "{i}", class: "opt",
                    onclick: {
                        let (field, value) = (conflict.field.clone(), side.value.clone());
                        move |_| { desk.send.call(Event::ValueChosen { field: field.clone(), value: value.clone() }); }
                    },
                    b { {reads(words, desk.form, &conflict.field, &side.value)} }
                    span { class: "who",
                        {dotted([
                            side.staff.as_ref().map(|staff| directory.staff(staff).to_string()),
                            side.at.map(|at| day_and_clock(at, now)),
                            (side.device == Some(here)).then(|| words.say("conflict-this-device")),
                        ].into_iter().flatten())}
                    }
                    span { class: "tag in", {words.say("conflict-take")} }
                }
            }
            p { class: "sub", {words.say("conflict-hint")} }
        }
    }
}

/// A value with its unit; a time without its day, which is the visit's.
fn reads(words: Words, form: Form, name: &str, value: &FieldValue) -> String {
    match value {
        FieldValue::Time(_) => value_in(words, form, name, value),
        _ => amend::value(words, form, name, value),
    }
}

/// A document's fields as a prop.
#[derive(Clone, PartialEq)]
pub struct Fields(pub BTreeMap<String, FieldValue>);

/// What was written, in the order of the form; care as one line.
#[component]
pub fn Content(form: Form, fields: Fields) -> Element {
    let words = use_words();
    let fields = fields.0;
    let care: Vec<String> = form
        .fields()
        .iter()
        .filter(|f| f.name.starts_with("care.") && fields.get(f.name) == Some(&FieldValue::Flag(true)))
        .map(|f| label_in(words, form, f.name))
        .collect();
    let lines: Vec<(String, String)> = form
        .fields()
        .iter()
        .filter(|f| !f.name.starts_with("care.") && !f.name.starts_with("photo."))
        .filter_map(|f| {
            fields.get(f.name).map(|value| (whole_label(words, form, f.name), reads(words, form, f.name, value)))
        })
        .collect();
    rsx! {
        dl {
            for (label, value) in lines { div { class: "line", dt { class: "k", "{label}" } dd { class: "body", "{value}" } } }
            if !care.is_empty() { div { class: "line", dt { class: "k", {words.say("care-title")} } dd { {dotted(&care)} } } }
        }
    }
}
