//! 確定: the draft frozen into canonical CBOR, hashed, and signed with the device's key. Works offline.

use super::draft::{About, Draft, DraftError, NoteView};
use super::fields::{FieldValue, VITALS};
use super::{Amendment, AmendmentState};
use crate::canonical::{self, CborError};
use crate::ids::{ChangeHash, ContentHash, DeviceId, DocumentId, StaffId};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the signature stands under, so that it can never be taken for another statement.
const PURPOSE: &[u8] = b"tsutsuji confirmation v1";

/// The frozen note. Field names are part of the signed bytes: add, never rename.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenNote {
    pub v: u8,
    pub note: DocumentId,
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

/// Why a draft cannot be confirmed yet. Names what is missing, not what was written.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    #[error("not confirmed: fill in {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    #[error("not confirmed: two values stand for {}; choose one of them first", .0.join(", "))]
    OpenConflict(Vec<String>),
    #[error("not confirmed: the visit must end after it began and within 24 hours; correct started_at or ended_at")]
    TimesReversed,
    #[error("not confirmed: the note has no patient yet; start it again from the visit")]
    NoPatient,
    #[error(transparent)]
    Draft(#[from] DraftError),
    #[error(transparent)]
    Cbor(#[from] CborError),
}

/// Why bytes are no valid confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    #[error("the confirmation cannot be read")]
    Unreadable,
    #[error("the signature does not fit the confirmed text: it was changed, or another key made it")]
    WrongSignature,
    #[error("the confirmation belongs to another note")]
    OtherNote,
}

impl Draft {
    /// Freezes and signs. The draft's document stays as it is; what comes later becomes a proposed amendment.
    pub fn confirm(
        &mut self,
        staff: &StaffId,
        device: DeviceId,
        key: &SigningKey,
        at: Timestamp,
    ) -> Result<SignedConfirmation, ConfirmError> {
        let view = self.view()?;
        check_complete(&view)?;
        let frozen = FrozenNote {
            v: 1,
            note: self.id(),
            about: view.about.ok_or(ConfirmError::NoPatient)?,
            staff: staff.clone(),
            device,
            confirmed_at: at,
            heads: self.heads(),
            fields: view.fields,
        };
        let frozen = canonical::to_bytes(&frozen)?;
        let signature = key.sign(&statement(&frozen));
        Ok(SignedConfirmation {
            frozen,
            key: key.verifying_key().to_bytes().to_vec(),
            signature: signature.to_bytes().to_vec(),
        })
    }
}

/// What the statutory note needs before it can be confirmed (domain §3.4; R8 notice: actual start and end).
pub fn check_complete(view: &NoteView) -> Result<(), ConfirmError> {
    if !view.conflicts.is_empty() {
        return Err(ConfirmError::OpenConflict(view.conflicts.iter().map(|c| c.field.clone()).collect()));
    }
    let mut missing = Vec::new();
    let time = |name: &str| match view.fields.get(name) {
        Some(FieldValue::Time(at)) => Some(*at),
        _ => None,
    };
    let (started, ended) = (time("started_at"), time("ended_at"));
    if started.is_none() {
        missing.push("started_at");
    }
    if ended.is_none() {
        missing.push("ended_at");
    }
    if !VITALS.iter().any(|name| view.fields.contains_key(*name)) {
        missing.push("a vital sign or the reason why none was measured");
    }
    if view.fields.get("plan_changed") == Some(&FieldValue::Flag(true))
        && view.text("plan_change_summary").trim().is_empty()
    {
        missing.push("plan_change_summary");
    }
    if !missing.is_empty() {
        return Err(ConfirmError::Missing(missing));
    }
    if let (Some(started), Some(ended)) = (started, ended) {
        let length = ended.duration_since(started);
        if length <= SignedDuration::ZERO || length > SignedDuration::from_hours(24) {
            return Err(ConfirmError::TimesReversed);
        }
    }
    Ok(())
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
        let key = <[u8; 32]>::try_from(self.key.as_slice()).map_err(|_| ConfirmationError::Unreadable)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| ConfirmationError::Unreadable)?;
        let signature = Signature::from_slice(&self.signature).map_err(|_| ConfirmationError::Unreadable)?;
        key.verify_strict(&statement(&self.frozen), &signature).map_err(|_| ConfirmationError::WrongSignature)?;
        let frozen: FrozenNote = canonical::from_bytes(&self.frozen).map_err(|_| ConfirmationError::Unreadable)?;
        if frozen.note == note { Ok(frozen) } else { Err(ConfirmationError::OtherNote) }
    }
}

