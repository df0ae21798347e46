//! Power loss and a full disk: what was said to be saved is there, and nothing is half there.
//!
//! `writes.c` is preloaded into `tsutsuji-device` and writes down what it does to the phone's folder. A day is recorded once;
//! then the folder is rebuilt as a disk could look if the power had gone after any of these writes, and opened.
#![cfg(target_os = "linux")]

mod typed;
mod writes;

use device::jiff::Timestamp;
use device::record::visit_note::NoteState;
use device::record::{DocumentId, PatientId};
use device::{DeviceError, FileKeyStore, Phone as Unlocked, Pin, VaultError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use stories::{Hub, Outcome, Phone};
use tempfile::TempDir;
use writes::{Arrived, Disk, Image, Op};

const VAULT: &str = "a.vault";
const OLD_PIN: &str = "2468";
const NEW_PIN: &str = "97531";

// -------------------------------------------------------------------------------------------------------------- the phone

/// A phone whose folder is its own, run with `writes.c` inside.
struct WatchedPhone {
    folder: PathBuf,
    pins: PathBuf,
    library: PathBuf,
    log: PathBuf,
}

#[derive(Clone, Copy, PartialEq)]
enum Watch {
    Off,
    Log,
    /// Log, and kill -9 as soon as something has been said.
    LogAndKill,
    /// The disk has room for so many writes that make a file longer.
    Full(u64),
    Count,
}

impl WatchedPhone {
    fn new(at: &Path) -> Outcome<Self> {
        let at = at.canonicalize()?;
        let library = at.join("writes.so");
        let source = stories::root().join("tests/faults/writes.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output()?;
        if !compiled.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&compiled.stderr)).into());
        }
        for (name, pin) in [("old", OLD_PIN), ("new", NEW_PIN)] {
            std::fs::write(at.join(name), pin)?;
        }
        let folder = at.join("phone");
        std::fs::create_dir(&folder)?;
        Ok(Self { folder, pins: at.clone(), library, log: at.join("writes.log") })
    }

    /// The same, with another folder.
    fn at(&self, folder: &Path) -> Outcome<Self> {
        Ok(Self {
            folder: folder.canonicalize()?,
            pins: self.pins.clone(),
            library: self.library.clone(),
            log: self.log.clone(),
        })
    }

    fn phone(&self, pin: &str) -> Phone {
        let file = if pin == OLD_PIN { "old" } else { "new" };
        Phone { vault: self.folder.join(VAULT), pin: self.pins.join(file) }
    }

    fn count_file(&self) -> PathBuf {
        self.pins.join(format!("count-{:?}", std::thread::current().id()))
    }

    /// Exit well or not, what was said, and the sentence of a refusal.
    fn run(&self, pin: &str, doing: &Doing, watch: Watch) -> Outcome<(bool, Value, String)> {
        let arguments: Vec<&str> = doing.arguments.iter().map(String::as_str).collect();
        let mut command = self.phone(pin).command(&arguments)?;
        if watch != Watch::Off {
            command.env("LD_PRELOAD", &self.library).env("TSUTSUJI_WRITES_FOLDER", &self.folder);
        }
        match watch {
            Watch::Off => {}
            Watch::Log => {
                command.env("TSUTSUJI_WRITES_LOG", &self.log);
            }
            Watch::LogAndKill => {
                command.env("TSUTSUJI_WRITES_LOG", &self.log).env("TSUTSUJI_WRITES_KILL", "1");
            }
            Watch::Full(writes) => {
                command.env("TSUTSUJI_WRITES_FULL", writes.to_string());
            }
            Watch::Count => {
                command.env("TSUTSUJI_WRITES_COUNT", self.count_file());
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            let _ = std::io::Write::write_all(&mut pipe, doing.stdin.as_bytes());
        }
        let output = child.wait_with_output()?;
        let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Ok((output.status.success(), said, String::from_utf8(output.stderr)?))
    }

    /// How many writes of a command make a file longer.
    fn growing_writes(&self, pin: &str, doing: &Doing) -> Outcome<u64> {
        let (done, _, said) = self.run(pin, doing, Watch::Count)?;
        assert!(done, "{:?}: {said}", doing.arguments);
        Ok(std::fs::read_to_string(self.count_file())?.parse()?)
    }
}

