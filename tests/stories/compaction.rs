//! Compaction: documents that rest become one piece each at the hub, and no phone sees the difference.

use rusqlite::Connection;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Duration;
use stories::line::Weather;
use stories::{Hub, Outcome, Phone, binary};

/// Everything that has come so far rests.
const COMPACT: [&str; 3] = ["compact", "--older-than", "0"];

fn compact(hub: &Hub) -> Outcome<Value> {
    hub.ok(&COMPACT)
}

fn number(hub: &Hub, sql: &str) -> Outcome<i64> {
    Ok(Connection::open(hub.path("hub/hub.db"))?.query_row(sql, [], |r| r.get(0))?)
}

/// One more phone of a nurse, with everything that the hub tells it.
fn newcomer(hub: &Hub, staff: &str, name: &str) -> Outcome<Phone> {
    let phone = hub.phone_in(staff, name)?;
    let synced = phone.ok(&["sync"])?;
    assert_eq!(synced["set_aside"], json!(0), "{synced}");
    assert_eq!(phone.ok(&["doctor"])?["sound"], json!(true));
    Ok(phone)
}

fn all_sync(phones: &[&Phone]) -> Outcome {
    for phone in phones {
        let synced = phone.ok(&["sync"])?;
        assert_eq!((&synced["unsent"], &synced["held"]), (&json!(0), &json!(0)), "{synced}");
    }
    Ok(())
}

fn text(phone: &Phone, note: &str, field: &str) -> Outcome<String> {
    Ok(phone.ok(&["note", "show", note])?["fields"][field].as_str().unwrap_or_default().to_string())
}

/// A note that two nurses wrote, confirmed, corrected and edited late; one that nobody confirmed; a board. Each in several
/// entries of both.
struct Written {
    a: Phone,
    b: Phone,
    patient: String,
    confirmed: String,
    draft: String,
}

impl Written {
    fn of(hub: &Hub, patient: &str) -> Outcome<Self> {
        let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
        all_sync(&[&a, &b])?;
        let (confirmed, draft) = (a.start_note(patient, None)?, b.start_note(patient, None)?);
        a.fill_in(&confirmed)?;
        a.write_text(&confirmed, "condition", "下肢浮腫あり。")?;
        b.write_text(&draft, "condition", "咳あり。")?;
        all_sync(&[&a, &b, &a])?;
        b.write_text(&confirmed, "remarks", "家族在宅。")?;
        a.write_text(&draft, "care_given", "清拭。")?;
        all_sync(&[&a, &b, &a])?;
        a.ok(&["note", "confirm", &confirmed])?;
        a.ok(&["note", "amend", &confirmed, "temperature_c", "37.0", "--reason", "記載誤り"])?;
        a.ok(&["sync"])?;
        // She does not know yet that it is confirmed: her words stand behind the confirmation in the feed.
        b.write_text(&confirmed, "plan", "次回は体重測定。")?;
        for (phone, words) in [(&b, "家族より電話あり。"), (&a, "家族より電話あり。\n鍵は玄関。")]
        {
            all_sync(&[phone])?;
            phone.try_run(&["handover", "text", "--patient", patient], Some(words))?.map_err(|said| said.0)?;
            all_sync(&[phone])?;
        }
        all_sync(&[&b, &a, &b])?;
        Ok(Self { a, b, patient: patient.to_string(), confirmed, draft })
    }

    /// What a phone shows of all of it: what it reads, who signed, and every version with whose hand it was.
    fn seen(&self, phone: &Phone) -> Outcome<Vec<Value>> {
        let mut seen = Vec::new();
        for note in [&self.confirmed, &self.draft] {
            let shown = phone.ok(&["note", "show", note])?;
            let parts = ["state", "author", "fields", "confirmed_fields", "conflicts", "amendments", "confirmations"];
            seen.extend(parts.map(|part| shown[part].clone()));
            let mut history = phone.ok(&["note", "history", note])?.as_array().cloned().unwrap_or_default();
            assert!(history.iter().all(|version| version["staff"].is_string()), "{history:?}");
            history.sort_by_key(|version| version["version"].to_string());
            seen.push(json!(history));
        }
        seen.push(phone.ok(&["handover", "show", "--patient", &self.patient])?["text"].clone());
        Ok(seen)
    }
}

