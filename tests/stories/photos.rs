//! Photos of wounds: taken without signal, carried in pieces, read by colleagues and by nobody else.

use device::http::HubLine;
use device::jiff::Timestamp;
use device::{Background, Failure, RefusalCode, RunningTime};
use ed25519_dalek::SigningKey;
use protocol::PhotoPiece;
use protocol::photo::{PIECE, asked};
use protocol::proof::prove_path;
use record::ContentHash;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use stories::line::Weather;
use stories::{Hub, Outcome, Phone, until};

const WHERE: &[u8] = b"Exif\0\0GPS 33.31N 130.51E";

/// A JPEG as a camera writes it, as far as its segments go; the picture itself shows nothing.
fn camera_file(length: usize) -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| -> Vec<u8> {
        [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
    };
    // No 0xff in it, and nothing that packs (SplitMix64).
    let picture = (0..length as u64).map(|i| {
        let z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        match (z >> 40) as u8 {
            0xff => 0,
            byte => byte,
        }
    });
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xe1, WHERE));
    file.extend(segment(0xdb, &[1; 65]));
    file.extend(segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]));
    file.extend(segment(0xda, &[1, 1, 0, 0, 63, 0]));
    file.extend(picture);
    file.extend([0xff, 0xd9]);
    file
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A picture's file beside the hub's folder.
fn taken(hub: &Hub, length: usize) -> Outcome<String> {
    let path = hub.path("wound.jpg");
    std::fs::write(&path, camera_file(length))?;
    Ok(path.display().to_string())
}

fn add(phone: &Phone, note: &str, file: &str) -> Outcome<String> {
    let words = ["photo", "add", note, file, "--body-site", "仙骨部", "--caption", "処置前", "--consent"];
    Ok(phone.ok(&words)?["photo"].as_str().ok_or("no photo")?.to_string())
}

fn photos_of(synced: &Value) -> (Option<u64>, Option<u64>) {
    (synced["photos_sent"].as_u64(), synced["photos_left"].as_u64())
}

#[test]
fn a_photo_taken_without_signal_is_read_by_the_colleague_and_tells_no_place() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let visit = hub.visit(&patient, "nurse-a")?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    hub.kill();
    let note = a.start_note(&patient, Some(&visit))?;
    let photo = add(&a, &note, &taken(&hub, 300_000)?)?;
    a.fill_in(&note)?;
    a.ok(&["note", "confirm", &note])?;
    assert!(a.refused(&["sync"])?.contains("cannot be reached"));

    hub.serve()?;
    assert_eq!(photos_of(&a.ok(&["sync"])?), (Some(1), Some(0)));
    assert_eq!(photos_of(&a.ok(&["sync"])?), (Some(0), Some(0)), "once is enough");
    assert!(a.ok(&["photo", "list", &note])?[0]["received_at"].is_string());
    b.ok(&["sync"])?;
    let listed = b.ok(&["photo", "list", &note])?;
    assert_eq!((&listed[0]["photo"], &listed[0]["here"]), (&json!(photo), &json!(false)));
    assert_eq!((&listed[0]["body_site"], &listed[0]["consent"]), (&json!("仙骨部"), &json!(true)));
    let named = format!("photo.{}.hash", listed[0]["number"]);
    assert_eq!(b.ok(&["note", "show", &note])?["fields"][&named], json!(photo), "the confirmation names it");

    let (first, second) = (hub.path("first.jpg").display().to_string(), hub.path("second.jpg").display().to_string());
    b.ok(&["photo", "show", &note, &photo, "--out", &first])?;
    let seen = std::fs::read(&first)?;
    assert_eq!(ContentHash::of(&seen).to_string(), photo);
    assert!(contains(&camera_file(300_000), WHERE) && !contains(&seen, WHERE));
    assert!(contains(&seen, &camera_file(300_000)[1_000..200_000]), "the picture is as it was");
    // It is kept: the second look needs no signal.
    hub.kill();
    b.ok(&["photo", "show", &note, &photo, "--out", &second])?;
    assert!(std::fs::read(&second)? == seen);
    assert!(b.refused(&["photo", "show", &note, &photo, "--out", &second])?.contains("not replaced"));
    Ok(())
}

