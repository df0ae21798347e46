use super::*;
use crate::visit_note::{NoteState, VisitNote, changes::decode};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const NOTE: DocumentId = DocumentId([9; 16]);
const DAY: jiff::civil::Date = jiff::civil::date(2026, 11, 22);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_300_000 + second).unwrap_or_default()
}

/// A nurse with a phone.
struct Nurse {
    staff: StaffId,
    device: DeviceId,
    draft: Draft,
    sent: u64,
}

impl Nurse {
    fn opens(name: &str, number: u8) -> Result<Self, Box<dyn std::error::Error>> {
        let device = DeviceId([number; 8]);
        let mut draft = Draft::new(NOTE, Actor { device, session: [number; 8] });
        let staff: StaffId = name.parse()?;
        let about = About { patient: "p1".parse()?, station: "st".parse()?, visit: Some(DocumentId([3; 16])) };
        draft.begin(&about, device, &staff, at(0))?;
        Ok(Self { staff, device, draft, sent: 0 })
    }

    fn sets(&mut self, field: &str, value: &str, second: i64) -> Outcome {
        let field = Field::named(field)?;
        self.draft.set(field, field.parse(value, DAY)?, at(second))?;
        Ok(())
    }

    fn writes(&mut self, field: &str, shown: &str, typed: &str, second: i64) -> Outcome {
        self.draft.edit_text(Field::named(field)?, shown, typed, at(second))?;
        Ok(())
    }

    /// Everything unsent, over the wire's bytes.
    fn sends_to(&mut self, other: &mut Nurse) -> Outcome {
        if let Some(entry) = self.draft.entry_of(self.device, self.sent)? {
            let incoming = decode(NOTE, entry.encoding, &entry.bytes)?;
            let hashes: Vec<_> = incoming.iter().map(IncomingChange::hash).collect();
            assert_eq!(changes::entry_hash(NOTE, &hashes), entry.hash);
            assert!(incoming.iter().all(|c| c.device() == Some(self.device)));
            other.draft.apply(&incoming)?;
            self.sent = entry.up_to;
        }
        Ok(())
    }
}

#[test]
fn the_root_is_the_same_for_ever() {
    assert_eq!(
        ChangeHash(root_change(NOTE).hash().0).to_string(),
        "5cd7e15820fd12ff3ce3e4185841ac0b0ea4733fa018ae6450533cd9209429ae"
    );
    assert_ne!(root_change(NOTE).hash(), root_change(DocumentId([8; 16])).hash());
}

#[test]
fn two_phones_that_open_one_visit_from_nothing_show_both_texts_and_both_values() -> Outcome {
    for a_first in [true, false] {
        let (mut a, mut b) = (Nurse::opens("nurse-a", 1)?, Nurse::opens("nurse-b", 2)?);
        a.writes("condition", "", "下肢浮腫あり。", 1)?;
        a.sets("temperature_c", "36.5", 2)?;
        b.writes("condition", "", "食欲良好。", 3)?;
        b.sets("temperature_c", "37.2", 4)?;
        b.sets("pulse_bpm", "88", 5)?;
        a.sets("pulse_bpm", "88", 6)?;
        if a_first {
            a.sends_to(&mut b)?;
            b.sends_to(&mut a)?;
        } else {
            b.sends_to(&mut a)?;
            a.sends_to(&mut b)?;
        }
        let (view_a, view_b) = (a.draft.view()?, b.draft.view()?);
        assert_eq!(view_a, view_b);
        assert_eq!(a.draft.heads(), b.draft.heads());
        assert!(view_a.text("condition").contains("下肢浮腫あり。") && view_a.text("condition").contains("食欲良好。"));
        assert_eq!(view_a.fields.get("pulse_bpm"), Some(&FieldValue::Number(88.0)), "equal values count as one");
        assert_eq!(view_a.conflicts.len(), 1);
        let staff: Vec<_> = view_a.conflicts[0].values.iter().map(|v| v.staff.clone()).collect();
        assert_eq!(staff, [Some(a.staff.clone()), Some(b.staff.clone())]);
        a.sets("temperature_c", "36.5", 9)?;
        assert!(a.draft.view()?.conflicts.is_empty(), "a pick settles it");
    }
    Ok(())
}

#[test]
fn a_note_without_the_required_parts_is_not_confirmed() -> Outcome {
    let mut a = Nurse::opens("nurse-a", 1)?;
    let key = SigningKey::from_bytes(&[4; 32]);
    let (staff, device) = (a.staff.clone(), a.device);
    assert!(a.draft.confirm(&staff, device, &key, at(1)).is_err());
    a.sets("started_at", "09:30", 1)?;
    a.sets("ended_at", "09:10", 1)?;
    a.draft.set(Field::named("temperature_c")?, Field::named("temperature_c")?.unmeasured("拒否")?, at(2))?;
    assert!(matches!(
        a.draft.confirm(&staff, device, &key, at(3)),
        Err(crate::visit_note::ConfirmError::TimesReversed)
    ));
    a.sets("ended_at", "10:28", 4)?;
    let signed = a.draft.confirm(&staff, device, &key, at(5))?;
    assert_eq!(signed.open(NOTE)?.staff, staff);
    Ok(())
}

