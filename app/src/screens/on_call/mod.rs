//! オンコール
mod update;
mod view;

pub use view::*;
