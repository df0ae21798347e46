//! What goes wrong, and when.

mod disk;
mod entitlement;
mod files;
mod sleep;

use super::{Dice, Event, World};
use crate::Outcome;
use device::Trigger;
pub(super) use entitlement::{consent_of, key_of};

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
    /// Phones' disks are full for a while.
    pub full_disk: bool,
    /// The hub's disk too.
    pub hub_full: bool,
    /// Patients withdraw their consent, and give it again or never.
    pub consent: bool,
    /// The hub makes one piece of each document.
    pub compact: bool,
    /// A phone is lost for good, and after that the hub is put back to a backup.
    pub lost: bool,
    /// Phones lie locked in a pocket for a while, and fetch what they cannot read.
    pub sleep: bool,
    /// After a restore phones speak to the hub before anybody has entered anything, and withdrawals are entered by nobody.
    pub entered_late: bool,
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
        let mut own = dice.clone();
        faults.reassign = own.percent(25);
        faults.full_disk = own.percent(35);
        faults.consent = own.percent(45);
        faults.hub_full = own.percent(20);
        faults.compact = own.percent(50);
        match dice.below(6) {
            0 | 1 => faults.hub_restored = true,
            2 => faults.clone = true,
            3 => faults.older_phone = true,
            4 => faults.wipe = true,
            _ => {}
        }
        faults.lost = faults.hub_restored && own.percent(60);
        // A file that is copied or put back is a locked phone's too: what it brings sealed is another story.
        faults.sleep = own.percent(60) && !faults.clone && !faults.older_phone;
        faults.entered_late = faults.hub_restored && faults.consent && own.percent(70);
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
        add(self.consent, 6, 10_000, 285_000, |_| Event::Consent);
        // No fault: the day goes on at the hospital too.
        add(true, 6, 5_000, 290_000, |_| Event::Disclose);
        add(self.full_disk, 4, 15_000, 260_000, |dice| Event::DiskFull(dice.below(64) as usize));
        add(self.hub_full, 2, 20_000, 250_000, |_| Event::HubFull);
        if self.compact {
            super::compact::schedule(dice, &mut events);
        }
        if self.lost {
            events.push((dice.between(150_000, 200_000), Event::Lose));
            events.push((dice.between(210_000, 285_000), Event::HubRestored));
        }
        for _ in 0..if self.sleep { 6 } else { 0 } {
            let at = dice.between(20_000, 230_000);
            events.push((at, Event::Sleep(dice.below(64) as usize)));
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
                if self.phones[phone].open.is_none() && !self.phones[phone].is_gone() {
                    self.phones[phone].start(now)?;
                    self.wakes(phone)?;
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
            Event::Sleep(phone) => self.sleep(phone % count)?,
            Event::Call(phone) => self.call(phone)?,
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
            Event::EnterNamed => self.enter_named()?,
            Event::Copy => self.copy_first()?,
            Event::PutBack => self.put_back()?,
            Event::Wipe => self.wipe_one()?,
            Event::Lose => self.lose_one()?,
            Event::Push => self.push_all()?,
            Event::Replay => self.replay(),
            Event::Reassign => self.reassign()?,
            Event::Compact => self.compact()?,
            Event::Consent => self.change_consent()?,
            Event::Disclose => self.disclose()?,
            Event::DiskFull(phone) => self.fill_disk(phone % count)?,
            Event::DiskRoom(phone) => self.empty_disk(phone)?,
            Event::HubFull => self.fill_hubs_disk()?,
            Event::HubRoom => self.empty_hubs_disk()?,
            _ => {}
        }
        Ok(())
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
