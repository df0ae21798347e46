//! The draft of a note, or of another form: one Automerge document each. The rules of merging stand here and in `draft/`.

mod alike;
mod entries;
mod root;
mod soundness;
mod texts;
mod values;
mod view;

pub(super) use alike::{field_hash, root_hash};
pub use entries::{MadeChange, NewEntry};
pub(super) use root::{FIELD_MESSAGE, field_change};
pub use values::READ_MARK;
pub use view::{Conflict, ConflictValue, NoteView};

use super::changes::{self, ChangeError, Contents};
use super::fields::{FieldError, FieldValue};
use crate::form::Form;
use crate::ids::{ChangeHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId, VisitId};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, TextEncoding, Value};
use jiff::Timestamp;
use root::{ABOUT, AUTHORS, FIELDS, root_document};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use values::to_scalar;

/// Who writes: the device, and eight random bytes new at every unlock, so that no two sessions share a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub device: DeviceId,
    pub session: [u8; 8],
}

impl Actor {
    /// Reads, and writes nothing.
    pub const READER: Self = Self { device: DeviceId([0; 8]), session: [0; 8] };
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

/// 記録中 — a note that can still be edited.
pub struct Draft {
    id: DocumentId,
    form: Form,
    doc: AutoCommit,
    device: DeviceId,
    /// Whose hand writes here: noted beside the first change of this device.
    writer: Option<StaffId>,
    /// A text was put on the root since the document was last saved: own changes alone no longer open it.
    unsaved_text: bool,
    /// Changes that were refused half-way may have left the document unsound: nothing is read from it any more.
    broken: bool,
}

impl Draft {
    /// Opens a document from nothing: the root that every device makes alike.
    pub fn new(id: DocumentId, form: Form, actor: Actor) -> Self {
        Self::around(id, form, root_document(id, form), actor)
    }

    fn around(id: DocumentId, form: Form, doc: AutoCommit, actor: Actor) -> Self {
        Self {
            id,
            form,
            doc: doc.with_actor(actor_id(actor)),
            device: actor.device,
            writer: None,
            unsaved_text: false,
            broken: false,
        }
    }

    /// Opens a stored document: its compacted form (may be empty) and the changes made since, in any order.
    pub fn load(
        id: DocumentId,
        form: Form,
        compacted: &[u8],
        tail: &[Vec<u8>],
        actor: Actor,
    ) -> Result<Self, DraftError> {
        catch_unwind(AssertUnwindSafe(|| {
            let mut doc = if compacted.is_empty() {
                root_document(id, form)
            } else {
                let options = automerge::LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
                AutoCommit::load_with_options(compacted, options).map_err(|_| DraftError::Unreadable)?
            };
            if doc.get_change_meta_by_hash(&root_hash(id, form)).is_none() {
                return Err(DraftError::Unreadable);
            }
            let tail = tail
                .iter()
                .map(|bytes| Change::from_bytes(bytes.clone()).map_err(|_| DraftError::Unreadable))
                .collect::<Result<Vec<_>, _>>()?;
            if !tail.is_empty() {
                doc.apply_changes(tail).map_err(|_| DraftError::Unreadable)?;
            }
            Ok(Self::around(id, form, doc, actor))
        }))
        .unwrap_or(Err(DraftError::Unreadable))
    }

    /// Opens a whole document that came from outside, where none stood before: its bytes may be stored as they are.
    ///
    /// The same is asked of it as of changes that are applied one entry at a time: the root that every device makes, and
    /// nothing that is no part of this document.
    pub fn received(id: DocumentId, form: Form, columns: &[u8], actor: Actor) -> Result<Self, DraftError> {
        Ok(Self::received_with(id, form, columns, actor)?.0)
    }

