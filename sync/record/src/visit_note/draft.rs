//! The draft of a note, or of another form: one Automerge document each. The rules of merging stand here.
//!
//! Root v1 is deterministic and never changes: two phones that open one visit from nothing share it. `about` says whose
//! note it is, `authors` which person held which device, `fields` the values, `texts` the free texts. A text that root v1
//! does not hold is a deterministic change of its own on the root, made by whoever writes into it first.

use super::alike::{field_hash, root_hash};
use super::changes::{self, ChangeError, Encoding, Incoming, IncomingChange};
use super::equal_edits;
use super::fields::{CLOSING, Field, FieldError, FieldKind, FieldValue};
use super::history::Version;
use super::photos;
use crate::form::Form;
use crate::ids::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId, VisitId};
use crate::text_merge::{self, Splice, splices_onto};
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
/// What the message of a deterministic field change begins with.
pub(super) const FIELD_MESSAGE: &str = "field ";
/// When a note was closed, one entry a closing.
const CLOSED_AT: &str = "closed_at";
/// More characters than any text of ours can come to by merging.
const STORED_TEXT_LIMIT: usize = 100_000;
/// 既読: `read.<staff>` on a board.
pub const READ_MARK: &str = "read.";

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

/// Somebody's change, and on which device it was made.
pub struct MadeChange {
    pub device: DeviceId,
    /// Its maker's clock.
    pub at: Option<Timestamp>,
    pub change: RawChange,
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
    /// Who began it.
    #[serde(default)]
    pub begun_by: Option<StaffId>,
    /// Scalars and texts together; texts that nobody has written are left out.
    pub fields: BTreeMap<String, FieldValue>,
    pub conflicts: Vec<Conflict>,
    /// Texts in which two people wrote the same words at the same place: shown once, and flagged.
    #[serde(default)]
    pub equal_edits: Vec<String>,
    /// Closed with a reason, and nothing was written since. A later or concurrent edit opens it again.
    #[serde(default)]
    pub closed: bool,
}

impl NoteView {
    pub fn text(&self, field: &str) -> &str {
        match self.fields.get(field) {
            Some(FieldValue::Word(text)) => text,
            _ => "",
        }
    }

