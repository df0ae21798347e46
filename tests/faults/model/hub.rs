//! The hub: its log, its feed, its receipts, the one piece that it makes of many, its backup.

use super::changes::{Changes, Feed, union};
use super::mistakes::Mistake;
use super::wire::{Answer, Request, SyncAnswer};

/// What the hub took from sealed copies stands in a series of its own.
const COPIES_SERIES: u8 = 9;
/// No phone sends in it.
const NO_SERIES: u8 = u8::MAX;

/// An entry that arrived, and what of it was news for the feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arrived {
    pub phone: usize,
    pub series: u8,
    pub seq: usize,
    pub changes: Changes,
    pub news: Changes,
}

impl Arrived {
    pub fn stands_at(&self, phone: usize, series: u8, seq: usize) -> bool {
        (self.phone, self.series, self.seq) == (phone, series, seq)
    }
}

pub fn changes_in(log: &[Arrived]) -> Changes {
    union(log.iter().map(|arrived| arrived.changes))
}

/// All changes are of one document. This is that document, in the place of the first entries' bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// So many entries of the log lost their bodies to it; 0: there is none.
    pub of: usize,
    pub changes: Changes,
}

fn last_seq(log: &[Arrived], phone: usize, series: u8) -> usize {
    let numbers = log.iter().filter(|arrived| arrived.phone == phone && arrived.series == series);
    numbers.map(|arrived| arrived.seq).max().unwrap_or(0)
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hub {
    pub epoch: u8,
    pub log: Vec<Arrived>,
    /// So much of the log survives a crash: all of it, without a mistake.
    pub on_disk: usize,
    /// So much of it is in the backup.
    pub backed_up: usize,
    pub snapshot: Snapshot,
    /// The one that the backup holds.
    pub snapshot_in_backup: Snapshot,
    /// A snapshot that is made and stands nowhere yet. Only a mistake leaves anything here.
    pub snapshot_in_memory: Changes,
    /// The log of the epoch before, for law 1 to look at.
    pub log_before: Vec<Arrived>,
}

impl Hub {
    /// Which entries of the log stand in the feed: those that brought nothing new have passed without.
    fn rows(&self) -> impl Iterator<Item = usize> {
        self.log.iter().enumerate().filter(|(_, arrived)| arrived.news != 0).map(|(at, _)| at)
    }

    pub fn feed(&self) -> Feed {
        self.rows().map(|at| self.log[at].news).collect()
    }

    pub fn log_in(&self, epoch: u8) -> &[Arrived] {
        if epoch == self.epoch { &self.log[..self.on_disk] } else { &self.log_before }
    }

    pub fn take(&mut self, phone: usize, request: &Request, mistake: Option<Mistake>) -> Answer {
        let answer = match request {
            Request::Copies(copies) => {
                let news = *copies & !changes_in(&self.log);
                if news != 0 {
                    let seq = last_seq(&self.log, phone, COPIES_SERIES) + 1;
                    self.log.push(Arrived { phone, series: COPIES_SERIES, seq, changes: news, news });
                }
                Answer::Copies { epoch: self.epoch, received: *copies }
            }
            Request::Sync { series, first_seq, entries, cursor } => {
                match self.accept(phone, *series, *first_seq, entries, mistake) {
                    None => Answer::Forked { series: *series },
                    Some(receipted) => {
                        let (page, next_cursor) = self.page((phone, *series), cursor, mistake);
                        Answer::Sync(SyncAnswer {
                            series: *series,
                            first_seq: *first_seq,
                            cursor: cursor.clone(),
                            epoch: self.epoch,
                            received_up_to: last_seq(&self.log, phone, *series),
                            durable_up_to: self.durable_up_to(phone, *series, mistake),
                            receipted,
                            page,
                            next_cursor,
                        })
                    }
                }
            }
        };
        if mistake != Some(Mistake::ReceiptsBeforeDisk) {
            self.on_disk = self.log.len();
        }
        answer
    }

    /// Appends what is new and says how many entries the receipt names; `None` is a fork.
    fn accept(
        &mut self,
        phone: usize,
        series: u8,
        first_seq: usize,
        entries: &[Changes],
        mistake: Option<Mistake>,
    ) -> Option<usize> {
        let mut receipted = 0;
        for (&changes, seq) in entries.iter().zip(first_seq..) {
            let known = self.log.iter().find(|arrived| arrived.stands_at(phone, series, seq));
            let news = match known.map(|arrived| arrived.changes) {
                Some(before) if before == changes => match mistake {
                    Some(Mistake::TakesRepeatAsNew) => changes,
                    _ => {
                        receipted += 1;
                        continue;
                    }
                },
                Some(_) if mistake != Some(Mistake::TakesFork) => return None,
                None if seq != last_seq(&self.log, phone, series) + 1 => break,
                _ => changes & !changes_in(&self.log),
            };
            self.log.push(Arrived { phone, series, seq, changes, news });
            receipted += 1;
        }
        Some(receipted)
    }

    /// The rest of the feed after a cursor; one from another history starts from the beginning.
    pub fn page(&self, reader: (usize, u8), cursor: &[Changes], mistake: Option<Mistake>) -> (Changes, Feed) {
        let feed = self.feed();
        let start = match mistake {
            Some(Mistake::ReadsCursorWithoutChain) => cursor.len().min(feed.len()),
            _ if feed.starts_with(cursor) => cursor.len(),
            _ => 0,
        };
        (union(self.rows().skip(start).map(|at| self.said(at, reader, mistake))), feed)
    }

    /// What an entry's row says to a phone that asks in a series: what it sent in this one it has.
    fn said(&self, at: usize, (phone, series): (usize, u8), mistake: Option<Mistake>) -> Changes {
        let arrived = &self.log[at];
        let of_this_series = arrived.series == series || mistake == Some(Mistake::LeavesOutOwnChanges);
        let is_own = arrived.phone == phone && of_this_series;
        if at >= self.snapshot.of {
            return if is_own { 0 } else { arrived.news };
        }
        let mut pieces = self.log[..self.snapshot.of].iter();
        let of_others = pieces.any(|piece| (piece.phone, piece.series) != (phone, series))
            && mistake != Some(Mistake::LeavesOutSnapshotOfOthersToo);
        let is_told_here = self.place_of_snapshot(mistake) == Some(at);
        if is_told_here && (of_others || !is_own) { self.snapshot.changes } else { 0 }
    }

    /// The last row of those that it was made of.
    fn place_of_snapshot(&self, mistake: Option<Mistake>) -> Option<usize> {
        let mut rows = self.rows().take_while(|at| *at < self.snapshot.of);
        if mistake == Some(Mistake::TellsSnapshotAtFirstPlace) { rows.next() } else { rows.last() }
    }

    /// Up to where the hub says that a series stands in the backup.
    fn durable_up_to(&self, phone: usize, series: u8, mistake: Option<Mistake>) -> usize {
        let counted = match mistake {
            Some(Mistake::CountsSnapshotAsDurable) => self.backed_up.max(self.snapshot.of),
            _ => self.backed_up,
        };
        last_seq(&self.log[..counted], phone, series)
    }

    /// Whether there is anything to put together: entries with their bodies, or a snapshot and what came behind it.
    pub fn lies_in_pieces(&self) -> bool {
        let snapshots = usize::from(self.snapshot.of > 0);
        self.snapshot_in_memory == 0 && self.on_disk - self.snapshot.of + snapshots > 1
    }

    /// The snapshot is written and the bodies go in one transaction, and only if nothing came since it was begun.
    pub fn compact(&mut self, mistake: Option<Mistake>) {
        self.snapshot_in_memory = changes_in(&self.log[..self.on_disk]);
        if mistake != Some(Mistake::EmptiesWhatCameMeanwhile) {
            self.finish_compaction(mistake);
        }
    }

    pub fn finish_compaction(&mut self, mistake: Option<Mistake>) {
        self.snapshot = Snapshot { of: self.on_disk, changes: std::mem::take(&mut self.snapshot_in_memory) };
        if mistake == Some(Mistake::ForgetsNumbersOfPieces) {
            self.log.iter_mut().take(self.on_disk).for_each(|piece| piece.series = NO_SERIES);
        }
    }

    pub fn back_up(&mut self, mistake: Option<Mistake>) {
        self.backed_up = self.on_disk;
        self.snapshot_in_backup = self.snapshot;
        if mistake == Some(Mistake::BacksUpWithoutSnapshot) {
            self.snapshot_in_backup.changes = 0;
        }
    }

    pub fn differs_from_backup(&self) -> bool {
        self.backed_up < self.log.len() || self.snapshot != self.snapshot_in_backup
    }

    pub fn crash(&mut self) {
        self.log.truncate(self.on_disk);
        self.snapshot_in_memory = 0;
    }

    /// The backup takes the place of everything. Bodies that went after it was made are back.
    pub fn put_back(&mut self) {
        self.log_before = self.log.clone();
        self.log.truncate(self.backed_up);
        self.on_disk = self.backed_up;
        self.snapshot = self.snapshot_in_backup;
        self.snapshot_in_memory = 0;
        self.epoch += 1;
    }
}
