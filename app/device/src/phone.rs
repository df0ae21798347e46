//! An unlocked phone: the open vault, who holds it, and under which name it writes.

use crate::board::KnownBoards;
use crate::error::DeviceError;
use crate::read;
use crate::relay::RelayPace;
use jiff::Timestamp;
use jiff::civil::Date;
use record::StaffId;
use record::calendar::day_in_japan;
use record::visit_note::Actor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;
use vault::{BiometricStore, Identity, KeyStore, Locked, Pin, RunningTime, Tx, Vault, VaultError, Wear};

/// An unlocked phone. Dropping it locks: keys are wiped, the file is closed.
pub struct Phone {
    /// Whoever waits for the vault stands here, so that she is the next: a mutex by itself is often taken again by the thread
    /// that has just left it, and a pen would wait for the whole of what somebody does in many short turns.
    turn: Mutex<()>,
    /// `None` once it was locked while somebody still held it.
    inner: Mutex<Option<Vault>>,
    /// Which boards were read, without a word of them.
    boards: Mutex<KnownBoards>,
    /// Japan's day and whether the lease has lapsed, as they were when somebody looked last.
    clock: Mutex<Option<(Date, bool)>>,
    path: PathBuf,
    /// Opened by the PIN under duress: nothing in here is anybody's, and no hub is asked for more.
    decoy: bool,
    identity: Identity,
    locked: Locked,
    /// New at every unlock, and whenever a document has left this phone: one that comes back, or is begun again, must never
    /// meet two changes under one name and number.
    actor: RwLock<Actor>,
    /// Which unlock this is: a line of the journal of another one was left by an app that died.
    session: [u8; 8],
    /// Counts changes: the screens redraw, the background sync wakes.
    changes: watch::Sender<u64>,
    /// The line is paid by the byte, as the OS says; a desktop's is not.
    metered: AtomicBool,
    relay_pace: Mutex<RelayPace>,
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

    /// The same with a recognised finger or face in the PIN's place.
    pub fn unlock_recognised(
        path: &Path,
        store: &dyn KeyStore,
        biometrics: &dyn BiometricStore,
        now: Timestamp,
    ) -> Result<Self, DeviceError> {
        let vault = Vault::open_recognised(path, store, biometrics)?;
        Self::from_vault(vault, store, now)
    }

    fn from_vault(mut vault: Vault, store: &dyn KeyStore, now: Timestamp) -> Result<Self, DeviceError> {
        let identity = vault.read(|tx| tx.identity()).map_err(|error| match error {
            vault::VaultError::Missing(_) => vault::VaultError::NoVault,
            other => other,
        })?;
        let state = vault.read(|tx| tx.sync_state())?;
        // Before anything is written: every change also goes, sealed, where a wipe does not reach.
        let copies_series = state.copies_series.unwrap_or(state.series);
        vault.seal_copies(&identity, copies_series)?;
        let locked = Locked {
            device: identity.device,
            staff_name: identity.staff_name.clone(),
            series: copies_series,
            epoch: state.epoch,
            hub_url: identity.hub_url.clone(),
            ca: identity.ca.clone(),
            certificate: identity.certificate.clone(),
            tls_key: identity.tls_key.clone(),
            receipt_key: identity.receipt_key.clone(),
            last_hub_time: state.last_hub_time,
        };
        // A full disk keeps nobody from reading; what stood there before still works.
        let kept = vault.write(|tx| {
            tx.put_locked(store, &locked)?;
            tx.put_stand(&state)
        });
        match kept {
            Ok(()) | Err(VaultError::Full) => {}
            Err(error) => return Err(error.into()),
        }
        let session = make_session()?;
        let actor = RwLock::new(Actor { device: identity.device, session });
        let (path, decoy) = (vault.path().to_path_buf(), vault.is_decoy());
        let inner = Mutex::new(Some(vault));
        let (changes, metered) = (watch::Sender::new(0), AtomicBool::new(false));
        let (turn, boards, clock) = (Mutex::default(), Mutex::default(), Mutex::default());
        let relay_pace = Mutex::default();
        let phone = Self {
            turn,
            inner,
            boards,
            clock,
            path,
            decoy,
            identity,
            locked,
            actor,
            session,
            changes,
            metered,
            relay_pace,
        };
        phone.recover_journal(now)?;
        match phone.tick_lease(RunningTime::now()) {
            // A full disk keeps nobody from reading; the lease is counted when there is room.
            Ok(_) | Err(DeviceError::Vault(VaultError::Full)) => {}
            Err(error) => return Err(error),
        }
        phone.look_at_clock(now)?;
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
        *self.actor.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which unlock this is.
    pub(crate) fn session(&self) -> [u8; 8] {
        self.session
    }

    /// From here on changes stand under another name.
    pub(crate) fn renew_actor(&self) -> Result<(), DeviceError> {
        let actor = Actor { device: self.identity.device, session: make_session()? };
        *self.actor.write().unwrap_or_else(PoisonError::into_inner) = actor;
        Ok(())
    }

    /// Whose hand writes, under which name.
    pub(crate) fn hand(&self) -> Hand<'_> {
        Hand { actor: self.actor(), staff: &self.identity.staff }
    }

