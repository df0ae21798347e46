//! The keys of an open vault: vault key → compartments → patients, and what is remembered while it is open.

use crate::capsule::CopyBook;
use crate::error::VaultError;
use crate::keys;
use crate::light::Light;
use crate::root::RowSum;
use crate::seal::{self, Deriver, Header, Key, Table, Tag};
use crate::search::OpenSegments;
use crate::vault::Compartment;
use record::DocumentId;
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, HashMap, HashSet};
use zeroize::Zeroizing;

/// The keys of an open vault.
pub(crate) struct KeyRing {
    vault: Key,
    lookup: Key,
    /// The tag of the station's compartment.
    pub station: Tag,
    pub nonces: Nonces,
    compartments: HashMap<Tag, CompartmentKey>,
    /// By patient, then compartment.
    patients: BTreeMap<(Tag, Tag), Key>,
    /// Whether everything in here stands on disk.
    pub trusted: bool,
    /// SQLite's number of foreign commits: another process may have erased a key.
    seen: i64,
    /// Rows that did not open: left as they are, counted, shown.
    pub damaged: HashSet<(u8, Tag)>,
    /// The sum of all rows.
    pub rows: RowSum,
    /// Something was erased in this transaction: its traces in the log are cut off after the commit.
    pub erased: bool,
    /// What searches have opened.
    pub searched: OpenSegments,
    /// Seals copies of what is written to the hub; set once it is known who the device is.
    pub copies: Option<CopyBook>,
    /// Seals what works without the PIN; set when that is written at the unlock.
    pub line: Option<Key>,
    /// Which note each act of a patient is about, by the act's id: asked for each note of a list.
    pub acts: HashMap<Tag, Vec<(DocumentId, DocumentId)>>,
    /// What lists ask for again and again.
    pub light: Light,
}

pub(crate) const NOBODY: Tag = [0; 16];

impl KeyRing {
    pub fn new(vault: &VaultKey) -> Self {
        let lookup = keys::derive_key(&vault.key, "tsutsuji 2026 vault lookup v1");
        let rows = RowSum::new(&lookup, vault.has_root);
        Self {
            vault: vault.key.clone(),
            station: tag(&lookup, "compartment", b"station"),
            lookup,
            nonces: Nonces::default(),
            compartments: HashMap::new(),
            patients: BTreeMap::new(),
            trusted: true,
            seen: 0,
            damaged: HashSet::new(),
            searched: OpenSegments::default(),
            rows,
            erased: false,
            copies: None,
            line: None,
            acts: HashMap::new(),
            light: Light::default(),
        }
    }

    /// Whoever wraps it has an open vault before him, and that has a sum of its rows.
    pub fn vault_key(&self) -> VaultKey {
        VaultKey { key: self.vault.clone(), has_root: true }
    }

    /// Makes the station's own key if it is not there yet.
    pub fn prepare_station(&mut self, sql: &Connection) -> Result<(), VaultError> {
        self.patient_key(sql, self.station, NOBODY, true).map(|_| ())
    }

    /// At the start of every transaction: forgets keys that may not be the disk's.
    pub fn begin(&mut self, sql: &Connection) -> Result<(), VaultError> {
        let seen: i64 = sql.prepare_cached("PRAGMA data_version")?.query_row([], |r| r.get(0))?;
        let touched = self.rows.take_touched();
        match seen == self.seen {
            true => self.light.forget(touched),
            // Somebody else wrote, and nobody told which rows.
            false => self.light = Light::default(),
        }
        if !self.trusted || seen != self.seen {
            self.compartments.clear();
            self.patients.clear();
            self.acts.clear();
            self.rows.loaded = false;
        }
        self.trusted = true;
        self.seen = seen;
        self.nonces = Nonces::default();
        Ok(())
    }

    /// What stands for an id outside the seal: a keyed hash, useless without the vault key.
    pub fn tag(&self, purpose: &str, id: &[u8]) -> Tag {
        tag(&self.lookup, purpose, id)
    }

    pub fn patient_tag(&self, patient: Option<&record::PatientId>) -> Tag {
        patient.map_or(NOBODY, |p| self.tag("patient", p.as_str().as_bytes()))
    }

