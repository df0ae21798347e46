//! Faults by name, each a story: what a line, a hub, a copied file or a hospital's Wi-Fi can do to a nurse's day.
//!
//! Two nurses who write one visit from nothing: `stories/over_http.rs`. kill -9: `kills.rs`, and at every write `power.rs`.
//! A revoked or lost phone, a forgotten PIN: `locked.rs`. All of it at once, in every order: `simulated.rs`, `model.rs`.

#[cfg(target_os = "linux")]
mod system;

use device::http::HubLine;
use device::jiff::Timestamp;
use device::record::visit_note::Encoding;
use device::record::{DocumentId, PatientId, canonical};
use device::{Background, Failure, Pill};
use protocol::{
    Consented, Durability, Extent, FeedItem, Kind, PatientStanding, Policy, Receipt, SyncResponse, WIRE_VERSION,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stories::line::Weather;
use stories::{Hub, Outcome, Phone, count, until};
use tokio::sync::watch;

/// (entries at the hub, highest number, documents): no gap, nothing twice, if the first two are equal.
fn entries(hub: &Hub) -> Outcome<(u64, u64, u64)> {
    let db = Connection::open(hub.path("hub/hub.db"))?;
    let number = |r: &rusqlite::Row<'_>, at: usize| r.get::<_, i64>(at).map(i64::unsigned_abs);
    Ok(db.query_row("SELECT count(*), coalesce(max(seq), 0), count(DISTINCT doc) FROM entry", [], |r| {
        Ok((number(r, 0)?, number(r, 1)?, number(r, 2)?))
    })?)
}

/// A confirmed note, not sent yet.
fn confirmed(phone: &Phone, patient: &str) -> Outcome<String> {
    let note = phone.start_note(patient, None)?;
    phone.fill_in(&note)?;
    phone.ok(&["note", "confirm", &note])?;
    Ok(note)
}

// ------------------------------------------------------------------------------------------------------------ the line

#[test]
fn an_answer_lost_three_times_in_a_row_doubles_nothing() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let note = confirmed(&a, &patient)?;
    for _ in 0..3 {
        let sync = a.half_synced(&hub, &line)?;
        line.cut();
        let said = sync.wait_with_output()?;
        let words = String::from_utf8(said.stderr)?;
        assert!(words.contains("cannot be reached"), "{words}{}", String::from_utf8_lossy(&said.stdout));
        line.becomes(Weather::Clear);
        let shown = a.ok(&["note", "show", &note])?;
        assert_eq!((&shown["unsent"], &shown["receipt"]), (&json!(true), &Value::Null), "no receipt, no mark");
    }
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"], &synced["received_up_to"]), (&json!(2), &json!(0), &json!(2)));
    assert_eq!(entries(&hub)?, (2, 2, 1));
    assert!(a.ok(&["note", "show", &note])?["receipt"]["received_at"].is_string());
    assert_eq!(hub.ok(&["note", "verify", &note])?["verdict"], json!("valid"));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &note])?["confirmations"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[test]
fn a_line_cut_after_every_change_leaves_no_gap_and_nothing_twice() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let mut notes = Vec::new();
    // One more change before each try, and the line breaks a little later each time: on the way up, then on the way down.
    for breaks in [Weather::CutUp as fn(u64) -> Weather, Weather::CutDown] {
        let mut tries = 0;
        loop {
            let note = a.start_note(&patient, None)?;
            a.write_text(&note, "condition", &format!("{}回目。", notes.len()))?;
            notes.push(note);
            line.becomes(breaks(450 * tries));
            match a.try_run(&["sync"], None)? {
                Ok(synced) => {
                    assert_eq!(synced["unsent"], json!(0));
                    break;
                }
                Err(said) => assert!(said.0.contains("cannot be reached"), "{}", said.0),
            }
            assert!(a.ok(&["status"])?["unsent"].as_u64() > Some(0));
            tries += 1;
        }
        assert!((4..30).contains(&tries), "{tries} cuts");
    }
    let all = notes.len() as u64;
    assert_eq!(entries(&hub)?, (all, all, all));
    // The same on the way to a colleague: a page is there with its cursor, or neither.
    let mut at = 0;
    let synced = loop {
        line.becomes(Weather::CutDown(at));
        match b.try_run(&["sync"], None)? {
            Ok(synced) => break synced,
            Err(_) => assert_eq!(b.ok(&["note", "list"])?, json!([]), "cut after {at} bytes"),
        }
        at += 350;
    };
    assert!(at > 1_400, "cut before and behind the handshake: {at}");
    assert_eq!(synced["received"], json!(all));
    for (n, note) in notes.iter().enumerate() {
        assert_eq!(b.ok(&["note", "show", note])?["fields"]["condition"], json!(format!("{n}回目。")));
    }
    Ok(())
}

