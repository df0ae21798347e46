//! What the clock asks of an open app. Pure: told how long nobody touched it and how long the curtain has stood.

/// A curtain this young is lifted by a tap; an older one by the PIN.
pub const CURTAIN_MS: u64 = 30_000;
/// However much is unsaved: by then nobody is coming back to free some space.
const LONGEST_MS: u64 = 1_800_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// Unless something is unsaved: then the screen stays for a while, and it is tried again.
    Lock,
    /// Whatever is unsaved: whoever finds the phone must not read it.
    LockForGood,
}

pub fn due(idle_ms: u64, curtained_ms: Option<u64>, lock_minutes: u64) -> Due {
    // Taps on a curtain bring nobody back: they do not count as touch.
    let away = idle_ms.max(curtained_ms.unwrap_or(0));
    if away > LONGEST_MS {
        Due::LockForGood
    } else if idle_ms > lock_minutes * 60_000 || curtained_ms.is_some_and(|ms| ms > CURTAIN_MS) {
        Due::Lock
    } else {
        Due::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_p2_no_touch_for_the_set_time_locks() {
        assert_eq!(due(180_000, None, 3), Due::Nothing);
        assert_eq!(due(180_001, None, 3), Due::Lock);
        assert_eq!(due(180_001, None, 10), Due::Nothing);
        assert_eq!(due(1_800_001, None, 10), Due::LockForGood);
    }

    #[test]
    fn a_curtain_wants_the_pin_after_half_a_minute_however_often_it_is_tapped() {
        assert_eq!(due(0, Some(30_000), 3), Due::Nothing);
        assert_eq!(due(0, Some(30_001), 3), Due::Lock);
        assert_eq!(due(0, Some(1_800_001), 3), Due::LockForGood);
    }
}
