//! States in which something does not work: what happened, what still works, what to do
mod update;
mod view;

pub use update::{State, states_of};
pub use view::{StateCard, WipedScreen};
