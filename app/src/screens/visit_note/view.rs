//! 訪問看護記録書Ⅱ, on the screen.

use super::comforts::Change;
use super::comforts_view::{TextComforts, UndoBar};
use super::update::{Concern, Effect, Event, Model, Section, concern, details_of, minute_of, sub_records_of, update};
use super::waiting::{edit_of, hold, with_waiting};
use crate::app::{Live, Session, Shell};
use crate::components::{Drawn, Edited, Icon, NumberField, Phrase, SyncPill, TextField};
use crate::screens::patient::Failed;
use crate::screens::visiting::use_visit;
use crate::text::{
    choice_words, clock, confirm_words, day_and_clock, error_words, field_label, unit_words, use_words, value_words,
};
use crate::unsaved::waits;
use device::jiff::Timestamp;
use device::note::{JournalEntryOf, NoteShown};
use device::record::DocumentId;
use device::record::Form;
use device::record::calendar::{day_in_japan, zoned_in_japan};
use device::record::visit_note::fields::{CLOSING, VITALS};
use device::record::visit_note::required::check_complete;
use device::record::visit_note::{Conflict, FIELDS, Field, FieldKind, FieldValue, NoteState, TEXT_FIELDS};
use device::record::vitals::AlertBounds;
use device::{DeviceError, Phone, VaultError};
use dioxus::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What every part of this screen works with.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Desk {
    /// Answers whether it is settled: taken, or refused by the form. What the vault refused is kept and tried again.
    pub(super) send: Callback<Event, bool>,
    pub(super) model: Signal<Model>,
    pub(super) note: DocumentId,
}

impl Desk {
    fn save_value(self, field: &str, typed: String) -> bool {
        self.send.call(Event::ValueTyped { field: field.to_string(), typed })
    }

    /// What was typed into a field of one value and does not stand in the document.
    fn unsaved(self, session: &Session, field: &str) -> Option<String> {
        session.unsaved.borrow().typed(&(self.note, field.to_string())).map(str::to_string)
    }

    fn keep_value(self, field: &str, typed: String) {
        self.send.call(Event::TextPaused { field: field.to_string(), shown: String::new(), typed });
    }
}

