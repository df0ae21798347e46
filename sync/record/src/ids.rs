//! Identifiers. Newtypes, so that a patient never stands where a facility belongs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a written identifier was refused. Never repeats the text it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("an identifier is 1 to 64 of the characters A-Z a-z 0-9 - _ .")]
    Characters,
    #[error("a document id is a UUID such as 6f1c1c1e-0000-4000-8000-000000000000")]
    NotAUuid,
    #[error("expected an even number of hexadecimal digits of the right length")]
    NotHex,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                let fits = (1..=64).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
                if fits { Ok(Self(text)) } else { Err(IdError::Characters) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_string())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// 利用者の識別子: the hub's own number for a person, never a hospital's.
    PatientId
);
text_id!(
    /// 施設・事業所の識別子
    FacilityId
);
text_id!(
    /// 職員の識別子
    StaffId
);

/// A document that devices edit: a visit note, a handover board. 16 bytes, written as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub [u8; 16]);

/// 訪問の識別子: a planned visit, numbered by the hub.
pub type VisitId = DocumentId;

/// Namespace of every identifier that Tsutsuji derives (UUIDv5). Never changes.
const NAMESPACE: uuid::Uuid = uuid::Uuid::from_bytes(*b"tsutsuji-docs-v1");

impl DocumentId {
    /// A document that follows from words both sides know, e.g. `derive("note of visit", …)`.
    pub fn derive(purpose: &str, of: &[u8]) -> Self {
        let mut name = purpose.as_bytes().to_vec();
        name.push(0);
        name.extend_from_slice(of);
        Self(*uuid::Uuid::new_v5(&NAMESPACE, &name).as_bytes())
    }

    /// A random document id (UUIDv4) out of 16 random bytes that the caller brings.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(*uuid::Builder::from_random_bytes(bytes).into_uuid().as_bytes())
    }

    /// The note of a planned visit: every phone derives the same one.
    pub fn of_planned_visit(visit: VisitId) -> Self {
        Self::derive("visit note", &visit.0)
    }

    /// The handover board (申し送り) of a patient at one station.
    pub fn of_handover(station: &FacilityId, patient: &PatientId) -> Self {
        Self::derive("handover", format!("{station}\0{patient}").as_bytes())
    }

    /// A form that a station keeps once a patient, or once a patient and month (`2026-11`): every phone derives the same.
    pub fn of_form(form: crate::Form, station: &FacilityId, patient: &PatientId, month: Option<&str>) -> Self {
        let month = month.unwrap_or_default();
        Self::derive(form.as_str(), format!("{station}\0{patient}\0{month}").as_bytes())
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}
impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
impl FromStr for DocumentId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        uuid::Uuid::parse_str(text).map(|id| Self(*id.as_bytes())).map_err(|_| IdError::NotAUuid)
    }
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $n:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $n]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut out = [0u8; $n];
                if text.len() != 2 * $n || !text.is_ascii() {
                    return Err(IdError::NotHex);
                }
                for (i, byte) in out.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| IdError::NotHex)?;
                }
                Ok(Self(out))
            }
        }
    };
}

byte_id!(
    /// 端末の識別子: eight random bytes, given by the hub at enrolment.
    DeviceId, 8
);
byte_id!(
    /// Hash of one Automerge change.
    ChangeHash, 32
);
byte_id!(
    /// SHA-256 over some content.
    ContentHash, 32
);

/// Binary ids travel as byte strings in CBOR and as text in JSON.
macro_rules! serde_bytes_or_text {
    ($name:ident, $n:literal) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { s.serialize_bytes(&self.0) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if d.is_human_readable() {
                    String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
                } else {
                    let bytes = serde_bytes::ByteBuf::deserialize(d)?;
                    <[u8; $n]>::try_from(bytes.as_slice()).map(Self).map_err(serde::de::Error::custom)
                }
            }
        }
    };
}
serde_bytes_or_text!(DocumentId, 16);
serde_bytes_or_text!(DeviceId, 8);
serde_bytes_or_text!(ChangeHash, 32);
serde_bytes_or_text!(ContentHash, 32);

impl ContentHash {
    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_a_path_or_a_name_in_it_is_refused() {
        assert!("../etc".parse::<PatientId>().is_err());
        assert!("田中".parse::<StaffId>().is_err());
        assert!("n-1".parse::<StaffId>().is_ok());
    }

    #[test]
    fn two_phones_derive_the_same_note_for_one_planned_visit() {
        let visit = DocumentId([7; 16]);
        assert_eq!(DocumentId::of_planned_visit(visit), DocumentId::of_planned_visit(visit));
        assert_ne!(DocumentId::of_planned_visit(visit), visit);
    }

    #[test]
    fn ids_are_text_in_json_and_bytes_in_cbor() -> Result<(), Box<dyn std::error::Error>> {
        let id = DocumentId([1; 16]);
        assert_eq!(serde_json::to_string(&id)?, "\"01010101-0101-0101-0101-010101010101\"");
        let mut cbor = Vec::new();
        ciborium::into_writer(&id, &mut cbor)?;
        assert_eq!(cbor.len(), 17);
        assert_eq!(ciborium::from_reader::<DocumentId, _>(&cbor[..])?, id);
        Ok(())
    }
}
