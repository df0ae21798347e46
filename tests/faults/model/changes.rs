//! What nurses write, as bits.

/// A set of changes, one bit each.
pub type Changes = u8;
/// What each row brought as news, in the feed's order. A cursor is the beginning that was read: its chain hash can never
/// mislead.
pub type Feed = Vec<Changes>;

/// The phone that the faults strike.
pub const A: usize = 0;
pub const B: usize = 1;
/// Who begins some day, and reads the feed from its start.
pub const NEWCOMER: usize = 2;
/// Which of the three changes each phone's nurse writes.
pub const WRITTEN_BY: [Changes; 2] = [0b011, 0b100];

pub fn each(changes: Changes) -> impl Iterator<Item = Changes> {
    (0..3).map(|bit| 1u8 << bit).filter(move |change| changes & *change != 0)
}

pub fn union(sets: impl Iterator<Item = Changes>) -> Changes {
    sets.fold(0, |all, changes| all | changes)
}
