//! 今日の訪問
mod ready;
mod ready_card;
mod update;
mod view;

pub use update::next_visit;
pub use view::*;
