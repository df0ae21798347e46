//! Vital signs and laboratory results as trends. Values of two hospitals or two units are never joined (`record::summary`).

use crate::components::{Dot, Usual};
use device::findings::TrendShown;
use device::record::PatientSummary;
use device::record::calendar::day_in_japan;
use device::record::summary::LabSeries;
use device::record::visit_note::{Field, FieldKind};
use device::record::vitals::AlertBounds;

/// What is measured at a visit and drawn as a line, in the order of the form. A coma scale's steps are no line.
pub const FIELDS: [&str; 9] = [
    "temperature_c",
    "pulse_bpm",
    "respiration_bpm",
    "systolic_mmhg",
    "diastolic_mmhg",
    "spo2_percent",
    "weight_kg",
    "pain_nrs",
    "blood_glucose_mg_dl",
];
/// The latest visits that are drawn.
pub const MOST: usize = 60;

/// One trend, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub dots: Vec<Dot>,
    pub usual: Usual,
}

/// A vital sign's trend. `gap` says in words why a visit has no value.
pub fn vital_series(
    field: &str,
    points: &[TrendShown],
    bounds: &AlertBounds,
    gap: impl Fn(Option<&str>) -> String,
) -> Series {
    let decimals = match Field::named(field).map(|field| field.kind) {
        Ok(FieldKind::Number(range)) => usize::from(range.decimals),
        _ => 0,
    };
    let dots = points.iter().map(|point| Dot {
        day: day_in_japan(point.at),
        value: point.value,
        said: match point.value {
            Some(value) => format!("{value:.decimals$}"),
            None => gap(point.unmeasured.as_deref()),
        },
    });
    Series { dots: dots.collect(), usual: report_bounds(field, bounds) }
}

/// From where on a value is reported: the doctor's bounds, side by side over the adult ones.
fn report_bounds(field: &str, ordered: &AlertBounds) -> Usual {
    let Ok(Field { kind: FieldKind::Number(range), .. }) = Field::named(field) else { return Usual::default() };
    let ordered = ordered.get(field).copied().unwrap_or_default();
    let side = |ordered: Option<f64>, adult: f64| {
        Some(ordered.filter(|bound| !bound.is_nan()).unwrap_or(adult)).filter(|bound| bound.is_finite())
    };
    Usual { low: side(ordered.low, range.alert.0), high: side(ordered.high, range.alert.1), edges_are_out: true }
}

/// The newest results of a series, oldest first. One that is no number is a gap that keeps its words.
pub fn lab_dots(series: &LabSeries, most: usize) -> Vec<Dot> {
    let dots = series.points.iter().take(most).rev().map(|point| Dot {
        day: point.date.unwrap_or_else(|| day_in_japan(point.as_of)),
        value: point.value.as_deref().and_then(number),
        said: point.value.clone().unwrap_or_else(|| "—".to_string()),
    });
    dots.collect()
}

/// A laboratory trend with the hospital's own reference range.
pub fn lab_series(series: &LabSeries, reference: Option<&str>) -> Series {
    Series { dots: lab_dots(series, MOST), usual: reference.map(reference_range).unwrap_or_default() }
}

/// The reference range (基準値) as the hospital wrote it beside the series' newest result that has one.
pub fn reference_of<'s>(summary: &'s PatientSummary, series: &LabSeries) -> Option<&'s str> {
    let same_name = |text: &str, code| text == series.text || (series.code.is_some() && code == series.code.as_ref());
    summary
        .labs
        .iter()
        .filter(|lab| lab.facility == series.facility && lab.unit == series.unit)
        .filter(|lab| same_name(&lab.text, lab.code.as_ref()))
        .find_map(|lab| lab.detail.as_deref()?.split(" / ").find_map(|part| part.strip_prefix("基準値 ")))
        .map(str::trim)
}

/// `3.8-5.2`, `0.0〜40`. What is written otherwise is shown as written and draws no edge.
fn reference_range(written: &str) -> Usual {
    let sides = ['–', '-', '〜', '～', '~'].into_iter().find_map(|between| written.split_once(between));
    let Some((low, high)) = sides.and_then(|(low, high)| Some((number(low)?, number(high)?))) else {
        return Usual::default();
    };
    if low < high { Usual { low: Some(low), high: Some(high), edges_are_out: false } } else { Usual::default() }
}

