//! TLS 1.3 only; client certificates of our own CA, wanted but not demanded: enrolment comes without one.

use crate::error::HubError;
use crate::keys::{Keys, VALID_FROM};
use rcgen::{CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType};
use record::DeviceId;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;

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
    validity(&mut params, 2056);
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
        .with_client_cert_verifier(clients)
        // The CA travels in the chain: an enrolling phone knows it by its fingerprint.
        .with_single_cert(
            vec![leaf.der().clone(), ca],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
        )
        .map_err(|_| HubError::Key("server certificate"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A client certificate for a device out of its request. Whatever name the request asks for, the certificate says the device's.
pub fn client_certificate(keys: &Keys, csr: &[u8], device: DeviceId) -> Result<Vec<u8>, HubError> {
    let wrong = |_| HubError::Key("certificate request");
    let mut request =
        CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr)).map_err(wrong)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, device.to_string());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    validity(&mut params, 2036);
    request.params = params;
    Ok(request.signed_by(&keys.ca_issuer()?).map_err(wrong)?.der().to_vec())
}

fn validity(params: &mut CertificateParams, until: i32) {
    let (year, month, day) = VALID_FROM;
    params.not_before = rcgen::date_time_ymd(year, month, day);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
}
