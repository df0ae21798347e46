//! Materialised notes and their confirmations.

use super::facilities::id;
use super::{EntryRow, Tx};
use crate::error::HubError;
use record::visit_note::confirmed::has_closing;
use record::visit_note::{Acts, NoteState, NoteView, SignedAct, SignedConfirmation};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId, canonical};
use rusqlite::OptionalExtension;
use serde::Serialize;

/// A note in a list at the hub.
#[derive(Debug, Clone, Serialize)]
pub struct NoteListed {
    pub note: DocumentId,
    pub form: Form,
    pub station: FacilityId,
    pub patient: PatientId,
    pub state: NoteState,
    pub author: Option<StaffId>,
    /// Something of it was written before its writer heard that she no longer has the patient.
    pub late: bool,
    /// Hub's clock, milliseconds.
    #[serde(skip)]
    pub updated_at: i64,
}

/// A confirmation as it was receipted.
pub struct ConfirmationRow {
    pub device: DeviceId,
    pub staff: StaffId,
    pub at: i64,
    pub signed: SignedConfirmation,
}

/// A materialised document as the checker wants it.
pub struct NoteRow {
    pub station: FacilityId,
    pub patient: PatientId,
    /// `None`: of a newer version.
    pub form: Option<Form>,
    pub document: Vec<u8>,
    /// As [`Tx::note_stamp`].
    pub stamp: Vec<u8>,
}

/// Bytes of a sealed body that no other writing of it begins with.
const STAMP: usize = 25;

