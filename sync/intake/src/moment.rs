//! Written dates and times, of FHIR and of HL7 v2. Without a zone they are Japan's.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

const JAPAN: Offset = Offset::constant(9);

/// A written point in time: the instant, and Japan's calendar day if it was written as exactly as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub at: Timestamp,
    pub day: Option<Date>,
}

/// What stands for "nobody said when": the UNIX epoch. A record without any date is still shown (an allergy must
/// not be lost for want of a date), and any dated delivery of it is later.
pub(crate) const UNKNOWN: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) fn midnight(day: Date) -> Option<Timestamp> {
    JAPAN.to_timestamp(day.to_datetime(Time::midnight())).ok()
}

impl Moment {
    fn of_day(day: Date) -> Option<Self> {
        Some(Self { at: midnight(day)?, day: Some(day) })
    }

    fn of_instant(at: Timestamp) -> Self {
        Self { at, day: Some(JAPAN.to_datetime(at).date()) }
    }

    fn of_civil(time: DateTime) -> Option<Self> {
        Some(Self { at: JAPAN.to_timestamp(time).ok()?, day: Some(time.date()) })
    }

    /// `2018`, `2022-05`, `2022-06-09`, `2021-07-09T14:11:13.000+09:00`.
    pub fn fhir(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains('T') {
            if let Ok(at) = text.parse::<Timestamp>() {
                return Some(Self::of_instant(at));
            }
            return Self::of_civil(text.parse().ok()?);
        }
        match text.len() {
            4 => Self::of_month(text.parse().ok()?, 1),
            7 => {
                let (year, month) = text.split_once('-')?;
                Self::of_month(year.parse().ok()?, month.parse().ok()?)
            }
            _ => Self::of_day(text.parse().ok()?),
        }
    }

    /// Known to the month or year only: an instant to sort by, but no day to show.
    fn of_month(year: i16, month: i8) -> Option<Self> {
        Some(Self { at: midnight(Date::new(year, month, 1).ok()?)?, day: None })
    }

    /// `YYYY[MM[DD[HHMM[SS[.ffff]]]]][+ZZZZ]`, and the 17 digits of a file name (`…SSfff`).
    pub fn hl7(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, zone) = match text.find(['+', '-']) {
            Some(i) => (text.get(..i)?, Some(text.get(i..)?)),
            None => (text, None),
        };
        let digits: String = local.chars().filter(|c| *c != '.').collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number = |from: usize, to: usize| digits.get(from..to).and_then(|d| d.parse::<i16>().ok());
        let year = number(0, 4)?;
        let Some(month) = number(4, 6) else { return Self::of_month(year, 1) };
        let Some(day) = number(6, 8) else { return Self::of_month(year, month as i8) };
        let date = Date::new(year, month as i8, day as i8).ok()?;
        let (Some(hour), Some(minute)) = (number(8, 10), number(10, 12)) else {
            return Self::of_day(date);
        };
        let second = number(12, 14).unwrap_or(0).min(59);
        let millisecond = number(14, 17).or_else(|| number(14, 16).map(|n| n * 10)).unwrap_or(0);
        // 24:00 is written by some systems for "the day without a time".
        let Ok(time) = Time::new(hour as i8, minute as i8, second as i8, i32::from(millisecond) * 1_000_000) else {
            return Self::of_day(date);
        };
        let civil = date.to_datetime(time);
        match zone.and_then(zone_of) {
            Some(offset) => Some(Self::of_instant(offset.to_timestamp(civil).ok()?)),
            None => Self::of_civil(civil),
        }
    }
}

/// `+0900`
fn zone_of(text: &str) -> Option<Offset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let hours: i32 = text.get(1..3)?.parse().ok()?;
    let minutes: i32 = text.get(3..5)?.parse().ok()?;
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_is_japans_whatever_zone_the_hospital_wrote() {
        let late = Moment::fhir("2026-11-21T20:30:00Z").expect("a time");
        assert_eq!(late.day, Some(date(2026, 11, 22)));
        let written = Moment::hl7("20261121203000+0000").expect("a time");
        assert_eq!(written, late);
    }

    #[test]
    fn a_year_alone_is_no_day() {
        assert_eq!(Moment::fhir("2018").expect("a year").day, None);
        assert_eq!(Moment::hl7("201805").expect("a month").day, None);
    }

    #[test]
    fn a_file_names_seventeen_digits_and_a_message_time_are_read() {
        let name = Moment::hl7("20241105080432954").expect("17 digits");
        let message = Moment::hl7("20241105080432.95").expect("a fraction");
        assert_eq!(name.at.as_millisecond() - message.at.as_millisecond(), 4);
        assert_eq!(name.day, Some(date(2024, 11, 5)));
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in ["", "-", "20241399", "99999999999999999", "2024-13-01", "今日", "2024年1月1日", "-0900", "+"]
        {
            assert_eq!(Moment::hl7(text).and_then(|m| m.day), None, "{text}");
            assert_eq!(Moment::fhir(text).and_then(|m| m.day), None, "{text}");
        }
    }
}
