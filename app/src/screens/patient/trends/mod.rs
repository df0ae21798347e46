//! 推移
mod update;
mod view;

pub use update::{FIELDS, MOST, lab_dots, vital_series};
pub use view::*;
