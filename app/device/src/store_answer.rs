//! The hub's answer into the vault: receipts, verdicts, feed and cursor in one transaction. What is about a document arrives here
//! and is taken into it afterwards (`arrivals.rs`), so that this transaction is as long as its writing. What `driver.rs` does over a real
//! line, a simulator does step by step: these verbs are the same.

use crate::consented;
use crate::digest;
use crate::error::DeviceError;
use crate::lease;
use crate::phone::Phone;
use crate::relay;
use crate::standing;
use jiff::Timestamp;
use protocol::proof::prove;
use protocol::receipt::ReceiptScope;
use protocol::{
    Durability, Entry, Extent, Failure, FeedItem, Kind, PatientStanding, RecordItem, RecordsPage, RefusalCode, Series,
    SyncRequest, SyncResponse, Validity, Verdict, VerdictCode, Wanted,
};
use record::visit_note::{Encoding, SignedAct, SignedConfirmation};
use record::{DisclosedRecord, PatientId, canonical};
use vault::{Arrival, Item, RunningTime, SyncState, Tx, VaultError};

/// Largest number of bytes of entries in one request.
const OFFER: usize = 4 << 20;
/// Bytes of feed wanted in one answer.
const BUDGET: u32 = 1 << 20;
/// How long entries are kept after their receipt where the hub has neither backup nor replica.
pub(crate) const KEEP_MS: i64 = 30 * 24 * 3_600_000;
/// A feed item that could not be read is kept under this kind, for a newer version to try again.
pub(crate) const SET_ASIDE: Kind = Kind::Other(250);

/// What storing an answer did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    pub sent: u64,
    pub received: u64,
    pub set_aside: u64,
    /// What stands here reads otherwise though nothing came: something left, or was judged.
    pub altered: bool,
    /// Entries did not fit into the request, or records are wanted, and this exchange brought them nearer.
    pub left: bool,
}

/// Where an item of the feed comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whence {
    /// An answer that begins with the feed's first row.
    Beginning,
    Feed,
    /// A page of one patient.
    Page,
}

impl Phone {
    /// Freezes what is unsent and says what to offer the hub.
    pub fn load_request(&self) -> Result<SyncRequest, DeviceError> {
        let digests = self.digests_due().unwrap_or_else(|error| {
            tracing::warn!(%error, "nothing is compared today");
            None
        });
        self.write(|tx| {
            let received_up_to = tx.received_up_to()?;
            if !tx.can_go_on_after(received_up_to)? {
                // The next entry is damaged, or gone: its number can never be filled again.
                self.begin_series(tx, received_up_to)?;
            }
            crate::note::freeze_all(tx, self.hand())?;
            let state = tx.sync_state()?;
            let first_seq = tx.received_up_to()? + 1;
            // Added up a moment ago: if the phone has read on since, they say nothing.
            let digests = match digests {
                Some(made) if made.cursor == state.cursor => made.patients,
                _ => Vec::new(),
            };
            let want = wanted(&state);
            let request = SyncRequest {
                v: protocol::WIRE_VERSION,
                device: self.identity().device,
                series: state.series,
                epoch: state.epoch,
                cursor: state.cursor,
                first_seq,
                entries: tx.entries_from(first_seq, OFFER)?,
                budget: BUDGET,
                // Nothing more travels where nothing is wanted.
                derives: !want.is_empty(),
                want,
                earlier: if state.look_back { state.earlier } else { Vec::new() },
                digests,
                proof: None,
            };
            Ok(prove(request, &self.signing_key()?))
        })
    }

    /// A fork: what the hub has not receipted goes on in a new series.
    pub fn renew_series(&self) -> Result<(), DeviceError> {
        self.write(|tx| {
            // Every receipt is for what this phone offered; the hub holds it, whatever else stands under later numbers.
            self.begin_series(tx, u64::MAX)
        })?;
        self.changed();
        Ok(())
    }

    /// Leaves the series. Changes are offered again whole, and own statements that no receipt names.
    fn begin_series(&self, tx: &mut Tx<'_>, held_up_to: u64) -> Result<(), DeviceError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| DeviceError::Keys)?;
        let notes = tx.leave_series(held_up_to)?;
        let mut state = tx.sync_state()?;
        state.copies_series = Some(state.copies_series.unwrap_or(state.series));
        state.series = Series(record::DocumentId::from_random(bytes));
        state.durable_up_to = 0;
        tx.put_sync_state(&state)?;
        self.offer_whole(tx, &notes)
    }

