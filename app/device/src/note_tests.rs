use super::*;
use crate::testing::{Desk, NOW, Outcome};
use record::visit_note::DraftError;
use record::visit_note::changes::{ENTRY_LIMIT, decode};

/// A copied phone wrote beside this one, and all of it is more than an entry may hold: none can be made of the note.
fn grow_beyond_an_entry(phone: &Phone, note: DocumentId) -> Result<(), DeviceError> {
    phone.write(|tx| {
        let mut open = OpenNote::load(tx, note, phone.hand())?;
        let form = open.row.form;
        let copied_phone = record::visit_note::Actor { session: [7; 8], ..phone.actor() };
        let mut copied = Draft::load(note, form, &open.draft.save(), &[], copied_phone)?;
        copied.set(form.field("pulse_bpm")?, FieldValue::Number(70.0), NOW)?;
        open.draft.set(form.field("companion")?, FieldValue::Word("x".repeat(ENTRY_LIMIT)), NOW)?;
        let beside = decode(note, form, Encoding::Columns, &copied.columns()).map_err(DraftError::from)?;
        open.draft.apply(&beside)?;
        open.dirty = true;
        open.compact(tx)
    })
}

#[test]
fn a_note_that_no_entry_can_hold_stays_unsent_and_counted_and_the_others_go() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let (endless, other) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
    grow_beyond_an_entry(&phone, endless)?;
    for _ in 0..2 {
        let offered: Vec<DocumentId> = phone.load_request()?.entries.iter().map(|entry| entry.doc).collect();
        assert_eq!(offered, [other]);
        assert_eq!(phone.read(|tx| Ok(tx.dirty_notes()?))?, [endless]);
        assert_eq!(phone.read(|tx| Ok(tx.unsent_notes()?))?, 2);
    }
    Ok(())
}

#[test]
fn a_half_typed_time_that_was_taken_back_is_signed_by_nobody() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let note = desk.note(&phone, "p-1")?;
    let started = phone.show_note(note)?.view.time("started_at");
    for typed in ["143", ""] {
        phone.keep_typed(&JournalEntryOf { note, field: "started_at", shown: "", typed }, NOW)?;
    }
    phone.confirm_note(note, NOW)?;
    let shown = phone.show_note(note)?;
    assert!(started.is_some() && shown.state == NoteState::Confirmed);
    assert_eq!(shown.view.time("started_at"), started);
    Ok(())
}
