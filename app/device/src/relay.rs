//! 中継 (relay): after the hub was put back, others' words that stand here and that it has lost go to it, sealed and marked as
//! others'. A person at the hub lets them in; their author may bring them herself meanwhile.
//!
//! A step of its own behind each sync: whatever comes of it, the device's own sync is done.

use crate::arrivals;
use crate::capsule::receipted;
use crate::digest;
use crate::error::DeviceError;
use crate::http::HubLine;
use crate::note::OpenNote;
use crate::phone::{Hand, Phone};
use protocol::capsule::{self, COPIES_LIMIT, Sealer};
use protocol::digest::HOLDINGS_LIMIT;
use protocol::engine::LONGEST_WAIT_MS;
use protocol::{CapsuleRequest, CapsuleResponse, Failure, Holding, Kind, RefusalCode, WIRE_VERSION};
use record::visit_note::ConfirmError;
use record::{ContentHash, DeviceId, DocumentId, Form, PatientId};
use std::time::{Duration, Instant};
use vault::{Relay, Tx, VaultError};

/// Bytes of copies in one request, and always one copy.
const OFFER: usize = 1 << 20;
/// Requests behind one sync: the rest goes behind the next. A document that is under way is brought to its end.
const REQUESTS: usize = 64;
/// So many documents of series that were left go again in one transaction: each is opened, sealed and stored anew, and the
/// nurse's pen waits for no more.
const AGAIN: usize = 4;
/// Bytes that go over a line that is paid by the byte, from one unlock to the next. The rest waits for another line.
const METERED: usize = 256 << 10;
/// About what a seal adds to somebody's word, and what a question takes.
const SEAL: usize = 256;
const QUESTION: usize = 48;
/// So long a busy hub that names no time is left alone.
const BUSY: Duration = Duration::from_secs(60);

/// How much of it there may be: nobody waits for it.
#[derive(Default)]
pub(crate) struct RelayPace {
    /// The hub asked for it.
    not_before: Option<Instant>,
    /// Bytes over lines that are paid by the byte.
    paid: usize,
}

impl RelayPace {
    fn may_go(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| now >= at)
    }

    fn failed(&mut self, failure: Failure, now: Instant) {
        let Failure::Busy { retry_after_s } = failure else { return };
        let asked = Duration::from_secs(retry_after_s.unwrap_or_default().into());
        let wait = asked.clamp(BUSY, Duration::from_millis(LONGEST_WAIT_MS.unsigned_abs()));
        self.not_before = now.checked_add(wait);
    }

    /// What may still go; `None`: as much as there is.
    fn room(&self, is_metered: bool) -> Option<usize> {
        is_metered.then(|| METERED.saturating_sub(self.paid))
    }
}

/// One request: documents that are asked about, or a part of one that is brought.
pub struct RelayStep {
    pub request: CapsuleRequest,
    part: Option<Part>,
    /// About so many bytes, of all that it begins.
    bytes: usize,
}

struct Part {
    doc: DocumentId,
    /// What the document is here.
    hash: Vec<u8>,
    /// Where its next part begins; `None`: this is the last.
    next: Option<usize>,
}

impl RelayStep {
    /// The document that this request does not bring to its end, and where its next part begins.
    pub fn under_way(&self) -> Option<(DocumentId, usize)> {
        self.part.as_ref().and_then(|part| Some((part.doc, part.next?)))
    }
}

/// Somebody else's change or statement.
struct Word {
    kind: Kind,
    maker: DeviceId,
    hash: ContentHash,
    /// Its maker's clock, milliseconds.
    at: i64,
    bytes: Vec<u8>,
}

/// What stands here of a document by others.
struct OthersWords {
    patient: PatientId,
    /// What the document is here.
    hash: Vec<u8>,
    words: Vec<Word>,
}

