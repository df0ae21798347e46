//! TLS 1.3 with the hub's CA as the only root, and with time that setting the phone's clock cannot move.

use record::ContentHash;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;

/// No hub certificate was valid before this software was made (2026-11-01, seconds since 1970).
const BUILT_AT: u64 = 1_793_491_200;

/// Which root is believed.
enum Root {
    /// At enrolment: the certificate in the chain whose SHA-256 stands in the invitation.
    Fingerprint(ContentHash),
    /// Afterwards: the CA kept in the vault.
    Certificate(Vec<u8>),
}

/// Certificates are checked at max(last hub time, build time), never at the phone's clock alone (DESIGN §5).
struct HubVerifier {
    root: Root,
    last_hub_time_ms: i64,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for HubVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HubVerifier")
    }
}

impl HubVerifier {
    fn now(&self) -> UnixTime {
        let hub = u64::try_from(self.last_hub_time_ms / 1000).unwrap_or(0);
        UnixTime::since_unix_epoch(Duration::from_secs(hub.max(BUILT_AT)))
    }
}

impl ServerCertVerifier for HubVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let root = match &self.root {
            Root::Certificate(der) => CertificateDer::from(der.clone()),
            Root::Fingerprint(wanted) => intermediates
                .iter()
                .find(|der| ContentHash::of(der) == *wanted)
                .ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?
                .clone()
                .into_owned(),
        };
        let mut roots = RootCertStore::empty();
        roots.add(root)?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|_| Error::InvalidCertificate(CertificateError::UnknownIssuer))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp, self.now())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn config(
    root: Root,
    last_hub_time_ms: i64,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = HubVerifier { root, last_hub_time_ms, provider: provider.clone() };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

/// For enrolment: no client certificate yet, the hub known by its CA's fingerprint.
pub fn for_enrolment(ca: ContentHash) -> Result<ClientConfig, Error> {
    Ok(config(Root::Fingerprint(ca), 0)?.with_no_client_auth())
}

/// For everything after: mutual TLS.
pub fn for_sync(ca: &[u8], certificate: &[u8], key: &[u8], last_hub_time_ms: i64) -> Result<ClientConfig, Error> {
    let chain = vec![CertificateDer::from(certificate.to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
    config(Root::Certificate(ca.to_vec()), last_hub_time_ms)?.with_client_auth_cert(chain, key)
}
