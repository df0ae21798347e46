//! `screens FOLDER [ROUNDS]`: what the screens ask of a full phone, verb by verb, without a window. FOLDER is one that `feel-data`
//! has made, today; a copy of it is opened.
//!
//! *first*: the first call after unlocking. *again*: nothing was written since. *after a save*: a value was written in a note
//! of today.

use device::{DeviceError, FileKeyStore, Phone, Pin};
use jiff::Timestamp;
use record::calendar::day_in_japan;
use record::visit_note::FieldValue;
use record::{DocumentId, PatientId};
use std::path::Path;
use std::process::ExitCode;
use tsutsuji_bench::Done;
use tsutsuji_bench::statistics::{Times, milliseconds, timed};

const PIN: &str = "2468";
/// One of those who are visited today.
const PATIENT: &str = "p-000000";
/// What a screen may take to stand there; the window's part is not in here.
const GOAL_MS: f64 = 50.0;

/// Whom and what the verbs are asked of.
struct Case {
    now: Timestamp,
    patient: PatientId,
    month: String,
    /// A confirmed one.
    note: DocumentId,
}

type Verb = fn(&Phone, &Case) -> Done;

const VERBS: [(&str, Verb); 18] = [
    ("today", |phone, case| done(phone.today(case.now))),
    ("today's boards", |phone, case| {
        let patients: Vec<PatientId> = phone.today(case.now)?.into_iter().map(|row| row.visit.patient).collect();
        done(phone.unread_of(&patients))
    }),
    ("a patient's visit of today", |phone, case| done(phone.visit_of_today(&case.patient, None, case.now))),
    ("a patient", |phone, case| done(phone.show_patient(&case.patient, case.now))),
    ("a patient's board, its mark", |phone, case| done(phone.board_unread(&case.patient))),
    ("a patient's board", |phone, case| done(phone.board(&case.patient))),
    ("since the last visit", |phone, case| done(phone.since_last_visit(&case.patient, case.now))),
    ("a patient's notes", |phone, case| done(phone.note_rows(Some(&case.patient)))),
    ("a patient's trends", |phone, case| {
        done(phone.trends(&case.patient, &["temperature_c", "pulse_bpm", "systolic_mmhg"], 60))
    }),
    ("a patient's month", |phone, case| done(phone.report_calendar(&case.patient, &case.month))),
    ("a note", |phone, case| done(phone.show_note(case.note))),
    ("values before a note", |phone, case| done(phone.previous_values(&case.patient, case.note))),
    ("patients", |phone, _| done(phone.patient_list())),
    ("all boards", |phone, _| done(phone.unread_on_boards())),
    ("all notes", |phone, _| done(phone.note_rows(None))),
    ("the manager's list", |phone, case| done(phone.manager_tasks(case.now))),
    ("on call", |phone, _| done(phone.on_call())),
    ("how the phone stands", |phone, case| done(phone.status(case.now))),
];

fn done<T>(read: Result<T, DeviceError>) -> Done {
    std::hint::black_box(read?);
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, rounds) = match arguments.as_slice() {
        [folder] => (folder, Ok(21)),
        [folder, rounds] => (folder, rounds.parse::<usize>()),
        _ => {
            eprintln!("screens FOLDER [ROUNDS]");
            return ExitCode::FAILURE;
        }
    };
    match rounds.map_err(Into::into).and_then(|rounds| measure(Path::new(folder), rounds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(folder: &Path, rounds: usize) -> Done {
    let copy = tempfile::tempdir()?;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        if file.file_type()?.is_file() {
            std::fs::copy(file.path(), copy.path().join(file.file_name()))?;
        }
    }
    let vault = copy.path().join("tsutsuji.vault");
    let phone = unlock(&vault)?;
    let case = case(&phone)?;
    let note = note_of_today(&phone, &case)?;
    drop(phone);
    println!("{:28} {:>12} {:>12} {:>14}   {rounds} rounds, medians", "", "first", "again", "after a save");
    for (name, verb) in VERBS {
        let phone = unlock(&vault)?;
        let first = timed(|| verb(&phone, &case))?.1;
        let (mut again, mut after) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
        for round in 0..rounds {
            again.push(timed(|| verb(&phone, &case))?.1);
            phone.set_value(note, "pulse_bpm", FieldValue::Number(60.0 + (round % 40) as f64), case.now)?;
            after.push(timed(|| verb(&phone, &case))?.1);
        }
        let (again, after) = (Times::of(again).median(), Times::of(after).median());
        let verdict = if milliseconds(after) <= GOAL_MS { "" } else { "   MISSED" };
        let [first, again, after] = [first, again, after].map(milliseconds);
        println!("{name:28} {first:>9.2} ms {again:>9.2} ms {after:>11.2} ms{verdict}");
    }
    kana(&unlock(&vault)?, rounds)
}

/// A key of the search for a reading, over the list that is read once.
fn kana(phone: &Phone, rounds: usize) -> Done {
    let list = phone.patient_list()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        for reading in ["ア", "かと", "サ", "たな", "ヤマ"] {
            times.push(timed(|| Ok(list.index.search(reading)))?.1);
        }
    }
    println!("{:28} {:>12} {:>9.2} ms", "a key of the kana search", "", milliseconds(Times::of(times).median()));
    Ok(())
}

fn unlock(vault: &Path) -> Done<Phone> {
    Ok(Phone::unlock(vault, &FileKeyStore::beside(vault), &Pin::new(PIN)?, Timestamp::now())?)
}

fn case(phone: &Phone) -> Done<Case> {
    let (now, patient): (_, PatientId) = (Timestamp::now(), PATIENT.parse()?);
    let note = phone.note_rows(Some(&patient))?.first().ok_or("this patient has no note")?.note;
    Ok(Case { now, month: day_in_japan(now).strftime("%Y-%m").to_string(), patient, note })
}

fn note_of_today(phone: &Phone, case: &Case) -> Done<DocumentId> {
    let visit = phone.visit_of_today(&case.patient, None, case.now)?;
    let visit = visit.ok_or("no visits today: the folder was made on another day; make it again")?;
    Ok(phone.start_note(&case.patient, Some(visit.visit), case.now)?)
}
