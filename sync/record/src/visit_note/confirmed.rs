//! 確定: the draft frozen into canonical CBOR, hashed, and signed with the device's key. Works offline.

use super::amendment::{Act, Acts, Amendment, AmendmentState, Correction, Proposal, SignedAct, late_edit};
use super::draft::{About, Draft, DraftError, NoteView};
use super::fields::{CLOSING, FieldKind, FieldValue};
use super::required::{self, ConfirmContext, ConfirmError};
use super::signed::{self, ConfirmationError};
use crate::canonical::{self, CborError};
use crate::form::Form;
use crate::ids::{ChangeHash, ContentHash, DeviceId, DocumentId, StaffId};
use crate::text_merge;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the signature stands under, so that it can never be taken for another statement.
const PURPOSE: &[u8] = b"tsutsuji confirmation v1";

/// The frozen note. Field names are part of the signed bytes: add, never rename.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenNote {
    pub v: u8,
    pub note: DocumentId,
    /// Left out for a visit note.
    #[serde(default, skip_serializing_if = "is_visit_note")]
    pub form: Form,
    pub about: About,
    /// Author and confirmer (記録の確定者).
    pub staff: StaffId,
    pub device: DeviceId,
    /// The device's clock.
    pub confirmed_at: Timestamp,
    /// The document's heads: what the confirmer had before her.
    pub heads: Vec<ChangeHash>,
    pub fields: BTreeMap<String, FieldValue>,
}

fn is_visit_note(form: &Form) -> bool {
    *form == Form::VisitNote
}

/// The frozen bytes with the signature and the key that made it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedConfirmation {
    #[serde(with = "serde_bytes")]
    pub frozen: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub signature: Vec<u8>,
}

impl Draft {
    /// Freezes and signs. The draft's document stays as it is; what comes later becomes a proposed amendment.
    pub fn confirm(
        &mut self,
        staff: &StaffId,
        device: DeviceId,
        key: &SigningKey,
        at: Timestamp,
        context: &ConfirmContext,
    ) -> Result<SignedConfirmation, ConfirmError> {
        let view = self.view()?;
        required::check_complete(self.form(), &view, context)?;
        let frozen = FrozenNote {
            v: 1,
            note: self.id(),
            form: self.form(),
            about: view.about.ok_or(ConfirmError::NoPatient)?,
            staff: staff.clone(),
            device,
            confirmed_at: at,
            heads: self.heads(),
            fields: view.fields,
        };
        let frozen = canonical::to_bytes(&frozen)?;
        let signature = signed::sign(PURPOSE, &frozen, key);
        Ok(SignedConfirmation { frozen, key: key.verifying_key().to_bytes().to_vec(), signature })
    }
}

impl SignedConfirmation {
    /// The entry's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CborError> {
        canonical::to_bytes(self)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConfirmationError> {
        canonical::from_bytes(bytes).map_err(|_| ConfirmationError::Unreadable)
    }

    /// SHA-256 of the frozen bytes: the confirmed note's name.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(&self.frozen)
    }

    /// The hash of the entry that carries it.
    pub fn entry_hash(&self, note: DocumentId) -> ContentHash {
        super::changes::entry_hash(note, &[ChangeHash(self.hash().0)])
    }

    /// Checks the signature and that it confirms this note. Whether the key belonged to the device is for the hub's key list.
    pub fn open(&self, note: DocumentId) -> Result<FrozenNote, ConfirmationError> {
        signed::check(PURPOSE, &self.frozen, &self.key, &self.signature)?;
        let frozen: FrozenNote = canonical::from_bytes(&self.frozen).map_err(|_| ConfirmationError::Unreadable)?;
        if frozen.note == note { Ok(frozen) } else { Err(ConfirmationError::OtherNote) }
    }
}

/// 確定済 — frozen. There is no way to edit it; corrections stand beside it, and what arrives late is a proposal.
pub struct Confirmed {
    signed: SignedConfirmation,
    frozen: FrozenNote,
    competing: Vec<SignedConfirmation>,
    acts: Acts,
    document: Draft,
}

impl Confirmed {
    /// `confirmations` in the order of the hub's receipts: the first stands, unless the manager chose another.
    pub(super) fn new(
        confirmations: Vec<SignedConfirmation>,
        acts: &[SignedAct],
        document: Draft,
    ) -> Result<Self, ConfirmationError> {
        let Standing { signed, frozen, competing, acts } = Standing::of(document.id(), confirmations, acts)?;
        Ok(Self { signed, frozen, competing, acts, document })
    }

    pub fn frozen(&self) -> &FrozenNote {
        &self.frozen
    }

    pub fn signed(&self) -> &SignedConfirmation {
        &self.signed
    }

    /// Other confirmations of the same draft: until the manager has chosen, nobody knows which stands.
    pub fn competing(&self) -> &[SignedConfirmation] {
        &self.competing
    }

