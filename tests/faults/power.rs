//! Power loss and a full disk: what was said to be saved is there, and nothing is half there.
//!
//! `writes.c` is preloaded into `tsutsuji-device` and writes down what it does to the phone's folder. A day is recorded once;
//! then the folder is rebuilt as a disk could look if the power had gone after any of these writes, and opened.
#![cfg(target_os = "linux")]

#[path = "power/case.rs"]
mod case;
#[path = "power/day.rs"]
mod day;
#[path = "power/full.rs"]
mod full;
#[path = "power/hand.rs"]
mod hand;
#[path = "power/phone.rs"]
mod phone;
#[path = "power/photos.rs"]
mod photos;
#[path = "power/shown.rs"]
mod shown;
mod typed;
mod writes;

use case::{Case, Plan};
use day::Day;
use std::error::Error;
use std::path::Path;
use stories::Outcome;
use tempfile::TempDir;
use writes::{Arrived, Disk, Op};

const VAULT: &str = "a.vault";
const OLD_PIN: &str = "2468";
const NEW_PIN: &str = "97531";

/// An error with its causes: what the command line keeps to itself.
fn whole(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error} ({})", whole(cause)),
        None => error.to_string(),
    }
}

/// In memory where there is such a place: these disks are imagined anyway.
fn scratch() -> Outcome<TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

fn is_full_run() -> bool {
    std::env::var_os("TSUTSUJI_FULL").is_some()
}

#[test]
fn what_is_said_to_be_saved_survives_power_loss_at_any_write_or_flush() -> Outcome {
    let day = Day::whole()?;
    let points = day.steps[1].said..usize::MAX;
    let plan = if is_full_run() { Plan { points, every: 1, seeds: 3 } } else { Plan { points, every: 10, seeds: 1 } };
    let tried = plan.run(&day)?;
    assert!(tried >= 60 || std::env::var_os("TSUTSUJI_POINT").is_some(), "only {tried} points");
    let photo = day.steps.iter().position(|step| step.words == "photo add").ok_or("no photo")?;
    for step in [photo, day.steps.len() - 1] {
        a_disk_that_does_not_flush_is_seen(&day, step)?;
    }
    Ok(())
}

/// The test of the test: had this command flushed nothing, what it promised would be missing.
fn a_disk_that_does_not_flush_is_seen(day: &Day, step: usize) -> Outcome {
    let began = day.steps[step].began;
    let point = day.steps.get(step + 1).map_or(day.ops.len(), |next| next.began);
    let mut disk = Disk::default();
    for (i, op) in day.ops[..point].iter().enumerate() {
        if i < began || !matches!(op, Op::Flushed { .. }) {
            disk.apply(op)?;
        }
    }
    let arrived = Arrived::Nothing;
    let case = Case { point, arrived, image: disk.image(arrived), allowed: day.allowed(point), by_hand: false };
    let seen = case.check(day).is_err_and(|error| error.to_string().contains("promised"));
    assert!(seen, "what `{}` promised was lost, and that was not noticed", day.steps[step].words);
    Ok(())
}

#[test]
fn an_enrolment_that_was_said_to_be_done_survives_power_loss() -> Outcome {
    let day = Day::begin()?;
    let points = day.steps[0].began..day.steps[1].said;
    let plan = if is_full_run() { Plan { points, every: 1, seeds: 3 } } else { Plan { points, every: 10, seeds: 1 } };
    plan.run(&day).map(|_| ())
}
