//! 患者サマリー: all that the device holds of one patient, every item with its facility and its as-of time.
//!
//! Nothing is merged into one "truth": two hospitals' prescriptions stay two (domain §8.4). Only what one facility
//! delivered twice, once as FHIR and once as SS-MIX2, is shown once ([`same_item`]).

use crate::consent::DataClass;
use crate::disclosed::{Code, DisclosedRecord, RecordFlag};
use crate::ids::FacilityId;
use crate::order::NursingOrder;
use crate::patient::Patient;
use crate::quiet::shows_only;
use crate::writing::search_kana;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// One line of a summary.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryItem {
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<RecordFlag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub date: Option<Date>,
    pub facility: FacilityId,
    pub as_of: Timestamp,
    /// How many other deliveries of the same facility say the same and are not shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub also: u16,
}

fn is_zero(also: &u16) -> bool {
    *also == 0
}

/// What is known of allergies. "None known" is a statement; "not recorded" is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllergyKnowledge {
    Recorded,
    NoneKnown,
    NotRecorded,
    /// The lease of the disclosed records has lapsed: it may be written there.
    Locked,
}

/// 患者サマリー
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientSummary {
    pub patient: Patient,
    pub allergy_knowledge: AllergyKnowledge,
    pub allergies: Vec<SummaryItem>,
    pub problems: Vec<SummaryItem>,
    pub prescriptions: Vec<SummaryItem>,
    pub injections: Vec<SummaryItem>,
    pub labs: Vec<SummaryItem>,
    pub encounters: Vec<SummaryItem>,
    pub documents: Vec<SummaryItem>,
    pub orders: Vec<NursingOrder>,
}

impl PatientSummary {
    /// Sorts records into their classes, latest first. Deleted ones are left out, and what one facility delivered in two
    /// formats is there once.
    pub fn new(patient: Patient, records: Vec<DisclosedRecord>, mut orders: Vec<NursingOrder>) -> Self {
        orders.sort_by_key(|order| std::cmp::Reverse((order.until, order.from)));
        let mut summary = Self {
            patient,
            allergy_knowledge: AllergyKnowledge::NotRecorded,
            allergies: Vec::new(),
            problems: Vec::new(),
            prescriptions: Vec::new(),
            injections: Vec::new(),
            labs: Vec::new(),
            encounters: Vec::new(),
            documents: Vec::new(),
            orders,
        };
        let mut none_known = false;
        let standing = records.into_iter().filter(|record| !record.deleted).collect();
        for (record, also) in shown_once(standing) {
            let list = match record.class {
                // The words stay: "no drug allergy" says nothing of food.
                DataClass::Allergy => {
                    none_known |= record.flag == Some(RecordFlag::NoneKnown);
                    &mut summary.allergies
                }
                DataClass::Problem => &mut summary.problems,
                DataClass::Rx => &mut summary.prescriptions,
                DataClass::Inj => &mut summary.injections,
                DataClass::Lab => &mut summary.labs,
                DataClass::Encounter => &mut summary.encounters,
                DataClass::Document => &mut summary.documents,
            };
            list.push(SummaryItem { also, ..SummaryItem::from(record) });
        }
        for list in [
            &mut summary.allergies,
            &mut summary.problems,
            &mut summary.prescriptions,
            &mut summary.injections,
            &mut summary.labs,
            &mut summary.encounters,
            &mut summary.documents,
        ] {
            list.sort_by(|a, b| (b.date, b.as_of, &a.text).cmp(&(a.date, a.as_of, &b.text)));
        }
        let any = summary.allergies.iter().any(|item| item.flag != Some(RecordFlag::NoneKnown));
        summary.allergy_knowledge = match (any, none_known) {
            (true, _) => AllergyKnowledge::Recorded,
            (false, true) => AllergyKnowledge::NoneKnown,
            (false, false) => AllergyKnowledge::NotRecorded,
        };
        summary
    }

