//! Enrolment: an invitation and a PIN become a vault with an identity. Until the hub has said yes, nothing stands under
//! the vault's name.

use crate::error::DeviceError;
use crate::http::HubLine;
use jiff::Timestamp;
use protocol::{EnrolRequest, EnrolResponse, EnrolUri, Failure, Series, WIRE_VERSION};
use rcgen::{CertificateParams, KeyPair};
use record::{ContentHash, DocumentId};
use std::path::{Path, PathBuf};
use vault::{FileKeyStore, Identity, Pin, PinCost, RunningTime, Standing, SyncState, Vault, VaultError};
use zeroize::Zeroizing;

/// Enrols this device. On any error nothing is left behind, and nothing that was there is touched.
pub async fn enrol(vault_file: &Path, uri: &EnrolUri, pin: &Pin, cost: PinCost) -> Result<Identity, DeviceError> {
    match Vault::standing(vault_file) {
        Standing::Nothing => {}
        Standing::Vault => return Err(VaultError::AlreadyThere.into()),
        // What waits in it goes to the hub first, if there is a signal; else it waits on, under its new name.
        Standing::Wiped => {
            let _ = crate::capsule::push(vault_file, &FileKeyStore::beside(vault_file)).await;
            move_aside(vault_file, Timestamp::now())?;
        }
        Standing::Unreadable => {
            move_aside(vault_file, Timestamp::now())?;
        }
    }
    let beside = suffixed(vault_file, ".enrolling");
    remove(&beside);
    let result = enrol_into(&beside, uri, pin, cost).await.and_then(|identity| {
        // A key without its vault belongs to a vault that was moved aside: keep it, under another name.
        let key = suffixed(vault_file, ".device-key");
        if key.exists() {
            rename(&key, &suffixed(&key, &format!(".{}", identity.device)))?;
        }
        rename(&suffixed(&beside, ".attempts"), &suffixed(vault_file, ".attempts"))?;
        // The key first: a vault under its own name always has its key.
        rename(&suffixed(&beside, ".device-key"), &suffixed(vault_file, ".device-key"))?;
        rename(&beside, vault_file)?;
        settle_names(vault_file)?;
        Ok(identity)
    });
    if result.is_err() {
        remove(&beside);
    }
    result
}

/// The same, with the PIN as costly as half a second of this device.
pub async fn enrol_calibrated(vault_file: &Path, uri: &EnrolUri, pin: &Pin) -> Result<Identity, DeviceError> {
    let cost = tokio::task::spawn_blocking(PinCost::calibrated).await.map_err(|_| DeviceError::Keys)??;
    enrol(vault_file, uri, pin, cost).await
}

async fn enrol_into(file: &Path, uri: &EnrolUri, pin: &Pin, cost: PinCost) -> Result<Identity, DeviceError> {
    // The vault first: a full disk or a bad folder must not use up the code.
    let mut vault = Vault::create(file, &FileKeyStore::beside(file), pin, cost, RunningTime::now())?;
    let applicant = Applicant::new()?;
    let request = applicant.request(&uri.code)?;
    let answer =
        HubLine::for_enrolment(uri).map_err(DeviceError::Sync)?.enrol(&request).await.map_err(
            |failure| match failure {
                Failure::Refused(code) => DeviceError::Enrol(code),
                other => DeviceError::Sync(other),
            },
        )?;
    applicant.settle(&mut vault, uri, answer)
}

/// A device that asks for a place: its new keys, before the hub has said yes.
pub struct Applicant {
    key: KeyPair,
    signing: Zeroizing<[u8; 32]>,
    series: [u8; 16],
}

impl Applicant {
    pub fn new() -> Result<Self, DeviceError> {
        let key = KeyPair::generate().map_err(|_| DeviceError::Keys)?;
        let mut signing = Zeroizing::new([0u8; 32]);
        getrandom::fill(signing.as_mut_slice()).map_err(|_| DeviceError::Keys)?;
        let mut series = [0; 16];
        getrandom::fill(&mut series).map_err(|_| DeviceError::Keys)?;
        Ok(Self { key, signing, series })
    }

    pub fn request(&self, code: &str) -> Result<EnrolRequest, DeviceError> {
        let csr = CertificateParams::default().serialize_request(&self.key).map_err(|_| DeviceError::Keys)?;
        Ok(EnrolRequest {
            v: WIRE_VERSION,
            code: code.to_string(),
            csr: csr.der().to_vec(),
            signing_key: ed25519_dalek::SigningKey::from_bytes(&self.signing).verifying_key().to_bytes().to_vec(),
        })
    }

    /// Writes down who the hub says this device is, if it is the hub of the invitation.
    pub fn settle(self, vault: &mut Vault, uri: &EnrolUri, answer: EnrolResponse) -> Result<Identity, DeviceError> {
        if ContentHash::of(&answer.ca) != uri.ca {
            return Err(DeviceError::Sync(Failure::NotOurHub));
        }
        let identity = Identity {
            device: answer.device,
            staff: answer.staff,
            staff_name: answer.staff_name,
            station: answer.station,
            station_name: answer.station_name,
            hub_name: answer.hub_name,
            hub_url: uri.hub.clone(),
            ca: answer.ca,
            certificate: answer.certificate,
            tls_key: self.key.serialize_der(),
            signing_key: self.signing.to_vec(),
            receipt_key: answer.receipt_key,
            sealing_key: answer.sealing_key,
        };
        vault.write(|tx| {
            tx.put_identity(&identity)?;
            if let Some(validity) = answer.validity {
                tx.put_certificate_validity(validity)?;
            }
            let series = Series(DocumentId::from_random(self.series));
            tx.put_sync_state(&SyncState { last_hub_time: answer.time, ..SyncState::new(series, answer.epoch) })
        })?;
        Ok(identity)
    }
}

/// Gives a vault that does not open (any more) another name, with everything that belongs to it. Never deleted, never
/// written over: it may hold the only copy of something.
pub fn move_aside(vault_file: &Path, now: Timestamp) -> Result<PathBuf, DeviceError> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let mut aside = suffixed(vault_file, &format!(".aside-{stamp}"));
    let mut n = 1;
    while aside.exists() {
        n += 1;
        aside = suffixed(vault_file, &format!(".aside-{stamp}-{n}"));
    }
    // The key first: whoever finds the vault under its new name finds its key beside it.
    for suffix in [".device-key", ".device-key.next", ".attempts", "-wal", "-shm", ""] {
        let from = suffixed(vault_file, suffix);
        if from.exists() {
            rename(&from, &suffixed(&aside, suffix))?;
        }
    }
    settle_names(vault_file)?;
    tracing::warn!("a vault that does not open was moved aside");
    Ok(aside)
}

/// Names are on disk only when their folder is: "enrolled" must survive the power going in the next moment.
fn settle_names(file: &Path) -> Result<(), DeviceError> {
    #[cfg(unix)]
    {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(VaultError::File)?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What an enrolment that failed or was killed left: keys of nothing. Never a vault with an identity in it.
fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm", ".device-key", ".attempts"] {
        let _ = std::fs::remove_file(suffixed(file, suffix));
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), DeviceError> {
    std::fs::rename(from, to).map_err(|error| VaultError::File(error).into())
}
