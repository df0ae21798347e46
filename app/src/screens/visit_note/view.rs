//! 訪問看護記録書Ⅱ, on the screen.

use super::amendments::ConfirmedWhole;
use super::comforts_view::{TextComforts, UndoButton};
use super::notices::{Actions, Notices};
use super::photo::{PhotoList, Photos, use_photo_desk};
use super::update::{
    Before, Concern, Section, before_of, concern, details_of, minute_of, parts_by_itself, ready, sub_records_of,
};
use crate::app::{Live, Session, Shell};
use crate::components::{Drawn, Icon, NumberField, Phrase, TitleRow};
use crate::screens::form::update::Event;
use crate::screens::form::{
    AnyField, Chip, Choices, ConflictCard, Content, Desk, Fields, HeldStrip, Known, LongText, Readiness, Shown, YesNo,
    use_undoing_desk, with_waiting,
};
use crate::screens::handover::BoardLink;
use crate::screens::patient::Failed;
use crate::screens::unreadable::{Trouble, name_of, or_words};
use crate::screens::visiting::use_visit;
use crate::text::{clock, confirm_words, dotted, error_words, field_label, unit_words, use_words, value_words};
use device::jiff::Timestamp;
use device::record::DocumentId;
use device::record::Form;
use device::record::visit_note::fields::{TEXT_LIMIT, VITALS};
use device::record::visit_note::{FIELDS, Field, FieldKind, FieldValue, NoteState, TEXT_FIELDS};
use device::record::vitals::AlertBounds;
use dioxus::prelude::*;
use std::rc::Rc;

#[component]
pub fn VisitNoteScreen(id: DocumentId) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut section = use_signal(|| shell.section_of(id).map_or(Section::Vitals, Section::of_number));
    use_effect(move || shell.keep_section(id, section().number()));
    let phone = session.phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        phone.show_note(id).map(|note| Shown(Rc::new(note))).map_err(|error| error_words(words, &error))
    });
    let desk = use_undoing_desk(id, Form::VisitNote, read);
    let photos = use_photo_desk(id, desk);
    let Desk { send, model, .. } = desk;
    let note = read();
    use_visit(id, note.as_ref().ok().map(|Shown(note)| &**note));
    let Shown(note) = match note {
        Ok(note) => with_waiting(note, &session.unsaved.borrow()),
        Err(error) => return rsx! { Failed { text: error } },
    };
    let name = use_hook(|| name_of(words, &session.phone, &note.row.patient));
    let started = match note.view.fields.get("started_at") {
        Some(FieldValue::Time(at)) => words.with("note-started", &[("time", clock(*at).into())]),
        _ => words.say("note-not-started"),
    };
    let draft = note.state == NoteState::Draft;
    let failed = use_memo(move || model.read().failed.clone())();
    rsx! {
        header { class: "hd",
            TitleRow { title: name }
            div { class: "row sp wrap", span { class: "sub", {dotted([words.say("note-title"), started])} } Chip { note: Shown(note.clone()), desk } }
            div { class: "row segs",
                if draft {
                    div { class: "seg", role: "tablist",
                        for (which, key) in Section::ALL {
                            button { role: "tab", id: "{key}", class: if section() == which { "on" }, "aria-selected": section() == which,
                                onclick: move |_| section.set(which), {words.say(key)}
                            }
                        }
                    }
                }
                BoardLink { patient: note.row.patient.clone() }
            }
        }
        main { class: "bd",
            Trouble { said: failed }
            HeldStrip { is_held: !note.verdicts.is_empty() }
            Notices { note: Shown(note.clone()) }
            if !draft {
                ConfirmedWhole { note: Shown(note.clone()) }
                PhotoList { desk: photos, is_draft: false }
            } else {
                for conflict in note.view.conflicts.iter().filter(|conflict| !parts_by_itself(&note.view, &conflict.field)) { ConflictCard { key: "{conflict.field}", conflict: conflict.clone(), desk } }
                match section() {
                    Section::Vitals => rsx! { Vitals { note: Shown(note.clone()), desk } },
                    Section::Care => rsx! { Care { note: Shown(note.clone()), desk } },
                    Section::Texts => rsx! { Texts { note: Shown(note.clone()), desk } },
                    Section::Photos => rsx! { Photos { desk: photos, on_ulcer: move |()| section.set(Section::Care) } },
                    Section::Confirm => rsx! { Confirm { note: Shown(note.clone()), desk } },
                }
            }
            if !draft || section() == Section::Confirm { Actions { note: Shown(note.clone()) } }
        }
        if draft {
            footer { class: "foot",
                UndoButton { desk }
                if section() == Section::Confirm {
                    button { class: "btn", id: "confirm", disabled: ready(note.row.form, &note.view, &note.context).is_err(), onclick: move |_| { send.call(Event::ConfirmTapped); }, {words.say("confirm-button")} }
                } else {
                    button { class: "btn", id: "next", onclick: move |_| section.set(section().next()), {words.say("next")} }
                }
            }
        }
    }
}

