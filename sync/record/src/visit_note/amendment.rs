//! 訂正: what people do about a confirmed note. Each act is signed and kept for ever; the frozen text stays as it is.
//!
//! What is in effect follows from cause: an act names the ones it replaces, and two that did not know of each other are a
//! conflict that a person settles.

use super::draft::{Conflict, ConflictValue};
use super::fields::FieldValue;
use super::signed::{self, ConfirmationError};
use crate::canonical::{self, CborError};
use crate::form::Form;
use crate::ids::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const PURPOSE: &[u8] = b"tsutsuji amendment v1";

/// One act about a confirmed note. Field names are part of the signed bytes: add, never rename.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Act {
    pub v: u8,
    pub note: DocumentId,
    pub patient: PatientId,
    pub station: FacilityId,
    /// The confirmation that it is about.
    pub on: ContentHash,
    pub staff: StaffId,
    pub device: DeviceId,
    /// The device's clock.
    pub at: Timestamp,
    pub reason: String,
    pub what: What,
}

/// What the person did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Corrected one field.
    Amend(Correction),
    /// Took over a late edit.
    Accept(Proposal),
    /// Looked at a late edit and left it out.
    Decline(Proposal),
    /// Decided which of several confirmations stands (管理者).
    Choose { confirmation: ContentHash },
    /// Closed the note: wrong patient, duplicate, discarded. The text stays readable.
    Close { outcome: String, copied_to: Option<DocumentId> },
}

/// Before and after of one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    pub field: String,
    pub before: Option<FieldValue>,
    pub after: Option<FieldValue>,
    /// The acts in effect on this field that it replaces.
    pub over: Vec<ContentHash>,
}

/// A late edit as it was when a person decided about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    pub amendment: ContentHash,
    pub by: Option<StaffId>,
    pub at: Option<Timestamp>,
    pub correction: Correction,
}

/// An act with the signature and the key that made it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAct {
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub signature: Vec<u8>,
}

impl Act {
    pub fn sign(&self, key: &SigningKey) -> Result<SignedAct, CborError> {
        let body = canonical::to_bytes(self)?;
        let signature = signed::sign(PURPOSE, &body, key);
        Ok(SignedAct { body, key: key.verifying_key().to_bytes().to_vec(), signature })
    }
}

impl SignedAct {
    pub fn to_bytes(&self) -> Result<Vec<u8>, CborError> {
        canonical::to_bytes(self)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConfirmationError> {
        canonical::from_bytes(bytes).map_err(|_| ConfirmationError::Unreadable)
    }

    /// The act's name.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(&self.body)
    }

    /// The hash of the entry that carries it.
    pub fn entry_hash(&self, note: DocumentId) -> ContentHash {
        super::changes::entry_hash(note, &[ChangeHash(self.hash().0)])
    }

    /// Checks the signature and that it is about this note.
    pub fn open(&self, note: DocumentId) -> Result<Act, ConfirmationError> {
        signed::check(PURPOSE, &self.body, &self.key, &self.signature)?;
        let act: Act = canonical::from_bytes(&self.body).map_err(|_| ConfirmationError::Unreadable)?;
        if act.note == note { Ok(act) } else { Err(ConfirmationError::OtherNote) }
    }
}

/// 訂正 — one correction of a confirmed note, proposed or decided. Listed for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amendment {
    /// Of a correction: its act. Of a late edit: derived from the note, the field and the content, equal on every device.
    pub id: ContentHash,
    pub field: String,
    pub before: Option<FieldValue>,
    pub after: Option<FieldValue>,
    /// Who wrote it.
    pub staff: Option<StaffId>,
    pub at: Option<Timestamp>,
    pub reason: String,
    pub state: AmendmentState,
    /// Who accepted or declined a late edit, and when.
    pub decided_by: Option<StaffId>,
    pub decided_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmendmentState {
    Proposed,
    Accepted,
    Declined,
}

/// Every act about a note, in one order on every device: by the devices' time, then by name.
#[derive(Debug, Clone, Default)]
pub struct Acts {
    acts: Vec<(ContentHash, Act)>,
}

impl Acts {
    /// Opens what can be opened. One that cannot is left out of the reading, not out of the store.
    pub fn open(note: DocumentId, signed: &[SignedAct]) -> Self {
        let mut acts: Vec<(ContentHash, Act)> =
            signed.iter().filter_map(|act| Some((act.hash(), act.open(note).ok()?))).collect();
        acts.sort_by_key(|(hash, act)| (act.at, *hash));
        acts.dedup_by_key(|(hash, _)| *hash);
        Self { acts }
    }

