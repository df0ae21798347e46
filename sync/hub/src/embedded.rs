//! A whole hub inside another process, with the sample network in it: what `tsutsuji demo` stands on.

use crate::cli::make_invitation;
use crate::error::HubError;
use crate::intake_run::{IntakeReport, take_file};
use crate::keys::random;
use crate::sample::{PatientRef, Sample};
use crate::serve::{Serving, serve};
use crate::store::{Store, Tx, today};
use jiff::civil::Date;
use protocol::EnrolUri;
use record::{Consent, DocumentId, NursingOrder, PatientId, StaffId, Visit};
use std::path::Path;

/// The sample network is the same on every machine.
const SEED: u64 = 20_120_801;
/// The nurse who holds the demo's phone.
pub const DEMO_NURSE: &str = "nurse-a";

/// An embedded hub, listening.
pub struct Embedded {
    pub serving: Serving,
    store: Store,
}

impl Embedded {
    /// Opens the hub in `data`, or makes one and fills it with the sample network. A new day gets its own plan of visits.
    ///
    /// It listens where it listened before: enrolled devices know it by that address.
    pub async fn start(data: &Path) -> Result<Self, HubError> {
        let folder = data.to_path_buf();
        let store = tokio::task::spawn_blocking(move || open_or_fill(&folder))
            .await
            .unwrap_or(Err(HubError::NotInitialised(data.to_path_buf())))?;
        let before = store.read(|tx| tx.meta("url"))?;
        let listen =
            before.as_deref().and_then(|url| url.strip_prefix("https://")).unwrap_or("127.0.0.1:0").to_string();
        Ok(Self { serving: serve(store.clone(), &listen, None).await?, store })
    }

    /// An invitation for one of the sample's nurses.
    pub fn invite(&self, staff: &StaffId) -> Result<EnrolUri, HubError> {
        Ok(make_invitation(&self.store, staff)?.0)
    }
}

fn open_or_fill(data: &Path) -> Result<Store, HubError> {
    let store = match Store::open(data) {
        Err(HubError::NotInitialised(_)) => Store::init(data, "つつじデモ")?,
        other => other?,
    };
    let now = jiff::Timestamp::now().as_millisecond();
    let day = today(now);
    let planned = store.read(|tx| tx.meta("sample_day"))?;
    if planned.as_deref() == Some(day.to_string().as_str()) {
        return Ok(store);
    }
    let sample = crate::sample::generate(day, SEED);
    fill(&store, &sample, day, planned.is_none())?;
    Ok(store)
}

/// A start that was cut short fills again: every step is idempotent, and the day is marked last.
fn fill(store: &Store, sample: &Sample, day: Date, first: bool) -> Result<(), HubError> {
    if first {
        store.write(|tx| {
            sample.facilities.iter().try_for_each(|facility| tx.add_facility(facility))?;
            sample.staff.iter().try_for_each(|staff| tx.add_staff(staff))
        })?;
        let mut report = IntakeReport::default();
        for file in &sample.files {
            take_file(store, &file.facility, &file.path, &file.bytes, &mut report)?;
        }
        if let Some(bad) = report.quarantined.first() {
            tracing::error!(path = %bad.path, reason = %bad.reason, "a sample file was quarantined");
        }
    }
    store.write(|tx| {
        if first {
            for (kept, other) in &sample.links {
                tx.link_patient(&find(tx, kept)?, &other.facility, &other.local_id)?;
            }
            for consent in &sample.consents {
                tx.add_consent(&Consent {
                    patient: find(tx, &consent.patient)?,
                    disclosing: consent.disclosing.clone(),
                    viewing: consent.viewing.clone(),
                    classes: consent.classes.clone(),
                    offline_hours: consent.offline_hours,
                    until: consent.until,
                    withdrawn: false,
                })?;
            }
            for order in &sample.orders {
                let (id, patient) = (DocumentId::from_random(*random()?), find(tx, &order.patient)?);
                let (facility, station) = (order.facility.clone(), order.station.clone());
                let ordinary = NursingOrder::ordinary(id, patient, facility, station, order.from, order.until);
                tx.add_order(&NursingOrder { special: order.special, ..ordinary })?;
            }
        }
        for visit in sample.visits.iter().filter(|visit| first || visit.date >= day) {
            let staff = tx.known_staff(&visit.staff)?;
            tx.add_visit(&Visit {
                id: DocumentId::from_random(*random()?),
                patient: find(tx, &visit.patient)?,
                station: staff.facility,
                staff: staff.id,
                date: visit.date,
                start: visit.start,
                minutes: visit.minutes,
            })?;
        }
        tx.put_meta("sample_day", &day.to_string())
    })
}

fn find(tx: &Tx<'_>, patient: &PatientRef) -> Result<PatientId, HubError> {
    tx.patient_of_local_id(&patient.facility, &patient.local_id)?.ok_or(HubError::Damaged { table: "local_id" })
}