/// A command, and what is typed into it.
#[derive(Clone)]
struct Doing {
    arguments: Vec<String>,
    stdin: String,
}

fn doing(arguments: &[&str], stdin: &str) -> Doing {
    Doing { arguments: arguments.iter().map(|word| word.to_string()).collect(), stdin: stdin.to_string() }
}

/// What a phone shows, so far as it was promised. Times and random numbers are left out.
#[derive(Clone, PartialEq, Debug)]
struct Shown {
    pin: &'static str,
    patients: u64,
    notes: BTreeMap<DocumentId, Value>,
    board: String,
    unsent: u64,
    /// What a wiped phone could still send.
    sealed_copies: usize,
}

fn unlock(vault: &Path, pin: &str) -> Outcome<Result<Unlocked, DeviceError>> {
    Ok(Unlocked::unlock(vault, &FileKeyStore::beside(vault), &Pin::new(pin)?, Timestamp::now()))
}

/// Opens with exactly one of the PINs that could be the one.
fn unlock_with_one_of(vault: &Path, pins: &[&'static str]) -> Outcome<(Unlocked, &'static str)> {
    let mut opened = None;
    for pin in pins {
        match unlock(vault, pin)? {
            Ok(phone) if opened.is_none() => opened = Some((phone, *pin)),
            Ok(_) => return Err("the old and the new PIN both open".into()),
            Err(DeviceError::Vault(VaultError::WrongPin { .. })) if pins.len() > 1 => {}
            Err(error) => return Err(format!("does not open with {pin}: {}", whole(&error)).into()),
        }
    }
    opened.ok_or_else(|| "no PIN opens".into())
}

fn shown(phone: &Unlocked, pin: &'static str, vault: &Path, patient: &PatientId) -> Outcome<Shown> {
    let status = phone.status(Timestamp::now())?;
    if status.damaged > 0 {
        return Err(format!("{} rows do not open", status.damaged).into());
    }
    let mut notes = BTreeMap::new();
    for row in phone.note_rows(None)? {
        let note = phone.show_note(row.note)?;
        let mut signatures = Vec::new();
        if note.state == NoteState::Confirmed {
            signatures = phone.verify_note(row.note)?.iter().map(|s| format!("{} {:?}", s.of, s.verdict)).collect();
        }
        let amendments: Vec<Value> = note
            .amendments
            .iter()
            .map(|a| json!({"field": a.field, "before": a.before, "after": a.after, "reason": a.reason}))
            .collect();
        notes.insert(
            row.note,
            json!({
                "state": note.state, "listed as": row.state, "visit": row.visit, "fields": note.view.fields,
                "conflicts": note.view.conflicts.len(), "confirmed fields": note.confirmed_fields,
                "confirmations": note.confirmations.len(), "amendments": amendments, "signatures": signatures,
            }),
        );
    }
    let board = if status.patients > 0 { phone.board(patient)?.text } else { String::new() };
    let store = FileKeyStore::beside(vault);
    let locked = vault::LockedVault::open(vault, &store)?;
    let sealed_copies = locked.copies(10_000, usize::MAX)?.len();
    Ok(Shown { pin, patients: status.patients, notes, board, unsent: status.unsent, sealed_copies })
}

/// An error with its causes: what the command line keeps to itself.
fn whole(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error} ({})", whole(cause)),
        None => error.to_string(),
    }
}

