//! The checker's worker process: the only place at the hub where Automerge reads bytes from outside.
//!
//! It has no database, no keys and no network; it is limited in memory and killed when it takes too long. One request and one
//! answer at a time, each a length and CBOR, over standard input and output.

mod bring;

pub(crate) use bring::{
    BringAnswer, BringRequest, BroughtEntry, Fate, NamedChange, ReadAnswer, ReadRequest, RelayedChange,
};

use protocol::VerdictCode;
use record::canonical::CborError;
use record::visit_note::photos::hashes;
use record::visit_note::{Actor, ChangeError, Draft, Encoding, IncomingChange, NoteView, changes};
use record::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId, canonical};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
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
    /// Some documents at once: the worker is woken once for them.
    Check(Vec<CheckRequest>),
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
    /// The document with everything that passed; as it was if nothing did.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    /// Its heads; none if it cannot be read.
    pub heads: Vec<ChangeHash>,
    /// How it reads with what passed; none if nothing did.
    pub reading: Option<Reading>,
}

/// How a document reads, as it is stored: written once, and read by nobody on the way.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reading {
    #[serde(with = "serde_bytes")]
    pub view: Vec<u8>,
    /// The photos that it names.
    pub photos: Vec<ContentHash>,
}

impl Reading {
    fn of(view: &NoteView) -> Result<Self, CborError> {
        Ok(Self { view: canonical::to_bytes(view)?, photos: hashes(view).into_iter().collect() })
    }
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
    // Standard output as Rust has it looks for ends of lines in what it is given, and sends it in parts.
    let Ok(output) = std::io::stdout().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let (mut input, mut output) = (std::io::stdin().lock(), File::from(output));
    while let Some(message) = read_message(&mut input) {
        let Ok(question) = canonical::from_bytes::<Question>(&message) else { return ExitCode::FAILURE };
        if answer(&question).ok().and_then(|bytes| write_message(&mut output, &bytes).ok()).is_none() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The answer to one question, as it goes over the pipe.
pub(crate) fn answer(question: &Question) -> Result<Vec<u8>, CborError> {
    match question {
        Question::Check(requests) => to_message(&requests.iter().map(check).collect::<Result<Vec<_>, _>>()?),
        Question::Relay(request) => to_message(&relay(request)),
        Question::Read(request) => to_message(&bring::read_all(request)),
        Question::Bring(request) => to_message(&bring::bring(request)),
        Question::Compact(request) => {
            to_message(&CompactAnswer { snapshot: compact(request).map(serde_bytes::ByteBuf::from) })
        }
    }
}

/// What goes over the pipe is signed and compared by nobody: it needs no form of its own, and is written once.
pub(crate) fn to_message<T: Serialize>(value: &T) -> Result<Vec<u8>, CborError> {
    let mut message = Vec::new();
    ciborium::into_writer(value, &mut message).map_err(|_| CborError::Write)?;
    Ok(message)
}

/// Checks entries one by one against the document as it stands. A bad one never blocks the rest (law 4).
fn check(request: &CheckRequest) -> Result<CheckAnswer, CborError> {
    let Some(mut desk) = Desk::open(request) else { return Ok(none_of(request)) };
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
            verdicts[at] = match desk.take(entry) {
                Ok((brought, reads)) => {
                    (news[at], view) = (brought, Some(reads));
                    passed.push(at);
                    None
                }
                Err(Bad::AfterApplying) => {
                    // Rare, and so paid for here: the document as it was with what had passed.
                    match again(request, &passed) {
                        Some(sound) => desk = sound,
                        // What passed a moment ago does not any more: nothing is believed.
                        None => return Ok(none_of(request)),
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
    let document = if passed.is_empty() { request.document.clone() } else { desk.document() };
    let reading = view.as_ref().map(Reading::of).transpose()?;
    Ok(CheckAnswer { verdicts, news, heads: desk.heads(), document, reading })
}

fn none_of(request: &CheckRequest) -> CheckAnswer {
    let verdicts = request.entries.iter().map(|_| Some(VerdictCode::Unreadable)).collect();
    let news = vec![false; request.entries.len()];
    CheckAnswer { verdicts, news, document: request.document.clone(), heads: Vec::new(), reading: None }
}

/// The document of a request with the entries that have passed.
fn again<'r>(request: &'r CheckRequest, passed: &[usize]) -> Option<Desk<'r>> {
    let mut desk = Desk::open(request)?;
    for entry in passed.iter().filter_map(|at| request.entries.get(*at)) {
        desk.take(entry).ok()?;
    }
    Some(desk)
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

/// The document of a request, and what comes into it. Where nothing stood before it is not made until something needs it: what
/// comes is a whole document as a rule, which is opened once, not opened and then merged into an empty one.
struct Desk<'r> {
    request: &'r CheckRequest,
    draft: Option<Draft>,
    /// The entry that is the document as it stands: its bytes are kept as they came.
    whole: Option<&'r [u8]>,
}

impl<'r> Desk<'r> {
    fn open(request: &'r CheckRequest) -> Option<Self> {
        let draft = match request.document.as_slice() {
            [] => None,
            document => Some(Draft::load(request.doc, request.form, document, &[], Actor::READER).ok()?),
        };
        Some(Self { request, draft, whole: None })
    }

    /// Says whether an entry brought anything, and how the document reads with it.
    fn take(&mut self, entry: &'r CheckEntry) -> Result<(bool, NoteView), Bad> {
        let (doc, form) = (self.request.doc, self.request.form);
        let encoding = Encoding::try_from(entry.enc).map_err(|error| Bad::Before(code(error)))?;
        if let Some((mut whole, contents)) = self.opened(encoding, &entry.bytes) {
            is_named(entry, contents.hash(doc), contents.is_by(entry.device))?;
            // Until it is taken the document is as it was.
            let view = reads(&mut whole, &BTreeMap::new(), entry).ok_or(Bad::Before(VerdictCode::Unreadable))?;
            self.draft = Some(whole);
            self.whole = Some(entry.bytes.as_slice());
            return Ok((!contents.is_empty(), view));
        }
        let incoming = changes::decode(doc, form, encoding, &entry.bytes).map_err(|error| Bad::Before(code(error)))?;
        is_named(entry, incoming.hash(doc), incoming.is_by(entry.device))?;
        let draft = self.draft();
        if !draft.has_parents_of(&incoming) {
            return Err(Bad::Before(VerdictCode::Waiting));
        }
        let brought = incoming.made().iter().any(|change| !draft.knows(change.hash()));
        let authors = draft.authors().map_err(|_| Bad::Before(VerdictCode::Unreadable))?;
        draft.apply(&incoming).map_err(|_| Bad::AfterApplying)?;
        let view = reads(draft, &authors, entry).ok_or(Bad::AfterApplying)?;
        self.whole = None;
        Ok((brought, view))
    }

    /// A whole document, where nothing stands yet.
    fn opened(&mut self, encoding: Encoding, bytes: &[u8]) -> Option<(Draft, changes::Contents)> {
        let is_untouched = self.draft.as_mut().is_none_or(Draft::is_untouched);
        if encoding != Encoding::Columns || !is_untouched {
            return None;
        }
        Draft::received_with(self.request.doc, self.request.form, bytes, Actor::READER).ok()
    }

    fn draft(&mut self) -> &mut Draft {
        self.draft.get_or_insert_with(|| Draft::new(self.request.doc, self.request.form, Actor::READER))
    }

    /// To be stored. Deflating it would cost more than the bytes are worth: it is opened and written again with every entry. Not
    /// so where it has been made to unfold: a small entry would swell the database, and hold up each entry that comes after it.
    fn document(&mut self) -> Vec<u8> {
        match self.whole {
            Some(bytes) => bytes.to_vec(),
            None => {
                let draft = self.draft();
                let columns = draft.columns();
                if columns.len() <= changes::ENTRY_LIMIT { columns } else { draft.save() }
            }
        }
    }

    fn heads(&mut self) -> Vec<ChangeHash> {
        self.draft.as_mut().map(Draft::heads).unwrap_or_default()
    }
}

/// Whether an entry's changes are the ones that its hash names, and its device's.
fn is_named(entry: &CheckEntry, hash: ContentHash, is_by: bool) -> Result<(), Bad> {
    match (hash == entry.hash, is_by) {
        (false, _) => Err(Bad::Before(VerdictCode::WrongHash)),
        (true, false) => Err(Bad::Before(VerdictCode::OtherDevice)),
        (true, true) => Ok(()),
    }
}

/// How a document reads with an entry; `None`: it cannot be read, or sound changes bend the document itself or write another
/// person's name.
fn reads(draft: &mut Draft, before: &BTreeMap<DeviceId, StaffId>, entry: &CheckEntry) -> Option<NoteView> {
    let view = draft.view().ok()?;
    let is_honest = names_only(&view.authors, before, entry.device, &entry.staff);
    (draft.is_sound(&entry.patient, &entry.station) && is_honest).then_some(view)
}

/// Whether nobody's name was written but its own person's, beside its own device.
fn names_only(
    after: &BTreeMap<DeviceId, StaffId>,
    before: &BTreeMap<DeviceId, StaffId>,
    device: DeviceId,
    staff: &StaffId,
) -> bool {
    let is_own = |of: &DeviceId, name: &StaffId| *of == device && name == staff;
    after.iter().all(|(of, name)| before.get(of) == Some(name) || is_own(of, name))
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
    // At once: whoever waits for it is woken once.
    output.write_all(&[&length.to_be_bytes(), message].concat())?;
    output.flush()
}
