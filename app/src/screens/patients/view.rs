//! 利用者

use super::update::{Listed, first_rows};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{Icon, MoreRows, SyncPill, Tabs, use_portions};
use crate::screens::handover::{Unread, UnreadLines, unread_of};
use crate::screens::unreadable::because;
use crate::screens::{age_words, sex_words};
use crate::text::{Words, date_short, dotted, error_words, use_words};
use device::jiff::Timestamp;
use device::record::Patient;
use device::record::calendar::day_in_japan;
use dioxus::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

#[component]
pub fn Patients() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let mut query = use_signal(String::new);
    let mut places = use_signal(Places::new);
    // The row of the 五十音 that was asked for before it was drawn.
    let mut wanted = use_signal(|| None::<Option<char>>);
    let phone = session.phone.clone();
    let unread = use_memo(move || {
        let _ = (live.revision)();
        phone.unread_on_boards().map_err(|error| because(words, "keep-boards-unread", &error))
    })();
    let list = use_memo(move || {
        let _ = (live.revision)();
        let list = session.phone.patient_list();
        Loaded(list.map(|list| Rc::new(Listed::of(list))).map_err(|error| error_words(words, &error)))
    });
    let Loaded(list) = list();
    let typed = query();
    let found = list.as_ref().map(|list| list.found(&typed)).unwrap_or_default();
    let portions = use_portions(typed.clone(), found.len());
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap", h1 { {words.say("patients-title")} } SyncPill {} }
            input {
                class: "ta line", id: "search", r#type: "search", autocomplete: "off", maxlength: "40",
                placeholder: words.say("patients-search"), "aria-label": words.say("patients-search"),
                initial_value: "",
                oninput: move |event: FormEvent| {
                    wanted.set(None);
                    query.set(event.value());
                },
            }
            button { class: "btn g s", id: "search-all", onclick: move |_| shell.go(Route::Search), {words.say("chart-search-open")} }
        }
        main { class: "bd",
            match &list {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok(list) if list.is_empty() => rsx! {
                    div { class: "card empty", p { b { {words.say("patients-none")} } } p { class: "sub", {words.say("patients-none-hint")} } }
                },
                Ok(list) => {
                    let same = &list.same;
                    let groups = if typed.trim().is_empty() { list.by_kana() } else { Vec::new() };
                    let kana: Vec<_> = groups.iter().map(|(row, _)| *row).collect();
                    let groups = first_rows(groups, portions.drawn);
                    let drawn: Vec<_> = groups.iter().map(|(row, _)| *row).collect();
                    let boards = unread.as_ref().ok();
                    rsx! {
                        div { class: "sub", role: "status", {words.count("patients-count", found.len() as u64)} }
                        if let Err(trouble) = &unread { p { class: "strip warn", role: "status", "{trouble}" } }
                        if found.is_empty() { p { class: "card empty", {words.say("patients-not-found")} } }
                        if kana.len() > 1 {
                            nav { class: "kanarows", "aria-label": words.say("chart-kana-index"),
                                for row in kana {
                                    button { key: "{row:?}",
                                        onclick: {
                                            let (portions, is_drawn) = (portions.clone(), drawn.contains(&row));
                                            move |_| {
                                                let place = places.peek().get(&row).filter(|_| is_drawn).cloned();
                                                if place.is_none() {
                                                    wanted.set(Some(row));
                                                    portions.draw_all();
                                                }
                                                jump(place)
                                            }
                                        },
                                        {kana_words(words, row)}
                                    }
                                }
                            }
                        }
                        if groups.is_empty() {
                            for row in found.into_iter().take(portions.drawn) { PatientCard { key: "{row.patient.id}", patient: row.patient.clone(), same: same.contains(&row.patient.id), unread: unread_of(boards, &row.patient.id) } }
                        }
                        for (row, patients) in groups {
                            h2 { key: "{row:?}", class: "kanarow", tabindex: "-1",
                                onmounted: move |event: MountedEvent| {
                                    places.write().insert(row, event.data());
                                    let is_wanted = *wanted.peek() == Some(row);
                                    if is_wanted {
                                        wanted.set(None);
                                    }
                                    jump(is_wanted.then(|| event.data()))
                                },
                                {kana_words(words, row)}
                            }
                            for row in patients { PatientCard { key: "{row.patient.id}", patient: row.patient.clone(), same: same.contains(&row.patient.id), unread: unread_of(boards, &row.patient.id) } }
                        }
                        MoreRows { come: portions.more }
                    }
                }
            }
        }
        Tabs { on: Icon::Patients }
    }
}

#[component]
fn PatientCard(patient: Patient, same: bool, unread: Unread) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let today = day_in_japan(Timestamp::now());
    let id = patient.id.clone();
    let sex = sex_words(words, patient.sex);
    let who = match patient.birth_date {
        Some(birth) => {
            let age = age_words(words, birth, today);
            dotted([date_short(words, birth), format!("{age} {sex}")])
        }
        None => sex,
    };
    rsx! {
        button { class: "card cardlink", onclick: move |_| shell.go(Route::Patient(id.clone(), None)),
            span { class: "col grow",
                span { class: "kana", "{patient.kana}" }
                span { class: "nm", "{patient.name}" }
                if same { span { class: "tag wa", {words.say("tag-same-reading")} } }
                span { class: "sub", "{who}" }
                if unread != Unread::Nothing { span { class: "chips tight", UnreadLines { unread } } }
            }
        }
    }
}

/// Where each row of the 五十音 begins on the page.
type Places = BTreeMap<Option<char>, Rc<MountedData>>;

/// Goes to a row of the 五十音, and the keyboard with it.
async fn jump(place: Option<Rc<MountedData>>) {
    if let Some(place) = place {
        // A renderer that cannot scroll still takes the focus there.
        let _ = place.scroll_to(ScrollBehavior::Instant).await;
        let _ = place.set_focus(true).await;
    }
}

fn kana_words(words: Words, row: Option<char>) -> String {
    row.map_or_else(|| words.say("chart-kana-other"), String::from)
}

/// The list once read: equal only if it is the same reading.
#[derive(Clone)]
struct Loaded(Result<Rc<Listed>, String>);

impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Ok(a), Ok(b)) => Rc::ptr_eq(a, b),
            (Err(a), Err(b)) => a == b,
            _ => false,
        }
    }
}
