use super::*;
use crate::check::bench::CHANGES;
use crate::check::testing::{self, A, B, C, D, Hub, NINE, NOTE, Outcome, Writer, key, staff, station};
use crate::routes::{PeerCertificate, Refused, capsules};
use crate::store::Presented;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use protocol::capsule::{Copy, Sealer, relay_series};
use protocol::digest::{Tally, version_of};
use protocol::{CapsuleRequest, CapsuleResponse, Entry, Holding, RefusalCode, SealedCopy, Series, WIRE_VERSION};
use record::visit_note::{About, Actor, ConfirmContext, Draft, NoteView, changes};
use record::{ContentHash, DeviceId, FacilityId, StaffId};

/// Enrolled after the backup: the hub has forgotten it.
const FORGOTTEN: DeviceId = DeviceId([9; 8]);

impl Writer {
    /// What stands here by others.
    fn others(&mut self) -> Vec<Relayed> {
        let made = self.draft.changes_but_of(self.device);
        let words = |made: record::visit_note::MadeChange| {
            (made.device, Kind::Note, ContentHash(made.change.hash.0), made.change.bytes)
        };
        made.into_iter().map(words).collect()
    }
}

/// Who made it, what it is, its name and itself.
type Relayed = (DeviceId, Kind, ContentHash, Vec<u8>);

/// A writes, C after her, and A once more; B has read it all.
struct Turns {
    entries: [(DeviceId, Entry); 3],
    reader: Writer,
}

fn turns() -> Outcome<Turns> {
    let (mut a, mut b, mut c) = (Writer::new(A)?, Writer::new(B)?, Writer::new(C)?);
    let first = a.writes("一。")?;
    c.reads(&first)?;
    let second = c.writes("二。")?;
    a.reads(&second)?;
    let third = a.writes("三。")?;
    for entry in [&first, &second, &third] {
        b.reads(entry)?;
    }
    Ok(Turns { entries: [(A, first), (C, second), (A, third)], reader: b })
}

fn certificate(device: DeviceId) -> ContentHash {
    ContentHash::of(&device.0)
}

fn asking(by: DeviceId, holds: Vec<Holding>) -> CapsuleRequest {
    let series = relay_series(by);
    CapsuleRequest { v: WIRE_VERSION, device: by, series, copies: Vec::new(), since: None, holds }
}

/// It was put back just now, and knows every phone by its certificate.
fn hub() -> Outcome<Hub> {
    let hub = testing::hub()?;
    hub.store.write(|tx| {
        tx.put_meta("epoch_began", &tx.now().to_string())?;
        for device in [A, B, C, D] {
            let given = Presented { hash: certificate(device), key: None };
            tx.add_certificate(device, given, i64::MAX)?;
        }
        Ok(())
    })?;
    Ok(hub)
}

impl Hub {
    /// A phone brings what others wrote, sealed anew each time. Says how much the hub says that it has.
    fn relays(&self, by: DeviceId, words: &[Relayed]) -> Outcome<usize> {
        self.relays_about(by, "p-1", words)
    }

    fn relays_about(&self, by: DeviceId, patient: &str, words: &[Relayed]) -> Outcome<usize> {
        let device = self.store.read(|tx| tx.device(by))?.ok_or("no device")?;
        let copies = self.sealed_about(by, relay_series(by), patient, words)?;
        let read = self.checker.read_relayed(&device, &copies)?;
        let taken = self.store.write(|tx| tx.accept_relayed(&device, &copies, &read))?;
        for doc in taken.relayed {
            self.checker.look_at_relayed(doc)?;
        }
        Ok(taken.receipt.len())
    }

    fn sealed(&self, by: DeviceId, series: Series, words: &[Relayed]) -> Outcome<Vec<SealedCopy>> {
        self.sealed_about(by, series, "p-1", words)
    }

    fn sealed_about(&self, by: DeviceId, series: Series, patient: &str, words: &[Relayed]) -> Outcome<Vec<SealedCopy>> {
        let station = station()?;
        let sealer = Sealer::new(&self.store.keys().sealing_public, by, series)?;
        let mut copies: Vec<SealedCopy> = Vec::new();
        for (n, (maker, kind, hash, bytes)) in (1..).zip(words) {
            let copy = Copy {
                v: 1,
                device: by,
                series,
                n,
                at: NINE,
                doc: NOTE,
                patient: patient.parse()?,
                station: station.clone(),
                kind: *kind,
                hash: *hash,
                bytes: bytes.clone(),
                maker: Some(*maker),
            };
            copies.push(sealer.seal(&copy, &key(by))?);
        }
        Ok(copies)
    }

