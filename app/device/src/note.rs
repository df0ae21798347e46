//! Visit notes: start, write, confirm. Each verb is one transaction: change, list row and outbox together, or nothing.

use crate::error::DeviceError;
use crate::phone::Phone;
use jiff::{SignedDuration, Timestamp};
use protocol::{Entry, Kind};
use record::calendar::day_in_japan;
use record::canonical;
use record::visit_note::{
    About, Actor, Amendment, Draft, Encoding, Field, FieldValue, NoteState, NoteView, RawChange, VisitNote,
};
use record::{DocumentId, PatientId, StaffId, Visit, VisitId};
use std::collections::BTreeMap;
use vault::{JournalEntry, NoteRow, Tx};

/// More changes than this behind the stored document are compacted into it.
const TAIL_LIMIT: usize = 64;
/// A journal's line younger than this may still be typed in another window of the same vault.
const LIVE_LINE: SignedDuration = SignedDuration::from_secs(3);

/// A note as a screen or a command line shows it.
#[derive(Debug, Clone)]
pub struct NoteShown {
    pub row: NoteRow,
    pub state: NoteState,
    pub author: Option<StaffId>,
    pub view: NoteView,
    pub amendments: Vec<Amendment>,
    pub receipt: Option<NoteReceipt>,
    /// Something of it is not on the hub's disk yet.
    pub unsent: bool,
    /// The hub's codes for entries of this note that did not pass.
    pub verdicts: Vec<String>,
}

/// ハブ受領済: everything of the note is on the hub's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteReceipt {
    pub seq: Option<u64>,
    pub received_at: Timestamp,
}