impl Phone {
    /// Asks and brings until there is nothing more, or enough for now; what goes first is not kept waiting.
    ///
    /// After a run that sent something (`sent`) what is unsent is new, and another run follows for it. After one that sent nothing
    /// it may never go: one request is made all the same, so that this comes to its end too.
    pub(crate) async fn relay(
        &self,
        line: Option<&HubLine>,
        sent: bool,
        is_called: impl Fn() -> bool,
    ) -> Result<(), DeviceError> {
        let Some(line) = line else { return Ok(()) };
        if !self.relay_pace().may_go(Instant::now()) {
            return Ok(());
        }
        let (mut requests, mut under_way) = (0, None);
        while requests < REQUESTS || under_way.is_some() {
            let may_wait = sent || requests > 0;
            if under_way.is_none() && may_wait && self.has_to_wait(&is_called)? {
                return Ok(());
            }
            let room = self.relay_pace().room(self.is_metered());
            let Some(step) = self.step_within(under_way, room)? else { return Ok(()) };
            if room.is_some() {
                self.relay_pace().paid += step.bytes;
            }
            let (goes_on, next) = match line.push(&step.request).await {
                Ok(answer) => (self.take_relayed(&step, &answer)?, step.under_way()),
                Err(Failure::Refused(code)) => (self.take_refusal(&step, code)?, None),
                Err(failure) => {
                    self.relay_pace().failed(failure, Instant::now());
                    return Err(DeviceError::Sync(failure));
                }
            };
            if !goes_on {
                return Ok(());
            }
            requests += 1;
            under_way = next;
        }
        Ok(())
    }

    /// Somebody asks for a sync, or her own words wait.
    fn has_to_wait(&self, is_called: impl Fn() -> bool) -> Result<bool, DeviceError> {
        Ok(is_called() || self.read(|tx| Ok(tx.unsent_notes()?))? > 0)
    }

    /// What is asked or brought next, first what is under way. `None`: nothing, or the feed has not been read to its end.
    pub fn relay_step(&self, under_way: Option<(DocumentId, usize)>) -> Result<Option<RelayStep>, DeviceError> {
        self.step_within(under_way, None)
    }

    /// The same within so many bytes: a document that needs more waits, and others go. What is under way is not cut: it would
    /// begin anew.
    fn step_within(
        &self,
        under_way: Option<(DocumentId, usize)>,
        room: Option<usize>,
    ) -> Result<Option<RelayStep>, DeviceError> {
        if let Some((doc, from)) = under_way {
            return self.bringing(doc, from, None);
        }
        loop {
            let (state, relay, arrives) = self.read(|tx| Ok((tx.sync_state()?, stands(tx)?, tx.has_arrivals()?)))?;
            // What is here is not known before all of it is merged.
            if state.look_back || !state.backfill.is_empty() || arrives {
                return Ok(None);
            }
            let docs = relay.to_ask(HOLDINGS_LIMIT);
            if docs.is_empty() {
                for doc in relay.to_bring() {
                    if let Some(step) = self.bringing(doc, 0, room)? {
                        return Ok(Some(step));
                    }
                }
                return Ok(None);
            }
            if room.is_some_and(|room| docs.len() * QUESTION > room) {
                return Ok(None);
            }
            // Without a step something was left out: each round has less before it.
            if let Some(step) = self.asking(&relay, &docs)? {
                return Ok(Some(step));
            }
        }
    }

    fn asking(&self, relay: &Relay, docs: &[DocumentId]) -> Result<Option<RelayStep>, DeviceError> {
        let (mut holds, mut out) = (Vec::new(), Vec::new());
        for doc in docs {
            // A document at a time: the nurse's pen never waits for more.
            match self.read(|tx| digest::of_document(tx, *doc, self.hand()))? {
                Some(hash) if !relay.was_brought(*doc, &hash) => holds.push(Holding { doc: *doc, hash }),
                _ => out.push(*doc),
            }
        }
        self.leave_out(&out)?;
        if holds.is_empty() {
            return Ok(None);
        }
        let bytes = holds.len() * QUESTION;
        Ok(Some(RelayStep { request: CapsuleRequest { holds, ..self.relay_request() }, part: None, bytes }))
    }

