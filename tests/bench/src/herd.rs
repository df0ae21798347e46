//! W3: phones that come back with a day each, all at once, to a hub in a process of its own.

use crate::Done;
use crate::station::{COLLEAGUE, NURSE, Nurse, World, runtime, staff};
use crate::statistics::{Times, milliseconds, print_goal};
use crate::workload::{Script, Workload};
use device::SyncReport;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// 12 stations of 480 notes: 5,760.
const STATIONS: usize = 12;
/// What the memory of two hubs is compared after.
const FEW: usize = 16;
/// What PouchDB's hub spent on a device, and how many times less is wanted: with documents materialised, and appended.
const POUCH_MS: f64 = 43.0;
const MATERIALISED: f64 = 2.5;
const APPENDED: f64 = 12.0;
/// Tries of a phone before the run is given up.
const TRIES: usize = 5;

/// One phone that is to come back.
struct Member<'w> {
    station: usize,
    script: &'w Script,
}

/// How one came back.
struct Return {
    took: Duration,
    report: SyncReport,
    tries: usize,
}

/// `machine`: how much slower this machine is than the peers' was.
pub fn measure(folder: &Path, workload: &Workload, machine: f64) -> Done {
    let devices = number("TSUTSUJI_HERD", 200)?;
    let at_once = number("TSUTSUJI_AT_ONCE", 16)?;
    let windows = workload.windows.len();
    println!("W3 herd: {devices} devices of {STATIONS} stations, {at_once} at a time on the two cores of the hub");
    let few: Vec<Member<'_>> =
        workload.scripts_of(0).take(FEW).map(|script| Member { station: 0, script }).collect();
    let small = {
        let mut world = World::new(folder.join("herd-480"), workload, &[workload.notes_of(0)], false)?;
        let vaults = prepare(&mut world, &few, "few")?;
        come_back(&world, vaults, at_once)?;
        world.hub.peak_mb()?
    };
    let stations: Vec<_> = (0..STATIONS).map(|station| workload.notes_of(station % windows)).collect();
    let mut world = World::new(folder.join("herd-5760"), workload, &stations, false)?;
    let vaults = prepare(&mut world, &few, "few")?;
    come_back(&world, vaults, at_once)?;
    let large = world.hub.peak_mb()?;
    let scripts: Vec<Vec<&Script>> = (0..windows).map(|window| workload.scripts_of(window).collect()).collect();
    let beside = devices.div_ceil(STATIONS);
    let member = |device: usize| {
        let station = device % STATIONS;
        let own = &scripts[station % windows];
        Member { station, script: own[(station / windows * beside + device / STATIONS) % own.len()] }
    };
    let members: Vec<Member<'_>> = (0..devices).map(member).collect();
    let vaults = prepare(&mut world, &members, "herd")?;
    let before = world.hub.spent()?;
    let begun = Instant::now();
    let returns = come_back(&world, vaults, at_once)?;
    let wall = begun.elapsed();
    let spent = world.hub.spent()?.since(&before);
    let each = |time: Duration| milliseconds(time) / devices as f64;
    let against = |times: f64| format!("against PouchDB's {POUCH_MS} ms, here about {:.1}", POUCH_MS * machine / times * times);
    print_goal(3, "HUB CPU a device, all in all", each(spent.whole()), " ms", round(POUCH_MS * machine / MATERIALISED), &against(MATERIALISED));
    print_goal(3, "HUB CPU a device without the checker", each(spent.hub), " ms", round(POUCH_MS * machine / APPENDED), &against(APPENDED));
    print_returns(&returns, wall);
    print_goal(3, "HUB RSS at 5,760 held against 480", large / small, "\u{d7}", 1.1, &format!("{large:.1} MB against {small:.1} MB"));
    println!("   after {FEW} devices each, the process fresh; after the herd {:.1} MB\n", world.hub.peak_mb()?);
    Ok(())
}
