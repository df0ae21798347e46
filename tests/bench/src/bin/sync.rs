//! Synchronisation on the workload that the peers were measured on: real phones with real vaults, a hub in a process of
//! its own, TLS with client certificates between them, over a line that counts.
//!
//! `sync [w1|w2|w3|w4|w5|all|p3b|p4|wait] [--quick] [--hient] [--workload FOLDER]`: `all` are those that the peers were
//! measured on. Nothing asserts a time; a missed goal is a printed word.

use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;
use tsutsuji_bench::Done;
use tsutsuji_bench::conflict;
use tsutsuji_bench::herd;
use tsutsuji_bench::hub_process::acts_as_hub;
use tsutsuji_bench::proxy::{Counted, shake_hands};
use tsutsuji_bench::slices;
use tsutsuji_bench::stampede;
use tsutsuji_bench::station::{COLLEAGUE, Day, NURSE, Nurse, SUMMARIES, Steps, Synced, World, runtime, staff};
use tsutsuji_bench::statistics::{Costs, Times, milliseconds, pouchdb, print_goal};
use tsutsuji_bench::waiting;
use tsutsuji_bench::workload::{Edit, Note, Script, Workload};
use tsutsuji_bench::written::{Hand, evening, machine, put_piece, zstd_19};

const SECTIONS: [&str; 9] = ["all", "w1", "w2", "w3", "w4", "w5", "p3b", "p4", "wait"];
const USAGE: &str = "sync [w1|w2|w3|w4|w5|all|p3b|p4|wait] [--quick] [--hient] [--workload FOLDER]";
/// Floors of RESULTS.md, bytes under zstd 19.
const W1_FLOOR: usize = 10_976;
const W2_NOTES: usize = 116_247;
const W2_NOTES_HIENT: usize = 373_938;
const W2_SUMMARIES: usize = 141_275;
/// PouchDB's client, milliseconds of CPU.
const W1_POUCHDB: f64 = 92.0;
const W2_POUCHDB: f64 = 378.0;
/// Half of a round trip over the long line, milliseconds.
const ONE_WAY: u64 = 50;
/// Days over the short line, and as many over the long one.
const DAYS: usize = 5;
/// New devices.
const DEVICES: usize = 3;
/// Syncs without news.
const IDLE: usize = 200;

fn main() -> ExitCode {
    if let Some(code) = acts_as_hub() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Done {
    let (mut section, mut quick, mut hient, mut given) = ("all".to_string(), false, false, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => quick = true,
            "--hient" => hient = true,
            "--workload" => given = Some(PathBuf::from(arguments.next().ok_or("--workload takes a folder")?)),
            one if SECTIONS.contains(&one) => section = one.to_string(),
            _ => return Err(USAGE.into()),
        }
    }
    let shared = PathBuf::from("/dev/shm");
    let base = if shared.is_dir() { shared } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("tsutsuji-sync-").tempdir_in(base)?;
    let Some(mut workload) = Workload::find(given, folder.path())? else { return Ok(()) };
    if hient {
        workload.randomise();
    }
    let variant = if hient { "random text (hient)" } else { "template text" };
    println!("sync, {variant}, vaults and hub in {}; medians (quartiles)", folder.path().display());
    match section.as_str() {
        "p3b" => return stampede::measure(folder.path(), &workload, quick),
        "p4" => return slices::measure(folder.path(), &workload, quick),
        "wait" => return waiting::measure(folder.path(), &workload, quick),
        // These have one size.
        _ if quick => return Err("--quick is for p3b, p4 and wait".into()),
        _ => {}
    }
    let machine = machine(&workload)?;
    let wanted = |one: &str| section == "all" || section == one;
    if ["w1", "w2", "w4", "w5"].into_iter().any(wanted) {
        one_station(folder.path(), &workload, machine, &wanted)?;
    }
    if wanted("w3") {
        herd::measure(folder.path(), &workload, machine)?;
    }
    Ok(())
}