    /// Numbers what is dirty, and behind it own statements about notes that are offered whole once more.
    fn offer_whole(&self, tx: &mut Tx<'_>, notes: &[record::DocumentId]) -> Result<(), DeviceError> {
        crate::note::freeze_all(tx, self.hand())?;
        for note in notes {
            match self.offer_statements(tx, *note) {
                Ok(()) => {}
                Err(error) if error.is_retryable() => return Err(error),
                // One note that cannot be read keeps no other from being offered (law 4); its sealed copies wait.
                Err(error) => tracing::warn!(%note, %error, "a note cannot be offered again"),
            }
        }
        Ok(tx.copies_carried_by_last()?)
    }

    /// The hub may have been put back to before what a series that was left brought of these: no entry of it is here, so it goes
    /// again whole, under numbers of this series. Says whether there is any.
    pub(crate) fn offer_past_again(&self, tx: &mut Tx<'_>, docs: &[record::DocumentId]) -> Result<bool, DeviceError> {
        let mut notes = Vec::new();
        for doc in docs {
            if tx.offer_past_again(*doc)? {
                notes.push(*doc);
            }
        }
        if !notes.is_empty() {
            self.offer_whole(tx, &notes)?;
        }
        Ok(!notes.is_empty())
    }

    /// Own confirmations and acts of a note, into the outbox once more.
    fn offer_statements(&self, tx: &mut Tx<'_>, note: record::DocumentId) -> Result<(), DeviceError> {
        let own = self.identity().device;
        let Some(stored) = tx.note(note)? else { return Ok(()) };
        let patient = stored.row.patient;
        let encoded = |error| DeviceError::from(record::visit_note::ConfirmError::from(error));
        let mut statements = Vec::new();
        for confirmation in tx.confirmations(note)? {
            if confirmation.signed.open(note)?.device == own {
                let bytes = confirmation.signed.to_bytes().map_err(encoded)?;
                statements.push((Kind::Confirmation, confirmation.signed.entry_hash(note), bytes));
            }
        }
        for act in tx.acts(note, &patient)? {
            if act.signed.open(note)?.device == own && !act.refused {
                let bytes = act.signed.to_bytes().map_err(encoded)?;
                statements.push((Kind::Amendment, act.signed.entry_hash(note), bytes));
            }
        }
        for (kind, hash, bytes) in statements {
            let (seq, patient) = (tx.next_seq()?, patient.clone());
            tx.put_entry(&Entry { seq, doc: note, patient, kind, enc: Encoding::Cbor.into(), hash, bytes })?;
        }
        Ok(())
    }

