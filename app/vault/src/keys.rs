//! Keys: PIN by Argon2id and a device secret, joined by HKDF, open the vault key; everything else hangs below it.

use crate::error::VaultError;
use crate::seal::Key;
use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Argon2id memory and passes for a new vault (DESIGN §6: at least 32 MiB, 3 passes).
pub const ARGON_KIB: u32 = 32 * 1024;
pub const ARGON_PASSES: u32 = 3;

/// A PIN: 4 to 12 digits. Wiped when dropped; never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Pin(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PIN has 4 to 12 digits")]
pub struct PinError;

impl Pin {
    pub fn new(typed: &str) -> Result<Self, PinError> {
        let digits = record::writing::half_width_number(typed);
        if (4..=12).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(digits))
        } else {
            Err(PinError)
        }
    }
}

/// The second factor: 32 random bytes that never leave the device's key store.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DeviceSecret(pub(crate) [u8; 32]);

impl DeviceSecret {
    pub fn make() -> Result<Self, VaultError> {
        let mut bytes = [0; 32];
        fill_random(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// Port to the OS's key store.
pub trait KeyStore: Send + Sync {
    /// Stores the secret of a new vault. Refuses to overwrite one.
    fn put(&self, secret: &DeviceSecret) -> Result<(), VaultError>;
    fn get(&self) -> Result<DeviceSecret, VaultError>;
    /// Keeps a second secret beside the first, on disk when it returns: the wipe seals what it leaves under this one.
    fn put_next(&self, secret: &DeviceSecret) -> Result<(), VaultError>;
    /// The second secret, if one was put.
    fn next(&self) -> Result<Option<DeviceSecret>, VaultError>;
    /// The second secret takes the place of the first, which is destroyed: no copy of the file that stood under it opens.
    fn adopt_next(&self) -> Result<(), VaultError>;
    /// How far the vault's file had come when it was last marked; `None` where the store cannot count (a desktop's file).
    fn generation(&self) -> Result<Option<u64>, VaultError> {
        Ok(None)
    }
    /// Never goes back.
    fn put_generation(&self, _generation: u64) -> Result<(), VaultError> {
        Ok(())
    }
}

/// Port to the part of the OS's key store that gives a secret only after a finger or a face was recognised. A desktop has
/// none that every distribution has: there the PIN is the only way.
pub trait BiometricStore: Send + Sync {
    /// Keeps a secret for recognised people. The OS throws it away when somebody's finger is added.
    fn keep(&self, secret: &DeviceSecret) -> Result<(), VaultError>;
    /// Asks the person; `NotRecognised` if it is somebody else, `NoBiometrics` if nothing is kept.
    fn ask(&self) -> Result<DeviceSecret, VaultError>;
    fn forget(&self) -> Result<(), VaultError>;
}

/// The desktop's key store: a file beside the vault, readable by its owner only.
///
/// A desktop session has no key store that works without a person logged in to it and that every distribution has; the
/// file still makes a copied vault plus PIN useless unless this file is copied too.
pub struct FileKeyStore(PathBuf);

impl FileKeyStore {
    /// `FILE.device-key` beside the vault `FILE`.
    pub fn beside(vault: &Path) -> Self {
        let mut name = vault.as_os_str().to_owned();
        name.push(".device-key");
        Self(PathBuf::from(name))
    }

    fn next_file(&self) -> PathBuf {
        let mut name = self.0.as_os_str().to_owned();
        name.push(".next");
        PathBuf::from(name)
    }
}

fn read_secret(file: &Path) -> Result<DeviceSecret, std::io::Error> {
    let mut secret = DeviceSecret([0; 32]);
    std::fs::File::open(file)?.read_exact(&mut secret.0)?;
    Ok(secret)
}

fn write_secret(options: &mut std::fs::OpenOptions, file: &Path, secret: &DeviceSecret) -> Result<(), std::io::Error> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let mut file = options.write(true).open(file)?;
    file.write_all(&secret.0).and_then(|()| file.sync_all())
}

impl KeyStore for FileKeyStore {
    fn put(&self, secret: &DeviceSecret) -> Result<(), VaultError> {
        write_secret(std::fs::OpenOptions::new().create_new(true), &self.0, secret).map_err(|error| {
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => VaultError::AlreadyThere,
                _ => VaultError::File(error),
            }
        })
    }

    fn get(&self) -> Result<DeviceSecret, VaultError> {
        read_secret(&self.0).map_err(VaultError::NoDeviceSecret)
    }

    fn put_next(&self, secret: &DeviceSecret) -> Result<(), VaultError> {
        let mut options = std::fs::OpenOptions::new();
        write_secret(options.create(true).truncate(true), &self.next_file(), secret).map_err(VaultError::File)
    }

    fn next(&self) -> Result<Option<DeviceSecret>, VaultError> {
        match read_secret(&self.next_file()) {
            Ok(secret) => Ok(Some(secret)),
            // Cut off by a power loss: nothing stands under it yet.
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof) => {
                Ok(None)
            }
            Err(error) => Err(VaultError::File(error)),
        }
    }

