//! Sealed copies, and the vault without its PIN: what can be sent, and the wipe that keeps it.

use crate::error::VaultError;
use crate::keys::{self, DeviceSecret, KeyStore};
use crate::locked_pages;
use crate::photo_copies;
use crate::ring::KeyRing;
use crate::schema;
use crate::seal::{self, Header, Key, Table, Tag};
use crate::state::Identity;
use crate::tx::Tx;
use crate::vault::cut;
use ed25519_dalek::SigningKey;
use protocol::capsule::{Copy, SealedCopy, Sealer};
use protocol::{Epoch, Kind, SealedPage, Series, Since};
use record::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId, canonical};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Seals what this phone writes, from one unlock to the next.
pub(crate) struct CopyBook {
    sealer: Sealer,
    key: SigningKey,
    device: DeviceId,
    series: Series,
    station: FacilityId,
    /// The last number that was sealed under: a transaction that failed must not have its key used for other words.
    last: u64,
}

impl CopyBook {
    pub fn new(identity: &Identity, series: Series) -> Result<Self, VaultError> {
        let key = Zeroizing::new(
            <[u8; 32]>::try_from(identity.signing_key.as_slice())
                .map_err(|_| VaultError::Missing("the device's signing key"))?,
        );
        Ok(Self {
            sealer: Sealer::new(&identity.sealing_key, identity.device, series)?,
            key: SigningKey::from_bytes(&key),
            device: identity.device,
            series,
            station: identity.station.clone(),
            last: 0,
        })
    }
}

/// What is copied: one change, one signed statement, or one piece of a photo.
pub struct Written<'a> {
    pub doc: DocumentId,
    pub patient: &'a PatientId,
    pub kind: Kind,
    pub hash: ContentHash,
    pub bytes: &'a [u8],
    /// Device's clock, milliseconds.
    pub at: i64,
}

impl Tx<'_> {
    /// Seals a copy to the hub, in the transaction that writes the thing itself.
    pub fn put_copy(&mut self, written: &Written<'_>) -> Result<(), VaultError> {
        let note = self.ring.tag("note", &written.doc.0);
        self.keep_copy(note, written).map(|_| ())
    }

    /// The same under a tag that says what it belongs to here: a note, or a photo. Says its number.
    pub(crate) fn keep_copy(&mut self, of: Tag, written: &Written<'_>) -> Result<i64, VaultError> {
        let n: i64 = self
            .sql
            .prepare_cached("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'capsule'), 0) + 1")?
            .query_row([], |r| r.get(0))?;
        let book = self.ring.copies.as_mut().ok_or(VaultError::Missing("the hub's sealing key"))?;
        let n = n.max(book.last as i64 + 1);
        book.last = n as u64;
        let copy = Copy {
            v: 1,
            device: book.device,
            series: book.series,
            n: n as u64,
            at: written.at,
            doc: written.doc,
            patient: written.patient.clone(),
            station: book.station.clone(),
            kind: written.kind,
            hash: written.hash,
            bytes: written.bytes.to_vec(),
            maker: None,
        };
        let sealed = book.sealer.seal(&copy, &book.key)?;
        self.sql.prepare_cached("INSERT INTO capsule (n, note, enc, sealed) VALUES (?1, ?2, ?3, ?4)")?.execute((
            n,
            of,
            sealed.enc,
            sealed.sealed,
        ))?;
        Ok(n)
    }

    /// The copies of a note that no entry carried yet are carried by this one.
    pub(crate) fn copies_carried_by(&mut self, doc: DocumentId, seq: u64) -> Result<(), VaultError> {
        let note = self.ring.tag("note", &doc.0);
        self.sql
            .prepare_cached("UPDATE capsule SET entry = ?2 WHERE note = ?1 AND entry IS NULL")?
            .execute((note, seq as i64))?;
        Ok(())
    }

    /// Lets the copies go whose entries the hub holds durably (law 5).
    pub(crate) fn drop_carried(&mut self) -> Result<(), VaultError> {
        // By the copies, which are few: the entries that were let go are all that this phone ever sent.
        self.sql
            .prepare_cached(
                "DELETE FROM capsule WHERE entry IS NOT NULL
                 AND EXISTS (SELECT 1 FROM entry WHERE entry.seq = capsule.entry AND entry.sealed IS NULL)",
            )?
            .execute([])?;
        Ok(())
    }

    /// Copies of what the hub has not receipted in any form: what was written, oldest first, then photos. At most so many, and
    /// so many bytes of them (always at least one).
    pub fn copies(&mut self, most: usize, budget: usize) -> Result<Vec<SealedCopy>, VaultError> {
        copies(self.sql, most, budget)
    }

    /// Marks only what the receipt names (law 1).
    pub fn mark_copies_received(&mut self, received: &[(u64, i64)]) -> Result<(), VaultError> {
        mark_received(self.sql, received)
    }

    /// Keeps what works without the PIN up to date. Its epoch stays: it says in which one copies were receipted.
    pub fn put_locked(&mut self, store: &dyn KeyStore, locked: &Locked) -> Result<(), VaultError> {
        let mut locked = locked.clone();
        self.ring.line = Some(keys::derive_key_of(&store.get()?, LOCKED));
        match read_locked(self.sql, store) {
            Ok(Some(there)) => {
                locked.epoch = there.epoch;
                if there == locked {
                    return Ok(());
                }
            }
            // A damaged one is simply written anew: all of it is known while the vault is open.
            Ok(None) | Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => {}
            Err(error) => return Err(error),
        }
        write_locked(self.sql, &store.get()?, &locked)
    }

    /// See [`LockedVault::begin_epoch`]; from an open vault. Says whether copies are to be offered again.
    pub fn begin_copies_epoch(&mut self, store: &dyn KeyStore, epoch: Epoch) -> Result<bool, VaultError> {
        let Some(mut locked) = read_locked(self.sql, store)? else { return Ok(false) };
        if locked.epoch == epoch {
            return Ok(false);
        }
        locked.epoch = epoch;
        offer_again(self.sql)?;
        write_locked(self.sql, &store.get()?, &locked)?;
        Ok(true)
    }

    /// The line of the locked phone shows a renewed certificate too. A row that does not open is written anew at the next unlock,
    /// and the old certificate still brings the copies.
    pub fn renew_locked(&mut self, certificate: &[u8]) -> Result<(), VaultError> {
        let Some(key) = &self.ring.line else { return Ok(()) };
        let sealed: Option<Vec<u8>> = self.sql.query_row("SELECT sealed FROM locked", [], |r| r.get(0)).optional()?;
        let body = sealed.and_then(|sealed| seal::open(key, &LOCKED_HEADER, &sealed).ok());
        let Some(mut locked) = body.and_then(|body| canonical::from_bytes::<Locked>(&body).ok()) else { return Ok(()) };
        locked.certificate = certificate.to_vec();
        write_locked_by(self.sql, key, &locked)
    }
}

