//! 写真: chosen in the page, taken into the note under consent, looked at.
mod base64;
mod input;
mod update;
mod view;

pub use view::*;
