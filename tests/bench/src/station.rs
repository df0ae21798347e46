//! Stations of the workload around a real hub: their patients, the notes that were there, and real phones.

use crate::Done;
use crate::cost::{Cost, spent};
use crate::dice::Dice;
use crate::documents::{Window, freezing, merging};
use crate::hub_process::HubProcess;
use crate::proxy::{Counted, Proxy};
use crate::wire;
use crate::workload::{Edit, Note, Op, Script, Workload};
use crate::written::{Hand, TEXT, Written, evening, spliced, timed_ops};
use device::http::HubLine;
use device::{FileKeyStore, Phone, Pin, PinCost, SyncReport};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use protocol::proof::prove;
use protocol::{Cursor, Entry, Failure, Kind, Series, SyncRequest};
use record::visit_note::{About, Actor, FieldValue};
use record::{DocumentId, Form, PatientId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;
use vault::Identity;

/// Argon2id that costs nothing: every phone here is unlocked before anything is measured.
const FREE: PinCost = PinCost { kib: 8, passes: 1 };
/// Staff of every station beside the authors of its notes.
pub const NURSE: &str = "day";
pub const COLLEAGUE: &str = "colleague";
pub(crate) const HOSPITAL: &str = "hp";
/// Patients with a summary from the hospital, where there are any.
pub const SUMMARIES: usize = 40;
/// Notes of one author in one request: few enough that the hub checks them before it answers.
pub(crate) const BATCH: usize = 20;

/// One thread, so that what it spends is what the phone spends.
pub fn runtime() -> Done<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

pub fn staff(name: &str, station: usize) -> String {
    format!("{name}-{station}")
}

pub(crate) fn station_id(station: usize) -> String {
    format!("st-{station}")
}

fn pin() -> Done<Pin> {
    Ok(Pin::new("2468")?)
}

/// A new device of somebody's, with its vault.
pub(crate) fn enrolled(hub: &HubProcess, staff: &str, vault: &Path) -> Done<Identity> {
    let uri = hub.invite(staff)?;
    Ok(runtime()?.block_on(device::enrol::enrol(vault, &uri, &pin()?, FREE))?)
}

/// A hub that serves stations with their notes.
pub struct World<'w> {
    pub hub: HubProcess,
    pub workload: &'w Workload,
    /// What the hub said of the hospital's bundles.
    pub intake: Value,
    folder: PathBuf,
    patients: Vec<PatientId>,
    /// By station, by the workload's number of a note.
    held: Vec<HashMap<&'w str, Written<'w>>>,
}

