//! Phones, hub and line as they are at one moment.

use super::changes::Changes;
use super::hub::Hub;
use super::mistakes::Mistake;
use super::phone::Phone;
use super::wire::{Answer, Sent};

/// So many exchanges of each phone on a good line must bring everything home.
const ROUNDS: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum OlderFile {
    #[default]
    None,
    Kept(Phone),
    PutBack,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub phones: [Phone; 2],
    pub hub: Hub,
    pub requests: [Option<Sent>; 2],
    pub answers: [Option<Answer>; 2],
    /// Every change that a nurse ever wrote.
    pub written: Changes,
    pub backup_made: bool,
    pub crashed: bool,
    pub older_file: OlderFile,
    /// Changes that stood, not yet durable, in the file that the older one replaced.
    pub gone_with_file: Changes,
    /// Changes that nobody holds any more, through no fault of the protocol.
    pub excused: Changes,
}

impl State {
    /// The process that asked is gone: its request may still arrive, the answer finds nobody.
    pub fn hang_up(&mut self, phone: usize) {
        self.answers[phone] = None;
        if let Some(sent) = &mut self.requests[phone] {
            sent.awaited = false;
        }
    }

    /// What a good line without another fault makes of this state; `None` if that never comes to rest.
    pub fn settled(&self, mistake: Option<Mistake>) -> Option<([Phone; 2], Hub)> {
        let (mut phones, mut hub) = (self.phones.clone(), self.hub.clone());
        for _ in 0..ROUNDS {
            let before = (phones.clone(), hub.clone());
            for (at, phone) in phones.iter_mut().enumerate() {
                phone.finish_page();
                let request = phone.load_request();
                let answer = hub.take(at, &request, mistake);
                phone.store(&answer, mistake);
            }
            hub.on_disk = hub.log.len();
            hub.back_up(mistake);
            if phones == before.0 && hub == before.1 {
                return Some((phones, hub));
            }
        }
        None
    }
}
