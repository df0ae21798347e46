//! Whether the day by which orders are judged can be trusted (domain §3.10: AT-O6).

use jiff::{SignedDuration, Timestamp};

/// Both clocks at the last contact with the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubContact {
    pub device: Timestamp,
    pub hub: Timestamp,
}

/// Why the device's date, and every standing above with it, is doubtful (AT-O6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockDoubt {
    /// At the last contact the device's clock was ahead of the hub's by so much (behind, if negative).
    Differs { ahead: SignedDuration },
    /// The device's clock reads earlier than at the last contact, by so much: it was set back since.
    SetBack { by: SignedDuration },
}

/// How far the two clocks may differ without a warning.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Whether the device's clock is doubtful by what the device itself knows, offline. Without any contact there is nothing
/// to compare.
pub fn clock_doubt(device_now: Timestamp, last_hub: Option<HubContact>) -> Option<ClockDoubt> {
    let last = last_hub?;
    if device_now < last.device {
        return Some(ClockDoubt::SetBack { by: last.device.duration_since(device_now) });
    }
    let ahead = last.device.duration_since(last.hub);
    (ahead.abs() > CLOCK_TOLERANCE).then_some(ClockDoubt::Differs { ahead })
}
