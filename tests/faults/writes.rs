//! What `writes.c` wrote down, and the disk that it makes: with nothing lost, or as power loss could leave it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use stories::Outcome;

/// One thing that a process did to the folder, as `writes.c` wrote it down.
pub enum Op {
    Started,
    Opened {
        fd: i32,
        name: String,
    },
    OpenedFolder {
        fd: i32,
    },
    Wrote {
        fd: i32,
        offset: usize,
        bytes: Vec<u8>,
    },
    Cut {
        fd: i32,
        length: usize,
    },
    Flushed {
        fd: i32,
    },
    Removed {
        name: String,
    },
    Renamed {
        from: String,
        to: String,
    },
    Closed {
        fd: i32,
    },
    /// Something was said on standard output: it may be believed from here on.
    Said,
}

impl Op {
    pub fn read_all(log: &Path) -> Outcome<Vec<Op>> {
        let bytes = std::fs::read(log).unwrap_or_default();
        let mut rest = bytes.as_slice();
        let mut ops = Vec::new();
        while let Some((head, after)) = rest.split_at_checked(24) {
            let fd = i32::from_le_bytes(head[4..8].try_into()?);
            let offset = usize::try_from(u64::from_le_bytes(head[8..16].try_into()?))?;
            let length = usize::try_from(u64::from_le_bytes(head[16..24].try_into()?))?;
            let (body, after) = after.split_at_checked(length).ok_or("the log of writes is cut off")?;
            let word = || String::from_utf8(body.to_vec());
            ops.push(match head[0] {
                b'S' => Op::Started,
                b'O' => Op::Opened { fd, name: word()? },
                b'D' => Op::OpenedFolder { fd },
                b'W' => Op::Wrote { fd, offset, bytes: body.to_vec() },
                b'T' => Op::Cut { fd, length: offset },
                b'F' => Op::Flushed { fd },
                b'U' => Op::Removed { name: word()? },
                b'R' => {
                    let both = word()?;
                    let (from, to) = both.split_once('\0').ok_or("a renaming without a new name")?;
                    Op::Renamed { from: from.to_string(), to: to.to_string() }
                }
                b'C' => Op::Closed { fd },
                b'P' => Op::Said,
                other => return Err(format!("cannot be played back: {} {}", char::from(other), word()?).into()),
            });
            rest = after;
        }
        Ok(ops)
    }

    /// After these the disk may look different.
    pub fn is_a_point(&self) -> bool {
        matches!(
            self,
            Op::Wrote { .. }
                | Op::Cut { .. }
                | Op::Flushed { .. }
                | Op::Removed { .. }
                | Op::Renamed { .. }
                | Op::Opened { .. }
                | Op::Said
        )
    }
}

#[derive(Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Cut(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                if to.len() < offset + bytes.len() {
                    to.resize(offset + bytes.len(), 0);
                }
                to[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Change::Cut(length) => to.resize(*length, 0),
        }
    }

    /// Some of its 512-byte sectors only.
    fn torn(&self, dice: &mut Dice) -> Change {
        match self {
            Change::Write { offset, bytes } if bytes.len() > 512 => {
                let at = 512 * (1 + dice.below((bytes.len() - 1) / 512));
                if dice.coin() {
                    Change::Write { offset: *offset, bytes: bytes[..at].to_vec() }
                } else {
                    Change::Write { offset: offset + at, bytes: bytes[at..].to_vec() }
                }
            }
            whole => whole.clone(),
        }
    }
}

/// What is on the disk for certain, and what is on its way there.
#[derive(Default)]
struct File {
    flushed: Vec<u8>,
    pending: Vec<Change>,
}

enum NameChange {
    Made(String, usize),
    Removed(String),
    Renamed(String, String),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            NameChange::Made(name, file) => {
                names.insert(name.clone(), *file);
            }
            NameChange::Removed(name) => {
                names.remove(name);
            }
            NameChange::Renamed(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Handle {
    File(usize),
    Folder,
}

/// A folder as the processes see it and as the disk has it. Writes to a file come to the disk in any order until the file is
/// flushed; names come in their order, and for certain only when the folder is flushed.
#[derive(Default)]
pub struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    flushed_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
    handles: HashMap<i32, Handle>,
}

/// How much of what was on its way came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrived {
    /// Only what was flushed.
    Nothing,
    All,
    /// Writes, but no making, removing, renaming.
    OnlyBytes,
    OnlyNames,
    /// A random part, one write of it torn.
    Part(u64),
}

