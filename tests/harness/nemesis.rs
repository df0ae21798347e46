//! Many seeds of the simulator: `cargo run --release -p stories --bin nemesis -- --seeds N --from K [--seconds S]`.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use stories::simulator::{Counts, run};

fn number(name: &str, otherwise: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn main() -> ExitCode {
    device::quiet::silence_panics();
    let (seeds, from, seconds) = (number("--seeds", 100), number("--from", 0), number("--seconds", 300));
    let begun = std::time::Instant::now();
    let next = AtomicU64::new(from);
    let (failed, all) = (Mutex::new(Vec::new()), Mutex::new(Counts::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= from + seeds {
                        return;
                    }
                    let outcome = std::panic::catch_unwind(|| run(seed, seconds).map_err(|error| error.to_string()));
                    match outcome.unwrap_or_else(|_| Err("a panic".to_string())) {
                        Ok(counts) => {
                            let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                            *all += counts;
                        }
                        Err(error) => {
                            eprintln!(
                                "seed {seed}: {error}\n  again: cargo run --release -p stories --bin nemesis -- --seeds 1 --from {seed} --seconds {seconds}"
                            );
                            failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
                        }
                    }
                }
            });
        }
    });
    let all = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!(
        "{seeds} seeds from {from}, {seconds} simulated seconds each, in {:.0} s: {all:?}",
        begun.elapsed().as_secs_f64()
    );
    println!("{} failed {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
