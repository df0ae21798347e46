//! The PIN pad, on the screen.

use super::update::{Effect, Event, Model, update};
use crate::app::{Gate, Launch, Session, Shell, bring_sealed};
use crate::components::{Drawn, Icon};
use crate::screens::enrol::LanguageSwitch;
use crate::text::{error_words, use_words};
use device::jiff::Timestamp;
use device::{Background, DeviceError, FileKeyStore, Phone, Pin, VaultError};
use dioxus::prelude::*;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

#[component]
pub fn Unlock() -> Element {
    let words = use_words();
    let launch = use_context::<Launch>();
    let mut shell = use_context::<Shell>();
    let mut model = use_signal(Model::default);
    let vault = launch.vault.clone();
    let send = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for Effect::Unlock(digits) in effects {
            let vault = vault.clone();
            spawn(async move {
                match open(vault, digits).await {
                    Ok(session) => shell.gate.set(Gate::Open(session)),
                    Err(error) => {
                        update(&mut model.write(), Event::Failed(error_words(words, &error)));
                    }
                }
            });
        }
    });
    let Model { digits, working, error } = model();
    let dots: String = (0..digits.len().max(4)).map(|i| if i < digits.len() { '●' } else { '○' }).collect();
    let key = move |event: KeyboardEvent| match event.key() {
        Key::Character(text) => {
            for digit in text.chars().take(1) {
                send.call(Event::Digit(digit));
            }
        }
        Key::Backspace => send.call(Event::Deleted),
        Key::Enter => send.call(Event::Submitted),
        _ => {}
    };
    rsx! {
        main { class: "bd unlock", tabindex: "-1", autofocus: true, onkeydown: key,
            onmounted: move |event| async move {
                // Without focus a hardware keyboard types nowhere; the pad works all the same.
                let _ = event.set_focus(true).await;
            },
            div {
                div { class: "flower", "aria-hidden": "true", "✿" }
                h1 { {words.say("app-name")} }
                p { class: "sub", {words.say(if working { "unlock-working" } else { "unlock-title" })} }
                if let Some(pin) = &launch.pin_hint { p { class: "sub", "PIN {pin}" } }
            }
            div { class: "dots", role: "status", "aria-label": words.count("unlock-entered", digits.len() as u64), "{dots}" }
            div { class: "pad",
                for digit in "123456789".chars() {
                    button { key: "{digit}", disabled: working, onclick: move |_| send.call(Event::Digit(digit)), "{digit}" }
                }
                button { class: "plain", "aria-label": words.say("unlock-delete"), onclick: move |_| send.call(Event::Deleted), Drawn { icon: Icon::Delete } }
                button { disabled: working, onclick: move |_| send.call(Event::Digit('0')), "0" }
                button { class: "plain go", id: "open", disabled: working, onclick: move |_| send.call(Event::Submitted), {words.say("unlock-button")} }
            }
            if let Some(error) = error { p { class: "strip", role: "alert", "{error}" } }
            LanguageSwitch {}
        }
    }
}

/// Argon2id takes its time on purpose: off the screen's thread.
async fn open(vault: PathBuf, digits: String) -> Result<Session, DeviceError> {
    let file = vault.clone();
    let phone = tokio::task::spawn_blocking(move || {
        let pin = Pin::new(&digits)?;
        Phone::unlock(&vault, &FileKeyStore::beside(&vault), &pin, Timestamp::now())
    })
    .await
    .unwrap_or(Err(DeviceError::Keys));
    if matches!(phone, Err(DeviceError::Vault(VaultError::Wiped))) {
        bring_sealed(file);
    }
    let phone = Arc::new(phone?);
    Ok(Session { background: Rc::new(Background::start(phone.clone())), phone })
}
