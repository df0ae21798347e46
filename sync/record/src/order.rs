//! 訪問看護指示書: the doctor's order and how long it holds (domain §3.1, §3.2, §3.10). Warned about, never a reason to
//! refuse care.
//!
//! Everything here is told the day, the device's own, and works without a line. Whether that day can be trusted says
//! [`clock_doubt`].

mod clock;
mod on_day;

pub use clock::{CLOCK_TOLERANCE, ClockDoubt, HubContact, clock_doubt};
pub use on_day::{OrderedBound, OrderedBounds, Orders, PatientStanding};

use crate::ids::{DocumentId, FacilityId, PatientId};
use crate::visit_note::fields::{Field, FieldKind, FieldValue, NumberRange};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// 訪問看護指示書. Fields are stored and sent: add with a default, never rename.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NursingOrder {
    pub id: DocumentId,
    pub patient: PatientId,
    /// The ordering facility (主治医の医療機関).
    pub facility: FacilityId,
    pub station: FacilityId,
    pub from: Date,
    /// Last day, inclusive.
    pub until: Date,
    /// 特別訪問看護指示書: 14 days from issue, the first day counted.
    pub special: bool,
    /// 精神科訪問看護指示書; with `special` 精神科特別訪問看護指示書.
    #[serde(default)]
    pub psychiatric: bool,
    /// 在宅患者訪問点滴注射指示書: 7 days at most, beside an order and never instead of one.
    #[serde(default)]
    pub drip: bool,
    /// Bounds at which the doctor wants to hear of a vital sign, in place of the adult default (domain §4.1).
    #[serde(default)]
    pub alerts: Vec<VitalAlert>,
    /// COPD: the doctor's SpO₂ target is 88–92 % (NEWS2 scale 2; domain §4.2).
    #[serde(default)]
    pub spo2_target_88_92: bool,
    /// 発行日, where it was written down.
    #[serde(default)]
    pub issued_on: Option<Date>,
}

/// A bound by doctor's order: report at or below `low`, at or above `high`. A side that is left out keeps the adult
/// default: an order about fever must not silence the one about cold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VitalAlert {
    /// A measured field of the note, such as `spo2_percent`.
    pub field: String,
    #[serde(default)]
    pub low: Option<f64>,
    #[serde(default)]
    pub high: Option<f64>,
}

/// Why an order's period was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("the order ends before it begins; give --until on or after --from")]
    EndsBeforeItBegins,
    #[error("an order holds for at most 6 months (6か月以内); the latest end is {latest}")]
    LongerThanSixMonths { latest: Date },
    #[error("a special order (特別訪問看護指示書) holds for at most 14 days; the latest end is {latest}")]
    SpecialLongerThanFourteenDays { latest: Date },
    #[error("a drip order (在宅患者訪問点滴注射指示書) holds for at most 7 days; the latest end is {latest}")]
    DripLongerThanSevenDays { latest: Date },
    #[error(
        "two special orders (特別訪問看護指示書) of {year:04}-{month:02} are recorded already; a third in one month is never allowed: check their dates, or ask the doctor"
    )]
    ThirdSpecialInMonth { year: i16, month: i8 },
}

/// Why a written alert bound was refused. Never repeats what was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AlertError {
    #[error(
        "an alert is written FIELD=LOW..HIGH, such as spo2_percent=88..93; one side may be left empty, as in temperature_c=..38.5"
    )]
    Form,
    #[error("there is no measured field of that name; `note fields` of tsutsuji-device lists them with their units")]
    NotMeasured,
    #[error("{field} takes bounds from {low} to {high} {unit}")]
    OutOfRange { field: &'static str, unit: &'static str, low: f64, high: f64 },
    #[error("the lower bound of {field} must be below the upper one")]
    Reversed { field: &'static str },
}

/// How an order stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStanding {
    NotYet,
    Valid,
    /// 30 days or fewer are left (alerts at 30, 14, 7, 0 days).
    ExpiresSoon {
        days_left: i32,
    },
    Expired,
}

