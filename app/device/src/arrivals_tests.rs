use super::*;
use crate::testing::{Desk, NOW, Outcome, later, quiet};
use protocol::{Cursor, Entry, SyncResponse};
use record::ContentHash;
use vault::Durable;

/// A colleague's phone, and what it has written since it was asked last, as the hub tells it.
struct Colleague {
    _desk: Desk,
    phone: Phone,
    note: DocumentId,
}

impl Colleague {
    fn who_wrote(text: &str) -> Outcome<Self> {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let colleague = Self { _desk: desk, phone, note };
        colleague.writes("", text)?;
        Ok(colleague)
    }

    fn writes(&self, shown: &str, text: &str) -> Outcome {
        Ok(self.phone.edit_text(self.note, "condition", shown, text, later(60))?)
    }

    fn tells(&self) -> Outcome<FeedItem> {
        let entry = self.phone.load_request()?.entries.pop().ok_or("nothing was written")?;
        self.phone.write(|tx| Ok(tx.mark_received(entry.seq, NOW.as_millisecond())?))?;
        Ok(told(entry))
    }
}

fn told(entry: Entry) -> FeedItem {
    let Entry { seq, doc, patient, kind, enc, bytes, .. } = entry;
    FeedItem { n: seq, kind, doc, patient: Some(patient), enc, bytes, at: NOW.as_millisecond() }
}

/// A page of the feed is stored; nothing of it is taken in yet.
fn hears(phone: &Phone, feed: Vec<FeedItem>) -> Outcome {
    let request = phone.load_request()?;
    let next = Cursor::START.after(request.cursor.n + feed.len() as u64, ContentHash([6; 32]));
    let many = feed.len() as u64;
    let answer = SyncResponse { feed, next_cursor: next, ..quiet(request.epoch, request.cursor) };
    let stored = phone.store_answer(&request, &answer, later(90))?;
    assert_eq!((stored.received, stored.set_aside), (many, 0));
    Ok(())
}

fn reads(phone: &Phone, note: DocumentId) -> Outcome<String> {
    Ok(phone.show_note(note)?.view.text("condition").to_string())
}

#[test]
fn what_had_arrived_when_the_app_died_stands_in_its_document_after_the_next_unlock() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("下肢の浮腫")?);
    let phone = desk.unlock(NOW)?;
    hears(&phone, vec![colleague.tells()?])?;
    assert!(phone.note_rows(None)?.is_empty() && phone.status(NOW)?.has_arrivals);
    drop(phone);
    assert!(!desk.lies_open("下肢の浮腫")?);
    let phone = desk.unlock(NOW)?;
    phone.catch_up();
    assert_eq!(reads(&phone, colleague.note)?, "下肢の浮腫");
    assert!(!phone.status(NOW)?.has_arrivals);
    Ok(())
}

#[test]
fn who_writes_in_a_note_of_which_more_has_arrived_writes_beside_it() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("右")?);
    let phone = desk.unlock(NOW)?;
    hears(&phone, vec![colleague.tells()?])?;
    phone.take_in_arrivals()?;
    colleague.writes("右", "右、皮膚は乾燥")?;
    hears(&phone, vec![colleague.tells()?])?;
    phone.edit_text(colleague.note, "condition", "右", "右下肢", later(95))?;
    assert_eq!(reads(&phone, colleague.note)?, "右下肢");
    let changes = phone.changes();
    assert_eq!(phone.take_in_arrivals()?, 0);
    assert!(changes.has_changed()?, "whoever shows it hears of it");
    let now = reads(&phone, colleague.note)?;
    assert!(now.contains("下肢") && now.contains("、皮膚は乾燥"), "{now}");
    Ok(())
}

#[test]
fn an_item_that_cannot_be_read_is_set_aside_and_the_others_are_taken_in() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("右")?);
    let phone = desk.unlock(NOW)?;
    let sound = colleague.tells()?;
    let torn = FeedItem { n: 2, bytes: sound.bytes[..40].to_vec(), doc: DocumentId([8; 16]), ..sound.clone() };
    hears(&phone, vec![torn, sound])?;
    assert_eq!(phone.take_in_arrivals()?, 1);
    assert_eq!(reads(&phone, colleague.note)?, "右");
    let status = phone.status(NOW)?;
    assert!(status.set_aside == 1 && !status.has_arrivals);
    assert_eq!(phone.take_in_arrivals()?, 0, "nothing is left to take");
    Ok(())
}

