//! Where questions about documents are answered: a worker process, killed over whatever it dies of or hangs over.

use crate::error::HubError;
use crate::worker::{self, Question, read_message, to_message, write_message};
use record::{DocumentId, canonical};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// A question that takes the worker longer than this ends it. A document that does, asked about alone, is held.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most bytes, and changes or documents, in one question: nobody else's check waits long for it.
const PORTION: usize = 1 << 20;
pub(super) const CHANGES: usize = 200;

/// Where questions are answered.
pub(super) enum Bench {
    Process(Option<Worker>),
    /// In this process: for simulations, which made the bytes themselves.
    Here,
    /// The same, but for sealed copies: over them it dies. So often it was asked about some.
    #[cfg(test)]
    DiesOverCopies(usize),
    /// The same, but it dies over whatever one entry is asked about with. So often it did.
    #[cfg(test)]
    DiesOver(record::ContentHash, usize),
    /// It cannot be asked about one document, and about all others here.
    #[cfg(test)]
    FailsOver(DocumentId),
}

/// A running worker process; its answers arrive over a channel so that silence can be noticed.
pub(super) struct Worker {
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

/// `None`: the worker died, hung or talked nonsense over this question and was killed.
pub(super) fn ask<A: serde::de::DeserializeOwned>(
    bench: &mut Bench,
    question: &Question,
    fits: impl FnOnce(&A) -> bool,
) -> Result<Option<A>, HubError> {
    let worker = match bench {
        Bench::Process(worker) => worker,
        Bench::Here => return here(question, fits),
        #[cfg(test)]
        Bench::DiesOverCopies(asked) => {
            let Question::Relay(_) = question else { return here(question, fits) };
            *asked += 1;
            return Ok(None);
        }
        #[cfg(test)]
        Bench::DiesOver(entry, deaths) => {
            let Question::Check(requests) = question else { return here(question, fits) };
            if requests.iter().flat_map(|request| &request.entries).all(|one| one.hash != *entry) {
                return here(question, fits);
            }
            *deaths += 1;
            return Ok(None);
        }
        #[cfg(test)]
        Bench::FailsOver(doc) => {
            let Question::Check(requests) = question else { return here(question, fits) };
            if requests.iter().all(|request| request.doc != *doc) {
                return here(question, fits);
            }
            return Err(HubError::Worker(std::io::ErrorKind::BrokenPipe.into()));
        }
    };
    let message = to_message(question)?;
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

fn here<A: serde::de::DeserializeOwned>(
    question: &Question,
    fits: impl FnOnce(&A) -> bool,
) -> Result<Option<A>, HubError> {
    Ok(canonical::from_bytes::<A>(&worker::answer(question)?).ok().filter(fits))
}

/// As many at once as go into one question; one at least.
pub(super) fn portions<T>(all: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let (mut portions, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, one) in all.iter().enumerate() {
        bytes += size(one);
        if at > from && (bytes > PORTION || at - from == CHANGES) {
            portions.push(&all[from..at]);
            (from, bytes) = (at, size(one));
        }
    }
    if from < all.len() {
        portions.push(&all[from..]);
    }
    portions
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
    let probe = to_message(&Question::Check(Vec::new()))?;
    let answered = write_message(&mut worker.input, &probe).is_ok() && worker.answers.recv_timeout(PATIENCE).is_ok();
    if answered { Ok(worker) } else { Err(missing()) }
}

impl Question {
    fn doc(&self) -> DocumentId {
        match self {
            Question::Check(requests) => requests.first().map_or(DocumentId([0; 16]), |request| request.doc),
            Question::Relay(request) => request.doc,
            Question::Read(request) => request.changes.first().map_or(DocumentId([0; 16]), |change| change.doc),
            Question::Bring(request) => request.doc,
            Question::Compact(request) => request.doc,
        }
    }
}
