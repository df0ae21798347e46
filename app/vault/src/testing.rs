//! For this room's tests: a vault under the PIN 2468, in a folder of its own. Nothing stands in for the file.

use crate::attempts::RunningTime;
use crate::capsule::Locked;
use crate::keys::{FileKeyStore, Pin};
use crate::state::Identity;
use crate::unlock::PinCost;
use crate::vault::Vault;
use protocol::{Epoch, Series};
use record::{DeviceId, DocumentId};
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

pub(crate) struct Made {
    pub folder: TempDir,
    pub path: PathBuf,
    pub store: FileKeyStore,
    pub vault: Vault,
}

pub(crate) fn new_vault() -> Outcome<Made> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a.vault");
    let store = FileKeyStore::beside(&path);
    let vault = Vault::create(&path, &store, &Pin::new("2468")?, PinCost::FLOOR, at(0))?;
    Ok(Made { folder, path, store, vault })
}

/// One with a setting in it, closed again.
pub(crate) fn closed_vault() -> Outcome<(TempDir, PathBuf, FileKeyStore)> {
    let Made { folder, path, store, mut vault } = new_vault()?;
    vault.write(|tx| tx.put_setting("language", "ja"))?;
    Ok((folder, path, store))
}

/// So many minutes after the device was started.
pub(crate) fn at(minutes: u64) -> RunningTime {
    RunningTime { boot: [1; 16], ms: minutes * 60_000 }
}

pub(crate) fn identity() -> Outcome<Identity> {
    Ok(Identity {
        device: DeviceId([1; 8]),
        staff: "nurse-a".parse()?,
        staff_name: "仮田 花子".into(),
        station: "st-1".parse()?,
        station_name: "つつじ訪問看護ステーション".into(),
        hub_name: "くるめ".into(),
        hub_url: "https://hub.example.jp".into(),
        ca: Vec::new(),
        certificate: Vec::new(),
        tls_key: vec![1; 40],
        signing_key: vec![1; 32],
        receipt_key: vec![1; 32],
        sealing_key: vec![9; 32],
    })
}

/// The same device to its hub while it is locked.
pub(crate) fn locked() -> Locked {
    Locked {
        device: DeviceId([1; 8]),
        staff_name: String::new(),
        series: Series(DocumentId([2; 16])),
        epoch: Epoch(DocumentId([3; 16])),
        hub_url: "https://hub.example.jp".into(),
        ca: Vec::new(),
        certificate: Vec::new(),
        tls_key: Vec::new(),
        receipt_key: Vec::new(),
        last_hub_time: 0,
    }
}

/// Bytes that stand nowhere by chance.
pub(crate) fn picture(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}
