//! The statutory record, told by command lines over real TLS: confirmation, amendment, conflicts, orders, handover.

use serde_json::{Value, json};
use stories::{Hub, Outcome, Phone, strings, today};

/// A hub with a visit of today and the phones of two nurses, and the note of that visit, opened by nurse-a.
struct Day {
    hub: Hub,
    patient: String,
    a: Phone,
    b: Phone,
    note: String,
}

impl Day {
    fn begins() -> Outcome<Self> {
        let (hub, patient) = Hub::with_consent()?;
        let visit = hub.visit(&patient, "nurse-a")?;
        let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
        a.ok(&["sync"])?;
        b.ok(&["sync"])?;
        let note = a.start_note(&patient, Some(&visit))?;
        Ok(Self { hub, patient, a, b, note })
    }

    fn all_sync(&self) -> Outcome {
        for phone in [&self.a, &self.b, &self.a] {
            phone.ok(&["sync"])?;
        }
        Ok(())
    }

    /// A phone of the station's manager.
    fn manager(&self) -> Outcome<Phone> {
        let phone = self.hub.member("chief", "manager")?;
        phone.ok(&["sync"])?;
        Ok(phone)
    }

    /// Both confirm the note before they hear of each other; the phone of the manager, who is to choose.
    fn confirmed_twice(&self) -> Outcome<Phone> {
        let (a, b, note) = (&self.a, &self.b, self.note.as_str());
        a.fill_in(note)?;
        self.all_sync()?;
        a.write_text(note, "condition", "安定。")?;
        b.write_text(note, "condition", "咳あり。")?;
        a.ok(&["note", "confirm", note])?;
        b.ok(&["note", "confirm", note])?;
        self.all_sync()?;
        self.manager()
    }

    fn order(&self, extra: &[&str]) -> Outcome<Value> {
        let (from, until) = (today().to_string(), today().saturating_add(jiff::Span::new().days(13)).to_string());
        let mut arguments = vec!["order", "add", "--patient", &self.patient, "--facility", "hp", "--station", "st-1"];
        arguments.extend(["--from", &from, "--until", &until]);
        arguments.extend(extra);
        self.hub.ok(&arguments)
    }
}

#[test]
fn at_e2_an_amendment_shows_before_after_who_when_and_why() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.fill_in(note)?;
    assert!(a.refused(&["note", "amend", note, "pulse_bpm", "72", "--reason", "x"])?.contains("not confirmed"));
    a.ok(&["note", "confirm", note])?;
    assert!(a.refused(&["note", "amend", note, "temperature_c", "99", "--reason", "x"])?.contains("25"));
    let act = a.ok(&["note", "amend", note, "temperature_c", "36.8", "--reason", "転記の誤り"])?;
    a.ok(&["note", "amend", note, "condition", "安定している。", "--reason", "書き漏れ"])?;
    day.all_sync()?;
    for phone in [a, b] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!(shown["state"], json!("confirmed"));
        assert_eq!(
            (&shown["fields"]["temperature_c"], &shown["confirmed_fields"]["temperature_c"]),
            (&json!(36.8), &json!(36.5))
        );
        assert_eq!(shown["fields"]["condition"], json!("安定している。"));
        let amendment = &shown["amendments"][0];
        assert_eq!(amendment["id"], act["amendment"]);
        for (key, value) in [
            ("field", json!("temperature_c")),
            ("before", json!(36.5)),
            ("after", json!(36.8)),
            ("staff", json!("nurse-a")),
            ("reason", json!("転記の誤り")),
            ("state", json!("accepted")),
        ] {
            assert_eq!(amendment[key], value, "{key}");
        }
        let verified = phone.ok(&["note", "verify", note])?;
        assert_eq!(strings(&verified["signatures"], "verdict"), ["valid", "valid", "valid"]);
    }
    let verified = day.hub.ok(&["note", "verify", note])?;
    assert_eq!(
        (&verified["verdict"], strings(&verified["amendments"], "verdict")),
        (&json!("valid"), vec!["valid"; 2])
    );
    assert_eq!(day.hub.ok(&["note", "export", note])?["fields"]["temperature_c"], json!(36.8));
    Ok(())
}

#[test]
fn two_corrections_made_without_knowing_of_each_other_are_a_conflict_that_a_person_settles() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.fill_in(note)?;
    a.ok(&["note", "confirm", note])?;
    day.all_sync()?;
    a.ok(&["note", "amend", note, "temperature_c", "36.8", "--reason", "読み違い"])?;
    b.ok(&["note", "amend", note, "temperature_c", "36.9", "--reason", "読み違い"])?;
    day.all_sync()?;
    for phone in [a, b] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!(shown["conflicts"][0]["values"].as_array().map(Vec::len), Some(2));
        assert_eq!(shown["fields"]["temperature_c"], Value::Null);
    }
    b.ok(&["note", "amend", note, "temperature_c", "36.8", "--reason", "二人で確認"])?;
    day.all_sync()?;
    for phone in [a, b] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!((&shown["conflicts"], &shown["fields"]["temperature_c"]), (&json!([]), &json!(36.8)));
        assert_eq!(shown["amendments"].as_array().map(Vec::len), Some(3), "all of it stays listed");
    }
    Ok(())
}

