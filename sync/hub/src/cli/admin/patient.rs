//! `tsutsuji-hub patient …`: patients, their facilities' numbers, and whose they are (担当).

use super::{audited, time};
use crate::cli::{Data, Output};
use crate::error::HubError;
use crate::store::Who;
use clap::Subcommand;
use jiff::civil::Date;
use record::{FacilityId, PatientId, StaffId};
use serde::Serialize;

#[derive(Subcommand)]
pub enum PatientCommand {
    /// List the patients
    #[command(after_help = "Example: tsutsuji-hub patient list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Say that a facility's number belongs to a patient (紐付け)
    #[command(
        after_help = "Example: tsutsuji-hub patient link --data hub --patient p-000001 --facility yanagi --local-id 0012345"
    )]
    Link {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        facility: FacilityId,
        #[arg(long)]
        local_id: String,
    },
    /// Assign a patient to a member of staff (担当); from its first assignment on a station tells everybody else less
    #[command(after_help = "Example: tsutsuji-hub patient assign --data hub --patient p-000001 --staff nurse-a")]
    Assign {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        staff: StaffId,
        /// Last day, inclusive
        #[arg(long)]
        until: Option<Date>,
    },
    /// End an assignment; what the phone has not sent still arrives, and is flagged
    #[command(after_help = "Example: tsutsuji-hub patient unassign --data hub --patient p-000001 --staff nurse-a")]
    Unassign {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        staff: StaffId,
    },
    /// List the assignments, ended ones too
    #[command(after_help = "Example: tsutsuji-hub patient assignments --data hub --json")]
    Assignments {
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Serialize)]
struct AssignmentShown {
    patient: PatientId,
    staff: StaffId,
    station: FacilityId,
    until: Option<Date>,
    begun_at: String,
    begun_by: String,
    ended_at: Option<String>,
    ended_by: Option<String>,
}

pub fn patient(command: PatientCommand, out: &Output) -> Result<(), HubError> {
    match command {
        PatientCommand::List { data } => {
            let patients = data.open()?.read(|tx| tx.patients())?;
            out.list(&patients, |p| {
                let birth = p.birth_date.map(|d| d.to_string()).unwrap_or_default();
                format!("{}  {}  {}  {birth}", p.id, p.kana, p.name)
            })
        }
        PatientCommand::Link { data, patient, facility, local_id } => {
            audited(&data, "patient_link", Some(&patient), facility.as_str(), |tx| {
                tx.link_patient(&patient, &facility, &local_id)
            })?;
            out.say(&serde_json::json!({ "patient": patient, "facility": facility }), |_| format!("linked: {patient}"))
        }
        PatientCommand::Assign { data, patient, staff, until } => {
            audited(&data, "patient_assign", Some(&patient), staff.as_str(), |tx| {
                tx.assign(&patient, &staff, until, &Who::Admin)
            })?;
            out.say(&serde_json::json!({ "patient": patient, "staff": staff, "until": until }), |_| {
                format!("assigned: {patient} to {staff}")
            })
        }
        PatientCommand::Unassign { data, patient, staff } => {
            audited(&data, "patient_unassign", Some(&patient), staff.as_str(), |tx| {
                tx.unassign(&patient, &staff, &Who::Admin)
            })?;
            out.say(&serde_json::json!({ "patient": patient, "staff": staff, "assigned": false }), |_| {
                format!("no longer assigned: {patient} to {staff}")
            })
        }
        PatientCommand::Assignments { data } => {
            let rows: Vec<AssignmentShown> = data
                .open()?
                .read(|tx| tx.assignments())?
                .into_iter()
                .map(|a| AssignmentShown {
                    patient: a.patient,
                    staff: a.staff,
                    station: a.station,
                    until: a.until,
                    begun_at: time(a.begun_at),
                    begun_by: a.begun_by,
                    ended_at: a.ended_at.map(time),
                    ended_by: a.ended_by,
                })
                .collect();
            out.list(&rows, |a| {
                format!("{}  {}  {}  {}", a.patient, a.staff, a.begun_at, a.ended_at.as_deref().unwrap_or("holds"))
            })
        }
    }
}
