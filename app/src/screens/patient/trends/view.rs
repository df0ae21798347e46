//! 推移: each value small in a row, large when it is opened.

use super::update::{FIELDS, MOST, Series, lab_series, reference_of, vital_series};
use crate::app::{Live, Route, Session, Shell};
use crate::components::{Chart, MoreRows, Sparkline, Usual, use_portions};
use crate::screens::patient::view::{Whole, whose};
use crate::screens::use_directory;
use crate::text::{Words, dotted, error_words, field_label, measured, printed_unit, unit_words, use_words, with_unit};
use device::jiff::Timestamp;
use device::record::PatientId;
use device::record::visit_note::{Field, FieldKind};
use dioxus::prelude::*;

#[component]
pub fn Trends(id: PatientId, shown: Whole) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let live = use_context::<Live>();
    let directory = use_directory()();
    let (phone, patient) = (session.phone.clone(), id.clone());
    let vitals = use_memo(move || {
        let _ = (live.revision)();
        let bounds = phone.alert_bounds(&patient, Timestamp::now());
        let trends = phone.trends(&patient, &FIELDS, MOST);
        bounds.and_then(|bounds| Ok((trends?, bounds))).map_err(|error| error_words(words, &error))
    });
    let vitals = vitals().map(|(trends, bounds)| {
        let gap = |reason: Option<&str>| match reason {
            Some(reason) => words.with("unmeasured-because", &[("reason", reason.to_string().into())]),
            None => "—".to_string(),
        };
        let series =
            FIELDS.iter().zip(&trends).map(|(field, points)| (*field, vital_series(field, points, &bounds, gap)));
        series.filter(|(_, series)| series.dots.iter().any(|dot| dot.value.is_some())).collect::<Vec<_>>()
    });
    let summary = &shown.0.summary;
    let series = summary.lab_series();
    // One list: what is measured at visits, then the laboratory.
    let before = vitals.as_ref().map_or(0, Vec::len);
    let portions = use_portions((), before + series.len());
    let labs: Vec<_> = series
        .iter()
        .take(portions.drawn.saturating_sub(before))
        .map(|series| {
            let reference = reference_of(summary, series);
            let said = reference.map(|range| words.with("chart-reference", &[("range", range.to_string().into())]));
            let newest = series.points.first();
            let source = newest.map(|point| whose(words, &directory, &series.facility, point.date, point.as_of));
            (
                series.text.clone(),
                series.unit.as_deref().map(printed_unit).unwrap_or_default(),
                lab_series(series, reference),
                said.unwrap_or_default(),
                source.unwrap_or_default(),
            )
        })
        .collect();
    rsx! {
        section { class: "col gap",
            h2 { {words.say("section-vitals")} }
            match vitals {
                Err(error) => rsx! { p { class: "strip", role: "alert", "{error}" } },
                Ok(vitals) if vitals.is_empty() => rsx! { p { class: "card empty", {words.say("chart-no-vitals")} } },
                Ok(vitals) => rsx! {
                    for (field, series) in vitals {
                        TrendCard { key: "{field}",
                            name: field_label(words, field), unit: unit_of(words, field), usual_said: report_words(words, series.usual, &unit_of(words, field)),
                            series, source: String::new(), family: Some(field), patient: id.clone(),
                        }
                    }
                },
            }
        }
        if !series.is_empty() {
            section { class: "col gap",
                h2 { {words.say("section-labs")} }
                for (i, (name, unit, series, usual_said, source)) in labs.into_iter().enumerate() {
                    TrendCard { key: "{i}", name, unit, usual_said, series, source, family: None, patient: id.clone() }
                }
                MoreRows { come: portions.more }
            }
        }
    }
}

/// One value: its line small beside the latest, and large when it is opened.
#[component]
fn TrendCard(
    name: String,
    unit: String,
    usual_said: String,
    series: Series,
    source: String,
    family: Option<&'static str>,
    patient: PatientId,
) -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    let session = use_context::<Session>();
    let mut open = use_signal(|| false);
    let mut refused = use_signal(|| false);
    // A hospital's newest result counts in words too; of a vital sign the last one that was measured.
    let latest = series.dots.iter().rev().find(|dot| dot.value.is_some() || family.is_none());
    let said = latest.map(|dot| match dot.value {
        Some(_) => measured(Some(dot.said.as_str()), Some(unit.as_str())),
        None => dot.said.clone(),
    });
    let day = latest.map(|dot| dot.day.strftime("%-m/%-d").to_string()).unwrap_or_default();
    let said = said.unwrap_or_default();
    rsx! {
        article { class: "card col gap",
            button { class: "cardlink trendrow", "aria-expanded": open(), onclick: move |_| open.toggle(),
                span { class: "col grow", b { "{name}" } if !source.is_empty() { span { class: "src", "{source}" } } }
                Sparkline { name: name.clone(), unit: unit.clone(), dots: series.dots.clone() }
                span { class: "col end", span { class: "n", "{said}" } span { class: "src", "{day}" } }
            }
            if open() {
                Chart { name: name.clone(), unit: unit.clone(), dots: series.dots.clone(), usual: series.usual, usual_said }
                if let Some(field) = family {
                    button { class: "btn g", "data-family": field,
                        onclick: move |_| {
                            // Leaving that screen locks, and a lock must not wait for a text that the vault has not taken.
                            let unsaved = !session.unsaved.borrow().is_empty();
                            refused.set(unsaved);
                            if !unsaved {
                                shell.go(Route::Family(patient.clone(), field));
                            }
                        },
                        {words.say("chart-family")}
                    }
                    p { class: "src", {words.say("chart-family-hint")} }
                    if refused() { p { class: "strip warn", role: "alert", {words.say("chart-family-unsaved")} } }
                }
            }
        }
    }
}

pub fn unit_of(words: Words, field: &str) -> String {
    match Field::named(field).map(|field| field.kind) {
        Ok(FieldKind::Number(range)) => unit_words(words, range.unit),
        _ => String::new(),
    }
}

/// 報告基準 in words; nothing where the field has none.
fn report_words(words: Words, usual: Usual, unit: &str) -> String {
    let side = |key: &str, bound: f64| words.with(key, &[("value", with_unit(&bound.to_string(), unit).into())]);
    let sides =
        [usual.low.map(|low| side("chart-at-or-below", low)), usual.high.map(|high| side("chart-at-or-above", high))];
    let said = dotted(sides.into_iter().flatten());
    if said.is_empty() { said } else { words.with("chart-report", &[("bounds", said.into())]) }
}
