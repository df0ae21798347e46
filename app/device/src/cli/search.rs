//! `tsutsuji-device search …`

use super::{CliError, Output};
use crate::phone::Phone;
use crate::search::SearchShown;
use clap::Args;
use jiff::Timestamp;
use record::{DocumentId, PatientId};
use serde::Serialize;
use vault::Hit;

#[derive(Args)]
pub struct SearchArguments {
    /// Words of any length; several, split at blanks, must all stand in one document
    query: String,
    #[arg(long)]
    patient: Option<PatientId>,
    /// At most so many hits, the newest
    #[arg(long)]
    limit: Option<usize>,
}

/// Fixed like the shapes of `json`: add fields, never rename or remove one.
#[derive(Serialize)]
struct HitShown {
    patient: String,
    kind: &'static str,
    id: DocumentId,
    date: String,
    snippet: String,
}

impl From<&Hit> for HitShown {
    fn from(hit: &Hit) -> Self {
        Self {
            patient: hit.patient.to_string(),
            kind: hit.kind.as_str(),
            id: hit.id,
            date: hit.day.to_string(),
            snippet: hit.snippet.clone(),
        }
    }
}

pub fn run(phone: &Phone, asked: &SearchArguments, out: &Output, now: Timestamp) -> Result<(), CliError> {
    let most = asked.limit.unwrap_or(usize::MAX);
    let SearchShown { hits, total: _, unread, lease_lapsed } =
        phone.search(&asked.query, asked.patient.as_ref(), most, now)?;
    if lease_lapsed {
        eprintln!("the hospitals' records were not searched: they stay closed until the next sync");
    }
    if !unread.is_empty() {
        let ids: Vec<String> = unread.iter().filter_map(|document| document.id).map(|id| id.to_string()).collect();
        eprintln!(
            "the search is incomplete: {} documents cannot be read; they were left as they are — tell the station's manager: {}",
            unread.len(),
            ids.join(", ")
        );
    }
    let rows: Vec<HitShown> = hits.iter().map(HitShown::from).collect();
    out.list(&rows, |hit| format!("{}  {}  {}  {}  {}", hit.date, hit.patient, hit.kind, hit.id, hit.snippet))
}
