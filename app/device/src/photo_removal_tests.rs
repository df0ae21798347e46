use super::*;
use crate::photo::PhotoSaid;
use crate::testing::{Desk, NOW, Outcome, later};
use protocol::Input;

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// A JPEG as far as its segments go; the picture itself shows nothing.
fn picture(shade: u8) -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| -> Vec<u8> {
        [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
    };
    [
        vec![0xff, 0xd8],
        segment(0xdb, &[1; 65]),
        segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![shade; 900],
        vec![0xff, 0xd9],
    ]
    .concat()
}

fn take(phone: &Phone, note: DocumentId, shade: u8) -> Result<ContentHash, DeviceError> {
    let said = PhotoSaid { body_site: "仙骨部", caption: "処置前", consent: true };
    phone.add_photo(note, &picture(shade), &said, NOW)
}

/// A sweep after the device ran so long.
fn sweep(phone: &Phone, seconds: u64) -> Result<u64, DeviceError> {
    let now = RunningTime::now();
    phone.sweep_photos(RunningTime { ms: now.ms + seconds * 1_000, ..now })
}

fn marks(phone: &Phone) -> Result<Vec<RemovedPhoto>, DeviceError> {
    phone.read(|tx| Ok(tx.removed_photos()?))
}

/// How many sealed copies a locked phone would bring.
fn copies(phone: &Phone) -> Result<usize, DeviceError> {
    phone.read(|tx| Ok(tx.copies(usize::MAX, usize::MAX)?.len()))
}

fn hub_says(phone: &Phone, seconds: i64) -> Result<(), DeviceError> {
    phone.write(|tx| {
        let mut state = tx.sync_state()?;
        state.last_hub_time = later(seconds).as_millisecond();
        Ok(tx.put_sync_state(&state)?)
    })
}

/// Every note has left this phone.
fn leave(phone: &Phone) -> Result<(), DeviceError> {
    phone.write(|tx| crate::note::freeze_all(tx, phone.hand()))
}

/// A note names a photo, and not by this phone's hand: nothing was said of the removal.
fn name_again(phone: &Phone, note: DocumentId, photo: &NotePhoto) -> Result<(), DeviceError> {
    phone.write(|tx| {
        let mut open = OpenNote::load(tx, note, phone.hand())?;
        let change = open.draft.put_photo_back(photo, NOW)?;
        open.store(tx, change, NOW)
    })
}

fn spoil(phone: &Phone, note: DocumentId) -> Result<(), DeviceError> {
    phone.write(|tx| {
        let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
        Ok(tx.put_note(&stored.row, Some(b"no document"), stored.dirty, stored.sent)?)
    })
}

fn is_here(phone: &Phone, hash: &ContentHash) -> Result<bool, DeviceError> {
    Ok(phone.kept_photo(hash)?.is_some())
}

#[test]
fn what_becomes_of_a_photo_follows_from_the_time_that_ran_and_what_the_hub_said() {
    let at = |boot: u8, ms: u64| RunningTime { boot: [boot; 16], ms };
    let (hash, notes) = (ContentHash([7; 32]), Vec::new());
    let undated = RemovedPhoto { hash, at: 0, left: false, notes, ran: None, heard: 50, since: None };
    let never_left = RemovedPhoto { ran: Some(at(1, 1_000)), ..undated.clone() };
    let left = RemovedPhoto { left: true, ..never_left.clone() };
    let waits = RemovedPhoto { since: Some(60), ..left.clone() };
    let ahead = RemovedPhoto { since: Some(400 * ONLY_COPY_MS), ..left.clone() };
    let (early, over, years) = (at(1, 1_000 + UNDO_MS - 1), at(1, 1_000 + UNDO_MS), at(1, u64::MAX));
    let cases = [
        (&never_left, early, 50, true, Fate::Waits),
        (&never_left, over, 50, true, Fate::Due),
        // Started anew since: only what ran in this start is certain.
        (&never_left, at(2, UNDO_MS - 1), 50, true, Fate::Waits),
        (&undated, at(2, UNDO_MS), 50, true, Fate::Due),
        // The hub holds it durably.
        (&left, early, 50, false, Fate::Waits),
        (&left, over, 50, false, Fate::Due),
        // It does not, and nothing was heard since.
        (&left, years, 50, true, Fate::Waits),
        (&left, early, 60, true, Fate::WaitsFrom(60)),
        (&waits, years, 60 + ONLY_COPY_MS - 1, true, Fate::Waits),
        (&waits, early, 60 + ONLY_COPY_MS, true, Fate::Waits),
        (&waits, over, 60 + ONLY_COPY_MS, true, Fate::Due),
        (&ahead, over, 70, true, Fate::WaitsFrom(70)),
    ];
    for (case, (removed, ran, hub, only_copy, becomes)) in cases.into_iter().enumerate() {
        assert_eq!(fate(removed, ran, hub, only_copy), becomes, "case {case}");
    }
}

