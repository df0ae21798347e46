//! For the tests of screens: a patient, a planned visit, an order and how a phone stands, made up. A test changes what it is about.

use device::jiff::Timestamp;
use device::jiff::civil::{Date, date, time};
use device::read::{Status, TodayRow};
use device::record::ids::IdError;
use device::record::order::Orders;
use device::record::visit_note::NoteState;
use device::record::{DocumentId, NursingOrder, Patient, Sex, Visit};

pub fn patient(id: &str) -> Result<Patient, IdError> {
    Ok(Patient {
        id: id.parse()?,
        name: "仮山 花子".into(),
        kana: "カリヤマ ハナコ".into(),
        birth_date: None,
        sex: Sex::Female,
        address: None,
        phone: None,
        local_ids: Vec::new(),
    })
}

/// An hour from half past nine on.
pub fn visit(n: u8, date: Date) -> Result<Visit, IdError> {
    Ok(Visit {
        id: DocumentId([n; 16]),
        patient: "p-1".parse()?,
        station: "st".parse()?,
        staff: "n".parse()?,
        date,
        start: time(9, 30, 0, 0),
        minutes: 60,
    })
}

/// An ordinary one.
pub fn order(from: Date, until: Date) -> Result<NursingOrder, IdError> {
    let (patient, facility, station) = ("p-1".parse()?, "h".parse()?, "st".parse()?);
    Ok(NursingOrder::ordinary(DocumentId([1; 16]), patient, facility, station, from, until))
}

/// A visit of 22 November 2026, under an order of June or none.
pub fn today_row(state: Option<NoteState>, until: Option<Date>) -> Result<TodayRow, IdError> {
    let order = until.map(|until| order(date(2026, 6, 1), until)).transpose()?;
    let visit = visit(2, date(2026, 11, 22))?;
    let orders = Orders::on(order.as_slice(), visit.date);
    Ok(TodayRow { visit, patient: None, note: None, state, has_allergy: Some(false), order, orders })
}

/// It has synced once, and nothing waits.
pub fn status() -> Status {
    Status {
        unsent: 0,
        oldest_unsent: None,
        last_sync: Some(Timestamp::UNIX_EPOCH),
        lease_until: None,
        patients: 0,
        notes: 0,
        held: 0,
        rejected: 0,
        set_aside: 0,
        has_arrivals: false,
        damaged: 0,
        received_up_to: 0,
        durable_up_to: 0,
        cursor: device::START_CURSOR,
        bytes: 0,
        clock: None,
        self_check: None,
        log: Vec::new(),
    }
}
