//! Devices: invitations, enrolment, revocation. The list of keys is append-only.

use super::Tx;
use super::certificates::Presented;
use super::facilities::id;
use crate::error::HubError;
use protocol::{DeviceKey, Kind, RefusalCode};
use record::visit_note::KeyValidity;
use record::{DeviceId, DocumentId, FacilityId, Staff, StaffId};
use rusqlite::{OptionalExtension, Row};
use serde::Serialize;

/// An enrolled device.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceRow {
    pub device: DeviceId,
    pub staff: StaffId,
    pub station: FacilityId,
    #[serde(skip)]
    pub signing_key: Vec<u8>,
    pub enrolled_at: i64,
    pub revoked_at: Option<i64>,
    pub seen_at: Option<i64>,
    /// When the manager ordered its keys to go.
    pub wiped_at: Option<i64>,
}

/// A fresh invitation. The code is shown once.
pub struct InviteMade {
    pub code: String,
    pub expires_at: i64,
}

/// How long an invitation holds.
const INVITE_MS: i64 = 24 * 3600 * 1000;
/// No 0/O, 1/I/L: read aloud over a phone.
const LETTERS: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

pub(super) const COLUMNS: &str = "id, staff, station, signing_key, enrolled_at, revoked_at, seen_at, wiped_at";

impl Tx<'_> {
    /// A one-time code for a member of staff.
    pub fn invite(&self, staff: &StaffId) -> Result<InviteMade, HubError> {
        self.known_staff(staff)?;
        // 16 letters of 31: 79 bits. Rejection keeps every letter equally likely.
        let mut code = String::new();
        while code.len() < 16 {
            for byte in crate::keys::random::<32>()?.iter().filter(|b| **b < 31 * 8) {
                if code.len() < 16 {
                    code.push(LETTERS[usize::from(byte % 31)] as char);
                }
            }
        }
        let expires_at = self.now + INVITE_MS;
        self.sql.execute(
            "INSERT INTO invite (tag, staff, expires_at) VALUES (?1, ?2, ?3)",
            (self.keys.tag("invite", code.as_bytes()), staff.as_str(), expires_at),
        )?;
        Ok(InviteMade { code, expires_at })
    }

    /// Whose invitation a code is, if it still holds.
    pub fn invited(&self, code: &str) -> Result<Result<Staff, RefusalCode>, HubError> {
        let found: Option<(StaffId, i64, Option<i64>)> = self
            .sql
            .query_row(
                "SELECT staff, expires_at, used_at FROM invite WHERE tag = ?1",
                [self.keys.tag("invite", code.as_bytes())],
                |r| Ok((id(r, 0)?, r.get(1)?, r.get(2)?)),
            )
            .optional()?;
        Ok(match found {
            None => Err(RefusalCode::CodeUnknown),
            Some((_, _, Some(_))) => Err(RefusalCode::CodeUsed),
            Some((_, expires_at, None)) if expires_at < self.now => Err(RefusalCode::CodeExpired),
            Some((staff, _, None)) => Ok(self.known_staff(&staff)?),
        })
    }

    /// Uses up the code and lists the device, in one transaction with whatever the caller does beside.
    pub fn enrol(
        &self,
        code: &str,
        staff: &Staff,
        device: DeviceId,
        (certificate, until): (Presented, i64),
        signing_key: &[u8],
    ) -> Result<(), HubError> {
        self.sql.execute(
            "UPDATE invite SET used_at = ?2 WHERE tag = ?1",
            (self.keys.tag("invite", code.as_bytes()), self.now),
        )?;
        self.sql.execute(
            "INSERT INTO device (id, staff, station, certificate, signing_key, enrolled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (device.0, staff.id.as_str(), staff.facility.as_str(), certificate.hash.0, signing_key, self.now),
        )?;
        self.add_certificate(device, certificate, until)?;
        let row = self.device(device)?.ok_or(HubError::UnknownDevice(device))?;
        self.tell_device_key(&row)
    }

    pub fn device(&self, device: DeviceId) -> Result<Option<DeviceRow>, HubError> {
        Ok(self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM device WHERE id = ?1"))?
            .query_row([device.0], read_device)
            .optional()?)
    }

    pub fn devices(&self) -> Result<Vec<DeviceRow>, HubError> {
        let mut statement = self.sql.prepare(&format!("SELECT {COLUMNS} FROM device ORDER BY enrolled_at, id"))?;
        Ok(statement.query_map([], read_device)?.collect::<Result<_, _>>()?)
    }

    /// Every signing key this hub has ever known, with its validity: append-only, kept as long as the records.
    pub fn device_keys(&self) -> Result<Vec<KeyValidity>, HubError> {
        let time = |at: i64| jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MIN);
        let validity = |row: DeviceRow| KeyValidity {
            device: row.device,
            staff: row.staff,
            key: row.signing_key,
            from: time(row.enrolled_at),
            until: row.revoked_at.map(time),
        };
        Ok(self.devices()?.into_iter().map(validity).collect())
    }

    /// Takes effect at the device's next request.
    pub fn revoke(&self, device: DeviceId) -> Result<(), HubError> {
        let mut row = self.device(device)?.ok_or(HubError::UnknownDevice(device))?;
        if row.revoked_at.is_none() {
            self.sql.execute("UPDATE device SET revoked_at = ?2 WHERE id = ?1", (device.0, self.now))?;
            row.revoked_at = Some(self.now);
            self.tell_device_key(&row)?;
        }
        Ok(())
    }

    /// 紛失: revoked, and told to destroy its keys at its next contact.
    pub fn order_wipe(&self, device: DeviceId) -> Result<(), HubError> {
        self.revoke(device)?;
        self.sql.execute("UPDATE device SET wiped_at = coalesce(wiped_at, ?2) WHERE id = ?1", (device.0, self.now))?;
        Ok(())
    }

    pub fn seen(&self, device: DeviceId) -> Result<(), HubError> {
        self.sql.prepare_cached("UPDATE device SET seen_at = ?2 WHERE id = ?1")?.execute((device.0, self.now))?;
        Ok(())
    }

    pub(super) fn tell_device_key(&self, row: &DeviceRow) -> Result<(), HubError> {
        let key = DeviceKey {
            device: row.device,
            staff: row.staff.clone(),
            signing_key: row.signing_key.clone(),
            from: row.enrolled_at,
            until: row.revoked_at,
        };
        let doc = DocumentId::derive("device key", &row.device.0);
        self.append_feed_body(&row.station, Kind::DeviceKey, doc, None, &key)
    }
}

pub(super) fn read_device(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    Ok(DeviceRow {
        device: DeviceId(row.get(0)?),
        staff: id(row, 1)?,
        station: id(row, 2)?,
        signing_key: row.get(3)?,
        enrolled_at: row.get(4)?,
        revoked_at: row.get(5)?,
        seen_at: row.get(6)?,
        wiped_at: row.get(7)?,
    })
}
