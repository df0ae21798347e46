//! kill -9, again and again, of phone and hub: nothing that was said to be saved is lost.

use serde_json::json;
use std::process::Stdio;
use std::time::Duration;
use stories::{Hub, Outcome};

#[test]
fn a_hub_killed_in_the_middle_of_syncs_loses_nothing_it_receipted() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let mut notes = Vec::new();
    for round in 0..6u64 {
        let note = a.start_note(&patient, None)?;
        a.write_text(&note, "condition", &format!("{round}回目の記録。"))?;
        notes.push(note);
        let mut sync = a.command(&["sync"])?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Every round dies a little later.
        std::thread::sleep(Duration::from_millis(15 * round * round));
        hub.kill();
        sync.wait()?;
        hub.serve()?;
    }
    let synced = a.ok(&["sync"])?;
    assert_eq!(synced["unsent"], json!(0));
    b.ok(&["sync"])?;
    for (round, note) in notes.iter().enumerate() {
        assert_eq!(b.ok(&["note", "show", note])?["fields"]["condition"], json!(format!("{round}回目の記録。")));
    }
    assert_eq!(hub.ok(&["note", "list"])?.as_array().map(Vec::len), Some(notes.len()), "nothing twice");
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn a_phone_killed_while_writing_and_syncing_keeps_every_saved_word() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let mut saved = String::new();
    for round in 0..8u64 {
        let text = format!("{saved}{round}行。");
        a.write_text(&note, "condition", &text)?;
        saved = text;
        for command in [vec!["sync"], vec!["note", "set", &note, "pulse_bpm", "72"]] {
            let mut child = a.command(&command)?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            std::thread::sleep(Duration::from_millis(20 + 25 * round));
            let _ = child.kill();
            child.wait()?;
        }
        assert_eq!(a.ok(&["note", "show", &note])?["fields"]["condition"], json!(saved), "round {round}");
    }
    assert_eq!(a.ok(&["sync"])?["unsent"], json!(0));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["condition"], json!(saved));
    Ok(())
}

#[test]
fn an_enrolment_killed_at_any_moment_can_be_done_again() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    std::fs::write(hub.path("pin"), "2468")?;
    let phone = stories::Phone { vault: hub.path("k.vault"), pin: hub.path("pin") };
    for round in 0..6u64 {
        let uri = hub.invite("nurse-a")?;
        let mut child = phone.command(&["enrol", &uri])?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        std::thread::sleep(Duration::from_millis(30 * round));
        let _ = child.kill();
        child.wait()?;
        if phone.vault.exists() {
            break;
        }
    }
    if !phone.vault.exists() {
        phone.ok(&["enrol", &hub.invite("nurse-a")?])?;
    }
    phone.ok(&["sync"])?;
    Ok(())
}

#[test]
fn a_hub_put_back_to_yesterday_is_offered_again_what_it_lost() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    hub.kill();
    let (now, before) = (hub.path("hub").join("hub.db"), hub.path("hub.db.yesterday"));
    // The last one to close the database folds its log into it.
    assert_eq!(hub.ok(&["note", "list"])?, json!([]));
    std::fs::copy(&now, &before)?;
    hub.serve()?;
    let note = a.start_note(&patient, None)?;
    a.fill_in(&note)?;
    a.ok(&["note", "confirm", &note])?;
    assert_eq!(a.ok(&["sync"])?["received_up_to"], json!(2));
    hub.kill();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(hub.path("hub").join(format!("hub.db{suffix}")));
    }
    std::fs::copy(&before, &now)?;
    hub.serve()?;
    assert_eq!(hub.ok(&["note", "list"])?, json!([]), "the hub has forgotten");
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["unsent"], &synced["received_up_to"]), (&json!(0), &json!(2)));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &note])?["state"], json!("confirmed"));
    Ok(())
}

#[test]
fn a_hub_that_lost_what_the_phone_let_go_gets_it_again_whole_in_a_new_series() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.fill_in(&note)?;
    a.ok(&["note", "confirm", &note])?;
    a.ok(&["sync"])?;
    // The first entry's copy has gone from the phone, and the hub has forgotten both.
    rusqlite::Connection::open(&a.vault)?.execute("UPDATE entry SET sealed = NULL WHERE seq = 1", [])?;
    let db = rusqlite::Connection::open(hub.path("hub").join("hub.db"))?;
    db.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM confirmation; DELETE FROM entry; DELETE FROM note;")?;
    let synced = a.ok(&["sync"])?;
    assert_eq!(synced["unsent"], json!(0), "{synced}");
    assert!(synced["round_trips"].as_u64().is_some_and(|n| n <= 4), "not asked without end: {synced}");
    assert_eq!(a.ok(&["note", "show", &note])?["state"], json!("confirmed"));
    assert_eq!(hub.ok(&["note", "verify", &note])?["verdict"], json!("valid"));
    assert_eq!(a.ok(&["sync"])?["sent"], json!(0));
    Ok(())
}
