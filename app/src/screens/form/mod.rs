//! What every screen of a form shares: the desk that saves, the fields, how the document stands.

mod desk;
mod fields;
mod parts;
mod undo;
pub mod update;
mod waiting;

pub use desk::{Desk, use_board_desk, use_desk, use_undoing_desk};
pub use fields::{AnyField, Choices, Known, LongText, YesNo};
pub use parts::{Chip, ConflictCard, Content, Fields, HeldStrip, Readiness, Shown};
pub use undo::Change;
pub use waiting::with_waiting;
