//! What phones relay of others' words after the hub was put back. Changes carry no signature of their author: nothing of them
//! enters a document before a person has let it in, unless its author brings it herself meanwhile.

use super::bench::portions;
use super::{Checker, CopyVerdict, ask, statement_hash};
use crate::error::HubError;
use crate::store::{Chosen, CopyRow, CopyState, DeviceRow, ReadCopy, Tx, Who};
use crate::worker::{
    BringAnswer, BringRequest, BroughtEntry, Fate, NamedChange, Question, ReadAnswer, ReadRequest, RelayedChange,
};
use protocol::Kind;
use protocol::capsule::{Copy, SealedCopy};
use record::visit_note::{Encoding, NoteView, SignedAct, SignedConfirmation};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId};
use std::collections::{BTreeSet, HashMap, HashSet};

/// How often the worker may die over one request, and over one's own copies, from one state of their document to another.
pub(super) const DEATHS: usize = 3;

/// What the worker said of a document's relayed changes.
struct Brought {
    form: Form,
    fates: HashMap<i64, Fate>,
    /// The changes that go.
    gone: HashSet<ContentHash>,
    entries: Vec<BroughtEntry>,
    /// How the document would read with those that go.
    view: Option<NoteView>,
    /// How often the worker died over one of them.
    deaths: usize,
}

/// How a document would read with what is held of it as one patient's.
pub struct HeldReading {
    pub station: FacilityId,
    pub patient: PatientId,
    pub form: Form,
    pub bringers: Vec<DeviceId>,
    pub makers: Vec<DeviceId>,
    /// Changes that can be read now.
    pub goes: usize,
    /// Changes that something else has to come for.
    pub waits: usize,
    /// None if nothing can be read now.
    pub view: Option<NoteView>,
}

impl Brought {
    fn fate(&self, copy: &CopyRow) -> Fate {
        self.fates.get(&copy.id).copied().unwrap_or(Fate::Waits)
    }
}

impl Checker {
    /// Documents have changed, or may have: what was copied or relayed of them may have come from its author by now.
    pub(super) fn look_again(&self, docs: &[DocumentId]) {
        let held = self.store.read(|tx| {
            let held = |doc: &DocumentId| Ok((*doc, tx.holders_of_copies(*doc)?, tx.is_relayed_held(*doc)?));
            docs.iter().map(held).collect::<Result<Vec<_>, HubError>>()
        });
        match held {
            Ok(held) => held.into_iter().for_each(|(doc, own, is_relayed)| self.look_at_held(doc, &own, is_relayed)),
            Err(error) => tracing::error!(%error, "held copies were not looked for; they stay held"),
        }
    }

    /// One that cannot be looked at keeps no other from it.
    fn look_at_held(&self, doc: DocumentId, own: &[DeviceId], is_relayed: bool) {
        let mut looked: Vec<_> = own.iter().map(|device| self.look_at_copies(doc, *device)).collect();
        looked.extend(is_relayed.then(|| self.look_at_relayed(doc)));
        for error in looked.into_iter().filter_map(Result::err) {
            tracing::error!(%doc, %error, "held copies were not looked at; they stay held");
        }
    }

    /// Opens a request's relayed copies and looks whether each is what it says, before any of it counts. `None`: it does not open,
    /// this device may not bring it, or nobody could say.
    pub fn read_relayed(&self, by: &DeviceRow, copies: &[SealedCopy]) -> Result<Vec<Option<ReadCopy>>, HubError> {
        let mut read = self.store.read(|tx| {
            let open = |sealed: &SealedCopy| -> Result<Option<ReadCopy>, HubError> {
                let Some(copy) = tx.open_relayed(by, sealed)? else { return Ok(None) };
                Ok(Some(ReadCopy { is_sound: can_be(tx, &copy)?, copy }))
            };
            copies.iter().map(open).collect::<Result<Vec<Option<ReadCopy>>, HubError>>()
        })?;
        let (mut asked, mut changes) = (Vec::new(), Vec::new());
        for (at, one) in read.iter().enumerate() {
            if let Some(ReadCopy { copy, is_sound: true }) = one
                && let (Some(form), Some(device)) = (Form::from_tag(copy.kind.into()), copy.maker)
            {
                asked.push(at);
                let (doc, hash, bytes) = (copy.doc, copy.hash, copy.bytes.clone());
                changes.push(NamedChange { doc, form, device, hash, bytes });
            }
        }
        for (at, answer) in asked.into_iter().zip(self.read_changes(&changes)?) {
            match (answer, &mut read[at]) {
                (Some(is_sound), Some(one)) => one.is_sound = is_sound,
                (Some(_), None) => {}
                (None, one) => *one = None,
            }
        }
        Ok(read)
    }