#[test]
fn the_page_of_a_hotels_wifi_is_not_our_hub_and_nothing_is_sent_to_it() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    line.becomes(Weather::Portal);
    let said = a.refused(&["sync"])?;
    assert!(said.contains("not this station's hub; nothing was sent"), "{said}");
    let heard = line.overheard();
    // A handshake's first record, and no more than that.
    assert!(heard.first() == Some(&0x16) && heard.len() < 600, "{} bytes", heard.len());
    // One that speaks TLS itself gets no further.
    line.becomes(Weather::Clear);
    let mut stranger = Hub::new()?;
    stranger.serve()?;
    line.leads_to(stranger.port);
    assert!(a.refused(&["sync"])?.contains("not this station's hub"));
    assert_eq!(stranger.ok(&["note", "list"])?, json!([]));
    let shown = a.ok(&["note", "show", &note])?;
    assert_eq!((&shown["unsent"], &shown["fields"]["condition"]), (&json!(true), &json!("下肢浮腫あり。")));
    line.leads_to(hub.port);
    assert_eq!(a.ok(&["sync"])?["unsent"], json!(0));
    assert_eq!(count(&hub.ok(&["note", "list"])?), 1);
    Ok(())
}

// ------------------------------------------------------------------------------------------------------------- the hub

async fn comes_to(pill: &mut watch::Receiver<Pill>, wanted: fn(&Pill) -> bool) -> Outcome {
    drop(tokio::time::timeout(Duration::from_secs(30), pill.wait_for(wanted)).await??);
    Ok(())
}

