//! What came from the hub and is only read here.

use crate::error::VaultError;
use crate::seal::{Table, Tag};
use crate::tx::{Place, Tx};
use crate::vault::Compartment;
use protocol::Kind;
use record::{DocumentId, FacilityId, PatientId};
use rusqlite::OptionalExtension;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};

/// One thing from the feed, as the hub wrote it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub kind: Kind,
    pub doc: DocumentId,
    pub patient: Option<PatientId>,
    /// The disclosing facility, for records: a withdrawal finds them by it.
    pub source: Option<FacilityId>,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

impl Item {
    fn compartment(&self) -> Compartment {
        match self.kind {
            Kind::Record => Compartment::Disclosed("home".to_string()),
            _ => Compartment::Station,
        }
    }
}

/// A kind's rows of one patient.
pub(crate) const OF_PATIENT: &str =
    "SELECT key, compartment, patient, sealed FROM item INDEXED BY item_of_patient WHERE kind = ?1 AND patient = ?2";

impl Tx<'_> {
    /// Puts an item in the place of its older self.
    pub fn put_item(&mut self, item: &Item) -> Result<(), VaultError> {
        let key = self.ring.tag("item", &item.doc.0);
        let place = self.place(Table::Item, key, item.patient.as_ref(), &item.compartment());
        let source = self.source_tag(item.source.as_ref());
        let sealed = self.seal(place, item)?;
        let kind = u8::from(item.kind);
        let row = (kind, key, place.compartment, place.patient, source, &sealed);
        let is_new = self
            .sql
            .prepare_cached(
                "INSERT OR IGNORE INTO item (kind, key, compartment, patient, source, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(row)?
            > 0;
        if is_new {
            let tags = [&key, &place.compartment, &place.patient, &source].map(|tag| ValueRef::Blob(tag));
            self.tell_row(true, "item", &[&[ValueRef::Integer(kind.into())], &tags[..]].concat(), &[&sealed]);
            self.touch_item(item.kind, key, place.patient);
            return Ok(());
        }
        let changed = self
            .sql
            .prepare_cached(
                "UPDATE OR ROLLBACK item SET compartment = ?3, patient = ?4, source = ?5, sealed = ?6 WHERE kind = ?1 AND key = ?2",
            )?
            .execute(row)?;
        if changed == 1 { Ok(()) } else { Err(VaultError::Missing("a row that was put")) }
    }

    /// Every item of a kind, of one patient or of all.
    pub fn items(&mut self, kind: Kind, patient: Option<&PatientId>) -> Result<Vec<Item>, VaultError> {
        let wanted = patient.map(|p| self.ring.patient_tag(Some(p)));
        let sql = self.sql;
        // Two statements: with the choice inside one, no index would be used for either. Left to itself SQLite walks through all
        // of the kind, because the table is in that order.
        let mut statement = sql.prepare_cached(match wanted {
            Some(_) => OF_PATIENT,
            None => "SELECT key, compartment, patient, sealed FROM item WHERE kind = ?1 AND ?2 IS NULL",
        })?;
        let mut rows = statement.query((u8::from(kind), wanted))?;
        let (mut items, mut has_keys) = (Vec::new(), wanted.is_some() || self.ring.knows_patients());
        while let Some(row) = rows.next()? {
            let place = Place { table: Table::Item, key: row.get(0)?, patient: row.get(2)?, compartment: row.get(1)? };
            if !std::mem::replace(&mut has_keys, true) {
                self.ring.load_patient_keys(sql, place.compartment)?;
            }
            items.extend(self.open_or_count(place, row.get_ref(3)?.as_blob().unwrap_or_default()));
        }
        Ok(items)
    }

    /// One item by its document.
    pub fn item(&mut self, kind: Kind, doc: DocumentId) -> Result<Option<Item>, VaultError> {
        let key = self.ring.tag("item", &doc.0);
        self.item_at(kind, key)
    }

    pub(crate) fn item_at(&mut self, kind: Kind, key: Tag) -> Result<Option<Item>, VaultError> {
        let found = self
            .sql
            .prepare_cached("SELECT compartment, patient, sealed FROM item WHERE kind = ?1 AND key = ?2")?
            .query_row((u8::from(kind), key), |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, Vec<u8>>(2)?)))
            .optional()?;
        Ok(found.and_then(|(compartment, patient, sealed)| {
            self.open_or_count(Place { table: Table::Item, key, patient, compartment }, &sealed)
        }))
    }

    /// Whether anything is here that a hospital disclosed of a patient.
    pub fn has_records(&mut self, patient: &PatientId) -> Result<bool, VaultError> {
        let patient = self.ring.patient_tag(Some(patient));
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM item WHERE kind = ?1 AND patient = ?2)")?
            .query_row((u8::from(Kind::Record), patient), |r| r.get(0))?)
    }

    /// Whether a key stands that opens what was disclosed of a patient.
    pub fn has_disclosed_key(&mut self, patient: &PatientId) -> Result<bool, VaultError> {
        let compartment = self.ring.compartment_tag(&Compartment::Disclosed("home".to_string()));
        let patient = self.ring.patient_tag(Some(patient));
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM patient_key WHERE compartment = ?1 AND patient = ?2)")?
            .query_row((compartment, patient), |r| r.get(0))?)
    }

    /// Withdrawal: everything that a facility disclosed of a patient goes; with the last of it, the patient's disclosed key.
    pub fn forget_disclosed(&mut self, patient: &PatientId, source: &FacilityId) -> Result<usize, VaultError> {
        let compartment = self.ring.compartment_tag(&Compartment::Disclosed("home".to_string()));
        let whose = patient;
        let patient = self.ring.patient_tag(Some(patient));
        let source = self.source_tag(Some(source));
        self.close_records_of(patient);
        let gone = self.sql.execute(
            "DELETE FROM item INDEXED BY item_of_patient WHERE kind = ?1 AND patient = ?2 AND source = ?3 AND compartment = ?4",
            (u8::from(Kind::Record), patient, source, compartment),
        )?;
        let left: i64 = self.sql.query_row(
            "SELECT count(*) FROM item WHERE patient = ?1 AND compartment = ?2",
            (patient, compartment),
            |r| r.get(0),
        )?;
        if gone == 0 && left > 0 {
            // Nothing was sealed by the key but what stays.
            return Ok(0);
        }
        // The key that sealed what is gone goes too; what other facilities disclosed is sealed again under a new one.
        let rest = if left > 0 { self.items(Kind::Record, Some(whose))? } else { Vec::new() };
        self.ring.forget_patient(self.sql, compartment, patient)?;
        rest.iter().try_for_each(|item| self.put_item(item))?;
        self.ring.erased = true;
        Ok(gone)
    }

    /// Of what was disclosed of a patient only some stays: the rest goes, and the key that sealed it.
    pub fn keep_disclosed(&mut self, patient: &PatientId, stays: impl Fn(&Item) -> bool) -> Result<(), VaultError> {
        let mut kept = self.items(Kind::Record, Some(patient))?;
        let before = kept.len();
        kept.retain(stays);
        if kept.len() == before {
            return Ok(());
        }
        let compartment = self.ring.compartment_tag(&Compartment::Disclosed("home".to_string()));
        let whose = self.ring.patient_tag(Some(patient));
        self.close_records_of(whose);
        self.sql.execute(
            "DELETE FROM item INDEXED BY item_of_patient WHERE kind = ?1 AND patient = ?2 AND compartment = ?3",
            (u8::from(Kind::Record), whose, compartment),
        )?;
        self.ring.forget_patient(self.sql, compartment, whose)?;
        kept.iter().try_for_each(|item| self.put_item(item))?;
        self.ring.erased = true;
        Ok(())
    }

    /// Everything of some kinds that the hub told of a patient goes.
    pub fn forget_items(&mut self, kinds: &[Kind], patient: &PatientId) -> Result<(), VaultError> {
        let whose = self.ring.patient_tag(Some(patient));
        for kind in kinds {
            self.sql.execute("DELETE FROM item WHERE kind = ?1 AND patient = ?2", (u8::from(*kind), whose))?;
        }
        self.ring.erased = true;
        Ok(())
    }

    /// The lease is over: everything disclosed goes, and its keys.
    pub fn destroy_disclosed(&mut self) -> Result<(), VaultError> {
        let compartment = self.ring.compartment_tag(&Compartment::Disclosed("home".to_string()));
        self.sql.execute("DELETE FROM item WHERE compartment = ?1", [compartment])?;
        self.ring.forget_compartment(self.sql, compartment)?;
        self.close_all_records();
        self.ring.erased = true;
        Ok(())
    }

    fn source_tag(&self, facility: Option<&FacilityId>) -> Tag {
        facility.map_or([0; 16], |f| self.ring.tag("facility", f.as_str().as_bytes()))
    }
}