impl KeyRing {
    pub(crate) fn seals_copies_by(&mut self, book: CopyBook) {
        self.copies = Some(book);
    }
}

const LOCKED: &str = "tsutsuji 2026 vault locked v1";
const LOCKED_HEADER: Header = Header { table: Table::Locked, key: [0; 16], patient: [0; 16], compartment: [0; 16] };

/// Who the device is to the hub, and the line to it: what a locked phone may use. Holds the line's private key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Locked {
    #[zeroize(skip)]
    pub device: DeviceId,
    /// Whose vault it is: several nurses may share a tablet.
    #[zeroize(skip)]
    #[serde(default)]
    pub staff_name: String,
    #[zeroize(skip)]
    pub series: Series,
    #[zeroize(skip)]
    pub epoch: Epoch,
    #[zeroize(skip)]
    pub hub_url: String,
    #[zeroize(skip)]
    #[serde(with = "serde_bytes")]
    pub ca: Vec<u8>,
    #[zeroize(skip)]
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub tls_key: Vec<u8>,
    #[zeroize(skip)]
    #[serde(with = "serde_bytes")]
    pub receipt_key: Vec<u8>,
    /// The floor for checking certificates, milliseconds.
    #[zeroize(skip)]
    pub last_hub_time: i64,
}

/// A vault opened without its PIN: nothing in it can be read but what may be sent.
pub struct LockedVault<'s> {
    db: Connection,
    store: &'s dyn KeyStore,
    pub locked: Locked,
}

impl<'s> LockedVault<'s> {
    pub fn open(path: &Path, store: &'s dyn KeyStore) -> Result<Self, VaultError> {
        if !path.exists() {
            return Err(VaultError::NoVault);
        }
        let mut db = Connection::open(path)?;
        schema::check_ours(&db)?;
        schema::configure(&db)?;
        // What is sent from here stands since the third migration: a later one that fails keeps nothing from the hub.
        if schema::version(&db)? < COPIES_SINCE {
            schema::migrate(&mut db)?;
        }
        let locked =
            read_locked(&db, store)?.ok_or(VaultError::Missing("the line to the hub; unlock the vault once"))?;
        if is_wiped(&db)? {
            sweep(&mut db);
        }
        Ok(Self { db, store, locked })
    }

