//! 訂正する

use super::aside::{Asides, HalfUnread, Overtaken};
use super::half::{forget_half, half_typed, keep_half};
use super::pair::{BeforeAfter, Pair};
use super::reason::Reason;
use super::said::{label, read_note, refusal, short_label, value, who};
use super::sections::sections;
use super::update::{After, Effect, Event, Model, is_offered, read_back, standing, start_of, typed_of, update};
use crate::app::{Live, Session, Shell};
use crate::components::{Drawn, Icon, JOURNAL_AFTER_MS, SyncPill, use_flushed};
use crate::screens::form::Shown;
use crate::screens::patient::Failed;
use crate::screens::unreadable::{Trouble, because};
use crate::text::{choice_words, dotted, use_words};
use crate::unsaved::Edit;
use device::DeviceError;
use device::jiff::Timestamp;
use device::record::calendar::day_in_japan;
use device::record::visit_note::fields::CLOSING;
use device::record::visit_note::{Field, FieldKind, FieldValue, NoteState};
use device::record::{DocumentId, Form};
use dioxus::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

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
    let mut model = use_signal(|| match half_typed(&session, id) {
        Ok(half) => Model::opened(field, half),
        Err(error) => Model::unread(field, because(words, "keep-half-unread", &error)),
    });
    let keeping = session.clone();
    // A callback of its own: it is rung by `send`'s timer, by the curtain and by the lock.
    let keep = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for effect in effects {
            if let Effect::Keep { field, half, known } = effect
                && let Err(error) = keep_half(&keeping, live, id, Edit::Correction { field, half, known })
            {
                update(&mut model.write(), Event::Failed(refusal(words, &error)));
            }
        }
    });
    let last_words = use_callback(move |()| keep.call(Event::Dropped));
    use_flushed(last_words);
    let signing = session.clone();
    let send = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for effect in effects {
            match perform(&signing, live, id, effect) {
                Ok(Done::Signed) => {
                    update(&mut model.write(), Event::Signed);
                    shell.back();
                }
                Ok(Done::Kept) => {}
                Ok(Done::KeepLater) => {
                    spawn(async move {
                        tokio::time::sleep(Duration::from_millis(JOURNAL_AFTER_MS)).await;
                        keep.call(Event::KeepDue);
                    });
                }
                Err(error) => {
                    update(&mut model.write(), Event::Failed(refusal(words, &error)));
                }
            }
        }
    });
    let desk = Desk { send, model };
    let made_anew = use_memo(move || model.read().made_anew)();
    let open = use_memo(move || model.read().field.clone());
    let picked = open();
    let unread = use_memo(move || model.read().unread.clone())();
    let phone = session.phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        read_note(&phone, id, words)
    });
    // What stands in the field may become something else while its correction is typed, or while it lies half typed.
    use_effect(move || {
        if let (Some(field), Ok((note, _))) = (open(), read()) {
            send.call(Event::Stands(standing(&note.0.view, &field)));
        }
    });
    let again = session.clone();
    let read_again = use_callback(move |()| match half_typed(&again, id) {
        Ok(half) => send.call(Event::Read(half)),
        Err(error) => model.write().unread = Some(because(words, "keep-half-unread", &error)),
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
    let may = not_now.is_none() && unread.is_none();
    let field = picked.and_then(|name| form.field(&name).ok()).filter(|_| may);
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
            div { class: "sub", {dotted([name, words.say("note-title")])} }
        }
        main { class: "bd",
            if let Some(why) = unread {
                HalfUnread { why, on_again: move |()| read_again.call(()) }
            } else if let Some(key) = not_now {
                p { class: "strip warn", role: "status", {words.say(key)} }
                Stranded { form, desk }
            } else if let Some(field) = field {
                // The key mounts the inputs anew when what was typed in them is thrown away.
                for key in std::iter::once(format!("{} {made_anew}", field.name)) {
                    Write { key: "{key}", name: field.name, note: note.clone(), desk }
                }
            } else {
                Pick { note: note.clone(), desk }
            }
            AsideOf { form, desk }
        }
        if is_open { Sign { present, desk } }
    }
}

/// What became of an effect.
enum Done {
    Signed,
    Kept,
    /// To be kept in a moment.
    KeepLater,
}

fn perform(session: &Session, live: Live, note: DocumentId, effect: Effect) -> Result<Done, DeviceError> {
    match effect {
        Effect::StartKeep => Ok(Done::KeepLater),
        Effect::Keep { field, half, known } => {
            keep_half(session, live, note, Edit::Correction { field, half, known }).map(|()| Done::Kept)
        }
        Effect::ForgetAside(aside) => session.phone.forget_aside(note, &aside).map(|()| Done::Kept),
        Effect::Sign { field, typed, reason } => {
            session.phone.amend_note(note, &field, &typed, &reason, Timestamp::now())?;
            forget_half(session, live, note, Some(&field));
            Ok(Done::Signed)
        }
    }
}

