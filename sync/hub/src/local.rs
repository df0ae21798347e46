//! A hub without a listener: the routes' work for whoever stands in for the line. Simulations and embedding programs.

use crate::check::Checker;
use crate::routes::{Hub, PeerCertificate, Refused, capsules, enrol, records, sync};
use crate::store::Store;
use protocol::{
    CapsuleRequest, CapsuleResponse, EnrolRequest, EnrolResponse, RecordsPage, RefusalCode, SyncRequest, SyncResponse,
};
use record::{ContentHash, PatientId};

/// Answers in this process, checks included.
pub struct LocalHub {
    hub: Hub,
}

impl LocalHub {
    pub fn new(store: Store) -> Self {
        let checker = Checker::in_this_process(store.clone());
        Self { hub: Hub { store, checker } }
    }

    pub fn store(&self) -> &Store {
        &self.hub.store
    }

    pub fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, RefusalCode> {
        enrol::enrol_device(&self.hub.store, request).map_err(Refused::code)
    }

    /// `certificate`: SHA-256 of the client's, as the TLS layer would have verified it.
    pub fn sync(&self, certificate: ContentHash, request: &SyncRequest) -> Result<SyncResponse, RefusalCode> {
        sync::exchange(&self.hub, PeerCertificate(Some(certificate)), request).map_err(Refused::code)
    }

    pub fn records(
        &self,
        certificate: ContentHash,
        patient: &PatientId,
        after: u64,
        proof: &[u8],
    ) -> Result<RecordsPage, RefusalCode> {
        let peer = PeerCertificate(Some(certificate));
        records::page_of(&self.hub, peer, patient.as_str(), after, proof).map_err(Refused::code)
    }

    pub fn capsules(&self, certificate: ContentHash, request: &CapsuleRequest) -> Result<CapsuleResponse, RefusalCode> {
        capsules::take(&self.hub, PeerCertificate(Some(certificate)), request).map_err(Refused::code)
    }

    /// What a crash left unchecked.
    pub fn check_left_over(&self) {
        if let Err(error) = self.hub.checker.check_left_over() {
            tracing::error!(%error, "the list of unchecked documents could not be read");
        }
    }
}
