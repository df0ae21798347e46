//! 担当: who gets what of a patient, over real TLS. Her own patients in full, the station's others light.

use serde_json::json;
use stories::{Hub, Outcome, Phone, count, today};

/// Standing, visit notes, allergies and labs of the only patient, as a phone has them.
fn held(phone: &Phone, patient: &str) -> Outcome<(String, u64, usize, usize)> {
    let standing = phone.ok(&["patients"])?[0]["standing"].as_str().ok_or("no standing")?.to_string();
    let notes = phone.ok(&["status"])?["notes"].as_u64().ok_or("no count")?;
    let shown = phone.ok(&["show", patient])?;
    Ok((standing, notes, count(&shown["allergies"]), count(&shown["labs"])))
}

fn is(standing: &str, notes: u64, allergies: usize, labs: usize) -> (String, u64, usize, usize) {
    (standing.to_string(), notes, allergies, labs)
}

/// So many notes of unplanned visits, in order, on the hub's disk.
fn notes(phone: &Phone, patient: &str, many: usize) -> Outcome<Vec<String>> {
    let mut notes = Vec::new();
    for n in 0..many {
        let note = phone.start_note(patient, None)?;
        phone.write_text(&note, "condition", &format!("{n}件目。"))?;
        notes.push(note);
    }
    phone.ok(&["sync"])?;
    Ok(notes)
}

fn assign(hub: &Hub, patient: &str, staff: &str) -> Outcome {
    hub.ok(&["patient", "assign", "--patient", patient, "--staff", staff]).map(|_| ())
}

fn unassign(hub: &Hub, patient: &str, staff: &str) -> Outcome {
    hub.ok(&["patient", "unassign", "--patient", patient, "--staff", staff]).map(|_| ())
}

#[test]
fn her_patients_come_in_full_the_others_light_and_an_assignment_brings_everything() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let written = notes(&a, &patient, 7)?;
    b.ok(&["sync"])?;
    assert_eq!(held(&b, &patient)?, is("full", 7, 1, 1), "a station that assigns nobody works as one team");
    assign(&hub, &patient, "nurse-a")?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    assert_eq!(held(&a, &patient)?, is("full", 7, 1, 1));
    assert_eq!(held(&b, &patient)?, is("light", 5, 1, 0), "the last five notes, and what she must not give");
    assert!(b.refused(&["note", "show", &written[0]])?.contains(&written[0]));
    assert_eq!(count(&b.ok(&["search", "0件目"])?), 0, "what left is found no more");
    assert_eq!(count(&b.ok(&["search", "6件目"])?), 1);
    // A phone that begins today gets as much, and no more.
    let second = hub.phone_in("nurse-b", "second.vault")?;
    second.ok(&["sync"])?;
    assert_eq!(held(&second, &patient)?, is("light", 5, 1, 0));
    // What is written meanwhile in a note that she does not have must not be missing later.
    a.write_text(&written[0], "condition", "0件目。追記。")?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    assign(&hub, &patient, "nurse-b")?;
    a.write_text(&written[1], "condition", "1件目。追記。")?;
    a.ok(&["sync"])?;
    for phone in [&b, &second] {
        let synced = phone.ok(&["sync"])?;
        assert_eq!(synced["set_aside"], json!(0), "{synced}");
        assert_eq!(held(phone, &patient)?, is("full", 7, 1, 1));
        for (n, note) in written.iter().enumerate() {
            let text = if n < 2 { format!("{n}件目。追記。") } else { format!("{n}件目。") };
            assert_eq!(phone.ok(&["note", "show", note])?["fields"]["condition"], json!(text));
        }
    }
    unassign(&hub, &patient, "nurse-b")?;
    b.ok(&["sync"])?;
    assert_eq!(held(&b, &patient)?, is("light", 5, 1, 0));
    assert!(hub.try_run(&["patient", "unassign", "--patient", &patient, "--staff", "nurse-b"])?.is_err());
    let history = hub.ok(&["patient", "assignments"])?;
    assert_eq!(count(&history), 2, "{history}");
    assert_eq!((&history[0]["ended_at"], &history[1]["ended_by"]), (&json!(null), &json!("admin")));
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn a_planned_visit_makes_the_patient_hers_and_a_manager_has_everybody() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b, chief) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?, hub.member("chief", "manager")?);
    assign(&hub, &patient, "nurse-a")?;
    a.ok(&["sync"])?;
    notes(&a, &patient, 6)?;
    for phone in [&b, &chief] {
        phone.ok(&["sync"])?;
    }
    assert_eq!(held(&b, &patient)?, is("light", 5, 1, 0));
    assert_eq!(held(&chief, &patient)?, is("full", 6, 1, 1));
    hub.visit(&patient, "nurse-b")?;
    b.ok(&["sync"])?;
    assert_eq!(held(&b, &patient)?, is("full", 6, 1, 1));
    assert_eq!(count(&b.ok(&["today"])?), 1);
    Ok(())
}

#[test]
fn the_office_gets_names_and_plans_and_no_clinical_word() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, office) = (hub.phone("nurse-a")?, hub.member("office-1", "office")?);
    a.ok(&["sync"])?;
    notes(&a, &patient, 2)?;
    office.ok(&["sync"])?;
    assert_eq!(held(&office, &patient)?, is("full", 0, 0, 0));
    assert_eq!(office.ok(&["patients"])?[0]["name"], json!(stories::NAME));
    Ok(())
}

