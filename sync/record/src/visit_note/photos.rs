//! The photos of a note: each a numbered sub-record that names its bytes by their hash, so that a confirmation signs them.

use super::draft::{Conflict, ConflictValue, Draft, DraftError, NoteView, RawChange};
use super::fields::{FieldError, FieldValue, Group, SUB_RECORDS};
use crate::ids::{ContentHash, DeviceId};
use crate::photo::MediaType;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

const PHOTO: &str = "photo";
/// `photo.removed.<hash>` in a document: that photo was taken away. No field that anybody reads.
const REMOVED: &str = "photo.removed.";

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

/// One of the photos under a number, and whose it is; nobody's in particular where only one stands there.
type Side = (ContentHash, Option<Writer>);

/// A field, and what it becomes; `None`: it goes.
type Named = (String, Option<FieldValue>);

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
        let (raw, mut taken) = (self.read(None)?, BTreeSet::new());
        let mut gone = removed(&raw);
        gone.insert(photo.hash);
        // What may be left of it under another number must not come back beside it.
        let mut values = cleared(&raw, &gone, &mut taken).ok_or(FieldError::TooManyPhotos)?;
        let number = free_number(&view, &photo.hash, &taken).ok_or(FieldError::TooManyPhotos)?;
        let word = |word: &str| Some(FieldValue::Word(word.to_string()));
        // Every part, also an empty one: what stands beside another's photo by chance must never be read as this one's.
        let parts = [
            ("hash", word(&photo.hash.to_string())),
            ("body_site", word(photo.body_site.trim())),
            ("taken_at", photo.taken_at.map(FieldValue::Time)),
            ("consent", Some(FieldValue::Flag(photo.consent))),
            ("caption", word(photo.caption.trim())),
            ("bytes", photo.bytes.map(|bytes| FieldValue::Number(bytes as f64))),
            ("media_type", word(&photo.media_type)),
        ];
        values.extend(parts.into_iter().map(|(part, value)| (name(number, part), value)));
        values.push((mark(&photo.hash), None));
        self.put_named(values, at)
    }

    /// Takes a photo away in one change. Earlier versions of the note name it still, and a photo that has come to the hub
    /// stays there: it is part of the note's history. Somebody else's under the same number stays, whole.
    ///
    /// Whoever parts it without knowing of this brings it not back: the mark stands until it is put back on purpose. What a
    /// colleague wrote of it meanwhile (another body site) stays in the document and under no photo: nobody is asked about it,
    /// and it reads the same on every device.
    pub fn remove_photo(&mut self, hash: &ContentHash, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        if !hashes(&self.view()?).contains(hash) {
            return Ok(None);
        }
        let raw = self.read(None)?;
        let mut gone = removed(&raw);
        gone.insert(*hash);
        let mut values = cleared(&raw, &gone, &mut BTreeSet::new()).ok_or(FieldError::TooManyPhotos)?;
        values.push((mark(hash), Some(FieldValue::Flag(true))));
        self.put_named(values, at)
    }

    /// Two people added photos under one number without knowing of each other: both stay, each under its own. Nothing is
    /// chosen, so nobody is asked.
    pub fn part_photos(&mut self, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
        let raw = self.read(None)?;
        let (gone, mut values, mut taken) = (removed(&raw), Vec::new(), BTreeSet::new());
        for number in 1..=most() {
            let (all, left) = standing(&raw, number, &gone);
            let is_settled = conflict(&raw, &name(number, "hash")).is_none() && left.len() == all;
            if all == 0 || is_settled {
                continue;
            }
            // No number is free: the conflict stays, and a person decides.
            let Some(parted) = parted(&raw, number, &left, &mut taken) else { return Ok(None) };
            values.extend(parted);
        }
        self.put_named(values, at)
    }

    fn put_named(&mut self, values: Vec<Named>, at: Timestamp) -> Result<Option<RawChange>, DraftError> {
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

/// The photos under a number: how many stand there, and those that are not gone, each with whose change it is.
fn standing(view: &NoteView, number: u8, gone: &BTreeSet<ContentHash>) -> (usize, Vec<Side>) {
    let field = name(number, "hash");
    let sides: Vec<(&FieldValue, Option<Writer>)> = match (view.fields.get(&field), conflict(view, &field)) {
        (Some(value), _) => vec![(value, None)],
        (None, Some(conflict)) => conflict.values.iter().map(|side| (&side.value, Some(writer(side)))).collect(),
        (None, None) => Vec::new(),
    };
    let named = |(value, writer): (&FieldValue, Option<Writer>)| match value {
        FieldValue::Word(word) => Some((word.parse::<ContentHash>().ok()?, writer)),
        _ => None,
    };
    let mut sides: Vec<Side> = sides.into_iter().filter_map(named).collect();
    let all = sides.len();
    sides.retain(|(hash, _)| !gone.contains(hash));
    (all, sides)
}

/// What ends the photos that are gone: where one stood alone its fields go, where others stood beside it they stay. `None`: not
/// enough numbers are free for them.
fn cleared(view: &NoteView, gone: &BTreeSet<ContentHash>, taken: &mut BTreeSet<u8>) -> Option<Vec<Named>> {
    let mut values = Vec::new();
    for number in 1..=most() {
        let (all, left) = standing(view, number, gone);
        if left.len() < all {
            values.extend(parted(view, number, &left, taken)?);
        }
    }
    Some(values)
}

/// Photos that stand under one number, each with all of its parts under its own: the first one stays, the others take free
/// ones; without any, nothing stays. `None`: not enough are free.
fn parted(view: &NoteView, number: u8, sides: &[Side], taken: &mut BTreeSet<u8>) -> Option<Vec<Named>> {
    if sides.is_empty() {
        return Some(written(view, number).into_iter().map(|field| (field, None)).collect());
    }
    let mut values = Vec::new();
    for (at, (hash, writer)) in sides.iter().enumerate() {
        let to = if at == 0 { number } else { free_number(view, hash, taken)? };
        taken.insert(to);
        for part in parts() {
            values.push((name(to, part), value(view, number, part, *writer).cloned()));
        }
    }
    Some(values)
}

fn mark(hash: &ContentHash) -> String {
    format!("{REMOVED}{hash}")
}

fn removed(view: &NoteView) -> BTreeSet<ContentHash> {
    let conflicts = view.conflicts.iter().map(|conflict| &conflict.field);
    let marks = view.fields.keys().chain(conflicts).filter_map(|field| field.strip_prefix(REMOVED));
    marks.filter_map(|hash| hash.parse().ok()).collect()
}

/// The document as a person reads it: of a photo that was taken away nothing is left, also where a colleague who had not heard
/// of it gave it another number, and the marks are no fields.
pub(super) fn without_removed(raw: NoteView) -> NoteView {
    let gone = removed(&raw);
    if gone.is_empty() {
        return raw;
    }
    let mut view = raw.clone();
    view.fields.retain(|field, _| !field.starts_with(REMOVED));
    view.conflicts.retain(|conflict| !conflict.field.starts_with(REMOVED));
    for number in 1..=most() {
        let (all, left) = standing(&raw, number, &gone);
        if left.len() == all {
            continue;
        }
        if left.len() > 1 {
            let field = name(number, "hash");
            for conflict in view.conflicts.iter_mut().filter(|conflict| conflict.field == field) {
                conflict.values.retain(|side| left.iter().any(|(_, of)| *of == Some(writer(side))));
            }
            continue;
        }
        let prefix = format!("{PHOTO}.{number}.");
        for field in written(&raw, number) {
            view.fields.remove(&field);
            let part = field.strip_prefix(&prefix).unwrap_or_default();
            if let Some(value) = left.first().and_then(|(_, of)| value(&raw, number, part, *of)) {
                view.fields.insert(field, value.clone());
            }
        }
        view.conflicts.retain(|conflict| !conflict.field.starts_with(&prefix));
    }
    view
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

/// What stands in a part; where several values do, the one of this writer. Whoever wrote that part anew since, or parted the
/// photos, did so later and on the same device.
fn value<'v>(view: &'v NoteView, number: u8, part: &str, of: Option<Writer>) -> Option<&'v FieldValue> {
    let field = name(number, part);
    match (view.fields.get(&field), of) {
        (Some(value), _) => Some(value),
        (None, None) => None,
        (None, Some(of)) => {
            let sides = &conflict(view, &field)?.values;
            let newest = || sides.iter().filter(|side| side.device == of.0).max_by_key(|side| side.at);
            sides.iter().find(|side| writer(side) == of).or_else(newest).map(|side| &side.value)
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

    /// The same phone with the same document, for another turn of the story.
    fn copy(draft: &mut Draft, number: u8) -> Outcome<Draft> {
        let actor = Actor { device: DeviceId([number; 8]), session: [number + 100; 8] };
        let mut copy = Draft::load(NOTE, Form::VisitNote, &draft.save(), &[], actor)?;
        copy.written_by(&format!("n-{number}").parse()?);
        Ok(copy)
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
    fn a_photo_that_was_taken_away_stays_away_whoever_parts_it_meanwhile_until_it_is_put_back() -> Outcome {
        let (mut a, mut b) = (opens(1)?, opens(2)?);
        a.add_photo(&taken(1, "処置前"), at(2))?;
        b.add_photo(&taken(21, ""), at(5))?;
        gives(&mut b, 2, &mut a)?;
        gives(&mut a, 1, &mut b)?;
        for (wrong, right) in [(1, 21), (21, 1)] {
            let (mut a, mut b) = (copy(&mut a, 1)?, copy(&mut b, 2)?);
            let before = photos(&a.view()?);
            let before = before.iter().find(|photo| photo.hash.0[0] == wrong).ok_or("it stands there")?;
            // Her phone parts them at the same time, as it does before every confirmation.
            b.part_photos(at(6))?;
            a.remove_photo(&before.hash, at(7))?;
            gives(&mut a, 1, &mut b)?;
            gives(&mut b, 2, &mut a)?;
            for _ in 0..2 {
                let (mine, theirs) = (a.view()?, b.view()?);
                assert!(photos(&mine) == photos(&theirs));
                assert_eq!(hashes(&mine), BTreeSet::from([ContentHash([right; 32])]));
                assert_eq!(hashes_in(&mine.fields), hashes(&mine), "no field names it, so that nobody signs it");
                assert!(mine.fields.keys().all(|field| !field.starts_with(REMOVED)), "and the mark is no field");
                // Once more, now that both know of it.
                b.part_photos(at(8))?;
                gives(&mut b, 2, &mut a)?;
            }
            assert!(a.view()?.conflicts.is_empty());
            a.put_photo_back(before, at(9))?;
            gives(&mut a, 1, &mut b)?;
            let back = photos(&b.view()?);
            assert_eq!(back.len(), 2);
            assert!(back.iter().any(|photo| photo.hash == before.hash && photo.caption == before.caption));
        }
        Ok(())
    }

    #[test]
    fn words_that_were_changed_after_the_photo_was_added_stay_with_it_when_photos_are_parted() -> Outcome {
        let (mut a, mut b) = (opens(1)?, opens(2)?);
        a.add_photo(&taken(1, ""), at(2))?;
        let caption = name(photos(&a.view()?)[0].number, "caption");
        a.set(Form::VisitNote.field(&caption)?, FieldValue::Word("処置前".into()), at(62))?;
        b.add_photo(&taken(21, ""), at(5))?;
        gives(&mut b, 2, &mut a)?;
        gives(&mut a, 1, &mut b)?;
        let captions = |view: &NoteView| -> Vec<(u8, String)> {
            let mut seen: Vec<_> = photos(view).into_iter().map(|photo| (photo.hash.0[0], photo.caption)).collect();
            seen.sort();
            seen
        };
        let both = [(1, "処置前".to_string()), (21, String::new())];
        assert_eq!(captions(&a.view()?), both, "also before anybody parts them");
        let mut parting = copy(&mut b, 2)?;
        assert!(parting.part_photos(at(70))?.is_some());
        assert_eq!(captions(&parting.view()?), both);
        b.remove_photo(&ContentHash([21; 32]), at(70))?;
        assert_eq!(captions(&b.view()?), both[..1]);
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
