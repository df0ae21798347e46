//! The photos of a note: each a numbered sub-record that names its bytes by their hash, so that a confirmation signs them.

use super::draft::{Conflict, ConflictValue, Draft, DraftError, NoteView, RawChange};
use super::fields::{FieldError, FieldValue, Group, SUB_RECORDS};
use crate::ids::{ContentHash, DeviceId};
use crate::photo::MediaType;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

const PHOTO: &str = "photo";

/// What a nurse says of a photo that she adds.
#[derive(Clone)]
pub struct NewPhoto {
    /// SHA-256 of the bytes as they are kept.
    pub hash: ContentHash,
    pub bytes: u64,
    pub media_type: MediaType,
    pub body_site: String,
    pub caption: String,
    pub taken_at: Timestamp,
}

/// A photo as a note names it.
#[derive(Clone, PartialEq)]
pub struct NotePhoto {
    pub number: u8,
    pub hash: ContentHash,
    pub body_site: String,
    pub caption: String,
    pub taken_at: Option<Timestamp>,
    pub consent: bool,
    pub bytes: Option<u64>,
    pub media_type: String,
}

/// Whose value is meant where several stand: device and time of the one change that wrote all of a photo.
type Writer = (Option<DeviceId>, Option<Timestamp>);

/// Whether a field is a code that nobody reads as a word.
pub fn is_code(field: &str) -> bool {
    field.starts_with("photo.") && (field.ends_with(".hash") || field.ends_with(".media_type"))
}

/// The photos of a note, oldest first. Two under one number are both there: nobody has to choose before she may look.
pub fn photos(view: &NoteView) -> Vec<NotePhoto> {
    let mut photos: Vec<NotePhoto> = Vec::new();
    for number in 1..=most() {
        let writers: Vec<Option<Writer>> = match conflict(view, &name(number, "hash")) {
            Some(conflict) => conflict.values.iter().map(|side| Some(writer(side))).collect(),
            None => vec![None],
        };
        for writer in writers {
            if let Some(photo) = photo(view, number, writer)
                && !photos.iter().any(|known| known.hash == photo.hash)
            {
                photos.push(photo);
            }
        }
    }
    photos.sort_by_key(|photo| (photo.taken_at, photo.number));
    photos
}

/// Every photo that a note names, in whatever version stands.
pub fn hashes(view: &NoteView) -> BTreeSet<ContentHash> {
    photos(view).into_iter().map(|photo| photo.hash).collect()
}

/// The photos that some fields name, whichever version of the note they are of.
pub fn hashes_in(fields: &BTreeMap<String, FieldValue>) -> BTreeSet<ContentHash> {
    let named = |(field, value): (&String, &FieldValue)| match value {
        FieldValue::Word(word) if is_code(field) => word.parse().ok(),
        _ => None,
    };
    fields.iter().filter_map(named).collect()
}

impl Draft {
    /// Adds a photo in one change.
    pub fn add_photo(&mut self, photo: &NewPhoto, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        let named = NotePhoto {
            number: 0,
            hash: photo.hash,
            body_site: photo.body_site.clone(),
            caption: photo.caption.clone(),
            taken_at: Some(photo.taken_at),
            consent: true,
            bytes: Some(photo.bytes),
            media_type: photo.media_type.as_str().to_string(),
        };
        self.put_photo_back(&named, at)
    }

