//! What lists ask for again and again, kept while the vault is open: light rows of notes, the day of each visit, and which of
//! a patient's disclosed records are allergies. Ids, times and keyed hashes, never words; dropped with the keys.
//!
//! It hangs on the rows themselves. SQLite tells of each row that comes, changes or goes through this connection
//! ([`Touched`], called by the triggers of `root.rs`), and after a commit of any other one nothing is known any more
//! (`KeyRing::begin`). Only what is committed is kept: a transaction that writes reads the file.

use crate::error::VaultError;
use crate::items::Item;
use crate::notes::NoteRow;
use crate::seal::{Table, Tag};
use crate::tx::Tx;
use jiff::civil::Date;
use protocol::Kind;
use record::{DataClass, DisclosedRecord, Form, PatientId, Visit, canonical};
use rusqlite::OptionalExtension;
use rusqlite::functions::Context;
use rusqlite::types::ValueRef;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Where a note's row stands: form, patient, key. The file lists the rows in this order.
type RowPlace = (u8, Tag, Tag);

/// The first key there is.
const FIRST: Tag = [0; 16];

#[derive(Default)]
pub(crate) struct Light {
    rows: BTreeMap<RowPlace, NoteRow>,
    /// Forms of which every row is known, except those that are to be read again.
    whole: BTreeSet<u8>,
    rows_to_read: BTreeSet<RowPlace>,
    /// Day and patient of each visit, by its key; `None`: nobody has asked yet.
    visits: Option<BTreeMap<Tag, (Date, Tag)>>,
    visits_to_read: BTreeSet<Tag>,
    /// Keys of a patient's records that are allergies.
    allergies: BTreeMap<Tag, Vec<Tag>>,
}

impl Light {
    /// The rows of a form that are known, of one patient or of all.
    fn of(&self, form: Form, wanted: Option<Tag>) -> impl Iterator<Item = &NoteRow> {
        let from: RowPlace = (form.tag(), wanted.unwrap_or(FIRST), FIRST);
        let rows = self.rows.range(from..).take_while(move |((form, patient, _), _)| {
            *form == from.0 && wanted.is_none_or(|wanted| wanted == *patient)
        });
        rows.map(|(_, row)| row)
    }

    /// Forgets what was touched, whether that was committed or taken back.
    pub fn forget(&mut self, touched: Touched) {
        if touched.all {
            *self = Self::default();
            return;
        }
        for place in touched.notes {
            self.rows.remove(&place);
            if self.whole.contains(&place.0) {
                self.rows_to_read.insert(place);
            }
        }
        if let Some(visits) = &mut self.visits {
            for key in touched.visits {
                visits.remove(&key);
                self.visits_to_read.insert(key);
            }
        }
        for patient in touched.records {
            self.allergies.remove(&patient);
        }
    }
}

/// Rows that came, changed or went since the last transaction began.
#[derive(Default)]
pub(crate) struct Touched {
    /// Something that cannot be told apart.
    all: bool,
    notes: BTreeSet<RowPlace>,
    visits: BTreeSet<Tag>,
    /// By patient.
    records: BTreeSet<Tag>,
}

impl Touched {
    /// A row as the triggers tell it: 1 its table, from 3 on the columns in the order of `root.rs`, `COVERED`.
    pub fn row(&mut self, told: &Context<'_>) {
        if self.take(told).is_err() {
            self.all = true;
        }
    }

    fn take(&mut self, told: &Context<'_>) -> Result<(), rusqlite::Error> {
        match told.get_raw(1) {
            ValueRef::Text(b"note") => {
                self.note(told.get(7)?, told.get(4)?, told.get(3)?);
            }
            ValueRef::Text(b"item") => {
                self.item(Kind::from(told.get::<u8>(3)?), told.get(4)?, told.get(6)?);
            }
            _ => {}
        }
        Ok(())
    }

    pub fn note(&mut self, form: u8, patient: Tag, key: Tag) {
        self.notes.insert((form, patient, key));
    }

    pub fn item(&mut self, kind: Kind, key: Tag, patient: Tag) {
        match kind {
            Kind::Visit => {
                self.visits.insert(key);
            }
            Kind::Record => {
                self.records.insert(patient);
            }
            _ => {}
        }
    }
}

