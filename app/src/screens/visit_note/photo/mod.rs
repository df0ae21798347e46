//! 写真: chosen in the page, taken into the note under consent, looked at.
mod update;
mod view;

pub use view::*;
