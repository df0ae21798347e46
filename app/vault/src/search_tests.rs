use super::*;
use crate::keys::FileKeyStore;
use crate::testing::{Made, Outcome, new_vault};
use crate::vault::Vault;
use jiff::Timestamp;
use protocol::Kind;
use record::FacilityId;
use std::path::PathBuf;

const NOTE: DocumentId = DocumentId([7; 16]);
const EVERYWHERE: Scope<'static> = Scope { patient: None, records: true, most: usize::MAX };

struct Opened {
    _folder: tempfile::TempDir,
    path: PathBuf,
    vault: Vault,
    /// What each document says.
    texts: BTreeMap<DocumentId, Option<String>>,
    read: Vec<DocumentId>,
}

impl Opened {
    fn new() -> Outcome<Self> {
        let Made { folder, path, vault, .. } = new_vault()?;
        Ok(Self { _folder: folder, path, vault, texts: BTreeMap::new(), read: Vec::new() })
    }

    fn note(&mut self, id: DocumentId, patient: &str, text: &str) -> Outcome {
        let row = NoteRow::draft(id, Form::VisitNote, patient.parse()?, Timestamp::UNIX_EPOCH);
        self.texts.insert(id, Some(text.to_string()));
        Ok(self.vault.write(|tx| tx.put_note(&row, None, false, 0))?)
    }

    fn record(&mut self, id: DocumentId, patient: &str, source: &str, text: &str) -> Outcome {
        let item = Item {
            kind: Kind::Record,
            doc: id,
            patient: Some(patient.parse()?),
            source: Some(source.parse()?),
            body: Vec::new(),
        };
        self.texts.insert(id, Some(text.to_string()));
        Ok(self.vault.write(|tx| tx.put_item(&item))?)
    }

    fn refresh(&mut self, scope: &Scope<'_>, most: usize) -> Outcome<bool> {
        let Self { vault, texts, read, .. } = self;
        let mut piece = |_: &mut Tx<'_>, source: Source| -> Result<Piece, VaultError> {
            let (id, kind) = match source {
                Source::Note(row) => (row.note, SearchKind::Form(Form::VisitNote)),
                Source::Record(item) => (item.doc, SearchKind::Record(DataClass::Rx)),
            };
            read.push(id);
            Ok(match texts.get(&id).cloned().flatten() {
                Some(text) => Piece::Text(SearchText {
                    kind,
                    day: Date::constant(2026, 11, 1 + (id.0[0] % 28) as i8),
                    at: 0,
                    text: text_search::fold(&text),
                }),
                None => Piece::Unreadable,
            })
        };
        Ok(vault.write(|tx| tx.refresh_search(scope, most, &mut piece))?)
    }

    /// Reads what is stale and searches.
    fn found(&mut self, query: &str, scope: &Scope<'_>) -> Outcome<Found> {
        let words = text_search::words(query);
        for _ in 0..100 {
            match self.vault.read(|tx| tx.search(&words, scope))? {
                Looked::Found(found) => return Ok(found),
                Looked::Stale => while self.refresh(scope, 2)? {},
            }
        }
        Err("a search never ends".into())
    }

    fn ids(&mut self, query: &str) -> Outcome<Vec<DocumentId>> {
        Ok(self.found(query, &EVERYWHERE)?.hits.into_iter().map(|hit| hit.id).collect())
    }

    /// Another process on the same file.
    fn by_another(&self, sql: &str) -> Outcome<usize> {
        Ok(rusqlite::Connection::open(&self.path)?.execute(sql, [])?)
    }
}

fn id(n: u8) -> DocumentId {
    DocumentId([n; 16])
}

