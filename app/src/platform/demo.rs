//! `tsutsuji demo`: an embedded hub with sample patients and an enrolled device, in one folder.

use crate::app::DemoInvitation;
use device::jiff::Timestamp;
use device::{FileKeyStore, Phone, Pin};
use hub::embedded::{DEMO_NURSE, Embedded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The demo's PIN. Its patients are nobody.
pub const PIN: &str = "2468";

/// A running demo.
pub struct Demo {
    pub hub: Embedded,
    pub vault: PathBuf,
}

/// Why a demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Hub(#[from] hub::HubError),
    #[error(transparent)]
    Device(#[from] device::DeviceError),
    #[error("the demo's nurse is missing from the sample")]
    NoNurse,
}

/// Starts the hub in `folder/hub` and enrols `folder/phone.vault`, or finds both as they were left.
pub async fn start(folder: &Path) -> Result<Demo, DemoError> {
    let hub = Embedded::start(&folder.join("hub")).await?;
    let vault = folder.join("phone.vault");
    if !vault.exists() {
        let nurse = DEMO_NURSE.parse().map_err(|_| DemoError::NoNurse)?;
        let uri = hub.invite(&nurse)?;
        let pin = Pin::new(PIN).map_err(device::DeviceError::from)?;
        device::enrol::enrol(&vault, &uri, &pin, device::PinCost::FLOOR).await?;
        // The first screen is full: the app itself would show the patients as they arrive.
        let phone = Phone::unlock(&vault, &FileKeyStore::beside(&vault), &pin, Timestamp::now())?;
        phone.sync().await?;
    }
    Ok(Demo { hub, vault })
}

/// For the enrolment screen: starts the demo's hub at the first call and answers with an invitation.
pub fn invitation(folder: &Path) -> DemoInvitation {
    let folder = folder.join("hub");
    let running: Arc<Mutex<Option<Embedded>>> = Arc::default();
    Arc::new(move || {
        let (folder, running) = (folder.clone(), running.clone());
        Box::pin(async move {
            let mut running = running.lock().await;
            if running.is_none() {
                *running =
                    Embedded::start(&folder).await.inspect_err(|error| tracing::error!(%error, "no demo hub")).ok();
            }
            running.as_ref()?.invite(&DEMO_NURSE.parse().ok()?).ok().map(|uri| uri.to_string())
        })
    })
}
