//! 書きかけ: what was typed about a note and nobody has signed yet — a correction, a reason for closing it. It stands in no
//! document: only in the crash journal, sealed, under names that no field has, until the act is signed or thrown away.
//!
//! A wipe does not bring it to the hub, as it brings what was typed in a note: nobody has decided to say it. A note about
//! which something was begun stays on this phone, as one in which something is being typed; `half_typed_acts` lists them.
//!
//! No line that another unlock left is replaced unseen: where it reads otherwise than whoever types now knew, it is put aside,
//! under a name of its own, and shown beside.

use crate::error::DeviceError;
use crate::phone::Phone;
use jiff::Timestamp;
use record::{DocumentId, Form, PatientId};
use std::collections::BTreeMap;
use vault::{JournalEntry, Tx, VaultError};

/// No field's name begins so.
const ACT: &str = "act:";
/// What follows; behind the first two the field's name.
const AFTER: &str = "after:";
const REASON: &str = "reason:";
const CLOSING: &str = "closing";
/// Put aside: the unlock that typed it and a colon follow, then what the line was.
const ASIDE: &str = "aside:";

/// 訂正 that nobody has signed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HalfCorrection {
    /// The new value as it was typed; an empty one takes the field's away. `None`: nothing was said of it yet.
    pub after: Option<String>,
    pub reason: String,
    /// What stood in the field when it was begun.
    pub shown: String,
}

impl HalfCorrection {
    /// Nothing was typed, or all of it was thrown away.
    pub fn is_empty(&self) -> bool {
        self.after.is_none() && self.reason.is_empty()
    }
}

impl std::fmt::Debug for HalfCorrection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HalfCorrection").finish_non_exhaustive()
    }
}

/// What another unlock left, and was not known where somebody typed on.
#[derive(Clone, PartialEq, Eq)]
pub struct Aside {
    /// Its name, to throw it away by.
    pub name: String,
    /// The field of the correction; `None`: it is a reason for closing.
    pub field: Option<String>,
    pub typed: String,
}

impl std::fmt::Debug for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aside").field("field", &self.field).finish_non_exhaustive()
    }
}

/// One act that was begun and neither signed nor thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfAct {
    pub note: DocumentId,
    pub form: Form,
    pub patient: PatientId,
    /// The field of the correction; `None`: the note is to be closed.
    pub field: Option<String>,
    /// When it was typed last.
    pub at: Timestamp,
}

/// What was begun about a note.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HalfTyped {
    /// By field.
    pub corrections: BTreeMap<String, HalfCorrection>,
    /// The field of the correction that was typed last.
    pub last: Option<String>,
    pub closing_reason: String,
    pub aside: Vec<Aside>,
}

impl std::fmt::Debug for HalfTyped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HalfTyped").field("fields", &self.corrections.keys()).finish_non_exhaustive()
    }
}

impl Phone {
    /// What was begun about a note, by whichever unlock, and neither signed nor thrown away.
    pub fn half_typed(&self, note: DocumentId) -> Result<HalfTyped, DeviceError> {
        self.read(|tx| {
            let (mut half, mut latest) = (HalfTyped::default(), None::<Timestamp>);
            for line in tx.journal()?.into_iter().filter(|line| line.note == note) {
                let Some(act) = act_of(&line.field) else { continue };
                if act.is_aside {
                    let field = act.field.map(str::to_string);
                    half.aside.push(Aside { field, name: line.field, typed: line.typed });
                    continue;
                }
                let Some(field) = act.field else {
                    half.closing_reason = line.typed;
                    continue;
                };
                if latest.is_none_or(|latest| latest <= line.at) {
                    (latest, half.last) = (Some(line.at), Some(field.to_string()));
                }
                let correction = half.corrections.entry(field.to_string()).or_default();
                correction.shown = line.shown;
                if act.is_reason {
                    correction.reason = line.typed;
                } else {
                    correction.after = Some(line.typed);
                }
            }
            half.aside.sort_by_cached_key(|aside| aside.name.clone());
            Ok(half)
        })
    }

