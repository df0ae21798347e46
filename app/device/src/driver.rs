//! Does what the engine says: a thin loop between vault and line. The vault is never held while the network is waited for.

use crate::error::{DeviceError, failure_code};
use crate::http::{HubLine, Traffic};
use crate::phone::Phone;
use crate::renew::RunLine;
use jiff::Timestamp;
use protocol::proof::prove_path;
use protocol::{Engine, Failure, Input, Output, Phase, RecordsPage, RefusalCode, SyncRequest, Trigger};
use record::PatientId;
use std::collections::VecDeque;
use vault::SyncLogLine;

/// What one sync did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    pub sent: u64,
    pub received: u64,
    pub set_aside: u64,
    pub traffic: Traffic,
}

/// How a run of the engine ended.
pub struct RunEnd {
    pub result: Result<SyncReport, Failure>,
    /// When to come back, milliseconds of the clock that the run was told.
    pub wake_at: i64,
}

impl Phone {
    /// One sync, now, to its end.
    pub async fn sync(&self) -> Result<SyncReport, DeviceError> {
        let mut engine = Engine::new();
        self.run(&mut engine, Trigger::Manual, 0).await.result.map_err(DeviceError::Sync)
    }

    /// Runs the engine from a trigger until it rests. `now` in milliseconds, monotonic.
    pub async fn run(&self, engine: &mut Engine, trigger: Trigger, now: i64) -> RunEnd {
        if self.is_decoy() {
            // What an empty route would fetch is just what must not be seen.
            let wake_at = now + protocol::engine::LONGEST_WAIT_MS;
            return RunEnd { result: Err(Failure::Unreachable), wake_at };
        }
        let mut report = SyncReport::default();
        let mut end = RunEnd { result: Ok(report), wake_at: now + protocol::engine::IDLE_WAIT_MS };
        let mut offered: Option<SyncRequest> = None;
        let mut line = RunLine::default();
        let mut todo: VecDeque<Output> = engine.handle(now, Input::Trigger(trigger)).into();
        while let Some(output) = todo.pop_front() {
            let input = match output {
                Output::Report(Phase::Syncing) => continue,
                Output::Report(Phase::Done) => {
                    end.result = Ok(report);
                    continue;
                }
                Output::Report(Phase::Waiting { failure }) => {
                    end.result = Err(failure);
                    continue;
                }
                Output::WakeAt(at) => {
                    end.wake_at = at;
                    continue;
                }
                Output::Renew => {
                    tracing::warn!("the hub knows other entries under this device's numbers: a new series begins");
                    self.renew_series().map(|()| Input::Renewed).map_err(as_failure)
                }
                Output::Load => self.load_request().map(|r| Input::Loaded(Box::new(r))).map_err(as_failure),
                Output::Send(request) => {
                    let answer = self.send(&mut line, &request, &mut report).await;
                    offered = Some(*request);
                    answer
                }
                Output::Store(answer) => match &offered {
                    Some(request) => self
                        .store_answer(request, &answer, Timestamp::now())
                        .and_then(|stored| {
                            report.sent += stored.sent;
                            report.received += stored.received;
                            report.set_aside += stored.set_aside;
                            // Now the hub's time is known: with a certificate that is over there was nothing to read.
                            Ok(match !line.asked && self.certificate_due()? {
                                true => Input::Stored { backfill: Vec::new(), entries_left: true },
                                false => {
                                    Input::Stored { backfill: self.backfill_left()?, entries_left: stored.entries_left }
                                }
                            })
                        })
                        .map_err(as_failure),
                    None => Err(Failure::Storage),
                },
                Output::FetchPage { patient, after } => match &line.hub {
                    Some(hub) => self.page(hub, &patient, after).await.map(|(page, traffic)| {
                        report.traffic += traffic;
                        Input::Page { patient, page: Box::new(page) }
                    }),
                    None => Err(Failure::Unreachable),
                },
                Output::StorePage { patient, page } => self
                    .store_page(&patient, &page)
                    .map(|stored| {
                        report.received += stored;
                        Input::PageStored
                    })
                    .map_err(as_failure),
            };
            let input = input.unwrap_or_else(|failure| Input::Failed { failure, dice: dice() });
            todo.extend(engine.handle(now, input));
        }
        self.log_run(&end, &report);
        end
    }

    async fn send(&self, line: &mut RunLine, request: &SyncRequest, report: &mut SyncReport) -> Result<Input, Failure> {
        let hub = self.line(line, report).await?;
        let (answer, traffic) = hub.sync(request).await?;
        report.traffic += traffic;
        Ok(Input::Answered(Box::new(answer)))
    }

    async fn page(&self, hub: &HubLine, patient: &PatientId, after: u64) -> Result<(RecordsPage, Traffic), Failure> {
        let (path, proof) = self
            .page_path(patient, after)
            .and_then(|path| Ok((path, self.prove_page(patient, after)?)))
            .map_err(as_failure)?;
        match hub.records(&path, &proof).await {
            // Not ours any more: there is nothing to fetch, nothing is purged by it, and the rest of the sync goes on (laws 4, 6).
            Err(Failure::Refused(RefusalCode::NotYourPatient)) => {
                let notes = self.wants_notes(patient).map_err(as_failure)?.then(Vec::new);
                Ok((RecordsPage { notes, ..RecordsPage::nothing() }, Traffic::default()))
            }
            other => other,
        }
    }

    /// The unlock proof of a request for a page.
    pub fn prove_page(&self, patient: &PatientId, after: u64) -> Result<Vec<u8>, DeviceError> {
        Ok(prove_path(self.page_path(patient, after)?.as_bytes(), &self.signing_key()?))
    }

    /// Where the next page of a patient stands: her notes first, if they are wanted.
    fn page_path(&self, patient: &PatientId, after: u64) -> Result<String, DeviceError> {
        let what = if self.wants_notes(patient)? { "notes" } else { "records" };
        Ok(format!("/v1/patients/{patient}/{what}?after={after}"))
    }

    /// The history on the sync screen. Runs in which nothing happened are left out.
    fn log_run(&self, end: &RunEnd, report: &SyncReport) {
        let failure = end.result.err().map(|failure| failure_code(&failure));
        if failure.is_none() && report.sent == 0 && report.received == 0 {
            return;
        }
        let line = SyncLogLine {
            at: Timestamp::now().as_millisecond(),
            sent: report.sent,
            received: report.received,
            failure,
        };
        let written = self.write(|tx| {
            // One line tells of an outage, however many tries it took.
            let repeated = line.failure.is_some() && tx.sync_log()?.first().is_some_and(|l| l.failure == line.failure);
            if repeated { Ok(()) } else { Ok(tx.add_sync_log(line)?) }
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the history of syncs could not be written");
        }
    }
}

pub(crate) fn as_failure(error: DeviceError) -> Failure {
    match error {
        DeviceError::Sync(failure) => failure,
        other => {
            tracing::warn!(error = %other, "the vault did not take part in a sync");
            Failure::Storage
        }
    }
}

/// Spreads the herd; if the OS has no random bytes to give, everyone waits in the middle.
fn dice() -> u32 {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        return u32::MAX / 2;
    }
    u32::from_le_bytes(bytes)
}
