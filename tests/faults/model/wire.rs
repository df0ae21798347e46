//! What goes over the line.

use super::changes::{Changes, Feed};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    Sync { series: u8, first_seq: usize, entries: Vec<Changes>, cursor: Feed },
    Copies(Changes),
}

/// A request on the line, and whether the process that asked still waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sent {
    pub request: Request,
    pub awaited: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Sync(SyncAnswer),
    Forked { series: u8 },
    Copies { epoch: u8, received: Changes },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SyncAnswer {
    /// Of the request.
    pub series: u8,
    pub first_seq: usize,
    pub cursor: Feed,
    /// Of the hub.
    pub epoch: u8,
    pub received_up_to: usize,
    pub durable_up_to: usize,
    /// How many entries from `first_seq` on the receipt names.
    pub receipted: usize,
    pub page: Changes,
    pub next_cursor: Feed,
}