#[test]
fn without_consent_or_a_body_site_or_a_picture_nothing_is_taken() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let file = taken(&hub, 1_000)?;
    assert!(a.refused(&["photo", "add", &note, &file, "--body-site", "踵"])?.contains("--consent"));
    assert!(a.refused(&["photo", "add", &note, &file, "--body-site", " ", "--consent"])?.contains("--body-site"));
    std::fs::write(&file, "no picture")?;
    assert!(a.refused(&["photo", "add", &note, &file, "--body-site", "踵", "--consent"])?.contains("JPEG"));
    std::fs::write(&file, &camera_file(1_000)[..500])?;
    assert!(a.refused(&["photo", "add", &note, &file, "--body-site", "踵", "--consent"])?.contains("cut off"));
    assert_eq!(a.ok(&["photo", "list", &note])?, json!([]));
    let unknown = "ab".repeat(32);
    let out = hub.path("out.jpg").display().to_string();
    assert!(a.refused(&["photo", "show", &note, &unknown, "--out", &out])?.contains("photo list"));
    assert!(!Path::new(&out).exists());
    Ok(())
}

#[test]
fn a_line_that_breaks_costs_one_piece_and_the_notes_are_there_before_it() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    a.write_text(&note, "condition", "発赤あり。")?;
    let length = 3 * PIECE;
    let photo = add(&a, &note, &taken(&hub, length)?)?;
    // The note, the first piece and half of the second.
    line.becomes(Weather::CutUp(PIECE as u64 * 3 / 2));
    assert!(a.refused(&["sync"])?.contains("cannot be reached"));
    line.becomes(Weather::Clear);
    line.cut();
    b.ok(&["sync"])?;
    assert_eq!(b.ok(&["note", "show", &note])?["fields"]["condition"], json!("発赤あり。"));
    let out = hub.path("out.jpg").display().to_string();
    assert!(b.refused(&["photo", "show", &note, &photo, "--out", &out])?.contains("does not have this photo yet"));
    let synced = a.ok(&["sync"])?;
    assert_eq!(photos_of(&synced), (Some(1), Some(0)));
    let up = synced["bytes_up"].as_u64().unwrap_or_default();
    assert!(up > 2 * PIECE as u64 && up < 5 * PIECE as u64 / 2, "the first piece went once: {up}");
    b.ok(&["photo", "show", &note, &photo, "--out", &out])?;
    assert_eq!(ContentHash::of(&std::fs::read(&out)?).to_string(), photo);
    Ok(())
}

#[test]
fn no_photo_stands_in_clear_in_the_vault_or_in_the_hubs_folder() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let photo = add(&a, &note, &taken(&hub, 2 * PIECE)?)?;
    a.ok(&["sync"])?;
    let file = camera_file(2 * PIECE);
    let (early, late) = (&file[2_000..2_024], &file[PIECE + 5_000..PIECE + 5_024]);
    let on_phone = a.bytes_at_rest()?;
    assert!(on_phone.len() > file.len() && !contains(&on_phone, early) && !contains(&on_phone, late));
    let mut sealed = 0;
    for entry in std::fs::read_dir(hub.path("hub").join("photos"))? {
        let entry = entry?;
        assert!(!entry.file_name().to_string_lossy().contains(&photo[..16]), "its name says nothing");
        let bytes = std::fs::read(entry.path())?;
        assert!(!contains(&bytes, early) && !contains(&bytes, late));
        sealed += bytes.len();
    }
    assert!(sealed > 2 * PIECE, "it is there");
    for name in ["hub.db", "hub.db-wal"] {
        let bytes = std::fs::read(hub.path("hub").join(name)).unwrap_or_default();
        assert!(!contains(&bytes, early) && !contains(&bytes, late));
    }
    let backup = hub.ok(&["backup", &hub.path("backup.db").display().to_string()])?;
    assert_eq!((&backup["photos"], &backup["photos_copied"]), (&json!(1), &json!(1)));
    for entry in std::fs::read_dir(hub.path("photos"))? {
        let bytes = std::fs::read(entry?.path())?;
        assert!(!contains(&bytes, early) && !contains(&bytes, late), "in the backup neither");
    }
    Ok(())
}

fn names(folder: &Path) -> Outcome<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

