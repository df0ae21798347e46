//! 訪問看護記録書Ⅱ
mod comforts;
mod comforts_view;
mod update;
mod view;
mod waiting;

pub use update::Section;
pub use view::*;

pub(crate) use update::minute_of;