    /// The laboratory results as series: one for each facility, item and unit as received, since neither values nor units
    /// are ever converted. The series with the newest point comes first, and in it the newest point.
    pub fn lab_series(&self) -> Vec<LabSeries> {
        let names = Names::of(self.labs.iter().map(|lab| (&lab.facility, lab.code.as_ref(), lab.text.as_str())));
        let mut series: BTreeMap<(&FacilityId, Name, Option<&str>), LabSeries> = BTreeMap::new();
        for lab in &self.labs {
            let name = names.name(&lab.facility, lab.code.as_ref(), &lab.text);
            let series = series.entry((&lab.facility, name, lab.unit.as_deref())).or_insert_with(|| LabSeries {
                facility: lab.facility.clone(),
                code: None,
                text: lab.text.clone(),
                unit: lab.unit.clone(),
                points: Vec::new(),
            });
            series.code = series.code.take().or_else(|| lab.code.clone());
            let (date, as_of, value, flag) = (lab.date, lab.as_of, lab.value.clone(), lab.flag.clone());
            series.points.push(LabPoint { date, as_of, value, flag });
        }
        let mut series: Vec<LabSeries> = series.into_values().collect();
        // The labs are sorted, so the points are.
        series.sort_by_key(|series| Reverse(series.points.first().map(|point| (point.date, point.as_of))));
        series
    }

    /// The newest as-of time of anything disclosed here.
    pub fn as_of(&self) -> Option<Timestamp> {
        [
            &self.allergies,
            &self.problems,
            &self.prescriptions,
            &self.injections,
            &self.labs,
            &self.encounters,
            &self.documents,
        ]
        .into_iter()
        .flatten()
        .map(|item| item.as_of)
        .max()
    }
}

impl From<DisclosedRecord> for SummaryItem {
    fn from(record: DisclosedRecord) -> Self {
        Self {
            text: record.text,
            code: record.code,
            value: record.value,
            unit: record.unit,
            flag: record.flag,
            detail: record.detail,
            body: record.body,
            date: record.date,
            facility: record.facility,
            as_of: record.as_of,
            also: 0,
        }
    }
}

/// Results of one item at one facility in one unit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabSeries {
    pub facility: FacilityId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// As the newest result writes it.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub points: Vec<LabPoint>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabPoint {
    pub date: Option<Date>,
    pub as_of: Timestamp,
    /// As received; `None` where there is no result (検査できず): a gap, never a zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<RecordFlag>,
}

/// What an item is called within its facility: by its code, or without one by its words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Code(String),
    Words(String),
}

/// The codes under which each facility's words are known, so that an item without a code finds the one that has it.
struct Names<'r>(BTreeMap<(&'r FacilityId, String), BTreeSet<&'r str>>);

