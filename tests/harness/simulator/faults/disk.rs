//! A phone's disk is full for a while, or the hub's: SQLite itself says so, at whatever write needs one page more.
//!
//! Nothing is half there; what a phone wrote before goes to the hub all the same; a hub that fails gives no receipt; with room
//! again everything goes on.

use crate::Outcome;
use crate::simulator::{Event, World};
use device::read::DisclosedHeld;
use device::{DeviceError, FileKeyStore, NoteRow, Phone, VaultError};
use protocol::{Cursor, RefusalCode, Series};
use record::Form;
use vault::OutboxEntry;

/// What a phone holds, as far as something that was refused could have touched it.
#[derive(PartialEq)]
pub(in crate::simulator) struct Held {
    cursor: Cursor,
    series: Series,
    outbox: Vec<OutboxEntry>,
    documents: Vec<NoteRow>,
    patients: usize,
    disclosed: Vec<DisclosedHeld>,
}

impl World {
    pub(super) fn fill_disk(&mut self, at: usize) -> Outcome {
        if self.phones[at].is_gone() || self.phones[at].room.is_some() {
            return Ok(());
        }
        self.counts.full += 1;
        let pages = self.dice.below(3) as u32;
        self.phones[at].set_room(Some(pages))?;
        let back = self.now_ms + self.dice.between(20_000, 90_000);
        self.at(back, Event::DiskRoom(at));
        Ok(())
    }

    /// There is room again, and nothing that was refused meanwhile has left half of itself.
    pub(super) fn empty_disk(&mut self, at: usize) -> Outcome {
        self.phones[at].set_room(None)?;
        match &self.phones[at].open {
            Some(phone) => self.is_sound(at, phone),
            None => Ok(()),
        }
    }

    pub(super) fn fill_hubs_disk(&mut self) -> Outcome {
        let pages = self.dice.below(4) as u32;
        let back = self.now_ms + self.dice.between(10_000, 50_000);
        let Some(hub) = self.taking_hub() else { return Ok(()) };
        hub.store().limit_room(Some(pages))?;
        self.hub_is_full = true;
        self.counts.hub_full += 1;
        self.at(back, Event::HubRoom);
        Ok(())
    }

    /// What was receipted and could not be checked is checked now, as the hub does every minute.
    pub(in crate::simulator) fn empty_hubs_disk(&mut self) -> Outcome {
        let Some(hub) = self.hub.as_ref().filter(|_| self.hub_is_full) else { return Ok(()) };
        hub.store().limit_room(None)?;
        hub.check_left_over();
        self.hub_is_full = false;
        Ok(())
    }

    /// Every row opens, and the rows are those, all and only those, that whole transactions wrote.
    pub(in crate::simulator) fn is_sound(&self, at: usize, phone: &Phone) -> Outcome {
        let check = phone.self_check(self.device_time(at))?;
        if check.is_sound() {
            return Ok(());
        }
        Err(format!("law 2: the vault of {} is not whole: {check:?}", self.phones[at].staff).into())
    }

    fn held(&self, at: usize, phone: &Phone) -> Result<Held, DeviceError> {
        let mut documents = phone.document_rows(Form::VisitNote, None)?;
        documents.extend(phone.document_rows(Form::Handover, None)?);
        Ok(Held {
            cursor: phone.status(self.device_time(at))?.cursor,
            series: phone.series()?,
            outbox: phone.outbox()?,
            documents,
            patients: phone.patients()?.len(),
            disclosed: self.patients.iter().map(|patient| phone.disclosed_held(patient)).collect::<Result<_, _>>()?,
        })
    }

    /// Before something that a full disk may refuse.
    pub(in crate::simulator) fn held_if_full(&self, at: usize, phone: &Phone) -> Result<Option<Held>, DeviceError> {
        self.phones[at].room.is_some().then(|| self.held(at, phone)).transpose()
    }

    /// After it was refused: of no answer, and of nothing that a nurse did, is half there.
    pub(in crate::simulator) fn is_untouched(&self, at: usize, phone: &Phone, before: &Held) -> Outcome {
        let now = self.held(at, phone)?;
        if now == *before {
            return Ok(());
        }
        Err(format!(
            "law 2: what the full disk of {} refused has left something: cursor {} and {}, {} and {} entries, {} and {} documents",
            self.phones[at].staff,
            before.cursor.n,
            now.cursor.n,
            before.outbox.len(),
            now.outbox.len(),
            before.documents.len(),
            now.documents.len()
        )
        .into())
    }

    /// One thing that the nurse asks of the vault. What a full disk refuses must have changed nothing.
    pub(in crate::simulator) fn ask<T>(
        &self,
        at: usize,
        phone: &Phone,
        work: impl FnOnce() -> Result<T, DeviceError>,
    ) -> Outcome<T> {
        let before = self.held_if_full(at, phone)?;
        let done = work();
        if let (Some(before), Err(DeviceError::Vault(VaultError::Full))) = (&before, &done) {
            self.is_untouched(at, phone, before)?;
        }
        Ok(done?)
    }

    /// As the background does when the vault takes nothing: what was written goes to the hub all the same, sealed. Over this
    /// line, all of it arrives or none.
    pub(in crate::simulator) fn bring_sealed(&mut self, at: usize, phone: &Phone) -> Outcome {
        if self.loses() {
            return Ok(());
        }
        let Some(hub) = &self.hub else { return Ok(()) };
        let store = FileKeyStore::beside(&self.phones[at].file);
        for _ in 0..4 {
            let request = phone.copies_request()?;
            let answer = match hub.capsules(self.phones[at].certificate, &request) {
                Ok(answer) => answer,
                Err(RefusalCode::Internal) if self.hub_is_full => return Ok(()),
                Err(code) => return Err(format!("a full disk keeps what was written from the hub: {code:?}").into()),
            };
            let (received, goes_on) = phone.take_copies_answer(&store, &request, &answer)?;
            if received < request.copies.len() as u64 {
                return Err(format!("{received} of {} sealed copies were taken", request.copies.len()).into());
            }
            self.counts.brought_sealed += received;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }
}
