//! W4: two phones write into one note at one place and under the same names, and hear of it later.

use crate::Done;
use crate::cost::{Cost, spent};
use crate::dice::Dice;
use crate::station::{Nurse, World};
use crate::statistics::{interleaved_costs, print_times};
use crate::workload::{Conflict, Op, Workload};
use crate::written::{Hand, TEXT, Written, actor, edit_bare, edit_draft, evening, load_bare};
use record::Form;
use record::visit_note::{Draft, FieldValue, NoteView, changes};
use tokio::runtime::Runtime;

const ROUNDS: usize = 41;

pub fn measure(world: &World<'_>, runtime: &Runtime, one: &Nurse, other: &Nurse) -> Done {
    let conflict = &world.workload.conflict;
    let doc = world.held(0, &conflict.id)?.doc;
    for phone in [one, other] {
        runtime.block_on(phone.phone.sync())?;
    }
    let before = one.phone.show_note(doc)?.view;
    for (phone, ops) in [one, other].into_iter().zip(&conflict.sides) {
        phone.edit(doc, ops, evening()?)?;
    }
    let mut traffic = device::http::Traffic::default();
    for phone in [one, other, one] {
        traffic += runtime.block_on(phone.phone.sync())?.traffic;
    }
    let views = [one.phone.show_note(doc)?.view, other.phone.show_note(doc)?.view];
    print_word("W4 BOTH TEXTS on both phones", views.iter().all(|view| holds_texts(view, conflict)), "kept");
    print_word(
        "W4 BOTH VALUES shown on both phones",
        views.iter().all(|view| shows_values(view, &before, conflict)),
        "kept",
    );
    print_word("W4 the phones agree", views[0].fields == views[1].fields, "kept");
    println!(
        "   three syncs: {} requests, {} B up, {} B down",
        traffic.round_trips, traffic.bytes_up, traffic.bytes_down
    );
    merging(world.workload)
}

fn print_word(name: &str, is_so: bool, word: &str) {
    println!("4. {name}: {}", if is_so { word } else { "LOST" });
}

fn holds_texts(view: &NoteView, conflict: &Conflict) -> bool {
    conflict.sides.iter().flatten().all(|op| match op {
        Op::Splice { insert, .. } => view.text(TEXT).contains(insert.as_str()),
        Op::Set(..) => true,
    })
}

/// Every value that a side wrote stands beside the other's; one that nobody contradicted stands alone. A value set again to
/// what stood there was no change.
fn shows_values(view: &NoteView, before: &NoteView, conflict: &Conflict) -> bool {
    let stands = |field: &str, value: &FieldValue| {
        let found = view.conflicts.iter().find(|found| found.field == field);
        found.is_some_and(|found| found.values.iter().any(|side| side.value == *value))
            || view.fields.get(field) == Some(value)
            || before.fields.get(field) == Some(value)
    };
    conflict.sides.iter().flatten().all(|op| match op {
        Op::Set(field, value) => stands(field, value),
        Op::Splice { .. } => true,
    })
}

/// The other side's entry into an open draft, against a bare document's merge of the same.
fn merging(workload: &Workload) -> Done {
    let (conflict, mut dice) = (&workload.conflict, Dice::new(44));
    let note = workload.notes.iter().find(|note| note.id == conflict.id).ok_or("a conflict about no note")?;
    let written = Written::invented(note, &mut dice)?;
    let hands = [Hand::invented(&mut dice)?, Hand::invented(&mut dice)?];
    let (stored, plain) = (written.draft()?.save(), written.bare()?.save());
    let draft = |side: usize| -> Done<Draft> {
        let mut draft = Draft::load(written.doc, Form::VisitNote, &stored, &[], hands[side].actor)?;
        draft.written_by(&hands[side].staff);
        edit_draft(&mut draft, &conflict.sides[side], evening()?)?;
        Ok(draft)
    };
    let bare = |side: usize| -> Done<_> {
        let mut doc = load_bare(&plain)?.with_actor(actor(&hands[side]));
        edit_bare(&mut doc, &hands[side], &conflict.sides[side], evening()?)?;
        Ok(doc)
    };
    let entry = draft(1)?.entry_of(hands[1].actor.device, 0)?.ok_or("the other side has written")?;
    let mut ours = || -> Done<Cost> {
        let mut draft = draft(0)?;
        let merge = || -> Done {
            let incoming = changes::decode(written.doc, Form::VisitNote, entry.encoding, &entry.bytes)?;
            Ok(draft.apply(&incoming)?)
        };
        Ok(spent(merge)?.1)
    };
    let mut raw = || -> Done<Cost> {
        let (mut one, mut other) = (bare(0)?, bare(1)?);
        Ok(spent(|| Ok(one.merge(&mut other)?))?.1)
    };
    let costs = interleaved_costs(ROUNDS, 2, &mut [&mut ours, &mut raw])?;
    let [ours, raw] = costs.as_slice() else { return Err("two of them".into()) };
    print_times(4, "W4 MERGE CPU", &ours.cpu, &raw.cpu, 1.2);
    println!("   changes::decode + Draft::apply  {ours}\n   AutoCommit::merge               {raw}\n");
    Ok(())
}
