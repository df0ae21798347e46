//! The administrator's commands: facilities, staff, patients, visits, consent, orders, devices, audit.

use super::{DEFAULT_LISTEN, Data, Output};
use crate::error::HubError;
use crate::keys::random;
use crate::store::{Store, Tx, Who};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use protocol::EnrolUri;
use record::calendar::rfc3339_in_japan;
use record::facility::{FacilityKind, StaffRole};
use record::order::{SpecialExemption, VitalAlert};
use record::{
    Consent, DataClass, DeviceId, DocumentId, Facility, FacilityId, NursingOrder, PatientId, Staff, StaffId, Visit,
};
use serde::Serialize;

#[derive(Clone, Copy, ValueEnum)]
pub enum KindWord {
    Hospital,
    Clinic,
    Station,
    Pharmacy,
}

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

#[derive(Subcommand)]
pub enum VisitCommand {
    /// Plan a visit
    #[command(
        after_help = "Example: tsutsuji-hub visit add --data hub --patient p-000001 --staff nurse-a --date 2026-11-22 --start 09:30 --minutes 60"
    )]
    Add {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        staff: StaffId,
        /// Japan's calendar day
        #[arg(long)]
        date: Date,
        #[arg(long, value_name = "HH:MM")]
        start: Time,
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1440))]
        minutes: u16,
    },
    /// List the planned visits
    #[command(after_help = "Example: tsutsuji-hub visit list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Serialize)]
struct VisitShown {
    visit: DocumentId,
    patient: PatientId,
    station: FacilityId,
    staff: StaffId,
    date: Date,
    start: String,
    minutes: u16,
}

impl From<&Visit> for VisitShown {
    fn from(v: &Visit) -> Self {
        Self {
            visit: v.id,
            patient: v.patient.clone(),
            station: v.station.clone(),
            staff: v.staff.clone(),
            date: v.date,
            start: v.start.strftime("%H:%M").to_string(),
            minutes: v.minutes,
        }
    }
}

pub fn visit(command: VisitCommand, out: &Output) -> Result<(), HubError> {
    match command {
        VisitCommand::Add { data, patient, staff, date, start, minutes } => {
            let id = DocumentId::from_random(*random()?);
            let visit = audited(&data, "visit_add", Some(&patient), &id.to_string(), |tx| {
                let station = tx.known_staff(&staff)?.facility;
                let visit = Visit { id, patient: patient.clone(), station, staff: staff.clone(), date, start, minutes };
                tx.add_visit(&visit)?;
                Ok(visit)
            })?;
            out.say(&VisitShown::from(&visit), |v| format!("visit: {}", v.visit))
        }
        VisitCommand::List { data } => {
            let visits = data.open()?.read(|tx| tx.visits())?;
            out.list(&visits.iter().map(VisitShown::from).collect::<Vec<_>>(), |v| {
                format!("{}  {} {}  {} min  {}  {}", v.visit, v.date, v.start, v.minutes, v.patient, v.staff)
            })
        }
    }
}

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

