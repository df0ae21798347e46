//! PINs in front of the vault: making it, opening it, changing them; the finger or the face; the PIN under duress.

use crate::attempts::{AttemptFile, Attempts, Counted, RunningTime};
use crate::capsule;
use crate::decoy;
use crate::error::VaultError;
use crate::keys::{self, ARGON_KIB, ARGON_PASSES, BiometricStore, DeviceSecret, KeyStore, Pin};
use crate::ring::{KeyRing, NOBODY, VaultKey, unwrap_vault_key, wrap_vault_key};
use crate::schema;
use crate::seal::{self, Header, Key, Table};
use crate::state::Identity;
use crate::vault::{PATIENCE, Vault};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
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

/// The one row of `header`.
struct Door {
    format: u8,
    vault: [u8; 16],
    salt: [u8; 16],
    cost: PinCost,
    wrapped: Vec<u8>,
    guarded: bool,
    wipe_after: u32,
    duress: Vec<u8>,
    biometric: Vec<u8>,
    tampered: u32,
    told: Vec<u8>,
}

/// More than this no vault was ever made with: the row is damaged, and trying it would take the device down.
const MOST: PinCost = PinCost { kib: 1024 * 1024, passes: 64 };

impl Door {
    fn read(db: &Connection) -> Result<Self, VaultError> {
        let sql =
            "SELECT format, vault, salt, kib, passes, wrapped, guarded, wipe_after, duress, biometric, tampered, told
                   FROM header";
        let door = db
            .query_row(sql, [], |r| {
                Ok(Self {
                    format: r.get(0)?,
                    vault: r.get(1)?,
                    salt: r.get(2)?,
                    cost: PinCost { kib: r.get(3)?, passes: r.get(4)? },
                    wrapped: r.get(5)?,
                    guarded: r.get(6)?,
                    wipe_after: r.get(7)?,
                    duress: r.get(8)?,
                    biometric: r.get(9)?,
                    tampered: r.get(10)?,
                    told: r.get(11)?,
                })
            })
            .optional()?
            .ok_or(VaultError::NoVault)?;
        match door {
            _ if door.format != seal::FORMAT => Err(VaultError::Newer),
            _ if door.wrapped.is_empty() => Err(VaultError::Wiped),
            _ if door.cost.kib > MOST.kib || door.cost.passes > MOST.passes => Err(DAMAGED),
            _ => Ok(door),
        }
    }

    /// Whether the row is the one that was written last. One of an older version says nothing yet.
    fn is_whole(&self, secret: &DeviceSecret) -> bool {
        // `Hash` compares in constant time.
        self.told.is_empty() || <[u8; 32]>::try_from(self.told.as_slice()).is_ok_and(|told| self.hash(secret) == told)
    }

    fn hash(&self, secret: &DeviceSecret) -> blake3::Hash {
        let key = keys::derive_key_of(secret, "tsutsuji 2026 vault header v1");
        let mut hasher = blake3::Hasher::new_keyed(&key.0);
        for part in [&self.vault[..], &self.salt, &self.wrapped, &self.duress, &self.biometric] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        for number in [self.cost.kib, self.cost.passes, self.wipe_after, self.tampered, u32::from(self.guarded)] {
            hasher.update(&number.to_be_bytes());
        }
        hasher.finalize()
    }

    fn store(&mut self, db: &Connection, secret: &DeviceSecret) -> Result<(), VaultError> {
        self.told = self.hash(secret).as_bytes().to_vec();
        db.execute(
            "UPDATE header SET wrapped = ?1, guarded = ?2, wipe_after = ?3, duress = ?4, biometric = ?5, tampered = ?6, told = ?7",
            (
                &self.wrapped,
                self.guarded,
                self.wipe_after,
                &self.duress,
                &self.biometric,
                self.tampered,
                &self.told,
            ),
        )?;
        Ok(())
    }

    fn key_of(&self, pin: &Pin, secret: &DeviceSecret) -> Result<Key, VaultError> {
        keys::unlock_key(pin, secret, &self.vault, &self.salt, self.cost.kib, self.cost.passes)
    }

