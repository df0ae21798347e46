//! The JSON shapes of DESIGN §9. Add fields, never rename or remove one.

mod findings;
mod handover;
mod note;

pub use findings::{BarthelShown, FindingsShown, TrendPoint};
pub use handover::{Handover, Task, Unread};
pub use note::{NoteListed, NoteWhole, Verified, VersionShown};

use crate::driver::SyncReport;
use crate::phone::Phone;
use crate::read;
use jiff::Timestamp;
use record::calendar::rfc3339_in_japan;
use record::order::{ClockDoubt, Orders, PatientStanding, VitalAlert};
use record::summary::AllergyKnowledge;
use record::{NursingOrder, RecordFlag, SummaryItem};
use serde::Serialize;
use vault::Identity;

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(rfc3339_in_japan)
}

#[derive(Serialize)]
pub struct Enrolled {
    pub device: String,
    pub staff: String,
    pub station: String,
    pub hub: String,
}

impl From<&Identity> for Enrolled {
    fn from(i: &Identity) -> Self {
        Self {
            device: i.device.to_string(),
            staff: i.staff.to_string(),
            station: i.station.to_string(),
            hub: i.hub_name.clone(),
        }
    }
}

#[derive(Serialize)]
pub struct Cursor {
    n: u64,
    chain: String,
}

#[derive(Serialize)]
pub struct Synced {
    pub sent: u64,
    pub received: u64,
    pub unsent: u64,
    pub held: u64,
    pub rejected: u64,
    set_aside: u64,
    pub photos_sent: u64,
    /// Taken here, and not at the hub yet.
    pub photos_left: u64,
    round_trips: u64,
    bytes_up: u64,
    bytes_down: u64,
    received_up_to: u64,
    durable_up_to: u64,
    cursor: Cursor,
}

impl Synced {
    pub fn new(report: &SyncReport, status: &read::Status, photos_left: u64) -> Self {
        Self {
            sent: report.sent,
            received: report.received,
            unsent: status.unsent,
            held: status.held,
            rejected: status.rejected,
            set_aside: report.set_aside,
            photos_sent: report.photos_sent,
            photos_left,
            round_trips: report.traffic.round_trips,
            bytes_up: report.traffic.bytes_up,
            bytes_down: report.traffic.bytes_down,
            received_up_to: status.received_up_to,
            durable_up_to: status.durable_up_to,
            cursor: Cursor { n: status.cursor.n, chain: status.cursor.chain.to_string() },
        }
    }
}

#[derive(Serialize)]
pub struct StatusShown {
    device: String,
    staff: String,
    station: String,
    hub: String,
    pub unsent: u64,
    oldest_unsent: Option<String>,
    pub last_sync: Option<String>,
    lease_until: Option<String>,
    pub patients: u64,
    pub notes: u64,
    held: u64,
    rejected: u64,
    set_aside: u64,
    damaged: u64,
    /// Null until a self-check has run.
    self_check: Option<SelfCheckShown>,
    /// Why the device's date, and every order's standing with it, is doubtful.
    clock: Option<String>,
}

impl StatusShown {
    pub fn new(phone: &Phone, status: &read::Status) -> Self {
        let identity = phone.identity();
        Self {
            device: identity.device.to_string(),
            staff: identity.staff.to_string(),
            station: identity.station.to_string(),
            hub: identity.hub_name.clone(),
            unsent: status.unsent,
            oldest_unsent: time(status.oldest_unsent),
            last_sync: time(status.last_sync),
            lease_until: time(status.lease_until),
            patients: status.patients,
            notes: status.notes,
            held: status.held,
            rejected: status.rejected,
            set_aside: status.set_aside,
            damaged: status.damaged,
            self_check: status.self_check.as_ref().map(SelfCheckShown::from),
            clock: status.clock.map(|doubt| match doubt {
                ClockDoubt::Differs { ahead } => {
                    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
                    format!("{} s {side} the hub at the last contact", ahead.as_secs().unsigned_abs())
                }
                ClockDoubt::SetBack { by } => format!("set back by {} s since the last contact", by.as_secs()),
            }),
        }
    }
}

/// `doctor`, and the last of it in `status`
#[derive(Serialize)]
pub struct SelfCheckShown {
    at: Option<String>,
    pub sound: bool,
    pub rows: u64,
    damaged: std::collections::BTreeMap<String, u64>,
    pub documents: u64,
    documents_differ: u64,
    rows_add_up: bool,
}

impl From<&vault::SelfCheck> for SelfCheckShown {
    fn from(check: &vault::SelfCheck) -> Self {
        Self {
            at: time(Timestamp::from_millisecond(check.at).ok()),
            sound: check.is_sound(),
            rows: check.rows,
            damaged: check.damaged.iter().cloned().collect(),
            documents: check.documents,
            documents_differ: check.documents_differ,
            rows_add_up: check.rows_add_up,
        }
    }
}

#[derive(Serialize)]
pub struct PatientRow {
    pub id: String,
    pub name: String,
    pub kana: String,
    pub birth_date: Option<String>,
    as_of: Option<String>,
    /// `full`, or `light`: only what on-call needs is here
    pub standing: &'static str,
}

impl From<&read::PatientRow> for PatientRow {
    fn from(row: &read::PatientRow) -> Self {
        Self {
            id: row.patient.id.to_string(),
            name: row.patient.name.clone(),
            kana: row.patient.kana.clone(),
            birth_date: row.patient.birth_date.map(|d| d.to_string()),
            as_of: time(row.as_of),
            standing: if row.is_light { "light" } else { "full" },
        }
    }
}

#[derive(Serialize)]
pub struct TodayRow {
    pub visit: String,
    pub patient: String,
    name: Option<String>,
    pub start: String,
    pub minutes: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    order: OrderOnDay,
}

