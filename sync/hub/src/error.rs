//! Why the hub did not do it. Ids only, never a patient's words.

use record::{DocumentId, FacilityId, PatientId, StaffId};
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("{0} holds no hub; run `tsutsuji-hub init --data DIR --name NAME` first")]
    NotInitialised(PathBuf),
    #[error("{0} holds a hub already; nothing was changed")]
    AlreadyInitialised(PathBuf),
    #[error("the database was written by a newer version of the hub; update this program")]
    Newer,
    #[error("the hub's disk is full; free some space, then try again — nothing was lost")]
    Full,
    #[error("the database did not take part: {0}")]
    Database(#[source] rusqlite::Error),
    #[error("{path} cannot be read or written; check the folder and its rights")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("a stored body was altered, or the master key is not the one that sealed it ({table})")]
    Damaged { table: &'static str },
    #[error("a stored value cannot be read or written as CBOR")]
    Cbor(#[from] record::canonical::CborError),
    #[error("the key or certificate {0} cannot be made or read; restore the keys folder from its backup")]
    Key(&'static str),
    #[error("there is no facility {0}; `facility list` shows them")]
    UnknownFacility(FacilityId),
    #[error("facility {0} exists already with other details; nothing was changed")]
    FacilityExists(FacilityId),
    #[error("facility {0} does not disclose records; add it with --disclosing")]
    NotDisclosing(FacilityId),
    #[error("there is no member of staff {0}; `staff list` shows them")]
    UnknownStaff(StaffId),
    #[error("staff {0} exists already with other details; nothing was changed")]
    StaffExists(StaffId),
    #[error("there is no patient {0}; `patient list` shows them")]
    UnknownPatient(PatientId),
    #[error("a signature under note {0} does not verify; keep the database as it is and ask who changed it")]
    Unsound(DocumentId),
    #[error("nothing of that id is held; `held list` shows what is")]
    UnknownHeld,
    #[error(
        "document {0} was brought as more than one patient's or form's; `held show` says how each reads — give --from or --patient"
    )]
    SeveralPatients(DocumentId),
    #[error("so much that was relayed waits already that no more is taken; `held list` shows it")]
    RelayFull,
    #[error("--from and --patient choose among relayed copies only")]
    NotRelayed,
    #[error("there is no note {0} at this hub; `note list` shows them")]
    UnknownNote(DocumentId),
    #[error("note {0} has no confirmation yet; there is nothing to verify")]
    NotConfirmed(DocumentId),
    #[error(
        "patient {patient} has neither consented to {station} nor has an order for it; run `consent add` or `order add` first"
    )]
    NoCare { patient: PatientId, station: FacilityId },
    #[error("visit {0} stands already, `visit list` shows it; nothing was changed")]
    VisitExists(DocumentId),
    #[error("{staff} is not assigned to patient {patient}; `patient assignments` shows who is")]
    NotAssigned { patient: PatientId, staff: StaffId },
    #[error("there is no such consent; `consent list` shows them")]
    UnknownConsent,
    #[error("there is no device {0}; `device list` shows them")]
    UnknownDevice(record::DeviceId),
    #[error(transparent)]
    Order(#[from] record::order::OrderError),
    #[error("{0} is not there or cannot be opened; give FHIR files or the root of an SS-MIX2 storage")]
    NoInput(PathBuf),
    #[error("the address {0} cannot be listened on; is another hub running there?")]
    Listen(String, #[source] std::io::Error),
    #[error(
        "{0} photos that phones brought are not in the hub's folder any more, and not in the backup; all else is in it and durable — the phones that took them bring them again at their next sync: then back up once more"
    )]
    PhotosLacking(usize),
    #[error("a backup does not go into the hub's own folder {0}: its photos would stand there once; give another disk")]
    BackupInside(PathBuf),
    #[error("another process serves the hub in {0} already")]
    Serving(PathBuf),
    #[error("the worker that checks documents could not be started")]
    Worker(#[source] std::io::Error),
    #[error(
        "the worker was not asked about it after another document's question had failed; it is checked within a minute"
    )]
    NotAsked,
    #[error("the audit chain is broken at entry {0}")]
    AuditBroken(i64),
    #[error("the system has no random bytes to give")]
    NoRandomness,
}

impl From<rusqlite::Error> for HubError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => HubError::Full,
            _ => HubError::Database(error),
        }
    }
}