/// How loud the end of an order is announced (AT-O2): from 30, 14 and 7 days before its last day, and on that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    ThirtyDays,
    FourteenDays,
    SevenDays,
    /// 0 days are left: today is the last.
    LastDay,
}

/// The level for so many days left; none before the thirtieth, and none after the end: "expired" is a standing of its
/// own.
pub fn alert_level(days_left: i32) -> Option<AlertLevel> {
    match days_left {
        0 => Some(AlertLevel::LastDay),
        1..=7 => Some(AlertLevel::SevenDays),
        8..=14 => Some(AlertLevel::FourteenDays),
        15..=30 => Some(AlertLevel::ThirtyDays),
        _ => None,
    }
}

impl NursingOrder {
    /// 訪問看護指示書 as most are: not special, no bounds of its own.
    pub fn ordinary(
        id: DocumentId,
        patient: PatientId,
        facility: FacilityId,
        station: FacilityId,
        from: Date,
        until: Date,
    ) -> Self {
        Self {
            id,
            patient,
            facility,
            station,
            from,
            until,
            special: false,
            psychiatric: false,
            drip: false,
            alerts: Vec::new(),
            spo2_target_88_92: false,
            issued_on: None,
        }
    }

    /// Checks the period: six months at most (訪問看護指示書), fourteen days for a special order.
    pub fn check_period(from: Date, until: Date, special: bool) -> Result<(), OrderError> {
        if until < from {
            return Err(OrderError::EndsBeforeItBegins);
        }
        if special {
            let latest = from.saturating_add(13.days());
            if until > latest {
                return Err(OrderError::SpecialLongerThanFourteenDays { latest });
            }
        } else {
            let latest = last_day_of_six_months(from);
            if until > latest {
                return Err(OrderError::LongerThanSixMonths { latest });
            }
        }
        Ok(())
    }

    /// Checks the whole order's period: [`Self::check_period`], and seven days for a drip order.
    pub fn check(&self) -> Result<(), OrderError> {
        Self::check_period(self.from, self.until, self.special)?;
        let latest = self.from.saturating_add(6.days());
        if self.drip && self.until > latest {
            return Err(OrderError::DripLongerThanSevenDays { latest });
        }
        Ok(())
    }

    /// The form's title.
    pub fn title_ja(&self) -> &'static str {
        match (self.drip, self.psychiatric, self.special) {
            (true, _, _) => "在宅患者訪問点滴注射指示書",
            (false, true, true) => "精神科特別訪問看護指示書",
            (false, true, false) => "精神科訪問看護指示書",
            (false, false, true) => "特別訪問看護指示書",
            (false, false, false) => "訪問看護指示書",
        }
    }

    pub fn holds_on(&self, day: Date) -> bool {
        self.from <= day && day <= self.until
    }

    /// 発行日; where it was not written down the first day, from which a special order counts.
    pub fn issue_day(&self) -> Date {
        self.issued_on.unwrap_or(self.from)
    }

    pub fn standing_on(&self, day: Date) -> OrderStanding {
        if day < self.from {
            OrderStanding::NotYet
        } else if day > self.until {
            OrderStanding::Expired
        } else {
            let days_left = days_until(day, self.until);
            match alert_level(days_left) {
                Some(_) => OrderStanding::ExpiresSoon { days_left },
                None => OrderStanding::Valid,
            }
        }
    }

    /// An order on which visits rest by themselves: neither special nor for a drip.
    fn is_ordinary(&self) -> bool {
        !self.special && !self.drip
    }
}

/// The day before the same day six months on; where that month has no such day, its last one (31 August → 28 February).
fn last_day_of_six_months(from: Date) -> Date {
    let same_day = from.saturating_add(6.months());
    if same_day.day() == from.day() { same_day.saturating_sub(1.day()) } else { same_day }
}

fn days_until(day: Date, end: Date) -> i32 {
    day.until(end).map(|span| span.get_days()).unwrap_or(0)
}

