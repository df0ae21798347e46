//! P3b: a region's devices that all come back within a minute after an outage, to a hub in a process of its own.

use crate::Done;
use crate::dice::Dice;
use crate::herd::number;
use crate::hub_process::Spent;
use crate::line::{Heard, Line};
use crate::proxy::Counted;
use crate::region::{Device, EDITS, NEW, Packed, Region, Told};
use crate::station::runtime;
use crate::statistics::{Times, milliseconds, print_goal};
use crate::workload::Workload;
use protocol::SyncResponse;
use protocol::receipt::ReceiptScope;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much more one station sends than the others.
const TIMES: usize = 10;
/// Domain research §7.4, at 50 notes a second on four processors.
const REQUEST_MS: f64 = 500.0;
/// How long a device whose line broke stays away.
const AFTER_BREAKING: Duration = Duration::from_secs(2);
/// Tries of a device before the run is given up.
const TRIES: u64 = 100;
/// What was not checked when the last device was back is checked within a minute.
const CHECKED: Duration = Duration::from_secs(150);

/// How they come.
pub struct Plan {
    /// All within this time, the moments drawn by lot.
    pub within: Duration,
    pub at_once: usize,
}

/// How a device came back.
pub struct Return {
    station: usize,
    /// From its arrival until all that it wrote was receipted and all news was read.
    took: Duration,
    /// From the connection, or the page before, to the answer read.
    requests: Vec<Duration>,
    busy: u64,
    broken: u64,
    receipted: usize,
    set_aside: usize,
}

/// All of them.
pub struct Stampede {
    pub returns: Vec<Return>,
    pub spent: Spent,
    pub line: Counted,
    pub hub_mb: f64,
    pub worker_mb: f64,
    wall: Duration,
    entries: usize,
    audit: Audit,
}

/// What the feeds say of the entries that were sent.
struct Audit {
    /// In no feed yet when the last device was back.
    late: usize,
    missing: usize,
    twice: usize,
}

/// A device on its way.
struct Trip<'r> {
    device: &'r Device,
    packed: Packed,
    arrived: Duration,
    receipted: BTreeSet<u64>,
    requests: Vec<Duration>,
    busy: u64,
    broken: u64,
    set_aside: usize,
}

impl Trip<'_> {
    /// `None`: it is back. Else how long it stays away before it tries again.
    fn go(&mut self, port: u16) -> Done<Option<Duration>> {
        let mut begun = Instant::now();
        let Ok(mut line) = Line::open(&self.device.tls, port) else { return Ok(Some(self.broke())) };
        loop {
            match line.ask(&self.packed.body) {
                Err(_) => return Ok(Some(self.broke())),
                Ok(Heard::Refused(code)) => return Err(format!("the hub refused a device: {code:?}").into()),
                Ok(Heard::Busy(wait)) => {
                    self.busy += 1;
                    return Ok(Some(wait));
                }
                Ok(Heard::Answer(answer)) => {
                    self.requests.push(begun.elapsed());
                    self.take(&answer)?;
                    if !answer.more {
                        return Ok(None);
                    }
                    self.packed.body = self.device.asks_on(answer.next_cursor)?;
                    begun = Instant::now();
                }
            }
        }
    }

    fn broke(&mut self) -> Duration {
        self.broken += 1;
        AFTER_BREAKING
    }

    /// Believes a receipt as a phone does: by the hub's signature over what was sent under each number.
    fn take(&mut self, answer: &SyncResponse) -> Done {
        let receipt = &answer.receipt;
        if !receipt.items.is_empty() {
            let identity = &self.device.identity;
            let scope = ReceiptScope { epoch: answer.epoch, device: identity.device, series: self.device.series };
            let sent = |seq: u64| self.packed.hashes.iter().find(|(number, _)| *number == seq).map(|(_, hash)| *hash);
            receipt.verify(&<[u8; 32]>::try_from(identity.receipt_key.as_slice())?, &scope, sent)?;
            self.receipted.extend(receipt.items.iter().map(|item| item.seq));
        }
        self.set_aside = answer.held.len() + answer.rejected.len();
        Ok(())
    }

    fn tries(&self) -> u64 {
        self.busy + self.broken
    }

    fn back(self, now: Duration) -> Return {
        Return {
            station: self.packed.station,
            took: now.saturating_sub(self.arrived),
            requests: self.requests,
            busy: self.busy,
            broken: self.broken,
            receipted: self.receipted.len(),
            set_aside: self.set_aside,
        }
    }
}

