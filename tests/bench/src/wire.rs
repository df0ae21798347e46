//! Bodies as phone and hub send them, around the entries and items that a program brings.

use crate::Done;
use crate::dice::Dice;
use crate::nurse::{Edit, MORNING, Note, notes_of_a_day};
use crate::words::DAY;
use ed25519_dalek::SigningKey;
use protocol::{
    Cursor, Durability, Entry, Epoch, FeedItem, Kind, Policy, Receipt, ReceiptItem, Series, SyncRequest, SyncResponse,
    WIRE_VERSION,
};
use record::visit_note::{ConfirmContext, Encoding, Field, FieldValue};
use record::{ContentHash, DeviceId, DocumentId, Form};

/// 2026-11-23 09:00 in Japan, as the wire counts.
pub const MORNING_MS: i64 = MORNING * 1_000;

pub fn hash(dice: &mut Dice) -> ContentHash {
    ContentHash(dice.bytes())
}

pub fn id(dice: &mut Dice) -> DocumentId {
    DocumentId::from_random(dice.bytes())
}

/// New notes of one nurse, one entry each.
pub fn entries_of(notes: &[Note], first_seq: u64) -> Done<Vec<Entry>> {
    let entry = |(seq, note): (u64, &Note)| {
        let new = note.draft()?.entry_of(note.actor.device, 0)?.ok_or("a written note has an entry")?;
        Ok(Entry {
            seq,
            doc: note.id,
            patient: note.about.patient.clone(),
            kind: Kind::from(Form::VisitNote.tag()),
            enc: new.encoding.into(),
            hash: new.hash,
            bytes: new.bytes,
        })
    };
    (first_seq..).zip(notes).map(entry).collect()
}

pub fn request(device: DeviceId, first_seq: u64, entries: Vec<Entry>, dice: &mut Dice) -> SyncRequest {
    SyncRequest {
        v: WIRE_VERSION,
        device,
        series: Series(id(dice)),
        epoch: Epoch(id(dice)),
        cursor: Cursor { n: 20_000 + dice.below(40_000) as u64, chain: hash(dice) },
        first_seq,
        entries,
        budget: 1 << 20,
        earlier: Vec::new(),
        want: Vec::new(),
        derives: false,
        digests: Vec::new(),
        proof: None,
    }
}

/// An answer with so many entries received. The hub signs a receipt over none too.
pub fn response(received: u64, feed: Vec<FeedItem>, dice: &mut Dice) -> SyncResponse {
    let up_to = 1_000 + dice.below(1_000) as u64;
    let at = MORNING_MS + dice.below(40_000_000) as i64;
    let items = (1..=received).map(|n| ReceiptItem { seq: up_to - received + n, at }).collect();
    SyncResponse {
        v: WIRE_VERSION,
        epoch: Epoch(id(dice)),
        time: at + 40,
        received_up_to: up_to,
        durable_up_to: up_to,
        receipt: Receipt { items, signature: dice.bytes::<64>().to_vec() },
        held: Vec::new(),
        rejected: Vec::new(),
        feed,
        pages: None,
        from: None,
        next_cursor: Cursor { n: 20_000 + dice.below(40_000) as u64, chain: hash(dice) },
        more: false,
        policy: Some(Policy { durability: Durability::Fsynced, lease_until: Some(at + 72 * 3_600_000) }),
        renew: false,
        differs: Vec::new(),
    }
}

/// What a new phone is told at first: about so many bytes of notes in random words, each with its confirmation.
pub fn first_sync(bytes: usize, dice: &mut Dice) -> Done<SyncResponse> {
    let words: Vec<char> = DAY.concat().concat().chars().collect();
    let (mut feed, mut told) = (Vec::new(), 0);
    while told < bytes {
        for mut note in notes_of_a_day(dice)? {
            // An emergency visit is confirmed with a sub-record of its own.
            note.edits.retain(|(_, edit)| matches!(edit, Edit::Value(field, _) if *field != "visit_kind"));
            let mut at = note.planned.0;
            for field in ["condition", "care_given", "plan", "family"] {
                let mut typed = String::new();
                for _ in 0..7 {
                    let shown = typed.clone();
                    for _ in 0..1 + dice.below(4) {
                        let from = dice.below(words.len() - 8);
                        typed.extend(&words[from..from + 2 + dice.below(6)]);
                    }
                    at += jiff::SignedDuration::from_secs(20);
                    note.edits.push((at, Edit::Text { field, shown, typed: typed.clone() }));
                }
            }
            let mut draft = note.draft()?;
            let new = draft.entry_of(note.actor.device, 0)?.ok_or("a written note has an entry")?;
            let key = SigningKey::from_bytes(&dice.bytes());
            let staff = note.staff.parse()?;
            draft.set(Field::named("visit_kind")?, FieldValue::Word("regular".to_string()), at)?;
            draft.set(Field::named("ended_at")?, FieldValue::Time(at), at)?;
            let signed = draft.confirm(&staff, note.actor.device, &key, at, &ConfirmContext::default())?;
            for (kind, enc, bytes) in
                [(Kind::Note, new.encoding, new.bytes), (Kind::Confirmation, Encoding::Cbor, signed.to_bytes()?)]
            {
                told += bytes.len();
                feed.push(FeedItem {
                    n: 20_000 + feed.len() as u64,
                    kind,
                    doc: note.id,
                    patient: Some(note.about.patient.clone()),
                    enc: enc.into(),
                    bytes,
                    at: MORNING_MS + dice.below(1_000_000_000) as i64,
                });
            }
        }
    }
    Ok(response(0, feed, dice))
}
