//! 照合 (digest): what a phone has lost of its notes comes again; a sound one fetches nothing.

use device::jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::sync::Arc;
use stories::{Hub, Outcome, Phone};
use tokio::runtime::Runtime;

/// Two phones that have everything of each other: a confirmed and corrected note, a draft, a board.
struct Written {
    a: Phone,
    b: Phone,
    patient: String,
    notes: Vec<String>,
}

fn written(hub: &Hub, patient: &str) -> Outcome<Written> {
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let confirmed = a.start_note(patient, None)?;
    a.fill_in(&confirmed)?;
    a.ok(&["note", "confirm", &confirmed])?;
    a.ok(&["note", "amend", &confirmed, "temperature_c", "37.0", "--reason", "記載誤り"])?;
    let draft = b.start_note(patient, None)?;
    b.write_text(&draft, "condition", "下肢浮腫あり。")?;
    for (phone, words) in [(&a, "家族より電話あり。"), (&b, "家族より電話あり。\n鍵は玄関。")] {
        phone.try_run(&["handover", "text", "--patient", patient], Some(words))?.map_err(|said| said.0)?;
        phone.ok(&["sync"])?;
    }
    let notes = vec![confirmed, draft];
    let written = Written { a, b, patient: patient.to_string(), notes };
    for phone in [&written.a, &written.b, &written.a, &written.b] {
        phone.ok(&["sync"])?;
        // Reading a board is written down too.
        written.shown(phone)?;
        phone.ok(&["sync"])?;
    }
    written.a.ok(&["sync"])?;
    Ok(written)
}

impl Written {
    /// What a phone shows of all of it.
    fn shown(&self, phone: &Phone) -> Outcome<Vec<Value>> {
        let mut shown = Vec::new();
        for note in &self.notes {
            let note = phone.ok(&["note", "show", note])?;
            shown.extend(["state", "fields", "amendments"].map(|part| note[part].clone()));
        }
        shown.push(phone.ok(&["handover", "show", "--patient", &self.patient])?["text"].clone());
        Ok(shown)
    }
}

/// Rows that are gone: a medium that forgets, a program that erred.
fn lose_the_notes(phone: &Phone) -> Outcome {
    Connection::open(&phone.vault)?.execute_batch(
        "DELETE FROM note; DELETE FROM note_change; DELETE FROM confirmation; DELETE FROM item WHERE kind = 15;",
    )?;
    Ok(())
}

/// How often a hub was asked for notes again.
fn fetched_again(hub: &Hub) -> Outcome<i64> {
    let db = Connection::open(hub.path("hub/hub.db"))?;
    Ok(db.query_row("SELECT count(*) FROM audit WHERE action = 'fetch_again'", [], |r| r.get(0))?)
}

#[test]
fn what_a_vault_has_lost_comes_again_after_a_self_check() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let written = written(&hub, &patient)?;
    let a = &written.a;
    let before = written.shown(a)?;
    a.ok(&["sync"])?;
    lose_the_notes(a)?;
    assert_eq!(a.ok(&["note", "list"])?, json!([]));
    assert_eq!(a.ok(&["sync"])?["received"], json!(0), "the feed has nothing new to tell");
    assert!(a.refused(&["doctor"])?.contains("damaged"));
    assert!(a.ok(&["sync"])?["received"].as_u64() > Some(3));
    assert_eq!(written.shown(a)?, before);
    a.ok(&["sync"])?;
    assert_eq!(fetched_again(&hub)?, 1, "once");
    // What came again is written on, by its first writer too.
    let [confirmed, draft] = written.notes.as_slice() else { return Err("two".into()) };
    a.write_text(draft, "condition", "下肢浮腫あり。右に強い。")?;
    a.ok(&["note", "amend", confirmed, "temperature_c", "36.9", "--reason", "再測定"])?;
    assert_eq!(a.ok(&["sync"])?["unsent"], json!(0));
    written.b.ok(&["sync"])?;
    assert_eq!(written.shown(&written.b)?[..6], written.shown(a)?[..6]);
    Ok(())
}

#[test]
fn a_document_put_back_to_an_older_state_is_brought_up_again() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let written = written(&hub, &patient)?;
    let (a, b, draft) = (&written.a, &written.b, written.notes[1].as_str());
    Connection::open(&a.vault)?.execute_batch("CREATE TABLE kept AS SELECT key, document FROM note")?;
    b.write_text(draft, "condition", "下肢浮腫あり。右に強い。")?;
    b.ok(&["sync"])?;
    a.ok(&["sync"])?;
    Connection::open(&a.vault)?
        .execute_batch("UPDATE note SET document = (SELECT document FROM kept WHERE kept.key = note.key)")?;
    assert_eq!(a.ok(&["note", "show", draft])?["fields"]["condition"], json!("下肢浮腫あり。"));
    assert!(a.refused(&["doctor"])?.contains("damaged"));
    a.ok(&["sync"])?;
    assert_eq!(a.ok(&["note", "show", draft])?["fields"]["condition"], json!("下肢浮腫あり。右に強い。"));
    Ok(())
}

#[test]
fn once_a_day_the_hub_compares_and_only_who_lost_something_fetches() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let written = written(&hub, &patient)?;
    let (a, b) = (&written.a, &written.b);
    let before = written.shown(a)?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    hub.kill();
    let tomorrow = Timestamp::now().as_millisecond() + 25 * 3_600_000;
    let store = hub::Store::open_with_clock(&hub.path("hub"), Arc::new(move || tomorrow))?;
    let runtime = Runtime::new()?;
    let serving = runtime.block_on(hub::serve(store, &format!("127.0.0.1:{}", hub.port), None))?;
    // The first sync hears how late it is, the second compares.
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    lose_the_notes(a)?;
    let sizes = [b.ok(&["sync"])?["bytes_up"].as_u64(), b.ok(&["sync"])?["bytes_up"].as_u64()];
    assert!(sizes[0] > sizes[1], "once: {sizes:?}");
    assert_eq!(fetched_again(&hub)?, 0, "everything of b stands as it should");
    assert!(a.ok(&["sync"])?["received"].as_u64() > Some(3));
    assert_eq!(fetched_again(&hub)?, 1);
    assert_eq!(written.shown(a)?, before);
    drop(serving);
    Ok(())
}
