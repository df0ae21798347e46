//! Pages of the feed that came while the vault was locked. They wait, sealed to the open vault, for the next unlock; so many of
//! them, and so many bytes.

use crate::error::VaultError;
use crate::schema;
use crate::state::SyncState;
use crate::tx::Tx;
use protocol::{Cursor, Epoch, SealedPage, Series, Since};
use record::canonical;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

/// The migration that brought them.
const SINCE: usize = 9;
/// Most pages that wait, and most bytes of them.
const PAGES: i64 = 64;
const BYTES: i64 = 8 << 20;
/// Bytes of feed asked for at once.
const BUDGET: i64 = 1 << 20;

/// Where the open vault stood.
#[derive(Serialize, Deserialize)]
struct Stand {
    epoch: Epoch,
    series: Series,
    cursor: Cursor,
}

impl Tx<'_> {
    /// A locked phone reads on from here. Where nothing changed nothing is written.
    pub fn put_stand(&mut self, state: &SyncState) -> Result<(), VaultError> {
        let stand = Stand { epoch: state.epoch, series: state.series, cursor: state.cursor };
        self.sql
            .prepare_cached(
                "INSERT INTO locked_page (n, body) VALUES (0, ?1)
                 ON CONFLICT (n) DO UPDATE SET body = excluded.body WHERE locked_page.body <> excluded.body",
            )?
            .execute([canonical::to_bytes(&stand)?])?;
        Ok(())
    }

    pub fn has_locked_pages(&mut self) -> Result<bool, VaultError> {
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM locked_page WHERE n > 0)")?
            .query_row([], |r| r.get(0))?)
    }

    /// The first page that waits, and its number: it waits no longer, whatever becomes of the process that reads it. A row that is
    /// no page goes too: what follows it does not fit any more.
    pub fn take_locked_page(&mut self) -> Result<Option<(i64, SealedPage)>, VaultError> {
        loop {
            let first: Option<(i64, Vec<u8>)> = self
                .sql
                .prepare_cached("SELECT n, body FROM locked_page WHERE n > 0 ORDER BY n LIMIT 1")?
                .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            let Some((n, body)) = first else { return Ok(None) };
            self.sql.prepare_cached("DELETE FROM locked_page WHERE n = ?1")?.execute([n])?;
            if let Ok(page) = canonical::from_bytes(&body) {
                return Ok(Some((n, page)));
            }
        }
    }

    /// It could not be stored now and may be another time.
    pub fn put_back_locked_page(&mut self, n: i64, page: &SealedPage) -> Result<(), VaultError> {
        self.sql
            .prepare_cached("INSERT OR IGNORE INTO locked_page (n, body) VALUES (?1, ?2)")?
            .execute((n, canonical::to_bytes(page)?))?;
        Ok(())
    }

    /// They were read, or do not fit: the next sync brings what is lacking.
    pub fn forget_locked_pages(&mut self) -> Result<(), VaultError> {
        forget(self.sql)
    }
}

/// Where a locked phone reads on. Pages that do not follow where the vault stood last are of no use any more, and go.
pub(crate) fn since(db: &Connection) -> Result<Option<Since>, VaultError> {
    if schema::version(db)? < SINCE {
        return Ok(None);
    }
    let Some(stand) = row::<Stand>(db, "SELECT body FROM locked_page WHERE n = 0")? else { return Ok(None) };
    let first = row::<SealedPage>(db, "SELECT body FROM locked_page WHERE n > 0 ORDER BY n LIMIT 1")?;
    let last = row::<SealedPage>(db, "SELECT body FROM locked_page ORDER BY n DESC LIMIT 1")?;
    let (mut cursor, (mut pages, mut bytes)) = (stand.cursor, waiting(db)?);
    match (first, last) {
        (Some(first), Some(last)) if first.from == stand.cursor => cursor = last.next,
        _ if pages > 0 => {
            forget(db)?;
            (pages, bytes) = (0, 0);
        }
        _ => {}
    }
    let room = (BYTES - bytes).clamp(0, BUDGET);
    if pages >= PAGES || room == 0 {
        return Ok(None);
    }
    Ok(Some(Since { epoch: stand.epoch, series: stand.series, cursor, budget: room as u32 }))
}

pub(crate) fn keep(db: &Connection, page: &SealedPage) -> Result<bool, VaultError> {
    let Some(since) = since(db)? else { return Ok(false) };
    let body = canonical::to_bytes(page)?;
    let fits = waiting(db)?.1 + body.len() as i64 <= BYTES;
    if page.from != since.cursor || page.next.n <= page.from.n || !fits {
        return Ok(false);
    }
    db.execute("INSERT INTO locked_page (n, body) VALUES ((SELECT max(n) + 1 FROM locked_page), ?1)", [body])?;
    Ok(true)
}

/// How many pages wait, and how many bytes they have.
fn waiting(db: &Connection) -> Result<(i64, i64), VaultError> {
    Ok(db.query_row("SELECT count(*), coalesce(sum(length(body)), 0) FROM locked_page WHERE n > 0", [], |r| {
        Ok((r.get(0)?, r.get(1)?))
    })?)
}

/// A row, if it is there and can be read.
fn row<T: serde::de::DeserializeOwned>(db: &Connection, sql: &str) -> Result<Option<T>, VaultError> {
    let body: Option<Vec<u8>> = db.query_row(sql, [], |r| r.get(0)).optional()?;
    Ok(body.and_then(|body| canonical::from_bytes(&body).ok()))
}

