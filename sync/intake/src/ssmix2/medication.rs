//! OMP-01 → rx, OMP-02 and OMP-12 → inj. Value and unit are one dose; totals and days stand in the detail.

use super::file_name::Kind;
use super::message::{Message, Segment};
use super::sheet::{Sheet, code, item_key};
use crate::moment::Moment;
use crate::text::{detail, labelled};
use jiff::civil::Date;
use record::disclosed::Code;
use record::{DataClass, RecordFlag};

/// One drug or one mixture: ORC, RXE (ordered) or RXA (given), and what follows it.
#[derive(Default)]
struct Group<'m> {
    order: Option<Segment<'m>>,
    lines: Vec<Segment<'m>>,
}

impl<'m> Group<'m> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &Segment<'m>> {
        self.lines.iter().filter(move |s| s.name() == name)
    }

    fn first(&self, name: &'static str) -> Option<&Segment<'m>> {
        self.all(name).next()
    }
}

pub(super) fn read(message: &Message<'_>, sheet: &mut Sheet) {
    let class = if sheet.kind == Kind::Prescription { DataClass::Rx } else { DataClass::Inj };
    sheet.states_in_full(class);
    for group in groups(message) {
        if let Some(rxe) = group.first("RXE").or_else(|| group.first("RXA"))
            && add(&group, rxe, class, sheet).is_none()
        {
            sheet.skip(rxe.place(), "it names no drug (RXE-2, RXA-5 or RXC-2)");
        }
    }
}

fn groups<'m>(message: &'m Message<'m>) -> Vec<Group<'m>> {
    let mut groups: Vec<Group<'m>> = Vec::new();
    for segment in message.segments() {
        let starts = match segment.name() {
            "ORC" => true,
            // A second drug under one ORC.
            name @ ("RXE" | "RXA") => groups.last().is_none_or(|g| g.lines.iter().any(|s| s.name() == name)),
            _ => false,
        };
        if starts {
            let order = if segment.name() == "ORC" { Some(segment) } else { groups.last().and_then(|g| g.order) };
            groups.push(Group { order, lines: Vec::new() });
        }
        if segment.name() != "ORC"
            && let Some(group) = groups.last_mut()
        {
            group.lines.push(segment);
        }
    }
    groups
}

/// A drug with one dose.
struct Dose {
    text: String,
    code: Option<Code>,
    value: Option<String>,
    unit: Option<String>,
}

fn add(group: &Group<'_>, main: &Segment<'_>, class: DataClass, sheet: &mut Sheet) -> Option<()> {
    let is_given = main.name() == "RXA";
    let (drug, amount, unit) = if is_given { (5, 6, 7) } else { (2, 3, 5) };
    let components: Vec<Dose> = group.all("RXC").filter_map(|rxc| dose(rxc, 2, 3, 4)).collect();
    // A mixture's own code is a placeholder (00^一般); its components are the drugs.
    let doses = if components.is_empty() { vec![dose(main, drug, amount, unit)?] } else { components };

    let order = group.order;
    let action = order.and_then(|orc| orc.value(1));
    let group_number = order.and_then(|orc| orc.value(4).or_else(|| orc.value(2))).unwrap_or_default();
    let shared = shared_detail(group, main, is_given);
    for dose in doses {
        let item = format!("{group_number}/{}", item_key(dose.code.as_ref().map(|c| c.value.as_str()), &dose.text));
        let mut record = sheet.new_record(class, sheet.order_key(&item), dose.text);
        record.code = dose.code;
        record.value = dose.value;
        record.unit = dose.unit;
        record.date = date(group, main, is_given, sheet);
        record.detail.clone_from(&shared);
        // CA cancelled, OC cancelled by the hospital, DC discontinued; RXA-21 D deletes, RXA-20 tells what was not given.
        record.deleted =
            matches!(action.as_deref(), Some("CA" | "OC" | "CR")) || is_given && main.value(21).as_deref() == Some("D");
        let not_given = is_given && matches!(main.value(20).as_deref(), Some("RE" | "NA"));
        record.flag = (not_given || matches!(action.as_deref(), Some("DC" | "OD" | "DR"))).then_some(RecordFlag::Ended);
        sheet.add(record);
    }
    Some(())
}

