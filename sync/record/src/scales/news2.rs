//! NEWS2, the National Early Warning Score 2 (Royal College of Physicians, 2017; domain §4.2).
//!
//! A calculator, nothing more: every input stands beside its points so that the sum can be checked by hand. Whether it
//! may be shown as a medical device's output is for a person to review (domain §10). It is not made for people under
//! 16 nor in pregnancy; the age is checked here, pregnancy is not in the note and remains for the nurse to see.
//!
//! "C" of ACVPU is *newly* confused. JCS cannot say "new", so JCS 1 or more counts as altered; for a person who is
//! always so, the nurse writes `consciousness_acvpu` = A, and that is taken first.

use crate::visit_note::FieldValue;
use crate::vitals::{Values, number};
use serde::Serialize;

/// Which column of the table SpO₂ is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpO2Scale {
    One,
    /// Target 88–92 %: only when the physician has written it (hypercapnic respiratory failure).
    Two,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum News2Item {
    Respiration,
    SpO2,
    AirOrOxygen,
    Systolic,
    Pulse,
    Consciousness,
    Temperature,
}

impl News2Item {
    /// The field that the item is read from.
    pub fn field(self) -> &'static str {
        match self {
            News2Item::Respiration => "respiration_bpm",
            News2Item::SpO2 => "spo2_percent",
            News2Item::AirOrOxygen => "oxygen_l_per_min",
            News2Item::Systolic => "systolic_mmhg",
            News2Item::Pulse => "pulse_bpm",
            News2Item::Consciousness => "consciousness_jcs",
            News2Item::Temperature => "temperature_c",
        }
    }
}

/// What an item was read from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    Measured(f64),
    RoomAir,
    OxygenLPerMin(f64),
    /// A, C, V, P or U as the nurse chose it.
    Acvpu(char),
    Jcs(f64),
}

/// One row of the sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct News2Line {
    pub item: News2Item,
    pub reading: Reading,
    /// 0–3
    pub points: u8,
}

/// The bands to which the RCP ties a response, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// 0
    Zero,
    /// 1–4, no item with 3
    Low,
    /// 3–4 with 3 points in one item
    SingleThree,
    /// 5–6
    Medium,
    /// 7 or more
    High,
}

/// A score with everything that is needed to check it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct News2 {
    pub scale: SpO2Scale,
    /// In the order of the RCP's chart.
    pub lines: [News2Line; 7],
    pub total: u8,
    pub response: Response,
}

/// Why no score is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum News2Missing {
    #[error("NEWS2 needs every item; still to be measured: {}", fields.join(", "))]
    Items { fields: Vec<&'static str> },
    #[error("NEWS2 is made for people of 16 and over; judge by the signs themselves")]
    Under16,
}

impl News2 {
    /// The score of one note. `age` in full years on the day of the visit; when the birth date is not known the score
    /// is shown, as nearly everybody visited is an adult.
    pub fn of(values: &Values, scale: SpO2Scale, age: Option<i16>) -> Result<News2, News2Missing> {
        if age.is_some_and(|years| years < 16) {
            return Err(News2Missing::Under16);
        }
        let oxygen = oxygen(values);
        let on_oxygen = matches!(oxygen, Some(Reading::OxygenLPerMin(_)));
        let measured = |item: News2Item, points: &dyn Fn(f64) -> u8| {
            let line = |n| News2Line { item, reading: Reading::Measured(n), points: points(n) };
            number(values, item.field()).map(line).ok_or(item.field())
        };
        let rows = [
            measured(News2Item::Respiration, &|n| respiration_points(whole(n))),
            measured(News2Item::SpO2, &|n| spo2_points(scale, whole(n), on_oxygen)),
            oxygen
                .map(|reading| News2Line {
                    item: News2Item::AirOrOxygen,
                    reading,
                    points: if on_oxygen { 2 } else { 0 },
                })
                .ok_or(News2Item::AirOrOxygen.field()),
            measured(News2Item::Systolic, &|n| systolic_points(whole(n))),
            measured(News2Item::Pulse, &|n| pulse_points(whole(n))),
            consciousness(values)
                .map(|reading| News2Line {
                    item: News2Item::Consciousness,
                    reading,
                    points: if is_clear(reading) { 0 } else { 3 },
                })
                .ok_or(News2Item::Consciousness.field()),
            measured(News2Item::Temperature, &|n| temperature_points(whole(n * 10.0))),
        ];
        let fields: Vec<_> = rows.iter().filter_map(|row| row.err()).collect();
        let [Ok(a), Ok(b), Ok(c), Ok(d), Ok(e), Ok(f), Ok(g)] = rows else {
            return Err(News2Missing::Items { fields });
        };
        let lines = [a, b, c, d, e, f, g];
        let total = lines.iter().map(|line| line.points).sum();
        let single_three = lines.iter().any(|line| line.points == 3);
        Ok(News2 { scale, lines, total, response: response(total, single_three) })
    }
}

