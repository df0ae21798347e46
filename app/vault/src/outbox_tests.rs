use super::*;
use crate::attempts::RunningTime;
use crate::keys::{FileKeyStore, Pin};
use crate::relay::Durable;
use crate::unlock::PinCost;
use crate::vault::Vault;
use protocol::Kind;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const NOTE: DocumentId = DocumentId([9; 16]);

#[test]
fn what_a_series_that_was_left_brought_stays_until_it_is_durable_however_long_that_takes() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a.vault");
    let (store, now) = (FileKeyStore::beside(&path), RunningTime { boot: [1; 16], ms: 0 });
    let mut vault = Vault::create(&path, &store, &Pin::new("2468")?, PinCost::FLOOR, now)?;
    let patient: PatientId = "p1".parse()?;
    let hash = ContentHash([7; 32]);
    let entry = Entry { seq: 1, doc: NOTE, patient: patient.clone(), kind: Kind::Note, enc: 1, hash, bytes: vec![1] };
    vault.write(|tx| {
        tx.put_entry(&entry)?;
        tx.mark_received(1, 10)?;
        tx.leave_series(u64::MAX)
    })?;
    let mut may_leave = |durable: Durable| vault.write(|tx| tx.forget_note(&patient, NOTE, durable));
    assert!(!may_leave(Durable::Backups { last: None })?, "no time makes up for a backup that is not made");
    assert!(!may_leave(Durable::Backups { last: Some(10) })?, "the backup may be older");
    assert!(!may_leave(Durable::OneDisk { received_before: 10 })?);
    assert!(may_leave(Durable::Backups { last: Some(11) })?);
    assert!(may_leave(Durable::OneDisk { received_before: 11 })?);
    Ok(())
}
