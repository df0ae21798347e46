//! Small things with one value: who this device is, where it stands with its hub, what the last syncs did.

use crate::attempts::RunningTime;
use crate::error::VaultError;
use crate::relay::Relay;
use crate::root::Root;
use crate::scrub::SelfCheck;
use crate::seal::Table;
use crate::tx::Tx;
use crate::vault::Compartment;
use protocol::{Cursor, Epoch, RecordsPage, Series, Validity};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId, StaffId};
use rusqlite::OptionalExtension;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Who this device is. Holds its private keys: wiped when dropped.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Identity {
    #[zeroize(skip)]
    pub device: DeviceId,
    #[zeroize(skip)]
    pub staff: StaffId,
    #[zeroize(skip)]
    pub staff_name: String,
    #[zeroize(skip)]
    pub station: FacilityId,
    #[zeroize(skip)]
    pub station_name: String,
    #[zeroize(skip)]
    pub hub_name: String,
    #[zeroize(skip)]
    pub hub_url: String,
    /// The hub's CA, DER: the only root that this device believes.
    #[zeroize(skip)]
    #[serde(with = "serde_bytes")]
    pub ca: Vec<u8>,
    #[zeroize(skip)]
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    /// TLS private key, PKCS#8 DER.
    #[serde(with = "serde_bytes")]
    pub tls_key: Vec<u8>,
    /// Ed25519 secret that signs confirmations.
    #[serde(with = "serde_bytes")]
    pub signing_key: Vec<u8>,
    #[zeroize(skip)]
    #[serde(with = "serde_bytes")]
    pub receipt_key: Vec<u8>,
    #[zeroize(skip)]
    #[serde(with = "serde_bytes")]
    pub sealing_key: Vec<u8>,
}

/// Where this device stands with its hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncState {
    pub series: Series,
    pub epoch: Epoch,
    pub cursor: Cursor,
    pub durable_up_to: u64,
    /// Device's clock, milliseconds; `None` = never.
    pub last_sync: Option<i64>,
    /// The hub's clock at the last answer, milliseconds: the floor for checking certificates.
    pub last_hub_time: i64,
    /// Until when disclosed records may be read, milliseconds of the hub's clock.
    pub lease_until: Option<i64>,
    /// What is left of that lease in time that the device has been running; `None` = nothing to count.
    #[serde(default)]
    pub lease_clock: Option<LeaseClock>,
    /// Patients whose records must still be fetched after a grant.
    pub backfill: Vec<Backfill>,
    /// In which series sealed copies are numbered: the vault's first, whatever became of the entries' series.
    #[serde(default)]
    pub copies_series: Option<Series>,
    /// Where the cursor stood before, the newest first, ever wider apart.
    #[serde(default)]
    pub earlier: Vec<Cursor>,
    /// The hub's history changed: the next request says where this device stood earlier.
    #[serde(default)]
    pub look_back: bool,
    /// What leaves this device of patients who are in other hands, as far as it has not left yet.
    #[serde(default)]
    pub leaving: Vec<Leaving>,
}

/// Most earlier cursors that are kept.
const EARLIER: usize = 24;

impl SyncState {
    /// At the beginning of a feed: nothing was read, nothing sent.
    pub fn new(series: Series, epoch: Epoch) -> Self {
        Self {
            series,
            epoch,
            cursor: Cursor::START,
            durable_up_to: 0,
            last_sync: None,
            last_hub_time: 0,
            lease_until: None,
            lease_clock: None,
            backfill: Vec::new(),
            copies_series: None,
            earlier: Vec::new(),
            look_back: false,
            leaving: Vec::new(),
        }
    }

    /// A patient's disclosed records are to be fetched from the beginning. Where all of the patient is to be fetched it still is.
    pub fn want_records(&mut self, patient: PatientId, version: u64) {
        let from = if self.wants_whole(&patient) { RecordsPage::WHOLE } else { 0 };
        self.want(patient, version, from);
    }

