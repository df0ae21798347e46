//! **Owns**: the phone without a face — use cases over vault and sync engine, and the command line `tsutsuji-device`.
//! **Called by**: `tsutsuji` (the app), its own command line, the stories.
//! **May touch**: the vault, the hub over mutual TLS, the clock; the app sees the rest of the product only through what stands re-exported here.
//! **Never**: SQL, ciphers, Automerge, the words on a screen.

pub mod amend;
mod arrivals;
pub mod background;
pub mod board;
pub mod capsule;
pub mod cli;
mod consented;
mod digest;
pub mod doctor;
pub mod document;
pub mod document_list;
pub mod driver;
pub mod enrol;
mod error;
pub mod findings;
pub mod half_typed;
pub mod http;
pub mod lease;
mod locked_pages;
pub mod note;
pub mod on_call;
pub mod phone;
pub mod photo;
mod photo_removal;
pub mod qr;
pub mod quiet;
pub mod read;
pub mod relay;
mod renew;
pub mod search;
mod standing;
pub mod store_answer;
pub mod tablet;
#[cfg(test)]
mod testing;
mod tls;

pub use background::{Background, Pill};
pub use driver::SyncReport;
pub use error::DeviceError;
pub use half_typed::{Aside, HalfAct, HalfCorrection, HalfTyped};
pub use phone::Phone;
pub use photo::{PhotoSaid, PhotoShown};
pub use photo_removal::PhotoRemoved;
pub use qr::QrError;

// What the app needs of the rooms below.
pub use jiff;
pub use protocol::VERSION;
pub use protocol::{EnrolUri, Failure, RefusalCode, Trigger, UriError};
pub use record;

/// A cursor before the first entry.
pub const START_CURSOR: protocol::Cursor = protocol::Cursor::START;

pub use vault::{
    BiometricStore, DeviceSecret, FileKeyStore, Hit, KeyStore, NoteRow, Pin, PinCost, RunningTime, SPACE_NEEDED_MB,
    SearchKind, SyncLogLine, Vault, VaultError, allows_biometrics,
};
pub use zeroize::Zeroizing;
