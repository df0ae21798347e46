//! What can happen next, and what it does.

use super::changes::{A, B, Changes, each};
use super::hub::changes_in;
use super::laws::{
    COMES_HOME, LAW_1, LAW_3, LAW_5, all_is_read, all_is_there_after_every_fault, everything_comes_home, law_1, law_3,
    law_5,
};
use super::mistakes::Mistake;
use super::state::{OlderFile, State};
use super::wire::Sent;
use stateright::{Model, Property};

/// Which of the faults may strike, each at most once, at any moment.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    pub writes: [Changes; 2],
    /// Over a good line, a phone's exchange with the hub is one step.
    pub bad_line: [bool; 2],
    pub crash: bool,
    pub restore: bool,
    pub older_file: bool,
    pub wipe: bool,
    /// No fault: what lies in several pieces becomes one, as often as there are any.
    pub compact: bool,
    pub mistake: Option<Mistake>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Write(usize),
    /// Freezes, and puts a request on the line in place of the last one.
    Offer(usize),
    /// The request reaches the hub: now, late, or once more.
    ReachHub(usize),
    /// The answer reaches the phone: now, late, or once more.
    ReachPhone(usize),
    /// All three at once, over a good line.
    Exchange(usize),
    FinishPage(usize),
    CrashPhone(usize),
    Wipe,
    CopyFile,
    PutFileBack,
    FinishWrites,
    Backup,
    Compact,
    FinishCompaction,
    CrashHub,
    PutHubBack,
}

impl Model for Story {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let crash = self.crash && !state.crashed;
        for at in [A, B] {
            let phone = &state.phones[at];
            if self.writes[at] & !state.written != 0 && !phone.wiped {
                steps.push(Step::Write(at));
            }
            if phone.page_in_memory != 0 {
                steps.push(Step::FinishPage(at));
            }
            if !self.bad_line[at] {
                steps.push(Step::Exchange(at));
                continue;
            }
            steps.push(Step::Offer(at));
            if state.requests[at].is_some() {
                steps.push(Step::ReachHub(at));
            }
            if state.answers[at].is_some() {
                steps.push(Step::ReachPhone(at));
            }
            if crash {
                steps.push(Step::CrashPhone(at));
            }
        }
        let phone = &state.phones[A];
        if self.wipe && !phone.wiped {
            steps.push(Step::Wipe);
        }
        if self.older_file && !phone.wiped {
            let wrote_once = (state.written & self.writes[A]).count_ones() == 1;
            match &state.older_file {
                OlderFile::None if wrote_once => steps.push(Step::CopyFile),
                OlderFile::Kept(file) if file != phone => steps.push(Step::PutFileBack),
                _ => {}
            }
        }
        let hub = &state.hub;
        if hub.on_disk < hub.log.len() {
            steps.push(Step::FinishWrites);
        }
        if hub.backed_up < hub.on_disk && !state.backup_made {
            steps.push(Step::Backup);
        }
        if self.compact && hub.lies_in_pieces() {
            steps.push(Step::Compact);
        }
        if hub.snapshot_in_memory != 0 {
            steps.push(Step::FinishCompaction);
        }
        if crash {
            steps.push(Step::CrashHub);
        }
        if self.restore && hub.epoch == 0 && hub.differs_from_backup() {
            steps.push(Step::PutHubBack);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        match step {
            Step::Write(at) => {
                let change = each(self.writes[at] & !next.written).next()?;
                next.written |= change;
                next.phones[at].write(change);
            }
            Step::Offer(at) => {
                let request = next.phones[at].load_request();
                next.requests[at] = Some(Sent { request, awaited: true });
            }
            Step::ReachHub(at) => {
                let sent = last.requests[at].as_ref()?;
                let answer = next.hub.take(at, &sent.request, self.mistake);
                if sent.awaited {
                    next.answers[at] = Some(answer);
                }
            }
            Step::ReachPhone(at) => next.phones[at].store(last.answers[at].as_ref()?, self.mistake),
            Step::Exchange(at) => {
                let request = next.phones[at].load_request();
                let answer = next.hub.take(at, &request, self.mistake);
                next.phones[at].store(&answer, self.mistake);
            }
            Step::FinishPage(at) => next.phones[at].finish_page(),
            Step::CrashPhone(at) => {
                next.hang_up(at);
                next.phones[at].page_in_memory = 0;
            }
            Step::Wipe => next.phones[A].wipe(self.mistake),
            Step::CopyFile => next.older_file = OlderFile::Kept(next.phones[A].clone()),
            Step::PutFileBack => {
                let OlderFile::Kept(file) = std::mem::take(&mut next.older_file) else { return None };
                next.gone_with_file = next.phones[A].copies & !file.copies;
                next.excused |= next.gone_with_file & !changes_in(&next.hub.log);
                next.phones[A] = file;
                next.older_file = OlderFile::PutBack;
                next.hang_up(A);
            }
            Step::FinishWrites => next.hub.on_disk = next.hub.log.len(),
            Step::Backup => {
                next.hub.back_up(self.mistake);
                next.backup_made = true;
            }
            Step::Compact => next.hub.compact(self.mistake),
            Step::FinishCompaction => next.hub.finish_compaction(self.mistake),
            Step::CrashHub => {
                next.hub.crash();
                next.requests = [None, None];
                next.answers = [None, None];
            }
            Step::PutHubBack => {
                next.hub.put_back();
                next.excused |= next.gone_with_file & !changes_in(&next.hub.log);
            }
        }
        if next == *last {
            // A poll that brings nothing, a crash that costs nothing.
            return None;
        }
        next.crashed |= matches!(step, Step::CrashPhone(_) | Step::CrashHub);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(LAW_1, law_1),
            Property::<Self>::always(LAW_3, law_3),
            Property::<Self>::always(LAW_5, law_5),
            Property::<Self>::always(COMES_HOME, everything_comes_home),
            Property::<Self>::sometimes("both nurses read everything and nothing is left to send", all_is_read),
            Property::<Self>::sometimes(
                "nothing is missing although every fault struck",
                all_is_there_after_every_fault,
            ),
        ]
    }

    /// A hub that takes repeats as new would grow for ever.
    fn within_boundary(&self, state: &State) -> bool {
        self.mistake.is_none() || state.hub.log.len() <= 6
    }
}
