//! What a piece of work costs: time on the wall, and time of this thread on a processor.

use crate::Done;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub wall: Duration,
    pub cpu: Duration,
}

/// What `work` costs. What it makes is dropped after the clocks have stopped.
pub fn spent<T>(work: impl FnOnce() -> Done<T>) -> Done<(T, Cost)> {
    let (wall, cpu) = (Instant::now(), on_processor());
    let made = std::hint::black_box(work()?);
    Ok((made, Cost { cpu: on_processor().saturating_sub(cpu), wall: wall.elapsed() }))
}

/// Time of this thread on a processor.
pub(crate) fn on_processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
