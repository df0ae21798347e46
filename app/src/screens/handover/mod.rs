//! 申し送り
mod update;
mod view;

pub use view::*;
