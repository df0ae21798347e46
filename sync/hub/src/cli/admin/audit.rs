//! `tsutsuji-hub audit …`: whether the audit trail is whole.

use crate::cli::{Data, Output};
use crate::error::HubError;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check the whole chain; names the first bad entry
    #[command(after_help = "Example: tsutsuji-hub audit verify --data hub")]
    Verify {
        #[command(flatten)]
        data: Data,
    },
}

pub fn audit(command: AuditCommand, out: &Output) -> Result<(), HubError> {
    let AuditCommand::Verify { data } = command;
    let entries = data.open()?.read(|tx| tx.verify_audit())?;
    out.say(&serde_json::json!({ "entries": entries, "intact": true }), |_| {
        format!("the audit trail is intact: {entries} entries")
    })
}