    /// The same by the whole way of a request.
    fn asked(&self, by: DeviceId, request: &CapsuleRequest) -> Result<CapsuleResponse, RefusalCode> {
        let checker = Checker::in_this_process(self.store.clone());
        let hub = crate::routes::Hub { store: self.store.clone(), checker, turns: crate::turns::Turns::default() };
        let presented = Presented { hash: certificate(by), key: None };
        capsules::take(&hub, PeerCertificate(Some(presented)), request).map_err(Refused::code)
    }

    fn brings(&self, by: DeviceId, words: &[Relayed]) -> Outcome<CapsuleRequest> {
        let copies = self.sealed(by, relay_series(by), words)?;
        Ok(CapsuleRequest { copies, ..asking(by, Vec::new()) })
    }

    fn began(&self, at: i64) -> Outcome {
        Ok(self.store.write(|tx| tx.put_meta("epoch_began", &at.to_string()))?)
    }

    fn view(&self) -> Outcome<Option<NoteView>> {
        Ok(self.store.read(|tx| tx.note_view(NOTE))?)
    }

    /// Of each held document: who made it, and how much it is.
    fn held(&self) -> Outcome<Vec<(Vec<DeviceId>, u64)>> {
        let held = self.store.read(|tx| tx.all_held_relayed())?;
        Ok(held.into_iter().map(|held| (held.makers, held.changes)).collect())
    }

    /// A person lets in what is held, or what one device brought of it.
    fn lets_in(&self, from: Option<DeviceId>) -> Outcome<CopyVerdict> {
        Ok(self.checker.accept_relayed(NOTE, &Chosen { from, patient: None })?)
    }

    fn audited(&self, action: &str) -> Outcome<Vec<(String, String)>> {
        let lines = "SELECT who, object FROM audit WHERE action = ?1 ORDER BY n";
        Ok(self.store.read(|tx| {
            let mut statement = tx.sql.prepare(lines)?;
            Ok(statement.query_map([action], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?)
        })?)
    }

    /// Copies of any state in the database.
    fn rows(&self) -> Outcome<i64> {
        Ok(self.store.read(|tx| Ok(tx.sql.query_row("SELECT count(*) FROM capsule", [], |r| r.get(0))?))?)
    }

    fn lacks(&self, station: &FacilityId, hash: Vec<u8>) -> Outcome<bool> {
        let lacking = self.store.read(|tx| tx.lacking(station, &[Holding { doc: NOTE, hash }]))?;
        Ok(lacking == [NOTE])
    }
}

fn digest(draft: &mut Draft) -> Vec<u8> {
    let mut tally = Tally::default();
    tally.document(NOTE, version_of(&draft.heads()));
    tally.hash()
}

#[test]
fn what_two_phones_relay_is_held_once_and_stands_under_its_authors_names_when_a_person_lets_it_in() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    let words = turns.reader.others();
    assert!(hub.lacks(&station()?, digest(&mut turns.reader.draft))?);
    for by in [B, B, D] {
        assert_eq!(hub.relays(by, &words)?, words.len(), "receipted, also what was here");
        assert_eq!(hub.held()?, [(vec![A, C], words.len() as u64)]);
        assert_eq!(hub.rows()?, words.len() as i64);
    }
    assert!(hub.view()?.is_none(), "nobody's words are taken unseen");
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Accepted);
    let view = hub.view()?.ok_or("no note")?;
    assert_eq!(view.text("condition"), "一。二。三。");
    assert_eq!(view.authors.into_iter().collect::<Vec<_>>(), [(A, staff(A)?), (C, staff(C)?)]);
    let home = station()?;
    let told = hub.store.read(|tx| tx.feed_after(&home, 0, 99))?;
    assert_eq!(
        told.iter().filter_map(|row| row.device).collect::<Vec<_>>(),
        [A, C, A],
        "each can be read at its place"
    );
    assert!(!hub.lacks(&station()?, digest(&mut turns.reader.draft))?);
    assert!(!hub.lacks(&"st-9".parse()?, vec![0; 8])?, "of another station's documents nothing is said");
    assert_eq!((hub.relays(D, &words)?, hub.held()?.len()), (words.len(), 0));
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Nothing);
    Ok(())
}

