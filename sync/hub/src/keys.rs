//! The hub's keys: a folder of files, mode 0600, to be backed up apart from the database.

use crate::error::HubError;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ed25519_dalek::SigningKey;
use hpke::{Kem, Serializable};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use record::ContentHash;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Certificates say they were valid from here on, so that no clock refuses a sync.
pub const VALID_FROM: (i32, u8, u8) = (2020, 1, 1);

/// Every key that the hub holds while it runs.
pub struct Keys {
    folder: PathBuf,
    pub receipt: SigningKey,
    /// Public half of the key that phones seal their copies to.
    pub sealing_public: Vec<u8>,
    sealing: Zeroizing<[u8; 32]>,
    master: Zeroizing<[u8; 32]>,
    /// For keyed hashes of hospital numbers and codes.
    lookup: [u8; 32],
}

impl Keys {
    /// Makes a new set, or keeps the one that an interrupted `init` left. Never overwrites one: the folder gets its name
    /// when every key in it is on disk.
    pub fn make(data: &Path, hub_name: &str) -> Result<(), HubError> {
        let (folder, named) = (data.join("keys.new"), data.join("keys"));
        if named.exists() {
            return Ok(());
        }
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|source| HubError::File { path: folder.clone(), source })?;
        #[cfg(unix)]
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .map_err(|source| HubError::File { path: folder.clone(), source })?;
        let ca_key = KeyPair::generate().map_err(|_| HubError::Key("ca.key"))?;
        let ca = ca_params(hub_name).self_signed(&ca_key).map_err(|_| HubError::Key("ca.der"))?;
        write_new(&folder.join("ca.key"), &ca_key.serialize_der())?;
        write_new(&folder.join("ca.der"), ca.der())?;
        write_new(&folder.join("receipt.key"), random::<32>()?.as_slice())?;
        write_new(&folder.join("master.key"), random::<32>()?.as_slice())?;
        let seed = random::<32>()?;
        let (sealing_secret, _) = <hpke::kem::X25519HkdfSha256 as Kem>::derive_keypair(seed.as_slice());
        write_new(&folder.join("sealing.key"), &Zeroizing::new(sealing_secret.to_bytes().to_vec()))?;
        std::fs::rename(&folder, &named).map_err(|source| HubError::File { path: named, source })
    }

    pub fn load(data: &Path) -> Result<Self, HubError> {
        let folder = data.join("keys");
        let receipt = Zeroizing::new(read_32(&folder, "receipt.key")?);
        let master = Zeroizing::new(read_32(&folder, "master.key")?);
        let sealing = Zeroizing::new(read_32(&folder, "sealing.key")?);
        let sealing_secret = <hpke::kem::X25519HkdfSha256 as Kem>::PrivateKey::from_slice(sealing.as_slice())?;
        let sealing_public = <hpke::kem::X25519HkdfSha256 as Kem>::sk_to_pk(&sealing_secret).to_bytes().to_vec();
        let lookup = blake3::derive_key("tsutsuji 2026 hub lookup v1", master.as_slice());
        Ok(Self { receipt: SigningKey::from_bytes(&receipt), sealing_public, sealing, master, lookup, folder })
    }

    /// Opens the phones' sealed copies.
    pub fn sealing_secret(&self) -> &[u8] {
        self.sealing.as_slice()
    }

    /// The CA's certificate, DER.
    pub fn ca_certificate(&self) -> Result<Vec<u8>, HubError> {
        read(&self.folder, "ca.der")
    }

    /// What stands in an invitation.
    pub fn ca_fingerprint(&self) -> Result<ContentHash, HubError> {
        Ok(ContentHash::of(&self.ca_certificate()?))
    }

    /// The CA, to sign with. Its key is read for this and dropped after.
    pub fn ca_issuer(&self) -> Result<Issuer<'static, KeyPair>, HubError> {
        let der = Zeroizing::new(read(&self.folder, "ca.key")?);
        let key = KeyPair::try_from(der.as_slice()).map_err(|_| HubError::Key("ca.key"))?;
        let certificate = self.ca_certificate()?;
        Issuer::from_ca_cert_der(&certificate.into(), key).map_err(|_| HubError::Key("ca.der"))
    }

    /// Seals a body at rest. Where it stands is authenticated with it.
    pub fn seal(&self, table: &'static str, key: &[u8], body: &[u8]) -> Result<Vec<u8>, HubError> {
        let nonce = random::<24>()?;
        let cipher = XChaCha20Poly1305::new((&*self.master).into());
        let sealed = cipher
            .encrypt(&XNonce::from(*nonce), Payload { msg: body, aad: &place(table, key) })
            .map_err(|_| HubError::Damaged { table })?;
        let mut out = vec![1];
        out.extend_from_slice(nonce.as_slice());
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    pub fn open(&self, table: &'static str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, HubError> {
        let damaged = || HubError::Damaged { table };
        if sealed.first() != Some(&1) || sealed.len() < 25 {
            return Err(damaged());
        }
        let nonce: [u8; 24] = sealed[1..25].try_into().map_err(|_| damaged())?;
        XChaCha20Poly1305::new((&*self.master).into())
            .decrypt(&XNonce::from(nonce), Payload { msg: &sealed[25..], aad: &place(table, key) })
            .map_err(|_| damaged())
    }

    /// A keyed hash for looking up what must not stand in clear: hospital numbers, enrolment codes.
    pub fn tag(&self, purpose: &str, of: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.lookup);
        hasher.update(purpose.as_bytes()).update(&[0]).update(of);
        *hasher.finalize().as_bytes()
    }
}

/// Parses an HPKE private key with our own error.
trait FromSlice: Sized {
    fn from_slice(bytes: &[u8]) -> Result<Self, HubError>;
}
impl<T: hpke::Deserializable> FromSlice for T {
    fn from_slice(bytes: &[u8]) -> Result<Self, HubError> {
        T::from_bytes(bytes).map_err(|_| HubError::Key("sealing.key"))
    }
}

fn ca_params(hub_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("Tsutsuji hub {hub_name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let (year, month, day) = VALID_FROM;
    params.not_before = rcgen::date_time_ymd(year, month, day);
    params.not_after = rcgen::date_time_ymd(2056, 1, 1);
    params
}

fn place(table: &str, key: &[u8]) -> Vec<u8> {
    [b"tsutsuji-hub\x01", table.as_bytes(), b"\0", key].concat()
}

pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, HubError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| HubError::NoRandomness)?;
    Ok(bytes)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), HubError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|source| HubError::File { path: path.to_path_buf(), source })
}

fn read(folder: &Path, name: &'static str) -> Result<Vec<u8>, HubError> {
    let path = folder.join(name);
    std::fs::read(&path).map_err(|source| HubError::File { path, source })
}

fn read_32(folder: &Path, name: &'static str) -> Result<[u8; 32], HubError> {
    Zeroizing::new(read(folder, name)?).as_slice().try_into().map_err(|_| HubError::Key(name))
}
