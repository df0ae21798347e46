use super::*;
use crate::keys::{DeviceSecret, FileKeyStore, Pin};
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
fn the_sum_of_an_older_version_is_believed_where_it_fits_and_then_brought_up() -> Outcome {
    for (v, is_bent) in [(1, false), (2, false), (1, true), (2, true)] {
        let (_folder, path, store) = vault()?;
        let pin = Pin::new("2468")?;
        let item = record_of("hp-1", 1)?;
        let mut open = Vault::open(&path, &store, &pin, at(0))?;
        open.write(|tx| tx.put_item(&item))?;
        open.write(|tx| tx.put_root_of_version(v))?;
        if is_bent {
            // In the middle of a body, which these versions took in whole.
            let bent =
                "UPDATE item SET sealed = CAST(substr(sealed, 1, 60) || zeroblob(8) || substr(sealed, 69) AS BLOB)";
            Connection::open(&path)?.execute(bent, [])?;
        }
        drop(open);
        let mut open = Vault::open(&path, &store, &pin, at(0))?;
        assert_eq!(open.read(|tx| tx.rows_add_up())?, !is_bent, "version {v}");
        open.write(|tx| tx.put_setting("language", "en"))?;
        assert_eq!(open.read(|tx| tx.rows_add_up())?, !is_bent, "version {v}, brought up");
    }
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

#[test]
fn what_sqlite_took_back_by_itself_is_an_error_although_nobody_looked() -> Outcome {
    let (_folder, path, store) = vault()?;
    let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
    let (note, patient): (DocumentId, record::PatientId) = (DocumentId([5; 16]), "p1".parse()?);
    let row = crate::NoteRow::draft(note, record::Form::VisitNote, patient.clone(), jiff::Timestamp::UNIX_EPOCH);
    open.write(|tx| tx.put_note(&row, None, true, 0))?;
    open.limit_room(Some(2))?;
    let change = record::visit_note::RawChange { hash: record::ChangeHash([1; 32]), bytes: vec![7; 1_000] };
    let passed_over: Result<(), VaultError> = open.write(|tx| {
        assert!((0..40).any(|_| tx.add_change(note, &patient, &change).is_err()));
        assert!(tx.sql.is_autocommit(), "nothing is left to commit");
        let small = record::visit_note::RawChange { bytes: vec![7], ..change.clone() };
        assert!(tx.add_change(note, &patient, &small).is_err(), "and nothing stands alone");
        Ok(())
    });
    assert!(matches!(passed_over, Err(VaultError::Full)), "{passed_over:?}");
    open.limit_room(None)?;
    open.write(|tx| tx.put_setting("language", "en"))?;
    assert!(open.read(|tx| tx.note(note))?.is_some_and(|note| note.tail.is_empty()));
    assert!(open.read(|tx| tx.rows_add_up())?);
    Ok(())
}

#[test]
fn a_note_that_comes_grows_is_folded_and_goes_is_in_the_sum_and_marked_for_search() -> Outcome {
    let (_folder, path, store) = vault()?;
    let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
    let (note, patient): (DocumentId, record::PatientId) = (DocumentId([5; 16]), "p1".parse()?);
    let row = crate::NoteRow::draft(note, record::Form::VisitNote, patient.clone(), jiff::Timestamp::UNIX_EPOCH);
    let change = |n: u8| record::visit_note::RawChange { hash: record::ChangeHash([n; 32]), bytes: vec![n; 300] };
    let stale = |open: &mut Vault| -> Result<i64, VaultError> {
        open.read(|tx| Ok(tx.sql.query_row("SELECT count(*) FROM search_stale", [], |r| r.get(0))?))
    };
    open.write(|tx| tx.put_note(&row, Some(b"whole"), true, 0))?;
    for n in 1..4 {
        open.write(|tx| Ok::<_, VaultError>(tx.sql.execute("DELETE FROM search_stale", [])?))?;
        open.write(|tx| {
            tx.put_note(&row, None, true, 0)?;
            tx.add_change(note, &patient, &change(n))
        })?;
        assert_eq!(stale(&mut open)?, 1, "its row tells the search of change {n}");
        assert!(open.read(|tx| tx.rows_add_up())?, "change {n}");
    }
    let stored = open.read(|tx| tx.note(note))?.ok_or("no note")?;
    assert_eq!((stored.document.as_slice(), stored.tail.len()), (&b"whole"[..], 3));
    open.write(|tx| tx.put_note(&row, Some(b"folded"), false, 3))?;
    let stored = open.read(|tx| tx.note(note))?.ok_or("no note")?;
    assert_eq!((stored.document.as_slice(), stored.tail.len(), stored.sent), (&b"folded"[..], 0, 3));
    assert!(open.read(|tx| tx.rows_add_up())?);
    assert!(open.write(|tx| tx.forget_damaged(note))?);
    assert!(open.read(|tx| tx.rows_add_up())?);
    Ok(())
}

#[test]
fn the_items_of_a_patient_are_found_by_an_index() -> Outcome {
    let (_folder, path, store) = vault()?;
    let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
    let plan: Vec<String> = open.read(|tx| {
        let mut statement = tx.sql.prepare(&format!("EXPLAIN QUERY PLAN {}", crate::items::OF_PATIENT))?;
        let rows = statement.raw_query().mapped(|r| r.get(3)).collect::<Result<_, _>>()?;
        Ok::<_, VaultError>(rows)
    })?;
    assert!(plan.iter().all(|step| step.contains("item_of_patient (patient=? AND kind=?)")), "{plan:?}");
    Ok(())
}

/// One disclosed record of a patient.
pub(super) fn record_of(facility: &str, number: u8) -> Result<crate::Item, Box<dyn std::error::Error>> {
    Ok(crate::Item {
        kind: protocol::Kind::Record,
        doc: DocumentId([number; 16]),
        patient: Some("p1".parse()?),
        source: Some(facility.parse()?),
        body: vec![number; 40],
    })
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
