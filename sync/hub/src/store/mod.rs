//! The hub's store: SQLite by default. SQL stays inside what PostgreSQL-wire engines accept, as far as it can.

mod assignments;
mod assignments_again;
mod audit;
mod backup;
mod capsules;
mod carried;
mod certificates;
mod consents;
mod consents_again;
mod devices;
mod digests;
mod entries;
mod facilities;
mod feed;
mod former;
#[cfg(test)]
mod lookups_tests;
mod notes;
mod patients;
mod patients_again;
mod photo_backup;
mod photo_copies;
mod photos;
mod plans_again;
mod relayed;
mod snapshots;
mod standing;
#[cfg(test)]
pub(crate) mod testing;

pub use assignments_again::AssignmentNamed;
pub use audit::Who;
pub use backup::{BackupMade, Restored};
pub use capsules::{CopyRow, CopyState};
pub(crate) use certificates::CERTIFICATE_DAYS;
pub use certificates::Presented;
pub(crate) use consents::today;
pub use consents_again::ConsentNamed;
pub use devices::DeviceRow;
pub use entries::{Accepted, EntryRow, EntryState};
pub use feed::FeedRow;
pub use patients::RecordOutcome;
pub use photo_backup::{KeptPhoto, LackingPhoto};
pub use photos::{PhotoRow, PhotoTag, photo_tag};
pub use plans_again::{LinkNamed, PlanNamed};
pub use relayed::{Chosen, ReadCopy};
pub use snapshots::Pieces;
pub use standing::Reader;

use crate::error::HubError;
use crate::keys::Keys;
use jiff::Timestamp;
use protocol::Epoch;
use record::DocumentId;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("forms.sql"),
    include_str!("capsule.sql"),
    include_str!("photos.sql"),
    include_str!("assignment.sql"),
    include_str!("certificates.sql"),
    include_str!("digests.sql"),
    include_str!("photo_copies.sql"),
    include_str!("snapshots.sql"),
    include_str!("relayed.sql"),
    include_str!("epoch.sql"),
    include_str!("relayed_name.sql"),
    include_str!("relayed_room.sql"),
    include_str!("lookups.sql"),
];

/// Statements that are kept ready: more than requests and checks have.
const STATEMENTS: usize = 128;
/// What SQLite lets a file grow to.
const MOST_PAGES: i64 = 0xffff_fffe;

/// Handle on a hub's data folder. Cheap to clone; several processes may hold one at once.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    data: PathBuf,
    db: Mutex<Connection>,
    keys: Keys,
    clock: Clock,
}

/// Milliseconds since 1970. The system's, but for simulations.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// One transaction.
pub struct Tx<'s> {
    pub(crate) sql: &'s Transaction<'s>,
    pub(crate) keys: &'s Keys,
    /// Hub's clock for everything in this transaction, milliseconds.
    pub(crate) now: i64,
}

impl Store {
    /// Makes a new hub: database, CA, receipt key, sealing key, master key.
    pub fn init(data: &Path, name: &str) -> Result<Self, HubError> {
        std::fs::create_dir_all(data).map_err(|source| HubError::File { path: data.to_path_buf(), source })?;
        let (file, new) = (data.join("hub.db"), data.join("hub.db.new"));
        if file.exists() {
            return Err(HubError::AlreadyInitialised(data.to_path_buf()));
        }
        Keys::make(data, name)?;
        // Killed anywhere in here, `init` begins again: the database gets its name when it is whole.
        for leftover in ["hub.db.new", "hub.db.new-wal", "hub.db.new-shm"] {
            let _ = std::fs::remove_file(data.join(leftover));
        }
        let mut db = connect(&new)?;
        migrate(&mut db)?;
        let epoch = DocumentId::from_random(*crate::keys::random()?);
        db.execute("INSERT INTO meta (name, value) VALUES ('name', ?1), ('epoch', ?2)", (name, epoch.to_string()))?;
        drop(db);
        std::fs::rename(&new, &file).map_err(|source| HubError::File { path: file, source })?;
        Self::open(data)
    }

    pub fn open(data: &Path) -> Result<Self, HubError> {
        Self::open_with_clock(data, Arc::new(now))
    }

    /// The same, told the time by somebody else.
    pub fn open_with_clock(data: &Path, clock: Clock) -> Result<Self, HubError> {
        let file = data.join("hub.db");
        if !file.exists() {
            return Err(HubError::NotInitialised(data.to_path_buf()));
        }
        let mut db = connect(&file)?;
        migrate(&mut db)?;
        let unnamed: bool = db.query_row("SELECT EXISTS (SELECT 1 FROM visit WHERE note IS NULL)", [], |r| r.get(0))?;
        let inner = Inner { data: data.to_path_buf(), db: Mutex::new(db), keys: Keys::load(data)?, clock };
        let store = Self { inner: Arc::new(inner) };
        if unnamed {
            store.write(|tx| tx.name_visit_notes())?;
        }
        Ok(store)
    }

    pub fn data(&self) -> &Path {
        &self.inner.data
    }

    pub fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// Everything that belongs together, or nothing. On disk when it returns.
    pub fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, HubError>) -> Result<T, HubError> {
        let mut db = self.lock();
        let sql = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&Tx { sql: &sql, keys: &self.inner.keys, now: (self.inner.clock)() })?;
        sql.commit()?;
        Ok(value)
    }

    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, HubError>) -> Result<T, HubError> {
        let mut db = self.lock();
        let sql = db.transaction_with_behavior(TransactionBehavior::Deferred)?;
        work(&Tx { sql: &sql, keys: &self.inner.keys, now: (self.inner.clock)() })
    }

    /// For tests alone: the database may grow by so many pages from here on, then the disk is full, as SQLite says it
    /// (`SQLITE_FULL`). `None`: there is room.
    #[doc(hidden)]
    pub fn limit_room(&self, pages: Option<u32>) -> Result<(), HubError> {
        let db = self.lock();
        let most = match pages {
            Some(pages) => {
                let there: i64 = db.pragma_query_value(None, "page_count", |r| r.get(0))?;
                there + i64::from(pages)
            }
            None => MOST_PAGES,
        };
        Ok(db.pragma_update(None, "max_page_count", most)?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic rolled its transaction back; the connection behind the lock is sound.
        self.inner.db.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Tx<'_> {
    pub fn meta(&self, name: &str) -> Result<Option<String>, HubError> {
        let mut statement = self.sql.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
        Ok(statement.query_row([name], |r| r.get(0)).optional()?)
    }

    pub fn put_meta(&self, name: &str, value: &str) -> Result<(), HubError> {
        self.sql.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )?;
        Ok(())
    }

    pub fn epoch(&self) -> Result<Epoch, HubError> {
        let text = self.meta("epoch")?.ok_or(HubError::Damaged { table: "meta" })?;
        Ok(Epoch(text.parse().map_err(|_| HubError::Damaged { table: "meta" })?))
    }

    pub fn now(&self) -> i64 {
        self.now
    }
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn connect(file: &Path) -> Result<Connection, HubError> {
    let db = Connection::open(file)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))
            .map_err(|source| HubError::File { path: file.to_path_buf(), source })?;
    }
    db.busy_timeout(std::time::Duration::from_secs(30))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // Else SQLite parses and plans many a kept statement anew at each use, because a value bound to it might have made for
    // another plan. Nothing here is planned by values.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

fn migrate(db: &mut Connection) -> Result<(), HubError> {
    let done: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(HubError::Newer);
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", i as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}
