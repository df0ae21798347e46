//! DESIGN-R®2020: the state of a pressure ulcer, 0–66, the depth not added (domain §4.3).
//!
//! **Licence.** DESIGN-R® belongs to the Japanese Society of Pressure Ulcers (日本褥瘡学会); one listing says that
//! commercial use needs its permission. Ask before shipping (domain §4.3, §10).
//!
//! A capital letter means the severe half of an item, a small one the mild half, so `e3` and `E3` are not the same
//! word. Size and pocket are classed from their measures where both lengths are given: a class chosen by eye that does
//! not fit them is reported, not followed.

use super::half_width;
use crate::visit_note::FieldValue;
use crate::vitals::{Values, number};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeSet;
use std::str::FromStr;

/// One of the seven items: its classes, in the order of the form.
pub trait DesignRItem: Copy + 'static {
    /// The last part of the field's name (`ulcer.1.depth`).
    const PART: &'static str;
    const ALL: &'static [Self];
    /// As written: `e3`, `S15`, `I3C`.
    fn code(self) -> &'static str;
    /// What it adds to the total.
    fn points(self) -> u8;
    fn label_ja(self) -> &'static str;

    /// The class of a code; capitals count.
    fn of_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.code() == code)
    }
}

macro_rules! item {
    ($(#[$doc:meta])* $name:ident $part:literal { $($class:ident $code:literal $points:literal $ja:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        pub enum $name {
            $(#[serde(rename = $code)] $class,)*
        }

        impl DesignRItem for $name {
            const PART: &'static str = $part;
            const ALL: &'static [Self] = &[$($name::$class),*];

            fn code(self) -> &'static str {
                match self { $($name::$class => $code,)* }
            }

            fn points(self) -> u8 {
                match self { $($name::$class => $points,)* }
            }

            fn label_ja(self) -> &'static str {
                match self { $($name::$class => $ja,)* }
            }
        }
    };
}

item! {
    /// 深さ. Adds nothing to the total.
    Depth "depth" {
        NoInjury "d0" 0 "皮膚損傷・発赤なし";
        Redness "d1" 0 "持続する発赤";
        Dermis "d2" 0 "真皮までの損傷";
        Subcutaneous "D3" 0 "皮下組織までの損傷";
        BeyondSubcutaneous "D4" 0 "皮下組織を越える損傷";
        JointOrCavity "D5" 0 "関節腔・体腔に至る損傷";
        DeepTissueInjury "DDTI" 0 "深部損傷褥瘡(DTI)疑い";
        Unknown "DU" 0 "判定不能";
    }
}

item! {
    /// 滲出液
    Exudate "exudate" {
        None "e0" 0 "なし";
        Little "e1" 1 "少量";
        Moderate "e3" 3 "中等量";
        Much "E6" 6 "多量";
    }
}

item! {
    /// 大きさ: the longest diameter × the longest one at right angles to it, in cm².
    Size "size" {
        None "s0" 0 "皮膚損傷なし";
        Under4 "s3" 3 "4未満";
        Under16 "s6" 6 "4以上16未満";
        Under36 "s8" 8 "16以上36未満";
        Under64 "s9" 9 "36以上64未満";
        Under100 "s12" 12 "64以上100未満";
        From100 "S15" 15 "100以上";
    }
}

item! {
    /// 炎症/感染
    Infection "infection" {
        None "i0" 0 "局所の炎症徴候なし";
        Inflammation "i1" 1 "局所の炎症徴候あり";
        CriticalColonization "I3C" 3 "臨界的定着疑い";
        Local "I3" 3 "局所の明らかな感染徴候あり";
        Systemic "I9" 9 "全身的影響あり";
    }
}

item! {
    /// 肉芽組織
    Granulation "granulation" {
        Healed "g0" 0 "治癒・浅い創・DTI疑い";
        From90 "g1" 1 "良性肉芽が90%以上";
        From50 "g3" 3 "良性肉芽が50%以上90%未満";
        From10 "G4" 4 "良性肉芽が10%以上50%未満";
        Under10 "G5" 5 "良性肉芽が10%未満";
        Absent "G6" 6 "良性肉芽がない";
    }
}

