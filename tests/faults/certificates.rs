//! 端末証明書: one that is over brings and renews, and reads nothing; one of a revoked device or of a stranger does neither.

use device::http::HubLine;
use device::jiff::Timestamp;
use device::{Failure, FileKeyStore, RefusalCode};
use ed25519_dalek::SigningKey;
use protocol::RenewRequest;
use record::ContentHash;
use rusqlite::Connection;
use serde_json::json;
use std::sync::Arc;
use stories::{Hub, Outcome, Phone};
use tokio::runtime::Runtime;
use vault::{Identity, LockedVault};

/// Longer ago than a certificate counts.
const LONG_AGO_DAYS: i64 = 500;

/// A phone that was enrolled, and synced last, when the hub's clock stood long ago.
fn enrolled_long_ago(hub: &mut Hub, staff: &str) -> Outcome<Phone> {
    hub.kill();
    let then = Timestamp::now().as_millisecond() - LONG_AGO_DAYS * 86_400_000;
    let store = hub::Store::open_with_clock(&hub.path("hub"), Arc::new(move || then))?;
    let runtime = Runtime::new()?;
    let serving = runtime.block_on(hub::serve(store, &format!("127.0.0.1:{}", hub.port), None))?;
    let phone = hub.phone(staff)?;
    phone.ok(&["sync"])?;
    drop(serving);
    drop(runtime);
    hub.serve()?;
    Ok(phone)
}

/// The line of whoever says to be this.
fn line(identity: &Identity) -> Outcome<HubLine> {
    HubLine::for_sync(identity, 0).map_err(|failure| format!("{failure:?}").into())
}

