//! 設定
mod phrases;
mod pins;
mod update;
mod view;

pub use view::*;