    fn bringing(&self, doc: DocumentId, from: usize, room: Option<usize>) -> Result<Option<RelayStep>, DeviceError> {
        let others = match self.read(|tx| others_words(tx, doc, self.hand())) {
            Ok(others) => others.filter(|others| from < others.words.len()),
            // One that cannot be read keeps no other from being brought (law 4).
            Err(error) if error.is_damage() => {
                tracing::warn!(%doc, %error, "a document cannot be read and is not relayed");
                None
            }
            Err(error) => return Err(error),
        };
        let Some(others) = others else {
            self.leave_out(&[doc])?;
            return Ok(None);
        };
        let whole: usize = others.words.iter().map(|word| word.bytes.len() + SEAL).sum();
        if room.is_some_and(|room| whole > room) {
            return Ok(None);
        }
        let identity = self.identity();
        let mut request = self.relay_request();
        let sealer = Sealer::new(&identity.sealing_key, identity.device, request.series).map_err(VaultError::from)?;
        let (key, mut bytes) = (self.signing_key()?, 0);
        for (n, word) in (1..).zip(&others.words[from..]) {
            let copy = capsule::Copy {
                v: 1,
                device: identity.device,
                series: request.series,
                n,
                at: word.at,
                doc,
                patient: others.patient.clone(),
                station: identity.station.clone(),
                kind: word.kind,
                hash: word.hash,
                bytes: word.bytes.clone(),
                maker: Some(word.maker),
            };
            let sealed = sealer.seal(&copy, &key).map_err(VaultError::from)?;
            bytes += sealed.sealed.len();
            if !request.copies.is_empty() && (bytes > OFFER || request.copies.len() == COPIES_LIMIT) {
                break;
            }
            request.copies.push(sealed);
        }
        let until = from + request.copies.len();
        let next = (until < others.words.len()).then_some(until);
        let part = Some(Part { doc, hash: others.hash, next });
        Ok(Some(RelayStep { request, part, bytes: if from == 0 { whole } else { 0 } }))
    }

    /// Takes the answer to a step. `false`: it goes no further now.
    pub fn take_relayed(&self, step: &RelayStep, answer: &CapsuleResponse) -> Result<bool, DeviceError> {
        if self.read(|tx| Ok(tx.sync_state()?.epoch))? != answer.epoch {
            // Put back once more: the next sync hears of it, and everything is asked anew.
            return Ok(false);
        }
        let Some(part) = &step.part else {
            // An older hub knows of no such question.
            let Some(lacks) = &answer.lacks else { return Ok(false) };
            let asked = step.request.holds.iter().map(|held| held.doc);
            let lacks: Vec<DocumentId> = asked.filter(|doc| lacks.contains(doc)).collect();
            self.change_relay_of(&lacks, |relay| relay.answered(&step.request.holds, &lacks))?;
            return Ok(true);
        };
        let received = receipted(self.locked(), &step.request, answer)?;
        if received.len() < step.request.copies.len() {
            return Ok(false);
        }
        if part.next.is_none() {
            let at = received.iter().map(|(_, at)| *at).max().unwrap_or(answer.time);
            self.change_relay(|relay| relay.receipted(part.doc, part.hash.clone(), at))?;
            tracing::info!(doc = %part.doc, "what the hub had lost of others was brought from here");
        }
        Ok(true)
    }

    /// Takes a refusal of a step that says more than "not now". `false`: it goes no further.
    pub fn take_refusal(&self, step: &RelayStep, code: RefusalCode) -> Result<bool, DeviceError> {
        match (code, &step.part) {
            (RefusalCode::RelayOver, _) => {
                // Nobody says any more what the hub has of these.
                let unknown = self.read(stands)?.to_ask(usize::MAX);
                self.change_relay_of(&unknown, Relay::end).map(|()| false)
            }
            (RefusalCode::RelayFull, Some(part)) => self.change_relay(|relay| relay.put_off(part.doc)).map(|()| true),
            (code, _) => Err(DeviceError::Sync(Failure::Refused(code))),
        }
    }

    fn leave_out(&self, docs: &[DocumentId]) -> Result<(), DeviceError> {
        match docs {
            [] => Ok(()),
            docs => self.change_relay(|relay| docs.iter().for_each(|doc| relay.leave_out(*doc))),
        }
    }