#[test]
fn an_error_of_the_hub_and_nothing_typed_ever_after_still_sends_the_note() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    let db = Connection::open(hub.path("hub/hub.db"))?;
    db.execute_batch("ALTER TABLE audit RENAME TO audit_away")?;
    assert!(a.refused(&["sync"])?.contains("busy"));
    let phone = Arc::new(a.opened(Timestamp::now())?);
    tokio::runtime::Runtime::new()?.block_on(async {
        let background = Background::start(phone.clone());
        let mut pill = background.pill();
        comes_to(&mut pill, |pill| matches!(pill, Pill::Trouble(_))).await?;
        // The hub is well again, and nobody touches the phone.
        db.execute_batch("ALTER TABLE audit_away RENAME TO audit")?;
        comes_to(&mut pill, |pill| *pill == Pill::Online).await
    })?;
    assert_eq!(phone.status(Timestamp::now())?.unsent, 0);
    assert_eq!(entries(&hub)?, (1, 1, 1), "what it took before it failed is not there twice");
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn one_503_and_nothing_else_ever_typed_and_the_note_is_sent() -> Outcome {
    /// Twice as many requests as one station's phones have turns.
    const MANY: usize = 12;
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    let (phone, colleague) = (Arc::new(a.opened(Timestamp::now())?), b.opened(Timestamp::now())?);
    let request = colleague.load_request()?;
    let others = HubLine::for_sync(colleague.identity(), 0).map_err(|failure| format!("{failure:?}"))?;
    let others = Arc::new(others);
    let db = Connection::open(hub.path("hub/hub.db"))?;
    tokio::runtime::Runtime::new()?.block_on(async {
        // The hub's disk is slow this morning and everybody is back: no turn is left, whoever waits his 20 seconds hears 503.
        db.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..MANY {
            let (others, request) = (others.clone(), request.clone());
            tokio::spawn(async move { others.sync(&request).await.is_ok() });
        }
        until("the turns are taken", || Ok(line.asking() >= MANY))?;
        let background = Background::start(phone.clone());
        let mut pill = background.pill();
        let sent_away = |pill: &Pill| matches!(pill, Pill::Trouble(Failure::Busy { retry_after_s: Some(5..=20) }));
        comes_to(&mut pill, sent_away).await?;
        let heard = Instant::now();
        db.execute_batch("ROLLBACK")?;
        // Nobody touches the phone: its own clock asks once more, and not before the hub said.
        comes_to(&mut pill, |pill| *pill == Pill::Online).await?;
        assert!(heard.elapsed() > Duration::from_millis(4_900), "{:?}", heard.elapsed());
        Outcome::Ok(())
    })?;
    assert_eq!(phone.status(Timestamp::now())?.unsent, 0);
    assert_eq!(entries(&hub)?, (1, 1, 1));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["condition"], json!("下肢浮腫あり。"));
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn a_hub_restored_from_a_backup_gets_back_what_is_younger_and_nobody_reads_everything_again() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    assert!(b.ok(&["sync"])?["received"].as_u64() > Some(9));
    confirmed(&a, &patient)?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let file = hub.path("yesterday.db").display().to_string();
    assert_eq!(hub.ok(&["backup", &file])?["entries"], json!(2));
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["received_up_to"], &synced["durable_up_to"]), (&json!(2), &json!(2)));
    let kept: i64 = Connection::open(&a.vault)?.query_row(
        "SELECT (SELECT count(*) FROM entry WHERE sealed IS NOT NULL) + (SELECT count(*) FROM capsule)",
        [],
        |r| r.get(0),
    )?;
    assert_eq!(kept, 0, "what stands in a backup needs no second copy on the phone");
    // Today: written, receipted, read by a colleague; in no backup.
    let today = confirmed(&a, &patient)?;
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["received_up_to"], &synced["durable_up_to"]), (&json!(4), &json!(2)));
    b.ok(&["sync"])?;
    assert!(hub.try_run(&["restore", &file])?.is_err_and(|said| said.0.contains("serves the hub")));
    hub.put_back(&file)?;
    assert_eq!(count(&hub.ok(&["note", "list"])?), 1, "the hub has forgotten");
    // Another history begins before the author is back.
    let other = b.start_note(&patient, None)?;
    b.write_text(&other, "plan", "次回は体重測定。")?;
    // One of the news is how consent stands by the restored hub's knowledge.
    for (phone, news) in [(&b, 1), (&a, 2), (&b, 2), (&a, 0)] {
        let synced = phone.ok(&["sync"])?;
        assert_eq!((&synced["unsent"], &synced["received"]), (&json!(0), &json!(news)), "{synced}");
    }
    assert_eq!(b.ok(&["note", "show", &today])?["state"], json!("confirmed"));
    assert_eq!(a.ok(&["note", "show", &other])?["fields"]["plan"], json!("次回は体重測定。"));
    assert_eq!(hub.ok(&["note", "verify", &today])?["verdict"], json!("valid"));
    assert_eq!(count(&hub.ok(&["note", "list"])?), 3);
    assert_eq!(hub.ok(&["held", "list"])?, json!([]), "what b relayed has come from a herself");
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn after_a_restore_phones_hold_what_the_hub_knows_of_consent_and_a_known_withdrawal_stays() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    let withdraw = ["consent", "withdraw", "--patient", &patient, "--disclosing", "hp", "--viewing", "st-1"];
    let named = json!([{ "patient": patient, "disclosing": "hp", "viewing": "st-1" }]);
    let sees = |phone: &Phone| -> Outcome<usize> {
        phone.ok(&["sync"])?;
        Ok(count(&phone.ok(&["show", &patient])?["labs"]))
    };
    assert_eq!((sees(&a)?, sees(&b)?), (1, 1));
    // Withdrawn after the backup, and one of two phones heard of it. The older database still says so: it stays withdrawn.
    let granted = hub.back_up("granted.db")?;
    hub.ok(&withdraw)?;
    assert_eq!(sees(&a)?, 0);
    let said = hub.put_back(&granted)?;
    assert_eq!((&said["consents_withdrawn"], &said["consents_to_enter"]), (&named, &json!([])), "{said}");
    assert_eq!((sees(&a)?, sees(&b)?), (0, 0));
    // Given after the backup, and one phone heard of it: it is named, and until it is entered again nobody holds anything.
    let withdrawn = hub.back_up("withdrawn.db")?;
    hub.consent(&patient, "st-1")?;
    assert_eq!(sees(&a)?, 1);
    let said = hub.put_back(&withdrawn)?;
    assert_eq!((&said["consents_withdrawn"], &said["consents_to_enter"]), (&json!([]), &named), "{said}");
    assert_eq!((sees(&a)?, sees(&b)?), (0, 0));
    hub.consent(&patient, "st-1")?;
    assert_eq!((sees(&a)?, sees(&b)?), (1, 1));
    // Withdrawn, and the disk broke: nobody knows any more, and the command says it. Who heard the withdrawal fetches again.
    let granted = hub.back_up("again.db")?;
    hub.ok(&withdraw)?;
    assert_eq!(sees(&a)?, 0);
    hub.lose_database();
    let said = hub.put_back(&granted)?;
    assert_eq!(said["consents_compared"], json!(false));
    assert_eq!((sees(&a)?, sees(&b)?), (1, 1));
    hub.ok(&withdraw)?;
    assert_eq!((sees(&a)?, sees(&b)?), (0, 0));
    Ok(())
}