#[test]
fn an_author_who_comes_back_brings_her_words_herself_and_nobody_has_to_decide() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    let words = turns.reader.others();
    hub.relays(B, &words)?;
    let [(a, first), rest @ ..] = &turns.entries;
    hub.accepts(*a, first)?;
    assert_eq!(hub.held()?[0].0, [A, C], "what stands on her words waits still");
    assert!(hub.held()?[0].1 < words.len() as u64);
    for (device, entry) in rest {
        hub.accepts(*device, entry)?;
    }
    assert!(hub.held()?.is_empty());
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一。二。三。");
    Ok(())
}

#[test]
fn what_is_not_what_it_says_is_left_out_and_keeps_the_true_one_from_nothing() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    let words = turns.reader.others();
    let last = words.len() - 1;
    let mut forged = words.clone();
    // Other bytes under a name, and another maker's name under bytes.
    forged[0].3 = words[last].3.clone();
    forged[last].0 = C;
    hub.relays(D, &forged)?;
    assert_eq!(hub.held()?[0].1, words.len() as u64 - 2);
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Waiting);
    assert!(hub.view()?.is_none(), "what stands on what is missing waits");
    hub.relays(B, &words)?;
    assert_eq!(hub.held()?[0].1, words.len() as u64);
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Accepted);
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一。二。三。");
    Ok(())
}

#[test]
fn a_wrong_copy_that_came_first_keeps_the_true_one_from_nothing() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    let words = turns.reader.others();
    // Under the right names: other bytes, another patient, another maker, another form.
    let junk: Vec<Relayed> = words.iter().map(|(maker, kind, hash, _)| (*maker, *kind, *hash, vec![7; 40])).collect();
    let by_another: Vec<Relayed> = words
        .iter()
        .cloned()
        .map(|(maker, kind, hash, bytes)| (if maker == A { C } else { A }, kind, hash, bytes))
        .collect();
    let board: Vec<Relayed> =
        words.iter().cloned().map(|(maker, _, hash, bytes)| (maker, Kind::Handover, hash, bytes)).collect();
    hub.relays(D, &junk)?;
    hub.relays_about(D, "p-2", &words)?;
    hub.relays(D, &by_another)?;
    hub.relays(D, &board)?;
    assert_eq!(hub.relays(B, &words)?, words.len());
    let states = |state: &str| {
        let count = "SELECT count(*) FROM capsule WHERE patient = 'p-1' AND kind = 1 AND state = ?1";
        hub.store.read(|tx| Ok(tx.sql.query_row(count, [state], |r| r.get::<_, i64>(0))?))
    };
    assert_eq!((states("held")?, states("unreadable")?), (words.len() as i64, 2 * words.len() as i64));
    // What is not hers does not become hers by a person's word for the document.
    hub.lets_in(None)?;
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一。二。三。");
    assert_eq!(hub.store.read(|tx| tx.note_owner(NOTE))?, Some((station()?, "p-1".parse()?)));
    assert!(hub.held()?.is_empty(), "and what says another thing of it is none of it any more");
    Ok(())
}

#[test]
fn one_phone_brings_no_more_of_a_document_than_there_is_room_for() -> Outcome {
    let hub = hub()?;
    let junk = |byte: u8| -> Relayed { (A, Kind::Note, ContentHash([byte; 32]), vec![byte; 1 << 20]) };
    let three: Vec<Relayed> = (0..3).map(junk).collect();
    assert!(hub.asked(D, &hub.brings(D, &three)?).is_ok());
    // The fourth and what a row costs is too much; nothing of the request is kept, nor receipted.
    let small: Relayed = (A, Kind::Note, ContentHash([9; 32]), vec![9]);
    let more = hub.brings(D, &[small.clone(), junk(3)])?;
    assert_eq!(hub.asked(D, &more).err(), Some(RefusalCode::RelayFull));
    assert_eq!(hub.rows()?, 3);
    // Another one may, and of what does not wait there may be any amount.
    assert!(hub.asked(B, &hub.brings(B, &[junk(3)])?).is_ok());
    let unreadable = || -> Outcome<Vec<(Vec<DeviceId>, u64)>> {
        let unreadable = hub.store.read(|tx| tx.unreadable_relayed())?;
        Ok(unreadable.into_iter().map(|one| (one.bringers, one.changes)).collect())
    };
    assert_eq!((unreadable()?, hub.held()?.len()), (vec![(vec![B, D], 4)], 0));
    let of_d = Chosen { from: Some(D), patient: None };
    assert_eq!(hub.store.write(|tx| tx.return_unreadable(NOTE, &of_d))?, 3);
    assert_eq!(unreadable()?, [(vec![B], 1)], "a person leaves out what cannot be read");
    assert!(hub.asked(D, &more).is_ok());
    Ok(())
}