/// How the patient's orders stand that day. Shown and warned about, never a reason to refuse care.
#[derive(Serialize)]
struct OrderOnDay {
    /// `none`, `not_yet`, `holds`, `expired`
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i32>,
    /// Orders of two facilities hold at once: a person has to look.
    overlapping: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    special_until: Option<String>,
}

impl From<&Orders> for OrderOnDay {
    fn from(orders: &Orders) -> Self {
        let (standing, until, days_left) = match orders.standing {
            PatientStanding::NoOrder => ("none", None, None),
            PatientStanding::NotYet { begins } => ("not_yet", Some(begins), None),
            PatientStanding::Holds { until, days_left, .. } => ("holds", Some(until), Some(days_left)),
            PatientStanding::Expired { ended } => ("expired", Some(ended), None),
        };
        Self {
            standing,
            until: until.map(|day| day.to_string()),
            days_left,
            overlapping: orders.overlapping,
            special_until: orders.special_until.map(|day| day.to_string()),
        }
    }
}

impl From<&read::TodayRow> for TodayRow {
    fn from(row: &read::TodayRow) -> Self {
        Self {
            visit: row.visit.id.to_string(),
            patient: row.visit.patient.to_string(),
            name: row.patient.as_ref().map(|p| p.name.clone()),
            start: row.visit.start.strftime("%H:%M").to_string(),
            minutes: row.visit.minutes,
            order: OrderOnDay::from(&row.orders),
            note: row.note.map(|n| n.to_string()),
        }
    }
}

/// One item of a summary; the code's system stands beside it.
#[derive(Serialize)]
pub struct Item {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<RecordFlag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Other deliveries of the same item by the same facility (FHIR and SS-MIX2), not listed.
    #[serde(skip_serializing_if = "is_zero")]
    also: u16,
    date: Option<String>,
    facility: String,
    as_of: String,
}

fn is_zero(n: &u16) -> bool {
    *n == 0
}

impl From<&SummaryItem> for Item {
    fn from(i: &SummaryItem) -> Self {
        Self {
            text: i.text.clone(),
            code: i.code.as_ref().map(|c| c.value.clone()),
            code_system: i.code.as_ref().map(|c| c.system.clone()),
            value: i.value.clone(),
            unit: i.unit.clone(),
            flag: i.flag.clone(),
            detail: i.detail.clone(),
            body: i.body.clone(),
            also: i.also,
            date: i.date.map(|d| d.to_string()),
            facility: i.facility.to_string(),
            as_of: rfc3339_in_japan(i.as_of),
        }
    }
}

#[derive(Serialize)]
struct Order {
    text: String,
    from: String,
    until: String,
    special: bool,
    psychiatric: bool,
    drip: bool,
    /// Report bounds by the doctor's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alerts: Vec<VitalAlert>,
    date: String,
    facility: String,
    as_of: String,
}

impl From<&NursingOrder> for Order {
    fn from(o: &NursingOrder) -> Self {
        Self {
            text: o.title_ja().to_string(),
            psychiatric: o.psychiatric,
            drip: o.drip,
            alerts: o.alerts.clone(),
            from: o.from.to_string(),
            until: o.until.to_string(),
            special: o.special,
            date: o.from.to_string(),
            facility: o.facility.to_string(),
            as_of: format!("{}T00:00:00+09:00", o.from),
        }
    }
}

#[derive(Serialize)]
pub struct PatientShown {
    patient: PatientRow,
    lease_lapsed: bool,
    allergy_knowledge: AllergyKnowledge,
    allergies: Vec<Item>,
    problems: Vec<Item>,
    prescriptions: Vec<Item>,
    injections: Vec<Item>,
    labs: Vec<Item>,
    encounters: Vec<Item>,
    documents: Vec<Item>,
    orders: Vec<Order>,
}

impl From<&read::PatientShown> for PatientShown {
    fn from(shown: &read::PatientShown) -> Self {
        let s = &shown.summary;
        let items = |list: &[SummaryItem]| list.iter().map(Item::from).collect();
        Self {
            patient: PatientRow::from(&read::PatientRow {
                patient: s.patient.clone(),
                as_of: shown.as_of,
                is_light: shown.is_light,
            }),
            lease_lapsed: shown.lease_lapsed,
            allergy_knowledge: s.allergy_knowledge,
            allergies: items(&s.allergies),
            problems: items(&s.problems),
            prescriptions: items(&s.prescriptions),
            injections: items(&s.injections),
            labs: items(&s.labs),
            encounters: items(&s.encounters),
            documents: items(&s.documents),
            orders: s.orders.iter().map(Order::from).collect(),
        }
    }
}

impl PatientShown {
    pub fn lines(&self) -> String {
        let mut out = format!("{}  {}  {}\n", self.patient.id, self.patient.kana, self.patient.name);
        if self.lease_lapsed {
            out.push_str("the lease of the disclosed records has lapsed; sync to read them\n");
        }
        for (title, list) in [
            ("allergies", &self.allergies),
            ("problems", &self.problems),
            ("prescriptions", &self.prescriptions),
            ("injections", &self.injections),
            ("labs", &self.labs),
            ("encounters", &self.encounters),
            ("documents", &self.documents),
        ] {
            out.push_str(&format!("{title}: {}\n", list.len()));
            for item in list.iter().take(20) {
                let value =
                    [item.value.as_deref(), item.unit.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
                let date = item.date.as_deref().unwrap_or("-");
                out.push_str(&format!("  {date}  {}  {value}  ({})\n", item.text, item.facility));
            }
        }
        for order in &self.orders {
            out.push_str(&format!("order: {} – {} ({})\n", order.from, order.until, order.facility));
        }
        out.trim_end().to_string()
    }
}
