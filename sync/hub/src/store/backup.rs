//! Backups of the database and of the photos beside it, and putting one back. Bodies stay sealed by the master key, which a
//! backup never holds.

use super::assignments_again::AssignmentsAgain;
use super::consents_again::{ConsentNamed, Forgotten};
use super::former::{Former, KEPT, formers};
use super::photo_backup::{
    Brought, LackingPhoto, awaited, bring, described, forget_lacking, kept_photos, named_and_lacking,
};
use super::plans_again::PlansAgain;
use super::relayed::EPOCH_BEGAN;
use super::{PhotoTag, Store, Tx, Who, connect};
use crate::error::HubError;
use crate::keys::Keys;
use crate::photo_folder::PhotoFolder;
use protocol::Series;
use record::{DeviceId, DocumentId, PatientId};
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
    /// Photos that stand beside it, sealed as they were, in a folder that backups made there share.
    pub photos: u64,
    /// Of them those that were copied now.
    pub photos_copied: u64,
    pub photos_folder: PathBuf,
    /// Photos that the hub had, and that are lost: phones are asked for them again.
    pub photos_lacking: Vec<LackingPhoto>,
    /// Photos that phones were asked for earlier, and have not brought yet.
    pub photos_awaited: Vec<LackingPhoto>,
    /// What it does not hold and cannot be read without: to be kept apart.
    pub keys_kept_apart: Vec<&'static str>,
}

/// A backup that was put in place.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// Where the older database went.
    pub before: Option<PathBuf>,
    /// Photos of it that are here.
    pub photos: u64,
    /// Of them those that the backup brought.
    pub photos_copied: u64,
    /// Photos that are named and not here: phones bring again what they have.
    pub photos_lacking: Vec<LackingPhoto>,
    /// Phones that were enrolled after the backup, and that an older database still knows: they stay so.
    pub devices_enrolled: Vec<DeviceId>,
    /// Phones that were revoked or wiped after the backup, as it says: they stay so.
    pub devices_revoked: Vec<DeviceId>,
    /// Whether it could be asked. If not, lost phones count again, and newer ones are unknown.
    pub devices_compared: bool,
    /// First disclosed after the backup, and known to an older database: they keep their numbers.
    pub patients_kept: Vec<PatientId>,
    /// Whether it said which number it gave last. If not, they go on far behind the backup's.
    pub patients_compared: bool,
    /// Taken back after the backup, as the older database says: they stay taken back.
    pub consents_withdrawn: Vec<ConsentNamed>,
    /// Narrowed after the backup: they allow no more than what both say.
    pub consents_narrowed: Vec<ConsentNamed>,
    /// Given or changed after the backup, as it says: to be entered again.
    pub consents_to_enter: Vec<ConsentNamed>,
    /// Whether it could be asked. If not, nobody here knows what was withdrawn after the backup.
    pub consents_compared: bool,
    /// Orders and visits of after the backup, and numbers that were linked.
    pub plans: PlansAgain,
    pub assignments: AssignmentsAgain,
}

const KEYS: [&str; 5] = ["ca.key", "ca.der", "receipt.key", "sealing.key", "master.key"];
/// The last entry that stands in a backup.
const BACKED_UP: &str = "backed_up_to";

/// What a snapshot of the database holds.
struct Snapshot {
    entries: i64,
    last: i64,
    photos: Brought,
    lacking: Vec<LackingPhoto>,
}

impl Store {
    /// Writes the database as it is now into a new file (in a folder: one with a name of its own) and the photos that are whole
    /// into the folder `photos` beside it; all of it is on disk before anything is called durable. Works while the hub serves.
    pub fn backup(&self, place: &Path) -> Result<BackupMade, HubError> {
        let file = if place.is_dir() { place.join(format!("hub-{}.db", stamp())) } else { place.to_path_buf() };
        let wrong = |source| HubError::File { path: file.clone(), source };
        if file.exists() {
            return Err(wrong(std::io::ErrorKind::AlreadyExists.into()));
        }
        if is_within(folder_of(&file), &self.inner.data)? {
            return Err(HubError::BackupInside(self.inner.data.clone()));
        }
        let mut new = file.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let made = self.snapshot(&new, folder_of(&file))?;
        std::fs::rename(&new, &file).map_err(wrong)?;
        settle(&file).map_err(wrong)?;
        // Only now: what this names, phones may forget. They judge a photo by the entries that came after it.
        let photos_awaited = self.write(|tx| {
            let photos_awaited = awaited(tx.sql)?;
            tx.ask_again_for(&made.lacking)?;
            let known = tx.backed_up_to()?.unwrap_or(0);
            tx.put_meta(BACKED_UP, &known.max(made.last).to_string())?;
            let (entries, photos, lacking) = (made.entries, made.photos.there, made.lacking.len());
            tx.audit(&Who::Admin, "backup", None, &format!("{entries} entries, {photos} photos, {lacking} lacking"))?;
            Ok(photos_awaited)
        })?;
        let bytes = std::fs::metadata(&file).map_err(wrong)?.len();
        Ok(BackupMade {
            entries: made.entries as u64,
            bytes,
            photos: made.photos.there,
            photos_copied: made.photos.copied,
            photos_folder: folder_of(&file).join("photos"),
            photos_lacking: made.lacking,
            photos_awaited,
            keys_kept_apart: KEYS.to_vec(),
            file,
        })
    }

