//! The vault: create, open, and the keys that stand between PIN and row.

use crate::attempts::{AttemptFile, Attempts, RunningTime};
use crate::capsule::{self, CopyBook};
use crate::error::VaultError;
use crate::keys::{self, ARGON_KIB, ARGON_PASSES, DeviceSecret, KeyStore, Pin};
use crate::root::RowSum;
use crate::schema;
use crate::seal::{self, Header, Key, Table, Tag};
use crate::search::OpenSegments;
use crate::state::Identity;
use crate::tx::Tx;
use protocol::Series;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The two legal regimes (DESIGN §2), each under its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compartment {
    /// The station's own record.
    Station,
    /// What hospitals disclosed, per network; withdrawable.
    Disclosed(String),
}

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

/// Cost of Argon2id. Tests use a cheaper one; a vault remembers its own.
#[derive(Debug, Clone, Copy)]
pub struct PinCost {
    pub kib: u32,
    pub passes: u32,
}

impl PinCost {
    /// The least that is allowed.
    pub const FLOOR: PinCost = PinCost { kib: ARGON_KIB, passes: ARGON_PASSES };

    /// As much memory as this device turns over in about half a second, never below the floor, never above 256 MiB.
    pub fn calibrated() -> Result<Self, VaultError> {
        let floor = Self::FLOOR;
        let began = std::time::Instant::now();
        keys::spend(floor.kib, floor.passes)?;
        let took = began.elapsed().as_millis().max(1);
        let kib = u128::from(floor.kib) * 500 / took;
        let kib = u32::try_from(kib).unwrap_or(u32::MAX).clamp(floor.kib, 256 * 1024);
        Ok(Self { kib, passes: floor.passes })
    }
}

impl Default for PinCost {
    fn default() -> Self {
        Self::FLOOR
    }
}

/// An open vault. Dropping it closes the file and wipes the keys.
pub struct Vault {
    path: PathBuf,
    pub(crate) db: Connection,
    pub(crate) ring: KeyRing,
}

/// The keys of an open vault.
pub(crate) struct KeyRing {
    vault: Key,
    lookup: Key,
    compartments: HashMap<Tag, Key>,
    patients: HashMap<(Tag, Tag), Key>,
    /// Whether everything in here stands on disk.
    trusted: bool,
    /// SQLite's number of foreign commits: another process may have erased a key.
    seen: i64,
    /// Rows that did not open: left as they are, counted, shown.
    pub damaged: HashSet<(u8, Tag)>,
    /// The sum of all rows.
    pub rows: RowSum,
    /// Something was erased in this transaction: its traces in the log are cut off after the commit.
    pub erased: bool,
    /// What searches have opened.
    pub searched: OpenSegments,
    /// Seals copies of what is written to the hub; set once it is known who the device is.
    pub copies: Option<CopyBook>,
}

const NOBODY: Tag = [0; 16];

impl Vault {
    /// Makes a new vault. Nothing stands under `path` before, or nothing happens.
    pub fn create(
        path: &Path,
        store: &dyn KeyStore,
        pin: &Pin,
        cost: PinCost,
        now: RunningTime,
    ) -> Result<Self, VaultError> {
        if path.exists() {
            return Err(VaultError::AlreadyThere);
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(VaultError::File)?;
        }
        let secret = DeviceSecret::make()?;
        store.put(&secret)?;
        let mut db = Connection::open(path)?;
        restrict(path)?;
        schema::configure(&db)?;
        schema::migrate(&mut db)?;
        let (mut vault, mut salt) = ([0u8; 16], [0u8; 16]);
        keys::fill_random(&mut vault)?;
        keys::fill_random(&mut salt)?;
        AttemptFile::beside(path, &secret).create(now)?;
        let unlock = keys::unlock_key(pin, &secret, &vault, &salt, cost.kib, cost.passes)?;
        let vault_key = keys::make_key()?;
        let wrapped = wrap(&unlock, &header_of_vault_key(vault), &vault_key)?;
        db.execute(
            "INSERT INTO header (only, format, vault, salt, kib, passes, wrapped, guarded) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, 1)",
            (seal::FORMAT, vault, salt, cost.kib, cost.passes, wrapped),
        )?;
        let ring = KeyRing::new(vault_key, &db)?;
        Ok(Self { path: path.to_path_buf(), db, ring })
    }

