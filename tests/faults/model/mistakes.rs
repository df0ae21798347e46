//! Mistakes made on purpose.

/// What a wrong program would do. The model must find each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    MarksAllPending,
    DropsOnReceipt,
    KeepsMarksThatTheHubLost,
    StoresCursorBeforePage,
    WipesSealedCopies,
    KeepsCopyReceiptsOfAnotherEpoch,
    TakesRepeatAsNew,
    TakesFork,
    ReceiptsBeforeDisk,
    ReadsCursorWithoutChain,
    LeavesOutOwnChanges,
}
