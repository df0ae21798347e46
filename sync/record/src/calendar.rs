//! Days and hours as Japan counts them. Stored dates are ISO; 和暦 is for eyes.

use icu_calendar::cal::Japanese;
use icu_normalizer::ComposingNormalizer;
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

/// An instant on Japan's clocks.
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
    /// 1 to 12.
    pub month: i8,
    /// 1 to 31.
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

impl EraDate {
    /// The seven characters of forms and insurance cards: `S101015`. None before 明治6年 and after a hundredth year.
    pub fn short(&self) -> Option<String> {
        let era = ERAS.iter().find(|era| era.kanji == self.era)?;
        (1..=99).contains(&self.year).then(|| format!("{}{:02}{:02}{:02}", era.letter, self.year, self.month, self.day))
    }
}

/// One era as ICU calls it and as people write it.
struct Era {
    icu: &'static str,
    kanji: &'static str,
    letter: char,
}

/// The eras a birth date can be in. Where each begins and ends is ICU4X's knowledge, not ours.
const ERAS: [Era; 5] = [
    Era { icu: "reiwa", kanji: "令和", letter: 'R' },
    Era { icu: "heisei", kanji: "平成", letter: 'H' },
    Era { icu: "showa", kanji: "昭和", letter: 'S' },
    Era { icu: "taisho", kanji: "大正", letter: 'T' },
    Era { icu: "meiji", kanji: "明治", letter: 'M' },
];

/// 和暦 of a date.
pub fn era_date(date: Date) -> EraDate {
    let western = EraDate { era: "西暦", year: i32::from(date.year()), month: date.month(), day: date.day() };
    let Ok(iso) = icu_calendar::Date::try_new_iso(date.year().into(), date.month() as u8, date.day() as u8) else {
        return western;
    };
    let japanese = iso.to_calendar(Japanese::new());
    let Some(year) = japanese.year().era() else { return western };
    match ERAS.iter().find(|era| era.icu == year.era.as_str()) {
        Some(era) => EraDate { era: era.kanji, year: year.year, ..western },
        None => western,
    }
}

/// Why a typed date was refused. Never repeats what was typed; the suggested day is the only date it may carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateInputError {
    /// Not one of the forms of [`parse_date`].
    #[error("a date is written 1935-10-15, 昭和10年10月15日, S10.10.15 or S101015")]
    Unreadable,
    /// 31 April, 29 February of a common year, a thirteenth month, a year 0.
    #[error("that month has no such day; look at the date again")]
    NoSuchDay,
    /// The era had not begun or was over on that day: AT-J6.
    #[error("that day lies outside its era; it is written {written}")]
    OutsideEra {
        /// The same day of the same Western year, in the era it belongs to.
        suggested: Date,
        /// 和暦 of `suggested`, to show beside the field.
        written: String,
    },
    /// 明治1–5年: days were counted by the moon, so the written day is another one in our calendar.
    #[error("up to 明治5年 days were counted by the moon; write the Western date, such as 1872-12-31")]
    LunarCalendar,
}

impl DateInputError {
    /// The day that was probably meant, when there is one.
    pub fn suggested(&self) -> Option<Date> {
        match self {
            Self::OutsideEra { suggested, .. } => Some(*suggested),
            Self::Unreadable | Self::NoSuchDay | Self::LunarCalendar => None,
        }
    }
}

/// Reads a date as nurses and insurance cards write it, full-width or half-width:
/// `1935-10-15`, `1935/10/15`, `19351015`, `1935年10月15日`; `昭和10年10月15日`, `平成元年2月1日`; `S10.10.15`, `R8/11/22`;
/// `S101015`.
///
/// ```
/// # use record::calendar::parse_date;
/// assert_eq!(parse_date("Ｓ１０１０１５"), parse_date("1935-10-15"));
/// ```
pub fn parse_date(text: &str) -> Result<Date, DateInputError> {
    let text = plain_date(text);
    let (era, rest) = split_era(&text);
    let (year, month, day) = split_numbers(rest, era.is_some()).ok_or(DateInputError::Unreadable)?;
    match era {
        Some(era) => day_of_era(era, year, month, day),
        None => Date::new(year, month, day).map_err(|_| DateInputError::NoSuchDay),
    }
}

