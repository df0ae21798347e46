//! Laws of merging, tried on arbitrary days of two to five phones.

use super::*;
use crate::visit_note::{Field, changes::decode};
use proptest::prelude::*;

const NOTE: DocumentId = DocumentId([9; 16]);
const TEXTS_USED: [&str; 4] = ["condition", "remarks", "emergency.request", "ulcer.1.care"];
const VALUES_USED: [&str; 3] = ["pulse_bpm", "temperature_c", "pain_nrs"];

/// Something that happens on one phone, or between two.
#[derive(Debug, Clone)]
enum Step {
    /// Types at a place of a text: replaces `delete` characters by `insert`.
    Write {
        phone: usize,
        text: usize,
        at: usize,
        delete: usize,
        insert: String,
    },
    /// Types over what the screen showed some time ago: a colleague's words have arrived since.
    WriteStale {
        phone: usize,
        text: usize,
        insert: String,
    },
    Set {
        phone: usize,
        field: usize,
        value: u8,
    },
    Unmeasured {
        phone: usize,
        field: usize,
    },
    Clear {
        phone: usize,
        field: usize,
    },
    Close {
        phone: usize,
    },
    /// Freezes what is unsent into an entry on the wire.
    Send {
        phone: usize,
    },
    /// Any entry of the wire reaches any phone: late, again, before its parents, or never.
    Deliver {
        entry: usize,
        phone: usize,
    },
    /// Locked, compacted, unlocked under a new session.
    Reopen {
        phone: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let phone = 0..5usize;
    prop_oneof![
        4 => (phone.clone(), 0..4usize, 0..12usize, 0..3usize, "[あ-う浮腫]{0,3}")
            .prop_map(|(phone, text, at, delete, insert)| Step::Write { phone, text, at, delete, insert }),
        2 => (phone.clone(), 0..4usize, "[あ-う]{1,3}").prop_map(|(phone, text, insert)| Step::WriteStale { phone, text, insert }),
        3 => (phone.clone(), 0..3usize, 4..8u8).prop_map(|(phone, field, value)| Step::Set { phone, field, value }),
        1 => (phone.clone(), 0..3usize).prop_map(|(phone, field)| Step::Unmeasured { phone, field }),
        1 => (phone.clone(), 0..3usize).prop_map(|(phone, field)| Step::Clear { phone, field }),
        1 => phone.clone().prop_map(|phone| Step::Close { phone }),
        3 => phone.clone().prop_map(|phone| Step::Send { phone }),
        5 => (0..40usize, phone.clone()).prop_map(|(entry, phone)| Step::Deliver { entry, phone }),
        1 => phone.prop_map(|phone| Step::Reopen { phone }),
    ]
}

struct Phone {
    device: DeviceId,
    sessions: u8,
    draft: Draft,
    sent: u64,
    /// What the screen showed of each text when it was last looked at.
    shown: [String; 4],
    /// As the vault keeps it: compacted once, changes behind it.
    stored: Vec<u8>,
    tail: Vec<Vec<u8>>,
}

impl Phone {
    /// Keeps a change as the vault does.
    fn keeps(&mut self, change: Option<RawChange>) {
        let Some(change) = change else { return };
        if self.draft.must_be_saved_whole() {
            self.compacts();
        } else {
            self.tail.push(change.bytes);
        }
    }

    fn compacts(&mut self) {
        self.stored = self.draft.save();
        self.tail.clear();
    }
}

struct Wire {
    phones: Vec<Phone>,
    entries: Vec<(DeviceId, NewEntry)>,
}

type Done = Result<(), Box<dyn std::error::Error>>;

impl Wire {
    fn of(count: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let mut phones = Vec::new();
        for number in 1..=count as u8 {
            let device = DeviceId([number; 8]);
            let mut draft = Draft::new(NOTE, Form::VisitNote, Actor { device, session: [0; 8] });
            draft.written_by(&format!("nurse-{number}").parse()?);
            let about = About { patient: "p1".parse()?, station: "st".parse()?, visit: None };
            let begun = draft.begin(&about, None, Timestamp::from_second(1)?)?;
            let (shown, stored, tail) = (Default::default(), Vec::new(), Vec::new());
            let mut phone = Phone { device, sessions: 0, draft, sent: 0, shown, stored, tail };
            phone.keeps(begun);
            phones.push(phone);
        }
        Ok(Self { phones, entries: Vec::new() })
    }