    /// The key that signs what this person confirms.
    pub(crate) fn signing_key(&self) -> Result<ed25519_dalek::SigningKey, DeviceError> {
        let key = <[u8; 32]>::try_from(self.identity.signing_key.as_slice()).map_err(|_| DeviceError::Keys)?;
        let key = zeroize::Zeroizing::new(key);
        Ok(ed25519_dalek::SigningKey::from_bytes(&key))
    }

    /// The OS says what kind of line there is now.
    pub fn set_metered(&self, metered: bool) {
        self.metered.store(metered, Ordering::Relaxed);
    }

    pub(crate) fn is_metered(&self) -> bool {
        self.metered.load(Ordering::Relaxed)
    }

    pub(crate) fn relay_pace(&self) -> MutexGuard<'_, RelayPace> {
        self.relay_pace.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.with(|vault| vault.write(work))
    }

    pub(crate) fn read<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, DeviceError>) -> Result<T, DeviceError> {
        self.with(|vault| vault.read(work))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vault) -> Result<T, DeviceError>) -> Result<T, DeviceError> {
        work(self.lock().as_mut().ok_or(VaultError::Locked)?)
    }

    /// Locks now, whoever still holds this phone: keys are wiped and the file is closed as soon as the transaction under way,
    /// if there is one, has ended. What a background run asks afterwards is refused, and it ends.
    pub fn suspend(&self) {
        drop(self.lock().take());
        self.known_boards().clear();
    }

    /// Time alone changes what may be read: the lease ends, another day begins. Whoever shows something asks now and then;
    /// whoever listens to [`Phone::changes`] hears of it.
    pub fn look_at_clock(&self, now: Timestamp) -> Result<(), DeviceError> {
        let stands = (day_in_japan(now), self.read(|tx| read::lease_lapsed(tx, now))?);
        let before = self.clock.lock().unwrap_or_else(PoisonError::into_inner).replace(stands);
        if before.is_some_and(|before| before != stands) {
            self.changed();
        }
        Ok(())
    }

    pub(crate) fn known_boards(&self) -> MutexGuard<'_, KnownBoards> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the empty route that the PIN under duress opens.
    pub fn is_decoy(&self) -> bool {
        self.decoy
    }

    /// The vault's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub fn change_pin(&self, store: &dyn KeyStore, new: &Pin) -> Result<(), DeviceError> {
        let stretcher = self.with(|vault| Ok(vault.stretcher(store)?))?;
        // Half a second of work: nobody waits for the vault meanwhile.
        let unlock = stretcher.stretch(new)?;
        self.with(|vault| Ok(vault.change_pin_to(store, &unlock)?))
    }

    /// Sets the PIN under duress, or takes it away.
    pub fn set_duress_pin(&self, store: &dyn KeyStore, pin: Option<&Pin>) -> Result<(), DeviceError> {
        let stretcher = self.with(|vault| Ok(vault.stretcher(store)?))?;
        let unlock = pin.map(|pin| stretcher.stretch(pin)).transpose()?;
        self.with(|vault| Ok(vault.set_duress_pin(store, unlock.as_ref(), &self.identity)?))
    }

    /// A recognised finger or face opens this vault from now on.
    pub fn allow_biometrics(&self, store: &dyn KeyStore, biometrics: &dyn BiometricStore) -> Result<(), DeviceError> {
        self.with(|vault| Ok(vault.allow_biometrics(store, biometrics)?))
    }

    pub fn forbid_biometrics(&self, store: &dyn KeyStore, biometrics: &dyn BiometricStore) -> Result<(), DeviceError> {
        self.with(|vault| Ok(vault.forbid_biometrics(store, biometrics)?))
    }

    /// Wrong PINs after which the keys go.
    pub fn set_pin_limit(&self, store: &dyn KeyStore, wrong: u32) -> Result<(), DeviceError> {
        self.with(|vault| Ok(vault.wipe_after(store, wrong)?))
    }

    /// 封印消去: keys and readable bodies go, what was written stays sealed for the hub. The phone is locked for good.
    pub fn wipe(self, store: &dyn KeyStore) -> Result<(), DeviceError> {
        // What is being typed becomes a change first, and so a sealed copy.
        if let Err(error) = self.take_all_lines() {
            tracing::warn!(%error, "a typed text went with the keys");
        }
        let vault = self.lock().take().ok_or(VaultError::Locked)?;
        Ok(vault.wipe(store)?)
    }

    /// For tests alone: how much more the disk takes, see [`Vault::limit_room`].
    #[doc(hidden)]
    pub fn limit_room(&self, pages: Option<u32>) -> Result<(), DeviceError> {
        self.with(|vault| Ok(vault.limit_room(pages)?))
    }

    /// Brings the vault's log into its file, in a quiet moment and without holding the vault. What could not be cut off after an
    /// erasure is cut off now, or stays remembered.
    pub(crate) fn tidy_log(&self) -> Result<(), DeviceError> {
        if !self.with(|vault| Ok(vault.take_owed_cut()))? {
            return Ok(Vault::tidy_log(&self.path)?);
        }
        let cut = Vault::cut_log_of(&self.path);
        if !matches!(cut, Ok(true)) {
            self.with(|vault| {
                vault.owe_cut();
                Ok(())
            })?;
        }
        cut?;
        Ok(())
    }

    /// Whether an erasure's traces still stand in the log.
    pub(crate) fn owes_cut(&self) -> bool {
        self.lock().as_ref().is_some_and(Vault::owes_cut)
    }

    pub fn wear(&self) -> Wear {
        self.lock().as_ref().map_or(Wear { bytes: 0 }, Vault::wear)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vault>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // A panic in a use case rolled its transaction back; the vault behind the lock is sound.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_session() -> Result<[u8; 8], DeviceError> {
    let mut session = [0; 8];
    getrandom::fill(&mut session).map_err(|_| DeviceError::Keys)?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Desk, NOW, Outcome};

    #[test]
    fn an_erasure_that_somebody_kept_in_the_log_by_reading_is_cut_off_by_a_later_tidying() -> Outcome {
        let desk = Desk::new()?;
        let (phone, mut reader) = (desk.unlock(NOW)?, desk.vault()?);
        reader.read(|reading| {
            reading.sync_state()?;
            phone.write(|tx| {
                tx.put_setting("language", "en")?;
                Ok(tx.destroy_disclosed()?)
            })?;
            phone.tidy_log()
        })?;
        assert!(phone.owes_cut() && desk.log_bytes() > 0);
        phone.tidy_log()?;
        assert!(!phone.owes_cut());
        assert_eq!(desk.log_bytes(), 0);
        Ok(())
    }
}
