//! 同意: which facility's data, of which classes, which facility may see, until when, and how long offline.

use crate::disclosed::DisclosedRecord;
use crate::ids::{FacilityId, PatientId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Class of disclosed data. One vocabulary everywhere (DESIGN §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// 病名
    Problem,
    /// アレルギー
    Allergy,
    /// 処方
    Rx,
    /// 注射
    Inj,
    /// 検査
    Lab,
    /// 文書
    Document,
    /// 受診・入退院
    Encounter,
}

impl DataClass {
    pub const ALL: [DataClass; 7] = [
        DataClass::Problem,
        DataClass::Allergy,
        DataClass::Rx,
        DataClass::Inj,
        DataClass::Lab,
        DataClass::Document,
        DataClass::Encounter,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DataClass::Problem => "problem",
            DataClass::Allergy => "allergy",
            DataClass::Rx => "rx",
            DataClass::Inj => "inj",
            DataClass::Lab => "lab",
            DataClass::Document => "document",
            DataClass::Encounter => "encounter",
        }
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no class of data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown class of data; the classes are: problem, allergy, rx, inj, lab, document, encounter")]
pub struct UnknownClass;

impl FromStr for DataClass {
    type Err = UnknownClass;
    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|c| c.as_str() == text).ok_or(UnknownClass)
    }
}

/// 同意 — one patient lets one viewing facility read one disclosing facility's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub patient: PatientId,
    /// 開示施設
    pub disclosing: FacilityId,
    /// 閲覧施設
    pub viewing: FacilityId,
    pub classes: BTreeSet<DataClass>,
    /// Hours that a phone may keep the data without hearing from the hub; `None` = the network's policy forbids an offline copy.
    pub offline_hours: Option<u32>,
    /// Last day, inclusive; `None` = until withdrawn.
    pub until: Option<Date>,
    pub withdrawn: bool,
}

impl Consent {
    /// Whether the consent holds on a day (Japan's).
    pub fn holds_on(&self, day: Date) -> bool {
        !self.withdrawn && self.until.is_none_or(|until| day <= until)
    }

    /// Whether it lets its viewing facility see this record on this day.
    pub fn covers(&self, record: &DisclosedRecord, day: Date) -> bool {
        self.holds_on(day) && self.disclosing == record.facility && self.classes.contains(&record.class)
    }
}