    /// The same, with what it was made of.
    pub fn received_with(
        id: DocumentId,
        form: Form,
        columns: &[u8],
        actor: Actor,
    ) -> Result<(Self, Contents), DraftError> {
        if columns.len() > changes::ENTRY_LIMIT {
            return Err(ChangeError::TooLarge.into());
        }
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut doc = changes::load_columns(columns)?;
            if doc.get_change_meta_by_hash(&root_hash(id, form)).is_none() {
                return Err(ChangeError::OtherDocument);
            }
            // What waits for its parents inside is seen by no check: only what stands is kept as it came.
            if !doc.get_missing_deps(&[]).is_empty() {
                return Err(ChangeError::OtherDocument);
            }
            let contents = changes::contents(id, form, &mut doc)?;
            Ok((Self::around(id, form, doc, actor), contents))
        }));
        Ok(opened.unwrap_or(Err(ChangeError::Unreadable))?)
    }

    pub fn id(&self) -> DocumentId {
        self.id
    }

    pub fn form(&self) -> Form {
        self.form
    }

    /// Says whose hand writes from here on. Noted in the document with the next change, not before.
    pub fn written_by(&mut self, staff: &StaffId) {
        self.writer = Some(staff.clone());
    }

    /// Says whose document it is, and the planned slot of a visit. `None` if all that already stands there: opening a
    /// note is no edit.
    pub fn begin(
        &mut self,
        about: &About,
        slot: Option<(Timestamp, u16)>,
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
        if let Some((start, minutes)) = slot {
            let fields = self.object(FIELDS)?;
            for (name, value) in
                [("planned_start", FieldValue::Time(start)), ("planned_minutes", FieldValue::Number(minutes.into()))]
            {
                if self.values(&fields, name)?.is_empty() {
                    self.put(&fields, name, to_scalar(value))?;
                }
            }
        }
        self.commit(at)
    }

    /// Whether a version stands here.
    pub fn knows(&self, version: ChangeHash) -> bool {
        self.holds(&automerge::ChangeHash(version.0))
    }

    /// Looked up, where making the change again out of the document would be the way to find it missing.
    fn holds(&self, change: &automerge::ChangeHash) -> bool {
        let missing = ReadDoc::get_missing_deps(&self.doc, std::slice::from_ref(change));
        match missing.as_slice() {
            [] => true,
            missing if missing.contains(change) => false,
            // Something waits inside for its parents, and this may be it.
            _ => ReadDoc::get_change_by_hash(&self.doc, change).is_some(),
        }
    }

    /// Whether nothing stands here but the root that every device makes.
    pub fn is_untouched(&mut self) -> bool {
        self.doc.get_heads() == [root_hash(self.id, self.form)]
    }

    /// The heads: what "everything up to here" means.
    pub fn heads(&mut self) -> Vec<ChangeHash> {
        let mut heads: Vec<ChangeHash> = self.doc.get_heads().iter().map(|h| ChangeHash(h.0)).collect();
        heads.sort_unstable();
        heads
    }

    /// Whether the document must be saved whole: its last change stands on one that nobody's hand made.
    pub fn must_be_saved_whole(&self) -> bool {
        self.unsaved_text
    }

    /// The whole document, compact. Its bytes depend on the order of merging: compare heads, never bytes.
    pub fn save(&mut self) -> Vec<u8> {
        self.unsaved_text = false;
        self.doc.save()
    }

    /// The whole document as `Encoding::Columns`, whoever wrote it: what `received` opens.
    pub fn columns(&mut self) -> Vec<u8> {
        self.doc.save_nocompress()
    }

    fn object(&self, name: &str) -> Result<ObjId, DraftError> {
        if self.broken {
            return Err(DraftError::Unreadable);
        }
        match self.doc.get(ROOT, name) {
            Ok(Some((Value::Object(ObjType::Map), id))) => Ok(id),
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

    /// Makes what was put one change, with the writer's name beside it if this device is new here.
    fn commit(&mut self, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        if self.doc.pending_ops() == 0 {
            return Ok(None);
        }
        if let Some(writer) = &self.writer {
            let (device, writer) = (self.device.to_string(), writer.to_string());
            let authors = self.object(AUTHORS)?;
            if self.word_at(&authors, &device).as_deref() != Some(writer.as_str()) {
                self.put(&authors, &device, ScalarValue::Str(writer.into()))?;
            }
        }
        // Time 0 is the mark of deterministic changes; a phone without a clock writes second 1.
        let seconds = at.as_second().max(1);
        self.doc.commit_with(CommitOptions::default().with_time(seconds));
        Ok(self
            .doc
            .get_last_local_change()
            .map(|change| RawChange { hash: ChangeHash(change.hash().0), bytes: change.raw_bytes().to_vec() }))
    }
}

/// Versions by Automerge's own type.
fn versions(heads: &[ChangeHash]) -> Vec<automerge::ChangeHash> {
    heads.iter().map(|head| automerge::ChangeHash(head.0)).collect()
}

fn actor_id(actor: Actor) -> ActorId {
    let mut bytes = actor.device.0.to_vec();
    bytes.extend_from_slice(&actor.session);
    ActorId::from(bytes)
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "merge_tests.rs"]
mod merge_tests;