    /// What was begun about any note, the latest first: whoever forgot it finishes it or throws it away.
    pub fn half_typed_acts(&self) -> Result<Vec<HalfAct>, DeviceError> {
        self.read(|tx| {
            let mut latest = BTreeMap::<(DocumentId, Option<String>), Timestamp>::new();
            for line in tx.journal()? {
                let Some(act) = act_of(&line.field) else { continue };
                let at = latest.entry((line.note, act.field.map(str::to_string))).or_insert(line.at);
                *at = line.at.max(*at);
            }
            let mut acts = Vec::with_capacity(latest.len());
            for ((note, field), at) in latest {
                match tx.note_row(note) {
                    Ok(Some(row)) => acts.push(HalfAct { note, form: row.form, patient: row.patient, field, at }),
                    Ok(None) => {}
                    // One note that cannot be read keeps no other from being listed (law 4).
                    Err(error @ (VaultError::Damaged { .. } | VaultError::Cbor(_))) => {
                        tracing::warn!(%note, %error, "something is half typed about a note that cannot be read");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            acts.sort_by_key(|act| std::cmp::Reverse(act.at));
            Ok(acts)
        })
    }

    /// Keeps a correction as far as it was typed. Cheap, as a line of the journal is; an empty one is thrown away. `known`: what
    /// whoever types knew to be kept before.
    pub fn keep_correction(
        &self,
        note: DocumentId,
        field: &str,
        half: &HalfCorrection,
        known: &HalfCorrection,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        self.write(|tx| {
            let after = Line { own: format!("{AFTER}{field}"), shown: &half.shown, typed: half.after.as_deref() };
            self.keep_line(tx, note, after, known.after.as_deref(), now)?;
            let reason = Line { own: format!("{REASON}{field}"), shown: &half.shown, typed: words(&half.reason) };
            self.keep_line(tx, note, reason, words(&known.reason), now)
        })
    }

    /// Keeps the reason for closing a note as far as it was typed; an empty one is thrown away. `known`: as for a correction.
    pub fn keep_closing_reason(
        &self,
        note: DocumentId,
        reason: &str,
        known: &str,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let line = Line { own: CLOSING.to_string(), shown: "", typed: words(reason) };
        self.write(|tx| self.keep_line(tx, note, line, words(known), now))
    }

    /// Throws away what was put aside.
    pub fn forget_aside(&self, note: DocumentId, aside: &Aside) -> Result<(), DeviceError> {
        self.write(|tx| Ok(tx.clear_journal(note, &aside.name)?))
    }

    /// The correction is signed (same transaction). Another window's line that says something else stays.
    pub(crate) fn forget_correction(
        &self,
        tx: &mut Tx<'_>,
        note: DocumentId,
        field: &str,
        (typed, reason): (&str, &str),
    ) -> Result<(), DeviceError> {
        self.forget_line(tx, note, &format!("{ACT}{AFTER}{field}"), typed)?;
        self.forget_line(tx, note, &format!("{ACT}{REASON}{field}"), reason)
    }

    /// The note is closed (same transaction). Another window's line that says something else stays.
    pub(crate) fn forget_closing(&self, tx: &mut Tx<'_>, note: DocumentId, reason: &str) -> Result<(), DeviceError> {
        self.forget_line(tx, note, &format!("{ACT}{CLOSING}"), reason)
    }

    fn forget_line(&self, tx: &mut Tx<'_>, note: DocumentId, name: &str, said: &str) -> Result<(), DeviceError> {
        match tx.journal_line(note, name)? {
            Some(line) if line.session != self.session() && line.typed.trim() != said.trim() => Ok(()),
            _ => Ok(tx.clear_journal(note, name)?),
        }
    }

    fn keep_line(
        &self,
        tx: &mut Tx<'_>,
        note: DocumentId,
        line: Line<'_>,
        known: Option<&str>,
        at: Timestamp,
    ) -> Result<(), DeviceError> {
        let Line { own, shown, typed } = line;
        let name = format!("{ACT}{own}");
        if let Some(stood) = tx.journal_line(note, &name)? {
            let reads = Some(stood.typed.as_str());
            if stood.session != self.session() && reads != known && reads != typed {
                let patient = tx.note_row(note)?.ok_or(DeviceError::UnknownNote(note))?.patient;
                let field = aside_of(stood.session, &own);
                tx.put_journal(&patient, &JournalEntry { field, ..stood })?;
            }
        }
        // What another window put aside of this one's is older than what this one says now.
        tx.clear_journal(note, &aside_of(self.session(), &own))?;
        let Some(typed) = typed else { return Ok(tx.clear_journal(note, &name)?) };
        let patient = tx.note_row(note)?.ok_or(DeviceError::UnknownNote(note))?.patient;
        let (shown, typed, session) = (shown.to_string(), typed.to_string(), self.session());
        Ok(tx.put_journal(&patient, &JournalEntry { note, field: name, shown, typed, at, session })?)
    }
}

/// A line that is to be kept; without words it is thrown away.
struct Line<'a> {
    /// Its name behind `ACT`.
    own: String,
    shown: &'a str,
    typed: Option<&'a str>,
}

/// What a line of an act is about.
struct ActLine<'a> {
    /// `None`: closing.
    field: Option<&'a str>,
    is_reason: bool,
    is_aside: bool,
}

/// `None`: it is a field's line.
fn act_of(name: &str) -> Option<ActLine<'_>> {
    let own = name.strip_prefix(ACT)?;
    let (is_aside, own) = match own.strip_prefix(ASIDE).and_then(|rest| rest.split_once(':')) {
        Some((_session, rest)) => (true, rest),
        None => (false, own),
    };
    if own == CLOSING {
        return Some(ActLine { field: None, is_reason: true, is_aside });
    }
    let after = own.strip_prefix(AFTER);
    let field = after.or_else(|| own.strip_prefix(REASON))?;
    Some(ActLine { field: Some(field), is_reason: after.is_none(), is_aside })
}

