//! Which states hold.

use device::jiff::Timestamp;
use device::{Failure, Pill, RefusalCode};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 端末消去: keys gone, what was written waits sealed.
    Wiped,
    /// 開示情報の期限切れ
    LeaseLapsed,
    /// Something answers that is not the station's hub.
    HubUnknown,
    /// The hub does not take this device (any more).
    DeviceRefused,
    StorageFull,
}

impl State {
    #[cfg(test)]
    const ALL: [State; 5] =
        [State::Wiped, State::LeaseLapsed, State::HubUnknown, State::DeviceRefused, State::StorageFull];

    /// Stands in the keys of its words.
    pub fn code(self) -> &'static str {
        match self {
            State::Wiped => "wiped",
            State::LeaseLapsed => "lease",
            State::HubUnknown => "hub",
            State::DeviceRefused => "refused",
            State::StorageFull => "full",
        }
    }
}

/// Key of one sentence: `title`, `what`, `works`, `do`.
pub fn key(state: State, sentence: &str) -> String {
    format!("settings-state-{}-{sentence}", state.code())
}

/// What holds now, the most urgent first. `waiting`: edits that the vault has not taken.
pub fn states_of(pill: Pill, lease_until: Option<Timestamp>, waiting: usize, now: Timestamp) -> Vec<State> {
    let by_pill = match pill {
        Pill::WipeOrdered => Some(State::Wiped),
        Pill::Trouble(Failure::Storage) => Some(State::StorageFull),
        Pill::Trouble(Failure::NotOurHub) => Some(State::HubUnknown),
        Pill::Trouble(Failure::Refused(
            RefusalCode::NoCertificate | RefusalCode::NotThisDevice | RefusalCode::Revoked,
        )) => Some(State::DeviceRefused),
        _ => None,
    };
    let full = (waiting > 0 && by_pill != Some(State::StorageFull)).then_some(State::StorageFull);
    let lapsed = lease_until.is_some_and(|until| now > until).then_some(State::LeaseLapsed);
    [full, by_pill, lapsed].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Words};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn each_trouble_leads_to_its_own_state() {
        let of = |pill| states_of(pill, None, 0, NOW);
        assert_eq!(of(Pill::Trouble(Failure::NotOurHub)), [State::HubUnknown]);
        assert_eq!(of(Pill::Trouble(Failure::Storage)), [State::StorageFull]);
        assert_eq!(of(Pill::Trouble(Failure::Refused(RefusalCode::Revoked))), [State::DeviceRefused]);
        assert_eq!(of(Pill::WipeOrdered), [State::Wiped]);
        for calm in [Pill::Unknown, Pill::Syncing, Pill::Online, Pill::Offline] {
            assert!(of(calm).is_empty(), "{calm:?}");
        }
        assert!(of(Pill::Trouble(Failure::Busy { retry_after_s: Some(9) })).is_empty(), "a busy hub passes");
    }

    #[test]
    fn a_full_storage_is_said_once_whoever_noticed_it_and_before_a_lapsed_lease() {
        let both = states_of(Pill::Trouble(Failure::Storage), Some(NOW), 2, Timestamp::MAX);
        assert_eq!(both, [State::StorageFull, State::LeaseLapsed]);
        assert_eq!(
            states_of(Pill::Offline, Some(NOW), 1, NOW),
            [State::StorageFull],
            "the lease holds to its last moment"
        );
    }

    #[test]
    fn every_state_says_what_happened_what_works_and_what_to_do_in_both_languages() {
        for state in State::ALL {
            for sentence in ["title", "what", "works", "do"] {
                let key = key(state, sentence);
                for language in [Language::Japanese, Language::English] {
                    assert_ne!(Words(language).say(&key), key);
                }
            }
        }
    }
}
