//! The PIN pad, on the screen.

use super::update::{Effect, Event, Model, update};
use crate::app::{Gate, Launch, Session, Shell, Unsaved, bring_sealed};
use crate::components::{Drawn, Icon};
use crate::screens::enrol::LanguageSwitch;
use crate::screens::state::WipedScreen;
use crate::screens::unreadable::Trouble;
use crate::text::{error_words, use_words};
use device::jiff::Timestamp;
use device::{Background, BiometricStore, DeviceError, FileKeyStore, Phone, Pin, VaultError};
use dioxus::prelude::*;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How often a locked app looks for its hub.
const LOCKED_CONTACT: Duration = Duration::from_secs(180);

#[component]
pub fn Unlock(vault: PathBuf) -> Element {
    let words = use_words();
    let launch = use_context::<Launch>();
    let mut shell = use_context::<Shell>();
    let mut model = use_signal(Model::default);
    let biometrics = launch.biometrics.clone();
    let file = vault.clone();
    let recognises = use_hook(|| launch.biometrics.is_some() && device::allows_biometrics(&vault));
    let send = use_callback(move |event: Event| {
        let effects = update(&mut model.write(), event);
        for effect in effects {
            let (vault, biometrics, before) = (file.clone(), biometrics.clone(), shell.times_suspended());
            spawn(async move {
                let opened = match open(vault, effect, biometrics).await {
                    Ok(session) if shell.times_suspended() != before => {
                        session.phone.suspend();
                        Err(VaultError::Locked.into())
                    }
                    opened => opened,
                };
                match opened {
                    Ok(session) => shell.gate.set(Gate::Open(session)),
                    Err(error) => {
                        let event = match error {
                            DeviceError::Vault(VaultError::Wiped) => Event::Wiped,
                            error => Event::Failed(error_words(words, &error)),
                        };
                        update(&mut model.write(), event);
                    }
                }
            });
        }
    });
    // Locked is not silent: what was written goes sealed, and a lost phone hears that its keys are to go.
    let locked = vault.clone();
    use_future(move || {
        let locked = locked.clone();
        async move {
            loop {
                tokio::time::sleep(LOCKED_CONTACT).await;
                let store = FileKeyStore::beside(&locked);
                let pushed = device::capsule::push(&locked, &store).await;
                if pushed.is_ok_and(|pushed| pushed.wipe_ordered) {
                    update(&mut model.write(), Event::Wiped);
                    return;
                }
            }
        }
    });
    let Model { digits, working, error, wiped } = model();
    if wiped {
        return rsx! { WipedScreen {} };
    }
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
            Trouble { said: error }
            if recognises {
                button { class: "btn g", id: "recognise", disabled: working, onclick: move |_| send.call(Event::Recognised), {words.say("unlock-recognise")} }
            }
            div { class: "row wrap center",
                button { class: "btn g s quiet", id: "switch", disabled: working, onclick: move |_| shell.gate.set(Gate::Choose), {words.say("unlock-switch")} }
                LanguageSwitch {}
            }
        }
    }
}

/// Argon2id takes its time on purpose: off the screen's thread.
async fn open(
    vault: PathBuf,
    how: Effect,
    biometrics: Option<Arc<dyn BiometricStore>>,
) -> Result<Session, DeviceError> {
    let file = vault.clone();
    let phone = tokio::task::spawn_blocking(move || {
        let (store, now) = (FileKeyStore::beside(&vault), Timestamp::now());
        match how {
            Effect::Unlock(digits) => Phone::unlock(&vault, &store, &Pin::new(&digits)?, now),
            Effect::Recognise => {
                let biometrics = biometrics.ok_or(VaultError::NoBiometrics)?;
                Phone::unlock_recognised(&vault, &store, biometrics.as_ref(), now)
            }
        }
    })
    .await
    .unwrap_or(Err(DeviceError::Keys));
    if matches!(phone, Err(DeviceError::Vault(VaultError::Wiped))) {
        bring_sealed(file.clone());
    }
    let phone = Arc::new(phone?);
    Ok(Session {
        vault: file,
        unsaved: Unsaved::default(),
        background: Rc::new(Background::start(phone.clone())),
        phone,
    })
}