    /// See [`Tx::copies`].
    pub fn copies(&self, most: usize, budget: usize) -> Result<Vec<SealedCopy>, VaultError> {
        copies(&self.db, most, budget)
    }

    /// Marks only what the receipt names (law 1).
    pub fn mark_received(&mut self, received: &[(u64, i64)]) -> Result<(), VaultError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        mark_received(&tx, received)?;
        tx.commit()?;
        Ok(())
    }

    /// The hub was put back to an older state: what it receipted before is not certain any more. All of it is offered again.
    pub fn begin_epoch(&mut self, epoch: Epoch) -> Result<(), VaultError> {
        if epoch == self.locked.epoch {
            return Ok(());
        }
        self.locked.epoch = epoch;
        let secret = self.store.get()?;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        offer_again(&tx)?;
        if is_wiped(&tx)? {
            // Nobody will sync this outbox any more: the copies alone bring what its entries brought.
            tx.execute("UPDATE entry SET received = NULL", [])?;
        }
        write_locked(&tx, &secret, &self.locked)?;
        tx.commit()?;
        Ok(())
    }

    /// Where this phone reads on while it is locked; `None`: it does not (wiped, or as much waits as may).
    pub fn since(&mut self) -> Result<Option<Since>, VaultError> {
        if is_wiped(&self.db)? { Ok(None) } else { locked_pages::since(&self.db) }
    }

    /// Keeps a page for the next unlock; it cannot be read here. `false`: it does not follow what is kept, or there is no room.
    pub fn keep_page(&mut self, page: &SealedPage) -> Result<bool, VaultError> {
        if is_wiped(&self.db)? { Ok(false) } else { locked_pages::keep(&self.db, page) }
    }

    /// Whether the keys are gone already.
    pub fn is_wiped(&self) -> Result<bool, VaultError> {
        is_wiped(&self.db)
    }

    /// 封印消去: see [`wipe`].
    pub fn wipe(&mut self) -> Result<(), VaultError> {
        wipe(&mut self.db, self.store)
    }
}

/// The migration that brought the sealed copies, and the one that brought the other PINs.
const COPIES_SINCE: usize = 3;
const PINS_SINCE: usize = 5;

fn copies(db: &Connection, most: usize, budget: usize) -> Result<Vec<SealedCopy>, VaultError> {
    let has_photos = photo_copies::stand_in(db)?;
    let but_photos = if has_photos { "AND n NOT IN (SELECT n FROM photo_copy)" } else { "" };
    let written = format!(
        "SELECT n, enc, sealed FROM capsule
         WHERE received IS NULL {but_photos}
         AND (entry IS NULL OR entry NOT IN (SELECT seq FROM entry WHERE received IS NOT NULL))
         ORDER BY n"
    );
    let (mut copies, mut bytes) = (Vec::new(), 0);
    for sql in [written.as_str()].into_iter().chain(has_photos.then_some(photo_copies::WAITING)) {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let copy = SealedCopy { n: row.get::<_, i64>(0)? as u64, enc: row.get(1)?, sealed: row.get(2)? };
            bytes += copy.sealed.len();
            if !copies.is_empty() && (bytes > budget || copies.len() >= most) {
                return Ok(copies);
            }
            copies.push(copy);
        }
    }
    Ok(copies)
}

fn mark_received(db: &Connection, received: &[(u64, i64)]) -> Result<(), VaultError> {
    let has_photos = photo_copies::stand_in(db)?;
    for (n, at) in received {
        if !has_photos || !photo_copies::mark_received(db, *n, *at)? {
            db.execute("UPDATE capsule SET received = ?2 WHERE n = ?1", (*n as i64, at))?;
        }
    }
    Ok(())
}

/// What another epoch receipted is not certain any more.
fn offer_again(db: &Connection) -> Result<(), VaultError> {
    db.execute("UPDATE capsule SET received = NULL WHERE received IS NOT NULL", [])?;
    if photo_copies::stand_in(db)? { photo_copies::offer_again(db) } else { Ok(()) }
}

pub(crate) fn is_wiped(db: &Connection) -> Result<bool, VaultError> {
    let wrapped: Option<i64> = db.query_row("SELECT length(wrapped) FROM header", [], |r| r.get(0)).optional()?;
    Ok(wrapped == Some(0))
}

