//! SQLCipher beside the vault, driven by `tests/bench`'s `vault`: a step's name on each line of standard input, its cost as JSON
//! on each line of standard output.
//!
//! `tsutsuji-bench-sqlcipher ROWS FILE`: the rows are read out of the plain database ROWS.

#[path = "../../src/cost.rs"]
mod cost;
#[path = "../../src/plain.rs"]
mod plain;

use cost::Cost;
use plain::Plain;
use std::io::{BufRead, Write};
use std::path::PathBuf;

pub type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A raw key: no passphrase is stretched at any opening.
const KEY: &str = "x'2dd29ca851e7b56e4697b0e1f08507293d761a05ce4d1b628663f411a8086d99'";

fn main() -> Done {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(rows), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("tsutsuji-bench-sqlcipher ROWS FILE".into());
    };
    let (schema, notes, patients) = plain::rows_of(&rows)?;
    let store: Plain<Vec<u8>, Vec<u8>> = Plain { path, key: Some(KEY.into()), schema, notes, patients };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (step, most) = line.split_once(' ').unwrap_or((&line, "1"));
        let Cost { wall, cpu } = match step {
            "insert_items" => store.insert_items()?,
            "insert_notes" => store.insert_notes(most.parse()?)?,
            "list" => store.list()?,
            "read_notes" => store.read_notes()?,
            "scan_notes" => store.scan_notes()?,
            "read_records" => store.read_records()?,
            "version" => {
                let db = rusqlite::Connection::open_in_memory()?;
                let version: String = db.query_row("PRAGMA cipher_version", [], |r| r.get(0))?;
                writeln!(out, r#"{{"version":"{version}, SQLite {}"}}"#, rusqlite::version())?;
                out.flush()?;
                continue;
            }
            _ => return Err(format!("no step {line}").into()),
        };
        writeln!(out, r#"{{"wall_ns":{},"cpu_ns":{}}}"#, wall.as_nanos(), cpu.as_nanos())?;
        out.flush()?;
    }
    Ok(())
}