    /// Law 1: marks only what the receipt names. Law 2: page and cursor in one transaction. Law 4: one bad item is set aside.
    pub fn store_answer(
        &self,
        request: &SyncRequest,
        answer: &SyncResponse,
        now: Timestamp,
    ) -> Result<Stored, DeviceError> {
        let stored = self.write(|tx| {
            let mut state = tx.sync_state()?;
            if state.series != request.series {
                // An answer to a series that was left meanwhile: nothing in it is about what stands in the outbox now.
                return Ok(Stored::default());
            }
            let last = tx.next_seq()? - 1;
            if answer.received_up_to > last {
                return Err(DeviceError::Sync(Failure::Refused(RefusalCode::SeriesForked)));
            }
            let mut stored = Stored { sent: self.take_receipt(tx, request, answer, &state)?, ..Stored::default() };
            let offered = request.first_seq - 1 + request.entries.len() as u64;
            if answer.received_up_to > offered.max(tx.received_up_to()?) {
                // The hub has numbers that this request did not offer, and that were given here only while it was under way. In
                // a copied phone they may be other entries, and this page leaves them out as ours: they are offered first.
                stored.left = true;
                return Ok(stored);
            }
            let mut again = 0;
            if answer.received_up_to + 1 < request.first_seq {
                // The hub was restored to an older state: what it lost is offered again.
                again = tx.mark_unreceived_after(answer.received_up_to)?;
                stored.altered = again > 0;
                if !tx.can_go_on_after(answer.received_up_to)? {
                    // Some of it is gone here as well (an older backup than the one that made it durable): whole, in a new series.
                    self.begin_series(tx, answer.received_up_to)?;
                    (stored.left, stored.altered) = (true, true);
                    return Ok(stored);
                }
            }
            let judged = tx.verdicts()?;
            tx.clear_verdicts()?;
            for verdict in &answer.held {
                mark(tx, verdict, "held")?;
            }
            for verdict in &answer.rejected {
                mark(tx, verdict, "rejected")?;
            }
            stored.altered |= tx.verdicts()? != judged;
            // Where durable means no more than one disk, the phone keeps its copies a while: a hub put back to an older state
            // is offered them again.
            let keep = match answer.policy.as_ref().map(|policy| policy.durability) {
                Some(Durability::Replicated) => 0,
                _ => KEEP_MS,
            };
            // By what another epoch receipted nothing is let go: a photo of it may be asked for again.
            if state.epoch == answer.epoch {
                tx.drop_durable(answer.durable_up_to.min(answer.received_up_to), answer.time - keep)?;
            }
            // Only a run that moved something is followed by another: what can never be sent must not be asked for ever.
            stored.left = (stored.sent > 0 || again > 0) && tx.received_up_to()? < last;
            if state.cursor != request.cursor {
                // Another process on this vault was faster: its cursor stands, this page comes again.
                return Ok(stored);
            }
            // By the hub's clock the last lease is over: what was kept under it goes, and what is allowed now comes anew.
            if state.lease_until.is_some_and(|until| answer.time > until) {
                stored.altered |= lease::destroy(tx, &mut state)?;
            }
            if state.epoch != answer.epoch {
                stored.altered = true;
                standing::forget_all(tx, &mut state)?;
                relay::begin(tx)?;
                tx.offer_photos_again()?;
            }
            let whence = if request.cursor.n == 0 { Whence::Beginning } else { Whence::Feed };
            for item in &answer.feed {
                match self.take(tx, item, &mut state, whence, now) {
                    Ok(()) => stored.received += 1,
                    // A full disk is not the item's fault: the whole page waits.
                    Err(error) if error.is_retryable() => return Err(error),
                    Err(error) => {
                        tracing::warn!(n = item.n, kind = ?item.kind, %error, "a feed item was set aside");
                        set_aside(tx, item)?;
                        stored.set_aside += 1;
                    }
                }
            }
            for page in answer.pages.iter().flatten() {
                stored.received += self.take_page(tx, request, page, &mut state)?;
            }
            digest::take_compared(tx, &mut state, request, answer)?;
            // The same question twice in a row would be asked without end.
            let want = wanted(&state);
            stored.left |= !want.is_empty() && want != request.want;
            let gone = standing::let_go(tx, &mut state, answer)?;
            stored.altered |= gone.anything;
            if gone.document {
                self.renew_actor()?;
            }
            // Of another epoch: where this device stood earlier is asked for in the next request, and only there.
            state.look_back = state.epoch != answer.epoch;
            state.epoch = answer.epoch;
            state.move_to(answer.from, answer.next_cursor);
            state.durable_up_to = answer.durable_up_to;
            if !answer.renew {
                state.last_sync = Some(now.as_millisecond());
            }
            state.last_hub_time = answer.time;
            if answer.renew {
                let validity = tx.certificate_validity()?;
                tx.put_certificate_validity(Validity { until: validity.until.min(answer.time), ..validity })?;
            }
            if let Some(policy) = &answer.policy {
                state.lease_until = policy.lease_until;
                state.lease_clock = lease::granted(policy.lease_until, answer.time, RunningTime::now());
            }
            tx.put_sync_state(&state)?;
            Ok(stored)
        })?;
        if stored.received > 0 || stored.sent > 0 || stored.altered {
            self.changed();
        }
        Ok(stored)
    }

    fn take_receipt(
        &self,
        tx: &mut Tx<'_>,
        request: &SyncRequest,
        answer: &SyncResponse,
        state: &SyncState,
    ) -> Result<u64, DeviceError> {
        if answer.receipt.items.is_empty() {
            return Ok(0);
        }
        let scope = ReceiptScope { epoch: answer.epoch, device: request.device, series: state.series };
        let key = <[u8; 32]>::try_from(self.identity().receipt_key.as_slice())
            .map_err(|_| DeviceError::Sync(Failure::NotOurHub))?;
        let offered = |seq: u64| request.entries.iter().find(|entry| entry.seq == seq);
        answer
            .receipt
            .verify(&key, &scope, |seq| offered(seq).map(|entry| entry.hash))
            .map_err(|_| DeviceError::Sync(Failure::NotOurHub))?;
        tx.put_receipt(&answer.receipt)?;
        for item in &answer.receipt.items {
            let is_news = tx.mark_received(item.seq, item.at)?;
            match offered(item.seq) {
                // Heard once more, from an answer that another process was faster to store, it says less than the feed did.
                Some(entry) if entry.kind == Kind::Confirmation && is_news => {
                    let signed = SignedConfirmation::from_bytes(&entry.bytes)?;
                    tx.put_confirmation(entry.doc, &entry.patient, &signed, Some(item.at))?;
                }
                Some(entry) if entry.kind == Kind::Amendment => {
                    let signed = SignedAct::from_bytes(&entry.bytes)?;
                    tx.put_act(entry.doc, &entry.patient, &signed, Some(item.at))?;
                }
                _ => {}
            }
        }
        Ok(answer.receipt.items.len() as u64)
    }