#[test]
fn words_of_any_length_are_found_and_all_of_them_must_stand_in_one_document() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(id(1), "p1", "下肢浮腫++。\n食欲あり")?;
    phone.note(id(2), "p1", "浮腫なし、発赤あり")?;
    phone.note(id(3), "p2", "ﾊﾞﾙﾝｶﾃｰﾃﾙ交換")?;
    assert_eq!(phone.ids("浮腫")?, [id(2), id(1)], "newest first");
    assert_eq!(phone.ids("腫")?, [id(2), id(1)]);
    assert_eq!(phone.ids("浮腫　発赤")?, [id(2)]);
    assert_eq!(phone.ids("発赤 食欲")?, []);
    assert_eq!(phone.ids("なし、発赤")?, [id(2)]);
    assert_eq!(phone.ids("交換下肢")?, [], "no word reaches from one document into the next");
    let found = phone.found("かてーてる", &EVERYWHERE)?;
    assert_eq!((found.hits.len(), found.hits[0].snippet.as_str()), (1, "ﾊﾞﾙﾝｶﾃｰﾃﾙ交換"));
    let patient: PatientId = "p1".parse()?;
    assert_eq!(phone.found("交換", &Scope { patient: Some(&patient), ..EVERYWHERE })?.total, 0);
    let found = phone.found("浮腫", &Scope { most: 1, ..EVERYWHERE })?;
    assert_eq!((found.total, found.hits.len()), (2, 1));
    assert!(!format!("{found:?}").contains("発赤"), "a hit's words stay out of logs");
    Ok(())
}

#[test]
fn only_what_changed_is_read_again_and_nothing_that_was_saved_is_missed() -> Outcome {
    let mut phone = Opened::new()?;
    for n in 1..=9 {
        phone.note(id(n), "p1", &format!("記録{n} 咳嗽"))?;
    }
    assert_eq!(phone.ids("咳嗽")?.len(), 9);
    phone.read.clear();
    phone.note(id(4), "p1", "記録4")?;
    phone.note(id(4), "p1", "記録4 喀痰")?;
    assert_eq!(phone.ids("咳嗽")?.len(), 8);
    assert_eq!(phone.ids("喀痰")?, [id(4)]);
    assert_eq!(phone.read, [id(4)]);
    Ok(())
}

#[test]
fn what_another_process_wrote_is_found_and_what_it_took_is_not() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(id(1), "p1", "発熱")?;
    phone.record(id(2), "p1", "hp", "発熱の紹介")?;
    assert_eq!(phone.ids("発熱")?.len(), 2);
    phone.by_another("UPDATE note SET dirty = 1")?;
    phone.texts.insert(id(1), Some("解熱".into()));
    assert_eq!(phone.ids("解熱")?, [id(1)]);
    phone.by_another("DELETE FROM patient_key WHERE compartment IN (SELECT compartment FROM item)")?;
    assert_eq!(phone.ids("発熱")?, [], "an erased patient's segment goes with the key, from memory too");
    Ok(())
}

#[test]
fn a_change_that_was_taken_back_leaves_no_trace_in_memory() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(id(1), "p1", "発熱")?;
    assert_eq!(phone.ids("発熱")?, [id(1)]);
    phone.by_another("UPDATE note SET dirty = 1")?;
    let undone: Result<(), VaultError> = phone.vault.write(|tx| {
        tx.refresh_search(&EVERYWHERE, 9, &mut |_, _| Ok::<_, VaultError>(Piece::Nothing))?;
        Err(VaultError::Full)
    });
    assert!(undone.is_err());
    assert_eq!(phone.ids("発熱")?, [id(1)]);
    Ok(())
}

#[test]
fn a_withdrawal_takes_the_disclosed_texts_and_leaves_the_other_hospitals() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(id(1), "p1", "糖尿病")?;
    phone.record(id(2), "p1", "hp", "糖尿病")?;
    phone.record(id(3), "p1", "clinic", "糖尿病")?;
    assert_eq!(phone.ids("糖尿病")?.len(), 3);
    let (patient, hp): (PatientId, FacilityId) = ("p1".parse()?, "hp".parse()?);
    phone.vault.write(|tx| tx.forget_disclosed(&patient, &hp))?;
    assert!(phone.vault.ring.searched.open.keys().all(|(shelf, _)| *shelf == 0), "not even in memory");
    let left: i64 =
        phone.vault.db.query_row("SELECT count(*) FROM search_segment WHERE shelf = 1", [], |r| r.get(0))?;
    assert_eq!(left, 0, "in the same transaction, not at the next search");
    assert_eq!(phone.ids("糖尿病")?, [id(3), id(1)]);
    phone.vault.write(|tx| tx.forget_disclosed(&patient, &"clinic".parse().expect("an id")))?;
    assert_eq!(phone.ids("糖尿病")?, [id(1)]);
    Ok(())
}