#[component]
fn Vitals(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let row = note.0.row.clone();
    let (before, before_unread) =
        use_hook(|| or_words(words, "keep-previous-unread", session.phone.previous_values(&row.patient, row.note)));
    let (bounds, bounds_unread) = use_hook(|| {
        let bounds = session.phone.alert_bounds(&row.patient, Timestamp::now());
        let (bounds, trouble) = or_words(words, "keep-bounds-unread", bounds);
        (Bounds(bounds), trouble)
    });
    let known = before_unread.is_none().then_some(&before);
    rsx! {
        Trouble { said: bounds_unread }
        Trouble { said: before_unread }
        div { class: "vit",
            for field in FIELDS.iter().filter(|f| is_vital(f)) {
                Vital { key: "{field.name}", name: field.name, note: note.clone(), before: before_of(known, field.name), bounds: bounds.clone(), desk }
            }
        }
    }
}

/// Measured values with a number pad; the others are chosen.
fn is_vital(field: &Field) -> bool {
    let by_number = matches!(field.kind, FieldKind::Number(_) | FieldKind::Steps(_));
    (VITALS.contains(&field.name) || field.name == "oxygen_l_per_min") && by_number
}

/// The doctor's bounds as a prop.
#[derive(Clone, PartialEq)]
struct Bounds(AlertBounds);

