//! The fields of a form, each by its kind: chips, a value, a text.

use super::desk::Desk;
use super::parts::Shown;
use super::update::Event;
use crate::app::Session;
use crate::components::{Edited, NumberField, Phrase, TextField};
use crate::text::{Words, choice_in, dotted, label_in, unit_words, use_words, value_in};
use device::record::Form;
use device::record::visit_note::fields::{CLOSING, TEXT_LIMIT};
use device::record::visit_note::required::needed;
use device::record::visit_note::{Field, FieldKind, FieldValue};
use dioxus::prelude::*;

/// A value as a prop.
#[derive(Clone, PartialEq)]
pub struct Known(pub FieldValue);

/// So many steps still read as chips.
const STEPS_AS_CHIPS: usize = 6;
/// Characters of a measured value, a time or a date; a line takes as many as its field.
const VALUE_LIMIT: usize = 12;
const LINE_LIMIT: usize = 200;

/// The label, and whether the form is confirmed without it.
fn label_words(words: Words, form: Form, name: &str) -> String {
    let label = label_in(words, form, name);
    if needed(form).contains(&name) { dotted([label, words.say("board-needed")]) } else { label }
}

/// One field of any kind, with its label.
#[component]
pub fn AnyField(name: &'static str, note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let Ok(field) = desk.form.field(name) else { return rsx! {} };
    let view = &note.0.view;
    let value = view.fields.get(name).cloned();
    let label = label_words(words, desk.form, name);
    let typed = match &value {
        Some(FieldValue::Unmeasured(_)) | None => String::new(),
        Some(FieldValue::Date(date)) => date.to_string(),
        Some(value) => value_in(words, desk.form, name, value),
    };
    match field.kind {
        FieldKind::Choice(_) => rsx! { Choices { name, value: value.map(Known), desk } },
        FieldKind::Flag => rsx! { YesNo { name, value: value.map(Known), desk } },
        FieldKind::Steps(steps) if steps.len() <= STEPS_AS_CHIPS => {
            rsx! { StepChips { name, value: value.map(Known), desk } }
        }
        FieldKind::Number(range) => {
            let keys = if range.decimals > 0 { "decimal" } else { "numeric" };
            rsx! { ValueLine { name, label: format!("{label} {}", unit_words(words, range.unit)), typed, keys, desk } }
        }
        FieldKind::Time | FieldKind::Date => rsx! { ValueLine { name, label, typed, keys: "numeric", desk } },
        FieldKind::Steps(_) | FieldKind::Line => rsx! { ValueLine { name, label, typed, keys: "text", desk } },
        FieldKind::Text(limit) => {
            let equal = view.equal_edits.iter().any(|known| known == name);
            rsx! { LongText { name, label, limit, text: view.text(name).to_string(), equal, desk } }
        }
    }
}

