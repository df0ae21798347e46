use super::*;
use crate::check::testing::{A, B, Hub, NINE, NOTE, Outcome, Writer, hub, series, staff, station};
use jiff::Timestamp;
use protocol::Entry;
use record::visit_note::{About, Actor, Draft, Encoding, FieldValue};

/// A's note under another id.
fn another(doc: DocumentId, seq: u64) -> Outcome<Entry> {
    let mut draft = Draft::new(doc, Form::VisitNote, Actor { device: A, session: [1; 8] });
    draft.written_by(&staff(A)?);
    let (at, patient): (Timestamp, PatientId) = (Timestamp::from_millisecond(NINE)?, "p-1".parse()?);
    draft.begin(&About { patient: patient.clone(), station: station()?, visit: None }, None, at)?;
    draft.edit_text(Form::VisitNote.field("condition")?, "", "一。", at)?;
    let new = draft.entry_of(A, 0)?.ok_or("nothing new")?;
    Ok(Entry { seq, doc, patient, kind: Kind::Note, enc: new.encoding.into(), hash: new.hash, bytes: new.bytes })
}

#[test]
fn a_new_document_is_kept_as_it_came_until_somebody_adds_to_it() -> Outcome {
    let hub = hub()?;
    let (mut a, mut b) = (Writer::new(A)?, Writer::new(B)?);
    let kept = || hub.store.read(|tx| Ok((tx.note_document(NOTE)?, tx.note_view(NOTE)?)));
    let begun = a.writes("一。")?;
    hub.accepts(A, &begun)?;
    let (document, view) = kept()?;
    assert!(document == begun.bytes);
    assert_eq!(view.ok_or("no note")?.text("condition"), "一。");
    b.reads(&begun)?;
    let added = b.writes("二。")?;
    hub.accepts(B, &added)?;
    let (document, view) = kept()?;
    assert!(document != begun.bytes);
    assert_eq!(view.ok_or("no note")?.text("condition"), "一。二。");
    // The same once more under a new number: nothing is added, and what stands here stays.
    hub.accepts(A, &Entry { seq: 2, ..begun })?;
    assert_eq!(kept()?.1.ok_or("no note")?.text("condition"), "一。二。");
    Ok(())
}

#[test]
fn a_document_that_unfolds_to_more_than_an_entry_may_hold_is_stored_folded() -> Outcome {
    let hub = hub()?;
    let (mut a, mut b) = (Writer::new(A)?, Writer::new(B)?);
    let begun = a.writes("一。")?;
    let (at, companion) = (Timestamp::from_millisecond(NINE)?, Form::VisitNote.field("companion")?);
    // Overwritten at once: what stands is within bounds, and what stood before it stays inside.
    for words in ["x".repeat(changes::ENTRY_LIMIT), "長女".to_string()] {
        a.draft.set(companion, FieldValue::Word(words), at)?;
    }
    assert!(a.draft.columns().len() > changes::ENTRY_LIMIT);
    let (enc, bytes) = (Encoding::Columns, a.draft.save());
    let hash = changes::decode(NOTE, Form::VisitNote, enc, &bytes)?.hash(NOTE);
    let small = Entry { enc: enc.into(), hash, bytes, ..begun };
    hub.accepts(A, &small)?;
    b.reads(&small)?;
    hub.accepts(B, &b.writes("二。")?)?;
    let (document, view) = hub.store.read(|tx| Ok((tx.note_document(NOTE)?, tx.note_view(NOTE)?)))?;
    assert!(document != small.bytes && document.len() < 2 * small.bytes.len(), "{}", document.len());
    let view = view.ok_or("no note")?;
    assert_eq!((view.text("condition"), view.word("companion")), ("一。二。", Some("長女")));
    Ok(())
}

/// How often a worker that dies over an entry did.
fn deaths(checker: &Checker) -> usize {
    let worker = checker.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Bench::DiesOver(_, deaths) = &*worker { *deaths } else { 0 }
}

