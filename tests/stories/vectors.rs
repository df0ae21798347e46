//! Bytes that a released version wrote must open for ever, and mean what they meant.
//!
//! `TSUTSUJI_RECORD_VECTORS=1 cargo test -p stories --test vectors` writes new ones; what is recorded once is never changed.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use record::visit_note::{
    About, Actor, ConfirmContext, Correction, Draft, Encoding, FieldValue, NoteState, Proposal, SignedAct,
    SignedConfirmation, VisitNote, What, changes,
};
use record::{ContentHash, DeviceId, DocumentId, Form, canonical};
use std::collections::BTreeMap;
use std::path::PathBuf;
use stories::{Outcome, Phone, binary, root};

const NOTE: DocumentId = DocumentId([0x4e; 16]);
const FIRST: DeviceId = DeviceId([1; 8]);
const SECOND: DeviceId = DeviceId([2; 8]);

fn folder() -> PathBuf {
    root().join("tests/vectors/record-1")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_300_000 + second).unwrap_or_default()
}

fn about() -> Outcome<About> {
    Ok(About { patient: "p-000001".parse()?, station: "st-1".parse()?, visit: Some(DocumentId([3; 16])) })
}

/// One note's life: begun and sent, changed by a colleague, confirmed, corrected. Every byte follows from constants.
fn write() -> Outcome<BTreeMap<&'static str, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let field = |name: &str| Form::VisitNote.field(name);
    let mut first = Draft::new(NOTE, Form::VisitNote, Actor { device: FIRST, session: [1; 8] });
    first.written_by(&"nurse-a".parse()?);
    first.begin(&about()?, Some((at(0), 60)), at(1))?;
    first.set(field("temperature_c")?, FieldValue::Number(36.5), at(2))?;
    first.set(field("started_at")?, FieldValue::Time(at(60)), at(3))?;
    first.set(field("ended_at")?, FieldValue::Time(at(3600)), at(4))?;
    first.edit_text(field("condition")?, "", "下肢浮腫あり。", at(5))?;
    first.edit_text(field("ulcer.1.care")?, "", "洗浄。", at(6))?;
    let entry = first.entry_of(FIRST, 0)?.ok_or("nothing to send")?;
    files.insert("first.columns", entry.bytes.clone());
    files.insert("first.hash", entry.hash.0.to_vec());

    let mut second = Draft::new(NOTE, Form::VisitNote, Actor { device: SECOND, session: [2; 8] });
    second.written_by(&"nurse-b".parse()?);
    second.apply(&changes::decode(NOTE, Form::VisitNote, entry.encoding, &entry.bytes)?)?;
    second.set(field("pulse_bpm")?, field("pulse_bpm")?.unmeasured("拒否")?, at(7))?;
    second.edit_text(field("phone.advice")?, "", "様子を見る。", at(8))?;
    let entry = second.entry_of(SECOND, 0)?.ok_or("nothing to send")?;
    files.insert("second.bundle", entry.bytes.clone());
    files.insert("second.hash", entry.hash.0.to_vec());

    first.apply(&changes::decode(NOTE, Form::VisitNote, entry.encoding, &entry.bytes)?)?;
    let key = SigningKey::from_bytes(&[7; 32]);
    first.set(field("phone.called_at")?, FieldValue::Time(at(30)), at(9))?;
    first.edit_text(field("phone.content")?, "", "息切れ。", at(10))?;
    let signed = first.confirm(&"nurse-a".parse()?, FIRST, &key, at(11), &ConfirmContext::default())?;
    files.insert("confirmation.cbor", signed.to_bytes()?);
    files.insert("note.document", first.save());
    let VisitNote::Confirmed(confirmed) = VisitNote::from_parts(first, vec![signed], &[])? else {
        return Err("not confirmed".into());
    };
    let what = What::Amend(Correction {
        field: "temperature_c".to_string(),
        before: Some(FieldValue::Number(36.5)),
        after: Some(FieldValue::Number(36.8)),
        over: Vec::new(),
    });
    let act = confirmed.act(&"nurse-a".parse()?, FIRST, at(20), "転記の誤り", what);
    files.insert("amendment.cbor", act.sign(&key)?.to_bytes()?);
    let correction = Correction {
        field: "pulse_bpm".to_string(),
        before: Some(FieldValue::Unmeasured("拒否".to_string())),
        after: Some(FieldValue::Number(72.0)),
        over: Vec::new(),
    };
    let proposal = Proposal {
        amendment: ContentHash::of(&canonical::to_bytes(&(NOTE, "pulse_bpm", &correction.after))?),
        by: Some("nurse-b".parse()?),
        at: Some(at(12)),
        value: correction.after.clone(),
        correction,
        over: Vec::new(),
    };
    let hash = confirmed.signed().hash();
    for (name, what) in [
        ("accept.cbor", What::Accept(proposal.clone())),
        ("decline.cbor", What::Decline(proposal)),
        ("choose.cbor", What::Choose { confirmation: hash, among: vec![hash], over: Vec::new() }),
        ("close.cbor", What::Close { outcome: "duplicate".to_string(), copied_to: Some(DocumentId([4; 16])) }),
    ] {
        files.insert(name, confirmed.act(&"nurse-a".parse()?, FIRST, at(21), "理由", what).sign(&key)?.to_bytes()?);
    }
    for (form, bytes, hash) in [
        (Form::Handover, "handover.columns", "handover.hash"),
        (Form::IntakeRecord, "intake_record.columns", "intake_record.hash"),
        (Form::CarePlan, "care_plan.columns", "care_plan.hash"),
        (Form::VisitReport, "visit_report.columns", "visit_report.hash"),
    ] {
        let mut document = Draft::new(NOTE, form, Actor { device: FIRST, session: [1; 8] });
        document.written_by(&"nurse-a".parse()?);
        document.begin(&about()?, None, at(1))?;
        document.edit_text(&form.root_texts()[0], "", "記録。", at(2))?;
        let entry = document.entry_of(FIRST, 0)?.ok_or("nothing to send")?;
        files.insert(bytes, entry.bytes);
        files.insert(hash, entry.hash.0.to_vec());
    }
    Ok(files)
}