    fn does(&mut self, step: &Step, second: i64) -> Done {
        let count = self.phones.len();
        let at = Timestamp::from_second(second)?;
        match step {
            Step::Write { phone, text, at: place, delete, insert } => {
                let phone = &mut self.phones[phone % count];
                let field = Field::named(TEXTS_USED[*text])?;
                let shown = phone.draft.view()?.text(field.name).to_string();
                let mut typed: Vec<char> = shown.chars().collect();
                let place = place % (typed.len() + 1);
                let end = (place + delete).min(typed.len());
                typed.splice(place..end, insert.chars());
                let typed: String = typed.into_iter().collect();
                let change = phone.draft.edit_text(field, &shown, &typed, at)?;
                phone.keeps(change);
                assert_eq!(phone.draft.view()?.text(field.name), typed, "she reads what she typed");
                phone.shown[*text] = typed;
            }
            Step::WriteStale { phone, text, insert } => {
                let phone = &mut self.phones[phone % count];
                let field = Field::named(TEXTS_USED[*text])?;
                let before = phone.draft.view()?.text(field.name).to_string();
                let shown = phone.shown[*text].clone();
                let typed = format!("{shown}{insert}");
                let change = phone.draft.edit_text(field, &shown, &typed, at)?;
                phone.keeps(change);
                let after = phone.draft.view()?.text(field.name).to_string();
                assert!(after.chars().count() >= before.chars().count(), "a stale buffer deletes nothing");
                phone.shown[*text] = after;
            }
            Step::Set { phone, field, value } => {
                let field = Field::named(VALUES_USED[*field])?;
                let value = if field.name == "temperature_c" {
                    30 + value
                } else if field.name == "pulse_bpm" {
                    60 + value
                } else {
                    *value
                };
                let phone = &mut self.phones[phone % count];
                let change = phone.draft.set(field, FieldValue::Number(value.into()), at)?;
                phone.keeps(change);
            }
            Step::Unmeasured { phone, field } => {
                let field = Field::named(VALUES_USED[*field])?;
                let phone = &mut self.phones[phone % count];
                let change = phone.draft.set(field, field.unmeasured("拒否")?, at)?;
                phone.keeps(change);
            }
            Step::Clear { phone, field } => {
                let phone = &mut self.phones[phone % count];
                let change = phone.draft.clear(Field::named(VALUES_USED[*field])?, at)?;
                phone.keeps(change);
            }
            Step::Close { phone } => {
                let phone = &mut self.phones[phone % count];
                let change = phone.draft.close("discarded", "重複", None, at)?;
                phone.keeps(change);
            }
            Step::Send { phone } => self.sends(phone % count)?,
            Step::Deliver { entry, phone } if !self.entries.is_empty() => {
                self.delivers(entry % self.entries.len(), phone % count)?;
            }
            Step::Deliver { .. } => {}
            Step::Reopen { phone } => {
                let phone = &mut self.phones[phone % count];
                phone.sessions += 1;
                let before = (phone.draft.view()?, phone.draft.heads());
                let actor = Actor { device: phone.device, session: [phone.sessions; 8] };
                phone.draft = Draft::load(NOTE, Form::VisitNote, &phone.stored, &phone.tail, actor)?;
                if phone.sessions.is_multiple_of(2) {
                    phone.compacts();
                    phone.draft = Draft::load(NOTE, Form::VisitNote, &phone.stored, &[], actor)?;
                }
                phone.draft.written_by(&format!("nurse-{}", phone.device.0[0]).parse()?);
                assert_eq!((phone.draft.view()?, phone.draft.heads()), before, "compaction changes nothing");
            }
        }
        Ok(())
    }

    fn sends(&mut self, phone: usize) -> Done {
        let phone = &mut self.phones[phone];
        if let Some(entry) = phone.draft.entry_of(phone.device, phone.sent)? {
            phone.sent = entry.up_to;
            self.entries.push((phone.device, entry));
        }
        Ok(())
    }

    fn delivers(&mut self, entry: usize, phone: usize) -> Done {
        let (device, entry) = &self.entries[entry];
        let incoming = decode(NOTE, Form::VisitNote, entry.encoding, &entry.bytes)?;
        assert_eq!(incoming.hash(NOTE), entry.hash);
        assert!(incoming.is_by(*device));
        self.phones[phone].draft.apply(&incoming)?;
        self.phones[phone].compacts();
        Ok(())
    }
}

fn a_day(count: usize, steps: &[Step], backwards: bool) -> Done {
    let mut wire = Wire::of(count)?;
    for (second, step) in steps.iter().enumerate() {
        wire.does(step, second as i64 + 2)?;
    }
    (0..count).try_for_each(|phone| wire.sends(phone))?;
    // In the end everything reaches everyone, in one order here and in another there.
    for phone in 0..count {
        let mut order: Vec<usize> = (0..wire.entries.len()).collect();
        if backwards == (phone % 2 == 0) {
            order.reverse();
        }
        order.rotate_left(phone % wire.entries.len().max(1));
        order.into_iter().try_for_each(|entry| wire.delivers(entry, phone))?;
    }
    let (first, others) = wire.phones.split_first_mut().ok_or("no phones")?;
    let (view, heads) = (first.draft.view()?, first.draft.heads());
    for other in others {
        assert_eq!(other.draft.heads(), heads);
        assert_eq!(other.draft.view()?, view);
    }
    let stored = first.draft.save();
    let mut again =
        Draft::load(NOTE, Form::VisitNote, &stored, &[], Actor { device: DeviceId([77; 8]), session: [7; 8] })?;
    assert_eq!((again.view()?, again.heads()), (view, heads));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn any_day_of_two_to_five_phones_ends_in_one_note(
        count in 2..6usize,
        steps in prop::collection::vec(step(), 1..40),
        backwards: bool,
    ) {
        if let Err(error) = a_day(count, &steps, backwards) {
            prop_assert!(false, "{error}");
        }
    }
}
