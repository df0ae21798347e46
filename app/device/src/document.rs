//! The station's other documents: 申し送り, 記録書Ⅰ, 計画書, 報告書 — and what the manager has to look at.

use crate::amend::role;
use crate::board::{new_lines, seen_by};
use crate::error::DeviceError;
use crate::note::{OpenNote, confirmed_values, open_whole};
use crate::phone::Phone;
use crate::read;
use jiff::Timestamp;
use jiff::civil::Date;
use protocol::Kind;
use record::calendar::{day_in_japan, zoned_in_japan};
use record::order::{Orders, PatientStanding};
use record::report_calendar::{self, ReportCalendar, ReportVisit, VisitKind};
use record::visit_note::draft::READ_MARK;
use record::visit_note::{About, FieldValue, LastWriter, NoteState};
use record::{DisclosedRecord, DocumentId, Form, NursingOrder, PatientId, StaffId, StaffRole};
use vault::{NoteRow, Tx};

pub(crate) const BOARD: &str = "board";
/// From then on a note of today that nobody confirmed is the manager's business.
const EVENING_HOUR: i8 = 18;

/// 申し送り as one nurse sees it.
#[derive(Clone, PartialEq)]
pub struct HandoverShown {
    pub board: DocumentId,
    pub text: String,
    /// Something was written since she last marked it read.
    pub unread: bool,
    /// Lines that were not there when she last read it.
    pub added: Vec<String>,
    /// Who has read it, and when (device's clock); only readings of the present text are `current`.
    pub readers: Vec<Reader>,
    /// Who wrote on it last, and when (that device's clock). Readings are no writing.
    pub written: Option<LastWriter>,
    /// Two people wrote the same words at one place: they are shown once.
    pub equal_edits: bool,
    pub changed_at: Option<Timestamp>,
}

impl std::fmt::Debug for HandoverShown {
    /// The board's words stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandoverShown")
            .field("board", &self.board)
            .field("unread", &self.unread)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reader {
    pub staff: StaffId,
    pub at: Timestamp,
    pub current: bool,
}

/// 前回の訪問以降: what others wrote and hospitals disclosed since this nurse was last there.
#[derive(Debug, Clone)]
pub struct SinceLastVisit {
    /// `None`: she has not been there before, everything is new.
    pub last_visit: Option<Timestamp>,
    pub notes: Vec<NoteRow>,
    pub records: Vec<DisclosedRecord>,
    pub orders: Vec<NursingOrder>,
}

/// What waits for the manager (管理者).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagerTask {
    /// Two confirmations of one note: choose.
    Competing { note: DocumentId, patient: PatientId },
    /// Late edits of a confirmed note that nobody has decided about.
    LateEdits { note: DocumentId, patient: PatientId },
    /// The hub keeps an entry of this device back, or refused it.
    Held { note: DocumentId, patient: PatientId, form: Form },
    /// A note of an earlier day, or of today after 18:00, that nobody confirmed.
    Unconfirmed { note: DocumentId, patient: PatientId, day: Date },
    /// No order holds any more; visits go on, the doctor must be asked.
    OrderExpired { patient: PatientId, ended: Date },
    /// The order lapses soon (30, 14, 7, 0 days).
    OrderEnds { patient: PatientId, until: Date, days_left: i32 },
}

impl Phone {
    /// Opens a form that a station keeps once a patient, or once a patient and month.
    pub fn start_document(
        &self,
        form: Form,
        patient: &PatientId,
        month: Option<&str>,
        now: Timestamp,
    ) -> Result<DocumentId, DeviceError> {
        let monthly = matches!(form, Form::CarePlan | Form::VisitReport);
        if matches!(form, Form::VisitNote | Form::Handover) {
            return Err(DeviceError::NotADocument(form));
        }
        let month = match (monthly, month) {
            (true, Some(month)) => Some(first_of(month)?.strftime("%Y-%m").to_string()),
            (true, None) => Some(day_in_japan(now).strftime("%Y-%m").to_string()),
            (false, None) => None,
            (false, Some(_)) => return Err(DeviceError::Month),
        };
        let document = DocumentId::of_form(form, &self.identity().station, patient, month.as_deref());
        self.write(|tx| {
            let mut open = self.begin(tx, (document, form), patient, now)?;
            if let Some(month) = month {
                let field = form.field("month")?;
                if open.draft.view()?.word("month").is_none() {
                    let change = open.draft.set(field, FieldValue::Word(month), now)?;
                    open.store(tx, change, now)?;
                }
            }
            Ok(())
        })?;
        self.changed();
        Ok(document)
    }