item! {
    /// 壊死組織
    Necrosis "necrosis" {
        None "n0" 0 "なし";
        Soft "N3" 3 "柔らかい壊死組織あり";
        Hard "N6" 6 "硬く厚い密着した壊死組織あり";
    }
}

item! {
    /// ポケット: the area of its outline (the ulcer included) less that of the ulcer, in cm².
    Pocket "pocket" {
        None "p0" 0 "なし";
        Under4 "P6" 6 "4未満";
        Under16 "P9" 9 "4以上16未満";
        Under36 "P12" 12 "16以上36未満";
        From36 "P24" 24 "36以上";
    }
}

/// The state of one ulcer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DesignR {
    pub depth: Depth,
    pub exudate: Exudate,
    pub size: Size,
    pub infection: Infection,
    pub granulation: Granulation,
    pub necrosis: Necrosis,
    pub pocket: Pocket,
}

/// Why a written form was not taken. Says where it went wrong; never repeats what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesignRError {
    #[error(
        "at {part} write one of: {choices}, capitals as shown; the whole form is like DDTI-e0S15i1g0n0p0 or D3-E6s6I3CG6n0p0"
    )]
    NotAnItem { part: &'static str, choices: String },
    #[error("something follows the pocket; after it only the total may stand, as :16 or :16点")]
    SomethingAfter,
    #[error("the total after the colon is not the sum of the items, which is {sum}; check each item")]
    OtherTotal { sum: u8 },
}

impl DesignR {
    /// 0–66. The depth is not added.
    pub fn total(&self) -> u8 {
        self.exudate.points()
            + self.size.points()
            + self.infection.points()
            + self.granulation.points()
            + self.necrosis.points()
            + self.pocket.points()
    }
}

impl std::fmt::Display for DesignR {
    /// The written form, `D3-E6s6I3CG6n0p0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}{}", self.depth.code(), self.exudate.code(), self.size.code())?;
        write!(f, "{}{}", self.infection.code(), self.granulation.code())?;
        write!(f, "{}{}", self.necrosis.code(), self.pocket.code())
    }
}

impl FromStr for DesignR {
    type Err = DesignRError;

    /// Reads the written form. Blanks, hyphens and full-width keys do not matter; capitals do. A total after a colon
    /// (`:21点`, as hospitals write it) has to be right.
    fn from_str(typed: &str) -> Result<Self, DesignRError> {
        let written: String = typed.chars().map(half_width).filter(|c| !c.is_whitespace() && !is_hyphen(*c)).collect();
        let (items, total) = match written.split_once(':') {
            Some((items, total)) => (items, Some(total)),
            None => (written.as_str(), None),
        };
        let mut rest = items;
        let read = DesignR {
            depth: take(&mut rest)?,
            exudate: take(&mut rest)?,
            size: take(&mut rest)?,
            infection: take(&mut rest)?,
            granulation: take(&mut rest)?,
            necrosis: take(&mut rest)?,
            pocket: take(&mut rest)?,
        };
        if !rest.is_empty() {
            return Err(DesignRError::SomethingAfter);
        }
        match total.map(|total| total.strip_suffix('点').unwrap_or(total).parse::<u8>()) {
            None => Ok(read),
            Some(Ok(total)) if total == read.total() => Ok(read),
            Some(Ok(_)) => Err(DesignRError::OtherTotal { sum: read.total() }),
            Some(Err(_)) => Err(DesignRError::SomethingAfter),
        }
    }
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | 'ー' | 'ｰ' | '─')
}

/// Takes one item off the front. The longest code wins: `I3C` is not `I3` and a stray C.
fn take<T: DesignRItem>(rest: &mut &str) -> Result<T, DesignRError> {
    let class = T::ALL
        .iter()
        .copied()
        .filter(|class| rest.starts_with(class.code()))
        .max_by_key(|class| class.code().len())
        .ok_or_else(|| DesignRError::NotAnItem { part: T::PART, choices: choices::<T>() })?;
    *rest = &rest[class.code().len()..];
    Ok(class)
}