fn recorded(name: &str) -> Outcome<Vec<u8>> {
    let path = folder().join(name);
    if std::env::var_os("TSUTSUJI_RECORD_VECTORS").is_some() && !path.exists() {
        std::fs::create_dir_all(folder())?;
        std::fs::write(&path, &write()?[name])?;
    }
    Ok(std::fs::read(&path)?)
}

#[test]
fn recorded_entries_confirmations_and_amendments_open_and_mean_what_they_meant() -> Outcome {
    let mut draft = Draft::new(NOTE, Form::VisitNote, Actor { device: DeviceId([9; 8]), session: [9; 8] });
    for (bytes, hash, encoding, device) in [
        ("first.columns", "first.hash", Encoding::Columns, FIRST),
        ("second.bundle", "second.hash", Encoding::Bundle, SECOND),
    ] {
        let incoming = changes::decode(NOTE, Form::VisitNote, encoding, &recorded(bytes)?)?;
        assert_eq!(incoming.hash(NOTE).0.to_vec(), recorded(hash)?);
        assert!(incoming.is_by(device));
        draft.apply(&incoming)?;
    }
    let view = draft.view()?;
    assert_eq!(view.text("condition"), "下肢浮腫あり。");
    assert_eq!(view.text("ulcer.1.care"), "洗浄。");
    assert_eq!(view.text("phone.advice"), "様子を見る。");
    assert_eq!(view.fields.get("pulse_bpm"), Some(&FieldValue::Unmeasured("拒否".to_string())));
    assert_eq!(view.fields.get("planned_minutes"), Some(&FieldValue::Number(60.0)));
    assert_eq!(view.about, Some(about()?));

    let actor = Actor { device: DeviceId([9; 8]), session: [8; 8] };
    let stored = Draft::load(NOTE, Form::VisitNote, &recorded("note.document")?, &[], actor)?;
    let signed = SignedConfirmation::from_bytes(&recorded("confirmation.cbor")?)?;
    let act = SignedAct::from_bytes(&recorded("amendment.cbor")?)?;
    let mut note = VisitNote::from_parts(stored, vec![signed], &[act])?;
    assert_eq!(note.state()?, NoteState::Confirmed);
    let view = note.view()?;
    assert_eq!(view.fields.get("temperature_c"), Some(&FieldValue::Number(36.8)));
    assert_eq!(view.text("phone.content"), "息切れ。");
    let VisitNote::Confirmed(mut confirmed) = note else { return Err("not confirmed".into()) };
    assert_eq!(confirmed.confirmed_fields().get("temperature_c"), Some(&FieldValue::Number(36.5)));
    assert_eq!(confirmed.amendments()?.len(), 1);
    Ok(())
}

#[test]
fn recorded_acts_and_the_other_forms_open_for_ever() -> Outcome {
    for name in ["accept.cbor", "decline.cbor", "choose.cbor", "close.cbor"] {
        let act = SignedAct::from_bytes(&recorded(name)?)?.open(NOTE)?;
        let fits = match name {
            "accept.cbor" => matches!(act.what, What::Accept(_)),
            "decline.cbor" => matches!(act.what, What::Decline(_)),
            "choose.cbor" => matches!(act.what, What::Choose { .. }),
            _ => matches!(act.what, What::Close { .. }),
        };
        assert!(fits && act.reason == "理由", "{name}");
    }
    for (form, bytes, hash) in [
        (Form::Handover, "handover.columns", "handover.hash"),
        (Form::IntakeRecord, "intake_record.columns", "intake_record.hash"),
        (Form::CarePlan, "care_plan.columns", "care_plan.hash"),
        (Form::VisitReport, "visit_report.columns", "visit_report.hash"),
    ] {
        let incoming = changes::decode(NOTE, form, Encoding::Columns, &recorded(bytes)?)?;
        assert_eq!(incoming.hash(NOTE).0.to_vec(), recorded(hash)?);
        let mut document = Draft::new(NOTE, form, Actor { device: SECOND, session: [2; 8] });
        document.apply(&incoming)?;
        assert_eq!(document.view()?.text(form.root_texts()[0].name), "記録。");
        assert!(document.is_sound(&"p-000001".parse()?, &"st-1".parse()?));
        assert!(!document.is_sound(&"p-000002".parse()?, &"st-1".parse()?));
    }
    Ok(())
}

