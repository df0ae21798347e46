//! Stations around one hub, each with many devices that come back with a day written beforehand.
//!
//! A device here has no vault: its notes are the record crate's drafts and entries, its requests and receipts the
//! protocol's, its line TLS with a certificate that the hub gave it. What a phone's own work costs is W1's and W3's matter.

use crate::Done;
use crate::dice::Dice;
use crate::herd::in_parallel;
use crate::hub_process::HubProcess;
use crate::line::{Heard, Line, tls_of};
use crate::station::{BATCH, COLLEAGUE, HOSPITAL, NURSE, Writer};
use crate::station::{enrolled, patients, proved, runtime, staff, station_id, take_bundles};
use crate::wire;
use crate::workload::{Edit, Note, Workload};
use crate::written::{Hand, Written, edit_draft, evening};
use protocol::codec;
use protocol::{Cursor, Entry, Epoch, Kind, Series, SyncRequest, WIRE_VERSION};
use record::visit_note::{About, Actor, Draft};
use record::{ContentHash, DocumentId, FacilityId, Form, PatientId};
use rustls::ClientConfig;
use rustls::client::Resumption;
use std::path::PathBuf;
use std::sync::Arc;
use vault::Identity;

/// Patients of a station.
const PATIENTS: usize = 12;
/// Notes of a station that are there from the beginning, to be edited.
pub const HELD: usize = 24;
/// A small day: notes begun, and notes of others added to.
pub const NEW: usize = 4;
pub const EDITS: usize = 2;
/// Bytes of feed that a device wants in one answer, as a phone does.
const BUDGET: u32 = 1 << 20;

/// An entry as it was sent, and as it must stand in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Told {
    doc: DocumentId,
    bytes: ContentHash,
}

/// A hub's stations.
pub struct Region<'w> {
    pub hub: HubProcess,
    pub stations: Vec<Station<'w>>,
    workload: &'w Workload,
    hands: usize,
}

pub struct Station<'w> {
    number: usize,
    id: FacilityId,
    patients: Vec<PatientId>,
    writer: Writer,
    held: Vec<Written<'w>>,
    /// Writes nothing, and reads the whole feed.
    reader: Device,
    pub devices: Vec<Device>,
    dice: Dice,
}

/// A device that was up to date before the hub went away.
pub struct Device {
    pub identity: Identity,
    pub tls: Arc<ClientConfig>,
    pub series: Series,
    /// Number of the next entry that it will write.
    pub next: u64,
    cursor: Cursor,
    epoch: Epoch,
    /// Notes that it has added to: never to one twice, since it would have to know of its first addition.
    edited: usize,
}

/// A day, ready to be sent.
pub struct Packed {
    pub station: usize,
    /// Among the station's devices.
    pub device: usize,
    pub body: Vec<u8>,
    /// From the first number on.
    pub hashes: Vec<(u64, ContentHash)>,
    pub told: Vec<Told>,
}

impl<'w> Region<'w> {
    /// So many stations with so many devices each; it serves.
    pub fn open(folder: PathBuf, workload: &'w Workload, stations: usize, devices: usize) -> Done<Self> {
        std::fs::create_dir_all(&folder)?;
        let mut hub = HubProcess::new(folder.join("hub"))?;
        let name = "つばき中央病院";
        hub.run(&["facility", "add", "--id", HOSPITAL, "--kind", "hospital", "--name", name, "--disclosing"])?;
        take_bundles(&hub, &folder.join("fhir"), workload, false)?;
        let everybody = patients(&hub, workload)?;
        let cared: Vec<Vec<PatientId>> = (0..stations)
            .map(|station| {
                (0..PATIENTS).map(|n| everybody[(station * PATIENTS + n) % everybody.len()].clone()).collect()
            })
            .collect();
        for (station, patients) in cared.iter().enumerate() {
            add_station(&hub, station, patients)?;
        }
        hub.serve()?;
        let hands = std::thread::available_parallelism()?.get();
        eprintln!("   ({} devices of {stations} stations are enrolled)", stations * devices);
        let vaults = folder.join("vaults");
        std::fs::create_dir_all(&vaults)?;
        // The writer, the reader, and those that come back.
        let wanted = (0..stations).flat_map(|station| (0..devices + 2).map(move |number| (station, number))).collect();
        let identities = in_parallel(hands, wanted, |(station, number): (usize, usize)| {
            let name = staff(if number < 2 { COLLEAGUE } else { NURSE }, station);
            enrolled(&hub, &name, &vaults.join(format!("{station}-{number}.vault")))
        })?;
        // Only who they are is needed.
        std::fs::remove_dir_all(&vaults)?;
        let mut identities = identities.into_iter();
        let mut opened = Vec::new();
        for (number, patients) in cared.into_iter().enumerate() {
            let of_station = identities.by_ref().take(devices + 2).collect();
            opened.push(Station::new(number, patients, of_station)?);
        }
        let mut region = Self { hub, stations: opened, workload, hands };
        region.remember(HELD, true)?;
        Ok(region)
    }

