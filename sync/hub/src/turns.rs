//! Whose turn it is: so many requests at once, so many of one station, the others wait a while, and then hear when to come
//! again. A body is read only by whoever has a turn: what the hub holds in memory is bounded, however many phones return at
//! once.

use record::{ContentHash, FacilityId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests at once. SQLite has one writer: more would only wait inside.
const AT_ONCE: usize = 16;
/// Of them of one station, so that a station with many phones leaves room for the others.
const OF_A_STATION: usize = 6;
/// Requests that wait at most.
const WAITING: usize = 448;
const PATIENCE: Duration = Duration::from_secs(20);

/// What a phone that found no turn is told, seconds: spread by who it is, so that the herd does not come back as one.
pub fn retry_after(certificate: &ContentHash) -> u64 {
    5 + u64::from(certificate.0[0]) % 16
}

#[derive(Clone)]
pub struct Turns {
    all: Arc<Semaphore>,
    stations: Arc<Mutex<HashMap<FacilityId, Arc<Semaphore>>>>,
    /// A device's station never changes.
    known: Arc<Mutex<HashMap<ContentHash, FacilityId>>>,
    waiting: Arc<AtomicUsize>,
}

/// A turn; ends when dropped.
pub struct Turn {
    _of_station: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(AT_ONCE)),
            stations: Arc::default(),
            known: Arc::default(),
            waiting: Arc::default(),
        }
    }
}

impl Turns {
    pub fn station(&self, certificate: &ContentHash) -> Option<FacilityId> {
        lock(&self.known).get(certificate).cloned()
    }

    pub fn remember(&self, certificate: ContentHash, station: FacilityId) {
        lock(&self.known).insert(certificate, station);
    }

    /// Waits for a turn; `None`: too many wait already, or it took too long.
    pub async fn take(&self, station: &FacilityId) -> Option<Turn> {
        let waits = Waits::one_more(&self.waiting);
        if waits.were_before >= WAITING {
            return None;
        }
        let ours = lock(&self.stations)
            .entry(station.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(OF_A_STATION)))
            .clone();
        // The station's first: whoever waits for it holds no place that another station could use.
        let turn = tokio::time::timeout(PATIENCE, async {
            let of_station = ours.acquire_owned().await.ok()?;
            let of_all = self.all.clone().acquire_owned().await.ok()?;
            Some(Turn { _of_station: of_station, _of_all: of_all })
        });
        let turn = turn.await.ok().flatten();
        drop(waits);
        turn
    }
}

/// Somebody who waits. Counted off however the waiting ends: a phone that hangs up drops its request in the middle.
struct Waits {
    count: Arc<AtomicUsize>,
    were_before: usize,
}

impl Waits {
    fn one_more(count: &Arc<AtomicUsize>) -> Self {
        Self { were_before: count.fetch_add(1, Ordering::SeqCst), count: count.clone() }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_station_with_many_phones_leaves_room_for_the_others() -> Result<(), record::ids::IdError> {
        let turns = Turns::default();
        let (large, small): (FacilityId, FacilityId) = ("large".parse()?, "small".parse()?);
        let mut held = Vec::new();
        for _ in 0..OF_A_STATION {
            held.extend(turns.take(&large).await);
        }
        assert_eq!(held.len(), OF_A_STATION);
        assert!(turns.take(&large).await.is_none(), "it waits, and is sent away at last");
        assert!(turns.take(&small).await.is_some());
        held.pop();
        assert!(turns.take(&large).await.is_some());
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_that_hangs_up_while_it_waits_leaves_no_trace() -> Result<(), record::ids::IdError> {
        let turns = Turns::default();
        let station: FacilityId = "st".parse()?;
        let mut held = Vec::new();
        for _ in 0..OF_A_STATION {
            held.extend(turns.take(&station).await);
        }
        for _ in 0..3 {
            let gave_up = tokio::time::timeout(Duration::from_secs(1), turns.take(&station)).await;
            assert!(gave_up.is_err());
        }
        assert_eq!(turns.waiting.load(Ordering::SeqCst), 0);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_that_wait_are_told_at_once_to_come_again() -> Result<(), record::ids::IdError> {
        let turns = Turns::default();
        turns.waiting.store(WAITING, Ordering::SeqCst);
        assert!(turns.take(&"st".parse()?).await.is_none());
        assert_eq!(turns.waiting.load(Ordering::SeqCst), WAITING);
        assert!((5..=20).contains(&retry_after(&ContentHash([200; 32]))));
        Ok(())
    }
}
