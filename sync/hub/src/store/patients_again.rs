//! After a restore: patients' numbers are never given to somebody else, and whom a hospital disclosed after the backup keeps hers.

use super::Tx;
use super::former::Former;
use crate::error::HubError;
use record::{Patient, PatientId};

/// No hub meets so many new patients between a backup and a restore: where nobody knows the last number, they go on behind it.
const STEP: i64 = 10_000;

/// Who came back.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// First disclosed after the backup.
    pub patients: Vec<PatientId>,
    /// The database that stood here last said which number it gave last.
    pub is_compared: bool,
}

impl Tx<'_> {
    pub(super) fn keep_patients(&self, formers: &[Former]) -> Result<Kept, HubError> {
        let (mut kept, mut last) = (Kept::default(), self.last_patient()?);
        for former in formers {
            if let Some(given) = former.read(self.keys, |was| was.last_patient()) {
                last = last.max(given);
                kept.is_compared |= former.is_last;
            }
            for patient in former.read(self.keys, |was| was.readable_patients()).unwrap_or_default() {
                if self.keep_patient(&patient)? {
                    kept.patients.push(patient.id);
                }
            }
        }
        if !kept.is_compared {
            last += STEP;
        }
        self.put_meta("last_patient", &last.to_string())?;
        Ok(kept)
    }

    /// Those whose rows open: one that is damaged is no reason to lose the others.
    fn readable_patients(&self) -> Result<Vec<Patient>, HubError> {
        let mut statement = self.sql.prepare("SELECT id FROM patient ORDER BY id")?;
        let ids: Vec<PatientId> =
            statement.query_map([], |r| super::facilities::id(r, 0))?.collect::<Result<_, _>>()?;
        Ok(ids.iter().filter_map(|id| self.patient(id).ok().flatten()).collect())
    }

    /// Whether somebody is known here, and her row opens.
    pub(super) fn opens_patient(&self, id: &PatientId) -> bool {
        matches!(self.patient(id), Ok(Some(_)))
    }

    /// Only somebody of whom nothing is known here, neither under her own number nor under a hospital's: whom a person has to
    /// link stays that person's to link.
    fn keep_patient(&self, patient: &Patient) -> Result<bool, HubError> {
        let is_here: bool =
            self.sql.query_row("SELECT EXISTS (SELECT 1 FROM patient WHERE id = ?1)", [patient.id.as_str()], |r| {
                r.get(0)
            })?;
        if is_here {
            return Ok(false);
        }
        for local in &patient.local_ids {
            let is_free = self.patient_of_local_id(&local.facility, &local.id)?.is_none();
            if !is_free || self.facility(&local.facility)?.is_none() {
                return Ok(false);
            }
        }
        self.put_patient(patient)?;
        for local in &patient.local_ids {
            self.put_local_id(&local.facility, &local.id, &patient.id)?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::testing::person;
    use record::{Facility, FacilityId, FacilityKind};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    /// The number under which a hospital's patient is known, or becomes known.
    fn number(store: &Store, facility: &str, local_id: &str) -> Outcome<String> {
        let facility: FacilityId = facility.parse()?;
        let (id, _) = store.write(|tx| tx.take_demographics(&facility, &person(local_id)))?;
        Ok(id.to_string())
    }

    fn hospital(store: &Store, id: &str) -> Outcome {
        let id: FacilityId = id.parse()?;
        let hospital = Facility { id, kind: FacilityKind::Hospital, name: "架空".into(), disclosing: true };
        Ok(store.write(|tx| tx.add_facility(&hospital))?)
    }

    #[test]
    fn a_number_given_after_the_backup_stays_its_patients_and_goes_to_nobody_else() -> Outcome {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("hub");
        let store = Store::init(&data, "くるめ")?;
        hospital(&store, "hp")?;
        assert_eq!(number(&store, "hp", "1")?, "p-000001");
        let file = store.backup(&folder.path().join("before.db"))?.file;
        hospital(&store, "clinic")?;
        assert_eq!(number(&store, "hp", "2")?, "p-000002");
        assert_eq!(number(&store, "clinic", "9")?, "p-000003");
        // Linked after the backup: that is not repeated without a person.
        let (first, clinic): (PatientId, FacilityId) = ("p-000001".parse()?, "clinic".parse()?);
        store.write(|tx| tx.link_patient(&first, &clinic, "9"))?;
        drop(store);
        let restored = Store::restore(&data, &file)?;
        let kept: Vec<&str> = restored.patients_kept.iter().map(PatientId::as_str).collect();
        assert_eq!((kept, restored.patients_compared), (vec!["p-000002"], true));
        let store = Store::open(&data)?;
        // Another hospital's delivery comes first: she gets a new number, and the known one her own.
        assert_eq!(number(&store, "clinic", "9")?, "p-000004");
        assert_eq!(number(&store, "hp", "2")?, "p-000002");
        assert_eq!(store.read(|tx| tx.known_patient(&first))?.local_ids.len(), 1);
        assert_eq!(store.read(|tx| tx.patients())?.len(), 3, "all of them open");
        Ok(())
    }

    #[test]
    fn where_nobody_knows_the_last_number_they_go_on_far_behind_it() -> Outcome {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("hub");
        let store = Store::init(&data, "くるめ")?;
        hospital(&store, "hp")?;
        number(&store, "hp", "1")?;
        let file = store.backup(&folder.path().join("before.db"))?.file;
        number(&store, "hp", "2")?;
        drop(store);
        for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
            let _ = std::fs::remove_file(data.join(name));
        }
        let restored = Store::restore(&data, &file)?;
        assert!(!restored.patients_compared && restored.patients_kept.is_empty());
        let store = Store::open(&data)?;
        assert_eq!(number(&store, "hp", "3")?, "p-010002");
        Ok(())
    }
}
