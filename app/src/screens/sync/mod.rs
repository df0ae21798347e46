//! 同期
mod photos;
mod update;
mod view;

pub use view::*;
