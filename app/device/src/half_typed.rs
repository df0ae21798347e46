//! 書きかけ: what was typed about a note and nobody has signed yet — a correction, a reason for closing it. It stands in no
//! document: only in the crash journal, sealed, under names that no field has, until the act is signed or thrown away.
//!
//! A wipe does not bring it to the hub, as it brings what was typed in a note: nobody has decided to say it. A note about
//! which something was begun stays on this phone, as one in which something is being typed.

use crate::error::DeviceError;
use crate::phone::Phone;
use jiff::Timestamp;
use record::DocumentId;
use std::collections::BTreeMap;
use vault::{JournalEntry, Tx, VaultError};

/// No field's name begins so.
const ACT: &str = "act:";
const AFTER: &str = "act:after:";
const REASON: &str = "act:reason:";
const CLOSING: &str = "act:closing";

/// 訂正 that nobody has signed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HalfCorrection {
    /// The new value as it was typed; an empty one takes the field's away. `None`: nothing was said of it yet.
    pub after: Option<String>,
    pub reason: String,
}

impl std::fmt::Debug for HalfCorrection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HalfCorrection").finish_non_exhaustive()
    }
}

/// What was begun about a note.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HalfTyped {
    /// By field.
    pub corrections: BTreeMap<String, HalfCorrection>,
    /// The field of the correction that was typed last.
    pub last: Option<String>,
    pub closing_reason: String,
}

impl std::fmt::Debug for HalfTyped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HalfTyped").field("fields", &self.corrections.keys()).finish_non_exhaustive()
    }
}

impl Phone {
    /// What was begun about a note, by whichever unlock, and neither signed nor thrown away.
    pub fn half_typed(&self, note: DocumentId) -> Result<HalfTyped, DeviceError> {
        self.read(|tx| {
            let (mut half, mut latest) = (HalfTyped::default(), None::<Timestamp>);
            for line in tx.journal()?.into_iter().filter(|line| line.note == note) {
                if line.field == CLOSING {
                    half.closing_reason = line.typed;
                    continue;
                }
                let (after, reason) = (line.field.strip_prefix(AFTER), line.field.strip_prefix(REASON));
                let Some(field) = after.or(reason) else { continue };
                if latest.is_none_or(|latest| latest <= line.at) {
                    (latest, half.last) = (Some(line.at), Some(field.to_string()));
                }
                let correction = half.corrections.entry(field.to_string()).or_default();
                if after.is_some() {
                    correction.after = Some(line.typed);
                } else {
                    correction.reason = line.typed;
                }
            }
            Ok(half)
        })
    }

    /// Keeps a correction as far as it was typed. Cheap, as a line of the journal is; an empty one is thrown away.
    pub fn keep_correction(
        &self,
        note: DocumentId,
        field: &str,
        half: &HalfCorrection,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let reason = Some(half.reason.as_str()).filter(|reason| !reason.is_empty());
        self.write(|tx| {
            self.keep_line(tx, note, format!("{AFTER}{field}"), half.after.as_deref(), now)?;
            self.keep_line(tx, note, format!("{REASON}{field}"), reason, now)
        })
    }

    /// Keeps the reason for closing a note as far as it was typed; an empty one is thrown away.
    pub fn keep_closing_reason(&self, note: DocumentId, reason: &str, now: Timestamp) -> Result<(), DeviceError> {
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        self.write(|tx| self.keep_line(tx, note, CLOSING.to_string(), reason, now))
    }

    fn keep_line(
        &self,
        tx: &mut Tx<'_>,
        note: DocumentId,
        name: String,
        typed: Option<&str>,
        at: Timestamp,
    ) -> Result<(), DeviceError> {
        let Some(typed) = typed else { return Ok(tx.clear_journal(note, &name)?) };
        let patient = tx.note_row(note)?.ok_or(DeviceError::UnknownNote(note))?.patient;
        let (shown, typed, session) = (String::new(), typed.to_string(), self.session());
        Ok(tx.put_journal(&patient, &JournalEntry { note, field: name, shown, typed, at, session })?)
    }
}

/// Whether a line of the journal is of an act and of no field: it becomes no change of a document.
pub(crate) fn is_of_act(line: &JournalEntry) -> bool {
    line.field.starts_with(ACT)
}

/// The correction is signed (same transaction).
pub(crate) fn forget_correction(tx: &mut Tx<'_>, note: DocumentId, field: &str) -> Result<(), VaultError> {
    tx.clear_journal(note, &format!("{AFTER}{field}"))?;
    tx.clear_journal(note, &format!("{REASON}{field}"))
}