impl Tx<'_> {
    /// Light rows of a form, of one patient or of all, the last changed first.
    pub fn note_rows(&mut self, form: Form, patient: Option<&PatientId>) -> Result<Vec<NoteRow>, VaultError> {
        let wanted = patient.map(|p| self.ring.patient_tag(Some(p)));
        let mut rows: Vec<NoteRow> = match self.ring.trusted {
            true => self.kept_rows(form, wanted)?,
            false => self.open_note_rows(form, wanted)?.into_iter().map(|(_, row)| row).collect(),
        };
        rows.sort_by_key(|row| Reverse(row.changed_at));
        Ok(rows)
    }

    /// Shows each light row of a form, in no order that means anything. What is kept is not copied for it.
    pub fn each_note_row(&mut self, form: Form, mut see: impl FnMut(&NoteRow)) -> Result<(), VaultError> {
        if !self.ring.trusted {
            self.open_note_rows(form, None)?.iter().for_each(|(_, row)| see(row));
            return Ok(());
        }
        self.keep_rows(form)?;
        self.ring.light.of(form, None).for_each(see);
        Ok(())
    }

    /// Visits of a day, of one patient or of all.
    pub fn visits_on(&mut self, day: Date, patient: Option<&PatientId>) -> Result<Vec<Item>, VaultError> {
        if !self.ring.trusted {
            let mut items = self.items(Kind::Visit, patient)?;
            items.retain(|item| self.day_of(item).is_some_and(|(on, _)| on == day));
            return Ok(items);
        }
        self.know_visits()?;
        let wanted = patient.map(|p| self.ring.patient_tag(Some(p)));
        let known = self.ring.light.visits.iter().flatten();
        let of_day = known.filter(|(_, (on, whose))| *on == day && wanted.is_none_or(|wanted| wanted == *whose));
        let keys: Vec<Tag> = of_day.map(|(key, _)| *key).collect();
        self.items_at(Kind::Visit, &keys)
    }

    /// What hospitals disclosed of a patient's allergies. Once it is known which records these are, no other one is opened.
    pub fn allergies(&mut self, patient: &PatientId) -> Result<Vec<Item>, VaultError> {
        let whose = self.ring.patient_tag(Some(patient));
        let known = self.ring.light.allergies.get(&whose).filter(|_| self.ring.trusted).cloned();
        if let Some(keys) = known {
            return self.items_at(Kind::Record, &keys);
        }
        let mut items = self.items(Kind::Record, Some(patient))?;
        items.retain(is_allergy);
        if self.ring.trusted {
            let keys = items.iter().map(|item| self.ring.tag("item", &item.doc.0)).collect();
            self.ring.light.allergies.insert(whose, keys);
        }
        Ok(items)
    }

    fn kept_rows(&mut self, form: Form, wanted: Option<Tag>) -> Result<Vec<NoteRow>, VaultError> {
        if wanted.is_some() && !self.ring.light.whole.contains(&form.tag()) {
            self.read_touched_rows()?;
            let rows = self.open_note_rows(form, wanted)?;
            self.ring.light.rows.extend(rows.iter().cloned());
            return Ok(rows.into_iter().map(|(_, row)| row).collect());
        }
        self.keep_rows(form)?;
        Ok(self.ring.light.of(form, wanted).cloned().collect())
    }

    /// Every row of a form is known afterwards, but those that do not open.
    fn keep_rows(&mut self, form: Form) -> Result<(), VaultError> {
        self.read_touched_rows()?;
        if !self.ring.light.whole.contains(&form.tag()) {
            let rows = self.open_note_rows(form, None)?;
            self.ring.light.rows.extend(rows);
            self.ring.light.whole.insert(form.tag());
        }
        Ok(())
    }

    fn read_touched_rows(&mut self) -> Result<(), VaultError> {
        while let Some(place) = self.ring.light.rows_to_read.first().copied() {
            if let Some(row) = self.open_row(place)? {
                self.ring.light.rows.insert(place, row);
            }
            self.ring.light.rows_to_read.remove(&place);
        }
        Ok(())
    }

    /// Rows of a form in the order of their places; those that are not known are opened. One that does not open is left out and
    /// counted.
    fn open_note_rows(&mut self, form: Form, wanted: Option<Tag>) -> Result<Vec<(RowPlace, NoteRow)>, VaultError> {
        let found: Vec<(Tag, Tag, Vec<u8>)> = self
            .sql
            .prepare_cached(match wanted {
                Some(_) => "SELECT key, patient, row FROM note WHERE form = ?2 AND patient = ?1",
                None => "SELECT key, patient, row FROM note WHERE form = ?2 AND ?1 IS NULL",
            })?
            .query_map((wanted, form.tag()), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut rows = Vec::with_capacity(found.len());
        for (key, patient, sealed) in found {
            let place = (form.tag(), patient, key);
            let known = self.ring.light.rows.get(&place).filter(|_| self.ring.trusted).cloned();
            let row = known.or_else(|| {
                let sealed_at = self.station(Table::NoteRow, key, patient);
                self.open_or_count(sealed_at, &sealed)
            });
            rows.extend(row.map(|row| (place, row)));
        }
        Ok(rows)
    }

    /// `None`: it has gone, or does not open.
    fn open_row(&mut self, (_, patient, key): RowPlace) -> Result<Option<NoteRow>, VaultError> {
        let found: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT row FROM note WHERE key = ?1")?
            .query_row([key], |r| r.get(0))
            .optional()?;
        let place = self.station(Table::NoteRow, key, patient);
        Ok(found.and_then(|sealed| self.open_or_count(place, &sealed)))
    }

    /// Brings what is known of visits up to the file.
    fn know_visits(&mut self) -> Result<(), VaultError> {
        if self.ring.light.visits.is_none() {
            let items = self.items(Kind::Visit, None)?;
            let known = items.iter().filter_map(|item| Some((self.ring.tag("item", &item.doc.0), self.day_of(item)?)));
            let known: BTreeMap<Tag, (Date, Tag)> = known.collect();
            self.ring.light.visits = Some(known);
            self.ring.light.visits_to_read.clear();
        }
        while let Some(key) = self.ring.light.visits_to_read.first().copied() {
            let item = self.item_at(Kind::Visit, key)?;
            let known = item.and_then(|item| self.day_of(&item));
            if let (Some(visits), Some(known)) = (&mut self.ring.light.visits, known) {
                visits.insert(key, known);
            }
            self.ring.light.visits_to_read.remove(&key);
        }
        Ok(())
    }

    /// On which day a visit is, and whose; `None`: it cannot be read.
    fn day_of(&self, item: &Item) -> Option<(Date, Tag)> {
        let visit: Visit = canonical::from_bytes(&item.body).ok()?;
        Some((visit.date, self.ring.patient_tag(item.patient.as_ref())))
    }

    fn items_at(&mut self, kind: Kind, keys: &[Tag]) -> Result<Vec<Item>, VaultError> {
        let mut items = Vec::with_capacity(keys.len());
        for key in keys {
            items.extend(self.item_at(kind, *key)?);
        }
        Ok(items)
    }
}

