//! A hub without a listener: the routes' work for whoever stands in for the line. Simulations and embedding programs.

use crate::check::{Checker, Compacted, CopyVerdict};
use crate::error::HubError;
use crate::intake_run::{IntakeReport, take_file};
use crate::routes::{Hub, PeerCertificate, Refused, capsules, enrol, sync};
use crate::store::{Chosen, Presented, Store};
use crate::turns::Turns;
use protocol::{CapsuleRequest, CapsuleResponse, EnrolRequest, EnrolResponse, RefusalCode, SyncRequest, SyncResponse};
use record::{ContentHash, FacilityId};

/// Answers in this process, checks included.
pub struct LocalHub {
    hub: Hub,
}

impl LocalHub {
    pub fn new(store: Store) -> Self {
        let checker = Checker::in_this_process(store.clone());
        Self { hub: Hub { store, checker, turns: Turns::default() } }
    }

    pub fn store(&self) -> &Store {
        &self.hub.store
    }

    pub fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, RefusalCode> {
        enrol::enrol_device(&self.hub.store, request).map_err(Refused::code)
    }

    /// `certificate`: SHA-256 of the client's, as the TLS layer would have verified it.
    pub fn sync(&self, certificate: ContentHash, request: &SyncRequest) -> Result<SyncResponse, RefusalCode> {
        sync::exchange(&self.hub, presented(certificate), request).map_err(Refused::code)
    }

    pub fn capsules(&self, certificate: ContentHash, request: &CapsuleRequest) -> Result<CapsuleResponse, RefusalCode> {
        capsules::take(&self.hub, presented(certificate), request).map_err(Refused::code)
    }

    /// One file of a hospital, from memory.
    pub fn intake(&self, facility: &FacilityId, name: &str, bytes: &[u8]) -> Result<IntakeReport, HubError> {
        let mut report = IntakeReport::default();
        take_file(&self.hub.store, facility, name, bytes, &mut report)?;
        Ok(report)
    }

    /// A person lets in whatever was held of sealed and of relayed copies. Says how many documents.
    pub fn accept_held_copies(&self) -> Result<usize, HubError> {
        let held = self.hub.store.read(|tx| tx.all_held_copies())?;
        let mut accepted = 0;
        for copies in &held {
            let verdict = self.hub.checker.accept_copies(copies.doc, copies.device)?;
            accepted += usize::from(verdict == CopyVerdict::Accepted);
        }
        for held in self.hub.store.read(|tx| tx.all_held_relayed())? {
            let verdict = self.hub.checker.accept_relayed(held.doc, &Chosen::default())?;
            accepted += usize::from(verdict == CopyVerdict::Accepted);
        }
        Ok(accepted)
    }

    /// Makes one piece of every document of which nothing has come since then (milliseconds).
    pub fn compact(&self, before: i64) -> Result<Compacted, HubError> {
        self.hub.checker.compact(before)
    }

    /// What a crash left unchecked.
    pub fn check_left_over(&self) {
        let checker = &self.hub.checker;
        if let Err(error) = checker.check_left_over().and_then(|()| checker.name_versions()) {
            tracing::error!(%error, "the list of unchecked documents could not be read");
        }
    }
}

fn presented(certificate: ContentHash) -> PeerCertificate {
    PeerCertificate(Some(Presented { hash: certificate, key: None }))
}
