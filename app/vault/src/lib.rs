//! **Owns**: the encrypted file on the phone — keys, sealing, tables, migrations, outbox, journal.
//! **Called by**: `device` only.
//! **May touch**: one SQLite file and its WAL, the key store that it is given, the OS's random bytes.
//! **Never**: a name, a note or an index in clear; the network; Automerge (a document is bytes here).

mod arrivals;
mod attempts;
mod capsule;
mod decoy;
mod error;
mod items;
mod keys;
mod light;
mod locked_pages;
mod notes;
mod outbox;
mod photo_copies;
mod photos;
mod relay;
mod ring;
mod root;
mod schema;
mod scrub;
mod seal;
mod search;
mod state;
#[cfg(test)]
mod testing;
mod tx;
mod unlock;
mod vault;

pub use arrivals::{Arrival, Waiting};
pub use attempts::{Attempts, RunningTime, WIPE_AFTER};
pub use capsule::{Locked, LockedVault, Written};
pub use error::{SPACE_NEEDED_MB, VaultError};
pub use items::Item;
pub use keys::{BiometricStore, DeviceSecret, FileKeyStore, KeyStore, Pin, PinError};
pub use notes::{JournalEntry, NoteRow, StoredAct, StoredConfirmation, StoredNote};
pub use outbox::{OutboxEntry, OutboxRow};
pub use photos::StoredPhoto;
pub use relay::{Durable, Relay};
pub use scrub::SelfCheck;
pub use search::{Found, Hit, Looked, Piece, Scope, SearchKind, SearchText, Shelf, Source, Unread};
pub use state::{Backfill, Identity, LeaseClock, Leaving, RemovedPhoto, SyncLogLine, SyncState};
pub use tx::Tx;
pub use unlock::{PinCost, Stretched, Stretcher, allows_biometrics};
pub use vault::{Compartment, Standing, Vault, Wear};
