//! Equal words that two people wrote at one place without knowing of each other: 浮種 → 浮腫 twice reads 浮腫腫.
//!
//! The second copy is hidden wherever the text is read. It follows from the document alone, so that every device hides the
//! very same characters. It is not removed: its writer may take back the first one without knowing of it.

use crate::ids::DeviceId;
use crate::text_merge::Splice;
use automerge::{AutoCommit, Automerge, ChangeHash, ObjId, ReadDoc};
use std::collections::HashMap;
use std::ops::Range;

/// Ranges of `stored` (in characters) that repeat what stands right before them, written by another device at the same time.
pub(super) fn second_copies(doc: &mut AutoCommit, text: &ObjId, stored: &str) -> Vec<Range<usize>> {
    let chars: Vec<char> = stored.chars().collect();
    let middles = middles_of_repeats(&chars);
    if middles.is_empty() {
        return Vec::new();
    }
    let doc = doc.document();
    let mut writers = Writers { doc, text, known: vec![None; chars.len()] };
    let mut graph = None;
    let mut copies = Vec::new();
    for middle in middles {
        let (Some((left, left_device)), Some((right, right_device))) = (writers.of(middle - 1), writers.of(middle))
        else {
            return Vec::new();
        };
        if left_device == right_device {
            continue;
        }
        let graph = graph.get_or_insert_with(|| Graph::of(doc));
        if !graph.are_concurrent(left, right) {
            continue;
        }
        // The whole stretch that each of the two wrote here without knowing of the other.
        let mut start = middle - 1;
        while start > 0
            && writers
                .of(start - 1)
                .is_some_and(|(hash, device)| device == left_device && graph.are_concurrent(hash, right))
        {
            start -= 1;
        }
        let mut end = middle + 1;
        while end < chars.len()
            && writers.of(end).is_some_and(|(hash, device)| device == right_device && graph.are_concurrent(left, hash))
        {
            end += 1;
        }
        if chars[start..middle] == chars[middle..end] {
            copies.push(middle..end);
        }
    }
    copies
}

/// Splices made on the text as it is shown, brought onto the text as it is stored. What is deleted of a first copy is
/// deleted of its hidden twin too, else the words would come back; words put into the middle of a first copy make it
/// unequal, and the twin goes.
pub(super) fn beneath(hidden: &[Range<usize>], shown_length: usize, splices: &[Splice]) -> Vec<Splice> {
    if hidden.is_empty() {
        return splices.to_vec();
    }
    let stored_length = shown_length + hidden.iter().map(Range::len).sum::<usize>();
    let is_hidden = |at: usize| hidden.iter().any(|range| range.contains(&at));
    let places: Vec<usize> = (0..stored_length).filter(|at| !is_hidden(*at)).collect();
    let mut deleted = vec![false; stored_length];
    // Before which stored character something is inserted; words at the end of what is shown go behind everything.
    let mut inserted: Vec<(usize, &str)> = Vec::new();
    for splice in splices {
        for shown in splice.at..splice.at + splice.delete {
            deleted[places[shown]] = true;
        }
        if !splice.insert.is_empty() {
            inserted.push((places.get(splice.at).copied().unwrap_or(stored_length), &splice.insert));
        }
    }
    for range in hidden {
        let first = range.start - range.len()..range.start;
        let split = inserted.iter().any(|(at, _)| first.start < *at && *at < first.end);
        for (twin, at) in range.clone().zip(first) {
            deleted[twin] |= split || deleted[at];
        }
    }
    let mut out: Vec<Splice> = Vec::new();
    for at in (0..stored_length).filter(|at| deleted[*at]) {
        match out.last_mut() {
            Some(run) if run.at + run.delete == at => run.delete += 1,
            _ => out.push(Splice { at, delete: 1, insert: String::new() }),
        }
    }
    for (at, words) in inserted {
        // An insertion where a deletion begins goes in its place; elsewhere it stands by itself.
        match out.iter_mut().find(|splice| splice.at == at) {
            Some(splice) => splice.insert.push_str(words),
            None => out.push(Splice { at, delete: 0, insert: words.to_string() }),
        }
    }
    out.sort_by_key(|splice| splice.at);
    // A deletion that an insertion falls into the middle of is cut there: from the end, each stands as it is.
    let mut cut: Vec<Splice> = Vec::new();
    for splice in out {
        if let Some(last) = cut.last_mut()
            && splice.delete == 0
            && splice.at < last.at + last.delete
        {
            let behind = last.at + last.delete - splice.at;
            last.delete -= behind;
            cut.push(Splice { delete: behind, ..splice });
        } else {
            cut.push(splice);
        }
    }
    cut.reverse();
    cut
}

