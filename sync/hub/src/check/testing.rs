//! For the tests of checking: phones that write one note, and the hub that takes it. Nothing stands in for the store.

use super::Checker;
use crate::store::Store;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use protocol::{Entry, Kind, RefusalCode, Series};
use record::visit_note::{About, Actor, Draft, Encoding, changes};
use record::{DeviceId, DocumentId, FacilityId, Form, StaffId};

pub(super) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

pub(super) const NOTE: DocumentId = DocumentId([7; 16]);
pub(super) const A: DeviceId = DeviceId([1; 8]);
pub(super) const B: DeviceId = DeviceId([2; 8]);
pub(super) const C: DeviceId = DeviceId([3; 8]);
pub(super) const D: DeviceId = DeviceId([4; 8]);
/// 2026-11-24, nine in the morning in Japan.
pub(super) const NINE: i64 = 1_795_478_400_000;

pub(super) fn station() -> Outcome<FacilityId> {
    Ok("st-1".parse()?)
}

pub(super) fn staff(device: DeviceId) -> Outcome<StaffId> {
    Ok(format!("nurse-{}", device.0[0]).parse()?)
}

pub(super) fn series(device: DeviceId) -> Series {
    Series(DocumentId([device.0[0]; 16]))
}

/// What a phone signs with.
pub(super) fn key(device: DeviceId) -> SigningKey {
    SigningKey::from_bytes(&[device.0[0]; 32])
}

/// A nurse's phone, as far as this note goes.
pub(super) struct Writer {
    pub(super) device: DeviceId,
    pub(super) draft: Draft,
    sent: u64,
    seq: u64,
}

impl Writer {
    pub(super) fn new(device: DeviceId) -> Outcome<Self> {
        let mut draft = Draft::new(NOTE, Form::VisitNote, Actor { device, session: [1; 8] });
        draft.written_by(&staff(device)?);
        Ok(Self { device, draft, sent: 0, seq: 0 })
    }

    pub(super) fn writes(&mut self, words: &str) -> Outcome<Entry> {
        let at = Timestamp::from_millisecond(NINE)?;
        let about = About { patient: "p-1".parse()?, station: station()?, visit: None };
        self.draft.begin(&about, None, at)?;
        let shown = self.draft.view()?.text("condition").to_string();
        self.draft.edit_text(Form::VisitNote.field("condition")?, &shown, &format!("{shown}{words}"), at)?;
        self.entry()
    }

    /// What stands in no entry yet.
    pub(super) fn entry(&mut self) -> Outcome<Entry> {
        let new = self.draft.entry_of(self.device, self.sent)?.ok_or("nothing new")?;
        (self.sent, self.seq) = (new.up_to, self.seq + 1);
        Ok(Entry {
            seq: self.seq,
            doc: NOTE,
            patient: "p-1".parse()?,
            kind: Kind::Note,
            enc: new.encoding.into(),
            hash: new.hash,
            bytes: new.bytes,
        })
    }

    pub(super) fn reads(&mut self, entry: &Entry) -> Outcome {
        takes(&mut self.draft, entry.enc, &entry.bytes)
    }
}

pub(super) fn takes(draft: &mut Draft, enc: u8, bytes: &[u8]) -> Outcome {
    let incoming = changes::decode(NOTE, Form::VisitNote, Encoding::try_from(enc)?, bytes)?;
    Ok(draft.apply(&incoming)?)
}

pub(super) struct Hub {
    _data: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) checker: Checker,
}

/// A hub with the patient, the station and the phones A, B, C and D.
pub(super) fn hub() -> Outcome<Hub> {
    let data = tempfile::tempdir()?;
    let store = Store::init(data.path(), "くるめ")?;
    store.write(|tx| {
        tx.sql.execute_batch(
            r#"INSERT INTO facility (id, kind, name, disclosing) VALUES ('st-1', 'station', '架空', 0);
             INSERT INTO patient (id, sealed) VALUES ('p-1', x'00');
             INSERT INTO care (station, patient, version) VALUES ('st-1', 'p-1', 1);
             INSERT INTO nursing_order (id, patient, facility, station, "from", until, special)
                 VALUES (x'01', 'p-1', 'st-1', 'st-1', '2026-11-01', '2026-11-30', 0);"#,
        )?;
        for device in [A, B, C, D] {
            let (nurse, signing) = (format!("nurse-{}", device.0[0]), key(device).verifying_key().to_bytes());
            tx.sql.execute(
                "INSERT INTO staff (id, facility, name, role) VALUES (?1, 'st-1', '架空', 'nurse')",
                [&nurse],
            )?;
            tx.sql.execute(
                "INSERT INTO device (id, staff, station, certificate, signing_key, enrolled_at)
                 VALUES (?1, ?2, 'st-1', ?1, ?3, 0)",
                (device.0, &nurse, signing),
            )?;
        }
        Ok(())
    })?;
    Ok(Hub { checker: Checker::in_this_process(store.clone()), store, _data: data })
}

impl Hub {
    /// An entry of the device's own is sent and checked: how many are receipted, or why it was refused.
    pub(super) fn answers(&self, device: DeviceId, entry: &Entry) -> Outcome<Result<usize, RefusalCode>> {
        let station = station()?;
        let accepted =
            self.store.write(|tx| tx.accept(device, &station, series(device), std::slice::from_ref(entry)))?;
        self.checker.check_document(NOTE)?;
        Ok(accepted.map(|accepted| accepted.receipt.len()))
    }

    /// The same of one that is not refused.
    pub(super) fn accepts(&self, device: DeviceId, entry: &Entry) -> Outcome<usize> {
        self.answers(device, entry)?.map_err(|code| format!("{code:?}").into())
    }
}