/// The outage ends; everybody comes.
pub fn come_back(region: &mut Region<'_>, packed: Vec<Packed>, plan: &Plan) -> Done<Stampede> {
    let mut told: Vec<Vec<Told>> = region.stations.iter().map(|_| Vec::new()).collect();
    for day in &packed {
        told[day.station].extend(&day.told);
    }
    region.hub.serve()?;
    let runtime = runtime()?;
    runtime.block_on(region.hub.proxy.quiet());
    let before = region.hub.spent()?;
    let begun = Instant::now();
    let returns = travel(trips(region, packed, plan), plan.at_once, region.hub.proxy.port)?;
    let wall = begun.elapsed();
    let spent = region.hub.spent()?.since(&before);
    let line = runtime.block_on(region.hub.proxy.quiet());
    let (hub_mb, worker_mb) = (region.hub.peak_mb()?, region.hub.worker_peak_mb()?);
    let entries = told.iter().map(Vec::len).sum();
    Ok(Stampede { returns, spent, line, hub_mb, worker_mb, wall, entries, audit: audit(region, &told)? })
}

fn trips<'r>(region: &'r Region<'_>, packed: Vec<Packed>, plan: &Plan) -> Vec<Trip<'r>> {
    let mut dice = Dice::new(60);
    let trip = |packed: Packed| Trip {
        device: &region.stations[packed.station].devices[packed.device],
        packed,
        arrived: plan.within.mul_f64(dice.below(10_000) as f64 / 10_000.0),
        receipted: BTreeSet::new(),
        requests: Vec::new(),
        busy: 0,
        broken: 0,
        set_aside: 0,
    };
    packed.into_iter().map(trip).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each at its time, so many at once; whoever is sent away comes again when it was told to.
fn travel(trips: Vec<Trip<'_>>, at_once: usize, port: u16) -> Done<Vec<Return>> {
    let numbered = trips.into_iter().enumerate().map(|(number, trip)| ((trip.arrived, number), trip));
    let queue: Mutex<BTreeMap<(Duration, usize), Trip<'_>>> = Mutex::new(numbered.collect());
    let ended: Mutex<Vec<Result<Return, String>>> = Mutex::new(Vec::new());
    let begun = Instant::now();
    let next = || lock(&queue).pop_first();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(((due, number), mut trip)) = next() {
                    std::thread::sleep(due.saturating_sub(begun.elapsed()));
                    let end = match trip.go(port) {
                        Ok(Some(wait)) if trip.tries() < TRIES => {
                            lock(&queue).insert((begun.elapsed() + wait, number), trip);
                            continue;
                        }
                        Ok(Some(_)) => Err("a device did not come back".to_string()),
                        Ok(None) => Ok(trip.back(begun.elapsed())),
                        Err(error) => Err(error.to_string()),
                    };
                    lock(&ended).push(end);
                }
            });
        }
    });
    ended.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().map(|end| Ok(end?)).collect()
}

/// Another device of each station reads the feed: every entry stands in it, once.
fn audit(region: &mut Region<'_>, told: &[Vec<Told>]) -> Done<Audit> {
    let begun = Instant::now();
    let mut first = None;
    let mut seen: Vec<HashMap<Told, usize>> = told.iter().map(|_| HashMap::new()).collect();
    loop {
        for (seen, items) in seen.iter_mut().zip(region.catch_up()?) {
            for item in items {
                *seen.entry(item).or_default() += 1;
            }
        }
        let times = |wanted: fn(usize) -> bool| {
            let of_station = |(told, seen): (&Vec<Told>, &HashMap<Told, usize>)| {
                told.iter().filter(|one| wanted(seen.get(*one).copied().unwrap_or(0))).count()
            };
            told.iter().zip(&seen).map(of_station).sum::<usize>()
        };
        let missing = times(|times| times == 0);
        let late = *first.get_or_insert(missing);
        if missing == 0 || begun.elapsed() > CHECKED {
            return Ok(Audit { late, missing, twice: times(|times| times > 1) });
        }
        std::thread::sleep(Duration::from_secs(5));
    }
}

impl Stampede {
    fn count(&self) -> f64 {
        self.returns.len().max(1) as f64
    }

    /// Processor time that the hub and its checker spent on a device.
    pub fn cpu_ms(&self) -> f64 {
        milliseconds(self.spent.whole()) / self.count()
    }

    /// Without the checker's worker.
    pub fn hub_ms(&self) -> f64 {
        milliseconds(self.spent.hub) / self.count()
    }

    pub fn requests(&self) -> Times {
        Times::of(self.returns.iter().flat_map(|one| one.requests.iter().copied()).collect())
    }

    /// From arrival to the end.
    pub fn completions(&self) -> Times {
        Times::of(self.returns.iter().map(|one| one.took).collect())
    }

    /// Entries without a receipt, or in no feed.
    pub fn lost(&self) -> usize {
        let receipted: usize = self.returns.iter().map(|one| one.receipted).sum();
        self.entries.saturating_sub(receipted).max(self.audit.missing)
    }

    /// The longest of each station's devices.
    fn by_station(&self) -> BTreeMap<usize, Duration> {
        let mut longest: BTreeMap<usize, Duration> = BTreeMap::new();
        for one in &self.returns {
            let station = longest.entry(one.station).or_default();
            *station = (*station).max(one.took);
        }
        longest
    }