    /// So many notes more in each station's history.
    pub fn fill(&mut self, each: usize) -> Done {
        self.remember(each, false)
    }

    fn remember(&mut self, each: usize, editable: bool) -> Done {
        let (workload, stations) = (self.workload, self.stations.iter_mut().collect::<Vec<_>>());
        in_parallel(self.hands, stations, |station: &mut Station<'w>| station.fill(workload, each, editable))?;
        Ok(())
    }

    /// Every device hears of everything that there is. What was new, by station.
    pub fn catch_up(&mut self) -> Done<Vec<Vec<Told>>> {
        let port = self.hub.proxy.port;
        self.stations.iter_mut().map(|station| station.catch_up(port)).collect()
    }

    /// Everybody writes a day without a signal; a station `times` as much.
    pub fn pack(&mut self, times: impl Fn(usize) -> usize + Sync) -> Done<Vec<Packed>> {
        self.catch_up()?;
        let (workload, stations) = (self.workload, self.stations.iter_mut().collect::<Vec<_>>());
        let packed = in_parallel(self.hands, stations, |station: &mut Station<'w>| {
            let times = times(station.number);
            station.pack(workload, NEW * times, EDITS * times)
        })?;
        Ok(packed.into_iter().flatten().collect())
    }
}

fn add_station(hub: &HubProcess, station: usize, patients: &[PatientId]) -> Done {
    let id = station_id(station);
    hub.run(&["facility", "add", "--id", &id, "--kind", "station", "--name", "訪問看護ステーション"])?;
    for name in [NURSE, COLLEAGUE] {
        let staff = staff(name, station);
        hub.run(&["staff", "add", "--facility", &id, "--id", &staff, "--name", &staff, "--role", "nurse"])?;
    }
    for patient in patients {
        let patient = patient.as_str();
        hub.run(&["consent", "add", "--patient", patient, "--disclosing", HOSPITAL, "--viewing", &id])?;
    }
    Ok(())
}

impl<'w> Station<'w> {
    /// The first two of the devices write what was there, and read.
    fn new(number: usize, patients: Vec<PatientId>, identities: Vec<Identity>) -> Done<Self> {
        let (id, mut dice) = (station_id(number).parse::<FacilityId>()?, Dice::new(900 + number as u64));
        let mut identities = identities.into_iter();
        let writer = Writer::new(identities.next().ok_or("a station without a writer")?, &mut dice);
        let reader = Device::new(identities.next().ok_or("a station without a reader")?, &mut dice)?;
        let devices = identities.map(|identity| Device::new(identity, &mut dice)).collect::<Done<_>>()?;
        Ok(Self { number, id, patients, writer, held: Vec::new(), reader, devices, dice })
    }

    fn fill(&mut self, workload: &'w Workload, each: usize, editable: bool) -> Done {
        let runtime = runtime()?;
        for _ in 0..each {
            let note = &workload.notes[self.dice.below(workload.notes.len())];
            let about = about(&self.id, &self.patients, &mut self.dice);
            let written = begun(note, about, &self.writer.identity, &mut self.dice);
            self.writer.take(&written)?;
            if editable {
                self.held.push(written);
            }
            if self.writer.waiting.len() == BATCH {
                self.writer.push(&runtime, &mut self.dice)?;
            }
        }
        if self.writer.waiting.is_empty() { Ok(()) } else { self.writer.push(&runtime, &mut self.dice) }
    }

    fn catch_up(&mut self, port: u16) -> Done<Vec<Told>> {
        let told = self.reader.drain(port)?;
        for device in &mut self.devices {
            (device.cursor, device.epoch) = (self.reader.cursor, self.reader.epoch);
        }
        Ok(told)
    }

    fn pack(&mut self, workload: &'w Workload, new: usize, edits: usize) -> Done<Vec<Packed>> {
        let Self { number, id, patients, held, devices, dice, .. } = self;
        let notes: Vec<&Note> = workload.scripts.iter().flat_map(|script| &script.new).collect();
        let tails: Vec<&Edit> = workload.scripts.iter().flat_map(|script| &script.edits).collect();
        let mut packed = Vec::new();
        for (place, device) in devices.iter_mut().enumerate() {
            let mut entries = Vec::new();
            for _ in 0..new {
                let written = begun(dice.one_of(&notes), about(id, patients, dice), &device.identity, dice);
                entries.push(device.entry(&written, &mut written.draft()?)?);
            }
            for _ in 0..edits.min(held.len() - device.edited) {
                // Neighbours meet in some of them.
                let note = &held[(place * 3 + device.edited) % held.len()];
                let by = hand(&device.identity, dice);
                let mut draft = Draft::load(note.doc, Form::VisitNote, &note.draft()?.save(), &[], by.actor)?;
                draft.written_by(&by.staff);
                edit_draft(&mut draft, &dice.one_of(&tails).ops, evening()?)?;
                device.edited += 1;
                entries.push(device.entry(note, &mut draft)?);
            }
            packed.push(device.pack((*number, place), entries)?);
        }
        Ok(packed)
    }
}

