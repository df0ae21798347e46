//! The draft of a note: one Automerge document a visit. The rules of merging stand here.
//!
//! Root v1 is deterministic and never changes: two phones that open one visit from nothing share it. `about` says whose
//! note it is, `authors` which person held which device, `fields` the values, `texts` the free texts.

use super::changes::{self, ChangeError, Encoding, IncomingChange};
use super::fields::{Field, FieldError, FieldKind, FieldValue, TEXT_FIELDS};
use crate::ids::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId, VisitId};
use crate::text_merge::splices_onto;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, TextEncoding, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

const ABOUT: &str = "about";
const AUTHORS: &str = "authors";
const FIELDS: &str = "fields";
const TEXTS: &str = "texts";

/// Who writes: the device, and eight random bytes new at every unlock, so that no two sessions share a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub device: DeviceId,
    pub session: [u8; 8],
}

/// Whose note it is. Equal on every device of a planned visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub patient: PatientId,
    pub station: FacilityId,
    /// The planned visit, unless the visit was unplanned.
    pub visit: Option<VisitId>,
}

/// One change as it is stored and sealed: Automerge's own bytes, and its name.
#[derive(Clone, PartialEq, Eq)]
pub struct RawChange {
    pub hash: ChangeHash,
    pub bytes: Vec<u8>,
}

/// Why a draft could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error("the note's document could not be read; it is kept as it is")]
    Unreadable,
    #[error("the note's document refused the edit")]
    Refused(#[source] automerge::AutomergeError),
}

/// One of several unequal values that stand side by side until a person picks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConflictValue {
    pub value: FieldValue,
    pub staff: Option<StaffId>,
    pub device: Option<DeviceId>,
    pub at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    pub field: String,
    pub values: Vec<ConflictValue>,
}

/// A note as it reads. A field in conflict stands under `conflicts` only: an unsettled value is no value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoteView {
    pub about: Option<About>,
    pub authors: BTreeMap<DeviceId, StaffId>,
    /// Scalars and texts together; texts that nobody has written are left out.
    pub fields: BTreeMap<String, FieldValue>,
    pub conflicts: Vec<Conflict>,
}

impl NoteView {
    pub fn text(&self, field: &str) -> &str {
        match self.fields.get(field) {
            Some(FieldValue::Word(text)) => text,
            _ => "",
        }
    }
}

/// 記録中 — a note that can still be edited.
pub struct Draft {
    id: DocumentId,
    doc: AutoCommit,
}

impl Draft {
    /// Opens a note from nothing: the root that every device makes alike.
    pub fn new(id: DocumentId, actor: Actor) -> Self {
        Self { id, doc: root_document(id).with_actor(actor_id(actor)) }
    }

    /// Opens a stored note: its compacted document (may be empty) and the changes made since, in any order.
    pub fn load(id: DocumentId, compacted: &[u8], tail: &[Vec<u8>], actor: Actor) -> Result<Self, DraftError> {
        catch_unwind(AssertUnwindSafe(|| {
            let mut doc = if compacted.is_empty() {
                root_document(id)
            } else {
                let options = automerge::LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
                AutoCommit::load_with_options(compacted, options).map_err(|_| DraftError::Unreadable)?
            };
            if doc.get_change_by_hash(&root_change(id).hash()).is_none() {
                return Err(DraftError::Unreadable);
            }
            for bytes in tail {
                let change = Change::from_bytes(bytes.clone()).map_err(|_| DraftError::Unreadable)?;
                doc.apply_changes([change]).map_err(|_| DraftError::Unreadable)?;
            }
            Ok(Self { id, doc: doc.with_actor(actor_id(actor)) })
        }))
        .unwrap_or(Err(DraftError::Unreadable))
    }

    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// Says whose note it is and who writes on this device. `None` if that already stands there.
    pub fn begin(
        &mut self,
        about: &About,
        device: DeviceId,
        staff: &StaffId,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        let map = self.object(ABOUT)?;
        let mut wanted = vec![("patient", about.patient.to_string()), ("station", about.station.to_string())];
        if let Some(visit) = about.visit {
            wanted.push(("visit", visit.to_string()));
        }
        for (key, value) in wanted {
            if self.word_at(&map, key).as_deref() != Some(value.as_str()) {
                self.put(&map, key, ScalarValue::Str(value.into()))?;
            }
        }
        let authors = self.object(AUTHORS)?;
        let device = device.to_string();
        if self.word_at(&authors, &device).as_deref() != Some(staff.as_str()) {
            self.put(&authors, &device, ScalarValue::Str(staff.to_string().into()))?;
        }
        Ok(self.commit(at))
    }

