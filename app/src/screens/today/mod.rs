//! 今日の訪問
mod update;
mod view;

pub use view::*;
