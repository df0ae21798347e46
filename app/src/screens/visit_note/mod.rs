//! 訪問看護記録書Ⅱ
mod comforts;
mod comforts_view;
mod update;
mod view;
mod waiting;

pub use view::*;

pub(crate) use update::minute_of;
