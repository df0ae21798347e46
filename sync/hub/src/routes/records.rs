//! `GET /v1/patients/{id}/records?after=`: a patient's disclosed records, page by page, after a grant; and
//! `GET /v1/patients/{id}/notes?after=`: the station's notes about her, after a digest that differed.

use super::{Hub, PeerCertificate, Refused, answer, blocking, device};
use crate::feed_page::{notes_page, records_page};
use crate::store::{Who, today};
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use protocol::proof::is_path_proved;
use protocol::{RecordsPage, RefusalCode};
use record::PatientId;
use serde::Deserialize;

/// The unlock proof of a request without a body, in hexadecimal.
const PROOF: &str = "tsutsuji-proof";

#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    after: u64,
}

/// What is asked of a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// What hospitals disclosed.
    Records,
    /// The station's own notes.
    Notes,
}

pub async fn records(
    hub: State<Hub>,
    peer: Extension<PeerCertificate>,
    patient: Path<String>,
    after: Query<After>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    page(hub, peer, Page::Records, patient, after, &headers).await
}

pub async fn notes(
    hub: State<Hub>,
    peer: Extension<PeerCertificate>,
    patient: Path<String>,
    after: Query<After>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    page(hub, peer, Page::Notes, patient, after, &headers).await
}

async fn page(
    State(hub): State<Hub>,
    Extension(peer): Extension<PeerCertificate>,
    page: Page,
    Path(patient): Path<String>,
    Query(After { after }): Query<After>,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let proof = headers.get(PROOF).and_then(|value| value.to_str().ok()).and_then(from_hex);
    let page =
        blocking(move || page_of(&hub, peer, (page, patient.as_str(), after), proof.as_deref().unwrap_or_default()))
            .await?;
    Ok(answer(StatusCode::OK, &page))
}

/// The path and query that a proof is made over.
fn asked((page, patient, after): (Page, &str, u64)) -> String {
    let what = match page {
        Page::Records => "records",
        Page::Notes => "notes",
    };
    format!("/v1/patients/{patient}/{what}?after={after}")
}

/// One page, whatever line it was asked over.
pub(crate) fn page_of(
    hub: &Hub,
    peer: PeerCertificate,
    wanted: (Page, &str, u64),
    proof: &[u8],
) -> Result<RecordsPage, Refused> {
    let device = device(&hub.store, peer)?;
    if !is_path_proved(asked(wanted).as_bytes(), proof, &device.signing_key) {
        return Err(RefusalCode::Locked.into());
    }
    let certificate = peer.0.ok_or(RefusalCode::NoCertificate)?;
    if hub.store.read(|tx| tx.is_over(certificate))? {
        return Err(RefusalCode::Expired.into());
    }
    let (what, patient, after) = wanted;
    let patient: PatientId = patient.parse().map_err(|_| RefusalCode::Garbled)?;
    let page = hub.store.write(|tx| {
        let who = Who::Device(device.device);
        if !tx.has_care(&device.station, &patient)? {
            // The attempt is audited; the answer does not say whether the patient exists.
            tx.audit(&who, "view_refused", Some(&patient), "records")?;
            return Ok(None);
        }
        let (page, told) = match what {
            Page::Records => {
                let page = records_page(tx, &device.station, &patient, after, today(tx.now()))?;
                let told = (!page.items.is_empty()).then(|| ("disclose", format!("{} records", page.items.len())));
                (page, told)
            }
            Page::Notes => {
                let page = notes_page(tx, &device.station, &patient, after)?;
                let count = page.notes.as_ref().map_or(0, Vec::len);
                (page, Some(("fetch_again", format!("{count} entries"))))
            }
        };
        if let Some((action, object)) = told {
            tx.audit(&who, action, Some(&patient), &object)?;
        }
        Ok(Some(page))
    })?;
    page.ok_or(Refused::Because(RefusalCode::NotYourPatient))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