    /// Writes one value. Writing over several concurrent ones picks: they collapse to this one.
    pub fn set(
        &mut self,
        field: &'static Field,
        value: FieldValue,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        if field.is_text() {
            return Err(FieldError::IsText { field: field.name }.into());
        }
        let map = self.object(FIELDS)?;
        let standing = self.values(&map, field.name)?;
        if standing.len() == 1 && standing[0].0 == value {
            return Ok(None);
        }
        self.check_pressure(field, &value)?;
        self.put(&map, field.name, to_scalar(value))?;
        Ok(self.commit(at))
    }

    /// Edits a free text: what the nurse saw, what she typed. What a colleague wrote meanwhile stays.
    pub fn edit_text(
        &mut self,
        field: &'static Field,
        shown: &str,
        typed: &str,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        let FieldKind::Text(limit) = field.kind else {
            return Err(FieldError::IsNotText { field: field.name }.into());
        };
        if typed.chars().count() > limit {
            return Err(FieldError::TextTooLong { field: field.name, limit }.into());
        }
        self.recover_text(field, shown, typed, at)
    }

    /// The same without the limit: what was typed already is never refused.
    pub fn recover_text(
        &mut self,
        field: &'static Field,
        shown: &str,
        typed: &str,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        let text = self.text_object(field.name)?;
        let now = self.doc.text(&text).map_err(DraftError::Refused)?;
        for splice in splices_onto(shown, typed, &now) {
            self.doc
                .splice_text(&text, splice.at, splice.delete as isize, &splice.insert)
                .map_err(DraftError::Refused)?;
        }
        Ok(self.commit(at))
    }

    /// Takes changes from outside, one entry at a time. Ones whose parents are missing wait inside the document.
    pub fn apply(&mut self, incoming: &[IncomingChange]) -> Result<(), DraftError> {
        let changes: Vec<Change> = incoming.iter().map(|i| i.change.clone()).collect();
        let before = self.doc.save();
        let applied = catch_unwind(AssertUnwindSafe(|| self.doc.apply_changes(changes)));
        match applied {
            Ok(Ok(())) => Ok(()),
            // After a refusal or a panic the document's inside is not trusted: put the saved one back.
            _ => {
                let actor = self.doc.get_actor().clone();
                let options = automerge::LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
                self.doc = AutoCommit::load_with_options(&before, options)
                    .map_err(|_| DraftError::Unreadable)?
                    .with_actor(actor);
                Err(ChangeError::Unreadable.into())
            }
        }
    }

    /// Whether every parent of these changes stands here or among them.
    pub fn has_parents_of(&self, incoming: &[IncomingChange]) -> bool {
        incoming.iter().flat_map(|i| i.change.deps()).all(|parent| {
            incoming.iter().any(|i| i.change.hash() == *parent)
                || ReadDoc::get_change_by_hash(&self.doc, parent).is_some()
        })
    }

    /// What this device wrote after `sent` and no earlier entry carries, as one entry.
    ///
    /// `sent` is the `up_to` of the last entry (0 before the first): a device's own changes stand in one causal chain, so
    /// one number tells them apart.
    pub fn entry_of(&mut self, device: DeviceId, sent: u64) -> Result<Option<NewEntry>, DraftError> {
        let mut own: Vec<(u64, ChangeHash)> = self
            .doc
            .get_changes(&[])
            .into_iter()
            .map(|change| IncomingChange { change })
            .filter(|c| c.device() == Some(device) && c.position() > sent)
            .map(|c| (c.position(), c.hash()))
            .collect();
        own.sort_unstable();
        let Some((up_to, _)) = own.last().copied() else { return Ok(None) };
        let hashes: Vec<ChangeHash> = own.into_iter().map(|(_, hash)| hash).collect();
        let (encoding, bytes) = changes::encode(&mut self.doc, &hashes)?;
        Ok(Some(NewEntry { encoding, bytes, hash: changes::entry_hash(self.id, &hashes), up_to }))
    }

    /// The heads: what "everything up to here" means.
    pub fn heads(&mut self) -> Vec<ChangeHash> {
        let mut heads: Vec<ChangeHash> = self.doc.get_heads().iter().map(|h| ChangeHash(h.0)).collect();
        heads.sort_unstable();
        heads
    }

    /// The whole document, compact. Its bytes depend on the order of merging: compare heads, never bytes.
    pub fn save(&mut self) -> Vec<u8> {
        self.doc.save()
    }

