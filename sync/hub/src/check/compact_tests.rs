use super::*;
use crate::check::testing::{A, B, C, Hub, NINE, NOTE, Outcome, Writer, hub, series, staff, station, takes};
use crate::feed_page::feed_page;
use crate::store::{Store, today};
use protocol::{Cursor, Entry, FeedItem, RefusalCode, Series, Since};
use record::visit_note::{Actor, Draft};
use record::{ChangeHash, ContentHash, DeviceId, Form, PatientId};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const READER: Actor = Actor { device: DeviceId([9; 8]), session: [9; 8] };
const HOUR: i64 = 3_600_000;

/// What a phone that had nothing of the note comes to.
fn heads_of(items: &[FeedItem]) -> Outcome<Vec<ChangeHash>> {
    let mut draft = Draft::new(NOTE, Form::VisitNote, READER);
    for item in items {
        takes(&mut draft, item.enc, &item.bytes)?;
    }
    Ok(draft.heads())
}

impl Hub {
    /// A writes, B after her, and A once more: three entries, the second and third a few words each.
    fn three(&self, a: &mut Writer, b: &mut Writer) -> Outcome<[Entry; 3]> {
        let first = a.writes("下肢浮腫あり。")?;
        b.reads(&first)?;
        let second = b.writes("食欲良好。")?;
        a.reads(&second)?;
        let third = a.writes("咳なし。")?;
        b.reads(&third)?;
        for (device, entry) in [(A, &first), (B, &second), (A, &third)] {
            assert_eq!(self.accepts(device, entry)?, 1);
        }
        Ok([first, second, third])
    }

    /// What the feed tells a device that has read up to `n`.
    fn tells(&self, device: DeviceId, series: Series, n: u64) -> Outcome<Vec<FeedItem>> {
        let (station, staff) = (station()?, staff(device)?);
        Ok(self.store.write(|tx| {
            let cursor = match tx.feed_after(&station, n.saturating_sub(1), 1)?.first() {
                Some(row) if n > 0 => Cursor { n: row.n, chain: row.chain },
                _ => Cursor::START,
            };
            let request = Since { epoch: tx.epoch()?, series, cursor, budget: 1 << 20 }.request(device, 0);
            let mut reader = tx.tell_standings(&station, &staff)?;
            Ok(feed_page(tx, &station, &mut reader, &request, 1 << 20, today(tx.now()))?.items)
        })?)
    }

    fn digest(&self) -> Outcome<Option<Vec<u8>>> {
        let (station, patient) = (station()?, "p-1".parse::<PatientId>()?);
        Ok(self.store.read(|tx| tx.digest_of(&station, &patient))?)
    }
}

fn places(items: &[FeedItem]) -> Vec<(u64, u8)> {
    items.iter().map(|item| (item.n, item.enc)).collect()
}

#[test]
fn a_document_that_rests_is_told_as_one_piece_wherever_its_reader_stands() -> Outcome {
    let (hub, mut a, mut b) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    let [first, ..] = hub.three(&mut a, &mut b)?;
    let (heads, digest) = (a.draft.heads(), hub.digest()?);
    assert_eq!(places(&hub.tells(C, series(C), 0)?), [(1, 1), (2, 2), (3, 2)]);
    let done = hub.checker.compact(i64::MAX)?;
    assert_eq!((done.documents, done.entries), (1, 3));
    assert!(done.bytes_after < done.bytes_before, "{done:?}");
    for n in 0..3 {
        let told = hub.tells(C, series(C), n)?;
        assert_eq!(places(&told), [(3, 1)], "from {n}");
        assert_eq!(heads_of(&told)?, heads);
        assert_eq!(Draft::received(NOTE, Form::VisitNote, &told[0].bytes, READER)?.heads(), heads);
        let mut partly = Writer::new(C)?;
        partly.reads(&first)?;
        takes(&mut partly.draft, told[0].enc, &told[0].bytes)?;
        assert_eq!(partly.draft.heads(), heads);
    }
    assert!(hub.tells(C, series(C), 3)?.is_empty());
    assert_eq!(hub.digest()?, digest);
    assert_eq!(hub.checker.compact(i64::MAX)?, Compacted::default(), "there is nothing left to do");
    let audited: i64 = hub
        .store
        .read(|tx| Ok(tx.sql.query_row("SELECT count(*) FROM audit WHERE action = 'compact'", [], |r| r.get(0))?))?;
    assert_eq!(audited, 1);
    Ok(())
}

#[test]
fn a_device_hears_of_others_words_and_of_its_own_only_in_a_new_series() -> Outcome {
    let (hub, mut a, mut b) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    for words in ["下肢浮腫あり。", "右に強い。"] {
        let entry = a.writes(words)?;
        b.reads(&entry)?;
        assert_eq!(hub.accepts(A, &entry)?, 1);
    }
    hub.checker.compact(i64::MAX)?;
    assert!(hub.tells(A, series(A), 0)?.is_empty());
    let told = hub.tells(A, series(C), 0)?;
    assert_eq!((places(&told), heads_of(&told)?), (vec![(2, 1)], a.draft.heads()));
    let third = b.writes("食欲良好。")?;
    a.reads(&third)?;
    assert_eq!(hub.accepts(B, &third)?, 1);
    let fourth = a.writes("咳なし。")?;
    assert_eq!(hub.accepts(A, &fourth)?, 1);
    assert_eq!(hub.checker.compact(i64::MAX)?.entries, 2);
    // The last entry is her own; the one before, which has nothing left to say, was not.
    for n in [0, 2, 3] {
        let told = hub.tells(A, series(A), n)?;
        assert_eq!((places(&told), heads_of(&told)?), (vec![(4, 1)], a.draft.heads()));
    }
    Ok(())
}

