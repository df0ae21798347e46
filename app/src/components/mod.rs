//! Small parts: props in, events out.

mod field;
mod icon;
mod pill;
mod tabs;
mod typing;

pub use field::{Edited, NumberField, TextField};
pub use icon::{Drawn, Icon};
pub use pill::SyncPill;
pub use tabs::Tabs;
