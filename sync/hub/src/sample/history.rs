//! What happened, before it is written in a hospital's own format.

use super::HISTORY_WEEKS;
use super::courses::{Disease, Drug, Lab, Test, Trend, USUAL};
use super::people::Chart;
use super::random::Random;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// One person's two years at one hospital, oldest first.
pub(super) struct History {
    pub diseases: Vec<(&'static Disease, Date)>,
    pub appointments: Vec<Appointment>,
    pub stay: Option<Stay>,
}

/// An outpatient day: prescriptions for four weeks, and a blood sample.
pub(super) struct Appointment {
    pub day: Date,
    pub results: Vec<LabResult>,
}

pub(super) struct LabResult {
    pub test: Test,
    pub value: String,
    pub flag: Option<&'static str>,
}

pub(super) struct Stay {
    pub from: Date,
    pub until: Date,
    pub ward: &'static str,
}

impl Stay {
    /// Days with a drip.
    pub fn drip_days(&self) -> impl Iterator<Item = Date> {
        (0..4).map(|day| self.from.saturating_add(day.days()))
    }
}

/// Prescribed until the next appointment.
pub(super) const SUPPLY_DAYS: u32 = 28;
/// What drips: drug, amount, unit.
pub(super) const DRIP: [(&str, &str, &str); 2] =
    [("維持輸液（3号液）500mL", "500", "mL"), ("チアミン塩化物塩酸塩注射液50mg", "1", "管")];

impl History {
    /// Appointments lie four weeks apart; the latest is yesterday for some and up to two weeks ago for others.
    pub fn of(chart: &Chart, number: usize, yesterday: Date, random: &mut Random) -> Self {
        let last = yesterday.saturating_sub((number as i64 % 5 * 3).days());
        let count = HISTORY_WEEKS / 4;
        let trends = trends(chart);
        let appointments = (0..count)
            .rev()
            .map(|back| Appointment {
                day: last.saturating_sub((back * 4).weeks()),
                results: results(&trends, f64::from(count - 1 - back) / f64::from(count - 1), random),
            })
            .filter(|appointment| appointment.day > chart.born)
            .collect();
        let all = chart.courses.iter().flat_map(|course| course.diseases());
        let onset = |i: usize| yesterday.saturating_sub((700 + (number as i64 * 61 + i as i64 * 97) % 2400).days());
        let stay = chart.stay.then(|| {
            let from = yesterday.saturating_sub((40 + number as i64 * 23 % 300).days());
            Stay { from, until: from.saturating_add(16.days()), ward: ["3A", "5B", "7E"][number % 3] }
        });
        Self { diseases: all.enumerate().map(|(i, disease)| (disease, onset(i))).collect(), appointments, stay }
    }
}

impl Chart {
    pub fn drugs(&self) -> impl Iterator<Item = &'static Drug> {
        self.courses.iter().flat_map(|course| course.drugs())
    }
}

fn trends(chart: &Chart) -> Vec<Trend> {
    let own = chart.courses.iter().flat_map(|course| course.trends());
    let mut by_test: BTreeMap<Lab, Trend> = BTreeMap::new();
    // The first course is the main one: its trend stands.
    own.chain(USUAL).for_each(|trend| {
        by_test.entry(trend.0).or_insert(*trend);
    });
    by_test.into_values().collect()
}

fn results(trends: &[Trend], progress: f64, random: &mut Random) -> Vec<LabResult> {
    trends
        .iter()
        .map(|(lab, start, end, sway)| {
            let test = lab.test();
            let value = (start + (end - start) * progress + sway * random.sway()).max(test.low.min(0.02));
            let flag = if value > test.high { Some("H") } else { (value < test.low).then_some("L") };
            LabResult { value: format!("{value:.*}", test.decimals), flag, test }
        })
        .collect()
}
