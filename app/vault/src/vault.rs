//! The open vault: its transactions, and what stands under its name. Keys are `ring.rs`, PINs `unlock.rs`.

use crate::capsule::{self, CopyBook};
use crate::error::VaultError;
use crate::keys::KeyStore;
use crate::ring::KeyRing;
use crate::schema;
use crate::state::Identity;
use crate::tx::Tx;
use protocol::Series;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The two legal regimes (DESIGN §2), each under its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compartment {
    /// The station's own record.
    Station,
    /// What hospitals disclosed, per network; withdrawable.
    Disclosed(String),
}

/// What SQLite lets a file grow to.
const MOST_PAGES: i64 = 0xffff_fffe;

/// How long an erasure waits for whoever reads, or brings the log into the file: a pen may wait behind it. And how long it rests
/// between two looks.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(20);

/// How much the file holds, for the sync screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wear {
    pub bytes: u64,
}

/// What stands where a vault should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Nothing,
    Vault,
    /// Its keys are gone; sealed copies may still wait.
    Wiped,
    /// No vault that can be read: damaged, or another program's file.
    Unreadable,
}

/// An open vault. Dropping it closes the file and wipes the keys.
pub struct Vault {
    path: PathBuf,
    pub(crate) db: Connection,
    pub(crate) ring: KeyRing,
    decoy: bool,
    /// What an erasure left in the log could not be cut off yet.
    owes_cut: bool,
}

impl Vault {
    pub(crate) fn behind(path: &Path, db: Connection, ring: KeyRing, decoy: bool) -> Self {
        Self { path: path.to_path_buf(), db, ring, decoy, owes_cut: false }
    }

    /// Opened by the PIN under duress: in memory, empty, and never to meet a hub.
    pub fn is_decoy(&self) -> bool {
        self.decoy
    }

    /// What stands under a path, without any key.
    pub fn standing(path: &Path) -> Standing {
        if !path.exists() {
            return Standing::Nothing;
        }
        let looked = || -> Result<bool, VaultError> {
            let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            schema::check_ours(&db)?;
            capsule::is_wiped(&db)
        };
        match looked() {
            Ok(true) => Standing::Wiped,
            Ok(false) => Standing::Vault,
            Err(VaultError::Unreadable(error)) if is_damage(&error) => Standing::Unreadable,
            Err(VaultError::NotAVault) => Standing::Unreadable,
            // In use, not ours to read, no room: nothing that says the file is bad. It is left where it is.
            Err(_) => Standing::Vault,
        }
    }

