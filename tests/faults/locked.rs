//! The phone that nobody can or may unlock: what was written still reaches the station.

mod sent_away;

use serde_json::json;
use stories::line::Weather;
use stories::{Hub, Outcome, Phone, contains_words, strings, until};

/// A note written where there was no signal, and what it says.
fn written_offline(hub: &Hub, patient: &str) -> Outcome<(Phone, String)> {
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(patient, None)?;
    a.fill_in(&note)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    a.write_text(&note, "phone.content", "息切れ。")?;
    a.ok(&["note", "set", &note, "phone.called_at", "08:10"])?;
    a.ok(&["note", "confirm", &note])?;
    Ok((a, note))
}

fn reaches_a_colleague(hub: &Hub, note: &str) -> Outcome {
    let held = hub.ok(&["held", "list"])?;
    assert_eq!(strings(&held, "reason"), ["capsule"], "{held}");
    assert_eq!(strings(&held, "staff"), ["nurse-a"]);
    let id = held[0]["held"].as_str().ok_or("no id")?.to_string();
    assert_eq!(hub.ok(&["held", "accept", &id])?["state"], json!("passed"));
    assert_eq!(hub.ok(&["held", "list"])?, json!([]));
    let b = hub.phone("nurse-b")?;
    b.ok(&["sync"])?;
    let shown = b.ok(&["note", "show", note])?;
    assert_eq!((&shown["state"], &shown["author"]), (&json!("confirmed"), &json!("nurse-a")));
    assert_eq!(shown["fields"]["condition"], json!("下肢浮腫あり。"));
    assert_eq!(shown["fields"]["phone.content"], json!("息切れ。"));
    Ok(())
}

#[test]
fn after_too_many_wrong_pins_the_keys_are_gone_and_the_note_still_arrives() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    a.ok(&["pin", "limit", "3"])?;
    std::fs::write(&a.pin, "1357")?;
    assert!(a.refused(&["status"])?.contains("2 more"));
    assert!(a.refused(&["status"])?.contains("1 more"));
    assert!(a.refused(&["status"])?.contains("wiped"));
    std::fs::write(&a.pin, "2468")?;
    assert!(a.refused(&["status"])?.contains("wiped"), "the right PIN opens nothing any more");
    assert!(a.push()?["sent"].as_u64() > Some(5));
    assert_eq!(a.push()?["sent"], json!(0), "what the hub receipted is not sent again");
    reaches_a_colleague(&hub, &note)
}

#[test]
fn a_forgotten_pin_costs_nothing_that_was_written() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    a.without_pin(&["wipe", "--forgotten-pin"])?;
    a.push()?;
    reaches_a_colleague(&hub, &note)
}

#[test]
fn a_revoked_phone_brings_what_it_wrote_and_gets_nothing() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    let device = a.ok(&["status"])?["device"].as_str().unwrap_or_default().to_string();
    hub.ok(&["device", "revoke", "--device", &device])?;
    assert!(a.refused(&["sync"])?.contains("sent sealed"));
    reaches_a_colleague(&hub, &note)?;
    // Signed by a person whose right was taken back before the hub heard of it: kept, and marked for a person.
    assert_eq!(hub.ok(&["note", "verify", &note])?["verdict"], json!("review"));
    Ok(())
}

#[test]
fn a_lost_phone_destroys_its_keys_at_its_next_contact() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    let device = a.ok(&["status"])?["device"].as_str().unwrap_or_default().to_string();
    hub.ok(&["device", "wipe", "--device", &device])?;
    assert_eq!(a.push()?["wiped"], json!(true));
    assert!(a.refused(&["status"])?.contains("wiped"));
    assert!(hub.ok(&["device", "list"])?[0]["wiped_at"].is_string());
    reaches_a_colleague(&hub, &note)
}

#[test]
fn what_the_hub_has_already_is_not_held_again() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    let before = std::fs::read(&a.vault)?;
    a.ok(&["sync"])?;
    // The answer was lost with the power: the phone knows nothing of the receipt.
    for suffix in ["-wal", "-shm"] {
        let mut file = a.vault.as_os_str().to_owned();
        file.push(suffix);
        let _ = std::fs::remove_file(file);
    }
    std::fs::write(&a.vault, before)?;
    a.push()?;
    assert_eq!(hub.ok(&["held", "list"])?, json!([]), "de-duplicated by the changes' own hashes");
    // Without a signal a push is an error with a sentence, and nothing is lost by it.
    hub.kill();
    assert!(a.refused_without_pin(&["capsule", "push"])?.contains("cannot be reached"));
    hub.serve()?;
    a.push()?;
    assert_eq!(hub.ok(&["note", "verify", &note])?["verdict"], json!("valid"));
    Ok(())
}

