//! Days and hours as Japan counts them. Stored dates are ISO; 和暦 is for eyes.

use icu_calendar::cal::Japanese;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// Japan's zone. It has had no daylight saving since 1952, so a fixed offset is exact for every date we keep.
pub fn japan() -> TimeZone {
    TimeZone::fixed(Offset::constant(9))
}

/// The calendar day in Japan at an instant, whatever the device's own zone.
pub fn day_in_japan(at: Timestamp) -> Date {
    zoned_in_japan(at).date()
}

pub fn zoned_in_japan(at: Timestamp) -> Zoned {
    at.to_zoned(japan())
}

/// The instant of a wall-clock time in Japan.
pub fn instant_in_japan(at: DateTime) -> Option<Timestamp> {
    at.to_zoned(japan()).ok().map(|zoned| zoned.timestamp())
}

/// RFC 3339 with Japan's offset, to the second: `2026-11-22T09:32:00+09:00`.
pub fn rfc3339_in_japan(at: Timestamp) -> String {
    zoned_in_japan(at).strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string()
}

/// A date in the Japanese era calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EraDate {
    /// 令和, 平成, 昭和, 大正, 明治; before Meiji the Western era.
    pub era: &'static str,
    /// 1 is written 元.
    pub year: i32,
    pub month: i8,
    pub day: i8,
}

impl std::fmt::Display for EraDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.era)?;
        if self.year == 1 {
            f.write_str("元")?
        } else {
            write!(f, "{}", self.year)?
        }
        write!(f, "年{}月{}日", self.month, self.day)
    }
}

/// 和暦 of a date.
pub fn era_date(date: Date) -> EraDate {
    let western = EraDate { era: "西暦", year: i32::from(date.year()), month: date.month(), day: date.day() };
    let Ok(iso) = icu_calendar::Date::try_new_iso(date.year().into(), date.month() as u8, date.day() as u8) else {
        return western;
    };
    let japanese = iso.to_calendar(Japanese::new());
    let Some(year) = japanese.year().era() else { return western };
    let era = match year.era.as_str() {
        "reiwa" => "令和",
        "heisei" => "平成",
        "showa" => "昭和",
        "taisho" => "大正",
        "meiji" => "明治",
        _ => return western,
    };
    EraDate { era, year: year.year, ..western }
}

/// 満年齢 on a day: full years since birth.
pub fn age_on(birth: Date, day: Date) -> i16 {
    let had_birthday = (day.month(), day.day()) >= (birth.month(), birth.day());
    day.year() - birth.year() - i16::from(!had_birthday)
}

/// 日月火水木金土
pub fn weekday_kanji(date: Date) -> &'static str {
    const NAMES: [&str; 7] = ["日", "月", "火", "水", "木", "金", "土"];
    NAMES[date.weekday().to_sunday_zero_offset() as usize % 7]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn at_j5_eras_change_on_the_day() {
        for (day, said) in [
            (date(1989, 1, 7), "昭和64年1月7日"),
            (date(1989, 1, 8), "平成元年1月8日"),
            (date(2019, 4, 30), "平成31年4月30日"),
            (date(2019, 5, 1), "令和元年5月1日"),
            (date(1926, 12, 25), "昭和元年12月25日"),
            (date(1926, 12, 24), "大正15年12月24日"),
        ] {
            assert_eq!(era_date(day).to_string(), said);
        }
    }

    #[test]
    fn an_age_counts_full_years() {
        assert_eq!(age_on(date(1944, 10, 18), date(2026, 10, 17)), 81);
        assert_eq!(age_on(date(1944, 10, 18), date(2026, 10, 18)), 82);
    }

    #[test]
    fn the_day_is_japans_wherever_the_phone_believes_to_be() -> Result<(), jiff::Error> {
        let late: Timestamp = "2026-11-21T15:30:00Z".parse()?;
        assert_eq!(day_in_japan(late), date(2026, 11, 22));
        Ok(())
    }
}
