//! Nobody who finds the phone, the backup or the hub's disk can read it.

use stories::{DRUG, Hub, KANA, NAME, Outcome, contains_words};

#[test]
fn no_word_of_a_patient_stands_in_clear_on_the_phone_or_in_the_hubs_database() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    hub.visit(&patient, "nurse-a")?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    assert_eq!(a.ok(&["patients"])?[0]["name"].as_str(), Some(NAME), "the words are there, sealed");
    let note = a.start_note(&patient, None)?;
    a.fill_in(&note)?;
    let written = "右踵部に発赤、皮膚科へ相談。";
    a.write_text(&note, "condition", written)?;
    a.ok(&["note", "confirm", &note])?;
    a.ok(&["sync"])?;
    let mut at_hub = Vec::new();
    for file in ["hub.db", "hub.db-wal"] {
        at_hub.extend(std::fs::read(hub.path("hub").join(file)).unwrap_or_default());
    }
    let on_phone = a.bytes_at_rest()?;
    for words in [NAME, KANA, DRUG, written, "ペニシリン", "仮青木", "00012345"] {
        assert!(!contains_words(&on_phone, words), "{words} stands in clear on the phone");
        assert!(!contains_words(&at_hub, words), "{words} stands in clear at the hub");
    }
    assert!(!contains_words(&on_phone, &patient), "even ids are hashed on the phone");
    assert!(contains_words(&at_hub, "つばき中央病院"), "the search itself works: a facility's name is no secret");
    Ok(())
}

#[test]
fn a_row_moved_to_another_place_does_not_open_and_does_not_stop_the_rest() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let db = rusqlite::Connection::open(&a.vault)?;
    let swapped = db.execute(
        "UPDATE item SET sealed = (SELECT other.sealed FROM item AS other WHERE other.kind = 4 AND other.key <> item.key LIMIT 1)
         WHERE kind = 4 AND key = (SELECT min(key) FROM item WHERE kind = 4)",
        [],
    )?;
    drop(db);
    assert_eq!(swapped, 1);
    let shown = a.ok(&["show", &patient])?;
    let count = |list: &str| shown[list].as_array().map_or(0, Vec::len);
    assert_eq!(count("allergies") + count("prescriptions") + count("labs"), 2, "two of the three are still read");
    Ok(())
}

#[test]
fn a_changed_pin_opens_and_the_old_one_does_not() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    let a = hub.phone("nurse-a")?;
    let new = hub.path("new-pin");
    std::fs::write(&new, "97531")?;
    a.ok(&["pin", "change", "--new-pin-file", &new.display().to_string()])?;
    assert!(a.refused(&["patients"])?.contains("wrong PIN"));
    stories::Phone { vault: a.vault.clone(), pin: new }.ok(&["patients"])?;
    Ok(())
}
