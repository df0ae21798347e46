//! **Owns**: what a nurse sees and touches — screens, words, the window or page that shows them.
//! **Called by**: `main.rs`; on phones the native shells.
//! **May touch**: `device` and what it re-exports; Dioxus; with the feature `demo` an embedded `hub`.
//! **Never**: SQL, ciphers, sockets, Automerge; a patient's words in a title, a URL or a log.

pub mod app;
mod components;
#[cfg(all(test, feature = "demo", feature = "preview"))]
mod dom_test;
mod idle;
mod kept_look;
mod look;
pub mod platform;
#[cfg(test)]
mod samples;
mod screens;
mod shell;
pub mod text;
mod unsaved;

pub use app::{App, Launch};
