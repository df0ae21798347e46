//! What goes wrong, and when.

use super::phone::PIN;
use super::{Dice, Event, STATION, World};
use crate::Outcome;
use device::{FileKeyStore, Pin, Trigger, Vault};
use hub::{HubError, Store, Who};
use record::StaffId;
use std::path::PathBuf;

/// Which faults a seed has. At most one of those that take a state away, so that every word that must survive is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Of a hundred requests or answers so many are lost.
    pub line: u64,
    pub kills: bool,
    pub clocks: bool,
    pub hub_down: bool,
    pub hub_restored: bool,
    pub clone: bool,
    pub older_phone: bool,
    pub wipe: bool,
    /// Patients change hands: phones let go what is durable, and fetch it again.
    pub reassign: bool,
    /// The hub makes one piece of each document.
    pub compact: bool,
}

impl Faults {
    pub fn of(dice: &mut Dice) -> Self {
        let line = *dice.one_of(&[0, 5, 20, 45]).unwrap_or(&0);
        let mut faults = Faults {
            line,
            kills: dice.percent(60),
            clocks: dice.percent(30),
            hub_down: dice.percent(40),
            ..Faults::default()
        };
        // Dice of its own: what the others of a seed roll stays what it was.
        faults.reassign = dice.clone().percent(25);
        faults.compact = super::compact::is_drawn(dice);
        match dice.below(6) {
            0 | 1 => faults.hub_restored = true,
            2 => faults.clone = true,
            3 => faults.older_phone = true,
            4 => faults.wipe = true,
            _ => {}
        }
        faults
    }

    pub(super) fn schedule(&self, dice: &mut Dice) -> Vec<(i64, Event)> {
        let mut events = Vec::new();
        let mut add = |chance: bool, many: u64, from: i64, to: i64, event: fn(&mut Dice) -> Event| {
            for _ in 0..if chance { many } else { 0 } {
                let at = dice.between(from, to);
                events.push((at, event(dice)));
            }
        };
        add(self.kills, 8, 5_000, 290_000, |dice| Event::Kill(dice.below(64) as usize));
        add(self.clocks, 4, 5_000, 290_000, |dice| Event::Jump(dice.below(64) as usize));
        add(self.hub_down, 3, 20_000, 280_000, |_| Event::HubDown);
        add(self.line > 0, 6, 10_000, 290_000, |_| Event::Replay);
        add(self.hub_restored, 2, 30_000, 140_000, |_| Event::Backup);
        add(self.hub_restored, 2, 150_000, 280_000, |_| Event::HubRestored);
        add(self.clone || self.older_phone, 1, 60_000, 120_000, |_| Event::Copy);
        add(self.clone || self.older_phone, 1, 130_000, 250_000, |_| Event::PutBack);
        add(self.wipe, 1, 100_000, 250_000, |_| Event::Wipe);
        add(self.reassign, 16, 10_000, 280_000, |_| Event::Reassign);
        if self.compact {
            super::compact::schedule(dice, &mut events);
        }
        events
    }
}

impl World {
    pub(super) fn fault(&mut self, event: Event) -> Outcome {
        let count = self.phones.len();
        match event {
            Event::Start(phone) => {
                let now = self.device_time(phone);
                if self.phones[phone].open.is_none() && !self.phones[phone].wiped {
                    self.phones[phone].start(now)?;
                    let now_ms = self.now_ms;
                    self.phones[phone].trigger(now_ms, Trigger::Start);
                }
            }
            Event::Kill(phone) => {
                self.counts.kills += 1;
                self.phones[phone % count].kill();
                let back = self.now_ms + self.dice.between(100, 20_000);
                self.at(back, Event::Start(phone % count));
            }
            Event::Jump(phone) => {
                // A day, a year, a few minutes, either way; sometimes the hub's own clock by a little.
                let jumps = [86_400_000, -400 * 86_400_000, 300_000, -300_000];
                match phone % (count + 1) {
                    hub if hub == count => self.hub_offset_ms += *self.dice.one_of(&[-60_000, 60_000]).unwrap_or(&0),
                    phone => self.phones[phone].offset_ms = *self.dice.one_of(&jumps).unwrap_or(&0),
                }
            }
            Event::HubDown => {
                self.hub = None;
                let back = self.now_ms + self.dice.between(2_000, 40_000);
                self.at(back, Event::HubUp);
            }
            Event::HubUp if self.hub.is_none() => {
                self.hub_up()?;
                let now_ms = self.now_ms;
                self.phones.iter_mut().for_each(|phone| phone.trigger(now_ms, Trigger::NetworkReturned));
            }
            Event::Backup => self.back_up()?,
            Event::HubRestored => self.restore_hub()?,
            Event::Copy => self.copy_first()?,
            Event::PutBack => self.put_back()?,
            Event::Wipe => self.wipe_one()?,
            Event::Push => self.push_all()?,
            Event::Replay => self.replay(),
            Event::Reassign => self.reassign()?,
            Event::Compact => self.compact()?,
            _ => {}
        }
        Ok(())
    }

