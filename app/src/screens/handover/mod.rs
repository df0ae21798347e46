//! 申し送り
mod update;
mod view;

pub use update::{Unread, unread_of};
pub use view::*;
