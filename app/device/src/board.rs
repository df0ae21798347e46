//! 申し送り as it is typed: the board begins with its first word, and a line that a colleague wrote meanwhile never
//! counts as read because it was merged.

use crate::document::BOARD;
use crate::error::DeviceError;
use crate::note::{JournalEntryOf, OpenNote};
use crate::phone::Phone;
use jiff::Timestamp;
use protocol::Kind;
use record::visit_note::Draft;
use record::visit_note::draft::READ_MARK;
use record::{ChangeHash, DocumentId, Form, PatientId, StaffId};
use std::collections::BTreeMap;
use vault::{NoteRow, Tx};

/// By board: its versions as they were read, and how many lines were new to this nurse. A board is opened again once its row
/// names other versions.
pub(crate) type KnownBoards = BTreeMap<DocumentId, (Vec<ChangeHash>, Option<u64>)>;

impl Phone {
    /// Keeps what is being typed on a board until it becomes a change. One that nobody has written on begins here.
    pub fn keep_on_board(
        &self,
        patient: &PatientId,
        shown: &str,
        typed: &str,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let (board, form) = self.board_of(patient);
        if self.read(|tx| Ok(tx.note_row(board)?.is_none()))? {
            self.write(|tx| self.begin(tx, (board, form), patient, now).map(|_| ()))?;
        }
        self.keep_typed(&JournalEntryOf { note: board, field: BOARD, shown, typed }, now)
    }

    /// Edits the board: what the field showed when typing began, and what stands in it now. Who writes has read what she
    /// wrote; what she had not read before stays unread.
    pub fn edit_board(&self, patient: &PatientId, shown: &str, typed: &str, now: Timestamp) -> Result<(), DeviceError> {
        let me = &self.identity().staff;
        let (board, form) = self.board_of(patient);
        self.write(|tx| {
            self.take_foreign_line(tx, board, BOARD)?;
            let mut open = self.begin(tx, (board, form), patient, now)?;
            let had_read_all = has_read(&open.draft, me)?;
            let change = open.draft.edit_text(Form::Handover.field(BOARD)?, shown, typed, now)?;
            let is_written = change.is_some();
            open.store(tx, change, now)?;
            if is_written && had_read_all {
                let change = open.draft.mark_read(me, now)?;
                open.store(tx, change, now)?;
            }
            Ok(tx.clear_journal(board, BOARD)?)
        })?;
        self.changed();
        Ok(())
    }

    /// The boards that this nurse has not read to the end, each with how many lines are new to her; none are where words
    /// were only taken away. A board that cannot be read is left out: its own screen says so.
    pub fn unread_on_boards(&self) -> Result<BTreeMap<PatientId, u64>, DeviceError> {
        self.read(|tx| {
            let mut unread = BTreeMap::new();
            for row in tx.note_rows(Form::Handover, None)? {
                if let Ok(Some(lines)) = self.new_on(tx, &row) {
                    unread.insert(row.patient, lines);
                }
            }
            Ok(unread)
        })
    }

    /// The same of these patients alone.
    pub fn unread_of(&self, patients: &[PatientId]) -> Result<BTreeMap<PatientId, u64>, DeviceError> {
        self.read(|tx| {
            let mut unread = BTreeMap::new();
            for patient in patients {
                if let Ok(Some(lines)) = self.unread_lines(tx, patient) {
                    unread.insert(patient.clone(), lines);
                }
            }
            Ok(unread)
        })
    }

    /// Whether something stands on a patient's board that this nurse has not read.
    pub fn board_unread(&self, patient: &PatientId) -> Result<bool, DeviceError> {
        let (board, _) = self.board_of(patient);
        self.read(|tx| match tx.note_row(board)? {
            Some(row) => Ok(self.new_on(tx, &row)?.is_some()),
            None if tx.items(Kind::Patient, Some(patient))?.is_empty() => {
                Err(DeviceError::UnknownPatient(patient.clone()))
            }
            None => Ok(false),
        })
    }

    /// How many lines of a patient's board are new to this nurse; `None`: she has read it as it stands, or there is none.
    pub(crate) fn unread_lines(&self, tx: &mut Tx<'_>, patient: &PatientId) -> Result<Option<u64>, DeviceError> {
        let (board, _) = self.board_of(patient);
        match tx.note_row(board)? {
            Some(row) => self.new_on(tx, &row),
            None => Ok(None),
        }
    }

