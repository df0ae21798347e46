//! **Owns**: the wire between phone and hub, and the sync engine that decides what to send, store and when to try again.
//! **Called by**: `device` (drives the engine), `vault` (keeps what it says), `hub` (answers).
//! **May touch**: nothing but its arguments. Of `record` it knows the ids only; bodies are opaque bytes here.
//! **Never**: sockets, clocks, storage, Automerge; randomness but for the one key that each unlock (`capsule`) and each page (`page`) encapsulates.

pub mod capsule;
pub mod codec;
pub mod digest;
pub mod engine;
pub mod enrol;
pub mod page;
pub mod photo;
pub mod proof;
pub mod receipt;
pub mod renew;
pub mod wire;

pub use capsule::{CapsuleError, CapsuleRequest, CapsuleResponse, SealedCopy};
pub use codec::WireError;
pub use digest::{Digest, Holding};
pub use engine::{Engine, Failure, Input, Output, Phase, Trigger};
pub use enrol::{EnrolRequest, EnrolResponse, EnrolUri, UriError};
pub use page::{SealedPage, Since};
pub use photo::{PhotoPiece, PhotoReceipt, PhotoStanding};
pub use receipt::{Receipt, ReceiptError, ReceiptItem};
pub use renew::{RenewRequest, RenewResponse, Validity};
pub use wire::{
    Consented, Cursor, DeviceKey, Durability, Entry, Epoch, Extent, FeedItem, Kind, PatientStanding, Policy,
    RecordItem, RecordsPage, Refusal, RefusalCode, Series, SyncRequest, SyncResponse, Verdict, VerdictCode,
    WIRE_VERSION, Wanted,
};

/// Version and commit of this build, for `--version`.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TSUTSUJI_COMMIT"), ")");
