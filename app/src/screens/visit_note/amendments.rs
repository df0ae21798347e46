//! 確定済: the whole note as it reads, whose signature stands under it, every correction for ever, and what is to be decided.

use super::competing::Competing;
use super::decide::{Asked, Effect, Event, Model, Offer, offer_of, update, verdict_of};
use crate::app::{Live, Route, Session, Shell};
use crate::screens::amend::{
    BeforeAfter, Pair, Reason, label, moment, refusal, sections, short_label, value, verdict_words, who,
};
use crate::screens::form::Shown;
use crate::screens::manager::{RoleUnread, use_is_manager};
use crate::screens::unreadable::Trouble;
use crate::text::{TIE, Words, choice_words, dotted, use_words};
use device::amend::SignatureShown;
use device::jiff::Timestamp;
use device::read::Directory;
use device::record::visit_note::photos::is_code;
use device::record::visit_note::{Amendment, AmendmentState, Conflict, FieldValue, NoteState, Verdict, What};
use device::record::{DocumentId, Form};
use device::{DeviceError, Phone};
use dioxus::prelude::*;
use std::collections::BTreeMap;

/// What the parts of a confirmed note work with.
#[derive(Clone, Copy, PartialEq)]
pub struct Desk {
    pub send: Callback<Event>,
    pub model: Signal<Model>,
}

