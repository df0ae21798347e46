//! 到着 (arrivals): what the feed brought of documents, kept as it came. It is taken into its document afterwards, a few documents
//! at a time, so that a page is stored in the time that writing it takes, however much there is to merge.

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
    /// It came with a page of its patient.
    pub of_page: bool,
    /// What it stands on may have been left out, and comes with it once more in a page that is about to be fetched.
    pub may_hang: bool,
}

/// A document of which something has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived(Tag);

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

    /// Documents of which something has arrived, in the order in which it came.
    pub fn arrived(&mut self) -> Result<Vec<Arrived>, VaultError> {
        let mut statement = self.sql.prepare_cached("SELECT note FROM arrival GROUP BY note ORDER BY min(n)")?;
        Ok(statement.query_map([], |r| r.get(0).map(Arrived))?.collect::<Result<_, _>>()?)
    }

    pub fn has_arrivals(&mut self) -> Result<bool, VaultError> {
        Ok(self.sql.prepare_cached("SELECT EXISTS (SELECT 1 FROM arrival)")?.query_row([], |r| r.get(0))?)
    }

    /// What has arrived of a document, with its number, in the order in which it came. What does not open is left as it is and
    /// counted: a digest differs until it has come again.
    pub fn arrivals_of(&mut self, document: Arrived) -> Result<Vec<(i64, Arrival)>, VaultError> {
        let rows: Vec<(i64, Tag, Vec<u8>)> = self
            .sql
            .prepare_cached("SELECT n, patient, sealed FROM arrival WHERE note = ?1 ORDER BY n")?
            .query_map([document.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut arrivals = Vec::with_capacity(rows.len());
        for (n, patient, sealed) in rows {
            let place = self.station(Table::Arrival, document.0, patient);
            arrivals.extend(self.open_or_count(place, &sealed).map(|arrival| (n, arrival)));
        }
        Ok(arrivals)
    }

    /// It stands in its document now, or was set aside (same transaction).
    pub fn drop_arrival(&mut self, n: i64) -> Result<(), VaultError> {
        self.sql.prepare_cached("DELETE FROM arrival WHERE n = ?1")?.execute([n])?;
        Ok(())
    }
}
