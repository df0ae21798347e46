//! Databases that stood here before a restore: they are asked what the backup has forgotten, and never changed.

use super::{MIGRATIONS, Tx, connect};
use crate::error::HubError;
use crate::keys::Keys;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// How the name of one begins that an earlier restore put aside; behind it stands when.
pub(super) const KEPT: &str = "hub.db.before-";

/// A database that stood here.
pub(super) struct Former {
    db: Connection,
    /// It is the one that is about to be replaced.
    pub is_last: bool,
}

impl Former {
    /// What it says; `None`: this part of it cannot be read any more. One of an older version is brought up to date for this
    /// alone, and nothing of that is kept.
    pub fn read<T>(&self, keys: &Keys, work: impl FnOnce(&Tx<'_>) -> Result<T, HubError>) -> Option<T> {
        let sql = self.db.unchecked_transaction().ok()?;
        let done: i64 = sql.pragma_query_value(None, "user_version", |r| r.get(0)).ok()?;
        for step in MIGRATIONS.iter().skip(usize::try_from(done).unwrap_or(usize::MAX)) {
            sql.execute_batch(step).ok()?;
        }
        work(&Tx { sql: &sql, keys, now: 0 }).ok()
    }
}

/// Those that lived as long as the backup, newest first. Whatever ended before it was made was asked by the restore that put it
/// aside, and what came of that stands in the backup.
pub(super) fn formers(data: &Path, backup: &Tx<'_>) -> Result<Vec<Former>, HubError> {
    let made = backup.last_act()?;
    let mut formers = Vec::new();
    for (n, file) in files(data).iter().enumerate() {
        let Some(db) = file.exists().then(|| connect(file).ok()).flatten() else { continue };
        let former = Former { db, is_last: n == 0 };
        // One that does not say how long it lived may know something.
        if former.read(backup.keys, |was| was.last_act()).is_none_or(|last| last >= made) {
            formers.push(former);
        }
    }
    Ok(formers)
}

fn files(data: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(data).into_iter().flatten().flatten();
    let mut kept: Vec<String> = names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(KEPT) && !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    kept.sort_unstable_by(|a, b| b.cmp(a));
    std::iter::once("hub.db".to_string()).chain(kept).map(|name| data.join(name)).collect()
}

impl Tx<'_> {
    /// When anybody last did anything here, by the audit trail.
    pub(super) fn last_act(&self) -> Result<Option<i64>, HubError> {
        Ok(self.sql.query_row("SELECT max(at) FROM audit", [], |r| r.get(0))?)
    }
}
