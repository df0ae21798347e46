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

/// Whose hand last changed something, and when by that device's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWriter {
    pub staff: Option<StaffId>,
    pub at: Option<Timestamp>,
}

impl Draft {
    /// Who last changed a text: `None` while nobody has written in it. Of changes that did not know of each other the one
    /// with the later clock, so that every device names the same hand. Looks back no further than that change.
    pub fn last_writer(&mut self, text: &str) -> Result<Option<LastWriter>, DraftError> {
        let authors = self.authors()?;
        let mut changes = self.late_changes(&[]);
        changes.sort_by_key(|change| std::cmp::Reverse((change.at(), change.hash())));
        for change in changes {
            if self.text_with(text, &change.parents())? != self.text_with(text, &[change.hash()])? {
                let staff = change.device().and_then(|device| authors.get(&device).cloned());
                return Ok(Some(LastWriter { staff, at: change.at() }));
            }
        }
        Ok(None)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Form;
    use crate::ids::DocumentId;
    use crate::visit_note::Actor;

    #[test]
    fn who_reads_a_board_is_not_who_wrote_it_last() -> Result<(), Box<dyn std::error::Error>> {
        let (id, board) = (DocumentId([1; 16]), Form::Handover.field("board")?);
        let (nurse_a, nurse_b): (StaffId, StaffId) = ("nurse-a".parse()?, "nurse-b".parse()?);
        let actor = |n| Actor { device: DeviceId([n; 8]), session: [n; 8] };
        let by = |staff: &StaffId, second| -> Result<_, jiff::Error> {
            Ok(Some(LastWriter { staff: Some(staff.clone()), at: Some(Timestamp::from_second(second)?) }))
        };
        let mut first = Draft::new(id, Form::Handover, actor(1));
        first.written_by(&nurse_a);
        assert_eq!(first.last_writer("board")?, None);
        first.edit_text(board, "", "鍵は管理人室。", Timestamp::from_second(10)?)?;
        let mut second = Draft::load(id, Form::Handover, &first.save(), &[], actor(2))?;
        second.written_by(&nurse_b);
        second.mark_read(&nurse_b, Timestamp::from_second(20)?)?;
        assert_eq!(second.last_writer("board")?, by(&nurse_a, 10)?);
        second.edit_text(board, "鍵は管理人室。", "鍵は郵便受け。", Timestamp::from_second(30)?)?;
        assert_eq!(second.last_writer("board")?, by(&nurse_b, 30)?);
        Ok(())
    }
}
