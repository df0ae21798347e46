//! SQLite without the vault: the vault's tables and triggers, its settings, padding and transactions, and nothing sealed.
//! The SQLCipher program takes this very file and gives it a key, so that both peers do the same work.

use crate::Done;
use crate::cost::{Cost, spent};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

pub type Tag = [u8; 16];
/// `u8::from(Kind::Patient)`
pub const PATIENT: u8 = 3;
/// `u8::from(Kind::Record)`
pub const RECORD: u8 = 4;

/// What a row holds: bytes, or what the product makes of them.
pub trait Body: Sized {
    fn to_bytes(&self) -> Done<Vec<u8>>;
    fn from_bytes(bytes: &[u8]) -> Done<Self>;
}

impl Body for Vec<u8> {
    fn to_bytes(&self) -> Done<Vec<u8>> {
        Ok(self.clone())
    }
    fn from_bytes(bytes: &[u8]) -> Done<Self> {
        Ok(bytes.to_vec())
    }
}

pub struct Note<N> {
    pub key: Tag,
    pub patient: Tag,
    pub row: N,
    pub document: Vec<u8>,
    pub change: Vec<u8>,
}

pub struct Item<I> {
    pub kind: u8,
    pub key: Tag,
    pub patient: Tag,
    pub body: I,
}

/// A database, and the rows that it is filled with.
pub struct Plain<N, I> {
    pub path: PathBuf,
    /// SQLCipher's, as `PRAGMA key` takes it.
    pub key: Option<String>,
    /// Statements that make the tables.
    pub schema: Vec<String>,
    pub notes: Vec<Note<N>>,
    /// The items of one patient are written in one transaction, as a page of the feed is.
    pub patients: Vec<Vec<Item<I>>>,
}

impl<N: Body, I: Body> Plain<N, I> {
    fn open(&self) -> Done<Connection> {
        let db = Connection::open(&self.path)?;
        if let Some(key) = &self.key {
            db.pragma_update(None, "key", key)?;
        }
        // As `vault::schema` does.
        let _: i64 = db.pragma_query_value(None, "application_id", |r| r.get(0))?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        db.pragma_update(None, "foreign_keys", "ON")?;
        db.pragma_update(None, "trusted_schema", "OFF")?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        db.set_prepared_statement_cache_capacity(112);
        let _: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
        Ok(db)
    }

    /// A new file with its items in it.
    pub fn insert_items(&self) -> Done<Cost> {
        remove(&self.path)?;
        let mut db = self.open()?;
        for sql in &self.schema {
            db.execute_batch(sql)?;
        }
        let ((), cost) = spent(|| {
            for items in &self.patients {
                let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for item in items {
                    put_item(&tx, item)?;
                }
                tx.commit()?;
            }
            Ok(())
        })?;
        Ok(cost)
    }

    /// Behind the items, so many notes a transaction.
    pub fn insert_notes(&self, at_once: usize) -> Done<Cost> {
        let mut db = self.open()?;
        let ((), cost) = spent(|| {
            for notes in self.notes.chunks(at_once) {
                let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for note in notes {
                    put(&tx, note)?;
                }
                tx.commit()?;
            }
            Ok(())
        })?;
        settle(&db)?;
        Ok(cost)
    }

    /// Opening the file and listing its patients.
    pub fn list(&self) -> Done<Cost> {
        let ((_db, patients), cost) = spent(|| {
            let db = self.open()?;
            let tx = db.unchecked_transaction()?;
            let patients = self.items(&tx, PATIENT, None)?;
            drop(tx);
            Ok((db, patients))
        })?;
        if patients.len() == self.patients.len() { Ok(cost) } else { Err("not all patients".into()) }
    }

