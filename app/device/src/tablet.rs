//! 共用タブレット: several nurses on one device, a vault each. Which vaults stand in a folder, and whose they are.

use std::path::{Path, PathBuf};
use vault::{FileKeyStore, LockedVault};

/// A vault of this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultHere {
    pub path: PathBuf,
    /// Sealed by the device's secret, so that the device can say it before a PIN and a copied file cannot. `None`: never opened
    /// by this version, or it does not open.
    pub staff_name: Option<String>,
}

/// The vaults beside `first`, which comes first. What was moved aside is nobody's any more and is left out.
pub fn vaults_beside(first: &Path) -> Vec<VaultHere> {
    let folder = first.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "vault") && path != first)
        .collect();
    paths.sort();
    if first.exists() {
        paths.insert(0, first.to_path_buf());
    }
    paths.into_iter().map(|path| VaultHere { staff_name: name_of(&path), path }).collect()
}

/// Where the vault of one more nurse goes: the first name that is free.
pub fn next_vault(first: &Path) -> PathBuf {
    let stem = first.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut path = first.to_path_buf();
    let mut n = 1;
    while path.exists() {
        n += 1;
        path = first.with_file_name(format!("{stem}-{n}.vault"));
    }
    path
}

fn name_of(path: &Path) -> Option<String> {
    let store = FileKeyStore::beside(path);
    let locked = LockedVault::open(path, &store).ok()?;
    Some(locked.locked.staff_name.clone()).filter(|name| !name.is_empty())
}