fn copy_folder(from: &Path, to: &Path) -> Outcome {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// What a copy of the phone shows; the phone itself is left alone.
fn shown_by_a_copy(phone: &WatchedPhone, pin: &'static str, patient: &PatientId) -> Outcome<Shown> {
    let folder = scratch()?;
    copy_folder(&phone.folder, folder.path())?;
    let vault = folder.path().join(VAULT);
    let (unlocked, pin) = unlock_with_one_of(&vault, &[pin])?;
    shown(&unlocked, pin, &vault, patient)
}

/// In memory where there is such a place: these disks are imagined anyway.
fn scratch() -> Outcome<TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

fn is_full_run() -> bool {
    std::env::var_os("TSUTSUJI_FULL").is_some()
}

// ---------------------------------------------------------------------------------------------------------------- the day

/// A command of the day: where in the log it began and said that it was done, and what the phone showed then.
struct Step {
    words: String,
    began: usize,
    said: usize,
    shown: Shown,
}

struct Day {
    phone: WatchedPhone,
    patient: PatientId,
    ops: Vec<Op>,
    steps: Vec<Step>,
    _folder: TempDir,
}

fn long_text(lines: usize) -> String {
    (0..lines).map(|i| format!("{i}行目、右下腿の浮腫は昨日より軽い。内服は自己管理できている。\n")).collect()
}

impl Day {
    /// A phone enrolled and filled at a hub that is out of reach from then on.
    fn begin() -> Outcome<Self> {
        let (mut hub, patient) = Hub::with_consent()?;
        let folder = tempfile::tempdir()?;
        let phone = WatchedPhone::new(folder.path())?;
        let patient = patient.parse()?;
        let mut day = Self { phone, patient, ops: Vec::new(), steps: Vec::new(), _folder: folder };
        let uri = hub.invite("nurse-a")?;
        day.step(OLD_PIN, &doing(&["enrol", "--least-pin-cost", &uri], ""), OLD_PIN, Watch::Log)?;
        day.step(OLD_PIN, &doing(&["sync"], ""), OLD_PIN, Watch::Log)?;
        hub.kill();
        Ok(day)
    }

    fn whole() -> Outcome<Self> {
        let mut day = Self::begin()?;
        let patient = day.patient.to_string();
        day.morning(&patient)?;
        day.afternoon(&patient)?;
        day.is_played_back_whole()?;
        Ok(day)
    }

    fn morning(&mut self, patient: &str) -> Outcome {
        let note = self.note_of(&doing(&["note", "start", "--patient", patient], ""), OLD_PIN, Watch::Log)?;
        let set = |field: &str, value: &str| doing(&["note", "set", &note, field, value], "");
        let text = |field: &str, words: &str| doing(&["note", "text", &note, field], words);
        self.step(OLD_PIN, &set("started_at", "09:32"), OLD_PIN, Watch::Log)?;
        self.step(OLD_PIN, &set("ended_at", "10:28"), OLD_PIN, Watch::LogAndKill)?;
        self.step(OLD_PIN, &set("temperature_c", "36.5"), OLD_PIN, Watch::Log)?;
        let unmeasured = doing(&["note", "unmeasured", &note, "weight_kg", "--reason", "拒否"], "");
        self.step(OLD_PIN, &unmeasured, OLD_PIN, Watch::Log)?;
        self.step(OLD_PIN, &text("condition", "右踵部に発赤。"), OLD_PIN, Watch::LogAndKill)?;
        self.step(OLD_PIN, &text("condition", "右踵部に発赤、皮膚科へ相談。"), OLD_PIN, Watch::LogAndKill)?;
        self.step(OLD_PIN, &text("care_given", &long_text(60)), OLD_PIN, Watch::Log)?;
        let board = doing(&["handover", "text", "--patient", patient], "来週から長女不在。\n");
        self.step(OLD_PIN, &board, OLD_PIN, Watch::Log)?;
        self.step(OLD_PIN, &doing(&["note", "confirm", &note], ""), OLD_PIN, Watch::Log)?;
        let amend = doing(&["note", "amend", &note, "temperature_c", "36.8", "--reason", "転記誤り"], "");
        self.step(OLD_PIN, &amend, OLD_PIN, Watch::LogAndKill)?;
        let shown = &self.steps[self.steps.len() - 1].shown;
        let only = shown.notes.values().next().ok_or("no note")?;
        assert_eq!(only["state"], json!("confirmed"), "{only}");
        assert_eq!(only["fields"]["temperature_c"], json!(36.8), "{only}");
        assert_eq!(only["fields"]["condition"], json!("右踵部に発赤、皮膚科へ相談。"));
        assert_eq!(shown.board, "来週から長女不在。");
        Ok(())
    }

    fn afternoon(&mut self, patient: &str) -> Outcome {
        let new = self.phone.pins.join("new").display().to_string();
        self.step(OLD_PIN, &doing(&["pin", "change", "--new-pin-file", &new], ""), NEW_PIN, Watch::Log)?;
        let note = self.note_of(&doing(&["note", "start", "--patient", patient], ""), NEW_PIN, Watch::LogAndKill)?;
        let set = |field: &str, value: &str| doing(&["note", "set", &note, field, value], "");
        self.step(NEW_PIN, &set("pulse_bpm", "72"), NEW_PIN, Watch::LogAndKill)?;
        let text = doing(&["note", "text", &note, "assessment"], &long_text(12));
        self.step(NEW_PIN, &text, NEW_PIN, Watch::LogAndKill)?;
        let old = self.phone.pins.join("old").display().to_string();
        self.step(NEW_PIN, &doing(&["pin", "change", "--new-pin-file", &old], ""), OLD_PIN, Watch::LogAndKill)?;
        let board = doing(&["handover", "text", "--patient", patient], "来週から長女不在。\n木曜は14時に。\n");
        self.step(OLD_PIN, &board, OLD_PIN, Watch::Log)?;
        for (field, value) in [("started_at", "13:00"), ("ended_at", "13:40"), ("temperature_c", "36.9")] {
            self.step(OLD_PIN, &set(field, value), OLD_PIN, Watch::Log)?;
        }
        self.step(OLD_PIN, &doing(&["note", "confirm", &note], ""), OLD_PIN, Watch::LogAndKill)?;
        self.step(OLD_PIN, &doing(&["note", "start", "--patient", patient], ""), OLD_PIN, Watch::Log)
    }

    fn note_of(&mut self, doing: &Doing, pin: &'static str, watch: Watch) -> Outcome<String> {
        let before: Vec<DocumentId> =
            self.steps.last().map(|step| step.shown.notes.keys().copied().collect()).unwrap_or_default();
        self.step(pin, doing, pin, watch)?;
        let after = &self.steps[self.steps.len() - 1].shown.notes;
        Ok(after.keys().find(|note| !before.contains(note)).ok_or("no new note")?.to_string())
    }

    /// Does it, and remembers what it promised. `then` is the PIN afterwards.
    fn step(&mut self, pin: &str, doing: &Doing, then: &'static str, watch: Watch) -> Outcome {
        let began = self.ops.len();
        let (done, said, refusal) = self.phone.run(pin, doing, watch)?;
        let words = doing.arguments.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
        if !said.is_object() || (!done && watch != Watch::LogAndKill) {
            return Err(format!("{words}: {refusal}").into());
        }
        self.ops = Op::read_all(&self.phone.log)?;
        let said = self.ops[began..].iter().position(|op| matches!(op, Op::Said)).ok_or("nothing was said")?;
        let shown = shown_by_a_copy(&self.phone, then, &self.patient)?;
        self.steps.push(Step { words, began, said: began + said, shown });
        Ok(())
    }

    /// The test of the test: with nothing lost, the log makes exactly the folder that is there.
    fn is_played_back_whole(&self) -> Outcome {
        let mut disk = Disk::default();
        for op in &self.ops {
            disk.apply(op)?;
        }
        let mut there = Image::new();
        for entry in std::fs::read_dir(&self.phone.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().to_string();
            if !name.ends_with("-shm") {
                there.insert(name, std::fs::read(entry.path())?);
            }
        }
        let played = disk.image(Arrived::All);
        assert_eq!(played.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
        for (name, bytes) in &there {
            assert!(played.get(name) == Some(bytes), "{name} was written in a way that writes.c does not see");
        }
        Ok(())
    }

    /// Where disks are kept that failed.
    fn kept_disks(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("power-loss-of-{}-commands", self.steps.len()))
    }

    /// What may be there if only the first `n` things were done: the last that was promised, or the one under way.
    fn allowed(&self, n: usize) -> Vec<Option<usize>> {
        let promised = self.steps.iter().rposition(|step| step.said < n);
        let next = promised.map_or(0, |step| step + 1);
        let mut allowed = vec![promised];
        if self.steps.get(next).is_some_and(|step| step.began < n) {
            allowed.push(Some(next));
        }
        allowed
    }
}

// ---------------------------------------------------------------------------------------------------------------- the test

/// One disk after power loss, and what may stand on it.
struct Case {
    point: usize,
    arrived: Arrived,
    image: Image,
    /// Steps of the day; `None`: before the phone was enrolled.
    allowed: Vec<Option<usize>>,
    /// The command line opens it first, not this process.
    by_hand: bool,
}

impl Case {
    fn put(&self, folder: &Path) -> Outcome {
        for (name, bytes) in &self.image {
            std::fs::write(folder.join(name), bytes)?;
        }
        Ok(())
    }

    fn check(&self, day: &Day) -> Outcome {
        let folder = scratch()?;
        self.put(folder.path())?;
        let vault = folder.path().join(VAULT);
        if !vault.exists() && self.allowed.contains(&None) {
            return Ok(());
        }
        let steps: Vec<&Step> = self.allowed.iter().flatten().map(|step| &day.steps[*step]).collect();
        let mut pins: Vec<&'static str> = steps.iter().map(|step| step.shown.pin).collect();
        pins.dedup();
        let phone = day.phone.at(folder.path())?;
        if let ([pin], true) = (pins.as_slice(), self.by_hand) {
            for words in [["status"].as_slice(), &["note", "list"]] {
                let (done, _, said) = phone.run(pin, &doing(words, ""), Watch::Off)?;
                if !done {
                    return Err(format!("{words:?}: {said}").into());
                }
            }
        }
        let (unlocked, pin) = unlock_with_one_of(&vault, &pins)?;
        let there = shown(&unlocked, pin, &vault, &day.patient)?;
        if !steps.iter().any(|step| step.shown == there) {
            let promised = steps.first().map(|step| &step.shown);
            return Err(format!("promised: {promised:?}\n   there: {there:?}").into());
        }
        // It goes on: one more value, seen by another process.
        if there.patients > 0 {
            let note = unlocked.start_note(&day.patient, None, Timestamp::now())?;
            unlocked.set_field(note, "spo2_percent", "97", Timestamp::now())?;
            let mut fields = serde_json::to_value(unlocked.show_note(note)?.view.fields)?;
            drop(unlocked);
            if self.by_hand {
                let (_, whole, said) = phone.run(pin, &doing(&["note", "show", &note.to_string()], ""), Watch::Off)?;
                fields = whole["fields"].clone();
                assert!(said.is_empty(), "{said}");
            }
            if fields["spo2_percent"].as_f64() != Some(97.0) {
                return Err(format!("an edit after the power loss is not there: {fields}").into());
            }
        }
        Ok(())
    }

    fn name(&self) -> String {
        format!("{}-{:?}", self.point, self.arrived).replace(['(', ')'], "-").to_lowercase()
    }

    /// Puts the disk where it can be looked at.
    fn keep(&self, day: &Day) -> Outcome<PathBuf> {
        let folder = day.kept_disks().join(self.name());
        std::fs::create_dir_all(&folder)?;
        self.put(&folder)?;
        let pin = self.allowed.iter().flatten().next().map_or(OLD_PIN, |step| day.steps[*step].shown.pin);
        std::fs::write(folder.join("pin"), pin)?;
        Ok(folder)
    }

    /// What failed, and how to see it again.
    fn failure(&self, day: &Day, error: &str) -> Outcome<String> {
        let kept = self.keep(day)?;
        let (vault, pin) = (kept.join(VAULT), kept.join("pin"));
        let step = day.steps.iter().rev().find(|step| step.began < self.point).map_or("-", |step| &step.words);
        Ok(format!(
            "power loss after {} of {} things (in `{step}`), {:?}: {error}\n  \
             look: tsutsuji-device note list --vault {} --pin-file {}\n  \
             again: TSUTSUJI_POINT={} cargo test --workspace --test power",
            self.point,
            day.ops.len(),
            self.arrived,
            vault.display(),
            pin.display(),
            self.point,
        ))
    }
}

/// Which points of a day are tried, and how many random disks of each.
struct Plan {
    points: std::ops::Range<usize>,
    every: usize,
    seeds: u64,
}

impl Plan {
    /// Every disk that differs from the ones before it.
    fn cases(&self, day: &Day, mut give: impl FnMut(Case) -> Outcome) -> Outcome<usize> {
        let only: Option<usize> = std::env::var("TSUTSUJI_POINT").ok().and_then(|point| point.parse().ok());
        let (mut disk, mut seen) = (Disk::default(), HashSet::new());
        let (mut passed, mut tried) = (0, 0);
        for (point, op) in (1..).zip(&day.ops) {
            disk.apply(op)?;
            if !op.is_a_point() || !self.points.contains(&point) {
                continue;
            }
            passed += 1;
            if only.map_or(passed % self.every != 0, |only| only != point) {
                continue;
            }
            tried += 1;
            let seeds: Vec<u64> = (0..self.seeds).map(|seed| ((point as u64) << 8) | seed).collect();
            for (n, arrived) in disk.outcomes(&seeds).into_iter().enumerate() {
                let (image, allowed) = (disk.image(arrived), day.allowed(point));
                let mut hasher = DefaultHasher::new();
                (&image, &allowed).hash(&mut hasher);
                if seen.insert(hasher.finish()) {
                    give(Case { point, arrived, image, allowed, by_hand: (tried + n) % 8 == 0 })?;
                }
            }
        }
        Ok(tried)
    }

    /// Tries them all, as many at a time as there are processors; answers with the number of points.
    fn run(&self, day: &Day) -> Outcome<usize> {
        let _ = std::fs::remove_dir_all(day.kept_disks());
        let failures = Mutex::new(Vec::new());
        let checked = AtomicUsize::new(0);
        let (send, receive) = mpsc::sync_channel::<Case>(16);
        let receive = Mutex::new(receive);
        let tried = std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
                scope.spawn(|| {
                    while let Ok(Ok(case)) = receive.lock().map(|receive| receive.recv()) {
                        checked.fetch_add(1, Ordering::Relaxed);
                        if let Err(error) = case.check(day) {
                            let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                            let why = whole(error.as_ref());
                            let words = if failures.len() < 5 { case.failure(day, &why) } else { Ok(why) };
                            failures.push(words.unwrap_or_else(|error| error.to_string()));
                        }
                    }
                });
            }
            let tried = self.cases(day, |case| Ok(send.send(case)?));
            drop(send);
            tried
        })?;
        let checked = checked.into_inner();
        println!("{tried} points of {} things done in {} commands, {checked} disks", day.ops.len(), day.steps.len());
        let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        let first: Vec<&str> = failures.iter().take(5).map(String::as_str).collect();
        assert!(failures.is_empty(), "{} of {checked} disks failed, among them\n{}", failures.len(), first.join("\n"));
        Ok(tried)
    }
}

