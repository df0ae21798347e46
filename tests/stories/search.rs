//! Words of any length in what a phone holds, and nobody else's to read.

use serde_json::{Value, json};
use stories::{DRUG, Hub, Outcome, Phone, contains_words};

/// Kind and document of every hit, newest first.
fn found(phone: &Phone, query: &str) -> Outcome<Vec<(String, String)>> {
    let hits = phone.ok(&["search", query])?;
    let word = |hit: &Value, key: &str| hit[key].as_str().unwrap_or_default().to_string();
    Ok(hits.as_array().ok_or("no list")?.iter().map(|hit| (word(hit, "kind"), word(hit, "id"))).collect())
}

fn note(id: &str) -> Vec<(String, String)> {
    vec![("visit_note".to_string(), id.to_string())]
}

#[test]
fn a_colleague_finds_what_was_written_however_she_types_it() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let id = a.start_note(&patient, None)?;
    a.fill_in(&id)?;
    a.write_text(&id, "condition", "両下肢浮腫++。渡邉様来訪。ﾊﾞﾙﾝｶﾃｰﾃﾙ交換、SpO2 93%。")?;
    a.ok(&["note", "set", &id, "care.enema", "true"])?;
    assert_eq!(found(&a, "浮腫")?, note(&id), "before anything was sent");
    assert_eq!(found(&b, "浮腫")?, []);
    a.ok(&["note", "confirm", &id])?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    for query in [
        "浮腫",
        "腫",
        "渡辺",
        "渡邊様",
        "かてーてる",
        "ｶﾃｰﾃﾙ",
        "カテーテル交換",
        "ＳＰＯ２",
        "spo2 93%",
        "浮腫　交換",
        "浣腸",
    ] {
        assert_eq!(found(&b, query)?, note(&id), "{query}");
    }
    for query in ["浮腫なし", "浮腫 発赤", "カテテル", "\u{3000}", "摘便"] {
        assert_eq!(found(&b, query)?, [], "{query}");
    }
    let hit = &b.ok(&["search", "カテーテル", "--patient", &patient])?[0];
    assert_eq!(hit["patient"], json!(patient));
    assert_eq!(hit["date"], json!(stories::today().to_string()));
    assert_eq!(hit["snippet"], json!("両下肢浮腫++。渡邉様来訪。ﾊﾞﾙﾝｶﾃｰﾃﾙ交換、SpO2 93%。"));
    assert_eq!(b.ok(&["search", "浮腫", "--patient", "p-999999"])?, json!([]));
    assert_eq!(b.ok(&["search", "浮腫", "--limit", "0"])?, json!([]));
    Ok(())
}

#[test]
fn what_is_corrected_is_found_as_it_reads_now() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let id = a.start_note(&patient, None)?;
    a.fill_in(&id)?;
    a.write_text(&id, "condition", "右下肢に浮腫。")?;
    assert_eq!(found(&a, "右下肢")?, note(&id));
    a.write_text(&id, "condition", "左下肢に浮腫。")?;
    assert_eq!((found(&a, "右下肢")?, found(&a, "左下肢")?), (vec![], note(&id)));
    a.ok(&["note", "confirm", &id])?;
    a.ok(&["note", "amend", &id, "condition", "両下肢に浮腫。", "--reason", "誤記"])?;
    assert_eq!((found(&a, "左下肢")?, found(&a, "両下肢")?), (vec![], note(&id)));
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    assert_eq!((found(&b, "左下肢")?, found(&b, "両下肢")?), (vec![], note(&id)));
    Ok(())
}

#[test]
fn boards_and_forms_are_found_and_withdrawn_records_are_not() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    assert!(a.try_run(&["handover", "text", "--patient", &patient], Some("鍵は郵便受けの裏"))?.is_ok());
    assert_eq!(found(&a, "鍵")?.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["handover"]);
    let kinds = |query: &str| -> Outcome<Vec<String>> { Ok(found(&a, query)?.into_iter().map(|hit| hit.0).collect()) };
    assert_eq!(kinds("アムロジピン")?, ["rx"]);
    assert_eq!(kinds("ペニシリン")?, ["allergy"]);
    assert_eq!(kinds("bnp 412")?, ["lab"]);
    hub.ok(&["consent", "withdraw", "--patient", &patient, "--disclosing", "hp", "--viewing", "st-1"])?;
    a.ok(&["sync"])?;
    for query in ["アムロジピン", "ペニシリン", "BNP"] {
        assert_eq!(kinds(query)?, Vec::<String>::new(), "{query}");
    }
    assert_eq!(kinds("鍵")?, ["handover"], "the station's own stays");
    Ok(())
}

#[test]
fn nothing_that_is_searched_stands_in_clear_and_a_damaged_segment_is_made_again() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let id = a.start_note(&patient, None)?;
    let written = "右踵部の発赤は消退、ヘパリンロック施行";
    a.write_text(&id, "condition", written)?;
    assert_eq!(found(&a, "踵部")?, note(&id));
    assert_eq!(found(&a, DRUG)?.len(), 1);
    let at_rest = a.bytes_at_rest()?;
    // As they were written, and as they stand folded inside the segments.
    for words in [written, "踵部", "ヘパリン", "へぱりん", "へぱりんろっく施行", DRUG, "あむろじぴん", "ぺにしりん"]
    {
        assert!(!contains_words(&at_rest, words), "{words} stands in clear on the phone");
    }
    assert!(!contains_words(&at_rest, &patient));
    let db = rusqlite::Connection::open(&a.vault)?;
    let altered = db.execute("UPDATE search_segment SET sealed = zeroblob(length(sealed)) WHERE shelf = 0", [])?;
    drop(db);
    assert_eq!(altered, 1);
    assert_eq!(found(&a, "踵部")?, note(&id));
    Ok(())
}

#[test]
fn a_note_that_cannot_be_read_is_named_and_the_others_are_found() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let (whole, broken) = (a.start_note(&patient, None)?, a.start_note(&patient, None)?);
    a.write_text(&whole, "condition", "浮腫なし")?;
    a.write_text(&broken, "condition", "浮腫あり")?;
    let db = rusqlite::Connection::open(&a.vault)?;
    db.execute("UPDATE note_change SET sealed = x'00' WHERE n = (SELECT max(n) FROM note_change)", [])?;
    // No way of writing does that: as if it had been damaged before it was ever searched.
    db.execute("UPDATE note SET dirty = dirty", [])?;
    drop(db);
    let output = a.command(&["search", "浮腫"])?.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("the search is incomplete") && said.contains(&broken), "{said}");
    assert!(!said.contains("浮腫"), "neither query nor hit is said");
    assert!(String::from_utf8(output.stdout)?.contains(&whole));
    Ok(())
}