    /// Everything that belongs together happens in one transaction, or not at all.
    pub fn write<T, E: From<VaultError>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.ring.rows.watch(&self.db)?;
        let sql = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(VaultError::from)?;
        self.ring.begin(&sql)?;
        // Until the commit has succeeded, keys made inside stand on no disk: an error, a full disk at the commit or a panic
        // leaves the ring untrusted, and the next transaction reads every key anew.
        self.ring.trusted = false;
        let mut tx = Tx { sql: &sql, ring: &mut self.ring };
        tx.load_root()?;
        let before = tx.ring.rows.get();
        let value = work(&mut tx)?;
        tx.store_root(before)?;
        sql.commit().map_err(VaultError::from)?;
        self.ring.trusted = true;
        if std::mem::take(&mut self.ring.erased) {
            self.cut_log(PATIENCE);
        }
        Ok(value)
    }

    /// What an erasure freed is overwritten (`secure_delete`); the log still holds what was written before it. Another
    /// connection that reads keeps the log for now, and a full disk too: it is remembered, and no save has to do it.
    pub(crate) fn cut_log(&mut self, patience: Duration) {
        self.owes_cut = !matches!(cut(&self.db, patience), Ok(true));
        if self.owes_cut {
            tracing::info!("the log of an erasure is cut off later");
        }
    }

    /// A process that was killed between an erasure and its cut left the log as it was. Who reads just now is not waited for.
    pub(crate) fn cut_left_log(&mut self) {
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
            self.cut_log(Duration::ZERO);
        }
    }

    pub fn owes_cut(&self) -> bool {
        self.owes_cut
    }

    /// The same, and whoever asks does it now, by [`Vault::cut_log_of`]; if that is not possible, [`Vault::owe_cut`].
    pub fn take_owed_cut(&mut self) -> bool {
        std::mem::take(&mut self.owes_cut)
    }

    pub fn owe_cut(&mut self) {
        self.owes_cut = true;
    }

    /// Cuts the log off, on a connection of its own as in [`Vault::tidy_log`]. `false`: somebody else is reading.
    pub fn cut_log_of(path: &Path) -> Result<bool, VaultError> {
        let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::check_ours(&db)?;
        Ok(cut(&db, PATIENCE)?)
    }

    /// Brings what stands in the log into the file, on a connection of its own and without a key: whoever holds the vault does
    /// not wait for it, and no save has to do it at its end, as SQLite asks of one every 1,000 pages. What cannot be brought
    /// over yet stays in the log.
    pub fn tidy_log(path: &Path) -> Result<(), VaultError> {
        let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // The log is looked at with the first reading.
        schema::check_ours(&db)?;
        Ok(db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }

    /// Reads in one snapshot.
    pub fn read<T, E: From<VaultError>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let sql = self.db.transaction_with_behavior(TransactionBehavior::Deferred).map_err(VaultError::from)?;
        self.ring.begin(&sql)?;
        work(&mut Tx { sql: &sql, ring: &mut self.ring })
    }

    /// From here on every change is also sealed to the hub, in its own transaction.
    pub fn seal_copies(&mut self, identity: &Identity, series: Series) -> Result<(), VaultError> {
        self.ring.seals_copies_by(CopyBook::new(identity, series)?);
        Ok(())
    }

    /// 封印消去: the keys go, the sealed copies stay.
    pub fn wipe(mut self, store: &dyn KeyStore) -> Result<(), VaultError> {
        if self.decoy {
            // The one that it stands in front of.
            self.db = Connection::open(&self.path)?;
            schema::configure(&self.db)?;
        }
        capsule::wipe(&mut self.db, store)
    }

    /// Tells the key store how far this file has come, so that an older copy of it is noticed.
    pub fn mark_generation(&mut self, store: &dyn KeyStore) -> Result<(), VaultError> {
        if self.decoy {
            return Ok(());
        }
        let generation = self.read(|tx| tx.generation())?;
        store.put_generation(generation)
    }

    /// For tests alone: the file may grow by so many pages from here on, then the disk is full, as SQLite says it
    /// (`SQLITE_FULL`), at whatever write needs the next one. `None`: there is room.
    #[doc(hidden)]
    pub fn limit_room(&self, pages: Option<u32>) -> Result<(), VaultError> {
        let most = match pages {
            Some(pages) => {
                let there: i64 = self.db.pragma_query_value(None, "page_count", |r| r.get(0))?;
                there + i64::from(pages)
            }
            None => MOST_PAGES,
        };
        Ok(self.db.pragma_update(None, "max_page_count", most)?)
    }

    pub fn wear(&self) -> Wear {
        Wear { bytes: std::fs::metadata(&self.path).map(|m| m.len()).unwrap_or(0) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Cuts the log off. `false`: somebody else reads, or brings it into the file, for longer than the patience lasts.
pub(crate) fn cut(db: &Connection, patience: Duration) -> Result<bool, rusqlite::Error> {
    db.busy_timeout(patience)?;
    let done = cut_within(db, patience);
    db.busy_timeout(schema::BUSY)?;
    done
}

/// SQLite waits for readers by itself; for somebody who brings the log into the file it does not.
fn cut_within(db: &Connection, patience: Duration) -> Result<bool, rusqlite::Error> {
    let began = Instant::now();
    loop {
        let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
        if busy == 0 || began.elapsed() >= patience {
            return Ok(busy == 0);
        }
        std::thread::sleep(PAUSE);
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    matches!(error.sqlite_error_code(), Some(Code::NotADatabase | Code::DatabaseCorrupt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{DeviceSecret, FileKeyStore, Pin};
    use crate::seal::Key;
    use crate::testing::{Outcome, at, closed_vault as vault};
    use record::DocumentId;

    #[test]
    fn after_a_wipe_the_file_holds_no_key_and_no_body_that_stood_there() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        let bodies: Vec<Vec<u8>> = open.read(|tx| -> Result<_, VaultError> {
            let mut bodies = Vec::new();
            for sql in [
                "SELECT wrapped FROM header",
                "SELECT wrapped FROM compartment",
                "SELECT wrapped FROM patient_key",
                "SELECT sealed FROM state",
            ] {
                let mut statement = tx.sql.prepare(sql)?;
                bodies.extend(statement.query_map([], |r| r.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?);
            }
            Ok(bodies)
        })?;
        assert!(bodies.len() >= 4);
        open.wipe(&store)?;
        for file in std::fs::read_dir(path.parent().ok_or("no folder")?)? {
            let bytes = std::fs::read(file?.path())?;
            for body in &bodies {
                assert!(
                    !bytes.windows(24).any(|window| window == &body[1..25]),
                    "a nonce of a wiped body still stands there"
                );
            }
        }
        Ok(())
    }

    /// A key store that counts, as phones have one.
    struct Counting<'a>(&'a FileKeyStore, std::sync::Mutex<Option<u64>>);

    impl KeyStore for Counting<'_> {
        fn put(&self, secret: &DeviceSecret) -> Result<(), VaultError> {
            self.0.put(secret)
        }
        fn get(&self) -> Result<DeviceSecret, VaultError> {
            self.0.get()
        }
        fn put_next(&self, secret: &DeviceSecret) -> Result<(), VaultError> {
            self.0.put_next(secret)
        }
        fn next(&self) -> Result<Option<DeviceSecret>, VaultError> {
            self.0.next()
        }
        fn adopt_next(&self) -> Result<(), VaultError> {
            self.0.adopt_next()
        }
        fn generation(&self) -> Result<Option<u64>, VaultError> {
            Ok(self.1.lock().ok().and_then(|g| *g))
        }
        fn put_generation(&self, generation: u64) -> Result<(), VaultError> {
            if let Ok(mut kept) = self.1.lock() {
                *kept = Some(generation);
            }
            Ok(())
        }
    }

    #[test]
    fn a_whole_older_copy_of_the_file_is_noticed_by_the_key_store() -> Outcome {
        let (_folder, path, store) = vault()?;
        let pin = Pin::new("2468")?;
        let counting = Counting(&store, std::sync::Mutex::new(None));
        let mut open = Vault::open(&path, &counting, &pin, at(0))?;
        open.mark_generation(&counting)?;
        drop(open);
        let older = std::fs::read(&path)?;
        let mut open = Vault::open(&path, &counting, &pin, at(0))?;
        open.write(|tx| tx.put_setting("language", "en"))?;
        open.mark_generation(&counting)?;
        drop(open);
        Vault::open(&path, &counting, &pin, at(0))?;
        std::fs::write(&path, older)?;
        assert!(matches!(Vault::open(&path, &counting, &pin, at(0)).err(), Some(VaultError::OlderCopy { .. })));
        Ok(())
    }

    #[test]
    fn one_row_put_back_from_an_older_copy_taken_away_or_slipped_in_is_noticed() -> Outcome {
        let (_folder, path, store) = vault()?;
        let pin = Pin::new("2468")?;
        let mut open = Vault::open(&path, &store, &pin, at(0))?;
        for number in 1..4 {
            let item = record_of("hp-1", number)?;
            open.write(|tx| tx.put_item(&item))?;
        }
        let changed = crate::Item { body: vec![9; 40], ..record_of("hp-1", 1)? };
        let raw = |sql: &str| -> Result<usize, rusqlite::Error> { Connection::open(&path)?.execute(sql, []) };
        Connection::open(&path)?.execute_batch("CREATE TABLE kept AS SELECT * FROM item")?;
        open.write(|tx| tx.put_item(&changed))?;
        assert!(open.read(|tx| tx.rows_add_up())?);
        let harm = [
            ("an older row put back", "UPDATE item SET sealed = (SELECT k.sealed FROM kept k WHERE k.key = item.key)"),
            ("a row taken away", "DELETE FROM item WHERE key = (SELECT min(key) FROM item)"),
            (
                "a row of another place slipped in",
                "INSERT INTO item SELECT kind + 100, key, compartment, patient, source, sealed FROM kept",
            ),
        ];
        drop(open);
        let sound = std::fs::read(&path)?;
        for (what, sql) in harm {
            raw(sql)?;
            let mut open = Vault::open(&path, &store, &pin, at(0))?;
            assert!(!open.read(|tx| tx.rows_add_up())?, "{what}");
            // Each row by itself still opens: only the sum knows.
            open.read(|tx| tx.items(protocol::Kind::Record, None))?;
            drop(open);
            std::fs::write(&path, &sound)?;
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
            }
        }
        Ok(())
    }

    #[test]
    fn a_sum_that_was_taken_away_or_damaged_is_noticed_and_keeps_nobody_from_writing() -> Outcome {
        for harm in ["DELETE FROM state WHERE name = 'root'", "UPDATE state SET sealed = x'0102' WHERE name = 'root'"] {
            let (_folder, path, store) = vault()?;
            let pin = Pin::new("2468")?;
            let item = record_of("hp-1", 1)?;
            Vault::open(&path, &store, &pin, at(0))?.write(|tx| tx.put_item(&item))?;
            Connection::open(&path)?.execute(harm, [])?;
            let mut open = Vault::open(&path, &store, &pin, at(0))?;
            assert!(!open.read(|tx| tx.rows_add_up())?, "{harm}");
            open.write(|tx| tx.put_setting("language", "en"))?;
            assert!(!open.read(|tx| tx.rows_add_up())?, "what stood under it is not vouched for by a new one");
            drop(open);
            assert!(!Vault::open(&path, &store, &pin, at(0))?.read(|tx| tx.rows_add_up())?);
        }
        Ok(())
    }

    #[test]
    fn what_the_outbox_says_of_an_entry_is_covered_too() -> Outcome {
        let (_folder, path, store) = vault()?;
        let pin = Pin::new("2468")?;
        let item = record_of("hp-1", 1)?;
        Vault::open(&path, &store, &pin, at(0))?.write(|tx| tx.put_item(&item))?;
        // A facility's mark altered: its withdrawal would not find the record any more.
        Connection::open(&path)?.execute("UPDATE item SET source = zeroblob(16)", [])?;
        assert!(!Vault::open(&path, &store, &pin, at(0))?.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn the_sum_of_an_older_version_is_believed_and_then_covers_more() -> Outcome {
        let (_folder, path, store) = vault()?;
        let pin = Pin::new("2468")?;
        let item = record_of("hp-1", 1)?;
        let mut open = Vault::open(&path, &store, &pin, at(0))?;
        open.write(|tx| tx.put_item(&item))?;
        open.write(|tx| tx.put_root_of_version_1())?;
        drop(open);
        let mut open = Vault::open(&path, &store, &pin, at(0))?;
        assert!(open.read(|tx| tx.rows_add_up())?);
        open.write(|tx| tx.put_setting("language", "en"))?;
        assert!(open.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn writing_that_failed_leaves_the_sum_as_it_was() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        let item = record_of("hp-1", 1)?;
        let failed: Result<(), VaultError> = open.write(|tx| {
            tx.put_item(&item)?;
            Err(VaultError::NoRandomness)
        });
        assert!(failed.is_err() && open.read(|tx| tx.rows_add_up())?);
        open.write(|tx| tx.put_item(&item))?;
        open.write(|tx| tx.put_setting("language", "en"))?;
        open.write(|tx| tx.put_setting("language", "ja"))?;
        open.write(|tx| tx.destroy_disclosed())?;
        assert!(open.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    #[test]
    fn a_full_disk_in_the_middle_of_a_transaction_leaves_everything_as_it_was() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        open.limit_room(Some(2))?;
        // The first of these still find room.
        let records = (1..=40).map(|n| record_of("hp-1", n)).collect::<Result<Vec<_>, _>>()?;
        let large = |record: &crate::Item| crate::Item { body: vec![7; 1_000], ..record.clone() };
        let refused = open.write(|tx| records.iter().try_for_each(|record| tx.put_item(&large(record))));
        assert!(matches!(refused, Err(VaultError::Full)), "{refused:?}");
        assert!(open.read(|tx| tx.items(protocol::Kind::Record, None))?.is_empty());
        let patient: record::PatientId = "p1".parse()?;
        assert!(!open.read(|tx| tx.has_disclosed_key(&patient))?);
        assert!(open.read(|tx| tx.rows_add_up())?);
        open.limit_room(None)?;
        open.write(|tx| records.iter().try_for_each(|record| tx.put_item(&large(record))))?;
        assert_eq!(open.read(|tx| tx.items(protocol::Kind::Record, None))?.len(), 40);
        assert!(open.read(|tx| tx.rows_add_up())?);
        Ok(())
    }

    /// One disclosed record of a patient.
    fn record_of(facility: &str, number: u8) -> Result<crate::Item, Box<dyn std::error::Error>> {
        Ok(crate::Item {
            kind: protocol::Kind::Record,
            doc: DocumentId([number; 16]),
            patient: Some("p1".parse()?),
            source: Some(facility.parse()?),
            body: vec![number; 40],
        })
    }

    /// Every sealed body of the disclosed compartment, and the key that opens them.
    fn disclosed(vault: &mut Vault) -> Result<(Vec<Vec<u8>>, Key), VaultError> {
        vault.read(|tx| {
            let compartment = tx.ring.compartment_tag(&Compartment::Disclosed("home".to_string()));
            let patient = tx.ring.patient_tag(Some(&"p1".parse().map_err(|_| VaultError::Missing("a patient"))?));
            let key = tx.ring.patient_key(tx.sql, compartment, patient, false)?;
            let mut statement = tx.sql.prepare("SELECT sealed FROM item WHERE compartment = ?1")?;
            let bodies = statement.query_map([compartment], |r| r.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?;
            Ok((bodies, key))
        })
    }

    fn stands_in(folder: &Path, body: &[u8]) -> Result<bool, std::io::Error> {
        for file in std::fs::read_dir(folder)? {
            // Nonce and the first of the ciphertext: what a finder would need whole.
            if std::fs::read(file?.path())?.windows(40).any(|window| window == &body[1..41]) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[test]
    fn after_an_erasure_a_kept_key_finds_nothing_that_it_opens() -> Outcome {
        let (folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        for (facility, number) in [("hp-1", 1), ("hp-1", 2), ("hp-2", 3)] {
            let item = record_of(facility, number)?;
            open.write(|tx| tx.put_item(&item))?;
        }
        let (before, kept) = disclosed(&mut open)?;
        assert_eq!(before.len(), 3);
        open.write(|tx| {
            let (patient, facility) = ("p1".parse(), "hp-1".parse());
            let missing = |_| VaultError::Missing("an id");
            tx.forget_disclosed(&patient.map_err(missing)?, &facility.map_err(missing)?)
        })?;
        for body in &before {
            assert!(!stands_in(folder.path(), body)?, "also what stays was sealed anew");
        }
        let (after, fresh) = disclosed(&mut open)?;
        assert_eq!(after.len(), 1);
        assert!(kept.0 != fresh.0);
        let rest: Vec<crate::Item> = open.read(|tx| tx.items(protocol::Kind::Record, None))?;
        assert!(rest == [record_of("hp-2", 3)?]);
        // The lease ends: nothing of the compartment is left.
        open.write(|tx| tx.destroy_disclosed())?;
        for body in &after {
            assert!(!stands_in(folder.path(), body)?);
        }
        assert!(disclosed(&mut open).is_err());
        let item = record_of("hp-1", 4)?;
        open.write(|tx| tx.put_item(&item))?;
        assert_eq!(disclosed(&mut open)?.0.len(), 1, "and what comes later has keys of its own");
        Ok(())
    }

    #[test]
    fn a_log_that_was_tidied_leaves_nothing_for_a_save_to_do_and_an_erasure_still_cuts_it() -> Outcome {
        let (folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        for number in 1..4 {
            let item = record_of("hp-1", number)?;
            open.write(|tx| tx.put_item(&item))?;
        }
        let brought = |path: &Path| -> Result<(i64, i64), rusqlite::Error> {
            let db = Connection::open(path)?;
            db.query_row("PRAGMA wal_checkpoint(NOOP)", [], |r| Ok((r.get(1)?, r.get(2)?)))
        };
        let (in_log, in_file) = brought(&path)?;
        assert!(in_file < in_log, "three saves stand in the log alone");
        Vault::tidy_log(&path)?;
        let (in_log, in_file) = brought(&path)?;
        assert_eq!(in_log, in_file);
        let (bodies, _) = disclosed(&mut open)?;
        let (patient, facility): (record::PatientId, record::FacilityId) = ("p1".parse()?, "hp-1".parse()?);
        open.write(|tx| tx.forget_disclosed(&patient, &facility))?;
        for body in &bodies {
            assert!(!stands_in(folder.path(), body)?);
        }
        Ok(())
    }

    /// A vault from which a record was erased while somebody read, who reads still; and the body that was erased.
    fn erased_under_a_reader(path: &Path, store: &FileKeyStore) -> Outcome<(Vault, Connection, Vec<u8>)> {
        let mut open = Vault::open(path, store, &Pin::new("2468")?, at(0))?;
        let item = record_of("hp-1", 1)?;
        open.write(|tx| tx.put_item(&item))?;
        let body = disclosed(&mut open)?.0.pop().ok_or("nothing is disclosed")?;
        let reader = Connection::open(path)?;
        reader.execute_batch("BEGIN")?;
        reader.query_row("SELECT count(*) FROM item", [], |r| r.get::<_, i64>(0))?;
        open.write(|tx| tx.destroy_disclosed())?;
        Ok((open, reader, body))
    }

    #[test]
    fn what_a_reader_kept_of_an_erasure_in_the_log_is_remembered_and_cut_off_once_nobody_reads() -> Outcome {
        let (folder, path, store) = vault()?;
        let (mut open, reader, body) = erased_under_a_reader(&path, &store)?;
        assert!(open.owes_cut() && stands_in(folder.path(), &body)?);
        assert!(!Vault::cut_log_of(&path)?);
        open.write(|tx| tx.put_setting("language", "en"))?;
        assert!(open.owes_cut(), "no save does it");
        reader.execute_batch("COMMIT")?;
        open.write(|tx| tx.put_setting("language", "ja"))?;
        assert!(open.owes_cut() && stands_in(folder.path(), &body)?, "nor when it could");
        assert!(open.take_owed_cut() && Vault::cut_log_of(&path)?);
        assert!(!open.owes_cut() && !stands_in(folder.path(), &body)?);
        Ok(())
    }

    #[test]
    fn a_reader_keeps_no_erasure_waiting_and_a_save_after_it_is_as_patient_as_ever() -> Outcome {
        let (_folder, path, store) = vault()?;
        let (mut open, reader, _) = erased_under_a_reader(&path, &store)?;
        let began = Instant::now();
        open.write(|tx| tx.destroy_disclosed())?;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let patience: i64 = open.db.pragma_query_value(None, "busy_timeout", |r| r.get(0))?;
        assert_eq!(Duration::from_millis(patience.unsigned_abs()), schema::BUSY);
        drop(reader);
        open.write(|tx| tx.destroy_disclosed())?;
        assert!(!open.owes_cut(), "an erasure that is cut off takes what an earlier one left along");
        Ok(())
    }

    #[test]
    fn what_a_killed_process_left_of_an_erasure_in_the_log_is_cut_off_at_the_next_opening() -> Outcome {
        let (folder, path, store) = vault()?;
        // Never closed, as by kill -9: the last closing would cut the log off.
        let (killed, reader, body) = erased_under_a_reader(&path, &store)?;
        let pin = Pin::new("2468")?;
        let began = Instant::now();
        assert!(Vault::open(&path, &store, &pin, at(0))?.owes_cut(), "who reads keeps nobody from opening");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        reader.execute_batch("COMMIT")?;
        assert!(stands_in(folder.path(), &body)?);
        let next = Vault::open(&path, &store, &pin, at(0))?;
        assert!(!next.owes_cut() && !stands_in(folder.path(), &body)?);
        drop(killed);
        Ok(())
    }

    #[test]
    fn nothing_is_written_without_its_sealed_copy() -> Outcome {
        let (_folder, path, store) = vault()?;
        let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
        let patient = "p1".parse()?;
        let written = crate::Written {
            doc: DocumentId([1; 16]),
            patient: &patient,
            kind: protocol::Kind::Note,
            hash: record::ContentHash([0; 32]),
            bytes: b"x",
            at: 0,
        };
        let refused: Result<(), VaultError> = open.write(|tx| tx.put_copy(&written));
        assert!(matches!(refused, Err(VaultError::Missing(_))));
        Ok(())
    }
}