    pub fn print_lost(&self, number: u8, name: &str) {
        let sum = |of: fn(&Return) -> usize| self.returns.iter().map(of).sum::<usize>();
        let of = format!(
            "of {} entries (without a receipt, or in no feed); twice in a feed {}, set aside {}, checked later {}",
            self.entries,
            self.audit.twice,
            sum(|one| one.set_aside),
            self.audit.late
        );
        print_goal(number, name, self.lost() as f64, "", 0.0, &of);
    }

    fn print(&self) {
        let (requests, completions) = (self.requests(), self.completions());
        let sum = |of: fn(&Return) -> u64| self.returns.iter().map(of).sum::<u64>();
        let rate = self.entries as f64 / self.wall.as_secs_f64();
        let against = format!("at {rate:.0} entries a second, devices and hub on the same processors");
        print_goal(6, "P3b REQUEST, p99", milliseconds(requests.quantile(0.99)), " ms", REQUEST_MS, &against);
        self.print_lost(6, "P3b LOST");
        println!(
            "   {:.1} devices a second and core ({:.1} ms of CPU a device, {:.1} ms of them the checker's worker)",
            1e3 / self.cpu_ms().max(1e-3),
            self.cpu_ms(),
            self.cpu_ms() - self.hub_ms()
        );
        println!("   a request, TLS set-up in it: {}", spread(&requests));
        println!("   from arrival to everything receipted and read: {}", spread(&completions));
        println!(
            "   all back after {:.1} s; {:.2} requests a device; 503 {}, lines that broke {}",
            self.wall.as_secs_f64(),
            sum(|one| one.requests.len() as u64) as f64 / self.count(),
            sum(|one| one.busy),
            sum(|one| one.broken)
        );
        println!(
            "   a device: {:.0} B up, {:.0} B down, TLS and all; RSS, the most: hub {:.1} MB, worker {:.1} MB",
            self.line.up as f64 / self.count(),
            self.line.down as f64 / self.count(),
            self.hub_mb,
            self.worker_mb
        );
    }
}

fn spread(times: &Times) -> String {
    let at = |share: f64| milliseconds(times.quantile(share));
    format!("p50 {:.0} ms, p99 {:.0} ms, the longest {:.0} ms", at(0.5), at(0.99), at(1.0))
}

pub fn measure(folder: &Path, workload: &Workload, quick: bool) -> Done {
    let stations = number("TSUTSUJI_STATIONS", if quick { 4 } else { 20 })?;
    let devices = number("TSUTSUJI_DEVICES", if quick { 40 } else { 400 })?.div_ceil(stations.max(1));
    let within = Duration::from_secs(number("TSUTSUJI_WITHIN", if quick { 6 } else { 60 })? as u64);
    let at_once = number("TSUTSUJI_AT_ONCE", 128)?;
    println!(
        "P3b: {} devices of {stations} stations within {} s after an outage, {NEW} notes begun and {EDITS} added to \
         each; {at_once} at a time",
        devices * stations,
        within.as_secs()
    );
    let mut region = Region::open(folder.join("region"), workload, stations, devices)?;
    let packed = region.pack(|_| 1)?;
    come_back(&mut region, packed, &Plan { within, at_once })?.print();

    let short = Plan { within: within / TIMES as u32, at_once };
    println!("   within {:.1} s, each station by its slowest device:", short.within.as_secs_f64());
    let packed = region.pack(|_| 1)?;
    let even = come_back(&mut region, packed, &short)?;
    let packed = region.pack(|station| if station == 0 { TIMES } else { 1 })?;
    let uneven = come_back(&mut region, packed, &short)?;
    let (usual, _) = print_stations("all send alike", &even);
    let (beside, slowest) = print_stations(&format!("one sends {TIMES} times as much"), &uneven);
    println!(
        "6. P3b FAIRNESS: the slowest other station takes {:.2}\u{d7} the median of the others, which take {:.2}\u{d7} \
         what they take without the one",
        slowest / beside,
        beside / usual
    );
    uneven.print_lost(6, "P3b LOST, one station sending more");
    println!();
    Ok(())
}

/// Median and slowest of the stations but the first, milliseconds.
fn print_stations(name: &str, stampede: &Stampede) -> (f64, f64) {
    let mut stations = stampede.by_station();
    let first = milliseconds(stations.remove(&0).unwrap_or_default());
    let others = Times::of(stations.into_values().collect());
    let (median, slowest) = (milliseconds(others.median()), milliseconds(others.quantile(1.0)));
    let busy: u64 = stampede.returns.iter().map(|one| one.busy).sum();
    println!(
        "      {name}: the first {first:.0} ms; the others' median {median:.0} ms, slowest {slowest:.0} ms; 503 {busy}"
    );
    (median, slowest)
}
