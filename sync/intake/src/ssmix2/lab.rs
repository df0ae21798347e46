//! OBX → lab: results of OML-11, and height, weight and blood type of ADT-00. Values as received, never re-rounded.

use super::message::{Message, Segment};
use super::sheet::{Sheet, code, item_key};
use crate::moment::Moment;
use crate::text::{detail, interpretation_flag, labelled};
use jiff::civil::Date;
use record::DataClass;

/// What stands above an OBX and counts for it.
#[derive(Default)]
struct Above {
    specimen: Option<String>,
    specimen_key: String,
    sampled: Option<Date>,
    ordered: Option<Date>,
}

pub(super) fn read(message: &Message<'_>, sheet: &mut Sheet) {
    sheet.states_in_full(DataClass::Lab);
    let mut above = Above::default();
    for segment in message.segments() {
        match segment.name() {
            "SPM" => {
                above = Above {
                    specimen: segment.words(4),
                    specimen_key: segment.value(4).unwrap_or_default(),
                    sampled: day(&segment, 17),
                    ordered: None,
                }
            }
            "OBR" => above.ordered = day(&segment, 7),
            "OBX" => {
                let date = above.sampled.or(above.ordered).or_else(|| day(&segment, 14)).or(sheet.day);
                let key = sheet.order_key(&above.specimen_key);
                if let Err(reason) = add(&segment, sheet, &key, date, above.specimen.as_deref()) {
                    sheet.skip(segment.place(), reason);
                }
            }
            _ => {}
        }
    }
}

/// ADT-00: one current value each, whatever file it came in.
pub(super) fn read_profile(message: &Message<'_>, sheet: &mut Sheet) {
    for segment in message.segments().filter(|s| s.name() == "OBX") {
        let date = day(&segment, 14);
        if let Err(reason) = add(&segment, sheet, "ADT-00", date, None) {
            sheet.skip(segment.place(), reason);
        }
    }
}

fn day(segment: &Segment<'_>, field: usize) -> Option<Date> {
    segment.value(field).and_then(|t| Moment::hl7(&t)).and_then(|m| m.day)
}

fn add(
    obx: &Segment<'_>,
    sheet: &mut Sheet,
    key: &str,
    date: Option<Date>,
    specimen: Option<&str>,
) -> Result<(), &'static str> {
    let text = obx.words(3).ok_or("it names no test (OBX-3)")?;
    let status = obx.value(11);
    let value = value_of(obx)?;
    if value.is_none() && status.as_deref() == Some("O") {
        return Ok(()); // ordered, nothing to show yet
    }
    let test = obx.part(3, 2).and(obx.value(3));
    let sub_id = obx.value(4).map(|id| format!(".{id}")).unwrap_or_default();
    let item = format!("{key}/{}{sub_id}", item_key(test.as_deref(), &text));
    let mut record = sheet.new_record(DataClass::Lab, item, text);
    record.code = code(test, obx.part(3, 3));
    record.date = date;
    record.unit = unit(obx).filter(|_| value.is_some());
    record.value = value;
    record.flag = obx.repeats(8).filter_map(|r| r.part(1)).find_map(|flag| interpretation_flag(&flag));
    // D deleted, W posted as wrong (another patient's).
    record.deleted = matches!(status.as_deref(), Some("D" | "W"));
    record.detail = detail([
        labelled("基準値", obx.repeats(7).next().and_then(|r| r.whole())),
        labelled("検体", specimen),
        match status.as_deref() {
            Some("P" | "I" | "R" | "S") => Some("暫定".to_owned()),
            Some("C") => Some("訂正".to_owned()),
            Some("X") => Some("検査できず".to_owned()),
            _ => None,
        },
    ]);
    sheet.add(record);
    Ok(())
}

/// OBX-5 by its type OBX-2: a coded value's text, a structured number's parts, else the words as they are.
fn value_of(obx: &Segment<'_>) -> Result<Option<String>, &'static str> {
    let joined = |parts: Vec<String>, between: &str| (!parts.is_empty()).then(|| parts.join(between));
    match obx.value(2).as_deref() {
        Some("CWE" | "CE" | "CNE" | "IS" | "ID") => {
            Ok(joined(obx.repeats(5).filter_map(|r| r.part(2).or_else(|| r.part(1))).collect(), " "))
        }
        Some("SN") => Ok(obx.repeats(5).next().and_then(|r| joined((1..=4).filter_map(|i| r.part(i)).collect(), ""))),
        Some("ED" | "RP") => Err("its value is a file (OBX-2 ED or RP), not a result"),
        Some("TX" | "FT") => Ok(joined(obx.repeats(5).filter_map(|r| r.whole()).collect(), "\n")),
        _ => Ok(joined(obx.repeats(5).filter_map(|r| r.whole()).collect(), " ")),
    }
}

/// OBX-6. `10^4/μL` holds the component separator itself and arrives as `10^4/μL^10^4/μL^99XYZ`: code and text are
/// equal halves around it.
fn unit(obx: &Segment<'_>) -> Option<String> {
    let parts = obx.repeats(6).next()?.components();
    let half = parts.len() / 2;
    let is_doubled = half > 1 && parts.get(..half) == parts.get(half..2 * half);
    let is_power = parts.len() > 1
        && matches!(parts.first(), Some(&"10" | &"x10" | &"X10" | &"×10" | &"*10"))
        && parts.get(1).is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
    let raw = if is_doubled {
        parts.get(..half)?.join("^")
    } else if is_power {
        parts.get(..2)?.join("^")
    } else {
        let text = parts.get(1).filter(|text| !text.trim().is_empty());
        (*text.or(parts.first())?).to_owned()
    };
    obx.unescape(&raw)
}
