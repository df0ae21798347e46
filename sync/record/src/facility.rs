//! Facilities (施設・事業所) and the people who work in them (職員).

use crate::ids::{FacilityId, StaffId};
use crate::quiet::shows_only;
use serde::{Deserialize, Serialize};

/// 施設・事業所
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facility {
    pub id: FacilityId,
    pub kind: FacilityKind,
    pub name: String,
    /// 開示施設: gives records to the network. Every facility may view, under consent.
    pub disclosing: bool,
}

/// What a facility is. An unknown kind from a newer hub is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FacilityKind {
    Hospital,
    Clinic,
    Station,
    Pharmacy,
    #[serde(untagged)]
    Other(String),
}

/// 職員
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    pub id: StaffId,
    pub facility: FacilityId,
    pub name: String,
    pub role: StaffRole,
}

shows_only!(Staff { id, facility, role });

/// 職種
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// 看護師
    Nurse,
    /// 准看護師
    AssistantNurse,
    /// 理学療法士・作業療法士・言語聴覚士
    Therapist,
    /// 管理者
    Manager,
    /// 医師
    Physician,
    /// 事務
    Office,
    #[serde(untagged)]
    Other(String),
}