    /// Which changes are what they say. `None`: the worker has died too often over this request.
    fn read_changes(&self, changes: &[NamedChange]) -> Result<Vec<Option<bool>>, HubError> {
        let (mut read, mut deaths) = (Vec::with_capacity(changes.len()), 0);
        for some in portions(changes, |change| change.bytes.len()) {
            let answer = if deaths < DEATHS { self.read_some(some)? } else { None };
            if let Some(answer) = answer {
                read.extend(answer.into_iter().map(Some));
                continue;
            }
            deaths += 1;
            // One by one, so that only the guilty one is left out.
            for one in some {
                if deaths >= DEATHS {
                    read.push(None);
                    continue;
                }
                let answer = self.read_some(std::slice::from_ref(one))?;
                deaths += usize::from(answer.is_none());
                read.push(Some(answer.is_some_and(|answer| answer.first() == Some(&true))));
            }
        }
        Ok(read)
    }

    fn read_some(&self, changes: &[NamedChange]) -> Result<Option<Vec<bool>>, HubError> {
        let mut worker = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let question = Question::Read(ReadRequest { changes: changes.to_vec() });
        let answer = ask(&mut worker, &question, |answer: &ReadAnswer| answer.sound.len() == changes.len())?;
        Ok(answer.map(|answer| answer.sound))
    }

    /// Looks at what is held of a document: what it holds by now is settled; what an author signed is taken once nothing else of
    /// the document waits for a person.
    pub fn look_at_relayed(&self, doc: DocumentId) -> Result<(), HubError> {
        let (stamp, unseen) = self.store.read(|tx| {
            let stamp = tx.relay_stamp(doc)?;
            let unseen = tx.unseen_changes(doc, &stamp)?;
            Ok((stamp, unseen))
        })?;
        let mut is_bent = false;
        for group in self.groups(doc, unseen)? {
            let brought = self.brought(doc, &group)?;
            is_bent |= self.store.write(|tx| {
                let is_bent = settle(tx, &group, &brought, None)? && brought.deaths == 0;
                // The same again would say the same, unless something was not come to.
                if !is_bent {
                    group.iter().try_for_each(|copy| tx.looked_at(copy.id, &stamp))?;
                }
                Ok(is_bent)
            })?;
        }
        if is_bent {
            // What was not come to for the bent ones; each time there are fewer.
            return self.look_at_relayed(doc);
        }
        let is_let_in = self.store.write(|tx| {
            let is_free = !tx.is_change_held(doc)?;
            let mut stamp = tx.relay_stamp(doc)?;
            stamp.push(u8::from(is_free));
            let unseen = tx.unseen_statements(doc, &stamp)?;
            unseen.iter().try_for_each(|copy| tx.looked_at(copy.id, &stamp))?;
            settle_signed(tx, &unseen, is_free)
        })?;
        if is_let_in { self.check_document(doc) } else { Ok(()) }
    }