#[test]
fn a_photo_that_was_taken_away_leaves_the_note_at_once_and_the_phone_when_nobody_wants_it_back() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let note = desk.note(&phone, "p-1")?;
    let (wrong, right) = (take(&phone, note, 1)?, take(&phone, note, 2)?);
    phone.remove_photo(note, wrong, later(10))?;
    let left: Vec<ContentHash> = phone.note_photos(note)?.into_iter().map(|shown| shown.photo.hash).collect();
    assert_eq!(left, [right]);
    assert_eq!(phone.photos_left()?, 1, "it is not sent any more");
    let at = marks(&phone)?[0].ran.ok_or("no time was noted")?;
    drop(phone);
    let phone = desk.unlock(later(9 * 365 * DAY))?;
    assert_eq!(phone.sweep_photos(RunningTime { ms: at.ms + UNDO_MS - 1, ..at })?, 0);
    assert!(is_here(&phone, &wrong)?, "she may still want it back");
    assert_eq!(phone.sweep_photos(RunningTime { ms: at.ms + UNDO_MS, ..at })?, 1);
    assert!(!is_here(&phone, &wrong)? && is_here(&phone, &right)?);
    assert_eq!((sweep(&phone, 9_000)?, phone.photos_left()?), (0, 1), "once is enough");
    Ok(())
}

#[test]
fn a_photo_is_put_back_with_its_words_while_its_bytes_are_here() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let note = desk.note(&phone, "p-1")?;
    let photo = take(&phone, note, 1)?;
    let before = phone.note_photos(note)?;
    let removed = phone.remove_photo(note, photo, later(10))?;
    assert!(removed.was_here && !format!("{removed:?}").contains("仙骨部"), "no words of it reach a log");
    phone.put_photo_back(note, &removed, later(20))?;
    assert!(phone.note_photos(note)? == before);
    assert_eq!((sweep(&phone, 9_000)?, phone.photos_left()?), (0, 1), "it stays, and it goes to the hub");
    let removed = phone.remove_photo(note, photo, later(9_000))?;
    assert_eq!(sweep(&phone, 9_000)?, 1);
    let late = phone.put_photo_back(note, &removed, later(18_001));
    assert!(matches!(late, Err(DeviceError::UnknownPhoto(hash)) if hash == photo));
    assert!(phone.note_photos(note)?.is_empty(), "no note names what is not there");
    Ok(())
}

#[test]
fn what_a_colleague_takes_away_stays_here_also_where_it_was_taken_away_and_put_back_before() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let note = desk.note(&phone, "p-1")?;
    let photo = take(&phone, note, 1)?;
    let removed = phone.remove_photo(note, photo, NOW)?;
    phone.put_photo_back(note, &removed, NOW)?;
    // As her change arrives: nothing was decided here.
    phone.write(|tx| {
        let mut open = OpenNote::load(tx, note, phone.hand())?;
        let change = open.draft.remove_photo(&photo, NOW)?;
        open.store(tx, change, NOW)
    })?;
    assert!(phone.note_photos(note)?.is_empty());
    assert_eq!(sweep(&phone, 9_000)?, 0);
    assert!(is_here(&phone, &photo)?);
    Ok(())
}