#[test]
fn what_is_written_today_is_what_was_recorded() -> Outcome {
    let today = write()?;
    // The document's own bytes are Automerge's business; what is hashed and signed is ours.
    for name in [
        "first.hash",
        "second.hash",
        "confirmation.cbor",
        "amendment.cbor",
        "accept.cbor",
        "decline.cbor",
        "choose.cbor",
        "close.cbor",
        "handover.hash",
        "intake_record.hash",
        "care_plan.hash",
        "visit_report.hash",
    ] {
        assert_eq!(recorded(name)?, today[name], "{name}");
    }
    Ok(())
}

/// A recorded phone, copied to where it may be written.
fn recorded_phone(folder: &std::path::Path) -> Outcome<Phone> {
    let from = root().join("tests/vectors/vault-1");
    for name in ["a.vault", "a.vault.device-key", "pin"] {
        std::fs::copy(from.join(name), folder.join(name))?;
    }
    Ok(Phone { vault: folder.join("a.vault"), pin: folder.join("pin") })
}

fn recorded_ids() -> Outcome<serde_json::Value> {
    Ok(serde_json::from_slice(&std::fs::read(root().join("tests/vectors/vault-1/notes.json"))?)?)
}

#[test]
fn a_vault_of_the_first_days_opens_is_read_written_and_found_sound() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (phone, ids) = (recorded_phone(folder.path())?, recorded_ids()?);
    let id = |name: &str| ids[name].as_str().unwrap_or_default().to_string();
    let confirmed = phone.ok(&["note", "show", &id("confirmed")])?;
    assert_eq!(
        (&confirmed["state"], &confirmed["fields"]["condition"]),
        (&"confirmed".into(), &"下肢浮腫あり。".into())
    );
    let draft = phone.ok(&["note", "show", &id("draft")])?;
    assert_eq!((&draft["fields"]["condition"], &draft["fields"]["remarks"]), (&"咳あり。".into(), &"追記。".into()));
    assert_eq!(phone.ok(&["note", "verify", &id("confirmed")])?["verdict"], serde_json::json!("valid"));
    phone.write_text(&id("draft"), "phone.content", "息切れ。")?;
    phone.ok(&["note", "amend", &id("confirmed"), "temperature_c", "36.8", "--reason", "転記の誤り"])?;
    assert_eq!(phone.ok(&["show", &id("patient")])?["patient"]["name"], serde_json::json!(stories::NAME));
    assert_eq!(phone.ok(&["doctor"])?["sound"], serde_json::json!(true));
    Ok(())
}

#[test]
fn a_vault_killed_while_it_is_brought_up_to_date_opens_all_the_same() -> Outcome {
    let ids = recorded_ids()?;
    for step in 0..12u64 {
        let folder = tempfile::tempdir()?;
        let phone = recorded_phone(folder.path())?;
        let mut child = phone
            .command(&["status"])?
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()?;
        std::thread::sleep(std::time::Duration::from_millis(step * 9));
        let _ = child.kill();
        child.wait()?;
        let shown = phone.ok(&["note", "show", ids["draft"].as_str().unwrap_or_default()])?;
        assert_eq!(shown["fields"]["condition"], serde_json::json!("咳あり。"), "killed after {} ms", step * 9);
    }
    Ok(())
}

#[test]
fn a_hub_of_the_first_days_still_knows_its_notes() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (from, hub) = (root().join("tests/vectors/hub-1"), folder.path().join("hub"));
    std::fs::create_dir_all(hub.join("keys"))?;
    std::fs::copy(from.join("hub.db"), hub.join("hub.db"))?;
    for key in std::fs::read_dir(from.join("keys"))? {
        let key = key?;
        std::fs::copy(key.path(), hub.join("keys").join(key.file_name()))?;
    }
    let ask = |arguments: &[&str]| -> Outcome<serde_json::Value> {
        let output = std::process::Command::new(binary("tsutsuji-hub")?)
            .args(arguments)
            .arg("--data")
            .arg(&hub)
            .arg("--json")
            .output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let confirmed = recorded_ids()?["confirmed"].as_str().unwrap_or_default().to_string();
    assert_eq!(ask(&["note", "list"])?.as_array().map(Vec::len), Some(2));
    assert_eq!(ask(&["note", "verify", &confirmed])?["verdict"], serde_json::json!("valid"));
    assert_eq!(ask(&["note", "export", &confirmed])?["fields"]["condition"], serde_json::json!("下肢浮腫あり。"));
    ask(&["audit", "verify"])?;
    Ok(())
}
