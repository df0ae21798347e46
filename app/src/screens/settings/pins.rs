//! PINs: a new one; the one under duress; finger or face where the device has them.

use crate::app::{Launch, Session};
use crate::screens::enrol::PinInput;
use crate::text::{error_words, use_words};
use device::{DeviceError, FileKeyStore, Phone, Pin};
use dioxus::prelude::*;
use std::sync::Arc;

/// What is asked of the vault.
#[derive(Clone, PartialEq)]
enum Order {
    Change(String),
    SetDuress(String),
    ForgetDuress,
    Biometrics(bool),
}

#[component]
pub fn Pins() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let launch = use_context::<Launch>();
    let biometrics = launch.biometrics.clone();
    let (mut pin, mut again, mut duress) = (use_signal(String::new), use_signal(String::new), use_signal(String::new));
    // Fields are made anew, empty, once their PIN is set.
    let mut made = use_signal(|| 0u32);
    let mut working = use_signal(|| false);
    let mut said = use_signal(|| None::<(bool, String)>);
    let phone = session.phone.clone();
    let order = use_callback(move |order: Order| {
        if working() {
            return;
        }
        if let Order::Change(typed) = &order
            && *typed != again()
        {
            return said.set(Some((false, words.say("enrol-pin-differs"))));
        }
        let (phone, vault, biometrics) = (phone.clone(), session.vault.clone(), launch.biometrics.clone());
        working.set(true);
        spawn(async move {
            // Argon2id takes its time on purpose: off the screen's thread.
            let done = tokio::task::spawn_blocking(move || {
                let store = FileKeyStore::beside(&vault);
                carry_out(&phone, &store, order, biometrics)
            });
            let done = done.await.unwrap_or(Err(DeviceError::Keys));
            working.set(false);
            if done.is_ok() {
                for field in [&mut pin, &mut again, &mut duress] {
                    field.set(String::new());
                }
                made += 1;
            }
            said.set(Some(match done {
                Ok(()) => (true, words.say("pins-done")),
                Err(error) => (false, error_words(words, &error)),
            }));
        });
    });
    rsx! {
        section { class: "card", id: "pins",
            h2 { {words.say("pins-title")} }
            for key in std::iter::once(made()) {
                div { key: "{key}", class: "col gap",
                    PinInput { id: "new-pin", label: words.say("enrol-pin"), on_input: move |text| pin.set(text) }
                    PinInput { id: "new-pin-again", label: words.say("enrol-pin-again"), on_input: move |text| again.set(text) }
                    button { class: "btn g s", id: "change-pin", disabled: working() || pin().is_empty(), onclick: move |_| order.call(Order::Change(pin())), {words.say("pins-change")} }
                    h2 { {words.say("duress-title")} }
                    p { class: "sub", {words.say("duress-lead")} }
                    PinInput { id: "duress-pin", label: words.say("duress-pin"), on_input: move |text| duress.set(text) }
                    div { class: "row wrap",
                        button { class: "btn g s", id: "set-duress", disabled: working() || duress().is_empty(), onclick: move |_| order.call(Order::SetDuress(duress())), {words.say("duress-set")} }
                        button { class: "btn g s", id: "forget-duress", disabled: working(), onclick: move |_| order.call(Order::ForgetDuress), {words.say("duress-forget")} }
                    }
                }
            }
            if biometrics.is_some() {
                h2 { {words.say("biometrics-title")} }
                div { class: "row wrap",
                    button { class: "btn g s", disabled: working(), onclick: move |_| order.call(Order::Biometrics(true)), {words.say("biometrics-on")} }
                    button { class: "btn g s", disabled: working(), onclick: move |_| order.call(Order::Biometrics(false)), {words.say("biometrics-off")} }
                }
            }
            if let Some((fine, text)) = said() {
                p { class: if fine { "sub" } else { "strip" }, role: if fine { "status" } else { "alert" }, id: "pins-said", "{text}" }
            }
        }
    }
}

fn carry_out(
    phone: &Arc<Phone>,
    store: &FileKeyStore,
    order: Order,
    biometrics: Option<Arc<dyn device::BiometricStore>>,
) -> Result<(), DeviceError> {
    match order {
        Order::Change(typed) => phone.change_pin(store, &Pin::new(&typed)?),
        Order::SetDuress(typed) => phone.set_duress_pin(store, Some(&Pin::new(&typed)?)),
        Order::ForgetDuress => phone.set_duress_pin(store, None),
        Order::Biometrics(on) => match biometrics {
            Some(biometrics) if on => phone.allow_biometrics(store, biometrics.as_ref()),
            Some(biometrics) => phone.forbid_biometrics(store, biometrics.as_ref()),
            None => Ok(()),
        },
    }
}