#[test]
fn what_is_said_to_be_saved_survives_power_loss_at_any_write_or_flush() -> Outcome {
    let day = Day::whole()?;
    let points = day.steps[1].said..usize::MAX;
    let plan = if is_full_run() { Plan { points, every: 1, seeds: 3 } } else { Plan { points, every: 10, seeds: 1 } };
    let tried = plan.run(&day)?;
    assert!(tried >= 60 || std::env::var_os("TSUTSUJI_POINT").is_some(), "only {tried} points");
    a_disk_that_does_not_flush_is_seen(&day)
}

/// The test of the test: had the last command flushed nothing, its word would be missing.
fn a_disk_that_does_not_flush_is_seen(day: &Day) -> Outcome {
    let last = &day.steps[day.steps.len() - 1];
    let mut disk = Disk::default();
    for (i, op) in day.ops.iter().enumerate() {
        if i < last.began || !matches!(op, Op::Flushed { .. }) {
            disk.apply(op)?;
        }
    }
    let (point, arrived) = (day.ops.len(), Arrived::Nothing);
    let case = Case { point, arrived, image: disk.image(arrived), allowed: day.allowed(point), by_hand: false };
    assert!(case.check(day).is_err_and(|error| error.to_string().contains("promised")), "a lost word was not noticed");
    Ok(())
}

