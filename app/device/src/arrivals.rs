//! 到着 (arrivals): what the feed brought of documents goes into them here, a little in each transaction, so that the nurse's pen
//! waits for that and never for a page.
//!
//! Until then a document reads as if the sync were still to come: nothing that anybody does with it meanwhile is wrong, it is
//! concurrent. An app that dies in between takes it in at the next unlock.

use crate::amend;
use crate::error::DeviceError;
use crate::note::OpenNote;
use crate::phone::Phone;
use crate::store_answer::{patient_of, set_aside};
use jiff::Timestamp;
use protocol::{FeedItem, Kind};
use record::visit_note::signed::judge;
use record::visit_note::{
    ChangeError, ConfirmationError, Draft, DraftError, Encoding, NoteState, SignedAct, SignedConfirmation, Verdict,
    What, changes,
};
use record::{DeviceId, DocumentId, Form, PatientId, StaffId, StaffRole};
use std::panic::{AssertUnwindSafe, catch_unwind};
use vault::{Arrival, Tx, Waiting};

/// So many changes and statements are merged in one transaction; each opens its document and stores it.
const AT_ONCE: u32 = 16;
/// Unlocks at which the first item is tried that may have ended the app each time.
const TRIES: u64 = 3;

/// What one transaction took.
#[derive(Default)]
struct Taken {
    rows: u64,
    /// Of them, what could not be read.
    aside: u64,
}

impl Phone {
    /// After the unlock, which must not wait for it, and before the first sync: what came while the phone was locked, and what had
    /// arrived when the app died.
    pub fn catch_up(&self) {
        if self.is_decoy() {
            return;
        }
        if let Err(error) = self.take_what_was_left() {
            tracing::warn!(%error, "what has arrived waits to be taken in");
        }
    }

    /// What an app that died has left may be what it died of: one at a time, so that the next death counts for the guilty one.
    fn take_what_was_left(&self) -> Result<(), DeviceError> {
        let was_left = self.read(|tx| Ok(tx.has_arrivals()?))?;
        if was_left {
            self.write(|tx| Ok(tx.count_try()?))?;
        }
        self.take_locked_pages();
        let taken = self.take_in_by(if was_left { 1 } else { AT_ONCE });
        if was_left && taken.is_err() {
            self.write(|tx| Ok(tx.clear_tries()?))?;
        }
        taken.map(|_| ())
    }

    /// Takes what has arrived into its documents. Says how many items could not be read and were set aside.
    pub fn take_in_arrivals(&self) -> Result<u64, DeviceError> {
        self.take_in_by(AT_ONCE)
    }

    fn take_in_by(&self, at_once: u32) -> Result<u64, DeviceError> {
        let (mut aside, mut taken) = (0, false);
        let result = loop {
            let some = caught(|| self.write(|tx| self.take_in(tx, at_once)));
            match some.unwrap_or_else(|| self.take_first_or_set_it_aside()) {
                Ok(Taken { rows: 0, .. }) => break Ok(aside),
                Ok(more) => (aside, taken) = (aside + more.aside, true),
                Err(error) => break Err(error),
            }
        };
        if taken {
            self.changed();
        }
        result
    }

    /// The first of what has arrived, each into its document. Law 4: one bad item is set aside.
    fn take_in(&self, tx: &mut Tx<'_>, most: u32) -> Result<Taken, DeviceError> {
        let mut taken = Taken::default();
        for Waiting { n, tries, arrival } in tx.arrivals(most)? {
            taken.rows += 1;
            match arrival {
                // Nobody can read it, and the hub has it: what stands here is compared, and it comes again.
                None => tx.put_digests_at(0)?,
                Some(arrival) if tries > TRIES => {
                    tracing::warn!(n = arrival.item.n, "an item that the app did not survive was set aside");
                    set_aside(tx, &arrival.item)?;
                    taken.aside += 1;
                }
                Some(arrival) => match self.take_arrival(tx, &arrival) {
                    Ok(()) => {}
                    // A full disk is not the item's fault: it waits.
                    Err(error) if error.is_retryable() => return Err(error),
                    Err(error) => {
                        let item = &arrival.item;
                        tracing::warn!(n = item.n, kind = ?item.kind, %error, "an item of the feed was set aside");
                        set_aside(tx, item)?;
                        taken.aside += 1;
                    }
                },
            }
            tx.drop_arrival(n)?;
        }
        Ok(taken)
    }