    pub fn compartment_tag(&self, compartment: &Compartment) -> Tag {
        match compartment {
            Compartment::Station => self.station,
            Compartment::Disclosed(network) => self.tag("compartment", format!("disclosed/{network}").as_bytes()),
        }
    }

    /// The key of a patient in a compartment, made on first use if `make`.
    pub fn patient_key(
        &mut self,
        sql: &Connection,
        compartment: Tag,
        patient: Tag,
        make: bool,
    ) -> Result<Key, VaultError> {
        if let Some(key) = self.patients.get(&(patient, compartment)) {
            return Ok(key.clone());
        }
        let above = self.compartment_key(sql, compartment, make)?;
        let mut deriver = Deriver::new(&above.patients);
        let header = Header { table: Table::PatientKey, key: patient, patient, compartment };
        let stored: Option<Vec<u8>> = sql
            .prepare_cached("SELECT wrapped FROM patient_key WHERE compartment = ?1 AND patient = ?2")?
            .query_row((compartment, patient), |r| r.get(0))
            .optional()?;
        let key = match stored {
            Some(wrapped) => above
                .patient_key(&mut deriver, &header, &wrapped)
                .ok_or(VaultError::Damaged { table: "patient_key" })?,
            None if make => {
                let mut salt = [0; 32];
                keys::fill_random(&mut salt)?;
                let row = deriver.row(&header, salt);
                sql.execute(
                    "INSERT INTO patient_key (compartment, patient, wrapped) VALUES (?1, ?2, ?3)",
                    (compartment, patient, &row),
                )?;
                deriver.key(&header, &row).ok_or(VaultError::Damaged { table: "patient_key" })?
            }
            None => return Err(VaultError::Missing("the key of a patient")),
        };
        self.patients.insert((patient, compartment), key.clone());
        Ok(key)
    }

    /// Every patient's key of a compartment in one reading: a list needs them all. One that does not open is met, and
    /// counted, by the row that needs it.
    pub fn load_patient_keys(&mut self, sql: &Connection, compartment: Tag) -> Result<(), VaultError> {
        let Ok(above) = self.compartment_key(sql, compartment, false) else { return Ok(()) };
        let mut statement = sql.prepare_cached("SELECT patient, wrapped FROM patient_key WHERE compartment = ?1")?;
        let mut rows = statement.query([compartment])?;
        let mut deriver = Deriver::new(&above.patients);
        while let Some(row) = rows.next()? {
            let patient: Tag = row.get(0)?;
            let header = Header { table: Table::PatientKey, key: patient, patient, compartment };
            let wrapped = row.get_ref(1)?.as_blob().unwrap_or_default();
            if let Some(key) = above.patient_key(&mut deriver, &header, wrapped) {
                self.patients.entry((patient, compartment)).or_insert(key);
            }
        }
        Ok(())
    }

    pub fn knows_patients(&self) -> bool {
        self.patients.len() > 1
    }

    fn compartment_key(
        &mut self,
        sql: &Connection,
        compartment: Tag,
        make: bool,
    ) -> Result<CompartmentKey, VaultError> {
        if let Some(key) = self.compartments.get(&compartment) {
            return Ok(key.clone());
        }
        let header = Header { table: Table::CompartmentKey, key: compartment, patient: NOBODY, compartment };
        let stored: Option<Vec<u8>> = sql
            .prepare_cached("SELECT wrapped FROM compartment WHERE tag = ?1")?
            .query_row([compartment], |r| r.get(0))
            .optional()?;
        let key = match stored {
            Some(wrapped) => {
                unwrap_key(&self.vault, &header, &wrapped).ok_or(VaultError::Damaged { table: "compartment" })?
            }
            None if make => {
                let key = keys::make_key()?;
                sql.execute(
                    "INSERT INTO compartment (tag, wrapped) VALUES (?1, ?2)",
                    (compartment, wrap(&self.vault, &header, &key)?),
                )?;
                key
            }
            None => return Err(VaultError::Missing("the key of a compartment")),
        };
        let key = CompartmentKey::new(key);
        self.compartments.insert(compartment, key.clone());
        Ok(key)
    }