#[test]
fn what_a_patient_closed_after_the_backup_stays_closed_though_the_wrong_backup_was_put_in_place_first() -> Outcome {
    let mut hub = Hub::new()?;
    let patient = hub.patient()?;
    let before = hub.back_up("before.db")?;
    hub.consent(&patient, "st-1")?;
    let right = hub.back_up("right.db")?;
    let whose = ["--patient", &patient, "--disclosing", "hp", "--viewing", "st-1"];
    let less = ["--classes", "rx,allergy", "--offline-hours", "8", "--until", "2040-01-01"];
    hub.ok(&[&["consent", "add"][..], &whose[..], &less[..]].concat())?;
    let named = json!([{ "patient": patient, "disclosing": "hp", "viewing": "st-1" }]);
    let said = hub.put_back(&right)?;
    assert_eq!((&said["consents_narrowed"], &said["consents_to_enter"]), (&named, &json!([])), "{said}");
    let consent = hub.ok(&["consent", "list"])?[0].clone();
    let terms = (&consent["classes"], &consent["offline_hours"], &consent["until"]);
    assert_eq!(terms, (&json!(["allergy", "rx"]), &json!(8), &json!("2040-01-01")));
    // She takes it back, and two backups are put in place one behind the other: one of before she consented at all.
    hub.ok(&[&["consent", "withdraw"][..], &whose[..]].concat())?;
    hub.put_back(&before)?;
    assert_eq!(hub.ok(&["consent", "list"])?, json!([]));
    let said = hub.put_back(&right)?;
    assert_eq!((&said["consents_withdrawn"], &said["consents_narrowed"]), (&named, &json!([])), "{said}");
    assert_eq!(hub.ok(&["consent", "list"])?[0]["withdrawn"], json!(true));
    hub.ok(&["audit", "verify"]).map(|_| ())
}

