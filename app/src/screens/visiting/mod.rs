//! 訪問中モード
mod update;
mod view;

pub use update::{Step, Visiting, is_reachable};
pub use view::{LeaveQuestion, VisitBar, use_visit};
