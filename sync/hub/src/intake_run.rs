//! Intake: files of a hospital into the store. What cannot be read is named with its reason; the rest goes on.

use crate::error::HubError;
use crate::store::{RecordOutcome, Store, Who, today};
use intake::{Intake, IntakeError};
use record::FacilityId;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What an intake did. `read` = `new` + `unchanged`, in files.
#[derive(Debug, Default, Serialize)]
pub struct IntakeReport {
    pub read: u64,
    /// Files that brought something new.
    pub new: u64,
    /// Files that changed nothing.
    pub unchanged: u64,
    pub quarantined: Vec<Quarantined>,
    pub records_new: u64,
    pub records_changed: u64,
    pub patients_new: u64,
}

/// One file, or one part of a file (`file#entry[3]`), that could not be read.
#[derive(Debug, Serialize)]
pub struct Quarantined {
    pub path: String,
    pub reason: String,
}

/// Reads files and folders for a facility. Twice the same input changes nothing.
pub fn run(store: &Store, facility: &FacilityId, paths: &[PathBuf]) -> Result<IntakeReport, HubError> {
    let known = store.read(|tx| tx.known_facility(facility))?;
    if !known.disclosing {
        return Err(HubError::NotDisclosing(facility.clone()));
    }
    for path in paths {
        if !path.exists() {
            return Err(HubError::NoInput(path.clone()));
        }
    }
    let mut report = IntakeReport::default();
    for path in paths {
        let (mut files, mut closed) = (Vec::new(), Vec::new());
        walk(path, &mut files, &mut closed);
        files.sort();
        for (folder, reason) in closed {
            quarantine(
                store,
                facility,
                folder.display().to_string(),
                format!("cannot be opened: {reason}"),
                &mut report,
            )?;
        }
        for file in files {
            let name = file.strip_prefix(path).ok().filter(|p| !p.as_os_str().is_empty()).unwrap_or(&file);
            let read = std::fs::read(&file);
            let shown = name.display().to_string();
            match read {
                Ok(bytes) => take_file(store, facility, &shown, &bytes, &mut report)?,
                Err(error) => {
                    quarantine(store, facility, shown, format!("cannot be opened: {}", error.kind()), &mut report)?
                }
            }
        }
    }
    store.write(|tx| {
        let what = format!("read {} new {} quarantined {}", report.read, report.new, report.quarantined.len());
        tx.audit(&Who::Admin, "intake", None, &what)
    })?;
    Ok(report)
}

/// One file from memory, as `run` would take it from disk.
pub fn take_file(
    store: &Store,
    facility: &FacilityId,
    name: &str,
    bytes: &[u8],
    report: &mut IntakeReport,
) -> Result<(), HubError> {
    match read_file(facility, name, bytes) {
        Ok(intake) => {
            report.read += 1;
            let changed = take(store, facility, &intake, report)?;
            if changed {
                report.new += 1;
            } else {
                report.unchanged += 1;
            }
            for skipped in intake.skipped {
                quarantine(store, facility, format!("{name}#{}", skipped.place), skipped.reason, report)?;
            }
            Ok(())
        }
        // An old version that a newer file replaces: nothing to apply, nothing wrong.
        Err(error) if error.is_nothing_to_apply() => {
            report.read += 1;
            report.unchanged += 1;
            Ok(())
        }
        Err(error) => quarantine(store, facility, name.to_string(), error.to_string(), report),
    }
}

/// The reader by the file's name: FHIR says `.json` or `.ndjson`, an SS-MIX2 file has no ending and six underscores.
fn read_file(facility: &FacilityId, name: &str, bytes: &[u8]) -> Result<Intake, IntakeError> {
    let file = Path::new(name).file_name().and_then(|n| n.to_str()).unwrap_or(name);
    let lower = file.to_ascii_lowercase();
    if lower.ends_with(".ndjson") || lower.ends_with(".jsonl") {
        intake::read_fhir_ndjson(facility, bytes)
    } else if lower.ends_with(".json") {
        intake::read_fhir_json(facility, bytes)
    } else {
        intake::read_ssmix2(facility, file, bytes)
    }
}

fn take(store: &Store, facility: &FacilityId, intake: &Intake, report: &mut IntakeReport) -> Result<bool, HubError> {
    store.write(|tx| {
        let today = today(tx.now());
        let mut changed = false;
        for person in &intake.patients {
            let known = tx.patient_of_local_id(facility, &person.demographics.local_id)?.is_some();
            let (patient, renewed) = tx.take_demographics(facility, &person.demographics)?;
            report.patients_new += u64::from(!known);
            changed |= renewed;
            for record in &person.records {
                match tx.take_record(&patient, &person.demographics.local_id, record, today)? {
                    RecordOutcome::New => report.records_new += 1,
                    RecordOutcome::Changed => report.records_changed += 1,
                    RecordOutcome::Unchanged => continue,
                }
                changed = true;
            }
            for whole in &person.stated_in_full {
                let as_of = person.records.iter().map(|r| r.as_of).max().unwrap_or_default();
                let stated = (whole.key_prefix.as_str(), person.records.as_slice(), as_of);
                let local_id = &person.demographics.local_id;
                let taken = tx.take_back(&patient, local_id, facility, whole.class, stated, today)?;
                report.records_changed += taken;
                changed |= taken > 0;
            }
        }
        Ok(changed)
    })
}

fn quarantine(
    store: &Store,
    facility: &FacilityId,
    path: String,
    reason: String,
    report: &mut IntakeReport,
) -> Result<(), HubError> {
    store.write(|tx| tx.put_quarantine(facility, &path, &reason))?;
    report.quarantined.push(Quarantined { path, reason });
    Ok(())
}

/// Hidden files (.DS_Store and the like) are not a hospital's records. A folder that does not open is named, the rest goes on.
fn walk(path: &Path, files: &mut Vec<PathBuf>, closed: &mut Vec<(PathBuf, std::io::ErrorKind)>) {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return;
    }
    match std::fs::read_dir(path) {
        Err(error) => closed.push((path.to_path_buf(), error.kind())),
        Ok(entries) => {
            for entry in entries.flatten().filter(|e| !e.file_name().to_string_lossy().starts_with('.')) {
                walk(&entry.path(), files, closed);
            }
        }
    }
}
