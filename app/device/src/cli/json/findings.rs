//! What a note's values say beside themselves, in `note show`; and `vitals`.

use super::time;
use crate::findings::{Findings, TrendShown};
use record::scales::barthel::Barthel;
use record::scales::news2::{News2, News2Missing, Reading};
use record::vitals::Ask;
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
pub struct FindingsShown {
    alerts: Vec<Value>,
    asks: Vec<Value>,
    news2: Value,
    ulcers: Vec<Value>,
    ulcers_due: bool,
}

impl From<&Findings> for FindingsShown {
    fn from(f: &Findings) -> Self {
        let standing = |s: record::vitals::Standing| format!("{s:?}").to_lowercase();
        Self {
            alerts: f
                .alerts
                .iter()
                .map(|a| {
                    let ordered = a.ordered.map(|b| json!({ "low": b.low, "high": b.high }));
                    json!({ "field": a.field, "value": a.value, "standing": standing(a.standing), "ordered": ordered })
                })
                .collect(),
            asks: f.asks.iter().map(ask).collect(),
            news2: news2(&f.news2),
            ulcers: f
                .ulcers
                .iter()
                .map(|(n, score)| match score {
                    Ok(score) => json!({
                        "ulcer": n,
                        "design_r": score.design_r.to_string(),
                        "total": score.total,
                        "doubts": score.doubts.len(),
                    }),
                    Err(incomplete) => json!({ "ulcer": n, "missing": incomplete.parts }),
                })
                .collect(),
            ulcers_due: f.ulcers_due,
        }
    }
}

fn ask(ask: &Ask) -> Value {
    let (kind, amount) = match ask {
        Ask::WeightFarFromLast { percent, .. } => ("weight_far_from_last", Some(*percent)),
        Ask::WeightGained { kg, .. } => ("weight_gained", Some(*kg)),
        Ask::ConsciousnessNewlyAltered => ("consciousness_newly_altered", None),
        Ask::NoStool { days } => ("no_stool", Some(f64::from(*days))),
        Ask::PressuresReversed => ("pressures_reversed", None),
    };
    json!({ "kind": kind, "field": ask.field(), "amount": amount })
}

fn news2(score: &Result<News2, News2Missing>) -> Value {
    match score {
        Ok(score) => {
            let lines: Vec<Value> = score
                .lines
                .iter()
                .map(|line| {
                    let reading = match line.reading {
                        Reading::Measured(value) | Reading::OxygenLPerMin(value) => json!(value),
                        Reading::RoomAir => json!("air"),
                        Reading::Acvpu(letter) => json!(letter.to_string()),
                        Reading::Jcs(step) => json!(format!("JCS {step}")),
                    };
                    json!({ "field": line.item.field(), "reading": reading, "points": line.points })
                })
                .collect();
            let response = format!("{:?}", score.response).to_lowercase();
            json!({ "total": score.total, "response": response, "scale": format!("{:?}", score.scale).to_lowercase(), "lines": lines })
        }
        Err(News2Missing::Items { fields }) => json!({ "missing": fields }),
        Err(News2Missing::Under16) => json!({ "not_for": "under 16" }),
    }
}

#[derive(Serialize)]
pub struct BarthelShown {
    total: Option<u8>,
    missing: Vec<&'static str>,
}

impl From<&Barthel> for BarthelShown {
    fn from(index: &Barthel) -> Self {
        Self { total: index.total(), missing: index.missing().into_iter().map(|item| item.code()).collect() }
    }
}

/// One line of `vitals`
#[derive(Serialize)]
pub struct TrendPoint {
    pub at: Option<String>,
    pub value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmeasured: Option<String>,
}

impl From<&TrendShown> for TrendPoint {
    fn from(point: &TrendShown) -> Self {
        Self { at: time(Some(point.at)), value: point.value, unmeasured: point.unmeasured.clone() }
    }
}
