//! The visit note (crate `record`) against plain Automerge: bytes on the wire and at rest, time to open and to merge.
//!
//! Each measurement prints one numbered line with its goal, and under it what the figure is made of.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Bundle, LoadOptions, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, TextEncoding};
use jiff::Timestamp;
use protocol::codec;
use record::visit_note::{Actor, Draft, Encoding, Field, FieldValue, changes};
use record::{ContentHash, DeviceId, DocumentId, Form};
use std::collections::HashMap;
use tsutsuji_bench::Done;
use tsutsuji_bench::dice::Dice;
use tsutsuji_bench::nurse::{Edit, MORNING, Note, notes_of_a_day};
use tsutsuji_bench::phone::{Phone, TEXTS};
use tsutsuji_bench::statistics::{Measured, interleaved, print_goal, print_times, timed};
use tsutsuji_bench::wire::{entries_of, request, response};
use tsutsuji_bench::words::{difference, endless, typed_in_pauses};

/// As `protocol::codec` compresses a day.
const ZSTD_LEVEL: i32 = 3;

fn main() -> Done {
    println!("visit note (crate record) against plain Automerge 0.12; median (and quartiles) of interleaved runs\n");
    size_on_the_wire()?;
    stored_size()?;
    open_and_render()?;
    merge()
}

/// The floor: the same keys, values, texts, actor and times, straight onto the root of a plain document.
fn write_plain(note: &Note) -> Done<AutoCommit> {
    let mut doc = plain_document(note.actor);
    let (start, minutes) = note.planned;
    doc.put(ROOT, "patient", note.about.patient.as_str())?;
    doc.put(ROOT, "station", note.about.station.as_str())?;
    if let Some(visit) = note.about.visit {
        doc.put(ROOT, "visit", visit.to_string())?;
    }
    doc.put(ROOT, "planned_start", ScalarValue::Timestamp(start.as_millisecond()))?;
    doc.put(ROOT, "planned_minutes", f64::from(minutes))?;
    doc.put(ROOT, note.actor.device.to_string(), note.staff)?;
    commit(&mut doc, start);
    let mut texts: HashMap<&str, ObjId> = HashMap::new();
    for (at, edit) in &note.edits {
        match edit {
            Edit::Value(field, value) => doc.put(ROOT, *field, plain_value(value))?,
            Edit::Text { field, shown, typed } => {
                if !texts.contains_key(field) {
                    texts.insert(field, doc.put_object(ROOT, *field, ObjType::Text)?);
                }
                let (at, delete, insert) = difference(shown, typed);
                doc.splice_text(&texts[field], at, delete as isize, &insert)?;
            }
        }
        commit(&mut doc, *at);
    }
    Ok(doc)
}

fn plain_document(actor: Actor) -> AutoCommit {
    let bytes = [actor.device.0, actor.session].concat();
    AutoCommit::new_with_encoding(TextEncoding::UnicodeCodePoint).with_actor(ActorId::from(bytes))
}

fn plain_value(value: &FieldValue) -> ScalarValue {
    match value {
        FieldValue::Number(n) => ScalarValue::F64(*n),
        FieldValue::Flag(flag) => ScalarValue::Boolean(*flag),
        FieldValue::Time(at) => ScalarValue::Timestamp(at.as_millisecond()),
        FieldValue::Date(date) => ScalarValue::Str(date.to_string().into()),
        FieldValue::Word(word) | FieldValue::Unmeasured(word) => ScalarValue::Str(word.as_str().into()),
    }
}

fn commit(doc: &mut AutoCommit, at: Timestamp) {
    doc.commit_with(CommitOptions::default().with_time(at.as_second()));
}

// ---- 1. Size on the wire ------------------------------------------------------------------------------------------