pub type Image = BTreeMap<String, Vec<u8>>;

impl Disk {
    pub fn apply(&mut self, op: &Op) -> Outcome {
        match op {
            Op::Started => self.handles.clear(),
            Op::Opened { fd, name } => {
                let file = match self.names.get(name) {
                    Some(file) => *file,
                    None => {
                        self.files.push(File::default());
                        self.name(NameChange::Made(name.clone(), self.files.len() - 1));
                        self.files.len() - 1
                    }
                };
                self.handles.insert(*fd, Handle::File(file));
            }
            Op::OpenedFolder { fd } => {
                self.handles.insert(*fd, Handle::Folder);
            }
            Op::Wrote { fd, offset, bytes } => {
                self.file(*fd)?.pending.push(Change::Write { offset: *offset, bytes: bytes.clone() });
            }
            Op::Cut { fd, length } => self.file(*fd)?.pending.push(Change::Cut(*length)),
            Op::Flushed { fd } => match self.handles.get(fd) {
                Some(Handle::Folder) => {
                    self.pending_names.clear();
                    self.flushed_names.clone_from(&self.names);
                }
                _ => {
                    let file = self.file(*fd)?;
                    for change in std::mem::take(&mut file.pending) {
                        change.apply(&mut file.flushed);
                    }
                }
            },
            Op::Removed { name } => self.name(NameChange::Removed(name.clone())),
            Op::Renamed { from, to } => self.name(NameChange::Renamed(from.clone(), to.clone())),
            Op::Closed { fd } => {
                self.handles.remove(fd);
            }
            Op::Said => {}
        }
        Ok(())
    }

    fn name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    fn file(&mut self, fd: i32) -> Outcome<&mut File> {
        match self.handles.get(&fd) {
            Some(Handle::File(file)) => Ok(&mut self.files[*file]),
            _ => Err(format!("the log writes to handle {fd}, which it never opened").into()),
        }
    }

    /// The folder after power loss now.
    pub fn image(&self, arrived: Arrived) -> Image {
        let mut dice = Dice(match arrived {
            Arrived::Part(seed) => seed,
            _ => 0,
        });
        let names_that_came = match arrived {
            Arrived::Nothing | Arrived::OnlyBytes => 0,
            Arrived::All | Arrived::OnlyNames => self.pending_names.len(),
            Arrived::Part(_) => dice.below(self.pending_names.len() + 1),
        };
        let mut names = self.flushed_names.clone();
        for change in &self.pending_names[..names_that_came] {
            change.apply(&mut names);
        }
        let mut image = Image::new();
        for (name, file) in names {
            let file = &self.files[file];
            let mut bytes = file.flushed.clone();
            let torn = dice.below(file.pending.len().max(1));
            for (i, change) in file.pending.iter().enumerate() {
                match arrived {
                    Arrived::Nothing | Arrived::OnlyNames => {}
                    Arrived::All | Arrived::OnlyBytes => change.apply(&mut bytes),
                    Arrived::Part(_) if i == torn => change.torn(&mut dice).apply(&mut bytes),
                    Arrived::Part(_) => {
                        if dice.coin() {
                            change.apply(&mut bytes);
                        }
                    }
                }
            }
            image.insert(name, bytes);
        }
        if let (Arrived::Part(_), true) = (arrived, dice.coin()) {
            // What shared memory leaves behind is anything.
            image.insert(format!("{}-shm", super::VAULT), (0..32_768).map(|_| dice.next() as u8).collect());
        }
        image
    }

    /// Everything that could be on the disk now, told apart only where it differs.
    pub fn outcomes(&self, seeds: &[u64]) -> Vec<Arrived> {
        let mut outcomes = vec![Arrived::Nothing, Arrived::All];
        if !self.pending_names.is_empty() {
            outcomes.extend([Arrived::OnlyBytes, Arrived::OnlyNames]);
        }
        outcomes.extend(seeds.iter().map(|seed| Arrived::Part(*seed)));
        outcomes
    }
}

/// splitmix64: the same seed, the same disk.
pub struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}
