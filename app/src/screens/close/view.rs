//! 訪問しなかった・取り消す

use super::update::{Done, Effect, Event, Found, Model, NOT_VISITED, found, update};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{BackButton, JOURNAL_AFTER_MS, SyncPill, use_flushed};
use crate::screens::amend::{Asides, HalfUnread, Reason, forget_half, half_typed, keep_half, read_note, refusal};
use crate::screens::manager::{RoleUnread, use_is_manager};
use crate::screens::patient::Failed;
use crate::screens::sex_words;
use crate::screens::unreadable::{Trouble, because};
use crate::text::{choice_words, date_short, dotted, use_words};
use crate::unsaved::Edit;
use device::DeviceError;
use device::jiff::Timestamp;
use device::record::visit_note::NoteState;
use device::record::visit_note::fields::CLOSING;
use device::record::{DocumentId, Form, PatientId};
use dioxus::prelude::*;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
struct Desk {
    send: Callback<Event>,
    model: Signal<Model>,
}

#[component]
pub fn CloseScreen(id: DocumentId) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let (is_manager, role_unread) = use_is_manager();
    let mut model = use_signal(|| match half_typed(&session, id) {
        Ok(half) => Model::opened(half),
        Err(error) => Model::unread(because(words, "keep-half-unread", &error)),
    });
    let keeping = session.clone();
    // A callback of its own: it is rung by `send`'s timer, by the curtain and by the lock.
    let keep = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for effect in effects {
            if let Effect::Keep { reason, known } = effect
                && let Err(error) = keep_half(&keeping, live, id, Edit::ClosingReason { reason, known })
            {
                update(&mut model.write(), Event::Failed(refusal(words, &error)));
            }
        }
    });
    let last_words = use_callback(move |()| keep.call(Event::Dropped));
    use_flushed(last_words);
    let saving = session.clone();
    let send = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for effect in effects {
            if effect == Effect::StartKeep {
                spawn(async move {
                    tokio::time::sleep(Duration::from_millis(JOURNAL_AFTER_MS)).await;
                    keep.call(Event::KeepDue);
                });
                continue;
            }
            let event = match perform(&saving, live, id, effect) {
                Ok(Some(done)) => Event::Did(done),
                Ok(None) => continue,
                Err(error) => Event::Failed(refusal(words, &error)),
            };
            update(&mut model.write(), event);
        }
    });
    let desk = Desk { send, model };
    let (unread, aside) = use_memo(move || {
        let model = model.read();
        (model.unread.clone(), model.aside.clone())
    })();
    let again = session.clone();
    let read_again = use_callback(move |()| match half_typed(&again, id) {
        Ok(half) => send.call(Event::Read(half)),
        Err(error) => model.write().unread = Some(because(words, "keep-half-unread", &error)),
    });
    let phone = session.phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        read_note(&phone, id, words)
    });
    let (note, name) = match read() {
        Ok(read) => read,
        Err(error) => return rsx! { Failed { text: error } },
    };
    let note = note.0;
    let done = model.read().done;
    let is_draft = note.state == NoteState::Draft;
    let may = is_draft || is_manager || note.author.as_ref() == Some(&session.phone.identity().staff);
    let is_open =
        unread.is_none() && done.is_none() && may && matches!(note.state, NoteState::Draft | NoteState::Confirmed);
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap",
                BackButton {}
                h1 { class: "grow small long", {words.say("close-title")} }
                SyncPill {}
            }
            div { class: "sub", {dotted([name, words.say("note-title")])} }
        }
        main { class: "bd",
            if let Some(done) = done {
                Finished { done, desk }
            } else if let Some(why) = unread {
                HalfUnread { why, on_again: move |()| read_again.call(()) }
            } else if note.state == NoteState::Closed {
                p { class: "strip warn", role: "status", {words.say("close-already")} }
            } else if note.state == NoteState::Competing {
                p { class: "strip warn", role: "status", {words.say("amend-choose-first")} }
            } else if !may {
                p { class: "strip warn", role: "status", {words.say("amend-error-only-author")} }
                RoleUnread { trouble: role_unread }
            } else {
                Ask { is_draft, form: note.row.form, patient: note.row.patient.clone(), desk }
            }
            if done.is_none() && !is_open { Stranded { desk } }
            Asides { form: note.row.form, aside, on_discard: move |aside| desk.send.call(Event::AsideDiscarded(aside)) }
        }
        if is_open { Sign { desk } }
    }
}

