//! One transaction on the open vault. The tables' own files add their verbs to it.

use crate::error::VaultError;
use crate::ring::KeyRing;
use crate::seal::{self, Header, Table, Tag};
use crate::vault::Compartment;
use record::PatientId;
use record::canonical;
use rusqlite::{Params, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub struct Tx<'v> {
    pub(crate) sql: &'v Transaction<'v>,
    pub(crate) ring: &'v mut KeyRing,
}

/// Where a row stands and whose key seals it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub table: Table,
    pub key: Tag,
    pub patient: Tag,
    pub compartment: Tag,
}

impl Tx<'_> {
    pub(crate) fn place(
        &self,
        table: Table,
        key: Tag,
        patient: Option<&PatientId>,
        compartment: &Compartment,
    ) -> Place {
        Place {
            table,
            key,
            patient: self.ring.patient_tag(patient),
            compartment: self.ring.compartment_tag(compartment),
        }
    }

    pub(crate) fn station(&self, table: Table, key: Tag, patient: Tag) -> Place {
        Place { table, key, patient, compartment: self.ring.station }
    }

    pub(crate) fn seal_bytes(&mut self, place: Place, body: &[u8]) -> Result<Vec<u8>, VaultError> {
        if self.sql.is_autocommit() {
            // SQLite took the transaction back by itself: what came now would stand alone.
            return Err(VaultError::Full);
        }
        let key = self.ring.patient_key(self.sql, place.compartment, place.patient, true)?;
        let nonce = self.ring.nonces.next()?;
        seal::seal(&key, &header(place), nonce, body).map_err(VaultError::damaged(name(place.table)))
    }

    pub(crate) fn open_bytes(&mut self, place: Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.ring.patient_key(self.sql, place.compartment, place.patient, false)?;
        seal::open(&key, &header(place), sealed).map_err(VaultError::damaged(name(place.table)))
    }

    pub(crate) fn seal<T: Serialize>(&mut self, place: Place, value: &T) -> Result<Vec<u8>, VaultError> {
        let body = Zeroizing::new(canonical::to_bytes(value)?);
        self.seal_bytes(place, &body)
    }

    /// Opens a row of a list. One that does not open is left as it is, counted and shown; the rest of the list goes on.
    pub(crate) fn open_or_count<T: DeserializeOwned>(&mut self, place: Place, sealed: &[u8]) -> Option<T> {
        match self.open(place, sealed) {
            Ok(value) => Some(value),
            Err(error) => {
                self.ring.damaged.insert((place.table as u8, place.key));
                tracing::warn!(%error, "a row of the vault does not open");
                None
            }
        }
    }

    /// Opens a list of the station's rows: `sql` gives of each its key, whose it is, and what is sealed.
    pub(crate) fn open_rows<T: DeserializeOwned>(
        &mut self,
        table: Table,
        sql: &str,
        parameters: impl Params,
    ) -> Result<Vec<T>, VaultError> {
        let rows = self
            .sql
            .prepare_cached(sql)?
            .query_map(parameters, |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, Vec<u8>>(2)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        let mut opened = Vec::with_capacity(rows.len());
        for (key, patient, sealed) in rows {
            let place = self.station(table, key, patient);
            opened.extend(self.open_or_count::<T>(place, &sealed));
        }
        Ok(opened)
    }

    /// Rows that did not open since the vault was opened.
    pub fn damaged(&self) -> u64 {
        self.ring.damaged.len() as u64
    }

    pub(crate) fn open<T: DeserializeOwned>(&mut self, place: Place, sealed: &[u8]) -> Result<T, VaultError> {
        let body = self.open_bytes(place, sealed)?;
        Ok(canonical::from_bytes(&body)?)
    }
}

fn header(place: Place) -> Header {
    Header { table: place.table, key: place.key, patient: place.patient, compartment: place.compartment }
}

fn name(table: Table) -> &'static str {
    match table {
        Table::VaultKey | Table::CompartmentKey | Table::PatientKey | Table::Biometric => "key",
        Table::Duress => "header",
        Table::Item => "item",
        Table::NoteRow | Table::NoteDocument => "note",
        Table::NoteChange => "note_change",
        Table::Confirmation => "confirmation",
        Table::Journal => "journal",
        Table::Entry => "entry",
        Table::Receipt => "receipt",
        Table::State => "state",
        Table::Locked => "locked",
        Table::SearchSegment => "search_segment",
        Table::Photo => "photo",
        Table::PhotoPiece => "photo_piece",
        Table::Arrival => "arrival",
    }
}