#[component]
pub fn VisitNoteScreen(id: DocumentId) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut model = use_signal(|| Model::at(shell.section_of(id)));
    let phone = session.phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        phone.show_note(id).map(|note| Shown(Rc::new(note))).map_err(|error| error_words(words, &error))
    });
    let desk_session = session.clone();
    let send = use_callback(move |event: Event| {
        // A key in a burst changes nothing here: the screen is drawn once a burst, not once a key.
        let typing = model.peek().typing;
        if (event == Event::TypingBegan && typing) || (event == Event::TypingSettled && !typing) {
            return true;
        }
        let say = |error: &DeviceError| error_words(words, error);
        let effects = update(&mut model.write(), event);
        let mut settled = true;
        for effect in effects {
            let edit = edit_of(&effect);
            let change = match &*read.peek() {
                Ok(Shown(note)) => Change::of(&effect, &note.view.fields),
                Err(_) => None,
            };
            let after = match effect {
                // What waits belongs to the confirmation.
                Effect::Confirm if !desk_session.saves_first(id) => {
                    Some(Event::Waits(say(&DeviceError::Vault(VaultError::Full))))
                }
                effect => perform(&desk_session.phone, id, effect, say),
            };
            settled &= hold(&mut desk_session.unsaved.borrow_mut(), id, edit, after.as_ref());
            live.wait_for(desk_session.unsaved.borrow().len());
            let change = change.filter(|_| matches!(after, Some(Event::Saved { .. })));
            for event in after.into_iter().chain(change.map(Event::Changed)) {
                update(&mut model.write(), event);
            }
        }
        settled
    });
    let desk = Desk { send, model, note: id };
    use_effect(move || {
        if (live.waiting)() == 0 && model.peek().waits > 0 {
            update(&mut model.write(), Event::NothingWaits);
        }
    });
    let note = read();
    use_visit(id, note.as_ref().ok().map(|Shown(note)| &**note));
    // A chip that waits is drawn as pressed, each time that one more does.
    let _ = use_memo(move || model.read().waits)();
    let note = match note {
        Ok(Shown(note)) => with_waiting_edits(note, &session),
        Err(error) => return rsx! { Failed { text: error } },
    };
    let (phone, patient) = (session.phone.clone(), note.row.patient.clone());
    let name =
        use_hook(|| phone.show_patient(&patient, Timestamp::now()).map(|p| p.summary.patient.name).unwrap_or_default());
    let started = match note.view.fields.get("started_at") {
        Some(FieldValue::Time(at)) => words.with("note-started", &[("time", clock(*at).into())]),
        _ => words.say("note-not-started"),
    };
    let section = use_memo(move || model.read().section);
    use_effect(move || shell.keep_section(id, section()));
    let section = section();
    let draft = note.state == NoteState::Draft;
    let failed = use_memo(move || model.read().failed.clone())();
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap",
                button { class: "back", "aria-label": words.say("back"), onclick: move |_| shell.back(), Drawn { icon: Icon::Back } }
                h1 { class: "grow small", "{name}" }
                SyncPill {}
            }
            div { class: "row sp wrap", span { class: "sub", {words.say("note-title")} " · {started}" } Chip { note: Shown(note.clone()), desk } }
            if draft {
                div { class: "seg", role: "tablist",
                    for (which, key) in Section::ALL {
                        button { role: "tab", id: "{key}", class: if section == which { "on" }, "aria-selected": section == which,
                            onclick: move |_| { send.call(Event::SectionChosen(which)); }, {words.say(key)}
                        }
                    }
                }
            }
        }
        main { class: "bd",
            if let Some(failed) = failed { p { class: "strip", role: "alert", "{failed}" } }
            if !note.verdicts.is_empty() { p { class: "strip warn", role: "status", {words.say("held-note")} } }
            if !draft {
                ConfirmedNote { note: Shown(note.clone()) }
            } else {
                for conflict in note.view.conflicts.iter() { ConflictCard { key: "{conflict.field}", conflict: conflict.clone(), desk } }
                match section {
                    Section::Vitals => rsx! { Vitals { note: Shown(note.clone()), desk } },
                    Section::Care => rsx! { Care { note: Shown(note.clone()), desk } },
                    Section::Texts => rsx! { Texts { note: Shown(note.clone()), desk } },
                    Section::Confirm => rsx! { Confirm { note: Shown(note.clone()), desk } },
                }
            }
        }
        if draft {
            footer { class: "foot",
                UndoBar { desk }
                if section == Section::Confirm {
                    button { class: "btn", id: "confirm", disabled: check_complete(note.row.form, &note.view, &note.context).is_err(), onclick: move |_| { send.call(Event::ConfirmTapped); }, {words.say("confirm-button")} }
                } else {
                    button { class: "btn", id: "next", onclick: move |_| { send.call(Event::NextTapped); }, {words.say("next")} }
                }
            }
        }
    }
}

/// Does one effect and says what came of it.
fn perform(phone: &Phone, note: DocumentId, effect: Effect, say: impl Fn(&DeviceError) -> String) -> Option<Event> {
    let now = Timestamp::now();
    let (field, done) = match effect {
        Effect::KeepTyped { field, shown, typed } => {
            let line = JournalEntryOf { note, field: &field, shown: &shown, typed: &typed };
            return phone.keep_typed(&line, now).err().map(|error| Event::Failed(say(&error)));
        }
        Effect::SaveTyped { field, typed } => {
            let done = phone.set_field(note, &field, &typed, now);
            (Some(field), done)
        }
        Effect::SaveValue { field, value } => {
            let done = phone.set_value(note, &field, value, now);
            (Some(field), done)
        }
        Effect::SaveUnmeasured { field, reason } => {
            let done = phone.set_unmeasured(note, &field, &reason, now);
            (Some(field), done)
        }
        Effect::SaveText { field, shown, typed } => {
            let done = phone.edit_text(note, &field, &shown, &typed, now);
            (Some(field), done)
        }
        Effect::Undo(change) => {
            return Some(match change.undo(phone, note, now) {
                Ok(()) => Event::Undone { at: now },
                Err(error) => Event::Failed(say(&error)),
            });
        }
        Effect::Confirm => (None, phone.confirm_note(note, now)),
    };
    Some(match (done, field) {
        (Ok(()), field) => Event::Saved { field, at: now },
        (Err(error @ DeviceError::Field(_)), Some(field)) => Event::Refused { field, words: say(&error) },
        (Err(error), Some(_)) if waits(&error) => Event::Waits(say(&error)),
        (Err(error), _) => Event::Failed(say(&error)),
    })
}

