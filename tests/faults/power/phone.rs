//! A phone whose folder is watched: its command line runs with `writes.c` inside.

use super::{NEW_PIN, OLD_PIN, VAULT};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use stories::{Outcome, Phone};

/// A phone whose folder is its own, run with `writes.c` inside.
pub struct WatchedPhone {
    pub folder: PathBuf,
    pub pins: PathBuf,
    pub library: PathBuf,
    pub log: PathBuf,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Watch {
    Off,
    Log,
    /// Log, and kill -9 as soon as something has been said.
    LogAndKill,
    /// The disk has room for so many writes that make a file longer.
    Full(u64),
    Count,
}

impl WatchedPhone {
    pub fn new(at: &Path) -> Outcome<Self> {
        let at = at.canonicalize()?;
        let library = at.join("writes.so");
        let source = stories::root().join("tests/faults/writes.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output()?;
        if !compiled.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&compiled.stderr)).into());
        }
        for (name, pin) in [("old", OLD_PIN), ("new", NEW_PIN)] {
            std::fs::write(at.join(name), pin)?;
        }
        let folder = at.join("phone");
        std::fs::create_dir(&folder)?;
        Ok(Self { folder, pins: at.clone(), library, log: at.join("writes.log") })
    }

    /// The same, with another folder.
    pub fn at(&self, folder: &Path) -> Outcome<Self> {
        Ok(Self {
            folder: folder.canonicalize()?,
            pins: self.pins.clone(),
            library: self.library.clone(),
            log: self.log.clone(),
        })
    }

    pub fn phone(&self, pin: &str) -> Phone {
        let file = if pin == OLD_PIN { "old" } else { "new" };
        Phone { vault: self.folder.join(VAULT), pin: self.pins.join(file) }
    }

    fn count_file(&self) -> PathBuf {
        self.pins.join(format!("count-{:?}", std::thread::current().id()))
    }

    /// Exit well or not, what was said, and the sentence of a refusal.
    pub fn run(&self, pin: &str, doing: &Doing, watch: Watch) -> Outcome<(bool, Value, String)> {
        let arguments: Vec<&str> = doing.arguments.iter().map(String::as_str).collect();
        let mut command = self.phone(pin).command(&arguments)?;
        if watch != Watch::Off {
            command.env("LD_PRELOAD", &self.library).env("TSUTSUJI_WRITES_FOLDER", &self.folder);
        }
        match watch {
            Watch::Off => {}
            Watch::Log => {
                command.env("TSUTSUJI_WRITES_LOG", &self.log);
            }
            Watch::LogAndKill => {
                command.env("TSUTSUJI_WRITES_LOG", &self.log).env("TSUTSUJI_WRITES_KILL", "1");
            }
            Watch::Full(writes) => {
                command.env("TSUTSUJI_WRITES_FULL", writes.to_string());
            }
            Watch::Count => {
                command.env("TSUTSUJI_WRITES_COUNT", self.count_file());
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            let _ = std::io::Write::write_all(&mut pipe, doing.stdin.as_bytes());
        }
        let output = child.wait_with_output()?;
        let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Ok((output.status.success(), said, String::from_utf8(output.stderr)?))
    }

    /// How many writes of a command make a file longer.
    pub fn growing_writes(&self, pin: &str, doing: &Doing) -> Outcome<u64> {
        let (done, _, said) = self.run(pin, doing, Watch::Count)?;
        assert!(done, "{:?}: {said}", doing.arguments);
        Ok(std::fs::read_to_string(self.count_file())?.parse()?)
    }
}

/// A command, and what is typed into it.
#[derive(Clone)]
pub struct Doing {
    pub arguments: Vec<String>,
    stdin: String,
}

pub fn doing(arguments: &[&str], stdin: &str) -> Doing {
    Doing { arguments: arguments.iter().map(|word| word.to_string()).collect(), stdin: stdin.to_string() }
}

pub fn copy_folder(from: &Path, to: &Path) -> Outcome {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
