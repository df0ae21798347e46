//! What every screen of a form shares: the desk that saves, the fields, how the document stands.

mod desk;
mod fields;
mod parts;
pub mod update;

pub use desk::{Desk, perform, use_desk, use_desk_with};
pub use fields::{AnyField, Choices, Known, LongText, YesNo};
pub use parts::{Chip, ConflictCard, Content, Fields, Shown};
