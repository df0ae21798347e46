//! What items are called within a facility, so that one without a code finds the one that has it.

use crate::disclosed::Code;
use crate::ids::FacilityId;
use crate::writing::search_kana;
use std::collections::{BTreeMap, BTreeSet};

/// What an item is called within its facility: by its code, or without one by its words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Code(String),
    Words(String),
}

/// The codes under which each facility's words are known, so that an item without a code finds the one that has it.
pub(super) struct Names<'r>(BTreeMap<(&'r FacilityId, String), BTreeSet<&'r str>>);

impl<'r> Names<'r> {
    pub fn of(items: impl Iterator<Item = (&'r FacilityId, Option<&'r Code>, &'r str)>) -> Self {
        let mut codes: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for (facility, code, text) in items {
            if let Some(code) = code {
                codes.entry((facility, folded(text))).or_default().insert(code.value.trim());
            }
        }
        Self(codes)
    }

    pub fn name(&self, facility: &FacilityId, code: Option<&Code>, text: &str) -> Name {
        let words = folded(text);
        match code {
            Some(code) => Name::Code(code.value.trim().to_string()),
            // Words that stand for two codes say nothing.
            None => {
                match self.0.get(&(facility, words.clone())).map(|codes| codes.iter().collect::<Vec<_>>()).as_deref() {
                    Some([only]) => Name::Code(only.to_string()),
                    _ => Name::Words(words),
                }
            }
        }
    }
}

/// Words for comparing: full-width and half-width letters, capitals, kana and blanks are alike.
pub(super) fn folded(text: &str) -> String {
    let narrow = text.chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    });
    search_kana(&narrow.collect::<String>()).to_lowercase()
}
