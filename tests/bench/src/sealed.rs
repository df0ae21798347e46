//! The vault with a station in it, used as the phone uses it; and the same rows for its plain peers.

use crate::Done;
use crate::cost::{Cost, spent};
use crate::dice::Dice;
use crate::nurse::MORNING;
use crate::plain::{self, Body};
use hpke::kem::X25519HkdfSha256;
use hpke::{Kem, Serializable};
use jiff::Timestamp;
use protocol::{Kind, Series};
use record::visit_note::RawChange;
use record::{
    ChangeHash, ContentHash, DataClass, DeviceId, DisclosedRecord, DocumentId, Form, Patient, PatientId, Sex, canonical,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use vault::{FileKeyStore, Identity, Item, NoteRow, Pin, PinCost, RunningTime, Tx, Vault, VaultError, Written};

/// A body as the product writes it.
pub struct Typed<T>(pub T);

impl<T: Serialize + DeserializeOwned> Body for Typed<T> {
    fn to_bytes(&self) -> Done<Vec<u8>> {
        Ok(canonical::to_bytes(&self.0)?)
    }
    fn from_bytes(bytes: &[u8]) -> Done<Self> {
        Ok(Self(canonical::from_bytes(bytes)?))
    }
}

pub struct Note {
    pub row: NoteRow,
    pub document: Vec<u8>,
    pub change: RawChange,
}

/// What a station's phone holds.
pub struct Station {
    /// Each patient's own item and records.
    pub patients: Vec<Vec<Item>>,
    /// Every patient's in turn, as days go by.
    pub notes: Vec<Note>,
}

impl Station {
    pub fn new(patients: usize, notes: usize, records: usize) -> Done<Self> {
        let mut dice = Dice::new(6);
        let ids: Vec<PatientId> = (0..patients).map(|n| format!("p-{n:06}").parse()).collect::<Result<_, _>>()?;
        let items = |patient, dice: &mut Dice| -> Done<Vec<Item>> {
            let mut items = vec![demographics(patient)?];
            for n in 0..records {
                items.push(record(patient, n, dice)?);
            }
            Ok(items)
        };
        Ok(Self {
            patients: ids.iter().map(|patient| items(patient, &mut dice)).collect::<Done<_>>()?,
            notes: (0..notes).map(|n| note(&ids[n % patients], n, &mut dice)).collect::<Done<_>>()?,
        })
    }

    /// The same rows for a plain database, each body made by `body_of_row` and `body_of_item`.
    pub fn plain<N, I>(
        &self,
        path: PathBuf,
        schema: Vec<String>,
        body_of_row: impl Fn(&NoteRow) -> Done<N>,
        body_of_item: impl Fn(&Item) -> Done<I>,
    ) -> Done<plain::Plain<N, I>> {
        let tag = |patient: &PatientId| DocumentId::derive("patient", patient.as_str().as_bytes()).0;
        let item = |item: &Item| -> Done<plain::Item<I>> {
            Ok(plain::Item {
                kind: u8::from(item.kind),
                key: item.doc.0,
                patient: item.patient.as_ref().map_or([0; 16], tag),
                body: body_of_item(item)?,
            })
        };
        let note = |note: &Note| -> Done<plain::Note<N>> {
            Ok(plain::Note {
                key: note.row.note.0,
                patient: tag(&note.row.patient),
                row: body_of_row(&note.row)?,
                document: note.document.clone(),
                change: note.change.bytes.clone(),
            })
        };
        Ok(plain::Plain {
            path,
            key: None,
            schema,
            notes: self.notes.iter().map(note).collect::<Done<_>>()?,
            patients: self.patients.iter().map(|items| items.iter().map(item).collect()).collect::<Done<_>>()?,
        })
    }
}

fn demographics(patient: &PatientId) -> Done<Item> {
    let body = Patient {
        id: patient.clone(),
        name: "仮青木 澄江".into(),
        kana: "カリアオキ スミエ".into(),
        birth_date: None,
        sex: Sex::Female,
        address: Some("久留米市仮町一丁目2-3".into()),
        phone: Some("0942-00-0000".into()),
        local_ids: Vec::new(),
    };
    let doc = DocumentId::derive("patient", patient.as_str().as_bytes());
    Ok(Item {
        kind: Kind::Patient,
        doc,
        patient: Some(patient.clone()),
        source: None,
        body: canonical::to_bytes(&body)?,
    })
}

fn record(patient: &PatientId, n: usize, dice: &mut Dice) -> Done<Item> {
    let body = DisclosedRecord {
        facility: "hp".parse()?,
        class: DataClass::Document,
        source_key: n.to_string(),
        as_of: Timestamp::from_second(MORNING + n as i64 * 3_600)?,
        date: None,
        text: "アムロジピン錠5mg".into(),
        code: None,
        value: Some("1".into()),
        unit: Some("錠".into()),
        flag: None,
        detail: Some("1日1回 朝食後 28日分".into()),
        body: None,
        deleted: false,
    };
    Ok(Item {
        kind: Kind::Record,
        doc: DocumentId::from_random(dice.bytes()),
        patient: Some(patient.clone()),
        source: Some("hp".parse()?),
        body: canonical::to_bytes(&body)?,
    })
}

fn note(patient: &PatientId, n: usize, dice: &mut Dice) -> Done<Note> {
    let at = Timestamp::from_second(MORNING - n as i64 * 600)?;
    let id = DocumentId::from_random(dice.bytes());
    let row = NoteRow {
        author: Some("nurse-a".parse()?),
        started_at: Some(at),
        ended_at: Some(at),
        heads: vec![ChangeHash(dice.bytes())],
        ..NoteRow::draft(id, Form::VisitNote, patient.clone(), at)
    };
    let document = bytes(2_000 + dice.below(2_000), dice);
    Ok(Note { row, document, change: RawChange { hash: ChangeHash(dice.bytes()), bytes: bytes(250, dice) } })
}

fn bytes(length: usize, dice: &mut Dice) -> Vec<u8> {
    (0..length.div_ceil(8)).flat_map(|_| dice.roll().to_le_bytes()).take(length).collect()
}

/// A vault, and what it is filled with.
pub struct Sealed<'s> {
    pub path: PathBuf,
    pub cost: PinCost,
    /// Whether a copy of each change is sealed to the hub.
    pub copies: bool,
    pub station: &'s Station,
}

