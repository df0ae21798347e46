//! A phone lies locked in a pocket: its background call brings what is unsent, sealed, and fetches what only the unlock reads.

use crate::Outcome;
use crate::simulator::{Event, World};
use device::FileKeyStore;
use protocol::RefusalCode;

impl World {
    pub(super) fn sleep(&mut self, at: usize) -> Outcome {
        let now = self.device_time(at);
        let Some(phone) = &self.phones[at].open else { return Ok(()) };
        let read_up_to = phone.status(now)?.cursor.n;
        self.phones[at].kill();
        self.phones[at].slept_at = Some(read_up_to);
        let mut next = self.now_ms;
        for _ in 0..4 {
            next += self.dice.between(2_000, 15_000);
            self.at(next, Event::Call(at));
        }
        self.at(next + 1_000, Event::Start(at));
        Ok(())
    }

    /// As the driver's push does it, over this line.
    pub(super) fn call(&mut self, at: usize) -> Outcome {
        if self.phones[at].open.is_some() || self.phones[at].is_gone() {
            return Ok(());
        }
        let (file, certificate) = (self.phones[at].file.clone(), self.phones[at].certificate);
        let store = FileKeyStore::beside(&file);
        let mut locked = vault::LockedVault::open(&file, &store)?;
        for _ in 0..8 {
            if self.loses() {
                return Ok(());
            }
            let Some(hub) = &self.hub else { return Ok(()) };
            let mut request = device::capsule::request(&locked)?;
            request.since = locked.since()?;
            let answer = match hub.capsules(certificate, &request) {
                Ok(answer) => answer,
                Err(RefusalCode::Internal) if self.hub_is_full => return Ok(()),
                Err(code) => return Err(format!("a locked phone was refused: {code:?}").into()),
            };
            if self.loses() {
                return Ok(());
            }
            device::capsule::take_answer(&mut locked, &request, &answer)?;
            let goes_on = match &answer.page {
                Some(page) => locked.keep_page(page)? && page.more,
                None => false,
            };
            if !goes_on {
                return Ok(());
            }
        }
        Ok(())
    }

    /// It has just been unlocked, and has heard nothing since.
    pub(super) fn wakes(&mut self, at: usize) -> Outcome {
        let now = self.device_time(at);
        let slept_at = self.phones[at].slept_at.take();
        let (Some(slept_at), Some(phone)) = (slept_at, &self.phones[at].open) else { return Ok(()) };
        self.counts.pages += u64::from(phone.status(now)?.cursor.n > slept_at);
        Ok(())
    }
}