fn is_allergy(item: &Item) -> bool {
    canonical::from_bytes::<DisclosedRecord>(&item.body).is_ok_and(|record| record.class == DataClass::Allergy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{FileKeyStore, Pin};
    use crate::testing::{Made, Outcome, at, new_vault};
    use crate::vault::Vault;
    use jiff::Timestamp;
    use jiff::civil::{date, time};
    use record::{DocumentId, FacilityId};
    use std::path::PathBuf;

    const DAY: Date = date(2026, 11, 22);

    struct Opened {
        _folder: tempfile::TempDir,
        path: PathBuf,
        vault: Vault,
    }

    impl Opened {
        fn new() -> Outcome<Self> {
            let Made { folder, path, vault, .. } = new_vault()?;
            Ok(Self { _folder: folder, path, vault })
        }

        /// The same file, opened by another process.
        fn by_another(&self) -> Outcome<Vault> {
            Ok(Vault::open(&self.path, &FileKeyStore::beside(&self.path), &Pin::new("2468")?, at(0))?)
        }

        fn put_row(&mut self, row: &NoteRow) -> Outcome {
            Ok(self.vault.write(|tx| tx.put_note(row, None, false, 0))?)
        }

        fn put(&mut self, item: &Item) -> Outcome {
            Ok(self.vault.write(|tx| tx.put_item(item))?)
        }

        /// The notes of everybody, each with whether it is in conflict; and that one patient's are among them.
        fn rows(&mut self) -> Outcome<Vec<(u8, bool)>> {
            let (all, of_one) = self.vault.read(|tx| -> Result<_, VaultError> {
                let patient: PatientId = "p-1".parse().map_err(|_| VaultError::Missing("a patient"))?;
                Ok((tx.note_rows(Form::VisitNote, None)?, tx.note_rows(Form::VisitNote, Some(&patient))?))
            })?;
            let hers: Vec<&NoteRow> = all.iter().filter(|row| row.patient.as_str() == "p-1").collect();
            assert_eq!(hers, of_one.iter().collect::<Vec<_>>());
            Ok(all.iter().map(|row| (row.note.0[0], row.has_conflict)).collect())
        }

        fn visits(&mut self) -> Outcome<usize> {
            Ok(self.vault.read(|tx| tx.visits_on(DAY, None))?.len())
        }

        fn allergies(&mut self) -> Outcome<usize> {
            let patient: PatientId = "p-1".parse()?;
            Ok(self.vault.read(|tx| tx.allergies(&patient))?.len())
        }
    }

    fn row(n: u8, patient: &str) -> Outcome<NoteRow> {
        let changed_at = Timestamp::from_second(i64::from(n))?;
        Ok(NoteRow::draft(DocumentId([n; 16]), Form::VisitNote, patient.parse()?, changed_at))
    }

    fn visit(n: u8, day: Date) -> Outcome<Item> {
        let patient: PatientId = "p-1".parse()?;
        let visit = Visit {
            id: DocumentId([n; 16]),
            patient: patient.clone(),
            station: "st-1".parse()?,
            staff: "nurse-a".parse()?,
            date: day,
            start: time(9, 0, 0, 0),
            minutes: 60,
        };
        let body = canonical::to_bytes(&visit)?;
        Ok(Item { kind: Kind::Visit, doc: visit.id, patient: Some(patient), source: None, body })
    }

    fn record(n: u8, facility: &str, class: DataClass) -> Outcome<Item> {
        let facility: FacilityId = facility.parse()?;
        let as_of = Timestamp::UNIX_EPOCH;
        let record = DisclosedRecord::new(facility.clone(), class, n.to_string(), as_of, "架空マイシン");
        let body = canonical::to_bytes(&record)?;
        let doc = DocumentId([n; 16]);
        Ok(Item { kind: Kind::Record, doc, patient: Some("p-1".parse()?), source: Some(facility), body })
    }

    #[test]
    fn a_row_that_was_kept_is_read_again_once_it_was_written_or_has_gone() -> Outcome {
        let mut open = Opened::new()?;
        open.put_row(&row(1, "p-1")?)?;
        open.put_row(&row(2, "p-2")?)?;
        assert_eq!(open.rows()?, [(2, false), (1, false)]);
        open.put_row(&NoteRow { has_conflict: true, ..row(1, "p-1")? })?;
        open.put_row(&row(3, "p-1")?)?;
        assert_eq!(open.rows()?, [(3, false), (2, false), (1, true)]);
        assert!(open.vault.write(|tx| tx.forget_damaged(DocumentId([2; 16])))?);
        assert_eq!(open.rows()?, [(3, false), (1, true)]);
        Ok(())
    }

    #[test]
    fn rows_of_one_patient_are_kept_and_read_again_too() -> Outcome {
        let mut open = Opened::new()?;
        let patient: PatientId = "p-1".parse()?;
        let hers = |open: &mut Opened| -> Outcome<Vec<bool>> {
            let rows = open.vault.read(|tx| tx.note_rows(Form::VisitNote, Some(&patient)))?;
            Ok(rows.iter().map(|row| row.has_conflict).collect())
        };
        open.put_row(&row(1, "p-1")?)?;
        open.put_row(&row(2, "p-2")?)?;
        assert_eq!(hers(&mut open)?, [false]);
        open.put_row(&NoteRow { has_conflict: true, ..row(1, "p-1")? })?;
        open.put_row(&row(3, "p-1")?)?;
        assert_eq!(hers(&mut open)?, [false, true]);
        assert_eq!(open.rows()?, [(3, false), (2, false), (1, true)]);
        Ok(())
    }

    #[test]
    fn what_was_taken_back_was_never_kept_and_who_writes_reads_what_she_wrote() -> Outcome {
        let mut open = Opened::new()?;
        open.put_row(&row(1, "p-1")?)?;
        open.put(&visit(1, DAY)?)?;
        assert_eq!((open.rows()?.len(), open.visits()?), (1, 1));
        let (second, moved) = (row(2, "p-1")?, visit(1, date(2026, 11, 23))?);
        let refused: Result<(), VaultError> = open.vault.write(|tx| {
            tx.put_note(&second, None, false, 0)?;
            tx.put_item(&moved)?;
            assert_eq!(tx.note_rows(Form::VisitNote, None)?.len(), 2);
            assert!(tx.visits_on(DAY, None)?.is_empty());
            Err(VaultError::NoRandomness)
        });
        assert!(refused.is_err());
        assert_eq!((open.rows()?.len(), open.visits()?), (1, 1));
        Ok(())
    }

    #[test]
    fn a_visit_that_was_moved_is_found_on_its_new_day_alone() -> Outcome {
        let mut open = Opened::new()?;
        open.put(&visit(1, DAY)?)?;
        open.put(&visit(2, date(2026, 11, 23))?)?;
        assert_eq!(open.visits()?, 1);
        open.put(&visit(2, DAY)?)?;
        assert_eq!(open.visits()?, 2);
        open.put(&visit(1, date(2026, 11, 24))?)?;
        assert_eq!(open.visits()?, 1);
        let patient: PatientId = "p-1".parse()?;
        open.vault.write(|tx| tx.forget_items(&[Kind::Visit], &patient))?;
        assert_eq!(open.visits()?, 0);
        Ok(())
    }

    #[test]
    fn an_allergy_that_comes_is_found_and_one_that_was_withdrawn_or_destroyed_is_not() -> Outcome {
        let mut open = Opened::new()?;
        open.put(&record(1, "hp-1", DataClass::Rx)?)?;
        assert_eq!(open.allergies()?, 0);
        open.put(&record(2, "hp-1", DataClass::Allergy)?)?;
        open.put(&record(3, "hp-2", DataClass::Allergy)?)?;
        assert_eq!(open.allergies()?, 2);
        let (patient, facility): (PatientId, FacilityId) = ("p-1".parse()?, "hp-1".parse()?);
        open.vault.write(|tx| tx.forget_disclosed(&patient, &facility))?;
        assert_eq!(open.allergies()?, 1);
        open.vault.write(|tx| tx.destroy_disclosed())?;
        assert_eq!(open.allergies()?, 0);
        Ok(())
    }

    #[test]
    fn what_another_process_wrote_or_withdrew_is_seen_at_once() -> Outcome {
        let mut open = Opened::new()?;
        open.put_row(&row(1, "p-1")?)?;
        open.put(&visit(1, DAY)?)?;
        open.put(&record(1, "hp-1", DataClass::Allergy)?)?;
        assert_eq!((open.rows()?.len(), open.visits()?, open.allergies()?), (1, 1, 1));
        let (patient, facility): (PatientId, FacilityId) = ("p-1".parse()?, "hp-1".parse()?);
        let mut other = open.by_another()?;
        let (second, later) = (row(2, "p-2")?, visit(2, DAY)?);
        other.write(|tx| -> Result<(), VaultError> {
            tx.put_note(&second, None, false, 0)?;
            tx.put_item(&later)?;
            tx.forget_disclosed(&patient, &facility).map(|_| ())
        })?;
        assert_eq!((open.rows()?.len(), open.visits()?, open.allergies()?), (2, 2, 0));
        Ok(())
    }
}
