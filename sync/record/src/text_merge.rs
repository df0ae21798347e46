//! Three-way merge of free text: what was shown, what was typed, what is there now.
//!
//! The result is a list of splices onto "now". Only characters that the nurse saw and removed are removed;
//! a colleague's words that arrived meanwhile stay, whatever the buffer says.

use similar::{Algorithm, DiffOp};

/// One cut-and-paste on a text, counted in Unicode scalar values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    pub at: usize,
    pub delete: usize,
    pub insert: String,
}

/// What must be done to `now` so that it holds the edit `shown` → `typed`. Ordered from the end of the text to its
/// beginning, so that each splice can be applied as it stands.
///
/// An edit that `now` already holds at that place (two people made one fix) yields nothing.
pub fn splices_onto(shown: &str, typed: &str, now: &str) -> Vec<Splice> {
    let shown: Vec<char> = shown.chars().collect();
    let typed: Vec<char> = typed.chars().collect();
    let now: Vec<char> = now.chars().collect();
    let kept = positions_kept(&shown, &now);

    let mut splices = Vec::new();
    for op in similar::capture_diff_slices(Algorithm::Myers, &shown, &typed) {
        let (old, new) = match op {
            DiffOp::Equal { .. } => continue,
            DiffOp::Delete { old_index, old_len, new_index } => (old_index..old_index + old_len, new_index..new_index),
            DiffOp::Insert { old_index, new_index, new_len } => (old_index..old_index, new_index..new_index + new_len),
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                (old_index..old_index + old_len, new_index..new_index + new_len)
            }
        };
        let insert: String = typed[new].iter().collect();
        // The stretch of `now` that lies between the nearest surviving neighbours of the edited range.
        let before = kept[..old.start].iter().rev().find_map(|p| *p).map_or(0, |p| p + 1);
        let after = kept[old.end..].iter().find_map(|p| *p).unwrap_or(now.len());
        let all_gone_already = kept[old.clone()].iter().all(Option::is_none);
        let between: String = now[before..after.max(before)].iter().collect();
        if all_gone_already && !insert.is_empty() && between == insert {
            continue;
        }
        // Delete what still stands, one run at a time; put the new words where the first of them stood.
        let standing: Vec<usize> = kept[old].iter().filter_map(|p| *p).collect();
        let anchor = standing.first().copied().unwrap_or(before);
        let mut edits: Vec<Splice> = Vec::new();
        for at in standing {
            match edits.last_mut() {
                Some(run) if run.at + run.delete == at => run.delete += 1,
                _ => edits.push(Splice { at, delete: 1, insert: String::new() }),
            }
        }
        match edits.first_mut() {
            Some(first) => first.insert = insert,
            None if insert.is_empty() => {}
            None => edits.push(Splice { at: anchor, delete: 0, insert }),
        }
        splices.extend(edits);
    }
    splices.sort_by_key(|splice| splice.at);
    splices.reverse();
    splices
}

/// For each character shown: where it stands now, if it still does.
fn positions_kept(shown: &[char], now: &[char]) -> Vec<Option<usize>> {
    let mut kept = vec![None; shown.len()];
    for op in similar::capture_diff_slices(Algorithm::Myers, shown, now) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            for i in 0..len {
                kept[old_index + i] = Some(new_index + i);
            }
        }
    }
    kept
}

/// Applies splices to a plain text (the CRDT applies the same ones to its own).
pub fn apply(now: &str, splices: &[Splice]) -> String {
    let mut text: Vec<char> = now.chars().collect();
    for splice in splices {
        let end = (splice.at + splice.delete).min(text.len());
        text.splice(splice.at.min(end)..end, splice.insert.chars());
    }
    text.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merged(shown: &str, typed: &str, now: &str) -> String {
        apply(now, &splices_onto(shown, typed, now))
    }

    #[test]
    fn a_stale_buffer_never_deletes_a_colleagues_words() {
        assert_eq!(
            merged("下肢浮腫。", "下肢浮腫++。", "下肢浮腫。長女さん来週から不在。"),
            "下肢浮腫++。長女さん来週から不在。"
        );
        assert_eq!(merged("", "食欲あり。", "皮膚異常なし。"), "食欲あり。皮膚異常なし。");
    }

    #[test]
    fn one_fix_made_by_two_people_is_not_doubled() {
        assert_eq!(merged("下肢浮種あり", "下肢浮腫あり", "下肢浮腫あり"), "下肢浮腫あり");
    }

    #[test]
    fn words_that_the_nurse_removed_go_and_nothing_else() {
        assert_eq!(merged("a b c", "a c", "a b X c"), "a X c");
    }

    proptest! {
        #[test]
        fn with_nobody_else_the_result_is_what_was_typed(shown in "[あ-お a-c]{0,30}", typed in "[あ-お a-c]{0,30}") {
            prop_assert_eq!(merged(&shown, &typed, &shown), typed);
        }

        #[test]
        fn an_untouched_field_takes_the_colleagues_text(shown in "[あ-お]{0,20}", now in "[あ-お]{0,20}") {
            prop_assert_eq!(merged(&shown, &shown, &now), now);
        }

        #[test]
        fn every_character_a_colleague_added_survives(shown in "[あ-う]{0,12}", typed in "[あ-う]{0,12}", added in "[X-Z]{1,4}", at in 0usize..13) {
            let mut now: Vec<char> = shown.chars().collect();
            let at = at.min(now.len());
            now.splice(at..at, added.chars());
            let now: String = now.into_iter().collect();
            let result = merged(&shown, &typed, &now);
            let left: String = result.chars().filter(char::is_ascii).collect();
            prop_assert_eq!(left, added);
        }
    }
}
