//! After a restore: what this database knows of consent is told again, and what it has forgotten is named.

use super::{Tx, connect};
use crate::error::HubError;
use crate::keys::Keys;
use record::{Consent, FacilityId, PatientId};
use serde::Serialize;
use std::path::Path;

/// No count of consents comes to this between a backup and a restore: phones take what is told now for newer than whatever they
/// heard from the forgotten history.
const STEP: i64 = 1 << 20;

/// A consent by its ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsentNamed {
    pub patient: PatientId,
    pub disclosing: FacilityId,
    pub viewing: FacilityId,
}

impl ConsentNamed {
    fn of(consent: &Consent) -> Self {
        let Consent { patient, disclosing, viewing, .. } = consent.clone();
        Self { patient, disclosing, viewing }
    }
}

/// What became of consents after the backup, as the database says that stood there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// Taken back since: they stay taken back.
    pub withdrawn: Vec<ConsentNamed>,
    /// Given or changed since: to be entered again.
    pub changed: Vec<ConsentNamed>,
}

impl Forgotten {
    pub fn between(former: &[Consent], now: &[Consent]) -> Self {
        let mut forgotten = Self::default();
        for was in former {
            let name = ConsentNamed::of(was);
            match now.iter().find(|is| ConsentNamed::of(is) == name) {
                Some(is) if is == was => {}
                Some(is) if was.withdrawn && !is.withdrawn => forgotten.withdrawn.push(name),
                None if was.withdrawn => {}
                _ => forgotten.changed.push(name),
            }
        }
        forgotten
    }
}

/// The consents of a database that is about to be replaced; `None`: there is none, or it cannot be read any more.
pub(super) fn former_consents(file: &Path, keys: &Keys) -> Option<Vec<Consent>> {
    if !file.exists() {
        return None;
    }
    let mut db = connect(file).ok()?;
    let sql = db.transaction().ok()?;
    let tx = Tx { sql: &sql, keys, now: 0 };
    tx.consents().ok()
}

