use super::*;
use crate::check::bench::Bench;
use crate::store::EntryState;
use protocol::VerdictCode;
use std::sync::{Arc, Mutex, PoisonError};

/// What A wrote and signed on her phone.
struct Signed {
    /// Her words, as an entry and as copies.
    entry: Entry,
    words: Vec<Relayed>,
    confirmation: Relayed,
    /// Under the same name, and signed with another key.
    forged: Relayed,
}

fn signed() -> Outcome<Signed> {
    let (mut a, mut reader) = (Writer::new(A)?, Writer::new(B)?);
    let (at, day) = (Timestamp::from_millisecond(NINE)?, jiff::civil::date(2026, 11, 24));
    for (name, typed) in [("started_at", "09:32"), ("ended_at", "10:28"), ("temperature_c", "36.5")] {
        let field = Form::VisitNote.field(name)?;
        a.draft.set(field, field.parse(typed, day)?, at)?;
    }
    let entry = a.writes("一。")?;
    reader.reads(&entry)?;
    let mut signs = |key: &SigningKey| -> Outcome<Relayed> {
        let signed = a.draft.confirm(&staff(A)?, A, key, at, &ConfirmContext::default())?;
        Ok((A, Kind::Confirmation, signed.hash(), signed.to_bytes()?))
    };
    let (confirmation, forged) = (signs(&key(A))?, signs(&key(D))?);
    assert_eq!(confirmation.2, forged.2);
    Ok(Signed { entry, words: reader.others(), confirmation, forged })
}

fn entry_of(seq: u64, statement: &Relayed) -> Outcome<Entry> {
    let (_, kind, hash, bytes) = statement.clone();
    let hash = statement_hash(NOTE, hash);
    Ok(Entry { seq, doc: NOTE, patient: "p-1".parse()?, kind, enc: Encoding::Cbor.into(), hash, bytes })
}

impl Hub {
    /// A's locked phone brings what she wrote.
    fn pushes(&self, words: &[Relayed]) -> Outcome {
        let series = Series(DocumentId([5; 16]));
        let copies = self.sealed(A, series, words)?;
        let received = copies.len();
        let request = CapsuleRequest { copies, series, ..asking(A, Vec::new()) };
        let answer = self.asked(A, &request).map_err(|code| format!("{code:?}"))?;
        assert_eq!(answer.receipt.items.len(), received);
        Ok(())
    }

    /// How many of her copies a person has to look at, and how many the hub had from herself.
    fn copies(&self) -> Outcome<(usize, usize)> {
        let held = self.store.read(|tx| tx.held_copies(NOTE, A))?.len();
        let known = "SELECT count(*) FROM capsule WHERE state = 'known'";
        let known: i64 = self.store.read(|tx| Ok(tx.sql.query_row(known, [], |r| r.get(0))?))?;
        Ok((held, usize::try_from(known)?))
    }

    fn confirmations(&self) -> Outcome<usize> {
        Ok(self.store.read(|tx| Ok(tx.confirmations(NOTE)?.len()))?)
    }
}

#[test]
fn a_statement_of_which_only_an_entry_that_did_not_pass_is_here_stays_up_for_review() -> Outcome {
    let (hub, a) = (hub()?, signed()?);
    hub.accepts(A, &a.entry)?;
    hub.accepts(D, &entry_of(1, &a.forged)?)?;
    let held = hub.store.read(|tx| tx.held_entries())?;
    let [forged] = held.as_slice() else { return Err("the forged one is not held".into()) };
    assert_eq!(forged.code, "wrong_signature");
    hub.pushes(std::slice::from_ref(&a.confirmation))?;
    assert_eq!(hub.copies()?, (1, 0));
    // A person sends the forged one back: hers is still to be seen.
    hub.store.write(|tx| tx.settle(forged.id, EntryState::Rejected, Some(VerdictCode::Unknown)))?;
    hub.pushes(std::slice::from_ref(&a.confirmation))?;
    assert_eq!((hub.copies()?, hub.confirmations()?), ((2, 0), 0));
    assert_eq!(hub.checker.accept_copies(NOTE, A)?, CopyVerdict::Accepted);
    assert_eq!((hub.copies()?, hub.confirmations()?), ((0, 0), 1), "let in, it is really there");
    let home = station()?;
    let told = hub.store.read(|tx| tx.feed_after(&home, 0, 99))?;
    assert_eq!(told.iter().filter(|row| row.kind == Kind::Confirmation).count(), 1);
    // Now the hub has it.
    hub.pushes(std::slice::from_ref(&a.confirmation))?;
    assert_eq!(hub.copies()?, (0, 1));
    Ok(())
}

