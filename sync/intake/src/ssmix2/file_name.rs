//! `patient_date_kind_key_time_department_flag`: everything about a file that its content does not say.

use crate::IntakeError;
use crate::moment::Moment;
use jiff::civil::Date;

pub(super) struct FileName {
    pub patient: String,
    /// 診療日; `-` for what belongs to no day (ADT-00, PPR-01).
    pub day: Option<Date>,
    pub kind: Kind,
    /// 特定キー: the order's number and the like.
    pub key: String,
    /// 発生日時
    pub occurred: Option<Moment>,
    pub condition: Condition,
}

/// データ種別, those that are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// ADT-00 患者基本
    Patient,
    /// ADT-12 外来受付
    Outpatient,
    /// ADT-22 入院実施
    Admission,
    /// ADT-52 退院実施
    Discharge,
    /// ADT-61 アレルギー
    Allergy,
    /// OML-11 検体検査結果
    Lab,
    /// OMP-01 処方
    Prescription,
    /// OMP-02 注射オーダ
    InjectionOrder,
    /// OMP-12 注射実施
    Injection,
    /// PPR-01 病名
    Problems,
}

/// コンディションフラグ
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Deleted,
    Valid,
    Old,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Patient => "ADT-00",
            Kind::Outpatient => "ADT-12",
            Kind::Admission => "ADT-22",
            Kind::Discharge => "ADT-52",
            Kind::Allergy => "ADT-61",
            Kind::Lab => "OML-11",
            Kind::Prescription => "OMP-01",
            Kind::InjectionOrder => "OMP-02",
            Kind::Injection => "OMP-12",
            Kind::Problems => "PPR-01",
        }
    }

    const ALL: [Kind; 10] = [
        Kind::Patient,
        Kind::Outpatient,
        Kind::Admission,
        Kind::Discharge,
        Kind::Allergy,
        Kind::Lab,
        Kind::Prescription,
        Kind::InjectionOrder,
        Kind::Injection,
        Kind::Problems,
    ];

    fn parse(text: &str) -> Result<Self, IntakeError> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.as_str() == text) {
            return Ok(kind);
        }
        // Only what looks like a kind is repeated in the error.
        let looks = text.len() == 6
            && text.bytes().enumerate().all(|(i, b)| match i {
                0..=2 => b.is_ascii_uppercase(),
                3 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if looks { Err(IntakeError::UnsupportedKind { kind: text.to_owned() }) } else { Err(IntakeError::FileName) }
    }
}

impl FileName {
    /// Takes a bare name or a path. A patient's number may itself hold `_`, so the parts are counted from the end.
    pub fn parse(name: &str) -> Result<Self, IntakeError> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let parts: Vec<&str> = name.rsplitn(7, '_').collect();
        let [flag, _department, occurred, key, kind, day, patient] = parts[..] else {
            return Err(IntakeError::FileName);
        };
        let condition = match flag {
            "0" => Condition::Deleted,
            "1" => Condition::Valid,
            "2" => Condition::Old,
            _ => return Err(IntakeError::FileName),
        };
        if patient.is_empty() || patient.len() > 64 || key.is_empty() || key.len() > 128 {
            return Err(IntakeError::FileName);
        }
        Ok(Self {
            patient: patient.to_owned(),
            day: Moment::hl7(day).and_then(|m| m.day),
            kind: Kind::parse(kind)?,
            key: key.to_owned(),
            occurred: Moment::hl7(occurred),
            condition,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_file_name_tells_patient_day_kind_key_and_condition() -> Result<(), IntakeError> {
        let name = FileName::parse("root/000/123/00_0123_20261120_OML-11_000000000000777_20261120101112345_01_0")?;
        assert_eq!((name.patient.as_str(), name.key.as_str()), ("00_0123", "000000000000777"));
        assert_eq!((name.day, name.kind, name.condition), (Some(date(2026, 11, 20)), Kind::Lab, Condition::Deleted));
        let undated = FileName::parse("0123_-_ADT-00_999999999999999_20261120101112345_-_1")?;
        assert_eq!(undated.day, None);
        Ok(())
    }

    #[test]
    fn other_names_and_kinds_are_refused_without_repeating_a_patients_number() {
        for name in [
            "",
            "readme.txt",
            "_20261120_OML-11_1_20261120101112345_01_1",
            "9_20261120_OML-11_1_2_01_7",
            "______",
            "_______",
        ] {
            assert_eq!(FileName::parse(name).err(), Some(IntakeError::FileName), "{name}");
        }
        let meals = FileName::parse("774411_20261120_OMD-01_1_20261120101112345_01_1").err();
        assert_eq!(meals, Some(IntakeError::UnsupportedKind { kind: "OMD-01".to_owned() }));
        assert!(!format!("{meals:?}").contains("774411"));
    }
}
