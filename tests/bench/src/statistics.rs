//! Ratios within one run. Absolute times mean little: they are the machine's, and of the hour.

use crate::Done;
use crate::cost::Cost;
use std::fmt;
use std::time::{Duration, Instant};

pub type Measured = Done<Duration>;

/// Times of one thing, sorted.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time below which this share of the runs lies.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }

    pub fn median(&self) -> Duration {
        self.quantile(0.5)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9.3} ms  ({:.3} to {:.3})",
            milliseconds(self.median()),
            milliseconds(self.quantile(0.25)),
            milliseconds(self.quantile(0.75))
        )
    }
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How long `work` takes. What it makes is dropped after the clock has stopped.
pub fn timed<T>(work: impl FnOnce() -> Done<T>) -> Done<(T, Duration)> {
    let start = Instant::now();
    let made = std::hint::black_box(work()?);
    Ok((made, start.elapsed()))
}

/// In which order a round runs so many pieces of work: each begins a round once, and none always follows the same one (after a wait
/// for another process everything is slower for a while).
pub fn turns(round: usize, count: usize) -> impl Iterator<Item = usize> {
    let step = if round.is_multiple_of(2) { 1 } else { count - 1 };
    (0..count).map(move |turn| (round / 2 + turn * step) % count)
}

/// Runs several pieces of work in turn, so that what disturbs the machine disturbs them all.
pub fn interleaved(rounds: usize, work: &mut [&mut dyn FnMut() -> Measured]) -> Done<Vec<Times>> {
    let count = work.len();
    let mut times = vec![Vec::with_capacity(rounds); count];
    for round in 0..rounds + 2 {
        for which in turns(round, count) {
            let time = work[which]()?;
            // Two rounds to warm up.
            if round >= 2 {
                times[which].push(time);
            }
        }
    }
    Ok(times.into_iter().map(Times::of).collect())
}

/// What one thing costs on the wall and on the processor.
pub struct Costs {
    pub wall: Times,
    pub cpu: Times,
}

impl Costs {
    pub fn of(costs: &[Cost]) -> Self {
        let times = |of: fn(&Cost) -> Duration| Times::of(costs.iter().map(of).collect());
        Self { wall: times(|cost| cost.wall), cpu: times(|cost| cost.cpu) }
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wall {}   CPU {}", self.wall, self.cpu)
    }
}

/// As [`interleaved`], with the processor's time beside the wall's and so many rounds to warm up.
pub fn interleaved_costs(
    rounds: usize,
    warm_up: usize,
    work: &mut [&mut dyn FnMut() -> Done<Cost>],
) -> Done<Vec<Costs>> {
    let count = work.len();
    let mut costs: Vec<Vec<Cost>> = vec![Vec::with_capacity(rounds); count];
    for round in 0..rounds + warm_up {
        for which in turns(round, count) {
            let cost = work[which]()?;
            if round >= warm_up {
                costs[which].push(cost);
            }
        }
    }
    Ok(costs.iter().map(|costs| Costs::of(costs)).collect())
}

/// PouchDB's time, in milliseconds and in words: as `TSUTSUJI_POUCHDB_…` says that it was measured here a moment ago, else as it
/// was, times what the same work costs here against there.
pub fn pouchdb(which: &str, there: f64, machine: f64) -> Done<(f64, String)> {
    match std::env::var(format!("TSUTSUJI_POUCHDB_{which}")) {
        Ok(beside) => Ok((beside.parse()?, format!("PouchDB's {beside} ms beside"))),
        Err(_) => Ok((there * machine, format!("PouchDB's {there} ms, about {:.0} ms here", there * machine))),
    }
}

/// The line that is read: what it cost, what the floor costs, the goal.
pub fn print_goal(number: u8, name: &str, value: f64, unit: &str, goal: f64, against: &str) {
    let reached = if value <= goal { "reached" } else { "MISSED" };
    println!("{number}. {name}: {value:.2}{unit} {against}; goal \u{2264} {goal}{unit}: {reached}");
}

/// The same where more is better.
pub fn print_least(number: u8, name: &str, value: f64, unit: &str, goal: f64, against: &str) {
    let reached = if value >= goal { "reached" } else { "MISSED" };
    println!("{number}. {name}: {value:.2}{unit} {against}; goal \u{2265} {goal}{unit}: {reached}");
}

/// The same for two medians: how many times the floor's.
pub fn print_times(number: u8, name: &str, ours: &Times, floor: &Times, goal: f64) {
    let (ours, floor) = (milliseconds(ours.median()), milliseconds(floor.median()));
    print_goal(number, name, ours / floor, "\u{d7}", goal, &format!("{ours:.3} ms against {floor:.3} ms"));
}
