//! 訪問看護記録書Ⅱ — draft (a CRDT), confirmation (frozen and signed), proposed amendments.

pub mod changes;
pub mod confirmed;
pub mod draft;
pub mod fields;

pub use changes::{ChangeError, Encoding, IncomingChange};
pub use confirmed::{ConfirmError, ConfirmationError, Confirmed, FrozenNote, SignedConfirmation};
pub use draft::{About, Actor, Conflict, ConflictValue, Draft, DraftError, NewEntry, NoteView, RawChange};
pub use fields::{FIELDS, Field, FieldError, FieldKind, FieldValue, NumberRange, TEXT_FIELDS};

use crate::ids::ContentHash;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A note in one of its lives. Only a draft can be edited: the confirmed one has no method for it.
pub enum VisitNote {
    Draft(Box<Draft>),
    Confirmed(Box<Confirmed>),
}

/// Where a note stands, for lists and wires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteState {
    /// 記録中
    Draft,
    /// 確定済
    Confirmed,
    /// Two confirmations stand and no hub has ordered them, or the manager has not decided.
    Competing,
}

impl VisitNote {
    /// A note out of its document and the confirmations that arrived for it, in the order of their receipt.
    pub fn from_parts(draft: Draft, mut confirmations: Vec<SignedConfirmation>) -> Result<Self, ConfirmationError> {
        if confirmations.is_empty() {
            return Ok(VisitNote::Draft(Box::new(draft)));
        }
        let first = confirmations.remove(0);
        Ok(VisitNote::Confirmed(Box::new(Confirmed::new(first, confirmations, draft)?)))
    }

    pub fn state(&self) -> NoteState {
        match self {
            VisitNote::Draft(_) => NoteState::Draft,
            VisitNote::Confirmed(note) if note.competing().is_empty() => NoteState::Confirmed,
            VisitNote::Confirmed(_) => NoteState::Competing,
        }
    }

    /// What stands on the screen: the draft's present content, or the frozen one.
    pub fn view(&self) -> Result<NoteView, DraftError> {
        match self {
            VisitNote::Draft(draft) => draft.view(),
            VisitNote::Confirmed(note) => note.view(),
        }
    }
}

/// 訂正 — a change proposed to a confirmed note. Nothing enters the confirmed text by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amendment {
    /// Derived from the note, the field and the content, so that every device numbers it alike.
    pub id: ContentHash,
    pub field: String,
    pub before: Option<FieldValue>,
    pub after: Option<FieldValue>,
    pub staff: Option<crate::ids::StaffId>,
    pub at: Option<Timestamp>,
    pub reason: String,
    pub state: AmendmentState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmendmentState {
    Proposed,
    Accepted,
    Declined,
}