impl Tx<'_> {
    /// Everything that a check asks of a document, in one reading.
    pub fn note_row(&self, doc: DocumentId) -> Result<Option<NoteRow>, HubError> {
        let found: Option<(FacilityId, PatientId, u8, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT station, patient, form, document FROM note WHERE doc = ?1")?
            .query_row([doc.0], |r| Ok((id(r, 0)?, id(r, 1)?, r.get(2)?, r.get(3)?)))
            .optional()?;
        let Some((station, patient, form, sealed)) = found else { return Ok(None) };
        let document = self.keys.open("note", &doc.0, &sealed)?;
        let mut stamp = sealed;
        stamp.truncate(STAMP);
        Ok(Some(NoteRow { station, patient, form: Form::from_tag(form), document, stamp }))
    }

    /// The compacted document of a note; empty if none stands here.
    pub fn note_document(&self, doc: DocumentId) -> Result<Vec<u8>, HubError> {
        let sealed: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT document FROM note WHERE doc = ?1")?
            .query_row([doc.0], |r| r.get(0))
            .optional()?;
        sealed.map_or(Ok(Vec::new()), |sealed| self.keys.open("note", &doc.0, &sealed))
    }

    /// The form a document began with.
    pub fn note_form(&self, doc: DocumentId) -> Result<Option<Form>, HubError> {
        let tag: Option<u8> = self
            .sql
            .prepare_cached("SELECT form FROM note WHERE doc = ?1")?
            .query_row([doc.0], |r| r.get(0))
            .optional()?;
        Ok(tag.and_then(Form::from_tag))
    }

    /// Stores a document as it stands now, how it reads (canonical CBOR of a `NoteView`), and the photos that it names.
    pub fn put_note(
        &self,
        doc: DocumentId,
        form: Form,
        whose: (&FacilityId, &PatientId),
        document: &[u8],
        view: &[u8],
        photos: &[ContentHash],
    ) -> Result<(), HubError> {
        let document = self.keys.seal("note", &doc.0, document)?;
        let view = self.keys.seal("note view", &doc.0, view)?;
        let known = self
            .sql
            .prepare_cached("UPDATE note SET updated_at = ?2, document = ?3, view = ?4 WHERE doc = ?1")?
            .execute((doc.0, self.now, &document, &view))?;
        if known == 0 {
            self.begin_note(doc, form, whose, (document.as_slice(), view.as_slice()))?;
        }
        self.name_photos(doc, whose.0, photos)
    }

    fn begin_note(
        &self,
        doc: DocumentId,
        form: Form,
        (station, patient): (&FacilityId, &PatientId),
        (document, view): (&[u8], &[u8]),
    ) -> Result<(), HubError> {
        let knew = self.may_know(station, patient)?;
        let begun = self.feed_end(station)?.n + 1;
        self.sql
            .prepare_cached(
                "INSERT INTO note (doc, station, patient, updated_at, document, view, form, begun)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((doc.0, station.as_str(), patient.as_str(), self.now, document, view, form.tag(), begun as i64))?;
        // With a note of its own the station knows the patient again, whatever became of the consent.
        if !knew && let Some(patient) = self.patient(patient)? {
            self.tell_patient(station, &patient)?;
        }
        Ok(())
    }

    /// Names one writing of a document: its nonce.
    pub fn note_stamp(&self, doc: DocumentId) -> Result<Option<Vec<u8>>, HubError> {
        let stamp = self
            .sql
            .prepare_cached("SELECT substr(document, 1, ?2) FROM note WHERE doc = ?1")?
            .query_row((doc.0, STAMP as i64), |r| r.get(0))
            .optional()?;
        Ok(stamp)
    }

    /// Whose note it is, once anything of it has passed: a document never changes patient or station.
    pub fn note_owner(&self, doc: DocumentId) -> Result<Option<(FacilityId, PatientId)>, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT station, patient FROM note WHERE doc = ?1")?
            .query_row([doc.0], |r| Ok((id(r, 0)?, id(r, 1)?)))
            .optional()?)
    }

    pub fn note_view(&self, doc: DocumentId) -> Result<Option<NoteView>, HubError> {
        let sealed: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT view FROM note WHERE doc = ?1")?
            .query_row([doc.0], |r| r.get(0))
            .optional()?;
        sealed.map(|sealed| Ok(canonical::from_bytes(&self.keys.open("note view", &doc.0, &sealed)?)?)).transpose()
    }

    pub fn put_confirmation(
        &self,
        entry: i64,
        doc: DocumentId,
        device: DeviceId,
        staff: &StaffId,
        at: i64,
    ) -> Result<(), HubError> {
        self.sql
            .prepare_cached(
                "INSERT OR IGNORE INTO confirmation (entry, doc, device, staff, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((entry, doc.0, device.0, staff.as_str(), at))?;
        Ok(())
    }

    /// In the order of receipt, as phones have it: by the time that is told, then by the confirmed text's own hash.
    pub fn confirmations(&self, doc: DocumentId) -> Result<Vec<ConfirmationRow>, HubError> {
        let mut statement =
            self.sql.prepare_cached("SELECT entry, device, staff, at FROM confirmation WHERE doc = ?1")?;
        let rows = statement
            .query_map([doc.0], |r| {
                Ok((r.get::<_, i64>(0)?, DeviceId(r.get(1)?), id::<StaffId>(r, 2)?, r.get::<_, i64>(3)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let mut out = Vec::with_capacity(rows.len());
        for (entry, device, staff, at) in rows {
            let row = self.entry(entry)?.ok_or(HubError::Damaged { table: "confirmation" })?;
            let signed =
                SignedConfirmation::from_bytes(&row.bytes).map_err(|_| HubError::Damaged { table: "entry" })?;
            out.push(ConfirmationRow { device, staff, at, signed });
        }
        out.sort_by_key(|row| (row.at, row.signed.hash()));
        Ok(out)
    }

    /// The entries that brought a note's confirmations, each once.
    pub(super) fn confirmation_entries(&self, doc: DocumentId) -> Result<Vec<EntryRow>, HubError> {
        let mut statement =
            self.sql.prepare_cached("SELECT entry FROM confirmation WHERE doc = ?1 ORDER BY at, entry")?;
        let ids = statement.query_map([doc.0], |r| r.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        ids.into_iter().map(|id| self.entry(id)?.ok_or(HubError::Damaged { table: "confirmation" })).collect()
    }

    /// The acts about a note that passed, opened, and as they were signed with the time of receipt.
    pub fn acts(&self, doc: DocumentId) -> Result<(Acts, Vec<(SignedAct, i64)>), HubError> {
        let mut signed = Vec::new();
        for entry in self.passed_entries(doc, protocol::Kind::Amendment)? {
            let act = SignedAct::from_bytes(&entry.bytes).map_err(|_| HubError::Damaged { table: "entry" })?;
            signed.push((act, entry.received_at));
        }
        let plain: Vec<SignedAct> = signed.iter().map(|(act, _)| act.clone()).collect();
        Ok((Acts::open(doc, &plain), signed))
    }

    /// Every note at this hub, the last changed first.
    pub fn notes(&self) -> Result<Vec<NoteListed>, HubError> {
        let mut statement = self.sql.prepare(
            "SELECT doc, station, patient, updated_at, form,
                     EXISTS (SELECT 1 FROM entry WHERE entry.doc = note.doc AND late = 1)
                 FROM note ORDER BY updated_at DESC, doc",
        )?;
        let rows = statement
            .query_map([], |r| {
                let whose = (id::<FacilityId>(r, 1)?, id::<PatientId>(r, 2)?);
                Ok((DocumentId(r.get(0)?), whose, r.get::<_, i64>(3)?, r.get::<_, u8>(4)?, r.get::<_, bool>(5)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let mut notes = Vec::with_capacity(rows.len());
        for (note, (station, patient), updated_at, form, late) in rows {
            let confirmations = self.confirmations(note)?;
            let view = self.note_view(note)?;
            let form = Form::from_tag(form).ok_or(HubError::Damaged { table: "note" })?;
            let mut acts = self.acts(note)?.0;
            let hashes: Vec<ContentHash> = confirmations.iter().map(|c| c.signed.hash()).collect();
            let stands =
                confirmations.iter().find(|c| Some(c.signed.hash()) == acts.chosen()).or(confirmations.first());
            let (closed, author) = match stands {
                Some(stands) => {
                    let frozen = stands.signed.open(note).map_err(|_| HubError::Damaged { table: "confirmation" })?;
                    acts.stand_on(stands.signed.hash());
                    let mut fields = frozen.fields;
                    acts.correct(form, &mut fields);
                    (has_closing(&fields), Some(stands.staff.clone()))
                }
                None => {
                    let closed = view.as_ref().is_some_and(|view| view.closed);
                    (closed, view.and_then(|view| view.begun_by))
                }
            };
            let state = NoteState::of(&hashes, &acts, closed);
            notes.push(NoteListed { note, form, station, patient, state, author, late, updated_at });
        }
        Ok(notes)
    }
}
