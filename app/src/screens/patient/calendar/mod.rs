//! カレンダー
mod update;
mod view;

pub use view::*;