impl Phone {
    /// Opens the note of a visit, from nothing if need be. Without `visit`: today's only planned visit of the patient by
    /// this nurse, else an unplanned one.
    pub fn start_note(
        &self,
        patient: &PatientId,
        visit: Option<VisitId>,
        now: Timestamp,
    ) -> Result<DocumentId, DeviceError> {
        let staff = self.identity().staff.clone();
        let about_station = self.identity().station.clone();
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| DeviceError::Keys)?;
        let note = self.write(|tx| {
            if !tx.items(Kind::Patient, Some(patient))?.iter().any(|item| item.patient.as_ref() == Some(patient)) {
                return Err(DeviceError::UnknownPatient(patient.clone()));
            }
            let visit = match visit {
                Some(id) => {
                    let planned = visit_of(tx, id)?.ok_or(DeviceError::UnknownVisit(id))?;
                    if planned.patient != *patient {
                        return Err(DeviceError::VisitOfAnotherPatient(id));
                    }
                    Some(id)
                }
                None => {
                    let today = day_in_japan(now);
                    let visits = visits(tx, Some(patient))?;
                    let mut planned =
                        visits.iter().filter(|v| v.patient == *patient && v.staff == staff && v.date == today);
                    planned.next().filter(|_| planned.next().is_none()).map(|v| v.id)
                }
            };
            let note = visit.map_or_else(|| DocumentId::from_random(random), DocumentId::of_planned_visit);
            if tx.note(note)?.is_some_and(|stored| stored.row.state != NoteState::Draft) {
                return Ok(note);
            }
            let mut open = OpenNote::load_or_new(tx, note, patient, visit, self.actor(), now)?;
            let about = About { patient: patient.clone(), station: about_station, visit };
            let change = open.draft.begin(&about, self.actor().device, &staff, now)?;
            open.store(tx, change, now)?;
            Ok(note)
        })?;
        self.changed();
        Ok(note)
    }

    /// Writes one value as a person typed it.
    pub fn set_field(&self, note: DocumentId, field: &str, typed: &str, now: Timestamp) -> Result<(), DeviceError> {
        let field = Field::named(field)?;
        self.edit(note, now, |draft, day| Ok(draft.set(field, field.parse(typed, day)?, now)?))
    }

    /// Settles or writes a value that is already read (a picked side of a conflict, a chip).
    pub fn set_value(
        &self,
        note: DocumentId,
        field: &str,
        value: FieldValue,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let field = Field::named(field)?;
        self.edit(note, now, |draft, _| Ok(draft.set(field, value, now)?))
    }

    /// 測定せず, with the reason.
    pub fn set_unmeasured(
        &self,
        note: DocumentId,
        field: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let field = Field::named(field)?;
        let value = field.unmeasured(reason)?;
        self.edit(note, now, |draft, _| Ok(draft.set(field, value, now)?))
    }

    /// Edits a text: what the field showed when typing began, and what stands in it now. The journal's line goes in the
    /// same transaction.
    pub fn edit_text(
        &self,
        note: DocumentId,
        field: &str,
        shown: &str,
        typed: &str,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let field = Field::named(field)?;
        self.write(|tx| {
            // A colleague's confirmation may have arrived while she typed: her words then stand as a proposed amendment.
            let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
            let mut open = OpenNote::from_stored(stored, self.actor())?;
            let change = open.draft.edit_text(field, shown, typed, now)?;
            open.store(tx, change, now)?;
            Ok(tx.clear_journal(note, field.name)?)
        })?;
        self.changed();
        Ok(())
    }

    /// Replaces a text by another whole one, against what stands there now.
    pub fn replace_text(&self, note: DocumentId, field: &str, typed: &str, now: Timestamp) -> Result<(), DeviceError> {
        let field = Field::named(field)?;
        self.edit(note, now, |draft, _| {
            let shown = draft.view()?.text(field.name).to_string();
            Ok(draft.edit_text(field, &shown, typed, now)?)
        })
    }

    /// Keeps what is being typed until it becomes a change. Cheap: one small sealed row.
    pub fn keep_typed(&self, entry: &JournalEntryOf<'_>, now: Timestamp) -> Result<(), DeviceError> {
        self.write(|tx| {
            let stored = tx.note(entry.note)?.ok_or(DeviceError::UnknownNote(entry.note))?;
            let line = JournalEntry {
                note: entry.note,
                field: entry.field.to_string(),
                shown: entry.shown.to_string(),
                typed: entry.typed.to_string(),
                at: now,
            };
            Ok(tx.put_journal(&stored.row.patient, &line)?)
        })
    }

    pub(crate) fn recover_journal(&self, now: Timestamp) -> Result<(), DeviceError> {
        let left = self.read(|tx| Ok(tx.journal()?))?;
        for line in left {
            // A line this young is still being typed in another window.
            if now.duration_since(line.at).abs() < LIVE_LINE {
                continue;
            }
            let kept = self.write(|tx| {
                let stored = tx.note(line.note)?.ok_or(DeviceError::UnknownNote(line.note))?;
                let mut open = OpenNote::from_stored(stored, self.actor())?;
                take_line(tx, &mut open, &line)
            });
            if let Err(error) = kept {
                tracing::warn!(note = %line.note, %error, "a typed text stays in the journal");
            }
        }
        Ok(())
    }

    /// 確定: freezes, signs, and puts both the last changes and the confirmation into the outbox. Works offline.
    pub fn confirm_note(&self, note: DocumentId, now: Timestamp) -> Result<(), DeviceError> {
        let key = <[u8; 32]>::try_from(self.identity().signing_key.as_slice()).map_err(|_| DeviceError::Keys)?;
        let key = zeroize::Zeroizing::new(key);
        let signing = ed25519_dalek::SigningKey::from_bytes(&key);
        let staff = self.identity().staff.clone();
        self.write(|tx| {
            let mut open = OpenNote::load(tx, note, self.actor())?;
            // What is still in the journal was typed before the confirmation and belongs to it.
            for line in tx.journal()?.into_iter().filter(|line| line.note == note) {
                take_line(tx, &mut open, &line)?;
            }
            let signed = open.draft.confirm(&staff, self.actor().device, &signing, now)?;
            let patient = open.row.patient.clone();
            freeze(tx, &mut open, self.actor())?;
            tx.put_confirmation(note, &patient, &signed, None)?;
            let entry = Entry {
                seq: tx.next_seq()?,
                doc: note,
                patient,
                kind: Kind::Confirmation,
                enc: Encoding::Cbor.into(),
                hash: signed.entry_hash(note),
                bytes: signed.to_bytes().map_err(record::visit_note::ConfirmError::from)?,
            };
            tx.put_entry(&entry)?;
            open.row.state = NoteState::Confirmed;
            open.row.author = Some(staff.clone());
            open.row.changed_at = now;
            Ok(tx.put_note(&open.row, None, false, open.sent)?)
        })?;
        self.changed();
        Ok(())
    }

    /// One note, whole.
    pub fn show_note(&self, note: DocumentId) -> Result<NoteShown, DeviceError> {
        self.read(|tx| show(tx, note, self.actor()))
    }

    /// Light rows, latest first.
    pub fn note_rows(&self, patient: Option<&PatientId>) -> Result<Vec<NoteRow>, DeviceError> {
        self.read(|tx| Ok(tx.note_rows(patient)?))
    }

    /// The last values measured in confirmed notes of a patient, other than `note`.
    pub fn previous_values(
        &self,
        patient: &PatientId,
        note: DocumentId,
    ) -> Result<BTreeMap<String, FieldValue>, DeviceError> {
        self.read(|tx| {
            let mut rows = tx.note_rows(Some(patient))?;
            rows.retain(|row| row.note != note && row.state != NoteState::Draft);
            rows.sort_by_key(|row| std::cmp::Reverse(row.started_at));
            let mut values = BTreeMap::new();
            for row in rows.into_iter().take(6) {
                for (name, value) in show(tx, row.note, self.actor())?.view.fields {
                    values.entry(name).or_insert(value);
                }
            }
            Ok(values)
        })
    }

    fn edit(
        &self,
        note: DocumentId,
        now: Timestamp,
        work: impl FnOnce(&mut Draft, jiff::civil::Date) -> Result<Option<RawChange>, DeviceError>,
    ) -> Result<(), DeviceError> {
        self.write(|tx| {
            let mut open = OpenNote::load(tx, note, self.actor())?;
            let day = match open.row.visit {
                Some(id) => visit_of(tx, id)?.map(|v| v.date),
                None => None,
            };
            let change = work(&mut open.draft, day.unwrap_or_else(|| day_in_japan(now)))?;
            open.store(tx, change, now)
        })?;
        self.changed();
        Ok(())
    }
}

