//! 利用者: the person visited.

use crate::ids::{FacilityId, PatientId};
use crate::quiet::shows_only;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// 利用者
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    pub id: PatientId,
    /// 氏名, as the facility writes it (variants of characters kept).
    pub name: String,
    /// フリガナ, full-width katakana.
    pub kana: String,
    pub birth_date: Option<Date>,
    pub sex: Sex,
    pub address: Option<String>,
    pub phone: Option<String>,
    /// Each facility's own number for this person.
    pub local_ids: Vec<LocalId>,
}

/// A facility's own number (患者番号) for a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalId {
    pub facility: FacilityId,
    pub id: String,
}

/// 性別 as the facility sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    Male,
    Female,
    Other,
    Unknown,
}

/// Demographics as one hospital's record tells them, before the hub gives the person a number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demographics {
    /// The hospital's own number (患者番号). Never empty.
    pub local_id: String,
    pub name: String,
    pub kana: String,
    pub birth_date: Option<Date>,
    pub sex: Sex,
    pub address: Option<String>,
    pub phone: Option<String>,
}

shows_only!(Patient { id });
shows_only!(LocalId { facility });
shows_only!(Demographics { sex });
