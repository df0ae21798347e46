//! What is known from outside: every word that was written, every receipt that was given, what stands in the backup.

use protocol::Series;
use record::{ContentHash, DeviceId, DisclosedRecord, DocumentId, PatientId};
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
    Board(PatientId),
}

/// One thing that people, or a hospital, brought to the hub.
pub enum Entered {
    Withdrawal(PatientId),
    Grant(PatientId),
    Record(PatientId, Box<DisclosedRecord>),
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
    /// What hospitals disclosed of each patient, as it stands: a hash of each record, by its key.
    pub disclosed: BTreeMap<PatientId, BTreeMap<String, ContentHash>>,
    /// Patients who let the station see nothing now.
    pub withdrawn: BTreeSet<PatientId>,
    /// What people entered at the hub since its last backup, in order: they enter it again where the hub has forgotten it.
    pub entered: Vec<Entered>,
    /// Numbers that the hub has receipted, ever.
    pub receipted: BTreeSet<(SeriesKey, u64)>,
    /// Up to where each series stands in the last backup.
    pub backed_up: Option<BTreeMap<SeriesKey, u64>>,
    pub series: BTreeSet<SeriesKey>,
}
