//! 検索
mod update;
mod view;

pub use view::*;