    /// Names a photo again that was taken away, with the words that it had, under whichever number is free.
    pub fn put_photo_back(&mut self, photo: &NotePhoto, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        for (part, text) in [("body_site", &photo.body_site), ("caption", &photo.caption)] {
            // Also where this form has no photos at all.
            self.form().field(&name(1, part))?.parse(text, jiff::civil::Date::MIN)?;
        }
        let view = self.view()?;
        if photos(&view).iter().any(|known| known.hash == photo.hash) {
            return Ok(None);
        }
        let number = free_number(&view, &photo.hash, &BTreeSet::new()).ok_or(FieldError::TooManyPhotos)?;
        let word = |word: &str| Some(FieldValue::Word(word.to_string()));
        // Every part, also an empty one: what stands beside another's photo by chance must never be read as this one's.
        let values = [
            ("hash", word(&photo.hash.to_string())),
            ("body_site", word(photo.body_site.trim())),
            ("taken_at", photo.taken_at.map(FieldValue::Time)),
            ("consent", Some(FieldValue::Flag(photo.consent))),
            ("caption", word(photo.caption.trim())),
            ("bytes", photo.bytes.map(|bytes| FieldValue::Number(bytes as f64))),
            ("media_type", word(&photo.media_type)),
        ];
        self.put_named(values.into_iter().map(|(part, value)| (name(number, part), value)).collect(), at)
    }

    /// Takes a photo away in one change. Earlier versions of the note name it still, and a photo that has come to the hub
    /// stays there: it is part of the note's history. Somebody else's under the same number stays, whole.
    ///
    /// What a colleague wrote of it without knowing (another body site) stays in the document and under no photo: nobody is
    /// asked about it, and it reads the same on every device. A photo that she named anew meanwhile is there.
    pub fn remove_photo(&mut self, hash: &ContentHash, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        let view = self.view()?;
        let is_it = |value: &FieldValue| match value {
            FieldValue::Word(word) => word.parse::<ContentHash>().is_ok_and(|named| named == *hash),
            _ => false,
        };
        let (mut values, mut taken) = (Vec::new(), BTreeSet::new());
        for number in 1..=most() {
            let field = name(number, "hash");
            let sides = conflict(&view, &field).map(|conflict| conflict.values.as_slice()).unwrap_or_default();
            let is_here = view.fields.get(&field).is_some_and(is_it) || sides.iter().any(|side| is_it(&side.value));
            if !is_here {
                continue;
            }
            let others: Vec<&ConflictValue> = sides.iter().filter(|side| !is_it(&side.value)).collect();
            if others.is_empty() {
                values.extend(written(&view, number).into_iter().map(|field| (field, None)));
            } else {
                values.extend(parted(&view, number, &others, &mut taken).ok_or(FieldError::TooManyPhotos)?);
            }
        }
        self.put_named(values, at)
    }

    /// Two people added photos under one number without knowing of each other: both stay, each under its own. Nothing is
    /// chosen, so nobody is asked.
    pub fn part_photos(&mut self, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        let view = self.view()?;
        let (mut values, mut taken) = (Vec::new(), BTreeSet::new());
        for number in 1..=most() {
            let Some(conflict) = conflict(&view, &name(number, "hash")) else { continue };
            let sides: Vec<&ConflictValue> = conflict.values.iter().collect();
            // No number is free: the conflict stays, and a person decides.
            let Some(parted) = parted(&view, number, &sides, &mut taken) else { return Ok(None) };
            values.extend(parted);
        }
        self.put_named(values, at)
    }

    fn put_named(
        &mut self,
        values: Vec<(String, Option<FieldValue>)>,
        at: Timestamp,
    ) -> Result<Option<RawChange>, DraftError> {
        if values.is_empty() {
            return Ok(None);
        }
        self.set_all(values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect(), at)
    }
}

fn group() -> Option<&'static Group> {
    SUB_RECORDS.iter().find(|group| group.name == PHOTO)
}

fn most() -> u8 {
    group().map_or(0, |group| group.most)
}

fn parts() -> impl Iterator<Item = &'static str> {
    group().into_iter().flat_map(|group| group.parts).map(|part| part.name)
}

fn name(number: u8, part: &str) -> String {
    format!("{PHOTO}.{number}.{part}")
}

/// Every field that is written under a number, also one of a newer version.
fn written(view: &NoteView, number: u8) -> BTreeSet<String> {
    let prefix = format!("{PHOTO}.{number}.");
    let conflicts = view.conflicts.iter().map(|conflict| &conflict.field);
    view.fields.keys().chain(conflicts).filter(|field| field.starts_with(&prefix)).cloned().collect()
}