#[test]
fn a_new_phone_sees_what_the_old_ones_see_and_writes_on() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let written = Written::of(&hub, &patient)?;
    let seen = written.seen(&written.a)?;
    assert_eq!(written.seen(&written.b)?, seen);
    assert_eq!((&seen[0], seen[5].as_array().map(Vec::len)), (&json!("confirmed"), Some(2)), "corrected, and late");
    let done = compact(&hub)?;
    assert_eq!(done["documents"], json!(3), "{done}");
    assert!(done["bytes_after"].as_u64() < done["bytes_before"].as_u64(), "{done}");
    let empty = number(&hub, "SELECT count(*) FROM entry WHERE length(sealed) = 0")?;
    assert!(empty >= 7 && json!(empty) == done["entries"], "{empty} of {done}");
    assert_eq!(compact(&hub)?["documents"], json!(0));
    let second = newcomer(&hub, "nurse-b", "second.vault")?;
    assert_eq!(written.seen(&second)?, seen);
    assert_eq!(second.ok(&["note", "verify", &written.confirmed])?["verdict"], json!("valid"));
    assert_eq!(hub.ok(&["note", "verify", &written.confirmed])?["verdict"], json!("valid"));
    // What is written now is checked against the document as before, and reaches everybody.
    second.write_text(&written.draft, "plan", "受診を勧める。")?;
    all_sync(&[&second, &written.a, &written.b])?;
    assert_eq!(hub.ok(&["held", "list"])?, json!([]));
    for phone in [&written.a, &written.b, &newcomer(&hub, "nurse-a", "third.vault")?] {
        assert_eq!(text(phone, &written.draft, "plan")?, "受診を勧める。");
        assert_eq!(text(phone, &written.draft, "care_given")?, "清拭。");
    }
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn a_phone_that_was_offline_meanwhile_reads_the_one_piece_and_loses_no_word_of_its_own() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    all_sync(&[&a, &b])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "一。")?;
    all_sync(&[&a, &b])?;
    for words in ["一。二。", "一。二。三。"] {
        a.write_text(&note, "condition", words)?;
        all_sync(&[&a])?;
    }
    b.write_text(&note, "remarks", "圏外で。")?;
    assert_eq!(compact(&hub)?["entries"], json!(3));
    assert_eq!(b.ok(&["sync"])?["received"], json!(1), "one piece in the place of two");
    all_sync(&[&a])?;
    for phone in [&a, &b] {
        assert_eq!(
            (text(phone, &note, "condition")?, text(phone, &note, "remarks")?),
            ("一。二。三。".into(), "圏外で。".into())
        );
    }
    assert_eq!(hub.ok(&["held", "list"])?, json!([]));
    // Compared whole: nobody has to fetch anything again.
    for phone in [&a, &b] {
        assert_eq!(phone.ok(&["doctor"])?["sound"], json!(true));
        all_sync(&[phone, phone])?;
    }
    assert_eq!(number(&hub, "SELECT count(*) FROM audit WHERE action = 'backfill'")?, 0);
    Ok(())
}

#[test]
fn an_entry_whose_receipt_was_lost_is_a_repeat_after_its_body_has_gone() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    all_sync(&[&a, &b])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    all_sync(&[&a, &b])?;
    b.write_text(&note, "remarks", "家族在宅。")?;
    all_sync(&[&b])?;
    a.write_text(&note, "plan", "次回は体重測定。")?;
    let sync = a.half_synced(&hub, &line)?;
    line.cut();
    sync.wait_with_output()?;
    line.becomes(Weather::Clear);
    assert_eq!(compact(&hub)?["entries"], json!(3));
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"], &synced["received_up_to"]), (&json!(1), &json!(0), &json!(2)));
    assert_eq!(number(&hub, "SELECT count(*) FROM entry")?, 3, "nothing twice");
    assert_eq!(
        text(&a, &note, "remarks")?,
        "家族在宅。",
        "what she had not read is in the piece that ends with her own entry"
    );
    all_sync(&[&b])?;
    assert_eq!(text(&b, &note, "plan")?, "次回は体重測定。");
    Ok(())
}

#[test]
fn a_copied_phone_that_forks_a_compacted_series_is_noticed_and_loses_nothing() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    all_sync(&[&a, &b])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "remarks", "前から。")?;
    all_sync(&[&a, &b])?;
    let clone = a.copied_to(&hub.path("clone.vault"))?;
    a.write_text(&note, "condition", "元の電話。")?;
    b.write_text(&note, "care_given", "清拭。")?;
    all_sync(&[&a, &b])?;
    assert_eq!(compact(&hub)?["entries"], json!(3));
    clone.write_text(&note, "plan", "写しの電話。")?;
    all_sync(&[&clone, &a, &clone, &b])?;
    for phone in [&a, &clone, &b, &newcomer(&hub, "nurse-b", "second.vault")?] {
        for (field, words) in
            [("remarks", "前から。"), ("condition", "元の電話。"), ("care_given", "清拭。"), ("plan", "写しの電話。")]
        {
            assert_eq!(text(phone, &note, field)?, words);
        }
    }
    assert_eq!(number(&hub, "SELECT count(*) FROM audit WHERE action = 'series_forked'")?, 1, "loud");
    Ok(())
}

