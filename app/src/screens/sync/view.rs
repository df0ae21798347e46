//! 同期

use super::update::{lease_hours, trouble_key};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, SyncPill, Tabs};
use crate::screens::notes::state_tag;
use crate::screens::patient::Failed;
use crate::screens::state::{StateCard, states_of};
use crate::screens::unreadable::{Names, Trouble, or_words};
use crate::text::{day_and_clock, dotted, form_words, megabytes, trouble_words, use_words};
use device::Pill;
use device::jiff::Timestamp;
use dioxus::prelude::*;
use fluent_bundle::FluentValue;

#[component]
pub fn SyncScreen() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let _ = (live.revision)();
    let pill = (live.pill)();
    let now = Timestamp::now();
    let Some(status) = (live.status)().0 else { return rsx! { Failed { text: words.say("error-unknown") } } };
    let names = Names::read(&session.phone, words);
    let (mut waiting, waiting_unread) = or_words(words, "keep-waiting-unread", session.phone.unsent_rows());
    waiting.truncate(20);
    let names_unread = names.trouble().filter(|_| !waiting.is_empty());
    let sync = status.last_sync.map_or_else(|| words.say("never"), |at| day_and_clock(at, now));
    let sub =
        words.with("sync-sub", &[("sync", sync.into()), ("hub", session.phone.identity().hub_name.clone().into())]);
    let states = states_of(pill, status.lease_until, (live.waiting)(), now);
    let trouble = match pill {
        // A state says more.
        Pill::Trouble(_) if !states_of(pill, None, 0, now).is_empty() => None,
        Pill::Trouble(failure) => Some(trouble_words(words, failure)),
        Pill::Offline => Some(trouble_words(words, device::Failure::Unreachable)),
        _ => None,
    };
    let lease = match lease_hours(status.lease_until, now) {
        Some(hours) => words.count("sync-lease-hours", hours),
        None if status.lease_until.is_some() => words.say("lease-lapsed"),
        None => words.say("sync-lease-none"),
    };
    let checked = status.self_check.as_ref().map(|check| {
        let at = Timestamp::from_millisecond(check.at).unwrap_or(now);
        (day_and_clock(at, now), check.is_sound())
    });
    let syncing = pill == Pill::Syncing;
    let named = words.with("sync-device", &[("device", session.phone.identity().device.to_string().into())]);
    let device_line = dotted([named, device::VERSION.to_string()]);
    // Where the vault cannot say, nothing is said to have been sent.
    let photos = session.phone.photos_left().ok();
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap", h1 { {words.say("sync-title")} } SyncPill {} }
            div { class: "sub", "{sub}" }
        }
        main { class: "bd",
            for state in states { StateCard { key: "{state:?}", state } }
            if let Some(trouble) = trouble { p { class: "strip warn", role: "status", "{trouble}" } }
            section { class: "card",
                if status.unsent == 0 && photos == Some(0) {
                    b { id: "unsent", {words.say("sync-unsent-none")} }
                } else if status.unsent > 0 {
                    div { class: "row sp wrap", b { id: "unsent", {words.count("sync-unsent", status.unsent)} } span { class: "tag wa", {words.say("sync-auto")} } }
                    Trouble { said: waiting_unread }
                    Trouble { said: names_unread }
                    for row in waiting {
                        div { class: "line row sp", key: "{row.note}",
                            div { {dotted([names.of(words, &row.patient).1, form_words(words, row.form)])}
                                div { class: "src", {day_and_clock(row.changed_at, now)} " " {words.say(state_tag(row.state).1)} }
                            }
                            b { {words.say("sync-waiting")} }
                        }
                    }
                }
                if photos.is_none() { p { class: "sub", role: "status", {words.say("keep-photos-left-unread")} } }
                if let Some(photos) = photos.filter(|photos| *photos > 0) {
                    div { class: "line row sp", id: "photos-left", span { {words.count("photo-left", photos)} } b { {words.say("sync-waiting")} } }
                }
            }
            super::half::HalfList {}
            section { class: "card",
                div { class: "line row sp", span { {words.say("sync-patients")} } b { {words.count("people", status.patients)} } }
                div { class: "line row sp", span { {words.say("sync-notes")} } b { {words.count("items", status.notes)} } }
                div { class: "line row sp", span { {words.say("sync-size")} } b { {megabytes(status.bytes)} } }
                div { class: "line row sp", span { {words.say("sync-lease")} } b { "{lease}" } }
                if let Some((when, sound)) = &checked {
                    div { class: "line row sp", span { {words.say("sync-check")} } b { "{when} " {words.say(if *sound { "sync-check-sound" } else { "sync-check-damaged" })} } }
                }
                if checked.as_ref().is_some_and(|(_, sound)| !sound) {
                    div { class: "line strip warn", role: "alert", {words.say("sync-check-hint")} }
                }
                if status.damaged + status.set_aside > 0 {
                    div { class: "line strip warn", {words.count("sync-unreadable", status.damaged + status.set_aside)} }
                }
            }
            section { class: "card",
                h2 { {words.say("sync-history")} }
                if status.log.is_empty() { p { class: "sub", {words.say("sync-history-none")} } }
                for (i, line) in status.log.iter().take(8).enumerate() {
                    div { class: "line row sp", key: "{i}",
                        span { {words.with("sync-line", &[
                            ("time", day_and_clock(Timestamp::from_millisecond(line.at).unwrap_or(now), now).into()),
                            ("received", FluentValue::from(line.received)), ("sent", FluentValue::from(line.sent))])} }
                        match &line.failure {
                            None => rsx! { span { class: "tag ok", {words.say("sync-done")} } },
                            Some(code) => rsx! { span { class: "tag", {words.say(trouble_key(code))} } },
                        }
                    }
                }
            }
            super::photos::PhotoLine {}
            button { class: "btn g", id: "settings", onclick: move |_| shell.go(Route::Settings), {words.say("settings")} }
            button { class: "btn g", id: "lock", onclick: move |_| { shell.lock(); }, {words.say("lock")} }
            p { class: "src", "{device_line}" }
        }
        footer { class: "foot near",
            button { class: "btn", id: "sync-now", disabled: syncing, onclick: move |_| session.background.sync_now(),
                {words.say(if syncing { "sync-working" } else { "sync-now" })}
            }
        }
        Tabs { on: Icon::Sync }
    }
}
