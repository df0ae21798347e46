//! A record before it knows whose it is: what one resource says, without facility, patient and key.

use crate::moment::Moment;
use jiff::Timestamp;
use jiff::civil::Date;
use record::disclosed::Code;
use record::{DataClass, RecordFlag};

/// Why one resource gives no record. Fixed sentences: nothing of the resource can slip in.
pub(super) type Reason = &'static str;

pub(super) const WRONG_SHAPE: Reason = "an element has another type than FHIR R4 says; have the sender validate it";
pub(super) const NAMELESS: Reason = "it has neither text nor code to show; have the sender fill in code.text";

pub(super) struct Draft {
    pub class: DataClass,
    pub text: String,
    pub date: Option<Date>,
    pub code: Option<Code>,
    pub value: Option<String>,
    pub unit: Option<String>,
    pub flag: Option<RecordFlag>,
    pub detail: Option<String>,
    pub body: Option<String>,
    pub deleted: bool,
    /// When it was recorded, for a resource without `meta.lastUpdated`.
    pub recorded: Option<Timestamp>,
    /// Tells parts of one resource apart (components), and items that share one identifier: published examples
    /// number a whole blood sample, and even two allergies, with a single identifier.
    pub item_key: Option<String>,
}

impl Draft {
    pub fn new(class: DataClass, text: String) -> Self {
        Self {
            class,
            text,
            date: None,
            code: None,
            value: None,
            unit: None,
            flag: None,
            detail: None,
            body: None,
            deleted: false,
            recorded: None,
            item_key: None,
        }
    }

    /// The clinical date; a date known to the month or year only comes back as words for the detail.
    pub fn dated(&mut self, written: Option<&str>) -> Option<String> {
        let written = written?;
        let moment = Moment::fhir(written)?;
        self.date = moment.day;
        self.recorded_at(Some(written));
        moment.day.is_none().then(|| written.trim().to_owned())
    }

    /// The first of several written times that can be read counts.
    pub fn recorded_at(&mut self, written: Option<&str>) {
        if self.recorded.is_none() {
            self.recorded = written.and_then(Moment::fhir).map(|m| m.at);
        }
    }
}

pub(super) fn is_error(status: Option<&str>) -> bool {
    matches!(status, Some("entered-in-error"))
}

pub(super) fn is_withdrawn(status: Option<&str>) -> bool {
    matches!(status, Some("entered-in-error" | "cancelled"))
}
