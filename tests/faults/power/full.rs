//! A full disk: it loses nothing, says what to do, and keeps nobody from reading.

use super::day::long_text;
use super::phone::{Doing, Watch, WatchedPhone, copy_folder, doing};
use super::shown::{Shown, Witness, shown_by_a_copy};
use super::{NEW_PIN, OLD_PIN, VAULT, is_full_run, scratch};
use std::path::Path;
use stories::{Hub, Outcome};
use tempfile::TempDir;

/// Where the disk was full, what was being done, and what the phone must show before and after it.
struct FullCase<'a> {
    base: &'a Path,
    doing: &'a Doing,
    then: &'static str,
    room: u64,
    before: &'a Shown,
    after: &'a Shown,
}

impl FullCase<'_> {
    fn check(&self, phone: &WatchedPhone, witness: &Witness) -> Outcome {
        let folder = scratch()?;
        copy_folder(self.base, folder.path())?;
        let phone = phone.at(folder.path())?;
        let (done, _, said) = phone.run(OLD_PIN, self.doing, Watch::Full(self.room))?;
        let pin = if done { self.then } else { OLD_PIN };
        let says_what_to_do = said.contains("free at least 10 MB") && said.lines().count() == 1;
        if !done && !says_what_to_do {
            return Err(format!("does not say what to do: {said}").into());
        }
        let expected = if done { self.after } else { self.before };
        let there = shown_by_a_copy(&phone, pin, witness)?;
        if there != *expected {
            return Err(format!("done: {done}; expected: {expected:?}\n   there: {there:?}").into());
        }
        if !done {
            let (done, _, said) = phone.run(OLD_PIN, self.doing, Watch::Off)?;
            let there = shown_by_a_copy(&phone, self.then, witness)?;
            if !done || there != *self.after {
                return Err(format!("with room again: {said}; there: {there:?}").into());
            }
        }
        Ok(())
    }
}

/// Two phones at work: one that was closed well, and one that was killed and whose log is still beside the vault.
fn phones_at_work(phone: &WatchedPhone, patient: &str) -> Outcome<(String, TempDir)> {
    let (_, started, said) = phone.run(OLD_PIN, &doing(&["note", "start", "--patient", patient], ""), Watch::Off)?;
    let note = started["note"].as_str().ok_or(said)?.to_string();
    phone.phone(OLD_PIN).fill_in(&note)?;
    let killed = scratch()?;
    copy_folder(&phone.folder, killed.path())?;
    let text = doing(&["note", "text", &note, "condition"], "右踵部に発赤。");
    phone.at(killed.path())?.run(OLD_PIN, &text, Watch::LogAndKill)?;
    assert!(killed.path().join(format!("{VAULT}-wal")).exists(), "killed in the middle");
    Ok((note, killed))
}

/// A phone that has synced; its hub; and the patient.
fn synced_phone() -> Outcome<(Hub, TempDir, WatchedPhone, String)> {
    let (hub, patient) = Hub::with_consent()?;
    let folder = tempfile::tempdir()?;
    let phone = WatchedPhone::new(folder.path())?;
    let enrol = doing(&["enrol", "--least-pin-cost", &hub.invite("nurse-a")?], "");
    for doing in [enrol, doing(&["sync"], "")] {
        let (done, _, said) = phone.run(OLD_PIN, &doing, Watch::Off)?;
        assert!(done, "{said}");
    }
    Ok((hub, folder, phone, patient))
}

#[test]
fn a_full_disk_at_any_write_loses_nothing_and_says_what_to_do() -> Outcome {
    let (hub, _folder, phone, patient) = synced_phone()?;
    let (note, killed) = phones_at_work(&phone, &patient)?;
    let new = phone.pins.join("new").display().to_string();
    let works = [
        (doing(&["note", "text", &note, "care_given"], &long_text(60)), OLD_PIN),
        (doing(&["note", "set", &note, "pulse_bpm", "72"], ""), OLD_PIN),
        (doing(&["handover", "text", "--patient", &patient], "来週から長女不在。"), OLD_PIN),
        (doing(&["note", "confirm", &note], ""), OLD_PIN),
        (doing(&["pin", "change", "--new-pin-file", &new], ""), NEW_PIN),
    ];
    let witness = Witness::of(&hub, &patient)?;
    let (mut points, mut failures) = (0, Vec::new());
    for base in [phone.folder.as_path(), killed.path()] {
        let before = shown_by_a_copy(&phone.at(base)?, OLD_PIN, &witness)?;
        for (work, then) in &works {
            let dry = scratch()?;
            copy_folder(base, dry.path())?;
            let dry_phone = phone.at(dry.path())?;
            let writes = dry_phone.growing_writes(OLD_PIN, work)?;
            let after = shown_by_a_copy(&dry_phone, then, &witness)?;
            let every = if is_full_run() { 1 } else { (writes / 3).max(1) };
            for room in (0..writes).step_by(usize::try_from(every)?) {
                points += 1;
                let case = FullCase { base, doing: work, then, room, before: &before, after: &after };
                if let Err(error) = case.check(&phone, &witness) {
                    failures.push(format!("{:?}, room for {room} of {writes} writes: {error}", &work.arguments[..2]));
                }
            }
        }
    }
    println!("{points} points of a full disk");
    assert!(points >= 25, "only {points} points");
    assert!(failures.is_empty(), "{} of {points} points failed\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

#[test]
fn a_full_disk_keeps_nobody_from_reading() -> Outcome {
    let (_hub, _folder, phone, patient) = synced_phone()?;
    let (note, killed) = phones_at_work(&phone, &patient)?;
    let mut refused = Vec::new();
    for (base, state) in [(phone.folder.as_path(), "closed well"), (killed.path(), "killed before")] {
        let phone = phone.at(base)?;
        for words in
            [["status"].as_slice(), &["patients"], &["show", &patient], &["note", "list"], &["note", "show", &note]]
        {
            let (readable, _, said) = phone.run(OLD_PIN, &doing(words, ""), Watch::Full(0))?;
            if !readable {
                refused.push(format!("`{}`, {state}: {}", words.join(" "), said.trim()));
            }
        }
    }
    assert!(refused.is_empty(), "opening needs room:\n{}", refused.join("\n"));
    Ok(())
}

#[test]
fn a_full_disk_keeps_nothing_that_was_written_from_the_hub() -> Outcome {
    let (hub, _folder, phone, patient) = synced_phone()?;
    let (note, _killed) = phones_at_work(&phone, &patient)?;
    let (done, _, said) = phone.run(OLD_PIN, &doing(&["sync"], ""), Watch::Full(0))?;
    // A full disk cannot number entries; the sealed copies of what was written are there since it was written.
    assert!(!done && said.contains("sent sealed"), "{said}");
    let at_hub = hub.ok(&["held", "list"])?;
    assert!(at_hub.to_string().contains(&note), "not at the hub ({}): {at_hub}", said.trim());
    Ok(())
}