    /// The database into a file, and the photos that it names as whole beside it: uploads that are not at their end are not
    /// among them.
    fn snapshot(&self, new: &Path, folder: &Path) -> Result<Snapshot, HubError> {
        let wrong = |source| HubError::File { path: new.to_path_buf(), source };
        let _ = std::fs::remove_file(new);
        let name = new.to_str().ok_or_else(|| wrong(std::io::ErrorKind::InvalidInput.into()))?;
        // A connection of its own: nobody who syncs waits for it.
        connect(&self.inner.data.join("hub.db"))?.execute("VACUUM INTO ?1", [name])?;
        let made = Connection::open(new)?;
        restrict(new).map_err(wrong)?;
        let sound: String = made.query_row("PRAGMA quick_check", [], |r| r.get(0))?;
        if sound != "ok" {
            return Err(HubError::Damaged { table: "backup" });
        }
        let (entries, last): (i64, i64) =
            made.query_row("SELECT count(*), coalesce(max(id), 0) FROM entry", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let (here, beside) =
            (PhotoFolder::in_data(&self.inner.data, self.keys()), PhotoFolder::in_data(folder, self.keys()));
        // A copy was opened when it was made; one that stands there is known by its length.
        let photos = bring(&kept_photos(&made)?, (&here, &beside), |photo| Ok(beside.holds(&photo.tag, photo.size)))?;
        let lacking = photos.lacking.iter().map(|tag| described(&made, *tag)).collect::<Result<_, _>>()?;
        drop(made);
        std::fs::File::open(new).and_then(|made| made.sync_all()).map_err(wrong)?;
        Ok(Snapshot { entries, last, photos, lacking })
    }

    /// Puts a backup in the place of the database, which is kept beside under another name, and its photos where they lack. A
    /// new epoch begins: phones notice, and offer again what this state lacks. The hub must not be serving.
    pub fn restore(data: &Path, file: &Path) -> Result<Restored, HubError> {
        Self::restore_at(data, file, super::now())
    }

    /// The same, told the time by somebody else.
    pub fn restore_at(data: &Path, file: &Path, now: i64) -> Result<Restored, HubError> {
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
        let mut restored = begin_anew(data, &new, folder_of(file), now)?;
        if there.exists() {
            // Whatever its log holds goes with it, into one file.
            if let Ok(db) = connect(&there) {
                let _: Result<i64, _> = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0));
            }
            let mut name = format!("{KEPT}{}", stamp());
            // Twice in one second: neither takes the other's place, and the later one's name is the greater.
            while data.join(&name).exists() {
                name.push('+');
            }
            let kept = data.join(&name);
            for suffix in ["-wal", "-shm", ""] {
                let from = data.join(format!("hub.db{suffix}"));
                if from.exists() {
                    let to = data.join(format!("{name}{suffix}"));
                    std::fs::rename(&from, &to).map_err(wrong(&from))?;
                }
            }
            restored.before = Some(kept);
        }
        std::fs::rename(&new, &there).map_err(wrong(&new))?;
        settle(&there).map_err(wrong(&there))?;
        let store = Self::open(data)?;
        store.write(|tx| tx.audit(&Who::Admin, "restore", None, "a new epoch begins"))?;
        Ok(restored)
    }
}