#[test]
fn a_wipe_leaves_neither_segments_nor_marks() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(id(1), "p1", "発熱")?;
    phone.record(id(2), "p1", "hp", "発熱")?;
    assert_eq!(phone.ids("発熱")?.len(), 2);
    phone.vault.wipe(&FileKeyStore::beside(&phone.path))?;
    let db = rusqlite::Connection::open(&phone.path)?;
    for table in ["search_segment", "search_stale"] {
        let left: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
        assert_eq!(left, 0, "{table}");
    }
    Ok(())
}

#[test]
fn locked_records_are_neither_searched_nor_opened() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(id(1), "p1", "糖尿病")?;
    phone.record(id(2), "p1", "hp", "糖尿病")?;
    assert_eq!(phone.ids("糖尿病")?.len(), 2);
    let locked = Scope { records: false, ..EVERYWHERE };
    assert_eq!(phone.found("糖尿病", &locked)?.total, 1);
    assert!(phone.vault.ring.searched.open.keys().all(|(shelf, _)| *shelf == 0), "the opened ones are gone");
    phone.record(id(3), "p1", "hp", "糖尿病")?;
    phone.read.clear();
    assert_eq!(phone.found("糖尿病", &locked)?.total, 1);
    assert_eq!(phone.read, []);
    assert_eq!(phone.ids("糖尿病")?.len(), 3);
    Ok(())
}

#[test]
fn a_segment_that_was_altered_or_moved_is_counted_and_made_again() -> Outcome {
    for sql in [
        "UPDATE search_segment SET sealed = CAST(substr(sealed, 1, 60) || zeroblob(8) || substr(sealed, 69) AS BLOB)",
        "UPDATE search_segment SET sealed = (SELECT other.sealed FROM search_segment AS other WHERE other.n <> search_segment.n)",
        "UPDATE search_segment SET sealed = x''",
        "UPDATE search_segment SET version = randomblob(16)",
        "UPDATE search_segment SET compartment = zeroblob(16)",
    ] {
        let mut phone = Opened::new()?;
        phone.note(id(1), "p1", "浮腫あり")?;
        phone.note(id(2), "p2", "浮腫なし")?;
        assert_eq!(phone.ids("浮腫")?.len(), 2);
        assert_eq!(phone.vault.read(|tx| Ok::<_, VaultError>(tx.damaged()))?, 0);
        phone.vault.ring.searched = OpenSegments::default();
        assert_eq!(phone.by_another(sql)?, 2, "{sql}");
        assert_eq!(phone.ids("浮腫")?, [id(2), id(1)], "{sql}");
        assert!(phone.vault.read(|tx| Ok::<_, VaultError>(tx.damaged()))? > 0, "{sql}");
    }
    Ok(())
}

#[test]
fn a_document_that_cannot_be_read_is_named_and_the_search_goes_on() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(NOTE, "p1", "")?;
    phone.texts.insert(NOTE, None);
    phone.note(id(2), "p1", "浮腫")?;
    let found = phone.found("浮腫", &EVERYWHERE)?;
    let named = Unread { patient: Some("p1".parse()?), id: Some(NOTE) };
    assert_eq!((found.total, &found.unread), (1, &vec![named]));
    // Its row itself does not open: not even its number is known.
    phone.by_another("UPDATE note SET row = x'01', dirty = 1")?;
    let found = phone.found("浮腫", &EVERYWHERE)?;
    assert_eq!((found.total, found.unread.len()), (0, 2));
    assert!(found.unread.iter().all(|unread| unread.id.is_none()));
    // Whole again once it is.
    phone.note(NOTE, "p1", "浮腫")?;
    phone.note(id(2), "p1", "浮腫")?;
    let found = phone.found("浮腫", &EVERYWHERE)?;
    assert_eq!((found.total, found.unread.len()), (2, 0));
    Ok(())
}

#[test]
fn a_segment_of_an_older_edition_is_made_again() -> Outcome {
    let mut phone = Opened::new()?;
    phone.note(id(1), "p1", "浮腫")?;
    assert_eq!(phone.ids("浮腫")?, [id(1)]);
    phone.by_another("UPDATE search_segment SET edition = 0")?;
    phone.read.clear();
    assert_eq!(phone.ids("浮腫")?, [id(1)]);
    assert_eq!(phone.read, [id(1)]);
    Ok(())
}
