//! What people do about confirmed notes: correct, accept or decline a late edit, choose among competing ones, close,
//! check signatures, read the history. Works offline; each act is signed and goes out like a note.

use crate::error::DeviceError;
use crate::note::{OpenNote, open_whole, visit_of};
use crate::phone::Phone;
use crate::read;
use jiff::Timestamp;
use protocol::{DeviceKey, Entry, Kind};
use record::calendar::day_in_japan;
use record::visit_note::fields::CLOSING;
use record::visit_note::required::check_values;
use record::visit_note::{
    About, ConfirmContext, Confirmed, Correction, Encoding, Field, FieldChange, FieldError, FieldKind, FieldValue,
    KeyValidity, NoteState, Verdict, Version, VisitNote, What, history, signed,
};
use record::{ChangeHash, ContentHash, DeviceId, DocumentId, Form, PatientId, Staff, StaffId, StaffRole};
use vault::Tx;

/// Whose signatures stand under a note, and what each is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct SignatureShown {
    /// `confirmation` or `amendment`.
    pub of: &'static str,
    pub hash: ContentHash,
    pub staff: StaffId,
    pub device: DeviceId,
    /// Device's clock.
    pub at: Timestamp,
    /// Hub's clock.
    pub received_at: Option<Timestamp>,
    pub verdict: Verdict,
}

