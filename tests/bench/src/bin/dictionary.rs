//! Makes the codec's dictionary out of typical bodies, writes it to `sync/protocol/src/dictionary.v1.bin`, and prints what
//! it saves and what the levels of zstd cost.
//!
//! The same bytes in every run. The dictionary of a released version is frozen (`protocol::codec` checks its hash): run
//! this to see how it came to be, or for the dictionary of the next wire version.

use protocol::codec;
use record::{ContentHash, DeviceId};
use serde::Serialize;
use std::path::Path;
use tsutsuji_bench::Done;
use tsutsuji_bench::dice::Dice;
use tsutsuji_bench::nurse::notes_of_a_day;
use tsutsuji_bench::samples::SAMPLES;
use tsutsuji_bench::statistics::{Times, milliseconds, timed};
use tsutsuji_bench::wire::{entries_of, first_sync, request, response};

const LIMIT: usize = 4_096;
/// Shorter stretches are cheaper as literals.
const SHORTEST: usize = 5;
/// Longer stretches that stand in the dictionary are not written again; shorter ones are in the most frequent bodies, so
/// that neighbours stay together and match as one.
const FAMILIAR: [usize; 2] = [12, 6];
/// How many bodies that is.
const FREQUENT: u64 = 4;
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sync/protocol/src/dictionary.v1.bin");

fn main() -> Done {
    let dictionary = make()?;
    println!("dictionary: {} B, SHA-256 {}", dictionary.len(), ContentHash::of(&dictionary));
    if std::fs::read(FILE).is_ok_and(|frozen| frozen == dictionary) {
        println!("equal to the frozen one\n");
    } else {
        // Beside the frozen one, so that nobody exchanges that by measuring.
        let path = if Path::new(FILE).exists() { format!("{FILE}.new") } else { FILE.to_string() };
        std::fs::write(&path, &dictionary)?;
        println!("written to {path}\n");
    }
    measure(&dictionary)
}

/// Of each typical body what two of its kind, made with different dice, have in common, and what does not stand in the
/// dictionary yet. The most frequent bodies stand last: zstd writes the nearest matches shortest.
fn make() -> Done<Vec<u8>> {
    let mut dictionary = Vec::new();
    for (number, sample) in (1..).zip(SAMPLES) {
        let twins = (sample(&mut Dice::new(9_100 + number))?, sample(&mut Dice::new(9_200 + number))?);
        let familiar = FAMILIAR[usize::from(number > FREQUENT)];
        let mut new = uncovered(&shared(&twins.0, &twins.1), &dictionary, familiar);
        new.append(&mut dictionary);
        dictionary = new;
    }
    let surplus = dictionary.len().saturating_sub(LIMIT);
    Ok(dictionary.split_off(surplus))
}

/// The longest stretch at the beginning of `bytes` that stands anywhere in `within`.
fn longest(bytes: &[u8], within: &[u8]) -> usize {
    let common = |at: usize| bytes.iter().zip(&within[at..]).take_while(|(a, b)| a == b).count();
    (0..within.len()).map(common).max().unwrap_or(0)
}

fn shared(one: &[u8], other: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < one.len() {
        let length = longest(&one[at..], other);
        if length >= SHORTEST {
            out.extend_from_slice(&one[at..at + length]);
        }
        at += if length >= SHORTEST { length } else { 1 };
    }
    out
}

fn uncovered(bytes: &[u8], dictionary: &[u8], familiar: usize) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        // What stands in it, or a moment ago, need not be written again.
        let length = longest(&bytes[at..], dictionary).max(longest(&bytes[at..], &out));
        if length >= familiar {
            at += length;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

fn plain<T: Serialize>(value: &T) -> Done<Vec<u8>> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)?;
    Ok(bytes)
}

fn measure(dictionary: &[u8]) -> Done {
    let mut dice = Dice::new(1);
    let device = DeviceId(dice.bytes());
    let day = request(device, 1_203, entries_of(&notes_of_a_day(&mut dice)?, 1_203)?, &mut dice);
    let one = request(device, 1_203, entries_of(&notes_of_a_day(&mut dice)?[..1], 1_203)?, &mut dice);
    let bodies = [
        ("nothing changed, request", plain(&request(device, 1_203, Vec::new(), &mut dice))?),
        ("nothing changed, answer", plain(&response(0, Vec::new(), &mut dice))?),
        ("one note", plain(&one)?),
        ("a day of six notes", plain(&day)?),
        ("feed of 50 KB", plain(&first_sync(40_000, &mut dice)?)?),
        ("feed of 250 KB", plain(&first_sync(250_000, &mut dice)?)?),
        ("feed of 2 MB", plain(&first_sync(2_000_000, &mut dice)?)?),
    ];
    println!("bytes with the dictionary (without); milliseconds, median, prepared each time / once / as a prefix");
    for (name, body) in &bodies {
        println!("{name}: {} B of CBOR", body.len());
        for level in [3, 6, 9, 12, 15, 19] {
            let bare = zstd::bulk::compress(body, level)?.len();
            let prepared = zstd::dict::EncoderDictionary::copy(dictionary, level);
            let mut loaded = || Ok(zstd::bulk::Compressor::with_dictionary(level, dictionary)?.compress(body)?);
            let mut once = || Ok(zstd::bulk::Compressor::with_prepared_dictionary(&prepared)?.compress(body)?);
            let mut prefixed = || -> Done<Vec<u8>> {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.context_mut().ref_prefix(dictionary).map_err(|_| "a prefix of our own")?;
                Ok(compressor.compress(body)?)
            };
            print!("   level {level:>2}: without {bare:>7} B;");
            type Compress<'a> = &'a mut dyn FnMut() -> Done<Vec<u8>>;
            for (how, compress) in
                [("loaded", &mut loaded as Compress<'_>), ("prepared", &mut once), ("prefix", &mut prefixed)]
            {
                let (bytes, time) = (compress()?.len(), median(body.len(), compress)?);
                print!("  {how} {bytes:>7} B {time:>8.3} ms");
            }
            println!();
        }
        println!("   codec: {} B", codec::encode(&ciborium::from_reader::<ciborium::Value, _>(&body[..])?)?.len());
    }
    Ok(())
}

fn median(bytes: usize, work: &mut dyn FnMut() -> Done<Vec<u8>>) -> Done<f64> {
    let runs = if bytes > 100_000 { 5 } else { 41 };
    let times = (0..runs).map(|_| Ok(timed(&mut *work)?.1)).collect::<Done<Vec<_>>>()?;
    Ok(milliseconds(Times::of(times).median()))
}
