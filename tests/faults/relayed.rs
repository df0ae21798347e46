//! 中継 (relay): the hub was put back, and the phone that wrote since is gone. What colleagues' phones hold of it comes back.

mod no_room;

use device::Trigger;
use jiff::Timestamp;
use protocol::Engine;
use record::PatientId;
use rusqlite::Connection;
use serde_json::{Value, json};
use stories::{Hub, Outcome, Phone};

/// Of each relayed document that waits for a person: its id, who brought it, whose words it is.
fn held(hub: &Hub) -> Outcome<Vec<(String, Value, Value)>> {
    let held = hub.ok(&["held", "list"])?;
    let mut rows: Vec<(String, Value, Value)> = held
        .as_array()
        .into_iter()
        .flatten()
        .filter(|row| row["reason"] == json!("relayed"))
        .map(|row| (row["held"].as_str().unwrap_or_default().to_string(), row["staff"].clone(), row["authors"].clone()))
        .collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(rows)
}

/// A note that only a colleague's phone holds: nurse-a wrote it since the backup, her phone is gone, and the hub was put back.
fn left_with_a_colleague() -> Outcome<(Hub, Phone, String)> {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let file = hub.back_up("yesterday.db")?;
    b.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    std::fs::remove_file(&a.vault)?;
    hub.put_back(&file)?;
    Ok((hub, b, note))
}

#[test]
fn the_last_day_of_a_phone_that_is_gone_comes_back_to_a_restored_hub_from_a_colleagues() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b, c) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?, hub.member("nurse-c", "nurse")?);
    for phone in [&a, &b, &c] {
        phone.ok(&["sync"])?;
    }
    let file = hub.back_up("yesterday.db")?;
    // Since the backup: a note in which two write in turns, and a confirmed one.
    let shared = a.start_note(&patient, None)?;
    a.write_text(&shared, "condition", "下肢浮腫あり。")?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    b.write_text(&shared, "plan", "次回は体重測定。")?;
    b.ok(&["sync"])?;
    a.ok(&["sync"])?;
    a.write_text(&shared, "condition", "下肢浮腫あり。右に強い。")?;
    let confirmed = a.start_note(&patient, None)?;
    a.fill_in(&confirmed)?;
    a.ok(&["note", "confirm", &confirmed])?;
    a.ok(&["sync"])?;
    for phone in [&b, &c] {
        phone.ok(&["sync"])?;
    }
    // Her phone falls into a river, the hub's disk breaks.
    std::fs::remove_file(&a.vault)?;
    hub.put_back(&file)?;
    assert_eq!(hub.ok(&["note", "list"])?, json!([]));
    b.ok(&["sync"])?;
    let waiting = held(&hub)?;
    let mut expected = [format!("relayed-{shared}"), format!("relayed-{confirmed}")];
    expected.sort();
    assert_eq!(waiting.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), expected);
    assert!(
        waiting.iter().all(|(_, by, whose)| (by, whose) == (&json!("nurse-b"), &json!(["nurse-a"]))),
        "{waiting:?}"
    );
    assert_eq!(hub.ok(&["note", "list"])?, json!([]), "nobody's words are taken unseen");
    // Again, and from another phone: the same is held once.
    b.ok(&["sync"])?;
    c.ok(&["sync"])?;
    assert_eq!(held(&hub)?.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), expected);
    // Who lets it in sees before whose words they are, who brought them and how they read.
    let shown = hub.ok(&["held", "show", &format!("relayed-{shared}")])?;
    assert_eq!(shown[0]["authors"], json!(["nurse-a", "nurse-b"]));
    assert_eq!(shown[0]["bringers"].as_array().map(Vec::len), Some(2));
    let condition = json!({ "now": null, "then": "下肢浮腫あり。右に強い。" });
    assert_eq!(shown[0]["fields"]["condition"], condition);
    assert_eq!(hub.ok(&["note", "list"])?, json!([]));
    for id in &expected {
        assert_eq!(hub.ok(&["held", "accept", id])?["state"], json!("passed"));
    }
    assert_eq!(hub.ok(&["held", "list"])?, json!([]), "what waited for it has passed too");
    assert_eq!(hub.ok(&["note", "verify", &confirmed])?["verdict"], json!("valid"));
    // Her new phone, and those of the others.
    let new = hub.phone_in("nurse-a", "new.vault")?;
    for phone in [&new, &b, &c] {
        let synced = phone.ok(&["sync"])?;
        assert_eq!((&synced["unsent"], &synced["held"], &synced["set_aside"]), (&json!(0), &json!(0), &json!(0)));
        let shown = phone.ok(&["note", "show", &shared])?;
        assert_eq!(shown["author"], json!("nurse-a"));
        assert_eq!(shown["fields"]["condition"], json!("下肢浮腫あり。右に強い。"));
        assert_eq!(shown["fields"]["plan"], json!("次回は体重測定。"));
        assert_eq!(phone.ok(&["note", "show", &confirmed])?["state"], json!("confirmed"));
    }
    assert_eq!(hub.ok(&["held", "list"])?, json!([]), "nothing is brought that is there");
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn long_after_a_restore_nobody_brings_others_words_and_a_phone_that_asks_is_told_so_once() -> Outcome {
    let (hub, b, note) = left_with_a_colleague()?;
    let db = Connection::open(hub.path("hub/hub.db"))?;
    let changed = db.execute("UPDATE meta SET value = value - 46 * 86400000 WHERE name = 'epoch_began'", [])?;
    assert_eq!(changed, 1);
    for _ in 0..2 {
        b.ok(&["sync"])?;
        b.ok(&["doctor"])?;
    }
    let copies: i64 = db.query_row("SELECT count(*) FROM capsule WHERE maker IS NOT NULL", [], |r| r.get(0))?;
    assert_eq!((copies, held(&hub)?.len()), (0, 0));
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["condition"], json!("下肢浮腫あり。"), "it stays where it is");
    Ok(())
}