#[test]
fn at_e1_a_late_edit_waits_until_a_person_accepts_or_declines_it() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.fill_in(note)?;
    a.write_text(note, "condition", "安定。")?;
    day.all_sync()?;
    // Nurse-b writes in the draft without signal, nurse-a confirms meanwhile.
    b.write_text(note, "condition", "安定。咳あり。")?;
    b.ok(&["note", "set", note, "pulse_bpm", "96"])?;
    a.ok(&["note", "confirm", note])?;
    day.all_sync()?;
    let manager = day.manager()?;
    assert_eq!(strings(&manager.ok(&["manager", "list"])?, "kind"), ["late_edits"]);
    let before = a.ok(&["note", "show", note])?;
    assert_eq!((&before["fields"]["condition"], &before["fields"]["pulse_bpm"]), (&json!("安定。"), &Value::Null));
    let proposed = |field: &str| {
        let found = before["amendments"].as_array().into_iter().flatten().find(|a| a["field"] == json!(field));
        found.and_then(|a| a["id"].as_str()).unwrap_or_default().to_string()
    };
    assert_eq!(strings(&before["amendments"], "state"), ["proposed", "proposed"]);
    a.ok(&["note", "accept", note, &proposed("condition")])?;
    a.ok(&["note", "decline", note, &proposed("pulse_bpm"), "--reason", "別の利用者の値"])?;
    day.all_sync()?;
    manager.ok(&["sync"])?;
    for phone in [a, b, &manager] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!(
            (&shown["fields"]["condition"], &shown["fields"]["pulse_bpm"]),
            (&json!("安定。咳あり。"), &Value::Null)
        );
        assert_eq!(shown["confirmed_fields"], before["confirmed_fields"], "what was signed stays as it was signed");
        let mut states = strings(&shown["amendments"], "state");
        states.sort_unstable();
        assert_eq!(states, ["accepted", "declined"]);
    }
    assert_eq!(manager.ok(&["manager", "list"])?, json!([]));
    assert!(a.refused(&["note", "accept", note, &"0".repeat(64)])?.contains("no late edit"));
    Ok(())
}

#[test]
fn once_a_late_value_is_accepted_the_confirmed_one_is_not_proposed_in_its_turn() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    day.all_sync()?;
    // Both measure, neither knows of the other; nurse-a confirms.
    b.ok(&["note", "set", note, "temperature_c", "37.9"])?;
    a.fill_in(note)?;
    a.ok(&["note", "confirm", note])?;
    day.all_sync()?;
    let before = a.ok(&["note", "show", note])?;
    assert_eq!(strings(&before["amendments"], "state"), ["proposed"]);
    a.ok(&["note", "accept", note, before["amendments"][0]["id"].as_str().unwrap_or_default()])?;
    day.all_sync()?;
    for phone in [a, b] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!(shown["fields"]["temperature_c"], json!(37.9));
        assert_eq!(strings(&shown["amendments"], "state"), ["accepted"]);
    }
    Ok(())
}

#[test]
fn at_e6_two_confirmations_of_one_draft_compete_until_the_manager_chooses() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    let manager = day.confirmed_twice()?;
    for phone in [a, b, &manager] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!(shown["state"], json!("competing"));
        assert_eq!(
            shown["fields"]["condition"],
            json!("安定。"),
            "the hub's order of receipt says which stands meanwhile"
        );
        assert_eq!(shown["confirmations"].as_array().map(Vec::len), Some(2));
    }
    assert_eq!(strings(&manager.ok(&["manager", "list"])?, "kind"), ["competing"]);
    let second =
        a.ok(&["note", "show", note])?["confirmations"][1]["confirmation"].as_str().unwrap_or_default().to_string();
    assert!(a.refused(&["note", "choose", note, &second, "--reason", "x"])?.contains("manager"));
    manager.ok(&["note", "choose", note, &second, "--reason", "担当者の記録"])?;
    manager.ok(&["sync"])?;
    day.all_sync()?;
    for phone in [a, b, &manager] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!((&shown["state"], &shown["author"]), (&json!("confirmed"), &json!("nurse-b")));
        assert_eq!(shown["fields"]["condition"], json!("咳あり。"));
        assert_eq!(shown["confirmations"][1]["fields"]["condition"], json!("安定。"), "the other stays readable");
    }
    assert_eq!(day.hub.ok(&["note", "verify", note])?["staff"], json!("nurse-b"));
    Ok(())
}