#[test]
fn copies_that_are_sent_back_stay_out() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    a.push()?;
    let id = hub.ok(&["held", "list"])?[0]["held"].as_str().ok_or("nothing held")?.to_string();
    assert!(hub.try_run(&["held", "accept", "entry-999"])?.is_err());
    hub.ok(&["held", "return", &id])?;
    assert_eq!(hub.ok(&["held", "list"])?, json!([]));
    assert_eq!(hub.ok(&["note", "list"])?, json!([]));
    // The phone itself still has the note, and its own sync still brings it.
    a.ok(&["sync"])?;
    assert_eq!(strings(&hub.ok(&["note", "list"])?, "note"), [note.as_str()]);
    Ok(())
}

#[test]
fn under_duress_an_empty_route_opens_and_what_was_written_still_arrives_sealed() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    let other = hub.path("other-pin");
    std::fs::write(&other, "97531")?;
    let file = other.display().to_string();
    a.ok(&["pin", "duress", "--duress-pin-file", &file])?;
    let forced = Phone { vault: a.vault.clone(), pin: other };
    assert_eq!(forced.ok(&["patients"])?, json!([]));
    assert_eq!(forced.ok(&["today"])?, json!([]));
    assert_eq!(forced.ok(&["note", "list"])?, json!([]));
    let status = forced.ok(&["status"])?;
    assert_eq!((&status["staff"], &status["unsent"]), (&json!("nurse-a"), &json!(0)), "{status}");
    assert!(forced.refused(&["sync"])?.contains("cannot be reached"), "no hub fills it");
    // Behind it the phone is a locked one.
    assert!(forced.push()?["sent"].as_u64() > Some(5));
    assert_eq!(a.ok(&["note", "show", &note])?["state"], json!("confirmed"));
    reaches_a_colleague(&hub, &note)
}

#[test]
fn two_nurses_share_a_tablet_and_neither_opens_the_other_ones_vault() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let folder = tempfile::tempdir()?;
    let first = folder.path().join("tsutsuji.vault");
    let mut phones = Vec::new();
    for (staff, pin) in [("nurse-a", "2468"), ("nurse-b", "1357")] {
        let pin_file = hub.path(&format!("pin-{staff}"));
        std::fs::write(&pin_file, pin)?;
        let phone = Phone { vault: device::tablet::next_vault(&first), pin: pin_file };
        phone.ok(&["enrol", "--least-pin-cost", &hub.invite(staff)?])?;
        phone.ok(&["sync"])?;
        phones.push(phone);
    }
    let [a, b] = phones.as_slice() else { return Err("two".into()) };
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "まだ送っていない。")?;
    assert_eq!(b.ok(&["note", "list"])?, json!([]), "AT-A4: a draft that was not sent is its writer's alone");
    let crossed = Phone { vault: a.vault.clone(), pin: b.pin.clone() };
    assert!(crossed.refused(&["note", "list"])?.contains("wrong PIN"));
    // The tablet says whose they are; a file that was moved aside is nobody's.
    std::fs::write(folder.path().join("tsutsuji.vault.aside-20261101T000000Z"), "x")?;
    let here = device::tablet::vaults_beside(&first);
    let names: Vec<_> = here.iter().map(|vault| vault.staff_name.as_deref()).collect();
    assert_eq!(names, [Some("nurse-a"), Some("nurse-b")]);
    assert_eq!(here[1].path, folder.path().join("tsutsuji-2.vault"));
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn locking_closes_the_file_and_refuses_whoever_still_holds_the_phone() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, note) = written_offline(&hub, &patient)?;
    let now = jiff::Timestamp::now();
    let held_by_a_background_run = std::sync::Arc::new(a.opened(now)?);
    let phone = held_by_a_background_run.clone();
    let handles = || -> Outcome<usize> {
        let mut open = 0;
        for handle in std::fs::read_dir("/proc/self/fd")? {
            let target = std::fs::read_link(handle?.path()).unwrap_or_default();
            open += usize::from(target.starts_with(hub.folder.path()) && target.to_string_lossy().contains("a.vault"));
        }
        Ok(open)
    };
    assert!(handles()? > 0);
    phone.suspend();
    assert_eq!(handles()?, 0, "database, log and index are closed before it returns");
    let asked = held_by_a_background_run.show_note(note.parse()?);
    assert!(matches!(asked, Err(device::DeviceError::Vault(vault::VaultError::Locked))));
    assert!(matches!(
        held_by_a_background_run.set_field(note.parse()?, "temperature_c", "36.5", now),
        Err(device::DeviceError::Vault(vault::VaultError::Locked))
    ));
    Ok(())
}

/// Pages that wait for the unlock.
fn waiting(phone: &Phone) -> Outcome<i64> {
    let db = rusqlite::Connection::open(&phone.vault)?;
    Ok(db.query_row("SELECT count(*) FROM locked_page WHERE n > 0", [], |r| r.get(0))?)
}

/// A colleague's note, written and sent after both phones had everything.
fn written_by_the_colleague(a: &Phone, b: &Phone, patient: &str) -> Outcome<String> {
    for phone in [a, b, a] {
        phone.ok(&["sync"])?;
    }
    let note = b.start_note(patient, None)?;
    b.write_text(&note, "condition", "下肢浮腫あり。")?;
    b.ok(&["sync"])?;
    Ok(note)
}

