//! Many seeds of the simulator: `cargo run --release -p stories --bin nemesis -- --seeds N --from K [--seconds S] [--jobs J]`.

use std::process::ExitCode;
use stories::simulator::{child, processors, run_all};

fn number(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).and_then(|value| value.parse().ok())
}

fn main() -> ExitCode {
    let seconds = number("--seconds").unwrap_or(300);
    if let Some(seed) = number("--child") {
        return match child(seed, seconds) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let (seeds, from) = (number("--seeds").unwrap_or(100), number("--from").unwrap_or(0));
    let jobs = number("--jobs").and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or_else(processors);
    let begun = std::time::Instant::now();
    let nemesis = std::env::current_exe().map_err(Into::into);
    let ran = nemesis.and_then(|nemesis| run_all(&nemesis, from, seeds, seconds, jobs));
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let took = begun.elapsed().as_secs();
    println!(
        "{seeds} seeds from {from}, {seconds} simulated seconds each, {jobs} at a time, in {took} s: {:?}",
        ran.counts
    );
    println!("{} failed: {:?}", ran.failed.len(), ran.failed.iter().map(|(seed, _)| seed).collect::<Vec<_>>());
    if ran.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