    fn change_relay(&self, change: impl FnOnce(&mut Relay)) -> Result<(), DeviceError> {
        self.change_relay_of(&[], change)
    }

    /// The same, and what the hub may lack of these of one's own, with no entry here that would bring it, goes again. That they
    /// were asked about is forgotten last: after a kill between they are asked about once more, and what went does not go twice.
    fn change_relay_of(&self, docs: &[DocumentId], change: impl FnOnce(&mut Relay)) -> Result<(), DeviceError> {
        let (epoch, mut offers) = (self.read(|tx| Ok(tx.sync_state()?.epoch))?, false);
        for few in docs.chunks(AGAIN) {
            offers |= self.write(|tx| self.offer_past_again(tx, few))?;
        }
        self.write(|tx| {
            if tx.sync_state()?.epoch != epoch {
                // Another process heard meanwhile that the hub was put back once more: everything is asked anew.
                return Ok(());
            }
            let mut relay = stands(tx)?;
            change(&mut relay);
            Ok(tx.put_relay(&relay)?)
        })?;
        if offers {
            self.changed();
        }
        Ok(())
    }

    fn relay_request(&self) -> CapsuleRequest {
        let device = self.identity().device;
        CapsuleRequest {
            v: WIRE_VERSION,
            device,
            series: capsule::relay_series(device),
            copies: Vec::new(),
            since: None,
            holds: Vec::new(),
        }
    }
}

/// Where that stands. Where it is damaged everything that stands here is asked about anew, and none of it goes before.
pub(crate) fn stands(tx: &mut Tx<'_>) -> Result<Relay, DeviceError> {
    match tx.relay()? {
        Some(relay) => Ok(relay),
        None => Ok(Relay::begin(documents(tx, None)?)),
    }
}

/// The hub's history changed: it may have lost anything that stands here.
pub(crate) fn begin(tx: &mut Tx<'_>) -> Result<(), DeviceError> {
    let mut docs = documents(tx, None)?;
    docs.extend(arrivals::documents(tx)?);
    Ok(tx.put_relay(&Relay::begin(docs))?)
}

/// A patient's digest differed: what this phone lacked is fetched, and what the hub lacks is asked about after that.
pub(crate) fn doubt(tx: &mut Tx<'_>, patient: &PatientId) -> Result<(), DeviceError> {
    let docs = documents(tx, Some(patient))?;
    let mut relay = stands(tx)?;
    relay.doubt(docs);
    Ok(tx.put_relay(&relay)?)
}

fn documents(tx: &mut Tx<'_>, patient: Option<&PatientId>) -> Result<Vec<DocumentId>, DeviceError> {
    let mut docs = Vec::new();
    for form in Form::ALL {
        docs.extend(tx.note_rows(form, patient)?.into_iter().map(|row| row.note));
    }
    Ok(docs)
}