/// What every section works with.
struct Bench<'w> {
    world: World<'w>,
    runtime: Runtime,
    machine: f64,
}

/// One station that holds 480 notes: a new device first, while it holds no more than that.
fn one_station(folder: &Path, workload: &Workload, machine: f64, wanted: &dyn Fn(&str) -> bool) -> Done {
    let world = World::new(folder.join("station"), workload, &[workload.notes_of(0)], true)?;
    let bench = Bench { world, runtime: runtime()?, machine };
    if wanted("w2") {
        new_device(&bench)?;
    }
    let mut nurse = bench.world.nurse(&staff(NURSE, 0), "nurse")?;
    let mut colleague = bench.world.nurse(&staff(COLLEAGUE, 0), "colleague")?;
    if wanted("w5") {
        nothing_changed(folder, &bench, &nurse)?;
    }
    if wanted("w1") {
        one_day(&bench, &mut nurse, &mut colleague)?;
    }
    if wanted("w4") {
        conflict::measure(&bench.world, &bench.runtime, &nurse, &colleague)?;
    }
    Ok(())
}

/// What a connection costs before anything is asked: on the line, and on the wall.
fn set_up(bench: &Bench<'_>, nurse: &Nurse) -> Done<(Counted, Duration)> {
    let proxy = &bench.world.hub.proxy;
    bench.runtime.block_on(proxy.quiet());
    let took = shake_hands(nurse.phone.identity(), proxy.port)?;
    Ok((bench.runtime.block_on(proxy.quiet()), took))
}

/// What went over the line, as the phone counts it and as the socket does.
fn print_line(synced: &Synced, set_up: &Counted) {
    let (traffic, line) = (&synced.report.traffic, &synced.line);
    let (http, socket) = (traffic.bytes_up + traffic.bytes_down, line.up + line.down);
    let shaken = (set_up.up + set_up.down) * line.connections;
    println!(
        "   HTTP heads and bodies {} B up, {} B down, {http} B; sent {}, received {}, set aside {}",
        traffic.bytes_up, traffic.bytes_down, synced.report.sent, synced.report.received, synced.report.set_aside
    );
    println!(
        "   socket {} B up, {} B down, {} connection(s): TLS set-up {} + {} B each; {} B of neither, 22 a TLS record",
        line.up,
        line.down,
        line.connections,
        set_up.up,
        set_up.down,
        socket as i64 - shaken as i64 - http as i64
    );
}

/// The line with a peer's time, as it was and as it would read here.
fn print_cpu(number: u8, name: &str, ours: f64, theirs: f64, machine: f64, times: f64) -> Done {
    let (here, words) = pouchdb(&format!("W{number}"), theirs, machine)?;
    let goal = (here / times * 10.0).round() / 10.0;
    print_goal(number, name, ours, " ms", goal, &format!("against {words}"));
    Ok(())
}

fn median(steps: &[Steps], of: fn(&Steps) -> Duration) -> f64 {
    milliseconds(Times::of(steps.iter().map(of).collect()).median())
}

fn print_steps(steps: &[Steps]) {
    println!(
        "   CPU step by step: vault, loading {:.1} ms; line and codec {:.1} ms; vault, storing {:.1} ms; merging, afterwards {:.1} ms;
      of loading and merging the documents by themselves {:.1} ms; the rest is the vault's, and digests and signatures",
        median(steps, |one| one.load),
        median(steps, |one| one.line),
        median(steps, |one| one.store),
        median(steps, |one| one.merge),
        median(steps, |one| one.documents)
    );
}

// ---- W2. A new device ---------------------------------------------------------------------------------------------