    /// A person lets in what is held of a document, or some of it: it becomes entries of those who made it, and goes the way of
    /// every entry.
    pub fn accept_relayed(&self, doc: DocumentId, chosen: &Chosen) -> Result<CopyVerdict, HubError> {
        if !self.store.read(|tx| is_held(tx, doc, chosen))? {
            return Ok(CopyVerdict::Nothing);
        }
        let mut going = Vec::new();
        let held = self.store.read(|tx| tx.held_changes(doc, chosen))?;
        for group in self.groups(doc, held)? {
            let brought = self.brought(doc, &group)?;
            if !brought.entries.is_empty() {
                going.push((group, brought));
            }
        }
        if going.len() > 1 {
            return Err(HubError::SeveralPatients(doc));
        }
        self.store.write(|tx| {
            if let Some((group, brought)) = going.first() {
                let_in_changes(tx, group, brought)?;
            }
            let statements = tx.held_statements(doc, chosen)?;
            settle_signed(tx, &statements, true)?;
            let first = going.first().and_then(|(group, _)| group.first()).or(statements.first());
            let from = chosen.from.map(|from| format!(" from {from}")).unwrap_or_default();
            let patient = first.map(|copy| &copy.patient);
            tx.audit(&Who::Admin, "held_accept", patient, &format!("relayed-{doc}{from}"))
        })?;
        self.check_document(doc)?;
        let waits = self.store.read(|tx| is_held(tx, doc, chosen))?;
        Ok(if waits { CopyVerdict::Waiting } else { CopyVerdict::Accepted })
    }

    /// What a person would let in, before she does.
    pub fn read_held(&self, doc: DocumentId, chosen: &Chosen) -> Result<Vec<HeldReading>, HubError> {
        let mut readings = Vec::new();
        let held = self.store.read(|tx| tx.held_changes(doc, chosen))?;
        for group in self.groups(doc, held)? {
            let Some(first) = group.first() else { continue };
            let (station, patient) = (first.station.clone(), first.patient.clone());
            let brought = self.brought(doc, &group)?;
            let many = |fate: Fate| group.iter().filter(|copy| brought.fate(copy) == fate).count();
            let devices = |of: fn(&CopyRow) -> DeviceId| -> Vec<DeviceId> {
                let devices: BTreeSet<DeviceId> = group.iter().map(of).collect();
                devices.into_iter().collect()
            };
            readings.push(HeldReading {
                station,
                patient,
                form: brought.form,
                bringers: devices(|copy| copy.by),
                makers: devices(|copy| copy.device),
                goes: many(Fate::Goes),
                waits: many(Fate::Waits),
                view: brought.view,
            });
        }
        Ok(readings)
    }

    /// Changes held of a document, by whose and what it is said to be. What says something else of one that stands here is
    /// none of it.
    fn groups(&self, doc: DocumentId, copies: Vec<CopyRow>) -> Result<Vec<Vec<CopyRow>>, HubError> {
        if copies.is_empty() {
            return Ok(Vec::new());
        }
        self.store.write(|tx| {
            let mut groups: Vec<Vec<CopyRow>> = Vec::new();
            for copy in copies {
                if !tx.may_be_of(doc, (&copy.station, &copy.patient), copy.kind)? {
                    tx.settle_copy(copy.id, CopyState::Unreadable)?;
                    continue;
                }
                let of = |copy: &CopyRow| (copy.station.clone(), copy.patient.clone(), copy.kind);
                match groups.iter_mut().find(|group| group.first().map(of) == Some(of(&copy))) {
                    Some(group) => group.push(copy),
                    None => groups.push(vec![copy]),
                }
            }
            Ok(groups)
        })
    }

    /// Asks the worker about one group, some changes at a time: each question gets the document with what goes of those before.
    /// What was made on a device that this hub does not know (it was enrolled after the backup) waits.
    fn brought(&self, doc: DocumentId, copies: &[CopyRow]) -> Result<Brought, HubError> {
        let form = copies.first().and_then(|copy| Form::from_tag(copy.kind.into())).unwrap_or_default();
        let (mut document, known) = self.store.read(|tx| {
            let mut known: Vec<(&CopyRow, StaffId)> = Vec::new();
            for copy in copies {
                known.extend(tx.maker_of(copy)?.map(|maker| (copy, maker.staff)));
            }
            Ok((tx.note_document(doc)?, known))
        })?;
        let mut brought =
            Brought { form, fates: HashMap::new(), gone: HashSet::new(), entries: Vec::new(), view: None, deaths: 0 };
        // What stands on something that came later is asked about once more with it.
        let mut left = known;
        loop {
            let before = brought.gone.len();
            for some in portions(&left, |(copy, _)| copy.bytes.len()) {
                if !self.bring_some(&mut document, &mut brought, some)? {
                    return Ok(brought);
                }
            }
            left.retain(|(copy, _)| brought.fate(copy) == Fate::Waits);
            if left.is_empty() || brought.gone.len() == before {
                return Ok(brought);
            }
        }
    }

