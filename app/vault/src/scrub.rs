//! 自己点検: opens rows again that nobody asked for, so that damage is known before the row is needed.

use crate::error::VaultError;
use crate::outbox::seq_key;
use crate::seal::{Table, Tag};
use crate::tx::{Place, Tx};
use record::DocumentId;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfCheck {
    /// Device's clock, milliseconds.
    pub at: i64,
    /// Rows that were opened.
    pub rows: u64,
    /// Tables with rows that did not open, and how many.
    pub damaged: Vec<(String, u64)>,
    /// Documents that were read whole.
    pub documents: u64,
    /// Documents that cannot be read, or whose versions are not the ones their list row names.
    pub documents_differ: u64,
    /// Which they are.
    #[serde(default)]
    pub differing: Vec<DocumentId>,
    /// Whether the rows are all of those, and only those, that this vault wrote last.
    pub rows_add_up: bool,
}

impl SelfCheck {
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.documents_differ == 0 && self.rows_add_up
    }
}

/// Tables whose rows stand by themselves, and how a row's place is read.
const TABLES: [(&str, Table, &str); 12] = [
    ("item", Table::Item, "SELECT key, compartment, patient, sealed FROM item"),
    ("note", Table::NoteRow, "SELECT key, NULL, patient, row FROM note"),
    ("note_document", Table::NoteDocument, "SELECT key, NULL, patient, document FROM note WHERE length(document) > 0"),
    ("confirmation", Table::Confirmation, "SELECT hash, NULL, patient, sealed FROM confirmation"),
    ("journal", Table::Journal, "SELECT field, NULL, patient, sealed FROM journal"),
    ("note_change", Table::NoteChange, "SELECT note, NULL, patient, sealed FROM note_change"),
    ("entry", Table::Entry, "SELECT seq, NULL, patient, sealed FROM entry WHERE sealed IS NOT NULL"),
    ("receipt", Table::Receipt, "SELECT zeroblob(16), NULL, zeroblob(16), sealed FROM receipt"),
    ("photo", Table::Photo, "SELECT key, NULL, patient, sealed FROM photo"),
    ("photo_piece", Table::PhotoPiece, "SELECT key, NULL, patient, sealed FROM photo_piece"),
    ("arrival", Table::Arrival, "SELECT note, NULL, patient, sealed FROM arrival"),
    ("state", Table::State, "SELECT name, NULL, zeroblob(16), sealed FROM state"),
];

impl Tx<'_> {
    /// Names of the tables that [`Tx::scrub`] opens.
    pub fn scrub_tables() -> impl Iterator<Item = &'static str> {
        TABLES.iter().map(|(name, ..)| *name)
    }

    /// Opens every row of a table from `offset` on, at most `most`. Says how many were opened and how many did not open.
    pub fn scrub(&mut self, table: &str, offset: u64, most: u64) -> Result<(u64, u64), VaultError> {
        let Some((_, table, sql)) = TABLES.iter().find(|(name, ..)| *name == table) else {
            return Err(VaultError::Missing("such a table"));
        };
        let station = self.station(*table, [0; 16], [0; 16]).compartment;
        let key = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Tag> {
            match row.get_ref(0)? {
                ValueRef::Integer(seq) => Ok(seq_key(seq as u64)),
                ValueRef::Text(name) => Ok(self.ring.tag("state", name)),
                _ => row.get(0),
            }
        };
        let rows: Vec<(Tag, Option<Tag>, Tag, Vec<u8>)> = self
            .sql
            .prepare_cached(&format!("{sql} LIMIT ?1 OFFSET ?2"))?
            .query_map((most as i64, offset as i64), |r| Ok((key(r)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
            .collect::<Result<_, _>>()?;
        let (mut opened, mut damaged) = (0, 0);
        for (key, compartment, patient, sealed) in rows {
            let place = Place { table: *table, key, patient, compartment: compartment.unwrap_or(station) };
            match self.open_bytes(place, &sealed) {
                Ok(_) => opened += 1,
                Err(_) => damaged += 1,
            }
        }
        Ok((opened, damaged))
    }
}
