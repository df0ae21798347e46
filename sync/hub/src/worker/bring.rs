//! Changes that phones relay for others: which are news, and what entries of their makers would carry them.

use super::names_only;
use record::visit_note::changes::Incoming;
use record::visit_note::{Actor, Draft, NoteView, changes};
use record::{ChangeHash, ContentHash, DeviceId, DocumentId, FacilityId, Form, PatientId, StaffId};
use serde::{Deserialize, Serialize};

/// Most changes in one entry that is made here.
const TOGETHER: usize = 64;
/// After so many that bend the document the rest is left for the next question: for each the document is made anew.
const BENT: usize = 16;

/// Changes that came relayed: which are what they are said to be. Nothing but themselves is opened for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReadRequest {
    pub changes: Vec<NamedChange>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct NamedChange {
    pub doc: DocumentId,
    pub form: Form,
    /// Who made it, as whoever brings it says.
    pub device: DeviceId,
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ReadAnswer {
    /// One per change.
    pub sound: Vec<bool>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BringRequest {
    pub doc: DocumentId,
    pub form: Form,
    /// Whose document it is said to be.
    pub patient: PatientId,
    pub station: FacilityId,
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    pub changes: Vec<RelayedChange>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RelayedChange {
    /// Who made it, as whoever brings it says.
    pub device: DeviceId,
    /// Whose device that is, as the hub knows it.
    pub staff: StaffId,
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BringAnswer {
    /// One per change.
    pub fates: Vec<Fate>,
    /// In the order in which each can be read.
    pub entries: Vec<BroughtEntry>,
    /// The document with everything that goes: the next question's.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    /// How it reads; none if nothing goes.
    pub view: Option<NoteView>,
}

/// What is to become of a relayed change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fate {
    /// It is not what it is said to be, or it bends the document.
    Unreadable,
    /// The document holds it.
    Known,
    /// Something that it stands on is missing, or it was not come to.
    Waits,
    /// One of the entries carries it.
    Goes,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BroughtEntry {
    pub device: DeviceId,
    pub enc: u8,
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// A change that was applied, by its place in the request.
type Applied = (usize, Incoming);

/// People wrote in turns: each change stands on others' before it. They go into entries of one maker each, in that order. Of
/// each is asked what is asked of an entry, so that a bad one holds up nothing but what stands on it.
pub(super) fn bring(request: &BringRequest) -> BringAnswer {
    let mut fates = vec![Fate::Waits; request.changes.len()];
    let nothing = |fates| BringAnswer { fates, entries: Vec::new(), document: request.document.clone(), view: None };
    let Some(mut draft) = with(request, &[]) else { return nothing(fates) };
    let mut waiting = Vec::new();
    for (at, change) in request.changes.iter().enumerate() {
        match read((request.doc, request.form), change.device, change.hash, &change.bytes) {
            Some(_) if draft.knows(ChangeHash(change.hash.0)) => fates[at] = Fate::Known,
            Some(one) => waiting.push((at, one)),
            None => fates[at] = Fate::Unreadable,
        }
    }
    let (mut gone, mut bent): (Vec<Applied>, usize) = (Vec::new(), 0);
    loop {
        let before = gone.len();
        let mut left = Vec::new();
        for (at, one) in waiting {
            let change = &request.changes[at];
            if bent == BENT || !draft.has_parents_of(&one) {
                left.push((at, one));
            } else if draft.knows(ChangeHash(change.hash.0)) {
                // The same once more, in other bytes.
                fates[at] = Fate::Goes;
            } else if fits(&mut draft, request, change, &one) {
                fates[at] = Fate::Goes;
                gone.push((at, one));
            } else {
                fates[at] = Fate::Unreadable;
                bent += 1;
                match with(request, &gone) {
                    Some(sound) => draft = sound,
                    // What was applied a moment ago is not any more: nothing is believed.
                    None => return nothing(all_wait(fates)),
                }
            }
        }
        waiting = left;
        if gone.len() == before {
            break;
        }
    }
    let maker = |one: &Applied| request.changes[one.0].device;
    let mut entries = Vec::new();
    for run in gone.chunk_by(|one, next| maker(one) == maker(next)).flat_map(|run| run.chunks(TOGETHER)) {
        match carried(&mut draft, request, run) {
            Ok(some) => entries.extend(some),
            Err(at) => {
                // The others are asked about without this one.
                fates[at] = Fate::Unreadable;
                return nothing(all_wait(fates));
            }
        }
    }
    if gone.is_empty() {
        return nothing(fates);
    }
    match draft.view() {
        Ok(view) => BringAnswer { fates, entries, document: draft.save(), view: Some(view) },
        Err(_) => nothing(all_wait(fates)),
    }
}

pub(super) fn read_all(request: &ReadRequest) -> ReadAnswer {
    let is_sound = |one: &NamedChange| read((one.doc, one.form), one.device, one.hash, &one.bytes).is_some();
    ReadAnswer { sound: request.changes.iter().map(is_sound).collect() }
}

/// A change alone, if it is what it is said to be. One by one, so that a bad one does not hide the others.
fn read((doc, form): (DocumentId, Form), by: DeviceId, hash: ContentHash, bytes: &[u8]) -> Option<Incoming> {
    let one = changes::decode_singly(doc, form, &[bytes.to_vec()]).ok()?;
    let is_named = one.made().iter().all(|made| made.hash().0 == hash.0);
    (is_named && one.is_by(by)).then_some(one)
}

/// The document as it stands, with these.
fn with(request: &BringRequest, applied: &[Applied]) -> Option<Draft> {
    let mut draft = Draft::load(request.doc, request.form, &request.document, &[], Actor::READER).ok()?;
    for (_, one) in applied {
        draft.apply(one).ok()?;
    }
    draft.authors().is_ok().then_some(draft)
}

/// Applies a change. `false`: it bends the document, which is not to be used any more.
fn fits(draft: &mut Draft, request: &BringRequest, change: &RelayedChange, one: &Incoming) -> bool {
    let Ok(authors) = draft.authors() else { return false };
    draft.apply(one).is_ok()
        && draft.is_sound(&request.patient, &request.station)
        && draft.authors().is_ok_and(|after| names_only(&after, &authors, change.device, &change.staff))
}

/// The entry that carries these changes of one maker; more than one where it would be too large. Or the one that fits into none.
fn carried(draft: &mut Draft, request: &BringRequest, run: &[Applied]) -> Result<Vec<BroughtEntry>, usize> {
    let Some((first, _)) = run.first() else { return Ok(Vec::new()) };
    let hashes: Vec<ChangeHash> = run.iter().map(|(at, _)| ChangeHash(request.changes[*at].hash.0)).collect();
    match draft.entry_with(&hashes) {
        Ok(entry) => {
            let device = request.changes[*first].device;
            Ok(vec![BroughtEntry { device, enc: entry.encoding.into(), hash: entry.hash, bytes: entry.bytes }])
        }
        Err(_) if run.len() > 1 => {
            let (one, other) = run.split_at(run.len() / 2);
            let mut entries = carried(draft, request, one)?;
            entries.extend(carried(draft, request, other)?);
            Ok(entries)
        }
        Err(_) => Err(*first),
    }
}

fn all_wait(mut fates: Vec<Fate>) -> Vec<Fate> {
    fates.iter_mut().filter(|fate| **fate == Fate::Goes).for_each(|fate| *fate = Fate::Waits);
    fates
}
