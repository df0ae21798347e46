//! Phones and a hub in one process, on clocks and a line of ours: seeded, and watched by the laws of DESIGN §5 after every step.
//!
//! Real: vaults and the hub's database (files in memory where there is such a place), the engine, the codec, the checks.
//! Ours: the clock, the line, who is killed when, what the nurses do; and, in `nemesis`, the random bytes.

mod compact;
mod dice;
mod faults;
mod laws;
mod nurse;
mod phone;
mod seeds;
mod truth;

use crate::Outcome;
use device::jiff::Timestamp;
pub use dice::Dice;
pub use faults::Faults;
use hub::{LocalHub, Store};
use phone::{SimPhone, as_failure};
use protocol::{Failure, Input, Output, Phase, RefusalCode, Series, SyncRequest, Trigger, codec};
use record::{DocumentId, FacilityId, PatientId, VisitId};
pub use seeds::{Ran, again, child, run_all};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use truth::{Truth, key};

/// 2026-11-24T00:00:00Z.
const BEGIN_MS: i64 = 1_795_478_400_000;
const STATION: &str = "st-1";
const OTHER_STATION: &str = "st-2";

/// What happened, for the line that is printed.
#[derive(Debug, Default, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    pub edits: u64,
    pub syncs: u64,
    pub lost: u64,
    pub kills: u64,
    pub restores: u64,
    pub forks: u64,
    pub wipes: u64,
    pub backups: u64,
    pub reassigns: u64,
    pub compacted: u64,
    pub tokens: u64,
    pub excused: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.edits += other.edits;
        self.syncs += other.syncs;
        self.lost += other.lost;
        self.kills += other.kills;
        self.restores += other.restores;
        self.forks += other.forks;
        self.wipes += other.wipes;
        self.backups += other.backups;
        self.reassigns += other.reassigns;
        self.compacted += other.compacted;
        self.tokens += other.tokens;
        self.excused += other.excused;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Nurse(usize),
    /// One output of the engine, of this life of the process.
    Step(usize, u64),
    Wake(usize, u64),
    Start(usize),
    Kill(usize),
    Jump(usize),
    Copy,
    PutBack,
    Wipe,
    Push,
    HubDown,
    HubUp,
    Backup,
    HubRestored,
    Replay,
    Reassign,
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

    fn people(&mut self) -> Outcome {
        let hub = self.hub.as_ref().ok_or("no hub")?;
        let facility = |id: &str, kind, disclosing| -> Outcome<record::Facility> {
            Ok(record::Facility { id: id.parse()?, kind, name: id.to_string(), disclosing })
        };
        let hospital = facility("hp", record::FacilityKind::Hospital, true)?;
        let stations = [STATION, OTHER_STATION].map(|station| facility(station, record::FacilityKind::Station, false));
        let nurses = 3 + self.dice.below(5) as usize;
        let mut staff = Vec::new();
        for n in 0..nurses {
            staff.push((format!("nurse-{n}"), STATION));
        }
        staff.push(("nurse-x".to_string(), OTHER_STATION));
        let mut people = Vec::new();
        for (n, (id, station)) in staff.iter().enumerate() {
            let role = if n == 0 { record::StaffRole::Manager } else { record::StaffRole::Nurse };
            people.push(record::Staff { id: id.parse()?, facility: station.parse()?, name: id.clone(), role });
        }
        hub.store().write(|tx| tx.add_facility(&hospital))?;
        for station in stations {
            let station = station?;
            hub.store().write(|tx| tx.add_facility(&station))?;
        }
        hub.store().write(|tx| people.iter().try_for_each(|person| tx.add_staff(person)))?;
        for n in 0..2 + self.dice.below(3) {
            let file =
                crate::BUNDLE.replace("00012345", &format!("7{n:07}")).replace("\"al-1\"", &format!("\"al-{n}\""));
            let file = file.replace("\"rx-1\"", &format!("\"rx-{n}\"")).replace("\"lab-1\"", &format!("\"lab-{n}\""));
            let report = hub.intake(&hospital.id, "patient.json", file.as_bytes())?;
            if let Some(bad) = report.quarantined.first() {
                return Err(format!("the sample was quarantined: {}", bad.reason).into());
            }
        }
        let patients = hub.store().read(|tx| tx.patients())?;
        let today = record::calendar::day_in_japan(self.hub_time());
        for (n, patient) in patients.iter().enumerate() {
            hub.store().write(|tx| {
                tx.add_consent(&record::Consent {
                    patient: patient.id.clone(),
                    disclosing: hospital.id.clone(),
                    viewing: people[0].facility.clone(),
                    classes: record::DataClass::ALL.into_iter().collect(),
                    offline_hours: Some(72),
                    until: None,
                    withdrawn: false,
                })
            })?;
            let mut id = [7; 16];
            id[0] = n as u8;
            let visit = record::Visit {
                id: DocumentId::from_random(id),
                patient: patient.id.clone(),
                station: people[0].facility.clone(),
                staff: people[n % nurses].id.clone(),
                date: today,
                start: device::jiff::civil::time(9, 30, 0, 0),
                minutes: 60,
            };
            hub.store().write(|tx| tx.add_visit(&visit))?;
            self.visits.push((visit.id, patient.id.clone()));
        }
        self.patients = patients.into_iter().map(|patient| patient.id).collect();
        for person in &people {
            self.phones.push(SimPhone::enrol(self.folder.path(), hub, &person.id)?);
        }
        Ok(())
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

    /// One thing that the engine ordered.
    fn step(&mut self, at: usize) -> Outcome {
        let Some(output) = self.phones[at].todo.pop_front() else { return Ok(()) };
        let now = self.device_time(at);
        let Some(phone) = self.phones[at].open.take() else { return Ok(()) };
        let input = match output {
            Output::Report(Phase::Waiting { failure }) => {
                self.phones[at].open = Some(phone);
                return self.is_allowed(failure);
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
                phone.renew_series().map(|()| Input::Renewed).map_err(as_failure)
            }
            Output::Load => phone.load_request().map(|request| Input::Loaded(Box::new(request))).map_err(as_failure),
            Output::Send(request) => {
                let answer = self.exchange(at, &request);
                self.phones[at].offered = Some(*request);
                answer
            }
            Output::Store(answer) => match &self.phones[at].offered {
                Some(request) => phone
                    .store_answer(request, &answer, now)
                    .map(|stored| Input::Stored { left: stored.left })
                    .map_err(as_failure),
                None => Err(Failure::Storage),
            },
            // Nobody takes photos in here.
            Output::NextPhoto { .. } => Ok(Input::Photo(None)),
            Output::AskPhoto(_) | Output::SendPiece { .. } | Output::StorePhoto { .. } => Err(Failure::Storage),
        };
        self.phones[at].open = Some(phone);
        let (now_ms, dice) = (self.now_ms, self.dice.roll() as u32);
        self.phones[at].hear(now_ms, input, dice);
        self.laws_of(at)
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

    fn loses(&mut self) -> bool {
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
            other => Err(format!("law 7: a sync failed for another reason than the line: {other:?}").into()),
        }
    }

    fn hub_up(&mut self) -> Outcome {
        let clock = self.clock.clone();
        let store = Store::open_with_clock(&self.data(), Arc::new(move || clock.load(Ordering::SeqCst)))?;
        let hub = LocalHub::new(store);
        hub.check_left_over();
        self.hub = Some(hub);
        Ok(())
    }

    /// Everything works, nobody writes: each phone syncs until nothing moves.
    fn come_home(&mut self) -> Outcome {
        self.quiet = true;
        if self.hub.is_none() {
            self.hub_up()?;
        }
        if self.faults.reassign {
            self.everybody_has_everybody()?;
        }
        for phone in 0..self.phones.len() {
            if self.phones[phone].open.is_none() && !self.phones[phone].wiped {
                let now = self.device_time(phone);
                self.phones[phone].start(now)?;
            }
        }
        for round in 0..6 {
            // A retry that waits its quarter of an hour is a retry: time passes between the rounds.
            self.now_ms += 16 * 60_000;
            self.push_all()?;
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