    fn adopt_next(&self) -> Result<(), VaultError> {
        let Some(next) = self.next()? else { return Ok(()) };
        // Over the old bytes, not beside them. Torn in here, the second file still has it.
        write_secret(&mut std::fs::OpenOptions::new(), &self.0, &next).map_err(VaultError::File)?;
        std::fs::remove_file(self.next_file()).map_err(VaultError::File)
    }
}

/// The key that wraps the vault key. Takes about half a second of a phone, on purpose.
pub fn unlock_key(
    pin: &Pin,
    secret: &DeviceSecret,
    vault: &[u8],
    salt: &[u8],
    kib: u32,
    passes: u32,
) -> Result<Key, VaultError> {
    let params = Params::new(kib, passes, 1, Some(32)).map_err(|_| VaultError::Missing("sound Argon2id parameters"))?;
    let mut joined = Zeroizing::new([0u8; 64]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.0.as_bytes(), salt, &mut joined[..32])
        .map_err(|_| VaultError::Missing("memory for Argon2id"))?;
    joined[32..].copy_from_slice(&secret.0);
    let mut key = [0u8; 32];
    Hkdf::<Sha256>::new(Some(vault), joined.as_slice())
        .expand(b"tsutsuji vault key v1", &mut key)
        .map_err(|_| VaultError::Missing("room for 32 bytes"))?;
    Ok(Key(key))
}

/// The key that wraps the vault key for a recognised finger or face. Both secrets come from the OS's key store.
pub fn biometric_key(kept: &DeviceSecret, secret: &DeviceSecret, vault: &[u8]) -> Result<Key, VaultError> {
    let mut joined = Zeroizing::new([0u8; 64]);
    joined[..32].copy_from_slice(&kept.0);
    joined[32..].copy_from_slice(&secret.0);
    let mut key = [0u8; 32];
    Hkdf::<Sha256>::new(Some(vault), joined.as_slice())
        .expand(b"tsutsuji biometric key v1", &mut key)
        .map_err(|_| VaultError::Missing("room for 32 bytes"))?;
    Ok(Key(key))
}

/// Does Argon2id's work for nothing, to see how long it takes here.
pub fn spend(kib: u32, passes: u32) -> Result<(), VaultError> {
    let pin = Pin("000000".to_string());
    unlock_key(&pin, &DeviceSecret([0; 32]), &[0; 16], &[0; 16], kib, passes).map(|_| ())
}

/// A key for one purpose out of another.
pub fn derive_key(from: &Key, purpose: &str) -> Key {
    Key(blake3::derive_key(purpose, &from.0))
}

/// A key for one purpose out of the device's secret alone: for what must work without the PIN.
pub fn derive_key_of(secret: &DeviceSecret, purpose: &str) -> Key {
    Key(blake3::derive_key(purpose, &secret.0))
}

pub fn make_key() -> Result<Key, VaultError> {
    let mut bytes = [0; 32];
    fill_random(&mut bytes)?;
    Ok(Key(bytes))
}

pub fn fill_random(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(bytes).map_err(|_| VaultError::NoRandomness)
}