fn size_on_the_wire() -> Done {
    let mut dice = Dice::new(1);
    let notes = notes_of_a_day(&mut dice)?;
    let edits = notes.iter().map(|note| note.edits.len()).sum::<usize>() / notes.len();
    let (mut plain, mut roots) = (Vec::new(), Vec::new());
    for note in &notes {
        plain.extend(write_plain(note)?.save_nocompress());
        roots.extend(Draft::new(note.id, Form::VisitNote, note.actor).save());
    }
    let entries = entries_of(&notes, 1_203)?;
    let columns = entries.iter().filter(|entry| entry.enc == u8::from(Encoding::Columns)).count();
    let documents: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes.clone()).collect();
    let request = request(notes[0].actor.device, 1_203, entries, &mut dice);
    let wire = codec::encode(&request)?.len();
    let mut unhashed = request.clone();
    unhashed.entries.iter_mut().for_each(|entry| entry.hash = ContentHash([0; 32]));
    let without_hashes = codec::encode(&unhashed)?.len();
    let mut cbor = Vec::new();
    ciborium::into_writer(&request, &mut cbor)?;
    let (ours, floor, roots) = (zstd_size(&documents)?, zstd_size(&plain)?, zstd_size(&roots)?);
    let earlier = zstd::bulk::compress(&plain, 3)?.len();

    print_goal(
        1,
        "SIZE ON THE WIRE",
        wire as f64 / floor as f64,
        "\u{d7}",
        1.1,
        &format!("{wire} B against {floor} B"),
    );
    println!("   six new notes, {edits} edits each; {columns} of 6 entries as columns; zstd {ZSTD_LEVEL}");
    println!("   against the floor at zstd 3: {:.2}\u{d7} ({earlier} B)", wire as f64 / earlier as f64);
    println!(
        "   without the codec's dictionary: {} B ({:.2}\u{d7}), its documents alone {ours} B; entry hashes {} B",
        zstd_size(&cbor)?,
        zstd_size(&cbor)? as f64 / floor as f64,
        wire as i64 - without_hashes as i64
    );
    println!("   of the documents: six empty notes (root only) alone {roots} B");
    println!(
        "   before zstd: CBOR {} B, documents {} B, plain documents {} B",
        cbor.len(),
        documents.len(),
        plain.len()
    );
    nothing_changed(&mut dice)
}

/// What a synchronisation without news costs, HTTP and TLS not counted.
fn nothing_changed(dice: &mut Dice) -> Done {
    let request = request(DeviceId(dice.bytes()), 1_203, Vec::new(), dice);
    let answer = response(0, Vec::new(), dice);
    let mut unsigned = answer.clone();
    unsigned.receipt.signature.clear();
    let mut unfolded = Vec::new();
    ciborium::into_writer(&request, &mut unfolded)?;
    ciborium::into_writer(&answer, &mut unfolded)?;
    let (up, down) = (codec::encode(&request)?.len(), codec::encode(&answer)?.len());
    let unsigned = codec::encode(&unsigned)?.len();
    println!(
        "   nothing changed: request {up} B, answer {down} B (without the signature of the empty receipt {unsigned} B)"
    );
    println!("   together {} B; before zstd {} B\n", up + down, unfolded.len());
    Ok(())
}

/// The floor: without a dictionary.
fn zstd_size(bytes: &[u8]) -> Done<usize> {
    Ok(zstd::bulk::compress(bytes, ZSTD_LEVEL)?.len())
}

// ---- 2. Stored size -----------------------------------------------------------------------------------------------

fn stored_size() -> Done {
    let mut dice = Dice::new(2);
    let text: String = endless().take(1_200).collect();
    let actor = Actor { device: DeviceId(dice.bytes()), session: dice.bytes() };
    let mut draft = Draft::new(DocumentId::from_random(dice.bytes()), Form::VisitNote, actor);
    let mut plain = plain_document(actor);
    let field = Field::named("condition")?;
    let object = plain.put_object(ROOT, field.name, ObjType::Text)?;
    let mut shown = String::new();
    for (pause, typed) in typed_in_pauses(&text, 40, &mut dice).into_iter().enumerate() {
        let at = Timestamp::from_second(MORNING + pause as i64 * 20)?;
        draft.edit_text(field, &shown, &typed, at)?;
        let (place, delete, insert) = difference(&shown, &typed);
        plain.splice_text(&object, place, delete as isize, &insert)?;
        commit(&mut plain, at);
        shown = typed;
    }
    if draft.view()?.text(field.name) != text {
        return Err("the draft does not hold what was typed".into());
    }
    let (ours, floor) = (draft.save().len(), plain.save().len());
    print_goal(2, "STORED SIZE", ours as f64 / 1024.0, " KB", 16.0, &format!("({ours} B)"));
    println!(
        "   {} characters ({} B) in 40 pauses; a plain Automerge document of the same: {floor} B ({:.2}\u{d7})\n",
        text.chars().count(),
        text.len(),
        ours as f64 / floor as f64
    );
    Ok(())
}

