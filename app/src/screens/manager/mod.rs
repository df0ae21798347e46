//! 管理者: what waits for a decision, each row a way to where it is settled.
mod update;
mod view;

pub use view::*;