/// Whatever waits of the note is saved before it is closed or confirmed.
fn perform(session: &Session, live: Live, note: DocumentId, effect: Effect) -> Result<Option<Done>, DeviceError> {
    let (phone, now) = (&session.phone, Timestamp::now());
    match effect {
        Effect::Keep { reason, known } => {
            return keep_half(session, live, note, Edit::ClosingReason { reason, known }).map(|()| None);
        }
        Effect::ForgetAside(aside) => return phone.forget_aside(note, &aside).map(|()| None),
        _ => {}
    }
    session.save_first(note)?;
    let done = match effect {
        Effect::Write { outcome, reason, known } => {
            phone.set_field(note, "outcome_reason", &reason, now)?;
            phone.set_field(note, "outcome", outcome, now)?;
            // Now it stands in the note.
            keep_half(session, live, note, Edit::ClosingReason { reason: String::new(), known })?;
            Done::Written
        }
        Effect::Close { outcome, reason, copy_to } => {
            let copy = phone.close_note(note, outcome, &reason, copy_to.as_ref(), now)?;
            forget_half(session, live, note, None);
            Done::Closed(copy)
        }
        Effect::Confirm => phone.confirm_note(note, now).map(|()| Done::Confirmed)?,
        Effect::StartKeep | Effect::Keep { .. } | Effect::ForgetAside(_) => return Ok(None),
    };
    Ok(Some(done))
}

/// A half-typed reason for closing a note that cannot be closed now: it can be read, and thrown away.
#[component]
fn Stranded(desk: Desk) -> Element {
    let words = use_words();
    let reason = use_memo(move || desk.model.read().reason.clone())();
    if reason.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "card col gap",
            h2 { {words.say("close-reason")} }
            p { class: "sub", {words.say("keep-half-stranded")} }
            p { class: "body", "{reason}" }
            button { class: "btn g", onclick: move |_| desk.send.call(Event::Discarded), {words.say("keep-discard")} }
        }
    }
}

/// What became of it, whose it is, why.
#[component]
fn Ask(is_draft: bool, form: Form, patient: PatientId, desk: Desk) -> Element {
    let words = use_words();
    let (outcome, failed, discarded, is_half) = use_memo(move || {
        let model = desk.model.read();
        (model.outcome, model.failed.clone(), model.discarded, !model.reason.is_empty())
    })();
    let is_note = form == Form::VisitNote;
    let not_visited: &'static [&'static str] = if is_draft && is_note { NOT_VISITED } else { &[] };
    let closing: Vec<&'static str> =
        CLOSING.iter().copied().filter(|closing| is_note || *closing == "discarded").collect();
    rsx! {
        if !not_visited.is_empty() {
            section { class: "card",
                h2 { {words.say("close-not-visited")} }
                p { class: "sub", {words.say("close-not-visited-hint")} }
                div { class: "chips", role: "group", "aria-label": words.say("close-not-visited"),
                    for choice in not_visited.iter().copied() { Outcome { key: "{choice}", choice, on: outcome == Some(choice), desk } }
                }
            }
        }
        section { class: "card",
            h2 { {words.say("close-note")} }
            p { class: "sub", {words.say(if is_draft { "close-draft-hint" } else { "close-confirmed-hint" })} }
            div { class: "chips", role: "group", "aria-label": words.say("close-note"),
                for choice in closing { Outcome { key: "{choice}", choice, on: outcome == Some(choice), desk } }
            }
        }
        if is_note && outcome == Some("wrong_patient") { RightPatient { wrong: patient, desk } }
        section { class: "card",
            // The key mounts the input anew when what was typed in it is thrown away.
            for key in std::iter::once(discarded) {
                Reason { key: "{key}", id: "close-reason", label: words.say("close-reason"), start: desk.model.peek().reason.clone(), on_typed: move |typed| desk.send.call(Event::ReasonTyped(typed)) }
            }
            if is_half {
                p { class: "sub", role: "status", {words.say("keep-half-reason")} }
                button { class: "btn g", id: "discard-half", onclick: move |_| desk.send.call(Event::Discarded), {words.say("keep-discard")} }
            }
        }
        Trouble { said: failed }
    }
}