// ---- 3. Open and render -------------------------------------------------------------------------------------------

/// Twelve rounds: in each, three nurses write beside each other, then all hear of it.
fn thousand_changes(note: DocumentId, dice: &mut Dice) -> Done<Vec<u8>> {
    let mut words = endless();
    let mut phones = (1..=3).map(|number| Phone::new(note, number, dice)).collect::<Done<Vec<_>>>()?;
    let (mut made, mut second) = (0, MORNING);
    while made < 1_000 {
        for phone in &mut phones {
            phone.unlock(dice)?;
            for _ in 0..28.min(1_000 - made) {
                second += 20;
                phone.edit(Timestamp::from_second(second)?, &mut words, dice)?;
                made += 1;
            }
        }
        for from in 0..phones.len() {
            let Some(new) = phones[from].entry()? else { continue };
            for to in (0..phones.len()).filter(|to| *to != from) {
                phones[to].takes(&new)?;
            }
        }
    }
    Ok(phones[0].draft.save())
}

fn open_and_render() -> Done {
    let mut dice = Dice::new(3);
    let note = DocumentId::from_random(dice.bytes());
    let stored = thousand_changes(note, &mut dice)?;
    let reader = Actor { device: DeviceId(dice.bytes()), session: dice.bytes() };
    let open = || Draft::load(note, Form::VisitNote, &stored, &[], reader);

    let mut ours = || -> Measured {
        let (_, time) = timed(|| {
            let mut draft = open()?;
            let view = draft.view()?;
            Ok((draft, view))
        })?;
        Ok(time)
    };
    let mut floor = || -> Measured { Ok(timed(|| Ok(AutoCommit::load(&stored)?))?.1) };
    let mut load_alone = || -> Measured { Ok(timed(|| Ok(open()?))?.1) };
    let mut view_alone = || -> Measured {
        let mut draft = open()?;
        Ok(timed(|| Ok(draft.view()?))?.1)
    };
    let mut plain_render = || -> Measured { Ok(timed(|| render_plain(&stored))?.1) };
    let times = interleaved(60, &mut [&mut ours, &mut floor, &mut load_alone, &mut view_alone, &mut plain_render])?;
    let view = open()?.view()?;
    let characters: usize = TEXTS.iter().map(|text| view.text(text).chars().count()).sum();
    let changes = AutoCommit::load(&stored)?.get_changes(&[]).len();

    print_times(3, "OPEN AND RENDER", &times[0], &times[1], 2.0);
    println!(
        "   {changes} changes, {} B stored, {characters} characters; {} fields, {} in conflict, {} equal edits",
        stored.len(),
        view.fields.len(),
        view.conflicts.len(),
        view.equal_edits.len()
    );
    println!("   Draft::load + view    {}", times[0]);
    println!("   AutoCommit::load      {}", times[1]);
    println!("   Draft::load alone     {}", times[2]);
    println!("   view() alone          {}", times[3]);
    println!("   AutoCommit::load + every value and text read plainly  {}\n", times[4]);
    Ok(())
}

/// What a program without rules of merging would do: load, and read all there is.
fn render_plain(stored: &[u8]) -> Done<(AutoCommit, usize)> {
    let options = LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
    let doc = AutoCommit::load_with_options(stored, options)?;
    let mut read = 0;
    for map in ["about", "authors", "fields", "texts"] {
        let Some((_, map)) = doc.get(ROOT, map)? else { continue };
        for key in doc.keys(&map) {
            match doc.get(&map, key.as_str())? {
                Some((automerge::Value::Object(_), text)) => read += doc.text(&text)?.len(),
                Some((value, _)) => read += value.to_string().len(),
                None => {}
            }
        }
    }
    Ok((doc, read))
}

// ---- 4. Merge -----------------------------------------------------------------------------------------------------