impl<'w> World<'w> {
    /// One station for each list of notes, with a consent for each of its patients. `summaries`: the hospital's bundles
    /// come whole, not only who the patients are.
    pub fn new(folder: PathBuf, workload: &'w Workload, stations: &[Vec<&'w Note>], summaries: bool) -> Done<Self> {
        std::fs::create_dir_all(&folder)?;
        let hub = HubProcess::new(folder.join("hub"))?;
        let name = "つばき中央病院";
        hub.run(&["facility", "add", "--id", HOSPITAL, "--kind", "hospital", "--name", name, "--disclosing"])?;
        let intake = take_bundles(&hub, &folder.join("fhir"), workload, summaries)?;
        let patients = patients(&hub, workload)?;
        let mut world = Self { hub, workload, intake, folder, patients, held: Vec::new() };
        for (station, notes) in stations.iter().enumerate() {
            world.open_station(station, notes)?;
        }
        world.hub.serve()?;
        for (station, notes) in stations.iter().enumerate() {
            let held = world.fill(station, notes)?;
            world.held.push(held);
        }
        Ok(world)
    }

    pub fn patient(&self, number: usize) -> Done<&PatientId> {
        Ok(self.patients.get(number).ok_or("a patient that the workload does not have")?)
    }

    /// A note that was there.
    pub fn held(&self, station: usize, id: &str) -> Done<&Written<'w>> {
        Ok(self.held.get(station).and_then(|notes| notes.get(id)).ok_or("a note that the station does not hold")?)
    }

    pub fn enrol(&self, staff: &str, name: &str) -> Done<(PathBuf, Identity)> {
        let vault = self.folder.join(format!("{name}.vault"));
        let identity = enrolled(&self.hub, staff, &vault)?;
        Ok((vault, identity))
    }

    /// A new phone, unlocked; it has never synchronised.
    pub fn nurse(&self, staff: &str, name: &str) -> Done<Nurse> {
        Nurse::unlock(self.enrol(staff, name)?.0)
    }

    fn open_station(&self, station: usize, notes: &[&Note]) -> Done {
        let (id, name) = (station_id(station), "訪問看護ステーション");
        self.hub.run(&["facility", "add", "--id", &id, "--kind", "station", "--name", name])?;
        for author in authors(notes).into_iter().chain([NURSE, COLLEAGUE]) {
            let staff = staff(author, station);
            let words = ["staff", "add", "--facility", &id, "--id", &staff, "--name", &staff, "--role", "nurse"];
            self.hub.run(&words)?;
        }
        let patients: BTreeSet<usize> = notes.iter().map(|note| note.patient).collect();
        for patient in patients {
            let patient = self.patient(patient)?.as_str();
            self.hub.run(&["consent", "add", "--patient", patient, "--disclosing", HOSPITAL, "--viewing", &id])?;
        }
        Ok(())
    }

    /// Every author's device brings what its owner wrote: the same entries that a phone makes, without a vault each.
    fn fill(&self, station: usize, notes: &[&'w Note]) -> Done<HashMap<&'w str, Written<'w>>> {
        let (runtime, mut dice) = (runtime()?, Dice::new(500 + station as u64));
        let mut writers: BTreeMap<&str, Writer> = BTreeMap::new();
        for author in authors(notes) {
            let staff = staff(author, station);
            writers.insert(author, Writer::new(self.enrol(&staff, &staff)?.1, &mut dice));
        }
        let mut held = HashMap::new();
        for note in notes {
            let writer = writers.get_mut(note.author.as_str()).ok_or("an author without a device")?;
            let about = About {
                patient: self.patient(note.patient)?.clone(),
                station: station_id(station).parse()?,
                visit: None,
            };
            let written = Written {
                doc: DocumentId::derive(&station_id(station), note.id.as_bytes()),
                about,
                // She unlocks the phone at every door.
                hand: Hand {
                    actor: Actor { device: writer.identity.device, session: dice.bytes() },
                    staff: writer.identity.staff.clone(),
                },
                at: note.at,
                ops: &note.ops,
            };
            writer.take(&written)?;
            if writer.waiting.len() == BATCH {
                writer.push(&runtime, &mut dice)?;
            }
            held.insert(note.id.as_str(), written);
        }
        writers.values_mut().try_for_each(|writer| writer.push(&runtime, &mut dice))?;
        Ok(held)
    }
}

fn authors<'n>(notes: &[&'n Note]) -> BTreeSet<&'n str> {
    notes.iter().map(|note| note.author.as_str()).collect()
}

pub(crate) fn take_bundles(hub: &HubProcess, folder: &Path, workload: &Workload, summaries: bool) -> Done<Value> {
    std::fs::create_dir_all(folder)?;
    for (number, bundle) in workload.bundles.iter().enumerate() {
        let mut bundle = bundle.clone();
        // The first is the Patient.
        if let Some(entries) = bundle["entry"].as_array_mut().filter(|_| !summaries || number >= SUMMARIES) {
            entries.truncate(1);
        }
        std::fs::write(folder.join(format!("{number:03}.json")), serde_json::to_vec(&bundle)?)?;
    }
    hub.take_in(HOSPITAL, folder)
}