    /// The one that stands, then the others.
    pub fn confirmations(&self) -> Vec<ContentHash> {
        std::iter::once(&self.signed).chain(&self.competing).map(SignedConfirmation::hash).collect()
    }

    pub fn acts(&self) -> &Acts {
        &self.acts
    }

    /// The fields as they were confirmed, byte for byte.
    pub fn confirmed_fields(&self) -> BTreeMap<String, FieldValue> {
        typed(self.frozen.form, &self.frozen.fields)
    }

    /// The note as it reads with the corrections in effect.
    pub fn view(&mut self) -> Result<NoteView, DraftError> {
        let mut fields = self.confirmed_fields();
        let conflicts = self.acts.correct(self.frozen.form, &mut fields);
        let closed = self.acts.is_closed_on(self.signed.hash()) || has_closing(&fields);
        Ok(NoteView {
            about: Some(self.frozen.about.clone()),
            authors: self.document.authors()?,
            begun_by: Some(self.frozen.staff.clone()),
            fields,
            conflicts,
            equal_edits: Vec::new(),
            closed,
        })
    }

    /// Every correction, and every late edit that nobody has decided about.
    pub fn amendments(&mut self) -> Result<Vec<Amendment>, DraftError> {
        let mut amendments = self.acts.amendments(self.frozen.form);
        let decided: Vec<ContentHash> = amendments.iter().map(|amendment| amendment.id).collect();
        amendments.extend(self.proposed()?.into_iter().filter(|proposed| !decided.contains(&proposed.id)));
        Ok(amendments)
    }

    /// A late edit as a person decides about it.
    pub fn proposal(&mut self, amendment: ContentHash) -> Result<Option<Proposal>, DraftError> {
        let over = self.acts.standing_decisions(amendment);
        let open = self.late_edits()?.into_iter().find(|(proposal, _)| proposal.amendment == amendment);
        Ok(open.map(|(proposal, _)| Proposal { over, ..proposal }))
    }

    /// 訂正の提案: late edits that nobody has decided about.
    fn proposed(&mut self) -> Result<Vec<Amendment>, DraftError> {
        let proposed = self.late_edits()?.into_iter().map(|(proposal, reason)| Amendment {
            id: proposal.amendment,
            field: proposal.correction.field,
            before: proposal.correction.before,
            after: proposal.correction.after,
            staff: proposal.by,
            at: proposal.at,
            reason,
            state: AmendmentState::Proposed,
            decided_by: None,
            decided_at: None,
        });
        Ok(proposed.collect())
    }

    /// Every field that reads otherwise in the document than the note does, because of changes that the confirmation did
    /// not know (late is by cause, not by arrival), and every correction that was made on another confirmation.
    fn late_edits(&mut self) -> Result<Vec<(Proposal, String)>, DraftError> {
        let reads = self.view()?.fields;
        let confirmed = self.confirmed_fields();
        let mut edits: Vec<(Proposal, String)> = Vec::new();
        let mut wanted: Vec<(String, Option<FieldValue>, Option<StaffId>, Option<Timestamp>)> = Vec::new();
        // While something that was confirmed has not arrived, nobody can say what is late.
        if self.frozen.heads.iter().all(|head| self.document.knows(*head)) {
            let late = self.document.late_changes(&self.frozen.heads);
            if !late.is_empty() {
                let now = self.document.view()?;
                for conflict in &now.conflicts {
                    let known = confirmed.get(&conflict.field);
                    // The side that was confirmed is not late, whatever a correction has made of it since.
                    for side in conflict.values.iter().filter(|side| known != Some(&side.value)) {
                        wanted.push((conflict.field.clone(), Some(side.value.clone()), side.staff.clone(), side.at));
                    }
                }
                let in_conflict = |name: &String| now.conflicts.iter().any(|c| c.field == *name);
                let names: std::collections::BTreeSet<&String> = confirmed.keys().chain(now.fields.keys()).collect();
                for name in names.into_iter().filter(|name| !in_conflict(name)) {
                    let value = now.fields.get(name).cloned();
                    let untouched = confirmed.get(name) == value.as_ref() && self.acts.standing_on(name).is_empty();
                    if !untouched && reads.get(name) != value.as_ref() {
                        let (staff, at) = self.document.late_writer(name, &late)?;
                        // Nobody late touched it: it reads otherwise by a correction alone.
                        if staff.is_some() || at.is_some() {
                            wanted.push((name.clone(), value, staff, at));
                        }
                    }
                }
            }
        }
        for (field, value, by, at) in wanted {
            let before = reads.get(&field).cloned();
            let after = match (self.form_field_is_text(&field), &value) {
                // What a correction put into a text meanwhile stays: the late edit is brought onto what reads now.
                (true, Some(FieldValue::Word(typed))) => {
                    let words = |value: Option<&FieldValue>| match value {
                        Some(FieldValue::Word(word)) => word.clone(),
                        _ => String::new(),
                    };
                    let (was, is) = (words(confirmed.get(&field)), words(before.as_ref()));
                    Some(FieldValue::Word(text_merge::apply(&is, &text_merge::splices_onto(&was, typed, &is))))
                }
                _ => value.clone(),
            };
            edits.extend(self.edit(field, value, before, after, (by, at), "late".to_string()));
        }
        let elsewhere: Vec<_> = self.acts.elsewhere().map(|(act, c)| (act.clone(), c.clone())).collect();
        for (act, correction) in elsewhere {
            let before = reads.get(&correction.field).cloned();
            let value = correction.after.map(|value| typed_value(self.frozen.form, &correction.field, value));
            let who = (Some(act.staff), Some(act.at));
            edits.extend(self.edit(correction.field, value.clone(), before, value, who, act.reason));
        }
        edits.retain(|(proposal, _)| proposal.correction.before != proposal.correction.after);
        Ok(edits)
    }

