//! 訂正する

use super::pair::{BeforeAfter, Pair};
use super::reason::Reason;
use super::said::{label, read_note, refusal, short_label, value, who};
use super::sections::sections;
use super::update::{After, Effect, Event, Model, is_offered, read_back, start_of, typed_of, update};
use crate::app::{Live, Session, Shell};
use crate::components::{Drawn, Icon, SyncPill};
use crate::screens::form::Shown;
use crate::screens::patient::Failed;
use crate::text::{choice_words, use_words};
use device::jiff::Timestamp;
use device::record::calendar::day_in_japan;
use device::record::visit_note::fields::CLOSING;
use device::record::visit_note::{Field, FieldKind, FieldValue, NoteState};
use device::record::{DocumentId, Form};
use dioxus::prelude::*;

/// What every part of this screen works with.
#[derive(Clone, Copy, PartialEq)]
struct Desk {
    send: Callback<Event>,
    model: Signal<Model>,
}

#[component]
pub fn AmendScreen(id: DocumentId, field: Option<String>) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut model = use_signal(|| Model::on(field));
    let phone = session.phone.clone();
    let send = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for Effect::Sign { field, typed, reason } in effects {
            match phone.amend_note(id, &field, &typed, &reason, Timestamp::now()) {
                Ok(_) => shell.back(),
                Err(error) => {
                    update(&mut model.write(), Event::Failed(refusal(words, &error)));
                }
            }
        }
    });
    let desk = Desk { send, model };
    let picked = use_memo(move || model.read().field.clone())();
    let phone = session.phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        read_note(&phone, id, words)
    });
    let (note, name) = match read() {
        Ok(read) => read,
        Err(error) => return rsx! { Failed { text: error } },
    };
    let form = note.0.row.form;
    let not_now = match note.0.state {
        NoteState::Confirmed => None,
        NoteState::Draft => Some("amend-error-not-confirmed"),
        NoteState::Competing => Some("amend-choose-first"),
        NoteState::Closed => Some("amend-closed"),
    };
    let field = picked.and_then(|name| form.field(&name).ok()).filter(|_| not_now.is_none());
    let present = field.map(|field| start_of(note.0.view.fields.get(field.name))).unwrap_or_default();
    let is_open = field.is_some();
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap",
                button { class: "back", "aria-label": words.say("back"),
                    onclick: move |_| if is_open { send.call(Event::FieldLeft) } else { shell.back() },
                    Drawn { icon: Icon::Back }
                }
                h1 { class: "grow small", {words.say("amend-title")} }
                SyncPill {}
            }
            div { class: "sub", "{name} · " {words.say("note-title")} }
        }
        main { class: "bd",
            if let Some(key) = not_now {
                p { class: "strip warn", role: "status", {words.say(key)} }
            } else if let Some(field) = field {
                Write { key: "{field.name}", name: field.name, note: note.clone(), desk }
            } else {
                Pick { note: note.clone(), desk }
            }
        }
        if is_open { Sign { present, desk } }
    }
}

/// First the field: what was written, under its headings; what was not, folded away.
#[component]
fn Pick(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let note = note.0;
    let form = note.row.form;
    let fields = &note.view.fields;
    let stands = |name: &str| fields.contains_key(name) || note.view.conflicts.iter().any(|c| c.field == name);
    let written = sections(form, |field| is_offered(form, fields, field.name) && stands(field.name));
    let blank = sections(form, |field| is_offered(form, fields, field.name) && !stands(field.name));
    let reads = |field: &Field| match fields.get(field.name) {
        Some(known) => value(words, form, field.name, known),
        None => words.say("amend-two-values"),
    };
    rsx! {
        p { class: "sub", {words.say("amend-pick")} }
        for (title, fields) in written {
            section { key: "{title.words(words)}", class: "card",
                h2 { {title.words(words)} }
                for field in fields {
                    FieldRow { key: "{field.name}", name: field.name, label: short_label(words, form, field.name), reads: reads(field), desk }
                }
            }
        }
        h2 { {words.say("amend-unwritten")} }
        for (title, fields) in blank {
            details { key: "{title.words(words)}", class: "card",
                summary { {title.words(words)} }
                for field in fields {
                    FieldRow { key: "{field.name}", name: field.name, label: short_label(words, form, field.name), reads: words.say("amend-nothing"), desk }
                }
            }
        }
    }
}

#[component]
fn FieldRow(name: &'static str, label: String, reads: String, desk: Desk) -> Element {
    rsx! {
        button { class: "pick", onclick: move |_| desk.send.call(Event::FieldPicked(name.to_string())),
            span { class: "k", "{label}" }
            span { class: "clip", "{reads}" }
        }
    }
}

