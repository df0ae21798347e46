//! A trend to look at, to hear and to read: lines, words for a screen reader, and a table.

use super::plot::{Dot, Plot, Usual, points_of, told};
use crate::text::{Words, date_short, use_words, whole_unit, with_unit};
use dioxus::prelude::*;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 150.0;

/// A small line beside a value. The words say what it shows.
#[component]
pub fn Sparkline(name: String, unit: String, dots: Vec<Dot>) -> Element {
    let words = use_words();
    if dots.iter().filter(|dot| dot.value.is_some()).count() < 2 {
        return rsx! {};
    }
    let Some(plot) = Plot::of(&dots, Usual::default(), (86.0, 28.0)) else { return rsx! {} };
    let said = chart_words(words, &name, &unit, &dots);
    let lines: Vec<String> = plot.runs.iter().map(|run| points_of(run)).collect();
    let alone: Vec<(f64, f64)> = plot.runs.iter().filter(|r| r.len() == 1).flatten().map(|p| (p.x, p.y)).collect();
    rsx! {
        svg { class: "trend tall", view_box: "0 0 86 28", "role": "img", "aria-label": "{said}",
            for (i, points) in lines.into_iter().enumerate() { polyline { key: "{i}", points: "{points}" } }
            for (i, (x, y)) in alone.into_iter().enumerate() { circle { key: "d{i}", cx: "{x}", cy: "{y}", r: "1.5" } }
        }
    }
}

/// One trend, large: points, both axes with their unit, what is usual, and every value as a table.
#[component]
pub fn Chart(name: String, unit: String, dots: Vec<Dot>, usual: Usual, usual_said: String) -> Element {
    let words = use_words();
    let Some(plot) = Plot::of(&dots, usual, (WIDTH, HEIGHT)) else {
        return rsx! { p { class: "sub", {words.say("chart-nothing")} } };
    };
    let said = [chart_words(words, &name, &unit, &dots), usual_said.clone()].join(" ");
    let title = if unit.is_empty() { name.clone() } else { format!("{name} ({})", whole_unit(&unit)) };
    let days = |dot: Option<&Dot>| dot.map(|dot| dot.day.strftime("%Y/%-m/%-d").to_string()).unwrap_or_default();
    let (from, to) = (days(dots.first()), days(dots.last()));
    let is_one_day = from == to;
    let lines: Vec<String> = plot.runs.iter().map(|run| points_of(run)).collect();
    let edges: Vec<String> = plot.edges.iter().map(|y| format!("{y:.1}")).collect();
    let at = |value: f64| format!("{value:.1}");
    // Out of what is usual is another shape, not only another colour.
    let (outside, inside): (Vec<_>, Vec<_>) = plot.runs.concat().into_iter().partition(|place| place.out);
    let squares: Vec<_> = outside.iter().map(|place| (at(place.x - 5.0), at(place.y - 5.0))).collect();
    let circles: Vec<_> = inside.iter().map(|place| (at(place.x), at(place.y))).collect();
    let rows = dots.iter().rev().map(|dot| {
        let out = dot.value.is_some_and(|value| usual.is_out(value)).then(|| words.say("chart-out"));
        (date_short(words, dot.day), [Some(dot.said.clone()), out].into_iter().flatten().collect::<Vec<_>>().join(" "))
    });
    rsx! {
        figure { class: "chart",
            figcaption { class: "k", "{title}" }
            div { class: "plot",
                div { class: "axis", "aria-hidden": "true", span { {short(plot.high)} } span { {short(plot.low)} } }
                svg { class: "lines", view_box: "0 0 300 150", "role": "img", "aria-label": "{said}",
                    for (i, y) in edges.into_iter().enumerate() { line { key: "e{i}", class: "edge", x1: "0", x2: "300", y1: "{y}", y2: "{y}" } }
                    for (i, points) in lines.into_iter().enumerate() { polyline { key: "l{i}", points: "{points}" } }
                    for (i, (x, y)) in circles.into_iter().enumerate() { circle { key: "c{i}", cx: "{x}", cy: "{y}", r: "4" } }
                    for (i, (x, y)) in squares.into_iter().enumerate() { rect { key: "s{i}", class: "out", x: "{x}", y: "{y}", width: "10", height: "10" } }
                }
                div { class: "days", "aria-hidden": "true", span { "{from}" } if !is_one_day { span { "{to}" } } }
            }
            if !usual_said.is_empty() { p { class: "src", "{usual_said}" } }
            details {
                summary { {words.say("chart-table")} }
                table {
                    thead { tr { th { "scope": "col", {words.say("chart-day")} } th { "scope": "col", class: "n", "{title}" } } }
                    tbody {
                        for (i, (day, said)) in rows.enumerate() {
                            tr { key: "{i}", td { "{day}" } td { class: "n", "{said}" } }
                        }
                    }
                }
            }
        }
    }
}

/// 体温: first, last, lowest, highest, with their days.
fn chart_words(words: Words, name: &str, unit: &str, dots: &[Dot]) -> String {
    let Some(four) = told(dots) else { return format!("{name} {}", words.say("chart-nothing")) };
    let [first, last, lowest, highest] = four.map(|dot| format!("{} {}", dot.day.strftime("%-m/%-d"), dot.said));
    words.with(
        "chart-told",
        &[
            ("name", with_unit(name, unit).into()),
            ("first", first.into()),
            ("last", last.into()),
            ("lowest", lowest.into()),
            ("highest", highest.into()),
        ],
    )
}

/// A number of the axis: no more digits than it needs.
fn short(value: f64) -> String {
    ((value * 100.0).round() / 100.0).to_string()
}
