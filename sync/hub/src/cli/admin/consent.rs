//! `tsutsuji-hub consent …`: what patients let which facility disclose to whom (同意), and what they withdraw.

use super::audited;
use crate::cli::{Data, Output};
use crate::error::HubError;
use clap::Subcommand;
use jiff::civil::Date;
use record::{Consent, DataClass, FacilityId, PatientId};

#[derive(Subcommand)]
pub enum ConsentCommand {
    /// Record a patient's consent; the same three again replaces it
    #[command(
        after_help = "Example: tsutsuji-hub consent add --data hub --patient p-000001 --disclosing tsubaki --viewing st-1 --classes rx,lab,allergy"
    )]
    Add {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        /// 開示施設
        #[arg(long)]
        disclosing: FacilityId,
        /// 閲覧施設
        #[arg(long)]
        viewing: FacilityId,
        /// Classes of data, comma separated; by default all
        #[arg(long, value_delimiter = ',')]
        classes: Vec<DataClass>,
        /// Hours that a phone may keep the data without hearing from the hub; 0 forbids a copy
        #[arg(long, default_value_t = 72)]
        offline_hours: u32,
        /// Last day, inclusive
        #[arg(long)]
        until: Option<Date>,
    },
    /// Withdraw a consent (同意撤回)
    #[command(
        after_help = "Example: tsutsuji-hub consent withdraw --data hub --patient p-000001 --disclosing tsubaki --viewing st-1"
    )]
    Withdraw {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        disclosing: FacilityId,
        #[arg(long)]
        viewing: FacilityId,
    },
    /// List the consents
    #[command(after_help = "Example: tsutsuji-hub consent list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
}

pub fn consent(command: ConsentCommand, out: &Output) -> Result<(), HubError> {
    match command {
        ConsentCommand::Add { data, patient, disclosing, viewing, classes, offline_hours, until } => {
            let classes = if classes.is_empty() { DataClass::ALL.to_vec() } else { classes };
            let consent = Consent {
                patient: patient.clone(),
                disclosing,
                viewing,
                classes: classes.into_iter().collect(),
                offline_hours: (offline_hours > 0).then_some(offline_hours),
                until,
                withdrawn: false,
            };
            let object = format!("{} to {}", consent.disclosing, consent.viewing);
            audited(&data, "consent_add", Some(&patient), &object, |tx| tx.add_consent(&consent))?;
            out.say(&consent, |c| format!("consent: {} {} to {}", c.patient, c.disclosing, c.viewing))
        }
        ConsentCommand::Withdraw { data, patient, disclosing, viewing } => {
            let object = format!("{disclosing} to {viewing}");
            audited(&data, "consent_withdraw", Some(&patient), &object, |tx| {
                tx.withdraw_consent(&patient, &disclosing, &viewing)
            })?;
            out.say(&serde_json::json!({ "patient": patient, "withdrawn": true }), |_| {
                format!("withdrawn: {patient} {object}")
            })
        }
        ConsentCommand::List { data } => {
            let consents = data.open()?.read(|tx| tx.consents())?;
            out.list(&consents, |c| {
                let end = if c.withdrawn {
                    "withdrawn".to_string()
                } else {
                    c.until.map(|d| d.to_string()).unwrap_or_default()
                };
                format!("{}  {} to {}  {end}", c.patient, c.disclosing, c.viewing)
            })
        }
    }
}