fn response(total: u8, single_three: bool) -> Response {
    match total {
        7.. => Response::High,
        5..=6 => Response::Medium,
        _ if single_three => Response::SingleThree,
        1..=4 => Response::Low,
        0 => Response::Zero,
    }
}

/// The form's own step: what stands on the screen is what is looked up.
fn whole(n: f64) -> i64 {
    n.round() as i64
}

/// Room air or oxygen. A blank field is room air, the one blank that means something: the form has no other box for
/// "no oxygen", and a nurse leaves the litres empty for everybody who has none. "Not measured" stays missing.
fn oxygen(values: &Values) -> Option<Reading> {
    match values.get("oxygen_l_per_min") {
        None => Some(Reading::RoomAir),
        Some(_) => match number(values, "oxygen_l_per_min")? {
            litres if litres > 0.0 => Some(Reading::OxygenLPerMin(litres)),
            _ => Some(Reading::RoomAir),
        },
    }
}

/// ACVPU when the nurse chose it, else JCS. A letter that this version does not know is not guessed at.
fn consciousness(values: &Values) -> Option<Reading> {
    match values.get("consciousness_acvpu") {
        Some(FieldValue::Word(word)) => {
            ['A', 'C', 'V', 'P', 'U'].into_iter().find(|letter| word.chars().eq([*letter])).map(Reading::Acvpu)
        }
        _ => number(values, "consciousness_jcs").filter(|step| *step >= 0.0).map(Reading::Jcs),
    }
}

fn is_clear(reading: Reading) -> bool {
    reading == Reading::Acvpu('A') || reading == Reading::Jcs(0.0)
}

fn respiration_points(per_minute: i64) -> u8 {
    match per_minute {
        ..=8 => 3,
        9..=11 => 1,
        12..=20 => 0,
        21..=24 => 2,
        25.. => 3,
    }
}

fn spo2_points(scale: SpO2Scale, percent: i64, on_oxygen: bool) -> u8 {
    match (scale, percent) {
        (SpO2Scale::One, ..=91) => 3,
        (SpO2Scale::One, 92..=93) => 2,
        (SpO2Scale::One, 94..=95) => 1,
        (SpO2Scale::One, 96..) => 0,
        (SpO2Scale::Two, ..=83) => 3,
        (SpO2Scale::Two, 84..=85) => 2,
        (SpO2Scale::Two, 86..=87) => 1,
        (SpO2Scale::Two, 88..=92) => 0,
        // Above the target is harmful only where oxygen drives it there.
        (SpO2Scale::Two, 93..) if !on_oxygen => 0,
        (SpO2Scale::Two, 93..=94) => 1,
        (SpO2Scale::Two, 95..=96) => 2,
        (SpO2Scale::Two, 97..) => 3,
    }
}

fn systolic_points(mmhg: i64) -> u8 {
    match mmhg {
        ..=90 => 3,
        91..=100 => 2,
        101..=110 => 1,
        111..=219 => 0,
        220.. => 3,
    }
}

fn pulse_points(per_minute: i64) -> u8 {
    match per_minute {
        ..=40 => 3,
        41..=50 => 1,
        51..=90 => 0,
        91..=110 => 1,
        111..=130 => 2,
        131.. => 3,
    }
}

