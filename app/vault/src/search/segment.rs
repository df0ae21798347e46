//! A segment: what of one patient is searched in one compartment, in one sealed piece.
//!
//! Serialised inside the seal: do not reorder. Numbers are little endian.
//! `patient length (1) ‖ patient ‖ documents (4) ‖ per document: id (16), kind (1), year (2), month (1), day (1), at (8), bytes of
//! text (4), bytes of way back (4) ‖ unread (4) ‖ per unread: key (16), id (16) ‖ per document: text, newline ‖ per document: way
//! back`. Fold and way back are `record::text_search`'s.

use super::{ALL, SearchKind};
use crate::error::VaultError;
use crate::seal::Tag;
use jiff::civil::Date;
use memchr::memmem::Finder;
use record::{DataClass, DocumentId, Form, PatientId};
use std::collections::BTreeSet;
use std::ops::Range;
use zeroize::Zeroizing;

/// Room for what has changed, so that a segment is seldom copied while it grows: a copy left behind is not wiped.
const SLACK: usize = 64 << 10;

/// One segment, opened.
pub(super) struct Segment {
    pub version: Tag,
    body: Zeroizing<Vec<u8>>,
    pub patient: Option<PatientId>,
    documents: Vec<Document>,
    pub unread: Vec<(Tag, Option<DocumentId>)>,
    /// All texts, each with its newline.
    texts: Range<usize>,
}

pub(super) struct Document {
    pub id: DocumentId,
    pub kind: SearchKind,
    pub day: Date,
    pub at: i64,
    text: Range<usize>,
    back: Range<usize>,
}

impl Segment {
    /// `None`: it is none of ours, although it was sealed by us.
    pub fn read(body: Zeroizing<Vec<u8>>, version: Tag) -> Option<Self> {
        let mut reader = Reader { bytes: &body, at: 0 };
        let length = reader.number::<1>()?;
        let patient = std::str::from_utf8(reader.take(length)?).ok()?;
        let patient = if patient.is_empty() { None } else { Some(patient.parse().ok()?) };
        let count = reader.number::<4>()?;
        let mut documents = Vec::with_capacity(count.min(body.len()));
        for _ in 0..count {
            let id = DocumentId(reader.array()?);
            let kind = SearchKind::from_tag(reader.array::<1>()?[0])?;
            let year = i16::from_le_bytes(reader.array()?);
            let [month, day] = reader.array::<2>()?.map(u8::cast_signed);
            let day = Date::new(year, month, day).ok()?;
            let at = i64::from_le_bytes(reader.array()?);
            let (text, back) = (reader.number::<4>()?, reader.number::<4>()?);
            documents.push(Document { id, kind, day, at, text: 0..text, back: 0..back });
        }
        let mut unread = Vec::new();
        for _ in 0..reader.number::<4>()? {
            let (key, id) = (reader.array()?, reader.array()?);
            unread.push((key, (id != ALL).then_some(DocumentId(id))));
        }
        let from = reader.at;
        for document in &mut documents {
            document.text = reader.range(document.text.end)?;
            reader.take(1)?;
        }
        let texts = from..reader.at;
        for document in &mut documents {
            document.back = reader.range(document.back.end)?;
        }
        Some(Self { version, patient, documents, unread, texts, body })
    }