    fn vault_key_header(&self) -> Header {
        header_of(Table::VaultKey, self.vault)
    }
}

/// So often a counter may be gone without costing the keys.
const FORGIVEN: u32 = 2;

const DAMAGED: VaultError = VaultError::Damaged { table: "header" };

fn header_of(table: Table, vault: [u8; 16]) -> Header {
    Header { table, key: vault, patient: NOBODY, compartment: NOBODY }
}

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
        if !path.exists() {
            return Err(VaultError::NoVault);
        }
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
        let attempts = match file.read()? {
            Counted::Sound(attempts) => attempts,
            Counted::Missing if !door.guarded => Attempts::none(now),
            Counted::Missing | Counted::Altered => {
                door = alter(&mut db, &secret, |door| {
                    door.tampered = door.tampered.saturating_add(1);
                    Ok(())
                })?;
                let mut tampered = Attempts::tampered(now, door.tampered);
                if door.tampered <= FORGIVEN {
                    // A counter that was lost once or twice is waited for; alone it wipes nothing, however low the limit is.
                    tampered.wrong = tampered.wrong.min(door.wipe_after - 1);
                }
                tampered
            }
        };
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

    /// Opens a vault with the device and a recognised finger or face. After a wrong PIN only the right one opens.
    pub fn open_recognised(
        path: &Path,
        store: &dyn KeyStore,
        biometrics: &dyn BiometricStore,
    ) -> Result<Self, VaultError> {
        let (db, door) = door_of(path)?;
        if door.biometric.is_empty() {
            return Err(VaultError::NoBiometrics);
        }
        let secret = store.get()?;
        if !door.is_whole(&secret) {
            return Err(DAMAGED);
        }
        if !matches!(AttemptFile::beside(path, &secret).read()?, Counted::Sound(attempts) if attempts.wrong == 0) {
            return Err(VaultError::PinFirst);
        }
        let key = keys::biometric_key(&biometrics.ask()?, &secret, &door.vault)?;
        // Another secret than the one that was kept: the phone's fingers were changed since.
        let vault_key = unwrap_vault_key(&key, &header_of(Table::Biometric, door.vault), &door.biometric)
            .ok_or(VaultError::NoBiometrics)?;
        Self::enter(path, db, &vault_key, store)
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

    /// Wraps the vault key under a new PIN. One row, one transaction: torn at any step, exactly one of the two opens.
    ///
    /// Salt and cost stay as they were at enrolment: the PIN under duress, which nobody need know here, hangs on the same.
    pub fn change_pin(&mut self, store: &dyn KeyStore, new: &Pin) -> Result<(), VaultError> {
        let unlock = self.stretcher(store)?.stretch(new)?;
        self.change_pin_to(store, &unlock)
    }

    /// What stretching a PIN takes: half a second of work that need not hold the vault.
    pub fn stretcher(&self, store: &dyn KeyStore) -> Result<Stretcher, VaultError> {
        Ok(Stretcher { door: Door::read(&self.db)?, secret: store.get()? })
    }

    pub fn change_pin_to(&mut self, store: &dyn KeyStore, unlock: &Stretched) -> Result<(), VaultError> {
        self.alter_door(store, |door, ring| {
            if decoy::open(&unlock.0, &header_of(Table::Duress, door.vault), &door.duress).is_some() {
                return Err(VaultError::SamePin);
            }
            door.wrapped = wrap_vault_key(&unlock.0, &door.vault_key_header(), &ring.vault_key())?;
            Ok(())
        })
    }

    /// Sets the PIN under duress, or takes it away. What it opens shows `shown`'s name and station and nobody's records.
    pub fn set_duress_pin(
        &mut self,
        store: &dyn KeyStore,
        unlock: Option<&Stretched>,
        shown: &Identity,
    ) -> Result<(), VaultError> {
        self.alter_door(store, |door, _| {
            let header = header_of(Table::Duress, door.vault);
            door.duress = match unlock {
                Some(Stretched(unlock)) => {
                    if unwrap_vault_key(unlock, &door.vault_key_header(), &door.wrapped).is_some() {
                        return Err(VaultError::SamePin);
                    }
                    decoy::seal(unlock, &header, shown)?
                }
                None => decoy::filler(&header)?,
            };
            Ok(())
        })
    }

    /// From now on a recognised finger or face opens the vault too. The OS keeps a secret of its own for it.
    pub fn allow_biometrics(
        &mut self,
        store: &dyn KeyStore,
        biometrics: &dyn BiometricStore,
    ) -> Result<(), VaultError> {
        // The OS keeps one secret: an empty vault under duress must not replace the real one's.
        let is_decoy = self.is_decoy();
        let secret = store.get()?;
        self.alter_door(store, |door, ring| {
            let kept = DeviceSecret::make()?;
            let key = keys::biometric_key(&kept, &secret, &door.vault)?;
            door.biometric = wrap_vault_key(&key, &header_of(Table::Biometric, door.vault), &ring.vault_key())?;
            if is_decoy { Ok(()) } else { biometrics.keep(&kept) }
        })
    }

    /// Only the PIN opens it again.
    pub fn forbid_biometrics(
        &mut self,
        store: &dyn KeyStore,
        biometrics: &dyn BiometricStore,
    ) -> Result<(), VaultError> {
        self.alter_door(store, |door, _| {
            door.biometric = Vec::new();
            Ok(())
        })?;
        if self.is_decoy() { Ok(()) } else { biometrics.forget() }
    }

    /// Wrong PINs after which the keys go.
    pub fn wipe_after(&mut self, store: &dyn KeyStore, wrong: u32) -> Result<(), VaultError> {
        if !(3..=100).contains(&wrong) {
            return Err(VaultError::PinLimit);
        }
        self.alter_door(store, |door, _| {
            door.wipe_after = wrong;
            Ok(())
        })
    }

    /// The row as it was is not left in the log for an older PIN to be put back from.
    fn alter_door(
        &mut self,
        store: &dyn KeyStore,
        change: impl FnOnce(&mut Door, &KeyRing) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let ring = &self.ring;
        alter(&mut self.db, &store.get()?, |door| change(door, ring))?;
        self.cut_log(PATIENCE);
        Ok(())
    }
}

