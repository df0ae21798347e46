//! **Owns**: the field's words and rules — patients, disclosed records, orders, consent, visit notes — and how two edits of one note become one.
//! **Called by**: every other room.
//! **May touch**: nothing but its arguments; `visit_note::{draft, changes, equal_edits}` know Automerge, nobody else does.
//! **Never**: I/O, clocks, randomness, keys' storage, logging.

pub mod calendar;
pub mod canonical;
pub mod consent;
pub mod disclosed;
pub mod facility;
pub mod form;
pub mod ids;
pub mod order;
pub mod patient;
pub mod patient_search;
pub mod photo;
mod quiet;
pub mod report_calendar;
pub mod scales;
pub mod summary;
pub mod text_merge;
pub mod text_search;
pub mod visit;
pub mod visit_note;
pub mod vitals;
pub mod writing;

pub use consent::{Consent, DataClass};
pub use disclosed::{DisclosedRecord, RecordFlag};
pub use facility::{Facility, FacilityKind, Staff, StaffRole};
pub use form::Form;
pub use ids::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId, VisitId};
pub use order::NursingOrder;
pub use patient::{LocalId, Patient, Sex};
pub use summary::{AllergyKnowledge, PatientSummary, SummaryItem};
pub use visit::Visit;