fn aside_of(session: [u8; 8], own: &str) -> String {
    format!("{ACT}{ASIDE}{:016x}:{own}", u64::from_be_bytes(session))
}

fn words(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Whether a line of the journal is of an act and of no field: it becomes no change of a document.
pub(crate) fn is_of_act(line: &JournalEntry) -> bool {
    line.field.starts_with(ACT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::JournalEntryOf;
    use crate::testing::{Desk, NOW, Outcome, later};
    use record::visit_note::NoteState;

    const FIELD: &str = "temperature_c";
    const REASON_TYPED: &str = "転記誤り。体温表では";

    fn half(after: Option<&str>, reason: &str) -> HalfCorrection {
        HalfCorrection { after: after.map(str::to_string), reason: reason.to_string(), shown: "36.5".to_string() }
    }

    fn nothing() -> HalfCorrection {
        HalfCorrection::default()
    }

    #[test]
    fn a_phone_that_died_while_a_correction_was_typed_shows_it_when_it_opens_again() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.confirmed_note(&phone, "p-1")?;
        let begun = half(Some("36.8"), "転記");
        phone.keep_correction(note, FIELD, &begun, &nothing(), later(1))?;
        phone.keep_correction(note, FIELD, &half(Some("36.8"), REASON_TYPED), &begun, later(2))?;
        phone.keep_correction(note, "pulse_bpm", &half(Some(""), ""), &nothing(), later(1))?;
        // Nothing is said to it before it goes.
        drop(phone);
        let phone = desk.unlock(later(3_600))?;
        let found = phone.half_typed(note)?;
        assert!(found.corrections.get(FIELD) == Some(&half(Some("36.8"), REASON_TYPED)));
        assert!(found.corrections.get("pulse_bpm") == Some(&half(Some(""), "")), "a value that is to be taken away");
        assert_eq!(found.last.as_deref(), Some(FIELD));
        let shown = phone.show_note(note)?;
        assert!(shown.amendments.is_empty(), "nobody has signed anything");
        assert!(!desk.lies_open(REASON_TYPED)?, "and it lies nowhere in clear");
        Ok(())
    }

    #[test]
    fn a_correction_goes_from_the_journal_when_it_is_signed_and_not_when_it_is_refused() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.confirmed_note(&phone, "p-1")?;
        let typed = half(Some("368"), REASON_TYPED);
        phone.keep_correction(note, FIELD, &typed, &nothing(), later(1))?;
        assert!(phone.amend_note(note, FIELD, "368", REASON_TYPED, later(2)).is_err(), "no temperature");
        assert!(phone.half_typed(note)?.corrections.get(FIELD) == Some(&typed));
        phone.amend_note(note, FIELD, "36.8", REASON_TYPED, later(3))?;
        assert!(phone.half_typed(note)? == HalfTyped::default());
        phone.keep_correction(note, FIELD, &typed, &nothing(), later(4))?;
        phone.keep_correction(note, FIELD, &nothing(), &typed, later(5))?;
        assert!(phone.half_typed(note)? == HalfTyped::default(), "thrown away");
        Ok(())
    }

    #[test]
    fn a_half_typed_reason_for_closing_survives_and_becomes_no_part_of_the_note() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.note(&phone, "p-1")?;
        let typed = JournalEntryOf { note, field: "condition", shown: "", typed: "安定。" };
        phone.keep_typed(&typed, later(1))?;
        phone.keep_closing_reason(note, "練習で開い", "", later(2))?;
        drop(phone);
        let phone = desk.unlock(later(3_600))?;
        assert_eq!(phone.half_typed(note)?.closing_reason, "練習で開い");
        let view = phone.show_note(note)?.view;
        assert_eq!(view.text("condition"), "安定。", "what was typed in a field is a change now");
        assert!(view.word("outcome_reason").is_none());
        phone.confirm_note(note, later(3_601))?;
        assert_eq!(phone.half_typed(note)?.closing_reason, "練習で開い", "a confirmed note is closed too");
        phone.keep_closing_reason(note, "練習で開いた", "練習で開い", later(3_602))?;
        phone.close_note(note, "discarded", "練習で開いた", None, later(3_602))?;
        assert!(phone.half_typed(note)? == HalfTyped::default());
        assert_eq!(phone.show_note(note)?.state, NoteState::Closed);
        Ok(())
    }

    #[test]
    fn what_is_half_typed_of_one_note_is_not_of_another() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (mine, other) = (desk.note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        phone.keep_closing_reason(mine, "外出", "", later(1))?;
        assert_eq!(phone.half_typed(other)?.closing_reason, "");
        assert!(phone.keep_closing_reason(DocumentId([7; 16]), "x", "", later(1)).is_err(), "no such note");
        assert!(!format!("{:?}", phone.half_typed(mine)?).contains("外出"), "never in a log");
        Ok(())
    }

    #[test]
    fn a_line_that_another_window_typed_unseen_is_put_aside_and_not_replaced() -> Outcome {
        let desk = Desk::new()?;
        let first = desk.unlock(NOW)?;
        let note = desk.confirmed_note(&first, "p-1")?;
        let second = desk.unlock(NOW)?;
        let (hers, mine) = (half(Some("36.8"), "転記"), half(Some("37.2"), ""));
        first.keep_correction(note, FIELD, &hers, &nothing(), later(1))?;
        first.keep_closing_reason(note, "外出", "", later(1))?;
        // Opened before she typed: it knows of nothing.
        second.keep_correction(note, FIELD, &mine, &nothing(), later(2))?;
        second.keep_closing_reason(note, "重複", "", later(2))?;
        let found = second.half_typed(note)?;
        assert!(found.corrections.get(FIELD) == Some(&mine) && found.closing_reason == "重複");
        let aside: Vec<(Option<&str>, &str)> =
            found.aside.iter().map(|aside| (aside.field.as_deref(), aside.typed.as_str())).collect();
        assert_eq!(aside.len(), 3, "each is still there");
        for line in [(Some(FIELD), "36.8"), (Some(FIELD), "転記"), (None, "外出")] {
            assert!(aside.contains(&line), "{:?}", line.0);
        }
        // The first types on, and has not seen the second's: nothing is lost, and nothing stands twice.
        let on = half(Some("36.85"), "転記");
        first.keep_correction(note, FIELD, &on, &hers, later(3))?;
        let found = first.half_typed(note)?;
        assert!(found.corrections.get(FIELD) == Some(&on));
        let of_field: Vec<&str> =
            found.aside.iter().filter(|aside| aside.field.is_some()).map(|aside| aside.typed.as_str()).collect();
        assert_eq!(of_field, ["37.2"]);
        // Thrown away unseen is put aside as well.
        second.keep_correction(note, FIELD, &nothing(), &mine, later(4))?;
        let found = second.half_typed(note)?;
        assert!(found.corrections.is_empty() && found.aside.iter().any(|aside| aside.typed == "36.85"));
        for aside in &found.aside {
            second.forget_aside(note, aside)?;
        }
        assert!(second.half_typed(note)?.aside.is_empty());
        Ok(())
    }

    #[test]
    fn a_line_that_an_app_that_died_left_is_typed_on_once_it_was_shown() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let note = desk.confirmed_note(&phone, "p-1")?;
        phone.keep_correction(note, FIELD, &half(Some("36."), "転記"), &nothing(), later(1))?;
        drop(phone);
        let phone = desk.unlock(later(3_600))?;
        let known = phone.half_typed(note)?.corrections.remove(FIELD).ok_or("nothing came back")?;
        phone.keep_correction(note, FIELD, &half(Some("36.8"), "転記"), &known, later(3_601))?;
        let found = phone.half_typed(note)?;
        assert!(found.aside.is_empty() && found.corrections.get(FIELD) == Some(&half(Some("36.8"), "転記")));
        Ok(())
    }

    #[test]
    fn what_another_window_has_half_typed_outlives_a_signature_on_something_else() -> Outcome {
        let desk = Desk::new()?;
        let first = desk.unlock(NOW)?;
        let note = desk.confirmed_note(&first, "p-1")?;
        let second = desk.unlock(NOW)?;
        first.keep_correction(note, FIELD, &half(Some("36.8"), "転記"), &nothing(), later(1))?;
        first.keep_closing_reason(note, "重複", "", later(1))?;
        second.amend_note(note, FIELD, "37.2", REASON_TYPED, later(2))?;
        second.close_note(note, "discarded", "練習で開いた", None, later(3))?;
        let found = first.half_typed(note)?;
        assert!(found.corrections.get(FIELD) == Some(&half(Some("36.8"), "転記")) && found.closing_reason == "重複");
        drop(second);
        // What comes back and is signed as it stood goes.
        let third = desk.unlock(later(3_600))?;
        let other = desk.confirmed_note(&third, "p-2")?;
        first.keep_correction(other, FIELD, &half(Some("36.8"), "転記"), &nothing(), later(3_601))?;
        third.amend_note(other, FIELD, "36.8", "転記", later(3_602))?;
        assert!(third.half_typed(other)? == HalfTyped::default());
        Ok(())
    }

    #[test]
    fn whatever_is_half_typed_is_listed_until_it_is_signed_or_thrown_away() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let (mine, other) = (desk.confirmed_note(&phone, "p-1")?, desk.note(&phone, "p-2")?);
        assert!(phone.half_typed_acts()?.is_empty());
        phone.keep_correction(mine, FIELD, &half(Some("36.8"), "転記"), &nothing(), later(1))?;
        phone.keep_closing_reason(other, "外出", "", later(2))?;
        let typed = JournalEntryOf { note: other, field: "condition", shown: "", typed: "安定。" };
        phone.keep_typed(&typed, later(3))?;
        let acts = phone.half_typed_acts()?;
        let listed: Vec<(DocumentId, Option<&str>, &str)> =
            acts.iter().map(|act| (act.note, act.field.as_deref(), act.patient.as_str())).collect();
        assert_eq!(
            listed,
            [(other, None, "p-2"), (mine, Some(FIELD), "p-1")],
            "the latest first, a field's text is none"
        );
        assert_eq!(acts[0].at, later(2));
        phone.amend_note(mine, FIELD, "36.8", REASON_TYPED, later(4))?;
        phone.keep_closing_reason(other, "", "外出", later(5))?;
        assert!(phone.half_typed_acts()?.is_empty());
        Ok(())
    }
}
