//! 端末の登録
mod update;
mod view;

pub use view::*;
