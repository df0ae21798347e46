//! 利用者の一覧
mod update;
mod view;

pub use view::*;