/// What a text field holds while it is typed in.
pub struct JournalEntryOf<'a> {
    pub note: DocumentId,
    pub field: &'a str,
    pub shown: &'a str,
    pub typed: &'a str,
}

/// A draft taken out of the vault, to be put back changed.
pub(crate) struct OpenNote {
    pub row: NoteRow,
    pub draft: Draft,
    pub dirty: bool,
    pub sent: u64,
    pub tail: usize,
}

impl OpenNote {
    /// An editable note: a confirmed one is refused.
    fn load(tx: &mut Tx<'_>, note: DocumentId, actor: Actor) -> Result<Self, DeviceError> {
        let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
        if stored.row.state != NoteState::Draft {
            return Err(DeviceError::AlreadyConfirmed);
        }
        Self::from_stored(stored, actor)
    }

    pub(crate) fn from_stored(stored: vault::StoredNote, actor: Actor) -> Result<Self, DeviceError> {
        let draft = Draft::load(stored.row.note, &stored.document, &stored.tail, actor)?;
        Ok(Self { draft, dirty: stored.dirty, sent: stored.sent, tail: stored.tail.len(), row: stored.row })
    }

    /// The stored note, or one made from nothing that nothing has been written into.
    pub(crate) fn load_or_new(
        tx: &mut Tx<'_>,
        note: DocumentId,
        patient: &PatientId,
        visit: Option<VisitId>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Self, DeviceError> {
        if let Some(stored) = tx.note(note)? {
            return Self::from_stored(stored, actor);
        }
        let row = NoteRow {
            note,
            patient: patient.clone(),
            visit,
            author: None,
            state: NoteState::Draft,
            has_conflict: false,
            started_at: None,
            ended_at: None,
            changed_at: now,
        };
        Ok(Self { row, draft: Draft::new(note, actor), dirty: false, sent: 0, tail: 0 })
    }

    /// Puts one own change back: change, list row and dirty mark.
    fn store(&mut self, tx: &mut Tx<'_>, change: Option<RawChange>, now: Timestamp) -> Result<(), DeviceError> {
        let Some(change) = change else { return Ok(()) };
        self.dirty = true;
        self.row.changed_at = self.row.changed_at.max(now);
        if self.row.state == NoteState::Draft {
            self.refresh_row()?;
        }
        if self.tail >= TAIL_LIMIT {
            self.compact(tx)
        } else {
            tx.put_note(&self.row, None, self.dirty, self.sent)?;
            Ok(tx.add_change(self.row.note, &self.row.patient, &change)?)
        }
    }

    pub(crate) fn compact(&mut self, tx: &mut Tx<'_>) -> Result<(), DeviceError> {
        let document = self.draft.save();
        Ok(tx.put_note(&self.row, Some(&document), self.dirty, self.sent)?)
    }

    /// Brings the light row up to what the document says.
    pub(crate) fn refresh_row(&mut self) -> Result<(), DeviceError> {
        let view = self.draft.view()?;
        let time = |name: &str| match view.fields.get(name) {
            Some(FieldValue::Time(at)) => Some(*at),
            _ => None,
        };
        self.row.started_at = time("started_at");
        self.row.ended_at = time("ended_at");
        self.row.has_conflict = !view.conflicts.is_empty();
        if let Some(about) = &view.about {
            self.row.visit = about.visit;
        }
        if self.row.author.is_none() {
            self.row.author = view.authors.values().next().cloned();
        }
        Ok(())
    }
}

/// Numbers and freezes what no entry carries yet. Afterwards the note is clean and compact.
pub(crate) fn freeze(tx: &mut Tx<'_>, open: &mut OpenNote, actor: Actor) -> Result<(), DeviceError> {
    if let Some(new) = open.draft.entry_of(actor.device, open.sent)? {
        let entry = Entry {
            seq: tx.next_seq()?,
            doc: open.row.note,
            patient: open.row.patient.clone(),
            kind: Kind::Note,
            enc: new.encoding.into(),
            hash: new.hash,
            bytes: new.bytes,
        };
        tx.put_entry(&entry)?;
        open.sent = new.up_to;
    }
    open.dirty = false;
    open.compact(tx)
}

/// Freezes every note with unsent changes, oldest first.
pub(crate) fn freeze_all(tx: &mut Tx<'_>, actor: Actor) -> Result<(), DeviceError> {
    for note in tx.dirty_notes()? {
        // One note that cannot be read stays unsent and counted; the others go (law 4).
        let opened = tx
            .note(note)
            .map_err(DeviceError::from)
            .and_then(|stored| OpenNote::from_stored(stored.ok_or(DeviceError::UnknownNote(note))?, actor));
        match opened {
            Ok(mut open) => freeze(tx, &mut open, actor)?,
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => tracing::warn!(%note, %error, "a note cannot be read and stays unsent"),
        }
    }
    Ok(())
}

/// Makes a journal's line into a change, in the same transaction that clears it. Late for a confirmed note: a proposal.
fn take_line(tx: &mut Tx<'_>, open: &mut OpenNote, line: &JournalEntry) -> Result<(), DeviceError> {
    let field = Field::named(&line.field)?;
    let change = open.draft.recover_text(field, &line.shown, &line.typed, line.at)?;
    open.store(tx, change, line.at)?;
    Ok(tx.clear_journal(line.note, field.name)?)
}

/// Planned visits, of one patient or of all.
pub(crate) fn visits(tx: &mut Tx<'_>, patient: Option<&PatientId>) -> Result<Vec<Visit>, DeviceError> {
    let mut visits: Vec<Visit> = Vec::new();
    for item in tx.items(Kind::Visit, patient)? {
        visits.extend(canonical::from_bytes::<Visit>(&item.body));
    }
    visits.sort_by_key(|v| (v.date, v.start));
    Ok(visits)
}

fn visit_of(tx: &mut Tx<'_>, id: VisitId) -> Result<Option<Visit>, DeviceError> {
    Ok(tx.item(Kind::Visit, id)?.and_then(|item| canonical::from_bytes(&item.body).ok()))
}

fn show(tx: &mut Tx<'_>, note: DocumentId, actor: Actor) -> Result<NoteShown, DeviceError> {
    let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
    let confirmations = tx.confirmations(note)?;
    let row = stored.row.clone();
    let open = OpenNote::from_stored(stored, actor)?;
    let receipted = confirmations.first().and_then(|c| c.at);
    let mut visit_note = VisitNote::from_parts(open.draft, confirmations.into_iter().map(|c| c.signed).collect())?;
    let view = visit_note.view()?;
    let unsent = tx.is_unsent(note)?;
    let outbox = tx.outbox_of(note)?;
    let last = outbox.iter().rev().find(|row| row.received.is_some());
    let (author, amendments, received) = match &mut visit_note {
        VisitNote::Draft(_) => (row.author.clone(), Vec::new(), last.and_then(|row| row.received).filter(|_| !unsent)),
        VisitNote::Confirmed(confirmed) => {
            (Some(confirmed.frozen().staff.clone()), confirmed.proposed_amendments()?, receipted.filter(|_| !unsent))
        }
    };
    let receipt = received.and_then(|at| Timestamp::from_millisecond(at).ok()).map(|received_at| NoteReceipt {
        seq: last.filter(|row| row.received == received).map(|row| row.seq),
        received_at,
    });
    Ok(NoteShown {
        state: visit_note.state(),
        author,
        view,
        amendments,
        receipt,
        unsent,
        verdicts: outbox.into_iter().filter_map(|row| row.verdict).collect(),
        row,
    })
}
