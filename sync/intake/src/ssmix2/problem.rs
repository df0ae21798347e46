//! PPR-01: PRB → problem. The instance number (PRB-4) identifies a problem over the years.

use super::message::{Message, Segment};
use super::sheet::{Sheet, code, item_key};
use crate::moment::Moment;
use crate::text::{detail, labelled, says_suspected};
use record::disclosed::Code;
use record::{DataClass, RecordFlag};

pub(super) fn read(message: &Message<'_>, sheet: &mut Sheet) {
    let segments: Vec<Segment<'_>> = message.segments().collect();
    for (i, prb) in segments.iter().enumerate().filter(|(_, s)| s.name() == "PRB") {
        // Modifiers stand in Z segments that follow.
        let modifiers =
            segments[i + 1..].iter().take_while(|s| s.name() != "PRB").filter(|s| s.name().starts_with('Z'));
        if add(prb, modifiers.copied().collect(), sheet).is_none() {
            sheet.skip(prb.place(), "it names no problem (PRB-3)");
        }
    }
}

fn add(prb: &Segment<'_>, modifiers: Vec<Segment<'_>>, sheet: &mut Sheet) -> Option<()> {
    let text = prb.words(3)?;
    let disease = prb.part(3, 2).and(prb.value(3));
    let icd = prb
        .repeats(10)
        .find_map(|r| Some(Code { value: r.part(1)?, system: r.part(3)? }).filter(|c| c.system.starts_with("I10")));
    let number = prb.value(4).unwrap_or_else(|| item_key(disease.as_deref(), &text));
    let mut record = sheet.new_record(DataClass::Problem, format!("PPR-01/{number}"), text);
    record.code = code(disease, prb.part(3, 3)).or_else(|| icd.clone());
    record.deleted = prb.value(1).as_deref() == Some("DE");

    let moment = |field| prb.value(field).and_then(|t| Moment::hl7(&t));
    let day = |field| moment(field).and_then(|m| m.day);
    // Onset, else when the diagnosis was made.
    record.date = day(16).or_else(|| day(7));
    let resolved = moment(9);
    let status = prb.words(14);
    let has_ended = resolved.is_some()
        || status
            .as_deref()
            .is_some_and(|s| ["治癒", "死亡", "中止", "軽快", "Resolved"].iter().any(|end| s.contains(end)));
    let says_so = |segment: &Segment<'_>, fields: std::ops::RangeInclusive<usize>| {
        fields.into_iter().any(|f| segment.raw(f).contains("疑い"))
    };
    let suspected = says_suspected(&record.text)
        || says_so(prb, 13..=13)
        || modifiers.iter().any(|z| says_so(z, 1..=z.field_count()));
    record.flag = if has_ended { Some(RecordFlag::Ended) } else { suspected.then_some(RecordFlag::Suspected) };
    record.detail = detail([
        labelled("ICD-10", icd.map(|c| c.value)),
        labelled("転帰", resolved.and_then(|m| m.day).map(|day| day.to_string())),
        status,
        (suspected && !says_suspected(&record.text)).then(|| "疑い".to_owned()),
    ]);
    sheet.add(record);
    Some(())
}
