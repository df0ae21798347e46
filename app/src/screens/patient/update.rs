//! One patient: which tab, which lists are open; labs gathered into series.

use device::record::{RecordFlag, SummaryItem};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    #[default]
    Summary,
    Notes,
    Handover,
    Documents,
}

impl Tab {
    pub const ALL: [(Tab, &'static str); 4] = [
        (Tab::Summary, "patient-tab-summary"),
        (Tab::Notes, "patient-tab-notes"),
        (Tab::Handover, "board-tab"),
        (Tab::Documents, "board-tab-documents"),
    ];
}

/// One test with its values, latest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LabSeries {
    pub latest: SummaryItem,
    /// Numeric values, oldest first: what the small chart draws. Values that are no numbers are left out, never drawn as 0.
    pub trend: Vec<f64>,
}

/// Newest points drawn.
const POINTS: usize = 8;

/// Groups lab results by facility, test and unit: series of different hospitals or units are never joined.
pub fn lab_series(labs: &[SummaryItem]) -> Vec<LabSeries> {
    let mut series: Vec<LabSeries> = Vec::new();
    for item in labs {
        let same = |s: &&mut LabSeries| {
            s.latest.text == item.text && s.latest.facility == item.facility && s.latest.unit == item.unit
        };
        let value = item.value.as_deref().and_then(|v| v.trim().parse::<f64>().ok());
        match series.iter_mut().find(same) {
            Some(known) if known.trend.len() < POINTS => known.trend.extend(value),
            Some(_) => {}
            None => series.push(LabSeries { latest: item.clone(), trend: value.into_iter().collect() }),
        }
    }
    for s in &mut series {
        s.trend.reverse();
    }
    series
}

/// The latest prescription of each facility: the items of its newest day.
pub fn latest_prescriptions(items: &[SummaryItem]) -> Vec<(String, Vec<SummaryItem>)> {
    let mut groups: Vec<(String, Vec<SummaryItem>)> = Vec::new();
    for item in items {
        match groups.iter_mut().find(|(facility, _)| facility == item.facility.as_str()) {
            Some((_, group)) if group.first().is_some_and(|first| first.date == item.date) => group.push(item.clone()),
            Some(_) => {}
            None => groups.push((item.facility.to_string(), vec![item.clone()])),
        }
    }
    groups
}

/// Points of a small line chart in a box of 86 × 20.
pub fn polyline(trend: &[f64]) -> String {
    if trend.len() < 2 {
        return String::new();
    }
    let low = trend.iter().copied().fold(f64::INFINITY, f64::min);
    let high = trend.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let step = 82.0 / (trend.len() - 1) as f64;
    trend
        .iter()
        .enumerate()
        .map(|(i, v)| format!("{:.0},{:.0}", 2.0 + step * i as f64, 17.0 - 14.0 * (v - low) / span))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The word that stands beside a value; colour never says it alone.
pub fn flag_key(flag: &RecordFlag) -> Option<&'static str> {
    Some(match flag {
        RecordFlag::High => "flag-high",
        RecordFlag::Low => "flag-low",
        RecordFlag::Abnormal => "flag-abnormal",
        RecordFlag::Critical => "flag-critical",
        RecordFlag::Suspected => "flag-suspected",
        RecordFlag::Ended => "flag-ended",
        RecordFlag::Contraindicated => "flag-contraindicated",
        RecordFlag::NoneKnown | RecordFlag::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::Timestamp;
    use device::jiff::civil::date;

    fn item(text: &str, facility: &str, day: i8, value: &str) -> Result<SummaryItem, Box<dyn std::error::Error>> {
        Ok(SummaryItem {
            text: text.into(),
            code: None,
            value: Some(value.into()),
            unit: Some("pg/mL".into()),
            flag: None,
            detail: None,
            body: None,
            date: Some(date(2026, 11, day)),
            facility: facility.parse()?,
            as_of: Timestamp::UNIX_EPOCH,
            also: 0,
        })
    }

    #[test]
    fn a_series_never_joins_two_hospitals_and_draws_no_zero_for_a_gap() -> Result<(), Box<dyn std::error::Error>> {
        let labs = [
            item("BNP", "a", 20, "412")?,
            item("BNP", "b", 19, "80")?,
            item("BNP", "a", 10, "採血不可")?,
            item("BNP", "a", 1, "300")?,
        ];
        let series = lab_series(&labs);
        assert_eq!(series.len(), 2);
        assert_eq!(series[0].trend, [300.0, 412.0]);
        assert_eq!(polyline(&series[0].trend), "2,17 84,3");
        assert_eq!(polyline(&series[1].trend), "");
        Ok(())
    }

    #[test]
    fn each_hospitals_newest_prescription_stands_by_itself() -> Result<(), Box<dyn std::error::Error>> {
        let rx = [item("A", "a", 20, "3")?, item("B", "a", 20, "1")?, item("C", "b", 5, "1")?, item("A", "a", 1, "2")?];
        let groups = latest_prescriptions(&rx);
        assert_eq!(groups.iter().map(|(f, g)| (f.as_str(), g.len())).collect::<Vec<_>>(), [("a", 2), ("b", 1)]);
        Ok(())
    }
}