#[component]
fn Vital(name: &'static str, note: Shown, before: Before, bounds: Bounds, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let mut asking = use_signal(|| false);
    let Ok(field) = Field::named(name) else { return rsx! {} };
    let value = note.0.view.fields.get(name);
    let (unit, keys) = match field.kind {
        FieldKind::Number(range) => (range.unit, if range.decimals > 0 { "decimal" } else { "numeric" }),
        _ => ("", "numeric"),
    };
    let concern = concern(field, value, &bounds.0);
    let label = format!("{} {}", field_label(words, name), unit_words(words, unit));
    let shown = match value {
        Some(FieldValue::Unmeasured(_)) | None => String::new(),
        Some(value) => value_words(words, name, value),
    };
    let unmeasured = matches!(value, Some(FieldValue::Unmeasured(_)))
        .then(|| value.map(|v| value_words(words, name, v)).unwrap_or_default());
    let previous = match before {
        Before::Unread => words.say("keep-previous-unread-short"),
        Before::Nothing => words.say("previous-none"),
        Before::Value(value) => words.with("previous", &[("value", value_words(words, name, &value).into())]),
    };
    let refused = use_memo(move || desk.model.read().refused.get(name).cloned())();
    let warned = concern != Concern::Calm;
    rsx! {
        div { class: if warned { "f hi" } else { "f" },
            div { class: "row sp", label { r#for: name, class: "k", "{label}" }
                button { class: "mini", "aria-expanded": asking(), "aria-label": format!("{label} {}", words.say("unmeasured")), onclick: move |_| asking.toggle(), "…" }
            }
            NumberField { id: name.to_string(), label: label.clone(), value: shown, unsaved: desk.unsaved(&session, name), keys, on_save: move |typed| desk.save_value(name, typed), on_keep: move |typed| desk.keep_value(name, typed) }
            if let Some(unmeasured) = unmeasured { div { class: "p", "{unmeasured}" } }
            if let Some(refused) = refused { div { class: "p bad", role: "alert", "{refused}" } }
            match concern {
                Concern::Alert => rsx! { div { class: "p bad", Drawn { icon: Icon::Alert } " " {words.say("alert-value")} } },
                Concern::Unusual => rsx! { div { class: "p bad", Drawn { icon: Icon::Alert } " " {words.say("unusual-value")} } },
                Concern::Calm => rsx! {},
            }
            div { class: "p", "{previous}" }
            if asking() {
                div { class: "chips tight",
                    for key in ["reason-refused", "reason-absent", "reason-no-instrument"] {
                        button { class: "chip", onclick: move |_| {
                                asking.set(false);
                                desk.send.call(Event::UnmeasuredChosen { field: name.to_string(), reason: words.say(key) });
                            }, {words.say("unmeasured")} " (" {words.say(key)} ")" }
                    }
                }
            }
        }
    }
}

#[component]
fn Care(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let fields = &note.0.view.fields;
    let flag = |name: &str| fields.get(name) == Some(&FieldValue::Flag(true));
    let care: Vec<(&'static str, bool)> =
        FIELDS.iter().filter(|f| f.name.starts_with("care.")).map(|f| (f.name, flag(f.name))).collect();
    rsx! {
        section { class: "card",
            h2 { {words.say("care-title")} }
            div { class: "chips",
                for (name, on) in care {
                    button { key: "{name}", id: "{name}", class: if on { "chip on" } else { "chip" }, "aria-pressed": on,
                        onclick: move |_| { desk.send.call(Event::ValueChosen { field: name.to_string(), value: FieldValue::Flag(!on) }); },
                        if on { "✓ " } {field_label(words, name)}
                    }
                }
            }
        }
        section { class: "card",
            h2 { {words.say("visit-title")} }
            for name in ["payer", "visit_kind"] { Choices { key: "{name}", name, value: fields.get(name).cloned().map(Known), desk } }
            YesNo { name: "plan_changed", value: fields.get("plan_changed").cloned().map(Known), desk }
            Choices { name: "outcome", value: fields.get("outcome").cloned().map(Known), desk }
            if !matches!(note.0.view.word("outcome"), None | Some("carried_out")) {
                AnyField { name: "outcome_reason", note: note.clone(), desk }
            }
            if note.0.context.needs_gaf || fields.contains_key("gaf") { AnyField { name: "gaf", note: note.clone(), desk } }
        }
        for (title, names) in details_of(fields).into_iter().chain(sub_records_of(fields)) {
            section { key: "{title.name} {title.number:?}", class: "card", "data-group": title.name,
                h2 { {title.words(words)} }
                for name in names { AnyField { key: "{name}", name, note: note.clone(), desk } }
            }
        }
    }
}

#[component]
fn Texts(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let row = note.0.row.clone();
    let (last, last_unread) =
        use_hook(|| or_words(words, "keep-previous-unread", session.phone.previous_values(&row.patient, row.note)));
    rsx! {
        Trouble { said: last_unread }
        for field in TEXT_FIELDS.iter() {
            NoteText {
                key: "{field.name}",
                name: field.name,
                label: field_label(words, field.name),
                text: note.0.view.text(field.name).to_string(),
                equal: note.0.view.equal_edits.iter().any(|name| name == field.name),
                last: words_of(last.get(field.name)),
                desk,
            }
        }
    }
}

/// A text of the note, and what saves a hand some work under it.
#[component]
fn NoteText(name: &'static str, label: String, text: String, equal: bool, last: Option<String>, desk: Desk) -> Element {
    let phrase = use_signal(|| None::<Phrase>);
    rsx! {
        LongText { name, label, limit: TEXT_LIMIT, text: text.clone(), equal, desk, phrase: phrase(),
            TextComforts { name, text, limit: TEXT_LIMIT, last, phrase }
        }
    }
}

fn words_of(value: Option<&FieldValue>) -> Option<String> {
    match value {
        Some(FieldValue::Word(text)) => Some(text.clone()),
        _ => None,
    }
}

#[component]
fn Confirm(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let fields = &note.0.view.fields;
    let missing = ready(note.0.row.form, &note.0.view, &note.0.context).err().map(|error| confirm_words(words, &error));
    let typed = |name: &str| fields.get(name).map(|value| value_words(words, name, value)).unwrap_or_default();
    let (started, ended, next) = (
        typed("started_at"),
        typed("ended_at"),
        match fields.get("next_visit") {
            Some(FieldValue::Date(date)) => date.to_string(),
            _ => String::new(),
        },
    );
    let refused = desk.model.read().refused.clone();
    rsx! {
        section { class: "card",
            h2 { {words.say("visit-title")} }
            for (name, value, now_key) in [("started_at", started, "start-now"), ("ended_at", ended, "end-now")] {
                div { class: "line row sp wrap", key: "{name}",
                    label { r#for: name, {field_label(words, name)} }
                    div { class: "row wrap",
                        div { class: "f slim", NumberField { id: name.to_string(), label: field_label(words, name), value, unsaved: desk.unsaved(&session, name), keys: "numeric", is_time: true, on_save: move |typed| desk.save_value(name, typed), on_keep: move |typed| desk.keep_value(name, typed) } }
                        button { class: "btn g s", id: "{now_key}", onclick: move |_| { desk.send.call(Event::ValueChosen { field: name.to_string(), value: minute_of(Timestamp::now()) }); }, {words.say(now_key)} }
                    }
                    if let Some(refused) = refused.get(name) { div { class: "p bad", role: "alert", "{refused}" } }
                }
            }
            div { class: "line row sp wrap",
                label { r#for: "next_visit", {field_label(words, "next_visit")} }
                div { class: "f slim wide", NumberField { id: "next_visit".to_string(), label: field_label(words, "next_visit"), value: next, unsaved: desk.unsaved(&session, "next_visit"), keys: "numeric", on_save: move |typed| desk.save_value("next_visit", typed), on_keep: move |typed| desk.keep_value("next_visit", typed) } }
                if let Some(refused) = refused.get("next_visit") { div { class: "p bad", role: "alert", "{refused}" } }
            }
        }
        Readiness { missing }
        section { class: "card",
            h2 { {words.say("confirm-title")} }
            Content { form: note.0.row.form, fields: Fields(fields.clone()) }
        }
    }
}
