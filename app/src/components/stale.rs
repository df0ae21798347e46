//! How old what is shown may be: amber after a day without the hub, red after three (domain §8.4).

use crate::text::{day_and_clock, use_words};
use device::jiff::Timestamp;
use dioxus::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    Old,
    VeryOld,
    /// The hub was never heard.
    Unknown,
}

/// Whole hours that have gone by; a clock that was set back makes nothing fresher than now.
pub fn hours_since(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(at).as_hours()).unwrap_or(0)
}

fn age(as_of: Option<Timestamp>, now: Timestamp) -> Age {
    match as_of.map(|at| now.duration_since(at).as_secs()) {
        None => Age::Unknown,
        Some(seconds) if seconds > 72 * 3_600 => Age::VeryOld,
        Some(seconds) if seconds > 24 * 3_600 => Age::Old,
        Some(_) => Age::Fresh,
    }
}

/// Nothing while what is shown is fresh; words with the colour, never the colour alone.
#[component]
pub fn StaleBadge(as_of: Option<Timestamp>) -> Element {
    let words = use_words();
    let now = Timestamp::now();
    let class = match age(as_of, now) {
        Age::Fresh => return rsx! {},
        Age::Old | Age::Unknown => "strip warn",
        Age::VeryOld => "strip",
    };
    let said = match as_of {
        None => words.say("settings-stale-unknown"),
        Some(at) => {
            let (time, hours) = (day_and_clock(at, now), hours_since(at, now));
            if hours < 72 {
                words.with("settings-stale", &[("time", time.into()), ("n", hours.into())])
            } else {
                words.with("settings-stale-days", &[("time", time.into()), ("n", (hours / 24).into())])
            }
        }
    };
    rsx! { p { class, role: "status", id: "stale", "{said}" } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::SignedDuration;

    #[test]
    fn what_is_shown_grows_old_after_a_day_and_very_old_after_three() {
        let now = Timestamp::UNIX_EPOCH;
        let before = |seconds: i64| age(now.checked_sub(SignedDuration::from_secs(seconds)).ok(), now);
        assert_eq!(before(24 * 3_600), Age::Fresh);
        assert_eq!(before(24 * 3_600 + 1), Age::Old);
        assert_eq!(before(72 * 3_600), Age::Old);
        assert_eq!(before(72 * 3_600 + 1), Age::VeryOld);
        assert_eq!(before(-60), Age::Fresh, "the phone's clock is a minute behind the hub's");
        assert_eq!(age(None, now), Age::Unknown);
    }

    #[test]
    fn hours_are_whole_and_never_negative() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |minutes: i64| now.checked_sub(SignedDuration::from_mins(minutes)).map(|at| hours_since(at, now)).ok();
        assert_eq!([at(59), at(60), at(-300)], [Some(0), Some(1), Some(0)]);
    }
}
