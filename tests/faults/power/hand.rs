//! The hand: a test of this program, started again as a process of its own with `writes.c` inside. It does what no command can.

use super::phone::WatchedPhone;
use super::shown::unlock;
use super::writes::Op;
use super::{OLD_PIN, VAULT};
use device::Phone as Unlocked;
use device::record::DocumentId;
use std::path::PathBuf;
use std::process::Command;
use stories::Outcome;

const FOLDER: &str = "TSUTSUJI_HAND_FOLDER";
const NOTE: &str = "TSUTSUJI_HAND_NOTE";
const MARK: &str = "mark-";

/// In its own process: the open phone, and the note that it writes in.
pub struct Hand {
    pub phone: Unlocked,
    pub note: DocumentId,
    folder: PathBuf,
}

impl Hand {
    pub fn ready() -> Outcome<Self> {
        let folder = PathBuf::from(std::env::var(FOLDER)?);
        let phone = unlock(&folder.join(VAULT), OLD_PIN)??;
        Ok(Self { phone, note: std::env::var(NOTE)?.parse()?, folder })
    }

    /// A file beside the vault: from here on the screen may believe what was done.
    pub fn mark(&self, n: usize) -> Outcome {
        Ok(std::fs::write(self.folder.join(format!("{MARK}{n}")), "")?)
    }
}

pub fn is_mark(op: &Op) -> bool {
    matches!(op, Op::Opened { name, .. } if name.starts_with(MARK))
}

/// Starts one by its test's name, and waits for it.
pub fn works(phone: &WatchedPhone, test: &str, note: &str) -> Outcome {
    let done = Command::new(std::env::current_exe()?)
        .args([test, "--exact", "--ignored"])
        .env(FOLDER, &phone.folder)
        .env(NOTE, note)
        .env("LD_PRELOAD", &phone.library)
        .env("TSUTSUJI_WRITES_FOLDER", &phone.folder)
        .env("TSUTSUJI_WRITES_LOG", &phone.log)
        .output()?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stdout).into_owned().into()) }
}
