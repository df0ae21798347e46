//! Migrations: numbered SQL, one transaction each. The version is the number of migrations that ran, nothing else.

use crate::error::VaultError;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_vault.sql"),
    include_str!("migrations/0002_forms.sql"),
    include_str!("migrations/0003_capsule.sql"),
    include_str!("migrations/0004_search.sql"),
    include_str!("migrations/0005_pins.sql"),
    include_str!("migrations/0006_series.sql"),
    include_str!("migrations/0007_photos.sql"),
    include_str!("migrations/0008_photo_copies.sql"),
    include_str!("migrations/0009_locked_pages.sql"),
    include_str!("migrations/0010_arrivals.sql"),
    include_str!("migrations/0011_search_marks.sql"),
];

/// "Tsut": tells our file from any other SQLite file, which is never touched.
const APPLICATION: i64 = 0x5473_7574;

/// How long a statement waits for another connection.
pub const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// Settings of every connection: durable before "saved", nothing left in freed pages or temporary files.
pub fn configure(db: &Connection) -> Result<(), VaultError> {
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    // Else SQLite parses and plans many a kept statement anew at each use, because a value bound to it might have made for
    // another plan. Nothing here is planned by values.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Every verb's statements, so that none is parsed twice.
    db.set_prepared_statement_cache_capacity(112);
    Ok(())
}

/// Refuses a file that is not a vault before anything is written to it. An empty one is no vault either.
pub fn check_ours(db: &Connection) -> Result<(), VaultError> {
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == APPLICATION { Ok(()) } else { Err(VaultError::NotAVault) }
}

/// How many migrations a file has seen.
pub fn version(db: &Connection) -> Result<usize, VaultError> {
    let done: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() { Err(VaultError::Newer) } else { Ok(done) }
}

pub fn migrate(db: &mut Connection) -> Result<(), VaultError> {
    migrate_through(db, MIGRATIONS)
}

/// One transaction each: one that fails leaves the file as the one before it left it.
fn migrate_through(db: &mut Connection, migrations: &[&str]) -> Result<(), VaultError> {
    for (i, sql) in migrations.iter().enumerate().skip(version(db)?) {
        let failed = |error: rusqlite::Error| match VaultError::from(error) {
            VaultError::Write(error) => VaultError::NotBroughtUp(error),
            // Full or unreadable is no fault of the migration's.
            other => other,
        };
        let tx = db.transaction()?;
        tx.execute_batch(sql).map_err(failed)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", i as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{FileKeyStore, Pin};
    use crate::testing::{at, locked};
    use crate::{LockedVault, PinCost, Vault};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    /// A file of an older version, as a device in the field has it: with an identity and one unsent copy.
    fn older(path: &std::path::Path) -> Outcome {
        let store = FileKeyStore::beside(path);
        let mut vault = Vault::create(path, &store, &Pin::new("2468")?, PinCost::FLOOR, at(0))?;
        vault.write(|tx| tx.put_locked(&store, &locked()))?;
        drop(vault);
        let db = Connection::open(path)?;
        db.execute_batch(
            "ALTER TABLE header DROP COLUMN duress; ALTER TABLE header DROP COLUMN biometric;
             ALTER TABLE header DROP COLUMN tampered; ALTER TABLE header DROP COLUMN told; DROP TABLE entry_past;
             DROP TABLE arrival; DROP TABLE locked_page; DROP TABLE photo_copy; DROP TABLE photo_piece; DROP TABLE photo;
             DROP INDEX note_dirty; DROP INDEX entry_unreceived; DROP INDEX entry_judged; DROP INDEX entry_here;
             PRAGMA user_version = 4;
             INSERT INTO capsule (note, enc, sealed) VALUES (x'01', x'02', x'03');",
        )?;
        Ok(())
    }

    fn rows(db: &Connection) -> Result<Vec<String>, rusqlite::Error> {
        let mut statement = db.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")?;
        statement.query_map([], |r| r.get(0))?.collect()
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_as_it_was_and_what_is_unsent_can_be_sent() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.vault");
        older(&path)?;
        // A later version of the app whose last migration cannot run on this file: it fails after half of its work.
        let broken = "CREATE TABLE extra (a BLOB) STRICT; DELETE FROM capsule; INSERT INTO nowhere VALUES (1);";
        let mut later: Vec<&str> = MIGRATIONS[..4].to_vec();
        later.push(broken);
        let mut db = Connection::open(&path)?;
        let before = rows(&db)?;
        let failed = migrate_through(&mut db, &later);
        assert!(matches!(failed, Err(VaultError::NotBroughtUp(_))), "{failed:?}");
        assert_eq!((version(&db)?, rows(&db)?), (4, before));
        drop(db);
        let store = FileKeyStore::beside(&path);
        let mut locked = LockedVault::open(&path, &store)?;
        assert_eq!(locked.copies(9, usize::MAX)?.len(), 1, "it is offered to the hub without the migration");
        locked.mark_received(&[(1, 5)])?;
        assert!(locked.copies(9, usize::MAX)?.is_empty());
        drop(locked);
        // The version that can brings it up to date, and the PIN opens it.
        Vault::open(&path, &FileKeyStore::beside(&path), &Pin::new("2468")?, at(0))?;
        // A wipe needs no migration either.
        let other = folder.path().join("b.vault");
        older(&other)?;
        let store = FileKeyStore::beside(&other);
        let mut locked = LockedVault::open(&other, &store)?;
        locked.wipe()?;
        assert!(locked.is_wiped()? && locked.copies(9, usize::MAX)?.len() == 1);
        Ok(())
    }
}
