//! 職員の選択
mod view;

pub use view::*;
