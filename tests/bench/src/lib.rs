//! **Owns**: what every measurement shares — sample notes and words, phones, dice that fall the same way each
//! time, medians, the printed line.
//! **Called by**: the programs in `src/bin`, one per thing measured.
//! **May touch**: the clock and standard output; for `sync` and `feel-data` temporary folders, loopback, hubs that it started itself.
//! **Never**: a timed assertion. A missed goal is a printed line, and the program still ends well.

pub mod checking;
pub mod conflict;
pub mod cost;
pub mod dice;
pub mod documents;
pub mod full_patient;
pub mod full_phone;
pub mod herd;
pub mod hub_process;
pub mod line;
pub mod mosaic;
pub mod nurse;
pub mod phone;
pub mod plain;
pub mod proxy;
pub mod region;
pub mod samples;
pub mod sealed;
pub mod slices;
pub mod stampede;
pub mod station;
pub mod statistics;
pub mod waiting;
pub mod wire;
pub mod words;
pub mod workload;
pub mod written;

pub type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;