    fn back_up(&mut self) -> Outcome {
        let Some(hub) = &self.hub else { return Ok(()) };
        self.counts.backups += 1;
        let file = self.folder.path().join(format!("backup-{}", self.counts.backups));
        hub.store().backup(&file)?;
        let mut up_to = std::collections::BTreeMap::new();
        for (device, series) in &self.truth.series {
            let (device, series) = (record::DeviceId(*device), protocol::Series(record::DocumentId(*series)));
            let seq = hub.store().read(|tx| tx.received_up_to(device, series))?;
            up_to.insert(super::truth::key(device, series), seq);
        }
        self.truth.backed_up = Some(up_to);
        self.backup = Some(file);
        Ok(())
    }

    fn restore_hub(&mut self) -> Outcome {
        let Some(backup) = self.backup.clone() else { return Ok(()) };
        self.counts.restores += 1;
        self.hub = None;
        Store::restore(&self.data(), &backup)?;
        self.hub_up()
    }

    fn copy_name(file: &std::path::Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".copied");
        PathBuf::from(name)
    }

    /// Phone 1's files are copied while its process is not running.
    fn copy_first(&mut self) -> Outcome {
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
    fn put_back(&mut self) -> Outcome {
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
    fn wipe_one(&mut self) -> Outcome {
        self.counts.wipes += 1;
        self.phones[2].kill();
        let file = self.phones[2].file.clone();
        let store = FileKeyStore::beside(&file);
        Vault::open(&file, &store, &Pin::new(PIN)?, device::RunningTime::now())?.wipe(&store)?;
        self.phones[2].wiped = true;
        self.at(self.now_ms + 4_000, Event::Push);
        Ok(())
    }

    pub(super) fn push_all(&mut self) -> Outcome {
        for at in 0..self.phones.len() {
            if !self.phones[at].wiped || self.loses() {
                continue;
            }
            let Some(hub) = &self.hub else { continue };
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

    /// A patient is given to a nurse, or taken from her.
    fn reassign(&mut self) -> Outcome {
        let ours = self.ours();
        let staff = self.dice.one_of(&ours).cloned();
        let patient = self.dice.one_of(&self.patients).cloned();
        let (Some(staff), Some(patient), Some(hub)) = (staff, patient, &self.hub) else { return Ok(()) };
        hub.store().write(|tx| match tx.unassign(&patient, &staff, &Who::Admin) {
            Err(HubError::NotAssigned { .. }) => tx.assign(&patient, &staff, None, &Who::Admin),
            other => other,
        })?;
        self.counts.reassigns += 1;
        Ok(())
    }

    /// At the end every patient is everybody's: whatever was let go, or never came, must come.
    pub(super) fn everybody_has_everybody(&mut self) -> Outcome {
        let (ours, hub) = (self.ours(), self.hub.as_ref().ok_or("no hub")?);
        for staff in &ours {
            hub.store().write(|tx| {
                self.patients.iter().try_for_each(|patient| tx.assign(patient, staff, None, &Who::Admin))
            })?;
        }
        Ok(())
    }

    fn ours(&self) -> Vec<StaffId> {
        let ours = (0..self.phones.len()).filter(|at| self.station(*at) == STATION);
        ours.map(|at| self.phones[at].staff.clone()).collect()
    }

    /// An old request arrives once more; nobody waits for its answer.
    fn replay(&mut self) {
        let at = self.dice.below(self.past.len() as u64) as usize;
        if let (Some((phone, request)), Some(hub)) = (self.past.get(at), &self.hub) {
            let certificate = self.phones[*phone].certificate;
            let series = super::truth::key(request.device, request.series);
            if let Ok(answer) = hub.sync(certificate, request) {
                self.truth.receipted.extend(answer.receipt.items.iter().map(|item| (series, item.seq)));
            }
        }
    }
}
