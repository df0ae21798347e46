//! Migrations: numbered SQL, one transaction each. The version is the number of migrations that ran, nothing else.

use crate::error::VaultError;
use rusqlite::Connection;

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_vault.sql"),
    include_str!("migrations/0002_forms.sql"),
    include_str!("migrations/0003_capsule.sql"),
    include_str!("migrations/0004_search.sql"),
];

/// "Tsut": tells our file from any other SQLite file, which is never touched.
const APPLICATION: i64 = 0x5473_7574;

/// Settings of every connection: durable before "saved", nothing left in freed pages or temporary files.
pub fn configure(db: &Connection) -> Result<(), VaultError> {
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(())
}

/// Refuses a file that is not a vault before anything is written to it. An empty one is no vault either.
pub fn check_ours(db: &Connection) -> Result<(), VaultError> {
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == APPLICATION { Ok(()) } else { Err(VaultError::NotAVault) }
}

pub fn migrate(db: &mut Connection) -> Result<(), VaultError> {
    let done: usize =
        db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?.try_into().unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(VaultError::Newer);
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let tx = db.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", i as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}