#[test]
fn many_changes_are_asked_about_some_at_a_time_and_none_is_asked_about_again_for_nothing() -> Outcome {
    let (hub, mut writer, mut reader) = (hub()?, Writer::new(A)?, Writer::new(B)?);
    // More than go into one question, each on the one before it.
    for _ in 0..CHANGES {
        writer.writes("一")?;
    }
    let words = writer.draft.entry_of(A, 0)?.ok_or("nothing")?;
    reader.draft.apply(&changes::decode(NOTE, Form::VisitNote, words.encoding, &words.bytes)?)?;
    let words = reader.others();
    assert!(words.len() > CHANGES);
    // All but the first, on which they stand.
    hub.relays(B, &words[1..])?;
    let unseen = || {
        hub.store.read(|tx| {
            let stamp = tx.relay_stamp(NOTE)?;
            Ok(tx.unseen_changes(NOTE, &stamp)?.len())
        })
    };
    assert_eq!((unseen()?, hub.held()?[0].1), (0, words.len() as u64 - 1));
    hub.checker.check_document(NOTE)?;
    assert_eq!(unseen()?, 0);
    // Something of the document has come: they are looked at again.
    let other = beside(D, 1, &staff(D)?, "p-1")?;
    hub.accepts(D, &other)?;
    let stamps = "SELECT count(DISTINCT looked) FROM capsule WHERE looked IS NOT NULL";
    let looked: i64 = hub.store.read(|tx| Ok(tx.sql.query_row(stamps, [], |r| r.get(0))?))?;
    assert_eq!((unseen()?, looked), (0, 1));
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Waiting);
    hub.relays(B, &words[..1])?;
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Accepted);
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一".repeat(CHANGES));
    Ok(())
}

/// One change of a device in somebody's name, about a patient, made beside what it wrote itself.
fn beside(device: DeviceId, session: u8, name: &StaffId, patient: &str) -> Outcome<Entry> {
    let mut beside = Writer::new(device)?;
    beside.draft = Draft::new(NOTE, Form::VisitNote, Actor { device, session: [session; 8] });
    beside.draft.written_by(name);
    let about = About { patient: patient.parse()?, station: station()?, visit: None };
    beside.draft.begin(&about, None, Timestamp::from_millisecond(NINE)?)?;
    beside.entry()
}

#[test]
fn a_change_that_bends_the_document_is_left_out_and_holds_up_none_of_the_others() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    let good = turns.reader.others().len() as u64;
    // More than are left out at once: under A's device in C's name, and about another patient.
    for session in 2..40 {
        turns.reader.reads(&beside(A, session, &staff(C)?, "p-1")?)?;
    }
    turns.reader.reads(&beside(D, 1, &staff(D)?, "p-2")?)?;
    let words = turns.reader.others();
    assert_eq!(words.len() as u64, good + 39);
    assert_eq!(hub.relays(B, &words)?, words.len());
    assert_eq!(hub.held()?, [(vec![A, C], good)]);
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Accepted);
    let view = hub.view()?.ok_or("no note")?;
    assert_eq!(view.text("condition"), "一。二。三。");
    assert_eq!(view.authors.into_iter().collect::<Vec<_>>(), [(A, staff(A)?), (C, staff(C)?)]);
    assert!(hub.store.read(|tx| tx.held_entries())?.is_empty());
    Ok(())
}