#[test]
fn one_note_among_a_hundred_that_the_hub_cannot_take_keeps_none_of_the_others() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let text = std::fs::read_to_string(hub.path("patient.json"))?;
    let others = [("00012345", "00054321"), ("澄江", "花子"), ("スミエ", "ハナコ"), ("1944-10-18", "1940-01-02")];
    let other = others.iter().fold(text, |text, (from, to)| text.replace(from, to));
    std::fs::write(hub.path("other.json"), other)?;
    hub.ok(&["intake", "--facility", "hp", &hub.path("other.json").display().to_string()])?;
    let patients = hub.ok(&["patient", "list"])?;
    let mut ids = patients.as_array().into_iter().flatten().filter_map(|p| p["id"].as_str());
    let stranger = ids.find(|id| *id != patient).ok_or("one patient only")?;
    hub.consent(stranger, "st-1")?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let mut poison = None;
    {
        let phone = a.opened(Timestamp::now())?;
        for n in 0..100 {
            let whose = if n == 42 { stranger } else { patient.as_str() };
            let note = phone.start_note(&whose.parse()?, None, Timestamp::now())?;
            phone.replace_text(note, "condition", &format!("{n}番目。"), Timestamp::now())?;
            poison = poison.or((n == 42).then(|| note.to_string()));
        }
    }
    let poison = poison.ok_or("none")?;
    // Meanwhile the hub no longer knows that the station cares for her (there is no command for it).
    let db = Connection::open(hub.path("hub/hub.db"))?;
    db.execute("DELETE FROM care WHERE patient = ?1", [stranger])?;
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["unsent"], &synced["held"]), (&json!(0), &json!(1)), "{synced}");
    b.ok(&["sync"])?;
    assert_eq!(count(&b.ok(&["note", "list"])?), 99);
    // Shown, editable, sent again; and a person at the hub lets it in.
    assert_eq!(a.ok(&["note", "show", &poison])?["verdicts"], json!(["held:unknownpatient"]));
    let tasks = a.ok(&["manager", "list"])?;
    let held = |task: &&Value| task["kind"] == "held";
    let waiting: Vec<&Value> = tasks.as_array().into_iter().flatten().filter(held).collect();
    assert!(matches!(waiting[..], [only] if only["note"] == json!(poison)), "{tasks}");
    a.write_text(&poison, "condition", "書き直した。")?;
    assert_eq!(a.ok(&["sync"])?["held"], json!(2));
    hub.ok(&["consent", "withdraw", "--patient", stranger, "--disclosing", "hp", "--viewing", "st-1"])?;
    hub.consent(stranger, "st-1")?;
    let held = hub.ok(&["held", "list"])?;
    for id in held.as_array().into_iter().flatten().filter_map(|held| held["held"].as_str()) {
        assert_eq!(hub.ok(&["held", "accept", id])?["state"], json!("passed"));
    }
    assert_eq!(a.ok(&["sync"])?["held"], json!(0));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &poison])?["fields"]["condition"], json!("書き直した。"));
    Ok(())
}

#[test]
fn a_patient_with_105_visits_who_was_edited_last_arrives_whole() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let date = stories::today().to_string();
    for n in 0..105 {
        let start = format!("{:02}:{:02}", 6 + n / 12, n % 12 * 5);
        let when = ["--date", &date, "--start", &start, "--minutes", "5"];
        hub.ok(&[&["visit", "add", "--patient", &patient, "--staff", "nurse-a"][..], &when].concat())?;
    }
    let text = std::fs::read_to_string(hub.path("patient.json"))?;
    std::fs::write(
        hub.path("later.json"),
        text.replace("澄江", "澄恵").replace("2026-11-20T09:00", "2026-11-21T09:00"),
    )?;
    hub.ok(&["intake", "--facility", "hp", &hub.path("later.json").display().to_string()])?;
    // One phone knew the patient before, one begins today.
    let second = hub.phone_in("nurse-a", "second.vault")?;
    for phone in [&a, &second] {
        let synced = phone.ok(&["sync"])?;
        assert_eq!(synced["set_aside"], json!(0), "{synced}");
        assert_eq!(phone.ok(&["patients"])?[0]["name"], json!("仮青木 澄恵"));
        assert_eq!(count(&phone.ok(&["today"])?), 105);
    }
    Ok(())
}

