//! Search over 5,760 sealed notes against the same texts in the clear: read from end to end in memory, and in SQLite's FTS5.
//!
//! Each measurement prints one numbered line with its goal, and under it what the figure is made of.

use device::{FileKeyStore, Phone, Pin, PinCost, RunningTime, Vault};
use jiff::Timestamp;
use memchr::memmem;
use protocol::{Epoch, Kind, Series};
use record::visit_note::{About, Actor, Draft, Field, FieldValue};
use record::{DataClass, DeviceId, DisclosedRecord, DocumentId, Form, Patient, PatientId, Sex, canonical};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tsutsuji_bench::Done;
use tsutsuji_bench::dice::Dice;
use tsutsuji_bench::nurse::MORNING;
use tsutsuji_bench::statistics::{Times, milliseconds, print_goal, timed};
use tsutsuji_bench::words::DAY;
use vault::{Identity, Item, NoteRow, SyncState};

const PATIENTS: usize = 40;
const NOTES: usize = 144;
const SUMMARIES: usize = 3;
const TEXTS: [&str; 4] = ["condition", "care_given", "plan", "family"];
/// A word that stands in a few notes only.
const RARE: &str = "疥癬";
const QUERIES: [&str; 7] = ["浮腫", RARE, "痰", "ふじゅ", "浮腫 内服", "口腔ケア", "該当なし語"];
/// What a screen shows at once.
const SHOWN: usize = 50;
const ROUNDS: usize = 15;

struct Station {
    vault: PathBuf,
    store: FileKeyStore,
    pin: Pin,
    texts: Vec<String>,
    has_records: bool,
}

fn main() -> Done {
    println!("search, {PATIENTS} patients × {NOTES} notes; median (and quartiles) of {ROUNDS} runs\n");
    let folder = tempfile::tempdir()?;
    let station = station(folder.path(), false)?;
    let now = Timestamp::now();
    let bytes: usize = station.texts.iter().map(String::len).sum();
    println!("   {} notes, {:.2} MB of text", station.texts.len(), bytes as f64 / 1e6);
    let phone = unlock(&station)?;
    let size = |phone: &Phone| phone.wear().bytes as f64 / 1e6;
    let before = size(&phone);
    let (batches, took) = timed(|| {
        let mut batches = 1;
        while phone.refresh_search(now)? {
            batches += 1;
        }
        Ok(batches)
    })?;
    println!(
        "   first reading of all: {:.0} ms in {batches} transactions; the file (without its WAL) had {before:.1} MB\n",
        milliseconds(took)
    );
    drop(phone);
    searches(&station, now)?;
    changed(&station, now)?;
    peers(&station)?;
    let with_records = self::station(tempfile::tempdir()?.keep().as_path(), true)?;
    println!("\nwith {} hospital summaries of 60 KB besides (no goal)", PATIENTS * SUMMARIES);
    let phone = unlock(&with_records)?;
    while phone.refresh_search(now)? {}
    drop(phone);
    searches(&with_records, now)?;
    std::fs::remove_dir_all(with_records.vault.parent().ok_or("no folder")?)?;
    Ok(())
}

fn unlock(station: &Station) -> Done<Phone> {
    Ok(Phone::unlock(&station.vault, &station.store, &station.pin, Timestamp::now())?)
}

fn searches(station: &Station, now: Timestamp) -> Done {
    let (mut worst_cold, mut worst_warm) = (Duration::ZERO, Duration::ZERO);
    println!("   {:<12} {:>6}  {:<34} {:<34} warm, every hit with its snippet", "query", "hits", "cold", "warm");
    for query in QUERIES {
        let (mut cold, mut warm, mut whole, mut hits) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let phone = unlock(station)?;
            let (found, took) = timed(|| Ok(phone.search(query, None, SHOWN, now)?))?;
            cold.push(took);
            hits = found.total;
            for _ in 0..4 {
                warm.push(timed(|| Ok(phone.search(query, None, SHOWN, now)?))?.1);
                whole.push(timed(|| Ok(phone.search(query, None, usize::MAX, now)?))?.1);
            }
        }
        let (cold, warm, whole) = (Times::of(cold), Times::of(warm), Times::of(whole));
        println!("   {query:<12} {hits:>6}  {cold}  {warm}  {whole}");
        worst_cold = worst_cold.max(cold.median());
        worst_warm = worst_warm.max(warm.median());
    }
    if station.has_records {
        return Ok(());
    }
    print_goal(1, "first search after unlocking, slowest query", milliseconds(worst_cold), " ms", 20.0, "");
    print_goal(2, "the next one, slowest query", milliseconds(worst_warm), " ms", 2.0, "");
    Ok(())
}

