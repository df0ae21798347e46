//! A phone of the simulation: the real vault in a real file, the real engine, and one step at a time of what `driver.rs` does.

use super::truth::Typing;
use crate::Outcome;
use device::enrol::Applicant;
use device::jiff::Timestamp;
use device::{DeviceError, FileKeyStore, Phone, Pin, PinCost, RunningTime, Vault, VaultError};
use hub::LocalHub;
use protocol::{Engine, EnrolUri, Failure, Input, Output, SyncRequest, Trigger};
use record::{ContentHash, DeviceId, PatientId, StaffId};
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

pub const PIN: &str = "2468";

pub struct SimPhone {
    pub file: PathBuf,
    pub staff: StaffId,
    pub device: DeviceId,
    pub certificate: ContentHash,
    /// `None`: the process is dead, or the keys are gone.
    pub open: Option<Phone>,
    pub engine: Engine,
    pub todo: VecDeque<Output>,
    pub offered: Option<SyncRequest>,
    /// What the device's clock is off by, milliseconds.
    pub offset_ms: i64,
    pub wiped: bool,
    /// No file of it is left anywhere.
    pub lost: bool,
    /// How far it had read when it was locked.
    pub slept_at: Option<u64>,
    /// Who had withdrawn consent when the hub made the answer that is on its way.
    pub heard: BTreeSet<PatientId>,
    /// The disk takes so many pages more and is full then; `None`: it has room.
    pub room: Option<u32>,
    /// The vault has just refused the engine, for its full disk.
    pub refused: bool,
    /// What the vault refused and the screen still shows. It goes with the process.
    pub waits: Option<Typing>,
    /// Counts lives of the process: what was scheduled for an earlier one is nobody's.
    pub life: u64,
    /// A step is scheduled already.
    pub busy: bool,
    /// The laws were asked of the vault as it stands, when so many backups had been made; `None`: it may have changed since.
    pub asked: Option<u64>,
}

impl SimPhone {
    pub fn enrol(folder: &Path, hub: &LocalHub, staff: &StaffId) -> Outcome<Self> {
        let file = folder.join(format!("{staff}.vault"));
        let code = hub.store().write(|tx| tx.invite(staff))?.code;
        let ca = hub.store().keys().ca_fingerprint()?;
        let uri = EnrolUri { hub: "https://127.0.0.1:1".into(), ca, code: code.clone() };
        let cost = PinCost { kib: 8, passes: 1 };
        let store = FileKeyStore::beside(&file);
        let mut vault = Vault::create(&file, &store, &Pin::new(PIN)?, cost, RunningTime::now())?;
        let applicant = Applicant::new()?;
        let request = applicant.request(&code)?;
        let answer = hub.enrol(&request).map_err(|code| format!("enrolment: {code:?}"))?;
        let certificate = ContentHash::of(&answer.certificate);
        let device = answer.device;
        applicant.settle(&mut vault, &uri, answer)?;
        drop(vault);
        Ok(Self::switched_off(file, staff.clone(), device, certificate))
    }

    /// Another phone with the same files, as a copied device is.
    pub fn twin(&self, file: PathBuf) -> Self {
        Self::switched_off(file, self.staff.clone(), self.device, self.certificate)
    }

    fn switched_off(file: PathBuf, staff: StaffId, device: DeviceId, certificate: ContentHash) -> Self {
        Self {
            file,
            staff,
            device,
            certificate,
            open: None,
            engine: Engine::new(),
            todo: VecDeque::new(),
            offered: None,
            offset_ms: 0,
            wiped: false,
            lost: false,
            slept_at: None,
            heard: BTreeSet::new(),
            room: None,
            refused: false,
            waits: None,
            life: 0,
            busy: false,
            asked: None,
        }
    }

    /// Nobody will ever unlock it again.
    pub fn is_gone(&self) -> bool {
        self.wiped || self.lost
    }

    /// The process starts and is unlocked.
    pub fn start(&mut self, now: Timestamp) -> Outcome {
        self.asked = None;
        let store = FileKeyStore::beside(&self.file);
        match Phone::unlock(&self.file, &store, &Pin::new(PIN)?, now) {
            Ok(phone) => {
                phone.limit_room(self.room)?;
                // As the background does before its first sync.
                phone.catch_up();
                self.open = Some(phone);
            }
            Err(DeviceError::Vault(VaultError::Wiped)) => self.wiped = true,
            Err(error) => return Err(format!("{} does not open: {error}", self.staff).into()),
        }
        Ok(())
    }

    /// How much more its disk takes from now on.
    pub fn set_room(&mut self, pages: Option<u32>) -> Outcome {
        self.room = pages;
        match &self.open {
            Some(phone) => Ok(phone.limit_room(pages)?),
            None => Ok(()),
        }
    }

    /// kill -9 between any two transactions.
    pub fn kill(&mut self) {
        self.open = None;
        self.engine = Engine::new();
        self.todo.clear();
        self.offered = None;
        self.refused = false;
        self.waits = None;
        self.life += 1;
        self.busy = false;
    }

    pub fn trigger(&mut self, now_ms: i64, trigger: Trigger) {
        if self.open.is_some() {
            self.todo.extend(self.engine.handle(now_ms, Input::Trigger(trigger)));
        }
    }

    pub fn hear(&mut self, now_ms: i64, input: Result<Input, Failure>, dice: u32) {
        let input = input.unwrap_or_else(|failure| Input::Failed { failure, dice });
        self.todo.extend(self.engine.handle(now_ms, input));
    }

    /// Every file that the phone is.
    pub fn files(&self) -> Vec<PathBuf> {
        ["", "-wal", "-shm", ".device-key", ".attempts"]
            .iter()
            .map(|suffix| {
                let mut name = self.file.as_os_str().to_owned();
                name.push(suffix);
                PathBuf::from(name)
            })
            .collect()
    }
}
