//! A phone: its file, and what it makes of answers.

use super::changes::{Changes, Feed, union};
use super::mistakes::Mistake;
use super::wire::{Answer, Request, SyncAnswer};

/// A frozen entry; its number is its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub changes: Changes,
    /// The epoch that receipted it.
    pub received: Option<u8>,
    /// Its body is still here.
    pub kept: bool,
}

/// A phone's file, and the one thing beside it that a crash takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Phone {
    pub document: Changes,
    /// Own changes in no entry yet.
    pub edits: Changes,
    pub series: u8,
    pub entries: Vec<Entry>,
    pub copies: Changes,
    /// Copies that the hub of this `epoch` has. Used by a wiped phone only.
    pub copies_received: Changes,
    pub cursor: Feed,
    pub epoch: u8,
    pub wiped: bool,
    /// Only a mistake leaves anything here.
    pub page_in_memory: Changes,
}

impl Phone {
    /// The change and its sealed copy, in one step.
    pub fn write(&mut self, change: Changes) {
        self.document |= change;
        self.edits |= change;
        self.copies |= change;
    }

    /// Freezes what is in no entry, and says what to offer.
    pub fn load_request(&mut self) -> Request {
        if self.wiped {
            return Request::Copies(self.copies & !self.copies_received);
        }
        if self.edits != 0 {
            self.entries.push(Entry { changes: self.edits, received: None, kept: true });
            self.edits = 0;
        }
        let received_up_to = self.entries.iter().take_while(|entry| entry.received.is_some()).count();
        let unsent = self.entries.iter().skip(received_up_to).take_while(|entry| entry.kept);
        Request::Sync {
            series: self.series,
            first_seq: received_up_to + 1,
            entries: unsent.map(|entry| entry.changes).collect(),
            cursor: self.cursor.clone(),
        }
    }

    pub fn store(&mut self, answer: &Answer, mistake: Option<Mistake>) {
        match answer {
            Answer::Copies { epoch, received } if self.wiped => {
                if *epoch != self.epoch && mistake != Some(Mistake::KeepsCopyReceiptsOfAnotherEpoch) {
                    self.copies_received = 0;
                }
                self.copies_received |= *received;
                self.epoch = *epoch;
            }
            Answer::Forked { series } if !self.wiped && *series == self.series => self.begin_series(),
            Answer::Sync(answer) if !self.wiped && answer.series == self.series => self.store_page(answer, mistake),
            // An answer to a phone that is no longer the one that asked.
            _ => {}
        }
    }

    fn store_page(&mut self, answer: &SyncAnswer, mistake: Option<Mistake>) {
        if answer.received_up_to > self.entries.len() {
            return self.begin_series();
        }
        let receipted = answer.first_seq..answer.first_seq + answer.receipted;
        let hub_was_put_back = answer.received_up_to + 1 < answer.first_seq;
        for (entry, seq) in self.entries.iter_mut().zip(1usize..) {
            let named = receipted.contains(&seq) || mistake == Some(Mistake::MarksAllPending);
            if entry.received.is_none() && named {
                entry.received = Some(answer.epoch);
            }
            let lost = hub_was_put_back && seq > answer.received_up_to && entry.kept;
            if lost && mistake != Some(Mistake::KeepsMarksThatTheHubLost) {
                entry.received = None;
            }
            let durable = seq <= answer.durable_up_to.min(answer.received_up_to);
            if entry.kept && entry.received.is_some() && (durable || mistake == Some(Mistake::DropsOnReceipt)) {
                entry.kept = false;
                self.copies &= !entry.changes;
            }
        }
        if self.cursor != answer.cursor {
            // Another answer was faster: its cursor stands, this page comes again.
            return;
        }
        if mistake == Some(Mistake::StoresCursorBeforePage) {
            self.page_in_memory |= answer.page;
        } else {
            self.document |= answer.page;
        }
        self.cursor = answer.next_cursor.clone();
        self.epoch = answer.epoch;
    }

    /// After a fork: what is not known to be durable is offered again under new numbers, and the feed is read from the
    /// start, for it may hold own changes that this file never had.
    fn begin_series(&mut self) {
        self.series += 1;
        self.edits |= self.kept();
        self.entries.clear();
        self.cursor.clear();
    }

    /// Notes go, sealed copies stay; which of them the hub has already is still known.
    pub fn wipe(&mut self, mistake: Option<Mistake>) {
        let received = self.entries.iter().filter(|entry| entry.kept && entry.received == Some(self.epoch));
        *self = Phone {
            copies: if mistake == Some(Mistake::WipesSealedCopies) { 0 } else { self.copies },
            copies_received: union(received.map(|entry| entry.changes)),
            series: self.series,
            epoch: self.epoch,
            wiped: true,
            ..Phone::default()
        };
    }

    pub fn finish_page(&mut self) {
        self.document |= self.page_in_memory;
        self.page_in_memory = 0;
    }

    pub fn kept(&self) -> Changes {
        union(self.entries.iter().filter(|entry| entry.kept).map(|entry| entry.changes))
    }

    pub fn has_nothing_to_send(&self) -> bool {
        if self.wiped {
            return self.copies & !self.copies_received == 0;
        }
        self.edits == 0 && self.kept() == 0 && self.copies == 0
    }
}
