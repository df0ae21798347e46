//! Backups of the database, and putting one back. Bodies stay sealed by the master key, which a backup never holds.

use super::{Store, Tx, Who, connect};
use crate::error::HubError;
use protocol::Series;
use record::{DeviceId, DocumentId};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A backup that was made.
#[derive(Debug, Clone, Serialize)]
pub struct BackupMade {
    pub file: PathBuf,
    /// Entries of devices that it holds: these are durable now, and phones may let their copies go.
    pub entries: u64,
    pub bytes: u64,
    /// Photos that the hub holds. Their bytes stand in the folder beside the database: it is copied as it is, sealed.
    pub photos: u64,
    pub photos_folder: PathBuf,
    /// What it does not hold and cannot be read without: to be kept apart.
    pub keys_kept_apart: Vec<&'static str>,
}

const KEYS: [&str; 5] = ["ca.key", "ca.der", "receipt.key", "sealing.key", "master.key"];
/// The last entry that stands in a backup.
const BACKED_UP: &str = "backed_up_to";

impl Store {
    /// Writes the database as it is now into a new file, whole and on disk. Works while the hub serves.
    pub fn backup(&self, file: &Path) -> Result<BackupMade, HubError> {
        let wrong = |source| HubError::File { path: file.to_path_buf(), source };
        if file.exists() {
            return Err(wrong(std::io::ErrorKind::AlreadyExists.into()));
        }
        let mut new = file.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let _ = std::fs::remove_file(&new);
        let name = new.to_str().ok_or_else(|| wrong(std::io::ErrorKind::InvalidInput.into()))?;
        // A connection of its own: nobody who syncs waits for it.
        connect(&self.inner.data.join("hub.db"))?.execute("VACUUM INTO ?1", [name])?;
        let (entries, last) = {
            let made = Connection::open(&new)?;
            restrict(&new).map_err(wrong)?;
            let sound: String = made.query_row("PRAGMA quick_check", [], |r| r.get(0))?;
            if sound != "ok" {
                return Err(HubError::Damaged { table: "backup" });
            }
            made.query_row("SELECT count(*), coalesce(max(id), 0) FROM entry", [], |r| Ok((r.get(0)?, r.get(1)?)))?
        };
        let (entries, last): (i64, i64) = (entries, last);
        std::fs::File::open(&new).and_then(|made| made.sync_all()).map_err(wrong)?;
        std::fs::rename(&new, file).map_err(wrong)?;
        settle(file).map_err(wrong)?;
        // Only now: what this names, phones may forget.
        self.write(|tx| {
            let known = tx.backed_up_to()?.unwrap_or(0);
            tx.put_meta(BACKED_UP, &known.max(last).to_string())?;
            tx.audit(&Who::Admin, "backup", None, &format!("{entries} entries"))
        })?;
        let bytes = std::fs::metadata(file).map_err(wrong)?.len();
        Ok(BackupMade {
            file: file.to_path_buf(),
            entries: entries as u64,
            bytes,
            photos: self.read(|tx| tx.count_photos())?,
            photos_folder: self.inner.data.join("photos"),
            keys_kept_apart: KEYS.to_vec(),
        })
    }

    /// Puts a backup in the place of the database, which is kept beside under another name. A new epoch begins: phones
    /// notice, and offer again what this state lacks. The hub must not be serving. Says where the older database went.
    pub fn restore(data: &Path, file: &Path) -> Result<Option<PathBuf>, HubError> {
        let wrong = |path: &Path| {
            let path = path.to_path_buf();
            move |source| HubError::File { path, source }
        };
        let lock = data.join("hub.lock");
        let held = std::fs::File::create(&lock).map_err(wrong(&lock))?;
        held.try_lock().map_err(|_| HubError::Serving(data.to_path_buf()))?;
        let (new, there) = (data.join("hub.db.new"), data.join("hub.db"));
        for leftover in ["hub.db.new", "hub.db.new-wal", "hub.db.new-shm"] {
            let _ = std::fs::remove_file(data.join(leftover));
        }
        std::fs::copy(file, &new).map_err(wrong(file))?;
        {
            let mut db = connect(&new)?;
            super::migrate(&mut db)?;
            let sound: String = db.query_row("PRAGMA quick_check", [], |r| r.get(0))?;
            let name: Option<String> =
                db.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |r| r.get(0)).optional()?;
            if sound != "ok" || name.is_none() {
                return Err(HubError::Damaged { table: "backup" });
            }
            let last: i64 = db.query_row("SELECT coalesce(max(id), 0) FROM entry", [], |r| r.get(0))?;
            let epoch = DocumentId::from_random(*crate::keys::random()?);
            let tx = db.transaction()?;
            for (name, value) in [("epoch", epoch.to_string()), (BACKED_UP, last.to_string())] {
                tx.execute(
                    "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, value),
                )?;
            }
            // What phones were told since is not known here: it is told again, to whom it still holds for.
            tx.execute("DELETE FROM standing", [])?;
            tx.commit()?;
            let _: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
        }
        let mut aside = None;
        if there.exists() {
            // Whatever its log holds goes with it, into one file.
            if let Ok(db) = connect(&there) {
                let _: Result<i64, _> = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0));
            }
            let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
            let kept = data.join(format!("hub.db.before-{stamp}"));
            for suffix in ["-wal", "-shm", ""] {
                let from = data.join(format!("hub.db{suffix}"));
                if from.exists() {
                    let to = data.join(format!("hub.db.before-{stamp}{suffix}"));
                    std::fs::rename(&from, &to).map_err(wrong(&from))?;
                }
            }
            aside = Some(kept);
        }
        std::fs::rename(&new, &there).map_err(wrong(&new))?;
        settle(&there).map_err(wrong(&there))?;
        let store = Self::open(data)?;
        store.write(|tx| tx.audit(&Who::Admin, "restore", None, "a new epoch begins"))?;
        Ok(aside)
    }
}

impl Tx<'_> {
    /// The last entry that stands in a backup; `None`: no backup was ever made.
    fn backed_up_to(&self) -> Result<Option<i64>, HubError> {
        Ok(self.meta(BACKED_UP)?.and_then(|id| id.parse().ok()))
    }

    /// Up to where a series stands in a backup; `None`: no backup was ever made.
    pub fn durable_up_to(&self, device: DeviceId, series: Series) -> Result<Option<u64>, HubError> {
        let Some(last) = self.backed_up_to()? else { return Ok(None) };
        let seq: Option<i64> = self
            .sql
            .prepare_cached("SELECT max(seq) FROM entry WHERE device = ?1 AND series = ?2 AND id <= ?3")?
            .query_row((device.0, series.0.0, last), |r| r.get(0))?;
        Ok(Some(seq.unwrap_or(0) as u64))
    }
}

fn restrict(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// A name is on disk only when its folder is.
fn settle(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