#[test]
fn a_person_sees_who_brought_what_and_how_it_reads_and_may_let_in_what_one_phone_brought() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    let words = turns.reader.others();
    let (begun, rest) = words.split_at(2);
    hub.relays(D, begun)?;
    hub.relays(B, rest)?;
    let held = hub.store.read(|tx| tx.all_held_relayed())?;
    assert_eq!(held.iter().map(|one| one.bringers.clone()).collect::<Vec<_>>(), [vec![B, D]]);
    let reads = |from: Option<DeviceId>| -> Outcome<(usize, usize, Option<String>)> {
        let readings = hub.checker.read_held(NOTE, &Chosen { from, patient: None })?;
        let [one] = readings.as_slice() else { return Err("not one reading".into()) };
        Ok((one.goes, one.waits, one.view.as_ref().map(|view| view.text("condition").to_string())))
    };
    assert_eq!(reads(None)?, (words.len(), 0, Some("一。二。三。".to_string())));
    assert_eq!(reads(Some(D))?, (begun.len(), 0, Some("一。".to_string())));
    assert_eq!(reads(Some(B))?, (0, rest.len(), None), "it stands on what another brought");
    assert!(hub.view()?.is_none(), "to read is not to let in");
    assert_eq!(hub.lets_in(Some(B))?, CopyVerdict::Waiting);
    assert!(hub.view()?.is_none());
    assert_eq!(hub.lets_in(Some(D))?, CopyVerdict::Accepted);
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一。");
    assert_eq!(hub.held()?[0].1, rest.len() as u64);
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Accepted);
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一。二。三。");
    let line = |from: &str| ("admin".to_string(), format!("relayed-{NOTE}{from}"));
    let (of_b, of_d) = (format!(" from {B}"), format!(" from {D}"));
    assert_eq!(hub.audited("held_accept")?, [line(&of_b), line(&of_d), line("")]);
    Ok(())
}

#[test]
fn what_is_made_up_for_another_patient_is_let_in_only_by_name() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    let words = turns.reader.others();
    // Nothing in it says whose document it is.
    let mut made_up = Writer::new(C)?;
    made_up.draft = Draft::new(NOTE, Form::VisitNote, Actor { device: C, session: [8; 8] });
    let at = Timestamp::from_millisecond(NINE)?;
    made_up.draft.edit_text(Form::VisitNote.field("condition")?, "", "偽。", at)?;
    let mut reader = Writer::new(D)?;
    reader.reads(&made_up.entry()?)?;
    hub.relays_about(D, "p-2", &reader.others())?;
    hub.relays(B, &words)?;
    assert!(hub.lets_in(None).is_err());
    assert!(hub.view()?.is_none());
    let chosen = Chosen { from: None, patient: Some("p-1".parse()?) };
    assert_eq!(hub.checker.accept_relayed(NOTE, &chosen)?, CopyVerdict::Accepted);
    assert_eq!(hub.view()?.ok_or("no note")?.text("condition"), "一。二。三。");
    assert!(hub.held()?.is_empty());
    Ok(())
}

#[test]
fn words_of_a_device_that_the_hub_has_forgotten_stay_held() -> Outcome {
    let (hub, mut writer, mut reader) = (hub()?, Writer::new(FORGOTTEN)?, Writer::new(B)?);
    reader.reads(&writer.writes("一。")?)?;
    hub.relays(B, &reader.others())?;
    assert_eq!(hub.lets_in(None)?, CopyVerdict::Waiting);
    assert_eq!((hub.held()?.len(), hub.view()?.is_none()), (1, true));
    Ok(())
}

#[test]
fn only_a_hub_that_was_put_back_not_long_ago_takes_others_words() -> Outcome {
    const DAY: i64 = 24 * 3_600_000;
    let (hub, mut turns) = (hub()?, turns()?);
    let words = turns.reader.others();
    let holds = vec![Holding { doc: NOTE, hash: digest(&mut turns.reader.draft) }];
    let refused = |hub: &Hub| -> Outcome {
        let (asks, brings) = (asking(B, holds.clone()), hub.brings(B, &words)?);
        for request in [asks, brings] {
            assert_eq!(hub.asked(B, &request).err(), Some(RefusalCode::RelayOver));
        }
        // Nor under its own numbers.
        let series = Series(DocumentId([5; 16]));
        let copies = hub.sealed(B, series, &words)?;
        let request = CapsuleRequest { copies, series, ..asking(B, Vec::new()) };
        assert!(hub.asked(B, &request).is_ok());
        assert!(hub.held()?.is_empty());
        Ok(())
    };
    // Nobody has put it back.
    hub.store.write(|tx| Ok(tx.sql.execute("DELETE FROM meta WHERE name = 'epoch_began'", [])?))?;
    refused(&hub)?;
    let now = hub.store.read(|tx| Ok(tx.now()))?;
    hub.began(now - 45 * DAY)?;
    refused(&hub)?;
    hub.began(now - 44 * DAY)?;
    let answer = hub.asked(B, &asking(B, holds.clone())).map_err(|code| format!("{code:?}"))?;
    assert_eq!(answer.lacks, Some(vec![NOTE]));
    hub.asked(B, &hub.brings(B, &words)?).map_err(|code| format!("{code:?}"))?;
    assert_eq!(hub.held()?.len(), 1);
    Ok(())
}

