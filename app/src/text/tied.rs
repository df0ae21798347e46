//! What no line may tear apart: a number and its unit, a name with a hyphen, the two signs of 時間, what stands between two parts
//! and the first of them. Words for the screen only: the app writes nothing of it into a record. Whoever copies words off the
//! screen and pastes them into a field brings it along.

/// A blank at which no line breaks.
pub const TIE: char = '\u{a0}';
/// Takes no room, and no line breaks at it.
const JOINER: char = '\u{2060}';

/// Between the parts of one line.
const DOT: &str = "\u{a0}· ";
/// Stand between two parts and stay with the first: no line begins with them.
pub const BETWEEN: [char; 5] = ['·', '—', '–', '〜', '/'];
/// Stay with what they are explained by.
const SIGNS: [char; 5] = ['○', '◎', '□', '△', '✕'];
/// Units in the sentences of the Fluent files.
const UNITS: [&str; 6] = ["%", "KB", "MB", "h", "min", "{ $unit }"];
/// Japanese counters, which follow their number without a blank.
const COUNTERS: [&str; 10] = ["分", "歳", "日", "件", "名", "剤", "回", "か月", "年", "時"];
/// Names that a line would break at their hyphen.
const NAMES: [&str; 2] = ["Wi-Fi", "DESIGN-R"];
/// Reads as one counter and as one word; an engine that knows no phrases would break it after 時.
const HOURS: &str = "時間";

/// The parts of one line, with a dot between them; empty ones are left out.
pub fn dotted<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<T> = parts.into_iter().filter(|part| !part.as_ref().is_empty()).collect();
    parts.iter().map(|part| part.as_ref()).collect::<Vec<&str>>().join(DOT)
}

/// 36.5 ℃; without a unit the value alone.
pub fn with_unit(value: &str, unit: &str) -> String {
    if unit.is_empty() { value.to_string() } else { format!("{value}{TIE}{}", whole_unit(unit)) }
}

/// mg/dL in one piece. mL/min/1.73m² may break behind its slashes: a narrow line would else break it anywhere.
pub fn whole_unit(unit: &str) -> String {
    let is_short = unit.matches('/').count() == 1 && !unit.contains(JOINER);
    if is_short { unit.replace('/', &format!("/{JOINER}")) } else { unit.to_string() }
}

/// 時間 in one piece.
pub fn hours_whole(words: &str) -> String {
    words.replace(HOURS, &format!("時{JOINER}間"))
}

/// A Fluent file whose own words are tied. The values that they are given later are not touched.
pub fn tied(source: &str) -> String {
    let mut tied = hours_whole(&with_counters_tied(&with_units_tied(source)));
    for between in BETWEEN {
        tied = tied.replace(&format!(" {between} "), &format!("{TIE}{between} "));
    }
    for sign in SIGNS {
        tied = tied.replace(&format!("{sign} "), &format!("{sign}{TIE}"));
    }
    for name in NAMES {
        tied = tied.replace(name, &name.replace('-', &format!("-{JOINER}")));
    }
    tied
}

/// The blank between a number, or the place of one, and a unit.
fn with_units_tied(source: &str) -> String {
    let mut tied = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, behind)) = rest.split_once(' ') {
        let is_number = before.ends_with(ends_number);
        tied.push_str(before);
        tied.push(if is_number && begins_with_unit(behind) { TIE } else { ' ' });
        rest = behind;
    }
    tied.push_str(rest);
    tied
}

/// 60分 and 82歳: before a kanji a line may break.
fn with_counters_tied(source: &str) -> String {
    let mut tied = String::with_capacity(source.len());
    for (at, next) in source.char_indices() {
        let is_counted =
            tied.ends_with(ends_number) && COUNTERS.iter().any(|counter| source[at..].starts_with(*counter));
        tied.extend(is_counted.then_some(JOINER));
        tied.push(next);
    }
    tied
}

/// A digit, or the end of a number's place.
fn ends_number(last: char) -> bool {
    last.is_ascii_digit() || last == '}'
}

/// `h ago`, not `hospitals`.
fn begins_with_unit(text: &str) -> bool {
    let mut behind = UNITS.iter().filter_map(|unit| text.strip_prefix(*unit));
    behind.any(|rest| !rest.starts_with(|next: char| next.is_ascii_alphabetic()))
}

/// As it reads, without what holds it together.
#[cfg(test)]
pub fn plain(words: &str) -> String {
    words.replace(TIE, " ").replace(JOINER, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_begins_with_what_stands_between_two_parts() {
        assert_eq!(dotted(["82歳", "", "女"]), "82歳\u{a0}· 女");
        assert_eq!(
            dotted([Some("青木".to_string()), None, Some("9:32".to_string())].into_iter().flatten()),
            "青木\u{a0}· 9:32"
        );
        assert_eq!(dotted(Vec::<String>::new()), "");
        assert_eq!(tied("a = { $from } – { $until } · b / c\n"), "a = { $from }\u{a0}– { $until }\u{a0}· b\u{a0}/ c\n");
        assert_eq!(tied("○ 訪問 · ◎ 多く"), "○\u{a0}訪問\u{a0}· ◎\u{a0}多く");
    }

    #[test]
    fn a_number_keeps_its_unit_and_only_that() {
        assert_eq!(tied("a = 10 MB以上, { $n } h ago"), "a = 10\u{a0}MB以上, { $n }\u{a0}h ago");
        assert_eq!(tied("a = { $low }〜{ $high } { $unit } の"), "a = { $low }〜{ $high }\u{a0}{ $unit } の");
        for untouched in ["a = { $n } hospitals, 2 minutes", "   *[other] { $n } items\n}", "a = half % b"] {
            assert_eq!(tied(untouched), untouched);
        }
        assert_eq!((with_unit("36.5", "℃"), with_unit("36.5", "")), ("36.5\u{a0}℃".into(), "36.5".into()));
    }

    #[test]
    fn a_japanese_counter_stays_with_its_number() {
        assert_eq!(tied("a = あと{ $n }日、1日2回"), "a = あと{ $n }\u{2060}日、1\u{2060}日2\u{2060}回");
        assert_eq!(tied("a = { $n }か月、24時間"), "a = { $n }\u{2060}か月、24\u{2060}時\u{2060}間");
        assert_eq!(tied("a = 長時間、この時間"), "a = 長時\u{2060}間、この時\u{2060}間");
        for untouched in ["a = { $staff }かどうか", "a = 毎日、何回、{ $n } 件", "    *[other] { $n }つ\n}\n日"]
        {
            assert_eq!(tied(untouched), untouched);
        }
        for once in ["a = { $n }件", "a = { $n }時間前"] {
            assert_eq!(tied(&tied(once)), tied(once), "twice is once");
        }
        assert_eq!(plain(&tied("未送信 2件")), "未送信 2件");
    }

    #[test]
    fn a_short_unit_and_a_name_with_a_hyphen_stay_in_one_piece() {
        assert_eq!(whole_unit("mg/dL"), "mg/\u{2060}dL");
        assert_eq!(whole_unit(&whole_unit("mg/dL")), whole_unit("mg/dL"), "twice is once");
        for breakable in ["mL/min/1.73m²", "℃", ""] {
            assert_eq!(whole_unit(breakable), breakable);
        }
        assert_eq!(tied("Wi-Fi、DESIGN-R, log-in"), "Wi-\u{2060}Fi、DESIGN-\u{2060}R, log-in");
        assert_eq!(plain(&tied("Wi-Fi · 10 MB")), "Wi-Fi · 10 MB");
    }
}
