//! 利用者: every block says whose and when.

use super::calendar::Calendar;
use super::documents::Documents;
use super::trends::{Trends, lab_dots};
use super::update::{Tab, flag_key, latest_prescriptions};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{BackButton, Drawn, Icon, MoreRows, Sparkline, StaleBadge, SyncPill, use_portions};
use crate::screens::handover::{Board, UnreadMark, use_board_unread};
use crate::screens::notes::{NoteCard, author_of};
use crate::screens::state::{State, StateCard};
use crate::screens::unreadable::{Trouble, or_words};
use crate::screens::{person_words, start_visit, use_directory};
use crate::text::{
    TIE, Words, allergy_detail, date_long, day_and_clock, dotted, error_words, measured, printed_unit, use_words,
};
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::read::{Directory, PatientShown};
use device::record::calendar::day_in_japan;
use device::record::summary::{AllergyKnowledge, LabPoint};
use device::record::visit_note::NoteState;
use device::record::{FacilityId, PatientId, RecordFlag, SummaryItem, VisitId};
use dioxus::prelude::*;
use std::rc::Rc;

#[component]
pub fn PatientScreen(id: PatientId, visit: Option<VisitId>) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let of = id.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        let shown = session.phone.show_patient(&of, Timestamp::now());
        shown.map(|shown| Whole(Rc::new(shown))).map_err(|error| error_words(words, &error))
    });
    match read() {
        Ok(shown) => rsx! { OnePatient { id, visit, shown } },
        Err(error) => rsx! { Failed { text: error } },
    }
}

/// What stands around the tabs. A tap on a tab draws the tab alone, and reads what that one shows.
#[component]
fn OnePatient(id: PatientId, visit: Option<VisitId>, shown: Whole) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let tab = use_signal(Tab::default);
    let mut failed = use_signal(|| None::<String>);
    let (phone, of) = (session.phone.clone(), id.clone());
    let visit = use_memo(move || {
        let _ = (live.revision)();
        or_words(words, "keep-visits-unread", phone.visit_of_today(&of, visit, Timestamp::now()))
    });
    let (visit, visits_unread) = visit();
    let state = visit.and_then(|visit| visit.state);
    let done = state.is_some_and(|state| state != NoteState::Draft);
    let visit_id = visit.map(|visit| visit.visit);
    let now = Timestamp::now();
    let patient = shown.0.summary.patient.clone();
    let person = person_words(words, &patient, day_in_japan(now));
    let as_of = shown.0.as_of.map(|at| words.with("patient-as-of", &[("time", day_and_clock(at, now).into())]));
    let sub = dotted([Some(person), as_of].into_iter().flatten());
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap",
                BackButton {}
                div { class: "col grow", span { class: "kana", "{patient.kana}" } h1 { "{patient.name}" } }
                SyncPill {}
            }
            div { class: "sub", "{sub}" }
        }
        main { class: "bd",
            // The card says how allergies are found out until then.
            if shown.0.lease_lapsed { StateCard { state: State::LeaseLapsed } } else { AllergyStrip { shown: shown.clone() } }
            StaleBadge { as_of: shown.0.as_of }
            TabRow { id: id.clone(), tab }
            TabBody { id: id.clone(), shown: shown.clone(), tab }
            Trouble { said: visits_unread }
            Trouble { said: failed() }
        }
        footer { class: "foot",
            button { class: "btn", id: "start",
                onclick: move |_| {
                    let done = start_visit(&session, shell, &id, visit_id, !done);
                    failed.set(done.err().map(|error| error_words(words, &error)));
                },
                {words.say(if state.is_some() { "open-note" } else { "start-visit" })}
            }
        }
    }
}

#[component]
fn TabRow(id: PatientId, tab: Signal<Tab>) -> Element {
    let words = use_words();
    let mut tab = tab;
    let unread = use_board_unread(id);
    rsx! {
        div { class: "seg", role: "tablist",
            for (which, key) in Tab::ALL {
                button { role: "tab", class: if tab() == which { "on" }, "aria-selected": tab() == which, id: "{key}", onclick: move |_| tab.set(which),
                    {words.say(key)}
                    if which == Tab::Handover { UnreadMark { unread: unread() } }
                }
            }
        }
    }
}

#[component]
fn TabBody(id: PatientId, shown: Whole, tab: Signal<Tab>) -> Element {
    match tab() {
        Tab::Summary => rsx! { Summary { shown } },
        Tab::Calendar => rsx! { Calendar { id, shown } },
        Tab::Trends => rsx! { Trends { id, shown } },
        Tab::Notes => rsx! { Notes { id } },
        Tab::Handover => rsx! { Board { patient: id } },
        Tab::Documents => rsx! { Documents { patient: id, shown } },
    }
}