impl<'r> Names<'r> {
    fn of(items: impl Iterator<Item = (&'r FacilityId, Option<&'r Code>, &'r str)>) -> Self {
        let mut codes: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for (facility, code, text) in items {
            if let Some(code) = code {
                codes.entry((facility, folded(text))).or_default().insert(code.value.trim());
            }
        }
        Self(codes)
    }

    fn name(&self, facility: &FacilityId, code: Option<&Code>, text: &str) -> Name {
        let words = folded(text);
        match code {
            Some(code) => Name::Code(code.value.trim().to_string()),
            // Words that stand for two codes say nothing.
            None => {
                match self.0.get(&(facility, words.clone())).map(|codes| codes.iter().collect::<Vec<_>>()).as_deref() {
                    Some([only]) => Name::Code(only.to_string()),
                    _ => Name::Words(words),
                }
            }
        }
    }
}

/// Words for comparing: full-width and half-width letters, capitals, kana and blanks are alike.
fn folded(text: &str) -> String {
    let narrow = text.chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    });
    search_kana(&narrow.collect::<String>()).to_lowercase()
}

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
fn shown_once(records: Vec<DisclosedRecord>) -> Vec<(DisclosedRecord, u16)> {
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

shows_only!(SummaryItem { facility, date, as_of });
shows_only!(LabSeries { facility });
shows_only!(LabPoint { date, as_of });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Sex;
    use jiff::civil::date;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const EARLY: &str = "2026-11-20T01:00:00Z";
    const LATE: &str = "2026-11-20T09:00:00Z";

    fn record(facility: &str, class: DataClass, key: &str, text: &str, as_of: &str) -> DisclosedRecord {
        let facility = facility.parse().expect("the id is well formed");
        let as_of = as_of.parse().expect("the time is well formed");
        DisclosedRecord { date: Some(date(2026, 11, 20)), ..DisclosedRecord::new(facility, class, key, as_of, text) }
    }

    fn coded(system: &str, value: &str) -> Option<Code> {
        Some(Code { system: system.into(), value: value.into() })
    }

    /// As `intake` reads it out of a MedicationRequest and out of OMP-01.
    fn tablet(as_fhir: bool, detail: &str, as_of: &str) -> DisclosedRecord {
        let (key, system) = if as_fhir {
            (format!("MedicationRequest|order|{detail}"), "urn:oid:1.2.392.200119.4.403.1")
        } else {
            (format!("OMP-01/20261120/000123/{detail}"), "HOT9")
        };
        DisclosedRecord {
            code: coded(system, "103835401"),
            value: Some("1".into()),
            unit: Some("錠".into()),
            detail: Some(detail.into()),
            ..record("tsubaki", DataClass::Rx, &key, "架空錠5mg", as_of)
        }
    }

    fn albumin(as_fhir: bool, value: &str, as_of: &str) -> DisclosedRecord {
        let key = if as_fhir { "Observation|obs-1" } else { "OML-11/20261120/000124/023/3A015" };
        DisclosedRecord {
            value: Some(value.into()),
            unit: Some("g/dL".into()),
            ..record("tsubaki", DataClass::Lab, key, if as_fhir { "アルブミン" } else { "ｱﾙﾌﾞﾐﾝ" }, as_of)
        }
    }

    fn summary(records: Vec<DisclosedRecord>) -> Result<PatientSummary, crate::ids::IdError> {
        let patient = Patient {
            id: "p-1".parse()?,
            name: "仮山 花子".into(),
            kana: "カリヤマ ハナコ".into(),
            birth_date: None,
            sex: Sex::Unknown,
            address: None,
            phone: None,
            local_ids: Vec::new(),
        };
        Ok(PatientSummary::new(patient, records, Vec::new()))
    }

    fn said(items: &[SummaryItem]) -> Vec<(String, Option<&str>, u16)> {
        items.iter().map(|item| (item.as_of.to_string(), item.detail.as_deref(), item.also)).collect()
    }

    #[test]
    fn one_prescription_in_both_formats_is_shown_once_as_the_later_delivery_says_it() -> Outcome {
        for (fhir, ss_mix2, stands) in [(LATE, EARLY, "朝食後 / 14日分"), (EARLY, LATE, "朝 / 14日分 / 総量 14錠")]
        {
            let both = vec![tablet(false, "朝 / 14日分 / 総量 14錠", ss_mix2), tablet(true, "朝食後 / 14日分", fhir)];
            assert_eq!(said(&summary(both)?.prescriptions), [(LATE.to_string(), Some(stands), 1)]);
        }
        Ok(())
    }

    #[test]
    fn prescriptions_of_two_facilities_or_two_days_or_another_quantity_stay_two() -> Outcome {
        let ours = tablet(false, "朝 / 14日分 / 総量 14錠", EARLY);
        let same = tablet(true, "朝 / 14日分 / 総量 14錠", LATE);
        assert!(same_item(&ours, &same));
        let others = [
            DisclosedRecord { facility: "yanagi".parse()?, ..same.clone() },
            DisclosedRecord { date: Some(date(2026, 11, 21)), ..same.clone() },
            DisclosedRecord { value: Some("2".into()), ..same.clone() },
            DisclosedRecord { value: Some("1.0".into()), ..same.clone() },
            DisclosedRecord { unit: Some("mg".into()), ..same.clone() },
            DisclosedRecord { code: coded("HOT9", "103835402"), ..same.clone() },
            DisclosedRecord { detail: Some("朝 / 28日分 / 総量 28錠".into()), ..same.clone() },
            DisclosedRecord { class: DataClass::Inj, ..same.clone() },
            DisclosedRecord { flag: Some(RecordFlag::Ended), ..same.clone() },
            DisclosedRecord { source_key: "MedicationDispense|1".into(), ..same.clone() },
        ];
        for other in others {
            assert_eq!(shown_once(vec![ours.clone(), other.clone()]).len(), 2, "{other:?}");
        }
        Ok(())
    }

    #[test]
    fn a_tablet_in_the_morning_and_one_at_bedtime_stay_two_in_one_format_and_in_both() -> Outcome {
        let ss_mix2 = [tablet(false, "朝", EARLY), tablet(false, "就寝前", LATE)];
        let fhir =
            [tablet(true, "1日1回就寝前", "2026-11-20T05:00:00Z"), tablet(true, "1日1回朝", "2026-11-20T05:00:00Z")];
        assert_eq!(summary(ss_mix2.to_vec())?.prescriptions.len(), 2);
        // Mixed, one of the two could stand twice and the other not at all.
        let both = summary([ss_mix2.to_vec(), fhir.to_vec()].concat())?.prescriptions;
        assert_eq!(said(&both), [(LATE.to_string(), Some("就寝前"), 1), (EARLY.to_string(), Some("朝"), 1)]);
        // Said twice here and once there, nobody knows which one that is.
        let uneven = summary([&ss_mix2[..], &fhir[..1]].concat())?.prescriptions;
        assert_eq!(uneven.iter().map(|item| item.also).collect::<Vec<_>>(), [0, 0, 0]);
        Ok(())
    }

    #[test]
    fn two_quantities_of_one_drug_find_each_its_own_other_delivery() -> Outcome {
        let all = vec![
            tablet(false, "朝 / 7日分", EARLY),
            tablet(false, "朝 / 14日分", EARLY),
            tablet(true, "毎朝 / 14日分", LATE),
            tablet(true, "毎朝 / 7日分", LATE),
        ];
        let shown = summary(all)?.prescriptions;
        let mut details: Vec<_> = shown.iter().filter_map(|item| item.detail.as_deref()).collect();
        details.sort_unstable();
        assert_eq!(details, ["毎朝 / 14日分", "毎朝 / 7日分"]);
        Ok(())
    }

    #[test]
    fn a_result_without_a_code_on_one_side_is_found_by_its_words_and_keeps_its_flag() -> Outcome {
        let mut ss_mix2 = albumin(false, "3.10", EARLY);
        ss_mix2.code = coded("JC10", "3A015");
        ss_mix2.flag = Some(RecordFlag::Low);
        let fhir = albumin(true, "3.10", LATE);
        let labs = summary(vec![ss_mix2.clone(), fhir.clone()])?.labs;
        assert_eq!(labs.len(), 1);
        assert_eq!((labs[0].as_of.to_string().as_str(), labs[0].also), (LATE, 1));
        assert_eq!(labs[0].flag, Some(RecordFlag::Low), "Low must not vanish with the earlier delivery");
        let rounded = albumin(true, "3.1", LATE);
        assert_eq!(summary(vec![ss_mix2.clone(), rounded])?.labs.len(), 2, "a value is never re-read");
        let contradicting = DisclosedRecord { flag: Some(RecordFlag::High), ..fhir };
        assert_eq!(summary(vec![ss_mix2, contradicting])?.labs.len(), 2);
        Ok(())
    }

    #[test]
    fn words_that_stand_for_two_codes_are_joined_with_neither() -> Outcome {
        let code = |value: &str, key: &str| DisclosedRecord {
            code: coded("JC10", value),
            source_key: key.into(),
            ..albumin(false, "1+", EARLY)
        };
        let three = vec![code("1A010", "OML-11/a"), code("1A011", "OML-11/b"), albumin(true, "1+", LATE)];
        assert_eq!(summary(three)?.labs.len(), 3);
        Ok(())
    }

    #[test]
    fn an_allergy_with_another_reaction_is_never_hidden() -> Outcome {
        let allergy = |key: &str, detail: &str| DisclosedRecord {
            date: None,
            detail: Some(detail.into()),
            ..record("tsubaki", DataClass::Allergy, key, "架空マイシン", EARLY)
        };
        let two = vec![allergy("allergy/DA/12", "反応 発疹"), allergy("AllergyIntolerance|i|12", "アナフィラキシー")];
        assert_eq!(summary(two)?.allergies.len(), 2);
        let one = vec![allergy("allergy/DA/12", "反応 発疹"), allergy("AllergyIntolerance|i|12", "反応 発疹")];
        assert_eq!(summary(one)?.allergies.len(), 1);
        Ok(())
    }

    #[test]
    fn none_known_is_a_statement_and_not_recorded_is_a_gap() -> Outcome {
        assert_eq!(summary(Vec::new())?.allergy_knowledge, AllergyKnowledge::NotRecorded);
        let none = DisclosedRecord {
            flag: Some(RecordFlag::NoneKnown),
            ..record("tsubaki", DataClass::Allergy, "allergy/DA/none", "なし", EARLY)
        };
        assert_eq!(summary(vec![none.clone()])?.allergy_knowledge, AllergyKnowledge::NoneKnown);
        let deleted = DisclosedRecord { deleted: true, ..none.clone() };
        assert_eq!(summary(vec![deleted])?.allergy_knowledge, AllergyKnowledge::NotRecorded);
        let other = record("yanagi", DataClass::Allergy, "allergy/DA/12", "架空マイシン", EARLY);
        let both = summary(vec![none, other])?;
        assert_eq!((both.allergy_knowledge, both.allergies.len()), (AllergyKnowledge::Recorded, 2));
        Ok(())
    }

    #[test]
    fn every_item_says_whose_it_is_and_the_latest_comes_first() -> Outcome {
        let older = DisclosedRecord { date: Some(date(2026, 10, 1)), ..tablet(false, "朝", LATE) };
        let undated = DisclosedRecord { date: None, ..tablet(false, "昼", LATE) };
        let theirs = DisclosedRecord { facility: "yanagi".parse()?, ..tablet(false, "夕", EARLY) };
        let shown = summary(vec![undated, older, theirs, tablet(false, "朝", EARLY)])?.prescriptions;
        let whose: Vec<_> = shown.iter().map(|i| (i.facility.as_str(), i.date)).collect();
        let (october, november) = (Some(date(2026, 10, 1)), Some(date(2026, 11, 20)));
        assert_eq!(whose[2..], [("tsubaki", october), ("tsubaki", None)]);
        assert!(whose[..2].contains(&("yanagi", november)) && whose[..2].contains(&("tsubaki", november)));
        Ok(())
    }

    #[test]
    fn a_lab_series_is_one_facilitys_item_in_one_unit_latest_first_as_received() -> Outcome {
        let on = |day, value: &str| DisclosedRecord {
            date: Some(date(2026, 11, day)),
            source_key: format!("OML-11/202611{day}/1/023/3A015"),
            ..albumin(false, value, EARLY)
        };
        let labs = vec![
            on(1, "3.90"),
            DisclosedRecord { code: coded("JC10", "3A015"), flag: Some(RecordFlag::Low), ..on(15, "3.10") },
            on(20, "検査不能"),
            DisclosedRecord { unit: Some("g/L".into()), ..on(18, "31") },
            DisclosedRecord { facility: "yanagi".parse()?, ..on(10, "3.5") },
        ];
        let series = summary(labs)?.lab_series();
        let points = |at: usize| -> Vec<(Option<i8>, Option<&str>)> {
            series[at].points.iter().map(|p| (p.date.map(|d| d.day()), p.value.as_deref())).collect()
        };
        assert_eq!(series.len(), 3);
        assert_eq!(points(0), [(Some(20), Some("検査不能")), (Some(15), Some("3.10")), (Some(1), Some("3.90"))]);
        assert_eq!(
            (series[0].unit.as_deref(), series[0].points[1].flag.clone()),
            (Some("g/dL"), Some(RecordFlag::Low))
        );
        assert_eq!(series[0].code, coded("JC10", "3A015"));
        assert_eq!((series[1].unit.as_deref(), points(1)), (Some("g/L"), vec![(Some(18), Some("31"))]));
        assert_eq!(series[2].facility.as_str(), "yanagi");
        Ok(())
    }

    #[test]
    fn what_stands_alone_has_the_json_it_always_had() -> Outcome {
        let shown = summary(vec![tablet(false, "朝", EARLY)])?;
        let json = serde_json::to_value(&shown.prescriptions[0])?;
        assert_eq!(json.get("also"), None);
        let twice = summary(vec![tablet(false, "朝", EARLY), tablet(true, "朝", LATE)])?;
        assert_eq!(serde_json::to_value(&twice.prescriptions[0])?.get("also"), Some(&serde_json::json!(1)));
        Ok(())
    }

    #[test]
    fn ten_thousand_lines_without_day_and_value_are_no_wait() -> Outcome {
        let line = |n: usize| DisclosedRecord {
            date: None,
            ..record("tsubaki", DataClass::Problem, &format!("PPR-01/{n}"), "架空病", EARLY)
        };
        let mut many: Vec<_> = (0..10_000).map(line).collect();
        many.push(DisclosedRecord { source_key: "Condition|1".into(), ..line(0) });
        assert_eq!(summary(many)?.problems.len(), 10_001);
        Ok(())
    }
}
