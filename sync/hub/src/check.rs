//! Accept → **check** → feed: what a device sent is verified before any other device sees it.

mod compact;
mod relayed;

pub use compact::{Compacted, DAY_MS, REST_DAYS};

use crate::error::HubError;
use crate::photo_copies::put_together_left_over;
use crate::store::{CopyRow, CopyState, EntryRow, EntryState, Store, Tx, Who};
use crate::worker::{
    self, CheckAnswer, CheckEntry, CheckRequest, Question, RelayAnswer, RelayRequest, read_message, write_message,
};
use protocol::digest::version_of;
use protocol::{Kind, VerdictCode};
use record::visit_note::{Encoding, NoteView, SignedAct, SignedConfirmation, What, changes};
use record::{ChangeHash, ContentHash, DeviceId, DocumentId, Form, StaffId, StaffRole, canonical};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A document that takes the worker longer than this is held, and the worker killed.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs checks one after the other. Cheap to clone.
#[derive(Clone)]
pub struct Checker {
    store: Store,
    worker: Arc<Mutex<Bench>>,
}

/// Where questions are answered.
enum Bench {
    Process(Option<Worker>),
    /// In this process: for simulations, which made the bytes themselves.
    Here,
}

impl Checker {
    pub fn new(store: Store) -> Self {
        Self { store, worker: Arc::new(Mutex::new(Bench::Process(None))) }
    }

    /// Without a worker process: only for bytes that this process made itself.
    pub fn in_this_process(store: Store) -> Self {
        Self { store, worker: Arc::new(Mutex::new(Bench::Here)) }
    }

    /// Checks what a crash or a failing worker left unchecked.
    pub fn check_left_over(&self) -> Result<(), HubError> {
        put_together_left_over(&self.store)?;
        for doc in self.store.read(|tx| tx.unchecked_documents())? {
            // One document that cannot be checked never keeps the others, or the hub, from going on (law 4).
            if let Err(error) = self.check_document(doc) {
                tracing::error!(%doc, %error, "a document was not checked");
            }
        }
        Ok(())
    }

    /// Writes down the version of each document that was stored before versions were.
    pub fn name_versions(&self) -> Result<(), HubError> {
        if self.store.read(|tx| tx.versions_are_known())? {
            return Ok(());
        }
        for (doc, station, patient) in self.store.read(|tx| tx.documents_without_version())? {
            // Held from the reading to the writing: no entry passes in between.
            let mut bench = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let read = self.store.read(|tx| Ok((tx.note_document(doc)?, tx.note_form(doc)?.unwrap_or_default())));
            let answer = match read {
                Ok((document, form)) => check(&mut bench, &request(doc, form, document, &[]), 0)?,
                Err(HubError::Damaged { .. }) => None,
                Err(error) => return Err(error),
            };
            let version = answer.and_then(|answer| version(&answer.heads));
            self.store.write(|tx| tx.put_version(doc, (&station, &patient), version))?;
            drop(bench);
            // Requests that wait for a check come first.
            std::thread::sleep(BETWEEN_VERSIONS);
        }
        Ok(())
    }

    /// Checks one document's pending entries. What passes enters the station's feed in the same transaction.
    pub fn check_document(&self, doc: DocumentId) -> Result<(), HubError> {
        self.settle_document(doc)?;
        self.look_again(&[doc]);
        Ok(())
    }

    fn settle_document(&self, doc: DocumentId) -> Result<(), HubError> {
        // One check at a time: between reading the document and putting it back nobody else may.
        let mut bench = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for _ in 0..TRIES {
            let looked = self.look(&mut bench, doc)?;
            if self.store.write(|tx| looked.settle(tx))? {
                return Ok(());
            }
        }
        tracing::warn!(%doc, "another process checks the same document; it is checked again later");
        Ok(())
    }

