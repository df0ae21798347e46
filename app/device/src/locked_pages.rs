//! What came while the phone was locked: its pages go the way that a sync's answer goes, and need no signal.

use crate::error::DeviceError;
use crate::lease;
use crate::phone::Phone;
use jiff::Timestamp;
use protocol::{Kind, SealedPage, Since, SyncResponse, page};
use vault::{RunningTime, SyncState};

impl Phone {
    /// Takes the pages that wait, in their order: after the unlock, which must not wait for it, and before the first sync. One
    /// that does not open or does not fit is dropped with those behind it: the next sync brings the same. A full disk keeps them
    /// waiting, and nobody from reading.
    pub(crate) fn take_locked_pages(&self) {
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
        if !fits || !is_counted(&state, &answer) {
            return Ok(false);
        }
        let since = Since { epoch: state.epoch, series: state.series, cursor: state.cursor, budget: 0 };
        let request = since.request(identity.device, received_up_to);
        // When the hub said it, not when it was read: the phone has heard nothing since.
        let said_at = Timestamp::from_millisecond(answer.time).unwrap_or(Timestamp::UNIX_EPOCH);
        self.store_answer(&request, &answer, said_at)?;
        Ok(true)
    }
}

/// Whether a lease still counts for what a page brings: a page begins none, and records that came back after theirs had run
/// out would stay for ever.
fn is_counted(state: &SyncState, answer: &SyncResponse) -> bool {
    let Some(until) = state.lease_until else {
        return answer.feed.iter().all(|item| item.kind != Kind::Record);
    };
    // A full disk may have kept the clock from being written down.
    let runs = state.lease_clock.is_some_and(|clock| lease::after(&clock, RunningTime::now()).left_ms > 0);
    runs && answer.time <= until
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Desk, NOW, Outcome, hub_key, later, quiet};
    use ed25519_dalek::SigningKey;
    use protocol::{Cursor, FeedItem};
    use record::{ContentHash, DataClass, DisclosedRecord, DocumentId, canonical};
    use vault::LeaseClock;

    const HOUR: i64 = 3_600;

    fn record(text: &str) -> Outcome<DisclosedRecord> {
        Ok(DisclosedRecord::new("hp".parse()?, DataClass::Allergy, "1", NOW, text))
    }

    /// A page that the hub sealed at that second, with one new record.
    fn page_of(second: i64, text: &str, state: &SyncState, desk: &Desk) -> Outcome<SealedPage> {
        let item = FeedItem {
            n: 1,
            kind: Kind::Record,
            doc: DocumentId([7; 16]),
            patient: Some("p-1".parse()?),
            enc: 3,
            bytes: canonical::to_bytes(&record(text)?)?,
            at: later(second).as_millisecond(),
        };
        let answer = SyncResponse {
            time: later(second).as_millisecond(),
            feed: vec![item],
            next_cursor: Cursor::START.after(1, ContentHash([6; 32])),
            ..quiet(state.epoch, state.cursor)
        };
        let since = Since { epoch: state.epoch, series: state.series, cursor: state.cursor, budget: 1 << 20 };
        let phone = desk.unlock(NOW)?;
        let vault = SigningKey::verifying_key(&phone.signing_key()?).to_bytes();
        Ok(page::seal(&answer, &since, phone.identity().device, &vault, &hub_key())?)
    }

    /// Where a phone stands that was granted a lease for 72 hours, of which so many are left.
    fn stand(desk: &Desk, lease: Option<u64>) -> Outcome<SyncState> {
        let phone = desk.unlock(NOW)?;
        Ok(phone.write(|tx| {
            let mut state = tx.sync_state()?;
            state.last_sync = Some(NOW.as_millisecond());
            state.last_hub_time = NOW.as_millisecond();
            state.lease_until = lease.map(|_| later(72 * HOUR).as_millisecond());
            state.lease_clock = lease.map(|hours| LeaseClock { left_ms: hours * 3_600_000, seen: RunningTime::now() });
            tx.put_sync_state(&state)?;
            Ok(state)
        })?)
    }

    /// How many records stand on the phone after an unlock without any line. The page came at that second.
    fn unlocked(lease: Option<u64>, came: i64) -> Outcome<(usize, bool)> {
        let desk = Desk::new()?;
        let state = stand(&desk, lease)?;
        assert!(desk.keep_page(&page_of(came, "仮の薬", &state, &desk)?)?);
        let phone = desk.unlock(later(96 * HOUR))?;
        phone.take_locked_pages();
        assert!(!phone.read(|tx| Ok(tx.has_locked_pages()?))?, "read or dropped, it waits no more");
        let held = phone.disclosed_held(&"p-1".parse()?)?;
        let moved = phone.read(|tx| Ok(tx.sync_state()?))?.cursor != state.cursor;
        assert_eq!(held.has_key, !held.records.is_empty());
        Ok((held.records.len(), moved))
    }

    #[test]
    fn a_page_that_came_under_a_lease_that_has_run_out_since_brings_no_record_back() -> Outcome {
        assert_eq!(unlocked(Some(48), 24 * HOUR)?, (1, true), "while it runs");
        assert_eq!(unlocked(Some(0), 24 * HOUR)?, (0, false), "its time has run");
        assert_eq!(unlocked(Some(48), 73 * HOUR)?, (0, false), "the hub's time has run");
        assert_eq!(unlocked(None, 24 * HOUR)?, (0, false), "there never was one");
        Ok(())
    }

    #[test]
    fn a_page_that_a_full_disk_does_not_take_waits_whole_until_there_is_room() -> Outcome {
        let desk = Desk::new()?;
        let state = stand(&desk, Some(48))?;
        // It came small, and what it says needs more than its own row has left free.
        let long = "仮の薬、1日1回朝食後。".repeat(20_000);
        assert!(desk.keep_page(&page_of(24 * HOUR, &long, &state, &desk)?)?);
        let (phone, patient) = (desk.unlock(later(25 * HOUR))?, "p-1".parse()?);
        let stands = || -> Outcome<(bool, usize, bool)> {
            let waits = phone.read(|tx| Ok(tx.has_locked_pages()?))?;
            let moved = phone.read(|tx| Ok(tx.sync_state()?))?.cursor != state.cursor;
            Ok((waits, phone.disclosed_held(&patient)?.records.len(), moved))
        };
        phone.limit_room(Some(0))?;
        for _ in 0..2 {
            phone.take_locked_pages();
            assert_eq!(stands()?, (true, 0, false));
        }
        assert!(phone.patients()?.len() == 2 && phone.read(|tx| Ok(tx.rows_add_up()?))?, "and all else is as it was");
        phone.limit_room(None)?;
        phone.take_locked_pages();
        assert_eq!(stands()?, (false, 1, true), "nobody had to send it again");
        Ok(())
    }
}