    /// No record of the patient is to be fetched any more.
    pub fn want_no_records(&mut self, patient: &PatientId, version: u64) {
        match self.wants_whole(patient) {
            true => self.want(patient.clone(), version, RecordsPage::WHOLE),
            false => self.backfill.retain(|wanted| wanted.patient != *patient),
        }
    }

    /// Everything of the patient is to be fetched: disclosed records, and what the station wrote.
    pub fn want_whole(&mut self, patient: PatientId, version: u64) {
        self.want(patient, version, RecordsPage::WHOLE);
    }

    /// What the station has of the patient is to be fetched again.
    pub fn want_own(&mut self, patient: PatientId) {
        match self.backfill.iter().find(|wanted| wanted.patient == patient) {
            Some(wanted) if wanted.after >= RecordsPage::WHOLE => {}
            Some(wanted) => {
                let version = wanted.version;
                self.want(patient, version, RecordsPage::WHOLE);
            }
            None => self.want(patient, 0, RecordsPage::OWN),
        }
    }

    /// Whether everything of a patient is to be fetched.
    pub fn wants_whole(&self, patient: &PatientId) -> bool {
        self.backfill.iter().any(|wanted| wanted.patient == *patient && wanted.after >= RecordsPage::WHOLE)
    }

    fn want(&mut self, patient: PatientId, version: u64, from: u64) {
        self.backfill.retain(|wanted| wanted.patient != patient);
        self.backfill.push(Backfill { patient, version, after: from });
    }

    /// Moves on. Of the places before, the newest are kept one by one, older ones ever wider apart.
    ///
    /// With `from` the hub's history is another one, of which both know no more than up to there: what was read behind it may be
    /// overruled now, and is no place to go on from any more, should the former history come back.
    pub fn move_to(&mut self, from: Option<u64>, next: Cursor) {
        if let Some(from) = from {
            self.earlier.retain(|cursor| cursor.n <= from);
            self.cursor = next;
            return;
        }
        if next == self.cursor {
            return;
        }
        if self.cursor.n > 0 && next.n > self.cursor.n {
            self.earlier.insert(0, self.cursor);
            if self.earlier.len() > EARLIER {
                // The one whose neighbours lie closest together, measured by how long ago it was.
                let dispensable = (1..self.earlier.len() - 1).min_by_key(|at| {
                    let (after, before) = (self.earlier[at - 1].n, self.earlier[at + 1].n);
                    (after - before).saturating_mul(1_000) / (next.n - before).max(1)
                });
                self.earlier.remove(dispensable.unwrap_or(self.earlier.len() - 1));
            }
        } else {
            self.earlier.retain(|cursor| cursor.n < next.n);
        }
        self.cursor = next;
    }
}

/// A lease counted in running time: no date that somebody sets lengthens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseClock {
    pub left_ms: u64,
    /// When it was last counted.
    pub seen: RunningTime,
}

/// A patient whose records or notes are being fetched, page by page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    pub patient: record::PatientId,
    /// The consent's version: a page fetched under an older one is dropped.
    pub version: u64,
    /// Where the next page begins.
    pub after: u64,
}

/// What leaves this device of a patient who is in other hands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    pub patient: PatientId,
    /// Disclosed records beyond the light ones are still to go.
    pub records: bool,
    /// Everything else too: the station may not know the patient any more.
    pub whole: bool,
    pub notes: Vec<DocumentId>,
}

/// A photo that was taken away from a note here, and whose bytes wait for somebody who wants it back. No date that somebody sets
/// makes that shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedPhoto {
    pub hash: ContentHash,
    /// Device's clock, milliseconds.
    pub at: i64,
    /// One of its notes had left this phone before: somebody who has not heard of the removal may still confirm it with the photo.
    pub left: bool,
    /// The notes that it was taken into or away from here.
    #[serde(default)]
    pub notes: Vec<DocumentId>,
    /// From when on its minutes count, in the time that the device has been running.
    #[serde(default)]
    pub ran: Option<RunningTime>,
    /// The hub's clock as it was heard last before, milliseconds.
    #[serde(default)]
    pub heard: i64,
    /// And as it was heard first afterwards: the wait for somebody else is counted from there.
    #[serde(default)]
    pub since: Option<i64>,
}