#[test]
fn at_e1_a_late_edit_proposes_and_never_changes_the_confirmed_text() -> Outcome {
    let (mut a, mut b) = (Nurse::opens("nurse-a", 1)?, Nurse::opens("nurse-b", 2)?);
    a.writes("condition", "", "安定。", 1)?;
    for (field, value) in [("started_at", "09:30"), ("ended_at", "10:20"), ("temperature_c", "36.5")] {
        a.sets(field, value, 2)?;
    }
    b.writes("condition", "", "咳あり。", 3)?;
    let signed = a.draft.confirm(&a.staff.clone(), a.device, &SigningKey::from_bytes(&[4; 32]), at(5))?;
    let frozen = signed.frozen.clone();
    b.sends_to(&mut a)?;
    let mut note = VisitNote::from_parts(a.draft, vec![signed])?;
    assert_eq!(note.state(), NoteState::Confirmed);
    assert_eq!(note.view()?.text("condition"), "安定。");
    let VisitNote::Confirmed(confirmed) = &mut note else { return Err("not confirmed".into()) };
    assert_eq!(confirmed.signed().frozen, frozen);
    let amendments = confirmed.proposed_amendments()?;
    assert_eq!(amendments.len(), 1);
    assert_eq!(amendments[0].staff, Some(b.staff));
    Ok(())
}

#[test]
fn one_altered_byte_of_a_confirmation_is_noticed() -> Outcome {
    let mut a = Nurse::opens("nurse-a", 1)?;
    for (field, value) in [("started_at", "09:30"), ("ended_at", "10:20"), ("temperature_c", "36.5")] {
        a.sets(field, value, 2)?;
    }
    let signed = a.draft.confirm(&a.staff.clone(), a.device, &SigningKey::from_bytes(&[4; 32]), at(5))?;
    for i in 0..signed.frozen.len() {
        let mut altered = signed.clone();
        altered.frozen[i] ^= 1;
        assert!(altered.open(NOTE).is_err());
    }
    Ok(())
}

#[test]
fn another_notes_changes_do_not_apply() -> Outcome {
    let mut other = Draft::new(DocumentId([8; 16]), Actor { device: DeviceId([1; 8]), session: [1; 8] });
    other.edit_text(Field::named("remarks")?, "", "x", at(1))?;
    let entry = other.entry_of(DeviceId([1; 8]), 0)?.ok_or("nothing to send")?;
    assert_eq!(decode(NOTE, entry.encoding, &entry.bytes).err(), Some(ChangeError::OtherDocument));
    Ok(())
}

#[test]
fn flipped_bytes_are_an_error_or_harmless_and_never_a_panic() -> Outcome {
    let mut a = Nurse::opens("nurse-a", 1)?;
    a.writes("condition", "", "下肢浮腫あり。", 1)?;
    let entry = a.draft.entry_of(a.device, 0)?.ok_or("nothing to send")?;
    std::panic::set_hook(Box::new(|_| {}));
    for i in 0..entry.bytes.len() {
        let mut bytes = entry.bytes.clone();
        bytes[i] ^= 0x41;
        if let Ok(incoming) = decode(NOTE, entry.encoding, &bytes) {
            let hashes: Vec<_> = incoming.iter().map(IncomingChange::hash).collect();
            if changes::entry_hash(NOTE, &hashes) == entry.hash {
                continue;
            }
            let mut fresh = Draft::new(NOTE, Actor { device: DeviceId([5; 8]), session: [5; 8] });
            let _ = fresh.apply(&incoming);
            fresh.view()?;
        }
    }
    let _ = std::panic::take_hook();
    Ok(())
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize, usize, String),
    Set(usize, u8),
    Send(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..3usize, 0..2usize, "[あ-お]{1,4}").prop_map(|(n, f, t)| Step::Write(n, f, t)),
        (0..3usize, 60..64u8).prop_map(|(n, v)| Step::Set(n, v)),
        (0..3usize, 0..3usize).prop_map(|(a, b)| Step::Send(a, b)),
    ];
    prop::collection::vec(step, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_order_of_edits_and_meetings_ends_in_one_note(steps in steps()) {
        let run = || -> Result<(), Box<dyn std::error::Error>> {
            let mut nurses = vec![Nurse::opens("nurse-a", 1)?, Nurse::opens("nurse-b", 2)?, Nurse::opens("nurse-c", 3)?];
            let meet = |nurses: &mut Vec<Nurse>, from: usize, to: usize| -> Outcome {
                // Everything, repeats included: repeats are harmless.
                let Some(entry) = ({ let n = &mut nurses[from]; n.draft.entry_of(n.device, 0)? }) else { return Ok(()) };
                let incoming = decode(NOTE, entry.encoding, &entry.bytes)?;
                nurses[to].draft.apply(&incoming)?;
                Ok(())
            };
            for (i, step) in steps.iter().enumerate() {
                match step {
                    Step::Write(n, f, text) => {
                        let field = ["condition", "remarks"][*f];
                        let shown = nurses[*n].draft.view()?.text(field).to_string();
                        nurses[*n].writes(field, &shown, &format!("{shown}{text}"), i as i64)?;
                    }
                    Step::Set(n, v) => nurses[*n].sets("pulse_bpm", &v.to_string(), i as i64)?,
                    Step::Send(a, b) => meet(&mut nurses, *a, *b)?,
                }
            }
            for _ in 0..2 {
                for a in 0..3 { for b in 0..3 { meet(&mut nurses, a, b)?; } }
            }
            let views: Vec<_> = nurses.iter().map(|n| n.draft.view()).collect::<Result<_, _>>()?;
            assert_eq!(views[0], views[1]);
            assert_eq!(views[1], views[2]);
            let saved = nurses[0].draft.save();
            let mut loaded = Draft::load(NOTE, &saved, &[], Actor { device: DeviceId([7; 8]), session: [7; 8] })?;
            assert_eq!(loaded.view()?, views[0]);
            assert_eq!(loaded.heads(), nurses[0].draft.heads());
            Ok(())
        };
        if let Err(error) = run() {
            prop_assert!(false, "{error}");
        }
    }
}
