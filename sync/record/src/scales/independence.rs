//! 日常生活自立度 and 要介護認定, as the doctor's order has them (様式16, rows 7–9; domain §3.2, §4.4).
//!
//! Each level has a code for documents and command lines (ASCII) and the label that stands on the form. Both are read,
//! however wide they were typed.

use super::half_width;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Why a level was not taken. Says what is taken; never repeats what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    #[error("{scale} takes one of: {choices}")]
    NotALevel { scale: &'static str, choices: String },
}

macro_rules! levels {
    ($(#[$doc:meta])* $name:ident $label:literal { $($level:ident $code:literal [$ja:literal $(, $other:literal)*];)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $(#[serde(rename = $code)] $level,)*
        }

        impl $name {
            /// Least care first.
            pub const ALL: &[$name] = &[$($name::$level),*];

            /// For documents and command lines.
            pub fn code(self) -> &'static str {
                match self { $($name::$level => $code,)* }
            }

            /// As the form prints it.
            pub fn label_ja(self) -> &'static str {
                match self { $($name::$level => $ja,)* }
            }
        }

        impl FromStr for $name {
            type Err = LevelError;

            fn from_str(typed: &str) -> Result<Self, LevelError> {
                let typed = plain(typed);
                $(if [$code, $ja $(, $other)*].iter().any(|word| plain(word) == typed) {
                    return Ok($name::$level);
                })*
                let choices = $name::ALL.iter().map(|level| level.code()).collect::<Vec<_>>().join(", ");
                Err(LevelError::NotALevel { scale: $label, choices })
            }
        }
    };
}

levels! {
    /// 障害高齢者の日常生活自立度(寝たきり度). 自立 is not on the order, but 訪問看護記録書Ⅰ takes it.
    BedriddenLevel "寝たきり度" {
        Independent "independent" ["自立"];
        J1 "J1" ["J1"];
        J2 "J2" ["J2"];
        A1 "A1" ["A1"];
        A2 "A2" ["A2"];
        B1 "B1" ["B1"];
        B2 "B2" ["B2"];
        C1 "C1" ["C1"];
        C2 "C2" ["C2"];
    }
}

levels! {
    /// 認知症高齢者の日常生活自立度. Ⅱ or Ⅲ without its letter is not a level: a or b is for a person to say.
    DementiaLevel "認知症の状況" {
        Independent "independent" ["自立"];
        I "I" ["Ⅰ"];
        IIa "IIa" ["Ⅱa"];
        IIb "IIb" ["Ⅱb"];
        IIIa "IIIa" ["Ⅲa"];
        IIIb "IIIb" ["Ⅲb"];
        IV "IV" ["Ⅳ"];
        M "M" ["M"];
    }
}

levels! {
    /// 要介護認定の状況. 非該当 on the certificate is 自立 on the order.
    CareLevel "要介護認定の状況" {
        Independent "independent" ["自立", "非該当"];
        Support1 "support1" ["要支援1"];
        Support2 "support2" ["要支援2"];
        Care1 "care1" ["要介護1"];
        Care2 "care2" ["要介護2"];
        Care3 "care3" ["要介護3"];
        Care4 "care4" ["要介護4"];
        Care5 "care5" ["要介護5"];
    }
}

/// One spelling of what can be typed in many: half-width, without blanks, Roman numerals as letters, in lower case.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        match c {
            'Ⅰ' | 'ⅰ' => out.push('i'),
            'Ⅱ' | 'ⅱ' => out.push_str("ii"),
            'Ⅲ' | 'ⅲ' => out.push_str("iii"),
            'Ⅳ' | 'ⅳ' => out.push_str("iv"),
            c => out.push(half_width(c).to_ascii_lowercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Form;
    use crate::visit_note::FieldKind;

    fn offered(field: &str) -> &'static [&'static str] {
        match Form::IntakeRecord.field(field).map(|field| field.kind) {
            Ok(FieldKind::Choice(choices)) => choices,
            _ => &[],
        }
    }

    #[test]
    fn the_intake_record_offers_these_very_codes() {
        let codes = BedriddenLevel::ALL.iter().map(|level| level.code()).collect::<Vec<_>>();
        assert_eq!(offered("bed_rest_level"), codes);
        let codes = DementiaLevel::ALL.iter().map(|level| level.code()).collect::<Vec<_>>();
        assert_eq!(offered("dementia_level"), codes);
    }

    #[test]
    fn every_level_is_read_from_its_code_and_from_its_label() {
        for level in BedriddenLevel::ALL {
            assert_eq!((level.code().parse(), level.label_ja().parse()), (Ok(*level), Ok(*level)));
        }
        for level in DementiaLevel::ALL {
            assert_eq!((level.code().parse(), level.label_ja().parse()), (Ok(*level), Ok(*level)));
        }
        for level in CareLevel::ALL {
            assert_eq!((level.code().parse(), level.label_ja().parse()), (Ok(*level), Ok(*level)));
        }
    }

    #[test]
    fn the_three_scales_hold_the_levels_of_the_form() {
        let codes = BedriddenLevel::ALL.iter().map(|level| level.code()).collect::<Vec<_>>();
        assert_eq!(codes, ["independent", "J1", "J2", "A1", "A2", "B1", "B2", "C1", "C2"]);
        let labels = DementiaLevel::ALL.iter().map(|level| level.label_ja()).collect::<Vec<_>>();
        assert_eq!(labels, ["自立", "Ⅰ", "Ⅱa", "Ⅱb", "Ⅲa", "Ⅲb", "Ⅳ", "M"]);
        let labels = CareLevel::ALL.iter().map(|level| level.label_ja()).collect::<Vec<_>>();
        assert_eq!(labels, ["自立", "要支援1", "要支援2", "要介護1", "要介護2", "要介護3", "要介護4", "要介護5"]);
    }

    #[test]
    fn a_level_is_read_however_wide_it_was_typed() {
        for typed in ["Ｊ１", "j1", " J 1 "] {
            assert_eq!(typed.parse(), Ok(BedriddenLevel::J1), "{typed}");
        }
        for typed in ["Ⅲｂ", "ＩＩＩｂ", "IIIb", "Ⅲ b", "iiib"] {
            assert_eq!(typed.parse(), Ok(DementiaLevel::IIIb), "{typed}");
        }
        for typed in ["要介護３", "要介護 3", "care3", "ｃａｒｅ３"] {
            assert_eq!(typed.parse(), Ok(CareLevel::Care3), "{typed}");
        }
        assert_eq!("非該当".parse(), Ok(CareLevel::Independent));
    }

    #[test]
    fn what_is_no_level_is_refused_and_not_repeated() {
        for typed in ["", "J3", "仮山花子"] {
            let refused = typed.parse::<BedriddenLevel>().map_err(|error| error.to_string());
            assert_eq!(
                refused,
                Err("寝たきり度 takes one of: independent, J1, J2, A1, A2, B1, B2, C1, C2".to_string())
            );
        }
        assert!("Ⅱ".parse::<DementiaLevel>().is_err(), "a or b is not guessed");
        assert!("要介護".parse::<CareLevel>().is_err());
        assert!("要支援3".parse::<CareLevel>().is_err());
    }

    #[test]
    fn a_level_is_stored_as_its_code_and_comes_back() -> Result<(), serde_json::Error> {
        for level in DementiaLevel::ALL {
            let stored = serde_json::to_string(level)?;
            assert_eq!(stored, format!("\"{}\"", level.code()));
            assert_eq!(serde_json::from_str::<DementiaLevel>(&stored)?, *level);
        }
        Ok(())
    }
}