fn forget(db: &Connection) -> Result<(), VaultError> {
    db.execute("DELETE FROM locked_page WHERE n > 0", [])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Vault;
    use crate::keys::Pin;
    use crate::testing::{self, Made, new_vault};
    use record::{ContentHash, DocumentId};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    fn at(n: u64) -> Cursor {
        if n == 0 { Cursor::START } else { Cursor { n, chain: ContentHash([n as u8; 32]) } }
    }

    fn page(from: u64, next: u64, bytes: usize) -> SealedPage {
        SealedPage { from: at(from), next: at(next), more: false, enc: vec![1; 32], sealed: vec![2; bytes] }
    }

    fn stand(db: &Connection, n: u64) -> Outcome {
        let (epoch, series) = (Epoch(DocumentId([3; 16])), Series(DocumentId([2; 16])));
        let body = canonical::to_bytes(&Stand { epoch, series, cursor: at(n) })?;
        db.execute("INSERT OR REPLACE INTO locked_page (n, body) VALUES (0, ?1)", [body])?;
        Ok(())
    }

    fn file() -> Outcome<Connection> {
        let mut db = Connection::open_in_memory()?;
        schema::migrate(&mut db)?;
        Ok(db)
    }

    fn cursor(db: &Connection) -> Outcome<Option<u64>> {
        Ok(since(db)?.map(|since| since.cursor.n))
    }

    #[test]
    fn pages_follow_where_the_vault_stood_and_each_other() -> Outcome {
        let db = file()?;
        assert!(!keep(&db, &page(0, 3, 300))?, "it never stood anywhere");
        stand(&db, 4)?;
        assert_eq!(cursor(&db)?, Some(4));
        assert!(!keep(&db, &page(3, 5, 300))? && !keep(&db, &page(4, 4, 300))?);
        assert!(keep(&db, &page(4, 7, 300))? && !keep(&db, &page(4, 7, 300))?, "once");
        assert!(keep(&db, &page(7, 9, 300))?);
        assert_eq!((cursor(&db)?, waiting(&db)?.0), (Some(9), 2));
        // The phone was open, and read further itself.
        stand(&db, 12)?;
        assert_eq!((cursor(&db)?, waiting(&db)?.0), (Some(12), 0));
        Ok(())
    }

    #[test]
    fn only_so_much_waits() -> Outcome {
        let db = file()?;
        stand(&db, 0)?;
        for n in 0..64 {
            assert!(keep(&db, &page(n, n + 1, 300))?);
        }
        assert_eq!(cursor(&db)?, None, "no page more is asked for");
        forget(&db)?;
        for n in 0..3 {
            assert!(keep(&db, &page(n, n + 1, 5 << 19))?);
        }
        assert!(since(&db)?.is_some_and(|since| i64::from(since.budget) < BUDGET));
        assert!(!keep(&db, &page(3, 4, 1 << 20))?, "more than there is room for");
        Ok(())
    }

    #[test]
    fn a_page_that_a_full_disk_does_not_keep_is_asked_for_again() -> Outcome {
        let db = file()?;
        stand(&db, 4)?;
        assert!(keep(&db, &page(4, 7, 300))?);
        let pages: i64 = db.pragma_query_value(None, "page_count", |r| r.get(0))?;
        db.pragma_update(None, "max_page_count", pages)?;
        let refused = keep(&db, &page(7, 9, 100_000));
        assert!(matches!(refused, Err(VaultError::Full)), "{refused:?}");
        assert_eq!((cursor(&db)?, waiting(&db)?.0), (Some(7), 1), "what was kept before it waits");
        db.pragma_update(None, "max_page_count", pages + 100)?;
        assert!(keep(&db, &page(7, 9, 100_000))?);
        assert_eq!((cursor(&db)?, waiting(&db)?.0), (Some(9), 2));
        Ok(())
    }

    #[test]
    fn a_page_that_took_the_process_down_is_given_out_no_second_time() -> Outcome {
        let Made { folder: _folder, path, store, mut vault } = new_vault()?;
        vault.write(|tx| {
            tx.put_stand(&crate::decoy::sync_state()?)?;
            for (from, next) in [(0, 3), (3, 7), (7, 9)] {
                keep(tx.sql, &page(from, next, 300))?;
            }
            tx.sql.execute("UPDATE locked_page SET body = x'00' WHERE n = 2", [])?;
            Ok::<_, VaultError>(())
        })?;
        let taken = vault.write(|tx| tx.take_locked_page())?;
        assert!(taken == Some((1, page(0, 3, 300))));
        drop(vault);
        let mut vault = Vault::open(&path, &store, &Pin::new("2468")?, testing::at(0))?;
        assert!(vault.read(|tx| tx.has_locked_pages())?);
        let taken = vault.write(|tx| tx.take_locked_page())?;
        assert!(taken == Some((3, page(7, 9, 300))), "nor one that is no page");
        assert!(!vault.read(|tx| tx.has_locked_pages())?);
        vault.write(|tx| tx.put_back_locked_page(3, &page(7, 9, 300)))?;
        assert!(vault.write(|tx| tx.take_locked_page())? == taken, "for a full disk it is put back");
        assert!(vault.write(|tx| tx.take_locked_page())?.is_none());
        Ok(())
    }

    #[test]
    fn a_row_that_is_no_page_asks_anew_from_where_the_vault_stood() -> Outcome {
        let db = file()?;
        stand(&db, 4)?;
        assert!(keep(&db, &page(4, 7, 300))?);
        db.execute("UPDATE locked_page SET body = x'00' WHERE n = 1", [])?;
        assert_eq!((cursor(&db)?, waiting(&db)?.0), (Some(4), 0));
        db.execute("UPDATE locked_page SET body = x'00'", [])?;
        assert_eq!(cursor(&db)?, None);
        Ok(())
    }
}
