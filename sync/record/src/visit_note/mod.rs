//! 訪問看護記録書Ⅱ — draft (a CRDT), confirmation (frozen and signed), proposed amendments.

pub mod amendment;
pub mod changes;
pub mod confirmed;
pub mod draft;
mod equal_edits;
pub mod fields;
pub mod history;
pub mod photos;
pub mod required;
pub mod signed;
mod value_wire;

pub use amendment::{Act, Acts, Amendment, AmendmentState, Correction, Proposal, SignedAct, What};
pub use changes::{ChangeError, Encoding, Incoming, IncomingChange};
pub use confirmed::{Confirmed, FrozenNote, SignedConfirmation, confirmed_values};
pub use draft::{About, Actor, Conflict, ConflictValue, Draft, DraftError, MadeChange, NewEntry, NoteView, RawChange};
pub use fields::{FIELDS, Field, FieldError, FieldKind, FieldValue, Group, NumberRange, TEXT_FIELDS};
pub use history::{FieldChange, LastWriter, Version};
pub use photos::{NewPhoto, NotePhoto};
pub use required::{ConfirmContext, ConfirmError};
pub use signed::{ConfirmationError, KeyValidity, Verdict};

use crate::ids::ContentHash;
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
    /// Several confirmations stand and the manager has not chosen one.
    Competing,
    /// Closed with a reason: wrong patient, duplicate, discarded. Kept and readable.
    Closed,
}

impl NoteState {
    /// How a note stands, by its confirmations and the acts about it. `reads_closed`: what it reads says so itself.
    /// Which of several confirmations stands is settled before anything else.
    pub fn of(confirmations: &[ContentHash], acts: &Acts, reads_closed: bool) -> Self {
        let stands = match confirmations {
            [] => return if reads_closed { NoteState::Closed } else { NoteState::Draft },
            [only] => *only,
            several => match acts.chosen() {
                Some(chosen) if several.contains(&chosen) && acts.choice_knew(several) => chosen,
                _ => return NoteState::Competing,
            },
        };
        if reads_closed || acts.is_closed_on(stands) { NoteState::Closed } else { NoteState::Confirmed }
    }

    /// Whether a person may do this to a note that stands so. While confirmations compete, a decision about a late edit and a
    /// closing wait for the choice: if another confirmation is chosen than the one they name, nothing of them is left. A
    /// correction may be made: it would be a proposal to the other one.
    pub fn allows(self, what: &What) -> bool {
        match what {
            What::Amend(_) | What::Choose { .. } => true,
            What::Accept(_) | What::Decline(_) | What::Close { .. } => self != NoteState::Competing,
        }
    }
}

impl VisitNote {
    /// A note out of its document, the confirmations that arrived for it in the order of their receipt, and the acts.
    pub fn from_parts(
        draft: Draft,
        confirmations: Vec<SignedConfirmation>,
        acts: &[SignedAct],
    ) -> Result<Self, ConfirmationError> {
        if confirmations.is_empty() {
            return Ok(VisitNote::Draft(Box::new(draft)));
        }
        Ok(VisitNote::Confirmed(Box::new(Confirmed::new(confirmations, acts, draft)?)))
    }

    pub fn state(&mut self) -> Result<NoteState, DraftError> {
        let view = self.view()?;
        Ok(self.state_of(&view))
    }

    /// How it stands, by what it reads: whoever has read it need not read it again.
    pub fn state_of(&self, view: &NoteView) -> NoteState {
        match self {
            VisitNote::Draft(_) => NoteState::of(&[], &Acts::default(), view.closed),
            VisitNote::Confirmed(note) => NoteState::of(&note.confirmations(), note.acts(), view.closed),
        }
    }

    /// What stands on the screen: the draft's present content, or the frozen one with its corrections.
    pub fn view(&mut self) -> Result<NoteView, DraftError> {
        match self {
            VisitNote::Draft(draft) => draft.view(),
            VisitNote::Confirmed(note) => note.view(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_confirmations_compete_only_what_outlives_the_choice_is_done() {
        let correction = Correction { field: "pulse_bpm".into(), before: None, after: None, over: Vec::new() };
        let hash = ContentHash([1; 32]);
        let proposal = Proposal {
            amendment: hash,
            by: None,
            at: None,
            value: None,
            correction: correction.clone(),
            over: Vec::new(),
        };
        let choose = What::Choose { confirmation: hash, among: vec![hash], over: Vec::new() };
        let close = What::Close { outcome: "duplicate".into(), copied_to: None };
        for (what, while_competing) in [
            (What::Amend(correction), true),
            (choose, true),
            (What::Accept(proposal.clone()), false),
            (What::Decline(proposal), false),
            (close, false),
        ] {
            assert_eq!(NoteState::Competing.allows(&what), while_competing, "{what:?}");
            assert!(NoteState::Confirmed.allows(&what), "{what:?}");
        }
    }
}
