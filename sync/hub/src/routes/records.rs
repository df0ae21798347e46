//! `GET /v1/patients/{id}/records?after=`: a patient's disclosed records, page by page, after a grant.

use super::{Hub, PeerCertificate, Refused, answer, blocking, device};
use crate::feed_page::records_page;
use crate::store::{Who, today};
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::RefusalCode;
use record::PatientId;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    after: u64,
}

pub async fn records(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    Path(patient): Path<String>,
    Query(After { after }): Query<After>,
) -> Result<Response, Refused> {
    let page = blocking(move || {
        let device = device(&hub.store, peer)?;
        let patient: PatientId = patient.parse().map_err(|_| RefusalCode::Garbled)?;
        let page = hub.store.write(|tx| {
            let who = Who::Device(device.device);
            if !tx.has_care(&device.station, &patient)? {
                // The attempt is audited; the answer does not say whether the patient exists.
                tx.audit(&who, "view_refused", Some(&patient), "records")?;
                return Ok(None);
            }
            let page = records_page(tx, &device.station, &patient, after, today(tx.now()))?;
            if !page.items.is_empty() {
                tx.audit(&who, "disclose", Some(&patient), &format!("{} records", page.items.len()))?;
            }
            Ok(Some(page))
        })?;
        page.ok_or(Refused::Because(RefusalCode::NotYourPatient))
    })
    .await?;
    Ok(answer(StatusCode::OK, &page))
}