    /// Automerge did not come back from one of several, or from this one: then it is set aside.
    fn take_first_or_set_it_aside(&self) -> Result<Taken, DeviceError> {
        let first = self.read(|tx| Ok(tx.arrivals(1)?))?.first().map(|waiting| waiting.n);
        let taken = caught(|| self.write(|tx| self.take_in(tx, 1)));
        taken.unwrap_or_else(|| self.write(|tx| self.set_aside_if_first(tx, first)))
    }

    /// Another window on this vault may have been faster.
    fn set_aside_if_first(&self, tx: &mut Tx<'_>, first: Option<i64>) -> Result<Taken, DeviceError> {
        let mut taken = Taken::default();
        for Waiting { n, arrival, .. } in tx.arrivals(1)?.into_iter().filter(|waiting| Some(waiting.n) == first) {
            taken.rows += 1;
            if let Some(arrival) = arrival {
                tracing::warn!(n = arrival.item.n, "an item of the feed that cannot be merged was set aside");
                set_aside(tx, &arrival.item)?;
                taken.aside += 1;
            }
            tx.drop_arrival(n)?;
        }
        Ok(taken)
    }

    fn take_arrival(&self, tx: &mut Tx<'_>, arrival: &Arrival) -> Result<(), DeviceError> {
        let heard = Timestamp::from_millisecond(arrival.heard).unwrap_or_default();
        let taken = self.take_item(tx, arrival, heard);
        let is_damaged = arrival.of_page && taken.as_ref().is_err_and(DeviceError::is_damage);
        if !is_damaged || !tx.forget_damaged(arrival.item.doc)? {
            return taken;
        }
        // What stood here does not open, and nothing of it is ours alone: this page brings all of it.
        self.renew_actor()?;
        self.take_item(tx, arrival, heard)
    }

    fn take_item(&self, tx: &mut Tx<'_>, arrival: &Arrival, now: Timestamp) -> Result<(), DeviceError> {
        match arrival.item.kind {
            Kind::Amendment => self.take_act(tx, &arrival.item, now),
            Kind::Confirmation => self.take_confirmation(tx, &arrival.item, now),
            _ => self.take_changes(tx, arrival, now),
        }
    }

    fn take_changes(&self, tx: &mut Tx<'_>, arrival: &Arrival, now: Timestamp) -> Result<(), DeviceError> {
        let item = &arrival.item;
        let patient = patient_of(item)?;
        let form = Form::from_tag(item.kind.into()).ok_or(ChangeError::UnknownEncoding).map_err(DraftError::from)?;
        let encoding = Encoding::try_from(item.enc).map_err(DraftError::from)?;
        if encoding == Encoding::Columns && tx.note(item.doc)?.is_none() {
            match Draft::received(item.doc, form, &item.bytes, self.actor()) {
                Ok(draft) => return self.take_whole(tx, item, draft, now),
                Err(error) => tracing::info!(doc = %item.doc, %error, "a document is not kept as it came"),
            }
        }
        let incoming = changes::decode(item.doc, form, encoding, &item.bytes).map_err(DraftError::from)?;
        let mut open = OpenNote::load_or_new(tx, (item.doc, form), patient, None, self.hand(), now)?;
        ours(&open, form, patient)?;
        // The pages that are about to be fetched bring both, in whatever order: inside the document what comes first waits for
        // the other.
        if arrival.may_hang && !open.draft.has_parents_of(&incoming) {
            return Ok(());
        }
        open.draft.apply(&incoming)?;
        open.refresh_row(tx)?;
        open.row.changed_at = open.row.changed_at.max(received_at(item).unwrap_or(now));
        open.compact(tx)?;
        if open.row.state == NoteState::Draft { Ok(()) } else { open.settle(tx) }
    }