#[test]
fn who_loses_the_patient_while_holding_three_unsent_notes_loses_none_of_them() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let visits = [hub.visit(&patient, "nurse-a")?, hub.visit(&patient, "nurse-a")?];
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let mut notes = Vec::new();
    for visit in [Some(visits[0].as_str()), Some(visits[1].as_str()), None] {
        let note = a.start_note(&patient, visit)?;
        a.write_text(&note, "condition", &format!("{}件目。", notes.len()))?;
        notes.push(note);
    }
    assert_eq!(a.ok(&["status"])?["unsent"], json!(3));
    // Without a signal she hears of neither: the hospital's records are closed to the station, the visits are somebody else's.
    hub.ok(&["consent", "withdraw", "--patient", &patient, "--disclosing", "hp", "--viewing", "st-1"])?;
    hub.visit(&patient, "nurse-b")?;
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"], &synced["held"]), (&json!(3), &json!(0), &json!(0)), "{synced}");
    let shown = a.ok(&["show", &patient])?;
    assert_eq!((&shown["labs"], &shown["allergy_knowledge"]), (&json!([]), &json!("not_recorded")));
    b.ok(&["sync"])?;
    for phone in [&a, &b] {
        for (n, note) in notes.iter().enumerate() {
            let shown = phone.ok(&["note", "show", note])?;
            assert_eq!(
                (&shown["author"], &shown["fields"]["condition"]),
                (&json!("nurse-a"), &json!(format!("{n}件目。")))
            );
        }
    }
    Ok(())
}

#[test]
fn reassigned_while_holding_three_unsent_notes_she_loses_none_and_her_phone_lets_go_only_what_is_durable() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    hub.ok(&["patient", "assign", "--patient", &patient, "--staff", "nurse-a"])?;
    let write = |many: usize, word: &str| -> Outcome<Vec<String>> {
        let mut notes = Vec::new();
        for n in 0..many {
            let note = a.start_note(&patient, None)?;
            a.write_text(&note, "condition", &format!("{word}{n}件目。"))?;
            notes.push(note);
        }
        Ok(notes)
    };
    a.ok(&["sync"])?;
    let known = write(8, "既送")?;
    a.ok(&["sync"])?;
    // Without a signal she writes three more, and does not hear that the patient is nurse-b's now.
    let unsent = write(3, "未送")?;
    hub.ok(&["patient", "unassign", "--patient", &patient, "--staff", "nurse-a"])?;
    hub.ok(&["patient", "assign", "--patient", &patient, "--staff", "nurse-b"])?;
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"], &synced["held"]), (&json!(3), &json!(0), &json!(0)), "{synced}");
    assert_eq!(a.ok(&["patients"])?[0]["standing"], json!("light"));
    let shown = a.ok(&["show", &patient])?;
    assert_eq!((count(&shown["allergies"]), count(&shown["labs"])), (1, 0), "what the hospital disclosed left at once");
    assert_eq!(a.ok(&["status"])?["notes"], json!(11), "of her own nothing leaves that stands on one disk only");
    // All three arrived, under her name, and the manager sees that they were late.
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["status"])?["notes"], json!(11));
    let listed = hub.ok(&["note", "list"])?;
    for (notes, late) in [(&known, false), (&unsent, true)] {
        for note in notes {
            assert_eq!(b.ok(&["note", "show", note])?["author"], json!("nurse-a"));
            let row = listed.as_array().into_iter().flatten().find(|row| row["note"] == json!(note));
            assert_eq!(row.map(|row| &row["late"]), Some(&json!(late)), "{note}");
        }
    }
    // In a backup it is durable: what was named leaves, the last five that the hub knew and the late ones stay.
    hub.ok(&["backup", &hub.path("backup.db").display().to_string()])?;
    a.ok(&["sync"])?;
    assert_eq!(a.ok(&["status"])?["notes"], json!(8));
    for note in known.iter().skip(3).chain(&unsent) {
        assert_eq!(a.ok(&["note", "show", note])?["author"], json!("nurse-a"));
    }
    for note in &known[..3] {
        assert!(a.refused(&["note", "show", note])?.contains(note.as_str()));
    }
    // Hers again: everything comes back, her own notes too.
    hub.ok(&["patient", "assign", "--patient", &patient, "--staff", "nurse-a"])?;
    a.ok(&["sync"])?;
    assert_eq!(a.ok(&["note", "show", &known[0]])?["fields"]["condition"], json!("既送0件目。"));
    let status = a.ok(&["status"])?;
    assert_eq!((&status["notes"], &status["unsent"], &status["damaged"]), (&json!(11), &json!(0), &json!(0)));
    assert_eq!(a.ok(&["doctor"])?["sound"], json!(true));
    Ok(())
}

