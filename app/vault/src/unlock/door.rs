//! The one row of `header`: what stands in front of the vault's keys.

use super::PinCost;
use crate::decoy;
use crate::error::VaultError;
use crate::keys::{self, DeviceSecret, KeyStore, Pin};
use crate::ring::{KeyRing, NOBODY, VaultKey, wrap_vault_key};
use crate::seal::{self, Header, Key, Table};
use crate::vault::{PATIENCE, Vault};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

pub(super) struct Door {
    format: u8,
    pub vault: [u8; 16],
    salt: [u8; 16],
    cost: PinCost,
    pub wrapped: Vec<u8>,
    pub guarded: bool,
    pub wipe_after: u32,
    pub duress: Vec<u8>,
    pub biometric: Vec<u8>,
    pub tampered: u32,
    pub told: Vec<u8>,
}

/// More than this no vault was ever made with: the row is damaged, and trying it would take the device down.
const MOST: PinCost = PinCost { kib: 1024 * 1024, passes: 64 };

impl Door {
    pub fn read(db: &Connection) -> Result<Self, VaultError> {
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
    pub fn is_whole(&self, secret: &DeviceSecret) -> bool {
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

    pub fn key_of(&self, pin: &Pin, secret: &DeviceSecret) -> Result<Key, VaultError> {
        keys::unlock_key(pin, secret, &self.vault, &self.salt, self.cost.kib, self.cost.passes)
    }

    pub fn vault_key_header(&self) -> Header {
        header_of(Table::VaultKey, self.vault)
    }
}

pub(super) const DAMAGED: VaultError = VaultError::Damaged { table: "header" };

pub(super) fn header_of(table: Table, vault: [u8; 16]) -> Header {
    Header { table, key: vault, patient: NOBODY, compartment: NOBODY }
}

impl Vault {
    /// The row as it was is not left in the log for an older PIN to be put back from.
    pub(super) fn alter_door(
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
pub(super) fn alter(
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

/// Writes the header of a new vault.
pub(super) fn make_door(
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
