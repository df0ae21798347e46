//! The sum of all rows: one row put back from an older copy of the file, taken away or slipped in is noticed, although each
//! row by itself still opens.
//!
//! Every row enters a keyed hash into a sum (four lanes of 64 bits, wrapping), for each sealed body what tells it from every
//! other sealing ([`seal::ends`]); the sum stands sealed in `state` under `root`, written in each transaction that changed it.
//! A byte changed inside a body is no business of the sum's: it does not open. SQLite itself calls us for each row that comes,
//! changes or goes (temporary triggers of this connection), so that no way of writing can forget it. For a statement with such a
//! trigger it copies every page before it is changed, so that rows written most, in one place each, are told by hand
//! ([`Tx::tell_row`]). A whole older file agrees with itself: that is the generation's business, in the key store or at the hub.

use crate::error::VaultError;
use crate::keys;
use crate::light::Touched;
use crate::seal::{self, Key, Tag};
use crate::tx::Tx;
use protocol::Kind;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard};

/// A table and the columns of it that the sum covers.
struct Covered {
    table: &'static str,
    /// Taken in whole: where a row stands, and what the outbox says of it.
    whole: &'static [&'static str],
    /// Bodies that this file's keys sealed.
    sealed: &'static [&'static str],
    by_hand: ByHand,
}

/// What no trigger tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByHand {
    Nothing,
    /// Rows that come.
    Comes,
    /// Rows that come or change.
    Puts,
}

const fn covers(table: &'static str, whole: &'static [&'static str], sealed: &'static [&'static str]) -> Covered {
    Covered { table, whole, sealed, by_hand: ByHand::Nothing }
}

/// What a locked phone marks (`capsule.received`, `photo_copy.received`) or keeps (`locked_page`) is not covered: it has no key
/// to count with. `Touched` reads the columns of `item` and `note` in this order.
const COVERED: &[Covered] = &[
    covers("compartment", &["tag", "wrapped"], &[]),
    covers("patient_key", &["compartment", "patient", "wrapped"], &[]),
    covers("item", &["kind", "key", "compartment", "patient", "source"], &["sealed"]).told_by_hand(ByHand::Comes),
    covers("note", &["key", "patient", "dirty", "sent", "form"], &["row", "document"]).told_by_hand(ByHand::Comes),
    covers("note_change", &["n", "note", "patient"], &["sealed"]).told_by_hand(ByHand::Comes),
    covers("confirmation", &["note", "hash", "patient", "at"], &["sealed"]),
    covers("journal", &["note", "field", "patient"], &["sealed"]),
    covers("entry", &["seq", "note", "received", "verdict"], &["sealed"]),
    covers("receipt", &["n"], &["sealed"]),
    // Sealed to the hub: nobody here could tell whether it opens.
    covers("capsule", &["n", "note", "entry", "enc", "sealed"], &[]),
    // Came later: a sum that did not know them is the same, because they were empty then.
    covers("photo", &["key", "patient", "own", "sent", "received"], &["sealed"]),
    covers("photo_piece", &["key", "photo", "n", "patient"], &["sealed"]),
    covers("photo_copy", &["n", "photo"], &[]),
    covers("arrival", &["n", "note", "patient"], &["sealed"]),
    // The root itself is not covered: it holds the sum.
    covers("state", &["name"], &["sealed"]).told_by_hand(ByHand::Puts),
];

/// What version 1 of the sum covered.
const COVERED_BY_1: &[Covered] = &[
    covers("compartment", &["tag", "wrapped"], &[]),
    covers("patient_key", &["compartment", "patient", "wrapped"], &[]),
    covers("item", &["kind", "key"], &["sealed"]),
    covers("note", &["key"], &["row", "document"]),
    covers("note_change", &["n", "note"], &["sealed"]),
    covers("confirmation", &["note", "hash"], &["sealed"]),
    covers("journal", &["note", "field"], &["sealed"]),
    covers("entry", &["seq", "note"], &["sealed"]),
    covers("state", &["name"], &["sealed"]),
];

/// What stands sealed under `root`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    sum: [u64; 4],
    /// Grows with every transaction that wrote: the file's generation.
    pub writes: u64,
    /// Which columns it covers, and whether it takes sealed bodies whole, as the first two versions did.
    #[serde(default = "first")]
    v: u8,
    /// An earlier sum was damaged, taken away or did not fit: what stood under it cannot be vouched for any more.
    #[serde(default)]
    lost: bool,
}

/// A newer one comes with a migration, so that no program that does not know it opens the file.
const NEWEST: u8 = 3;

fn first() -> u8 {
    1
}

fn covered(v: u8) -> &'static [Covered] {
    if v == 1 { COVERED_BY_1 } else { COVERED }
}

impl Covered {
    const fn told_by_hand(self, by_hand: ByHand) -> Self {
        Self { by_hand, ..self }
    }

    fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.whole.iter().chain(self.sealed).copied()
    }
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
            add(&mut lock(&inner).sum, &row_hash(&hash_key, context)?, comes);
            lock(&touched).row(context);
            Ok(0)
        })?;
        db.pragma_update(None, "recursive_triggers", "ON")?;
        for covered in COVERED {
            let (table, whole) = (covered.table, covered.whole.len());
            let of = |row: &str| covered.columns().map(|c| format!("{row}.{c}")).collect::<Vec<_>>().join(", ");
            let (new, old) = (of("NEW"), of("OLD"));
            if covered.by_hand == ByHand::Nothing {
                db.execute_batch(&format!(
                    "CREATE TEMP TRIGGER sum_{table}_comes AFTER INSERT ON main.{table}
                     BEGIN SELECT tsutsuji_row(1, '{table}', {whole}, {new}); END;"
                ))?;
            }
            let unless_root = if table == "state" { "WHEN OLD.name <> 'root'" } else { "" };
            db.execute_batch(&format!(
                "CREATE TEMP TRIGGER sum_{table}_goes AFTER DELETE ON main.{table} {unless_root}
                 BEGIN SELECT tsutsuji_row(0, '{table}', {whole}, {old}); END;"
            ))?;
            if covered.by_hand == ByHand::Puts {
                continue;
            }
            db.execute_batch(&format!(
                "CREATE TEMP TRIGGER sum_{table}_changes AFTER UPDATE OF {columns} ON main.{table}
                 BEGIN SELECT tsutsuji_row(0, '{table}', {whole}, {old}); SELECT tsutsuji_row(1, '{table}', {whole}, {new}); END;",
                columns = covered.columns().collect::<Vec<_>>().join(", "),
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
        for covered in covered(v) {
            let which = if covered.table == "state" { "WHERE name <> 'root'" } else { "" };
            let columns: Vec<&str> = covered.columns().collect();
            let mut statement =
                sql.prepare(&format!("SELECT {} FROM main.{} {which}", columns.join(", "), covered.table))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let mut told = Told::of(ValueRef::Text(covered.table.as_bytes()));
                for at in 0..columns.len() {
                    match at < covered.whole.len() || v < 3 {
                        true => told.whole(row.get_ref(at)?),
                        false => told.sealed(row.get_ref(at)?),
                    }
                }
                add(&mut sum, &told.hash(&self.key), true);
            }
        }
        Ok(sum)
    }
}

impl Tx<'_> {
    /// A row that no trigger tells (`COVERED`): its columns in their order.
    pub(crate) fn tell_row(&mut self, comes: bool, table: &'static str, whole: &[ValueRef<'_>], sealed: &[&[u8]]) {
        let mut told = Told::of(ValueRef::Text(table.as_bytes()));
        whole.iter().for_each(|value| told.whole(*value));
        sealed.iter().for_each(|body| told.sealed(ValueRef::Blob(body)));
        let rows = &self.ring.rows;
        add(&mut lock(&rows.root).sum, &told.hash(&rows.key), comes);
    }

    pub(crate) fn touch_item(&mut self, kind: Kind, key: Tag, patient: Tag) {
        lock(&self.ring.rows.touched).item(kind, key, patient);
    }

    pub(crate) fn touch_note(&mut self, form: u8, patient: Tag, key: Tag) {
        lock(&self.ring.rows.touched).note(form, patient, key);
    }

    /// What stands on disk, for a connection that does not know it (any more). A file of an older version has none yet: the
    /// sum begins with what is there.
    pub(crate) fn load_root(&mut self) -> Result<(), VaultError> {
        if self.ring.rows.loaded {
            return Ok(());
        }
        let expected = self.ring.rows.expected;
        let root = match self.sound_root()? {
            Some(root) if root.v == NEWEST => root,
            Some(root) if root.v > NEWEST => return Err(VaultError::Newer),
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
    pub(crate) fn put_root_of_version(&mut self, v: u8) -> Result<(), VaultError> {
        let root = Root { sum: self.ring.rows.count(self.sql, v)?, v, ..self.ring.rows.get() };
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

/// A row as the sum takes it in: its table, then its columns, each value with its kind and length, so that no two rows read alike.
struct Told(Vec<u8>);

impl Told {
    fn of(table: ValueRef<'_>) -> Self {
        let mut told = Self(Vec::with_capacity(512));
        told.whole(table);
        told
    }

    fn whole(&mut self, value: ValueRef<'_>) {
        let (kind, bytes): (u8, &[u8]) = match value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => {
                self.0.push(1);
                self.0.extend_from_slice(&number.to_be_bytes());
                return;
            }
            ValueRef::Real(_) => (2, &[]),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(bytes) => (4, bytes),
        };
        self.begin(kind, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn sealed(&mut self, value: ValueRef<'_>) {
        let ValueRef::Blob(bytes) = value else { return self.whole(value) };
        let Some((first, last)) = seal::ends(bytes) else { return self.whole(value) };
        self.begin(5, bytes.len());
        self.0.extend_from_slice(first);
        self.0.extend_from_slice(last);
    }

    fn begin(&mut self, kind: u8, length: usize) {
        self.0.push(kind);
        self.0.extend_from_slice(&(length as u64).to_be_bytes());
    }

    fn hash(&self, key: &Key) -> blake3::Hash {
        blake3::keyed_hash(&key.0, &self.0)
    }
}

/// Of a row as the triggers tell it: 0 comes or goes, 1 its table, 2 how many of its columns are taken in whole, from 3 on these
/// and then the sealed ones.
fn row_hash(key: &Key, context: &Context<'_>) -> Result<blake3::Hash, rusqlite::Error> {
    let mut told = Told::of(context.get_raw(1));
    let whole: u8 = context.get(2)?;
    for at in 3..context.len() {
        match at < 3 + usize::from(whole) {
            true => told.whole(context.get_raw(at)),
            false => told.sealed(context.get_raw(at)),
        }
    }
    Ok(told.hash(key))
}
