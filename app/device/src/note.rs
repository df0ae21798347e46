//! Visit notes: start, write, confirm. Each verb is one transaction: change, list row and outbox together, or nothing.

use crate::error::DeviceError;
use crate::half_typed;
use crate::phone::{Hand, Phone};
use crate::read;
use jiff::{SignedDuration, Timestamp};
use protocol::{Entry, Kind};
use record::calendar::{day_in_japan, instant_in_japan};
use record::canonical;
use record::visit_note::{
    About, Act, Acts, Amendment, AmendmentState, ConfirmContext, Draft, Encoding, FieldKind, FieldValue, NewEntry,
    NoteState, NoteView, RawChange, SignedAct, VisitNote,
};
use record::vitals::Values;
use record::{ContentHash, DocumentId, Form, PatientId, StaffId, Visit, VisitId};
use std::collections::BTreeMap;
use vault::{Item, JournalEntry, NoteRow, Tx};

/// More changes than this behind the stored document are compacted into it.
const TAIL_LIMIT: usize = 16;
/// A journal's line younger than this may still be typed in another window of the same vault.
const LIVE_LINE: SignedDuration = SignedDuration::from_secs(3);

/// A note as a screen or a command line shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteShown {
    pub row: NoteRow,
    pub state: NoteState,
    pub author: Option<StaffId>,
    pub view: NoteView,
    /// A confirmed note as it was confirmed, before any correction.
    pub confirmed_fields: Option<BTreeMap<String, FieldValue>>,
    pub amendments: Vec<Amendment>,
    /// Every confirmation, the one that stands first. More than one = competing, until the manager has chosen.
    pub confirmations: Vec<ConfirmationShown>,
    /// The act that closed a confirmed note.
    pub closing: Option<Act>,
    /// Other notes of this patient that look like the same visit: a person says whether they are.
    pub same_visit: Vec<DocumentId>,
    /// What confirming needs beside the text itself.
    pub context: ConfirmContext,
    pub receipt: Option<NoteReceipt>,
    /// Something of it is not on the hub's disk yet.
    pub unsent: bool,
    /// The hub's codes for entries of this note that did not pass.
    pub verdicts: Vec<String>,
}

