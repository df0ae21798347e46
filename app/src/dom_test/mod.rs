//! The app without a browser: the real root over a real vault, drawn into a tree in memory, tapped and typed in.
//!
//! What only a renderer can do (focus, scrolling, letters lost between keys) is tried in `tests/e2e`. Here every screen stands
//! once, and whatever stands is looked over each time (`faults.rs`): names, ids, headings, no handler of the page's own.

mod faults;
mod folder;
mod gate;
mod page;
mod tree;

use crate::text::{Language, Words};
use std::fmt;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What a test missed. A failing test prints its error's `Debug`: this one keeps its lines.
#[derive(thiserror::Error)]
#[error("{0}")]
struct Missed(String);

impl fmt::Debug for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The words of the screens, as the tests read them.
const JA: Words = Words(Language::Japanese);