/// Whether anything in a text could be a second copy at all.
pub(super) fn may_hide(text: &str) -> bool {
    !middles_of_repeats(&text.chars().collect::<Vec<_>>()).is_empty()
}

/// A cheap look first: the places at which some stretch ends and stands again right behind. Only there can a copy begin.
///
/// The second stretch begins with the first one's first character: only where that stood before is anything compared, the
/// nearest first. A text of 2,000 letters is looked through at every save.
fn middles_of_repeats(chars: &[char]) -> Vec<usize> {
    let mut last: HashMap<char, usize> = HashMap::new();
    let before: Vec<Option<usize>> = chars.iter().enumerate().map(|(at, c)| last.insert(*c, at)).collect();
    let stands_again = |middle: usize| {
        let mut start = before[middle];
        while let Some(at) = start {
            match chars.get(middle..2 * middle - at) {
                Some(second) if second == &chars[at..middle] => return true,
                Some(_) => start = before[at],
                // Earlier ones would be longer still.
                None => return false,
            }
        }
        false
    };
    (0..chars.len()).filter(|middle| stands_again(*middle)).collect()
}

type Writer = (ChangeHash, Option<DeviceId>);

/// Which change, of which device, wrote a character; looked up once each.
struct Writers<'a> {
    doc: &'a Automerge,
    text: &'a ObjId,
    known: Vec<Option<Writer>>,
}

impl Writers<'_> {
    fn of(&mut self, at: usize) -> Option<Writer> {
        if self.known[at].is_none() {
            let (_, id) = self.doc.get(self.text, at).ok().flatten()?;
            // Deterministic changes write no characters: the actor of one is a device and its session.
            let device = match &id {
                ObjId::Id(_, actor, _) => actor.to_bytes().get(..8).and_then(|b| b.try_into().ok()).map(DeviceId),
                ObjId::Root => None,
            };
            self.known[at] = Some((self.doc.hash_for_opid(&id)?, device));
        }
        self.known[at]
    }
}

/// Which changes knew of which: for each change, how far it knew every actor.
struct Graph {
    place: HashMap<ChangeHash, (usize, u64)>,
    clocks: HashMap<ChangeHash, Vec<u64>>,
}

impl Graph {
    fn of(doc: &Automerge) -> Self {
        let changes = doc.get_changes_meta(&[]);
        let mut actors = HashMap::new();
        for change in &changes {
            let next = actors.len();
            actors.entry(change.actor.clone()).or_insert(next);
        }
        let mut place = HashMap::with_capacity(changes.len());
        let mut clocks: HashMap<ChangeHash, Vec<u64>> = HashMap::with_capacity(changes.len());
        // Parents come before their children.
        for change in &changes {
            let actor = actors[&change.actor];
            let mut clock = vec![0; actors.len()];
            for parent in change.deps.iter().filter_map(|dep| clocks.get(dep)) {
                clock.iter_mut().zip(parent).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            }
            clock[actor] = change.seq;
            place.insert(change.hash, (actor, change.seq));
            clocks.insert(change.hash, clock);
        }
        Self { place, clocks }
    }

    fn are_concurrent(&self, a: ChangeHash, b: ChangeHash) -> bool {
        !self.knew(a, b) && !self.knew(b, a)
    }

    fn knew(&self, change: ChangeHash, of: ChangeHash) -> bool {
        match (self.clocks.get(&change), self.place.get(&of)) {
            (Some(clock), Some((actor, seq))) => clock[*actor] >= *seq,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_stretch_that_stands_twice_in_a_row_is_found_and_nothing_else(text in "[あいう。]{0,40}") {
            let chars: Vec<char> = text.chars().collect();
            let repeats = |middle: &usize| {
                let longest = (*middle).min(chars.len() - middle);
                (1..=longest).any(|length| chars[middle - length..*middle] == chars[*middle..middle + length])
            };
            let all: Vec<usize> = (0..chars.len()).filter(repeats).collect();
            prop_assert_eq!(middles_of_repeats(&chars), all);
        }
    }
}
