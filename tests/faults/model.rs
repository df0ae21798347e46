//! The sync protocol (DESIGN §5) as a small model, walked through in every order: laws 1, 3 and 5 hold in every state,
//! and from every state everything comes home. Law 2 (a page and its cursor together) is broken below, and found out.
//!
//! Modelled: two phones of one station and a hub; series, numbers, frozen entries, sealed copies, receipts, durability
//! (the hub's backup), the feed with its chained cursor, the hub's epoch, forks, the sealed wipe, compaction. A phone's
//! step is one transaction, as in `app/device/src/store_answer.rs`; the hub follows `entries.rs`, `feed.rs` and
//! `snapshots.rs` of its store and its `feed_page.rs`. A bad line keeps each phone's last request and last answer, and
//! delivers them now, late, again, or never. Faults: one crash, one hub put back from its backup, one older file of phone
//! A put back, one wipe of phone A (ordered, or by ten wrong PINs). No fault: the hub compacts whenever its one document
//! lies in several pieces, before and after its backup and its return from there; nothing has to rest for that.
//!
//! Not modelled: bytes, hashes, signatures (a chain hash is the beginning of the feed itself), a second document, merges,
//! checks and held entries (what arrives passes at once), pages shorter than the feed, clocks, consent, colleagues' copies
//! taken as relayed; what a series that was left had receipts for (here all of it goes again at once that is not known to be
//! durable; a program's phone keeps it, and offers it again where a hub that was put back says that it lacks it:
//! `app/device/src/left_series_tests.rs`). A change is what a nurse did: made again in a new series, it is the same one. Along
//! the way the hub is backed up once; phone A's older file is from between its first change and its second.
//!
//! What no protocol can save is excused by name: a change that stood only in the file that an older one replaced.

mod model {
    pub mod changes;
    pub mod hub;
    pub mod laws;
    pub mod mistakes;
    pub mod phone;
    pub mod state;
    pub mod steps;
    pub mod wire;
}

use model::changes::{A, WRITTEN_BY};
use model::laws::{COMES_HOME, LAW_1, LAW_3, LAW_5};
use model::mistakes::Mistake;
use model::steps::Story;
use stateright::{Checker, HasDiscoveries, Model};
use std::collections::BTreeSet;

const TWO_BAD_LINES: Story = Story {
    writes: WRITTEN_BY,
    bad_line: [true, true],
    crash: false,
    restore: false,
    older_file: false,
    wipe: false,
    compact: false,
    mistake: None,
};
const ONE_BAD_LINE: Story = Story { bad_line: [true, false], ..TWO_BAD_LINES };
const CRASH: Story = Story { crash: true, ..TWO_BAD_LINES };
const COMPACTED: Story = Story { compact: true, ..ONE_BAD_LINE };
const HUB_PUT_BACK: Story = Story { restore: true, ..COMPACTED };
const OLDER_FILE_AND_WIPE: Story = Story { older_file: true, wipe: true, ..COMPACTED };
/// Phone B only reads here, to keep the walk short.
const EVERY_FAULT: Story = Story { writes: [WRITTEN_BY[A], 0], crash: true, restore: true, ..OLDER_FILE_AND_WIPE };

fn keeps_the_laws(story: Story) {
    let checker = story.checker().threads(2).spawn_bfs().join();
    println!("{} states: {story:?}", checker.unique_state_count());
    checker.assert_properties();
}

fn is_found_out(mistake: Mistake, story: Story, law: &'static str) {
    let first_found = HasDiscoveries::AnyOf(BTreeSet::from([law]));
    let wrong = Story { mistake: Some(mistake), ..story };
    let checker = wrong.checker().threads(2).finish_when(first_found).spawn_bfs().join();
    let path = checker.assert_any_discovery(law);
    println!("{mistake:?}, found among {} states. {path}", checker.unique_state_count());
}

#[test]
fn every_interleaving_of_two_devices_and_a_hub_keeps_laws_1_3_and_5() {
    keeps_the_laws(TWO_BAD_LINES);
}

#[test]
fn one_piece_in_the_place_of_many_reaches_everybody_wherever_she_stands() {
    keeps_the_laws(COMPACTED);
}