fn choices<T: DesignRItem>() -> String {
    T::ALL.iter().map(|class| class.code()).collect::<Vec<_>>().join(", ")
}

/// A length and the longest one at right angles to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Extent {
    pub length_cm: f64,
    pub width_cm: f64,
}

impl Extent {
    /// In 1/10 000 cm², counted in whole hundredths of a centimetre: 6.4 × 2.5 is 16, not 15.999….
    /// Nothing at all (0 × 0) is an area; one length of 0 beside another is a slip.
    fn area(self) -> Option<u64> {
        let hundredths =
            |cm: f64| (cm.is_finite() && (0.0..=1_000.0).contains(&cm)).then(|| (cm * 100.0).round() as u64);
        let (length, width) = (hundredths(self.length_cm)?, hundredths(self.width_cm)?);
        ((length == 0) == (width == 0)).then_some(length * width)
    }
}

/// Square centimetres in the unit of [`Extent::area`].
const fn cm2(n: u64) -> u64 {
    n * 10_000
}

/// The class of a measured ulcer; none when the two lengths cannot both be right.
pub fn size_class(length_cm: f64, width_cm: f64) -> Option<Size> {
    let area = Extent { length_cm, width_cm }.area()?;
    Some(match area {
        0 => Size::None,
        a if a < cm2(4) => Size::Under4,
        a if a < cm2(16) => Size::Under16,
        a if a < cm2(36) => Size::Under36,
        a if a < cm2(64) => Size::Under64,
        a if a < cm2(100) => Size::Under100,
        _ => Size::From100,
    })
}

/// The class of a measured pocket: `outer` is its whole outline, the ulcer included. An outline of 0 × 0, or one that
/// is just the ulcer, is no pocket. None when a measure cannot be right or the outline is smaller than the ulcer.
pub fn pocket_class(outer: Extent, ulcer: Extent) -> Option<Pocket> {
    let area = match outer.area()? {
        0 => 0,
        outer => outer.checked_sub(ulcer.area()?)?,
    };
    Some(match area {
        0 => Pocket::None,
        a if a < cm2(4) => Pocket::Under4,
        a if a < cm2(16) => Pocket::Under16,
        a if a < cm2(36) => Pocket::Under36,
        _ => Pocket::From36,
    })
}

/// Something to look at again on an ulcer whose score stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The measured class was counted.
    SizeChosenOtherwise { chosen: Size, measured: Size },
    /// The measured class was counted.
    PocketChosenOtherwise { chosen: Pocket, measured: Pocket },
    /// The two lengths cannot both be right; the chosen class was counted.
    SizeNotUsable,
    /// The outline cannot be right, or is smaller than the ulcer; the chosen class was counted.
    PocketNotUsable,
}

/// An ulcer of a note, scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UlcerScore {
    pub design_r: DesignR,
    pub total: u8,
    pub doubts: Vec<Doubt>,
}

/// The score is not shown: these parts of the ulcer are not written yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("DESIGN-R needs all seven items; still to be written: {}", parts.join(", "))]
pub struct UlcerIncomplete {
    pub parts: Vec<&'static str>,
}

/// The numbers of the ulcers of which a note holds anything.
pub fn ulcers(values: &Values) -> BTreeSet<u8> {
    let number = |field: &str| field.strip_prefix("ulcer.")?.split_once('.')?.0.parse().ok();
    values.keys().filter_map(|field| number(field)).filter(|n| (1..=9).contains(n)).collect()
}

