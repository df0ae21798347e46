//! 到着 (arrivals): what the feed brought of documents, kept as it came. It is taken into its document afterwards, a little at a
//! time, so that a page is stored in the time that writing it takes, however much there is to merge.

use crate::error::VaultError;
use crate::seal::{Table, Tag};
use crate::tx::Tx;
use crate::vault::Compartment;
use protocol::FeedItem;
use record::PatientId;
use serde::{Deserialize, Serialize};

/// A change of a document, or what was said about it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    pub item: FeedItem,
    /// When the phone heard of it, milliseconds of its clock; of what a patient's page brought, when the hub received it.
    pub heard: i64,
    /// It came with a page of its patient.
    pub of_page: bool,
    /// What it stands on may have been left out, and comes with it once more in a page that is about to be fetched.
    pub may_hang: bool,
}

/// One row of what waits.
pub struct Waiting {
    pub n: i64,
    /// Unlocks at which it was still here.
    pub tries: u64,
    /// `None`: it does not open.
    pub arrival: Option<Arrival>,
}

impl Tx<'_> {
    pub fn put_arrival(&mut self, patient: &PatientId, arrival: &Arrival) -> Result<(), VaultError> {
        let key = self.ring.tag("note", &arrival.item.doc.0);
        let place = self.place(Table::Arrival, key, Some(patient), &Compartment::Station);
        let sealed = self.seal(place, arrival)?;
        self.sql.prepare_cached("INSERT INTO arrival (note, patient, sealed) VALUES (?1, ?2, ?3)")?.execute((
            key,
            place.patient,
            sealed,
        ))?;
        Ok(())
    }

    pub fn has_arrivals(&mut self) -> Result<bool, VaultError> {
        Ok(self.sql.prepare_cached("SELECT EXISTS (SELECT 1 FROM arrival)")?.query_row([], |r| r.get(0))?)
    }

    /// The first of what has arrived, in the order in which it came. A row that does not open is counted as damaged.
    pub fn arrivals(&mut self, most: u32) -> Result<Vec<Waiting>, VaultError> {
        let rows: Vec<(i64, Tag, Tag, i64, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT n, note, patient, tries, sealed FROM arrival ORDER BY n LIMIT ?1")?
            .query_map([most], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?
            .collect::<Result<_, _>>()?;
        let mut waiting = Vec::with_capacity(rows.len());
        for (n, note, patient, tries, sealed) in rows {
            let place = self.station(Table::Arrival, note, patient);
            waiting.push(Waiting { n, tries: tries as u64, arrival: self.open_or_count(place, &sealed) });
        }
        Ok(waiting)
    }

    /// Another unlock has come, and the first of them is still here.
    pub fn count_try(&mut self) -> Result<(), VaultError> {
        self.sql.execute("UPDATE arrival SET tries = tries + 1 WHERE n = (SELECT min(n) FROM arrival)", [])?;
        Ok(())
    }

    /// The app has survived them.
    pub fn clear_tries(&mut self) -> Result<(), VaultError> {
        self.sql.execute("UPDATE arrival SET tries = 0 WHERE tries > 0", [])?;
        Ok(())
    }

    /// For tests alone: a byte of each row is another one.
    #[doc(hidden)]
    pub fn bend_arrivals(&mut self) -> Result<(), VaultError> {
        self.sql.execute(
            "UPDATE arrival SET sealed = CAST(substr(sealed, 1, 60) || x'00' || substr(sealed, 62) AS BLOB)",
            [],
        )?;
        Ok(())
    }

    /// It stands in its document now, or was set aside, or comes again (same transaction).
    pub fn drop_arrival(&mut self, n: i64) -> Result<(), VaultError> {
        self.sql.prepare_cached("DELETE FROM arrival WHERE n = ?1")?.execute([n])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Outcome, new_vault};
    use protocol::Kind;
    use record::DocumentId;

    fn arrival(doc: u8) -> Outcome<Arrival> {
        let item = FeedItem {
            n: 7,
            kind: Kind::Note,
            doc: DocumentId([doc; 16]),
            patient: Some("p-1".parse()?),
            enc: 1,
            bytes: "下肢浮腫".into(),
            at: 5,
        };
        Ok(Arrival { item, heard: 9, of_page: false, may_hang: true })
    }

    #[test]
    fn what_has_arrived_is_read_in_its_order_until_it_is_dropped() -> Outcome {
        let mut made = new_vault()?;
        let vault = &mut made.vault;
        let patient: PatientId = "p-1".parse()?;
        let came = [arrival(2)?, arrival(1)?];
        vault.write(|tx| came.iter().try_for_each(|one| tx.put_arrival(&patient, one)))?;
        vault.write(|tx| tx.count_try())?;
        let waiting = vault.read(|tx| tx.arrivals(9))?;
        let read: Vec<_> = waiting.iter().filter_map(|one| one.arrival.clone()).collect();
        assert!(read == came && waiting.iter().map(|one| one.tries).eq([1, 0]), "who is first is tried first");
        assert!(
            vault.read(|tx| Ok::<_, VaultError>(
                tx.has_arrivals()? && tx.has_notes_of(&patient)? && tx.rows_add_up()?
            ))?
        );
        vault.write(|tx| waiting.iter().try_for_each(|one| tx.drop_arrival(one.n)))?;
        assert!(!vault.read(|tx| Ok::<_, VaultError>(tx.has_arrivals()? || tx.has_notes_of(&patient)?))?);
        Ok(())
    }

    #[test]
    fn one_that_was_altered_or_moved_to_another_document_does_not_open_and_the_next_one_does() -> Outcome {
        let mut made = new_vault()?;
        let vault = &mut made.vault;
        let (patient, came): (PatientId, _) = ("p-1".parse()?, [arrival(1)?, arrival(2)?, arrival(3)?]);
        vault.write(|tx| {
            tx.put_arrival(&patient, &came[0])?;
            tx.bend_arrivals()?;
            came[1..].iter().try_for_each(|one| tx.put_arrival(&patient, one))?;
            tx.sql.execute("UPDATE arrival SET note = (SELECT note FROM arrival WHERE n = 3) WHERE n = 2", [])?;
            Ok::<_, VaultError>(())
        })?;
        let opens: Vec<bool> = vault.read(|tx| tx.arrivals(9))?.iter().map(|one| one.arrival.is_some()).collect();
        assert_eq!(opens, [false, false, true]);
        Ok(())
    }
}
