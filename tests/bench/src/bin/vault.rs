//! The vault against plain SQLite and against SQLCipher: the same rows, padding, tables, settings and transactions.
//!
//! `vault [ROUNDS]`; `vault profile STEP TIMES` repeats one step of the vault's for a profiler. `TMPDIR=/dev/shm` takes the disk out
//! of it. SQLCipher is another build of the same library and so another process (`tests/bench/sqlcipher`), driven
//! step by step; without it the rest is measured.

use argon2::{Algorithm, Argon2, Params, Version};
use protocol::Kind;
use record::Form;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use tsutsuji_bench::Done;
use tsutsuji_bench::cost::{Cost, spent};
use tsutsuji_bench::plain::{self, Plain};
use tsutsuji_bench::sealed::{Sealed, Station, Typed};
use tsutsuji_bench::statistics::{Costs, Times, interleaved_costs, milliseconds, print_goal, print_least, turns};
use vault::{Item, NoteRow, PinCost};

const PATIENTS: usize = 40;
const NOTES: usize = 5_760;
const RECORDS: usize = 60;
/// `device::arrivals::AT_ONCE`
const AT_ONCE: usize = 16;
/// The most that a phone holds (DESIGN, P1-max); photographs are files of their own.
const MOST_PATIENTS: usize = 150;
const MOST_NOTES: usize = 5_000;
/// Argon2id that costs nothing, so that what is left of opening can be seen.
const FREE: PinCost = PinCost { kib: 8, passes: 1 };
/// What sealing adds to a padded body: format, nonce and tag.
const SEAL: i64 = 1 + 24 + 16;

type Product = Plain<Typed<NoteRow>, Typed<Item>>;
type Bytes = Plain<Vec<u8>, Vec<u8>>;

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [step, path, floor] = arguments.as_slice()
        && step == "rss"
    {
        return memory(Path::new(path), floor == "floor");
    }
    if let [step, what, times] = arguments.as_slice()
        && step == "profile"
    {
        return profile(what, times.parse()?);
    }
    let rounds = arguments.first().map_or(Ok(3), |rounds| rounds.parse())?;
    if (u8::from(Kind::Patient), u8::from(Kind::Record)) != (plain::PATIENT, plain::RECORD) {
        return Err("plain.rs has other kinds".into());
    }
    println!(
        "vault, {PATIENTS} patients, {NOTES} notes, {RECORDS} records a patient; {rounds} rounds, medians (quartiles)"
    );
    let folder = tempfile::tempdir()?;
    let station = Station::new(PATIENTS, NOTES, RECORDS)?;
    let stores = Stores::new(folder.path(), &station)?;
    let mut cipher = Cipher::start(&stores.product.path, &folder.path().join("cipher.db"), &stores)?;
    insert(&stores, &mut cipher, rounds, Batch { number: 1, what: "INSERT", most: 1, has_goal: true })?;
    let arrived = Batch { number: 2, what: "INSERT SIXTEEN AT ONCE", most: AT_ONCE, has_goal: true };
    insert(&stores, &mut cipher, rounds, arrived)?;
    let all = Batch { number: 2, what: "ALL IN ONE TRANSACTION, which no phone does", most: NOTES, has_goal: false };
    insert(&stores, &mut cipher, rounds, all)?;
    stores.sizes(&folder.path().join("cipher.db"))?;
    list(&stores, &mut cipher)?;
    read(&stores, &mut cipher)?;
    unlock(&station, folder.path())?;
    most(folder.path())
}

/// The vault and its peers in this process.
struct Stores<'s> {
    sealed: Sealed<'s>,
    copied: Sealed<'s>,
    /// Writes and reads what the vault writes and reads.
    product: Product,
    /// Is given bytes and gives bytes.
    bytes: Bytes,
    /// Without the triggers that mark what a search has to read again.
    unmarked: Bytes,
}

impl<'s> Stores<'s> {
    fn new(folder: &Path, station: &'s Station) -> Done<Self> {
        let sealed = |name: &str, copies| Sealed { path: folder.join(name), cost: FREE, copies, station };
        let made = Sealed { station: &Station::new(1, 1, 1)?, ..sealed("made.vault", false) };
        made.insert_items()?;
        // What the vault's migrations have made: no table or trigger is forgotten.
        let schema = plain::schema_of(&rusqlite::Connection::open(&made.path)?)?;
        let bytes = |name: &str, schema| {
            station.plain(
                folder.join(name),
                schema,
                |row| Ok(record::canonical::to_bytes(row)?),
                |item| Ok(record::canonical::to_bytes(item)?),
            )
        };
        let unmarked = schema.iter().filter(|sql| !sql.starts_with("CREATE TRIGGER")).cloned().collect();
        Ok(Self {
            sealed: sealed("sealed.vault", false),
            copied: sealed("copied.vault", true),
            bytes: bytes("bytes.db", schema.clone())?,
            unmarked: bytes("unmarked.db", unmarked)?,
            product: station.plain(
                folder.join("product.db"),
                schema,
                |row| Ok(Typed(row.clone())),
                |item| Ok(Typed(item.clone())),
            )?,
        })
    }

