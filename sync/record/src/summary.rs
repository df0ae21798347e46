//! 患者サマリー: all that the device holds of one patient, every item with its facility and its as-of time.
//!
//! Nothing is merged into one "truth": two hospitals' prescriptions stay two (domain §8.4). Only what one facility
//! delivered twice, once as FHIR and once as SS-MIX2, is shown once ([`same_item`]).

mod deliveries;
mod labs;
mod names;

pub use deliveries::same_item;
pub use labs::{LabPoint, LabSeries};

use crate::consent::DataClass;
use crate::disclosed::{Code, DisclosedRecord, RecordFlag};
use crate::ids::FacilityId;
use crate::order::NursingOrder;
use crate::patient::Patient;
use crate::quiet::shows_only;
use deliveries::shown_once;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One line of a summary.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryItem {
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<RecordFlag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub date: Option<Date>,
    pub facility: FacilityId,
    pub as_of: Timestamp,
    /// How many other deliveries of the same facility say the same and are not shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub also: u16,
}

fn is_zero(also: &u16) -> bool {
    *also == 0
}

/// What is known of allergies. "None known" is a statement; "not recorded" is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllergyKnowledge {
    Recorded,
    NoneKnown,
    NotRecorded,
    /// The lease of the disclosed records has lapsed: it may be written there.
    Locked,
}

/// 患者サマリー
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientSummary {
    pub patient: Patient,
    pub allergy_knowledge: AllergyKnowledge,
    pub allergies: Vec<SummaryItem>,
    pub problems: Vec<SummaryItem>,
    pub prescriptions: Vec<SummaryItem>,
    pub injections: Vec<SummaryItem>,
    pub labs: Vec<SummaryItem>,
    pub encounters: Vec<SummaryItem>,
    pub documents: Vec<SummaryItem>,
    pub orders: Vec<NursingOrder>,
}

impl PatientSummary {
    /// Sorts records into their classes, latest first. Deleted ones are left out, and what one facility delivered in two
    /// formats is there once.
    pub fn new(patient: Patient, records: Vec<DisclosedRecord>, mut orders: Vec<NursingOrder>) -> Self {
        orders.sort_by_key(|order| std::cmp::Reverse((order.until, order.from)));
        let mut summary = Self {
            patient,
            allergy_knowledge: AllergyKnowledge::NotRecorded,
            allergies: Vec::new(),
            problems: Vec::new(),
            prescriptions: Vec::new(),
            injections: Vec::new(),
            labs: Vec::new(),
            encounters: Vec::new(),
            documents: Vec::new(),
            orders,
        };
        let mut none_known = false;
        let standing = records.into_iter().filter(|record| !record.deleted).collect();
        for (record, also) in shown_once(standing) {
            let list = match record.class {
                // The words stay: "no drug allergy" says nothing of food.
                DataClass::Allergy => {
                    none_known |= record.flag == Some(RecordFlag::NoneKnown);
                    &mut summary.allergies
                }
                DataClass::Problem => &mut summary.problems,
                DataClass::Rx => &mut summary.prescriptions,
                DataClass::Inj => &mut summary.injections,
                DataClass::Lab => &mut summary.labs,
                DataClass::Encounter => &mut summary.encounters,
                DataClass::Document => &mut summary.documents,
            };
            list.push(SummaryItem { also, ..SummaryItem::from(record) });
        }
        for list in [
            &mut summary.allergies,
            &mut summary.problems,
            &mut summary.prescriptions,
            &mut summary.injections,
            &mut summary.labs,
            &mut summary.encounters,
            &mut summary.documents,
        ] {
            list.sort_by(|a, b| (b.date, b.as_of, &a.text).cmp(&(a.date, a.as_of, &b.text)));
        }
        let any = summary.allergies.iter().any(|item| item.flag != Some(RecordFlag::NoneKnown));
        summary.allergy_knowledge = match (any, none_known) {
            (true, _) => AllergyKnowledge::Recorded,
            (false, true) => AllergyKnowledge::NoneKnown,
            (false, false) => AllergyKnowledge::NotRecorded,
        };
        summary
    }

    /// The newest as-of time of anything disclosed here.
    pub fn as_of(&self) -> Option<Timestamp> {
        [
            &self.allergies,
            &self.problems,
            &self.prescriptions,
            &self.injections,
            &self.labs,
            &self.encounters,
            &self.documents,
        ]
        .into_iter()
        .flatten()
        .map(|item| item.as_of)
        .max()
    }
}

impl From<DisclosedRecord> for SummaryItem {
    fn from(record: DisclosedRecord) -> Self {
        Self {
            text: record.text,
            code: record.code,
            value: record.value,
            unit: record.unit,
            flag: record.flag,
            detail: record.detail,
            body: record.body,
            date: record.date,
            facility: record.facility,
            as_of: record.as_of,
            also: 0,
        }
    }
}

shows_only!(SummaryItem { facility, date, as_of });

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