/// One note written between two searches.
fn changed(station: &Station, now: Timestamp) -> Done {
    let phone = unlock(station)?;
    let note = phone.note_rows(None)?.first().ok_or("no note")?.note;
    phone.search(RARE, None, SHOWN, now)?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        phone.replace_text(note, "remarks", &format!("{round}回目の追記"), now)?;
        let (found, took) = timed(|| Ok(phone.search(&format!("{round}回目の追記"), None, SHOWN, now)?))?;
        if found.total != 1 {
            return Err("what was just written was not found".into());
        }
        times.push(took);
    }
    println!("   after one note has changed:    {}", Times::of(times));
    Ok(())
}

/// The same texts without any sealing.
fn peers(station: &Station) -> Done {
    println!("\n   in the clear:");
    let all: Vec<u8> = station.texts.iter().flat_map(|text| text.bytes().chain([b'\n'])).collect();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("plain.db");
    let db = Connection::open(&path)?;
    db.execute_batch("CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'trigram'); BEGIN")?;
    for text in &station.texts {
        db.execute("INSERT INTO words (text) VALUES (?1)", [text])?;
    }
    db.execute_batch("COMMIT")?;
    drop(db);
    println!(
        "   {:<12} {:<34} {:<34} warm",
        "query", "texts in memory, end to end", "FTS5 trigram (LIKE if shorter), cold"
    );
    for query in ["浮腫", RARE, "口腔ケア", "該当なし語"] {
        let finder = memmem::Finder::new(query);
        let scan = (0..ROUNDS).map(|_| timed(|| Ok(finder.find_iter(&all).count())).map(|(_, took)| took));
        let scan = Times::of(scan.collect::<Done<_>>()?);
        let sql = match query.chars().count() {
            0..3 => {
                "SELECT count(*), group_concat(substr(text, max(1, instr(text, ?1) - 12), 40)) FROM words WHERE text LIKE '%' || ?1 || '%'"
            }
            _ => {
                "SELECT count(*), group_concat(substr(text, max(1, instr(text, ?1) - 12), 40)) FROM words WHERE words MATCH '\"' || ?1 || '\"'"
            }
        };
        let ask = |db: &Connection| -> Done<i64> { Ok(db.query_row(sql, [query], |r| r.get(0))?) };
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let db = Connection::open(&path)?;
            cold.push(timed(|| ask(&db))?.1);
            warm.push(timed(|| ask(&db))?.1);
        }
        println!("   {query:<12} {scan}  {}  {}", Times::of(cold), Times::of(warm));
    }
    Ok(())
}

/// A vault of a whole station, as syncs would have filled it.
fn station(folder: &Path, with_records: bool) -> Done<Station> {
    let path = folder.join("bench.vault");
    let store = FileKeyStore::beside(&path);
    let pin = Pin::new("2468")?;
    let mut vault = Vault::create(&path, &store, &pin, PinCost::FLOOR, RunningTime::now())?;
    let mut dice = Dice::new(6);
    let device = DeviceId(dice.bytes());
    vault.write::<_, vault::VaultError>(|tx| {
        tx.put_identity(&identity(device, &mut dice))?;
        let state = SyncState::new(Series(DocumentId(dice.bytes())), Epoch(DocumentId(dice.bytes())));
        tx.put_sync_state(&SyncState { lease_until: Some(i64::MAX), ..state })
    })?;
    let sentences: Vec<&str> = DAY.iter().flatten().flat_map(|text| text.split_inclusive('。')).collect();
    let mut texts = Vec::new();
    for number in 0..PATIENTS {
        let patient: PatientId = format!("p-{number:06}").parse()?;
        let mut rows = Vec::new();
        for n in 0..NOTES {
            let (row, document, text) = note(&patient, device, n, &sentences, &mut dice)?;
            texts.push(text);
            rows.push((row, document));
        }
        let items = items(&patient, with_records, &sentences, &mut dice)?;
        vault.write::<_, vault::VaultError>(|tx| {
            for (row, document) in &rows {
                tx.put_note(row, Some(document), false, 0)?;
            }
            items.iter().try_for_each(|item| tx.put_item(item))
        })?;
    }
    Ok(Station { vault: path, store, pin, texts, has_records: with_records })
}