/// The score of ulcer `n` (1–9) of a note.
pub fn of_ulcer(n: u8, values: &Values) -> Result<UlcerScore, UlcerIncomplete> {
    let mut doubts = Vec::new();
    let size = size_of(n, values, &mut doubts);
    let pocket = pocket_of(n, values, &mut doubts);
    let mut parts = Vec::new();
    let depth = needed(chosen(n, values), &mut parts);
    let exudate = needed(chosen(n, values), &mut parts);
    let size = needed(size, &mut parts);
    let infection = needed(chosen(n, values), &mut parts);
    let granulation = needed(chosen(n, values), &mut parts);
    let necrosis = needed(chosen(n, values), &mut parts);
    let pocket = needed(pocket, &mut parts);
    match (depth, exudate, size, infection, granulation, necrosis, pocket) {
        (Some(depth), Some(exudate), Some(size), Some(infection), Some(granulation), Some(necrosis), Some(pocket)) => {
            let design_r = DesignR { depth, exudate, size, infection, granulation, necrosis, pocket };
            Ok(UlcerScore { design_r, total: design_r.total(), doubts })
        }
        _ => Err(UlcerIncomplete { parts }),
    }
}

/// Passes a class on, and names it when it is not there.
fn needed<T: DesignRItem>(class: Option<T>, missing: &mut Vec<&'static str>) -> Option<T> {
    if class.is_none() {
        missing.push(T::PART);
    }
    class
}

/// The class that the nurse chose. A word that this version does not know is no class.
fn chosen<T: DesignRItem>(n: u8, values: &Values) -> Option<T> {
    match values.get(&format!("ulcer.{n}.{}", T::PART)) {
        Some(FieldValue::Word(code)) => T::of_code(code),
        _ => None,
    }
}

/// Two lengths of an ulcer, when both are given.
fn extent(n: u8, values: &Values, length: &str, width: &str) -> Option<Extent> {
    let cm = |part: &str| number(values, &format!("ulcer.{n}.{part}"));
    Some(Extent { length_cm: cm(length)?, width_cm: cm(width)? })
}

fn size_of(n: u8, values: &Values, doubts: &mut Vec<Doubt>) -> Option<Size> {
    let chosen = chosen(n, values);
    let Some(ulcer) = extent(n, values, "length_cm", "width_cm") else { return chosen };
    let Some(measured) = size_class(ulcer.length_cm, ulcer.width_cm) else {
        doubts.push(Doubt::SizeNotUsable);
        return chosen;
    };
    if let Some(chosen) = chosen.filter(|chosen| *chosen != measured) {
        doubts.push(Doubt::SizeChosenOtherwise { chosen, measured });
    }
    Some(measured)
}

fn pocket_of(n: u8, values: &Values, doubts: &mut Vec<Doubt>) -> Option<Pocket> {
    let chosen = chosen(n, values);
    let outer = extent(n, values, "pocket_length_cm", "pocket_width_cm");
    let (Some(outer), Some(ulcer)) = (outer, extent(n, values, "length_cm", "width_cm")) else { return chosen };
    let Some(measured) = pocket_class(outer, ulcer) else {
        doubts.push(Doubt::PocketNotUsable);
        return chosen;
    };
    if let Some(chosen) = chosen.filter(|chosen| *chosen != measured) {
        doubts.push(Doubt::PocketChosenOtherwise { chosen, measured });
    }
    Some(measured)
}

