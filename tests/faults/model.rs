//! The sync protocol (DESIGN §5) as a small model, walked through in every order: laws 1, 3 and 5 hold in every state,
//! and from every state everything comes home. Law 2 (a page and its cursor together) is broken below, and found out.
//!
//! Modelled: two phones of one station and a hub; series, numbers, frozen entries, sealed copies, receipts, durability
//! (the hub's backup), the feed with its chained cursor, the hub's epoch, forks, the sealed wipe. A phone's step is one
//! transaction, as in `app/device/src/store_answer.rs`; the hub follows `entries.rs` and `feed.rs` of its store. A bad
//! line keeps each phone's last request and last answer, and delivers them now, late, again, or never. Faults: one
//! crash, one hub put back from its backup, one older file of phone A put back, one wipe of phone A (ordered, or by ten
//! wrong PINs).
//!
//! Not modelled: bytes, hashes, signatures (a chain hash is the beginning of the feed itself), documents and their
//! merge, checks and held entries (what arrives passes at once), pages shorter than the feed, clocks, consent,
//! colleagues' copies taken as relayed. A change is what a nurse did: made again in a new series, it is the same one.
//! Along the way the hub is backed up once; phone A's older file is from between its first change and its second.
//!
//! What no protocol can save is excused by name: a change that stood only in the file that an older one replaced.

use stateright::{Checker, HasDiscoveries, Model, Property};
use std::collections::BTreeSet;

/// A set of changes, one bit each.
type Changes = u8;
/// Single changes in the feed's order. A cursor is the beginning that was read: its chain hash can never mislead.
type Feed = Vec<Changes>;

/// The phone that the faults strike.
const A: usize = 0;
const B: usize = 1;
/// Which of the three changes each phone's nurse writes.
const WRITTEN_BY: [Changes; 2] = [0b011, 0b100];
/// What the hub took from sealed copies stands in a series of its own.
const COPIES_SERIES: u8 = 9;
/// So many exchanges of each phone on a good line must bring everything home.
const ROUNDS: usize = 8;

/// What a wrong program would do. The model must find each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    MarksAllPending,
    DropsOnReceipt,
    KeepsMarksThatTheHubLost,
    StoresCursorBeforePage,
    WipesSealedCopies,
    KeepsCopyReceiptsOfAnotherEpoch,
    TakesRepeatAsNew,
    TakesFork,
    ReceiptsBeforeDisk,
    ReadsCursorWithoutChain,
    LeavesOutOwnChanges,
}

fn each(changes: Changes) -> impl Iterator<Item = Changes> {
    (0..3).map(|bit| 1u8 << bit).filter(move |change| changes & *change != 0)
}

fn union(sets: impl Iterator<Item = Changes>) -> Changes {
    sets.fold(0, |all, changes| all | changes)
}

// ----------------------------------------------------------------------------------------------------------- the phone

/// A frozen entry; its number is its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    changes: Changes,
    /// The epoch that receipted it.
    received: Option<u8>,
    /// Its body is still here.
    kept: bool,
}

/// A phone's file, and the one thing beside it that a crash takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Phone {
    document: Changes,
    /// Own changes in no entry yet.
    edits: Changes,
    series: u8,
    entries: Vec<Entry>,
    copies: Changes,
    /// Copies that the hub of this `epoch` has. Used by a wiped phone only.
    copies_received: Changes,
    cursor: Feed,
    epoch: u8,
    wiped: bool,
    /// Only a mistake leaves anything here.
    page_in_memory: Changes,
}

impl Phone {
    /// The change and its sealed copy, in one step.
    fn write(&mut self, change: Changes) {
        self.document |= change;
        self.edits |= change;
        self.copies |= change;
    }

