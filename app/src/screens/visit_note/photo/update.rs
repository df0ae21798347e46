//! The photos of a note: chosen, said of, taken; looked at, read from the hub.

use crate::components::base64;
use device::record::photo::{self, MediaType, PhotoError};
use device::record::visit_note::{FieldValue, Version};
use device::record::{ContentHash, StaffId};
use device::{DeviceError, PhotoShown, Zeroizing};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A picture in memory, as it is or will be kept. Never in a log: it has no `Debug`.
#[derive(Clone)]
pub struct Picture {
    media_type: MediaType,
    bytes: Rc<Zeroizing<Vec<u8>>>,
}

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.bytes, &other.bytes)
    }
}

impl Picture {
    /// A picture's file, stripped of what tells of place and phone: what the nurse sees is what is kept.
    pub fn of_file(file: &[u8]) -> Result<Self, PhotoError> {
        let clean = photo::clean(file)?;
        Ok(Self { media_type: clean.media_type, bytes: Rc::new(Zeroizing::new(clean.bytes)) })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The picture itself as an address for the page: it stands in no file, and nothing fetches it.
    pub fn url(&self) -> String {
        format!("data:{};base64,{}", self.media_type.as_str(), base64::encode(&self.bytes))
    }
}

/// What the page sent of the chosen file: the picture, or why there is none.
pub fn read_sent(what: &str, base64: &str) -> Result<Picture, DeviceError> {
    match what {
        "picture" => {
            let file = Zeroizing::new(base64::decode(base64).ok_or(PhotoError::Damaged)?);
            Ok(Picture::of_file(&file)?)
        }
        "large" => Err(DeviceError::Photo(PhotoError::TooLarge)),
        _ => Err(DeviceError::PhotoFile(std::io::ErrorKind::InvalidData.into())),
    }
}

#[derive(Clone, Default, PartialEq)]
pub struct Model {
    /// Stays until it is taken or dismissed.
    pub chosen: Option<Picture>,
    pub site: String,
    pub caption: String,
    pub consent: bool,
    /// Counts the sites that a chip named: the field is mounted anew with each.
    pub named: u32,
    /// Why the picture was not taken, in words.
    pub refused: Option<String>,
    /// The photo that is looked at in full.
    pub open: Option<ContentHash>,
    pub fetching: BTreeSet<ContentHash>,
    pub fetched: BTreeSet<ContentHash>,
    pub failed: BTreeMap<ContentHash, String>,
    /// The photo of which it is asked whether it is to be taken away.
    pub asked: Option<ContentHash>,
}

#[derive(Clone, PartialEq)]
pub enum Event {
    /// The screen stands anew: whatever was on its way to the one before is not awaited any more.
    Entered,
    Chosen(Picture),
    Refused(String),
    SiteTyped(String),
    SiteNamed(String),
    CaptionTyped(String),
    ConsentTapped,
    TakeTapped,
    Taken,
    Dismissed,
    PhotoTapped(ContentHash),
    FetchTapped(ContentHash),
    Fetched(ContentHash),
    FetchFailed(ContentHash, String),
    RemoveTapped(ContentHash),
    /// It stays.
    RemoveLeft,
    RemoveAgreed(ContentHash),
    Removed(ContentHash),
    RemoveFailed(ContentHash, String),
}

#[derive(Clone, PartialEq)]
pub enum Effect {
    Take { picture: Picture, site: String, caption: String, consent: bool },
    Fetch(ContentHash),
    Remove(ContentHash),
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Entered => {
            (model.open, model.asked) = (None, None);
            model.fetching.clear();
            model.failed.clear();
        }
        Event::Chosen(picture) => begin(model, Some(picture)),
        Event::Taken | Event::Dismissed => begin(model, None),
        Event::Refused(words) => model.refused = Some(words),
        Event::SiteTyped(site) => model.site = site,
        Event::SiteNamed(site) => {
            model.site = site;
            model.named += 1;
        }
        Event::CaptionTyped(caption) => model.caption = caption,
        Event::ConsentTapped => model.consent = !model.consent,
        Event::TakeTapped => {
            let Some(picture) = model.chosen.clone() else { return Vec::new() };
            model.refused = None;
            let (site, caption) = (model.site.clone(), model.caption.clone());
            return vec![Effect::Take { picture, site, caption, consent: model.consent }];
        }
        Event::PhotoTapped(hash) => model.open = Some(hash).filter(|_| model.open != Some(hash)),
        Event::FetchTapped(hash) => {
            model.failed.remove(&hash);
            if model.fetching.insert(hash) {
                return vec![Effect::Fetch(hash)];
            }
        }
        Event::Fetched(hash) => {
            model.fetching.remove(&hash);
            model.fetched.insert(hash);
        }
        Event::FetchFailed(hash, words) => {
            model.fetching.remove(&hash);
            model.failed.insert(hash, words);
        }
        Event::RemoveTapped(hash) => model.asked = Some(hash),
        Event::RemoveLeft => model.asked = None,
        // Only what was asked about just now.
        Event::RemoveAgreed(hash) if model.asked == Some(hash) => {
            model.asked = None;
            model.failed.remove(&hash);
            return vec![Effect::Remove(hash)];
        }
        Event::RemoveAgreed(_) => {}
        Event::Removed(hash) => {
            model.open = model.open.filter(|open| *open != hash);
            // Put back, it is read anew.
            model.fetched.remove(&hash);
        }
        Event::RemoveFailed(hash, words) => {
            model.failed.insert(hash, words);
        }
    }
    Vec::new()
}

