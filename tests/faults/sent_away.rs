//! A locked phone whom a busy hub sends away.

use super::{reaches_a_colleague, written_offline};
use device::http::HubLine;
use device::jiff::Timestamp;
use device::{DeviceError, Failure, FileKeyStore, Pin};
use rusqlite::Connection;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use stories::{Hub, Outcome, until};

#[test]
fn a_busy_hub_that_sends_a_locked_phone_away_says_until_when_and_later_gets_all_of_it() -> Outcome {
    /// Twice as many requests as one station's phones have turns.
    const MANY: usize = 12;
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, note) = written_offline(&hub, &patient)?;
    hub.ok(&["staff", "add", "--facility", "st-1", "--id", "nurse-c", "--name", "nurse-c", "--role", "nurse"])?;
    let c = hub.phone("nurse-c")?;
    c.ok(&["sync"])?;
    let keys = FileKeyStore::beside(&c.vault);
    let colleague = device::Phone::unlock(&c.vault, &keys, &Pin::new("2468")?, Timestamp::now())?;
    let request = colleague.load_request()?;
    let others = HubLine::for_sync(colleague.identity(), 0).map_err(|failure| format!("{failure:?}"))?;
    let others = Arc::new(others);
    let unsent = || -> Outcome<i64> {
        let count = "SELECT count(*) FROM capsule WHERE received IS NULL";
        Ok(Connection::open(&a.vault)?.query_row(count, [], |r| r.get(0))?)
    };
    let waits = unsent()?;
    let db = Connection::open(hub.path("hub/hub.db"))?;
    tokio::runtime::Runtime::new()?.block_on(async {
        // The hub's disk is slow and everybody is back: no turn is left, whoever waits his 20 seconds hears 503.
        db.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..MANY {
            let (others, request) = (others.clone(), request.clone());
            tokio::spawn(async move { others.sync(&request).await.is_ok() });
        }
        until("the turns are taken", || Ok(line.asking() >= MANY))?;
        let keys = FileKeyStore::beside(&a.vault);
        let Err(sent_away) = device::capsule::push(&a.vault, &keys).await else { return Err("it found a turn".into()) };
        let asked = match sent_away {
            DeviceError::Sync(Failure::Busy { retry_after_s: Some(seconds @ 5..=20) }) => u64::from(seconds),
            other => return Err(other.into()),
        };
        let own = Duration::from_secs(1);
        assert_eq!(device::capsule::wait_after(&sent_away, own), Duration::from_secs(asked));
        db.execute_batch("ROLLBACK")?;
        Outcome::Ok(())
    })?;
    assert_eq!((unsent()?, hub.ok(&["held", "list"])?), (waits, json!([])), "nothing counts as brought");
    assert_eq!(a.push()?["sent"], json!(waits));
    assert_eq!(unsent()?, 0);
    reaches_a_colleague(&hub, &note)
}
