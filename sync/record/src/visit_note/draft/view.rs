//! How a document reads: its values, its conflicts, and whose hand they are from.

use super::root::{ABOUT, AUTHORS, FIELDS, TEXTS};
use super::values::CLOSED_AT;
use super::{About, Draft, DraftError, versions};
use crate::ids::{ChangeHash, DeviceId, StaffId};
use crate::visit_note::fields::FieldValue;
use crate::visit_note::history::{self, Version};
use crate::visit_note::{IncomingChange, changes, photos};
use automerge::{ObjId, ObjType, ReadDoc, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

impl Draft {
    /// The document as it reads now.
    pub fn view(&mut self) -> Result<NoteView, DraftError> {
        let mut view = photos::without_removed(self.read(None)?);
        view.closed = self.is_closed()?;
        Ok(view)
    }

    /// The same without its texts: what a list says of a document, for a part of what reading it takes.
    pub fn outline(&mut self) -> Result<NoteView, DraftError> {
        let mut view = photos::without_removed(self.read_scalars(None)?);
        view.closed = self.is_closed()?;
        Ok(view)
    }

    /// The document as it read with these heads: an older version, as its writer had it before her.
    pub fn view_at(&mut self, heads: &[ChangeHash]) -> Result<NoteView, DraftError> {
        Ok(photos::without_removed(self.read(Some(&versions(heads)))?))
    }

    /// Every change that a person made, oldest first, with what it changed.
    pub fn history(&mut self) -> Result<Vec<Version>, DraftError> {
        history::of(self)
    }

    /// The document as it stands, with the marks of photos that were taken away among its fields.
    pub(in crate::visit_note) fn read(
        &mut self,
        heads: Option<&[automerge::ChangeHash]>,
    ) -> Result<NoteView, DraftError> {
        let mut view = self.read_scalars(heads)?;
        view.equal_edits = self.read_texts(heads, &mut view.fields)?;
        Ok(view)
    }

    fn read_scalars(&mut self, heads: Option<&[automerge::ChangeHash]>) -> Result<NoteView, DraftError> {
        if self.broken {
            return Err(DraftError::Unreadable);
        }
        let about = self.about()?;
        let authors = self.authors()?;
        let (fields, conflicts) = self.read_values(heads, &authors)?;
        let begun_by = self.begun_by(&authors)?;
        Ok(NoteView { about, authors, begun_by, fields, conflicts, ..NoteView::default() })
    }

    fn about(&self) -> Result<Option<About>, DraftError> {
        let map = self.object(ABOUT)?;
        let whose = self.word_at(&map, "patient").zip(self.word_at(&map, "station"));
        Ok(whose.and_then(|(patient, station)| {
            Some(About {
                patient: patient.parse().ok()?,
                station: station.parse().ok()?,
                visit: self.word_at(&map, "visit").and_then(|visit| visit.parse().ok()),
            })
        }))
    }

    fn read_values(
        &mut self,
        heads: Option<&[automerge::ChangeHash]>,
        authors: &BTreeMap<DeviceId, StaffId>,
    ) -> Result<(BTreeMap<String, FieldValue>, Vec<Conflict>), DraftError> {
        let mut fields = BTreeMap::new();
        let mut conflicts = Vec::new();
        let map = self.object(FIELDS)?;
        for (name, mut values) in self.all_values(&map, heads)? {
            // When it was closed is no field of the form, and two closings are no conflict.
            if name == CLOSED_AT {
                continue;
            }
            match values.len() {
                0 => {}
                1 => {
                    fields.insert(name, values.remove(0).0);
                }
                _ => {
                    let mut sides: Vec<ConflictValue> =
                        values.into_iter().map(|(value, writer)| self.side(value, writer, authors)).collect();
                    sides.sort_by_key(|side| (side.at, side.device));
                    conflicts.push(Conflict { field: name, values: sides });
                }
            }
        }
        Ok((fields, conflicts))
    }

    /// Puts texts that somebody wrote among the fields. Names those of which second copies of equal words are hidden.
    fn read_texts(
        &mut self,
        heads: Option<&[automerge::ChangeHash]>,
        fields: &mut BTreeMap<String, FieldValue>,
    ) -> Result<Vec<String>, DraftError> {
        let mut equal_edits = Vec::new();
        for (name, text) in self.texts(heads)? {
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
        Ok(equal_edits)
    }

    /// The texts that stood here with these heads, as they are today.
    fn texts(&self, heads: Option<&[automerge::ChangeHash]>) -> Result<Vec<(String, ObjId)>, DraftError> {
        let map = self.object(TEXTS)?;
        let mut texts = Vec::new();
        for (name, mut found) in self.all_found(&map, heads)? {
            let stands = match heads {
                None if found.len() == 1 => found.pop(),
                _ => self.doc.get(&map, name.as_str()).ok().flatten(),
            };
            if let Some((Value::Object(ObjType::Text), text)) = stands {
                texts.push((name, text));
            }
        }
        Ok(texts)
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
    fn begun_by(&mut self, authors: &BTreeMap<DeviceId, StaffId>) -> Result<Option<StaffId>, DraftError> {
        let about = self.object(ABOUT)?;
        let written = self.doc.get_all(&about, "patient").map_err(DraftError::Refused)?;
        let writers: Vec<ObjId> = written.into_iter().map(|(_, writer)| writer).collect();
        let mut devices: Vec<DeviceId> = writers.iter().filter_map(|writer| self.hand_of(writer).0).collect();
        devices.sort_unstable();
        Ok(devices.first().and_then(|device| authors.get(device).cloned()))
    }

    /// Whose hand a field's present value is from, among late changes; of a text the last one that touched it.
    pub(in crate::visit_note) fn late_writer(
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

    fn side(&mut self, value: FieldValue, writer: ObjId, authors: &BTreeMap<DeviceId, StaffId>) -> ConflictValue {
        let (device, at) = self.hand_of(&writer);
        ConflictValue { value, staff: device.and_then(|d| authors.get(&d).cloned()), device, at }
    }

    /// On which device an operation was made, and when by its clock. The change is not made again for it.
    fn hand_of(&mut self, writer: &ObjId) -> (Option<DeviceId>, Option<Timestamp>) {
        let Some(change) = self.doc.hash_for_opid(writer) else { return (None, None) };
        match self.doc.get_change_meta_by_hash(&change) {
            Some(change) => (changes::device_of(&change), Timestamp::from_second(change.timestamp).ok()),
            None => (None, None),
        }
    }
}