    /// Whether all hold the same bytes.
    fn sizes(&self, cipher: &Path) -> Done {
        let sum = |path: &Path| -> Done<i64> {
            let sql = "SELECT (SELECT sum(length(row) + length(document)) FROM note) + (SELECT sum(length(sealed)) FROM note_change)
                 + (SELECT sum(length(sealed)) FROM item)";
            Ok(rusqlite::Connection::open(path)?.query_row(sql, [], |r| r.get(0))?)
        };
        let bodies = self.product.notes.len() * 3 + self.product.patients.iter().map(Vec::len).sum::<usize>();
        let (sealed, plain) = (sum(&self.sealed.path)?, sum(&self.product.path)?);
        if sealed - plain != SEAL * bodies as i64 {
            return Err(
                format!("sealed {sealed} B, plain {plain} B, {bodies} bodies: not the same size classes").into()
            );
        }
        let size = |path: &Path| std::fs::metadata(path).map_or(f64::NAN, |file| file.len() as f64 / 1e6);
        println!(
            "   bodies {:.2} MB padded; files: vault {:.1} MB, with copies {:.1} MB, plain {:.1} MB, SQLCipher {:.1} MB\n",
            plain as f64 / 1e6,
            size(&self.sealed.path),
            size(&self.copied.path),
            size(&self.product.path),
            size(cipher)
        );
        Ok(())
    }
}

/// So many notes a transaction.
struct Batch {
    number: u8,
    what: &'static str,
    most: usize,
    has_goal: bool,
}

/// New notes: one a transaction, or sixteen, as what has arrived is taken in.
fn insert(stores: &Stores<'_>, cipher: &mut Cipher, rounds: usize, batch: Batch) -> Done {
    let Batch { number, what, most, has_goal } = batch;
    let mut records: Vec<Vec<Cost>> = vec![Vec::new(); NAMES.len()];
    let mut costs = records.clone();
    for round in 0..rounds {
        for which in turns(round, NAMES.len()) {
            let (items, notes) = match which {
                0 => (stores.sealed.insert_items()?, stores.sealed.insert_notes(most)?),
                1 => (stores.copied.insert_items()?, stores.copied.insert_notes(most)?),
                2 => (stores.product.insert_items()?, stores.product.insert_notes(most)?),
                3 => (stores.bytes.insert_items()?, stores.bytes.insert_notes(most)?),
                4 => (stores.unmarked.insert_items()?, stores.unmarked.insert_notes(most)?),
                _ => (cipher.step("insert_items")?, cipher.step(&format!("insert_notes {most}"))?),
            };
            records[which].push(items);
            costs[which].push(notes);
        }
    }
    let costs: Vec<Costs> = costs.iter().map(|costs| Costs::of(costs)).collect();
    let [sealed, copied, product, bytes, _, cipher] = costs.as_slice() else { return Err("six".into()) };
    if has_goal {
        compare(number, &format!("{what}, wall"), &sealed.wall, &product.wall, 1.5);
        compare(number, &format!("{what}, CPU"), &sealed.cpu, &product.cpu, 1.5);
        less(number, &format!("{what}, CPU less than SQLCipher"), &cipher.cpu, &sealed.cpu, 3.0);
    } else {
        println!(
            "   {what}: {:.2}× plain, {:.2}× less CPU than SQLCipher",
            ratio(&sealed.cpu, &product.cpu),
            ratio(&cipher.cpu, &sealed.cpu)
        );
    }
    println!(
        "   plain itself: {:.2}× less CPU than SQLCipher; the vault against plain bytes {:.2}× CPU",
        ratio(&cipher.cpu, &product.cpu),
        ratio(&sealed.cpu, &bytes.cpu),
    );
    println!(
        "   the vault with the sealed copies: {:.2}× plain on the wall, {:.2}× CPU, {:.2}× less CPU than SQLCipher",
        ratio(&copied.wall, &product.wall),
        ratio(&copied.cpu, &product.cpu),
        ratio(&cipher.cpu, &copied.cpu),
    );
    for (name, costs) in NAMES.iter().zip(&costs) {
        println!("   {name:<34} {costs}");
    }
    if number == 2 && has_goal {
        println!("   {PATIENTS} transactions of {} items:", RECORDS + 1);
        for (name, costs) in NAMES.iter().zip(&records) {
            println!("   {name:<34} {}", Costs::of(costs));
        }
    }
    println!();
    Ok(())
}