    /// Documents of a form, of one patient or of all, the last changed first.
    pub fn document_rows(&self, form: Form, patient: Option<&PatientId>) -> Result<Vec<NoteRow>, DeviceError> {
        self.read(|tx| Ok(tx.note_rows(form, patient)?))
    }

    /// Replaces the board's text against what stands there now: a colleague's lines that this writer never saw stay only
    /// if `shown` says what she saw; without it the whole present text counts as seen.
    pub fn write_board(
        &self,
        patient: &PatientId,
        shown: Option<&str>,
        typed: &str,
        now: Timestamp,
    ) -> Result<DocumentId, DeviceError> {
        let board = self.write(|tx| {
            let mut open = self.begin(tx, self.board_of(patient), patient, now)?;
            let field = Form::Handover.field(BOARD)?;
            let present = open.draft.view()?.text(BOARD).to_string();
            let change = open.draft.edit_text(field, shown.unwrap_or(&present), typed, now)?;
            open.store(tx, change, now)?;
            // Who writes has read.
            let change = open.draft.mark_read(&self.identity().staff, now)?;
            open.store(tx, change, now)?;
            Ok(open.row.note)
        })?;
        self.changed();
        Ok(board)
    }

    /// 既読: this nurse has read the board as it stands.
    pub fn mark_board_read(&self, patient: &PatientId, now: Timestamp) -> Result<(), DeviceError> {
        if !self.board_unread(patient)? {
            return Ok(());
        }
        self.write(|tx| {
            let mut open = self.begin(tx, self.board_of(patient), patient, now)?;
            let change = open.draft.mark_read(&self.identity().staff, now)?;
            open.store(tx, change, now)
        })?;
        self.changed();
        Ok(())
    }

    /// The patient's board; empty if nobody has written on it.
    pub fn board(&self, patient: &PatientId) -> Result<HandoverShown, DeviceError> {
        let (board, _) = self.board_of(patient);
        self.read(|tx| {
            let Some(stored) = tx.note(board)? else {
                if tx.items(Kind::Patient, Some(patient))?.is_empty() {
                    return Err(DeviceError::UnknownPatient(patient.clone()));
                }
                return Ok(HandoverShown {
                    board,
                    text: String::new(),
                    unread: false,
                    added: Vec::new(),
                    readers: Vec::new(),
                    written: None,
                    equal_edits: false,
                    changed_at: None,
                });
            };
            let mut open = OpenNote::from_stored(stored, self.hand())?;
            let view = open.draft.view()?;
            let text = view.text(BOARD).to_string();
            // Readings are compared with the text as it is stored: what is shown of equal lines depends on who reads.
            let stored = open.draft.stored_text(BOARD)?;
            let mut readers = Vec::new();
            for (name, value) in &view.fields {
                let (Some(staff), FieldValue::Time(at)) = (name.strip_prefix(READ_MARK), value) else { continue };
                let Ok(staff) = staff.parse() else { continue };
                let current = open.draft.text_when_set(name, BOARD)?.as_deref() == Some(stored.as_str());
                readers.push(Reader { staff, at: *at, current });
            }
            let seen = seen_by(&open.draft, &self.identity().staff)?;
            Ok(HandoverShown {
                board,
                unread: seen != stored,
                added: new_lines(&text, &seen),
                text,
                readers,
                written: open.draft.last_writer(BOARD)?,
                equal_edits: view.equal_edits.iter().any(|name| name == BOARD),
                changed_at: Some(open.row.changed_at),
            })
        })
    }

    /// Boards with something that this nurse has not read, the last changed first.
    pub fn unread_boards(&self) -> Result<Vec<(PatientId, HandoverShown)>, DeviceError> {
        let mut unread = Vec::new();
        for row in self.document_rows(Form::Handover, None)? {
            if self.board_unread(&row.patient)? {
                let board = self.board(&row.patient)?;
                unread.push((row.patient, board));
            }
        }
        Ok(unread)
    }