/// Photos that stand under one number, each with all of its parts under its own: the first one stays, the others take free
/// ones. `None`: not enough are free.
fn parted(
    view: &NoteView,
    number: u8,
    sides: &[&ConflictValue],
    taken: &mut BTreeSet<u8>,
) -> Option<Vec<(String, Option<FieldValue>)>> {
    let mut values = Vec::new();
    for (at, side) in sides.iter().enumerate() {
        let FieldValue::Word(hash) = &side.value else { continue };
        let Ok(hash) = hash.parse::<ContentHash>() else { continue };
        let to = if at == 0 { number } else { free_number(view, &hash, taken)? };
        taken.insert(to);
        for part in parts() {
            values.push((name(to, part), value(view, number, part, Some(writer(side))).cloned()));
        }
    }
    Some(values)
}

/// A number that nothing stands under. Where to look first follows from the photo, so that two phones without signal rarely
/// take the same.
fn free_number(view: &NoteView, hash: &ContentHash, taken: &BTreeSet<u8>) -> Option<u8> {
    let most = most();
    let first = hash.0[0] % most.max(1);
    (0..most)
        .map(|step| (first + step) % most + 1)
        .find(|number| !taken.contains(number) && written(view, *number).is_empty())
}

fn conflict<'v>(view: &'v NoteView, field: &str) -> Option<&'v Conflict> {
    view.conflicts.iter().find(|conflict| conflict.field == field)
}

fn writer(side: &ConflictValue) -> Writer {
    (side.device, side.at)
}

/// What stands in a part; where several values do, the one of this writer.
fn value<'v>(view: &'v NoteView, number: u8, part: &str, of: Option<Writer>) -> Option<&'v FieldValue> {
    let field = name(number, part);
    match (view.fields.get(&field), of) {
        (Some(value), _) => Some(value),
        (None, None) => None,
        (None, Some(of)) => {
            conflict(view, &field)?.values.iter().find(|side| writer(side) == of).map(|side| &side.value)
        }
    }
}

