//! Real processes, real files, real TLS.

use serde_json::json;
use stories::{Hub, Outcome, strings};

#[test]
fn a_note_written_without_signal_reaches_the_other_nurse() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let visit = hub.visit(&patient, "nurse-a")?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let today = a.ok(&["today"])?;
    assert_eq!(strings(&today, "visit"), [visit.as_str()]);
    hub.kill();

    // In the patient's home there is no signal.
    let shown = a.ok(&["show", &patient])?;
    assert_eq!(strings(&shown["allergies"], "text"), ["ペニシリン"]);
    assert_eq!(shown["labs"][0]["value"], json!("412"));
    let note = a.start_note(&patient, None)?;
    a.fill_in(&note)?;
    a.write_text(&note, "condition", "下肢浮腫++。昨夜より労作時の息切れを自覚。")?;
    a.ok(&["note", "confirm", &note])?;
    assert!(a.refused(&["sync"])?.contains("cannot be reached"));
    assert_eq!(a.ok(&["status"])?["unsent"], json!(1));

    hub.serve()?;
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"], &synced["round_trips"]), (&json!(2), &json!(0), &json!(1)));
    b.ok(&["sync"])?;
    let theirs = b.ok(&["note", "show", &note])?;
    assert_eq!(theirs["state"], json!("confirmed"));
    assert_eq!(theirs["author"], json!("nurse-a"));
    assert_eq!(theirs["fields"]["condition"], json!("下肢浮腫++。昨夜より労作時の息切れを自覚。"));
    assert_eq!(theirs["fields"]["temperature_c"], json!(36.5));
    assert!(a.ok(&["note", "show", &note])?["receipt"]["received_at"].is_string());
    assert_eq!(hub.ok(&["note", "verify", &note])?["verdict"], json!("valid"));
    assert_eq!(hub.ok(&["note", "export", &note])?["fields"]["condition"], theirs["fields"]["condition"]);
    hub.ok(&["audit", "verify"])?;
    // Once more changes nothing.
    let again = a.ok(&["sync"])?;
    assert_eq!((&again["sent"], &again["received"]), (&json!(0), &json!(0)));
    Ok(())
}

#[test]
fn two_nurses_write_one_visit_offline_and_both_read_both() -> Outcome {
    for a_first in [true, false] {
        let (mut hub, patient) = Hub::with_consent()?;
        let visit = hub.visit(&patient, "nurse-a")?;
        let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
        a.ok(&["sync"])?;
        b.ok(&["sync"])?;
        hub.kill();
        let note = a.start_note(&patient, Some(&visit))?;
        assert_eq!(b.start_note(&patient, Some(&visit))?, note, "both derive one note from the visit");
        a.write_text(&note, "condition", "下肢浮腫あり。")?;
        b.write_text(&note, "condition", "食欲良好。")?;
        a.ok(&["note", "set", &note, "temperature_c", "36.5"])?;
        b.ok(&["note", "set", &note, "temperature_c", "37.2"])?;
        hub.serve()?;
        let (first, second) = if a_first { (&a, &b) } else { (&b, &a) };
        for phone in [first, second, first] {
            phone.ok(&["sync"])?;
        }
        let (seen_a, seen_b) = (a.ok(&["note", "show", &note])?, b.ok(&["note", "show", &note])?);
        assert_eq!(seen_a["fields"], seen_b["fields"]);
        assert_eq!(seen_a["conflicts"], seen_b["conflicts"]);
        let text = seen_a["fields"]["condition"].as_str().unwrap_or_default();
        assert!(text.contains("下肢浮腫あり。") && text.contains("食欲良好。"), "{text}");
        let sides = &seen_a["conflicts"][0];
        assert_eq!((&sides["field"], sides["values"].as_array().map(Vec::len)), (&json!("temperature_c"), Some(2)));
        assert!(a.refused(&["note", "confirm", &note])?.contains("temperature_c"), "an open conflict is settled first");
        a.ok(&["note", "set", &note, "temperature_c", "37.2"])?;
        a.ok(&["sync"])?;
        b.ok(&["sync"])?;
        assert_eq!(b.ok(&["note", "show", &note])?["conflicts"], json!([]));
    }
    Ok(())
}