    /// A document that this phone has nothing of: kept as it came, without merging and saving it again.
    fn take_whole(&self, tx: &mut Tx<'_>, item: &FeedItem, draft: Draft, now: Timestamp) -> Result<(), DeviceError> {
        let mut open = OpenNote::around(draft, patient_of(item)?, None, self.hand(), now);
        open.refresh_row(tx)?;
        open.row.changed_at = now.max(received_at(item).unwrap_or(now));
        open.row.heads = open.draft.heads();
        tx.put_note(&open.row, Some(&item.bytes), open.dirty, open.sent)?;
        if open.row.state == NoteState::Draft { Ok(()) } else { open.settle(tx) }
    }

    fn take_confirmation(&self, tx: &mut Tx<'_>, item: &FeedItem, now: Timestamp) -> Result<(), DeviceError> {
        let patient = patient_of(item)?;
        let signed = SignedConfirmation::from_bytes(&item.bytes)?;
        let frozen = signed.open(item.doc)?;
        if frozen.about.patient != *patient {
            return Err(DeviceError::OtherDocument);
        }
        known_key(tx, &signed.key, frozen.device, &frozen.staff)?;
        let whole = (item.doc, frozen.form);
        let mut open = OpenNote::load_or_new(tx, whole, patient, frozen.about.visit, self.hand(), now)?;
        ours(&open, frozen.form, patient)?;
        tx.put_confirmation(item.doc, patient, &signed, Some(item.at))?;
        open.row.author = Some(frozen.staff);
        open.settle(tx)
    }

    /// An act may arrive before the note it is about: it waits beside it.
    fn take_act(&self, tx: &mut Tx<'_>, item: &FeedItem, now: Timestamp) -> Result<(), DeviceError> {
        let patient = patient_of(item)?;
        let signed = SignedAct::from_bytes(&item.bytes)?;
        let act = signed.open(item.doc)?;
        known_key(tx, &signed.key, act.device, &act.staff)?;
        let is_choice = matches!(act.what, What::Choose { .. });
        if act.patient != *patient || (is_choice && amend::role(tx, &act.staff)? != Some(StaffRole::Manager)) {
            return Err(DeviceError::OtherDocument);
        }
        tx.put_act(item.doc, patient, &signed, Some(item.at))?;
        let Some(stored) = tx.note(item.doc)? else { return Ok(()) };
        let mut open = OpenNote::from_stored(stored, self.hand())?;
        open.row.changed_at = open.row.changed_at.max(received_at(item).unwrap_or(now));
        open.settle(tx)
    }
}

/// Documents of which something has arrived.
pub(crate) fn documents(tx: &mut Tx<'_>) -> Result<Vec<DocumentId>, DeviceError> {
    Ok(tx.arrivals(u32::MAX)?.into_iter().filter_map(|waiting| Some(waiting.arrival?.item.doc)).collect())
}

/// `None`: it panicked. The transaction in it was rolled back, the vault is sound.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// When the hub had it.
fn received_at(item: &FeedItem) -> Option<Timestamp> {
    Timestamp::from_millisecond(item.at).ok()
}

/// A document keeps its form and its patient: what comes under its number with others is set aside.
fn ours(open: &OpenNote, form: Form, patient: &PatientId) -> Result<(), DeviceError> {
    if open.row.form == form && open.row.patient == *patient { Ok(()) } else { Err(DeviceError::OtherDocument) }
}

/// The hub has checked who signed; a key that its list gives to somebody else is not believed all the same.
fn known_key(tx: &mut Tx<'_>, key: &[u8], device: DeviceId, staff: &StaffId) -> Result<(), DeviceError> {
    let keys = amend::key_list(tx)?;
    match judge(key, device, staff, None, &keys) {
        Verdict::Invalid => Err(ConfirmationError::WrongSignature.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
