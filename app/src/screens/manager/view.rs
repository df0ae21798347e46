//! 管理者の一覧

use super::update::{Heading, Own, is_manager, own_part, patient_of, route_of};
use crate::app::{Live, Route, Session, Shell};
use crate::components::TitleRow;
use crate::screens::unreadable::{Names, Trouble, or_words};
use crate::text::{Words, date_long, error_words, use_words};
use device::document::ManagerTask;
use device::jiff::Timestamp;
use device::record::visit_note::NoteState;
use device::{DeviceError, Phone};
use dioxus::prelude::*;

/// Whether this person is the station's manager, as the hub said last; and in words why the vault cannot say so: then she is
/// shown what everybody is.
pub fn use_is_manager() -> (bool, Option<String>) {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    use_memo(move || {
        let _ = (live.revision)();
        let (role, trouble) = or_words(words, "keep-role-unread", session.phone.own_role());
        (is_manager(role), trouble)
    })()
}

/// Says that what only a manager does may be missing here.
#[component]
pub fn RoleUnread(trouble: Option<String>) -> Element {
    match trouble {
        Some(trouble) => rsx! { p { class: "strip warn", role: "status", "{trouble}" } },
        None => rsx! {},
    }
}

/// The manager's list, or this person's own part of it.
fn use_tasks() -> Result<Vec<ManagerTask>, String> {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    use_memo(move || {
        let _ = (live.revision)();
        tasks(&session.phone).map_err(|error| error_words(words, &error))
    })()
}

fn tasks(phone: &Phone) -> Result<Vec<ManagerTask>, DeviceError> {
    let now = Timestamp::now();
    let tasks = phone.manager_tasks(now)?;
    // Whose role cannot be read is shown what everybody is.
    let is_manager = is_manager(phone.own_role().unwrap_or_default());
    if is_manager || tasks.is_empty() { Ok(tasks) } else { Ok(own_part(tasks, &own(phone, now)?)) }
}

fn own(phone: &Phone, now: Timestamp) -> Result<Own, DeviceError> {
    let me = &phone.identity().staff;
    let mut own = Own::default();
    for row in phone.note_rows(None)? {
        // Of competing confirmations the row names one author only. A note that cannot be read is nobody's own.
        let confirmed_by_me = || {
            let shown = phone.show_note(row.note);
            shown.is_ok_and(|note| note.confirmations.iter().any(|confirmation| confirmation.staff == *me))
        };
        if row.author.as_ref() == Some(me) || (row.state == NoteState::Competing && confirmed_by_me()) {
            own.notes.insert(row.note);
            own.patients.insert(row.patient);
        }
    }
    own.patients.extend(phone.today(now)?.into_iter().map(|row| row.visit.patient));
    Ok(own)
}

/// The way there from the notes.
#[component]
pub fn ManagerLink() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let (is_manager, role_unread) = use_is_manager();
    let tasks = use_tasks();
    let (class, count) = match &tasks {
        Ok(tasks) if tasks.is_empty() => ("tag ok", words.say("manager-none-short")),
        Ok(tasks) => ("tag wa", words.count("items", tasks.len() as u64)),
        Err(_) => ("tag al", words.say("manager-unread")),
    };
    rsx! {
        button { class: "card cardlink", id: "manager", onclick: move |_| shell.go(Route::Manager),
            span { class: "nm small grow", {words.say(title_key(is_manager))} }
            span { class, "{count}" }
        }
        RoleUnread { trouble: role_unread }
    }
}

fn title_key(is_manager: bool) -> &'static str {
    if is_manager { "manager-title" } else { "manager-own-title" }
}

#[component]
pub fn ManagerScreen() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let (is_manager, role_unread) = use_is_manager();
    let tasks = use_tasks();
    let names = Names::read(&session.phone, words);
    rsx! {
        header { class: "hd",
            TitleRow { title: words.say(title_key(is_manager)) }
            div { class: "sub", {words.say(if is_manager { "manager-sub" } else { "manager-own-sub" })} }
        }
        main { class: "bd",
            RoleUnread { trouble: role_unread }
            match tasks {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok(tasks) if tasks.is_empty() => rsx! { div { class: "card empty", {words.say("manager-none")} } },
                Ok(tasks) => rsx! {
                    Trouble { said: names.trouble() }
                    for (heading, key) in Heading::ALL {
                        Section {
                            key: "{key}", title: key,
                            rows: tasks.iter().filter(|task| Heading::of(task) == heading)
                                .map(|task| Row { task: task.clone(), name: names.of(words, patient_of(task)).1 }).collect::<Vec<_>>(),
                        }
                    }
                },
            }
        }
    }
}

/// A task with the name of the patient that it is about.
#[derive(Clone, PartialEq)]
struct Row {
    task: ManagerTask,
    name: String,
}

#[component]
fn Section(title: &'static str, rows: Vec<Row>) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    if rows.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "card",
            h2 { {words.say(title)} " " {words.count("items", rows.len() as u64)} }
            for row in rows {
                button { class: "pick",
                    onclick: {
                        let route = route_of(&row.task);
                        move |_| shell.go(route.clone())
                    },
                    b { "{row.name}" }
                    span { class: "who", {what(words, &row.task)} }
                }
            }
        }
    }
}

/// What is to be done in a row, with its day.
fn what(words: Words, task: &ManagerTask) -> String {
    match task {
        ManagerTask::Competing { .. } => words.say("manager-do-choose"),
        ManagerTask::LateEdits { .. } => words.say("manager-do-decide"),
        ManagerTask::Held { form, .. } => words.with("manager-do-held", &[("form", form_words(words, *form).into())]),
        ManagerTask::Unconfirmed { day, .. } => {
            words.with("manager-do-confirm", &[("day", date_long(words, *day).into())])
        }
        ManagerTask::OrderExpired { ended, .. } => {
            words.with("manager-do-renew-now", &[("day", date_long(words, *ended).into())])
        }
        ManagerTask::OrderEnds { until, days_left, .. } => {
            let left = u64::try_from(*days_left).unwrap_or(0);
            words.with("manager-do-renew", &[("day", date_long(words, *until).into()), ("n", left.into())])
        }
    }
}

fn form_words(words: Words, form: device::record::Form) -> String {
    use device::record::Form;
    words.say(match form {
        Form::VisitNote => "note-title",
        Form::Handover => "manager-form-handover",
        Form::IntakeRecord => "manager-form-intake",
        Form::CarePlan => "manager-form-plan",
        Form::VisitReport => "manager-form-report",
    })
}