const NAMES: [&str; 6] = [
    "vault",
    "vault with sealed copies",
    "plain, CBOR made of rows",
    "plain, bytes",
    "plain, bytes, no marks for search",
    "SQLCipher, bytes",
];

fn list(stores: &Stores<'_>, cipher: &mut Cipher) -> Done {
    let costs = interleaved_costs(
        101,
        2,
        &mut [
            &mut || less_argon(stores.sealed.list()?),
            &mut || stores.product.list(),
            &mut || stores.bytes.list(),
            &mut || cipher.step("list"),
            &mut || less_argon(stores.sealed.unlock()?),
            &mut || stores.sealed.list_opened(),
            &mut || argon(FREE),
        ],
    )?;
    let [sealed, product, bytes, cipher, unlock, opened, argon] = costs.as_slice() else { return Err("seven".into()) };
    compare(3, "OPEN AND LIST, wall", &sealed.wall, &product.wall, 1.3);
    compare(3, "OPEN AND LIST, CPU", &sealed.cpu, &product.cpu, 1.3);
    println!("   vault, without Argon2id              {sealed}");
    println!("   plain, CBOR read into rows           {product}");
    println!("   plain, bytes                         {bytes}");
    println!("   SQLCipher, bytes                     {cipher}");
    println!("   Argon2id, of 8 KiB                   {argon}");
    println!("   vault: opening alone                 {unlock}");
    println!("   vault: the list alone                {opened}\n");
    Ok(())
}

fn read(stores: &Stores<'_>, cipher: &mut Cipher) -> Done {
    let cipher = std::cell::RefCell::new(cipher);
    let step = |name: &str| cipher.borrow_mut().step(name);
    let costs = interleaved_costs(
        11,
        1,
        &mut [
            &mut || stores.sealed.read_notes(),
            &mut || stores.product.read_notes(),
            &mut || stores.bytes.read_notes(),
            &mut || step("read_notes"),
            &mut || stores.product.scan_notes(),
            &mut || stores.bytes.scan_notes(),
            &mut || step("scan_notes"),
            &mut || stores.sealed.read_records(),
            &mut || stores.product.read_records(),
            &mut || stores.bytes.read_records(),
            &mut || step("read_records"),
        ],
    )?;
    compare(4, "READ ALL, wall", &costs[0].wall, &costs[1].wall, 4.0);
    compare(4, "READ ALL, CPU", &costs[0].cpu, &costs[1].cpu, 4.0);
    less(4, "READ ALL, CPU less than SQLCipher", &costs[3].cpu, &costs[0].cpu, 2.5);
    println!(
        "   against plain bytes: {:.2}× CPU; against SQLCipher's scan: {:.2}× less CPU",
        ratio(&costs[0].cpu, &costs[2].cpu),
        ratio(&costs[6].cpu, &costs[0].cpu)
    );
    for (name, costs) in [
        "vault",
        "plain, CBOR read into rows",
        "plain, bytes",
        "SQLCipher, bytes",
        "plain, CBOR, scanned",
        "plain, bytes, scanned",
        "SQLCipher, bytes, scanned",
        "records: vault",
        "records: plain, CBOR read into items",
        "records: plain, bytes",
        "records: SQLCipher, bytes",
    ]
    .iter()
    .zip(&costs)
    {
        println!("   {name:<36} {costs}");
    }
    println!();
    Ok(())
}

fn unlock(station: &Station, folder: &Path) -> Done {
    let sealed = |name: &str, cost| Sealed { path: folder.join(name), cost, copies: false, station };
    let (floor, free) = (sealed("floor.vault", PinCost::FLOOR), sealed("free.vault", FREE));
    floor.fill()?;
    free.fill()?;
    let costs = interleaved_costs(
        15,
        1,
        &mut [&mut || floor.unlock(), &mut || free.unlock(), &mut || argon(PinCost::FLOOR), &mut || argon(FREE)],
    )?;
    let of = |which: usize| milliseconds(costs[which].wall.median());
    print_goal(5, "UNLOCK, all but Argon2id", of(1) - of(3), " ms", 30.0, "");
    println!("   at the floor's cost {}", costs[0]);
    println!("   at nearly no cost   {}", costs[1]);
    println!("   Argon2id alone      {}   difference on the wall {:.1} ms\n", costs[2], of(0) - of(2));
    Ok(())
}

