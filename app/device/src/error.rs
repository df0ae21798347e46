//! What can go wrong on the phone, sorted by what can be done. Ids only, never a patient's words.

use protocol::{Failure, RefusalCode};
use record::visit_note::{ConfirmError, DraftError, FieldError};
use record::{DocumentId, PatientId};
use vault::{SPACE_NEEDED_MB, VaultError};

#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("there is no patient {0} on this device; sync, or ask the station whether the patient has consented")]
    UnknownPatient(PatientId),
    #[error("there is no visit {0} on this device; sync, or start the note without --visit")]
    UnknownVisit(DocumentId),
    #[error("visit {0} is planned for another patient; start the note for that patient, or without --visit")]
    VisitOfAnotherPatient(DocumentId),
    #[error("there is no note {0} on this device; `note list` shows them")]
    UnknownNote(DocumentId),
    #[error("the note is confirmed and can no longer be edited; what must change becomes an amendment (訂正)")]
    AlreadyConfirmed,
    #[error("the note is not confirmed yet; write in it, no amendment is needed")]
    NotConfirmed,
    #[error(
        "this device was revoked; what was written was sent sealed, and waits at the hub for the station's manager — ask for a new enrolment"
    )]
    RevokedButBrought,
    #[error(
        "the station reported this device lost: its keys are gone, and what was written was sent sealed to the hub — enrol again into another file"
    )]
    WipedByOrder,
    #[error(
        "the hub's answer could not be stored (a full storage? free at least {SPACE_NEEDED_MB} MB, then sync again) — what was written was sent sealed and waits at the hub"
    )]
    FullButBrought,
    #[error("a {0} is not closed in that way")]
    NotClosedSo(record::Form),
    #[error("two values stand for a field; choose one of them before the note is copied")]
    ConflictsFirst,
    #[error("a confirmed note is closed by its author or by a manager (管理者) of the station")]
    OnlyAuthorOrManager,
    #[error("it belongs to another patient or another form than what stands here under its number")]
    OtherDocument,
    #[error("say why: --reason")]
    ReasonMissing,
    #[error("there is no late edit {0} on this note that could be accepted or declined; `note show` lists them")]
    UnknownAmendment(record::ContentHash),
    #[error("{0} is none of this note's confirmations; `note show` lists them")]
    UnknownConfirmation(record::ContentHash),
    #[error(
        "several confirmations of this note compete; first a manager (管理者) says which one stands: `note choose`"
    )]
    ChooseFirst,
    #[error("only a manager (管理者) of the station can do this")]
    OnlyManager,
    #[error("an assistant nurse (准看護師) cannot author a plan or a report; ask a nurse of the station to confirm it")]
    NotForAssistantNurse,
    #[error("the month still has {} draft notes; confirm or close them first: {}", .0.len(), ids(.0))]
    DraftsBlockTheMonth(Vec<DocumentId>),
    #[error("give the month as 2026-11")]
    Month,
    #[error("{0} is kept once a patient by itself; open it with its own command")]
    NotADocument(record::Form),
    #[error("there is no version {0} of this note; `note history` lists them")]
    UnknownVersion(record::ChangeHash),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    #[error("the note's document cannot be read; it was left as it is — tell the station's manager")]
    Document(#[source] DraftError),
    #[error("a confirmation of this note does not verify; it was left as it is — tell the station's manager")]
    Confirmation(#[from] record::visit_note::ConfirmationError),
    #[error("{}", sync_sentence(.0))]
    Sync(Failure),
    #[error("{}", refusal_sentence(.0))]
    Enrol(RefusalCode),
    #[error(transparent)]
    Uri(#[from] protocol::UriError),
    #[error(transparent)]
    Qr(#[from] crate::qr::QrError),
    #[error("the device could not make its keys")]
    Keys,
    #[error("{0} cannot be read; give a file that holds the PIN, 4 to 12 digits")]
    PinFile(std::path::PathBuf),
    #[error(transparent)]
    Pin(#[from] vault::PinError),
    #[error("the text on standard input is not UTF-8 or cannot be read")]
    Stdin,
    #[error(transparent)]
    Photo(#[from] record::photo::PhotoError),
    #[error("a photo is taken only with the patient's consent; ask for it, then say so with --consent")]
    NoPhotoConsent,
    #[error("say what part of the body the photo shows: --body-site")]
    BodySiteMissing,
    #[error("the note has no photo {0}; `photo list` shows them")]
    UnknownPhoto(record::ContentHash),
    #[error("the hub gave other bytes than the note names; nothing was kept — tell the station's manager")]
    WrongPhoto,
    #[error("the photo's file cannot be read or written; check its name and folder, an existing file is not replaced")]
    PhotoFile(#[source] std::io::Error),
}

impl From<DraftError> for DeviceError {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Field(field) => DeviceError::Field(field),
            other => DeviceError::Document(other),
        }
    }
}

impl DeviceError {
    /// Whether trying the same again later can help.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            DeviceError::Sync(_) | DeviceError::Vault(VaultError::Full | VaultError::InUse | VaultError::Write(_))
        )
    }

    /// Whether what stands in the vault does not open any more.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(
            self,
            DeviceError::Vault(VaultError::Damaged { .. } | VaultError::Cbor(_))
                | DeviceError::Document(DraftError::Unreadable)
        )
    }
}