#[test]
fn a_late_edit_becomes_a_proposal_and_the_confirmed_text_stays() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let visit = hub.visit(&patient, "nurse-a")?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let note = a.start_note(&patient, Some(&visit))?;
    a.fill_in(&note)?;
    a.write_text(&note, "condition", "安定。")?;
    b.start_note(&patient, Some(&visit))?;
    b.write_text(&note, "condition", "咳あり。")?;
    a.ok(&["note", "confirm", &note])?;
    for phone in [&a, &b, &a] {
        phone.ok(&["sync"])?;
    }
    for phone in [&a, &b] {
        let seen = phone.ok(&["note", "show", &note])?;
        assert_eq!(seen["fields"]["condition"], json!("安定。"));
        assert_eq!(seen["amendments"][0]["state"], json!("proposed"));
    }
    assert!(b.refused(&["note", "set", &note, "pulse_bpm", "80"])?.contains("confirmed"));
    Ok(())
}

#[test]
fn a_station_without_consent_gets_no_record_and_no_patient() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let x = hub.phone("nurse-x")?;
    x.ok(&["sync"])?;
    assert_eq!(x.ok(&["patients"])?, json!([]));
    assert!(x.refused(&["show", &patient])?.contains("no patient"));
    assert!(x.refused(&["note", "start", "--patient", &patient])?.contains("no patient"));
    let bytes = x.bytes_at_rest()?;
    assert!(!stories::contains_words(&bytes, &patient));
    Ok(())
}

#[test]
fn consent_decides_class_by_class_and_withdrawal_takes_back() -> Outcome {
    let mut hub = Hub::new()?;
    let patient = hub.patient()?;
    hub.serve()?;
    hub.ok(&[
        "consent",
        "add",
        "--patient",
        &patient,
        "--disclosing",
        "hp",
        "--viewing",
        "st-1",
        "--classes",
        "rx,allergy",
    ])?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let shown = a.ok(&["show", &patient])?;
    assert_eq!(
        (shown["prescriptions"].as_array().map(Vec::len), shown["labs"].as_array().map(Vec::len)),
        (Some(1), Some(0))
    );
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "remarks", "station's own")?;
    a.ok(&["sync"])?;
    hub.ok(&["consent", "withdraw", "--patient", &patient, "--disclosing", "hp", "--viewing", "st-1"])?;
    a.ok(&["sync"])?;
    let shown = a.ok(&["show", &patient])?;
    assert_eq!(shown["prescriptions"], json!([]));
    assert_eq!(shown["allergy_knowledge"], json!("not_recorded"));
    assert_eq!(
        a.ok(&["note", "show", &note])?["fields"]["remarks"],
        json!("station's own"),
        "the station's notes stay"
    );
    Ok(())
}

#[test]
fn a_revoked_phone_gets_nothing_more_and_keeps_what_it_wrote() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let device = a.ok(&["status"])?["device"].as_str().unwrap_or_default().to_string();
    hub.ok(&["device", "revoke", "--device", &device])?;
    let note = a.start_note(&patient, None)?;
    assert!(a.refused(&["sync"])?.contains("revoked"));
    assert_eq!(a.ok(&["note", "show", &note])?["unsent"], json!(true));
    Ok(())
}

#[test]
fn what_a_hospital_sends_later_arrives_and_the_same_again_changes_nothing() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let text = std::fs::read_to_string(hub.path("patient.json"))?;
    let later = text.replace("lab-1", "lab-2").replace("412", "520").replace("2026-11-14", "2026-11-21");
    std::fs::write(hub.path("later.json"), later)?;
    std::fs::write(hub.path("broken.json"), &text[..400])?;
    let (later, broken) = (hub.path("later.json").display().to_string(), hub.path("broken.json").display().to_string());
    let report = hub.ok(&["intake", "--facility", "hp", &later, &broken])?;
    assert_eq!((&report["new"], &report["records_new"]), (&json!(1), &json!(1)));
    assert_eq!(
        report["quarantined"].as_array().map(Vec::len),
        Some(1),
        "the broken file is set aside, the rest goes on"
    );
    let report = hub.ok(&["intake", "--facility", "hp", &later])?;
    assert_eq!((&report["new"], &report["unchanged"]), (&json!(0), &json!(1)));
    a.ok(&["sync"])?;
    assert_eq!(strings(&a.ok(&["show", &patient])?["labs"], "value"), ["520", "412"]);
    Ok(())
}
