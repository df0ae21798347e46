//! The outbox: entries numbered without gaps and frozen before they are offered; receipts; what became of each.

use crate::error::VaultError;
use crate::seal::Table;
use crate::tx::Tx;
use crate::vault::Compartment;
use protocol::{Entry, Receipt, Verdict};
use record::{ContentHash, DocumentId, PatientId};
use rusqlite::OptionalExtension;

/// Where one entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub seq: u64,
    /// Hub time of the receipt, milliseconds.
    pub received: Option<i64>,
    /// The hub's code if it was held or rejected.
    pub verdict: Option<String>,
}

/// One entry, as the outbox counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxEntry {
    pub seq: u64,
    pub received: bool,
    /// Its body has not been let go.
    pub is_here: bool,
}

pub(crate) fn seq_key(seq: u64) -> [u8; 16] {
    u128::from(seq).to_be_bytes()
}

impl Tx<'_> {
    /// The number that the next entry will have.
    pub fn next_seq(&mut self) -> Result<u64, VaultError> {
        let last: Option<i64> = self.sql.prepare_cached("SELECT max(seq) FROM entry")?.query_row([], |r| r.get(0))?;
        Ok(last.unwrap_or(0) as u64 + 1)
    }

    /// Freezes an entry under its number.
    pub fn put_entry(&mut self, entry: &Entry) -> Result<(), VaultError> {
        let note = self.ring.tag("note", &entry.doc.0);
        let place = self.place(Table::Entry, seq_key(entry.seq), Some(&entry.patient), &Compartment::Station);
        let sealed = self.seal(place, entry)?;
        self.sql
            .prepare_cached("INSERT INTO entry (seq, note, patient, sealed) VALUES (?1, ?2, ?3, ?4)")?
            .execute((entry.seq as i64, note, place.patient, sealed))?;
        self.copies_carried_by(entry.doc, entry.seq)
    }

    /// Entries from a number on whose bodies are still here, at most so many bytes of them (always at least one).
    pub fn entries_from(&mut self, first: u64, budget: usize) -> Result<Vec<Entry>, VaultError> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut seq = first;
        loop {
            let entry = match self.entry(seq) {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                // What stands before a damaged one goes; the series is left when it is the next.
                Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) if !entries.is_empty() => break,
                Err(error) => return Err(error),
            };
            bytes += entry.bytes.len();
            if bytes > budget && !entries.is_empty() {
                break;
            }
            entries.push(entry);
            seq += 1;
        }
        Ok(entries)
    }

    pub fn entry(&mut self, seq: u64) -> Result<Option<Entry>, VaultError> {
        let found: Option<([u8; 16], Option<Vec<u8>>)> = self
            .sql
            .prepare_cached("SELECT patient, sealed FROM entry WHERE seq = ?1")?
            .query_row([seq as i64], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        match found {
            Some((patient, Some(sealed))) => {
                let place = self.station(Table::Entry, seq_key(seq), patient);
                self.open(place, &sealed).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What was sent under a number, while its body is here.
    pub fn entry_hash(&mut self, seq: u64) -> Result<Option<ContentHash>, VaultError> {
        Ok(self.entry(seq)?.map(|entry| entry.hash))
    }

    /// Whether something of a document may be elsewhere: numbered to be sent, in this series or in one before it, or receipted
    /// as a sealed copy while no entry carried it.
    pub fn has_left(&mut self, note: DocumentId) -> Result<bool, VaultError> {
        let key = self.ring.tag("note", &note.0);
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM entry WHERE note = ?1)
                     OR EXISTS (SELECT 1 FROM entry_past WHERE note = ?1)
                     OR EXISTS (SELECT 1 FROM capsule WHERE note = ?1 AND entry IS NULL AND received IS NOT NULL)",
            )?
            .query_row([key], |r| r.get(0))?)
    }

    /// Marks one entry as on the hub's disk (law 1: only what the receipt names). `false`: it was marked before.
    pub fn mark_received(&mut self, seq: u64, at: i64) -> Result<bool, VaultError> {
        let marked = self
            .sql
            .prepare_cached("UPDATE entry SET received = ?2 WHERE seq = ?1 AND received IS NULL")?
            .execute((seq as i64, at))?;
        Ok(marked > 0)
    }

    /// Before an answer's verdicts are marked: it lists all of the series, so what it no longer lists has passed.
    pub fn clear_verdicts(&mut self) -> Result<(), VaultError> {
        self.sql.prepare_cached("UPDATE entry SET verdict = NULL WHERE verdict IS NOT NULL")?.execute([])?;
        Ok(())
    }

    /// Entries that the hub lost (it was restored to an older state) and whose bodies are here: to be offered again.
    /// Says how many there are.
    pub fn mark_unreceived_after(&mut self, received_up_to: u64) -> Result<usize, VaultError> {
        Ok(self.sql.execute(
            "UPDATE entry SET received = NULL WHERE seq > ?1 AND received IS NOT NULL AND sealed IS NOT NULL",
            [received_up_to as i64],
        )?)
    }

    /// Leaves the series: what its numbers cannot bring any more is dirty again, whole, to be frozen under new numbers. What
    /// the hub holds up to a number is remembered as received. Says which notes are to be offered again.
    pub fn leave_series(&mut self, held_up_to: u64) -> Result<Vec<DocumentId>, VaultError> {
        let held = held_up_to.min(i64::MAX as u64) as i64;
        let rows: Vec<crate::NoteRow> = self.open_rows(
            Table::NoteRow,
            "SELECT key, patient, row FROM note
             WHERE dirty = 1 OR key IN (SELECT note FROM entry WHERE received IS NULL OR seq > ?1)",
            [held],
        )?;
        self.sql.execute(
            "UPDATE note SET dirty = 1, sent = 0
             WHERE key IN (SELECT note FROM entry WHERE received IS NULL OR seq > ?1)",
            [held],
        )?;
        self.sql.execute(
            "INSERT INTO entry_past (note, received) SELECT note, received FROM entry WHERE received IS NOT NULL AND seq <= ?1 ORDER BY seq",
            [held],
        )?;
        // Sealed copies: what was received in an entry is received; the others wait for the entries to come.
        self.sql.execute(
            "UPDATE capsule SET received = (SELECT e.received FROM entry e WHERE e.seq = capsule.entry)
             WHERE entry IN (SELECT seq FROM entry WHERE received IS NOT NULL AND seq <= ?1)",
            [held],
        )?;
        self.sql.execute("UPDATE capsule SET entry = NULL WHERE entry IS NOT NULL", [])?;
        self.sql.execute("DELETE FROM entry", [])?;
        Ok(rows.into_iter().map(|row| row.note).collect())
    }

    /// What a note's entries brought in series that were left is to go again, whole: the hub may have been put back to before it,
    /// and nothing here would bring it. `false`: they brought nothing.
    pub fn offer_past_again(&mut self, note: DocumentId) -> Result<bool, VaultError> {
        let key = self.ring.tag("note", &note.0);
        let brought = self.sql.prepare_cached("DELETE FROM entry_past WHERE note = ?1")?.execute([key])? > 0;
        if brought {
            self.sql.prepare_cached("UPDATE note SET dirty = 1, sent = 0 WHERE key = ?1")?.execute([key])?;
        }
        Ok(brought)
    }

    /// After a new series was filled: a note's copies are carried once the last of its entries is there.
    pub fn copies_carried_by_last(&mut self) -> Result<(), VaultError> {
        self.sql.execute(
            "UPDATE capsule SET entry = (SELECT max(seq) FROM entry WHERE entry.note = capsule.note) WHERE entry IS NOT NULL",
            [],
        )?;
        Ok(())
    }

    /// Whether the body of the first entry after a number is here, or there is none to come.
    pub fn can_go_on_after(&mut self, seq: u64) -> Result<bool, VaultError> {
        if seq + 1 >= self.next_seq()? {
            return Ok(true);
        }
        match self.entry(seq + 1) {
            Ok(entry) => Ok(entry.is_some()),
            Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes of which something is not receipted, the oldest change first.
    pub fn unsent_rows(&mut self) -> Result<Vec<crate::NoteRow>, VaultError> {
        let mut rows: Vec<crate::NoteRow> = self.open_rows(
            Table::NoteRow,
            "SELECT key, patient, row FROM note WHERE dirty = 1
             UNION SELECT key, patient, row FROM note WHERE key IN (SELECT note FROM entry WHERE received IS NULL)",
            [],
        )?;
        rows.sort_by_key(|row| row.changed_at);
        Ok(rows)
    }

    pub fn count_notes(&mut self) -> Result<u64, VaultError> {
        let n: i64 = self.sql.query_row("SELECT count(*) FROM note WHERE form = 1", [], |r| r.get(0))?;
        Ok(n as u64)
    }

    pub fn count_items(&mut self, kind: protocol::Kind) -> Result<u64, VaultError> {
        let n: i64 = self.sql.query_row("SELECT count(*) FROM item WHERE kind = ?1", [u8::from(kind)], |r| r.get(0))?;
        Ok(n as u64)
    }

    pub fn mark_verdict(&mut self, verdict: &Verdict, word: &str) -> Result<(), VaultError> {
        self.sql.execute("UPDATE entry SET verdict = ?2 WHERE seq = ?1", (verdict.seq as i64, word))?;
        Ok(())
    }

    /// Which entries have a verdict, and which.
    pub fn verdicts(&mut self) -> Result<Vec<(u64, String)>, VaultError> {
        Ok(self
            .sql
            .prepare_cached("SELECT seq, verdict FROM entry WHERE verdict IS NOT NULL ORDER BY seq")?
            .query_map([], |r| Ok((r.get::<_, i64>(0)? as u64, r.get::<_, String>(1)?)))?
            .collect::<Result<_, _>>()?)
    }

    /// Lets the bodies go that are durable at the hub (law 5) and were receipted before a moment of the hub's clock.
    pub fn drop_durable(&mut self, up_to: u64, received_before: i64) -> Result<(), VaultError> {
        self.sql
            .prepare_cached(
                "UPDATE entry SET sealed = NULL
                 WHERE seq <= ?1 AND received < ?2 AND verdict IS NULL AND sealed IS NOT NULL",
            )?
            .execute((up_to as i64, received_before))?;
        self.drop_photo_copies(up_to, received_before)?;
        self.drop_carried()
    }

    /// When the hub received the last of the entries up to a number.
    pub fn last_received(&mut self, up_to: u64) -> Result<Option<i64>, VaultError> {
        Ok(self
            .sql
            .prepare_cached("SELECT max(received) FROM entry WHERE seq <= ?1")?
            .query_row([up_to as i64], |r| r.get(0))?)
    }

    pub fn put_receipt(&mut self, receipt: &Receipt) -> Result<(), VaultError> {
        let place = self.place(Table::Receipt, [0; 16], None, &Compartment::Station);
        let sealed = self.seal(place, receipt)?;
        self.sql.prepare_cached("INSERT INTO receipt (sealed) VALUES (?1)")?.execute([sealed])?;
        Ok(())
    }

    /// The entries of one note, oldest first.
    pub fn outbox_of(&mut self, note: DocumentId) -> Result<Vec<OutboxRow>, VaultError> {
        let note = self.ring.tag("note", &note.0);
        let rows = self
            .sql
            .prepare_cached(
                "SELECT seq, received, verdict FROM
                 (SELECT 0 AS seq, received, NULL AS verdict FROM entry_past WHERE note = ?1
                  UNION ALL SELECT seq, received, verdict FROM entry WHERE note = ?1) ORDER BY seq, received",
            )?
            .query_map([note], |r| {
                Ok(OutboxRow { seq: r.get::<_, i64>(0)? as u64, received: r.get(1)?, verdict: r.get(2)? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Notes with anything that the hub has not receipted.
    pub fn unsent_notes(&mut self) -> Result<u64, VaultError> {
        let n: i64 = self.sql.query_row(
            "SELECT count(*) FROM (SELECT key FROM note WHERE dirty = 1 UNION SELECT note FROM entry WHERE received IS NULL)",
            [],
            |r| r.get(0),
        )?;
        Ok(n as u64)
    }

    /// The whole outbox, oldest first.
    pub fn outbox(&mut self) -> Result<Vec<OutboxEntry>, VaultError> {
        let rows = self
            .sql
            .prepare_cached("SELECT seq, received IS NOT NULL, sealed IS NOT NULL FROM entry ORDER BY seq")?
            .query_map([], |r| {
                Ok(OutboxEntry { seq: r.get::<_, i64>(0)? as u64, received: r.get(1)?, is_here: r.get(2)? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Whether anything of this note is not receipted yet.
    pub fn is_unsent(&mut self, note: DocumentId) -> Result<bool, VaultError> {
        let key = self.ring.tag("note", &note.0);
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM note WHERE key = ?1 AND dirty = 1)
                 OR EXISTS (SELECT 1 FROM entry WHERE note = ?1 AND received IS NULL)",
            )?
            .query_row([key], |r| r.get(0))?)
    }

    /// Whether something of a patient is on its way to the hub, did not pass there, or has arrived and stands in no document yet.
    pub fn is_unsettled(&mut self, patient: &PatientId) -> Result<bool, VaultError> {
        let patient = self.ring.patient_tag(Some(patient));
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM note WHERE patient = ?1 AND dirty = 1)
                 OR EXISTS (SELECT 1 FROM entry WHERE received IS NULL AND patient = ?1)
                 OR EXISTS (SELECT 1 FROM entry WHERE verdict IS NOT NULL AND patient = ?1)
                 OR EXISTS (SELECT 1 FROM arrival WHERE patient = ?1)",
            )?
            .query_row([patient], |r| r.get(0))?)
    }

    pub fn count_verdicts(&mut self, word: &str) -> Result<u64, VaultError> {
        let n: i64 =
            self.sql.query_row("SELECT count(*) FROM entry WHERE verdict LIKE ?1 || ':%'", [word], |r| r.get(0))?;
        Ok(n as u64)
    }

    pub fn received_up_to(&mut self) -> Result<u64, VaultError> {
        let n: Option<i64> = self
            .sql
            .prepare_cached(
                "SELECT coalesce((SELECT min(seq) - 1 FROM entry WHERE received IS NULL), (SELECT max(seq) FROM entry))",
            )?
            .query_row([], |r| r.get(0))?;
        Ok(n.unwrap_or(0) as u64)
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
