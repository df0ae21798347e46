//! Faults that take a state away: a hub put back to its backup, a phone copied, put back or wiped.

use crate::Outcome;
use crate::simulator::phone::PIN;
use crate::simulator::truth::key;
use crate::simulator::{Event, World};
use device::{FileKeyStore, Pin, Vault};
use hub::Store;
use std::path::PathBuf;

impl World {
    pub(super) fn back_up(&mut self) -> Outcome {
        if self.taking_hub().is_none() {
            return Ok(());
        }
        self.enter_named()?;
        self.counts.backups += 1;
        let hub = self.hub.as_ref().ok_or("no hub")?;
        let file = self.folder.path().join(format!("backup-{}", self.counts.backups));
        hub.store().backup(&file)?;
        let mut up_to = std::collections::BTreeMap::new();
        for (device, series) in &self.truth.series {
            let (device, series) = (record::DeviceId(*device), protocol::Series(record::DocumentId(*series)));
            let seq = hub.store().read(|tx| tx.received_up_to(device, series))?;
            up_to.insert(key(device, series), seq);
        }
        self.truth.backed_up = Some(up_to);
        self.truth.entered.clear();
        self.backup = Some(file);
        Ok(())
    }

    pub(super) fn restore_hub(&mut self) -> Outcome {
        let Some(backup) = self.backup.clone() else { return Ok(()) };
        self.counts.restores += 1;
        self.hub = None;
        let restored = Store::restore_at(&self.data(), &backup, self.hub_time().as_millisecond())?;
        self.hub_up()?;
        self.withdrawals_stand()?;
        match self.faults.entered_late {
            true => self.enter_later(&restored),
            false => self.enter_again()?,
        }
        let held = self.excuse_what_nobody_holds()?;
        self.counts.relayed += held;
        Ok(())
    }

    /// Phone 1 lies in a river: nothing of it comes back, also not sealed.
    pub(super) fn lose_one(&mut self) -> Outcome {
        self.phones[1].kill();
        for file in self.phones[1].files() {
            let _ = std::fs::remove_file(file);
        }
        self.phones[1].lost = true;
        self.excuse_what_nobody_holds().map(|_| ())
    }

    /// A person lets in what colleagues brought of the phone that is gone.
    pub(in crate::simulator) fn let_relayed_in(&self) -> Outcome {
        if let Some(hub) = self.taking_hub().filter(|_| self.faults.lost) {
            hub.accept_held_copies()?;
        }
        Ok(())
    }

    fn copy_name(file: &std::path::Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".copied");
        PathBuf::from(name)
    }

    /// Phone 1's files are copied while its process is not running.
    pub(super) fn copy_first(&mut self) -> Outcome {
        self.phones[1].kill();
        for file in self.phones[1].files() {
            if file.exists() {
                std::fs::copy(&file, Self::copy_name(&file))?;
            }
        }
        self.copied_at = Some(self.now_ms);
        self.at(self.now_ms + 500, Event::Start(1));
        Ok(())
    }

    /// The copy becomes a phone of its own, or takes the phone's place.
    pub(super) fn put_back(&mut self) -> Outcome {
        let Some(copied_at) = self.copied_at.take() else { return Ok(()) };
        self.phones[1].kill();
        if self.faults.older_phone {
            self.excuse_what_only_stood_there(copied_at)?;
            for file in self.phones[1].files() {
                let _ = std::fs::remove_file(&file);
                if Self::copy_name(&file).exists() {
                    std::fs::rename(Self::copy_name(&file), &file)?;
                }
            }
        } else {
            let file = self.phones[1].file.with_extension("clone");
            for (from, suffix) in self.phones[1].files().iter().zip(["", "-wal", "-shm", ".device-key", ".attempts"]) {
                let mut to = file.as_os_str().to_owned();
                to.push(suffix);
                if Self::copy_name(from).exists() {
                    std::fs::rename(Self::copy_name(from), PathBuf::from(to))?;
                }
            }
            let twin = self.phones[1].twin(file);
            self.phones.push(twin);
            let clone = self.phones.len() - 1;
            self.at(self.now_ms + 100, Event::Start(clone));
            self.at(self.now_ms + 2_000, Event::Nurse(clone));
        }
        self.at(self.now_ms + 600, Event::Start(1));
        Ok(())
    }

    /// Phone 2's keys go; what it wrote stays sealed, and is pushed without them.
    pub(super) fn wipe_one(&mut self) -> Outcome {
        self.counts.wipes += 1;
        self.phones[2].kill();
        let file = self.phones[2].file.clone();
        let store = FileKeyStore::beside(&file);
        Vault::open(&file, &store, &Pin::new(PIN)?, device::RunningTime::now())?.wipe(&store)?;
        self.phones[2].wiped = true;
        self.at(self.now_ms + 4_000, Event::Push);
        Ok(())
    }

    pub(in crate::simulator) fn push_all(&mut self) -> Outcome {
        for at in 0..self.phones.len() {
            if !self.phones[at].wiped || self.loses() {
                continue;
            }
            let Some(hub) = self.taking_hub() else { continue };
            let (file, certificate) = (self.phones[at].file.clone(), self.phones[at].certificate);
            let store = FileKeyStore::beside(&file);
            let mut locked = vault::LockedVault::open(&file, &store)?;
            for _ in 0..4 {
                let request = device::capsule::request(&locked)?;
                let answer = hub.capsules(certificate, &request).map_err(|code| format!("capsules: {code:?}"))?;
                let (received, is_news) = device::capsule::take_answer(&mut locked, &request, &answer)?;
                if received == 0 && !is_news {
                    break;
                }
            }
            hub.accept_held_copies()?;
        }
        Ok(())
    }
}
