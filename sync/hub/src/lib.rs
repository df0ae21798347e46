//! **Owns**: the station's side of the network — enrolment, receipts, consent, feeds, audit, intake of hospitals' files.
//! **Called by**: its own command line `tsutsuji-hub`; `tsutsuji demo` embeds it; the stories.
//! **May touch**: its data folder (database, keys), its listening socket, the clock, a worker process of its own.
//! **Never**: Automerge outside the worker process; a patient's words in a log, an error or a file name.

mod check;
pub mod cli;
pub mod embedded;
mod error;
mod feed_page;
mod intake_run;
mod keys;
mod local;
mod photo_copies;
mod photo_folder;
mod routes;
pub mod sample;
mod serve;
mod store;
mod tls;
mod turns;
pub mod worker;

pub use check::Compacted;
pub use error::HubError;
pub use intake_run::IntakeReport;
pub use local::LocalHub;
pub use serve::{Serving, serve};
pub use store::{BackupMade, Clock, ConsentNamed, LackingPhoto, Restored, Store, Who};
