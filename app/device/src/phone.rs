//! An unlocked phone: the open vault, who holds it, and under which name it writes.

use crate::error::DeviceError;
use jiff::Timestamp;
use record::StaffId;
use record::visit_note::Actor;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::watch;
use vault::{Identity, KeyStore, Locked, Pin, RunningTime, Tx, Vault, VaultError, Wear};

/// An unlocked phone. Dropping it locks: keys are wiped, the file is closed.
pub struct Phone {
    inner: Mutex<Inner>,
    identity: Identity,
    locked: Locked,
    actor: Actor,
    /// Counts changes: the screens redraw, the background sync wakes.
    changes: watch::Sender<u64>,
}

struct Inner {
    vault: Vault,
}

/// Whose hand writes, and under which name its changes stand.
#[derive(Clone, Copy)]
pub(crate) struct Hand<'a> {
    pub actor: Actor,
    pub staff: &'a StaffId,
}

impl Phone {
    /// Opens the vault with both factors. Typed text that an app left behind when it died becomes a change now.
    pub fn unlock(path: &Path, store: &dyn KeyStore, pin: &Pin, now: Timestamp) -> Result<Self, DeviceError> {
        let vault = Vault::open(path, store, pin, RunningTime::now())?;
        Self::from_vault(vault, store, now)
    }

    fn from_vault(mut vault: Vault, store: &dyn KeyStore, now: Timestamp) -> Result<Self, DeviceError> {
        let identity = vault.read(|tx| tx.identity()).map_err(|error| match error {
            vault::VaultError::Missing(_) => vault::VaultError::NoVault,
            other => other,
        })?;
        let state = vault.read(|tx| tx.sync_state())?;
        // Before anything is written: every change also goes, sealed, where a wipe does not reach.
        vault.seal_copies(&identity, state.series)?;
        let locked = Locked {
            device: identity.device,
            series: state.series,
            epoch: state.epoch,
            hub_url: identity.hub_url.clone(),
            ca: identity.ca.clone(),
            certificate: identity.certificate.clone(),
            tls_key: identity.tls_key.clone(),
            receipt_key: identity.receipt_key.clone(),
            last_hub_time: state.last_hub_time,
        };
        // A full disk keeps nobody from reading; what stood there before still works.
        match vault.write(|tx| tx.put_locked(store, &locked)) {
            Ok(()) | Err(VaultError::Full) => {}
            Err(error) => return Err(error.into()),
        }
        let mut session = [0; 8];
        getrandom::fill(&mut session).map_err(|_| DeviceError::Keys)?;
        let actor = Actor { device: identity.device, session };
        let phone =
            Self { inner: Mutex::new(Inner { vault }), identity, locked, actor, changes: watch::Sender::new(0) };
        phone.recover_journal(now)?;
        match phone.tick_lease(RunningTime::now()) {
            // A full disk keeps nobody from reading; the lease is counted when there is room.
            Ok(_) | Err(DeviceError::Vault(VaultError::Full)) => {}
            Err(error) => return Err(error),
        }
        Ok(phone)
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What works without the PIN.
    pub(crate) fn locked(&self) -> &Locked {
        &self.locked
    }

    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Whose hand writes, under which name.
    pub(crate) fn hand(&self) -> Hand<'_> {
        Hand { actor: self.actor, staff: &self.identity.staff }
    }

    /// The key that signs what this person confirms.
    pub(crate) fn signing_key(&self) -> Result<ed25519_dalek::SigningKey, DeviceError> {
        let key = <[u8; 32]>::try_from(self.identity.signing_key.as_slice()).map_err(|_| DeviceError::Keys)?;
        let key = zeroize::Zeroizing::new(key);
        Ok(ed25519_dalek::SigningKey::from_bytes(&key))
    }

    /// Told of every change that this phone writes or receives.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|n| *n += 1);
    }

    /// One transaction that may write. Short: the network is never waited for in here.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, DeviceError>) -> Result<T, DeviceError> {
        self.lock().vault.write(work)
    }

    pub(crate) fn read<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, DeviceError>) -> Result<T, DeviceError> {
        self.lock().vault.read(work)
    }

    pub fn change_pin(&self, store: &dyn KeyStore, new: &Pin) -> Result<(), DeviceError> {
        Ok(self.lock().vault.change_pin(store, new)?)
    }

    /// Wrong PINs after which the keys go.
    pub fn set_pin_limit(&self, wrong: u32) -> Result<(), DeviceError> {
        Ok(self.lock().vault.wipe_after(wrong)?)
    }

    /// 封印消去: keys and readable bodies go, what was written stays sealed for the hub. The phone is locked for good.
    pub fn wipe(self) -> Result<(), DeviceError> {
        let inner = self.inner.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(inner.vault.wipe()?)
    }

    pub fn wear(&self) -> Wear {
        self.lock().vault.wear()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in a use case rolled its transaction back; the vault behind the lock is sound.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