    /// The last decision among competing confirmations.
    pub fn chosen(&self) -> Option<(ContentHash, &Act)> {
        self.acts.iter().rev().find_map(|(_, act)| match &act.what {
            What::Choose { confirmation } => Some((*confirmation, act)),
            _ => None,
        })
    }

    /// Whether and why the confirmed note was closed.
    pub fn closed(&self) -> Option<&Act> {
        self.acts.iter().rev().map(|(_, act)| act).find(|act| matches!(act.what, What::Close { .. }))
    }

    /// Corrections and decided late edits, oldest first.
    pub fn amendments(&self, form: Form) -> Vec<Amendment> {
        let decided = self.last_decisions();
        let mut amendments = Vec::new();
        for (hash, act) in &self.acts {
            let (correction, id, staff, at, state) = match &act.what {
                What::Amend(c) => (c, *hash, Some(act.staff.clone()), Some(act.at), AmendmentState::Accepted),
                What::Accept(p) if decided.get(&p.amendment) == Some(hash) => {
                    (&p.correction, p.amendment, p.by.clone(), p.at, AmendmentState::Accepted)
                }
                What::Decline(p) if decided.get(&p.amendment) == Some(hash) => {
                    (&p.correction, p.amendment, p.by.clone(), p.at, AmendmentState::Declined)
                }
                _ => continue,
            };
            let by_itself = matches!(act.what, What::Amend(_));
            let typed = |value: &Option<FieldValue>| {
                value.clone().map(|value| super::confirmed::typed_value(form, &correction.field, value))
            };
            amendments.push(Amendment {
                id,
                field: correction.field.clone(),
                before: typed(&correction.before),
                after: typed(&correction.after),
                staff,
                at,
                reason: act.reason.clone(),
                state,
                decided_by: (!by_itself).then(|| act.staff.clone()),
                decided_at: (!by_itself).then_some(act.at),
            });
        }
        amendments
    }

    /// A person may change her mind: for each late edit the last decision stands.
    fn last_decisions(&self) -> BTreeMap<ContentHash, ContentHash> {
        let mut last = BTreeMap::new();
        for (hash, act) in &self.acts {
            if let What::Accept(proposal) | What::Decline(proposal) = &act.what {
                last.insert(proposal.amendment, *hash);
            }
        }
        last
    }

    /// The corrections in effect that no other replaces, by field.
    fn standing(&self) -> BTreeMap<&str, Vec<(ContentHash, &Correction, &Act)>> {
        let decided = self.last_decisions();
        let in_effect: Vec<(ContentHash, &Correction, &Act)> = self
            .acts
            .iter()
            .filter_map(|(hash, act)| match &act.what {
                What::Amend(correction) => Some((*hash, correction, act)),
                What::Accept(p) if decided.get(&p.amendment) == Some(hash) => Some((*hash, &p.correction, act)),
                _ => None,
            })
            .collect();
        let replaced: BTreeSet<ContentHash> = in_effect.iter().flat_map(|(_, c, _)| c.over.iter().copied()).collect();
        let mut standing: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (hash, correction, act) in in_effect.into_iter().filter(|(hash, ..)| !replaced.contains(hash)) {
            standing.entry(correction.field.as_str()).or_default().push((hash, correction, act));
        }
        standing
    }

    /// What a new correction of this field replaces.
    pub fn standing_on(&self, field: &str) -> Vec<ContentHash> {
        self.standing().get(field).into_iter().flatten().map(|(hash, ..)| *hash).collect()
    }

    /// Brings the frozen fields to what they read with the corrections in effect. Two that did not know of each other and
    /// disagree are a conflict; the field then reads as nothing.
    pub fn correct(&self, form: Form, fields: &mut BTreeMap<String, FieldValue>) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (field, standing) in self.standing() {
            let typed = |c: &Correction| c.after.clone().map(|value| super::confirmed::typed_value(form, field, value));
            let agreed = standing.windows(2).all(|pair| pair[0].1.after == pair[1].1.after);
            match standing.first().and_then(|(_, correction, _)| typed(correction)) {
                Some(value) if agreed => {
                    fields.insert(field.to_string(), value);
                }
                _ => {
                    fields.remove(field);
                }
            }
            if !agreed {
                let values = standing.iter().filter_map(|(_, correction, act)| {
                    Some(ConflictValue {
                        value: typed(correction)?,
                        staff: Some(act.staff.clone()),
                        device: Some(act.device),
                        at: Some(act.at),
                    })
                });
                conflicts.push(Conflict { field: field.to_string(), values: values.collect() });
            }
        }
        conflicts
    }
}
