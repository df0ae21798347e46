//! The sum of all rows: one row put back from an older copy of the file, taken away or slipped in is noticed, although each
//! row by itself still opens.
//!
//! Every sealed row enters a keyed hash into a sum (four lanes of 64 bits, wrapping); the sum stands sealed in `state` under
//! `root`, written in each transaction that changed it. SQLite itself calls us for each row that comes, changes or goes
//! (temporary triggers of this connection), so that no way of writing can forget it. A whole older file agrees with itself:
//! that is the generation's business, in the key store or at the hub.

use crate::error::VaultError;
use crate::keys;
use crate::light::Touched;
use crate::seal::Key;
use crate::tx::Tx;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard};

/// Tables and the columns that the sum covers: where a row stands, what the outbox says of it, and its sealed body. What a
/// locked phone marks (`capsule.received`, `photo_copy.received`) or keeps (`locked_page`) is not covered: it has no key to
/// count with. `Touched` reads the columns of `item` and `note` in this order.
const COVERED: &[(&str, &[&str])] = &[
    ("compartment", &["tag", "wrapped"]),
    ("patient_key", &["compartment", "patient", "wrapped"]),
    ("item", &["kind", "key", "compartment", "patient", "source", "sealed"]),
    ("note", &["key", "patient", "dirty", "sent", "form", "row", "document"]),
    ("note_change", &["n", "note", "patient", "sealed"]),
    ("confirmation", &["note", "hash", "patient", "at", "sealed"]),
    ("journal", &["note", "field", "patient", "sealed"]),
    ("entry", &["seq", "note", "received", "verdict", "sealed"]),
    ("receipt", &["n", "sealed"]),
    ("capsule", &["n", "note", "entry", "enc", "sealed"]),
    // Came later: a sum that did not know them is the same, because they were empty then.
    ("photo", &["key", "patient", "own", "sent", "received", "sealed"]),
    ("photo_piece", &["key", "photo", "n", "patient", "sealed"]),
    ("photo_copy", &["n", "photo"]),
    ("arrival", &["n", "note", "patient", "sealed"]),
    ("state", &["name", "sealed"]),
];

/// What version 1 of the sum covered.
const COVERED_BY_1: &[(&str, &[&str])] = &[
    ("compartment", &["tag", "wrapped"]),
    ("patient_key", &["compartment", "patient", "wrapped"]),
    ("item", &["kind", "key", "sealed"]),
    ("note", &["key", "row", "document"]),
    ("note_change", &["n", "note", "sealed"]),
    ("confirmation", &["note", "hash", "sealed"]),
    ("journal", &["note", "field", "sealed"]),
    ("entry", &["seq", "note", "sealed"]),
    ("state", &["name", "sealed"]),
];

/// What stands sealed under `root`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    sum: [u64; 4],
    /// Grows with every transaction that wrote: the file's generation.
    pub writes: u64,
    /// Which columns it covers.
    #[serde(default = "first")]
    v: u8,
    /// An earlier sum was damaged, taken away or did not fit: what stood under it cannot be vouched for any more.
    #[serde(default)]
    lost: bool,
}

const NEWEST: u8 = 2;

fn first() -> u8 {
    1
}

fn covered(v: u8) -> &'static [(&'static str, &'static [&'static str])] {
    if v == 1 { COVERED_BY_1 } else { COVERED }
}

/// The sum as this connection keeps it.
pub(crate) struct RowSum {
    key: Key,
    root: Arc<Mutex<Root>>,
    /// Whether `root` is what stands on disk.
    pub loaded: bool,
    /// Whether SQLite tells of each row yet. Reading alone needs no triggers.
    watches: bool,
    /// The vault key says that a sum must stand in the file.
    expected: bool,
    /// The rows that SQLite told of, for what is kept of them in memory.
    touched: Arc<Mutex<Touched>>,
}

impl RowSum {
    pub fn new(lookup: &Key, expected: bool) -> Self {
        let key = keys::derive_key(lookup, "tsutsuji 2026 vault rows v1");
        let (root, touched) = (Arc::new(Mutex::new(Root::default())), Arc::default());
        Self { key, root, loaded: false, watches: false, expected, touched }
    }

    /// Watches a connection's tables from here on. Called before the first transaction that writes.
    pub fn watch(&mut self, db: &Connection) -> Result<(), VaultError> {
        if self.watches {
            return Ok(());
        }
        let (inner, hash_key, touched) = (self.root.clone(), self.key.clone(), self.touched.clone());
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        db.create_scalar_function("tsutsuji_row", -1, flags, move |context| {
            let comes: bool = context.get(0)?;
            add(&mut lock(&inner).sum, &row_hash(&hash_key, context), comes);
            lock(&touched).row(context);
            Ok(0)
        })?;
        db.pragma_update(None, "recursive_triggers", "ON")?;
        for (table, columns) in COVERED.iter().copied() {
            let of = |row: &str| columns.iter().map(|c| format!("{row}.{c}")).collect::<Vec<_>>().join(", ");
            let (new, old) = (of("NEW"), of("OLD"));
            // The root itself is not covered: it holds the sum.
            let (if_new, if_old) = match table {
                "state" => ("WHEN NEW.name <> 'root'", "WHEN OLD.name <> 'root'"),
                _ => ("", ""),
            };
            db.execute_batch(&format!(
                "CREATE TEMP TRIGGER sum_{table}_comes AFTER INSERT ON main.{table} {if_new}
                 BEGIN SELECT tsutsuji_row(1, '{table}', {new}); END;
                 CREATE TEMP TRIGGER sum_{table}_goes AFTER DELETE ON main.{table} {if_old}
                 BEGIN SELECT tsutsuji_row(0, '{table}', {old}); END;
                 CREATE TEMP TRIGGER sum_{table}_changes AFTER UPDATE OF {columns} ON main.{table} {if_old}
                 BEGIN SELECT tsutsuji_row(0, '{table}', {old}); SELECT tsutsuji_row(1, '{table}', {new}); END;",
                columns = columns.join(", "),
            ))?;
        }
        self.watches = true;
        Ok(())
    }

