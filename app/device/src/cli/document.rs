//! `tsutsuji-device document …`, `handover …`, `report …`, `manager …`

use super::note::{self, Verb, done, stdin_text};
use super::{CliError, Output, json};
use crate::phone::Phone;
use clap::Subcommand;
use jiff::Timestamp;
use record::{Form, PatientId};

#[derive(Subcommand)]
pub enum DocumentCommand {
    /// Open a form: intake_record (記録書Ⅰ, one a patient), care_plan or visit_report (計画書, 報告書: one a month)
    #[command(
        after_help = "Example: tsutsuji-device document start --form care_plan --patient p-000001 --month 2026-11 --vault a.vault --pin-file pin --json"
    )]
    Start {
        #[arg(long)]
        form: Form,
        #[arg(long)]
        patient: PatientId,
        /// Such as 2026-11; this month if not given
        #[arg(long)]
        month: Option<String>,
    },
    /// The documents of a form on this device, latest first
    #[command(
        after_help = "Example: tsutsuji-device document list --form care_plan --vault a.vault --pin-file pin --json"
    )]
    List {
        #[arg(long)]
        form: Form,
        #[arg(long)]
        patient: Option<PatientId>,
    },
    /// Every field of a form with its type, unit, range and label (needs no vault)
    #[command(after_help = "Example: tsutsuji-device document fields --form care_plan --json")]
    Fields {
        #[arg(long)]
        form: Form,
    },
    #[command(flatten)]
    Verb(Verb),
}

pub fn run(phone: &Phone, command: DocumentCommand, out: &Output, now: Timestamp) -> Result<(), CliError> {
    match command {
        DocumentCommand::Start { form, patient, month } => {
            done(out, phone.start_document(form, &patient, month.as_deref(), now)?, "document")
        }
        DocumentCommand::List { form, patient } => note::list(out, &phone.document_rows(form, patient.as_ref())?),
        DocumentCommand::Fields { form } => note::fields(form, out),
        DocumentCommand::Verb(verb) => verb.run(phone, out, now),
    }
}

#[derive(Subcommand)]
pub enum HandoverCommand {
    /// Write the patient's board (申し送り): the whole new text on standard input
    #[command(
        after_help = "Example: echo 来週から長女不在 | tsutsuji-device handover text --patient p-000001 --vault a.vault --pin-file pin"
    )]
    Text {
        #[arg(long)]
        patient: PatientId,
    },
    /// The board, who has read it, and what is new since this nurse's last visit
    #[command(
        after_help = "Example: tsutsuji-device handover show --patient p-000001 --vault a.vault --pin-file pin --json"
    )]
    Show {
        #[arg(long)]
        patient: PatientId,
    },
    /// Say that this nurse has read the board as it stands
    #[command(after_help = "Example: tsutsuji-device handover read --patient p-000001 --vault a.vault --pin-file pin")]
    Read {
        #[arg(long)]
        patient: PatientId,
    },
    /// The patients whose board has something this nurse has not read
    #[command(after_help = "Example: tsutsuji-device handover unread --vault a.vault --pin-file pin --json")]
    Unread,
}

pub fn handover(phone: &Phone, command: HandoverCommand, out: &Output, now: Timestamp) -> Result<(), CliError> {
    match command {
        HandoverCommand::Text { patient } => {
            let board = phone.write_board(&patient, None, &stdin_text()?, now)?;
            done(out, board, "saved on this device")
        }
        HandoverCommand::Show { patient } => {
            let shown = json::Handover::new(&patient, &phone.board(&patient)?, &phone.since_last_visit(&patient, now)?);
            out.say(&shown, |h| h.lines())
        }
        HandoverCommand::Read { patient } => {
            phone.mark_board_read(&patient, now)?;
            out.say(&serde_json::json!({ "patient": patient, "read": true }), |_| format!("read: {patient}"))
        }
        HandoverCommand::Unread => {
            let rows: Vec<json::Unread> = phone.unread_boards()?.iter().map(json::Unread::from).collect();
            out.list(&rows, |u| format!("{}  {} new lines", u.patient, u.added.len()))
        }
    }
}

#[derive(Subcommand)]
pub enum ReportCommand {
    /// The month's marks for the report (○ ◎ □ △ ✕), out of confirmed notes; drafts that block the month are listed
    #[command(
        after_help = "Example: tsutsuji-device report calendar --patient p-000001 --month 2026-11 --vault a.vault --pin-file pin --json"
    )]
    Calendar {
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        month: String,
    },
}

pub fn report(phone: &Phone, command: ReportCommand, out: &Output) -> Result<(), CliError> {
    let ReportCommand::Calendar { patient, month } = command;
    let calendar = phone.report_calendar(&patient, &month)?;
    out.say(&calendar, |c| {
        let mut lines: Vec<String> = c.days.iter().map(|(day, marks)| format!("{day}  {marks}")).collect();
        lines.extend(c.drafts.iter().map(|note| format!("not confirmed: {note}")));
        lines.join("\n")
    })
}

#[derive(Subcommand)]
pub enum ManagerCommand {
    /// What waits for the manager: competing confirmations, late edits, unconfirmed notes, orders that lapse
    #[command(after_help = "Example: tsutsuji-device manager list --vault a.vault --pin-file pin --json")]
    List,
}

pub fn manager(phone: &Phone, command: ManagerCommand, out: &Output, now: Timestamp) -> Result<(), CliError> {
    let ManagerCommand::List = command;
    let rows: Vec<json::Task> = phone.manager_tasks(now)?.iter().map(json::Task::from).collect();
    out.list(&rows, |t| t.line())
}
