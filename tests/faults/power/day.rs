//! The day that is recorded once.

use super::phone::{Doing, Watch, WatchedPhone, doing};
use super::shown::{Shown, Witness, shown_by_a_copy};
use super::writes::{Arrived, Disk, Image, Op};
use super::{NEW_PIN, OLD_PIN};
use device::record::DocumentId;
use serde_json::json;
use std::path::{Path, PathBuf};
use stories::{Hub, Outcome};
use tempfile::TempDir;

/// A command of the day: where in the log it began and said that it was done, and what the phone showed then.
pub struct Step {
    pub words: String,
    pub began: usize,
    pub said: usize,
    pub shown: Shown,
}

pub struct Day {
    pub phone: WatchedPhone,
    pub witness: Witness,
    pub ops: Vec<Op>,
    pub steps: Vec<Step>,
    _folder: TempDir,
}

pub fn long_text(lines: usize) -> String {
    (0..lines).map(|i| format!("{i}行目、右下腿の浮腫は昨日より軽い。内服は自己管理できている。\n")).collect()
}

impl Day {
    /// A phone enrolled and filled at a hub that is out of reach from then on.
    pub fn begin() -> Outcome<Self> {
        let (mut hub, patient) = Hub::with_consent()?;
        let folder = tempfile::tempdir()?;
        let phone = WatchedPhone::new(folder.path())?;
        let witness = Witness::of(&hub, &patient)?;
        let mut day = Self { phone, witness, ops: Vec::new(), steps: Vec::new(), _folder: folder };
        let uri = hub.invite("nurse-a")?;
        day.step(OLD_PIN, &doing(&["enrol", "--least-pin-cost", &uri], ""), OLD_PIN, Watch::Log)?;
        day.step(OLD_PIN, &doing(&["sync"], ""), OLD_PIN, Watch::Log)?;
        hub.kill();
        Ok(day)
    }

    pub fn whole() -> Outcome<Self> {
        let mut day = Self::begin()?;
        let patient = day.witness.patient.to_string();
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
        self.take_photos(&note)?;
        for (field, value) in [("started_at", "13:00"), ("ended_at", "13:40"), ("temperature_c", "36.9")] {
            self.step(OLD_PIN, &set(field, value), OLD_PIN, Watch::Log)?;
        }
        self.step(OLD_PIN, &doing(&["note", "confirm", &note], ""), OLD_PIN, Watch::LogAndKill)?;
        self.step(OLD_PIN, &doing(&["note", "start", "--patient", patient], ""), OLD_PIN, Watch::Log)
    }

    pub fn note_of(&mut self, doing: &Doing, pin: &'static str, watch: Watch) -> Outcome<String> {
        let before: Vec<DocumentId> =
            self.steps.last().map(|step| step.shown.notes.keys().copied().collect()).unwrap_or_default();
        self.step(pin, doing, pin, watch)?;
        let after = &self.steps[self.steps.len() - 1].shown.notes;
        Ok(after.keys().find(|note| !before.contains(note)).ok_or("no new note")?.to_string())
    }

    /// Does it, and remembers what it promised. `then` is the PIN afterwards.
    pub fn step(&mut self, pin: &str, doing: &Doing, then: &'static str, watch: Watch) -> Outcome {
        let began = self.ops.len();
        let (done, said, refusal) = self.phone.run(pin, doing, watch)?;
        let words = doing.arguments.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
        if !said.is_object() || (!done && watch != Watch::LogAndKill) {
            return Err(format!("{words}: {refusal}").into());
        }
        self.ops = Op::read_all(&self.phone.log)?;
        let said = self.ops[began..].iter().position(|op| matches!(op, Op::Said)).ok_or("nothing was said")?;
        let shown = shown_by_a_copy(&self.phone, then, &self.witness)?;
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
    pub fn kept_disks(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("power-loss-of-{}-commands", self.steps.len()))
    }

    /// What may be there if only the first `n` things were done: the last that was promised, or the one under way.
    pub fn allowed(&self, n: usize) -> Vec<Option<usize>> {
        let promised = self.steps.iter().rposition(|step| step.said < n);
        let next = promised.map_or(0, |step| step + 1);
        let mut allowed = vec![promised];
        if self.steps.get(next).is_some_and(|step| step.began < n) {
            allowed.push(Some(next));
        }
        allowed
    }
}
