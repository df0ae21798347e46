//! Changing PINs of an open vault: the nurse's own, the one under duress, and after how many wrong ones the keys go.

use super::door::{Door, header_of};
use crate::decoy;
use crate::error::VaultError;
use crate::keys::{DeviceSecret, KeyStore, Pin};
use crate::ring::{unwrap_vault_key, wrap_vault_key};
use crate::seal::{Key, Table};
use crate::state::Identity;
use crate::vault::Vault;

impl Vault {
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
