//! 訪問看護記録書Ⅱ
mod update;
mod view;

pub use view::*;

pub(crate) use update::minute_of;