    /// Whether changes stand here that a confirmation with these heads did not know.
    pub fn late_changes(&mut self, confirmed: &[ChangeHash]) -> Vec<IncomingChange> {
        let heads: Vec<automerge::ChangeHash> = confirmed.iter().map(|h| automerge::ChangeHash(h.0)).collect();
        self.doc.get_changes(&heads).into_iter().map(|change| IncomingChange { change }).collect()
    }

    /// The note as it reads now.
    pub fn view(&self) -> Result<NoteView, DraftError> {
        let about_map = self.object(ABOUT)?;
        let about = self.word_at(&about_map, "patient").zip(self.word_at(&about_map, "station")).and_then(
            |(patient, station)| {
                Some(About {
                    patient: patient.parse().ok()?,
                    station: station.parse().ok()?,
                    visit: self.word_at(&about_map, "visit").and_then(|visit| visit.parse().ok()),
                })
            },
        );
        let authors_map = self.object(AUTHORS)?;
        let authors: BTreeMap<DeviceId, StaffId> = self
            .doc
            .keys(&authors_map)
            .filter_map(|device| Some((device.parse().ok()?, self.word_at(&authors_map, &device)?.parse().ok()?)))
            .collect();
        let mut fields = BTreeMap::new();
        let mut conflicts = Vec::new();
        let map = self.object(FIELDS)?;
        for name in self.doc.keys(&map).collect::<Vec<_>>() {
            let mut values = self.values(&map, &name)?;
            match values.len() {
                0 => {}
                1 => {
                    fields.insert(name, values.remove(0).0);
                }
                _ => {
                    let mut sides: Vec<ConflictValue> =
                        values.into_iter().map(|(value, writer)| self.side(value, writer, &authors)).collect();
                    sides.sort_by_key(|side| (side.at, side.device));
                    conflicts.push(Conflict { field: name, values: sides });
                }
            }
        }
        let texts = self.object(TEXTS)?;
        for name in self.doc.keys(&texts).collect::<Vec<_>>() {
            if let Ok(Some((Value::Object(ObjType::Text), text))) = self.doc.get(&texts, name.as_str()) {
                let text = self.doc.text(&text).map_err(DraftError::Refused)?;
                if !text.is_empty() {
                    fields.insert(name, FieldValue::Word(text));
                }
            }
        }
        Ok(NoteView { about, authors, fields, conflicts })
    }

    fn side(&self, value: FieldValue, writer: ObjId, authors: &BTreeMap<DeviceId, StaffId>) -> ConflictValue {
        let change = self.doc.hash_for_opid(&writer).and_then(|hash| ReadDoc::get_change_by_hash(&self.doc, &hash));
        let at = change.as_ref().and_then(|c| Timestamp::from_second(c.timestamp()).ok());
        let device = change.and_then(|change| IncomingChange { change }.device());
        ConflictValue { value, staff: device.and_then(|d| authors.get(&d).cloned()), device, at }
    }

    /// The unequal values that stand under a key, each with the operation that wrote it.
    fn values(&self, map: &ObjId, key: &str) -> Result<Vec<(FieldValue, ObjId)>, DraftError> {
        let mut values: Vec<(FieldValue, ObjId)> = Vec::new();
        for (value, writer) in self.doc.get_all(map, key).map_err(DraftError::Refused)? {
            let Some(value) = from_scalar(key, &value) else { continue };
            if !values.iter().any(|(known, _)| *known == value) {
                values.push((value, writer));
            }
        }
        Ok(values)
    }

    /// 血圧: the upper value is higher than the lower (domain §4.1).
    fn check_pressure(&self, field: &Field, value: &FieldValue) -> Result<(), DraftError> {
        let other = match field.name {
            "systolic_mmhg" => "diastolic_mmhg",
            "diastolic_mmhg" => "systolic_mmhg",
            _ => return Ok(()),
        };
        let FieldValue::Number(new) = *value else { return Ok(()) };
        for (standing, _) in self.values(&self.object(FIELDS)?, other)? {
            let FieldValue::Number(standing) = standing else { continue };
            let (upper, lower) = if other == "diastolic_mmhg" { (new, standing) } else { (standing, new) };
            if upper <= lower {
                return Err(FieldError::PressureReversed.into());
            }
        }
        Ok(())
    }

    fn object(&self, name: &str) -> Result<ObjId, DraftError> {
        match self.doc.get(ROOT, name) {
            Ok(Some((Value::Object(ObjType::Map), id))) => Ok(id),
            _ => Err(DraftError::Unreadable),
        }
    }

    fn text_object(&self, name: &str) -> Result<ObjId, DraftError> {
        match self.doc.get(self.object(TEXTS)?, name) {
            Ok(Some((Value::Object(ObjType::Text), id))) => Ok(id),
            _ => Err(DraftError::Unreadable),
        }
    }