#[test]
fn after_a_restore_the_backup_brings_its_photos_and_the_phone_brings_the_others_by_itself() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let (at_hub, backup) = (hub.path("hub").join("photos"), hub.path("backup"));
    let kept = add(&a, &note, &taken(&hub, PIECE + 5_000)?)?;
    a.ok(&["sync"])?;
    let first = names(&at_hub)?;
    let lost = add(&a, &note, &taken(&hub, 7_000)?)?;
    a.ok(&["sync"])?;
    std::fs::create_dir(&backup)?;
    let made = hub.ok(&["backup", &backup.display().to_string()])?;
    assert_eq!((&made["photos"], &made["photos_lacking"]), (&json!(2), &json!([])), "{made}");
    let younger = add(&a, &note, &taken(&hub, 9_000)?)?;
    assert_eq!(photos_of(&a.ok(&["sync"])?), (Some(1), Some(0)));

    // The hub's disk is gone, and with it one file of its backup.
    hub.kill();
    std::fs::remove_dir_all(&at_hub)?;
    let beside = backup.join("photos");
    let name = names(&beside)?.difference(&first).next().cloned().ok_or("no second photo")?;
    std::fs::remove_file(beside.join(&name))?;
    let restored = hub.ok(&["restore", made["file"].as_str().ok_or("no file")?])?;
    assert_eq!((&restored["photos"], &restored["photos_copied"]), (&json!(1), &json!(1)));
    assert_eq!(restored["photos_lacking"], json!([{ "photo": name, "notes": [note] }]));
    hub.serve()?;

    // The app is open, and nobody touches it.
    let phone = Arc::new(a.opened(Timestamp::now())?);
    tokio::runtime::Runtime::new()?.block_on(async {
        let _background = Background::start(phone.clone());
        until("the phone brought what the hub lacks", || Ok(names(&at_hub)?.len() == 3 && phone.photos_left()? == 0))
    })?;
    b.ok(&["sync"])?;
    for (n, photo) in [&kept, &lost, &younger].into_iter().enumerate() {
        let out = hub.path(&format!("seen-{n}.jpg")).display().to_string();
        b.ok(&["photo", "show", &note, photo, "--out", &out])?;
        assert_eq!(ContentHash::of(&std::fs::read(&out)?).to_string(), *photo);
    }
    let made = hub.ok(&["backup", &backup.join("second.db").display().to_string()])?;
    assert_eq!((&made["photos"], &made["photos_copied"]), (&json!(3), &json!(2)), "the first one is there already");
    hub.ok(&["audit", "verify"]).map(|_| ())
}

#[test]
fn a_photo_that_the_hub_lost_is_asked_for_again_and_until_it_stands_in_a_backup_its_phone_keeps_its_copies() -> Outcome
{
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    hub.ok(&["backup", &hub.path("first.db").display().to_string()])?;
    let note = a.start_note(&patient, None)?;
    add(&a, &note, &taken(&hub, 7_000)?)?;
    a.ok(&["sync"])?;
    // An entry that came after the photo: once it is durable, the photo counts as durable.
    a.write_text(&note, "condition", "発赤あり。")?;
    a.ok(&["sync"])?;
    let at_hub = hub.path("hub").join("photos");
    let name = names(&at_hub)?.into_iter().next().ok_or("no photo")?;
    std::fs::remove_file(at_hub.join(&name))?;
    let file = hub.path("second.db");
    let said = hub.try_run(&["backup", &file.display().to_string()])?.err().ok_or("it was silent")?;
    assert!(said.0.contains("1 photos") && !said.0.contains("restore"), "{}", said.0);
    assert!(file.exists(), "the rest of it is worth having");
    let inside = hub.path("hub").join("third.db").display().to_string();
    assert!(hub.try_run(&["backup", &inside])?.is_err_and(|said| said.0.contains("own folder")));
    let copies = || -> Outcome<i64> {
        let db = rusqlite::Connection::open(&a.vault)?;
        Ok(db.query_row("SELECT count(*) FROM photo_copy", [], |r| r.get(0))?)
    };
    let synced = a.ok(&["sync"])?;
    assert_eq!(synced["durable_up_to"], synced["received_up_to"], "one photo holds up nothing that was written");
    a.ok(&["sync"])?;
    assert_eq!((copies()?, names(&at_hub)?), (1, BTreeSet::from([name])), "it was brought again");
    // It is durable with an entry that came after it this time, and that stands in a backup.
    a.write_text(&note, "plan", "経過をみる。")?;
    a.ok(&["sync"])?;
    assert_eq!(copies()?, 1);
    let made = hub.ok(&["backup", &hub.path("third.db").display().to_string()])?;
    assert_eq!((&made["photos"], &made["photos_awaited"]), (&json!(1), &json!([])), "{made}");
    a.ok(&["sync"])?;
    assert_eq!(copies()?, 0, "now it stands in a backup");
    Ok(())
}