/// The visit notes of one patient.
#[component]
fn Notes(id: PatientId) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let directory = use_directory();
    let read = use_memo(move || {
        let _ = (live.revision)();
        or_words(words, "keep-notes-unread", session.phone.note_rows(Some(&id)))
    });
    let (notes, notes_unread) = read();
    let directory = directory();
    let portions = use_portions((), notes.len());
    rsx! {
        if notes.is_empty() && notes_unread.is_none() { div { class: "card empty", {words.say("notes-none")} } }
        Trouble { said: notes_unread }
        for row in notes.into_iter().take(portions.drawn) { NoteCard { key: "{row.note}", author: author_of(&directory, &row), row, name: None } }
        MoreRows { come: portions.more }
    }
}

/// The whole summary as a prop: a new reading is a new one, if it reads otherwise.
#[derive(Clone)]
pub struct Whole(pub Rc<PatientShown>);

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        let reads_alike = a.summary == b.summary && a.lease_lapsed == b.lease_lapsed;
        Rc::ptr_eq(a, b) || (reads_alike && a.as_of == b.as_of && a.is_light == b.is_light)
    }
}

/// There while the records can be read: "none known" is a statement, "not recorded" a gap.
#[component]
fn AllergyStrip(shown: Whole) -> Element {
    let words = use_words();
    let shown = shown.0;
    let items = &shown.summary.allergies;
    match shown.summary.allergy_knowledge {
        AllergyKnowledge::NotRecorded | AllergyKnowledge::Locked => {
            rsx! { div { class: "strip warn", {words.say("allergy-not-recorded")} } }
        }
        AllergyKnowledge::NoneKnown => {
            let said = dotted(items.iter().map(|item| &item.text));
            rsx! { div { class: "strip calm", {words.say("allergy-none-known")} div { class: "light", "{said}" } } }
        }
        AllergyKnowledge::Recorded => rsx! {
            div { class: "strip",
                for item in items.iter() {
                    div { class: if item.flag == Some(RecordFlag::NoneKnown) { "light" },
                        Drawn { icon: Icon::Alert }
                        " " {allergy_words(words, item)}
                        if let Some(detail) = &item.detail { span { class: "light", " " {allergy_detail(words, detail)} } }
                    }
                }
            }
        },
    }
}

/// ペニシリン — アレルギー · 禁忌
fn allergy_words(words: Words, item: &SummaryItem) -> String {
    if item.flag == Some(RecordFlag::NoneKnown) {
        return item.text.clone();
    }
    let named = format!("{}{TIE}— {}", item.text, words.say("allergy-kind"));
    let never = (item.flag == Some(RecordFlag::Contraindicated)).then(|| words.say("flag-contraindicated"));
    dotted([Some(named), never].into_iter().flatten())
}

#[component]
fn Summary(shown: Whole) -> Element {
    let words = use_words();
    let directory = use_directory()();
    let summary = &shown.0.summary;
    let lapsed = shown.0.lease_lapsed;
    let series = summary.lab_series();
    let prescriptions = latest_prescriptions(&summary.prescriptions);
    let mut all_labs = use_signal(|| false);
    let labs_shown = if all_labs() { series.len() } else { series.len().min(8) };
    let newest: Vec<_> = series.iter().take(labs_shown).filter_map(|s| Some((s, s.points.first()?))).collect();
    rsx! {
        if !lapsed {
            for (facility, items) in prescriptions {
                section { class: "card", key: "rx-{facility}",
                    div { class: "row sp wrap", h2 { {words.say("section-prescriptions")} " " {words.count("drugs", items.len() as u64)} } Source { item: items[0].clone(), directory: directory.clone() } }
                    for (i, item) in items.iter().enumerate() { ItemLine { key: "{i}", item: item.clone() } }
                }
            }
            if !series.is_empty() {
                section { class: "card",
                    div { class: "row sp wrap", h2 { {words.say("section-labs")} } if let Some(newest) = series[0].points.first() { span { class: "src", {whose(words, &directory, &series[0].facility, newest.date, newest.as_of)} } } }
                    table { class: "labs",
                        tbody {
                            for (s, newest) in newest {
                                tr {
                                    td { "{s.text}" div { class: "src", {whose(words, &directory, &s.facility, newest.date, newest.as_of)} } }
                                    td { Sparkline { name: s.text.clone(), unit: s.unit.as_deref().map(printed_unit).unwrap_or_default(), dots: lab_dots(s, SMALL) } }
                                    td { class: if newest.flag.is_some() { "n hot" } else { "n" }, {value_with_flag(words, newest, s.unit.as_deref())} }
                                }
                            }
                        }
                    }
                    if labs_shown < series.len() {
                        button { class: "btn g s wide", onclick: move |_| all_labs.set(true), {words.count("show-all", series.len() as u64)} }
                    }
                }
            }
            Block { title: "section-problems", items: summary.problems.clone(), directory: directory.clone() }
            Block { title: "section-injections", items: summary.injections.clone(), directory: directory.clone() }
            Block { title: "section-encounters", items: summary.encounters.clone(), directory: directory.clone() }
            Block { title: "section-documents", items: summary.documents.clone(), directory: directory.clone() }
            if summary.as_of().is_none() { div { class: "card empty", {words.say("none-disclosed")} } }
        }
        if !summary.orders.is_empty() {
            section { class: "card",
                h2 { {words.say("section-orders")} }
                for order in summary.orders.iter() {
                    div { class: "line",
                        {dotted([
                            Some(words.with("order-period", &[("from", date_long(words, order.from).into()), ("until", date_long(words, order.until).into())])),
                            order.special.then(|| words.say("order-special")),
                        ].into_iter().flatten())}
                        div { class: "src", {directory.facility(&order.facility).to_string()} }
                    }
                }
            }
        }
        if summary.patient.address.is_some() || summary.patient.phone.is_some() {
            section { class: "card",
                h2 { {words.say("section-contact")} }
                if let Some(address) = &summary.patient.address { div { class: "line", "{address}" } }
                if let Some(phone) = &summary.patient.phone { div { class: "line", "{phone}" } }
            }
        }
    }
}

