//! **Owns**: reading what hospitals send — FHIR R4 (JP Core, JP-CLINS, eReferral) and SS-MIX2 (HL7 v2.5) — into `record`'s types.
//! **Called by**: `hub` only.
//! **May touch**: nothing but its arguments; bytes in, record types out.
//! **Never**: I/O, clocks, randomness, logging, a patient's words in an error, a panic on any bytes.
//!
//! What intake decides and a reader would ask:
//! - *Value and unit* of a prescription or an injection are one dose, never the total; the total stands in the detail.
//! - *Findings in words* (an Observation with `valueString`) stay in the class `lab`, the words as the value.
//! - *Types without a class* (Procedure, FamilyMemberHistory …) inside a document Bundle are carried by the document's
//!   own words; in any other Bundle they are listed as skipped.

mod error;
mod fhir;
mod moment;
mod ssmix2;
mod text;

pub use error::IntakeError;

use record::patient::Demographics;
use record::{DataClass, DisclosedRecord, FacilityId};

/// Largest file that is looked at.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;
/// Deepest nesting of JSON that is looked at; real Bundles stay under 20.
pub const MAX_JSON_DEPTH: usize = 64;

/// Most resources or segments that are listed as skipped; a file with more is wrong as a whole.
pub const MAX_SKIPPED: usize = 1000;

/// Everything one delivery says of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientRecords {
    pub demographics: Demographics,
    pub records: Vec<DisclosedRecord>,
    /// What the delivery states in full: a kept record of this class and key prefix that is not in
    /// `records` was taken back at its source, e.g. a drug struck from an order that was sent again.
    pub stated_in_full: Vec<StatedInFull>,
}

/// See [`PatientRecords::stated_in_full`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedInFull {
    pub class: DataClass,
    pub key_prefix: String,
}

/// One delivery, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intake {
    pub patients: Vec<PatientRecords>,
    /// Single resources or segments that could not be read; the rest went on.
    pub skipped: Vec<Skipped>,
}

/// One resource or segment that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where in the file: `entry[12] Observation`, `OBX 3`. Never a patient's words.
    pub place: String,
    /// What is wrong with it. Never a patient's words.
    pub reason: String,
}

/// Lists what was skipped, up to [`MAX_SKIPPED`] and one line that says there is more.
fn list_skipped(list: &mut Vec<Skipped>, place: String, reason: impl Into<String>) {
    match list.len() {
        0..MAX_SKIPPED => list.push(Skipped { place, reason: reason.into() }),
        MAX_SKIPPED => list.push(Skipped {
            place: "after that".to_owned(),
            reason: "more was skipped than is listed; look at the file as a whole".to_owned(),
        }),
        _ => {}
    }
}

/// Reads one FHIR R4 Bundle (collection, document, …) or one single resource.
pub fn read_fhir_json(facility: &FacilityId, bytes: &[u8]) -> Result<Intake, IntakeError> {
    fhir::read_json(facility, bytes)
}

/// Reads newline-delimited FHIR R4: a Bundle or a resource on each line. Single resources may refer to a
/// Patient on another line of the same file (bulk export).
pub fn read_fhir_ndjson(facility: &FacilityId, bytes: &[u8]) -> Result<Intake, IntakeError> {
    fhir::read_ndjson(facility, bytes)
}

/// Reads one file of an SS-MIX2 standard storage. Its name tells patient, kind, key and condition flag:
/// 1 valid, 0 deleted (the records come with `deleted`), 2 old ([`IntakeError::OldVersion`]: nothing to apply).
pub fn read_ssmix2(facility: &FacilityId, file_name: &str, bytes: &[u8]) -> Result<Intake, IntakeError> {
    ssmix2::read(facility, file_name, bytes)
}
