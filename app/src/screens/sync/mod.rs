//! 同期
mod photos;
mod pins;
mod update;
mod view;

pub use view::*;
