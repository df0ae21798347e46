//! Bad input: one sentence that says what to do, exit code not 0, nothing changed, nothing lost.

use stories::{Hub, Outcome, Phone};

#[test]
fn a_wrong_pin_opens_nothing_and_changes_nothing() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    let a = hub.phone("nurse-a")?;
    let before = std::fs::read(&a.vault)?;
    std::fs::write(hub.path("other-pin"), "1357")?;
    let wrong = Phone { vault: a.vault.clone(), pin: hub.path("other-pin") };
    assert!(wrong.refused(&["patients"])?.contains("wrong PIN"));
    std::fs::write(hub.path("other-pin"), "abc")?;
    assert!(wrong.refused(&["patients"])?.contains("4 to 12 digits"));
    assert_eq!(std::fs::read(&a.vault)?, before);
    a.ok(&["patients"])?;
    Ok(())
}

#[test]
fn a_copied_vault_opens_nowhere_without_its_device_key() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    let a = hub.phone("nurse-a")?;
    std::fs::copy(&a.vault, hub.path("copy.vault"))?;
    let copy = Phone { vault: hub.path("copy.vault"), pin: a.pin.clone() };
    assert!(copy.refused(&["patients"])?.contains("device key"));
    Ok(())
}

#[test]
fn a_code_works_once_and_a_wrong_one_leaves_no_vault() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    std::fs::write(hub.path("pin"), "2468")?;
    let uri = hub.invite("nurse-a")?;
    let folder = hub.folder.path().to_path_buf();
    let new = |name: &str| Phone { vault: folder.join(name), pin: folder.join("pin") };
    let code = uri.rsplit("code=").next().unwrap_or_default();
    let unknown = uri.replace(code, "ABCDEFGH");
    assert!(new("1").refused(&["enrol", &unknown])?.contains("not known"));
    let ca = uri.split("ca=").nth(1).and_then(|r| r.split('&').next()).unwrap_or_default();
    let wrong_ca = uri.replace(ca, &"ab".repeat(32));
    assert!(new("2").refused(&["enrol", &wrong_ca])?.contains("not this station's hub"));
    assert!(new("3").refused(&["enrol", "https://example.jp"])?.contains("tsutsuji://enrol"));
    new("4").ok(&["enrol", &uri])?;
    assert!(new("5").refused(&["enrol", &uri])?.contains("used already"));
    assert!(new("4").refused(&["enrol", &hub.invite("nurse-a")?])?.contains("stands here already"));
    hub.kill();
    assert!(new("6").refused(&["enrol", &uri])?.contains("cannot be reached"));
    for name in ["1", "2", "3", "5", "6"] {
        for suffix in ["", ".enrolling", ".device-key", ".enrolling.device-key"] {
            assert!(!hub.path(&format!("{name}{suffix}")).exists(), "{name}{suffix} was left behind");
        }
    }
    Ok(())
}

#[test]
fn an_unreadable_file_is_left_as_it_is() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    let a = hub.phone("nurse-a")?;
    std::fs::write(&a.vault, "not a vault at all, but somebody's only copy of something")?;
    let said = a.refused(&["patients"])?;
    assert!(said.contains("left as it is"), "{said}");
    assert_eq!(std::fs::read_to_string(&a.vault)?, "not a vault at all, but somebody's only copy of something");
    assert!(Phone { vault: hub.path("nowhere"), pin: a.pin.clone() }.refused(&["patients"])?.contains("enrol"));
    assert!(!hub.path("nowhere").exists());
    Ok(())
}

#[test]
fn a_value_out_of_range_is_refused_and_the_old_one_stays() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.ok(&["note", "set", &note, "systolic_mmhg", "120"])?;
    for (field, value, says) in [
        ("temperature_c", "365", "25 to 45"),
        ("systolic_mmhg", "abc", "a number"),
        ("diastolic_mmhg", "130", "upper pressure"),
        ("payer", "gift", "medical, care, self"),
        ("care.bathing", "perhaps", "true or false"),
        ("started_at", "25:99", "a time"),
        ("blood_type", "A", "note fields"),
        ("condition", "text", "note text"),
    ] {
        let said = a.refused(&["note", "set", &note, field, value])?;
        assert!(said.contains(says), "{field}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "one sentence: {said}");
    }
    assert!(a.refused(&["note", "unmeasured", &note, "payer", "--reason", "x"])?.contains("measured"));
    assert!(a.refused(&["note", "start", "--patient", "p-999999"])?.contains("p-999999"));
    assert!(a.refused(&["note", "confirm", &note])?.contains("started_at, ended_at"));
    let fields = a.ok(&["note", "show", &note])?["fields"].clone();
    assert_eq!(fields, serde_json::json!({ "systolic_mmhg": 120 }));
    Ok(())
}

#[test]
fn the_hub_says_what_is_missing() -> Outcome {
    let hub = Hub::new()?;
    let patient = hub.patient()?;
    for (arguments, says) in [
        (
            vec![
                "visit",
                "add",
                "--patient",
                &patient,
                "--staff",
                "nurse-a",
                "--date",
                "2026-11-22",
                "--start",
                "09:30",
                "--minutes",
                "60",
            ],
            "consent add",
        ),
        (vec!["consent", "add", "--patient", "p-404", "--disclosing", "hp", "--viewing", "st-1"], "patient list"),
        (vec!["consent", "add", "--patient", &patient, "--disclosing", "st-2", "--viewing", "st-1"], "--disclosing"),
        (
            vec![
                "order",
                "add",
                "--patient",
                &patient,
                "--facility",
                "hp",
                "--station",
                "st-1",
                "--from",
                "2026-01-01",
                "--until",
                "2026-07-01",
            ],
            "2026-06-30",
        ),
        (vec!["staff", "add", "--facility", "nowhere", "--id", "n", "--name", "n", "--role", "nurse"], "facility list"),
        (vec!["intake", "--facility", "st-1", "/"], "does not disclose"),
        (vec!["intake", "--facility", "hp", "/no/such/file"], "not there"),
        (vec!["device", "invite", "--staff", "nobody"], "staff list"),
        (vec!["init", "--name", "again"], "holds a hub already"),
    ] {
        match hub.try_run(&arguments)? {
            Ok(value) => return Err(format!("{arguments:?} was not refused: {value}").into()),
            Err(said) => assert!(said.0.contains(says), "{arguments:?}: {}", said.0),
        }
    }
    assert_eq!(hub.ok(&["visit", "list"])?, serde_json::json!([]));
    Ok(())
}