#[test]
fn repeats_and_forks_are_known_after_the_bodies_have_gone() -> Outcome {
    let (hub, mut a, mut b) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    let [first, _, third] = hub.three(&mut a, &mut b)?;
    hub.checker.compact(i64::MAX)?;
    for entry in [&first, &third] {
        assert_eq!(hub.accepts(A, entry)?, 1, "a receipt, and nothing more");
    }
    let forked = Entry { hash: ContentHash([5; 32]), ..third };
    assert_eq!(hub.answers(A, &forked)?, Err(RefusalCode::SeriesForked));
    assert_eq!(places(&hub.tells(C, series(C), 0)?), [(3, 1)]);
    Ok(())
}

#[test]
fn what_comes_after_a_snapshot_is_checked_told_behind_it_and_compacted_with_it() -> Outcome {
    let (hub, mut a, mut b) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    hub.three(&mut a, &mut b)?;
    hub.checker.compact(i64::MAX)?;
    let fourth = b.writes("夜間良眠。")?;
    assert_eq!(hub.accepts(B, &fourth)?, 1);
    let told = hub.tells(C, series(C), 0)?;
    assert_eq!((places(&told), heads_of(&told)?), (vec![(3, 1), (4, 2)], b.draft.heads()));
    // Bytes that are no changes of this note are held as ever.
    let hostile = Entry { seq: 1, bytes: b"\x85oJ\x83".to_vec(), ..fourth };
    assert_eq!(hub.accepts(C, &hostile)?, 1);
    assert_eq!(hub.store.read(|tx| tx.held_entries())?.len(), 1);
    assert_eq!(hub.checker.compact(i64::MAX)?.entries, 1);
    for n in [0, 3] {
        let told = hub.tells(C, series(C), n)?;
        assert_eq!((places(&told), heads_of(&told)?), (vec![(4, 1)], b.draft.heads()));
    }
    Ok(())
}

#[test]
fn a_document_that_its_entries_do_not_come_to_stays_in_pieces() -> Outcome {
    let (hub, mut a, mut b) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    hub.three(&mut a, &mut b)?;
    hub.store.write(|tx| Ok(tx.sql.execute_batch("UPDATE entry SET state = 'rejected' WHERE id = 2")?))?;
    assert_eq!(hub.checker.compact(i64::MAX)?, Compacted::default());
    assert_eq!(places(&hub.tells(C, series(C), 0)?), [(1, 1), (2, 2), (3, 2)]);
    Ok(())
}

#[test]
fn a_document_that_does_not_rest_or_changes_meanwhile_stays_in_pieces() -> Outcome {
    let (hub, mut a, mut b) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    hub.three(&mut a, &mut b)?;
    let an_hour_ago = hub.store.read(|tx| Ok(tx.now()))? - HOUR;
    assert_eq!(hub.checker.compact(an_hour_ago)?, Compacted::default());
    let pieces = hub.store.read(|tx| tx.pieces(NOTE))?.ok_or("no note")?;
    let fourth = b.writes("夜間良眠。")?;
    assert_eq!(hub.accepts(B, &fourth)?, 1);
    assert!(!hub.store.write(|tx| tx.put_snapshot(NOTE, &pieces, b"older"))?);
    assert_eq!(hub.tells(C, series(C), 0)?.len(), 4);
    Ok(())
}

#[test]
fn a_hub_compacts_once_a_night_and_by_day_only_where_it_never_is_up_at_night() -> Outcome {
    let three = NINE + 18 * HOUR;
    assert!(is_due(three, three - DAY_MS));
    assert!(!is_due(three, three - HOUR), "once");
    assert!(!is_due(NINE, NINE - 2 * DAY_MS));
    assert!(is_due(NINE, NINE - 3 * DAY_MS));
    assert!(is_due(NINE, NINE + 400 * DAY_MS), "a clock that was wrong");
    let data = tempfile::tempdir()?;
    drop(Store::init(data.path(), "くるめ")?);
    let clock = Arc::new(AtomicI64::new(NINE));
    let told = clock.clone();
    let store = Store::open_with_clock(data.path(), Arc::new(move || told.load(Ordering::SeqCst)))?;
    let checker = Checker::in_this_process(store);
    assert_eq!(checker.compaction_due()?, None, "its days begin now");
    clock.store(three, Ordering::SeqCst);
    assert_eq!(checker.compaction_due()?, Some(three - 30 * DAY_MS));
    assert_eq!(checker.compaction_due()?, None);
    Ok(())
}
