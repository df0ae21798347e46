//! Sealed copies on their way to the hub: from a locked phone without the PIN, and from an open one that was revoked.

use crate::error::DeviceError;
use crate::http::HubLine;
use crate::phone::Phone;
use protocol::receipt::ReceiptScope;
use protocol::{CapsuleRequest, CapsuleResponse, Failure, SealedCopy, SealedPage, WIRE_VERSION};
use std::path::Path;
use std::time::Duration;
use vault::{KeyStore, Locked, LockedVault, VaultError};

/// Most copies in one request.
const COPIES: usize = 500;
/// Bytes of copies in one request, and always one copy: with photos among them, a line that breaks costs no more than this.
const OFFER: usize = 1 << 20;
/// Between two pushes that failed: twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// What a push did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    pub sent: u64,
    /// Pages of the feed that wait for the unlock.
    pub pages: u64,
    /// The hub ordered the keys to go.
    pub wipe_ordered: bool,
}

/// What a locked phone would send now.
pub fn request(locked: &LockedVault<'_>) -> Result<CapsuleRequest, DeviceError> {
    let (device, series) = (locked.locked.device, locked.locked.series);
    Ok(CapsuleRequest {
        v: WIRE_VERSION,
        device,
        series,
        copies: locked.copies(COPIES, OFFER)?,
        since: None,
        holds: Vec::new(),
    })
}

/// Takes the answer to it. Says how many copies were received, and whether everything must be asked anew.
pub fn take_answer(
    locked: &mut LockedVault<'_>,
    request: &CapsuleRequest,
    answer: &CapsuleResponse,
) -> Result<(u64, bool), DeviceError> {
    let received = receipted(&locked.locked, request, answer)?;
    let is_news = answer.epoch != locked.locked.epoch;
    locked.begin_epoch(answer.epoch)?;
    locked.mark_received(&received)?;
    Ok((received.len() as u64, is_news))
}

/// Sends what the hub has not receipted in any form, and fetches what is new, sealed for the next unlock. Needs the device, not
/// the PIN; sends and learns nothing readable. A wipe that the hub ordered is done.
pub async fn push(vault: &Path, store: &dyn KeyStore) -> Result<Pushed, DeviceError> {
    let mut locked = LockedVault::open(vault, store)?;
    let mut pushed = Pushed::default();
    let line = HubLine::for_capsules(&locked.locked).map_err(DeviceError::Sync)?;
    let mut reads = true;
    loop {
        let mut request = request(&locked)?;
        if reads {
            // What cannot be read on keeps nothing from being sent.
            request.since = locked.since().unwrap_or_default();
        }
        let answer = line.push(&request).await.map_err(DeviceError::Sync)?;
        let (received, is_news) = take_answer(&mut locked, &request, &answer)?;
        pushed.sent += received;
        reads = match answer.page.as_ref().filter(|_| reads) {
            Some(page) if keep_page(&mut locked, page) => {
                pushed.pages += 1;
                page.more
            }
            _ => false,
        };
        // What the hub did not take is offered another time, not without end now.
        let goes_on = is_all(&request, received) && !locked.copies(1, 0)?.is_empty();
        if !goes_on && !is_news && !reads {
            pushed.wipe_ordered = answer.wipe;
            if answer.wipe && !locked.is_wiped()? {
                locked.wipe()?;
            }
            return Ok(pushed);
        }
    }
}

/// The same until it is done, however often it fails in between: nothing is lost by waiting.
pub async fn push_until_done(vault: &Path, store: &dyn KeyStore) {
    until_done(|| push(vault, store)).await;
}

async fn until_done<F>(mut push: impl FnMut() -> F)
where
    F: Future<Output = Result<Pushed, DeviceError>>,
{
    let mut own = FIRST_WAIT;
    while let Err(error) = push().await {
        tracing::warn!(%error, "the sealed copies wait");
        tokio::time::sleep(wait_after(&error, own)).await;
        own = (own * 2).min(LONGEST_WAIT);
    }
}

/// How long the copies wait after a push that failed: as long as they would, or as a busy hub asked for.
pub fn wait_after(error: &DeviceError, own: Duration) -> Duration {
    match error {
        DeviceError::Sync(Failure::Busy { retry_after_s: Some(seconds) }) => {
            own.max(Duration::from_secs(u64::from(*seconds)))
        }
        _ => own,
    }
}

/// One that is not kept comes again.
fn keep_page(locked: &mut LockedVault<'_>, page: &SealedPage) -> bool {
    locked.keep_page(page).unwrap_or_else(|error| {
        tracing::warn!(%error, "a page was not kept for the unlock");
        false
    })
}

