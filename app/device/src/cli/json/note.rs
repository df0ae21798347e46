//! Shapes of `note …` and `document …`.

use super::time;
use crate::amend::SignatureShown;
use crate::note::NoteShown;
use record::calendar::rfc3339_in_japan;
use record::visit_note::{
    Act, Amendment, AmendmentState, Conflict, FieldChange, FieldValue, NoteState, Verdict, Version, What,
};
use record::{ContentHash, DeviceId, DocumentId};
use serde::Serialize;
use std::collections::BTreeMap;
use vault::NoteRow;

#[derive(Serialize)]
pub struct NoteListed {
    pub note: String,
    pub patient: String,
    pub visit: Option<String>,
    pub state: NoteState,
    author: Option<String>,
    started_at: Option<String>,
    changed_at: String,
    conflict: bool,
}

impl From<&NoteRow> for NoteListed {
    fn from(row: &NoteRow) -> Self {
        Self {
            note: row.note.to_string(),
            patient: row.patient.to_string(),
            visit: row.visit.map(|v| v.to_string()),
            state: row.state,
            author: row.author.as_ref().map(|a| a.to_string()),
            started_at: time(row.started_at),
            changed_at: rfc3339_in_japan(row.changed_at),
            conflict: row.has_conflict,
        }
    }
}

#[derive(Serialize)]
struct Receipt {
    received_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

#[derive(Serialize)]
struct Side {
    value: FieldValue,
    staff: Option<String>,
    device: Option<DeviceId>,
    at: Option<String>,
}

#[derive(Serialize)]
struct ConflictShown {
    field: String,
    values: Vec<Side>,
}

impl From<&Conflict> for ConflictShown {
    fn from(c: &Conflict) -> Self {
        let side = |v: &record::visit_note::ConflictValue| Side {
            value: v.value.clone(),
            staff: v.staff.as_ref().map(|s| s.to_string()),
            device: v.device,
            at: time(v.at),
        };
        Self { field: c.field.clone(), values: c.values.iter().map(side).collect() }
    }
}

#[derive(Serialize)]
struct AmendmentShown {
    id: ContentHash,
    field: String,
    before: Option<FieldValue>,
    after: Option<FieldValue>,
    staff: Option<String>,
    at: Option<String>,
    reason: String,
    state: AmendmentState,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<String>,
}

impl From<&Amendment> for AmendmentShown {
    fn from(a: &Amendment) -> Self {
        Self {
            id: a.id,
            field: a.field.clone(),
            before: a.before.clone(),
            after: a.after.clone(),
            staff: a.staff.as_ref().map(|s| s.to_string()),
            at: time(a.at),
            reason: a.reason.clone(),
            state: a.state,
            decided_by: a.decided_by.as_ref().map(|s| s.to_string()),
            decided_at: time(a.decided_at),
        }
    }
}

#[derive(Serialize)]
struct ConfirmationShown {
    confirmation: ContentHash,
    staff: String,
    at: String,
    fields: BTreeMap<String, FieldValue>,
}

impl From<&crate::note::ConfirmationShown> for ConfirmationShown {
    fn from(c: &crate::note::ConfirmationShown) -> Self {
        Self { confirmation: c.hash, staff: c.staff.to_string(), at: rfc3339_in_japan(c.at), fields: c.fields.clone() }
    }
}

/// Who closed a confirmed note, when, and why.
#[derive(Serialize)]
struct ClosingShown {
    outcome: String,
    copied_to: Option<DocumentId>,
    reason: String,
    staff: String,
    at: String,
}

impl ClosingShown {
    fn of(act: &Act) -> Option<Self> {
        let What::Close { outcome, copied_to } = &act.what else { return None };
        Some(Self {
            outcome: outcome.clone(),
            copied_to: *copied_to,
            reason: act.reason.clone(),
            staff: act.staff.to_string(),
            at: rfc3339_in_japan(act.at),
        })
    }
}

/// `note verify`
#[derive(Serialize)]
pub struct Verified {
    note: DocumentId,
    /// Of the confirmation that stands first.
    verdict: Verdict,
    signatures: Vec<Signature>,
}

#[derive(Serialize)]
struct Signature {
    of: &'static str,
    hash: ContentHash,
    staff: String,
    device: DeviceId,
    at: String,
    received_at: Option<String>,
    verdict: Verdict,
}

impl Verified {
    pub fn new(note: DocumentId, signatures: &[SignatureShown]) -> Self {
        let shown = signatures.iter().map(|s| Signature {
            of: s.of,
            hash: s.hash,
            staff: s.staff.to_string(),
            device: s.device,
            at: rfc3339_in_japan(s.at),
            received_at: time(s.received_at),
            verdict: s.verdict,
        });
        Self {
            note,
            verdict: signatures.first().map_or(Verdict::UnknownKey, |s| s.verdict),
            signatures: shown.collect(),
        }
    }

