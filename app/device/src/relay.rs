//! 中継 (relay): after the hub was put back, others' words that stand here and that it has lost go to it, sealed and marked as
//! others'. A person at the hub lets them in; their author may bring them herself meanwhile.
//!
//! A step of its own behind each sync: whatever comes of it, the device's own sync is done.

use crate::capsule::receipted;
use crate::digest;
use crate::error::DeviceError;
use crate::http::HubLine;
use crate::note::OpenNote;
use crate::phone::{Hand, Phone};
use protocol::capsule::{self, COPIES_LIMIT, Sealer};
use protocol::digest::HOLDINGS_LIMIT;
use protocol::{CapsuleRequest, CapsuleResponse, Failure, Holding, Kind, RefusalCode, WIRE_VERSION};
use record::visit_note::ConfirmError;
use record::{ContentHash, DeviceId, DocumentId, Form, PatientId};
use vault::{Relay, Tx, VaultError};

/// Bytes of copies in one request, and always one copy.
const OFFER: usize = 1 << 20;
/// Requests behind one sync: the rest goes behind the next. A document that is under way is brought to its end.
const REQUESTS: usize = 64;

/// One request: documents that are asked about, or a part of one that is brought.
pub struct RelayStep {
    pub request: CapsuleRequest,
    part: Option<Part>,
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
    /// Asks and brings until there is nothing more, or enough for now.
    pub(crate) async fn relay(&self, line: Option<&HubLine>) -> Result<(), DeviceError> {
        let Some(line) = line else { return Ok(()) };
        let (mut requests, mut under_way) = (0, None);
        while requests < REQUESTS || under_way.is_some() {
            let Some(step) = self.relay_step(under_way)? else { return Ok(()) };
            let (goes_on, next) = match line.push(&step.request).await {
                Ok(answer) => (self.take_relayed(&step, &answer)?, step.under_way()),
                Err(Failure::Refused(code)) => (self.take_refusal(&step, code)?, None),
                Err(failure) => return Err(DeviceError::Sync(failure)),
            };
            if !goes_on {
                return Ok(());
            }
            requests += 1;
            under_way = next;
        }
        Ok(())
    }

    /// What is asked or brought next, first what is under way. `None`: nothing, or the feed has not been read to its end.
    pub fn relay_step(&self, under_way: Option<(DocumentId, usize)>) -> Result<Option<RelayStep>, DeviceError> {
        if let Some((doc, from)) = under_way {
            return self.bringing(doc, from);
        }
        loop {
            let (state, relay) = self.read(|tx| Ok((tx.sync_state()?, tx.relay()?)))?;
            if state.look_back || !state.backfill.is_empty() {
                return Ok(None);
            }
            let step = match (relay.to_ask(HOLDINGS_LIMIT).as_slice(), relay.to_bring()) {
                ([], None) => return Ok(None),
                ([], Some(doc)) => self.bringing(doc, 0)?,
                (docs, _) => self.asking(&relay, docs)?,
            };
            // Without a step something was left out: each round has less before it.
            if step.is_some() {
                return Ok(step);
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
        Ok(Some(RelayStep { request: CapsuleRequest { holds, ..self.relay_request() }, part: None }))
    }

    fn bringing(&self, doc: DocumentId, from: usize) -> Result<Option<RelayStep>, DeviceError> {
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
        Ok(Some(RelayStep { request, part: Some(Part { doc, hash: others.hash, next }) }))
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
            self.change_relay(|relay| relay.answered(&step.request.holds, lacks))?;
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
            (RefusalCode::RelayOver, _) => self.change_relay(Relay::end).map(|()| false),
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
        self.write(|tx| {
            let mut relay = tx.relay()?;
            change(&mut relay);
            Ok(tx.put_relay(&relay)?)
        })
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

/// The hub's history changed: it may have lost anything that stands here.
pub(crate) fn begin(tx: &mut Tx<'_>) -> Result<(), DeviceError> {
    let docs = documents(tx, None)?;
    Ok(tx.put_relay(&Relay::begin(docs))?)
}

/// A patient's digest differed: what this phone lacked is fetched, and what the hub lacks is asked about after that.
pub(crate) fn doubt(tx: &mut Tx<'_>, patient: &PatientId) -> Result<(), DeviceError> {
    let docs = documents(tx, Some(patient))?;
    let mut relay = tx.relay()?;
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
