//! Background sync while the app is open: on start, on change, on the network's return, periodically, on demand.

use crate::capsule::wait_after;
use crate::phone::Phone;
use jiff::Timestamp;
use protocol::{Engine, Failure, RefusalCode, Trigger};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use vault::{FileKeyStore, RunningTime};

/// A change waits this long for its neighbours before it is sent.
const GATHER: Duration = Duration::from_millis(1_500);
/// While the hub cannot be reached: how often a bare connection is tried.
const PROBE: Duration = Duration::from_secs(3);

/// So long after something was written the vault's log is brought into its file.
const TIDY: Duration = Duration::from_secs(5);
/// How often is looked whether an erasure's traces still stand in the log, where nothing was written.
const CUT_AGAIN: Duration = Duration::from_secs(60);

/// Behind the PIN under duress: how often the sealed copies are brought.
const BEHIND: Duration = Duration::from_secs(300);

/// What the pill says. Unsent notes are counted by the vault, not guessed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pill {
    /// Not tried yet.
    Unknown,
    Syncing,
    Online,
    Offline,
    /// The hub or somebody else answered, and it was not what it should be.
    Trouble(Failure),
    /// The station reported this device lost: the app locks, and the keys go.
    WipeOrdered,
}

/// A running background sync. Dropping it stops it.
pub struct Background {
    orders: mpsc::UnboundedSender<Trigger>,
    pill: watch::Receiver<Pill>,
    task: tokio::task::JoinHandle<()>,
    tidying: tokio::task::JoinHandle<()>,
}

impl Background {
    pub fn start(phone: Arc<Phone>) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (sender, pill) = watch::channel(Pill::Unknown);
        let tidying = tokio::spawn(tidy(phone.clone()));
        let task = tokio::spawn(run(phone, inbox, sender));
        Self { orders, pill, task, tidying }
    }

    /// "今すぐ同期"
    pub fn sync_now(&self) {
        // The task lives as long as `self`; a closed channel means the app is closing.
        let _ = self.orders.send(Trigger::Manual);
    }

    pub fn pill(&self) -> watch::Receiver<Pill> {
        self.pill.clone()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.task.abort();
        self.tidying.abort();
    }
}