/// 書きかけ about a note that cannot be corrected now: it can be read, and thrown away.
#[component]
fn Stranded(form: Form, desk: Desk) -> Element {
    let words = use_words();
    let half = use_memo(move || desk.model.read().half.clone())();
    rsx! {
        for (field, half) in half {
            section { key: "{field}", class: "card col gap",
                h2 { {label(words, form, &field)} }
                p { class: "sub", {words.say("keep-half-stranded")} }
                if let Some(after) = half.after { p { class: "body", "{after}" } }
                if !half.reason.is_empty() { p { class: "body", {words.say("amend-reason")} ": {half.reason}" } }
                button { class: "btn g",
                    onclick: {
                        let field = field.clone();
                        move |_| desk.send.call(Event::Discarded(field.clone()))
                    },
                    {words.say("keep-discard")}
                }
            }
        }
    }
}

/// What another window left half typed about corrections of this note.
#[component]
fn AsideOf(form: Form, desk: Desk) -> Element {
    let aside = use_memo(move || {
        let model = desk.model.read();
        model.aside.iter().filter(|aside| aside.field.is_some()).cloned().collect::<Vec<_>>()
    })();
    rsx! { Asides { form, aside, on_discard: move |aside| desk.send.call(Event::AsideDiscarded(aside)) } }
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
    let (half, failed) = use_memo(move || {
        let model = desk.model.read();
        (model.half.keys().cloned().collect::<BTreeSet<String>>(), model.failed.clone())
    })();
    rsx! {
        Trouble { said: failed }
        p { class: "sub", {words.say("amend-pick")} }
        for (title, fields) in written {
            section { key: "{title.words(words)}", class: "card",
                h2 { {title.words(words)} }
                for field in fields {
                    FieldRow { key: "{field.name}", name: field.name, label: short_label(words, form, field.name), reads: reads(field), half: half.contains(field.name), desk }
                }
            }
        }
        h2 { {words.say("amend-unwritten")} }
        for (title, fields) in blank {
            details { key: "{title.words(words)}", class: "card",
                summary { {title.words(words)} }
                for field in fields {
                    FieldRow { key: "{field.name}", name: field.name, label: short_label(words, form, field.name), reads: words.say("amend-nothing"), half: half.contains(field.name), desk }
                }
            }
        }
    }
}

#[component]
fn FieldRow(name: &'static str, label: String, reads: String, half: bool, desk: Desk) -> Element {
    let words = use_words();
    rsx! {
        button { class: "pick", onclick: move |_| desk.send.call(Event::FieldPicked(name.to_string())),
            span { class: "k", "{label}" }
            span { class: "clip", "{reads}" }
            if half { span { class: "tag wa", {words.say("keep-half")} } }
        }
    }
}

/// Then the new value and the reason.
#[component]
fn Write(name: &'static str, note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let directory = use_hook(|| session.phone.directory().unwrap_or_default());
    let (failed, is_half, is_overtaken) = use_memo(move || {
        let model = desk.model.read();
        (model.failed.clone(), model.is_half(), model.is_overtaken())
    })();
    // What was half typed before stands in the inputs when they are made; from then on they hold their own.
    let (typed, reason) = use_hook(|| {
        let model = desk.model.peek();
        let typed = match &model.after {
            Some(After::Typed(typed)) => Some(typed.clone()),
            _ => None,
        };
        (typed, model.reason.clone())
    });
    let shown = note.0.clone();
    let form = shown.row.form;
    let present = shown.view.fields.get(name);
    let sides = shown.view.conflicts.iter().find(|c| c.field == name).map(|c| c.values.clone()).unwrap_or_default();
    let can_go = present.is_some() || !sides.is_empty();
    let now = match present {
        Some(present) => value(words, form, name, present),
        None if sides.is_empty() => words.say("half-overtaken-none"),
        None => words.say("amend-two-values"),
    };
    // Of two values neither is what she goes on from.
    let is_text = sides.is_empty() && form.field(name).is_ok_and(|field| field.is_text());
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
        if is_overtaken { Overtaken { now, is_text, on_seen: move |()| desk.send.call(Event::Seen { is_text }) } }
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
            NewValue { name, form, start: typed.unwrap_or_else(|| start_of(present)), desk }
            if can_go {
                Chosen { value: String::new(), label: words.say("amend-take-away"), desk }
            }
        }
        if !is_overtaken { Preview { name, note, desk } }
        section { class: "card",
            Reason { id: "amend-reason", label: words.say("amend-reason"), start: reason, on_typed: move |typed| desk.send.call(Event::ReasonTyped(typed)) }
        }
        Trouble { said: failed }
        if is_half {
            p { class: "sub", role: "status", {words.say("keep-half-hint")} }
            button { class: "btn g", id: "discard-half", onclick: move |_| desk.send.call(Event::Discarded(name.to_string())), {words.say("keep-discard")} }
        }
        p { class: "sub", {words.say("amend-hint")} }
    }
}

/// The input that the field's kind asks for.
#[component]
fn NewValue(name: &'static str, form: Form, start: String, desk: Desk) -> Element {
    let words = use_words();
    let start = use_hook(|| start);
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
        FieldKind::Date => (12, "2026-11-24"),
        FieldKind::Number(_) => (12, "—"),
        _ => (200, ""),
    };
    let keys = match field.kind {
        FieldKind::Number(range) if range.decimals > 0 => "decimal",
        FieldKind::Number(_) | FieldKind::Time | FieldKind::Date => "numeric",
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
