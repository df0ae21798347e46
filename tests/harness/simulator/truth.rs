//! What is known from outside: every word that was written, every receipt that was given, what stands in the backup.

use protocol::Series;
use record::{DeviceId, DocumentId};
use std::collections::{BTreeMap, BTreeSet};

/// Words that stand nowhere else: whoever loses them is found out.
#[derive(Debug, Clone)]
pub struct Token {
    pub words: String,
    pub place: Place,
    /// Which phone wrote them.
    pub by: usize,
    pub at_ms: i64,
    /// They stood only in a file that an older one replaced: no protocol can bring them back.
    pub excused: bool,
}

/// Words on their way into a vault: what the field showed, and what stands in it now.
pub struct Typing {
    pub place: Place,
    pub shown: String,
    pub typed: String,
    pub words: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Text(DocumentId, &'static str),
    Board(record::PatientId),
}

pub type SeriesKey = ([u8; 8], [u8; 16]);

pub fn key(device: DeviceId, series: Series) -> SeriesKey {
    (device.0, series.0.0)
}

#[derive(Default)]
pub struct Truth {
    pub tokens: Vec<Token>,
    /// How many words were ever thought of, whatever became of them.
    pub words: u64,
    /// Numbers that the hub has receipted, ever.
    pub receipted: BTreeSet<(SeriesKey, u64)>,
    /// Up to where each series stands in the last backup.
    pub backed_up: Option<BTreeMap<SeriesKey, u64>>,
    pub series: BTreeSet<SeriesKey>,
}
