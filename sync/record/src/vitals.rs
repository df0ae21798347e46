//! バイタル: what a measured value deserves beside it, and how it went before (domain §4.1).
//!
//! Three kinds of rule, kept apart:
//! - **hard and soft ranges** belong to the field (`visit_note::fields`) and hold for everybody;
//! - **alert bounds** are the adult defaults of the field, replaced side by side by what the physician ordered for this
//!   patient ([`AlertBounds`]);
//! - **relative rules** look at the visits before ([`asks`]).
//!
//! Nothing here refuses a value or blocks a record.

use crate::visit_note::fields::{is_alert, is_unusual};
use crate::visit_note::{Field, FieldKind, FieldValue, NumberRange};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A note's values, field by field.
pub type Values = BTreeMap<String, FieldValue>;

/// A number that stands in a note. Blank, 測定せず and a word are none.
pub(crate) fn number(values: &Values, field: &str) -> Option<f64> {
    match values.get(field) {
        Some(FieldValue::Number(n)) if n.is_finite() => Some(*n),
        _ => None,
    }
}

/// Bounds ordered for one patient: report at or below `low`, at or above `high`. A side left open keeps the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// One patient's bounds, by field.
pub type AlertBounds = BTreeMap<String, Bounds>;

/// What a value deserves beside it, most urgent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Calm,
    /// 値を確かめる: possible, but rare.
    Unusual,
    /// 報告基準
    Alert,
}

/// How one value stands. Alert wins over unusual: a question about typing must not hide a report. By the adult
/// defaults every unusual value is an alert as well, so a screen that wants to ask "is this right?" beside the alert
/// also asks [`is_unusual`].
pub fn standing(field: &str, value: f64, bounds: &AlertBounds) -> Standing {
    let Ok(Field { kind: FieldKind::Number(range), .. }) = Field::named(field) else { return Standing::Calm };
    let range = NumberRange { alert: alert_bounds(range, bounds.get(field)), ..*range };
    if is_alert(&range, value) {
        Standing::Alert
    } else if is_unusual(&range, value) {
        Standing::Unusual
    } else {
        Standing::Calm
    }
}

/// The bounds that hold for this patient. A bound that is no number (NaN) would silence the alert: the default stays.
fn alert_bounds(range: &NumberRange, ordered: Option<&Bounds>) -> (f64, f64) {
    let ordered = ordered.copied().unwrap_or_default();
    let side = |ordered: Option<f64>, default: f64| ordered.filter(|bound| !bound.is_nan()).unwrap_or(default);
    (side(ordered.low, range.alert.0), side(ordered.high, range.alert.1))
}

/// A visit before the one that is being written.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    pub on: Date,
    pub values: &'a Values,
}

/// Something that only shows against other values or days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// 5 % or more from the last weight, up or down. Is it right?
    WeightFarFromLast { percent: f64, days: i32 },
    /// 2 kg or more within a week.
    WeightGained { kg: f64, days: i32 },
    /// Clear when last judged, no longer so.
    ConsciousnessNewlyAltered,
    /// 3 days or more since the last stool.
    NoStool { days: i32 },
    /// 血圧(下) is not below 血圧(上). The form refuses it, but two devices can bring the halves together.
    PressuresReversed,
}

impl Ask {
    /// The field that it is shown beside.
    pub fn field(&self) -> &'static str {
        match self {
            Ask::WeightFarFromLast { .. } | Ask::WeightGained { .. } => "weight_kg",
            Ask::ConsciousnessNewlyAltered => "consciousness_jcs",
            Ask::NoStool { .. } => "stool.last_on",
            Ask::PressuresReversed => "diastolic_mmhg",
        }
    }

    pub fn standing(&self) -> Standing {
        match self {
            Ask::WeightFarFromLast { .. } | Ask::PressuresReversed => Standing::Unusual,
            Ask::WeightGained { .. } | Ask::ConsciousnessNewlyAltered | Ask::NoStool { .. } => Standing::Alert,
        }
    }
}

