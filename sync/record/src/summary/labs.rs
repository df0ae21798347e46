//! Laboratory results as series: one for each facility, item and unit as received.

use super::PatientSummary;
use super::names::{Name, Names};
use crate::disclosed::{Code, RecordFlag};
use crate::ids::FacilityId;
use crate::quiet::shows_only;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Results of one item at one facility in one unit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabSeries {
    pub facility: FacilityId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// As the newest result writes it.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub points: Vec<LabPoint>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabPoint {
    pub date: Option<Date>,
    pub as_of: Timestamp,
    /// As received; `None` where there is no result (検査できず): a gap, never a zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<RecordFlag>,
}

impl PatientSummary {
    /// The laboratory results as series: one for each facility, item and unit as received, since neither values nor units
    /// are ever converted. The series with the newest point comes first, and in it the newest point.
    pub fn lab_series(&self) -> Vec<LabSeries> {
        let names = Names::of(self.labs.iter().map(|lab| (&lab.facility, lab.code.as_ref(), lab.text.as_str())));
        let mut series: BTreeMap<(&FacilityId, Name, Option<&str>), LabSeries> = BTreeMap::new();
        for lab in &self.labs {
            let name = names.name(&lab.facility, lab.code.as_ref(), &lab.text);
            let series = series.entry((&lab.facility, name, lab.unit.as_deref())).or_insert_with(|| LabSeries {
                facility: lab.facility.clone(),
                code: None,
                text: lab.text.clone(),
                unit: lab.unit.clone(),
                points: Vec::new(),
            });
            series.code = series.code.take().or_else(|| lab.code.clone());
            let (date, as_of, value, flag) = (lab.date, lab.as_of, lab.value.clone(), lab.flag.clone());
            series.points.push(LabPoint { date, as_of, value, flag });
        }
        let mut series: Vec<LabSeries> = series.into_values().collect();
        // The labs are sorted, so the points are.
        series.sort_by_key(|series| Reverse(series.points.first().map(|point| (point.date, point.as_of))));
        series
    }
}

shows_only!(LabSeries { facility });
shows_only!(LabPoint { date, as_of });