#[test]
fn a_hub_put_back_from_its_backup_gets_again_what_it_lost() {
    keeps_the_laws(HUB_PUT_BACK);
}

#[test]
fn an_older_file_of_a_phone_and_a_wipe_lose_nothing_that_is_somewhere() {
    keeps_the_laws(OLDER_FILE_AND_WIPE);
}

#[test]
fn with_every_fault_at_once_all_that_was_written_comes_home() {
    keeps_the_laws(EVERY_FAULT);
}

#[test]
fn a_phone_that_marks_all_pending_as_received_is_found_out() {
    is_found_out(Mistake::MarksAllPending, TWO_BAD_LINES, LAW_1);
}

#[test]
fn a_phone_that_drops_its_outbox_on_receipt_is_found_out() {
    is_found_out(Mistake::DropsOnReceipt, TWO_BAD_LINES, LAW_5);
}

#[test]
fn a_phone_that_ignores_the_hubs_new_epoch_is_found_out() {
    is_found_out(Mistake::KeepsMarksThatTheHubLost, HUB_PUT_BACK, COMES_HOME);
}

#[test]
fn a_phone_that_stores_the_cursor_before_the_page_is_found_out() {
    is_found_out(Mistake::StoresCursorBeforePage, CRASH, COMES_HOME);
}

#[test]
fn a_wipe_that_takes_the_sealed_copies_is_found_out() {
    is_found_out(Mistake::WipesSealedCopies, OLDER_FILE_AND_WIPE, LAW_5);
}

#[test]
fn a_wiped_phone_that_believes_receipts_of_another_epoch_is_found_out() {
    is_found_out(Mistake::KeepsCopyReceiptsOfAnotherEpoch, EVERY_FAULT, COMES_HOME);
}

#[test]
fn a_hub_that_takes_a_repeat_as_new_is_found_out() {
    is_found_out(Mistake::TakesRepeatAsNew, TWO_BAD_LINES, LAW_3);
}

#[test]
fn a_hub_that_takes_a_fork_is_found_out() {
    is_found_out(Mistake::TakesFork, OLDER_FILE_AND_WIPE, LAW_3);
}

#[test]
fn a_hub_that_receipts_before_its_disk_has_it_is_found_out() {
    is_found_out(Mistake::ReceiptsBeforeDisk, TWO_BAD_LINES, LAW_1);
}

#[test]
fn a_hub_that_reads_a_cursor_without_its_chain_is_found_out() {
    is_found_out(Mistake::ReadsCursorWithoutChain, HUB_PUT_BACK, COMES_HOME);
}

#[test]
fn a_feed_that_leaves_out_the_readers_own_changes_is_found_out() {
    is_found_out(Mistake::LeavesOutOwnChanges, OLDER_FILE_AND_WIPE, COMES_HOME);
}

#[test]
fn a_snapshot_told_at_the_first_place_is_found_out() {
    is_found_out(Mistake::TellsSnapshotAtFirstPlace, COMPACTED, COMES_HOME);
}

#[test]
fn a_snapshot_left_out_as_hers_though_another_wrote_in_it_is_found_out() {
    is_found_out(Mistake::LeavesOutSnapshotOfOthersToo, COMPACTED, COMES_HOME);
}

#[test]
fn a_compaction_that_empties_what_came_while_it_ran_is_found_out() {
    is_found_out(Mistake::EmptiesWhatCameMeanwhile, COMPACTED, COMES_HOME);
}

#[test]
fn a_compaction_that_forgets_whose_numbers_it_put_together_is_found_out() {
    is_found_out(Mistake::ForgetsNumbersOfPieces, COMPACTED, LAW_1);
}

#[test]
fn a_compaction_that_counts_as_a_backup_is_found_out() {
    is_found_out(Mistake::CountsSnapshotAsDurable, COMPACTED, LAW_5);
}

#[test]
fn a_backup_that_holds_emptied_entries_and_no_snapshot_is_found_out() {
    is_found_out(Mistake::BacksUpWithoutSnapshot, HUB_PUT_BACK, COMES_HOME);
}
