//! The sync engine: told what happened and what time it is, it says what to do next. No sockets, no clock, no dice of its own.
//!
//! One run: load what is unsent and what is wanted → send → store the answer → again while there is more → then the photos,
//! one by one, if this line may carry them. A failure waits and tries again, for ever; nothing is parked by counting.

use crate::photo::PhotoReceipt;
use crate::wire::{RefusalCode, SyncRequest, SyncResponse};
use record::ContentHash;

/// Longest wait between two tries.
pub const LONGEST_WAIT_MS: i64 = 15 * 60 * 1000;
/// Wait after the first failure, before jitter.
const FIRST_WAIT_MS: i64 = 2_000;
/// How often an idle, healthy engine looks for news.
pub const IDLE_WAIT_MS: i64 = 5 * 60 * 1000;

/// Why a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The app started or was unlocked.
    Start,
    /// A change was written.
    Change,
    /// The network is back: the wait starts from the beginning.
    NetworkReturned,
    /// The nurse asked for it.
    Manual,
    /// The time set by `Output::WakeAt` has come.
    Timer,
}

/// What went wrong, sorted by what can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No answer: no signal, hub down.
    Unreachable,
    /// An answer that is not our hub's: a captive portal, a wrong certificate.
    NotOurHub,
    /// The hub answered and refused.
    Refused(RefusalCode),
    /// The hub has no turn for anybody more; when it wants to be asked again, if it said so.
    Busy { retry_after_s: Option<u32> },
    /// The hub speaks only an older version than this app.
    OlderHub,
    /// The vault could not store the answer (full, locked).
    Storage,
}

pub enum Input {
    Trigger(Trigger),
    /// The vault's unsent entries, as a request.
    Loaded(Box<SyncRequest>),
    Answered(Box<SyncResponse>),
    /// The answer is in the vault, cursor and all, in one transaction. `left`: there is more to offer, or to ask for, and
    /// this exchange brought it nearer.
    Stored {
        left: bool,
    },
    /// What is unsent stands in a new series now.
    Renewed,
    /// What kind of line there is, told by the OS, and whether photos may go over one that is paid by the byte.
    Line {
        metered: bool,
        photos_on_metered: bool,
    },
    /// The vault's next photo that the hub has not receipted; `None`: there is none.
    Photo(Option<ContentHash>),
    /// So many bytes of it are on the hub's disk.
    PhotoAt(u64),
    /// The hub has all of it.
    PhotoReceipted(PhotoReceipt),
    PhotoStored,
    /// `dice` is any random number; it spreads the herd.
    Failed {
        failure: Failure,
        dice: u32,
    },
}

pub enum Output {
    /// Build a request from the vault.
    Load,
    Send(Box<SyncRequest>),
    /// Store the answer in one transaction, then say `Stored`.
    Store(Box<SyncResponse>),
    /// The hub knows other entries under our numbers (a restored or copied phone), or lost some that are gone here: begin a
    /// new series and offer in it what the old one could not bring, then say `Renewed`.
    Renew,
    /// Say which photo goes next, other than these: they were refused in this run.
    NextPhoto {
        but: Vec<ContentHash>,
    },
    /// Ask how much of a photo the hub has.
    AskPhoto(ContentHash),
    /// Send the piece of a photo that begins here.
    SendPiece {
        hash: ContentHash,
        from: u64,
    },
    /// Keep a photo's receipt, then say `PhotoStored`.
    StorePhoto {
        hash: ContentHash,
        receipt: PhotoReceipt,
    },
    /// Come back with `Trigger::Timer` at this time (milliseconds of whatever clock `now` is).
    WakeAt(i64),
    Report(Phase),
}

/// What the pill shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Syncing,
    Done,
    Waiting { failure: Failure },
}

enum State {
    Idle,
    Loading,
    Sending {
        wants: bool,
    },
    /// `unheard`: pages were asked for, and the hub does not know the question.
    Storing {
        more: bool,
        unheard: bool,
    },
    Renewing,
    /// Waits to hear which photo is next.
    Choosing,
    /// A photo on its way: up to where it was sent, once that is known; and whether the hub ever had less of it than before.
    Carrying {
        hash: ContentHash,
        sent: Option<u64>,
        fell_back: bool,
    },
    Keeping,
}