fn about(station: &FacilityId, patients: &[PatientId], dice: &mut Dice) -> About {
    About { patient: patients[dice.below(patients.len())].clone(), station: station.clone(), visit: None }
}

/// She unlocks the phone at every door.
fn hand(identity: &Identity, dice: &mut Dice) -> Hand {
    Hand { actor: Actor { device: identity.device, session: dice.bytes() }, staff: identity.staff.clone() }
}

/// The workload's note once more, as somebody else's.
fn begun<'w>(note: &'w Note, about: About, identity: &Identity, dice: &mut Dice) -> Written<'w> {
    let (doc, hand) = (wire::id(dice), hand(identity, dice));
    Written { doc, about, hand, at: note.at, ops: &note.ops }
}

impl Device {
    fn new(identity: Identity, dice: &mut Dice) -> Done<Self> {
        let mut tls = tls_of(&identity)?;
        // A phone shakes hands anew in every run.
        tls.resumption = Resumption::disabled();
        Ok(Self {
            identity,
            tls: Arc::new(tls),
            series: Series(wire::id(dice)),
            next: 1,
            cursor: Cursor::START,
            epoch: Epoch(wire::id(dice)),
            edited: 0,
        })
    }

    /// What it wrote into a note; the number comes when all are packed.
    fn entry(&self, note: &Written<'_>, draft: &mut Draft) -> Done<Entry> {
        let new = draft.entry_of(self.identity.device, 0)?.ok_or("a written note has an entry")?;
        Ok(Entry {
            seq: 0,
            doc: note.doc,
            patient: note.about.patient.clone(),
            kind: Kind::from(Form::VisitNote.tag()),
            enc: new.encoding.into(),
            hash: new.hash,
            bytes: new.bytes,
        })
    }

    fn pack(&mut self, (station, device): (usize, usize), mut entries: Vec<Entry>) -> Done<Packed> {
        let first = self.next;
        for (entry, seq) in entries.iter_mut().zip(first..) {
            entry.seq = seq;
        }
        self.next = first + entries.len() as u64;
        let told = entries.iter().map(|entry| Told { doc: entry.doc, bytes: ContentHash::of(&entry.bytes) }).collect();
        let hashes = entries.iter().map(|entry| (entry.seq, entry.hash)).collect();
        let body = self.asks(self.cursor, first, entries)?;
        Ok(Packed { station, device, body, hashes, told })
    }

    /// A request's body.
    fn asks(&self, cursor: Cursor, first_seq: u64, entries: Vec<Entry>) -> Done<Vec<u8>> {
        let request = SyncRequest {
            v: WIRE_VERSION,
            device: self.identity.device,
            series: self.series,
            epoch: self.epoch,
            cursor,
            first_seq,
            entries,
            budget: BUDGET,
            earlier: Vec::new(),
            want: Vec::new(),
            derives: false,
            digests: Vec::new(),
            proof: None,
        };
        Ok(codec::encode(&proved(request, &self.identity)?)?)
    }

    /// The request for the feed's next page, when there is no more to send.
    pub fn asks_on(&self, cursor: Cursor) -> Done<Vec<u8>> {
        self.asks(cursor, self.next, Vec::new())
    }

    /// Reads the feed to its end.
    fn drain(&mut self, port: u16) -> Done<Vec<Told>> {
        let (mut line, mut told) = (Line::open(&self.tls, port)?, Vec::new());
        loop {
            match line.ask(&self.asks_on(self.cursor)?)? {
                Heard::Answer(answer) => {
                    let items = answer.feed.iter();
                    told.extend(items.map(|item| Told { doc: item.doc, bytes: ContentHash::of(&item.bytes) }));
                    (self.cursor, self.epoch) = (answer.next_cursor, answer.epoch);
                    if !answer.more {
                        return Ok(told);
                    }
                }
                Heard::Busy(wait) => {
                    std::thread::sleep(wait);
                    line = Line::open(&self.tls, port)?;
                }
                Heard::Refused(code) => return Err(format!("the hub refused a reader: {code:?}").into()),
            }
        }
    }
}