#[test]
fn at_e3_a_note_of_the_wrong_patient_is_closed_with_its_reason_and_copied() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.fill_in(note)?;
    a.write_text(note, "condition", "安定。")?;
    a.write_text(note, "emergency.request", "発熱との電話。")?;
    a.ok(&["note", "set", note, "emergency.requested_at", "08:10"])?;
    a.write_text(note, "emergency.response", "訪問した。")?;
    let close = ["note", "close", note, "--outcome", "wrong_patient", "--reason", "", "--copy-to", &day.patient];
    assert!(a.refused(&close)?.contains("why"));
    let close =
        ["note", "close", note, "--outcome", "wrong_patient", "--reason", "取り違え", "--copy-to", &day.patient];
    let copy = a.ok(&close)?["copy"].as_str().ok_or("no copy")?.to_string();
    day.all_sync()?;
    for phone in [a, b] {
        let closed = phone.ok(&["note", "show", note])?;
        assert_eq!((&closed["state"], &closed["fields"]["outcome_reason"]), (&json!("closed"), &json!("取り違え")));
        assert_eq!(closed["fields"]["condition"], json!("安定。"), "never moved, never emptied");
        assert_eq!(closed["fields"]["copied_to"], json!(copy));
        let copied = phone.ok(&["note", "show", &copy])?;
        assert_eq!((&copied["state"], &copied["fields"]["copied_from"]), (&json!("draft"), &json!(note)));
        for field in ["condition", "emergency.request", "temperature_c", "started_at"] {
            assert_eq!(copied["fields"][field], closed["fields"][field], "{field}");
        }
        assert_eq!(copied["fields"]["outcome"], Value::Null);
    }
    // The same of a confirmed note: its content stays, its state says that it no longer counts.
    a.ok(&["note", "confirm", &copy])?;
    a.ok(&["note", "close", &copy, "--outcome", "duplicate", "--reason", "二重記録"])?;
    day.all_sync()?;
    let closed = b.ok(&["note", "show", &copy])?;
    assert_eq!((&closed["state"], &closed["fields"]["condition"]), (&json!("closed"), &json!("安定。")));
    let closing = &closed["closing"];
    assert_eq!((&closing["outcome"], &closing["reason"]), (&json!("duplicate"), &json!("二重記録")));
    assert_eq!(closing["staff"], json!("nurse-a"), "who closed it is named beside it");
    Ok(())
}

#[test]
fn a_visit_that_did_not_take_place_is_a_record_too() -> Outcome {
    let day = Day::begins()?;
    let (a, note) = (&day.a, day.note.as_str());
    a.ok(&["note", "set", note, "outcome", "absent"])?;
    assert!(a.refused(&["note", "confirm", note])?.contains("outcome_reason"));
    a.ok(&["note", "set", note, "outcome_reason", "応答なし、長女に連絡済み"])?;
    a.ok(&["note", "confirm", note])?;
    let shown = a.ok(&["note", "show", note])?;
    assert_eq!((&shown["state"], &shown["fields"]["outcome"]), (&json!("confirmed"), &json!("absent")));
    let month = today().strftime("%Y-%m").to_string();
    let calendar = a.ok(&["report", "calendar", "--patient", &day.patient, "--month", &month])?;
    assert_eq!((&calendar["days"], &calendar["drafts"]), (&json!({}), &json!([])), "and it is no visit in the report");
    Ok(())
}

#[test]
fn the_planned_slot_and_the_actual_times_are_both_kept() -> Outcome {
    let day = Day::begins()?;
    day.a.fill_in(&day.note)?;
    let shown = day.a.ok(&["note", "show", &day.note])?;
    let fields = &shown["fields"];
    assert_eq!(fields["planned_start"], json!(format!("{}T09:30:00+09:00", today())));
    assert_eq!(
        (&fields["planned_minutes"], &fields["started_at"]),
        (&json!(60), &json!(format!("{}T09:32:00+09:00", today())))
    );
    Ok(())
}

#[test]
fn the_history_sets_any_two_versions_side_by_side() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.ok(&["note", "set", note, "temperature_c", "36.5"])?;
    day.all_sync()?;
    b.ok(&["note", "set", note, "temperature_c", "36.9"])?;
    b.write_text(note, "condition", "発汗あり。")?;
    day.all_sync()?;
    let history = a.ok(&["note", "history", note])?;
    let versions = strings(&history, "version");
    assert_eq!(strings(&history, "staff"), ["nurse-a", "nurse-a", "nurse-b", "nurse-b"]);
    let last = history[2]["changed"].as_array().cloned().unwrap_or_default();
    assert_eq!(last, [json!({ "field": "temperature_c", "before": 36.5, "after": 36.9 })]);
    let both = a.ok(&["note", "history", note, "--from", versions[1], "--to", versions[3]])?;
    assert_eq!(strings(&both, "field"), ["condition", "temperature_c"]);
    Ok(())
}

