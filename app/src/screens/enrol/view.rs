//! Enrolment, on the screen.

use super::update::{Effect, Event, Model, Picture, Wrong, read_sent, update};
use crate::app::{Gate, Launch, Look, Shell};
use crate::components::{Drawn, Icon, PictureInput};
use crate::screens::unreadable::Trouble;
use crate::text::{Language, error_words, use_words};
use device::Pin;
use device::qr::PICTURE_LIMIT;
use dioxus::prelude::*;
use std::path::PathBuf;

/// Reads a chosen file in the page itself (file events are empty on phones and over liveview) and puts its text into the field.
const READ_FILE: &str = "const f=this.files[0]; if(f) f.text().then(t=>{const e=document.getElementById('invite');\
    e.value=t.trim().slice(0,2000); e.dispatchEvent(new Event('input',{bubbles:true})); this.value='';})";

#[component]
pub fn Enrol(vault: PathBuf) -> Element {
    let words = use_words();
    let launch = use_context::<Launch>();
    let mut shell = use_context::<Shell>();
    let mut model = use_signal(Model::default);
    let mut mounted = use_signal(|| 0u32);
    let others = vault != launch.vault;
    let send = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for effect in effects {
            match effect {
                Effect::OpenUnlock => shell.gate.set(Gate::Unlock(vault.clone())),
                Effect::ShowUri => mounted += 1,
                Effect::ReadPicture(number, file) => {
                    spawn(async move {
                        let read = device::qr::read_invitation(file).await;
                        let effects = update(&mut model.write(), Event::PictureRead(number, read));
                        if effects.contains(&Effect::ShowUri) {
                            mounted += 1;
                        }
                    });
                }
                Effect::Enrol { uri, pin } => {
                    let vault = vault.clone();
                    spawn(async move {
                        let done = match Pin::new(&pin) {
                            Ok(pin) => device::enrol::enrol_calibrated(&vault, &uri, &pin).await.map(|_| ()),
                            Err(error) => Err(error.into()),
                        };
                        let event = match done {
                            Ok(()) => Event::Enrolled,
                            Err(error) => Event::Failed(error_words(words, &error)),
                        };
                        for effect in update(&mut model.write(), event) {
                            if effect == Effect::OpenUnlock {
                                shell.gate.set(Gate::Unlock(vault.clone()));
                            }
                        }
                    });
                }
            }
        }
    });
    let error = model.read().error.clone().map(|wrong| match wrong {
        Wrong::Uri => words.say("error-uri"),
        Wrong::PinDigits => words.say("error-pin-digits"),
        Wrong::PinsDiffer => words.say("enrol-pin-differs"),
        Wrong::Said(said) => said,
    });
    let working = model.read().working;
    let picture = model.read().picture;
    let hub = model.read().hub();
    let initial = model.peek().uri.clone();
    rsx! {
        header { class: "hd",
            div { class: "row",
                if others {
                    button { class: "back", id: "back", "aria-label": words.say("back"), onclick: move |_| shell.gate.set(Gate::Choose), Drawn { icon: Icon::Back } }
                }
                h1 { class: "fit", {words.say("enrol-title")} }
            }
            LanguageSwitch {}
        }
        main { class: "bd",
            p { class: "sub", {words.say("enrol-lead")} }
            div { class: "textfield",
                label { r#for: "invite", class: "k", {words.say("enrol-uri")} }
                for key in std::iter::once(mounted()) {
                    textarea {
                        key: "{key}", id: "invite", class: "ta mono", rows: 4, autocomplete: "off", spellcheck: "false",
                        maxlength: "2000", placeholder: "tsutsuji://enrol?…",
                        initial_value: "{initial}",
                        oninput: move |event: FormEvent| send.call(Event::UriChanged(event.value())),
                    }
                }
            }
            div { class: "row wrap",
                // Not image/*: a phone that keeps HEIC then gives a JPEG.
                PictureInput {
                    id: "invite-picture", class: "btn g s", label: words.say("qr-pick"), accept: "image/jpeg,image/png,image/webp",
                    camera: false, limit: PICTURE_LIMIT,
                    on_sent: move |(what, base64): (String, String)| send.call(read_sent(&what, &base64)),
                }
                label { r#for: "invite-file", class: "btn g s", {words.say("enrol-pick")} }
                input {
                    id: "invite-file", class: "hidden", r#type: "file", accept: "text/plain,.txt",
                    "onclick": "event.stopPropagation()", "onchange": READ_FILE,
                }
                if let Some(demo) = launch.demo.clone() {
                    button {
                        class: "btn g s", id: "demo",
                        onclick: move |_| {
                            let demo = demo.clone();
                            async move {
                                match demo().await {
                                    Some(uri) => {
                                        update(&mut model.write(), Event::UriChanged(uri));
                                        mounted += 1;
                                    }
                                    None => { update(&mut model.write(), Event::Failed(words.say("error-unknown"))); }
                                }
                            }
                        },
                        {words.say("enrol-demo")}
                    }
                }
            }
            match picture {
                Picture::Nothing => rsx! {},
                Picture::Reading => rsx! { p { class: "sub", id: "picture-said", role: "status", {words.say("qr-reading")} } },
                Picture::Read => rsx! { p { class: "sub", id: "picture-said", role: "status", {words.say("qr-read")} } },
                Picture::Refused(error) => rsx! { p { class: "strip", id: "picture-said", role: "alert", {error_words(words, &error.into())} } },
            }
            if let Some(hub) = hub {
                div { class: "sub", id: "enrol-to", role: "status",
                    p { {words.with("enrol-to", &[("hub", hub.into())])} }
                    p { {words.say("enrol-to-check")} }
                }
            }
            PinInput { id: "pin", label: words.say("enrol-pin"), on_input: move |text| send.call(Event::PinChanged(text)) }
            PinInput { id: "pin-again", label: words.say("enrol-pin-again"), on_input: move |text| send.call(Event::AgainChanged(text)) }
            Trouble { said: error }
        }
        footer { class: "foot",
            button { class: "btn", id: "enrol", disabled: working, onclick: move |_| send.call(Event::Submitted),
                {words.say(if working { "enrol-working" } else { "enrol-button" })}
            }
        }
    }
}

/// A field for a PIN: digits on the pad, nothing to be read over a shoulder.
#[component]
pub fn PinInput(id: &'static str, label: String, on_input: EventHandler<String>) -> Element {
    rsx! {
        div { class: "textfield",
            label { r#for: id, class: "k", "{label}" }
            input {
                id, class: "ta line", r#type: "password", inputmode: "numeric", autocomplete: "new-password", maxlength: "12",
                initial_value: "", oninput: move |event: FormEvent| on_input.call(event.value()),
            }
        }
    }
}

/// 日本語 / English, before anybody is known.
#[component]
pub fn LanguageSwitch() -> Element {
    let mut look = use_context::<Look>();
    let words = use_words();
    let other = match words.0 {
        Language::Japanese => (Language::English, "language-en"),
        Language::English => (Language::Japanese, "language-ja"),
    };
    rsx! {
        button { class: "btn g s quiet", id: "language", lang: other.0.code(), onclick: move |_| look.language.set(other.0), {words.say(other.1)} }
    }
}