fn statement(frozen: &[u8]) -> Vec<u8> {
    [PURPOSE, &ContentHash::of(frozen).0].concat()
}

/// 確定済 — frozen. There is no way to edit it; what arrives late stands beside it as a proposal.
pub struct Confirmed {
    signed: SignedConfirmation,
    frozen: FrozenNote,
    competing: Vec<SignedConfirmation>,
    document: Draft,
}

impl Confirmed {
    pub(super) fn new(
        signed: SignedConfirmation,
        competing: Vec<SignedConfirmation>,
        document: Draft,
    ) -> Result<Self, ConfirmationError> {
        let frozen = signed.open(document.id())?;
        Ok(Self { signed, frozen, competing, document })
    }

    pub fn frozen(&self) -> &FrozenNote {
        &self.frozen
    }

    pub fn signed(&self) -> &SignedConfirmation {
        &self.signed
    }

    /// Other confirmations of the same draft; a manager decides (competing).
    pub fn competing(&self) -> &[SignedConfirmation] {
        &self.competing
    }

    pub fn view(&self) -> Result<NoteView, DraftError> {
        let authors = self.document.view()?.authors;
        Ok(NoteView {
            about: Some(self.frozen.about.clone()),
            authors,
            fields: typed(&self.frozen.fields),
            conflicts: Vec::new(),
        })
    }

    /// 訂正の提案: every field that reads otherwise in the document than in the frozen text, because of changes that the
    /// confirmation did not know. Late is by cause, not by arrival.
    pub fn proposed_amendments(&mut self) -> Result<Vec<Amendment>, DraftError> {
        let late = self.document.late_changes(&self.frozen.heads);
        let Some(last) = late.last() else { return Ok(Vec::new()) };
        let last_device = last.device();
        let now = self.document.view()?;
        let before = typed(&self.frozen.fields);
        let mut proposed = Vec::new();
        let mut propose = |field: &str, after: Option<FieldValue>, staff: Option<StaffId>, at: Option<Timestamp>| {
            let was = before.get(field).cloned();
            if was == after {
                return Ok(());
            }
            let id = canonical::to_bytes(&(self.frozen.note, field, &after)).map_err(|_| DraftError::Unreadable)?;
            proposed.push(Amendment {
                id: ContentHash::of(&id),
                field: field.to_string(),
                before: was,
                after,
                staff,
                at,
                reason: "late".to_string(),
                state: AmendmentState::Proposed,
            });
            Ok::<(), DraftError>(())
        };
        for conflict in &now.conflicts {
            for side in &conflict.values {
                propose(&conflict.field, Some(side.value.clone()), side.staff.clone(), side.at)?;
            }
        }
        let in_conflict = |name: &String| now.conflicts.iter().any(|c| c.field == *name);
        let names: std::collections::BTreeSet<&String> = before.keys().chain(now.fields.keys()).collect();
        let staff = last_device.and_then(|d| now.authors.get(&d).cloned());
        for name in names.into_iter().filter(|name| !in_conflict(name)) {
            propose(name, now.fields.get(name).cloned(), staff.clone(), None)?;
        }
        Ok(proposed)
    }
}

/// Times and dates were frozen as text; give them their types back, so that a frozen value compares with a living one.
fn typed(fields: &BTreeMap<String, FieldValue>) -> BTreeMap<String, FieldValue> {
    use super::fields::{Field, FieldKind};
    let typed_value = |name: &str, value: &FieldValue| match (Field::named(name).map(|f| f.kind), value) {
        (Ok(FieldKind::Time), FieldValue::Word(word)) => word.parse().map(FieldValue::Time).ok(),
        (Ok(FieldKind::Date), FieldValue::Word(word)) => word.parse().map(FieldValue::Date).ok(),
        _ => None,
    };
    fields
        .iter()
        .map(|(name, value)| (name.clone(), typed_value(name, value).unwrap_or_else(|| value.clone())))
        .collect()
}
