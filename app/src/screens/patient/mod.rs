//! 利用者
mod calendar;
mod month;
pub mod trends;
mod update;
mod view;

pub use view::*;
