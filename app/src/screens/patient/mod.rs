//! 利用者
mod calendar;
mod documents;
mod month;
pub mod trends;
mod update;
mod view;

pub use view::*;