/// Half-width letters and digits, one kind of hyphen and point, ㍻ in two characters. A blank stays only where it parts
/// two numbers: `1935 1 11` must not become `1935111`.
fn plain_date(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for c in ComposingNormalizer::new_nfkc().normalize_iter(text.trim().chars()) {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) && c.is_ascii_digit() && out.ends_with(|before: char| before.is_ascii_digit()) {
            out.push(' ');
        }
        out.push(match c {
            '。' | '・' => '.',
            'ー' | '−' | '‐' | '–' => '-',
            c => c,
        });
    }
    out
}

fn split_era(text: &str) -> (Option<&'static Era>, &str) {
    for era in &ERAS {
        let letter = |c: char| c.eq_ignore_ascii_case(&era.letter);
        if let Some(rest) = text.strip_prefix(era.kanji).or_else(|| text.strip_prefix(letter)) {
            return (Some(era), rest);
        }
    }
    (None, text.strip_prefix("西暦").unwrap_or(text))
}

/// Year, month and day: in kanji, with one separator twice, or digits alone (yymmdd of an era, yyyymmdd without).
fn split_numbers(text: &str, of_era: bool) -> Option<(i16, i8, i8)> {
    let year_digits = if of_era { 2 } else { 4 };
    let (year, month, day) = if text.len() == year_digits + 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        let (year, month_day) = text.split_at(year_digits);
        let (month, day) = month_day.split_at(2);
        (year, month, day)
    } else if let Some((year, month_day)) = text.split_once('年') {
        let (month, day) = month_day.split_once('月')?;
        (year, month, day.strip_suffix('日').unwrap_or(day))
    } else {
        let separator = text.chars().find(|c| matches!(c, '.' | '/' | '-' | ' '))?;
        let (year, month_day) = text.split_once(separator)?;
        let (month, day) = month_day.split_once(separator)?;
        (year, month, day)
    };
    let year = match (of_era, year) {
        (true, "元") => 1,
        (true, year) => digits(year, 1..=3)?,
        (false, year) => digits(year, 4..=4)?,
    };
    Some((year, i8::try_from(digits(month, 1..=2)?).ok()?, i8::try_from(digits(day, 1..=2)?).ok()?))
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let number = length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if number { text.parse().ok() } else { None }
}

fn day_of_era(era: &'static Era, year: i16, month: i8, day: i8) -> Result<Date, DateInputError> {
    let (Ok(icu_month), Ok(icu_day), 1..) = (u8::try_from(month), u8::try_from(day), year) else {
        return Err(DateInputError::NoSuchDay);
    };
    if era.icu == "meiji" && year < 6 {
        return Err(DateInputError::LunarCalendar);
    }
    let western_year =
        icu_calendar::Date::try_new_japanese_with_calendar(era.icu, year.into(), icu_month, icu_day, Japanese::new())
            .ok()
            .and_then(|japanese| i16::try_from(japanese.year().extended_year()).ok())
            .ok_or(DateInputError::NoSuchDay)?;
    let date = Date::new(western_year, month, day).map_err(|_| DateInputError::NoSuchDay)?;
    let right = era_date(date);
    if right.era == era.kanji {
        Ok(date)
    } else {
        Err(DateInputError::OutsideEra { suggested: date, written: right.to_string() })
    }
}

