//! What travels (DESIGN §5). Fields may be added, never renamed; unknown ones are ignored.

use crate::digest::Digest;
use crate::receipt::Receipt;
use record::ids::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId};
use record::{DisclosedRecord, LocalId};
use serde::{Deserialize, Serialize};

/// Version of this wire. A hub answers a newer request with `RefusalCode::Version`.
pub const WIRE_VERSION: u16 = 1;

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub struct $name(pub DocumentId);
    };
}
random_id!(
    /// A random id of the hub's database. If it changes, the hub was restored or replaced.
    Epoch
);
random_id!(
    /// What a device sends is numbered 1, 2, 3 … without gaps within a series.
    Series
);

/// What an entry or a feed item is. Tags never change meaning; an unknown one is kept and skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", from = "u8")]
pub enum Kind {
    /// Changes of a visit note's document.
    Note,
    /// A signed confirmation of a note.
    Confirmation,
    /// A patient's demographics.
    Patient,
    /// One disclosed record.
    Record,
    /// A planned visit.
    Visit,
    /// A doctor's order.
    Order,
    /// Consent of a patient as it stands: what may be seen, what was withdrawn.
    Consent,
    /// A facility of the network.
    Facility,
    /// A person at a facility.
    Staff,
    /// A device's signing key, with its owner.
    DeviceKey,
    /// Changes of a patient's handover board (申し送り).
    Handover,
    /// Changes of a 記録書Ⅰ.
    IntakeRecord,
    /// Changes of a 計画書.
    CarePlan,
    /// Changes of a 報告書.
    VisitReport,
    /// A signed act about a confirmed note (訂正).
    Amendment,
    /// What of a patient one person of the station gets (担当).
    Standing,
    /// A piece of a photo (創部写真). Stands in sealed copies only.
    PhotoPiece,
    Other(u8),
}

const KINDS: [(Kind, u8); 17] = [
    (Kind::Note, 1),
    (Kind::Confirmation, 2),
    (Kind::Patient, 3),
    (Kind::Record, 4),
    (Kind::Visit, 5),
    (Kind::Order, 6),
    (Kind::Consent, 7),
    (Kind::Facility, 8),
    (Kind::Staff, 9),
    (Kind::DeviceKey, 10),
    (Kind::Handover, 11),
    (Kind::IntakeRecord, 12),
    (Kind::CarePlan, 13),
    (Kind::VisitReport, 14),
    (Kind::Amendment, 15),
    (Kind::Standing, 16),
    (Kind::PhotoPiece, 17),
];

impl Kind {
    /// Whether its entries are changes of a document that people edit.
    pub fn is_document(self) -> bool {
        matches!(self, Kind::Note | Kind::Handover | Kind::IntakeRecord | Kind::CarePlan | Kind::VisitReport)
    }
}

impl From<Kind> for u8 {
    fn from(kind: Kind) -> u8 {
        match kind {
            Kind::Other(tag) => tag,
            known => KINDS.iter().find(|(k, _)| *k == known).map_or(0, |(_, tag)| *tag),
        }
    }
}

impl From<u8> for Kind {
    fn from(tag: u8) -> Kind {
        KINDS.iter().find(|(_, t)| *t == tag).map_or(Kind::Other(tag), |(kind, _)| *kind)
    }
}

/// One document's changes made by this device that stand in no earlier entry. Frozen when numbered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: u64,
    pub doc: DocumentId,
    pub patient: PatientId,
    pub kind: Kind,
    /// Encoding of the bytes (`record::visit_note::Encoding`).
    pub enc: u8,
    /// Over the document id and the ordered change hashes, so that re-encoding is no fork.
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Where a device stands in its station's feed: the number, and the chain hash there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub n: u64,
    pub chain: ContentHash,
}

impl Cursor {
    /// Before the first entry.
    pub const START: Cursor = Cursor { n: 0, chain: ContentHash([0; 32]) };