/// Reads the header, changes and writes it in one transaction: of two programs that change it, neither undoes the other.
fn alter(
    db: &mut Connection,
    secret: &DeviceSecret,
    change: impl FnOnce(&mut Door) -> Result<(), VaultError>,
) -> Result<Door, VaultError> {
    let sql = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut door = Door::read(&sql)?;
    if !door.is_whole(secret) {
        return Err(DAMAGED);
    }
    change(&mut door)?;
    door.store(&sql, secret)?;
    sql.commit()?;
    Ok(door)
}

/// A PIN's work, apart from the vault.
pub struct Stretcher {
    door: Door,
    secret: DeviceSecret,
}

/// What a PIN and the device's secret come to.
pub struct Stretched(Key);

impl Stretcher {
    pub fn stretch(&self, pin: &Pin) -> Result<Stretched, VaultError> {
        Ok(Stretched(self.door.key_of(pin, &self.secret)?))
    }
}

/// Whether a recognised finger or face opens the vault under a path.
pub fn allows_biometrics(path: &Path) -> bool {
    door_of(path).is_ok_and(|(_, door)| !door.biometric.is_empty())
}

/// The file, brought up to date, and what stands in front of its keys.
fn door_of(path: &Path) -> Result<(Connection, Door), VaultError> {
    if !path.exists() {
        return Err(VaultError::NoVault);
    }
    let db = connect_with_room_or_without(path)?;
    let door = Door::read(&db)?;
    Ok((db, door))
}

fn connect_with_room_or_without(path: &Path) -> Result<Connection, VaultError> {
    match connect(path, false) {
        // A full disk has no room for the log's index: read without one, alone.
        Err(VaultError::Full) => connect(path, true),
        other => other,
    }
}

