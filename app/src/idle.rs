//! What the clock asks of an open app. Pure: told how long nobody touched it and how long the curtain has stood.

use device::RunningTime;
use std::time::Instant;

/// A curtain this young is lifted by a tap; an older one by the PIN.
pub const CURTAIN_MS: u64 = 30_000;
/// However much is unsaved: by then nobody is coming back to free some space. Of time awake: whoever opens the lid has come back.
const LONGEST_MS: u64 = 1_800_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// Unless something is unsaved: then the screen stays for a while, and it is tried again.
    Lock,
    /// Whatever is unsaved: whoever finds the phone must not read it.
    LockForGood,
}

/// When something was, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    running: RunningTime,
    awake: Instant,
}

impl Moment {
    pub fn now() -> Self {
        Self { running: RunningTime::now(), awake: Instant::now() }
    }

    pub fn away(&self) -> Away {
        let awake_ms = u64::try_from(self.awake.elapsed().as_millis()).unwrap_or(u64::MAX);
        Away { ms: RunningTime::now().since(&self.running), awake_ms }
    }
}

/// How long ago that was. Where the OS has one clock for both, both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Sleep counts.
    pub ms: u64,
    /// Sleep does not.
    pub awake_ms: u64,
}

impl Away {
    /// Whether the machine slept meanwhile.
    pub fn slept(&self) -> bool {
        self.ms > self.awake_ms + 10_000
    }
}

pub fn due(idle: Away, curtained: Option<Away>, lock_minutes: u64) -> Due {
    // Taps on a curtain bring nobody back: they do not count as touch.
    let awake_ms = idle.awake_ms.max(curtained.map_or(0, |curtained| curtained.awake_ms));
    if awake_ms > LONGEST_MS {
        Due::LockForGood
    } else if idle.ms > lock_minutes * 60_000 || curtained.is_some_and(|curtained| curtained.ms > CURTAIN_MS) {
        Due::Lock
    } else {
        Due::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awake(ms: u64) -> Away {
        Away { ms, awake_ms: ms }
    }

    #[test]
    fn at_p2_no_touch_for_the_set_time_locks() {
        assert_eq!(due(awake(180_000), None, 3), Due::Nothing);
        assert_eq!(due(awake(180_001), None, 3), Due::Lock);
        assert_eq!(due(awake(180_001), None, 10), Due::Nothing);
        assert_eq!(due(awake(1_800_001), None, 10), Due::LockForGood);
    }

    #[test]
    fn a_night_of_sleep_locks_but_throws_nothing_unsaved_away() {
        let slept = Away { ms: 28_800_000, awake_ms: 4_000 };
        assert_eq!(due(slept, None, 10), Due::Lock);
        assert!(slept.slept() && !awake(28_800_000).slept());
        assert_eq!(due(slept, Some(slept), 3), Due::Lock);
        assert_eq!(due(slept, Some(Away { awake_ms: 1_800_001, ..slept }), 3), Due::LockForGood);
    }

    #[test]
    fn a_curtain_wants_the_pin_after_half_a_minute_however_often_it_is_tapped() {
        assert_eq!(due(awake(0), Some(awake(30_000)), 3), Due::Nothing);
        assert_eq!(due(awake(0), Some(awake(30_001)), 3), Due::Lock);
        assert_eq!(due(awake(0), Some(awake(1_800_001)), 3), Due::LockForGood);
    }
}