fn note(
    patient: &PatientId,
    device: DeviceId,
    n: usize,
    sentences: &[&str],
    dice: &mut Dice,
) -> Done<(NoteRow, Vec<u8>, String)> {
    let id = DocumentId::from_random(dice.bytes());
    let at = Timestamp::from_second(MORNING - n as i64 * 43_200)?;
    let mut draft = Draft::new(id, Form::VisitNote, Actor { device, session: dice.bytes() });
    draft.written_by(&"nurse-a".parse()?);
    draft.begin(&About { patient: patient.clone(), station: "st-1".parse()?, visit: None }, None, at)?;
    draft.set(Field::named("started_at")?, FieldValue::Time(at), at)?;
    let mut whole = String::new();
    for field in TEXTS {
        let mut text = String::new();
        while text.chars().count() < 85 {
            text.push_str(dice.one_of(sentences));
        }
        if dice.below(1_500) == 0 {
            text.push_str("疥癬の疑い。");
        }
        draft.edit_text(Field::named(field)?, "", &text, at)?;
        whole.push_str(&text);
        whole.push('\n');
    }
    let row = NoteRow {
        author: Some("nurse-a".parse()?),
        started_at: Some(at),
        heads: draft.heads(),
        ..NoteRow::draft(id, Form::VisitNote, patient.clone(), at)
    };
    Ok((row, draft.save(), whole))
}

fn items(patient: &PatientId, with_records: bool, sentences: &[&str], dice: &mut Dice) -> Done<Vec<Item>> {
    let id = DocumentId::derive("patient", patient.as_str().as_bytes());
    let demographics = Patient {
        id: patient.clone(),
        name: "仮青木 澄江".into(),
        kana: "カリアオキ スミエ".into(),
        birth_date: None,
        sex: Sex::Female,
        address: None,
        phone: None,
        local_ids: Vec::new(),
    };
    let item = |kind, doc, source, body| Item { kind, doc, patient: Some(patient.clone()), source, body };
    let mut items = vec![item(Kind::Patient, id, None, canonical::to_bytes(&demographics)?)];
    for n in 0..if with_records { SUMMARIES } else { 0 } {
        let mut body = String::new();
        while body.len() < 60_000 {
            body.push_str(dice.one_of(sentences));
        }
        let record = DisclosedRecord {
            facility: "hp".parse()?,
            class: DataClass::Document,
            source_key: n.to_string(),
            as_of: Timestamp::from_second(MORNING)?,
            date: None,
            text: "退院時サマリー".into(),
            code: None,
            value: None,
            unit: None,
            flag: None,
            detail: None,
            body: Some(body),
            deleted: false,
        };
        let doc = DocumentId::from_random(dice.bytes());
        items.push(item(Kind::Record, doc, Some("hp".parse()?), canonical::to_bytes(&record)?));
    }
    Ok(items)
}

fn identity(device: DeviceId, dice: &mut Dice) -> Identity {
    let parsed = "the constants are ids";
    Identity {
        device,
        staff: "nurse-a".parse().expect(parsed),
        staff_name: "看護師".into(),
        station: "st-1".parse().expect(parsed),
        station_name: "訪問看護ステーション".into(),
        hub_name: "くるめ".into(),
        hub_url: "https://127.0.0.1:1".into(),
        ca: Vec::new(),
        certificate: Vec::new(),
        tls_key: Vec::new(),
        signing_key: dice.bytes::<32>().to_vec(),
        receipt_key: dice.bytes::<32>().to_vec(),
        sealing_key: dice.bytes::<32>().to_vec(),
    }
}