    /// The chain hash after one more entry.
    pub fn after(&self, n: u64, item: ContentHash) -> Cursor {
        let mut bytes = Vec::with_capacity(72);
        bytes.extend_from_slice(&self.chain.0);
        bytes.extend_from_slice(&n.to_be_bytes());
        bytes.extend_from_slice(&item.0);
        Cursor { n, chain: ContentHash::of(&bytes) }
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    pub v: u16,
    pub device: DeviceId,
    pub series: Series,
    pub epoch: Epoch,
    pub cursor: Cursor,
    /// Number of the first entry offered, or of the next one to come if none is.
    pub first_seq: u64,
    pub entries: Vec<Entry>,
    /// Bytes of feed that the device wants at most in one answer.
    pub budget: u32,
    /// Where the device stood at earlier syncs, the newest first: asked for after the hub's history changed, so that nobody
    /// reads again what both still have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Cursor>,
    /// Patients whose disclosed records the device lacks since a grant. They travel in the same answer as the feed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub want: Vec<Wanted>,
    /// This version finds the documents of a page's records itself: the hub may leave them out. Said only beside `want`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub derives: bool,
    /// At most once a day, or on demand: what stands here of the patients of whom nothing is on its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<Digest>,
    /// 解錠の証: made with a key out of the open vault. Without it a stolen, locked phone's line gets nothing to read.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "proof_bytes")]
    pub proof: Option<Vec<u8>>,
}

/// A patient whose disclosed records are asked for, and from where on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub patient: PatientId,
    /// `next` of the last page; 0 = from the beginning.
    pub after: u64,
}

/// A byte string, or nothing.
mod proof_bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(proof: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        proof.as_deref().map(serde_bytes::Bytes::new).serialize(to)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<serde_bytes::ByteBuf>::deserialize(from)?.map(serde_bytes::ByteBuf::into_vec))
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncResponse {
    pub v: u16,
    pub epoch: Epoch,
    /// The hub's clock, milliseconds since 1970.
    pub time: i64,
    /// Every entry of the series up to here is on the hub's disk.
    pub received_up_to: u64,
    /// Every entry up to here is as durable as `policy` says.
    pub durable_up_to: u64,
    pub receipt: Receipt,
    /// Kept for a person, not yet in any feed.
    pub held: Vec<Verdict>,
    /// Refused for good; the bytes are kept.
    pub rejected: Vec<Verdict>,
    pub feed: Vec<FeedItem>,
    /// A page for each wanted patient, in the order asked, as far as the budget goes. `None` though some were wanted: an older
    /// hub, which knows of no such question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Vec<RecordsPage>>,
    /// Where the feed begins, if that is not the device's cursor: another history, that both know up to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    pub next_cursor: Cursor,
    pub more: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The certificate is over: what was brought is taken, and what is there to read waits for a new one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renew: bool,
    /// Patients whose digest is not the hub's: their notes are fetched again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<PatientId>,
}

/// What became of one entry that did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub seq: u64,
    pub code: VerdictCode,
}

#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictCode {
    /// The bytes are no changes of that document.
    Unreadable,
    /// The hash does not fit the changes.
    WrongHash,
    /// The change was made by another device.
    OtherDevice,
    /// The patient is not one of the station's.
    UnknownPatient,
    /// The signature does not fit or the key is not the device's.
    WrongSignature,
    /// Waits for changes that have not arrived.
    Waiting,
    /// The checker gave up: too large, too slow.
    TooCostly,
    /// The person's role does not allow it.
    NotAllowed,
    #[serde(other)]
    Unknown,
}

/// One entry of the station's feed, as this device may see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    pub n: u64,
    pub kind: Kind,
    pub doc: DocumentId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    pub enc: u8,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// When the hub received it, milliseconds since 1970.
    pub at: i64,
}

/// What the hub asks of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub durability: Durability,
    /// Disclosed records may be read on the phone until then (milliseconds since 1970) without hearing from the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<i64>,
}

/// What `durable_up_to` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Written and synced on the hub's own disk; no backup and no replica is configured.
    Fsynced,
    /// Also in a backup or on a synchronous replica. What is younger than the last backup is not durable yet.
    Replicated,
}