    pub fn is_sound(&self) -> bool {
        self.signatures.iter().all(|s| s.verdict != Verdict::Invalid)
    }

    pub fn lines(&self) -> String {
        let line = |s: &Signature| {
            let verdict = format!("{:?}", s.verdict).to_lowercase();
            format!("{verdict}: {} {} by {} on {} at {}", s.of, s.hash, s.staff, s.device, s.at)
        };
        self.signatures.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// One line of `note history`
#[derive(Serialize)]
pub struct VersionShown {
    version: record::ChangeHash,
    upon: Vec<record::ChangeHash>,
    at: Option<String>,
    staff: Option<String>,
    device: Option<DeviceId>,
    changed: Vec<FieldChange>,
}

impl From<&Version> for VersionShown {
    fn from(v: &Version) -> Self {
        Self {
            version: v.version,
            upon: v.upon.clone(),
            at: time(v.at),
            staff: v.staff.as_ref().map(|s| s.to_string()),
            device: v.device,
            changed: v.changed.clone(),
        }
    }
}

impl VersionShown {
    pub fn line(&self) -> String {
        let changed: Vec<String> = self
            .changed
            .iter()
            .map(|c| {
                format!("{}: {} → {}", c.field, crate::cli::note::words(&c.before), crate::cli::note::words(&c.after))
            })
            .collect();
        let who = self.staff.as_deref().unwrap_or("?");
        format!("{}  {}  {who}  {}", self.version, self.at.as_deref().unwrap_or("-"), changed.join("; "))
    }
}

#[derive(Serialize)]
pub struct NoteWhole {
    pub note: DocumentId,
    pub patient: String,
    visit: Option<String>,
    pub state: NoteState,
    author: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    form: record::Form,
    pub fields: BTreeMap<String, FieldValue>,
    /// A confirmed note before any correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_fields: Option<BTreeMap<String, FieldValue>>,
    conflicts: Vec<ConflictShown>,
    /// Texts in which two people wrote the same words: shown once, to be looked at.
    equal_edits: Vec<String>,
    amendments: Vec<AmendmentShown>,
    /// The confirmation that stands first, the competing ones after it.
    confirmations: Vec<ConfirmationShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closing: Option<ClosingShown>,
    /// Other notes that look like the same visit (同じ訪問ですか).
    same_visit: Vec<DocumentId>,
    /// Report bounds, questions, NEWS2 and DESIGN-R, each with what it was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<super::FindingsShown>,
    /// Of a report: the index out of its items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barthel: Option<super::BarthelShown>,
    receipt: Option<Receipt>,
    unsent: bool,
    verdicts: Vec<String>,
}

impl From<&NoteShown> for NoteWhole {
    fn from(n: &NoteShown) -> Self {
        let at = |name: &str| match n.view.fields.get(name) {
            Some(FieldValue::Time(at)) => Some(rfc3339_in_japan(*at)),
            _ => None,
        };
        Self {
            note: n.row.note,
            patient: n.row.patient.to_string(),
            visit: n.row.visit.map(|v| v.to_string()),
            state: n.state,
            author: n.author.as_ref().map(|a| a.to_string()),
            started_at: at("started_at"),
            ended_at: at("ended_at"),
            form: n.row.form,
            fields: n.view.fields.clone(),
            confirmed_fields: n.confirmed_fields.clone(),
            equal_edits: n.view.equal_edits.clone(),
            confirmations: n.confirmations.iter().map(ConfirmationShown::from).collect(),
            closing: n.closing.as_ref().and_then(ClosingShown::of),
            same_visit: n.same_visit.clone(),
            findings: None,
            barthel: None,
            conflicts: n.view.conflicts.iter().map(ConflictShown::from).collect(),
            amendments: n.amendments.iter().map(AmendmentShown::from).collect(),
            receipt: n.receipt.map(|r| Receipt { received_at: rfc3339_in_japan(r.received_at), seq: r.seq }),
            unsent: n.unsent,
            verdicts: n.verdicts.clone(),
        }
    }
}