/// Then the new value and the reason.
#[component]
fn Write(name: &'static str, note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let directory = use_hook(|| session.phone.directory().unwrap_or_default());
    let failed = use_memo(move || desk.model.read().failed.clone())();
    let shown = note.0.clone();
    let form = shown.row.form;
    let present = shown.view.fields.get(name);
    let sides = shown.view.conflicts.iter().find(|c| c.field == name).map(|c| c.values.clone()).unwrap_or_default();
    let can_go = present.is_some() || !sides.is_empty();
    rsx! {
        section { class: "card",
            h2 { {label(words, form, name)} }
            if let Some(present) = present {
                div { class: "k", {words.say("amend-present")} }
                p { class: "body", {value(words, form, name, present)} }
            } else if sides.is_empty() {
                p { class: "sub", {words.say("amend-nothing")} }
            }
        }
        if !sides.is_empty() {
            section { class: "card conflict",
                b { {words.say("amend-two-values")} }
                p { class: "sub", {words.say("amend-two-values-hint")} }
                for side in sides {
                    if let Some(typed) = typed_of(&side.value) {
                        button { class: "opt", onclick: move |_| desk.send.call(Event::Typed(typed.clone())),
                            b { {value(words, form, name, &side.value)} }
                            span { class: "who", {who(words, &directory, side.staff.as_ref(), side.at)} }
                            span { class: "tag in", {words.say("conflict-take")} }
                        }
                    } else {
                        div { class: "opt", b { {value(words, form, name, &side.value)} } span { class: "who", {who(words, &directory, side.staff.as_ref(), side.at)} } }
                    }
                }
            }
        }
        section { class: "card col gap",
            h2 { {words.say("amend-new")} }
            NewValue { name, form, start: start_of(present), desk }
            if can_go {
                Chosen { value: String::new(), label: words.say("amend-take-away"), desk }
            }
        }
        Preview { name, note, desk }
        section { class: "card",
            Reason { id: "amend-reason", label: words.say("amend-reason"), on_typed: move |typed| desk.send.call(Event::ReasonTyped(typed)) }
        }
        if let Some(failed) = failed { p { class: "strip", role: "alert", "{failed}" } }
        p { class: "sub", {words.say("amend-hint")} }
    }
}

/// The input that the field's kind asks for.
#[component]
fn NewValue(name: &'static str, form: Form, start: String, desk: Desk) -> Element {
    let words = use_words();
    let Ok(field) = form.field(name) else { return rsx! {} };
    let title = label(words, form, name);
    let chips: Vec<(String, String)> = match field.kind {
        FieldKind::Choice(choices) => choices
            .iter()
            .copied()
            .filter(|choice| name != "outcome" || !CLOSING.contains(choice))
            .map(|choice| {
                // The other forms' choices are codes of their own.
                let said = if form == Form::VisitNote { choice_words(words, name, choice) } else { choice.to_string() };
                (choice.to_string(), said)
            })
            .collect(),
        FieldKind::Flag => vec![("true".to_string(), words.say("yes")), ("false".to_string(), words.say("no"))],
        FieldKind::Steps(steps) => steps.iter().map(|step| (step.to_string(), step.to_string())).collect(),
        _ => Vec::new(),
    };
    if !chips.is_empty() {
        return rsx! {
            div { class: "chips", role: "group", "aria-label": "{title}",
                for (value, label) in chips { Chosen { key: "{value}", value: value.clone(), label, desk } }
            }
        };
    }
    let (limit, hint) = match field.kind {
        FieldKind::Text(limit) => {
            return rsx! {
                label { r#for: "new-value", class: "k", "{title}" }
                textarea {
                    id: "new-value", class: "ta", rows: 6, maxlength: "{limit}", autocomplete: "off", spellcheck: "false", initial_value: "{start}",
                    oninput: move |event: FormEvent| desk.send.call(Event::Typed(event.value())),
                }
            };
        }
        FieldKind::Time => (5, "09:32"),
        FieldKind::Date => (10, "2026-11-24"),
        FieldKind::Number(_) => (12, "—"),
        _ => (200, ""),
    };
    let keys = match field.kind {
        FieldKind::Number(range) if range.decimals > 0 => "decimal",
        FieldKind::Number(_) => "numeric",
        _ => "text",
    };
    rsx! {
        label { r#for: "new-value", class: "k", "{title}" }
        input {
            id: "new-value", class: "ta line", r#type: "text", inputmode: keys, autocomplete: "off", maxlength: "{limit}", placeholder: hint, initial_value: "{start}",
            oninput: move |event: FormEvent| desk.send.call(Event::Typed(event.value())),
        }
    }
}

/// One choice; an empty value takes the field's away.
#[component]
fn Chosen(value: String, label: String, desk: Desk) -> Element {
    let wanted = if value.is_empty() { After::Nothing } else { After::Typed(value.clone()) };
    let on = desk.model.read().after.as_ref() == Some(&wanted);
    rsx! {
        button { class: if on { "chip on" } else { "chip" }, "aria-pressed": on,
            onclick: move |_| desk.send.call(if value.is_empty() { Event::TakenAway } else { Event::Typed(value.clone()) }),
            if on { "✓ " } "{label}"
        }
    }
}

/// How it will stand on the record.
#[component]
fn Preview(name: &'static str, note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let note = note.0;
    let Ok(field) = note.row.form.field(name) else { return rsx! {} };
    let day = day_in_japan(note.view.time("started_at").unwrap_or_else(Timestamp::now));
    let wanted = desk.model.read().after.clone();
    let after: Option<FieldValue> = match wanted {
        Some(After::Typed(typed)) => match read_back(field, &typed, day) {
            Some(read) => Some(read),
            None => return rsx! {},
        },
        Some(After::Nothing) => None,
        None => return rsx! {},
    };
    let before = note.view.fields.get(name).cloned();
    rsx! {
        section { class: "card",
            h2 { {words.say("amend-preview")} }
            BeforeAfter { pair: Pair { form: note.row.form, field: name.to_string(), before, after } }
        }
    }
}

#[component]
fn Sign(present: String, desk: Desk) -> Element {
    let words = use_words();
    let ready = desk.model.read().is_ready(&present);
    rsx! {
        footer { class: "foot",
            button { class: "btn", id: "sign", disabled: !ready, onclick: move |_| desk.send.call(Event::SignTapped), {words.say("amend-sign")} }
        }
    }
}
