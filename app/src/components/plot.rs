//! Where the points of a trend stand: pure geometry. A gap stays a gap, and nothing is drawn as zero.

use device::jiff::civil::Date;

/// One measurement, or a day without one.
#[derive(Clone, PartialEq)]
pub struct Dot {
    pub day: Date,
    /// None is a gap.
    pub value: Option<f64>,
    /// As it reads: the value as received, or why there is none.
    pub said: String,
}

impl std::fmt::Debug for Dot {
    /// A patient's words stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dot").field("day", &self.day).finish_non_exhaustive()
    }
}

/// Between what a value is usual; a side may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usual {
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Report bounds: the edge itself is to be reported. A reference range counts its edges in.
    pub edges_are_out: bool,
}

impl Usual {
    pub fn is_out(&self, value: f64) -> bool {
        let low = self.low.is_some_and(|low| value < low || (self.edges_are_out && value == low));
        let high = self.high.is_some_and(|high| value > high || (self.edges_are_out && value == high));
        low || high
    }
}

/// A measurement's place in the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub out: bool,
}

/// A drawing of one trend.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Places without a gap between them: each run is one line, one place alone a dot.
    pub runs: Vec<Vec<Place>>,
    /// Values at the lower and the upper end of the axis.
    pub low: f64,
    pub high: f64,
    /// Heights of the edges of what is usual.
    pub edges: Vec<f64>,
}

/// Room around the outermost points.
const MARGIN: f64 = 6.0;

impl Plot {
    /// Draws the dots, oldest first, into a box. Nothing was measured: there is nothing to draw.
    pub fn of(dots: &[Dot], usual: Usual, (width, height): (f64, f64)) -> Option<Self> {
        let values: Vec<f64> = dots.iter().filter_map(|dot| dot.value).collect();
        if values.is_empty() {
            return None;
        }
        let edges = || [usual.low, usual.high].into_iter().flatten();
        let low = values.iter().copied().chain(edges()).fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().chain(edges()).fold(f64::NEG_INFINITY, f64::max);
        // One value, or the same every time: it stands in the middle.
        let (low, high) = if high > low { (low, high) } else { (low - 1.0, high + 1.0) };
        let y = |value: f64| MARGIN + (high - value) / (high - low) * (height - 2.0 * MARGIN);
        let first = dots.first()?.day;
        let days = f64::from(days_between(first, dots.last()?.day));
        let x = |day: Date| match days > 0.0 {
            true => MARGIN + f64::from(days_between(first, day)) / days * (width - 2.0 * MARGIN),
            false => width / 2.0,
        };
        let runs = dots.split(|dot| dot.value.is_none()).filter(|run| !run.is_empty()).map(|run| {
            let places = run.iter().filter_map(|dot| {
                dot.value.map(|value| Place { x: x(dot.day), y: y(value), out: usual.is_out(value) })
            });
            places.collect::<Vec<_>>()
        });
        Some(Self { runs: runs.collect(), low, high, edges: edges().map(y).collect() })
    }
}

/// Points of a line as SVG writes them.
pub fn points_of(run: &[Place]) -> String {
    run.iter().map(|place| format!("{:.1},{:.1}", place.x, place.y)).collect::<Vec<_>>().join(" ")
}

/// What is told of a trend in words: the first, the last, the lowest and the highest measurement.
pub fn told(dots: &[Dot]) -> Option<[&Dot; 4]> {
    let measured: Vec<&Dot> = dots.iter().filter(|dot| dot.value.is_some()).collect();
    let by_value = |a: &&&Dot, b: &&&Dot| a.value.unwrap_or_default().total_cmp(&b.value.unwrap_or_default());
    let (first, last) = (measured.first()?, measured.last()?);
    Some([*first, *last, *measured.iter().min_by(by_value)?, *measured.iter().max_by(by_value)?])
}

fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::civil::date;

    fn dot(day: i8, value: Option<f64>) -> Dot {
        Dot { day: date(2026, 11, day), value, said: value.map_or_else(|| "—".to_string(), |v| v.to_string()) }
    }

    #[test]
    fn at_v3_a_gap_breaks_the_line_and_is_never_a_zero() {
        let dots = [dot(1, Some(36.5)), dot(2, Some(36.7)), dot(3, None), dot(5, Some(37.5))];
        let plot = Plot::of(&dots, Usual::default(), (100.0, 50.0));
        let runs = plot.as_ref().map(|plot| plot.runs.iter().map(Vec::len).collect::<Vec<_>>());
        assert_eq!(runs, Some(vec![2, 1]));
        assert_eq!(plot.map(|plot| (plot.low, plot.high)), Some((36.5, 37.5)));
    }

    #[test]
    fn days_without_a_visit_are_as_wide_as_they_were_long() {
        let dots = [dot(1, Some(1.0)), dot(2, Some(2.0)), dot(11, Some(3.0))];
        let plot = Plot::of(&dots, Usual::default(), (112.0, 50.0));
        let xs = plot.map(|plot| plot.runs.concat().iter().map(|place| place.x).collect::<Vec<_>>());
        assert_eq!(xs, Some(vec![6.0, 16.0, 106.0]));
    }

    #[test]
    fn one_value_stands_in_the_middle_and_none_draws_nothing() {
        let plot = Plot::of(&[dot(1, Some(60.0))], Usual::default(), (100.0, 50.0));
        assert_eq!(plot.map(|plot| plot.runs), Some(vec![vec![Place { x: 50.0, y: 25.0, out: false }]]));
        assert_eq!(Plot::of(&[dot(1, None)], Usual::default(), (100.0, 50.0)), None);
        assert_eq!(Plot::of(&[], Usual::default(), (100.0, 50.0)), None);
    }

    #[test]
    fn what_is_usual_stands_inside_the_drawing_and_its_edge_counts_as_the_source_means_it() {
        let report = Usual { low: Some(35.0), high: Some(38.0), edges_are_out: true };
        let plot = Plot::of(&[dot(1, Some(36.5)), dot(2, Some(38.0))], report, (100.0, 50.0));
        assert_eq!(plot.as_ref().map(|plot| (plot.low, plot.high, plot.edges.len())), Some((35.0, 38.0, 2)));
        assert_eq!(
            plot.map(|plot| plot.runs.concat().iter().map(|p| p.out).collect::<Vec<_>>()),
            Some(vec![false, true])
        );
        let reference = Usual { edges_are_out: false, ..report };
        assert!(!reference.is_out(38.0) && reference.is_out(38.1) && reference.is_out(34.9));
    }

    #[test]
    fn the_words_tell_first_last_lowest_and_highest() {
        let dots = [dot(1, None), dot(2, Some(5.0)), dot(3, Some(2.0)), dot(4, Some(9.0)), dot(5, Some(4.0))];
        let days = told(&dots).map(|four| four.map(|dot| dot.day.day()));
        assert_eq!(days, Some([2, 5, 3, 4]));
        assert_eq!(told(&dots[..1]), None);
    }

    #[test]
    fn a_line_is_written_as_svg_reads_it() {
        let run = [Place { x: 6.0, y: 12.24, out: false }, Place { x: 50.0, y: 6.0, out: true }];
        assert_eq!(points_of(&run), "6.0,12.2 50.0,6.0");
    }
}
