//! A phone as a real process, with real files.

use crate::line::{Line, Weather};
use crate::{Hub, Outcome, Said, binary, json, run, until};
use device::{FileKeyStore, Pin};
use jiff::Timestamp;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A phone without a face.
pub struct Phone {
    pub vault: PathBuf,
    pub pin: PathBuf,
}

impl Phone {
    pub fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(binary("tsutsuji-device")?);
        command.args(arguments).arg("--vault").arg(&self.vault).arg("--pin-file").arg(&self.pin).arg("--json");
        Ok(command)
    }

    pub fn try_run(&self, arguments: &[&str], stdin: Option<&str>) -> Outcome<Result<Value, Said>> {
        json(run(self.command(arguments)?, stdin)?)
    }

    pub fn ok(&self, arguments: &[&str]) -> Outcome<Value> {
        self.try_run(arguments, None)?.map_err(|said| format!("tsutsuji-device {arguments:?}: {}", said.0).into())
    }

    /// A command that must be refused; answers with its sentence.
    pub fn refused(&self, arguments: &[&str]) -> Outcome<String> {
        match self.try_run(arguments, None)? {
            Ok(value) => Err(format!("tsutsuji-device {arguments:?} was not refused: {value}").into()),
            Err(said) => Ok(said.0),
        }
    }

    /// The phone in this process, as the app opens it: for many notes, and for answers that no hub of ours gives.
    pub fn opened(&self, at: Timestamp) -> Outcome<device::Phone> {
        let store = FileKeyStore::beside(&self.vault);
        Ok(device::Phone::unlock(&self.vault, &store, &Pin::new("2468")?, at)?)
    }

    /// A sync whose request is on the hub's disk; the answer waits on the line.
    pub fn half_synced(&self, hub: &Hub, line: &Line) -> Outcome<Child> {
        let before = hub.exchanges()?;
        line.becomes(Weather::AnswersWait);
        let mut sync = self.command(&["sync"])?;
        let sync = sync.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        until("the hub has what was sent", || Ok(hub.exchanges()? > before))?;
        Ok(sync)
    }

    /// Every file of it, as somebody copies them while it is off.
    pub fn copied_to(&self, to: &Path) -> Outcome<Self> {
        for suffix in ["", "-wal", "-shm", ".device-key", ".attempts"] {
            let named = |file: &Path| format!("{}{suffix}", file.display());
            let _ = std::fs::remove_file(named(to));
            if Path::new(&named(&self.vault)).exists() {
                std::fs::copy(named(&self.vault), named(to))?;
            }
        }
        Ok(Self { vault: to.to_path_buf(), pin: self.pin.clone() })
    }

    /// Locked, it sends what was sealed, and fetches pages for the next unlock.
    pub fn push(&self) -> Outcome<Value> {
        self.without_pin(&["capsule", "push"])
    }

    /// A command of a locked phone.
    pub fn without_pin(&self, arguments: &[&str]) -> Outcome<Value> {
        self.locked(arguments)?.map_err(|said| format!("tsutsuji-device {arguments:?}: {}", said.0).into())
    }

    pub fn refused_without_pin(&self, arguments: &[&str]) -> Outcome<String> {
        match self.locked(arguments)? {
            Ok(value) => Err(format!("tsutsuji-device {arguments:?} was not refused: {value}").into()),
            Err(said) => Ok(said.0),
        }
    }

    fn locked(&self, arguments: &[&str]) -> Outcome<Result<Value, Said>> {
        let mut command = Command::new(binary("tsutsuji-device")?);
        command.args(arguments).arg("--vault").arg(&self.vault).arg("--json");
        json(run(command, None)?)
    }

    pub fn write_text(&self, note: &str, field: &str, text: &str) -> Outcome {
        match self.try_run(&["note", "text", note, field], Some(text))? {
            Ok(_) => Ok(()),
            Err(said) => Err(said.0.into()),
        }
    }

    pub fn start_note(&self, patient: &str, visit: Option<&str>) -> Outcome<String> {
        let mut arguments = vec!["note", "start", "--patient", patient];
        arguments.extend(visit.iter().flat_map(|visit| ["--visit", visit]));
        Ok(self.ok(&arguments)?["note"].as_str().ok_or("no note")?.to_string())
    }

    /// Everything that a confirmation needs.
    pub fn fill_in(&self, note: &str) -> Outcome {
        for (field, value) in [("started_at", "09:32"), ("ended_at", "10:28"), ("temperature_c", "３６．５")] {
            self.ok(&["note", "set", note, field, value])?;
        }
        Ok(())
    }

    /// Every byte that the phone keeps: vault, WAL, anything beside it.
    pub fn bytes_at_rest(&self) -> Outcome<Vec<u8>> {
        let name = self.vault.file_name().and_then(|n| n.to_str()).ok_or("no name")?.to_string();
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.vault.parent().ok_or("no folder")?)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&name) {
                bytes.extend(entry.file_name().to_string_lossy().bytes());
                bytes.extend(std::fs::read(entry.path())?);
            }
        }
        Ok(bytes)
    }
}