#[component]
fn Outcome(choice: &'static str, on: bool, desk: Desk) -> Element {
    let words = use_words();
    rsx! {
        button { class: if on { "chip on" } else { "chip" }, "aria-pressed": on, onclick: move |_| desk.send.call(Event::OutcomeChosen(choice)),
            if on { "✓ " } {choice_words(words, "outcome", choice)}
        }
    }
}

/// Whose note it should have been: what was written goes into a new note of that patient.
#[component]
fn RightPatient(wrong: PatientId, desk: Desk) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let mut query = use_signal(String::new);
    let chosen = use_memo(move || desk.model.read().copy_to.clone())();
    let rows = session.phone.find_patients(&query.read());
    let rows = rows.map_err(|error| because(words, "keep-names-unread", &error));
    let (shown, is_none, trouble) = match found(rows, &wrong, chosen.as_ref(), &query.read()) {
        Found::Shown(shown) => (shown, false, None),
        Found::Nobody => (Vec::new(), true, None),
        Found::Unread(trouble) => (Vec::new(), false, Some(trouble)),
    };
    rsx! {
        section { class: "card col gap",
            h2 { {words.say("close-right-patient")} }
            p { class: "sub", {words.say("close-right-patient-hint")} }
            input {
                class: "ta line", id: "right-patient", r#type: "search", autocomplete: "off", maxlength: "40", initial_value: "",
                placeholder: words.say("patients-search"), "aria-label": words.say("patients-search"),
                oninput: move |event: FormEvent| {
                    query.set(event.value());
                    desk.send.call(Event::PatientChosen(None));
                },
            }
            Trouble { said: trouble }
            if is_none { p { class: "sub", role: "status", {words.say("patients-not-found")} } }
            for row in shown {
                button { key: "{row.patient.id}", class: "opt", "aria-pressed": chosen.as_ref() == Some(&row.patient.id),
                    onclick: {
                        let id = row.patient.id.clone();
                        move |_| desk.send.call(Event::PatientChosen(Some(id.clone())))
                    },
                    span { class: "kana", "{row.patient.kana}" }
                    b { if chosen.as_ref() == Some(&row.patient.id) { "✓ " } "{row.patient.name}" }
                    span { class: "who",
                        {dotted([row.patient.birth_date.map(|birth| date_short(words, birth)), Some(sex_words(words, row.patient.sex))].into_iter().flatten())}
                    }
                }
            }
        }
    }
}

#[component]
fn Sign(desk: Desk) -> Element {
    let words = use_words();
    let (ready, writes) = use_memo(move || {
        let model = desk.model.read();
        (model.is_ready(), model.outcome.is_some_and(|outcome| NOT_VISITED.contains(&outcome)))
    })();
    rsx! {
        footer { class: "foot",
            button { class: "btn", id: "close", disabled: !ready, onclick: move |_| desk.send.call(Event::SignTapped),
                {words.say(if writes { "close-write" } else { "close-sign" })}
            }
        }
    }
}

/// What was done, and where it goes on from here.
#[component]
fn Finished(done: Done, desk: Desk) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let failed = use_memo(move || desk.model.read().failed.clone())();
    let said = words.say(match done {
        Done::Closed(None) => "close-done",
        Done::Closed(Some(_)) => "close-done-copied",
        Done::Written => "close-written",
        Done::Confirmed => "close-confirmed",
    });
    rsx! {
        p { class: "strip calm", role: "status", "{said}" }
        Trouble { said: failed }
        if let Done::Closed(Some(copy)) = done {
            button { class: "btn", id: "open-copy", onclick: move |_| shell.go(Route::Note(copy)), {words.say("close-open-copy")} }
        }
        if done == Done::Written {
            button { class: "btn", id: "confirm-not-visited", onclick: move |_| desk.send.call(Event::ConfirmTapped), {words.say("confirm-button")} }
        }
        button { class: "btn g", onclick: move |_| shell.back(), {words.say("close-back")} }
    }
}
