//! 訪問: planned by the station, carried out by a nurse.

use crate::ids::{FacilityId, PatientId, StaffId, VisitId};
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// 訪問 — a planned slot. The actual times stand in the note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    pub id: VisitId,
    pub patient: PatientId,
    pub station: FacilityId,
    pub staff: StaffId,
    /// Japan's calendar day, whatever the device's zone.
    pub date: Date,
    pub start: Time,
    /// Planned length.
    pub minutes: u16,
}
