//! A time that is half typed: 143 is a time, and may become 1432.

use device::jiff::civil::{Date, date};
use device::record::visit_note::Field;

/// Any day: a time is read the same on each.
const ANY_DAY: Date = date(2000, 1, 1);

/// Whether more signs make another time of it. Whether what stands there is one already is another question.
pub fn may_grow(typed: &str) -> bool {
    let typed = typed.trim();
    // Behind the colon two digits are all.
    let is_whole = typed.rsplit_once([':', '：']).is_some_and(|(_, minutes)| minutes.chars().count() > 1);
    // Wherever a minute may follow, the full hour may.
    !typed.is_empty() && !is_whole && ["0", "00"].iter().any(|more| is_time(&format!("{typed}{more}")))
}

fn is_time(typed: &str) -> bool {
    Field::named("started_at").is_ok_and(|field| field.parse(typed, ANY_DAY).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_that_a_fourth_makes_another_time_are_not_decided() {
        for typed in ["1", "9", "14", "93", "143", "093", "235", "１４３", "9:", "9:3", "14:3", "１４：３", " 143 "]
        {
            assert!(may_grow(typed), "{typed}");
        }
        for typed in ["932", "236", "240", "1432", "0932", "9:32", "9:05", "12:00", "9:7", "14：32", "", "99:", "x"] {
            assert!(!may_grow(typed), "{typed}");
        }
    }

    #[test]
    fn digits_may_grow_exactly_where_more_of_them_are_a_time() {
        for length in 1..=3usize {
            for n in 0..10usize.pow(length as u32) {
                let typed = format!("{n:0length$}");
                let grows = (0..10).any(|more| is_time(&format!("{typed}{more}")))
                    || (0..100).any(|more| is_time(&format!("{typed}{more:02}")));
                assert_eq!(may_grow(&typed), grows, "{typed}");
            }
        }
    }
}