#[test]
fn what_a_colleague_wrote_while_the_phone_was_locked_is_there_at_the_unlock_without_any_line() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    let note = written_by_the_colleague(&a, &b, &patient)?;
    // The phone lies in a pocket, locked: the background call fetches what it cannot read, over a line that breaks a little
    // later each time.
    let mut bytes = 400;
    line.becomes(Weather::CutDown(bytes));
    while a.refused_without_pin(&["capsule", "push"]).is_ok() {
        assert_eq!(waiting(&a)?, 0, "a page is there whole, or not at all");
        bytes += 250;
        line.becomes(Weather::CutDown(bytes));
    }
    assert!(bytes > 650, "it was cut more than once: {bytes}");
    line.becomes(Weather::Clear);
    assert_eq!((waiting(&a)?, &a.push()?["pages"]), (1, &json!(0)), "once is enough");
    b.write_text(&note, "plan", "次回は体重測定。")?;
    b.ok(&["sync"])?;
    assert_eq!(a.push()?["pages"], json!(1));
    let at_rest = a.bytes_at_rest()?;
    assert!(!contains_words(&at_rest, "下肢浮腫あり。") && !contains_words(&at_rest, "次回は体重測定。"));
    // No signal at all.
    line.becomes(Weather::CutUp(0));
    line.cut();
    let shown = a.ok(&["note", "show", &note])?;
    assert_eq!((&shown["author"], &shown["fields"]["condition"]), (&json!("nurse-b"), &json!("下肢浮腫あり。")));
    assert_eq!(shown["fields"]["plan"], json!("次回は体重測定。"));
    assert!(a.refused(&["sync"])?.contains("cannot be reached"));
    // It goes on from there: nothing comes a second time, and both write on.
    line.becomes(Weather::Clear);
    assert_eq!(a.ok(&["sync"])?["received"], json!(0));
    a.write_text(&note, "remarks", "了解。")?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["remarks"], json!("了解。"));
    assert_eq!(a.ok(&["doctor"])?["sound"], json!(true));
    hub.ok(&["audit", "verify"]).map(|_| ())
}

#[test]
fn the_unlock_waits_for_nothing_that_came_and_the_open_app_shows_it_a_moment_later_without_any_line() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    let note = written_by_the_colleague(&a, &b, &patient)?;
    assert_eq!(a.push()?["pages"], json!(1));
    line.becomes(Weather::CutUp(0));
    line.cut();
    let phone = std::sync::Arc::new(a.opened(jiff::Timestamp::now())?);
    let note: device::record::DocumentId = note.parse()?;
    assert!(phone.show_note(note).is_err());
    assert_eq!(waiting(&a)?, 1, "the unlock has not read it");
    let runtime = tokio::runtime::Runtime::new()?;
    let inside = runtime.enter();
    let background = device::Background::start(phone.clone());
    until("what came is there", || Ok(phone.show_note(note).is_ok()))?;
    assert_eq!(phone.show_note(note)?.view.text("condition"), "下肢浮腫あり。");
    assert_eq!(waiting(&a)?, 0);
    drop((background, inside));
    Ok(())
}

#[test]
fn a_page_that_no_longer_fits_is_dropped_and_the_sync_brings_everything() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    let note = written_by_the_colleague(&a, &b, &patient)?;
    assert_eq!(a.push()?["pages"], json!(1));
    // Somebody had the file in his hands.
    let db = rusqlite::Connection::open(&a.vault)?;
    let mut body: Vec<u8> = db.query_row("SELECT body FROM locked_page WHERE n = 1", [], |r| r.get(0))?;
    if let Some(last) = body.last_mut() {
        *last ^= 1;
    }
    db.execute("UPDATE locked_page SET body = ?1 WHERE n = 1", [body])?;
    assert!(a.refused(&["note", "show", &note])?.contains("no note"));
    assert_eq!(waiting(&a)?, 0);
    a.ok(&["sync"])?;
    assert_eq!(a.ok(&["note", "show", &note])?["fields"]["condition"], json!("下肢浮腫あり。"));
    Ok(())
}

#[test]
fn no_page_goes_to_a_locked_phone_that_is_revoked_or_whose_certificate_is_over() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    let note = written_by_the_colleague(&a, &b, &patient)?;
    let device = a.ok(&["status"])?["device"].as_str().unwrap_or_default().to_string();
    let db = rusqlite::Connection::open(hub.path("hub/hub.db"))?;
    let until: i64 = db.query_row("SELECT max(until) FROM certificate", [], |r| r.get(0))?;
    db.execute("UPDATE certificate SET until = 1", [])?;
    assert_eq!(a.push()?["pages"], json!(0));
    db.execute("UPDATE certificate SET until = ?1", [until])?;
    assert_eq!(a.push()?["pages"], json!(1));
    b.write_text(&note, "plan", "次回は体重測定。")?;
    b.ok(&["sync"])?;
    hub.ok(&["device", "revoke", "--device", &device])?;
    assert_eq!(a.push()?["pages"], json!(0));
    Ok(())
}