    /// What is new of a patient since this nurse's own last visit.
    pub fn since_last_visit(&self, patient: &PatientId, now: Timestamp) -> Result<SinceLastVisit, DeviceError> {
        let me = self.identity().staff.clone();
        let today = day_in_japan(now);
        self.read(|tx| {
            let rows = tx.note_rows(Form::VisitNote, Some(patient))?;
            let was_there = |row: &&NoteRow| {
                row.author.as_ref() == Some(&me)
                    && row.state != NoteState::Closed
                    && row.started_at.is_some_and(|at| row.state == NoteState::Confirmed || day_in_japan(at) < today)
            };
            let last = rows.iter().filter(was_there).filter_map(|row| row.ended_at.or(row.started_at)).max();
            let is_new = |at: Timestamp| last.is_none_or(|last| at > last);
            let by_others = |row: &NoteRow| {
                row.author.as_ref() != Some(&me)
                    && row.state != NoteState::Closed
                    && (is_new(row.changed_at) || row.started_at.is_some_and(is_new))
            };
            let records = if read::lease_lapsed(tx, now)? {
                Vec::new()
            } else {
                read::all::<DisclosedRecord>(tx, Kind::Record, Some(patient))?
            };
            let since = last.map(day_in_japan);
            let orders = read::all::<NursingOrder>(tx, Kind::Order, Some(patient))?;
            Ok(SinceLastVisit {
                last_visit: last,
                notes: rows.iter().filter(|row| by_others(row)).cloned().collect(),
                records: records.into_iter().filter(|record| !record.deleted && is_new(record.as_of)).collect(),
                orders: orders.into_iter().filter(|o| since.is_none_or(|since| o.issue_day() > since)).collect(),
            })
        })
    }

    /// 報告書の訪問日: the month's marks, out of confirmed notes only; drafts block the month and are listed.
    pub fn report_calendar(&self, patient: &PatientId, month: &str) -> Result<ReportCalendar, DeviceError> {
        let month = first_of(month)?;
        self.read(|tx| calendar(tx, patient, month, self))
    }

    /// What waits for the manager, the most pressing first.
    pub fn manager_tasks(&self, now: Timestamp) -> Result<Vec<ManagerTask>, DeviceError> {
        let (today, evening) = (day_in_japan(now), zoned_in_japan(now).hour() >= EVENING_HOUR);
        self.read(|tx| {
            let mut tasks = Vec::new();
            let rows = tx.note_rows(Form::VisitNote, None)?;
            for row in &rows {
                let (note, patient) = (row.note, row.patient.clone());
                match (row.state, row.started_at.map(day_in_japan)) {
                    (NoteState::Competing, _) => tasks.push(ManagerTask::Competing { note, patient }),
                    (NoteState::Confirmed | NoteState::Closed, _) if row.has_late_edits => {
                        tasks.push(ManagerTask::LateEdits { note, patient });
                    }
                    (NoteState::Draft, Some(day)) if day < today || (day == today && evening) => {
                        tasks.push(ManagerTask::Unconfirmed { note, patient, day });
                    }
                    _ => {}
                }
            }
            tasks.extend(held(tx)?);
            let mut orders: std::collections::BTreeMap<PatientId, Vec<NursingOrder>> = Default::default();
            for order in read::all::<NursingOrder>(tx, Kind::Order, None)? {
                orders.entry(order.patient.clone()).or_default().push(order);
            }
            for (patient, orders) in orders {
                match Orders::on(&orders, today).standing {
                    PatientStanding::Expired { ended } => tasks.push(ManagerTask::OrderExpired { patient, ended }),
                    PatientStanding::Holds { until, days_left, alert: Some(_) } => {
                        tasks.push(ManagerTask::OrderEnds { patient, until, days_left });
                    }
                    _ => {}
                }
            }
            tasks.sort_by_key(ManagerTask::rank);
            Ok(tasks)
        })
    }

    /// What a form needs beside its own text before it is confirmed.
    pub(crate) fn before_confirmation(
        &self,
        tx: &mut Tx<'_>,
        open: &mut OpenNote,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let form = open.row.form;
        if matches!(form, Form::CarePlan | Form::VisitReport)
            && role(tx, &self.identity().staff)? == Some(StaffRole::AssistantNurse)
        {
            return Err(DeviceError::NotForAssistantNurse);
        }
        if form != Form::VisitReport {
            return Ok(());
        }
        let month = open.draft.view()?.word("month").map(str::to_string).ok_or(DeviceError::Month)?;
        let calendar = calendar(tx, &open.row.patient.clone(), first_of(&month)?, self)?;
        if !calendar.drafts.is_empty() {
            return Err(DeviceError::DraftsBlockTheMonth(calendar.drafts));
        }
        let days: Vec<String> = calendar.days.iter().map(|(day, marks)| format!("{}{marks}", day.day())).collect();
        let change = open.draft.set(form.field("calendar")?, FieldValue::Word(days.join(" ")), now)?;
        open.store(tx, change, now)
    }

