//! Patients, their numbers at each facility, and what hospitals disclosed of them.

use super::Tx;
use super::feed::NewFeedRow;
use crate::error::HubError;
use jiff::Timestamp;
use protocol::Kind;
use record::patient::Demographics;
use record::{ContentHash, DataClass, DisclosedRecord, DocumentId, FacilityId, LocalId, Patient, PatientId, canonical};
use rusqlite::OptionalExtension;

/// What one record's arrival did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    New,
    Changed,
    /// The same again, or older than what stands.
    Unchanged,
}

/// A disclosed record in the store.
pub struct HeldRecord {
    pub patient: PatientId,
    pub record: DisclosedRecord,
    pub body: Vec<u8>,
}

impl Tx<'_> {
    pub fn patient(&self, id: &PatientId) -> Result<Option<Patient>, HubError> {
        let sealed: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT sealed FROM patient WHERE id = ?1")?
            .query_row([id.as_str()], |r| r.get(0))
            .optional()?;
        sealed.map(|sealed| self.open_patient(id, &sealed)).transpose()
    }

    pub fn known_patient(&self, id: &PatientId) -> Result<Patient, HubError> {
        self.patient(id)?.ok_or_else(|| HubError::UnknownPatient(id.clone()))
    }

    pub fn patients(&self) -> Result<Vec<Patient>, HubError> {
        let mut statement = self.sql.prepare("SELECT id, sealed FROM patient ORDER BY id")?;
        let rows = statement
            .query_map([], |r| Ok((super::facilities::id::<PatientId>(r, 0)?, r.get::<_, Vec<u8>>(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        rows.iter().map(|(id, sealed)| self.open_patient(id, sealed)).collect()
    }

    pub fn patient_of_local_id(&self, facility: &FacilityId, local_id: &str) -> Result<Option<PatientId>, HubError> {
        let tag = self.keys.tag("local id", local_id.as_bytes());
        Ok(self
            .sql
            .prepare_cached("SELECT patient FROM local_id WHERE facility = ?1 AND tag = ?2")?
            .query_row((facility.as_str(), tag), |r| super::facilities::id(r, 0))
            .optional()?)
    }

    /// The last number that was given to anybody.
    pub(super) fn last_patient(&self) -> Result<i64, HubError> {
        Ok(self.meta("last_patient")?.and_then(|n| n.parse().ok()).unwrap_or(0))
    }

    /// The person behind a hospital's number: known, or new. Never matched by name (名寄せ is for a person to decide).
    /// Says whether anything changed.
    pub fn take_demographics(&self, facility: &FacilityId, seen: &Demographics) -> Result<(PatientId, bool), HubError> {
        let Some(id) = self.patient_of_local_id(facility, &seen.local_id)? else {
            let last = self.last_patient()?;
            self.put_meta("last_patient", &(last + 1).to_string())?;
            let id: PatientId =
                format!("p-{:06}", last + 1).parse().map_err(|_| HubError::Damaged { table: "meta" })?;
            let patient = Patient {
                id: id.clone(),
                name: seen.name.clone(),
                kana: seen.kana.clone(),
                birth_date: seen.birth_date,
                sex: seen.sex,
                address: seen.address.clone(),
                phone: seen.phone.clone(),
                local_ids: vec![LocalId { facility: facility.clone(), id: seen.local_id.clone() }],
            };
            self.put_patient(&patient)?;
            self.put_local_id(facility, &seen.local_id, &id)?;
            return Ok((id, true));
        };
        let known = self.known_patient(&id)?;
        let mut patient = known.clone();
        let only_here = known.local_ids.iter().all(|l| l.facility == *facility);
        let newer = |seen: &String, known: &String| !seen.is_empty() && (only_here || known.is_empty());
        if newer(&seen.name, &known.name) {
            patient.name = seen.name.clone();
        }
        if newer(&seen.kana, &known.kana) {
            patient.kana = seen.kana.clone();
        }
        if only_here || known.birth_date.is_none() {
            patient.birth_date = seen.birth_date.or(known.birth_date);
        }
        if only_here && seen.sex != record::Sex::Unknown {
            patient.sex = seen.sex;
        }
        if only_here || known.address.is_none() {
            patient.address = seen.address.clone().or(known.address.clone());
        }
        if only_here || known.phone.is_none() {
            patient.phone = seen.phone.clone().or(known.phone.clone());
        }
        let changed = patient != known;
        if changed {
            self.put_patient(&patient)?;
            for station in self.stations_of(&id)? {
                self.tell_patient(&station, &patient)?;
            }
        }
        Ok((id, changed))
    }

    /// One disclosed record. Idempotent; stations that may see it get it through their feed.
    pub fn take_record(
        &self,
        patient: &PatientId,
        local_id: &str,
        record: &DisclosedRecord,
        today: jiff::civil::Date,
    ) -> Result<RecordOutcome, HubError> {
        let doc = record.document(local_id);
        let body = canonical::to_bytes(record)?;
        let hash = ContentHash::of(&body);
        let as_of = record.as_of.as_millisecond();
        let known: Option<([u8; 32], i64)> = self
            .sql
            .prepare_cached("SELECT hash, as_of FROM record WHERE doc = ?1")?
            .query_row([doc.0], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        if known.is_some_and(|(known_hash, known_as_of)| known_hash == hash.0 || known_as_of > as_of) {
            return Ok(RecordOutcome::Unchanged);
        }
        // Of two with one time the later delivery stands, except that a deletion may keep its item's time and is final.
        if known.is_some_and(|(_, known_as_of)| known_as_of == as_of)
            && !record.deleted
            && self.record(doc)?.is_some_and(|held| held.record.deleted)
        {
            return Ok(RecordOutcome::Unchanged);
        }
        let sealed = self.keys.seal("record", &doc.0, &body)?;
        self.sql
            .prepare_cached(
                "INSERT INTO record (doc, n, patient, facility, class, as_of, hash, sealed)
                 VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM record), ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (doc) DO UPDATE SET n = excluded.n, patient = excluded.patient, as_of = excluded.as_of,
                     hash = excluded.hash, sealed = excluded.sealed",
            )?
            .execute((
                doc.0,
                patient.as_str(),
                record.facility.as_str(),
                record.class.as_str(),
                as_of,
                hash.0,
                sealed,
            ))?;
        for consent in self.consents_of(patient)? {
            if consent.covers(record, today) && consent.offline_hours.is_some() {
                let row = NewFeedRow {
                    kind: Kind::Record,
                    doc,
                    patient: Some(patient),
                    staff: None,
                    device: None,
                    entry: None,
                    body: None,
                    hash,
                    received_at: None,
                };
                self.append_feed(&consent.viewing, &row)?;
            }
        }
        Ok(if known.is_some() { RecordOutcome::Changed } else { RecordOutcome::New })
    }

    /// What a hospital once sent under a prefix and no longer does: the order was sent again without it. Kept, marked deleted.
    pub fn take_back(
        &self,
        patient: &PatientId,
        local_id: &str,
        facility: &FacilityId,
        class: DataClass,
        (key_prefix, kept, as_of): (&str, &[DisclosedRecord], Timestamp),
        today: jiff::civil::Date,
    ) -> Result<u64, HubError> {
        let docs: Vec<[u8; 16]> = self
            .sql
            .prepare_cached("SELECT doc FROM record WHERE patient = ?1 AND facility = ?2 AND class = ?3")?
            .query_map((patient.as_str(), facility.as_str(), class.as_str()), |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        let mut taken = 0;
        for doc in docs {
            let Some(HeldRecord { mut record, .. }) = self.record(DocumentId(doc))? else { continue };
            let stands = kept.iter().any(|k| k.class == class && k.source_key == record.source_key);
            if record.deleted || stands || !record.source_key.starts_with(key_prefix) {
                continue;
            }
            record.deleted = true;
            record.as_of = record.as_of.max(as_of);
            self.take_record(patient, local_id, &record, today)?;
            taken += 1;
        }
        Ok(taken)
    }

    /// A record as it stands, and whose it is now.
    pub fn record(&self, doc: DocumentId) -> Result<Option<HeldRecord>, HubError> {
        let found: Option<(PatientId, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT patient, sealed FROM record WHERE doc = ?1")?
            .query_row([doc.0], |r| Ok((super::facilities::id(r, 0)?, r.get(1)?)))
            .optional()?;
        let Some((patient, sealed)) = found else { return Ok(None) };
        let body = self.keys.open("record", &doc.0, &sealed)?;
        Ok(Some(HeldRecord { patient, record: canonical::from_bytes(&body)?, body }))
    }

    /// Documents of a patient's records after `n`, with their numbers.
    pub fn records_after(&self, patient: &PatientId, n: u64, limit: usize) -> Result<Vec<(u64, DocumentId)>, HubError> {
        let mut statement =
            self.sql.prepare_cached("SELECT n, doc FROM record WHERE patient = ?1 AND n > ?2 ORDER BY n LIMIT ?3")?;
        Ok(statement
            .query_map((patient.as_str(), n as i64, limit as i64), |r| {
                Ok((r.get::<_, i64>(0)? as u64, DocumentId(r.get(1)?)))
            })?
            .collect::<Result<_, _>>()?)
    }

    /// 紐付け: a facility's number belongs to this person. Records that arrived under that number follow.
    pub fn link_patient(&self, patient: &PatientId, facility: &FacilityId, local_id: &str) -> Result<(), HubError> {
        let mut kept = self.known_patient(patient)?;
        self.known_facility(facility)?;
        let other = self.patient_of_local_id(facility, local_id)?;
        if other.as_ref() == Some(patient) {
            return Ok(());
        }
        self.put_local_id(facility, local_id, patient)?;
        kept.local_ids.push(LocalId { facility: facility.clone(), id: local_id.to_string() });
        kept.local_ids.sort();
        self.put_patient(&kept)?;
        if let Some(other) = other {
            self.move_records(&other, patient, facility, local_id)?;
            let mut left = self.known_patient(&other)?;
            left.local_ids.retain(|l| !(l.facility == *facility && l.id == local_id));
            let stations = self.stations_of(&other)?;
            if left.local_ids.is_empty() && stations.is_empty() {
                self.sql.execute("DELETE FROM patient WHERE id = ?1", [other.as_str()])?;
            } else {
                self.put_patient(&left)?;
            }
            // What was another person's goes from the phones at once.
            for station in stations {
                self.tell_patient(&station, &left)?;
                self.tell_consent(&station, &other, std::slice::from_ref(facility))?;
            }
        }
        for station in self.stations_of(patient)? {
            self.tell_patient(&station, &kept)?;
            self.tell_consent(&station, patient, &[])?;
        }
        Ok(())
    }

    /// Moves what arrived under one number, and nothing else that the facility sent of that person.
    fn move_records(
        &self,
        from: &PatientId,
        to: &PatientId,
        facility: &FacilityId,
        local_id: &str,
    ) -> Result<(), HubError> {
        let docs: Vec<[u8; 16]> = self
            .sql
            .prepare("SELECT doc FROM record WHERE patient = ?1 AND facility = ?2")?
            .query_map((from.as_str(), facility.as_str()), |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        for doc in docs.into_iter().map(DocumentId) {
            let Some(held) = self.record(doc)? else { continue };
            if held.record.document(local_id) == doc {
                self.sql.execute("UPDATE record SET patient = ?2 WHERE doc = ?1", (doc.0, to.as_str()))?;
            }
        }
        Ok(())
    }

    pub fn put_quarantine(&self, facility: &FacilityId, path: &str, reason: &str) -> Result<(), HubError> {
        self.sql.execute(
            "INSERT INTO quarantine (facility, path, reason, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (facility, path) DO UPDATE SET reason = excluded.reason, at = excluded.at",
            (facility.as_str(), path, reason, self.now),
        )?;
        Ok(())
    }

    pub fn tell_patient(&self, station: &FacilityId, patient: &Patient) -> Result<(), HubError> {
        let doc = DocumentId::derive("patient", patient.id.as_str().as_bytes());
        self.append_feed_body(station, Kind::Patient, doc, Some(&patient.id), patient)
    }

    pub(super) fn put_patient(&self, patient: &Patient) -> Result<(), HubError> {
        let sealed = self.keys.seal("patient", patient.id.as_str().as_bytes(), &canonical::to_bytes(patient)?)?;
        self.sql.execute(
            "INSERT INTO patient (id, sealed) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed",
            (patient.id.as_str(), sealed),
        )?;
        Ok(())
    }

    pub(super) fn put_local_id(
        &self,
        facility: &FacilityId,
        local_id: &str,
        patient: &PatientId,
    ) -> Result<(), HubError> {
        self.sql.execute(
            "INSERT INTO local_id (facility, tag, patient) VALUES (?1, ?2, ?3)
             ON CONFLICT (facility, tag) DO UPDATE SET patient = excluded.patient",
            (facility.as_str(), self.keys.tag("local id", local_id.as_bytes()), patient.as_str()),
        )?;
        Ok(())
    }

    fn open_patient(&self, id: &PatientId, sealed: &[u8]) -> Result<Patient, HubError> {
        Ok(canonical::from_bytes(&self.keys.open("patient", id.as_str().as_bytes(), sealed)?)?)
    }
}