    fn take(
        &self,
        tx: &mut Tx<'_>,
        item: &FeedItem,
        state: &mut SyncState,
        whence: Whence,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        match item.kind {
            // Opening its document is not this transaction's: see `arrivals.rs`.
            Kind::Note
            | Kind::Handover
            | Kind::IntakeRecord
            | Kind::CarePlan
            | Kind::VisitReport
            | Kind::Amendment
            | Kind::Confirmation => {
                let patient = patient_of(item)?;
                let of_page = whence == Whence::Page;
                // What it stands on was left out while the patient was light: the pages that are about to be fetched bring both.
                let may_hang = !of_page && state.wants_whole(patient);
                let (item, heard) = (item.clone(), now.as_millisecond());
                Ok(tx.put_arrival(patient, &Arrival { item, heard, of_page, may_hang })?)
            }
            Kind::Record => take_record(tx, item.doc, item.patient.as_ref(), &item.bytes),
            Kind::Consent => consented::take(tx, &read(&item.bytes)?, state),
            Kind::Standing => {
                let told: PatientStanding = read(&item.bytes)?;
                if told.extent == Extent::Unknown {
                    return set_aside(tx, item);
                }
                if told.staff != self.identity().staff || item.patient.as_ref() != Some(&told.patient) {
                    return Err(DeviceError::OtherDocument);
                }
                standing::take(tx, &told, state, whence == Whence::Beginning)
            }
            // A photo's piece has no place in a feed.
            Kind::PhotoPiece | Kind::Other(_) => {
                set_aside(tx, item)?;
                Ok(())
            }
            // Parsed on arrival: a body that this version cannot read is set aside, not met later on a screen.
            Kind::Patient => read::<record::Patient>(&item.bytes).and_then(|_| put(tx, item)),
            Kind::Visit => read::<record::Visit>(&item.bytes).and_then(|_| put(tx, item)),
            Kind::Order => read::<record::NursingOrder>(&item.bytes).and_then(|_| put(tx, item)),
            Kind::Facility => read::<record::Facility>(&item.bytes).and_then(|_| put(tx, item)),
            Kind::Staff => read::<record::Staff>(&item.bytes).and_then(|_| put(tx, item)),
            Kind::DeviceKey => read::<protocol::DeviceKey>(&item.bytes).and_then(|_| put(tx, item)),
        }
    }

    /// A page of a patient's records. One made under an older consent, or for another question, is dropped.
    fn take_page(
        &self,
        tx: &mut Tx<'_>,
        request: &SyncRequest,
        page: &RecordsPage,
        state: &mut SyncState,
    ) -> Result<u64, DeviceError> {
        let Some(wanted) = state.backfill.iter().find(|b| b.patient == page.patient) else { return Ok(0) };
        let asked = wanted.after;
        // This answer's feed may have asked anew, from the beginning: that page is still to come.
        let is_answered = request.want.iter().any(|w| w.patient == page.patient && w.after == asked);
        if !is_answered || page.version < wanted.version {
            return Ok(0);
        }
        let mut taken = 0;
        for item in &page.items {
            match take_page_record(tx, page, item) {
                Ok(()) => taken += 1,
                Err(error) if error.is_retryable() => return Err(error),
                // Not kept: a withdrawal could not find it. The hub has it, a newer version fetches it.
                Err(error) => tracing::warn!(patient = %page.patient, %error, "a disclosed record cannot be read"),
            }
        }
        for item in &page.feed {
            taken += u64::from(self.take_of_page(tx, &page.patient, item, state)?);
        }
        match page.next {
            Some(next) if next > asked => {
                state.backfill.iter_mut().filter(|b| b.patient == page.patient).for_each(|b| b.after = next);
            }
            // One that does not move forward would be asked for ever: it is the last.
            _ => state.backfill.retain(|b| b.patient != page.patient),
        }
        Ok(taken)
    }