/// The hub's numbers for the workload's patients, by the hospital's.
pub(crate) fn patients(hub: &HubProcess, workload: &Workload) -> Done<Vec<PatientId>> {
    let listed = hub.run(&["patient", "list"])?;
    let mut known: HashMap<&str, &str> = HashMap::new();
    for patient in listed.as_array().into_iter().flatten() {
        for local in patient["local_ids"].as_array().into_iter().flatten() {
            if let (Some(number), Some(id)) = (local["id"].as_str(), patient["id"].as_str()) {
                known.insert(number, id);
            }
        }
    }
    let patient = |bundle: &Value| -> Done<PatientId> {
        let number = bundle["entry"][0]["resource"]["identifier"][0]["value"].as_str();
        let id = number.and_then(|number| known.get(number)).ok_or("a patient that the hub did not take")?;
        Ok(id.parse()?)
    };
    workload.bundles.iter().map(patient).collect()
}

/// A device that brings finished notes.
pub(crate) struct Writer {
    pub identity: Identity,
    series: Series,
    next: u64,
    pub waiting: Vec<Entry>,
}

impl Writer {
    pub fn new(identity: Identity, dice: &mut Dice) -> Self {
        Self { identity, series: Series(wire::id(dice)), next: 1, waiting: Vec::new() }
    }

    pub fn take(&mut self, written: &Written<'_>) -> Done {
        let new = written.draft()?.entry_of(self.identity.device, 0)?.ok_or("a written note has an entry")?;
        self.waiting.push(Entry {
            seq: self.next + self.waiting.len() as u64,
            doc: written.doc,
            patient: written.about.patient.clone(),
            kind: Kind::from(Form::VisitNote.tag()),
            enc: new.encoding.into(),
            hash: new.hash,
            bytes: new.bytes,
        });
        Ok(())
    }

    pub fn push(&mut self, runtime: &Runtime, dice: &mut Dice) -> Done {
        let entries = std::mem::take(&mut self.waiting);
        let up_to = self.next + entries.len() as u64 - 1;
        let mut request = wire::request(self.identity.device, self.next, entries, dice);
        request.series = self.series;
        request.cursor = Cursor::START;
        // It does not listen.
        request.budget = 1;
        let line = HubLine::for_sync(&self.identity, 0).map_err(said)?;
        let request = proved(request, &self.identity)?;
        let (answer, _) = runtime.block_on(line.sync(&request)).map_err(said)?;
        if answer.received_up_to != up_to || !answer.held.is_empty() || !answer.rejected.is_empty() {
            return Err(format!("{} of the notes were not taken", self.identity.staff).into());
        }
        self.next = up_to + 1;
        Ok(())
    }
}

fn said(failure: Failure) -> String {
    format!("the hub: {failure:?}")
}

pub(crate) fn proved(request: SyncRequest, identity: &Identity) -> Done<SyncRequest> {
    let key = SigningKey::from_bytes(&<[u8; 32]>::try_from(identity.signing_key.as_slice())?);
    Ok(prove(request, &key))
}

/// One sync as it was seen from outside.
pub struct Synced {
    pub report: SyncReport,
    pub cost: Cost,
    pub line: Counted,
}

/// What a nurse wrote on one day, as the floor needs it.
pub struct Day<'w> {
    pub new: Vec<Written<'w>>,
    pub edited: Vec<(&'w Edit, Hand)>,
}

/// A real phone with a real vault.
pub struct Nurse {
    vault: PathBuf,
    pub phone: Phone,
}

impl Nurse {
    pub fn unlock(vault: PathBuf) -> Done<Self> {
        let phone = Phone::unlock(&vault, &FileKeyStore::beside(&vault), &pin()?, Timestamp::now())?;
        Ok(Self { vault, phone })
    }

    pub fn lock(self) -> PathBuf {
        self.vault
    }

    pub fn unlock_again(&mut self) -> Done {
        self.phone.suspend();
        self.phone = Self::unlock(self.vault.clone())?.phone;
        Ok(())
    }

    pub fn hand(&self) -> Hand {
        Hand { actor: self.phone.actor(), staff: self.phone.identity().staff.clone() }
    }