#[test]
fn copies_that_came_before_their_entries_passed_are_settled_when_they_pass_and_nobody_has_to_decide() -> Outcome {
    let (hub, a) = (hub()?, signed()?);
    // Her confirmation waits for her words, which have been received and not looked at.
    hub.accepts(A, &entry_of(1, &a.confirmation)?)?;
    let words = Entry { seq: 2, ..a.entry.clone() };
    let (home, series) = (station()?, Series(DocumentId([A.0[0]; 16])));
    let taken = hub.store.write(|tx| tx.accept(A, &home, series, std::slice::from_ref(&words)))?;
    taken.map_err(|code| format!("{code:?}"))?;
    let all = [a.words.clone(), vec![a.confirmation.clone()]].concat();
    hub.pushes(&all)?;
    assert_eq!((hub.copies()?, hub.confirmations()?), ((all.len(), 0), 0));
    hub.checker.check_document(NOTE)?;
    assert_eq!((hub.copies()?, hub.confirmations()?), ((0, all.len()), 1));
    assert!(hub.store.read(|tx| tx.held_entries())?.is_empty());
    Ok(())
}

#[test]
fn what_a_person_lets_in_and_that_she_did_are_one_thing() -> Outcome {
    let (hub, a) = (hub()?, signed()?);
    hub.pushes(&a.words)?;
    let many = a.words.len();
    let entries = || {
        let count = "SELECT count(*) FROM entry";
        hub.store.read(|tx| Ok(tx.sql.query_row(count, [], |r| r.get::<_, i64>(0))?))
    };
    hub.store.write(|tx| Ok(tx.sql.execute_batch("ALTER TABLE audit RENAME TO audit_away")?))?;
    assert!(hub.checker.accept_copies(NOTE, A).is_err());
    hub.store.write(|tx| Ok(tx.sql.execute_batch("ALTER TABLE audit_away RENAME TO audit")?))?;
    assert_eq!((hub.copies()?, entries()?), ((many, 0), 0), "where it cannot be written down nothing is let in");
    assert!(hub.audited("held_accept")?.is_empty());
    assert_eq!(hub.checker.accept_copies(NOTE, A)?, CopyVerdict::Accepted);
    let line = ("admin".to_string(), format!("copies-{NOTE}-{A}"));
    assert_eq!((hub.copies()?, entries()?, hub.audited("held_accept")?), ((0, 0), 1, vec![line]));
    assert_eq!(hub.checker.accept_copies(NOTE, A)?, CopyVerdict::Nothing);
    assert_eq!(hub.audited("held_accept")?.len(), 1, "nothing was there to let in");
    Ok(())
}

#[test]
fn copies_that_wait_for_something_are_let_in_by_nobody_and_the_attempt_is_written_down() -> Outcome {
    let (hub, mut writer, mut reader) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    for words in ["一。", "二。"] {
        reader.reads(&writer.writes(words)?)?;
    }
    let words = reader.others();
    hub.pushes(&words[1..])?;
    assert_eq!(hub.checker.accept_copies(NOTE, A)?, CopyVerdict::Waiting);
    assert_eq!((hub.copies()?, hub.audited("held_accept")?.len()), ((words.len() - 1, 0), 1));
    hub.pushes(&words[..1])?;
    assert_eq!(hub.checker.accept_copies(NOTE, A)?, CopyVerdict::Accepted);
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一。二。");
    Ok(())
}

/// How often a worker that dies over copies was asked about some.
fn deaths(checker: &Checker) -> usize {
    let worker = checker.worker.lock().unwrap_or_else(PoisonError::into_inner);
    if let Bench::DiesOverCopies(asked) = &*worker { *asked } else { 0 }
}

#[test]
fn copies_over_which_the_worker_dies_are_put_to_it_no_more_whatever_colleagues_write_and_a_person_lets_them_in()
-> Outcome {
    let (mut hub, mut writer, mut reader) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    reader.reads(&writer.writes("一。")?)?;
    let words = reader.others();
    hub.pushes(&words)?;
    let living = hub.checker.clone();
    let worker = Arc::new(Mutex::new(Bench::DiesOverCopies(0)));
    hub.checker = Checker { store: hub.store.clone(), worker };
    hub.checker.check_document(NOTE)?;
    assert_eq!(deaths(&hub.checker), 0, "nothing has come since they were looked at");
    let mut colleague = Writer::new(D)?;
    for n in 1..=DEATHS + 2 {
        hub.accepts(D, &colleague.writes("二。")?)?;
        for _ in 0..2 {
            hub.checker.check_document(NOTE)?;
        }
        assert_eq!(deaths(&hub.checker), n.min(DEATHS), "once for each state of the document, and not for ever");
    }
    assert_eq!(hub.copies()?, (words.len(), 0));
    assert!(hub.store.read(|tx| tx.held_entries())?.is_empty());
    assert_eq!(living.accept_copies(NOTE, A)?, CopyVerdict::Accepted);
    assert_eq!(hub.copies()?, (0, 0));
    Ok(())
}
