//! What hospitals measured, as it is printed on paper. For the screen alone: the stored unit stays as received.

use super::tied::{whole_unit, with_unit};

/// 10^4/μL, and UCUM's 10*4/μL: 10⁴/μL. A sign without digits behind it stays as it is.
pub fn printed_unit(unit: &str) -> String {
    let mut printed = String::new();
    let mut rest = unit;
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        let is_power = (sign == '^' && !printed.is_empty()) || (sign == '*' && printed.ends_with("10"));
        let exponent = if is_power { exponent_of(rest) } else { "" };
        if exponent.is_empty() {
            printed.push(sign);
        } else {
            printed.extend(exponent.chars().map(raised));
            rest = &rest[exponent.len()..];
        }
    }
    printed
}

/// 412 ×10⁴/μL, 39 pg/mL; either may be missing.
pub fn measured(value: Option<&str>, unit: Option<&str>) -> String {
    let unit = unit.map(printed_unit).unwrap_or_default();
    let unit = if is_power_of_ten(&unit) { format!("×{unit}") } else { unit };
    value.map_or_else(|| whole_unit(&unit), |value| with_unit(value, &unit))
}

/// Behind a number it would read as another number.
fn is_power_of_ten(printed: &str) -> bool {
    let behind = printed.strip_prefix("10").and_then(|rest| rest.chars().next());
    behind.is_some_and(|first| ('0'..='9').chain(['-']).any(|plain| raised(plain) == first))
}

/// The digits that something begins with, with their minus.
fn exponent_of(text: &str) -> &str {
    let minus = usize::from(text.starts_with('-'));
    match text[minus..].bytes().take_while(u8::is_ascii_digit).count() {
        0 => "",
        digits => &text[..minus + digits],
    }
}

fn raised(plain: char) -> char {
    match plain {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::plain;

    #[test]
    fn powers_are_printed_raised_however_the_hospital_writes_them() {
        for (received, printed) in [
            ("10^4/μL", "10⁴/μL"),
            ("10*3/uL", "10³/uL"),
            ("10*-3", "10⁻³"),
            ("x10^12/L", "x10¹²/L"),
            ("mL/min/1.73m^2", "mL/min/1.73m²"),
        ] {
            assert_eq!(printed_unit(received), printed);
            assert_eq!(printed_unit(printed), printed, "twice is once");
        }
    }

    #[test]
    fn what_is_no_power_is_not_touched() {
        for unit in ["", "pg/mL", "^", "^4", "10^", "10^x", "10^-", "10*", "10**4", "5*4", "%", "℃", "10/HPF"] {
            assert_eq!(printed_unit(unit), unit);
        }
    }

    #[test]
    fn a_power_of_ten_behind_a_value_is_told_from_it() {
        let read = |value, unit| plain(&measured(value, unit));
        assert_eq!(read(Some("412"), Some("10^4/μL")), "412 ×10⁴/μL");
        assert_eq!(read(Some("3.9"), Some("10*3/uL")), "3.9 ×10³/uL");
        assert_eq!(read(Some("39"), Some("pg/mL")), "39 pg/mL");
        assert_eq!(read(Some("2"), Some("10/HPF")), "2 10/HPF", "no power: as received");
        assert_eq!((read(Some("(-)"), None), read(Some("1"), Some(""))), ("(-)".into(), "1".into()));
        assert_eq!((read(None, Some("10^4/μL")), read(None, None)), ("×10⁴/μL".into(), String::new()));
        assert_eq!(measured(Some("6.5"), Some("%")), "6.5\u{a0}%", "no line breaks between them");
    }
}