    /// The same for what one request brought, a few documents a transaction: the disk is waited for once, not once a document.
    /// What is not done by the deadline is left to [`Self::check_left_over`].
    pub fn check_documents(&self, docs: &[DocumentId], deadline: Instant) {
        for some in docs.chunks(TOGETHER) {
            if Instant::now() >= deadline {
                return;
            }
            let mut bench = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut looked = Vec::with_capacity(some.len());
            for doc in some {
                match self.look(&mut bench, *doc) {
                    Ok(one) => looked.push(one),
                    Err(error) => tracing::error!(%doc, %error, "a document was not checked"),
                }
            }
            let together = self.store.write(|tx| looked.iter().try_for_each(|one| one.settle(tx).map(drop)));
            if let Err(error) = together {
                // One that cannot be stored never keeps the others (law 4): each by itself.
                tracing::warn!(%error, "documents are settled one by one");
                for one in &looked {
                    if let Err(error) = self.store.write(|tx| one.settle(tx)) {
                        tracing::error!(doc = %one.doc, %error, "a document was not settled");
                    }
                }
            }
            drop(bench);
            self.look_again(some);
        }
    }

    /// Asks the worker about a document's pending entries. Nothing is written yet.
    fn look(&self, bench: &mut Bench, doc: DocumentId) -> Result<Looked, HubError> {
        let (pending, document, form, strangers, stamp) = self.store.read(|tx| {
            let pending = tx.pending_entries(doc)?;
            let strangers = strangers(tx, doc, &pending)?;
            Ok((pending, tx.note_document(doc)?, tx.note_form(doc)?, strangers, tx.note_stamp(doc)?))
        })?;
        let theirs = || pending.iter().filter(|entry| !strangers.contains(&entry.id));
        // A document keeps the form it began with: entries of another kind under its id are not its changes.
        let form = form.or_else(|| theirs().find_map(|entry| Form::from_tag(entry.kind.into()))).unwrap_or_default();
        let notes: Vec<&EntryRow> = theirs().filter(|entry| Form::from_tag(entry.kind.into()) == Some(form)).collect();
        let with_staff: Vec<(&EntryRow, StaffId)> = self.store.read(|tx| {
            let staff = |entry: &EntryRow| -> Result<StaffId, HubError> {
                Ok(tx.device(entry.device)?.ok_or(HubError::UnknownDevice(entry.device))?.staff)
            };
            notes.iter().map(|entry| Ok((*entry, staff(entry)?))).collect()
        })?;
        let answer = match notes.is_empty() {
            true => None,
            false => Some(match check(bench, &request(doc, form, document.clone(), &with_staff), notes.len())? {
                Some(answer) => answer,
                // The worker died or hung over the batch: ask one by one, so that only the guilty entry is held.
                None => one_by_one(bench, doc, form, document, &with_staff)?,
            }),
        };
        Ok(Looked { doc, form, stamp, answer, pending, strangers })
    }
}

/// How often a document is looked at again because another process (the command line) checked it meanwhile.
const TRIES: u32 = 5;
const BETWEEN_VERSIONS: Duration = Duration::from_millis(5);
/// Documents that are looked at and settled together.
const TOGETHER: usize = 16;

/// What the worker said of a document's pending entries.
struct Looked {
    doc: DocumentId,
    form: Form,
    /// Which writing of the document it was.
    stamp: Option<Vec<u8>>,
    answer: Option<CheckAnswer>,
    pending: Vec<EntryRow>,
    /// Entries of stations that do not care for the patient.
    strangers: Vec<i64>,
}

