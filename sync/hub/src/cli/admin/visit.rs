//! `tsutsuji-hub visit …`: the planned visits.

use super::audited;
use crate::cli::{Data, Output};
use crate::error::HubError;
use crate::keys::random;
use clap::Subcommand;
use jiff::civil::{Date, Time};
use record::{DocumentId, FacilityId, PatientId, StaffId, Visit};
use serde::Serialize;

#[derive(Subcommand)]
pub enum VisitCommand {
    /// Plan a visit
    #[command(
        after_help = "Example: tsutsuji-hub visit add --data hub --patient p-000001 --staff nurse-a --date 2026-11-22 --start 09:30 --minutes 60"
    )]
    Add {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        staff: StaffId,
        /// Japan's calendar day
        #[arg(long)]
        date: Date,
        #[arg(long, value_name = "HH:MM")]
        start: Time,
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1440))]
        minutes: u16,
        /// Of a visit that a restore names as to be entered again: its id, so that phones show it once
        #[arg(long, value_name = "UUID")]
        id: Option<DocumentId>,
    },
    /// List the planned visits
    #[command(after_help = "Example: tsutsuji-hub visit list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Serialize)]
struct VisitShown {
    visit: DocumentId,
    patient: PatientId,
    station: FacilityId,
    staff: StaffId,
    date: Date,
    start: String,
    minutes: u16,
}

impl From<&Visit> for VisitShown {
    fn from(v: &Visit) -> Self {
        Self {
            visit: v.id,
            patient: v.patient.clone(),
            station: v.station.clone(),
            staff: v.staff.clone(),
            date: v.date,
            start: v.start.strftime("%H:%M").to_string(),
            minutes: v.minutes,
        }
    }
}

pub fn visit(command: VisitCommand, out: &Output) -> Result<(), HubError> {
    match command {
        VisitCommand::Add { data, patient, staff, date, start, minutes, id } => {
            let id = match id {
                Some(id) => id,
                None => DocumentId::from_random(*random()?),
            };
            let visit = audited(&data, "visit_add", Some(&patient), &id.to_string(), |tx| {
                let station = tx.known_staff(&staff)?.facility;
                let visit = Visit { id, patient: patient.clone(), station, staff: staff.clone(), date, start, minutes };
                tx.add_visit(&visit)?;
                Ok(visit)
            })?;
            out.say(&VisitShown::from(&visit), |v| format!("visit: {}", v.visit))
        }
        VisitCommand::List { data } => {
            let visits = data.open()?.read(|tx| tx.visits())?;
            out.list(&visits.iter().map(VisitShown::from).collect::<Vec<_>>(), |v| {
                format!("{}  {} {}  {} min  {}  {}", v.visit, v.date, v.start, v.minutes, v.patient, v.staff)
            })
        }
    }
}
