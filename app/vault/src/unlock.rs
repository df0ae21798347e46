//! PINs in front of the vault: making it and opening it with one. Changing them is `unlock/pins.rs`, the finger or the face
//! `unlock/biometrics.rs`, what stands in front of the keys `unlock/door.rs`.

mod biometrics;
mod door;
mod pins;

pub use biometrics::allows_biometrics;
pub use pins::{Stretched, Stretcher};

use crate::attempts::{AttemptFile, Attempts, Counted, RunningTime};
use crate::capsule;
use crate::decoy;
use crate::error::VaultError;
use crate::keys::{self, ARGON_KIB, ARGON_PASSES, DeviceSecret, KeyStore, Pin};
use crate::ring::{KeyRing, VaultKey, unwrap_vault_key, wrap_vault_key};
use crate::schema;
use crate::seal::{Key, Table};
use crate::state::Identity;
use crate::vault::Vault;
use door::{DAMAGED, Door, alter, header_of, make_door};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

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

/// So often a counter may be gone without costing the keys.
const FORGIVEN: u32 = 2;

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
        AttemptFile::beside(path, &secret).create(&Attempts::none(now))?;
        let mut key = VaultKey { key: keys::make_key()?, has_root: false };
        let mut vault = Self::behind(path, db, KeyRing::new(&key), false);
        // The sum of rows first: from the header on, a file without it is a damaged one.
        vault.write(|_| Ok::<(), VaultError>(()))?;
        key.has_root = true;
        make_door(&vault.db, pin, &secret, cost, &key)?;
        Ok(vault)
    }

    /// A vault in memory that shows who somebody is and nothing else.
    pub(crate) fn decoy(path: &Path, store: &dyn KeyStore, pin: &Pin, shown: &Identity) -> Result<Self, VaultError> {
        let mut db = Connection::open_in_memory()?;
        schema::configure(&db)?;
        schema::migrate(&mut db)?;
        let key = VaultKey { key: keys::make_key()?, has_root: false };
        make_door(&db, pin, &store.get()?, PinCost::FLOOR, &key)?;
        let mut vault = Self::behind(path, db, KeyRing::new(&key), true);
        vault.write(|tx| {
            tx.put_identity(shown)?;
            tx.put_sync_state(&decoy::sync_state()?)
        })?;
        Ok(vault)
    }

    /// Opens a vault with both factors. A wrong PIN is counted before it is tried; after too many the keys go and the
    /// sealed copies stay. The PIN under duress opens an empty one.
    pub fn open(path: &Path, store: &dyn KeyStore, pin: &Pin, now: RunningTime) -> Result<Self, VaultError> {
        let mut db = connect_with_room_or_without(path)?;
        let secret = store.get()?;
        let mut file = AttemptFile::beside(path, &secret);
        // One try at a time, however many programs try.
        file.lock()?;
        // What it says now, not before the wait.
        let mut door = Door::read(&db)?;
        if !door.is_whole(&secret) {
            // No PIN's fault: nothing is counted, nothing is wiped.
            return Err(DAMAGED);
        }
        let attempts = count(&file, &mut db, &mut door, &secret, now)?;
        if attempts.wrong >= door.wipe_after {
            capsule::wipe(&mut db, store)?;
            return Err(VaultError::Wiped);
        }
        let wait_ms = attempts.waits(now);
        if wait_ms > 0 {
            file.write_or_create(&attempts)?;
            return Err(VaultError::Wait { wait_ms });
        }
        let charged = attempts.charged(now);
        file.write_or_create(&charged)?;
        let unlock = door.key_of(pin, &secret)?;
        if let Some(key) = unwrap_vault_key(&unlock, &door.vault_key_header(), &door.wrapped) {
            // Not waited for: a counter that is one too high after a power loss is forgiven by the next right PIN.
            file.forgive(&Attempts::none(now))?;
            let mut vault = Self::enter(path, db, &key, store)?;
            match vault.finish_door(&unlock, &key, &door, &secret) {
                // Noted when there is room again.
                Ok(()) | Err(VaultError::Full) => {}
                Err(error) => return Err(error),
            }
            return Ok(vault);
        }
        if let Some(shown) = decoy::open(&unlock, &header_of(Table::Duress, door.vault), &door.duress) {
            // Whoever was given this PIN must not use it to try others without being counted: it forgives nothing.
            file.write_or_create(&attempts)?;
            return Self::decoy(path, store, pin, &shown);
        }
        if charged.wrong >= door.wipe_after {
            capsule::wipe(&mut db, store)?;
            return Err(VaultError::Wiped);
        }
        Err(VaultError::WrongPin { left: door.wipe_after - charged.wrong, wait_ms: charged.waits(now) })
    }

    /// What an older version left out of the header, and what the right PIN forgives.
    fn finish_door(
        &mut self,
        unlock: &Key,
        key: &VaultKey,
        door: &Door,
        secret: &DeviceSecret,
    ) -> Result<(), VaultError> {
        let has_root = key.has_root || self.read(|tx| tx.has_root())?;
        if door.guarded
            && door.tampered == 0
            && !door.duress.is_empty()
            && !door.told.is_empty()
            && has_root == key.has_root
        {
            return Ok(());
        }
        alter(&mut self.db, secret, |door| {
            if door.duress.is_empty() {
                door.duress = decoy::filler(&header_of(Table::Duress, door.vault))?;
            }
            // Another program may have changed the PIN since: its wrapping stands.
            let is_ours = unwrap_vault_key(unlock, &door.vault_key_header(), &door.wrapped).is_some();
            if has_root != key.has_root && is_ours {
                let key = VaultKey { key: key.key.clone(), has_root };
                door.wrapped = wrap_vault_key(unlock, &door.vault_key_header(), &key)?;
            }
            (door.guarded, door.tampered) = (true, 0);
            Ok(())
        })?;
        Ok(())
    }

    fn enter(path: &Path, db: Connection, key: &VaultKey, store: &dyn KeyStore) -> Result<Self, VaultError> {
        let mut vault = Self::behind(path, db, KeyRing::new(key), false);
        if let Some(newest) = store.generation()? {
            // Where the sum itself is damaged there is no number to compare; the self-check tells of it.
            let (here, is_told) = vault.read(|tx| Ok::<_, VaultError>((tx.generation()?, tx.has_root()?)))?;
            if is_told && here < newest {
                return Err(VaultError::OlderCopy { here, newest });
            }
        }
        vault.cut_left_log();
        Ok(vault)
    }
}

