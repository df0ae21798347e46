//! PID → demographics.

use super::message::{Message, Repetition};
use crate::IntakeError;
use crate::moment::Moment;
use crate::text::{full_width_katakana, one_line};
use record::patient::{Demographics, Sex};

pub(super) fn demographics(message: &Message<'_>) -> Result<Demographics, IntakeError> {
    let pid = message.segment("PID").ok_or(IntakeError::NoPatient)?;
    let local_id = pid.value(3).ok_or(IntakeError::NoPatient)?;
    // XPN-8: I ideographic, P phonetic, A alphabetic.
    let represented = |code: &str| pid.repeats(5).find(|r| r.part(8).as_deref() == Some(code));
    let kana = represented("P").as_ref().and_then(name).map(|kana| full_width_katakana(&kana)).unwrap_or_default();
    let written = represented("I").as_ref().and_then(name);
    let first = || pid.repeats(5).find_map(|r| name(&r));
    Ok(Demographics {
        local_id,
        name: written.or_else(first).unwrap_or_default(),
        kana,
        birth_date: pid.value(7).and_then(|t| Moment::hl7(&t)).and_then(|m| m.day),
        sex: match pid.value(8).as_deref() {
            Some("M") => Sex::Male,
            Some("F") => Sex::Female,
            Some("O" | "A" | "N") => Sex::Other,
            _ => Sex::Unknown,
        },
        address: pid.repeats(11).find_map(|r| address(&r)),
        phone: pid.repeats(13).chain(pid.repeats(14)).find_map(|r| phone(&r)),
    })
}

fn name(name: &Repetition<'_>) -> Option<String> {
    let parts: Vec<String> = [1, 2].into_iter().filter_map(|i| name.subpart(i, 1)).collect();
    let joined = one_line(&parts.join(" "));
    (!joined.is_empty()).then_some(joined)
}

/// XAD: Japan writes the whole address into "other designation" (8); else prefecture, city, street.
fn address(address: &Repetition<'_>) -> Option<String> {
    address.part(8).map(|whole| one_line(&whole)).or_else(|| {
        let joined: String = [4, 3, 1, 2].into_iter().filter_map(|i| address.part(i)).collect();
        (!joined.is_empty()).then_some(joined)
    })
}

/// XTN: the unformatted number (12), the old first component, or area code and number.
fn phone(phone: &Repetition<'_>) -> Option<String> {
    phone.part(12).or_else(|| phone.part(1)).or_else(|| {
        let number = phone.part(7)?;
        Some(phone.part(6).map_or(number.clone(), |area| format!("{area}-{number}")))
    })
}
