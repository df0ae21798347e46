//! 訪問しなかった・取り消す: closes a note with its reason. Never moved, never deleted.
mod update;
mod view;

pub use view::*;