#[test]
fn an_empty_or_garbled_word_about_consent_or_standing_takes_nothing_away() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let disclosed = |shown: &Value| json!([shown["allergies"], shown["prescriptions"], shown["labs"]]);
    let before = disclosed(&a.ok(&["show", &patient])?);
    assert_eq!(count(&before[2]), 1);
    let id: PatientId = patient.parse()?;
    let nothing =
        Consented { patient: id.clone(), version: 9, allowed: Vec::new(), withdrawn: Vec::new(), again: false };
    let nothing = canonical::to_bytes(&nothing)?;
    let answered = |kind: Kind, bytes: Vec<Vec<u8>>, policy: Option<Policy>| -> Outcome {
        let phone = a.opened(Timestamp::now())?;
        let request = phone.load_request()?;
        let item = |(n, bytes): (u64, Vec<u8>)| FeedItem {
            n: request.cursor.n + n,
            kind,
            doc: DocumentId::derive(&format!("{kind:?}"), patient.as_bytes()),
            patient: Some(id.clone()),
            enc: Encoding::Cbor.into(),
            bytes,
            at: 0,
        };
        let answer = SyncResponse {
            v: WIRE_VERSION,
            epoch: request.epoch,
            time: Timestamp::now().as_millisecond(),
            received_up_to: request.first_seq - 1,
            durable_up_to: 0,
            receipt: Receipt { items: Vec::new(), signature: Vec::new() },
            held: Vec::new(),
            rejected: Vec::new(),
            feed: (1..).zip(bytes).map(item).collect(),
            pages: None,
            from: None,
            next_cursor: request.cursor,
            more: false,
            policy,
            renew: false,
            differs: Vec::new(),
        };
        phone.store_answer(&request, &answer, Timestamp::now())?;
        Ok(())
    };
    let half = nothing[..nothing.len() / 2].to_vec();
    answered(Kind::Consent, vec![nothing, half, Vec::new(), b"<html></html>".to_vec()], None)?;
    assert_eq!(a.ok(&["status"])?["set_aside"], json!(3), "kept aside, for a version that can read them");
    // Of somebody else, of a word that this version does not know, torn, empty, no statement at all.
    let other = PatientStanding {
        patient: id.clone(),
        staff: "nurse-b".parse()?,
        version: 9,
        extent: Extent::Light,
        leave: Vec::new(),
    };
    let unknown = PatientStanding { staff: "nurse-a".parse()?, extent: Extent::Unknown, ..other.clone() };
    let (other, unknown) = (canonical::to_bytes(&other)?, canonical::to_bytes(&unknown)?);
    let half = other[..other.len() / 2].to_vec();
    answered(Kind::Standing, vec![other, unknown, half, Vec::new(), b"<html></html>".to_vec()], None)?;
    assert_eq!(a.ok(&["status"])?["set_aside"], json!(8));
    assert_eq!(a.ok(&["patients"])?[0]["standing"], json!("full"));
    assert_eq!(disclosed(&a.ok(&["show", &patient])?), before);
    assert_eq!(disclosed(&a.ok(&["show", &patient])?), before);
    // No lease at all: closed until the hub says more, and still there.
    answered(Kind::Consent, Vec::new(), Some(Policy { durability: Durability::Fsynced, lease_until: None }))?;
    assert_eq!(a.ok(&["show", &patient])?["lease_lapsed"], json!(true));
    assert_eq!(a.ok(&["sync"])?["received"], json!(0), "nothing had to be fetched again");
    assert_eq!(disclosed(&a.ok(&["show", &patient])?), before);
    Ok(())
}

