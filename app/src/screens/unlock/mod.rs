//! PINの入力
mod update;
mod view;

pub use view::*;