    /// Opens a vault with both factors. A wrong PIN is counted before it is tried; after too many the keys go and the
    /// sealed copies stay.
    pub fn open(path: &Path, store: &dyn KeyStore, pin: &Pin, now: RunningTime) -> Result<Self, VaultError> {
        if !path.exists() {
            return Err(VaultError::NoVault);
        }
        let mut db = match connect(path, false) {
            // A full disk has no room for the log's index: read without one, alone.
            Err(VaultError::Full) => connect(path, true)?,
            other => other?,
        };
        let header: Option<(u8, [u8; 16], [u8; 16], u32, u32, Vec<u8>)> = db
            .query_row("SELECT format, vault, salt, kib, passes, wrapped FROM header", [], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
            })
            .optional()?;
        let Some((format, vault, salt, kib, passes, wrapped)) = header else { return Err(VaultError::NoVault) };
        if format != seal::FORMAT {
            return Err(VaultError::Newer);
        }
        if wrapped.is_empty() {
            return Err(VaultError::Wiped);
        }
        let secret = store.get()?;
        let (guarded, wipe_after): (bool, u32) =
            db.query_row("SELECT guarded, wipe_after FROM header", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let file = AttemptFile::beside(path, &secret);
        let attempts = file.read(now, guarded)?;
        let wait_ms = attempts.waits(now);
        if wait_ms > 0 {
            return Err(VaultError::Wait { wait_ms });
        }
        let charged = attempts.charged(now);
        file.write(&charged)?;
        let unlock = keys::unlock_key(pin, &secret, &vault, &salt, kib, passes)?;
        let Some(vault_key) = unwrap_key(&unlock, &header_of_vault_key(vault), &wrapped) else {
            if charged.wrong >= wipe_after {
                capsule::wipe(&mut db)?;
                return Err(VaultError::Wiped);
            }
            return Err(VaultError::WrongPin { left: wipe_after - charged.wrong, wait_ms: charged.waits(now) });
        };
        file.write(&Attempts::none(now))?;
        if !guarded {
            match db.execute("UPDATE header SET guarded = 1", []).map_err(VaultError::from) {
                // Noted when there is room again.
                Ok(_) | Err(VaultError::Full) => {}
                Err(error) => return Err(error),
            }
        }
        let ring = KeyRing::new(vault_key, &db)?;
        let mut vault = Self { path: path.to_path_buf(), db, ring };
        if let Some(newest) = store.generation()? {
            let here = vault.read(|tx| tx.generation())?;
            if here < newest {
                return Err(VaultError::OlderCopy { here, newest });
            }
        }
        Ok(vault)
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
            Err(_) => Standing::Unreadable,
        }
    }

    /// Wraps the vault key under a new PIN. One row, one transaction: torn at any step, exactly one of the two opens.
    pub fn change_pin(&mut self, store: &dyn KeyStore, new: &Pin) -> Result<(), VaultError> {
        let secret = store.get()?;
        let vault: [u8; 16] = self.db.query_row("SELECT vault FROM header", [], |r| r.get(0))?;
        let mut salt = [0u8; 16];
        keys::fill_random(&mut salt)?;
        // As costly as it was when the device was enrolled.
        let (kib, passes): (u32, u32) =
            self.db.query_row("SELECT kib, passes FROM header", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let cost = PinCost { kib, passes };
        let unlock = keys::unlock_key(new, &secret, &vault, &salt, cost.kib, cost.passes)?;
        let wrapped = wrap(&unlock, &header_of_vault_key(vault), &self.ring.vault)?;
        self.db.execute(
            "UPDATE header SET salt = ?1, kib = ?2, passes = ?3, wrapped = ?4",
            (salt, cost.kib, cost.passes, wrapped),
        )?;
        Ok(())
    }

    /// Everything that belongs together happens in one transaction, or not at all.
    pub fn write<T, E: From<VaultError>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let sql = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(VaultError::from)?;
        self.ring.begin(&sql)?;
        // Until the commit has succeeded, keys made inside stand on no disk: an error, a full disk at the commit or a panic
        // leaves the ring untrusted, and the next transaction reads every key anew.
        self.ring.trusted = false;
        let mut tx = Tx { sql: &sql, ring: &mut self.ring };
        tx.load_root()?;
        let before = tx.ring.rows.get();
        let value = work(&mut tx)?;
        tx.store_root(before)?;
        sql.commit().map_err(VaultError::from)?;
        self.ring.trusted = true;
        if std::mem::take(&mut self.ring.erased) {
            self.cut_log();
        }
        Ok(value)
    }

    /// What an erasure freed is overwritten (`secure_delete`); the log still holds what was written before it. Another
    /// connection that reads keeps the log for now: the next erasure, or the file's last closing, cuts it.
    fn cut_log(&self) {
        let cut: Result<i64, rusqlite::Error> = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0));
        if !matches!(cut, Ok(0)) {
            tracing::info!("the log of an erasure is cut off later: somebody else is reading");
        }
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
    pub fn wipe(mut self) -> Result<(), VaultError> {
        capsule::wipe(&mut self.db)
    }

    /// Wrong PINs after which the keys go.
    pub fn wipe_after(&mut self, wrong: u32) -> Result<(), VaultError> {
        if !(3..=100).contains(&wrong) {
            return Err(VaultError::PinLimit);
        }
        self.db.execute("UPDATE header SET wipe_after = ?1", [wrong])?;
        Ok(())
    }

    /// Tells the key store how far this file has come, so that an older copy of it is noticed.
    pub fn mark_generation(&mut self, store: &dyn KeyStore) -> Result<(), VaultError> {
        let generation = self.read(|tx| tx.generation())?;
        store.put_generation(generation)
    }

    pub fn wear(&self) -> Wear {
        Wear { bytes: std::fs::metadata(&self.path).map(|m| m.len()).unwrap_or(0) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl KeyRing {
    fn new(vault: Key, db: &Connection) -> Result<Self, VaultError> {
        let lookup = keys::derive_key(&vault, "tsutsuji 2026 vault lookup v1");
        let rows = RowSum::watch(db, &lookup)?;
        Ok(Self {
            vault,
            lookup,
            compartments: HashMap::new(),
            patients: HashMap::new(),
            trusted: true,
            seen: 0,
            damaged: HashSet::new(),
            searched: OpenSegments::default(),
            rows,
            erased: false,
            copies: None,
        })
    }

    /// Makes the station's own key if it is not there yet.
    pub fn prepare_station(&mut self, sql: &Connection) -> Result<(), VaultError> {
        let station = self.compartment_tag(&Compartment::Station);
        self.patient_key(sql, station, NOBODY, true).map(|_| ())
    }

    /// At the start of every transaction: forgets keys that may not be the disk's.
    fn begin(&mut self, sql: &Connection) -> Result<(), VaultError> {
        let seen = sql.pragma_query_value(None, "data_version", |r| r.get(0))?;
        if !self.trusted || seen != self.seen {
            self.compartments.clear();
            self.patients.clear();
            self.rows.loaded = false;
        }
        self.trusted = true;
        self.seen = seen;
        Ok(())
    }

    /// What stands for an id outside the seal: a keyed hash, useless without the vault key.
    pub fn tag(&self, purpose: &str, id: &[u8]) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(&self.lookup.0);
        hasher.update(purpose.as_bytes());
        hasher.update(&[0]);
        hasher.update(id);
        let mut tag = [0; 16];
        tag.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        tag
    }

    pub fn patient_tag(&self, patient: Option<&record::PatientId>) -> Tag {
        patient.map_or(NOBODY, |p| self.tag("patient", p.as_str().as_bytes()))
    }

    pub fn compartment_tag(&self, compartment: &Compartment) -> Tag {
        match compartment {
            Compartment::Station => self.tag("compartment", b"station"),
            Compartment::Disclosed(network) => self.tag("compartment", format!("disclosed/{network}").as_bytes()),
        }
    }

    /// The key of a patient in a compartment, made on first use if `make`.
    pub fn patient_key(
        &mut self,
        sql: &Connection,
        compartment: Tag,
        patient: Tag,
        make: bool,
    ) -> Result<Key, VaultError> {
        if let Some(key) = self.patients.get(&(compartment, patient)) {
            return Ok(key.clone());
        }
        let above = self.compartment_key(sql, compartment, make)?;
        let header = Header { table: Table::PatientKey, key: patient, patient, compartment };
        let stored: Option<Vec<u8>> = sql
            .prepare_cached("SELECT wrapped FROM patient_key WHERE compartment = ?1 AND patient = ?2")?
            .query_row((compartment, patient), |r| r.get(0))
            .optional()?;
        let key = match stored {
            Some(wrapped) => {
                unwrap_key(&above, &header, &wrapped).ok_or(VaultError::Damaged { table: "patient_key" })?
            }
            None if make => {
                let key = keys::make_key()?;
                sql.execute(
                    "INSERT INTO patient_key (compartment, patient, wrapped) VALUES (?1, ?2, ?3)",
                    (compartment, patient, wrap(&above, &header, &key)?),
                )?;
                key
            }
            None => return Err(VaultError::Missing("the key of a patient")),
        };
        self.patients.insert((compartment, patient), key.clone());
        Ok(key)
    }

    fn compartment_key(&mut self, sql: &Connection, compartment: Tag, make: bool) -> Result<Key, VaultError> {
        if let Some(key) = self.compartments.get(&compartment) {
            return Ok(key.clone());
        }
        let header = Header { table: Table::CompartmentKey, key: compartment, patient: NOBODY, compartment };
        let stored: Option<Vec<u8>> =
            sql.query_row("SELECT wrapped FROM compartment WHERE tag = ?1", [compartment], |r| r.get(0)).optional()?;
        let key = match stored {
            Some(wrapped) => {
                unwrap_key(&self.vault, &header, &wrapped).ok_or(VaultError::Damaged { table: "compartment" })?
            }
            None if make => {
                let key = keys::make_key()?;
                sql.execute(
                    "INSERT INTO compartment (tag, wrapped) VALUES (?1, ?2)",
                    (compartment, wrap(&self.vault, &header, &key)?),
                )?;
                key
            }
            None => return Err(VaultError::Missing("the key of a compartment")),
        };
        self.compartments.insert(compartment, key.clone());
        Ok(key)
    }

    /// Erases a whole compartment: every key of it.
    pub fn forget_compartment(&mut self, sql: &Connection, compartment: Tag) -> Result<(), VaultError> {
        self.patients.retain(|(known, _), _| *known != compartment);
        self.compartments.remove(&compartment);
        sql.execute("DELETE FROM patient_key WHERE compartment = ?1", [compartment])?;
        sql.execute("DELETE FROM compartment WHERE tag = ?1", [compartment])?;
        Ok(())
    }

    /// Erases a patient in a compartment: the wrapped key goes, and with it every body that it sealed.
    pub fn forget_patient(&mut self, sql: &Connection, compartment: Tag, patient: Tag) -> Result<(), VaultError> {
        self.patients.remove(&(compartment, patient));
        sql.execute("DELETE FROM patient_key WHERE compartment = ?1 AND patient = ?2", (compartment, patient))?;
        Ok(())
    }
}

/// `alone`: the log's index is kept in memory, so that nothing need be written to read; no other process may open the file
/// meanwhile.
fn connect(path: &Path, alone: bool) -> Result<Connection, VaultError> {
    let mut db = Connection::open(path)?;
    if alone {
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    }
    schema::check_ours(&db)?;
    schema::configure(&db)?;
    schema::migrate(&mut db)?;
    Ok(db)
}

fn header_of_vault_key(vault: [u8; 16]) -> Header {
    Header { table: Table::VaultKey, key: vault, patient: NOBODY, compartment: NOBODY }
}

fn wrap(key: &Key, header: &Header, inner: &Key) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; 24];
    keys::fill_random(&mut nonce)?;
    seal::seal(key, header, nonce, &inner.0).map_err(VaultError::damaged("key"))
}

