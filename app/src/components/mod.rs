//! Small parts: props in, events out.

pub mod base64;
mod chart;
mod curtain;
mod field;
mod half_time;
mod icon;
mod period_head;
mod picture_input;
mod pill;
mod plot;
mod portions;
mod stale;
mod tabs;
mod title_row;
mod typing;
mod unsaved_bar;

pub use chart::{Chart, Sparkline};
pub use curtain::Curtain;
pub use field::{Edited, NumberField, Phrase, TextField, use_flushed};
pub use icon::{Drawn, Icon};
pub use period_head::{PeriodHead, Turn};
pub use picture_input::PictureInput;
pub use pill::SyncPill;
pub use plot::{Dot, Usual};
pub use portions::{MoreRows, use_portions};
pub use stale::{StaleBadge, hours_since};
pub use tabs::Tabs;
pub use title_row::{BackButton, TitleRow};
pub use typing::JOURNAL_AFTER_MS;
pub use unsaved_bar::UnsavedBar;
