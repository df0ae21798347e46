//! 訪問看護記録書Ⅱ
mod amendments;
mod comforts;
mod comforts_view;
mod competing;
mod decide;
mod notices;
mod photo;
mod update;
mod view;

pub use amendments::ConfirmedWhole;
pub use photo::PhotoModels;
pub use view::*;

pub(crate) use update::minute_of;
