//! 監査証跡: who did what to whose data. Append-only; every entry's hash covers the one before.

use super::Tx;
use crate::error::HubError;
use record::{ContentHash, PatientId};
use rusqlite::OptionalExtension;

/// Who acted.
pub enum Who<'a> {
    Device(record::DeviceId),
    /// The command line on the hub's own machine.
    Admin,
    /// Somebody without a certificate.
    Stranger,
    Staff(&'a record::StaffId),
}

impl std::fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::Device(device) => write!(f, "device:{device}"),
            Who::Admin => f.write_str("admin"),
            Who::Stranger => f.write_str("stranger"),
            Who::Staff(staff) => write!(f, "staff:{staff}"),
        }
    }
}

impl Tx<'_> {
    pub fn audit(
        &self,
        who: &Who<'_>,
        action: &str,
        patient: Option<&PatientId>,
        object: &str,
    ) -> Result<(), HubError> {
        let before: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT hash FROM audit ORDER BY n DESC LIMIT 1")?
            .query_row([], |r| r.get(0))
            .optional()?;
        let who = who.to_string();
        let hash = chain(&before.unwrap_or_default(), self.now, &who, action, patient.map(PatientId::as_str), object);
        self.sql
            .prepare_cached(
                "INSERT INTO audit (at, who, action, patient, object, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((self.now, who, action, patient.map(PatientId::as_str), object, hash.0))?;
        Ok(())
    }

    /// Checks the whole chain; says how many entries stand, or names the first bad one.
    pub fn verify_audit(&self) -> Result<u64, HubError> {
        let mut statement =
            self.sql.prepare("SELECT n, at, who, action, patient, object, hash FROM audit ORDER BY n")?;
        let mut rows = statement.query([])?;
        let (mut before, mut count) = (Vec::new(), 0i64);
        while let Some(row) = rows.next()? {
            let n: i64 = row.get(0)?;
            let (who, action, patient, object): (String, String, Option<String>, Option<String>) =
                (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
            let stored: Vec<u8> = row.get(6)?;
            let hash = chain(&before, row.get(1)?, &who, &action, patient.as_deref(), object.as_deref().unwrap_or(""));
            count += 1;
            if n != count || stored != hash.0 {
                return Err(HubError::AuditBroken(count));
            }
            before = stored;
        }
        Ok(count as u64)
    }
}

fn chain(before: &[u8], at: i64, who: &str, action: &str, patient: Option<&str>, object: &str) -> ContentHash {
    let mut bytes = before.to_vec();
    bytes.extend_from_slice(&at.to_be_bytes());
    for part in [who, action, patient.unwrap_or(""), object] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    ContentHash::of(&bytes)
}