/// 確定済, or closed: read only.
#[component]
pub fn ConfirmedWhole(note: Shown) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let (is_manager, role_unread) = use_is_manager();
    let id = note.0.row.note;
    let phone = session.phone.clone();
    let signatures = use_memo(move || {
        let _ = (live.revision)();
        match phone.verify_note(id) {
            Err(DeviceError::NotConfirmed) => Ok(Vec::new()),
            verified => verified.map_err(|error| refusal(words, &error)),
        }
    })();
    let mut model = use_signal(Model::default);
    let phone = session.phone.clone();
    let send = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for effect in effects {
            let event = match perform(&phone, id, effect) {
                Ok(()) => Event::Signed,
                Err(error) => Event::Failed(refusal(words, &error)),
            };
            update(&mut model.write(), event);
        }
    });
    let desk = Desk { send, model };
    let directory = session.phone.directory().unwrap_or_default();
    let may_decide = is_manager || note.0.author.as_ref() == Some(&session.phone.identity().staff);
    let (signatures, unread) = match signatures {
        Ok(signatures) => (signatures, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let shown = note.0.clone();
    let (form, competing) = (shown.row.form, shown.state == NoteState::Competing);
    let first = shown.confirmations.first();
    let verdict =
        first.and_then(|first| signatures.iter().find(|s| s.hash == first.hash)).map(|signature| signature.verdict);
    rsx! {
        if let Some(first) = first {
            p { class: if competing { "strip warn" } else { "strip calm" },
                {words.with("confirmed-by", &[("staff", directory.staff(&first.staff).to_string().into()), ("time", moment(first.at).into())])}
                if competing { div { {words.say("state-competing")} } }
            }
            if let Some(verdict) = verdict { Signed { verdict } }
        }
        Trouble { said: unread }
        if let Some(closing) = &shown.closing {
            div { class: "strip warn", role: "status",
                {words.say("state-closed")}
                if let What::Close { outcome, .. } = &closing.what { ": " {choice_words(words, "outcome", outcome)} }
                div { class: "light", "{closing.reason}{TIE}— " {who(words, &directory, Some(&closing.staff), Some(closing.at))} }
            }
        }
        RoleUnread { trouble: role_unread.filter(|_| competing || !may_decide) }
        if competing {
            Competing { note, signatures: signatures.clone(), is_manager, desk }
        } else {
            for conflict in shown.view.conflicts.iter().filter(|_| first.is_some()) {
                TwoCorrections { key: "{conflict.field}", conflict: conflict.clone(), note: id, form }
            }
            WholeFields { form, fields: Values(shown.view.fields.clone()) }
        }
        Amendments { amendments: shown.amendments.clone(), form, signatures, competing, may_decide, desk }
    }
}

fn perform(phone: &Phone, note: DocumentId, effect: Effect) -> Result<(), DeviceError> {
    let now = Timestamp::now();
    match effect {
        Effect::Decide { amendment, accept, reason } => {
            phone.decide_amendment(note, amendment, accept, &reason, now).map(drop)
        }
        Effect::Choose { confirmation, reason } => {
            phone.choose_confirmation(note, confirmation, &reason, now).map(drop)
        }
    }
}

/// What the signature under the note is worth, in words.
#[component]
fn Signed(verdict: Verdict) -> Element {
    let words = use_words();
    let (class, said) = verdict_words(words, verdict);
    let hint = match verdict {
        Verdict::Valid => None,
        Verdict::Review => Some("amend-verdict-review-hint"),
        Verdict::Unreceipted => Some("amend-verdict-unreceipted-hint"),
        Verdict::UnknownKey => Some("amend-verdict-unknown-hint"),
        Verdict::Invalid => Some("amend-verdict-invalid-hint"),
    };
    rsx! {
        div { class: "row wrap", id: "verdict", span { class, "{said}" } if let Some(hint) = hint { span { class: "sub", {words.say(hint)} } } }
    }
}

/// A note's fields as a prop.
#[derive(Clone, PartialEq)]
pub struct Values(pub BTreeMap<String, FieldValue>);

/// The whole form in its sections; the care that was given stands on one line.
#[component]
pub fn WholeFields(form: Form, fields: Values) -> Element {
    let words = use_words();
    let fields = fields.0;
    let given = |name: &str| name.starts_with("care.") && matches!(fields.get(name), Some(FieldValue::Flag(true)));
    let is_read = |name: &str| !name.starts_with("copied_") && !is_code(name);
    let written = sections(form, |field| fields.contains_key(field.name) && is_read(field.name));
    let newer: Vec<&String> = fields.keys().filter(|name| form.field(name).is_err()).collect();
    rsx! {
        for (title, known) in written {
            section { key: "{title.words(words)}", class: "card",
                h2 { {title.words(words)} }
                dl {
                    if known.iter().any(|field| given(field.name)) {
                        div { class: "line", dt { class: "k", {words.say("care-title")} }
                            dd { {dotted(known.iter().filter(|field| given(field.name)).map(|field| short_label(words, form, field.name)))} }
                        }
                    }
                    for field in known.iter().filter(|field| !given(field.name)) {
                        if let Some(known) = fields.get(field.name) {
                            div { class: "line", dt { class: "k", {short_label(words, form, field.name)} } dd { class: "body", {value(words, form, field.name, known)} } }
                        }
                    }
                }
            }
        }
        if !newer.is_empty() {
            section { class: "card",
                h2 { {words.say("amend-section-newer")} }
                dl {
                    for name in newer {
                        if let Some(known) = fields.get(name) {
                            div { class: "line", dt { class: "k", "{name}" } dd { class: "body", {value(words, form, name, known)} } }
                        }
                    }
                }
            }
        }
    }
}

/// Two corrections of one field that did not know of each other: a third one settles it.
#[component]
fn TwoCorrections(conflict: Conflict, note: DocumentId, form: Form) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let directory = session.phone.directory().unwrap_or_default();
    let field = conflict.field.clone();
    rsx! {
        section { class: "card conflict",
            h2 { {label(words, form, &conflict.field)} }
            b { {words.say("amend-two-corrections")} }
            for side in conflict.values.iter() {
                div { class: "opt",
                    b { {value(words, form, &conflict.field, &side.value)} }
                    span { class: "who", {who(words, &directory, side.staff.as_ref(), side.at)} }
                }
            }
            p { class: "sub", {words.say("amend-two-corrections-hint")} }
            button { class: "btn g", onclick: move |_| shell.go(Route::Amend(note, Some(field.clone()))), {words.say("amend-settle")} }
        }
    }
}

/// One amendment with what its card needs.
#[derive(Clone, PartialEq)]
struct Line {
    amendment: Amendment,
    form: Form,
    verdict: Option<Verdict>,
    author: String,
    decided: Option<String>,
    offer: Offer,
}

impl Line {
    fn of(
        amendment: &Amendment,
        form: Form,
        signatures: &[SignatureShown],
        offer: Offer,
        (words, directory): (Words, &Directory),
    ) -> Self {
        let decided = amendment.decided_by.as_ref();
        Self {
            form,
            offer,
            verdict: verdict_of(amendment, signatures),
            author: who(words, directory, amendment.staff.as_ref(), amendment.at),
            decided: decided.map(|staff| who(words, directory, Some(staff), amendment.decided_at)),
            amendment: amendment.clone(),
        }
    }
}

