//! A folder with what a nurse's phone holds: enrolled and synced once with the sample network, whose hub is out of reach now.

use super::Outcome;
use crate::app::Launch;
use crate::platform::demo::{self, PIN};
use crate::text::Language;
use device::jiff::Timestamp;
use device::{FileKeyStore, Phone, Pin};
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

/// As the demo names it.
const VAULT: &str = "phone.vault";

/// What follows the vault's name, and the bytes.
type Files = Vec<(String, Vec<u8>)>;

pub struct Folder(TempDir);

impl Folder {
    /// Nobody is enrolled.
    pub fn bare() -> Outcome<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    /// 青木 里美 is, with the patients of her station and her visits of today.
    pub fn enrolled() -> Outcome<Self> {
        let folder = Self::bare()?;
        folder.put(VAULT)?;
        Ok(folder)
    }

    /// The vault of one more nurse beside it.
    pub fn put(&self, vault: &str) -> Outcome {
        for (suffix, bytes) in files()? {
            std::fs::write(self.0.path().join(format!("{vault}{suffix}")), bytes)?;
        }
        Ok(())
    }

    pub fn vault(&self) -> PathBuf {
        self.0.path().join(VAULT)
    }

    pub fn store(&self) -> FileKeyStore {
        FileKeyStore::beside(&self.vault())
    }

    pub fn launch(&self) -> Launch {
        Launch {
            vault: self.vault(),
            biometrics: None,
            demo: None,
            pin_hint: None,
            language: Language::Japanese,
            suspends: None,
        }
    }

    /// The phone without its face, for what is to stand there before the app opens. The app finds the vault free once it is
    /// dropped.
    pub fn phone(&self) -> Outcome<Phone> {
        Ok(Phone::unlock(&self.vault(), &self.store(), &Pin::new(PIN)?, Timestamp::now())?)
    }
}

/// Made once for all tests of a run: half a second of a hub's work, copied afterwards.
fn files() -> Outcome<&'static Files> {
    static FILES: OnceLock<Result<Files, String>> = OnceLock::new();
    let made = FILES.get_or_init(|| {
        // In a thread of its own: whoever asks first stands in a runtime already.
        let work = std::thread::spawn(|| make().map_err(|error| error.to_string()));
        work.join().unwrap_or_else(|_| Err("the sample's thread ended early".to_string()))
    });
    made.as_ref().map_err(|error| error.as_str().into())
}

fn make() -> Outcome<Files> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let running = runtime.block_on(demo::start(folder.path()))?;
    let vault = running.vault.clone();
    drop(running);
    let phone = Phone::unlock(&vault, &FileKeyStore::beside(&vault), &Pin::new(PIN)?, Timestamp::now())?;
    // Done here, so that no test waits for it: the search has read everything, the day's self-check is over.
    while phone.refresh_search(Timestamp::now())? {}
    phone.self_check(Timestamp::now())?;
    drop(phone);
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder.path())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(suffix) = name.strip_prefix(VAULT) {
            files.push((suffix.to_string(), std::fs::read(entry.path())?));
        }
    }
    Ok(files)
}
