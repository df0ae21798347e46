//! Typing, and the power goes: the crash journal's lines, one a quarter of a second (`app/src/components/typing.rs` says when).

use super::day::Day;
use super::hand::{self, Hand, is_mark};
use super::phone::{Watch, doing};
use super::writes::{Arrived, Disk, Op};
use super::{OLD_PIN, VAULT, is_full_run, scratch};
use device::jiff::Timestamp;
use device::note::JournalEntryOf;
use device::{FileKeyStore, Phone as Unlocked, Pin};
use stories::Outcome;

const TEXT: &str = "右踵部に発赤、径2cm。皮膚科へ相談。";
const FIELD: &str = "condition";

/// The hand. A mark after each line says that the screen may believe it.
#[test]
#[ignore = "started by the test beside it"]
fn a_hand_that_types() -> Outcome {
    let hand = Hand::ready()?;
    let (phone, note) = (&hand.phone, hand.note);
    for (n, typed) in lines().enumerate() {
        let line = JournalEntryOf { note, field: FIELD, shown: "", typed: &typed };
        phone.keep_typed(&line, Timestamp::now())?;
        hand.mark(n)?;
        if n % 6 == 5 {
            // A pause: what was typed becomes a change.
            phone.edit_text(note, FIELD, "", &typed, Timestamp::now())?;
            phone.edit_text(note, FIELD, &typed, "", Timestamp::now())?;
        }
    }
    Ok(())
}

/// What stands in the field, a few characters more each quarter of a second.
fn lines() -> impl Iterator<Item = String> {
    let letters: Vec<char> = TEXT.chars().collect();
    (1..=letters.len()).map(move |n| letters[..n].iter().collect())
}

#[test]
fn what_was_typed_until_a_quarter_of_a_second_before_the_power_went_is_there() -> Outcome {
    let mut day = Day::begin()?;
    let patient = day.witness.patient.to_string();
    let note = day.note_of(&doing(&["note", "start", "--patient", &patient], ""), OLD_PIN, Watch::Log)?;
    let began = day.ops.len();
    hand::works(&day.phone, "typed::a_hand_that_types", &note)?;
    let ops = Op::read_all(&day.phone.log)?;
    let (mut disk, mut kept, mut tried) = (Disk::default(), 0usize, 0);
    let every = if is_full_run() { 1 } else { 7 };
    let lines: Vec<String> = lines().collect();
    for (n, op) in ops.iter().enumerate() {
        disk.apply(op)?;
        kept += usize::from(is_mark(op));
        if n < began || !op.is_a_point() || n % every != 0 {
            continue;
        }
        for arrived in [Arrived::Nothing, Arrived::All, Arrived::Part(n as u64)] {
            let folder = scratch()?;
            for (name, bytes) in disk.image(arrived) {
                std::fs::write(folder.path().join(name), bytes)?;
            }
            // Later than any line: nobody else is typing.
            let later = Timestamp::now() + device::jiff::SignedDuration::from_mins(1);
            let vault = folder.path().join(VAULT);
            let phone = Unlocked::unlock(&vault, &FileKeyStore::beside(&vault), &Pin::new(OLD_PIN)?, later)?;
            let there = phone.show_note(note.parse()?)?.view.text(FIELD).to_string();
            // The last line that was said to be kept, or the one under way. Between two pauses the change has taken it.
            let least = kept.checked_sub(1).map_or("", |last| lines[last].as_str());
            let most = lines.get(kept).map_or("", String::as_str);
            let after_a_pause = kept > 0 && kept.is_multiple_of(6) && there.is_empty();
            assert!(
                there == least || there == most || after_a_pause,
                "after {n} writes ({arrived:?}), {kept} kept: {there}"
            );
            tried += 1;
        }
    }
    assert_eq!(kept, lines.len());
    println!("{tried} disks while {kept} lines were typed");
    assert!(tried >= 60, "only {tried} disks");
    Ok(())
}