#[test]
fn a_note_of_an_on_call_nurse_who_knows_that_she_is_on_call_is_not_late() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    assign(&hub, &patient, "nurse-a")?;
    for phone in [&a, &b] {
        phone.ok(&["sync"])?;
    }
    let note = notes(&b, &patient, 1)?.remove(0);
    a.ok(&["sync"])?;
    assert_eq!(a.ok(&["note", "show", &note])?["author"], json!("nurse-b"));
    let listed = hub.ok(&["note", "list"])?;
    assert_eq!((count(&listed), &listed[0]["late"]), (1, &json!(false)));
    Ok(())
}

#[test]
fn whoever_was_taken_off_a_patient_after_the_backup_is_not_the_patients_again_by_a_restore() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    assign(&hub, &patient, "nurse-a")?;
    let file = hub.path("yesterday.db").display().to_string();
    hub.ok(&["backup", &file])?;
    unassign(&hub, &patient, "nurse-a")?;
    assign(&hub, &patient, "nurse-b")?;
    let visit = hub.visit(&patient, "nurse-b")?;
    // Of each: how much of the patient, and how many labs.
    let have = || -> Outcome<[(String, usize); 2]> {
        let mut have = [(String::new(), 0), (String::new(), 0)];
        for (phone, has) in [&a, &b].into_iter().zip(&mut have) {
            phone.ok(&["sync"])?;
            let (standing, _, _, labs) = held(phone, &patient)?;
            *has = (standing, labs);
        }
        Ok(have)
    };
    let before = [("light".to_string(), 0), ("full".to_string(), 1)];
    assert_eq!(have()?, before);
    hub.kill();
    let said = hub.ok(&["restore", &file])?;
    hub.serve()?;
    assert_eq!(said["assignments_kept"], json!([{ "patient": patient, "staff": "nurse-b" }]), "{said}");
    assert_eq!(said["assignments_ended"], json!([{ "patient": patient, "staff": "nurse-a" }]), "{said}");
    assert_eq!(said["visits_kept"], json!([{ "id": visit, "patient": patient }]), "{said}");
    for _ in 0..2 {
        assert_eq!(have()?, before);
    }
    let today = b.ok(&["today"])?;
    assert_eq!((count(&today), &today[0]["visit"]), (1, &json!(visit)), "it is the same visit, once");
    hub.ok(&["audit", "verify"]).map(|_| ())
}

#[test]
fn whoever_was_given_a_patient_after_the_backup_has_everything_of_her_whether_or_not_anybody_still_knows() -> Outcome {
    for is_lost in [true, false] {
        let (mut hub, patient) = Hub::with_consent()?;
        let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
        assign(&hub, &patient, "nurse-a")?;
        a.ok(&["sync"])?;
        notes(&a, &patient, 7)?;
        b.ok(&["sync"])?;
        assert_eq!(held(&b, &patient)?, is("light", 5, 1, 0), "of the backup she has heard this");
        let file = hub.back_up("yesterday.db")?;
        assign(&hub, &patient, "nurse-b")?;
        b.ok(&["sync"])?;
        assert_eq!(held(&b, &patient)?, is("full", 7, 1, 1));
        if is_lost {
            hub.lose_database();
        }
        let said = hub.put_back(&file)?;
        assert_eq!(said["assignments_compared"], json!(!is_lost), "{said}");
        if is_lost {
            for _ in 0..2 {
                b.ok(&["sync"])?;
            }
            assert_eq!(held(&b, &patient)?, is("light", 5, 1, 0), "the hub knows of no more, and says so again");
            assign(&hub, &patient, "nurse-b")?;
        }
        for _ in 0..2 {
            assert_eq!(b.ok(&["sync"])?["set_aside"], json!(0));
            assert_eq!(held(&b, &patient)?, is("full", 7, 1, 1));
        }
    }
    Ok(())
}

#[test]
fn a_visit_that_a_restore_does_not_put_back_is_entered_again_under_its_id_and_a_phone_shows_it_once() -> Outcome {
    let mut hub = Hub::new()?;
    let patient = hub.patient()?;
    hub.serve()?;
    let b = hub.phone("nurse-b")?;
    let file = hub.back_up("yesterday.db")?;
    hub.consent(&patient, "st-1")?;
    let visit = hub.visit(&patient, "nurse-b")?;
    b.ok(&["sync"])?;
    assert_eq!(count(&b.ok(&["today"])?), 1);
    let said = hub.put_back(&file)?;
    assert_eq!(said["visits_to_enter"], json!([{ "id": visit, "patient": patient }]), "{said}");
    hub.consent(&patient, "st-1")?;
    let day = today().to_string();
    let enter = || {
        let planned: [&str; 6] = ["--date", &day, "--start", "09:30", "--minutes", "60"];
        let whose: [&str; 8] = ["visit", "add", "--id", &visit, "--patient", &patient, "--staff", "nurse-b"];
        hub.try_run(&[whose.as_slice(), &planned].concat())
    };
    let entered = enter()?.map_err(|said| said.0)?;
    assert_eq!(entered["visit"], json!(visit));
    assert!(enter()?.is_err(), "it stands");
    b.ok(&["sync"])?;
    let shown = b.ok(&["today"])?;
    assert_eq!((count(&shown), &shown[0]["visit"]), (1, &json!(visit)));
    Ok(())
}