#[test]
fn a_wrong_photo_that_was_taken_away_is_not_sent_and_leaves_the_phone() -> Outcome {
    let (mut hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    hub.kill();
    let note = a.start_note(&patient, None)?;
    let wrong = add(&a, &note, &taken(&hub, 300_000)?)?;
    let right = add(&a, &note, &taken(&hub, 5_000)?)?;
    a.ok(&["photo", "remove", &note, &wrong])?;
    assert!(a.refused(&["photo", "remove", &note, &wrong])?.contains("photo list"), "it is not there any more");

    hub.serve()?;
    assert_eq!(photos_of(&a.ok(&["sync"])?), (Some(1), Some(0)), "the wrong one stays behind");
    b.ok(&["sync"])?;
    let listed = b.ok(&["photo", "list", &note])?;
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["photo"]), (Some(1), &json!(right)));
    let out = hub.path("out.jpg").display().to_string();
    assert!(b.refused(&["photo", "show", &note, &wrong, "--out", &out])?.contains("photo list"));
    assert_eq!(Raw::of(&b)?.offset(&wrong.parse()?), Ok(0), "and no byte of it came to the hub");

    let pieces = || -> Outcome<(i64, i64)> {
        let counts = "SELECT (SELECT count(*) FROM photo_piece), (SELECT count(*) FROM photo)";
        Ok(rusqlite::Connection::open(&a.vault)?.query_row(counts, [], |r| Ok((r.get(0)?, r.get(1)?)))?)
    };
    assert_eq!(pieces()?, (6, 2), "it can still be put back");
    {
        let ran = RunningTime::now();
        let phone = a.opened(Timestamp::now())?;
        assert_eq!(phone.sweep_photos(RunningTime { ms: ran.ms + 11 * 60_000, ..ran })?, 1);
    }
    assert_eq!(pieces()?, (1, 1), "only the right one is left");
    a.fill_in(&note)?;
    a.ok(&["note", "confirm", &note])?;
    assert!(a.refused(&["photo", "remove", &note, &right])?.contains("amendment"));
    assert_eq!(a.ok(&["photo", "list", &note])?[0]["photo"], json!(right));
    Ok(())
}

#[test]
fn a_photo_that_was_taken_away_after_it_was_sent_stays_in_the_history_whatever_a_colleague_wrote_of_it() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let photo = add(&a, &note, &taken(&hub, 5_000)?)?;
    a.ok(&["sync"])?;
    b.ok(&["sync"])?;
    let site = format!("photo.{}.body_site", b.ok(&["photo", "list", &note])?[0]["number"]);
    b.ok(&["note", "set", &note, &site, "踵部"])?;
    a.ok(&["photo", "remove", &note, &photo])?;
    for phone in [&a, &b, &a] {
        phone.ok(&["sync"])?;
    }
    for phone in [&a, &b] {
        assert_eq!(phone.ok(&["photo", "list", &note])?, json!([]));
        let shown = phone.ok(&["note", "show", &note])?;
        assert_eq!(shown["fields"][&site], json!("踵部"), "her word is not lost: {shown}");
    }
    assert!(Raw::of(&b)?.get(&photo.parse()?).is_ok(), "an earlier version of the note names it");
    a.fill_in(&note)?;
    a.ok(&["note", "confirm", &note])?;
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

/// A phone's line to the hub, to ask what no command asks.
struct Raw {
    line: HubLine,
    key: SigningKey,
    runtime: tokio::runtime::Runtime,
}