    /// A new note through the app's verbs.
    fn write<'w>(&self, patient: &PatientId, note: &'w Note) -> Done<Written<'w>> {
        let doc = self.phone.start_note(patient, None, note.at)?;
        self.phone.set_value(doc, "started_at", FieldValue::Time(note.at), note.at)?;
        self.edit(doc, &note.ops, note.at)?;
        let about = About { patient: patient.clone(), station: self.phone.identity().station.clone(), visit: None };
        Ok(Written { doc, about, hand: self.hand(), at: note.at, ops: &note.ops })
    }

    /// Edits of a note that is here, through the app's verbs.
    pub fn edit(&self, doc: DocumentId, ops: &[Op], from: Timestamp) -> Done {
        let mut shown = self.phone.show_note(doc)?.view.text(TEXT).to_string();
        for (op, now) in timed_ops(ops, from) {
            match op {
                Op::Set(field, value) => self.phone.set_value(doc, field, value.clone(), now)?,
                Op::Splice { at, delete, insert } => {
                    let typed = spliced(&shown, *at, *delete, insert);
                    self.phone.edit_text(doc, TEXT, &shown, &typed, now)?;
                    shown = typed;
                }
            }
        }
        Ok(())
    }

    /// Changes of one sitting in notes that were there.
    pub fn change<'w>(&self, world: &World<'w>, station: usize, edits: &'w [Edit]) -> Done<Vec<(&'w Edit, Hand)>> {
        for edit in edits {
            self.edit(world.held(station, &edit.id)?.doc, &edit.ops, evening()?)?;
        }
        Ok(edits.iter().map(|edit| (edit, self.hand())).collect())
    }

    /// A whole day; the phone is unlocked at every door.
    pub fn write_day<'w>(&mut self, world: &World<'w>, station: usize, script: &'w Script) -> Done<Day<'w>> {
        let mut new = Vec::new();
        for note in &script.new {
            self.unlock_again()?;
            new.push(self.write(world.patient(note.patient)?, note)?);
        }
        Ok(Day { new, edited: self.change(world, station, &script.edits)? })
    }

    /// A sync, and what it cost this thread.
    pub fn sync(&self, runtime: &Runtime, proxy: &Proxy) -> Done<Synced> {
        runtime.block_on(proxy.quiet());
        let (report, cost) = spent(|| Ok(runtime.block_on(self.phone.sync())?))?;
        Ok(Synced { report, cost, line: runtime.block_on(proxy.quiet()) })
    }

    /// A sync step by step, as the app's loop does it: what the vault spends on loading, line and codec on the exchange, the vault
    /// again on storing, and what is left for after the sync: merging what has arrived. Patients' records are left to the next sync.
    pub fn in_steps(&self, runtime: &Runtime) -> Done<Steps> {
        let mut steps = Steps::default();
        let identity = self.phone.identity();
        let mut window = Window::open(&self.vault, &pin()?)?;
        let (line, made) = spent(|| Ok(HubLine::for_sync(identity, 0).map_err(said)?))?;
        steps.line += made.cpu;
        let actor = self.phone.actor();
        let mut arrived = Vec::new();
        loop {
            steps.documents += freezing(&window.unsent()?, actor)?;
            let (request, load) = spent(|| Ok(self.phone.load_request()?))?;
            let ((answer, _), exchange) = spent(|| Ok(runtime.block_on(line.sync(&request)).map_err(said)?))?;
            let (_, store) = spent(|| Ok(self.phone.store_answer(&request, &answer, Timestamp::now())?))?;
            steps.load += load.cpu;
            steps.line += exchange.cpu;
            steps.store += store.cpu;
            arrived.extend(answer.feed);
            if !answer.more {
                steps.documents += merging(&arrived, &window.named(&arrived)?, actor)?;
                let (_, merge) = spent(|| Ok(self.phone.take_in_arrivals()?))?;
                steps.merge = merge.cpu;
                return Ok(steps);
            }
        }
    }
}

/// What the parts of a sync spend on this thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steps {
    pub load: Duration,
    pub line: Duration,
    pub store: Duration,
    pub merge: Duration,
    /// Of loading and merging, what the documents cost by themselves: the same once more, without a vault.
    pub documents: Duration,
}
