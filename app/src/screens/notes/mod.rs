//! 記録の一覧
mod view;

pub use view::*;
