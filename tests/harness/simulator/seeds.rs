//! Many seeds, a process each: nothing of one story reaches the next, and a seed replays it to the byte.

use super::{Counts, run};
use crate::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a long run says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// What many seeds came to.
pub struct Ran {
    pub counts: Counts,
    /// Seed, and the law that was broken.
    pub failed: Vec<(u64, String)>,
}

/// How far many seeds are.
struct Progress {
    ran: Ran,
    done: u64,
    begun: Instant,
    told: Instant,
}

impl Progress {
    fn take(&mut self, seed: u64, seconds: u64, said: Result<Counts, String>) {
        self.done += 1;
        match said {
            Ok(counts) => self.ran.counts += counts,
            Err(error) => {
                // Told at once: a long run is watched, and may be stopped.
                eprintln!("seed {seed}: {error}\n  again: {}", again(seed, seconds));
                self.ran.failed.push((seed, error));
            }
        }
    }

    fn tell(&mut self, seeds: u64) {
        if self.told.elapsed() < TOLD_EVERY {
            return;
        }
        self.told = Instant::now();
        let took = self.begun.elapsed().as_secs_f64();
        let left = took / self.done as f64 * seeds.saturating_sub(self.done) as f64;
        let (done, failed, a_minute) = (self.done, self.ran.failed.len(), self.done as f64 / took * 60.0);
        eprintln!(
            "{done} of {seeds} seeds, {failed} failed, {a_minute:.0} a minute, about {:.0} min left",
            left / 60.0
        );
    }
}

/// As many seeds at a time as there are processors: a child waits for nothing but its processor.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// How to see one seed again.
pub fn again(seed: u64, seconds: u64) -> String {
    format!("cargo run --release -p stories --bin nemesis -- --seeds 1 --from {seed} --seconds {seconds}")
}

/// In the child: one seed, its counts on standard output.
pub fn child(seed: u64, seconds: u64) -> Result<(), String> {
    let counts = run(seed, seconds).map_err(|error| error.to_string())?;
    println!("{}", serde_json::to_string(&counts).map_err(|error| error.to_string())?);
    Ok(())
}

/// Runs `nemesis` once a seed, so many at a time.
pub fn run_all(nemesis: &Path, from: u64, seeds: u64, seconds: u64, jobs: usize) -> Outcome<Ran> {
    let folder = tempfile::tempdir()?;
    let library = compile(folder.path())?;
    let next = AtomicU64::new(from);
    let ran = Ran { counts: Counts::default(), failed: Vec::new() };
    let progress = Mutex::new(Progress { ran, done: 0, begun: Instant::now(), told: Instant::now() });
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= from + seeds {
                        return;
                    }
                    let said = one(nemesis, &library, seed, seconds);
                    let mut progress = progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    progress.take(seed, seconds, said);
                    progress.tell(seeds);
                }
            });
        }
    });
    let mut ran = progress.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).ran;
    ran.failed.sort();
    Ok(ran)
}

fn one(nemesis: &Path, library: &Path, seed: u64, seconds: u64) -> Result<Counts, String> {
    let (seed, seconds) = (seed.to_string(), seconds.to_string());
    let said = Command::new(nemesis)
        .args(["--child", &seed, "--seconds", &seconds])
        .env("LD_PRELOAD", library)
        .env("TSUTSUJI_SEED", &seed)
        .output()
        .map_err(|error| error.to_string())?;
    match serde_json::from_slice(&said.stdout) {
        Ok(counts) if said.status.success() => Ok(counts),
        _ => Err(format!("{} ({})", String::from_utf8_lossy(&said.stderr).trim(), said.status)),
    }
}

/// The dice that are the same in every run.
fn compile(folder: &Path) -> Outcome<PathBuf> {
    let library = folder.join("dice.so");
    let source = crate::root().join("tests/harness/simulator/dice.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output()?;
    if !compiled.status.success() {
        return Err(format!("cc: {}", String::from_utf8_lossy(&compiled.stderr)).into());
    }
    Ok(library)
}
