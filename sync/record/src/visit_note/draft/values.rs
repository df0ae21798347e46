//! Scalars: unequal concurrent values all stand, until a person picks one.

use super::root::FIELDS;
use super::{Draft, DraftError, NoteView, RawChange};
use crate::form::Form;
use crate::ids::{DocumentId, StaffId};
use crate::visit_note::fields::{CLOSING, Field, FieldError, FieldKind, FieldValue};
use automerge::transaction::Transactable;
use automerge::{ObjId, ReadDoc, ScalarValue, Value};
use jiff::Timestamp;

/// When a note was closed, one entry a closing.
pub(super) const CLOSED_AT: &str = "closed_at";
/// 既読: `read.<staff>` on a board.
pub const READ_MARK: &str = "read.";

impl Draft {
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

    /// 申し送りを読んだ: notes that this person has read the board as it stands here.
    pub fn mark_read(&mut self, staff: &StaffId, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        let name = format!("{READ_MARK}{staff}");
        let map = self.object(FIELDS)?;
        // To the millisecond: a second reading within one second is a reading of its own.
        self.put(&map, &name, ScalarValue::Timestamp(at.as_millisecond()))?;
        self.commit(at)
    }

    /// Several values in one change. Ones that stand already are left alone.
    pub(in crate::visit_note) fn set_all(
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

    /// The unequal values that stand under a key, each with the operation that wrote it.
    pub(super) fn values(&self, map: &ObjId, key: &str) -> Result<Vec<(FieldValue, ObjId)>, DraftError> {
        self.values_at(map, key, None)
    }

    pub(super) fn values_at(
        &self,
        map: &ObjId,
        key: &str,
        heads: Option<&[automerge::ChangeHash]>,
    ) -> Result<Vec<(FieldValue, ObjId)>, DraftError> {
        Ok(unequal(self.form, key, self.found(map, key, heads)?))
    }

    /// The same under every key of a map.
    pub(super) fn all_values(
        &self,
        map: &ObjId,
        heads: Option<&[automerge::ChangeHash]>,
    ) -> Result<Vec<(String, Vec<(FieldValue, ObjId)>)>, DraftError> {
        let all = self.all_found(map, heads)?.into_iter().map(|(key, found)| {
            let values = unequal(self.form, &key, found);
            (key, values)
        });
        Ok(all.collect())
    }

    /// What stands under each key of a map, equal or not, in one walk through it: a search for each key finds its way through
    /// the whole document every time. The two find the same where the keys stand in their order, as they do in a sound document;
    /// what a search would not survive is seen where soundness is, too.
    pub(super) fn all_found(
        &self,
        map: &ObjId,
        heads: Option<&[automerge::ChangeHash]>,
    ) -> Result<Vec<(String, Vec<(Value<'_>, ObjId)>)>, DraftError> {
        let walk = match heads {
            Some(heads) => self.doc.map_range_at(map, .., heads),
            None => self.doc.map_range(map, ..),
        };
        walk.map(|item| {
            let (key, writer) = (item.key.to_string(), item.id());
            let found = match item.conflict {
                true => self.found(map, &key, heads)?,
                false => vec![(item.value.into_value(), writer)],
            };
            Ok((key, found))
        })
        .collect()
    }

    fn found(
        &self,
        map: &ObjId,
        key: &str,
        heads: Option<&[automerge::ChangeHash]>,
    ) -> Result<Vec<(Value<'_>, ObjId)>, DraftError> {
        let found = match heads {
            Some(heads) => self.doc.get_all_at(map, key, heads),
            None => self.doc.get_all(map, key),
        };
        found.map_err(DraftError::Refused)
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
}

pub(super) fn to_scalar(value: FieldValue) -> ScalarValue {
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

fn unequal(form: Form, key: &str, found: Vec<(Value<'_>, ObjId)>) -> Vec<(FieldValue, ObjId)> {
    let mut values: Vec<(FieldValue, ObjId)> = Vec::new();
    for (value, writer) in found {
        let Some(value) = from_scalar(form, key, &value) else { continue };
        if !values.iter().any(|(known, _)| *known == value) {
            values.push((value, writer));
        }
    }
    values
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