async fn run(phone: Arc<Phone>, mut orders: mpsc::UnboundedReceiver<Trigger>, pill: watch::Sender<Pill>) {
    if phone.is_decoy() {
        return bring_behind(&phone, &pill).await;
    }
    let mut engine = Engine::new();
    let begun = Instant::now();
    let mut changes = phone.changes();
    let mut trigger = Trigger::Start;
    let waiting = phone.clone();
    // What came while the phone was locked, or had arrived, needs no line; the first sync goes on from there.
    if tokio::task::spawn_blocking(move || waiting.catch_up()).await.is_err() {
        tracing::warn!("what waited in the vault is left to the sync");
    }
    loop {
        pill.send_replace(Pill::Syncing);
        let now = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        // What is written from here on counts as new, even if this run does not carry it.
        changes.mark_unchanged();
        if let Err(error) = phone.tick_lease(RunningTime::now()) {
            tracing::warn!(%error, "the lease could not be counted");
        }
        let end = phone.run_for(&mut engine, trigger, now, || !orders.is_empty()).await;
        let healthy = end.result.is_ok();
        if matches!(
            end.result,
            Err(Failure::Refused(RefusalCode::Revoked | RefusalCode::SeriesForked) | Failure::Storage)
        ) {
            // A full disk takes no receipt, but what was written goes all the same, sealed. A revoked device may still bring what was written, sealed, and hears whether its keys are to go.
            match phone.push_copies(&FileKeyStore::beside(phone.path())).await {
                Ok(pushed) if pushed.wipe_ordered => {
                    pill.send_replace(Pill::WipeOrdered);
                    return;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the sealed copies wait"),
            }
        }
        let moved = end.result.is_ok_and(|report| report.sent > 0);
        let offline = matches!(end.result, Err(Failure::Unreachable));
        pill.send_replace(match end.result {
            Ok(_) => Pill::Online,
            Err(Failure::Unreachable) => Pill::Offline,
            Err(failure) => Pill::Trouble(failure),
        });
        {
            let idle = phone.clone();
            // Off the loop, in bites: what arrived becomes searchable, photos that were taken away go, and once a day the vault is checked, signal or none.
            tokio::task::spawn_blocking(move || {
                if let Err(error) = idle.read_ahead() {
                    tracing::warn!(%error, "the lists are read when somebody asks for them");
                }
                while matches!(idle.refresh_search(Timestamp::now()), Ok(true)) {}
                if let Err(error) = idle.sweep_photos(RunningTime::now()) {
                    tracing::warn!(%error, "photos that were taken away stay a while longer");
                }
                if idle.self_check_due(Timestamp::now())
                    && let Err(error) = idle.self_check(Timestamp::now())
                {
                    tracing::warn!(%error, "the self-check did not come to its end");
                }
            });
        }
        let wait = Duration::from_millis(u64::try_from(end.wake_at - now).unwrap_or(0));
        trigger = tokio::select! {
            order = orders.recv() => match order {
                Some(order) => order,
                None => return,
            },
            () = tokio::time::sleep(wait) => Trigger::Timer,
            () = network_returns(&phone), if offline => Trigger::NetworkReturned,
            () = something_written(&phone, &mut changes, moved), if healthy => Trigger::Change,
        };
    }
}

/// Signal or none: what was written goes from the vault's log into its file while nobody saves.
async fn tidy(phone: Arc<Phone>) {
    if phone.is_decoy() {
        return;
    }
    let mut changes = phone.changes();
    loop {
        match tokio::time::timeout(CUT_AGAIN, changes.changed()).await {
            Ok(Ok(())) => tokio::time::sleep(TIDY).await,
            Ok(Err(_)) => return,
            Err(_) if phone.owes_cut() => {}
            Err(_) => continue,
        }
        changes.mark_unchanged();
        let idle = phone.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || idle.tidy_log()).await {
            tracing::warn!(%error, "a later save brings the log into the file");
        }
    }
}

/// Behind an empty route: what was written goes to the hub, sealed, and the order to wipe is heard, as from any locked phone.
async fn bring_behind(phone: &Phone, pill: &watch::Sender<Pill>) {
    pill.send_replace(Pill::Offline);
    let store = FileKeyStore::beside(phone.path());
    loop {
        let wait = match crate::capsule::push(phone.path(), &store).await {
            Ok(pushed) if pushed.wipe_ordered => {
                pill.send_replace(Pill::WipeOrdered);
                return;
            }
            Ok(_) => BEHIND,
            Err(error) => {
                tracing::warn!(%error, "the sealed copies wait");
                wait_after(&error, BEHIND)
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Resolves once the phone holds something unsent and the pen has rested for a moment.
///
/// If the last run sent nothing (`moved` is false), what is unsent now could not be sent: only a new change is a reason to
/// try before the timer. Otherwise one unreadable note would ask the hub for ever.
async fn something_written(phone: &Phone, changes: &mut watch::Receiver<u64>, moved: bool) {
    let mut look = moved;
    loop {
        if look && phone.read(|tx| Ok(tx.unsent_notes()?)).unwrap_or(0) > 0 {
            break;
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
        look = true;
    }
    tokio::time::sleep(GATHER).await;
}

/// Resolves once the hub's port answers. A desktop has no signal to listen for, so a bare connection is tried now and then.
async fn network_returns(phone: &Phone) {
    let url = &phone.identity().hub_url;
    let Some(address) =
        url.strip_prefix("https://").map(|a| if a.contains(':') { a.to_string() } else { format!("{a}:443") })
    else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(PROBE).await;
        let reached = tokio::time::timeout(PROBE, tokio::net::TcpStream::connect(&address)).await;
        if matches!(reached, Ok(Ok(_))) {
            tracing::info!(at = %Timestamp::now(), "the hub's port answers again");
            return;
        }
    }
}
