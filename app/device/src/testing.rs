//! For this room's tests: a phone with two patients that no hub knows. Nothing stands in for the vault.

use crate::error::DeviceError;
use crate::phone::Phone;
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use protocol::{Cursor, Epoch, Kind, Receipt, SealedPage, Series, SyncResponse, WIRE_VERSION};
use record::{DeviceId, DocumentId, Patient, Sex, canonical};
use std::path::PathBuf;
use vault::{FileKeyStore, Identity, Item, LockedVault, Pin, PinCost, RunningTime, SyncState, Vault};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// 2026-11-22, 10:00 in Japan.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_309_200, 0);

pub(crate) fn later(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

/// What the hub signs with, if there were one.
pub(crate) fn hub_key() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

/// An answer of it with nothing in it.
pub(crate) fn quiet(epoch: Epoch, cursor: Cursor) -> SyncResponse {
    SyncResponse {
        v: WIRE_VERSION,
        epoch,
        time: NOW.as_millisecond(),
        received_up_to: 0,
        durable_up_to: 0,
        receipt: Receipt { items: Vec::new(), signature: Vec::new() },
        held: Vec::new(),
        rejected: Vec::new(),
        feed: Vec::new(),
        pages: None,
        from: None,
        next_cursor: cursor,
        more: false,
        policy: None,
        renew: false,
        differs: Vec::new(),
    }
}

pub(crate) struct Desk {
    folder: tempfile::TempDir,
    path: PathBuf,
    store: FileKeyStore,
    pin: Pin,
}

impl Desk {
    pub fn new() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.vault");
        let (store, pin) = (FileKeyStore::beside(&path), Pin::new("2468")?);
        let mut vault = Vault::create(&path, &store, &pin, PinCost::FLOOR, RunningTime::now())?;
        let identity = Identity {
            device: DeviceId([1; 8]),
            staff: "nurse-a".parse()?,
            staff_name: String::new(),
            station: "st-1".parse()?,
            station_name: String::new(),
            hub_name: String::new(),
            hub_url: String::new(),
            ca: Vec::new(),
            certificate: Vec::new(),
            tls_key: Vec::new(),
            signing_key: vec![9; 32],
            receipt_key: hub_key().verifying_key().to_bytes().to_vec(),
            sealing_key: vec![9; 32],
        };
        let state = SyncState::new(Series(DocumentId([2; 16])), Epoch(DocumentId([3; 16])));
        let patients = [patient(1)?, patient(2)?];
        vault.write(|tx| {
            tx.put_identity(&identity)?;
            tx.put_sync_state(&state)?;
            patients.iter().try_for_each(|patient| tx.put_item(patient))
        })?;
        Ok(Self { folder, path, store, pin })
    }

    pub fn unlock(&self, now: Timestamp) -> Result<Phone, DeviceError> {
        Phone::unlock(&self.path, &self.store, &self.pin, now)
    }

    /// As the locked phone keeps what it fetched.
    pub fn keep_page(&self, page: &SealedPage) -> Outcome<bool> {
        Ok(LockedVault::open(&self.path, &self.store)?.keep_page(page)?)
    }

    /// The file in another program's hands.
    pub fn vault(&self) -> Result<Vault, DeviceError> {
        Ok(Vault::open(&self.path, &self.store, &self.pin, RunningTime::now())?)
    }

    /// A byte of whatever has arrived is another one.
    pub fn damage_arrivals(&self) -> Outcome {
        let mut vault = self.vault()?;
        Ok(vault.write(|tx| tx.bend_arrivals())?)
    }

    /// How long the vault's log is.
    pub fn log_bytes(&self) -> u64 {
        std::fs::metadata(self.path.with_extension("vault-wal")).map_or(0, |log| log.len())
    }

    /// A note that could be confirmed.
    pub fn note(&self, phone: &Phone, patient: &str) -> Outcome<DocumentId> {
        let note = phone.start_note(&patient.parse()?, None, NOW)?;
        for (field, typed) in [("started_at", "09:32"), ("ended_at", "10:28"), ("temperature_c", "36.5")] {
            phone.set_field(note, field, typed, NOW)?;
        }
        Ok(note)
    }

    pub fn confirmed_note(&self, phone: &Phone, patient: &str) -> Outcome<DocumentId> {
        let note = self.note(phone, patient)?;
        phone.confirm_note(note, NOW)?;
        Ok(note)
    }

    /// Whether some words stand in clear in any file of the phone.
    pub fn lies_open(&self, words: &str) -> Outcome<bool> {
        for entry in std::fs::read_dir(self.folder.path())? {
            let bytes = std::fs::read(entry?.path())?;
            if bytes.windows(words.len()).any(|window| window == words.as_bytes()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn patient(n: u8) -> Outcome<Item> {
    let patient = Patient {
        id: format!("p-{n}").parse()?,
        name: format!("仮{n}"),
        kana: "カリ".to_string(),
        birth_date: None,
        sex: Sex::Unknown,
        address: None,
        phone: None,
        local_ids: Vec::new(),
    };
    let body = canonical::to_bytes(&patient)?;
    Ok(Item { kind: Kind::Patient, doc: DocumentId([n; 16]), patient: Some(patient.id), source: None, body })
}
