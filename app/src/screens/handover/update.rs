//! The board of a patient: how it stands to the nurse who looks at it, and who has read what.

use device::document::{HandoverShown, Reader};
use device::record::PatientId;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has written anything.
    Blank,
    /// Lines that she has not read.
    New,
    /// Something was taken away since she read it.
    Shortened,
    Read,
}

pub fn standing(board: &HandoverShown) -> Standing {
    match (board.unread, board.added.is_empty()) {
        (true, false) => Standing::New,
        (true, true) => Standing::Shortened,
        (false, _) if board.text.trim().is_empty() => Standing::Blank,
        (false, _) => Standing::Read,
    }
}

/// What a patient's card says of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    Nothing,
    /// So many lines are new; none where words were only taken away.
    Lines(u64),
    /// The vault cannot say.
    Unknown,
}

/// `boards`: those with something new, by patient; `None` if they cannot be read.
pub fn unread_of(boards: Option<&BTreeMap<PatientId, u64>>, patient: &PatientId) -> Unread {
    match boards.map(|boards| boards.get(patient)) {
        None => Unread::Unknown,
        Some(None) => Unread::Nothing,
        Some(Some(lines)) => Unread::Lines(*lines),
    }
}

/// Who has read the board as it stands, and who has read an earlier one; the latest first.
pub fn readers(board: &HandoverShown) -> (Vec<&Reader>, Vec<&Reader>) {
    let mut all: Vec<&Reader> = board.readers.iter().collect();
    all.sort_by_key(|reader| std::cmp::Reverse(reader.at));
    all.into_iter().partition(|reader| reader.current)
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::Timestamp;
    use device::record::DocumentId;

    fn board(text: &str, unread: bool, added: &[&str]) -> HandoverShown {
        HandoverShown {
            board: DocumentId([1; 16]),
            text: text.to_string(),
            unread,
            added: added.iter().map(|line| (*line).to_string()).collect(),
            readers: Vec::new(),
            written: None,
            equal_edits: false,
            changed_at: None,
        }
    }

    #[test]
    fn a_board_that_was_emptied_is_unread_and_one_that_nobody_began_is_blank() {
        assert_eq!(standing(&board("", false, &[])), Standing::Blank);
        assert_eq!(standing(&board("", true, &[])), Standing::Shortened);
        assert_eq!(standing(&board("鍵は管理人室。", true, &["鍵は管理人室。"])), Standing::New);
        assert_eq!(standing(&board("鍵は管理人室。", false, &[])), Standing::Read);
    }

    #[test]
    fn a_board_that_cannot_be_read_is_not_one_without_news() -> Result<(), Box<dyn std::error::Error>> {
        let (new, quiet): (PatientId, PatientId) = ("p-1".parse()?, "p-2".parse()?);
        let boards = BTreeMap::from([(new.clone(), 3)]);
        assert_eq!(unread_of(Some(&boards), &new), Unread::Lines(3));
        assert_eq!(unread_of(Some(&boards), &quiet), Unread::Nothing);
        assert_eq!(unread_of(None, &quiet), Unread::Unknown);
        Ok(())
    }

    #[test]
    fn who_read_an_earlier_text_is_not_named_among_those_who_know_the_present_one()
    -> Result<(), Box<dyn std::error::Error>> {
        let reader = |staff: &str, second, current| -> Result<Reader, Box<dyn std::error::Error>> {
            Ok(Reader { staff: staff.parse()?, at: Timestamp::from_second(second)?, current })
        };
        let mut shown = board("鍵は管理人室。", false, &[]);
        shown.readers = vec![reader("a", 10, true)?, reader("b", 30, false)?, reader("c", 20, true)?];
        let (now, before) = readers(&shown);
        assert_eq!(now.iter().map(|r| r.staff.as_str()).collect::<Vec<_>>(), ["c", "a"]);
        assert_eq!(before.iter().map(|r| r.staff.as_str()).collect::<Vec<_>>(), ["b"]);
        Ok(())
    }
}
