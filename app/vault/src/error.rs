//! Why the vault did not do it. No patient words: ids and numbers at most.

use crate::seal::SealError;
use record::canonical::CborError;

/// What the vault needs to go on writing: SQLite's log up to its checkpoint (1,000 pages of 4 KiB), as much again where the
/// checkpoint makes the file longer, and one answer of the hub.
pub const SPACE_NEEDED_MB: u64 = 10;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("wrong PIN; {left} more, then this device's keys are wiped (what was written is kept sealed for the hub)")]
    WrongPin {
        left: u32,
        /// Milliseconds to wait before the next try.
        wait_ms: u64,
    },
    #[error("too many wrong PINs; wait {} minutes, then try again", .wait_ms.div_ceil(60_000))]
    Wait { wait_ms: u64 },
    #[error(
        "this device was wiped and opens no more; what was written is kept sealed for the hub: `capsule push` sends it — then enrol again into another file"
    )]
    Wiped,
    #[error(
        "this is an older copy of this device's vault (state {here}, the device has come to {newest}); it was left as it is — put the newest copy back, or ask the station's manager"
    )]
    OlderCopy { here: u64, newest: u64 },
    #[error("the limit of wrong PINs is 3 to 100")]
    PinLimit,
    #[error("this PIN is taken already; choose another")]
    SamePin,
    #[error("enter the PIN; fingerprint or face open this device again after it")]
    PinFirst,
    #[error("not recognised; try again or enter the PIN")]
    NotRecognised,
    #[error("fingerprint and face are not set up for this vault; enter the PIN")]
    NoBiometrics,
    #[error("another program uses this vault; wait a moment, or close it, then try again — nothing was lost")]
    InUse,
    #[error("the vault is locked; unlock it, then try again — nothing was lost")]
    Locked,
    #[error(
        "this version of the app could not bring the vault up to date; the file was left as it was — send what is unsent with `capsule push`, and tell the station's manager"
    )]
    NotBroughtUp(#[source] rusqlite::Error),
    #[error("a sealed copy could not be made; nothing was changed")]
    Copy(#[from] protocol::CapsuleError),
    #[error("there is no vault here; enrol this device first")]
    NoVault,
    #[error("a vault stands here already; choose another file, or use the one that is here")]
    AlreadyThere,
    #[error(
        "the device key that belongs to this vault is missing; without it the vault opens nowhere — put the key back, or enrol again into another file"
    )]
    NoDeviceSecret(#[source] std::io::Error),
    #[error(
        "the vault file cannot be read; it was left as it is — do not delete it: `enrol` moves it aside and makes a new one; tell the station's manager, who may still read it"
    )]
    Unreadable(#[source] rusqlite::Error),
    #[error("this file is a database of another program; give the vault's own file")]
    NotAVault,
    #[error("this vault was written by a newer version of the app; update the app")]
    Newer,
    #[error(
        "the device's storage is full or does not take the write; free at least {SPACE_NEEDED_MB} MB, then try again — nothing was lost"
    )]
    Full,
    #[error("the device's storage did not take the write; nothing was changed")]
    Write(#[source] rusqlite::Error),
    #[error("a stored row was altered or damaged; it was left as it is ({table})")]
    Damaged { table: &'static str },
    #[error("the vault's content cannot be written or read")]
    Cbor(#[from] CborError),
    #[error("the vault is not complete: {0} is missing")]
    Missing(&'static str),
    #[error("the device has no random bytes to give")]
    NoRandomness,
    #[error("the file could not be written")]
    File(#[source] std::io::Error),
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            // A full disk also shows as a write, a shared-memory file or a sync that failed.
            Some(Code::DiskFull | Code::SystemIoFailure) => VaultError::Full,
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => VaultError::InUse,
            Some(Code::NotADatabase | Code::DatabaseCorrupt | Code::CannotOpen) => VaultError::Unreadable(error),
            _ => VaultError::Write(error),
        }
    }
}

impl VaultError {
    pub(crate) fn damaged(table: &'static str) -> impl Fn(SealError) -> VaultError {
        move |_| VaultError::Damaged { table }
    }
}