/// Consent as it stands for one patient at one station. A withdrawal names what goes: an empty or unreadable answer
/// purges nothing (law 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consented {
    pub patient: PatientId,
    /// Grows with every change; a page fetched under an older version is dropped.
    pub version: u64,
    /// Facilities whose records may be kept on the phone, with the classes allowed.
    pub allowed: Vec<(FacilityId, Vec<String>)>,
    /// Facilities whose records must go.
    pub withdrawn: Vec<FacilityId>,
    /// Said again because the hub was put back: who has heard the same has nothing to fetch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// What of a patient one person of the station gets from now on. Only what is named leaves a phone: an empty or unreadable
/// statement purges nothing (law 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientStanding {
    pub patient: PatientId,
    /// To whom it is said; others of the station do not get it.
    pub staff: record::StaffId,
    /// The same count as a consent's: a page fetched under an older version is dropped.
    pub version: u64,
    pub extent: Extent,
    /// Documents that leave the phone, once the hub holds everything of them durably (law 5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave: Vec<DocumentId>,
}

/// How much of a patient. Where nothing was said: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// 担当: everything that the station may have.
    Full,
    /// For on-call: demographics, allergies, orders, the coming visits, the board, the last five visit notes.
    Light,
    /// The station may not know the patient any more.
    Gone,
    /// A word of a newer hub: the statement is kept aside.
    #[serde(other)]
    Unknown,
}

/// A device's signing key and whose hand it was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKey {
    pub device: DeviceId,
    pub staff: record::StaffId,
    #[serde(with = "serde_bytes")]
    pub signing_key: Vec<u8>,
    /// Milliseconds since 1970.
    pub from: i64,
    pub until: Option<i64>,
}

/// A page of a patient's disclosed records (after a grant), or of all that the station has of the patient (after an assignment, or
/// a digest that differed).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsPage {
    pub patient: PatientId,
    /// Of the consent that it was made under.
    pub version: u64,
    pub items: Vec<RecordItem>,
    /// The patient's numbers at the facilities, where items leave out their documents: those follow from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<LocalId>,
    /// Items of the station's own feed: only in pages that were asked for from `WHOLE` on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feed: Vec<FeedItem>,
    /// Where the next page begins; `None` = this was the last.
    pub next: Option<u64>,
}

impl RecordsPage {
    /// Pages from here on bring the disclosed records, and then what the station has of the patient itself.
    pub const WHOLE: u64 = 1 << 61;
    /// Where the station's own part begins.
    pub const OWN: u64 = 1 << 62;

    /// Whose number makes the documents of a facility's records: the first one there.
    pub fn document(numbers: &[LocalId], record: &DisclosedRecord) -> Option<DocumentId> {
        let number = numbers.iter().find(|number| number.facility == record.facility)?;
        Some(record.document(&number.id))
    }

    /// The last page of a patient of whom nothing may be fetched.
    pub fn nothing(patient: PatientId) -> Self {
        Self { patient, version: u64::MAX, items: Vec::new(), numbers: Vec::new(), feed: Vec::new(), next: None }
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordItem {
    /// `None`: as [`RecordsPage::document`] says; only to who said that he `derives`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<DocumentId>,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Why the hub did not answer a request. The HTTP status says how; this says what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: RefusalCode,
    /// With `Version`: the newest version that the hub speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The request could not be read.
    Garbled,
    /// The device speaks a version this hub does not know.
    Version,
    /// No client certificate, or one of another hub.
    NoCertificate,
    /// The certificate is not the one of the device named.
    NotThisDevice,
    Revoked,
    /// The certificate is over: renew it, then ask.
    Expired,
    /// The request was not made with the open vault (no `proof`, or a wrong one).
    Locked,
    /// The hub holds another entry under this number: a restored or cloned phone.
    SeriesForked,
    /// Numbers are missing before the first entry offered.
    Gap,
    CodeUnknown,
    CodeUsed,
    CodeExpired,
    NotYourPatient,
    /// No note of this station names the photo, or its bytes are not here.
    UnknownPhoto,
    /// A photo's bytes are not the ones that its name says; what came of it was thrown away.
    WrongHash,
    TooLarge,
    /// The hub was never put back, or too long ago: it takes nobody's words from others.
    RelayOver,
    /// So much that was relayed waits for a person already that nothing of this request was taken.
    RelayFull,
    Busy,
    Internal,
    #[serde(other)]
    Unknown,
}
