//! TLS 1.3 only; client certificates of our own CA, wanted but not demanded: enrolment comes without one.

use crate::error::HubError;
use crate::keys::{Keys, VALID_FROM};
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData,
    SanType,
};
use record::{ContentHash, DeviceId};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;

/// A moment that every certificate of ours covers (2020-01-02, seconds since 1970).
const COVERED: Duration = Duration::from_secs(1_577_923_200);

/// Whoever shows a certificate of our CA and holds its key is let in to say what he wants, be it over or not: what he may is
/// decided by request (DESIGN §5), and no clock that is wrong keeps a phone out.
#[derive(Debug)]
struct Clients(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.verify_client_cert(end_entity, intermediates, UnixTime::since_unix_epoch(COVERED))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Server configuration with a fresh leaf for the names that devices use.
pub fn server_config(keys: &Keys, hosts: &[String]) -> Result<ServerConfig, HubError> {
    let wrong = |_| HubError::Key("server certificate");
    let leaf_key = KeyPair::generate().map_err(|_| HubError::Key("server key"))?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Tsutsuji hub");
    for host in hosts {
        params.subject_alt_names.push(match host.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.as_str().try_into().map_err(wrong)?),
        });
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    begins(&mut params);
    params.not_after = rcgen::date_time_ymd(2056, 1, 1);
    let leaf = params.signed_by(&leaf_key, &keys.ca_issuer()?).map_err(wrong)?;
    let ca = CertificateDer::from(keys.ca_certificate()?);
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).map_err(|_| HubError::Key("ca.der"))?;
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|_| HubError::Key("ca.der"))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| HubError::Key("TLS 1.3"))?
        .with_client_cert_verifier(Arc::new(Clients(clients)))
        // The CA travels in the chain: an enrolling phone knows it by its fingerprint.
        .with_single_cert(
            vec![leaf.der().clone(), ca],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
        )
        .map_err(|_| HubError::Key("server certificate"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Tickets are for clients that come back. A phone shakes hands anew in every run, and whoever comes shows his certificate.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A client certificate for a device out of its request, and the hash of the key in it. Whatever name the request asks for, the
/// certificate says the device's; it ends at `until`, milliseconds since 1970.
pub fn client_certificate(
    keys: &Keys,
    csr: &[u8],
    device: DeviceId,
    until: i64,
) -> Result<(Vec<u8>, ContentHash), HubError> {
    let wrong = |_| HubError::Key("certificate request");
    let mut request =
        CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr)).map_err(wrong)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, device.to_string());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    begins(&mut params);
    let until = Duration::from_millis(u64::try_from(until).unwrap_or(0));
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + until;
    request.params = params;
    let certificate = request.signed_by(&keys.ca_issuer()?).map_err(wrong)?.der().to_vec();
    Ok((certificate, ContentHash::of(&request.public_key.subject_public_key_info())))
}

/// The hash of the key that a certificate names, as `client_certificate` tells it.
pub fn key_of(certificate: &CertificateDer<'_>) -> Option<ContentHash> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    Some(ContentHash::of(parsed.subject_public_key_info().as_ref()))
}

fn begins(params: &mut CertificateParams) {
    let (year, month, day) = VALID_FROM;
    params.not_before = rcgen::date_time_ymd(year, month, day);
}