/// In tenths of a degree, so that 38.0 is not 37.999….
fn temperature_points(tenths: i64) -> u8 {
    match tenths {
        ..=350 => 3,
        351..=360 => 1,
        361..=380 => 0,
        381..=390 => 1,
        391.. => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A calm adult on room air: 0 points.
    fn calm() -> Values {
        [
            ("respiration_bpm", 16.0),
            ("spo2_percent", 98.0),
            ("systolic_mmhg", 128.0),
            ("pulse_bpm", 72.0),
            ("consciousness_jcs", 0.0),
            ("temperature_c", 36.6),
        ]
        .map(|(field, n)| (field.to_string(), FieldValue::Number(n)))
        .into()
    }

    fn with(changes: &[(&str, FieldValue)]) -> Values {
        let mut values = calm();
        values.extend(changes.iter().map(|(field, value)| (field.to_string(), value.clone())));
        values
    }

    fn numbers(changes: &[(&str, f64)]) -> Values {
        with(&changes.iter().map(|(field, n)| (*field, FieldValue::Number(*n))).collect::<Vec<_>>())
    }

    fn total(values: &Values, scale: SpO2Scale) -> Result<u8, News2Missing> {
        News2::of(values, scale, Some(82)).map(|score| score.total)
    }

    fn missing(fields: &[&'static str]) -> Result<u8, News2Missing> {
        Err(News2Missing::Items { fields: fields.to_vec() })
    }

    #[test]
    fn at_n1_a_fevered_person_on_room_air_scores_seven_and_shows_how() -> Result<(), News2Missing> {
        let mut values = numbers(&[
            ("systolic_mmhg", 108.0),
            ("diastolic_mmhg", 70.0),
            ("pulse_bpm", 104.0),
            ("temperature_c", 38.4),
            ("respiration_bpm", 24.0),
            ("spo2_percent", 93.0),
        ]);
        values.insert("consciousness_acvpu".into(), FieldValue::Word("A".into()));
        let score = News2::of(&values, SpO2Scale::One, Some(82))?;
        assert_eq!((score.total, score.response), (7, Response::High));
        assert_eq!(score.lines.map(|line| line.points), [2, 2, 0, 1, 1, 0, 1]);
        assert_eq!(score.lines[0].reading, Reading::Measured(24.0));
        assert_eq!(score.lines[2].reading, Reading::RoomAir);
        assert_eq!(score.lines[5].reading, Reading::Acvpu('A'));
        Ok(())
    }

    #[test]
    fn at_n2_fast_breathing_alone_scores_two() -> Result<(), News2Missing> {
        let values = numbers(&[
            ("systolic_mmhg", 140.0),
            ("diastolic_mmhg", 85.0),
            ("pulse_bpm", 84.0),
            ("temperature_c", 37.5),
            ("respiration_bpm", 22.0),
            ("spo2_percent", 96.0),
        ]);
        let score = News2::of(&values, SpO2Scale::One, None)?;
        assert_eq!((score.total, score.response), (2, Response::Low));
        Ok(())
    }

    #[test]
    fn every_boundary_of_the_table_falls_on_its_side() {
        let table: &[(&str, &[(f64, u8)])] = &[
            (
                "respiration_bpm",
                &[(8.0, 3), (9.0, 1), (11.0, 1), (12.0, 0), (20.0, 0), (21.0, 2), (24.0, 2), (25.0, 3)],
            ),
            ("spo2_percent", &[(91.0, 3), (92.0, 2), (93.0, 2), (94.0, 1), (95.0, 1), (96.0, 0), (100.0, 0)]),
            (
                "systolic_mmhg",
                &[(90.0, 3), (91.0, 2), (100.0, 2), (101.0, 1), (110.0, 1), (111.0, 0), (219.0, 0), (220.0, 3)],
            ),
            (
                "pulse_bpm",
                &[
                    (40.0, 3),
                    (41.0, 1),
                    (50.0, 1),
                    (51.0, 0),
                    (90.0, 0),
                    (91.0, 1),
                    (110.0, 1),
                    (111.0, 2),
                    (130.0, 2),
                    (131.0, 3),
                ],
            ),
            (
                "temperature_c",
                &[(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)],
            ),
            ("oxygen_l_per_min", &[(0.0, 0), (0.5, 2)]),
            ("consciousness_jcs", &[(0.0, 0), (1.0, 3), (300.0, 3)]),
        ];
        for (field, rows) in table {
            for (value, points) in *rows {
                assert_eq!(total(&numbers(&[(field, *value)]), SpO2Scale::One), Ok(*points), "{field} {value}");
            }
        }
    }

    #[test]
    fn on_scale_two_too_much_oxygen_counts_and_room_air_does_not() {
        for (percent, on_air, on_oxygen) in [
            (83.0, 3, 3),
            (84.0, 2, 2),
            (85.0, 2, 2),
            (86.0, 1, 1),
            (87.0, 1, 1),
            (88.0, 0, 0),
            (92.0, 0, 0),
            (93.0, 0, 1),
            (94.0, 0, 1),
            (95.0, 0, 2),
            (96.0, 0, 2),
            (97.0, 0, 3),
            (100.0, 0, 3),
        ] {
            assert_eq!(total(&numbers(&[("spo2_percent", percent)]), SpO2Scale::Two), Ok(on_air), "{percent} air");
            let oxygen = numbers(&[("spo2_percent", percent), ("oxygen_l_per_min", 2.0)]);
            assert_eq!(total(&oxygen, SpO2Scale::Two), Ok(on_oxygen + 2), "{percent} oxygen");
        }
    }

    #[test]
    fn a_missing_item_hides_the_score_and_is_named() {
        for field in ["respiration_bpm", "spo2_percent", "systolic_mmhg", "pulse_bpm", "temperature_c"] {
            let mut values = calm();
            values.remove(field);
            assert_eq!(total(&values, SpO2Scale::One), missing(&[field]));
            values.insert(field.into(), FieldValue::Unmeasured("拒否".into()));
            assert_eq!(total(&values, SpO2Scale::One), missing(&[field]), "not measured is not normal");
        }
        let mut values = calm();
        values.remove("consciousness_jcs");
        values.remove("pulse_bpm");
        assert_eq!(total(&values, SpO2Scale::One), missing(&["pulse_bpm", "consciousness_jcs"]));
    }

    #[test]
    fn no_litres_written_is_room_air_but_litres_not_measured_are_missing() {
        assert_eq!(total(&calm(), SpO2Scale::One), Ok(0));
        let unmeasured = with(&[("oxygen_l_per_min", FieldValue::Unmeasured("機器なし".into()))]);
        assert_eq!(total(&unmeasured, SpO2Scale::One), missing(&["oxygen_l_per_min"]));
    }

    #[test]
    fn the_letter_is_taken_before_the_coma_scale_and_an_unknown_letter_is_not_guessed() {
        let said = |letter: &str, jcs: f64| {
            let mut values = numbers(&[("consciousness_jcs", jcs)]);
            values.insert("consciousness_acvpu".into(), FieldValue::Word(letter.into()));
            total(&values, SpO2Scale::One)
        };
        assert_eq!(said("A", 2.0), Ok(0));
        for letter in ["C", "V", "P", "U"] {
            assert_eq!(said(letter, 0.0), Ok(3), "{letter}");
        }
        assert_eq!(said("X", 0.0), missing(&["consciousness_jcs"]));
    }

    #[test]
    fn a_child_gets_no_score() {
        assert_eq!(News2::of(&calm(), SpO2Scale::One, Some(15)), Err(News2Missing::Under16));
        assert!(News2::of(&calm(), SpO2Scale::One, Some(16)).is_ok());
    }

    #[test]
    fn each_band_has_its_response_and_one_three_is_more_than_low() {
        for (values, band) in [
            (calm(), Response::Zero),
            (numbers(&[("pulse_bpm", 91.0)]), Response::Low),
            (numbers(&[("respiration_bpm", 21.0), ("pulse_bpm", 111.0)]), Response::Low),
            (numbers(&[("respiration_bpm", 25.0)]), Response::SingleThree),
            (numbers(&[("respiration_bpm", 25.0), ("pulse_bpm", 91.0)]), Response::SingleThree),
            (numbers(&[("respiration_bpm", 25.0), ("pulse_bpm", 111.0)]), Response::Medium),
            (numbers(&[("respiration_bpm", 25.0), ("pulse_bpm", 131.0)]), Response::Medium),
            (numbers(&[("respiration_bpm", 25.0), ("pulse_bpm", 131.0), ("spo2_percent", 95.0)]), Response::High),
        ] {
            assert_eq!(News2::of(&values, SpO2Scale::One, None).map(|score| score.response), Ok(band));
        }
    }
}