    /// An item of the feed that came with a patient's page. Consent and standing are heard in their order, by the feed alone.
    fn take_of_page(
        &self,
        tx: &mut Tx<'_>,
        patient: &PatientId,
        item: &FeedItem,
        state: &mut SyncState,
    ) -> Result<bool, DeviceError> {
        let belongs = item.patient.as_ref() == Some(patient)
            && !matches!(item.kind, Kind::Consent | Kind::Standing | Kind::Record);
        if !belongs {
            return Ok(false);
        }
        // It was there all the time: the hub's time of receipt says since when.
        let at = Timestamp::from_millisecond(item.at).unwrap_or_default();
        match self.take(tx, item, state, Whence::Page, at) {
            Ok(()) => Ok(true),
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => {
                tracing::warn!(n = item.n, kind = ?item.kind, %error, "an item of a page was set aside");
                set_aside(tx, item)?;
                Ok(false)
            }
        }
    }
}

/// Patients whose records must still be fetched.
fn wanted(state: &SyncState) -> Vec<Wanted> {
    state.backfill.iter().map(|b| Wanted { patient: b.patient.clone(), after: b.after }).collect()
}

fn take_record(
    tx: &mut Tx<'_>,
    doc: record::DocumentId,
    patient: Option<&PatientId>,
    bytes: &[u8],
) -> Result<(), DeviceError> {
    let record: DisclosedRecord = read(bytes)?;
    put_record(tx, doc, patient, record, bytes)
}

fn take_page_record(tx: &mut Tx<'_>, page: &RecordsPage, item: &RecordItem) -> Result<(), DeviceError> {
    let record: DisclosedRecord = read(&item.bytes)?;
    let follows = || RecordsPage::document(&page.numbers, &record);
    let doc = item.doc.or_else(follows).ok_or(VaultError::Missing("a record's document"))?;
    put_record(tx, doc, Some(&page.patient), record, &item.bytes)
}

fn put_record(
    tx: &mut Tx<'_>,
    doc: record::DocumentId,
    patient: Option<&PatientId>,
    record: DisclosedRecord,
    bytes: &[u8],
) -> Result<(), DeviceError> {
    Ok(tx.put_item(&Item {
        kind: Kind::Record,
        doc,
        patient: patient.cloned(),
        source: Some(record.facility),
        body: bytes.to_vec(),
    })?)
}

/// Keeps the whole item, for a newer version to try again. A disclosed record is not kept: a withdrawal could not find it.
pub(crate) fn set_aside(tx: &mut Tx<'_>, item: &FeedItem) -> Result<(), DeviceError> {
    if item.kind == Kind::Record {
        return Ok(());
    }
    let doc = record::DocumentId::derive("set aside", &[&item.doc.0[..], &item.n.to_be_bytes()].concat());
    let body = canonical::to_bytes(item).map_err(VaultError::from)?;
    Ok(tx.put_item(&Item { kind: SET_ASIDE, doc, patient: item.patient.clone(), source: None, body })?)
}

fn put(tx: &mut Tx<'_>, item: &FeedItem) -> Result<(), DeviceError> {
    let kept =
        Item { kind: item.kind, doc: item.doc, patient: item.patient.clone(), source: None, body: item.bytes.clone() };
    Ok(tx.put_item(&kept)?)
}

fn mark(tx: &mut Tx<'_>, verdict: &Verdict, word: &str) -> Result<(), DeviceError> {
    tx.mark_verdict(verdict, &format!("{word}:{:?}", verdict.code).to_lowercase())?;
    // An act that did not pass must not count on this phone alone; one that waits may pass yet.
    let refused = verdict.code != VerdictCode::Waiting;
    // One whose body is damaged here keeps its verdict; the rest of the answer goes on.
    let entry = match tx.entry(verdict.seq).map_err(DeviceError::from) {
        Err(error) if error.is_retryable() => return Err(error),
        Err(error) => {
            tracing::warn!(seq = verdict.seq, %error, "an entry cannot be read");
            None
        }
        Ok(entry) => entry,
    };
    match entry {
        Some(entry) if entry.kind == Kind::Amendment && refused => {
            Ok(tx.mark_act(entry.doc, &entry.patient, &SignedAct::from_bytes(&entry.bytes)?, true)?)
        }
        _ => Ok(()),
    }
}