impl VitalAlert {
    /// A bound on a measured field, within the range that the field takes.
    pub fn new(field: &str, low: Option<f64>, high: Option<f64>) -> Result<Self, AlertError> {
        let (field, range) = measured(field)?;
        let fits = |bound: &f64| (range.hard.0..=range.hard.1).contains(bound);
        if !low.iter().chain(&high).all(fits) {
            let (low, high) = range.hard;
            return Err(AlertError::OutOfRange { field: field.name, unit: range.unit, low, high });
        }
        match (low, high) {
            (None, None) => Err(AlertError::Form),
            (Some(low), Some(high)) if low >= high => Err(AlertError::Reversed { field: field.name }),
            _ => Ok(Self { field: field.name.to_string(), low, high }),
        }
    }
}

/// Numbers of the form that are agreed or judged, not measured.
const NOT_MEASURED: [&str; 2] = ["planned_minutes", "gaf"];

fn measured(name: &str) -> Result<(&'static Field, NumberRange), AlertError> {
    match Field::named(name).map(|field| (field, field.kind)) {
        Ok((field, FieldKind::Number(range))) if !NOT_MEASURED.contains(&field.name) => Ok((field, range)),
        _ => Err(AlertError::NotMeasured),
    }
}

/// `spo2_percent=88..93`, `temperature_c=..38.5`
impl FromStr for VitalAlert {
    type Err = AlertError;
    fn from_str(text: &str) -> Result<Self, AlertError> {
        let (name, bounds) = text.split_once('=').ok_or(AlertError::Form)?;
        let (low, high) = bounds.split_once("..").ok_or(AlertError::Form)?;
        let (field, range) = measured(name.trim())?;
        let bound = |typed: &str| match typed.trim() {
            "" => Ok(None),
            // A number as a nurse types it, full width and all, and rounded as the value it is compared with.
            typed => match field.parse(typed, Date::default()) {
                Ok(FieldValue::Number(value)) => Ok(Some(value)),
                Err(crate::visit_note::FieldError::OutOfRange { low, high, .. }) => {
                    Err(AlertError::OutOfRange { field: field.name, unit: range.unit, low, high })
                }
                _ => Err(AlertError::Form),
            },
        };
        Self::new(field.name, bound(low)?, bound(high)?)
    }
}

impl fmt::Display for VitalAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.field)?;
        self.low.map_or(Ok(()), |low| write!(f, "{low}"))?;
        f.write_str("..")?;
        self.high.map_or(Ok(()), |high| write!(f, "{high}"))
    }
}

/// Why a second special order in one month is allowed (domain §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpecialExemption {
    /// 気管カニューレを使用している状態
    Cannula,
    /// 真皮を越える褥瘡の状態
    UlcerBeyondDermis,
}

/// A second special order in one month without a reason that allows it. A warning: the order is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialWarning {
    pub earlier: DocumentId,
    pub earlier_issued_on: Date,
}

impl fmt::Display for SpecialWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this is the second special order (特別訪問看護指示書) of the month, after the one of {}; a second one needs a tracheal cannula or a pressure ulcer beyond the dermis: check with the doctor",
            self.earlier_issued_on
        )
    }
}