/// 満年齢 on a day: full years since birth. Who was born on 29 February is a year older on 1 March of a common year
/// (the law's "end of the day before the birthday" counts for rights, not for what we show).
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
    use jiff::ToSpan;
    use jiff::civil::date;
    use proptest::prelude::*;

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
    fn at_j6_a_day_after_its_era_is_refused_with_the_right_era() {
        let refused = parse_date("昭和64年2月1日");
        assert_eq!(
            refused,
            Err(DateInputError::OutsideEra { suggested: date(1989, 2, 1), written: "平成元年2月1日".into() })
        );
        let error = refused.err();
        assert_eq!(error.as_ref().and_then(DateInputError::suggested), Some(date(1989, 2, 1)));
        let said = error.map(|e| e.to_string()).unwrap_or_default();
        assert!(said.contains("平成元年2月1日") && !said.contains("昭和"), "{said}");
    }

    #[test]
    fn at_j6_a_day_before_its_era_is_refused_with_the_right_era() {
        for (typed, suggested, written) in [
            ("令和元年4月30日", date(2019, 4, 30), "平成31年4月30日"),
            ("H1.1.7", date(1989, 1, 7), "昭和64年1月7日"),
            ("S011224", date(1926, 12, 24), "大正15年12月24日"),
            ("T1/7/29", date(1912, 7, 29), "明治45年7月29日"),
            ("平成31年5月1日", date(2019, 5, 1), "令和元年5月1日"),
            ("昭和100年1月1日", date(2025, 1, 1), "令和7年1月1日"),
        ] {
            assert_eq!(parse_date(typed), Err(DateInputError::OutsideEra { suggested, written: written.into() }));
        }
    }

    #[test]
    fn at_j5_the_edges_of_an_era_are_read_back() {
        for (typed, day) in [
            ("昭和64年1月7日", date(1989, 1, 7)),
            ("平成元年1月8日", date(1989, 1, 8)),
            ("平成31年4月30日", date(2019, 4, 30)),
            ("令和元年5月1日", date(2019, 5, 1)),
            ("昭和元年12月25日", date(1926, 12, 25)),
            ("大正15年12月24日", date(1926, 12, 24)),
            ("大正元年7月30日", date(1912, 7, 30)),
            ("明治6年1月1日", date(1873, 1, 1)),
        ] {
            assert_eq!(parse_date(typed), Ok(day), "{typed}");
        }
    }

    #[test]
    fn one_birth_date_is_read_however_it_is_written() {
        for typed in [
            "1935-10-15",
            "1935/10/15",
            "1935.10.15",
            "19351015",
            "1935 10 15",
            "1935年10月15日",
            "西暦1935年10月15日",
            "１９３５－１０－１５",
            "１９３５ー１０ー１５",
            "昭和10年10月15日",
            "昭和１０年１０月１５日",
            " 昭和 10年 10月 15日　",
            "㍼10年10月15日",
            "S10.10.15",
            "s10/10/15",
            "S10-10-15",
            "Ｓ１０．１０．１５",
            "S101015",
            "s101015",
            "Ｓ１０１０１５",
            "ｓ１０１０１５",
        ] {
            assert_eq!(parse_date(typed), Ok(date(1935, 10, 15)), "{typed}");
        }
        for (typed, day) in [
            ("R8/11/22", date(2026, 11, 22)),
            ("令和8年11月22日", date(2026, 11, 22)),
            ("R元.5.1", date(2019, 5, 1)),
            ("平成1年2月1日", date(1989, 2, 1)),
            ("H01.02.01", date(1989, 2, 1)),
            ("T151224", date(1926, 12, 24)),
            ("m450729", date(1912, 7, 29)),
        ] {
            assert_eq!(parse_date(typed), Ok(day), "{typed}");
        }
    }

    #[test]
    fn an_impossible_day_is_refused() {
        for typed in [
            "1935-02-29",
            "1935-13-01",
            "1935-00-10",
            "19350431",
            "昭和10年2月29日",
            "S100431",
            "S101301",
            "S100010",
            "R080229",
            "昭和0年1月1日",
            "平成99年99月99日",
        ] {
            assert_eq!(parse_date(typed), Err(DateInputError::NoSuchDay), "{typed}");
        }
        assert_eq!(parse_date("昭和11年2月29日"), Ok(date(1936, 2, 29)));
    }

    #[test]
    fn what_is_not_a_date_is_not_guessed_at() {
        for typed in [
            "",
            " ",
            "わたなべ",
            "S",
            "昭和",
            "S10",
            "S10101",
            "S1010155",
            "S19351015",
            "101015",
            "1935101",
            "1935-10",
            "35-10-15",
            "1935-10-15-1",
            "1935-10/15",
            "1935 1011",
            "昭和10年10月",
            "X101015",
            "+935-10-15",
            "S10.-1.15",
            "昭和一年",
        ] {
            assert_eq!(parse_date(typed), Err(DateInputError::Unreadable), "{typed}");
        }
    }

    #[test]
    fn a_day_counted_by_the_moon_is_not_taken_for_a_solar_one() {
        assert_eq!(parse_date("明治5年12月2日"), Err(DateInputError::LunarCalendar));
        assert_eq!(parse_date("M010908"), Err(DateInputError::LunarCalendar));
    }

    #[test]
    fn every_day_from_1873_to_2035_is_read_back_from_its_era_and_its_short_form() {
        let mut day = date(1873, 1, 1);
        let mut days = 0;
        while day <= date(2035, 12, 31) {
            let era = era_date(day);
            assert_eq!(parse_date(&era.to_string()), Ok(day));
            let short = era.short();
            assert_eq!(short.as_ref().map(|s| s.chars().count()), Some(7), "{day}");
            assert_eq!(short.map(|s| parse_date(&s)), Some(Ok(day)));
            day = day.saturating_add(1.day());
            days += 1;
        }
        assert_eq!(days, 59_534);
    }

    proptest! {
        #[test]
        fn a_date_of_any_form_is_read_back(year in 1873i16..=2035, month in 1i8..=12, day in 1i8..=28) {
            let day = date(year, month, day);
            let era = era_date(day);
            let letter = era.short().map(|s| s.chars().take(1).collect::<String>()).unwrap_or_default();
            for typed in [
                day.to_string(),
                day.strftime("%Y/%-m/%-d").to_string(),
                day.strftime("%Y%m%d").to_string(),
                format!("{letter}{}.{}.{}", era.year, era.month, era.day),
                format!("{}/{}/{}", letter.to_lowercase() + &era.year.to_string(), era.month, era.day),
            ] {
                prop_assert_eq!(parse_date(&typed), Ok(day), "{}", typed);
            }
        }

        #[test]
        fn a_refusal_does_not_repeat_what_was_typed(name in "[渡邊花子]{2,4}[A-Za-z]{3,6}[0-9]{4,6}") {
            let refusal = parse_date(&name);
            prop_assert!(refusal.is_err());
            if let Err(error) = refusal {
                let said = format!("{error} {error:?}");
                prop_assert!(!said.contains(&name), "{}", said);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}", noise in "[SHR昭和令元年月日0-9０-９ ./-]{0,12}") {
            for typed in [text, noise] {
                if let Ok(day) = parse_date(&typed) {
                    prop_assert!(typed.chars().any(|c| c.is_numeric()), "{} became {}", typed, day);
                }
            }
        }
    }

    #[test]
    fn an_age_counts_full_years() {
        assert_eq!(age_on(date(1944, 10, 18), date(2026, 10, 17)), 81);
        assert_eq!(age_on(date(1944, 10, 18), date(2026, 10, 18)), 82);
        assert_eq!(age_on(date(1944, 10, 18), date(2027, 1, 1)), 82);
        assert_eq!(age_on(date(2026, 11, 22), date(2026, 11, 22)), 0);
    }

    #[test]
    fn who_was_born_on_29_february_is_a_year_older_on_1_march_of_a_common_year() {
        let birth = date(1936, 2, 29);
        assert_eq!(age_on(birth, date(2026, 2, 28)), 89);
        assert_eq!(age_on(birth, date(2026, 3, 1)), 90);
        assert_eq!(age_on(birth, date(2028, 2, 28)), 91);
        assert_eq!(age_on(birth, date(2028, 2, 29)), 92);
    }

    #[test]
    fn the_day_is_japans_wherever_the_phone_believes_to_be() -> Result<(), jiff::Error> {
        let late: Timestamp = "2026-11-21T15:30:00Z".parse()?;
        assert_eq!(day_in_japan(late), date(2026, 11, 22));
        Ok(())
    }
}