pub(crate) fn patient_of(item: &FeedItem) -> Result<&PatientId, DeviceError> {
    item.patient.as_ref().ok_or(DeviceError::Vault(VaultError::Missing("the patient of a feed item")))
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, DeviceError> {
    canonical::from_bytes(bytes).map_err(|error| VaultError::from(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Desk, NOW, Outcome, later, quiet};
    use record::{DataClass, DocumentId, Form};
    use vault::{Leaving, NoteRow};

    /// Whether whoever shows something hears of an answer.
    fn is_announced(phone: &Phone, held: &[Verdict]) -> Outcome<bool> {
        let request = phone.load_request()?;
        let answer = SyncResponse { held: held.to_vec(), ..quiet(request.epoch, request.cursor) };
        let changes = phone.changes();
        phone.store_answer(&request, &answer, later(1))?;
        Ok(changes.has_changed()?)
    }

    fn let_leave(phone: &Phone, leaving: Leaving) -> Outcome {
        phone.write(|tx| {
            let mut state = tx.sync_state()?;
            state.leaving.push(leaving);
            Ok(tx.put_sync_state(&state)?)
        })?;
        Ok(())
    }

    #[test]
    fn a_verdict_that_is_new_or_gone_is_announced_and_one_that_stands_is_not() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        desk.note(&phone, "p-1")?;
        let held = [Verdict { seq: 1, code: VerdictCode::Waiting }];
        assert!(!is_announced(&phone, &[])?, "nothing reads otherwise");
        assert!(is_announced(&phone, &held)?);
        assert!(!is_announced(&phone, &held)?, "it stands as it stood");
        assert!(is_announced(&phone, &[])?, "it has passed");
        Ok(())
    }

    #[test]
    fn a_patient_who_leaves_without_anything_coming_is_announced_once() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let leaving = Leaving { patient: "p-2".parse()?, records: false, whole: true, notes: Vec::new() };
        let_leave(&phone, leaving)?;
        assert!(is_announced(&phone, &[])?);
        assert_eq!(phone.patients()?.len(), 1);
        assert!(!is_announced(&phone, &[])?);
        Ok(())
    }

    #[test]
    fn a_note_that_leaves_once_nothing_is_half_typed_about_it_is_announced() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = DocumentId([6; 16]);
        // Another nurse's, of which the hub has everything.
        let row = NoteRow::draft(note, Form::VisitNote, "p-1".parse()?, NOW);
        phone.write(|tx| Ok(tx.put_note(&row, Some(&b"a document"[..]), false, 0)?))?;
        phone.keep_closing_reason(note, "重複", "", NOW)?;
        let leaving = Leaving { patient: "p-1".parse()?, records: false, whole: false, notes: vec![note] };
        let_leave(&phone, leaving)?;
        assert!(!is_announced(&phone, &[])?, "somebody has begun to say something about it");
        phone.keep_closing_reason(note, "", "重複", NOW)?;
        assert!(is_announced(&phone, &[])?);
        assert!(phone.note_rows(None)?.is_empty());
        Ok(())
    }

    #[test]
    fn records_that_go_with_their_lease_are_announced_once() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let record = DisclosedRecord::new("hospital".parse()?, DataClass::Allergy, "1", NOW, "ペニシリン");
        let bytes = canonical::to_bytes(&record)?;
        let patient: PatientId = "p-1".parse()?;
        phone.write(|tx| {
            let mut state = tx.sync_state()?;
            state.lease_until = Some(NOW.as_millisecond() - 1);
            tx.put_sync_state(&state)?;
            put_record(tx, DocumentId([7; 16]), Some(&patient), record, &bytes)
        })?;
        assert!(is_announced(&phone, &[])?);
        assert!(!is_announced(&phone, &[])?, "they have gone");
        Ok(())
    }

    #[test]
    fn a_phone_that_wants_records_says_that_it_finds_their_documents_and_a_quiet_one_says_nothing() -> Outcome {
        let desk = Desk::new()?;
        let (phone, patient): (Phone, PatientId) = (desk.unlock(NOW)?, "p-1".parse()?);
        assert!(!phone.load_request()?.derives);
        phone.write(|tx| {
            let mut state = tx.sync_state()?;
            state.want_records(patient, 0);
            Ok(tx.put_sync_state(&state)?)
        })?;
        let request = phone.load_request()?;
        assert!(request.derives && request.want.len() == 1);
        Ok(())
    }
}
