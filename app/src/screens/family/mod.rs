//! 家族に見せる
mod view;

pub use view::*;