/// Writes the header of a new vault.
fn make_door(
    db: &Connection,
    pin: &Pin,
    secret: &DeviceSecret,
    cost: PinCost,
    key: &VaultKey,
) -> Result<(), VaultError> {
    let (mut vault, mut salt) = ([0u8; 16], [0u8; 16]);
    keys::fill_random(&mut vault)?;
    keys::fill_random(&mut salt)?;
    let mut door = Door {
        format: seal::FORMAT,
        vault,
        salt,
        cost,
        wrapped: Vec::new(),
        guarded: true,
        wipe_after: crate::attempts::WIPE_AFTER,
        duress: decoy::filler(&header_of(Table::Duress, vault))?,
        biometric: Vec::new(),
        tampered: 0,
        told: Vec::new(),
    };
    door.wrapped = wrap_vault_key(&door.key_of(pin, secret)?, &door.vault_key_header(), key)?;
    let tx = db.unchecked_transaction()?;
    tx.execute(
        "INSERT INTO header (only, format, vault, salt, kib, passes, wrapped) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
        (door.format, vault, salt, cost.kib, cost.passes, &door.wrapped),
    )?;
    door.store(&tx, secret)?;
    Ok(tx.commit()?)
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
    use crate::testing::{at, closed_vault as vault, identity};
    use std::sync::Mutex;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

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
    fn a_changed_pin_costs_what_it_cost_before() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        open.change_pin(&store, &Pin::new("8642")?)?;
        drop(open);
        assert!(Vault::open(&path, &store, &Pin::new("2468")?, at(0)).is_err());
        Vault::open(&path, &store, &Pin::new("8642")?, at(0))?;
        Ok(())
    }

    fn set_duress(vault: &mut Vault, store: &FileKeyStore, pin: &Pin) -> Result<(), VaultError> {
        let unlock = vault.stretcher(store)?.stretch(pin)?;
        let shown = identity().map_err(|_| VaultError::Missing("an identity"))?;
        vault.set_duress_pin(store, Some(&unlock), &shown)
    }

    #[test]
    fn the_pin_under_duress_opens_an_empty_route_and_leaves_the_records_sealed() -> Outcome {
        let (_folder, path, store) = vault()?;
        let (right, duress) = (Pin::new("2468")?, Pin::new("9999")?);
        let mut open = Vault::open(&path, &store, &right, at(0))?;
        assert!(matches!(set_duress(&mut open, &store, &right), Err(VaultError::SamePin)));
        set_duress(&mut open, &store, &duress)?;
        open.write(|tx| {
            tx.put_item(&crate::Item {
                kind: protocol::Kind::Facility,
                doc: record::DocumentId([1; 16]),
                patient: None,
                source: None,
                body: vec![1; 20],
            })
        })?;
        drop(open);
        let before = std::fs::read(&path)?;
        let mut empty = Vault::open(&path, &store, &duress, at(0))?;
        assert!(empty.is_decoy());
        assert!(empty.read(|tx| tx.items(protocol::Kind::Facility, None))?.is_empty());
        assert_eq!(empty.read(|tx| tx.identity())?.staff_name, "仮田 花子");
        assert_eq!(empty.read(|tx| tx.setting("language"))?, None);
        // Whatever is done in there stays in there.
        empty.write(|tx| tx.put_setting("language", "en"))?;
        empty.change_pin(&store, &Pin::new("1111")?)?;
        empty.set_duress_pin(&store, None, &identity()?)?;
        empty.mark_generation(&store)?;
        drop(empty);
        assert!(before == std::fs::read(&path)?, "not one byte of the real file changed");
        assert!(Vault::open(&path, &store, &duress, at(0))?.is_decoy());
        let mut open = Vault::open(&path, &store, &right, at(0))?;
        assert_eq!(open.read(|tx| tx.items(protocol::Kind::Facility, None))?.len(), 1);
        // The new PIN must not be the other one; taken away, it is a wrong PIN like any.
        assert!(matches!(open.change_pin(&store, &duress), Err(VaultError::SamePin)));
        open.change_pin(&store, &Pin::new("1357")?)?;
        drop(open);
        assert!(Vault::open(&path, &store, &duress, at(0))?.is_decoy(), "a changed PIN leaves the other in force");
        Vault::open(&path, &store, &Pin::new("1357")?, at(0))?.set_duress_pin(&store, None, &identity()?)?;
        assert!(matches!(Vault::open(&path, &store, &duress, at(0)), Err(VaultError::WrongPin { .. })));
        Ok(())
    }

    #[test]
    fn whoever_was_told_the_pin_under_duress_gains_no_try_at_the_other() -> Outcome {
        let (_folder, path, store) = vault()?;
        let duress = Pin::new("9999")?;
        set_duress(&mut Vault::open(&path, &store, &Pin::new("2468")?, at(0))?, &store, &duress)?;
        for left in (5..10).rev() {
            let minute = (10 - left as u64) * 100;
            let error = Vault::open(&path, &store, &Pin::new("1357")?, at(minute)).err();
            assert!(matches!(error, Some(VaultError::WrongPin { left: l, .. }) if l == left), "{error:?}");
            assert!(Vault::open(&path, &store, &duress, at(minute + 60))?.is_decoy());
        }
        Ok(())
    }

    #[test]
    fn nobody_sees_from_the_file_whether_a_pin_under_duress_is_set() -> Outcome {
        let (_folder, path, store) = vault()?;
        let length = || -> Result<i64, rusqlite::Error> {
            Connection::open(&path)?.query_row("SELECT length(duress) FROM header", [], |r| r.get(0))
        };
        let unset = length()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        set_duress(&mut open, &store, &Pin::new("9999")?)?;
        drop(open);
        assert_eq!(unset, length()?);
        Ok(())
    }

    /// A key store that asks for a finger: here it answers as it is told.
    #[derive(Default)]
    struct Finger {
        kept: Mutex<Option<DeviceSecret>>,
        is_hers: std::sync::atomic::AtomicBool,
    }

    impl BiometricStore for Finger {
        fn keep(&self, secret: &DeviceSecret) -> Result<(), VaultError> {
            *self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(secret.clone());
            Ok(())
        }
        fn ask(&self) -> Result<DeviceSecret, VaultError> {
            let kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            kept.filter(|_| self.is_hers.load(std::sync::atomic::Ordering::SeqCst)).ok_or(VaultError::NotRecognised)
        }
        fn forget(&self) -> Result<(), VaultError> {
            *self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
            Ok(())
        }
    }

    #[test]
    fn a_recognised_finger_opens_the_vault_and_after_a_wrong_pin_only_the_pin_does() -> Outcome {
        let (_folder, path, store) = vault()?;
        let (right, wrong, finger) = (Pin::new("2468")?, Pin::new("1357")?, Finger::default());
        let by_finger = || Vault::open_recognised(&path, &store, &finger);
        assert!(matches!(by_finger().err(), Some(VaultError::NoBiometrics)));
        Vault::open(&path, &store, &right, at(0))?.allow_biometrics(&store, &finger)?;
        assert!(allows_biometrics(&path));
        assert!(matches!(by_finger().err(), Some(VaultError::NotRecognised)), "a stranger's finger");
        finger.is_hers.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(by_finger()?.read(|tx| tx.setting("language"))?.as_deref(), Some("ja"));
        let _ = Vault::open(&path, &store, &wrong, at(0));
        assert!(matches!(by_finger().err(), Some(VaultError::PinFirst)));
        Vault::open(&path, &store, &right, at(0))?;
        by_finger()?;
        // The device's own secret is needed beside the finger's.
        let elsewhere = FileKeyStore::beside(&path.with_extension("other"));
        elsewhere.put(&DeviceSecret::make()?)?;
        assert!(Vault::open_recognised(&path, &elsewhere, &finger).is_err());
        Vault::open(&path, &store, &right, at(0))?.forbid_biometrics(&store, &finger)?;
        assert!(matches!(by_finger().err(), Some(VaultError::NoBiometrics)));
        Ok(())
    }

    #[test]
    fn a_damaged_header_is_no_wrong_pin() -> Outcome {
        let (_folder, path, store) = vault()?;
        let right = Pin::new("2468")?;
        for harm in [
            "UPDATE header SET salt = zeroblob(16)",
            "UPDATE header SET wrapped = zeroblob(200)",
            "UPDATE header SET kib = 2000000000",
            "UPDATE header SET wipe_after = 1000",
            "UPDATE header SET duress = zeroblob(1100)",
        ] {
            let sound = std::fs::read(&path)?;
            Connection::open(&path)?.execute(harm, [])?;
            for _ in 0..12 {
                let said = Vault::open(&path, &store, &right, at(0)).err();
                assert!(matches!(said, Some(VaultError::Damaged { table: "header" })), "{harm}: {said:?}");
            }
            std::fs::write(&path, sound)?;
            Vault::open(&path, &store, &right, at(0))?;
        }
        Ok(())
    }

    #[test]
    fn a_counter_that_is_taken_away_again_and_again_ends_in_the_wipe_and_an_altered_one_is_waited_for_once() -> Outcome
    {
        let (_folder, path, store) = vault()?;
        let counter = path.with_extension("vault.attempts");
        std::fs::write(&counter, vec![0; 160])?;
        let right = Pin::new("2468")?;
        assert!(matches!(Vault::open(&path, &store, &right, at(0)).err(), Some(VaultError::Wait { .. })));
        assert!(matches!(Vault::open(&path, &store, &right, at(59)).err(), Some(VaultError::Wait { wait_ms: 60_000 })));
        Vault::open(&path, &store, &right, at(60))?;
        for n in 1..=4 {
            std::fs::remove_file(&counter)?;
            let waits = Vault::open(&path, &store, &right, at(1_000 * n)).err();
            assert!(matches!(waits, Some(VaultError::Wait { .. })), "{n}: {waits:?}");
            let error = Vault::open(&path, &store, &Pin::new("1357")?, at(1_000 * n + 60)).err();
            if n < 4 {
                assert!(matches!(error, Some(VaultError::WrongPin { .. })), "{n}: {error:?}");
            } else {
                assert!(matches!(error, Some(VaultError::Wiped)), "{error:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn tries_made_side_by_side_are_all_counted() -> Outcome {
        let (_folder, path, store) = vault()?;
        let wrong = Pin::new("1357")?;
        let refused = std::thread::scope(|scope| {
            let tries: Vec<_> =
                (0..3).map(|_| scope.spawn(|| Vault::open(&path, &store, &wrong, at(0)).err())).collect();
            tries.into_iter().map(|one| one.join()).collect::<Vec<_>>()
        });
        let mut left: Vec<u32> = refused
            .into_iter()
            .filter_map(|error| match error {
                Ok(Some(VaultError::WrongPin { left, .. })) => Some(left),
                _ => None,
            })
            .collect();
        left.sort();
        assert_eq!(left, [7, 8, 9]);
        Ok(())
    }

    #[test]
    fn after_the_wipe_an_older_copy_of_the_file_opens_with_no_pin() -> Outcome {
        let (folder, path, store) = vault()?;
        let before = std::fs::read(&path)?;
        let attempts = std::fs::read(path.with_extension("vault.attempts"))?;
        let key = std::fs::read(path.with_extension("vault.device-key"))?;
        Vault::open(&path, &store, &Pin::new("2468")?, at(0))?.wipe(&store)?;
        let copy = folder.path().join("copy.vault");
        std::fs::write(&copy, &before)?;
        std::fs::write(copy.with_extension("vault.attempts"), &attempts)?;
        std::fs::copy(path.with_extension("vault.device-key"), copy.with_extension("vault.device-key"))?;
        let opened = Vault::open(&copy, &FileKeyStore::beside(&copy), &Pin::new("2468")?, at(0));
        assert!(opened.is_err(), "the device's secret that it needs is gone");
        assert!(std::fs::read(path.with_extension("vault.device-key"))? != key);
        assert!(!path.with_extension("vault.device-key.next").exists());
        Ok(())
    }
}
