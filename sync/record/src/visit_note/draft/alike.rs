//! Names of the changes that every device makes alike, without making them.
//!
//! A root and a field's change are bytes in which only ids differ from document to document: made once for each form and field,
//! their ids are put in, and the hash is SHA-256 over what stands behind the checksum. Hundreds of times less work than
//! Automerge's own making of a document, and a document is asked for its root whenever it is opened.

use super::root::{field_actor, field_change, root_actor, root_change, root_message};
use crate::form::Form;
use crate::ids::DocumentId;
use automerge::{Change, ChangeHash};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Magic and checksum: not part of what is hashed.
const BEFORE_HASHED: usize = 8;
/// The document whose bytes are the pattern. Its ids stand nowhere else in them by chance: a pattern says how often each is found.
const PATTERN: DocumentId = DocumentId([0xa7; 16]);

/// A change's bytes, and where the ids of its document stand in them.
struct Pattern {
    bytes: Vec<u8>,
    /// Where each id stands, in the order in which a document gives its own.
    places: Vec<usize>,
}

impl Pattern {
    /// `None`: an id is not found exactly once, so nothing can be put in its place.
    fn of(change: &Change, ids: &[Vec<u8>]) -> Option<Self> {
        let bytes = change.raw_bytes().get(BEFORE_HASHED..)?.to_vec();
        let places = ids.iter().map(|id| only_place(&bytes, id)).collect::<Option<Vec<_>>>()?;
        Some(Self { bytes, places })
    }

    fn hash_with(&self, ids: &[Vec<u8>]) -> ChangeHash {
        let mut bytes = self.bytes.clone();
        for (place, id) in self.places.iter().zip(ids) {
            bytes[*place..*place + id.len()].copy_from_slice(id);
        }
        ChangeHash(Sha256::digest(&bytes).into())
    }
}

fn only_place(bytes: &[u8], id: &[u8]) -> Option<usize> {
    let mut found = bytes.windows(id.len()).enumerate().filter(|(_, window)| *window == id).map(|(place, _)| place);
    let place = found.next()?;
    found.next().is_none().then_some(place)
}

/// Hash of `root_change`.
pub(in crate::visit_note) fn root_hash(id: DocumentId, form: Form) -> ChangeHash {
    let ids = |id: DocumentId| vec![root_actor(id, form).0.to_vec(), root_message(id, form).into_bytes()];
    hashed(form, None, &ids(id), || Pattern::of(&root_change(PATTERN, form), &ids(PATTERN)))
        .unwrap_or_else(|| root_change(id, form).hash())
}

/// Hash of `field_change`.
pub(in crate::visit_note) fn field_hash(id: DocumentId, form: Form, name: &str) -> ChangeHash {
    let Ok(field) = form.field(name) else {
        // A newer version's: known by its name alone, and never kept.
        return field_change(id, form, name).hash();
    };
    let ids = |id: DocumentId| {
        vec![root_hash(id, form).0.to_vec(), field_actor(id, name).0.to_vec(), root_actor(id, form).0.to_vec()]
    };
    hashed(form, Some(field.name), &ids(id), || Pattern::of(&field_change(PATTERN, form, name), &ids(PATTERN)))
        .unwrap_or_else(|| field_change(id, form, name).hash())
}

/// By the pattern of a form's root or of one of its fields, made when it is first asked for.
fn hashed(
    form: Form,
    field: Option<&'static str>,
    ids: &[Vec<u8>],
    make: impl FnOnce() -> Option<Pattern>,
) -> Option<ChangeHash> {
    type Patterns = HashMap<(Form, Option<&'static str>), Option<Pattern>>;
    // A static in the pure core: it remembers only what follows from the program itself, whoever asks and whenever.
    static PATTERNS: LazyLock<Mutex<Patterns>> = LazyLock::new(Mutex::default);
    let known = |patterns: &Patterns| patterns.get(&(form, field)).map(|p| p.as_ref().map(|p| p.hash_with(ids)));
    if let Some(hash) = known(&PATTERNS.lock().unwrap_or_else(PoisonError::into_inner)) {
        return hash;
    }
    let made = make();
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    patterns.entry((form, field)).or_insert(made).as_ref().map(|pattern| pattern.hash_with(ids))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn a_hash_by_its_pattern_is_that_of_the_change_itself(bytes in any::<[u8; 16]>()) {
            let id = DocumentId(bytes);
            for form in Form::ALL {
                prop_assert_eq!(root_hash(id, form), root_change(id, form).hash());
                for field in form.fields().iter().filter(|field| field.is_text()) {
                    prop_assert_eq!(field_hash(id, form, field.name), field_change(id, form, field.name).hash());
                }
            }
        }
    }

    #[test]
    fn every_root_and_every_text_has_a_pattern_and_a_newer_versions_field_is_made() {
        for form in Form::ALL {
            let ids = [root_actor(PATTERN, form).0.to_vec(), root_message(PATTERN, form).into_bytes()];
            assert!(Pattern::of(&root_change(PATTERN, form), &ids).is_some(), "{form}");
            for field in form.fields().iter().filter(|field| field.is_text()) {
                let ids = [
                    root_hash(PATTERN, form).0.to_vec(),
                    field_actor(PATTERN, field.name).0.to_vec(),
                    root_actor(PATTERN, form).0.to_vec(),
                ];
                let change = field_change(PATTERN, form, field.name);
                assert!(Pattern::of(&change, &ids).is_some(), "{form} {}", field.name);
            }
        }
        let newer = field_change(PATTERN, Form::VisitNote, "of.a.newer_version").hash();
        assert_eq!(field_hash(PATTERN, Form::VisitNote, "of.a.newer_version"), newer);
    }
}
