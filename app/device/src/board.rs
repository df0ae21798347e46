//! 申し送り as it is typed: the board begins with its first word, and a line that a colleague wrote meanwhile never
//! counts as read because it was merged.

use crate::document::BOARD;
use crate::error::DeviceError;
use crate::note::JournalEntryOf;
use crate::phone::Phone;
use jiff::Timestamp;
use record::visit_note::Draft;
use record::visit_note::draft::READ_MARK;
use record::{Form, PatientId, StaffId};
use std::collections::BTreeMap;

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
        if self.read(|tx| Ok(tx.note(board)?.is_none()))? {
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
            if let Some(stored) = tx.note(board)? {
                self.take_foreign_line(tx, stored, BOARD)?;
            }
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
        let mut unread = BTreeMap::new();
        for row in self.document_rows(Form::Handover, None)? {
            let Ok(board) = self.board(&row.patient) else { continue };
            if board.unread {
                unread.insert(row.patient, board.added.len() as u64);
            }
        }
        Ok(unread)
    }
}

/// Whether the board stands as this person last read it.
fn has_read(draft: &Draft, staff: &StaffId) -> Result<bool, DeviceError> {
    let seen = draft.text_when_set(&format!("{READ_MARK}{staff}"), BOARD)?;
    Ok(seen.unwrap_or_default() == draft.stored_text(BOARD)?)
}