    pub(crate) fn board_of(&self, patient: &PatientId) -> (DocumentId, Form) {
        (DocumentId::of_handover(&self.identity().station, patient), Form::Handover)
    }

    pub(crate) fn begin(
        &self,
        tx: &mut Tx<'_>,
        (document, form): (DocumentId, Form),
        patient: &PatientId,
        now: Timestamp,
    ) -> Result<OpenNote, DeviceError> {
        if tx.items(Kind::Patient, Some(patient))?.is_empty() {
            return Err(DeviceError::UnknownPatient(patient.clone()));
        }
        let mut open = OpenNote::load_or_new(tx, (document, form), patient, None, self.hand(), now)?;
        let about = About { patient: patient.clone(), station: self.identity().station.clone(), visit: None };
        let change = open.draft.begin(&about, None, now)?;
        open.store(tx, change, now)?;
        Ok(open)
    }
}

impl ManagerTask {
    fn rank(&self) -> u8 {
        match self {
            ManagerTask::Competing { .. } => 0,
            ManagerTask::OrderExpired { .. } => 1,
            ManagerTask::LateEdits { .. } => 2,
            ManagerTask::Held { .. } => 3,
            ManagerTask::Unconfirmed { .. } => 4,
            ManagerTask::OrderEnds { .. } => 5,
        }
    }
}

/// Documents of which an entry did not pass at the hub.
fn held(tx: &mut Tx<'_>) -> Result<Vec<ManagerTask>, DeviceError> {
    let mut tasks = Vec::new();
    if tx.count_verdicts("held")? + tx.count_verdicts("rejected")? == 0 {
        return Ok(tasks);
    }
    for form in Form::ALL {
        for row in tx.note_rows(form, None)? {
            if tx.outbox_of(row.note)?.iter().any(|entry| entry.verdict.is_some()) {
                tasks.push(ManagerTask::Held { note: row.note, patient: row.patient, form });
            }
        }
    }
    Ok(tasks)
}

fn first_of(month: &str) -> Result<Date, DeviceError> {
    format!("{month}-01").parse().map_err(|_| DeviceError::Month)
}

fn calendar(tx: &mut Tx<'_>, patient: &PatientId, month: Date, phone: &Phone) -> Result<ReportCalendar, DeviceError> {
    let in_month = |day: Date| (day.year(), day.month()) == (month.year(), month.month());
    let mut visits = Vec::new();
    for row in tx.note_rows(Form::VisitNote, Some(patient))? {
        // A draft that was never begun has its planned day only.
        if row.started_at.is_some_and(|at| !in_month(day_in_japan(at))) {
            continue;
        }
        let (state, fields) = match row.state {
            NoteState::Confirmed => (row.state, confirmed_values(tx, &row)?),
            _ => {
                let (_, mut note) = open_whole(tx, row.note, phone.hand())?;
                let view = note.view()?;
                (note.state_of(&view), view.fields)
            }
        };
        let time = |name: &str| match fields.get(name) {
            Some(FieldValue::Time(at)) => Some(*at),
            _ => None,
        };
        let word = |name: &str| match fields.get(name) {
            Some(FieldValue::Word(word)) => Some(word.as_str()),
            _ => None,
        };
        let begun = time("started_at").or_else(|| time("planned_start"));
        let Some(day) = begun.map(day_in_japan).filter(|day| in_month(*day)) else { continue };
        visits.push(ReportVisit {
            note: row.note,
            day,
            kind: VisitKind::of(word("visit_kind")),
            minutes: time("started_at").zip(time("ended_at")).map(|(a, b)| b.duration_since(a).as_mins()),
            state,
            carried_out: matches!(word("outcome"), None | Some("carried_out")),
        });
    }
    let orders = read::all::<NursingOrder>(tx, Kind::Order, Some(patient))?;
    Ok(report_calendar::marks(&visits, &orders, month))
}