impl Tx<'_> {
    /// What was taken back after the backup stays taken back: records that a patient has closed must not open for a disk's sake.
    pub(super) fn stay_withdrawn(&self, withdrawn: &[ConsentNamed]) -> Result<(), HubError> {
        for name in withdrawn {
            self.sql.execute(
                "UPDATE consent SET withdrawn_at = ?4
                 WHERE patient = ?1 AND disclosing = ?2 AND viewing = ?3 AND withdrawn_at IS NULL",
                (name.patient.as_str(), name.disclosing.as_str(), name.viewing.as_str(), self.now),
            )?;
        }
        Ok(())
    }

    /// Every station hears of every patient how consent stands. Whoever may not be read on phones is named as withdrawn: a phone
    /// may hold what a forgotten consent let it have.
    pub(super) fn tell_consents_again(&self) -> Result<(), HubError> {
        self.sql.execute("UPDATE care SET version = version + ?1", [STEP])?;
        let facilities = self.facilities()?;
        for (station, patient) in self.cares()? {
            let allowed = self.allowed_on_phones(&station, &patient)?;
            let is_closed = |id: &FacilityId| allowed.iter().all(|(open, _)| open != id);
            let disclosing = facilities.iter().filter(|facility| facility.disclosing).map(|facility| &facility.id);
            let withdrawn = disclosing.filter(|id| is_closed(id)).cloned().collect();
            self.say_consent(&station, &patient, withdrawn, true)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use protocol::{Consented, Kind};
    use record::{DataClass, Facility, FacilityKind, canonical};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    fn consent(disclosing: &str) -> Outcome<Consent> {
        Ok(Consent {
            patient: "p-1".parse()?,
            disclosing: disclosing.parse()?,
            viewing: "st-1".parse()?,
            classes: DataClass::ALL.into_iter().collect(),
            offline_hours: Some(72),
            until: None,
            withdrawn: false,
        })
    }

    #[test]
    fn a_forgotten_withdrawal_is_told_from_what_must_be_entered_again() -> Outcome {
        let (one, other) = (consent("hp")?, consent("clinic")?);
        let taken_back = Consent { withdrawn: true, ..one.clone() };
        let narrower = Consent { classes: [DataClass::Lab].into(), ..one.clone() };
        let named = |consent: &Consent| vec![ConsentNamed::of(consent)];
        let between = |former: &Consent, now: &[Consent]| Forgotten::between(std::slice::from_ref(former), now);
        assert_eq!(between(&one, &[other.clone(), one.clone()]), Forgotten::default());
        assert_eq!(between(&taken_back, std::slice::from_ref(&other)), Forgotten::default());
        let stays = Forgotten { withdrawn: named(&one), changed: Vec::new() };
        assert_eq!(between(&taken_back, std::slice::from_ref(&one)), stays);
        let again = Forgotten { withdrawn: Vec::new(), changed: named(&one) };
        for (former, now) in [
            (&one, vec![]),
            (&one, vec![taken_back.clone()]),
            (&narrower, vec![one.clone()]),
            (&one, vec![narrower.clone()]),
        ] {
            assert_eq!(between(former, &now), again);
        }
        Ok(())
    }

    #[test]
    fn every_station_hears_of_every_patient_in_a_fixed_order_and_newer_than_ever() -> Outcome {
        let folder = tempfile::tempdir()?;
        let store = Store::init(folder.path(), "くるめ")?;
        let ids = [("hp", FacilityKind::Hospital), ("clinic", FacilityKind::Clinic), ("st-1", FacilityKind::Station)];
        store.write(|tx| {
            for (id, kind) in ids {
                let id: FacilityId = id.parse().map_err(|_| HubError::NoRandomness)?;
                tx.add_facility(&Facility {
                    disclosing: kind != FacilityKind::Station,
                    id,
                    kind,
                    name: "架空".into(),
                })?;
            }
            Ok(tx.sql.execute_batch(
                "INSERT INTO patient (id, sealed) VALUES ('p-1', x'00'), ('p-2', x'00');
                 INSERT INTO care (station, patient, version) VALUES ('st-1', 'p-2', 3), ('st-1', 'p-1', 7);
                 INSERT INTO consent (patient, disclosing, viewing, classes, offline_hours) VALUES
                     ('p-1', 'hp', 'st-1', 'lab,rx', 72), ('p-2', 'hp', 'st-1', 'lab', 72);",
            )?)
        })?;
        let withdrawn = [ConsentNamed { patient: "p-2".parse()?, disclosing: "hp".parse()?, viewing: "st-1".parse()? }];
        store.write(|tx| {
            tx.stay_withdrawn(&withdrawn)?;
            tx.tell_consents_again()
        })?;
        let station: FacilityId = "st-1".parse()?;
        let rows = store.read(|tx| tx.feed_after(&station, 0, 100))?;
        let told = rows.iter().filter(|row| row.kind == Kind::Consent).filter_map(|row| row.body.as_ref());
        let told = told.map(|body| canonical::from_bytes::<Consented>(body)).collect::<Result<Vec<_>, _>>()?;
        let patients: Vec<&str> = told.iter().map(|told| told.patient.as_str()).collect();
        assert_eq!(patients, ["p-1", "p-2"]);
        assert!(told.iter().all(|told| told.again && told.version > STEP as u64));
        let open: Vec<usize> = told.iter().map(|told| told.allowed.len()).collect();
        assert_eq!(open, [1, 0], "the second was taken back after the backup");
        let closed: Vec<Vec<&str>> =
            told.iter().map(|told| told.withdrawn.iter().map(FacilityId::as_str).collect()).collect();
        assert_eq!(closed, [vec!["clinic"], vec!["clinic", "hp"]]);
        Ok(())
    }
}
