//! One file of an SS-MIX2 standard storage: an HL7 v2.5 message whose file name says what it is.
//!
//! Not read, on purpose: DB1 (a bare "disabled: yes" tells a nurse nothing), NK1, IN1, the doctors' names in PV1.

mod allergy;
mod characters;
mod encounter;
mod file_name;
mod lab;
mod medication;
mod message;
mod patient;
mod problem;
mod sheet;

use crate::{Intake, IntakeError, MAX_FILE_BYTES, PatientRecords};
use file_name::{Condition, FileName, Kind};
use message::Message;
use record::FacilityId;
use sheet::Sheet;

pub(crate) fn read(facility: &FacilityId, file_name: &str, bytes: &[u8]) -> Result<Intake, IntakeError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(IntakeError::TooLarge { limit_mib: MAX_FILE_BYTES >> 20 });
    }
    let name = FileName::parse(file_name)?;
    if name.condition == Condition::Old {
        return Err(IntakeError::OldVersion);
    }
    let text = characters::decode(bytes)?;
    let (normal, unread) = message::normalise(&text);
    let message = Message::parse(&normal)?;

    let demographics = patient::demographics(&message)?;
    if demographics.local_id != name.patient {
        return Err(IntakeError::PatientMismatch);
    }
    let mut sheet = Sheet::new(facility, &name, &message, unread);
    match name.kind {
        Kind::Patient => {
            allergy::read(&message, &mut sheet);
            lab::read_profile(&message, &mut sheet);
        }
        Kind::Allergy => allergy::read(&message, &mut sheet),
        Kind::Outpatient | Kind::Admission | Kind::Discharge => encounter::read(&message, &mut sheet),
        Kind::Lab => lab::read(&message, &mut sheet),
        Kind::Prescription | Kind::InjectionOrder | Kind::Injection => {
            // Orders repeat the patient's allergies; same keys as in ADT-00, so they are not doubled.
            allergy::read(&message, &mut sheet);
            medication::read(&message, &mut sheet);
        }
        Kind::Problems => problem::read(&message, &mut sheet),
    }
    let (records, stated_in_full, skipped) = sheet.finish();
    Ok(Intake { patients: vec![PatientRecords { demographics, records, stated_in_full }], skipped })
}
