//! The log beside the file (SQLite's WAL): brought into the file while nobody waits, and cut off after an erasure.

use super::Vault;
use crate::error::VaultError;
use crate::schema;
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an erasure waits for whoever reads, or brings the log into the file: a pen may wait behind it. And how long it rests
/// between two looks.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(20);

impl Vault {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{FileKeyStore, Pin};
    use crate::seal::Key;
    use crate::testing::{Outcome, at, closed_vault as vault};
    use crate::vault::Compartment;
    use crate::vault::tests::record_of;

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
}