fn dose(segment: &Segment<'_>, drug: usize, amount: usize, unit: usize) -> Option<Dose> {
    let value = segment.value(amount);
    Some(Dose {
        text: segment.words(drug)?,
        code: code(segment.part(drug, 2).and(segment.value(drug)), segment.part(drug, 3)),
        unit: segment.words(unit).filter(|_| value.is_some()),
        value,
    })
}

/// An injection's day is when it runs; a prescription's is the file's.
fn date(group: &Group<'_>, main: &Segment<'_>, is_given: bool, sheet: &Sheet) -> Option<Date> {
    let day = |written: Option<String>| written.and_then(|t| Moment::hl7(&t)).and_then(|m| m.day);
    let starts = || day(group.first("TQ1").and_then(|tq1| tq1.value(7)));
    if is_given {
        return day(main.value(3)).or(sheet.day);
    }
    match sheet.kind {
        Kind::Prescription => sheet.day.or_else(starts),
        _ => starts().or(sheet.day),
    }
}

fn shared_detail(group: &Group<'_>, main: &Segment<'_>, is_given: bool) -> Option<String> {
    let timing = group.first("TQ1");
    let usage = timing.and_then(|tq1| detail(tq1.repeats(3).map(|r| r.subpart(1, 2).or_else(|| r.subpart(1, 1)))));
    let instruction = timing.and_then(|tq1| detail([tq1.words(11), tq1.words(10)]));
    let days = timing.and_then(|tq1| {
        let number = tq1.value(6)?;
        Some(match tq1.part(6, 2).as_deref() {
            Some("d" | "D" | "DAY" | "日" | "日分") | None => format!("{number}日分"),
            Some("回" | "TIMES") => format!("{number}回分"),
            Some(unit) => format!("{number}{unit}"),
        })
    });
    let hours = timing.and_then(|tq1| {
        let clock = |field| tq1.value(field).filter(|t| t.len() >= 12).and_then(|t| clock_of(&t));
        Some(format!("{}〜{}", clock(7)?, clock(8)?))
    });
    let route = group.first("RXR");
    let notes = group.all("NTE").map(|nte| nte.value(3));
    let is_mixture = group.all("RXC").next().is_some();
    let ordered = if is_given {
        [None, None, None, None]
    } else {
        [
            labelled("1日", amount(main, 19)),
            labelled("総量", amount_of(main, 10, 11).filter(|_| !is_mixture)),
            main.words(7),
            labelled("速度", amount_of(main, 23, 24)),
        ]
    };
    let through = [
        usage,
        instruction,
        days,
        hours.filter(|_| is_mixture),
        route.and_then(|rxr| rxr.words(1)),
        route.and_then(|rxr| rxr.words(2)),
    ];
    detail(through.into_iter().chain(ordered).chain(notes))
}

/// `202611201030` → `11/20 10:30`
fn clock_of(text: &str) -> Option<String> {
    let digits = |from: usize, to: usize| text.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    Some(format!("{}/{} {}:{}", digits(4, 6)?, digits(6, 8)?, digits(8, 10)?, digits(10, 12)?))
}

/// A number in one field, its unit in the next.
fn amount_of(segment: &Segment<'_>, number: usize, unit: usize) -> Option<String> {
    Some(format!("{}{}", segment.value(number)?, segment.words(unit).unwrap_or_default()))
}

/// CQ: number and unit in one field, the unit's text a subcomponent (`3^TAB&錠&MR9P`).
fn amount(segment: &Segment<'_>, field: usize) -> Option<String> {
    let quantity = segment.repeats(field).next()?;
    let unit = quantity.subpart(2, 2).or_else(|| quantity.subpart(2, 1)).unwrap_or_default();
    Some(format!("{}{unit}", quantity.part(1)?))
}
