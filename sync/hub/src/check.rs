//! Accept → **check** → feed: what a device sent is verified before any other device sees it.

mod bench;
mod compact;
mod copies;
mod relayed;
mod statements;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use compact::{Compacted, DAY_MS, REST_DAYS};
pub use copies::CopyVerdict;

use crate::error::HubError;
use crate::photo_copies::put_together_left_over;
use crate::store::{EntryRow, EntryState, Store, Tx};
use crate::worker::{CheckAnswer, CheckEntry, CheckRequest, Question};
use bench::{Bench, ask, portions};
use protocol::digest::version_of;
use protocol::{Kind, VerdictCode};
use record::visit_note::changes;
use record::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId};
use statements::settle_statement;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Runs checks one after the other. Cheap to clone.
#[derive(Clone)]
pub struct Checker {
    store: Store,
    worker: Arc<Mutex<Bench>>,
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
        if self.store.read(|tx| tx.has_said_versions_are_known())? {
            return Ok(());
        }
        for (doc, station, patient) in self.store.read(|tx| tx.documents_without_version())? {
            // Held from the reading to the writing: no entry passes in between.
            let mut bench = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let read = self.store.read(|tx| Ok((tx.note_document(doc)?, tx.note_form(doc)?.unwrap_or_default())));
            let answer = match read {
                Ok((document, form)) => check(&mut bench, CheckRequest { doc, form, document, entries: Vec::new() })?,
                Err(HubError::Damaged { .. }) => None,
                Err(error) => return Err(error),
            };
            let version = answer.and_then(|answer| version(&answer.heads));
            self.store.write(|tx| tx.put_version(doc, (&station, &patient), version))?;
            drop(bench);
            // Requests that wait for a check come first.
            std::thread::sleep(BETWEEN_VERSIONS);
        }
        self.store.write(|tx| tx.say_versions_are_known())
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
            for looked in self.look(&mut bench, &[doc])? {
                let looked = looked?;
                if self.store.write(|tx| looked.settle(tx))? {
                    return Ok(());
                }
            }
        }
        tracing::warn!(%doc, "another process checks the same document; it is checked again later");
        Ok(())
    }

    /// The same for what one request brought, a few documents together: the worker is asked once, and the disk waited for once.
    /// What is not done by the deadline is left to [`Self::check_left_over`].
    pub fn check_documents(&self, docs: &[DocumentId], deadline: Instant) {
        for some in docs.chunks(TOGETHER) {
            if Instant::now() >= deadline {
                return;
            }
            let mut bench = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let looked = self.look(&mut bench, some).unwrap_or_else(|error| {
                tracing::error!(%error, "some documents were not checked");
                Vec::new()
            });
            let sound = some.iter().zip(looked).filter_map(|(doc, looked)| {
                looked.inspect_err(|error| tracing::error!(%doc, %error, "a document was not checked")).ok()
            });
            let looked: Vec<Looked> = sound.collect();
            let together = self.store.write(|tx| looked.iter().try_for_each(|one| one.settle(tx).map(drop)));
            if let Err(error) = together {
                // One that cannot be stored never keeps the others (law 4): each by itself.
                tracing::warn!(%error, "documents are settled one by one");
                for one in &looked {
                    if let Err(error) = self.store.write(|tx| one.settle(tx)) {
                        tracing::error!(doc = %one.of.doc, %error, "a document was not settled");
                    }
                }
            }
            drop(bench);
            self.look_again(some);
        }
    }

    /// Asks the worker about documents' pending entries: one answer each, in their order. Nothing is written yet.
    fn look(&self, bench: &mut Bench, docs: &[DocumentId]) -> Result<Vec<Result<Looked, HubError>>, HubError> {
        let _span = tracing::info_span!(MATERIALISE).entered();
        let pending = self.store.read(|tx| {
            let mut seen = Seen::default();
            // One that cannot be read keeps no other from being checked (law 4).
            Ok(docs.iter().map(|doc| Pending::of(tx, *doc, &mut seen)).collect::<Vec<_>>())
        })?;
        let asked: Vec<&Pending> = pending.iter().flatten().filter(|one| !one.notes.is_empty()).collect();
        let mut answers = Vec::with_capacity(asked.len());
        for some in portions(&asked, |one| one.bytes()) {
            answers.extend(ask_about(bench, some));
        }
        let mut answers = answers.into_iter();
        let looked = pending.into_iter().map(|one| -> Result<Looked, HubError> {
            let of = one?;
            let answer = if of.notes.is_empty() { None } else { answers.next().transpose()? };
            Ok(Looked { of, answer })
        });
        Ok(looked.collect())
    }
}

/// Around what is done for whole documents, and would not be if entries were only kept and told: it is measured by this.
const MATERIALISE: &str = "materialise";
/// How often a document is looked at again because another process (the command line) checked it meanwhile.
const TRIES: u32 = 5;
const BETWEEN_VERSIONS: Duration = Duration::from_millis(5);
/// Documents that are looked at and settled together.
const TOGETHER: usize = 16;