    /// What was touched since this was asked last.
    pub fn take_touched(&self) -> Touched {
        std::mem::take(&mut *lock(&self.touched))
    }

    pub fn get(&self) -> Root {
        *lock(&self.root)
    }

    pub fn set(&self, root: Root) {
        *lock(&self.root) = root;
    }

    /// The sum as the tables are now, counted anew.
    fn count(&self, sql: &Connection, v: u8) -> Result<[u64; 4], VaultError> {
        let mut sum = [0; 4];
        for (table, columns) in covered(v).iter().copied() {
            let which = if table == "state" { "WHERE name <> 'root'" } else { "" };
            let mut statement = sql.prepare(&format!("SELECT {} FROM main.{table} {which}", columns.join(", ")))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let mut hasher = begin(&self.key, table);
                for at in 0..columns.len() {
                    update(&mut hasher, row.get_ref(at)?);
                }
                add(&mut sum, &hasher.finalize(), true);
            }
        }
        Ok(sum)
    }
}

impl Tx<'_> {
    /// What stands on disk, for a connection that does not know it (any more). A file of an older version has none yet: the
    /// sum begins with what is there.
    pub(crate) fn load_root(&mut self) -> Result<(), VaultError> {
        if self.ring.rows.loaded {
            return Ok(());
        }
        let expected = self.ring.rows.expected;
        let root = match self.sound_root()? {
            Some(root) if root.v == NEWEST => root,
            // Of an older version: what it covered must fit before more is covered.
            Some(root) => {
                let fits = self.ring.rows.count(self.sql, root.v)? == root.sum;
                let sum = self.ring.rows.count(self.sql, NEWEST)?;
                Root { sum, writes: root.writes, v: NEWEST, lost: root.lost || !fits }
            }
            None => Root { sum: self.ring.rows.count(self.sql, NEWEST)?, writes: 0, v: NEWEST, lost: expected },
        };
        self.ring.rows.set(root);
        self.ring.rows.loaded = true;
        Ok(())
    }

    /// At the end of a transaction that changed rows.
    pub(crate) fn store_root(&mut self, before: Root) -> Result<(), VaultError> {
        let mut root = self.ring.rows.get();
        if root == before && self.has_root()? {
            return Ok(());
        }
        // Making the station's key for the root's own row is a change of rows too.
        self.ring.prepare_station(self.sql)?;
        root = Root { writes: root.writes + 1, ..self.ring.rows.get() };
        self.put_root(&root)?;
        self.ring.rows.set(root);
        Ok(())
    }

    /// Whether the rows are the ones that this vault wrote last, all of them and no others.
    pub fn rows_add_up(&mut self) -> Result<bool, VaultError> {
        match self.sound_root()? {
            Some(root) => Ok(!root.lost && root.sum == self.ring.rows.count(self.sql, root.v)?),
            None => Ok(!self.ring.rows.expected),
        }
    }

    /// The stored sum, if it is there and sound. One that is damaged must not keep anybody from writing.
    fn sound_root(&mut self) -> Result<Option<Root>, VaultError> {
        match self.stored_root() {
            Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => Ok(None),
            other => other,
        }
    }

    #[cfg(test)]
    pub(crate) fn put_root_of_version_1(&mut self) -> Result<(), VaultError> {
        let root = Root { sum: self.ring.rows.count(self.sql, 1)?, v: 1, ..self.ring.rows.get() };
        self.put_root(&root)?;
        self.ring.rows.loaded = false;
        self.ring.rows.set(root);
        Ok(())
    }

    pub(crate) fn has_root(&mut self) -> Result<bool, VaultError> {
        Ok(self.sound_root()?.is_some())
    }

    /// How many transactions have written: the file's generation.
    pub fn generation(&mut self) -> Result<u64, VaultError> {
        Ok(self.sound_root()?.map_or(0, |root| root.writes))
    }
}

fn lock<T>(inner: &Arc<Mutex<T>>) -> MutexGuard<'_, T> {
    inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn add(sum: &mut [u64; 4], hash: &blake3::Hash, comes: bool) {
    for (lane, bytes) in sum.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
        let value = bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        *lane = if comes { lane.wrapping_add(value) } else { lane.wrapping_sub(value) };
    }
}

fn begin(key: &Key, table: &str) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    update(&mut hasher, ValueRef::Text(table.as_bytes()));
    hasher
}

/// Each value with its kind and length, so that no two rows read alike.
fn update(hasher: &mut blake3::Hasher, value: ValueRef<'_>) {
    let (kind, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => {
            hasher.update(&[1]);
            hasher.update(&number.to_be_bytes());
            return;
        }
        ValueRef::Real(_) => (2, &[]),
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    hasher.update(&[kind]);
    hasher.update(&(bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn row_hash(key: &Key, context: &Context<'_>) -> blake3::Hash {
    let table = context.get_raw(1);
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    update(&mut hasher, table);
    for at in 2..context.len() {
        update(&mut hasher, context.get_raw(at));
    }
    hasher.finalize()
}