/// The note is closed (same transaction).
pub(crate) fn forget_closing(tx: &mut Tx<'_>, note: DocumentId) -> Result<(), VaultError> {
    tx.clear_journal(note, CLOSING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::JournalEntryOf;
    use crate::testing::{Desk, NOW, Outcome, later};
    use record::visit_note::NoteState;

    const FIELD: &str = "temperature_c";
    const REASON_TYPED: &str = "転記誤り。体温表では";

    fn half(after: Option<&str>, reason: &str) -> HalfCorrection {
        HalfCorrection { after: after.map(str::to_string), reason: reason.to_string() }
    }

    #[test]
    fn a_phone_that_died_while_a_correction_was_typed_shows_it_when_it_opens_again() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.confirmed_note(&phone, "p-1")?;
        phone.keep_correction(note, FIELD, &half(Some("36.8"), "転記"), later(1))?;
        phone.keep_correction(note, FIELD, &half(Some("36.8"), REASON_TYPED), later(2))?;
        phone.keep_correction(note, "pulse_bpm", &half(Some(""), ""), later(1))?;
        // Nothing is said to it before it goes.
        drop(phone);
        let phone = desk.unlock(later(3_600))?;
        let found = phone.half_typed(note)?;
        assert!(found.corrections.get(FIELD) == Some(&half(Some("36.8"), REASON_TYPED)));
        assert!(found.corrections.get("pulse_bpm") == Some(&half(Some(""), "")), "a value that is to be taken away");
        assert_eq!(found.last.as_deref(), Some(FIELD));
        let shown = phone.show_note(note)?;
        assert!(shown.amendments.is_empty(), "nobody has signed anything");
        assert!(!desk.lies_open(REASON_TYPED)?, "and it lies nowhere in clear");
        Ok(())
    }

    #[test]
    fn a_correction_goes_from_the_journal_when_it_is_signed_and_not_when_it_is_refused() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.confirmed_note(&phone, "p-1")?;
        let typed = half(Some("368"), REASON_TYPED);
        phone.keep_correction(note, FIELD, &typed, later(1))?;
        assert!(phone.amend_note(note, FIELD, "368", REASON_TYPED, later(2)).is_err(), "no temperature");
        assert!(phone.half_typed(note)?.corrections.get(FIELD) == Some(&typed));
        phone.amend_note(note, FIELD, "36.8", REASON_TYPED, later(3))?;
        assert!(phone.half_typed(note)? == HalfTyped::default());
        phone.keep_correction(note, FIELD, &typed, later(4))?;
        phone.keep_correction(note, FIELD, &HalfCorrection::default(), later(5))?;
        assert!(phone.half_typed(note)? == HalfTyped::default(), "thrown away");
        Ok(())
    }

    #[test]
    fn a_half_typed_reason_for_closing_survives_and_becomes_no_part_of_the_note() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let typed = JournalEntryOf { note, field: "condition", shown: "", typed: "安定。" };
        phone.keep_typed(&typed, later(1))?;
        phone.keep_closing_reason(note, "練習で開い", later(2))?;
        drop(phone);
        let phone = desk.unlock(later(3_600))?;
        assert_eq!(phone.half_typed(note)?.closing_reason, "練習で開い");
        let view = phone.show_note(note)?.view;
        assert_eq!(view.text("condition"), "安定。", "what was typed in a field is a change now");
        assert!(view.word("outcome_reason").is_none());
        phone.confirm_note(note, later(3_601))?;
        assert_eq!(phone.half_typed(note)?.closing_reason, "練習で開い", "a confirmed note is closed too");
        phone.close_note(note, "discarded", "練習で開いた", None, later(3_602))?;
        assert!(phone.half_typed(note)? == HalfTyped::default());
        assert_eq!(phone.show_note(note)?.state, NoteState::Closed);
        Ok(())
    }

    #[test]
    fn what_is_half_typed_of_one_note_is_not_of_another() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (mine, other) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        phone.keep_closing_reason(mine, "外出", later(1))?;
        assert_eq!(phone.half_typed(other)?.closing_reason, "");
        assert!(phone.keep_closing_reason(DocumentId([7; 16]), "x", later(1)).is_err(), "no such note");
        assert!(!format!("{:?}", phone.half_typed(mine)?).contains("外出"), "never in a log");
        Ok(())
    }
}