const DAYS: usize = 30;
const CHANGES_A_DAY: usize = 20;

fn merge() -> Done {
    let mut dice = Dice::new(4);
    let note = DocumentId::from_random(dice.bytes());
    let mut words = endless();
    let (mut ours, mut theirs) = (Phone::new(note, 1, &mut dice)?, Phone::new(note, 2, &mut dice)?);
    let mut second = MORNING;
    // What both know: one day of ours.
    ours.unlock(&mut dice)?;
    for _ in 0..40 {
        second += 20;
        ours.edit(Timestamp::from_second(second)?, &mut words, &mut dice)?;
    }
    let begun = ours.entry()?.ok_or("the shared beginning")?;
    theirs.takes(&begun)?;
    for day in 1..=DAYS {
        for phone in [&mut ours, &mut theirs] {
            phone.unlock(&mut dice)?;
            for change in 0..CHANGES_A_DAY {
                let second = MORNING + (day * 86_400 + change * 20) as i64;
                phone.edit(Timestamp::from_second(second)?, &mut words, &mut dice)?;
            }
        }
    }
    let stored = ours.draft.save();
    let new = theirs.entry()?.ok_or("thirty days of theirs")?;
    if new.encoding != Encoding::Bundle {
        return Err("a tail of a known note travels as a bundle".into());
    }
    let reader = Actor { device: ours.device, session: dice.bytes() };
    let open = || Draft::load(note, Form::VisitNote, &stored, &[], reader);
    let options = || LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
    let decode = || changes::decode(note, Form::VisitNote, new.encoding, &new.bytes);

    // Opening our own copy is not part of merging: it happens before the clock starts, on both sides.
    let mut whole = || -> Measured {
        let mut draft = open()?;
        let work = timed(|| {
            draft.apply(&decode()?)?;
            Ok(())
        });
        Ok(work?.1)
    };
    let mut floor = || -> Measured {
        let mut doc = AutoCommit::load_with_options(&stored, options())?;
        let work = timed(|| {
            let changes = Bundle::try_from(&new.bytes[..])?.to_changes()?;
            Ok(doc.apply_changes(changes)?)
        });
        Ok(work?.1)
    };
    let mut decode_alone = || -> Measured { Ok(timed(|| Ok(decode()?))?.1) };
    let mut apply_alone = || -> Measured {
        let (mut draft, incoming) = (open()?, decode()?);
        Ok(timed(|| Ok(draft.apply(&incoming)?))?.1)
    };
    let mut view_after = || -> Measured {
        let mut draft = open()?;
        draft.apply(&decode()?)?;
        Ok(timed(|| Ok(draft.view()?))?.1)
    };
    let mut plain_read = || -> Measured { Ok(timed(|| Ok(Bundle::try_from(&new.bytes[..])?.to_changes()?))?.1) };
    let mut incremental = || -> Measured {
        let mut doc = AutoCommit::load_with_options(&stored, options())?;
        Ok(timed(|| Ok(doc.load_incremental(&new.bytes)?))?.1)
    };
    let times = interleaved(
        40,
        &mut [
            &mut whole,
            &mut floor,
            &mut decode_alone,
            &mut apply_alone,
            &mut view_after,
            &mut plain_read,
            &mut incremental,
        ],
    )?;
    let mut merged = open()?;
    merged.apply(&decode()?)?;
    let view = merged.view()?;
    let characters: usize = TEXTS.iter().map(|text| view.text(text).chars().count()).sum();

    print_times(4, "MERGE", &times[0], &times[1], 1.2);
    println!(
        "   {DAYS} days of {CHANGES_A_DAY} changes a side, bundle {} B; {characters} characters, {} in conflict",
        new.bytes.len(),
        view.conflicts.len()
    );
    println!("   changes::decode + Draft::apply               {}", times[0]);
    println!("   Bundle::try_from, to_changes, apply_changes  {}", times[1]);
    println!("   changes::decode alone                        {}", times[2]);
    println!("   Draft::apply alone                           {}", times[3]);
    println!("   view() afterwards                            {}", times[4]);
    println!("   plain: try_from, to_changes alone            {}", times[5]);
    println!("   plain: load_incremental of the same bytes    {}", times[6]);
    Ok(())
}