fn new_device(bench: &Bench<'_>) -> Done {
    let (world, workload) = (&bench.world, bench.world.workload);
    let (mut costs, mut steps, mut last) = (Vec::new(), Vec::new(), None);
    for number in 0..DEVICES {
        let nurse = world.nurse(&staff(NURSE, 0), &format!("new-{number}"))?;
        let synced = nurse.sync(&bench.runtime, &world.hub.proxy)?;
        costs.push(synced.cost);
        last = Some((nurse, synced));
        steps.push(world.nurse(&staff(NURSE, 0), &format!("steps-{number}"))?.in_steps(&bench.runtime)?);
    }
    let (nurse, synced) = last.ok_or("no device")?;
    let (mut notes, mut summaries) = (Vec::new(), Vec::new());
    for note in workload.notes_of(0) {
        notes.extend(world.held(0, &note.id)?.bare()?.save_nocompress());
    }
    for bundle in workload.bundles.iter().take(SUMMARIES) {
        summaries.extend(serde_json::to_vec(bundle)?);
    }
    let (notes, summaries) = (zstd_19(&notes)?, zstd_19(&summaries)?);
    let bytes = synced.report.traffic.bytes_up + synced.report.traffic.bytes_down;
    let fixed = W2_SUMMARIES + if workload.hient { W2_NOTES_HIENT } else { W2_NOTES };
    for (whose, floor) in [("this run's", notes + summaries), ("RESULTS.md's", fixed)] {
        let against = format!("{bytes} B against {floor} B");
        print_goal(2, &format!("W2 BYTES against {whose} floor"), bytes as f64 / floor as f64, "×", 1.35, &against);
    }
    println!("   floor of this run: notes {notes} B, summaries {summaries} B; every note with its whole history");
    println!("   requests {}: the feed's pages, and the records of each patient", synced.report.traffic.round_trips);
    print_line(&synced, &set_up(bench, &nurse)?.0);
    let status = nurse.phone.status(Timestamp::now())?;
    let intake = &world.intake;
    println!(
        "   then held: {} patients, {} notes; of the bundles the hub kept {} records, {} parts in quarantine",
        status.patients,
        status.notes,
        intake["records_new"],
        intake["quarantined"].as_array().map_or(0, Vec::len)
    );
    let (costs, line) = (Costs::of(&costs), median(&steps, |one| one.line));
    print_cpu(2, "W2 CLIENT CPU, line and codec of the feed, merged afterwards", line, W2_POUCHDB, bench.machine, 5.0)?;
    println!("   vault and merging in it  {costs}");
    print_steps(&steps);
    println!();
    Ok(())
}

// ---- W5. Nothing changed ------------------------------------------------------------------------------------------

struct Idle {
    synced: Synced,
    client: Costs,
    /// Milliseconds a sync.
    hub: f64,
}

fn idle(world: &World<'_>, runtime: &Runtime, nurse: &Nurse) -> Done<Idle> {
    // What there is comes first; then there is nothing.
    runtime.block_on(nurse.phone.sync())?;
    let mut synced = nurse.sync(runtime, &world.hub.proxy)?;
    let mut costs = Vec::new();
    let before = world.hub.spent()?;
    for _ in 0..IDLE {
        synced = nurse.sync(runtime, &world.hub.proxy)?;
        costs.push(synced.cost);
    }
    let hub = milliseconds(world.hub.spent()?.since(&before).whole()) / IDLE as f64;
    Ok(Idle { synced, client: Costs::of(&costs), hub })
}