    /// Every document with all words, and where the first word stands in it.
    pub fn find<'s>(&'s self, finders: &[Finder<'_>], mut found: impl FnMut(&'s Document, usize)) {
        let Some((first, others)) = finders.split_first() else { return };
        let mut at = self.texts.start;
        while let Some(hit) = self.body.get(at..self.texts.end).and_then(|rest| first.find(rest)) {
            let hit = at + hit;
            // Texts stand in the order of the documents; no word holds a newline, so none reaches from one into the next.
            let n = self.documents.partition_point(|document| document.text.end <= hit);
            let Some(document) = self.documents.get(n) else { return };
            let text = self.body.get(document.text.clone()).unwrap_or_default();
            if others.iter().all(|word| word.find(text).is_some()) {
                found(document, hit - document.text.start);
            }
            at = document.text.end;
        }
    }

    pub fn text(&self, document: &Document) -> &str {
        let bytes = self.body.get(document.text.clone()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    pub fn back(&self, document: &Document) -> &[u8] {
        self.body.get(document.back.clone()).unwrap_or_default()
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn range(&mut self, length: usize) -> Option<Range<usize>> {
        let range = self.at..self.at.checked_add(length)?;
        self.bytes.get(range.clone())?;
        self.at = range.end;
        Some(range)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let range = self.range(length)?;
        self.bytes.get(range)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number<const N: usize>(&mut self) -> Option<usize> {
        let bytes = self.array::<N>()?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}

/// A segment while it is put together. Its parts are wiped when dropped.
#[derive(Default)]
pub(super) struct Building {
    pub patient: Option<PatientId>,
    documents: Vec<(DocumentId, SearchKind, Date, i64, usize, usize)>,
    pub unread: Vec<(Tag, Option<DocumentId>)>,
    texts: Zeroizing<Vec<u8>>,
    backs: Zeroizing<Vec<u8>>,
}

impl Building {
    /// What stays of an older segment: all but what is read again.
    pub fn what_stays(old: &Segment, marked: &BTreeSet<Tag>, key_of: impl Fn(DocumentId) -> Tag) -> Self {
        let mut new = Self { patient: old.patient.clone(), ..Self::default() };
        new.texts.reserve(old.texts.len() + SLACK);
        new.backs.reserve(old.body.len() - old.texts.end + SLACK);
        for document in old.documents.iter().filter(|document| !marked.contains(&key_of(document.id))) {
            new.add(document.id, document.kind, document.day, document.at, old.text(document), old.back(document));
        }
        new.unread.extend(old.unread.iter().filter(|(key, _)| !marked.contains(key)));
        new
    }

    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.unread.is_empty()
    }

    pub fn add(&mut self, id: DocumentId, kind: SearchKind, day: Date, at: i64, text: &str, back: &[u8]) {
        self.documents.push((id, kind, day, at, text.len(), back.len()));
        self.texts.extend_from_slice(text.as_bytes());
        self.texts.push(b'\n');
        self.backs.extend_from_slice(back);
    }

    pub fn body(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let too_large = |_| VaultError::Missing("room for a text in four gigabytes");
        let number = |n: usize| u32::try_from(n).map(u32::to_le_bytes).map_err(too_large);
        let room = 128 + 40 * self.documents.len() + 32 * self.unread.len() + self.texts.len() + self.backs.len();
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        let patient = self.patient.as_ref().map_or("", PatientId::as_str);
        // Ids have 64 bytes at most.
        body.push(patient.len() as u8);
        body.extend_from_slice(patient.as_bytes());
        body.extend_from_slice(&number(self.documents.len())?);
        for (id, kind, day, at, text, back) in &self.documents {
            body.extend_from_slice(&id.0);
            body.push(kind.tag());
            body.extend_from_slice(&day.year().to_le_bytes());
            body.extend_from_slice(&[day.month().cast_unsigned(), day.day().cast_unsigned()]);
            body.extend_from_slice(&at.to_le_bytes());
            body.extend_from_slice(&number(*text)?);
            body.extend_from_slice(&number(*back)?);
        }
        body.extend_from_slice(&number(self.unread.len())?);
        for (key, id) in &self.unread {
            body.extend_from_slice(key);
            body.extend_from_slice(&id.map_or(ALL, |id| id.0));
        }
        body.extend_from_slice(&self.texts);
        body.extend_from_slice(&self.backs);
        Ok(body)
    }
}

impl SearchKind {
    /// Numbers never change meaning; forms have their own below 100.
    fn tag(self) -> u8 {
        match self {
            SearchKind::Form(form) => form.tag(),
            SearchKind::Record(class) => match class {
                DataClass::Problem => 101,
                DataClass::Allergy => 102,
                DataClass::Rx => 103,
                DataClass::Inj => 104,
                DataClass::Lab => 105,
                DataClass::Document => 106,
                DataClass::Encounter => 107,
            },
        }
    }

    fn from_tag(tag: u8) -> Option<Self> {
        let class = DataClass::ALL.into_iter().map(SearchKind::Record).find(|kind| kind.tag() == tag);
        class.or_else(|| Form::from_tag(tag).map(SearchKind::Form))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::SNIPPET;
    use record::text_search;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn any_bytes_inside_a_segment_are_borne() -> Outcome {
        let mut building = Building { patient: Some("p1".parse()?), ..Building::default() };
        let text = text_search::fold("カテーテル交換");
        let kind = SearchKind::Form(Form::VisitNote);
        building.add(DocumentId([1; 16]), kind, Date::constant(2026, 11, 22), 5, &text.text, &text.back);
        building.unread.push(([3; 16], None));
        let whole = building.body()?;
        assert!(Segment::read(whole.clone(), ALL).is_some());
        for cut in 0..whole.len() {
            assert!(Segment::read(Zeroizing::new(whole[..cut].to_vec()), ALL).is_none(), "{cut}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                let Some(segment) = Segment::read(flipped, ALL) else { continue };
                segment.find(&[Finder::new("交換".as_bytes())], |document, at| {
                    let _ = text_search::snippet(segment.text(document), segment.back(document), at..at + 6, SNIPPET);
                });
            }
        }
        Ok(())
    }

    #[test]
    fn every_kind_comes_back_from_its_number() {
        let forms = Form::ALL.into_iter().map(SearchKind::Form);
        for kind in forms.chain(DataClass::ALL.into_iter().map(SearchKind::Record)) {
            assert_eq!(SearchKind::from_tag(kind.tag()), Some(kind));
        }
    }
}