fn ids(notes: &[DocumentId]) -> String {
    notes.iter().map(DocumentId::to_string).collect::<Vec<_>>().join(", ")
}

/// A code for the operator; one per cause.
pub fn failure_code(failure: &Failure) -> String {
    match failure {
        Failure::Unreachable => "unreachable".into(),
        Failure::NotOurHub => "not_our_hub".into(),
        Failure::Storage => "storage".into(),
        Failure::OlderHub => "older_hub".into(),
        Failure::Busy { .. } => "refused_busy".into(),
        Failure::Refused(code) => format!("refused_{code:?}").to_lowercase(),
    }
}

fn sync_sentence(failure: &Failure) -> &'static str {
    match failure {
        Failure::Unreachable => "the hub cannot be reached; what was written is kept and sent when it can be",
        Failure::NotOurHub => {
            "what answered is not this station's hub; nothing was sent — leave this Wi-Fi, or ask the station's manager"
        }
        Failure::Storage => "the answer of the hub could not be stored; free some space on the device, then sync again",
        Failure::OlderHub => {
            "the hub is older than this app; what was written is kept — ask the station's manager to update the hub"
        }
        Failure::Busy { .. } => refusal_sentence(&RefusalCode::Busy),
        Failure::Refused(code) => refusal_sentence(code),
    }
}

fn refusal_sentence(code: &RefusalCode) -> &'static str {
    match code {
        RefusalCode::CodeUnknown => {
            "the enrolment code is not known to this hub; ask the station's manager for a new one"
        }
        RefusalCode::CodeUsed => "the enrolment code was used already; ask the station's manager for a new one",
        RefusalCode::CodeExpired => "the enrolment code has expired; ask the station's manager for a new one",
        RefusalCode::Revoked => "this device was revoked; ask the station's manager — what was written is kept",
        RefusalCode::Expired => {
            "this device's certificate is over; sync again for a new one — what was written is kept"
        }
        RefusalCode::NoCertificate | RefusalCode::NotThisDevice => {
            "the hub does not know this device; ask the station's manager to enrol it again — what was written is kept"
        }
        RefusalCode::Locked => "the hub wants to see that this device is unlocked; unlock it again, then sync",
        RefusalCode::SeriesForked => {
            "the hub already holds other notes under this device's numbers: a restored or copied phone; nothing was lost — ask the station's manager to enrol this device again"
        }
        RefusalCode::Version => "the app is too old for this hub; update the app — what was written is kept",
        RefusalCode::Busy | RefusalCode::Internal => "the hub is busy; what was written is kept and sent later",
        RefusalCode::TooLarge => {
            "a note is too large for the hub; what was written is kept — tell the station's manager"
        }
        RefusalCode::UnknownPhoto => "the hub does not have this photo yet; sync again later",
        RefusalCode::WrongHash => "a photo arrived damaged at the hub; it is kept here and sent again",
        RefusalCode::NotYourPatient => "this patient's records are not open to this station",
        RefusalCode::RelayFull => "the hub has no room for what colleagues wrote; it is kept here and brought later",
        RefusalCode::RelayOver => "the hub takes what colleagues wrote from themselves alone; everything stays here",
        RefusalCode::Garbled | RefusalCode::Gap | RefusalCode::Unknown => {
            "the hub did not understand this device; what was written is kept — update the app, or ask the station's manager"
        }
    }
}
