//! P4, a slice: what a device costs a hub that holds more and more, and one that serves more and more stations. Both in
//! one run on the same processors: the first is to be flat, the second to grow with the devices and not faster.

use crate::Done;
use crate::region::{HELD, Region};
use crate::stampede::{Plan, Stampede, come_back};
use crate::statistics::{milliseconds, print_goal};
use crate::workload::Workload;
use std::path::Path;
use std::time::Duration;

/// A tenth above flat is the machine.
const FLAT: f64 = 1.1;
/// Domain research §7.2: the nation's devices that come back within ten minutes.
const CONNECTS: f64 = 217.0;

/// One measurement.
struct Slice {
    /// Notes held, or stations.
    of: usize,
    devices: usize,
    herd: Stampede,
}

impl Slice {
    fn print(&self, what: &str) {
        let requests = self.herd.requests();
        println!(
            "   {:>6} {what} | {:>4} | {:>6.1} ms | {:>6.1} ms | {:>5.0} ms | {:>5.0} ms | {:>7.0} B | {:>5.1} MB | {:>5.1} MB | {}",
            self.of,
            self.devices,
            self.herd.hub_ms(),
            self.herd.cpu_ms() - self.herd.hub_ms(),
            milliseconds(requests.median()),
            milliseconds(requests.quantile(0.99)),
            (self.herd.line.up + self.herd.line.down) as f64 / self.devices as f64,
            self.herd.hub_mb,
            self.herd.worker_mb,
            self.herd.lost()
        );
    }
}

pub fn measure(folder: &Path, workload: &Workload, quick: bool) -> Done {
    let (stations, devices) = if quick { (4, 4) } else { (8, 8) };
    let levels = if quick { [0, 200, 2_000] } else { [0, 2_000, 20_000] };
    let plan = Plan { within: Duration::from_secs(if quick { 2 } else { 8 }), at_once: 64 };
    println!("P4, a slice: {devices} devices a station, within {} s after an outage", plan.within.as_secs());
    println!(
        "                | devices | hub CPU a device | checker's | request p50 | p99 | bytes | RSS hub | worker | lost"
    );
    let mut region = Region::open(folder.join("held"), workload, stations, devices)?;
    let mut held = Vec::new();
    let mut filled = 0;
    for level in levels {
        let each = (level / stations).saturating_sub(filled);
        eprintln!("   ({} notes are brought to the hub)", each * stations);
        region.fill(each)?;
        filled += each;
        let of = (HELD + filled) * stations;
        held.push(one(&mut region, &plan, of, stations * devices, "notes")?);
    }
    drop(region);
    let mut grown = Vec::new();
    for stations in [stations / 2, stations, stations * 2] {
        let mut region = Region::open(folder.join(format!("stations-{stations}")), workload, stations, devices)?;
        grown.push(one(&mut region, &plan, stations, stations * devices, "stations")?);
    }
    print_ratios(&held, &grown);
    Ok(())
}

/// The notes that herds before it brought are held besides.
fn one(region: &mut Region<'_>, plan: &Plan, of: usize, devices: usize, what: &str) -> Done<Slice> {
    let packed = region.pack(|_| 1)?;
    let slice = Slice { of, devices, herd: come_back(region, packed, plan)? };
    slice.print(what);
    Ok(slice)
}

fn print_ratios(held: &[Slice], grown: &[Slice]) {
    let (Some((few, many)), Some((small, large))) = (ends(held), ends(grown)) else { return };
    let of = format!("with {} notes held against {}", many.of, few.of);
    let ratio = |of: fn(&Slice) -> f64| of(many) / of(few);
    print_goal(7, "P4 CPU a device", ratio(|one| one.herd.cpu_ms()), "\u{d7}", FLAT, &of);
    let median = |one: &Slice| milliseconds(one.herd.requests().median());
    print_goal(7, "P4 REQUEST, p50", ratio(median), "\u{d7}", FLAT, &of);
    let bytes = |one: &Slice| (one.herd.line.up + one.herd.line.down) as f64;
    print_goal(7, "P4 BYTES a device", ratio(bytes), "\u{d7}", FLAT, &of);
    print_goal(7, "P4 HUB RSS, the most", ratio(|one| one.herd.hub_mb), "\u{d7}", FLAT, &of);
    let of =
        format!("with {} stations against {}: devices {}\u{d7}", large.of, small.of, large.devices / small.devices);
    let whole = |one: &Slice| milliseconds(one.herd.spent.whole());
    let times = whole(large) / whole(small);
    print_goal(7, "P4 CPU a device", large.herd.cpu_ms() / small.herd.cpu_ms(), "\u{d7}", FLAT, &of);
    println!("   the whole hub's CPU then {times:.2}\u{d7}; RSS {:.2}\u{d7}", large.herd.hub_mb / small.herd.hub_mb);
    println!(
        "   the nation's {CONNECTS} devices a second after an outage: {:.1} such cores, spread over hubs\n",
        CONNECTS * large.herd.cpu_ms() / 1e3
    );
}

fn ends(slices: &[Slice]) -> Option<(&Slice, &Slice)> {
    Some((slices.first()?, slices.last()?))
}
