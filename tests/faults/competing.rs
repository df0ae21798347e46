//! Two confirmations of one note: what waits for the choice; and a hub that is put back: their order is the hub's, and the same
//! on every phone.

use device::http::HubLine;
use device::jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use stories::{Hub, Outcome, Phone};

/// A note that two nurses have, filled in; neither has confirmed it.
fn one_note() -> Outcome<(Hub, Phone, Phone, String)> {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.fill_in(&note)?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    Ok((hub, a, b, note))
}

fn sync_all(phones: &[&Phone]) -> Outcome {
    for phone in phones {
        assert_eq!(phone.ok(&["sync"])?["unsent"], json!(0));
    }
    Ok(())
}

/// What a phone has to send reaches the hub, and the answer is lost on the way back.
fn send_without_an_answer(phone: &Phone) -> Outcome {
    let open = phone.opened(Timestamp::now())?;
    let line = HubLine::for_sync(open.identity(), 0).map_err(|failure| format!("{failure:?}"))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let exchange = |request: &protocol::SyncRequest| {
        let answered = runtime.block_on(line.sync(request));
        answered.map(|(answer, _)| answer).map_err(|failure| format!("{failure:?}"))
    };
    // The hub says how little it has; what it lacks goes with the next request.
    let request = open.load_request()?;
    open.store_answer(&request, &exchange(&request)?, Timestamp::now())?;
    let request = open.load_request()?;
    assert!(!request.entries.is_empty());
    exchange(&request)?;
    Ok(())
}

/// Who confirmed, in the order that everybody has.
fn order(hub: &Hub, note: &str, phones: &[&Phone]) -> Outcome<Vec<String>> {
    let verified = hub.ok(&["note", "verify", note])?;
    let others = verified["others"].as_array().into_iter().flatten().map(|other| other["amendment"].clone());
    let at_hub: Vec<Value> = std::iter::once(verified["hash"].clone()).chain(others).collect();
    let mut staff = Vec::new();
    for phone in phones {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!(shown["state"], json!("competing"));
        let confirmations = shown["confirmations"].as_array().ok_or("no list")?;
        let here: Vec<Value> = confirmations.iter().map(|c| c["confirmation"].clone()).collect();
        assert_eq!(here, at_hub, "{}: another order than the hub's", phone.vault.display());
        staff = confirmations.iter().filter_map(|c| c["staff"].as_str()).map(str::to_string).collect();
    }
    Ok(staff)
}

#[test]
fn a_hub_put_back_that_gets_the_same_confirmations_again_tells_their_new_receipts() -> Outcome {
    let (mut hub, a, b, note) = one_note()?;
    let file = hub.back_up("before.db")?;
    for phone in [&a, &b] {
        phone.ok(&["note", "confirm", &note])?;
    }
    sync_all(&[&b, &a, &b, &a])?;
    hub.put_back(&file)?;
    // The same entries come again in the same order: the feed is as long as it was, and says other times.
    send_without_an_answer(&b)?;
    sync_all(&[&a, &b, &a])?;
    assert_eq!(order(&hub, &note, &[&a, &b])?, ["nurse-b", "nurse-a"]);
    Ok(())
}

#[test]
fn after_the_wrong_backup_and_then_the_right_one_both_writers_hear_how_theirs_stand() -> Outcome {
    let (mut hub, a, b, note) = one_note()?;
    let wrong = hub.back_up("wrong.db")?;
    for phone in [&a, &b] {
        phone.ok(&["note", "confirm", &note])?;
    }
    sync_all(&[&a, &b, &a])?;
    let right = hub.back_up("right.db")?;
    hub.put_back(&wrong)?;
    sync_all(&[&b, &a, &b])?;
    assert_eq!(order(&hub, &note, &[&a, &b])?, ["nurse-b", "nurse-a"], "as this hub received them");
    // Nothing is sent again now: the hub has both, under the receipts of before.
    hub.put_back(&right)?;
    sync_all(&[&a, &b])?;
    assert_eq!(order(&hub, &note, &[&a, &b])?, ["nurse-a", "nurse-b"]);
    Ok(())
}