/// A document and its pending entries, as one reading has them.
struct Pending {
    doc: DocumentId,
    form: Form,
    /// Empty if none stands here.
    document: Vec<u8>,
    /// Which writing of the document it is.
    stamp: Option<Vec<u8>>,
    entries: Vec<EntryRow>,
    /// Entries of stations that do not care for the patient.
    strangers: Vec<i64>,
    /// Which of the pending ones are for the worker, and whose hand each is from.
    notes: Vec<(usize, StaffId)>,
}

/// What one reading asks once, however many entries want to know it.
#[derive(Default)]
struct Seen {
    staff: HashMap<DeviceId, StaffId>,
    cares: HashMap<(FacilityId, PatientId), bool>,
}

impl Seen {
    fn staff(&mut self, tx: &Tx<'_>, device: DeviceId) -> Result<StaffId, HubError> {
        if let Some(staff) = self.staff.get(&device) {
            return Ok(staff.clone());
        }
        let staff = tx.device(device)?.ok_or(HubError::UnknownDevice(device))?.staff;
        self.staff.insert(device, staff.clone());
        Ok(staff)
    }

    fn has_care(&mut self, tx: &Tx<'_>, station: &FacilityId, patient: &PatientId) -> Result<bool, HubError> {
        let whose = (station.clone(), patient.clone());
        if let Some(known) = self.cares.get(&whose) {
            return Ok(*known);
        }
        let has_care = tx.has_care(station, patient)?;
        self.cares.insert(whose, has_care);
        Ok(has_care)
    }
}

impl Pending {
    fn of(tx: &Tx<'_>, doc: DocumentId, seen: &mut Seen) -> Result<Self, HubError> {
        let entries = tx.pending_entries(doc)?;
        let (owner, form, document, stamp) = match tx.note_row(doc)? {
            Some(row) => (Some((row.station, row.patient)), row.form, row.document, Some(row.stamp)),
            None => (None, None, Vec::new(), None),
        };
        let strangers = strangers(tx, (doc, owner), &entries, seen)?;
        let is_theirs = |entry: &EntryRow| !strangers.contains(&entry.id);
        // A document keeps the form it began with: entries of another kind under its id are not its changes.
        let begun = entries.iter().filter(|entry| is_theirs(entry)).find_map(|entry| Form::from_tag(entry.kind.into()));
        let form = form.or(begun).unwrap_or_default();
        let mut notes = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            if is_theirs(entry) && Form::from_tag(entry.kind.into()) == Some(form) {
                notes.push((at, seen.staff(tx, entry.device)?));
            }
        }
        Ok(Self { doc, form, document, stamp, entries, strangers, notes })
    }

    fn bytes(&self) -> usize {
        self.document.len() + self.notes.iter().map(|(at, _)| self.entries[*at].bytes.len()).sum::<usize>()
    }

    /// What the worker is told of its entries.
    fn told(&self) -> Vec<CheckEntry> {
        let entry = |(at, staff): &(usize, StaffId)| {
            let entry = &self.entries[*at];
            CheckEntry {
                device: entry.device,
                staff: staff.clone(),
                patient: entry.patient.clone(),
                station: entry.station.clone(),
                enc: entry.enc,
                hash: entry.hash,
                bytes: entry.bytes.clone(),
            }
        };
        self.notes.iter().map(entry).collect()
    }

    fn request(&self, document: Vec<u8>, entries: Vec<CheckEntry>) -> CheckRequest {
        CheckRequest { doc: self.doc, form: self.form, document, entries }
    }
}

/// What the worker said of a document's pending entries.
struct Looked {
    of: Pending,
    /// None if there was nothing to ask it about.
    answer: Option<CheckAnswer>,
}

impl Looked {
    /// `false`: another process has checked meanwhile, and nothing was written. What is left is looked at again.
    fn settle(&self, tx: &Tx<'_>) -> Result<bool, HubError> {
        let of = &self.of;
        let still = tx.pending_ids(of.doc)?;
        if tx.note_stamp(of.doc)? != of.stamp || of.entries.iter().any(|entry| !still.contains(&entry.id)) {
            return Ok(false);
        }
        let (theirs, rest): (Vec<&EntryRow>, Vec<&EntryRow>) =
            of.entries.iter().partition(|entry| !of.strangers.contains(&entry.id));
        let (notes, mut others): (Vec<&EntryRow>, Vec<&EntryRow>) =
            theirs.into_iter().partition(|entry| Form::from_tag(entry.kind.into()) == Some(of.form));
        for stranger in rest {
            tx.settle(stranger.id, EntryState::Held, Some(VerdictCode::UnknownPatient))?;
        }
        if let Some(answer) = &self.answer {
            if let (Some(first), Some(reading)) = (notes.first(), &answer.reading)
                && answer.verdicts.iter().any(Option::is_none)
            {
                let _span = tracing::info_span!(MATERIALISE).entered();
                let whose = (&first.station, &first.patient);
                tx.put_note(of.doc, of.form, whose, &answer.document, &reading.view, &reading.photos)?;
                tx.put_version(of.doc, whose, version(&answer.heads))?;
            }
            for ((entry, verdict), news) in notes.iter().zip(&answer.verdicts).zip(&answer.news) {
                settle_note(tx, entry, *verdict, *news)?;
            }
        }
        // Confirmations first: an act that came before the confirmation that it is about waits for nothing else.
        others.sort_by_key(|entry| entry.kind != Kind::Confirmation);
        others.into_iter().try_for_each(|entry| settle_statement(tx, entry))?;
        Ok(true)
    }
}

