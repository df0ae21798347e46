//! What came while the phone was locked: its pages go the way that a sync's answer goes, and need no signal.

use crate::error::DeviceError;
use crate::phone::Phone;
use jiff::Timestamp;
use protocol::{SealedPage, SyncRequest, WIRE_VERSION, page};

impl Phone {
    /// Takes the pages that wait, in their order: after the unlock, which must not wait for it, and before the first sync. One
    /// that does not open or does not fit is dropped with those behind it: the next sync brings the same. A full disk keeps them
    /// waiting, and nobody from reading.
    pub(crate) fn take_locked_pages(&self) {
        if self.is_decoy() {
            return;
        }
        if let Err(error) = self.take_all() {
            tracing::warn!(%error, "what came while the phone was locked waits");
        }
    }

    fn take_all(&self) -> Result<(), DeviceError> {
        while self.read(|tx| Ok(tx.has_locked_pages()?))? {
            if !self.take_first()? {
                return self.write(|tx| Ok(tx.forget_locked_pages()?));
            }
        }
        Ok(())
    }

    /// It waits no longer before it is read: one that takes the process down must not do so at every unlock. The cursor has not
    /// moved, and the next sync brings the same. `false`: those behind it do not fit either.
    fn take_first(&self) -> Result<bool, DeviceError> {
        let Some((n, page)) = self.write(|tx| Ok(tx.take_locked_page()?))? else { return Ok(false) };
        match self.take_locked_page(&page) {
            Err(error) if error.is_retryable() => {
                self.write(|tx| Ok(tx.put_back_locked_page(n, &page)?))?;
                Err(error)
            }
            Err(error) => {
                tracing::warn!(%error, "a page that came while the phone was locked is left out");
                Ok(false)
            }
            fits => fits,
        }
    }

    /// `false`: it does not fit to where the vault stands.
    fn take_locked_page(&self, sealed: &SealedPage) -> Result<bool, DeviceError> {
        let (state, received_up_to) = self.read(|tx| Ok((tx.sync_state()?, tx.received_up_to()?)))?;
        if sealed.from != state.cursor {
            return Ok(false);
        }
        let identity = self.identity();
        let opened = page::open(sealed, identity.device, state.series, &self.signing_key()?, &identity.receipt_key);
        let answer = match opened {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(%error, "a page that came while the phone was locked does not open");
                return Ok(false);
            }
        };
        // Of another history, older than what was heard since, or from before a receipt, or after one that was lost: the next
        // sync says more.
        let fits = answer.epoch == state.epoch
            && answer.time >= state.last_hub_time
            && answer.received_up_to == received_up_to
            && !answer.renew;
        if !fits {
            return Ok(false);
        }
        let request = SyncRequest {
            v: WIRE_VERSION,
            device: identity.device,
            series: state.series,
            epoch: state.epoch,
            cursor: state.cursor,
            first_seq: received_up_to + 1,
            entries: Vec::new(),
            budget: 0,
            earlier: Vec::new(),
            want: Vec::new(),
            digests: Vec::new(),
            proof: None,
        };
        // When the hub said it, not when it was read: the phone has heard nothing since.
        let said_at = Timestamp::from_millisecond(answer.time).unwrap_or(Timestamp::UNIX_EPOCH);
        self.store_answer(&request, &answer, said_at)?;
        Ok(true)
    }
}
