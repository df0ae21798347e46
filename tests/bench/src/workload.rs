//! The workload that the peers were measured on (`../shared/bench/workload`): the same notes, edits and summaries,
//! their fields mapped onto the form's. Its files stay outside the repository.

use crate::Done;
use jiff::Timestamp;
use record::visit_note::FieldValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the workload lies unless told otherwise.
const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/bench/workload");
const FILES: [&str; 5] = ["notes.jsonl", "w1.jsonl", "windows.json", "patients.jsonl", "conflict.json"];

/// One thing a nurse does, after which the app saves.
#[derive(Clone)]
pub enum Op {
    Set(&'static str, FieldValue),
    /// Of the one free text.
    Splice {
        at: usize,
        delete: usize,
        insert: String,
    },
}

/// A new note.
pub struct Note {
    pub id: String,
    pub patient: usize,
    pub at: Timestamp,
    pub author: String,
    pub ops: Vec<Op>,
    text: String,
}

/// What somebody does to a note that is there.
pub struct Edit {
    pub id: String,
    pub ops: Vec<Op>,
}

/// What one phone holds: 40 patients' notes of three months; and what colleagues change in them on the day.
pub struct Window {
    pub docs: Vec<String>,
    pub remote: Vec<Edit>,
}

/// One phone's day.
pub struct Script {
    pub window: usize,
    pub new: Vec<Note>,
    pub edits: Vec<Edit>,
}

/// Two nurses in one note.
pub struct Conflict {
    pub id: String,
    pub sides: [Vec<Op>; 2],
}

pub struct Workload {
    pub notes: Vec<Note>,
    pub windows: Vec<Window>,
    pub scripts: Vec<Script>,
    /// One FHIR bundle a patient.
    pub bundles: Vec<Value>,
    pub conflict: Conflict,
    /// Characters drawn at random in the sentences' place.
    pub hient: bool,
}

impl Workload {
    /// Reads the workload in `given`, `TSUTSUJI_WORKLOAD` or the usual place. Where only its generator lies, it is made
    /// in `temporary` first. `None`, with a word why, if there is nothing to read.
    pub fn find(given: Option<PathBuf>, temporary: &Path) -> Done<Option<Self>> {
        let named = given.or_else(|| std::env::var_os("TSUTSUJI_WORKLOAD").map(PathBuf::from));
        let folder = named.unwrap_or_else(|| PathBuf::from(DEFAULT));
        if FILES.iter().all(|file| folder.join(file).is_file()) {
            return Self::read(&folder).map(Some);
        }
        let generator = folder.join("gen.mjs");
        if !generator.is_file() {
            println!("no workload in {}: nothing to measure (name one with TSUTSUJI_WORKLOAD)", folder.display());
            return Ok(None);
        }
        let made = temporary.join("workload");
        std::fs::create_dir_all(&made)?;
        let run = Command::new("node").arg(&generator).arg(&made).stdout(Stdio::null()).status();
        if !run.is_ok_and(|status| status.success()) {
            println!("{} holds only the generator, and `node` did not run it: nothing to measure", folder.display());
            return Ok(None);
        }
        let sums = |folder: &Path| std::fs::read(folder.join("manifest.json")).ok();
        let parsed = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).ok().map(|all| all["sha"].clone());
        let same = sums(&folder).and_then(parsed) == sums(&made).and_then(parsed);
        println!("workload made anew; its sums {} manifest.json's", if same { "are" } else { "are NOT" });
        Self::read(&made).map(Some)
    }

    fn read(folder: &Path) -> Done<Self> {
        let conflict: ConflictFile = serde_json::from_str(&std::fs::read_to_string(folder.join(FILES[4]))?)?;
        let windows: Vec<WindowFile> = serde_json::from_str(&std::fs::read_to_string(folder.join(FILES[2]))?)?;
        let summaries: Vec<SummaryLine> = lines(&folder.join(FILES[3]))?;
        let scripts: Vec<ScriptLine> = lines(&folder.join(FILES[1]))?;
        Ok(Self {
            notes: notes(lines(&folder.join(FILES[0]))?)?,
            windows: windows
                .into_iter()
                .map(|w| Ok(Window { docs: w.docs, remote: edits(w.remote)? }))
                .collect::<Done<_>>()?,
            scripts: scripts
                .into_iter()
                .map(|s| Ok(Script { window: s.window, new: notes(s.new)?, edits: edits(s.edits)? }))
                .collect::<Done<_>>()?,
            bundles: summaries.into_iter().map(|line| line.bundle).collect(),
            conflict: Conflict { id: conflict.id, sides: [ops(&conflict.a)?, ops(&conflict.b)?] },
            hient: false,
        })
    }

    /// `hient`: every typed character drawn from the station's own characters, in the order of `rs/floor`'s, so that
    /// the new notes and the 480 read as they did there.
    pub fn randomise(&mut self) {
        let pool: Vec<char> = self.notes.iter().step_by(7).flat_map(|note| note.text.chars()).collect();
        let mut state: u64 = 88_172_645_463_325_252;
        let mut random = |ops: &mut Vec<Op>| {
            for op in ops {
                let Op::Splice { insert, .. } = op else { continue };
                let drawn: String = insert
                    .chars()
                    .map(|_| {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        pool[(state % pool.len() as u64) as usize]
                    })
                    .collect();
                *insert = drawn;
            }
        };
        let held: HashSet<String> = self.windows[0].docs.iter().cloned().collect();
        self.scripts[0].new.iter_mut().for_each(|note| random(&mut note.ops));
        self.notes.iter_mut().filter(|note| held.contains(&note.id)).for_each(|note| random(&mut note.ops));
        self.notes.iter_mut().filter(|note| !held.contains(&note.id)).for_each(|note| random(&mut note.ops));
        self.scripts.iter_mut().skip(1).flat_map(|script| &mut script.new).for_each(|note| random(&mut note.ops));
        self.scripts.iter_mut().flat_map(|script| &mut script.edits).for_each(|edit| random(&mut edit.ops));
        self.windows.iter_mut().flat_map(|window| &mut window.remote).for_each(|edit| random(&mut edit.ops));
        self.hient = true;
    }

