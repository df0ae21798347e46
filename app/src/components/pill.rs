//! The pill tells the truth about the line: offline, unsent, syncing, last sync.

use super::curtain::CurtainButton;
use crate::app::{Live, Route, Shell};
use crate::text::{Words, day_and_clock, use_words};
use device::Pill;
use device::jiff::Timestamp;
use device::read::Status;
use dioxus::prelude::*;

#[component]
pub fn SyncPill() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let live = use_context::<Live>();
    let status = (live.status)();
    let (class, text) = match &status.0 {
        Some(status) => pill_words(words, (live.pill)(), status, Timestamp::now()),
        None => ("pill warn", words.say("error-unknown")),
    };
    rsx! {
        span { class: "pills",
            CurtainButton {}
            button { class, id: "pill", onclick: move |_| shell.switch(Route::Sync),
                i { class: "dot", "aria-hidden": "true" }
                span { role: "status", "{text}" }
            }
        }
    }
}

/// What stands in the pill. Pure: told how things stand and what time it is.
pub fn pill_words(words: Words, pill: Pill, status: &Status, now: Timestamp) -> (&'static str, String) {
    let unsent = status.unsent;
    match (pill, status.last_sync) {
        (Pill::Offline, _) if unsent > 0 => ("pill off", words.count("pill-offline-unsent", unsent)),
        (Pill::Offline, _) => ("pill off", words.say("pill-offline")),
        (Pill::Trouble(_) | Pill::WipeOrdered, _) => ("pill warn", words.count("pill-trouble", unsent)),
        (Pill::Syncing, _) => ("pill", words.say("pill-syncing")),
        (_, _) if unsent > 0 => ("pill warn", words.count("pill-unsent", unsent)),
        (_, Some(last)) => ("pill", words.with("pill-synced", &[("time", day_and_clock(last, now).into())])),
        (_, None) => ("pill off", words.say("pill-never")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use crate::text::{Language, plain};
    use device::Failure;

    fn status(unsent: u64) -> Status {
        Status { unsent, ..samples::status() }
    }

    #[test]
    fn the_pill_never_says_synced_while_a_note_waits() {
        let words = Words(Language::Japanese);
        for pill in [Pill::Unknown, Pill::Online, Pill::Offline, Pill::Trouble(Failure::Unreachable)] {
            let (_, text) = pill_words(words, pill, &status(2), Timestamp::UNIX_EPOCH);
            assert!(plain(&text).contains("未送信 2件"), "{pill:?}: {text}");
        }
        let (_, text) = pill_words(words, Pill::Online, &status(0), Timestamp::UNIX_EPOCH);
        assert_eq!(text, "同期済み 9:00");
    }
}
