//! Visit notes: light rows for lists, documents, changes, confirmations, and the crash journal.

use crate::error::VaultError;
use crate::items::Item;
use crate::relay::Durable;
use crate::seal::{Table, Tag};
use crate::tx::Tx;
use crate::vault::Compartment;
use jiff::Timestamp;
use protocol::Kind;
use record::canonical;
use record::visit_note::{NoteState, RawChange, SignedAct, SignedConfirmation};
use record::{ChangeHash, DocumentId, Form, PatientId, StaffId, VisitId};
use rusqlite::OptionalExtension;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};

/// The light row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRow {
    pub note: DocumentId,
    #[serde(default)]
    pub form: Form,
    pub patient: PatientId,
    pub visit: Option<VisitId>,
    pub author: Option<StaffId>,
    pub state: NoteState,
    pub has_conflict: bool,
    /// Late edits of a confirmed note that nobody has decided about.
    #[serde(default)]
    pub has_late_edits: bool,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Device's clock.
    pub changed_at: Timestamp,
    /// The document's versions as they were when this row was written: the self-check compares.
    #[serde(default)]
    pub heads: Vec<ChangeHash>,
}

impl NoteRow {
    /// Of a document that nobody has confirmed or closed, and of which no more is known yet.
    pub fn draft(note: DocumentId, form: Form, patient: PatientId, changed_at: Timestamp) -> Self {
        Self {
            note,
            form,
            patient,
            visit: None,
            author: None,
            state: NoteState::Draft,
            has_conflict: false,
            has_late_edits: false,
            started_at: None,
            ended_at: None,
            changed_at,
            heads: Vec::new(),
        }
    }
}

/// A note's document as it is stored.
pub struct StoredNote {
    pub row: NoteRow,
    /// Own changes that stand in no entry yet.
    pub dirty: bool,
    /// Position of the last own change that stands in an entry.
    pub sent: u64,
    pub document: Vec<u8>,
    pub tail: Vec<Vec<u8>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct StoredConfirmation {
    pub signed: SignedConfirmation,
    /// Hub time of receipt, milliseconds; `None` until receipted.
    #[serde(skip)]
    pub at: Option<i64>,
}

/// A signed act about a confirmed note, and when the hub received it.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredAct {
    pub note: DocumentId,
    pub signed: SignedAct,
    /// Hub time of receipt, milliseconds; `None` until receipted.
    pub at: Option<i64>,
    /// The hub did not let it pass: it counts nowhere else, and not here.
    #[serde(default)]
    pub refused: bool,
}

/// Typed text that stands in no change yet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub note: DocumentId,
    pub field: String,
    /// What the field showed when typing began.
    pub shown: String,
    pub typed: String,
    pub at: Timestamp,
    /// Which unlock typed it.
    #[serde(default)]
    pub session: [u8; 8],
}

