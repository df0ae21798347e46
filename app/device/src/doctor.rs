//! 自己点検 (`doctor`): every sealed row opened, every document read and compared with its list row, the rows added up.
//! In small bites: the nurse's pen never waits for more than one.

use crate::error::DeviceError;
use crate::note::OpenNote;
use crate::phone::Phone;
use jiff::{SignedDuration, Timestamp};
use record::Form;
use vault::{SelfCheck, Tx};

/// Rows opened while the vault is held.
const BITE: u64 = 200;
/// How often the check runs by itself.
const EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Phone {
    /// Checks everything now, and keeps what it found for the sync screen.
    pub fn self_check(&self, now: Timestamp) -> Result<SelfCheck, DeviceError> {
        let mut check = SelfCheck { at: now.as_millisecond(), ..SelfCheck::default() };
        for table in Tx::scrub_tables() {
            let (mut offset, mut damaged_here) = (0, 0);
            loop {
                let (opened, damaged) = self.read(|tx| Ok(tx.scrub(table, offset, BITE)?))?;
                check.rows += opened;
                damaged_here += damaged;
                if opened + damaged < BITE {
                    break;
                }
                offset += BITE;
            }
            if damaged_here > 0 {
                check.damaged.push((table.to_string(), damaged_here));
            }
        }
        for form in Form::ALL {
            for row in self.read(|tx| Ok(tx.note_rows(form, None)?))? {
                check.documents += 1;
                let agrees = self.read(|tx| {
                    let Some(stored) = tx.note(row.note)? else { return Ok(true) };
                    // What was written before rows named their versions has nothing to compare.
                    let named = stored.row.heads.clone();
                    let mut open = OpenNote::from_stored(stored, self.hand())?;
                    Ok(named.is_empty() || open.draft.heads() == named)
                });
                if !matches!(agrees, Ok(true)) {
                    check.documents_differ += 1;
                    check.differing.push(row.note);
                    tracing::warn!(note = %row.note, "a document does not agree with its list row");
                }
            }
        }
        check.rows_add_up = self.read(|tx| Ok(tx.rows_add_up()?))?;
        if !check.is_sound() {
            tracing::error!(?check, "the vault's self-check found damage; nothing was changed");
        }
        self.write(|tx| {
            if !check.is_sound() {
                // What is wanting here may stand at the hub.
                tx.put_digests_at(0)?;
            }
            Ok(tx.put_self_check(&check)?)
        })?;
        Ok(check)
    }

    /// The last check, if there was one.
    pub fn last_self_check(&self) -> Result<Option<SelfCheck>, DeviceError> {
        self.read(|tx| Ok(tx.self_check()?))
    }

    /// Whether a check is due: none in the last day.
    pub fn self_check_due(&self, now: Timestamp) -> bool {
        let last = self.last_self_check().ok().flatten().and_then(|c| Timestamp::from_millisecond(c.at).ok());
        last.is_none_or(|last| now.duration_since(last) >= EVERY || last > now)
    }
}