    /// One question, or one a change where the worker died over it, so that only the guilty one is left out. `false`: it has died
    /// too often.
    fn bring_some(
        &self,
        document: &mut Vec<u8>,
        brought: &mut Brought,
        some: &[(&CopyRow, StaffId)],
    ) -> Result<bool, HubError> {
        if self.bring(document, brought, some)? {
            return Ok(true);
        }
        for one in some {
            if brought.deaths >= DEATHS {
                return Ok(false);
            }
            if !self.bring(document, brought, std::slice::from_ref(one))? {
                brought.deaths += 1;
                brought.fates.insert(one.0.id, Fate::Unreadable);
            }
        }
        Ok(true)
    }

    /// One question. `false`: the worker did not answer.
    fn bring(
        &self,
        document: &mut Vec<u8>,
        brought: &mut Brought,
        some: &[(&CopyRow, StaffId)],
    ) -> Result<bool, HubError> {
        let Some((first, _)) = some.first() else { return Ok(true) };
        let change = |(copy, staff): &(&CopyRow, StaffId)| RelayedChange {
            device: copy.device,
            staff: staff.clone(),
            hash: copy.hash,
            bytes: copy.bytes.clone(),
        };
        let question = Question::Bring(BringRequest {
            doc: first.doc,
            form: brought.form,
            patient: first.patient.clone(),
            station: first.station.clone(),
            document: document.clone(),
            changes: some.iter().map(change).collect(),
        });
        let mut worker = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let answer = ask(&mut worker, &question, |answer: &BringAnswer| answer.fates.len() == some.len())?;
        let Some(answer) = answer else { return Ok(false) };
        for ((copy, _), fate) in some.iter().zip(answer.fates) {
            // What only goes with those before is not known here.
            let fate = if fate == Fate::Known && brought.gone.contains(&copy.hash) { Fate::Goes } else { fate };
            if fate == Fate::Goes {
                brought.gone.insert(copy.hash);
            }
            brought.fates.insert(copy.id, fate);
        }
        brought.entries.extend(answer.entries);
        brought.view = answer.view.or(brought.view.take());
        *document = answer.document;
        Ok(true)
    }
}

fn is_held(tx: &Tx<'_>, doc: DocumentId, chosen: &Chosen) -> Result<bool, HubError> {
    Ok(!tx.held_changes(doc, chosen)?.is_empty() || !tx.held_statements(doc, chosen)?.is_empty())
}

/// Settles what the worker said of a group; what goes is left held, unless somebody lets it in. Says whether something bends the
/// document, and others were not come to for it.
fn settle(tx: &Tx<'_>, group: &[CopyRow], brought: &Brought, goes: Option<CopyState>) -> Result<bool, HubError> {
    let (mut is_bent, mut waits) = (false, false);
    for copy in group {
        let state = match brought.fate(copy) {
            Fate::Known => Some(CopyState::Known),
            Fate::Unreadable => Some(CopyState::Unreadable),
            Fate::Goes => goes,
            Fate::Waits => None,
        };
        is_bent |= state == Some(CopyState::Unreadable);
        match state {
            Some(state) => tx.settle_copy(copy.id, state)?,
            None => waits = true,
        }
    }
    Ok(is_bent && waits)
}

fn let_in_changes(tx: &Tx<'_>, group: &[CopyRow], brought: &Brought) -> Result<(), HubError> {
    for entry in &brought.entries {
        // When the first of them arrived is when the hub heard of it.
        let of_maker = |copy: &&CopyRow| copy.device == entry.device && brought.fate(copy) == Fate::Goes;
        let Some(first) = group.iter().find(of_maker) else { continue };
        tx.relay_entry(first, Kind::from(brought.form.tag()), entry.enc, entry.hash, &entry.bytes)?;
    }
    settle(tx, group, brought, Some(CopyState::Accepted)).map(drop)
}

