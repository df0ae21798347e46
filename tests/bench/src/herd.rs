//! W3: phones that come back with a day each, all at once, to a hub in a process of its own.

use crate::Done;
use crate::station::{COLLEAGUE, NURSE, Nurse, World, runtime, staff};
use crate::statistics::{Times, milliseconds, pouchdb, print_goal};
use crate::workload::{Script, Workload};
use device::SyncReport;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of 480 notes each: 5,760.
const STATIONS: usize = 12;
const NOTES: usize = 480;
/// Phones of one station after which the memory of two hubs is compared.
const FEW: usize = 16;
/// What PouchDB's hub spent on one device, milliseconds.
const POUCHDB: f64 = 43.0;
/// How many times less is wanted: every document materialised, and entries appended only.
const MATERIALISED: f64 = 2.5;
const APPENDED: f64 = 12.0;
/// Tries of a phone before the run is given up.
const TRIES: usize = 5;

/// One phone that is to come back.
struct Member<'w> {
    station: usize,
    script: &'w Script,
}

/// How it came back.
struct Return {
    took: Duration,
    report: SyncReport,
    tries: usize,
}

/// `machine`: what the same work costs here against where the peers were measured.
pub fn measure(folder: &Path, workload: &Workload, machine: f64) -> Done {
    let devices = number("TSUTSUJI_HERD", 200)?;
    let at_once = number("TSUTSUJI_AT_ONCE", 16)?;
    let stations = number("TSUTSUJI_STATIONS", STATIONS)?;
    let held = stations * NOTES;
    println!("W3 herd: {devices} phones of {stations} stations, {at_once} at a time on the hub's own processors");
    let few = || workload.scripts_of(0).take(FEW).map(|script| Member { station: 0, script }).collect::<Vec<_>>();
    let small = {
        let mut world = World::new(folder.join("herd-480"), workload, &[workload.notes_of(0)], false)?;
        let vaults = prepare(&mut world, &few(), "few")?;
        come_back(vaults, at_once)?;
        world.hub.peak_mb()?
    };
    let windows = workload.windows.len();
    let notes: Vec<_> = (0..stations).map(|station| workload.notes_of(station % windows)).collect();
    let mut world = World::new(folder.join("herd"), workload, &notes, false)?;
    world.hub.counts_checking = true;
    let vaults = prepare(&mut world, &few(), "few")?;
    come_back(vaults, at_once)?;
    let large = world.hub.peak_mb()?;

    let vaults = prepare(&mut world, &members(workload, devices, stations), "herd")?;
    let before = world.hub.spent()?;
    let (begun, returns) = (Instant::now(), come_back(vaults, at_once)?);
    let (wall, spent) = (begun.elapsed(), world.hub.spent()?.since(&before));
    let each = |time: Duration| milliseconds(time) / devices as f64;
    let (pouch, theirs) = pouchdb("HERD", POUCHDB, machine)?;
    let cost = |name: &str, time: Duration, times: f64| {
        let against = format!("a device against {theirs}");
        print_goal(3, name, each(time), " ms", rounded(pouch / times), &against);
    };
    cost("W3 HUB CPU, documents materialised by the checker", spent.whole(), MATERIALISED);
    match spent.checking {
        Some(checking) => {
            cost("W3 HUB CPU, entries appended, receipted and told", spent.hub.saturating_sub(checking), APPENDED);
            println!("   with the documents that it reads and stores for the checker {:.2} ms", each(spent.hub));
        }
        None => cost("W3 HUB CPU without the checker's process", spent.hub, APPENDED),
    }
    print_returns(&returns, wall);
    let against = format!("{large:.1} MB with {held} notes held against {small:.1} MB with {NOTES}");
    print_goal(3, "W3 HUB RSS, the most", large / small, "\u{d7}", 1.1, &against);
    let after = world.hub.peak_mb()?;
    println!("   each after {FEW} phones of one station, in a fresh process; after the herd {after:.1} MB\n");
    Ok(())
}

fn print_returns(returns: &[Return], wall: Duration) {
    let times = Times::of(returns.iter().map(|one| one.took).collect());
    let mean = |of: fn(&Return) -> u64| returns.iter().map(of).sum::<u64>() as f64 / returns.len().max(1) as f64;
    println!(
        "   p50 {:.0} ms, p99 {:.0} ms, the phones' own work on the same processors in it; all back after {:.1} s",
        milliseconds(times.median()),
        milliseconds(times.quantile(0.99)),
        wall.as_secs_f64()
    );
    println!(
        "   a phone: {:.1} requests, {:.1} sent, {:.1} received (20 a colleague's); {:.0} B up, {:.0} B down",
        mean(|one| one.report.traffic.round_trips),
        mean(|one| one.report.sent),
        mean(|one| one.report.received),
        mean(|one| one.report.traffic.bytes_up),
        mean(|one| one.report.traffic.bytes_down)
    );
    println!("   tried again: {}", returns.iter().map(|one| one.tries - 1).sum::<usize>());
}