/// Each picture is said of and agreed to anew.
fn begin(model: &mut Model, chosen: Option<Picture>) {
    model.chosen = chosen;
    model.site.clear();
    model.caption.clear();
    model.consent = false;
    model.refused = None;
}

/// How a photo stands: the tag's shape, and the key of its words.
pub fn standing(shown: &PhotoShown) -> (&'static str, &'static str) {
    if shown.is_unsent {
        ("tag wa", "photo-unsent")
    } else if shown.received_at.is_some() {
        ("tag ok", "photo-received")
    } else if shown.is_here {
        ("tag ok", "photo-read")
    } else {
        ("tag in", "photo-not-here")
    }
}

/// Whose hand added a photo: the first version that names it tells.
pub fn taken_by(versions: &[Version], hash: &ContentHash) -> Option<StaffId> {
    let named = Some(FieldValue::Word(hash.to_string()));
    let names = |version: &&Version| {
        version.changed.iter().any(|change| {
            change.field.starts_with("photo.") && change.field.ends_with(".hash") && change.after == named
        })
    };
    versions.iter().find(names)?.staff.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Words};
    use device::jiff::Timestamp;
    use device::record::ChangeHash;
    use device::record::visit_note::{FieldChange, NotePhoto};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    const WHERE: &[u8] = b"Exif\0\0GPS 33.31N 130.51E";
    const PHOTO: ContentHash = ContentHash([7; 32]);

    /// A JPEG as a camera writes it, as far as its segments go.
    fn camera_file() -> Vec<u8> {
        let segment = |marker: u8, body: &[u8]| -> Vec<u8> {
            [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
        };
        [
            vec![0xff, 0xd8],
            segment(0xe1, WHERE),
            segment(0xdb, &[1; 65]),
            segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]),
            segment(0xda, &[1, 1, 0, 0, 63, 0]),
            vec![0x5a; 40],
            vec![0xff, 0xd9],
        ]
        .concat()
    }

    fn picture() -> Outcome<Picture> {
        Ok(read_sent("picture", &base64::encode(&camera_file()))?)
    }

    #[test]
    fn a_chosen_picture_is_shown_as_it_will_be_kept_and_tells_no_place() -> Outcome {
        let picture = picture()?;
        let tells = |bytes: &[u8]| bytes.windows(WHERE.len()).any(|window| window == WHERE);
        assert!(tells(&camera_file()) && !tells(picture.bytes()));
        let url = picture.url();
        let shown = url.strip_prefix("data:image/jpeg;base64,").and_then(base64::decode);
        assert_eq!(shown.as_deref(), Some(picture.bytes()));
        Ok(())
    }

    #[test]
    fn what_is_no_picture_or_too_large_or_cut_off_is_refused_by_its_own_name() {
        let of = |what, base64: &str| read_sent(what, base64).err();
        let file = camera_file();
        assert!(matches!(of("large", ""), Some(DeviceError::Photo(PhotoError::TooLarge))));
        assert!(matches!(of("picture", &base64::encode(b"GIF89a")), Some(DeviceError::Photo(PhotoError::NoPicture))));
        let cut = base64::encode(&file[..file.len() - 5]);
        assert!(matches!(of("picture", &cut), Some(DeviceError::Photo(PhotoError::Damaged))));
        assert!(matches!(of("picture", "Zm9"), Some(DeviceError::Photo(PhotoError::Damaged))));
        assert!(matches!(of("unread", ""), Some(DeviceError::PhotoFile(_))));
    }

    #[test]
    fn a_picture_that_was_not_taken_stays_with_what_was_said_of_it() -> Outcome {
        let (mut model, picture) = (Model::default(), picture()?);
        assert!(update(&mut model, Event::TakeTapped).is_empty(), "nothing is chosen");
        update(&mut model, Event::Chosen(picture.clone()));
        update(&mut model, Event::SiteTyped("踵".into()));
        update(&mut model, Event::CaptionTyped("処置前".into()));
        let take =
            |consent| Effect::Take {
                picture: picture.clone(), site: "踵".into(), caption: "処置前".into(), consent
            };
        assert!(update(&mut model, Event::TakeTapped) == [take(false)]);
        update(&mut model, Event::Refused("no consent".into()));
        update(&mut model, Event::Entered);
        assert!(model.refused.is_some() && model.chosen.is_some(), "also when the screen was left meanwhile");
        update(&mut model, Event::ConsentTapped);
        assert!(update(&mut model, Event::TakeTapped) == [take(true)]);
        assert_eq!(model.refused, None);
        update(&mut model, Event::Refused("full".into()));
        assert!(update(&mut model, Event::TakeTapped) == [take(true)], "the same again when there is room");
        update(&mut model, Event::Taken);
        assert!(model == Model::default());
        Ok(())
    }

    #[test]
    fn consent_and_site_of_one_picture_are_not_those_of_the_next() -> Outcome {
        let mut model = Model::default();
        update(&mut model, Event::Chosen(picture()?));
        update(&mut model, Event::ConsentTapped);
        update(&mut model, Event::SiteNamed("仙骨部".into()));
        assert_eq!((model.consent, model.site.as_str(), model.named), (true, "仙骨部", 1));
        update(&mut model, Event::Dismissed);
        update(&mut model, Event::Chosen(picture()?));
        assert_eq!((model.consent, model.site.as_str()), (false, ""));
        Ok(())
    }

    #[test]
    fn a_photo_is_asked_for_once_and_again_only_when_it_failed() {
        let mut model = Model::default();
        let fetch = [Effect::Fetch(PHOTO)];
        assert!(update(&mut model, Event::FetchTapped(PHOTO)) == fetch);
        assert!(update(&mut model, Event::FetchTapped(PHOTO)).is_empty(), "it is on its way");
        update(&mut model, Event::FetchFailed(PHOTO, "offline".into()));
        assert!(model.failed.contains_key(&PHOTO) && !model.fetched.contains(&PHOTO));
        assert!(update(&mut model, Event::FetchTapped(PHOTO)) == fetch);
        assert!(model.failed.is_empty());
        update(&mut model, Event::Entered);
        assert!(update(&mut model, Event::FetchTapped(PHOTO)) == fetch, "another screen awaits it anew");
        update(&mut model, Event::Fetched(PHOTO));
        assert!(model.fetched.contains(&PHOTO) && model.fetching.is_empty());
    }

    #[test]
    fn a_photo_is_taken_away_only_when_it_was_asked_about_and_agreed_to() {
        let mut model = Model::default();
        let other = ContentHash([8; 32]);
        assert!(update(&mut model, Event::RemoveAgreed(PHOTO)).is_empty(), "nobody was asked");
        update(&mut model, Event::RemoveTapped(PHOTO));
        assert!(update(&mut model, Event::RemoveAgreed(other)).is_empty(), "another one");
        update(&mut model, Event::RemoveLeft);
        assert!(update(&mut model, Event::RemoveAgreed(PHOTO)).is_empty(), "it was to stay");
        update(&mut model, Event::RemoveTapped(PHOTO));
        update(&mut model, Event::PhotoTapped(PHOTO));
        assert!(update(&mut model, Event::RemoveAgreed(PHOTO)) == [Effect::Remove(PHOTO)]);
        assert!(update(&mut model, Event::RemoveAgreed(PHOTO)).is_empty(), "a second tap takes nothing more away");
        update(&mut model, Event::RemoveFailed(PHOTO, "full".into()));
        assert_eq!((model.open, model.failed.len()), (Some(PHOTO), 1), "it is still there");
        update(&mut model, Event::Removed(PHOTO));
        assert_eq!(model.open, None);
    }

    #[test]
    fn a_question_does_not_outlive_its_screen() {
        let mut model = Model::default();
        update(&mut model, Event::RemoveTapped(PHOTO));
        update(&mut model, Event::Entered);
        assert_eq!(model.asked, None);
    }

    #[test]
    fn one_photo_is_looked_at_in_full_until_it_is_tapped_again() {
        let mut model = Model::default();
        let other = ContentHash([8; 32]);
        for (tapped, open) in [(PHOTO, Some(PHOTO)), (other, Some(other)), (other, None)] {
            update(&mut model, Event::PhotoTapped(tapped));
            assert_eq!(model.open, open);
        }
    }

    #[test]
    fn unsent_received_read_and_not_here_are_four_things() {
        let photo = NotePhoto {
            number: 1,
            hash: PHOTO,
            body_site: String::new(),
            caption: String::new(),
            taken_at: None,
            consent: true,
            bytes: None,
            media_type: "image/jpeg".into(),
        };
        let at = Some(Timestamp::UNIX_EPOCH);
        let shown =
            |is_here, is_unsent, received_at| PhotoShown { photo: photo.clone(), is_here, is_unsent, received_at };
        let all =
            [shown(true, true, None), shown(true, false, at), shown(true, false, None), shown(false, false, None)];
        for language in [Language::Japanese, Language::English] {
            let words: BTreeSet<String> = all.iter().map(|shown| Words(language).say(standing(shown).1)).collect();
            assert_eq!(words.len(), 4);
            assert!(words.iter().all(|said| !said.starts_with("photo-")), "{words:?}");
        }
        assert_eq!(standing(&all[0]).1, "photo-unsent");
    }

    #[test]
    fn the_first_version_that_names_a_photo_tells_whose_hand_added_it() -> Outcome {
        let version = |n: u8, staff: &str, field: &str, after: &str| -> Outcome<Version> {
            let change = FieldChange { field: field.into(), before: None, after: Some(FieldValue::Word(after.into())) };
            let (version, staff): (_, StaffId) = (ChangeHash([n; 32]), staff.parse()?);
            Ok(Version { version, upon: Vec::new(), at: None, device: None, staff: Some(staff), changed: vec![change] })
        };
        let (hash, nurse): (String, StaffId) = (PHOTO.to_string(), "nurse-b".parse()?);
        let versions = [
            version(1, "nurse-a", "condition", &hash)?,
            version(2, "nurse-b", "photo.3.hash", &hash)?,
            version(3, "nurse-c", "photo.9.hash", &hash)?,
        ];
        assert_eq!(taken_by(&versions, &PHOTO), Some(nurse));
        assert_eq!(taken_by(&versions[..1], &PHOTO), None);
        Ok(())
    }
}