/// What is proposed first, then everything that was ever corrected or decided.
#[component]
fn Amendments(
    amendments: Vec<Amendment>,
    form: Form,
    signatures: Vec<SignatureShown>,
    competing: bool,
    may_decide: bool,
    desk: Desk,
) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let directory = session.phone.directory().unwrap_or_default();
    let lines = amendments.iter().map(|amendment| {
        let offer = offer_of(amendment.state, competing, may_decide);
        Line::of(amendment, form, &signatures, offer, (words, &directory))
    });
    let (proposed, settled): (Vec<Line>, Vec<Line>) =
        lines.partition(|line| line.amendment.state == AmendmentState::Proposed);
    rsx! {
        for (title, lines) in [("amendments-title", proposed), ("amend-list-title", settled)] {
            if !lines.is_empty() {
                section { class: "card",
                    h2 { {words.say(title)} }
                    for line in lines { AmendmentCard { key: "{line.amendment.id}", line, desk } }
                }
            }
        }
    }
}

/// One amendment: before, after, who, when, why, how it stands; and the decision, where one is due.
#[component]
fn AmendmentCard(line: Line, desk: Desk) -> Element {
    let words = use_words();
    let asked = use_memo(move || desk.model.read().asked)();
    let Line { amendment, form, verdict, author, decided, offer } = line;
    let id = amendment.id;
    let (class, state) = match amendment.state {
        AmendmentState::Proposed => ("tag wa", "amend-state-proposed"),
        AmendmentState::Accepted if decided.is_none() => ("tag ok", "amend-state-corrected"),
        AmendmentState::Accepted => ("tag ok", "amend-state-accepted"),
        AmendmentState::Declined => ("tag", "amend-state-declined"),
    };
    let mine = asked.filter(|asked| matches!(asked, Asked::Accept(this) | Asked::Decline(this) if *this == id));
    let (offer, mine) = match (offer, mine) {
        (Offer::Decision, Some(asked)) => (Offer::Nothing, Some(asked)),
        // What was asked before the second confirmation arrived is asked no more.
        (offer, _) => (offer, None),
    };
    let verdict = verdict.map(|verdict| verdict_words(words, verdict));
    rsx! {
        article { class: "line amendment",
            h3 { {label(words, form, &amendment.field)} " " span { class, {words.say(state)} } }
            BeforeAfter { pair: Pair { form, field: amendment.field.clone(), before: amendment.before.clone(), after: amendment.after.clone() } }
            div { class: "who", "{author}" }
            if let Some(why) = why(words, &amendment.reason) { div { class: "who", {words.say("amend-why")} ": {why}" } }
            if let Some(decided) = decided { div { class: "who", {words.say(state)} ": {decided}" } }
            if let Some((class, said)) = verdict { span { class, "{said}" } }
            match offer {
                Offer::Nothing => rsx! {},
                Offer::Words(key) => rsx! { p { class: "sub", {words.say(key)} } },
                Offer::Decision => rsx! {
                    div { class: "row wrap decide",
                        button { class: "btn s", onclick: move |_| desk.send.call(Event::Asked(Asked::Accept(id))), {words.say("amend-accept")} }
                        button { class: "btn g s", onclick: move |_| desk.send.call(Event::Asked(Asked::Decline(id))), {words.say("amend-decline")} }
                    }
                },
            }
            if let Some(asked) = mine { SignPanel { asked, desk } }
        }
    }
}

/// The reason in words; what the machine put there for none is none.
fn why(words: Words, reason: &str) -> Option<String> {
    match reason {
        "late" => Some(words.say("amend-late")),
        "accepted" | "declined" | "" => None,
        given => Some(given.to_string()),
    }
}

/// The last step of a decision: why, and the signature.
#[component]
pub fn SignPanel(asked: Asked, desk: Desk) -> Element {
    let words = use_words();
    let (ready, failed) = use_memo(move || {
        let model = desk.model.read();
        (model.is_ready(), model.failed.clone())
    })();
    let (title, reason, button) = match asked {
        Asked::Accept(_) => ("amend-accept-title", "amend-reason-optional", "amend-accept-sign"),
        Asked::Decline(_) => ("amend-decline-title", "amend-reason-optional", "amend-decline-sign"),
        Asked::Choose(_) => ("amend-choose-title", "amend-reason", "amend-choose-sign"),
    };
    rsx! {
        div { class: "card conflict", role: "group", "aria-label": words.say(title),
            b { {words.say(title)} }
            Reason { id: "decide-reason", label: words.say(reason), on_typed: move |typed| desk.send.call(Event::ReasonTyped(typed)) }
            Trouble { said: failed }
            button { class: "btn", id: "decide", disabled: !ready, onclick: move |_| desk.send.call(Event::SignTapped), {words.say(button)} }
            button { class: "btn g", onclick: move |_| desk.send.call(Event::Left), {words.say("amend-leave")} }
        }
    }
}