#[test]
fn the_same_picture_in_another_note_stays_and_goes_to_the_hub() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let (wrong, right) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
    let photo = take(&phone, wrong, 1)?;
    assert_eq!(take(&phone, right, 1)?, photo, "the same bytes have the same name");
    phone.remove_photo(wrong, photo, later(10))?;
    assert_eq!((phone.photos_left()?, sweep(&phone, 9_000)?), (1, 0));
    phone.remove_photo(right, photo, later(9_001))?;
    assert_eq!(phone.photos_left()?, 0, "taken away there too");
    take(&phone, right, 1)?;
    assert_eq!((phone.photos_left()?, sweep(&phone, 9_000)?), (1, 0));
    take(&phone, wrong, 1)?;
    phone.remove_photo(right, photo, later(30 * DAY))?;
    assert_eq!((phone.photos_left()?, sweep(&phone, 9_000)?), (1, 0), "however long ago it was taken into the other");
    assert!(is_here(&phone, &photo)?);
    Ok(())
}

#[test]
fn a_photo_of_a_note_that_was_copied_stays_for_the_copy() -> Outcome {
    // An old copy is not found by the removal, but by the sweep: the photo is sealed again.
    for (days, sent_meanwhile) in [(0, 1), (30, 0)] {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let wrong = desk.note(&phone, "p-1")?;
        let photo = take(&phone, wrong, 1)?;
        let copy = phone.close_note(wrong, "wrong_patient", "取り違え", Some(&"p-2".parse()?), NOW)?;
        let copy = copy.ok_or("nothing was copied")?;
        let before = copies(&phone)?;
        phone.remove_photo(wrong, photo, later(days * DAY))?;
        assert_eq!(phone.photos_left()?, sent_meanwhile);
        assert_eq!(sweep(&phone, 700)?, 0);
        assert_eq!((phone.photos_left()?, copies(&phone)?), (1, before + 1), "the change came, the photo stayed");
        assert!(marks(&phone)?.is_empty() && is_here(&phone, &photo)?);
        assert_eq!(phone.note_photos(copy)?.len(), 1);
    }
    Ok(())
}

#[test]
fn what_may_be_the_only_copy_waits_a_week_of_the_hubs_time_for_whoever_has_the_note_with_it() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let note = desk.note(&phone, "p-1")?;
    let (kept, received, durable) = (take(&phone, note, 1)?, take(&phone, note, 2)?, take(&phone, note, 3)?);
    hub_says(&phone, 0)?;
    // The note goes to the hub, and two of the photos do; one of them stands in a backup.
    leave(&phone)?;
    phone.write(|tx| {
        tx.mark_photo_received(&durable, 5)?;
        tx.mark_received(1, 10)?;
        tx.drop_durable(1, 20)?;
        Ok(tx.mark_photo_received(&received, 15)?)
    })?;
    let removed = phone.remove_photo(note, kept, NOW)?;
    phone.remove_photo(note, received, NOW)?;
    phone.remove_photo(note, durable, NOW)?;
    assert_eq!(sweep(&phone, 600)?, 1, "the one that stands in a backup");
    assert!(is_here(&phone, &kept)? && is_here(&phone, &received)? && !is_here(&phone, &durable)?);
    assert_eq!(phone.photos_left()?, 0, "and it is not sent");
    // Its clock was ahead and is set right, and the week counts from there.
    for said in [400 * WEEK, 3 * DAY, 3 * DAY + WEEK - 1] {
        hub_says(&phone, said)?;
        assert_eq!(sweep(&phone, 600)?, 0, "the hub says {said}");
    }
    // Somebody confirmed the note with one of them: here it is she herself, who has put it back.
    phone.put_photo_back(note, &removed, later(WEEK))?;
    phone.confirm_note(note, later(WEEK))?;
    hub_says(&phone, 3 * DAY + WEEK)?;
    assert_eq!(sweep(&phone, 600)?, 1, "nobody wanted the other");
    assert_eq!((is_here(&phone, &kept)?, is_here(&phone, &received)?, phone.photos_left()?), (true, false, 1));
    Ok(())
}