    /// Freezes what is in no entry, and says what to offer.
    fn load_request(&mut self) -> Request {
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

    fn store(&mut self, answer: &Answer, mistake: Option<Mistake>) {
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
    fn wipe(&mut self, mistake: Option<Mistake>) {
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

    fn finish_page(&mut self) {
        self.document |= self.page_in_memory;
        self.page_in_memory = 0;
    }

    fn kept(&self) -> Changes {
        union(self.entries.iter().filter(|entry| entry.kept).map(|entry| entry.changes))
    }

    fn has_nothing_to_send(&self) -> bool {
        if self.wiped {
            return self.copies & !self.copies_received == 0;
        }
        self.edits == 0 && self.kept() == 0 && self.copies == 0
    }
}

// ------------------------------------------------------------------------------------------------------------ the wire

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Request {
    Sync { series: u8, first_seq: usize, entries: Vec<Changes>, cursor: Feed },
    Copies(Changes),
}

/// A request on the line, and whether the process that asked still waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sent {
    request: Request,
    awaited: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Answer {
    Sync(SyncAnswer),
    Forked { series: u8 },
    Copies { epoch: u8, received: Changes },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SyncAnswer {
    /// Of the request.
    series: u8,
    first_seq: usize,
    cursor: Feed,
    /// Of the hub.
    epoch: u8,
    received_up_to: usize,
    durable_up_to: usize,
    /// How many entries from `first_seq` on the receipt names.
    receipted: usize,
    page: Changes,
    next_cursor: Feed,
}

// ------------------------------------------------------------------------------------------------------------- the hub

/// An entry that arrived, and what of it was news for the feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Arrived {
    phone: usize,
    series: u8,
    seq: usize,
    changes: Changes,
    news: Changes,
}

impl Arrived {
    fn stands_at(&self, phone: usize, series: u8, seq: usize) -> bool {
        (self.phone, self.series, self.seq) == (phone, series, seq)
    }
}

fn changes_in(log: &[Arrived]) -> Changes {
    union(log.iter().map(|arrived| arrived.changes))
}

fn last_seq(log: &[Arrived], phone: usize, series: u8) -> usize {
    let numbers = log.iter().filter(|arrived| arrived.phone == phone && arrived.series == series);
    numbers.map(|arrived| arrived.seq).max().unwrap_or(0)
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Hub {
    epoch: u8,
    log: Vec<Arrived>,
    /// So much of the log survives a crash: all of it, without a mistake.
    on_disk: usize,
    /// So much of it is in the backup.
    backed_up: usize,
    /// The log of the epoch before, for law 1 to look at.
    log_before: Vec<Arrived>,
}

impl Hub {
    fn feed(&self) -> Feed {
        self.log.iter().flat_map(|arrived| each(arrived.news)).collect()
    }

    fn log_in(&self, epoch: u8) -> &[Arrived] {
        if epoch == self.epoch { &self.log[..self.on_disk] } else { &self.log_before }
    }

    fn take(&mut self, phone: usize, request: &Request, mistake: Option<Mistake>) -> Answer {
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
                        let (page, next_cursor) = self.page(phone, cursor, mistake);
                        Answer::Sync(SyncAnswer {
                            series: *series,
                            first_seq: *first_seq,
                            cursor: cursor.clone(),
                            epoch: self.epoch,
                            received_up_to: last_seq(&self.log, phone, *series),
                            durable_up_to: last_seq(&self.log[..self.backed_up], phone, *series),
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
    fn page(&self, phone: usize, cursor: &[Changes], mistake: Option<Mistake>) -> (Changes, Feed) {
        let feed = self.feed();
        let start = match mistake {
            Some(Mistake::ReadsCursorWithoutChain) => cursor.len().min(feed.len()),
            _ if feed.starts_with(cursor) => cursor.len(),
            _ => 0,
        };
        let mut page = union(feed[start..].iter().copied());
        if mistake == Some(Mistake::LeavesOutOwnChanges) {
            page &= !WRITTEN_BY[phone];
        }
        (page, feed)
    }
}

// ----------------------------------------------------------------------------------------------------------- the whole

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum OlderFile {
    #[default]
    None,
    Kept(Phone),
    PutBack,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    phones: [Phone; 2],
    hub: Hub,
    requests: [Option<Sent>; 2],
    answers: [Option<Answer>; 2],
    /// Every change that a nurse ever wrote.
    written: Changes,
    backup_made: bool,
    crashed: bool,
    older_file: OlderFile,
    /// Changes that stood, not yet durable, in the file that the older one replaced.
    gone_with_file: Changes,
    /// Changes that nobody holds any more, through no fault of the protocol.
    excused: Changes,
}

impl State {
    /// The process that asked is gone: its request may still arrive, the answer finds nobody.
    fn hang_up(&mut self, phone: usize) {
        self.answers[phone] = None;
        if let Some(sent) = &mut self.requests[phone] {
            sent.awaited = false;
        }
    }

    /// What a good line without another fault makes of this state; `None` if that never comes to rest.
    fn settled(&self, mistake: Option<Mistake>) -> Option<([Phone; 2], Hub)> {
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
            hub.backed_up = hub.log.len();
            if phones == before.0 && hub == before.1 {
                return Some((phones, hub));
            }
        }
        None
    }
}

/// Which of the faults may strike, each at most once, at any moment.
#[derive(Clone, Copy, Debug)]
struct Story {
    writes: [Changes; 2],
    /// Over a good line, a phone's exchange with the hub is one step.
    bad_line: [bool; 2],
    crash: bool,
    restore: bool,
    older_file: bool,
    wipe: bool,
    mistake: Option<Mistake>,
}

const TWO_BAD_LINES: Story = Story {
    writes: WRITTEN_BY,
    bad_line: [true, true],
    crash: false,
    restore: false,
    older_file: false,
    wipe: false,
    mistake: None,
};
const ONE_BAD_LINE: Story = Story { bad_line: [true, false], ..TWO_BAD_LINES };
const CRASH: Story = Story { crash: true, ..TWO_BAD_LINES };
const HUB_PUT_BACK: Story = Story { restore: true, ..ONE_BAD_LINE };
const OLDER_FILE_AND_WIPE: Story = Story { older_file: true, wipe: true, ..ONE_BAD_LINE };
/// Phone B only reads here, to keep the walk short.
const EVERY_FAULT: Story = Story { writes: [WRITTEN_BY[A], 0], crash: true, restore: true, ..OLDER_FILE_AND_WIPE };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write(usize),
    /// Freezes, and puts a request on the line in place of the last one.
    Offer(usize),
    /// The request reaches the hub: now, late, or once more.
    ReachHub(usize),
    /// The answer reaches the phone: now, late, or once more.
    ReachPhone(usize),
    /// All three at once, over a good line.
    Exchange(usize),
    FinishPage(usize),
    CrashPhone(usize),
    Wipe,
    CopyFile,
    PutFileBack,
    FinishWrites,
    Backup,
    CrashHub,
    PutHubBack,
}

impl Model for Story {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let crash = self.crash && !state.crashed;
        for at in [A, B] {
            let phone = &state.phones[at];
            if self.writes[at] & !state.written != 0 && !phone.wiped {
                steps.push(Step::Write(at));
            }
            if phone.page_in_memory != 0 {
                steps.push(Step::FinishPage(at));
            }
            if !self.bad_line[at] {
                steps.push(Step::Exchange(at));
                continue;
            }
            steps.push(Step::Offer(at));
            if state.requests[at].is_some() {
                steps.push(Step::ReachHub(at));
            }
            if state.answers[at].is_some() {
                steps.push(Step::ReachPhone(at));
            }
            if crash {
                steps.push(Step::CrashPhone(at));
            }
        }
        let phone = &state.phones[A];
        if self.wipe && !phone.wiped {
            steps.push(Step::Wipe);
        }
        if self.older_file && !phone.wiped {
            let wrote_once = (state.written & self.writes[A]).count_ones() == 1;
            match &state.older_file {
                OlderFile::None if wrote_once => steps.push(Step::CopyFile),
                OlderFile::Kept(file) if file != phone => steps.push(Step::PutFileBack),
                _ => {}
            }
        }
        let hub = &state.hub;
        if hub.on_disk < hub.log.len() {
            steps.push(Step::FinishWrites);
        }
        if hub.backed_up < hub.on_disk && !state.backup_made {
            steps.push(Step::Backup);
        }
        if crash {
            steps.push(Step::CrashHub);
        }
        if self.restore && hub.epoch == 0 && hub.backed_up < hub.log.len() {
            steps.push(Step::PutHubBack);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        match step {
            Step::Write(at) => {
                let change = each(self.writes[at] & !next.written).next()?;
                next.written |= change;
                next.phones[at].write(change);
            }
            Step::Offer(at) => {
                let request = next.phones[at].load_request();
                next.requests[at] = Some(Sent { request, awaited: true });
            }
            Step::ReachHub(at) => {
                let sent = last.requests[at].as_ref()?;
                let answer = next.hub.take(at, &sent.request, self.mistake);
                if sent.awaited {
                    next.answers[at] = Some(answer);
                }
            }
            Step::ReachPhone(at) => next.phones[at].store(last.answers[at].as_ref()?, self.mistake),
            Step::Exchange(at) => {
                let request = next.phones[at].load_request();
                let answer = next.hub.take(at, &request, self.mistake);
                next.phones[at].store(&answer, self.mistake);
            }
            Step::FinishPage(at) => next.phones[at].finish_page(),
            Step::CrashPhone(at) => {
                next.hang_up(at);
                next.phones[at].page_in_memory = 0;
            }
            Step::Wipe => next.phones[A].wipe(self.mistake),
            Step::CopyFile => next.older_file = OlderFile::Kept(next.phones[A].clone()),
            Step::PutFileBack => {
                let OlderFile::Kept(file) = std::mem::take(&mut next.older_file) else { return None };
                next.gone_with_file = next.phones[A].copies & !file.copies;
                next.excused |= next.gone_with_file & !changes_in(&next.hub.log);
                next.phones[A] = file;
                next.older_file = OlderFile::PutBack;
                next.hang_up(A);
            }
            Step::FinishWrites => next.hub.on_disk = next.hub.log.len(),
            Step::Backup => {
                next.hub.backed_up = next.hub.on_disk;
                next.backup_made = true;
            }
            Step::CrashHub => {
                next.hub.log.truncate(last.hub.on_disk);
                next.requests = [None, None];
                next.answers = [None, None];
            }
            Step::PutHubBack => {
                next.hub.log_before = last.hub.log.clone();
                next.hub.log.truncate(last.hub.backed_up);
                next.hub.on_disk = last.hub.backed_up;
                next.hub.epoch += 1;
                next.excused |= next.gone_with_file & !changes_in(&next.hub.log);
            }
        }
        if next == *last {
            // A poll that brings nothing, a crash that costs nothing.
            return None;
        }
        next.crashed |= matches!(step, Step::CrashPhone(_) | Step::CrashHub);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(LAW_1, law_1),
            Property::<Self>::always(LAW_3, law_3),
            Property::<Self>::always(LAW_5, law_5),
            Property::<Self>::always(COMES_HOME, everything_comes_home),
            Property::<Self>::sometimes("both nurses read everything and nothing is left to send", all_is_read),
            Property::<Self>::sometimes(
                "nothing is missing although every fault struck",
                all_is_there_after_every_fault,
            ),
        ]
    }

    /// A hub that takes repeats as new would grow for ever.
    fn within_boundary(&self, state: &State) -> bool {
        self.mistake.is_none() || state.hub.log.len() <= 6
    }
}

// ------------------------------------------------------------------------------------------------------------ the laws

const LAW_1: &str = "law 1: what is marked as received was on the hub's disk in the epoch that receipted it";
const LAW_3: &str = "law 3: a change stands once in the feed, a number stands for one entry";
const LAW_5: &str = "law 5: what was written is somewhere, and leaves the outbox only when it is in the hub's backup";
const COMES_HOME: &str = "from here, a good line brings everything written to the hub and to both nurses";

fn law_1(_: &Story, state: &State) -> bool {
    state.phones.iter().enumerate().all(|(at, phone)| {
        let marks_hold = phone.entries.iter().zip(1usize..).all(|(entry, seq)| {
            entry.received.is_none_or(|epoch| {
                let mut log = state.hub.log_in(epoch).iter();
                log.any(|arrived| arrived.stands_at(at, phone.series, seq) && arrived.changes == entry.changes)
            })
        });
        marks_hold && phone.copies_received & !changes_in(state.hub.log_in(phone.epoch)) == 0
    })
}

fn law_3(_: &Story, state: &State) -> bool {
    let (log, feed) = (&state.hub.log, state.hub.feed());
    let once = feed.iter().copied().collect::<BTreeSet<_>>().len() == feed.len();
    let same = |one: &Arrived, other: &Arrived| {
        !one.stands_at(other.phone, other.series, other.seq) || one.changes == other.changes
    };
    once && log.iter().all(|one| log.iter().all(|other| same(one, other)))
}

fn law_5(_: &Story, state: &State) -> bool {
    let hub = &state.hub;
    let (on_disk, in_backup) = (changes_in(&hub.log[..hub.on_disk]), changes_in(&hub.log[..hub.backed_up]));
    state.phones.iter().enumerate().all(|(at, phone)| {
        let somewhere = phone.document | phone.edits | phone.kept() | phone.copies | on_disk | in_backup;
        let owed = state.written & !state.excused & WRITTEN_BY[at];
        let dropped = union(phone.entries.iter().filter(|entry| !entry.kept).map(|entry| entry.changes));
        owed & !somewhere == 0 && dropped & !(in_backup | phone.copies) == 0
    })
}

/// Asked of every state, so it holds for those in which nothing moves any more, too.
fn everything_comes_home(story: &Story, state: &State) -> bool {
    let Some((phones, hub)) = state.settled(story.mistake) else { return false };
    let owed = state.written & !state.excused;
    let read = |phone: &Phone| phone.wiped || owed & !phone.document == 0;
    owed & !changes_in(&hub.log) == 0 && phones.iter().all(|phone| read(phone) && phone.has_nothing_to_send())
}

fn all_is_read(story: &Story, state: &State) -> bool {
    let all = union(story.writes.into_iter());
    state.phones.iter().all(|phone| phone.document == all && phone.has_nothing_to_send())
}

fn all_is_there_after_every_fault(story: &Story, state: &State) -> bool {
    let struck = (state.crashed || !story.crash)
        && (state.hub.epoch == 1 || !story.restore)
        && (state.phones[A].series == 1 || !story.older_file)
        && (state.phones[A].wiped || !story.wipe);
    let all = union(story.writes.into_iter());
    let there = |phone: &Phone| (phone.wiped || phone.document == all) && phone.has_nothing_to_send();
    struck && state.excused == 0 && changes_in(&state.hub.log) == all && state.phones.iter().all(there)
}

// ----------------------------------------------------------------------------------------------------------- the walks

fn keeps_the_laws(story: Story) {
    let checker = story.checker().threads(2).spawn_bfs().join();
    println!("{} states: {story:?}", checker.unique_state_count());
    checker.assert_properties();
}

fn is_found_out(mistake: Mistake, story: Story, law: &'static str) {
    let first_found = HasDiscoveries::AnyOf(BTreeSet::from([law]));
    let wrong = Story { mistake: Some(mistake), ..story };
    let checker = wrong.checker().threads(2).finish_when(first_found).spawn_bfs().join();
    let path = checker.assert_any_discovery(law);
    println!("{mistake:?}, found among {} states. {path}", checker.unique_state_count());
}

#[test]
fn every_interleaving_of_two_devices_and_a_hub_keeps_laws_1_3_and_5() {
    keeps_the_laws(TWO_BAD_LINES);
}

#[test]
fn a_hub_put_back_from_its_backup_gets_again_what_it_lost() {
    keeps_the_laws(HUB_PUT_BACK);
}

#[test]
fn an_older_file_of_a_phone_and_a_wipe_lose_nothing_that_is_somewhere() {
    keeps_the_laws(OLDER_FILE_AND_WIPE);
}

#[test]
fn with_every_fault_at_once_all_that_was_written_comes_home() {
    keeps_the_laws(EVERY_FAULT);
}

#[test]
fn a_phone_that_marks_all_pending_as_received_is_found_out() {
    is_found_out(Mistake::MarksAllPending, TWO_BAD_LINES, LAW_1);
}

#[test]
fn a_phone_that_drops_its_outbox_on_receipt_is_found_out() {
    is_found_out(Mistake::DropsOnReceipt, TWO_BAD_LINES, LAW_5);
}

#[test]
fn a_phone_that_ignores_the_hubs_new_epoch_is_found_out() {
    is_found_out(Mistake::KeepsMarksThatTheHubLost, HUB_PUT_BACK, COMES_HOME);
}

#[test]
fn a_phone_that_stores_the_cursor_before_the_page_is_found_out() {
    is_found_out(Mistake::StoresCursorBeforePage, CRASH, COMES_HOME);
}

#[test]
fn a_wipe_that_takes_the_sealed_copies_is_found_out() {
    is_found_out(Mistake::WipesSealedCopies, OLDER_FILE_AND_WIPE, LAW_5);
}

#[test]
fn a_wiped_phone_that_believes_receipts_of_another_epoch_is_found_out() {
    is_found_out(Mistake::KeepsCopyReceiptsOfAnotherEpoch, EVERY_FAULT, COMES_HOME);
}

#[test]
fn a_hub_that_takes_a_repeat_as_new_is_found_out() {
    is_found_out(Mistake::TakesRepeatAsNew, TWO_BAD_LINES, LAW_3);
}

#[test]
fn a_hub_that_takes_a_fork_is_found_out() {
    is_found_out(Mistake::TakesFork, OLDER_FILE_AND_WIPE, LAW_3);
}

#[test]
fn a_hub_that_receipts_before_its_disk_has_it_is_found_out() {
    is_found_out(Mistake::ReceiptsBeforeDisk, TWO_BAD_LINES, LAW_1);
}

#[test]
fn a_hub_that_reads_a_cursor_without_its_chain_is_found_out() {
    is_found_out(Mistake::ReadsCursorWithoutChain, HUB_PUT_BACK, COMES_HOME);
}

#[test]
fn a_feed_that_leaves_out_the_readers_own_changes_is_found_out() {
    is_found_out(Mistake::LeavesOutOwnChanges, OLDER_FILE_AND_WIPE, COMES_HOME);
}
