//! Over which line photos may go.

use crate::app::Session;
use crate::screens::unreadable::Trouble;
use crate::text::{error_words, use_words};
use dioxus::prelude::*;

#[component]
pub fn PhotoLine() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    // What stands there is not known where the vault cannot say: nothing is shown as chosen.
    let (kept, trouble) = use_hook(|| match session.phone.photos_on_metered() {
        Ok(may) => (Some(may), None),
        Err(error) => (None, Some(error_words(words, &error))),
    });
    let mut may = use_signal(|| kept);
    let mut failed = use_signal(|| trouble);
    let choose = use_callback(move |on: bool| match session.phone.put_photos_on_metered(on) {
        Ok(()) => {
            may.set(Some(on));
            failed.set(None);
            if on {
                session.background.sync_now();
            }
        }
        Err(error) => failed.set(Some(error_words(words, &error))),
    });
    rsx! {
        section { class: "card", id: "photo-line",
            h2 { {words.say("photo-line")} }
            div { class: "seg", role: "group", "aria-label": words.say("photo-line"),
                for (on, key) in [(false, "photo-line-free"), (true, "photo-line-any")] {
                    button { class: if may() == Some(on) { "on" }, "aria-pressed": may() == Some(on), onclick: move |_| choose.call(on), {words.say(key)} }
                }
            }
            p { class: "sub", {words.say("photo-line-hint")} }
            Trouble { said: failed() }
        }
    }
}