impl Sealed<'_> {
    fn store(&self) -> FileKeyStore {
        FileKeyStore::beside(&self.path)
    }

    pub fn open(&self) -> Done<Vault> {
        Ok(Vault::open(&self.path, &self.store(), &Pin::new("2468")?, RunningTime::now())?)
    }

    /// A new file with its items in it.
    pub fn insert_items(&self) -> Done<Cost> {
        plain::remove(&self.path)?;
        let mut vault = Vault::create(&self.path, &self.store(), &Pin::new("2468")?, self.cost, RunningTime::now())?;
        let ((), cost) = spent(|| {
            for items in &self.station.patients {
                vault.write(|tx| items.iter().try_for_each(|item| tx.put_item(item)))?;
            }
            Ok(())
        })?;
        Ok(cost)
    }

    /// Behind the items, so many notes a transaction.
    pub fn insert_notes(&self, at_once: usize) -> Done<Cost> {
        let mut vault = self.open()?;
        if self.copies {
            vault.seal_copies(&identity()?, Series(DocumentId([2; 16])))?;
        }
        let ((), cost) = spent(|| {
            for notes in self.station.notes.chunks(at_once) {
                vault.write(|tx| notes.iter().try_for_each(|note| self.put(tx, note)))?;
            }
            Ok(())
        })?;
        Ok(cost)
    }

    /// All of it in a few transactions, unmeasured.
    pub fn fill(&self) -> Done {
        self.insert_items()?;
        self.insert_notes(500)?;
        Ok(())
    }

    fn put(&self, tx: &mut Tx<'_>, note: &Note) -> Result<(), VaultError> {
        if self.copies {
            tx.put_copy(&Written {
                doc: note.row.note,
                patient: &note.row.patient,
                kind: Kind::Note,
                hash: ContentHash(note.change.hash.0),
                bytes: &note.change.bytes,
                at: note.row.changed_at.as_millisecond(),
            })?;
        }
        tx.put_note(&note.row, Some(&note.document), true, 0)?;
        tx.add_change(note.row.note, &note.row.patient, &note.change)
    }

    /// Opening the file and listing its patients.
    pub fn list(&self) -> Done<Cost> {
        let ((_vault, patients), cost) = spent(|| {
            let mut vault = self.open()?;
            let patients = vault.read(|tx| tx.items(Kind::Patient, None))?;
            Ok((vault, patients))
        })?;
        if patients.len() == self.station.patients.len() { Ok(cost) } else { Err("not all patients".into()) }
    }

    /// Opening the file alone.
    pub fn unlock(&self) -> Done<Cost> {
        Ok(spent(|| self.open())?.1)
    }

    /// The patients of a vault that is open.
    pub fn list_opened(&self) -> Done<Cost> {
        let mut vault = self.open()?;
        Ok(spent(|| Ok(vault.read(|tx| tx.items(Kind::Patient, None))?))?.1)
    }

    /// Every note whole, one by one.
    pub fn read_notes(&self) -> Done<Cost> {
        let mut vault = self.open()?;
        let (bytes, cost) = spent(|| {
            let bytes = vault.read(|tx| {
                let mut bytes = 0;
                for note in &self.station.notes {
                    let note = tx.note(note.row.note)?.ok_or(VaultError::Missing("a note"))?;
                    bytes += note.document.len() + note.tail.iter().map(Vec::len).sum::<usize>();
                    std::hint::black_box(note);
                }
                Ok::<_, VaultError>(bytes)
            })?;
            Ok(bytes)
        })?;
        let all: usize = self.station.notes.iter().map(|note| note.document.len() + note.change.bytes.len()).sum();
        if bytes == all { Ok(cost) } else { Err("not all notes".into()) }
    }

    /// The records of one patient after the other, as her screen shows them.
    pub fn read_records(&self) -> Done<Cost> {
        let mut vault = self.open()?;
        let (count, cost) = spent(|| {
            let mut count = 0;
            for items in &self.station.patients {
                let patient = items.first().and_then(|item| item.patient.as_ref());
                count += std::hint::black_box(vault.read(|tx| tx.items(Kind::Record, patient))?).len();
            }
            Ok(count)
        })?;
        let all: usize = self.station.patients.iter().flatten().filter(|item| item.kind == Kind::Record).count();
        if count == all { Ok(cost) } else { Err("not all records".into()) }
    }
}

fn identity() -> Done<Identity> {
    let (_, hub) = X25519HkdfSha256::derive_keypair(&[7; 32]);
    Ok(Identity {
        device: DeviceId([1; 8]),
        staff: "nurse-a".parse()?,
        staff_name: "看護師".into(),
        station: "st-1".parse()?,
        station_name: "訪問看護ステーション".into(),
        hub_name: "くるめ".into(),
        hub_url: "https://127.0.0.1:1".into(),
        ca: Vec::new(),
        certificate: Vec::new(),
        tls_key: Vec::new(),
        signing_key: vec![9; 32],
        receipt_key: vec![8; 32],
        sealing_key: hub.to_bytes().to_vec(),
    })
}
