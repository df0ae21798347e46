//! 更新履歴: every version of a document, who made it, and what it changed. Any two versions can be set side by side.

use super::IncomingChange;
use super::draft::{Draft, DraftError, NoteView};
use super::fields::FieldValue;
use crate::ids::{ChangeHash, DeviceId, StaffId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// One change a person made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Version {
    pub version: ChangeHash,
    /// The versions it was made upon; more than one where two people's work came together.
    pub upon: Vec<ChangeHash>,
    /// Device's clock.
    pub at: Option<Timestamp>,
    pub device: Option<DeviceId>,
    pub staff: Option<StaffId>,
    pub changed: Vec<FieldChange>,
}

/// What one field read before and reads after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    pub field: String,
    pub before: Option<FieldValue>,
    pub after: Option<FieldValue>,
}

pub(super) fn of(draft: &mut Draft) -> Result<Vec<Version>, DraftError> {
    let authors = draft.authors()?;
    let changes = draft.late_changes(&[]);
    // In a straight line each version is the next one's "before": read it once.
    let mut views: HashMap<Vec<ChangeHash>, NoteView> = HashMap::new();
    let mut versions = Vec::with_capacity(changes.len());
    for change in changes {
        let (upon, here) = (change.parents(), vec![change.hash()]);
        let before = match views.remove(&upon) {
            Some(view) => view,
            None => draft.view_at(&upon)?,
        };
        let after = draft.view_at(&here)?;
        versions.push(version(&change, upon, &authors, &before, &after));
        views.insert(here, after);
    }
    Ok(versions)
}

fn version(
    change: &IncomingChange,
    upon: Vec<ChangeHash>,
    authors: &std::collections::BTreeMap<DeviceId, StaffId>,
    before: &NoteView,
    after: &NoteView,
) -> Version {
    let device = change.device();
    Version {
        version: change.hash(),
        upon,
        at: change.at(),
        device,
        staff: device.and_then(|device| authors.get(&device).cloned()),
        changed: difference(before, after),
    }
}

/// What reads otherwise in the second of two versions. A field in conflict reads as nothing until it is settled.
pub fn difference(before: &NoteView, after: &NoteView) -> Vec<FieldChange> {
    let names: BTreeSet<&String> = before.fields.keys().chain(after.fields.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.fields.get(*name) != after.fields.get(*name))
        .map(|name| FieldChange {
            field: name.clone(),
            before: before.fields.get(name).cloned(),
            after: after.fields.get(name).cloned(),
        })
        .collect()
}
