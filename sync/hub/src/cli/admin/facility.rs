//! `tsutsuji-hub facility …`: the facilities of the network.

use super::audited;
use crate::cli::{Data, Output};
use crate::error::HubError;
use clap::{Subcommand, ValueEnum};
use record::facility::FacilityKind;
use record::{Facility, FacilityId};

#[derive(Clone, Copy, ValueEnum)]
pub enum KindWord {
    Hospital,
    Clinic,
    Station,
    Pharmacy,
}

#[derive(Subcommand)]
pub enum FacilityCommand {
    /// Add a facility
    #[command(
        after_help = "Example: tsutsuji-hub facility add --data hub --id tsubaki --kind hospital --name つばき中央病院 --disclosing"
    )]
    Add {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        id: FacilityId,
        #[arg(long)]
        kind: KindWord,
        #[arg(long)]
        name: String,
        /// Gives records to the network (開示施設)
        #[arg(long)]
        disclosing: bool,
    },
    /// List the facilities
    #[command(after_help = "Example: tsutsuji-hub facility list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
}

pub fn facility(command: FacilityCommand, out: &Output) -> Result<(), HubError> {
    match command {
        FacilityCommand::Add { data, id, kind, name, disclosing } => {
            let kind = match kind {
                KindWord::Hospital => FacilityKind::Hospital,
                KindWord::Clinic => FacilityKind::Clinic,
                KindWord::Station => FacilityKind::Station,
                KindWord::Pharmacy => FacilityKind::Pharmacy,
            };
            let facility = Facility { id, kind, name, disclosing };
            audited(&data, "facility_add", None, facility.id.as_str(), |tx| tx.add_facility(&facility))?;
            out.say(&facility, |f| format!("added: {}", f.id))
        }
        FacilityCommand::List { data } => {
            let facilities = data.open()?.read(|tx| tx.facilities())?;
            out.list(&facilities, |f| {
                format!("{}  {}{}", f.id, f.name, if f.disclosing { "  (disclosing)" } else { "" })
            })
        }
    }
}