fn photo(view: &NoteView, number: u8, of: Option<Writer>) -> Option<NotePhoto> {
    let word = |part: &str| match value(view, number, part, of) {
        Some(FieldValue::Word(word)) => word.clone(),
        _ => String::new(),
    };
    Some(NotePhoto {
        number,
        hash: word("hash").parse().ok()?,
        body_site: word("body_site"),
        caption: word("caption"),
        taken_at: match value(view, number, "taken_at", of) {
            Some(FieldValue::Time(at)) => Some(*at),
            _ => None,
        },
        consent: value(view, number, "consent", of) == Some(&FieldValue::Flag(true)),
        bytes: match value(view, number, "bytes", of) {
            Some(FieldValue::Number(bytes)) if *bytes >= 0.0 => Some(*bytes as u64),
            _ => None,
        },
        media_type: word("media_type"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit_note::changes::decode;
    use crate::visit_note::{About, Actor};
    use crate::{DocumentId, Form};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    const NOTE: DocumentId = DocumentId([9; 16]);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_300_000 + second).unwrap_or_default()
    }

    fn opens(number: u8) -> Outcome<Draft> {
        let mut draft =
            Draft::new(NOTE, Form::VisitNote, Actor { device: DeviceId([number; 8]), session: [number; 8] });
        let staff: crate::StaffId = format!("n-{number}").parse()?;
        draft.written_by(&staff);
        draft.begin(&About { patient: "p1".parse()?, station: "st".parse()?, visit: None }, None, at(0))?;
        Ok(draft)
    }

    fn taken(byte: u8, caption: &str) -> NewPhoto {
        NewPhoto {
            hash: ContentHash([byte; 32]),
            bytes: 300_000,
            media_type: MediaType::Jpeg,
            body_site: "仙骨部".to_string(),
            caption: caption.to_string(),
            taken_at: at(1),
        }
    }

    fn gives(from: &mut Draft, number: u8, to: &mut Draft) -> Outcome {
        let entry = from.entry_of(DeviceId([number; 8]), 0)?.ok_or("nothing to give")?;
        Ok(to.apply(&decode(NOTE, Form::VisitNote, entry.encoding, &entry.bytes)?)?)
    }

    #[test]
    fn a_photo_is_named_by_its_hash_and_added_once() -> Outcome {
        let mut draft = opens(1)?;
        assert!(draft.add_photo(&taken(7, " 処置前 "), at(2))?.is_some());
        assert!(draft.add_photo(&taken(7, "again"), at(3))?.is_none());
        let photos = photos(&draft.view()?);
        assert_eq!(photos.len(), 1);
        let photo = &photos[0];
        assert_eq!((photo.hash, photo.bytes, photo.consent), (ContentHash([7; 32]), Some(300_000), true));
        assert_eq!((photo.body_site.as_str(), photo.caption.as_str()), ("仙骨部", "処置前"));
        assert_eq!(photo.media_type, "image/jpeg");
        assert!(draft.add_photo(&NewPhoto { caption: "長".repeat(201), ..taken(8, "") }, at(4)).is_err());
        Ok(())
    }

    #[test]
    fn two_photos_under_one_number_both_stay_each_with_its_own_words() -> Outcome {
        let (mut a, mut b) = (opens(1)?, opens(2)?);
        // Both look for a place at the same number.
        a.add_photo(&taken(1, "処置前"), at(2))?;
        b.add_photo(&taken(21, ""), at(5))?;
        gives(&mut b, 2, &mut a)?;
        gives(&mut a, 1, &mut b)?;
        let captions = |view: &NoteView| -> Vec<(u8, String)> {
            photos(view).into_iter().map(|photo| (photo.hash.0[0], photo.caption)).collect()
        };
        let both = vec![(1, "処置前".to_string()), (21, String::new())];
        let mut seen = captions(&a.view()?);
        seen.sort();
        assert_eq!(seen, both, "also before anybody parts them");
        assert!(a.part_photos(at(9))?.is_some() && b.part_photos(at(10))?.is_some());
        let (mine, theirs) = (a.view()?, b.view()?);
        assert!(mine.conflicts.is_empty() && mine.fields == theirs.fields, "both part them alike");
        let mut seen = captions(&mine);
        seen.sort();
        assert_eq!(seen, both);
        assert!(a.part_photos(at(11))?.is_none());
        Ok(())
    }

    #[test]
    fn a_photo_that_was_taken_away_is_in_no_field_and_comes_back_with_its_words() -> Outcome {
        let mut draft = opens(1)?;
        draft.add_photo(&taken(7, "処置前"), at(2))?;
        draft.add_photo(&taken(8, "処置後"), at(3))?;
        let (heads, before) = (draft.heads(), photos(&draft.view()?));
        assert!(draft.remove_photo(&ContentHash([7; 32]), at(4))?.is_some());
        assert!(draft.remove_photo(&ContentHash([7; 32]), at(5))?.is_none(), "it is not there any more");
        let view = draft.view()?;
        assert_eq!(hashes(&view), BTreeSet::from([ContentHash([8; 32])]));
        assert_eq!(view.fields.keys().filter(|field| field.starts_with("photo.")).count(), 7, "only the other one's");
        assert_eq!(hashes(&draft.view_at(&heads)?).len(), 2, "an earlier version names it still");
        assert_eq!(hashes_in(&view.fields), hashes(&view));
        assert!(draft.put_photo_back(&before[0], at(6))?.is_some());
        assert!(photos(&draft.view()?) == before);
        Ok(())
    }

    #[test]
    fn what_a_colleague_wrote_of_a_photo_meanwhile_brings_it_not_back_and_asks_nobody() -> Outcome {
        let (mut a, mut b) = (opens(1)?, opens(2)?);
        a.add_photo(&taken(7, "処置前"), at(2))?;
        gives(&mut a, 1, &mut b)?;
        let number = photos(&b.view()?)[0].number;
        let site = name(number, "body_site");
        b.set(Form::VisitNote.field(&site)?, FieldValue::Word("踵部".into()), at(3))?;
        a.remove_photo(&ContentHash([7; 32]), at(4))?;
        gives(&mut a, 1, &mut b)?;
        gives(&mut b, 2, &mut a)?;
        let (mine, theirs) = (a.view()?, b.view()?);
        assert!(mine.fields == theirs.fields && mine.conflicts.is_empty() && theirs.conflicts.is_empty());
        assert_eq!(mine.word(&site), Some("踵部"), "her word is not lost");
        assert!(photos(&mine).is_empty() && hashes(&theirs).is_empty());
        // Another photo takes no part of it.
        a.add_photo(&taken(7, "また"), at(5))?;
        let again = photos(&a.view()?);
        assert_eq!((again.len(), again[0].body_site.as_str(), again[0].number != number), (1, "仙骨部", true));
        Ok(())
    }

    #[test]
    fn of_two_photos_under_one_number_one_is_taken_away_and_the_other_keeps_its_words() -> Outcome {
        let (mut a, mut b) = (opens(1)?, opens(2)?);
        a.add_photo(&taken(1, "処置前"), at(2))?;
        b.add_photo(&taken(21, ""), at(5))?;
        gives(&mut b, 2, &mut a)?;
        gives(&mut a, 1, &mut b)?;
        // One takes the colleague's away, the other takes her own away, and neither knows.
        a.remove_photo(&ContentHash([21; 32]), at(6))?;
        let left = photos(&a.view()?);
        assert_eq!((left.len(), left[0].hash, left[0].caption.as_str()), (1, ContentHash([1; 32]), "処置前"));
        assert!(a.view()?.conflicts.is_empty());
        b.remove_photo(&ContentHash([21; 32]), at(7))?;
        gives(&mut a, 1, &mut b)?;
        gives(&mut b, 2, &mut a)?;
        let (mine, theirs) = (a.view()?, b.view()?);
        assert!(mine.fields == theirs.fields && mine.conflicts.is_empty(), "both wrote the same");
        assert_eq!(hashes(&mine), BTreeSet::from([ContentHash([1; 32])]));
        Ok(())
    }

    #[test]
    fn a_photo_that_was_taken_away_while_a_colleague_parted_it_reads_the_same_everywhere() -> Outcome {
        let (mut a, mut b) = (opens(1)?, opens(2)?);
        a.add_photo(&taken(1, "処置前"), at(2))?;
        b.add_photo(&taken(21, ""), at(5))?;
        gives(&mut b, 2, &mut a)?;
        gives(&mut a, 1, &mut b)?;
        b.part_photos(at(6))?;
        a.remove_photo(&ContentHash([1; 32]), at(7))?;
        gives(&mut a, 1, &mut b)?;
        gives(&mut b, 2, &mut a)?;
        let (mine, theirs) = (photos(&a.view()?), photos(&b.view()?));
        assert!(mine == theirs, "whoever wrote it anew without knowing has it there");
        assert!(mine.iter().any(|photo| photo.hash == ContentHash([21; 32])), "the other one is never lost");
        a.remove_photo(&ContentHash([1; 32]), at(8))?;
        assert_eq!(hashes(&a.view()?), BTreeSet::from([ContentHash([21; 32])]), "said once more, it is gone");
        Ok(())
    }

    #[test]
    fn there_is_room_for_so_many_and_one_more_is_refused() -> Outcome {
        let mut draft = opens(1)?;
        for byte in 0..20 {
            draft.add_photo(&taken(100 + byte, ""), at(i64::from(byte)))?;
        }
        assert_eq!(hashes(&draft.view()?).len(), 20);
        let refused = draft.add_photo(&taken(200, ""), at(30));
        assert!(matches!(refused, Err(DraftError::Field(FieldError::TooManyPhotos))));
        Ok(())
    }

    #[test]
    fn codes_are_no_words_to_search() {
        assert!(is_code("photo.3.hash") && is_code("photo.3.media_type"));
        assert!(!is_code("photo.3.caption") && !is_code("condition"));
    }
}
