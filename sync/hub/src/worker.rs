//! The checker's worker process: the only place at the hub where Automerge reads bytes from outside.
//!
//! It has no database, no keys and no network; it is limited in memory and killed when it takes too long. One request and one
//! answer at a time, each a length and CBOR, over standard input and output.

mod bring;

pub(crate) use bring::{
    BringAnswer, BringRequest, BroughtEntry, Fate, NamedChange, ReadAnswer, ReadRequest, RelayedChange,
};

use protocol::VerdictCode;
use record::visit_note::{Actor, ChangeError, Draft, Encoding, IncomingChange, NoteView, changes};
use record::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId, canonical};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::ExitCode;

/// The hidden argument that makes a binary the worker.
pub const ARGUMENT: &str = "check-worker";
/// Address space of the worker.
const MEMORY: u64 = 2 << 30;
/// Largest message either way.
pub(crate) const MESSAGE_LIMIT: usize = 64 << 20;

/// What the worker is asked.
#[derive(Serialize, Deserialize)]
pub(crate) enum Question {
    Check(CheckRequest),
    Relay(RelayRequest),
    Read(ReadRequest),
    Bring(BringRequest),
    Compact(CompactRequest),
}

/// Changes of one device that came one by one, sealed: which are news, and what entry would carry them.
#[derive(Serialize, Deserialize)]
pub(crate) struct RelayRequest {
    pub doc: DocumentId,
    pub form: Form,
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    pub device: DeviceId,
    pub changes: Vec<serde_bytes::ByteBuf>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct RelayAnswer {
    /// Per change: the document holds it already.
    pub known: Vec<bool>,
    /// The entry that brings all of the device's changes; `None` if something they stand on is missing, or they are none.
    pub entry: Option<RelayedEntry>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct RelayedEntry {
    pub enc: u8,
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// How the document would read with it.
    pub view: NoteView,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CheckRequest {
    pub doc: DocumentId,
    pub form: Form,
    /// The document as it stands; empty for a new one.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    pub entries: Vec<CheckEntry>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CheckEntry {
    pub device: DeviceId,
    pub staff: StaffId,
    pub patient: PatientId,
    pub station: FacilityId,
    pub enc: u8,
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CheckAnswer {
    /// One verdict per entry; `None` = passed.
    pub verdicts: Vec<Option<VerdictCode>>,
    /// Per entry: it brought a change that the document did not hold. What came again in a new series did not.
    pub news: Vec<bool>,
    /// The document with everything that passed.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    /// Its heads; none if it cannot be read.
    pub heads: Vec<ChangeHash>,
    pub view: Option<NoteView>,
}

/// A document that rests, and everything that it came in.
#[derive(Serialize, Deserialize)]
pub(crate) struct CompactRequest {
    pub doc: DocumentId,
    pub form: Form,
    /// The document as it stands.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    /// The snapshot made before; empty if there is none.
    #[serde(with = "serde_bytes")]
    pub snapshot: Vec<u8>,
    /// What passed since, in the order of receipt.
    pub entries: Vec<CompactEntry>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CompactEntry {
    pub enc: u8,
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CompactAnswer {
    /// The document as one piece; `None` if what arrived does not come to the document as it stands.
    pub snapshot: Option<serde_bytes::ByteBuf>,
}

/// Whether this process was started as a worker.
pub fn is_wanted() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT)
}

/// The worker's life: answer until standard input closes.
pub fn main() -> ExitCode {
    // Panics of Automerge on hostile bytes are expected here; what they print could quote the bytes.
    std::panic::set_hook(Box::new(|_| {}));
    let limit = rustix::process::Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    if rustix::process::setrlimit(rustix::process::Resource::As, limit).is_err() {
        return ExitCode::FAILURE;
    }
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    while let Some(message) = read_message(&mut input) {
        let Ok(question) = canonical::from_bytes::<Question>(&message) else { return ExitCode::FAILURE };
        if answer(&question).ok().and_then(|bytes| write_message(&mut output, &bytes).ok()).is_none() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The answer to one question, as it goes over the pipe.
pub(crate) fn answer(question: &Question) -> Result<Vec<u8>, canonical::CborError> {
    match question {
        Question::Check(request) => canonical::to_bytes(&check(request)),
        Question::Relay(request) => canonical::to_bytes(&relay(request)),
        Question::Read(request) => canonical::to_bytes(&bring::read_all(request)),
        Question::Bring(request) => canonical::to_bytes(&bring::bring(request)),
        Question::Compact(request) => {
            canonical::to_bytes(&CompactAnswer { snapshot: compact(request).map(serde_bytes::ByteBuf::from) })
        }
    }
}

/// Checks entries one by one against the document as it stands. A bad one never blocks the rest (law 4).
fn check(request: &CheckRequest) -> CheckAnswer {
    let Ok(mut draft) = Draft::load(request.doc, request.form, &request.document, &[], Actor::READER) else {
        return none_of(request);
    };
    let mut verdicts: Vec<Option<VerdictCode>> = request.entries.iter().map(|_| Some(VerdictCode::Waiting)).collect();
    let mut news = vec![false; request.entries.len()];
    let (mut passed, mut view) = (Vec::new(), None);
    // An entry may wait for one that stands after it: go round until nothing moves.
    loop {
        let mut moved = false;
        for (at, entry) in request.entries.iter().enumerate() {
            if verdicts[at] != Some(VerdictCode::Waiting) {
                continue;
            }
            verdicts[at] = match check_one(&mut draft, entry) {
                Ok((brought, reads)) => {
                    (news[at], view) = (brought, Some(reads));
                    passed.push(at);
                    None
                }
                Err(Bad::AfterApplying) => {
                    // Rare, and so paid for here: the document as it was with what had passed.
                    match again(request, &passed) {
                        Some(sound) => draft = sound,
                        // What passed a moment ago does not any more: nothing is believed.
                        None => return none_of(request),
                    }
                    Some(VerdictCode::Unreadable)
                }
                Err(Bad::Before(code)) => Some(code),
            };
            moved |= verdicts[at] != Some(VerdictCode::Waiting);
        }
        if !moved {
            break;
        }
    }
    let view = view.or_else(|| draft.view().ok());
    CheckAnswer { verdicts, news, heads: draft.heads(), document: draft.save(), view }
}

fn none_of(request: &CheckRequest) -> CheckAnswer {
    let verdicts = request.entries.iter().map(|_| Some(VerdictCode::Unreadable)).collect();
    let news = vec![false; request.entries.len()];
    CheckAnswer { verdicts, news, document: request.document.clone(), heads: Vec::new(), view: None }
}

/// The document of a request with the entries that have passed.
fn again(request: &CheckRequest, passed: &[usize]) -> Option<Draft> {
    let mut draft = Draft::load(request.doc, request.form, &request.document, &[], Actor::READER).ok()?;
    for entry in passed.iter().filter_map(|at| request.entries.get(*at)) {
        check_one(&mut draft, entry).ok()?;
    }
    Some(draft)
}

/// Why an entry did not pass.
enum Bad {
    /// The document was not touched.
    Before(VerdictCode),
    /// Its changes are in the document already, and bend it: it must be made anew.
    AfterApplying,
}

fn relay(request: &RelayRequest) -> RelayAnswer {
    let nothing = |known| RelayAnswer { known, entry: None };
    let unknown = vec![false; request.changes.len()];
    let Ok(mut draft) = Draft::load(request.doc, request.form, &request.document, &[], Actor::READER) else {
        return nothing(unknown);
    };
    let mut readable = Vec::new();
    let mut known = Vec::with_capacity(request.changes.len());
    for raw in &request.changes {
        // One by one, so that a bad one does not hide the others.
        match changes::decode_singly(request.doc, request.form, &[raw.to_vec()]) {
            Ok(one) if one.is_by(request.device) => {
                known.push(one.made().iter().all(|change| draft.knows(change.hash())));
                readable.push(raw.to_vec());
            }
            _ => known.push(false),
        }
    }
    let Ok(incoming) = changes::decode_singly(request.doc, request.form, &readable) else { return nothing(known) };
    if !draft.has_parents_of(&incoming) || draft.apply(&incoming).is_err() {
        return nothing(known);
    }
    let (Ok(view), Ok(Some(entry))) = (draft.view(), draft.entry_of(request.device, 0)) else { return nothing(known) };
    RelayAnswer {
        known,
        entry: Some(RelayedEntry { enc: entry.encoding.into(), hash: entry.hash, bytes: entry.bytes, view }),
    }
}

/// One piece in the place of many: exactly what arrived, readable by every phone. Nothing is believed for having passed once.
fn compact(request: &CompactRequest) -> Option<Vec<u8>> {
    let (doc, form) = (request.doc, request.form);
    let reader = Actor::READER;
    let heads = Draft::load(doc, form, &request.document, &[], reader).ok()?.heads();
    // As a phone has it that read piece by piece.
    let mut read = match request.snapshot.as_slice() {
        [] => Draft::new(doc, form, reader),
        snapshot => Draft::received(doc, form, snapshot, reader).ok()?,
    };
    let mut arrived: Vec<ChangeHash> = Vec::new();
    for entry in &request.entries {
        let encoding = Encoding::try_from(entry.enc).ok()?;
        let incoming = changes::decode(doc, form, encoding, &entry.bytes).ok()?;
        if incoming.hash(doc) != entry.hash {
            return None;
        }
        read.apply(&incoming).ok()?;
        arrived.extend(incoming.made().iter().map(IncomingChange::hash));
    }
    if read.heads() != heads {
        return None;
    }
    let snapshot = read.columns();
    // As phones will take it: one that has nothing of the document, and one that has something.
    let mut kept = Draft::received(doc, form, &snapshot, reader).ok()?;
    let mut merged = Draft::new(doc, form, reader);
    merged.apply(&changes::decode(doc, form, Encoding::Columns, &snapshot).ok()?).ok()?;
    let holds_all = arrived.iter().all(|change| kept.knows(*change));
    (holds_all && kept.heads() == heads && merged.heads() == heads).then_some(snapshot)
}

/// Says whether it brought anything, and how the document reads with it.
fn check_one(draft: &mut Draft, entry: &CheckEntry) -> Result<(bool, NoteView), Bad> {
    let before = |error| Bad::Before(code(error));
    let encoding = Encoding::try_from(entry.enc).map_err(before)?;
    let (whole, incoming) = read_entry(draft, encoding, &entry.bytes).map_err(before)?;
    if incoming.hash(draft.id()) != entry.hash {
        return Err(Bad::Before(VerdictCode::WrongHash));
    }
    if !incoming.is_by(entry.device) {
        return Err(Bad::Before(VerdictCode::OtherDevice));
    }
    if !draft.has_parents_of(&incoming) {
        return Err(Bad::Before(VerdictCode::Waiting));
    }
    let brought = incoming.made().iter().any(|change| !draft.knows(change.hash()));
    let authors = draft.authors().map_err(|_| Bad::Before(VerdictCode::Unreadable))?;
    match whole {
        Some(whole) => *draft = whole,
        None => draft.apply(&incoming).map_err(|_| Bad::AfterApplying)?,
    }
    let view = draft.view().map_err(|_| Bad::AfterApplying)?;
    // Sound changes that bend the document itself, or write another person's name, do not pass either.
    let is_honest = names_only(draft, &authors, entry.device, &entry.staff);
    match draft.is_sound(&entry.patient, &entry.station) && is_honest {
        true => Ok((brought, view)),
        false => Err(Bad::AfterApplying),
    }
}

/// An entry's changes; where nothing stood there before and it is a whole document, that too: it is opened once, not opened and
/// then merged into an empty one.
fn read_entry(
    draft: &mut Draft,
    encoding: Encoding,
    bytes: &[u8],
) -> Result<(Option<Draft>, changes::Incoming), ChangeError> {
    if encoding == Encoding::Columns
        && draft.is_untouched()
        && let Ok((whole, incoming)) = Draft::received_with(draft.id(), draft.form(), bytes, Actor::READER)
    {
        return Ok((Some(whole), incoming));
    }
    Ok((None, changes::decode(draft.id(), draft.form(), encoding, bytes)?))
}

/// Whether nobody's name was written but its own person's, beside its own device.
fn names_only(draft: &Draft, before: &BTreeMap<DeviceId, StaffId>, device: DeviceId, staff: &StaffId) -> bool {
    let is_own = |of: &DeviceId, name: &StaffId| *of == device && name == staff;
    draft.authors().is_ok_and(|after| after.iter().all(|(of, name)| before.get(of) == Some(name) || is_own(of, name)))
}

fn code(error: ChangeError) -> VerdictCode {
    match error {
        ChangeError::WrongHash => VerdictCode::WrongHash,
        ChangeError::OtherDevice => VerdictCode::OtherDevice,
        ChangeError::TooLarge => VerdictCode::TooCostly,
        _ => VerdictCode::Unreadable,
    }
}

pub(crate) fn read_message(input: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    input.read_exact(&mut length).ok()?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MESSAGE_LIMIT {
        return None;
    }
    let mut message = vec![0; length];
    input.read_exact(&mut message).ok()?;
    Some(message)
}

pub(crate) fn write_message(output: &mut impl Write, message: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(message.len()).map_err(|_| std::io::ErrorKind::InvalidData)?;
    output.write_all(&length.to_be_bytes())?;
    output.write_all(message)?;
    output.flush()
}