/// Makes a backup's database ready to be the hub's: in an epoch of its own, with the photos that it names in the hub's folder.
fn begin_anew(data: &Path, new: &Path, beside: &Path, now: i64) -> Result<Restored, HubError> {
    let mut db = connect(new)?;
    super::migrate(&mut db)?;
    let sound: String = db.query_row("PRAGMA quick_check", [], |r| r.get(0))?;
    let name: Option<String> =
        db.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |r| r.get(0)).optional()?;
    if sound != "ok" || name.is_none() {
        return Err(HubError::Damaged { table: "backup" });
    }
    let keys = Keys::load(data)?;
    let (here, beside) = (PhotoFolder::in_data(data, &keys), PhotoFolder::in_data(beside, &keys));
    let photos = bring(&kept_photos(&db)?, (&beside, &here), |photo| here.has(photo))?;
    let last: i64 = db.query_row("SELECT coalesce(max(id), 0) FROM entry", [], |r| r.get(0))?;
    let epoch = DocumentId::from_random(*crate::keys::random()?);
    let tx = db.transaction()?;
    for (name, value) in [("epoch", epoch.to_string()), (EPOCH_BEGAN, now.to_string()), (BACKED_UP, last.to_string())] {
        tx.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )?;
    }
    let told = Tx { sql: &tx, keys: &keys, now };
    // What phones were told since is not known here.
    told.tell_standings_again()?;
    let formers = formers(data, &told)?;
    let carried = told.carry_phones(&formers)?;
    let kept = told.keep_patients(&formers)?;
    let plans = told.carry_plans(&formers)?;
    let assignments = told.carry_assignments(&formers)?;
    let (forgotten, consents_compared) = told.consents_of_formers(&formers)?;
    told.tell_consents_again()?;
    forget_lacking(&tx, &photos.lacking)?;
    let photos_lacking = named_and_lacking(&tx, &photos.lacking)?;
    tx.commit()?;
    let _: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
    Ok(Restored {
        before: None,
        photos: photos.there,
        photos_copied: photos.copied,
        photos_lacking,
        devices_enrolled: carried.enrolled,
        devices_revoked: carried.revoked,
        devices_compared: carried.is_compared,
        patients_kept: kept.patients,
        patients_compared: kept.is_compared,
        consents_withdrawn: forgotten.withdrawn,
        consents_narrowed: forgotten.narrowed.iter().map(ConsentNamed::of).collect(),
        consents_to_enter: forgotten.changed,
        consents_compared,
        plans,
        assignments,
    })
}

impl Tx<'_> {
    /// What patients have closed after the backup stays closed. `false`: the database that stood here last cannot say.
    fn consents_of_formers(&self, formers: &[Former]) -> Result<(Forgotten, bool), HubError> {
        let (mut said, mut is_compared) = (Vec::new(), false);
        for former in formers {
            if let Some(consents) = former.read(self.keys, |was| was.consents()) {
                said.push(consents);
                is_compared |= former.is_last;
            }
        }
        let forgotten = Forgotten::between(&said, &self.consents()?);
        self.stay_withdrawn(&forgotten.withdrawn)?;
        self.stay_narrowed(&forgotten.narrowed)?;
        Ok((forgotten, is_compared))
    }

    /// The last entry that stands in a backup; `None`: no backup was ever made.
    fn backed_up_to(&self) -> Result<Option<i64>, HubError> {
        Ok(self.meta(BACKED_UP)?.and_then(|id| id.parse().ok()))
    }

    /// What this database says is here and is not: it says so no more. A new epoch begins, in which phones hold no photo for
    /// received: whoever took one of these brings it, and the others hear that theirs are here. They ask of documents too, and
    /// hear that nothing lacks: were they not let, they would take all of it for lost.
    fn ask_again_for(&self, lost: &[LackingPhoto]) -> Result<(), HubError> {
        if lost.is_empty() {
            return Ok(());
        }
        let tags: Vec<PhotoTag> = lost.iter().map(|lost| lost.photo.0).collect();
        forget_lacking(self.sql, &tags)?;
        self.put_meta("epoch", &DocumentId::from_random(*crate::keys::random()?).to_string())?;
        self.put_meta(EPOCH_BEGAN, &self.now.to_string())?;
        // With the epoch phones forget whom they have in part.
        self.tell_standings_again()
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

/// Whether a backup's photos would stand in the hub's own folder: they would count as kept, and be there once.
fn is_within(folder: &Path, data: &Path) -> Result<bool, HubError> {
    let real = |path: &Path| path.canonicalize().map_err(|source| HubError::File { path: path.to_path_buf(), source });
    let (folder, data) = (real(folder)?, real(data)?);
    let own = data.join("photos").canonicalize();
    let is_own = |photos: PathBuf| photos.starts_with(&data) || own.is_ok_and(|own| own == photos);
    Ok(folder.starts_with(&data) || folder.join("photos").canonicalize().is_ok_and(is_own))
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
    std::fs::File::open(folder_of(file))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Now, as part of a file's name.
fn stamp() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
