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
use crate::quiet::shows_only;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const PURPOSE: &[u8] = b"tsutsuji amendment v1";

/// One act about a confirmed note. Field names are part of the signed bytes: add, never rename.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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
    Choose {
        confirmation: ContentHash,
        /// Every confirmation that was known when it was decided; one that comes later opens the question again.
        #[serde(default)]
        among: Vec<ContentHash>,
        /// The decisions that it replaces.
        #[serde(default)]
        over: Vec<ContentHash>,
    },
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
    /// What the late edit read: its name follows from it.
    pub value: Option<FieldValue>,
    /// What it does to the note as it reads.
    pub correction: Correction,
    /// The decisions about it that this one replaces.
    #[serde(default)]
    pub over: Vec<ContentHash>,
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
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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

shows_only!(Act { note, on, staff, device, at, what });
shows_only!(Amendment { id, field, before, after, staff, at, state });

/// The name of a late edit: equal on every device.
pub(super) fn late_edit(note: DocumentId, field: &str, value: &Option<FieldValue>) -> Option<ContentHash> {
    canonical::to_bytes(&(note, field, value)).ok().map(|bytes| ContentHash::of(&bytes))
}

/// Every act about a note, listed in one order on every device: by the devices' time, then by name. What is in effect never
/// follows from that order: each act names what it replaces.
#[derive(Debug, Clone, Default)]
pub struct Acts {
    acts: Vec<(ContentHash, Act)>,
    /// The confirmation that stands: corrections made on another one wait as proposals.
    standing: Option<ContentHash>,
}

impl Acts {
    /// Opens what can be opened. One that cannot, or that does not hang together, is left out of the reading, not out of
    /// the store.
    pub fn open(note: DocumentId, signed: &[SignedAct]) -> Self {
        let mut acts: Vec<(ContentHash, Act)> =
            signed.iter().filter_map(|act| Some((act.hash(), act.open(note).ok()?))).collect();
        acts.retain(|(_, act)| match &act.what {
            What::Accept(p) | What::Decline(p) => late_edit(note, &p.correction.field, &p.value) == Some(p.amendment),
            _ => true,
        });
        acts.sort_by_key(|(hash, act)| (act.at, *hash));
        acts.dedup_by_key(|(hash, _)| *hash);
        Self { acts, standing: None }
    }

    /// Reads the acts as they are about this confirmation.
    pub fn stand_on(&mut self, confirmation: ContentHash) {
        self.standing = Some(confirmation);
    }

    /// What stands of several acts about one thing: those that none of the others replaces.
    fn unreplaced<'a, T>(
        acts: impl Iterator<Item = (ContentHash, &'a Act, T)> + Clone,
        over: impl Fn(&'a Act) -> &'a [ContentHash],
    ) -> Vec<(ContentHash, &'a Act, T)> {
        let replaced: BTreeSet<ContentHash> = acts.clone().flat_map(|(_, act, _)| over(act).to_vec()).collect();
        acts.filter(|(hash, ..)| !replaced.contains(hash)).collect()
    }

    fn choices(&self) -> Vec<(ContentHash, &Act, ContentHash)> {
        let all = self.acts.iter().filter_map(|(hash, act)| match &act.what {
            What::Choose { confirmation, .. } => Some((*hash, act, *confirmation)),
            _ => None,
        });
        Self::unreplaced(all, |act| match &act.what {
            What::Choose { over, .. } => over,
            _ => &[],
        })
    }

    /// The confirmation that the manager chose; none while two choices stand that did not know of each other and differ.
    pub fn chosen(&self) -> Option<ContentHash> {
        let choices = self.choices();
        let (_, _, first) = choices.first()?;
        choices.iter().all(|(_, _, other)| other == first).then_some(*first)
    }

    /// Whether the choice knew of all these confirmations.
    pub fn choice_knew(&self, confirmations: &[ContentHash]) -> bool {
        let choices = self.choices();
        confirmations.iter().all(|known| {
            choices.iter().any(|(_, act, _)| match &act.what {
                What::Choose { among, confirmation, .. } => among.contains(known) || confirmation == known,
                _ => false,
            })
        })
    }

    /// The choices that a new one replaces.
    pub fn standing_choices(&self) -> Vec<ContentHash> {
        self.choices().into_iter().map(|(hash, ..)| hash).collect()
    }

    /// Whether the note was closed on this confirmation.
    pub fn is_closed_on(&self, confirmation: ContentHash) -> bool {
        self.closing_on(confirmation).is_some()
    }

    /// The act that closed the note on this confirmation: who, when, why.
    pub fn closing_on(&self, confirmation: ContentHash) -> Option<&Act> {
        let mut acts = self.acts.iter().map(|(_, act)| act);
        acts.find(|act| matches!(act.what, What::Close { .. }) && act.on == confirmation)
    }

    /// Acts on the confirmation that stands.
    fn here(&self) -> impl Iterator<Item = &(ContentHash, Act)> + Clone {
        self.acts.iter().filter(|(_, act)| self.standing.is_none_or(|standing| act.on == standing))
    }

    /// Corrections that were made on a confirmation that does not stand: proposals to the one that does.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = (&Act, &Correction)> {
        let other = self.acts.iter().filter(|(_, act)| self.standing.is_some_and(|standing| act.on != standing));
        other.filter_map(|(_, act)| match &act.what {
            What::Amend(correction) => Some((act, correction)),
            _ => None,
        })
    }

