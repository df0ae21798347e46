//! 記録書Ⅰ・計画書・報告書
mod update;
mod view;

pub use update::{months_to_offer, standing};
pub use view::*;
