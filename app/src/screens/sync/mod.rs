//! 同期
mod half;
mod photos;
mod update;
mod view;

pub use view::*;
