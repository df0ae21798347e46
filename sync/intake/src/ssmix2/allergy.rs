//! AL1 and IAM → allergy. Neither has an identity of its own, so an allergy's key is its kind and its allergen: the
//! AL1 of a prescription and of ADT-00 are one record.

use super::message::{Message, Segment};
use super::sheet::{Sheet, code, item_key};
use crate::moment::Moment;
use crate::text::{detail, labelled, says_none_known};
use record::disclosed::allergy_word;
use record::{DataClass, RecordFlag};

pub(super) fn read(message: &Message<'_>, sheet: &mut Sheet) {
    for segment in message.segments() {
        let read = match segment.name() {
            "AL1" => add(&segment, sheet, None),
            "IAM" => add(&segment, sheet, Some(segment.value(6).unwrap_or_default())),
            _ => Some(()),
        };
        if read.is_none() {
            sheet.skip(segment.place(), "it names no allergen (field 3)");
        }
    }
}

/// AL1 and IAM agree in their first five fields: number, kind, allergen, severity, reactions.
fn add(segment: &Segment<'_>, sheet: &mut Sheet, action: Option<String>) -> Option<()> {
    let text = segment.words(3)?;
    let allergen = segment.part(3, 2).and(segment.value(3));
    let key = format!("allergy/{}/{}", segment.value(2).unwrap_or_default(), item_key(allergen.as_deref(), &text));
    let none_known = says_none_known(&text);
    let mut record = sheet.new_record(DataClass::Allergy, key, text);
    record.code = code(allergen, segment.part(3, 3));
    // IAM-11 onset, AL1-6 identification; the file's day says nothing of an allergy.
    let onset = if action.is_some() { segment.value(11) } else { segment.value(6) };
    record.date = onset.and_then(|t| Moment::hl7(&t)).and_then(|m| m.day);
    let severity = segment.value(4);
    record.flag = if none_known {
        Some(RecordFlag::NoneKnown)
    } else {
        (severity.as_deref() == Some("SV")).then_some(RecordFlag::Contraindicated)
    };
    let severity = match severity.as_deref() {
        Some("SV") => Some(allergy_word("severe").to_owned()),
        Some("MO") => Some(allergy_word("moderate").to_owned()),
        Some("MI") => Some(allergy_word("mild").to_owned()),
        _ => segment.part(4, 2),
    };
    let reactions = segment.repeats(5).map(|r| r.part(2).or_else(|| r.part(1)));
    record.detail = detail([segment.words(2), severity].into_iter().chain([labelled("反応", detail(reactions))]));
    record.deleted = action.as_deref() == Some("D");
    sheet.add(record);
    Some(())
}