#[test]
fn a_note_leaves_only_after_what_has_arrived_of_it() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("右")?);
    let phone = desk.unlock(NOW)?;
    hears(&phone, vec![colleague.tells()?])?;
    let (patient, durable) = ("p-1".parse()?, Durable::OneDisk { received_before: i64::MAX });
    let leaves = |phone: &Phone| phone.write(|tx| Ok(tx.forget_note(&patient, colleague.note, durable)?));
    assert!(!leaves(&phone)?);
    assert!(phone.read(|tx| Ok(tx.has_notes_of(&patient)? && tx.is_unsettled(&patient)?))?);
    phone.take_in_arrivals()?;
    assert!(leaves(&phone)?);
    assert!(!phone.read(|tx| Ok(tx.has_notes_of(&patient)?))?);
    Ok(())
}

#[test]
fn a_hub_that_was_put_back_is_asked_about_what_has_arrived_too() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("右")?);
    let phone = desk.unlock(NOW)?;
    hears(&phone, vec![colleague.tells()?])?;
    phone.write(crate::relay::begin)?;
    assert_eq!(phone.read(crate::relay::stands)?.to_ask(9), [colleague.note]);
    assert!(phone.relay_step(None)?.is_none(), "what stands here is not known yet");
    phone.take_in_arrivals()?;
    assert!(phone.relay_step(None)?.is_some());
    Ok(())
}

#[test]
fn one_that_does_not_open_goes_and_the_next_sync_compares() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("右")?);
    let phone = desk.unlock(NOW)?;
    phone.write(|tx| Ok(tx.put_digests_at(NOW.as_millisecond())?))?;
    hears(&phone, vec![colleague.tells()?])?;
    desk.damage_arrivals()?;
    assert_eq!(phone.take_in_arrivals()?, 0);
    assert!(phone.note_rows(None)?.is_empty());
    assert!(phone.read(|tx| Ok(!tx.has_arrivals()? && tx.digests_at()? == Some(0)))?);
    Ok(())
}

#[test]
fn one_that_the_app_did_not_survive_three_times_is_set_aside_and_tried_no_more() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("右")?);
    let phone = desk.unlock(NOW)?;
    hears(&phone, vec![colleague.tells()?])?;
    let other = Colleague::who_wrote("左")?;
    hears(&phone, vec![other.tells()?])?;
    for _ in 0..TRIES {
        phone.write(|tx| Ok(tx.count_try()?))?;
    }
    drop(phone);
    let phone = desk.unlock(NOW)?;
    phone.catch_up();
    let status = phone.status(NOW)?;
    assert!(status.set_aside == 1 && !status.has_arrivals);
    assert!(phone.note_rows(None)?.iter().map(|row| row.note).eq([other.note]), "what came behind it is there");
    Ok(())
}

#[test]
fn what_a_full_disk_kept_waiting_at_many_unlocks_is_taken_in_when_there_is_room() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote(&"右下肢".repeat(400))?);
    hears(&desk.unlock(NOW)?, vec![colleague.tells()?])?;
    for _ in 0..2 * TRIES {
        let phone = desk.unlock(NOW)?;
        phone.limit_room(Some(0))?;
        phone.catch_up();
        assert!(phone.status(NOW)?.has_arrivals);
    }
    let phone = desk.unlock(NOW)?;
    phone.catch_up();
    assert!(reads(&phone, colleague.note)?.starts_with("右下肢") && phone.status(NOW)?.set_aside == 0);
    Ok(())
}

#[test]
fn a_full_disk_keeps_what_has_arrived_until_there_is_room() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote(&"右下肢".repeat(400))?);
    let phone = desk.unlock(NOW)?;
    hears(&phone, vec![colleague.tells()?])?;
    phone.limit_room(Some(0))?;
    assert!(phone.take_in_arrivals().is_err_and(|error| error.is_retryable()));
    assert!(phone.status(NOW)?.has_arrivals);
    phone.limit_room(None)?;
    assert_eq!(phone.take_in_arrivals()?, 0);
    assert!(reads(&phone, colleague.note)?.starts_with("右下肢"));
    Ok(())
}

#[test]
fn a_note_that_came_to_a_locked_phone_is_dated_by_the_hub_and_not_by_the_unlock() -> Outcome {
    let (desk, colleague) = (Desk::new()?, Colleague::who_wrote("右")?);
    let phone = desk.unlock(NOW)?;
    hears(&phone, vec![colleague.tells()?])?;
    drop(phone);
    // Days later.
    let phone = desk.unlock(later(300_000))?;
    phone.catch_up();
    assert_eq!(phone.note_rows(None)?[0].changed_at, later(90));
    Ok(())
}
