//! Shapes of `handover …` and `manager …`.

use super::{NoteListed, Order, time};
use crate::document::{HandoverShown, ManagerTask, Reader, SinceLastVisit};
use record::calendar::rfc3339_in_japan;
use record::{DocumentId, PatientId};
use serde::Serialize;

/// `handover show`
#[derive(Serialize)]
pub struct Handover {
    patient: String,
    board: DocumentId,
    text: String,
    unread: bool,
    added: Vec<String>,
    read_by: Vec<ReadBy>,
    written_by: Option<String>,
    written_at: Option<String>,
    changed_at: Option<String>,
    since: Since,
}

#[derive(Serialize)]
struct ReadBy {
    staff: String,
    at: String,
    current: bool,
}

#[derive(Serialize)]
struct Since {
    last_visit: Option<String>,
    notes: Vec<NoteListed>,
    records: Vec<NewRecord>,
    orders: Vec<Order>,
}

#[derive(Serialize)]
struct NewRecord {
    class: &'static str,
    text: String,
    date: Option<String>,
    facility: String,
    as_of: String,
}

impl Handover {
    pub fn new(patient: &PatientId, board: &HandoverShown, since: &SinceLastVisit) -> Self {
        let reader = |r: &Reader| ReadBy { staff: r.staff.to_string(), at: rfc3339_in_japan(r.at), current: r.current };
        let record = |r: &record::DisclosedRecord| NewRecord {
            class: r.class.as_str(),
            text: r.text.clone(),
            date: r.date.map(|date| date.to_string()),
            facility: r.facility.to_string(),
            as_of: rfc3339_in_japan(r.as_of),
        };
        Self {
            patient: patient.to_string(),
            board: board.board,
            text: board.text.clone(),
            unread: board.unread,
            added: board.added.clone(),
            read_by: board.readers.iter().map(reader).collect(),
            written_by: board.written.as_ref().and_then(|w| w.staff.as_ref()).map(ToString::to_string),
            written_at: time(board.written.as_ref().and_then(|w| w.at)),
            changed_at: time(board.changed_at),
            since: Since {
                last_visit: time(since.last_visit),
                notes: since.notes.iter().map(NoteListed::from).collect(),
                records: since.records.iter().map(record).collect(),
                orders: since.orders.iter().map(Order::from).collect(),
            },
        }
    }

    pub fn lines(&self) -> String {
        let mark = |line: &str| if self.added.iter().any(|added| added == line) { "+ " } else { "  " };
        let mut lines: Vec<String> = self.text.lines().map(|line| format!("{}{line}", mark(line))).collect();
        for reader in &self.read_by {
            let standing = if reader.current { "read" } else { "read an earlier text" };
            lines.push(format!("{} {standing} at {}", reader.staff, reader.at));
        }
        let since = self.since.last_visit.as_deref().unwrap_or("ever");
        lines.push(format!(
            "since {since}: {} notes, {} records, {} orders",
            self.since.notes.len(),
            self.since.records.len(),
            self.since.orders.len()
        ));
        lines.join("\n")
    }
}

/// One line of `handover unread`
#[derive(Serialize)]
pub struct Unread {
    pub patient: String,
    pub added: Vec<String>,
    changed_at: Option<String>,
}

impl From<&(PatientId, HandoverShown)> for Unread {
    fn from((patient, board): &(PatientId, HandoverShown)) -> Self {
        Self { patient: patient.to_string(), added: board.added.clone(), changed_at: time(board.changed_at) }
    }
}

/// One line of `manager list`
#[derive(Default, Serialize)]
pub struct Task {
    kind: &'static str,
    patient: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<DocumentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i32>,
}

impl From<&ManagerTask> for Task {
    fn from(task: &ManagerTask) -> Self {
        let of = |kind, patient: &PatientId| Task { kind, patient: patient.to_string(), ..Task::default() };
        match task {
            ManagerTask::Competing { note, patient } => Task { note: Some(*note), ..of("competing", patient) },
            ManagerTask::LateEdits { note, patient } => Task { note: Some(*note), ..of("late_edits", patient) },
            ManagerTask::Held { note, patient, .. } => Task { note: Some(*note), ..of("held", patient) },
            ManagerTask::Unconfirmed { note, patient, day } => {
                Task { note: Some(*note), day: Some(day.to_string()), ..of("unconfirmed", patient) }
            }
            ManagerTask::OrderExpired { patient, ended } => {
                Task { day: Some(ended.to_string()), ..of("order_expired", patient) }
            }
            ManagerTask::OrderEnds { patient, until, days_left } => {
                Task { day: Some(until.to_string()), days_left: Some(*days_left), ..of("order_ends", patient) }
            }
        }
    }
}

impl Task {
    pub fn line(&self) -> String {
        let note = self.note.map(|note| note.to_string()).unwrap_or_default();
        format!("{:13}  {}  {}  {note}", self.kind, self.patient, self.day.as_deref().unwrap_or("-"))
    }
}
