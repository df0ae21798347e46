//! Does what the engine says: a thin loop between vault and line. The vault is never held while the network is waited for.

use crate::error::{DeviceError, failure_code};
use crate::http::Traffic;
use crate::phone::Phone;
use crate::renew::RunLine;
use jiff::Timestamp;
use protocol::{Engine, Failure, Input, Output, Phase, RefusalCode, SyncRequest, Trigger};
use std::collections::VecDeque;
use vault::SyncLogLine;

/// So many pages are stored before what they brought is merged: until then the disk holds it twice.
const PAGES_AT_ONCE: u64 = 4;

/// After what has arrived could not be merged.
const MERGE_AGAIN_MS: i64 = 30_000;

/// What one sync did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    pub sent: u64,
    pub received: u64,
    pub set_aside: u64,
    pub photos_sent: u64,
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
        self.run_for(engine, trigger, now, || false).await
    }

    /// The same. `is_called`: another run was asked for meanwhile, and what may wait for it does.
    pub async fn run_for(
        &self,
        engine: &mut Engine,
        trigger: Trigger,
        now: i64,
        is_called: impl Fn() -> bool,
    ) -> RunEnd {
        if self.is_decoy() {
            // What an empty route would fetch is just what must not be seen.
            let wake_at = now + protocol::engine::LONGEST_WAIT_MS;
            return RunEnd { result: Err(Failure::Unreachable), wake_at };
        }
        let (mut report, mut pages) = (SyncReport::default(), 0);
        let mut end = RunEnd { result: Ok(report), wake_at: now + protocol::engine::IDLE_WAIT_MS };
        let mut offered: Option<SyncRequest> = None;
        let mut line = RunLine::default();
        if let Ok(kind) = self.line_now() {
            engine.handle(now, kind);
        }
        let mut todo: VecDeque<Output> = engine.handle(now, Input::Trigger(trigger)).into();
        while let Some(output) = todo.pop_front() {
            if is_time_to_merge(&output, pages) && self.merge(&mut report).is_err() {
                tracing::warn!("what has arrived is tried again at the end of the run");
            }
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
                            pages += 1;
                            report.sent += stored.sent;
                            report.received += stored.received;
                            report.set_aside += stored.set_aside;
                            // Now the hub's time is known: with a certificate that is over there was nothing to read.
                            let renews = !line.asked && self.certificate_due()?;
                            if answer.renew && line.asked {
                                // Asked, and still over: what was brought is there, and nothing can be read.
                                return Err(DeviceError::Sync(Failure::Refused(RefusalCode::Expired)));
                            }
                            Ok(Input::Stored { left: stored.left || renews })
                        })
                        .map_err(as_failure),
                    None => Err(Failure::Storage),
                },
                Output::NextPhoto { but } => self.next_photo(&but),
                Output::AskPhoto(hash) => self.ask_photo(line.hub.as_ref(), &hash, &mut report.traffic).await,
                Output::SendPiece { hash, from } => {
                    self.send_piece(line.hub.as_ref(), &hash, from, &mut report.traffic).await
                }
                Output::StorePhoto { hash, receipt } => self.store_photo_receipt(&hash, &receipt).inspect(|_| {
                    report.photos_sent += 1;
                }),
            };
            let input = input.unwrap_or_else(|failure| Input::Failed { failure, dice: dice() });
            todo.extend(engine.handle(now, input));
        }
        // After a run that was cut short too. What nobody can see yet is no sync that is done.
        let merged = self.merge(&mut report);
        if merged.is_err() {
            // The line is not what is missing: it is looked again soon whether there is room.
            end.wake_at = end.wake_at.min(now.saturating_add(MERGE_AGAIN_MS));
        }
        end.result = end.result.and(merged).map(|()| report);
        self.log_run(&end, &report);
        if end.result.is_ok()
            && let Err(error) = self.relay(line.hub.as_ref(), report.sent > 0, is_called).await
        {
            tracing::warn!(%error, "what the hub has lost of others waits here for the next sync");
        }
        end
    }

    async fn send(&self, line: &mut RunLine, request: &SyncRequest, report: &mut SyncReport) -> Result<Input, Failure> {
        let hub = self.line(line, report).await?;
        let (answer, traffic) = hub.sync(request).await?;
        report.traffic += traffic;
        Ok(Input::Answered(Box::new(answer)))
    }

    /// What has arrived goes into its documents.
    fn merge(&self, report: &mut SyncReport) -> Result<(), Failure> {
        report.set_aside += self.take_in_arrivals().map_err(as_failure)?;
        Ok(())
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

/// Before photos, which may take long, and every few pages. Nobody waits for it at the line: what is here is safe.
fn is_time_to_merge(next: &Output, pages: u64) -> bool {
    match next {
        Output::NextPhoto { .. } => true,
        Output::Load => pages.is_multiple_of(PAGES_AT_ONCE),
        _ => false,
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