#[derive(Subcommand)]
pub enum OrderCommand {
    /// Record a doctor's order; at most 6 months, a special one 14 days, one for a drip 7 days
    #[command(after_help = "Examples:
  tsutsuji-hub order add --data hub --patient p-000001 --facility tsubaki --station st-1 --from 2026-11-01 --until 2027-04-30
  … --psychiatric                                           精神科訪問看護指示書
  … --until 2026-11-07 --drip                               在宅患者訪問点滴注射指示書
  … --until 2026-11-14 --special --exempt ulcer             a second special order in the month
  … --alert spo2_percent=88..93 --alert temperature_c=..38.5 --spo2-target-88-92")]
    Add {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        /// The ordering facility
        #[arg(long)]
        facility: FacilityId,
        #[arg(long)]
        station: FacilityId,
        #[arg(long)]
        from: Date,
        #[arg(long)]
        until: Date,
        /// 特別訪問看護指示書: once a month, a second time with --exempt
        #[arg(long)]
        special: bool,
        /// 精神科訪問看護指示書
        #[arg(long)]
        psychiatric: bool,
        /// 在宅患者訪問点滴注射指示書
        #[arg(long, conflicts_with_all = ["special", "psychiatric"])]
        drip: bool,
        /// Why a second special order in one month is allowed
        #[arg(long, requires = "special")]
        exempt: Option<ExemptWord>,
        /// Report a measured value at or below LOW, at or above HIGH; a side left empty keeps the adult default
        #[arg(long = "alert", value_name = "FIELD=LOW..HIGH")]
        alerts: Vec<VitalAlert>,
        /// The SpO₂ target is 88–92 % (COPD)
        #[arg(long = "spo2-target-88-92")]
        spo2_target_88_92: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ExemptWord {
    /// 気管カニューレ
    Cannula,
    /// 真皮を越える褥瘡
    Ulcer,
}

pub fn order(command: OrderCommand, out: &Output) -> Result<(), HubError> {
    let OrderCommand::Add {
        data,
        patient,
        facility,
        station,
        from,
        until,
        special,
        psychiatric,
        drip,
        exempt,
        alerts,
        spo2_target_88_92,
    } = command;
    let exemption = exempt.map(|word| match word {
        ExemptWord::Cannula => SpecialExemption::Cannula,
        ExemptWord::Ulcer => SpecialExemption::UlcerBeyondDermis,
    });
    let order = NursingOrder {
        id: DocumentId::from_random(*random()?),
        patient,
        facility,
        station,
        from,
        until,
        special,
        psychiatric,
        drip,
        alerts,
        spo2_target_88_92,
        issued_on: None,
    };
    let warning = audited(&data, "order_add", Some(&order.patient), &order.id.to_string(), |tx| {
        let warning = tx.check_special_order(&order, exemption)?;
        tx.add_order(&order)?;
        Ok(warning)
    })?;
    if let Some(warning) = warning {
        eprintln!("the order was added, but {warning}");
    }
    out.say(&order, |o| format!("order: {}", o.id))
}

#[derive(Subcommand)]
pub enum DeviceCommand {
    /// Invite a device: a one-time code for a member of staff, valid 24 hours
    #[command(after_help = "Example: tsutsuji-hub device invite --data hub --staff nurse-a")]
    Invite {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        staff: StaffId,
    },
    /// List the devices
    #[command(after_help = "Example: tsutsuji-hub device list --data hub --json")]
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Revoke a device; takes effect at its next request
    #[command(after_help = "Example: tsutsuji-hub device revoke --data hub --device 0123456789abcdef")]
    Revoke {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        device: DeviceId,
    },
    /// A device was lost: revoke it, and have it destroy its keys at its next contact; what it wrote still arrives, sealed
    #[command(after_help = "Example: tsutsuji-hub device wipe --data hub --device 0123456789abcdef")]
    Wipe {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        device: DeviceId,
    },
}

#[derive(Serialize)]
struct Invited {
    uri: String,
    code: String,
    expires_at: String,
}

#[derive(Serialize)]
struct DeviceShown {
    device: DeviceId,
    staff: StaffId,
    station: FacilityId,
    enrolled_at: String,
    revoked_at: Option<String>,
    seen_at: Option<String>,
    wiped_at: Option<String>,
}

pub fn device(command: DeviceCommand, out: &Output) -> Result<(), HubError> {
    match command {
        DeviceCommand::Invite { data, staff } => {
            let store = data.open()?;
            let invited = invite(&store, &staff)?;
            out.say(&invited, |i| {
                let qr = qrcode::QrCode::new(&i.uri)
                    .map(|qr| qr.render::<qrcode::render::unicode::Dense1x2>().build())
                    .unwrap_or_default();
                format!("{qr}\n{}\nvalid until {}", i.uri, i.expires_at)
            })
        }
        DeviceCommand::List { data } => {
            let devices = data.open()?.read(|tx| tx.devices())?;
            let rows: Vec<DeviceShown> = devices
                .into_iter()
                .map(|d| DeviceShown {
                    device: d.device,
                    staff: d.staff,
                    station: d.station,
                    enrolled_at: time(d.enrolled_at),
                    revoked_at: d.revoked_at.map(time),
                    seen_at: d.seen_at.map(time),
                    wiped_at: d.wiped_at.map(time),
                })
                .collect();
            out.list(&rows, |d| {
                format!("{}  {}  {}  seen {}", d.device, d.staff, d.station, d.seen_at.as_deref().unwrap_or("never"))
            })
        }
        DeviceCommand::Revoke { data, device } => {
            audited(&data, "device_revoke", None, &device.to_string(), |tx| tx.revoke(device))?;
            out.say(&serde_json::json!({ "device": device, "revoked": true }), |_| format!("revoked: {device}"))
        }
        DeviceCommand::Wipe { data, device } => {
            audited(&data, "device_wipe", None, &device.to_string(), |tx| tx.order_wipe(device))?;
            out.say(&serde_json::json!({ "device": device, "wipe": "ordered" }), |_| {
                format!("{device} is revoked and destroys its keys at its next contact; `device list` shows when it was last seen")
            })
        }
    }
}

fn invite(store: &Store, staff: &StaffId) -> Result<Invited, HubError> {
    let (uri, expires_at) = make_invitation(store, staff)?;
    Ok(Invited { uri: uri.to_string(), code: uri.code, expires_at: time(expires_at) })
}

/// A one-time invitation and its end (milliseconds since 1970).
pub(crate) fn make_invitation(store: &Store, staff: &StaffId) -> Result<(EnrolUri, i64), HubError> {
    let ca = store.keys().ca_fingerprint()?;
    store.write(|tx| {
        let made = tx.invite(staff)?;
        tx.audit(&Who::Admin, "device_invite", None, staff.as_str())?;
        let hub = tx.meta("url")?.unwrap_or_else(|| format!("https://{DEFAULT_LISTEN}"));
        Ok((EnrolUri { hub, ca, code: made.code }, made.expires_at))
    })
}

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

fn audited<T>(
    data: &Data,
    action: &str,
    patient: Option<&PatientId>,
    object: &str,
    work: impl FnOnce(&Tx<'_>) -> Result<T, HubError>,
) -> Result<T, HubError> {
    data.open()?.write(|tx| {
        let value = work(tx)?;
        tx.audit(&Who::Admin, action, patient, object)?;
        Ok(value)
    })
}

pub(super) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(rfc3339_in_japan).unwrap_or_default()
}
