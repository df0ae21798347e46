use super::*;
use crate::store::{Store, Who, testing};
use protocol::Entry;
use record::Staff;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const PHONE: DeviceId = DeviceId([2; 8]);
const SERIES: Series = Series(DocumentId([3; 16]));

/// A station of which nurse A has the patient, and nurse B has heard that she gets her in part.
struct Desk {
    _folder: tempfile::TempDir,
    store: Store,
    patient: PatientId,
    station: FacilityId,
    a: StaffId,
    b: StaffId,
}

fn desk() -> Outcome<Desk> {
    let folder = tempfile::tempdir()?;
    let (store, patient) = testing::hub(folder.path(), &["st-1"])?;
    let (hospital, station): (FacilityId, FacilityId) = ("tsubaki".parse()?, "st-1".parse()?);
    let (a, b): (StaffId, StaffId) = ("nurse-a".parse()?, "nurse-b".parse()?);
    store.write(|tx| {
        for id in [&a, &b] {
            let (id, facility) = (id.clone(), station.clone());
            tx.add_staff(&Staff { id, facility, name: "架空".into(), role: StaffRole::Nurse })?;
        }
        tx.add_consent(&testing::consent(&patient, &hospital, &station))?;
        tx.assign(&patient, &a, None, &Who::Admin)
    })?;
    Ok(Desk { _folder: folder, store, patient, station, a, b })
}

impl Desk {
    /// Both read, as phones do at each sync; what each has been told by then.
    fn told(&self) -> Outcome<[Vec<Extent>; 2]> {
        let rows = self.store.write(|tx| {
            for person in [&self.a, &self.b] {
                tx.tell_standings(&self.station, person)?;
            }
            tx.feed_after(&self.station, 0, 500)
        })?;
        let mut told = [Vec::new(), Vec::new()];
        for row in rows.iter().filter(|row| row.kind == Kind::Standing) {
            let body = row.body.as_deref().ok_or("nothing is told")?;
            let standing: PatientStanding = canonical::from_bytes(body)?;
            let [to_a, to_b] = &mut told;
            if standing.staff == self.a { to_a.push(standing.extent) } else { to_b.push(standing.extent) }
        }
        Ok(told)
    }

    /// The hub is put back, or asks for photos again.
    fn begins_anew(&self) -> Outcome {
        Ok(self.store.write(|tx| tx.tell_standings_again())?)
    }
}

#[test]
fn whoever_has_a_patient_in_part_hears_it_again_in_a_new_epoch_and_whoever_always_had_her_hears_nothing() -> Outcome {
    let desk = desk()?;
    for times in 1..=2 {
        for _ in 0..2 {
            assert_eq!(desk.told()?, [vec![], vec![Extent::Light; times]], "once in each");
        }
        desk.begins_anew()?;
    }
    Ok(())
}

#[test]
fn whoever_has_a_patient_in_full_by_now_hears_it_once_more_unless_the_feed_that_she_reads_again_says_so() -> Outcome {
    let desk = desk()?;
    desk.begins_anew()?;
    desk.store.write(|tx| tx.assign(&desk.patient, &desk.b, None, &Who::Admin))?;
    assert_eq!(desk.told()?, [vec![], vec![Extent::Light, Extent::Full]]);
    desk.begins_anew()?;
    assert_eq!(desk.told()?, [vec![], vec![Extent::Light, Extent::Full]]);
    Ok(())
}

#[test]
fn that_a_patient_is_gone_is_told_again_in_a_new_epoch() -> Outcome {
    let desk = desk()?;
    desk.store.write(|tx| Ok(tx.sql.execute("UPDATE consent SET withdrawn_at = 1", [])?))?;
    for times in 1..=2 {
        let told = desk.told()?;
        assert_eq!(told.map(|told| told.iter().filter(|extent| **extent == Extent::Gone).count()), [times; 2]);
        desk.begins_anew()?;
    }
    Ok(())
}

#[test]
fn nothing_is_called_late_by_a_statement_that_a_new_epoch_has_not_told_yet() -> Outcome {
    let desk = desk()?;
    let hash = ContentHash([7; 32]);
    let doc = DocumentId([4; 16]);
    let entry = Entry { seq: 1, doc, patient: desk.patient.clone(), kind: Kind::Note, enc: 1, hash, bytes: vec![1] };
    let accepted = desk.store.write(|tx| {
        tx.sql.execute(
            "INSERT INTO device (id, staff, station, certificate, signing_key, enrolled_at)
             VALUES (?1, 'nurse-b', 'st-1', x'00', x'00', 0)",
            [PHONE.0],
        )?;
        tx.accept(PHONE, &desk.station, SERIES, &[entry])
    })?;
    assert!(accepted.is_ok());
    let late = || desk.store.write(|tx| tx.mark_late((PHONE, SERIES), &desk.b, 0, 0));
    assert_eq!(late()?, 1, "she had not heard that she has the patient in part");
    desk.begins_anew()?;
    assert_eq!(late()?, 0);
    desk.told()?;
    assert_eq!(late()?, 1);
    Ok(())
}
