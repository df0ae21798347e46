//! Sealed copies that arrived without a PIN: opened, kept, and held for a person where they are news.

use super::facilities::id;
use super::{PhotoTag, Tx};
use crate::error::HubError;
use protocol::capsule::{self, Copy, SealedCopy, relay_series};
use protocol::{Entry, Kind, ReceiptItem, Series};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId};
use rusqlite::{OptionalExtension, Row};

/// Where a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// News, for a person to let in.
    Held,
    /// The hub had it from the device itself.
    Known,
    Accepted,
    Returned,
    /// Does not open; kept as it came.
    Unreadable,
}

impl CopyState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            CopyState::Held => "held",
            CopyState::Known => "known",
            CopyState::Accepted => "accepted",
            CopyState::Returned => "returned",
            CopyState::Unreadable => "unreadable",
        }
    }
}

/// A copy as stored, body opened.
pub struct CopyRow {
    pub id: i64,
    /// Who made it, whoever brought it.
    pub device: DeviceId,
    /// Who brought it.
    pub by: DeviceId,
    pub station: FacilityId,
    pub doc: DocumentId,
    pub patient: PatientId,
    pub kind: Kind,
    pub hash: ContentHash,
    pub made_at: i64,
    pub received_at: i64,
    pub bytes: Vec<u8>,
}

/// Held copies of one device for one document.
#[derive(Debug, Clone)]
pub struct HeldCopies {
    pub doc: DocumentId,
    pub device: DeviceId,
    pub station: FacilityId,
    pub patient: PatientId,
    pub changes: u64,
    pub received_at: i64,
}

/// What a request's copies came to.
#[derive(Default)]
pub struct TakenCopies {
    pub receipt: Vec<(ReceiptItem, ContentHash)>,
    /// Documents of which something is new.
    pub documents: Vec<DocumentId>,
    /// Documents of which somebody else's words are new: relayed. Of one's own request there are none.
    pub relayed: Vec<DocumentId>,
    /// Photos of which pieces are new.
    pub photos: Vec<PhotoTag>,
}

/// Behind them the hash of the copy as it came: what its body is sealed under here.
pub(super) const COLUMNS: &str =
    "id, coalesce(maker, device), station, doc, patient, kind, hash, made_at, received_at, sealed, sealed_hash, device";

