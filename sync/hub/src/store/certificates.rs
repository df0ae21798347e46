//! Certificates of devices: whose each is, and when it is over. Append-only: an older one of the same key stays its device's.

use super::Tx;
use super::devices::{COLUMNS, DeviceRow, read_device};
use crate::error::HubError;
use protocol::Validity;
use record::{ContentHash, DeviceId};
use rusqlite::OptionalExtension;

/// A client certificate as the TLS layer verified it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// SHA-256 of the certificate.
    pub hash: ContentHash,
    /// SHA-256 of the public key in it; `None` where nobody looked.
    pub key: Option<ContentHash>,
}

/// How long a new certificate counts, unless `serve --certificate-days` said otherwise.
const DAYS: i64 = 400;
/// Where the hub keeps what it said.
pub(crate) const CERTIFICATE_DAYS: &str = "certificate_days";

const DAY_MS: i64 = 24 * 3_600_000;

impl Tx<'_> {
    /// Of a certificate that is given now. A hub whose clock stands before 2020 gives none that ends before it begins.
    pub fn new_validity(&self) -> Result<Validity, HubError> {
        let days = self.meta(CERTIFICATE_DAYS)?.and_then(|days| days.parse().ok()).unwrap_or(DAYS);
        let from = self.now.max(Validity::FIRST.from + DAY_MS) / 1_000 * 1_000;
        Ok(Validity { from, until: from.saturating_add(DAY_MS.saturating_mul(days)) })
    }

    pub fn add_certificate(&self, device: DeviceId, certificate: Presented, until: i64) -> Result<(), HubError> {
        self.sql.execute(
            "INSERT INTO certificate (hash, device, key, until) VALUES (?1, ?2, ?3, ?4)",
            (certificate.hash.0, device.0, certificate.key.map(|key| key.0), until),
        )?;
        Ok(())
    }

    /// The device that a certificate was given to. One that this database does not know is its device's by the key.
    pub fn device_of_certificate(&self, certificate: Presented) -> Result<Option<DeviceRow>, HubError> {
        let known = self
            .sql
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM device WHERE id = (SELECT device FROM certificate WHERE hash = ?1)"
            ))?
            .query_row([certificate.hash.0], read_device)
            .optional()?;
        match (known, certificate.key) {
            (None, Some(key)) => Ok(self
                .sql
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM device WHERE id = (SELECT device FROM certificate WHERE key = ?1 LIMIT 1)"
                ))?
                .query_row([key.0], read_device)
                .optional()?),
            (known, _) => Ok(known),
        }
    }

    /// Whether its holder may bring and renew, but read nothing. So it is too where nobody here knows when it ends.
    pub fn is_over(&self, certificate: Presented) -> Result<bool, HubError> {
        let until: Option<i64> = self
            .sql
            .prepare_cached("SELECT until FROM certificate WHERE hash = ?1")?
            .query_row([certificate.hash.0], |r| r.get(0))
            .optional()?;
        Ok(until.is_none_or(|until| self.now >= until))
    }

    /// Which key stands in a certificate of before keys were written down.
    pub fn learn_key(&self, certificate: Presented) -> Result<(), HubError> {
        self.sql
            .prepare_cached("UPDATE certificate SET key = ?2 WHERE hash = ?1 AND key IS NULL AND ?2 IS NOT NULL")?
            .execute((certificate.hash.0, certificate.key.map(|key| key.0)))?;
        Ok(())
    }
}
