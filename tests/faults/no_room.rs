//! More is relayed than a station's phones may have wait at the hub.

use super::held;
use device::http::HubLine;
use device::{Failure, FileKeyStore, Pin, RefusalCode, Trigger};
use jiff::Timestamp;
use protocol::Engine;
use rusqlite::Connection;
use serde_json::json;
use std::collections::BTreeSet;
use stories::{Hub, Outcome, Phone};

/// How many bytes may wait of all that a station's phones brought.
const ROOM: i64 = 256 << 20;

fn written(phone: &Phone, patient: &str, fields: &[&str]) -> Outcome<String> {
    let note = phone.start_note(patient, None)?;
    for field in fields {
        phone.write_text(&note, field, "下肢浮腫あり。")?;
    }
    Ok(note)
}

fn waiting(hub: &Hub) -> Outcome<BTreeSet<String>> {
    Ok(held(hub)?.into_iter().map(|(id, ..)| id).collect())
}

fn relayed(notes: &[&String]) -> BTreeSet<String> {
    notes.iter().map(|note| format!("relayed-{note}")).collect()
}

/// Whatever the hub lacks of a phone's is taken, or refused: how many documents of each.
fn brings(phone: &Phone) -> Outcome<(usize, usize)> {
    let (store, now) = (FileKeyStore::beside(&phone.vault), Timestamp::now());
    let open = device::Phone::unlock(&phone.vault, &store, &Pin::new("2468")?, now)?;
    let runtime = tokio::runtime::Runtime::new()?;
    // Behind this sync one request: what of it does the hub lack?
    let end = runtime.block_on(open.run_for(&mut Engine::new(), Trigger::Manual, 0, || true));
    end.result.map_err(|failure| format!("{failure:?}"))?;
    let line = HubLine::for_sync(open.identity(), 0).map_err(|failure| format!("{failure:?}"))?;
    let (mut taken, mut refused) = (0, 0);
    while let Some(step) = open.relay_step(None)? {
        match runtime.block_on(line.push(&step.request)) {
            Ok(answer) => {
                assert!(open.take_relayed(&step, &answer)?);
                taken += usize::from(!step.request.copies.is_empty());
            }
            Err(Failure::Refused(code)) => {
                assert_eq!(code, RefusalCode::RelayFull);
                assert!(open.take_refusal(&step, code)?, "it goes on with the next one");
                refused += 1;
            }
            Err(failure) => return Err(format!("{failure:?}").into()),
        }
    }
    Ok((taken, refused))
}

/// The self-check makes the next sync compare; news that it reads come first.
fn compares(phone: &Phone) -> Outcome {
    for _ in 0..3 {
        phone.ok(&["doctor"])?;
        phone.ok(&["sync"])?;
    }
    Ok(())
}

#[test]
fn what_the_hub_has_no_room_for_stays_on_its_phone_and_gets_in_once_a_person_has_decided_about_the_rest() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    hub.ok(&["staff", "add", "--facility", "st-1", "--id", "nurse-c", "--name", "nurse-c", "--role", "nurse"])?;
    let (a, b, c) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?, hub.phone("nurse-c")?);
    for phone in [&a, &b, &c] {
        phone.ok(&["sync"])?;
    }
    let file = hub.back_up("yesterday.db")?;
    // Two notes that both colleagues have read, and two shorter ones that only one of them has.
    let long = ["condition", "plan"];
    let (first, second) = (written(&a, &patient, &long)?, written(&a, &patient, &long)?);
    for phone in [&a, &b, &c] {
        phone.ok(&["sync"])?;
    }
    let (third, fourth) = (written(&a, &patient, &long[..1])?, written(&a, &patient, &long[..1])?);
    for phone in [&a, &b] {
        phone.ok(&["sync"])?;
    }
    std::fs::remove_file(&a.vault)?;
    hub.put_back(&file)?;
    c.ok(&["sync"])?;
    assert_eq!(waiting(&hub)?, relayed(&[&first, &second]));
    // Somebody brought so much that nobody can read that nothing more has room.
    let fill =
        "INSERT INTO capsule (device, series, n, sealed_hash, received_at, station, doc, patient, state, sealed, maker)
        SELECT max(device), zeroblob(16), 1, zeroblob(32), 0, 'st-1', zeroblob(16), max(patient), 'unreadable',
            zeroblob(?1 - 512 - sum(length(sealed) + 512)), max(maker)
        FROM capsule WHERE maker IS NOT NULL";
    assert_eq!(Connection::open(hub.path("hub/hub.db"))?.execute(fill, [ROOM])?, 1);
    assert_eq!(brings(&b)?, (2, 2), "what waits there already needs no room");
    compares(&b)?;
    assert_eq!(waiting(&hub)?, relayed(&[&first, &second]));
    for note in [&third, &fourth] {
        let shown = b.ok(&["note", "show", note])?;
        assert_eq!(shown["fields"]["condition"], json!("下肢浮腫あり。"), "it stays where it is");
    }
    // What is let in waits no more, and one of the shorter ones has room.
    assert_eq!(hub.ok(&["held", "accept", &format!("relayed-{first}")])?["state"], json!("passed"));
    compares(&b)?;
    let one = waiting(&hub)?;
    assert_eq!(one.intersection(&relayed(&[&third, &fourth])).count(), 1, "{one:?}");
    assert!(one.len() == 2 && one.contains(&format!("relayed-{second}")), "{one:?}");
    // What is sent back waits no more either.
    hub.ok(&["held", "return", &format!("relayed-{second}")])?;
    compares(&b)?;
    assert_eq!(waiting(&hub)?, relayed(&[&third, &fourth]));
    for note in [&third, &fourth] {
        hub.ok(&["held", "accept", &format!("relayed-{note}")])?;
    }
    b.ok(&["sync"])?;
    let listed = hub.ok(&["note", "list"])?;
    assert_eq!(listed.as_array().map(Vec::len), Some(3), "all but the one that was sent back: {listed}");
    hub.ok(&["audit", "verify"]).map(|_| ())
}