    /// The same of a board whose row is known.
    pub(crate) fn new_on(&self, tx: &mut Tx<'_>, row: &NoteRow) -> Result<Option<u64>, DeviceError> {
        if let Some((_, lines)) = self.known_boards().get(&row.note).filter(|(heads, _)| *heads == row.heads) {
            return Ok(*lines);
        }
        let stored = tx.note(row.note)?.ok_or(DeviceError::UnknownNote(row.note))?;
        let mut open = OpenNote::from_stored(stored, self.hand())?;
        let seen = seen_by(&open.draft, &self.identity().staff)?;
        let lines = match seen == open.draft.stored_text(BOARD)? {
            true => None,
            false => Some(new_lines(open.draft.view()?.text(BOARD), &seen).len() as u64),
        };
        // What its versions name is read once; a row that does not name them says nothing.
        let heads = open.draft.heads();
        if heads == row.heads {
            self.known_boards().insert(row.note, (heads, lines));
        }
        Ok(lines)
    }
}

/// The board as this person last read it.
pub(crate) fn seen_by(draft: &Draft, staff: &StaffId) -> Result<String, DeviceError> {
    Ok(draft.text_when_set(&format!("{READ_MARK}{staff}"), BOARD)?.unwrap_or_default())
}

/// Lines that were not there when the board was last read.
pub(crate) fn new_lines(text: &str, seen: &str) -> Vec<String> {
    let known: Vec<&str> = seen.lines().collect();
    let new = text.lines().filter(|line| !line.trim().is_empty() && !known.contains(line));
    new.map(str::to_string).collect()
}

/// Whether the board stands as this person last read it.
fn has_read(draft: &Draft, staff: &StaffId) -> Result<bool, DeviceError> {
    Ok(seen_by(draft, staff)? == draft.stored_text(BOARD)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Hand;
    use crate::testing::{Desk, NOW, Outcome, later};
    use record::DeviceId;
    use record::visit_note::Actor;

    /// Lines that came from a colleague's phone.
    fn colleague_writes(phone: &Phone, patient: &PatientId, shown: &str, typed: &str, now: Timestamp) -> Outcome {
        let staff: StaffId = "nurse-b".parse()?;
        let hand = Hand { actor: Actor { device: DeviceId([7; 8]), session: [7; 8] }, staff: &staff };
        phone.write(|tx| {
            let mut open = OpenNote::load_or_new(tx, phone.board_of(patient), patient, None, hand, now)?;
            let change = open.draft.edit_text(Form::Handover.field(BOARD)?, shown, typed, now)?;
            open.store(tx, change, now)
        })?;
        Ok(())
    }

    #[test]
    fn a_board_is_read_again_for_its_mark_once_somebody_wrote_or_read() -> Outcome {
        let desk = Desk::new()?;
        let (phone, patient): (Phone, PatientId) = (desk.unlock(NOW)?, "p-1".parse()?);
        let marked = || phone.unread_of(std::slice::from_ref(&patient)).map(|unread| unread.get(&patient).copied());
        assert_eq!((marked()?, phone.board_unread(&patient)?), (None, false), "nobody has written on it");
        colleague_writes(&phone, &patient, "", "鍵は管理人室。", later(1))?;
        assert_eq!(marked()?, Some(1));
        colleague_writes(&phone, &patient, "鍵は管理人室。", "鍵は管理人室。\n犬がいる。", later(2))?;
        assert_eq!(marked()?, Some(2));
        assert_eq!(phone.unread_on_boards()?.get(&patient), Some(&2));
        // Another window of the same vault.
        desk.unlock(later(3))?.mark_board_read(&patient, later(3))?;
        assert_eq!((marked()?, phone.board_unread(&patient)?), (None, false));
        assert!(phone.unread_on_boards()?.is_empty());
        colleague_writes(&phone, &patient, "鍵は管理人室。\n犬がいる。", "犬がいる。", later(4))?;
        assert_eq!(marked()?, Some(0), "words were only taken away");
        Ok(())
    }

    #[test]
    fn a_locked_phone_knows_no_board() -> Outcome {
        let desk = Desk::new()?;
        let (phone, patient): (Phone, PatientId) = (desk.unlock(NOW)?, "p-1".parse()?);
        colleague_writes(&phone, &patient, "", "鍵は管理人室。", later(1))?;
        assert!(phone.board_unread(&patient)? && !phone.known_boards().is_empty());
        phone.suspend();
        assert!(phone.board_unread(&patient).is_err() && phone.known_boards().is_empty());
        Ok(())
    }
}
