//! How the value of a field is written and read, in CBOR and in JSON.

use super::fields::FieldValue;
use crate::calendar;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

impl Serialize for FieldValue {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            // Exact integers are written as integers: 88, not 88.0.
            FieldValue::Number(n) if n.fract() == 0.0 && n.abs() < 1e15 => s.serialize_i64(*n as i64),
            FieldValue::Number(n) => s.serialize_f64(*n),
            FieldValue::Flag(flag) => s.serialize_bool(*flag),
            FieldValue::Word(word) => s.serialize_str(word),
            FieldValue::Time(at) => s.serialize_str(&calendar::rfc3339_in_japan(*at)),
            FieldValue::Date(date) => s.collect_str(date),
            FieldValue::Unmeasured(reason) => {
                let mut map = s.serialize_map(Some(1))?;
                map.serialize_entry("unmeasured", reason)?;
                map.end()
            }
        }
    }
}

/// By hand: `untagged` would write out a whole text, as the reason why it is no number, before it takes it as one, and that is
/// most of what reading a confirmed note costs.
impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

/// What stands for [`FieldValue::Unmeasured`]. Untagged: a map is taken or refused as it always was.
#[derive(Deserialize)]
#[serde(untagged)]
enum Map {
    Unmeasured { unmeasured: String },
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = FieldValue;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number, a flag, words, or why nothing was measured")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<FieldValue, E> {
        Ok(FieldValue::Flag(flag))
    }

    fn visit_i64<E>(self, n: i64) -> Result<FieldValue, E> {
        Ok(FieldValue::Number(n as f64))
    }

    fn visit_u64<E>(self, n: u64) -> Result<FieldValue, E> {
        Ok(FieldValue::Number(n as f64))
    }

    fn visit_f64<E>(self, n: f64) -> Result<FieldValue, E> {
        Ok(FieldValue::Number(n))
    }

    fn visit_str<E>(self, word: &str) -> Result<FieldValue, E> {
        Ok(FieldValue::Word(word.to_string()))
    }

    fn visit_string<E>(self, word: String) -> Result<FieldValue, E> {
        Ok(FieldValue::Word(word))
    }

    /// As every `String` is read.
    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<FieldValue, E> {
        let word = std::str::from_utf8(bytes).map_err(|_| E::invalid_type(Unexpected::Other("bytes"), &self))?;
        Ok(FieldValue::Word(word.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldValue, A::Error> {
        let Map::Unmeasured { unmeasured } = Map::deserialize(MapAccessDeserializer::new(map))?;
        Ok(FieldValue::Unmeasured(unmeasured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use ciborium::Value;

    /// What `FieldValue` was read as before it was read by hand.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Shape {
        Flag(bool),
        Integer(i64),
        Number(f64),
        Word(String),
        Unmeasured { unmeasured: String },
    }

    fn as_before(bytes: &[u8]) -> Option<FieldValue> {
        canonical::from_bytes(bytes).ok().map(value)
    }

    fn value(shape: Shape) -> FieldValue {
        match shape {
            Shape::Flag(flag) => FieldValue::Flag(flag),
            Shape::Integer(n) => FieldValue::Number(n as f64),
            Shape::Number(n) => FieldValue::Number(n),
            Shape::Word(word) => FieldValue::Word(word),
            Shape::Unmeasured { unmeasured } => FieldValue::Unmeasured(unmeasured),
        }
    }

    #[test]
    fn every_shape_is_read_as_before_and_what_was_none_is_none() -> Result<(), Box<dyn std::error::Error>> {
        let text = |word: &str| Value::Text(word.into());
        let map =
            |pairs: &[(&str, Value)]| Value::Map(pairs.iter().map(|(key, value)| (text(key), value.clone())).collect());
        let unmeasured = ("unmeasured", text("拒否"));
        let values = [
            Value::Bool(true),
            Value::Bool(false),
            Value::Null,
            Value::Integer(0.into()),
            Value::Integer(88.into()),
            Value::Integer((-3).into()),
            Value::Integer(i64::MIN.into()),
            Value::Integer(u64::MAX.into()),
            Value::Float(36.5),
            Value::Float(0.1),
            Value::Float(f64::INFINITY),
            text(""),
            text("浮腫あり。\n\u{202e}"),
            text("2026-11-22T09:32:00+09:00"),
            Value::Bytes("浮腫".into()),
            Value::Bytes(vec![0xff, 0xfe]),
            Value::Array(Vec::new()),
            Value::Array(vec![text("拒否")]),
            Value::Array(vec![text("拒否"), text("拒否")]),
            Value::Array(vec![Value::Integer(1.into())]),
            map(&[]),
            map(std::slice::from_ref(&unmeasured)),
            map(&[("other", Value::Null), unmeasured.clone()]),
            map(&[unmeasured.clone(), unmeasured.clone()]),
            map(&[("unmeasured", Value::Integer(1.into()))]),
            map(&[("unmeasured", Value::Bytes("拒否".into()))]),
            map(&[("unmeasured", Value::Tag(1, Box::new(text("拒否"))))]),
            map(&[("other", Value::Tag(1, Box::new(Value::Null))), unmeasured.clone()]),
            map(&[("other", text(&"長".repeat(5_000))), unmeasured.clone()]),
            Value::Map(vec![(Value::Integer(0.into()), text("拒否"))]),
            Value::Map(vec![(Value::Integer(7.into()), Value::Null), (text("unmeasured"), text("拒否"))]),
            Value::Map(vec![(text(&"長".repeat(5_000)), Value::Null), (text("unmeasured"), text("拒否"))]),
            Value::Tag(1, Box::new(Value::Integer(1.into()))),
        ];
        for shape in values {
            let mut bytes = Vec::new();
            ciborium::into_writer(&shape, &mut bytes)?;
            let read = canonical::from_bytes::<FieldValue>(&bytes).ok();
            assert_eq!(read, as_before(&bytes), "{shape:?}");
        }
        // Text and maps of no length of their own, floats of 16 and 32 bits.
        for bytes in [
            &[0x7f, 0x61, b'a', 0x61, b'b', 0xff][..],
            &[0xbf, 0x6a, b'u', b'n', b'm', b'e', b'a', b's', b'u', b'r', b'e', b'd', 0x61, b'x', 0xff],
            &[0xf9, 0x3e, 0x00],
            &[0xfa, 0x42, 0x12, 0x00, 0x00],
            &[0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(canonical::from_bytes::<FieldValue>(bytes).ok(), as_before(bytes), "{bytes:x?}");
        }
        for json in ["1", "-1", "0.5", "1e3", "18446744073709551616", "\"a\"", "[]", "[\"a\"]", "{}", "null", "true"] {
            let (now, before) = (serde_json::from_str::<FieldValue>(json).ok(), serde_json::from_str(json).ok());
            assert_eq!(now, before.map(value), "{json}");
        }
        Ok(())
    }

    #[test]
    fn what_was_written_reads_as_what_it_was() -> Result<(), Box<dyn std::error::Error>> {
        let plain = [
            FieldValue::Number(88.0),
            FieldValue::Number(36.5),
            FieldValue::Flag(true),
            FieldValue::Word("浮腫".into()),
            FieldValue::Unmeasured("拒否".into()),
        ];
        for value in plain {
            assert_eq!(canonical::from_bytes::<FieldValue>(&canonical::to_bytes(&value)?)?, value);
            assert_eq!(serde_json::from_str::<FieldValue>(&serde_json::to_string(&value)?)?, value);
        }
        Ok(())
    }
}