#[test]
fn what_a_person_sends_back_is_not_brought_again() -> Outcome {
    let (hub, b, note) = left_with_a_colleague()?;
    b.ok(&["sync"])?;
    let id = held(&hub)?.first().map(|(id, ..)| id.clone()).ok_or("nothing is held")?;
    assert!(hub.try_run(&["held", "return", "entry-1", "--from", "0102030405060708"])?.is_err());
    assert!(hub.try_run(&["held", "return", &id, "--from", "0102030405060708"])?.is_err(), "it brought none of it");
    hub.ok(&["held", "return", &id])?;
    for _ in 0..2 {
        // The self-check makes the next sync compare.
        b.ok(&["doctor"])?;
        b.ok(&["sync"])?;
        assert!(held(&hub)?.is_empty());
    }
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["condition"], json!("下肢浮腫あり。"), "it stays where it is");
    Ok(())
}

#[test]
fn a_damaged_word_about_what_is_to_be_relayed_lets_nothing_go_before_the_hub_was_asked_about_all_of_it() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    for n in 0..7 {
        let note = a.start_note(&patient, None)?;
        a.write_text(&note, "condition", &format!("{n}件目。"))?;
    }
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    // The patient is in other hands: two of the seven are to leave this phone.
    hub.ok(&["patient", "assign", "--patient", &patient, "--staff", "nurse-a"])?;
    let damage = "INSERT OR REPLACE INTO state (name, sealed) VALUES ('relay', x'0102')";
    rusqlite::Connection::open(&b.vault)?.execute(damage, [])?;
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["status"])?["notes"], json!(7));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["status"])?["notes"], json!(5), "the hub has said that it has them");
    assert!(held(&hub)?.is_empty());
    Ok(())
}

#[test]
fn what_is_relayed_keeps_neither_who_asks_nor_who_writes_waiting_and_goes_on_after() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let file = hub.back_up("yesterday.db")?;
    for n in 0..4 {
        let note = a.start_note(&patient, None)?;
        a.write_text(&note, "condition", &format!("{n}件目。"))?;
    }
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    hub.put_back(&file)?;
    let now = Timestamp::now();
    let phone = b.opened(now)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let run = |is_called: &dyn Fn() -> bool| -> Outcome<usize> {
        let mut engine = Engine::new();
        let end = runtime.block_on(phone.run_for(&mut engine, Trigger::Manual, 0, is_called));
        end.result.map_err(|failure| format!("{failure:?}"))?;
        Ok(held(&hub)?.len())
    };
    let nobody = || false;
    assert_eq!(run(&|| true)?, 0, "one request: which of them the hub lacks");
    assert_eq!(run(&|| true)?, 1, "one document");
    assert_eq!(run(&|| true)?, 2);
    // Between two requests she writes.
    let patient: PatientId = patient.parse()?;
    assert_eq!(run(&|| phone.start_note(&patient, None, now).is_err())?, 3);
    assert_eq!(phone.status(now)?.unsent, 1);
    assert_eq!(run(&nobody)?, 4, "hers has gone, and the rest with it");
    assert_eq!(phone.status(now)?.unsent, 0);
    Ok(())
}