/// The relative rules for a note of the visit on `day`. `earlier` are the patient's visits before it, in any order; of
/// two on one day the later in the list counts. Each rule takes the last visit at which its item was taken, not merely
/// the last visit: a weight that was skipped once is still compared. One week of visits is enough for the gain in
/// weight, which otherwise hides in small steps between visits.
pub fn asks(values: &Values, day: Date, earlier: &[Earlier<'_>]) -> Vec<Ask> {
    let mut before: Vec<_> = earlier.iter().filter(|visit| visit.on <= day).collect();
    before.sort_by_key(|visit| visit.on);
    [
        pressures_reversed(values),
        weight_far_from_last(values, day, &before),
        weight_gained(values, day, &before),
        consciousness_newly_altered(values, &before),
        no_stool(values, day),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

fn pressures_reversed(values: &Values) -> Option<Ask> {
    let (upper, lower) = (number(values, "systolic_mmhg")?, number(values, "diastolic_mmhg")?);
    (lower >= upper).then_some(Ask::PressuresReversed)
}

/// 体重 in its own step of 0.1 kg, so that 2 kg is not 1.999….
fn weight_tenths(values: &Values) -> Option<i64> {
    number(values, "weight_kg").map(|kg| (kg * 10.0).round() as i64).filter(|tenths| *tenths > 0)
}

fn weight_far_from_last(values: &Values, day: Date, before: &[&Earlier<'_>]) -> Option<Ask> {
    let now = weight_tenths(values)?;
    let (on, last) = before.iter().rev().find_map(|visit| Some((visit.on, weight_tenths(visit.values)?)))?;
    let change = now - last;
    (change.abs() * 20 >= last).then(|| Ask::WeightFarFromLast {
        percent: (change as f64 * 1_000.0 / last as f64).round() / 10.0,
        days: days_between(on, day),
    })
}

fn weight_gained(values: &Values, day: Date, before: &[&Earlier<'_>]) -> Option<Ask> {
    let now = weight_tenths(values)?;
    before
        .iter()
        .filter(|visit| days_between(visit.on, day) <= 7)
        .filter_map(|visit| Some((now - weight_tenths(visit.values)?, visit.on)))
        .filter(|(gained, _)| *gained >= 20)
        .max()
        .map(|(gained, on)| Ask::WeightGained { kg: gained as f64 / 10.0, days: days_between(on, day) })
}

/// Whether either scale says that a person is not fully clear; none when neither was judged.
fn is_altered(values: &Values) -> Option<bool> {
    let jcs = number(values, "consciousness_jcs").map(|step| step >= 1.0);
    let acvpu = match values.get("consciousness_acvpu") {
        Some(FieldValue::Word(letter)) => Some(letter != "A"),
        _ => None,
    };
    match (jcs, acvpu) {
        (Some(jcs), Some(acvpu)) => Some(jcs || acvpu),
        (one, other) => one.or(other),
    }
}

fn consciousness_newly_altered(values: &Values, before: &[&Earlier<'_>]) -> Option<Ask> {
    let last = before.iter().rev().find_map(|visit| is_altered(visit.values))?;
    (is_altered(values)? && !last).then_some(Ask::ConsciousnessNewlyAltered)
}

fn no_stool(values: &Values, day: Date) -> Option<Ask> {
    let last = match values.get("stool.last_on")? {
        FieldValue::Date(date) => *date,
        // A note that came over a wire holds its dates as words.
        FieldValue::Word(word) => word.parse().ok()?,
        _ => return None,
    };
    let days = days_between(last, day);
    (days >= 3).then_some(Ask::NoStool { days })
}

/// One visit on a trend line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrendPoint<'a> {
    pub at: Timestamp,
    /// None is a gap: blank, or not measured. Never drawn as zero.
    pub value: Option<f64>,
    /// Why it was not measured, where the nurse said so.
    pub unmeasured: Option<&'a str>,
}

/// The course of one field over some notes, oldest first, one point a note.
pub fn trend<'a>(field: &str, notes: &[(Timestamp, &'a Values)]) -> Vec<TrendPoint<'a>> {
    let mut points: Vec<_> = notes
        .iter()
        .map(|(at, values)| {
            let values: &'a Values = values;
            let unmeasured = match values.get(field) {
                Some(FieldValue::Unmeasured(reason)) => Some(reason.as_str()),
                _ => None,
            };
            TrendPoint { at: *at, value: number(values, field), unmeasured }
        })
        .collect();
    points.sort_by_key(|point| point.at);
    points
}

/// The runs without a gap: each is one line to draw (one point alone is a dot).
pub fn segments<'p, 'a>(points: &'p [TrendPoint<'a>]) -> Vec<&'p [TrendPoint<'a>]> {
    points.split(|point| point.value.is_none()).filter(|run| !run.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const DAY: Date = date(2026, 12, 3);

    fn note(values: &[(&str, FieldValue)]) -> Values {
        values.iter().map(|(field, value)| (field.to_string(), value.clone())).collect()
    }

    fn of(field: &str, n: f64) -> Values {
        note(&[(field, FieldValue::Number(n))])
    }

    fn skipped(field: &str) -> Values {
        note(&[(field, FieldValue::Unmeasured("拒否".into()))])
    }

    fn days_before<'a>(values: &'a Values, days: i64) -> Earlier<'a> {
        let on = DAY.checked_sub(jiff::Span::new().days(days));
        Earlier { on: on.unwrap_or(Date::MIN), values }
    }

    #[test]
    fn without_an_order_the_adult_bounds_hold() {
        let none = AlertBounds::new();
        for (field, value, expected) in [
            ("spo2_percent", 94.0, Standing::Calm),
            ("spo2_percent", 93.0, Standing::Alert),
            ("temperature_c", 37.9, Standing::Calm),
            ("temperature_c", 38.0, Standing::Alert),
            ("temperature_c", 35.0, Standing::Alert),
            ("weight_kg", 48.0, Standing::Calm),
            ("no_such_field", 1.0, Standing::Calm),
        ] {
            assert_eq!(standing(field, value, &none), expected, "{field} {value}");
        }
    }

    #[test]
    fn a_patients_bound_replaces_the_default_of_its_own_side_only() {
        let pulse = AlertBounds::from([("pulse_bpm".into(), Bounds { low: Some(40.0), high: None })]);
        assert_eq!(standing("pulse_bpm", 50.0, &pulse), Standing::Calm, "an alert by default");
        assert_eq!(standing("pulse_bpm", 40.0, &pulse), Standing::Alert);
        assert_eq!(standing("pulse_bpm", 111.0, &pulse), Standing::Alert, "the other side keeps its default");
        assert_eq!(standing("spo2_percent", 93.0, &pulse), Standing::Alert, "another field keeps its own");

        let copd = AlertBounds::from([("spo2_percent".into(), Bounds { low: Some(87.0), high: Some(97.0) })]);
        assert_eq!(standing("spo2_percent", 88.0, &copd), Standing::Calm);
        assert_eq!(standing("spo2_percent", 87.0, &copd), Standing::Alert);
        assert_eq!(standing("spo2_percent", 97.0, &copd), Standing::Alert, "a side that had no default");
    }

    #[test]
    fn a_patients_bound_never_moves_the_soft_range_and_never_hides_behind_it() {
        let low = AlertBounds::from([("spo2_percent".into(), Bounds { low: Some(80.0), high: None })]);
        assert_eq!(standing("spo2_percent", 84.0, &low), Standing::Unusual);
        assert_eq!(standing("spo2_percent", 85.0, &low), Standing::Calm);
        assert_eq!(standing("spo2_percent", 80.0, &low), Standing::Alert);
    }

    #[test]
    fn a_bound_that_is_no_number_does_not_silence_the_default() {
        let broken = AlertBounds::from([("pulse_bpm".into(), Bounds { low: Some(f64::NAN), high: Some(f64::NAN) })]);
        assert_eq!(standing("pulse_bpm", 50.0, &broken), Standing::Alert);
        assert_eq!(standing("pulse_bpm", 111.0, &broken), Standing::Alert);
    }

    #[test]
    fn five_percent_from_the_last_weight_is_asked_about_either_way() {
        let last = of("weight_kg", 60.0);
        let asked = |kg: f64| asks(&of("weight_kg", kg), DAY, &[days_before(&last, 30)]);
        assert_eq!(asked(57.1), []);
        assert_eq!(asked(57.0), [Ask::WeightFarFromLast { percent: -5.0, days: 30 }]);
        assert_eq!(asked(62.9), []);
        assert_eq!(asked(63.0), [Ask::WeightFarFromLast { percent: 5.0, days: 30 }]);
    }

    #[test]
    fn a_weight_is_compared_with_the_last_one_taken_even_if_a_visit_went_without() {
        let (old, last, without) = (of("weight_kg", 50.0), of("weight_kg", 60.0), skipped("weight_kg"));
        let earlier = [days_before(&without, 10), days_before(&old, 60), days_before(&last, 30)];
        assert_eq!(asks(&of("weight_kg", 60.5), DAY, &earlier), []);
        assert_eq!(asks(&of("weight_kg", 50.0), DAY, &earlier), [Ask::WeightFarFromLast { percent: -16.7, days: 30 }]);
        assert_eq!(asks(&without, DAY, &earlier), []);
        assert_eq!(asks(&of("weight_kg", 60.0), DAY, &[]), []);
    }

    #[test]
    fn two_kilograms_within_a_week_are_an_alert_even_in_small_steps() {
        let (start, middle) = (of("weight_kg", 60.1), of("weight_kg", 61.2));
        let gained =
            |kg: f64, days: i64| asks(&of("weight_kg", kg), DAY, &[days_before(&start, days), days_before(&middle, 3)]);
        assert_eq!(gained(62.0, 7), []);
        assert_eq!(gained(62.1, 7), [Ask::WeightGained { kg: 2.0, days: 7 }]);
        assert_eq!(gained(62.1, 8), []);
        assert_eq!(asks(&of("weight_kg", 58.1), DAY, &[days_before(&start, 7)]), [], "a loss is no gain");
        assert_eq!(Ask::WeightGained { kg: 2.0, days: 7 }.standing(), Standing::Alert);
    }

    #[test]
    fn consciousness_that_was_clear_and_no_longer_is_is_an_alert() {
        let (clear, drowsy) = (of("consciousness_jcs", 0.0), of("consciousness_jcs", 10.0));
        let altered = [Ask::ConsciousnessNewlyAltered];
        assert_eq!(asks(&of("consciousness_jcs", 1.0), DAY, &[days_before(&clear, 3)]), altered);
        assert_eq!(asks(&clear, DAY, &[days_before(&clear, 3)]), []);
        assert_eq!(asks(&drowsy, DAY, &[days_before(&clear, 6), days_before(&drowsy, 3)]), [], "not newly");
        assert_eq!(asks(&drowsy, DAY, &[]), [], "nothing to compare with");
        let without = skipped("consciousness_jcs");
        assert_eq!(asks(&drowsy, DAY, &[days_before(&clear, 6), days_before(&without, 3)]), altered);
        let voice = note(&[("consciousness_acvpu", FieldValue::Word("V".into()))]);
        assert_eq!(asks(&voice, DAY, &[days_before(&clear, 3)]), altered, "the letter tells it as well");
    }

    #[test]
    fn three_days_without_stool_are_an_alert_and_a_blank_is_not() {
        let last_on = |on: Date| asks(&note(&[("stool.last_on", FieldValue::Date(on))]), DAY, &[]);
        assert_eq!(last_on(date(2026, 12, 1)), []);
        assert_eq!(last_on(date(2026, 11, 30)), [Ask::NoStool { days: 3 }]);
        assert_eq!(last_on(date(2026, 12, 4)), [], "a day still to come is not counted");
        assert_eq!(asks(&Values::new(), DAY, &[]), []);
        let word = note(&[("stool.last_on", FieldValue::Word("2026-11-29".into()))]);
        assert_eq!(asks(&word, DAY, &[]), [Ask::NoStool { days: 4 }]);
    }

    #[test]
    fn pressures_that_met_the_wrong_way_round_are_asked_about() {
        let pressures = |upper: f64, lower: f64| {
            let note =
                note(&[("systolic_mmhg", FieldValue::Number(upper)), ("diastolic_mmhg", FieldValue::Number(lower))]);
            asks(&note, DAY, &[])
        };
        assert_eq!(pressures(120.0, 80.0), []);
        assert_eq!(pressures(80.0, 80.0), [Ask::PressuresReversed]);
        assert_eq!(pressures(80.0, 120.0), [Ask::PressuresReversed]);
        assert_eq!(asks(&of("diastolic_mmhg", 120.0), DAY, &[]), []);
    }

    #[test]
    fn a_visit_after_this_one_is_not_looked_at() {
        let later = of("weight_kg", 40.0);
        assert_eq!(asks(&of("weight_kg", 60.0), DAY, &[days_before(&later, -1)]), []);
    }

    #[test]
    fn at_v3_a_trend_has_gaps_and_never_zeros() -> Result<(), jiff::Error> {
        let [first, second, third, fourth, fifth] =
            ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"]
                .map(|day| format!("{day}T01:00:00Z").parse::<Timestamp>());
        let (first, second, third, fourth, fifth) = (first?, second?, third?, fourth?, fifth?);
        let (low, same, blank, refused, high) = (
            of("temperature_c", 36.5),
            of("temperature_c", 36.6),
            of("pulse_bpm", 72.0),
            skipped("temperature_c"),
            of("temperature_c", 37.2),
        );
        let points = trend(
            "temperature_c",
            &[(fifth, &high), (third, &blank), (first, &low), (fourth, &refused), (second, &same)],
        );
        let drawn: Vec<_> = points.iter().map(|point| (point.at, point.value, point.unmeasured)).collect();
        assert_eq!(
            drawn,
            [
                (first, Some(36.5), None),
                (second, Some(36.6), None),
                (third, None, None),
                (fourth, None, Some("拒否")),
                (fifth, Some(37.2), None),
            ]
        );
        let runs: Vec<Vec<_>> =
            segments(&points).iter().map(|run| run.iter().filter_map(|point| point.value).collect()).collect();
        assert_eq!(runs, [vec![36.5, 36.6], vec![37.2]]);
        Ok(())
    }

    #[test]
    fn at_v3_a_field_that_nobody_measured_draws_nothing() {
        let blank = Values::new();
        let points = trend("weight_kg", &[(Timestamp::UNIX_EPOCH, &blank)]);
        assert_eq!(points.len(), 1);
        assert!(segments(&points).is_empty());
    }
}