impl Phone {
    /// The same from an open phone: what a revoked one still may do. The wipe, if it is ordered, is the caller's.
    pub async fn push_copies(&self, store: &dyn KeyStore) -> Result<Pushed, DeviceError> {
        let mut pushed = Pushed::default();
        let line = HubLine::for_capsules(self.locked()).map_err(DeviceError::Sync)?;
        loop {
            let request = self.copies_request()?;
            let answer: CapsuleResponse = line.push(&request).await.map_err(DeviceError::Sync)?;
            let (received, goes_on) = self.take_copies_answer(store, &request, &answer)?;
            pushed.sent += received;
            if !goes_on {
                pushed.wipe_ordered = answer.wipe;
                return Ok(pushed);
            }
        }
    }

    /// What an open phone would send sealed now.
    pub fn copies_request(&self) -> Result<CapsuleRequest, DeviceError> {
        let locked = self.locked();
        let copies = self.read(|tx| Ok(tx.copies(COPIES, OFFER)?))?;
        let (device, series) = (locked.device, locked.series);
        // An open phone reads by its syncs.
        Ok(CapsuleRequest { v: WIRE_VERSION, device, series, copies, since: None, holds: Vec::new() })
    }

    /// Takes the answer to it. Says how many copies were received, and whether more are to be sent now.
    pub fn take_copies_answer(
        &self,
        store: &dyn KeyStore,
        request: &CapsuleRequest,
        answer: &CapsuleResponse,
    ) -> Result<(u64, bool), DeviceError> {
        let received = receipted(self.locked(), request, answer)?;
        let marked = self.write(|tx| {
            let is_news = tx.begin_copies_epoch(store, answer.epoch)?;
            tx.mark_copies_received(&received)?;
            Ok(is_news)
        });
        let is_news = match marked {
            // With a full disk the receipt cannot be kept; the hub knows the copies when they come again.
            Err(DeviceError::Vault(VaultError::Full)) => None,
            other => Some(other?),
        };
        let count = received.len() as u64;
        let goes_on = match is_news {
            None => false,
            Some(true) => true,
            Some(false) => is_all(request, count) && self.read(|tx| Ok(!tx.copies(1, 0)?.is_empty()))?,
        };
        Ok((count, goes_on))
    }
}

/// Whether the hub took everything that was offered.
fn is_all(request: &CapsuleRequest, received: u64) -> bool {
    received > 0 && received == request.copies.len() as u64
}

/// What an answer's receipt names, if it is the hub's.
pub(crate) fn receipted(
    locked: &Locked,
    request: &CapsuleRequest,
    answer: &CapsuleResponse,
) -> Result<Vec<(u64, i64)>, DeviceError> {
    let not_ours = |_| DeviceError::Sync(Failure::NotOurHub);
    let key = <[u8; 32]>::try_from(locked.receipt_key.as_slice()).map_err(not_ours)?;
    let scope = ReceiptScope { epoch: answer.epoch, device: request.device, series: request.series };
    let hash_of = |n: u64| request.copies.iter().find(|copy| copy.n == n).map(SealedCopy::hash);
    answer.receipt.verify(&key, &scope, hash_of).map_err(|_| DeviceError::Sync(Failure::NotOurHub))?;
    Ok(answer.receipt.items.iter().map(|item| (item.seq, item.at)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_wait_as_long_as_a_busy_hub_asks_and_never_less_than_they_would() {
        let busy = |retry_after_s| DeviceError::Sync(Failure::Busy { retry_after_s });
        let own = Duration::from_secs(10);
        assert_eq!(wait_after(&busy(Some(900)), own), Duration::from_secs(900));
        for short in [busy(Some(5)), busy(None), DeviceError::Sync(Failure::Unreachable)] {
            assert_eq!(wait_after(&short, own), own);
        }
    }

    /// At which second each push began, where those before it failed so.
    async fn begun(failures: &[Failure]) -> Vec<u64> {
        let (mut next, mut begun) = (failures.iter().copied(), Vec::new());
        let start = tokio::time::Instant::now();
        until_done(|| {
            begun.push(start.elapsed().as_secs());
            let failure = next.next();
            async move { failure.map_or(Ok(Pushed::default()), |failure| Err(DeviceError::Sync(failure))) }
        })
        .await;
        begun
    }

    #[tokio::test(start_paused = true)]
    async fn a_hub_that_sends_a_locked_phone_away_is_not_asked_again_before_it_said() {
        let busy = |retry_after_s| Failure::Busy { retry_after_s };
        assert_eq!(begun(&[]).await, [0]);
        assert_eq!(begun(&[busy(Some(300)), busy(Some(300)), busy(None)]).await, [0, 300, 600, 620]);
        // Without a word of the hub's: twice as long each time, a quarter of an hour at most, and never given up.
        assert_eq!(begun(&[Failure::Unreachable; 4]).await, [0, 5, 15, 35, 75]);
        let long = begun(&[Failure::Unreachable; 12]).await;
        assert_eq!((long[12] - long[11], long[11] - long[10]), (900, 900));
    }
}