    /// A choice or a line.
    pub fn word(&self, field: &str) -> Option<&str> {
        match self.fields.get(field) {
            Some(FieldValue::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub fn time(&self, field: &str) -> Option<Timestamp> {
        match self.fields.get(field) {
            Some(FieldValue::Time(at)) => Some(*at),
            _ => None,
        }
    }

    pub fn is_set(&self, field: &str) -> bool {
        self.fields.get(field) == Some(&FieldValue::Flag(true))
    }
}

/// 記録中 — a note that can still be edited.
pub struct Draft {
    id: DocumentId,
    form: Form,
    pub(super) doc: AutoCommit,
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
            if doc.get_change_by_hash(&root_hash(id, form)).is_none() {
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

    /// The same, with the changes that it came in.
    pub fn received_with(
        id: DocumentId,
        form: Form,
        columns: &[u8],
        actor: Actor,
    ) -> Result<(Self, Incoming), DraftError> {
        if columns.len() > changes::ENTRY_LIMIT {
            return Err(ChangeError::TooLarge.into());
        }
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut doc = changes::load_columns(columns)?;
            if doc.get_change_by_hash(&root_hash(id, form)).is_none() {
                return Err(ChangeError::OtherDocument);
            }
            // What waits for its parents inside is seen by no check: only what stands is kept as it came.
            if !doc.get_missing_deps(&[]).is_empty() {
                return Err(ChangeError::OtherDocument);
            }
            let incoming = changes::sort(id, form, doc.get_changes(&[]))?;
            Ok((Self::around(id, form, doc, actor), incoming))
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
        // A note is closed with a reason, never by a value alone.
        if field.name == "outcome" && matches!(&value, FieldValue::Word(word) if CLOSING.contains(&word.as_str())) {
            return Err(FieldError::Closing.into());
        }
        self.check_pressure(field, &value)?;
        self.set_all(vec![(field.name, Some(value))], at)
    }

    /// Takes a value away that was written by mistake. A colleague's concurrent value stays (a put beats a removal).
    pub fn clear(&mut self, field: &'static Field, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        if field.is_text() {
            return Err(FieldError::IsText { field: field.name }.into());
        }
        self.set_all(vec![(field.name, None)], at)
    }

    /// Closes the note with its outcome and reason (wrong patient, duplicate, discarded): a flag, never a deletion.
    pub fn close(
        &mut self,
        outcome: &str,
        reason: &str,
        copied_to: Option<DocumentId>,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        let word = |word: &str| Some(FieldValue::Word(word.to_string()));
        let mut values = vec![("outcome", word(outcome)), ("outcome_reason", word(reason))];
        if let Some(copy) = copied_to {
            values.push(("copied_to", word(&copy.to_string())));
        }
        // A closing of its own each time, also with the same words: what was written between would else keep it open.
        let map = self.object(FIELDS)?;
        self.put(&map, CLOSED_AT, ScalarValue::Timestamp(at.as_millisecond()))?;
        self.set_all(values, at)
    }

    /// Takes over what was written in a note of the wrong patient, in one change that says where it came from.
    pub fn copy_of(
        &mut self,
        from: DocumentId,
        view: &NoteView,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        const OF_THE_VISIT: [&str; 7] =
            ["planned_start", "planned_minutes", "outcome", "outcome_reason", "copied_to", "copied_from", CLOSED_AT];
        let copied: Vec<(&String, &FieldValue)> =
            view.fields.iter().filter(|(name, _)| !OF_THE_VISIT.contains(&name.as_str())).collect();
        // Texts of their own come first: what puts them there ends a change that has been begun.
        let mut texts = Vec::new();
        for (name, value) in &copied {
            if let (Ok(true), FieldValue::Word(words)) = (self.form.field(name).map(Field::is_text), value) {
                texts.push((self.text_object(name)?, words));
            }
        }
        for (text, words) in texts {
            self.splice(&text, 0, 0, words)?;
        }
        let map = self.object(FIELDS)?;
        for (name, value) in copied {
            // A newer version's field: whether it is a text is not known here, so it stays where it was written.
            if let Ok(false) = self.form.field(name).map(Field::is_text) {
                self.put(&map, name, to_scalar(value.clone()))?;
            }
        }
        self.put(&map, "copied_from", ScalarValue::Str(from.to_string().into()))?;
        self.commit(at)
    }

    /// Whether a version stands here.
    pub fn knows(&self, version: ChangeHash) -> bool {
        ReadDoc::get_change_by_hash(&self.doc, &automerge::ChangeHash(version.0)).is_some()
    }

    /// A text as it read when this value was last written: what its writer had before her.
    pub fn text_when_set(&self, field: &str, text: &str) -> Result<Option<String>, DraftError> {
        let (fields, texts) = (self.object(FIELDS)?, self.object(TEXTS)?);
        let Ok(Some((_, writer))) = self.doc.get(&fields, field) else { return Ok(None) };
        let Some(hash) = self.doc.hash_for_opid(&writer) else { return Ok(None) };
        let Ok(Some((Value::Object(ObjType::Text), text))) = self.doc.get(&texts, text) else { return Ok(None) };
        Ok(Some(self.doc.text_at(&text, &[hash]).map_err(DraftError::Refused)?))
    }

    /// A text as it read with these heads; empty where nobody had written in it.
    pub(super) fn text_with(&self, text: &str, heads: &[ChangeHash]) -> Result<String, DraftError> {
        let heads: Vec<automerge::ChangeHash> = heads.iter().map(|h| automerge::ChangeHash(h.0)).collect();
        match self.doc.get(self.object(TEXTS)?, text) {
            Ok(Some((Value::Object(ObjType::Text), text))) => {
                self.doc.text_at(&text, &heads).map_err(DraftError::Refused)
            }
            _ => Ok(String::new()),
        }
    }

    /// 申し送りを読んだ: notes that this person has read the board as it stands here.
    pub fn mark_read(&mut self, staff: &StaffId, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        let name = format!("{READ_MARK}{staff}");
        let map = self.object(FIELDS)?;
        // To the millisecond: a second reading within one second is a reading of its own.
        self.put(&map, &name, ScalarValue::Timestamp(at.as_millisecond()))?;
        self.commit(at)
    }

    /// Several values in one change. Ones that stand already are left alone.
    pub(super) fn set_all(
        &mut self,
        values: Vec<(&str, Option<FieldValue>)>,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        let map = self.object(FIELDS)?;
        for (name, value) in values {
            let standing = self.values(&map, name)?;
            match value {
                Some(value) if standing.len() == 1 && standing[0].0 == value => {}
                Some(value) => self.put(&map, name, to_scalar(value))?,
                None if standing.is_empty() => {}
                None => self.doc.delete(&map, name).map_err(DraftError::Refused)?,
            }
        }
        self.commit(at)
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
        // Two texts that came together may be longer than one may be: they can still be shortened, step by step.
        let length = typed.chars().count();
        if length > limit && length > shown.chars().count() {
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
        if shown == typed {
            return Ok(None);
        }
        let text = self.text_object(field.name)?;
        let (now, hidden) = self.read_text(&text)?;
        let splices = splices_onto(shown, typed, &now);
        if splices.is_empty() {
            return Ok(None);
        }
        let mut beneath = equal_edits::beneath(&hidden, now.chars().count(), &splices);
        let wanted = text_merge::apply(&now, &splices);
        beneath.extend(self.retyped(&text, &beneath, &wanted)?);
        for splice in beneath {
            self.splice(&text, splice.at, splice.delete, &splice.insert)?;
        }
        self.commit(at)
    }

    /// An edit may make two people's stretches equal that were not, and the second would be hidden although its writer has
    /// both before her: what she wants to read is then typed again in her own name.
    fn retyped(&mut self, text: &ObjId, splices: &[Splice], wanted: &str) -> Result<Vec<Splice>, DraftError> {
        let stored = self.doc.text(text).map_err(DraftError::Refused)?;
        if !equal_edits::may_hide(&text_merge::apply(&stored, splices)) || self.authors()?.len() < 2 {
            return Ok(Vec::new());
        }
        let mut trial = self.doc.fork();
        for splice in splices {
            trial.splice_text(text, splice.at, splice.delete as isize, &splice.insert).map_err(DraftError::Refused)?;
        }
        trial.commit();
        let after = trial.text(text).map_err(DraftError::Refused)?;
        let hidden = equal_edits::second_copies(&mut trial, text, &after);
        let chars: Vec<char> = after.chars().collect();
        let is_hidden = |at: usize| hidden.iter().any(|range| range.contains(&at));
        let shown: String = (0..chars.len()).filter(|at| !is_hidden(*at)).map(|at| chars[at]).collect();
        if shown == wanted {
            return Ok(Vec::new());
        }
        let again = |range: &std::ops::Range<usize>| Splice {
            at: range.start,
            delete: range.len(),
            insert: chars[range.clone()].iter().collect(),
        };
        Ok(hidden.iter().rev().map(again).collect())
    }

    fn splice(&mut self, text: &ObjId, at: usize, delete: usize, insert: &str) -> Result<(), DraftError> {
        self.doc.splice_text(text, at, delete as isize, insert).map_err(DraftError::Refused)
    }

    /// Takes changes from outside, one entry at a time. Ones whose parents are missing wait inside the document.
    ///
    /// After a refusal or a panic the document's inside is not trusted: every later call fails, the caller opens the
    /// stored one again.
    pub fn apply(&mut self, incoming: &Incoming) -> Result<(), DraftError> {
        let changes: Vec<Change> = incoming.changes().cloned().collect();
        match catch_unwind(AssertUnwindSafe(|| self.doc.apply_changes(changes))) {
            Ok(Ok(())) => Ok(()),
            _ => {
                self.broken = true;
                Err(ChangeError::Unreadable.into())
            }
        }
    }

    /// Whether every parent of these changes stands here or among them.
    pub fn has_parents_of(&self, incoming: &Incoming) -> bool {
        incoming.changes().flat_map(|change| change.deps()).all(|parent| {
            incoming.changes().any(|change| change.hash() == *parent)
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
        let is_a_chain = own.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let hashes: Vec<ChangeHash> = own.into_iter().map(|(_, hash)| hash).collect();
        let (encoding, bytes) = changes::encode(&mut self.doc, &hashes)?;
        // A copied phone wrote beside itself: changes without an order of their own are named in the one that the bytes have.
        let hash = match is_a_chain {
            true => changes::entry_hash(self.id, &hashes),
            false => changes::decode(self.id, self.form, encoding, &bytes)?.hash(self.id),
        };
        Ok(Some(NewEntry { encoding, bytes, hash, up_to }))
    }

    /// What people wrote on other devices than one, in causal order, each as it travels alone.
    pub fn changes_but_of(&mut self, device: DeviceId) -> Vec<MadeChange> {
        let mut made: Vec<IncomingChange> =
            self.doc.get_changes(&[]).into_iter().map(|change| IncomingChange { change }).collect();
        made.sort_by_key(IncomingChange::position);
        let theirs = made.into_iter().filter_map(|made| {
            let by = made.device().filter(|by| *by != device)?;
            let change = RawChange { hash: made.hash(), bytes: made.change.raw_bytes().to_vec() };
            Some(MadeChange { device: by, at: made.at(), change })
        });
        theirs.collect()
    }

    /// Some changes that stand here, as one entry; they are one device's.
    pub fn entry_with(&mut self, wanted: &[ChangeHash]) -> Result<NewEntry, DraftError> {
        let (encoding, bytes) = changes::encode(&mut self.doc, wanted)?;
        // Named in the order that the bytes have, as whoever reads them names it.
        let incoming = changes::decode(self.id, self.form, encoding, &bytes)?;
        let up_to = incoming.made().iter().map(IncomingChange::position).max().unwrap_or(0);
        Ok(NewEntry { encoding, bytes, hash: incoming.hash(self.id), up_to })
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

    /// People's changes that a confirmation with these heads did not know.
    pub fn late_changes(&mut self, confirmed: &[ChangeHash]) -> Vec<IncomingChange> {
        let heads: Vec<automerge::ChangeHash> = confirmed.iter().map(|h| automerge::ChangeHash(h.0)).collect();
        let late = self.doc.get_changes(&heads).into_iter().map(|change| IncomingChange { change });
        late.filter(|change| change.device().is_some()).collect()
    }

    /// The document as it reads now.
    pub fn view(&mut self) -> Result<NoteView, DraftError> {
        let mut view = photos::without_removed(self.read(None)?);
        view.closed = self.is_closed()?;
        Ok(view)
    }

    /// The document as it read with these heads: an older version, as its writer had it before her.
    pub fn view_at(&mut self, heads: &[ChangeHash]) -> Result<NoteView, DraftError> {
        let heads: Vec<automerge::ChangeHash> = heads.iter().map(|h| automerge::ChangeHash(h.0)).collect();
        Ok(photos::without_removed(self.read(Some(&heads))?))
    }

    /// Every change that a person made, oldest first, with what it changed.
    pub fn history(&mut self) -> Result<Vec<Version>, DraftError> {
        super::history::of(self)
    }

    /// The document as it stands, with the marks of photos that were taken away among its fields.
    pub(super) fn read(&mut self, heads: Option<&[automerge::ChangeHash]>) -> Result<NoteView, DraftError> {
        if self.broken {
            return Err(DraftError::Unreadable);
        }
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
        let authors = self.authors()?;
        let mut fields = BTreeMap::new();
        let mut conflicts = Vec::new();
        let map = self.object(FIELDS)?;
        for name in self.keys(&map, heads) {
            // When it was closed is no field of the form, and two closings are no conflict.
            if name == CLOSED_AT {
                continue;
            }
            let mut values = self.values_at(&map, &name, heads)?;
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
        let mut equal_edits = Vec::new();
        let texts = self.object(TEXTS)?;
        for name in self.keys(&texts, heads) {
            let Ok(Some((Value::Object(ObjType::Text), text))) = self.doc.get(&texts, name.as_str()) else { continue };
            let text = match heads {
                Some(heads) => self.doc.text_at(&text, heads).map_err(DraftError::Refused)?,
                None => {
                    let (shown, hidden) = self.read_text(&text)?;
                    if !hidden.is_empty() {
                        equal_edits.push(name.clone());
                    }
                    shown
                }
            };
            if !text.is_empty() {
                fields.insert(name, FieldValue::Word(text));
            }
        }
        let begun_by = self.begun_by(&authors)?;
        Ok(NoteView { about, authors, begun_by, fields, conflicts, equal_edits, closed: false })
    }

    /// A text as it is shown, and the ranges of the stored one that are second copies of equal words.
    fn read_text(&mut self, text: &ObjId) -> Result<(String, Vec<std::ops::Range<usize>>), DraftError> {
        let stored = self.doc.text(text).map_err(DraftError::Refused)?;
        let hidden = equal_edits::second_copies(&mut self.doc, text, &stored);
        if hidden.is_empty() {
            return Ok((stored, hidden));
        }
        let is_hidden = |at: usize| hidden.iter().any(|range| range.contains(&at));
        let shown = stored.chars().enumerate().filter(|(at, _)| !is_hidden(*at)).map(|(_, c)| c).collect();
        Ok((shown, hidden))
    }

    fn keys(&self, map: &ObjId, heads: Option<&[automerge::ChangeHash]>) -> Vec<String> {
        match heads {
            Some(heads) => self.doc.keys_at(map, heads).collect(),
            None => self.doc.keys(map).collect(),
        }
    }

    /// Which person held which device, as the document says.
    pub fn authors(&self) -> Result<BTreeMap<DeviceId, StaffId>, DraftError> {
        let map = self.object(AUTHORS)?;
        let author = |device: String| Some((device.parse().ok()?, self.word_at(&map, &device)?.parse().ok()?));
        Ok(self.doc.keys(&map).filter_map(author).collect())
    }

    /// Whether closings are the last word: nothing was written after them or beside them.
    fn is_closed(&mut self) -> Result<bool, DraftError> {
        let map = self.object(FIELDS)?;
        let mut closings: Vec<automerge::ChangeHash> = Vec::new();
        for (_, writer) in self.doc.get_all(&map, CLOSED_AT).map_err(DraftError::Refused)? {
            closings.extend(self.doc.hash_for_opid(&writer));
        }
        Ok(!closings.is_empty() && self.doc.get_heads().iter().all(|head| closings.contains(head)))
    }

    /// Who began the document. Of several who began it without knowing of each other, the same one on every device.
    fn begun_by(&self, authors: &BTreeMap<DeviceId, StaffId>) -> Result<Option<StaffId>, DraftError> {
        let about = self.object(ABOUT)?;
        let mut devices: Vec<DeviceId> = Vec::new();
        for (_, writer) in self.doc.get_all(&about, "patient").map_err(DraftError::Refused)? {
            let change = self.doc.hash_for_opid(&writer).and_then(|hash| ReadDoc::get_change_by_hash(&self.doc, &hash));
            devices.extend(change.and_then(|change| IncomingChange { change }.device()));
        }
        devices.sort_unstable();
        Ok(devices.first().and_then(|device| authors.get(device).cloned()))
    }

    /// Whose hand a field's present value is from, among late changes; of a text the last one that touched it.
    pub(super) fn late_writer(
        &mut self,
        field: &str,
        late: &[IncomingChange],
    ) -> Result<(Option<StaffId>, Option<Timestamp>), DraftError> {
        let authors = self.authors()?;
        let fields = self.object(FIELDS)?;
        if let Some((value, writer)) = self.values(&fields, field)?.pop() {
            let by = self.doc.hash_for_opid(&writer);
            if !late.iter().any(|change| Some(change.change.hash()) == by) {
                return Ok((None, None));
            }
            let side = self.side(value, writer, &authors);
            return Ok((side.staff, side.at));
        }
        for change in late.iter().rev() {
            let (before, after) = (self.view_at(&change.parents())?, self.view_at(&[change.hash()])?);
            if before.fields.get(field) != after.fields.get(field) {
                let staff = change.device().and_then(|device| authors.get(&device).cloned());
                return Ok((staff, change.at()));
            }
        }
        Ok((None, None))
    }

    /// A text as it is stored, second copies of equal words included.
    pub fn stored_text(&self, text: &str) -> Result<String, DraftError> {
        match self.doc.get(self.object(TEXTS)?, text) {
            Ok(Some((Value::Object(ObjType::Text), text))) => self.doc.text(&text).map_err(DraftError::Refused),
            _ => Ok(String::new()),
        }
    }

    /// What a hostile change could bend without breaking anything: the maps and texts must be the ones every device makes,
    /// the document be about this patient, names and values within bounds. Asked before others see a change.
    pub fn is_sound(&self, patient: &PatientId, station: &FacilityId) -> bool {
        self.check_sound(patient, station).unwrap_or(false)
    }

    fn check_sound(&self, patient: &PatientId, station: &FacilityId) -> Result<bool, DraftError> {
        let root = root_hash(self.id, self.form);
        let made_by = |map: &ObjId, key: &str| -> Result<Option<automerge::ChangeHash>, DraftError> {
            let found = self.doc.get_all(map, key).map_err(DraftError::Refused)?;
            match found.as_slice() {
                [(Value::Object(_), id)] => Ok(self.doc.hash_for_opid(id)),
                _ => Ok(None),
            }
        };
        for map in [ABOUT, AUTHORS, FIELDS, TEXTS] {
            if made_by(&ROOT, map)? != Some(root) {
                return Ok(false);
            }
        }
        let about = self.object(ABOUT)?;
        for (key, wanted) in [("patient", patient.as_str()), ("station", station.as_str())] {
            for (value, _) in self.doc.get_all(&about, key).map_err(DraftError::Refused)? {
                let fits =
                    matches!(&value, Value::Scalar(s) if matches!(s.as_ref(), ScalarValue::Str(w) if w == wanted));
                if !fits {
                    return Ok(false);
                }
            }
        }
        let texts = self.object(TEXTS)?;
        for name in self.doc.keys(&texts) {
            let is_scalar = self.form.field(&name).is_ok_and(|field| !field.is_text());
            let by = made_by(&texts, &name)?;
            let expected = if self.form.root_texts().iter().any(|field| field.name == name) {
                root
            } else {
                field_hash(self.id, self.form, &name)
            };
            if is_scalar || by != Some(expected) {
                return Ok(false);
            }
            let Ok(Some((_, text))) = self.doc.get(&texts, name.as_str()) else { return Ok(false) };
            if self.doc.length(&text) > STORED_TEXT_LIMIT {
                return Ok(false);
            }
        }
        let fields = self.object(FIELDS)?;
        let mut count = 0;
        for name in self.doc.keys(&fields) {
            count += 1;
            if name.len() > 96 || count > 2_000 {
                return Ok(false);
            }
            for (value, _) in self.doc.get_all(&fields, name.as_str()).map_err(DraftError::Refused)? {
                let Value::Scalar(value) = value else { continue };
                let fits = match value.as_ref() {
                    ScalarValue::F64(n) => n.is_finite(),
                    ScalarValue::Str(word) => word.chars().count() <= 2_000,
                    ScalarValue::Bytes(bytes) => bytes.len() <= 4_096,
                    _ => true,
                };
                if !fits {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn side(&self, value: FieldValue, writer: ObjId, authors: &BTreeMap<DeviceId, StaffId>) -> ConflictValue {
        let change = self.doc.hash_for_opid(&writer).and_then(|hash| ReadDoc::get_change_by_hash(&self.doc, &hash));
        let at = change.as_ref().and_then(|c| Timestamp::from_second(c.timestamp()).ok());
        let device = change.and_then(|change| IncomingChange { change }.device());
        ConflictValue { value, staff: device.and_then(|d| authors.get(&d).cloned()), device, at }
    }

    /// The unequal values that stand under a key, each with the operation that wrote it.
    fn values(&self, map: &ObjId, key: &str) -> Result<Vec<(FieldValue, ObjId)>, DraftError> {
        self.values_at(map, key, None)
    }

    fn values_at(
        &self,
        map: &ObjId,
        key: &str,
        heads: Option<&[automerge::ChangeHash]>,
    ) -> Result<Vec<(FieldValue, ObjId)>, DraftError> {
        let mut values: Vec<(FieldValue, ObjId)> = Vec::new();
        let found = match heads {
            Some(heads) => self.doc.get_all_at(map, key, heads),
            None => self.doc.get_all(map, key),
        };
        for (value, writer) in found.map_err(DraftError::Refused)? {
            let Some(value) = from_scalar(self.form, key, &value) else { continue };
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
        if self.broken {
            return Err(DraftError::Unreadable);
        }
        match self.doc.get(ROOT, name) {
            Ok(Some((Value::Object(ObjType::Map), id))) => Ok(id),
            _ => Err(DraftError::Unreadable),
        }
    }

    /// The text of a field; one that root v1 does not hold is put on the root first, by the change every device makes alike.
    fn text_object(&mut self, name: &str) -> Result<ObjId, DraftError> {
        let texts = self.object(TEXTS)?;
        if let Ok(None) = self.doc.get(&texts, name) {
            let change = field_change(self.id, self.form, name);
            self.doc.apply_changes([change]).map_err(DraftError::Refused)?;
            self.unsaved_text = true;
        }
        match self.doc.get(&texts, name) {
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

/// Root v1. Every byte of it is fixed for ever: see the vectors in the tests.
fn root_document(id: DocumentId, form: Form) -> AutoCommit {
    let actor = root_actor(id, form);
    let mut doc =
        AutoCommit::new_with_encoding(TextEncoding::UnicodeCodePoint).with_actor(ActorId::from(actor.0.to_vec()));
    let built = (|| {
        doc.put_object(ROOT, ABOUT, ObjType::Map)?;
        doc.put_object(ROOT, AUTHORS, ObjType::Map)?;
        doc.put_object(ROOT, FIELDS, ObjType::Map)?;
        let texts = doc.put_object(ROOT, TEXTS, ObjType::Map)?;
        for field in form.root_texts() {
            doc.put_object(&texts, field.name, ObjType::Text)?;
        }
        Ok::<(), automerge::AutomergeError>(())
    })();
    built.expect("putting objects into an empty document of our own cannot fail");
    doc.commit_with(CommitOptions::default().with_message(root_message(id, form)).with_time(0));
    doc
}

// The note's root is older than the other forms and carries no form's name.

pub(super) fn root_actor(id: DocumentId, form: Form) -> DocumentId {
    match form {
        Form::VisitNote => DocumentId::derive("root actor v1", &id.0),
        other => DocumentId::derive(&format!("root actor v1 {other}"), &id.0),
    }
}

pub(super) fn root_message(id: DocumentId, form: Form) -> String {
    match form {
        Form::VisitNote => id.to_string(),
        other => format!("{id} {other}"),
    }
}

pub(super) fn field_actor(id: DocumentId, name: &str) -> DocumentId {
    DocumentId::derive(&format!("field actor v1 {name}"), &id.0)
}

pub(super) fn root_change(id: DocumentId, form: Form) -> Change {
    root_document(id, form).get_last_local_change().expect("the root document has just committed its one change")
}

/// The change that adds a text to a document whose root does not hold it. Equal on every device, for ever.
pub(super) fn field_change(id: DocumentId, form: Form, name: &str) -> Change {
    let actor = field_actor(id, name);
    let mut doc = root_document(id, form).with_actor(ActorId::from(actor.0.to_vec()));
    let texts = match doc.get(ROOT, TEXTS) {
        Ok(Some((Value::Object(ObjType::Map), texts))) => texts,
        _ => unreachable!("the root document holds its texts"),
    };
    doc.put_object(&texts, name, ObjType::Text).expect("putting a text into a document of our own cannot fail");
    doc.commit_with(CommitOptions::default().with_message(format!("{FIELD_MESSAGE}{name}")).with_time(0));
    doc.get_last_local_change().expect("the document has just committed a change")
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
fn from_scalar(form: Form, name: &str, value: &Value<'_>) -> Option<FieldValue> {
    let Value::Scalar(scalar) = value else { return None };
    let kind = form.field(name).ok().map(|field| field.kind);
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

#[cfg(test)]
#[path = "merge_tests.rs"]
mod merge_tests;
