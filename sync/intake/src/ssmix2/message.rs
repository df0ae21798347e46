//! Segments, fields and components. `hl7-parser` finds the structure; the escapes are ours, because its decoder
//! counts characters where it should count bytes and panics on Japanese text.

use crate::{IntakeError, Skipped, list_skipped};
use hl7_parser::message::{Field, Repeat};

pub(super) struct Message<'m> {
    inner: hl7_parser::Message<'m>,
}

/// One segment and how many of its name stand before it (for `OBX 3`).
#[derive(Clone, Copy)]
pub(super) struct Segment<'m> {
    inner: &'m hl7_parser::message::Segment<'m>,
    escape: char,
    number: usize,
}

/// CR, LF and CRLF alike end a segment. Lines that are no segment are set aside: the parser would silently stop there.
pub(super) fn normalise(text: &str) -> (String, Vec<Skipped>) {
    let separator = text.trim_start().chars().nth(3).unwrap_or('|');
    let (mut normal, mut unread) = (String::with_capacity(text.len()), Vec::new());
    let lines = text.split(['\r', '\n']).map(|line| line.trim_matches(['\u{b}', '\u{1c}', '\0', '\u{feff}']));
    for (number, line) in lines.filter(|line| !line.trim().is_empty()).enumerate() {
        let mut chars = line.chars();
        let named = (0..3).all(|_| chars.next().is_some_and(|c| c.is_ascii_uppercase() || c.is_ascii_digit()));
        if named && chars.next() == Some(separator) {
            if !normal.is_empty() {
                normal.push('\r');
            }
            normal.push_str(line);
        } else {
            let reason = "not a segment (three letters and a separator); the line may be broken in two";
            list_skipped(&mut unread, format!("line {}", number + 1), reason);
        }
    }
    (normal, unread)
}

impl<'m> Message<'m> {
    pub fn parse(normal: &'m str) -> Result<Self, IntakeError> {
        // Five different separators, none a letter: what else would cut words in two.
        let signs: Vec<char> = normal.chars().skip(3).take(5).collect();
        let distinct = signs.iter().enumerate().all(|(i, c)| c.is_ascii_punctuation() && !signs[..i].contains(c));
        if signs.len() < 5 || !distinct {
            return Err(IntakeError::NotHl7);
        }
        // The parser's own error repeats a piece of the message.
        let inner = hl7_parser::Message::parse(normal).map_err(|_| IntakeError::NotHl7)?;
        if inner.raw_value().len() < normal.len() {
            return Err(IntakeError::NotHl7);
        }
        Ok(Self { inner })
    }

    pub fn segments(&'m self) -> impl Iterator<Item = Segment<'m>> {
        let escape = self.inner.separators.escape;
        let mut numbers: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
        self.inner.segments().map(move |inner| {
            let number = numbers.entry(inner.name).or_default();
            *number += 1;
            Segment { inner, escape, number: *number }
        })
    }

    pub fn segment(&'m self, name: &str) -> Option<Segment<'m>> {
        self.segments().find(|s| s.name() == name)
    }
}

impl<'m> Segment<'m> {
    pub fn name(&self) -> &'m str {
        self.inner.name
    }

    /// `OBX 3`
    pub fn place(&self) -> String {
        format!("{} {}", self.inner.name, self.number)
    }

    fn field(&self, number: usize) -> Option<&'m Field<'m>> {
        self.inner.fields.get(number.checked_sub(1)?)
    }

    /// A component of a field's first repetition, escapes resolved. Empty and `""` (null) are `None`.
    pub fn part(&self, field: usize, component: usize) -> Option<String> {
        self.repeats(field).next()?.part(component)
    }

    /// The first component.
    pub fn value(&self, field: usize) -> Option<String> {
        self.part(field, 1)
    }

    /// What a person reads of a coded field: its text, else its code.
    pub fn words(&self, field: usize) -> Option<String> {
        self.repeats(field).find_map(|r| r.part(2).or_else(|| r.part(1)))
    }

    /// The whole field as it was sent, escapes unresolved.
    pub fn raw(&self, field: usize) -> &'m str {
        self.field(field).map_or("", Field::raw_value)
    }

