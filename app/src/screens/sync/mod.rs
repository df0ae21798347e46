//! 同期
mod pins;
mod update;
mod view;

pub use view::*;