fn checker(hub: &Hub, bench: Bench) -> Checker {
    Checker { store: hub.store.clone(), worker: Arc::new(Mutex::new(bench)) }
}

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn a_document_that_the_worker_dies_over_holds_up_none_that_was_asked_about_with_it() -> Outcome {
    let hub = hub()?;
    let (deadly, station) = (DocumentId([8; 16]), station()?);
    let entries = [another(deadly, 1)?, another(NOTE, 2)?];
    let accepted = hub.store.write(|tx| tx.accept(A, &station, series(A), &entries))?;
    let documents = accepted.map_err(|code| format!("{code:?}"))?.documents;
    let checker = checker(&hub, Bench::DiesOver(entries[0].hash, 0));
    checker.check_documents(&documents, in_a_minute());
    let (states, held) = hub.store.read(|tx| Ok(([tx.entry_state(1)?, tx.entry_state(2)?], tx.held_entries()?)))?;
    assert_eq!(states.map(Option::unwrap_or_default), ["held", "passed"]);
    assert_eq!(held.iter().map(|held| (held.doc, held.code.as_str())).collect::<Vec<_>>(), [(deadly, "too_costly")]);
    assert_eq!(deaths(&checker), 2, "with the other, and alone");
    Ok(())
}

#[test]
fn of_a_document_that_the_worker_dies_over_only_the_guilty_entry_is_held() -> Outcome {
    let hub = hub()?;
    let (mut a, mut b, station) = (Writer::new(A)?, Writer::new(B)?, station()?);
    let first = a.writes("一。")?;
    b.reads(&first)?;
    let deadly = b.writes("二。")?;
    let last = a.writes("三。")?;
    for (device, entry) in [(A, &first), (B, &deadly), (A, &last)] {
        let accepted =
            hub.store.write(|tx| tx.accept(device, &station, series(device), std::slice::from_ref(entry)))?;
        assert_eq!(accepted.map_err(|code| format!("{code:?}"))?.documents, [NOTE]);
    }
    let checker = checker(&hub, Bench::DiesOver(deadly.hash, 0));
    checker.check_documents(&[NOTE], in_a_minute());
    let (states, view) =
        hub.store.read(|tx| Ok(([tx.entry_state(1)?, tx.entry_state(2)?, tx.entry_state(3)?], tx.note_view(NOTE)?)))?;
    assert_eq!(states.map(Option::unwrap_or_default), ["passed", "held", "passed"]);
    assert_eq!(view.ok_or("no note")?.text("condition"), "一。三。");
    assert_eq!(deaths(&checker), 2, "over all of them, and over the one");
    Ok(())
}

#[test]
fn a_question_that_fails_leaves_the_answers_to_the_others_standing() -> Outcome {
    let hub = hub()?;
    let (failing, station) = (DocumentId([8; 16]), station()?);
    // So large that each is a question of its own.
    let large = |doc, seq| {
        let bytes = vec![0; changes::ENTRY_LIMIT];
        Ok::<_, Box<dyn std::error::Error>>(Entry { bytes, ..another(doc, seq)? })
    };
    let entries = [another(NOTE, 1)?, large(failing, 2)?, another(DocumentId([9; 16]), 3)?];
    let accepted = hub.store.write(|tx| tx.accept(A, &station, series(A), &entries))?;
    let documents = accepted.map_err(|code| format!("{code:?}"))?.documents;
    checker(&hub, Bench::FailsOver(failing)).check_documents(&documents, in_a_minute());
    let states = || {
        let states = hub.store.read(|tx| Ok([tx.entry_state(1)?, tx.entry_state(2)?, tx.entry_state(3)?]))?;
        Ok::<_, Box<dyn std::error::Error>>(states.map(Option::unwrap_or_default))
    };
    assert_eq!(states()?, ["passed", "received", "passed"]);
    hub.checker.check_left_over()?;
    assert_eq!(
        states()?,
        ["passed", "held", "passed"],
        "looked at again, and by then it is seen that it is no document"
    );
    Ok(())
}
