//! Equal words that two people wrote at one place without knowing of each other: 浮種 → 浮腫 twice reads 浮腫腫.
//!
//! The second copy is hidden wherever the text is read, and removed by whoever edits the text next. Both follow from the
//! document alone, so that every device hides and removes the very same characters.

use super::changes::IncomingChange;
use crate::ids::DeviceId;
use automerge::{AutoCommit, Automerge, ChangeHash, ObjId, ReadDoc};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Ranges of `stored` (in characters) that repeat what stands right before them, written by another device at the same time.
pub(super) fn second_copies(doc: &mut AutoCommit, text: &ObjId, stored: &str) -> Vec<Range<usize>> {
    let chars: Vec<char> = stored.chars().collect();
    if !repeats_itself(&chars) {
        return Vec::new();
    }
    let doc = doc.document();
    let mut graph = Graph { doc, devices: HashMap::new(), unknown_to: HashMap::new() };
    let mut writers = Vec::with_capacity(chars.len());
    for at in 0..chars.len() {
        let written = doc.get(text, at).ok().flatten().and_then(|(_, id)| doc.hash_for_opid(&id));
        let Some(hash) = written else { return Vec::new() };
        writers.push((hash, graph.device(hash)));
    }
    let mut copies = Vec::new();
    for middle in 1..chars.len() {
        let ((left, left_device), (right, right_device)) = (writers[middle - 1], writers[middle]);
        if left_device == right_device || !graph.are_concurrent(left, right) {
            continue;
        }
        // The whole stretch that each of the two wrote here without knowing of the other.
        let mut start = middle - 1;
        while start > 0 && writers[start - 1].1 == left_device && graph.are_concurrent(writers[start - 1].0, right) {
            start -= 1;
        }
        let mut end = middle + 1;
        while end < chars.len() && writers[end].1 == right_device && graph.are_concurrent(left, writers[end].0) {
            end += 1;
        }
        if chars[start..middle] == chars[middle..end] {
            copies.push(middle..end);
        }
    }
    copies
}

/// A cheap look first: most texts hold no stretch twice in a row, and then nobody wrote one twice.
fn repeats_itself(chars: &[char]) -> bool {
    (1..=chars.len() / 2).any(|length| {
        let mut equal = 0;
        (length..chars.len()).any(|at| {
            equal = if chars[at] == chars[at - length] { equal + 1 } else { 0 };
            equal == length
        })
    })
}

/// Who made a change, and which changes knew of which.
struct Graph<'a> {
    doc: &'a Automerge,
    devices: HashMap<ChangeHash, Option<DeviceId>>,
    /// For a change: those that are not among its ancestors.
    unknown_to: HashMap<ChangeHash, HashSet<ChangeHash>>,
}

impl Graph<'_> {
    fn device(&mut self, hash: ChangeHash) -> Option<DeviceId> {
        let doc = self.doc;
        *self.devices.entry(hash).or_insert_with(|| {
            ReadDoc::get_change_by_hash(doc, &hash).and_then(|change| IncomingChange { change }.device())
        })
    }

    fn are_concurrent(&mut self, a: ChangeHash, b: ChangeHash) -> bool {
        a != b && self.is_unknown_to(a, b) && self.is_unknown_to(b, a)
    }

    fn is_unknown_to(&mut self, hash: ChangeHash, to: ChangeHash) -> bool {
        let doc = self.doc;
        let unknown = self
            .unknown_to
            .entry(to)
            .or_insert_with(|| doc.get_changes(&[to]).into_iter().map(|change| change.hash()).collect());
        unknown.contains(&hash)
    }
}
