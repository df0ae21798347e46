//! Accept → **check** → feed: what a device sent is verified before any other device sees it.

mod bench;
mod compact;
mod copies;
mod relayed;
mod statements;
#[cfg(test)]
mod testing;

pub use compact::{Compacted, DAY_MS, REST_DAYS};
pub use copies::CopyVerdict;

use crate::error::HubError;
use crate::photo_copies::put_together_left_over;
use crate::store::{EntryRow, EntryState, Store, Tx};
use crate::worker::{CheckAnswer, CheckEntry, CheckRequest, Question};
use bench::{Bench, ask};
use protocol::digest::version_of;
use protocol::{Kind, VerdictCode};
use record::visit_note::changes;
use record::{ChangeHash, ContentHash, DocumentId, Form, StaffId};
use statements::settle_statement;
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
        Some(code) => put_aside(tx, entry, code),
    }
}

/// What did not pass waits for something else to arrive, or for a person.
fn put_aside(tx: &Tx<'_>, entry: &EntryRow, code: VerdictCode) -> Result<(), HubError> {
    let state = if code == VerdictCode::Waiting { EntryState::Waiting } else { EntryState::Held };
    tx.settle(entry.id, state, Some(code))
}

fn check(worker: &mut Bench, question: &Question, entries: usize) -> Result<Option<CheckAnswer>, HubError> {
    ask(worker, question, |answer: &CheckAnswer| answer.verdicts.len() == entries)
}