/// 封印消去 (sealed wipe): every key and every readable body goes; the sealed copies and the line to the hub stay. Nothing a
/// nurse wrote is lost by it, and nobody who has PIN and device reads anything any more, in this file or in an older copy.
///
/// Keys first, in a transaction that needs hardly any room; then the device's secret; then the bodies that nobody can open.
pub(crate) fn wipe(db: &mut Connection, store: &dyn KeyStore) -> Result<(), VaultError> {
    let locked = match read_locked(db, store) {
        Err(error @ (VaultError::Damaged { .. } | VaultError::Cbor(_))) => {
            tracing::warn!(%error, "the line to the hub is damaged; the sealed copies stay");
            None
        }
        // Anything else may pass: the secret that seals the line must not go before it could be read.
        other => other?,
    };
    let next = DeviceSecret::make()?;
    store.put_next(&next)?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("UPDATE header SET wrapped = x'', salt = zeroblob(16)", [])?;
    if schema::version(&tx)? >= PINS_SINCE {
        tx.execute("UPDATE header SET duress = x'', biometric = x'', told = x''", [])?;
    }
    for table in ["patient_key", "compartment", "state", "journal"] {
        tx.execute(&format!("DELETE FROM {table}"), [])?;
    }
    // Nobody will sync this outbox any more. A copy whose entry the hub may have lost since (it was put back) goes by itself:
    // the hub knows what it has.
    tx.execute("UPDATE entry SET received = NULL", [])?;
    if let Some(locked) = &locked {
        write_locked(&tx, &next, locked)?;
    }
    tx.commit()?;
    store.adopt_next()?;
    sweep(db);
    Ok(())
}

/// Nobody writes in a wiped vault, and nobody waits for it.
const WIPE_PATIENCE: Duration = Duration::from_secs(5);

/// What no key opens any more goes too. A full disk puts it off until the file is opened next.
fn sweep(db: &mut Connection) {
    let mut swept = || -> Result<(), VaultError> {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for table in [
            "item",
            "note_change",
            "note",
            "confirmation",
            "receipt",
            "search_segment",
            "search_stale",
            "photo_piece",
            "photo",
            "locked_page",
            "arrival",
        ] {
            // A file that could not be brought up to date has not all of them.
            let is_there: bool =
                tx.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1)", [table], |r| r.get(0))?;
            if is_there {
                tx.execute(&format!("DELETE FROM {table}"), [])?;
            }
        }
        // Numbers and receipts stay: which copies the hub has already is told by them.
        tx.execute("UPDATE entry SET sealed = NULL, patient = zeroblob(16) WHERE sealed IS NOT NULL", [])?;
        tx.commit()?;
        // What was freed is overwritten (secure_delete), the log of it cut off.
        if !cut(db, WIPE_PATIENCE)? {
            tracing::warn!("somebody else reads a wiped vault; its log is cut off when the file is opened next");
        }
        Ok(())
    };
    if let Err(error) = swept() {
        tracing::warn!(%error, "a wiped vault's bodies are deleted when the file is opened next; no key opens them");
    }
}

fn write_locked(db: &Connection, secret: &DeviceSecret, locked: &Locked) -> Result<(), VaultError> {
    write_locked_by(db, &keys::derive_key_of(secret, LOCKED), locked)
}

fn write_locked_by(db: &Connection, key: &Key, locked: &Locked) -> Result<(), VaultError> {
    let mut nonce = [0; 24];
    keys::fill_random(&mut nonce)?;
    let body = Zeroizing::new(canonical::to_bytes(locked)?);
    let sealed = seal::seal(key, &LOCKED_HEADER, nonce, &body).map_err(VaultError::damaged("locked"))?;
    db.execute("INSERT OR REPLACE INTO locked (only, sealed) VALUES (1, ?1)", [sealed])?;
    Ok(())
}

fn read_locked(db: &Connection, store: &dyn KeyStore) -> Result<Option<Locked>, VaultError> {
    let sealed: Option<Vec<u8>> = db.query_row("SELECT sealed FROM locked", [], |r| r.get(0)).optional()?;
    let Some(sealed) = sealed else { return Ok(None) };
    let open = |secret: &DeviceSecret| seal::open(&keys::derive_key_of(secret, LOCKED), &LOCKED_HEADER, &sealed);
    let body = match (open(&store.get()?), store.next()?) {
        (Ok(body), _) => body,
        // A wipe that the power interrupted: its rows stand under the second secret.
        (Err(_), Some(next)) => {
            let body = open(&next).map_err(VaultError::damaged("locked"))?;
            store.adopt_next()?;
            body
        }
        (Err(error), None) => return Err(VaultError::damaged("locked")(error)),
    };
    Ok(Some(canonical::from_bytes(&body)?))
}
