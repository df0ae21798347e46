//! Phones and a hub in one process, on clocks and a line of ours: seeded, and watched by the laws of DESIGN §5 after every step.
//!
//! Real: vaults and the hub's database (files in memory where there is such a place), the engine, the codec, the checks.
//! Ours: the clock, the line, who is killed when, what the nurses do; and, in `nemesis`, the random bytes.

mod compact;
mod counts;
mod dice;
mod faults;
mod home;
mod laws;
mod nurse;
mod people;
mod phone;
mod seeds;
mod steps;
mod truth;
mod words;

use crate::Outcome;
pub use counts::Counts;
use device::jiff::Timestamp;
pub use dice::Dice;
pub use faults::Faults;
use hub::{LocalHub, Store};
use phone::SimPhone;
use protocol::{Series, SyncRequest, Trigger};
use record::{DocumentId, FacilityId, PatientId, VisitId};
pub use seeds::{Ran, again, child, processors, run_all};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use truth::Truth;

/// 2026-11-24T00:00:00Z.
const BEGIN_MS: i64 = 1_795_478_400_000;
const STATION: &str = "st-1";
const OTHER_STATION: &str = "st-2";
/// It discloses what it knows of the patients.
const HOSPITAL: &str = "hp";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Nurse(usize),
    /// One output of the engine, of this life of the process.
    Step(usize, u64),
    Wake(usize, u64),
    Start(usize),
    Kill(usize),
    /// Locked in a pocket, and what its background call does there.
    Sleep(usize),
    Call(usize),
    Jump(usize),
    Copy,
    PutBack,
    Wipe,
    Lose,
    Push,
    HubDown,
    HubUp,
    Backup,
    HubRestored,
    EnterNamed,
    Replay,
    Reassign,
    DiskFull(usize),
    DiskRoom(usize),
    Consent,
    Disclose,
    HubFull,
    HubRoom,
    Compact,
}

pub struct World {
    pub seed: u64,
    pub faults: Faults,
    pub counts: Counts,
    folder: TempDir,
    now_ms: i64,
    clock: Arc<AtomicI64>,
    hub_offset_ms: i64,
    hub: Option<LocalHub>,
    /// Its disk is full: it may fail, and nobody enters anything.
    hub_is_full: bool,
    phones: Vec<SimPhone>,
    patients: Vec<PatientId>,
    visits: Vec<(VisitId, PatientId)>,
    notes: Vec<DocumentId>,
    dice: Dice,
    truth: Truth,
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    order: u64,
    /// Requests that the line may deliver once more.
    past: Vec<(usize, SyncRequest)>,
    copied_at: Option<i64>,
    backup: Option<PathBuf>,
    /// Whose consent a restore named, for people to look up on paper; `None`: they have been there, or need not come.
    named: Option<BTreeSet<PatientId>>,
    quiet: bool,
}

/// One seed's story, whole. `Err`: a law was broken, and which.
pub fn run(seed: u64, seconds: u64) -> Outcome<Counts> {
    let mut world = World::new(seed)?;
    let faults = world.faults;
    let with = |error: Box<dyn std::error::Error>| format!("{error}; with {faults:?}");
    world.live(seconds as i64 * 1_000).map_err(with)?;
    world.come_home().map_err(with)?;
    world.somebody_begins().map_err(with)?;
    world.all_is_home().map_err(with)?;
    world.counts.tokens = world.truth.tokens.len() as u64;
    world.counts.excused = world.truth.tokens.iter().filter(|token| token.excused).count() as u64;
    Ok(world.counts)
}