impl Looked {
    /// `false`: another process has checked meanwhile, and nothing was written. What is left is looked at again.
    fn settle(&self, tx: &Tx<'_>) -> Result<bool, HubError> {
        let still = tx.pending_ids(self.doc)?;
        if tx.note_stamp(self.doc)? != self.stamp || self.pending.iter().any(|entry| !still.contains(&entry.id)) {
            return Ok(false);
        }
        let (theirs, rest): (Vec<&EntryRow>, Vec<&EntryRow>) =
            self.pending.iter().partition(|entry| !self.strangers.contains(&entry.id));
        let (notes, mut others): (Vec<&EntryRow>, Vec<&EntryRow>) =
            theirs.into_iter().partition(|entry| Form::from_tag(entry.kind.into()) == Some(self.form));
        for stranger in rest {
            tx.settle(stranger.id, EntryState::Held, Some(VerdictCode::UnknownPatient))?;
        }
        if let Some(answer) = &self.answer {
            if let (Some(first), Some(view)) = (notes.first(), &answer.view)
                && answer.verdicts.iter().any(Option::is_none)
            {
                let whose = (&first.station, &first.patient);
                tx.put_note(self.doc, self.form, whose, &answer.document, view)?;
                tx.put_version(self.doc, whose, version(&answer.heads))?;
            }
            for ((entry, verdict), news) in notes.iter().zip(&answer.verdicts).zip(&answer.news) {
                settle_note(tx, entry, *verdict, *news)?;
            }
        }
        // Confirmations first: an act that came before the confirmation that it is about waits for nothing else.
        others.sort_by_key(|entry| entry.kind != Kind::Confirmation);
        others.into_iter().try_for_each(|entry| settle_other(tx, entry))?;
        Ok(true)
    }
}

impl Checker {
    /// Looks at sealed copies of one device for one document: what the document holds already is settled, the rest waits
    /// for a person.
    pub fn look_at_copies(&self, doc: DocumentId, device: DeviceId) -> Result<(), HubError> {
        let copies = self.store.read(|tx| tx.held_copies(doc, device))?;
        let Some((_, answer)) = self.relayed(doc, device, &copies)? else { return Ok(()) };
        self.store.write(|tx| {
            let changes = copies.iter().filter(|copy| copy.kind.is_document());
            for (copy, known) in changes.zip(&answer.known) {
                if *known {
                    tx.settle_copy(copy.id, CopyState::Known)?;
                }
            }
            // An entry that has not passed is in nobody's feed, and may be a forgery that bears the same name.
            for copy in copies.iter().filter(|copy| !copy.kind.is_document()) {
                if tx.has_passed(doc, statement_hash(doc, copy.hash))? {
                    tx.settle_copy(copy.id, CopyState::Known)?;
                }
            }
            Ok(())
        })
    }

    /// A person lets the copies in: they become entries of their device and go the way of every entry. That somebody asked for it
    /// is written down with it, or nothing has happened.
    pub fn accept_copies(&self, doc: DocumentId, device: DeviceId) -> Result<CopyVerdict, HubError> {
        let copies = self.store.read(|tx| tx.held_copies(doc, device))?;
        let Some(first) = copies.first() else { return Ok(CopyVerdict::Nothing) };
        let has_changes = copies.iter().any(|copy| copy.kind.is_document());
        let goes = self.relayed(doc, device, &copies)?.filter(|(_, answer)| !has_changes || answer.entry.is_some());
        self.store.write(|tx| {
            tx.audit(&Who::Admin, "held_accept", Some(&first.patient), &format!("copies-{doc}-{device}"))?;
            let Some((form, answer)) = &goes else { return Ok(()) };
            if let Some(entry) = &answer.entry {
                tx.relay_entry(first, Kind::from(form.tag()), entry.enc, entry.hash, &entry.bytes)?;
            }
            for copy in copies.iter().filter(|copy| !copy.kind.is_document()) {
                let hash = statement_hash(doc, copy.hash);
                if !tx.has_passed(doc, hash)? {
                    tx.relay_entry(copy, copy.kind, Encoding::Cbor.into(), hash, &copy.bytes)?;
                }
            }
            copies.iter().try_for_each(|copy| tx.settle_copy(copy.id, CopyState::Accepted))
        })?;
        if goes.is_none() {
            return Ok(CopyVerdict::Waiting);
        }
        self.check_document(doc)?;
        Ok(CopyVerdict::Accepted)
    }

