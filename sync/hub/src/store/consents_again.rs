//! After a restore: what this database knows of consent is told again, and what it has forgotten is named.

use super::Tx;
use crate::error::HubError;
use record::{Consent, DataClass, FacilityId, PatientId};
use serde::Serialize;
use std::collections::BTreeSet;

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
    pub(super) fn of(consent: &Consent) -> Self {
        let Consent { patient, disclosing, viewing, .. } = consent.clone();
        Self { patient, disclosing, viewing }
    }
}

/// What became of consents after the backup, as databases say that stood there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// Taken back since: they stay taken back.
    pub withdrawn: Vec<ConsentNamed>,
    /// They allow less since, and no more than this.
    pub narrowed: Vec<Consent>,
    /// Given since, or something more than the backup says: to be entered again.
    pub changed: Vec<ConsentNamed>,
}

impl Forgotten {
    /// `formers`: what each of them says, the newest first. Where two differ less is allowed: nobody knows any more which
    /// of them was asked last, and what is closed by mistake is entered again.
    pub fn between(formers: &[Vec<Consent>], now: &[Consent]) -> Self {
        let (mut forgotten, mut now, mut told) = (Self::default(), now.to_vec(), BTreeSet::new());
        for was in formers.iter().flatten() {
            let name = ConsentNamed::of(was);
            // Older ones say what a patient has closed, and not what stood open once.
            let is_latest = told.insert((was.patient.clone(), was.disclosing.clone(), was.viewing.clone()));
            let Some(is) = now.iter_mut().find(|is| ConsentNamed::of(is) == name) else {
                if is_latest && !was.withdrawn {
                    forgotten.changed.push(name);
                }
                continue;
            };
            let both = allowed_by_both(is, was);
            if is_latest && !was.withdrawn && both != *was {
                forgotten.changed.push(name.clone());
            }
            if both != *is {
                forgotten.narrowed.retain(|narrowed| ConsentNamed::of(narrowed) != name);
                match both.withdrawn {
                    true => forgotten.withdrawn.push(name),
                    false => forgotten.narrowed.push(both.clone()),
                }
            }
            *is = both;
        }
        forgotten
    }
}

/// What two states of one consent both allow. Of nothing at all it is withdrawn.
fn allowed_by_both(is: &Consent, was: &Consent) -> Consent {
    let classes: BTreeSet<DataClass> = is.classes.intersection(&was.classes).copied().collect();
    if is.withdrawn || was.withdrawn || classes.is_empty() {
        return Consent { withdrawn: true, ..is.clone() };
    }
    let offline_hours = is.offline_hours.zip(was.offline_hours).map(|(is, was)| is.min(was));
    let until = [is.until, was.until].into_iter().flatten().min();
    Consent { classes, offline_hours, until, ..is.clone() }
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

    /// What was narrowed after the backup stays so.
    pub(super) fn stay_narrowed(&self, narrowed: &[Consent]) -> Result<(), HubError> {
        for consent in narrowed {
            let classes: Vec<&str> = consent.classes.iter().map(|class| class.as_str()).collect();
            self.sql.execute(
                "UPDATE consent SET classes = ?4, offline_hours = ?5, until = ?6, lapse_told = 0
                 WHERE patient = ?1 AND disclosing = ?2 AND viewing = ?3",
                (
                    consent.patient.as_str(),
                    consent.disclosing.as_str(),
                    consent.viewing.as_str(),
                    classes.join(","),
                    consent.offline_hours,
                    consent.until.map(|day| day.to_string()),
                ),
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
        let between = |former: &Consent, now: &[Consent]| Forgotten::between(&[vec![former.clone()]], now);
        assert_eq!(between(&one, &[other.clone(), one.clone()]), Forgotten::default());
        assert_eq!(between(&taken_back, std::slice::from_ref(&other)), Forgotten::default());
        let stays = Forgotten { withdrawn: named(&one), ..Forgotten::default() };
        assert_eq!(between(&taken_back, std::slice::from_ref(&one)), stays);
        let again = Forgotten { changed: named(&one), ..Forgotten::default() };
        for (former, now) in [(&one, vec![]), (&one, vec![taken_back.clone()]), (&one, vec![narrower.clone()])] {
            assert_eq!(between(former, &now), again);
        }
        // Whatever of it a patient has taken out, or cut short, stays out.
        let day = jiff::civil::date(2026, 12, 1);
        let hours = |offline_hours| Consent { offline_hours, ..one.clone() };
        for former in [narrower.clone(), Consent { until: Some(day), ..one.clone() }, hours(Some(8)), hours(None)] {
            let stays = Forgotten { narrowed: vec![former.clone()], ..Forgotten::default() };
            assert_eq!(between(&former, std::slice::from_ref(&one)), stays);
        }
        // One thing less and another more: the one stays, the other is entered again.
        let (lab, rx) = ([DataClass::Lab, DataClass::Rx].into(), [DataClass::Rx, DataClass::Inj].into());
        let (is, was) = (Consent { classes: lab, ..one.clone() }, Consent { classes: rx, ..one.clone() });
        let both = Consent { classes: [DataClass::Rx].into(), ..one.clone() };
        let stays = Forgotten { narrowed: vec![both], changed: named(&one), ..Forgotten::default() };
        assert_eq!(between(&was, std::slice::from_ref(&is)), stays);
        Ok(())
    }

    #[test]
    fn an_older_database_still_says_what_was_closed_and_not_what_stood_open() -> Outcome {
        let (one, other) = (consent("hp")?, consent("clinic")?);
        let taken_back = Consent { withdrawn: true, ..one.clone() };
        let narrower = Consent { classes: [DataClass::Lab].into(), ..one.clone() };
        let now = std::slice::from_ref(&one);
        let closed = |formers: &[Vec<Consent>]| {
            let forgotten = Forgotten::between(formers, now);
            (forgotten.withdrawn.len(), forgotten.narrowed, forgotten.changed.len())
        };
        // The newest is the wrong backup's, of before she consented at all.
        assert_eq!(closed(&[vec![], vec![taken_back.clone()]]), (1, vec![], 0));
        assert_eq!(closed(&[vec![narrower.clone()], vec![taken_back.clone()]]), (1, vec![], 0));
        assert_eq!(closed(&[vec![narrower.clone()], vec![one.clone()]]), (0, vec![narrower], 0));
        assert_eq!(closed(&[vec![taken_back], vec![one.clone()]]), (1, vec![], 0));
        assert_eq!(closed(&[vec![], vec![other.clone()], vec![other]]), (0, vec![], 1), "named once");
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
