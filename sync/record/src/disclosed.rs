//! 開示情報: what a hospital disclosed. Read-only, withdrawable, and every item says whose it is and as of when.

use crate::consent::DataClass;
use crate::ids::{DocumentId, FacilityId};
use crate::quiet::shows_only;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// 開示情報 — one item of a hospital's record.
///
/// Two deliveries of one item have equal `facility`, `class` and `source_key`; the one with the later `as_of` stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisclosedRecord {
    /// The facility that recorded and discloses it.
    pub facility: FacilityId,
    pub class: DataClass,
    /// The item's identity at its source (order number, FHIR identifier, …), unique within facility, patient and class.
    pub source_key: String,
    /// When the facility recorded or last changed it.
    pub as_of: Timestamp,
    /// The clinical date: dispensing, sampling, onset, admission. Japan's calendar day.
    pub date: Option<Date>,
    /// What a nurse reads: drug, test, disease, allergen, document title.
    pub text: String,
    /// The item's code with its system, as received.
    pub code: Option<Code>,
    /// Result or quantity, as received (never re-rounded).
    pub value: Option<String>,
    /// Unit as received (UCUM, MERIT-9 …).
    pub unit: Option<String>,
    pub flag: Option<RecordFlag>,
    /// Usage (用法), reference range, reaction, ward: whatever else the source said, one line.
    pub detail: Option<String>,
    /// A document's whole text, in plain text.
    pub body: Option<String>,
    /// Entered in error, cancelled or deleted at the source (SS-MIX2 condition flag 0): kept, never shown.
    pub deleted: bool,
}

impl DisclosedRecord {
    /// An item of which its source says no more than this.
    pub fn new(
        facility: FacilityId,
        class: DataClass,
        source_key: impl Into<String>,
        as_of: Timestamp,
        text: impl Into<String>,
    ) -> Self {
        Self {
            facility,
            class,
            source_key: source_key.into(),
            as_of,
            date: None,
            text: text.into(),
            code: None,
            value: None,
            unit: None,
            flag: None,
            detail: None,
            body: None,
            deleted: false,
        }
    }

    /// The item's document: facility, the patient's number there, class and source key. Survives a link of the number to
    /// another person.
    pub fn document(&self, local_id: &str) -> DocumentId {
        let identity = format!("{}\0{local_id}\0{}\0{}", self.facility, self.class, self.source_key);
        DocumentId::derive("record", identity.as_bytes())
    }
}

/// Intake's words for FHIR's codes in an allergy's detail line: what it is against, how severe a reaction was. Other parts of
/// that line stand as the source wrote them.
pub const ALLERGY_WORDS: [(&str, &str); 7] = [
    ("food", "食品"),
    ("medication", "医薬品"),
    ("environment", "環境"),
    ("biologic", "生物製剤"),
    ("severe", "重度"),
    ("moderate", "中等度"),
    ("mild", "軽度"),
];

/// The word for a code; one that is not known says itself.
pub fn allergy_word(code: &str) -> &str {
    ALLERGY_WORDS.iter().find(|(known, _)| *known == code).map_or(code, |(_, word)| *word)
}

/// A code and the system that it belongs to, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    pub system: String,
    pub value: String,
}

/// What a record's source says of it beside its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordFlag {
    High,
    Low,
    Abnormal,
    Critical,
    /// 「の疑い」, provisional.
    Suspected,
    /// Resolved, stopped, completed.
    Ended,
    /// "No known allergy": a statement, not a gap.
    NoneKnown,
    /// High criticality of an allergy (禁忌).
    Contraindicated,
    #[serde(untagged)]
    Other(String),
}

shows_only!(DisclosedRecord { facility, class, as_of });
