//! The locked phone: sends sealed copies without the PIN, hears whether it is to be wiped.

use crate::error::DeviceError;
use crate::http::HubLine;
use protocol::receipt::ReceiptScope;
use protocol::{CapsuleRequest, Failure, WIRE_VERSION};
use std::path::Path;
use vault::{KeyStore, LockedVault};

/// Most copies in one request.
const COPIES: usize = 500;

/// What a push did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    pub sent: u64,
    /// The hub ordered the wipe, and it was done.
    pub wiped: bool,
}

/// Sends what the hub has not receipted in any form. Needs the device, not the PIN; sends nothing readable.
pub async fn push(vault: &Path, store: &dyn KeyStore) -> Result<Pushed, DeviceError> {
    let mut locked = LockedVault::open(vault, store)?;
    let line = HubLine::for_capsules(&locked.locked).map_err(DeviceError::Sync)?;
    let mut pushed = Pushed::default();
    loop {
        let copies = locked.copies(COPIES)?;
        let (device, series) = (locked.locked.device, locked.locked.series);
        let request = CapsuleRequest { v: WIRE_VERSION, device, series, copies };
        let answer = line.push(&request).await.map_err(DeviceError::Sync)?;
        let key = <[u8; 32]>::try_from(locked.locked.receipt_key.as_slice())
            .map_err(|_| DeviceError::Sync(Failure::NotOurHub))?;
        let scope = ReceiptScope { epoch: answer.epoch, device, series };
        let hash_of = |n: u64| request.copies.iter().find(|copy| copy.n == n).map(|copy| copy.hash());
        answer.receipt.verify(&key, &scope, hash_of).map_err(|_| DeviceError::Sync(Failure::NotOurHub))?;
        let received: Vec<(u64, i64)> = answer.receipt.items.iter().map(|item| (item.seq, item.at)).collect();
        locked.mark_received(&received)?;
        pushed.sent += received.len() as u64;
        // What the hub did not take is asked again another time, not without end now.
        if received.len() < COPIES {
            if answer.wipe && !locked.is_wiped()? {
                locked.wipe()?;
                pushed.wiped = true;
            }
            return Ok(pushed);
        }
    }
}