    /// How a document would read with a device's copies, before a person lets them in; `None`: they wait for something.
    pub fn read_copies(&self, doc: DocumentId, device: DeviceId) -> Result<Option<NoteView>, HubError> {
        let copies = self.store.read(|tx| tx.held_copies(doc, device))?;
        let answer = self.relayed(doc, device, &copies)?;
        Ok(answer.and_then(|(_, answer)| answer.entry).map(|entry| entry.view))
    }

    fn relayed(
        &self,
        doc: DocumentId,
        device: DeviceId,
        copies: &[CopyRow],
    ) -> Result<Option<(Form, RelayAnswer)>, HubError> {
        let mut worker = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let changes: Vec<&CopyRow> = copies.iter().filter(|copy| copy.kind.is_document()).collect();
        let (document, form) = self.store.read(|tx| Ok((tx.note_document(doc)?, tx.note_form(doc)?)))?;
        let begun = changes.first().and_then(|copy| Form::from_tag(copy.kind.into()));
        let form = form.or(begun).unwrap_or_default();
        if changes.is_empty() {
            return Ok(Some((form, RelayAnswer { known: Vec::new(), entry: None })));
        }
        let question = Question::Relay(RelayRequest {
            doc,
            form,
            document,
            device,
            changes: changes.iter().map(|copy| serde_bytes::ByteBuf::from(copy.bytes.clone())).collect(),
        });
        let asked = changes.len();
        let answer = ask(&mut worker, &question, |answer: &RelayAnswer| answer.known.len() == asked)?;
        Ok(answer.map(|answer| (form, answer)))
    }
}

fn version(heads: &[ChangeHash]) -> Option<ContentHash> {
    (!heads.is_empty()).then(|| version_of(heads))
}

fn statement_hash(doc: DocumentId, hash: ContentHash) -> ContentHash {
    changes::entry_hash(doc, &[ChangeHash(hash.0)])
}

/// What became of copies that a person let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyVerdict {
    Accepted,
    /// Something they stand on has not arrived.
    Waiting,
    Nothing,
}

impl Question {
    fn doc(&self) -> DocumentId {
        match self {
            Question::Check(request) => request.doc,
            Question::Relay(request) => request.doc,
            Question::Read(request) => request.changes.first().map_or(DocumentId([0; 16]), |change| change.doc),
            Question::Bring(request) => request.doc,
            Question::Compact(request) => request.doc,
        }
    }
}

/// Entries of stations that do not care for the patient, or for a document that is somebody else's: a document never
/// changes hands.
fn strangers(tx: &Tx<'_>, doc: DocumentId, pending: &[EntryRow]) -> Result<Vec<i64>, HubError> {
    let mut owner = tx.note_owner(doc)?;
    let mut strangers = Vec::new();
    for entry in pending {
        // A planned visit's note is of that visit's patient, whoever comes first.
        let planned = match Form::from_tag(entry.kind.into()) {
            Some(form) => tx
                .visit_of_note(&entry.station, doc)?
                .is_none_or(|patient| form == Form::VisitNote && patient == entry.patient),
            None => true,
        };
        let owned = planned
            && owner.as_ref().is_none_or(|(station, patient)| *station == entry.station && *patient == entry.patient);
        if !owned || !tx.has_care(&entry.station, &entry.patient)? {
            strangers.push(entry.id);
        } else if owner.is_none() {
            owner = Some((entry.station.clone(), entry.patient.clone()));
        }
    }
    Ok(strangers)
}

fn request(doc: DocumentId, form: Form, document: Vec<u8>, entries: &[(&EntryRow, StaffId)]) -> Question {
    let entries = entries
        .iter()
        .map(|(entry, staff)| CheckEntry {
            device: entry.device,
            staff: staff.clone(),
            patient: entry.patient.clone(),
            station: entry.station.clone(),
            enc: entry.enc,
            hash: entry.hash,
            bytes: entry.bytes.clone(),
        })
        .collect();
    Question::Check(CheckRequest { doc, form, document, entries })
}