#[test]
fn a_phone_put_back_to_older_files_gets_its_own_words_back_out_of_the_one_piece() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    all_sync(&[&a])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "一。")?;
    all_sync(&[&a])?;
    let older = a.copied_to(&hub.path("older.vault"))?;
    for words in ["一。二。", "一。二。三。"] {
        a.write_text(&note, "condition", words)?;
        all_sync(&[&a])?;
    }
    assert_eq!(compact(&hub)?["entries"], json!(3));
    older.copied_to(&a.vault)?;
    assert_eq!(text(&a, &note, "condition")?, "一。");
    // Its next number is taken: it finds out by writing, and goes on in a new series.
    a.write_text(&note, "remarks", "戻した後。")?;
    all_sync(&[&a, &a])?;
    let second = newcomer(&hub, "nurse-b", "second.vault")?;
    for phone in [&a, &second] {
        assert_eq!(text(phone, &note, "condition")?, "一。二。三。");
        assert_eq!(text(phone, &note, "remarks")?, "戻した後。");
    }
    Ok(())
}

#[test]
fn a_hub_restored_from_before_or_after_a_compaction_tells_the_same() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let written = Written::of(&hub, &patient)?;
    let before = hub.back_up("before.db")?;
    compact(&hub)?;
    let after = hub.back_up("after.db")?;
    let seen = written.seen(&written.a)?;
    for (file, snapshots, name) in [(&after, 3, "second.vault"), (&before, 0, "third.vault")] {
        hub.kill();
        hub.ok(&["restore", file])?;
        assert_eq!(number(&hub, "SELECT count(*) FROM snapshot")?, snapshots);
        hub.serve()?;
        all_sync(&[&written.a, &written.b])?;
        assert_eq!(written.seen(&newcomer(&hub, "nurse-b", name)?)?, seen);
        assert_eq!(written.seen(&written.a)?, seen);
        compact(&hub)?;
        assert_eq!(number(&hub, "SELECT count(*) FROM snapshot")?, 3);
    }
    assert_eq!(written.seen(&newcomer(&hub, "nurse-b", "last.vault")?)?, seen);
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn who_is_assigned_later_gets_the_patient_whole_out_of_the_pieces() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    hub.ok(&["patient", "assign", "--patient", &patient, "--staff", "nurse-a"])?;
    all_sync(&[&a, &b])?;
    let mut notes = Vec::new();
    for n in 0..7 {
        let note = a.start_note(&patient, None)?;
        a.write_text(&note, "condition", &format!("{n}件目。"))?;
        notes.push(note);
    }
    all_sync(&[&a, &b])?;
    for (n, note) in notes.iter().enumerate() {
        a.write_text(note, "condition", &format!("{n}件目。追記。"))?;
    }
    all_sync(&[&a])?;
    assert_eq!(compact(&hub)?["documents"], json!(7));
    all_sync(&[&b])?;
    assert_eq!(b.ok(&["status"])?["notes"], json!(5), "light: the last five");
    assert_eq!(text(&b, &notes[6], "condition")?, "6件目。追記。");
    assert!(b.refused(&["note", "show", &notes[0]])?.contains(&notes[0]));
    hub.ok(&["patient", "assign", "--patient", &patient, "--staff", "nurse-b"])?;
    let synced = b.ok(&["sync"])?;
    assert_eq!(synced["set_aside"], json!(0), "{synced}");
    for (n, note) in notes.iter().enumerate() {
        assert_eq!(text(&b, note, "condition")?, format!("{n}件目。追記。"));
    }
    Ok(())
}

#[test]
fn a_compaction_killed_at_any_moment_leaves_the_pieces_or_the_one() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    all_sync(&[&a])?;
    let mut notes = Vec::new();
    for n in 0..12 {
        let note = a.start_note(&patient, None)?;
        a.write_text(&note, "condition", &format!("{n}件目。"))?;
        notes.push(note);
    }
    all_sync(&[&a])?;
    for note in &notes {
        a.write_text(note, "remarks", "追記。")?;
    }
    all_sync(&[&a])?;
    for round in 0..8 {
        let mut killed = Command::new(binary("tsutsuji-hub")?)
            .args(COMPACT)
            .arg("--data")
            .arg(hub.path("hub"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(Duration::from_millis(12 * round));
        let _ = killed.kill();
        killed.wait()?;
        let half = number(
            &hub,
            "SELECT (SELECT count(*) FROM entry AS e WHERE length(e.sealed) = 0
                         AND e.doc NOT IN (SELECT doc FROM snapshot))
                  + (SELECT count(*) FROM entry AS e WHERE length(e.sealed) > 0 AND e.doc IN (SELECT doc FROM snapshot))",
        )?;
        assert_eq!(half, 0, "killed after {} ms", 12 * round);
    }
    let during = newcomer(&hub, "nurse-b", "during.vault")?;
    compact(&hub)?;
    assert_eq!(number(&hub, "SELECT count(*) FROM snapshot")?, 12);
    for phone in [&during, &newcomer(&hub, "nurse-b", "after.vault")?] {
        for (n, note) in notes.iter().enumerate() {
            assert_eq!(
                (text(phone, note, "condition")?, text(phone, note, "remarks")?),
                (format!("{n}件目。"), "追記。".into())
            );
        }
    }
    Ok(())
}
