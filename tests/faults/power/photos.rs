//! Photos in the day: one stays, one is taken away and put back. What is promised of each is its bytes and its sealed copies.

use super::day::{Day, Step};
use super::hand::{self, Hand, is_mark};
use super::phone::{Watch, copy_folder, doing};
use super::shown::shown_by_a_copy;
use super::writes::Op;
use super::{OLD_PIN, scratch};
use device::Phone as Unlocked;
use device::jiff::Timestamp;
use device::record::{ContentHash, canonical};
use ed25519_dalek::SigningKey;
use protocol::{Kind, PhotoPiece, SealedCopy, capsule};
use std::collections::{BTreeMap, BTreeSet};
use stories::Outcome;
use vault::LockedVault;

/// The first one is more than a piece of the vault (64 KiB).
const LENGTHS: [usize; 2] = [66_000, 900];

/// A JPEG as far as its segments go; it shows nothing, and nothing is stripped from it.
fn picture(length: usize) -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| -> Vec<u8> {
        [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
    };
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xdb, &[1; 65]));
    file.extend(segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]));
    file.extend(segment(0xda, &[1, 1, 0, 0, 63, 0]));
    file.extend((0..length).map(|i| (i % 251) as u8));
    file.extend([0xff, 0xd9]);
    file
}

fn hashes() -> [ContentHash; 2] {
    LENGTHS.map(|length| ContentHash::of(&picture(length)))
}

/// The photos of the day as a phone has them.
#[derive(Clone, PartialEq, Debug)]
pub struct Photos {
    /// Their bytes are here, whole: also of one that was taken away and may be put back.
    here: BTreeSet<ContentHash>,
    /// A wiped phone could still send their bytes, whole.
    copied: BTreeSet<ContentHash>,
    /// So many are to be sent.
    left: u64,
}

impl Photos {
    /// `copies`: all that are sealed to the hub. Its key opens them.
    pub fn of(phone: &Unlocked, locked: &LockedVault<'_>, copies: &[SealedCopy], hub_key: &[u8]) -> Outcome<Self> {
        let mut here = BTreeSet::new();
        for hash in hashes() {
            // Read whole, and compared with its hash.
            if phone.kept_photo(&hash)?.is_some() {
                here.insert(hash);
            }
        }
        Ok(Self { here, copied: copied(phone, locked, copies, hub_key)?, left: phone.photos_left()? })
    }
}

fn copied(
    phone: &Unlocked,
    locked: &LockedVault<'_>,
    copies: &[SealedCopy],
    hub_key: &[u8],
) -> Outcome<BTreeSet<ContentHash>> {
    let secret = <[u8; 32]>::try_from(phone.identity().signing_key.as_slice())?;
    let key = SigningKey::from_bytes(&secret).verifying_key().to_bytes();
    let (device, series) = (locked.locked.device, locked.locked.series);
    let mut photos: BTreeMap<ContentHash, Vec<u8>> = BTreeMap::new();
    // Photos stand behind all that was written.
    for sealed in copies.iter().rev() {
        let copy = capsule::open(hub_key, device, series, sealed, &key)?;
        if copy.kind != Kind::PhotoPiece {
            break;
        }
        let piece: PhotoPiece = canonical::from_bytes(&copy.bytes)?;
        photos.entry(copy.hash).or_default().splice(0..0, piece.bytes);
    }
    for (hash, bytes) in &photos {
        if ContentHash::of(bytes) != *hash {
            return Err(format!("the sealed copies of {hash} are not all of it").into());
        }
    }
    Ok(photos.into_keys().collect())
}

impl Day {
    /// Takes two photos into a note; the second is taken away and put back.
    pub fn take_photos(&mut self, note: &str) -> Outcome {
        for (length, watch) in LENGTHS.into_iter().zip([Watch::LogAndKill, Watch::Log]) {
            let file = self.phone.pins.join(format!("{length}.jpg"));
            std::fs::write(&file, picture(length))?;
            let file = file.display().to_string();
            let add = doing(&["photo", "add", note, &file, "--body-site", "仙骨部", "--consent"], "");
            self.step(OLD_PIN, &add, OLD_PIN, watch)?;
        }
        self.take_away_and_put_back(note)?;
        let [stays, wrong] = hashes();
        let (one, both) = (BTreeSet::from([stays]), BTreeSet::from([stays, wrong]));
        // Of one that was taken away from a note that never left, the bytes wait for the undo and the sealed copies are gone.
        let expected = [(1, &one, &one), (2, &both, &both), (1, &both, &one), (2, &both, &both)];
        for (step, (left, here, copied)) in self.steps[self.steps.len() - expected.len()..].iter().zip(expected) {
            let photos = &step.shown.photos;
            assert_eq!((photos.left, &photos.here, &photos.copied), (left, here, copied), "after `{}`", step.words);
        }
        Ok(())
    }

    /// 元に戻す: both in one unlock, by a hand. What the phone shows between the two is asked of a twin.
    fn take_away_and_put_back(&mut self, note: &str) -> Outcome {
        let [_, wrong] = hashes();
        let folder = scratch()?;
        copy_folder(&self.phone.folder, folder.path())?;
        let twin = self.phone.at(folder.path())?;
        let remove = doing(&["photo", "remove", note, &wrong.to_string()], "");
        let (done, _, refusal) = twin.run(OLD_PIN, &remove, Watch::Off)?;
        if !done {
            return Err(refusal.into());
        }
        let between = shown_by_a_copy(&twin, OLD_PIN, &self.witness)?;

        let began = self.ops.len();
        hand::works(&self.phone, "photos::a_hand_that_takes_a_photo_away_and_puts_it_back", note)?;
        self.ops = Op::read_all(&self.phone.log)?;
        let marks: Vec<usize> = (began..self.ops.len()).filter(|n| is_mark(&self.ops[*n])).collect();
        let [taken_away, put_back] = marks[..] else { return Err("the hand made other marks".into()) };
        let after = shown_by_a_copy(&self.phone, OLD_PIN, &self.witness)?;
        let step = |words: &str, began, said, shown| Step { words: words.to_string(), began, said, shown };
        self.steps.push(step("photo taken away", began, taken_away, between));
        self.steps.push(step("photo put back", taken_away + 1, put_back, after));
        Ok(())
    }
}

#[test]
#[ignore = "started by the day"]
fn a_hand_that_takes_a_photo_away_and_puts_it_back() -> Outcome {
    let hand = Hand::ready()?;
    let [_, wrong] = hashes();
    let removed = hand.phone.remove_photo(hand.note, wrong, Timestamp::now())?;
    hand.mark(0)?;
    hand.phone.put_photo_back(hand.note, &removed, Timestamp::now())?;
    hand.mark(1)
}