#[test]
fn an_enrolment_that_was_said_to_be_done_survives_power_loss() -> Outcome {
    let day = Day::begin()?;
    let points = day.steps[0].began..day.steps[1].said;
    let plan = if is_full_run() { Plan { points, every: 1, seeds: 3 } } else { Plan { points, every: 10, seeds: 1 } };
    plan.run(&day).map(|_| ())
}

// ------------------------------------------------------------------------------------------------------------- a full disk

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
    fn check(&self, phone: &WatchedPhone, patient: &PatientId) -> Outcome {
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
        let there = shown_by_a_copy(&phone, pin, patient)?;
        if there != *expected {
            return Err(format!("done: {done}; expected: {expected:?}\n   there: {there:?}").into());
        }
        if !done {
            let (done, _, said) = phone.run(OLD_PIN, self.doing, Watch::Off)?;
            let there = shown_by_a_copy(&phone, self.then, patient)?;
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
    let (_hub, _folder, phone, patient) = synced_phone()?;
    let (note, killed) = phones_at_work(&phone, &patient)?;
    let new = phone.pins.join("new").display().to_string();
    let works = [
        (doing(&["note", "text", &note, "care_given"], &long_text(60)), OLD_PIN),
        (doing(&["note", "set", &note, "pulse_bpm", "72"], ""), OLD_PIN),
        (doing(&["handover", "text", "--patient", &patient], "来週から長女不在。"), OLD_PIN),
        (doing(&["note", "confirm", &note], ""), OLD_PIN),
        (doing(&["pin", "change", "--new-pin-file", &new], ""), NEW_PIN),
    ];
    let patient: PatientId = patient.parse()?;
    let (mut points, mut failures) = (0, Vec::new());
    for base in [phone.folder.as_path(), killed.path()] {
        let before = shown_by_a_copy(&phone.at(base)?, OLD_PIN, &patient)?;
        for (work, then) in &works {
            let dry = scratch()?;
            copy_folder(base, dry.path())?;
            let dry_phone = phone.at(dry.path())?;
            let writes = dry_phone.growing_writes(OLD_PIN, work)?;
            let after = shown_by_a_copy(&dry_phone, then, &patient)?;
            let every = if is_full_run() { 1 } else { (writes / 3).max(1) };
            for room in (0..writes).step_by(usize::try_from(every)?) {
                points += 1;
                let case = FullCase { base, doing: work, then, room, before: &before, after: &after };
                if let Err(error) = case.check(&phone, &patient) {
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
