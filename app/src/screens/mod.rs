//! One folder a screen: `update.rs` decides and is tested without a window, `view.rs` shows and does.

pub mod amend;
pub mod choose;
pub mod close;
pub mod document;
pub mod enrol;
pub mod family;
pub mod form;
pub mod handover;
pub mod history;
pub mod manager;
pub mod notes;
pub mod on_call;
pub mod patient;
pub mod patients;
pub mod search;
pub mod settings;
pub mod state;
pub mod sync;
pub mod today;
pub mod unlock;
mod unreadable;
pub mod visit_note;
pub mod visiting;

use crate::app::{Live, Route, Session, Shell};
use crate::text::{Words, date_short, dotted};
use crate::unsaved::{Edit, waits};
use device::DeviceError;
use device::jiff::Timestamp;
use device::jiff::civil::Date;
use device::read::Directory;
use device::record::calendar::age_on;
use device::record::{DocumentId, Patient, PatientId, Sex, VisitId};
use dioxus::prelude::{Memo, use_context, use_memo};

/// Names of facilities and people, read once a change for everything that stands on a screen.
fn use_directory() -> Memo<Directory> {
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    use_memo(move || {
        let _ = (live.revision)();
        session.phone.directory().unwrap_or_default()
    })
}

/// Opens the note of a visit; the tap on 訪問を開始 is the actual start, if none stands yet.
fn start_visit(
    session: &Session,
    shell: Shell,
    patient: &PatientId,
    visit: Option<VisitId>,
    stamp: bool,
) -> Result<DocumentId, DeviceError> {
    let now = Timestamp::now();
    let note = session.phone.start_note(patient, visit, now)?;
    if stamp {
        let started = session.phone.show_note(note)?;
        let untouched = !started.view.fields.contains_key("started_at")
            && !started.view.conflicts.iter().any(|c| c.field == "started_at");
        if untouched {
            let start = Edit::Value(crate::screens::visit_note::minute_of(now));
            let key = (note, "started_at".to_string());
            match start.save(&session.phone, &key, now) {
                // The minute of the tap is the start, however long the disk stays full.
                Err(error) if waits(&error) => session.unsaved.borrow_mut().put(key, start),
                done => done?,
            }
        }
    }
    shell.go(Route::Note(note));
    Ok(note)
}

fn age_words(words: Words, birth: Date, today: Date) -> String {
    words.count("patient-age", u64::try_from(age_on(birth, today)).unwrap_or(0))
}

/// Who is meant, in a line: born when, how old, which sex.
fn person_words(words: Words, patient: &Patient, today: Date) -> String {
    let born = patient.birth_date.map(|birth| date_short(words, birth));
    let age = patient.birth_date.map(|birth| age_words(words, birth, today));
    dotted([born, age, Some(sex_words(words, patient.sex))].into_iter().flatten())
}

fn sex_words(words: Words, sex: Sex) -> String {
    words.say(match sex {
        Sex::Male => "sex-male",
        Sex::Female => "sex-female",
        Sex::Other => "sex-other",
        Sex::Unknown => "sex-unknown",
    })
}
