//! Deterministic CBOR (RFC 8949 §4.2.1): shortest forms, map keys in bytewise order of their encoding.

use ciborium::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not what they should be. Carries no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    #[error("the value cannot be written as CBOR")]
    Write,
    #[error("the bytes are not the CBOR that was expected")]
    Read,
    #[error("the CBOR is nested too deeply")]
    TooDeep,
}

/// Deepest nesting that is read.
const DEPTH: usize = 32;

/// Writes a value in its one deterministic form.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, CborError> {
    let mut out = Vec::with_capacity(256);
    ciborium::into_writer(value, &mut out).map_err(|_| CborError::Write)?;
    if order(&mut out, 0) == Some(out.len()) {
        return Ok(out);
    }
    // Something did not know its length before it was written, or not rightly: as a value it does.
    out.clear();
    let value = Value::serialized(value).map_err(|_| CborError::Write)?;
    ciborium::into_writer(&value, &mut out).map_err(|_| CborError::Write)?;
    if order(&mut out, 0) == Some(out.len()) { Ok(out) } else { Err(CborError::Write) }
}

/// Reads a value; unknown map keys are ignored, trailing bytes are an error.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CborError> {
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH).map_err(|error| match error {
        ciborium::de::Error::RecursionLimitExceeded => CborError::TooDeep,
        _ => CborError::Read,
    })?;
    if rest.is_empty() { Ok(value) } else { Err(CborError::Read) }
}

/// Puts the keys of every map in an item into order, where it stands: in CBOR that we wrote ourselves a moment ago. Says where the
/// item ends; `None`: a length is not known before its end.
fn order(bytes: &mut [u8], at: usize) -> Option<usize> {
    let (major, argument, mut next) = head(bytes, at)?;
    match major {
        // Bytes and text.
        2 | 3 => next += usize::try_from(argument).ok()?,
        4 => {
            for _ in 0..argument {
                next = order(bytes, next)?;
            }
        }
        5 => {
            let begins = next;
            let mut pairs: Vec<Pair> = Vec::with_capacity(16);
            for _ in 0..argument {
                let value = order(bytes, next)?;
                let end = order(bytes, value)?;
                pairs.push(Pair { key: next - begins, value: value - begins, end: end - begins });
                next = end;
            }
            order_pairs(bytes.get_mut(begins..next)?, &mut pairs);
        }
        // A tag stands in front of an item.
        6 => next = order(bytes, next)?,
        _ => {}
    }
    Some(next)
}

/// Where a key of a map begins, its value, and what follows.
#[derive(Clone, Copy)]
struct Pair {
    key: usize,
    value: usize,
    end: usize,
}

fn order_pairs(map: &mut [u8], pairs: &mut [Pair]) {
    if pairs.is_sorted_by(|a, b| map[a.key..a.value] <= map[b.key..b.value]) {
        return;
    }
    let written = map.to_vec();
    pairs.sort_by(|a, b| written[a.key..a.value].cmp(&written[b.key..b.value]));
    let mut to = 0;
    for pair in pairs {
        let pair = &written[pair.key..pair.end];
        map[to..to + pair.len()].copy_from_slice(pair);
        to += pair.len();
    }
}

/// An item's kind, its number or length, and where its content begins (RFC 8949 §3).
fn head(bytes: &[u8], at: usize) -> Option<(u8, u64, usize)> {
    let first = *bytes.get(at)?;
    let length = match first & 0x1f {
        few @ 0..=23 => return Some((first >> 5, u64::from(few), at + 1)),
        // In one, two, four or eight bytes.
        exponent @ 24..=27 => 1usize << (exponent - 24),
        _ => return None,
    };
    let told = bytes.get(at + 1..at + 1 + length)?;
    let argument = told.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some((first >> 5, argument, at + 1 + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
    use serde::Serializer;
    use serde::ser::SerializeMap;
    use std::collections::HashMap;

    /// Any value, maps with keys of any kind.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::Float),
            ".{0,30}".prop_map(Value::Text),
            vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(4, 60, 8, |inner| {
            let keyed = btree_map(".{0,30}", inner.clone(), 0..8)
                .prop_map(|map| Value::Map(map.into_iter().map(|(key, value)| (Value::Text(key), value)).collect()));
            prop_oneof![
                vec(inner.clone(), 0..30).prop_map(Value::Array),
                vec((inner.clone(), inner.clone()), 0..5).prop_map(Value::Map),
                keyed,
                (any::<u64>(), inner).prop_map(|(tag, inner)| Value::Tag(tag, Box::new(inner))),
            ]
        })
    }

    /// The rule itself, on values: each map's pairs by the bytes of their keys.
    fn sorted(value: Value) -> Result<Value, CborError> {
        Ok(match value {
            Value::Map(pairs) => {
                let mut keyed = Vec::new();
                for (key, value) in pairs {
                    let (key, value) = (sorted(key)?, sorted(value)?);
                    keyed.push((written(&key)?, key, value));
                }
                keyed.sort_by(|a, b| a.0.cmp(&b.0));
                Value::Map(keyed.into_iter().map(|(_, key, value)| (key, value)).collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect::<Result<_, _>>()?),
            Value::Tag(tag, inner) => Value::Tag(tag, Box::new(sorted(*inner)?)),
            other => other,
        })
    }

    fn written(value: &Value) -> Result<Vec<u8>, CborError> {
        let mut out = Vec::new();
        ciborium::into_writer(value, &mut out).map_err(|_| CborError::Write)?;
        Ok(out)
    }

    proptest! {
        #[test]
        fn keys_are_ordered_in_the_bytes_as_they_are_in_the_value(value in values()) {
            prop_assert_eq!(to_bytes(&value).ok(), sorted(value).and_then(|value| written(&value)).ok());
        }
    }

    #[test]
    fn a_map_that_does_not_know_its_length_has_the_same_form() -> Result<(), CborError> {
        struct Unknown;
        impl Serialize for Unknown {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("zz", &[1, 2])?;
                map.serialize_entry("a", "浮腫")?;
                map.end()
            }
        }
        let known: HashMap<&str, Value> =
            [("a", Value::from("浮腫")), ("zz", Value::Array(vec![Value::from(1), Value::from(2)]))].into();
        assert_eq!(to_bytes(&Unknown)?, to_bytes(&known)?);
        assert_eq!(to_bytes(&[Unknown])?[0], 0x81);
        Ok(())
    }

    #[test]
    fn one_value_has_one_form() -> Result<(), CborError> {
        let map: HashMap<&str, f64> = [("zz", 1.5), ("a", 2.0), ("bbb", 0.1)].into();
        let bytes = to_bytes(&map)?;
        assert_eq!(bytes[..4], [0xa3, 0x61, b'a', 0xf9]);
        assert_eq!(bytes, to_bytes(&map)?);
        Ok(())
    }

    #[test]
    fn what_follows_the_value_is_an_error() {
        assert_eq!(from_bytes::<u8>(&[1, 2]), Err(CborError::Read));
        let deep = vec![0x81; 100];
        assert_eq!(from_bytes::<Vec<ciborium::Value>>(&deep), Err(CborError::TooDeep));
    }
}
