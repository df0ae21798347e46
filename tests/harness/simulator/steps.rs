//! What a phone's engine orders, one thing at a time, and the line between it and the hub.

use super::truth::key;
use super::{Event, World};
use crate::Outcome;
use device::{DeviceError, Phone, VaultError};
use protocol::{Failure, Input, Output, Phase, RefusalCode, SyncRequest, codec};

impl World {
    /// One thing that the engine ordered.
    pub(super) fn step(&mut self, at: usize) -> Outcome {
        let Some(output) = self.phones[at].todo.pop_front() else { return Ok(()) };
        let now = self.device_time(at);
        let Some(phone) = self.phones[at].open.take() else { return Ok(()) };
        let leaves_the_vault = matches!(
            output,
            Output::Send(_) | Output::NextPhoto { .. } | Output::WakeAt(_) | Output::Report(Phase::Syncing)
        );
        if !leaves_the_vault {
            self.phones[at].asked = None;
        }
        let before = match output {
            Output::Renew | Output::Load | Output::Store(_) => self.held_if_full(at, &phone)?,
            _ => None,
        };
        let input = match output {
            Output::Report(Phase::Waiting { failure }) => {
                let waits = self.takes_in(at, &phone).and_then(|()| self.waits(at, &phone, failure));
                self.phones[at].open = Some(phone);
                return waits;
            }
            Output::Report(Phase::Done) => {
                let relayed = self.takes_in(at, &phone).and_then(|()| self.relay(at, &phone));
                self.phones[at].open = Some(phone);
                return relayed;
            }
            Output::Report(_) => {
                self.phones[at].open = Some(phone);
                return Ok(());
            }
            Output::WakeAt(wake) => {
                let life = self.phones[at].life;
                self.at(wake, Event::Wake(at, life));
                self.phones[at].open = Some(phone);
                return Ok(());
            }
            Output::Renew => {
                self.counts.forks += 1;
                self.of_vault(at, phone.renew_series().map(|()| Input::Renewed))?
            }
            Output::Load => self.of_vault(at, phone.load_request().map(|request| Input::Loaded(Box::new(request))))?,
            Output::Send(request) => {
                let answer = self.exchange(at, &request);
                if let Ok(Input::Answered(answer)) = &answer {
                    self.tells_only_what_may_be_seen(at, answer)?;
                }
                self.phones[at].offered = Some(*request);
                answer
            }
            Output::Store(answer) => {
                let request = self.phones[at].offered.as_ref().ok_or("an answer that nobody asked for")?;
                let stored = phone.store_answer(request, &answer, now);
                let stored = self.of_vault(at, stored.map(|stored| Input::Stored { left: stored.left }))?;
                if stored.is_ok() {
                    self.what_was_withdrawn_has_gone(at, &phone, &answer)?;
                }
                stored
            }
            // Nobody takes photos in here.
            Output::NextPhoto { .. } => Ok(Input::Photo(None)),
            Output::AskPhoto(_) | Output::SendPiece { .. } | Output::StorePhoto { .. } => Err(Failure::Storage),
        };
        if let (Some(before), Err(Failure::Storage)) = (&before, &input) {
            self.is_untouched(at, &phone, before)?;
        }
        self.phones[at].open = Some(phone);
        let (now_ms, dice) = (self.now_ms, self.dice.roll() as u32);
        let named = match &input {
            Ok(Input::Loaded(request)) => Some(request.series),
            _ => None,
        };
        self.phones[at].hear(now_ms, input, dice);
        self.laws_of(at, named)
    }

    /// What the driver does at the end of a run: what has arrived goes into its documents. The process may have died before.
    fn takes_in(&self, at: usize, phone: &Phone) -> Outcome {
        match phone.take_in_arrivals() {
            Err(DeviceError::Vault(VaultError::Full)) if self.phones[at].room.is_some() => Ok(()),
            Err(error) => Err(format!("what has arrived was not taken in: {error}").into()),
            Ok(0) => Ok(()),
            Ok(aside) => Err(format!("{aside} items were set aside").into()),
        }
    }