#[test]
fn an_unplanned_note_that_looks_like_the_same_visit_is_asked_about_and_never_merged() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.fill_in(note)?;
    let unplanned = b.start_note(&day.patient, None)?;
    b.fill_in(&unplanned)?;
    day.all_sync()?;
    assert_eq!(a.ok(&["note", "show", note])?["same_visit"], json!([unplanned]));
    b.ok(&["note", "close", &unplanned, "--outcome", "duplicate", "--reason", "同じ訪問"])?;
    day.all_sync()?;
    assert_eq!(a.ok(&["note", "show", note])?["same_visit"], json!([]));
    Ok(())
}

#[test]
fn a_handover_is_unread_until_it_is_marked_and_tells_what_is_new_since_the_last_visit() -> Outcome {
    let day = Day::begins()?;
    let (a, b, patient) = (&day.a, &day.b, day.patient.as_str());
    let write = |phone: &Phone, text: &str| -> Outcome {
        phone.try_run(&["handover", "text", "--patient", patient], Some(text))?.map_err(|said| said.0)?;
        Ok(())
    };
    // Nurse-a has been there.
    a.fill_in(&day.note)?;
    a.ok(&["note", "confirm", &day.note])?;
    write(a, "鍵は管理人室。")?;
    day.all_sync()?;
    assert_eq!(strings(&b.ok(&["handover", "unread"])?, "patient"), [patient]);
    let shown = b.ok(&["handover", "show", "--patient", patient])?;
    assert_eq!((&shown["unread"], &shown["added"]), (&json!(true), &json!(["鍵は管理人室。"])));
    assert_eq!(shown["since"]["last_visit"], Value::Null);
    assert_eq!(shown["since"]["notes"].as_array().map(Vec::len), Some(1), "a colleague's visit is news to nurse-b");
    b.ok(&["handover", "read", "--patient", patient])?;
    assert_eq!(b.ok(&["handover", "unread"])?, json!([]));
    // Both add a line without signal; both lines stand, and each has the other's to read.
    write(a, "鍵は管理人室。\n長女は来週不在。")?;
    write(b, "鍵は管理人室。\n新しい吸引器が届いた。")?;
    day.all_sync()?;
    for (phone, news) in [(a, "新しい吸引器が届いた。"), (b, "長女は来週不在。")] {
        let shown = phone.ok(&["handover", "show", "--patient", patient])?;
        let text = shown["text"].as_str().unwrap_or_default();
        assert!(text.contains("長女は来週不在。") && text.contains("新しい吸引器が届いた。"), "{text}");
        assert_eq!(shown["unread"], json!(true));
        assert!(shown["added"].to_string().contains(news), "{}", shown["added"]);
    }
    a.ok(&["handover", "read", "--patient", patient])?;
    day.all_sync()?;
    let shown = b.ok(&["handover", "show", "--patient", patient])?;
    let reader = |staff: &str| {
        shown["read_by"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|r| r["staff"] == json!(staff))
            .map(|r| r["current"].clone())
    };
    assert_eq!((reader("nurse-a"), reader("nurse-b")), (Some(json!(true)), Some(json!(false))));
    assert!(a.ok(&["handover", "show", "--patient", patient])?["since"]["last_visit"].is_string());
    Ok(())
}

