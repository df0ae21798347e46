//! 月間
mod update;
mod view;

pub use view::*;
