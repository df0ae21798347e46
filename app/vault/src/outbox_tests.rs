use super::*;
use crate::relay::Durable;
use crate::testing::{Made, Outcome, new_vault};
use protocol::Kind;

const NOTE: DocumentId = DocumentId([9; 16]);

#[test]
fn what_a_series_that_was_left_brought_stays_until_it_is_durable_however_long_that_takes() -> Outcome {
    let Made { folder: _folder, mut vault, .. } = new_vault()?;
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