#[test]
fn a_plan_and_a_report_are_written_by_two_and_confirmed_by_one() -> Outcome {
    let day = Day::begins()?;
    let (a, b, patient) = (&day.a, &day.b, day.patient.as_str());
    let month = today().strftime("%Y-%m").to_string();
    let start = |phone: &Phone, form: &str| -> Outcome<String> {
        let mut arguments = vec!["document", "start", "--form", form, "--patient", patient];
        if form != "intake_record" {
            arguments.extend(["--month", &month]);
        }
        Ok(phone.ok(&arguments)?["note"].as_str().ok_or("no document")?.to_string())
    };
    let text = |phone: &Phone, document: &str, field: &str, text: &str| -> Outcome {
        phone.try_run(&["document", "text", document, field], Some(text))?.map_err(|said| said.0)?;
        Ok(())
    };
    let plan = start(a, "care_plan")?;
    assert_eq!(start(b, "care_plan")?, plan, "both derive one plan from patient and month");
    text(a, &plan, "goals", "浮腫の増悪を早期に見つける。")?;
    text(b, &plan, "problem.1.problem", "心不全:体重測定、塩分指導。")?;
    day.all_sync()?;
    assert!(a.refused(&["document", "confirm", &plan])?.contains("created_on"));
    a.ok(&["document", "set", &plan, "created_on", &today().to_string()])?;
    a.ok(&["document", "set", &plan, "agreed_by", "本人"])?;
    a.ok(&["document", "confirm", &plan])?;
    // A report waits for the month's drafts.
    let report = start(a, "visit_report")?;
    text(a, &report, "course", "著変なし。")?;
    text(a, &report, "care", "状態観察、服薬管理。")?;
    a.ok(&["document", "set", &report, "created_on", &today().to_string()])?;
    assert!(a.refused(&["document", "confirm", &report])?.contains(&day.note));
    a.fill_in(&day.note)?;
    a.ok(&["note", "confirm", &day.note])?;
    a.ok(&["document", "confirm", &report])?;
    let intake = start(b, "intake_record")?;
    text(b, &intake, "purpose", "退院後の状態観察。")?;
    b.ok(&["document", "set", &intake, "family.1.relation", "長女"])?;
    day.all_sync()?;
    let shown = b.ok(&["document", "show", &plan])?;
    assert_eq!((&shown["state"], &shown["form"]), (&json!("confirmed"), &json!("care_plan")));
    assert_eq!(shown["fields"]["problem.1.problem"], json!("心不全:体重測定、塩分指導。"));
    let shown = b.ok(&["document", "show", &report])?;
    assert_eq!(shown["fields"]["calendar"], json!(format!("{}○", today().day())), "at_r1: out of confirmed notes");
    assert_eq!(a.ok(&["document", "show", &intake])?["fields"]["family.1.relation"], json!("長女"));
    assert_eq!(day.hub.ok(&["note", "verify", &plan])?["verdict"], json!("valid"));
    assert_eq!(strings(&day.hub.ok(&["note", "list", "--form", "visit_report"])?, "note"), [report.as_str()]);
    assert_eq!(a.ok(&["note", "list"])?.as_array().map(Vec::len), Some(1), "a plan is no visit note");
    Ok(())
}

#[test]
fn an_assistant_nurse_writes_notes_but_authors_no_plan() -> Outcome {
    let day = Day::begins()?;
    let assistant = day.hub.member("asst", "assistant_nurse")?;
    assistant.ok(&["sync"])?;
    let plan = assistant.ok(&["document", "start", "--form", "care_plan", "--patient", &day.patient])?;
    let plan = plan["note"].as_str().ok_or("no plan")?;
    assert!(assistant.refused(&["document", "confirm", plan])?.contains("assistant nurse"));
    let note = assistant.start_note(&day.patient, None)?;
    assistant.fill_in(&note)?;
    assistant.ok(&["note", "confirm", &note])?;
    Ok(())
}

#[test]
fn at_o2_an_expired_order_never_blocks_care_and_reaches_the_manager() -> Outcome {
    let day = Day::begins()?;
    let past = |days: i64| today().saturating_sub(jiff::Span::new().days(days)).to_string();
    let (from, until) = (past(40), past(2));
    let order = [
        "order",
        "add",
        "--patient",
        &day.patient,
        "--facility",
        "hp",
        "--station",
        "st-1",
        "--from",
        &from,
        "--until",
        &until,
    ];
    day.hub.ok(&order)?;
    let manager = day.manager()?;
    day.a.ok(&["sync"])?;
    assert_eq!(day.a.ok(&["today"])?[0]["order"]["standing"], json!("expired"));
    let note = day.a.start_note(&day.patient, None)?;
    day.a.fill_in(&note)?;
    day.a.ok(&["note", "confirm", &note])?;
    assert_eq!(strings(&manager.ok(&["manager", "list"])?, "kind"), ["order_expired"]);
    Ok(())
}

#[test]
fn at_g1_the_gaf_is_asked_at_the_first_psychiatric_visit_of_the_month() -> Outcome {
    let day = Day::begins()?;
    day.order(&["--psychiatric"])?;
    day.a.ok(&["sync"])?;
    day.a.fill_in(&day.note)?;
    assert!(day.a.refused(&["note", "confirm", &day.note])?.contains("gaf"));
    assert!(day.a.refused(&["note", "set", &day.note, "gaf", "101"])?.contains("1 to 100"));
    day.a.ok(&["note", "set", &day.note, "gaf", "51"])?;
    day.a.ok(&["note", "confirm", &day.note])?;
    let second = day.b.start_note(&day.patient, None)?;
    day.all_sync()?;
    day.b.fill_in(&second)?;
    day.b.ok(&["note", "confirm", &second])?;
    Ok(())
}

