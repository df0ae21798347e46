//! Whether a document is still the one that every device makes, whatever came into it.

use super::root::{ABOUT, AUTHORS, FIELDS, TEXTS};
use super::{Draft, DraftError};
use super::{field_hash, root_hash};
use crate::ids::{FacilityId, PatientId};
use automerge::{ChangeHash, ObjId, ROOT, ReadDoc, ScalarValue, Value};

/// More characters than any text of ours can come to by merging.
const STORED_TEXT_LIMIT: usize = 100_000;

impl Draft {
    /// What a hostile change could bend without breaking anything: the maps and texts must be the ones every device makes,
    /// the document be about this patient, names and values within bounds. Asked before others see a change. Each key is searched
    /// for, as an edit will: what Automerge cannot answer brings it down here, and on no phone.
    pub fn is_sound(&self, patient: &PatientId, station: &FacilityId) -> bool {
        self.check_sound(patient, station).unwrap_or(false)
    }

    fn check_sound(&self, patient: &PatientId, station: &FacilityId) -> Result<bool, DraftError> {
        let root = root_hash(self.id, self.form);
        for map in [ABOUT, AUTHORS, FIELDS, TEXTS] {
            if self.made_by(&ROOT, map)?.is_none_or(|(by, _)| by != root) {
                return Ok(false);
            }
        }
        if !self.are_keys_in_order(&ROOT) {
            return Ok(false);
        }
        for map in [ABOUT, AUTHORS, FIELDS, TEXTS] {
            if !self.are_keys_in_order(&self.object(map)?) {
                return Ok(false);
            }
        }
        Ok(self.is_about(patient, station)? && self.are_texts_sound(root)? && self.are_fields_bounded()?)
    }

    /// Whether the keys of a map stand in the order of their bytes, each once. What is written or merged is put there; a whole
    /// document is loaded in the order that it came in, and a walk would meet in a key's second run what no search finds.
    fn are_keys_in_order(&self, map: &ObjId) -> bool {
        let keys: Vec<String> = self.doc.keys(map).collect();
        keys.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// The one map or text under a key, and the change that made it; `None` where another thing stands there, or several.
    fn made_by(&self, map: &ObjId, key: &str) -> Result<Option<(ChangeHash, ObjId)>, DraftError> {
        let found = self.doc.get_all(map, key).map_err(DraftError::Refused)?;
        match found.as_slice() {
            [(Value::Object(_), id)] => Ok(self.doc.hash_for_opid(id).map(|by| (by, id.clone()))),
            _ => Ok(None),
        }
    }

    fn is_about(&self, patient: &PatientId, station: &FacilityId) -> Result<bool, DraftError> {
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
        Ok(true)
    }

    fn are_texts_sound(&self, root: ChangeHash) -> Result<bool, DraftError> {
        let texts = self.object(TEXTS)?;
        for name in self.doc.keys(&texts) {
            let is_scalar = self.form.field(&name).is_ok_and(|field| !field.is_text());
            let Some((by, text)) = self.made_by(&texts, &name)? else { return Ok(false) };
            let expected = if self.form.root_texts().iter().any(|field| field.name == name) {
                root
            } else {
                field_hash(self.id, self.form, &name)
            };
            if is_scalar || by != expected || self.doc.length(&text) > STORED_TEXT_LIMIT {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn are_fields_bounded(&self) -> Result<bool, DraftError> {
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
}
