//! 利用者
mod update;
mod view;

pub use view::*;
