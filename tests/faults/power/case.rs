//! The disks that power loss could leave, and what may stand on each.

use super::day::{Day, Step};
use super::phone::{Watch, doing};
use super::shown::{shown, unlock_with_one_of};
use super::writes::{Arrived, Disk, Image};
use super::{OLD_PIN, VAULT, scratch, whole};
use device::jiff::Timestamp;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use stories::Outcome;

/// One disk after power loss, and what may stand on it.
pub struct Case {
    pub point: usize,
    pub arrived: Arrived,
    pub image: Image,
    /// Steps of the day; `None`: before the phone was enrolled.
    pub allowed: Vec<Option<usize>>,
    /// The command line opens it first, not this process.
    pub by_hand: bool,
}

impl Case {
    fn put(&self, folder: &Path) -> Outcome {
        for (name, bytes) in &self.image {
            std::fs::write(folder.join(name), bytes)?;
        }
        Ok(())
    }

    pub fn check(&self, day: &Day) -> Outcome {
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
        let there = shown(&unlocked, pin, &vault, &day.witness)?;
        if !steps.iter().any(|step| step.shown == there) {
            let promised = steps.first().map(|step| &step.shown);
            return Err(format!("promised: {promised:?}\n   there: {there:?}").into());
        }
        // It goes on: one more value, seen by another process.
        if there.patients > 0 {
            if self.by_hand && !unlocked.self_check(Timestamp::now())?.is_sound() {
                return Err("the self-check finds something half there".into());
            }
            let note = unlocked.start_note(&day.witness.patient, None, Timestamp::now())?;
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
pub struct Plan {
    pub points: std::ops::Range<usize>,
    pub every: usize,
    pub seeds: u64,
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
    pub fn run(&self, day: &Day) -> Outcome<usize> {
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
