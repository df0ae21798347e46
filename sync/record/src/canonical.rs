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
    let sorted = sort(Value::serialized(value).map_err(|_| CborError::Write)?)?;
    let mut out = Vec::new();
    ciborium::into_writer(&sorted, &mut out).map_err(|_| CborError::Write)?;
    Ok(out)
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

fn sort(value: Value) -> Result<Value, CborError> {
    Ok(match value {
        Value::Map(pairs) => {
            let mut keyed = Vec::with_capacity(pairs.len());
            for (key, value) in pairs {
                let mut encoded = Vec::new();
                ciborium::into_writer(&key, &mut encoded).map_err(|_| CborError::Write)?;
                keyed.push((encoded, key, sort(value)?));
            }
            keyed.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Map(keyed.into_iter().map(|(_, key, value)| (key, value)).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sort).collect::<Result<_, _>>()?),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

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