    /// Every note whole, one by one.
    pub fn read_notes(&self) -> Done<Cost> {
        let db = self.open()?;
        let (bytes, cost) = spent(|| {
            let tx = db.unchecked_transaction()?;
            let mut bytes = 0;
            for note in &self.notes {
                let (_patient, _dirty, _sent, row, document): (Tag, bool, i64, Vec<u8>, Vec<u8>) = tx
                    .prepare_cached("SELECT patient, dirty, sent, row, document FROM note WHERE key = ?1")?
                    .query_row([note.key], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?;
                std::hint::black_box(N::from_bytes(unpadded(&row)?)?);
                let document = unpadded(&document)?.to_vec();
                let tail: Vec<Vec<u8>> = tx
                    .prepare_cached("SELECT sealed FROM note_change WHERE note = ?1 ORDER BY n")?
                    .query_map([note.key], |r| r.get(0))?
                    .collect::<Result<_, _>>()?;
                let tail = tail.iter().map(|change| Ok(unpadded(change)?.to_vec())).collect::<Done<Vec<_>>>()?;
                bytes += document.len() + tail.iter().map(Vec::len).sum::<usize>();
                std::hint::black_box((document, tail));
            }
            Ok(bytes)
        })?;
        self.all_read(bytes)?;
        Ok(cost)
    }

    /// Every note whole, from one end of the tables to the other.
    pub fn scan_notes(&self) -> Done<Cost> {
        let db = self.open()?;
        let (bytes, cost) = spent(|| {
            let mut bytes = 0;
            let mut notes = db.prepare("SELECT row, document FROM note")?;
            let mut rows = notes.query([])?;
            while let Some(row) = rows.next()? {
                std::hint::black_box(N::from_bytes(unpadded(row.get_ref(0)?.as_blob()?)?)?);
                let document = unpadded(row.get_ref(1)?.as_blob()?)?.to_vec();
                bytes += document.len();
                std::hint::black_box(document);
            }
            let mut changes = db.prepare("SELECT note, sealed FROM note_change")?;
            let mut rows = changes.query([])?;
            while let Some(row) = rows.next()? {
                let change = unpadded(row.get_ref(1)?.as_blob()?)?.to_vec();
                bytes += change.len();
                std::hint::black_box(change);
            }
            Ok(bytes)
        })?;
        self.all_read(bytes)?;
        Ok(cost)
    }

    /// The records of one patient after the other, as her screen shows them.
    pub fn read_records(&self) -> Done<Cost> {
        let db = self.open()?;
        let (count, cost) = spent(|| {
            let mut count = 0;
            for items in &self.patients {
                let patient = items.first().map(|item| item.patient);
                count += std::hint::black_box(self.items(&db, RECORD, patient)?).len();
            }
            Ok(count)
        })?;
        let all: usize = self.patients.iter().flatten().filter(|item| item.kind == RECORD).count();
        if count == all { Ok(cost) } else { Err("not all records".into()) }
    }

    fn items(&self, db: &Connection, kind: u8, patient: Option<Tag>) -> Done<Vec<I>> {
        let rows = db
            .prepare_cached(match patient {
                Some(_) => {
                    "SELECT key, compartment, patient, sealed FROM item INDEXED BY item_of_patient WHERE kind = ?1 AND patient = ?2"
                }
                None => "SELECT key, compartment, patient, sealed FROM item WHERE kind = ?1 AND ?2 IS NULL",
            })?
            .query_map((kind, patient), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
            .collect::<Result<Vec<(Tag, Tag, Tag, Vec<u8>)>, _>>()?;
        rows.iter().map(|(_, _, _, body)| I::from_bytes(unpadded(body)?)).collect()
    }

    fn all_read(&self, bytes: usize) -> Done {
        let all: usize = self.notes.iter().map(|note| note.document.len() + note.change.len()).sum();
        if bytes == all { Ok(()) } else { Err("not all notes".into()) }
    }
}

/// The vault's statements, here and below.
fn put_item<I: Body>(tx: &Connection, item: &Item<I>) -> Done {
    let body = padded(&item.body.to_bytes()?)?;
    let row = (item.kind, item.key, [0u8; 16], item.patient, [0u8; 16], &body);
    let is_new = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO item (kind, key, compartment, patient, source, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(row)?
        > 0;
    if !is_new {
        tx.prepare_cached(
            "UPDATE OR ROLLBACK item SET compartment = ?3, patient = ?4, source = ?5, sealed = ?6 WHERE kind = ?1 AND key = ?2",
        )?
        .execute(row)?;
    }
    Ok(())
}

fn put<N: Body>(tx: &Connection, note: &Note<N>) -> Done {
    let (row, document) = (padded(&note.row.to_bytes()?)?, padded(&note.document)?);
    let is_new = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO note (key, patient, dirty, sent, form, row, document) VALUES (?1, ?2, 1, 0, 1, ?3, coalesce(?4, x''))",
        )?
        .execute((note.key, note.patient, &row, &document))?
        > 0;
    if !is_new {
        tx.prepare_cached("UPDATE OR ROLLBACK note SET row = ?2, document = coalesce(?3, document) WHERE key = ?1")?
            .execute((note.key, &row, &document))?;
        tx.prepare_cached("DELETE FROM note_change WHERE note = ?1")?.execute([note.key])?;
    }
    tx.prepare_cached("INSERT OR ROLLBACK INTO note_change (note, patient, sealed) VALUES (?1, ?2, ?3)")?.execute((
        note.key,
        note.patient,
        padded(&note.change)?,
    ))?;
    Ok(())
}

/// The statements that make a database's tables, in order.
pub fn schema_of(db: &Connection) -> Done<Vec<String>> {
    let schema = db
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid")?
        .query_map([], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(schema)
}

/// The rows of a filled database, as bytes and in the order in which they were written: how the other process gets them.
pub fn rows_of(path: &Path) -> Done<(Vec<String>, Vec<Note<Vec<u8>>>, Vec<Vec<Item<Vec<u8>>>>)> {
    let db = Connection::open(path)?;
    let schema = schema_of(&db)?;
    let mut statement = db.prepare(
        "SELECT key, note.patient, row, document, sealed FROM note_change JOIN note ON key = note_change.note ORDER BY n",
    )?;
    let mut rows = statement.query([])?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = |at| -> Done<Vec<u8>> { Ok(unpadded(row.get_ref(at)?.as_blob()?)?.to_vec()) };
        notes.push(Note {
            key: row.get(0)?,
            patient: row.get(1)?,
            row: bytes(2)?,
            document: bytes(3)?,
            change: bytes(4)?,
        });
    }
    let mut statement = db.prepare("SELECT kind, key, patient, sealed FROM item ORDER BY patient, kind, key")?;
    let mut rows = statement.query([])?;
    let mut patients: Vec<Vec<Item<Vec<u8>>>> = Vec::new();
    while let Some(row) = rows.next()? {
        let item = Item {
            kind: row.get(0)?,
            key: row.get(1)?,
            patient: row.get(2)?,
            body: unpadded(row.get_ref(3)?.as_blob()?)?.to_vec(),
        };
        match patients.last_mut() {
            Some(items) if items.last().is_some_and(|last: &Item<_>| last.patient == item.patient) => items.push(item),
            _ => patients.push(vec![item]),
        }
    }
    Ok((schema, notes, patients))
}

/// Everything out of the log and into the file, so that what is read next stands alike everywhere.
pub fn settle(db: &Connection) -> Done {
    let _: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
    Ok(())
}

pub fn remove(path: &Path) -> Done {
    for tail in ["", "-wal", "-shm", ".device-key", ".attempts"] {
        let mut name = path.as_os_str().to_owned();
        name.push(tail);
        match std::fs::remove_file(name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// `length ‖ body ‖ zeros`, as inside the vault's seal.
fn padded(body: &[u8]) -> Done<Vec<u8>> {
    let class = size_class(body.len() + 4);
    let mut out = Vec::with_capacity(class);
    out.extend_from_slice(&u32::try_from(body.len())?.to_le_bytes());
    out.extend_from_slice(body);
    out.resize(class, 0);
    Ok(out)
}

fn unpadded(padded: &[u8]) -> Done<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<4>().ok_or("no length")?;
    rest.get(..u32::from_le_bytes(*length) as usize).ok_or_else(|| "too long".into())
}

/// `vault::seal::size_class`
fn size_class(length: usize) -> usize {
    let length = length.max(128);
    let exponent = usize::BITS - 1 - length.leading_zeros();
    let significant = u32::BITS - exponent.leading_zeros();
    let mask = (1usize << (exponent - significant)) - 1;
    (length + mask) & !mask
}