fn version(heads: &[ChangeHash]) -> Option<ContentHash> {
    (!heads.is_empty()).then(|| version_of(heads))
}

fn statement_hash(doc: DocumentId, hash: ContentHash) -> ContentHash {
    changes::entry_hash(doc, &[ChangeHash(hash.0)])
}

/// Entries of stations that do not care for the patient, or for a document that is somebody else's: a document never
/// changes hands.
fn strangers(
    tx: &Tx<'_>,
    (doc, mut owner): (DocumentId, Option<(FacilityId, PatientId)>),
    pending: &[EntryRow],
    seen: &mut Seen,
) -> Result<Vec<i64>, HubError> {
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
        if !owned || !seen.has_care(tx, &entry.station, &entry.patient)? {
            strangers.push(entry.id);
        } else if owner.is_none() {
            owner = Some((entry.station.clone(), entry.patient.clone()));
        }
    }
    Ok(strangers)
}

/// One answer each. Where the worker died or hung over some documents they are asked about one by one, and so is each entry of
/// the one that it was: only the guilty entry is held.
fn ask_about(bench: &mut Bench, some: &[&Pending]) -> Vec<Result<CheckAnswer, HubError>> {
    let mut answers = Vec::with_capacity(some.len());
    match check_some(bench, some.iter().map(|of| of.request(of.document.clone(), of.told())).collect()) {
        Ok(Some(together)) => return together.into_iter().map(Ok).collect(),
        Ok(None) => {}
        Err(error) => answers.push(Err(error)),
    }
    for of in &some[answers.len()..] {
        let answer = match answers.last() {
            // Each further question might be waited for in vain as long as this one.
            Some(Err(_)) => Err(HubError::NotAsked),
            _ if some.len() == 1 => one_by_one(bench, of),
            _ => alone(bench, of),
        };
        answers.push(answer);
    }
    answers
}

fn alone(bench: &mut Bench, of: &Pending) -> Result<CheckAnswer, HubError> {
    match check(bench, of.request(of.document.clone(), of.told()))? {
        Some(answer) => Ok(answer),
        None => one_by_one(bench, of),
    }
}

/// The worker has died over the document already.
fn one_by_one(bench: &mut Bench, of: &Pending) -> Result<CheckAnswer, HubError> {
    let (verdicts, news) = (Vec::new(), Vec::new());
    let mut all = CheckAnswer { verdicts, news, document: of.document.clone(), heads: Vec::new(), reading: None };
    for entry in of.told() {
        // The only one was what it was asked about with the document.
        let answer = match of.notes.len() {
            1 => None,
            _ => check(bench, of.request(all.document.clone(), vec![entry]))?,
        };
        match answer {
            Some(mut answer) => {
                all.verdicts.push(answer.verdicts.pop().flatten());
                all.news.push(answer.news.pop().unwrap_or(true));
                if let Some(reading) = answer.reading {
                    (all.document, all.heads, all.reading) = (answer.document, answer.heads, Some(reading));
                }
            }
            None => {
                all.verdicts.push(Some(VerdictCode::TooCostly));
                all.news.push(false);
            }
        }
    }
    Ok(all)
}

fn settle_note(tx: &Tx<'_>, entry: &EntryRow, verdict: Option<VerdictCode>, news: bool) -> Result<(), HubError> {
    match verdict {
        None => {
            tx.settle(entry.id, EntryState::Passed, None)?;
            // What everybody has already is told to nobody again.
            if news { tx.feed_entry(entry) } else { Ok(()) }
        }
        Some(code) => put_aside(tx, entry, code),
    }
}

/// What did not pass waits for something else to arrive, or for a person.
fn put_aside(tx: &Tx<'_>, entry: &EntryRow, code: VerdictCode) -> Result<(), HubError> {
    let state = if code == VerdictCode::Waiting { EntryState::Waiting } else { EntryState::Held };
    tx.settle(entry.id, state, Some(code))
}

/// `None`: the worker was killed over it.
fn check(bench: &mut Bench, request: CheckRequest) -> Result<Option<CheckAnswer>, HubError> {
    Ok(check_some(bench, vec![request])?.and_then(|mut answers| answers.pop()))
}

fn check_some(bench: &mut Bench, requests: Vec<CheckRequest>) -> Result<Option<Vec<CheckAnswer>>, HubError> {
    let asked: Vec<usize> = requests.iter().map(|request| request.entries.len()).collect();
    ask(bench, &Question::Check(requests), |answers: &Vec<CheckAnswer>| {
        answers.iter().map(|answer| answer.verdicts.len()).eq(asked)
    })
}