    /// Corrections and decided late edits, oldest first.
    pub fn amendments(&self, form: Form) -> Vec<Amendment> {
        let decided = self.decisions();
        let mut amendments = Vec::new();
        for (hash, act) in self.here() {
            let is_decision = |p: &Proposal| decided.get(&p.amendment).is_some_and(|(stands, _)| stands == hash);
            let (correction, id, staff, at, state) = match &act.what {
                What::Amend(c) => (c, *hash, Some(act.staff.clone()), Some(act.at), AmendmentState::Accepted),
                What::Accept(p) if is_decision(p) => {
                    (&p.correction, p.amendment, p.by.clone(), p.at, AmendmentState::Accepted)
                }
                What::Decline(p) if is_decision(p) => {
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

    /// For each late edit the decision that stands. While two stand that did not know of each other and differ, nothing is
    /// decided and the late edit is a proposal again.
    fn decisions(&self) -> BTreeMap<ContentHash, (ContentHash, &Act)> {
        let mut by_edit: BTreeMap<ContentHash, Vec<(ContentHash, &Act, bool)>> = BTreeMap::new();
        for (hash, act) in self.here() {
            match &act.what {
                What::Accept(p) => by_edit.entry(p.amendment).or_default().push((*hash, act, true)),
                What::Decline(p) => by_edit.entry(p.amendment).or_default().push((*hash, act, false)),
                _ => {}
            }
        }
        let mut decisions = BTreeMap::new();
        for (edit, all) in by_edit {
            let stand =
                Self::unreplaced(all.iter().map(|(hash, act, yes)| (*hash, *act, *yes)), |act| match &act.what {
                    What::Accept(p) | What::Decline(p) => &p.over,
                    _ => &[],
                });
            let Some((hash, act, yes)) = stand.first() else { continue };
            if stand.iter().all(|(_, _, other)| other == yes) {
                decisions.insert(edit, (*hash, *act));
            }
        }
        decisions
    }

    /// The decisions about a late edit that a new one replaces.
    pub fn standing_decisions(&self, amendment: ContentHash) -> Vec<ContentHash> {
        let about = self.here().filter(|(_, act)| match &act.what {
            What::Accept(p) | What::Decline(p) => p.amendment == amendment,
            _ => false,
        });
        Self::unreplaced(about.map(|(hash, act)| (*hash, act, ())), |act| match &act.what {
            What::Accept(p) | What::Decline(p) => &p.over,
            _ => &[],
        })
        .into_iter()
        .map(|(hash, ..)| hash)
        .collect()
    }

    /// The corrections in effect that no other one of the same field replaces, by field.
    fn standing(&self) -> BTreeMap<&str, Vec<(ContentHash, &Act, &Correction)>> {
        let decided = self.decisions();
        let mut by_field: BTreeMap<&str, Vec<(ContentHash, &Act, &Correction)>> = BTreeMap::new();
        for (hash, act) in self.here() {
            let correction = match &act.what {
                What::Amend(correction) => correction,
                What::Accept(p) if decided.get(&p.amendment).is_some_and(|(stands, _)| stands == hash) => &p.correction,
                _ => continue,
            };
            by_field.entry(correction.field.as_str()).or_default().push((*hash, act, correction));
        }
        by_field
            .into_iter()
            .map(|(field, all)| {
                let stand = Self::unreplaced(all.iter().copied(), |act| match &act.what {
                    What::Amend(correction) => &correction.over,
                    What::Accept(p) => &p.correction.over,
                    _ => &[],
                });
                (field, stand)
            })
            .collect()
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
            let agreed = standing.windows(2).all(|pair| pair[0].2.after == pair[1].2.after);
            match standing.first().and_then(|(_, _, correction)| typed(correction)) {
                Some(value) if agreed => {
                    fields.insert(field.to_string(), value);
                }
                _ => {
                    fields.remove(field);
                }
            }
            if !agreed {
                let values = standing.iter().filter_map(|(_, act, correction)| {
                    let (staff, at) = match &act.what {
                        What::Accept(p) => (p.by.clone().or(Some(act.staff.clone())), p.at.or(Some(act.at))),
                        _ => (Some(act.staff.clone()), Some(act.at)),
                    };
                    Some(ConflictValue { value: typed(correction)?, staff, device: Some(act.device), at })
                });
                conflicts.push(Conflict { field: field.to_string(), values: values.collect() });
            }
        }
        conflicts
    }
}