fn number(written: &str) -> Option<f64> {
    written.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::patient;
    use device::jiff::Timestamp;
    use device::jiff::civil::date;
    use device::record::summary::LabPoint;
    use device::record::vitals::Bounds;
    use device::record::{DataClass, DisclosedRecord};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn lab(
        facility: &str,
        day: i8,
        value: &str,
        detail: Option<&str>,
    ) -> Result<DisclosedRecord, device::record::ids::IdError> {
        let key = format!("OML-11/{day}");
        let bare = DisclosedRecord::new(facility.parse()?, DataClass::Lab, key, Timestamp::UNIX_EPOCH, "BNP");
        Ok(DisclosedRecord {
            date: Some(date(2026, 11, day)),
            value: Some(value.into()),
            unit: Some("pg/mL".into()),
            detail: detail.map(str::to_string),
            ..bare
        })
    }

    fn summary(labs: Vec<DisclosedRecord>) -> Result<PatientSummary, device::record::ids::IdError> {
        Ok(PatientSummary::new(patient("p-1")?, labs, Vec::new()))
    }

    #[test]
    fn a_lab_trend_runs_from_the_oldest_on_keeps_its_words_and_never_joins_two_hospitals() -> Outcome {
        let summary = summary(vec![
            lab("a", 20, "412.0", None)?,
            lab("b", 19, "80", None)?,
            lab("a", 10, "採血不可", None)?,
            lab("a", 1, "300", Some("検体 血漿 / 基準値 0.0–18.4"))?,
        ])?;
        let all = summary.lab_series();
        assert_eq!(all.len(), 2);
        let reference = reference_of(&summary, &all[0]);
        assert_eq!(reference, Some("0.0–18.4"));
        let drawn = lab_series(&all[0], reference);
        let said: Vec<_> = drawn.dots.iter().map(|dot| (dot.day.day(), dot.value, dot.said.as_str())).collect();
        assert_eq!(said, [(1, Some(300.0), "300"), (10, None, "採血不可"), (20, Some(412.0), "412.0")]);
        assert_eq!(drawn.usual, Usual { low: Some(0.0), high: Some(18.4), edges_are_out: false });
        assert_eq!(reference_of(&summary, &all[1]), None, "another hospital's range is not this one's");
        Ok(())
    }

    #[test]
    fn a_range_that_is_no_two_numbers_draws_no_edge() {
        for written in ["陰性", "18.4以下", "5.2-3.8", "", "-"] {
            assert_eq!(reference_range(written), Usual::default(), "{written}");
        }
        for written in ["3.8-5.2", "3.8 〜 5.2", "3.8～5.2"] {
            assert_eq!(
                (reference_range(written).low, reference_range(written).high),
                (Some(3.8), Some(5.2)),
                "{written}"
            );
        }
    }

    #[test]
    fn a_result_without_a_value_is_a_gap() -> Outcome {
        let series = LabSeries {
            facility: "a".parse()?,
            code: None,
            text: "BNP".into(),
            unit: None,
            points: vec![LabPoint { date: None, as_of: Timestamp::UNIX_EPOCH, value: None, flag: None }],
        };
        let dots = lab_dots(&series, 8);
        assert_eq!(dots, [Dot { day: date(1970, 1, 1), value: None, said: "—".into() }]);
        Ok(())
    }

    #[test]
    fn a_vital_sign_reads_with_its_digits_and_the_doctors_bounds_go_before_the_adult_ones() {
        let points = [
            TrendShown { at: Timestamp::UNIX_EPOCH, value: Some(37.0), unmeasured: None },
            TrendShown { at: Timestamp::UNIX_EPOCH, value: None, unmeasured: Some("拒否".into()) },
            TrendShown { at: Timestamp::UNIX_EPOCH, value: None, unmeasured: None },
        ];
        let ordered = AlertBounds::from([("temperature_c".into(), Bounds { low: None, high: Some(38.5) })]);
        let drawn = vital_series("temperature_c", &points, &ordered, |why| why.unwrap_or("—").to_string());
        let said: Vec<_> = drawn.dots.iter().map(|dot| dot.said.as_str()).collect();
        assert_eq!(said, ["37.0", "拒否", "—"]);
        assert_eq!(drawn.usual, Usual { low: Some(35.0), high: Some(38.5), edges_are_out: true });
        let open = vital_series("spo2_percent", &[], &AlertBounds::new(), |_| String::new());
        assert_eq!((open.usual.low, open.usual.high), (Some(93.0), None), "an open side stays open");
    }
}