pub struct Engine {
    state: State,
    failures: u32,
    again: bool,
    /// A fork was answered with a new series in this run; a second one is an error.
    renewed: bool,
    /// This line is paid by the byte, and photos wait for another.
    photos_wait: bool,
    /// Photos that the hub refused in this run: they keep none of the others, and are tried again in the next.
    refused: Vec<ContentHash>,
}

impl Default for Engine {
    fn default() -> Self {
        Self { state: State::Idle, failures: 0, again: false, renewed: false, photos_wait: false, refused: Vec::new() }
    }
}

impl Engine {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn is_running(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// The only door. `now` in milliseconds, monotonic; never compared with the hub's clock (law 7).
    pub fn handle(&mut self, now: i64, input: Input) -> Vec<Output> {
        match input {
            Input::Trigger(trigger) => self.triggered(trigger),
            Input::Loaded(request) if matches!(self.state, State::Loading) => {
                self.state = State::Sending { wants: !request.want.is_empty() };
                vec![Output::Send(request)]
            }
            Input::Answered(response) => {
                let State::Sending { wants } = self.state else { return Vec::new() };
                self.state = State::Storing { more: response.more, unheard: wants && response.pages.is_none() };
                vec![Output::Store(response)]
            }
            Input::Stored { left } => match self.state {
                State::Storing { more: false, unheard: true } if !left => self.failed(now, Failure::OlderHub, u32::MAX),
                State::Storing { more, .. } => self.stored(now, more || left),
                _ => Vec::new(),
            },
            Input::Renewed if matches!(self.state, State::Renewing) => self.begin(),
            Input::Failed { failure: Failure::Refused(RefusalCode::SeriesForked), .. }
                if matches!(self.state, State::Sending { .. } | State::Storing { .. }) && !self.renewed =>
            {
                self.state = State::Renewing;
                self.renewed = true;
                vec![Output::Renew]
            }
            Input::Line { metered, photos_on_metered } => {
                self.photos_wait = metered && !photos_on_metered;
                Vec::new()
            }
            Input::Photo(next) if matches!(self.state, State::Choosing) => match next {
                Some(hash) => {
                    self.state = State::Carrying { hash, sent: None, fell_back: false };
                    vec![Output::AskPhoto(hash)]
                }
                None => self.done(now),
            },
            Input::PhotoAt(offset) => self.photo_at(offset),
            Input::PhotoReceipted(receipt) => match self.state {
                State::Carrying { hash, .. } => {
                    self.state = State::Keeping;
                    vec![Output::StorePhoto { hash, receipt }]
                }
                _ => Vec::new(),
            },
            Input::PhotoStored if matches!(self.state, State::Keeping) => self.next_photo(),
            Input::Failed { failure, .. } if self.is_this_photos_fault(&failure) => self.leave_photo(),
            // A hub that knows no photos yet: the notes are where they belong, the photos wait and are counted.
            Input::Failed { failure: Failure::OlderHub, .. } if matches!(self.state, State::Carrying { .. }) => {
                self.done(now)
            }
            Input::Failed { failure, dice } if self.is_running() => self.failed(now, failure, dice),
            // An answer to a question that is no longer open.
            Input::Loaded(_) | Input::Renewed | Input::Photo(_) | Input::PhotoStored | Input::Failed { .. } => {
                Vec::new()
            }
        }
    }

    fn photo_at(&mut self, offset: u64) -> Vec<Output> {
        let State::Carrying { hash, sent, fell_back } = self.state else { return Vec::new() };
        // What was written meanwhile goes first; the photo goes on where it stands.
        if self.again {
            return self.begin();
        }
        let falls_back = sent.is_some_and(|sent| offset <= sent);
        if falls_back && fell_back {
            // It would be sent for ever.
            return self.leave_photo();
        }
        self.state = State::Carrying { hash, sent: Some(offset), fell_back: fell_back || falls_back };
        vec![Output::SendPiece { hash, from: offset }]
    }

    /// One photo that cannot be read here or is refused there keeps the others from nothing (law 4).
    fn is_this_photos_fault(&self, failure: &Failure) -> bool {
        use RefusalCode as Code;
        let is_about_it = matches!(
            failure,
            Failure::Storage
                | Failure::Refused(
                    Code::Garbled | Code::TooLarge | Code::WrongHash | Code::UnknownPhoto | Code::Gap | Code::Internal
                )
        );
        is_about_it && matches!(self.state, State::Carrying { .. })
    }

    fn leave_photo(&mut self) -> Vec<Output> {
        if let State::Carrying { hash, .. } = self.state {
            self.refused.push(hash);
        }
        self.next_photo()
    }

    fn next_photo(&mut self) -> Vec<Output> {
        if self.again {
            return self.begin();
        }
        self.state = State::Choosing;
        vec![Output::NextPhoto { but: self.refused.clone() }]
    }

    fn triggered(&mut self, trigger: Trigger) -> Vec<Output> {
        if trigger == Trigger::NetworkReturned {
            self.failures = 0;
        }
        if self.is_running() {
            // What was asked for during a run is one more run, however often it was asked.
            self.again |= trigger != Trigger::Timer;
            return Vec::new();
        }
        self.begin()
    }

    fn begin(&mut self) -> Vec<Output> {
        self.state = State::Loading;
        self.again = false;
        vec![Output::Report(Phase::Syncing), Output::Load]
    }

    fn stored(&mut self, now: i64, more: bool) -> Vec<Output> {
        self.state = State::Idle;
        self.renewed = false;
        if more || self.again {
            self.failures = 0;
            return self.begin();
        }
        if self.photos_wait { self.done(now) } else { self.next_photo() }
    }

    fn done(&mut self, now: i64) -> Vec<Output> {
        self.state = State::Idle;
        self.failures = 0;
        self.refused.clear();
        vec![Output::Report(Phase::Done), Output::WakeAt(now + IDLE_WAIT_MS)]
    }

    fn failed(&mut self, now: i64, failure: Failure, dice: u32) -> Vec<Output> {
        self.state = State::Idle;
        self.again = false;
        self.renewed = false;
        self.refused.clear();
        let wait = wait_ms(self.failures, failure, dice);
        self.failures = self.failures.saturating_add(1);
        vec![Output::Report(Phase::Waiting { failure }), Output::WakeAt(now + wait)]
    }
}

/// Exponential, capped at 15 minutes, with half of it left to the dice. What a busy hub asked for counts where it is longer, and
/// a quarter more of it is left to the dice: phones that were sent away together do not come back in the same second.
fn wait_ms(failures: u32, failure: Failure, dice: u32) -> i64 {
    let full = FIRST_WAIT_MS.saturating_mul(1 << failures.min(20)).min(LONGEST_WAIT_MS);
    let own = full / 2 + share(full / 2, dice);
    let Failure::Busy { retry_after_s: Some(seconds) } = failure else { return own };
    let asked = (i64::from(seconds) * 1_000).min(LONGEST_WAIT_MS);
    own.max(asked + share((asked / 4).max(FIRST_WAIT_MS), dice))
}

fn share(of: i64, dice: u32) -> i64 {
    of * i64::from(dice) / i64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wake(outputs: &[Output]) -> Option<i64> {
        outputs.iter().find_map(|o| if let Output::WakeAt(at) = o { Some(*at) } else { None })
    }

    #[test]
    fn it_never_gives_up_and_never_waits_longer_than_a_quarter_of_an_hour() {
        let mut engine = Engine::new();
        let mut last = 0;
        for _ in 0..100 {
            engine.handle(0, Input::Trigger(Trigger::Timer));
            let out = engine.handle(0, Input::Failed { failure: Failure::Unreachable, dice: u32::MAX });
            last = wake(&out).unwrap_or(0);
            assert!((1..=LONGEST_WAIT_MS).contains(&last));
        }
        assert!(last > LONGEST_WAIT_MS - 2, "full wait reached: {last}");
        engine.handle(0, Input::Trigger(Trigger::NetworkReturned));
        let out = engine.handle(0, Input::Failed { failure: Failure::Unreachable, dice: 0 });
        assert_eq!(wake(&out), Some(FIRST_WAIT_MS / 2), "the network's return starts the wait again");
    }

    /// When an engine that failed so often before comes back after this.
    fn back_after(engine: &mut Engine, failure: Failure, dice: u32) -> i64 {
        engine.handle(0, Input::Trigger(Trigger::Timer));
        wake(&engine.handle(0, Input::Failed { failure, dice })).unwrap_or(0)
    }

    const BUSY: Failure = Failure::Busy { retry_after_s: Some(20) };

    #[test]
    fn a_busy_hub_is_asked_again_when_it_said_and_not_by_all_in_the_same_second() {
        for dice in [0, u32::MAX / 3, u32::MAX] {
            let wait = back_after(&mut Engine::new(), BUSY, dice);
            assert!((20_000..=25_000).contains(&wait), "{wait}");
        }
        let mut seconds: Vec<i64> =
            (0..400u32).map(|n| back_after(&mut Engine::new(), BUSY, n * (u32::MAX / 400)) / 1_000).collect();
        seconds.dedup();
        assert!(seconds.len() >= 5, "400 phones come spread over {seconds:?}");
        // Where it said nothing, or asks for less than the phone waits anyway, the phone's own wait counts.
        assert_eq!(back_after(&mut Engine::new(), Failure::Busy { retry_after_s: None }, 0), FIRST_WAIT_MS / 2);
        let mut tired = Engine::new();
        tired.failures = 20;
        assert_eq!(back_after(&mut tired, BUSY, u32::MAX), LONGEST_WAIT_MS);
    }

    #[test]
    fn no_hub_sends_a_phone_away_for_much_longer_than_a_quarter_of_an_hour() {
        let hostile = Failure::Busy { retry_after_s: Some(u32::MAX) };
        assert_eq!(back_after(&mut Engine::new(), hostile, 0), LONGEST_WAIT_MS);
        assert_eq!(back_after(&mut Engine::new(), hostile, u32::MAX), LONGEST_WAIT_MS / 4 * 5);
    }

    #[test]
    fn the_networks_return_and_the_nurses_word_do_not_wait_for_a_busy_hub() {
        for trigger in [Trigger::NetworkReturned, Trigger::Manual] {
            let mut engine = Engine::new();
            back_after(&mut engine, BUSY, 0);
            let out = engine.handle(1, Input::Trigger(trigger));
            assert!(out.iter().any(|o| matches!(o, Output::Load)), "{trigger:?} begins at once");
        }
        let mut engine = Engine::new();
        engine.failures = 20;
        back_after(&mut engine, BUSY, 0);
        engine.handle(0, Input::Trigger(Trigger::NetworkReturned));
        let out = engine.handle(0, Input::Failed { failure: Failure::Unreachable, dice: 0 });
        assert_eq!(wake(&out), Some(FIRST_WAIT_MS / 2), "nothing of it is remembered");
    }

    #[test]
    fn a_fork_is_answered_with_a_new_series_and_a_second_one_is_an_error() {
        let forked = || Input::Failed { failure: Failure::Refused(RefusalCode::SeriesForked), dice: 0 };
        let mut engine = Engine::new();
        engine.handle(0, Input::Trigger(Trigger::Manual));
        engine.state = State::Sending { wants: false };
        assert!(matches!(&engine.handle(0, forked())[..], [Output::Renew]));
        assert!(engine.handle(0, Input::Renewed).iter().any(|o| matches!(o, Output::Load)));
        engine.state = State::Sending { wants: false };
        let out = engine.handle(0, forked());
        assert!(out.iter().any(|o| matches!(o, Output::Report(Phase::Waiting { .. }))), "not round and round");
        // The next run may try again.
        engine.handle(0, Input::Trigger(Trigger::Timer));
        engine.state = State::Sending { wants: false };
        assert!(matches!(&engine.handle(0, forked())[..], [Output::Renew]));
    }

    #[test]
    fn asking_during_a_run_queues_one_more_run() {
        let mut engine = Engine::new();
        engine.handle(0, Input::Trigger(Trigger::Start));
        for _ in 0..3 {
            assert!(engine.handle(0, Input::Trigger(Trigger::Manual)).is_empty());
        }
        engine.state = State::Storing { more: false, unheard: false };
        let out = engine.handle(0, Input::Stored { left: false });
        assert!(out.iter().any(|o| matches!(o, Output::Load)), "one more run");
        engine.state = State::Storing { more: false, unheard: false };
        engine.handle(0, Input::Stored { left: false });
        let out = engine.handle(0, Input::Photo(None));
        assert!(out.iter().any(|o| matches!(o, Output::Report(Phase::Done))), "and only one");
    }

    #[test]
    fn what_an_older_hub_cannot_answer_is_said_once_the_rest_has_come() {
        let mut engine = Engine::new();
        engine.state = State::Storing { more: true, unheard: true };
        let out = engine.handle(0, Input::Stored { left: false });
        assert!(out.iter().any(|o| matches!(o, Output::Load)), "the feed goes on");
        engine.state = State::Storing { more: false, unheard: true };
        let out = engine.handle(0, Input::Stored { left: false });
        assert!(out.iter().any(|o| matches!(o, Output::Report(Phase::Waiting { failure: Failure::OlderHub }))));
    }

    const PHOTO: ContentHash = ContentHash([1; 32]);
    const OTHER: ContentHash = ContentHash([2; 32]);

    /// An engine whose notes are sent.
    fn after_the_notes() -> Engine {
        let mut engine = Engine::new();
        engine.state = State::Storing { more: false, unheard: false };
        let out = engine.handle(0, Input::Stored { left: false });
        assert!(matches!(&out[..], [Output::NextPhoto { but }] if but.is_empty()));
        engine
    }

    fn receipt() -> PhotoReceipt {
        PhotoReceipt { at: 7, signature: Vec::new() }
    }

    #[test]
    fn a_photo_goes_on_where_the_hub_has_it_and_is_done_with_its_receipt() {
        let mut engine = after_the_notes();
        assert!(matches!(&engine.handle(0, Input::Photo(Some(PHOTO)))[..], [Output::AskPhoto(PHOTO)]));
        for offset in [0, 262_144, 524_288] {
            let out = engine.handle(0, Input::PhotoAt(offset));
            assert!(matches!(&out[..], [Output::SendPiece { hash: PHOTO, from }] if *from == offset));
        }
        let out = engine.handle(0, Input::PhotoReceipted(receipt()));
        assert!(matches!(&out[..], [Output::StorePhoto { hash: PHOTO, .. }]));
        assert!(matches!(&engine.handle(0, Input::PhotoStored)[..], [Output::NextPhoto { .. }]));
        let out = engine.handle(0, Input::Photo(None));
        assert!(out.iter().any(|o| matches!(o, Output::Report(Phase::Done))));
    }

    #[test]
    fn one_photo_that_is_refused_keeps_the_others_from_nothing_and_is_tried_again_in_the_next_run() {
        let mut engine = after_the_notes();
        engine.handle(0, Input::Photo(Some(PHOTO)));
        engine.handle(0, Input::PhotoAt(0));
        let refused = Input::Failed { failure: Failure::Refused(RefusalCode::WrongHash), dice: 0 };
        let out = engine.handle(0, refused);
        assert!(matches!(&out[..], [Output::NextPhoto { but }] if *but == [PHOTO]));
        engine.handle(0, Input::Photo(Some(OTHER)));
        let out = engine.handle(0, Input::Failed { failure: Failure::Unreachable, dice: 0 });
        assert!(wake(&out).is_some(), "a dead line is nobody's fault: all of it waits");
        engine.state = State::Storing { more: false, unheard: false };
        let out = engine.handle(0, Input::Stored { left: false });
        assert!(matches!(&out[..], [Output::NextPhoto { but }] if but.is_empty()));
    }

    #[test]
    fn a_hub_that_knows_no_photos_keeps_no_note_from_it() {
        let mut engine = after_the_notes();
        engine.handle(0, Input::Photo(Some(PHOTO)));
        let out = engine.handle(0, Input::Failed { failure: Failure::OlderHub, dice: 0 });
        assert!(out.iter().any(|o| matches!(o, Output::Report(Phase::Done))));
    }

    #[test]
    fn a_hub_that_has_less_than_before_is_believed_once() {
        let mut engine = after_the_notes();
        engine.handle(0, Input::Photo(Some(PHOTO)));
        engine.handle(0, Input::PhotoAt(262_144));
        assert!(matches!(&engine.handle(0, Input::PhotoAt(0))[..], [Output::SendPiece { from: 0, .. }]));
        assert!(matches!(&engine.handle(0, Input::PhotoAt(0))[..], [Output::NextPhoto { .. }]), "not for ever");
    }

    #[test]
    fn a_note_written_meanwhile_goes_before_the_rest_of_a_photo() {
        let mut engine = after_the_notes();
        engine.handle(0, Input::Photo(Some(PHOTO)));
        engine.handle(0, Input::Trigger(Trigger::Change));
        assert!(engine.handle(0, Input::PhotoAt(0)).iter().any(|o| matches!(o, Output::Load)));
    }

    #[test]
    fn on_a_metered_line_photos_wait_unless_they_may_go() {
        for (metered, photos_on_metered, goes) in [(true, false, false), (true, true, true), (false, false, true)] {
            let mut engine = Engine::new();
            engine.handle(0, Input::Line { metered, photos_on_metered });
            engine.state = State::Storing { more: false, unheard: false };
            let out = engine.handle(0, Input::Stored { left: false });
            assert_eq!(matches!(&out[..], [Output::NextPhoto { .. }]), goes);
        }
    }
}
