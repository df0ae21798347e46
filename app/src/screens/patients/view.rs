//! 利用者

use super::update::{found, index_of};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, SyncPill, Tabs};
use crate::screens::handover::UnreadLines;
use crate::screens::sex_words;
use crate::text::{date_short, error_words, use_words};
use device::jiff::Timestamp;
use device::record::calendar::{age_on, day_in_japan};
use dioxus::prelude::*;

#[component]
pub fn Patients() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut query = use_signal(String::new);
    let phone = session.phone.clone();
    let unread = use_memo(move || {
        let _ = (live.revision)();
        phone.unread_on_boards().unwrap_or_default()
    })();
    let rows = use_memo(move || {
        let _ = (live.revision)();
        session.phone.patients().map(std::rc::Rc::new).map_err(|error| error_words(words, &error)).into()
    });
    let today = day_in_japan(Timestamp::now());
    let Loaded(rows) = rows();
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap", h1 { {words.say("patients-title")} } SyncPill {} }
            input {
                class: "ta line", id: "search", r#type: "search", autocomplete: "off", maxlength: "40",
                placeholder: words.say("patients-search"), "aria-label": words.say("patients-search"),
                initial_value: "", oninput: move |event: FormEvent| query.set(event.value()),
            }
        }
        main { class: "bd",
            match &rows {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok(rows) if rows.is_empty() => rsx! {
                    div { class: "card empty", p { b { {words.say("patients-none")} } } p { class: "sub", {words.say("patients-none-hint")} } }
                },
                Ok(rows) => {
                    let index = index_of(rows);
                    let (shown, same) = (found(rows, &index, &query.read()), index.same_reading());
                    rsx! {
                        div { class: "sub", role: "status", {words.count("patients-count", shown.len() as u64)} }
                        if shown.is_empty() { p { class: "card empty", {words.say("patients-not-found")} } }
                        for row in shown {
                            button {
                                key: "{row.patient.id}", class: "card cardlink",
                                onclick: { let id = row.patient.id.clone(); move |_| shell.go(Route::Patient(id.clone())) },
                                span { class: "col grow",
                                    span { class: "kana", "{row.patient.kana}" }
                                    span { class: "nm", "{row.patient.name}" }
                                    if same.contains(&row.patient.id) { span { class: "tag wa", {words.say("tag-same-reading")} } }
                                    span { class: "sub",
                                        if let Some(birth) = row.patient.birth_date {
                                            {format!("{} · {} ", date_short(words, birth), words.count("patient-age", u64::try_from(age_on(birth, today)).unwrap_or(0)))}
                                        }
                                        {sex_words(words, row.patient.sex)}
                                    }
                                    if let Some(lines) = unread.get(&row.patient.id) { span { class: "chips tight", UnreadLines { lines: *lines } } }
                                }
                            }
                        }
                    }
                }
            }
        }
        Tabs { on: Icon::Patients }
    }
}

/// The list once read: equal only if it is the same reading.
#[derive(Clone)]
struct Loaded(Result<std::rc::Rc<Vec<device::read::PatientRow>>, String>);

impl From<Result<std::rc::Rc<Vec<device::read::PatientRow>>, String>> for Loaded {
    fn from(rows: Result<std::rc::Rc<Vec<device::read::PatientRow>>, String>) -> Self {
        Self(rows)
    }
}

impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Ok(a), Ok(b)) => std::rc::Rc::ptr_eq(a, b),
            (Err(a), Err(b)) => a == b,
            _ => false,
        }
    }
}
