//! Why a whole file was refused. Single bad resources are `Skipped`, not errors.

/// A file that could not be taken in. None of these becomes readable by trying again.
///
/// Neither `Display` nor `Debug` repeats the file's content or its name (an SS-MIX2 file name holds a patient's number).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    // The sender can cut or re-encode the file.
    #[error("the file is larger than {limit_mib} MiB; deliver it in several files")]
    TooLarge { limit_mib: usize },
    #[error("the file nests more than {limit} levels deep, no FHIR resource does; look at what made it")]
    TooDeep { limit: usize },
    #[error("the text is not UTF-8, which FHIR JSON must be; deliver it again in UTF-8")]
    NotUtf8,
    #[error(
        "the characters of the file cannot be read; deliver it in ISO-2022-JP, Shift_JIS or UTF-8 and name that in MSH-18"
    )]
    CharacterSet,

    // The file is not what its name or route says.
    #[error("not JSON at line {line}, column {column}; the file may be cut short, deliver it again")]
    NotJson { line: usize, column: usize },
    #[error("not a FHIR R4 resource (no resourceType); deliver a Bundle")]
    NotFhir,
    #[error(
        "the file name is not that of an SS-MIX2 file (patient_date_kind_key_time_department_flag); deliver the storage as it is, without renaming"
    )]
    FileName,
    #[error("not an HL7 v2.5 message (no MSH segment that can be read); the file may be cut short, deliver it again")]
    NotHl7,
    #[error(
        "files of the kind {kind} are not taken in; supported are ADT-00 ADT-12 ADT-22 ADT-52 ADT-61 OML-11 OMP-01 OMP-02 OMP-12 PPR-01"
    )]
    UnsupportedKind { kind: String },

    // The hospital has to look at it.
    #[error("the message has no patient number (PID-3); ask the hospital to send it again")]
    NoPatient,
    #[error(
        "the patient number in the file name is not the one in PID-3; ask the hospital which is right before taking it in"
    )]
    PatientMismatch,

    // Nothing is wrong.
    #[error("an old version (condition flag 2); nothing to apply, its successor is a file of its own")]
    OldVersion,
}

impl IntakeError {
    /// Whether the file is simply nothing to apply, and need not be shown to the operator as a problem.
    pub fn is_nothing_to_apply(&self) -> bool {
        matches!(self, IntakeError::OldVersion)
    }
}