    fn edit(
        &self,
        field: String,
        value: Option<FieldValue>,
        before: Option<FieldValue>,
        after: Option<FieldValue>,
        (by, at): (Option<StaffId>, Option<Timestamp>),
        reason: String,
    ) -> Option<(Proposal, String)> {
        let amendment = late_edit(self.frozen.note, &field, &value)?;
        let correction = Correction { over: self.acts.standing_on(&field), field, before, after };
        Some((Proposal { amendment, by, at, value, correction, over: Vec::new() }, reason))
    }

    fn form_field_is_text(&self, field: &str) -> bool {
        self.frozen.form.field(field).is_ok_and(|field| field.is_text())
    }

    /// The confirmation that an act about this note names.
    pub fn act(&self, staff: &StaffId, device: DeviceId, at: Timestamp, reason: &str, what: super::What) -> Act {
        Act {
            v: 1,
            note: self.frozen.note,
            patient: self.frozen.about.patient.clone(),
            station: self.frozen.about.station.clone(),
            on: self.signed.hash(),
            staff: staff.clone(),
            device,
            at,
            reason: reason.to_string(),
            what,
        }
    }
}

/// The confirmation that stands, the others, and the acts as they are about it.
struct Standing {
    signed: SignedConfirmation,
    frozen: FrozenNote,
    competing: Vec<SignedConfirmation>,
    acts: Acts,
}

impl Standing {
    fn of(
        note: DocumentId,
        mut confirmations: Vec<SignedConfirmation>,
        acts: &[SignedAct],
    ) -> Result<Self, ConfirmationError> {
        let mut acts = Acts::open(note, acts);
        let chosen = acts.chosen();
        let at = confirmations.iter().position(|signed| Some(signed.hash()) == chosen).unwrap_or(0);
        if at >= confirmations.len() {
            return Err(ConfirmationError::Unreadable);
        }
        let signed = confirmations.remove(at);
        acts.stand_on(signed.hash());
        let frozen = signed.open(note)?;
        Ok(Self { signed, frozen, competing: confirmations, acts })
    }
}

/// What a confirmed note reads, with the corrections in effect, out of its statements alone: its document is not opened.
pub fn confirmed_values(
    note: DocumentId,
    confirmations: Vec<SignedConfirmation>,
    acts: &[SignedAct],
) -> Result<BTreeMap<String, FieldValue>, ConfirmationError> {
    let Standing { frozen, acts, .. } = Standing::of(note, confirmations, acts)?;
    let mut fields = typed(frozen.form, &frozen.fields);
    acts.correct(frozen.form, &mut fields);
    Ok(fields)
}

/// A closing outcome, also by correction.
pub fn has_closing(fields: &BTreeMap<String, FieldValue>) -> bool {
    matches!(fields.get("outcome"), Some(FieldValue::Word(word)) if CLOSING.contains(&word.as_str()))
}

/// Times and dates were frozen as text; give them their types back, so that a frozen value compares with a living one.
fn typed(form: Form, fields: &BTreeMap<String, FieldValue>) -> BTreeMap<String, FieldValue> {
    fields.iter().map(|(name, value)| (name.clone(), typed_value(form, name, value.clone()))).collect()
}

pub(super) fn typed_value(form: Form, name: &str, value: FieldValue) -> FieldValue {
    let FieldValue::Word(word) = &value else { return value };
    let is_read_mark = name.starts_with(super::draft::READ_MARK);
    let typed = match form.field(name).map(|field| field.kind) {
        Ok(FieldKind::Time) => word.parse().map(FieldValue::Time).ok(),
        Ok(FieldKind::Date) => word.parse().map(FieldValue::Date).ok(),
        Err(_) if is_read_mark => word.parse().map(FieldValue::Time).ok(),
        _ => None,
    };
    typed.unwrap_or(value)
}