/// What the hub's audit trail says of devices, from the line after `after` on.
fn deeds(hub: &Hub, after: i64) -> Outcome<Vec<String>> {
    let db = Connection::open(hub.path("hub/hub.db"))?;
    let mut statement =
        db.prepare("SELECT action, object FROM audit WHERE who LIKE 'device:%' AND n > ?1 ORDER BY n")?;
    let rows = statement.query_map([after], |r| {
        let (action, object): (String, String) = (r.get(0)?, r.get(1)?);
        Ok(if action == "sync" { object } else { action })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn last_deed(hub: &Hub) -> Outcome<i64> {
    let db = Connection::open(hub.path("hub/hub.db"))?;
    Ok(db.query_row("SELECT coalesce(max(n), 0) FROM audit", [], |r| r.get(0))?)
}

fn certificates(hub: &Hub) -> Outcome<i64> {
    let db = Connection::open(hub.path("hub/hub.db"))?;
    Ok(db.query_row("SELECT count(*) FROM certificate", [], |r| r.get(0))?)
}

#[test]
fn a_phone_whose_certificate_is_over_brings_its_notes_and_comes_back_with_a_new_one() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let a = enrolled_long_ago(&mut hub, "nurse-a")?;
    let b = hub.phone("nurse-b")?;
    b.ok(&["sync"])?;
    let news = b.start_note(&patient, None)?;
    b.write_text(&news, "plan", "次回は体重測定。")?;
    b.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    let before = last_deed(&hub)?;
    let old = a.opened(Timestamp::now())?;
    let old_line = line(old.identity())?;
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"]), (&json!(1), &json!(0)), "{synced}");
    let newest: [u8; 32] = Connection::open(hub.path("hub/hub.db"))?.query_row(
        "SELECT hash FROM certificate ORDER BY rowid DESC LIMIT 1",
        [],
        |r| r.get(0),
    )?;
    let store = FileKeyStore::beside(&a.vault);
    let of_the_locked_phone = ContentHash::of(&LockedVault::open(&a.vault, &store)?.locked.certificate);
    assert_eq!(of_the_locked_phone, ContentHash(newest));
    // In this order: the note is taken, nothing is told; then the certificate; then what there is to read.
    let deeds = deeds(&hub, before)?;
    assert_eq!(deeds[..2], ["received 1 sent 0", "renew"], "{deeds:?}");
    assert_eq!(a.ok(&["note", "show", &news])?["fields"]["plan"], json!("次回は体重測定。"));
    assert_eq!(certificates(&hub)?, 3);
    // The new one is used from then on, and nobody asks again.
    assert_eq!(a.ok(&["sync"])?["round_trips"], json!(1));
    a.without_pin(&["capsule", "push"])?;
    assert_eq!(certificates(&hub)?, 3);
    // An answer that was lost: the old certificate still gets a new one.
    let renewed = Runtime::new()?.block_on(old_line.renew(&old.renewal()?));
    assert!(renewed.is_ok_and(|(answer, _)| !answer.validity.is_due(answer.time)));
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["condition"], json!("下肢浮腫あり。"));
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

#[test]
fn a_revoked_phone_whose_certificate_is_over_brings_sealed_copies_and_is_given_nothing() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let a = enrolled_long_ago(&mut hub, "nurse-a")?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    let phone = a.opened(Timestamp::now())?;
    hub.ok(&["device", "revoke", "--device", &phone.identity().device.to_string()])?;
    let asked = Runtime::new()?.block_on(line(phone.identity())?.renew(&phone.renewal()?));
    assert_eq!(asked.err(), Some(Failure::Refused(RefusalCode::Revoked)));
    drop(phone);
    assert!(a.refused(&["sync"])?.contains("sent sealed"));
    assert_eq!(certificates(&hub)?, 1);
    assert_eq!(hub.ok(&["note", "list"])?, json!([]));
    assert_eq!(hub.ok(&["held", "list"])?.as_array().map(Vec::len), Some(1), "kept for a person");
    Ok(())
}

#[test]
fn a_certificate_of_another_hub_or_for_another_key_or_without_the_pin_is_refused() -> Outcome {
    let (hub, _) = Hub::with_consent()?;
    let (elsewhere, _) = Hub::with_consent()?;
    let now = Timestamp::now();
    let (a, x) = (hub.phone("nurse-a")?.opened(now)?, elsewhere.phone("nurse-x")?.opened(now)?);
    let runtime = Runtime::new()?;
    let ours = line(a.identity())?;
    // What another CA signed, shown at our door.
    let mut stranger = x.identity().clone();
    stranger.hub_url = a.identity().hub_url.clone();
    stranger.ca = a.identity().ca.clone();
    let theirs = line(&stranger)?;
    // Refused within the handshake: the phone hears why, or finds the line closed.
    let shut_out = |failure: Option<Failure>| {
        matches!(failure, Some(Failure::Refused(RefusalCode::NoCertificate) | Failure::Unreachable))
    };
    assert!(shut_out(runtime.block_on(theirs.renew(&x.renewal()?)).err()));
    assert!(shut_out(runtime.block_on(theirs.sync(&x.load_request()?)).err()));
    // Our own certificate, and a request by somebody else's key.
    let seed: [u8; 32] = a.identity().signing_key.as_slice().try_into()?;
    let for_another_key = RenewRequest::prove(x.renewal()?.csr, &SigningKey::from_bytes(&seed));
    let asked = runtime.block_on(ours.renew(&for_another_key));
    assert_eq!(asked.err(), Some(Failure::Refused(RefusalCode::NotThisDevice)));
    let unproved = RenewRequest { proof: x.renewal()?.proof, ..a.renewal()? };
    let asked = runtime.block_on(ours.renew(&unproved));
    assert_eq!(asked.err(), Some(Failure::Refused(RefusalCode::Locked)));
    assert_eq!(certificates(&hub)?, 1);
    // The same line, rightly asked, is answered.
    assert!(runtime.block_on(ours.renew(&a.renewal()?)).is_ok());
    assert_eq!(certificates(&hub)?, 2);
    Ok(())
}

#[test]
fn a_hub_put_back_to_before_the_renewal_knows_the_phone_by_its_key() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let a = enrolled_long_ago(&mut hub, "nurse-a")?;
    let file = hub.back_up("yesterday.db")?;
    a.ok(&["sync"])?;
    assert_eq!(certificates(&hub)?, 2);
    // There is no older database that knows the new one.
    hub.lose_database();
    hub.put_back(&file)?;
    assert_eq!(certificates(&hub)?, 1, "the hub has forgotten");
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "下肢浮腫あり。")?;
    let synced = a.ok(&["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"]), (&json!(1), &json!(0)), "{synced}");
    assert_eq!(certificates(&hub)?, 2);
    assert_eq!(a.ok(&["sync"])?["round_trips"], json!(1));
    Ok(())
}

#[test]
fn how_long_a_certificate_counts_is_the_hubs_to_say_and_a_phone_renews_in_the_last_third() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve_with(|command| {
        command.args(["--certificate-days", "30"]);
    })?;
    let a = hub.phone("nurse-a")?;
    assert!(!a.opened(Timestamp::now())?.certificate_due()?);
    a.ok(&["sync"])?;
    assert_eq!(certificates(&hub)?, 1);
    let ends: i64 =
        Connection::open(hub.path("hub/hub.db"))?.query_row("SELECT until FROM certificate", [], |r| r.get(0))?;
    // Nine days before the end.
    let then = ends - 9 * 86_400_000;
    hub.kill();
    let store = hub::Store::open_with_clock(&hub.path("hub"), Arc::new(move || then))?;
    let runtime = Runtime::new()?;
    let serving = runtime.block_on(hub::serve(store, &format!("127.0.0.1:{}", hub.port), None))?;
    a.ok(&["sync"])?;
    drop(serving);
    assert_eq!(certificates(&hub)?, 2);
    assert!(!a.opened(Timestamp::now())?.certificate_due()?);
    Ok(())
}
