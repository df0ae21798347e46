//! The records of one file as they are written down: keys, times and deletion are the file's, not the segment's.

use super::file_name::{Condition, FileName, Kind};
use super::message::Message;
use crate::moment::{self, Moment};
use crate::{Skipped, StatedInFull, list_skipped};
use jiff::Timestamp;
use jiff::civil::Date;
use record::disclosed::Code;
use record::{ContentHash, DataClass, DisclosedRecord, FacilityId};
use std::collections::HashMap;

pub(super) struct Sheet {
    facility: FacilityId,
    pub kind: Kind,
    /// 診療日 of the file.
    pub day: Option<Date>,
    pub as_of: Timestamp,
    deleted: bool,
    prefix: String,
    records: Vec<DisclosedRecord>,
    taken: HashMap<(DataClass, String), u32>,
    stated_in_full: Vec<StatedInFull>,
    skipped: Vec<Skipped>,
}

impl Sheet {
    pub fn new(facility: &FacilityId, name: &FileName, message: &Message<'_>, unread: Vec<Skipped>) -> Self {
        let created = message.segment("MSH").and_then(|msh| msh.value(7)).and_then(|t| Moment::hl7(&t));
        // A storage that rewrites a file keeps one of the two times; the later one tells the version.
        let as_of = created.into_iter().chain(name.occurred).map(|m| m.at).max();
        let day = name.day.map(|day| day.strftime("%Y%m%d").to_string()).unwrap_or_else(|| "-".to_owned());
        Self {
            facility: facility.clone(),
            kind: name.kind,
            day: name.day,
            as_of: as_of.unwrap_or(moment::UNKNOWN),
            deleted: name.condition == Condition::Deleted,
            prefix: format!("{}/{day}/{}/", name.kind.as_str(), name.key),
            records: Vec::new(),
            taken: HashMap::new(),
            stated_in_full: Vec::new(),
            skipped: unread,
        }
    }

    /// A key within this file's order: `OMP-01/20261120/000123/…`.
    pub fn order_key(&self, item: &str) -> String {
        format!("{}{item}", self.prefix)
    }

    /// An order that is sent again replaces itself as a whole.
    pub fn states_in_full(&mut self, class: DataClass) {
        self.stated_in_full.push(StatedInFull { class, key_prefix: self.prefix.clone() });
    }

    pub fn new_record(&self, class: DataClass, source_key: String, text: String) -> DisclosedRecord {
        let record = DisclosedRecord::new(self.facility.clone(), class, source_key, self.as_of, text);
        DisclosedRecord { date: self.day, ..record }
    }

    pub fn add(&mut self, mut record: DisclosedRecord) {
        record.deleted |= self.deleted;
        if record.source_key.len() > 240 {
            record.source_key = format!("{}{}", self.prefix, ContentHash::of(record.source_key.as_bytes()));
        }
        let number = self.taken.entry((record.class, record.source_key.clone())).or_default();
        *number += 1;
        if *number > 1 {
            record.source_key = format!("{}#{number}", record.source_key);
        }
        self.records.push(record);
    }

    pub fn skip(&mut self, place: String, reason: &'static str) {
        list_skipped(&mut self.skipped, place, reason);
    }

    pub fn finish(self) -> (Vec<DisclosedRecord>, Vec<StatedInFull>, Vec<Skipped>) {
        (self.records, self.stated_in_full, self.skipped)
    }
}

/// Code and system of a coded field.
pub(super) fn code(value: Option<String>, system: Option<String>) -> Option<Code> {
    Some(Code { value: value?, system: system.unwrap_or_default() })
}

/// A code, or a digest of the words where there is none: no clinical word belongs in a key.
pub(super) fn item_key(code: Option<&str>, words: &str) -> String {
    match code {
        Some(code) => code.to_owned(),
        None => ContentHash::of(words.as_bytes()).to_string().chars().take(16).collect(),
    }
}