impl Phone {
    /// 訂正: corrects one field of a confirmed note, with the reason. Nothing typed takes the value away.
    pub fn amend_note(
        &self,
        note: DocumentId,
        field: &str,
        typed: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<ContentHash, DeviceError> {
        self.act(note, reason, now, |tx, confirmed| {
            let field = confirmed.frozen().form.field(field)?;
            let view = confirmed.view()?;
            let day = match confirmed.frozen().about.visit {
                Some(visit) => visit_of(tx, visit)?.map(|visit| visit.date),
                None => view.time("started_at").map(day_in_japan),
            };
            let after = typed_value(field, typed, day.unwrap_or_else(|| day_in_japan(now)))?;
            check_corrected(confirmed, field.name, after.clone())?;
            self.forget_correction(tx, note, field.name, (typed, reason))?;
            Ok(What::Amend(Correction {
                field: field.name.to_string(),
                before: view.fields.get(field.name).cloned(),
                after,
                over: confirmed.acts().standing_on(field.name),
            }))
        })
    }

    /// Decides about a late edit: taken over into the note, or left out. Both stay listed.
    pub fn decide_amendment(
        &self,
        note: DocumentId,
        amendment: ContentHash,
        accept: bool,
        reason: &str,
        now: Timestamp,
    ) -> Result<ContentHash, DeviceError> {
        let default = if accept { "accepted" } else { "declined" };
        let reason = if reason.trim().is_empty() { default } else { reason };
        self.act(note, reason, now, |_, confirmed| {
            let proposal = confirmed.proposal(amendment)?.ok_or(DeviceError::UnknownAmendment(amendment))?;
            Ok(if accept { What::Accept(proposal) } else { What::Decline(proposal) })
        })
    }

    /// 管理者: says which of several confirmations stands. The others stay readable.
    pub fn choose_confirmation(
        &self,
        note: DocumentId,
        confirmation: ContentHash,
        reason: &str,
        now: Timestamp,
    ) -> Result<ContentHash, DeviceError> {
        self.act(note, reason, now, |tx, confirmed| {
            if role(tx, &self.identity().staff)? != Some(StaffRole::Manager) {
                return Err(DeviceError::OnlyManager);
            }
            let among = confirmed.confirmations();
            if !among.contains(&confirmation) {
                return Err(DeviceError::UnknownConfirmation(confirmation));
            }
            Ok(What::Choose { confirmation, among, over: confirmed.acts().standing_choices() })
        })
    }

    /// Closes a note with its reason; `copy_to` puts what was written into a new note of the right patient, which says
    /// where it came from. Never moved, never deleted.
    pub fn close_note(
        &self,
        note: DocumentId,
        outcome: &str,
        reason: &str,
        copy_to: Option<&PatientId>,
        now: Timestamp,
    ) -> Result<Option<DocumentId>, DeviceError> {
        if !CLOSING.contains(&outcome) {
            return Err(FieldError::NotAChoice { field: "outcome", choices: CLOSING.join(", ") }.into());
        }
        if reason.trim().is_empty() {
            return Err(DeviceError::ReasonMissing);
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| DeviceError::Keys)?;
        let copy = self.write(|tx| {
            // What is being typed belongs to what is closed and copied.
            self.take_lines_of(tx, note)?;
            let (row, mut whole) = open_whole(tx, note, self.hand())?;
            let knows_outcome = |form: Form| {
                matches!(form.field("outcome").map(|f| f.kind), Ok(FieldKind::Choice(c)) if c.contains(&outcome))
            };
            if !knows_outcome(row.form) || (copy_to.is_some() && row.form != Form::VisitNote) {
                return Err(DeviceError::NotClosedSo(row.form));
            }
            if copy_to.is_some() && !whole.view()?.conflicts.is_empty() {
                return Err(DeviceError::ConflictsFirst);
            }
            let copy = match copy_to {
                Some(patient) => {
                    Some(self.copy_note(tx, &mut whole, note, patient, DocumentId::from_random(random), now)?)
                }
                None => None,
            };
            match whole {
                VisitNote::Draft(_) => {
                    let mut open = OpenNote::load(tx, note, self.hand())?;
                    let change = open.draft.close(outcome, reason.trim(), copy, now)?;
                    open.store(tx, change, now)?;
                }
                VisitNote::Confirmed(confirmed) => {
                    let me = &self.identity().staff;
                    if confirmed.frozen().staff != *me && role(tx, me)? != Some(StaffRole::Manager) {
                        return Err(DeviceError::OnlyAuthorOrManager);
                    }
                    let what = What::Close { outcome: outcome.to_string(), copied_to: copy };
                    self.put_act(tx, &confirmed, reason, what, now)?;
                }
            }
            self.forget_closing(tx, note, reason)?;
            Ok(copy)
        })?;
        self.changed();
        Ok(copy)
    }

    /// Checks every signature under a note against the hub's list of keys that this device holds. Needs no network.
    pub fn verify_note(&self, note: DocumentId) -> Result<Vec<SignatureShown>, DeviceError> {
        self.read(|tx| {
            let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
            let keys = key_list(tx)?;
            let received = |at: Option<i64>| at.and_then(|at| Timestamp::from_millisecond(at).ok());
            let mut shown = Vec::new();
            for confirmation in tx.confirmations(note)? {
                let signed = confirmation.signed;
                let (frozen, received_at) = (signed.open(note)?, received(confirmation.at));
                shown.push(SignatureShown {
                    of: "confirmation",
                    hash: signed.hash(),
                    verdict: signed::judge(&signed.key, frozen.device, &frozen.staff, received_at, &keys),
                    staff: frozen.staff,
                    device: frozen.device,
                    at: frozen.confirmed_at,
                    received_at,
                });
            }
            if shown.is_empty() {
                return Err(DeviceError::NotConfirmed);
            }
            for stored in tx.acts(note, &stored.row.patient)? {
                let (act, received_at) = (stored.signed.open(note)?, received(stored.at));
                shown.push(SignatureShown {
                    of: "amendment",
                    hash: stored.signed.hash(),
                    verdict: signed::judge(&stored.signed.key, act.device, &act.staff, received_at, &keys),
                    staff: act.staff,
                    device: act.device,
                    at: act.at,
                    received_at,
                });
            }
            Ok(shown)
        })
    }

    /// 更新履歴: every version of a note's document, oldest first.
    pub fn note_history(&self, note: DocumentId) -> Result<Vec<Version>, DeviceError> {
        self.read(|tx| {
            let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
            Ok(OpenNote::from_stored(stored, self.hand())?.draft.history()?)
        })
    }

    /// Any two versions side by side: what reads otherwise in the second.
    pub fn note_difference(
        &self,
        note: DocumentId,
        from: ChangeHash,
        to: ChangeHash,
    ) -> Result<Vec<FieldChange>, DeviceError> {
        self.read(|tx| {
            let stored = tx.note(note)?.ok_or(DeviceError::UnknownNote(note))?;
            let mut draft = OpenNote::from_stored(stored, self.hand())?.draft;
            for version in [from, to] {
                if !draft.knows(version) {
                    return Err(DeviceError::UnknownVersion(version));
                }
            }
            Ok(history::difference(&draft.view_at(&[from])?, &draft.view_at(&[to])?))
        })
    }

    /// What this person is at the station, as the hub said last.
    pub fn own_role(&self) -> Result<Option<StaffRole>, DeviceError> {
        self.read(|tx| role(tx, &self.identity().staff))
    }

    fn act(
        &self,
        note: DocumentId,
        reason: &str,
        now: Timestamp,
        what: impl FnOnce(&mut Tx<'_>, &mut Confirmed) -> Result<What, DeviceError>,
    ) -> Result<ContentHash, DeviceError> {
        if reason.trim().is_empty() {
            return Err(DeviceError::ReasonMissing);
        }
        let hash = self.write(|tx| {
            let (_, whole) = open_whole(tx, note, self.hand())?;
            let VisitNote::Confirmed(mut confirmed) = whole else { return Err(DeviceError::NotConfirmed) };
            let what = what(tx, &mut confirmed)?;
            self.put_act(tx, &confirmed, reason, what, now)
        })?;
        self.changed();
        Ok(hash)
    }

    /// Signs an act and puts it beside the note and into the outbox, in one transaction. Every act passes here.
    fn put_act(
        &self,
        tx: &mut Tx<'_>,
        confirmed: &Confirmed,
        reason: &str,
        what: What,
        now: Timestamp,
    ) -> Result<ContentHash, DeviceError> {
        if !NoteState::of(&confirmed.confirmations(), confirmed.acts(), false).allows(&what) {
            return Err(DeviceError::ChooseFirst);
        }
        let act = confirmed.act(&self.identity().staff, self.actor().device, now, reason.trim(), what);
        let signed = act.sign(&self.signing_key()?).map_err(record::visit_note::ConfirmError::from)?;
        tx.put_act(act.note, &act.patient, &signed, None)?;
        let entry = Entry {
            seq: tx.next_seq()?,
            doc: act.note,
            patient: act.patient,
            kind: Kind::Amendment,
            enc: Encoding::Cbor.into(),
            hash: signed.entry_hash(act.note),
            bytes: signed.to_bytes().map_err(record::visit_note::ConfirmError::from)?,
        };
        tx.put_copy(&vault::Written {
            doc: entry.doc,
            patient: &entry.patient,
            kind: Kind::Amendment,
            hash: signed.hash(),
            bytes: &entry.bytes,
            at: now.as_millisecond(),
        })?;
        tx.put_entry(&entry)?;
        let stored = tx.note(act.note)?.ok_or(DeviceError::UnknownNote(act.note))?;
        let mut open = OpenNote::from_stored(stored, self.hand())?;
        open.row.changed_at = now;
        open.settle(tx)?;
        Ok(signed.hash())
    }

    fn copy_note(
        &self,
        tx: &mut Tx<'_>,
        whole: &mut VisitNote,
        from: DocumentId,
        patient: &PatientId,
        copy: DocumentId,
        now: Timestamp,
    ) -> Result<DocumentId, DeviceError> {
        if tx.items(Kind::Patient, Some(patient))?.is_empty() {
            return Err(DeviceError::UnknownPatient(patient.clone()));
        }
        let view = whole.view()?;
        let mut open = OpenNote::load_or_new(tx, (copy, Form::VisitNote), patient, None, self.hand(), now)?;
        let about = About { patient: patient.clone(), station: self.identity().station.clone(), visit: None };
        let change = open.draft.begin(&about, None, now)?;
        open.store(tx, change, now)?;
        let change = open.draft.copy_of(from, &view, now)?;
        open.store(tx, change, now)?;
        Ok(copy)
    }
}

/// A correction must leave a note that could have been confirmed: no reversed pressure or times, nothing required missing.
fn check_corrected(confirmed: &mut Confirmed, field: &str, after: Option<FieldValue>) -> Result<(), DeviceError> {
    let mut view = confirmed.view()?;
    let context = ConfirmContext::default();
    let was_sound = check_values(confirmed.frozen().form, &view, &context).is_ok();
    match after {
        Some(value) => view.fields.insert(field.to_string(), value),
        None => view.fields.remove(field),
    };
    match check_values(confirmed.frozen().form, &view, &context) {
        Err(error) if was_sound => Err(error.into()),
        _ => Ok(()),
    }
}

/// A value of a correction: a text is taken whole.
fn typed_value(field: &'static Field, typed: &str, day: jiff::civil::Date) -> Result<Option<FieldValue>, DeviceError> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    if field.name == "outcome" && CLOSING.contains(&typed.trim()) {
        return Err(FieldError::Closing.into());
    }
    let FieldKind::Text(limit) = field.kind else { return Ok(Some(field.parse(typed, day)?)) };
    if typed.chars().count() > limit {
        return Err(FieldError::TextTooLong { field: field.name, limit }.into());
    }
    Ok(Some(FieldValue::Word(typed.to_string())))
}

pub(crate) fn role(tx: &mut Tx<'_>, staff: &StaffId) -> Result<Option<StaffRole>, DeviceError> {
    Ok(read::all::<Staff>(tx, Kind::Staff, None)?.into_iter().find(|s| s.id == *staff).map(|s| s.role))
}

/// The hub's list of signing keys, as this device holds it.
pub(crate) fn key_list(tx: &mut Tx<'_>) -> Result<Vec<KeyValidity>, DeviceError> {
    Ok(read::all::<DeviceKey>(tx, Kind::DeviceKey, None)?.into_iter().map(validity).collect())
}

fn validity(key: DeviceKey) -> KeyValidity {
    let time = |at: i64| Timestamp::from_millisecond(at).unwrap_or(Timestamp::MIN);
    KeyValidity {
        device: key.device,
        staff: key.staff,
        key: key.signing_key,
        from: time(key.from),
        until: key.until.map(time),
    }
}
