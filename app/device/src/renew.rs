//! 証明書の更新: the line of a run, with a new certificate where the old one is due or over. The keys stay.

use crate::driver::{SyncReport, as_failure};
use crate::error::DeviceError;
use crate::http::{HubLine, Traffic};
use crate::phone::Phone;
use protocol::{Failure, RenewRequest, RenewResponse};
use rcgen::{CertificateParams, KeyPair};

/// The line of one run.
#[derive(Default)]
pub(crate) struct RunLine {
    pub hub: Option<HubLine>,
    /// A new certificate was asked for in this run: once is enough.
    pub asked: bool,
}

impl Phone {
    /// Whether it is time for a new certificate, by the hub's clock as it was heard last.
    pub fn certificate_due(&self) -> Result<bool, DeviceError> {
        self.read(|tx| Ok(tx.certificate_validity()?.is_due(tx.sync_state()?.last_hub_time)))
    }

    /// The run's line. What the hub does not give, or the vault cannot store, keeps nothing from being sent by the old one.
    pub(crate) async fn line<'l>(&self, run: &'l mut RunLine, report: &mut SyncReport) -> Result<&'l HubLine, Failure> {
        let due = !run.asked && self.certificate_due().map_err(as_failure)?;
        let mut hub = match run.hub.take() {
            Some(hub) => hub,
            None => {
                let (identity, last) =
                    self.read(|tx| Ok((tx.identity()?, tx.sync_state()?.last_hub_time))).map_err(as_failure)?;
                HubLine::for_sync(&identity, last)?
            }
        };
        if due {
            run.asked = true;
            let renewed = self.renew_certificate(&hub).await;
            match renewed {
                Ok((line, traffic)) => {
                    report.traffic += traffic;
                    hub = line;
                }
                // Nobody there, or nobody with time for us: the sync would hear the same.
                Err(DeviceError::Sync(failure @ (Failure::Unreachable | Failure::Busy { .. }))) => return Err(failure),
                Err(error) => tracing::warn!(%error, "there is no new certificate today; the old one is used on"),
            }
        }
        run.hub = Some(hub);
        run.hub.as_ref().ok_or(Failure::Unreachable)
    }

    /// Asks for a new certificate and stores it; the old one is used until then. Answers with the line that shows the new one.
    async fn renew_certificate(&self, old: &HubLine) -> Result<(HubLine, Traffic), DeviceError> {
        let request = self.renewal()?;
        let (answer, traffic) = old.renew(&request).await.map_err(DeviceError::Sync)?;
        let line = self.store_certificate(&answer)?;
        tracing::info!("the device's certificate was renewed");
        Ok((line, traffic))
    }

    /// What is asked for a new certificate.
    pub fn renewal(&self) -> Result<RenewRequest, DeviceError> {
        let key = KeyPair::try_from(self.identity().tls_key.as_slice()).map_err(|_| DeviceError::Keys)?;
        let csr = CertificateParams::default().serialize_request(&key).map_err(|_| DeviceError::Keys)?;
        Ok(RenewRequest::prove(csr.der().to_vec(), &self.signing_key()?))
    }

    /// One that does not fit our key is not stored: the old one would be gone for it.
    fn store_certificate(&self, answer: &RenewResponse) -> Result<HubLine, DeviceError> {
        self.write(|tx| {
            let mut identity = tx.identity()?;
            identity.certificate = answer.certificate.clone();
            let line = HubLine::for_sync(&identity, answer.time).map_err(DeviceError::Sync)?;
            tx.put_identity(&identity)?;
            tx.put_certificate_validity(answer.validity)?;
            tx.renew_locked(&identity.certificate)?;
            Ok(line)
        })
    }
}
