//! 利用者
mod documents;
mod update;
mod view;

pub use view::*;
