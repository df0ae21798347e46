//! Wrong PINs: how long to wait, and when the keys go. A pure machine told of running time, and its small file.
//!
//! The wait is counted in time that the device has been running, never by the calendar: setting the date shortens nothing,
//! and a restart counts only what ran after it. The file stands beside the vault, is written in place (a full disk takes
//! that too) and before the PIN is tried, so that a process killed in the middle has still used up its try.

use crate::error::VaultError;
use crate::keys::{self, DeviceSecret};
use crate::seal::Key;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Wrong PINs after which the keys go, unless the station's policy says otherwise.
pub const WIPE_AFTER: u32 = 10;
/// Minutes to wait after the first, second, third … wrong PIN; the last one for all that follow.
const WAIT_MINUTES: [u64; 7] = [0, 0, 0, 1, 5, 15, 60];

/// Time that the device has been running: which start it was, and milliseconds since then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTime {
    pub boot: [u8; 16],
    pub ms: u64,
}

impl RunningTime {
    /// The device's own, sleep included.
    pub fn now() -> Self {
        #[cfg(target_os = "linux")]
        {
            // No process outlives the start of the device that it runs in.
            static BOOT: std::sync::LazyLock<[u8; 16]> = std::sync::LazyLock::new(|| {
                let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
                let mut id = [0; 16];
                id.copy_from_slice(&blake3::hash(boot.trim().as_bytes()).as_bytes()[..16]);
                id
            });
            let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            let ms = since.tv_sec.unsigned_abs() * 1_000 + since.tv_nsec.unsigned_abs() / 1_000_000;
            Self { boot: *BOOT, ms }
        }
        #[cfg(not(target_os = "linux"))]
        {
            // The phones' shells bring their own; a desktop counts from the start of the program.
            static START: std::sync::LazyLock<(std::time::Instant, [u8; 16])> = std::sync::LazyLock::new(|| {
                let mut id = [0; 16];
                let _ = getrandom::fill(&mut id);
                (std::time::Instant::now(), id)
            });
            Self { boot: START.1, ms: u64::try_from(START.0.elapsed().as_millis()).unwrap_or(u64::MAX) }
        }
    }

    /// How much certainly ran since then: of another start only what ran in this one.
    pub fn since(&self, earlier: &RunningTime) -> u64 {
        if self.boot == earlier.boot { self.ms.saturating_sub(earlier.ms) } else { self.ms }
    }
}

/// How many wrong PINs there were, and what is left to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    pub wrong: u32,
    wait_ms: u64,
    seen: RunningTime,
}

impl Attempts {
    pub fn none(now: RunningTime) -> Self {
        Self { wrong: 0, wait_ms: 0, seen: now }
    }

    /// What is left to wait, in milliseconds.
    pub fn waits(&self, now: RunningTime) -> u64 {
        self.wait_ms.saturating_sub(now.since(&self.seen))
    }

    /// One more try, counted as wrong until it has proved right.
    pub fn charged(&self, now: RunningTime) -> Self {
        let wrong = self.wrong.saturating_add(1);
        let at = (wrong as usize).clamp(1, WAIT_MINUTES.len()) - 1;
        Self { wrong, wait_ms: WAIT_MINUTES[at] * 60_000, seen: now }
    }

    /// A file that was taken away or altered so many times: the longest wait, and nothing wiped by the first times alone.
    pub fn tampered(now: RunningTime, times: u32) -> Self {
        let wrong = (WAIT_MINUTES.len() as u32 - 2).saturating_add(times);
        Self { wrong, wait_ms: WAIT_MINUTES[WAIT_MINUTES.len() - 1] * 60_000, seen: now }
    }
}

/// What the counter's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Sound(Attempts),
    Missing,
    /// Neither slot is ours.
    Altered,
}

const SLOT: usize = 80;
/// How long a try waits for another one, and how often it looks.
const PATIENCE_MS: u64 = 10_000;
const STEP_MS: u64 = 20;

/// `FILE.attempts`: two slots written in turn, each with its number and a keyed hash, so that a torn write loses nothing.
pub(crate) struct AttemptFile {
    path: PathBuf,
    key: Key,
    /// Locked, while a PIN is tried.
    held: Option<Held>,
}

/// Both slots, each with its number; `None`: it is not ours.
type Slots = [Option<(u64, Attempts)>; 2];

