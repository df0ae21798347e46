//! A recognised finger or face beside the PIN.

use super::connect_with_room_or_without;
use super::door::{DAMAGED, Door, header_of};
use crate::attempts::{AttemptFile, Counted};
use crate::error::VaultError;
use crate::keys::{self, BiometricStore, DeviceSecret, KeyStore};
use crate::ring::{unwrap_vault_key, wrap_vault_key};
use crate::seal::Table;
use crate::vault::Vault;
use rusqlite::Connection;
use std::path::Path;

impl Vault {
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