/// What is left of opening without Argon2id, measured in the same moment.
fn less_argon(opening: Cost) -> Done<Cost> {
    let argon = argon(FREE)?;
    Ok(Cost { wall: opening.wall.saturating_sub(argon.wall), cpu: opening.cpu.saturating_sub(argon.cpu) })
}

fn argon(cost: PinCost) -> Done<Cost> {
    let params = Params::new(cost.kib, cost.passes, 1, Some(32)).map_err(|error| error.to_string())?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    Ok(spent(|| argon.hash_password_into(b"2468", &[7; 16], &mut out).map_err(|error| error.to_string().into()))?.1)
}

#[derive(Deserialize)]
struct Memory {
    open_ms: f64,
    list_ms: f64,
    notes_ms: f64,
    bare_kb: i64,
    listed_kb: i64,
    noted_kb: i64,
    peak_kb: i64,
}

fn most(folder: &Path) -> Done {
    let station = Station::new(MOST_PATIENTS, MOST_NOTES, RECORDS)?;
    println!(
        "P1-max, {MOST_PATIENTS} patients, {MOST_NOTES} notes, {RECORDS} records a patient, in a fresh process each:"
    );
    for (name, cost) in [("free", FREE), ("floor", PinCost::FLOOR)] {
        let sealed = Sealed { path: folder.join(format!("most-{name}.vault")), cost, copies: false, station: &station };
        sealed.fill()?;
        let mut seen = Vec::new();
        for _ in 0..7 {
            let out = Command::new(std::env::current_exe()?).arg("rss").arg(&sealed.path).arg(name).output()?;
            seen.push(serde_json::from_slice::<Memory>(&out.stdout)?);
        }
        let median = |of: fn(&Memory) -> f64| {
            let mut all: Vec<f64> = seen.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let megabytes = |kb: f64| kb / 1_024.0;
        if name == "free" {
            println!(
                "6. P1-MAX, from the key to the list: {:.1} ms (opening {:.1}, {MOST_PATIENTS} patients {:.1}); the light rows of all notes {:.1} ms more",
                median(|m| m.open_ms + m.list_ms),
                median(|m| m.open_ms),
                median(|m| m.list_ms),
                median(|m| m.notes_ms)
            );
        } else {
            let over = megabytes(median(|m| (m.listed_kb - m.bare_kb) as f64));
            print_goal(7, "RSS over the bare process, listed", over, " MB", 60.0, "");
            println!(
                "   bare {:.1} MB; with the light rows of all notes {:.1} MB over it; peak, Argon2id's 32 MiB in it, {:.1} MB over it",
                megabytes(median(|m| m.bare_kb as f64)),
                megabytes(median(|m| (m.noted_kb - m.bare_kb) as f64)),
                megabytes(median(|m| (m.peak_kb - m.bare_kb) as f64)),
            );
        }
    }
    Ok(())
}

/// One step of the vault's (`plain_…`: of its peer's), again and again.
fn profile(step: &str, times: usize) -> Done {
    let folder = tempfile::tempdir()?;
    let station = Station::new(PATIENTS, NOTES, RECORDS)?;
    let stores = Stores::new(folder.path(), &station)?;
    stores.sealed.fill()?;
    stores.product.insert_items()?;
    stores.product.insert_notes(usize::MAX)?;
    let mut costs = Vec::new();
    for _ in 0..times {
        costs.push(match step {
            "insert" => stores.sealed.insert_items().and_then(|_| stores.sealed.insert_notes(1))?,
            "insert_at_once" => stores.sealed.insert_items().and_then(|_| stores.sealed.insert_notes(AT_ONCE))?,
            "unlock" => stores.sealed.unlock()?,
            "list" => stores.sealed.list()?,
            "read" => stores.sealed.read_notes()?,
            "plain_insert" => stores.product.insert_items().and_then(|_| stores.product.insert_notes(1))?,
            "plain_insert_at_once" => {
                stores.product.insert_items().and_then(|_| stores.product.insert_notes(AT_ONCE))?
            }
            "plain_list" => stores.product.list()?,
            "plain_read" => stores.product.read_notes()?,
            _ => return Err(format!("no step {step}").into()),
        });
    }
    println!("{step} {}", Costs::of(&costs));
    Ok(())
}

/// In a process that has done nothing else.
fn memory(path: &Path, floor: bool) -> Done {
    let nobody = Station { patients: Vec::new(), notes: Vec::new() };
    let cost = if floor { PinCost::FLOOR } else { FREE };
    let sealed = Sealed { path: path.to_path_buf(), cost, copies: false, station: &nobody };
    let bare = status("VmRSS")?;
    let (mut vault, open) = spent(|| sealed.open())?;
    let (patients, list) = spent(|| Ok(vault.read(|tx| tx.items(Kind::Patient, None))?))?;
    let listed = status("VmRSS")?;
    let (rows, notes) = spent(|| Ok(vault.read(|tx| tx.note_rows(Form::VisitNote, None))?))?;
    let noted = status("VmRSS")?;
    if (patients.len(), rows.len()) != (MOST_PATIENTS, MOST_NOTES) {
        return Err("not everything was listed".into());
    }
    println!(
        r#"{{"open_ms":{},"list_ms":{},"notes_ms":{},"bare_kb":{bare},"listed_kb":{listed},"noted_kb":{noted},"peak_kb":{}}}"#,
        milliseconds(open.wall),
        milliseconds(list.wall),
        milliseconds(notes.wall),
        status("VmHWM")?
    );
    Ok(())
}

fn status(line: &str) -> Done<i64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|l| l.strip_prefix(line)).ok_or("this system does not tell")?;
    Ok(found.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
}