/// One line of the sync screen's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncLogLine {
    /// Device's clock, milliseconds.
    pub at: i64,
    pub sent: u64,
    pub received: u64,
    /// A code for the operator, if the run failed.
    pub failure: Option<String>,
}

const LOG_LINES: usize = 20;
/// The state that holds the sum of all other rows.
const ROOT: &str = "root";

impl Tx<'_> {
    fn state<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, VaultError> {
        let sealed = self.sealed_state(name)?;
        let place = self.place(Table::State, self.ring.tag("state", name.as_bytes()), None, &Compartment::Station);
        sealed.map(|sealed| self.open(place, &sealed)).transpose()
    }

    fn sealed_state(&self, name: &'static str) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self
            .sql
            .prepare_cached("SELECT sealed FROM state WHERE name = ?1")?
            .query_row([name], |r| r.get(0))
            .optional()?)
    }

    fn put_state<T: Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), VaultError> {
        let place = self.place(Table::State, self.ring.tag("state", name.as_bytes()), None, &Compartment::Station);
        let sealed = self.seal(place, value)?;
        if name != ROOT {
            let column = [ValueRef::Text(name.as_bytes())];
            if let Some(before) = self.sealed_state(name)? {
                self.tell_row(false, "state", &column, &[&before]);
            }
            self.tell_row(true, "state", &column, &[&sealed]);
        }
        let changed = self
            .sql
            .prepare_cached("UPDATE OR ROLLBACK state SET sealed = ?2 WHERE name = ?1")?
            .execute((name, &sealed))?;
        if changed == 0 {
            self.sql
                .prepare_cached("INSERT OR ROLLBACK INTO state (name, sealed) VALUES (?1, ?2)")?
                .execute((name, &sealed))?;
        }
        Ok(())
    }

    pub(crate) fn stored_root(&mut self) -> Result<Option<Root>, VaultError> {
        self.state(ROOT)
    }

    pub(crate) fn put_root(&mut self, root: &Root) -> Result<(), VaultError> {
        self.put_state(ROOT, root)
    }

    pub fn identity(&mut self) -> Result<Identity, VaultError> {
        self.state("identity")?.ok_or(VaultError::Missing("who this device is"))
    }

    pub fn put_identity(&mut self, identity: &Identity) -> Result<(), VaultError> {
        self.put_state("identity", identity)
    }

    /// How long the line's certificate counts. A damaged row says that it is over: the next sync brings a new one.
    pub fn certificate_validity(&mut self) -> Result<Validity, VaultError> {
        match self.state("certificate") {
            Ok(known) => Ok(known.unwrap_or(Validity::FIRST)),
            Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => Ok(Validity { from: 0, until: 0 }),
            Err(error) => Err(error),
        }
    }

    pub fn put_certificate_validity(&mut self, validity: Validity) -> Result<(), VaultError> {
        self.put_state("certificate", &validity)
    }

    /// When the hub last compared digests, by its clock; `None`: never. A damaged row says long ago.
    pub fn digests_at(&mut self) -> Result<Option<i64>, VaultError> {
        match self.state("digests") {
            Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => Ok(Some(0)),
            other => other,
        }
    }

    pub fn put_digests_at(&mut self, at: i64) -> Result<(), VaultError> {
        self.put_state("digests", &at)
    }

    /// What is to be relayed. `None`: the row is damaged, and the hub may lack anything that stands here.
    pub fn relay(&mut self) -> Result<Option<Relay>, VaultError> {
        match self.state("relay") {
            Ok(relay) => Ok(Some(relay.unwrap_or_default())),
            Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn put_relay(&mut self, relay: &Relay) -> Result<(), VaultError> {
        self.put_state("relay", relay)
    }

    pub fn sync_state(&mut self) -> Result<SyncState, VaultError> {
        self.state("sync")?.ok_or(VaultError::Missing("where the device stands with its hub"))
    }

    pub fn put_sync_state(&mut self, state: &SyncState) -> Result<(), VaultError> {
        self.put_state("sync", state)?;
        self.put_stand(state)
    }

    /// Latest first.
    pub fn sync_log(&mut self) -> Result<Vec<SyncLogLine>, VaultError> {
        Ok(self.state("sync_log")?.unwrap_or_default())
    }

    pub fn add_sync_log(&mut self, line: SyncLogLine) -> Result<(), VaultError> {
        let mut log = self.sync_log()?;
        log.insert(0, line);
        log.truncate(LOG_LINES);
        self.put_state("sync_log", &log)
    }

    /// Photos that were taken away here and whose bytes still stand. A damaged row says none: their bytes stay.
    pub fn removed_photos(&mut self) -> Result<Vec<RemovedPhoto>, VaultError> {
        match self.state("removed_photos") {
            Ok(removed) => Ok(removed.unwrap_or_default()),
            Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    pub fn put_removed_photos(&mut self, removed: &[RemovedPhoto]) -> Result<(), VaultError> {
        self.put_state("removed_photos", &removed)
    }

    pub fn self_check(&mut self) -> Result<Option<SelfCheck>, VaultError> {
        self.state("self_check")
    }

    pub fn put_self_check(&mut self, check: &SelfCheck) -> Result<(), VaultError> {
        self.put_state("self_check", check)
    }

    /// A setting of the app (language, …), as text.
    pub fn setting(&mut self, name: &str) -> Result<Option<String>, VaultError> {
        let all: std::collections::BTreeMap<String, String> = self.state("settings")?.unwrap_or_default();
        Ok(all.get(name).cloned())
    }

    pub fn put_setting(&mut self, name: &str, value: &str) -> Result<(), VaultError> {
        let mut all: std::collections::BTreeMap<String, String> = self.state("settings")?.unwrap_or_default();
        all.insert(name.to_string(), value.to_string());
        self.put_state("settings", &all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_about_consent_never_makes_a_phone_forget_that_it_wants_a_patient_whole()
    -> Result<(), Box<dyn std::error::Error>> {
        let mut state = crate::decoy::sync_state()?;
        let (hers, other): (PatientId, PatientId) = ("p-1".parse()?, "p-2".parse()?);
        state.want_whole(hers.clone(), 3);
        state.want_records(hers.clone(), 4);
        state.want_records(other.clone(), 4);
        let after = |state: &SyncState, patient: &PatientId| {
            state.backfill.iter().find(|b| b.patient == *patient).map(|b| (b.version, b.after))
        };
        assert_eq!(after(&state, &hers), Some((4, RecordsPage::WHOLE)));
        assert_eq!(after(&state, &other), Some((4, 0)));
        state.backfill.iter_mut().for_each(|b| b.after = RecordsPage::OWN + 7);
        state.want_no_records(&hers, 5);
        assert_eq!(after(&state, &hers), Some((5, RecordsPage::WHOLE)), "from the beginning, under the new count");
        let mut state = crate::decoy::sync_state()?;
        state.want_records(other.clone(), 4);
        state.want_no_records(&other, 5);
        assert!(state.backfill.is_empty());
        Ok(())
    }

    #[test]
    fn a_removal_that_an_earlier_version_wrote_is_read_and_its_wait_begins_anew()
    -> Result<(), Box<dyn std::error::Error>> {
        #[derive(Serialize)]
        struct Earlier {
            hash: ContentHash,
            at: i64,
            left: bool,
            session: [u8; 8],
        }
        let earlier = Earlier { hash: ContentHash([7; 32]), at: 5, left: true, session: [3; 8] };
        let written = record::canonical::to_bytes(&earlier)?;
        let read: RemovedPhoto = record::canonical::from_bytes(&written)?;
        assert!(read.left && read.notes.is_empty() && read.ran.is_none() && read.since.is_none());
        let again: RemovedPhoto = record::canonical::from_bytes(&record::canonical::to_bytes(&read)?)?;
        assert_eq!(read, again);
        Ok(())
    }
}