/// The note as it will stand once everything that waits is taken.
fn with_waiting_edits(note: Rc<NoteShown>, session: &Session) -> Rc<NoteShown> {
    let unsaved = session.unsaved.borrow();
    if !unsaved.holds(note.row.note) {
        return note;
    }
    let day = day_in_japan(note.row.started_at.unwrap_or_else(Timestamp::now));
    let mut whole = NoteShown::clone(&note);
    with_waiting(&mut whole.view.fields, &unsaved, note.row.note, day);
    Rc::new(whole)
}

/// The note as a prop: a new reading is a new one.
#[derive(Clone)]
struct Shown(Rc<NoteShown>);

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        a.view == b.view && a.row == b.row && a.state == b.state && a.receipt == b.receipt && a.unsent == b.unsent
    }
}

/// 端末に保存済 → ハブ受領済. The second is told exactly.
#[component]
fn Chip(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let now = Timestamp::now();
    let (typing, saved_at) = use_memo(move || (desk.model.read().typing, desk.model.read().saved_at))();
    let (class, text) = if typing {
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

#[component]
fn ConflictCard(conflict: Conflict, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let here = session.phone.identity().device;
    let directory = session.phone.directory().unwrap_or_default();
    let now = Timestamp::now();
    let label = field_label(words, &conflict.field);
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
                    b { {value_words(words, &conflict.field, &side.value)} }
                    span { class: "who",
                        {side.staff.as_ref().map(|s| directory.staff(s).to_string()).unwrap_or_default()}
                        if let Some(at) = side.at { " · " {day_and_clock(at, now)} }
                        if side.device == Some(here) { " · " {words.say("conflict-this-device")} }
                    }
                    span { class: "tag in", {words.say("conflict-take")} }
                }
            }
            p { class: "sub", {words.say("conflict-hint")} }
        }
    }
}