fn one_by_one(
    worker: &mut Bench,
    doc: DocumentId,
    form: Form,
    mut document: Vec<u8>,
    entries: &[(&EntryRow, StaffId)],
) -> Result<CheckAnswer, HubError> {
    let (mut verdicts, mut news, mut heads, mut view) = (Vec::new(), Vec::new(), Vec::new(), None);
    for entry in entries {
        match check(worker, &request(doc, form, document.clone(), std::slice::from_ref(entry)), 1)? {
            Some(mut answer) => {
                verdicts.push(answer.verdicts.pop().flatten());
                news.push(answer.news.pop().unwrap_or(true));
                document = answer.document;
                heads = answer.heads;
                view = answer.view;
            }
            None => {
                verdicts.push(Some(VerdictCode::TooCostly));
                news.push(false);
            }
        }
    }
    Ok(CheckAnswer { verdicts, news, document, heads, view })
}

fn settle_note(tx: &Tx<'_>, entry: &EntryRow, verdict: Option<VerdictCode>, news: bool) -> Result<(), HubError> {
    match verdict {
        None => {
            tx.settle(entry.id, EntryState::Passed, None)?;
            // What everybody has already is told to nobody again.
            if news { tx.feed_entry(entry) } else { Ok(()) }
        }
        Some(VerdictCode::Waiting) => tx.settle(entry.id, EntryState::Waiting, Some(VerdictCode::Waiting)),
        Some(code) => tx.settle(entry.id, EntryState::Held, Some(code)),
    }
}

fn settle_other(tx: &Tx<'_>, entry: &EntryRow) -> Result<(), HubError> {
    let verdict = match entry.kind {
        Kind::Confirmation => check_confirmation(tx, entry)?,
        Kind::Amendment => check_act(tx, entry)?,
        // A kind of a newer app: kept for a newer hub.
        _ => Some(VerdictCode::Unknown),
    };
    match verdict {
        Some(VerdictCode::Waiting) => tx.settle(entry.id, EntryState::Waiting, Some(VerdictCode::Waiting)),
        Some(code) => tx.settle(entry.id, EntryState::Held, Some(code)),
        None => {
            let is_repeat = tx.passed_before(entry)?;
            tx.settle(entry.id, EntryState::Passed, None)?;
            match entry.kind {
                Kind::Confirmation => {
                    if !is_repeat {
                        let staff = tx.device(entry.device)?.ok_or(HubError::UnknownDevice(entry.device))?.staff;
                        tx.put_confirmation(entry.id, entry.doc, entry.device, &staff, entry.received_at)?;
                    }
                    tx.feed_confirmation(entry, is_repeat)
                }
                _ if is_repeat => Ok(()),
                _ => tx.feed_entry(entry),
            }
        }
    }
}

/// A confirmation is signed by its device's key, for this note, by the device's owner.
fn check_confirmation(tx: &Tx<'_>, entry: &EntryRow) -> Result<Option<VerdictCode>, HubError> {
    let Ok(signed) = SignedConfirmation::from_bytes(&entry.bytes) else { return Ok(Some(VerdictCode::Unreadable)) };
    if signed.entry_hash(entry.doc) != entry.hash {
        return Ok(Some(VerdictCode::WrongHash));
    }
    let device = tx.device(entry.device)?.ok_or(HubError::UnknownDevice(entry.device))?;
    let Ok(frozen) = signed.open(entry.doc) else { return Ok(Some(VerdictCode::WrongSignature)) };
    // Nothing is confirmed that has not arrived: a confirmation never makes a document.
    let Some(form) = tx.note_form(entry.doc)? else { return Ok(Some(VerdictCode::Waiting)) };
    let theirs = signed.key == device.signing_key
        && frozen.device == entry.device
        && frozen.staff == device.staff
        && frozen.about.patient == entry.patient
        && frozen.about.station == entry.station
        && frozen.form == form;
    Ok(if theirs { None } else { Some(VerdictCode::WrongSignature) })
}

