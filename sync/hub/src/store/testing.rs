//! For the tests of what stations hear: a hub with a hospital, stations, and one patient of the hospital's.

use super::Store;
use record::patient::{Demographics, Sex};
use record::{Consent, DataClass, Facility, FacilityId, FacilityKind, PatientId};
use std::path::Path;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The hospital is `tsubaki`, the patient's number there 1.
pub(crate) fn hub(folder: &Path, stations: &[&str]) -> Outcome<(Store, PatientId)> {
    let store = Store::init(folder, "くるめ")?;
    let hospital: FacilityId = "tsubaki".parse()?;
    let stations = stations.iter().map(|id| id.parse()).collect::<Result<Vec<FacilityId>, _>>()?;
    let facility = |id: &FacilityId, kind| Facility { id: id.clone(), kind, name: "架空".into(), disclosing: true };
    let patient = store.write(|tx| {
        tx.add_facility(&facility(&hospital, FacilityKind::Hospital))?;
        stations.iter().try_for_each(|station| tx.add_facility(&facility(station, FacilityKind::Station)))?;
        Ok(tx.take_demographics(&hospital, &person("1"))?.0)
    })?;
    Ok((store, patient))
}

pub(crate) fn person(local_id: &str) -> Demographics {
    Demographics {
        local_id: local_id.into(),
        name: "仮山 花子".into(),
        kana: "カリヤマ ハナコ".into(),
        birth_date: None,
        sex: Sex::Unknown,
        address: None,
        phone: None,
    }
}

/// To everything, for three days on a phone.
pub(crate) fn consent(patient: &PatientId, disclosing: &FacilityId, viewing: &FacilityId) -> Consent {
    Consent {
        patient: patient.clone(),
        disclosing: disclosing.clone(),
        viewing: viewing.clone(),
        classes: DataClass::ALL.into_iter().collect(),
        offline_hours: Some(72),
        until: None,
        withdrawn: false,
    }
}
