//! The simulator, a hundred seeds at each run; `nemesis` runs more.
#![cfg(target_os = "linux")]

use stories::Outcome;
use stories::simulator::{again, processors, run_all};

#[test]
fn whatever_goes_wrong_nothing_is_lost_nothing_is_stuck_and_everybody_agrees() -> Outcome {
    let seeds = std::env::var("TSUTSUJI_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let ran = run_all(&stories::binary("nemesis")?, 0, seeds, 300, processors())?;
    println!("{seeds} seeds: {:?}", ran.counts);
    let first: Vec<String> = ran
        .failed
        .iter()
        .take(3)
        .map(|(seed, error)| format!("seed {seed}: {error}\n  again: {}", again(*seed, 300)))
        .collect();
    assert!(ran.failed.is_empty(), "{} of {seeds} seeds failed, among them\n{}", ran.failed.len(), first.join("\n"));
    // A simulation in which nothing happens proves nothing.
    let c = ran.counts;
    assert!(
        c.edits > 5_000
            && c.lost > 2_000
            && c.kills > 100
            && c.forks > 5
            && c.restores > 10
            && c.wipes > 5
            && c.reassigns > 100
            && c.full > 30
            && c.hub_full > 10
            && c.refused > 60
            && c.brought_sealed > 20
            && c.withdrawals > 60
            && c.grants > 30
            && c.disclosed > 300
            && c.kept > 10
            && c.compacted > 100
            && c.relayed > 5
            && c.pages > 40,
        "{c:?}"
    );
    Ok(())
}