#[test]
fn the_doctors_bounds_replace_the_adult_ones_and_the_scores_show_their_inputs() -> Outcome {
    let day = Day::begins()?;
    let (a, note) = (&day.a, day.note.as_str());
    day.order(&["--alert", "spo2_percent=87.."])?;
    a.ok(&["sync"])?;
    for (field, value) in [
        ("started_at", "09:32"),
        ("systolic_mmhg", "108"),
        ("diastolic_mmhg", "70"),
        ("pulse_bpm", "104"),
        ("temperature_c", "38.4"),
        ("respiration_bpm", "24"),
        ("spo2_percent", "93"),
        ("consciousness_acvpu", "A"),
        ("ulcer.1.depth", "D3"),
        ("ulcer.1.exudate", "E6"),
        ("ulcer.1.size", "s6"),
        ("ulcer.1.infection", "I3C"),
        ("ulcer.1.granulation", "G6"),
        ("ulcer.1.necrosis", "n0"),
        ("ulcer.1.pocket", "p0"),
    ] {
        a.ok(&["note", "set", note, field, value])?;
    }
    let findings = a.ok(&["note", "show", note])?["findings"].clone();
    let alerted = strings(&findings["alerts"], "field");
    assert!(alerted.contains(&"temperature_c") && !alerted.contains(&"spo2_percent"), "{alerted:?}");
    assert_eq!(findings["news2"]["total"], json!(7), "at_n1, with seven lines a nurse can check by hand");
    assert_eq!(findings["news2"]["lines"].as_array().map(Vec::len), Some(7));
    assert_eq!(findings["ulcers"][0]["total"], json!(21), "at_d2");
    a.ok(&["note", "set", note, "ended_at", "10:30"])?;
    a.ok(&["note", "confirm", note])?;
    let trend = a.ok(&["vitals", "--patient", &day.patient, "--field", "weight_kg"])?;
    assert_eq!(
        (trend.as_array().map(Vec::len), &trend[0]["value"]),
        (Some(1), &Value::Null),
        "at_v3: a gap, not a zero"
    );
    Ok(())
}

#[test]
fn patients_are_found_by_any_way_to_write_them() -> Outcome {
    let day = Day::begins()?;
    for query in ["かりあおき", "ｶﾘｱｵｷ", "すみえ", "仮靑木", "S191018", "昭和19年10月18日", "00012345"]
    {
        assert_eq!(strings(&day.a.ok(&["patients", "--search", query])?, "id"), [day.patient.as_str()], "{query}");
    }
    assert_eq!(day.a.ok(&["patients", "--search", "わたなべ"])?, json!([]));
    Ok(())
}

#[test]
fn every_listed_field_takes_a_value_and_gives_it_back() -> Outcome {
    let day = Day::begins()?;
    let (a, note) = (&day.a, day.note.as_str());
    let fields = a.ok(&["note", "fields"])?;
    let mut wanted = serde_json::Map::new();
    // One of the numbered ulcers stands for the nine.
    let listed = fields.as_array().into_iter().flatten();
    for field in
        listed.filter(|f| !f["field"].as_str().is_some_and(|n| n.starts_with("ulcer.") && !n.starts_with("ulcer.1.")))
    {
        let name = field["field"].as_str().ok_or("no name")?;
        assert!(field["label"].is_string() && field["label_en"].is_string());
        let value = match field["type"].as_str().unwrap_or_default() {
            "number" if field["choices"].is_array() => field["choices"][0].as_str().unwrap_or_default().to_string(),
            "number" => field["range"][1].to_string().trim_end_matches(".0").to_string(),
            "choice" => field["choices"][0].as_str().unwrap_or_default().to_string(),
            "flag" => "true".to_string(),
            "time" => "09:30".to_string(),
            "date" => "2026-11-24".to_string(),
            "text" => {
                a.write_text(note, name, "記録")?;
                wanted.insert(name.to_string(), json!("記録"));
                continue;
            }
            _ => "一行".to_string(),
        };
        // The lower pressure stays below the upper one.
        let value = if name == "diastolic_mmhg" { "80".to_string() } else { value };
        a.ok(&["note", "set", note, name, &value])?;
        wanted.insert(name.to_string(), Value::Null);
    }
    let shown = a.ok(&["note", "show", note])?;
    for (name, text) in &wanted {
        let held = &shown["fields"][name];
        assert!(!held.is_null() && (text.is_null() || held == text), "{name}: {held}");
    }
    assert!(wanted.len() > 110, "{}", wanted.len());
    Ok(())
}

