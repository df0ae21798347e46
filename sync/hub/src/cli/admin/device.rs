//! `tsutsuji-hub device …`: phones are invited, revoked, wiped.

use super::{audited, time};
use crate::cli::{DEFAULT_LISTEN, Data, Output};
use crate::error::HubError;
use crate::store::{Store, Who};
use clap::Subcommand;
use protocol::EnrolUri;
use record::{DeviceId, FacilityId, StaffId};
use serde::Serialize;

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