    fn word_at(&self, map: &ObjId, key: &str) -> Option<String> {
        match self.doc.get(map, key) {
            Ok(Some((Value::Scalar(scalar), _))) => match scalar.as_ref() {
                ScalarValue::Str(word) => Some(word.to_string()),
                _ => None,
            },
            _ => None,
        }
    }

    fn put(&mut self, map: &ObjId, key: &str, value: ScalarValue) -> Result<(), DraftError> {
        self.doc.put(map, key, value).map_err(DraftError::Refused)
    }

    fn commit(&mut self, at: Timestamp) -> Option<RawChange> {
        // Time 0 is the mark of deterministic changes; a phone without a clock writes second 1.
        let seconds = at.as_second().max(1);
        self.doc.commit_with(CommitOptions::default().with_time(seconds))?;
        let change = self.doc.get_last_local_change()?;
        Some(RawChange { hash: ChangeHash(change.hash().0), bytes: change.raw_bytes().to_vec() })
    }
}

/// One document's own changes, frozen for the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct NewEntry {
    pub encoding: Encoding,
    pub bytes: Vec<u8>,
    pub hash: ContentHash,
    /// Position of the last change in it.
    pub up_to: u64,
}

fn actor_id(actor: Actor) -> ActorId {
    let mut bytes = actor.device.0.to_vec();
    bytes.extend_from_slice(&actor.session);
    ActorId::from(bytes)
}

/// Root v1. Every byte of it is fixed for ever: see the vector in the tests.
fn root_document(id: DocumentId) -> AutoCommit {
    let actor = DocumentId::derive("root actor v1", &id.0);
    let mut doc =
        AutoCommit::new_with_encoding(TextEncoding::UnicodeCodePoint).with_actor(ActorId::from(actor.0.to_vec()));
    let built = (|| {
        doc.put_object(ROOT, ABOUT, ObjType::Map)?;
        doc.put_object(ROOT, AUTHORS, ObjType::Map)?;
        doc.put_object(ROOT, FIELDS, ObjType::Map)?;
        let texts = doc.put_object(ROOT, TEXTS, ObjType::Map)?;
        for field in TEXT_FIELDS {
            doc.put_object(&texts, field.name, ObjType::Text)?;
        }
        Ok::<(), automerge::AutomergeError>(())
    })();
    built.expect("putting objects into an empty document of our own cannot fail");
    doc.commit_with(CommitOptions::default().with_message(id.to_string()).with_time(0));
    doc
}

pub(super) fn root_change(id: DocumentId) -> Change {
    root_document(id).get_last_local_change().expect("the root document has just committed its one change")
}

fn to_scalar(value: FieldValue) -> ScalarValue {
    match value {
        FieldValue::Number(n) => ScalarValue::F64(n),
        FieldValue::Flag(flag) => ScalarValue::Boolean(flag),
        FieldValue::Word(word) => ScalarValue::Str(word.into()),
        // To the second, as it is frozen.
        FieldValue::Time(at) => ScalarValue::Timestamp(at.as_second() * 1000),
        FieldValue::Date(date) => ScalarValue::Str(date.to_string().into()),
        // A word in a field of numbers is the reason why it was not measured.
        FieldValue::Unmeasured(reason) => ScalarValue::Str(reason.into()),
    }
}

/// Reads a stored value by its field's type; what a newer version wrote stays a word or a number.
fn from_scalar(name: &str, value: &Value<'_>) -> Option<FieldValue> {
    let Value::Scalar(scalar) = value else { return None };
    let kind = Field::named(name).ok().map(|field| field.kind);
    Some(match (scalar.as_ref(), kind) {
        (ScalarValue::F64(n), _) => FieldValue::Number(*n),
        (ScalarValue::Int(n), _) => FieldValue::Number(*n as f64),
        (ScalarValue::Uint(n), _) => FieldValue::Number(*n as f64),
        (ScalarValue::Boolean(flag), _) => FieldValue::Flag(*flag),
        (ScalarValue::Timestamp(ms), _) => FieldValue::Time(Timestamp::from_millisecond(*ms).ok()?),
        (ScalarValue::Str(word), Some(FieldKind::Number(_) | FieldKind::Steps(_))) => {
            FieldValue::Unmeasured(word.to_string())
        }
        (ScalarValue::Str(word), Some(FieldKind::Date)) => match word.parse() {
            Ok(date) => FieldValue::Date(date),
            Err(_) => FieldValue::Word(word.to_string()),
        },
        (ScalarValue::Str(word), _) => FieldValue::Word(word.to_string()),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