#[test]
fn a_closed_note_of_the_wrong_patient_never_becomes_this_patients_record() -> Outcome {
    let day = Day::begins()?;
    let (a, note) = (&day.a, day.note.as_str());
    a.fill_in(note)?;
    a.ok(&["note", "close", note, "--outcome", "wrong_patient", "--reason", "取り違え"])?;
    // The visit itself still wants its note: another one, the same on every phone.
    let again = a.start_note(&day.patient, None)?;
    assert_ne!(again, note);
    day.all_sync()?;
    let visit = day.b.ok(&["note", "show", &again])?["visit"].as_str().ok_or("no visit")?.to_string();
    assert_eq!(day.b.start_note(&day.patient, Some(&visit))?, again);
    // Written in again, the closed one lives, and is not confirmed before its outcome is taken away.
    a.ok(&["note", "set", note, "pulse_bpm", "70"])?;
    assert!(a.refused(&["note", "confirm", note])?.contains("closed"));
    assert!(a.refused(&["note", "set", note, "outcome", "discarded"])?.contains("note close"));
    a.ok(&["note", "set", note, "outcome", ""])?;
    a.ok(&["note", "confirm", note])?;
    Ok(())
}

#[test]
fn a_correction_of_one_confirmation_never_speaks_for_another() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.fill_in(note)?;
    day.all_sync()?;
    a.write_text(note, "condition", "安定。")?;
    b.write_text(note, "condition", "転倒あり。")?;
    a.ok(&["note", "confirm", note])?;
    b.ok(&["note", "confirm", note])?;
    a.ok(&["note", "amend", note, "condition", "安定、訂正。", "--reason", "言い直し"])?;
    b.ok(&["sync"])?;
    day.all_sync()?;
    let manager = day.manager()?;
    for phone in [a, b, &manager] {
        let shown = phone.ok(&["note", "show", note])?;
        assert_eq!((&shown["author"], &shown["fields"]["condition"]), (&json!("nurse-b"), &json!("転倒あり。")));
        assert!(strings(&shown["amendments"], "state").iter().all(|state| *state == "proposed"));
    }
    assert_eq!(day.hub.ok(&["note", "export", note])?["fields"]["condition"], json!("転倒あり。"));
    Ok(())
}

#[test]
fn accepting_a_late_text_keeps_what_a_correction_put_there_meanwhile() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    a.fill_in(note)?;
    a.write_text(note, "condition", "安定。")?;
    day.all_sync()?;
    b.write_text(note, "condition", "安定。咳あり。")?;
    b.ok(&["note", "set", note, "pulse_bpm", "96"])?;
    a.ok(&["note", "confirm", note])?;
    a.ok(&["note", "amend", note, "condition", "転倒した。安定。", "--reason", "書き漏れ"])?;
    day.all_sync()?;
    let shown = a.ok(&["note", "show", note])?;
    let late = shown["amendments"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|x| x["state"] == json!("proposed") && x["field"] == json!("condition"));
    let late = late.ok_or("no proposal")?;
    assert_eq!((&late["staff"], &late["after"]), (&json!("nurse-b"), &json!("転倒した。安定。咳あり。")));
    a.ok(&["note", "accept", note, late["id"].as_str().unwrap_or_default()])?;
    day.all_sync()?;
    assert_eq!(b.ok(&["note", "show", note])?["fields"]["condition"], json!("転倒した。安定。咳あり。"));
    Ok(())
}

#[test]
fn a_correction_cannot_leave_what_could_not_have_been_confirmed() -> Outcome {
    let day = Day::begins()?;
    let (a, note) = (&day.a, day.note.as_str());
    a.fill_in(note)?;
    a.ok(&["note", "set", note, "systolic_mmhg", "120"])?;
    a.ok(&["note", "set", note, "diastolic_mmhg", "80"])?;
    a.ok(&["note", "confirm", note])?;
    for (field, value) in [("systolic_mmhg", "70"), ("ended_at", "08:00"), ("started_at", "")] {
        a.refused(&["note", "amend", note, field, value, "--reason", "x"])?;
    }
    // Only its author or a manager closes a confirmed note.
    day.all_sync()?;
    let close = ["note", "close", note, "--outcome", "duplicate", "--reason", "x"];
    assert!(day.b.refused(&close)?.contains("manager"));
    let plan = a.ok(&["document", "start", "--form", "care_plan", "--patient", &day.patient])?;
    let plan = plan["note"].as_str().ok_or("no plan")?;
    assert!(
        a.refused(&["document", "close", plan, "--outcome", "wrong_patient", "--reason", "x"])?.contains("care_plan")
    );
    Ok(())
}

#[test]
fn a_board_with_equal_lines_of_two_is_read_once_it_is_marked() -> Outcome {
    let day = Day::begins()?;
    let (a, b, patient) = (&day.a, &day.b, day.patient.as_str());
    for phone in [a, b] {
        phone.try_run(&["handover", "text", "--patient", patient], Some("鍵は管理人室。"))?.map_err(|said| said.0)?;
    }
    day.all_sync()?;
    for phone in [a, b] {
        phone.ok(&["handover", "read", "--patient", patient])?;
        let shown = phone.ok(&["handover", "show", "--patient", patient])?;
        assert_eq!((&shown["unread"], &shown["text"]), (&json!(false), &json!("鍵は管理人室。")));
    }
    Ok(())
}