/// Changes first, in the order in which they can be read; then what was signed about them.
fn others_words(tx: &mut Tx<'_>, doc: DocumentId, hand: Hand<'_>) -> Result<Option<OthersWords>, DeviceError> {
    let own = hand.actor.device;
    let Some(stored) = tx.note(doc)? else { return Ok(None) };
    let Some(hash) = digest::of_document(tx, doc, hand)? else { return Ok(None) };
    let (patient, kind) = (stored.row.patient.clone(), Kind::from(stored.row.form.tag()));
    let mut open = OpenNote::from_stored(stored, hand)?;
    let mut words = Vec::new();
    for made in open.draft.changes_but_of(own) {
        let at = made.at.map_or(0, |at| at.as_millisecond());
        let (hash, bytes) = (ContentHash(made.change.hash.0), made.change.bytes);
        words.push(Word { kind, maker: made.device, hash, at, bytes });
    }
    for confirmation in tx.confirmations(doc)? {
        let signed = confirmation.signed;
        let Ok(frozen) = signed.open(doc) else { continue };
        if frozen.device != own {
            let (at, bytes) = (frozen.confirmed_at.as_millisecond(), signed.to_bytes().map_err(ConfirmError::from)?);
            words.push(Word { kind: Kind::Confirmation, maker: frozen.device, hash: signed.hash(), at, bytes });
        }
    }
    for act in tx.acts(doc, &patient)?.into_iter().filter(|act| !act.refused) {
        let signed = act.signed;
        let Ok(act) = signed.open(doc) else { continue };
        if act.device != own {
            let (at, bytes) = (act.at.as_millisecond(), signed.to_bytes().map_err(ConfirmError::from)?);
            words.push(Word { kind: Kind::Amendment, maker: act.device, hash: signed.hash(), at, bytes });
        }
    }
    Ok(Some(OthersWords { patient, hash, words }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Desk, NOW, Outcome};
    use protocol::Receipt;

    #[test]
    fn what_is_relayed_waits_as_long_as_a_busy_hub_asks_and_goes_on_after_another_failure() {
        let (mut pace, now) = (RelayPace::default(), Instant::now());
        assert!(pace.may_go(now));
        pace.failed(Failure::Unreachable, now);
        assert!(pace.may_go(now));
        for (asked, wait) in [(Some(300), 300), (None, 60), (Some(1), 60), (Some(u32::MAX), 900)] {
            pace.failed(Failure::Busy { retry_after_s: asked }, now);
            assert!(!pace.may_go(now + Duration::from_secs(wait - 1)), "{asked:?}");
            assert!(pace.may_go(now + Duration::from_secs(wait)), "{asked:?}");
        }
    }

    #[test]
    fn over_a_line_that_is_paid_by_the_byte_only_so_much_goes() {
        let mut pace = RelayPace::default();
        assert_eq!((pace.room(false), pace.room(true)), (None, Some(METERED)));
        pace.paid = METERED - 10;
        assert_eq!((pace.room(false), pace.room(true)), (None, Some(10)));
        pace.paid = METERED + 10;
        assert_eq!(pace.room(true), Some(0));
    }

    #[test]
    fn a_document_that_is_too_large_for_the_line_waits_and_a_small_one_goes() -> Outcome {
        let desk = Desk::new()?;
        let (large, small) = {
            let phone = desk.unlock(NOW)?;
            let (large, small) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
            for words in 0..40 {
                let shown = phone.show_note(large)?.view.text("remarks").to_string();
                phone.edit_text(large, "remarks", &shown, &format!("{shown}咳なし{words}。"), NOW)?;
            }
            // From here on another device: what stands here is others'.
            phone.write(|tx| {
                let mut identity = tx.identity()?;
                identity.device = DeviceId([5; 8]);
                tx.put_identity(&identity)?;
                begin(tx)
            })?;
            (large, small)
        };
        let phone = desk.unlock(NOW)?;
        assert!(phone.step_within(None, Some(QUESTION))?.is_none(), "not even to ask about both");
        let asking = phone.relay_step(None)?.ok_or("nothing to ask about")?;
        let answer = CapsuleResponse {
            v: WIRE_VERSION,
            epoch: phone.read(|tx| Ok(tx.sync_state()?))?.epoch,
            time: NOW.as_millisecond(),
            receipt: Receipt { items: Vec::new(), signature: Vec::new() },
            wipe: false,
            page: None,
            lacks: Some(vec![large, small]),
        };
        assert!(phone.take_relayed(&asking, &answer)?);
        let brought = |room| -> Outcome<Option<DocumentId>> {
            Ok(phone.step_within(None, room)?.and_then(|step| step.part).map(|part| part.doc))
        };
        assert_eq!(brought(Some(1_000))?, None);
        assert_eq!(brought(Some(6_000))?, Some(small));
        assert_eq!(brought(Some(METERED))?, brought(None)?);
        assert_eq!(
            phone.read(|tx| Ok(tx.relay()?))?.map(|relay| relay.to_bring().len()),
            Some(2),
            "neither is forgotten"
        );
        Ok(())
    }
}

#[cfg(test)]
#[path = "left_series_tests.rs"]
mod left_series_tests;