    /// Erases a whole compartment: every key of it.
    pub fn forget_compartment(&mut self, sql: &Connection, compartment: Tag) -> Result<(), VaultError> {
        self.patients.retain(|(_, known), _| *known != compartment);
        self.compartments.remove(&compartment);
        sql.execute("DELETE FROM patient_key WHERE compartment = ?1", [compartment])?;
        sql.execute("DELETE FROM compartment WHERE tag = ?1", [compartment])?;
        Ok(())
    }

    /// Erases a patient in a compartment: the wrapped key goes, and with it every body that it sealed.
    pub fn forget_patient(&mut self, sql: &Connection, compartment: Tag, patient: Tag) -> Result<(), VaultError> {
        self.patients.remove(&(patient, compartment));
        sql.execute("DELETE FROM patient_key WHERE compartment = ?1 AND patient = ?2", (compartment, patient))?;
        Ok(())
    }
}

fn tag(lookup: &Key, purpose: &str, id: &[u8]) -> Tag {
    let told = Zeroizing::new([purpose.as_bytes(), &[0], id].concat());
    let mut tag = [0; 16];
    tag.copy_from_slice(&blake3::keyed_hash(&lookup.0, &told).as_bytes()[..16]);
    tag
}

/// Nonces of one transaction, drawn together: the OS is not asked for each body's. None is left over for the next transaction, so
/// that a process that was copied in between draws its own.
#[derive(Default)]
pub(crate) struct Nonces {
    drawn: [[u8; 24]; Self::AT_ONCE],
    left: usize,
}

impl Nonces {
    /// A saved field's: its row, change, copy and the sum of rows.
    const AT_ONCE: usize = 4;

    /// Given out once.
    pub fn next(&mut self) -> Result<[u8; 24], VaultError> {
        if self.left == 0 {
            keys::fill_random(self.drawn.as_flattened_mut())?;
            self.left = Self::AT_ONCE;
        }
        self.left -= 1;
        Ok(self.drawn[self.left])
    }
}

/// The key of a compartment, and what makes its patients' keys.
#[derive(Clone)]
struct CompartmentKey {
    key: Key,
    patients: Key,
}

impl CompartmentKey {
    fn new(key: Key) -> Self {
        let patients = keys::derive_key(&key, "tsutsuji 2026 vault patient keys v1");
        Self { key, patients }
    }

    /// A patient's key out of its row: sealed, as the first versions wrote it, or derived.
    fn patient_key(&self, deriver: &mut Deriver, header: &Header, row: &[u8]) -> Option<Key> {
        match row.first() {
            Some(&seal::DERIVED) => deriver.key(header, row),
            _ => unwrap_key(&self.key, header, row),
        }
    }
}

/// The vault key, and whether a sum of rows must stand in the file: one that was taken out of it is then noticed.
pub(crate) struct VaultKey {
    pub key: Key,
    pub has_root: bool,
}

/// Inside the seal: the key (32), then `01` where a sum of rows must stand. Files of the first versions end after the key.
pub(crate) fn wrap_vault_key(by: &Key, header: &Header, inner: &VaultKey) -> Result<Vec<u8>, VaultError> {
    let mut body = Zeroizing::new(inner.key.0.to_vec());
    if inner.has_root {
        body.push(1);
    }
    wrap_bytes(by, header, &body)
}

pub(crate) fn unwrap_vault_key(by: &Key, header: &Header, wrapped: &[u8]) -> Option<VaultKey> {
    let body = seal::open(by, header, wrapped).ok()?;
    let (key, rest) = body.split_first_chunk::<32>()?;
    Some(VaultKey { key: Key(*key), has_root: rest.first() == Some(&1) })
}

fn wrap(by: &Key, header: &Header, inner: &Key) -> Result<Vec<u8>, VaultError> {
    wrap_bytes(by, header, &inner.0)
}

fn wrap_bytes(by: &Key, header: &Header, inner: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; 24];
    keys::fill_random(&mut nonce)?;
    seal::seal(by, header, nonce, inner).map_err(VaultError::damaged("key"))
}

fn unwrap_key(key: &Key, header: &Header, wrapped: &[u8]) -> Option<Key> {
    let bytes: Zeroizing<Vec<u8>> = seal::open(key, header, wrapped).ok()?;
    Some(Key(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
}
