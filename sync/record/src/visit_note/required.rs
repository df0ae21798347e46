//! What must stand in a form before it can be confirmed (確定). Says what is missing, never what was written.

use super::confirmed::has_closing;
use super::draft::{DraftError, NoteView};
use super::fields::{FieldError, SUB_RECORDS, VITALS};
use crate::canonical::CborError;
use crate::form::Form;
use jiff::SignedDuration;

/// What the document itself cannot know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfirmContext {
    /// A psychiatric order (精神科訪問看護指示書) holds on the day, and no confirmed note of the month has a GAF yet.
    pub needs_gaf: bool,
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
    #[error(
        "not confirmed: the note was closed; if it should live, take its outcome away first (`note set NOTE outcome \"\"`)"
    )]
    Closed,
    #[error("this form is not confirmed; it stays open to the whole station")]
    NeverConfirmed,
    #[error(transparent)]
    Draft(#[from] DraftError),
    #[error(transparent)]
    Cbor(#[from] CborError),
}

/// What the form still needs (domain §3.4; R8 notice: actual start and end).
pub fn check_complete(form: Form, view: &NoteView, context: &ConfirmContext) -> Result<(), ConfirmError> {
    if !form.is_confirmed() {
        return Err(ConfirmError::NeverConfirmed);
    }
    // Also a closed note that somebody wrote in again: first its outcome is taken away, then it lives.
    if view.closed || has_closing(&view.fields) {
        return Err(ConfirmError::Closed);
    }
    if !view.conflicts.is_empty() {
        return Err(ConfirmError::OpenConflict(view.conflicts.iter().map(|c| c.field.clone()).collect()));
    }
    check_values(form, view, context)
}

/// The same of a confirmed note as a correction would leave it.
pub fn check_values(form: Form, view: &NoteView, context: &ConfirmContext) -> Result<(), ConfirmError> {
    match form {
        Form::VisitNote => check_visit_note(view, context),
        Form::IntakeRecord | Form::CarePlan | Form::VisitReport => check_all(view, needed(form)),
        Form::Handover => Err(ConfirmError::NeverConfirmed),
    }
}

/// What a form always needs, for the marks beside its fields. A visit note's needs follow from what stands in it.
pub fn needed(form: Form) -> &'static [&'static str] {
    match form {
        Form::IntakeRecord => &["first_visit_on", "main_diseases", "purpose"],
        Form::CarePlan => &["goals", "problem.1.problem", "created_on"],
        Form::VisitReport => &["course", "care", "created_on"],
        Form::VisitNote | Form::Handover => &[],
    }
}

fn check_all(view: &NoteView, needed: &[&'static str]) -> Result<(), ConfirmError> {
    let missing: Vec<&'static str> = needed.iter().filter(|name| is_blank(view, name)).copied().collect();
    if missing.is_empty() { Ok(()) } else { Err(ConfirmError::Missing(missing)) }
}

fn is_blank(view: &NoteView, name: &str) -> bool {
    match view.fields.get(name) {
        None => true,
        Some(super::FieldValue::Word(word)) => word.trim().is_empty(),
        Some(_) => false,
    }
}

/// The statutory note (domain §3.4; R8 notice: actual start and end; emergency, terminal, drip and call each with their own).
fn check_visit_note(view: &NoteView, context: &ConfirmContext) -> Result<(), ConfirmError> {
    // A visit that did not take place is a record too: why is all it needs.
    if matches!(view.word("outcome"), Some(outcome) if outcome != "carried_out") {
        return check_all(view, &["outcome_reason"]);
    }
    if view.word("visit_kind") == Some("phone") {
        return check_all(view, &["phone.called_at", "phone.caller", "phone.content"]);
    }
    let mut needed = vec!["started_at", "ended_at"];
    if view.word("visit_kind") == Some("emergency") || touched(view, "emergency") {
        needed.extend(["emergency.requested_at", "emergency.request", "emergency.response"]);
    }
    if touched(view, "terminal") {
        needed.extend(["terminal.died_at", "terminal.place"]);
    }
    if touched(view, "drip") {
        needed.push("drip.given");
    }
    if touched(view, "phone") {
        needed.extend(["phone.called_at", "phone.content"]);
    }
    if view.is_set("plan_changed") {
        needed.push("plan_change_summary");
    }
    if context.needs_gaf {
        needed.push("gaf");
    }
    let mut missing: Vec<&'static str> = needed.into_iter().filter(|name| is_blank(view, name)).collect();
    if !VITALS.iter().any(|name| view.fields.contains_key(*name)) {
        missing.push("a vital sign or the reason why none was measured");
    }
    if !missing.is_empty() {
        return Err(ConfirmError::Missing(missing));
    }
    let pressure = |name: &str| match view.fields.get(name) {
        Some(super::FieldValue::Number(n)) => Some(*n),
        _ => None,
    };
    if let (Some(upper), Some(lower)) = (pressure("systolic_mmhg"), pressure("diastolic_mmhg"))
        && upper <= lower
    {
        return Err(DraftError::from(FieldError::PressureReversed).into());
    }
    if let (Some(started), Some(ended)) = (view.time("started_at"), view.time("ended_at")) {
        let length = ended.duration_since(started);
        if length <= SignedDuration::ZERO || length > SignedDuration::from_hours(24) {
            return Err(ConfirmError::TimesReversed);
        }
    }
    Ok(())
}

/// Whether anything of a sub-record was written.
fn touched(view: &NoteView, group: &str) -> bool {
    SUB_RECORDS
        .iter()
        .filter(|known| known.name == group)
        .flat_map(|known| known.parts)
        .any(|part| !is_blank(view, &format!("{group}.{}", part.name)))
}