#[test]
fn whether_a_note_left_is_asked_of_all_that_the_picture_was_taken_into_and_of_sealed_copies_too() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let (first, second) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
    let photo = take(&phone, first, 1)?;
    leave(&phone)?;
    take(&phone, second, 1)?;
    phone.remove_photo(first, photo, NOW)?;
    assert!(marks(&phone)?.is_empty(), "the other note names it");
    phone.remove_photo(second, photo, NOW)?;
    assert_eq!(marks(&phone)?.iter().map(|removed| removed.left).collect::<Vec<_>>(), [true]);
    // A locked phone brought this one.
    let third = desk.note(&phone, "p-1")?;
    let other = take(&phone, third, 2)?;
    phone.write(|tx| {
        let brought: Vec<(u64, i64)> = tx.copies(usize::MAX, usize::MAX)?.iter().map(|copy| (copy.n, 5)).collect();
        Ok(tx.mark_copies_received(&brought)?)
    })?;
    phone.remove_photo(third, other, NOW)?;
    assert_eq!(marks(&phone)?.iter().map(|removed| removed.left).collect::<Vec<_>>(), [true, true]);
    Ok(())
}

#[test]
fn sealed_copies_of_what_never_left_go_at_once_and_come_back_with_the_photo_and_others_stay() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let note = desk.note(&phone, "p-1")?;
    let photo = take(&phone, note, 1)?;
    let before = copies(&phone)?;
    let removed = phone.remove_photo(note, photo, NOW)?;
    assert_eq!(copies(&phone)?, before, "the change came, the photo went");
    phone.put_photo_back(note, &removed, NOW)?;
    assert_eq!(copies(&phone)?, before + 2, "a change and the photo");
    leave(&phone)?;
    phone.remove_photo(note, photo, NOW)?;
    assert_eq!(copies(&phone)?, before + 3, "somebody may confirm it with the photo, and this phone may be wiped");
    assert!(phone.self_check(NOW)?.is_sound());
    Ok(())
}

#[test]
fn a_photo_that_its_note_names_again_is_sent_in_the_same_run_whatever_else_cannot_be_read() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let (note, broken) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
    let photo = take(&phone, note, 1)?;
    leave(&phone)?;
    spoil(&phone, broken)?;
    let removed = phone.remove_photo(note, photo, NOW)?;
    assert!(matches!(phone.next_photo(&[]), Ok(Input::Photo(None))));
    name_again(&phone, note, &removed.photo)?;
    assert!(matches!(phone.next_photo(&[]), Ok(Input::Photo(Some(next))) if next == photo));
    assert_eq!((phone.photos_left()?, sweep(&phone, 0)?), (1, 0));
    assert!(marks(&phone)?.is_empty(), "it is a photo like any other");
    Ok(())
}

#[test]
fn while_a_note_cannot_be_read_nothing_goes_and_they_are_not_all_read_after_every_run() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let (note, broken) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
    let photo = take(&phone, note, 1)?;
    phone.remove_photo(note, photo, NOW)?;
    let mut whole = phone.read(|tx| OpenNote::load(tx, broken, phone.hand()))?;
    spoil(&phone, broken)?;
    assert_eq!(sweep(&phone, 700)?, 0);
    phone.write(|tx| whole.compact(tx))?;
    assert_eq!(sweep(&phone, 700)?, 0, "nobody looks so soon");
    assert_eq!(sweep(&phone, 1_400)?, 1);
    Ok(())
}

#[test]
fn what_arrives_while_the_notes_are_read_puts_the_deletion_off() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let (note, other) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
    let photo = take(&phone, note, 1)?;
    let removed = phone.remove_photo(note, photo, NOW)?;
    let named = phone.named_photos()?.ok_or("a note was not read")?;
    name_again(&phone, other, &removed.photo)?;
    let now = RunningTime::now();
    assert_eq!(phone.settle_removed(RunningTime { ms: now.ms + UNDO_MS, ..now }, Some(named))?, 0);
    assert_eq!((sweep(&phone, 1_300)?, phone.photos_left()?), (0, 1), "read again: the other note names it");
    Ok(())
}

#[test]
fn of_a_confirmed_note_nothing_is_taken_away_and_of_no_note_what_it_does_not_have() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.unlock(NOW)?;
    let note = desk.note(&phone, "p-1")?;
    let photo = take(&phone, note, 1)?;
    let other = ContentHash([7; 32]);
    assert!(matches!(phone.remove_photo(note, other, NOW), Err(DeviceError::UnknownPhoto(_))));
    phone.confirm_note(note, later(10))?;
    assert!(matches!(phone.remove_photo(note, photo, later(11)), Err(DeviceError::AlreadyConfirmed)));
    assert_eq!(phone.note_photos(note)?.len(), 1);
    Ok(())
}