/// AT-O4: a special order is issued once in a calendar month; twice with a tracheal cannula or a pressure ulcer beyond
/// the dermis, else with a warning; a third time never. `existing` are the patient's orders without the new one; it
/// counts in the month of its issue, wherever it ends.
pub fn check_special(
    existing: &[NursingOrder],
    new_from: Date,
    exemption: Option<SpecialExemption>,
) -> Result<Option<SpecialWarning>, OrderError> {
    let month = |day: Date| (day.year(), day.month());
    let same_month = existing.iter().filter(|order| order.special && month(order.issue_day()) == month(new_from));
    // One form that goes to two stations stands here twice.
    let earlier: BTreeMap<_, _> = same_month.map(|o| ((o.issue_day(), &o.facility, o.from, o.until), o.id)).collect();
    let mut earlier = earlier.into_iter();
    match (earlier.next(), earlier.next()) {
        (None, _) => Ok(None),
        (Some(_), None) if exemption.is_some() => Ok(None),
        (Some(((earlier_issued_on, ..), earlier)), None) => Ok(Some(SpecialWarning { earlier, earlier_issued_on })),
        (Some(_), Some(_)) => {
            let (year, month) = month(new_from);
            Err(OrderError::ThirdSpecialInMonth { year, month })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use jiff::{SignedDuration, Timestamp};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn order(n: u8, facility: &str, from: Date, until: Date) -> Result<NursingOrder, crate::ids::IdError> {
        let (patient, facility, station) = ("p-1".parse()?, facility.parse()?, "st-1".parse()?);
        Ok(NursingOrder::ordinary(DocumentId([n; 16]), patient, facility, station, from, until))
    }

    fn special(n: u8, from: Date) -> Result<NursingOrder, crate::ids::IdError> {
        Ok(NursingOrder { special: true, ..order(n, "tsubaki", from, from.saturating_add(13.days()))? })
    }

    #[test]
    fn at_o1_an_order_holds_for_six_months_at_most() {
        assert_eq!(NursingOrder::check_period(date(2026, 1, 1), date(2026, 6, 30), false), Ok(()));
        assert_eq!(
            NursingOrder::check_period(date(2026, 1, 1), date(2026, 7, 1), false),
            Err(OrderError::LongerThanSixMonths { latest: date(2026, 6, 30) })
        );
        assert!(OrderError::LongerThanSixMonths { latest: date(2026, 6, 30) }.to_string().contains("6か月以内"));
    }

    #[test]
    fn at_o1_six_months_from_the_31st_end_with_a_short_month_and_not_a_day_before() {
        assert_eq!(NursingOrder::check_period(date(2026, 8, 31), date(2027, 2, 28), false), Ok(()));
        assert!(NursingOrder::check_period(date(2026, 8, 31), date(2027, 3, 1), false).is_err());
        assert!(NursingOrder::check_period(date(2026, 8, 28), date(2027, 2, 28), false).is_err());
    }

    #[test]
    fn at_o2_the_end_is_announced_at_30_14_7_and_0_days() {
        use AlertLevel::*;
        for (days_left, level) in [
            (31, None),
            (30, Some(ThirtyDays)),
            (15, Some(ThirtyDays)),
            (14, Some(FourteenDays)),
            (8, Some(FourteenDays)),
            (7, Some(SevenDays)),
            (1, Some(SevenDays)),
            (0, Some(LastDay)),
            (-1, None),
        ] {
            assert_eq!(alert_level(days_left), level, "{days_left}");
        }
    }

    #[test]
    fn at_o2_an_order_warns_from_its_thirtieth_last_day_and_is_over_the_day_after_its_last() -> Outcome {
        let order = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 30))?;
        assert_eq!(order.standing_on(date(2026, 5, 31)), OrderStanding::NotYet);
        assert_eq!(order.standing_on(date(2026, 10, 30)), OrderStanding::Valid);
        assert_eq!(order.standing_on(date(2026, 10, 31)), OrderStanding::ExpiresSoon { days_left: 30 });
        assert_eq!(order.standing_on(date(2026, 11, 30)), OrderStanding::ExpiresSoon { days_left: 0 });
        assert_eq!(order.standing_on(date(2026, 12, 1)), OrderStanding::Expired);
        Ok(())
    }

    #[test]
    fn at_o2_a_patient_with_old_orders_only_is_expired_since_the_last_of_them() -> Outcome {
        let old = [
            order(1, "tsubaki", date(2026, 1, 1), date(2026, 3, 31))?,
            order(2, "yanagi", date(2026, 2, 1), date(2026, 6, 30))?,
        ];
        let now = Orders::on(&old, date(2026, 7, 1));
        assert_eq!(now.standing, PatientStanding::Expired { ended: date(2026, 6, 30) });
        assert_eq!((now.holding.len(), now.overlapping), (0, false));
        assert_eq!(Orders::on(&[], date(2026, 7, 1)).standing, PatientStanding::NoOrder);
        let early = Orders::on(&old[..1], date(2025, 12, 31)).standing;
        assert_eq!(early, PatientStanding::NotYet { begins: date(2026, 1, 1) });
        Ok(())
    }

    #[test]
    fn at_o2_nobody_is_warned_of_an_order_that_is_renewed_without_a_gap() -> Outcome {
        let first = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 30))?;
        let next = |from| order(2, "tsubaki", from, date(2027, 5, 31));
        let day = date(2026, 11, 25);
        let holds = |until, days_left, alert| PatientStanding::Holds { until, days_left, alert };
        let renewed = Orders::on(&[next(date(2026, 12, 1))?, first.clone()], day);
        assert_eq!(renewed.standing, holds(date(2027, 5, 31), 187, None));
        assert_eq!(renewed.holding.len(), 1);
        let gap = Orders::on(&[first, next(date(2026, 12, 2))?], day);
        assert_eq!(gap.standing, holds(date(2026, 11, 30), 5, Some(AlertLevel::SevenDays)));
        Ok(())
    }

    #[test]
    fn at_o3_a_special_order_counts_fourteen_days_across_the_month() -> Outcome {
        assert_eq!(NursingOrder::check_period(date(2026, 3, 25), date(2026, 4, 7), true), Ok(()));
        assert!(NursingOrder::check_period(date(2026, 3, 25), date(2026, 4, 8), true).is_err());
        let orders = [order(1, "tsubaki", date(2026, 1, 1), date(2026, 6, 30))?, special(2, date(2026, 3, 25))?];
        assert_eq!(Orders::on(&orders, date(2026, 4, 7)).special_until, Some(date(2026, 4, 7)));
        assert!(!Orders::on(&orders, date(2026, 4, 8)).is_special());
        assert!(!Orders::on(&orders, date(2026, 4, 7)).special_without_order);
        assert!(Orders::on(&orders[1..], date(2026, 4, 7)).special_without_order);
        Ok(())
    }

    #[test]
    fn a_drip_order_holds_seven_days_and_stands_for_no_other_order() -> Outcome {
        let mut drip = order(3, "tsubaki", date(2026, 11, 20), date(2026, 11, 26))?;
        drip.drip = true;
        assert_eq!(drip.check(), Ok(()));
        let ended = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 21))?;
        let now = Orders::on(&[drip.clone(), ended], date(2026, 11, 22));
        assert_eq!(now.standing, PatientStanding::Expired { ended: date(2026, 11, 21) });
        assert_eq!((now.drip_until, now.holding.len()), (Some(date(2026, 11, 26)), 1));
        drip.until = date(2026, 11, 27);
        assert_eq!(drip.check(), Err(OrderError::DripLongerThanSevenDays { latest: date(2026, 11, 26) }));
        Ok(())
    }

    #[test]
    fn at_o4_a_second_special_order_in_a_month_warns_unless_exempt_and_a_third_is_refused() -> Outcome {
        let (first, second) = (special(1, date(2026, 11, 2))?, special(2, date(2026, 11, 17))?);
        let day = date(2026, 11, 30);
        assert_eq!(check_special(&[], day, None), Ok(None));
        let warning = SpecialWarning { earlier: first.id, earlier_issued_on: date(2026, 11, 2) };
        assert_eq!(check_special(std::slice::from_ref(&first), day, None), Ok(Some(warning)));
        let two = [first, second];
        for exemption in [SpecialExemption::Cannula, SpecialExemption::UlcerBeyondDermis] {
            assert_eq!(check_special(&two[..1], day, Some(exemption)), Ok(None));
            assert_eq!(
                check_special(&two, day, Some(exemption)),
                Err(OrderError::ThirdSpecialInMonth { year: 2026, month: 11 })
            );
        }
        assert!(check_special(&two, day, None).is_err());
        Ok(())
    }

    #[test]
    fn at_o4_the_month_is_that_of_the_issue_and_only_special_orders_count() -> Outcome {
        let over_the_month = special(1, date(2026, 3, 25))?;
        let ordinary = order(2, "tsubaki", date(2026, 4, 1), date(2026, 9, 30))?;
        let last_year = special(3, date(2025, 4, 10))?;
        let existing = [over_the_month, ordinary, last_year];
        assert_eq!(check_special(&existing, date(2026, 4, 10), None), Ok(None));
        let issued = NursingOrder { issued_on: Some(date(2026, 4, 30)), ..special(4, date(2026, 5, 1))? };
        assert!(matches!(check_special(&[issued], date(2026, 4, 10), None), Ok(Some(_))));
        Ok(())
    }

    #[test]
    fn at_o4_one_form_for_two_stations_is_one_special_order() -> Outcome {
        let first = special(1, date(2026, 11, 2))?;
        let other_station = NursingOrder { id: DocumentId([2; 16]), station: "st-2".parse()?, ..first.clone() };
        assert!(matches!(check_special(&[first, other_station], date(2026, 11, 20), None), Ok(Some(_))));
        Ok(())
    }

    #[test]
    fn at_o5_orders_of_two_hospitals_are_both_there_and_said_to_overlap() -> Outcome {
        let ours = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 30))?;
        let theirs = order(2, "yanagi", date(2026, 11, 1), date(2027, 4, 30))?;
        let both = [ours.clone(), theirs.clone()];
        let now = Orders::on(&both, date(2026, 11, 22));
        assert_eq!(now.holding, [theirs.clone(), ours]);
        assert!(now.overlapping);
        let later = Orders::on(&both, date(2026, 12, 1));
        assert_eq!((later.holding, later.overlapping), (vec![theirs], false));
        let with_special =
            [order(3, "tsubaki", date(2026, 11, 1), date(2027, 4, 30))?, special(4, date(2026, 11, 20))?];
        assert!(!Orders::on(&with_special, date(2026, 11, 22)).overlapping, "one hospital's two orders are one voice");
        Ok(())
    }

    #[test]
    fn at_o5_where_two_doctors_disagree_the_stricter_bound_of_each_side_stands_with_its_order() -> Outcome {
        let mut ours = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 30))?;
        ours.alerts = vec!["spo2_percent=88..96".parse()?, "temperature_c=..38.5".parse()?];
        ours.spo2_target_88_92 = true;
        let mut theirs = order(2, "yanagi", date(2026, 11, 1), date(2027, 4, 30))?;
        theirs.alerts = vec!["spo2_percent=90..98".parse()?];
        theirs.psychiatric = true;
        let now = Orders::on(&[ours.clone(), theirs.clone()], date(2026, 11, 22));
        let spo2 = now.alert("spo2_percent").ok_or("both name it")?;
        assert_eq!(spo2.low, Some(OrderedBound { value: 90.0, order: theirs.id }));
        assert_eq!(spo2.high, Some(OrderedBound { value: 96.0, order: ours.id }));
        assert!(spo2.disputed && now.spo2_target_88_92 && now.psychiatric);
        let temperature = now.alert("temperature_c").ok_or("one names it")?;
        assert!(!temperature.disputed);
        // An order that is over says nothing any more.
        let later = Orders::on(&[ours, theirs], date(2026, 12, 1));
        assert_eq!(later.alerts.len(), 1);
        assert!(!later.spo2_target_88_92 && !later.alerts[0].disputed);
        Ok(())
    }

    #[test]
    fn an_ordered_bound_replaces_the_adult_default_and_the_side_left_out_keeps_it() -> Outcome {
        use crate::vitals::{Standing, standing};
        let mut order = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 30))?;
        order.alerts = vec!["temperature_c=..38.5".parse()?];
        let holds = Orders::on(std::slice::from_ref(&order), date(2026, 11, 22)).alert_bounds();
        let over = Orders::on(&[order], date(2026, 12, 1)).alert_bounds();
        assert_eq!(standing("temperature_c", 38.2, &holds), Standing::Calm);
        assert_eq!(standing("temperature_c", 38.5, &holds), Standing::Alert);
        assert_eq!(standing("temperature_c", 34.9, &holds), Standing::Alert);
        assert_eq!(standing("temperature_c", 38.2, &over), Standing::Alert);
        Ok(())
    }

    #[test]
    fn an_alert_is_read_as_written_on_paper_and_refused_without_repeating_it() {
        let read = |text: &str| text.parse::<VitalAlert>().map(|alert| alert.to_string());
        assert_eq!(read("spo2_percent=８８..93"), Ok("spo2_percent=88..93".to_string()));
        assert_eq!(read("temperature_c= .. 38.5"), Ok("temperature_c=..38.5".to_string()));
        assert_eq!(read("pulse_bpm=50.."), Ok("pulse_bpm=50..".to_string()));
        for form in ["spo2_percent", "spo2_percent=88", "spo2_percent=..", "spo2_percent=仮山..93", "pulse_bpm=nan.."]
        {
            assert_eq!(read(form), Err(AlertError::Form), "{form}");
        }
        for other in ["仮山=1..2", "condition=1..2", "payer=1..2", "planned_minutes=1..2", "consciousness_jcs=1..2"] {
            assert_eq!(read(other), Err(AlertError::NotMeasured), "{other}");
        }
        assert!(matches!(read("spo2_percent=8..93"), Err(AlertError::OutOfRange { .. })));
        assert!(matches!(read("spo2_percent=93..93"), Err(AlertError::Reversed { .. })));
    }

    #[test]
    fn at_o6_clocks_that_differ_by_more_than_five_minutes_are_doubted_with_their_offset() -> Outcome {
        let at = |text: &str| text.parse::<Timestamp>();
        let now = at("2026-11-22T09:00:00Z")?;
        assert_eq!(clock_doubt(now, None), None);
        let contact =
            |device: &str| Ok::<_, jiff::Error>(HubContact { device: at(device)?, hub: at("2026-11-21T08:00:00Z")? });
        assert_eq!(clock_doubt(now, Some(contact("2026-11-21T08:05:00Z")?)), None);
        assert_eq!(
            clock_doubt(now, Some(contact("2026-11-21T08:05:01Z")?)),
            Some(ClockDoubt::Differs { ahead: SignedDuration::from_secs(301) })
        );
        assert_eq!(
            clock_doubt(now, Some(contact("2026-11-21T07:50:00Z")?)),
            Some(ClockDoubt::Differs { ahead: SignedDuration::from_mins(-10) })
        );
        Ok(())
    }

    #[test]
    fn at_o6_a_clock_that_was_set_back_since_the_last_contact_is_doubted() -> Outcome {
        let contact: Timestamp = "2026-11-21T08:00:00Z".parse()?;
        let last = Some(HubContact { device: contact, hub: contact });
        assert_eq!(clock_doubt(contact, last), None);
        let three_days_back = "2026-11-18T08:00:00Z".parse()?;
        assert_eq!(
            clock_doubt(three_days_back, last),
            Some(ClockDoubt::SetBack { by: SignedDuration::from_hours(72) })
        );
        Ok(())
    }

    #[test]
    fn an_order_that_was_stored_before_these_fields_still_reads() -> Outcome {
        #[derive(Serialize)]
        struct Stored {
            id: DocumentId,
            patient: PatientId,
            facility: FacilityId,
            station: FacilityId,
            from: Date,
            until: Date,
            special: bool,
        }
        let o = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 30))?;
        let old = Stored {
            id: o.id,
            patient: o.patient.clone(),
            facility: o.facility.clone(),
            station: o.station.clone(),
            from: o.from,
            until: o.until,
            special: o.special,
        };
        assert_eq!(crate::canonical::from_bytes::<NursingOrder>(&crate::canonical::to_bytes(&old)?)?, o);
        let new = NursingOrder { alerts: vec!["spo2_percent=88..".parse()?], psychiatric: true, ..o };
        assert_eq!(crate::canonical::from_bytes::<NursingOrder>(&crate::canonical::to_bytes(&new)?)?, new);
        Ok(())
    }

    #[test]
    fn the_title_is_the_forms() -> Outcome {
        let plain = order(1, "tsubaki", date(2026, 6, 1), date(2026, 11, 30))?;
        assert_eq!(plain.title_ja(), "訪問看護指示書");
        let both = NursingOrder { psychiatric: true, special: true, ..plain.clone() };
        assert_eq!(both.title_ja(), "精神科特別訪問看護指示書");
        assert_eq!(NursingOrder { drip: true, ..plain }.title_ja(), "在宅患者訪問点滴注射指示書");
        Ok(())
    }
}