/// Settles what was signed about a document. What its author's key signed becomes an entry where nothing else waits (`is_free`):
/// nobody need look at it. Says whether something did.
fn settle_signed(tx: &Tx<'_>, copies: &[CopyRow], is_free: bool) -> Result<bool, HubError> {
    let mut is_let_in = false;
    for copy in copies {
        // Of a device that this hub does not know it waits.
        let maker = tx.maker_of(copy)?;
        if tx.has_passed(copy.doc, statement_hash(copy.doc, copy.hash))? {
            tx.settle_copy(copy.id, CopyState::Known)?;
        } else if let Some(maker) = maker {
            if !is_signed(copy, &maker) {
                tx.settle_copy(copy.id, CopyState::Unreadable)?;
            } else if is_free {
                let hash = statement_hash(copy.doc, copy.hash);
                tx.relay_entry(copy, copy.kind, Encoding::Cbor.into(), hash, &copy.bytes)?;
                tx.settle_copy(copy.id, CopyState::Accepted)?;
                let object = format!("{} {} of {}", copy.doc, copy.hash, copy.device);
                tx.audit(&Who::Device(copy.by), "relayed_signed", Some(&copy.patient), &object)?;
                is_let_in = true;
            }
        }
    }
    Ok(is_let_in)
}

/// Whether a relayed copy can be what it says, as far as anybody sees who does not read its document.
fn can_be(tx: &Tx<'_>, copy: &Copy) -> Result<bool, HubError> {
    let Some(maker) = copy.maker else { return Ok(false) };
    // One that this hub does not know may have been enrolled after the backup: what it made waits.
    let known = tx.device(maker)?;
    let is_colleague = known.as_ref().is_none_or(|known| known.station == copy.station);
    if !is_colleague || !tx.may_be_of(copy.doc, (&copy.station, &copy.patient), copy.kind)? {
        return Ok(false);
    }
    if copy.kind.is_document() {
        return Ok(true);
    }
    let Some(said) = Said::read(copy.kind, copy.doc, &copy.bytes) else { return Ok(false) };
    let is_about = said.patient == copy.patient && said.station == copy.station;
    let is_key = known.is_none_or(|known| said.is_by(&known));
    Ok(is_about && is_key && said.hash == copy.hash && said.device == maker)
}

/// Whether a statement carries its author's signature, by the key that this hub knows.
fn is_signed(copy: &CopyRow, maker: &DeviceRow) -> bool {
    Said::read(copy.kind, copy.doc, &copy.bytes).is_some_and(|said| {
        let is_about = said.patient == copy.patient && said.station == copy.station;
        is_about && said.hash == copy.hash && said.device == copy.device && said.is_by(maker)
    })
}

/// What a statement says of itself. The signature fits it.
struct Said {
    hash: ContentHash,
    key: Vec<u8>,
    device: DeviceId,
    staff: StaffId,
    patient: PatientId,
    station: FacilityId,
}

impl Said {
    fn read(kind: Kind, doc: DocumentId, bytes: &[u8]) -> Option<Self> {
        match kind {
            Kind::Confirmation => {
                let signed = SignedConfirmation::from_bytes(bytes).ok()?;
                let frozen = signed.open(doc).ok()?;
                let (hash, key, about) = (signed.hash(), signed.key, frozen.about);
                let (device, staff) = (frozen.device, frozen.staff);
                Some(Self { hash, key, device, staff, patient: about.patient, station: about.station })
            }
            Kind::Amendment => {
                let signed = SignedAct::from_bytes(bytes).ok()?;
                let act = signed.open(doc).ok()?;
                let (hash, key) = (signed.hash(), signed.key);
                Some(Self {
                    hash,
                    key,
                    device: act.device,
                    staff: act.staff,
                    patient: act.patient,
                    station: act.station,
                })
            }
            _ => None,
        }
    }

    fn is_by(&self, maker: &DeviceRow) -> bool {
        self.key == maker.signing_key && self.staff == maker.staff
    }
}

#[cfg(test)]
#[path = "relayed_tests.rs"]
mod tests;
