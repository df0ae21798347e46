//! 更新履歴: every version of a note, any two of them side by side.
mod update;
mod view;

pub use view::*;
