use super::*;
use crate::testing::{Desk, NOW, Outcome};
use protocol::Receipt;
use std::collections::BTreeSet;
use vault::Durable;

/// A phone whose notes went in a series that was left since, and stood in a backup then: neither an entry nor a sealed copy of
/// them is here any more. The hub's history changes, and the phone asks about them. Behind it what was sent.
struct Left {
    phone: Phone,
    notes: Vec<DocumentId>,
    sent: Vec<ContentHash>,
    asks: RelayStep,
}

fn left(desk: &Desk, notes: usize) -> Outcome<Left> {
    let phone = desk.unlock(NOW)?;
    let notes = (0..notes).map(|_| desk.confirmed_note(&phone, "p-1")).collect::<Outcome<Vec<_>>>()?;
    let sent = phone.load_request()?.entries;
    phone.write(|tx| {
        for entry in &sent {
            tx.mark_received(entry.seq, NOW.as_millisecond())?;
        }
        Ok(tx.drop_durable(sent.len() as u64, i64::MAX)?)
    })?;
    assert!(phone.copies_request()?.copies.is_empty());
    phone.renew_series()?;
    assert!(phone.load_request()?.entries.is_empty(), "the hub has all of it");
    phone.write(begin)?;
    let asks = phone.relay_step(None)?.ok_or("nothing is asked about")?;
    Ok(Left { phone, notes, sent: sent.iter().map(|entry| entry.hash).collect(), asks })
}

impl Left {
    fn hears(&self, lacks: Vec<DocumentId>) -> Outcome {
        let answer = CapsuleResponse {
            v: WIRE_VERSION,
            epoch: self.phone.read(|tx| Ok(tx.sync_state()?))?.epoch,
            time: NOW.as_millisecond(),
            receipt: Receipt { items: Vec::new(), signature: Vec::new() },
            wipe: false,
            page: None,
            lacks: Some(lacks),
        };
        assert!(self.phone.take_relayed(&self.asks, &answer)?);
        Ok(())
    }

    fn offers(&self) -> Outcome<Vec<ContentHash>> {
        Ok(self.phone.load_request()?.entries.iter().map(|entry| entry.hash).collect())
    }

    /// Whether the hub's word that the note should leave is followed, long after it was received.
    fn may_leave(&self) -> Outcome<bool> {
        let (patient, durable) = ("p-1".parse()?, Durable::OneDisk { received_before: i64::MAX });
        Ok(self.phone.write(|tx| Ok(tx.forget_note(&patient, self.notes[0], durable)?))?)
    }
}

#[test]
fn what_a_hub_put_back_has_lost_of_a_series_that_was_left_goes_to_it_again_and_stays_until_it_has_it() -> Outcome {
    let desk = Desk::new()?;
    let left = left(&desk, 1)?;
    let changes = left.phone.changes();
    left.hears(vec![left.notes[0], DocumentId([7; 16])])?;
    assert!(changes.has_changed()?, "whoever syncs hears that something waits");
    assert_eq!(left.offers()?, left.sent);
    assert!(!left.may_leave()?);
    // Once is enough, whatever the hub says of it before it has read it.
    left.hears(vec![left.notes[0]])?;
    assert_eq!(left.offers()?, left.sent);
    Ok(())
}

#[test]
fn what_the_hub_still_has_of_a_series_that_was_left_does_not_go_again() -> Outcome {
    let desk = Desk::new()?;
    let left = left(&desk, 1)?;
    left.hears(Vec::new())?;
    assert!(left.offers()?.is_empty());
    assert!(left.may_leave()?);
    Ok(())
}

#[test]
fn a_hub_that_answers_no_such_question_any_more_is_offered_what_a_series_that_was_left_brought() -> Outcome {
    let desk = Desk::new()?;
    let left = left(&desk, 1)?;
    assert!(!left.phone.take_refusal(&left.asks, RefusalCode::RelayOver)?);
    assert_eq!(left.offers()?, left.sent);
    assert!(!left.may_leave()?);
    Ok(())
}

#[test]
fn many_go_again_a_few_in_a_transaction_and_an_app_that_was_killed_between_offers_each_once() -> Outcome {
    let desk = Desk::new()?;
    let left = left(&desk, 2 * AGAIN + 1)?;
    let sent: BTreeSet<ContentHash> = left.sent.iter().copied().collect();
    let writes = || left.phone.read(|tx| Ok(tx.generation()?));
    // Killed after the first few: the relay's state says nothing of them yet.
    let first = left.asks.request.holds[0].doc;
    assert!(left.phone.write(|tx| left.phone.offer_past_again(tx, &[first]))?);
    let asks = left.phone.relay_step(None)?.ok_or("nothing is asked about")?;
    assert_eq!(asks.request.holds.len(), left.notes.len());
    let before = writes()?;
    left.hears(left.notes.clone())?;
    assert_eq!(writes()? - before, 4, "three for the notes, and one for where the relay stands");
    let offered = left.offers()?;
    assert_eq!(offered.len(), left.sent.len(), "none twice");
    assert_eq!(offered.into_iter().collect::<BTreeSet<_>>(), sent);
    assert!(left.phone.relay_step(None)?.is_none(), "the hub is asked about nothing more");
    Ok(())
}
