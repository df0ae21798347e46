//! Small parts: props in, events out.

mod chart;
mod field;
mod icon;
mod pill;
mod plot;
mod tabs;
mod typing;

pub use chart::{Chart, Sparkline};
pub use field::{Edited, NumberField, TextField};
pub use icon::{Drawn, Icon};
pub use pill::SyncPill;
pub use plot::{Dot, Usual};
pub use tabs::Tabs;
