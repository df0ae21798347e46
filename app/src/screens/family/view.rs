//! 家族に見せる: one vital sign's trend, large, and nothing else of the patient. The phone is in other hands: leaving locks,
//! so that nothing but the PIN lies behind it.

use crate::app::{Live, Session, Shell};
use crate::components::{Chart, Usual};
use crate::screens::patient::trends::{FIELDS, MOST, unit_of, vital_series};
use crate::text::{error_words, field_label, use_words};
use device::record::PatientId;
use device::record::vitals::AlertBounds;
use dioxus::prelude::*;

#[component]
pub fn FamilyScreen(id: PatientId, field: &'static str) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut field = use_signal(|| field);
    let mut stays = use_signal(|| false);
    let phone = session.phone.clone();
    let trends = use_memo(move || {
        let _ = (live.revision)();
        phone.trends(&id, &FIELDS, MOST).map_err(|error| error_words(words, &error))
    });
    let unmeasured = words.say("unmeasured");
    let drawn = trends().map(|trends| {
        // Why something was not measured is the nurse's word, and bounds are the doctor's: neither is for these eyes.
        let series = FIELDS.iter().zip(&trends).map(|(name, points)| {
            (*name, vital_series(name, points, &AlertBounds::new(), |_| unmeasured.clone()).dots)
        });
        series.filter(|(_, dots)| dots.iter().any(|dot| dot.value.is_some())).collect::<Vec<_>>()
    });
    let chosen = drawn.as_ref().ok().and_then(|all| all.iter().find(|(name, _)| *name == field())).cloned();
    let names: Vec<&'static str> = drawn.iter().flatten().map(|(name, _)| *name).collect();
    rsx! {
        main { class: "bd family",
            h1 { {words.say("chart-family-title")} }
            if let Err(error) = &drawn { p { class: "strip", role: "alert", "{error}" } }
            div { class: "chips",
                for name in names {
                    button { key: "{name}", class: if field() == name { "chip on" } else { "chip" }, "aria-pressed": field() == name,
                        onclick: move |_| field.set(name), {field_label(words, name)}
                    }
                }
            }
            if let Some((name, dots)) = chosen {
                section { class: "card",
                    Chart { name: field_label(words, name), unit: unit_of(words, name), dots, usual: Usual::default(), usual_said: String::new() }
                }
            }
            if stays() {
                p { class: "strip warn", role: "alert", {words.say("chart-family-unsaved")} }
                button { class: "btn g", onclick: move |_| shell.back(), {words.say("back")} }
            }
        }
        footer { class: "foot",
            button { class: "btn", id: "family-leave", onclick: move |_| stays.set(!shell.lock()), {words.say("chart-family-leave")} }
        }
    }
}
