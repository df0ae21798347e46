//! FHIR R4 in JSON: limits first, then Bundles, then one resource after the other.

mod base64;
mod bundle;
mod clinical;
mod document;
mod draft;
mod medication;
mod model;
mod observation;
mod patient;

use crate::{Intake, IntakeError, MAX_FILE_BYTES, MAX_JSON_DEPTH};
use bundle::{Collected, Delivery};
use model::Header;
use record::FacilityId;

pub(crate) fn read_json(facility: &FacilityId, bytes: &[u8]) -> Result<Intake, IntakeError> {
    let text = checked_text(bytes)?;
    let header = header_of(text)?;
    let delivery = match header.resource_type.as_deref() {
        Some("Bundle") => Delivery::of_bundle(text, "").map_err(|error| not_json(&error))?,
        Some(_) => Delivery::of_resources([(String::new(), text)]),
        None => return Err(IntakeError::NotFhir),
    };
    let mut collected = Collected::default();
    collected.read(facility, &delivery);
    Ok(collected.into_intake())
}

pub(crate) fn read_ndjson(facility: &FacilityId, bytes: &[u8]) -> Result<Intake, IntakeError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(IntakeError::TooLarge { limit_mib: MAX_FILE_BYTES >> 20 });
    }
    let text = std::str::from_utf8(strip_mark(bytes)).map_err(|_| IntakeError::NotUtf8)?;
    let mut collected = Collected::default();
    let mut single: Vec<(String, &str)> = Vec::new();
    let mut first_error = None;
    let mut read = 0_usize;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("line {}", number + 1);
        let bundle = checked_text(line.as_bytes()).and_then(|line| {
            let header = header_of(line)?;
            match header.resource_type.as_deref() {
                Some("Bundle") => Delivery::of_bundle(line, &place).map(Some).map_err(|error| not_json(&error)),
                Some(_) => Ok(None),
                None => Err(IntakeError::NotFhir),
            }
        });
        match bundle {
            Ok(Some(delivery)) => collected.read(facility, &delivery),
            Ok(None) => single.push((place, line)),
            Err(error) => {
                collected.skip(place, error.to_string());
                first_error.get_or_insert(error);
                continue;
            }
        }
        read += 1;
    }
    if read == 0 {
        return Err(first_error.unwrap_or(IntakeError::NotFhir));
    }
    // Bulk export: the Patient of an Observation stands on another line.
    collected.read(facility, &Delivery::of_resources(single));
    Ok(collected.into_intake())
}

fn strip_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Size, depth and encoding, before any parser sees the bytes.
fn checked_text(bytes: &[u8]) -> Result<&str, IntakeError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(IntakeError::TooLarge { limit_mib: MAX_FILE_BYTES >> 20 });
    }
    if depth_of(bytes) > MAX_JSON_DEPTH {
        return Err(IntakeError::TooDeep { limit: MAX_JSON_DEPTH });
    }
    std::str::from_utf8(strip_mark(bytes)).map_err(|_| IntakeError::NotUtf8)
}

/// Deepest nesting of brackets outside strings.
fn depth_of(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn header_of(text: &str) -> Result<Header<'_>, IntakeError> {
    serde_json::from_str(text).map_err(|error| {
        // JSON of another shape (a list, a resourceType that is a number) is no FHIR, but it is JSON.
        if error.is_data() { IntakeError::NotFhir } else { not_json(&error) }
    })
}

fn not_json(error: &serde_json::Error) -> IntakeError {
    IntakeError::NotJson { line: error.line(), column: error.column() }
}