/// How many times the floor's.
fn compare(number: u8, name: &str, ours: &Times, floor: &Times, goal: f64) {
    let against = format!("{:.3} ms against {:.3} ms", milliseconds(ours.median()), milliseconds(floor.median()));
    print_goal(number, name, ratio(ours, floor), "×", goal, &against);
}

/// How many times the peer's is ours.
fn less(number: u8, name: &str, peer: &Times, ours: &Times, goal: f64) {
    if peer.median() == Duration::ZERO {
        return;
    }
    let against = format!("{:.3} ms against {:.3} ms", milliseconds(ours.median()), milliseconds(peer.median()));
    print_least(number, name, ratio(peer, ours), "×", goal, &against);
}

fn ratio(ours: &Times, floor: &Times) -> f64 {
    milliseconds(ours.median()) / milliseconds(floor.median())
}

/// The process that SQLCipher runs in; `None` if it was not built.
struct Cipher(Option<(Child, ChildStdin, BufReader<ChildStdout>)>);

#[derive(Deserialize)]
struct Answer {
    wall_ns: u64,
    cpu_ns: u64,
}

impl Cipher {
    fn start(rows: &Path, path: &Path, stores: &Stores<'_>) -> Done<Self> {
        const NAME: &str = "tsutsuji-bench-sqlcipher";
        let beside = std::env::current_exe()?.with_file_name(NAME);
        let own: PathBuf = [env!("CARGO_MANIFEST_DIR"), "sqlcipher", "target", "release", NAME].iter().collect();
        let given = std::env::var_os("TSUTSUJI_BENCH_SQLCIPHER").map(PathBuf::from);
        let Some(program) = given.into_iter().chain([beside, own]).find(|program| program.is_file()) else {
            println!("SQLCipher is not built (tests/bench/README.md): measured without it");
            return Ok(Self(None));
        };
        // The other process reads its rows out of the plain database.
        stores.product.insert_items()?;
        stores.product.insert_notes(usize::MAX)?;
        let mut child =
            Command::new(program).arg(rows).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(into), Some(out)) = (child.stdin.take(), child.stdout.take()) else { return Err("no pipes".into()) };
        let mut cipher = Self(Some((child, into, BufReader::new(out))));
        println!("SQLCipher {}", cipher.ask("version")?.trim());
        Ok(cipher)
    }

    fn ask(&mut self, step: &str) -> Done<String> {
        let mut line = String::new();
        if let Some((_, into, out)) = &mut self.0 {
            writeln!(into, "{step}")?;
            into.flush()?;
            if out.read_line(&mut line)? == 0 {
                return Err(format!("SQLCipher's process ended at {step}").into());
            }
        }
        Ok(line)
    }

    fn step(&mut self, step: &str) -> Done<Cost> {
        if self.0.is_none() {
            return Ok(Cost::default());
        }
        let answer: Answer = serde_json::from_str(&self.ask(step)?)?;
        Ok(Cost { wall: Duration::from_nanos(answer.wall_ns), cpu: Duration::from_nanos(answer.cpu_ns) })
    }
}

impl Drop for Cipher {
    fn drop(&mut self) {
        if let Some((mut child, into, _)) = self.0.take() {
            // The end of its input is its end.
            drop(into);
            let _ = child.wait();
        }
    }
}