/// An act is signed by its device's key, about this note, by the device's owner; only a manager chooses among confirmations.
fn check_act(tx: &Tx<'_>, entry: &EntryRow) -> Result<Option<VerdictCode>, HubError> {
    let Ok(signed) = SignedAct::from_bytes(&entry.bytes) else { return Ok(Some(VerdictCode::Unreadable)) };
    if signed.entry_hash(entry.doc) != entry.hash {
        return Ok(Some(VerdictCode::WrongHash));
    }
    let device = tx.device(entry.device)?.ok_or(HubError::UnknownDevice(entry.device))?;
    let Ok(act) = signed.open(entry.doc) else { return Ok(Some(VerdictCode::WrongSignature)) };
    let is_known = tx.confirmations(entry.doc)?.iter().any(|c| c.signed.hash() == act.on);
    if !is_known {
        return Ok(Some(VerdictCode::Waiting));
    }
    let theirs = signed.key == device.signing_key
        && act.device == entry.device
        && act.staff == device.staff
        && act.patient == entry.patient
        && act.station == entry.station;
    let may = !matches!(act.what, What::Choose { .. })
        || tx.staff_member(&act.staff)?.is_some_and(|staff| staff.role == StaffRole::Manager);
    Ok(match (theirs, may) {
        (false, _) => Some(VerdictCode::WrongSignature),
        (true, false) => Some(VerdictCode::NotAllowed),
        (true, true) => None,
    })
}

/// A running worker process; its answers arrive over a channel so that silence can be noticed.
struct Worker {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Vec<u8>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A worker that hangs is killed; one that has died already says so and nothing is lost.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn check(worker: &mut Bench, question: &Question, entries: usize) -> Result<Option<CheckAnswer>, HubError> {
    ask(worker, question, |answer: &CheckAnswer| answer.verdicts.len() == entries)
}

/// `None`: the worker died, hung or talked nonsense over this question and was killed.
fn ask<A: serde::de::DeserializeOwned>(
    bench: &mut Bench,
    question: &Question,
    fits: impl FnOnce(&A) -> bool,
) -> Result<Option<A>, HubError> {
    let worker = match bench {
        Bench::Process(worker) => worker,
        Bench::Here => return Ok(canonical::from_bytes::<A>(&worker::answer(question)?).ok().filter(fits)),
    };
    let message = canonical::to_bytes(question)?;
    if worker.is_none() {
        *worker = Some(start()?);
    }
    let Some(running) = worker.as_mut() else { return Ok(None) };
    let answer = write_message(&mut running.input, &message)
        .ok()
        .and_then(|()| running.answers.recv_timeout(PATIENCE).ok())
        .and_then(|bytes| canonical::from_bytes::<A>(&bytes).ok())
        .filter(fits);
    if answer.is_none() {
        tracing::warn!(doc = %question.doc(), "the checking worker was killed over a document");
        *worker = None;
    }
    Ok(answer)
}

fn start() -> Result<Worker, HubError> {
    // On Linux the running program itself, even if an upgrade has replaced its file.
    let program = match cfg!(target_os = "linux") {
        true => std::path::PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().map_err(HubError::Worker)?,
    };
    let mut child = Command::new(program)
        .arg(worker::ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(HubError::Worker)?;
    let missing = || HubError::Worker(std::io::ErrorKind::BrokenPipe.into());
    let input = child.stdin.take().ok_or_else(missing)?;
    let mut output = child.stdout.take().ok_or_else(missing)?;
    let (sender, answers) = sync_channel(1);
    std::thread::spawn(move || {
        while let Some(message) = read_message(&mut output) {
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    let mut worker = Worker { child, input, answers };
    // A first, empty question: a worker that cannot answer it must not be blamed on a nurse's entry.
    let probe = canonical::to_bytes(&request(DocumentId([0; 16]), Form::VisitNote, Vec::new(), &[]))?;
    let answered = write_message(&mut worker.input, &probe).is_ok() && worker.answers.recv_timeout(PATIENCE).is_ok();
    if answered { Ok(worker) } else { Err(missing()) }
}