    /// What the driver does behind a sync: others' words that the hub has lost. The line may be lost here too.
    fn relay(&mut self, at: usize, phone: &Phone) -> Outcome {
        let mut under_way = None;
        for _ in 0..64 {
            let step = match phone.relay_step(under_way) {
                Ok(Some(step)) => step,
                Ok(None) => return Ok(()),
                Err(DeviceError::Vault(VaultError::Full)) if self.phones[at].room.is_some() => return Ok(()),
                Err(error) => return Err(format!("nothing can be relayed: {error}").into()),
            };
            if self.loses() {
                return Ok(());
            }
            let Some(hub) = self.hub.as_ref() else { return Ok(()) };
            let answer = match hub.capsules(self.phones[at].certificate, &step.request) {
                Ok(answer) => answer,
                Err(RefusalCode::Internal) if self.faults.hub_full && self.counts.hub_full > 0 => return Ok(()),
                // Nothing is taken before the hub was put back.
                Err(RefusalCode::RelayOver) if self.counts.restores == 0 => {
                    return match phone.take_refusal(&step, RefusalCode::RelayOver) {
                        Ok(_) => Ok(()),
                        Err(DeviceError::Vault(VaultError::Full)) if self.phones[at].room.is_some() => Ok(()),
                        Err(error) => Err(format!("what is relayed was refused: {error}").into()),
                    };
                }
                Err(code) => return Err(format!("what is relayed was refused: {code:?}").into()),
            };
            if self.loses() {
                return Ok(());
            }
            match phone.take_relayed(&step, &answer) {
                Ok(true) => under_way = step.under_way(),
                Ok(false) => return Ok(()),
                Err(DeviceError::Vault(VaultError::Full)) if self.phones[at].room.is_some() => return Ok(()),
                Err(error) => return Err(format!("what was relayed was not noted: {error}").into()),
            }
        }
        Ok(())
    }

    /// What the vault said to the engine. Nothing but a full disk may keep it from taking part.
    fn of_vault(&mut self, at: usize, said: Result<Input, DeviceError>) -> Outcome<Result<Input, Failure>> {
        match said {
            Ok(input) => Ok(Ok(input)),
            Err(DeviceError::Sync(failure)) => Ok(Err(failure)),
            Err(DeviceError::Vault(VaultError::Full)) if self.phones[at].room.is_some() => {
                self.counts.refused += 1;
                self.phones[at].refused = true;
                Ok(Err(Failure::Storage))
            }
            Err(error) => Err(format!("law 2: the vault did not take part: {error}").into()),
        }
    }

    /// A run that failed: what may be the reason, and what is done about a vault that takes nothing.
    fn waits(&mut self, at: usize, phone: &Phone, failure: Failure) -> Outcome {
        if failure == Failure::Storage && std::mem::take(&mut self.phones[at].refused) {
            return self.bring_sealed(at, phone);
        }
        self.is_allowed(failure)
    }

    /// One request over the line: encoded, perhaps lost, answered, perhaps cut.
    fn exchange(&mut self, at: usize, request: &SyncRequest) -> Result<Input, Failure> {
        self.counts.syncs += 1;
        if self.loses() {
            return Err(Failure::Unreachable);
        }
        let body = codec::encode(request).map_err(|_| Failure::Storage)?;
        if self.past.len() < 40 {
            self.past.push((at, request.clone()));
        }
        let certificate = self.phones[at].certificate;
        self.truth.series.insert(key(request.device, request.series));
        let hub = self.hub.as_ref().ok_or(Failure::Unreachable)?;
        let request: SyncRequest = codec::decode(&body).map_err(|_| Failure::NotOurHub)?;
        let answer = hub.sync(certificate, &request).map_err(Failure::Refused)?;
        let receipted = answer.receipt.items.iter().map(|item| (key(request.device, request.series), item.seq));
        self.truth.receipted.extend(receipted);
        self.phones[at].heard = self.truth.withdrawn.clone();
        if self.loses() {
            return Err(Failure::Unreachable);
        }
        let mut bytes = codec::encode(&answer).map_err(|_| Failure::Storage)?;
        if self.loses() {
            // Cut at any byte: what is left is no answer.
            bytes.truncate(self.dice.below(bytes.len() as u64) as usize);
            return match codec::decode::<protocol::SyncResponse>(&bytes) {
                Ok(_) => Err(Failure::Storage),
                Err(_) => Err(Failure::Unreachable),
            };
        }
        Ok(Input::Answered(Box::new(codec::decode(&bytes).map_err(|_| Failure::NotOurHub)?)))
    }

    pub(super) fn loses(&mut self) -> bool {
        let lost = !self.quiet && self.faults.line > 0 && self.dice.percent(self.faults.line);
        self.counts.lost += u64::from(lost);
        lost
    }

    /// The clock, a repeat, a poisoned entry never refuse a sync: only the line and the hub's absence may.
    fn is_allowed(&self, failure: Failure) -> Outcome {
        match failure {
            Failure::Unreachable => Ok(()),
            // A phone that was copied or put back, and raced with itself: tried again.
            Failure::Refused(RefusalCode::SeriesForked) if self.faults.clone || self.faults.older_phone => Ok(()),
            // Its disk is full.
            Failure::Refused(RefusalCode::Internal) if self.faults.hub_full && self.counts.hub_full > 0 => Ok(()),
            other => Err(format!("law 7: a sync failed for another reason than the line: {other:?}").into()),
        }
    }
}
