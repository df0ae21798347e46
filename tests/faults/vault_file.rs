//! The vault's file in bad hands: bytes changed, rows put back, something else under its name.

use device::Phone as OpenPhone;
use device::{FileKeyStore, Pin};
use jiff::Timestamp;
use serde_json::json;
use std::path::Path;
use stories::{Hub, Outcome, Phone};

fn rusqlite_on(vault: &Path) -> Outcome<rusqlite::Connection> {
    Ok(rusqlite::Connection::open(vault)?)
}

/// A phone with a confirmed and a draft note; nobody has the file open.
fn written(hub: &Hub, patient: &str) -> Outcome<(Phone, String, String)> {
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let confirmed = a.start_note(patient, None)?;
    a.fill_in(&confirmed)?;
    a.write_text(&confirmed, "condition", "下肢浮腫あり。")?;
    a.ok(&["note", "confirm", &confirmed])?;
    let draft = a.start_note(patient, None)?;
    a.write_text(&draft, "condition", "咳あり。")?;
    Ok((a, confirmed, draft))
}

#[test]
fn the_self_check_finds_a_row_that_was_put_back_and_says_nothing_of_a_sound_vault() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, _, draft) = written(&hub, &patient)?;
    let sound = a.ok(&["doctor"])?;
    assert_eq!((&sound["sound"], &sound["documents"]), (&json!(true), &json!(2)));
    rusqlite_on(&a.vault)?.execute_batch("CREATE TABLE kept AS SELECT * FROM note_change")?;
    a.write_text(&draft, "condition", "咳あり。発熱なし。")?;
    assert_eq!(a.ok(&["doctor"])?["sound"], json!(true));
    // An older state of the draft: the newer change is taken away again. Every row by itself opens.
    rusqlite_on(&a.vault)?.execute_batch("DELETE FROM note_change WHERE n NOT IN (SELECT n FROM kept)")?;
    assert!(a.refused(&["doctor"])?.contains("damaged"));
    let last = a.ok(&["status"])?["self_check"].clone();
    assert_eq!(
        (&last["sound"], &last["rows_add_up"], &last["documents_differ"]),
        (&json!(false), &json!(false), &json!(1))
    );
    Ok(())
}

#[test]
fn a_changed_byte_never_shows_another_record_and_never_stops_the_program() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, confirmed, draft) = written(&hub, &patient)?;
    rusqlite_on(&a.vault)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("a.vault");
    let store = FileKeyStore::beside(&copy);
    for suffix in ["", ".device-key", ".attempts"] {
        std::fs::copy(format!("{}{suffix}", a.vault.display()), format!("{}{suffix}", copy.display()))?;
    }
    let pin = Pin::new("2468")?;
    let (sound, attempts) = (std::fs::read(&copy)?, std::fs::read(folder.path().join("a.vault.attempts"))?);
    let (confirmed, draft) = (confirmed.parse()?, draft.parse()?);
    let (mut opened, mut told) = (0, 0);
    // A fixed walk over the file: every page's head, and places between.
    for at in (0..sound.len()).step_by(sound.len() / 90).chain((0..sound.len()).step_by(4096).take(30)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x21;
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", copy.display()));
        }
        std::fs::write(&copy, &bytes)?;
        std::fs::write(folder.path().join("a.vault.attempts"), &attempts)?;
        let Ok(phone) = OpenPhone::unlock(&copy, &store, &pin, Timestamp::now()) else {
            told += 1;
            continue;
        };
        opened += 1;
        for (note, words) in [(confirmed, "下肢浮腫あり。"), (draft, "咳あり。")] {
            match phone.show_note(note) {
                Ok(shown) => assert_eq!(shown.view.text("condition"), words, "byte {at}"),
                Err(_) => told += 1,
            }
        }
        let _ = phone.patients();
        let _ = phone.self_check(Timestamp::now());
    }
    assert!(opened > 20 && told > 5, "{opened} opened, {told} said what was wrong");
    Ok(())
}

#[test]
fn a_file_that_does_not_open_is_moved_aside_and_never_deleted() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, ..) = written(&hub, &patient)?;
    let rubbish = vec![7u8; 40_000];
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", a.vault.display()));
    }
    std::fs::write(&a.vault, &rubbish)?;
    assert!(a.refused(&["status"])?.contains("do not delete"));
    assert_eq!(std::fs::read(&a.vault)?, rubbish, "left as it is");
    // A new enrolment takes the name; what stood there keeps its bytes, its key beside it.
    let uri = hub.invite("nurse-a")?;
    a.ok(&["enrol", "--least-pin-cost", &uri])?;
    a.ok(&["sync"])?;
    let aside: Vec<_> = std::fs::read_dir(a.vault.parent().ok_or("no folder")?)?
        .filter_map(Result::ok)
        .filter(|file| file.file_name().to_string_lossy().contains(".aside-"))
        .collect();
    let vault = aside.iter().find(|file| {
        !file.file_name().to_string_lossy().ends_with("-key")
            && !file.file_name().to_string_lossy().ends_with(".attempts")
    });
    assert_eq!(std::fs::read(vault.ok_or("nothing was moved aside")?.path())?, rubbish);
    assert!(aside.iter().any(|file| file.file_name().to_string_lossy().ends_with(".device-key")));
    // A vault that opens is never moved.
    let uri = hub.invite("nurse-a")?;
    assert!(a.refused(&["enrol", "--least-pin-cost", &uri])?.contains("stands here already"));
    Ok(())
}

#[test]
fn a_device_without_its_attempts_file_waits_and_wipes_nothing() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, ..) = written(&hub, &patient)?;
    std::fs::remove_file(format!("{}.attempts", a.vault.display()))?;
    assert!(a.refused(&["status"])?.contains("60 minutes"));
    Ok(())
}

#[test]
fn a_damaged_earlier_note_never_keeps_todays_from_being_read() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, confirmed, draft) = written(&hub, &patient)?;
    a.fill_in(&draft)?;
    // The confirmed note's document is bent; its list row still opens.
    let bent = rusqlite_on(&a.vault)?.execute(
        "UPDATE note SET document = CAST(substr(document, 1, 40) || x'00ff' || substr(document, 43) AS BLOB) WHERE dirty = 0",
        [],
    )?;
    assert_eq!(bent, 1);
    assert!(a.refused(&["note", "show", &confirmed])?.contains("damaged"));
    assert_eq!(a.ok(&["note", "show", &draft])?["fields"]["condition"], json!("咳あり。"));
    a.ok(&["note", "confirm", &draft])?;
    a.ok(&["vitals", "--patient", &patient, "--field", "temperature_c"])?;
    Ok(())
}
