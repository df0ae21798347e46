//! The laws, and what must be possible.

use super::changes::{A, Changes, NEWCOMER, WRITTEN_BY, each, union};
use super::hub::{Arrived, changes_in};
use super::phone::Phone;
use super::state::State;
use super::steps::Story;
use std::collections::BTreeSet;

pub const LAW_1: &str = "law 1: what is marked as received was on the hub's disk in the epoch that receipted it";
pub const LAW_3: &str = "law 3: a change stands once in the feed, a number stands for one entry";
pub const LAW_5: &str =
    "law 5: what was written is somewhere, and leaves the outbox only when it is in the hub's backup";
pub const COMES_HOME: &str =
    "from here, a good line brings everything written to the hub, to both nurses and to whoever begins";

pub fn law_1(_: &Story, state: &State) -> bool {
    state.phones.iter().enumerate().all(|(at, phone)| {
        let marks_hold = phone.entries.iter().zip(1usize..).all(|(entry, seq)| {
            entry.received.is_none_or(|epoch| {
                let mut log = state.hub.log_in(epoch).iter();
                log.any(|arrived| arrived.stands_at(at, phone.series, seq) && arrived.changes == entry.changes)
            })
        });
        marks_hold && phone.copies_received & !changes_in(state.hub.log_in(phone.epoch)) == 0
    })
}

pub fn law_3(_: &Story, state: &State) -> bool {
    let log = &state.hub.log;
    let feed: Vec<Changes> = state.hub.feed().into_iter().flat_map(each).collect();
    let once = feed.iter().copied().collect::<BTreeSet<_>>().len() == feed.len();
    let same = |one: &Arrived, other: &Arrived| {
        !one.stands_at(other.phone, other.series, other.seq) || one.changes == other.changes
    };
    once && log.iter().all(|one| log.iter().all(|other| same(one, other)))
}

pub fn law_5(_: &Story, state: &State) -> bool {
    let hub = &state.hub;
    let (on_disk, in_backup) = (changes_in(&hub.log[..hub.on_disk]), changes_in(&hub.log[..hub.backed_up]));
    state.phones.iter().enumerate().all(|(at, phone)| {
        let somewhere = phone.document | phone.edits | phone.kept() | phone.copies | on_disk | in_backup;
        let owed = state.written & !state.excused & WRITTEN_BY[at];
        let dropped = union(phone.entries.iter().filter(|entry| !entry.kept).map(|entry| entry.changes));
        owed & !somewhere == 0 && dropped & !(in_backup | phone.copies) == 0
    })
}

/// Asked of every state, so it holds for those in which nothing moves any more, too.
pub fn everything_comes_home(story: &Story, state: &State) -> bool {
    let Some((phones, hub)) = state.settled(story.mistake) else { return false };
    let owed = state.written & !state.excused;
    let read = |phone: &Phone| phone.wiped || owed & !phone.document == 0;
    let (from_the_start, _) = hub.page((NEWCOMER, 0), &[], story.mistake);
    owed & !(changes_in(&hub.log) & from_the_start) == 0
        && phones.iter().all(|phone| read(phone) && phone.has_nothing_to_send())
}

pub fn all_is_read(story: &Story, state: &State) -> bool {
    let all = union(story.writes.into_iter());
    state.phones.iter().all(|phone| phone.document == all && phone.has_nothing_to_send())
}

pub fn all_is_there_after_every_fault(story: &Story, state: &State) -> bool {
    let struck = (state.crashed || !story.crash)
        && (state.hub.epoch == 1 || !story.restore)
        && (state.phones[A].series == 1 || !story.older_file)
        && (state.phones[A].wiped || !story.wipe)
        && (state.hub.snapshot.of > 0 || !story.compact);
    let all = union(story.writes.into_iter());
    let there = |phone: &Phone| (phone.wiped || phone.document == all) && phone.has_nothing_to_send();
    struck && state.excused == 0 && changes_in(&state.hub.log) == all && state.phones.iter().all(there)
}