impl Raw {
    fn of(phone: &Phone) -> Outcome<Self> {
        let phone = phone.opened(Timestamp::now())?;
        let key = <[u8; 32]>::try_from(phone.identity().signing_key.as_slice())?;
        let line = HubLine::for_sync(phone.identity(), 0).map_err(|failure| format!("{failure:?}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { line, key: SigningKey::from_bytes(&key), runtime })
    }

    fn prove(&self, method: &str, hash: &ContentHash, from: Option<u64>) -> Vec<u8> {
        prove_path(asked(method, hash, from).as_bytes(), &self.key)
    }

    fn offset(&self, hash: &ContentHash) -> Result<u64, Failure> {
        let proof = self.prove("HEAD", hash, None);
        self.runtime.block_on(self.line.photo_offset(hash, &proof)).map(|(offset, _)| offset)
    }

    fn send(&self, hash: &ContentHash, piece: &PhotoPiece) -> Result<u64, Failure> {
        let proof = self.prove("PATCH", hash, None);
        self.runtime.block_on(self.line.send_photo(hash, piece, &proof)).map(|(standing, _)| standing.offset)
    }

    fn get(&self, hash: &ContentHash) -> Result<PhotoPiece, Failure> {
        let proof = self.prove("GET", hash, Some(0));
        self.runtime.block_on(self.line.photo(hash, 0, &proof))
    }
}

#[test]
fn bytes_that_are_not_what_their_name_says_are_thrown_away() -> Outcome {
    let (hub, _patient) = Hub::with_consent()?;
    let raw = Raw::of(&hub.phone("nurse-a")?)?;
    let hash = ContentHash::of(b"promised");
    let other = PhotoPiece { size: 8, from: 0, bytes: b"anything".to_vec() };
    assert_eq!(raw.send(&hash, &other).err(), Some(Failure::Refused(RefusalCode::WrongHash)));
    assert_eq!(raw.offset(&hash), Ok(0));
    assert_eq!(std::fs::read_dir(hub.path("hub").join("photos"))?.count(), 0, "nothing is left of it");
    let badly_cut = PhotoPiece { size: 8, from: 3, bytes: b"mised".to_vec() };
    assert_eq!(raw.send(&hash, &badly_cut).err(), Some(Failure::Refused(RefusalCode::Garbled)));
    let right = PhotoPiece { size: 8, from: 0, bytes: b"promised".to_vec() };
    assert_eq!(raw.send(&hash, &right), Ok(8));
    assert_eq!(raw.offset(&hash), Ok(8));
    // No note names it: nobody gets it, not even its station.
    assert_eq!(raw.get(&hash).err(), Some(Failure::Refused(RefusalCode::UnknownPhoto)));
    // Whoever has the line's key but not the open vault is refused.
    let unproved = raw.runtime.block_on(raw.line.send_photo(&hash, &right, b"")).err();
    assert_eq!(unproved, Some(Failure::Refused(RefusalCode::Locked)));
    Ok(())
}

#[test]
fn another_station_neither_reads_a_photo_nor_hears_that_it_is_there() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let (a, b, x) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?, hub.phone("nurse-x")?);
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let photo = add(&a, &note, &taken(&hub, 5_000)?)?;
    a.ok(&["sync"])?;
    let hash: ContentHash = photo.parse()?;
    let (ours, theirs) = (Raw::of(&b)?, Raw::of(&x)?);
    assert!(ours.get(&hash).is_ok_and(|piece| piece.size > 5_000));
    assert!(ours.offset(&hash).is_ok_and(|offset| offset > 5_000));
    assert_eq!(theirs.get(&hash).err(), Some(Failure::Refused(RefusalCode::UnknownPhoto)));
    assert_eq!(theirs.offset(&hash), Ok(0));
    hub.ok(&["audit", "verify"])?;
    Ok(())
}

fn wipe(phone: &Phone) -> Outcome {
    phone.without_pin(&["wipe", "--forgotten-pin"]).map(|_| ())
}

/// A person lets the note in, and nobody is asked about the photo: a colleague opens it.
fn reaches_a_colleague(hub: &Hub, note: &str, photo: &str) -> Outcome {
    let held = hub.ok(&["held", "list"])?;
    assert_eq!(held.as_array().map(Vec::len), Some(1), "{held}");
    assert_eq!((&held[0]["reason"], &held[0]["doc"]), (&json!("capsule"), &json!(note)));
    hub.ok(&["held", "accept", held[0]["held"].as_str().ok_or("no id")?])?;
    assert_eq!(hub.ok(&["held", "list"])?, json!([]));
    let b = hub.phone("nurse-b")?;
    b.ok(&["sync"])?;
    let out = hub.path("seen.jpg").display().to_string();
    b.ok(&["photo", "show", note, photo, "--out", &out])?;
    assert_eq!(ContentHash::of(&std::fs::read(&out)?).to_string(), photo);
    hub.ok(&["audit", "verify"]).map(|_| ())
}