impl Tx<'_> {
    /// Takes a request's copies: everything is on disk before the receipt, what does not open as it came.
    pub fn accept_copies(
        &self,
        device: DeviceId,
        station: &FacilityId,
        signing_key: &[u8],
        series: Series,
        copies: &[SealedCopy],
    ) -> Result<TakenCopies, HubError> {
        let mut taken = TakenCopies::default();
        let received_at = self.receipt_time()?;
        for sealed in copies {
            let known = self.copy_received_at(device, series, sealed)?;
            if known.is_none() {
                // Somebody else's words come in a series of their own.
                let copy = self.opened((device, station, signing_key), series, sealed)?;
                let copy = copy.filter(|copy| copy.maker.is_none());
                let state = if copy.is_some() { CopyState::Held } else { CopyState::Unreadable };
                self.put_copy((device, station), series, (sealed, state, copy.as_ref()), received_at)?;
                match copy {
                    Some(copy) if copy.kind == Kind::PhotoPiece => {
                        taken.photos.push(self.photo_tag(station, &copy.hash));
                    }
                    Some(copy) => taken.documents.push(copy.doc),
                    None => {}
                }
            }
            taken.receipt.push((ReceiptItem { seq: sealed.n, at: known.unwrap_or(received_at) }, sealed.hash()));
        }
        taken.documents.sort_unstable();
        taken.documents.dedup();
        taken.photos.sort_unstable();
        taken.photos.dedup();
        Ok(taken)
    }

    /// When this very copy came before.
    pub(super) fn copy_received_at(
        &self,
        device: DeviceId,
        series: Series,
        sealed: &SealedCopy,
    ) -> Result<Option<i64>, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT received_at FROM capsule WHERE device = ?1 AND series = ?2 AND n = ?3 AND sealed_hash = ?4",
            )?
            .query_row((device.0, series.0.0, sealed.n as i64, sealed.hash().0), |r| r.get(0))
            .optional()?)
    }

    /// What a copy holds; `None`: it does not open, or is none that this device may bring.
    pub(super) fn opened(
        &self,
        (device, station, signing_key): (DeviceId, &FacilityId, &[u8]),
        series: Series,
        sealed: &SealedCopy,
    ) -> Result<Option<Copy>, HubError> {
        let Ok(mut copy) = capsule::open(self.keys.sealing_secret(), device, series, sealed, signing_key) else {
            return Ok(None);
        };
        copy.maker = copy.maker.filter(|maker| *maker != device);
        let may = match copy.maker {
            None => true,
            // Others' words only after a restore, in their own series, and from somebody who may still read them.
            Some(_) => {
                let written = copy.kind.is_document() || matches!(copy.kind, Kind::Confirmation | Kind::Amendment);
                written
                    && series == relay_series(device)
                    && self.takes_relayed()?
                    && self.device(device)?.is_some_and(|by| by.revoked_at.is_none())
            }
        };
        Ok((may && copy.station == *station).then_some(copy))
    }

    pub(super) fn put_copy(
        &self,
        (device, station): (DeviceId, &FacilityId),
        series: Series,
        (sealed, state, copy): (&SealedCopy, CopyState, Option<&Copy>),
        received_at: i64,
    ) -> Result<(), HubError> {
        let sealed_hash = sealed.hash();
        // A photo's own hash stands nowhere in clear.
        let hash = copy.map(|copy| match copy.kind {
            Kind::PhotoPiece => self.photo_tag(station, &copy.hash),
            _ => copy.hash.0,
        });
        let body = match copy {
            Some(copy) => self.keys.seal("capsule", &sealed_hash.0, &copy.bytes)?,
            None => [sealed.enc.as_slice(), &sealed.sealed].concat(),
        };
        self.sql
            .prepare_cached(
                "INSERT INTO capsule (device, series, n, sealed_hash, received_at, station, doc, patient, kind, hash, made_at, state, sealed, maker, name)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(rusqlite::params![
                device.0,
                series.0.0,
                sealed.n as i64,
                sealed_hash.0,
                received_at,
                station.as_str(),
                copy.map(|c| c.doc.0),
                copy.map(|c| c.patient.as_str()),
                copy.map(|c| u8::from(c.kind)),
                hash,
                copy.map(|c| c.at),
                state.as_str(),
                body,
                copy.and_then(|c| c.maker).map(|maker| maker.0),
                copy.and_then(|c| Some(self.name_of(c, c.maker?))),
            ])?;
        Ok(())
    }

    /// What a person has to decide about, of one document and device. A photo's bytes are no such thing: only a note shows it.
    pub fn held_copies(&self, doc: DocumentId, device: DeviceId) -> Result<Vec<CopyRow>, HubError> {
        self.own_where(doc, device, None)
    }

    /// Of them those that nobody has looked at with the document at this state, and over which the worker has died less often.
    pub fn unseen_copies(
        &self,
        doc: DocumentId,
        device: DeviceId,
        looked: (&[u8], u8),
    ) -> Result<Vec<CopyRow>, HubError> {
        self.own_where(doc, device, Some(looked))
    }

    fn own_where(
        &self,
        doc: DocumentId,
        device: DeviceId,
        unlike: Option<(&[u8], u8)>,
    ) -> Result<Vec<CopyRow>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM capsule WHERE doc = ?1 AND device = ?2 AND state = 'held' AND kind <> ?3
                 AND maker IS NULL AND (?4 IS NULL OR looked IS NULL
                     OR (substr(looked, 1, length(looked) - 1) <> ?4 AND substr(looked, -1) < ?5))
                 ORDER BY made_at, n"
        ))?;
        let (stamp, deaths) = unlike.map(|(stamp, deaths)| (stamp, [deaths])).unzip();
        let asked = (doc.0, device.0, u8::from(Kind::PhotoPiece), stamp, deaths);
        let rows = statement.query_map(asked, read_copy)?;
        self.open_copies(rows.collect::<Result<_, _>>()?)
    }

    /// Notes at which state one's own copy was looked at; behind it how often running the worker has died over it by now.
    pub fn looked_at_own(&self, copy: i64, stamp: &[u8], has_died: bool) -> Result<(), HubError> {
        let before: Option<Vec<u8>> =
            self.sql.prepare_cached("SELECT looked FROM capsule WHERE id = ?1")?.query_row([copy], |r| r.get(0))?;
        let before = before.and_then(|looked| looked.last().copied()).unwrap_or(0);
        let deaths = if has_died { before.saturating_add(1) } else { 0 };
        self.looked_at(copy, &[stamp, &[deaths]].concat())
    }

    pub(super) fn open_copies(&self, rows: Vec<(CopyRow, [u8; 32])>) -> Result<Vec<CopyRow>, HubError> {
        rows.into_iter()
            .map(|(mut row, sealed_hash)| {
                row.bytes = self.keys.open("capsule", &sealed_hash, &row.bytes)?;
                Ok(row)
            })
            .collect()
    }

    /// Everything held but photos, by document and device, oldest first.
    pub fn all_held_copies(&self) -> Result<Vec<HeldCopies>, HubError> {
        let mut statement = self.sql.prepare(
            "SELECT doc, device, station, patient, count(*), min(received_at) FROM capsule
             WHERE state = 'held' AND kind <> ?1 AND maker IS NULL GROUP BY doc, device, station, patient ORDER BY min(received_at), doc",
        )?;
        let rows = statement
            .query_map([u8::from(Kind::PhotoPiece)], |r| {
                Ok(HeldCopies {
                    doc: DocumentId(r.get(0)?),
                    device: DeviceId(r.get(1)?),
                    station: id(r, 2)?,
                    patient: id(r, 3)?,
                    changes: r.get::<_, i64>(4)? as u64,
                    received_at: r.get(5)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    pub fn settle_copy(&self, copy: i64, state: CopyState) -> Result<(), HubError> {
        self.sql.prepare_cached("UPDATE capsule SET state = ?2 WHERE id = ?1")?.execute((copy, state.as_str()))?;
        Ok(())
    }

    /// Whose own copies of a document wait for a person.
    pub fn holders_of_copies(&self, doc: DocumentId) -> Result<Vec<DeviceId>, HubError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT DISTINCT device FROM capsule WHERE doc = ?1 AND state = 'held' AND kind <> ?2 AND maker IS NULL",
        )?;
        let rows = statement.query_map((doc.0, u8::from(Kind::PhotoPiece)), |r| r.get(0).map(DeviceId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What copies brought becomes an entry of the device that made it, in a series of its own.
    pub fn relay_entry(
        &self,
        copy: &CopyRow,
        kind: Kind,
        enc: u8,
        hash: ContentHash,
        bytes: &[u8],
    ) -> Result<(), HubError> {
        let series = Series(DocumentId::derive("capsule series", &copy.device.0));
        let seq = self.received_up_to(copy.device, series)? + 1;
        let entry = Entry { seq, doc: copy.doc, patient: copy.patient.clone(), kind, enc, hash, bytes: bytes.to_vec() };
        // When the device's copy arrived is when the hub heard of it: revocation is judged by that.
        self.append(copy.device, &copy.station, series, &entry, copy.received_at)
    }
}

/// A row of [`COLUMNS`], its body still sealed, and what that is sealed under.
pub(super) fn read_copy(row: &Row<'_>) -> rusqlite::Result<(CopyRow, [u8; 32])> {
    let copy = CopyRow {
        id: row.get(0)?,
        device: DeviceId(row.get(1)?),
        by: DeviceId(row.get(11)?),
        station: id(row, 2)?,
        doc: DocumentId(row.get(3)?),
        patient: id(row, 4)?,
        kind: Kind::from(row.get::<_, u8>(5)?),
        hash: ContentHash(row.get(6)?),
        made_at: row.get(7)?,
        received_at: row.get(8)?,
        bytes: row.get(9)?,
    };
    Ok((copy, row.get(10)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use ed25519_dalek::SigningKey;
    use protocol::capsule::Sealer;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    const DEVICE: DeviceId = DeviceId([1; 8]);
    const SERIES: Series = Series(DocumentId([2; 16]));
    const DOC: DocumentId = DocumentId([3; 16]);

    #[test]
    fn a_copy_is_never_older_than_an_entry_that_came_before_it_whatever_the_clock_does() -> Outcome {
        let folder = tempfile::tempdir()?;
        drop(Store::init(folder.path(), "くるめ")?);
        let time = Arc::new(AtomicI64::new(1_000_000));
        let clock = time.clone();
        let store = Store::open_with_clock(folder.path(), Arc::new(move || clock.load(Ordering::Relaxed)))?;
        store.write(|tx| {
            Ok(tx.sql.execute_batch(
                "INSERT INTO facility (id, kind, name, disclosing) VALUES ('st-1', 'station', '架空', 0);
                 INSERT INTO staff (id, facility, name, role) VALUES ('nurse-a', 'st-1', '架空', 'nurse');
                 INSERT INTO device (id, staff, station, certificate, signing_key, enrolled_at)
                     VALUES (x'0101010101010101', 'nurse-a', 'st-1', x'00', x'00', 0);",
            )?)
        })?;
        let (station, patient): (FacilityId, PatientId) = ("st-1".parse()?, "p-1".parse()?);
        let hash = ContentHash([7; 32]);
        let entry =
            Entry { seq: 1, doc: DOC, patient: patient.clone(), kind: Kind::Note, enc: 1, hash, bytes: vec![1] };
        let accepted = store.write(|tx| tx.accept(DEVICE, &station, SERIES, &[entry]))?;
        assert!(accepted.is_ok_and(|accepted| accepted.receipt[0].0.at == 1_000_000));

        let key = SigningKey::from_bytes(&[9; 32]);
        let sealer = Sealer::new(&store.keys().sealing_public, DEVICE, SERIES)?;
        let seal = |n: u64| -> Outcome<SealedCopy> {
            let copy = Copy {
                v: 1,
                device: DEVICE,
                series: SERIES,
                n,
                at: 5,
                doc: DOC,
                patient: patient.clone(),
                station: station.clone(),
                kind: Kind::Note,
                hash: ContentHash([n as u8; 32]),
                bytes: vec![n as u8],
                maker: None,
            };
            Ok(sealer.seal(&copy, &key)?)
        };
        let signing = key.verifying_key().to_bytes();
        let take = |copy: &SealedCopy| -> Outcome<i64> {
            let copies = std::slice::from_ref(copy);
            let taken = store.write(|tx| tx.accept_copies(DEVICE, &station, &signing, SERIES, copies))?;
            Ok(taken.receipt.first().ok_or("no receipt")?.0.at)
        };
        // The hub's clock is put back: the phone still has to see that the copy came after the entry.
        let (first, second) = (seal(1)?, seal(2)?);
        time.store(400_000, Ordering::Relaxed);
        assert_eq!(take(&first)?, 1_000_000);
        time.store(2_000_000, Ordering::Relaxed);
        assert_eq!((take(&first)?, take(&second)?), (1_000_000, 2_000_000), "a repeat keeps its time");
        let held = store.read(|tx| tx.held_copies(DOC, DEVICE))?;
        let times: Vec<i64> = held.iter().map(|copy| copy.received_at).collect();
        assert_eq!(times, [1_000_000, 2_000_000]);
        Ok(())
    }
}
