//! The simulator, a hundred seeds at each run; `nemesis` runs more.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use stories::Outcome;
use stories::simulator::{Counts, run};

#[test]
fn whatever_goes_wrong_nothing_is_lost_nothing_is_stuck_and_everybody_agrees() -> Outcome {
    let seeds = std::env::var("TSUTSUJI_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let next = AtomicU64::new(0);
    let (failed, all) = (Mutex::new(Vec::new()), Mutex::new(Counts::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds {
                        return;
                    }
                    match run(seed, 300) {
                        Ok(counts) => *all.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += counts,
                        Err(error) => failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(format!(
                            "seed {seed}: {error}\n  again: cargo run --release -p stories --bin nemesis -- --seeds 1 --from {seed}"
                        )),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let all = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{seeds} seeds: {all:?}");
    assert!(
        failed.is_empty(),
        "{} of {seeds} seeds failed, among them\n{}",
        failed.len(),
        failed[..failed.len().min(3)].join("\n")
    );
    // A simulation in which nothing happens proves nothing.
    assert!(
        all.edits > 2_000 && all.lost > 500 && all.kills > 50 && all.forks > 0 && all.restores > 0 && all.wipes > 0,
        "{all:?}"
    );
    Ok(())
}
