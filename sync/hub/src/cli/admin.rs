//! The administrator's commands, a file each: facilities, staff, patients, visits, consent, orders, devices, audit.

mod audit;
mod consent;
mod device;
mod facility;
mod order;
mod patient;
mod staff;
mod visit;

pub use audit::{AuditCommand, audit};
pub use consent::{ConsentCommand, consent};
pub(crate) use device::make_invitation;
pub use device::{DeviceCommand, device};
pub use facility::{FacilityCommand, facility};
pub use order::{OrderCommand, order};
pub use patient::{PatientCommand, patient};
pub use staff::{StaffCommand, staff};
pub use visit::{VisitCommand, visit};

use super::Data;
use crate::error::HubError;
use crate::store::{Tx, Who};
use jiff::Timestamp;
use record::PatientId;
use record::calendar::rfc3339_in_japan;

fn audited<T>(
    data: &Data,
    action: &str,
    patient: Option<&PatientId>,
    object: &str,
    work: impl FnOnce(&Tx<'_>) -> Result<T, HubError>,
) -> Result<T, HubError> {
    data.open()?.write(|tx| {
        let value = work(tx)?;
        tx.audit(&Who::Admin, action, patient, object)?;
        Ok(value)
    })
}

pub(super) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(rfc3339_in_japan).unwrap_or_default()
}
