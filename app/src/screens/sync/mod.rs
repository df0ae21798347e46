//! 同期
mod update;
mod view;

pub use view::*;