fn unwrap_key(key: &Key, header: &Header, wrapped: &[u8]) -> Option<Key> {
    let bytes: Zeroizing<Vec<u8>> = seal::open(key, header, wrapped).ok()?;
    Some(Key(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
}

/// The file is the owner's alone, WAL included (SQLite copies the mode).
fn restrict(path: &Path) -> Result<(), VaultError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(VaultError::File)?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::FileKeyStore;
    use record::DocumentId;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn at(minutes: u64) -> RunningTime {
        RunningTime { boot: [1; 16], ms: minutes * 60_000 }
    }

    /// A vault with one item in it, and its folder.
    fn vault() -> Result<(tempfile::TempDir, PathBuf, FileKeyStore), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.vault");
        let store = FileKeyStore::beside(&path);
        let mut vault = Vault::create(&path, &store, &Pin::new("2468")?, PinCost::FLOOR, at(0))?;
        vault.write(|tx| tx.put_setting("language", "ja"))?;
        Ok((folder, path, store))
    }

    #[test]
    fn wrong_pins_wait_longer_and_longer_and_the_tenth_takes_the_keys() -> Outcome {
        let (_folder, path, store) = vault()?;
        let (right, wrong) = (Pin::new("2468")?, Pin::new("1357")?);
        let mut minute = 0;
        for (n, wait) in [0, 0, 0, 1, 5, 15, 60, 60, 60].into_iter().enumerate() {
            match Vault::open(&path, &store, &wrong, at(minute)).err() {
                Some(VaultError::WrongPin { left, wait_ms }) => {
                    assert_eq!((left, wait_ms), (9 - n as u32, wait * 60_000))
                }
                other => return Err(format!("{n}: {other:?}").into()),
            }
            if wait > 0 {
                // Not even the right one is looked at before the time is over.
                let early = Vault::open(&path, &store, &right, at(minute));
                assert!(matches!(early.err(), Some(VaultError::Wait { .. })));
            }
            minute += wait;
        }
        assert!(matches!(Vault::open(&path, &store, &wrong, at(minute)).err(), Some(VaultError::Wiped)));
        assert!(matches!(Vault::open(&path, &store, &right, at(minute + 999)).err(), Some(VaultError::Wiped)));
        Ok(())
    }

    #[test]
    fn the_right_pin_forgives() -> Outcome {
        let (_folder, path, store) = vault()?;
        let (right, wrong) = (Pin::new("2468")?, Pin::new("1357")?);
        for _ in 0..4 {
            for left in [9, 8] {
                let error = Vault::open(&path, &store, &wrong, at(0)).err();
                assert!(matches!(error, Some(VaultError::WrongPin { left: l, .. }) if l == left));
            }
            Vault::open(&path, &store, &right, at(0))?;
        }
        Ok(())
    }

    #[test]
    fn after_a_wipe_the_file_holds_no_key_and_no_body_that_stood_there() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        let bodies: Vec<Vec<u8>> = open.read(|tx| -> Result<_, VaultError> {
            let mut bodies = Vec::new();
            for sql in [
                "SELECT wrapped FROM header",
                "SELECT wrapped FROM compartment",
                "SELECT wrapped FROM patient_key",
                "SELECT sealed FROM state",
            ] {
                let mut statement = tx.sql.prepare(sql)?;
                bodies.extend(statement.query_map([], |r| r.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?);
            }
            Ok(bodies)
        })?;
        assert!(bodies.len() >= 4);
        open.wipe()?;
        for file in std::fs::read_dir(path.parent().ok_or("no folder")?)? {
            let bytes = std::fs::read(file?.path())?;
            for body in &bodies {
                assert!(
                    !bytes.windows(24).any(|window| window == &body[1..25]),
                    "a nonce of a wiped body still stands there"
                );
            }
        }
        Ok(())
    }

    /// A key store that counts, as phones have one.
    struct Counting<'a>(&'a FileKeyStore, std::sync::Mutex<Option<u64>>);

    impl KeyStore for Counting<'_> {
        fn put(&self, secret: &DeviceSecret) -> Result<(), VaultError> {
            self.0.put(secret)
        }
        fn get(&self) -> Result<DeviceSecret, VaultError> {
            self.0.get()
        }
        fn generation(&self) -> Result<Option<u64>, VaultError> {
            Ok(self.1.lock().ok().and_then(|g| *g))
        }
        fn put_generation(&self, generation: u64) -> Result<(), VaultError> {
            if let Ok(mut kept) = self.1.lock() {
                *kept = Some(generation);
            }
            Ok(())
        }
    }

    #[test]
    fn a_whole_older_copy_of_the_file_is_noticed_by_the_key_store() -> Outcome {
        let (_folder, path, store) = vault()?;
        let pin = Pin::new("2468")?;
        let counting = Counting(&store, std::sync::Mutex::new(None));
        let mut open = Vault::open(&path, &counting, &pin, at(0))?;
        open.mark_generation(&counting)?;
        drop(open);
        let older = std::fs::read(&path)?;
        let mut open = Vault::open(&path, &counting, &pin, at(0))?;
        open.write(|tx| tx.put_setting("language", "en"))?;
        open.mark_generation(&counting)?;
        drop(open);
        Vault::open(&path, &counting, &pin, at(0))?;
        std::fs::write(&path, older)?;
        assert!(matches!(Vault::open(&path, &counting, &pin, at(0)).err(), Some(VaultError::OlderCopy { .. })));
        Ok(())
    }

    #[test]
    fn one_row_put_back_from_an_older_copy_taken_away_or_slipped_in_is_noticed() -> Outcome {
        let (_folder, path, store) = vault()?;
        let pin = Pin::new("2468")?;
        let mut open = Vault::open(&path, &store, &pin, at(0))?;
        for number in 1..4 {
            let item = record_of("hp-1", number)?;
            open.write(|tx| tx.put_item(&item))?;
        }
        let changed = crate::Item { body: vec![9; 40], ..record_of("hp-1", 1)? };
        let raw = |sql: &str| -> Result<usize, rusqlite::Error> { Connection::open(&path)?.execute(sql, []) };
        Connection::open(&path)?.execute_batch("CREATE TABLE kept AS SELECT * FROM item")?;
        open.write(|tx| tx.put_item(&changed))?;
        assert!(open.read(|tx| tx.rows_add_up())?);
        let harm = [
            ("an older row put back", "UPDATE item SET sealed = (SELECT k.sealed FROM kept k WHERE k.key = item.key)"),
            ("a row taken away", "DELETE FROM item WHERE key = (SELECT min(key) FROM item)"),
            (
                "a row of another place slipped in",
                "INSERT INTO item SELECT kind + 100, key, compartment, patient, source, sealed FROM kept",
            ),
        ];
        drop(open);
        let sound = std::fs::read(&path)?;
        for (what, sql) in harm {
            raw(sql)?;
            let mut open = Vault::open(&path, &store, &pin, at(0))?;
            assert!(!open.read(|tx| tx.rows_add_up())?, "{what}");
            // Each row by itself still opens: only the sum knows.
            open.read(|tx| tx.items(protocol::Kind::Record, None))?;
            drop(open);
            std::fs::write(&path, &sound)?;
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
            }
        }
        Ok(())
    }

    #[test]
    fn writing_that_failed_leaves_the_sum_as_it_was() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        let item = record_of("hp-1", 1)?;
        let failed: Result<(), VaultError> = open.write(|tx| {
            tx.put_item(&item)?;
            Err(VaultError::NoRandomness)
        });
        assert!(failed.is_err() && open.read(|tx| tx.rows_add_up())?);
        open.write(|tx| tx.put_item(&item))?;
        open.write(|tx| tx.put_setting("language", "en"))?;
        open.write(|tx| tx.put_setting("language", "ja"))?;
        open.write(|tx| tx.destroy_disclosed())?;
        assert!(open.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    /// One disclosed record of a patient.
    fn record_of(facility: &str, number: u8) -> Result<crate::Item, Box<dyn std::error::Error>> {
        Ok(crate::Item {
            kind: protocol::Kind::Record,
            doc: DocumentId([number; 16]),
            patient: Some("p1".parse()?),
            source: Some(facility.parse()?),
            body: vec![number; 40],
        })
    }

    /// Every sealed body of the disclosed compartment, and the key that opens them.
    fn disclosed(vault: &mut Vault) -> Result<(Vec<Vec<u8>>, Key), VaultError> {
        vault.read(|tx| {
            let compartment = tx.ring.compartment_tag(&Compartment::Disclosed("home".to_string()));
            let patient = tx.ring.patient_tag(Some(&"p1".parse().map_err(|_| VaultError::Missing("a patient"))?));
            let key = tx.ring.patient_key(tx.sql, compartment, patient, false)?;
            let mut statement = tx.sql.prepare("SELECT sealed FROM item WHERE compartment = ?1")?;
            let bodies = statement.query_map([compartment], |r| r.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?;
            Ok((bodies, key))
        })
    }

    fn stands_in(folder: &Path, body: &[u8]) -> Result<bool, std::io::Error> {
        for file in std::fs::read_dir(folder)? {
            // Nonce and the first of the ciphertext: what a finder would need whole.
            if std::fs::read(file?.path())?.windows(40).any(|window| window == &body[1..41]) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[test]
    fn after_an_erasure_a_kept_key_finds_nothing_that_it_opens() -> Outcome {
        let (folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        for (facility, number) in [("hp-1", 1), ("hp-1", 2), ("hp-2", 3)] {
            let item = record_of(facility, number)?;
            open.write(|tx| tx.put_item(&item))?;
        }
        let (before, kept) = disclosed(&mut open)?;
        assert_eq!(before.len(), 3);
        open.write(|tx| {
            let (patient, facility) = ("p1".parse(), "hp-1".parse());
            let missing = |_| VaultError::Missing("an id");
            tx.forget_disclosed(&patient.map_err(missing)?, &facility.map_err(missing)?)
        })?;
        for body in &before {
            assert!(!stands_in(folder.path(), body)?, "also what stays was sealed anew");
        }
        let (after, fresh) = disclosed(&mut open)?;
        assert_eq!(after.len(), 1);
        assert!(kept.0 != fresh.0);
        let rest: Vec<crate::Item> = open.read(|tx| tx.items(protocol::Kind::Record, None))?;
        assert!(rest == [record_of("hp-2", 3)?]);
        // The lease ends: nothing of the compartment is left.
        open.write(|tx| tx.destroy_disclosed())?;
        for body in &after {
            assert!(!stands_in(folder.path(), body)?);
        }
        assert!(disclosed(&mut open).is_err());
        let item = record_of("hp-1", 4)?;
        open.write(|tx| tx.put_item(&item))?;
        assert_eq!(disclosed(&mut open)?.0.len(), 1, "and what comes later has keys of its own");
        Ok(())
    }

    #[test]
    fn a_changed_pin_costs_what_it_cost_before() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        open.change_pin(&store, &Pin::new("8642")?)?;
        drop(open);
        assert!(Vault::open(&path, &store, &Pin::new("2468")?, at(0)).is_err());
        Vault::open(&path, &store, &Pin::new("8642")?, at(0))?;
        Ok(())
    }

    #[test]
    fn nothing_is_written_without_its_sealed_copy() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        let patient = "p1".parse()?;
        let written = crate::Written {
            doc: DocumentId([1; 16]),
            patient: &patient,
            kind: protocol::Kind::Note,
            hash: record::ContentHash([0; 32]),
            bytes: b"x",
            at: 0,
        };
        let refused: Result<(), VaultError> = open.write(|tx| tx.put_copy(&written));
        assert!(matches!(refused, Err(VaultError::Missing(_))));
        Ok(())
    }
}