/// A list that shows its first five and opens on demand.
#[component]
fn Block(title: &'static str, items: Vec<SummaryItem>, directory: Directory) -> Element {
    let words = use_words();
    let mut all = use_signal(|| false);
    if items.is_empty() {
        return rsx! {};
    }
    let shown = if all() { items.len() } else { items.len().min(5) };
    let total = items.len() as u64;
    rsx! {
        section { class: "card",
            div { class: "row sp wrap", h2 { {words.say(title)} " " {words.count("items", total)} } }
            for (i, item) in items.iter().take(shown).enumerate() {
                div { class: "line", key: "{i}",
                    if let Some(body) = &item.body {
                        details { summary { "{item.text}" } p { class: "body", "{body}" } }
                    } else {
                        span { "{item.text}" }
                        if let Some(flag) = item.flag.as_ref().and_then(flag_key) { span { class: "tag", {words.say(flag)} } }
                        if item.value.is_some() { span { " " {measured(item.value.as_deref(), item.unit.as_deref())} } }
                        if let Some(detail) = &item.detail { div { class: "src", "{detail}" } }
                    }
                    div { class: "src", {source_words(words, item, &directory)} }
                }
            }
            if shown < items.len() {
                button { class: "btn g s wide", onclick: move |_| all.set(true), {words.count("show-all", total)} }
            }
        }
    }
}

#[component]
fn ItemLine(item: SummaryItem) -> Element {
    let dose = measured(item.value.as_deref(), item.unit.as_deref());
    rsx! {
        div { class: "line row sp",
            div { "{item.text}" if let Some(detail) = &item.detail { div { class: "src", "{detail}" } } }
            div { class: "n", "{dose}" }
        }
    }
}

#[component]
fn Source(item: SummaryItem, directory: Directory) -> Element {
    let words = use_words();
    rsx! { span { class: "src", {source_words(words, &item, &directory)} } }
}

/// Whose, and when.
fn source_words(words: Words, item: &SummaryItem, directory: &Directory) -> String {
    whose(words, directory, &item.facility, item.date, item.as_of)
}

/// Whose, and when: the clinical day, or without one the day on which the facility recorded it.
pub fn whose(
    words: Words,
    directory: &Directory,
    facility: &FacilityId,
    day: Option<Date>,
    as_of: Timestamp,
) -> String {
    let day = day.or_else(|| (as_of != Timestamp::UNIX_EPOCH).then(|| day_in_japan(as_of)));
    let when = day.map_or_else(|| words.say("as-of-unknown"), |day| day.strftime("%Y/%-m/%-d").to_string());
    dotted([directory.facility(facility).to_string(), when])
}

/// As of when a facility recorded something.
pub fn as_of_words(words: Words, as_of: Timestamp, now: Timestamp) -> String {
    if as_of == Timestamp::UNIX_EPOCH {
        return words.say("as-of-unknown");
    }
    words.with("patient-as-of", &[("time", day_and_clock(as_of, now).into())])
}

/// Newest results that the small line of the summary draws.
const SMALL: usize = 8;

fn value_with_flag(words: Words, newest: &LabPoint, unit: Option<&str>) -> String {
    let flag = newest.flag.as_ref().and_then(flag_key).map(|key| words.say(key));
    let said = Some(measured(newest.value.as_deref(), unit)).filter(|said| !said.is_empty());
    [said, flag].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A screen that could not be read.
#[component]
pub fn Failed(text: String) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    rsx! {
        header { class: "hd", button { class: "back", "aria-label": words.say("back"), onclick: move |_| shell.switch(Route::Today), Drawn { icon: Icon::Back } } }
        main { class: "bd", p { class: "strip", role: "alert", "{text}" } }
    }
}