// ----------------------------------------------------------------------------------------------------------- the files

#[test]
fn a_phone_and_its_clone_both_write_and_nothing_of_either_is_lost() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let shared = a.start_note(&patient, None)?;
    a.write_text(&shared, "remarks", "前から。")?;
    a.ok(&["sync"])?;
    let clone = a.copied_to(&hub.path("clone.vault"))?;
    let mut notes = Vec::new();
    for (phone, words) in [(&a, "元の電話。"), (&clone, "写しの電話。")] {
        phone.write_text(&shared, "condition", words)?;
        let note = phone.start_note(&patient, None)?;
        phone.write_text(&note, "plan", words)?;
        notes.push((note, words));
    }
    for phone in [&a, &clone, &a, &clone, &b] {
        let synced = phone.ok(&["sync"])?;
        assert_eq!((&synced["unsent"], &synced["held"]), (&json!(0), &json!(0)), "{synced}");
    }
    for phone in [&a, &clone, &b] {
        let shown = phone.ok(&["note", "show", &shared])?;
        let text = shown["fields"]["condition"].as_str().unwrap_or_default();
        assert!(text.contains("元の電話。") && text.contains("写しの電話。"), "{text}");
        assert_eq!(shown["fields"]["remarks"], json!("前から。"));
        for (note, words) in &notes {
            assert_eq!(phone.ok(&["note", "show", note])?["fields"]["plan"], json!(words));
        }
    }
    // Loud: the operator can see it.
    let db = Connection::open(hub.path("hub/hub.db"))?;
    let told: i64 = db.query_row("SELECT count(*) FROM audit WHERE action = 'series_forked'", [], |r| r.get(0))?;
    assert_eq!(told, 1);
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn a_phone_put_back_to_older_files_gets_back_what_it_had_sent_and_goes_on_writing() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let first = a.start_note(&patient, None)?;
    a.write_text(&first, "condition", "一。")?;
    a.ok(&["sync"])?;
    // The older files hold words of their own that were never sent.
    let unsent = a.start_note(&patient, None)?;
    a.write_text(&unsent, "plan", "未送信。")?;
    let older = a.copied_to(&hub.path("older.vault"))?;
    a.write_text(&first, "condition", "一。二。")?;
    let second = confirmed(&a, &patient)?;
    a.ok(&["sync"])?;
    older.copied_to(&a.vault)?;
    assert!(a.refused(&["note", "show", &second])?.contains("no note"));
    assert_eq!(a.ok(&["sync"])?["unsent"], json!(0));
    assert_eq!(a.ok(&["note", "show", &first])?["fields"]["condition"], json!("一。二。"));
    assert_eq!(a.ok(&["note", "show", &second])?["state"], json!("confirmed"));
    a.write_text(&first, "condition", "一。二。三。")?;
    let third = confirmed(&a, &patient)?;
    assert_eq!(a.ok(&["sync"])?["unsent"], json!(0));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &first])?["fields"]["condition"], json!("一。二。三。"));
    assert_eq!(b.ok(&["note", "show", &unsent])?["fields"]["plan"], json!("未送信。"));
    for note in [&second, &third] {
        assert_eq!(b.ok(&["note", "show", note])?["state"], json!("confirmed"));
        assert_eq!(hub.ok(&["note", "verify", note])?["verdict"], json!("valid"));
    }
    assert_eq!((count(&b.ok(&["note", "list"])?), count(&hub.ok(&["held", "list"])?)), (4, 0));
    Ok(())
}