/// The locked file, and what stands in it: nobody else writes there.
struct Held {
    file: File,
    slots: Slots,
}

impl AttemptFile {
    pub fn beside(vault: &Path, secret: &DeviceSecret) -> Self {
        let mut name = vault.as_os_str().to_owned();
        name.push(".attempts");
        Self { path: PathBuf::from(name), key: keys::derive_key_of(secret, "tsutsuji 2026 attempts v1"), held: None }
    }

    /// Makes the file anew, with this state in it from the first byte on.
    pub fn create(&self, state: &Attempts) -> Result<(), VaultError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(VaultError::File)?;
        let mut both = [0; 2 * SLOT];
        both[..SLOT].copy_from_slice(&self.slot(1, state));
        file.write_all(&both).and_then(|()| file.sync_all()).map_err(VaultError::File)
    }

    /// Whoever tries a PIN waits for whoever is trying one. Ends with this value.
    pub fn lock(&mut self) -> Result<(), VaultError> {
        match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => {
                // A program that hangs in the middle of a try must not hang this one.
                for _ in 0..PATIENCE_MS / STEP_MS {
                    match file.try_lock() {
                        Ok(()) => {
                            let slots = self.slots(&file);
                            self.held = Some(Held { file, slots });
                            return Ok(());
                        }
                        Err(std::fs::TryLockError::WouldBlock) => {
                            std::thread::sleep(std::time::Duration::from_millis(STEP_MS));
                        }
                        Err(std::fs::TryLockError::Error(error)) => return Err(VaultError::File(error)),
                    }
                }
                Err(VaultError::InUse)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(VaultError::File(error)),
        }
    }

    /// The latest sound state.
    pub fn read(&self) -> Result<Counted, VaultError> {
        let slots = match &self.held {
            Some(held) => held.slots,
            None => match File::open(&self.path) {
                Ok(file) => self.slots(&file),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Counted::Missing),
                Err(error) => return Err(VaultError::File(error)),
            },
        };
        let newest = slots.into_iter().flatten().max_by_key(|(number, _)| *number);
        Ok(newest.map_or(Counted::Altered, |(_, attempts)| Counted::Sound(attempts)))
    }

    /// The same for a file that may have been taken away.
    pub fn write_or_create(&mut self, state: &Attempts) -> Result<(), VaultError> {
        if self.held.is_some() || self.path.exists() { self.write(state) } else { self.create(state) }
    }

    /// Written and on disk before anything else happens.
    pub fn write(&mut self, state: &Attempts) -> Result<(), VaultError> {
        self.put(state, File::sync_data)
    }

    fn put(&mut self, state: &Attempts, then: impl FnOnce(&File) -> std::io::Result<()>) -> Result<(), VaultError> {
        let opened;
        let (file, slots) = match &self.held {
            Some(held) => (&held.file, held.slots),
            None => {
                opened = OpenOptions::new().read(true).write(true).open(&self.path).map_err(VaultError::File)?;
                (&opened, self.slots(&opened))
            }
        };
        let numbers = slots.map(|slot| slot.map_or(0, |(number, _)| number));
        let (older, next) = if numbers[0] <= numbers[1] { (0, numbers[1] + 1) } else { (1, numbers[0] + 1) };
        write_at(file, &self.slot(next, state), (older * SLOT) as u64)
            .and_then(|()| then(file))
            .map_err(VaultError::File)?;
        if let Some(held) = &mut self.held {
            held.slots[older] = Some((next, *state));
        }
        Ok(())
    }

    /// The same without waiting for the disk: for a state that may be lost with the power.
    pub fn forgive(&mut self, state: &Attempts) -> Result<(), VaultError> {
        self.put(state, |_| Ok(()))
    }

    fn slots(&self, mut file: &File) -> Slots {
        let mut bytes = [0u8; 2 * SLOT];
        let mut filled = 0;
        // From where it stands: it was opened a moment ago.
        while filled < bytes.len()
            && let Ok(read @ 1..) = file.read(&mut bytes[filled..])
        {
            filled += read;
        }
        [self.open(&bytes[..SLOT]), self.open(&bytes[SLOT..])]
    }

    fn slot(&self, number: u64, state: &Attempts) -> [u8; SLOT] {
        let mut out = [0; SLOT];
        out[..8].copy_from_slice(&number.to_be_bytes());
        out[8..12].copy_from_slice(&state.wrong.to_be_bytes());
        out[12..20].copy_from_slice(&state.wait_ms.to_be_bytes());
        out[20..36].copy_from_slice(&state.seen.boot);
        out[36..44].copy_from_slice(&state.seen.ms.to_be_bytes());
        let hash = blake3::keyed_hash(&self.key.0, &out[..48]);
        out[48..].copy_from_slice(hash.as_bytes());
        out
    }

    fn open(&self, slot: &[u8]) -> Option<(u64, Attempts)> {
        // `Hash` compares in constant time.
        let told = blake3::Hash::from_bytes(slot.get(48..SLOT)?.try_into().ok()?);
        if blake3::keyed_hash(&self.key.0, &slot[..48]) != told {
            return None;
        }
        let number = |range: std::ops::Range<usize>| slot[range].try_into().ok().map(u64::from_be_bytes);
        Some((
            number(0..8)?,
            Attempts {
                wrong: u32::from_be_bytes(slot[8..12].try_into().ok()?),
                wait_ms: number(12..20)?,
                seen: RunningTime { boot: slot[20..36].try_into().ok()?, ms: number(36..44)? },
            },
        ))
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> std::io::Result<()> {
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn at(boot: u8, minutes: u64) -> RunningTime {
        RunningTime { boot: [boot; 16], ms: minutes * 60_000 }
    }

    #[test]
    fn the_wait_grows_0_0_0_1_5_15_60_minutes() {
        let mut attempts = Attempts::none(at(1, 0));
        let mut waits = Vec::new();
        for _ in 0..9 {
            attempts = attempts.charged(at(1, 0));
            waits.push(attempts.waits(at(1, 0)) / 60_000);
        }
        assert_eq!(waits, [0, 0, 0, 1, 5, 15, 60, 60, 60]);
        assert_eq!(attempts.wrong, 9);
    }

    #[test]
    fn only_time_that_the_device_ran_counts() {
        let mut attempts = Attempts::none(at(1, 100));
        for _ in 0..5 {
            attempts = attempts.charged(at(1, 100));
        }
        assert_eq!(attempts.waits(at(1, 103)) / 60_000, 2);
        assert_eq!(attempts.waits(at(2, 0)) / 60_000, 5, "a restart shortens nothing");
        assert_eq!(attempts.waits(at(2, 4)) / 60_000, 1);
        assert_eq!(attempts.waits(at(1, 50)) / 60_000, 5, "nor does a clock that went back");
        assert_eq!(attempts.waits(at(1, 105)), 0);
    }

    #[test]
    fn a_torn_an_altered_and_a_missing_file_lose_no_try() -> Outcome {
        let folder = tempfile::tempdir()?;
        let vault = folder.path().join("a.vault");
        let secret = DeviceSecret([3; 32]);
        let mut file = AttemptFile::beside(&vault, &secret);
        let now = at(1, 0);
        assert_eq!(file.read()?, Counted::Missing);
        file.create(&Attempts::none(now))?;
        assert_eq!(file.read()?, Counted::Sound(Attempts::none(now)));
        let mut attempts = Attempts::none(now);
        for _ in 0..4 {
            attempts = attempts.charged(now);
            file.write(&attempts)?;
            assert_eq!(file.read()?, Counted::Sound(attempts));
        }
        let path = folder.path().join("a.vault.attempts");
        let sound = std::fs::read(&path)?;
        // A write torn anywhere leaves the slot before it.
        let next = attempts.charged(now);
        file.write(&next)?;
        let written = std::fs::read(&path)?;
        for cut in 0..sound.len() {
            let torn: Vec<u8> = written[..cut].iter().chain(&sound[cut..]).copied().collect();
            std::fs::write(&path, torn)?;
            let read = file.read()?;
            assert!(read == Counted::Sound(attempts) || read == Counted::Sound(next), "cut at {cut}");
        }
        // Altered by a hand without the key: the longest wait, and nothing wiped by that alone.
        std::fs::write(&path, vec![0; sound.len()])?;
        assert_eq!(file.read()?, Counted::Altered);
        let tampered = Attempts::tampered(now, 1);
        assert_eq!((tampered.waits(now) / 60_000, tampered.wrong), (60, 6));
        std::fs::remove_file(&path)?;
        assert_eq!(file.read()?, Counted::Missing);
        file.write_or_create(&tampered)?;
        assert_eq!(file.read()?, Counted::Sound(tampered));
        Ok(())
    }
}