impl World {
    fn new(seed: u64) -> Outcome<Self> {
        let mut dice = Dice::new(seed);
        let faults = Faults::of(&mut dice);
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
        let clock = Arc::new(AtomicI64::new(BEGIN_MS));
        let data = folder.path().join("hub");
        drop(Store::init(&data, "くるめ")?);
        let mut world = Self {
            seed,
            faults,
            counts: Counts::default(),
            now_ms: 0,
            hub_offset_ms: 0,
            hub: None,
            hub_is_full: false,
            phones: Vec::new(),
            patients: Vec::new(),
            visits: Vec::new(),
            notes: Vec::new(),
            dice,
            truth: Truth::default(),
            events: BinaryHeap::new(),
            order: 0,
            past: Vec::new(),
            copied_at: None,
            backup: None,
            named: None,
            quiet: false,
            folder,
            clock,
        };
        world.hub_up()?;
        world.people()?;
        world.faults.schedule(&mut world.dice.clone()).into_iter().for_each(|(at, event)| world.at(at, event));
        for phone in 0..world.phones.len() {
            world.at(0, Event::Start(phone));
            let first = world.dice.between(500, 9_000);
            world.at(first, Event::Nurse(phone));
        }
        Ok(world)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    fn at(&mut self, at_ms: i64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at_ms, self.order, event)));
    }

    fn hub_time(&self) -> Timestamp {
        moment(BEGIN_MS + self.now_ms + self.hub_offset_ms)
    }

    fn device_time(&self, phone: usize) -> Timestamp {
        moment(BEGIN_MS + self.now_ms + self.phones[phone].offset_ms)
    }

    fn station(&self, phone: usize) -> &'static str {
        if phone + 1 == self.phones.len().min(self.first_clone()) { OTHER_STATION } else { STATION }
    }

    /// Clones stand behind the phones that were enrolled.
    fn first_clone(&self) -> usize {
        self.phones.iter().position(|phone| phone.file.extension().is_some_and(|e| e == "clone")).unwrap_or(usize::MAX)
    }

    fn live(&mut self, until_ms: i64) -> Outcome {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at > until_ms {
                break;
            }
            self.now_ms = at;
            self.clock.store(BEGIN_MS + self.now_ms + self.hub_offset_ms, Ordering::SeqCst);
            self.happen(event).map_err(|error| format!("at {at} ms, {event:?}: {error}"))?;
        }
        self.events.clear();
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Outcome {
        match event {
            Event::Nurse(phone) => self.nurse(phone)?,
            Event::Step(phone, life) if self.phones[phone].life == life => {
                self.phones[phone].busy = false;
                self.step(phone)?;
            }
            Event::Wake(phone, life) if self.phones[phone].life == life => {
                self.phones[phone].trigger(self.now_ms, Trigger::Timer);
            }
            Event::Step(..) | Event::Wake(..) => return Ok(()),
            other => self.fault(other)?,
        }
        self.schedule_steps();
        Ok(())
    }

    fn schedule_steps(&mut self) {
        for phone in 0..self.phones.len() {
            if !self.phones[phone].busy && !self.phones[phone].todo.is_empty() {
                self.phones[phone].busy = true;
                let (life, wait) = (self.phones[phone].life, if self.quiet { 1 } else { self.dice.between(1, 400) });
                self.at(self.now_ms + wait, Event::Step(phone, life));
            }
        }
    }

    fn hub_up(&mut self) -> Outcome {
        let clock = self.clock.clone();
        let store = Store::open_with_clock(&self.data(), Arc::new(move || clock.load(Ordering::SeqCst)))?;
        let hub = LocalHub::new(store);
        hub.check_left_over();
        self.hub = Some(hub);
        self.hub_is_full = false;
        Ok(())
    }

    /// The hub, if something can be entered there.
    fn taking_hub(&self) -> Option<&LocalHub> {
        self.hub.as_ref().filter(|_| !self.hub_is_full)
    }

    /// Everything works, nobody writes: each phone syncs until nothing moves.
    fn come_home(&mut self) -> Outcome {
        self.quiet = true;
        if self.hub.is_none() {
            self.hub_up()?;
        }
        self.empty_hubs_disk()?;
        self.enter_named()?;
        if self.faults.reassign {
            self.everybody_has_everybody()?;
        }
        for phone in 0..self.phones.len() {
            self.phones[phone].set_room(None)?;
            if self.phones[phone].open.is_none() && !self.phones[phone].is_gone() {
                let now = self.device_time(phone);
                self.phones[phone].start(now)?;
            }
            self.write_what_waits(phone)?;
        }
        for round in 0..6 {
            // A retry that waits its quarter of an hour is a retry: time passes between the rounds.
            self.now_ms += 16 * 60_000;
            self.push_all()?;
            self.let_relayed_in()?;
            for phone in 0..self.phones.len() {
                let now_ms = self.now_ms;
                self.phones[phone].trigger(now_ms, Trigger::NetworkReturned);
                for _ in 0..400 {
                    if self.phones[phone].todo.is_empty() {
                        break;
                    }
                    self.step(phone).map_err(|error| format!("coming home, round {round}: {error}"))?;
                }
                if !self.phones[phone].todo.is_empty() {
                    return Err(format!("{} never rests", self.phones[phone].staff).into());
                }
            }
            self.events.clear();
        }
        Ok(())
    }
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn facility(id: &str) -> Outcome<FacilityId> {
    Ok(id.parse()?)
}

/// Numbers of a series, by its newest name.
fn series_of(phone: &device::Phone) -> Outcome<Series> {
    Ok(phone.series()?)
}
