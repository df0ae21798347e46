//! `feel-data FOLDER`: a phone's folder as full as one gets (P1-max), for `tests/e2e/feel.mjs` or to look at. PIN 2468.
//!
//! Enrolled at a real hub that is gone afterwards; everything else comes in as that hub's answers would, through the phone's own
//! verb. Its day is the day on which it was made: tomorrow it holds no visits of today.

use device::{FileKeyStore, Phone, Pin};
use jiff::{SignedDuration, Timestamp};
use protocol::{Cursor, Durability, FeedItem, Policy, Receipt, SyncResponse, WIRE_VERSION};
use record::ContentHash;
use std::path::Path;
use std::process::ExitCode;
use tsutsuji_bench::Done;
use tsutsuji_bench::full_phone::{FullPhone, NOTES, NURSE, PATIENTS, PHOTOS, STATION, TODAY, Taken};
use tsutsuji_bench::hub_process::{HubProcess, acts_as_hub};
use tsutsuji_bench::station::runtime;
use vault::{RunningTime, Vault};

const PIN: &str = "2468";
/// How long the disclosed records may be read without hearing from the hub.
const LEASE: SignedDuration = SignedDuration::from_hours(72);
/// Notes in one answer, photos in one transaction.
const AT_ONCE: usize = 100;

fn main() -> ExitCode {
    if let Some(code) = acts_as_hub() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("feel-data FOLDER");
        return ExitCode::FAILURE;
    };
    match make(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn make(folder: &Path) -> Done {
    std::fs::create_dir_all(folder)?;
    let vault = folder.join("tsutsuji.vault");
    if vault.exists() {
        return Err(format!("{} is there already; give another folder", vault.display()).into());
    }
    enrol(&vault)?;
    let store = FileKeyStore::beside(&vault);
    let now = Timestamp::now();
    let mut full = FullPhone::new(now)?;
    let phone = Phone::unlock(&vault, &store, &Pin::new(PIN)?, now)?;
    let photos = tell_all(&phone, &mut full, now)?;
    drop(phone);
    keep_photos(&vault, &store, &photos)?;
    let phone = Phone::unlock(&vault, &store, &Pin::new(PIN)?, Timestamp::now())?;
    println!("reading all of it for the search, checking it …");
    while phone.refresh_search(Timestamp::now())? {}
    let check = phone.self_check(Timestamp::now())?;
    if !check.is_sound() {
        return Err(format!("the vault does not agree with itself: {check:?}").into());
    }
    let (rows, status) = (phone.today(Timestamp::now())?, phone.status(Timestamp::now())?);
    if (rows.len(), status.patients) != (TODAY, PATIENTS as u64) {
        return Err(format!("{} visits today and {} patients", rows.len(), status.patients).into());
    }
    let bytes: usize = photos.iter().map(|(_, bytes)| bytes.len()).sum();
    println!(
        "{}: {PATIENTS} patients ({TODAY} of them today), {NOTES} notes, {} photos of {} KB each (thumbnails' size), {} rows; vault {:.1} MB; PIN {PIN}",
        folder.display(),
        photos.len(),
        bytes / photos.len().max(1) / 1_000,
        check.rows,
        status.bytes as f64 / 1e6
    );
    Ok(())
}

/// As a nurse enrols, with the PIN as costly as half a second of this machine.
fn enrol(vault: &Path) -> Done {
    let folder = tempfile::tempdir()?;
    let mut hub = HubProcess::new(folder.path().join("hub"))?;
    hub.run(&["facility", "add", "--id", STATION, "--kind", "station", "--name", "訪問看護ステーション架空"])?;
    hub.run(&["staff", "add", "--facility", STATION, "--id", NURSE, "--name", "看護師 A", "--role", "nurse"])?;
    hub.serve()?;
    let uri = hub.invite(NURSE)?;
    runtime()?.block_on(device::enrol::enrol_calibrated(vault, &uri, &Pin::new(PIN)?))?;
    Ok(())
}

/// Everything that the hub knows, answer by answer. What is left are the photos' bytes.
fn tell_all(phone: &Phone, full: &mut FullPhone, now: Timestamp) -> Done<Vec<Taken>> {
    let long_ago = now - SignedDuration::from_hours(24 * 200);
    let known = full.who_is_who()?;
    tell(phone, known, now, long_ago)?;
    for number in 0..PATIENTS {
        let patient = full.patient(number)?;
        tell(phone, patient, now, long_ago)?;
    }
    println!("{PATIENTS} patients are there");
    let mut photos = Vec::with_capacity(PHOTOS);
    for first in (0..NOTES).step_by(AT_ONCE) {
        let (mut items, mut last) = (Vec::new(), long_ago);
        for number in first..NOTES.min(first + AT_ONCE) {
            let (told, taken) = full.note(number)?;
            items.extend(told);
            photos.extend(taken);
            last = last.max(full.confirmed_at(number)?);
        }
        tell(phone, items, now, last)?;
        if (first + AT_ONCE).is_multiple_of(1_000) {
            println!("{} notes are there", first + AT_ONCE);
        }
    }
    // One more answer, now: from here on the phone was in touch with its hub a moment ago.
    tell(phone, Vec::new(), Timestamp::now(), Timestamp::now())?;
    Ok(photos)
}

/// An answer with these items, heard at `heard` by the phone's clock.
fn tell(phone: &Phone, feed: Vec<FeedItem>, now: Timestamp, heard: Timestamp) -> Done {
    let request = phone.load_request()?;
    let count = feed.len() as u64;
    let next = Cursor { n: feed.last().map_or(request.cursor.n, |item| item.n), chain: ContentHash([7; 32]) };
    let answer = SyncResponse {
        v: WIRE_VERSION,
        epoch: request.epoch,
        time: now.as_millisecond(),
        received_up_to: 0,
        durable_up_to: 0,
        receipt: Receipt { items: Vec::new(), signature: Vec::new() },
        held: Vec::new(),
        rejected: Vec::new(),
        feed,
        pages: None,
        from: None,
        next_cursor: next,
        more: false,
        policy: Some(Policy { durability: Durability::Fsynced, lease_until: Some((now + LEASE).as_millisecond()) }),
        renew: false,
        differs: Vec::new(),
    };
    let stored = phone.store_answer(&request, &answer, heard)?;
    let aside = stored.set_aside + phone.take_in_arrivals()?;
    if (stored.received, aside) != (count, 0) {
        return Err(format!("of {count} items {} were taken, {aside} set aside", stored.received).into());
    }
    Ok(())
}

/// As if each had been opened once: a colleague's photo, fetched and kept.
fn keep_photos(path: &Path, store: &FileKeyStore, photos: &[Taken]) -> Done {
    let mut vault = Vault::open(path, store, &Pin::new(PIN)?, RunningTime::now())?;
    for some in photos.chunks(AT_ONCE) {
        vault.write(|tx| some.iter().try_for_each(|(photo, bytes)| tx.put_photo(photo, false, bytes)))?;
    }
    Ok(())
}