/// What is counted so far. A counter that is gone or was altered is told in the header.
fn count(
    file: &AttemptFile,
    db: &mut Connection,
    door: &mut Door,
    secret: &DeviceSecret,
    now: RunningTime,
) -> Result<Attempts, VaultError> {
    match file.read()? {
        Counted::Sound(attempts) => Ok(attempts),
        Counted::Missing if !door.guarded => Ok(Attempts::none(now)),
        Counted::Missing | Counted::Altered => {
            *door = alter(db, secret, |door| {
                door.tampered = door.tampered.saturating_add(1);
                Ok(())
            })?;
            let mut tampered = Attempts::tampered(now, door.tampered);
            if door.tampered <= FORGIVEN {
                // A counter that was lost once or twice is waited for; alone it wipes nothing, however low the limit is.
                tampered.wrong = tampered.wrong.min(door.wipe_after - 1);
            }
            Ok(tampered)
        }
    }
}

fn connect_with_room_or_without(path: &Path) -> Result<Connection, VaultError> {
    match connect(path, false) {
        // A full disk has no room for the log's index: read without one, alone.
        Err(VaultError::Full) => connect(path, true),
        other => other,
    }
}

/// `alone`: the log's index is kept in memory, so that nothing need be written to read; no other process may open the file
/// meanwhile.
fn connect(path: &Path, alone: bool) -> Result<Connection, VaultError> {
    // Never made anew where one is expected.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(|error| match path.exists() {
        true => error.into(),
        false => VaultError::NoVault,
    })?;
    if alone {
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    }
    schema::check_ours(&db)?;
    schema::configure(&db)?;
    schema::migrate(&mut db)?;
    Ok(db)
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
#[path = "unlock_tests.rs"]
mod tests;
