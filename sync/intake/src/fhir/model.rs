//! The few parts of FHIR R4 that are read. Lenient: unknown elements are passed over, every element is optional,
//! one value stands for a list of one. A resource whose known elements have another shape is skipped, alone.
//!
//! Numbers stay the text that was sent (`RawValue`): 3.90 must not become 3.9.

use record::disclosed::Code;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// A list; also reads `null` as empty and a single value as a list of one (Composition.identifier is single,
/// Observation.identifier a list).
#[derive(Debug)]
pub(super) struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list")
            }
            fn visit_unit<E>(self) -> Result<Many<T>, E> {
                Ok(Many::default())
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Many<T>, E> {
                T::deserialize(StrDeserializer::new(text)).map(|one| Many(vec![one]))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Many<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|one| Many(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = seq.next_element::<Option<T>>()? {
                    all.extend(item);
                }
                Ok(Many(all))
            }
        }
        d.deserialize_any(OneOrMany(PhantomData))
    }
}

impl<T> Many<T> {
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What every resource has, and whom it is about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Header<'a> {
    pub resource_type: Option<String>,
    pub id: Option<String>,
    pub meta: Option<Meta>,
    pub identifier: Many<Identifier>,
    pub status: Option<String>,
    #[serde(borrow)]
    pub contained: Vec<&'a RawValue>,
    pub subject: Option<Reference>,
    pub patient: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub last_updated: Option<String>,
    pub profile: Many<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Identifier {
    #[serde(rename = "use")]
    pub usage: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<CodeableConcept>,
    pub system: Option<String>,
    pub value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub reference: Option<String>,
    pub identifier: Option<Identifier>,
    pub display: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Coding {
    pub system: Option<String>,
    pub code: Option<String>,
    pub display: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CodeableConcept {
    pub coding: Many<Coding>,
    pub text: Option<String>,
    pub extension: Many<Extension>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Extension {
    pub url: Option<String>,
    pub value_code: Option<String>,
    pub value_codeable_concept: Option<Box<CodeableConcept>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Quantity {
    pub value: Option<Box<RawValue>>,
    pub comparator: Option<String>,
    pub unit: Option<String>,
    pub code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Period {
    pub start: Option<String>,
    pub end: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Range {
    pub low: Option<Quantity>,
    pub high: Option<Quantity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ratio {
    pub numerator: Option<Quantity>,
    pub denominator: Option<Quantity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    pub text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Narrative {
    pub div: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attachment {
    pub content_type: Option<String>,
    pub data: Option<String>,
    pub title: Option<String>,
    pub creation: Option<String>,
}

impl CodeableConcept {
    /// What a person reads: the text, else a display, else the bare code.
    pub fn words(&self) -> Option<String> {
        let text = self.text.iter();
        let displays = self.coding.iter().filter_map(|c| c.display.as_ref());
        let codes = self.coding.iter().filter_map(|c| c.code.as_ref());
        text.chain(displays).chain(codes).map(|w| w.trim()).find(|w| !w.is_empty()).map(str::to_owned)
    }

    /// The code to compare by: the first of a shared system, else the first.
    pub fn code(&self) -> Option<Code> {
        let complete = || {
            self.coding.iter().filter_map(|coding| {
                let value = coding.code.as_deref().map(str::trim).filter(|code| !code.is_empty())?;
                Some((coding.system.as_deref().unwrap_or(""), value))
            })
        };
        let shared = complete().find(|(system, _)| !system.contains("Local") && !system.contains("Nocoded"));
        shared
            .or_else(|| complete().next())
            .map(|(system, value)| Code { system: system.to_owned(), value: value.to_owned() })
    }

    pub fn has_code(&self, codes: &[&str]) -> bool {
        self.coding.iter().filter_map(|c| c.code.as_deref()).any(|code| codes.contains(&code))
    }
}

impl Quantity {
    /// The number as it was sent, with its comparator: `3.90`, `<0.3`.
    pub fn number(&self) -> Option<String> {
        let raw = self.value.as_ref()?.get().trim_matches('"').trim();
        let is_number = !raw.is_empty() && raw.len() <= 64 && raw.bytes().all(|b| b"0123456789.+-eE".contains(&b));
        is_number.then(|| format!("{}{raw}", self.comparator.as_deref().unwrap_or("")))
    }

    pub fn unit(&self) -> Option<String> {
        self.unit.iter().chain(self.code.iter()).map(|u| u.trim()).find(|u| !u.is_empty()).map(str::to_owned)
    }

    pub fn words(&self) -> Option<String> {
        Some(format!("{}{}", self.number()?, self.unit().unwrap_or_default()))
    }
}

impl Range {
    pub fn words(&self) -> Option<String> {
        let low = self.low.as_ref().and_then(Quantity::number);
        let high = self.high.as_ref().and_then(Quantity::number);
        (low.is_some() || high.is_some()).then(|| format!("{}–{}", low.unwrap_or_default(), high.unwrap_or_default()))
    }
}

impl Ratio {
    pub fn words(&self) -> Option<String> {
        let numerator = self.numerator.as_ref()?.words()?;
        let denominator = self.denominator.as_ref().and_then(Quantity::words).unwrap_or_else(|| "1".to_owned());
        Some(format!("{numerator}/{denominator}"))
    }
}

pub(super) fn notes(notes: &Many<Annotation>) -> Option<String> {
    crate::text::detail(notes.iter().map(|note| note.text.clone()))
}