fn nothing_changed(folder: &Path, bench: &Bench<'_>, nurse: &Nurse) -> Done {
    let few = idle(&bench.world, &bench.runtime, nurse)?;
    let set_up = set_up(bench, nurse)?.0;
    let workload = bench.world.workload;
    let all: Vec<&Note> = workload.notes.iter().collect();
    eprintln!("   ({} notes are brought to another hub)", all.len());
    let world = World::new(folder.join("large"), workload, &[all], false)?;
    let other = world.nurse(&staff(NURSE, 0), "nurse")?;
    let many = idle(&world, &bench.runtime, &other)?;
    let bytes = |idle: &Idle| (idle.synced.report.traffic.bytes_up + idle.synced.report.traffic.bytes_down) as f64;
    let requests = few.synced.report.traffic.round_trips.max(many.synced.report.traffic.round_trips);
    print_goal(5, "W5 REQUESTS", requests as f64, "", 1.0, "when nothing changed");
    print_goal(5, "W5 BYTES both ways", bytes(&few), " B", 600.0, "HTTP heads and bodies, 480 notes held");
    print_line(&few.synced, &set_up);
    let held = |nurse: &Nurse| -> Done<u64> { Ok(nurse.phone.status(Timestamp::now())?.notes) };
    let of = format!("with {} notes held against {}", held(&other)?, held(nurse)?);
    let cpu = |idle: &Idle| milliseconds(idle.client.cpu.median());
    print_goal(5, "W5 BYTES", bytes(&many) / bytes(&few), "×", 1.05, &of);
    print_goal(5, "W5 CLIENT CPU", cpu(&many) / cpu(&few), "×", 1.05, &of);
    print_goal(5, "W5 HUB CPU", many.hub / few.hub, "×", 1.05, &of);
    println!("   client, few   {}\n   client, many  {}", few.client, many.client);
    println!("   hub {:.2} ms and {:.2} ms a sync, the mean of {IDLE}\n", few.hub, many.hub);
    Ok(())
}

// ---- W1. One nurse's day ------------------------------------------------------------------------------------------

/// One day, and what it cost to bring it.
struct Brought<'w> {
    day: Day<'w>,
    changed: Vec<(&'w Edit, Hand)>,
    synced: Synced,
}

/// Everything written that the nurse's next sync is to carry, and nothing else.
fn written<'w>(
    bench: &Bench<'w>,
    nurse: &mut Nurse,
    colleague: &mut Nurse,
    script: &'w Script,
) -> Done<(Day<'w>, Vec<(&'w Edit, Hand)>)> {
    let (world, runtime) = (&bench.world, &bench.runtime);
    runtime.block_on(nurse.phone.sync())?;
    colleague.unlock_again()?;
    runtime.block_on(colleague.phone.sync())?;
    let changed = colleague.change(world, 0, &world.workload.windows[0].remote)?;
    runtime.block_on(colleague.phone.sync())?;
    Ok((nurse.write_day(world, 0, script)?, changed))
}

fn bring<'w>(
    bench: &Bench<'w>,
    nurse: &mut Nurse,
    colleague: &mut Nurse,
    script: &'w Script,
    one_way_ms: u64,
) -> Done<Brought<'w>> {
    let (day, changed) = written(bench, nurse, colleague, script)?;
    let proxy = &bench.world.hub.proxy;
    proxy.delay(one_way_ms);
    let synced = nurse.sync(&bench.runtime, proxy);
    proxy.delay(0);
    Ok(Brought { day, changed, synced: synced? })
}

/// The floor's request and answer, tails as changes (as RESULTS.md has them) and as bundles.
fn floor_of(world: &World<'_>, brought: &Brought<'_>) -> Done<[usize; 2]> {
    let tails = |of: &[(&Edit, Hand)], bundles: bool, body: &mut Vec<u8>| -> Done {
        for (edit, hand) in of {
            let held = world.held(0, &edit.id)?;
            let tail = held.tail(hand, &edit.ops, evening()?)?;
            put_piece(body, held.doc, if bundles { &tail.bundle } else { &tail.changes });
        }
        Ok(())
    };
    let mut sizes = [0; 2];
    for (bundles, size) in [false, true].into_iter().zip(&mut sizes) {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for written in &brought.day.new {
            put_piece(&mut up, written.doc, &written.bare()?.save_nocompress());
        }
        tails(&brought.day.edited, bundles, &mut up)?;
        tails(&brought.changed, bundles, &mut down)?;
        *size = zstd_19(&up)? + zstd_19(&down)?;
    }
    Ok(sizes)
}