/// A value with its label before it; refused ones keep their reason beside them.
#[component]
fn ValueLine(name: &'static str, label: String, typed: String, keys: &'static str, desk: Desk) -> Element {
    let session = use_context::<Session>();
    let refused = use_memo(move || desk.model.read().refused.get(name).cloned())();
    let kind = desk.form.field(name).map(|field| field.kind);
    let (is_line, is_time) = (matches!(kind, Ok(FieldKind::Line)), matches!(kind, Ok(FieldKind::Time)));
    let limit = if is_line { LINE_LIMIT } else { VALUE_LIMIT };
    rsx! {
        div { class: "line row sp wrap",
            label { r#for: name, "{label}" }
            div { class: if is_line { "f slim whole" } else { "f slim wide" },
                NumberField {
                    id: name.to_string(), label: label.clone(), value: typed, unsaved: desk.unsaved(&session, name), keys, is_time, limit,
                    on_save: move |typed| desk.save_value(name, typed),
                    on_keep: move |typed| desk.keep_value(name, typed),
                }
            }
            if let Some(refused) = refused { div { class: "p bad", role: "alert", "{refused}" } }
        }
    }
}

/// A free text. What two people wrote alike at one place is shown once, and said so. `children` stand right under it.
#[component]
pub fn LongText(
    name: &'static str,
    label: String,
    limit: usize,
    text: String,
    equal: bool,
    desk: Desk,
    phrase: Option<Phrase>,
    children: Element,
) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let key = (desk.note, name.to_string());
    let unsaved = session.unsaved.borrow().get(&key).cloned();
    use_hook(|| session.unsaved.borrow_mut().enter(&key));
    let left = session.unsaved.clone();
    use_drop(move || left.borrow_mut().leave((desk.note, name.to_string())));
    let refused = use_memo(move || desk.model.read().refused.get(name).cloned())();
    rsx! {
        div { class: "col gap",
            TextField {
                // One event carries the whole text: no more of it than a phone takes.
                id: name.to_string(), label, text, limit: limit.min(TEXT_LIMIT), unsaved, phrase,
                on_typing: move |()| { desk.send.call(Event::TypingBegan); },
                on_settled: move |()| { desk.send.call(Event::TypingSettled); },
                on_keep: move |e: Edited| { desk.send.call(Event::TextPaused { field: name.to_string(), shown: e.shown, typed: e.typed }); },
                on_save: move |e: Edited| desk.send.call(Event::TextChanged { field: name.to_string(), shown: e.shown, typed: e.typed }),
            }
            {children}
            if let Some(refused) = refused { p { class: "p bad", role: "alert", "{refused}" } }
            if equal { p { class: "strip warn light", role: "status", {words.say("board-equal-edits")} } }
        }
    }
}

#[component]
pub fn Choices(name: &'static str, value: Option<Known>, desk: Desk) -> Element {
    let words = use_words();
    let Ok(Field { kind: FieldKind::Choice(choices), .. }) = desk.form.field(name) else { return rsx! {} };
    let choices: &'static [&'static str] = choices;
    rsx! {
        ChipGroup { name, desk,
            for choice in choices.iter().copied().filter(|choice| name != "outcome" || !CLOSING.contains(choice)) {
                Choice { key: "{choice}", name, label: choice_in(words, desk.form, name, choice), value: Known(FieldValue::Word(choice.to_string())), on: value == Some(Known(FieldValue::Word(choice.to_string()))), desk }
            }
        }
    }
}

#[component]
pub fn YesNo(name: &'static str, value: Option<Known>, desk: Desk) -> Element {
    let words = use_words();
    rsx! {
        ChipGroup { name, desk,
            for (flag, key) in [(true, "yes"), (false, "no")] {
                Choice { key: "{key}", name, label: words.say(key), value: Known(FieldValue::Flag(flag)), on: value == Some(Known(FieldValue::Flag(flag))), desk }
            }
        }
    }
}

/// A number of which there are only a few.
#[component]
fn StepChips(name: &'static str, value: Option<Known>, desk: Desk) -> Element {
    let Ok(Field { kind: FieldKind::Steps(steps), .. }) = desk.form.field(name) else { return rsx! {} };
    let steps: &'static [u16] = steps;
    rsx! {
        ChipGroup { name, desk,
            for step in steps.iter().copied() {
                Choice { key: "{step}", name, label: step.to_string(), value: Known(FieldValue::Number(step.into())), on: value == Some(Known(FieldValue::Number(step.into()))), desk }
            }
        }
    }
}

/// The chips of one field under its label.
#[component]
fn ChipGroup(name: &'static str, desk: Desk, children: Element) -> Element {
    let words = use_words();
    let label = label_words(words, desk.form, name);
    rsx! {
        div { class: "k", "{label}" }
        div { class: "chips", role: "group", "aria-label": "{label}", {children} }
    }
}

/// One chip. A second tap takes a mistaken choice away.
#[component]
fn Choice(name: &'static str, label: String, value: Known, on: bool, desk: Desk) -> Element {
    rsx! {
        button { class: if on { "chip on" } else { "chip" }, "aria-pressed": on,
            onclick: move |_| {
                let field = name.to_string();
                desk.send.call(if on {
                    Event::ValueTyped { field, typed: String::new() }
                } else {
                    Event::ValueChosen { field, value: value.0.clone() }
                });
            },
            if on { "✓ " } "{label}"
        }
    }
}