/// One person's confirmation of a note.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmationShown {
    pub hash: ContentHash,
    pub staff: StaffId,
    /// Device's clock.
    pub at: Timestamp,
    pub fields: BTreeMap<String, FieldValue>,
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
            let planned = match visit {
                Some(id) => {
                    let planned = visit_of(tx, id)?.ok_or(DeviceError::UnknownVisit(id))?;
                    if planned.patient != *patient {
                        return Err(DeviceError::VisitOfAnotherPatient(id));
                    }
                    Some(planned)
                }
                None => {
                    let today = day_in_japan(now);
                    let mut planned = visits(tx, Some(patient))?
                        .into_iter()
                        .filter(|v| v.patient == *patient && v.staff == staff && v.date == today);
                    planned.next().filter(|_| planned.next().is_none())
                }
            };
            let visit = planned.as_ref().map(|planned| planned.id);
            // Both are kept: the slot that was planned and the times it really took.
            let slot = planned.and_then(|v| Some((instant_in_japan(v.date.to_datetime(v.start))?, v.minutes)));
            let note = visit.map_or_else(|| DocumentId::from_random(random), DocumentId::of_planned_visit);
            // The note of this visit was closed (wrong patient, duplicate …): the visit itself still wants one.
            let mut note = note;
            while tx.note(note)?.is_some_and(|stored| stored.row.state == NoteState::Closed) {
                note = DocumentId::derive("visit note after", &note.0);
            }
            if !tx.confirmations(note)?.is_empty() {
                return Ok(note);
            }
            let mut open = OpenNote::load_or_new(tx, (note, Form::VisitNote), patient, visit, self.hand(), now)?;
            let about = About { patient: patient.clone(), station: about_station, visit };
            let change = open.draft.begin(&about, slot, now)?;
            open.store(tx, change, now)?;
            Ok(note)
        })?;
        self.changed();
        Ok(note)
    }

    /// Writes one value as a person typed it. Nothing typed takes a mistaken value away.
    pub fn set_field(&self, note: DocumentId, field: &str, typed: &str, now: Timestamp) -> Result<(), DeviceError> {
        self.edit(note, field, now, |draft, day| {
            let field = draft.form().field(field)?;
            if typed.trim().is_empty() {
                return Ok(draft.clear(field, now)?);
            }
            Ok(draft.set(field, field.parse(typed, day)?, now)?)
        })
    }

    /// Settles or writes a value that is already read (a picked side of a conflict, a chip).
    pub fn set_value(
        &self,
        note: DocumentId,
        field: &str,
        value: FieldValue,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        self.edit(note, field, now, |draft, _| Ok(draft.set(draft.form().field(field)?, value, now)?))
    }

    /// 測定せず, with the reason.
    pub fn set_unmeasured(
        &self,
        note: DocumentId,
        field: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        self.edit(note, field, now, |draft, _| {
            let field = draft.form().field(field)?;
            Ok(draft.set(field, field.unmeasured(reason)?, now)?)
        })
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
        self.write(|tx| {
            // A colleague's confirmation may have arrived while she typed: her words then stand as a proposed amendment.
            self.take_foreign_line(tx, note, field)?;
            let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
            let mut open = OpenNote::from_stored(stored, self.hand())?;
            let field = open.row.form.field(field)?;
            let change = open.draft.edit_text(field, shown, typed, now)?;
            open.store(tx, change, now)?;
            Ok(tx.clear_journal(note, field.name)?)
        })?;
        self.changed();
        Ok(())
    }

    /// Replaces a text by another whole one, against what stands there now.
    pub fn replace_text(&self, note: DocumentId, field: &str, typed: &str, now: Timestamp) -> Result<(), DeviceError> {
        self.edit(note, field, now, |draft, _| {
            let field = draft.form().field(field)?;
            let shown = draft.view()?.text(field.name).to_string();
            Ok(draft.edit_text(field, &shown, typed, now)?)
        })
    }

    /// Keeps what is being typed until it becomes a change. Cheap: one small sealed row.
    pub fn keep_typed(&self, entry: &JournalEntryOf<'_>, now: Timestamp) -> Result<(), DeviceError> {
        self.write(|tx| {
            let row = tx.note_row(entry.note)?.ok_or(DeviceError::UnknownNote(entry.note))?;
            let line = JournalEntry {
                note: entry.note,
                field: entry.field.to_string(),
                shown: entry.shown.to_string(),
                typed: entry.typed.to_string(),
                at: now,
                session: self.session(),
            };
            self.take_foreign_line(tx, entry.note, entry.field)?;
            Ok(tx.put_journal(&row.patient, &line)?)
        })
    }

    /// What another session left in the journal for this field (an app that died a moment ago, another window) becomes a
    /// change before this one's line takes its place.
    pub(crate) fn take_foreign_line(&self, tx: &mut Tx<'_>, note: DocumentId, field: &str) -> Result<(), DeviceError> {
        match tx.journal_line(note, field)? {
            Some(line) if line.session != self.session() => {
                let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
                let mut open = OpenNote::from_stored(stored, self.hand())?;
                take_line(tx, &mut open, &line)
            }
            _ => Ok(()),
        }
    }

    /// Makes everything that is being typed in a note a change.
    pub(crate) fn take_lines_of(&self, tx: &mut Tx<'_>, note: DocumentId) -> Result<(), DeviceError> {
        for line in typed_lines(tx)?.into_iter().filter(|line| line.note == note) {
            let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
            let mut open = OpenNote::from_stored(stored, self.hand())?;
            take_line(tx, &mut open, &line)?;
        }
        Ok(())
    }

    /// Makes everything that is being typed a change, however young it is.
    pub(crate) fn take_all_lines(&self) -> Result<(), DeviceError> {
        self.write(|tx| {
            let notes: std::collections::BTreeSet<DocumentId> =
                typed_lines(tx)?.into_iter().map(|line| line.note).collect();
            notes.into_iter().try_for_each(|note| self.take_lines_of(tx, note))
        })
    }

    pub(crate) fn recover_journal(&self, now: Timestamp) -> Result<(), DeviceError> {
        let left = self.read(typed_lines)?;
        for line in left {
            // A line this young is still being typed in another window.
            if now.duration_since(line.at).abs() < LIVE_LINE {
                continue;
            }
            let kept = self.write(|tx| {
                let stored = tx.note(line.note)?.ok_or(DeviceError::UnknownNote(line.note))?;
                let mut open = OpenNote::from_stored(stored, self.hand())?;
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
        let signing = self.signing_key()?;
        let staff = self.identity().staff.clone();
        self.write(|tx| {
            let mut open = OpenNote::load(tx, note, self.hand())?;
            // What is still in the journal was typed before the confirmation and belongs to it.
            for line in typed_lines(tx)?.into_iter().filter(|line| line.note == note) {
                take_line(tx, &mut open, &line)?;
            }
            self.before_confirmation(tx, &mut open, now)?;
            let parted = open.draft.part_photos(now)?;
            open.store(tx, parted, now)?;
            let context = context(tx, &open.row, self.hand())?;
            let signed = open.draft.confirm(&staff, self.actor().device, &signing, now, &context)?;
            let patient = open.row.patient.clone();
            freeze(tx, &mut open, self.hand())?;
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
            tx.put_copy(&vault::Written {
                doc: note,
                patient: &entry.patient,
                kind: Kind::Confirmation,
                hash: signed.hash(),
                bytes: &entry.bytes,
                at: now.as_millisecond(),
            })?;
            tx.put_entry(&entry)?;
            open.row.author = Some(staff.clone());
            open.row.changed_at = now;
            open.settle(tx)
        })?;
        self.changed();
        Ok(())
    }

    /// One note, whole.
    pub fn show_note(&self, note: DocumentId) -> Result<NoteShown, DeviceError> {
        self.read(|tx| show(tx, note, self.hand()))
    }

    /// Light rows, latest first.
    pub fn note_rows(&self, patient: Option<&PatientId>) -> Result<Vec<NoteRow>, DeviceError> {
        self.read(|tx| Ok(tx.note_rows(Form::VisitNote, patient)?))
    }

    /// The last values measured in confirmed notes of a patient, other than `note`.
    pub fn previous_values(
        &self,
        patient: &PatientId,
        note: DocumentId,
    ) -> Result<BTreeMap<String, FieldValue>, DeviceError> {
        self.read(|tx| {
            let mut rows = tx.note_rows(Form::VisitNote, Some(patient))?;
            rows.retain(|row| row.note != note && row.state == NoteState::Confirmed);
            rows.sort_by_key(|row| std::cmp::Reverse(row.started_at));
            let mut values = BTreeMap::new();
            for row in rows.into_iter().take(6) {
                // One that cannot be read is left out: what stands before it is still worth showing.
                let Ok(of_row) = confirmed_values(tx, &row) else { continue };
                for (name, value) in of_row {
                    values.entry(name).or_insert(value);
                }
            }
            Ok(values)
        })
    }

    pub(crate) fn edit(
        &self,
        note: DocumentId,
        field: &str,
        now: Timestamp,
        work: impl FnOnce(&mut Draft, jiff::civil::Date) -> Result<Option<RawChange>, DeviceError>,
    ) -> Result<(), DeviceError> {
        self.write(|tx| {
            let mut open = OpenNote::load(tx, note, self.hand())?;
            let day = match open.row.visit {
                Some(id) => visit_of(tx, id)?.map(|v| v.date),
                None => None,
            };
            let change = work(&mut open.draft, day.unwrap_or_else(|| day_in_japan(now)))?;
            open.store(tx, change, now)?;
            // What the crash journal held of this field is older than what was just decided.
            Ok(tx.clear_journal(note, field)?)
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
    /// A document that can be written in: a confirmed one is refused. A closed draft lives again when it is written in.
    pub(crate) fn load(tx: &mut Tx<'_>, note: DocumentId, hand: Hand<'_>) -> Result<Self, DeviceError> {
        let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
        if !tx.confirmations(note)?.is_empty() {
            return Err(DeviceError::AlreadyConfirmed);
        }
        Self::from_stored(stored, hand)
    }

    pub(crate) fn from_stored(stored: vault::StoredNote, hand: Hand<'_>) -> Result<Self, DeviceError> {
        let mut draft = Draft::load(stored.row.note, stored.row.form, &stored.document, &stored.tail, hand.actor)?;
        draft.written_by(hand.staff);
        Ok(Self { draft, dirty: stored.dirty, sent: stored.sent, tail: stored.tail.len(), row: stored.row })
    }

    /// The stored document, or one made from nothing that nothing has been written into.
    pub(crate) fn load_or_new(
        tx: &mut Tx<'_>,
        (note, form): (DocumentId, Form),
        patient: &PatientId,
        visit: Option<VisitId>,
        hand: Hand<'_>,
        now: Timestamp,
    ) -> Result<Self, DeviceError> {
        if let Some(stored) = tx.note(note)? {
            return Self::from_stored(stored, hand);
        }
        Ok(Self::around(Draft::new(note, form, hand.actor), patient, visit, hand, now))
    }

    /// A document that stands in no row yet.
    pub(crate) fn around(
        mut draft: Draft,
        patient: &PatientId,
        visit: Option<VisitId>,
        hand: Hand<'_>,
        now: Timestamp,
    ) -> Self {
        draft.written_by(hand.staff);
        let row = NoteRow { visit, ..NoteRow::draft(draft.id(), draft.form(), patient.clone(), now) };
        Self { row, draft, dirty: false, sent: 0, tail: 0 }
    }

    /// Brings the light row's state up to the confirmations and acts that stand here, and stores it.
    pub(crate) fn settle(mut self, tx: &mut Tx<'_>) -> Result<(), DeviceError> {
        let confirmations = tx.confirmations(self.row.note)?;
        let hashes: Vec<ContentHash> = confirmations.iter().map(|c| c.signed.hash()).collect();
        let acts = acts(tx, self.row.note, &self.row.patient)?;
        self.row.state = NoteState::of(&hashes, &Acts::open(self.row.note, &acts), self.draft.outline()?.closed);
        if !hashes.is_empty() {
            let signed = confirmations.into_iter().map(|c| c.signed).collect();
            if let VisitNote::Confirmed(mut confirmed) = VisitNote::from_parts(self.draft, signed, &acts)? {
                let view = confirmed.view()?;
                self.row.state = NoteState::of(&hashes, confirmed.acts(), view.closed);
                self.row.started_at = view.time("started_at");
                self.row.ended_at = view.time("ended_at");
                self.row.has_conflict = !view.conflicts.is_empty();
                self.row.author = Some(confirmed.frozen().staff.clone());
                self.row.visit = confirmed.frozen().about.visit;
                self.row.has_late_edits = confirmed.amendments()?.iter().any(|a| a.state == AmendmentState::Proposed);
            }
        }
        Ok(tx.put_note(&self.row, None, self.dirty, self.sent)?)
    }

    /// Puts one own change back: change, list row and dirty mark.
    pub(crate) fn store(
        &mut self,
        tx: &mut Tx<'_>,
        change: Option<RawChange>,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let Some(change) = change else { return Ok(()) };
        tx.put_copy(&vault::Written {
            doc: self.row.note,
            patient: &self.row.patient,
            kind: Kind::from(self.row.form.tag()),
            hash: ContentHash(change.hash.0),
            bytes: &change.bytes,
            at: now.as_millisecond(),
        })?;
        self.dirty = true;
        self.row.heads = self.draft.heads();
        self.row.changed_at = self.row.changed_at.max(now);
        if matches!(self.row.state, NoteState::Draft | NoteState::Closed) {
            self.refresh_row(tx)?;
        }
        if self.tail >= TAIL_LIMIT || self.draft.must_be_saved_whole() {
            self.compact(tx)
        } else {
            tx.put_note(&self.row, None, self.dirty, self.sent)?;
            Ok(tx.add_change(self.row.note, &self.row.patient, &change)?)
        }
    }

    pub(crate) fn compact(&mut self, tx: &mut Tx<'_>) -> Result<(), DeviceError> {
        let document = self.draft.save();
        self.row.heads = self.draft.heads();
        Ok(tx.put_note(&self.row, Some(&document), self.dirty, self.sent)?)
    }

    /// Brings the light row up to what the document says.
    pub(crate) fn refresh_row(&mut self, tx: &mut Tx<'_>) -> Result<(), DeviceError> {
        if !tx.confirmations(self.row.note)?.is_empty() {
            return Ok(());
        }
        let view = self.draft.outline()?;
        self.row.state = NoteState::of(&[], &Acts::default(), view.closed);
        self.row.started_at = view.time("started_at");
        self.row.ended_at = view.time("ended_at");
        self.row.has_conflict = !view.conflicts.is_empty();
        if let Some(about) = &view.about {
            self.row.visit = about.visit;
        }
        self.row.author = view.begun_by.clone();
        Ok(())
    }
}

/// Numbers and freezes what no entry carries yet. Afterwards the note is clean and compact.
pub(crate) fn freeze(tx: &mut Tx<'_>, open: &mut OpenNote, hand: Hand<'_>) -> Result<(), DeviceError> {
    let new = open.draft.entry_of(hand.actor.device, open.sent)?;
    keep_frozen(tx, open, new)
}

fn keep_frozen(tx: &mut Tx<'_>, open: &mut OpenNote, new: Option<NewEntry>) -> Result<(), DeviceError> {
    if let Some(new) = new {
        let entry = Entry {
            seq: tx.next_seq()?,
            doc: open.row.note,
            patient: open.row.patient.clone(),
            kind: Kind::from(open.row.form.tag()),
            enc: new.encoding.into(),
            hash: new.hash,
            bytes: new.bytes,
        };
        tx.put_entry(&entry)?;
        open.sent = new.up_to;
        if new.encoding == Encoding::Columns {
            // What leaves is all of it: it need not be written down once more to be kept.
            open.dirty = false;
            open.row.heads = open.draft.heads();
            return Ok(tx.put_note(&open.row, Some(&entry.bytes), open.dirty, open.sent)?);
        }
    }
    open.dirty = false;
    open.compact(tx)
}

/// Freezes every note with unsent changes, oldest first.
pub(crate) fn freeze_all(tx: &mut Tx<'_>, hand: Hand<'_>) -> Result<(), DeviceError> {
    for note in tx.dirty_notes()? {
        // One note that cannot be read, or that no entry can hold, stays unsent and counted; the others go (law 4).
        let frozen = tx.note(note).map_err(DeviceError::from).and_then(|stored| {
            let mut open = OpenNote::from_stored(stored.ok_or(DeviceError::UnknownNote(note))?, hand)?;
            let new = open.draft.entry_of(hand.actor.device, open.sent)?;
            Ok((open, new))
        });
        match frozen {
            Ok((mut open, new)) => keep_frozen(tx, &mut open, new)?,
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => tracing::warn!(%note, %error, "a note cannot be read or frozen and stays unsent"),
        }
    }
    Ok(())
}

/// What is being typed in fields. What is being said of notes beside them (`half_typed`) becomes no change of a document.
fn typed_lines(tx: &mut Tx<'_>) -> Result<Vec<JournalEntry>, DeviceError> {
    Ok(tx.journal()?.into_iter().filter(|line| !half_typed::is_of_act(line)).collect())
}

/// Makes a journal's line into a change, in the same transaction that clears it. Late for a confirmed note: a proposal.
fn take_line(tx: &mut Tx<'_>, open: &mut OpenNote, line: &JournalEntry) -> Result<(), DeviceError> {
    let field = open.row.form.field(&line.field)?;
    let change = match field.kind {
        FieldKind::Text(_) => open.draft.recover_text(field, &line.shown, &line.typed, line.at)?,
        // A value that was half typed may be none: what cannot be read is left out, as the screen would have refused it.
        _ => match field.parse(&line.typed, day_in_japan(line.at)) {
            Ok(value) => open.draft.set(field, value, line.at)?,
            Err(_) => return Ok(tx.clear_journal(line.note, field.name)?),
        },
    };
    open.store(tx, change, line.at)?;
    Ok(tx.clear_journal(line.note, field.name)?)
}

/// Planned visits, of one patient or of all, the earliest first.
pub(crate) fn visits(tx: &mut Tx<'_>, patient: Option<&PatientId>) -> Result<Vec<Visit>, DeviceError> {
    Ok(in_order(&tx.items(Kind::Visit, patient)?))
}

/// Those of one day.
pub(crate) fn visits_on(
    tx: &mut Tx<'_>,
    day: jiff::civil::Date,
    patient: Option<&PatientId>,
) -> Result<Vec<Visit>, DeviceError> {
    Ok(in_order(&tx.visits_on(day, patient)?))
}

fn in_order(items: &[Item]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = items.iter().filter_map(|item| canonical::from_bytes(&item.body).ok()).collect();
    visits.sort_by_key(|v| (v.date, v.start));
    visits
}

pub(crate) fn visit_of(tx: &mut Tx<'_>, id: VisitId) -> Result<Option<Visit>, DeviceError> {
    Ok(tx.item(Kind::Visit, id)?.and_then(|item| canonical::from_bytes(&item.body).ok()))
}

/// The signed acts about a note.
pub(crate) fn acts(tx: &mut Tx<'_>, note: DocumentId, patient: &PatientId) -> Result<Vec<SignedAct>, DeviceError> {
    Ok(tx.acts(note, patient)?.into_iter().filter(|act| !act.refused).map(|act| act.signed).collect())
}

/// What a confirmed note reads, with the corrections in effect. Its document is not opened: lists ask for many.
pub(crate) fn confirmed_values(tx: &mut Tx<'_>, row: &NoteRow) -> Result<Values, DeviceError> {
    let confirmations = tx.confirmations(row.note)?.into_iter().map(|c| c.signed).collect();
    let acts = acts(tx, row.note, &row.patient)?;
    Ok(record::visit_note::confirmed_values(row.note, confirmations, &acts)?)
}

/// A stored document as draft or confirmed note.
pub(crate) fn open_whole(
    tx: &mut Tx<'_>,
    note: DocumentId,
    hand: Hand<'_>,
) -> Result<(NoteRow, VisitNote), DeviceError> {
    let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
    let row = stored.row.clone();
    let confirmations = tx.confirmations(note)?.into_iter().map(|c| c.signed).collect();
    let acts = acts(tx, note, &row.patient)?;
    let open = OpenNote::from_stored(stored, hand)?;
    Ok((row, VisitNote::from_parts(open.draft, confirmations, &acts)?))
}

/// What the document cannot know: whether the month's GAF is due (精神科訪問看護).
fn context(tx: &mut Tx<'_>, row: &NoteRow, hand: Hand<'_>) -> Result<ConfirmContext, DeviceError> {
    if row.form != Form::VisitNote {
        return Ok(ConfirmContext::default());
    }
    let Some(day) = row.started_at.map(day_in_japan) else { return Ok(ConfirmContext::default()) };
    let orders = read::all::<record::NursingOrder>(tx, Kind::Order, Some(&row.patient))?;
    if !orders.iter().any(|order| order.psychiatric && order.holds_on(day)) {
        return Ok(ConfirmContext::default());
    }
    let this_month = |row: &NoteRow| {
        row.state == NoteState::Confirmed
            && row.started_at.map(day_in_japan).is_some_and(|d| (d.year(), d.month()) == (day.year(), day.month()))
    };
    for other in tx.note_rows(Form::VisitNote, Some(&row.patient))?.iter().filter(|other| this_month(other)) {
        // A note that cannot be read cannot say that the GAF was judged: it is asked again, nothing is refused for it.
        let has_gaf = |tx: &mut Tx<'_>| -> Result<bool, DeviceError> {
            Ok(open_whole(tx, other.note, hand)?.1.view()?.fields.contains_key("gaf"))
        };
        if other.note != row.note && has_gaf(tx).unwrap_or(false) {
            return Ok(ConfirmContext { needs_gaf: false });
        }
    }
    Ok(ConfirmContext { needs_gaf: true })
}

/// 同じ訪問ですか: an unplanned note beside another of the same patient whose times overlap, or of the same day where
/// times are missing. Never merged by the machine.
fn same_visit(tx: &mut Tx<'_>, row: &NoteRow) -> Result<Vec<DocumentId>, DeviceError> {
    if row.form != Form::VisitNote || row.state == NoteState::Closed {
        return Ok(Vec::new());
    }
    let others = tx.note_rows(Form::VisitNote, Some(&row.patient))?;
    let looks_alike = |other: &&NoteRow| {
        let (Some(mine), Some(theirs)) = (row.started_at, other.started_at) else { return false };
        let overlap = match (row.ended_at, other.ended_at) {
            (Some(my_end), Some(their_end)) => mine < their_end && theirs < my_end,
            _ => day_in_japan(mine) == day_in_japan(theirs),
        };
        other.note != row.note
            && other.state != NoteState::Closed
            && (row.visit.is_none() || other.visit.is_none())
            && overlap
    };
    Ok(others.iter().filter(looks_alike).map(|other| other.note).collect())
}

pub(crate) fn show(tx: &mut Tx<'_>, note: DocumentId, hand: Hand<'_>) -> Result<NoteShown, DeviceError> {
    let received = tx.confirmations(note)?.into_iter().map(|c| (c.signed.hash(), c.at)).collect::<Vec<_>>();
    let (row, mut visit_note) = open_whole(tx, note, hand)?;
    let view = visit_note.view()?;
    let unsent = tx.is_unsent(note)?;
    let outbox = tx.outbox_of(note)?;
    let last = outbox.iter().rev().find(|row| row.received.is_some());
    let mut shown = NoteShown {
        state: visit_note.state_of(&view),
        author: row.author.clone(),
        view,
        confirmed_fields: None,
        amendments: Vec::new(),
        confirmations: Vec::new(),
        closing: None,
        same_visit: same_visit(tx, &row)?,
        context: context(tx, &row, hand)?,
        receipt: None,
        unsent,
        verdicts: outbox.iter().filter_map(|row| row.verdict.clone()).collect(),
        row,
    };
    let mut receipted = last.and_then(|row| row.received);
    if let VisitNote::Confirmed(confirmed) = &mut visit_note {
        shown.author = Some(confirmed.frozen().staff.clone());
        shown.confirmed_fields = Some(confirmed.confirmed_fields());
        shown.amendments = confirmed.amendments()?;
        for signed in std::iter::once(confirmed.signed()).chain(confirmed.competing()) {
            let frozen = signed.open(note)?;
            shown.confirmations.push(ConfirmationShown {
                hash: signed.hash(),
                staff: frozen.staff,
                at: frozen.confirmed_at,
                fields: frozen.fields,
            });
        }
        let stands = confirmed.signed().hash();
        shown.closing = confirmed.acts().closing_on(stands).cloned();
        receipted = received.iter().find(|(hash, _)| *hash == stands).and_then(|(_, at)| *at);
    }
    let received_at = receipted.filter(|_| !unsent).and_then(|at| Timestamp::from_millisecond(at).ok());
    shown.receipt = received_at.map(|received_at| NoteReceipt {
        seq: last.filter(|row| row.received == receipted).map(|row| row.seq),
        received_at,
    });
    Ok(shown)
}

#[cfg(test)]
#[path = "note_tests.rs"]
mod tests;