    /// The notes of a window, in the order of their writing.
    pub fn notes_of(&self, window: usize) -> Vec<&Note> {
        let held: HashSet<&str> = self.windows[window].docs.iter().map(String::as_str).collect();
        self.notes.iter().filter(|note| held.contains(note.id.as_str())).collect()
    }

    pub fn scripts_of(&self, window: usize) -> impl Iterator<Item = &Script> {
        self.scripts.iter().filter(move |script| script.window == window)
    }
}

#[derive(Deserialize)]
struct NoteLine {
    id: String,
    patient: usize,
    at: String,
    author: String,
    ops: Vec<Value>,
    text: String,
}

#[derive(Deserialize)]
struct EditLine {
    id: String,
    ops: Vec<Value>,
}

#[derive(Deserialize)]
struct WindowFile {
    docs: Vec<String>,
    remote: Vec<EditLine>,
}

#[derive(Deserialize)]
struct ScriptLine {
    window: usize,
    #[serde(rename = "newNotes")]
    new: Vec<NoteLine>,
    edits: Vec<EditLine>,
}

#[derive(Deserialize)]
struct SummaryLine {
    bundle: Value,
}

#[derive(Deserialize)]
struct ConflictFile {
    id: String,
    #[serde(rename = "A")]
    a: Vec<Value>,
    #[serde(rename = "B")]
    b: Vec<Value>,
}

fn lines<T: DeserializeOwned>(file: &Path) -> Done<Vec<T>> {
    std::fs::read_to_string(file)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn notes(lines: Vec<NoteLine>) -> Done<Vec<Note>> {
    let note = |line: NoteLine| -> Done<Note> {
        Ok(Note {
            id: line.id,
            patient: line.patient,
            at: line.at.parse()?,
            author: line.author,
            ops: ops(&line.ops)?,
            text: line.text,
        })
    };
    lines.into_iter().map(note).collect()
}

fn edits(lines: Vec<EditLine>) -> Done<Vec<Edit>> {
    lines.into_iter().map(|line| Ok(Edit { id: line.id, ops: ops(&line.ops)? })).collect()
}

fn ops(raw: &[Value]) -> Done<Vec<Op>> {
    raw.iter().map(op).collect()
}

fn op(raw: &Value) -> Done<Op> {
    const SHAPE: &str = "an edit of another shape stands in the workload";
    let [kind, one, two, three] = raw.as_array().map(Vec::as_slice).ok_or(SHAPE)? else { return Err(SHAPE.into()) };
    match kind.as_str() {
        Some("set") => set(two.as_str().ok_or(SHAPE)?, three),
        Some("splice") => Ok(Op::Splice {
            at: usize::try_from(one.as_u64().ok_or(SHAPE)?)?,
            delete: usize::try_from(two.as_u64().ok_or(SHAPE)?)?,
            insert: three.as_str().ok_or(SHAPE)?.to_string(),
        }),
        _ => Err(SHAPE.into()),
    }
}

/// The workload's field on the form. Where the form has none of that name, one of the same kind takes it: as many
/// values, or the same words.
fn set(key: &str, value: &Value) -> Done<Op> {
    let number = |field: &'static str| Some(Op::Set(field, FieldValue::Number(value.as_f64()?)));
    let flag = |field: &'static str| Some(Op::Set(field, FieldValue::Flag(value.as_bool()?)));
    let word = |field: &'static str| Some(Op::Set(field, FieldValue::Word(value.as_str()?.to_string())));
    let step = |field: &'static str, steps: [(&str, f64); 3]| {
        let (_, step) = steps.into_iter().find(|(name, _)| Some(*name) == value.as_str())?;
        Some(Op::Set(field, FieldValue::Number(step)))
    };
    let choice = |field: &'static str, words: [(&str, &str); 3]| {
        let (_, word) = words.into_iter().find(|(name, _)| Some(*name) == value.as_str())?;
        Some(Op::Set(field, FieldValue::Word(word.to_string())))
    };
    let found = match key {
        "bt" => number("temperature_c"),
        "bp_sys" => number("systolic_mmhg"),
        "bp_dia" => number("diastolic_mmhg"),
        "pulse" => number("pulse_bpm"),
        "spo2" => number("spo2_percent"),
        "consciousness" => step("consciousness_jcs", [("clear", 0.0), ("JCS-1", 1.0), ("drowsy", 10.0)]),
        "pain" => step("pain_nrs", [("none", 0.0), ("mild", 2.0), ("moderate", 5.0)]),
        "excretion" => choice("stool.amount", [("normal", "normal"), ("constipation", "none"), ("diarrhea", "large")]),
        "sputum" => choice("oral.swallowing", [("none", "good"), ("small", "choking"), ("large", "difficult")]),
        "appetite" => word("life.meals"),
        "sleep" => word("life.sleep"),
        "urination" => word("urine.appearance"),
        "skin" => word("life.cleanliness"),
        "edema" => word("life.rhythm"),
        "breath_sound" => word("life.room"),
        "adl" => word("life.relations"),
        "meds_taken" => flag("care.medication"),
        "bath_assist" => flag("care.bathing"),
        "wound_care" => flag("care.wound"),
        "family_present" => flag("care.family"),
        _ => None,
    };
    found.ok_or_else(|| format!("the workload's field {key} is not known here").into())
}