impl Tx<'_> {
    fn note_key(&self, note: DocumentId) -> Tag {
        self.ring.tag("note", &note.0)
    }

    /// Writes the light row. `document` replaces the stored document and its tail; `dirty` says whether own changes wait.
    pub fn put_note(
        &mut self,
        row: &NoteRow,
        document: Option<&[u8]>,
        dirty: bool,
        sent: u64,
    ) -> Result<(), VaultError> {
        let key = self.note_key(row.note);
        let place = self.place(Table::NoteRow, key, Some(&row.patient), &Compartment::Station);
        let sealed_row = self.seal(place, row)?;
        let document_place = crate::tx::Place { table: Table::NoteDocument, ..place };
        let sealed = document.map(|document| self.seal_bytes(document_place, document)).transpose()?;
        let (form, sent) = (row.form.tag(), sent as i64);
        let is_new = self
            .sql
            .prepare_cached(
                "INSERT OR IGNORE INTO note (key, patient, dirty, sent, form, row, document)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, coalesce(?7, x''))",
            )?
            .execute((key, place.patient, dirty, sent, form, &sealed_row, &sealed))?
            > 0;
        if is_new {
            let whole = [&key[..], &place.patient].map(ValueRef::Blob);
            let numbers = [i64::from(dirty), sent, i64::from(form)].map(ValueRef::Integer);
            let document = sealed.as_deref().unwrap_or_default();
            self.tell_row(true, "note", &[&whole[..], &numbers].concat(), &[&sealed_row, document]);
            self.touch_note(form, place.patient, key);
            return Ok(());
        }
        let changed = self
            .sql
            .prepare_cached(
                "UPDATE OR ROLLBACK note SET dirty = ?2, sent = ?3, row = ?4, document = coalesce(?5, document) WHERE key = ?1",
            )?
            .execute((key, dirty, sent, &sealed_row, &sealed))?;
        if changed != 1 {
            return Err(VaultError::Missing("a row that was put"));
        }
        if sealed.is_some() {
            self.sql.prepare_cached("DELETE FROM note_change WHERE note = ?1")?.execute([key])?;
        }
        Ok(())
    }

    /// Adds one change behind the stored document. The note's row is written in the same transaction: by it alone a search
    /// knows that there is something new to read.
    pub fn add_change(&mut self, note: DocumentId, patient: &PatientId, change: &RawChange) -> Result<(), VaultError> {
        let key = self.note_key(note);
        let place = self.place(Table::NoteChange, key, Some(patient), &Compartment::Station);
        let sealed = self.seal_bytes(place, &change.bytes)?;
        let n = self
            .sql
            .prepare_cached("INSERT OR ROLLBACK INTO note_change (note, patient, sealed) VALUES (?1, ?2, ?3)")?
            .insert((key, place.patient, &sealed))?;
        let whole = [ValueRef::Integer(n), ValueRef::Blob(&key), ValueRef::Blob(&place.patient)];
        self.tell_row(true, "note_change", &whole, &[&sealed]);
        Ok(())
    }

    /// The light row of one note, without its document.
    pub fn note_row(&mut self, note: DocumentId) -> Result<Option<NoteRow>, VaultError> {
        let key = self.note_key(note);
        let found: Option<(Tag, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT patient, row FROM note WHERE key = ?1")?
            .query_row([key], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((patient, row)) = found else { return Ok(None) };
        let place = self.station(Table::NoteRow, key, patient);
        self.open(place, &row).map(Some)
    }

    pub fn note(&mut self, note: DocumentId) -> Result<Option<StoredNote>, VaultError> {
        let key = self.note_key(note);
        let found: Option<(Tag, bool, i64, Vec<u8>, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT patient, dirty, sent, row, document FROM note WHERE key = ?1")?
            .query_row([key], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
            .optional()?;
        let Some((patient, dirty, sent, row, document)) = found else { return Ok(None) };
        let place = self.station(Table::NoteRow, key, patient);
        let row = self.open(place, &row)?;
        let document = if document.is_empty() {
            Vec::new()
        } else {
            self.open_bytes(crate::tx::Place { table: Table::NoteDocument, ..place }, &document)?.to_vec()
        };
        let sealed: Vec<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT sealed FROM note_change WHERE note = ?1 ORDER BY n")?
            .query_map([key], |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        let place = crate::tx::Place { table: Table::NoteChange, ..place };
        let tail =
            sealed.iter().map(|body| self.open_bytes(place, body).map(|b| b.to_vec())).collect::<Result<_, _>>()?;
        Ok(Some(StoredNote { row, dirty, sent: sent as u64, document, tail }))
    }

    /// Notes with own changes that stand in no entry yet.
    pub fn dirty_notes(&mut self) -> Result<Vec<DocumentId>, VaultError> {
        let dirty = "SELECT key, patient, row FROM note WHERE dirty = 1";
        let mut rows: Vec<NoteRow> = self.open_rows(Table::NoteRow, dirty, [])?;
        rows.sort_by_key(|row| row.changed_at);
        Ok(rows.into_iter().map(|row| row.note).collect())
    }

    /// Keeps a confirmation. A repeat changes nothing but the time of receipt: the hub may have been put back, and its last word counts.
    pub fn put_confirmation(
        &mut self,
        note: DocumentId,
        patient: &PatientId,
        signed: &SignedConfirmation,
        at: Option<i64>,
    ) -> Result<(), VaultError> {
        let key = self.note_key(note);
        let hash = self.ring.tag("confirmation", &signed.hash().0);
        let place = self.place(Table::Confirmation, hash, Some(patient), &Compartment::Station);
        let stored = StoredConfirmation { signed: signed.clone(), at: None };
        let sealed = self.seal(place, &stored)?;
        self.sql
            .prepare_cached(
                "INSERT INTO confirmation (note, hash, patient, at, sealed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (note, hash) DO UPDATE SET at = coalesce(excluded.at, at), patient = excluded.patient,
                 sealed = excluded.sealed",
            )?
            .execute((key, hash, place.patient, at, sealed))?;
        Ok(())
    }

    /// The confirmations of a note in the order of the hub's receipts; unreceipted ones last.
    pub fn confirmations(&mut self, note: DocumentId) -> Result<Vec<StoredConfirmation>, VaultError> {
        let key = self.note_key(note);
        let rows = self
            .sql
            .prepare_cached("SELECT hash, patient, at, sealed FROM confirmation WHERE note = ?1")?
            .query_map([key], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get::<_, Vec<u8>>(3)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        let mut out = Vec::with_capacity(rows.len());
        for (hash, patient, at, sealed) in rows {
            let place = self.station(Table::Confirmation, hash, patient);
            let stored: StoredConfirmation = self.open(place, &sealed)?;
            out.push(StoredConfirmation { at, ..stored });
        }
        // Equal on every device: by the hub's receipt, then by the confirmed text's own hash.
        out.sort_by_key(|c| (c.at.is_none(), c.at, c.signed.hash()));
        Ok(out)
    }

    /// Keeps an act about a confirmed note. A repeat changes nothing but the time of receipt: the hub may have been put back, and its last word counts.
    pub fn put_act(
        &mut self,
        note: DocumentId,
        patient: &PatientId,
        signed: &SignedAct,
        at: Option<i64>,
    ) -> Result<(), VaultError> {
        let doc = DocumentId::derive("act", &signed.hash().0);
        let known = match self.item(Kind::Amendment, doc)? {
            Some(item) => Some(canonical::from_bytes::<StoredAct>(&item.body)?),
            None => None,
        };
        // A receipt is the newer word; a verdict that still stands is marked after it.
        let refused = at.is_none() && known.as_ref().is_some_and(|known| known.refused);
        let stored = StoredAct { note, signed: signed.clone(), at: at.or(known.and_then(|k| k.at)), refused };
        let body = canonical::to_bytes(&stored)?;
        self.put_item(&Item { kind: Kind::Amendment, doc, patient: Some(patient.clone()), source: None, body })?;
        let whose = self.ring.patient_tag(Some(patient));
        self.ring.acts.remove(&whose);
        // The act's own row does not tell the database which note now reads otherwise.
        self.mark_to_search(self.note_key(note), self.ring.patient_tag(Some(patient)))
    }

    /// Whether the hub let an act pass, as its last answer says.
    pub fn mark_act(
        &mut self,
        note: DocumentId,
        patient: &PatientId,
        act: &SignedAct,
        refused: bool,
    ) -> Result<(), VaultError> {
        let doc = DocumentId::derive("act", &act.hash().0);
        let Some(item) = self.item(Kind::Amendment, doc)? else { return Ok(()) };
        let known: StoredAct = canonical::from_bytes(&item.body)?;
        if known.refused == refused {
            return Ok(());
        }
        let body = canonical::to_bytes(&StoredAct { note, refused, ..known })?;
        self.put_item(&Item { kind: Kind::Amendment, doc, patient: Some(patient.clone()), source: None, body })
    }

    /// The acts about a note, in no particular order.
    pub fn acts(&mut self, note: DocumentId, patient: &PatientId) -> Result<Vec<StoredAct>, VaultError> {
        let whose = self.ring.patient_tag(Some(patient));
        if !self.ring.acts.contains_key(&whose) {
            let items = self.items(Kind::Amendment, Some(patient))?;
            let about = |item: &Item| -> Result<_, VaultError> {
                let act: StoredAct = canonical::from_bytes(&item.body)?;
                Ok((act.note, item.doc))
            };
            let acts = items.iter().map(about).collect::<Result<_, _>>()?;
            self.ring.acts.insert(whose, acts);
        }
        let about = self.ring.acts.get(&whose).into_iter().flatten();
        let docs: Vec<DocumentId> = about.filter(|(of, _)| *of == note).map(|(_, doc)| *doc).collect();
        let mut acts = Vec::with_capacity(docs.len());
        for doc in docs {
            if let Some(item) = self.item(Kind::Amendment, doc)? {
                acts.push(canonical::from_bytes(&item.body)?);
            }
        }
        Ok(acts)
    }

    /// Deletes a document that does not open any more and of which the hub has everything, for it to be fetched again.
    /// `false`: something of it is this phone's alone, and it stays as it is.
    pub fn forget_damaged(&mut self, note: DocumentId) -> Result<bool, VaultError> {
        let key = self.note_key(note);
        let stays: bool = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM note WHERE key = ?1 AND dirty = 1)
                     OR EXISTS (SELECT 1 FROM journal WHERE note = ?1)
                     OR EXISTS (SELECT 1 FROM entry WHERE note = ?1 AND (received IS NULL OR verdict IS NOT NULL))",
            )?
            .query_row([key], |r| r.get(0))?;
        if !stays {
            self.sql.prepare_cached("DELETE FROM note_change WHERE note = ?1")?.execute([key])?;
            self.sql.prepare_cached("DELETE FROM note WHERE key = ?1")?.execute([key])?;
        }
        Ok(!stays)
    }

    /// Lets a document go of which the hub has everything durably (law 5): nothing unsent or being typed, no entry without a
    /// receipt, with a verdict or with its body still here, no sealed copy that only this file has, nothing that has arrived and
    /// waits to be taken into it. `false`: it stays.
    ///
    /// What was received in a series that was left since has no number any more that could be durable: it is as durable as an
    /// entry that the hub received after it.
    pub fn forget_note(&mut self, patient: &PatientId, note: DocumentId, durable: Durable) -> Result<bool, VaultError> {
        let key = self.note_key(note);
        let (stays, past): (bool, Option<i64>) = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM note WHERE key = ?1 AND dirty = 1)
                     OR EXISTS (SELECT 1 FROM journal WHERE note = ?1)
                     OR EXISTS (SELECT 1 FROM entry WHERE note = ?1
                                    AND (received IS NULL OR verdict IS NOT NULL OR sealed IS NOT NULL))
                     OR EXISTS (SELECT 1 FROM capsule WHERE note = ?1 AND received IS NULL)
                     OR EXISTS (SELECT 1 FROM arrival WHERE note = ?1),
                     (SELECT max(received) FROM entry_past WHERE note = ?1)",
            )?
            .query_row([key], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let is_durable = past.is_none_or(|received_at| durable.holds(received_at));
        if stays || !is_durable || !self.forget_photos_of(patient, note)? {
            return Ok(false);
        }
        let acts = self.acts(note, patient)?;
        for act in acts {
            let doc = DocumentId::derive("act", &act.signed.hash().0);
            let act = self.ring.tag("item", &doc.0);
            self.sql
                .prepare_cached("DELETE FROM item WHERE kind = ?1 AND key = ?2")?
                .execute((u8::from(Kind::Amendment), act))?;
        }
        self.sql.prepare_cached("DELETE FROM note_change WHERE note = ?1")?.execute([key])?;
        self.sql.prepare_cached("DELETE FROM confirmation WHERE note = ?1")?.execute([key])?;
        self.sql.prepare_cached("DELETE FROM note WHERE key = ?1")?.execute([key])?;
        let whose = self.ring.patient_tag(Some(patient));
        self.ring.acts.remove(&whose);
        self.drop_documents_of(whose)?;
        self.ring.erased = true;
        Ok(true)
    }

    /// Whether any document of a patient is here.
    pub fn has_notes_of(&mut self, patient: &PatientId) -> Result<bool, VaultError> {
        let whose = self.ring.patient_tag(Some(patient));
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM note WHERE patient = ?1) OR EXISTS (SELECT 1 FROM arrival WHERE patient = ?1)",
            )?
            .query_row([whose], |r| r.get(0))?)
    }

    /// Keeps what is being typed, until it is a change.
    pub fn put_journal(&mut self, patient: &PatientId, entry: &JournalEntry) -> Result<(), VaultError> {
        let note = self.note_key(entry.note);
        let field = self.ring.tag("field", entry.field.as_bytes());
        let place = self.place(Table::Journal, field, Some(patient), &Compartment::Station);
        let sealed = self.seal(place, entry)?;
        self.sql
            .prepare_cached("INSERT OR REPLACE INTO journal (note, field, patient, sealed) VALUES (?1, ?2, ?3, ?4)")?
            .execute((note, field, place.patient, sealed))?;
        Ok(())
    }

    /// What an app that died had not yet made into changes.
    pub fn journal(&mut self) -> Result<Vec<JournalEntry>, VaultError> {
        self.open_rows(Table::Journal, "SELECT field, patient, sealed FROM journal", [])
    }

    /// What stands in the journal for one field.
    pub fn journal_line(&mut self, note: DocumentId, field: &str) -> Result<Option<JournalEntry>, VaultError> {
        let (key, tag) = (self.note_key(note), self.ring.tag("field", field.as_bytes()));
        let found: Option<(Tag, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT patient, sealed FROM journal WHERE note = ?1 AND field = ?2")?
            .query_row((key, tag), |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        Ok(found.and_then(|(patient, sealed)| {
            let place = self.station(Table::Journal, tag, patient);
            self.open_or_count(place, &sealed)
        }))
    }

    /// The text is a change now (same transaction).
    pub fn clear_journal(&mut self, note: DocumentId, field: &str) -> Result<(), VaultError> {
        let field = self.ring.tag("field", field.as_bytes());
        self.sql
            .prepare_cached("DELETE FROM journal WHERE note = ?1 AND field = ?2")?
            .execute((self.note_key(note), field))?;
        Ok(())
    }
}
