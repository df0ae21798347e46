//! ADT-12, ADT-22, ADT-52 → encounter: a visit, the first day of a stay, its last.

use super::file_name::Kind;
use super::message::Message;
use super::sheet::Sheet;
use crate::moment::Moment;
use crate::text::{detail, labelled};
use record::DataClass;

pub(super) fn read(message: &Message<'_>, sheet: &mut Sheet) {
    let Some(pv1) = message.segment("PV1") else {
        sheet.skip("PV1".to_owned(), "the message has none, so there is no visit to show");
        return;
    };
    let (text, time_field) = match sheet.kind {
        Kind::Admission => ("入院", 44),
        Kind::Discharge => ("退院", 45),
        _ => ("外来", 44),
    };
    let mut record = sheet.new_record(DataClass::Encounter, sheet.order_key(""), text.to_owned());
    let moment = pv1.value(time_field).and_then(|t| Moment::hl7(&t));
    record.date = moment.and_then(|m| m.day).or(sheet.day);
    // PL: an outpatient's point of care is the department, an inpatient's the ward.
    let is_inpatient = pv1.value(2).as_deref() == Some("I") || sheet.kind != Kind::Outpatient;
    let place = |i| pv1.part(3, i);
    let service = pv1.value(10);
    record.detail = if is_inpatient {
        detail([
            labelled("病棟", place(1)),
            labelled("病室", place(2)),
            labelled("病床", place(3)),
            labelled("診療科", service),
            labelled("転帰", (sheet.kind == Kind::Discharge).then(|| pv1.words(36)).flatten()),
        ])
    } else {
        detail([labelled("診療科", service.or_else(|| place(1)))])
    };
    sheet.add(record);
}