#[test]
fn a_photo_of_a_phone_that_was_wiped_before_any_signal_is_read_by_the_colleague() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let length = 2 * PIECE + 5_000;
    let photo = add(&a, &note, &taken(&hub, length)?)?;
    a.fill_in(&note)?;
    a.ok(&["note", "confirm", &note])?;
    a.ok(&["pin", "limit", "3"])?;
    std::fs::write(&a.pin, "1357")?;
    for _ in 0..3 {
        a.refused(&["status"])?;
    }
    std::fs::write(&a.pin, "2468")?;
    assert!(a.refused(&["status"])?.contains("wiped"));

    let file = camera_file(length);
    let parts = [&file[2_000..2_024], &file[PIECE + 5_000..PIECE + 5_024]];
    let lies_open = |bytes: &[u8]| parts.iter().any(|part| contains(bytes, part));
    let on_phone = a.bytes_at_rest()?;
    assert!(on_phone.len() > length && !lies_open(&on_phone), "it waits, and nobody reads it");
    assert!(a.push()?["sent"].as_u64() > Some(5));
    assert_eq!(a.push()?["sent"], json!(0));
    for name in ["hub.db", "hub.db-wal"] {
        assert!(!lies_open(&std::fs::read(hub.path("hub").join(name)).unwrap_or_default()), "{name}");
    }
    assert_eq!(hub.ok(&["backup", &hub.path("backup.db").display().to_string()])?["photos"], json!(1));
    reaches_a_colleague(&hub, &note, &photo)
}

#[test]
fn a_revoked_phone_brings_its_photo_sealed() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let photo = add(&a, &note, &taken(&hub, PIECE + 5_000)?)?;
    let device = a.ok(&["status"])?["device"].as_str().ok_or("no device")?.to_string();
    hub.ok(&["device", "revoke", "--device", &device])?;
    assert!(a.refused(&["sync"])?.contains("sent sealed"));
    reaches_a_colleague(&hub, &note, &photo)
}

#[test]
fn a_photo_that_the_hub_receipted_is_not_sent_again_after_a_wipe() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    add(&a, &note, &taken(&hub, 2 * PIECE + 5_000)?)?;
    assert_eq!(photos_of(&a.ok(&["sync"])?), (Some(1), Some(0)));
    wipe(&a)?;
    let counts = "SELECT (SELECT count(*) FROM capsule), (SELECT count(*) FROM photo_copy)";
    let (copies, pieces): (i64, i64) =
        rusqlite::Connection::open(&a.vault)?.query_row(counts, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    assert_eq!(pieces, 3, "they stay a while: the hub's disk is one disk");
    assert!(copies > pieces);
    assert_eq!(a.push()?["sent"], json!(copies - pieces));
    assert_eq!(hub.ok(&["held", "list"])?, json!([]));
    Ok(())
}

#[test]
fn pieces_wait_at_the_hub_for_the_rest_and_go_once_and_after_the_note() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    // Six pieces, the last one small.
    let photo = add(&a, &note, &taken(&hub, 5 * PIECE)?)?;
    a.write_text(&note, "condition", "発赤あり。")?;
    wipe(&a)?;
    // The first request, with what was written and three pieces, and a part of the second.
    line.becomes(Weather::CutUp(4 * PIECE as u64));
    assert!(a.refused_without_pin(&["capsule", "push"])?.contains("cannot be reached"));
    line.becomes(Weather::Clear);
    line.cut();
    let held = hub.ok(&["held", "list"])?;
    assert_eq!((&held[0]["reason"], &held[1]["reason"]), (&json!("capsule"), &json!("photo")));
    assert_eq!((&held[1]["pieces"], &held[1]["doc"]), (&json!(3), &json!(note)));
    let id = held[1]["held"].as_str().ok_or("no id")?.to_string();
    assert!(!id.contains(&photo[..16]), "its name says nothing");
    assert_eq!(hub.ok(&["held", "accept", &id])?["state"], json!("waiting"), "nobody's word makes it whole");
    assert_eq!(a.push()?["sent"], json!(3), "what the hub receipted is not sent again");
    assert!(hub.try_run(&["held", "return", &id])?.is_err(), "it is held no more");
    reaches_a_colleague(&hub, &note, &photo)
}