/// Whether an ulcer is to be assessed today: at least weekly (R8 notices; domain §3.4), and at once when it never was.
pub fn assessment_due(last: Option<Date>, today: Date) -> bool {
    last.is_none_or(|last| (today - last).get_days() >= 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit_note::{Field, FieldKind};
    use jiff::civil::date;

    fn read(written: &str) -> Result<DesignR, DesignRError> {
        written.parse()
    }

    fn total(written: &str) -> Result<u8, DesignRError> {
        read(written).map(|design_r| design_r.total())
    }

    /// Ulcer 1, `D3-E6s6I3CG6n0p0` by choice alone, with changes.
    fn ulcer(changes: &[(&str, FieldValue)]) -> Values {
        let word = |code: &str| FieldValue::Word(code.into());
        let mut values: Values = [
            ("depth", "D3"),
            ("exudate", "E6"),
            ("size", "s6"),
            ("infection", "I3C"),
            ("granulation", "G6"),
            ("necrosis", "n0"),
            ("pocket", "p0"),
        ]
        .map(|(part, code)| (format!("ulcer.1.{part}"), word(code)))
        .into();
        values.extend(changes.iter().map(|(part, value)| (format!("ulcer.1.{part}"), value.clone())));
        values
    }

    fn cm(n: f64) -> FieldValue {
        FieldValue::Number(n)
    }

    #[test]
    fn at_d1_a_suspected_deep_tissue_injury_scores_sixteen() {
        assert_eq!(total("DDTI-e0S15i1g0n0p0"), Ok(16));
    }

    #[test]
    fn at_d2_suspected_critical_colonization_scores_twenty_one() {
        assert_eq!(total("D3-E6s6I3CG6n0p0"), Ok(21));
    }

    #[test]
    fn at_d3_one_hundred_square_centimetres_are_the_largest_class() {
        assert_eq!(size_class(10.0, 10.0), Some(Size::From100));
        assert_eq!(size_class(9.9, 10.1), Some(Size::Under100), "99.99");
    }

    #[test]
    fn at_d4_four_square_centimetres_are_no_longer_under_four() {
        assert_eq!(size_class(4.0, 1.0), Some(Size::Under16));
        assert_eq!(size_class(3.9, 1.0), Some(Size::Under4));
    }

    #[test]
    fn at_d5_all_maxima_make_sixty_six_and_the_depth_adds_nothing() {
        assert_eq!(total("D5-E6S15I9G6N6P24"), Ok(66));
        assert_eq!(total("d0-E6S15I9G6N6P24"), Ok(66));
        assert_eq!(total("d0-e0s0i0g0n0p0"), Ok(0));
    }

    #[test]
    fn every_class_carries_the_points_of_its_number() {
        fn check<T: DesignRItem>() {
            for class in T::ALL {
                let digits: String = class.code().chars().filter(char::is_ascii_digit).collect();
                assert_eq!(class.points().to_string(), digits, "{}", class.code());
                assert_eq!(T::of_code(class.code()).map(T::code), Some(class.code()));
            }
        }
        check::<Exudate>();
        check::<Size>();
        check::<Infection>();
        check::<Granulation>();
        check::<Necrosis>();
        check::<Pocket>();
        assert!(Depth::ALL.iter().all(|depth| depth.points() == 0));
        assert_eq!(choices::<Depth>(), "d0, d1, d2, D3, D4, D5, DDTI, DU");
        assert_eq!(choices::<Infection>(), "i0, i1, I3C, I3, I9");
    }

    #[test]
    fn the_form_offers_these_very_classes() {
        fn check<T: DesignRItem>() {
            let codes: Vec<_> = T::ALL.iter().map(|class| class.code()).collect();
            match Field::named(&format!("ulcer.9.{}", T::PART)).map(|field| field.kind) {
                Ok(FieldKind::Choice(offered)) => assert_eq!(offered, codes),
                other => panic!("{}: {other:?}", T::PART),
            }
        }
        check::<Depth>();
        check::<Exudate>();
        check::<Size>();
        check::<Infection>();
        check::<Granulation>();
        check::<Necrosis>();
        check::<Pocket>();
    }

    #[test]
    fn every_written_form_comes_back_as_it_was() {
        for written in ["DDTI-e0S15i1g0n0p0", "D3-E6s6I3CG6n0p0", "DU-e1s12I3G5N3P12", "d2-e3s9I9g3N6P9"] {
            assert_eq!(read(written).map(|design_r| design_r.to_string()), Ok(written.to_string()));
        }
    }

    #[test]
    fn blanks_hyphens_and_wide_keys_do_not_matter_and_a_right_total_may_follow() {
        for typed in [
            "D3E6s6I3CG6n0p0",
            " D3 - E6 s6 I3C G6 n0 p0 ",
            "D3ーE6s6I3CG6n0p0",
            "Ｄ３－Ｅ６ｓ６Ｉ３ＣＧ６ｎ０ｐ０",
            "D3-E6-s6-I3C-G6-n0-p0",
            "D3-E6s6I3CG6n0p0:21",
            "D3-E6s6I3CG6n0p0：２１点",
        ] {
            assert_eq!(read(typed), read("D3-E6s6I3CG6n0p0"), "{typed}");
        }
        assert_eq!(total("D3-E6s6I3CG6n0p0"), Ok(21), "the one they are compared with is read");
    }

    #[test]
    fn a_wrong_total_or_anything_else_behind_is_refused() {
        assert_eq!(read("D3-E6s6I3CG6n0p0:20点"), Err(DesignRError::OtherTotal { sum: 21 }));
        assert_eq!(read("D3-E6s6I3CG6n0p0x"), Err(DesignRError::SomethingAfter));
        assert_eq!(read("D3-E6s6I3CG6n0p0:"), Err(DesignRError::SomethingAfter));
    }

    #[test]
    fn capitals_count_and_the_refusal_names_the_item_but_not_what_was_typed() {
        for (typed, item) in [
            ("d3-E6s6I3CG6n0p0", "depth"),
            ("D3-e6s6I3CG6n0p0", "exudate"),
            ("D3-E6S6I3CG6n0p0", "size"),
            ("D3-E6s6i3CG6n0p0", "infection"),
            ("D3-E6s6I3CG3n0p0", "granulation"),
            ("D3-E6s6I3CG6n3p0", "necrosis"),
            ("D3-E6s6I3CG6n0p6", "pocket"),
            ("D3-E6s6I3CG6n0", "pocket"),
            ("仮山花子", "depth"),
        ] {
            match read(typed) {
                Err(error @ DesignRError::NotAnItem { part, .. }) => {
                    assert_eq!(part, item, "{typed}");
                    assert!(!error.to_string().contains("仮山"));
                }
                other => panic!("{typed}: {other:?}"),
            }
        }
    }

    #[test]
    fn each_size_begins_at_its_lower_bound() {
        for (length, width, class) in [
            (0.0, 0.0, "s0"),
            (0.1, 0.1, "s3"),
            (6.4, 2.5, "s8"),
            (3.99, 4.0, "s6"),
            (6.0, 6.0, "s9"),
            (5.9, 6.0, "s8"),
            (8.0, 8.0, "s12"),
            (7.9, 8.0, "s9"),
            (12.5, 8.0, "S15"),
        ] {
            assert_eq!(size_class(length, width).map(Size::code), Some(class), "{length} × {width}");
        }
        assert_eq!(size_class(5.0, 0.0), None, "one length of nothing is a slip");
        assert_eq!(size_class(-1.0, -5.0), None);
        assert_eq!(size_class(f64::NAN, 1.0), None);
    }

    #[test]
    fn a_pocket_is_its_outline_less_the_ulcer() {
        let of = |length_cm, width_cm| Extent { length_cm, width_cm };
        let ulcer = of(2.0, 2.0);
        for (outer, class) in [
            (of(0.0, 0.0), Some("p0")),
            (of(2.0, 2.0), Some("p0")),
            (of(7.9, 1.0), Some("P6")),
            (of(8.0, 1.0), Some("P9")),
            (of(5.0, 4.0), Some("P12")),
            (of(19.9, 1.0), Some("P9")),
            (of(8.0, 5.0), Some("P24")),
            (of(39.9, 1.0), Some("P12")),
            (of(1.0, 1.0), None),
            (of(3.0, 0.0), None),
        ] {
            assert_eq!(pocket_class(outer, ulcer).map(Pocket::code), class, "{outer:?}");
        }
    }

    #[test]
    fn an_ulcer_is_scored_from_the_choices_of_its_own_number() {
        let scored = of_ulcer(1, &ulcer(&[]));
        assert_eq!(scored.as_ref().map(|score| score.design_r.to_string()), Ok("D3-E6s6I3CG6n0p0".to_string()));
        assert_eq!(scored.map(|score| (score.total, score.doubts)), Ok((21, vec![])));
        assert_eq!(of_ulcer(2, &ulcer(&[])).map_err(|incomplete| incomplete.parts.len()), Err(7));
    }

    #[test]
    fn the_measure_wins_over_the_eye_and_says_so() {
        let values = ulcer(&[("length_cm", cm(10.0)), ("width_cm", cm(10.0))]);
        let doubt = Doubt::SizeChosenOtherwise { chosen: Size::Under16, measured: Size::From100 };
        assert_eq!(of_ulcer(1, &values).map(|score| (score.total, score.doubts)), Ok((30, vec![doubt])));

        let values = ulcer(&[("length_cm", cm(4.0)), ("width_cm", cm(1.0))]);
        assert_eq!(of_ulcer(1, &values).map(|score| (score.total, score.doubts)), Ok((21, vec![])));

        let values = ulcer(&[("length_cm", cm(10.0))]);
        assert_eq!(of_ulcer(1, &values).map(|score| (score.total, score.doubts)), Ok((21, vec![])), "one is no area");

        let values = ulcer(&[
            ("length_cm", cm(4.0)),
            ("width_cm", cm(1.0)),
            ("pocket_length_cm", cm(5.0)),
            ("pocket_width_cm", cm(4.0)),
        ]);
        let doubt = Doubt::PocketChosenOtherwise { chosen: Pocket::None, measured: Pocket::Under36 };
        assert_eq!(of_ulcer(1, &values).map(|score| (score.total, score.doubts)), Ok((33, vec![doubt])));
    }

    #[test]
    fn measures_that_cannot_be_right_are_not_counted_but_reported() {
        let values = ulcer(&[("length_cm", cm(4.0)), ("width_cm", cm(0.0))]);
        assert_eq!(of_ulcer(1, &values).map(|score| (score.total, score.doubts)), Ok((21, vec![Doubt::SizeNotUsable])));

        let values = ulcer(&[
            ("length_cm", cm(4.0)),
            ("width_cm", cm(1.0)),
            ("pocket_length_cm", cm(1.0)),
            ("pocket_width_cm", cm(1.0)),
        ]);
        assert_eq!(
            of_ulcer(1, &values).map(|score| (score.total, score.doubts)),
            Ok((21, vec![Doubt::PocketNotUsable]))
        );
    }

    #[test]
    fn an_item_that_is_not_there_hides_the_score_and_is_named() {
        let mut values = ulcer(&[("infection", FieldValue::Word("I3D".into()))]);
        values.remove("ulcer.1.size");
        values.remove("ulcer.1.pocket");
        let parts = vec!["size", "infection", "pocket"];
        assert_eq!(of_ulcer(1, &values), Err(UlcerIncomplete { parts }), "a later version's class is not guessed");
        values.insert("ulcer.1.length_cm".into(), cm(4.0));
        values.insert("ulcer.1.width_cm".into(), cm(1.0));
        assert_eq!(of_ulcer(1, &values), Err(UlcerIncomplete { parts: vec!["infection", "pocket"] }));
    }

    #[test]
    fn the_ulcers_of_a_note_are_those_with_anything_written() {
        let mut values = ulcer(&[]);
        values.insert("ulcer.3.site".into(), FieldValue::Word("仙骨部".into()));
        values.insert("ulcer.10.site".into(), FieldValue::Word("踵".into()));
        values.insert("temperature_c".into(), cm(36.5));
        assert_eq!(ulcers(&values), BTreeSet::from([1, 3]));
    }

    #[test]
    fn an_ulcer_is_assessed_at_least_weekly() {
        let today = date(2026, 12, 3);
        assert!(assessment_due(None, today), "never assessed");
        assert!(!assessment_due(Some(date(2026, 11, 27)), today), "six days, across the month");
        assert!(assessment_due(Some(date(2026, 11, 26)), today), "seven days");
        assert!(!assessment_due(Some(today), today));
    }
}
