//! Mistakes made on purpose.

/// What a wrong program would do. The model must find each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    // The phone's.
    MarksAllPending,
    DropsOnReceipt,
    KeepsMarksThatTheHubLost,
    StoresCursorBeforePage,
    WipesSealedCopies,
    KeepsCopyReceiptsOfAnotherEpoch,
    // The hub's.
    TakesRepeatAsNew,
    TakesFork,
    ReceiptsBeforeDisk,
    ReadsCursorWithoutChain,
    LeavesOutOwnChanges,
    // Its compaction's.
    TellsSnapshotAtFirstPlace,
    LeavesOutSnapshotOfOthersToo,
    EmptiesWhatCameMeanwhile,
    ForgetsNumbersOfPieces,
    CountsSnapshotAsDurable,
    BacksUpWithoutSnapshot,
}
