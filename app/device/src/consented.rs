//! 同意: what this phone hears of consent, and what follows for the disclosed records on it.

use crate::error::DeviceError;
use protocol::{Consented, Kind};
use record::{DocumentId, FacilityId, PatientId, canonical};
use vault::{Item, SyncState, Tx, VaultError};

/// Law 6: only what is named as withdrawn goes; an empty list purges nothing. What is told again after a restore goes by what was
/// heard last: who has heard the same fetches nothing.
pub(crate) fn take(tx: &mut Tx<'_>, told: &Consented, state: &mut SyncState) -> Result<(), DeviceError> {
    let heard = heard(tx, &told.patient)?.filter(|_| told.again);
    let narrowed = heard.as_ref().map(|heard| narrowed(heard, told)).unwrap_or_default();
    for facility in told.withdrawn.iter().chain(&narrowed) {
        tx.forget_disclosed(&told.patient, facility)?;
    }
    if told.allowed.is_empty() {
        state.want_no_records(&told.patient, told.version);
    } else if heard.is_none_or(|heard| heard.allowed != told.allowed) {
        state.want_records(told.patient.clone(), told.version);
    }
    let body = canonical::to_bytes(told).map_err(VaultError::from)?;
    let (doc, patient) = (name(&told.patient), Some(told.patient.clone()));
    Ok(tx.put_item(&Item { kind: Kind::Consent, doc, patient, source: None, body })?)
}

/// What was heard last of a patient; `None`: nothing, or before this was kept.
fn heard(tx: &mut Tx<'_>, patient: &PatientId) -> Result<Option<Consented>, DeviceError> {
    let item = tx.item(Kind::Consent, name(patient))?;
    Ok(item.and_then(|item| canonical::from_bytes(&item.body).ok()))
}

/// Facilities of whom fewer classes may be held than was heard: the hub has forgotten that they were more.
fn narrowed(heard: &Consented, told: &Consented) -> Vec<FacilityId> {
    let lost = |(facility, classes): &&(FacilityId, Vec<String>)| {
        let now = told.allowed.iter().find(|(open, _)| open == facility);
        now.is_some_and(|(_, now)| classes.iter().any(|class| !now.contains(class)))
    };
    heard.allowed.iter().filter(lost).map(|(facility, _)| facility.clone()).collect()
}

fn name(patient: &PatientId) -> DocumentId {
    DocumentId::derive("consent", patient.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Desk, NOW, Outcome};

    fn told(allowed: &[(&str, &[&str])], again: bool, version: u64) -> Outcome<Consented> {
        let mut open: Vec<(FacilityId, Vec<String>)> = Vec::new();
        for (facility, classes) in allowed {
            open.push((facility.parse()?, classes.iter().map(|class| (*class).to_string()).collect()));
        }
        Ok(Consented { patient: "p-1".parse()?, version, allowed: open, withdrawn: Vec::new(), again })
    }

    #[test]
    fn what_is_told_again_is_fetched_by_whoever_heard_otherwise_and_by_nobody_else() -> Outcome {
        let desk = Desk::new()?;
        let phone = desk.unlock(NOW)?;
        let hears = |told: Consented| -> Outcome<bool> {
            let wants = phone.write(|tx| {
                let mut state = tx.sync_state()?;
                take(tx, &told, &mut state)?;
                Ok(!state.backfill.is_empty())
            })?;
            Ok(wants)
        };
        let open: &[(&str, &[&str])] = &[("hp", &["lab", "rx"])];
        assert!(hears(told(open, true, 1 << 20)?)?, "nothing was heard before");
        assert!(!hears(told(open, true, 1 << 21)?)?, "the same");
        assert!(hears(told(open, false, 5)?)?, "a consent that is given is fetched, whatever was heard");
        assert!(!hears(told(&[], false, 6)?)?);
        assert!(hears(told(open, true, 1 << 22)?)?, "only the withdrawal was heard, and it is forgotten");
        Ok(())
    }

    #[test]
    fn only_a_facility_that_is_named_with_fewer_classes_is_narrowed() -> Outcome {
        let heard = told(&[("hp", &["lab", "rx"]), ("clinic", &["lab"]), ("other", &["lab"])], false, 1)?;
        let now = told(&[("hp", &["lab"]), ("clinic", &["lab", "rx"])], true, 2)?;
        assert_eq!(narrowed(&heard, &now), ["hp".parse::<FacilityId>()?]);
        Ok(())
    }
}
