//! `tsutsuji-hub staff …`: who works at the facilities.

use super::audited;
use crate::cli::{Data, Output};
use crate::error::HubError;
use clap::{Subcommand, ValueEnum};
use record::facility::StaffRole;
use record::{FacilityId, Staff, StaffId};

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum RoleWord {
    Nurse,
    AssistantNurse,
    Therapist,
    Manager,
    Physician,
    Office,
}

#[derive(Subcommand)]
pub enum StaffCommand {
    /// Add a member of staff
    #[command(
        after_help = "Example: tsutsuji-hub staff add --data hub --facility st-1 --id nurse-a --name 看護師A --role nurse"
    )]
    Add {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        facility: FacilityId,
        #[arg(long)]
        id: StaffId,
        #[arg(long)]
        name: String,
        #[arg(long)]
        role: RoleWord,
    },
    /// List the staff
    #[command(after_help = "Example: tsutsuji-hub staff list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
}

pub fn staff(command: StaffCommand, out: &Output) -> Result<(), HubError> {
    match command {
        StaffCommand::Add { data, facility, id, name, role } => {
            let role = match role {
                RoleWord::Nurse => StaffRole::Nurse,
                RoleWord::AssistantNurse => StaffRole::AssistantNurse,
                RoleWord::Therapist => StaffRole::Therapist,
                RoleWord::Manager => StaffRole::Manager,
                RoleWord::Physician => StaffRole::Physician,
                RoleWord::Office => StaffRole::Office,
            };
            let staff = Staff { id, facility, name, role };
            audited(&data, "staff_add", None, staff.id.as_str(), |tx| tx.add_staff(&staff))?;
            out.say(&staff, |s| format!("added: {}", s.id))
        }
        StaffCommand::List { data } => {
            let staff = data.open()?.read(|tx| tx.staff())?;
            out.list(&staff, |s| format!("{}  {}  {}", s.id, s.facility, s.name))
        }
    }
}
