//! What one facility delivered twice, once as FHIR and once as SS-MIX2, is shown once.

use super::names::{Name, Names, folded};
use crate::consent::DataClass;
use crate::disclosed::{DisclosedRecord, RecordFlag};
use std::collections::BTreeMap;

/// How a record came, by the form of its source key (`intake`): FHIR's begin with the resource's type and `|`, SS-MIX2's
/// with the file's kind and `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Delivery {
    Fhir,
    SsMix2,
}

/// What is said of a drug. That it was ordered, that it was given and that the patient takes it are three statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Ordered,
    Given,
    Taken,
}

fn delivery(source_key: &str) -> Option<(Delivery, Stage)> {
    let at = source_key.find(['|', '/'])?;
    let delivery = if source_key[at..].starts_with('|') { Delivery::Fhir } else { Delivery::SsMix2 };
    let stage = match &source_key[..at] {
        "MedicationDispense" | "MedicationAdministration" | "OMP-12" => Stage::Given,
        "MedicationStatement" => Stage::Taken,
        _ => Stage::Ordered,
    };
    Some((delivery, stage))
}

/// Whether two records of one facility, one delivered as FHIR and one as SS-MIX2, are the same item: same class, same
/// clinical date, same code (or, with no code on one side, the same words), same value and unit — as received, so that
/// 3.10 and 3.1 stay two — and nothing else in which they contradict each other. Never across facilities, and never
/// within one format: there, one tablet in the morning and one at bedtime are two lines that differ in nothing but words.
pub fn same_item(a: &DisclosedRecord, b: &DisclosedRecord) -> bool {
    let ways = (delivery(&a.source_key), delivery(&b.source_key));
    let two_ways = matches!(ways, (Some((a, a_stage)), Some((b, b_stage))) if a != b && a_stage == b_stage);
    let same_name = match (&a.code, &b.code) {
        (Some(a), Some(b)) => a.value.trim() == b.value.trim(),
        _ => folded(&a.text) == folded(&b.text),
    };
    two_ways
        && (&a.facility, a.class, a.date) == (&b.facility, b.class, b.date)
        && (&a.value, &a.unit) == (&b.value, &b.unit)
        && same_name
        && agree(a, b)
}

/// Whether hiding one of two leaves nothing unsaid that a nurse acts on.
fn agree(a: &DisclosedRecord, b: &DisclosedRecord) -> bool {
    let same_flag = a.flag == b.flag;
    match a.class {
        // The flag only interprets an equal value: a delivery without one contradicts nothing (see `shown_once`).
        DataClass::Lab => same_flag || a.flag.is_none() || b.flag.is_none(),
        DataClass::Rx | DataClass::Inj => {
            let same = |is: fn(&&str) -> bool| match (part(a, is), part(b, is)) {
                (Some(a), Some(b)) => folded(a) == folded(b),
                _ => true,
            };
            same_flag && same(|part| part.starts_with("総量 ")) && same(|part| part.ends_with("日分"))
        }
        DataClass::Problem => same_flag,
        // A reaction, a department, a text: the words beside are the matter itself.
        DataClass::Allergy | DataClass::Encounter | DataClass::Document => {
            same_flag && a.detail == b.detail && a.body == b.body
        }
    }
}

/// A part of the detail line, as intake writes it: quantity (総量 56錠) and days (14日分) stand there.
fn part(record: &DisclosedRecord, is: fn(&&str) -> bool) -> Option<&str> {
    record.detail.as_deref()?.split(" / ").find(is)
}

/// More lines that are alike than this belong to no real order; they are all shown rather than compared.
const MOST_ALIKE: usize = 32;

/// Leaves one of each pair of deliveries out, and says of the other how many it stands for.
///
/// Lines that [`same_item`] cannot tell apart stand or go together: if FHIR and SS-MIX2 have equally many of them, those of
/// the later delivery stand, all of them; if not, nobody knows which is whose, and nothing is hidden.
pub(super) fn shown_once(records: Vec<DisclosedRecord>) -> Vec<(DisclosedRecord, u16)> {
    let mut shown: Vec<Option<u16>> = vec![Some(0); records.len()];
    let mut flags: Vec<(usize, Option<RecordFlag>)> = Vec::new();
    for alike in alike(&records) {
        let (fhir, ss_mix2): (Vec<usize>, Vec<usize>) = alike
            .into_iter()
            .partition(|&i| delivery(&records[i].source_key).is_some_and(|(by, _)| by == Delivery::Fhir));
        let every_pair = fhir.iter().all(|&f| ss_mix2.iter().all(|&s| same_item(&records[f], &records[s])));
        if fhir.len() != ss_mix2.len() || !every_pair {
            continue;
        }
        let as_of = |side: &[usize]| side.iter().map(|&i| records[i].as_of).max();
        let (stands, goes) = if as_of(&fhir) >= as_of(&ss_mix2) { (fhir, ss_mix2) } else { (ss_mix2, fhir) };
        for (&stands, &goes) in stands.iter().zip(&goes) {
            shown[stands] = Some(1);
            shown[goes] = None;
            // Only a result's flag can differ here, by being left out: High stays to be seen.
            flags.push((stands, records[stands].flag.clone().or_else(|| records[goes].flag.clone())));
        }
    }
    let mut records = records;
    for (i, flag) in flags {
        records[i].flag = flag;
    }
    records.into_iter().zip(shown).filter_map(|(record, also)| Some((record, also?))).collect()
}

/// Groups of records that are connected by [`same_item`], each with two or more.
fn alike(records: &[DisclosedRecord]) -> Vec<Vec<usize>> {
    // By what is equal in all of a group first: comparing everything with everything takes too long on a phone.
    let mut equal: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (i, record) in records.iter().enumerate() {
        if let Some((_, stage)) = delivery(&record.source_key) {
            let key = (&record.facility, record.class, record.date, &record.value, &record.unit, stage);
            equal.entry(key).or_default().push(i);
        }
    }
    let mut groups = Vec::new();
    for equal in equal.into_values().filter(|equal| equal.len() > 1) {
        let named =
            || equal.iter().map(|&i| (&records[i].facility, records[i].code.as_ref(), records[i].text.as_str()));
        let names = Names::of(named());
        let mut by_name: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (&i, (facility, code, text)) in equal.iter().zip(named()) {
            by_name.entry(names.name(facility, code, text)).or_default().push(i);
        }
        for mut rest in by_name.into_values().filter(|rest| rest.len() <= MOST_ALIKE) {
            while let Some(first) = rest.pop() {
                let mut group = vec![first];
                let mut next = 0;
                while let Some(&at) = group.get(next) {
                    let (joined, others) = rest.into_iter().partition(|&i| same_item(&records[at], &records[i]));
                    rest = others;
                    group.extend::<Vec<usize>>(joined);
                    next += 1;
                }
                if group.len() > 1 {
                    groups.push(group);
                }
            }
        }
    }
    groups
}