#[component]
fn Vitals(note: Shown, desk: Desk) -> Element {
    let session = use_context::<Session>();
    let row = note.0.row.clone();
    let before = use_hook(|| session.phone.previous_values(&row.patient, row.note).unwrap_or_default());
    let bounds = use_hook(|| Bounds(session.phone.alert_bounds(&row.patient, Timestamp::now()).unwrap_or_default()));
    rsx! {
        div { class: "vit",
            for field in FIELDS.iter().filter(|f| is_vital(f)) {
                Vital { key: "{field.name}", name: field.name, note: note.clone(), before: before.get(field.name).cloned().map(Known), bounds: bounds.clone(), desk }
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

/// A value as a prop.
#[derive(Clone, PartialEq)]
struct Known(FieldValue);

#[component]
fn Vital(name: &'static str, note: Shown, before: Option<Known>, bounds: Bounds, desk: Desk) -> Element {
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
    let previous = before.map_or_else(
        || words.say("previous-none"),
        |b| words.with("previous", &[("value", value_words(words, name, &b.0).into())]),
    );
    let refused = use_memo(move || desk.model.read().refused.get(name).cloned())();
    let warned = concern != Concern::Calm;
    rsx! {
        div { class: if warned { "f hi" } else { "f" },
            div { class: "row sp", span { class: "k", "{label}" }
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
            section { key: "{title.name}", class: "card", "data-group": title.name,
                h2 { {title.words(words)} }
                for name in names { AnyField { key: "{name}", name, note: note.clone(), desk } }
            }
        }
    }
}

/// One field of any kind, with its label: what the form's sub-records are made of.
#[component]
fn AnyField(name: &'static str, note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let refused = use_memo(move || desk.model.read().refused.get(name).cloned())();
    let Ok(field) = Field::named(name) else { return rsx! {} };
    let value = note.0.view.fields.get(name).cloned();
    let label = field_label(words, name);
    let save = move |typed| desk.save_value(name, typed);
    let line = |label: String, unit: &str, shown: String, keys: &'static str| {
        rsx! {
            div { class: "line row sp wrap",
                label { r#for: name, "{label} " {unit_words(words, unit)} }
                div { class: "f slim wide", NumberField { id: name.to_string(), label: label.clone(), value: shown, unsaved: desk.unsaved(&session, name), keys, on_save: save, on_keep: move |typed| desk.keep_value(name, typed) } }
                if let Some(refused) = refused.clone() { div { class: "p bad", role: "alert", "{refused}" } }
            }
        }
    };
    let typed = value.as_ref().map(|value| value_words(words, name, value)).unwrap_or_default();
    match field.kind {
        FieldKind::Choice(_) => rsx! { Choices { name, value: value.map(Known), desk } },
        FieldKind::Flag => rsx! { YesNo { name, value: value.map(Known), desk } },
        FieldKind::Number(range) => {
            let keys = if range.decimals > 0 { "decimal" } else { "numeric" };
            line(
                label,
                range.unit,
                if matches!(value, Some(FieldValue::Unmeasured(_))) { String::new() } else { typed },
                keys,
            )
        }
        FieldKind::Date => {
            let date = match value {
                Some(FieldValue::Date(date)) => date.to_string(),
                _ => String::new(),
            };
            line(label, "", date, "text")
        }
        FieldKind::Steps(_) | FieldKind::Time | FieldKind::Line => line(label, "", typed, "text"),
        FieldKind::Text(limit) => {
            rsx! { LongText { name, label, limit, text: note.0.view.text(name).to_string(), desk } }
        }
    }
}

#[component]
fn LongText(
    name: &'static str,
    label: String,
    limit: usize,
    text: String,
    desk: Desk,
    last: Option<String>,
) -> Element {
    let session = use_context::<Session>();
    let key = (desk.note, name.to_string());
    let unsaved = session.unsaved.borrow().get(&key).cloned();
    use_hook(|| session.unsaved.borrow_mut().enter(&key));
    let left = session.unsaved.clone();
    use_drop(move || left.borrow_mut().leave((desk.note, name.to_string())));
    let phrase = use_signal(|| None::<Phrase>);
    rsx! {
        TextField {
            id: name.to_string(), label, text: text.clone(), limit, unsaved, phrase: phrase(),
            on_typing: move |()| { desk.send.call(Event::TypingBegan); },
            on_settled: move |()| { desk.send.call(Event::TypingSettled); },
            on_keep: move |e: Edited| { desk.send.call(Event::TextPaused { field: name.to_string(), shown: e.shown, typed: e.typed }); },
            on_save: move |e: Edited| desk.send.call(Event::TextChanged { field: name.to_string(), shown: e.shown, typed: e.typed }),
        }
        TextComforts { name, text, limit, last, phrase }
    }
}

#[component]
fn Choices(name: &'static str, value: Option<Known>, desk: Desk) -> Element {
    let words = use_words();
    let Ok(Field { kind: FieldKind::Choice(choices), .. }) = Field::named(name) else { return rsx! {} };
    let choices: &'static [&'static str] = choices;
    rsx! {
        div { class: "k", {field_label(words, name)} }
        div { class: "chips", role: "group", "aria-label": field_label(words, name),
            for choice in choices.iter().copied().filter(|choice| name != "outcome" || !CLOSING.contains(choice)) {
                Choice { key: "{choice}", name, label: choice_words(words, name, choice), value: Known(FieldValue::Word(choice.to_string())), on: value == Some(Known(FieldValue::Word(choice.to_string()))), desk }
            }
        }
    }
}

#[component]
fn YesNo(name: &'static str, value: Option<Known>, desk: Desk) -> Element {
    let words = use_words();
    rsx! {
        div { class: "k", {field_label(words, name)} }
        div { class: "chips", role: "group", "aria-label": field_label(words, name),
            for (flag, key) in [(true, "yes"), (false, "no")] {
                Choice { key: "{key}", name, label: words.say(key), value: Known(FieldValue::Flag(flag)), on: value == Some(Known(FieldValue::Flag(flag))), desk }
            }
        }
    }
}

#[component]
fn Choice(name: &'static str, label: String, value: Known, on: bool, desk: Desk) -> Element {
    rsx! {
        button { class: if on { "chip on" } else { "chip" }, "aria-pressed": on,
            onclick: move |_| { desk.send.call(Event::ValueChosen { field: name.to_string(), value: value.0.clone() }); },
            if on { "✓ " } "{label}"
        }
    }
}

#[component]
fn Texts(note: Shown, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let row = note.0.row.clone();
    let last = use_hook(|| session.phone.previous_values(&row.patient, row.note).unwrap_or_default());
    rsx! {
        for field in TEXT_FIELDS.iter() {
            LongText {
                key: "{field.name}",
                name: field.name,
                label: field_label(words, field.name),
                limit: device::record::visit_note::fields::TEXT_LIMIT,
                text: note.0.view.text(field.name).to_string(),
                last: words_of(last.get(field.name)),
                desk,
            }
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
    let ready =
        check_complete(note.0.row.form, &note.0.view, &note.0.context).map_err(|error| confirm_words(words, &error));
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
                        div { class: "f slim", NumberField { id: name.to_string(), label: field_label(words, name), value, unsaved: desk.unsaved(&session, name), keys: "text", on_save: move |typed| desk.save_value(name, typed), on_keep: move |typed| desk.keep_value(name, typed) } }
                        button { class: "btn g s", id: "{now_key}", onclick: move |_| { desk.send.call(Event::ValueChosen { field: name.to_string(), value: minute_of(Timestamp::now()) }); }, {words.say(now_key)} }
                    }
                    if let Some(refused) = refused.get(name) { div { class: "p bad", role: "alert", "{refused}" } }
                }
            }
            div { class: "line row sp wrap",
                label { r#for: "next_visit", {field_label(words, "next_visit")} }
                div { class: "f slim wide", NumberField { id: "next_visit".to_string(), label: field_label(words, "next_visit"), value: next, unsaved: desk.unsaved(&session, "next_visit"), keys: "text", on_save: move |typed| desk.save_value("next_visit", typed), on_keep: move |typed| desk.keep_value("next_visit", typed) } }
                if let Some(refused) = refused.get("next_visit") { div { class: "p bad", role: "alert", "{refused}" } }
            }
        }
        section { class: "card",
            h2 { {words.say("confirm-title")} }
            Content { fields: Fields(fields.clone()) }
        }
        match ready {
            Ok(()) => rsx! { p { class: "strip calm", role: "status", {words.say("confirm-ready")} } },
            Err(missing) => rsx! { p { class: "strip warn", role: "status", "{missing}" } },
        }
        p { class: "sub", {words.say("confirm-hint")} }
    }
}

/// A note's fields as a prop.
#[derive(Clone, PartialEq)]
struct Fields(BTreeMap<String, FieldValue>);

/// What was written, in the order of the form; care as one line.
#[component]
fn Content(fields: Fields) -> Element {
    let words = use_words();
    let fields = fields.0;
    let care: Vec<String> = FIELDS
        .iter()
        .filter(|f| f.name.starts_with("care.") && fields.get(f.name) == Some(&FieldValue::Flag(true)))
        .map(|f| field_label(words, f.name))
        .collect();
    let lines: Vec<(String, String)> = Form::VisitNote
        .fields()
        .iter()
        .filter(|f| !f.name.starts_with("care."))
        .filter_map(|f| fields.get(f.name).map(|value| (field_label(words, f.name), value_words(words, f.name, value))))
        .collect();
    rsx! {
        dl {
            for (label, value) in lines { div { class: "line", dt { class: "k", "{label}" } dd { class: "body", "{value}" } } }
            if !care.is_empty() { div { class: "line", dt { class: "k", {words.say("care-title")} } dd { {care.join(" · ")} } } }
        }
    }
}

/// 確定済: read only. What arrived late stands below as a proposal.
#[component]
fn ConfirmedNote(note: Shown) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let directory = session.phone.directory().unwrap_or_default();
    let note = note.0;
    let staff = note.author.as_ref().map(|a| directory.staff(a).to_string()).unwrap_or_default();
    let when = day_and_clock(note.row.changed_at, Timestamp::now());
    let competing = note.state == NoteState::Competing;
    rsx! {
        p { class: if competing { "strip warn" } else { "strip calm" },
            {words.with("confirmed-by", &[("staff", staff.into()), ("time", when.into())])}
            if competing { div { {words.say("state-competing")} } }
        }
        section { class: "card", Content { fields: Fields(note.view.fields.clone()) } }
        if !note.amendments.is_empty() {
            section { class: "card",
                h2 { {words.say("amendments-title")} }
                for amendment in note.amendments.iter() {
                    div { class: "line",
                        div { class: "k", {field_label(words, &amendment.field)} }
                        if let Some(before) = &amendment.before { div { s { {words.say("amendment-before")} ": " {value_words(words, &amendment.field, before)} } } }
                        if let Some(after) = &amendment.after { div { {words.say("amendment-after")} ": " {value_words(words, &amendment.field, after)} } }
                        if let Some(staff) = &amendment.staff { div { class: "who", {directory.staff(staff).to_string()} } }
                    }
                }
            }
        }
    }
}