/// The herd, spread over the stations; scripts that there are too few of come twice.
fn members(workload: &Workload, devices: usize, stations: usize) -> Vec<Member<'_>> {
    let windows = workload.windows.len();
    let scripts: Vec<Vec<&Script>> = (0..windows).map(|window| workload.scripts_of(window).collect()).collect();
    let beside = devices.div_ceil(stations);
    let member = |device: usize| {
        let station = device % stations;
        let of_window = &scripts[station % windows];
        let number = station / windows * beside + device / stations;
        Member { station, script: of_window[number % of_window.len()] }
    };
    (0..devices).map(member).collect()
}

/// Enrols everybody, fetches what there is, writes the day without a signal, and has a colleague change 20 notes of
/// each station. The hub starts afresh at the end.
fn prepare<'w>(world: &mut World<'w>, members: &[Member<'w>], tag: &str) -> Done<Vec<PathBuf>> {
    let hands = std::thread::available_parallelism()?.get();
    eprintln!("   ({} phones are made ready)", members.len());
    let windows: BTreeMap<usize, usize> = members.iter().map(|one| (one.station, one.script.window)).collect();
    let here = &*world;
    let mut colleagues = Vec::new();
    for (station, window) in windows {
        let name = format!("{tag}-colleague-{station}");
        colleagues.push((station, window, here.nurse(&staff(COLLEAGUE, station), &name)?));
    }
    let numbered: Vec<(usize, &Member<'w>)> = members.iter().enumerate().collect();
    let vaults = in_parallel(hands, numbered, |(number, member)| {
        Ok(here.enrol(&staff(NURSE, member.station), &format!("{tag}-{number}"))?.0)
    })?;
    let with_vaults: Vec<(&Member<'w>, PathBuf)> = members.iter().zip(vaults).collect();
    let vaults = in_parallel(hands, with_vaults, |(member, vault)| {
        let runtime = runtime()?;
        let mut nurse = Nurse::unlock(vault)?;
        runtime.block_on(nurse.phone.sync())?;
        nurse.write_day(here, member.station, member.script)?;
        Ok(nurse.lock())
    })?;
    let runtime = runtime()?;
    for (station, window, colleague) in colleagues {
        runtime.block_on(colleague.phone.sync())?;
        colleague.change(here, station, &here.workload.windows[window].remote)?;
        runtime.block_on(colleague.phone.sync())?;
    }
    world.hub.serve()?;
    Ok(vaults)
}

fn come_back(vaults: Vec<PathBuf>, at_once: usize) -> Done<Vec<Return>> {
    in_parallel(at_once, vaults, |vault| {
        let runtime = runtime()?;
        let nurse = Nurse::unlock(vault)?;
        let begun = Instant::now();
        for tries in 1..=TRIES {
            if let Ok(report) = runtime.block_on(nurse.phone.sync()) {
                return Ok(Return { took: begun.elapsed(), report, tries });
            }
        }
        Err("a phone did not come back".into())
    })
}

/// Does all items, so many at a time, on threads of their own; in the items' order.
pub(crate) fn in_parallel<I: Send, T: Send>(
    threads: usize,
    items: Vec<I>,
    work: impl Fn(I) -> Done<T> + Sync,
) -> Done<Vec<T>> {
    let queue = Mutex::new(items.into_iter().enumerate());
    let made: Mutex<Vec<(usize, Result<T, String>)>> = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((number, item)) = next() {
                    let done = work(item).map_err(|error| error.to_string());
                    made.lock().unwrap_or_else(PoisonError::into_inner).push((number, done));
                }
            });
        }
    });
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_by_key(|(number, _)| *number);
    made.into_iter().map(|(_, done)| Ok(done?)).collect()
}

pub(crate) fn number(variable: &str, usual: usize) -> Done<usize> {
    std::env::var(variable).map_or(Ok(usual), |text| Ok(text.parse()?))
}

fn rounded(goal: f64) -> f64 {
    (goal * 10.0).round() / 10.0
}