#[test]
fn a_confirmation_that_comes_again_in_a_new_series_keeps_its_place() -> Outcome {
    let (mut hub, a, b, note) = one_note()?;
    for phone in [&a, &b] {
        phone.ok(&["note", "confirm", &note])?;
    }
    sync_all(&[&a, &b, &a])?;
    let file = hub.back_up("before.db")?;
    a.ok(&["note", "amend", &note, "temperature_c", "36.9", "--reason", "転記誤り"])?;
    sync_all(&[&a])?;
    // The correction's entry has gone from the phone and from the hub: its number can never be filled again.
    let last = "UPDATE entry SET sealed = NULL WHERE seq = (SELECT max(seq) FROM entry)";
    rusqlite::Connection::open(Path::new(&a.vault))?.execute(last, [])?;
    hub.put_back(&file)?;
    sync_all(&[&a, &b, &a])?;
    assert_eq!(order(&hub, &note, &[&a, &b])?, ["nurse-a", "nurse-b"]);
    let amended = b.ok(&["note", "show", &note])?;
    assert_eq!(amended["amendments"].as_array().map(Vec::len), Some(1), "and the correction has come");
    Ok(())
}

/// An amendment of a note, by its field.
fn amendment<'a>(shown: &'a Value, field: &str) -> Outcome<&'a Value> {
    let mut all = shown["amendments"].as_array().into_iter().flatten();
    Ok(all.find(|amendment| amendment["field"] == json!(field)).ok_or("no such amendment")?)
}

#[test]
fn what_would_fall_with_a_confirmation_waits_for_the_choice_and_a_correction_outlives_it() -> Outcome {
    let (hub, a, b, note) = one_note()?;
    a.write_text(&note, "condition", "安定。")?;
    b.write_text(&note, "condition", "咳あり。")?;
    for phone in [&a, &b] {
        phone.ok(&["note", "confirm", &note])?;
    }
    sync_all(&[&a, &b, &a])?;
    let manager = hub.member("chief", "manager")?;
    sync_all(&[&manager])?;

    let competing = a.ok(&["note", "show", &note])?;
    assert_eq!(competing["state"], json!("competing"));
    let late = amendment(&competing, "condition")?["id"].as_str().ok_or("no id")?.to_string();
    let acts: [&[&str]; 3] = [
        &["note", "accept", &note, &late],
        &["note", "decline", &note, &late],
        &["note", "close", &note, "--outcome", "duplicate", "--reason", "二重記録"],
    ];
    for phone in [&a, &manager] {
        let before = phone.ok(&["note", "show", &note])?;
        for act in acts {
            assert!(phone.refused(act)?.contains("note choose"), "{act:?}");
        }
        assert_eq!(phone.ok(&["note", "show", &note])?, before, "nothing of it was written");
    }

    a.ok(&["note", "amend", &note, "temperature_c", "36.9", "--reason", "転記誤り"])?;
    sync_all(&[&a, &manager])?;
    let second = competing["confirmations"][1]["confirmation"].as_str().ok_or("no second one")?;
    manager.ok(&["note", "choose", &note, second, "--reason", "担当者の記録"])?;
    sync_all(&[&manager, &b])?;
    let chosen = b.ok(&["note", "show", &note])?;
    assert_eq!((&chosen["author"], &chosen["fields"]["temperature_c"]), (&json!("nurse-b"), &json!(36.5)));
    let correction = amendment(&chosen, "temperature_c")?;
    assert_eq!(correction["state"], json!("proposed"), "it was made on the other confirmation");
    b.ok(&["note", "accept", &note, correction["id"].as_str().ok_or("no id")?])?;
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["temperature_c"], json!(36.9));
    Ok(())
}