#[test]
fn what_is_typed_begins_a_board_and_leaves_a_colleagues_lines_unread() -> Outcome {
    let day = Day::begins()?;
    let patient: record::PatientId = day.patient.parse()?;
    let now = jiff::Timestamp::now();
    let (later, evening) = (now + jiff::SignedDuration::from_mins(1), now + jiff::SignedDuration::from_mins(2));
    // The first words on a board, and the app dies: they are there when it is opened again.
    day.a.opened(now)?.keep_on_board(&patient, "", "鍵は管理人室。", now)?;
    let phone = day.a.opened(later)?;
    assert_eq!(phone.board(&patient)?.text, "鍵は管理人室。");
    phone.mark_board_read(&patient, later)?;
    let a_moment_later = later + jiff::SignedDuration::from_secs(20);
    phone.edit_board(&patient, "鍵は管理人室。", "鍵は管理人室。\n長女は来週不在。", a_moment_later)?;
    assert!(!phone.board(&patient)?.unread, "who writes has read her own words");
    drop(phone);
    day.all_sync()?;
    let phone = day.b.opened(evening)?;
    assert_eq!(phone.unread_on_boards()?.get(&patient), Some(&2));
    // Her field was still empty when she began to type.
    phone.edit_board(&patient, "", "新しい吸引器が届いた。", evening)?;
    let shown = phone.board(&patient)?;
    assert!(shown.text.contains("長女は来週不在。") && shown.text.contains("新しい吸引器が届いた。"));
    assert!(shown.unread, "lines that were merged in are not read");
    assert_eq!(shown.written.and_then(|last| last.staff).map(|staff| staff.to_string()), Some("nurse-b".to_string()));
    phone.mark_board_read(&patient, evening)?;
    assert!(phone.unread_on_boards()?.is_empty());
    Ok(())
}

#[test]
fn a_patients_documents_are_listed_by_form_the_latest_month_first() -> Outcome {
    let day = Day::begins()?;
    let patient: record::PatientId = day.patient.parse()?;
    let now = jiff::Timestamp::now();
    let phone = day.a.opened(now)?;
    for (form, month) in [
        (record::Form::CarePlan, Some("2026-10")),
        (record::Form::IntakeRecord, None),
        (record::Form::CarePlan, Some("2026-11")),
    ] {
        phone.start_document(form, &patient, month, now)?;
    }
    let listed = phone.documents_of(&patient)?;
    let read: Vec<_> = listed.iter().map(|known| (known.row.form, known.month.as_deref(), known.amended)).collect();
    assert_eq!(
        read,
        [
            (record::Form::IntakeRecord, None, false),
            (record::Form::CarePlan, Some("2026-11"), false),
            (record::Form::CarePlan, Some("2026-10"), false),
        ]
    );
    Ok(())
}

#[test]
fn a_choice_that_the_hub_refused_counts_on_no_phone() -> Outcome {
    let day = Day::begins()?;
    let (a, b, note) = (&day.a, &day.b, day.note.as_str());
    let manager = day.confirmed_twice()?;
    // Her right is taken back at the hub (there is no command for it yet); her phone has not heard of it when she chooses.
    let db = rusqlite::Connection::open(day.hub.path("hub/hub.db"))?;
    db.execute("UPDATE staff SET role = 'nurse' WHERE id = 'chief'", [])?;
    let second = manager.ok(&["note", "show", note])?["confirmations"][1]["confirmation"]
        .as_str()
        .unwrap_or_default()
        .to_string();
    manager.ok(&["note", "choose", note, &second, "--reason", "担当者"])?;
    manager.ok(&["sync"])?;
    manager.ok(&["sync"])?;
    day.all_sync()?;
    for phone in [a, b, &manager] {
        assert_eq!(phone.ok(&["note", "show", note])?["state"], json!("competing"));
    }
    assert_eq!(strings(&day.hub.ok(&["held", "list"])?, "reason"), ["not_allowed"]);
    Ok(())
}

#[test]
fn at_a4_two_nurses_on_one_tablet_each_open_their_own_vault_only() -> Outcome {
    let day = Day::begins()?;
    std::fs::write(day.hub.path("pin-b"), "8642")?;
    let b = Phone { vault: day.b.vault.clone(), pin: day.hub.path("pin-b") };
    day.b.ok(&["pin", "change", "--new-pin-file", &b.pin.display().to_string()])?;
    day.a.write_text(&day.note, "condition", "下書き")?;
    let crossed = Phone { vault: day.b.vault.clone(), pin: day.a.pin.clone() };
    assert!(crossed.refused(&["status"])?.contains("wrong PIN"));
    assert_eq!(b.ok(&["note", "list"])?, json!([]), "an unsynced draft of nurse-a is nowhere in nurse-b's vault");
    Ok(())
}
