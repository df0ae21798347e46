//! How long a nurse's writing waits while a large sync is being stored: the vault has one writer, and a page is stored in
//! one transaction.

use crate::Done;
use crate::station::{NURSE, Nurse, SUMMARIES, World, runtime, staff};
use crate::statistics::{Times, milliseconds, print_goal};
use crate::words::endless;
use crate::workload::Workload;
use crate::written::TEXT;
use device::Phone;
use device::http::HubLine;
use jiff::Timestamp;
use record::{DocumentId, PatientId};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a save is asked for: often enough that every moment of the sync is met.
const EVERY: Duration = Duration::from_millis(20);
/// Notes that she writes into by turns, so that none grows large.
const NOTES: usize = 8;
/// Characters of one save.
const TYPED: usize = 6;
/// Bytes of feed in the first answers: little more than who the patients are.
const LITTLE: u32 = 2_000;
/// Domain research §7.4: on disk 1 s after the last key, 250 ms of which the app lets pass before it asks.
const DURABLE_MS: f64 = 750.0;

/// A nurse who writes.
struct Pen<'p> {
    phone: &'p Phone,
    notes: Vec<(DocumentId, String)>,
    words: Box<dyn Iterator<Item = char>>,
    written: usize,
}

/// How long saves waited, each from when it was asked for until it was on disk.
struct Waits(Vec<Duration>);

impl<'p> Pen<'p> {
    fn new(phone: &'p Phone, patient: &PatientId) -> Done<Self> {
        let notes = (0..NOTES).map(|_| Ok((phone.start_note(patient, None, Timestamp::now())?, String::new())));
        Ok(Self { phone, notes: notes.collect::<Done<_>>()?, words: Box::new(endless()), written: 0 })
    }

    fn save(&mut self) -> Done {
        let place = self.written % NOTES;
        let (note, shown) = &mut self.notes[place];
        let typed: String = shown.chars().chain(self.words.by_ref().take(TYPED)).collect();
        self.phone.edit_text(*note, TEXT, shown, &typed, Timestamp::now())?;
        *shown = typed;
        self.written += 1;
        Ok(())
    }

    /// Saves at fixed times until it is over. What is asked for while another save is under way goes with the next one.
    fn save_until(&mut self, over: impl Fn() -> bool) -> Done<Waits> {
        let (begun, mut asked, mut waits) = (Instant::now(), 0u32, Vec::new());
        loop {
            let last = over();
            let now = Instant::now();
            let mut due = Vec::new();
            while begun + EVERY * asked <= now {
                due.push(begun + EVERY * asked);
                asked += 1;
            }
            if !due.is_empty() {
                self.save()?;
                waits.extend(due.iter().map(Instant::elapsed));
            } else if !last {
                sleep((begun + EVERY * asked).saturating_duration_since(Instant::now()));
            }
            if last {
                return Ok(Waits(waits));
            }
        }
    }

    fn save_for(&mut self, time: Duration) -> Done<Waits> {
        let begun = Instant::now();
        self.save_until(|| begun.elapsed() >= time)
    }

    /// Saves while something else is done with the same phone. How long that took, and what it made.
    fn save_during<T: Send>(&mut self, work: impl FnOnce() -> Result<T, String> + Send) -> Done<(Waits, Duration, T)> {
        std::thread::scope(|scope| -> Done<(Waits, Duration, T)> {
            let begun = Instant::now();
            let other = scope.spawn(move || (work(), begun.elapsed()));
            let waits = self.save_until(|| other.is_finished());
            let (made, took) = other.join().map_err(|_| "the other thread did not come to its end")?;
            Ok((waits?, took, made?))
        })
    }
}

impl Waits {
    fn and(&mut self, other: Waits) {
        self.0.extend(other.0);
    }

    /// Median, p99 and the longest, milliseconds.
    fn print(self, name: &str) -> [f64; 3] {
        let count = self.0.len();
        let times = Times::of(self.0);
        let [median, p99, longest] = [0.5, 0.99, 1.0].map(|share| milliseconds(times.quantile(share)));
        println!("   {name:<44} p50 {median:>7.1} ms, p99 {p99:>7.1} ms, longest {longest:>7.1} ms; {count} saves");
        [median, p99, longest]
    }
}

pub fn measure(folder: &Path, workload: &Workload, quick: bool) -> Done {
    let mut notes = workload.notes_of(0);
    if quick {
        notes.truncate(120);
    }
    let (rounds, quiet) = if quick { (1, 2) } else { (3, 5) };
    println!(
        "A nurse's save while {} notes and {SUMMARIES} patients' records arrive; asked for every {} ms",
        notes.len(),
        EVERY.as_millis()
    );
    let world = World::new(folder.join("waiting"), workload, &[notes], true)?;
    let [mut before, mut during, mut reading, mut after] = [(); 4].map(|()| Waits(Vec::new()));
    for round in 0..rounds {
        let nurse = world.nurse(&staff(NURSE, 0), &format!("writer-{round}"))?;
        let patient = hear_of_somebody(&nurse)?;
        let mut pen = Pen::new(&nurse.phone, &patient)?;
        before.and(pen.save_for(Duration::from_secs(quiet))?);
        let phone = &nurse.phone;
        let (waits, took, report) = pen.save_during(|| {
            let synced = runtime().map_err(|error| error.to_string())?.block_on(phone.sync());
            synced.map_err(|error| error.to_string())
        })?;
        during.and(waits);
        // As the app does afterwards.
        let (waits, read, ()) = pen.save_during(|| {
            while phone.refresh_search(Timestamp::now()).map_err(|error| error.to_string())? {}
            Ok(())
        })?;
        reading.and(waits);
        after.and(pen.save_for(Duration::from_secs(quiet))?);
        println!(
            "   round {}: {} received in {} requests, {:.0} ms; then read for the search, {:.0} ms",
            round + 1,
            report.received,
            report.traffic.round_trips,
            milliseconds(took),
            milliseconds(read)
        );
    }
    before.print("quiet, hardly anything held");
    let during = during.print("while the sync is stored");
    reading.print("while what arrived is read for the search");
    let after = after.print("quiet, all of it held");
    let against = format!(
        "with a sync against {:.1} ms without; p50 {:.2}\u{d7}, p99 {:.2}\u{d7}, longest {:.2}\u{d7}",
        after[2],
        during[0] / after[0],
        during[1] / after[1],
        during[2] / after[2]
    );
    print_goal(8, "WAIT of a save, the longest", during[2], " ms", DURABLE_MS, &against);
    println!();
    Ok(())
}

/// Little by little until the phone knows a patient; the rest is still to come.
fn hear_of_somebody(nurse: &Nurse) -> Done<PatientId> {
    let (phone, runtime) = (&nurse.phone, runtime()?);
    let line = HubLine::for_sync(phone.identity(), 0).map_err(|failure| format!("the hub: {failure:?}"))?;
    loop {
        let mut request = phone.load_request()?;
        request.budget = LITTLE;
        let (answer, _) = runtime.block_on(line.sync(&request)).map_err(|failure| format!("the hub: {failure:?}"))?;
        phone.store_answer(&request, &answer, Timestamp::now())?;
        if let Some(row) = phone.patients()?.into_iter().next() {
            return Ok(row.patient.id);
        }
        if !answer.more {
            return Err("the phone never heard of a patient".into());
        }
    }
}