#[test]
fn a_revoked_phone_relays_nothing() -> Outcome {
    let (hub, mut turns) = (hub()?, turns()?);
    hub.store.write(|tx| Ok(tx.sql.execute("UPDATE device SET revoked_at = 1 WHERE id = ?1", [B.0])?))?;
    hub.relays(B, &turns.reader.others())?;
    assert!(hub.held()?.is_empty());
    Ok(())
}

#[test]
fn what_its_author_signed_is_taken_at_once_where_the_document_is_whole() -> Outcome {
    let (hub, mut a) = (hub()?, Writer::new(A)?);
    let (at, day) = (Timestamp::from_millisecond(NINE)?, jiff::civil::date(2026, 11, 24));
    for (name, typed) in [("started_at", "09:32"), ("ended_at", "10:28"), ("temperature_c", "36.5")] {
        let field = Form::VisitNote.field(name)?;
        a.draft.set(field, field.parse(typed, day)?, at)?;
    }
    let entry = a.writes("一。")?;
    let mut confirms = |key: &SigningKey| -> Outcome<Relayed> {
        let signed = a.draft.confirm(&staff(A)?, A, key, at, &ConfirmContext::default())?;
        Ok((A, Kind::Confirmation, signed.hash(), signed.to_bytes()?))
    };
    let (hers, another) = (confirms(&key(A))?, confirms(&key(D))?);
    assert_eq!(hers.2, another.2, "its name leaves the signature out");
    let confirmations = || hub.store.read(|tx| Ok(tx.confirmations(NOTE)?.len()));
    let mut reader = Writer::new(B)?;
    reader.reads(&entry)?;
    let words = reader.others();
    hub.relays(B, &words)?;
    // With a key that is not hers, and in an entry that does not pass: neither stands for hers.
    assert_eq!(hub.relays(D, std::slice::from_ref(&another))?, 1);
    let hash = statement_hash(NOTE, hers.2);
    let enc = Encoding::Cbor.into();
    let forged =
        Entry { seq: 1, doc: NOTE, patient: "p-1".parse()?, kind: hers.1, enc, hash, bytes: another.3.clone() };
    hub.accepts(D, &forged)?;
    assert_eq!(hub.held()?, [(vec![A], words.len() as u64)]);
    // Before the document is there it waits with it.
    assert_eq!(hub.relays(B, std::slice::from_ref(&hers))?, 1);
    assert_eq!((confirmations()?, hub.held()?), (0, vec![(vec![A], words.len() as u64 + 1)]));
    hub.accepts(A, &entry)?;
    assert_eq!((confirmations()?, hub.held()?.len()), (1, 0));
    // Of a document that is whole it waits for nothing.
    let later = Timestamp::from_millisecond(NINE + 60_000)?;
    let signed = a.draft.confirm(&staff(A)?, A, &key(A), later, &ConfirmContext::default())?;
    hub.relays(B, &[(A, Kind::Confirmation, signed.hash(), signed.to_bytes()?)])?;
    assert_eq!((confirmations()?, hub.held()?.len()), (2, 0));
    let objects = hub.audited("relayed_signed")?;
    assert_eq!(objects.iter().map(|(who, _)| who.clone()).collect::<Vec<_>>(), vec![format!("device:{B}"); 2]);
    assert_eq!(objects[0].1, format!("{NOTE} {} of {A}", hers.2));
    Ok(())
}

/// One's own sealed copies, among the same people.
#[path = "copies_tests.rs"]
mod copies;
