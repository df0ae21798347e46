//! The open vault: its transactions, and what stands under its name. Keys are `ring.rs`, PINs `unlock.rs`, the log beside the
//! file `vault/log.rs`.

mod log;

pub(crate) use log::{PATIENCE, cut};

use crate::capsule::{self, CopyBook};
use crate::error::VaultError;
use crate::keys::KeyStore;
use crate::ring::KeyRing;
use crate::schema;
use crate::state::Identity;
use crate::tx::Tx;
use protocol::Series;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// The two legal regimes (DESIGN §2), each under its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compartment {
    /// The station's own record.
    Station,
    /// What hospitals disclosed, per network; withdrawable.
    Disclosed(String),
}

/// What SQLite lets a file grow to.
const MOST_PAGES: i64 = 0xffff_fffe;

/// How much the file holds, for the sync screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wear {
    pub bytes: u64,
}

/// What stands where a vault should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Nothing,
    Vault,
    /// Its keys are gone; sealed copies may still wait.
    Wiped,
    /// No vault that can be read: damaged, or another program's file.
    Unreadable,
}

/// An open vault. Dropping it closes the file and wipes the keys.
pub struct Vault {
    path: PathBuf,
    pub(crate) db: Connection,
    pub(crate) ring: KeyRing,
    decoy: bool,
    /// What an erasure left in the log could not be cut off yet.
    owes_cut: bool,
}

impl Vault {
    pub(crate) fn behind(path: &Path, db: Connection, ring: KeyRing, decoy: bool) -> Self {
        Self { path: path.to_path_buf(), db, ring, decoy, owes_cut: false }
    }

    /// Opened by the PIN under duress: in memory, empty, and never to meet a hub.
    pub fn is_decoy(&self) -> bool {
        self.decoy
    }

    /// What stands under a path, without any key.
    pub fn standing(path: &Path) -> Standing {
        if !path.exists() {
            return Standing::Nothing;
        }
        let looked = || -> Result<bool, VaultError> {
            let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            schema::check_ours(&db)?;
            capsule::is_wiped(&db)
        };
        match looked() {
            Ok(true) => Standing::Wiped,
            Ok(false) => Standing::Vault,
            Err(VaultError::Unreadable(error)) if is_damage(&error) => Standing::Unreadable,
            Err(VaultError::NotAVault) => Standing::Unreadable,
            // In use, not ours to read, no room: nothing that says the file is bad. It is left where it is.
            Err(_) => Standing::Vault,
        }
    }

    /// Everything that belongs together happens in one transaction, or not at all.
    pub fn write<T, E: From<VaultError>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.ring.rows.watch(&self.db)?;
        let sql = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(VaultError::from)?;
        self.ring.begin(&sql)?;
        // Until the commit has succeeded, keys made inside stand on no disk: an error, a full disk at the commit or a panic
        // leaves the ring untrusted, and the next transaction reads every key anew.
        self.ring.trusted = false;
        let mut tx = Tx { sql: &sql, ring: &mut self.ring };
        tx.load_root()?;
        let before = tx.ring.rows.get();
        let value = work(&mut tx)?;
        if sql.is_autocommit() {
            // SQLite took everything back by itself (a full disk in the middle of a statement), and whoever worked here passed over it.
            return Err(VaultError::Full.into());
        }
        tx.store_root(before)?;
        sql.commit().map_err(VaultError::from)?;
        self.ring.trusted = true;
        if std::mem::take(&mut self.ring.erased) {
            self.cut_log(PATIENCE);
        }
        Ok(value)
    }

    /// Reads in one snapshot.
    pub fn read<T, E: From<VaultError>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let sql = self.db.transaction_with_behavior(TransactionBehavior::Deferred).map_err(VaultError::from)?;
        self.ring.begin(&sql)?;
        work(&mut Tx { sql: &sql, ring: &mut self.ring })
    }

    /// From here on every change is also sealed to the hub, in its own transaction.
    pub fn seal_copies(&mut self, identity: &Identity, series: Series) -> Result<(), VaultError> {
        self.ring.seals_copies_by(CopyBook::new(identity, series)?);
        Ok(())
    }

    /// 封印消去: the keys go, the sealed copies stay.
    pub fn wipe(mut self, store: &dyn KeyStore) -> Result<(), VaultError> {
        if self.decoy {
            // The one that it stands in front of.
            self.db = Connection::open(&self.path)?;
            schema::configure(&self.db)?;
        }
        capsule::wipe(&mut self.db, store)
    }

    /// Tells the key store how far this file has come, so that an older copy of it is noticed.
    pub fn mark_generation(&mut self, store: &dyn KeyStore) -> Result<(), VaultError> {
        if self.decoy {
            return Ok(());
        }
        let generation = self.read(|tx| tx.generation())?;
        store.put_generation(generation)
    }

    /// For tests alone: the file may grow by so many pages from here on, then the disk is full, as SQLite says it
    /// (`SQLITE_FULL`), at whatever write needs the next one. `None`: there is room.
    #[doc(hidden)]
    pub fn limit_room(&self, pages: Option<u32>) -> Result<(), VaultError> {
        let most = match pages {
            Some(pages) => {
                let there: i64 = self.db.pragma_query_value(None, "page_count", |r| r.get(0))?;
                there + i64::from(pages)
            }
            None => MOST_PAGES,
        };
        Ok(self.db.pragma_update(None, "max_page_count", most)?)
    }

    pub fn wear(&self) -> Wear {
        Wear { bytes: std::fs::metadata(&self.path).map(|m| m.len()).unwrap_or(0) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    matches!(error.sqlite_error_code(), Some(Code::NotADatabase | Code::DatabaseCorrupt))
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