    pub fn repeats(&self, field: usize) -> impl Iterator<Item = Repetition<'m>> {
        let escape = self.escape;
        let repeats = self.field(field).map(|f| f.repeats.as_slice()).unwrap_or_default();
        repeats.iter().map(move |inner| Repetition { inner, escape })
    }

    pub fn field_count(&self) -> usize {
        self.inner.fields.len()
    }

    pub fn unescape(&self, raw: &str) -> Option<String> {
        filled(raw, self.escape)
    }
}

pub(super) struct Repetition<'m> {
    inner: &'m Repeat<'m>,
    escape: char,
}

impl<'m> Repetition<'m> {
    pub fn part(&self, component: usize) -> Option<String> {
        filled(self.inner.components.get(component.checked_sub(1)?)?.raw_value(), self.escape)
    }

    pub fn subpart(&self, component: usize, subcomponent: usize) -> Option<String> {
        let component = self.inner.components.get(component.checked_sub(1)?)?;
        filled(component.subcomponents.get(subcomponent.checked_sub(1)?)?.raw_value(), self.escape)
    }

    /// The raw components.
    pub fn components(&self) -> Vec<&'m str> {
        self.inner.components.iter().map(|c| c.raw_value()).collect()
    }

    /// The whole repetition as one text.
    pub fn whole(&self) -> Option<String> {
        filled(self.inner.raw_value(), self.escape)
    }
}

fn filled(raw: &str, escape: char) -> Option<String> {
    let raw = raw.trim();
    if raw.is_empty() || raw == "\"\"" {
        return None;
    }
    let text = unescape(raw, escape).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// `\F\ \S\ \R\ \E\ \T\ \.br\ \Xhh\`; highlighting is dropped, what is not an escape is kept.
fn unescape(raw: &str, escape: char) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once(escape) {
        out.push_str(before);
        let resolved = after.split_once(escape).and_then(|(name, after)| Some((resolve(name)?, after)));
        match resolved {
            Some((text, after)) => {
                out.push_str(&text);
                rest = after;
            }
            None => {
                out.push(escape);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn resolve(name: &str) -> Option<String> {
    let sign = match name {
        "F" => "|",
        "S" => "^",
        "R" => "~",
        "E" => "\\",
        "T" => "&",
        "H" | "N" => "",
        ".br" | ".BR" | ".sp" => "\n",
        _ => {
            let hex = name.strip_prefix('X')?;
            let bytes: Option<Vec<u8>> =
                (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()).collect();
            return bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        }
    };
    Some(sign.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_text_with_escapes_is_unescaped() {
        assert_eq!(unescape(r"体温\T\脈拍\X0A\改行\.br\終\H\わ\N\り", '\\'), "体温&脈拍\n改行\n終わり");
        assert_eq!(unescape(r"¥も\も残る\", '\\'), r"¥も\も残る\");
        assert_eq!(unescape(r"\Xあ\ \X4\", '\\'), r"\Xあ\ \X4\");
    }

    #[test]
    fn every_line_end_ends_a_segment_and_a_broken_line_is_set_aside() -> Result<(), IntakeError> {
        let (normal, unread) = normalise("MSH|^~\\&|A\r\nPID|1||7\nlost words\r\rOBX|1|NM\r");
        let message = Message::parse(&normal)?;
        let names: Vec<&str> = message.segments().map(|s| s.name()).collect();
        assert_eq!(names, ["MSH", "PID", "OBX"]);
        assert_eq!(unread.len(), 1);
        assert!(!format!("{unread:?}").contains("lost"));
        Ok(())
    }

    #[test]
    fn fields_are_numbered_as_in_the_standard() -> Result<(), IntakeError> {
        let (normal, _) = normalise("MSH|^~\\&|A|B|C|D|20261120\rPID|1||7^^^X~8|\"\"|");
        let message = Message::parse(&normal)?;
        let msh = message.segment("MSH").expect("it begins the message");
        assert_eq!(msh.value(7).as_deref(), Some("20261120"));
        let pid = message.segment("PID").expect("it follows");
        assert_eq!((pid.value(3).as_deref(), pid.part(3, 4).as_deref()), (Some("7"), Some("X")));
        assert_eq!((pid.value(4), pid.value(0), pid.value(99)), (None, None, None));
        Ok(())
    }
}
