//! Free texts: what was typed is spliced into what stands there now, so that nobody's words go by a stale buffer.

use super::root::{FIELDS, TEXTS, field_change};
use super::{Draft, DraftError, RawChange, versions};
use crate::ids::ChangeHash;
use crate::text_merge::{self, Splice, splices_onto};
use crate::visit_note::equal_edits;
use crate::visit_note::fields::{Field, FieldError, FieldKind};
use automerge::transaction::Transactable;
use automerge::{ObjId, ObjType, ReadDoc, Value};
use jiff::Timestamp;
use std::ops::Range;

impl Draft {
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
        let again = |range: &Range<usize>| Splice {
            at: range.start,
            delete: range.len(),
            insert: chars[range.clone()].iter().collect(),
        };
        Ok(hidden.iter().rev().map(again).collect())
    }

    pub(super) fn splice(&mut self, text: &ObjId, at: usize, delete: usize, insert: &str) -> Result<(), DraftError> {
        self.doc.splice_text(text, at, delete as isize, insert).map_err(DraftError::Refused)
    }

    /// A text as it is shown, and the ranges of the stored one that are second copies of equal words.
    pub(super) fn read_text(&mut self, text: &ObjId) -> Result<(String, Vec<Range<usize>>), DraftError> {
        let stored = self.doc.text(text).map_err(DraftError::Refused)?;
        let hidden = equal_edits::second_copies(&mut self.doc, text, &stored);
        if hidden.is_empty() {
            return Ok((stored, hidden));
        }
        let is_hidden = |at: usize| hidden.iter().any(|range| range.contains(&at));
        let shown = stored.chars().enumerate().filter(|(at, _)| !is_hidden(*at)).map(|(_, c)| c).collect();
        Ok((shown, hidden))
    }

    /// A text as it is stored, second copies of equal words included.
    pub fn stored_text(&self, text: &str) -> Result<String, DraftError> {
        match self.doc.get(self.object(TEXTS)?, text) {
            Ok(Some((Value::Object(ObjType::Text), text))) => self.doc.text(&text).map_err(DraftError::Refused),
            _ => Ok(String::new()),
        }
    }

    /// A text as it read with these heads; empty where nobody had written in it.
    pub(in crate::visit_note) fn text_with(&self, text: &str, heads: &[ChangeHash]) -> Result<String, DraftError> {
        match self.doc.get(self.object(TEXTS)?, text) {
            Ok(Some((Value::Object(ObjType::Text), text))) => {
                self.doc.text_at(&text, &versions(heads)).map_err(DraftError::Refused)
            }
            _ => Ok(String::new()),
        }
    }

    /// A text as it read when this value was last written: what its writer had before her.
    pub fn text_when_set(&self, field: &str, text: &str) -> Result<Option<String>, DraftError> {
        let (fields, texts) = (self.object(FIELDS)?, self.object(TEXTS)?);
        let Ok(Some((_, writer))) = self.doc.get(&fields, field) else { return Ok(None) };
        let Some(hash) = self.doc.hash_for_opid(&writer) else { return Ok(None) };
        let Ok(Some((Value::Object(ObjType::Text), text))) = self.doc.get(&texts, text) else { return Ok(None) };
        Ok(Some(self.doc.text_at(&text, &[hash]).map_err(DraftError::Refused)?))
    }

    /// The text of a field; one that root v1 does not hold is put on the root first, by the change every device makes alike.
    pub(super) fn text_object(&mut self, name: &str) -> Result<ObjId, DraftError> {
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
}