fn one_day(bench: &Bench<'_>, nurse: &mut Nurse, colleague: &mut Nurse) -> Done {
    let (mut near, mut far, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for (number, script) in bench.world.workload.scripts_of(0).take(3 * DAYS).enumerate() {
        match number % 3 {
            0 => near.push(bring(bench, nurse, colleague, script, 0)?),
            1 => far.push(bring(bench, nurse, colleague, script, ONE_WAY)?),
            _ => {
                written(bench, nurse, colleague, script)?;
                steps.push(nurse.in_steps(&bench.runtime)?);
            }
        }
    }
    let first = near.first().ok_or("no day")?;
    let (traffic, hient) = (first.synced.report.traffic, bench.world.workload.hient);
    print_goal(1, "W1 REQUESTS", traffic.round_trips as f64, "", 1.0, "for six new notes, four edited, 20 received");
    let bytes = traffic.bytes_up + traffic.bytes_down;
    let goal = if hient { 1.25 } else { 1.2 };
    let [changes, bundles] = floor_of(&bench.world, first)?;
    let ratio = |floor: usize| bytes as f64 / floor as f64;
    let against = format!("{bytes} B against {changes} B");
    print_goal(1, "W1 BYTES against this run's floor", ratio(changes), "×", goal, &against);
    if !hient {
        let against = format!("{bytes} B against {W1_FLOOR} B");
        print_goal(1, "W1 BYTES against RESULTS.md's floor", ratio(W1_FLOOR), "×", goal, &against);
    }
    println!("   with the floor's tails as bundles: {:.2}× of {bundles} B", ratio(bundles));
    print_line(&first.synced, &set_up(bench, nurse)?.0);
    let whole = Costs::of(&near.iter().map(|one| one.synced.cost).collect::<Vec<_>>());
    let (eager, line) = (milliseconds(whole.cpu.median()), median(&steps, |one| one.line));
    let documents = median(&steps, |one| one.documents);
    print_cpu(1, "W1 CLIENT CPU, merged at once, without the vault", line + documents, W1_POUCHDB, bench.machine, 2.0)?;
    print_cpu(1, "W1 CLIENT CPU, line and codec, merged afterwards", line, W1_POUCHDB, bench.machine, 15.0)?;
    println!("   the vault in it {eager:.1} ms; whole  {whole}");
    print_steps(&steps);
    round_trips(bench, nurse, &near, &far)
}

/// How many round trips a day waits for, on a new line and on one that stands.
fn round_trips(bench: &Bench<'_>, nurse: &Nurse, near: &[Brought<'_>], far: &[Brought<'_>]) -> Done {
    let wall = |of: &[Brought<'_>]| Times::of(of.iter().map(|one| one.synced.cost.wall).collect());
    let mut shaken = [Vec::new(), Vec::new()];
    for (one_way, times) in [0, ONE_WAY].into_iter().zip(&mut shaken) {
        for _ in 0..DAYS {
            bench.world.hub.proxy.delay(one_way);
            let took = set_up(bench, nurse);
            bench.world.hub.proxy.delay(0);
            times.push(took?.1);
        }
    }
    let [short, long] = shaken.map(Times::of);
    let rtt = 2.0 * ONE_WAY as f64;
    let trips = |near: &Times, far: &Times| (milliseconds(far.median()) - milliseconds(near.median())) / rtt;
    let (whole, hands) = (trips(&wall(near), &wall(far)), trips(&short, &long));
    let of = format!("{whole:.2} of a day on a new line, {hands:.2} of them the TLS set-up's");
    print_goal(1, "W1 ROUND TRIPS of 100 ms", whole - hands, "", 1.2, &of);
    println!("   wall, short line  {}\n   wall, long line   {}\n", wall(near), wall(far));
    Ok(())
}
